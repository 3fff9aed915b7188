"""The guide's scenarios A and B (its section 4), with default settings, as a matrix.

A: a campaign of 200 a day with a roi below 0.8 is paused after 24 hours and more. B: one of 100 a
day with 15 conversions and a roi above 3.5 goes to 150-200. Each cell is an account of its own,
carried out by run_autonomous_operations() (rolled back) and then by HTTP on the same rows; the
guide's own statement says what became of it. Times are relative to the real present.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import psycopg
import pytest

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from tests.integration.test_run import TOKEN, post
from tests.sql.guide import statements
from tests.sql.planted import Measures, write

Db = psycopg.Connection[Any]
Json = dict[str, Any]

TOTALS, COMPLETE_HOURS, UP_TO_NOW = "totals", "complete hours", "hours up to now"
SHAPES = {TOTALS: (25, 30, 48, 72), COMPLETE_HOURS: (25, 30, 48, 72), UP_TO_NOW: (25,)}
"""The hours of running of each: campaign_performance alone, or an hourly campaign_metrics, the
present hour not yet in it or begun. That hour weighs most in the youngest, the others skip it."""
ROIS = {"A": (0.3, 0.45, 0.6, 0.79), "B": (3.55, 3.75, 4.2)}
COMPANY = (1, 2, 3)
ORDER = 50  # a loser's orders are worth about this much
HEALTHY = (1.6, 1.9)  # the roi of those beside it, between all thresholds
HEALTHY_HOURS = 240


@dataclass(frozen=True)
class Cell:
    """One account: the campaign that the scenario is about, and ordinary ones beside it."""

    scenario: str
    shape: str
    campaigns: int
    hours: int
    roi: float
    conversions: int

    @property
    def budget(self) -> int:
        return 200 if self.scenario == "A" else 100

    @property
    def action_type(self) -> str:
        return "auto_pause" if self.scenario == "A" else "auto_scale_up"

    @property
    def new_budget(self) -> int:
        """Scaling keeps the size of the rule's action: x2.0 from 4.0x and 20 conversions on."""
        if self.scenario == "A":
            return self.budget
        return 200 if self.roi >= 4 and self.conversions >= 20 else 150

    def __str__(self) -> str:
        return (
            f"{self.scenario}, {self.shape}, one of {self.campaigns}, {self.hours} h,"
            f" roi {self.roi}, {self.conversions} conversions"
        )


def cells(scenario: str, shape: str) -> list[Cell]:
    found = []
    for campaigns, hours, roi in itertools.product(COMPANY, SHAPES[shape], ROIS[scenario]):
        orders = max(1, round(200 * hours / 24 * roi / ORDER))
        for conversions in (orders, orders + 3) if scenario == "A" else (15, 20):
            found.append(Cell(scenario, shape, campaigns, hours, roi, conversions))
    return found


# The account ------------------------------------------------------------------------------------


def lay_out(db: Db, cell: Cell) -> None:
    """An empty database with the default rules and policy, and the cell's campaigns."""
    db.execute(emptying(db))
    add(db, cell.shape, subject(cell), cell.budget, cell.hours, cell.roi, cell.conversions)
    for number, roi in enumerate(HEALTHY[: cell.campaigns - 1], 1):
        conversions = round(100 * HEALTHY_HOURS / 24 * roi / ORDER)
        add(db, cell.shape, f"Healthy {number}", 100, HEALTHY_HOURS, roi, conversions)


def add(
    db: Db, shape: str, title: str, budget: int, hours: int, roi: float, conversions: int
) -> None:
    """A campaign that has spent its budget evenly since it was created, so many hours ago."""
    row = db.execute(
        "insert into campaigns (title, status, budget, created_at)"
        " values (%s, 'active', %s, now() - make_interval(hours => %s))"
        " returning id, created_at, now()",
        (title, budget, hours),
    ).fetchone()
    assert row is not None
    campaign_id, created_at, now = row
    if shape == TOTALS:
        done = measures(budget * hours / 24, roi, conversions)
        db.execute(
            "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
            " total_spend, total_revenue) values (%s, %s, %s, %s, %s, %s)",
            (campaign_id, *done[:5]),
        )
        return
    until = now if shape == UP_TO_NOW else on_the_hour(now)
    write(db, campaign_id, hourly(budget, roi, conversions, created_at, until))


def measures(spend: float, roi: float, conversions: int) -> Measures:
    clicks = max(round(spend * 1.5), 15 * conversions)
    return Measures(
        round(spend * 100), clicks, conversions, round(spend, 2), round(round(spend, 2) * roi, 2)
    )


def hourly(
    budget: int, roi: float, conversions: int, since: datetime, until: datetime
) -> list[tuple[datetime, Measures]]:
    """The whole in buckets: everything evenly spread, each order's revenue in its own hour."""
    seconds = (until - since).total_seconds()
    whole = measures(budget * seconds / 86400, roi, conversions)

    def by(at: datetime, of: float, digits: int = 0) -> float:
        """How much of it has come by then."""
        share = max(0.0, min(1.0, (at - since).total_seconds() / seconds))
        return round(of * share, digits)

    def sums(at: datetime) -> Measures:
        orders = int(by(at, conversions))
        revenue = round(whole.revenue * orders / conversions, 2)
        return Measures(
            int(by(at, whole.impressions)), int(by(at, whole.clicks)), orders,
            by(at, whole.spend, 2), revenue,
        )  # fmt: skip

    rows = []
    bucket = on_the_hour(since)
    while bucket < until:
        after = bucket + timedelta(hours=1)
        grown = Measures._make(b - a for a, b in zip(sums(bucket), sums(after), strict=True))
        spend, revenue = round(grown.spend, 2), round(grown.revenue, 2)
        rows.append((bucket, grown._replace(spend=spend, revenue=revenue)))
        bucket = after
    return rows


def on_the_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


@cache
def emptying(db: Db) -> bytes:
    """Every row of every table goes, the log and the runs too; a third of what TRUNCATE takes."""
    tables = db.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('public', 'autonomy')"
        " and tablename not in ('autonomy_migrations', 'autonomy_policy')"
    ).fetchall()
    deletes = "; ".join(f"delete from {name}" for (name,) in tables)
    return (
        f"set session_replication_role = replica; {deletes};"
        " set session_replication_role = origin; select autonomy_reset_defaults()"
    ).encode()


# What became of it ------------------------------------------------------------------------------

VERIFY = {
    kind: next(one for one in statements() if f"aa.action_type = '{kind}'" in one)
    for kind in ("auto_pause", "auto_scale_up")
}


def fault(db: Db, cell: Cell, result: Json, others: list[Any]) -> str | None:
    """What is not as the guide says, in words; None where all is."""
    taken = db.execute(
        "select a.action_type, a.status, c.title, a.confidence_score, c.status, c.budget"
        " from autonomous_actions a left join campaigns c on c.id = a.campaign_id"
    ).fetchall()
    if [one[:2] for one in taken] != [(cell.action_type, "executed")]:
        held = [
            f"{one['code']} at {one['confidence']} ({one['rule_name']})"
            for one in result["held_decisions"]
        ]
        return f"did {taken}, held {held}, failed {result['failed']}, {result['breakers']}"
    *_, title, confidence, status, budget = taken[0]
    state = (title, status, budget)
    if state != (subject(cell), "paused" if cell.scenario == "A" else "active", cell.new_budget):
        return f"came out as {state}"
    if not 50 <= confidence <= 100:
        return f"a confidence of {confidence}"
    count = "campaigns_paused" if cell.scenario == "A" else "campaigns_scaled"
    done = {name: n for name, n in result["actions_taken"].items() if n}
    done.pop("opportunities_detected", None)
    if done != {count: 1}:
        return f"reported as {done}"
    if neighbours(db, cell) != others:
        return "touched the others"
    shown = db.execute(VERIFY[cell.action_type].encode()).fetchall()
    expected: list[tuple[Any, ...]]
    if cell.scenario == "A":
        expected = [(title, "paused", "auto_pause", confidence)]
        seen = [(one[0], one[1], one[4], one[6]) for one in shown if one[5]]
        roi = [one[2] for one in shown]
    else:
        expected = [(title, cell.new_budget, cell.conversions, "auto_scale_up", "100", confidence)]
        seen = [(*one[:2], *one[3:5], f"{float(one[5]):g}", one[7]) for one in shown]
        roi = [one[2] for one in shown]
    if seen != expected or abs(float(roi[0]) - cell.roi) > 0.005:
        return f"the guide's statement shows {shown}"
    return None


def subject(cell: Cell) -> str:
    return "Wrong crowd" if cell.scenario == "A" else "Right crowd"


def neighbours(db: Db, cell: Cell) -> list[Any]:
    return db.execute(
        "select to_jsonb(c) from campaigns c where title <> %s order by title", (subject(cell),)
    ).fetchall()


# The two ways -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def function(
    migrated: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionServer]:
    log = tmp_path_factory.mktemp("function") / "function.log"
    environment = {**migrated.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=log) as server:
        yield server


def in_sql(db: Db, cell: Cell, others: list[Any]) -> str | None:
    """As in the SQL editor, and then undone."""
    with db.transaction(force_rollback=True):
        row = db.execute("select run_autonomous_operations()").fetchone()
        assert row is not None
        return fault(db, cell, row[0], others)


def by_http(db: Db, function: FunctionServer, cell: Cell, others: list[Any]) -> str | None:
    status, answer, _ = post(function)
    if status != 200 or answer["success"] is not True:
        return f"answered {status}: {answer}"
    if answer["message"] != "Autonomous operations completed successfully":
        return f"says {answer['message']}"
    return fault(db, cell, answer["result"], others)


@pytest.mark.parametrize(
    "every", [pytest.param(5, id="one in 5"), pytest.param(1, id="all", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scenario", ROIS)
def test_every_cell_acts(
    fresh: LocalStack, function: FunctionServer, scenario: str, shape: str, every: int
) -> None:
    failed = []
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        for cell in cells(scenario, shape)[::every]:
            lay_out(db, cell)
            others = neighbours(db, cell)
            ways = {"SQL": in_sql(db, cell, others), "HTTP": by_http(db, function, cell, others)}
            failed += [f"{cell}, {way}: {fault}" for way, fault in ways.items() if fault]
    assert not failed, "\n".join([f"{len(failed)} do not do what the guide says:", *failed])


def test_the_matrix_is_whole() -> None:
    count = {key: len(cells(*key)) for key in itertools.product(ROIS, SHAPES)}
    assert count == {
        ("A", TOTALS): 96, ("A", COMPLETE_HOURS): 96, ("A", UP_TO_NOW): 24,
        ("B", TOTALS): 72, ("B", COMPLETE_HOURS): 72, ("B", UP_TO_NOW): 18,
    }  # fmt: skip
    for key in count:  # one in 5 has each value of each edge
        few, every = cells(*key)[::5], cells(*key)
        for edge in ("campaigns", "hours", "roi"):
            assert {getattr(one, edge) for one in few} == {getattr(one, edge) for one in every}
        assert key[0] == "A" or {one.conversions for one in few} == {15, 20}


@pytest.mark.parametrize(("begins", "ends"), [("10:40", "13:20"), ("10:00", "12:00")])
def test_a_series_adds_up_and_is_even(begins: str, ends: str) -> None:
    since, until = (
        datetime.fromisoformat(f"2026-11-2{n}T{t}Z") for n, t in ((0, begins), (2, ends))
    )
    rows = hourly(200, 0.6, 7, since, until)
    whole = measures(200 * (until - since).total_seconds() / 86400, 0.6, 7)
    assert [round(sum(column), 2) for column in zip(*(row for _, row in rows), strict=True)] == [
        *whole
    ]
    assert (rows[0][0], rows[-1][0]) == (
        on_the_hour(since),
        on_the_hour(until - timedelta(seconds=1)),
    )
    full = rows[1:-1]
    assert {bucket.minute for bucket, _ in rows} == {0}
    assert max(row.spend for _, row in full) - min(row.spend for _, row in full) <= 0.02
    assert max(row.conversions for _, row in rows) == 1
    assert all((row.revenue > 0) == (row.conversions > 0) for _, row in rows)

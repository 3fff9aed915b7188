"""The narrow rows that sums are made of: what they say is what the log says, read plainly."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from psycopg.types.json import Jsonb

from tests.sql.planted import NOW, Db, Json

QUARTER, MONTH, WEEK = (NOW - timedelta(days=days) for days in (90, 30, 7))
DONE = ("executed", "rolled_back")
TYPES = ("auto_pause", "auto_pause", "auto_scale_up", "auto_scale_up", "auto_scale_down",
         "budget_adjusted", "auto_resume", "optimization_applied")  # fmt: skip
ODD_NUMBERS: tuple[object, ...] = (None, "12", True, [], {}, 1e16, -1e15, 1e-40, 1e-320, 0)


class Action(NamedTuple):
    """A row of the log as the old questions read it: everything out of the jsonb, each time."""

    id: uuid.UUID
    rule_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    type: str
    status: str
    at: datetime | None
    confidence: float | None
    before: float | None
    after: float | None
    impact: Json

    @property
    def verdict(self) -> Any:
        return self.impact.get("verdict")

    @property
    def money(self) -> float:
        return self.number("money") or 0

    @property
    def error(self) -> float:
        """Below 0 where spend was taken away."""
        low, high = self.number("money_low"), self.number("money_high")
        fell = self.before is not None and self.after is not None and self.after < self.before
        sign = -1 if self.type == "auto_pause" or fell else 1
        return 0 if low is None or high is None else sign * (high - low) / 3.29

    @property
    def right(self) -> float | None:
        percent = self.number("right_probability")
        return None if percent is None else percent / 100

    @property
    def measured_at(self) -> datetime:
        try:
            return datetime.fromisoformat(self.impact["measured_at"])
        except (KeyError, TypeError, ValueError):
            assert self.at is not None
            return self.at

    def number(self, name: str) -> float | None:
        return number(self.impact.get(name))

    def since(self, moment: datetime) -> bool:
        return self.at is not None and moment < self.at <= NOW and self.status in DONE


def number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return None
    return 0.0 if abs(value) < 1e-30 else float(value)


def read_plainly(db: Db) -> list[Action]:
    rows = db.execute(
        "select id, rule_id, campaign_id, action_type, status, executed_at,"
        " confidence_score::float8, previous_state -> 'budget', new_state -> 'budget',"
        " actual_impact from autonomous_actions"
    )
    return [
        Action._make(
            (
                *row[:7],
                number(row[7]),
                number(row[8]),
                row[9] if isinstance(row[9], dict) and "horizon_days" in row[9] else {},
            )
        )
        for row in rows
    ]


# An account of odd actions ------------------------------------------------------------------------


def impact(chance: random.Random) -> object:
    """What measure_action_impact writes, and at times what nobody should have written."""
    if chance.random() < 0.25:
        return chance.choice((None, {}, {"verdict": "improved"}, [1], "horizon_days", 7))
    money, half = round(chance.gauss(0, 60), 2), round(chance.uniform(0, 90), 2)
    figures: Json = {
        "verdict": "improved" if money > half else "regressed" if money < -half else "inconclusive",
        "money": money, "money_low": money - half, "money_high": money + half,
        "right_probability": round(chance.uniform(0, 100), 2), "horizon_days": 7,
        "spend": round(chance.uniform(90, 200), 2), "expected_spend": 120,
        "baseline_roi": round(chance.uniform(0, 3), 4), "step_roi": 1.02,
        "measured_at": (NOW - timedelta(days=chance.uniform(0, 20))).isoformat(),
    }  # fmt: skip
    if chance.random() < 0.15:
        name = chance.choice([name for name in figures if name != "horizon_days"])
        odd: tuple[object, ...] = ODD_NUMBERS
        if name == "measured_at":
            odd = (None, "yesterday-ish", "2026-02-30T10:00:00Z", 7)
        figures[name] = "odd" if name == "verdict" else chance.choice(odd)
    return figures | {"1d": figures, "3d": figures, "7d": figures}


def plant(db: Db, chance: random.Random, number_of_actions: int) -> None:
    rules = [row[0] for row in db.execute("select id from autonomous_rules order by priority")]
    rules += [None, uuid.UUID(int=chance.getrandbits(128))]  # by hand; a rule that is gone
    edges = [QUARTER, QUARTER + timedelta(microseconds=1), MONTH, WEEK, NOW, None]
    for _ in range(number_of_actions):
        ago = timedelta(days=chance.choice((1, 12, 40, 110)) * chance.random())
        at = chance.choice(edges) if chance.random() < 0.1 else NOW - ago
        confidence = chance.choice((None, 60, 70, 95, round(chance.uniform(0, 100), 2)))
        before, after = (
            {"status": "active", "budget": chance.choice((50, 100.5, 100.50, None, "100"))}
            for _ in range(2)
        )
        db.execute(
            "insert into autonomous_actions (id, campaign_id, rule_id, action_type, status,"
            " executed_at, created_at, confidence_score, previous_state, new_state, actual_impact)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                uuid.UUID(int=chance.getrandbits(128)),
                uuid.UUID(int=chance.getrandbits(128)),
                chance.choice(rules),
                chance.choice(TYPES),
                chance.choice(("executed",) * 5 + ("rolled_back", "failed", "pending")),
                at,
                at or NOW,
                confidence,
                Jsonb(before),
                Jsonb(after) if chance.random() < 0.9 else None,
                Jsonb(impact(chance)),
            ),
        )


CHANGES = """
update autonomous_actions set status = 'rolled_back'
where status = 'executed' and get_byte(uuid_send(id), 0) < 10;
update autonomous_actions set status = 'executed', executed_at = '2026-06-14T09:00Z'
where status = 'pending' and get_byte(uuid_send(id), 0) < 100;
update autonomous_actions set actual_impact = actual_impact || '{"money": 77.5}'
where get_byte(uuid_send(id), 1) < 20 and jsonb_typeof(actual_impact) = 'object';
update autonomous_actions set reason = 'said anew';
delete from autonomous_actions where get_byte(uuid_send(id), 2) < 10;
"""


@pytest.fixture(params=[1, 2])
def account(own: Db, request: pytest.FixtureRequest) -> Db:
    """Actions that were written, and then partly changed, taken back and deleted."""
    with own.transaction():
        plant(own, random.Random(request.param), 400)
    own.execute(CHANGES)
    return own


# What they say ------------------------------------------------------------------------------------


def close(found: object, wanted: float | None, places: int) -> bool:
    """Equal but for how it was rounded at the last place."""
    if wanted is None:
        return found is None
    assert isinstance(found, int | float)
    return math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1.01 * 10**-places)


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def root(values: Iterator[float]) -> float:
    return math.sqrt(sum(value * value for value in values))


def test_each_action_has_its_row_whatever_was_done_to_it(account: Db) -> None:
    differing = (
        "select count(*) from (select r.* from autonomous_actions a,"
        " autonomy.action_result(a) r) now"
        " full join autonomy.action_results kept using (action_id)"
        " where now is null or kept is null or (now.status, now.verdict, now.money, now.error,"
        " now.right_probability, now.measured_at, now.budget_change, now.confidence, now.rule_id,"
        " now.executed_at, now.campaign_id) is distinct from (kept.status,"
        " kept.verdict, kept.money, kept.error, kept.right_probability, kept.measured_at,"
        " kept.budget_change, kept.confidence, kept.rule_id, kept.executed_at,"
        " kept.campaign_id)"
    )
    assert account.execute(differing).fetchone() == (0,)
    plain = {action.id: action for action in read_plainly(account)}
    kept = account.execute(
        "select action_id, verdict, money, error, right_probability, measured_at, budget_change"
        " from autonomy.action_results where executed_at is not null"
    ).fetchall()
    assert len(kept) > 300
    for action_id, verdict, money, error, right, measured_at, change in kept:
        action = plain[action_id]
        assert (verdict, measured_at) == (action.verdict, action.measured_at)
        assert (money, error) == pytest.approx((action.money, action.error), rel=1e-12)
        assert right == pytest.approx(action.right)
        known = action.before is not None and action.after is not None
        assert (change is not None) == known
        if action.before is not None and action.after is not None:
            assert change == (action.after > action.before) - (action.after < action.before)
    account.execute("truncate autonomous_actions")
    assert account.execute("select count(*) from autonomy.action_results").fetchone() == (0,)


def test_the_scoreboard_adds_up_the_log(account: Db) -> None:
    board = {
        row[0]["rule_id"]: row[0]
        for row in account.execute("select to_jsonb(s) from rule_scoreboard(%s) s", (NOW,))
    }
    recent = [action for action in read_plainly(account) if action.since(QUARTER)]
    for rule_id in {action.rule_id for action in recent}:
        line = board.pop(None if rule_id is None else str(rule_id))
        own = [action for action in recent if action.rule_id == rule_id]
        measured = [action for action in own if action.verdict is not None]
        judged = [action for action in own if action.right is not None]
        pauses = [action.right for action in judged if action.type == "auto_pause"]
        wrong = sum(1 - right for right in pauses if right is not None)
        money, half = sum(a.money for a in measured), 1.645 * root(a.error for a in measured)
        rights = [100 * action.right for action in judged if action.right is not None]
        confidence = mean([a.confidence for a in judged if a.confidence is not None])
        counts = {
            "actions": len(own),
            "rolled_back": sum(action.status == "rolled_back" for action in own),
            "measured": len(measured),
            "pauses": len(pauses),
            **{
                verdict: sum(action.verdict == verdict for action in measured)
                for verdict in ("improved", "regressed", "inconclusive")
            },
        }
        assert {name: line[name] for name in counts} == counts
        assert close(line["money"], money, 2)
        assert close(line["money_low"], money - half, 2)
        assert close(line["money_high"], money + half, 2)
        assert close(line["false_pauses"], wrong if pauses else None, 2)
        share = 100 * wrong / len(pauses) if pauses else None
        assert close(line["false_pause_share"], share, 1)
        assert close(line["mean_confidence"], confidence, 1)
        assert close(line["right_share"], mean(rights), 1)
        flagged = rule_id is not None and len(measured) >= 5 and money + half < 0
        assert line["flagged"] is flagged
    assert all(line["actions"] == 0 for line in board.values())


def test_a_losing_rule_is_told_the_lowest_floor_at_which_it_earned(account: Db) -> None:
    account.execute(
        "update autonomous_actions set actual_impact = jsonb_build_object('horizon_days', 7,"
        " 'verdict', 'regressed', 'money', confidence_score - %s, 'money_low', -101,"
        " 'money_high', -99) where rule_id in (select id from autonomous_rules)",
        (91,),
    )
    recent = [action for action in read_plainly(account) if action.since(QUARTER)]
    told = 0
    for rule_id, action, change in account.execute(
        "select s.rule_id, r.action, s.suggested_change from rule_scoreboard(%s) s"
        " join autonomous_rules r on r.id = s.rule_id where s.flagged",
        (NOW,),
    ):
        own = [a for a in recent if a.rule_id == rule_id and a.verdict is not None]
        floors = []
        for floor in (60, 70, 80, 85, 90, 95):
            above = [a.money for a in own if a.confidence is not None and a.confidence >= floor]
            if len(above) >= 3 and sum(above) > 0:
                floors.append(floor)
        told += bool(floors)
        wanted = {"action": action | {"min_confidence": floors[0]}} if floors else None
        assert change == (wanted or {"is_active": False})
    assert told >= 2


def test_the_week_in_sentences_has_the_logs_figures(account: Db) -> None:
    found: dict[str, Json] = {
        row[0]: row[1]
        for row in account.execute(
            "select kind, figures || jsonb_build_object('of', campaign_id)"
            " from autonomous_insights(%s)",
            (NOW,),
        )
    }
    log = read_plainly(account)
    week = [action for action in log if action.since(WEEK)]
    steps = [
        (a.after > a.before) - (a.after < a.before)
        for a in week
        if a.type not in ("auto_pause", "auto_resume")
        and a.before is not None
        and a.after is not None
    ]
    assert found["week"] == {
        "actions": len(week),
        "pauses": sum(action.type == "auto_pause" for action in week),
        "raised": steps.count(1),
        "lowered": steps.count(-1),
        "resumed": sum(action.type == "auto_resume" for action in week),
        "back": sum(action.status == "rolled_back" for action in week),
        "of": None,
    }
    measured = [
        a
        for a in log
        if a.since(MONTH)
        and a.status == "executed"
        and a.verdict is not None
        and a.measured_at > WEEK
    ]
    kinds = {"auto_pause": "pauses", "auto_resume": "resumes"}
    for kind in ("pauses", "resumes", "budgets"):
        own = [action for action in measured if kinds.get(action.type, "budgets") == kind]
        money, half = sum(a.money for a in own), 1.645 * root(a.error for a in own)
        assert found[kind]["actions"] == len(own)
        assert found[kind]["improved"] == sum(action.verdict == "improved" for action in own)
        assert found[kind]["regressed"] == sum(action.verdict == "regressed" for action in own)
        assert close(found[kind]["money"], money, 2)
        assert close(found[kind]["money_low"], money - half, 2)
        assert close(found[kind]["money_high"], money + half, 2)
    for kind, verdict in (("best_action", "improved"), ("worst_action", "regressed")):
        own = [action for action in measured if action.verdict == verdict]
        clearest = max(own, key=lambda action: abs(action.money))
        assert found[kind]["of"] == str(clearest.campaign_id)
        told = {name: value for name, value in found[kind].items() if name != "of"}
        assert told == {k: v for k, v in clearest.impact.items() if k not in ("1d", "3d", "7d")}
    sure = [
        a
        for a in log
        if a.since(QUARTER) and a.rule_id is not None
        if a.right is not None and a.confidence is not None
    ]
    assert found["calibration"]["actions"] == len(sure)
    said, proved = [a.confidence or 0 for a in sure], [100 * (a.right or 0) for a in sure]
    assert close(found["calibration"]["mean_confidence"], mean(said), 1)
    assert close(found["calibration"]["right_share"], mean(proved), 1)


def test_the_dashboards_days_add_up_the_log(account: Db) -> None:
    days = account.execute(
        "select sum(actions), sum(measured), sum(improved), sum(money),"
        " sum(error_squares), sum(judged), sum(right_sum)"
        " from autonomy.dashboard_action_figures('-infinity', 'infinity')"
    ).fetchone()
    log = read_plainly(account)
    measured = [action for action in log if action.verdict is not None]
    assert days is not None
    assert [float(figure) for figure in days] == pytest.approx(
        [
            len(log),
            len(measured),
            sum(action.verdict == "improved" for action in measured),
            sum(action.money for action in measured),
            sum(action.error**2 for action in measured),
            sum(action.right is not None for action in log),
            sum(action.right or 0 for action in log),
        ]
    )
    account.execute("set time zone 'UTC'")
    one_day = (
        "select sum(actions) from autonomy.dashboard_action_figures('2026-06-14', '2026-06-14')"
    )
    plainly = "select count(*) from autonomous_actions where created_at::date = '2026-06-14'"
    assert account.execute(one_day).fetchone() == account.execute(plainly).fetchone()

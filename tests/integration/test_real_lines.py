"""Real advertising lines, one campaign a line, through a whole run. Skips where they are absent."""

from __future__ import annotations

import csv
import gzip
import json
import os
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.imports.columns import MappingFile
from autonomy.imports.load import import_files
from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.replay.html_report import html
from autonomy.replay.replay import replay
from autonomy.replay.scenarios import setting_of

LINES = Path(
    os.environ.get(
        "AUTONOMY_REAL_LINES",
        Path(__file__).resolve().parents[3] / "shared" / "data" / "real_ad_lines.csv.gz",
    )
)
pytestmark = pytest.mark.skipif(not LINES.is_file(), reason="the real lines are not here")

# Two ways to read the file: what the platform earns on its publishers, and what the advertiser
# earns on the platform, at a margin that puts break-even among the lines of camp 2 and 3.
PLATFORM = MappingFile()
ADVERTISER = MappingFile.of(
    {"columns": {"spend": "revenue", "revenue": "sales"}, "times": {"revenue": 0.025}}
)
VIEWS = {"platform": PLATFORM, "advertiser": ADVERTISER}
LAST_DAY = date(2020, 6, 30)
END = datetime(2020, 7, 1, 1, tzinfo=UTC)
TOKEN = "real-lines-token-of-32-characters"


@pytest.mark.parametrize("view", VIEWS)
def test_a_run_in_the_database(scratch_database: Callable[[], str], view: str) -> None:
    url = scratch_database()
    report = import_files(url, [LINES], mapping=VIEWS[view])
    (one,) = report.files
    assert (one.tally.read, one.tally.kept, one.campaigns) == (7965, 7965, 121)
    with psycopg.connect(url) as connection:
        _sums_are_those_of_the_file(connection, view)
        result = _value(connection, "select public.run_autonomous_operations(%s)", END)
        assert result["success"] is True
        assert result["campaigns_evaluated"] == 121
        assert result["failed"] == []
        assert result["rules_skipped"] == []
        _every_action_follows_from_its_evidence(connection, result)
        again = _value(
            connection, "select public.run_autonomous_operations(%s)", END + timedelta(hours=1)
        )
    assert again["actions_taken"]["campaigns_paused"] == 0, "an hour later nothing is new"
    assert again["actions_taken"]["campaigns_scaled"] == 0


def test_importing_twice_changes_nothing(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    import_files(url, [LINES])
    (again,) = import_files(url, [LINES]).files
    assert (again.new_campaigns, again.changed_buckets, again.budgets_estimated) == (0, 0, 0)


def test_a_run_through_the_function(fresh: LocalStack, tmp_path: Path) -> None:
    """The same lines as if they had ended yesterday, through HTTP, client and PostgREST."""
    moved = tmp_path / "lines.csv"
    _write_moved(moved, datetime.now(UTC).date() - timedelta(days=1) - LAST_DAY)
    import_files(fresh.database_url, [moved])
    environment = {**fresh.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=tmp_path / "function.log") as server:
        request = urllib.request.Request(server.url + "/", data=b"{}", method="POST")
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    assert answer["success"] is True
    result = answer["result"]
    assert result["campaigns_evaluated"] == 121
    assert result["failed"] == []
    taken = result["actions_taken"]
    with psycopg.connect(fresh.database_url) as connection:
        _every_action_follows_from_its_evidence(connection, result)
        logged = connection.execute(
            "select count(*) from public.autonomous_actions where action_type = 'auto_pause'"
        ).fetchone()
    assert logged == (taken["campaigns_paused"],)
    assert taken["campaigns_paused"] + taken["campaigns_scaled"] + sum(result["held"].values()) > 0


@pytest.mark.parametrize("view", VIEWS)
def test_the_replay_claims_what_the_file_says(
    scratch_database: Callable[[], str], view: str
) -> None:
    """End to end, and the claims on single campaigns reckoned again from the file itself."""
    url = scratch_database()
    import_files(url, [LINES], mapping=VIEWS[view])
    result = replay(url, (setting_of("now"), setting_of("usual")))
    assert result.campaigns == 121
    worth = result.first.worth
    ranked = sorted(worth.pauses, key=lambda one: one.earned_after)
    checked = {one.event.title: one for one in (ranked[0], ranked[len(ranked) // 2], ranked[-1])}
    assert len(checked) == 3
    for title, pause in checked.items():
        before, after = _of_line(title, view, pause.event.at.date())
        assert (pause.event.spend, pause.event.revenue) == pytest.approx(before, abs=0.5)
        assert (pause.spend_after, pause.revenue_after) == pytest.approx(after, abs=0.5)
        assert pause.earned_after == pytest.approx(after[1] - after[0], abs=1.0)
    assert worth.saved.value - worth.missed.value == pytest.approx(
        -sum(one.earned_after for one in worth.pauses)
    )
    assert html(result)


def _of_line(title: str, view: str, day: date) -> tuple[tuple[float, float], tuple[float, float]]:
    """(spend, revenue) of a line before the day and from it on."""
    sums = [[0.0, 0.0], [0.0, 0.0]]
    with gzip.open(LINES, "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["campaign"] != title:
                continue
            place = sums[date.fromisoformat(row["date"]) >= day]
            place[0] += float(row["cost" if view == "platform" else "revenue"])
            place[1] += float(row["revenue"]) if view == "platform" else float(row["sales"]) * 0.025
    (spend, revenue), (spend_after, revenue_after) = sums
    return (spend, revenue), (spend_after, revenue_after)


def _sums_are_those_of_the_file(connection: psycopg.Connection, view: str) -> None:
    spend = revenue = 0.0
    with gzip.open(LINES, "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if view == "platform":
                spend, revenue = spend + float(row["cost"]), revenue + float(row["revenue"])
            else:
                spend += float(row["revenue"])
                revenue += float(row["sales"]) * 0.025
    total = connection.execute(
        "select sum(total_spend)::float8, sum(total_revenue)::float8 from campaign_performance"
    ).fetchone()
    # Every bucket is rounded to the cent: 7,965 times half a cent at most.
    assert total == pytest.approx((spend, revenue), abs=40)


def _every_action_follows_from_its_evidence(
    connection: psycopg.Connection, result: dict[str, Any]
) -> None:
    rows = connection.execute(
        """
        select a.action_type, a.status, a.confidence_score::float8,
          p.total_revenue / nullif(p.total_spend, 0), c.status,
          (a.previous_state ->> 'budget')::numeric, (a.new_state ->> 'budget')::numeric, c.budget,
          a.reason
        from public.autonomous_actions a
        join public.campaigns c on c.id = a.campaign_id
        join public.campaign_performance p on p.campaign_id = c.id
        """
    ).fetchall()
    for action, status, confidence, roi, now_is, old, new, budget, reason in rows:
        assert confidence >= 50, "never against the odds"
        assert reason
        if action == "auto_pause":
            assert roi < 1.0
            assert now_is == ("paused" if status == "executed" else "active")
        else:
            assert roi >= 3.0
            assert old < new <= 2 * old
            assert budget == (new if status == "executed" else old)
    taken = result["actions_taken"]
    done = taken["campaigns_paused"] + taken["campaigns_scaled"]
    proposed = taken.get("actions_proposed", 0)
    assert len(rows) in (done, done + proposed)


def _write_moved(path: Path, shift: timedelta) -> None:
    with (
        gzip.open(LINES, "rt", encoding="utf-8") as source,
        path.open("w", encoding="utf-8", newline="") as target,
    ):
        reader = csv.DictReader(source)
        writer = csv.DictWriter(target, reader.fieldnames or [])
        writer.writeheader()
        for row in reader:
            row["date"] = (date.fromisoformat(row["date"]) + shift).isoformat()
            writer.writerow(row)


def _value(connection: psycopg.Connection, query: str, *arguments: object) -> Any:
    row = connection.execute(query, arguments).fetchone()
    assert row is not None
    return row[0]

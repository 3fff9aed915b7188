"""What is kept no longer goes, a slice a run; what something still reads never does."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.effects import Db, begin, campaign, clean_tables, value

__all__ = ["clean_tables"]

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SHORTEST = (
    "update autonomy_policy set keep_hours_days = 1, keep_changes_days = 1, keep_runs_days = 1,"
    " keep_failed_actions_days = 1, keep_opportunities_days = 1"
)
NEVER = SHORTEST.replace("= 1", "= 0")


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def retire(db: Db, now: datetime = NOW, campaigns: int = 200, rows: int = 500) -> Any:
    return value(db, "select autonomy.retire(%s, %s, %s)", now, campaigns, rows)


def retire_all(db: Db) -> None:
    for _ in range(12):
        retire(db)


def with_hours(db: Db, length: int = 220, zone: str | None = None) -> uuid.UUID:
    """A campaign by hour, with refunds, fractions and gaps."""
    account = f"in {zone}" if zone else "default"
    one = campaign(db, account=account, created_at=days(length))
    if zone:
        db.execute(
            "update autonomy_accounts set time_zone = %s where account = %s", (zone, account)
        )
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)"
        " select %s, h, 100 + extract(hour from h)::int, 50, 5, 0.3, 3.17, case when extract(hour from h) = 3 then -2 else 9.5 end"
        " from generate_series(%s::timestamptz, %s, '1 hour') h where extract(hour from h) <> 5",
        (one, days(length), NOW - timedelta(hours=1)),
    )
    return one


def acted_on(db: Db, one: uuid.UUID, at: datetime) -> uuid.UUID:
    """A raise of ours at that moment, amid changes of a program."""
    for number in range(4):
        db.execute(
            "update campaigns set status = %s where id = %s",
            ("paused" if number % 2 == 0 else "active", one),
        )
    action: uuid.UUID = value(db, "select auto_scale_campaign(%s, 130, 'test', 80, %s)", one, at)
    for number in range(4):
        db.execute(
            "update campaigns set status = %s where id = %s",
            ("paused" if number % 2 == 0 else "active", one),
        )
    # as if it had all been then
    db.execute("update campaign_changes set changed_at = %s where campaign_id = %s", (at, one))
    return action


def figures(db: Db) -> list[Any]:
    """All that reads the past, at once."""
    return [
        db.execute(query).fetchall()
        for query in (
            "select * from campaign_daily order by 1, 2",
            "select campaign_id, impressions, clicks, conversions, total_spend, total_revenue from campaign_performance order by 1",
            f"select * from campaign_facts_at('{NOW}') order by campaign_id",
            f"select * from autonomy.past_campaigns('{days(90)}', '{NOW}')",
            (
                "select at, campaign_id, figures from autonomy.past_candidates('[]', '{1d,3d,7d,14d,30d,prior_30d}',"
                f" '{days(90)}', '{NOW}', 24, '{{}}', true) order by 1, 2"
            ),
            f"select campaign_id, bucket, spend from campaign_metrics where bucket >= '{days(99)}' order by 1, 2",
            "select * from autonomy.action_results order by action_id",
            "select id, status, previous_state, new_state from autonomous_actions where status <> 'failed' order by 1",
            f"select * from autonomy.conversion_maturity('{NOW}')",
        )
    ]


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_nothing_that_is_read_changes(db: Db, zone: str | None) -> None:
    one = with_hours(db, zone=zone)
    action = acted_on(db, one, days(150))
    before = figures(db)
    db.execute(SHORTEST)
    assert value(db, "select audit_autonomous_actions() -> 'ok'") is True
    retire_all(db)
    assert value(db, "select count(*) from campaign_metrics where whole_day") > 100
    assert value(db, "select count(*) from campaign_metrics") < 220 * 23 - 110 * 22
    assert figures(db) == before
    assert value(db, "select audit_autonomous_actions() -> 'ok'") is True
    kinds = "select array_agg(kind order by id) from campaign_changes where campaign_id = %s"
    assert value(db, kinds, one) == ["created", "outside", "action", "outside"]
    db.execute("select autonomy.rebuild_campaign_facts(true)")
    assert figures(db)[0] == before[0]
    db.execute("select rollback_autonomous_action(%s, 'test', p_now => %s)", (action, NOW))
    assert value(db, "select status from autonomous_actions where id = %s", action) == "rolled_back"
    assert value(db, "select audit_autonomous_actions() -> 'ok'") is True


def test_by_default_figures_of_ones_own_stay(db: Db) -> None:
    with_hours(db, length=300)
    rows = value(db, "select count(*) from campaign_metrics")
    retire_all(db)
    assert value(db, "select count(*) from campaign_metrics") == rows
    assert value(db, "select keep_hours_days from autonomy_policy") == 0


def logs(db: Db, age: float) -> None:
    at = days(age)
    ran, idle = uuid.uuid4(), uuid.uuid4()
    one = campaign(db)
    for run in (ran, idle):
        db.execute(
            "insert into autonomous_runs (id, idempotency_key, request_hash, status, started_at, summary, response, response_status)"
            " values (%s, %s, 'h', 'completed', %s, %s, 'stored', 200)",
            (
                run,
                f"key {run}",
                at,
                Jsonb({"actions": [1], "held_decisions": [2], "held": {"X": 1}}),
            ),
        )
    for status in ("executed", "failed", "rolled_back", "pending"):
        db.execute(
            "insert into autonomous_actions (run_id, campaign_id, action_type, status, created_at, executed_at, evidence, previous_state, new_state)"
            " values (%s, %s, 'auto_pause', %s, %s, %s, '{\"before_audit\": true}', '{}', '{}')",
            (ran, one, status, at, at if status in ("executed", "rolled_back") else None),
        )
    for status in ("open", "in_progress", "resolved", "dismissed"):
        db.execute(
            "insert into optimization_opportunities (campaign_id, opportunity_type, severity, status, first_seen_at, last_seen_at, resolved_at)"
            " values (%s, %s, 'low', %s, %s, %s, %s)",
            (
                campaign(db),
                "creative_fatigue",
                status,
                at,
                at,
                at if status in ("resolved", "dismissed") else None,
            ),
        )


def left(db: Db) -> dict[str, Any]:
    return {
        "runs": value(db, "select count(*) from autonomous_runs"),
        "answers": value(
            db,
            "select count(*) from autonomous_runs where response is not null and summary ? 'actions'",
        ),
        "held": value(
            db, "select count(*) from autonomous_runs where summary -> 'held' ->> 'X' = '1'"
        ),
        "actions": value(db, "select array_agg(status order by status) from autonomous_actions"),
        "opportunities": value(
            db, "select array_agg(status order by status) from optimization_opportunities"
        ),
    }


ALL = {
    "runs": 2, "answers": 2, "held": 2, "actions": ["executed", "failed", "pending", "rolled_back"],
    "opportunities": ["dismissed", "in_progress", "open", "resolved"],
}  # fmt: skip
OLD = {
    "runs": 1, "answers": 0, "held": 1, "actions": ["executed", "pending", "rolled_back"],
    "opportunities": ["in_progress", "open"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("age", "setting", "expected"),
    [(399, "", ALL), (401, "", OLD), (34, SHORTEST, ALL), (36, SHORTEST, OLD), (9000, NEVER, ALL)],
)
def test_logs_go_when_nothing_reads_them(db: Db, age: float, setting: str, expected: Any) -> None:
    logs(db, age)
    if setting:
        db.execute(setting)
    retire_all(db)
    assert left(db) == expected


def test_logs_that_were_there_before_are_not_ours_to_shorten(db: Db) -> None:
    logs(db, 500)
    for table in ("autonomous_actions", "optimization_opportunities"):
        db.execute(f"comment on table {table} is 'mine'")
    retire_all(db)
    assert {name: left(db)[name] for name in ("actions", "opportunities")} == {
        name: ALL[name] for name in ("actions", "opportunities")
    }


def test_a_moment_ahead_of_the_clock_lets_go_of_nothing(db: Db) -> None:
    logs(db, 300)
    retire(db, now=datetime.now(UTC) + timedelta(days=5000))
    assert left(db) == ALL


def test_a_slice_at_a_time_until_all_is_done(db: Db) -> None:
    db.execute(SHORTEST)
    many = [with_hours(db, length=130) for _ in range(5)]
    found = []
    for _ in range(4):  # 2, 2, 1, and from the first again
        retire(db, campaigns=2, rows=1)
        found.append(
            value(db, "select count(distinct campaign_id) from campaign_metrics where whole_day")
        )
    assert found == [2, 4, len(many), len(many)]


def test_a_run_does_it_and_a_dry_run_does_not(db: Db) -> None:
    logs(db, 3000)
    now = value(db, "select now()")
    begin(db, now=now, request={"dry_run": True})
    assert left(db)["actions"] == ALL["actions"]
    begin(db, now=now)
    assert left(db)["opportunities"] == OLD["opportunities"]
    assert left(db)["actions"] == ["executed", "rolled_back"]  # what waited has lapsed, too

"""run_autonomous_operations(): a whole run inside the database."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
    action,
    assert_sound,
    audit,
    begin,
    campaign,
    finish,
    hours_ago,
    policy,
    refused,
    state,
    value,
)

clean_tables = effects.clean_tables


def run(db: Db, now: datetime | None = None) -> Json:
    if now is None:
        result: Json = value(db, "select run_autonomous_operations()")
    else:
        result = value(db, "select run_autonomous_operations(%s)", now)
    return result


def performing(
    db: Db, *, spend: float, revenue: float, conversions: int, **columns: Any
) -> uuid.UUID:
    """A campaign of ten days' standing with these totals."""
    one = campaign(db, **{"created_at": hours_ago(240, db), **columns})
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue)"
        " values (%s, 20000, 800, %s, %s, %s)",
        (one, conversions, spend, revenue),
    )
    return one


def loser(db: Db, **columns: Any) -> uuid.UUID:
    return performing(db, spend=900, revenue=300, conversions=8, **columns)


def winner(db: Db, **columns: Any) -> uuid.UUID:
    return performing(db, spend=400, revenue=1600, conversions=40, **columns)


def middling(db: Db, **columns: Any) -> uuid.UUID:
    return performing(db, spend=500, revenue=750, conversions=20, **columns)


def test_nothing_to_do_is_a_success(db: Db) -> None:
    result = run(db)
    assert result["success"] is True
    assert set(result["actions_taken"].values()) == {0}
    assert (result["campaigns_evaluated"], result["held"], result["failed"]) == (0, {}, [])
    db.execute("update autonomous_rules set is_active = false")
    middling(db)
    assert run(db)["campaigns_evaluated"] == 1


def test_the_loser_is_paused_and_the_winner_scaled(db: Db) -> None:
    bad, good, fair = loser(db, status="Active"), winner(db), middling(db)
    result = run(db)
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["actions_taken"]["campaigns_scaled"] == 1
    assert result["campaigns_evaluated"] == 3
    assert (result["mode"], result["dry_run"], result["breakers"]) == ("autonomous", False, [])
    assert state(db, bad) == ("paused", 100)
    assert 150 <= state(db, good)[1] <= 200
    assert state(db, fair) == ("active", 100)
    done = {each["campaign_id"]: each for each in result["actions"]}
    assert done[str(bad)]["status"] == "executed"
    assert done[str(bad)]["reason"]
    row = db.execute("select status, trigger, summary from autonomous_runs").fetchone()
    assert row == ("completed", "sql", result)
    log = value(db, "select id from autonomous_actions where campaign_id = %s", bad)
    assert action(db, log).previous_state == {"status": "Active", "budget": 100}
    assert action(db, log).run_id == uuid.UUID(result["run_id"])
    assert_sound(db)


def test_the_next_run_finds_nothing_left_to_do(db: Db) -> None:
    loser(db)
    winner(db)
    run(db)
    again = run(db)
    assert set(again["actions_taken"].values()) <= {
        0,
        again["actions_taken"]["opportunities_detected"],
    }
    assert again["held"] == {"COOLDOWN": 1}
    assert again["held_decisions"][0]["code"] == "COOLDOWN"
    assert_sound(db)


def test_a_rolled_back_campaign_is_left_alone(db: Db) -> None:
    bad = loser(db)
    result = run(db)
    value(
        db,
        "select rollback_autonomous_actions(jsonb_build_object('run_id', %s::text))",
        result["run_id"],
    )
    later = run(db, hours_ago(-30, db))
    assert later["held"] == {"ON_HOLD": 1}
    assert state(db, bad) == ("active", 100)


def test_other_times_are_lived_through(db: Db) -> None:
    then = hours_ago(24 * 200, db)
    bad = loser(db, created_at=hours_ago(24 * 220, db))
    db.execute("update campaign_performance set updated_at = %s", (then,))
    result = run(db, then)
    assert result["timestamp"].startswith(f"{then:%Y-%m-%d}")
    assert result["actions_taken"]["campaigns_paused"] == 1
    written = value(db, "select executed_at from autonomous_actions where campaign_id = %s", bad)
    assert written == then


def test_approve_mode_proposes(db: Db) -> None:
    policy(db, mode="approve")
    bad = loser(db)
    result = run(db)
    assert result["mode"] == "approve"
    assert (
        result["actions_taken"]["actions_proposed"]
        == result["actions_taken"]["campaigns_paused"]
        == 1
    )
    assert state(db, bad) == ("active", 100)
    assert value(db, "select status from autonomous_actions") == "pending"
    assert run(db)["held"] == {"AWAITING_APPROVAL": 1}


def test_observe_mode_writes_nothing_but_the_report(db: Db) -> None:
    policy(db, mode="observe")
    bad = loser(db)
    result = run(db)
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["actions"][0]["status"] == "would act"
    assert state(db, bad) == ("active", 100)
    assert value(db, "select count(*) from autonomous_actions") == 0


def test_frozen_nothing_is_changed(db: Db) -> None:
    policy(db, frozen=True)
    bad = loser(db)
    result = run(db)
    assert result["held"] == {"FROZEN": 1}
    assert [breaker["code"] for breaker in result["breakers"]] == ["FROZEN"]
    assert state(db, bad) == ("active", 100)


def test_the_pause_breaker_asks_a_person(db: Db) -> None:
    each = [loser(db) for _ in range(8)]
    result = run(db)
    assert result["actions_taken"]["campaigns_paused"] == 0
    assert result["actions_taken"]["actions_proposed"] == 8
    assert [breaker["code"] for breaker in result["breakers"]] == ["PAUSE_BREAKER"]
    assert {state(db, one)[0] for one in each} == {"active"}
    assert run(db)["held"] == {"AWAITING_APPROVAL": 8}


def test_a_bad_rule_is_reported_and_the_others_go_on(db: Db) -> None:
    bad = loser(db)
    db.execute("set local session_replication_role = replica")
    db.execute(
        """update autonomous_rules set condition = '{"metrik": 1}' where rule_name ="""
        """ 'High ROI Scale'"""
    )
    db.execute("set local session_replication_role = origin")
    result = run(db)
    assert [skipped["rule_name"] for skipped in result["rules_skipped"]] == ["High ROI Scale"]
    assert state(db, bad)[0] == "paused"


def test_another_run_in_progress(db: Db) -> None:
    lease = begin(db)
    with refused(db, "AO008", "Another run is in progress"):
        run(db)
    finish(db, lease)
    assert run(db)["success"]


@pytest.mark.parametrize("broken", ["record_opportunities", "measure_action_impact"])
def test_detection_that_fails_does_not_undo_the_actions(db: Db, broken: str) -> None:
    bad = loser(db)
    signature = value(db, "select oid::regprocedure::text from pg_proc where proname = %s", broken)
    db.execute(f"alter function {signature} rename to out_of_order")
    result = run(db)
    assert len(result["warnings"]) == 1
    assert state(db, bad)[0] == "paused"
    assert_sound(db)


def test_every_campaign_is_seen(db: Db) -> None:
    policy(db, pause_breaker_share=1)
    db.execute(
        "insert into campaigns (title, budget, created_at)"
        " select 'c' || n, 100, now() - interval '9 days' from generate_series(1, 2500) n"
    )
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue)"
        " select id, 20000, 800, 8, 900, 300 from campaigns"
    )
    result = run(db)
    assert result["actions_taken"]["campaigns_paused"] == 2500
    assert len(result["actions"]) == 100
    assert_sound(db)


def test_runs_from_both_sides_at_once(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(3):
            loser(db)
        for _ in range(4):  # three pauses of three would be a person's
            winner(db)
        outcomes: list[str] = []

        def one_run() -> None:
            with psycopg.connect(url, autocommit=True) as own:
                try:
                    outcomes.append(str(run(own)["success"]))
                except psycopg.Error as error:
                    outcomes.append(str(error.sqlstate))

        threads = [threading.Thread(target=one_run) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert set(outcomes) <= {"True", "AO008"}
        assert "True" in outcomes
        assert value(db, "select count(*) from autonomous_actions where status = 'executed'"
                     " and action_type = 'auto_pause'") == 3  # fmt: skip
        assert audit(db)["ok"]


def test_a_month_of_hourly_runs_respects_every_limit(db: Db) -> None:
    one, bad = winner(db), loser(db)
    start = value(db, "select now()")
    policy(db, max_data_age_hours=8760)
    for hour in range(0, 24 * 10, 6):
        run(db, hours_ago(-hour, db))
    rows = db.execute(
        "select executed_at, (previous_state ->> 'budget')::numeric, (new_state ->>"
        " 'budget')::numeric"
        " from autonomous_actions where campaign_id = %s and status = 'executed' order by"
        " executed_at",
        (one,),
    ).fetchall()
    times = [when for when, _, _ in rows]
    assert times[0] == start
    assert all((later - sooner).total_seconds() >= 86400 for sooner, later in pairwise(times))
    assert all(new <= 2 * old for _, old, new in rows)
    week = [new for when, _, new in rows if (when - start).days < 7]
    assert max(week) <= 300
    assert state(db, bad)[0] == "paused"
    assert_sound(db)

"""The clock is the database's: what is written at another time is refused, or simulated."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Lease,
    apply_answer,
    apply_one,
    assert_sound,
    begin,
    begin_answer,
    campaign,
    changes,
    finish,
    hours_ago,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables

WRITERS = {
    "approve_autonomous_action": "p_action_id => %(pending)s",
    "auto_pause_campaign": "p_campaign_id => %(one)s, p_reason => 'why'",
    "auto_scale_campaign": "p_campaign_id => %(one)s, p_new_budget => 120, p_reason => 'why'",
    "begin_autonomous_run": "p_run_id => gen_random_uuid()",
    "begin_platform_pull": "p_account => 'Read', p_token => %(token)s",
    "dashboard_set_campaign": "p_campaign_id => %(one)s, p_changes => '{\"hold_until\": null}'",
    "dashboard_set_campaigns": "p_campaign_ids => array[%(one)s::uuid],"
    " p_changes => '{\"hold_until\": null}'",
    "expire_pending_actions": "",
    "finish_autonomous_run": "p_run_id => %(run)s, p_lease_token => %(token)s, p_summary => '{}',"
    " p_response => '', p_response_status => 200",
    "autonomy_messages_sent": "p_claim => %(token)s, p_channel => 'slack', p_sent => true",
    "autonomy_take_messages": "p_claim => %(token)s, p_channels => '{}'",
    "import_feed": "p_dry_run => true",
    "finish_platform_pull": "p_account => 'Read', p_token => %(token)s, p_outcome => 'done'",
    "fit_portfolio_prior": "p_force => true",
    "measure_action_impact": "",
    "fail_undelivered": "",
    "platform_changes_to_push": "p_account => 'Read', p_token => %(token)s",
    "record_deliveries": "p_account => 'Read', p_token => %(token)s, p_outcomes => '[]'",
    "record_platform_history": "p_account => 'Read', p_token => %(token)s, p_changes => '[]'",
    "read_feed": "",
    "record_campaign_metrics": "p_rows => '[]'",
    "record_opportunities": "",
    "record_platform_check": "p_account => 'Read'",
    "record_platform_days": "p_account => 'Read', p_token => %(token)s, p_days => '[]'",
    "record_platform_pulse": "p_account => 'Read', p_token => %(token)s, p_pulse => '{}'",
    "record_platform_units": "p_account => 'Read', p_token => %(token)s, p_units => '[]'",
    "reject_autonomous_action": "p_action_id => %(pending)s",
    "rollback_autonomous_action": "p_action_id => %(done)s",
    "rollback_autonomous_actions": "p_filter => jsonb_build_object('rule_id', %(one)s)",
    "run_autonomous_operations": "",
    "set_opportunity_status": "p_id => %(problem)s, p_status => 'resolved'",
}
"""Every function that writes and is told when, with what it needs beside."""
NO_WRITERS = {
    "apply_autonomous_actions": "takes only its run's",
    "autonomy_account_days": "as the overview",
    "dashboard_funnel": "as the overview",
    "dashboard_overview": "counts figures again, at no moment of the caller's",
    "dashboard_preview_policy": "a preview",
    "dashboard_preview_rule": "a preview",
    "dashboard_scoreboard": "as the overview",
    "record_held_out": "takes only its run's",
    "record_opportunities_found": "a part of record_opportunities",
    "retire": "writes about no campaign; a part of a run",
    "resolve_opportunities_gone": "a part of record_opportunities",
}


@pytest.fixture
def account(db: Db) -> dict[str, object]:
    """One of everything that a writer may be told about; then the session stops simulating."""
    one, other, third = campaign(db), campaign(db), campaign(db)
    done = apply_one(db, scale_up(other))["action_id"]
    pending = apply_one(db, scale_up(third, verdict="propose", code="APPROVAL"))["action_id"]
    lease = begin(db)
    problem = value(
        db,
        "insert into optimization_opportunities (campaign_id, opportunity_type, severity)"
        " values (%s, 'audience_targeting', 'low') returning id",
        one,
    )
    db.execute(
        "insert into autonomy.platform_accounts (account, platform, external_id, lease_token,"
        " lease_expires_at) values ('Read', 'meta', '1', %s, now() + interval '1 hour')",
        (lease.token,),
    )
    db.execute("set local autonomy.simulation = off")
    return {
        "one": one,
        "done": done,
        "pending": pending,
        "run": lease.run_id,
        "token": lease.token,
        "problem": problem,
    }


def test_every_writer_is_known(db: Db) -> None:
    found = {
        name
        for (name,) in db.execute(
            "select proname from pg_proc where pronamespace in ('public'::regnamespace,"
            " 'autonomy'::regnamespace)"
            " and provolatile = 'v' and 'p_now' = any (proargnames)"
            " and pg_get_function_arguments(oid) ~ 'p_now timestamp with time zone DEFAULT'"
        )
    }
    assert found == {*WRITERS, *NO_WRITERS}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("minutes", [-6, 6])
def test_another_time_is_refused(
    db: Db, account: dict[str, object], writer: str, minutes: int
) -> None:
    given = ", ".join(filter(None, (WRITERS[writer], "p_now => %(now)s")))
    now = hours_ago(-minutes / 60, db)
    with refused(db, "AO014", "the database's clock says"):
        db.execute(f"select {writer}({given})".encode(), {**account, "now": now})


@pytest.mark.parametrize("writer", [one for one in WRITERS if one != "run_autonomous_operations"])
@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_five_minutes_are_no_other_time(
    db: Db, account: dict[str, object], writer: str, minutes: int
) -> None:
    given = ", ".join(filter(None, (WRITERS[writer], "p_now => %(now)s")))
    now = hours_ago(-minutes / 60, db)
    row = db.execute(f"select {writer}({given})".encode(), {**account, "now": now}).fetchone()
    assert row is not None


def test_a_refused_run_leaves_nothing(db: Db) -> None:
    one = campaign(db)
    db.execute("set local autonomy.simulation = off")
    for call in ("run_autonomous_operations(%s)", "begin_autonomous_run(%s, p_now => %s)"):
        given = [hours_ago(-1, db)] if call.startswith("run") else [uuid.uuid4(), hours_ago(1, db)]
        with refused(db, "AO014", "Leave p_now out"):
            db.execute(f"select {call}".encode(), given)
    assert value(db, "select count(*) from autonomous_runs") == 0
    assert state(db, one)[1] == 100
    assert changes(db, one) == ["created"]


@pytest.mark.parametrize("word", ["on", "true", "1", "ON"])
def test_a_session_may_simulate(db: Db, word: str) -> None:
    db.execute(f"set local autonomy.simulation = '{word}'".encode())
    assert value(db, "select autonomy.simulated_moment(%s)", hours_ago(24, db)) is True
    assert value(db, "select autonomy.simulated_moment(now())") is False


@pytest.mark.parametrize("word", ["off", "", "no", "false", "0", "onn"])
def test_any_other_word_does_not(db: Db, word: str) -> None:
    db.execute(f"set local autonomy.simulation = '{word}'".encode())
    with refused(db, "AO014"):
        value(db, "select autonomy.simulated_moment(%s)", hours_ago(24, db))
    assert value(db, "select autonomy.simulated_moment(now())") is False


def test_what_reads_only_may_be_asked_of_any_time(db: Db, account: dict[str, object]) -> None:
    past, done = hours_ago(1000, db), account["done"]
    for call in (
        "list_autonomous_candidates(p_now => %(past)s)",
        "propose_autonomous_actions(p_now => %(past)s)",
        "identify_underperforming_campaigns(p_now => %(past)s)",
        "identify_scaling_candidates(p_now => %(past)s)",
        "campaign_facts_at(%(past)s)",
        "detect_optimization_opportunities(%(past)s)",
        "rollback_autonomous_action(%(done)s, p_preview => true, p_now => %(past)s)",
    ):
        db.execute(f"select {call}".encode(), {"past": past, "done": done})
    assert_sound(db)


def test_a_simulated_run_says_so(db: Db) -> None:
    simulated = value(db, "select run_autonomous_operations(%s)", hours_ago(24, db))
    assert simulated["simulated"] is True
    shown = value(db, "select dashboard_run(%s)", simulated["run_id"])
    assert shown["summary"]["simulated"] is True
    assert "simulated" not in value(db, "select run_autonomous_operations()")


def test_a_simulated_run_from_outside_says_so_while_it_runs(db: Db) -> None:
    lease = begin(db, now=hours_ago(24, db))
    assert lease.answer["simulated"] is True
    shown = value(db, "select dashboard_run(%s)", lease.run_id)
    assert shown["summary"]["simulated"] is True
    finish(db, lease)
    plain = begin(db)
    assert plain.answer["simulated"] is False
    assert "simulated" not in value(db, "select dashboard_run(%s)", plain.run_id)["summary"]


def test_apply_takes_only_the_moment_of_its_run(db: Db) -> None:
    one = campaign(db)
    lease = begin(db, now=hours_ago(24, db))
    for hours in (0, 23.99, 25):
        with refused(db, "AO014", "a run has one"):
            apply_answer(db, lease, [scale_up(one)], now=hours_ago(hours, db))
    assert state(db, one)[1] == 100
    answer = apply_answer(db, lease, [scale_up(one)], now=hours_ago(24, db))
    assert answer["results"][0]["status"] == "executed"
    assert value(db, "select executed_at from autonomous_actions") == hours_ago(24, db)
    finish(db, lease)


def test_a_run_that_is_begun_again_keeps_its_moment(db: Db) -> None:
    one = campaign(db)
    run_id, first, later = uuid.uuid4(), hours_ago(2, db), hours_ago(1, db)
    begun = begin_answer(db, run_id=run_id, now=first)
    again = begin_answer(db, run_id=run_id, now=later)
    assert again["outcome"] == "started"
    assert (again["now"], again["portfolio"]) == (begun["now"], begun["portfolio"])
    lease = Lease(run_id, uuid.UUID(again["lease_token"]), again)
    moment = value(db, "select %s::timestamptz", again["now"])
    assert moment == first
    assert apply_answer(db, lease, [scale_up(one)], now=first)["results"][0]["error"] is None


def test_a_run_that_took_long_is_finished_at_its_own_moment(db: Db) -> None:
    """Six minutes after it began, the moment of its run is another than the clock's by now."""
    lease = begin(db, now=hours_ago(0.1, db))
    db.execute("set local autonomy.simulation = off")
    db.execute(
        "select finish_autonomous_run(%s, %s, %s, '{}', 200, %s)",
        (lease.run_id, lease.token, Jsonb({}), hours_ago(0.1, db)),
    )
    row = db.execute("select status, finished_at from autonomous_runs").fetchone()
    assert row == ("completed", hours_ago(0, db) - timedelta(minutes=6))

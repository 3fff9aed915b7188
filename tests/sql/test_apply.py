"""Compare-and-set apply: both or neither, once, each bad decision alone, no limit passed."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
    action,
    apply,
    apply_answer,
    apply_one,
    assert_sound,
    begin,
    campaign,
    changes,
    decision,
    finish,
    hours_ago,
    policy,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables


def rule(db: Db, name: str = "A test rule", **action_keys: Any) -> uuid.UUID:
    body = {"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 400, **action_keys}
    made: uuid.UUID = value(
        db,
        "insert into autonomous_rules (rule_name, rule_type, condition, action) values"
        " (%s, 'scale',"
        """ '{"metric": "roi", "operator": ">=", "threshold": 3}', %s) returning id""",
        name,
        Jsonb(body),
    )
    return made


# What is done -----------------------------------------------------------------------------------


def test_the_state_and_the_log_change_together(db: Db) -> None:
    one, two, three = campaign(db, status="Active"), campaign(db), campaign(db, budget="80.10")
    lease = begin(db)
    results = apply(
        db,
        lease,
        [
            decision(one, status="Active"),
            scale_up(two),
            decision(three, "auto_scale_down", budget=80.10, new_budget=40.05),
        ],
    )
    assert [result["status"] for result in results] == ["executed"] * 3
    assert [state(db, each) for each in (one, two, three)] == [
        ("paused", 100),
        ("active", 150),
        ("active", Decimal("40.05")),
    ]
    row = action(db, results[2]["action_id"])
    assert row.previous_state == {"status": "active", "budget": 80.10}
    assert row.new_state == {"status": "active", "budget": 40.05}
    assert (row.run_id, row.actor, row.error) == (lease.run_id, "autonomy", None)
    assert row.evidence["spend"] == 200
    assert row.expected_impact == {"kind": "pause"}
    assert changes(db, one) == ["created", "action"]
    assert_sound(db)


def test_every_time_written_is_the_time_given(db: Db) -> None:
    long_ago = hours_ago(24 * 300, db)
    one = campaign(db)
    result = apply_one(db, decision(one), now=long_ago)
    row = action(db, result["action_id"])
    assert row.created_at == row.executed_at == long_ago
    written = "select changed_at from campaign_changes where action_id = %s"
    assert value(db, written, row.id) == long_ago


def test_the_same_batch_again_gives_the_same_results_and_changes_nothing(db: Db) -> None:
    policy(db, pause_breaker_count=0, pause_breaker_share=0)
    batch = [
        decision(campaign(db), action_id=str(uuid.uuid4())),  # will wait: the breaker
        scale_up(campaign(db)),
        scale_up(uuid.uuid4()),
        decision(campaign(db), budget=99),
        decision("no uuid"),
        {"nonsense": True},
    ]
    lease = begin(db)
    first = apply_answer(db, lease, batch)
    before = db.execute("select * from autonomous_actions order by id").fetchall()
    assert apply_answer(db, lease, batch) == first
    assert db.execute("select * from autonomous_actions order by id").fetchall() == before
    assert [result["error"] for result in first["results"]] == [
        "PAUSE_BREAKER",
        None,
        "CAMPAIGN_NOT_FOUND",
        "CHANGED_MEANWHILE",
        "BAD_DECISION",
        "BAD_DECISION",
    ]
    assert_sound(db)


def test_an_action_id_is_accepted_once_only(db: Db) -> None:
    one, two, name = campaign(db), campaign(db), str(uuid.uuid4())
    lease = begin(db)
    apply(db, lease, [scale_up(one, action_id=name)])
    (stolen,) = apply(db, lease, [scale_up(two, action_id=name)])
    assert stolen["error"] == "BAD_DECISION"
    twice = apply(
        db, lease, [scale_up(two), scale_up(two), scale_up(two, action_id=str(uuid.uuid4()))]
    )
    assert [result["status"] for result in twice] == ["executed", "executed", "failed"]
    assert state(db, two) == ("active", 150)
    assert (
        value(
            db,
            "select count(*) from autonomous_actions where campaign_id = %s and status ="
            " 'executed'",
            two,
        )
        == 1
    )


def test_an_empty_batch_extends_the_lease_and_does_nothing(db: Db) -> None:
    lease = begin(db, lease_seconds=10)
    expires = "select lease_expires_at from autonomous_runs where id = %s"
    before = value(db, expires, lease.run_id)
    time.sleep(0.01)
    assert apply_answer(db, lease, []) == {"results": [], "frozen": False}
    after = value(db, expires, lease.run_id)
    assert timedelta(0) < after - before < timedelta(seconds=5)


# What is refused --------------------------------------------------------------------------------


def test_without_the_token_nothing_is_done(db: Db) -> None:
    one = campaign(db)
    lease = begin(db)
    for run_id, token in [(lease.run_id, uuid.uuid4()), (uuid.uuid4(), lease.token), (None, None)]:
        with refused(db, "AO007"):
            value(
                db,
                "select apply_autonomous_actions(%s, %s, %s)",
                run_id,
                token,
                Jsonb([decision(one)]),
            )
    finish(db, lease)
    with refused(db, "AO007"):
        apply(db, lease, [decision(one)])
    assert state(db, one) == ("active", 100)


@pytest.mark.parametrize("given", [None, "{}", '"x"', "null", "7"])
def test_decisions_are_a_list(db: Db, given: str | None) -> None:
    lease = begin(db)
    with refused(db, "AO010", "list"):
        value(
            db,
            "select apply_autonomous_actions(%s, %s, %s::jsonb)",
            lease.run_id,
            lease.token,
            given,
        )


def test_a_batch_has_at_most_5000(db: Db) -> None:
    with refused(db, "AO010", "5000"):
        apply(db, begin(db), [{}] * 5001)


def test_dry_runs_and_observing_runs_apply_nothing(db: Db) -> None:
    dry = begin(db, request={"dry_run": True})
    with refused(db, "AO010", "dry run"):
        apply(db, dry, [])
    policy(db, mode="observe")
    with refused(db, "AO010", "observe"):
        apply(db, begin(db), [])


def bad_decisions(db: Db) -> dict[str, Any]:
    good = uuid.uuid4()
    bad = {
        "no object": 17,
        "null": None,
        "list": [1],
        "no campaign": decision(None),
        "verdict": decision(good, verdict="hold"),
        "no verdict": {**decision(good), "verdict": None},
        "type": decision(good, "ab_test_created"),
        "rule": decision(good, rule_id="rule"),
        "action id": decision(good, action_id="7"),
        "confidence text": decision(good, confidence="high"),
        "confidence missing": decision(good, confidence=None),
        "confidence NaN": decision(good, confidence="NaN"),
        "confidence over": decision(good, confidence=100.01),
        "no reason": decision(good, reason=" "),
        "reason number": decision(good, reason=5),
        "budget text": scale_up(good, new_budget="much"),
        "budget NaN": scale_up(good, new_budget="NaN"),
        "budget null": {**scale_up(good), "new": {"status": "active", "budget": None}},
        "budget fractions of a cent": scale_up(good, new_budget=150.001),
        "budget huge": scale_up(good, new_budget=1e300),
        "budget negative": decision(good, "auto_scale_down", new_budget=-1),
        "budget zero": decision(good, "auto_scale_down", new_budget=0),
        "new is text": {**decision(good), "new": "paused"},
        "previous missing": {**decision(good), "previous": None},
        "pause that keeps running": decision(good, new_status="active"),
        "pause of a paused one": decision(good, status="paused"),
        "pause that changes the budget": decision(good, new_budget=90),
        "scale that pauses": scale_up(good, new_status="paused"),
        "scale up that lowers": scale_up(good, new_budget=50),
        "scale down that raises": decision(good, "auto_scale_down", new_budget=110),
        "scale that changes nothing": decision(good, "budget_adjusted", new_budget=100),
        "resume of an active one": decision(good, "auto_resume"),
    }
    # a campaign each, as an action's id is made of run and campaign
    for item in bad.values():
        if isinstance(item, dict) and item["campaign_id"] == str(good):
            item["campaign_id"] = str(campaign(db))
    return bad


def test_each_malformed_decision_fails_alone(db: Db) -> None:
    good = campaign(db)
    bad = bad_decisions(db)
    results = apply(db, begin(db), [*bad.values(), scale_up(good)])
    for name, result in zip(bad, results, strict=False):
        assert (result["status"], result["error"]) == ("failed", "BAD_DECISION"), name
        assert result["message"].startswith("The decision cannot be carried out: "), name
    assert results[-1]["status"] == "executed"
    assert value(db, "select count(*) from campaigns where budget = 100") == len(bad) - 4
    failed = value(db, "select count(*) from autonomous_actions where error = 'BAD_DECISION'")
    assert failed == len(bad) - 4  # three are no objects, one names no action that could be logged
    assert_sound(db)


def test_budgets_whose_difference_overflows_spoil_nothing(db: Db) -> None:
    absurd, good, lease = campaign(db), campaign(db), begin(db)
    batch = json.dumps([scale_up(absurd, budget="low", new_budget="high"), scale_up(good)])
    batch = batch.replace('"low"', "-9e131071").replace('"high"', "9e131071")
    results = value(
        db, "select apply_autonomous_actions(%s, %s, %s::jsonb)", lease.run_id, lease.token, batch
    )["results"]
    assert [(one["status"], one["error"]) for one in results] == [
        ("failed", "BAD_DECISION"), ("executed", None),
    ]  # fmt: skip
    assert_sound(db)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", None])
def test_a_moment_is_needed(db: Db, moment: str | None) -> None:
    one = campaign(db, hold_until=hours_ago(-50, db))
    lease = begin(db)
    batch = Jsonb([decision(one)])
    for call, arguments in (
        (
            "apply_autonomous_actions(%s, %s, %s, p_now => %s)",
            (lease.run_id, lease.token, batch),
        ),
        ("approve_autonomous_action(%s, p_now => %s)", (uuid.uuid4(),)),
        ("begin_autonomous_run(%s, p_now => %s)", (uuid.uuid4(),)),
        ("run_autonomous_operations(%s)", ()),
    ):
        with refused(db, "AO010", "p_now must be a moment"):
            db.execute(f"select {call}".encode(), (*arguments, moment))
    assert state(db, one) == ("active", Decimal(100))


def test_an_unknown_campaign_fails_alone_and_is_logged(db: Db) -> None:
    gone, good = uuid.uuid4(), campaign(db)
    first, second = apply(db, begin(db), [decision(gone), scale_up(good)])
    assert (first["status"], first["error"]) == ("failed", "CAMPAIGN_NOT_FOUND")
    assert second["status"] == "executed"
    assert action(db, first["action_id"]).status == "failed"


@pytest.mark.parametrize(
    "edit", ["budget = 120", "status = 'paused'", "status = 'Active'", "budget = null"]
)
def test_a_human_edit_wins(db: Db, edit: str) -> None:
    one, good = campaign(db), campaign(db)
    lease = begin(db)
    db.execute(f"update campaigns set {edit} where id = %s", (one,))
    edited = state(db, one)
    first, second = apply(db, lease, [decision(one), scale_up(good)])
    assert (first["status"], first["error"]) == ("failed", "CHANGED_MEANWHILE")
    assert second["status"] == "executed"
    assert state(db, one) == edited
    row = action(db, first["action_id"])
    assert row.previous_state == {"status": "active", "budget": 100}
    assert row.evidence["found"]["status"] == edited[0]
    assert "active with a budget of 100.00; now it is" in first["message"]
    assert_sound(db)


# No guardrail is passed, whatever the engine sends ----------------------------------------------


def assert_held_back(db: Db, item: Json, code: str, status: str = "failed") -> None:
    before = state(db, item["campaign_id"])
    result = apply_one(db, item)
    assert (result["status"], result["error"]) == (status, code)
    assert result["message"]
    assert state(db, item["campaign_id"]) == before
    assert_sound(db)


def test_disabled(db: Db) -> None:
    assert_held_back(db, decision(campaign(db, autonomous_enabled=False)), "DISABLED")


def test_on_hold(db: Db) -> None:
    assert_held_back(db, decision(campaign(db, hold_until=hours_ago(-1, db))), "ON_HOLD")
    held_once = campaign(db, hold_until=hours_ago(1, db))
    assert apply_one(db, decision(held_once))["status"] == "executed"


def test_cooldown(db: Db) -> None:
    one = campaign(db)
    apply_one(db, scale_up(one), now=hours_ago(23.9, db))
    assert_held_back(db, scale_up(one, 150, 200), "COOLDOWN")
    assert apply_one(db, scale_up(one, 150, 200), now=hours_ago(-0.2, db))["status"] == "executed"


def test_a_pause_never_waits_for_a_scales_cooldown(db: Db) -> None:
    one = campaign(db)
    apply_one(db, scale_up(one), now=hours_ago(1, db))
    assert apply_one(db, decision(one, budget=150))["status"] == "executed"


def test_a_pause_waits_for_a_pauses_cooldown(db: Db) -> None:
    one = campaign(db)
    apply_one(db, decision(one), now=hours_ago(1, db))
    db.execute("set local autonomy.actor = 'scheduler'")  # a program's change is followed
    db.execute("update campaigns set status = 'active' where id = %s", (one,))
    assert_held_back(db, decision(one), "COOLDOWN")


def test_the_rules_own_cooldown(db: Db) -> None:
    one, its_rule = campaign(db), rule(db, cooldown_hours=2)
    apply_one(db, scale_up(one), now=hours_ago(1.9, db))
    assert_held_back(db, scale_up(one, 150, 200, rule_id=its_rule), "COOLDOWN")
    db.execute("update autonomous_rules set action = action || '{\"cooldown_hours\": 1}'")
    assert apply_one(db, scale_up(one, 150, 200, rule_id=its_rule))["status"] == "executed"


def test_an_ab_test_runs(db: Db) -> None:
    one = campaign(db)
    db.execute("insert into campaign_ab_tests (campaign_id) values (%s)", (one,))
    assert_held_back(db, decision(one), "TEST_RUNNING")


def test_confidence_below_the_floor(db: Db) -> None:
    assert_held_back(db, decision(campaign(db), confidence=49.99), "AGAINST_THE_ODDS")
    policy(db, min_pause_confidence=96)
    assert_held_back(db, decision(campaign(db)), "AGAINST_THE_ODDS")
    assert apply_one(db, scale_up(campaign(db)))["status"] == "executed"
    policy(db, min_pause_confidence=50, min_confidence=96)
    assert_held_back(db, scale_up(campaign(db)), "AGAINST_THE_ODDS")
    assert_held_back(db, decision(campaign(db)), "AGAINST_THE_ODDS")
    its_rule = rule(db, min_confidence=97)
    assert_held_back(db, scale_up(campaign(db), rule_id=its_rule), "AGAINST_THE_ODDS")


def test_what_a_raise_lacks_is_told_by_the_bar_that_it_was_decided_by(db: Db) -> None:
    """Beside a rule by the curve that is a higher one."""
    one = campaign(db, created_at=hours_ago(24 * 30, db))
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) values (%s, 90000, 2000, 12, 1500, 3000)",
        (one,),
    )
    its_rule = rule(db, multiplier=1.5, min_confidence=80)
    db.execute("update autonomous_rules set is_active = id = %s", (its_rule,))
    always = Jsonb({"metric": "spend", "operator": ">", "threshold": 0})
    db.execute("update autonomous_rules set condition = %s where id = %s", (always, its_rule))
    db.execute("select fit_portfolio_prior(true)")  # as the runs below would
    told = {}
    for by_curve in (False, True):
        if by_curve:
            db.execute(
                "insert into autonomous_rules (rule_name, rule_type, condition, action, priority)"
                " values ('Curve', 'optimize',"
                """ '{"metric": "spend", "operator": ">", "threshold": 1000000}',"""
                """ '{"type": "budget_adjusted", "by": "curve"}', 1)"""
            )
        (held,) = value(db, "select propose_autonomous_actions() -> 'decisions'")
        assert held["code"] == "AGAINST_THE_ODDS"
        lease = begin(db)
        sent = scale_up(one, rule_id=str(its_rule), confidence=held["confidence"])
        (result,) = apply(db, lease, [sent])
        finish(db, lease)
        assert result["error"] == "AGAINST_THE_ODDS"
        told[by_curve] = held["reason"]
        assert result["message"].rstrip(".").lower() in held["reason"].lower()
    assert told[True] != told[False]


def test_step_cap(db: Db) -> None:
    assert_held_back(db, scale_up(campaign(db), new_budget=200.01), "STEP_CAP")
    assert_held_back(db, decision(campaign(db), "budget_adjusted", new_budget=200.01), "STEP_CAP")
    policy(db, max_step=1.1)
    assert_held_back(db, scale_up(campaign(db), new_budget=150), "STEP_CAP")


def test_growth_cap_counts_all_actions_of_seven_days(db: Db) -> None:
    one = campaign(db)
    apply_one(db, scale_up(one, 100, 150), now=hours_ago(24 * 6.9, db))
    apply_one(db, scale_up(one, 150, 220), now=hours_ago(24 * 3, db))
    assert_held_back(db, scale_up(one, 220, 300.01), "GROWTH_CAP")
    assert apply_one(db, scale_up(one, 220, 300))["status"] == "executed"


def test_growth_cap_forgets_after_seven_days(db: Db) -> None:
    one = campaign(db)
    apply_one(db, scale_up(one, 100, 200), now=hours_ago(24 * 7.1, db))
    assert apply_one(db, scale_up(one, 200, 400))["status"] == "executed"


def test_budget_cap(db: Db) -> None:
    policy(db, max_budget=180, min_budget=40)
    assert_held_back(db, scale_up(campaign(db), new_budget=180.01), "BUDGET_CAP")
    assert_held_back(db, decision(campaign(db), "auto_scale_down", new_budget=39.99), "BUDGET_CAP")
    assert_held_back(db, decision(campaign(db), "budget_adjusted", new_budget=39.99), "BUDGET_CAP")
    its_rule = rule(db, max_budget=120)
    assert_held_back(db, scale_up(campaign(db), rule_id=its_rule), "BUDGET_CAP")
    above = campaign(db, budget=1000)
    assert (
        apply_one(db, decision(above, "auto_scale_down", budget=1000, new_budget=500))["status"]
        == "executed"
    )


def test_a_rule_that_was_switched_off_or_removed_meanwhile(db: Db) -> None:
    its_rule = rule(db)
    db.execute("update autonomous_rules set is_active = false where id = %s", (its_rule,))
    version = value(
        db,
        "select autonomy.rule_version(condition, action) from autonomous_rules where id = %s",
        its_rule,
    )
    off = scale_up(campaign(db), rule_id=its_rule, rule_version=version)
    assert_held_back(db, off, "RULE_CHANGED")
    gone = scale_up(campaign(db), rule_id=str(uuid.uuid4()), rule_version=version)
    assert_held_back(db, gone, "RULE_CHANGED")


@pytest.mark.parametrize("limit", [{"max_budget": 120}, {"requires_approval": True}])
@pytest.mark.parametrize("flaw", ["condition = '{}'", "rule_name = ''"])
def test_nothing_is_done_by_a_rule_that_cannot_be_read(db: Db, limit: Json, flaw: str) -> None:
    its_rule = rule(db, **limit)
    db.execute("alter table autonomous_rules disable trigger user")
    db.execute(f"update autonomous_rules set {flaw} where id = %s", (its_rule,))
    assert_held_back(db, scale_up(campaign(db), rule_id=its_rule), "RULE_CHANGED")


def test_a_pending_action(db: Db) -> None:
    one = campaign(db)
    assert apply_one(db, scale_up(one, verdict="propose", code="APPROVAL"))["status"] == "pending"
    assert_held_back(db, decision(one), "AWAITING_APPROVAL")
    assert_held_back(db, scale_up(one, verdict="propose", code="APPROVAL"), "AWAITING_APPROVAL")


def test_approval_that_the_rule_or_the_mode_wants(db: Db) -> None:
    its_rule = rule(db, requires_approval=True)
    assert_held_back(db, scale_up(campaign(db), rule_id=its_rule), "APPROVAL", "pending")
    lease = begin(db)
    policy(db, mode="approve")
    one = campaign(db)
    (result,) = apply(db, lease, [scale_up(one)])
    assert (result["status"], result["error"]) == ("pending", "APPROVAL")
    assert state(db, one) == ("active", 100)


def test_frozen_between_begin_and_apply(db: Db) -> None:
    one = campaign(db)
    lease = begin(db)
    policy(db, frozen=True)
    answer = apply_answer(db, lease, [decision(one), scale_up(uuid.uuid4()), {"bad": 1}])
    assert answer["frozen"] is True
    assert {(each["status"], each["error"]) for each in answer["results"]} == {("held", "FROZEN")}
    assert state(db, one) == ("active", 100)
    assert value(db, "select count(*) from autonomous_actions") == 0
    policy(db, frozen=False)
    assert apply(db, lease, [decision(one)])[0]["status"] == "executed"


def test_observing_since_begin(db: Db) -> None:
    lease = begin(db)
    policy(db, mode="observe")
    (result,) = apply(db, lease, [decision(campaign(db))])
    assert (result["status"], result["error"]) == ("held", "OBSERVE")


def test_pause_breaker_counts_all_runs_of_a_day(db: Db) -> None:
    each = [campaign(db) for _ in range(24)]  # a quarter is 6
    lease = begin(db)
    assert {r["status"] for r in apply(db, lease, [decision(one) for one in each[:4]])} == {
        "executed"
    }
    assert {r["status"] for r in apply(db, lease, [decision(one) for one in each[4:6]])} == {
        "executed"
    }
    (seventh,) = apply(db, lease, [decision(each[6])])
    assert (seventh["status"], seventh["error"]) == ("pending", "PAUSE_BREAKER")
    assert state(db, each[6]) == ("active", 100)
    assert action(db, seventh["action_id"]).evidence["proposed_because"] == "PAUSE_BREAKER"
    finish(db, lease)
    assert apply_one(db, decision(each[7]), now=hours_ago(-25, db))["status"] == "executed"


def test_pause_breaker_turns_a_whole_batch_into_proposals(db: Db) -> None:
    each = [campaign(db) for _ in range(8)]
    results = apply(db, begin(db), [decision(one) for one in each])
    assert {(r["status"], r["error"]) for r in results} == {("pending", "PAUSE_BREAKER")}
    assert {state(db, one)[0] for one in each} == {"active"}


def test_five_pauses_never_trip_the_breaker(db: Db) -> None:
    each = [campaign(db) for _ in range(10)][:5]  # half of ten
    results = apply(db, begin(db), [decision(one) for one in each])
    assert {r["status"] for r in results} == {"executed"}


def test_of_a_small_account_the_third_pause_that_makes_more_than_half_is_a_persons(db: Db) -> None:
    each = [campaign(db) for _ in range(5)]
    lease = begin(db)
    first = apply(db, lease, [decision(one) for one in each[:2]])
    assert {r["status"] for r in first} == {"executed"}
    (third,) = apply(db, lease, [decision(each[2])])
    assert (third["status"], third["error"]) == ("pending", "PAUSE_BREAKER")
    assert_sound(db)


def test_one_accounts_pauses_are_not_made_few_by_another(db: Db) -> None:
    each = [campaign(db, account="small") for _ in range(8)]
    for _ in range(60):
        campaign(db, account="large")
    results = apply(db, begin(db), [decision(one) for one in each[:6]])
    assert {(r["status"], r["error"]) for r in results} == {("pending", "PAUSE_BREAKER")}


def test_cuts_of_a_day_take_a_share_of_the_account(db: Db) -> None:
    each = [campaign(db) for _ in range(10)]  # 30 % of 1,000 are six cuts of 50
    lease = begin(db)

    def scale_down(one: uuid.UUID, **keys: Any) -> Json:
        return decision(one, "auto_scale_down", budget=100, new_budget=50, **keys)

    results = apply(db, lease, [scale_down(one, confidence=60 + n) for n, one in enumerate(each)])
    assert [r["error"] for r in results] == ["SHRINK_BREAKER"] * 4 + [None] * 6
    (later,) = apply(db, lease, [scale_down(each[0], action_id=str(uuid.uuid4()))])
    assert later["error"] == "SHRINK_BREAKER"
    assert later["message"].startswith("The account has been cut enough for 24 hours. ")
    assert_sound(db)


def test_growth_breaker_lets_the_most_confident_go(db: Db) -> None:
    each = [campaign(db) for _ in range(10)]  # 30 % of 1,000 are six raises of 50
    lease = begin(db)
    results = apply(db, lease, [scale_up(one, confidence=60 + n) for n, one in enumerate(each)])
    assert [r["error"] for r in results] == ["GROWTH_BREAKER"] * 4 + [None] * 6
    (later,) = apply(db, lease, [scale_up(each[0], action_id=str(uuid.uuid4()))])
    assert later["error"] == "GROWTH_BREAKER"
    assert_sound(db)


# Resuming ---------------------------------------------------------------------------------------


def paused_by_us(db: Db, *, hours: float = 48) -> uuid.UUID:
    one = campaign(db, status="Active")
    apply_one(db, decision(one, status="Active"), now=hours_ago(hours, db))
    return one


def resume(one: uuid.UUID, **keys: Any) -> Json:
    return decision(one, "auto_resume", status="paused", new_status="Active", **keys)


def test_a_pause_of_ours_is_resumed_to_the_letter(db: Db) -> None:
    one = paused_by_us(db)
    assert apply_one(db, resume(one, confidence=81))["status"] == "executed"
    assert state(db, one) == ("Active", 100)
    assert_sound(db)


def test_a_rule_that_wants_approval_wants_it_for_a_resume_as_well(db: Db) -> None:
    one, its_rule = paused_by_us(db), rule(db, requires_approval=True)
    assert_held_back(db, resume(one, rule_id=its_rule), "APPROVAL", "pending")
    waits = value(db, "select id from autonomous_actions where status = 'pending'")
    db.execute("select approve_autonomous_action(%s, 'Ann')", (waits,))
    assert state(db, one) == ("Active", 100)


def test_no_other_pause_is_resumed(db: Db) -> None:
    by_hand = campaign(db, status="paused")
    assert_held_back(db, resume(by_hand), "CHANGED_MEANWHILE")
    again = paused_by_us(db)
    db.execute("update campaigns set status = 'Active' where id = %s", (again,))
    db.execute("update campaigns set status = 'paused' where id = %s", (again,))
    assert_held_back(db, resume(again), "CHANGED_MEANWHILE")
    otherwise = paused_by_us(db)
    assert_held_back(
        db, {**resume(otherwise), "new": {"status": "active", "budget": 100}}, "CHANGED_MEANWHILE"
    )
    more = {**resume(otherwise), "new": {"status": "Active", "budget": 200}}
    assert_held_back(db, more, "BAD_DECISION")


def test_resuming_can_be_switched_off_and_waits_its_time(db: Db) -> None:
    for _ in range(8):  # pauses of a small account would be a person's
        campaign(db)
    assert_held_back(db, resume(paused_by_us(db, hours=2)), "COOLDOWN")
    one = paused_by_us(db, hours=100)
    apply_one(db, resume(one), now=hours_ago(70, db))
    apply_one(db, decision(one, status="Active"), now=hours_ago(40, db))
    assert_held_back(db, resume(one), "COOLDOWN")  # twice in a week
    policy(db, resume_when_proven_wrong=False)
    assert_held_back(db, resume(paused_by_us(db)), "RULE_CHANGED")


# The installation's own constraints and triggers ------------------------------------------------


def test_what_a_constraint_refuses_fails_alone(db: Db) -> None:
    policy(db, growth_breaker_share=100)
    db.execute(
        "alter table campaigns add constraint no_150 check (title <> 'odd' or budget <> 150)"
    )
    each = [campaign(db, title="odd" if n in (3, 40) else "even") for n in range(64)]
    results = apply(db, begin(db), [scale_up(one) for one in each])
    failed = [n for n, result in enumerate(results) if result["status"] == "failed"]
    assert failed == [3, 40]
    assert results[3]["error"] == "REFUSED_BY_DATABASE"
    assert "no_150" in results[3]["message"]
    assert action(db, results[3]["action_id"]).status == "failed"
    assert Counter(state(db, one)[1] for one in each) == {Decimal(150): 62, Decimal(100): 2}
    assert_sound(db)


def user_trigger(db: Db, body: str, when: str = "before") -> None:
    db.execute(
        f"create function theirs() returns trigger language plpgsql as $$ begin {body} end $$;"
        f"create trigger theirs {when} update on campaigns for each row execute function theirs()"
    )


def test_many_that_a_trigger_turns_round_are_told_at_once(db: Db) -> None:
    user_trigger(db, "new.budget := old.budget - 1; return new;")
    policy(db, growth_breaker_share=1)
    ones = [campaign(db) for _ in range(300)]
    statements = "select count(*) from autonomous_actions where error = 'REFUSED_BY_DATABASE'"
    results = apply(db, begin(db), [scale_up(one) for one in ones])
    assert Counter(one["error"] for one in results) == {"REFUSED_BY_DATABASE": 300}
    assert value(db, statements) == 300
    assert {state(db, one) for one in ones} == {("active", Decimal(100))}
    assert_sound(db)


def test_what_a_trigger_makes_something_else_of_fails_alone(db: Db) -> None:
    user_trigger(
        db,
        "if old.title = 'kept' then new.status := old.status; new.budget := new.budget - 1; end if;"
        "if old.title = 'lowered' then new.budget := old.budget - 1; end if;"
        "if old.title = 'capped' then new.budget := least(new.budget, 120); end if;"
        " return new;",
    )
    kept, lowered, capped, other = (
        campaign(db, title=title) for title in ("kept", "lowered", "capped", "other")
    )
    results = apply(
        db,
        begin(db),
        [decision(kept), scale_up(lowered), scale_up(capped), decision(other)],
    )
    refused = ("failed", "REFUSED_BY_DATABASE")
    assert [(one["status"], one["error"]) for one in results] == [
        refused, refused, ("executed", None), ("executed", None),
    ]  # fmt: skip
    assert state(db, kept) == state(db, lowered) == ("active", Decimal(100))
    assert state(db, capped) == ("active", Decimal(120))
    assert_sound(db)


def test_what_a_trigger_refuses_or_swallows_fails_alone(db: Db) -> None:
    user_trigger(
        db,
        "if old.title = 'loud' then raise 'not this one'; end if;"
        "if old.title = 'ours' then raise 'a code of our class' using errcode = 'AO042'; end if;"
        "if old.title = 'quiet' then return null; end if;"
        "if old.title = 'stubborn' then return old; end if; return new;",
    )
    titles = ("loud", "meek", "quiet", "stubborn", "ours")
    each = [campaign(db, title=title) for title in titles]
    results = apply(db, begin(db), [scale_up(one) for one in each])
    refusal = ("failed", "REFUSED_BY_DATABASE")
    outcomes = [(result["status"], result["error"]) for result in results]
    assert outcomes == [refusal, ("executed", None), refusal, refusal, refusal]
    assert_sound(db)


def test_what_a_trigger_makes_of_it_is_what_is_logged(db: Db) -> None:
    user_trigger(db, "new.budget := least(new.budget, 120); return new;")
    one = campaign(db)
    result = apply_one(db, scale_up(one))
    assert action(db, result["action_id"]).new_state["budget"] == 120
    assert_sound(db)


def test_what_a_trigger_changes_elsewhere_is_a_change_from_outside(db: Db) -> None:
    twin = campaign(db, title="twin")
    user_trigger(
        db,
        "if pg_trigger_depth() = 1 then update campaigns set budget = budget + 1 where"
        " title = 'twin'; end if;"
        "return null;",
        "after",
    )
    assert apply_one(db, scale_up(campaign(db)))["status"] == "executed"
    assert changes(db, twin) == ["created", "outside"]
    assert_sound(db)


# At once ----------------------------------------------------------------------------------------


def in_threads(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs at once; their results, or the errors that they raised."""
    results: list[Any] = [None] * len(jobs)
    ready = threading.Barrier(len(jobs))

    def work(n: int) -> None:
        ready.wait()
        try:
            results[n] = jobs[n]()
        except psycopg.Error as error:
            results[n] = error

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_two_shards_at_once_do_not_pass_the_pause_breaker(
    scratch_database: Callable[[], str],
) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        each = [campaign(db) for _ in range(20)]  # a quarter is 5: five may go
        leases = [begin(db, request={"shard": f"{n}/4"}) for n in (1, 2, 3, 4)]

        def job(n: int) -> Callable[[], Any]:
            def run() -> Any:
                with psycopg.connect(url, autocommit=True) as own:
                    return apply(own, leases[n], [decision(one) for one in each[n * 5 : n * 5 + 5]])

            return run

        results = in_threads(*(job(n) for n in range(4)))
        outcomes = [Counter(result["status"] for result in each_run) for each_run in results]
        assert sorted(map(dict, outcomes), key=str) == [{"executed": 5}] + [{"pending": 5}] * 3
        assert value(db, "select count(*) from campaigns where status = 'paused'") == 5
        assert_sound(db)


def test_one_batch_sent_by_many_at_once_is_done_once(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        policy(db, growth_breaker_share=100)
        batch = [scale_up(campaign(db)) for _ in range(50)]
        lease = begin(db)

        def send() -> Any:
            with psycopg.connect(url, autocommit=True) as own:
                return apply(own, lease, batch)

        results = in_threads(*[send] * 8)
        assert all(result == results[0] for result in results)
        assert value(db, "select count(*) from autonomous_actions") == 50
        assert value(db, "select count(*) from campaign_changes where kind = 'action'") == 50
        assert_sound(db)


def test_people_and_ingest_edit_while_batches_are_applied(
    scratch_database: Callable[[], str],
) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        policy(db, growth_breaker_share=100)
        each = [campaign(db) for _ in range(60)]
        lease = begin(db)

        def runs() -> Any:
            with psycopg.connect(url, autocommit=True) as own:
                return [
                    result
                    for start in range(0, 60, 10)
                    for result in apply(
                        own, lease, [scale_up(one) for one in each[start : start + 10]]
                    )
                ]

        def person() -> None:
            with psycopg.connect(url, autocommit=True) as own:
                for one in reversed(each):
                    own.execute("update campaigns set budget = budget + 7 where id = %s", (one,))

        def ingest() -> None:
            with psycopg.connect(url, autocommit=True) as own:
                for hour in range(5):
                    rows = [
                        {
                            "campaign_id": str(one),
                            "bucket": f"2026-01-01T0{hour}:00:00Z",
                            "spend": 1,
                        }
                        for one in each
                    ]
                    value(own, "select record_campaign_metrics(%s)", Jsonb(rows))

        results, *nothing = in_threads(runs, person, ingest, ingest)
        assert nothing == [None, None, None]
        executed = [n for n, result in enumerate(results) if result["status"] == "executed"]
        assert {result["error"] for result in results} <= {None, "CHANGED_MEANWHILE"}
        for n, one in enumerate(each):
            assert state(db, one)[1] == (157 if n in executed else 107)
        assert_sound(db)


def test_the_freeze_waits_for_the_batch_and_then_holds(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as working:
        one, two = campaign(db), campaign(db)
        lease = begin(db)
        apply(working, lease, [scale_up(one)])  # not committed
        frozen = threading.Event()

        def freeze() -> None:
            policy(db, frozen=True)
            frozen.set()

        thread = threading.Thread(target=freeze)
        thread.start()
        assert not frozen.wait(0.3)
        working.commit()
        thread.join(10)
        assert frozen.is_set()
        assert apply(db, lease, [scale_up(two)])[0]["error"] == "FROZEN"
        assert state(db, one) == ("active", 150)


# How long ---------------------------------------------------------------------------------------


def test_5000_decisions_in_one_batch(db: Db) -> None:
    policy(db, growth_breaker_share=100)
    db.execute(
        "insert into campaigns (title, budget) select 'c', 100 from generate_series(1, 5000)"
    )
    ids = [one for (one,) in db.execute("select id from campaigns")]
    lease = begin(db)
    batch = [scale_up(one) for one in ids]
    db.execute("set local statement_timeout = '60s'")  # seconds; were it quadratic, minutes
    results = apply(db, lease, batch)
    assert {result["status"] for result in results} == {"executed"}

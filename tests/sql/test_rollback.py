"""Taking back: exactly what was there, once, with a preview, and so that it holds."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
    action,
    apply,
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


def done(db: Db, item: Json, *, hours: float = 1) -> uuid.UUID:
    """A decision that was carried out that long ago; the action's id."""
    result = apply_one(db, item, now=hours_ago(hours, db))
    assert result["status"] == "executed", result
    return uuid.UUID(result["action_id"])


def rollback(db: Db, action_id: object, **options: Any) -> Json:
    return call(db, "rollback_autonomous_action", action_id, **options)


def rollback_all(db: Db, filters: Any, **options: Any) -> Json:
    return call(db, "rollback_autonomous_actions", Jsonb(filters), **options)


def call(
    db: Db,
    name: str,
    what: object,
    *,
    force: bool = False,
    preview: bool = False,
    reason: str = "a mistake",
    now: datetime | None = None,
) -> Json:
    answer: Json = value(
        db,
        f"select {name}(%s, %s, 'ann@example.org', %s, %s, coalesce(%s, now()))",
        what,
        reason,
        force,
        preview,
        now,
    )
    return answer


def codes(answer: Json) -> list[str]:
    return [each["code"] for each in answer["skipped"]]


# One action -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["active", "Active", "ACTIVE", "aCtIvE"])
def test_the_status_comes_back_to_the_letter_and_the_budget_to_the_cent(
    db: Db, status: str
) -> None:
    paused, scaled = campaign(db, "0.01", status), campaign(db, "999999.99", status)
    policy(db, max_budget=999999999)
    first = done(db, decision(paused, budget=0.01, status=status))
    second = done(db, scale_up(scaled, 999999.99, 1999999.98, status=status))
    assert state(db, paused) == ("paused", Decimal("0.01"))
    for one in (first, second):
        assert len(rollback(db, one)["changed"]) == 1
    assert state(db, paused) == (status, Decimal("0.01"))
    assert state(db, scaled) == (status, Decimal("999999.99"))
    assert changes(db, paused) == ["created", "action", "rollback"]
    assert_sound(db)


def test_a_campaign_without_a_budget(db: Db) -> None:
    one = campaign(db, None)
    made = value(db, "select auto_scale_campaign(%s, 50, 'it needs one')", one)
    rollback(db, made)
    assert state(db, one) == ("active", None)
    assert_sound(db)


def test_who_when_and_why_are_recorded_and_the_campaign_is_held(db: Db) -> None:
    one = campaign(db)
    made = done(db, decision(one))
    now = hours_ago(-5, db)
    rollback(db, made, now=now)
    row = action(db, made)
    assert (row.status, row.rolled_back_by, row.rollback_reason) == (
        "rolled_back",
        "ann@example.org",
        "a mistake",
    )
    assert row.rolled_back_at == now
    assert value(db, "select hold_until from campaigns where id = %s", one) == now + timedelta(
        days=7
    )
    assert apply_one(db, decision(one))["error"] == "ON_HOLD"


def test_a_longer_hold_is_not_shortened(db: Db) -> None:
    made = done(db, scale_up(one := campaign(db)))
    db.execute("update campaigns set hold_until = now() + interval '30 days' where id = %s", (one,))
    rollback(db, made)
    assert value(
        db, "select hold_until = now() + interval '30 days' from campaigns where id = %s", one
    )


def test_the_second_call_changes_nothing(db: Db) -> None:
    one = campaign(db)
    made = done(db, scale_up(one))
    first = rollback(db, made)
    before = action(db, made)
    assert rollback(db, made) == first  # its answer was lost
    assert codes(rollback(db, made, preview=True)) == ["ALREADY_ROLLED_BACK"]
    answer = rollback(db, made, force=True, reason="another reason")
    assert (answer["changed"], codes(answer)) == ([], ["ALREADY_ROLLED_BACK"])
    assert action(db, made) == before
    assert changes(db, one) == ["created", "action", "rollback"]
    assert_sound(db)


def test_a_preview_says_the_same_and_does_nothing(db: Db) -> None:
    one, other = campaign(db), campaign(db)
    run = begin(db)
    apply(db, run, [scale_up(one), decision(other)])
    db.execute("update campaigns set budget = 175 where id = %s", (one,))
    preview = rollback_all(db, {"run_id": str(run.run_id)}, preview=True)
    assert preview["preview"] is True
    assert state(db, one) == ("active", 175)
    assert state(db, other) == ("paused", 100)
    real = rollback_all(db, {"run_id": str(run.run_id)})
    assert {**preview, "preview": False} == real
    assert codes(real) == ["CHANGED_SINCE"]
    assert_sound(db)


def test_an_unknown_action(db: Db) -> None:
    for nobody in (uuid.uuid4(), None):
        with refused(db, "AO011", "no action"):
            rollback(db, nobody)


def test_a_rollback_works_while_everything_is_frozen(db: Db) -> None:
    made = done(db, scale_up(one := campaign(db)))
    policy(db, frozen=True)
    rollback(db, made)
    assert state(db, one) == ("active", 100)


# What stands against it -------------------------------------------------------------------------


def test_what_a_person_changed_since_is_skipped_with_both_values(db: Db) -> None:
    one = campaign(db)
    made = done(db, scale_up(one))
    db.execute("update campaigns set budget = 175 where id = %s", (one,))
    answer = rollback(db, made)
    (skipped,) = answer["skipped"]
    assert answer["changed"] == []
    assert skipped["code"] == "CHANGED_SINCE"
    assert skipped["expected"]["budget"] == 150
    assert skipped["found"]["budget"] == 175
    assert (
        "left active with a budget of 150.00, now it is active with a budget of 175.00"
        in skipped["message"]
    )
    assert state(db, one) == ("active", 175)
    assert action(db, made).status == "executed"

    (changed,) = rollback(db, made, force=True)["changed"]
    assert (changed["from"]["budget"], changed["to"]["budget"]) == (175, 100)
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_changed_away_and_back_was_decided_anew(db: Db) -> None:
    made = done(db, scale_up(one := campaign(db)))
    db.execute("update campaigns set budget = 175 where id = %s", (one,))
    db.execute("update campaigns set budget = 150 where id = %s", (one,))
    assert codes(rollback(db, made)) == ["CHANGED_SINCE"]


def test_only_what_the_action_changed_is_compared_and_restored(db: Db) -> None:
    made = done(db, decision(one := campaign(db)))
    db.execute("update campaigns set budget = 33, title = 'new' where id = %s", (one,))
    rollback(db, made)
    assert state(db, one) == ("active", 33)
    assert_sound(db)


def test_a_later_action_stands_in_the_way(db: Db) -> None:
    one = campaign(db)
    first = done(db, scale_up(one), hours=50)
    second = done(db, scale_up(one, 150, 200), hours=20)
    answer = rollback(db, first)
    assert codes(answer) == ["LATER_ACTION"]
    assert answer["skipped"][0]["found"]["budget"] == 200
    rollback(db, second)
    assert state(db, one) == ("active", 150)
    rollback(db, first)
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_a_later_action_on_the_other_field_does_not(db: Db) -> None:
    one = campaign(db)
    scaled = done(db, scale_up(one), hours=50)
    paused = done(db, decision(one, budget=150), hours=20)
    rollback(db, scaled)
    assert state(db, one) == ("paused", 100)
    rollback(db, paused)
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_forced_past_a_later_action(db: Db) -> None:
    one = campaign(db)
    first = done(db, scale_up(one), hours=50)
    done(db, scale_up(one, 150, 200), hours=20)
    rollback(db, first, force=True)
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_what_was_never_carried_out_or_has_no_campaign(db: Db) -> None:
    one, gone = campaign(db), campaign(db)
    waiting = apply_one(db, scale_up(one, verdict="propose", code="APPROVAL"))["action_id"]
    failed = apply_one(db, scale_up(campaign(db), 99))["action_id"]
    orphan = done(db, scale_up(gone))
    db.execute("delete from campaigns where id = %s", (gone,))
    assert (
        codes(rollback(db, waiting)) == codes(rollback(db, failed, force=True)) == ["NOT_EXECUTED"]
    )
    assert codes(rollback(db, orphan, force=True)) == ["CAMPAIGN_NOT_FOUND"]
    assert_sound(db)


def test_what_changed_neither_status_nor_budget(db: Db) -> None:
    made = value(
        db,
        "insert into autonomous_actions (campaign_id, action_type, status, executed_at,"
        " previous_state, new_state)"
        """ values (%s, 'ab_test_created', 'executed', now(), '{"status": "active","""
        """ "budget": 100}',"""
        """ '{"status": "active", "budget": 100.00, "test": 1}') returning id""",
        campaign(db),
    )
    assert codes(rollback(db, made)) == ["NOTHING_TO_RESTORE"]
    assert_sound(db)


def test_a_constraint_of_the_installation_stands_in_the_way_of_one(db: Db) -> None:
    each = [campaign(db, title=title) for title in ("odd", "even")]
    lease = begin(db)
    apply(db, lease, [scale_up(one) for one in each])
    db.execute(
        "alter table campaigns add constraint no_100 check (title <> 'odd' or budget <> 100)"
    )
    answer = rollback_all(db, {"run_id": str(lease.run_id)})
    assert codes(answer) == ["REFUSED_BY_DATABASE"]
    assert "no_100" in answer["skipped"][0]["message"]
    assert [state(db, one)[1] for one in each] == [150, 100]
    assert_sound(db)


def test_what_a_program_restored_already_is_only_written_down(db: Db) -> None:
    made = done(db, decision(one := campaign(db)))
    db.execute("set local autonomy.actor = 'scheduler'")
    db.execute("update campaigns set status = 'active' where id = %s", (one,))
    db.execute("set local autonomy.actor = ''")
    assert action(db, made).status == "executed"
    (changed,) = rollback(db, made)["changed"]
    assert changed["from"] == changed["to"]
    assert action(db, made).status == "rolled_back"
    assert value(db, "select hold_until > now() from campaigns where id = %s", one)
    assert_sound(db)


# Many -------------------------------------------------------------------------------------------


def test_several_actions_on_one_campaign_end_at_the_oldest_state(db: Db) -> None:
    one = campaign(db)
    oldest = done(db, scale_up(one), hours=100)
    done(db, scale_up(one, 150, 200), hours=70)
    done(db, decision(one, budget=200), hours=40)
    answer = rollback_all(db, {"from": hours_ago(101, db).isoformat()})
    assert [each["to"] for each in answer["changed"]] == [
        {"status": "active", "budget": 200},
        {"status": "active", "budget": 150},
        {"status": "active", "budget": 100},
    ]
    assert answer["changed"][-1]["action_id"] == str(oldest)
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_several_actions_of_one_moment_are_told_apart(db: Db) -> None:
    one = campaign(db)
    for budget in (110, 120, 130):
        value(db, "select auto_scale_campaign(%s, %s, 'step')", one, budget)
    preview = rollback_all(db, {"to": hours_ago(-1, db).isoformat()}, preview=True)
    assert [each["to"]["budget"] for each in preview["changed"]] == [120, 110, 100]
    rollback_all(db, {"to": hours_ago(-1, db).isoformat()})
    assert state(db, one) == ("active", 100)
    assert_sound(db)


def test_a_run_a_rule_a_span_and_a_list(db: Db) -> None:
    its_rule = value(db, "select id from autonomous_rules where rule_name = 'High ROI Scale'")
    ones = [campaign(db) for _ in range(4)]
    first, second = begin(db, now=hours_ago(60, db)), None
    apply(
        db, first, [scale_up(ones[0], rule_id=its_rule), scale_up(ones[1])], now=hours_ago(60, db)
    )
    finish(db, first)
    second = begin(db, now=hours_ago(30, db))
    results = apply(
        db, second, [scale_up(ones[2], rule_id=its_rule), scale_up(ones[3])], now=hours_ago(30, db)
    )

    def taken_back(filters: Json) -> list[int]:
        answer = rollback_all(db, filters, preview=True)
        assert answer["skipped"] == []
        return sorted(ones.index(uuid.UUID(each["campaign_id"])) for each in answer["changed"])

    assert taken_back({"run_id": str(first.run_id)}) == [0, 1]
    assert taken_back({"rule_id": str(its_rule)}) == [0, 2]
    assert taken_back({"from": hours_ago(30, db).isoformat()}) == [2, 3]
    assert taken_back({"to": hours_ago(30, db).isoformat()}) == [0, 1]
    assert taken_back({"action_ids": [results[1]["action_id"]]}) == [3]
    assert taken_back({"run_id": str(second.run_id), "rule_id": str(its_rule), "from": None}) == [2]
    assert taken_back({"run_id": str(uuid.uuid4())}) == []


def test_a_listed_action_that_does_not_exist(db: Db) -> None:
    made = done(db, scale_up(campaign(db)))
    answer = rollback_all(db, {"action_ids": [str(made), str(uuid.uuid4())]})
    assert len(answer["changed"]) == 1
    assert codes(answer) == ["ACTION_NOT_FOUND"]


@pytest.mark.parametrize(
    ("filters", "sqlstate"),
    [
        ({}, "AO010"),
        (None, "AO010"),
        ([], "AO010"),
        ({"run_id": None}, "AO010"),
        ({"action_ids": []}, "AO010"),
        ({"action_ids": "all"}, "AO010"),
        ({"run": "x"}, "AO010"),
        ({"from": "2026-01-02", "to": "2026-01-02"}, "AO010"),
        ({"run_id": "all"}, "22P02"),
        ({"from": "whenever"}, "22007"),
        ({"action_ids": ["x"]}, "22P02"),
    ],
)
def test_an_empty_or_wrong_filter_never_means_everything(
    db: Db, filters: Any, sqlstate: str
) -> None:
    done(db, scale_up(one := campaign(db)))
    with refused(db, sqlstate):
        rollback_all(db, filters)
    assert state(db, one) == ("active", 150)


def test_a_thousand_actions_in_seconds(db: Db) -> None:
    policy(db, growth_breaker_share=100)
    ids = [campaign(db) for _ in range(1000)]
    lease = begin(db)
    apply(db, lease, [scale_up(one) for one in ids])
    answer = rollback_all(db, {"run_id": str(lease.run_id)})
    assert len(answer["changed"]) == 1000
    assert value(db, "select count(*) from campaigns where budget <> 100") == 0
    assert_sound(db)


# By hand, as the guide says ---------------------------------------------------------------------


def test_the_guides_statements_leave_the_same_trace(db: Db) -> None:
    one, same = campaign(db, "150.00"), campaign(db, "150.00")
    made = done(db, decision(one, budget=150))
    other = done(db, decision(same, budget=150))
    db.execute("UPDATE campaigns SET status = 'active', budget = 150.00 WHERE id = %s", (one,))
    put_back = action(db, made)
    db.execute("UPDATE autonomous_actions SET status = 'rolled_back' WHERE id = %s", (made,))
    assert action(db, made) == put_back
    rollback(db, other)
    row = action(db, made)
    assert row.rolled_back_at is not None
    assert row.rolled_back_by
    assert row.rollback_reason == "put back by hand"
    holds = "select hold_until from campaigns where id = %s"
    assert value(db, holds, one) == value(db, holds, same)
    assert changes(db, one) == changes(db, same) == ["created", "action", "rollback"]
    assert codes(rollback(db, made)) == ["ALREADY_ROLLED_BACK"]
    assert_sound(db)


def test_marked_without_a_restored_campaign(db: Db) -> None:
    made = done(db, decision(one := campaign(db)))
    db.execute("update autonomous_actions set status = 'rolled_back' where id = %s", (made,))
    assert state(db, one) == ("paused", 100)
    assert changes(db, one) == ["created", "action", "rollback"]
    assert value(db, "select hold_until > now() from campaigns where id = %s", one)
    assert_sound(db)


def test_marked_after_the_campaign_is_gone(db: Db) -> None:
    made = done(db, decision(one := campaign(db)))
    db.execute("delete from campaigns where id = %s", (one,))
    db.execute("update autonomous_actions set status = 'rolled_back' where id = %s", (made,))
    assert_sound(db)


def test_only_an_executed_action_can_be_marked_and_it_stays_so(db: Db) -> None:
    waiting = apply_one(db, scale_up(campaign(db), verdict="propose", code="APPROVAL"))["action_id"]
    with refused(db, "AO012", "only an executed action"):
        db.execute("update autonomous_actions set status = 'rolled_back' where id = %s", (waiting,))
    made = done(db, scale_up(campaign(db)))
    db.execute("update autonomous_actions set status = 'rolled_back' where id = %s", (made,))
    with refused(db, "AO012", "stays so"):
        db.execute("update autonomous_actions set status = 'executed' where id = %s", (made,))

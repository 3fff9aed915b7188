"""Proposals: approved under the guardrails of that moment, rejected, or expired."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest

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
    hours_ago,
    policy,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables


def proposed(db: Db, item: Json, *, hours: float = 1) -> uuid.UUID:
    """A decision that waits for a person; the action's id."""
    result = apply_one(
        db, {**item, "verdict": "propose", "code": "APPROVAL"}, now=hours_ago(hours, db)
    )
    assert result["status"] == "pending", result
    return uuid.UUID(result["action_id"])


def approve(db: Db, action_id: object, *, now: datetime | None = None) -> Json:
    answer: Json = value(
        db,
        "select approve_autonomous_action(%s, 'ann@example.org', 'looks right',"
        " coalesce(%s, now()))",
        action_id,
        now,
    )
    return answer


def reject(db: Db, action_id: object) -> Json:
    answer: Json = value(
        db, "select reject_autonomous_action(%s, 'ann@example.org', 'no')", action_id
    )
    return answer


def test_an_approved_action_is_carried_out_and_says_who(db: Db) -> None:
    one = campaign(db, status="Active")
    waiting = proposed(db, decision(one, status="Active"))
    assert action(db, waiting).executed_at is None
    later = hours_ago(-1, db)
    answer = approve(db, waiting, now=later)
    assert (answer["status"], answer["error"]) == ("executed", None)
    assert (answer["from"]["status"], answer["to"]["status"]) == ("Active", "paused")
    assert state(db, one) == ("paused", 100)
    row = action(db, waiting)
    assert (row.status, row.actor, row.executed_at) == ("executed", "ann@example.org", later)
    assert row.evidence["approved"]["reason"] == "looks right"
    assert changes(db, one) == ["created", "action"]
    assert_sound(db)


def test_a_rejected_action_leaves_the_campaign(db: Db) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    assert reject(db, waiting)["error"] == "REJECTED"
    row = action(db, waiting)
    assert (row.status, row.error, row.actor) == ("failed", "REJECTED", "ann@example.org")
    assert row.evidence["rejected"]["reason"] == "no"
    assert state(db, one) == ("active", 100)
    again = apply_one(db, scale_up(one))  # the next run does not ask the same again
    assert (again["status"], again["error"]) == ("failed", "ON_HOLD")
    db.execute("update campaigns set hold_until = null where id = %s", [one])
    assert apply_one(db, scale_up(one))["status"] == "executed"  # it waits for nobody any more
    assert_sound(db)


def test_only_a_pending_action_can_be_decided(db: Db) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    approve(db, waiting)
    with refused(db, "AO012", "does not wait for approval"):
        reject(db, waiting)
    with refused(db, "AO012", "does not wait for approval"):
        value(db, "select approve_autonomous_action(%s, 'bob@example.org')", waiting)
    for decide in (approve, reject):
        with refused(db, "AO011", "no action"):
            decide(db, uuid.uuid4())
        with refused(db, "AO011"):
            decide(db, None)
    assert state(db, one) == ("active", 150)


@pytest.mark.parametrize("decide", [approve, reject])
def test_a_call_whose_answer_was_lost_is_answered_as_the_first_time(
    db: Db, decide: Callable[..., Json]
) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    first = decide(db, waiting)
    before = (action(db, waiting), state(db, one), changes(db, one))
    db.execute("update autonomy_policy set frozen = true")
    assert decide(db, waiting) == first
    assert (action(db, waiting), state(db, one), changes(db, one)) == before
    assert_sound(db)


def test_an_approval_that_came_too_late_is_answered_so_again(db: Db) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    db.execute("update campaigns set budget = 120 where id = %s", (one,))
    first = approve(db, waiting)
    assert first["error"] == "CHANGED_MEANWHILE"
    db.execute("update campaigns set budget = 100 where id = %s", (one,))
    assert approve(db, waiting) == first
    assert state(db, one) == ("active", 100)


def test_yes_no_and_taking_back_at_once_never_lock_each_other_out(
    scratch_database: Callable[[], str],
) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, ThreadPoolExecutor(3) as people:
        for _ in range(25):
            waiting = proposed(db, scale_up(campaign(db)))

            def say(statement: str, number: object) -> None:
                with psycopg.connect(url, autocommit=True) as own:
                    own.execute(statement.encode(), (number,))

            for done in [
                people.submit(say, f"select {call}", waiting)
                for call in (
                    "approve_autonomous_action(%s, 'ann')",
                    "reject_autonomous_action(%s, 'bob')",
                    "rollback_autonomous_actions(jsonb_build_object('action_ids', array[%s]))",
                )
            ]:
                error = done.exception()
                assert error is None or getattr(error, "sqlstate", None) == "AO012", error
        assert_sound(db)


def test_a_freeze_leaves_it_waiting(db: Db) -> None:
    waiting = proposed(db, scale_up(campaign(db)))
    policy(db, frozen=True)
    with refused(db, "AO005"):
        approve(db, waiting)
    assert action(db, waiting).status == "pending"
    policy(db, frozen=False)
    assert approve(db, waiting)["status"] == "executed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("update campaigns set budget = 120 where id = %(one)s", "CHANGED_MEANWHILE"),
        ("update campaigns set status = 'paused' where id = %(one)s", "CHANGED_MEANWHILE"),
        ("delete from campaigns where id = %(one)s", "CAMPAIGN_NOT_FOUND"),
        (
            "update campaigns set hold_until = now() + interval '1 day' where id = %(one)s",
            "ON_HOLD",
        ),
        ("update campaigns set autonomous_enabled = false where id = %(one)s", "DISABLED"),
        ("insert into campaign_ab_tests (campaign_id) values (%(one)s)", "TEST_RUNNING"),
        ("update autonomy_policy set max_step = 1.4", "STEP_CAP"),
        ("update autonomy_policy set max_growth_7d = 1.4", "GROWTH_CAP"),
        ("update autonomy_policy set max_budget = 140", "BUDGET_CAP"),
    ],
)
def test_state_and_limits_are_checked_again(db: Db, change: str, code: str) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    db.execute(change, {"one": one})
    answer = approve(db, waiting)
    assert (answer["status"], answer["error"]) == ("failed", code)
    assert answer["message"]
    row = action(db, waiting)
    assert (row.status, row.error) == ("failed", code)
    assert value(db, "select count(*) from campaigns where budget = 150") == 0
    assert_sound(db)


def test_the_cooldown_of_another_action_holds(db: Db) -> None:
    one = campaign(db)
    waiting = proposed(db, scale_up(one))
    value(db, "select auto_scale_campaign(%s, 130, 'by hand')", one)
    value(db, "select auto_scale_campaign(%s, 100, 'and back')", one)
    assert approve(db, waiting)["error"] == "COOLDOWN"
    assert_sound(db)


def test_neither_the_breaker_nor_the_floor_binds_a_person(db: Db) -> None:
    policy(db, pause_breaker_count=0, pause_breaker_share=0)
    one = campaign(db)
    result = apply_one(db, decision(one))
    assert result["error"] == "PAUSE_BREAKER"
    policy(db, min_pause_confidence=99)
    assert approve(db, result["action_id"])["status"] == "executed"


def test_proposals_expire(db: Db) -> None:
    old, older = (
        proposed(db, scale_up(campaign(db)), hours=24),
        proposed(db, decision(campaign(db)), hours=25),
    )
    young = proposed(db, scale_up(campaign(db)), hours=23.9)
    answer = approve(db, old)
    assert (answer["status"], answer["error"]) == ("failed", "EXPIRED")
    assert value(db, "select expire_pending_actions()") == 1
    assert value(db, "select expire_pending_actions()") == 0
    assert [action(db, each).error for each in (old, older, young)] == ["EXPIRED", "EXPIRED", None]
    begin(db, now=hours_ago(-1, db))  # a run lets the rest expire
    assert action(db, young).error == "EXPIRED"


def test_two_people_approve_at_once(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        one = campaign(db)
        waiting = proposed(db, scale_up(one))
        outcomes: list[Any] = []

        def person() -> None:
            with psycopg.connect(url, autocommit=True) as own:
                try:
                    person = str(uuid.uuid4())
                    said = value(own, "select approve_autonomous_action(%s, %s)", waiting, person)
                    outcomes.append(said["status"])
                except psycopg.Error as error:
                    outcomes.append(error.sqlstate)

        threads = [threading.Thread(target=person) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(outcomes) == ["AO012"] * 5 + ["executed"]
        assert state(db, one) == ("active", 150)
        assert_sound(db)


def test_a_run_in_approve_mode_only_proposes(db: Db) -> None:
    policy(db, mode="approve")
    one = campaign(db)
    lease = begin(db)
    (result,) = apply(db, lease, [scale_up(one)])
    assert (result["status"], result["error"]) == ("pending", "APPROVAL")
    assert approve(db, result["action_id"])["status"] == "executed"
    assert state(db, one) == ("active", 150)

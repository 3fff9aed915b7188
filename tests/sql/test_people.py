"""What a person did last stands: nothing is done against it, and putting back is a rollback."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.sql.effects import (
    Db,
    action,
    apply_one,
    assert_sound,
    campaign,
    decision,
    policy,
    scale_up,
    state,
    value,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(db: Db, moment: datetime) -> None:
    """What triggers write is dated so."""
    db.execute("select set_config('autonomy.now', %s, true)", (moment.isoformat(),))


def now(db: Db) -> datetime:
    return value(db, "select now()")  # type: ignore[no-any-return]


def change(db: Db, one: uuid.UUID, what: str, ago: timedelta = HOUR) -> None:
    """A person changes the campaign, so long ago."""
    at(db, now(db) - ago)
    db.execute(f"update campaigns set {what} where id = %s", (one,))
    db.execute("select set_config('autonomy.now', '', true)")


def kept(db: Db, one: uuid.UUID) -> dict[str, Any]:
    """What people_changes says of the campaign."""
    row = db.execute(
        "select no_raise_until, no_cut_until, no_pause_until from"
        " autonomy.people_changes(array[%s], now())",
        (one,),
    ).fetchone()
    names = ("raise", "cut", "pause")
    return {} if row is None else {k: v for k, v in zip(names, row, strict=True) if v is not None}


def lower(one: uuid.UUID, old: float, new: float) -> dict[str, Any]:
    return decision(one, "auto_scale_down", budget=old, new_budget=new)


@pytest.mark.parametrize(
    ("before", "what", "protects"),
    [
        ({"budget": 400}, "budget = 100", {"raise"}),
        ({"budget": 100}, "budget = 400", {"cut", "pause"}),
        ({"status": "paused"}, "status = 'Active'", {"pause"}),
        ({"status": "active"}, "status = 'paused'", set()),
        ({"status": "paused"}, "status = 'active', budget = 400", {"cut", "pause"}),
        ({"budget": 100}, "budget = 100, title = 'new', account = 'other'", None),
        ({"status": "active"}, "status = 'ACTIVE'", None),  # the same, spelt otherwise
        ({"budget": None}, "budget = 100", set()),
    ],
)
def test_what_a_change_by_hand_protects(
    db: Db, before: dict[str, Any], what: str, protects: set[str] | None
) -> None:
    one = campaign(db, **before)
    assert kept(db, one) == {}  # an INSERT is no change
    change(db, one, what)
    until = now(db) - HOUR + 7 * DAY
    assert kept(db, one) == dict.fromkeys(protects or set(), until)


def test_a_correction_in_two_steps_is_one_change(db: Db) -> None:
    one = campaign(db, 400)
    change(db, one, "budget = 50", 2 * HOUR)
    change(db, one, "budget = 100")
    assert set(kept(db, one)) == {"raise", "cut", "pause"}


def test_it_stands_for_person_hold_days(db: Db) -> None:
    one = campaign(db, 400)
    change(db, one, "budget = 100", 7 * DAY - HOUR)
    assert set(kept(db, one)) == {"raise"}
    policy(db, person_hold_days=6)
    assert kept(db, one) == {}
    policy(db, person_hold_days=0)
    change(db, one, "budget = 50", -HOUR)
    assert kept(db, one) == {}


def test_a_moment_to_come_protects_as_now_does(db: Db) -> None:
    one = campaign(db, 400)
    change(db, one, "budget = 100", -90 * DAY)
    assert kept(db, one) == {"raise": now(db) + 7 * DAY}


@pytest.mark.parametrize("declared", ["session", "policy"])
def test_programs_are_followed(db: Db, declared: str) -> None:
    """Neither protected nor a cooldown, and what they put back is no rollback."""
    if declared == "session":
        db.execute("set local autonomy.actor = 'scheduler'")
    else:
        db.execute("update autonomy_policy set automation_actors = array[session_user::text]")
    one = campaign(db, 400)
    change(db, one, "budget = 100")
    assert kept(db, one) == {}
    made = apply_one(db, scale_up(one, 100, 150))["action_id"]
    assert action(db, made).status == "executed"
    change(db, one, "budget = 100")
    assert action(db, made).status == "executed"
    assert value(db, "select hold_until from campaigns where id = %s", one) is None
    if declared == "session":
        assert value(db, "select distinct actor from campaign_changes where kind = 'outside'") == (
            "scheduler"
        )


def test_a_field_that_changes_on_three_of_seven_days_is_a_programs(db: Db) -> None:
    one = campaign(db)
    noon = now(db).astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)

    def scheduled(days: int) -> None:
        """Off for an hour of that day, whatever hour it is now."""
        ago = now(db) - noon + days * DAY
        change(db, one, "status = 'paused'", ago)
        change(db, one, "status = 'active'", ago - HOUR)

    scheduled(5)
    scheduled(3)
    assert set(kept(db, one)) == {"pause"}
    scheduled(1)
    assert kept(db, one) == {}
    change(db, one, "budget = 50")  # the other field is a person's all the same
    assert set(kept(db, one)) == {"raise"}


def test_an_action_typed_by_hand_is_a_persons_an_approval_is_not(db: Db) -> None:
    typed, approved = campaign(db, 400), campaign(db, 400)
    value(db, "select auto_scale_campaign(%s, 100, 'too much')", typed)
    assert set(kept(db, typed)) == {"raise"}
    pending = apply_one(db, lower(approved, 400, 320) | {"verdict": "propose"})
    assert pending["status"] == "pending"
    said = value(db, "select approve_autonomous_action(%s)", pending["action_id"])
    assert said["status"] == "executed"
    assert kept(db, approved) == {}


# Under the locks --------------------------------------------------------------------------------


def refused(db: Db, item: dict[str, Any], code: str) -> None:
    before = state(db, item["campaign_id"])
    result = apply_one(db, item)
    assert (result["status"], result["error"]) == ("failed", code)
    assert state(db, item["campaign_id"]) == before
    assert_sound(db)


def test_apply_does_nothing_against_a_person_either(db: Db) -> None:
    one = campaign(db, 400)
    change(db, one, "budget = 100")
    refused(db, scale_up(one, 100, 150), "CHANGED_BY_PERSON")
    assert apply_one(db, decision(one))["status"] == "executed"  # a pause goes the same way

    two = campaign(db, 100)
    change(db, two, "budget = 400")
    refused(db, lower(two, 400, 320), "CHANGED_BY_PERSON")
    refused(db, decision(two, budget=400, confidence=94.99), "CHANGED_BY_PERSON")
    assert apply_one(db, decision(two, budget=400, confidence=95))["status"] == "executed"


def test_in_the_same_direction_it_counts_as_an_action_of_ours(db: Db) -> None:
    one = campaign(db, 100)
    change(db, one, "budget = 120", 23 * HOUR)
    refused(db, scale_up(one, 120, 150), "COOLDOWN")
    two = campaign(db, 100)
    change(db, two, "budget = 120", 25 * HOUR)
    assert apply_one(db, scale_up(two, 120, 150))["status"] == "executed"


# Putting back is a rollback ---------------------------------------------------------------------


def test_a_raise_put_back_by_hand_is_rolled_back_and_left_alone(db: Db) -> None:
    made = apply_one(db, scale_up(one := campaign(db, 100), 100, 150))["action_id"]
    db.execute("update campaigns set budget = 100 where id = %s", (one,))
    row = action(db, made)
    assert (row.status, row.rollback_reason) == ("rolled_back", "put back by hand")
    assert row.rolled_back_at == now(db)
    until = value(db, "select hold_until from campaigns where id = %s", one)
    assert until == now(db) + 7 * DAY
    refused(db, scale_up(one, 100, 150), "ON_HOLD")


def test_one_statement_puts_back_two_actions_of_two_fields(db: Db) -> None:
    one = campaign(db, 100)
    policy(db, cooldown_hours=0)
    raised = apply_one(db, scale_up(one, 100, 150))["action_id"]
    paused = apply_one(db, decision(one, budget=150))["action_id"]
    db.execute("update campaigns set status = 'active', budget = 100 where id = %s", (one,))
    assert {action(db, each).status for each in (raised, paused)} == {"rolled_back"}
    assert_sound(db)


def test_of_a_set_only_what_was_ours_and_is_as_before_is_rolled_back(db: Db) -> None:
    ours, other, further = campaign(db, 100), campaign(db, 150), campaign(db, 100)
    made = apply_one(db, scale_up(ours, 100, 150))["action_id"]
    more = apply_one(db, scale_up(further, 100, 140))["action_id"]
    db.execute("update campaigns set budget = 100 where budget = 150")
    db.execute("update campaigns set budget = 120 where id = %s", (further,))
    assert action(db, made).status == "rolled_back"
    assert action(db, more).status == "executed"
    assert set(kept(db, other)) == {"raise"}
    assert set(kept(db, further)) == {"raise"}
    assert_sound(db)


def test_older_or_only_equal_by_chance_is_a_persons_own_change(db: Db) -> None:
    """An action of long ago; and one after which somebody else had set the budget."""
    old = campaign(db, 100)
    made = apply_one(db, scale_up(old, 100, 150), now=now(db) - 7 * DAY - HOUR)["action_id"]
    db.execute("update campaigns set budget = 100 where id = %s", (old,))
    chance = campaign(db, 100)
    then = apply_one(db, scale_up(chance, 100, 150))["action_id"]
    db.execute("update campaigns set budget = 130 where id = %s", (chance,))
    db.execute("update campaigns set budget = 100 where id = %s", (chance,))
    for one, action_id in ((old, made), (chance, then)):
        assert action(db, action_id).status == "executed"
        assert set(kept(db, one)) == {"raise"}
        assert value(db, "select hold_until from campaigns where id = %s", one) is None
    assert_sound(db)


def test_what_a_trigger_of_the_installation_undoes_is_no_persons_doing(db: Db) -> None:
    db.execute(
        "create function undo() returns trigger language plpgsql as $$ begin"
        " if new.budget = 150 then update campaigns set budget = 100 where id = new.id; end if;"
        " return null; end $$"
    )
    db.execute("create trigger undo after update on campaigns for each row execute function undo()")
    one = campaign(db, 100)
    apply_one(db, scale_up(one, 100, 150))
    assert kept(db, one) == {}


def test_a_scheduler_that_nobody_declared_rolls_nothing_back(db: Db) -> None:
    one = campaign(db)
    for days in range(1, 6):
        change(db, one, "status = 'paused'", days * DAY + 10 * HOUR)
        change(db, one, "status = 'active'", days * DAY)
    made = apply_one(db, decision(one))["action_id"]
    db.execute("update campaigns set status = 'active' where id = %s", (one,))
    assert action(db, made).status == "executed"
    assert value(db, "select hold_until from campaigns where id = %s", one) is None
    assert_sound(db)


def test_what_stood_beside_a_putting_back_is_a_change_of_its_own(db: Db) -> None:
    one = campaign(db, 400)
    made = apply_one(db, decision(one, budget=400))["action_id"]
    db.execute("update campaigns set status = 'active', budget = 100 where id = %s", (one,))
    assert action(db, made).status == "rolled_back"
    assert "raise" in kept(db, one)
    assert_sound(db)
    db.execute("update campaigns set hold_until = null")
    refused(db, scale_up(one, 100, 150), "CHANGED_BY_PERSON")


def test_a_status_is_put_back_in_any_spelling(db: Db) -> None:
    one = campaign(db, status="Active")
    made = apply_one(db, decision(one, status="Active"))["action_id"]
    db.execute("update campaigns set status = 'active' where id = %s", (one,))
    assert action(db, made).status == "rolled_back"
    assert_sound(db)


def test_a_persons_change_beside_a_declared_feed_stays_protected(db: Db) -> None:
    one = campaign(db, 400)
    db.execute("set local autonomy.actor = 'feed'")
    for days in (5, 4, 3):
        change(db, one, f"budget = {400 + days}", days * DAY)
    db.execute("set local autonomy.actor = ''")
    change(db, one, "budget = 100")
    assert set(kept(db, one)) == {"raise"}


def test_a_log_that_may_only_grow_keeps_nobody_from_switching_on(db: Db) -> None:
    one = campaign(db)
    made = apply_one(db, decision(one))["action_id"]
    db.execute(
        "create function only_grows() returns trigger language plpgsql as"
        " $$ begin raise exception 'the log is append-only'; end $$"
    )
    db.execute(
        "create trigger only_grows before update on autonomous_actions"
        " for each row execute function only_grows()"
    )
    db.execute("update campaigns set status = 'active' where id = %s", (one,))
    assert state(db, one)[0] == "active"
    assert action(db, made).status == "executed"
    assert set(kept(db, one)) == {"pause"}


def test_a_moment_at_the_end_of_time_stops_nothing(db: Db) -> None:
    policy(db, time_zone="Asia/Tokyo")
    one = campaign(db, 400)
    db.execute("select set_config('autonomy.now', '294276-12-31 23:00+00', true)")
    db.execute("update campaigns set budget = 100 where id = %s", (one,))
    db.execute("update campaigns set budget = 90 where id = %s", (one,))
    db.execute("select set_config('autonomy.now', '', true)")
    assert set(kept(db, one)) == {"raise"}


def test_the_guides_two_statements_may_come_at_once(scratch_database: Callable[[], str]) -> None:
    """Two sessions, one statement each: neither is ever told of a deadlock."""
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, ThreadPoolExecutor(2) as both:
        for _ in range(20):
            one = campaign(db)
            value(db, "select auto_pause_campaign(%s, 'by hand')", one)
            made = value(db, "select id from autonomous_actions where campaign_id = %s", one)

            def say(statement: str, number: uuid.UUID) -> None:
                with psycopg.connect(url, autocommit=True) as own:
                    own.execute(statement.encode(), (number,))

            restored = both.submit(say, "update campaigns set status = 'active' where id = %s", one)
            marked = both.submit(
                say, "update autonomous_actions set status = 'rolled_back' where id = %s", made
            )
            restored.result()
            # what the other statement has marked already, it may find marked
            if (error := marked.exception()) is not None:
                assert getattr(error, "sqlstate", None) == "AO012", error
            assert action(db, made).status == "rolled_back"
        assert_sound(db)

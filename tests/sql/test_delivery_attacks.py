"""What must hold of carrying over whatever happens in between: each was wrong once."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.sql.effects import apply, begin, clean_tables, decision, scale_up, value
from tests.sql.test_deliveries import SHOP, Db, World

__all__ = ["clean_tables"]


@pytest.fixture
def world(db: Db) -> World:
    return World(db)


def _decided(world: World) -> Any:
    """A raise of one and a pause of the other, by a run."""
    world.db.execute("update autonomy_accounts set mode = 'autonomous' where account = %s", (SHOP,))
    world.read(minutes=1)
    given = [scale_up(world.ids["11"], 50, 60), decision(world.ids["12"], budget=50)]
    done = apply(world.db, begin(world.db, now=world.now), given, now=world.now)
    assert [one["status"] for one in done] == ["executed", "executed"]
    return done[0]["action_id"]


# What was switched off meanwhile ----------------------------------------------------------------


@pytest.mark.parametrize(
    "stop",
    [
        "update autonomy_policy set frozen = true",
        "update autonomy_accounts set frozen = true",
        "update autonomy_accounts set mode = 'observe'",
        "update autonomous_rules set is_active = false",
    ],
)
def test_what_a_run_decided_stops_with_it(world: World, stop: str) -> None:
    """Frozen, only observed, or no rule active: nothing moves there but what a person changes."""
    _decided(world)
    assert [one["step"] for one in world.changes(minutes=1)] == ["pause", "raise"]
    world.db.execute(stop)
    # a process that asked before that is told so before it writes
    given = [world.outcome("sent"), world.outcome("sent", "12", "status", "paused")]
    assert world.record(*given) == ["stale", "stale"]
    assert world.state() == "waiting"
    assert world.changes() == []
    world.by_hand("12", budget=45)
    assert [(one["by"], one["field"]) for one in world.changes()] == [("person", "budget")]


def test_an_approval_goes_out_where_no_rule_is_active(world: World) -> None:
    db = world.db
    db.execute("update autonomy_accounts set mode = 'approve' where account = %s", (SHOP,))
    world.read(minutes=1)
    lease = begin(db, now=world.now)
    (asked,) = apply(db, lease, [decision(world.ids["12"], budget=50)], now=world.now)
    db.execute("update autonomous_rules set is_active = false")
    world.call("approve_autonomous_action", p_action_id=asked["action_id"], p_now=world.now)
    assert [one["step"] for one in world.changes()] == ["pause"]


def test_an_old_decision_is_not_carried_over_when_it_thaws(world: World) -> None:
    made = _decided(world)
    world.by_hand("12", budget=45)
    world.db.execute("update autonomy_policy set frozen = true")
    hours = value(world.db, "select approval_hours::float8 from autonomy_policy")
    world.later(60 * hours + 5)
    assert world.call("fail_undelivered", p_now=world.now) == {"failed": 2}
    world.db.execute("update autonomy_policy set frozen = false")
    assert [(one["by"], one["field"]) for one in world.changes()] == [("person", "budget")]
    assert world.row() == ("active", "50.00")
    assert world.row("12")[0] == "active"
    assert world.action(made)[:2] == ("failed", "NOT_DELIVERED")
    world.sound()


def test_switched_off_between_noting_and_writing_the_row_follows(world: World) -> None:
    """It was on its way already: the row is as the platform has it in the end."""
    world.raise_()
    world.changes(minutes=1)
    world.record(world.outcome("sent"))
    world.call("set_platform_push", p_account=SHOP, p_push="off")
    world.there["11"]["budget"] = "60.00"
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.read(minutes=30)
    assert world.row() == ("active", "60.00")


def test_in_validate_nothing_may_be_written(world: World) -> None:
    world.raise_()
    world.changes(minutes=1)
    world.call("set_platform_push", p_account=SHOP, p_push="validate")
    world.by_hand(budget=60)  # the same again, and only to be asked about
    assert world.record(world.outcome("sent")) == ["stale"]


def test_push_is_switched_by_its_function_alone(db: Db) -> None:
    """By a plain UPDATE it would carry old wishes over, without a question."""
    world = World(db, push="validate")
    with pytest.raises(psycopg.DatabaseError, match="set_platform_push"), db.transaction():
        db.execute("update autonomy.platform_accounts set push = 'on'")
    with pytest.raises(psycopg.DatabaseError, match="set_platform_push"), db.transaction():
        db.execute(
            "insert into autonomy.platform_accounts (account, platform, external_id, push)"
            " values ('Other', 'meta', '78', 'on')"
        )
    assert world.call("set_platform_push", p_account=SHOP, p_push="off")["push"] == "off"


# What cannot be carried over any more -----------------------------------------------------------


@pytest.mark.parametrize("sent", [False, True])
def test_a_budget_that_came_to_be_held_there_is_given_up(world: World, sent: bool) -> None:
    made = world.raise_()
    world.changes(minutes=1)
    if sent:
        world.record(world.outcome("sent"))
    world.there["11"]["hold"] = "SCHEDULED_BUDGET"
    world.read(minutes=30)
    assert world.call("fail_undelivered", p_now=world.now) == {"failed": 1}
    assert world.row() == ("active", "50.00")
    assert world.action(made)[:2] == ("failed", "NOT_DELIVERED")
    assert not world.out_of_step()
    world.there["11"]["hold"] = None
    world.read(minutes=600)
    assert world.changes() == []
    world.sound()


def test_a_budget_that_a_person_empties_is_wanted_no_more(world: World) -> None:
    world.raise_()
    world.by_hand(budget=None)
    assert world.changes(minutes=1) == []
    assert world.record(world.outcome("sent")) == ["stale"]
    assert not world.out_of_step()


def test_deleted_here_nothing_waits(world: World) -> None:
    world.raise_()
    world.db.execute("delete from campaigns where id = %s", (world.ids["11"],))
    assert world.changes(minutes=1) == []
    assert world.record(world.outcome("sent")) == ["rejected"]
    world.read(minutes=60)
    assert world.changes() == []
    waiting = "select count(*) from autonomy.deliveries where state in ('waiting', 'unsure')"
    assert value(world.db, waiting) == 0


# Money without cents ----------------------------------------------------------------------------


def test_forints_of_ours_are_no_persons(db: Db) -> None:
    """Meta knows no part of a forint, ISO a hundredth: 83 and 83.00 are one."""
    world = World(db, currency="HUF")
    made = world.raise_("83.33")
    world.changes(minutes=1)
    world.record(world.outcome("sent", wanted="83"))
    world.by_hand(budget="90")  # meanwhile
    world.there["11"]["budget"] = "83"
    world.read(minutes=10)
    world.read(minutes=10)
    assert world.row()[1] == "90.00"
    assert world.state() in ("waiting", "unsure")
    assert world.action(made)[0] == "executed"


def test_a_persons_forints_count_when_seen_twice(db: Db) -> None:
    world = World(db, currency="HUF")
    world.raise_("83.33")
    world.changes(minutes=1)
    world.record(world.outcome("sent", wanted="83"))
    world.record(world.outcome("confirmed", wanted="83", observed="83"), minutes=1)
    world.there["11"]["budget"] = "70"
    world.read(minutes=10)
    world.read(minutes=10)
    assert world.row()[1] == "70.00"

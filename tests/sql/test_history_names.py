"""Whose a change on a platform was, where several have changed the same thing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.effects import clean_tables
from tests.sql.test_deliveries import Db, World, history, past

__all__ = ["clean_tables"]


@pytest.fixture
def world(db: Db) -> World:
    return World(db)


def authors(db: Db) -> list[tuple[str, str, bool]]:
    """Of what was followed, the oldest first: what it became, by whom, whether a person."""
    return db.execute(
        "select coalesce(nullif(new_status, old_status), new_budget::text), actor, person"
        " from campaign_changes where kind = 'platform' order by id"
    ).fetchall()


def status(world: World, new: str | None, actor: str, **more: Any) -> dict[str, Any]:
    return past(world, "", actor, field="status", old=None) | {"new": new} | more


def test_the_last_one_before_the_reading_did_it(world: World) -> None:
    """Maria paused it and switched it on again; what is seen now is Anna's pause."""
    told = [status(world, "paused", "Maria")]
    world.later(10)
    told.append(status(world, "active", "Maria"))
    world.later(10)
    told.append(status(world, "paused", "Anna"))
    world.there["11"]["status"] = "paused"
    world.read(minutes=10)
    assert history(world, *told)["named"] == 1
    assert authors(world.db) == [("paused", "Anna", True)]


def test_each_reading_has_its_own(world: World) -> None:
    """The history of two days is told again with each reading."""
    told = []
    for hours, new, actor in ((1, "45.00", "Maria"), (2, "50.00", "Anna"), (3, "45.00", "Peter")):
        world.later(60 * hours)
        told.append(past(world, new, actor))
        world.there["11"]["budget"] = new
        world.read(minutes=20)
    assert history(world, *reversed(told))["named"] == 3
    assert [one[:2] for one in authors(world.db)] == [
        ("45.00", "Maria"), ("50.00", "Anna"), ("45.00", "Peter"),
    ]  # fmt: skip
    assert history(world, *told)["named"] == 0


def test_what_it_became_may_not_be_told(world: World) -> None:
    told = status(world, None, "Maria")
    world.there["11"]["status"] = "paused"
    world.read(minutes=20)
    assert history(world, told)["named"] == 1
    assert authors(world.db) == [("paused", "Maria", True)]


@pytest.mark.parametrize("gone", ["archived", "deleted"])
def test_what_is_gone_was_paused_by_whoever_did_it(world: World, gone: str) -> None:
    told = status(world, gone, "Maria")
    world.there["11"]["status"] = gone
    world.read(minutes=20)
    assert history(world, told)["named"] == 1
    assert authors(world.db)[-1][:2] == ("paused", "Maria")


def test_a_later_change_is_nobody_elses(world: World) -> None:
    """What was done after the reading has not been seen by it."""
    world.there["11"]["budget"] = "45.00"
    world.read(minutes=20)
    world.later(30)
    assert history(world, past(world, "45.00", "Peter"))["named"] == 0
    assert authors(world.db) == [("45.00", "Meta", True)]


def names(world: World) -> Any:
    """Against whom a raise or a cut would be, and against whom a pause."""
    return world.db.execute(
        "select budget_person, pause_person from autonomy.candidate_rows(array[%s], %s)",
        (world.ids["11"], world.now),
    ).fetchone()


def test_the_reason_has_the_name(world: World) -> None:
    world.there["11"]["budget"] = "45.00"
    told = past(world, "45.00", "Maria Keller")
    world.read(minutes=20)
    assert names(world) == (None, None)
    history(world, told)
    assert names(world) == ("Maria Keller", None)  # a budget that was cut does not keep it on
    world.later(10)
    world.by_hand(status="paused")
    world.later(10)
    world.by_hand(status="active")  # here, by a person without a name
    assert names(world) == ("Maria Keller", None)


def test_a_pause_would_be_against_whoever_switched_it_on_or_raised_it(world: World) -> None:
    told = []
    for field, new, actor, pause_person in (
        ("status", "paused", "Anna", "Anna"), ("status", "active", "Peter", "Peter"),
        ("budget", "70.00", "Maria", "Maria"), ("status", "paused", "Anna", "Maria"),
        ("status", "active", "Peter", "Peter"),
    ):  # fmt: skip
        world.later(60)
        told.append(past(world, new, actor, field=field))
        world.there["11"][field] = new
        world.read(minutes=10)
        history(world, *told)
        assert names(world) == ("Maria" if len(told) > 2 else None, pause_person)


def test_another_tool_by_its_name_is_no_person(world: World) -> None:
    world.db.execute("update autonomy_policy set automation_actors = '{an automated rule}'")
    world.there["11"]["budget"] = "45.00"
    told = past(world, "45.00", "an automated rule")
    world.read(minutes=20)
    history(world, told)
    assert authors(world.db) == [("45.00", "an automated rule", False)]


def test_what_is_doubted_is_counted(world: World) -> None:
    """So that the history is asked for: it may say whose it is at once."""
    world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.there["11"]["budget"] = "45.00"
    assert world.read(minutes=30)["doubted"] == 1
    assert world.read(minutes=30)["doubted"] == 0
    assert authors(world.db) == [("45.00", "Meta", True)]

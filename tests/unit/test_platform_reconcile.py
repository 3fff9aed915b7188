"""Three sides of a change: our row, what stands there, what both last agreed on."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonomy.platforms.base import Change, Unit
from autonomy.platforms.reconcile import (
    Confirm,
    NotThere,
    Person,
    Refuse,
    Wait,
    Wanted,
    Write,
    after_write,
    decide,
    taken_for_ours,
)
from tests.unit.test_layers import PACKAGE, belongs, imports

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PURE = {"__future__", "collections", "dataclasses", "datetime", "decimal", "typing",
        "autonomy.platforms.base", "autonomy.platforms.money"}  # fmt: skip


def wanted(
    field: Any = "status", to: str = "paused", base: str | None = "active", **more: Any
) -> Wanted:
    given: dict[str, Any] = {
        "campaign_id": "c", "external_id": "11", "title": "One", "kind": "campaign",
        "budget_kind": "daily", "budget_ref": None, "field": field, "wanted": to, "base": base,
        "base_at": NOW - timedelta(minutes=20), "step": "pause", "by": "action",
        "wanted_at": NOW - timedelta(minutes=10),
    }  # fmt: skip
    return Wanted(**{**given, **more})


def unsure(ago: float = 1, **more: Any) -> Wanted:
    return wanted(unsure=True, first_unsure_at=NOW - timedelta(minutes=ago), tries=1, **more)


def there(**values: Any) -> Unit:
    unit = Unit("11", "campaign", "One", "active", "ACTIVE", Decimal(50), "daily")
    return replace(unit, **values)


def told(new: Any, ago: float, *, ours: bool = False, field: Any = "status") -> Change:
    actor = "us" if ours else "Maria Keller"
    return Change("11", field, None, new, NOW - timedelta(minutes=ago), actor, ours)


def step(change: Wanted, unit: Unit | None, history: Any = None, digits: int = 2) -> Any:
    return decide(change, unit, NOW, history, digits)


def unasked(change: Wanted, unit: Unit) -> Any:
    return decide(change, unit, NOW, None, 2, asked=False)


def test_it_is_computed_alone() -> None:
    path = PACKAGE / "platforms" / "reconcile.py"
    assert [one for one in imports(path) if not belongs(one, PURE)] == []
    calls = [n.func for n in ast.walk(ast.parse(Path(path).read_text())) if isinstance(n, ast.Call)]
    clocks = {"now", "today", "utcnow", "monotonic", "time"}
    assert [
        one.attr for one in calls if isinstance(one, ast.Attribute) and one.attr in clocks
    ] == []


def test_what_stands_there_as_both_knew_it_is_written() -> None:
    assert step(wanted(), there()) == Write()
    assert step(wanted("budget", "60.00", "50.00", step="raise"), there()) == Write()


def test_what_stands_there_as_wanted_is_confirmed_whoever_did_it() -> None:
    assert step(wanted(), there(status="paused")) == Confirm()
    assert step(unsure(), there(status="paused")) == Confirm()
    assert step(wanted(base=None), there(status="paused")) == Confirm()


def test_amounts_are_compared_in_the_platforms_smallest_piece() -> None:
    yen = wanted("budget", "133.33", "100", step="raise")
    assert step(yen, there(budget=Decimal(133)), digits=0) == Confirm()
    assert step(yen, there(budget=Decimal("100.2")), digits=0) == Write()
    assert isinstance(step(yen, there(budget=Decimal(133)), digits=2), Wait)


@pytest.mark.parametrize("status", ["archived", "deleted"])
def test_what_is_gone_is_gone(status: Any) -> None:
    assert step(wanted(), there(status=status)) == NotThere()
    assert step(unsure(), None) == NotThere()


def test_who_was_there_and_back_again_since_it_was_wanted_stays() -> None:
    back = [told("paused", 9), told("active", 5)]
    assert step(wanted(), there(), back) == Person("Maria Keller", NOW - timedelta(minutes=5))
    assert step(wanted(), there(), [told("active", 15)]) == Write()  # before it was wanted
    assert unasked(wanted(), there()).ask


def test_the_first_meeting_writes_nothing() -> None:
    assert isinstance(step(wanted(base=None), there()), Wait)


def test_another_value_is_a_persons_when_the_history_names_one() -> None:
    change = wanted("budget", "60", "50", step="raise")
    assert unasked(change, there(budget=Decimal(45))).ask
    history = [told(Decimal(45), 3, field="budget"), told("paused", 1)]
    found = step(change, there(budget=Decimal(45)), history)
    assert found == Person("Maria Keller", NOW - timedelta(minutes=3))
    assert not step(change, there(budget=Decimal(45)), []).ask  # nobody known: the next reading


def test_a_persons_pause_drops_a_raise_of_nothing_but_the_budget() -> None:
    change = wanted("budget", "60", "50", step="raise")
    assert step(change, there(status="paused"), [told("paused", 3)]) == Write()


def test_of_two_people_the_later_one_holds() -> None:
    change = wanted("budget", "60", "50", step="raise", by="person")
    unit = there(budget=Decimal(45))
    assert step(change, unit, [told(Decimal(45), 15, field="budget")]) == Write()
    assert isinstance(step(change, unit, [told(Decimal(45), 5, field="budget")]), Person)
    ours = replace(change, by="action")
    assert isinstance(step(ours, unit, [told(Decimal(45), 15, field="budget")]), Person)


def test_without_an_answer_nothing_is_written_again_for_five_minutes() -> None:
    assert unasked(unsure(6), there()).ask
    assert step(unsure(1), there(), []) == Wait("whether it was taken is not known yet")
    assert step(unsure(6), there(), []) == Write()
    not_taken = wanted(tries=1, first_unsure_at=NOW - timedelta(minutes=1))
    assert isinstance(step(not_taken, there(), []), Wait)


def test_a_platform_without_a_history_is_looked_at_twice() -> None:
    assert isinstance(step(unsure(6), there(), None), Wait)
    seen = unsure(6, base_at=NOW - timedelta(minutes=5))
    assert step(seen, there(), None) == Write()


def test_who_undid_a_write_that_got_no_answer_is_not_overruled() -> None:
    history = [told("paused", 8, ours=True), told("active", 4)]
    assert step(unsure(9), there(), history) == Person("Maria Keller", NOW - timedelta(minutes=4))
    # the platform cannot always tell that it was us
    same = [told("paused", 8)]
    assert step(unsure(9), there(), same) == Write()
    assert isinstance(step(unsure(9), there(), [told(None, 4)]), Person)


def test_our_own_earlier_value_that_arrived_late_is_nobodys() -> None:
    change = unsure(6, field="budget", to="70", base="50", step="raise")
    late = told(Decimal(60), 5, ours=True, field="budget")
    assert step(change, there(budget=Decimal(60)), [late]) == Write()
    assert isinstance(step(change, there(budget=Decimal(61)), [late]), Wait)


def test_who_did_the_same_as_we_had_written_is_a_person_where_ours_are_known() -> None:
    back = unsure(9, to="active", sent="paused")
    maria = told("paused", 4)
    assert step(back, there(status="paused"), [maria]) == Person("Maria Keller", maria.at)
    (ours,) = taken_for_ours([back], [maria], 2)
    assert ours.ours
    assert step(back, there(status="paused"), [ours]) == Write()
    assert not taken_for_ours([back], [told("paused", 4, field="budget")], 2)[0].ours


def test_a_wish_back_to_the_base_is_no_proof_that_nothing_arrives() -> None:
    assert step(unsure(1, to="active"), there()) == Wait("a write may still arrive")
    assert step(unsure(6, to="active"), there()) == Confirm()


@pytest.mark.parametrize("amount", ["NaN", "-5", "1e40", "Infinity", "", "x", "0", "0.004"])
def test_what_is_no_budget_is_never_written(amount: str) -> None:
    found = step(wanted("budget", amount, "50", step="cut"), there())
    assert isinstance(found, Refuse)
    assert found.code == "NO_AMOUNT"


def test_nothing_but_on_and_off() -> None:
    assert isinstance(step(wanted(to="archived"), there()), Refuse)


@pytest.mark.parametrize(
    "unit",
    [
        there(budget_kind="shared"),
        there(budget_kind="lifetime", budget=None),
        there(hold="SCHEDULED_BUDGET"),
    ],
)
def test_a_budget_that_is_not_its_own_any_more_waits(unit: Unit) -> None:
    assert isinstance(step(wanted("budget", "60", "50", step="raise"), unit), Wait)
    assert step(wanted(), unit) == Write()


def test_right_after_a_write() -> None:
    change = wanted()
    assert after_write(change, there(status="paused"), [], NOW, 2) == Confirm()
    assert after_write(change, None, [], NOW, 2) == NotThere()
    assert after_write(change, there(), [], NOW, 2) is None
    assert after_write(change, there(), [told("active", 0)], NOW, 2) == Person("Maria Keller", NOW)
    assert after_write(change, there(), [told("active", 30)], NOW, 2) is None
    assert after_write(change, there(), [told("paused", 0, ours=True)], NOW, 2) is None


@pytest.mark.parametrize(("ago", "what"), [(1, Wait), (6, Write)])
def test_a_later_wish_does_not_overtake_a_write_that_may_still_arrive(ago: int, what: Any) -> None:
    """Else a raise that got no answer could arrive after the cut that took its place."""
    one = wanted(
        "budget", "40.00", "50.00", step="cut", sent="80.00", sent_at=NOW - timedelta(minutes=ago)
    )
    assert isinstance(step(one, there(), []), what)
    arrived = told(Decimal(80), ago, ours=True, field="budget")
    assert step(one, there(budget=Decimal(80)), [arrived]) == Write()

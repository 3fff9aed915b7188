"""Money: exact, to the cent, never over a cap by rounding."""

from __future__ import annotations

from decimal import Decimal

import pytest

from autonomy.engine.sizing import cut_down, floor_of, half_up, lowered, raised, times

NO_CAPS: list[tuple[str, Decimal]] = []


@pytest.mark.parametrize(
    ("amount", "digits", "shown"),
    [
        ("0.125", 2, "0.13"), ("0.115", 2, "0.12"), ("2.675", 2, "2.68"), ("1", 2, "1.00"),
        ("150.5", 0, "151"), ("150.49", 0, "150"), ("12.3455", 3, "12.346"), ("12", 3, "12.000"),
    ],
)  # fmt: skip
def test_half_up(amount: str, digits: int, shown: str) -> None:
    assert str(half_up(Decimal(amount), digits)) == shown


def test_caps_are_cut_down_and_floors_up() -> None:
    assert cut_down(Decimal("33.339"), 2) == Decimal("33.33")
    assert cut_down(Decimal("100.5"), 0) == Decimal(100)
    assert floor_of(Decimal("33.331"), 2) == Decimal("33.34")
    assert floor_of(Decimal("33.33"), 2) == Decimal("33.33")
    assert floor_of(Decimal("33.33"), 0) == Decimal(34)


def test_a_floor_is_never_nothing() -> None:
    assert floor_of(Decimal(0), 2) == Decimal("0.01")
    assert floor_of(Decimal(0), 0) == Decimal(1)


def test_products_are_exact_beyond_28_digits() -> None:
    product = times(Decimal("999999999999.99"), Decimal("1.2345678901234567"))
    assert product == Decimal("1234567890123.444354321098765433")


def test_a_raise_meets_its_caps_in_order() -> None:
    caps = [("STEP_CAP", Decimal(180)), ("GROWTH_CAP", Decimal(200)), ("BUDGET_CAP", Decimal(150))]
    assert raised(Decimal(100), Decimal(250), caps) == (
        Decimal(150),
        ("STEP_CAP", "BUDGET_CAP"),
        None,
    )


def test_a_cap_that_is_just_met_shrinks_nothing() -> None:
    assert raised(Decimal(100), Decimal(150), [("STEP_CAP", Decimal(150))]).limits == ()
    assert lowered(Decimal(100), Decimal(50), Decimal(50)).limits == ()


def test_a_cap_below_the_budget_leaves_the_budget_alone() -> None:
    size = raised(Decimal(100), Decimal(150), [("BUDGET_CAP", Decimal(80))])
    assert size == (Decimal(100), ("BUDGET_CAP",), "BUDGET_CAP")


@pytest.mark.parametrize(("wanted", "code"), [("100.99", "NO_CHANGE"), ("101.00", None)])
def test_under_one_percent_is_no_change(wanted: str, code: str | None) -> None:
    assert raised(Decimal(100), Decimal(wanted), NO_CAPS).code == code


@pytest.mark.parametrize(("wanted", "code"), [("99.01", "NO_CHANGE"), ("99.00", None)])
def test_under_one_percent_down_is_no_change(wanted: str, code: str | None) -> None:
    assert lowered(Decimal(100), Decimal(wanted), Decimal(1)).code == code


def test_a_cut_stops_at_the_floor() -> None:
    assert lowered(Decimal(100), Decimal(20), Decimal(40)) == (Decimal(40), ("BUDGET_CAP",), None)
    assert lowered(Decimal(30), Decimal(20), Decimal(40)) == (
        Decimal(30),
        ("BUDGET_CAP",),
        "BUDGET_CAP",
    )


def test_tiny_budgets() -> None:
    assert raised(Decimal("0.01"), Decimal("0.02"), NO_CAPS).budget == Decimal("0.02")
    assert raised(Decimal("0.01"), Decimal("0.01"), NO_CAPS).code == "NO_CHANGE"


def test_a_platform_takes_no_budget_below_its_minimum() -> None:
    minimum = Decimal(40)
    low = lowered(Decimal(100), Decimal(20), Decimal(1), minimum=minimum)
    assert low == (Decimal(40), ("BELOW_MINIMUM",), None)
    both = lowered(Decimal(100), Decimal(20), Decimal(30), minimum=minimum)
    assert both.limits == ("BUDGET_CAP", "BELOW_MINIMUM")
    assert lowered(Decimal(40), Decimal(20), Decimal(1), minimum=minimum).code == "BELOW_MINIMUM"
    assert raised(Decimal(20), Decimal(30), [], minimum=minimum).code == "BELOW_MINIMUM"
    assert raised(Decimal(20), Decimal(40), [], minimum=minimum) == (Decimal(40), (), None)

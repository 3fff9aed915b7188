"""Where a campaign stands on its curve, and where its budget belongs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from autonomy.engine.curve import Curve, curve_of, moved, target_budget, within_dead_band

HUNDRED = Decimal(100)


def average(budget: float, roi: float, curvature: float) -> float:
    """Of a campaign whose roi at a budget of 100 is `roi`."""
    return roi / Curve(budget / 100.0, curvature).over


@pytest.mark.parametrize("curvature", [0.25, 2.0, 16.0])
@pytest.mark.parametrize("budget", [20.0, 100.0, 350.0])
def test_the_next_unit_returns_what_a_little_more_budget_brings(
    curvature: float, budget: float
) -> None:
    more = budget * (1.0 + 1e-6)
    revenue = budget * average(budget, 2.0, curvature)
    returned = (more * average(more, 2.0, curvature) - revenue) / (more - budget)
    steep = Curve(budget / 100.0, curvature).steep
    assert returned == pytest.approx(average(budget, 2.0, curvature) / steep, rel=1e-4)


@pytest.mark.parametrize("curvature", [0.25, 2.0, 16.0])
@pytest.mark.parametrize("break_even", [0.7, 1.0, 1.9])
def test_at_the_target_the_next_unit_returns_the_break_even(
    curvature: float, break_even: float
) -> None:
    target = float(target_budget(HUNDRED, curvature, 2.0, break_even))
    assert target > 0
    steep = Curve(target / 100.0, curvature).steep
    assert average(target, 2.0, curvature) / steep == pytest.approx(break_even, rel=1e-6)


def test_where_not_even_the_first_unit_earns_its_keep_the_target_is_nothing() -> None:
    assert target_budget(HUNDRED, 2.0, 0.66, 1.0) == 0
    assert 0 < target_budget(HUNDRED, 2.0, 0.67, 1.0) < 1


@pytest.mark.parametrize("break_even", [0.0, -1.0, 1e-300, float("nan"), 1e300])
@pytest.mark.parametrize("mean", [1e-12, 1.0, 1e12])
def test_a_target_is_an_amount_whatever_the_break_even(break_even: float, mean: float) -> None:
    target = target_budget(Decimal("1e15"), 100.0, mean, break_even)
    assert target.is_finite()
    assert target >= 0


@pytest.mark.parametrize(
    ("budget", "reference", "share"),
    [
        (None, HUNDRED, 1.0),
        (HUNDRED, None, 1.0),
        (HUNDRED, Decimal(0), 1.0),
        (Decimal(-5), HUNDRED, 1.0),
        (HUNDRED, Decimal("1e18"), 1.0),
        (HUNDRED, Decimal("1e-9"), 1.0),
        (HUNDRED, Decimal("0.000001"), 1e6),
        (HUNDRED, Decimal(50), 2.0),
    ],
)
def test_what_is_not_known_stands_at_the_reference(
    budget: Decimal | None, reference: Decimal | None, share: float
) -> None:
    assert curve_of(budget, reference, 2.0) == (share, 2.0)


def test_a_curvature_that_is_none_is_the_default() -> None:
    assert curve_of(HUNDRED, HUNDRED, float("nan")).curvature == 2.0
    assert curve_of(HUNDRED, HUNDRED, 0.0).curvature == 0.1


def test_a_move_goes_no_further_than_thirty_percent() -> None:
    assert moved(HUNDRED, Decimal("1e20"), 2) == 130
    assert moved(HUNDRED, Decimal(0), 2) == 70
    assert moved(HUNDRED, Decimal(111), 2) == 111
    assert moved(Decimal("67.23"), Decimal(0), 2) == Decimal("47.07"), "47.061, rounded inwards"
    assert moved(Decimal("1.15"), HUNDRED, 2) == Decimal("1.49"), "1.495"
    assert moved(Decimal(2), HUNDRED, 0) == 2, "2.6 yen"
    assert within_dead_band(HUNDRED, Decimal("104.99"))
    assert not within_dead_band(HUNDRED, Decimal(105))
    assert not within_dead_band(HUNDRED, Decimal(95))
    assert not within_dead_band(None, HUNDRED)

"""How late conversions come, told from how the orders of new campaigns set in."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from autonomy.engine.delay import (
    GRID,
    Launch,
    delay_of_lag,
    delay_of_launches,
    lag_of_delay,
    nearest_delay,
)
from tests.simulation.world import WORLDS, Market


def launches(hours: float, campaigns: int = 400, orders: float = 10.0) -> list[Launch]:
    """Campaigns that spend 1 a day and bring `orders` a day, as these come in in the mean."""
    days = hours / 24.0
    early = 2.0 - days * (1.0 - exp(-2.0 / days))
    later = 5.0 - days * (exp(-4.0 / days) - exp(-9.0 / days))
    return [Launch(2.0, orders * early, 5.0, orders * later)] * campaigns


@pytest.mark.parametrize("hours", GRID)
def test_it_finds_the_delay(hours: float) -> None:
    found = delay_of_launches(launches(hours))
    assert found == pytest.approx(hours, rel=0.05)
    assert found is not None
    assert nearest_delay(found) == hours


def test_few_campaigns_are_drawn_to_the_usual_delay() -> None:
    """One tells next to nothing, however many orders it has."""
    one, many = (delay_of_launches(launches(96.0, n, 1000.0)) for n in (1, 100))
    assert one is not None
    assert many is not None
    assert nearest_delay(one) == 24.0
    assert nearest_delay(many) == 96.0


def test_where_orders_do_not_lag_behind_nothing_is_told() -> None:
    assert delay_of_launches([Launch(2.0, 20.0, 5.0, 50.0)] * 100) == 0.0
    assert delay_of_launches([Launch(2.0, 85.0, 5.0, 250.0)] * 2) == 0.0  # by chance
    assert delay_of_launches(launches(0.5)) == 0.0


@pytest.mark.parametrize(
    "few",
    [
        [],
        launches(48.0, 1),
        [Launch(0.0, 0.0, 5.0, 300.0)],
        [Launch(2.0, 300.0, 0.0, 0.0)],
        [Launch(2.0, 300.0, 5.0, 0.0)],
    ],
)
def test_too_little_is_no_answer(few: list[Launch]) -> None:
    assert delay_of_launches(few) is None


def test_a_lag_and_its_delay() -> None:
    for days in (0.25, 1.0, 4.0):
        assert delay_of_lag(lag_of_delay(days)) == pytest.approx(days, rel=1e-6)
    assert delay_of_lag(0.0) == pytest.approx(20.0, rel=1e-6)


def told_each_day(world: str, seed: int) -> list[float | None]:
    """What the market's launches have told by the end of each of its first thirty days."""
    market = Market(seed, replace(WORLDS[world], days=30))
    spend, orders = (np.zeros((market.truth.campaigns, 9)) for _ in range(2))
    began = market.launch_hour // 24
    told: list[float | None] = []
    for day in range(30):
        for _ in range(24):
            market.advance()
        seen, age = market.observe(), day - began
        which = np.flatnonzero((age >= 0) & (age <= 8))
        spend[which, age[which]] = seen.spend[which]
        orders[which, age[which]] = seen.conversions[which]
        over = [
            Launch(s[:2].sum(), n[:2].sum(), s[4:].sum(), n[4:].sum())
            for s, n in zip(spend[age >= 8], orders[age >= 8], strict=True)
        ]
        hours = delay_of_launches(over)
        told.append(nearest_delay(hours) if hours else hours)
    return told


@pytest.mark.parametrize(("world", "hours"), [("as above", 12.0), ("orders 48 h late", 48.0)])
def test_in_the_market_it_is_found(world: str, hours: float) -> None:
    markets = [told_each_day(world, seed) for seed in range(1, 8)]
    for told in markets:
        assert told[:8] == [None] * 8
        assert told[29] in {hours, 24.0}
    assert [told[29] for told in markets].count(hours) >= 5
    assert [told[14] for told in markets].count(hours) >= 4

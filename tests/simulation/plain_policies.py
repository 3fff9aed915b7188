"""Policies that need no database: doing nothing, what the field does, and knowing the truth."""

from __future__ import annotations

import numpy as np

from tests.simulation.world import Market, Score, Truth


def no_automation(seed: int, truth: Truth) -> Score:
    market = Market(seed, truth)
    for _ in range(market.hours):
        market.advance()
    return market.score()


def usual_rules(seed: int, truth: Truth) -> Score:
    """Every hour: pause below 1.0 after 24 h and 100 spent, x1.5 at 3.0 and above."""
    return _threshold_rules(seed, truth, factor=1.5, cooldown_hours=1)


def usual_rules_daily(seed: int, truth: Truth) -> Score:
    """The careful variant: +20 % and at most once a day."""
    return _threshold_rules(seed, truth, factor=1.2, cooldown_hours=24)


def _threshold_rules(seed: int, truth: Truth, factor: float, cooldown_hours: int) -> Score:
    market = Market(seed, truth)
    last_raise = np.full(truth.campaigns, -(10**6))
    for hour in range(1, market.hours + 1):
        market.advance()
        spend = market.total_spend
        roi = np.divide(market.total_revenue, spend, out=np.ones_like(spend), where=spend > 0)
        market.pause(
            ((roi < 1.0) & (spend >= 100.0) & (market.age_hours >= 24))
            | ((roi < 0.5) & (spend >= 50.0))
        )
        up = (roi >= 3.0) & (market.total_conversions >= 10) & market.running
        up &= hour - last_raise >= cooldown_hours
        last_raise[up] = hour
        raised = np.minimum(np.round(market.budget * factor, 2), 10_000.0)
        market.budget = np.where(up, np.maximum(market.budget, raised), market.budget)
    return market.score()


def oracle(seed: int, truth: Truth) -> Score:
    """Knows the truth and moves each budget once a day to where the next unit just pays."""
    market = Market(seed, truth)
    for hour in range(market.hours):
        if hour % 24 == 0:
            best = market.best_budget()
            market.running = best > 0.0
            market.budget = np.clip(best, market.budget * 0.5, market.budget * 2.0)
        market.advance()
    return market.score()

"""Policies that need no database: nothing, what the field does, honest peers, and the truth."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.simulation.world import Bools, Floats, Market, Score, Truth


@dataclass(frozen=True)
class Seen:
    """What a person reads of the last days: sums of what has arrived, per campaign."""

    spend: Floats
    revenue: Floats
    conversions: Floats
    spend_by_budget: Floats  # each day's spend times the budget it was spent under

    @property
    def roas(self) -> Floats:
        return np.divide(
            self.revenue, self.spend, out=np.zeros_like(self.spend), where=self.spend > 0
        )

    @property
    def budget(self) -> Floats:
        """The mean budget behind the spend."""
        return np.divide(
            self.spend_by_budget, self.spend, out=np.zeros_like(self.spend), where=self.spend > 0
        )


def once_a_day(seed: int, truth: Truth, days: int, decide: Callable[[Market, Seen], None]) -> Score:
    """Plays the market; each midnight `decide` sees the last `days` days and moves budgets."""
    market = Market(seed, truth)
    recent: deque[tuple[Floats, ...]] = deque(maxlen=days)
    for day in range(truth.days):
        if day:
            now = market.observe()
            recent.append((now.spend, now.revenue, now.conversions, now.spend * market.budget))
            decide(market, Seen(*np.sum(recent, axis=0)))
        for _ in range(24):
            market.advance()
    return market.score()


def no_automation(seed: int, truth: Truth) -> Score:
    return once_a_day(seed, truth, 1, lambda market, seen: None)


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


PUBLISHED_TARGET = 1.5


def published_rules(seed: int, truth: Truth) -> Score:
    """The "20 % rule" and "kill decision framework" of AgriciDaniel/claude-ads, on 14 days."""
    moved = np.full(truth.campaigns, -7)

    def decide(market: Market, seen: Seen) -> None:
        day, age = market.hour // 24, market.age_hours / 24
        without = (seen.conversions == 0) & (seen.spend >= 100)
        market.pause(without | ((seen.roas < PUBLISHED_TARGET / 3) & (age >= 7)))
        due = market.running & (age >= 14) & (day - moved >= 7)
        halved = due & (seen.roas < PUBLISHED_TARGET / 2)
        raised = due & (seen.roas > PUBLISHED_TARGET) & (seen.conversions >= 2 * 50)
        moved[halved | raised] = day
        market.budget = market.budget * np.select([halved, raised], [0.5, 1.2], 1.0)

    return once_a_day(seed, truth, 14, decide)


_PEER_DAYS = 14
_KNOWN_AFTER_HOURS = 72  # a peer leaves the budget of a younger campaign as it is


def _move(market: Market, known: Bools, target: Floats) -> None:
    """Towards `target`, a day at a time no further than half or twice; the total stays."""
    least, most = 0.5 * market.budget, 2.0 * market.budget
    total, steps, scale = market.start_budget[known].sum(), target, 1.0
    for _ in range(20):  # what one may not take yet, the others get
        steps = np.clip(scale * target, least, most)
        scale *= total / max(steps[known].sum(), 1e-9)
    market.budget = np.where(known, steps, market.budget)


def _by_roas(power: float) -> Callable[[int, Truth], Score]:
    """Budgets in proportion to first budget x ROAS^power; their total stays what it was."""

    def decide(market: Market, seen: Seen) -> None:
        known = np.asarray(market.age_hours >= _KNOWN_AFTER_HOURS)
        weight = np.where(known, market.start_budget * seen.roas**power, 0.0)
        total = market.start_budget[known].sum()
        _move(market, known, total * weight / max(weight.sum(), 1e-9))

    return lambda seed, truth: once_a_day(seed, truth, _PEER_DAYS, decide)


by_roas = _by_roas(1.0)
by_roas_squared = _by_roas(2.0)


def equal_marginal(seed: int, truth: Truth) -> Score:
    """The next unit of money earns the same everywhere, half at twice the first budget."""

    def decide(market: Market, seen: Seen) -> None:
        known = np.asarray(market.age_hours >= _KNOWN_AFTER_HOURS)
        half, first = 2.0 * market.start_budget, np.where(known, market.start_budget, 0.0)
        pooled = seen.revenue[known].sum() / max(seen.spend[known].sum(), 1e-9)
        roas = (seen.revenue + first * pooled) / np.maximum(seen.spend + first, 1e-9)
        root = np.sqrt(np.where(known, roas * (1.0 + seen.budget / half), 0.0))
        order = np.argsort(-root)
        prices = np.cumsum((half * root)[order]) / (first.sum() + np.cumsum(half[order]))
        funded = root[order] > prices
        price = prices[funded][-1] if funded.any() else 1.0
        _move(market, known, half * np.maximum(root / price - 1.0, 0.0))

    return once_a_day(seed, truth, _PEER_DAYS, decide)


def oracle_within(share: float) -> Callable[[int, Truth], Score]:
    """The oracle with a fixed total, a share of the campaigns' first budgets together: where the
    next unit returns the same everywhere, and the budgets come to that total at most."""

    def play(seed: int, truth: Truth) -> Score:
        market = Market(seed, truth)
        total = share * float(market.start_budget.sum())
        for hour in range(market.hours):
            if hour % 24 == 0:
                best = _best_within(market, total)
                market.running = best > 0.0
                market.budget = np.clip(best, market.budget * 0.5, market.budget * 2.0)
                over = float(market.budget[market.running & market.launched].sum()) / total
                market.budget = market.budget / max(over, 1.0)
            market.advance()
        return market.score()

    return play


def _best_within(market: Market, total: float) -> Floats:
    """Budgets at which the next unit returns one price, 1 at least, and which fit the total."""
    first = market.true_roi(np.zeros_like(market.budget))
    low, high = 1.0, max(1.0, float(first.max()))
    for _ in range(60):
        price = (low * high) ** 0.5 if high > low else low
        best = market.saturates_at * np.maximum(np.sqrt(first / price) - 1.0, 0.0)
        if best[market.launched].sum() > total:
            low = price
        else:
            high = price
    return np.asarray(market.saturates_at * np.maximum(np.sqrt(first / high) - 1.0, 0.0))


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

"""A market with a known truth: what a policy earns in it can be counted, not guessed.

Each campaign's true roi at its first budget is log-normal over the account, drifts from day to
day and steps at times. More budget earns less per unit (revenue = r0 b / (1 + b / half)). Orders
come in gamma-shocked days, their values are log-normal, and each arrives hours after its click.
A policy sees what has arrived; the score counts every order that its spend brought, also those
that arrive after the end. The draws behind shocks and drift are the same for every policy.

The market is the judge, not a thing to tune: every law and constant of it, and every world, stands
in this file, and docs/simulation.md prints the file's hash. A change here is a commit of its own,
before a policy is measured on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_WEEKDAY = np.array((1.05, 1.03, 1.00, 0.99, 0.94, 0.93, 1.06))
_HOUR = np.array((
    0.45, 0.32, 0.25, 0.22, 0.24, 0.35, 0.58, 0.82, 1.00, 1.08, 1.12, 1.15,
    1.20, 1.16, 1.12, 1.12, 1.15, 1.22, 1.34, 1.50, 1.60, 1.50, 1.15, 0.76,
))  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """What the market is like; money in the account's currency, times in hours or days."""

    campaigns: int = 200
    days: int = 60
    median_budget: float = 70.0
    spread_budget: float = 0.6  # of the logarithm
    least_budget: float = 1.0
    lean_to_winners: float = 0.0  # first budgets go with the true roi to this power
    saturation: float = 2.0  # half, in first budgets: the median campaign's
    spread_saturation: float = 0.5  # of the logarithm
    day_spend: float = 0.0  # sd of the logarithm of what a day spends of its budget
    median_roi: float = 1.2
    spread_roi: float = 0.80  # of the logarithm
    launch_days: int = 20  # most campaigns start somewhere in these
    drift_a_day: float = 0.03  # of the logarithm
    step_a_day: float = 1.0 / 60.0  # how often a campaign steps
    step_size: float = 0.40
    delay_hours: float = 12.0
    order_value: float = 50.0
    order_cv: float = 1.3
    day_shock_shape: float = 4.0
    break_even: float = 1.0


TODAY = Truth()

# As real accounts are: values of single orders with a squared coefficient of variation of 3.5,
# more than half of the spend in a tenth of the campaigns, and a day's spend that moves by itself
# (with weekday and hours its logarithm has a standard deviation of 0.29 within a campaign).
REAL_LIKE = Truth(
    median_budget=22.0, spread_budget=1.65, least_budget=5.0, day_spend=0.285, order_cv=3.5**0.5
)

WORLDS: Mapping[str, Truth] = {
    "as above": TODAY,
    "like real accounts": REAL_LIKE,
    "saturation 4x sooner": replace(TODAY, saturation=0.5),
    "saturation 4x later": replace(TODAY, saturation=8.0),
    "wide spread of saturation": replace(TODAY, spread_saturation=1.2),
    "orders of 200": replace(TODAY, order_value=200.0),
    "narrow spread of roi": replace(TODAY, spread_roi=0.3),
    "twice the drift": replace(TODAY, drift_a_day=0.06, step_a_day=1.0 / 30.0),
    "orders 48 h late": replace(TODAY, delay_hours=48.0),
    "accounts of 20": replace(TODAY, campaigns=20),
    "budgets lean to winners": replace(TODAY, lean_to_winners=1.0),
}


def fingerprint() -> str:
    """The first 12 digits of this file's SHA-256."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


@dataclass(frozen=True)
class Observed:
    """What arrived since the last look, per campaign."""

    spend: Floats
    impressions: Floats
    clicks: Floats
    conversions: Floats
    revenue: Floats


@dataclass(frozen=True)
class Score:
    """What a policy earned: money, and pauses of campaigns by what was true of them.

    `profit` is what the orders brought, less the spend; `expected_profit` is the same before the
    dice of shocks, orders and values fell: what a comparison of policies is made of.
    """

    profit: float
    expected_profit: float
    spend: float
    waste: float
    spend_on_losers: float  # spend of campaigns whose true roi was below break-even
    pauses: int
    false_pauses: int

    @property
    def false_share(self) -> float:
        return self.false_pauses / self.pauses if self.pauses else 0.0


class Market:
    """One account over `truth.days`; the policy sets `budget` and `running` between hours."""

    def __init__(self, seed: int, truth: Truth | None = None) -> None:
        self.truth = t = truth or Truth()
        fixed = np.random.default_rng((seed, 1))
        self._random = np.random.default_rng((seed, 2))
        n = t.campaigns
        self.hours = t.days * 24
        self.hour = 0
        budget = fixed.normal(np.log(t.median_budget), t.spread_budget, n)
        saturation = np.exp(fixed.normal(np.log(t.saturation), t.spread_saturation, n))
        self._order = t.order_value * np.exp(fixed.normal(0.0, 0.3, n))
        self.launch_hour = 24 * fixed.integers(0, t.launch_days, n) * (fixed.random(n) < 0.7)
        paths = _paths(fixed, t)
        budget += t.lean_to_winners * paths[:, 0]
        self.start_budget: Floats = np.maximum(t.least_budget, np.rint(np.exp(budget)))
        self.budget: Floats = self.start_budget.copy()
        self.running: Bools = np.ones(n, dtype=bool)
        self.saturates_at: Floats = self.start_budget * saturation
        self._log_roi = np.log(t.median_roi) + paths
        self._shock = fixed.gamma(t.day_shock_shape, 1.0 / t.day_shock_shape, (n, t.days))
        self._click_price = 0.04 * self._order * np.exp(fixed.normal(0.0, 0.2, n))
        moves = np.random.default_rng((seed, 3)).normal(0.0, t.day_spend, (n, t.days))
        self._of_budget = np.exp(moves - t.day_spend**2 / 2)
        self._arriving = np.zeros((3, n, self.hours + 1))  # orders, revenue, their squares
        self._seen = np.zeros((5, n))
        self.total_spend = np.zeros(n)
        self.total_conversions = np.zeros(n)
        self.total_revenue = np.zeros(n)
        self.total_squares = np.zeros(n)
        self._earned = self._expected = 0.0
        self._spent = self._wasted = self._spent_on_losers = 0.0
        self._pauses = self._false_pauses = 0

    def true_roi(self, budget: Floats | None = None) -> Floats:
        """Revenue per unit of spend right now, at `budget` (default: the current one)."""
        level = self.budget if budget is None else budget
        now = np.exp(self._log_roi[:, min(self.hour // 24, self.truth.days - 1)])
        return np.asarray(
            now * (1 + self.start_budget / self.saturates_at) / (1 + level / self.saturates_at)
        )

    def best_budget(self) -> Floats:
        """Where the next unit of budget just pays for itself; 0 where none does."""
        first = self.true_roi(np.zeros_like(self.budget))
        return np.where(
            first > 1.0, self.saturates_at * (np.sqrt(np.maximum(first, 1.0)) - 1.0), 0.0
        )

    @property
    def launched(self) -> Bools:
        return np.asarray(self.hour >= self.launch_hour)

    @property
    def age_hours(self) -> NDArray[np.int64]:
        return np.asarray(self.hour - self.launch_hour)

    def pause(self, which: Bools) -> None:
        """Pauses campaigns and notes whether that was right at that moment."""
        which = which & self.running
        self._pauses += int(which.sum())
        self._false_pauses += int((which & (self.true_roi() >= self.truth.break_even)).sum())
        self.running = self.running & ~which

    def resume(self, which: Bools) -> None:
        self.running = self.running | which

    def advance(self) -> None:
        """One hour: money is spent, orders are placed, earlier ones arrive."""
        t, hour = self.truth, self.hour
        day, of_day = divmod(hour, 24)
        shape = _WEEKDAY[day % 7] * _HOUR[of_day] / _HOUR.mean() / 24.0
        noise = 1.0 + self._random.normal(0.0, 0.08, t.campaigns)
        level = self.budget * self._of_budget[:, day]
        spend = np.round(self.launched * self.running * level * shape * noise, 2)
        roi = self.true_roi(level)
        placed = self._random.poisson(spend * roi * self._shock[:, day] / self._order)
        self._place(placed)
        clicks = self._random.poisson(spend / self._click_price)
        seen = self._arriving[:, :, hour]
        self._seen += (spend, np.round(clicks * 55.0), clicks, seen[0], np.round(seen[1], 2))
        self.total_spend += spend
        self.total_conversions += seen[0]
        self.total_revenue += np.round(seen[1], 2)
        self.total_squares += seen[2]
        self._expected += float((spend * roi).sum())
        self._spent += float(spend.sum())
        self._wasted += float((spend * np.maximum(0.0, 1.0 - roi)).sum())
        self._spent_on_losers += float(spend[self.true_roi() < t.break_even].sum())
        self.hour += 1

    def _place(self, placed: NDArray[np.int64]) -> None:
        t = self.truth
        who = np.repeat(np.arange(t.campaigns), placed)
        spread = np.sqrt(np.log1p(t.order_cv**2))
        value = self._order[who] * np.exp(
            self._random.normal(-0.5 * spread * spread, spread, len(who))
        )
        self._earned += float(value.sum())
        when = self.hour + self._random.exponential(t.delay_hours, len(who)).astype(np.int64)
        when = np.minimum(when, self.hours)
        np.add.at(self._arriving[0], (who, when), 1.0)
        np.add.at(self._arriving[1], (who, when), value)
        np.add.at(self._arriving[2], (who, when), value * value)

    def order_spread(self) -> Floats:
        """Squared coefficient of variation of the orders that arrived; NaN below two."""
        n = np.where(self.total_conversions >= 2, self.total_conversions, np.nan)
        mean = self.total_revenue / n
        return np.asarray(np.maximum(0.0, self.total_squares / n / mean**2 - 1.0))

    def observe(self) -> Observed:
        """What arrived since the last call."""
        spend, impressions, clicks, conversions, revenue = self._seen
        self._seen = np.zeros_like(self._seen)
        return Observed(spend, impressions, clicks, conversions, revenue)

    def score(self) -> Score:
        return Score(
            profit=self._earned - self._spent,
            expected_profit=self._expected - self._spent,
            spend=self._spent,
            waste=self._wasted,
            spend_on_losers=self._spent_on_losers,
            pauses=self._pauses,
            false_pauses=self._false_pauses,
        )


def _paths(random: np.random.Generator, truth: Truth) -> Floats:
    """Log roi relative to the account's median, by campaign and day."""
    shape = (truth.campaigns, truth.days)
    start = random.normal(0.0, truth.spread_roi, (truth.campaigns, 1))
    drift = random.normal(0.0, truth.drift_a_day, shape)
    steps = random.normal(0.0, truth.step_size, shape) * (random.random(shape) < truth.step_a_day)
    moves = drift + steps
    moves[:, 0] = 0.0
    return np.asarray(start + np.cumsum(moves, axis=1))

"""What sql/0511_measured.sql says of one account, in numpy: a year of looks in seconds.

tests/sql/test_measured.py holds it equal to the database. Hours are of UTC, hour 0 is midnight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
DAY = 24
RATIO, LEAST, FACTOR = 0.40, 20.0, 4.0  # of the policy
SURE, USUAL_DAY, ORDERS, HOURS = 12.0, 0.5, 30.0, 6  # of the SQL
BEFORE, SLICES, SHRUNK = 28, 4, 5.0


@dataclass
class Series:
    """An account by campaign and hour; `by_day`: it is fed by day."""

    clicks: Array
    conversions: Array
    revenue: Array
    by_day: bool = False

    @property
    def days(self) -> int:
        return int(self.clicks.shape[1]) // DAY

    def daily(self, of: Array) -> Array:
        return of.reshape(len(of), -1, DAY).sum(axis=2)


@dataclass
class Told:
    """What is said at each look: whether there is enough to tell, and whether it trips."""

    at: Array  # hours
    enough: Array
    tripped: Array
    value_enough: Array
    value_tripped: Array


class Judge:
    """Looks at one account day by day."""

    def __init__(self, series: Series, counts: Array | None = None) -> None:
        self.series = series
        self.counts = np.ones(series.days, bool) if counts is None else counts
        self.c = series.daily(series.clicks)
        self.n = series.daily(series.conversions)
        self.r = series.daily(series.revenue)

    def look(self, days: range) -> Told:
        """At every full hour of these days; fed by day, at their first hour only."""
        found = [self._day(day) for day in days]
        columns = zip(*found, strict=True)
        return Told(*(np.concatenate(column) for column in columns))

    def _day(self, today: int) -> tuple[Array, ...]:
        hours = np.arange(1 if self.series.by_day else DAY)
        at = today * DAY + hours
        first = today - (2 if self._is_large(today) else 5)
        before = np.arange(max(0, first - BEFORE), max(0, first))
        before = before[self.counts[before]]
        no = np.zeros(len(hours), bool)
        clicks, orders = self.c[:, before].sum(axis=1), self.n[:, before].sum(axis=1)
        if not orders.sum() > 0:
            return at, no, no, no, no
        known = clicks > 0
        rate = np.where(known, orders / np.maximum(clicks, 1e-9), 0.0)
        active = (self.c[:, before] > 0).sum(axis=1)
        cap = 1.5 * clicks / np.maximum(active, 1)
        shape, spread, usual = self._shape(before, rate, cap)
        tracking = self._tracking(today, hours, rate, cap, shape, spread, usual)
        value = self._value(today, hours, before, orders)
        return at, *tracking, *value

    def _is_large(self, today: int) -> bool:
        n = self.n[:, : today + 1].sum(axis=0)
        return bool(max(n[-30:].sum() / 30, n[-7:].sum() / 7) >= 2 * LEAST)

    def _shape(self, before: Array, rate: Array, cap: Array) -> tuple[Array, float, float]:
        """What weekdays are worth, how much days scatter downwards, what a day brings."""
        found = self.n[:, before].sum(axis=0)
        hoped = rate @ np.minimum(self.c[:, before], cap[:, None])
        shape = np.zeros(7)
        for weekday in range(7):
            on = before % 7 == weekday
            if hoped[on].sum() > 0:
                shape[weekday] = (found[on].sum() + 1) / (hoped[on].sum() + 1)
        hoped = hoped * shape[before % 7]
        under = np.minimum(found - hoped, 0.0)
        mean = hoped.mean()
        spread = (2 * (under**2).sum() - hoped.sum() + 7 * 0.05 * mean**2) / (
            (hoped**2).sum() + 7 * mean**2
        )
        return shape, max(0.02, float(spread)), float(mean)

    def _tracking(
        self, today: int, hours: Array, rate: Array, cap: Array, shape: Array,
        spread: float, usual: float,
    ) -> tuple[Array, Array]:  # fmt: skip
        past = np.arange(today - SLICES, today)
        share = np.minimum(1.0, cap[:, None] / np.maximum(self.c[:, past], 1e-9))
        span = slice((today - SLICES) * DAY, today * DAY)
        clicks = self.series.clicks[:, span] * np.repeat(share, DAY, axis=1)
        hoped = (rate @ clicks) * np.repeat(shape[past % 7], DAY)
        found = self.series.conversions[:, span].sum(axis=0)
        now = slice(today * DAY, (today + 1) * DAY)
        so_far = np.cumsum(self.series.clicks[:, now], axis=1)
        hoped_today = np.concatenate(
            ([0.0], rate @ np.minimum(so_far, cap[:, None]) * shape[today % 7])
        )
        found_today = np.concatenate(
            ([0.0], np.cumsum(self.series.conversions[:, now].sum(axis=0)))
        )
        back_e = np.concatenate((np.cumsum(hoped[::-1])[::-1], [0.0]))
        back_o = np.concatenate((np.cumsum(found[::-1])[::-1], [0.0]))
        expected = np.zeros((SLICES, len(hours)))
        observed = np.zeros((SLICES, len(hours)))
        for k in range(1, SLICES + 1):
            start = (SLICES - k) * DAY + hours
            expected[k - 1] = back_e[start] + hoped_today[hours]
            observed[k - 1] = back_o[start] + found_today[hours]
        size = np.arange(1, SLICES + 1)[:, None] / spread
        enough = (
            (expected >= LEAST)
            & (expected >= USUAL_DAY * usual)
            & (surprise(np.zeros_like(expected), expected, size) >= SURE)
        )
        chosen = np.where(enough.any(axis=0), enough.argmax(axis=0), SLICES - 1)
        column = np.arange(len(hours))
        o, e, r = observed[chosen, column], expected[chosen, column], size[chosen, 0]
        told = enough.any(axis=0)
        return told, told & (o < RATIO * e) & (surprise(o, e, r) >= SURE)

    def _value(
        self, today: int, hours: Array, before: Array, orders: Array
    ) -> tuple[Array, Array]:
        no = np.zeros(len(hours), bool)
        revenue = self.r[:, before].sum(axis=1)
        if orders.sum() < ORDERS or revenue.sum() <= 0:
            return no, no
        usual = revenue.sum() / orders.sum()
        worth = np.where(orders > 0, (revenue + SHRUNK * usual) / (orders + SHRUNK), 0.0)
        span = slice((today - SLICES) * DAY, (today + 1) * DAY)
        n = self.series.conversions[:, span] * (worth > 0)[:, None]
        v = self.series.revenue[:, span] * (worth > 0)[:, None]
        x = n * worth[:, None]
        rows = [n, v, x, n * (v > FACTOR / 2 * x), n * (v < x / (FACTOR / 2))]
        sums = [np.concatenate(([0.0], np.cumsum(one.sum(axis=0)))) for one in rows]
        step = DAY if self.series.by_day else 1
        enough, tripped = no.copy(), no.copy()
        for place, hour in enumerate(hours):
            end = SLICES * DAY + hour
            starts = np.arange(end - (step if step > 1 else HOURS), end - SLICES * DAY - 1, -step)
            reached = sums[0][end] - sums[0][starts] >= ORDERS
            if not reached.any():
                continue
            start = starts[reached.argmax()]
            count, value, hoped, high, low = (one[end] - one[start] for one in sums)
            enough[place] = True
            tripped[place] = (value > FACTOR * hoped and 2 * high >= count) or (
                value < hoped / FACTOR and 2 * low >= count
            )
        return enough, tripped


def surprise(observed: Array, expected: Array, size: Array) -> Array:
    """How far under `expected` it is: -ln of a bound (Chernoff) on the chance of so few."""
    with np.errstate(divide="ignore", invalid="ignore"):
        fewer = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
        told = fewer - (observed + size) * np.log((observed + size) / (expected + size))
    return np.where((expected > 0) & (observed < expected), told, 0.0)

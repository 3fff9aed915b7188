"""What sql/0511_measured.sql says of one account, in numpy: a year of looks in a second.

tests/sql/test_measured.py holds it equal to the database. Days are those of UTC; nothing is left
out of the evidence here, and nothing lifted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
DAY, SLICES, BEFORE = 24, 4, 28
RATIO, LEAST, FACTOR = 0.40, 20.0, 4.0  # of the policy
SURE, ORDERS, HOURS, SHRUNK = 12.0, 30.0, 6, 5.0


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

    def between(self, first: int, last: int) -> Series:
        """A copy of these days, the last with them."""
        span = slice(first * DAY, (last + 1) * DAY)
        clicks, conversions, revenue = (
            one[:, span].copy() for one in (self.clicks, self.conversions, self.revenue)
        )
        return Series(clicks, conversions, revenue, self.by_day)


class Look(NamedTuple):
    """What is said at one moment."""

    at: int  # full hours since the first day began
    observed: float
    expected: float
    enough: bool
    tripped: bool
    orders: float
    level: float
    value_enough: bool
    value_tripped: bool


class Usual(NamedTuple):
    """What is usual of an account."""

    rate: Array
    most: Array
    worth: Array
    shape: Array
    spread: float
    day: float
    found_new: float
    worth_new: tuple[float, float]  # down, up


class Judge:
    """Looks at one account."""

    def __init__(self, series: Series) -> None:
        self.series = series
        self.clicks, self.found, self.revenue = (
            one.reshape(len(one), -1, DAY).sum(axis=2)
            for one in (series.clicks, series.conversions, series.revenue)
        )

    def look(self, days: Iterable[int]) -> list[Look]:
        """At every full hour of these days; of a feed by day, where a day begins."""
        return [look for day in days for look in self._day(day)]

    def _day(self, today: int) -> list[Look]:
        hours = range(1 if self.series.by_day else DAY)
        usual = self._usual(today)
        if usual is None:
            nothing = (0.0, 0.0, False, False, 0.0, 0.0, False, False)
            return [Look(today * DAY + hour, *nothing) for hour in hours]
        missed, worth = _Missed(self, today, usual), _Worth(self, today, usual)
        return [Look(today * DAY + hour, *missed.at(hour), *worth.at(hour)) for hour in hours]

    def _usual(self, today: int) -> Usual | None:
        recent = self.found[:, max(0, today - 33) : today]
        large = recent.shape[1] > 0 and recent.sum() >= 2 * LEAST * recent.shape[1]
        first = max(0, today - (2 if large else 5))
        before = np.arange(max(0, first - BEFORE), first)
        clicks, orders = self.clicks[:, before].sum(axis=1), self.found[:, before].sum(axis=1)
        if not orders.sum() > 0:
            return None
        active = (self.clicks[:, before] > 0).sum(axis=1)
        rate = np.where(clicks > 0, orders / np.maximum(clicks, 1e-9), 0.0)
        most = 1.5 * clicks / np.maximum(active, 1)
        worth = self._worth(before, orders)
        days = np.arange(max(0, first - BEFORE), today)
        hoped = rate @ np.minimum(self.clicks[:, days], most[:, None])
        found = self.found[:, days].sum(axis=0)
        shape = np.zeros(7)
        for weekday in range(7):
            on = (days < first) & (days % 7 == weekday)
            if hoped[on].sum() > 0:
                shape[weekday] = (found[on].sum() + 1) / (hoped[on].sum() + 1)
        hoped = hoped * shape[days % 7]
        said, hope = found[days < first], hoped[days < first]
        mean = float(hope.mean())
        scatter = 2 * (np.minimum(said - hope, 0) ** 2).sum() - hope.sum() + 7 * 0.05 * mean**2
        spread = max(0.02, float(scatter / ((hope**2).sum() + 7 * mean**2)))
        lasting = (days >= today - 11) & (days <= today - 8)
        new = _level(float(found[lasting].sum()), float(hoped[lasting].sum()), lasting_least=10)
        return Usual(
            rate, most, worth, shape, spread, mean, min(1.0, new or 1.0),
            self._worth_new(days[lasting], worth),
        )  # fmt: skip

    def _worth(self, before: npt.NDArray[np.int64], orders: Array) -> Array:
        revenue = self.revenue[:, before].sum(axis=1)
        if orders.sum() < ORDERS or revenue.sum() <= 0:
            return np.zeros(len(orders))
        mean = revenue.sum() / orders.sum()
        worth = (revenue + SHRUNK * mean) / (orders + SHRUNK)
        return np.where((orders > 0) & (worth > 0), worth, 0.0)

    def _worth_new(self, days: npt.NDArray[np.int64], worth: Array) -> tuple[float, float]:
        known = worth > 0
        orders = self.found[known][:, days]
        if orders.sum() < 10:
            return 1.0, 1.0
        level = _level(
            float(self.revenue[known][:, days].sum()), float((worth[known] @ orders).sum())
        )
        return min(1.0, level or 1.0), max(1.0, level or 1.0)


def _level(found: float, hoped: float, lasting_least: float = 0) -> float | None:
    if hoped <= 0 or hoped < lasting_least or not hoped / 10 <= found <= hoped * 10:
        return None
    return found / hoped


class _Missed:
    """Conversions beside what the clicks would have brought, at every hour of a day."""

    def __init__(self, judge: Judge, today: int, usual: Usual) -> None:
        self.usual, series = usual, judge.series
        self.found, self.hoped = np.zeros((SLICES, DAY)), np.zeros((SLICES, DAY))
        first = max(0, today - SLICES)
        span, none = slice(first * DAY, (today + 1) * DAY), np.zeros((len(usual.rate), 1))
        clicks = np.hstack((none, np.cumsum(series.clicks[:, span], axis=1)))
        bought = np.concatenate(([0.0], np.cumsum(series.conversions[:, span].sum(axis=0))))
        now = (today - first) * DAY + np.arange(DAY)
        for k in range(SLICES):
            end, begin = np.maximum(now - k * DAY, 0), np.maximum(now - (k + 1) * DAY, 0)
            midnight = max(0, (today - k - first) * DAY)
            before = clicks[:, [midnight]] - clicks[:, begin]
            after = clicks[:, end] - clicks[:, [midnight]]
            share = np.minimum(1.0, usual.most[:, None] / np.maximum(before + after, 1e-9))
            shapes = usual.shape[(today - k - 1) % 7], usual.shape[(today - k) % 7]
            self.hoped[k] = usual.rate @ (share * (before * shapes[0] + after * shapes[1]))
            self.found[k] = bought[end] - bought[begin]

    def at(self, hour: int) -> tuple[float, float, bool, bool]:
        """Observed, expected, whether that is enough to tell, whether it trips."""
        usual, found, plain, hoped = self.usual, 0.0, 0.0, 0.0
        for days in range(1, SLICES + 1):
            found += float(self.found[days - 1, hour])
            plain += float(self.hoped[days - 1, hour])
            hoped, size = plain * usual.found_new, days / usual.spread
            if (
                hoped >= LEAST and plain >= usual.day / 2
                and surprise(0.0, hoped, size) >= SURE
            ):  # fmt: skip
                few = found < RATIO * hoped and surprise(found, hoped, size) >= SURE
                return found, hoped, True, few
        return found, hoped, False, False


class _Worth:
    """What the last conversions are worth."""

    def __init__(self, judge: Judge, today: int, usual: Usual) -> None:
        self.first = max(0, today - SLICES)
        self.past, self.usual = (today - self.first) * DAY, usual
        self.step = DAY if judge.series.by_day else 1
        span = slice(self.first * DAY, (today + 1) * DAY)
        known = usual.worth > 0
        n = self._rows(judge.series.conversions[known][:, span])
        v = self._rows(judge.series.revenue[known][:, span]) * (n > 0)
        x = n * usual.worth[known][:, None]
        rows = (n, v, x, n * (v > FACTOR / 2 * x), n * (v < x / (FACTOR / 2)))
        self.sums = [np.concatenate(([0.0], np.cumsum(one.sum(axis=0)))) for one in rows]

    def _rows(self, of: Array) -> Array:
        """As they are fed: a day's row is one, and there at its end."""
        if self.step == 1:
            return of
        days = np.zeros_like(of)
        days[:, DAY - 1 :: DAY] = of.reshape(len(of), of.shape[1] // DAY, DAY).sum(axis=2)
        return days

    def at(self, hour: int) -> tuple[float, float, bool, bool]:
        """Orders, their worth as a multiple of the usual one, whether enough, whether it trips."""
        end = self.past + hour
        total = self.sums[0]
        start, least = max(0, end - SLICES * DAY), end - max(HOURS, self.step)
        reached = np.flatnonzero(total[end] - total[start : least + 1] >= ORDERS)
        enough = bool(len(reached)) and least >= 0
        if enough:
            start = start + int(reached[-1])
        n, v, x, high, low = (float(one[end] - one[start]) for one in self.sums)
        down, up = self.usual.worth_new
        tripped = (v > FACTOR * x * up and 2 * high >= n) or (
            v < x / FACTOR * down and 2 * low >= n
        )
        return n, v / x if x else 0.0, enough, enough and tripped


def surprise(found: float, expected: float, size: float) -> float:
    """How far under `expected` it is: -ln of a bound on the chance of so few."""
    if found >= expected:
        return 0.0
    fewer = found * np.log(found / expected) if found > 0 else 0.0
    return float(fewer - (found + size) * np.log((found + size) / (expected + size)))

"""Daily sums of one account: the shape of its week, its recent level, and what both foretell.

A day is level times weekday. Days that do not count (left out of the evidence) are passed over
everywhere: neither is anything learnt from them, nor is a forecast held against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp, log
from statistics import median

WEEK = 7
SHAPE_DAYS = 84
"""The week's shape is that of the last twelve weeks."""
HUGE = 4.0
"""A day counts as at most so many times the median of the week around it: one bulk booking is not
a new level, four such days are."""
LAST_WEEK = 0.0
"""In place of a half-life: the last seven days alone, all alike."""
SPEND_HALF_LIVES = (LAST_WEEK, 2.0, 5.0, 14.0)
RATIO_HALF_LIVES = (LAST_WEEK, 3.0, 8.0, 28.0)
"""Days after which a day weighs half in a level. How much each counts is the account's own past's
to say, see `Outlook`."""

TREND_WEEKS = 4
"""Changes from week to week of which a trend is the median: one step is no trend."""
LEAST_WEEKS = 2
DOUBTED = 2.0
"""How much a trend is drawn towards none by how unlike those changes are."""
STEEPEST = 0.05
"""A trend of 40 % a week is the most that is believed."""
FADES = 0.97
"""What is left of a trend a day later: none goes on for ever."""
LAG = 3.0
"""Days that a level lies behind its trend."""


@dataclass(frozen=True)
class Series:
    """Complete days, one after the other, from the first on which anything was spent."""

    spend: Sequence[float]
    revenue: Sequence[float]  # of all conversions of the day, as far as they can be told yet
    counts: Sequence[bool]
    first_weekday: int  # 0: Monday

    def __len__(self) -> int:
        return len(self.spend)

    def weekday(self, at: int) -> int:
        return (self.first_weekday + at) % WEEK


Shape = tuple[float, ...]
FLAT: Shape = (1.0,) * WEEK


def week_shape(values: Sequence[float], counts: Sequence[bool], first_weekday: int) -> Shape:
    """What each weekday is beside the week that it lies in, Monday first: 1.1 is a tenth more.

    Drawn towards 1 by as much as the week's days waver: a shape that shows in every week stands as
    it is, one that chance would draw counts nothing.
    """
    seen: list[list[float]] = [[] for _ in range(WEEK)]
    for at in range(3, len(values) - 3):
        around = values[at - 3 : at + 4]
        mean = sum(around) / WEEK
        if mean > 0 and all(counts[at - 3 : at + 4]):
            seen[(first_weekday + at) % WEEK].append(min(values[at] / mean, HUGE))
    if min(len(one) for one in seen) < 2:
        return FLAT
    found = [median(one) for one in seen]
    if not any(found):
        return FLAT
    scatter = sum((x - m) ** 2 for one, m in zip(seen, found, strict=True) for x in one)
    scatter /= sum(len(one) for one in seen) - WEEK
    chance = [scatter / len(one) for one in seen]
    apart = sum((m - 1.0) ** 2 for m in found) / WEEK
    real = max(0.0, apart - sum(chance) / WEEK)
    if real <= 1e-12:
        return FLAT
    drawn = [1.0 + (m - 1.0) * real / (real + c) for m, c in zip(found, chance, strict=True)]
    mean = sum(drawn) / WEEK
    return tuple(one / mean for one in drawn)


def tamed(values: Sequence[float], counts: Sequence[bool]) -> list[float]:
    """The values with what is huge beside the week up to it cut down to `HUGE` times its median."""
    found = []
    for at, value in enumerate(values):
        week = [values[i] for i in range(max(0, at - WEEK + 1), at + 1) if counts[i]]
        limit = HUGE * median(week) if len(week) >= WEEK // 2 else 0.0
        found.append(min(value, limit) if limit > 0 else value)
    return found


@dataclass(frozen=True)
class Past:
    """What is known at the end of each day from that day's past alone; the same for all methods."""

    series: Series
    spend_shapes: Sequence[Shape]
    revenue_shapes: Sequence[Shape]
    tamed_spend: Sequence[float]
    tamed_revenue: Sequence[float]

    @classmethod
    def of(cls, series: Series, shaped_as: Past | None = None) -> Past:
        """The week's shapes are drawn anew once a week, or are those of another past."""
        return cls(
            series,
            shaped_as.spend_shapes if shaped_as else _shapes(series, series.spend),
            shaped_as.revenue_shapes if shaped_as else _shapes(series, series.revenue),
            tamed(series.spend, series.counts),
            tamed(series.revenue, series.counts),
        )


def _shapes(series: Series, values: Sequence[float]) -> list[Shape]:
    found: list[Shape] = []
    for at in range(len(values)):
        last = len(values) - 1 - at
        if at == 0 or last % WEEK == 0:
            start = max(0, at + 1 - SHAPE_DAYS)
            span = slice(start, at + 1)
            shape = week_shape(values[span], series.counts[span], series.weekday(start))
        found.append(shape)
    return found


def faded(values: Sequence[float], series: Series, half_life: float) -> list[list[float]]:
    """After each day the fading sum of the values of each weekday, Monday first."""
    keep = 0.5 ** (1.0 / half_life) if half_life else 1.0
    sums = [0.0] * WEEK
    found = []
    for at, value in enumerate(values):
        if series.counts[at]:
            sums = [keep * one for one in sums]
            if half_life:
                sums[series.weekday(at)] += value
            else:
                sums[series.weekday(at)] = value  # what stood there is a week old or older
        found.append(sums)
    return found


def spend_levels(past: Past, half_life: float) -> list[float]:
    """After each day the spend of a usual day: each is held against what its weekday usually is."""
    one = past.series
    spent = faded(past.tamed_spend, one, half_life)
    days = faded([1.0] * len(one), one, half_life)
    return [
        _part(sum(spent[at]), _times(days[at], usual)) for at, usual in enumerate(past.spend_shapes)
    ]


def ratio_levels(past: Past, half_life: float) -> list[float]:
    """After each day what a usual day's spend returns."""
    one = past.series
    earned = faded(past.tamed_revenue, one, half_life)
    beside = faded(past.tamed_spend, one, half_life)
    found = []
    for at, (usual, returned) in enumerate(
        zip(past.spend_shapes, past.revenue_shapes, strict=True)
    ):
        unlike = [r / s if s > 0 else 1.0 for s, r in zip(usual, returned, strict=True)]
        found.append(_part(sum(earned[at]), _times(beside[at], unlike)))
    return found


def drifts(past: Past) -> list[float]:
    """After each day by how much spend grows a day, as a logarithm: the median change from week to
    week, drawn towards none by as much as those changes differ."""
    sums = [0.0, *accumulate(past.tamed_spend)]
    found = []
    for after in range(1, len(past.series) + 1):
        weeks = [sums[end] - sums[end - WEEK] for end in range(after, WEEK - 1, -WEEK)]
        weeks = weeks[: TREND_WEEKS + 1]
        if len(weeks) <= LEAST_WEEKS or min(weeks) <= 0:
            found.append(0.0)
            continue
        changes = [log(now / before) for now, before in pairwise(weeks)]
        usual = median(changes)
        apart = DOUBTED * sum((one - usual) ** 2 for one in changes) / len(changes)
        drift = usual**3 / (usual**2 + apart) / WEEK if usual else 0.0
        found.append(max(-STEEPEST, min(STEEPEST, drift)))
    return found


@dataclass(frozen=True)
class Method:
    """After each day the spend of a usual day and what it returns. Revenue follows spend.

    `drift`: by how much spend grows a day, as a logarithm, which fades.
    """

    past: Past
    spend: Sequence[float]
    ratio: Sequence[float]
    drift: Sequence[float] = ()

    def day(self, after: int, ahead: int) -> tuple[float, float]:
        """Spend and revenue of the day that comes so many days after day number `after`."""
        weekday = self.past.series.weekday(after + ahead)
        drift = self.drift[after] if self.drift else 0.0
        grown = exp(drift * (LAG + FADES * (1.0 - FADES**ahead) / (1.0 - FADES))) if drift else 1.0
        spend = self.spend[after] * grown
        return (
            spend * self.past.spend_shapes[after][weekday],
            spend * self.ratio[after] * self.past.revenue_shapes[after][weekday],
        )


def _times(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _part(one: float, whole: float) -> float:
    return one / whole if whole > 0 else 0.0

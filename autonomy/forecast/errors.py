"""How far off a method has been in an account's past, over spans of so many days.

Bands come from nothing else: the mean size of its own errors over each span, drawn towards what
the shorter spans foretell where there is little past. For errors that are normal and for errors of
heavy tails alike 8 in 10 lie within 1.6 times their mean size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2, sqrt
from typing import NamedTuple

from autonomy.forecast.series import Method

SPANS = (1, 2, 4, 8, 16, 32)
WITHIN = 1.607
"""80 % of errors lie within so many times their mean size."""
LARGEST = 2.0
"""Of an error, in parts of what was foretold: a line that begins is no measure of the others."""
USUAL = 0.15
"""Error of a day by chance before there is any past, in parts of what was foretold."""
GROWTH = 1.6
"""Error over twice the span, in parts of that over the span, where the longer is not known: levels
move away, and what will move them has not been seen."""
STALE = 1.0
"""Days that a level is old when it is told."""
GUESS = 0.6
"""Spans that what is usual counts for beside those that were seen."""
WEIGHT = 2.0
"""Spans that the line through all spans counts for beside those that were seen of one."""
FROM = 28
"""Days before the first forecast of the past that is looked at, or half of them."""
RECENT = 14.0
"""Days after which an error of the past counts half."""
DOUBT = 1.0
"""By how much few errors widen a band: sqrt(1 + DOUBT / how many spans there were)."""


class Sums(NamedTuple):
    """Of a span of days."""

    spend: float
    revenue: float


class Off(NamedTuple):
    """Mean size of errors, in parts of what was foretold; of profit in parts of the turnover."""

    spend: float
    revenue: float
    profit: float
    roi: float


@dataclass(frozen=True)
class Errors:
    """Mean sizes of errors by span, and of how many spans that do not overlap each was told."""

    by_span: Mapping[int, Off]
    spans: Mapping[int, float]

    def over(self, days: int) -> Off:
        """Over any number of days, between the spans that were looked at."""
        low = max(span for span in SPANS if span <= max(1, min(days, SPANS[-1])))
        high = min(2 * low, SPANS[-1])
        share = 0.0 if high == low else log2(days / low)
        return Off(
            *(
                a + share * (b - a)
                for a, b in zip(self.by_span[low], self.by_span[high], strict=True)
            )
        )


def errors_of(method: Method, worth: float) -> Errors:
    """What the method's past says; `worth`: profit is revenue times this less spend."""
    seen = {span: _Mean() for span in SPANS}
    for span, recent, off in _seen(method, worth):
        seen[span].add(recent, off)
    spans = {span: seen[span].count / span for span in SPANS}
    by_kind = [_drawn({span: seen[span].of(kind) for span in SPANS}, spans) for kind in range(4)]
    return Errors({span: Off(*(of[span] for of in by_kind)) for span in SPANS}, spans)


class _Mean:
    """A mean in which the latest count most."""

    def __init__(self) -> None:
        self.count, self._weight, self._sums = 0, 0.0, [0.0] * 4

    def add(self, weight: float, off: Off) -> None:
        self.count += 1
        self._weight += weight
        self._sums = [total + weight * one for total, one in zip(self._sums, off, strict=True)]

    def of(self, kind: int) -> float:
        return self._sums[kind] / self._weight if self._weight > 0 else 0.0


def _drawn(means: Mapping[int, float], spans: Mapping[int, float]) -> dict[int, float]:
    """Mean errors of each span, drawn towards a line through all of them where spans are few.

    Chance evens out over longer spans and the level moves away in them: the square of the error is
    noise / days + drift x (days + STALE). Few spans make a band wider.
    """
    weights = {span: spans[span] + GUESS for span in SPANS}
    squares: dict[int, float] = {}
    usual = USUAL
    for span in SPANS:
        likely = (spans[span] * means[span] + GUESS * usual) / weights[span]
        squares[span] = max(1e-12, likely * likely)
        usual = likely * GROWTH
    noise, drift = _fitted(squares, weights)
    return {
        span: (spans[span] * means[span] + WEIGHT * _line(noise, drift, span))
        / (spans[span] + WEIGHT)
        * sqrt(1.0 + DOUBT / (spans[span] + WEIGHT))
        for span in SPANS
    }


def _line(noise: float, drift: float, span: int) -> float:
    return sqrt(noise / span + drift * (span + STALE))


def _fitted(squares: Mapping[int, float], weights: Mapping[int, float]) -> tuple[float, float]:
    """Noise and drift, neither below 0, by least squares of relative errors."""
    rows = [
        (weights[span], 1.0 / span / squares[span], (span + STALE) / squares[span])
        for span in SPANS
    ]
    aa, bb, ab, a1, b1 = (
        sum(w * x for (w, _, _), x in zip(rows, column, strict=True))
        for column in (
            [a * a for _, a, _ in rows], [b * b for _, _, b in rows], [a * b for _, a, b in rows],
            [a for _, a, _ in rows], [b for _, _, b in rows],
        )
    )  # fmt: skip
    apart = aa * bb - ab * ab
    if apart > 1e-9 * aa * bb:
        noise, drift = (a1 * bb - b1 * ab) / apart, (b1 * aa - a1 * ab) / apart
        if noise >= 0 and drift >= 0:
            return noise, drift
    # on the edge: the one that leaves less
    return (0.0, b1 / bb) if b1 * b1 / bb > a1 * a1 / aa else (a1 / aa, 0.0)


def _seen(method: Method, worth: float) -> Iterator[tuple[int, float, Off]]:
    """The errors of every span that lies in the past, from where a week's shape can be told, and
    what each counts."""
    one = method.past.series
    for after in range(min(FROM, len(one) // 2) - 1, len(one) - 1):
        spend = revenue = real_spend = real_revenue = 0.0
        recent = 0.5 ** ((len(one) - 1 - after) / RECENT)
        for ahead in range(1, min(SPANS[-1], len(one) - 1 - after) + 1):
            at = after + ahead
            if one.counts[at]:
                said_spend, said_revenue = method.day(after, ahead)
                spend, revenue = spend + said_spend, revenue + said_revenue
                real_spend, real_revenue = (
                    real_spend + one.spend[at],
                    real_revenue + one.revenue[at],
                )
            if ahead in SPANS and spend > 0:
                said, real = Sums(spend, revenue), Sums(real_spend, real_revenue)
                yield ahead, recent, _off(said, real, worth)


def _off(said: Sums, real: Sums, worth: float) -> Off:
    spend, revenue = real.spend - said.spend, real.revenue - said.revenue
    turnover = said.spend + said.revenue * worth
    returned = real.revenue / real.spend * said.spend if real.spend > 0 else said.revenue
    return Off(
        _part(spend, said.spend),
        _part(revenue, said.revenue),
        _part(revenue * worth - spend, turnover),
        _part(returned - said.revenue, said.revenue),
    )


def _part(off: float, said: float) -> float:
    """Of nothing that was foretold everything is a miss."""
    if said <= 0:
        return 1.0 if off else 0.0
    return min(LARGEST, abs(off) / said)

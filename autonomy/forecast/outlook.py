"""The next days of an account: spend, revenue, profit and roi, each with the band of 8 in 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, log
from typing import NamedTuple

from autonomy.forecast.errors import WITHIN, Errors, errors_of
from autonomy.forecast.series import (
    RATIO_HALF_LIVES,
    SPEND_HALF_LIVES,
    Method,
    Past,
    Series,
    drifts,
    ratio_levels,
    spend_levels,
)

JUDGED_BY = (2, 4, 8)
"""Spans by whose errors the half-lives are weighed."""
KEEN = 14.0
"""To which power."""
TRENDS = (0.0, 0.5, 1.0)
"""Parts of a trend that are tried."""
FOLLOWS = 0.5
"""Doubt that spend follows a change of budgets: this part of the logarithm of the change."""


class Band(NamedTuple):
    """8 in 10 lie between low and high."""

    expected: float
    low: float
    high: float

    @classmethod
    def around(cls, expected: float, half: float, least: float = float("-inf")) -> Band:
        """So much to either side, but not below what is sure already."""
        return cls(*(max(least, one) for one in (expected, expected - half, expected + half)))


class Bands(NamedTuple):
    """Of a span of days, all together. roi is None where nothing is spent."""

    spend: Band
    revenue: Band
    profit: Band
    roi: Band | None


class Known(NamedTuple):
    """What is sure of a span beside the days to come, and what its sums cannot fall below."""

    spend: float = 0.0
    revenue: float = 0.0
    least_spend: float = 0.0
    least_revenue: float = 0.0


NOTHING = Known()


@dataclass(frozen=True)
class Outlook:
    """What comes after the last day of a series.

    `changed` is what today's budgets make of the spend, in parts of what it was; `more` is spend a
    day of campaigns that the series knows nothing of.
    """

    method: Method
    errors: Errors
    worth: float
    changed: float = 1.0
    more: float = 0.0

    @classmethod
    def of(cls, series: Series, worth: float, present: Series | None = None) -> Outlook:
        """Of several half-lives, and parts of a trend, each counts by how little wrong it would
        have been so far.

        `present`: the series as it would have been with the campaigns and budgets of today. All is
        learnt from that, how sure it is, too: spend that follows its budgets is as certain as they
        are.
        """
        past = Past.of(series if present is None else present)
        spends = [spend_levels(past, one) for one in SPEND_HALF_LIVES]
        ratios = [ratio_levels(past, one) for one in RATIO_HALF_LIVES]
        of_spend = _shares([errors_of(Method(past, one, ratios[0]), worth) for one in spends], 0)
        spend = _mixed(spends, of_spend)
        drift = drifts(past)
        tried = [[part * one for one in drift] for part in TRENDS]
        of_trend = [errors_of(Method(past, spend, ratios[0], one), worth) for one in tried]
        trend = _mixed(tried, _shares(of_trend, 0))
        of_ratio = _shares([errors_of(Method(past, spend, one, trend), worth) for one in ratios], 1)
        method = Method(past, spend, _mixed(ratios, of_ratio), trend)
        found = cls(method, errors_of(method, worth), worth)
        if present is None:
            return found
        really = Past.of(series, past)
        before = _mixed([spend_levels(really, one) for one in SPEND_HALF_LIVES], of_spend)
        return replace(found, changed=spend[-1] / before[-1] if before[-1] > 0 else 1.0)

    @property
    def level(self) -> float:
        """Spend of a usual day."""
        return self.method.spend[-1]

    def day(self, ahead: int) -> float:
        """Spend of the day that is so many days ahead; 0 where none is."""
        last = len(self.method.past.series) - 1
        return self.method.day(last, ahead)[0] + self.more if ahead > 0 else 0.0

    def over(self, days: int, known: Known = NOTHING) -> Bands:
        """So many coming days and what is known beside them, together."""
        last = len(self.method.past.series) - 1
        coming = [self.method.day(last, ahead) for ahead in range(1, days + 1)]
        more = self.more * days
        spend = sum(one for one, _ in coming) + more
        revenue = sum(one for _, one in coming) + more * self.method.ratio[-1]
        off = self.errors.over(days)
        doubt = FOLLOWS * (abs(log(self.changed)) if self.changed > 0 else 0.0)
        doubt += FOLLOWS * more / spend if spend > 0 else 0.0
        earned = revenue * self.worth
        whole, returned = known.spend + spend, known.revenue + revenue
        half = hypot(WITHIN * off.profit * (spend + abs(earned)), doubt * abs(earned - spend))
        return Bands(
            Band.around(whole, spend * hypot(WITHIN * off.spend, doubt), known.least_spend),
            Band.around(
                returned, abs(revenue) * hypot(WITHIN * off.revenue, doubt), known.least_revenue
            ),
            Band.around(returned * self.worth - whole, half),
            Band.around(returned / whole, WITHIN * off.roi * abs(revenue) / whole, 0.0)
            if whole > 0
            else None,
        )


def _shares(tried: Sequence[Errors], kind: int) -> list[float]:
    """How much each counts: by the inverse of how wrong it was, to the power `KEEN`."""
    wrong = [
        sum(errors.by_span[span][kind] * min(1.0, errors.spans[span]) for span in JUDGED_BY)
        for errors in tried
    ]
    least = min(wrong)
    if least <= 0:
        return [float(one <= 0) / sum(w <= 0 for w in wrong) for one in wrong]
    parts = [(least / one) ** KEEN for one in wrong]
    return [one / sum(parts) for one in parts]


def _mixed(levels: Sequence[Sequence[float]], shares: Sequence[float]) -> list[float]:
    return [
        sum(s * one for s, one in zip(shares, of_day, strict=True))
        for of_day in zip(*levels, strict=True)
    ]


def outlook_of_sums(
    spend: Sequence[float], revenue: Sequence[float], first_weekday: int, worth: float = 1.0
) -> Outlook:
    """Of plain lists, every day of which counts."""
    return Outlook.of(Series(spend, revenue, [True] * len(spend), first_weekday), worth)

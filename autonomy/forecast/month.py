"""An account's month: spent and earned so far, and what it will have been at its end.

Where there is too little to tell it from, a sentence stands in place of numbers.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp, isfinite
from typing import Any, NamedTuple

from autonomy.forecast.outlook import Band, Bands, Known, Outlook
from autonomy.forecast.series import WEEK, Series
from autonomy.text import counted, money, number_or_none

Json = dict[str, Any]

LEAST = 14
"""Days that count, before anything is foretold."""
OLDEST = 3
"""Days without figures up to yesterday: a late feed; more, and nobody knows what goes on."""
MOST = 5.0
"""Today's budgets are believed to change spend by so many times at most."""


class Day(NamedTuple):
    """One day of an account, in its zone."""

    day: date
    spend: float
    revenue: float
    has_figures: bool
    left_out: bool
    looked_at: bool  # for what it would have been with the campaigns and budgets of today
    present_spend: float
    present_revenue: float


@dataclass(frozen=True)
class Account:
    """What is known of an account today."""

    name: str
    currency: str | None
    time_zone: str
    today: date
    hours_today: float
    monthly_total: float | None
    break_even: float
    believed: float
    delay_hours: float
    active: int
    active_budget: float
    untried_budget: float
    days: Sequence[Day]

    @property
    def worth(self) -> float:
        """Profit is revenue times this less spend: what break-even leaves of it, as believed."""
        return self.believed / self.break_even

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Account:
        """From a row of autonomy_account_days."""
        total = number_or_none(row["monthly_total"])
        return cls(
            name=str(row["account"]),
            currency=row["currency"],
            time_zone=str(row["time_zone"]),
            today=date.fromisoformat(row["today"]),
            hours_today=_number(row["hours_today"]),
            monthly_total=total,
            break_even=_number(row["break_even"]) or 1.0,
            believed=_number(row["attribution_factor"]) or 1.0,
            delay_hours=_number(row["delay_hours"]),
            active=int(row["active"]),
            active_budget=_number(row["active_budget"]),
            untried_budget=_number(row["untried_budget"]),
            days=_days(row["days"]),
        )


def _number(value: object) -> float:
    """0 where it is none, or none that a sum of money could be."""
    number = number_or_none(value)
    return 0.0 if number is None or abs(number) > 1e15 else number


def _days(told: Mapping[str, Any]) -> list[Day]:
    first = date.fromisoformat(told["from"])
    present = (date.fromisoformat(told["present_from"]) - first).days
    more_spend, more_revenue = told["more_spend"], told["more_revenue"]
    found = []
    for at, spend in enumerate(told["spend"]):
        real, earned = max(0.0, _number(spend)), _number(told["revenue"][at])
        there = at >= present
        found.append(
            Day(
                first + timedelta(at),
                real,
                earned,
                bool(told["has_figures"][at]),
                bool(told["left_out"][at]),
                there,
                max(0.0, real + (_number(more_spend[at - present]) if there else 0.0)),
                earned + (_number(more_revenue[at - present]) if there else 0.0),
            )
        )
    return found


class Point(NamedTuple):
    """A day of the month, added up from its first: what was, or what is foretold."""

    day: date
    spend: float | None
    band: Band | None


@dataclass(frozen=True)
class Month:
    """What is said of an account's month."""

    account: Account
    first: date
    last: date
    through: date | None  # the last complete day with figures
    known_days: int
    spent: float
    earned: float
    bands: Bands | None
    points: Sequence[Point]
    sentence: str


def month_of(account: Account) -> Month:
    """The month that the account's today lies in."""
    today = account.today
    first = today.replace(day=1)
    last = today.replace(day=monthrange(today.year, today.month)[1])
    days = [one for one in account.days if one.day <= today]
    of_month = [one for one in days if one.day >= first]
    complete = _complete(days, today)
    known = sum(not one.left_out for one in complete)
    month = Month(
        account,
        first,
        last,
        complete[-1].day if complete else None,
        known,
        sum(one.spend for one in of_month),
        sum(one.revenue for one in of_month),
        None,
        _so_far(of_month, complete[-1].day if complete else None),
        "",
    )
    silence = _too_little(month, complete)
    if silence:
        return replace(month, sentence=silence)
    return _foretold(month, complete)


def _complete(days: Sequence[Day], today: date) -> list[Day]:
    """From the first day of spend to the last one that is over and has figures.

    A day without any between days with some is a day without spend; at the end it may be late.
    """
    spent = [at for at, one in enumerate(days) if one.spend > 0]
    has = [at for at, one in enumerate(days) if one.has_figures]
    if not spent or not has:
        return []
    # figures of today: what is not there of yesterday will not come
    end = len(days) if days[has[-1]].day == today else has[-1] + 1
    return [one for one in days[spent[0] : end] if one.day < today]


def _so_far(of_month: Sequence[Day], through: date | None) -> list[Point]:
    points, added = [], 0.0
    for one in of_month:
        added += one.spend
        if through is not None and one.day <= through:
            points.append(Point(one.day, added, None))
    return points


def _too_little(month: Month, complete: Sequence[Day]) -> str:
    """Why nothing is foretold; empty where something is."""
    today = month.account.today
    if not complete:
        return "No complete day with spend yet: nothing can be told of the month."
    late = (today - complete[-1].day).days - 1
    if late > OLDEST:
        return (
            f"The last figures are of {complete[-1].day.day} {complete[-1].day:%B}: "
            "too long ago to tell what the month will bring."
        )
    if month.known_days < LEAST:
        left_out = len(complete) - month.known_days
        beside = f" ({counted(left_out, 'day')} left out of the evidence)" if left_out else ""
        return f"Too early to tell: {month.known_days} of {LEAST} days{beside}."
    if not any(one.spend > 0 for one in complete[-LEAST:]):
        return f"Nothing was spent in the last {LEAST} days: nothing is foretold."
    return ""


def _foretold(month: Month, complete: Sequence[Day]) -> Month:
    account = month.account
    revenue = _arrived(account, complete)
    series = _series(complete, [one.spend for one in complete], revenue)
    outlook = Outlook.of(series, account.worth, present_series(complete, revenue, series))
    outlook = replace(outlook, more=_untried(account, outlook))
    through = complete[-1].day
    over = [(one, r) for one, r in zip(complete, revenue, strict=True) if one.day >= month.first]
    done = sum(one.spend for one, _ in over)
    # what today has spent already beyond what is foretold of it comes on top
    today = outlook.day((account.today - through).days)
    known = Known(
        done + max(0.0, month.spent - done - today),
        sum(r for _, r in over),  # late conversions belong to the month of their click
        month.spent,
        month.earned,
    )
    points = [*month.points]
    for ahead in range(1, (month.last - through).days + 1):
        bands, day = outlook.over(ahead, known), through + timedelta(ahead)
        if day >= month.first:
            points.append(Point(day, None, bands.spend))
    found = replace(month, bands=bands, points=points)
    return replace(found, sentence=_heading(found, bands.spend))


def _series(complete: Sequence[Day], spend: Sequence[float], revenue: Sequence[float]) -> Series:
    return Series(spend, revenue, [not one.left_out for one in complete], complete[0].day.weekday())


def _arrived(account: Account, complete: Sequence[Day]) -> list[float]:
    """Revenue of each day with the conversions that are still to come, at the usual return."""
    shares = [_share(account, one.day) for one in complete]
    lately = [at for at in range(max(0, len(complete) - 28), len(complete))
              if not complete[at].left_out]  # fmt: skip
    matured = sum(complete[at].spend * shares[at] for at in lately)
    usual = sum(complete[at].revenue for at in lately) / matured if matured > 0 else 0.0
    return [
        one.revenue + (1.0 - share) * usual * one.spend
        for one, share in zip(complete, shares, strict=True)
    ]


def _share(account: Account, day: date) -> float:
    """How much of a day's conversions has arrived: they come late by an exponential's mean."""
    delay = account.delay_hours
    if delay <= 0:
        return 1.0
    age = 24.0 * ((account.today - day).days - 1) + account.hours_today
    return 1.0 - delay / 24.0 * (exp(-age / delay) - exp(-(age + 24.0) / delay))


def present_series(
    complete: Sequence[Day], revenue: Sequence[float], series: Series
) -> Series | None:
    """The days as they would have been with the campaigns and budgets of today; None: the same.

    Of days before those that were looked at the same part is taken as of the first week of them.
    """
    spend = [one.present_spend for one in complete]
    earned = [
        r + one.present_revenue - one.revenue for r, one in zip(revenue, complete, strict=True)
    ]
    if all(one.present_spend == one.spend for one in complete):
        return None
    start = sum(not one.looked_at for one in complete)
    week = slice(start, start + WEEK)
    times = _times(spend[week], series.spend[week])
    returned = _times(earned[week], series.revenue[week])
    spend[:start] = [one * times for one in series.spend[:start]]
    earned[:start] = [one * returned for one in series.revenue[:start]]
    return _series(complete, spend, earned)


def _times(now: Sequence[float], before: Sequence[float]) -> float:
    total = sum(before)
    times = sum(now) / total if total > 0 else 1.0
    return min(MOST, max(0.0, times)) if isfinite(times) else 1.0


def _untried(account: Account, outlook: Outlook) -> float:
    """What campaigns without figures yet will spend a day, at what others make of their budgets."""
    tried = account.active_budget - account.untried_budget
    if account.untried_budget <= 0 or tried <= 0:
        return 0.0
    return account.untried_budget * min(1.0, outlook.level / tried)


def pace(month: Month) -> str | None:
    """Where the month is heading beside the account's total; None where it has none."""
    total = month.account.monthly_total
    if total is None or month.bands is None:
        return None
    if month.spent > total:
        return "over"
    if month.bands.spend.low > total:
        return "heading_over"
    return "may_reach" if month.bands.spend.high > total else "on_pace"


PACES = {
    "over": "Over the month's total already",
    "heading_over": "Heading over the month's total",
    "may_reach": "May reach the month's total",
    "on_pace": "On pace",
}


def _heading(month: Month, spend: Band) -> str:
    account = month.account
    low, high = money(spend.low, False), money(spend.high, False)
    said = low if low == high else f"{low} to {high}"
    place = pace(month)
    if place is not None:
        return f"{PACES[place]}: {said} of {money(account.monthly_total, False, account.currency)}."
    unit = f" {account.currency}" if account.currency else ""
    return f"{said}{unit} by {month.last.day} {month.last:%B}."

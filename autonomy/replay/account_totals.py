"""Totals of accounts in a replay: as they are today, over the whole of the past.

A month that the period begins in counts as if what lies before had been spent evenly.
"""

from __future__ import annotations

from calendar import monthrange
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import exp, isnan
from typing import Any, NamedTuple

from autonomy.engine.candidate import Candidate
from autonomy.engine.case import Odds
from autonomy.engine.confidence import Prior
from autonomy.engine.curve import curve_of, is_amount, least_kept
from autonomy.engine.policy import Policy
from autonomy.engine.sizing import cut_down
from autonomy.engine.totals import Total, Worth, price_of_money
from autonomy.text import currency_digits, number_or_none

_KNOWN_DAYS, _FEWEST_DAYS = 28, 3
_LEAST_SPENT, _MOST_SPENT = Decimal("0.5"), Decimal("1.25")
_SLACK = Decimal("1.03")
"""Budgets are shrunk to the month's ceiling only from so much above it, its last day aside: as in
sql/0495_totals.sql."""


class Month(NamedTuple):
    """What an account spent of a month; `whole`: all of it was played."""

    account: str
    first: date
    total: Decimal
    spent: Decimal
    whole: bool


@dataclass
class _Limit:
    """The totals of one account and how far its month is; `before`: what is taken to have been
    spent of it before the period."""

    daily: Decimal | None
    monthly: Decimal | None
    digits: int
    today: date = date.min
    spent: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    days: deque[tuple[Decimal, Decimal]] = field(default_factory=lambda: deque(maxlen=_KNOWN_DAYS))
    budget: Decimal = Decimal(0)
    done: list[tuple[date, Decimal, bool]] = field(default_factory=list)

    def turn(self, today: date, spent: Decimal, budget: Decimal) -> None:
        """A new day: what was spent since the last one, and what budgets are together now."""
        if self.today == date.min:
            even = Decimal(today.day - 1) / _length(today)
            self.before = (self.monthly or Decimal(0)) * even
        else:
            self.spent += spent
            self.days.append((spent, self.budget))
            if today.replace(day=1) != self.today.replace(day=1):
                self.done.append((self.today.replace(day=1), self.spent, not self.before))
                self.spent = self.before = Decimal(0)
        self.today, self.budget = today, budget

    @property
    def spent_per_budget(self) -> Decimal:
        """What a unit of budget spends; as autonomy.spent_per_budget."""
        budgets = sum((budget for _, budget in self.days), Decimal(0))
        if len(self.days) < _FEWEST_DAYS or budgets <= 0:
            return Decimal(1)
        part = sum((spent for spent, _ in self.days), Decimal(0)) / budgets
        return max(_LEAST_SPENT, min(_MOST_SPENT, part))

    @property
    def pace(self) -> Decimal | None:
        """What budgets may be together so that the month ends at its total."""
        if self.monthly is None:
            return None
        left = max(self.monthly - self.before - self.spent, Decimal(0))
        days = _length(self.today) - self.today.day + 1
        return cut_down(left / days / self.spent_per_budget, self.digits)

    def total(self, budget: Decimal, price: float) -> Total:
        """As a run has it; as autonomy.totals_in_force."""
        pace, daily = self.pace, self.daily
        slack = _SLACK if self.today.day < _length(self.today) else Decimal(1)
        to_pace = pace if pace is not None and budget > pace * slack else None
        to_daily = daily if daily is not None and budget > daily else None
        shrink_to = min((one for one in (to_pace, to_daily) if one is not None), default=None)
        paced = pace is not None and (daily is None or pace < daily)
        return Total(
            self.ceiling, "PACING" if paced else "TOTAL_CAP", budget, shrink_to,
            "PACING" if shrink_to is not None and shrink_to == to_pace else "TOTAL_CAP", price,
        )  # fmt: skip

    @property
    def ceiling(self) -> Decimal:
        return min(one for one in (self.daily, self.pace) if one is not None)


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


class AccountTotals:
    """What budgets may be together in the accounts that have a total."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        self._limits: dict[str, _Limit] = {}
        for name, row in accounts.items():
            daily, monthly = (_amount(row.get(key)) for key in ("daily_total", "monthly_total"))
            if daily is not None or monthly is not None:
                self._limits[name] = _Limit(daily, monthly, currency_digits(row.get("currency")))
        self._prices: dict[str, float] = {}

    @property
    def accounts(self) -> Iterable[str]:
        return self._limits.keys()

    def turn(
        self, today: date, spent: Mapping[str, Decimal], active: Mapping[str, Decimal]
    ) -> None:
        """A day begins: what each account has spent since the last, and its active budgets."""
        for name, limit in self._limits.items():
            limit.turn(today, spent.get(name, Decimal(0)), active.get(name, Decimal(0)))

    def changed(self, active: Mapping[str, Decimal]) -> None:
        """Budgets after the day's run: those that the day spends."""
        for name, limit in self._limits.items():
            limit.budget = active.get(name, Decimal(0))

    def price(self, account: str, seen: Iterable[tuple[Candidate, Prior, Policy]]) -> None:
        """Reckons anew what the next unit of budget has to return, from the active campaigns."""
        left, moving = float(self._limits[account].ceiling), []
        for one, prior, policy in seen:
            budget, reference = one.budget, one.reference_budget
            if budget is None or budget <= 0:
                continue
            if reference is None or not is_amount(reference) or not one.evidence.spend > 0.0:
                left -= float(budget)
                continue
            moving.append(_worth(one, reference, prior, policy))
        self._prices[account] = price_of_money(left, moving)

    def in_force(self, active: Mapping[str, Decimal]) -> dict[str, Total]:
        """As a run has them, beside the budgets of the active campaigns by account."""
        return {
            name: limit.total(active.get(name, Decimal(0)), self._prices.get(name, 1.0))
            for name, limit in self._limits.items()
        }

    def months(self) -> list[Month]:
        """What was spent of each month with a total; the last one so far."""
        return [
            Month(name, first, limit.monthly, spent, whole)
            for name, limit in sorted(self._limits.items())
            if limit.monthly is not None and limit.today != date.min
            for first, spent, whole in (
                *limit.done, (limit.today.replace(day=1), limit.spent, False)
            )
        ]  # fmt: skip


def _amount(value: Any) -> Decimal | None:
    return Decimal(str(value)) if (number_or_none(value) or 0.0) > 0.0 else None


def _worth(one: Candidate, reference: Decimal, prior: Prior, policy: Policy) -> Worth:
    curve = curve_of(one.budget, reference, prior.curvature)
    c = curve.curvature
    odds = Odds(one.evidence, prior, one.attribution, curve)
    break_even = policy.break_even_roi if isnan(one.target_roi) else one.target_roi
    first = exp(odds.u) * (c + 1.0) / c * one.attribution / break_even
    return Worth(first, c * float(reference), float(least_kept(policy.min_budget, reference)))

"""Daily totals of accounts in a replay: as they are today, over the whole of the past.

Months are not paced: what an account wanted to spend in a month of the past is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import exp, isnan
from typing import Any

from autonomy.engine.candidate import Candidate
from autonomy.engine.case import Odds
from autonomy.engine.confidence import Prior
from autonomy.engine.curve import curve_of, is_amount, least_kept
from autonomy.engine.policy import Policy
from autonomy.engine.totals import Total, Worth, price_of_money
from autonomy.text import number_or_none


class AccountTotals:
    """What budgets may be together in the accounts that have a daily total."""

    def __init__(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        self.daily = {
            name: Decimal(str(row["daily_total"]))
            for name, row in accounts.items()
            if (number_or_none(row.get("daily_total")) or 0.0) > 0.0
        }
        self._prices: dict[str, float] = {}

    def price(self, account: str, seen: Iterable[tuple[Candidate, Prior, Policy]]) -> None:
        """Reckons anew what the next unit of budget has to return, from the active campaigns."""
        left, moving = float(self.daily[account]), []
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
            name: Total(
                ceiling,
                "TOTAL_CAP",
                budget := active.get(name, Decimal(0)),
                ceiling if budget > ceiling else None,
                price=self._prices.get(name, 1.0),
            )
            for name, ceiling in self.daily.items()
        }


def _worth(one: Candidate, reference: Decimal, prior: Prior, policy: Policy) -> Worth:
    curve = curve_of(one.budget, reference, prior.curvature)
    c = curve.curvature
    odds = Odds(one.evidence, prior, one.attribution, curve)
    break_even = policy.break_even_roi if isnan(one.target_roi) else one.target_roi
    first = exp(odds.u) * (c + 1.0) / c * one.attribution / break_even
    return Worth(first, c * float(reference), float(least_kept(policy.min_budget, reference)))

"""What the simulated actions were worth, from what really happened after them.

A pause is worth what the campaign lost from that moment to the end: spend less revenue (over
break-even), at the budget that the replay had given it by then, as the runs saw it. Where the
campaign would have gone on to earn, the pause was false and cost that much. What the other budget
would have made of that time stands with the changes of budget, so nothing counts twice.
What another budget was worth history cannot tell, because nobody spent the money: it is valued on
the curve of the account (other_budget.py), and the whole replay is carried out three times, as if
its campaigns saturated as assumed, four times sooner and four times later, so that the runs see
what they would have seen.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autonomy.engine.confidence import Evidence, by_cpa, probability_below
from autonomy.replay.past_campaign import PastCampaign
from autonomy.replay.simulated_account import Account, Event
from autonomy.replay.value import in_currency

MIDDLE = 1.0
SPREADS = (0.25, MIDDLE, 4.0)
"""The curvature that there was over the one that the runs believe."""
_DRAWS = 1000
_LEVEL = 0.90


@dataclass(frozen=True)
class Range:
    """A sum over campaigns, and the 90 % interval had other campaigns of the kind run."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, parts: Sequence[float], draws: int = _DRAWS) -> Range:
        total = sum(parts)
        if len(parts) < 2 or draws == 0:
            return cls(total, total, total)
        # Resampling, the same for everyone.
        rng = random.Random(20260101)  # noqa: S311  # nosec B311
        sums = sorted(sum(rng.choices(parts, k=len(parts))) for _ in range(draws))
        cut = int(draws * (1 - _LEVEL) / 2)
        return cls(total, sums[cut], sums[-1 - cut])

    def to_dict(self) -> dict[str, float]:
        return {
            "value": round(self.value, 2),
            "low": round(self.low, 2),
            "high": round(self.high, 2),
        }


@dataclass(frozen=True)
class PauseOutcome:
    """One pause and the rest of that campaign's history, at the budget that it had by then."""

    event: Event
    spend_after: float
    revenue_after: float
    conversions_after: float
    earned_after: float
    surely_false: float

    @property
    def false(self) -> bool:
        return self.earned_after > 0.0

    @property
    def roi_after(self) -> float | None:
        return self.revenue_after / self.spend_after if self.spend_after > 0.0 else None

    def to_dict(self) -> dict[str, Any]:
        return self.event.to_dict() | {
            "spend_before": round(self.event.spend, 2),
            "revenue_before": round(self.event.revenue, 2),
            "spend_after": round(self.spend_after, 2),
            "revenue_after": round(self.revenue_after, 2),
            "conversions_after": round(self.conversions_after),
            "roi_after": None if self.roi_after is None else round(self.roi_after, 3),
            "worth": round(-self.earned_after, 2),
            "false": self.false,
            "probability_that_it_was_false": round(self.surely_false, 3),
        }


@dataclass(frozen=True)
class Worth:
    """What one setting would have earned beside what really happened; money."""

    saved: Range
    missed: Range
    raised: Mapping[float, Range]
    pauses: Sequence[PauseOutcome]
    raises: int
    lowered: int
    by_day: Mapping[str, float] = field(default_factory=dict)

    @property
    def false_pauses(self) -> list[PauseOutcome]:
        return sorted((one for one in self.pauses if one.false), key=lambda one: -one.earned_after)

    @property
    def profit(self) -> float:
        """Saved less missed, and the changes of budget as the curve is assumed."""
        return self.profit_at(MIDDLE)

    def profit_at(self, spread: float) -> float:
        """The same where its campaigns saturate so many times later."""
        return self.saved.value - self.missed.value + self.raised[spread].value


def worth_of(
    accounts: Mapping[float, Account], currency: str = "", *, draws: int = _DRAWS
) -> Worth:
    """Values one replay, given its account under each spread; pauses are those of the middle.

    Of what is in that currency ("": not known): each campaign by the target of its account.
    """
    account = accounts[MIDDLE]
    campaigns = in_currency(account.past.campaigns, currency)
    targets = {
        number: one.break_even(account.policy_of(one.account).break_even_roi)
        for number, one in campaigns.items()
    }
    events = [event for event in account.events if event.campaign_id in campaigns]
    pauses = [
        _pause(event, campaigns[event.campaign_id], account, targets[event.campaign_id])
        for event in events
        if event.is_pause
    ]
    by_day: dict[str, float] = {}
    for one in pauses:
        day = one.event.at.date().isoformat()
        by_day[day] = by_day.get(day, 0.0) - one.earned_after
    return Worth(
        saved=Range.of([max(0.0, -one.earned_after) for one in pauses], draws),
        missed=Range.of([max(0.0, one.earned_after) for one in pauses], draws),
        raised={
            spread: Range.of(
                [
                    revenue / targets[number] - spend
                    for number, (spend, revenue) in _budgets(one).items()
                    if number in targets
                ],
                draws,
            )
            for spread, one in accounts.items()
        },
        pauses=pauses,
        raises=sum(_direction(event) > 0 for event in events),
        lowered=sum(_direction(event) < 0 for event in events),
        by_day=by_day,
    )


def _direction(event: Event) -> int:
    if event.is_pause or event.old_budget is None or event.new_budget is None:
        return 0
    return (event.new_budget > event.old_budget) - (event.new_budget < event.old_budget)


def _rest(event: Event, campaign: PastCampaign) -> tuple[float, float, float]:
    """Spend, revenue and orders that really came after it."""
    return (
        max(0.0, campaign.spend - event.spend),
        campaign.revenue - event.revenue,
        max(0.0, campaign.conversions - event.conversions),
    )


def _budgets(account: Account) -> dict[str, tuple[float, float]]:
    """(spend, revenue) beyond what was, of all changes of budget: after a pause, too, as if there
    had been none."""
    found = account.budgets()
    for event in account.events:
        if event.is_pause:
            spend, revenue, _ = _rest(event, account.past.campaigns[event.campaign_id])
            pace, before = account.pace(event.campaign_id), found[event.campaign_id]
            found[event.campaign_id] = (
                before[0] + (pace.spend - 1.0) * spend,
                before[1] + (pace.response - 1.0) * revenue,
            )
    return found


def _pause(
    event: Event, campaign: PastCampaign, account: Account, break_even: float
) -> PauseOutcome:
    prior, pace = account.prior_of(campaign.account), account.pace(event.campaign_id)
    really_spent, revenue, orders = _rest(event, campaign)
    spend, revenue, orders = (
        really_spent * pace.spend, revenue * pace.response, orders * pace.response,
    )  # fmt: skip
    days = max(1.0, campaign.days * really_spent / campaign.spend) if campaign.spend > 0 else 1.0
    after = Evidence(spend, orders, revenue, campaign.cv2, days)
    worth = revenue
    if event.cpa is not None:  # a rule that speaks of cpa says what a conversion is worth
        after, prior = by_cpa(after, event.cpa)
        worth, break_even = after.revenue, 1.0 / campaign.attribution
    return PauseOutcome(
        event=event,
        spend_after=spend,
        revenue_after=revenue,
        conversions_after=orders,
        earned_after=worth / break_even - spend,
        surely_false=1.0 - probability_below(break_even, after, prior),
    )

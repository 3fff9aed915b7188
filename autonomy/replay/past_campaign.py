"""A campaign of the past: its budgets, what people did to it, and what it had brought by then."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan, nan
from typing import Any, NamedTuple


class PersonChange(NamedTuple):
    """What a person did to a campaign: cut, raised, switched on."""

    at: datetime
    what: str


@dataclass
class PastCampaign:
    """A campaign, its budgets, and what it had spent and brought by the end of the period."""

    id: str
    title: str
    account: str | None
    enabled: bool
    budget: Decimal | None
    changes: list[tuple[datetime, Decimal | None]]
    budget_known_from: datetime | None
    """Before that the budget stands for what was spent; None: always known."""
    people: list[PersonChange]
    cv2: float | None
    first_day: datetime
    spend: float
    revenue: float
    conversions: float
    days: float
    currency: str | None = None
    target_roi: float = nan
    """Its own break-even, else its account's; NaN: the policy's."""
    attribution: float = 1.0
    _times: list[datetime] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._times = [at for at, _ in self.changes]

    def budget_at(self, at: datetime) -> Decimal | None:
        """The daily budget that it had: that of before the next change, else today's."""
        place = bisect.bisect_right(self._times, at)
        return self.changes[place][1] if place < len(self.changes) else self.budget

    def break_even(self, usual: float) -> float:
        """The reported roi from which on it earns itself back, by its own target or the usual."""
        return (usual if isnan(self.target_roi) else self.target_roi) / self.attribution

    def last_by_person(self, at: datetime, stands: timedelta, *kinds: str) -> PersonChange | None:
        """The last of these that a person did and that stands still, so long after it.

        None where a program does them every other day.
        """
        done = [change for change in self.people if change.what in kinds and change.at <= at]
        recent = {change.at.date() for change in done if change.at > at - timedelta(days=7)}
        if len(recent) >= 3:
            return None
        return done[-1] if done and done[-1].at > at - stands else None


def past_campaign(row: Sequence[Any]) -> PastCampaign:
    """From a row of past_campaigns, as SQL or as JSON gives it."""
    number, title, account, enabled, budget, changes, known, people, cv2, first_day, *totals = row
    spend, revenue, conversions, days, currency, target_roi, attribution = totals
    return PastCampaign(
        str(number),
        title or str(number),
        account,
        enabled,
        _money(budget),
        [(_time(at), _money(old)) for at, old in changes or ()],
        None if known is None else _time(known),
        [PersonChange(_time(at), str(what)) for at, what in people or ()],
        cv2,
        _time(str(first_day)),
        float(spend or 0.0),
        float(revenue or 0.0),
        float(conversions or 0.0),
        float(days or 0.0),
        currency,
        float(target_roi) if target_roi is not None else nan,
        float(attribution),
    )


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _time(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)

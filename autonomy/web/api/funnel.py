"""The API's question and answer about the funnel: which step explains the change of profit."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from autonomy.run.sent import Text
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web.api.rows import Answer
from autonomy.web.parsing import Id, Parameters, whole


class FunnelParameters(Parameters):
    """Whose funnel, of how many days. One of account and campaign_id."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="of this account; or"
    )
    campaign_id: Id | None = Field(default=None, description="of this campaign")
    days: Annotated[int, whole(3, 180)] = Field(default=7, description="beside as many before them")


class FunnelSpan(Answer):
    """Sums; profit is what is left after spend at the target."""

    days: int
    """Without those left out of the evidence."""
    impressions: float
    clicks: float
    conversions: float
    spend: float
    revenue: float
    profit: float


class FunnelRate(Answer):
    """With 90 % intervals; ctr and conversion_rate in percent. Null where there is too little."""

    rate: Literal["ctr", "cost_per_click", "conversion_rate", "value_per_conversion", "roi"]
    before: float | None
    before_low: float | None
    before_high: float | None
    now: float | None
    now_low: float | None
    now_high: float | None


class FunnelStep(Answer):
    """A part of the change of profit; all of them sum to it."""

    step: Literal["spend", "cost_per_click", "conversion_rate", "order_value"]
    before: float | None
    now: float | None
    money: float
    money_low: float | None
    money_high: float | None
    named: bool
    """More than chance does."""
    sentence: str


class Funnel(Answer):
    account: str | None
    campaign_id: UUID | None
    currency: str | None
    from_: date = Field(alias="from")
    until: date
    before_from: date
    delay_hours: float
    """Days within twice this are left out: their conversions are still to come."""
    stale_days: int
    sentence: str
    profit_change: float | None
    """Beside as many days before as count now."""
    now: FunnelSpan
    before: FunnelSpan
    rates: list[FunnelRate]
    steps: list[FunnelStep]

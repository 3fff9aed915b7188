"""The API's answers of two lists: campaigns with their figures, and all that happened."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from autonomy.run.sent import LEFT_OUT
from autonomy.store import Json
from autonomy.web.api.answers import Page
from autonomy.web.api.rows import Action, Answer
from autonomy.web.filters import KINDS
from autonomy.web.formats import STATUSES
from autonomy.web.parsing import one_of


class SpanFigures(Answer):
    """What a campaign spent and earned on some days."""

    spend: float
    revenue: float
    roi: float | None
    conversions: float


class LastAction(Answer):
    id: UUID
    action_type: str
    status: Annotated[str, one_of(STATUSES)]
    error: str | None
    at: datetime


class WaitingAction(Answer):
    id: UUID
    action_type: str
    previous_state: Json | None
    new_state: Json | None


class ListedCampaign(Answer):
    id: UUID
    title: str | None
    status: str | None
    budget: float | None
    account: str
    autonomous_enabled: bool
    hold_until: datetime | None
    total_spend: float
    total_revenue: float
    roi: float | None
    conversions: float
    currency: str | None
    span: SpanFigures | None
    """Of the days that were asked for."""
    before: SpanFigures | None
    """Of as many days before them."""
    last_action: LastAction | None
    waiting: WaitingAction | None
    """The proposal that waits for a person."""
    executed: UUID | None
    """The last action that stands executed."""


class Happening(Answer):
    """One of the kinds; besides these each has its own keys."""

    kind: Annotated[str, one_of(KINDS)]
    at: datetime
    id: str
    action: Action = LEFT_OUT
    who: str | None = LEFT_OUT
    before: Json | None = LEFT_OUT
    after: Json | None = LEFT_OUT
    rule_id: UUID | None = LEFT_OUT
    rule_name: str | None = LEFT_OUT
    campaign_id: UUID = LEFT_OUT
    title: str | None = LEFT_OUT
    currency: str | None = LEFT_OUT
    person: bool = LEFT_OUT
    how: Literal["outside", "platform", "deleted"] = LEFT_OUT


class Days(Answer):
    """The days that a list looks at, and those that they are compared with."""

    from_: date = Field(alias="from")
    to: date
    before_from: date
    before_to: date


class Campaigns(Page):
    campaigns: list[ListedCampaign]
    span: Days | None
    today: date
    sorted_by_days: bool


class Happened(Page):
    happened: list[Happening]

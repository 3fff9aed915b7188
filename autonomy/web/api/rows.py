"""What the API's answers are made of: one model a thing. More keys may stand beside these."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, create_model

from autonomy.config import CHANNELS
from autonomy.run.sent import LEFT_OUT
from autonomy.store import Json
from autonomy.web.commands import (
    ACCOUNT_FLAGS,
    ACCOUNT_KEYS,
    ACCOUNT_LIMITS,
    POLICY_FLAGS,
    POLICY_KEYS,
    POLICY_LIMITS,
)
from autonomy.web.filters import OPPORTUNITY_STATUSES
from autonomy.web.formats import ACTION_NAMES, SEVERITIES, STATUSES
from autonomy.web.parsing import one_of


class Answer(BaseModel):
    """What all answers have in common."""

    model_config = ConfigDict(defer_build=True)


class Day(Answer):
    day: date
    spend: float | None
    revenue: float | None
    roi: float | None
    clicks: int | None
    conversions: float | None


class Delivery(Answer):
    """How far an action, or its rollback, is on its platform."""

    state: Literal[
        "waiting", "unsure", "confirmed", "refused", "not_taken", "not_delivered", "overruled",
        "gone", "replaced",
    ]  # fmt: skip
    until: datetime | None
    confirmed_at: datetime | None
    message: str
    platform: str


class Action(Answer):
    id: UUID
    run_id: UUID | None
    campaign_id: UUID | None
    title: str | None
    rule_id: UUID | None
    rule_name: str | None
    action_type: Annotated[str, one_of(tuple(ACTION_NAMES))]
    status: Annotated[str, one_of(STATUSES)]
    error: str | None
    reason: str | None
    previous_state: Json | None
    new_state: Json | None
    confidence_score: float | None
    expected_impact: Json | None
    actual_impact: Json | None
    created_at: datetime
    executed_at: datetime | None
    rolled_back_at: datetime | None
    rolled_back_by: str | None
    rollback_reason: str | None
    actor: str
    rule_changed: bool
    currency: str | None
    delivery: Delivery | None


class ActionWithEvidence(Action):
    evidence: Json | None


class Opportunity(Answer):
    id: UUID
    campaign_id: UUID
    title: str | None
    opportunity_type: str
    severity: Annotated[str, one_of(SEVERITIES)]
    description: str | None
    suggested_action: str | None
    estimated_impact: Json | None
    confidence_score: float | None
    figures: Json
    status: Annotated[str, one_of(OPPORTUNITY_STATUSES)]
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    overdue: bool
    currency: str | None


class Rule(Answer):
    id: UUID
    rule_name: str
    rule_type: str
    condition: Json
    action: Json
    priority: int
    is_active: bool | None
    created_by: str | None
    created_at: datetime | None
    updated_at: datetime | None


class ListedRule(Rule):
    flaw: str | None
    last_change: datetime | None
    watch: bool


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


class Run(Answer):
    id: UUID
    trigger: str
    status: Literal["running", "completed", "failed", "abandoned"]
    started_at: datetime
    finished_at: datetime | None
    dry_run: bool
    mode: str
    response_status: int | None
    failed: int
    summary: Json


class RunWithActions(Run):
    actions_now: dict[str, int]


def _kind(name: str) -> Any:
    if name in POLICY_LIMITS or name in ACCOUNT_LIMITS:
        return float
    return bool if name in (*POLICY_FLAGS, *ACCOUNT_FLAGS) else str


class _NotSet(Answer):
    """What the policy has besides the settings that the API changes."""

    automation_actors: list[str]
    paused_text: str
    prior_mean_roi: float
    prior_tau2: float
    prior_order_value: float
    prior_cv2: float
    prior_order_spread: float
    prior_campaigns: int
    prior_fitted_at: str
    updated_at: datetime
    updated_by: str


_SETTINGS: dict[str, Any] = {name: (_kind(name), ...) for name in POLICY_KEYS}
PolicyInForce = create_model("PolicyInForce", __base__=_NotSet, **_SETTINGS)
Policy = create_model("Policy", __base__=_NotSet, id=(bool, ...), **_SETTINGS)


class AccountFinding(Answer):
    sentence: str
    proposed: Json


class Connection(Answer):
    """To what an account is connected, and how its reading goes."""

    account: str
    platform: Literal["meta", "google"]
    platform_title: str
    external_id: str
    login_id: str | None
    credential: str
    push: Literal["off", "validate", "on"]
    name: str | None
    currency: str | None
    time_zone: str | None
    conversion_action: str | None
    attribution_windows: list[str]
    state: Literal["ok", "broken"]
    state_code: str
    state_message: str
    state_since: datetime
    pulled_at: datetime | None
    restated_at: datetime | None
    still_to_read: Json | None
    not_before: datetime | None
    last_error: str
    reading: bool
    connected_at: datetime
    connected_by: str
    too_old: bool
    units: int
    gone: int
    without_own_budget: int
    checked_at: datetime | None
    waiting: int
    unsure: int
    refused: int


class AccountTotal(Answer):
    """What the budgets of an account's active campaigns may be together, and are."""

    account: str
    currency: str | None
    daily_total: float | None
    monthly_total: float | None
    active_campaigns: int
    active_budget: float
    today: date
    days_left: int
    spent: float | None
    spent_today: float | None
    spent_per_budget: float
    pace: float | None
    ceiling: float
    code: str
    shrink_to: float | None
    shrink_code: str | None
    price: float
    expected: float | None
    left_a_day: float | None


class _AccountTold(Answer):
    """What an account has besides its settings."""

    account: str
    campaigns: int
    active: int
    active_budget: float
    in_force: PolicyInForce  # type: ignore[valid-type]  # a class
    measured_delay_hours: float | None
    updated_at: datetime
    updated_by: str
    finding: AccountFinding | None
    platform: Connection | None
    total: AccountTotal | None


_OWN: dict[str, Any] = {name: (_kind(name) | None, ...) for name in ACCOUNT_KEYS}
Account = create_model("Account", __base__=_AccountTold, **_OWN)


class Exclusion(Answer):
    id: UUID
    account: str | None
    campaign_id: UUID | None
    from_day: date
    until_day: date
    why: str
    made_by: str
    made_at: datetime
    lifted_at: datetime | None
    lifted_by: str
    event_id: UUID | None


class PlannedEvent(Answer):
    id: UUID
    account: str | None
    campaign_id: UUID | None
    title: str | None
    of_account: str
    from_at: datetime
    until_at: datetime
    time_zone: str
    from_local: str
    until_local: str
    span: str
    state: Literal["planned", "now", "over"]
    no_raises: bool
    no_cuts: bool
    no_pauses: bool
    why: str
    leave_out: bool
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime | None


class ToldCause(Answer):
    code: str
    title: str
    channels: list[Annotated[str, one_of(CHANNELS)]]
    own: bool = LEFT_OUT
    """Of an account: whether it says so itself."""


class ListedExclusion(Exclusion):
    title: str | None
    of_account: str


class OptimisingRule(Answer):
    id: UUID
    rule_name: str
    is_active: bool
    action: Json


class KeptRule(Answer):
    rule_name: str
    action: Json
    taken_out_at: datetime
    taken_out_by: str

"""The API's answers. More keys may stand beside these; none of these is missing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from autonomy.run.answer import RunSummary, SyncSummary
from autonomy.run.sent import LEFT_OUT
from autonomy.store import Json
from autonomy.web.api import rows
from autonomy.web.api.rows import Answer
from autonomy.web.parsing import one_of
from autonomy.web.state import LEVELS, WHERE


class Page(Answer):
    next_after: str | None


class ErrorText(Answer):
    code: str
    message: str
    hint: str


class Error(Answer):
    success: Literal[False]
    error: ErrorText
    timestamp: datetime


class Alive(Answer):
    status: Literal["ok"]
    version: str


class Ready(Answer):
    ready: bool
    checks: dict[str, bool]
    reason: str
    timestamp: datetime


class StateReason(Answer):
    code: Annotated[str, one_of(tuple(WHERE))]
    level: Annotated[str, one_of(LEVELS[1:])]
    sentence: str
    details: list[str]
    figures: Json


class State(Answer):
    level: Annotated[str, one_of(LEVELS)]
    sentence: str
    since: datetime
    reasons: list[StateReason]


class MarkedDay(rows.Day):
    paused: int
    scaled: int
    other: int


class Worth(Answer):
    measured: int
    money: float | None
    money_low: float | None
    money_high: float | None


class Totals(Answer):
    actions: int
    paused: int
    scaled: int
    scaled_down: int
    adjusted: int
    resumed: int
    pending: int
    failed: int
    rolled_back: int
    average_confidence: float | None
    saved: Worth
    earned: Worth


class Portfolio(Answer):
    all: int
    active: int
    active_budget: float


class OpenOpportunities(Answer):
    unresolved: int
    critical: int
    high: int
    overdue: int


class InCurrency(Answer):
    """Money of one currency by itself; null: of accounts that state none."""

    currency: str | None
    active: int
    active_budget: float
    saved: Worth
    earned: Worth


class Overview(Answer):
    state: State
    policy: rows.Policy  # type: ignore[valid-type]  # a class
    now: datetime
    today: date
    stale_days: int
    last_run: rows.Run | None
    running: int
    last_success_at: datetime | None
    currency: str | None
    currencies: list[InCurrency]
    campaigns: Portfolio
    totals: Totals
    recent: Totals
    opportunities: OpenOpportunities
    days: list[MarkedDay]


class Attention(Answer):
    underperforming: list[Json]
    underperforming_count: int
    scaling: list[Json]
    scaling_count: int


class Insight(Answer):
    kind: str
    sentence: str
    figures: Json
    campaign_id: UUID | None
    rule_id: UUID | None


class Insights(Answer):
    insights: list[Insight]


class Actions(Page):
    actions: list[rows.Action]


class CampaignValues(Answer):
    status: str | None
    budget: float | None


class PutBack(Answer):
    action_id: UUID
    action_type: str
    campaign_id: UUID | None
    title: str | None
    currency: str | None
    from_: CampaignValues = Field(alias="from")
    to: CampaignValues
    obstacle: str | None


class Skipped(Answer):
    action_id: UUID
    campaign_id: UUID | None
    title: str | None
    currency: str | None
    code: str
    message: str
    expected: Json | None
    found: Json | None


class RolledBack(Answer):
    changed: list[PutBack]
    skipped: list[Skipped]
    preview: bool


class Opportunities(Page):
    opportunities: list[rows.Opportunity]


class Rules(Answer):
    rules: list[rows.ListedRule]


class RuleWas(Answer):
    id: int
    rule_id: UUID | None
    rule_name: str | None
    changed_at: datetime
    actor: str | None
    before: Json | None
    after: Json | None


class RuleHistory(Answer):
    changes: list[RuleWas]


class Finding(Answer):
    rule: str
    code: str
    severity: Literal["error", "warning", "note"]
    sentence: str
    other: str | None


class Findings(Answer):
    findings: list[Finding]


class WorthIn(Answer):
    """What a rule brought in one currency."""

    currency: str | None
    money: float | None
    money_low: float | None
    money_high: float | None


class Score(Worth):
    rule_id: UUID | None
    rule_name: str
    is_active: bool | None
    actions: int
    rolled_back: int
    improved: int
    regressed: int
    pauses: int
    false_pause_share: float | None
    mean_confidence: float | None
    right_share: float | None
    flagged: bool
    by_currency: list[WorthIn]


class Scoreboard(Answer):
    scoreboard: list[Score]


class Template(Answer):
    key: str
    title: str
    why: str
    adjust: str
    rule: Json


class Templates(Answer):
    templates: list[Template]


class Decided(Answer):
    """What a run would decide now."""

    all: Json
    own: Json
    held: Json
    campaigns: list[Json]
    breakers: list[Json]
    campaigns_evaluated: int


class Between(Answer):
    value: float
    low: float
    high: float


class Past(Answer):
    """What the rules would have done; only the sentence where the past cannot be told."""

    sentence: str
    days: int = LEFT_OUT
    history_days: int = LEFT_OUT
    from_: datetime = Field(default=LEFT_OUT, alias="from")
    to: datetime = LEFT_OUT
    currency: str | None = LEFT_OUT
    campaigns: int = LEFT_OUT
    pauses: int = LEFT_OUT
    false_pauses: int = LEFT_OUT
    raises: int = LEFT_OUT
    lowered: int = LEFT_OUT
    saved: Between = LEFT_OUT
    missed: Between = LEFT_OUT
    budget_changes_worth: Between = LEFT_OUT
    worth: float = LEFT_OUT
    held: dict[str, int] = LEFT_OUT
    best_pauses: list[Json] = LEFT_OUT
    worst_pauses: list[Json] = LEFT_OUT
    other_currencies: list[Json] = LEFT_OUT
    cannot_know: str = LEFT_OUT
    own: Json = LEFT_OUT


class Preview(Answer):
    before: Decided
    after: Decided
    past: Past


class CampaignDay(rows.Day):
    impressions: int | None
    left_out: bool
    """Of the evidence: it is shown, and nothing is judged by it."""
    event: str | None
    """What is planned for it."""


class Campaign(Answer):
    now: datetime
    today: date
    campaign: Json
    in_force: Json
    performance: Json | None
    days: list[CampaignDay]
    actions: list[rows.Action]
    events: list[rows.PlannedEvent]
    changes: list[Json]
    opportunities: list[rows.Opportunity]
    last_run: Json | None


class CampaignState(Answer):
    campaign_id: UUID
    autonomous_enabled: bool
    hold_until: datetime | None
    target_roi: float | None
    conversion_value: float | None


class Explanation(Answer):
    campaign_id: UUID
    title: str | None
    status: str | None
    is_active: bool
    budget: float | None
    currency: str | None
    decision: Json | None
    sentence: str
    figures: Json
    evidence: Json
    rules: list[Json]
    rules_skipped: list[Json]
    breakers: list[Json]
    last_action: Json | None


class Runs(Page):
    runs: list[rows.Run]


class RunAnswer(Answer):
    success: Literal[True]
    result: RunSummary | SyncSummary
    message: str


class Accounts(Answer):
    accounts: list[rows.Account]  # type: ignore[valid-type]  # a class
    left_off: int


class PlannedEvents(Answer):
    events: list[rows.PlannedEvent]
    left_off: int


class Exclusions(Answer):
    exclusions: list[rows.ListedExclusion]
    left_off: int


class Optimisation(Answer):
    on: bool
    rules: list[rows.OptimisingRule]
    kept: rows.KeptRule | None
    past: Json | None


class UsedPreset(Answer):
    policy: rows.Policy  # type: ignore[valid-type]  # a class
    optimisation: Optimisation


class Told(Answer):
    told: list[rows.ToldCause]

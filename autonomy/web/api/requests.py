"""What callers of the API send: one model a request (see autonomy/run/sent.py)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, create_model, model_validator

from autonomy.config import CHANNELS
from autonomy.engine.policy import PRESETS
from autonomy.errors import BadRequest
from autonomy.run.sent import LEFT_OUT, Change, Read, Reason, Sent, Text
from autonomy.store import Json
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web.commands import (
    ACCOUNT_FLAGS,
    ACCOUNT_KEYS,
    ACCOUNT_LIMITS,
    CAMPAIGN_NUMBERS,
    POLICY_FLAGS,
    POLICY_KEYS,
    POLICY_LIMITS,
)
from autonomy.web.csv_file import MOST_ROWS
from autonomy.web.filters import (
    OPPORTUNITY_STATUSES,
    ActionFilters,
    CampaignFilters,
    Chosen,
    EverythingFilters,
    OpportunityFilters,
)
from autonomy.web.parsing import (
    ACTIONS_AFTER,
    CAMPAIGNS_AFTER,
    HAPPENED_AFTER,
    OPPORTUNITIES_AFTER,
    RUNS_AFTER,
    Day,
    Id,
    Local,
    Moment,
    Parameters,
    is_number,
    one_of,
    whole,
)
from autonomy.web.rule_body import OBJECT, RuleChange

CURRENCY = re.compile("[A-Z]{3}|unknown")
Currency = Annotated[
    str,
    Read(
        "it must be three letters of ISO 4217 such as EUR, or unknown",
        test=CURRENCY.fullmatch,
        type="string",
        pattern="^([A-Z]{3}|unknown)$",
    ),
]
AFTER: Any = Field(default=None, description="`next_after` of the page before, as it was given")
REASON: Any = Field(default=None, description="why; kept with the action")


class Limited(Parameters):
    """The length of a list, or of a page of it."""

    limit: Annotated[int, whole(1, 200)] = 50


class Listed(Limited):
    """A page of a list, or the list as a file."""

    limit: Annotated[int, whole(1, 200)] = Field(
        default=50, description=f"with format=csv: else up to {MOST_ROWS:,} rows"
    )
    format: Annotated[str, one_of(("json", "csv"))] = Field(
        default="json", description="csv: X-Next-After says where a file that is cut goes on"
    )


class OverviewParameters(Parameters):
    """What the overview looks at."""

    days: Annotated[int, whole(1, 366)] = 30
    since: Moment | None = Field(default=None, description="your last visit; else 24 hours ago")
    currency: Currency | None = Field(
        default=None, description="which one the money is in, of several; else the first"
    )


class AttentionParameters(Parameters):
    """How many campaigns of each kind."""

    limit: Annotated[int, whole(1, 200)] = 10


class ActionsParameters(Listed, ActionFilters):
    """A page of actions."""

    after: Annotated[Json, ACTIONS_AFTER] | None = AFTER


class HappenedParameters(Limited, EverythingFilters):
    """A page of all that happened."""

    after: Annotated[Json, HAPPENED_AFTER] | None = AFTER


class OpportunitiesParameters(Listed, OpportunityFilters):
    """A page of opportunities."""

    after: Annotated[Json, OPPORTUNITIES_AFTER] | None = AFTER


class RuleHistoryParameters(Limited):
    """Which changes of rules."""

    rule_id: Id | None = None


class CampaignsParameters(Listed, CampaignFilters):
    """A page of campaigns."""

    after: Annotated[Json, CAMPAIGNS_AFTER] | None = AFTER


class CampaignParameters(Parameters):
    """How far back its figures go."""

    days: Annotated[int, whole(1, 400)] = 60


class RunsParameters(Listed):
    """A page of runs."""

    after: Annotated[Json, RUNS_AFTER] | None = AFTER


class AccountsParameters(Parameters):
    """Which accounts."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="this one only"
    )
    limit: Annotated[int, whole(1, 200)] = 200


class ForecastParameters(Parameters):
    """Whose month."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="this one only"
    )
    limit: Annotated[int, whole(1, 200)] = 20


class ProofParameters(Parameters):
    """Whose proof, of how many days."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] = Field(description="of this one")
    days: Annotated[int, whole(1, 400)] = 90


class ExclusionsParameters(Parameters):
    """Whose days."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="of this account and its campaigns"
    )
    campaign_id: Id | None = Field(default=None, description="of this campaign and its account")
    limit: Annotated[int, whole(1, 200)] = 200


class Exclude(Sent):
    """Days that do not count, of one campaign or of an account."""

    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="all of its campaigns; or else"
    )
    campaign_id: Id | None = Field(default=None, description="this one")
    from_day: Day = Field(description="the first, in the zone of the account")
    until_day: Day = Field(description="the last, which is left out, too")
    why: Annotated[Text, Field(max_length=500)] = Field(default="", description="in your words")


class EventsParameters(Parameters):
    """Whose events."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=1000)] | None = Field(
        default=None, description="of this account and its campaigns"
    )
    campaign_id: Id | None = Field(default=None, description="of this campaign and its account")
    limit: Annotated[int, whole(1, 200)] = 200


class _Event(Sent):
    no_raises: bool = Field(default=LEFT_OUT, description="no budget is raised, nothing resumed")
    no_cuts: bool = Field(default=LEFT_OUT, description="no budget is lowered")
    no_pauses: bool = Field(default=LEFT_OUT, description="nothing is paused")
    leave_out: bool = Field(default=LEFT_OUT, description="its days leave the evidence")


FROM_SAID = "from this day or time on, in the account's zone"
UNTIL_SAID = "up to this time, or to the end of this day"
EventWhy = Annotated[Text, Field(max_length=500)]


class PlanEvent(_Event):
    """What must not be done, and when, to one campaign or to an account."""

    account: Annotated[Text, Field(max_length=1000)] | None = Field(
        default=None, description="all of its campaigns; or else"
    )
    campaign_id: Id | None = Field(default=None, description="this one")
    from_: Local = Field(alias="from", description=FROM_SAID)
    until: Local = Field(description=UNTIL_SAID)
    why: EventWhy = Field(description="what it is, in your words")


class EventChange(Change, _Event):
    """What is to change of an event; it stays with its account or campaign."""

    from_: Local = Field(default=LEFT_OUT, alias="from", description=FROM_SAID)
    until: Local = Field(default=LEFT_OUT, description=UNTIL_SAID)
    why: EventWhy = Field(default=LEFT_OUT, description="what it is, in your words")


class ToldParameters(Parameters):
    """Of whom people are told."""

    exact = ("account",)
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="what is told of this account; else of all"
    )


class SwitchOptimisation(Sent):
    """Whether budgets are to be optimised."""

    on: bool = Field(description="false takes the rule out and keeps it with its tuning")


class UsePreset(Sent):
    """Which preset is to hold."""

    preset: Annotated[str, one_of(tuple(PRESETS))] = Field(
        description="numbers of the policy and the switch of budget optimisation, together"
    )


def _is_told(value: object) -> bool:
    """Whether it says of at least one cause where people are told of it."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            to is None or (isinstance(to, list) and all(one in CHANNELS for one in to))
            for to in value.values()
        )
    )


TOLD = Read(
    f'it must be an object such as {{"BREAKER": ["email"]}}, of {", ".join(CHANNELS)}',
    test=_is_told,
    type="object",
    minProperties=1,
    additionalProperties={
        "anyOf": [
            {"type": "array", "items": {"type": "string", "enum": list(CHANNELS)}},
            {"type": "null"},
        ]
    },
)


class ToldChange(Sent):
    """Where people are told of what: of all, or of one account."""

    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="of this account; else of all"
    )
    channels: Annotated[Json, TOLD] = Field(
        description='`{"BREAKER": ["slack", "email"]}`; `[]`: nobody; '
        "null, of an account: the policy's"
    )


class Decide(Sent):
    """A decision on a pending action."""

    reason: Reason | None = REASON


class RollbackOne(Sent):
    """How an action is taken back."""

    force: bool = Field(default=False, description="also where somebody changed it since")
    preview: bool = Field(default=False, description="say what would change, and change nothing")
    reason: Reason | None = REASON


class Rollback(Chosen, RollbackOne):
    """Which actions are taken back, and how; at least one of the keys that choose."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [name]} for name in Chosen.names()]}
    )


class OpportunityStatus(Sent):
    """What becomes of an opportunity."""

    status: Annotated[str, one_of(OPPORTUNITY_STATUSES)]
    reason: Reason | None = Field(default=None, description="why; kept with it")


class PreviewRule(Sent):
    """A rule to try: a new one, or with its id what is to change of one."""

    rule: Annotated[RuleChange, OBJECT] = Field(description="as for `POST /api/rules`")
    rule_id: Id | None = Field(
        default=None, description="of the rule to change; then `rule` has only what changes"
    )


class _Automation(Change):
    """What is to change of a campaign's automation."""

    autonomous_enabled: bool = Field(default=LEFT_OUT, description="whether it may be acted on")
    hold_until: Moment | None = Field(default=LEFT_OUT, description="left alone until; null: not")


def _setting(name: str) -> Any:
    """The type of a setting. The database knows the limits, and says what is beyond them."""
    if name in SETTING_LIMITS:
        low, high = SETTING_LIMITS[name]
        read = Read("it must be a number", test=is_number, type="number", minimum=low, maximum=high)
        return Annotated[float, read]
    if name in (*POLICY_FLAGS, *ACCOUNT_FLAGS):
        return bool
    return Annotated[Text, Field(max_length=500, json_schema_extra=SETTING_TEXTS.get(name, {}))]


SETTING_LIMITS = POLICY_LIMITS | ACCOUNT_LIMITS
SETTING_TEXTS: dict[str, Json] = {
    "mode": {"enum": ["autonomous", "approve", "observe"]},
    "time_zone": {"examples": ["UTC", "Europe/Berlin"]},
    "currency": {"examples": ["EUR", "USD"]},
}
_NUMBERS: dict[str, Any] = {
    name: (_setting(name) | None, Field(default=LEFT_OUT, description="null: its account's"))
    for name in CAMPAIGN_NUMBERS
}
CampaignChange = create_model(
    "CampaignChange",
    __base__=_Automation,
    __doc__="What is to change of a campaign's automation, and of what it is judged by.",
    **_NUMBERS,
)
_SETTINGS: dict[str, Any] = {name: (_setting(name), LEFT_OUT) for name in POLICY_KEYS}
PolicyChange = create_model(
    "PolicyChange", __base__=Change, __doc__="The settings that are to change.", **_SETTINGS
)


class _AccountNamed(Sent):
    """Which account the settings are of."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)]

    @model_validator(mode="after")
    def _something(self) -> Self:
        if len(self.model_fields_set) < 2:
            raise BadRequest("body: give at least one setting of the account.", hint=self.hint())
        return self


_NEVER_NULL = ("attribution_factor", "frozen", "frozen_reason")
_OWN: dict[str, Any] = {
    name: (
        _setting(name) if name in _NEVER_NULL else _setting(name) | None,
        Field(default=LEFT_OUT, description="" if name in _NEVER_NULL else "null: the policy's"),
    )
    for name in ACCOUNT_KEYS
}
AccountChange = create_model(
    "AccountChange",
    __base__=_AccountNamed,
    __doc__="An account, and the settings of it that are to change.",
    **_OWN,
)

"""Which rows a list shows and a rollback takes, from query, form or body: for pages and API."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from autonomy.errors import BadRequest
from autonomy.run.sent import LEFT_OUT, Read, Sent, Text
from autonomy.store import Json
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web.formats import ACTION_NAMES, SEVERITIES, STATUSES
from autonomy.web.parsing import ID, Bound, Day, Id, Parameters, one_of

CHOICES = ("run_id", "rule_id", "from", "to")
MOST_PICKED = 200
OPPORTUNITY_STATUSES = ("open", "in_progress", "resolved", "dismissed")
OPPORTUNITY_TYPES = (
    "high_traffic_low_conversion",
    "declining_performance",
    "budget_inefficiency",
    "audience_mismatch",
    "creative_fatigue",
    "timing_optimization",
)
Title = Annotated[
    Text,
    Field(
        max_length=200,
        json_schema_extra={"minLength": 1, "pattern": r"^[^\u0000]*[^\u0000\s][^\u0000]*$"},
    ),
]


class Filters(Parameters):
    """What narrows a list."""

    def filters(self) -> dict[str, Any]:
        """All filters of the list, None where one is not given."""
        return self.model_dump(by_alias=True, exclude={"after", "limit", "done", "n", "format"})


class ActionFilters(Filters):
    """The filters of a list of actions."""

    exact: ClassVar[tuple[str, ...]] = ("account",)
    action_type: Annotated[str, one_of(tuple(ACTION_NAMES))] | None = None
    status: Annotated[str, one_of(STATUSES)] | None = None
    rule_id: Id | None = None
    run_id: Id | None = None
    campaign_id: Id | None = None
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="on campaigns of this account only"
    )
    title: Title | None = Field(default=None, description="contained in the campaign's title")
    from_: Bound | None = Field(default=None, alias="from", description="where the span begins")
    to: Bound | None = Field(default=None, description="where it ends")


KINDS = ("action", "rule", "settings", "campaign")
"""Of what happened: an action, a change of a rule, of settings, of a campaign by somebody else."""


class EverythingFilters(Filters):
    """The filters of all that happened."""

    kind: Annotated[str, one_of(KINDS)] | None = None
    campaign_id: Id | None = None
    from_: Bound | None = Field(default=None, alias="from", description="where the span begins")
    to: Bound | None = Field(default=None, description="where it ends")


CAMPAIGN_STATUSES = ("active", "paused")
AUTOMATION = ("on", "off", "held", "waiting")
COLUMNS = ("title", "budget", "spend", "revenue", "roi", "conversions")
SORTS = tuple(f"{sign}{name}" for name in COLUMNS for sign in ("", "-"))
"""By which column campaigns are sorted; - in front: the largest first."""
USUAL_SORT = "-spend"
MOST_DAYS = 400


class CampaignFilters(Filters):
    """The filters of a list of campaigns, its order, and the days that it looks at."""

    exact: ClassVar[tuple[str, ...]] = ("account",)
    title: Title | None = Field(default=None, description="contained in the title, or the id")
    status: Annotated[str, one_of(CAMPAIGN_STATUSES)] | None = None
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="of this account only"
    )
    automation: Annotated[str, one_of(AUTOMATION)] | None = Field(
        default=None, description="whether it is acted on, on hold, or a proposal waits"
    )
    from_: Day | None = Field(default=None, alias="from", description="figures from this day on")
    to: Day | None = Field(default=None, description="up to the end of this one")
    sort: Annotated[str, one_of(SORTS)] | None = Field(
        default=None, description="- in front: the largest first; else -spend"
    )


class OpportunityFilters(Filters):
    """The filters of a list of opportunities."""

    exact: ClassVar[tuple[str, ...]] = ("account",)
    status: Annotated[str, one_of(OPPORTUNITY_STATUSES)] = "open"
    severity: Annotated[str, one_of(SEVERITIES)] | None = None
    opportunity_type: Annotated[str, one_of(OPPORTUNITY_TYPES)] | None = None
    campaign_id: Id | None = None
    account: Annotated[Text, Field(max_length=LONGEST_ACCOUNT)] | None = Field(
        default=None, description="of campaigns of this account only"
    )


IDS = Read(
    f"a list of 1 to {MOST_PICKED} ids; {ID.said}",
    test=lambda value: isinstance(value, list) and 1 <= len(value) <= MOST_PICKED,
    read=lambda value: [ID(one) for one in value],
    type="array",
    items={"type": "string", "format": "uuid"},
    minItems=1,
    maxItems=MOST_PICKED,
)


class Chosen(Sent):
    """What a rollback is to take: picked ids, a run, a rule's actions, a span."""

    action_ids: Annotated[list[str], IDS] = LEFT_OUT
    run_id: Id = Field(default=LEFT_OUT, description="all actions of this run")
    rule_id: Id = Field(default=LEFT_OUT, description="all actions of this rule")
    from_: Bound = Field(default=LEFT_OUT, alias="from", description="the span begins here")
    to: Bound = Field(default=LEFT_OUT, description="the span ends here")

    @model_validator(mode="after")
    def _something(self) -> Self:
        """An empty choice never means everything."""
        if not self.chosen():
            names = ", ".join(Chosen.names())
            raise BadRequest("Nothing is chosen.", hint=f"Give at least one of {names}.")
        return self

    def chosen(self) -> Json:
        """The choice, without what says how."""
        return self.model_dump(by_alias=True, exclude_unset=True, include=set(Chosen.model_fields))


def chosen_actions(values: Any) -> Json:
    """The choice in a MultiDict of query or form. Raises BadRequest."""
    sent: Json = {name: values.get(name, "").strip() for name in CHOICES}
    sent["action_ids"] = values.getlist("action_ids")
    given = {name: value for name, value in sent.items() if value}
    if not given:
        raise BadRequest("Nothing is chosen.", hint="Pick actions, a run, a rule or a span.")
    return Chosen.parse(given).chosen()

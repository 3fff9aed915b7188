"""Drafts of rules, and the archive, in the API: what is sent, and the answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from autonomy.run.sent import Sent, Text
from autonomy.store import Json
from autonomy.web.api.rows import Answer
from autonomy.web.parsing import Parameters, one_of, whole
from autonomy.web.rule_body import OBJECT, RuleChange

STATUSES = ("open", "adopted", "discarded")
LONGEST_WHY = 2000


class DraftsParameters(Parameters):
    """Which drafts."""

    status: Annotated[str, one_of(STATUSES)] = "open"
    limit: Annotated[int, whole(1, 200)] = 100


class NewDraft(Sent):
    """A rule, and why."""

    rule: Annotated[RuleChange, OBJECT] = Field(description="as for `POST /api/rules`")
    why: Annotated[Text, Field(max_length=LONGEST_WHY)] = Field(
        default="", description="why, in a sentence or two"
    )


class Draft(Answer):
    id: UUID
    rule: Json
    why: str
    origin: str
    """Who drafted it."""
    status: Annotated[str, one_of(STATUSES)]
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    rule_id: UUID | None
    """The rule that it became."""


class Difference(Answer):
    campaign_id: UUID | None
    change_id: int | None
    action_id: UUID | None
    what: str
    expected: Any
    found: Any


class Audit(Answer):
    ok: bool
    campaigns_checked: int
    actions_checked: int
    changes_checked: int
    differences_found: int
    differences: list[Difference]


class Drafts(Answer):
    drafts: list[Draft]


class ArchivedRule(Answer):
    rule_id: UUID
    rule: Json
    """As it was when it was put away."""
    archived_at: datetime
    archived_by: str


class ArchivedRules(Answer):
    archived: list[ArchivedRule]

"""A rule as callers of the API send it, and what lint finds; for pages and API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import uuid4

from pydantic import Field, PrivateAttr

from autonomy.engine.lint import lint
from autonomy.engine.policy import Policy
from autonomy.errors import BadRequest, RuleError
from autonomy.rules.intervals import demands_of
from autonomy.rules.language import Action, Condition, Rule, RuleType
from autonomy.run.sent import LEFT_OUT, STORABLE, Change, Read
from autonomy.store import Json, Store

LARGEST_PRIORITY = 1_000_000
OBJECT = Read("it must be an object", test=lambda value: isinstance(value, dict))
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)]
When = Annotated[Condition, Field(description="when to look at a campaign")]
What = Annotated[Action, Field(description="what to do then")]
Priority = Annotated[
    int,
    Field(ge=-LARGEST_PRIORITY, le=LARGEST_PRIORITY, description="the highest decides first"),
]


class RuleChange(Change):
    """The keys of a rule that are to change.

    It describes them only: what is wrong with a rule, the database says, whoever sends it.
    """

    rule_name: Name = LEFT_OUT
    rule_type: RuleType = LEFT_OUT
    condition: When = LEFT_OUT
    action: What = LEFT_OUT
    priority: Priority = LEFT_OUT
    is_active: bool = Field(default=LEFT_OUT, description="whether runs follow it")
    _sent: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def parse(cls, sent: Mapping[str, Any]) -> Self:
        """What was sent, as it is. Raises BadRequest where it is nothing."""
        if not sent:
            raise BadRequest("body: give at least one field.", hint=cls.hint())
        body = cls.model_construct()
        body._sent = dict(sent)
        return body

    def given(self) -> dict[str, Any]:
        """What was sent, unknown keys among it."""
        return self._sent


class NewRule(RuleChange):
    """A rule."""

    rule_name: Name
    rule_type: RuleType
    condition: When
    action: What


def findings(store: Store, rules: list[Json], policy: Json) -> list[dict[str, Any]]:
    """Lint over all rules, bad ones among them; one dictionary a finding. An inactive one is looked
    at as if it were active beside those that are."""
    found: list[dict[str, Any]] = []
    good: list[Rule] = []
    for row in rules:
        try:
            good.append(Rule.parse(row))
        except RuleError as error:
            found.append(
                {"rule": row["rule_name"], "severity": "error", "code": "INVALID",
                 "sentence": str(error), "other": None}
            )  # fmt: skip
    named = {account for rule in good for account in demands_of(rule.condition).accounts}
    own = {
        name: Policy.from_row(row)
        for account in sorted(named)
        for name, row in store.rpc("autonomy_account_policies", p_account=account).items()
    }
    ruled_by = Policy.from_row(policy)
    active = [rule for rule in good if rule.is_active]
    said = lint(active, ruled_by, own)
    for rule in good:
        if not rule.is_active:
            candidate = rule.model_copy(update={"is_active": True})
            beside = lint([*active, candidate], ruled_by, own)
            said += [one for one in beside if candidate.rule_name in (one.rule, one.other)]
    return found + [one.to_row() for one in said]


def findings_of(store: Store, draft: Json, rule_id: str | None, policy: Json) -> list[Json]:
    """What lint says of a rule as it is being written, as if it were active."""
    rows: list[Json] = list(store.rpc("dashboard_rules"))
    known: Json = next((row for row in rows if row["id"] == rule_id), {})
    candidate = {"id": str(uuid4()), "priority": 50, **known, **draft, "is_active": True}
    others = [row for row in rows if row["id"] != rule_id and row["is_active"]]
    found = findings(store, [*others, candidate], policy)
    name = str(candidate["rule_name"])
    return [one for one in found if name in (one["rule"], one["other"])]

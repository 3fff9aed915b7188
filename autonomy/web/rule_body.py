"""A rule as callers send it: its keys, their types, and what lint finds; for pages and API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from autonomy.engine.lint import lint
from autonomy.engine.policy import Policy
from autonomy.errors import BadRequest, RuleError
from autonomy.rules.language import Action, Condition, Rule, RuleType
from autonomy.run.sent import LEFT_OUT, Change, Read, Text
from autonomy.store import Json
from autonomy.web.parsing import is_number

LARGEST_PRIORITY = 1_000_000
OBJECT = Read("it must be an object", test=lambda value: isinstance(value, dict))
Name = Annotated[Text, Field(max_length=200, json_schema_extra={"minLength": 1})]
Type = Annotated[Text, Field(json_schema_extra={"enum": list(get_args(RuleType))})]
When = Annotated[Condition, OBJECT, Field(description="when to look at a campaign")]
What = Annotated[Action, OBJECT, Field(description="what to do then")]
PRIORITY = Read(
    f"a whole number up to {LARGEST_PRIORITY:,}",
    test=lambda value: is_number(value) and value % 1 == 0 and abs(value) <= LARGEST_PRIORITY,
    read=int,  # 50.0 is a whole number in JSON
    type="integer",
    minimum=-LARGEST_PRIORITY,
    maximum=LARGEST_PRIORITY,
)
Priority = Annotated[int, PRIORITY, Field(description="the highest decides first")]


class RuleChange(Change):
    """The keys of a rule that are to change. What they may say the language decides."""

    rule_name: Name = LEFT_OUT
    rule_type: Type = LEFT_OUT
    condition: When = LEFT_OUT
    action: What = LEFT_OUT
    priority: Priority = LEFT_OUT
    is_active: bool = Field(default=LEFT_OUT, description="whether runs follow it")


class NewRule(RuleChange):
    """A rule."""

    rule_name: Name
    rule_type: Type
    condition: When
    action: What


RULE_KEYS = tuple(RuleChange.model_fields)


def check_rule(rule: Mapping[str, Any]) -> None:
    """Raise BadRequest with the sentence of the engine; the database says the same at the end."""
    try:
        Rule.parse(plain_rule(rule))
    except RuleError as error:
        raise BadRequest(str(error), hint="Nothing has been changed.") from error


def plain_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule without what lists add to it."""
    return {key: rule[key] for key in ("id", *RULE_KEYS) if key in rule}


def findings(rules: list[Json], policy: Json) -> list[dict[str, Any]]:
    """Lint over all rules, bad ones among them; one dictionary a finding."""
    found: list[dict[str, Any]] = []
    good: list[Rule] = []
    for row in rules:
        try:
            good.append(Rule.parse(plain_rule(row)))
        except RuleError as error:
            found.append(
                {"rule": row["rule_name"], "severity": "error", "code": "INVALID",
                 "sentence": str(error), "other": None}
            )  # fmt: skip
    return found + [one.to_row() for one in lint(good, Policy.from_row(policy))]

"""A rule as callers send it: its keys, their types, and what lint finds; for pages and API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.engine.lint import lint
from autonomy.engine.policy import Policy
from autonomy.errors import BadRequest, RuleError
from autonomy.rules.language import Rule
from autonomy.store import Json
from autonomy.web.parsing import text_argument

RULE_KEYS = ("rule_name", "rule_type", "condition", "action", "priority", "is_active")
LARGEST_PRIORITY = 1_000_000


def check_rule(rule: Mapping[str, Any]) -> None:
    """Raise BadRequest with the sentence of the engine; the database says the same at the end."""
    try:
        Rule.parse(plain_rule(rule))
    except RuleError as error:
        raise BadRequest(str(error), hint="Nothing has been changed.") from error


def plain_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The rule without what lists add to it."""
    return {key: rule[key] for key in ("id", *RULE_KEYS) if key in rule}


def rule_of_json(body: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    """The rule in an API body. Raises BadRequest naming the key that is wrong."""
    for key in body:
        if key not in RULE_KEYS:
            raise BadRequest(f"{key[:60]}: unknown field.", hint=f"Fields: {', '.join(RULE_KEYS)}.")
    needed = () if partial else ("rule_name", "rule_type", "condition", "action")
    for key in needed:
        if key not in body:
            raise BadRequest(f"{key}: it is missing.")
    rule = dict(body)
    if isinstance(rule.get("priority"), float) and rule["priority"].is_integer():
        rule["priority"] = int(rule["priority"])  # 50.0 is a whole number in JSON
    check_types(rule)
    return rule


def check_types(body: Mapping[str, Any]) -> None:
    """Raises BadRequest naming the key whose type is wrong."""
    wanted: dict[str, tuple[type, str]] = {
        "rule_name": (str, "a text"),
        "rule_type": (str, "a text"),
        "condition": (dict, "an object"),
        "action": (dict, "an object"),
        "is_active": (bool, "true or false"),
    }
    for key, (kind, words) in wanted.items():
        if key in body and not isinstance(body[key], kind):
            raise BadRequest(f"{key}: it must be {words}.")
    if "rule_name" in body:
        text_argument(body["rule_name"], "rule_name", 200)
    if "priority" in body:
        _check_priority(body["priority"])


def _check_priority(value: object) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not -LARGEST_PRIORITY <= value <= LARGEST_PRIORITY:  # type: ignore[operator]
        raise BadRequest(f"priority: a whole number up to {LARGEST_PRIORITY:,}.")


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

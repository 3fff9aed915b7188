"""A rule as JSON Schema: its models, and which of their keys go together.

The validators of autonomy/rules/language.py decide; this says the same to editors and to callers
of the API before they send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from autonomy.rules.language import (
    ACTIONS_OF,
    BRANCHES,
    MINIMUMS,
    SCOPES,
    Operator,
    Rule,
)


def rule_schema() -> dict[str, Any]:
    """The JSON Schema of a rule, for editors and the dashboard; the models are its source."""
    schema = Rule.model_json_schema()
    filters = (*SCOPES, *MINIMUMS)
    schema["$defs"]["Condition"] |= condition_forms(get_args(Operator), BRANCHES, filters)
    schema["$defs"]["BudgetAdjusted"] |= budget_forms()
    schema |= rule_forms(ACTIONS_OF)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    tidy: dict[str, Any] = _without_nulls(schema)
    return tidy


def _with(*names: str, without: Sequence[str] = ()) -> dict[str, Any]:
    """An object that has these keys, and none of those."""
    schema: dict[str, Any] = {"required": list(names)}
    if without:
        schema["not"] = {"anyOf": [{"required": [name]} for name in without]}
    return schema


def condition_forms(
    operators: Sequence[str], branches: Sequence[str], filters: Sequence[str]
) -> dict[str, Any]:
    """One comparison, one branch, or nothing but filters."""
    plain = {"enum": [operator for operator in operators if operator != "between"]}
    number = {"operator": plain, "threshold": {"type": "number"}}
    bounds = {"operator": {"const": "between"}, "threshold": {"type": "array"}}
    return {
        "oneOf": [
            _with("metric", "operator", "threshold", without=("than",)) | {"properties": number},
            _with("metric", "operator", "threshold", without=("than",)) | {"properties": bounds},
            _with("metric", "operator", "than", without=("threshold",))
            | {"properties": {"operator": plain}},
            *(_with(branch, without=("window",)) for branch in branches),
            _with(without=("metric", *branches)) | {"anyOf": [_with(name) for name in filters]},
        ],
        "dependentRequired": {name: ["metric"] for name in ("operator", "threshold", "than")},
    }


def budget_forms() -> dict[str, Any]:
    """A budget, or the curve."""
    return {
        "oneOf": [
            _with("budget", without=("by", "max_budget", "min_budget")),
            _with("by", without=("budget",)),
        ]
    }


def rule_forms(actions_of: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The actions that a rule of each type may have."""
    return {
        "allOf": [
            {
                "if": _with("rule_type") | {"properties": {"rule_type": {"const": rule_type}}},
                "then": {"properties": {"action": {"properties": {"type": {"enum": [*actions]}}}}},
            }
            for rule_type, actions in actions_of.items()
        ]
    }


def _without_nulls(node: object) -> Any:
    """Leaves out what pydantic says of None: a key is left out, never null."""
    if isinstance(node, list):
        return [_without_nulls(member) for member in node]
    if not isinstance(node, dict):
        return node
    kept = {k: _without_nulls(v) for k, v in node.items() if not (k == "default" and v is None)}
    options = [one for one in kept.get("anyOf", []) if one != {"type": "null"}]
    if "anyOf" in kept and len(options) == 1:
        del kept["anyOf"]
        kept |= options[0]
    elif "anyOf" in kept:
        kept["anyOf"] = options
    return kept

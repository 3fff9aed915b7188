"""Which keys of a rule go together, as JSON Schema.

The validators of autonomy/rules/language.py decide; this says the same to editors and to callers
of the API before they send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


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
    """A budget, or a step."""
    return {
        "oneOf": [
            _with("budget", without=("by", "step", "max_budget", "min_budget")),
            _with("by", "step", without=("budget",)),
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

"""pydantic's findings as one sentence with a path: `action.multiplier: 0.5 is not above 1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

ACTION_TYPES = ("auto_pause", "auto_scale_up", "auto_scale_down", "budget_adjusted")
KEYS = (
    "metric", "window", "operator", "threshold", "than", "times", "all", "any", "not",
    "min_spend", "min_conversions", "min_clicks", "min_impressions", "min_duration_hours",
    "account", "title_contains", "type", "multiplier", "max_budget", "min_budget", "budget",
    "by", "step", "min_confidence", "cooldown_hours", "break_even_roi", "requires_approval",
    "notify", "rule_name", "rule_type", "condition", "action", "priority", "is_active",
)  # fmt: skip
WHAT_IT_IS = {"operator": "an operator", "metric": "a metric", "window": "a window"}
BOUNDS = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
}
SHAPES = {
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
}
SAID = {
    "missing": "it is missing",
    "union_tag_not_found": "it is missing; use one of " + " ".join(ACTION_TYPES),
    "too_short": "it is empty; give at least one member",
    "too_long": "it has more than 50 members",
    "string_too_short": "it is empty",
}


def sentence_for(error: Mapping[str, Any]) -> str:
    """One finding of pydantic, as `path: what is wrong`."""
    context: Mapping[str, Any] = error.get("ctx") or {}
    loc = list(error["loc"])
    if error["type"] == "rule":
        loc += [context["key"]] if context["key"] else []
    if error["type"].startswith("union_tag"):
        loc.append("type")
    where = path_of(loc)
    what = _what(error, context, str(loc[-1]) if loc else "")
    return f"{where}: {what}" if where else what


def path_of(loc: Sequence[int | str]) -> str:
    """('condition', 'all', 1, 'operator') -> condition.all[1].operator"""
    path = ""
    for at, step in enumerate(loc):
        if isinstance(step, int):
            path += f"[{step}]"
        elif not (step in ACTION_TYPES and at and loc[at - 1] == "action"):
            path += f".{step}" if path else step
    return path


def _what(error: Mapping[str, Any], context: Mapping[str, Any], key: str) -> str:
    kind, given = error["type"], error.get("input")
    if kind == "literal_error":
        return _not_one_of(given, key, str(context["expected"]))
    if kind == "union_tag_invalid":
        return f"{context['tag']!r} is not an action; use one of " + " ".join(ACTION_TYPES)
    if kind == "extra_forbidden":
        return "there is no such key" + _near(key)
    if kind in BOUNDS:
        plain = int(given) if isinstance(given, float) and given.is_integer() else given
        return f"{plain} is not {BOUNDS[kind].format(**context)}"
    if kind in SHAPES:
        return f"{shown(given)} is not {SHAPES[kind]}"
    return SAID.get(kind, str(context["message"] if kind == "rule" else error["msg"]))


def _near(key: str) -> str:
    """The known key that was probably meant."""
    near = get_close_matches(key, KEYS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _not_one_of(given: object, key: str, expected: str) -> str:
    allowed = expected.replace("'", "").replace(" or ", ", ").split(", ")
    if key == "rule_type" and given == "create":
        return "no automatic action of type 'create' exists; use one of " + " ".join(allowed)
    what = WHAT_IT_IS.get(key, "allowed")
    return f"{shown(given)} is not {what}; use one of " + " ".join(allowed)


def shown(given: object) -> str:
    """What was given, short enough for a sentence."""
    text = repr(given)
    return text if len(text) <= 60 else text[:57] + "..."

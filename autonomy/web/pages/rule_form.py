"""A rule as a form and back: fields for the flat form of the guide, JSON for everything else.

What was typed goes on as it is, a number where it is one; what is wrong with it, the database says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autonomy.errors import BadRequest
from autonomy.web.parsing import parse_json, text_argument

FLAT_KEYS = (
    "metric", "window", "operator", "threshold",
    "min_spend", "min_conversions", "min_clicks", "min_impressions", "min_duration_hours",
    "account", "title_contains",
)  # fmt: skip
NUMBERS = (
    "min_spend",
    "min_conversions",
    "min_clicks",
    "min_impressions",
    "min_duration_hours",
)
ACTION_NUMBERS = (
    "multiplier", "max_budget", "min_budget", "budget",
    "min_confidence", "cooldown_hours", "break_even_roi",
)  # fmt: skip
LONGEST_TEXT = 1000
OWN_NUMBERS = {
    "auto_pause": (),
    "auto_scale_up": ("multiplier", "max_budget"),
    "auto_scale_down": ("multiplier", "min_budget"),
    "budget_adjusted": ("budget",),
    "curve": ("max_budget", "min_budget"),
}


def is_flat(rule: Mapping[str, Any]) -> bool:
    """Whether the fields can show this rule without loss."""
    condition = rule.get("condition")
    if not isinstance(condition, Mapping) or not isinstance(rule.get("action"), Mapping):
        return False
    return "metric" in condition and set(condition) <= set(FLAT_KEYS)


def rule_of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """The rule in a form, as fields or as JSON. Raises BadRequest for what is no text or JSON."""
    rule: dict[str, Any] = {
        "rule_name": _text(form, "rule_name"),
        "rule_type": _text(form, "rule_type"),
        "priority": _number(form, "priority"),
    }
    if form.get("mode") == "json":
        rule["condition"] = _json(form, "condition")
        rule["action"] = _json(form, "action")
    else:
        rule["condition"] = _condition(form)
        rule["action"] = _action(form)
    return rule


def fields_of_rule(rule: Mapping[str, Any]) -> dict[str, str]:
    """What the fields show for a rule; the same names as in the form."""
    condition = rule["condition"] if isinstance(rule["condition"], Mapping) else {}
    action = rule["action"] if isinstance(rule["action"], Mapping) else {}
    fields = {key: _shown(condition.get(key)) for key in FLAT_KEYS}
    threshold = condition.get("threshold")
    if isinstance(threshold, list) and len(threshold) == 2:
        fields["threshold"], fields["threshold_high"] = map(_shown, threshold)
    kind = action.get("type")
    fields["action_type"] = "curve" if action.get("by") else str(kind or "")
    fields |= {key: _shown(action.get(key)) for key in ACTION_NUMBERS}
    fields["requires_approval"] = "on" if action.get("requires_approval") is True else ""
    fields["silent"] = "on" if action.get("notify") is False else ""
    return {
        **fields,
        "rule_name": str(rule.get("rule_name") or ""),
        "rule_type": str(rule.get("rule_type") or "pause"),
        "priority": _shown(rule.get("priority", 50)),
        "condition": json.dumps(rule["condition"], indent=2, ensure_ascii=False),
        "action": json.dumps(rule["action"], indent=2, ensure_ascii=False),
    }


def _condition(form: Mapping[str, str]) -> dict[str, Any]:
    condition: dict[str, Any] = {
        "metric": _text(form, "metric"),
        "operator": _text(form, "operator"),
        "threshold": _number(form, "threshold"),
    }
    if condition["operator"] == "between":
        condition["threshold"] = [condition["threshold"], _number(form, "threshold_high")]
    if _text(form, "window") not in ("", "lifetime"):
        condition["window"] = _text(form, "window")
    for key in NUMBERS:
        if _text(form, key):
            condition[key] = _number(form, key)
    for key in ("account", "title_contains"):
        if _text(form, key):
            condition[key] = _text(form, key)
    return condition


def _action(form: Mapping[str, str]) -> dict[str, Any]:
    kind = _text(form, "action_type")
    action: dict[str, Any] = {"type": "budget_adjusted" if kind == "curve" else kind}
    if kind == "curve":
        action["by"] = "curve"
    own = OWN_NUMBERS.get(kind, ())
    for key in (*own, "min_confidence", "cooldown_hours", "break_even_roi"):
        if _text(form, key):
            action[key] = _number(form, key)
    if form.get("requires_approval") == "on":
        action["requires_approval"] = True
    if form.get("silent") == "on":
        action["notify"] = False
    return action


def _json(form: Mapping[str, str], name: str) -> Any:
    try:
        return parse_json(form.get(name, ""))
    except BadRequest as error:
        sentence = error.message.replace("body:", f"{name}:", 1)
        raise BadRequest(sentence, place=name) from error


def _number(form: Mapping[str, str], name: str) -> int | float | str:
    """The number that was typed; else the text, which the database refuses by name."""
    text = _text(form, name)
    try:
        value = float(text)
    except ValueError:
        return text
    if not -1e15 <= value <= 1e15:  # NaN fails this, too
        return text
    return int(value) if value.is_integer() else value


def _text(form: Mapping[str, str], name: str) -> str:
    try:
        return text_argument(form.get(name, "").strip(), name, LONGEST_TEXT)
    except BadRequest as error:
        raise BadRequest(error.message, place=name) from error


def _shown(value: Any) -> str:
    if value is None or isinstance(value, list | dict):
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value)

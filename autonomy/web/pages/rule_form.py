"""A rule as a form and back, or as JSON; both say the same of every rule.

What was typed goes on as it is, a number where it is one; what is wrong with it, the database says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autonomy.errors import BadRequest
from autonomy.rules.language import too_deep
from autonomy.web.pages.condition_form import (
    FIELD,
    changed,
    condition_of_part,
    fields_of_part,
    number_of,
    part_of_condition,
    part_of_form,
    shown,
    text_of,
)
from autonomy.web.parsing import parse_json

ACTION_NUMBERS = (
    "multiplier", "max_budget", "min_budget", "budget",
    "min_confidence", "cooldown_hours", "break_even_roi",
)  # fmt: skip
OWN_NUMBERS = {
    "auto_pause": (),
    "auto_scale_up": ("multiplier", "max_budget"),
    "auto_scale_down": ("multiplier", "min_budget"),
    "budget_adjusted": ("budget",),
    "curve": ("max_budget", "min_budget"),
}
SAID_BY_SILENCE = {"requires_approval": False, "notify": True}
OTHER_MODE = {"json": "form", "form": "json"}


def fits_form(rule: Mapping[str, Any]) -> bool:
    """Whether the fields say all that a rule says, and nothing else."""
    condition, action = rule.get("condition"), rule.get("action")
    if not isinstance(condition, Mapping) or not isinstance(action, Mapping):
        return False
    try:
        read = rule_of_form(fields_of_rule(rule) | {"mode": "form"})
    except (BadRequest, RecursionError):
        return False
    said = {
        key: value
        for key, value in action.items()
        if key not in SAID_BY_SILENCE or value is not SAID_BY_SILENCE[key]
    }
    return bool(read["condition"] == condition and read["action"] == said)


def rule_of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """The rule in a form, as fields or as JSON. Raises BadRequest for what is no text or JSON."""
    rule: dict[str, Any] = {
        "rule_name": text_of(form, "rule_name"),
        "rule_type": text_of(form, "rule_type"),
        "priority": number_of(form, "priority"),
    }
    if form.get("mode") == "json":
        rule["condition"] = _json(form, "condition")
        rule["action"] = _json(form, "action")
    else:
        rule["condition"] = condition_of_part(part_of_form(form))
        rule["action"] = _action(form)
    return rule


def fields_of_rule(rule: Mapping[str, Any]) -> dict[str, str]:
    """What the fields show for a rule; the same names as in the form."""
    action = rule["action"] if isinstance(rule["action"], Mapping) else {}
    kind = action.get("type")
    deep = too_deep(rule["condition"])
    fields = fields_of_part(part_of_condition({} if deep else rule["condition"]))
    fields["action_type"] = "curve" if action.get("by") else str(kind or "")
    fields |= {key: shown(action.get(key)) for key in ACTION_NUMBERS}
    fields["requires_approval"] = "on" if action.get("requires_approval") is True else ""
    fields["silent"] = "on" if action.get("notify") is False else ""
    return {
        **fields,
        "rule_name": str(rule.get("rule_name") or ""),
        "rule_type": str(rule.get("rule_type") or "pause"),
        "priority": shown(rule.get("priority", 50)),
        "condition": json.dumps(rule["condition"], indent=2, ensure_ascii=False),
        "action": json.dumps(rule["action"], indent=2, ensure_ascii=False),
    }


def after_button(form: Mapping[str, str]) -> dict[str, str]:
    """The fields after a button that saves nothing: a condition added or removed, or the other way
    to write it. Raises BadRequest: no such button, or the form cannot show what the JSON says."""
    wish = form.get("do", "")
    fields = {key: value for key, value in form.items() if key != "do"}
    if wish in OTHER_MODE:
        rule = rule_of_form(fields)
        if wish == "form" and not fits_form(rule):
            raise BadRequest(
                "A form cannot show this.",
                hint="Its condition or action is not what a rule may say, or a text has blanks "
                "around it.",
            )
        return {**fields, **fields_of_rule(rule), "mode": wish}
    others = {key: value for key, value in fields.items() if not FIELD.fullmatch(key)}
    return others | fields_of_part(changed(part_of_form(fields), wish))


def _action(form: Mapping[str, str]) -> dict[str, Any]:
    kind = text_of(form, "action_type")
    action: dict[str, Any] = {"type": "budget_adjusted" if kind == "curve" else kind}
    if kind == "curve":
        action["by"] = "curve"
    own = OWN_NUMBERS.get(kind, ())
    for key in (*own, "min_confidence", "cooldown_hours", "break_even_roi"):
        if text_of(form, key):
            action[key] = number_of(form, key)
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

"""Rules as sentences: what a condition and an action say, for people who do not read JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.text import count, decimal, money

METRICS = {
    "roi": "ROI",
    "ctr": "CTR",
    "conversion_rate": "conversion rate",
    "cpa": "cost per conversion",
    "cpc": "cost per click",
    "aov": "average order value",
    "spend": "spend",
    "revenue": "revenue",
    "profit": "profit",
    "impressions": "impressions",
    "clicks": "clicks",
    "conversions": "conversions",
    "budget": "daily budget",
    "hours_running": "hours running",
    "frequency": "frequency",
}
OPERATORS = {
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "=": "is",
    "!=": "is not",
    "between": "is between",
}
MINIMUMS = {
    "min_spend": ("spend", money),
    "min_conversions": ("conversions", count),
    "min_clicks": ("clicks", count),
    "min_impressions": ("impressions", count),
    "min_duration_hours": ("hours running", decimal),
}
PERCENTAGES = ("ctr", "conversion_rate")
MONEY = ("cpa", "cpc", "aov", "spend", "revenue", "profit", "budget")


def condition_in_words(condition: object) -> str:
    """A condition as one sentence without a full stop. Never raises: a bad rule is shown, too."""
    text = _condition(condition, 0)
    return text[:1].upper() + text[1:]


def action_in_words(action: object) -> str:
    """An action as one sentence without a full stop."""
    if not isinstance(action, Mapping):
        return "Not an action"
    return _main_action(action) + "".join(_extras(action))


def _condition(condition: object, depth: int) -> str:
    if not isinstance(condition, Mapping) or depth > 8:
        return "not a condition"
    parts = [_form(condition, depth)]
    for key, (name, show) in MINIMUMS.items():
        if key in condition:
            parts.append(f"at least {show(condition[key])} {name}")
    if "account" in condition:
        parts.append(f"the account is \u201c{condition['account']}\u201d")
    if "title_contains" in condition:
        parts.append(f"the title contains \u201c{condition['title_contains']}\u201d")
    return " and ".join(part for part in parts if part) or "always"


def _form(condition: Mapping[str, Any], depth: int) -> str:
    if "metric" in condition:
        return _comparison(condition)
    for key, joint in (("all", " and "), ("any", " or ")):
        members = condition.get(key)
        if isinstance(members, list):
            inner = joint.join(_condition(member, depth + 1) for member in members)
            return f"({inner})" if depth or len(condition) > 1 else inner
    if "not" in condition:
        return f"not ({_condition(condition['not'], depth + 1)})"
    return ""


def _comparison(condition: Mapping[str, Any]) -> str:
    metric = str(condition.get("metric"))
    subject = f"{METRICS.get(metric, metric)}{_window(condition.get('window'))}"
    relation = OPERATORS.get(str(condition.get("operator")), str(condition.get("operator")))
    return f"{subject} {relation} {_target(metric, condition)}"


def _target(metric: str, condition: Mapping[str, Any]) -> str:
    than = condition.get("than")
    if isinstance(than, Mapping):
        other = str(than.get("metric"))
        times = than.get("times", 1)
        factor = "" if times == 1 else f"{decimal(times)} times "
        return f"{factor}the {METRICS.get(other, other)}{_window(than.get('window'))}"
    threshold = condition.get("threshold")
    if isinstance(threshold, list | tuple):
        return " and ".join(_amount(metric, bound) for bound in threshold)
    return _amount(metric, threshold)


def _amount(metric: str, value: object) -> str:
    if metric == "roi":
        return f"{decimal(value)}x"
    if metric in PERCENTAGES:
        return f"{decimal(value)}%"
    return money(value) if metric in MONEY else decimal(value)


def _window(window: object) -> str:
    text = str(window or "lifetime")
    if text == "lifetime":
        return ""
    days = text.removeprefix("prior_").removesuffix("d")
    span = "day" if days == "1" else f"{days} days"
    return f" in the {span} before" if text.startswith("prior_") else f" in the last {span}"


def _main_action(action: Mapping[str, Any]) -> str:
    kind = action.get("type")
    if kind == "auto_pause":
        return "Pause the campaign"
    if kind == "auto_scale_up":
        cap = money(action.get("max_budget"))
        return f"Multiply the budget by {decimal(action.get('multiplier'))}, up to {cap}"
    if kind == "auto_scale_down":
        floor = action.get("min_budget")
        least = f", down to {money(floor)}" if floor is not None else ""
        return f"Multiply the budget by {decimal(action.get('multiplier'))}{least}"
    if kind == "budget_adjusted" and action.get("by") == "marginal_return":
        step = decimal(_times_hundred(action.get("step")))
        return f"Move the budget {step}% to where the added money earns its keep"
    if kind == "budget_adjusted":
        return f"Set the budget to {money(action.get('budget'))}"
    return f"{kind}"


def _extras(action: Mapping[str, Any]) -> list[str]:
    parts = []
    if "min_confidence" in action:
        parts.append(f"; only at {decimal(action['min_confidence'])}% confidence or more")
    if "cooldown_hours" in action:
        parts.append(f"; then wait {decimal(action['cooldown_hours'])} hours")
    if "break_even_roi" in action:
        parts.append(f"; break-even is {decimal(action['break_even_roi'])}x")
    if action.get("requires_approval") is True:
        parts.append("; a person approves")
    if action.get("notify") is False:
        parts.append("; without a notification")
    return parts


def _times_hundred(value: object) -> object:
    return value * 100 if isinstance(value, int | float) and not isinstance(value, bool) else value

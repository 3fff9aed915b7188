"""Rules as sentences: what a condition and an action say, for people who do not read JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.errors import RuleError
from autonomy.rules.language import Condition
from autonomy.rules.tree import All, AnyOf, Comparison, Minimum, Node, Not, Other, Scope
from autonomy.text import decimal, money

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
PERCENTAGES = ("ctr", "conversion_rate")
MONEY = ("cpa", "cpc", "aov", "spend", "revenue", "profit", "budget")


def condition_in_words(condition: object) -> str:
    """A condition as one sentence without a full stop. Never raises: a bad rule is shown, too."""
    try:
        text = _said(Condition.parse(condition).tree, "")
    except RuleError:
        return "Not a condition"
    return text[:1].upper() + text[1:]


def action_in_words(action: object) -> str:
    """An action as one sentence without a full stop."""
    if not isinstance(action, Mapping):
        return "Not an action"
    return _main_action(action) + "".join(_extras(action))


def rule_in_words(rule: Mapping[str, Any]) -> str:
    """A whole rule as one sentence."""
    when = _lowered(condition_in_words(rule.get("condition")))
    then = _lowered(action_in_words(rule.get("action")))
    return f"When {when}: {then}."


def _lowered(text: str) -> str:
    """As it stands within a sentence: ROI and CTR stay as they are."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def _said(node: Node, around: str) -> str:
    """`around`: the word that joins it to its neighbours; another one inside is put in brackets."""
    match node:
        case All(members=members) | AnyOf(members=members):
            word = " and " if isinstance(node, All) else " or "
            inner = word.join(_said(member, word) for member in members)
            return f"({inner})" if around not in ("", word) else inner
        case Not(member=member):
            return f"not ({_said(member, '')})"
        case Scope(key="account", text=text):
            return f"the account is \u201c{text}\u201d"
        case Scope(text=text):
            return f"the title contains \u201c{text}\u201d"
        case Minimum(metric=metric, window=window, target=least):
            return f"at least {_amount(metric, least)} {METRICS[metric]}{_window(window)}"
        case Comparison(metric=metric, window=window, operator=operator):
            relation = f"{METRICS[metric]}{_window(window)} {OPERATORS[operator]}"
            return f"{relation} {_target(metric, node.target)}"


def _target(metric: str, target: float | tuple[float, float] | Other) -> str:
    if isinstance(target, Other):
        factor = "" if target.times == 1 else f"{decimal(target.times)} times "
        return f"{factor}the {METRICS[target.metric]}{_window(target.window)}"
    if isinstance(target, tuple):
        return " and ".join(_amount(metric, bound) for bound in target)
    return _amount(metric, target)


def _amount(metric: str, value: object) -> str:
    if metric == "roi":
        return f"{decimal(value)}x"
    if metric in PERCENTAGES:
        return f"{decimal(value)}%"
    return money(value) if metric in MONEY else decimal(value)


def _window(window: str) -> str:
    if window == "lifetime":
        return ""
    days = window.removeprefix("prior_").removesuffix("d")
    span = "day" if days == "1" else f"{days} days"
    return f" in the {span} before" if window.startswith("prior_") else f" in the last {span}"


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
    if kind == "budget_adjusted" and action.get("by") == "curve":
        return "Move the budget towards where the next money still earns its keep" + _within(action)
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


def _within(action: Mapping[str, Any]) -> str:
    """The bounds of a budget that moves by itself."""
    low, high = action.get("min_budget"), action.get("max_budget")
    down = "" if low is None else f", down to {money(low)}"
    return down + ("" if high is None else f", up to {money(high)}")

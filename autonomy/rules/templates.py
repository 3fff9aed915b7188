"""Rules to start from. They live here and on the dashboard, not as rows: the guide counts four.

Each is a whole rule that a person copies, names and tunes; a new rule starts inactive.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from autonomy.rules.language import Rule


class Template(NamedTuple):
    """A rule, when it is of use, and what to adjust in it."""

    key: str
    title: str
    why: str
    adjust: str
    row: dict[str, Any]

    def rule(self, **changes: Any) -> Rule:
        """The rule, with `changes` to its row. Raises RuleError."""
        return Rule.parse(self.row | changes)


def _row(
    name: str, rule_type: str, priority: int, condition: dict[str, Any], action: dict[str, Any]
) -> dict[str, Any]:
    return {
        "rule_name": name,
        "rule_type": rule_type,
        "condition": condition,
        "action": action,
        "priority": priority,
        "is_active": False,
    }


TEMPLATES: tuple[Template, ...] = (
    Template(
        "curve",
        "Budget optimisation by the curve",
        "Moves each budget towards where the next unit of money just earns its keep, by the "
        "campaign's own returns: at most 30 % a day, and nothing under 5 %. It needs no "
        "threshold, and pauses only what loses money with 95 % even at the smallest budget.",
        "max_budget and min_budget: how far it may go",
        _row(
            "Budget Optimisation", "optimize", 70,
            {"metric": "spend", "operator": ">", "threshold": 0, "min_duration_hours": 24},
            {"type": "budget_adjusted", "by": "curve", "max_budget": 10000}),
    ),
    Template(
        "ctr_drop_pause",
        "Pause when the click rate has dropped",
        "The click rate of the last 7 days is under 70 % of the 7 days before: the creative is "
        "worn out. It pauses only where the campaign probably loses money as well.",
        "times: how far it may drop; min_impressions: how many views make a rate",
        _row(
            "CTR Drop Pause", "pause", 75,
            {"metric": "ctr", "window": "7d", "operator": "<",
             "than": {"metric": "ctr", "window": "prior_7d", "times": 0.7},
             "min_impressions": 5000, "min_spend": 50},
            {"type": "auto_pause"}),
    ),
    Template(
        "scale_down_weak",
        "Lower the budget of the weak",
        "A campaign that earns money, but whose last part of budget probably does not: less "
        "budget instead of a pause.",
        "multiplier and min_budget: how far it goes down",
        _row(
            "Weak Scale Down", "scale", 72,
            {"metric": "roi", "window": "14d", "operator": "between", "threshold": [1.0, 1.6],
             "min_spend": 100},
            {"type": "auto_scale_down", "multiplier": 0.8, "min_budget": 10, "min_confidence": 70}),
    ),
    Template(
        "cpa_target",
        "Pause what misses the CPA target",
        "The cost of a conversion over 14 days is above the target.",
        "threshold: your target; min_conversions: how many make a price",
        _row(
            "CPA Target Pause", "pause", 78,
            {"metric": "cpa", "window": "14d", "operator": ">", "threshold": 60,
             "min_conversions": 5},
            {"type": "auto_pause"}),
    ),
    Template(
        "spend_without_conversions",
        "Pause spend without conversions",
        "Money goes out and not one conversion comes in. At three times the usual cost of a "
        "conversion, chance alone does that to a campaign at break-even 5 times in 100.",
        "min_spend: three times your usual cost of a conversion",
        _row(
            "Spend Without Conversions", "pause", 95,
            {"metric": "conversions", "operator": "=", "threshold": 0, "min_spend": 150,
             "min_duration_hours": 48},
            {"type": "auto_pause", "min_confidence": 80}),
    ),
    Template(
        "recent_winner",
        "Raise the recent winners, with approval",
        "A campaign that does well over 7 days and at least as well as over 30: a step up that a "
        "person approves.",
        "threshold and max_budget",
        _row(
            "Recent Winner Scale", "scale", 76,
            {"all": [
                {"metric": "roi", "window": "7d", "operator": ">=", "threshold": 2.5,
                 "min_conversions": 15},
                {"metric": "roi", "window": "7d", "operator": ">=",
                 "than": {"metric": "roi", "window": "30d"}}]},
            {"type": "auto_scale_up", "multiplier": 1.2, "max_budget": 5000,
             "requires_approval": True}),
    ),
    Template(
        "frequency_cap",
        "Lower the budget where the audience is tired",
        "The same people have seen it more than six times in 7 days, and it returns less than "
        "over the month.",
        "threshold: views a person; times: how much less it returns",
        _row(
            "Tired Audience Scale Down", "scale", 68,
            {"all": [
                {"metric": "frequency", "window": "7d", "operator": ">", "threshold": 6},
                {"metric": "roi", "window": "7d", "operator": "<",
                 "than": {"metric": "roi", "window": "30d", "times": 0.8}}]},
            {"type": "auto_scale_down", "multiplier": 0.7, "min_budget": 10}),
    ),
    Template(
        "brand_left_alone",
        "Pause losers, but never brand campaigns",
        "The guide's pause with an exception by name.",
        "title_contains: what marks the campaigns to leave alone",
        _row(
            "Low ROI Pause Except Brand", "pause", 88,
            {"all": [
                {"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100},
                {"not": {"title_contains": "brand"}}]},
            {"type": "auto_pause"}),
    ),
)  # fmt: skip

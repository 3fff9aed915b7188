"""A rule made ready under a policy: its thresholds of roi, floor and exact amounts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import isnan
from typing import NamedTuple

from autonomy.engine.candidate import PausedAction
from autonomy.engine.curve import Curve, curve_of
from autonomy.engine.policy import Policy
from autonomy.engine.sizing import times
from autonomy.rules.language import (
    AutoPause,
    AutoScaleDown,
    AutoScaleUp,
    BudgetAdjusted,
    Condition,
    Rule,
)
from autonomy.rules.tree import OF_THE_CAMPAIGN, Node, cpa_target, reads

OPTIMISED_AFTER_HOURS = 24.0  # a budget that follows its curve moves once a day


def exact(number: float | None) -> Decimal | None:
    """The decimal that was written in the rule."""
    return None if number is None else Decimal(repr(number))


class Thresholds(NamedTuple):
    """Rois (multiples: revenue over spend), which the campaign's true roi is compared with.

    The confidence is the probability that it lies on the side that the action needs.

        break_even           from here on the money spent earns itself back; the rule's, else the
                             campaign's, else the policy's
        asked                what the next unit of budget has to return: break_even, or where its
                             account's total makes money scarce the price of that, if it is higher
        marginal_break_even  from here on the next unit of budget returns that: `asked` by how much
                             more the average unit returns. A budget is lowered below it
        pause_below          a campaign is paused below it: break_even, or the higher threshold of a
                             rule of one comparison, `roi <`
        scale_above          a budget is raised above it: marginal_break_even, or the lower
                             threshold of a rule of one comparison, `roi >`; where money is
                             scarce no lower than what it is worth elsewhere
    """

    break_even: float
    asked: float
    marginal_break_even: float
    pause_below: float
    scale_above: float


class Plan:
    """A rule made ready under a policy: its thresholds, floor and exact amounts.

    `thresholds` are those of campaigns at their reference budget without a break-even of their own.

    A rule that speaks of `cpa` is judged by that: they are multiples of what its target pays for,
    break-even is 1 whatever the policy or the action says, and a raise takes the rule at its word.
    `beside_curve`: another active rule lets budgets follow their curves, and would take back what
    a raise adds beyond that.
    """

    __slots__ = (
        "action",
        "action_type",
        "beside_curve",
        "break_even",
        "budget",
        "cooldown",
        "cpa",
        "down",
        "floor",
        "kind",
        "max_budget",
        "min_budget",
        "rule",
        "thresholds",
        "up",
        "usual",
        "window",
    )

    def __init__(self, rule: Rule, policy: Policy, *, beside_curve: bool = False) -> None:
        action = rule.action
        self.rule = rule
        self.beside_curve = beside_curve
        self.action = action
        self.action_type: str = action.type
        self.kind = kind_of(rule)
        own = action.cooldown_hours
        cooldown = policy.cooldown_hours if own is None else own
        if self.kind == "curve":
            cooldown = max(cooldown, OPTIMISED_AFTER_HOURS)
        self.cooldown = timedelta(hours=cooldown)
        general = policy.floor(is_pause=self.kind == "pause")
        self.floor = general if action.min_confidence is None else action.min_confidence
        self.window = window_read(rule.condition.tree)
        self.cpa = cpa_target(rule.condition.tree)
        stated = action.break_even_roi
        self.usual = policy.break_even_roi
        self.break_even = policy.break_even_roi if stated is None else stated
        self.thresholds = self.held_against(float("nan"), curve_of(None, None, policy.curvature))
        self._amounts(policy)

    @property
    def name(self) -> str:
        return self.rule.rule_name

    @property
    def rule_id(self) -> str | None:
        return self.rule.id or None

    @property
    def requires_approval(self) -> bool:
        return self.action.requires_approval

    def held_against(self, target_roi: float, curve: Curve, price: float = 1.0) -> Thresholds:
        """Those of a campaign; `target_roi` is its own break-even, NaN where it has none, `price`
        the multiple of break-even that the next unit of budget has to return in its account.

        A rule that states its own roi is taken at its word.
        """
        if self.cpa is not None:
            asked = max(1.0, price)
            marginal = asked * curve.steep
            return Thresholds(1.0, asked, marginal, 1.0, marginal if price > 1.0 else 1.0)
        stated = isnan(target_roi) or self.action.break_even_roi is not None
        break_even = self.break_even if stated else target_roi
        asked = max(break_even, price * (self.usual if isnan(target_roi) else target_roi))
        marginal = asked * curve.steep
        pause_below, scale_above = break_even, break_even * curve.steep
        condition: Condition = self.rule.condition
        if condition.metric == "roi" and isinstance(condition.threshold, float):
            if condition.operator in ("<", "<="):
                pause_below = max(break_even, condition.threshold)
            elif condition.operator in (">", ">="):
                scale_above = min(scale_above, condition.threshold)
        if asked > break_even:
            scale_above = max(scale_above, marginal)
        return Thresholds(break_even, asked, marginal, pause_below, scale_above)

    def wanted(self, budget: Decimal, *, up: bool) -> Decimal:
        """What a raise or a cut of this budget asks for, before any cap."""
        return times(budget, self.up if up else self.down) if self.budget is None else self.budget

    def _amounts(self, policy: Policy) -> None:
        action = self.action
        self.up = self.down = Decimal(1)
        self.budget: Decimal | None = None
        highest = lowest = None
        if isinstance(action, AutoScaleUp):
            self.up, highest = Decimal(repr(action.multiplier)), exact(action.max_budget)
        elif isinstance(action, AutoScaleDown):
            self.down, lowest = Decimal(repr(action.multiplier)), exact(action.min_budget)
        elif isinstance(action, BudgetAdjusted):
            self.budget = exact(action.budget)
            highest, lowest = exact(action.max_budget), exact(action.min_budget)
        ceiling, ground = policy.max_budget, policy.min_budget
        self.max_budget = ceiling if highest is None else min(highest, ceiling)
        self.min_budget = ground if lowest is None else max(lowest, ground)


class Resume:
    """The plan that takes back a pause of ours; its rule is the one that paused.

    `pause_below` is the roi (a multiple) that the pause was judged by, `cpa` the cost of a
    conversion where it was judged by that.
    """

    __slots__ = (
        "action_type",
        "cooldown",
        "cpa",
        "floor",
        "kind",
        "name",
        "pause_below",
        "rule_id",
        "window",
    )

    def __init__(self, paused: PausedAction, policy: Policy) -> None:
        self.action_type = "auto_resume"
        self.kind = "resume"
        self.name = paused.rule_name
        self.rule_id = None if paused.rule_id is None else str(paused.rule_id)
        self.cooldown = timedelta(hours=policy.cooldown_hours)
        self.floor = 100.0 - policy.resume_confidence
        self.pause_below, self.cpa = paused.pause_below, paused.cpa
        self.window = "lifetime"

    @property
    def requires_approval(self) -> bool:
        return False


class Shrinking:
    """The plan that takes budgets down to what their account's total leaves; it has no rule.

    `price`: as in `held_against`. How likely the cut is right is told, and nothing waits for it.
    """

    __slots__ = (
        "action_type",
        "cooldown",
        "cpa",
        "floor",
        "kind",
        "name",
        "price",
        "rule_id",
        "window",
    )

    def __init__(self, price: float) -> None:
        self.action_type = "auto_scale_down"
        self.kind = "total"
        self.name = "Account total"
        self.rule_id: str | None = None
        self.cooldown = timedelta(0)
        self.cpa: float | None = None
        self.floor = 0.0
        self.price = price
        self.window = "lifetime"

    @property
    def requires_approval(self) -> bool:
        return False


def kind_of(rule: Rule) -> str:
    """pause, up, down, set (to a budget) or curve (towards where the next unit earns its keep)."""
    if isinstance(rule.action, AutoPause):
        return "pause"
    if isinstance(rule.action, BudgetAdjusted):
        return "set" if rule.action.by is None else "curve"
    return "up" if isinstance(rule.action, AutoScaleUp) else "down"


def window_read(condition: Node) -> str:
    """The window whose figures a condition reads, where that is one; else lifetime."""
    found = {window for metric, window in reads(condition) if metric not in OF_THE_CAMPAIGN}
    window = found.pop() if len(found) == 1 else "lifetime"
    return "lifetime" if window.startswith("prior") else window

"""A rule made ready under a policy: its thresholds of roi, floor and exact amounts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import isnan
from typing import NamedTuple

from autonomy.engine.candidate import PausedAction
from autonomy.engine.policy import Policy
from autonomy.rules.language import (
    AutoPause,
    AutoScaleDown,
    AutoScaleUp,
    BudgetAdjusted,
    Condition,
    Rule,
)
from autonomy.rules.tree import OF_THE_CAMPAIGN, Node, cpa_target, reads

STEP_UP_FROM, STEP_DOWN_UNTIL = 80.0, 20.0  # percent: marginal return acts beyond these only


def exact(number: float | None) -> Decimal | None:
    """The decimal that was written in the rule."""
    return None if number is None else Decimal(repr(number))


class Thresholds(NamedTuple):
    """Rois (multiples: revenue over spend), which the campaign's true roi is compared with.

    The confidence is the probability that it lies on the side that the action needs.

        break_even           from here on the money spent earns itself back; the rule's, else the
                             campaign's, else the policy's
        marginal_break_even  from here on the next unit of budget earns itself back too: break_even
                             over marginal_return_ratio. A budget is lowered below it; a step goes
                             up above it and down below it
        pause_below          a campaign is paused below it: break_even, or the higher threshold of a
                             rule of one comparison, `roi <`
        scale_above          a budget is raised above it: marginal_break_even, or the lower
                             threshold of a rule of one comparison, `roi >`
    """

    break_even: float
    marginal_break_even: float
    pause_below: float
    scale_above: float


class Plan:
    """A rule made ready under a policy: its thresholds, floor and exact amounts.

    `thresholds` are those of campaigns without a break-even of their own.

    A rule that speaks of `cpa` is judged by that: they are multiples of what its target pays for,
    break-even is 1 whatever the policy or the action says, and a raise takes the rule at its word.
    """

    __slots__ = (
        "action",
        "action_type",
        "budget",
        "cooldown",
        "cpa",
        "down",
        "floor",
        "kind",
        "marginal_return_ratio",
        "max_budget",
        "min_budget",
        "rule",
        "thresholds",
        "up",
        "window",
    )

    def __init__(self, rule: Rule, policy: Policy) -> None:
        action = rule.action
        self.rule = rule
        self.action = action
        self.action_type: str = action.type
        self.kind = kind_of(rule)
        self.cooldown = timedelta(
            hours=policy.cooldown_hours if action.cooldown_hours is None else action.cooldown_hours
        )
        general = policy.floor(is_pause=self.kind == "pause")
        floor = general if action.min_confidence is None else action.min_confidence
        self.floor = max(STEP_UP_FROM, floor) if self.kind == "step" else floor
        self.window = window_read(rule.condition.tree)
        self.cpa = cpa_target(rule.condition.tree)
        self.marginal_return_ratio = policy.marginal_return_ratio
        stated = action.break_even_roi
        self.thresholds = self._thresholds(policy.break_even_roi if stated is None else stated)
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

    def held_against(self, target_roi: float) -> Thresholds:
        """Those of a campaign; `target_roi` is its own break-even, NaN where it has none."""
        if isnan(target_roi) or self.cpa is not None or self.action.break_even_roi is not None:
            return self.thresholds
        return self._thresholds(target_roi)

    def _thresholds(self, break_even: float) -> Thresholds:
        """A rule that states its own roi is taken at its word."""
        if self.cpa is not None:
            return Thresholds(1.0, 1.0 / self.marginal_return_ratio, 1.0, 1.0)
        marginal = break_even / self.marginal_return_ratio
        pause_below, scale_above = break_even, marginal
        condition: Condition = self.rule.condition
        if condition.metric == "roi" and isinstance(condition.threshold, float):
            if condition.operator in ("<", "<="):
                pause_below = max(break_even, condition.threshold)
            elif condition.operator in (">", ">="):
                scale_above = min(marginal, condition.threshold)
        return Thresholds(break_even, marginal, pause_below, scale_above)

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
            step = exact(action.step) or Decimal(0)
            self.up, self.down, self.budget = 1 + step, 1 - step, exact(action.budget)
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


def kind_of(rule: Rule) -> str:
    """pause, up, down, set (to a budget) or step (by marginal return)."""
    if isinstance(rule.action, AutoPause):
        return "pause"
    if isinstance(rule.action, BudgetAdjusted):
        return "set" if rule.action.by is None else "step"
    return "up" if isinstance(rule.action, AutoScaleUp) else "down"


def window_read(condition: Node) -> str:
    """The window whose figures a condition reads, where that is one; else lifetime."""
    found = {window for metric, window in reads(condition) if metric not in OF_THE_CAMPAIGN}
    window = found.pop() if len(found) == 1 else "lifetime"
    return "lifetime" if window.startswith("prior") else window

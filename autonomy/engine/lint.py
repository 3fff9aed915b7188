"""What is wrong with a set of rules, in plain sentences, before it costs money.

NEVER_FIRES        error    its bounds contradict each other
OUTRANKED          warning  wherever it is met, a rule before it is met too
FLAPPING           warning  two rules raise and lower the same campaign in turn, or a pause
                            takes back what self-healing resumed
NO_CAP             warning  it raises budgets with no cap of its own
CAP_ABOVE_CEILING  note     its cap lies above the policy's, which limits it
WRONG_SIDE         warning  it pauses what earns, or feeds what loses
OTHER_UNIT         warning  a fraction where percent are read, or percent where a multiple is
NOT_READ           note     it has a break_even_roi, but is judged by cpa
STEP_ABOVE_POLICY  note     its multiplier is more than one step may be
AGAINST_THE_ODDS   warning  it acts where it is more likely wrong than right
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import combinations
from math import inf
from types import MappingProxyType
from typing import Literal

from autonomy.engine.plan import Plan
from autonomy.engine.policy import Policy
from autonomy.rules.intervals import Demands, demands_of
from autonomy.rules.language import AutoScaleUp, BudgetAdjusted, Rule
from autonomy.rules.tree import thresholds

Severity = Literal["error", "warning", "note"]
DEAD_BAND = 1.1  # how far apart raising and lowering must lie, as a factor of roi
SURE_APART = 120.0  # the two floors together, percent, where confidence keeps them apart


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong; `other` names the second rule where there is one."""

    rule: str
    code: str
    severity: Severity
    sentence: str
    other: str | None = None

    def to_row(self) -> dict[str, str | None]:
        return asdict(self)


@dataclass(frozen=True)
class Linted:
    """A rule with what lint looks at."""

    plan: Plan
    demands: Demands

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def directions(self) -> set[str]:
        kind = self.plan.kind
        return {"up", "down"} if kind in ("set", "curve") else {kind}


def lint(
    rules: Sequence[Rule], policy: Policy, accounts: Mapping[str, Policy] = MappingProxyType({})
) -> list[Finding]:
    """Findings on the active rules: errors first, then in the order the rules decide.

    `accounts`: the policies of those that differ; a rule for one of them is looked at under its.
    """
    active = sorted((one for one in rules if one.is_active), key=lambda one: one.order)
    linted: list[Linted] = []
    findings: list[Finding] = []
    for rule in active:
        demands = demands_of(rule.condition)
        named = next(iter(demands.accounts)) if len(demands.accounts) == 1 else ""
        ruled_by = accounts.get(named, policy)
        one = Linted(Plan(rule, ruled_by), demands)
        linted.append(one)
        findings += _alone(one, ruled_by)
    alive = [one for one in linted if one.demands.contradiction() is None]
    for first, second in combinations(alive, 2):
        findings += _together(first, second)
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda one: rank[one.severity])


def _alone(one: Linted, policy: Policy) -> Iterator[Finding]:
    contradiction = one.demands.contradiction()
    if contradiction is not None:
        sentence = f"{one.name} can never fire: {contradiction}."
        yield Finding(one.name, "NEVER_FIRES", "error", sentence)
        return
    yield from _caps(one, policy)
    yield from _units(one)
    yield from _side(one)
    if one.plan.cpa is not None and one.plan.action.break_even_roi is not None:
        sentence = (
            f"{one.name} speaks of cpa and is judged by that: its break_even_roi is not read."
        )
        yield Finding(one.name, "NOT_READ", "note", sentence)
    yield from _odds(one, policy)


def _caps(one: Linted, policy: Policy) -> Iterator[Finding]:
    action, name = one.plan.action, one.name
    ceiling = policy.max_budget
    if isinstance(action, BudgetAdjusted) and action.by and action.max_budget is None:
        sentence = f"{name} raises budgets with no max_budget; only the ceiling of {ceiling} holds."
        yield Finding(name, "NO_CAP", "warning", sentence)
    highest = None
    if isinstance(action, AutoScaleUp | BudgetAdjusted):
        highest = action.max_budget
        if isinstance(action, BudgetAdjusted) and action.budget is not None:
            highest = action.budget
    if highest is not None and Decimal(repr(highest)) > ceiling:
        sentence = f"{name} goes up to {highest:g}; the policy's ceiling of {ceiling} holds."
        yield Finding(name, "CAP_ABOVE_CEILING", "note", sentence)
    if isinstance(action, AutoScaleUp) and one.plan.up > policy.max_step:
        sentence = f"{name} asks for x{one.plan.up}; one step goes to x{policy.max_step} at most."
        yield Finding(name, "STEP_ABOVE_POLICY", "note", sentence)


FRACTION_BELOW, PERCENT_FROM = 0.1, 20.0  # thresholds that were more likely meant in another unit


def _units(one: Linted) -> Iterator[Finding]:
    """Other tools give rates as fractions, and roi as percent."""
    for metric, number in thresholds(one.plan.rule.condition.tree):
        asked = None
        if metric in _OF and 0.0 < number < FRACTION_BELOW:
            asked = (
                f"{metric} is in percent: {number:g} is {_one_in(number, metric)}; "
                f"did you mean {100.0 * number:g}?"
            )
        elif metric == "roi" and number >= PERCENT_FROM:
            asked = (
                f"roi is a multiple: {number:g} is {number:g} times the spend; "
                f"did you mean {number / 100.0:g}?"
            )
        if asked is not None:
            yield Finding(one.name, "OTHER_UNIT", "warning", f"{one.name}: {asked}")


_OF = {"ctr": ("click", "impressions"), "conversion_rate": ("conversion", "clicks")}


def _one_in(percent: float, metric: str) -> str:
    """1 click in 10,000 impressions"""
    what, of = _OF[metric]
    return f"1 {what} in {100.0 / percent:,.0f} {of}"


def _side(one: Linted) -> Iterator[Finding]:
    """Thresholds on roi on the wrong side of break-even, whatever the window."""
    plan, name, held = one.plan, one.name, one.plan.thresholds
    rois = [interval for (metric, _), interval in one.demands.bounds.items() if metric == "roi"]
    low = max((interval.low for interval in rois), default=-inf)
    high = min((interval.high for interval in rois), default=inf)
    sentence = None
    if plan.kind == "pause" and low >= held.break_even:
        sentence = f"{name} pauses at a roi of {low:g} and more, which is above break-even."
    elif plan.kind == "pause" and held.marginal_break_even < high < inf:
        sentence = (
            f"{name} pauses up to a roi of {high:g}; from {held.marginal_break_even:g} on even "
            "more budget would earn its keep."
        )
    elif plan.kind == "up" and high < inf and high <= held.break_even:
        sentence = f"{name} raises budgets at a roi of {high:g} and less, which loses money."
    elif plan.kind == "up" and -inf < low < held.break_even:
        sentence = f"{name} raises budgets from a roi of {low:g} on, which is below break-even."
    elif plan.kind == "down" and low >= held.marginal_break_even:
        sentence = (
            f"{name} lowers budgets at a roi of {low:g} and more, where more budget would earn "
            "its keep."
        )
    if sentence is not None:
        yield Finding(name, "WRONG_SIDE", "warning", sentence)


def _odds(one: Linted, policy: Policy) -> Iterator[Finding]:
    plan, name = one.plan, one.name
    resumes = policy.resume_when_proven_wrong
    if plan.kind == "pause" and resumes and plan.floor <= policy.resume_confidence:
        sentence = (
            f"{name} pauses from {plan.floor:g} % confidence on, and self-healing resumes up "
            f"to {policy.resume_confidence:g} %: the same campaign goes back and forth."
        )
        yield Finding(name, "FLAPPING", "warning", sentence)
    if plan.floor < 50.0:
        sentence = f"{name} acts from {plan.floor:g} % confidence on: more likely wrong than right."
        yield Finding(name, "AGAINST_THE_ODDS", "warning", sentence)


def _together(first: Linted, second: Linted) -> Iterator[Finding]:
    """`first` decides before `second`."""
    if second.demands.implies(first.demands):
        sentence = (
            f"Wherever {second.name} holds, {first.name} holds too and goes first; "
            f"{second.name} decides only where the action of {first.name} is held."
        )
        yield Finding(second.name, "OUTRANKED", "warning", sentence, first.name)
    for up, down in ((first, second), (second, first)):
        if "up" in up.directions and "down" in down.directions and _in_turn(up, down):
            sentence = (
                f"{up.name} raises and {down.name} lowers the budget of the same campaign in "
                "turn; leave a gap between their bounds on roi, or raise min_confidence of both."
            )
            yield Finding(up.name, "FLAPPING", "warning", sentence, down.name)
            return


def _in_turn(up: Linted, down: Linted) -> bool:
    """Nothing keeps the two apart: neither their bounds on roi nor their confidence."""
    up_from = (
        up.plan.thresholds.marginal_break_even
        if up.plan.kind == "curve"
        else up.plan.thresholds.scale_above
    )
    apart = up.plan.cpa == down.plan.cpa and up_from >= down.plan.thresholds.marginal_break_even
    sure = apart and up.plan.floor + down.plan.floor >= SURE_APART
    if sure or _other_account(up, down):
        return False
    for (metric, window), interval in up.demands.bounds.items():
        below = down.demands.bounds.get((metric, window))
        if below is not None and metric == "roi" and below.high * DEAD_BAND <= interval.low:
            return False
        if below is not None and metric != "roi" and interval.meet(below).empty:
            return False
    return True


def _other_account(up: Linted, down: Linted) -> bool:
    mine, other = up.demands.accounts, down.demands.accounts
    return bool(mine and other and mine != other)

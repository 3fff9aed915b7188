"""A condition read out loud for one candidate: each comparison with its value and its truth.

It interprets the condition step by step, in three-valued logic, apart from the compiled function;
a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isnan
from typing import NamedTuple

from autonomy.engine.candidate import MEASURES, NAN, Candidate
from autonomy.rules.in_words import MONEY
from autonomy.rules.language import Condition
from autonomy.rules.tree import All, AnyOf, Beside, Comparison, Node, Not, Other, Scope
from autonomy.text import money

Truth = bool | None  # None: unknown


class Line(NamedTuple):
    """One comparison: `roi 0.37 < 0.5`, whether it is met, how deep it stands."""

    text: str
    met: Truth
    depth: int


def metric_value(candidate: Candidate, metric: str, window: str) -> float:
    """A metric of a window, NaN where unknown."""
    if metric == "budget":
        return NAN if candidate.budget is None else float(candidate.budget)
    if metric == "hours_running":
        return candidate.hours_running
    seen = dict(zip(MEASURES, candidate.window(window), strict=True))
    if metric in seen:
        return seen[metric]
    if metric == "profit":
        return seen["revenue"] - seen["spend"]
    above, below, factor = {
        "roi": ("revenue", "spend", 1.0),
        "ctr": ("clicks", "impressions", 100.0),
        "conversion_rate": ("conversions", "clicks", 100.0),
        "cpa": ("spend", "conversions", 1.0),
        "cpc": ("spend", "clicks", 1.0),
        "aov": ("revenue", "conversions", 1.0),
        "frequency": ("impressions", "reach", 1.0),
    }[metric]
    return factor * seen[above] / seen[below] if seen[below] > 0.0 else NAN


def read(condition: Condition, candidate: Candidate) -> tuple[Truth, list[Line]]:
    """Whether the condition is met (None: unknown), and the lines that say why."""
    return _read(condition.tree, candidate, 0)


def _read(node: Node, candidate: Candidate, depth: int) -> tuple[Truth, list[Line]]:
    match node:
        case Beside(members=members):
            return _members(members, candidate, depth, conjunction)
        case All(members=members):
            word, (truth, below) = "all of", _members(members, candidate, depth + 1, conjunction)
        case AnyOf(members=members):
            word, (truth, below) = "any of", _members(members, candidate, depth + 1, disjunction)
        case Not(member=member):
            inner, below = _read(member, candidate, depth + 1)
            word, truth = "not", None if inner is None else not inner
        case Scope():
            (word, truth), below = _scope(node, candidate), []
        case Comparison():
            (word, truth), below = _comparison(node, candidate), []
    return truth, [Line(word, truth, depth), *below]


def _members(
    members: Iterable[Node],
    candidate: Candidate,
    depth: int,
    together: Callable[[Iterable[Truth]], Truth],
) -> tuple[Truth, list[Line]]:
    read_out = [_read(member, candidate, depth) for member in members]
    return together(truth for truth, _ in read_out), [line for _, own in read_out for line in own]


def conjunction(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown."""
    seen = list(truths)
    return False if False in seen else None if None in seen else True


def disjunction(truths: Iterable[Truth]) -> Truth:
    """True if any is true, else unknown if any is unknown."""
    seen = list(truths)
    return True if True in seen else None if None in seen else False


def _scope(scope: Scope, candidate: Candidate) -> tuple[str, Truth]:
    if scope.key == "account":
        known = candidate.account is not None
        return f"account is {scope.text!r}", candidate.account == scope.text if known else None
    title = candidate.title
    met = None if title is None else scope.text.lower() in title.lower()
    return f"title contains {scope.text!r}", met


def _comparison(one: Comparison, candidate: Candidate) -> tuple[str, Truth]:
    value = metric_value(candidate, one.metric, one.window)
    currency = candidate.currency if one.metric in MONEY else None
    start, target = f"{named(one.metric, one.window)} {shown(value, currency)}", one.target
    if isinstance(target, tuple) and not isinstance(target, Other):
        low, high = target
        within = conjunction([compare(value, ">=", low), compare(value, "<=", high)])
        return f"{start} between {low:g} and {high:g}", within
    if not isinstance(target, Other):
        return f"{start} {one.operator} {target:g}", compare(value, one.operator, target)
    other = target.times * metric_value(candidate, target.metric, target.window)
    whose = f"{target.times:g} x {named(target.metric, target.window)}"
    said = f"{start} {one.operator} {shown(other, currency)} ({whose})"
    return said, compare(value, one.operator, other)


def compare(value: float, operator: str, other: float) -> Truth:
    """A comparison in three-valued logic: unknown with NaN on either side."""
    if isnan(value) or isnan(other):
        return None
    return {
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
        "=": value == other,
        "!=": value != other,
    }[operator]


def named(metric: str, window: str) -> str:
    """roi, roi of 7d, ctr of prior_7d"""
    return metric if window == "lifetime" else f"{metric} of {window}"


def shown(value: float, currency: str | None = None) -> str:
    """A value as a person reads it: two digits, `unknown` for NaN; money in its currency."""
    if isnan(value):
        return "unknown"
    return money(value, currency=currency) if currency else f"{value:.2f}".removesuffix(".00")

"""A condition read out loud for one candidate: each comparison with its value and its truth.

It interprets the condition step by step, in three-valued logic, apart from the compiled function;
a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import NamedTuple

from autonomy.engine.candidate import MEASURES, NAN, Candidate
from autonomy.rules.language import MINIMUM_OF, Condition

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


def read(condition: Condition, candidate: Candidate, depth: int = 0) -> tuple[Truth, list[Line]]:
    """Whether the condition is met (None: unknown), and the lines that say why."""
    lines = [Line(text, met, depth) for text, met in _own(condition, candidate)]
    parts = [line.met for line in lines]
    for word, members in (("all of", condition.all), ("any of", condition.any)):
        if members:
            truths, below = _members(members, candidate, depth)
            truth = conjunction(truths) if word == "all of" else disjunction(truths)
            lines += [Line(word, truth, depth), *below]
            parts.append(truth)
    if condition.not_:
        inner, below = read(condition.not_, candidate, depth + 1)
        truth = None if inner is None else not inner
        lines += [Line("not", truth, depth), *below]
        parts.append(truth)
    return conjunction(parts), lines


def _members(
    members: Iterable[Condition], candidate: Candidate, depth: int
) -> tuple[list[Truth], list[Line]]:
    read_out = [read(member, candidate, depth + 1) for member in members]
    return [truth for truth, _ in read_out], [line for _, lines in read_out for line in lines]


def conjunction(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else unknown if any is unknown."""
    seen = list(truths)
    return False if False in seen else None if None in seen else True


def disjunction(truths: Iterable[Truth]) -> Truth:
    """True if any is true, else unknown if any is unknown."""
    seen = list(truths)
    return True if True in seen else None if None in seen else False


def _own(condition: Condition, candidate: Candidate) -> list[tuple[str, Truth]]:
    """The comparison and the filters of one object."""
    found = []
    window = condition.window or "lifetime"
    if condition.metric is not None:
        found.append(_comparison(condition, candidate, window))
    for key, metric in MINIMUM_OF.items():
        least = getattr(condition, key)
        if least is not None:
            value = metric_value(candidate, metric, window)
            text = f"{named(metric, window)} {shown(value)} >= {least:g}"
            found.append((text, compare(value, ">=", least)))
    if condition.account is not None:
        known = candidate.account is not None
        met = candidate.account == condition.account if known else None
        found.append((f"account is {condition.account!r}", met))
    if condition.title_contains is not None:
        part, title = condition.title_contains.lower(), candidate.title
        met = None if title is None else part in title.lower()
        found.append((f"title contains {condition.title_contains!r}", met))
    return found


def _comparison(condition: Condition, candidate: Candidate, window: str) -> tuple[str, Truth]:
    metric, operator = str(condition.metric), str(condition.operator)
    value = metric_value(candidate, metric, window)
    start = f"{named(metric, window)} {shown(value)}"
    if isinstance(condition.threshold, tuple):
        low, high = condition.threshold
        within = conjunction([compare(value, ">=", low), compare(value, "<=", high)])
        return f"{start} between {low:g} and {high:g}", within
    if condition.than is None:
        limit = NAN if condition.threshold is None else condition.threshold
        return f"{start} {operator} {limit:g}", compare(value, operator, limit)
    than = condition.than
    other = than.times * metric_value(candidate, than.metric, than.window)
    text = f"{start} {operator} {shown(other)} ({than.times:g} x {named(than.metric, than.window)})"
    return text, compare(value, operator, other)


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
    plain = window == "lifetime" or metric in ("budget", "hours_running")
    return metric if plain else f"{metric} of {window}"


def shown(value: float) -> str:
    """A value as a person reads it: two digits, `unknown` for NaN."""
    return "unknown" if isnan(value) else f"{value:.2f}".removesuffix(".00")

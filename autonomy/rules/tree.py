"""A condition as a tree: what is walked to match it, to trace it, to lint it and to say it.

Built once from what autonomy/rules/language.py has read. A walker is one `match` over these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

OF_THE_CAMPAIGN = ("budget", "hours_running")  # metrics that have no window


class Other(NamedTuple):
    """The other side of a comparison: `times` a metric of a window."""

    metric: str
    window: str
    times: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of a window against a number, two bounds (`between`), or another metric."""

    metric: str
    window: str
    operator: str
    target: float | tuple[float, float] | Other


@dataclass(frozen=True, slots=True)
class Minimum(Comparison):
    """A `min_*`: a comparison like any other, that people say otherwise."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which campaigns are meant: `key` is account or title_contains."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class All:
    """Every member is met."""

    members: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Beside(All):
    """Keys side by side in one object: an `all` that nobody wrote."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one member is met."""

    members: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The member is known not to be met."""

    member: Node


Node = Comparison | Scope | All | AnyOf | Not


def window_of(metric: str, window: str | None) -> str:
    """The window that a metric is read in; what belongs to the campaign has none."""
    return "lifetime" if window is None or metric in OF_THE_CAMPAIGN else window


def reads(node: Node) -> Iterator[tuple[str, str]]:
    """Each metric that is read, with its window."""
    match node:
        case Comparison():
            yield node.metric, node.window
            if isinstance(node.target, Other):
                yield node.target.metric, node.target.window
        case All() | AnyOf():
            for member in node.members:
                yield from reads(member)
        case Not():
            yield from reads(node.member)
        case Scope():
            pass


def thresholds(node: Node) -> Iterator[tuple[str, float]]:
    """Each metric that is compared with a number, with that number; both bounds of `between`."""
    match node:
        case Comparison():
            if not isinstance(node.target, Other):
                bounds = node.target if isinstance(node.target, tuple) else (node.target,)
                yield from ((node.metric, bound) for bound in bounds)
        case All() | AnyOf():
            for member in node.members:
                yield from thresholds(member)
        case Not():
            yield from thresholds(node.member)
        case Scope():
            pass


# Between these lies what a conversion may cost; beyond them a number is no target.
LEAST_CPA, MOST_CPA = 1e-6, 1e9


def cpa_target(node: Node) -> float | None:
    """The cost of a conversion that a condition is about, where it asks for that and nothing else.

    Minimums, scope, budget and hours_running stand aside: they say of whom, not what. The twin of
    `cpa_target` in SQL.
    """
    match list(_asked(node)):
        case [Comparison("cpa", _, "<" | "<=" | ">" | ">=", float() as target)]:
            return target if LEAST_CPA <= target <= MOST_CPA else None
    return None


def _asked(node: Node) -> Iterator[Comparison | None]:
    """Each comparison that says what is asked; None for one inside of `any` or `not`."""
    match node:
        case Minimum() | Scope():
            pass
        case Comparison():
            if node.metric not in OF_THE_CAMPAIGN or isinstance(node.target, Other):
                yield node
        case All():
            for member in node.members:
                yield from _asked(member)
        case AnyOf():
            yield from (None for member in node.members for _ in _asked(member))
        case Not():
            yield from (None for _ in _asked(node.member))

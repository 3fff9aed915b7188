"""What a condition demands for certain, as intervals: the ground on which lint stands.

Only what is AND-ed is read (a comparison with numbers, `min_*`, scope filters, members of `all`);
`any`, `not`, `!=` and `than` are left out and noted as such. So an empty interval proves that
the condition is never met, and intervals inside another condition's prove that it implies that one,
provided that nothing of the other was left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from autonomy.rules.language import Condition
from autonomy.rules.tree import All, Comparison, Node, Other, Scope

MAY_BE_NEGATIVE = ("profit", "revenue", "roi", "aov")  # refunds
Key = tuple[str, str]  # metric, window


@dataclass(frozen=True)
class Interval:
    """low to high; `open` ends do not belong to it."""

    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: Interval) -> Interval:
        """What lies in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Interval(low, high, low_open, not high_closed)

    def inside(self, other: Interval) -> bool:
        return self.meet(other) == self


def interval_of(operator: str, value: float) -> Interval | None:
    """The interval of a comparison; None where it is none (!=)."""
    return {
        "<": Interval(high=value, high_open=True),
        "<=": Interval(high=value),
        ">": Interval(low=value, low_open=True),
        ">=": Interval(low=value),
        "=": Interval(low=value, high=value),
    }.get(operator)


@dataclass
class Demands:
    """What a condition demands for certain."""

    bounds: dict[Key, Interval] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    complete: bool = True  # nothing of the condition was left out
    nonsense: list[str] = field(
        default_factory=list
    )  # comparisons that are never met by themselves

    def narrow(self, metric: str, window: str, interval: Interval) -> None:
        key = (metric, window)
        start = Interval() if metric in MAY_BE_NEGATIVE else Interval(low=0.0)
        self.bounds[key] = self.bounds.get(key, start).meet(interval)

    def contradiction(self) -> str | None:
        """Why it can never be met, or None."""
        for (metric, window), interval in self.bounds.items():
            if interval.empty:
                place = metric if window == "lifetime" else f"{metric} of {window}"
                return f"no value of {place} meets all its bounds"
        if len(self.accounts) > 1:
            return "a campaign has one account, and it asks for " + " and ".join(
                sorted(self.accounts)
            )
        return self.nonsense[0] if self.nonsense else None

    def implies(self, other: Demands) -> bool:
        """Wherever this is met, the other is met for certain."""
        if not other.complete or not other.accounts <= self.accounts:
            return False
        if not all(any(part in mine for mine in self.titles) for part in other.titles):
            return False
        return all(
            key in self.bounds and self.bounds[key].inside(interval)
            for key, interval in other.bounds.items()
        )


def demands_of(condition: Condition) -> Demands:
    """The demands of a condition, members of `all` included."""
    found = Demands()
    _gather(condition.tree, found)
    return found


def _gather(node: Node, found: Demands) -> None:
    match node:
        case All(members=members):
            for member in members:
                _gather(member, found)
        case Scope(key="account", text=text):
            found.accounts.add(text)
        case Scope(text=text):
            found.titles.add(text.lower())
        case Comparison():
            _compare(node, found)
        case _:
            found.complete = False


def _compare(one: Comparison, found: Demands) -> None:
    interval = None
    if isinstance(one.target, Other):
        itself = one.target == (one.metric, one.window, 1.0)
        if itself and one.operator in ("<", ">", "!="):
            found.nonsense.append(f"{one.metric} is compared with itself ({one.operator})")
    elif isinstance(one.target, tuple):
        interval = Interval(*one.target)
    else:
        interval = interval_of(one.operator, one.target)
    if interval is None:
        found.complete = False
    else:
        found.narrow(one.metric, one.window, interval)

"""What a condition demands for certain, as intervals: the ground on which lint stands.

Only what is AND-ed is read (a comparison with numbers, `min_*`, scope filters, members of `all`);
`any`, `not`, `!=` and `than` are left out and noted as such. So an empty interval proves that
the condition is never met, and intervals inside another condition's prove that it implies that one,
provided that nothing of the other was left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from autonomy.rules.language import MINIMUM_OF, Condition

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
        key = (metric, "lifetime" if metric in ("budget", "hours_running") else window)
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


def demands_of(condition: Condition, found: Demands | None = None) -> Demands:
    """The demands of a condition, members of `all` included."""
    found = found if found is not None else Demands()
    window = condition.window or "lifetime"
    if condition.metric is not None:
        _comparison(condition, window, found)
    for key, metric in MINIMUM_OF.items():
        least = getattr(condition, key)
        if least is not None:
            found.narrow(metric, window, Interval(low=least))
    if condition.account is not None:
        found.accounts.add(condition.account)
    if condition.title_contains is not None:
        found.titles.add(condition.title_contains.lower())
    if condition.any or condition.not_:
        found.complete = False
    for member in condition.all or []:
        demands_of(member, found)
    return found


def _comparison(condition: Condition, window: str, found: Demands) -> None:
    metric, operator = str(condition.metric), str(condition.operator)
    if isinstance(condition.threshold, tuple):
        found.narrow(metric, window, Interval(*condition.threshold))
        return
    interval = None
    if condition.threshold is not None:
        interval = interval_of(operator, condition.threshold)
    if interval is not None:
        found.narrow(metric, window, interval)
        return
    found.complete = False
    than = condition.than
    itself = than is not None and (than.metric, than.window, than.times) == (metric, window, 1.0)
    if itself and operator in ("<", ">", "!="):
        found.nonsense.append(f"{metric} is compared with itself ({operator})")

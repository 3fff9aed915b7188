"""Rules compiled to one Python function: which of their conditions are met.

The function is generated source: every metric that some rule reads is computed once a candidate,
then each rule is one expression. Nothing of a rule reaches the source but names from the closed
lists of the language, `repr` of floats and `repr` of text.

Unknown is NaN. A comparison with NaN is false, so "is met" needs no test for missing data; "is
not met" (under `not`) is written with the opposite operator and is false for NaN as well. That is
Kleene's three-valued logic, with an unknown rule not firing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from autonomy.engine.candidate import MEASURES, NAN, Candidate
from autonomy.rules.language import Condition
from autonomy.rules.tree import OF_THE_CAMPAIGN, All, AnyOf, Comparison, Node, Not, Other, Scope

Matcher = Callable[[Candidate], list[int]]

# metric -> (the measures it reads, its expression over them, the one that must be above 0)
RATIOS: dict[str, tuple[str, str]] = {
    "roi": ("{revenue} / {spend}", "spend"),
    "ctr": ("100.0 * {clicks} / {impressions}", "impressions"),
    "conversion_rate": ("100.0 * {conversions} / {clicks}", "clicks"),
    "cpa": ("{spend} / {conversions}", "conversions"),
    "cpc": ("{spend} / {clicks}", "clicks"),
    "aov": ("{revenue} / {conversions}", "conversions"),
    "frequency": ("{impressions} / {reach}", "reach"),
}
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Names:
    """The local variables of the generated function: one a metric and window, computed once."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        self.measures: set[str] = set()
        self.windows: list[str] = []

    def of(self, metric: str, window: str) -> str:
        """The variable that stands for `metric` over `window`."""
        if metric in OF_THE_CAMPAIGN:
            self.lines.setdefault(metric, _of_the_campaign(metric))
            return metric
        if metric in MEASURES:
            return self._measure(metric, window)
        name = f"{metric}_{window}"
        if name not in self.lines:
            self.lines[name] = f"{name} = {self._derived(metric, window)}"
        return name

    def title(self) -> str:
        self.lines.setdefault("title", "title = c.title.lower() if c.title is not None else None")
        return "title"

    def _measure(self, measure: str, window: str) -> str:
        if window not in self.windows:
            self.windows.append(window)
        return f"{measure}_{window}"

    def _derived(self, metric: str, window: str) -> str:
        if metric == "profit":
            return f"{self._measure('revenue', window)} - {self._measure('spend', window)}"
        formula, divisor = RATIOS[metric]
        known = {one: self._measure(one, window) for one in MEASURES}
        return f"{formula.format(**known)} if {known[divisor]} > 0.0 else NAN"

    def source(self) -> list[str]:
        """The assignments, windows first."""
        unpack = []
        for window in self.windows:
            read = "c.lifetime" if window == "lifetime" else f"c.window({window!r})"
            unpack.append(", ".join(f"{one}_{window}" for one in MEASURES) + f" = {read}")
        return unpack + list(self.lines.values())


def _of_the_campaign(metric: str) -> str:
    if metric == "budget":
        return "budget = float(c.budget) if c.budget is not None else NAN"
    return "hours_running = c.hours_running"


def source(node: Node, names: Names, *, met: bool) -> str:
    """Source of an expression that is true where the node is met; else, where it is known not to be
    met."""
    match node:
        case All(members=members) | AnyOf(members=members):
            word = " and " if isinstance(node, All) == met else " or "
            return "(" + word.join(source(one, names, met=met) for one in members) + ")"
        case Not(member=member):
            return source(member, names, met=not met)
        case Scope(key="account", text=text):
            equal = f"c.account == {text!r}"
            return equal if met else f"(c.account is not None and c.account != {text!r})"
        case Scope(text=text):
            title, word = names.title(), "in" if met else "not in"
            return f"({title} is not None and {text.lower()!r} {word} {title})"
        case Comparison():
            return _comparison(node, names, met=met)


def _comparison(one: Comparison, names: Names, *, met: bool) -> str:
    value, operator, target = names.of(one.metric, one.window), one.operator, one.target
    other = repr(target)
    if isinstance(target, Other):
        other = f"({target.times!r} * {names.of(target.metric, target.window)})"
    elif isinstance(target, tuple):
        low, high = map(repr, target)
        return f"{low} <= {value} <= {high}" if met else f"({value} < {low} or {value} > {high})"
    if operator in OPPOSITE:
        return f"{value} {operator if met else OPPOSITE[operator]} {other}"
    if (operator == "=") == met:
        return f"{value} == {other}"
    return f"({value} < {other} or {value} > {other})"  # != would be true of NaN


def source_of(conditions: Iterable[Condition]) -> str:
    """The generated function, as text: what `compile_conditions` runs."""
    names = Names()
    tests = [
        f"if {source(one.tree, names, met=True)}: hits.append({at})"
        for at, one in enumerate(conditions)
    ]
    lines = ["hits = []", *names.source(), *tests, "return hits"]
    return "def matching(c):\n" + "".join(f"    {line}\n" for line in lines)


def compile_conditions(conditions: Sequence[Condition]) -> Matcher:
    """A function from a candidate to the places of the conditions that are met for it, in order."""
    scope: dict[str, object] = {"NAN": NAN}
    # Names of our own and repr() of checked values: no text of a rule becomes code.
    code = compile(source_of(conditions), "<rules>", "exec")
    exec(code, scope)  # noqa: S102  # nosec B102
    matching: Matcher = scope["matching"]  # type: ignore[assignment]
    return matching

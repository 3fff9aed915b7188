"""Matching by the engine, by numpy on the same columns, and by two published rule engines.

numpy comes with the tests. The rule engines are none of this project's requirements; install them
by hand for the comparison: pip install business-rules rule-engine. Where they are absent the
report says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autonomy.engine import decide
from autonomy.engine.candidate import Candidate
from autonomy.engine.compiled_conditions import compile_conditions
from autonomy.engine.policy import Policy
from autonomy.rules.language import Rule
from tests.benchmarks.engine import FOUR, NOW, many, rounds, row

SLOW_SIZE = 2_000  # candidates for the engines that take long


@dataclass(frozen=True)
class Rate:
    """Candidates a second, by rounds; how many of them matched some rule."""

    way: str
    rules: int
    rates: list[float]
    matched: int | None


Match = Callable[[], int]


def engine_rates(size: int, number: int) -> tuple[list[Rate], list[str]]:
    """All ways over the same candidates; and which could not be tried."""
    luck = random.Random(7)
    rows = [row(at, luck, matches=at % 100 == 0) for at in range(size)]
    candidates = [Candidate.from_row(one) for one in rows]
    found, absent = [], []
    for rules in (FOUR, many(50)):
        found.append(_rate("this engine, matching", rules, size, number, _ours(rules, candidates)))
        found.append(_deciding(rules, candidates, number))
        found.append(_rate("numpy, matching", rules, size, number, _numpy(rules, rows)))
        for name, make in (("business_rules", _business_rules), ("rule_engine", _rule_engine)):
            published = name.replace("_", "-")
            if importlib.util.find_spec(name) is None:
                absent.append(published)
                continue
            few = rows[:SLOW_SIZE]
            match = make(rules, few)
            found.append(_rate(f"{published}, matching", rules, len(few), 3, match))
    return found, sorted(set(absent))


def _deciding(rules: list[dict[str, Any]], candidates: list[Candidate], number: int) -> Rate:
    seconds = rounds(lambda: decide(rules, candidates, Policy(), NOW), number)
    rates = [len(candidates) / one for one in seconds]
    return Rate("this engine, whole decisions", len(rules), rates, None)


def _rate(way: str, rules: list[dict[str, Any]], size: int, number: int, work: Match) -> Rate:
    return Rate(way, len(rules), [size / seconds for seconds in rounds(work, number)], work())


def _ours(rules: list[dict[str, Any]], candidates: list[Candidate]) -> Match:
    find = compile_conditions([Rule.parse(one).condition for one in rules])
    return lambda: sum(1 for one in candidates if find(one))


def _flat(condition: dict[str, Any]) -> tuple[str, str, float, dict[str, float]]:
    """(window, operator, threshold, minimum of each measure) of a roi rule."""
    minima = {
        name.removeprefix("min_").replace("duration_hours", "hours_running"): float(value)
        for name, value in condition.items()
        if name.startswith("min_")
    }
    window = condition.get("window", "lifetime")
    return window, condition["operator"], float(condition["threshold"]), minima


def _numpy(rules: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Match:
    import numpy as np

    columns = {
        (window, measure): np.array([one["metrics"][window][measure] for one in rows], dtype=float)
        for window in ("lifetime", "7d", "30d")
        for measure in ("spend", "revenue", "conversions")
    }
    hours = np.array([one["hours_running"] for one in rows])
    flat = [_flat(one["condition"]) for one in rules]

    def match() -> int:
        hit = np.zeros(len(rows), dtype=bool)
        for window, operator, threshold, minima in flat:
            with np.errstate(divide="ignore", invalid="ignore"):
                roi = columns[window, "revenue"] / columns[window, "spend"]
            holds = roi < threshold if operator == "<" else roi >= threshold
            for name, least in minima.items():
                holds &= (hours if name == "hours_running" else columns[window, name]) >= least
            hit |= holds
        return int(hit.sum())

    return match


def _facts(one: dict[str, Any]) -> dict[str, float]:
    facts = {"hours_running": one["hours_running"]}
    for window, measures in one["metrics"].items():
        facts |= {f"{name}_{window}": float(value) for name, value in measures.items()}
        facts[f"roi_{window}"] = measures["revenue"] / measures["spend"]
    return facts


def _rule_engine(rules: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Match:
    import rule_engine

    texts = []
    for window, operator, threshold, minima in (_flat(one["condition"]) for one in rules):
        parts = [f"roi_{window} {operator} {threshold}"]
        for name, least in minima.items():
            column = name if name == "hours_running" else f"{name}_{window}"
            parts.append(f"{column} >= {least}")
        texts.append(" and ".join(parts))
    compiled = [rule_engine.Rule(text) for text in texts]
    return lambda: sum(_any(compiled, _facts(one)) for one in rows)


def _any(compiled: list[Any], facts: dict[str, float]) -> bool:
    # all of them, as a run must know every rule that matches
    return sum(bool(rule.matches(facts)) for rule in compiled) > 0


def _business_rules(rules: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Match:
    from business_rules import run_all
    from business_rules.actions import BaseActions, rule_action
    from business_rules.variables import BaseVariables, numeric_rule_variable

    names = sorted(_facts(rows[0]))
    readers = {name: numeric_rule_variable(_reader(name)) for name in names}
    variables = type("Variables", (BaseVariables,), readers)

    class Actions(BaseActions):  # type: ignore[misc]
        def __init__(self) -> None:
            self.taken = 0

        @rule_action()  # type: ignore[untyped-decorator]
        def take(self) -> None:
            self.taken += 1

    definitions = [_definition(*_flat(one["condition"])) for one in rules]

    def match() -> int:
        hits = 0
        for one in rows:
            variables_of_one = variables()
            variables_of_one.facts = _facts(one)
            actions = Actions()
            with contextlib.suppress(AssertionError):
                run_all(definitions, variables_of_one, actions, stop_on_first_trigger=False)
            hits += actions.taken > 0
        return hits

    return match


def _reader(name: str) -> Callable[[Any], float]:
    def read(self: Any) -> float:
        return float(self.facts[name])

    read.__name__ = name
    return read


def _definition(
    window: str, operator: str, threshold: float, minima: dict[str, float]
) -> dict[str, Any]:
    words = {"<": "less_than", ">=": "greater_than_or_equal_to"}
    conditions = [{"name": f"roi_{window}", "operator": words[operator], "value": threshold}]
    for name, least in minima.items():
        column = name if name == "hours_running" else f"{name}_{window}"
        conditions.append({"name": column, "operator": words[">="], "value": least})
    return {"conditions": {"all": conditions}, "actions": [{"name": "take"}]}

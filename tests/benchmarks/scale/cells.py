"""One cell of the table: an account of some size, a share of candidates, a number of rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import psycopg

from tests.benchmarks.scale import account, floors
from tests.benchmarks.scale.naive import LOOPS, naive_run
from tests.benchmarks.scale.served import Function, ServedRun


@dataclass
class Cell:
    """Seconds of each measure, a list of rounds each; counts beside them."""

    campaigns: int
    share: float
    rules: int
    actions: int = 0
    fill_seconds: float = 0.0
    peak_memory_bytes: int = 0
    function_cpu_seconds: float = 0.0
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """One round of one measure."""
        self.seconds.setdefault(name, []).append(value)

    def median(self, name: str) -> float | None:
        """None where it was not measured."""
        values = self.seconds.get(name)
        return median(values) if values else None

    def ratio(self, name: str, floor: str) -> float | None:
        """How many times the floor, both measured in this cell."""
        one, other = self.median(name), self.median(floor)
        return one / other if one is not None and other else None

    def to_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self)


def measure(
    connection: psycopg.Connection, function: Function, cell: Cell, *, rounds: int, naive: bool
) -> None:
    """Everything of one cell; the account is filled and has its rules."""
    _warm_up(function)
    account.reset(connection)
    before = function.processor_seconds()
    for _ in range(rounds):
        _served(cell, function.run())
        cell.peak_memory_bytes = function.peak_memory()
        if cell.actions:
            floors.keep_rows(connection)
        account.reset(connection)
    cell.function_cpu_seconds = (function.processor_seconds() - before) / rounds
    _database(connection, cell, rounds, naive=naive)
    _at_rest(connection, function, cell)


def _warm_up(function: Function) -> None:
    """Connections, plans, and the detectors' pass over everything, once a day, in parts."""
    for _ in range(6):
        if function.run().steps.get("detect", 0.0) < 1.0:
            break
    function.run()


def _served(cell: Cell, run: ServedRun) -> None:
    cell.actions = run.actions
    cell.add("run over HTTP", run.seconds)
    cell.add("run over HTTP, up to the applied actions", run.to_the_actions)
    for name, seconds in run.steps.items():
        cell.add(f"step {name}", seconds)


def _database(connection: psycopg.Connection, cell: Cell, rounds: int, *, naive: bool) -> None:
    if cell.actions:
        floors.keep_decisions(connection)
    for _ in range(rounds):
        cell.add("scan floor", floors.scan_floor(connection)[0])
        cell.add("finding candidates", floors.finding(connection)[0])
        cell.add("deciding in SQL", floors.deciding(connection))
        if cell.actions:
            cell.add("bare statements", floors.bare_statements(connection))
            cell.add("apply", floors.applying(connection)[0])
    for _ in range(rounds):
        # A run before each loop and after the last: a shared machine has fast and slow seconds.
        for loop in LOOPS if naive else ():
            cell.add("database run", _timed_run(connection))
            account.reset(connection)
            cell.add(loop, naive_run(connection, loop))
            account.reset(connection)
        cell.add("database run", _timed_run(connection))
        account.reset(connection)


def _timed_run(connection: psycopg.Connection) -> float:
    began = time.perf_counter()
    connection.execute("select public.run_autonomous_operations()").fetchone()
    return time.perf_counter() - began


def _at_rest(connection: psycopg.Connection, function: Function, cell: Cell) -> None:
    """The next hour: every candidate is in its cooldown, nothing has changed."""
    for _ in range(2):
        function.run()
    for _ in range(9 if cell.campaigns <= 100_000 else 3):
        cell.add("run at rest over HTTP", function.run().seconds)


def growth(cells: Iterable[Cell], name: str, against: Callable[[Cell], float]) -> str | None:
    """Seconds as a + b x, least squares of the logarithm's slope beside it."""
    import numpy as np

    points = sorted(
        (against(cell), value) for cell in cells if (value := cell.median(name)) and against(cell)
    )
    if len({x for x, _ in points}) < 3:
        return None
    x, y = (np.array(values, dtype=float) for values in zip(*points, strict=True))
    weights = 1 / y  # each size counts alike, the largest does not drown the rest
    slope, fixed = np.polyfit(x, y, 1, w=weights)
    power = np.polyfit(np.log(x), np.log(y), 1)[0]
    return f"{1000 * max(fixed, 0):.1f} ms + {1e6 * slope:.2f} µs each; time ~ n^{power:.2f}"

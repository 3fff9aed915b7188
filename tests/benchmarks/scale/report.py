"""The findings as a table, as JSON, and against the goals."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.scale.cells import Cell, growth
from tests.benchmarks.scale.engines import Rate
from tests.benchmarks.scale.naive import LIKE_FOR_LIKE, LOOPS

DOCS = Path(__file__).resolve().parents[3] / "docs"
MIB = 2**20
SHOWN = (
    "run over HTTP, up to the applied actions",
    "run over HTTP",
    "run at rest over HTTP",
    "database run",
    "naive loop, alike",
    "naive loop by thresholds",
    "finding candidates",
    "scan floor",
    "apply",
    "bare statements",
    "deciding in SQL",
)


@dataclass
class Findings:
    """Everything that was measured."""

    cells: list[Cell] = field(default_factory=list)
    cold: dict[str, list[float]] = field(default_factory=dict)
    unwanted: list[str] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    server_version: int = 0

    @classmethod
    def kept(cls) -> Findings:
        """What docs/benchmarks.json holds, for one section to be measured again."""
        figures = json.loads(DOCS.joinpath("benchmarks.json").read_text(encoding="utf-8"))
        return cls(
            cells=[Cell(**one) for one in figures["cells"]],
            cold=figures["cold_start_seconds"],
            unwanted=figures["unwanted_modules"],
            rates=[Rate(**one) for one in figures["engine_rates_per_second"]],
            absent=figures["engines_not_installed"],
            texts=figures["texts"],
            server_version=figures["server_version"],
        )


@dataclass(frozen=True)
class Goal:
    """What was wanted, and what was found."""

    what: str
    wanted: float
    found: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.found >= self.wanted if self.at_least else self.found <= self.wanted


def goals(found: Findings) -> list[Goal]:
    """The goals for which this run has figures."""
    listed: list[Goal] = []
    for cell in found.cells:
        if (cell.share, cell.rules) == (0.01, 4):
            listed += _goals_of(cell)
    if "import floor" in found.cold:
        times = _against_floor(found, "entry point, application, supabase")
        listed.append(Goal("cold start against the import floor", 1.1, times, "x"))
    return listed


def _goals_of(cell: Cell) -> list[Goal]:
    size = f"{cell.campaigns:,} campaigns"
    to_actions = "run over HTTP, up to the applied actions"
    wanted = {
        1_000: [("run over HTTP", "median", 0.15)],
        100_000: [("run over HTTP", "median", 1.5)],
        1_000_000: [(to_actions, "median", 10.0)],
    }.get(cell.campaigns, [])
    listed = [
        Goal(f"{size}: {name}", seconds, value, "s")
        for name, _, seconds in wanted
        if (value := cell.median(name)) is not None
    ]
    if cell.campaigns == 100_000 and (times := cell.ratio(LIKE_FOR_LIKE, "database run")):
        what = f"{size}: database run, times the {LIKE_FOR_LIKE}"
        listed.append(Goal(what, 10, times, "x", True))
    if cell.campaigns == 1_000_000:
        listed.append(
            Goal(f"{size}: memory of the function", 256, cell.peak_memory_bytes / MIB, "MiB")
        )
        for name, floor, most in (
            ("finding candidates", "scan floor", 2),
            ("apply", "bare statements", 3),
        ):
            if (times := cell.ratio(name, floor)) is not None:
                listed.append(Goal(f"{size}: {name} against the {floor}", most, times, "x"))
    return listed


def page(found: Findings) -> str:
    """docs/benchmarks.md"""
    parts = [
        "# Benchmarks: how fast, at which size",
        _INTRODUCTION,
        _setting(found),
        "## Goals",
        _goal_table(goals(found)),
        "## Runs and their floors",
        _HOW,
        _cell_table(found.cells),
        "## Where a run over HTTP spends its time",
        _step_table(found.cells),
        "## Growth",
        _growth(found.cells),
        "## Cold start",
        _cold_table(found),
        "## Engines",
        _rate_table(found),
    ]
    for title, text in found.texts.items():
        parts += [f"## {title}", f"```text\n{text.strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def write(found: Findings) -> None:
    """Both files."""
    DOCS.joinpath("benchmarks.md").write_text(page(found), encoding="utf-8")
    figures = {
        "cells": [cell.to_dict() for cell in found.cells],
        "cold_start_seconds": found.cold,
        "unwanted_modules": found.unwanted,
        "engine_rates_per_second": [vars(rate) for rate in found.rates],
        "engines_not_installed": found.absent,
        "texts": found.texts,
        "server_version": found.server_version,
        "goals": [{**vars(goal), "met": goal.met} for goal in goals(found)],
    }
    text = json.dumps(figures, indent=1, ensure_ascii=False)
    DOCS.joinpath("benchmarks.json").write_text(text + "\n", encoding="utf-8")


_INTRODUCTION = """\
Written by `make bench`; do not edit by hand. Compare within a section: all of it was measured in
one run on one machine. (`--again` measures the parts that are named, and keeps the others.)"""
_HOW = """\
Medians in seconds, with the fastest and the slowest round in brackets. The account is put back
after each round. *Run over HTTP* is the function's answer as the scheduler waits for it, detection
and measurement included; *at rest* the run after, when nothing has changed and every candidate is
in its cooldown. *Database run* is `run_autonomous_operations()`. The *naive loops* take the same
campaigns one at a time, with an UPDATE and an INSERT each, and change the same campaigns (which is
checked), without breakers, detection or a summary: *alike* decides and logs as a run does, by
probability, with evidence and sentence; *by thresholds* does less, as it compares two figures and
logs one, and happens to come to the same changes in this account
(tests/benchmarks/scale/naive.py). The *scan floor* is one scan of what a run scans, with the rules'
predicate; *bare statements* are one UPDATE and INSERT of the rows that the run wrote."""


def _setting(found: Findings) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python "
        f"{platform.python_version()}, PostgreSQL {found.server_version}, the local stack with its "
        "usual settings; from 500,000 campaigns with 2 GB of shared buffers. Function, PostgREST "
        "and PostgreSQL share the cores."
    )


def _goal_table(listed: Iterable[Goal]) -> str:
    lines = ["| goal | wanted | found | |", "|---|---|---|---|"]
    for goal in listed:
        sign = "at least" if goal.at_least else "at most"
        lines.append(
            f"| {goal.what} | {sign} {goal.wanted:g} {goal.unit} | {goal.found:.2f} {goal.unit} "
            f"| {'met' if goal.met else 'missed'} |"
        )
    return "\n".join(lines)


def _cell_table(cells: Iterable[Cell]) -> str:
    return _by_cell(
        cells,
        [
            "actions",
            *SHOWN,
            *(f"{loop}: times the database run" for loop in LOOPS),
            "function: peak MiB",
            "function: CPU",
        ],
        lambda cell: [
            f"{cell.actions:,}",
            *(_spread(cell.seconds.get(name)) for name in SHOWN),
            *(_times(cell.ratio(loop, "database run")) for loop in LOOPS),
            f"{cell.peak_memory_bytes / MIB:.0f}",
            f"{cell.function_cpu_seconds:.2f}",
        ],
    )


def _step_table(cells: Iterable[Cell]) -> str:
    names = ("begin", "decide", "apply", "detect", "measure", "finish")
    return _by_cell(
        cells,
        list(names),
        lambda cell: [_spread(cell.seconds.get(f"step {name}")) for name in names],
    )


def _by_cell(cells: Iterable[Cell], heads: list[str], values: Callable[[Cell], list[str]]) -> str:
    """One column a cell: there are more measures than cells fit beside each other."""
    listed = list(cells)
    head = [f"{cell.campaigns:,}<br>{cell.share:.1%}, {cell.rules} rules" for cell in listed]
    columns = [values(cell) for cell in listed]
    lines = ["| | " + " | ".join(head) + " |", "|---" * (len(head) + 1) + "|"]
    for at, name in enumerate(heads):
        lines.append(f"| {name} | " + " | ".join(column[at] for column in columns) + " |")
    return "\n".join(lines)


def _spread(values: list[float] | None) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x"


def _growth(cells: list[Cell]) -> str:
    usual = [cell for cell in cells if cell.share == 0.01 and cell.rules == 4]
    largest = max((cell.campaigns for cell in cells if cell.share != 0.01), default=0)
    same_size = [cell for cell in cells if cell.campaigns == largest and cell.rules == 4]
    lines = ["| | fitted |", "|---|---|"]
    for name in (SHOWN[0], "run at rest over HTTP", "database run", "finding candidates"):
        if text := growth(usual, name, lambda cell: cell.campaigns):
            lines.append(f"| {name}, against campaigns (1 % candidates) | {text} |")
    for name in ("run over HTTP, up to the applied actions", "apply", "bare statements"):
        if text := growth(same_size, name, lambda cell: cell.actions):
            lines.append(f"| {name}, against actions ({largest:,} campaigns) | {text} |")
    return "\n".join(lines) if len(lines) > 2 else "Too few sizes were measured."


def _cold_table(found: Findings) -> str:
    if not found.cold:
        return "Not measured in this run."
    lines = ["| a new process until | seconds | against the floor |", "|---|---|---|"]
    for name, times in found.cold.items():
        lines.append(f"| {name} | {_spread(times)} | {_against_floor(found, name):.2f}x |")
    loaded = ", ".join(found.unwanted) or "none"
    return "\n".join(lines) + (
        f"\n\nLoaded though no run needs them: {loaded}. The database client is imported by the "
        "first call that needs it and counted here; making it (TLS certificates) is shown apart. "
        f"{len(found.cold['import floor'])} rounds; against the floor: the median of each round's "
        "own ratio, since the two are started one after the other and a shared machine has fast "
        "and slow seconds."
    )


def _against_floor(found: Findings, name: str) -> float:
    pairs = zip(found.cold[name], found.cold["import floor"], strict=True)
    return median(one / floor for one, floor in pairs)


def _rate_table(found: Findings) -> str:
    if not found.rates:
        return "Not measured in this run."
    lines = ["| candidates a second, one core | rules | median | spread |", "|---|---|---|---|"]
    for rate in found.rates:
        lines.append(
            f"| {rate.way} | {rate.rules} | {median(rate.rates):,.0f} "
            f"| {min(rate.rates):,.0f}-{max(rate.rates):,.0f} |"
        )
    absent = ", ".join(found.absent)
    note = f"\n\nNot installed, so not compared: {absent}." if absent else ""
    return "\n".join(lines) + (
        "\n\nnumpy is given its columns ready; the others read rows. Whole decisions are matching, "
        "confidence, guardrails, sizing and breakers." + note
    )

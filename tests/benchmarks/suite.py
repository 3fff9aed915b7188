"""How fast is it, at which size? `make bench` measures, compares within one run, writes the docs.

    python -m tests.benchmarks.suite                        1,000, 10,000 and 100,000 campaigns
    python -m tests.benchmarks.suite --million              and 1,000,000 (about 5 GB of disk)
    python -m tests.benchmarks.suite --parts cold --again   one section anew
    python -m tests.benchmarks.suite --sizes 1000 --short   a minute, nothing written

Every size has a stack of its own in a temporary folder. docs/benchmarks.md says what was measured
and how; docs/benchmarks.json holds each round. The comparison with published rule engines needs
them installed by hand: pip install business-rules rule-engine.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections.abc import Callable

import psycopg

from tests.benchmarks import detectors, engine, pages
from tests.benchmarks.scale import account, report
from tests.benchmarks.scale.cells import Cell, measure
from tests.benchmarks.scale.cold import cold_starts, unwanted_modules
from tests.benchmarks.scale.engines import engine_rates
from tests.benchmarks.scale.served import served

SIZES = [1_000, 10_000, 100_000]
MILLION = 1_000_000
SHARES = [0.001, 0.01, 0.1]
RULES = [4, 50]
USUAL = 0.01
PARTS = ["runs", "cold", "engines", "engine", "detectors", "pages"]


def main() -> int:
    """Measure, print, write; 1 where a goal that was measured is missed."""
    asked = _options()
    found = report.Findings.kept() if asked.again else report.Findings()
    if "runs" in asked.parts:
        found.cells = []
    sizes = sorted({*asked.sizes, *([MILLION] if asked.million else [])})
    for campaigns in sizes if "runs" in asked.parts else ():
        _scale(found, campaigns, asked)
    if "cold" in asked.parts:
        _say("cold start")
        found.cold = cold_starts(3 if asked.short else 21)
        found.unwanted = unwanted_modules()
    if "engines" in asked.parts:
        _say("engines")
        found.rates, found.absent = engine_rates(2_000 if asked.short else 20_000, 3)
    for part, (title, work) in OTHERS.items():
        if part in asked.parts and not asked.short:
            found.texts[title] = _printed(work)
    sys.stdout.write(report.page(found))
    if not asked.short and not asked.no_write:
        report.write(found)
    return 0 if all(goal.met for goal in report.goals(found)) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--million", action="store_true", help="also 1,000,000 campaigns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--rules", type=int, nargs="+", default=RULES)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--again", action="store_true", help="keep the parts that are not named")
    parser.add_argument("--short", action="store_true", help="1 %% candidates, no other suites")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ as it is")
    return parser.parse_args()


def _scale(found: report.Findings, campaigns: int, asked: argparse.Namespace) -> None:
    """Every share, and at the usual one every number of rules."""
    shares = [USUAL] if asked.short else asked.shares
    with (
        account.stack_for(campaigns) as stack,
        psycopg.connect(stack.database_url, autocommit=True) as connection,
    ):
        found.server_version = connection.info.server_version // 10000
        for share in shares:
            filled = account.fill(connection, campaigns, share)
            for rules in asked.rules if share == USUAL else asked.rules[:1]:
                _say(f"{campaigns:,} campaigns, {share:.1%} candidates, {rules} rules")
                account.use_rules(connection, rules)
                cell = Cell(campaigns, share, rules, fill_seconds=filled)
                with served(stack) as function:
                    measure(
                        connection,
                        function,
                        cell,
                        rounds=_rounds(asked, campaigns),
                        naive=rules == 4 and (share == USUAL or campaigns < MILLION),
                    )
                found.cells.append(cell)


def _rounds(asked: argparse.Namespace, campaigns: int) -> int:
    return int(min(2, asked.rounds) if campaigns >= MILLION else asked.rounds)


def _engine() -> None:
    engine.measure(20_000, 5)


def _detectors() -> None:
    with detectors.database(None) as connection:
        detectors.speed(connection, 100_000, 1)


def _pages() -> None:
    with account.stack_for(100_000) as stack:
        pages._fill(stack.database_url, 100_000, 1_000_000)
        pages._measure(stack)


OTHERS: dict[str, tuple[str, Callable[[], None]]] = {
    "engine": ("The engine alone", _engine),
    "detectors": ("The detectors", _detectors),
    "pages": ("The pages", _pages),
}
"""Suites of their own: their functions are called, and what they print is kept as it is."""


def _printed(work: Callable[[], object]) -> str:
    """What another suite prints; where it cannot run, that."""
    text = io.StringIO()
    _say("another suite")
    try:
        with contextlib.redirect_stdout(text):
            work()
    except Exception as error:  # noqa: BLE001  the others' figures are worth having
        text.write(f"could not be measured: {type(error).__name__}: {error}\n")
    return text.getvalue()


def _say(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")


if __name__ == "__main__":
    raise SystemExit(main())

"""`make drills`: every drill, many times, on the real function, and a table of what was violated.

    python -m tests.drills.run [--times N] [--only TEXT]

Takes some fifteen minutes. The short version is tests/drills/test_drills.py.
"""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.drills.drills import DRILLS, Drill, hold
from tests.drills.yard import Yard, yard


def main() -> int:
    """Hold the drills; 1 where a law was violated."""
    options = _options()
    drills = [drill for drill in DRILLS if options.only in drill.name]
    console = Console()
    rows = []
    with yard() as ground, Progress(console=console, transient=True) as progress:
        total = sum(options.times or drill.repetitions for drill in drills)
        task = progress.add_task("drills", total=total)
        for drill in drills:
            progress.update(task, description=drill.name)
            started = time.monotonic()
            times = options.times or drill.repetitions
            violations = _hold_often(drill, ground, times, lambda: progress.advance(task))
            rows.append((drill.name, times, violations, time.monotonic() - started))
    console.print(_table(rows))
    for name, _, violations, _ in rows:
        for violation in violations[:5]:
            console.print(f"[red]{name}:[/red] {violation}", markup=True, highlight=False)
    return 1 if any(violations for _, _, violations, _ in rows) else 0


def _hold_often(drill: Drill, ground: Yard, times: int, advance: object) -> list[str]:
    violations = []
    for n in range(times):
        try:
            violations += [f"repetition {n}: {each}" for each in hold(drill, ground, n)]
        except Exception as error:  # noqa: BLE001  a drill that breaks down is a violation, not the end
            violations.append(f"repetition {n}: {type(error).__name__}: {error}")
        advance()  # type: ignore[operator]
    return violations


def _table(rows: list[tuple[str, int, list[str], float]]) -> Table:
    table = Table("drill", title="Drills", show_footer=True)
    table.columns[0].footer = "together"
    for name, footer in (
        ("repetitions", sum(row[1] for row in rows)),
        ("violations", sum(len(row[2]) for row in rows)),
        ("seconds", round(sum(row[3] for row in rows))),
    ):
        table.add_column(name, justify="right", footer=str(footer))
    for name, times, violations, seconds in rows:
        table.add_row(name, str(times), str(len(violations)), f"{seconds:.0f}")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--times", type=int, default=0, help="so many repetitions of each drill")
    parser.add_argument("--only", default="", help="only drills with this in their name")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

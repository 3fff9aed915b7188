"""The rules in a simulated market: `make simulate`.

Every policy plays the same seeded markets. The plain ones are functions; those of this system
are carried out by its own SQL on simulated time (`run_autonomous_operations(p_now)`); a test plays
one market through the runner, PostgREST and the Python engine as well, which must earn the same.

    python -m tests.simulation.market --seeds 8 --write
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.simulation import database_policies, plain_policies
from tests.simulation.result import Result
from tests.simulation.world import Score, Truth

DOCS = Path(__file__).resolve().parents[2] / "docs"
_TEMPLATE = "market_template"

PLAIN: dict[str, Callable[[int, Truth], Score]] = {
    "no automation": plain_policies.no_automation,
    "usual rules, every hour": plain_policies.usual_rules,
    "usual rules, once a day, +20 %": plain_policies.usual_rules_daily,
    "oracle (knows the truth)": plain_policies.oracle,
}
ORDER = (
    "no automation", "usual rules, every hour", "usual rules, once a day, +20 %",
    *database_policies.SETTINGS, "oracle (knows the truth)",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One policy in one market."""

    name: str
    seed: int
    truth: Truth
    every_hours: int
    server_url: str

    def play(self) -> Score:
        if self.name in PLAIN:
            return PLAIN[self.name](self.seed, self.truth)
        setting = database_policies.SETTINGS[self.name]
        with scratch(self.server_url, f"market_{self.seed}_{abs(hash(self.name))}") as url:
            return database_policies.play(
                url, setting, self.seed, self.truth, every_hours=self.every_hours
            )


@contextmanager
def scratch(server_url: str, name: str) -> Iterator[str]:
    """A migrated, empty database of its own, dropped at the end."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        target, template = sql.Identifier(name), sql.Identifier(_TEMPLATE)
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(target))
        connection.execute(sql.SQL("create database {} template {}").format(target, template))
        yield _other(server_url, name)
        connection.execute(sql.SQL("drop database {} with (force)").format(target))


def prepare(server_url: str) -> None:
    """Makes the database from which the others are copied."""
    from autonomy.migrate import apply

    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {_TEMPLATE}")
    apply(_other(server_url, _TEMPLATE))


def _other(server_url: str, database: str) -> str:
    parts = conninfo_to_dict(server_url)
    return (
        f"postgresql://{parts['user']}:{parts['password']}"
        f"@{parts['host']}:{parts['port']}/{database}"
    )


def simulate(
    names: Sequence[str], seeds: int, truth: Truth, *, every_hours: int, jobs: int, server_url: str
) -> list[Result]:
    """Every policy in every market, longest first so that no core idles at the end."""
    tasks = [
        Task(name, seed, truth, every_hours, server_url)
        for name, seed in itertools.product(sorted(names, key=lambda n: n in PLAIN), range(seeds))
    ]
    scores: dict[tuple[str, int], Score] = {}
    with ProcessPoolExecutor(jobs) as pool:
        for done, (task, score) in enumerate(zip(tasks, pool.map(Task.play, tasks), strict=True)):
            scores[task.name, task.seed] = score
            if sys.stderr.isatty():
                print(
                    f"\r{done + 1}/{len(tasks)} markets played", end="", file=sys.stderr, flush=True
                )
    print(file=sys.stderr)
    return [Result(name, [scores[name, seed] for seed in range(seeds)]) for name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    truth = Truth(campaigns=options.campaigns, days=options.days)
    names = [name for name in ORDER if not options.policy or name in options.policy]
    began = time.monotonic()
    from autonomy.local import LocalStack
    from autonomy.local.places import remove

    folder = Path(tempfile.mkdtemp(prefix="autonomy-market-"))
    try:
        with LocalStack(folder) as stack:
            prepare(stack.database_url)
            results = simulate(
                names, options.seeds, truth, every_hours=options.every, jobs=options.jobs,
                server_url=stack.database_url,
            )  # fmt: skip
    finally:
        remove(folder)
    seconds = time.monotonic() - began
    from tests.simulation.paper import table, write

    print(table(results))
    print(f"\n{options.seeds} markets each, {seconds:.0f} s")
    if options.write:
        write(DOCS, results, truth, options.every)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.market")
    parser.add_argument("--seeds", type=int, default=6, help="markets per policy")
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--every", type=int, default=6, help="hours between two runs of ours")
    parser.add_argument("--jobs", type=int, default=2, help="markets played at once")
    parser.add_argument(
        "--policy", action="append", choices=ORDER, help="only this one (repeatable)"
    )
    parser.add_argument("--write", action="store_true", help="write docs/simulation.md and .svg")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""The rules in a simulated market: `make simulate`.

Every policy plays the same seeded markets. The plain ones are functions; those of this system
are carried out by its own SQL on simulated time (`run_autonomous_operations(p_now)`); a test plays
one market through the runner, PostgREST and the Python engine as well, which must earn the same.

    python -m tests.simulation.market --seeds 8 --worlds --write
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.simulation import database_policies, plain_policies
from tests.simulation.paper import NOTHING, ORACLE, Findings, table, worlds_table, write
from tests.simulation.result import Result
from tests.simulation.world import TODAY, WORLDS, Score, Truth

DOCS = Path(__file__).resolve().parents[2] / "docs"
_TEMPLATE = "market_template"

PLAIN: Mapping[str, Callable[[int, Truth], Score]] = {
    NOTHING: plain_policies.no_automation,
    "usual rules, every hour": plain_policies.usual_rules,
    "usual rules, once a day, +20 %": plain_policies.usual_rules_daily,
    "published rule set": plain_policies.published_rules,
    "budgets by ROAS": plain_policies.by_roas,
    "budgets by ROAS²": plain_policies.by_roas_squared,
    "equal marginal return": plain_policies.equal_marginal,
    ORACLE: plain_policies.oracle,
}
ORDER = (*(name for name in PLAIN if name != ORACLE), *database_policies.SETTINGS, ORACLE)
IN_EVERY_WORLD = (
    "usual rules, once a day, +20 %", "budgets by ROAS²", "equal marginal return",
    "four default rules", "budget optimisation",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One policy in one market."""

    name: str
    seed: int
    truth: Truth
    every_hours: int
    server_url: str
    total: float | None = None

    def play(self) -> Score:
        if self.name == ORACLE and self.total is not None:
            return plain_policies.oracle_within(self.total)(self.seed, self.truth)
        if self.name in PLAIN:
            return PLAIN[self.name](self.seed, self.truth)
        setting = database_policies.SETTINGS[self.name]
        with scratch(self.server_url, f"market_{self.seed}_{abs(hash(self.name))}") as url:
            return database_policies.play(
                url, setting, self.seed, self.truth, every_hours=self.every_hours, total=self.total
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
    names: Iterable[str],
    seeds: int,
    truth: Truth,
    *,
    every_hours: int,
    jobs: int,
    server_url: str,
    total: float | None = None,
) -> list[Result]:
    """Every policy in every market, longest first so that no core idles at the end.

    `total`: what all budgets together may be, as a share of the campaigns' first ones; of ours and
    of the oracle alone. Doing nothing and knowing the truth are always among them: they are what
    shares are of.
    """
    wanted = {NOTHING, ORACLE, *names}
    ordered = [name for name in ORDER if name in wanted]
    tasks = [
        Task(name, seed, truth, every_hours, server_url, total)
        for name, seed in itertools.product(sorted(ordered, key=lambda n: n in PLAIN), range(seeds))
    ]
    scores: dict[tuple[str, int], Score] = {}
    with ProcessPoolExecutor(jobs) as pool:
        for done, (task, score) in enumerate(zip(tasks, pool.map(Task.play, tasks), strict=True)):
            scores[task.name, task.seed] = score
            if sys.stderr.isatty():
                print(
                    f"\r{done + 1}/{len(tasks)} markets played", end="", file=sys.stderr, flush=True
                )
    return [Result(name, [scores[name, seed] for seed in range(seeds)]) for name in ordered]


def _in_worlds(options: argparse.Namespace, server_url: str) -> dict[str, list[Result]]:
    names = [name for name in IN_EVERY_WORLD if not options.policy or name in options.policy]
    found = {}
    for world in options.worlds or ():
        truth = replace(WORLDS[world], days=options.days)
        # A small account's luck weighs more: there are more of them.
        seeds = options.world_seeds * max(1, 100 // truth.campaigns)
        found[world] = simulate(
            names, seeds, truth, every_hours=options.every, jobs=options.jobs,
            server_url=server_url,
        )  # fmt: skip
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    truth = replace(TODAY, campaigns=options.campaigns, days=options.days)
    began = time.monotonic()
    from autonomy.local import LocalStack
    from autonomy.local.places import remove

    folder = Path(tempfile.mkdtemp(prefix="autonomy-market-"))
    try:
        with LocalStack(folder) as stack:
            prepare(stack.database_url)
            results = simulate(
                options.policy or ORDER, options.seeds, truth, every_hours=options.every,
                jobs=options.jobs, server_url=stack.database_url, total=options.total,
            )  # fmt: skip
            worlds = _in_worlds(options, stack.database_url)
    finally:
        remove(folder)
    print(table(results))
    if worlds:
        print("\n" + worlds_table(worlds, IN_EVERY_WORLD))
    print(f"\n{options.seeds} markets each, {time.monotonic() - began:.0f} s")
    if options.write:
        found = Findings(results, worlds, IN_EVERY_WORLD, truth, options.every, options.world_seeds)
        write(DOCS, found)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.market")
    parser.add_argument("--seeds", type=int, default=6, help="markets per policy")
    parser.add_argument("--campaigns", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--every", type=int, default=6, help="hours between two runs of ours")
    parser.add_argument("--jobs", type=int, default=2, help="markets played at once")
    parser.add_argument(
        "--total", type=float, metavar="SHARE",
        help="a fixed total: so much of the campaigns' first budgets together, 1 for all of them",
    )  # fmt: skip
    parser.add_argument(
        "--policy", action="append", choices=ORDER, help="only this one (repeatable)"
    )
    parser.add_argument(
        "--worlds", nargs="*", metavar="WORLD",
        help=f"other worlds too, all of them or these: {', '.join(WORLDS)}",
    )  # fmt: skip
    parser.add_argument("--world-seeds", type=int, default=2, help="markets per policy and world")
    parser.add_argument("--write", action="store_true", help="write docs/simulation.md and .svg")
    options = parser.parse_args(arguments)
    if options.worlds == []:
        options.worlds = list(WORLDS)
    unknown = set(options.worlds or ()) - set(WORLDS)
    if options.total is not None and (options.worlds or options.write):
        parser.error("--total goes neither with --worlds nor with --write")
    if unknown:
        parser.error(f"no such world: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())

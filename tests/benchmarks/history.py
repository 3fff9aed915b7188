"""How fast the past is: a million rows in, replays daily and hourly, the rule editor's preview.

python -m tests.benchmarks.history [--campaigns 1000] [--days 90] [--only import ...]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from autonomy.imports.load import import_files
from autonomy.local import LocalStack
from autonomy.local.places import remove
from autonomy.local.sample import load
from autonomy.migrate import apply
from autonomy.replay.past import Period
from autonomy.replay.replay import active_rules, replay
from autonomy.replay.rule_preview import preview_rules

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LIMITS = {"import": 60.0, "daily": 20.0, "hourly": 300.0, "preview": 2.0}


def write_export(path: Path, rows: int) -> None:
    """A Google Ads report by hour, with a preamble, thousands marks and a total row."""
    random.seed(1)
    first, campaigns = date(2026, 8, 1), 500
    with path.open("w", encoding="utf-8") as file:
        file.write("Campaign report\n1 August 2026 - 22 October 2026\n")
        file.write("Campaign,Campaign ID,Day,Hour of the day,Currency code,Impr.,Clicks,Cost,")
        file.write("Conversions,Conv. value\n")
        for number in range(rows):
            hour, campaign = number // campaigns, number % campaigns
            day = first + timedelta(days=hour // 24)
            file.write(
                f'"Campaign {campaign}, blue",9{campaign:05d},{day},{hour % 24},USD,'
                f'"{random.randint(1, 3)},{random.randint(100, 999)}",{random.randint(0, 50)},'
                f"{random.random() * 30:.2f},{random.randint(0, 3)}.00,{random.random() * 40:.2f}\n"
            )
        file.write("Total: Campaigns, --,,,USD,1,1,1,1,1\n")


def timed(name: str, work: Callable[[], Any], *, what: str) -> float:
    began, cpu = time.monotonic(), time.process_time()
    work()
    seconds = time.monotonic() - began
    verdict = "within" if seconds <= LIMITS[name] else "ABOVE"
    print(
        f"{what}: {seconds:.1f} s ({time.process_time() - cpu:.1f} s of it Python),"
        f" {verdict} {LIMITS[name]:.0f} s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores;"
        f" peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB",
        flush=True,
    )
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history")
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", choices=list(LIMITS), default=list(LIMITS))
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="autonomy-bench-"))
    slow = 0
    try:
        with LocalStack(folder) as stack:
            apply(stack.database_url)
            slow = measure(stack.database_url, options)
    finally:
        remove(folder)
    return 1 if slow else 0


def measure(url: str, options: argparse.Namespace) -> int:
    """How many are above their limit."""
    seconds: dict[str, float] = {}
    if "import" in options.only:
        with tempfile.TemporaryDirectory() as there:
            file = Path(there) / "export.csv"
            write_export(file, options.rows)
            seconds["import"] = timed(
                "import", lambda: import_files(url, [file]), what=f"import of {options.rows:,} rows"
            )
        _empty(url)
    began = time.monotonic()
    rows = load(url, now=NOW, campaigns=options.campaigns, days=options.days)
    print(
        f"{rows:,} hourly rows of {options.campaigns:,} campaigns: {time.monotonic() - began:.1f} s"
    )
    for name, hours in (("daily", 24.0), ("hourly", 1.0)):
        if name in options.only:
            period = Period(start=NOW - timedelta(days=options.days), every_hours=hours)
            seconds[name] = timed(
                name,
                partial(replay, url, period=period),
                what=f"{options.campaigns:,} campaigns, {options.days} days replayed {name}",
            )
    if "preview" in options.only:
        rules = active_rules(url)
        seconds["preview"] = timed(
            "preview",
            lambda: preview_rules(url, rules, now=NOW),
            what=f"preview of 30 days for {options.campaigns:,} campaigns",
        )
    return sum(taken > LIMITS[name] for name, taken in seconds.items())


def _empty(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("truncate public.campaigns cascade")


if __name__ == "__main__":
    sys.exit(main())

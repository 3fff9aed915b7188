"""As many campaigns as there may be: nothing is lost, in little memory, with few calls.

The figures stand in a file that the fake reads, in a process of its own; what has arrived in the
database is compared with that file.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.platforms.sync import Way, pull
from autonomy.store import Store
from tests.benchmarks.scale.served import Function
from tests.integration import test_web
from tests.integration.test_web import BEARER, OPERATOR
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.serve import variables
from tests.platforms.world import Account, Figures, PlainWorld, Thing

sql, store, settings = test_web.sql, test_web.store, test_web.settings

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, SHOP, ZONE = "1234567890", "Many", "Europe/Berlin"
DAYS = 28
MEMORY = 256 << 20
MEASURES = ("spend", "revenue", "conversions", "clicks", "impressions")
SIZES = (40, pytest.param(5000, marks=pytest.mark.long))
Truth = dict[str, dict[str, Decimal]]


def tree(platform: str, campaigns: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Things, and whether it is they that spend. Of Meta's a fifth have it on two ad sets."""
    for number in range(1, campaigns + 1):
        own = {"external_id": str(number * 10), "account": ACCOUNT, "title": f"Campaign {number}"}
        budget = {"daily": f"{20 + number % 90}.{number % 100:02}"}
        if platform == "google":
            yield own | budget, True
            continue
        split = number % 5 == 0
        yield own | ({} if split else budget), False
        for part in (1, 2) if split else (1,):
            under = {"external_id": str(number * 10 + part), "title": f"Set {part}"}
            below = own | under | {"parent": own["external_id"]} | (budget if split else {})
            yield below, True


def write_world(path: Path, platform: str, campaigns: int) -> Truth:
    """The files of a fake, and what each unit's figures come to: by the id of what has a budget."""
    today = datetime.now(ZoneInfo(ZONE)).date()
    chance, truth = random.Random(7), Truth()
    things = list(tree(platform, campaigns))
    account = {"external_id": ACCOUNT, "name": SHOP, "currency": "EUR", "time_zone": ZONE}
    told = {"now": datetime.now(UTC).isoformat(), "accounts": [account],
            "things": [thing for thing, _ in things]}  # fmt: skip
    path.write_text(json.dumps(told), encoding="utf-8")
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ("external_id", "day", *MEASURES))
        rows.writeheader()
        for thing in (thing for thing, spends in things if spends):
            unit = thing["external_id"] if "daily" in thing else thing["parent"]
            sums = truth.setdefault(unit, dict.fromkeys(MEASURES, Decimal(0)))
            for ago in range(1, DAYS + 1):
                parts = 100 if platform == "google" else 1  # Google tells parts of conversions
                figures = {
                    "spend": Decimal(chance.randint(1, 99_999)) / 100,
                    "revenue": Decimal(chance.randint(0, 400_000)) / 100,
                    "conversions": Decimal(chance.randint(0, 40 * parts)) / parts,
                    "clicks": Decimal(chance.randint(10, 180) * 5),
                    "impressions": Decimal(chance.randint(1000, 90_000)),
                }
                day = today - timedelta(days=ago)
                rows.writerow({"external_id": thing["external_id"], "day": day, **figures})
                if platform == "meta":  # of its clicks, the fake's, four in five are on the link
                    figures["clicks"] = figures["clicks"] * 4 / 5
                for name, value in figures.items():
                    sums[name] += value
    return truth


@contextmanager
def served(platform: str, world: Path) -> Iterator[dict[str, str]]:
    """The variables that lead to a fake in a process of its own."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.platforms.serve", platform, "--world", str(world),
         "--variables"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    try:
        yield json.loads(running.stdout.readline())["variables"]
    finally:
        running.kill()
        running.communicate()


def connect(store: Store, platform: str, account: str = SHOP, external_id: str = ACCOUNT) -> None:
    facts = {"name": account, "currency": "EUR", "time_zone": ZONE}
    store.rpc(
        "connect_platform_account", p_account=account, p_platform=platform,
        p_external_id=external_id, p_facts=facts,
    )  # fmt: skip


def read_all(url: str) -> dict[str, int]:
    """Reads until everything is in; how many readings, units, days."""
    count = dict.fromkeys(("readings", "units", "days", "rejected", "unknown"), 0)
    for _ in range(20):
        asked = urllib.request.Request(
            url, data=b'{"sync": "only"}', headers={**BEARER, "Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=900) as answer:
            (one,) = json.load(answer)["result"]["accounts"]
        assert one["outcome"] in ("done", "stopped"), one
        count["readings"] += 1
        for name in ("days", "rejected", "unknown"):
            count[name] += one[name]
        count["units"] = one["units"]
        if one["outcome"] == "done":
            return count
    raise AssertionError(f"It does not come to an end: {count}")


@pytest.mark.parametrize("campaigns", SIZES)
@pytest.mark.parametrize("platform", ["meta", "google"])
def test_every_figure_of_a_months_file_arrives(
    platform: str, campaigns: int, fresh: LocalStack, store: Store, sql: Any, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    world = tmp_path / "world.json"
    truth = write_world(world, platform, campaigns)
    connect(store, platform)
    log = tmp_path / "function.log"
    with served(platform, world) as reached:
        variables = {**fresh.environment(), **reached, "AUTONOMY_API_TOKEN": OPERATOR,
                     "AUTONOMY_DEADLINE_SECONDS": "600"}  # fmt: skip
        with FunctionServer(variables, log=log) as server:
            began = time.monotonic()
            count = read_all(server.url)
            seconds, memory = time.monotonic() - began, Function(server, log).peak_memory()
    told = {
        row[0]: dict(zip(MEASURES, row[1:], strict=True))
        for row in sql(
            f"select x.external_id, {', '.join(f'sum(m.{name})' for name in MEASURES)}"
            " from campaign_metrics m join autonomy.platform_units x using (campaign_id) group by 1"
        )
    }
    assert told.keys() == truth.keys()
    wrong = [
        (unit, name, told[unit][name], truth[unit][name])
        for unit in truth for name in MEASURES if told[unit][name] != truth[unit][name]
    ]  # fmt: skip
    assert wrong[:5] == []
    assert sql("select count(*), count(distinct external_id) from autonomy.platform_units") == [
        (len(truth), len(truth))
    ]
    assert sql("select count(*) from campaign_metrics") == [(len(truth) * DAYS,)]
    assert count["rejected"] == count["unknown"] == 0
    assert memory < MEMORY
    with capsys.disabled():
        print(
            f"\n{platform}: {campaigns} campaigns, {len(truth)} units, {count['days']} days in"
            f" {count['readings']} readings, {seconds:.1f} s, {memory >> 20} MiB"
        )


# 50,000 campaigns in 50 accounts. Calls of the hourly reading, counted by the fake. Of Meta's
# every campaign has two ad sets with budgets of their own: 51 is what five times as many take.
META_CALLS_AN_HOUR, META_LIMIT_AN_HOUR = 51, 500
GOOGLE_CALLS_A_DAY, GOOGLE_EXPLORER, GOOGLE_BASIC = 150, 2_880, 15_000


def filled(platform: str, external_id: str, campaigns: int) -> PlainWorld:
    """An account each of whose units has spent a little yesterday and today."""
    world = PlainWorld(datetime.now(UTC))
    world.accounts[external_id] = Account(external_id, f"Account {external_id}")
    today = world.now().astimezone(ZoneInfo(ZONE)).date()
    for number in range(1, campaigns + 1):
        name = f"{external_id}{number:05}0"
        world.add(Thing(name, external_id, f"Campaign {number}"),
                  "30" if platform == "google" else None)  # fmt: skip
        spenders = [name]
        if platform == "meta":
            spenders = [f"{name[:-1]}{part}" for part in (1, 2)]
            for one in spenders:
                world.add(Thing(one, external_id, f"Set {one}", parent=name), "30")
        for one in spenders:
            for day in (today - timedelta(days=1), today):
                world.tell(
                    Figures(one, day, 0, 100, 80, 10, Decimal(1), Decimal("1.23"), Decimal(2)),
                    known_at=world.now() - timedelta(days=1),
                )
    return world


@pytest.mark.parametrize(
    ("accounts", "campaigns"),
    [(2, 60), pytest.param(50, 1000, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("platform", ["meta", "google"])
def test_readings_keep_within_the_platforms_limits(
    platform: str, accounts: int, campaigns: int, fresh: LocalStack, store: Store, sql: Any,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    hourly: list[int] = []
    first: list[int] = []
    began = time.monotonic()
    for number in range(accounts):
        external_id = str(1_000_000_001 + number)
        world = filled(platform, external_id, campaigns)
        fake = FakeMeta(world) if platform == "meta" else FakeGoogle(world)
        try:
            for name, value in variables(fake, fake.start()).items():
                monkeypatch.setenv(name, value)
            connect(store, platform, f"Account {external_id}", external_id)
            for counted in (first, hourly):
                before = len(fake.calls)
                found = pull(store, f"Account {external_id}", Way())
                assert (found.outcome, found.rejected) == ("done", 0), found
                tokens = sum(call.path == "/token" for call in fake.calls[before:])
                counted.append(len(fake.calls) - before - tokens)
        finally:
            fake.stop()
    units = 2 * campaigns if platform == "meta" else campaigns
    assert sql("select count(*), count(distinct account) from autonomy.platform_units") == [
        (accounts * units, accounts)
    ]
    assert sql("select sum(spend) from campaign_metrics") == [
        (Decimal("1.23") * 2 * accounts * units,)
    ]
    with capsys.disabled():
        print(
            f"\n{platform}: {accounts} accounts of {campaigns} campaigns: at first {max(first)}"
            f" calls, hourly {max(hourly)} each, {sum(hourly)} all ({time.monotonic() - began:.0f}"
            " s)"
        )
    if platform == "meta":
        assert max(hourly) <= META_CALLS_AN_HOUR
        assert max(first) <= META_LIMIT_AN_HOUR
        return
    # a day: 24 readings, of which one reads a month anew, which costs less than the first does
    a_day = [24 * each + begun for each, begun in zip(hourly, first, strict=True)]
    assert max(a_day) <= GOOGLE_CALLS_A_DAY < GOOGLE_EXPLORER
    assert sum(a_day) <= GOOGLE_BASIC


# Killed anywhere -------------------------------------------------------------------------------

POINTS = ("after_pull_page", "after_pull_units", "after_pull_days", "after_pull_slice")


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_killed_at_every_point_nothing_comes_twice_and_what_we_did_stays(
    platform: str, fresh: LocalStack, store: Store, sql: Any, tmp_path: Path
) -> None:
    world = tmp_path / "world.json"
    truth = write_world(world, platform, 10)
    connect(store, platform)
    ended = "update autonomy.platform_accounts set lease_expires_at = now() - interval '1 second'"
    with served(platform, world) as reached:
        given = {**os.environ, **fresh.environment(), **reached}

        def read(fault: str = "") -> int:
            return subprocess.run(
                [sys.executable, "-m", "autonomy", "sync"], cwd=ROOT, capture_output=True,
                check=False, timeout=120, env={**given, "AUTONOMY_FAULT": fault},
            ).returncode  # fmt: skip

        for point in POINTS:
            assert read(f"{point}:kill") == -9, point
            sql(ended)
        assert read() == 0
        one, two = sql("select c.id from campaigns c order by c.budget limit 2")
        sql("select auto_scale_campaign(%s, 150, 'by hand')", one[0])
        sql("select auto_pause_campaign(%s, 'by hand')", two[0])
        ours = sql("select id, status, budget from campaigns order by id")
        sql("update autonomy.platform_accounts set restated_at = null")
        for point in POINTS:
            assert read(f"{point}:kill") == -9, point
            sql(ended)
        assert read() == 0
    assert sql("select id, status, budget from campaigns order by id") == ours
    assert sql("select count(*) from campaign_changes where kind = 'platform'") == [(0,)]
    assert sql("select count(*) from autonomous_actions where status = 'executed'") == [(2,)]
    assert sql("select count(*), count(distinct external_id) from autonomy.platform_units") == [
        (len(truth), len(truth))
    ]
    assert sql("select count(*), sum(spend), sum(conversions) from campaign_metrics") == [
        (len(truth) * DAYS, sum(one["spend"] for one in truth.values()),
         sum(one["conversions"] for one in truth.values()))
    ]  # fmt: skip

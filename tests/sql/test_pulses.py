"""Whether the measurement of a connected account works, told from hour to hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.sql import effects
from tests.sql.effects import Db, value

clean_tables = effects.clean_tables

START = datetime(2026, 10, 12, tzinfo=UTC)  # summer time ends on the 25th in Berlin
DAYS = 20
STATED = "select * from autonomy.pulses_told('{}', '{}', (select p from autonomy_policy p), %s)"


class Account(NamedTuple):
    name: str
    zone: str
    a_day: int
    """Conversions."""
    lag: float
    """Hours until a conversion is reported, in the mean."""
    every: int
    """Minutes between readings."""
    lumps: float = 0
    """Hours between two tellings of conversions; 0: at each reading. 24: once, of the whole day."""


HEALTHY = [
    Account(f"{a_day} {lag} {every} {lumps} {zone}", zone, a_day, lag, every, lumps)
    for a_day, lag, every, lumps, zone in (
        (40, 0.2, 60, 0, "Europe/Berlin"), (80, 2, 60, 0, "Asia/Tokyo"),
        (80, 8, 60, 0, "America/Los_Angeles"), (150, 2, 60, 3, "Europe/Berlin"),
        (400, 8, 10, 0, "UTC"), (400, 4, 60, 6, "UTC"), (150, 0.2, 120, 0, "Europe/Berlin"),
        (400, 2, 120, 0, "America/Los_Angeles"), (22, 0.2, 60, 0, "UTC"), (22, 2, 60, 3, "UTC"),
        # Meta: clicks by the hour, conversions as the day's total, late
        (80, 6, 60, 24, "Europe/Berlin"), (400, 6, 60, 24, "Asia/Tokyo"),
        (150, 12, 60, 24, "America/Los_Angeles"), (60, 15, 60, 0, "UTC"),
        (150, 15, 60, 0, "Europe/Berlin"), (250, 4, 60, 0, "Asia/Tokyo"),
    )
]  # fmt: skip


def pulses(
    account: Account, seed: int, broken_from: datetime | None = None
) -> list[tuple[str, datetime, date, float, float, float]]:
    """What each reading told: nothing is reported any more from `broken_from` on."""
    random = np.random.default_rng(seed)
    zone = ZoneInfo(account.zone)
    hours = DAYS * 24
    local = [(START + timedelta(hours=hour)).astimezone(zone) for hour in range(hours)]
    days = {one.date() for one in local}
    day_noise = dict(zip(sorted(days), random.gamma(25, 1 / 25, len(days)), strict=True))
    shape = np.array([0.3 + 1.4 * np.exp(-(((one.hour - 14) / 5) ** 2)) for one in local])
    weekday = np.array([0.8 if one.weekday() >= 5 else 1.0 for one in local])
    clicks = random.poisson(account.a_day / 0.025 / 24 * shape * weekday)
    rate = 0.025 * weekday * np.array([day_noise[one.date()] for one in local])
    brought = random.poisson(clicks * rate)
    clicked = np.repeat(np.arange(hours), brought) + random.random(brought.sum())
    reported = clicked + random.exponential(account.lag, clicked.size)
    if broken_from is not None:
        keep = reported < (broken_from - START) / timedelta(hours=1)
        clicked, reported = clicked[keep], reported[keep]
    day_of = np.array(
        [(START + timedelta(hours=at)).astimezone(zone).toordinal() for at in clicked]
    )
    so_far = np.concatenate([[0], np.cumsum(clicks)])
    told: list[tuple[str, datetime, date, float, float, float]] = []
    at, last_told = 0.0, -1.0
    while (at := at + account.every / 60 + random.uniform(-0.03, 0.03)) < hours:
        if random.random() < 0.02:
            continue  # a reading that failed
        now = START + timedelta(hours=at)
        today = now.astimezone(zone)
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        began = max((midnight - START) / timedelta(hours=1), 0)
        if account.lumps == 24:  # once a day, in the evening
            due = at - last_told > 12 and today.hour >= 18 + random.integers(4)
            last_told = at if due else last_told
        elif at - last_told >= account.lumps * random.uniform(0.6, 1.4):
            last_told = at
        seen = (day_of == today.toordinal()) & (reported <= last_told)
        counted = np.interp([began, at], np.arange(so_far.size), so_far)
        told.append((account.name, now, today.date(), 0, counted[1] - counted[0], int(seen.sum())))
    return told


def connect(db: Db, name: str, zone: str = "UTC") -> None:
    db.execute(
        "insert into autonomy.platform_accounts (account, platform, external_id)"
        " select %s, 'meta', count(*) + 1 from autonomy.platform_accounts", (name,)
    )  # fmt: skip
    db.execute(
        "insert into autonomy_accounts (account, currency, time_zone, mode)"
        " values (%s, 'EUR', %s, 'observe') on conflict (account) do update set"
        " time_zone = excluded.time_zone", (name, zone)
    )  # fmt: skip


def tell(db: Db, rows: list[Any]) -> None:
    with db.cursor().copy(
        "copy autonomy.platform_pulse (account, at, day, spend, clicks, conversions) from stdin"
    ) as out:
        for row in rows:
            out.write_row(row)


def put(db: Db, accounts: list[Account], seed: int, broken_from: datetime | None = None) -> None:
    for place, account in enumerate(accounts):
        connect(db, account.name, account.zone)
        tell(db, pulses(account, 100 * seed + place, broken_from))
    db.execute("analyze autonomy.platform_pulse")


def looked(db: Db, hour: float) -> dict[str, Any]:
    now = START + timedelta(hours=hour, minutes=7)
    rows = db.execute(STATED.encode(), (now,)).fetchall()
    return {account: (enough, tripped) for account, _, _, _, enough, tripped in rows}


@pytest.mark.parametrize("seed", [1, 2])
def test_healthy_accounts_are_left_alone(db: Db, seed: int) -> None:
    put(db, HEALTHY, seed)
    enough: set[str] = set()
    for hour in range(6 * 24, DAYS * 24, 5):
        for account, (tells, tripped) in looked(db, hour).items():
            assert not tripped, (account, hour)
            enough |= {account} if tells else set()
    assert len(enough) >= 10
    assert not {one.name for one in HEALTHY if one.lumps == 24} & enough


def test_an_outage_is_caught_within_hours(db: Db) -> None:
    begun = 16 * 24 + 4
    put(db, HEALTHY, 3, START + timedelta(hours=begun))
    before = [looked(db, hour) for hour in range(begun - 4, begun)]
    waits = {account for look in before for account, (tells, _) in look.items() if tells}
    assert len(waits) >= 7
    caught: dict[str, int] = {}
    for hour in range(begun, begun + 27):
        for account, (_, tripped) in looked(db, hour).items():
            if tripped:
                caught.setdefault(account, hour - begun)
    assert waits <= caught.keys()
    reported = {one.name for one in HEALTHY if one.a_day >= 80 and one.lag < 8}
    assert len(waits & reported) >= 5
    assert all(5 <= caught[account] <= 19 for account in waits & reported), caught


def steady(name: str, days: int, **more: Any) -> list[tuple[Any, ...]]:
    """A reading an hour: each brings 100 clicks and 4 conversions, until it is `broken` so long."""
    broken = more.get("broken", 0)
    rows, end = [], START + timedelta(days=days)
    moment = START
    clicks = conversions = 0
    while (moment := moment + timedelta(hours=1)) <= end:
        if moment.hour == 0:  # the last hour of a day is told by nobody
            clicks = conversions = 0
            rows.append((name, moment, moment.date(), 0, 0, 0))
            continue
        clicks += 100
        conversions += 0 if moment > end - timedelta(hours=broken) else 4
        rows.append((name, moment, moment.date(), 0, clicks, conversions))
    return rows


def told(db: Db, days: int = 10) -> Any:
    now = START + timedelta(days=days, minutes=10)
    return db.execute(STATED.encode(), (now,)).fetchone()


def at(hour: float, minute: int = 0) -> datetime:
    return START + timedelta(hours=hour, minutes=minute)


def test_what_a_total_grew_by(db: Db) -> None:
    connect(db, "Zoned", "Asia/Tokyo")  # its day begins at 15 h
    day = START.date()
    tell(db, [
        ("Zoned", at(9), day, 0, 100, 8), ("Zoned", at(10), day, 0, 130, 9),
        ("Zoned", at(11), day, 0, 140, 7),  # restated: nothing came
        ("Zoned", at(14), day, 0, 200, 12),  # after too long
        ("Zoned", at(15, 30), day + timedelta(days=1), 0, 20, 3),
        ("Zoned", at(16, 30), day, 0, 210, 13),  # a day that is over
        ("Zoned", at(17), day + timedelta(days=1), 0, 50, 4),
    ])  # fmt: skip
    found = db.execute(
        "select round(age::numeric, 2), hour, round(hours::numeric, 2), clicks, conversions"
        " from autonomy.pulse_steps(%s) order by age desc", (at(17, 5),)
    ).fetchall()  # fmt: skip
    assert [[float(number) for number in row] for row in found] == [
        [7, 18, 1, 30, 1], [6, 19, 1, 10, 0], [1.5, 0, 0.5, 20, 3], [0, 1, 2, 50, 4],
    ]  # fmt: skip
    assert db.execute("select * from autonomy.pulse_steps(%s)", (at(19),)).fetchall() == []


def test_the_portfolio_says_so(db: Db) -> None:
    connect(db, "Steady")
    effects.campaign(db, account="Steady")
    tell(db, steady("Steady", 10, broken=20))
    now = START + timedelta(days=10, minutes=10)
    (account,) = value(db, "select portfolio_state(%s)", now)["accounts"]
    tracking = account["tracking"]
    assert (tracking["tripped"], tracking["hours"], tracking["observed"]) == (True, 12, 0)
    assert tracking["expected"] == pytest.approx(44)
    db.execute("delete from autonomy.platform_pulse where at > %s", (now - timedelta(hours=20),))
    (account,) = value(db, "select portfolio_state(%s)", now)["accounts"]
    assert not account["tracking"]["tripped"]  # nobody reads it: NOT_SYNCED holds it


@pytest.mark.parametrize(
    ("broken", "days", "gone", "trips"),
    [(20, 10, "false", True), (0, 10, "false", False),
     (20, 4, "false", False),  # too young
     (20, 10, "at < timestamptz '2026-10-22Z' - interval '3 days'", False),  # too few before
     (20, 10, "at > timestamptz '2026-10-21Z' and extract(hour from at) <> 23", False)],  # now
)  # fmt: skip
def test_too_few_hours_say_nothing(db: Db, broken: int, days: int, gone: str, trips: bool) -> None:
    connect(db, "Steady")
    tell(db, steady("Steady", days, broken=broken))
    db.execute(f"delete from autonomy.platform_pulse where {gone}".encode())
    seen = told(db, days)
    assert (seen is not None and seen[5]) is trips, seen


def test_more_clicks_or_other_campaigns_are_no_outage(db: Db) -> None:
    connect(db, "Steady")
    rows = steady("Steady", 10)
    crowd = START + timedelta(days=9)
    tell(db, [(*row[:4], row[4] * (9 if row[1] > crowd else 1), row[5]) for row in rows])
    assert told(db)[5] is False
    # two campaigns: the one that brought all the conversions was switched off
    ids = [effects.campaign(db, account="Steady", title=title) for title in ("Brings", "Other")]
    today = (START + timedelta(days=10)).date()
    for back in range(9):
        for place, one in enumerate(ids):
            clicks = (1200 if back > 1 else 0) if place == 0 else 1200
            db.execute(
                "insert into campaign_metrics (campaign_id, bucket, clicks, whole_day)"
                " values (%s, %s::date::timestamp at time zone 'UTC', %s, true)",
                (one, today - timedelta(days=back), clicks),
            )
    measured = (
        "array[row(%s, 'Steady', 'UTC', %s, %s, 0.08, 9999, 1)::autonomy.measured,"
        " row(%s, 'Steady', 'UTC', %s, %s, 0.001, 9999, 1)::autonomy.measured]"
    )
    mix = value(
        db, f"select mix from autonomy.campaign_mixes({measured})", ids[0], today, today, ids[1],
        today, today,
    )  # fmt: skip
    assert mix == pytest.approx(0.001 / 0.0405)


def test_days_that_a_person_has_said_are_broken_are_not_held_against(db: Db) -> None:
    connect(db, "Steady")
    tell(db, steady("Steady", 10, broken=20))
    db.execute(
        "insert into autonomy.evidence_exclusions (account, from_day, until_day)"
        " values ('Steady', %s, %s)", (START.date(), (START + timedelta(days=7)).date())
    )  # fmt: skip
    assert told(db)[5] is False

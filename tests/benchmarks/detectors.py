"""How good the detectors are, and how fast: recall, false alarms, seconds.

    python tests/benchmarks/detectors.py                  everything, on a stack of its own
    python tests/benchmarks/detectors.py healthy recall   parts of it
    python tests/benchmarks/detectors.py --url postgresql://...  on an empty migrated database

Parts: healthy (false alarms in a week of hourly runs), collapse (of a return that is gone: false
alarms in four weeks, and recall), recall (planted truth), real (lines of one advertiser, where
../shared/data is there), speed (100,000 campaigns, 14 days). The database given by --url is
emptied.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import math
import os
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)  # a Monday
SIMULATED = "-c autonomy.simulation=on"
REAL_LINES = Path(__file__).resolve().parents[3] / "shared" / "data" / "real_ad_lines.csv.gz"

# The portfolio: what a campaign here is like.
CTR = 0.015
CONVERSION_RATE = 0.03
ORDER_VALUE, ORDER_CV = 50.0, 1.5
ROI = 2.0
# The noise of real lines: squared size of day-to-day shocks, and volume by weekday.
CLICK_SHOCK, CONVERSION_SHOCK, VOLUME_SHOCK = 0.05, 0.25, 0.03
WEEKDAYS = np.array([1.05, 1.1, 1.1, 1.05, 1.0, 0.8, 0.9])
HOURS = 1 + 0.6 * np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)

Measures = dict[str, np.ndarray]


@dataclass
class Portfolio:
    """Campaigns by clicks a day; factors (campaign, day, hour) bend the constant healthy truth."""

    clicks_a_day: np.ndarray
    days: int
    until: datetime = NOW
    ctr: np.ndarray | float = 1.0
    conversion: np.ndarray | float = 1.0
    order: np.ndarray | float = 1.0
    ids: list[uuid.UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = [uuid.uuid4() for _ in self.clicks_a_day]

    @property
    def first_day(self) -> datetime:
        midnight = self.until.replace(hour=0, minute=0)
        return midnight - timedelta(days=self.days - 1)

    def draw(self, random: np.random.Generator) -> Measures:
        """Hourly counts, shape (campaign, day, hour)."""
        shape = (len(self.clicks_a_day), self.days)
        weekday = (self.first_day.weekday() + np.arange(self.days)) % 7
        impressions = (
            self.clicks_a_day[:, None]
            / CTR
            * WEEKDAYS[weekday]
            * _shock(random, VOLUME_SHOCK, shape)
        )
        hourly = impressions[:, :, None] * HOURS / 24
        shown = random.poisson(hourly)
        rate = CTR * _shock(random, CLICK_SHOCK, shape)[:, :, None] * self.ctr
        clicks = np.minimum(shown, random.poisson(shown * rate))
        rate = (
            CONVERSION_RATE * _shock(random, CONVERSION_SHOCK, shape)[:, :, None] * self.conversion
        )
        conversions = random.poisson(clicks * rate)
        spend = clicks * CONVERSION_RATE * ORDER_VALUE / ROI
        return {
            "impressions": shown,
            "reach": (shown * 0.8).astype(int),
            "clicks": clicks,
            "conversions": conversions,
            "spend": np.round(spend, 2),
            "revenue": np.round(_revenue(random, conversions) * self.order, 2),
        }


def _shock(random: np.random.Generator, size: float, shape: tuple[int, ...]) -> np.ndarray:
    """Gamma with mean 1 and squared coefficient of variation `size`: conversions become
    over-dispersed with a variance / mean of 1 + size x mean, as the real lines' are."""
    return random.gamma(1 / size, size, shape)


def _revenue(random: np.random.Generator, conversions: np.ndarray) -> np.ndarray:
    """Sums of log-normal order values (a gamma of the same first two moments)."""
    shape = np.maximum(conversions, 1e-9) / ORDER_CV**2
    return np.where(conversions > 0, random.gamma(shape, ORDER_VALUE * ORDER_CV**2), 0.0)


# -- the database ----------------------------------------------------------------------------


def empty(connection: psycopg.Connection) -> None:
    connection.execute("set client_min_messages = warning")
    connection.execute(
        "truncate public.campaigns, public.campaign_performance, public.campaign_metrics,"
        " public.campaign_daily,"
        " public.campaign_facts, public.campaign_audience_metrics,"
        " public.optimization_opportunities,"
        " autonomy.opportunity_detection, public.campaign_changes,"
        " public.autonomous_actions cascade"
    )


def create(connection: psycopg.Connection, portfolio: Portfolio, titles: Sequence[str]) -> None:
    with connection.cursor().copy(
        "copy public.campaigns (id, title, budget, created_at) from stdin"
    ) as copy:
        for number, title in zip(portfolio.ids, titles, strict=True):
            copy.write_row((number, title, 100, portfolio.first_day))


_COLUMNS = "campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue"


def store(
    connection: psycopg.Connection,
    portfolio: Portfolio,
    measures: Measures,
    hourly: bool,
    until: datetime,
) -> None:
    """Write the series without the triggers, then build the facts in one go."""
    connection.execute("set session_replication_role = replica")
    with connection.cursor().copy(f"copy public.campaign_metrics ({_COLUMNS}) from stdin") as copy:
        for row in rows(portfolio, measures, hourly, until):
            copy.write_row(row)
    connection.execute("set session_replication_role = origin")
    connection.execute("select autonomy.rebuild_campaign_facts(true)")


def rows(
    portfolio: Portfolio, measures: Measures, hourly: bool, until: datetime
) -> Iterator[tuple[Any, ...]]:
    stacked = np.stack(list(measures.values()), axis=-1)
    if not hourly:
        stacked = stacked.sum(axis=2, keepdims=True)
    for day in range(portfolio.days):
        for hour in range(24 if hourly else 1):
            bucket = portfolio.first_day + timedelta(days=day, hours=hour)
            if bucket >= until:
                return
            for number, m in zip(portfolio.ids, stacked[:, day, hour], strict=True):
                if m[0] > 0:
                    yield (
                        number,
                        bucket,
                        *(int(x) for x in m[:4]),
                        round(float(m[4]), 2),
                        round(float(m[5]), 2),
                    )


def detect(connection: psycopg.Connection, now: datetime) -> dict[uuid.UUID, dict[str, float]]:
    found: dict[uuid.UUID, dict[str, float]] = defaultdict(dict)
    for campaign, kind, confidence in connection.execute(
        "select campaign_id, opportunity_type, confidence_score"
        " from public.detect_optimization_opportunities(%s)",
        (now,),
    ):
        found[campaign][kind] = float(confidence)
    return found


# -- false alarms ----------------------------------------------------------------------------


def healthy(connection: psycopg.Connection, campaigns: int, seed: int) -> None:
    """A week of hourly runs over constant healthy campaigns; who was ever raised?"""
    random = np.random.default_rng(seed)
    volumes = np.exp(random.uniform(math.log(10), math.log(2000), campaigns))
    end = NOW.replace(hour=0)
    portfolio = Portfolio(volumes, days=35, until=end - timedelta(hours=1))
    measures = portfolio.draw(random)
    start = end - timedelta(days=7)
    empty(connection)
    create(connection, portfolio, [f"Healthy {i}" for i in range(campaigns)])
    store(connection, portfolio, measures, hourly=True, until=start)
    connection.commit()
    began = time.perf_counter()
    for hour in range(7 * 24 + 1):
        now = start + timedelta(hours=hour)
        if hour:
            _hour(connection, portfolio, measures, now - timedelta(hours=1))
        connection.execute("select public.record_opportunities(%s)", (now,))
        connection.commit()
    print(
        f"\nFalse alarms: {campaigns} healthy constant campaigns, 10 to 2,000 clicks a day,"
        " 28 days of history,"
    )
    print(f"a week of hourly ingests and runs ({time.perf_counter() - began:.0f} s)")
    raised: dict[str, set[uuid.UUID]] = defaultdict(set)
    for campaign, kind in connection.execute(
        "select campaign_id, opportunity_type from public.optimization_opportunities"
    ):
        raised[kind].add(campaign)
        raised[
            "any but budget_inefficiency (hard limits, no test)"
            if kind != "budget_inefficiency"
            else "-"
        ].add(campaign)
        raised["any"].add(campaign)
    raised.pop("-", None)
    for kind in sorted(raised) or ["any"]:
        print(f"  {kind:52s} {share(len(raised[kind]), campaigns)}")


def _hour(
    connection: psycopg.Connection, portfolio: Portfolio, measures: Measures, bucket: datetime
) -> None:
    position = bucket - portfolio.first_day
    day, hour = position.days, position.seconds // 3600
    values = [m[:, day, hour].tolist() for m in measures.values()]
    connection.execute(
        f"insert into public.campaign_metrics ({_COLUMNS})"
        " select i, %s, a, b, c, d, e, f"
        " from unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::numeric[], %s::numeric[]) x (i, a, b, c, d, e, f) where a > 0",
        (bucket, portfolio.ids, *values),
    )


def share(hits: int, of: int) -> str:
    """A share with its 95 % interval (Wilson)."""
    p, z = hits / of, 1.96
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    low, high = max(0.0, 100 * (middle - half)), 100 * (middle + half)
    return f"{100 * p:5.1f} %  ({low:.1f} to {high:.1f}; {hits} of {of})"


PAST = 104  # days that a fall of the return is looked for in


def collapse(connection: psycopg.Connection, campaigns: int, copies: int, seed: int) -> None:
    """Four weeks of daily looks at constant campaigns, and at some whose return is gone."""
    random = np.random.default_rng(seed)
    volumes = np.exp(random.uniform(math.log(10), math.log(2000), campaigns))
    end = NOW.replace(hour=0)
    portfolio = Portfolio(volumes, days=PAST + 28, until=end - timedelta(days=1))
    measures = _daily(portfolio, random)
    empty(connection)
    create(connection, portfolio, [f"Healthy {i}" for i in range(campaigns)])
    store(connection, portfolio, measures, hourly=False, until=end - timedelta(days=28))
    ever: set[uuid.UUID] = set()
    for back in range(28, 0, -1):
        _hour(connection, portfolio, measures, end - timedelta(days=back))
        ever |= _collapsed(connection, end - timedelta(days=back - 1, hours=-6))
    print(
        f"\nA return that is gone: {campaigns} healthy constant campaigns, {PAST} days of history,"
    )
    print("then a look a day for 28 days; ever raised")
    for low, high in ((10, 50), (50, 300), (300, 2000)):
        some = {n for n, v in zip(portfolio.ids, volumes, strict=True) if low <= v < high}
        print(f"  {f'{low} to {high} clicks a day':52s} {share(len(some & ever), len(some))}")

    cases = [(clicks, factor) for clicks in (10, 50, 300) for factor in (0.5, 0.25, 0.1)]
    portfolio = Portfolio(np.repeat([float(c) for c, _ in cases], copies), days=PAST, until=end)
    measures = _daily(portfolio, random, np.repeat([f for _, f in cases], copies))
    empty(connection)
    create(connection, portfolio, [f"Gone {i}" for i in range(len(portfolio.ids))])
    store(connection, portfolio, measures, hourly=False, until=end + timedelta(days=1))
    found = _collapsed(connection, end + timedelta(days=1, hours=6))
    connection.commit()
    print(f"found, {copies} campaigns each, one look")
    for k, (clicks, factor) in enumerate(cases):
        some = set(portfolio.ids[k * copies : (k + 1) * copies])
        words = f"{clicks} clicks a day, the last 14 days return {factor:.0%}"
        print(f"  {words:52s} {share(len(some & found), copies)}")


def _collapsed(connection: psycopg.Connection, now: datetime) -> set[uuid.UUID]:
    query = "select campaign_id from autonomy.collapsed_return(null, null, null, %s)"
    return {row[0] for row in connection.execute(query, (now,))}


# -- recall ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plant:
    """A planted effect: its type, in words, its volume, and how it bends the truth."""

    kind: str
    words: str
    clicks: float
    bend: Callable[[np.ndarray], dict[str, np.ndarray]]


DAYS = 29  # the last of them is today, incomplete


def _step(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    def bend(grid: np.ndarray) -> dict[str, np.ndarray]:
        ctr = grid.copy()
        ctr[-8:] = factor
        return {"ctr": ctr}

    return bend


def _slope(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    def bend(grid: np.ndarray) -> dict[str, np.ndarray]:
        ctr = grid.copy()
        ctr[-15:-1] = np.linspace(1, factor, 14)[:, None]
        ctr[-1] = factor
        return {"ctr": ctr}

    return bend


def _conversion(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    return lambda grid: {"conversion": grid * factor}


def _both(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    return lambda grid: {"ctr": grid * factor, "conversion": grid * factor}


def _nights(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    def bend(grid: np.ndarray) -> dict[str, np.ndarray]:
        conversion = grid.copy()
        conversion[:, 0:6] = factor
        return {"conversion": conversion}

    return bend


def _weekend(factor: float) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    def bend(grid: np.ndarray) -> dict[str, np.ndarray]:
        conversion = grid.copy()
        first = (NOW - timedelta(days=DAYS - 1)).weekday()
        weekday = (first + np.arange(DAYS)) % 7
        conversion[weekday >= 5, 8:20] = factor
        return {"conversion": conversion}

    return bend


PLANTS = [
    *(
        Plant(
            "high_traffic_low_conversion",
            f"conversion rate {f:.0%} of the portfolio's",
            c,
            _conversion(f),
        )
        for c in (10, 50, 300)
        for f in (0.6, 0.4, 0.2)
    ),
    *(
        Plant("declining_performance", f"CTR -{1 - f:.0%} in the last 7 days", c, _step(f))
        for c in (10, 50, 300)
        for f in (0.6, 0.5, 0.3)
    ),
    *(
        Plant("creative_fatigue", f"CTR -{1 - f:.0%} over 14 days, steadily", c, _slope(f))
        for c in (10, 50, 300)
        for f in (0.7, 0.5, 0.3)
    ),
    *(
        Plant("audience_mismatch", f"no segments; CTR and conversion rate {f:.0%}", c, _both(f))
        for c in (200, 1000)
        for f in (0.4, 0.25)
    ),
    *(
        Plant("timing_optimization", f"00-06 h converts {f:.0%} as well", c, _nights(f))
        for c in (200, 1000, 4000)
        for f in (0.25, 0.0)
    ),
    *(
        Plant("timing_optimization", f"Sat, Sun 08-20 h converts {f:.0%} as well", c, _weekend(f))
        for c in (1000, 4000)
        for f in (0.25, 0.0)
    ),
]


def recall(connection: psycopg.Connection, copies: int, seed: int) -> None:
    """Planted truth in a portfolio of which a third is sick."""
    random = np.random.default_rng(seed)
    sick = [plant for plant in PLANTS for _ in range(copies)]
    volumes = np.concatenate(
        [
            [p.clicks for p in sick],
            np.exp(random.uniform(math.log(10), math.log(2000), 2 * len(sick))),
        ]
    )
    factors = {name: np.ones((len(volumes), DAYS, 24)) for name in ("ctr", "conversion", "order")}
    for i, plant in enumerate(sick):
        for name, values in plant.bend(np.ones((DAYS, 24))).items():
            factors[name][i] = values
    portfolio = Portfolio(volumes, DAYS, **factors)  # type: ignore[arg-type]
    empty(connection)
    create(connection, portfolio, [f"Campaign {i}" for i in range(len(volumes))])
    store(connection, portfolio, portfolio.draw(random), hourly=True, until=NOW)
    truths = segments(connection, portfolio, len(sick), random)
    found = detect(connection, NOW)
    connection.commit()
    print(
        f"\nRecall: {copies} campaigns each among {2 * len(sick)} others, one look; "
        f"high CTR and conversion noise as in the real lines"
    )
    print(f"  {'planted':28s} {'effect':44s} {'clicks a day':>12s} {'found':>6s}  also raised")
    for k, plant in enumerate(PLANTS):
        mine = [found.get(number, {}) for number in portfolio.ids[k * copies : (k + 1) * copies]]
        _report(plant.kind, plant.words, f"{plant.clicks:.0f}", mine)
    for (words, volume), numbers in truths.items():
        _report("audience_mismatch", words, volume, [found.get(n, {}) for n in numbers])
    planted = {n for (words, _), numbers in truths.items() if "100%" not in words for n in numbers}
    rest = [found.get(n, {}) for n in portfolio.ids[len(sick) :] if n not in planted]
    hits = sum(any(kind != "budget_inefficiency" for kind in f) for f in rest)
    print(f"  healthy ones raised in this one look: {share(hits, len(rest))}")


def _report(kind: str, words: str, volume: str, found: list[dict[str, float]]) -> None:
    hits = sum(kind in f for f in found)
    others: dict[str, int] = defaultdict(int)
    for f in found:
        for other in f:
            if other != kind:
                others[other] += 1
    also = ", ".join(f"{n} {100 * c / len(found):.0f} %" for n, c in sorted(others.items()))
    print(f"  {kind:28s} {words:44s} {volume:>12s} {100 * hits / len(found):5.0f} %  {also}")


def segments(
    connection: psycopg.Connection, portfolio: Portfolio, first: int, random: np.random.Generator
) -> dict[tuple[str, str], list[uuid.UUID]]:
    """Give healthy campaigns four segments; in some, one segment earns much less."""
    truths: dict[tuple[str, str], list[uuid.UUID]] = defaultdict(list)
    volumes = portfolio.clicks_a_day[first:]
    with connection.cursor().copy(
        "copy public.campaign_audience_metrics (campaign_id, segment, day, impressions, clicks,"
        " conversions, spend, revenue) from stdin"
    ) as copy:
        for n, (number, volume) in enumerate(zip(portfolio.ids[first:], volumes, strict=True)):
            factor = (1.0, 0.1, 0.25)[n % 3]
            size = "10-100" if volume < 100 else "100-2000"
            truths[(f"a segment with 25 % of spend at {factor:.0%} of roi", size)].append(number)
            for s in range(4):
                rate = CONVERSION_RATE * (factor if s == 0 else 1)
                clicks = random.poisson(volume / 4, 30)
                conversions = random.poisson(
                    clicks * rate * _shock(random, CONVERSION_SHOCK, (30,))
                )
                revenue = _revenue(random, conversions)
                for d in range(30):
                    day = (NOW - timedelta(days=30 - d)).date()
                    copy.write_row(
                        (
                            number,
                            f"Segment {s}",
                            day,
                            int(clicks[d] / CTR),
                            int(clicks[d]),
                            int(conversions[d]),
                            round(float(clicks[d]) * CONVERSION_RATE * ORDER_VALUE / ROI, 2),
                            round(float(revenue[d]), 2),
                        )
                    )
    return truths


# -- real lines ------------------------------------------------------------------------------


def real(connection: psycopg.Connection) -> None:
    """Real lines day by day: how many ever raise an alarm, against a plain two-proportion test."""
    if not REAL_LINES.exists():
        print("\nReal lines: not here, skipped")
        return
    series: dict[str, list[tuple[datetime, list[float]]]] = defaultdict(list)
    with gzip.open(REAL_LINES, "rt") as file:
        for row in csv.DictReader(file):
            day = datetime.fromisoformat(row["date"]).replace(tzinfo=UTC)
            series[row["campaign"]].append(
                (
                    day,
                    [
                        float(row[k])
                        for k in ("impressions", "clicks", "conversions", "cost", "revenue")
                    ],
                )
            )
    empty(connection)
    ids = {name: uuid.uuid4() for name in series}
    with connection.cursor().copy(
        "copy public.campaigns (id, title, budget, created_at) from stdin"
    ) as copy:
        for name, number in ids.items():
            copy.write_row((number, name, 100, min(d for d, _ in series[name])))
    ever: dict[str, set[uuid.UUID]] = defaultdict(set)
    days = sorted({day for line in series.values() for day, _ in line})
    for day in days:
        batch = [
            (ids[n], day, int(m[0]), 0, int(m[1]), int(m[2]), round(m[3], 2), round(m[4], 2))
            for n, line in series.items()
            for d, m in line
            if d == day
        ]
        with connection.cursor() as cursor:
            cursor.executemany(
                f"insert into public.campaign_metrics ({_COLUMNS})"
                " values (%s, %s, %s, %s, %s, %s, %s, %s)",
                batch,
            )
        for campaign, kinds in detect(connection, day + timedelta(days=1, hours=6)).items():
            for kind in kinds:
                ever[kind].add(campaign)
    connection.commit()
    plain = sum(_plain_fires(line) for line in series.values())
    print(f"\nReal lines ({len(series)} lines, {len(days)} days, one look a day): ever raised")
    for kind in sorted(ever):
        print(f"  {kind:52s} {share(len(ever[kind]), len(series))}")
    print(f"  {'declining_performance by a two-proportion test':52s} {share(plain, len(series))}")


def _plain_fires(line: list[tuple[datetime, list[float]]]) -> bool:
    by_day = dict(line)
    for day in by_day:
        sums = []
        for start in (7, 14):
            window = [
                by_day[d] for k in range(7) if (d := day - timedelta(days=start - 7 + k)) in by_day
            ]
            sums.append((sum(m[0] for m in window), sum(min(m[0], m[1]) for m in window)))
        (i2, c2), (i1, c1) = sums
        if min(i1, i2) >= 500 and c1 >= 20 and c2 / i2 < 0.7 * c1 / i1:
            pooled = (c1 + c2) / (i1 + i2)
            if (c1 / i1 - c2 / i2) / math.sqrt(pooled * (1 - pooled) * (1 / i1 + 1 / i2)) > 3:
                return True
    return False


# -- speed -----------------------------------------------------------------------------------


def speed(connection: psycopg.Connection, campaigns: int, seed: int) -> None:
    """100,000 campaigns with 14 days of daily metrics: seconds, and the backend's memory."""
    random = np.random.default_rng(seed)
    volumes = np.exp(random.uniform(math.log(10), math.log(500), campaigns))
    portfolio = Portfolio(volumes, days=15)
    empty(connection)
    create(connection, portfolio, [f"Campaign {i}" for i in range(campaigns)])
    daily = _daily(portfolio, random)
    store(connection, portfolio, daily, hourly=False, until=NOW - timedelta(hours=10))
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum analyze")
    print(
        f"\nSpeed: {campaigns} campaigns, 14 days of daily metrics,"
        f" PostgreSQL {connection.info.server_version // 10000}"
    )
    (process,) = connection.execute("select pg_backend_pid()").fetchone() or (0,)
    for words, query in (
        (
            "detect_optimization_opportunities",
            "select count(*) from public.detect_optimization_opportunities(%s)",
        ),
        (
            "record_opportunities, first of the day",
            "select public.record_opportunities(%s)->>'detected'",
        ),
        (
            "record_opportunities, nothing changed",
            "select public.record_opportunities(%s)->>'detected'",
        ),
    ):
        if words.endswith("changed"):
            connection.execute(
                "update autonomy.opportunity_detection"
                " set changes_seen_until = now() + interval '1 hour'"
            )
        before, work = _memory(process), _processor_seconds(process)
        began = time.perf_counter()
        (count,) = connection.execute(query, (NOW,)).fetchone() or (0,)
        taken = time.perf_counter() - began
        print(
            f"  {words:42s} {taken:6.2f} s ({_processor_seconds(process) - work:.2f} of the"
            f" processor), {count} found,"
            f" memory of the server process {before} to {_memory(process)} MB"
        )
    connection.autocommit = False


def _daily(
    portfolio: Portfolio, random: np.random.Generator, at_last: np.ndarray | float = 1.0
) -> Measures:
    """A bucket a day; in the last 14 days clicks convert `at_last` times as often."""
    shape = (len(portfolio.ids), portfolio.days, 1)
    weekday = (portfolio.first_day.weekday() + np.arange(portfolio.days)) % 7
    base = portfolio.clicks_a_day[:, None, None] / CTR * WEEKDAYS[weekday][None, :, None]
    shown = random.poisson(base * _shock(random, VOLUME_SHOCK, shape))
    clicks = random.poisson(shown * CTR * _shock(random, CLICK_SHOCK, shape))
    rate = CONVERSION_RATE * _shock(random, CONVERSION_SHOCK, shape)
    rate[:, -14:] *= np.asarray(at_last).reshape(-1, 1, 1)
    conversions = random.poisson(clicks * rate)
    spend = clicks * CONVERSION_RATE * ORDER_VALUE / ROI
    return {
        "impressions": shown,
        "reach": (shown * 0.8).astype(int),
        "clicks": clicks,
        "conversions": conversions,
        "spend": spend,
        "revenue": _revenue(random, conversions),
    }


def _memory(process: int) -> int:
    """Megabytes that a server process has to itself; 0 where /proc does not tell."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) // 1024
    return 0


def _processor_seconds(process: int) -> float:
    """What a server process has computed: seconds that a busy machine does not stretch."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


# -- main ------------------------------------------------------------------------------------


@contextlib.contextmanager
def database(url: str | None) -> Iterator[psycopg.Connection]:
    if url is not None:
        with psycopg.connect(url, options=SIMULATED) as connection:
            yield connection
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from autonomy.local import LocalStack
    from autonomy.migrate import apply

    with tempfile.TemporaryDirectory(prefix="autonomy-bench-") as folder:
        Path(folder).chmod(0o755)
        with LocalStack(Path(folder)) as stack:
            apply(stack.database_url)
            with psycopg.connect(stack.database_url, options=SIMULATED) as connection:
                yield connection


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", default=["healthy", "collapse", "recall", "real", "speed"]
    )
    parser.add_argument("--url")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--healthy", type=int, default=2000, metavar="CAMPAIGNS")
    parser.add_argument("--copies", type=int, default=40, help="campaigns for each planted effect")
    parser.add_argument("--campaigns", type=int, default=100_000, help="for speed")
    arguments = parser.parse_args()
    with database(arguments.url) as connection:
        for part in arguments.parts:
            if part == "healthy":
                healthy(connection, arguments.healthy, arguments.seed)
            elif part == "collapse":
                collapse(connection, arguments.healthy, arguments.copies, arguments.seed)
            elif part == "recall":
                recall(connection, arguments.copies, arguments.seed)
            elif part == "real":
                real(connection)
            elif part == "speed":
                speed(connection, arguments.campaigns, arguments.seed)
            else:
                parser.error(f"no such part: {part}")


if __name__ == "__main__":
    main()

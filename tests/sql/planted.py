"""Campaigns with a known truth, for the tests of what is detected and measured."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import psycopg

Db = psycopg.Connection[Any]
Json = dict[str, Any]

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)  # a Monday
YESTERDAY = date(2026, 6, 14)


class Measures(NamedTuple):
    """What a campaign did in one bucket."""

    impressions: int
    clicks: int
    conversions: int
    spend: float
    revenue: float
    reach: int = 0


def campaign(
    db: Db, title: str | None = "Spring", days_old: float = 40, **columns: Any
) -> uuid.UUID:
    """A new active campaign; its id."""
    row = {"title": title, "budget": 100, "created_at": NOW - timedelta(days=days_old), **columns}
    # What triggers write about it is dated then, not on the day on which the test runs.
    born = row["created_at"] if isinstance(row["created_at"], datetime) else NOW
    db.execute("select set_config('autonomy.now', %s, true)", (str(born),))
    found = db.execute(
        f"insert into campaigns ({', '.join(row)})"
        f" values ({', '.join(['%s'] * len(row))}) returning id",
        list(row.values()),
    ).fetchone()
    assert found is not None
    made: uuid.UUID = found[0]
    return made


def totals(db: Db, campaign_id: uuid.UUID, measures: Measures) -> None:
    """A row of campaign_performance, as an installation without a time series has it."""
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) values (%s, %s, %s, %s, %s, %s)",
        (campaign_id, *measures[:5]),
    )


def series(
    db: Db, campaign_id: uuid.UUID, days: Sequence[Measures], last: date = YESTERDAY
) -> None:
    """Daily buckets, the last of them on `last`."""
    first = datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=len(days) - 1)
    write(db, campaign_id, [(first + timedelta(days=i), m) for i, m in enumerate(days)])


def write(db: Db, campaign_id: uuid.UUID, rows: Sequence[tuple[datetime, Measures]]) -> None:
    """Buckets, in one statement."""
    columns = list(zip(*[(at, *m[:3], *map(float, m[3:5]), m[5]) for at, m in rows], strict=True))
    names = ("impressions", "clicks", "conversions", "spend", "revenue", "reach")
    db.execute(
        f"insert into campaign_metrics (campaign_id, bucket, {', '.join(names)})"
        " select %s, x.* from unnest(%s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::numeric[], %s::numeric[], %s::bigint[]) x on conflict (campaign_id, bucket) do update"
        f" set {', '.join(f'{name} = excluded.{name}' for name in names)}",
        (campaign_id, *[list(column) for column in columns]),
    )


def day(
    chance: random.Random,
    *,
    impressions: float = 20000,
    ctr: float = 0.015,
    conversion_rate: float = 0.03,
    order: float = 50,
    roi: float = 2,
    shock: float = 0.2,
) -> Measures:
    """A noisy day: counts that move by more than chance alone, as real ones do."""
    shown = int(impressions * chance.uniform(0.85, 1.15))
    clicks = count(chance, shown * ctr * chance.gauss(1, shock))
    conversions = min(
        clicks, count(chance, clicks * conversion_rate * chance.gauss(1, 1.5 * shock))
    )
    spend = round(shown * 0.015 * 0.03 * 50 / roi, 2)
    revenue = round(sum(chance.expovariate(1 / order) for _ in range(conversions)), 2)
    return Measures(shown, clicks, conversions, spend, revenue)


def count(chance: random.Random, mean: float) -> int:
    """A Poisson count (by the normal where it is large)."""
    mean = max(0.0, mean)
    if mean > 50:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    limit, product, k = 2.718281828459045**-mean, chance.random(), 0
    while product > limit:
        product *= chance.random()
        k += 1
    return k


def healthy(db: Db, number: int, chance: random.Random, days: int = 28) -> list[uuid.UUID]:
    """Campaigns whose truth is constant: roi 2, CTR 1.5 %, conversion rate 3 %."""
    made = []
    for i in range(number):
        made.append(campaign(db, f"Healthy {i}"))
        impressions = chance.choice((8000, 20000, 60000))
        series(db, made[-1], [day(chance, impressions=impressions) for _ in range(days)])
    return made


def detect(db: Db, now: datetime = NOW) -> dict[uuid.UUID, dict[str, Json]]:
    """What is found, by campaign and type."""
    found: dict[uuid.UUID, dict[str, Json]] = {}
    names = ("severity", "description", "suggested_action", "estimated_impact", "confidence_score")
    for campaign_id, kind, *rest in db.execute(
        "select * from detect_optimization_opportunities(%s)", (now,)
    ):
        found.setdefault(campaign_id, {})[kind] = dict(zip(names, rest, strict=True))
    return found


def value(db: Db, query: str, *params: Any) -> Any:
    """The first column of the first row."""
    row = db.execute(query, params).fetchone()
    return None if row is None else row[0]

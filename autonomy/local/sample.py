"""A sample account: some 200 campaigns with 60 days of hourly figures, drawn from a seed.

The noise is that of real advertising lines: conversions over-dispersed (a gamma shock a day,
so that variance over mean grows with volume), log-normal orders with a coefficient of variation
of 1.3 to 1.6, volume that moves with weekday and hour, roi that drifts slowly and steps at
times, conversions that arrive hours after their click. Standard library only: the same numbers
on every machine.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from autonomy.local.sample_account import SampleCampaign, draw_roster

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str, float], None]

_HOUR = timedelta(hours=1)
_WEEKDAY_VOLUME = (1.05, 1.03, 1.00, 0.99, 0.94, 0.93, 1.06)
_HOUR_VOLUME = (
    0.45, 0.32, 0.25, 0.22, 0.24, 0.35, 0.58, 0.82, 1.00, 1.08, 1.12, 1.15,
    1.20, 1.16, 1.12, 1.12, 1.15, 1.22, 1.34, 1.50, 1.60, 1.50, 1.15, 0.76,
)  # fmt: skip
_DAY_SHOCK_SHAPE = 4.0  # variance 0.25 of the day's mean, the model's omega
_PRICE_SPREAD = 0.08


class MetricRow(NamedTuple):
    """One campaign, one hour; `spend` and `revenue` in whole cents."""

    campaign_id: UUID
    bucket: datetime
    impressions: int
    reach: int
    clicks: int
    conversions: int
    spend_cents: int
    revenue_cents: int
    square_value: float


def generate(
    now: datetime,
    *,
    campaigns: int = 200,
    days: int = 60,
    seed: int = 7,
    roster: list[SampleCampaign] | None = None,
) -> Iterator[MetricRow]:
    """The hourly rows up to the last full hour before `now`, campaign by campaign."""
    for campaign in roster or draw_roster(campaigns, days, seed):
        yield from draw_hours(campaign, now, seed)


def draw_hours(campaign: SampleCampaign, now: datetime, seed: int = 7) -> Iterator[MetricRow]:
    """The hourly rows of one campaign, oldest first."""
    rng = random.Random(f"sample/{seed}/{campaign.number}/hours")  # nosec B311
    end = _full_hour(now)
    bucket = end - campaign.age_hours * _HOUR
    drift = 0.0
    day = None
    volume = shock = 1.0
    while bucket < end - campaign.last_seen_hours * _HOUR:
        if bucket.date() != day:
            day = bucket.date()
            volume = math.exp(rng.gauss(0.0, 0.10))
            shock = rng.gammavariate(_DAY_SHOCK_SHAPE, 1.0 / _DAY_SHOCK_SHAPE)
            drift = 0.97 * drift + rng.gauss(0.0, 0.025)
        age_days = (end - bucket).total_seconds() / 86400.0
        row = _draw_hour(rng, campaign, bucket, age_days, volume, math.exp(drift) * shock)
        if row is not None:
            yield row
        bucket += _HOUR


def _draw_hour(
    rng: random.Random,
    campaign: SampleCampaign,
    bucket: datetime,
    age_days: float,
    volume: float,
    luck: float,
) -> MetricRow | None:
    hour_volume = 1.0 if campaign.kind == "timing" else _HOUR_VOLUME[bucket.hour]
    planned = campaign.budget * 0.93 / 24.0 * _WEEKDAY_VOLUME[bucket.weekday()] * hour_volume
    ctr_factor = _ctr_factor(campaign, age_days)
    price = campaign.cost_per_click * campaign.ctr * 10.0  # of a thousand impressions
    impressions = _poisson(rng, planned * volume / price * 1000.0)
    if impressions == 0:
        return None
    spend = impressions * price / 1000.0 * (1.0 + rng.gauss(0.0, _PRICE_SPREAD))
    clicks = _poisson(rng, impressions * campaign.ctr * ctr_factor / 100.0)
    seen = 1.0 - math.exp(-(age_days * 24.0) / campaign.delay_hours)
    mean = spend * _roi(campaign, bucket, age_days) * luck * seen / campaign.order_value
    revenue = square = 0.0
    conversions = _poisson(rng, mean)
    spread = math.sqrt(math.log1p(campaign.order_cv**2))
    for _ in range(conversions):
        value = campaign.order_value * math.exp(rng.gauss(-0.5 * spread * spread, spread))
        revenue += value
        square += value * value
    reach = min(impressions, round(impressions / _frequency(campaign, age_days)))
    clicks = min(impressions, max(clicks, conversions))
    row = MetricRow(
        campaign.id, bucket, impressions, reach, clicks, conversions,
        round(spend * 100.0), round(revenue * 100.0), square,
    )  # fmt: skip
    return row if campaign.dirt is None else _soil(campaign.dirt, row, age_days)


def _roi(campaign: SampleCampaign, bucket: datetime, age_days: float) -> float:
    """The true roi of that hour, steps and planted faults included."""
    roi = campaign.true_roi
    if campaign.kind == "recovered":
        return roi if age_days < 10.0 else 0.55
    if campaign.kind == "fallen":
        return roi if age_days < 9.0 else 4.6
    if campaign.kind == "timing":
        return roi * (0.05 if bucket.hour < 6 else 1.32)
    if campaign.kind in ("fatigue", "ctr_drop"):
        return roi * math.pow(_ctr_factor(campaign, age_days), 0.7)
    if campaign.kind == "steady" and campaign.number % 9 == 0 and age_days > 25.0:
        return roi * 1.35  # an abrupt step down, as real lines have
    return roi


def _ctr_factor(campaign: SampleCampaign, age_days: float) -> float:
    if campaign.kind == "ctr_drop":
        return 0.5 if age_days < 6.5 else 1.0
    if campaign.kind == "fatigue":
        return max(0.45, min(1.0, 1.0 - (21.0 - age_days) * 0.03))
    return 1.0


def _frequency(campaign: SampleCampaign, age_days: float) -> float:
    if campaign.kind != "fatigue":
        return campaign.frequency
    return campaign.frequency + max(0.0, 21.0 - age_days) * 0.17


def _soil(dirt: str, row: MetricRow, age_days: float) -> MetricRow | None:
    """Makes the row dirty in the way that real exports are, on some days."""
    if dirt == "missing_days":
        return None if int(age_days) % 11 in (3, 4) else row
    if dirt == "silent_hours":
        return None if row.bucket.hour < 5 else row
    if int(age_days) % 6 != 2 or row.bucket.hour != 13:
        return row
    if dirt == "clicks_above_impressions":
        return row._replace(clicks=row.impressions + 3)
    if dirt == "conversions_without_clicks":
        return row._replace(clicks=0, conversions=max(1, row.conversions))
    if dirt == "conversions_above_clicks":
        return row._replace(clicks=min(row.clicks, 1), conversions=row.conversions + 2)
    return row._replace(spend_cents=0, impressions=0, reach=0, clicks=0)


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 40.0:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    if mean <= 0.0:
        return 0
    chance = probability = math.exp(-mean)
    draw = rng.random()
    count = 0
    while draw > chance and count < 200:
        count += 1
        probability *= mean / count
        chance += probability
    return count


def _full_hour(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def load(
    database_url: str,
    *,
    now: datetime,
    campaigns: int = 200,
    days: int = 60,
    seed: int = 7,
    progress: Progress | None = None,
) -> int:
    """Loads the sample account into the database; returns the number of hourly rows.

    Safe to call again: campaigns of an earlier load with this seed go back to their first
    state and their figures are replaced; other campaigns are not touched. One transaction.
    Raises psycopg.Error where the schema is missing.
    """
    import psycopg

    roster = draw_roster(campaigns, days, seed)
    tell = progress or (lambda text, share: None)
    with psycopg.connect(database_url) as connection:
        connection.execute("set local statement_timeout = 0")
        _put_campaigns(connection, roster, now)
        rows, spread = _copy_rows(connection, roster, now, seed, tell)
        tell("building the figures of each campaign", 0.6)
        _move_rows(connection, roster)
        _put_order_spread(connection, spread)
        tell("audiences and tests", 0.95)
        _put_segments(connection, roster, now, seed)
        _put_tests(connection, roster, now)
    with psycopg.connect(database_url, autocommit=True) as connection:
        # The planner has never seen these tables full.
        connection.execute("analyze")
    tell("sample account loaded", 1.0)
    return rows


def _put_campaigns(
    connection: psycopg.Connection, roster: list[SampleCampaign], now: datetime
) -> None:
    end = _full_hour(now)
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into public.campaigns
              (id, title, account, status, budget, autonomous_enabled, hold_until, created_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (id) do update set
              title = excluded.title, account = excluded.account, status = excluded.status,
              budget = excluded.budget, autonomous_enabled = excluded.autonomous_enabled,
              hold_until = excluded.hold_until, created_at = excluded.created_at
            """,
            [
                (
                    c.id, c.title, c.account, c.status, c.budget, c.enabled,
                    now + timedelta(days=c.hold_days) if c.hold_days else None,
                    end - c.age_hours * _HOUR,
                )
                for c in roster
            ],
        )  # fmt: skip


def _copy_rows(
    connection: psycopg.Connection,
    roster: list[SampleCampaign],
    now: datetime,
    seed: int,
    tell: Progress,
) -> tuple[int, list[tuple[float, UUID]]]:
    connection.execute(
        """
        create temp table sample_rows (
          campaign_id uuid, bucket timestamptz, impressions bigint, reach bigint, clicks bigint,
          conversions bigint, spend numeric(14,2), revenue numeric(14,2)
        ) on commit drop
        """
    )
    count = 0
    spread = []
    with connection.cursor().copy("copy sample_rows from stdin") as copy:
        for done, campaign in enumerate(roster):
            lines = []
            orders, value, square = 0, 0.0, 0.0
            for row in draw_hours(campaign, now, seed):
                lines.append(_line(row))
                orders += row.conversions
                value += row.revenue_cents / 100.0
                square += row.square_value
            copy.write("".join(lines))
            count += len(lines)
            if orders >= 2 and value > 0.0:
                cv2 = max(0.0, square / orders / (value / orders) ** 2 - 1.0)
                spread.append((round(cv2, 4), campaign.id))
            if done % 10 == 0:
                tell("drawing hourly figures", 0.6 * done / len(roster))
    return count, spread


def _line(row: MetricRow) -> str:
    return (
        f"{row.campaign_id}\t{row.bucket:%Y-%m-%dT%H}:00Z\t{row.impressions}\t{row.reach}\t"
        f"{row.clicks}\t{row.conversions}\t{row.spend_cents / 100:.2f}\t"
        f"{row.revenue_cents / 100:.2f}\n"
    )


def _move_rows(connection: psycopg.Connection, roster: list[SampleCampaign]) -> None:
    ids = [campaign.id for campaign in roster]
    connection.execute("delete from public.campaign_metrics where campaign_id = any(%s)", (ids,))
    connection.execute(
        """
        insert into public.campaign_metrics
          (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)
        select campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue
        from sample_rows
        """
    )


def _put_order_spread(connection: psycopg.Connection, spread: list[tuple[float, UUID]]) -> None:
    """What a shop knows and an ad platform does not: how much single orders differ."""
    connection.execute(
        """
        update public.campaign_performance p set order_value_cv2 = s.cv2
        from unnest(%s::numeric[], %s::uuid[]) as s (cv2, campaign_id)
        where p.campaign_id = s.campaign_id
        """,
        ([cv2 for cv2, _ in spread], [campaign_id for _, campaign_id in spread]),
    )


def _put_segments(
    connection: psycopg.Connection, roster: list[SampleCampaign], now: datetime, seed: int
) -> None:
    rows: list[tuple[object, ...]] = []
    for campaign in roster:
        rng = random.Random(f"sample/{seed}/{campaign.number}/segments")  # nosec B311
        for segment, (share, roi) in campaign.segments.items():
            for back in range(1, 29):
                day = (_full_hour(now) - timedelta(days=back)).date()
                spend = campaign.budget * 0.93 * share * math.exp(rng.gauss(0.0, 0.1))
                orders = _poisson(rng, spend * campaign.true_roi * roi / campaign.order_value)
                clicks = max(orders, _poisson(rng, spend / campaign.cost_per_click))
                views = max(clicks, round(clicks * 100.0 / campaign.ctr))
                worth = orders * campaign.order_value * math.exp(rng.gauss(0.0, 0.2))
                rows.append((
                    campaign.id, segment, day, views, round(views / campaign.frequency),
                    clicks, orders, round(spend, 2), round(worth, 2),
                ))  # fmt: skip
    ids = [campaign.id for campaign in roster]
    connection.execute(
        "delete from public.campaign_audience_metrics where campaign_id = any(%s)", (ids,)
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into public.campaign_audience_metrics
              (campaign_id, segment, day, impressions, reach, clicks, conversions, spend, revenue)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            rows,
        )


def _put_tests(connection: psycopg.Connection, roster: list[SampleCampaign], now: datetime) -> None:
    ids = [campaign.id for campaign in roster]
    connection.execute("delete from public.campaign_ab_tests where campaign_id = any(%s)", (ids,))
    for campaign in roster:
        if campaign.test is None:
            continue
        name, _, arms = campaign.test.partition(": ")
        variants = [_variant(campaign, arm, tilt) for arm, tilt in zip(
            arms.split(" against "), (1.0, 1.18), strict=True
        )]  # fmt: skip
        connection.execute(
            """
            insert into public.campaign_ab_tests
              (id, campaign_id, name, status, variants, started_at)
            values (%s, %s, %s, 'running', %s, %s)
            """,
            (
                UUID(int=campaign.id.int ^ 1), campaign.id, name, json.dumps(variants),
                _full_hour(now) - timedelta(days=4),
            ),
        )  # fmt: skip


def _variant(campaign: SampleCampaign, name: str, tilt: float) -> dict[str, object]:
    """Four days of half the campaign's traffic; `tilt` is how much better this arm converts."""
    spend = campaign.budget * 0.93 * 2.0
    clicks = round(spend / campaign.cost_per_click)
    orders = round(spend * campaign.true_roi * tilt / campaign.order_value)
    return {
        "name": name,
        "impressions": round(clicks * 100.0 / campaign.ctr),
        "clicks": clicks,
        "conversions": orders,
        "spend": round(spend, 2),
        "revenue": round(orders * campaign.order_value, 2),
    }

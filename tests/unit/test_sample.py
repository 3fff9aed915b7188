"""The sample account: the same for everyone, and as noisy as real lines are."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from autonomy.local.sample import MetricRow, draw_hours, generate
from autonomy.local.sample_account import SUMMER_FESTIVAL, SampleCampaign, draw_roster

NOW = datetime(2026, 11, 24, 9, 45, tzinfo=UTC)


@pytest.fixture(scope="module")
def roster() -> list[SampleCampaign]:
    return draw_roster()


@pytest.fixture(scope="module")
def rows(roster: list[SampleCampaign]) -> list[MetricRow]:
    return list(generate(NOW, roster=roster))


def totals(rows: list[MetricRow]) -> dict[object, tuple[float, float, int]]:
    sums: dict[object, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in rows:
        entry = sums[row.campaign_id]
        entry[0] += row.spend_cents / 100
        entry[1] += row.revenue_cents / 100
        entry[2] += row.conversions
    return {key: (s, r, int(n)) for key, (s, r, n) in sums.items()}


def test_everyone_sees_the_same(rows: list[MetricRow]) -> None:
    assert draw_roster() == draw_roster()
    again = list(generate(NOW + timedelta(minutes=10)))
    assert again == rows
    assert list(generate(NOW, campaigns=20, seed=8)) != list(generate(NOW, campaigns=20, seed=9))


def test_rows_end_with_the_last_full_hour(rows: list[MetricRow]) -> None:
    assert max(row.bucket for row in rows) == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert min(row.bucket for row in rows) >= NOW - timedelta(days=60, hours=1)
    keys = Counter((row.campaign_id, row.bucket) for row in rows)
    assert max(keys.values()) == 1


def test_the_account_is_plausible(roster: list[SampleCampaign]) -> None:
    assert len(roster) == 200
    assert len({c.title for c in roster}) == 200
    assert len({c.id for c in roster}) == 200
    assert len({c.account for c in roster}) == 4
    assert [c.kind for c in roster if c.title == SUMMER_FESTIVAL] == ["low_conversion"]
    assert sum(not c.enabled for c in roster) == 2
    assert sum(c.hold_days > 0 for c in roster) == 2
    assert sum(c.test is not None for c in roster) == 3


@pytest.mark.parametrize("campaigns", [0, 1, 7, 50, 500])
def test_other_sizes(campaigns: int) -> None:
    assert len(draw_roster(campaigns)) == campaigns


def test_winners_and_losers_show(roster: list[SampleCampaign], rows: list[MetricRow]) -> None:
    sums = totals(rows)
    seen: dict[str, list[float]] = {c.kind: [] for c in roster}
    for campaign in roster:
        spend, revenue, _ = sums.get(campaign.id, (0.0, 0.0, 0))
        seen[campaign.kind].append(revenue / spend if spend else math.nan)
    assert sum(roi < 1.0 for roi in seen["loser"]) >= 10
    assert sum(roi < 0.5 for roi in seen["sinker"]) >= 4
    assert sum(roi >= 3.0 for roi in seen["winner"]) >= 10
    assert sum(roi >= 3.0 for roi in seen["fallen"]) >= 4


def test_conversions_are_over_dispersed(
    roster: list[SampleCampaign], rows: list[MetricRow]
) -> None:
    """Variance over mean of daily counts: 2 to 17 in the real lines, growing with volume."""
    days: dict[object, Counter[object]] = defaultdict(Counter)
    old = {c.id for c in roster if c.kind in ("steady", "winner") and c.age_hours >= 45 * 24}
    for row in rows:
        if row.campaign_id in old and row.bucket < NOW - timedelta(days=3):
            days[row.campaign_id][row.bucket.date()] += row.conversions
    ratios = []
    for counts in days.values():
        values = list(counts.values())
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
        ratios.append((mean, variance / mean))
    ratios.sort()
    small = [ratio for _, ratio in ratios[: len(ratios) // 3]]
    large = [ratio for _, ratio in ratios[-len(ratios) // 3 :]]
    assert 1.0 < sum(small) / len(small) < sum(large) / len(large) < 17.0


def test_conversions_arrive_late(roster: list[SampleCampaign], rows: list[MetricRow]) -> None:
    recent = [r for r in rows if r.bucket >= NOW - timedelta(hours=9)]
    before = [r for r in rows if NOW - timedelta(days=8) < r.bucket < NOW - timedelta(days=1)]

    def rate(some: list[MetricRow]) -> float:
        return sum(r.conversions for r in some) / max(1, sum(r.clicks for r in some))

    assert 0.05 < rate(recent) / rate(before) < 0.8
    day = [r for r in rows if r.bucket >= NOW - timedelta(hours=25)]
    assert rate(day) / rate(before) > 0.5, "a healthy account must not look like an outage"


def test_dirt_is_there_and_little_of_it(rows: list[MetricRow]) -> None:
    dirty = [
        r
        for r in rows
        if r.clicks > r.impressions
        or r.conversions > r.clicks
        or (r.spend_cents == 0 and r.revenue_cents > 0)
    ]
    assert 10 < len(dirty) < 0.001 * len(rows)


def test_sudden_drop_is_sudden(roster: list[SampleCampaign]) -> None:
    campaign = next(c for c in roster if c.kind == "ctr_drop" and c.age_hours > 21 * 24)
    rows = list(draw_hours(campaign, NOW))

    def ctr(first_day: int, last_day: int) -> float:
        some = [r for r in rows if first_day <= (NOW - r.bucket).days < last_day]
        return sum(r.clicks for r in some) / sum(r.impressions for r in some)

    assert ctr(0, 6) < 0.62 * ctr(7, 14)


def test_fast_enough_to_draw_each_time() -> None:
    started = time.process_time()  # of this process alone, however busy the machine
    assert sum(1 for _ in generate(NOW, campaigns=40)) > 20_000
    assert time.process_time() - started < 10.0

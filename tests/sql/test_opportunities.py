"""What the six detectors find, and what they leave alone."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sql.planted import (
    NOW,
    YESTERDAY,
    Db,
    Measures,
    campaign,
    count,
    day,
    detect,
    healthy,
    series,
    totals,
    value,
    write,
)
from tests.sql.servers import run_again

TYPES = {
    "high_traffic_low_conversion",
    "declining_performance",
    "budget_inefficiency",
    "audience_mismatch",
    "creative_fatigue",
    "timing_optimization",
}


# The interface ----------------------------------------------------------------------------------


def test_columns_and_no_arguments(db: Db) -> None:
    cursor = db.execute("SELECT * FROM detect_optimization_opportunities()")
    assert [c.name for c in cursor.description or []] == [
        "campaign_id",
        "opportunity_type",
        "severity",
        "description",
        "suggested_action",
        "estimated_impact",
        "confidence_score",
    ]
    assert cursor.fetchall() == []


def test_only_reads(db: Db) -> None:
    totals(db, campaign(db), Measures(9000, 234, 3, 120, 100))
    db.execute("set transaction_read_only = on")
    assert len(detect(db)) == 1


def test_critical_comes_first_and_low_last(db: Db) -> None:
    for spend, revenue, clicks in (
        (5000, 100, 50),
        (900, 400, 50),
        (500, 400, 300),
        (410, 400, 50),
    ):
        totals(db, campaign(db, days_old=10), Measures(9000, clicks, 8, spend, revenue))
    severities = [
        r[0]
        for r in db.execute("select severity from detect_optimization_opportunities(%s)", (NOW,))
    ]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low"].index)
    assert severities[0] == "critical"
    assert len(set(severities)) > 2


def test_only_active_campaigns_however_active_is_spelt(db: Db) -> None:
    found = {}
    for status in ("active", "Active", "paused", "PAUSED", None):
        found[status] = campaign(db, status=status)
        totals(db, found[status], Measures(9000, 50, 8, 500, 100))
    assert set(detect(db)) == {found["active"], found["Active"]}


# Dirty data -------------------------------------------------------------------------------------


def test_dirty_totals_raise_nothing(db: Db) -> None:
    rows: list[tuple[Any, ...]] = [
        (0, 0, 0, 0, 0),
        (0, 500, 900, 600, 20),  # conversions above clicks above impressions
        (100, 0, 5, 0, 300),  # revenue without spend, conversions without clicks
        (1000, 400, 0, 500, "NaN"),
        (1000, 400, 2, "NaN", 10),
        (10**15, 10**15, 10**15, 999999999999, 0),
        (1000, 400, 1, 500, -200),  # refunds
        (-5, -400, -1, 500, 3),
    ]
    for name in ("spend", "revenue"):  # a table that was here before may hold anything
        db.execute(
            "alter table campaign_performance"
            f" drop constraint campaign_performance_total_{name}_check".encode()
        )
    for row in rows:
        totals(db, campaign(db, title=None, budget=None, days_old=-3), Measures(*row))
    assert {kind for found in detect(db).values() for kind in found} <= TYPES


@pytest.mark.parametrize("created_at", ["infinity", "-infinity", "1000-01-01"])
def test_an_odd_birth_raises_nothing(db: Db, created_at: str) -> None:
    made = campaign(db, created_at=created_at)
    totals(db, made, Measures(9000, 234, 0, 500, 100))
    assert {"budget_inefficiency", "high_traffic_low_conversion"} <= set(detect(db)[made])


def test_dirty_series_raise_nothing(db: Db) -> None:
    chance = random.Random(1)
    for gap in (1, 2, 5):
        made = campaign(db, title="")
        rows = []
        for i in range(0, 40 * 24, gap):
            dirty = Measures(
                chance.choice((0, 10, 5000)),
                chance.choice((0, 30, 6000)),
                chance.choice((0, 2, 9000)),
                chance.choice((0, 3.5, 1e9)),
                chance.choice((-50, 0, 20, 1e10)),
                chance.choice((0, 1, 10**9)),
            )
            rows.append((NOW - timedelta(hours=i), dirty))
        write(db, made, rows)
        for segment in ("", "a" * 500, 'quo"te'):
            db.execute(
                "insert into campaign_audience_metrics"
                " (campaign_id, segment, day, impressions, clicks, conversions, spend, revenue)"
                " values (%s, %s, %s, 0, 5, 9, %s, %s)",
                (made, segment, YESTERDAY, chance.choice((0, 500)), chance.choice((0, -30))),
            )
    assert {kind for found in detect(db).values() for kind in found} <= TYPES


def test_a_conversion_delay_of_any_size_raises_nothing(db: Db) -> None:
    made = campaign(db)
    series(db, made, [Measures(5000, 90, 1, 50, 10)] * 28)
    for delay in (0, 0.001, 24, 2160):
        db.execute("update autonomy_policy set conversion_delay_hours = %s", (delay,))
        for now in (NOW - timedelta(days=2), NOW, NOW + timedelta(days=3650)):
            detect(db, now)


# high_traffic_low_conversion --------------------------------------------------------------------


@pytest.mark.parametrize("days_old", [0, 1, 7, 30, 200])
def test_the_guides_sentence(db: Db, days_old: int) -> None:
    made = campaign(db, "Summer Festival Promo", days_old=days_old)
    totals(db, made, Measures(9000, 234, 3, 80, 240))
    (found,) = detect(db)[made].items()
    kind, row = found
    assert kind == "high_traffic_low_conversion"
    assert (
        row["description"]
        == 'Campaign "Summer Festival Promo" has 234 clicks but only 1.3% conversion rate'
    )
    assert row["severity"] == "medium"
    assert 78 <= row["confidence_score"] <= 92
    assert "targeting parameters and landing page experience" in row["suggested_action"]
    assert row["estimated_impact"]["money_per_day"] > 0
    assert "clicks a day at the usual" in row["estimated_impact"]["basis"]


@pytest.mark.parametrize(
    ("clicks", "conversions", "spend", "raised"),
    [
        (100, 0, 51, True),
        (99, 0, 51, False),
        (300, 1, 50, False),
        (300, 6, 51, False),
        (3000, 10, 51, True),
    ],
)
def test_the_limits_of_high_traffic(
    db: Db, clicks: int, conversions: int, spend: float, raised: bool
) -> None:
    made = campaign(db, days_old=10)
    totals(db, made, Measures(30000, clicks, conversions, spend, 500))
    assert ("high_traffic_low_conversion" in detect(db).get(made, {})) is raised


def test_what_is_usual_here_is_no_problem(db: Db) -> None:
    """Where everyone converts 1.2 %, 1.1 % is nothing; 0.2 % is."""
    for i in range(40):
        totals(db, campaign(db, f"C{i}"), Measures(90000, 2000, 22 + i % 5, 900, 3000))
    odd = campaign(db, "Odd")
    totals(db, odd, Measures(90000, 2000, 4, 900, 3000))
    found = detect(db)
    assert set(found) == {odd}
    assert found[odd]["high_traffic_low_conversion"]["severity"] in {"high", "critical"}


def test_clicks_that_are_too_young_are_not_held_against_a_campaign(db: Db) -> None:
    made = campaign(db, days_old=2)
    series(db, made, [Measures(9000, 150, 2, 40, 100)] * 2)
    assert "high_traffic_low_conversion" in detect(db)[made]
    db.execute("update autonomy_policy set conversion_delay_hours = 96")
    assert "high_traffic_low_conversion" not in detect(db).get(made, {})


# declining_performance --------------------------------------------------------------------------


def test_a_sudden_drop_is_declining_and_not_fatigue(db: Db) -> None:
    chance = random.Random(3)
    made = campaign(db, "Dropped")
    series(db, made, [day(chance, ctr=0.015 if i < 14 else 0.007, shock=0.08) for i in range(21)])
    found = detect(db)[made]
    assert "creative_fatigue" not in found
    row = found["declining_performance"]
    assert row["severity"] in {"high", "medium"}
    assert row["description"].startswith('Campaign "Dropped" has a CTR of 0.')
    assert "below the 1." in row["description"]
    assert row["confidence_score"] >= 90
    assert row["estimated_impact"]["clicks_per_day"] > 50


def test_a_drop_within_the_days_own_noise_is_none(db: Db) -> None:
    """Days that swing from 0.5 % to 3 %: 35 % below, and a two-proportion test is certain."""
    made = campaign(db)
    before = [0.03, 0.005, 0.028, 0.006, 0.03, 0.012, 0.02]
    after = [0.005, 0.03, 0.006, 0.008, 0.025, 0.004, 0.006]
    series(db, made, [Measures(50000, int(50000 * ctr), 20, 300, 600) for ctr in before + after])
    assert sum(after) / sum(before) < 0.7
    assert "declining_performance" not in detect(db).get(made, {})


def test_a_drop_of_less_than_30_percent_or_on_little_data_is_none(db: Db) -> None:
    small, thin = campaign(db), campaign(db)
    series(db, small, [Measures(50000, 1000 if i < 7 else 720, 20, 300, 600) for i in range(14)])
    series(db, thin, [Measures(60, 2 if i < 7 else 0, 0, 3, 6) for i in range(14)])
    assert detect(db) == {}


def test_a_drop_that_ended_long_ago_is_no_news(db: Db) -> None:
    made = campaign(db)
    series(
        db,
        made,
        [Measures(50000, 1000 if i < 7 else 400, 20, 300, 600) for i in range(14)],
        YESTERDAY - timedelta(days=12),
    )
    assert "declining_performance" not in detect(db).get(made, {})


def steady(roi: float, orders: int = 7, spend: float = 100) -> Measures:
    return Measures(5000, 100, orders, spend, roi * spend)


def test_a_collapse_under_a_good_lifetime_is_critical(db: Db) -> None:
    """186 days at 3.4x, 14 at 0.3x: the lifetime is at 3.2x, and the click rate is what it was."""
    made = campaign(db, "Faded", days_old=200)
    series(db, made, [steady(3.4)] * 186 + [steady(0.3, 1)] * 14)
    row = detect(db)[made]["declining_performance"]
    assert row["severity"] == "critical"
    assert row["description"] == (
        'Campaign "Faded": the last 14 days returned 0.3x against 3.4x before'
        " (1,400.00 spent for 420.00)"
    )
    assert row["estimated_impact"]["money_per_day"] == 310
    assert row["estimated_impact"]["spend_per_day"] == 100
    assert row["confidence_score"] >= 99
    result = value(db, "select run_autonomous_operations(%s)", NOW)
    assert result["actions_taken"]["opportunities_detected"] >= 1
    kept = value(
        db, "select description from optimization_opportunities where campaign_id = %s", made
    )
    assert kept == row["description"]


@pytest.mark.parametrize(
    "days",
    [
        [steady(3.4)] * 60 + [steady(1.9, 4)] * 14,  # less, but not by half
        [steady(0.6)] * 60 + [steady(0.2, 2)] * 14,  # never earned: budget_inefficiency says so
        [steady(3.4, 1, 25)] * 60 + [steady(0.3, 0, 5)] * 14,  # three orders are missing
        [steady(3.4)] * 10 + [steady(0.3, 1)] * 14,  # too short a past
        [steady(3.4)] * 60 + [steady(0.3, 1)] * 3,  # three days
        [steady(3.4 if i % 6 == 0 else 0.3) for i in range(74)],  # its orders come in lumps
    ],
)
def test_less_than_a_collapse_is_none(db: Db, days: list[Measures]) -> None:
    made = campaign(db, days_old=90)
    series(db, made, days)
    assert "declining_performance" not in detect(db).get(made, {})


def test_a_collapse_that_still_earns_is_high(db: Db) -> None:
    made = campaign(db, days_old=90)
    series(db, made, [steady(9, 18)] * 60 + [steady(2, 4)] * 14)
    assert detect(db)[made]["declining_performance"]["severity"] == "high"


def test_conversions_that_are_still_to_come_are_no_collapse(db: Db) -> None:
    made = campaign(db, days_old=90)
    series(db, made, [steady(3)] * 60 + [steady(0.6, 2)] * 14)
    assert "declining_performance" in detect(db)[made]
    db.execute("update autonomy_policy set conversion_delay_hours = 240")
    assert "declining_performance" not in detect(db).get(made, {})


def test_of_two_falls_the_more_severe_is_said(db: Db) -> None:
    """Clicks and their worth fall together: one row, as one is kept a campaign and type."""
    made = campaign(db, days_old=90)
    fallen = Measures(5000, 55, 1, 100, 30)
    series(db, made, [steady(3.4)] * 67 + [steady(0.3, 1)] * 7 + [fallen] * 7)
    assert detect(db)[made]["declining_performance"]["severity"] == "critical"
    value(db, "select record_opportunities(%s)", NOW)


# budget_inefficiency ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conversions", "revenue", "spend", "severity", "low", "high"),
    [
        (40, 300, 2000, "critical", 95, 100),
        (60, 800, 1500, "high", 80, 95),
        (1, 60, 101, "medium", 50, 70),
    ],
)
def test_severity_and_confidence_of_a_loss_come_from_the_evidence(
    db: Db, conversions: int, revenue: float, spend: float, severity: str, low: float, high: float
) -> None:
    made = campaign(db, "Leak", days_old=10)
    totals(db, made, Measures(9000, 90, conversions, spend, revenue))
    row = detect(db)[made]["budget_inefficiency"]
    assert row["severity"] == severity
    assert low <= row["confidence_score"] <= high
    below = value(
        db,
        "select autonomy.probability_below(1, %s, %s, %s, null, 10, 1, 1.0, 0.64, 50, 1.5)",
        *(float(x) for x in (spend, conversions, revenue)),
    )
    assert float(row["confidence_score"]) == pytest.approx(100 * below, abs=0.2)
    assert row["estimated_impact"]["money_per_day"] > 0


def test_a_loss_is_always_listed_even_when_it_probably_earns_by_now(db: Db) -> None:
    made = campaign(db, "Recovered", days_old=60)
    series(db, made, [Measures(5000, 90, 1, 100, 10)] * 30 + [Measures(5000, 90, 6, 40, 120)] * 14)
    row = detect(db)[made]["budget_inefficiency"]
    assert row["severity"] == "low"
    assert row["confidence_score"] < 50
    assert "Leave it running" in row["suggested_action"]


@pytest.mark.parametrize(("budget", "curvature"), [(300, 2), (20, 2), (300, 0.5)])
def test_a_loss_is_judged_where_the_campaign_stands_on_its_curve(
    db: Db, budget: float, curvature: float
) -> None:
    """As pauses are: the evidence is of other budgets than the present one."""
    db.execute("update autonomy_policy set curvature = %s", (curvature,))
    made = campaign(db, "Leak")
    series(db, made, [Measures(5000, 90, 2, 100, 90)] * 30)
    db.execute("update autonomy.reference_budgets set budget = 100, is_fixed = true")
    db.execute("select set_config('autonomy.now', %s, true)", (str(NOW),))
    db.execute("update campaigns set budget = %s", (budget,))
    db.execute("select autonomy.rebuild_campaign_facts()")
    db.execute("set local autonomy.simulation = on")
    db.execute("select fit_portfolio_prior(true, %s)", (NOW,))
    row = detect(db)[made]["budget_inefficiency"]
    asked = "select confidence_score from identify_underperforming_campaigns(50, 1.0, 24, %s)"
    assert row["confidence_score"] == value(db, asked, NOW)
    assert row["estimated_impact"]["spend_per_day"] == min(budget, 100)


@pytest.mark.parametrize(("spend", "revenue"), [(100, 10), (200, 200)])
def test_the_limits_of_a_loss(db: Db, spend: float, revenue: float) -> None:
    totals(db, campaign(db), Measures(9000, 90, 5, spend, revenue))
    assert detect(db) == {}


# audience_mismatch ------------------------------------------------------------------------------


def _segment(db: Db, made: uuid.UUID, name: str, clicks: int, conversions: int) -> None:
    db.execute(
        "insert into campaign_audience_metrics"
        " (campaign_id, segment, day, impressions, clicks, conversions, spend, revenue)"
        " select %s, %s, d, %s, %s, %s, %s, %s"
        " from generate_series(%s::date - 29, %s::date, '1 day') d",
        (
            made,
            name,
            clicks * 60,
            clicks,
            conversions,
            clicks * 0.75,
            conversions * 50,
            YESTERDAY,
            YESTERDAY,
        ),
    )


def test_a_segment_that_earns_little_is_named_with_its_share(db: Db) -> None:
    made = campaign(db, "Shoes")
    series(db, made, [Measures(30000, 500, 13, 375, 650)] * 30)
    for name, conversions in (("Men 18-24", 5), ("Women 25-34", 4), ("Women 35-44", 4)):
        _segment(db, made, name, 125, conversions)
    _segment(db, made, "Men 55-64", 125, 0)
    row = detect(db)[made]["audience_mismatch"]
    assert '"Men 55-64" (25% of the spend, ROI 0.00)' in row["description"]
    assert "Women" not in row["description"]
    assert row["estimated_impact"]["spend_per_day"] == pytest.approx(93.75, abs=0.1)
    assert row["confidence_score"] >= 80


def test_segments_alike_or_small_are_left_alone(db: Db) -> None:
    made = campaign(db, "Shoes")
    series(db, made, [Measures(30000, 500, 13, 375, 650)] * 30)
    for name, clicks, conversions in (("A", 200, 6), ("B", 200, 4), ("C", 70, 0)):
        _segment(db, made, name, clicks, conversions)
    assert "audience_mismatch" not in detect(db).get(made, {})


def test_without_segments_ctr_and_conversion_rate_speak_together(db: Db) -> None:
    chance = random.Random(5)
    healthy(db, 12, chance)
    both, one = campaign(db, "Both"), campaign(db, "One")
    series(
        db,
        both,
        [day(chance, impressions=90000, ctr=0.003, conversion_rate=0.004) for _ in range(28)],
    )
    series(db, one, [day(chance, impressions=90000, ctr=0.003) for _ in range(28)])
    found = detect(db)
    assert "wrong people" in found[both]["audience_mismatch"]["description"]
    assert "audience_mismatch" not in found.get(one, {})


# creative_fatigue -------------------------------------------------------------------------------


def test_a_steady_fall_is_fatigue(db: Db) -> None:
    chance = random.Random(7)
    made = campaign(db, "Worn")
    series(
        db,
        made,
        [day(chance, ctr=0.015 * (1 - 0.45 * max(0, i - 6) / 13), shock=0.06) for i in range(20)],
    )
    row = detect(db)[made]["creative_fatigue"]
    assert row["description"].startswith('Campaign "Worn" loses CTR steadily: from 1.')
    assert "while its impressions hold" in row["description"]
    assert row["severity"] in {"medium", "high"}
    assert row["confidence_score"] >= 90
    assert row["estimated_impact"]["percent"] < -20


def test_with_a_high_frequency_a_smaller_fall_is_enough(db: Db) -> None:
    worn, seen = campaign(db, "Worn"), campaign(db, "Seen")
    for made, reach in ((worn, 4000), (seen, 16000)):
        series(
            db,
            made,
            [
                Measures(20000, int(300 * (1 - 0.27 * i / 13)), 9, 200, 450, reach)
                for i in range(14)
            ],
        )
    found = detect(db)
    assert "people see its ads 5.0 times each" in found[worn]["creative_fatigue"]["description"]
    assert "creative_fatigue" not in found.get(seen, {})


def test_a_fall_with_falling_impressions_is_not_fatigue(db: Db) -> None:
    made = campaign(db)
    series(
        db,
        made,
        [
            Measures(
                n := int(40000 * (1 - 0.06 * i)), int(n * 0.015 * (1 - 0.4 * i / 13)), 9, 200, 450
            )
            for i in range(14)
        ],
    )
    assert "creative_fatigue" not in detect(db).get(made, {})


def test_thirteen_days_are_too_few_for_fatigue(db: Db) -> None:
    made = campaign(db, days_old=11)
    series(
        db, made, [Measures(20000, int(300 * (1 - 0.5 * i / 10)), 9, 200, 450) for i in range(11)]
    )
    assert "creative_fatigue" not in detect(db).get(made, {})


# timing_optimization ----------------------------------------------------------------------------


def _hours(db: Db, made: uuid.UUID, weak: set[int], zone_hours: int = 0, days: int = 21) -> None:
    """Hourly buckets; in the weak hours (of a zone so many hours ahead) nobody buys."""
    chance = random.Random(11)
    rows = []
    for i in range(days * 24):
        at = datetime(2026, 6, 15, tzinfo=UTC) - timedelta(hours=i + 1)
        bad = (at + timedelta(hours=zone_hours)).hour in weak
        conversions = 0 if bad else count(chance, 3)
        rows.append((at, Measures(3000, 60, conversions, 75, conversions * 50.0)))
    write(db, made, rows)


def test_weak_hours_are_named_in_the_accounts_time_zone(db: Db) -> None:
    made = campaign(db, "Nights")
    _hours(db, made, {1, 2, 3, 4}, zone_hours=3)
    db.execute("update autonomy_policy set time_zone = 'Etc/GMT-3'")  # three hours ahead of UTC
    row = detect(db)[made]["timing_optimization"]
    assert "every day 01:00-05:00, Etc/GMT-3" in row["description"]
    assert "Take these hours out of its schedule" in row["suggested_action"]
    assert "best hours: every day" in row["suggested_action"]
    assert row["severity"] == "medium"
    assert row["estimated_impact"]["spend_per_day"] == pytest.approx(300, rel=0.05)


def test_hours_alike_daily_buckets_and_short_histories_are_left_alone(db: Db) -> None:
    alike, daily, short = campaign(db, "Alike"), campaign(db, "Daily"), campaign(db, "Short")
    _hours(db, alike, set())
    _hours(db, short, {1, 2, 3, 4}, days=10)
    series(db, daily, [Measures(50000, 900, 30, 400, 1500)] * 28)
    assert detect(db) == {}


def test_single_hours_of_the_week_are_named_too(db: Db) -> None:
    made = campaign(db, "Sundays")
    chance = random.Random(13)
    rows = []
    for i in range(28 * 24):
        at = datetime(2026, 6, 15, tzinfo=UTC) - timedelta(hours=i + 1)
        conversions = 0 if at.weekday() == 6 and at.hour in {10, 11} else count(chance, 12)
        rows.append((at, Measures(9000, 200, conversions, 250, conversions * 50.0)))
    write(db, made, rows)
    assert "(Sun 10:00-12:00, UTC)" in detect(db)[made]["timing_optimization"]["description"]


# Healthy noise ----------------------------------------------------------------------------------


def test_healthy_campaigns_raise_next_to_nothing(db: Db) -> None:
    """The benchmark measures this with 2,000 campaigns and a week; here 150 and four days."""
    healthy(db, 150, random.Random(17))
    raised = set()
    for days in range(4):
        for campaign_id, kinds in detect(db, NOW - timedelta(days=days)).items():
            if set(kinds) - {"budget_inefficiency"}:
                raised.add(campaign_id)
    assert len(raised) <= 5


def test_words_that_are_hostile_stay_words(db: Db) -> None:
    title = "%s %I \\ \"; drop table campaigns; --' {0} $1"
    made = campaign(db, title)
    totals(db, made, Measures(9000, 234, 0, 500, 0))
    for row in detect(db)[made].values():
        assert f'Campaign "{title}"' in row["description"]


def test_performance_only_databases_have_two_kinds(db: Db) -> None:
    for i in range(30):
        totals(db, campaign(db, f"C{i}"), Measures(9000, 500 + i, i % 20, 300, 40 * i))
    assert {k for f in detect(db).values() for k in f} <= {
        "high_traffic_low_conversion",
        "budget_inefficiency",
        "audience_mismatch",
    }


def test_safe_to_migrate_again(db: Db) -> None:
    totals(db, campaign(db), Measures(9000, 50, 8, 500, 100))
    before = detect(db)
    run_again(db)
    db.execute("set local search_path to public")
    assert detect(db) == before

"""The forecast of the month: exact where there is no noise, silent where too little is known."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.forecast.answer import told
from autonomy.forecast.month import Account, Day, month_of
from autonomy.forecast.outlook import outlook_of_sums
from autonomy.forecast.series import FLAT, week_shape

TODAY = date(2026, 11, 20)
WEEK = (100.0, 110.0, 120.0, 130.0, 90.0, 0.0, 40.0)


def account(
    spend: list[float], revenue: list[float] | None = None, today: date = TODAY, **more: Any
) -> Account:
    """Days that end yesterday, and nothing of today yet."""
    earned = revenue or [2.0 * one for one in spend]
    first = today - timedelta(len(spend))
    days = [
        Day(first + timedelta(at), s, r, True, False, True, s, r)
        for at, (s, r) in enumerate(zip(spend, earned, strict=True))
    ]
    known: dict[str, Any] = {
        "name": "Paris", "currency": "EUR", "time_zone": "UTC", "today": today,
        "hours_today": 10.0, "monthly_total": None, "break_even": 1.0, "believed": 1.0,
        "delay_hours": 0.0, "active": 1, "active_budget": 100.0, "untried_budget": 0.0,
        "days": days,
    }  # fmt: skip
    return Account(**{**known, **more})


def with_days(one: Account, change: dict[int, dict[str, Any]]) -> Account:
    """The same with some days other than they were; -1: yesterday."""
    days = list(one.days)
    for at, values in change.items():
        days[at] = days[at]._replace(**values)
    return replace(one, days=days)


# Exact ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 3, 7, 14, 28])
def test_a_constant_series_is_foretold_exactly(days: int) -> None:
    bands = outlook_of_sums([100.0] * 60, [250.0] * 60, 0).over(days)
    assert bands.spend.expected == pytest.approx(100 * days)
    assert bands.revenue.expected == pytest.approx(250 * days)
    assert bands.profit.expected == pytest.approx(150 * days)
    assert bands.roi is not None
    assert bands.roi.expected == pytest.approx(2.5)
    for band in (bands.spend, bands.revenue):
        assert band.high - band.low <= 0.1 * band.expected


@pytest.mark.parametrize("first", range(7))
@pytest.mark.parametrize("days", [1, 3, 10])
def test_a_weeks_pattern_is_foretold_exactly(first: int, days: int) -> None:
    spend = [WEEK[(first + at) % 7] for at in range(63 + days)]
    revenue = [one * (3.0 if (first + at) % 7 == 2 else 2.0) for at, one in enumerate(spend)]
    bands = outlook_of_sums(spend[:63], revenue[:63], first).over(days)
    assert bands.spend.expected == pytest.approx(sum(spend[63:]))
    assert bands.revenue.expected == pytest.approx(sum(revenue[63:]))
    assert bands.spend.high - bands.spend.low <= 0.1 * max(1.0, bands.spend.expected)


def test_chance_draws_no_shape() -> None:
    luck = random.Random(3)
    found = [
        week_shape([luck.lognormvariate(0, 0.4) for _ in range(28)], [True] * 28, 0)
        for _ in range(50)
    ]
    apart = [max(abs(one - 1.0) for one in shape) for shape in found]
    assert sum(apart) / len(apart) < 0.25
    assert week_shape([100.0] * 28, [True] * 28, 0) == FLAT


def test_more_noise_is_a_wider_band() -> None:
    widths = []
    for spread in (0.05, 0.2, 0.6):
        luck = random.Random(5)
        spend = [100.0 * luck.lognormvariate(0, spread) for _ in range(80)]
        band = outlook_of_sums(spend, spend, 0).over(14).spend
        widths.append(band.high - band.low)
    assert widths == sorted(widths)
    assert widths[2] > 3 * widths[0]


def test_one_huge_day_is_no_new_level() -> None:
    spend = [100.0] * 60
    spend[-4] = 100_000.0
    assert outlook_of_sums(spend, spend, 0).over(10).spend.expected < 1_900
    # four such days are one
    spend[-4:] = [100_000.0] * 4
    assert outlook_of_sums(spend, spend, 0).over(10).spend.expected > 100_000


def test_a_new_level_is_followed() -> None:
    spend = [100.0] * 50 + [200.0] * 10
    assert outlook_of_sums(spend, spend, 0).over(10).spend.expected > 1_600


@pytest.mark.parametrize("a_week", [0.9, 1.1])
def test_a_steady_trend_goes_on_and_fades(a_week: float) -> None:
    spend = [1000.0 * a_week ** (at / 7) for at in range(88)]
    said = outlook_of_sums(spend[:60], spend[:60], 0).over(28).spend.expected
    as_last_week, real = 4 * sum(spend[53:60]), sum(spend[60:])
    assert abs(said - real) < abs(as_last_week - real) / 3


def test_a_step_is_no_trend() -> None:
    for level in (400.0, 50.0):
        spend = [100.0] * 45 + [level] * 15
        band = outlook_of_sums(spend, spend, 0).over(28).spend
        assert band.expected == pytest.approx(28 * level, rel=0.02)


def test_no_trend_runs_away() -> None:
    spend = [10.0 ** (at / 7 * 2) for at in range(60)]
    assert outlook_of_sums(spend, spend, 0).over(28).spend.expected < 28 * 10 * spend[-1]


def test_what_follows_its_budgets_is_as_certain_as_they_are() -> None:
    # campaigns were launched until ten days ago; today's would have spent 100 all along
    ramp = [min(100.0, 10.0 + 3.0 * at) for at in range(40)]
    plain = month_of(account(ramp)).bands
    known = month_of(
        with_days(account(ramp), {-at: {"present_spend": 100.0, "present_revenue": 200.0}
                                  for at in range(1, 29)})
    ).bands  # fmt: skip
    assert plain is not None
    assert known is not None
    assert known.spend.high - known.spend.low < 0.5 * (plain.spend.high - plain.spend.low)


# The month -----------------------------------------------------------------------------------


def test_the_month_is_what_was_and_what_comes() -> None:
    month = month_of(account([100.0] * 60))
    assert month.bands is not None
    assert (month.first, month.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert month.spent == 1_900  # 1 to 19 November
    assert month.bands.spend.expected == pytest.approx(3_000)
    assert month.bands.revenue.expected == pytest.approx(6_000)
    assert month.bands.profit.expected == pytest.approx(3_000)
    assert [point.day.day for point in month.points] == list(range(1, 31))
    assert month.points[18].spend == 1_900
    assert month.points[18].band is None
    assert month.points[-1].band == month.bands.spend
    assert month.sentence.endswith("EUR by 30 November.")


@pytest.mark.parametrize(
    ("total", "pace"), [(12_000, "on_pace"), (3_000, "may_reach"), (2_500, "heading_over"),
                        (1_800, "over")],
)  # fmt: skip
def test_it_says_where_the_month_heads_beside_its_total(total: float, pace: str) -> None:
    one = told(month_of(account([100.0] * 60, monthly_total=total)))
    assert one["pace"] == pace
    assert f"of {total:,} EUR." in one["sentence"]


@pytest.mark.parametrize(
    ("today", "left"), [(date(2026, 11, 1), 30), (date(2026, 11, 30), 1), (date(2028, 2, 29), 1),
                        (date(2026, 12, 31), 1)],
)  # fmt: skip
def test_the_first_and_the_last_day_of_a_month(today: date, left: int) -> None:
    month = month_of(account([100.0] * 60, today=today))
    assert month.bands is not None
    days = (month.last - month.first).days + 1
    assert month.spent == 100 * (days - left)
    assert month.bands.spend.expected == pytest.approx(100 * days)


def test_profit_is_what_is_left_at_the_target() -> None:
    one = account([100.0] * 60, break_even=1.5, believed=0.9)
    bands = month_of(one).bands
    assert bands is not None
    assert bands.profit.expected == pytest.approx(6_000 * 0.9 / 1.5 - 3_000)


def test_conversions_on_their_way_count() -> None:
    """A day's revenue comes in over the days after it; the last ones lack some."""
    whole = account([100.0] * 60, delay_hours=24.0, hours_today=0.0)
    shares = {-1: 0.3679, -2: 0.7675, -3: 0.9145}
    late = with_days(whole, {at: {"revenue": 200 * share} for at, share in shares.items()})
    bands = month_of(late).bands
    assert bands is not None
    assert bands.revenue.expected == pytest.approx(6_000, rel=0.03)
    ignorant = month_of(replace(late, delay_hours=0.0)).bands
    assert ignorant is not None
    assert ignorant.revenue.expected < 5_700


# Budgets and campaigns of today ------------------------------------------------------------------


def test_what_is_paused_today_spends_nothing_tomorrow() -> None:
    half = account([100.0] * 60)
    half = with_days(half, {-at: {"present_spend": 50.0, "present_revenue": 100.0}
                            for at in range(1, 61)})  # fmt: skip
    bands = month_of(half).bands
    assert bands is not None
    assert bands.spend.expected == pytest.approx(1_900 + 11 * 50)
    none = with_days(half, {-at: {"present_spend": 0.0, "present_revenue": 0.0}
                            for at in range(1, 61)})  # fmt: skip
    month = month_of(replace(none, active=0))
    assert month.bands is not None
    assert tuple(month.bands.spend) == (1_900, 1_900, 1_900)
    assert month.sentence == "1,900 EUR by 30 November."


def test_budgets_of_today_are_followed_and_doubted() -> None:
    plain = account([100.0] * 60)
    doubled = with_days(plain, {-at: {"present_spend": 200.0, "present_revenue": 400.0}
                                for at in range(1, 61)})  # fmt: skip
    before, after = month_of(plain).bands, month_of(doubled).bands
    assert before is not None
    assert after is not None
    assert after.spend.expected == pytest.approx(1_900 + 11 * 200)
    assert after.spend.low < 1_900 + 11 * 150
    assert after.spend.high - after.spend.low > 3 * (before.spend.high - before.spend.low)


def test_campaigns_without_figures_spend_as_the_others_do() -> None:
    bands = month_of(account([80.0] * 60, active_budget=150.0, untried_budget=50.0)).bands
    assert bands is not None
    assert bands.spend.expected == pytest.approx(19 * 80 + 11 * (80 + 40))


# Too little ------------------------------------------------------------------------------------


def silent(one: Account) -> str:
    month = month_of(one)
    assert month.bands is None
    said = told(month)
    assert said["spend"]["expected"] is None
    assert all(day["expected"] is None for day in said["days"])
    return month.sentence


@pytest.mark.parametrize("days", [1, 5, 6, 13])
def test_few_days_are_too_early(days: int) -> None:
    assert silent(account([100.0] * days)) == f"Too early to tell: {days} of 14 days."


def test_days_that_do_not_count_are_no_history() -> None:
    one = with_days(account([100.0] * 20), {at: {"left_out": True} for at in range(10)})
    assert silent(one) == ("Too early to tell: 10 of 14 days (10 days left out of the evidence).")


@pytest.mark.parametrize("spend", [[], [0.0] * 60])
def test_without_spend_nothing_is_told(spend: list[float]) -> None:
    assert silent(account(spend)).startswith("No complete day with spend yet")


def test_what_stopped_weeks_ago_is_not_foretold() -> None:
    assert silent(account([100.0] * 30 + [0.0] * 20)).startswith("Nothing was spent in the last 14")


def test_old_figures_are_said_to_be_old() -> None:
    none = {"spend": 0.0, "revenue": 0.0, "has_figures": False, "present_spend": 0.0,
            "present_revenue": 0.0}  # fmt: skip
    one = with_days(account([100.0] * 60), {-at: none for at in range(1, 6)})
    assert silent(one) == (
        "The last figures are of 14 November: too long ago to tell what the month will bring."
    )


def test_a_late_feed_is_foretold_over() -> None:
    none = {"spend": 0.0, "revenue": 0.0, "has_figures": False, "present_spend": 0.0,
            "present_revenue": 0.0}  # fmt: skip
    month = month_of(with_days(account([100.0] * 60), {-1: none, -2: none}))
    assert month.through == date(2026, 11, 17)
    assert month.bands is not None
    assert month.bands.spend.expected == pytest.approx(3_000)


def test_a_day_that_is_left_out_teaches_nothing() -> None:
    one = with_days(account([100.0] * 60), {-5: {"spend": 9_000.0, "left_out": True,
                                                 "present_spend": 9_000.0}})  # fmt: skip
    bands = month_of(one).bands
    assert bands is not None
    # it was spent all the same
    assert bands.spend.expected == pytest.approx(3_000 + 8_900)
    assert bands.spend.high - bands.spend.low < 200


def test_today_counts_from_what_it_has_spent() -> None:
    one = account([100.0] * 60)
    today = Day(TODAY, 500.0, 10.0, True, False, True, 500.0, 10.0)
    bands = month_of(replace(one, days=[*one.days, today])).bands
    assert bands is not None
    assert bands.spend.expected == pytest.approx(1_900 + 500 + 10 * 100)
    assert bands.spend.low >= 2_400


def test_days_of_the_future_do_not_count() -> None:
    one = account([100.0] * 60)
    ahead = [Day(TODAY + timedelta(at), 1e9, 1e9, True, False, True, 1e9, 1e9) for at in (1, 40)]
    assert told(month_of(replace(one, days=[*one.days, *ahead]))) == told(month_of(one))


# Whatever comes --------------------------------------------------------------------------------

AMOUNT = st.one_of(
    st.just(0.0),
    st.floats(0, 1e12, allow_nan=False),
    st.floats(0, 200),
    st.floats(1e-9, 1e-3),
)


@given(
    spend=st.lists(AMOUNT, max_size=90),
    seed=st.integers(0, 10**6),
    today=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    delay=st.sampled_from([0.0, 1.0, 24.0, 2_000.0]),
    total=st.one_of(st.none(), st.floats(0.01, 1e12)),
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_an_answer(
    spend: list[float], seed: int, today: date, delay: float, total: float | None
) -> None:
    luck = random.Random(seed)
    one = account(
        spend, [luck.choice((0.0, s, 3 * s, -s, 1e11)) for s in spend], today,
        delay_hours=delay, monthly_total=total, hours_today=luck.uniform(0, 24),
        untried_budget=luck.choice((0.0, 50.0)),
    )  # fmt: skip
    one = with_days(
        one,
        {at: {"left_out": luck.random() < 0.1, "has_figures": luck.random() < 0.9,
              "present_spend": one.days[at].spend * luck.choice((0, 1, 2, 1e6))}
         for at in range(len(spend))},
    )  # fmt: skip
    said = told(month_of(one))
    json.dumps(said, allow_nan=False)
    assert said["sentence"]
    for name in ("spend", "revenue", "profit", "roi"):
        band = said[name]
        if band["expected"] is not None:
            assert band["low"] <= band["expected"] <= band["high"]
    if said["spend"]["expected"] is not None:
        assert said["spend"]["low"] >= said["spend"]["so_far"] - 0.01 * (
            1 + said["spend"]["so_far"]
        )


ROW: dict[str, Any] = {
    "account": "Paris", "currency": None, "time_zone": "UTC", "today": "2026-11-20",
    "hours_today": 3.5, "monthly_total": None, "break_even": 1, "attribution_factor": 1,
    "delay_hours": 24, "active": 2, "active_budget": 200, "untried_budget": 0,
    "days": {"from": "2026-11-18", "spend": [1, 2, 3], "revenue": [2, 4, 6],
             "has_figures": [True, True, False], "left_out": [False, True, False],
             "present_from": "2026-11-19", "more_spend": [-2, 1], "more_revenue": [0, 0]},
}  # fmt: skip


def test_rows_of_the_database_are_read() -> None:
    days = Account.read(ROW).days
    assert [day.present_spend for day in days] == [1, 0, 4]
    assert [day.looked_at for day in days] == [False, True, True]
    assert [day.left_out for day in days] == [False, True, False]


@pytest.mark.parametrize("odd", ["NaN", "Infinity", None, "x", True, 1e300])
def test_figures_that_are_none_count_nothing(odd: Any) -> None:
    row = {**ROW, "monthly_total": odd if odd != 1e300 else None, "delay_hours": odd,
           "days": {**ROW["days"], "spend": [odd, 2, -5], "revenue": [odd, odd, odd]}}  # fmt: skip
    assert [day.spend for day in Account.read(row).days] == [0, 2, 0]
    json.dumps(told(month_of(Account.read(row))), allow_nan=False)

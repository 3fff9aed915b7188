"""Whether measurement works: the figures, and the copy of them that the measurements stand on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.measured import DAY, Judge, Series
from tests.sql import effects
from tests.sql.effects import Db, campaign, value

clean_tables = effects.clean_tables

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAYS = 44


def drawn(seed: int, a_day: float, by_day: bool) -> Series:
    """Four campaigns, the last one new; at the end conversions stop or values jump."""
    random = np.random.default_rng(seed)
    shape = (4, DAYS * DAY)
    clicks = random.poisson(random.gamma(2, a_day / 2, (4, 1)), shape).astype(float)
    clicks[3, : (DAYS - 3) * DAY] = 0
    clicks[0, -30:] *= 5
    conversions = random.binomial(clicks.astype(int), 0.05).astype(float)
    if seed % 2:
        weekend = np.arange(DAYS * DAY) // DAY % 7 >= 5
        conversions[:, weekend] = 0
    revenue = np.round(conversions * random.gamma(1, 50, shape), 2)
    if seed % 3 == 1:
        conversions[:, -60:] = 0
        revenue[:, -60:] = 0
    elif seed % 3 == 2:
        revenue[:, -60:] *= 100
    return Series(clicks, conversions, revenue, by_day)


def feed(db: Db, series: Series) -> None:
    ids = [campaign(db, title=f"{number}") for number in range(len(series.clicks))]
    step = DAY if series.by_day else 1
    with db.cursor().copy(
        "copy campaign_metrics (campaign_id, bucket, clicks, conversions, revenue, whole_day)"
        " from stdin"
    ) as rows:
        for number, one in enumerate(ids):
            for hour in range(0, DAYS * DAY, step):
                part = slice(hour, hour + step)
                clicks = series.clicks[number, part].sum()
                if clicks:
                    bucket = FIRST + timedelta(hours=hour)
                    conversions = series.conversions[number, part].sum()
                    revenue = round(float(series.revenue[number, part].sum()), 2)
                    rows.write_row((one, bucket, int(clicks), conversions, revenue, series.by_day))


def told(db: Db, at: int) -> tuple[Any, Any]:
    state = value(db, "select portfolio_state(%s)", FIRST + timedelta(hours=at, minutes=20))
    (account,) = state["accounts"]
    return account["tracking"], account["value"]


@pytest.mark.parametrize(
    ("seed", "a_day", "by_day"),
    [(1, 20.0, False), (2, 3.0, False), (3, 1.0, False), (4, 3.0, False), (5, 9.0, True),
     (7, 20.0, True)],
)  # fmt: skip
def test_the_benchmark_says_what_the_database_says(
    db: Db, seed: int, a_day: float, by_day: bool
) -> None:
    series = drawn(seed, a_day, by_day)
    feed(db, series)
    days = (3, 9, 13, 26, *range(DAYS - 3, DAYS))
    looks = Judge(series).look(days)
    looks = [one for one in looks if by_day or one.at % 5 == 0]
    for one in looks:
        tracking, worth = told(db, one.at)
        said = (tracking["enough"], tracking["tripped"], worth["enough"], worth["tripped"])
        assert said == (one.enough, one.tripped, one.value_enough, one.value_tripped), one
        if one.enough:
            assert tracking["expected"] == pytest.approx(one.expected, abs=0.006), one
            assert tracking["observed"] == pytest.approx(one.observed, abs=0.006), one
        if one.value_enough:
            assert worth["orders"] == pytest.approx(one.orders, abs=0.006), one
            assert worth["level"] == pytest.approx(one.level, rel=0.05, abs=0.006), one
    assert any(one.enough or one.value_enough for one in looks)
    tripped = {1: any(one.tripped for one in looks), 2: any(one.value_tripped for one in looks)}
    assert tripped.get(seed % 3, True)

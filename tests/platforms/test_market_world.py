"""The simulated market behind the fakes: what is changed over HTTP changes what it earns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tests.platforms.asking import Google, Meta
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.market_world import MarketWorld, Played
from tests.platforms.world import Account
from tests.simulation.world import TODAY, Market

EURO, YEN = "1000000001", "1000000002"
TRUTH = replace(TODAY, campaigns=8, days=35, launch_days=1)
START = date(2026, 10, 1)


def played(account: str = EURO, **other: Any) -> Played:
    holder = Account(account, currency="EUR", time_zone="Europe/Berlin")
    if account == YEN:
        holder = Account(account, currency="JPY", time_zone="Asia/Tokyo", minimum=Decimal(150))
    return replace(Played(holder, 5, TRUTH), **other)


@pytest.fixture
def world() -> MarketWorld:
    return MarketWorld([played(sets=True, adsets=4)], START)


def spend(world: MarketWorld, account: str, day: date) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for told in world.figures(account, day, day):
        found[told.external_id] = found.get(told.external_id, Decimal(0)) + told.spend
    return found


def test_left_alone_it_is_the_market_as_it_always_is(world: MarketWorld) -> None:
    world.pass_time(days=20)
    alone = Market(5, TRUTH)
    for _ in range(20 * 24):
        alone.advance()
    assert world.markets[EURO].score() == alone.score()
    shown = sum(
        (told.spend for told in world.figures(EURO, START, START + timedelta(19))), Decimal(0)
    )
    assert float(shown) == pytest.approx(float(alone.total_spend.sum()))


def test_orders_come_to_the_day_of_their_click_as_they_arrive(world: MarketWorld) -> None:
    day = START + timedelta(days=9)

    def orders() -> Decimal:
        return sum((told.conversions for told in world.figures(EURO, day, day)), Decimal(0))

    world.pass_time(days=10)
    first = orders()
    world.pass_time(days=3)
    later = orders()
    world.pass_time(days=10)
    assert 0 < first < later <= orders()
    market = world.markets[EURO]
    assert np.array_equal(market.orders.sum(axis=1), market.total_conversions)


def test_what_is_paused_over_http_spends_no_more_and_budgets_are_spent(world: MarketWorld) -> None:
    fake = FakeMeta(world)
    meta = Meta(fake)
    try:
        world.pass_time(days=5)
        sets = {row["id"]: row for row in meta.rows(f"act_{EURO}/adsets", fields="campaign_id")}
        own = [row["id"] for row in meta.rows(f"act_{EURO}/campaigns", fields="daily_budget")
               if "daily_budget" in row]  # fmt: skip
        parts = [name for name in sets if sets[name]["campaign_id"] not in own]
        assert (len(own), len(parts), len(sets)) == (4, 4, 8)
        before = world.markets[EURO].budget.copy()
        meta.post(own[0], status="PAUSED")
        meta.post(parts[0], status="PAUSED")
        held = int(meta.get(own[1], fields="daily_budget").json()["daily_budget"])
        meta.post(own[1], daily_budget=held * 2)
        world.pass_time(days=1)
        today = spend(world, EURO, START + timedelta(days=5))
        quiet = {name for name in sets if name not in today}
        assert quiet == {parts[0], next(n for n in sets if sets[n]["campaign_id"] == own[0])}
        after = world.markets[EURO].budget
        assert sorted(np.round(after / before, 6)) == [1.0] * 7 + [2.0]
        meta.post(own[0], status="ACTIVE")
        world.pass_time(days=1)
        assert len(spend(world, EURO, START + timedelta(days=6))) == 7
    finally:
        fake.stop()


def test_yen_are_whole_and_tokyos_days_are_its_own() -> None:
    world = MarketWorld([played(YEN, price=Decimal(150)), played(sets=True)], START)
    world.pass_time(days=2)
    yen = list(world.figures(YEN, START, START))
    assert {told.spend % 1 for told in yen} == {0}
    assert {told.hour for told in yen} == set(range(24))
    by_hour = sum(told.spend for told in yen)
    market = world.markets[YEN]
    assert float(by_hour) == pytest.approx(150 * float(market.spend[:, :24].sum()), rel=0.001)
    assert world.markets[YEN].hour - world.markets[EURO].hour == 7


def test_a_clock_change_leaves_no_hour_out() -> None:
    """25 October 2026 has 25 hours in Berlin: hour 2 comes twice."""
    world = MarketWorld([played()], date(2026, 10, 24))
    world.pass_time(days=3)
    hours = [told.hour for told in world.figures(EURO, date(2026, 10, 25), date(2026, 10, 25))
             if told.external_id == "1000001"]  # fmt: skip
    assert len(hours) == 25
    assert hours.count(2) == 2


def test_credit_may_be_split_and_is_never_lost() -> None:
    whole, split = (MarketWorld([played(credit=credit)], START) for credit in (1.0, 0.6))
    for world in (whole, split):
        world.pass_time(days=12)
    sums = [sum(told.conversions for told in world.figures(EURO, START, START + timedelta(12)))
            for world in (whole, split)]  # fmt: skip
    assert sums[0] == sums[1]
    assert any(told.conversions % 1 for told in split.figures(EURO, START, START + timedelta(12)))


def test_a_month_of_pausing_what_loses_over_http_earns_more() -> None:
    """The fake is enough to run an account with: look daily, pause what lost, a month long."""
    earned = []
    for operate in (False, True):
        world = MarketWorld([played()], START)
        fake = FakeGoogle(world)
        google = Google(fake, EURO)
        try:
            for _ in range(30):
                world.pass_time(days=1)
                if operate:
                    _pause_losers(google)
        finally:
            fake.stop()
        earned.append(world.markets[EURO].score().expected_profit)
    assert earned[1] > earned[0]


def _pause_losers(google: Google) -> None:
    rows = google.rows(
        "SELECT campaign.id, campaign.status, metrics.cost_micros, metrics.conversions_value "
        "FROM campaign WHERE segments.date DURING LAST_14_DAYS AND campaign.status = 'ENABLED'"
    )
    losers = [
        row["campaign"]["resourceName"] for row in rows
        if int(row.get("metrics", {}).get("costMicros", 0)) > 400_000_000
        and row["metrics"].get("conversionsValue", 0) < 0.6e-6 * int(row["metrics"]["costMicros"])
    ]  # fmt: skip
    if losers:
        operations = [
            {"update": {"resourceName": name, "status": "PAUSED"}, "updateMask": "status"}
            for name in losers
        ]
        assert google.post("campaigns:mutate", {"operations": operations}).ok

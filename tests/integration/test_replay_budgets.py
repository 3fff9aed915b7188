"""What a replay makes of budgets: known ones, those that stand in, and its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autonomy.imports.load import import_files
from autonomy.replay.past import Period
from autonomy.replay.replay import Replay, replay
from autonomy.replay.text_report import to_json
from autonomy.replay.valuation import MIDDLE

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
Past = Callable[..., Replay]


@pytest.fixture
def past(scratch_database: Callable[[], str], tmp_path: Path) -> Past:
    """Imports rows (name, day, spend, orders, revenue, budget) and replays them."""

    def replayed(rows: list[tuple[Any, ...]], period: Period | None = None) -> Replay:
        path = tmp_path / "export.csv"
        lines = ["Campaign,Day,Cost,Clicks,Impr.,Conversions,Conv. value,Budget"]
        lines += [
            f"{name},{FIRST + timedelta(days=day):%Y-%m-%d},{spend},60,3000,{orders},{revenue},"
            f"{budget}"
            for name, day, spend, orders, revenue, budget in rows
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        url = scratch_database()
        import_files(url, [path], now=NOW)
        return replay(url, period=period, draws=0)

    return replayed


def dear(name: str, *, of: int = 7, value: int = 2600, days: int = 140) -> list[tuple[Any, ...]]:
    """An order of much money every few days, at about 5x."""
    spend = round(value / of / 5)
    return [
        (name, day, spend + day % 3, int(day % of == of - 1), value * (day % of == of - 1), "")
        for day in range(days)
    ]


def turned(name: str = "Turned") -> list[tuple[Any, ...]]:
    """Pays five times what it costs, for three weeks; then next to nothing."""
    return [(name, day, 90, 3, 450, "") for day in range(22)] + [
        (name, day, 90, int(day % 5 == 0), 30 * (day % 5 == 0), "") for day in range(22, 90)
    ]


def test_a_pause_is_valued_at_the_budget_that_the_replay_gave(past: Past) -> None:
    """Raised, then paused: at the raised budget, and not at the figures of before."""
    result = past(turned())
    account, worth = result.first.account, result.first.worth
    raised = [one for one in worth.pauses if account.pace(one.event.campaign_id).spend > 1.5]
    assert raised, "the case is made"
    for one in raised:
        pace = account.pace(one.event.campaign_id)
        campaign = account.past.campaigns[one.event.campaign_id]
        assert one.spend_after == pytest.approx(pace.spend * (campaign.spend - one.event.spend))
        real = (campaign.revenue - one.event.revenue) / (campaign.spend - one.event.spend)
        assert one.roi_after == pytest.approx(real * pace.response / pace.spend)


def test_the_parts_add_up_to_what_would_have_come_of_it(past: Past) -> None:
    """Saved less missed, and budgets: what was spent and earned beyond what really was."""
    result = past(dear("Harp", days=90) + dear("Organ", of=11, value=4800, days=90) + turned())
    account, worth = result.first.account, result.first.worth
    break_even = account.policy.break_even_roi
    assert worth.pauses
    assert worth.raises
    together = sum(revenue / break_even - spend for spend, revenue in account.budgets().values())
    for one in worth.pauses:
        campaign = account.past.campaigns[one.event.campaign_id]
        together -= (campaign.revenue - one.event.revenue) / break_even
        together += campaign.spend - one.event.spend
    assert worth.profit == pytest.approx(together)


def test_without_a_change_of_budget_a_pause_is_worth_what_was(past: Past) -> None:
    rows = [("Loser", day, 100, day % 2, 60 * (day % 2), 100) for day in range(60)]
    result = past(rows)
    (pause,) = result.first.worth.pauses
    assert pause.roi_after == pytest.approx(0.3, abs=0.02)
    assert result.first.worth.raised[MIDDLE].value == 0.0
    assert result.first.worth.profit == pytest.approx(-pause.earned_after)


def test_the_budget_that_stands_in_is_of_before(past: Past) -> None:
    """A campaign of 20 a day that later spends 2,000: nobody knew that at first."""
    rows = [
        ("Grows", day, 20 if day < 60 else 2000, 2, 130 if day < 60 else 9000, "")
        for day in range(120)
    ]
    result = past(rows, Period(start=FIRST + timedelta(days=10), end=FIRST + timedelta(days=55)))
    budgets = [
        (event["budget_before"], event["budget_after"])
        for event in to_json(result)["settings"][0]["action_list"]
    ]
    assert budgets, "it earns 6.5x and is raised"
    assert budgets[0][0] == 20.0
    account = result.first.account
    (campaign,) = account.past.campaigns.values()
    spent = {day: 20 if day < 60 else 2000 for day in range(120)}
    for day in range(11, 55):
        known = max(spent[day - back] for back in range(1, 15) if day - back >= 0)
        assert campaign.budget_at(FIRST + timedelta(days=day)) == known


def test_before_anything_was_spent_no_budget_is_known(past: Past) -> None:
    result = past(dear("Harp"), Period(start=FIRST + timedelta(days=30)))
    (campaign,) = result.first.account.past.campaigns.values()
    assert campaign.budget_at(NOW + timedelta(days=1)) == campaign.budget
    later = past(
        [*dear("Harp", days=40), *[("Late", 20 + day, 30, 1, 150, "") for day in range(20)]]
    )
    late = next(one for one in later.first.account.past.campaigns.values() if one.title == "Late")
    assert late.budget_at(FIRST + timedelta(days=20, hours=12)) is None
    assert late.budget_at(FIRST + timedelta(days=21)) == 30


@pytest.mark.parametrize("budget", [150, 500])
def test_a_budget_that_is_not_spent_is_not_raised(past: Past, budget: int) -> None:
    """It says what it is: 75 a day, whatever the budget."""
    result = past([("Idle", day, 75, 1, 420, budget) for day in range(90)])
    assert result.first.worth.raises == 0
    assert sum(result.first.account.held.values(), Counter())["NOT_LIMITED_BY_BUDGET"] > 0


def test_a_budget_that_is_spent_is_raised(past: Past) -> None:
    assert past([("Busy", day, 75, 1, 420, 78) for day in range(90)]).first.worth.raises > 0

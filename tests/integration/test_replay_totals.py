"""A replay keeps to the totals of accounts, of a day and of a month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from autonomy.imports.load import import_files
from autonomy.replay.html_report import html
from autonomy.replay.replay import Replay, replay
from autonomy.replay.text_report import text as text_report
from autonomy.replay.text_report import to_json

FIRST = datetime(2026, 8, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
Past = Callable[..., Replay]


@pytest.fixture
def past(scratch_database: Callable[[], str], tmp_path: Path) -> Past:
    """Two campaigns of 100 a day at 5x, ninety days long, under a total."""
    path = tmp_path / "export.csv"
    lines = ["Campaign,Day,Cost,Clicks,Impr.,Conversions,Conv. value,Budget"]
    lines += [
        f"{name},{FIRST + timedelta(days=day):%Y-%m-%d},99,60,3000,10,500,100"
        for name in ("Harp", "Organ")
        for day in range(90)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    url = scratch_database()
    import_files(url, [path], now=NOW)

    def replayed(total: Decimal | None, monthly: Decimal | None = None) -> Replay:
        with psycopg.connect(url) as connection:
            connection.execute(
                "update autonomy_accounts set daily_total = %s, monthly_total = %s",
                (total, monthly),
            )
        return replay(url, draws=0)

    return replayed


def highest_sum(result: Replay) -> Decimal:
    """The most that its budgets come to after any of its changes."""
    now = dict.fromkeys(result.first.account.past.campaigns, Decimal(100))
    most = Decimal(0)
    for event in result.first.events:
        assert event.new_budget is not None
        now[event.campaign_id] = event.new_budget
        most = max(most, sum(now.values(), Decimal(0)))
    return most


def test_raises_stop_at_the_total(past: Past) -> None:
    assert highest_sum(past(None)) > 400, "without a total they would go on"
    limited = past(Decimal(260))
    assert limited.first.worth.raises > 0
    assert 250 < highest_sum(limited) <= 260
    assert limited.first.held["TOTAL_CAP"] > 0


def test_what_is_above_the_total_is_shrunk(past: Past) -> None:
    result = past(Decimal(150))
    first, second = result.first.events[:2]
    assert {first.rule_name, second.rule_name} == {"Account total"}
    assert [first.new_budget, second.new_budget] == [Decimal(75)] * 2
    assert result.first.worth.raises == 0


@pytest.mark.parametrize("monthly", [3000, 9000])
def test_months_end_at_their_total(past: Past, monthly: int) -> None:
    """Without one 5,940 would be spent of a September, and as much more as rules raise."""
    result = past(None, Decimal(monthly))
    september = next(month for month in result.first.months if month.first.month == 9)
    assert september.whole
    assert float(september.spent) == pytest.approx(monthly, rel=0.02)
    if monthly == 9000:
        assert result.first.held["PACING"] > 0
    else:
        assert {event.rule_name for event in result.first.events[:2]} == {"Account total"}
    said = text_report(result)
    assert f"{monthly:,} a month, would have spent: August 2026 " in " ".join(said.split())
    assert "would have spent: August 2026 " in html(result)
    told = to_json(result)["settings"][0]["months"]
    assert [month["month"] for month in told] == ["2026-08", "2026-09", "2026-10"]
    assert [month["whole"] for month in told] == [False, True, False]


def test_the_smaller_of_both_totals_holds(past: Past) -> None:
    result = past(Decimal(120), Decimal(9000))
    assert highest_sum(result) <= 200, "the first run shrinks to 120"
    assert result.first.events[0].new_budget == Decimal(60)
    assert result.first.worth.raises == 0


def test_without_a_total_a_month_is_not_spoken_of(past: Past) -> None:
    result = past(Decimal(260))
    assert result.first.months == []
    assert "a month" not in text_report(result)

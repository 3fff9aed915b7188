"""A replay keeps to the daily totals of accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from autonomy.imports.load import import_files
from autonomy.replay.replay import Replay, replay

FIRST = datetime(2026, 8, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
Past = Callable[[Decimal | None], Replay]


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

    def replayed(total: Decimal | None) -> Replay:
        with psycopg.connect(url) as connection:
            connection.execute("update autonomy_accounts set daily_total = %s", (total,))
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

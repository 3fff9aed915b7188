"""The sample account on a real database: what a first run makes of it, whatever the day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest

from autonomy.local.sample import load
from autonomy.local.sample_account import SUMMER_FESTIVAL
from tests.calm import load_calm

NOW = datetime(2026, 11, 24, 9, 45, tzinfo=UTC)


@pytest.mark.parametrize("now", [NOW, datetime(2027, 3, 8, 0, 5, tzinfo=UTC)], ids=str)
def test_a_first_run_has_something_of_everything(
    scratch_database: Callable[[], str], now: datetime
) -> None:
    url = scratch_database()
    told: list[float] = []
    rows = load(url, now=now, progress=lambda text, share: told.append(share))
    assert rows > 200_000
    assert told == sorted(told)
    assert told[-1] == 1.0
    with psycopg.connect(url) as connection:
        row = connection.execute("select public.run_autonomous_operations(%s)", (now,)).fetchone()
        assert row is not None
        result = row[0]
        found: dict[str, int] = dict(
            connection.execute(
                "select opportunity_type, count(*) from public.optimization_opportunities"
                " group by 1"
            ).fetchall()
        )
        promo = connection.execute(
            "select description from public.optimization_opportunities o"
            " join public.campaigns c on c.id = o.campaign_id where c.title = %s",
            (SUMMER_FESTIVAL,),
        ).fetchall()
    taken, held = result["actions_taken"], result["held"]
    assert result["breakers"] == []
    assert result["failed"] == []
    assert 5 <= taken["campaigns_paused"] <= 40
    assert 10 <= taken["campaigns_scaled"] <= 40
    for code in ("ON_HOLD", "DISABLED", "STALE_DATA", "TEST_RUNNING", "AGAINST_THE_ODDS"):
        assert held[code] > 0
    assert len(found) == 6, "every kind of opportunity"
    assert any("conversion rate" in description for (description,) in promo)


def test_loading_again_puts_everything_back(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    state = (
        "select count(*), sum(budget), count(*) filter (where status = 'active'),"
        " (select md5(string_agg(m::text, '' order by campaign_id, bucket))"
        "  from public.campaign_metrics m) from public.campaigns"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into public.campaigns (title, budget) values ('Mine', 70)")
        load(url, now=NOW, campaigns=30, days=20)
        before = connection.execute(state).fetchone()
        connection.execute("select public.run_autonomous_operations(%s)", (NOW,))
        load(url, now=NOW, campaigns=30, days=20)
        assert connection.execute(state).fetchone() == before
        mine = connection.execute("select budget from public.campaigns where title = 'Mine'")
        assert mine.fetchone() == (70,)


@pytest.mark.parametrize(
    "hour", [pytest.param(n, marks=[pytest.mark.long] if n % 8 else []) for n in range(24)]
)
def test_the_calm_account_is_the_same_at_any_hour(
    scratch_database: Callable[[], str], hour: int
) -> None:
    """What the tests of pages and commands begin with, whenever they run."""
    url, now = scratch_database(), datetime(2027, 2, 28, hour, 58, tzinfo=UTC)
    load_calm(url, now)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select public.run_autonomous_operations(%s)", (now,))
        connection.execute("select public.dashboard_refresh(5000)")
        state = connection.execute("select public.dashboard_state(null, 60, %s)", (now,))
        assert [one["reasons"] for (one,) in state] == [[]]
        done = connection.execute(
            "select action_type, count(*) from public.autonomous_actions where status = 'executed'"
            " group by 1 order by 1"
        ).fetchall()
        assert done == [("auto_pause", 2), ("auto_scale_up", 2)]
        found = connection.execute(
            "select count(*), count(*) filter (where severity = 'critical')"
            " from public.optimization_opportunities where status = 'open'"
        ).fetchone()
        assert found is not None
        assert (found[0] >= 8, found[1]) == (True, 0)

"""When tracking breaks, every campaign looks bad at once: nobody is paused for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.sql import effects
from tests.sql.effects import Db, Json, apply, assert_sound, begin, decision, policy, value

clean_tables = effects.clean_tables

CAMPAIGNS = 30
NOON = "2026-03-15T12:00:00+00:00"
METRICS = """
insert into campaign_metrics
  (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)
select c.id, h, 2000, 1500, 40, 1, 100,
       case when c.title = 'loser' then 40 else 102 end
from campaigns c, generate_series(%(now)s::timestamptz - interval '14 days',
                                  %(now)s::timestamptz - interval '1 hour', interval '1 hour') h
"""


@pytest.fixture
def account(db: Db) -> Db:
    """Thirty campaigns that just earn their keep and one that does not, two weeks long."""
    policy(db, pause_breaker_share=1)  # the other breaker, kept out of the way
    db.execute(
        "insert into campaigns (title, budget, created_at)"
        " select case n when 1 then 'loser' else 'fair ' || n end, 2400,"
        " %(now)s::timestamptz - interval '14 days' from generate_series(1, %(count)s) n",
        {"now": NOON, "count": CAMPAIGNS + 1},
    )
    db.execute(METRICS, {"now": NOON})
    return db


def dead(db: Db, hours: int) -> None:
    """No conversion was recorded in the last hours."""
    db.execute(
        "update campaign_metrics set conversions = 0, revenue = 0"
        " where bucket >= %s::timestamptz - make_interval(hours => %s)",
        (NOON, hours),
    )


def run(db: Db, hours_later: int = 0) -> Json:
    now = datetime.fromisoformat(NOON) + timedelta(hours=hours_later)
    result: Json = value(db, "select run_autonomous_operations(%s)", now)
    return result


def paused(db: Db) -> list[str]:
    rows = db.execute("select title from campaigns where status = 'paused' order by title")
    return [title for (title,) in rows]


def codes(result: Json) -> list[str]:
    return [breaker["code"] for breaker in result["breakers"]]


def test_a_healthy_account_trips_nothing(account: Db) -> None:
    result = run(account)
    assert codes(result) == []
    assert paused(account) == ["loser"]


def test_dead_for_an_hour(account: Db) -> None:
    dead(account, 1)
    result = run(account)
    assert codes(result) == []
    assert paused(account) == ["loser"]


def test_dead_for_a_day_pauses_nobody_and_says_so(account: Db) -> None:
    dead(account, 24)
    result = run(account)
    assert codes(result) == ["TRACKING_BREAKER"]
    assert result["held"]["TRACKING_BREAKER"] == 1, "of the dead days nobody else is judged"
    assert "tracking looks broken" in result["breakers"][0]["message"]
    assert paused(account) == []
    assert result["actions_taken"]["campaigns_paused"] == 0
    assert_sound(account)


def test_without_the_breaker_they_would_all_have_been_paused(account: Db) -> None:
    policy(account, tracking_breaker_ratio=0)
    dead(account, 24)
    assert len(paused(account) or run(account)["actions"]) > CAMPAIGNS / 2


def test_back_again_with_late_conversions(account: Db) -> None:
    dead(account, 24)
    run(account)
    account.execute("delete from campaign_metrics")
    account.execute(METRICS, {"now": NOON})
    result = run(account)
    assert codes(result) == []
    assert paused(account) == ["loser"]


def test_the_other_breaker_stands_behind_it(account: Db) -> None:
    """Even a run that was begun before tracking broke cannot pause them all."""
    policy(account, pause_breaker_share=0.25)
    lease = begin(account)
    ids = [one for (one,) in account.execute("select id from campaigns where title <> 'loser'")]
    results = apply(account, lease, [decision(one, budget=2400) for one in ids])
    assert {result["error"] for result in results} == {"PAUSE_BREAKER"}
    assert paused(account) == []

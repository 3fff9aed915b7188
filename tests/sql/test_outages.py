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


def left_out(db: Db) -> list[tuple[str, str, bool]]:
    return db.execute(
        "select from_day::text, until_day::text, lifted_at is not null"
        " from autonomy.evidence_exclusions where account = 'default' order by 1"
    ).fetchall()


def go_on(db: Db, conversions: float, until: int, since: int = 0) -> None:
    """The hours of further days, with that many conversions each."""
    noon = datetime.fromisoformat(NOON)
    db.execute(
        "insert into campaign_metrics"
        " (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)"
        " select c.id, h, 2000, 1500, 40, %(each)s::numeric, 100,"
        " round(%(each)s::numeric * case when c.title = 'loser' then 40 else 102 end, 2)"
        " from campaigns c, generate_series(%(first)s, %(last)s, interval '1 hour') h",
        {"first": noon + timedelta(days=since), "last": noon + timedelta(days=until, hours=-1)}
        | {"each": conversions},
    )


def test_the_dead_days_do_not_count_when_tracking_is_back(account: Db) -> None:
    dead(account, 20)
    assert codes(run(account)) == ["TRACKING_BREAKER"]
    assert left_out(account) == [("2026-03-14", "2026-03-15", False)]
    go_on(account, 1, 1)
    result = run(account, 24)
    assert codes(result) == []
    assert paused(account) == ["loser"], "twenty dead hours would have paused them all"
    assert left_out(account) == [("2026-03-14", "2026-03-15", False)]


def test_a_dry_run_leaves_nothing_out(account: Db) -> None:
    dead(account, 20)
    begin(account, request={"dry_run": True}, now=datetime.fromisoformat(NOON))
    assert left_out(account) == []


def test_what_was_decided_before_is_not_carried_out(account: Db) -> None:
    """Whoever sends decisions past the engine is stopped by the database."""
    dead(account, 20)
    lease = begin(account, now=datetime.fromisoformat(NOON))
    one = value(account, "select id from campaigns where title = 'loser'")
    (result,) = apply(account, lease, [decision(one, budget=2400)])
    assert (result["status"], result["error"]) == ("failed", "TRACKING_BREAKER")
    assert paused(account) == []


def test_no_conversions_never_become_what_is_usual(account: Db) -> None:
    days = (1, 3, 6, 9, 12, 15, 18)
    for since, day in zip((0, *days), days, strict=False):
        go_on(account, 0, day, since)
        assert codes(run(account, 24 * day)) == ["TRACKING_BREAKER"], day
    assert paused(account) == []
    assert left_out(account) == [("2026-03-15", "2026-04-02", False)]


def test_a_person_may_say_that_there_are_no_conversions_any_more(account: Db) -> None:
    go_on(account, 0, 5)
    assert codes(run(account, 24 * 5)) == ["TRACKING_BREAKER"]
    account.execute("select lift_evidence_exclusion(id) from autonomy.evidence_exclusions")
    result = run(account, 24 * 5 + 1)
    assert "TRACKING_BREAKER" not in codes(result)
    assert result["actions_taken"]["campaigns_paused"] > 0


def test_fewer_conversions_for_good_are_the_usual_ones_after_some_days(account: Db) -> None:
    tripped = []
    for day in range(1, 15):
        go_on(account, 0.3, day, day - 1)
        tripped.append("TRACKING_BREAKER" in codes(run(account, 24 * day)))
    assert all(tripped[:7])
    assert not any(tripped[11:])
    assert all(lifted for _, _, lifted in left_out(account))


def test_a_weekend_without_orders_is_none_without_tracking(account: Db) -> None:
    """The window holds Saturday and Sunday alone, as it does every week."""
    account.execute(
        "update campaign_metrics set conversions = 0, revenue = 0"
        " where extract(isodow from bucket at time zone 'UTC') > 5"
    )
    assert codes(run(account)) == []


def test_a_rush_of_visitors_who_do_not_buy_is_no_outage(account: Db) -> None:
    account.execute(
        "update campaign_metrics set clicks = clicks * 4, impressions = impressions * 4"
        " where bucket >= %s::timestamptz - interval '24 hours'",
        (NOON,),
    )
    state = value(account, "select portfolio_state(%s)", NOON)["tracking"]
    assert state["observed"] / state["expected"] > 0.6
    assert codes(run(account)) == []


def test_a_small_account_says_that_there_is_too_little_to_tell(db: Db) -> None:
    db.execute("insert into campaigns (title, created_at) values ('small', '2026-01-01')")
    db.execute(METRICS, {"now": NOON})
    db.execute("update campaign_metrics set conversions = 0.1, revenue = 4")
    db.execute(
        "update campaign_metrics set conversions = 0, revenue = 0"
        " where bucket > %s::timestamptz - interval '4 days'",
        (NOON,),
    )
    state = value(db, "select portfolio_state(%s)", NOON)["tracking"]
    assert (state["hours"], state["enough"], state["tripped"]) == (96, False, False)

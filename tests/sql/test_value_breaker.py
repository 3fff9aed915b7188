"""What a conversion is worth jumps: nobody is paused, cut or raised for it.

Figures of twenty campaigns by hour, for 40 days. Each test tries to get past the breaker, or to be
stopped by it for nothing or for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sql import effects
from tests.sql.effects import Db, Json, apply, begin, decision, policy, value

clean_tables = effects.clean_tables

NOON = datetime.fromisoformat("2026-03-15T12:00:00+00:00")
METRICS = """
insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
select c.id, h, 2000, 40, 1, 100, case when c.title like 'loser%%' then 30 else 104 end
from campaigns c,
  generate_series(%(now)s::timestamptz - interval '40 days',
                  %(now)s::timestamptz - interval '1 hour', interval '1 hour') h
"""


def account(db: Db, name: str, campaigns: int, currency: str | None = None) -> None:
    db.execute(
        "insert into campaigns (title, budget, account, created_at)"
        " select case n when 1 then 'loser ' else 'fair ' end || n, 2400, %s,"
        " %s::timestamptz - interval '40 days' from generate_series(1, %s) n",
        (name, NOON, campaigns),
    )
    db.execute("update autonomy_accounts set currency = %s where account = %s", (currency, name))


@pytest.fixture
def shop(db: Db) -> Db:
    """An account whose losers a run pauses."""
    policy(db, pause_breaker_share=1, min_confidence=80)
    account(db, "shop", 6, "EUR")
    db.execute(METRICS, {"now": NOON})
    return db


def times(db: Db, factor: float, hours: int, until: int = 0, which: str = "%") -> None:
    """What conversions of these hours were worth is something else."""
    db.execute(
        "update campaign_metrics m set revenue = round(revenue * %s::numeric, 2) from campaigns c"
        " where c.id = m.campaign_id and c.account like %s and bucket >= %s and bucket < %s",
        (factor, which, NOON - timedelta(hours=hours), NOON - timedelta(hours=until)),
    )


def go_on(db: Db, factor: float, until: float, since: float = 0) -> None:
    """The hours of further days, worth that many times what is usual."""
    db.execute(
        "insert into campaign_metrics"
        " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)"
        " select c.id, h, 2000, 40, 1, 100,"
        " round((case when c.title like 'loser%%' then 30 else 104 end) * %s::numeric, 2)"
        " from campaigns c, generate_series(%s, %s, interval '1 hour') h",
        (factor, NOON + timedelta(days=since), NOON + timedelta(days=until, hours=-1)),
    )


def run(db: Db, days: float = 0) -> Json:
    result: Json = value(db, "select run_autonomous_operations(%s)", NOON + timedelta(days=days))
    return result


def seen(db: Db, days: float = 0) -> Any:
    state = value(db, "select portfolio_state(%s)", NOON + timedelta(days=days))
    return state["accounts"][0]["value"]


def codes(result: Json) -> list[tuple[str, str | None]]:
    return [(one["code"], one.get("account")) for one in result["breakers"]]


def left_out(db: Db) -> list[Any]:
    return db.execute(
        "select account, from_day::text, until_day::text, lifted_at is not null"
        " from autonomy.evidence_exclusions where account is not null order by 1, 2"
    ).fetchall()


def test_a_healthy_account_trips_nothing(shop: Db) -> None:
    assert seen(shop) == {
        "orders": 36, "level": 1, "enough": True, "tripped": False, "settled": False,
    }  # fmt: skip
    result = run(shop)
    assert codes(result) == []
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert left_out(shop) == []


@pytest.mark.parametrize(("factor", "hours"), [(100, 4), (0.01, 6), (5, 6), (0, 6)])
def test_values_that_jump_stop_everything_and_the_days_do_not_count(
    shop: Db, factor: float, hours: int
) -> None:
    times(shop, factor, hours)
    result = run(shop)
    assert codes(result) == [("VALUE_BREAKER", None)]
    assert "values look broken" in result["breakers"][0]["message"]
    assert result["actions_taken"]["campaigns_paused"] == 0
    assert result["actions_taken"]["campaigns_scaled"] == 0
    assert left_out(shop) == [("shop", "2026-03-15", "2026-03-15", False)]


@pytest.mark.parametrize(("most", "pauses"), [(4, 0), (1_000_000, 6)])
def test_without_the_breaker_all_would_be_paused(shop: Db, most: int, pauses: int) -> None:
    policy(shop, value_breaker_factor=most)
    times(shop, 0.01, 60)
    taken = run(shop)["actions_taken"]
    assert taken["campaigns_paused"] + taken["actions_proposed"] == pauses


def test_an_account_has_a_factor_of_its_own(shop: Db) -> None:
    times(shop, 3, 6)
    assert not seen(shop)["tripped"]
    shop.execute("update autonomy_accounts set value_breaker_factor = 2")
    assert seen(shop)["tripped"]


def test_what_was_decided_before_is_not_carried_out(shop: Db) -> None:
    """Whoever sends decisions past the engine is stopped by the database."""
    times(shop, 100, 6)
    lease = begin(shop, now=NOON)
    one, other = (row[0] for row in shop.execute("select id from campaigns order by title limit 2"))
    sent = [
        decision(one, budget=2400),
        decision(other, "auto_scale_up", budget=2400, new_budget=3000),
    ]
    results = apply(shop, lease, sent, now=NOON)
    assert {result["error"] for result in results} == {"VALUE_BREAKER"}
    assert value(shop, "select count(*) from campaigns where status <> 'active'") == 0


def test_another_name_of_the_account_leads_past_no_breaker(shop: Db) -> None:
    """The run has counted the account by the name that it had when it began."""
    times(shop, 100, 6)
    lease = begin(shop, now=NOON)
    shop.execute("update campaigns set account = 'another'")
    one, other = (row[0] for row in shop.execute("select id from campaigns order by title limit 2"))
    sent = [
        decision(one, budget=2400),
        decision(other, "auto_scale_up", budget=2400, new_budget=3000),
    ]
    results = apply(shop, lease, sent, now=NOON)
    assert {result["error"] for result in results} == {"CHANGED_MEANWHILE"}
    assert "the next run decides again" in results[0]["message"]
    assert value(shop, "select count(*) from campaigns where status <> 'active'") == 0


def test_one_dear_order_is_no_jump(shop: Db) -> None:
    shop.execute(
        "update campaign_metrics set revenue = 100000 where ctid in ("
        " select ctid from campaign_metrics where bucket = %s limit 1)",
        (NOON - timedelta(hours=2),),
    )
    assert seen(shop)["level"] > 4
    assert not seen(shop)["tripped"]


def test_a_dear_campaign_that_grows_is_no_jump(shop: Db) -> None:
    """Each campaign is held against itself: the mean of the account is ten times what it was."""
    shop.execute(
        "update campaign_metrics m set revenue = revenue * 100 from campaigns c"
        " where c.id = m.campaign_id and title = 'fair 2'"
    )
    shop.execute(
        "update campaign_metrics m set conversions = 20, revenue = revenue * 20 from campaigns c"
        " where c.id = m.campaign_id and title = 'fair 2' and bucket >= %s",
        (NOON - timedelta(hours=30),),
    )
    assert not seen(shop)["tripped"]


def test_few_orders_are_too_small_to_tell(db: Db) -> None:
    account(db, "small", 1)
    db.execute(METRICS, {"now": NOON})
    db.execute("delete from campaign_metrics where extract(hour from bucket) not in (3, 9)")
    times(db, 100, 96)
    found = seen(db)
    assert (found["orders"], found["enough"], found["tripped"]) == (8, False, False)


def test_one_account_stops_itself_alone(db: Db) -> None:
    account(db, "broken", 6, "EUR")
    account(db, "fair", 30, "EUR")
    account(db, "yen", 6, "JPY")
    db.execute(METRICS, {"now": NOON})
    policy(db, pause_breaker_share=1, min_confidence=80)
    times(db, 0.01, 12, which="broken")
    result = run(db)
    assert codes(result) == [("VALUE_BREAKER", "broken")]
    assert [row[0] for row in left_out(db)] == ["broken"]
    assert result["actions_taken"]["campaigns_paused"] == 2


def test_small_accounts_of_one_currency_are_told_together(db: Db) -> None:
    """None has thirty orders; all of one feed have, and money of another currency is no part."""
    for number in range(8):
        account(db, f"shop {number}", 1, "EUR")
    account(db, "yen", 6, "JPY")
    db.execute(METRICS, {"now": NOON})
    db.execute(
        "delete from campaign_metrics m using campaigns c where c.id = m.campaign_id"
        " and account like 'shop%' and extract(hour from bucket)::int % 4 <> 1"
    )
    policy(db, pause_breaker_share=1, min_confidence=80)
    times(db, 10, 40, which="shop%")
    result = run(db)
    assert codes(result) == [("VALUE_BREAKER", None)]
    assert result["breakers"][0]["message"].startswith("In EUR: the last conversions")
    assert result["held"]["VALUE_BREAKER"] > 0
    assert result["actions_taken"]["campaigns_paused"] == 1, "the loser in JPY"
    assert {row[0] for row in left_out(db)} == {f"shop {number}" for number in range(8)}


def test_it_lifts_when_values_are_as_they_were(shop: Db) -> None:
    times(shop, 100, 30)
    assert codes(run(shop)) == [("VALUE_BREAKER", None)]
    go_on(shop, 1, 1)
    assert not seen(shop, 1)["tripped"]
    result = run(shop, 1)
    assert codes(result) == []
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["actions_taken"]["campaigns_scaled"] == 0, "the days a hundred times too dear"
    assert left_out(shop) == [("shop", "2026-03-14", "2026-03-15", False)]


def test_a_new_price_is_the_usual_one_after_some_days(shop: Db) -> None:
    for day in range(1, 8):
        go_on(shop, 5, day, day - 1)
        assert codes(run(shop, day)) == [("VALUE_BREAKER", None)], day
    assert left_out(shop) == [("shop", "2026-03-15", "2026-03-22", False)]
    tripped = []
    for day in range(8, 20):
        go_on(shop, 5, day, day - 1)
        tripped.append(("VALUE_BREAKER", None) in codes(run(shop, day)))
    assert not any(tripped[4:]), tripped
    assert left_out(shop) == [("shop", "2026-03-15", left_out(shop)[0][2], True)]
    assert not seen(shop, 19)["tripped"]


def test_nobody_s_prices_grow_by_a_hundred_until_a_person_says_so(shop: Db) -> None:
    days = (1, 2, 4, 6, 8, 10, 12, 15, 18)
    for since, day in zip((0, *days), days, strict=False):
        go_on(shop, 100, day, since)
        assert codes(run(shop, day)) == [("VALUE_BREAKER", None)], day
    assert left_out(shop) == [("shop", "2026-03-15", "2026-04-02", False)]
    shop.execute("select lift_evidence_exclusion(id) from autonomy.evidence_exclusions")
    for begun, later in ((18.0, 18.05), (18.0, 19.0), (19.0, 25.0)):
        if later > 18.5:
            go_on(shop, 100, later, begun)
        assert ("VALUE_BREAKER", None) not in codes(run(shop, later))

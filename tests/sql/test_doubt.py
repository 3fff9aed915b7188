"""Figures that say nothing, and budgets that are not spent: what SQL makes of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

NOW = datetime(2026, 11, 22, 10, 17, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("select autonomy_reset_defaults()")
    db.execute("set local autonomy.simulation = on")
    return db


def campaign(db: psycopg.Connection, **columns: Any) -> UUID:
    """Sixty days old, with a budget of 100."""
    values = {"title": "One", "budget": 100, "created_at": NOW - 60 * DAY} | columns
    row = db.execute(
        f"insert into campaigns ({', '.join(values)})"
        f" values ({', '.join(['%s'] * len(values))}) returning id",
        list(values.values()),
    ).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def days(
    db: psycopg.Connection, one: UUID, *, spend: float = 60, revenue: float = 0,
    conversions: int = 12, ago: range = range(30),
) -> None:  # fmt: skip
    for back in ago:
        db.execute(
            "insert into campaign_metrics"
            " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)"
            " values (%s, %s, 3000, 60, %s, %s, %s)",
            (one, TODAY - back * DAY, conversions, spend, revenue),
        )


def totals(db: psycopg.Connection, one: UUID, spend: float, revenue: float, orders: int) -> None:
    db.execute(
        "insert into campaign_performance"
        " (campaign_id, impressions, clicks, conversions, total_spend, total_revenue, updated_at)"
        " values (%s, 10000, 500, %s, %s, %s, %s)",
        (one, orders, spend, revenue, NOW),
    )


def ask(db: psycopg.Connection, question: str, *values: Any) -> Any:
    row = db.execute(f"select {question}", values).fetchone()
    assert row is not None
    return row[0]


def run(db: psycopg.Connection) -> dict[str, Any]:
    return ask(db, "run_autonomous_operations(%s)", NOW)  # type: ignore[no-any-return]


def without_value(db: psycopg.Connection, *ids: UUID) -> set[UUID]:
    return set(ask(db, "autonomy.campaigns_without_value(%s, %s)", list(ids), NOW))


# Values -----------------------------------------------------------------------------------------


def test_four_lead_campaigns_are_not_paused_and_it_is_said_once(empty: psycopg.Connection) -> None:
    for conversions in (12, 8, 5, 3):
        days(empty, campaign(empty), conversions=conversions)
    said = run(empty)
    assert said["actions_taken"]["campaigns_paused"] == 0
    assert said["held"] == {"VALUE_NOT_MEASURED": 4}
    (report,) = said["breakers"]
    assert (report["code"], report["count"]) == ("VALUE_NOT_MEASURED", 4)
    assert "feed their revenue, or what a conversion is worth" in report["message"]
    found = empty.execute("select * from detect_optimization_opportunities(%s)", [NOW]).fetchall()
    assert [one[1] for one in found if one[1] == "budget_inefficiency"] == []
    told = empty.execute(
        "select recommendation from identify_underperforming_campaigns(p_now => %s)", [NOW]
    ).fetchall()
    assert len(told) == 4, "they answer for the database as it is"
    assert all(text.startswith("Wait: its conversions carry no value") for (text,) in told)


def test_a_loser_beside_others_that_have_values_stays_a_loser(empty: psycopg.Connection) -> None:
    good, bad, many, dear = (campaign(empty) for _ in range(4))
    totals(empty, good, 500, 1000, 20)
    totals(empty, bad, 208, 0, 5)
    totals(empty, many, 9000, 0, 20)
    totals(empty, dear, 70, 0, 5)
    assert without_value(empty, good, bad, many, dear) == {many, dear}


def test_an_account_is_judged_by_itself(empty: psycopg.Connection) -> None:
    leads = campaign(empty, account="leads")
    few = campaign(empty, account="few")
    totals(empty, leads, 900, 0, 5)
    totals(empty, few, 900, 0, 4)
    totals(empty, shop := campaign(empty, account="shop"), 500, 1000, 20)
    assert without_value(empty, leads, few, shop) == {leads}
    totals(empty, campaign(empty, account="leads"), 500, 100, 1)
    assert without_value(empty, leads, few, shop) == set()


def test_values_that_ended_a_month_ago_are_none(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    days(empty, one, revenue=200, ago=range(31, 50))
    days(empty, one, ago=range(30))
    assert without_value(empty, one) == {one}
    days(empty, campaign(empty), revenue=1, conversions=1, ago=range(29, 30))
    assert without_value(empty, one) == {one}, "360 conversions without a value, beside one with"


@pytest.mark.parametrize("revenue", ["NaN", "Infinity", "-Infinity"])
def test_dirty_figures_are_neither_value_nor_none(empty: psycopg.Connection, revenue: str) -> None:
    one = campaign(empty)
    totals(empty, one, 900, 0, 12)
    empty.execute("set local session_replication_role = replica")
    empty.execute("update campaign_facts set life_revenue = %s", [revenue])
    assert without_value(empty, one) == set()


# Orders -----------------------------------------------------------------------------------------


def test_what_few_dear_orders_say_of_a_new_campaign(empty: psycopg.Connection) -> None:
    for _ in range(2):
        days(empty, campaign(empty, budget=1000), spend=1000, revenue=2500, conversions=1)
    new = campaign(empty, budget=200, created_at=NOW - 4 * DAY)
    days(empty, new, spend=200, conversions=0, ago=range(3))
    (told,) = empty.execute(
        "select confidence_score from identify_underperforming_campaigns(p_now => %s)", [NOW]
    ).fetchall()
    assert 50 <= told[0] <= 58
    run(empty)
    confidence = ask(empty, "max(confidence_score) from autonomous_actions")
    assert confidence is None or confidence <= 58


def test_a_dry_run_judges_by_the_prior_that_a_run_would_fit(empty: psycopg.Connection) -> None:
    days(empty, campaign(empty), spend=1000, revenue=2500, conversions=1)
    begin = "begin_autonomous_run(gen_random_uuid(), %s::jsonb, p_now => %s)"
    dry = ask(empty, begin, '{"dry_run": true}', NOW)["account_priors"]
    assert dry["default"]["order_value"] == pytest.approx(2500 * math.exp(-0.08))
    assert ask(empty, "prior_order_value from autonomy_policy") == 50
    real = ask(empty, begin, "{}", NOW)
    assert real["policy"]["prior_order_value"] == pytest.approx(2500 * math.exp(-0.08))
    assert real["account_priors"] == dry


def test_a_dry_run_doubts_values_as_the_run_does(empty: psycopg.Connection) -> None:
    """Two conversions without a value: worth 1,600 at what orders are worth here, 100 at 50."""
    for _ in range(10):
        totals(empty, campaign(empty), 1000, 8000, 10)
    totals(empty, one := campaign(empty), 400, 0, 2)
    assert ask(empty, "prior_order_value from autonomy_policy") == 50
    assert without_value(empty, one) == {one}
    ask(empty, "fit_portfolio_prior(true, %s)", NOW)
    assert without_value(empty, one) == {one}


# Budgets that are not spent ---------------------------------------------------------------------


def use(db: psycopg.Connection, one: UUID) -> float | None:
    row = db.execute("select share from autonomy.budget_use(array[%s], %s)", (one, NOW)).fetchone()
    return None if row is None else row[0]


def changed(db: psycopg.Connection, one: UUID, what: str, at: datetime) -> None:
    db.execute("select set_config('autonomy.now', %s, true)", [at.isoformat()])
    db.execute(f"update campaigns set {what} where id = %s", (one,))
    db.execute("select set_config('autonomy.now', '', true)")


def created(db: psycopg.Connection, at: datetime, **columns: Any) -> UUID:
    db.execute("select set_config('autonomy.now', %s, true)", [at.isoformat()])
    return campaign(db, created_at=at, **columns)


def test_a_budget_that_is_not_spent_is_not_raised(empty: psycopg.Connection) -> None:
    one = campaign(empty, budget=176)
    days(empty, one, spend=75, revenue=420, conversions=1, ago=range(60))
    assert use(empty, one) == pytest.approx(75 / 176)
    said = run(empty)
    assert said["held"] == {"NOT_LIMITED_BY_BUDGET": 1}
    assert ask(empty, "budget from campaigns") == 176
    (told,) = empty.execute(
        "select reasoning from identify_scaling_candidates(p_now => %s)", [NOW]
    ).fetchall()
    assert told[0].startswith("Wait: the budget is not what limits it, 42 % of it is spent")


def test_today_and_days_before_its_creation_do_not_count(empty: psycopg.Connection) -> None:
    one = created(empty, NOW - 2.9 * DAY)  # in the course of its first day
    days(empty, one, spend=10, ago=range(3, 4))
    days(empty, one, spend=90, ago=range(1, 3))
    days(empty, one, spend=1, ago=range(1))
    assert use(empty, one) == pytest.approx(0.9)
    two = created(empty, NOW - 1.9 * DAY)
    days(empty, two, spend=10, ago=range(3))
    assert use(empty, two) is None, "one complete day is not enough"


def test_each_day_is_held_against_the_budget_it_began_with(empty: psycopg.Connection) -> None:
    one = created(empty, NOW - 20 * DAY, budget=100)
    days(empty, one, spend=100, ago=range(3, 15))
    changed(empty, one, "budget = 400", TODAY - 2.5 * DAY)
    days(empty, one, spend=100, ago=range(1, 3))
    assert use(empty, one) == pytest.approx((1 + 0.25 + 0.25) / 3)


def test_days_on_which_it_was_paused_do_not_count(empty: psycopg.Connection) -> None:
    one = created(empty, NOW - 20 * DAY)
    days(empty, one, spend=95, ago=range(4, 15))
    days(empty, one, spend=5, ago=range(1, 4))
    changed(empty, one, "status = 'paused'", TODAY - 2.9 * DAY)
    changed(empty, one, "status = 'active'", TODAY - 0.1 * DAY)
    assert use(empty, one) == pytest.approx(0.95)


@pytest.mark.parametrize("budget", [None, 0])
def test_without_a_budget_or_daily_rows_nothing_is_known(
    empty: psycopg.Connection, budget: float | None
) -> None:
    one = campaign(empty, budget=budget)
    days(empty, one)
    assert use(empty, one) is None
    two = campaign(empty)
    totals(empty, two, 1000, 5000, 40)
    assert use(empty, two) is None

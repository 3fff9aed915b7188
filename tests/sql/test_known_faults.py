"""What went wrong once, each with other figures than then, and from the other side."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.effects import Db, campaign, clean_tables, state, value

__all__ = ["clean_tables"]

NOW = datetime(2026, 10, 14, 9, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)


def with_days(
    db: Db, title: str, *, budget: float, spend: float, orders: float, revenue: float,
    since: int = 1, until: int = 40, clicks: int = 80,
) -> uuid.UUID:  # fmt: skip
    """A campaign and its days, counted back from yesterday (1)."""
    found = value(db, "select id from campaigns where title = %s", title)
    one: uuid.UUID = found or campaign(
        db, budget, title=title, created_at=NOW - timedelta(days=until + 20)
    )
    db.execute(
        "insert into campaign_metrics"
        " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue, whole_day)"
        " select %s, %s::timestamptz - i * interval '1 day', 4000, %s, %s, %s, %s, true"
        " from generate_series(%s::int, %s::int) i",
        (one, MIDNIGHT, clicks, orders, spend, revenue, since, until),
    )
    return one


def run(db: Db, hours: float = 0) -> Any:
    return value(db, "select run_autonomous_operations(%s)", NOW + timedelta(hours=hours))


def on(db: Db, hours: float) -> None:
    """The moment that a change by hand is made at."""
    db.execute("select set_config('autonomy.now', %s, true)", (str(NOW + timedelta(hours=hours)),))


def by_hand(db: Db, one: uuid.UUID, hours: float = -1, **columns: Any) -> None:
    on(db, hours)
    for name, to in columns.items():
        db.execute(f"update campaigns set {name} = %s where id = %s", (to, one))
    db.execute("select set_config('autonomy.now', '', true)")


def rule(db: Db, name: str, kind: str, condition: Any, action: Any) -> None:
    db.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority,"
        " is_active) values (%s, %s, %s, %s, 99, true)",
        (name, kind, Jsonb(condition), Jsonb(action)),
    )


# -- a change by hand stands ------------------------------------------------------------------


@pytest.mark.parametrize("cut_to", [90, 20])
def test_what_was_cut_by_hand_is_not_raised(db: Db, cut_to: int) -> None:
    one = with_days(db, "Cut", budget=110, spend=100, orders=8, revenue=480)
    by_hand(db, one, budget=cut_to)
    assert run(db)["held"] == {"CHANGED_BY_PERSON": 1}
    assert state(db, one) == ("active", Decimal(cut_to))


def test_what_nobody_touched_is_raised(db: Db) -> None:
    one = with_days(db, "Free", budget=110, spend=100, orders=8, revenue=480)
    assert run(db)["actions_taken"]["campaigns_scaled"] == 1
    assert state(db, one)[1] > 110


def test_what_was_switched_on_again_is_left_alone(db: Db) -> None:
    one = with_days(db, "Back", budget=60, spend=55, orders=1, revenue=21)
    assert run(db)["actions_taken"]["campaigns_paused"] == 1
    by_hand(db, one, hours=5, status="active")
    for hours in (6, 30, 100, 160):
        run(db, hours)
        assert state(db, one) == ("active", Decimal(60)), hours
    assert value(db, "select status from autonomous_actions") == "rolled_back"


# -- a budget that is not spent is not what limits --------------------------------------------


@pytest.mark.parametrize(
    ("budget", "raised"), [(80, True), (105, True), (120, False), (900, False)]
)
def test_only_a_budget_that_is_spent_is_raised(db: Db, budget: int, raised: bool) -> None:
    one = with_days(db, "Idle", budget=budget, spend=75, orders=3, revenue=420)
    result = run(db)
    assert (state(db, one)[1] > budget) is raised
    assert raised or result["held"] == {"NOT_LIMITED_BY_BUDGET": 1}


def test_nor_does_optimisation_raise_it_for_weeks(db: Db) -> None:
    rule(db, "Optimise", "optimize", {"metric": "spend", "operator": ">", "threshold": 10},
         {"type": "budget_adjusted", "by": "curve"})  # fmt: skip
    one = with_days(db, "Idle", budget=300, spend=80, orders=3, revenue=420)
    for day in range(15):
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
            " spend, revenue, whole_day) values (%s, %s, 4000, 80, 3, 80, 420, true)",
            (one, MIDNIGHT + timedelta(days=day)),
        )
        run(db, 24 * (day + 1))
    assert state(db, one) == ("active", Decimal(300))


# -- a collapse under a good life -------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "told"), [(510, 20, True), (300, 60, True), (300, 290, False)]
)
def test_a_collapse_is_told_whatever_the_life_was(
    db: Db, before: int, now: int, told: bool
) -> None:
    with_days(db, "Fades", budget=100, spend=95, orders=6, revenue=before, since=15, until=170)
    with_days(db, "Fades", budget=100, spend=95, orders=1, revenue=now, until=14)
    run(db)
    found = db.execute(
        "select description from optimization_opportunities"
        " where description like '%last 14 days returned%'"
    ).fetchall()
    assert bool(found) is told
    if told:
        assert f"returned {now / 95:.2f}".rstrip("0") in found[0][0]


# -- leads ------------------------------------------------------------------------------------

CPA = (
    ("Dear", "pause",
     {"metric": "cpa", "operator": ">", "threshold": 35, "window": "14d", "min_spend": 200},
     {"type": "auto_pause"}),
    ("Cheap", "scale",
     {"metric": "cpa", "operator": "<", "threshold": 12, "window": "14d", "min_conversions": 20},
     {"type": "auto_scale_up", "multiplier": 1.2, "max_budget": 900}),
)  # fmt: skip


def test_leads_are_judged_by_what_one_costs(db: Db) -> None:
    db.execute("update autonomous_rules set is_active = false")
    for one in CPA:
        rule(db, *one)
    dear = with_days(db, "Dear leads", budget=100, spend=90, orders=1.5, revenue=0)
    cheap = with_days(db, "Cheap leads", budget=100, spend=90, orders=20, revenue=0)
    noisy = with_days(db, "Noisy leads", budget=100, spend=38, orders=1, revenue=0, until=7)
    db.execute("update autonomous_rules set action = action || '{\"min_confidence\": 80}'")
    result = run(db)
    assert state(db, dear)[0] == "paused"
    assert state(db, cheap)[1] == 120
    assert state(db, noisy) == ("active", Decimal(100))
    said = next(one for one in result["held_decisions"] if one["title"] == "Noisy leads")
    assert said["code"] == "AGAINST_THE_ODDS"
    assert 50 < said["confidence"] < 75


@pytest.mark.parametrize("campaigns", [1, 3, 9])
def test_without_any_value_nothing_is_judged_by_roi(db: Db, campaigns: int) -> None:
    made = [
        with_days(db, f"Leads {n}", budget=70, spend=65, orders=2 + 3 * n, revenue=0)
        for n in range(campaigns)
    ]
    result = run(db)
    assert result["held"] == {"VALUE_NOT_MEASURED": campaigns}
    assert [one["code"] for one in result["breakers"]] == ["VALUE_NOT_MEASURED"]
    assert {state(db, one)[0] for one in made} == {"active"}


def test_a_loser_among_campaigns_with_values_is_a_loser(db: Db) -> None:
    with_days(db, "Shop", budget=100, spend=90, orders=5, revenue=250)
    loser = with_days(db, "Loser", budget=100, spend=90, orders=0.2, revenue=0, until=25)
    run(db)
    assert state(db, loser)[0] == "paused"


# -- by hour and by day -----------------------------------------------------------------------


@pytest.mark.parametrize("hours_first", [True, False])
@pytest.mark.parametrize("kind", ["function", "statements"])
def test_a_day_is_not_there_twice(db: Db, hours_first: bool, kind: str) -> None:
    one = campaign(db, title="Grain")
    day = MIDNIGHT - timedelta(days=3)
    rows: list[list[dict[str, Any]]] = [
        [{"bucket": (day + timedelta(hours=h)).isoformat(), "spend": 5} for h in range(24)],
        [{"bucket": day.date().isoformat(), "spend": 120}],
    ]
    for given in rows if hours_first else reversed(rows):
        full = [
            {"campaign_id": str(one), "impressions": 10 * row["spend"], "clicks": row["spend"],
             "conversions": 0, "revenue": 0, **row} for row in given
        ]  # fmt: skip
        if kind == "function":
            value(db, "select record_campaign_metrics(%s, %s)", Jsonb(full), NOW)
        else:
            _insert(db, full)
    assert value(db, "select sum(spend) from campaign_daily") == 120


def _insert(db: Db, rows: list[dict[str, Any]]) -> None:
    """By a statement of one's own: taken, or refused as a whole; never counted twice."""
    with suppress(psycopg.Error), db.transaction():
        db.execute(
            "insert into campaign_metrics"
            " (campaign_id, bucket, impressions, clicks, spend, whole_day)"
            " select (r ->> 'campaign_id')::uuid, (r ->> 'bucket')::timestamptz,"
            " (r ->> 'impressions')::bigint, (r ->> 'clicks')::bigint,"
            " (r ->> 'spend')::numeric, length(r ->> 'bucket') = 10"
            " from jsonb_array_elements(%s) r on conflict (campaign_id, bucket) do nothing",
            (Jsonb(rows),),
        )

"""The Overview's money: currencies apart, accounts apart, nothing made of what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.effects import Db, Json, campaign, clean_tables, policy, refused, value

__all__ = ["clean_tables"]


def money(db: Db, **arguments: Any) -> Json:
    given = ", ".join(f"{name} => %({name})s" for name in arguments)
    row = db.execute(f"select dashboard_money({given})".encode(), arguments).fetchone()
    assert row is not None
    return dict(row[0])


def two_currencies(db: Db) -> None:
    for account, currency in (("DE", "EUR"), ("US", "USD")):
        campaign(db, account=account)
        db.execute(
            "update autonomy_accounts set currency = %s, target_roi = 2 where account = %s",
            (currency, account),
        )
    db.execute(
        "insert into autonomy.dashboard_performance_days"
        " select current_date - i, 0, 0, 1, 100, 250, k.currency, k.account"
        " from generate_series(1, 14) i, autonomy_accounts k where k.currency is not null"
    )


def test_of_an_empty_database(db: Db) -> None:
    found = money(db)
    assert [one["profit"] for one in found["profit"]] == [None] * 14
    assert found["today"]["spend"] is None
    assert found["today"]["total"] is None
    assert (found["changes"], found["worst"], found["to_do"]) == ({}, None, [])
    assert found["made"]["measured"] == 0
    assert [one["used"] for one in found["limits"]] == [None, None, None]


def test_currencies_and_accounts_are_kept_apart(db: Db) -> None:
    two_currencies(db)
    assert {one["profit"] for one in money(db)["profit"]} == {None}  # of no known currency
    for arguments in ({"p_currency": "EUR"}, {"p_account": "US"}):
        # 250 earned at a target of 2 are worth 125, and 100 were spent
        assert {one["profit"] for one in money(db, **arguments)["profit"]} == {25}
    found = money(db, p_account="US", p_days=5)
    assert found["currency"] == "USD"
    assert [day["spend"] for day in found["account"]["days"]] == [100, 100, 100, 100, None]
    with refused(db, "AO003", "no such account"):
        money(db, p_account="nobody's")


def test_a_total_is_one_where_every_account_states_one(db: Db) -> None:
    two_currencies(db)
    campaign(db, account="AT", budget=40)
    db.execute("update autonomy_accounts set currency = 'EUR' where account = 'AT'")
    db.execute("update autonomy_accounts set daily_total = 500 where account = 'DE'")
    assert money(db, p_currency="EUR")["today"] | {"hours": 0} == {
        "spend": None, "hours": 0, "total": None, "budget": 140,
    }  # fmt: skip
    db.execute("update autonomy_accounts set daily_total = 60 where account = 'AT'")
    assert money(db, p_currency="EUR")["today"]["total"] == 560


ACTED = (
    "insert into autonomous_actions (campaign_id, action_type, status, error, executed_at,"
    " previous_state, new_state, actual_impact) values (%s, %s, %s, %s, now() - interval '1 hour',"
    " %s::jsonb, %s::jsonb, %s::jsonb)"
)
ON = '{"status": "active", "budget": 100}'
MORE = '{"status": "active", "budget": 130}'
OFF = '{"status": "paused", "budget": 100}'
COST = '{"horizon_days": 1, "verdict": "regressed", "money": -7, "money_low": -9, "money_high": -5}'


def test_what_was_done_is_told_by_what_it_did(db: Db) -> None:
    one, other = campaign(db), campaign(db, budget=130)
    db.execute(ACTED, (one, "auto_pause", "executed", None, ON, OFF, None))
    db.execute(ACTED, (other, "auto_scale_up", "executed", None, ON, MORE, COST))
    for error in ("REJECTED", "EXPIRED"):
        db.execute(ACTED, (one, "auto_pause", "failed", error, ON, OFF, None))
    db.execute(ACTED, (one, "auto_pause", "failed", "GONE", ON, OFF, None))
    found = money(db)
    assert found["changes"] == {
        "paused": {"actions": 1, "money": 100},
        "raised": {"actions": 1, "money": 30},
        "failed": {"actions": 1, "money": 100},
    }
    assert found["declined"] == 2
    assert (found["worst"]["title"] is None, found["worst"]["money"]) == (False, -7)
    assert found["made"] == {"measured": 1, "money": -7, "money_low": -9, "money_high": -5}
    assert money(db, p_since="infinity")["changes"] == {}


@pytest.mark.parametrize(
    "state", ['{"status": "active", "budget": "many"}', '{"budget": 1e300}', "[]", "7", "null"]
)
def test_states_that_are_none_move_no_money(db: Db, state: str) -> None:
    db.execute(ACTED, (campaign(db), "budget_adjusted", "executed", None, state, state, state))
    found = money(db)
    assert sum(one["money"] for one in found["changes"].values()) == 0
    assert found["worst"] is None


def test_the_largest_waits_first(db: Db) -> None:
    for worth in ("3", "9", '"?"', "null"):
        db.execute(
            "insert into optimization_opportunities (campaign_id, opportunity_type, severity,"
            " estimated_impact) values (%s, 'creative_fatigue', 'low',"
            " jsonb_build_object('money_per_day', %s::jsonb))",
            (campaign(db), worth),
        )
    assert [one["money"] for one in money(db)["to_do"]] == [9, 3, None, None]


def test_changes_of_the_policy_are_kept(db: Db) -> None:
    policy(db, min_confidence=60)
    policy(db, min_confidence=60)  # nothing changed
    db.execute("update autonomy_policy set prior_mean_roi = 2")  # nobody's setting
    db.execute("update autonomy_policy set frozen = true, updated_by = 'ann'")
    rows = value(db, "select dashboard_policy_history()")
    assert [(row["before"], row["after"]) for row in rows] == [
        ({"frozen": False}, {"frozen": True}),
        ({"min_confidence": 50}, {"min_confidence": 60}),
    ]
    assert rows[0]["actor"] == "ann"
    assert len(value(db, "select dashboard_policy_history('frozen')")) == 1


def test_a_preview_of_the_policy_leaves_nothing(db: Db) -> None:
    query = 'select dashboard_preview_policy(\'{"mode": "observe", "time_zone": "x"}\')'
    found = value(db, query)
    assert (found["before"]["mode"], found["after"]["mode"]) == ("autonomous", "observe")
    assert value(db, "select mode from autonomy_policy") == "autonomous"
    assert value(db, "select dashboard_policy_history()") == []
    with refused(db, "AO002", "max_step must be"):
        db.execute("select dashboard_preview_policy('{\"max_step\": 1000}')")

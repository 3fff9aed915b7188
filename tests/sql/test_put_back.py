"""A feed that sets budgets anew every day: optimisation leaves these alone, and says so."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from autonomy.engine import Accounts, Engine
from autonomy.rules.templates import TEMPLATES
from tests.sql.planted import NOW, YESTERDAY, Measures, campaign, series, value

Db = psycopg.Connection[Any]
DAY = Measures(9000, 200, 6, 100, 300)
CURVE = next(template.row for template in TEMPLATES if template.key == "curve")


@pytest.fixture
def optimised(db: Db) -> Db:
    db.execute("update autonomous_rules set is_active = false")
    db.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority)"
        " values (%s, %s, %s, %s, 50)",
        [
            CURVE["rule_name"],
            CURVE["rule_type"],
            Jsonb(CURVE["condition"]),
            Jsonb(CURVE["action"]),
        ],
    )
    db.execute("set local autonomy.simulation = on")
    return db


def winner(db: Db) -> uuid.UUID:
    one = campaign(db)
    series(db, one, [DAY] * 30, last=YESTERDAY - timedelta(days=7))
    return one


def until_now(db: Db, ones: list[uuid.UUID], days: int, fed: uuid.UUID) -> None:
    """Each day its figures come in, optimisation runs, and the feed writes its own budget."""
    for n in range(days, 0, -1):
        at = NOW - n * timedelta(days=1)
        db.execute("select set_config('autonomy.now', %s, true)", (str(at),))
        for one in ones:
            series(db, one, [DAY], last=at.date() - timedelta(days=1))
        db.execute("select run_autonomous_operations(%s)", [at])
        db.execute("set local autonomy.actor = 'scheduler'")
        db.execute("update campaigns set budget = %s where id = %s", [100 + n, fed])
        db.execute("set local autonomy.actor = ''")
    for one in ones:
        series(db, one, [DAY])
    db.execute("select set_config('autonomy.now', %s, true)", (str(NOW),))


def moves(db: Db, one: uuid.UUID) -> int:
    asked = "select count(*) from campaign_changes where campaign_id = %s and kind = 'action'"
    return int(value(db, asked, one))


def decisions(db: Db) -> list[str]:
    """What both engines decide."""
    told = value(db, "select propose_autonomous_actions(p_now => %s) -> 'decisions'", NOW)
    page = value(db, "select list_autonomous_candidates(p_now => %s)", NOW)
    rules = value(db, "select jsonb_agg(to_jsonb(r)) from autonomous_rules r where is_active")
    accounts = Accounts(
        value(db, "select autonomy_account_policies()"),
        value(db, "select autonomy_account_priors()"),
    )
    policy = value(db, "select to_jsonb(p) from autonomy_policy p")
    engine = Engine(rules, policy, NOW, accounts=accounts)
    engine.take(page["candidates"])
    ours = [one.campaign_id for one in engine.finish()]
    assert [one["campaign_id"] for one in told] == ours
    return ours


def warned(db: Db) -> list[str]:
    told = value(db, "select autonomy.run_warnings()")
    return [each for each in told if "anew after each move of ours" in each]


def test_optimisation_does_not_pull_against_a_feed(optimised: Db) -> None:
    one, other = winner(optimised), winner(optimised)
    until_now(optimised, [one, other], 6, one)
    assert moves(optimised, one) == 3, "then it is left alone"
    assert moves(optimised, other) >= 3
    assert str(one) not in decisions(optimised)
    (said,) = warned(optimised)
    assert 'the budgets of 1 campaign of the account "default"' in said
    page = value(
        optimised, "select list_autonomous_candidates(p_campaign_id => %s, p_now => %s)", one, NOW
    )
    assert page["candidates"][0]["put_back"] is True
    optimised.execute("update autonomous_rules set is_active = false")
    assert warned(optimised) == []


def test_a_feed_of_two_days_is_no_reason_yet(optimised: Db) -> None:
    one = winner(optimised)
    until_now(optimised, [one], 2, one)
    assert moves(optimised, one) == 2
    assert decisions(optimised) == [str(one)]
    assert warned(optimised) == []

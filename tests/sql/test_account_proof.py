"""An account's own figures: what was said, what came of it, and what is too little to tell."""

from __future__ import annotations

from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from tests.sql.effects import refused
from tests.sql.planted import NOW, Db, Json, campaign, value
from tests.sql.test_holdouts import MONDAY, UNTIL, played

PAUSE = "Critical ROI Pause"


def proof(db: Db, account: str = "default") -> Json:
    found: Json = value(
        db,
        "select autonomy.account_proof(%s, %s, %s, %s)",
        account,
        MONDAY - timedelta(days=60),
        UNTIL,
        UNTIL + timedelta(days=7),
    )
    return found


def measured(
    db: Db,
    *,
    money: float,
    expected: float,
    half: float = 10,
    confidence: float = 90,
    right: float = 90,
    account: str = "default",
    status: str = "executed",
    by: str | None = None,
    campaign_of: object = None,
) -> object:
    made = campaign_of or campaign(db, account=account)
    figures = {
        "verdict": "improved" if money > half else "inconclusive", "money": money,
        "money_low": money - half, "money_high": money + half, "right_probability": right,
        "horizon_days": 7, "days": 7,
    }  # fmt: skip
    db.execute(
        "insert into autonomous_actions (campaign_id, rule_id, run_id, action_type, status,"
        " executed_at, confidence_score, expected_impact, actual_impact, previous_state, new_state,"
        " rolled_back_by) select %s, id, gen_random_uuid(), 'auto_pause', %s, %s, %s, %s, %s,"
        " '{\"budget\": 100}', '{\"budget\": 100}', %s from autonomous_rules where rule_name = %s",
        (made, status, MONDAY, confidence,
         Jsonb({"kind": "pause", "horizon_days": 7, "loss_avoided": expected}),
         Jsonb(figures), by, PAUSE),
    )  # fmt: skip
    return made


def test_nothing_is_too_little_to_tell_of(db: Db) -> None:
    campaign(db)
    found = proof(db)
    assert found["actions"]["sentence"] == "Nothing was changed."
    assert "too few" in found["said_and_right"]["sentence"]
    assert found["said_and_right"]["classes"] == []
    assert "too few" in found["predicted_and_happened"]["sentence"]
    assert found["predicted_and_happened"]["ratio"] is None
    assert found["rules"] == []
    assert "holdout_share" in found["holdouts"]["sentence"]


def test_what_was_said_and_what_came_of_it(db: Db) -> None:
    for _ in range(20):
        measured(db, money=80, expected=100, confidence=92, right=91)
    for _ in range(4):
        measured(db, money=0, expected=10, confidence=64, right=50)
    measured(db, money=0, expected=0, status="rolled_back", by="someone", right=20)
    measured(db, money=0, expected=0, status="rolled_back", by="autonomy", right=20)
    found = proof(db)
    assert found["actions"]["actions"] == 26
    assert found["actions"]["taken_back"] == 2
    assert found["actions"]["taken_back_by_people"] == 1
    assert "26 actions: 26 paused" in found["actions"]["sentence"]

    money = found["predicted_and_happened"]
    assert (money["actions"], money["predicted"], money["happened"]) == (24, 2040, 1600)
    assert money["ratio"] == pytest.approx(1600 / 2040, abs=0.001)
    half = 1.645 * (24 * (20 / 3.29) ** 2) ** 0.5
    assert money["happened_high"] - money["happened"] == pytest.approx(half, abs=0.1)
    assert money["ratio_low"] < money["ratio"] < money["ratio_high"]

    classes = {one["from"]: one for one in found["said_and_right"]["classes"]}
    high, low = classes[90], classes[60]
    assert (high["actions"], high["enough"]) == (22, True)
    assert high["right_low"] < high["right"] < high["right_high"]
    assert (low["said"], low["right"], low["enough"]) == (64, 50, False)

    (rule,) = found["rules"]
    assert (rule["rule_name"], rule["money"]) == (PAUSE, 1600)
    assert rule["money_low"] < 1600 < rule["money_high"]
    assert "26 measured" in rule["sentence"]


def test_the_errors_of_one_campaign_add_up(db: Db) -> None:
    one = campaign(db)
    for _ in range(16):
        measured(db, money=80, expected=100, campaign_of=one)
    money = proof(db)["predicted_and_happened"]
    assert money["happened_high"] - money["happened"] == pytest.approx(160, abs=0.5)


def test_two_accounts_are_two_proofs_each_in_its_currency(db: Db) -> None:
    for account, currency, money in (("euro", "EUR", 70), ("yen", "JPY", 9000)):
        for _ in range(12):
            measured(db, money=money, expected=100, account=account)
        db.execute(
            "update autonomy_accounts set currency = %s where account = %s", (currency, account)
        )
    assert [
        (found["currency"], found["predicted_and_happened"]["happened"])
        for found in (proof(db, "euro"), proof(db, "yen"))
    ] == [("EUR", 840), ("JPY", 108000)]
    assert "840.00 EUR" in proof(db, "euro")["predicted_and_happened"]["sentence"]


def test_what_chance_held_out_is_in_the_proof(db: Db) -> None:
    played(db, 60, roi=0.6)
    found = proof(db)["holdouts"]
    (pauses,) = found["kinds"]
    assert (pauses["kind"], pauses["enough"]) == ("pause", True)
    assert pauses["money_low"] > 0
    assert "more a day" in pauses["sentence"]
    played(db, 6, roi=0.6, account="small")
    (few,) = proof(db, "small")["holdouts"]["kinds"]
    assert (few["enough"], few["money_per_day"]) == (False, None)
    assert "too few to tell" in few["sentence"]


@pytest.mark.parametrize("expected", [None, "much", 1e300, -1e15, 1e-40, 0, -50, True])
def test_odd_expectations_are_no_error(db: Db, expected: object) -> None:
    measured(db, money=80, expected=expected)  # type: ignore[arg-type]
    assert proof(db)["predicted_and_happened"]["actions"] in (0, 1)


def test_a_span_or_an_account_that_is_none_is_refused(db: Db) -> None:
    campaign(db)
    with refused(db, "AO003", "no such account"):
        proof(db, "nobody")
    for first, last in ((NOW, NOW), (None, NOW), (NOW, None), ("-infinity", NOW)):
        with refused(db, "AO010", "p_from"):
            value(db, "select autonomy.account_proof('default', %s, %s)", first, last)
    for days in (0, 401, None):
        with refused(db, "AO010", "p_days"):
            value(db, "select dashboard_proof('default', %s)", days)

"""What the page of a rule draws, from what became of its actions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.sql import effects
from tests.sql.effects import Db, value

clean_tables = effects.clean_tables

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
RULE, OTHER = uuid4(), uuid4()
ONE, TWO = uuid4(), uuid4()


def _acted(db: Db, days: float, money: float, error: float, **more: Any) -> None:
    row = {
        "rule_id": RULE, "campaign_id": ONE, "status": "executed", "verdict": "improved",
        "confidence": 92, "right": 0.9, **more,
    }  # fmt: skip
    db.execute(
        "insert into autonomy.action_results (action_id, rule_id, action_type, status, executed_at,"
        " confidence, verdict, money, error, right_probability, campaign_id)"
        " values (gen_random_uuid(), %s, 'auto_pause', %s, %s, %s, %s, %s, %s, %s, %s)",
        (row["rule_id"], row["status"], NOW - timedelta(days=days), row["confidence"],
         row["verdict"], money, error, row["right"], row["campaign_id"]),
    )  # fmt: skip


def _page(db: Db) -> dict[str, Any]:
    return dict(value(db, "select dashboard_rule_page(%s, %s)", RULE, NOW))


def test_a_week_has_its_money_with_the_interval(db: Db) -> None:
    _acted(db, 1, 100, 30)
    _acted(db, 2, 50, -10)  # of the same orders: the errors add up
    _acted(db, 2, 10, 40, campaign_id=TWO)
    _acted(db, 8, -5, 1)
    _acted(db, 1, 900, 1, rule_id=OTHER)
    _acted(db, 1, 900, 1, status="failed")
    _acted(db, 1, 900, 1, verdict=None)
    _acted(db, 200, 900, 1)
    page = _page(db)
    assert len(page["weeks"]) == 13
    *_, before, this = page["weeks"]
    assert (before["week"], before["measured"], before["money"]) == ("2026-11-16", 1, -5)
    assert (this["week"], this["measured"], this["money"]) == ("2026-11-23", 3, 160)
    off = 1.645 * (20**2 + 40**2) ** 0.5
    assert float(this["high"]) == pytest.approx(160 + off, abs=0.01)
    assert float(this["low"]) == pytest.approx(160 - off, abs=0.01)
    assert page["weeks"][0]["money"] is None


def test_what_was_said_stands_against_what_was_right(db: Db) -> None:
    _acted(db, 1, 1, 1, confidence=91, right=1)
    _acted(db, 1, 1, 1, confidence=93, right=0.8)
    _acted(db, 1, 1, 1, confidence=55, right=0.2, status="rolled_back")
    _acted(db, 1, 1, 1, confidence=None)
    _acted(db, 1, 1, 1, confidence=99, right=None)
    assert _page(db)["calibration"] == [
        {"actions": 1, "said": 55, "right": 20},
        {"actions": 2, "said": 92, "right": 90},
    ]


def test_a_rule_that_did_nothing_has_an_empty_page(db: Db) -> None:
    page = _page(db)
    assert (page["currency"], page["currencies"], page["calibration"]) == (None, 0, [])
    assert {week["measured"] for week in page["weeks"]} == {0}
    assert len(page["weeks"]) == 13


def test_money_is_of_one_currency(db: Db) -> None:
    for currency, campaign in (("EUR", ONE), ("USD", TWO)):
        db.execute("insert into autonomy_accounts (account, currency) values (%s, %s)"
                   " on conflict (account) do update set currency = excluded.currency",
                   (currency, currency))  # fmt: skip
        db.execute("insert into campaigns (id, title, account) values (%s, 'x', %s)",
                   (campaign, currency))  # fmt: skip
    _acted(db, 1, 100, 1)
    _acted(db, 1, 50, 1, campaign_id=TWO)
    _acted(db, 1, 50, 1, campaign_id=TWO)
    page = _page(db)
    assert (page["currency"], page["currencies"], page["weeks"][-1]["money"]) == ("USD", 2, 100)

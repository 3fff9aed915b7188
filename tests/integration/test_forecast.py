"""The forecast of the month over HTTP, on the Overview, on the command line."""

from __future__ import annotations

import html
import json
import re
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from autonomy.web.api.openapi import document
from tests.integration import test_web
from tests.integration.json_shapes import problems, untold
from tests.integration.test_web import get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip

SHAPE = {"$ref": "#/components/schemas/Forecast"}


@pytest.fixture
def two(empty: FlaskClient, sql: Any) -> FlaskClient:
    """An account in euros with 40 days of 100 a day, one in yen with five days."""
    sql(
        "insert into campaigns (title, account, budget, created_at) values"
        " ('a', 'Paris', 100, now() - interval '200 days'),"
        " ('b', 'Paris', 100, now() - interval '200 days'),"
        " ('c', 'Tokyo', 30000, now() - interval '200 days');"
        " update autonomy_accounts set currency = 'EUR', monthly_total = 90000"
        " where account = 'Paris';"
        " update autonomy_accounts set currency = 'JPY' where account = 'Tokyo';"
        " insert into campaign_metrics"
        "   (campaign_id, bucket, impressions, clicks, conversions, spend, revenue, whole_day)"
        " select c.id, (current_date - d)::timestamp at time zone 'UTC', 1000, 50, 4,"
        "   case c.account when 'Tokyo' then 9000 else 50 end, 200, true"
        " from campaigns c, generate_series(1, 40) d"
        " where c.account = 'Paris' or d <= 5"
    )
    return empty


@pytest.fixture
def say(
    migrated: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs a command; what it says, and its exit code."""
    for name, value in migrated.environment().items():
        monkeypatch.setenv(name, value)

    def said(*arguments: str) -> tuple[str, int]:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as done:
            code = int(done.code or 0)
        out = capsys.readouterr()
        return out.out + out.err, code

    return said


def words(text: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", " ", text)))


def test_each_account_by_itself(two: FlaskClient) -> None:
    found = get(two, "/api/forecast")
    assert problems(found, SHAPE, document()) == []
    assert untold(found, SHAPE, document()) == set()
    paris, tokyo = found["accounts"]
    month_days = datetime.fromisoformat(paris["until_day"]).day
    assert paris["currency"] == "EUR"
    assert paris["pace"] == "on_pace"
    assert paris["spend"]["expected"] == pytest.approx(100 * month_days, abs=1)
    assert paris["revenue"]["expected"] == pytest.approx(400 * month_days, rel=0.02)
    assert paris["spend"]["so_far"] == 100 * (datetime.now(UTC).day - 1)
    assert tokyo["currency"] == "JPY"
    assert tokyo["sentence"] == "Too early to tell: 5 of 14 days."
    assert tokyo["spend"]["expected"] is None
    (alone,) = get(two, "/api/forecast?account=Tokyo")["accounts"]
    assert alone["account"] == "Tokyo"
    assert get(two, "/api/forecast?limit=1")["left_off"] == 1


def test_what_is_paused_is_not_foretold(two: FlaskClient, sql: Any) -> None:
    sql("update campaigns set status = 'paused' where title = 'b'")
    (paris,) = get(two, "/api/forecast?account=Paris")["accounts"]
    days = datetime.fromisoformat(paris["until_day"]).day
    past = datetime.now(UTC).day - 1
    assert paris["spend"]["expected"] == pytest.approx(100 * past + 50 * (days - past), abs=1)


def test_wrong_questions(two: FlaskClient) -> None:
    get(two, "/api/forecast?account=nobody", 404)
    get(two, "/api/forecast?account=" + "x" * 201, 400)
    get(two, "/api/forecast?limit=0", 400)
    get(two, "/api/forecast?month=12", 400)


def test_the_overview_shows_one_account_and_leads_to_the_others(two: FlaskClient) -> None:
    first = page(two, "/")
    assert 'id="month-title"' in first
    said = words(first)
    assert "This month: Paris" in said
    assert re.search(r"On pace: [\d,]+(?: to [\d,]+)? of 90,000 EUR\.", said)
    assert '?month=Tokyo#month-title"' in first
    other = words(page(two, "/?month=Tokyo"))
    assert "This month: Tokyo" in other
    assert "Too early to tell: 5 of 14 days." in other
    # the currency of the page chooses, too; what is none is no reason to fail
    assert "This month: Tokyo" in words(page(two, "/?currency=JPY"))
    assert "This month: Paris" in words(page(two, "/?month=nobody"))


def test_the_chart_has_a_table_beside_it(two: FlaskClient) -> None:
    text = page(two, "/")
    card = text[text.index('aria-labelledby="month-title"') :]
    card = card[: card.index("</section>")]
    (told,) = get(two, "/api/forecast?account=Paris")["accounts"]
    assert told["monthly_total"] == 90_000
    assert len(told["days"]) == card.count('<tr><th scope="row">2')
    assert len(re.findall(r"<path class=\"[^\"]+\" d=\"M", card)) >= 3  # spent, foretold, the total
    last = told["days"][-1]
    assert last["low"] <= last["expected"] <= last["high"]


def test_without_campaigns_there_is_no_card(empty: FlaskClient) -> None:
    assert 'id="month-title"' not in page(empty, "/")
    assert get(empty, "/api/forecast")["accounts"] == []


def test_on_the_command_line(say: Any, two: FlaskClient) -> None:
    said, code = say("forecast", "--account", "Paris")
    assert code == 0
    assert re.search(r"On pace: .* of 90,000 EUR\.", said)
    assert re.search(r"profit\s", said)
    assert "Tokyo" not in said
    said, _ = say("forecast")
    assert "Too early to tell: 5 of 14 days." in said
    said, code = say("forecast", "--account", "nobody")
    assert code == 1
    assert "no such account" in said
    said, code = say("forecast", "--json")
    assert [one["account"] for one in json.loads(said)["accounts"]] == ["Paris", "Tokyo"]

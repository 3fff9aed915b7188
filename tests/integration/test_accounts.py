"""Accounts over HTTP, on their page, on the command line, and where money stands beside money."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from autonomy.web.commands import ACCOUNT_KEYS, ACCOUNT_LIMITS
from tests.integration import test_web
from tests.integration.json_shapes import problems
from tests.integration.test_web import OPERATOR, VIEWER, document, get

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip

ODD = ["Acme / DE", "../up", "<b>bold</b>", "x" * 300, "ü & ?=#", "  blanks  "]


@pytest.fixture
def two(empty: FlaskClient, sql: Any) -> FlaskClient:
    """An account in euros, one in yen."""
    sql(
        "insert into campaigns (title, account, budget, created_at) values"
        " ('a', 'Paris', 100, now() - interval '30 days'),"
        " ('b', 'Paris', 200, now() - interval '30 days'),"
        " ('c', 'Tokyo', 30000, now() - interval '30 days');"
        " update autonomy_accounts set currency = 'EUR' where account = 'Paris';"
        " update autonomy_accounts set currency = 'JPY' where account = 'Tokyo'"
    )
    return empty


def patch(client: FlaskClient, body: Any, code: int = 200, token: str = OPERATOR) -> Any:
    answer = client.patch("/api/accounts", headers={"Authorization": f"Bearer {token}"}, json=body)
    assert answer.status_code == code, answer.text
    return answer.json


# API ---------------------------------------------------------------------------------------------


def test_accounts_are_read_and_changed(two: FlaskClient) -> None:
    paris, tokyo = get(two, "/api/accounts")["accounts"]
    assert (paris["account"], paris["currency"], paris["active"], paris["active_budget"]) == (
        "Paris", "EUR", 2, 300,
    )  # fmt: skip
    assert tokyo["finding"]["proposed"]["max_budget"] == 5000000
    changed = patch(two, {"account": "Tokyo", **tokyo["finding"]["proposed"], "target_roi": 1.5})
    assert (changed["max_budget"], changed["finding"]) == (5000000, None)
    assert changed["in_force"]["break_even_roi"] == 1.5
    assert changed["updated_by"] == "operator (api)"
    assert get(two, "/api/accounts?account=Tokyo")["accounts"] == [changed]
    assert patch(two, {"account": "Tokyo", "target_roi": None})["in_force"]["break_even_roi"] == 1
    get(two, "/api/accounts?account=tokyo", 404)
    get(two, "/api/accounts?nonsense=1", 400)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, 400, "name the account"),
        ({"account": None, "frozen": True}, 400, "name the account"),
        ({"account": 5, "frozen": True}, 400, "account: it must be a text"),
        ({"account": "nobody", "frozen": True}, 404, "no such account"),
        ({"account": "Paris"}, 400, "at least one setting"),
        ({"account": "Paris", "budget": 1}, 400, "budget: unknown field"),
        ({"account": "Paris", "max_budget": "5"}, 400, "give a number"),
        ({"account": "Paris", "max_budget": -5}, 400, "max_budget must be a number"),
        ({"account": "Paris", "max_budget": 1e308}, 400, "max_budget must be a number"),
        ({"account": "Paris", "target_roi": [1]}, 400, "give a number"),
        ({"account": "Paris", "currency": "EURO"}, 400, "three letters"),
        ({"account": "Paris", "time_zone": "Mars"}, 400, "time zone"),
        ({"account": "Paris", "frozen": None}, 400, "frozen must not be NULL"),
    ],
)
def test_a_change_that_is_none_is_a_sentence(
    two: FlaskClient, body: Any, code: int, words: str
) -> None:
    before = get(two, "/api/accounts")
    assert words in patch(two, body, code)["error"]["message"]
    assert get(two, "/api/accounts") == before


def test_a_viewer_changes_no_account(two: FlaskClient) -> None:
    patch(two, {"account": "Paris", "frozen": True}, 403, VIEWER)


def test_every_setting_can_be_sent_and_is_described(two: FlaskClient, sql: Any) -> None:
    limits = {
        row[0]: (float(row[1]), float(row[2]))
        for row in sql("select * from autonomy_account_limits()")
    }
    assert limits == {name: tuple(map(float, both)) for name, both in ACCOUNT_LIMITS.items()}
    columns = {
        row[0]
        for row in sql(
            "select attname from pg_attribute where attrelid = 'autonomy_accounts'::regclass"
            " and attnum > 0 and not attisdropped"
        )
    }
    assert columns - {"account", "updated_at", "updated_by"} == set(ACCOUNT_KEYS)
    (paris,) = get(two, "/api/accounts?account=Paris")["accounts"]
    sent = {name: paris[name] for name in ACCOUNT_KEYS} | {"account": "Paris"}
    schema = {"$ref": "#/components/schemas/AccountChange"}
    assert problems(sent, schema, document()) == []
    assert patch(two, sent)["currency"] == "EUR"


# Command line ------------------------------------------------------------------------------------


@pytest.fixture
def say(
    two: FlaskClient,
    fresh: LocalStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def said(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        ended = 0
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        out = capsys.readouterr()
        assert ended == code, out.err
        return out.out + out.err

    return said


def test_accounts_on_the_command_line(say: Any) -> None:
    table = say("accounts")
    assert "30,000\u00a0JPY" in table
    assert "300.00\u00a0EUR" in table
    assert "policy: UTC" in table
    assert 'Budgets of the account "Tokyo" are around 30,000 JPY a day' in table
    assert say("accounts", "list") == table
    assert len(json.loads(say("accounts", "--json"))["accounts"]) == 2
    changed = say("accounts", "set", "Tokyo", "max_budget=5000000", "target_roi=1.5", "frozen=true")
    assert "max_budget: policy: 50000 -> 5000000" in changed
    assert "target_roi: policy: 1.0 -> 1.5" in changed
    assert "frozen, max_budget=5000000" in say("accounts")
    assert "target_roi: 1.5 -> policy: 1.0" in say("accounts", "set", "Tokyo", "target_roi=")
    assert "no such account" in say("accounts", "set", "tokyo", "currency=JPY", code=1)
    assert "above max_budget" in say("accounts", "set", "Paris", "min_budget=60000", code=1)
    (one,) = [json.loads(say("accounts", "set", "Paris", "currency=usd", "--json"))]
    assert one["currency"] == "USD"

"""Days left out of the evidence: over HTTP, on the account's page, on the command line."""

from __future__ import annotations

import json
import re
import sys
import threading
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from tests.integration import test_web
from tests.integration.test_web import BEARER, OPERATOR, VIEWER, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip


@pytest.fixture
def two(empty: FlaskClient, sql: Any) -> FlaskClient:
    """A campaign in Paris, one in Tokyo, ten days of 10 each."""
    sql(
        "insert into campaigns (title, account, budget) values ('a', 'Paris', 9), ('b', 'Tokyo', 9)"
    )
    sql(
        "insert into campaign_metrics (campaign_id, bucket, spend)"
        " select id, date_trunc('day', now(), 'UTC') - n * interval '1 day', 10"
        " from campaigns, generate_series(1, 10) n"
    )
    return empty


def post(client: FlaskClient, path: str, body: Any, code: int = 201, token: str = OPERATOR) -> Any:
    answer = client.post(path, headers={"Authorization": f"Bearer {token}"}, json=body)
    assert answer.status_code == code, answer.text
    return answer.json


def ids(sql: Any) -> dict[str, str]:
    return {title: str(one) for title, one in sql("select title, id from campaigns")}


def spend(sql: Any, title: str) -> float:
    ((found,),) = sql(
        "select life_spend from campaign_facts f join campaigns c on c.id = f.campaign_id"
        f" where title = '{title}'"
    )
    return float(found)


def days(sql: Any) -> tuple[str, str]:
    """Five and four days ago."""
    ((first, last),) = sql("select (now() at time zone 'UTC')::date - 5,"
                           " (now() at time zone 'UTC')::date - 4")  # fmt: skip
    return str(first), str(last)


def test_days_are_left_out_and_count_again(two: FlaskClient, sql: Any) -> None:
    first, last = days(sql)
    one = {"campaign_id": ids(sql)["a"], "from_day": first, "until_day": last, "why": "broken"}
    made = post(two, "/api/exclusions", one)
    assert (made["made_by"], made["why"], made["from_day"]) == ("operator (api)", "broken", first)
    assert post(two, "/api/exclusions", one)["id"] == made["id"], "the same once"
    assert (spend(sql, "a"), spend(sql, "b")) == (80, 100)
    post(two, "/api/exclusions", {"account": "Tokyo", "from_day": first, "until_day": first})
    assert spend(sql, "b") == 90
    shown = get(two, f"/api/campaigns/{ids(sql)['a']}")["days"]
    assert [day["day"] for day in shown if day["left_out"]] == [first, last]
    table = page(two, f"/campaigns/{ids(sql)['a']}").split("Daily figures</caption>")[1]
    assert table.split("</table>")[0].count("left out of the evidence") == 2
    (listed,) = get(two, "/api/exclusions?account=Paris")["exclusions"]
    assert (listed["id"], listed["title"], listed["of_account"]) == (made["id"], "a", "Paris")
    of_b = get(two, f"/api/exclusions?campaign_id={ids(sql)['b']}")["exclusions"]
    assert [each["account"] for each in of_b] == ["Tokyo"]
    lifted = post(two, f"/api/exclusions/{made['id']}/lift", {}, 200)
    assert lifted["lifted_by"] == "operator (api)"
    assert post(two, f"/api/exclusions/{made['id']}/lift", {}, 200) == lifted
    assert spend(sql, "a") == 100


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"account": None}, 400, "Give an account or a campaign_id"),
        ({"campaign_id": "00000000-0000-0000-0000-000000000001"}, 400, "one of them"),
        ({"account": "nobody"}, 404, "no such account"),
        ({"account": None, "campaign_id": "00000000-0000-0000-0000-000000000001"}, 404,
         "no such campaign"),
        ({"until_day": "2026-11-01"}, 400, "must not lie before"),
        ({"from_day": "2026-02-30"}, 400, "from_day: a day looks like"),
        ({"from_day": "infinity"}, 400, "from_day: a day looks like"),
        ({"from_day": None}, 400, "from_day: a day looks like"),
        ({"from_day": 20261102}, 400, "from_day: a day looks like"),
        ({"from_day": "0001-01-01"}, 400, "2000-01-01 to 2100-12-31"),
        ({"until_day": "9999-12-31"}, 400, "2000-01-01 to 2100-12-31"),
        ({"why": "x" * 501}, 400, "why: at most 500"),
        ({"why": "\0"}, 400, "cannot be stored"),
        ({"reason": "x"}, 400, "reason: unknown field"),
    ],
)  # fmt: skip
def test_what_is_no_span_is_a_sentence(
    two: FlaskClient, sql: Any, change: Any, code: int, words: str
) -> None:
    body = {"account": "Paris", "from_day": "2026-11-02", "until_day": "2026-11-03"} | change
    assert words in post(two, "/api/exclusions", body, code)["error"]["message"]
    assert get(two, "/api/exclusions") == {"exclusions": [], "left_off": 0}


def test_who_may_not_and_what_is_not_there(two: FlaskClient) -> None:
    body = {"account": "Paris", "from_day": "2026-11-02", "until_day": "2026-11-03"}
    post(two, "/api/exclusions", body, 403, VIEWER)
    nothing = "/api/exclusions/00000000-0000-0000-0000-000000000001/lift"
    assert "no such exclusion" in post(two, nothing, {}, 404)["error"]["message"]


def test_on_the_accounts_page(two: FlaskClient, sql: Any) -> None:
    first, last = days(sql)
    headers = {**BEARER, "Accept": "text/html"}
    fields = {"account": "Paris", "from_day": first, "until_day": last, "why": "<b>broken</b>"}
    answer = two.post("/accounts/exclusions", headers=headers, data=fields)
    assert answer.status_code == 303, answer.text
    shown = page(two, "/accounts?account=Paris")
    assert f"{first} to {last}" in shown
    assert "&lt;b&gt;broken&lt;/b&gt;" in shown
    assert "None." in page(two, "/accounts?account=Tokyo")
    found = re.search(r'action="[./]*(accounts/exclusions/[^"]+/lift)"', shown)
    assert found
    answer = two.post(f"/{found[1]}", headers=headers, data={"account": "Paris"})
    assert answer.status_code == 303, answer.text
    assert "no, they count again" in page(two, "/accounts?account=Paris")
    assert spend(sql, "a") == 100
    wrong = two.post("/accounts/exclusions", headers=headers, data=fields | {"from_day": ""})
    assert wrong.status_code == 400
    assert "from_day: a day looks like" in wrong.text


def test_on_the_command_line(
    two: FlaskClient, fresh: LocalStack, sql: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in {**fresh.environment(), "COLUMNS": "250"}.items():
        monkeypatch.setenv(name, value)

    def say(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", "exclusions", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    first, last = days(sql)
    code, out = say("add", first, last, "--campaign", ids(sql)["a"], "--json")
    assert code == 0, out
    made = json.loads(out)
    assert spend(sql, "a") == 80
    code, out = say()
    assert code == 0
    for words in (f"{first} to {last}", "Paris", "cli", made["id"]):
        assert words in out
    assert say("list", "--account", "Tokyo")[1].count(made["id"]) == 0
    assert say("lift", made["id"])[0] == 0
    assert spend(sql, "a") == 100
    for wrong in (["add", first, last], ["add", "x", last, "--account", "Paris"], ["lift", "5"]):
        assert say(*wrong)[0] != 0


def test_two_at_once_and_an_ingest_end_with_the_right_facts(
    two: FlaskClient, fresh: LocalStack, sql: Any
) -> None:
    first, last = days(sql)
    statements = [
        f"select exclude_evidence('{first}', '{first}', 'Paris')",
        f"select exclude_evidence('{last}', '{last}', null, '{ids(sql)['a']}')",
        """insert into campaign_metrics (campaign_id, bucket, spend)
        select id, date_trunc('day', now(), 'UTC'), 7 from campaigns""",
    ]

    def do(statement: str) -> None:
        with psycopg.connect(fresh.database_url) as connection:
            connection.execute(statement)

    threads = [threading.Thread(target=do, args=(each,)) for each in statements]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (spend(sql, "a"), spend(sql, "b")) == (87, 107)

"""Accounts over HTTP, on their page, on the command line, and where money stands beside money."""

from __future__ import annotations

import html
import json
import re
import sys
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from autonomy.cli import main
from autonomy.local import LocalStack
from autonomy.run.where import account_link
from autonomy.web.api.openapi import document
from autonomy.web.commands import ACCOUNT_KEYS, ACCOUNT_LIMITS
from tests.integration import test_web
from tests.integration.json_shapes import problems
from tests.integration.test_web import BEARER, OPERATOR, PAGES, VIEWER, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip

ODD = [
    "Acme / DE", "../up", "<b>bold</b>", "x" * 200, "ü" * 200, "ü & ?=#", "  blanks  ", " ", "",
    "tab\there", "two\nlines", "\x1b[31mred", "\u202eolleh", "%2F%00", "a?account=b&c",
    "' or 1=1 --", "😀", "a\\b", '"quoted"', "{{7*7}}", "{0} %s",
]  # fmt: skip


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
        ({}, 400, "account: it is missing"),
        ({"account": None, "frozen": True}, 400, "account: it must be a text"),
        ({"account": 5, "frozen": True}, 400, "account: it must be a text"),
        ({"account": "nobody", "frozen": True}, 404, "no such account"),
        ({"account": "Paris"}, 400, "at least one setting"),
        ({"account": "Paris", "budget": 1}, 400, "budget: unknown field"),
        ({"account": "Paris", "max_budget": "5"}, 400, "max_budget: it must be a number"),
        ({"account": "Paris", "max_budget": -5}, 400, "max_budget must be a number"),
        ({"account": "Paris", "max_budget": 1e308}, 400, "max_budget must be a number"),
        ({"account": "Paris", "target_roi": [1]}, 400, "target_roi: it must be a number"),
        ({"account": "Paris", "currency": "EURO"}, 400, "three letters"),
        ({"account": "Paris", "time_zone": "Mars"}, 400, "time zone"),
        ({"account": "Paris", "frozen": None}, 400, "frozen: it must be true or false"),
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


# Page --------------------------------------------------------------------------------------------


def send(client: FlaskClient, code: int = 303, **fields: str) -> str:
    headers = {**BEARER, "Accept": "text/html"}
    answer = client.post("/accounts", headers=headers, data=fields)
    assert answer.status_code == code, answer.text
    return answer.text if code != 303 else answer.headers["Location"]


def account(client: FlaskClient, name: str) -> Any:
    (found,) = get(client, f"/api/accounts?account={quote(name, safe='')}")["accounts"]
    return found


def test_the_page_without_accounts_says_where_they_come_from(empty: FlaskClient) -> None:
    assert "There are no accounts yet." in page(empty, "/accounts")
    for path in ("/", "/settings"):
        assert re.search(r'href="[./]*accounts"', page(empty, path))


def test_the_page_lists_and_links(two: FlaskClient) -> None:
    text = page(two, "/accounts")
    assert "30,000 JPY" in text
    assert "300.00 EUR" in text
    assert "Budgets of the account &#34;Tokyo&#34;" in text
    assert "<form" not in page(two, "/accounts", VIEWER).split("<main")[1]
    form = page(two, "/accounts?account=Paris&utm_source=mail")
    assert "empty: the policy&#39;s: 50,000" in form
    assert 'name="max_budget" inputmode="decimal" maxlength="30" value=""' in form
    viewer = page(two, "/accounts?account=Paris", VIEWER).split("<main")[1]
    assert "<button" not in viewer
    assert viewer.count("readonly") > 15
    answer = two.get("/accounts?account=nobody", headers={**BEARER, "Accept": "text/html"})
    assert answer.status_code == 404


def test_the_page_says_which_delay_is_in_force(two: FlaskClient, sql: Any) -> None:
    sql("update autonomy_policy set conversion_delay_hours = 24")
    assert "come 24 h after the click in the mean: assumed" in page(two, "/accounts?account=Paris")
    sql("select autonomy.use_measured('Paris', 'delay', 48)")
    assert "come 48 h after the click in the mean: measured" in page(two, "/accounts?account=Paris")
    assert get(two, "/api/accounts?account=Paris")["accounts"][0]["measured_delay_hours"] == 48
    assert get(two, "/api/accounts?account=Tokyo")["accounts"][0]["measured_delay_hours"] is None
    set_ = patch(two, {"account": "Paris", "conversion_delay_hours": 12})
    assert set_["in_force"]["conversion_delay_hours"] == 12
    assert "come 12 h after the click in the mean: as set" in page(two, "/accounts?account=Paris")


def test_the_form_changes_what_differs(two: FlaskClient) -> None:
    to = send(
        two, account="Paris", max_budget="700.5", target_roi="", mode="approve", frozen="true"
    )
    assert to.endswith("accounts?account=Paris&done=account_saved")
    paris = account(two, "Paris")
    assert (paris["max_budget"], paris["mode"], paris["frozen"]) == (700.5, "approve", True)
    assert paris["updated_by"] == "operator (dashboard)"
    assert "max budget <strong>700.50 EUR</strong>" in page(two, "/accounts")
    form = page(two, "/accounts?account=Paris")
    assert re.search(r'name="max_budget" inputmode="decimal"[^>]* value="700.50"', form)
    assert "(EUR a day, 0.01 to" in form
    assert "done=nothing" in send(two, account="Paris", max_budget="700.50")
    send(two, account="Paris", max_budget="", mode="", frozen="false")
    paris = account(two, "Paris")
    assert (paris["max_budget"], paris["mode"], paris["frozen"]) == (None, None, False)


def test_a_total_is_set_and_told(two: FlaskClient) -> None:
    assert account(two, "Paris")["total"] is None
    assert "It has no total" in page(two, "/accounts?account=Paris")
    send(two, account="Paris", daily_total="250", monthly_total="9000.5")
    total = account(two, "Paris")["total"]
    assert (total["active_budget"], total["shrink_to"], total["price"]) == (300, 250, 1)
    assert total["ceiling"] == 250
    form = page(two, "/accounts?account=Paris")
    assert re.search(r'name="monthly_total" inputmode="decimal"[^>]* value="9000.50"', form)
    said = "come to 300.00 EUR a day; its total is 250.00 EUR: 50.00 EUR too much"
    assert said in form
    assert "there are no figures by day: it is spread evenly" in html.unescape(form)
    patch(two, {"account": "Paris", "daily_total": 0}, 400)
    patch(two, {"account": "Paris", "daily_total": "much"}, 400)
    patch(two, {"account": "Paris", "daily_total": None, "monthly_total": None})
    assert account(two, "Paris")["total"] is None


def test_yen_are_typed_without_decimals(two: FlaskClient) -> None:
    send(two, account="Tokyo", max_budget="5000000")
    form = page(two, "/accounts?account=Tokyo")
    assert re.search(r'name="max_budget" inputmode="numeric"[^>]* value="5000000"', form)
    assert "max budget <strong>5,000,000 JPY</strong>" in page(two, "/accounts")


def test_the_whole_form_as_a_browser_sends_it_changes_nothing(two: FlaskClient) -> None:
    before = account(two, "Paris")
    main_part = page(two, "/accounts?account=Paris").split('id="edit"')[1]
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', main_part))
    for name, options in re.findall(
        r'<select[^>]* name="(\w+)".*?>(<option.*?)</select>', main_part
    ):
        chosen = re.search(r'value="(\w*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    assert len(fields) > 25
    assert "done=nothing" in send(two, **fields)
    assert account(two, "Paris") == before


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("max_budget", "many", "Max budget: it must be a number"),
        ("max_budget", "-5", "Max budget must be a number from 0.01"),
        ("max_budget", "1e9", "Max budget: it must be a number"),
        ("attribution_factor", "", "Attribution factor must be a number"),
        ("min_budget", "60000", "Min budget (60000) must not be above"),
        ("currency", "EURO", "Currency must be three letters"),
        ("time_zone", "Mars/Base", "Time zone must be the name of a time zone"),
        ("mode", "yolo", "Mode must be"),
        ("frozen", "perhaps", "Frozen: it must be true or false"),
        ("frozen_reason", "a\x00b", "cannot be stored"),
    ],
)
def test_what_is_wrong_is_said_and_kept_in_the_form(
    two: FlaskClient, field: str, typed: str, words: str
) -> None:
    before = account(two, "Paris")
    sent = {"time_zone": None, "currency": None} | {field: typed}
    confirm = f"{sent['time_zone']}/{sent['currency']}"
    first = send(two, 400, account="Paris", confirm=confirm, **{field: typed})
    assert words in html.unescape(first)
    assert f'value="{typed}"' in first or field in ("mode", "frozen", "frozen_reason")
    assert account(two, "Paris") == before


def test_what_is_costly_is_asked_first(two: FlaskClient) -> None:
    asked = send(two, 200, account="Paris", time_zone="Europe/Paris", currency="USD")
    assert "figures by day are counted anew" in html.unescape(asked)
    assert "every amount of this account that is EUR now will be read as USD" in asked
    assert account(two, "Paris")["time_zone"] is None
    word = re.search(r'name="confirm" value="([^"]+)"', asked)
    assert word is not None
    other = send(two, 200, account="Paris", time_zone="Asia/Tokyo", confirm=word[1], currency="USD")
    assert "Save once more" in other
    send(two, account="Paris", time_zone="Europe/Paris", currency="USD", confirm=word[1])
    paris = account(two, "Paris")
    assert (paris["time_zone"], paris["currency"]) == ("Europe/Paris", "USD")


def test_the_proposed_limits_are_taken_with_one_button(two: FlaskClient) -> None:
    text = page(two, "/accounts")
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    send(two, **{name: fields[name] for name in ("account", "max_budget", "min_budget")})
    tokyo = account(two, "Tokyo")
    assert (tokyo["max_budget"], tokyo["min_budget"], tokyo["finding"]) == (5000000, 100, None)


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_names(empty: FlaskClient, sql: Any, name: str) -> None:
    sql("insert into campaigns (title, account) values ('a', %s)", name)
    assert name.strip() in html.unescape(page(empty, "/accounts"))
    send(empty, account=name, max_budget="9")
    assert patch(empty, {"account": name, "min_budget": 2})["max_budget"] == 9
    assert account(empty, name)["min_budget"] == 2
    links = re.findall(r'href="[./]*(accounts[?]account=[^"]*)#edit"', page(empty, "/accounts"))
    (link,) = set(links)
    text = page(empty, f"/{html.unescape(link)}")
    (held,) = set(re.findall(r'<input type="hidden" name="account" value="([^"]*)"', text))
    assert html.unescape(held) == name
    assert 'name="max_budget"' in text
    assert "<b>bold" not in text
    own_page = account_link(name)[1].split("#")[0]
    assert 'name="max_budget"' in page(empty, f"/{own_page}")
    for path in PAGES:
        page(empty, path)
    assert get(empty, f"/api/exclusions?account={quote(name, safe='')}")["exclusions"] == []


def test_a_name_of_pages_is_refused_at_every_door(two: FlaskClient, sql: Any) -> None:
    name = "x" * 201
    for call in (
        two.patch("/api/accounts", headers=BEARER, json={"account": name, "min_budget": 2}),
        two.get(f"/api/accounts?account={name}", headers=BEARER),
        two.get(f"/api/exclusions?account={name}", headers=BEARER),
        two.get(f"/accounts?account={name}", headers=BEARER),
        two.post("/accounts", headers=BEARER, data={"account": name, "max_budget": "9"}),
    ):
        assert call.status_code == 400, call.text
        assert "200" in call.text
    for statement in (
        "insert into campaigns (title, account) values ('a', %s)",
        "update campaigns set account = %s",
        "insert into autonomy_accounts (account) values (%s)",
    ):
        with pytest.raises(psycopg.Error, match="has at most 200 characters, not 201: xxx"):
            sql(statement, name)


def test_a_viewer_changes_nothing_by_the_form(two: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}
    answer = two.post("/accounts", headers=headers, data={"account": "Paris", "max_budget": "9"})
    assert answer.status_code == 403


# Being told --------------------------------------------------------------------------------------


def own(client: FlaskClient, name: str) -> dict[str, list[str]]:
    """What the account says itself."""
    told = get(client, f"/api/notify?account={name}")["told"]
    return {one["code"]: one["channels"] for one in told if one["own"]}


def boxes(client: FlaskClient, name: str, token: str = OPERATOR) -> list[tuple[str, str]]:
    """What a browser would send of the account's boxes, as the page shows them."""
    section = page(client, f"/accounts?account={name}", token).split('id="told"')[1]
    ticked = re.findall(r'name="([A-Z_]+)" value="(\w+)" aria-label="[^"]*" checked', section)
    return [("account", name), ("shown", "told"), *ticked]


def tell(client: FlaskClient, form: list[tuple[str, str]], path: str = "", code: int = 303) -> str:
    headers = {**BEARER, "Accept": "text/html"}
    answer = client.post(f"/accounts/told{path}", headers=headers, data=MultiDict(form))
    assert answer.status_code == code, answer.text
    return answer.headers.get("Location", answer.text)


def test_the_page_says_who_is_told_of_an_account(two: FlaskClient, sql: Any) -> None:
    section = page(two, "/accounts?account=Paris").split('id="told"')[1]
    codes = set(re.findall(r'name="([A-Z_]+)" value="slack"', section))
    assert codes == {one["code"] for one in get(two, "/api/notify?account=Paris")["told"]}
    assert "RUN_LATE" not in codes
    assert section.count("as the policy says") == len(codes)
    assert "Take the policy" not in section
    form = boxes(two, "Paris")
    assert tell(two, form).endswith("accounts?account=Paris&done=nothing#told")
    assert own(two, "Paris") == {}

    changed = [one for one in form if one not in {("BREAKER", "slack"), ("BREAKER", "webhook")}]
    assert tell(two, changed).endswith("accounts?account=Paris&done=settings_saved#told")
    assert own(two, "Paris") == {"BREAKER": ["email"]}
    assert own(two, "Tokyo") == {}
    assert boxes(two, "Paris") == changed
    assert sql("select distinct updated_by from autonomy.told_where") == [("operator (dashboard)",)]
    assert ("BREAKER", "slack") in boxes(two, "Tokyo")
    text = page(two, "/accounts?account=Paris").split('id="told"')[1]
    assert re.findall(r'<button form="told-back" name="code" value="(\w+)"', text) == ["BREAKER"]

    back = [("account", "Paris"), ("code", "BREAKER")]
    assert tell(two, back, "/back").endswith("accounts?account=Paris&done=settings_saved#told")
    assert own(two, "Paris") == {}
    assert boxes(two, "Paris") == form
    assert "done=nothing" in tell(two, back, "/back")


@pytest.mark.parametrize(
    ("form", "path", "code"),
    [
        ({"account": "Paris"}, "", 400),
        ({"account": "Paris", "FROZEN": "slack"}, "", 400),
        ({"account": "Paris", "shown": "told", "FROZEN": "pigeon"}, "", 400),
        ({"account": "nobody", "shown": "told"}, "", 404),
        ({"shown": "told"}, "", 404),
        ({"account": "Paris"}, "/back", 400),
        ({"account": "Paris", "code": "RUN_LATE"}, "/back", 400),
        ({"account": "nobody", "code": "FROZEN"}, "/back", 404),
    ],
)
def test_half_a_form_tells_nobody_less(
    two: FlaskClient, sql: Any, form: dict[str, str], path: str, code: int
) -> None:
    tell(two, list(form.items()), path, code)
    assert sql("select * from autonomy.told_where") == []


def test_a_viewer_sees_who_is_told(two: FlaskClient, sql: Any) -> None:
    notify(two, {"account": "Paris", "channels": {"BREAKER": ["email"]}})
    text = page(two, "/accounts?account=Paris", VIEWER).split('id="told"')[1]
    assert "<button" not in text
    assert text.count("this account</td>") == 1
    assert text.count('type="checkbox"') == text.count("disabled")
    viewer = {"Authorization": f"Bearer {VIEWER}"}
    form = {"account": "Paris", "shown": "told", "code": "BREAKER"}
    for path in ("/accounts/told", "/accounts/told/back"):
        assert two.post(path, headers=viewer, data=form).status_code == 403
    notify(two, {"account": "Paris", "channels": {"BREAKER": None}}, 403, VIEWER)
    assert own(two, "Paris") == {"BREAKER": ["email"]}


def notify(client: FlaskClient, body: Any, code: int = 200, token: str = OPERATOR) -> Any:
    answer = client.patch("/api/notify", headers={"Authorization": f"Bearer {token}"}, json=body)
    assert answer.status_code == code, answer.text
    return answer.json


def test_who_is_told_through_the_api(two: FlaskClient, sql: Any) -> None:
    of_all = get(two, "/api/notify")["told"]
    assert {"RUN_LATE", "BREAKER"} < {one["code"] for one in of_all}
    assert not any("own" in one for one in of_all)
    given = {"BREAKER": ["slack", "email"], "FROZEN": []}
    told = notify(two, {"account": "Paris", "channels": given})
    assert told == get(two, "/api/notify?account=Paris")
    assert own(two, "Paris") == {"BREAKER": ["email", "slack"], "FROZEN": []}
    assert get(two, "/api/notify")["told"] == of_all
    # what all are told changes only where the account says nothing
    notify(two, {"channels": {"BREAKER": ["webhook"], "STALE_DATA": ["webhook"]}})
    paris = {one["code"]: one for one in get(two, "/api/notify?account=Paris")["told"]}
    assert paris["BREAKER"]["channels"] == ["email", "slack"]
    assert (paris["STALE_DATA"]["channels"], paris["STALE_DATA"]["own"]) == (["webhook"], False)
    notify(two, {"account": "Paris", "channels": {"BREAKER": None}})
    assert own(two, "Paris") == {"FROZEN": []}
    assert sql("select distinct updated_by from autonomy.told_where") == [("operator (api)",)]
    get(two, "/api/notify?account=nobody", 404)
    get(two, "/api/notify?account=", 404)
    get(two, "/api/notify?code=BREAKER", 400)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, 400, "channels: it is missing; it must be an object such as"),
        ({"account": "Paris"}, 400, "channels: it is missing"),
        ({"account": "Paris", "channels": {}}, 400, "channels: it must be an object such as"),
        ({"account": "Paris", "channels": None}, 400, "channels: it must be an object"),
        ({"account": "Paris", "channels": {"FROZEN": "email"}}, 400, "channels: it must be"),
        ({"account": "Paris", "channels": {"FROZEN": ["pigeon"]}}, 400, "slack, webhook, email"),
        ({"account": "Paris", "channels": {"FROZEN": [["slack"]]}}, 400, "channels: it must be"),
        ({"account": "Paris", "channels": {"RUN_LATE": []}}, 400, "of all accounts together"),
        ({"account": "Paris", "channels": {"NONE": []}}, 400, "Nobody is told of NONE."),
        ({"account": "nobody", "channels": {"FROZEN": []}}, 404, "no such account"),
        ({"channels": {"FROZEN": None}}, 400, "FROZEN goes to a list of"),
        ({"account": 5, "channels": {"FROZEN": []}}, 400, "account: it must be a text"),
    ],
)
def test_what_tells_nobody_is_a_sentence(
    two: FlaskClient, sql: Any, body: Any, code: int, words: str
) -> None:
    assert words in notify(two, body, code)["error"]["message"]
    assert sql("select * from autonomy.told_where") == []


# Runs --------------------------------------------------------------------------------------------


def test_a_run_says_which_limits_know_no_currency(two: FlaskClient, sql: Any) -> None:
    def warnings(body: Any) -> list[str]:
        answer = two.post("/", headers=BEARER, json=body)
        assert answer.status_code == 200, answer.text
        found: list[str] = json.loads(answer.text)["result"]["warnings"]
        return found

    (said,) = warnings({"dry_run": True})
    assert 'account "Tokyo"' in said
    assert warnings({}) == [said]
    assert warnings({"shard": "1/2"}) == [said]
    assert warnings({"shard": "2/2"}) == []
    (in_database,) = sql("select run_autonomous_operations() -> 'warnings'")[0]
    assert in_database == [said]
    run = get(two, "/api/runs")["runs"][0]["id"]
    assert "Budgets of the account" in page(two, f"/runs/{run}")
    patch(two, {"account": "Tokyo", "max_budget": 5000000})
    assert warnings({}) == []


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


def test_totals_on_the_command_line(say: Any) -> None:
    assert "too much" not in say("accounts")
    say("accounts", "set", "Paris", "daily_total=250")
    assert "Paris: The budgets of its 2 active campaigns come to 300.00 EUR a day" in say(
        "accounts"
    )


def test_accounts_on_the_command_line(say: Any) -> None:
    table = say("accounts")
    assert "30,000 JPY" in table
    assert "300.00 EUR" in table
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


def test_who_is_told_on_the_command_line(say: Any, two: FlaskClient) -> None:
    assert "RUN_LATE" in say("notify", "list")
    assert "who says so" not in say("notify", "list")
    table = say("notify", "list", "--account", "Paris")
    assert "RUN_LATE" not in table
    assert ("the policy" in table, "the account" in table) == (True, False)
    said = say("notify", "set", "breaker=slack", "--account", "Paris", code=1)
    assert "Nobody is told of breaker." in said
    changed = say("notify", "set", "BREAKER=email, slack", "FROZEN=nobody", "--account", "Paris")
    assert changed == say("notify", "list", "--account", "Paris")
    assert changed.count("the account") == 2
    assert own(two, "Paris") == {"BREAKER": ["email", "slack"], "FROZEN": []}
    assert own(two, "Tokyo") == {}
    back = json.loads(say("notify", "set", "BREAKER=", "--account", "Paris", "--json"))
    assert [one["code"] for one in back if one["own"]] == ["FROZEN"]
    say("notify", "set", "RUN_LATE=email")
    (late,) = (one for one in get(two, "/api/notify")["told"] if one["code"] == "RUN_LATE")
    assert late["channels"] == ["email"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("set",), 2, "Nothing to set."),
        (("set", "FROZEN"), 2, "'FROZEN' is not CAUSE=CHANNELS."),
        (("set", "FROZEN=pigeon"), 2, "FROZEN: use slack, webhook, email"),
        (("set", "FROZEN=slack,"), 2, "FROZEN: use slack, webhook, email"),
        (("set", "FROZEN="), 2, "FROZEN=nobody"),
        (("set", "RUN_LATE=", "--account", "Paris"), 1, "of all accounts together"),
        (("set", "FROZEN=slack", "--account", "nobody"), 1, "no such account"),
        (("list", "--account", "nobody"), 1, "no such account"),
        (("--test", "list"), 2, "--test stands alone"),
    ],
)
def test_a_command_that_tells_nobody_is_a_sentence(
    say: Any, sql: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in say("notify", *arguments, code=code)
    assert sql("select * from autonomy.told_where") == []


@pytest.mark.parametrize("name", ODD)
def test_odd_names_on_the_command_line(say: Any, sql: Any, name: str) -> None:
    sql("insert into campaigns (title, account) values ('a', %s)", name)
    assert "max_budget: policy: 50000 -> 9" in say("accounts", "set", "--", name, "max_budget=9")
    shown = say("accounts")
    assert "\x1b[31m" not in shown, "a name paints no terminal"
    found = json.loads(say("accounts", "--json"))["accounts"]
    assert [one["max_budget"] for one in found if one["account"] == name] == [9]
    assert "none" in say("exclusions", "list", "--account", name)


# What a campaign is judged by --------------------------------------------------------------------


def judged(client: FlaskClient, one: str) -> dict[str, Any]:
    return get(client, f"/api/campaigns/{one}")["in_force"]  # type: ignore[no-any-return]


@pytest.fixture
def summer(two: FlaskClient) -> str:
    """A campaign of Tokyo."""
    found = get(two, "/api/campaigns")["campaigns"]
    return str(next(one["id"] for one in found if one["account"] == "Tokyo"))


def test_a_campaigns_own_numbers_through_the_api(two: FlaskClient, summer: str) -> None:
    path, token = f"/api/campaigns/{summer}", {"Authorization": f"Bearer {OPERATOR}"}
    patch(two, {"account": "Tokyo", "target_roi": 2, "conversion_value": 35})
    usual = {"break_even": 2, "conversion_value": 35, "attribution_factor": 1}
    assert judged(two, summer) == usual
    own = {"target_roi": 1.5, "conversion_value": 100}
    changed: Any = two.patch(path, headers=token, json=own).json
    assert changed | own == changed
    assert judged(two, summer) == {
        "break_even": 1.5, "conversion_value": 100, "attribution_factor": 1,
    }  # fmt: skip
    for body, words in (
        ({"target_roi": 0}, "target_roi must be a number from 0.01 to 100 (multiple), not 0"),
        ({"target_roi": 1e308}, "target_roi must be a number"),
        ({"target_roi": "1.5"}, "target_roi: it must be a number"),
        ({"conversion_value": -1}, "conversion_value must be a number"),
        ({"conversion_value": True}, "conversion_value: it must be a number"),
        ({"roi": 1}, "roi: unknown field"),
    ):
        answer = two.patch(path, headers=token, json=body)
        assert answer.status_code == 400
        assert words in answer.json["error"]["message"]  # type: ignore[index]
    two.patch(path, headers=token, json={"target_roi": None, "conversion_value": None})
    assert judged(two, summer) == usual


def test_a_campaigns_own_numbers_on_its_page(two: FlaskClient, summer: str) -> None:
    path = f"/campaigns/{summer}"

    def typed(**fields: str) -> int:
        return two.post(path, headers=BEARER, data={"do": "worth", **fields}).status_code

    assert typed(target_roi="1.5", conversion_value="35") == 303
    said = page(two, path)
    assert "valued at 35 JPY a conversion" in said
    assert "1.50x is break-even" in said
    assert typed(target_roi="0", conversion_value="") == 400
    assert judged(two, summer)["break_even"] == 1.5
    assert typed(target_roi="", conversion_value="") == 303
    assert judged(two, summer)["conversion_value"] is None
    assert "What it is judged by" not in page(two, path, VIEWER)


def test_a_campaigns_own_numbers_on_the_command_line(say: Any, summer: str) -> None:
    said = say("campaigns", "set", summer, "target_roi=1.5", "conversion_value=35")
    assert said == "break-even 1.5x\nvalued at 35 a conversion\n"
    assert "conversions have no value" in say("campaigns", "set", summer, "conversion_value=")
    assert "from 0.01 to 100" in say("campaigns", "set", summer, "target_roi=0", code=1)
    assert "target_roi or conversion_value" in say("campaigns", "set", summer, "roi=1", code=2)

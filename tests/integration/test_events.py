"""Planned events: over HTTP, on the pages, on the command line, and in both kinds of run."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.local import LocalStack
from tests.integration import test_exclusions, test_web
from tests.integration.test_exclusions import ids, post, spend
from tests.integration.test_web import BEARER, OPERATOR, VIEWER, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip
two = test_exclusions.two
DAY = timedelta(days=1)


def day(number: int = 0) -> str:
    return f"{datetime.now(UTC) + number * DAY:%Y-%m-%d}"


def sale(**keys: Any) -> dict[str, Any]:
    """An event of Paris, of today and tomorrow."""
    of = {} if "campaign_id" in keys else {"account": "Paris"}
    return {**of, "from": day(), "until": day(1), "why": "Sale", "no_pauses": True, **keys}


def patch(client: FlaskClient, path: str, body: Any, code: int = 200) -> Any:
    answer = client.patch(path, headers={"Authorization": f"Bearer {OPERATOR}"}, json=body)
    assert answer.status_code == code, answer.text
    return answer.json


def test_one_is_entered_changed_and_deleted(two: FlaskClient, sql: Any) -> None:
    made = post(two, "/api/events", sale())
    assert (made["made_by"], made["span"]) == ("operator (api)", f"{day()} to {day(1)}")
    assert (made["state"], made["leave_out"], made["no_raises"]) == ("now", False, False)
    of_a = post(two, "/api/events", sale(campaign_id=ids(sql)["a"], no_cuts=True, leave_out=True))
    assert (of_a["title"], of_a["of_account"]) == ("a", "Paris")
    listed = get(two, "/api/events?account=Paris")["events"]
    assert {each["id"] for each in listed} == {made["id"], of_a["id"]}
    assert get(two, "/api/events?account=Tokyo") == {"events": [], "left_off": 0}
    assert len(get(two, f"/api/events?campaign_id={ids(sql)['a']}")["events"]) == 2
    changed = patch(two, f"/api/events/{made['id']}", {"until": f"{day(2)}T06:30"})
    assert (changed["until_local"], changed["why"]) == (f"{day(2)}T06:30", "Sale")
    assert changed["changed_by"] == "operator (api)"
    gone = post(two, f"/api/events/{made['id']}/delete", {}, 200)
    assert gone["id"] == made["id"]
    assert (
        "no such event"
        in post(two, f"/api/events/{made['id']}/delete", {}, 404)["error"]["message"]
    )
    assert (
        "no such event"
        in patch(two, f"/api/events/{made['id']}", {"why": "x"}, 404)["error"]["message"]
    )


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"account": None}, 400, "Give an account or a campaign_id"),
        ({"account": "nobody"}, 404, "no such account"),
        ({"from": "2026-02-30"}, 400, "from: a day looks like"),
        ({"from": "infinity"}, 400, "from: a day looks like"),
        ({"from": "2026-11-28T10:00+99:00"}, 400, "from: a day looks like"),
        ({"from": "0001-01-01T00:00+14:00"}, 400, "from: a day looks like"),
        ({"until": None}, 400, "until: a day looks like"),
        ({"until": 20261130}, 400, "until: a day looks like"),
        ({"until": "2001-01-01"}, 400, "until must lie after from"),
        ({"until": "2100-12-31"}, 400, "a year at most"),
        ({"no_pauses": False}, 400, "Say what must not be done"),
        ({"no_pauses": None}, 400, "no_pauses: it must be true or false"),
        ({"no_pauses": 1}, 400, "no_pauses: it must be true or false"),
        ({"why": ""}, 400, "why: say what it is"),
        ({"why": "x" * 501}, 400, "why: at most 500"),
        ({"why": "\0"}, 400, "cannot be stored"),
        ({"reason": "x"}, 400, "reason: unknown field"),
    ],
)
def test_what_is_no_event_is_a_sentence(
    two: FlaskClient, change: Any, code: int, words: str
) -> None:
    assert words in post(two, "/api/events", sale() | change, code)["error"]["message"]
    assert get(two, "/api/events") == {"events": [], "left_off": 0}


def test_who_may_not_and_what_says_nothing(two: FlaskClient) -> None:
    post(two, "/api/events", sale(), 403, VIEWER)
    made = post(two, "/api/events", sale())
    assert (
        "at least one field" in patch(two, f"/api/events/{made['id']}", {}, 400)["error"]["message"]
    )
    post(two, f"/api/events/{made['id']}/delete", {}, 403, VIEWER)
    headers = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}
    shown = two.get("/accounts?account=Paris", headers=headers).text
    assert "Sale" in shown
    assert "accounts/events" not in shown, "a viewer has no form"


def form(**changes: str) -> dict[str, str]:
    return {
        "account": "Paris", "from_day": day(), "from_time": "", "until_day": day(1),
        "until_time": "", "why": "<b>Sale</b>", "no_raises": "on", **changes,
    }  # fmt: skip


def test_on_the_accounts_page(two: FlaskClient, sql: Any) -> None:
    headers = {**BEARER, "Accept": "text/html"}
    assert "Nothing is planned." in page(two, "/accounts?account=Paris")
    answer = two.post("/accounts/events", headers=headers, data=form())
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].endswith("#events")
    shown = page(two, "/accounts?account=Paris")
    assert f"{day()} to {day(1)}" in shown
    assert "&lt;b&gt;Sale&lt;/b&gt;" in shown
    assert "Nothing is planned." in page(two, "/accounts?account=Tokyo")
    ((event,),) = sql("select id from autonomy.planned_events")
    edit = page(two, f"/accounts?account=Paris&event={event}")
    assert f'action="./accounts/events/{event}"' in edit
    for value in (f'value="{day()}"', f'value="{day(1)}"', 'name="no_raises" checked'):
        assert value in edit, value
    changed = form(until_time="18:30", why="Long sale", leave_out="on") | {"no_cuts": "on"}
    del changed["no_raises"]
    answer = two.post(f"/accounts/events/{event}", headers=headers, data=changed)
    assert answer.status_code == 303, answer.text
    (now,) = get(two, "/api/events")["events"]
    assert (now["until_local"], now["why"], now["leave_out"]) == (
        f"{day(1)}T18:30", "Long sale", True,
    )  # fmt: skip
    assert (now["no_raises"], now["no_cuts"]) == (False, True)
    assert 'value="18:30"' in page(two, f"/accounts?account=Paris&event={event}")
    assert "Yes, delete it" in edit
    path = f"/accounts/events/{event}/delete"
    answer = two.post(path, headers=headers, data={"account": "Paris"})
    assert answer.status_code == 303, answer.text
    assert get(two, "/api/events")["events"] == []
    assert get(two, "/api/exclusions")["exclusions"] == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"from_day": ""}, "from: a day looks like"),
        ({"until_time": "25:00"}, "until: a day looks like"),
        ({"until_day": "2001-01-01"}, "until must lie after from"),
        ({"why": ""}, "why: say what it is"),
        ({"no_raises": None}, "Say what must not be done"),
        ({"campaign_id": "x"}, "campaign_id: an id looks like"),
    ],
)
def test_a_wrong_form_is_shown_again_with_what_was_typed(
    two: FlaskClient, wrong: Any, words: str
) -> None:
    fields = form() | wrong
    fields = {name: text for name, text in fields.items() if text is not None}
    answer = two.post("/accounts/events", headers={**BEARER, "Accept": "text/html"}, data=fields)
    assert answer.status_code == 400
    assert words in answer.text
    assert f'value="{fields["until_day"]}"' in answer.text
    assert get(two, "/api/events")["events"] == []


def test_nobodys_event_is_not_found(two: FlaskClient) -> None:
    headers = {**BEARER, "Accept": "text/html"}
    nobody = "00000000-0000-0000-0000-000000000001"
    assert two.get(f"/accounts?account=Paris&event={nobody}", headers=headers).status_code == 404
    assert two.get("/accounts?account=Paris&event=x", headers=headers).status_code == 400
    made = post(two, "/api/events", sale())
    other = f"/accounts?account=Tokyo&event={made['id']}"
    assert two.get(other, headers=headers).status_code == 404, "of another account"


def test_on_the_campaigns_chart_and_beside_it(two: FlaskClient, sql: Any) -> None:
    post(two, "/api/events", sale(**{"from": day(-4), "until": day(-3), "why": "<i>Sale</i>"}))
    post(two, "/api/events", sale(campaign_id=ids(sql)["b"], why="Other"))
    found = get(two, f"/api/campaigns/{ids(sql)['a']}")
    days = {each["day"]: each["event"] for each in found["days"]}
    assert [each for each, why in days.items() if why] == [day(-4), day(-3)]
    assert days[day(-4)] == "<i>Sale</i>"
    assert [each["why"] for each in found["events"]] == ["<i>Sale</i>"]
    shown = page(two, f"/campaigns/{ids(sql)['a']}")
    assert f"&lt;i&gt;Sale&lt;/i&gt;</bdi>, {day(-4)} to {day(-3)} (UTC): no pauses" in shown
    assert "planned event</span>" in shown, "the legend"
    assert f"campaign_id={ids(sql)['a']}#events" in shown
    prefilled = page(two, f"/accounts?account=Paris&campaign_id={ids(sql)['a']}")
    assert f'name="campaign_id" maxlength="36" value="{ids(sql)["a"]}"' in prefilled


def test_on_the_command_line(
    two: FlaskClient, fresh: LocalStack, sql: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in {**fresh.environment(), "COLUMNS": "250"}.items():
        monkeypatch.setenv(name, value)

    def say(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", "events", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    whose = ("--campaign", ids(sql)["a"], "--why", "Black Friday")
    code, out = say("add", day(-5), day(-4), *whose, "--no-cuts", "--leave-out", "--json")
    assert code == 0, out
    made = json.loads(out)
    assert spend(sql, "a") == 80
    code, out = say()
    assert code == 0, out
    for words in (f"{day(-5)} to {day(-4)}", "Paris", "Black Friday", "no cuts", made["id"]):
        assert words in out
    assert say("list", "--account", "Tokyo")[1].count(made["id"]) == 0
    code, out = say("change", made["id"], "--until", day(-3), "--no-pauses", "--no-leave-out")
    assert code == 0, out
    assert "no cuts, no pauses" in out
    assert spend(sql, "a") == 100
    code, out = say("change", made["id"], "--cuts")
    assert "no pauses" in out
    assert "no cuts" not in out
    for wrong in (["add", day(), day(), "--why", "x", "--no-cuts"], ["change", made["id"]],
                  ["add", "x", day(), *whose], ["change", made["id"], "--pauses"],
                  ["delete", "5"]):  # fmt: skip
        assert say(*wrong)[0] != 0, wrong
    assert say("delete", made["id"], "--yes")[0] == 0
    assert sql("select count(*) from autonomy.planned_events") == [(0,)]


@pytest.mark.parametrize("by", ["http", "database"])
def test_a_run_holds_what_an_event_forbids(two: FlaskClient, sql: Any, by: str) -> None:
    sql("delete from campaigns")
    sql(
        "insert into campaigns (title, account, budget, created_at) values"
        " ('loser', 'Paris', 100, now() - interval '9 days'),"
        " ('winner', 'Paris', 100, now() - interval '9 days'),"
        " ('other', 'Tokyo', 100, now() - interval '9 days')"
    )
    sql(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) select id, 30000, 600, 30, 1000,"
        " case title when 'winner' then 4200 else 300 end from campaigns"
    )
    post(two, "/api/events", sale(why="Black Friday", no_raises=True))
    if by == "http":
        result = post(two, "/", {}, 200)["result"]
    else:
        ((result,),) = sql("select run_autonomous_operations()")
    held = {each["title"]: each for each in result["held_decisions"]}
    assert {name: each["code"] for name, each in held.items()} == {
        "loser": "PLANNED_EVENT", "winner": "PLANNED_EVENT",
    }  # fmt: skip
    assert re.search(r'Not paused by ".*": a planned event is against it: "Black Friday", no pauses'
                     r" until \d{4}-\d\d-\d\d 00:00 UTC\.", held["loser"]["reason"])  # fmt: skip
    assert "no raises until" in held["winner"]["reason"]
    states = dict(sql("select title, status from campaigns"))
    assert states == {"loser": "active", "winner": "active", "other": "paused"}

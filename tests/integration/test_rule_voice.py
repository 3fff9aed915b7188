"""A bad rule is refused with one sentence, the database's, whichever door it comes through."""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.explanation import explain_campaign
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app

TOKEN = "operator-token-of-32-characters!"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PAGE = {**BEARER, "Accept": "text/html"}
FLAT = {"metric": "roi", "operator": "<", "threshold": 1.0}
RULE = {"rule_type": "pause", "condition": FLAT, "action": {"type": "auto_pause"}}
UP = {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 100}
DOWN = {"type": "auto_scale_down", "multiplier": 0.5}


def nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = FLAT
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


def when(**keys: Any) -> dict[str, Any]:
    return {"condition": FLAT | keys}


def does(action: Any, kind: str = "scale") -> dict[str, Any]:
    return {"rule_type": kind, "action": action}


BAD: dict[str, dict[str, Any]] = {
    "unknown key": when(treshold=2),
    "unknown key far from any": when(banana=2),
    "unknown metric": when(metric="roas"),
    "metric that is no text": when(metric=3),
    "misspelt operator": when(operator="=<"),
    "no operator": {"condition": {"metric": "roi", "threshold": 1}},
    "unknown window": when(window="8d"),
    "threshold as text": when(threshold="1.0"),
    "threshold not a number": when(threshold="NaN"),
    "threshold true": when(threshold=True),
    "threshold null": when(threshold=None),
    "threshold negative": when(threshold=-0.01),
    "threshold huge": when(threshold=10**18),
    "threshold and than": when(than={"metric": "ctr"}),
    "neither threshold nor than": {"condition": {"metric": "roi", "operator": "<"}},
    "than of an unknown metric": {
        "condition": {"metric": "roi", "operator": "<", "than": {"metric": "roas"}}
    },
    "between reversed": when(operator="between", threshold=[2, 1]),
    "between one": when(operator="between", threshold=[1]),
    "list without between": when(threshold=[1, 2]),
    "least negative": when(min_spend=-1),
    "empty all": {"condition": {"all": []}},
    "too many members": {"condition": {"any": [FLAT] * 51}},
    "a bad member": {"condition": {"all": [FLAT, {"not": FLAT | {"operator": "~"}}]}},
    "two forms": {"condition": {"all": [FLAT], "any": [FLAT]}},
    "too deep": {"condition": nested(9)},
    "too many comparisons": {"condition": {"any": [{"any": [FLAT] * 50}] * 5}},
    "window beside all": {"condition": {"all": [FLAT], "window": "7d"}},
    "empty": {"condition": {}},
    "a list": {"condition": []},
    "a text": {"condition": "roi < 1"},
    "empty account": when(account=""),
    "unknown action": does({"type": "auto_stop"}),
    "no action": does({}),
    "missing multiplier": does({"type": "auto_scale_up", "max_budget": 100}),
    "missing max_budget": does({"type": "auto_scale_up", "multiplier": 2}),
    "multiplier that lowers": does(UP | {"multiplier": 0.5}),
    "multiplier that raises": does(DOWN | {"multiplier": 1.5}),
    "unknown key of an action": does(UP | {"max_buget": 3}),
    "budget 0": does({"type": "budget_adjusted", "budget": 0}, "optimize"),
    "floor above ceiling": does(
        {"type": "budget_adjusted", "by": "curve",
         "min_budget": 9, "max_budget": 5}, "optimize"),
    "step beside the curve": does(
        {"type": "budget_adjusted", "by": "curve", "step": 0.2}, "optimize"),
    "by another way": does({"type": "budget_adjusted", "by": "marginal_return"}, "optimize"),
    "confidence above 100": does(UP | {"min_confidence": 101}),
    "flag as text": does(UP | {"requires_approval": "no"}),
    "action of another type": does(UP, "pause"),
    "type that does nothing": {"rule_type": "create"},
    "unknown type": {"rule_type": "pauze"},
}  # fmt: skip


@pytest.fixture
def app(fresh: LocalStack) -> Iterator[Flask]:
    settings = Settings.from_env({**fresh.environment(), "AUTONOMY_API_TOKEN": TOKEN})
    with closing(Store.from_settings(settings)) as store:
        yield create_app(settings, store, Runner(store, settings).handle, behind_proxy=False)


@pytest.fixture
def by_command(
    fresh: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command; what it says on standard error, else on standard output."""
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def ran(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["autonomy", *arguments])
        capsys.readouterr()
        with suppress(SystemExit):
            main()
        said = capsys.readouterr()
        return said.err or said.out

    return ran


def by_update(stack: LocalStack, rule: dict[str, Any]) -> str:
    """What PostgreSQL says to a plain UPDATE of the rule `Mine`."""
    values = [rule["rule_type"], json.dumps(rule["condition"]), json.dumps(rule["action"])]
    with psycopg.connect(stack.database_url) as db:
        with pytest.raises(psycopg.DatabaseError) as refused:
            db.execute(
                "update autonomous_rules set rule_type = %s, condition = %s, action = %s"
                " where rule_name = 'Mine'",
                values,
            )
        assert refused.value.sqlstate == "AO001"
        return refused.value.diag.message_primary or ""


def on_page(client: FlaskClient, path: str, rule: dict[str, Any]) -> str:
    """The alert of the page that answers the form sent as JSON."""
    written = {key: json.dumps(rule[key]) for key in ("condition", "action")}
    form = {"mode": "json", "rule_name": "Mine", "priority": "50", "rule_type": rule["rule_type"]}
    answer = client.post(path, headers=PAGE, data=form | written)
    alert = re.search(r'role="alert">(.*?)</div>\s', answer.text, re.DOTALL)
    return html.unescape(re.sub(r"<.*?>", "", alert[1])) if alert else answer.text


def make(stack: LocalStack) -> str:
    with psycopg.connect(stack.database_url) as db:
        row = db.execute(
            "insert into autonomous_rules (rule_name, rule_type, condition, action, is_active)"
            " values ('Mine', 'pause', %s, '{\"type\": \"auto_pause\"}', false) returning id::text",
            [json.dumps(FLAT)],
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_every_door_refuses_with_the_sentence_of_the_database(
    app: Flask, fresh: LocalStack, by_command: Callable[..., str]
) -> None:
    number, client = make(fresh), app.test_client()
    told: dict[str, dict[str, str]] = {}
    for name, bad in BAD.items():
        rule = RULE | bad
        sentence = by_update(fresh, rule)
        assert sentence.startswith('Rule "Mine" was refused. '), name
        saved = client.patch(f"/api/rules/{number}", headers=BEARER, json=rule)
        draft = {"rule": rule, "rule_id": number}
        options = [
            "Mine", "--type", rule["rule_type"], "--condition", json.dumps(rule["condition"]),
            "--action", json.dumps(rule["action"]),
        ]  # fmt: skip
        said = {
            "API": saved.get_json()["error"]["message"],
            "API, new": client.post(
                "/api/rules", headers=BEARER, json=rule | {"rule_name": "Mine"}
            ).get_json()["error"]["message"],
            "API, preview": client.post(
                "/api/rules/preview", headers=BEARER, json=draft
            ).get_json()["error"]["message"],
            "page": on_page(client, f"/rules/{number}", rule),
            "page, preview": on_page(client, f"/rules/{number}/preview", rule),
            "command": by_command("rules", "set", *options),
            "command, preview": by_command("rules", "preview", *options),
        }
        told[name] = {door: words for door, words in said.items() if sentence not in words}
    assert len(BAD) >= 25
    assert {name: others for name, others in told.items() if others} == {}


FORM = {
    "mode": "form", "rule_name": "Mine", "rule_type": "scale", "priority": "80",
    "metric": "roi", "operator": ">=", "threshold": "2.5",
    "action_type": "auto_scale_up", "multiplier": "1.5", "max_budget": "20000",
}  # fmt: skip
FIELDS: list[tuple[dict[str, str], str, str]] = [
    ({"threshold": "much"}, "threshold", 'condition.threshold: "much" is not allowed'),
    ({"threshold": "nan"}, "threshold", 'condition.threshold: "nan" is not allowed'),
    ({"threshold": "1e400"}, "threshold", 'condition.threshold: "1e400" is not allowed'),
    ({"threshold": ""}, "threshold", 'condition.threshold: "" is not allowed'),
    ({"threshold": "-1"}, "threshold", "condition.threshold: -1 is not allowed"),
    ({"min_spend": "-1"}, "min_spend", "condition.min_spend: -1 is not allowed"),
    ({"multiplier": ""}, "multiplier", "action.multiplier: is missing; auto_scale_up needs it"),
    ({"multiplier": "0.5"}, "multiplier", "action.multiplier: 0.5 is not allowed"),
    ({"metric": "roas"}, "metric", 'condition.metric: "roas" is not a metric'),
    ({"action_type": "auto_stop"}, "action_type", 'action.type: "auto_stop" is not an action'),
    ({"priority": "1.5"}, "priority", "priority: 1.5 is not allowed; give a whole number"),
    ({"priority": ""}, "priority", 'priority: "" is not allowed; give a whole number'),
    ({"rule_name": ""}, "rule_name", "rule_name: must be a text that is not empty"),
    ({"rule_name": "x" * 201}, "rule_name", "rule_name: has 201 characters; at most 200"),
]


@pytest.mark.parametrize(("change", "field", "words"), FIELDS)
def test_the_form_points_at_the_field(
    app: Flask, fresh: LocalStack, change: dict[str, str], field: str, words: str
) -> None:
    number = make(fresh)
    answer = app.test_client().post(f"/rules/{number}", headers=PAGE, data=FORM | change)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)
    (marked,) = re.findall(r'name="(\w+)"[^>]*aria-invalid="true"', answer.text)
    assert marked == field


BODIES: list[tuple[Any, str]] = [
    ({"priority": 1.5}, "priority: 1.5 is not allowed; give a whole number from -1000000 to"),
    ({"priority": "5"}, 'priority: "5" is not allowed; give a whole number from -1000000 to'),
    ({"priority": 10**30}, f"priority: {10**30} is not allowed"),
    ({"priority": None}, "priority: null is not allowed"),
    ({"is_active": "yes"}, 'is_active: "yes" is not allowed; give true or false'),
    ({"is_active": None}, "is_active: null is not allowed"),
    ({"rule_name": 5}, "rule_name: must be a text that is not empty"),
    ({"rule_name": None}, "rule_name: must be a text that is not empty"),
    ({"rule_type": None}, "rule_type: nothing is not a rule type"),
    ({"rule_type": 3}, 'rule_type: "3" is not a rule type'),
    ({"condition": None}, "condition: must be an object"),
    ({"action": None}, "action: must be an object"),
    ({"colour": "red"}, "colour: unknown key; allowed are rule_name"),
    ({"piority": 3}, "piority: unknown key; did you mean priority?"),
]


@pytest.mark.parametrize(("change", "words"), BODIES)
def test_the_other_keys_of_a_rule(app: Flask, change: Any, words: str, fresh: LocalStack) -> None:
    number, client = make(fresh), app.test_client()
    whole = RULE | {"rule_name": "Other"} | change
    for answer in (
        client.post("/api/rules", headers=BEARER, json=whole),
        client.patch(f"/api/rules/{number}", headers=BEARER, json=change),
    ):
        assert answer.status_code == 400, answer.text
        assert f" was refused. {words}" in answer.get_json()["error"]["message"]


def test_what_a_new_rule_lacks_is_named(app: Flask) -> None:
    for key in ("rule_name", "rule_type", "condition", "action"):
        body = {name: value for name, value in {**RULE, "rule_name": "X"}.items() if name != key}
        answer = app.test_client().post("/api/rules", headers=BEARER, json=body)
        assert answer.status_code == 400
        assert f"was refused. {key}: is missing" in answer.get_json()["error"]["message"]


def test_a_bad_rule_that_got_in_is_told_in_one_voice(
    app: Flask, fresh: LocalStack, by_command: Callable[..., str]
) -> None:
    make(fresh)
    with psycopg.connect(fresh.database_url) as db:
        db.execute("insert into campaigns (title, status, budget) values ('One', 'active', 10)")
        db.execute("set session_replication_role = replica")
        db.execute(
            "update autonomous_rules set is_active = true, condition = %s where rule_name = 'Mine'",
            [json.dumps({"metric": "roi", "operator": "=<", "threshold": 1})],
        )
        row = db.execute(
            "select rule_errors(rule_type, condition, action) from autonomous_rules"
            " where rule_name = 'Mine'"
        ).fetchone()
        found = db.execute("select id::text from campaigns").fetchone()
    assert row is not None
    assert found is not None
    flaw, client = row[0], app.test_client()
    skipped = [{"rule_name": "Mine", "error": flaw}]
    run = client.post("/", headers=BEARER, json={"dry_run": True})
    assert run.get_json()["result"]["rules_skipped"] == skipped
    findings = client.get("/api/rules/findings", headers=BEARER).get_json()["findings"]
    assert [one["sentence"] for one in findings if one["code"] == "INVALID"] == [flaw]
    (listed,) = [
        one for one in client.get("/api/rules", headers=BEARER).get_json()["rules"] if one["flaw"]
    ]
    assert listed["flaw"] == flaw
    assert flaw in by_command("rules", "check", "--json").encode().decode("unicode_escape")
    settings = Settings.from_env(fresh.environment())
    with closing(Store.from_settings(settings)) as store:
        assert explain_campaign(store, found[0])["rules_skipped"] == skipped

"""Budget optimisation and presets: over HTTP, on the pages without script, on the command line."""

from __future__ import annotations

import sys
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from autonomy.cli import main
from autonomy.engine.policy import PRESETS
from autonomy.local import LocalStack
from autonomy.replay.optimisation import foresee
from autonomy.replay.replay import active_rules, replay
from autonomy.replay.scenarios import NAMED
from tests.integration import test_web
from tests.integration.test_exclusions import post
from tests.integration.test_web import BEARER, VIEWER, get, page

app, empty, filled, settings, sql, store = (
    test_web.app, test_web.empty, test_web.filled, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip

HTML = {**BEARER, "Accept": "text/html"}


def rules(sql: Any) -> list[Any]:
    return list(sql("select rule_name, is_active from autonomous_rules where rule_type='optimize'"))


def test_switched_over_http(empty: FlaskClient, sql: Any) -> None:
    assert get(empty, "/api/optimisation") == {"on": False, "rules": [], "kept": None, "past": None}
    found = post(empty, "/api/optimisation", {"on": True}, 200)
    assert [one["rule_name"] for one in found["rules"]] == ["Budget Optimisation"]
    assert rules(sql) == [("Budget Optimisation", True)]
    ((actor,),) = sql("select actor from autonomous_rule_changes where before is null"
                      " and rule_name = 'Budget Optimisation'")  # fmt: skip
    assert actor == "operator (api)"
    kept = post(empty, "/api/optimisation", {"on": False}, 200)["kept"]
    assert kept["taken_out_by"] == "operator (api)"
    assert rules(sql) == []
    for body in ({}, {"on": "yes"}, {"on": None}, {"on": 1}, {"on": True, "more": 1}):
        post(empty, "/api/optimisation", body, 400)
    post(empty, "/api/optimisation", {"on": True}, 403, VIEWER)
    post(empty, "/api/presets", {"preset": "grow"}, 403, VIEWER)
    assert rules(sql) == []


def test_on_the_pages(empty: FlaskClient, sql: Any) -> None:
    assert "Budget optimisation is off" in page(empty, "/")
    assert "Switch it on…" in page(empty, "/rules")
    assert "Switch it on…" not in page(empty, "/rules", VIEWER)
    asked = page(empty, "/optimisation")
    assert "at most 30&nbsp;% down" in asked
    assert "Every move can be taken back" in asked
    assert rules(sql) == [], "asking switches nothing"
    answer = empty.post("/optimisation", headers=HTML, data={"optimise": "on"})
    assert answer.status_code == 303
    assert rules(sql) == [("Budget Optimisation", True)]
    assert "Switch it off" in page(empty, "/rules")
    assert "Budget optimisation is off" not in page(empty, "/")
    assert "It is on already" in page(empty, "/optimisation")
    assert empty.post("/optimisation", headers=HTML, data={"optimise": "x"}).status_code == 400
    empty.post("/optimisation", headers=HTML, data={"optimise": "off"})
    assert rules(sql) == []


def test_a_preset_on_the_page(empty: FlaskClient, sql: Any) -> None:
    shown = page(empty, "/settings")
    assert shown.index("guide") < shown.index("in force") < shown.index("balanced")
    assert "recommended" in shown
    asked = page(empty, "/presets?preset=grow")
    assert "Budget optimisation: <strong>on</strong>" in asked
    assert get(empty, "/api/policy")["min_pause_confidence"] == 50
    sql("update autonomy_policy set mode = 'approve', frozen = true")
    answer = empty.post("/presets", headers=HTML, data={"preset": "grow"})
    assert answer.status_code == 303
    policy = get(empty, "/api/policy")
    assert {name: policy[name] for name in PRESETS["grow"].values} == PRESETS["grow"].values
    assert (policy["mode"], policy["frozen"]) == ("approve", True)
    assert rules(sql) == [("Budget Optimisation", True)]
    assert page(empty, "/settings").index("in force") > shown.index("strict")
    for wrong in ("", "?preset=nope"):
        assert empty.get(f"/presets{wrong}", headers=HTML).status_code == 400
    assert empty.post("/presets", headers=HTML, data={"preset": "nope"}).status_code == 400
    used = post(empty, "/api/presets", {"preset": "guide"}, 200)
    assert used["optimisation"]["on"] is False
    assert used["policy"]["min_pause_confidence"] == 50


def test_what_it_would_have_brought(filled: FlaskClient, sql: Any) -> None:
    answer = filled.post("/optimisation/past", headers=HTML, data={"place": "overview"})
    assert answer.status_code == 303, answer.text
    past = get(filled, "/api/optimisation")["past"]
    (told,) = past["currencies"]
    assert {one["name"] for one in told["settings"]} == {"now", *PRESETS}
    worth = {one["name"]: one["worth"] for one in told["settings"]}
    assert worth["now"] == worth["guide"]
    assert told["gain"]["value"] == pytest.approx(worth["grow"] - worth["now"], abs=0.02)
    assert "four times sooner" in past["sentence"]
    assert past["sentence"] in page(filled, "/").replace("&#39;", "'")
    assert "On your last 30 days" in page(filled, "/settings")


def test_without_a_past_it_says_so(empty: FlaskClient) -> None:
    found = post(empty, "/api/optimisation/past", {}, 200)["past"]
    assert (found["sentence"], found["currencies"]) == ("", [])
    assert "two weeks are needed" in page(empty, "/")


def test_it_agrees_with_the_replay(filled: FlaskClient, migrated: LocalStack, sql: Any) -> None:
    """Passes apart for what sees other figures: a preset beside the present settings."""
    url = migrated.database_url
    ((policy,),) = sql("select to_jsonb(p) from autonomy_policy p")
    found = foresee(url, active_rules(url), policy)
    assert {one["name"] for one in found["currencies"][0]["settings"]} == {"now", *PRESETS}
    result = replay(url, [NAMED[name] for name in ("now", "guide", "grow")], draws=0)
    now, guide, grow = result.outcomes
    assert guide.worth.profit == now.worth.profit
    assert grow.policy.min_pause_confidence == 95
    assert "Budget Optimisation" in [rule.rule_name for rule in grow.rules]
    assert "Budget Optimisation" not in [rule.rule_name for rule in guide.rules]


def test_on_the_command_line(
    empty: FlaskClient, fresh: LocalStack, sql: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name, value in fresh.environment().items():
        monkeypatch.setenv(name, value)

    def say(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return code, told.out + told.err

    assert say("optimize") == (0, "Budget optimisation is off.\n")
    assert "is on, by the rule Budget Optimisation" in say("optimize", "on")[1]
    assert rules(sql) == [("Budget Optimisation", True)]
    assert "Kept with its tuning: Budget Optimisation" in say("optimize", "off")[1]
    code, said = say("policy", "set", "--preset", "grow")
    assert code == 0
    assert "min_pause_confidence: 50 -> 95" in said
    assert "budget optimisation: on" in said
    assert rules(sql) == [("Budget Optimisation", True)]
    assert say("policy", "set", "--preset", "guide")[0] == 0
    assert rules(sql) == []
    assert say("policy", "set", "--preset", "grow", "mode=approve")[0] != 0
    assert say("optimize", "maybe")[0] != 0


def test_what_is_active_again_wakes_nothing(empty: FlaskClient, migrated: LocalStack) -> None:
    post(empty, "/api/optimisation", {"on": True}, 200)
    post(empty, "/api/optimisation", {"on": False}, 200)
    with psycopg.connect(migrated.database_url, autocommit=True) as db:
        db.execute("UPDATE autonomous_rules SET is_active = true")
        assert db.execute("select count(*) from autonomous_rules").fetchone() == (4,)

"""The dashboard and the API on the real stack: pages, paging, figures, rollback, rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run import explanation
from autonomy.run.explanation import preview_rule
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.api.funnel import FunnelParameters
from autonomy.web.api.openapi import document
from autonomy.web.api.requests import ProofParameters
from autonomy.web.api.routes import OPERATIONS
from autonomy.web.app import create_app
from autonomy.web.commands import POLICY_LIMITS
from tests.calm import load_calm
from tests.integration.json_shapes import problems, untold
from tests.kept import Kept

OPERATOR, VIEWER = "operator-token-of-32-characters!", "viewer-token-of-32-characters!!!"
BEARER = {"Authorization": f"Bearer {OPERATOR}"}
HOME = "http://localhost"
HOSTILE = [
    "<script>alert(1)</script>",
    "x" * 500,
    "\U0001f525" * 200,
    "\u202eevil \u0645\u0631\u062d\u0628\u0627",
    "{{ 7 * 7 }} ' \" & </textarea>",
    "   ",
    None,
]


@pytest.fixture
def settings(migrated: LocalStack) -> Settings:
    return Settings.from_env(
        {
            **migrated.environment(),
            "AUTONOMY_API_TOKEN": OPERATOR,
            "AUTONOMY_VIEWER_TOKEN": VIEWER,
            "AUTONOMY_SESSION_KEY": "k" * 40,
        }
    )


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store.from_settings(settings)


@pytest.fixture
def app(settings: Settings, store: Store) -> Flask:
    return create_app(settings, store, Runner(store, settings).handle, behind_proxy=False)


@pytest.fixture
def empty(fresh: LocalStack, app: Flask) -> FlaskClient:
    """A client on a database without any campaign."""
    return app.test_client()


@pytest.fixture
def filled(fresh: LocalStack, app: Flask, sample_account: Kept) -> FlaskClient:
    """A client on the sample account after one run."""
    client = app.test_client()

    def make() -> None:
        load_calm(fresh.database_url)
        answer = client.post("/", headers=BEARER)
        assert answer.status_code == 200, answer.text

    sample_account.fill(make)
    return client


@pytest.fixture
def sql(migrated: LocalStack) -> Iterator[Callable[..., list[Any]]]:
    with psycopg.connect(migrated.database_url, autocommit=True) as connection:

        def ask(text: str, *values: Any) -> list[Any]:
            cursor = connection.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

        yield ask


def get(client: FlaskClient, path: str, code: int = 200) -> Any:
    answer = client.get(path, headers=BEARER)
    assert answer.status_code == code, answer.text
    return answer.json


def page(client: FlaskClient, path: str, token: str = OPERATOR) -> str:
    answer = client.get(path, headers={"Authorization": f"Bearer {token}", "Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


PAGES = [
    "/", "/actions", "/opportunities", "/rules", "/rules/history", "/rules/new", "/campaigns",
    "/runs", "/settings", "/actions?status=pending", "/opportunities?status=resolved", "/insights",
    "/accounts", "/proof", "/report", "/notifications",
]  # fmt: skip


def test_pages_without_data_say_what_to_do_next(empty: FlaskClient) -> None:
    for path in PAGES:
        assert "Autonomous Ops" in page(empty, path)
    assert "No run has succeeded yet" in page(empty, "/")
    assert "There are no campaigns yet" in page(empty, "/campaigns")
    assert "Nothing has been learnt yet." in page(empty, "/insights")


def test_parts_of_a_conversion_are_shown(empty: FlaskClient, sql: Any) -> None:
    sql(
        "insert into campaigns (title, budget, created_at)"
        " values ('Lake', 100, now() - interval '40 days')"
    )
    sql(
        "insert into campaign_metrics (campaign_id, bucket, clicks, conversions, spend, revenue)"
        " select id, date_trunc('day', now()) - i * interval '1 day', 40, 0.32, 12, 60"
        " from campaigns, generate_series(1, 30) i"
    )
    sql("select dashboard_refresh(5000)")
    (number,) = [one["id"] for one in get(empty, "/api/campaigns")["campaigns"]]
    assert get(empty, "/api/campaigns")["campaigns"][0]["conversions"] == 9.6
    for path in ("/campaigns", f"/campaigns/{number}"):
        assert ">9.6<" in page(empty, path)
    assert ">0.32<" in page(empty, "/")


def test_pages_with_data(filled: FlaskClient) -> None:
    action = get(filled, "/api/actions?limit=1")["actions"][0]
    rule = get(filled, "/api/rules")["rules"][0]
    run = get(filled, "/api/runs")["runs"][0]
    more = [
        f"/actions/{action['id']}",
        f"/campaigns/{action['campaign_id']}",
        f"/rules/{rule['id']}",
        f"/rules/{rule['id']}?mode=json",
        f"/runs/{run['id']}",
        f"/rollback?run_id={run['id']}",
        f"/rollback?action_ids={action['id']}",
    ]
    for path in [*PAGES, *more]:
        text = page(filled, path)
        assert len(text) < 250_000
        assert OPERATOR not in text
        assert " style=" not in text
        assert not re.search(r"\son[a-z]+=", text)
    overview = page(filled, "/")
    for words in (
        "All is well",
        "Total actions",
        "Average confidence",
        "Underperforming",
        "Scaling",
    ):
        assert words in overview


def test_a_viewer_sees_every_page_and_no_button(filled: FlaskClient) -> None:
    for path in [*PAGES[:6], *PAGES[6:]]:
        if path == "/rules/new":
            continue
        text = page(filled, path, VIEWER)
        forms = [form for form in re.findall(r"<form[^>]*>", text) if 'method="post"' in form]
        assert all("theme" in form or "sign-out" in form or "settings" in form for form in forms)
    assert "<button>Save" not in page(filled, "/settings", VIEWER)


def test_hostile_titles_are_text(empty: FlaskClient, sql: Any) -> None:
    for title in HOSTILE:
        number = sql(
            "insert into campaigns (title, budget, created_at, account)"
            " values (%s, 100, now() - interval '9 days', coalesce(%s, 'none')) returning id",
            title, title and title[:200],
        )[0][0]  # fmt: skip
        sql(
            "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
            " total_spend, total_revenue) values (%s, 9000, 900, 90, 900, 90)", number,
        )  # fmt: skip
    sql("update autonomy_policy set pause_breaker_share = 1")
    assert empty.post("/", headers=BEARER, json={"reason": HOSTILE[0]}).status_code == 200
    run = get(empty, "/api/runs")["runs"][0]["id"]
    campaigns = [one["id"] for one in get(empty, "/api/campaigns")["campaigns"]]
    for path in ["/", "/actions", "/campaigns", f"/runs/{run}", f"/rollback?run_id={run}"]:
        text = page(empty, path)
        assert "<script>alert" not in text
        assert "49 &#39;" not in text
    for number in campaigns:
        assert "<script>alert" not in page(empty, f"/campaigns/{number}")


@pytest.mark.parametrize(
    "junk", ["null", "[]", '"text"', "5", '{"status": 7, "budget": "x"}', "{}"]
)
def test_rows_that_others_wrote_break_no_page(filled: FlaskClient, sql: Any, junk: str) -> None:
    sql(
        "update autonomous_actions set previous_state = %s::jsonb, new_state = %s::jsonb,"
        " expected_impact = %s::jsonb, actual_impact = %s::jsonb, evidence = %s::jsonb,"
        " reason = null",
        *[junk] * 5,
    )
    sql("update optimization_opportunities set estimated_impact = %s::jsonb", junk)
    action = get(filled, "/api/actions?limit=1")["actions"][0]
    for path in (
        "/", "/actions", "/opportunities", f"/actions/{action['id']}",
        f"/campaigns/{action['campaign_id']}", f"/rollback?action_ids={action['id']}", "/rules",
    ):  # fmt: skip
        page(filled, path)


def test_paging_by_key_is_complete(filled: FlaskClient, sql: Any) -> None:
    sql(
        "insert into autonomous_actions (campaign_id, action_type, status, created_at)"
        " select c.id, 'creative_refreshed', 'failed', now() - interval '1 hour' * (i % 3)"
        " from (select id from campaigns limit 1) c, generate_series(1, 25) i"
    )
    for path, name, table in (
        ("/api/actions", "actions", "autonomous_actions"),
        ("/api/campaigns", "campaigns", "campaigns"),
        ("/api/runs", "runs", "autonomous_runs"),
    ):
        seen: list[str] = []
        after = ""
        while True:
            found = get(filled, f"{path}?limit=7{after}")
            seen += [one["id"] for one in found[name]]
            if found["next_after"] is None:
                break
            after = f"&after={found['next_after']}"
        everything = {str(row[0]) for row in sql(f"select id from {table}")}
        assert len(seen) == len(set(seen))
        assert set(seen) == everything


def test_opportunities_come_worst_first_and_page(filled: FlaskClient) -> None:
    ranks = {"critical": 1, "high": 2, "medium": 3, "low": 4}
    seen: list[Any] = []
    after = ""
    while True:
        found = get(filled, f"/api/opportunities?limit=3{after}")
        seen += found["opportunities"]
        if found["next_after"] is None:
            break
        after = f"&after={found['next_after']}"
    assert len({one["id"] for one in seen}) == len(seen) > 3
    order = [ranks[one["severity"]] for one in seen]
    assert order == sorted(order)


def test_filters(filled: FlaskClient) -> None:
    everything = get(filled, "/api/actions?limit=200")["actions"]
    for name in ("action_type", "status", "rule_id", "run_id", "campaign_id"):
        wanted = everything[0][name]
        found = get(filled, f"/api/actions?limit=200&{name}={wanted}")["actions"]
        assert [one["id"] for one in found] == [
            one["id"] for one in everything if one[name] == wanted
        ]
    title = everything[0]["title"]
    found = get(filled, f"/api/actions?title={title[2:12].upper().replace(' ', '+')}")["actions"]
    assert everything[0]["id"] in [one["id"] for one in found]
    assert get(filled, "/api/actions?to=2020-01-01")["actions"] == []
    assert len(get(filled, "/api/actions?from=2020-01-01&limit=200")["actions"]) == len(everything)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=none", 400), ("rule_id=x", 400), ("from=yesterday", 400), ("limit=0", 400),
        ("limit=201", 400), ("limit=1e2", 400), ("nonsense=1", 400),
        ("status=failed&status=failed", 400),
        ("title=%00", 400), ("title=", 400), ("title=" + "x" * 300, 400),
        ("after=x", 404), ("after=bnVsbA==", 404), ("after=eyJpZCI6MX0=", 404),
        ("from=0001-01-01T00:00:00%2B14:00", 400), ("title=%ff%fe", 200), ("title=%25_%25", 200),
    ],
)  # fmt: skip
def test_bad_queries(empty: FlaskClient, query: str, code: int) -> None:
    get(empty, f"/api/actions?{query}", code)


def test_daily_figures_are_the_sums_of_the_rows(filled: FlaskClient, sql: Any) -> None:
    overview = get(filled, "/api/overview")
    assert overview["stale_days"] == 0
    kept = sql("select * from autonomy.dashboard_performance_days order by day, account")
    assert kept == sql(
        "select * from autonomy.dashboard_performance_figures('-infinity', 'infinity')"
        " order by day, account"
    )
    assert len(kept) > 20
    assert sql(
        "select * from autonomy.dashboard_action_days order by day, rule_id, action_type, status"
    ) == sql(
        "select * from autonomy.dashboard_action_figures('-infinity', 'infinity')"
        " order by day, rule_id, action_type, status"
    )
    counted = sql("select count(*) from autonomous_actions where status = 'executed'")[0][0]
    assert overview["totals"]["actions"] == counted
    # a change marks its day, and only that one is counted again
    sql("update autonomous_actions set status = 'rolled_back' where action_type = 'auto_pause'")
    assert sql("select source from autonomy.dashboard_stale_days") == [("actions",)]
    again = get(filled, "/api/overview")
    assert again["totals"]["rolled_back"] == overview["totals"]["paused"]
    assert again["totals"]["actions"] == counted


def test_figures_survive_late_corrections_and_deletions(filled: FlaskClient, sql: Any) -> None:
    get(filled, "/api/overview")
    day = sql("select min(bucket) from campaign_metrics")[0][0]
    sql("update campaign_metrics set spend = spend + 5 where bucket = %s", day)
    sql("delete from campaigns where id = (select campaign_id from campaign_daily limit 1)")
    get(filled, "/api/overview")
    assert sql("select * from autonomy.dashboard_performance_days order by day, account") == sql(
        "select * from autonomy.dashboard_performance_figures('-infinity', 'infinity')"
        " order by day, account"
    )


def test_another_time_zone_has_other_days(filled: FlaskClient, sql: Any) -> None:
    sql("update autonomy_policy set time_zone = 'Pacific/Kiritimati'")
    get(filled, "/api/overview")
    figures = "select day, action_type, sum(actions) from {} group by 1, 2 order by 1, 2"
    assert sql(figures.format("autonomy.dashboard_action_days")) == sql(
        figures.format("autonomy.dashboard_action_figures('-infinity', 'infinity')")
    )


def test_the_scoreboard_agrees_with_the_slow_one(filled: FlaskClient, sql: Any) -> None:
    impact = {
        "horizon_days": 7, "verdict": "improved", "money": 12.5, "money_low": -3,
        "money_high": 28, "right_probability": 71.5, "measured_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    sql(
        "update autonomous_actions set actual_impact = %s::jsonb || jsonb_build_object("
        "'money', round(confidence_score / 3, 2)), executed_at = now() - interval '2 days'",
        json.dumps(impact),
    )
    quick = {one["rule_id"]: one for one in get(filled, "/api/rules/scoreboard")["scoreboard"]}
    names = ("actions", "rolled_back", "measured", "improved", "regressed", "money", "money_low",
             "money_high", "pauses", "false_pause_share", "mean_confidence", "right_share",
             "flagged")  # fmt: skip
    for row in sql(
        f"select rule_id::text, {', '.join(names)} from rule_scoreboard() where actions > 0"
    ):
        found = quick[row[0]]
        slow = [float(v) if v is not None else None for v in row[1:]]
        assert [found[n] for n in names] == pytest.approx(slow, abs=0.051)


def test_attention_agrees_with_the_slow_questions(filled: FlaskClient, sql: Any) -> None:
    found = get(filled, "/api/attention?limit=200")
    for name, question, figures in (
        ("underperforming", "identify_underperforming_campaigns()", "roi, total_spend"),
        ("scaling", "identify_scaling_candidates()", "roi, suggested_budget"),
    ):
        rows = sql(f"select campaign_id::text, confidence_score, {figures} from {question}")
        slow = {row[0]: [float(value) for value in row[1:]] for row in rows}
        columns = ["confidence_score", *figures.split(", ")]
        quick = {
            one["campaign_id"]: [float(one[column]) for column in columns] for one in found[name]
        }
        assert quick == slow
        assert found[f"{name}_count"] == len(slow) > 0


def test_rollback_of_one_over_the_page(filled: FlaskClient, sql: Any) -> None:
    action = get(filled, "/api/actions?status=executed&action_type=auto_pause&limit=1")["actions"][
        0
    ]
    shown = page(filled, f"/rollback?action_ids={action['id']}")
    assert "Take back 1 action?" in shown
    assert sql("select status from campaigns where id = %s", action["campaign_id"]) == [("paused",)]
    answer = filled.post(
        "/rollback", headers=BEARER, data={"action_ids": action["id"], "reason": "too early"}
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "./actions?done=rolled_back&n=1"
    assert sql("select status from campaigns where id = %s", action["campaign_id"]) == [("active",)]
    now = get(filled, f"/api/actions/{action['id']}")
    assert (now["status"], now["rolled_back_by"]) == ("rolled_back", "operator (dashboard)")
    assert now["rollback_reason"] == "too early"


def test_an_empty_choice_never_means_everything(filled: FlaskClient) -> None:
    for data in ({}, {"action_ids": ""}, {"reason": "all"}):
        assert filled.post("/rollback", headers=BEARER, data=data).status_code == 400
        assert filled.post("/api/rollback", headers=BEARER, json={}).status_code == 400
    bad = {"action_ids": ["x"]}
    assert filled.post("/api/rollback", headers=BEARER, json=bad).status_code == 400


def test_rollback_of_a_run_with_preview(filled: FlaskClient) -> None:
    run = get(filled, "/api/runs")["runs"][0]["id"]
    preview = filled.post(
        "/api/rollback", headers=BEARER, json={"run_id": run, "preview": True}
    ).json
    assert preview is not None
    before = get(filled, "/api/actions?status=executed&limit=200")["actions"]
    assert {one["action_id"] for one in preview["changed"]} == {one["id"] for one in before}
    done = filled.post("/api/rollback", headers=BEARER, json={"run_id": run}).json
    assert done is not None
    assert len(done["changed"]) == len(before)
    assert get(filled, "/api/actions?status=executed")["actions"] == []


def test_approve_and_reject(empty: FlaskClient, fresh: LocalStack) -> None:
    load_calm(fresh.database_url)
    empty.patch("/api/policy", headers=BEARER, json={"mode": "approve"})
    assert empty.post("/", headers=BEARER).status_code == 200
    first, second = get(empty, "/api/actions?status=pending&limit=2")["actions"]
    assert "Waiting for you" in page(empty, "/")
    yes = empty.post(f"/api/actions/{first['id']}/approve", headers=BEARER)
    assert yes.json is not None
    shape = {"$ref": "#/components/schemas/ActionWithEvidence"}
    assert problems(yes.json, shape, document()) == []
    assert untold(yes.json, shape, document()) == set()
    assert yes.json["status"] == "executed", yes.json
    no = empty.post(f"/actions/{second['id']}/reject", headers={**BEARER, "HX-Request": "true"})
    assert no.status_code == 200
    assert "REJECTED" in no.text
    again = empty.post(f"/api/actions/{second['id']}/approve", headers=BEARER)
    assert again.status_code == 409


RULE = {
    "rule_name": "Mine",
    "rule_type": "pause",
    "condition": {"metric": "roi", "operator": "<", "threshold": 1.2, "min_spend": 10},
    "action": {"type": "auto_pause", "min_confidence": 0},
    "priority": 999,
}


def test_a_rules_life(filled: FlaskClient, sql: Any) -> None:
    made = filled.post("/api/rules", headers=BEARER, json=RULE)
    assert made.status_code == 201, made.text
    assert made.json is not None
    number = made.json["id"]
    assert made.json["is_active"] is False
    assert filled.post("/api/rules", headers=BEARER, json=RULE).status_code == 409  # same name
    changed = filled.patch(f"/api/rules/{number}", headers=BEARER, json={"priority": 7})
    assert changed.json is not None
    assert changed.json["priority"] == 7
    assert filled.patch(f"/api/rules/{number}", headers=BEARER, json={}).status_code == 400
    history = get(filled, f"/api/rules/history?rule_id={number}")["changes"]
    assert [one["actor"] for one in history] == ["operator (api)"] * 2
    assert get(filled, f"/api/rules/{number}")["watch"] is True
    assert not any(
        one["watch"] for one in get(filled, "/api/rules")["rules"] if one["id"] != number
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"condition": {"metric": "roi", "operator": "~", "threshold": 1}}, "condition.operator"),
        ({"condition": {}}, "condition"),
        ({"condition": []}, "condition"),
        ({"action": {"type": "auto_scale_up", "multiplier": 2}}, "action"),
        ({"rule_type": "create"}, "rule_type"),
        ({"priority": 1.5}, "priority"),
        ({"priority": 10**30}, "priority"),
        ({"rule_name": ""}, "rule_name"),
        ({"rule_name": "x" * 201}, "rule_name"),
        ({"is_active": "yes"}, "is_active"),
        ({"secret": 1}, "secret"),
    ],
)
def test_a_bad_rule_is_refused_by_name(empty: FlaskClient, change: Any, words: str) -> None:
    answer = empty.post("/api/rules", headers=BEARER, json={**RULE, **change})
    assert answer.status_code == 400, answer.text
    assert answer.json is not None
    assert words in answer.json["error"]["message"]


def test_preview_names_campaigns_and_writes_nothing(filled: FlaskClient, sql: Any) -> None:
    counts = (
        "select (select count(*) from autonomous_rules),"
        " (select count(*) from autonomous_rule_changes),"
        " (select count(*) from autonomous_actions), (select max(updated_at) from autonomous_rules)"
    )
    before = sql(counts)
    found = filled.post("/api/rules/preview", headers=BEARER, json={"rule": RULE}).json
    assert found is not None
    own = found["after"]["own"].get("auto_pause", 0)
    assert own >= 1
    named = [one for one in found["after"]["campaigns"] if one["verdict"] != "hold"]
    assert len(named) == own
    assert all(one["title"] for one in named)
    assert found["before"]["own"] == {}
    assert sql(counts) == before


def test_preview_of_the_past(filled: FlaskClient, store: Store) -> None:
    found = filled.post("/api/rules/preview", headers=BEARER, json={"rule": RULE}).json
    assert found is not None
    past = found["past"]
    assert (past["days"], past["pauses"] > 0) == (30, True)
    assert past["saved"]["low"] <= past["saved"]["value"] <= past["saved"]["high"]
    assert all(one["title"] for one in past["best_pauses"])
    assert f"paused {past['pauses']} campaigns" in past["sentence"]
    command_line = preview_rule(store, RULE)["past"]
    assert command_line | {"to": past["to"]} == past


def test_preview_of_the_past_of_a_changed_rule(filled: FlaskClient) -> None:
    rule = next(
        one for one in get(filled, "/api/rules")["rules"] if one["action"]["type"] == "auto_pause"
    )

    def own_pauses(floor: int) -> int:
        action = {**rule["action"], "min_confidence": floor}
        sent = {"rule": {"action": action}, "rule_id": rule["id"]}
        answer = filled.post("/api/rules/preview", headers=BEARER, json=sent).json
        assert answer is not None
        listed = answer["past"]["best_pauses"] + answer["past"]["worst_pauses"]
        return sum(one["rule_name"] == rule["rule_name"] for one in listed)

    assert own_pauses(60) > 0
    assert own_pauses(100) == 0


def test_preview_without_history_says_so(empty: FlaskClient) -> None:
    found = empty.post("/api/rules/preview", headers=BEARER, json={"rule": RULE}).json
    assert found is not None
    assert "no history" in found["past"]["sentence"]


def test_preview_of_too_many_campaigns_says_how_else(
    filled: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explanation, "MOST_CAMPAIGNS", 5)
    found = filled.post("/api/rules/preview", headers=BEARER, json={"rule": RULE}).json
    assert found is not None
    assert found["after"]["campaigns"]
    assert list(found["past"]) == ["sentence"]
    assert "python -m autonomy replay" in found["past"]["sentence"]


def test_insights_are_the_databases(filled: FlaskClient, sql: Any) -> None:
    sentences = [row[0] for row in sql("select sentence from autonomous_insights()")]
    assert [one["sentence"] for one in get(filled, "/api/insights")["insights"]] == sentences
    shown = page(filled, "/insights", VIEWER)
    assert "In the last 7 days:" in shown
    assert "What was learnt this week" in page(filled, "/")


def test_flagged_rules_come_with_their_suggestion(filled: FlaskClient, sql: Any) -> None:
    sql(
        "insert into autonomous_actions (campaign_id, rule_id, action_type, status, executed_at,"
        " confidence_score, previous_state, new_state, actual_impact)"
        " select c.id, (select id from autonomous_rules order by rule_name limit 1), 'auto_pause',"
        " 'executed', now() - interval '8 days', 90, '{}', '{}',"
        ' \'{"verdict": "regressed", "money": -90, "money_low": -95, "money_high": -85,'
        ' "horizon_days": 7}\' from campaigns c limit 8'
    )
    flagged = [
        one for one in get(filled, "/api/insights")["insights"] if one["kind"] == "rule_flagged"
    ]
    assert flagged[0]["figures"]["suggested_change"]
    shown = page(filled, "/insights")
    assert "Rules to change" in shown
    assert f"rules/{flagged[0]['rule_id']}" in shown


def test_preview_is_what_the_run_then_does(filled: FlaskClient) -> None:
    found = filled.post("/api/rules/preview", headers=BEARER, json={"rule": RULE}).json
    assert found is not None
    filled.post("/api/rules", headers=BEARER, json={**RULE, "is_active": True})
    answer = filled.post("/", headers=BEARER, json={"dry_run": True}).json
    assert answer is not None
    ran = {one["campaign_id"] for one in answer["result"]["actions"] if one["rule_name"] == "Mine"}
    said = {one["campaign_id"] for one in found["after"]["campaigns"] if one["verdict"] != "hold"}
    assert ran == said


def test_a_rule_goes_into_the_archive_and_comes_back(filled: FlaskClient, sql: Any) -> None:
    number = get(filled, "/api/rules")["rules"][0]["id"]
    path = f"/api/rules/{number}"
    away = filled.post(f"{path}/archive", headers=BEARER, json={})
    assert away.json is not None
    assert (away.status_code, away.json["rule"]["id"]) == (200, number)
    assert filled.post(f"{path}/archive", headers=BEARER, json={}).status_code == 404
    assert filled.get(path, headers=BEARER).status_code == 404
    sql("update autonomous_rules set is_active = true")
    assert len(get(filled, "/api/rules")["rules"]) == 3
    assert [one["rule_id"] for one in get(filled, "/api/rules/archived")["archived"]] == [number]
    back = filled.post(f"{path}/restore", headers=BEARER, json={})
    assert back.json is not None
    assert (back.status_code, back.json["id"], back.json["is_active"]) == (200, number, False)
    assert filled.post(f"{path}/restore", headers=BEARER, json={}).status_code == 404


def test_the_rule_form(filled: FlaskClient) -> None:
    rule = next(
        one for one in get(filled, "/api/rules")["rules"] if one["rule_name"] == "High ROI Scale"
    )
    form = {
        "mode": "form", "rule_name": "High ROI Scale", "rule_type": "scale", "priority": "80",
        "metric": "roi", "operator": ">=", "threshold": "2.5", "min_conversions": "5",
        "action_type": "auto_scale_up", "multiplier": "1.5", "max_budget": "20000",
        "seen": rule["updated_at"],
    }  # fmt: skip
    path = f"/rules/{rule['id']}"
    html = {**BEARER, "Accept": "text/html"}
    wrong = filled.post(path, headers=html, data={**form, "multiplier": "0.5"})
    assert wrong.status_code == 400
    assert 'aria-invalid="true"' in wrong.text
    assert "multiplier" in wrong.text
    assert 'value="2.5"' in wrong.text  # what was typed is not lost
    preview = filled.post(f"{path}/preview", headers={**html, "HX-Request": "true"}, data=form)
    assert "Now it would" in preview.text
    assert f"../rules/{rule['id']}/preview?part=past" in preview.text
    assert "../../rules" not in preview.text
    later = f"{path}/preview?part=past"
    past = filled.post(later, headers={**html, "HX-Request": "true"}, data=form)
    assert "<h2>The last 30 days</h2>" in past.text
    whole = filled.post(f"{path}/preview", headers=html, data=form)  # without script
    assert "Now it would" in whole.text
    assert "<h2>The last 30 days</h2>" in whole.text
    assert filled.post(path, headers=html, data=form).status_code == 303
    saved = get(filled, f"/api/rules/{rule['id']}")
    assert saved["condition"] == {
        "metric": "roi", "operator": ">=", "threshold": 2.5, "min_conversions": 5,
    }  # fmt: skip
    assert saved["action"]["max_budget"] == 20000
    stale = filled.post(path, headers=html, data=form)  # its `seen` is old by now
    assert stale.status_code == 409
    assert "Somebody else" in stale.text


def test_switching_a_rule(filled: FlaskClient) -> None:
    rule = get(filled, "/api/rules")["rules"][0]
    path = f"/rules/{rule['id']}/active"
    part = filled.post(path, headers={**BEARER, "HX-Request": "true"}, data={"active": "off"})
    assert 'aria-checked="false"' in part.text
    assert get(filled, f"/api/rules/{rule['id']}")["is_active"] is False
    assert filled.post(path, headers=BEARER, data={"active": "maybe"}).status_code == 400


def test_hold_release_and_automation(filled: FlaskClient) -> None:
    number = get(filled, "/api/campaigns?limit=1")["campaigns"][0]["id"]
    path = f"/campaigns/{number}"
    filled.post(path, headers=BEARER, data={"do": "hold", "days": "7"})
    until = datetime.fromisoformat(get(filled, f"/api{path}")["campaign"]["hold_until"])
    assert timedelta(days=6.9) < until - datetime.now(UTC) < timedelta(days=7.1)
    assert "on hold until" in page(filled, path)
    filled.post(path, headers=BEARER, data={"do": "release"})
    filled.post(path, headers=BEARER, data={"do": "off"})
    now = get(filled, f"/api{path}")["campaign"]
    assert (now["hold_until"], now["autonomous_enabled"]) == (None, False)
    why = get(filled, f"/api{path}/explanation")
    assert why["campaign_id"] == number
    for body in ({}, {"hold_until": "soon"}, {"autonomous_enabled": 1}, {"budget": 5}):
        assert filled.patch(f"/api{path}", headers=BEARER, json=body).status_code == 400


def test_settings_and_freeze(filled: FlaskClient) -> None:
    assert (
        filled.post("/freeze", headers=BEARER, data={"frozen": "on", "reason": "check"}).status_code
        == 303
    )
    assert "Frozen: nothing is changed" in page(filled, "/")
    assert "Frozen" in page(filled, "/rules")
    assert get(filled, "/api/policy")["frozen_reason"] == "check"
    filled.post("/freeze", headers=BEARER, data={"frozen": "off"})
    html = {**BEARER, "Accept": "text/html"}
    bad = filled.post("/settings", headers=html, data={"min_confidence": "101"})
    assert bad.status_code == 400
    assert "Min confidence must be" in bad.text
    good = {"min_confidence": "80", "mode": "approve", "resume_when_proven_wrong": "on"}
    assert filled.post("/settings", headers=html, data=good).status_code == 303
    policy = get(filled, "/api/policy")
    assert (policy["min_confidence"], policy["mode"]) == (80, "approve")
    assert policy["updated_by"] == "operator (dashboard)"
    for body in ({}, {"max_step": None}, {"max_step": "2"}, {"max_step": 99}, {"mode": "off"},
                 {"id": True}, {"frozen": 1}, {"time_zone": "Nowhere"}):  # fmt: skip
        assert filled.patch("/api/policy", headers=BEARER, json=body).status_code == 400, body


def test_who_is_told_of_what(filled: FlaskClient, sql: Any) -> None:
    text = page(filled, "/notifications")
    for one in get_told(sql):
        for channel in one["channels"]:
            assert f'name="{one["code"]}" value="{channel}"' in text
    assert text.count("(not set up)") == 3
    assert 'href="./notifications"' in page(filled, "/settings")
    form = [("shown", "told"), ("FROZEN", "email"), ("FROZEN", "slack"), ("UNKNOWN", "slack")]
    sent = filled.post("/notifications", headers=BEARER, data=MultiDict(form))
    assert sent.status_code == 303
    assert sent.headers["Location"].endswith("done=settings_saved")
    told = {one["code"]: one["channels"] for one in get_told(sql)}
    assert told.pop("FROZEN") == ["email", "slack"]
    assert not any(told.values()), "a row without a tick is one of which nobody is told"
    again = filled.post("/notifications", headers=BEARER, data=MultiDict(form))
    assert again.headers["Location"].endswith("done=nothing")
    assert sql("select distinct updated_by from autonomy.told_where") == [("operator (dashboard)",)]


@pytest.mark.parametrize(
    "form", [{}, {"FROZEN": "slack"}, {"shown": "told", "FROZEN": "pigeon"}, {"shown": "x"}]
)
def test_who_is_told_is_not_changed_by_half_a_form(
    filled: FlaskClient, sql: Any, form: dict[str, str]
) -> None:
    assert filled.post("/notifications", headers=BEARER, data=form).status_code == 400
    viewer = {"Authorization": f"Bearer {VIEWER}"}
    refused = filled.post("/notifications", headers=viewer, data={"shown": "told"})
    assert refused.status_code == 403
    assert sql("select * from autonomy.told_where") == []


def get_told(sql: Any) -> list[dict[str, Any]]:
    ((found,),) = sql("select autonomy_notify_settings()")
    return list(found)


def test_the_described_limits_are_the_databases(sql: Any, fresh: LocalStack) -> None:
    limits = {
        row[0]: (float(row[1]), float(row[2]))
        for row in sql("select * from autonomy_policy_limits()")
    }
    assert {name: limits[name] for name in POLICY_LIMITS} == POLICY_LIMITS
    assert {name for name in limits if not name.startswith("prior_")} == set(POLICY_LIMITS)


def test_opportunities_are_worked_off(filled: FlaskClient) -> None:
    one = get(filled, "/api/opportunities?limit=1")["opportunities"][0]
    path = f"/opportunities/{one['id']}/status"
    part = filled.post(
        path, headers={**BEARER, "HX-Request": "true"}, data={"status": "in_progress"}
    )
    assert "in progress" in part.text
    done = filled.post(f"/api{path}", headers=BEARER, json={"status": "resolved"})
    assert done.json is not None
    assert done.json["status"] == "resolved"
    assert filled.post(f"/api{path}", headers=BEARER, json={"status": "gone"}).status_code == 400


def test_dry_run_from_the_page(filled: FlaskClient) -> None:
    answer = filled.post("/runs", headers=BEARER, data={"kind": "dry", "inactive": "on"})
    assert answer.status_code == 303
    shown = page(filled, answer.headers["Location"].removeprefix("."))
    assert "dry run: nothing was changed" in shown


def test_ready(filled: FlaskClient, sql: Any) -> None:
    answer = filled.get("/readyz")
    assert answer.status_code == 200, answer.text
    sql("update autonomous_runs set started_at = now() - interval '3 hours'")
    filled.application.config.clear()  # another instance has no memory of the answer
    other = create_app(*_parts(filled))
    late = other.test_client().get("/readyz")
    assert late.status_code == 503
    assert late.json is not None
    assert "last successful run" in late.json["reason"]


def _parts(client: FlaskClient) -> Any:
    view = client.application.view_functions["health.readyz"]
    readiness = next(
        cell.cell_contents
        for cell in view.__closure__ or ()
        if hasattr(cell.cell_contents, "check")
    )
    return readiness._settings, readiness._store, lambda: None


def test_answers_have_the_shapes_that_the_description_promises(filled: FlaskClient) -> None:
    described = document()
    ids = {
        "action_id": get(filled, "/api/actions?limit=1")["actions"][0]["id"],
        "rule_id": get(filled, "/api/rules")["rules"][0]["id"],
        "run_id": get(filled, "/api/runs")["runs"][0]["id"],
        "campaign_id": get(filled, "/api/campaigns")["campaigns"][0]["id"],
        "opportunity_id": get(filled, "/api/opportunities")["opportunities"][0]["id"],
    }
    made = filled.post(
        "/api/exclusions",
        headers=BEARER,
        json={
            "campaign_id": ids["campaign_id"],
            "from_day": "2020-01-03",
            "until_day": "2020-01-03",
        },
    )
    ids["exclusion_id"] = (made.json or {})["id"]
    event = {"campaign_id": ids["campaign_id"], "from": "2020-01-01", "until": "2020-01-02",
             "why": "Sale", "no_cuts": True}  # fmt: skip
    ids["event_id"] = (filled.post("/api/events", headers=BEARER, json=event).json or {})["id"]
    draft = {"rule": RULE | {"rule_name": "Proposed"}}
    ids["draft_id"] = (filled.post("/api/drafts", headers=BEARER, json=draft).json or {})["id"]
    bodies: dict[str, Any] = {
        "NewDraft": {"rule": RULE | {"rule_name": "Another"}},
        "RollbackOne": {"preview": True}, "Rollback": {"run_id": ids["run_id"], "preview": True},
        "OpportunityStatus": {"status": "open"}, "NewRule": RULE, "RuleChange": {"priority": 1},
        "PreviewRule": {"rule": RULE | {"rule_name": "Other"}}, "RunRequest": {"dry_run": True},
        "CampaignChange": {"hold_until": None}, "PolicyChange": {"min_confidence": 60},
        "AccountChange": {"account": get(filled, "/api/accounts")["accounts"][0]["account"],
                          "currency": "EUR"},
        "SwitchOptimisation": {"on": True}, "UsePreset": {"preset": "guide"},
        "PlanEvent": event, "EventChange": {"why": "Long sale"},
        "ToldChange": {"channels": {"FROZEN": ["email"], "RUN_LATE": []}},
        "Exclude": {"campaign_id": ids["campaign_id"], "from_day": "2020-01-01",
                    "until_day": "2020-01-02"},
    }  # fmt: skip
    for one in OPERATIONS:
        if one.path.endswith(("approve", "reject", "discard")):
            continue
        path = one.path.format(**ids)
        if one.takes in (ProofParameters, FunnelParameters):
            path += f"?account={bodies['AccountChange']['account']}"
        sent = bodies.get(one.takes.__name__, {})
        answer = filled.open(path, method=one.method, headers=BEARER, json=sent)
        assert answer.status_code == one.success, (path, answer.text)
        schema = {"$ref": f"#/components/schemas/{one.answer}"}
        assert problems(answer.json, schema, described) == [], path
        assert untold(answer.json, schema, described) == set(), path
        if sent:
            asked = {"$ref": f"#/components/schemas/{one.takes.__name__}"}
            assert problems(sent, asked, described) == [], path
    for path, name in (
        ("/readyz", "Ready"),
        ("/healthz", "Alive"),
        ("/api/nothing", "Error"),
        ("/api/rollback", "Error"),  # not for GET
        ("/api/actions?limit=0", "Error"),
        (f"/api/runs/{ids['rule_id']}", "Error"),
    ):
        answer = filled.get(path, headers=BEARER)
        schema = {"$ref": f"#/components/schemas/{name}"}
        assert problems(answer.json, schema, described) == [], path
        assert untold(answer.json, schema, described) == set(), path


def test_everything_served_under_api_is_described(app: Flask) -> None:
    served = {
        (method.lower(), re.sub(r"<uuid:(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    described = {(method, path) for path, ways in document()["paths"].items() for method in ways}
    assert served == {one for one in described if one[1].startswith("/api/")}


def test_behind_functions_framework(
    fresh: LocalStack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployed function: one entry point, whose framework keeps some paths to itself."""
    import functions_framework

    for name, value in {
        **fresh.environment(),
        "AUTONOMY_API_TOKEN": OPERATOR,
        "AUTONOMY_SESSION_KEY": "k" * 40,
    }.items():
        monkeypatch.setenv(name, value)
    source = Path(__file__).resolve().parents[2] / "main.py"
    client = functions_framework.create_app("autonomous_operations", str(source)).test_client()
    answer = client.post("/", headers={**BEARER, "Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    html = client.get("/", headers={**BEARER, "Accept": "text/html"}).text
    linked = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', html)
    assert len(linked) >= 5
    for path in ["rules", "actions", "healthz", "readyz", "openapi.json", *linked]:
        found = client.get(f"/{path}", headers={**BEARER, "Accept": "*/*"})
        assert found.status_code == 200, path
        assert "nosniff" in found.headers["X-Content-Type-Options"]
    for path in ("robots.txt", "api/runs/%0A", "api/x%0Ay", "rules/a%0Ab"):
        found = client.get(f"/{path}", headers=BEARER)
        assert found.status_code == 404, path
        assert "nosniff" in found.headers["X-Content-Type-Options"]
        assert found.is_json, path
    refused = client.options("/", headers=BEARER)
    assert (refused.status_code, "POST" in refused.headers["Allow"]) == (405, True)


def test_sign_in_is_throttled_in_the_database(
    empty: FlaskClient, settings: Settings, store: Store
) -> None:
    def attempt(client: FlaskClient, token: str) -> int:
        return client.post("/sign-in", data={"token": token}, base_url=HOME).status_code

    assert [attempt(empty, "no") for _ in range(10)] == [401] * 9 + [429]
    other = create_app(settings, store, lambda: None, behind_proxy=False)  # type: ignore[arg-type,return-value]
    assert attempt(other.test_client(), OPERATOR) == 429


def test_sessions_end_in_the_database(empty: FlaskClient, settings: Settings, store: Store) -> None:
    client = empty.application.test_client(use_cookies=False)
    answer = client.post("/sign-in", data={"token": OPERATOR}, base_url=HOME)
    cookie = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Origin": HOME}
    assert client.get("/api/policy", headers=cookie, base_url=HOME).status_code == 200
    client.post("/sign-out", headers=cookie, base_url=HOME)
    other = create_app(settings, store, lambda: None, behind_proxy=False)  # type: ignore[arg-type,return-value]
    assert other.test_client().get("/api/policy", headers=cookie, base_url=HOME).status_code == 401


def test_a_day_is_the_whole_day_in_the_zone_of_the_pages(filled: FlaskClient, sql: Any) -> None:
    """Kiritimati is 14 hours ahead: its 27 November lasts from 10:00 UTC the day before."""
    sql("update autonomy_policy set time_zone = 'Pacific/Kiritimati'")
    sql("delete from autonomous_actions")
    ids = [
        sql(
            "with c as (update campaigns set status = 'paused' where id = (select id from campaigns"
            " where status = 'active' order by id limit 1) returning id, budget)"
            " insert into autonomous_actions (campaign_id, action_type, status, created_at,"
            " executed_at, previous_state, new_state) select id, 'auto_pause', 'executed', %s, %s,"
            " jsonb_build_object('status', 'active', 'budget', budget),"
            " jsonb_build_object('status', 'paused', 'budget', budget) from c returning id",
            at, at,
        )[0][0]
        for at in ("2026-11-26T10:00:00Z", "2026-11-27T09:59:59.999999Z",
                   "2026-11-26T09:59:59Z", "2026-11-27T10:00:00Z")
    ]  # fmt: skip
    mine = {str(ids[0]), str(ids[1])}
    day = "from=2026-11-27&to=2026-11-27"
    assert {one["id"] for one in get(filled, f"/api/actions?{day}")["actions"]} == mine
    whole = {"from": "2026-11-27", "to": "2026-11-27"}
    sent = {**whole, "preview": True}
    preview = filled.post("/api/rollback", headers=BEARER, json=sent).json
    assert preview is not None
    assert {one["action_id"] for one in preview["changed"] + preview["skipped"]} == mine
    shown = page(filled, f"/actions?{day}")
    assert "Roll back these 2" in shown
    assert "Pacific/Kiritimati" in shown
    assert "Take back 2 actions?" in page(filled, f"/rollback?{day}")
    done = filled.post("/rollback", headers=BEARER, data=whole)
    assert done.headers["Location"] == "./actions?done=rolled_back&n=2"
    assert "Roll back these" not in page(filled, f"/actions?{day}")  # none is left


@pytest.fixture
def untouched(filled: FlaskClient, sql: Any) -> FlaskClient:
    """The sample account as if no run had been there."""
    sql("delete from autonomous_actions")
    sql("update campaigns set status = 'active', hold_until = null")
    return filled


EVERYTHING = (
    "select (select jsonb_agg(to_jsonb(c) order by id) from campaigns c),"
    " (select count(*) from autonomous_actions), (select count(*) from autonomous_runs),"
    " (select to_jsonb(p) from autonomy_policy p)"
)


def test_the_preview_of_a_run_says_what_the_dry_run_does(untouched: FlaskClient, sql: Any) -> None:
    before = sql(EVERYTHING)
    found = sql("select dashboard_run_preview()")[0][0]
    assert sql(EVERYTHING) == before
    dry = untouched.post("/", headers=BEARER, json={"dry_run": True}).json
    assert dry is not None
    result = dry["result"]
    money = {"pause": 0.0, "raise": 0.0}
    for one in result["actions"]:
        old, new = one["previous"]["budget"], one["new"]["budget"]
        if one["action_type"] == "auto_pause":
            money["pause"] += old
        else:
            money["raise"] += new - old
    counts = result["actions_taken"]
    assert found["changes"] == [
        {"verdict": "act", "kind": "pause", "campaigns": counts["campaigns_paused"],
         "currency": None, "money": pytest.approx(money["pause"])},
        {"verdict": "act", "kind": "raise", "campaigns": counts["campaigns_scaled"],
         "currency": None, "money": pytest.approx(money["raise"])},
    ]  # fmt: skip
    assert found["held"] == sum(result["held"].values())
    assert found["campaigns_evaluated"] == result["campaigns_evaluated"]
    assert {one["campaign_id"] for one in found["largest"]} == {
        one["campaign_id"] for one in result["actions"]
    }


@pytest.mark.parametrize(
    ("setting", "words", "button"),
    [
        ("mode = 'autonomous'", "It would pause", "Run now, change"),
        ("mode = 'approve'", "Approve mode: it proposes to pause", "Run now, only propose"),
        ("mode = 'observe'", "Observe mode: it only reports that it would pause",
         "Run now, only report"),
        ("frozen = true", "Everything is frozen: it would change nothing",
         "Run now, change nothing"),
        ("pause_breaker_share = 0, pause_breaker_count = 0", "It would ask you first to pause",
         "Run now, change"),
    ],
)  # fmt: skip
def test_run_now_asks_and_changes_nothing(
    untouched: FlaskClient, sql: Any, setting: str, words: str, button: str
) -> None:
    sql(f"update autonomy_policy set {setting}")
    before = sql(EVERYTHING)
    shown = page(untouched, "/runs/now?reason=cannot+wait")
    assert words in shown
    assert button in shown
    assert 'value="cannot wait"' in shown
    assert sql(EVERYTHING) == before


def test_run_now_happens_once_and_only_when_confirmed(untouched: FlaskClient, sql: Any) -> None:
    before = sql(EVERYTHING)
    for wrong in ({}, {"key": "x"}, {"key": ""}):
        sent = {"kind": "real", **wrong}
        assert untouched.post("/runs", headers=BEARER, data=sent).status_code == 400
    assert sql(EVERYTHING) == before
    key = re.search(r'name="key" value="([^"]+)"', page(untouched, "/runs/now"))
    assert key is not None
    sent = {"kind": "real", "key": key[1], "reason": "cannot wait"}
    done = untouched.post("/runs", headers=BEARER, data=sent)
    assert done.status_code == 303
    after = sql(EVERYTHING)
    assert after != before
    assert untouched.post("/runs", headers=BEARER, data=sent).location == done.location
    other = untouched.post("/runs", headers=BEARER, data={**sent, "reason": "once more"})
    assert other.location == "./runs?done=run_done"
    assert sql(EVERYTHING) == after
    assert "has been carried out already" in page(untouched, "/runs?done=run_done")


def test_a_viewer_cannot_ask_for_a_run(filled: FlaskClient) -> None:
    token = {"Authorization": f"Bearer {VIEWER}", "Accept": "text/html"}
    assert filled.get("/runs/now", headers=token).status_code == 403
    assert "Run now" not in page(filled, "/runs", VIEWER)


def test_a_session_needs_its_csrf_token_to_confirm(untouched: FlaskClient, sql: Any) -> None:
    client = untouched.application.test_client()
    client.post("/sign-in", data={"token": OPERATOR}, base_url="https://localhost")
    html = {"Accept": "text/html", "Origin": "https://localhost"}
    shown = client.get("/runs/now", headers=html, base_url="https://localhost").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', shown))
    assert fields.keys() == {"csrf", "kind", "key"}
    runs = "select count(*) from autonomous_runs"
    before = sql(runs)
    forged = {"kind": "real", "key": fields["key"]}
    answer = client.post("/runs", data=forged, headers=html, base_url="https://localhost")
    assert (answer.status_code, sql(runs)) == (403, before)
    answer = client.post("/runs", data=fields, headers=html, base_url="https://localhost")
    assert answer.status_code == 303
    assert sql(runs) == [(before[0][0] + 1,)]


def test_a_rollback_of_these_means_what_is_listed(filled: FlaskClient, sql: Any) -> None:
    """A rollback knows no type, title or status: with such a filter it would take more."""
    rule = sql("select rule_id from autonomous_actions where status = 'executed' limit 1")[0][0]
    run = get(filled, "/api/runs")["runs"][0]["id"]
    span = "from=2020-01-01&to=2999-12-31"
    for plain in (f"rule_id={rule}", f"run_id={run}", span, f"rule_id={rule}&{span}"):
        listed = get(filled, f"/api/actions?{plain}&status=executed")["actions"]
        assert f"Roll back these {len(listed)}" in page(filled, f"/actions?{plain}&status=executed")
        shown = page(filled, f"/actions?{plain}")
        assert f"Roll back these {len(listed)}" in shown
    for narrower in ("action_type=auto_pause", "title=a", "status=failed", "status=pending"):
        assert "Roll back these" not in page(filled, f"/actions?from=2020-01-01&{narrower}")
    assert "Roll back these" not in page(filled, "/actions?to=2999-12-31")
    assert "Roll back these" not in page(filled, "/actions?from=2020-01-01", VIEWER)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-11-28&to=2026-11-27", "The span ends before it begins"),
        ("from=2026-11-28T10:00Z&to=2026-11-28T10:00Z", "The span ends before it begins"),
        ("from=soon", "a day looks like 2026-11-22"),
        ("to=2026-02-30", "a day looks like 2026-11-22"),
        ("from=-infinity", "a day looks like 2026-11-22"),
        ("from=99999-01-01", "a day looks like 2026-11-22"),
    ],
)
def test_a_span_that_is_none_is_a_sentence(filled: FlaskClient, query: str, words: str) -> None:
    for path in ("/api/actions", "/actions", "/rollback"):
        answer = filled.get(f"{path}?{query}", headers={**BEARER, "Accept": "text/html"})
        assert answer.status_code == 400
        assert words in answer.text
    body = dict(part.split("=") for part in query.split("&"))
    answer = filled.post("/api/rollback", headers=BEARER, json=body)
    assert (answer.status_code, words in answer.text) == (400, True)


def test_the_farthest_days_are_days(filled: FlaskClient) -> None:
    everything = get(filled, "/api/actions?limit=200")["actions"]
    for query in ("from=0001-01-01&to=9999-12-31", "from=0001-01-01", "to=9999-12-31"):
        assert get(filled, f"/api/actions?limit=200&{query}")["actions"] == everything
    assert get(filled, "/api/actions?from=9999-12-31&to=9999-12-31")["actions"] == []


def test_a_proposal_belongs_to_the_day_on_which_it_was_done(filled: FlaskClient, sql: Any) -> None:
    number = sql(
        "update autonomous_actions set created_at = '2026-11-20T22:00:00Z',"
        " executed_at = '2026-11-21T08:00:00Z' where id = (select min(id::text)::uuid"
        " from autonomous_actions where status = 'executed') returning id::text"
    )[0][0]
    assert get(filled, "/api/actions?from=2026-11-20&to=2026-11-20")["actions"] == []
    (found,) = get(filled, "/api/actions?from=2026-11-21&to=2026-11-21")["actions"]
    assert found["id"] == number
    body = {"from": "2026-11-21", "to": "2026-11-21", "preview": True}
    seen = filled.post("/api/rollback", headers=BEARER, json=body).json
    assert seen is not None
    assert [one["action_id"] for one in seen["changed"] + seen["skipped"]] == [number]


def test_the_state_is_the_same_on_the_page_and_in_the_api(filled: FlaskClient, sql: Any) -> None:
    sql("update autonomous_rules set is_active = false")
    sql("update autonomy_policy set frozen = true, frozen_reason = '<b>Stock</b> take'")
    sql("update autonomous_runs set started_at = now() - interval '5 hours'")
    state = get(filled, "/api/overview")["state"]
    assert state["level"] == "act"
    assert [one["code"] for one in state["reasons"]] == ["FROZEN", "RUN_LATE", "ALL_RULES_INACTIVE"]
    shown = page(filled, "/")
    for one in state["reasons"]:
        assert one["sentence"] in shown
    assert "&lt;b&gt;Stock&lt;/b&gt; take" in shown
    assert "All is well" not in shown
    assert 'href="#freeze"' in shown
    assert 'href="#freeze"' not in page(filled, "/", VIEWER)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    since = get(filled, f"/api/overview?since={yesterday}")["state"]["since"]
    assert datetime.fromisoformat(since) == datetime.fromisoformat(yesterday)
    get(filled, "/api/overview?since=yesterday", 400)


def test_the_page_remembers_the_last_visit(filled: FlaskClient, sql: Any) -> None:
    sql("update autonomous_actions set executed_at = now() - interval '2 hours'")
    sql("update autonomy_policy set pause_breaker_share = 0")
    client = filled.application.test_client(use_cookies=False)
    html = {**BEARER, "Accept": "text/html"}
    first = client.get("/", headers=html)
    assert "paused in the last 24 hours" in first.text
    (cookie,) = [one for one in first.headers.getlist("Set-Cookie") if "visits" in one]
    assert all(word in cookie for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Strict"))
    now = int(datetime.now(UTC).timestamp())

    def seen(visits: str) -> str:
        return client.get("/", headers={**html, "Cookie": f"__Host-autonomy-visits={visits}"}).text

    assert "paused since your last visit (" in seen(f"0-{now - 3 * 3600}")
    assert "All is well." in seen(f"0-{now - 3600}")  # seen then
    assert "paused in the last 24 hours" in seen("nonsense")

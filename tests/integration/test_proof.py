"""The proof of an account, over HTTP; and both kinds of run note what they hold out."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from tests.integration import test_exclusions, test_run, test_web
from tests.integration.json_shapes import problems, untold
from tests.integration.test_run import post as run_by_http
from tests.integration.test_web import VIEWER, get, page

app, empty, settings, sql, store = (
    test_web.app, test_web.empty, test_web.settings, test_web.sql, test_web.store,
)  # fmt: skip
two, function = test_exclusions.two, test_run.function

LOSERS = """
insert into campaigns (title, status, budget, created_at)
  select 'Loser ' || n, 'active', 100, now() - interval '30 days' from generate_series(1, 30) n;
insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
  select id, date_trunc('day', now()) - make_interval(days => n), 10000, 150, 2, 100, 20
    from campaigns, generate_series(0, 20) n where title like 'Loser%';
update autonomy_policy set holdout_share = 0.4, pause_breaker_share = 1;
"""
HELD = "select campaign_id::text, kind, budget, rule_id is not null from autonomy.held_out"


def test_an_account_without_actions_says_so_in_the_shape_that_is_promised(
    two: FlaskClient,
) -> None:
    found = get(two, "/api/proof?account=Paris&days=30")
    document = get(two, "/openapi.json")
    schema = {"$ref": "#/components/schemas/Proof"}
    assert problems(found, schema, document) == []
    assert untold(found, schema, document) == set()
    assert (found["account"], found["days"]) == ("Paris", 30)
    assert found["actions"]["sentence"] == "Nothing was changed."


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", 400),
        ("?account=nobody", 404),
        ("?account=Paris&days=0", 400),
        ("?account=Paris&days=NaN", 400),
        ("?account=Paris&days=401", 400),
        ("?account=" + 300 * "x", 400),
    ],
)
def test_what_is_no_account_or_span_is_refused(two: FlaskClient, query: str, code: int) -> None:
    answer = two.get(f"/api/proof{query}", headers={"Authorization": f"Bearer {VIEWER}"})
    assert answer.status_code == code, answer.text


MEASURED = """
with made as (
  insert into campaigns (title, account, budget)
    select 'Measured ' || n, 'Paris', 100 from generate_series(1, 12) n returning id)
insert into autonomous_actions (campaign_id, rule_id, run_id, action_type, status, executed_at,
    confidence_score, expected_impact, actual_impact, previous_state, new_state)
  select made.id, (select id from autonomous_rules where rule_name = 'Low ROI Pause'),
    gen_random_uuid(), 'auto_pause', 'executed', now() - interval '9 days', 92,
    '{"kind": "pause", "horizon_days": 7, "loss_avoided": 100}',
    '{"verdict": "improved", "money": 80, "money_low": 60, "money_high": 100,
      "right_probability": 90, "horizon_days": 7, "days": 7}',
    '{"status": "active", "budget": 100}', '{"status": "paused", "budget": 100}' from made
"""


def test_the_page_shows_what_the_api_proves(two: FlaskClient, sql: Any) -> None:
    assert "Nothing to prove yet." in page(two, "/proof?account=Tokyo", VIEWER)
    assert "holdout_share to 0.1" in page(two, "/proof?account=Tokyo")
    sql("update autonomy_accounts set currency = 'JPY' where account = 'Paris'")
    sql(MEASURED)
    found = get(two, "/api/proof?account=Paris&days=30")
    shown = page(two, "/proof?account=Paris&days=30", VIEWER)
    for part in ("actions", "said_and_right", "predicted_and_happened", "holdouts"):
        assert found[part]["sentence"] in shown
    assert "said 92%, right 90%" in shown
    assert "+960 JPY" in shown
    assert shown.count('class="range good"') == 3  # predicted, happened, the rule
    assert 'Proof: <bdi dir="auto">Paris' in page(two, "/proof"), "the account with most campaigns"
    assert 'href="./proof"' in page(two, "/insights")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?account=nobody", 404),
        ("?account=", 404),
        ("?account=Paris&days=0", 400),
        ("?account=Paris&days=-1", 400),
        ("?account=Paris&days=NaN", 400),
        ("?account=Paris&days=99999999999999999999", 400),
        ("?account=Paris&account=Tokyo", 400),
        ("?account=%00", 400),
        ("?account=" + 300 * "x", 400),
        ("?utm_source=mail&days=", 200),
    ],
)
def test_the_page_asks_for_an_account_and_days(two: FlaskClient, query: str, code: int) -> None:
    answer = two.get(f"/proof{query}", headers={"Authorization": f"Bearer {VIEWER}"})
    assert answer.status_code == code, answer.text


def test_without_an_account_the_page_says_what_is_needed(empty: FlaskClient) -> None:
    assert "There is no account yet." in page(empty, "/proof")


def test_both_runs_note_the_same_hold_outs(fresh: LocalStack, function: FunctionServer) -> None:
    noted: list[set[Any]] = []
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        db.execute(LOSERS)
        status, answer, _ = run_by_http(function, json.dumps({}).encode())
        assert status == 200, answer
        noted.append(set(db.execute(HELD).fetchall()))
        assert answer["result"]["held"]["HOLDOUT"] == len(noted[0])
        db.execute("truncate autonomy.held_out")
        row = db.execute("select run_autonomous_operations()").fetchone()
        assert row is not None
        noted.append(set(db.execute(HELD).fetchall()))
        assert row[0]["held"]["HOLDOUT"] == len(noted[1])
        db.execute("truncate autonomy.held_out")
        run_by_http(function, json.dumps({"dry_run": True}).encode())
        noted.append(set(db.execute(HELD).fetchall()))
    assert len(noted[0]) > 3
    assert noted[0] == noted[1]
    assert noted[2] == set()
    assert {(kind, budget, ruled) for _, kind, budget, ruled in noted[0]} == {("pause", 100, True)}

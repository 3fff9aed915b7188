"""A rule that is changed while a run decides, through every real part, and what pages say of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.run.runner import Runner
from autonomy.store import Store

TOKEN = "operator-token-of-thirty-two-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ACCOUNT = """
insert into campaigns (title, status, budget, created_at)
  values ('Loser', 'active', 200, now() - interval '30 hours'),
         ('Winner', 'active', 100, now() - interval '6 days');
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 40000, 800, 4, 240, 120 from campaigns where title = 'Loser'
  union all select id, 30000, 900, 18, 400, 1480 from campaigns where title = 'Winner';
"""
STATES = "select title, status, budget::int from campaigns order by title"
UNTOUCHED = [("Loser", "active", 200), ("Winner", "active", 100)]
WINNER_ONLY = [("Loser", "active", 200), ("Winner", "active", 150)]
OTHERWISE = """
update autonomous_rules set action = action || '{"min_confidence": 10}' where rule_type = 'pause'
"""
CHANGES = {
    OTHERWISE: WINNER_ONLY,
    "update autonomous_rules set is_active = false where rule_type = 'pause'": WINNER_ONLY,
    "delete from autonomous_rules where rule_type = 'pause'": WINNER_ONLY,
    "update autonomous_rules set is_active = false": UNTOUCHED,
}


def execute(stack: LocalStack, statement: str) -> list[Any]:
    with psycopg.connect(stack.database_url) as db:
        cursor = db.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


class Overtaken(Store):
    """A store before whose first batch somebody else executes a statement."""

    statement = ""
    stack: LocalStack

    def apply(self, **batch: Any) -> Any:
        execute(self.stack, self.statement)
        return super().apply(**batch)


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_rule_said_before_is_not_done(fresh: LocalStack, change: str) -> None:
    execute(fresh, ACCOUNT)
    settings = Settings.from_env(fresh.environment())
    with closing(Overtaken.from_settings(settings)) as store:
        assert isinstance(store, Overtaken)
        store.stack, store.statement = fresh, change
        result = json.loads(Runner(store, settings).handle({}).body)["result"]
    failed = {one["title"]: one["code"] for one in result["failed"]}
    states = CHANGES[change]
    stopped = {title for title, *state in states if (title, *state) in UNTOUCHED}
    assert failed == dict.fromkeys(stopped, "RULE_CHANGED")
    assert execute(fresh, STATES) == states
    logged = execute(fresh, "select error from autonomous_actions where status = 'failed'")
    assert logged == [("RULE_CHANGED",)] * len(stopped)
    # The next run decides by what the rules say now.
    assert execute(fresh, "select run_autonomous_operations()")[0][0]["failed"] == []


@pytest.fixture
def slow(fresh: LocalStack, tmp_path: Path) -> Iterator[FunctionServer]:
    """The served function, which takes its time between deciding and applying."""
    environment = {
        **fresh.environment(),
        "AUTONOMY_API_TOKEN": TOKEN,
        "AUTONOMY_FAULT": "before_apply:sleep=3",
    }
    with FunctionServer(environment, log=tmp_path / "function.log") as server:
        yield server


def test_over_http(fresh: LocalStack, slow: FunctionServer) -> None:
    execute(fresh, ACCOUNT)
    answers: list[httpx.Response] = []
    run = threading.Thread(
        target=lambda: answers.append(httpx.post(slow.url, headers=BEARER, timeout=60))
    )
    run.start()
    deadline = time.monotonic() + 30
    while not execute(fresh, "select 1 from autonomous_runs where status = 'running'"):
        assert time.monotonic() < deadline
    execute(fresh, OTHERWISE)
    run.join()
    (answer,) = answers
    assert answer.status_code == 200
    (failed,) = answer.json()["result"]["failed"]
    assert (failed["title"], failed["code"]) == ("Loser", "RULE_CHANGED")
    assert execute(fresh, STATES) == WINNER_ONLY


def test_a_proposal_says_that_its_rule_has_changed(fresh: LocalStack, tmp_path: Path) -> None:
    execute(fresh, ACCOUNT + "update autonomy_policy set mode = 'approve'")
    environment = {**fresh.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    words = "The rule has changed since."
    with (
        FunctionServer(environment, log=tmp_path / "function.log") as server,
        httpx.Client(base_url=server.url, headers=BEARER, timeout=60) as client,
    ):
        assert client.post("/").status_code == 200
        both = client.get("/api/actions?status=pending").json()["actions"]
        assert [one["rule_changed"] for one in both] == [False, False]
        assert words not in client.get("/actions").text
        execute(fresh, OTHERWISE)
        listed = client.get("/api/actions").json()["actions"]
        assert {one["title"]: one["rule_changed"] for one in listed} == {
            "Loser": True,
            "Winner": False,
        }
        (changed,) = [one for one in listed if one["rule_changed"]]
        assert client.get(f"/api/actions/{changed['id']}").json()["rule_changed"] is True
        assert client.get("/actions").text.count(words) == 1
        assert words in client.get(f"/actions/{changed['id']}").text
        approved = client.post(f"/api/actions/{changed['id']}/approve").json()
        assert (approved["status"], approved["rule_changed"]) == ("executed", False)
    assert execute(fresh, STATES)[0] == ("Loser", "paused", 200)

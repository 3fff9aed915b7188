"""One run through every real part: function, supabase client, PostgREST, PostgreSQL, and back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.run.answer import RunSummary
from autonomy.run.runner import Runner
from autonomy.store import Store

TOKEN = "an operator's token, which is nöt ASCII"

LOSER = """
insert into campaigns (title, status, budget, created_at)
  values ('Loser', 'active', 200, now() - interval '30 hours');
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 40000, 800, 4, 240, 120 from campaigns where title = 'Loser';
"""
WINNER = """
insert into campaigns (title, status, budget, created_at)
  values ('Winner', 'active', 100, now() - interval '6 days');
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 30000, 900, 18, 400, 1480 from campaigns where title = 'Winner';
"""
HOPELESS = LOSER.replace("240, 120", "240, 24").replace("'Loser'", "'Hopeless'")
BROKEN = """
alter table autonomous_rules disable trigger check_autonomous_rule;
update autonomous_rules set condition = '{"metric": "luck"}' where rule_name = 'High ROI Scale';
alter table autonomous_rules enable trigger check_autonomous_rule;
"""
MANY = """
insert into campaigns (title, status, budget, created_at)
  select 'c' || n, 'active', 100, now() - interval '10 days' from generate_series(1, 2500) n;
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 50000, 1000, 40, 1000, 3600 from campaigns;
"""


@pytest.fixture(scope="module")
def function(
    migrated: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionServer]:
    log = tmp_path_factory.mktemp("function") / "function.log"
    environment = {**migrated.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=log) as server:
        yield server


def execute(stack: LocalStack, statements: str) -> None:
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(statements)


def rows(stack: LocalStack, query: str) -> list[Any]:
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(query).fetchall()


def post(
    server: FunctionServer, body: bytes | None = None, token: str | None = TOKEN, **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """The guide's curl: a POST with a token and a content type, and perhaps no body."""
    request = urllib.request.Request(server.url + "/", data=body or b"", method="POST")
    request.add_header("Content-Type", "application/json")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}".encode().decode("latin-1"))
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), dict(error.headers)


def run(stack: LocalStack, **body: Any) -> dict[str, Any]:
    """A run without HTTP in front."""
    settings = Settings.from_env(stack.environment())
    with closing(Store.from_settings(settings)) as store:
        answer = Runner(store, settings).handle(body)
    result: dict[str, Any] = json.loads(answer.body)["result"]
    return result


def test_the_guides_scenarios(fresh: LocalStack, function: FunctionServer) -> None:
    """A: the loser is paused with the reason logged. B: the winner goes from 100 to 150-200."""
    execute(fresh, LOSER + WINNER)
    status, answer, _ = post(function)
    assert status == 200
    assert answer["success"] is True
    assert answer["message"] == "Autonomous operations completed successfully"
    RunSummary.model_validate(answer["result"])
    assert answer["result"]["actions_taken"]["campaigns_paused"] == 1
    assert answer["result"]["actions_taken"]["campaigns_scaled"] == 1
    paused = rows(
        fresh,
        """select c.status, aa.reason, aa.confidence_score, aa.previous_state, aa.new_state
             from campaigns c join autonomous_actions aa on aa.campaign_id = c.id
            where aa.action_type = 'auto_pause'""",
    )
    assert len(paused) == 1
    assert paused[0][0] == "paused"
    assert "240.00" in paused[0][1]
    assert 50 <= paused[0][2] <= 100
    assert paused[0][3] == {"status": "active", "budget": 200}
    assert paused[0][4] == {"status": "paused", "budget": 200}
    scaled = rows(
        fresh,
        """select c.budget, aa.previous_state->>'budget', aa.new_state->>'budget'
             from campaigns c join autonomous_actions aa on aa.campaign_id = c.id
            where aa.action_type = 'auto_scale_up'""",
    )
    assert [(float(budget), float(old), float(new)) for budget, old, new in scaled] == [
        (150.0, 100.0, 150.0)
    ]


def test_an_hour_later_the_same_campaigns_rest(fresh: LocalStack) -> None:
    execute(fresh, LOSER + WINNER)
    run(fresh)
    again = run(fresh)
    assert again["actions_taken"]["campaigns_paused"] == 0
    assert again["actions_taken"]["campaigns_scaled"] == 0
    assert again["held"] == {"COOLDOWN": 1}


def test_a_dry_run_writes_nothing(fresh: LocalStack) -> None:
    execute(fresh, LOSER + WINNER)
    before = rows(fresh, "select id, status, budget, updated_at from campaigns order by id")
    result = run(fresh, dry_run=True)
    assert result["dry_run"] is True
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert rows(fresh, "select id, status, budget, updated_at from campaigns order by id") == before
    for table in ("autonomous_actions", "optimization_opportunities"):
        assert rows(fresh, f"select count(*) from {table}") == [(0,)]


def test_every_one_of_2500_campaigns_is_seen(fresh: LocalStack) -> None:
    """The API caps an answer at 1,000 rows, silently: it bites at 1,001."""
    execute(fresh, MANY)
    result = run(fresh, dry_run=True)
    assert result["campaigns_evaluated"] == 2500
    decided = sum(result["held"].values()) + result["actions_taken"]["campaigns_scaled"]
    assert decided == 2500
    assert [one["code"] for one in result["breakers"]] == ["GROWTH_BREAKER"]


@pytest.mark.parametrize(
    "preparation",
    [
        "",
        LOSER + "delete from autonomous_rules;",
        LOSER + "update autonomous_rules set is_active = false;",
    ],
    ids=["no campaigns", "no rules", "no active rules"],
)
def test_nothing_to_do_is_a_success_with_zeros(fresh: LocalStack, preparation: str) -> None:
    if preparation:
        execute(fresh, preparation)
    result = run(fresh)
    assert result["success"] is True
    counts = {k: v for k, v in result["actions_taken"].items() if k != "opportunities_detected"}
    assert set(counts.values()) == {0}
    assert rows(fresh, "select count(*) from autonomous_actions") == [(0,)]


def test_a_rule_that_was_forced_into_the_table_is_reported_and_skipped(fresh: LocalStack) -> None:
    execute(
        fresh,
        LOSER
        + """
        alter table autonomous_rules disable trigger user;
        insert into autonomous_rules (rule_name, rule_type, condition, action, priority)
          values ('Broken', 'pause', '{"metric": "roy", "operator": "<", "threshold": 9}',
                  '{"type": "auto_pause"}', 999);
        alter table autonomous_rules enable trigger user;
        """,
    )
    result = run(fresh)
    assert [one["rule_name"] for one in result["rules_skipped"]] == ["Broken"]
    assert "roy" in result["rules_skipped"][0]["error"]
    assert result["actions_taken"]["campaigns_paused"] == 1


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("wrong", 401), ("", 401), ("ü", 401), (TOKEN, 200)]
)
def test_who_may_call(
    fresh: LocalStack, function: FunctionServer, token: str | None, status: int
) -> None:
    answered, body, _ = post(function, b'{"dry_run": true}', token=token)
    assert answered == status
    assert body["success"] is (status == 200)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b'{"dry_run": NaN}', "JSON"),
        (b"[]", "object"),
        (b'{"dryrun": true}', "dryrun"),
        (b'{"dry_run": "yes"}', "dry_run"),
        (b'{"shard": "9/8"}', "shard"),
        (b'{"include_inactive_rules": true}', "include_inactive_rules"),
    ],
)
def test_a_bad_body_is_400_and_says_what_is_wrong(
    function: FunctionServer, body: bytes, named: str
) -> None:
    status, answer, _ = post(function, body)
    assert status == 400
    assert named in answer["error"]["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_wrong_method_is_405(function: FunctionServer, method: str) -> None:
    request = urllib.request.Request(function.url + "/", method=method)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == 405
        assert "POST" in answer.headers["Allow"]


def test_the_same_key_gets_the_same_bytes(fresh: LocalStack, function: FunctionServer) -> None:
    execute(fresh, LOSER)
    first = post(function, b"{}", Idempotency_Key="hour-1")
    second = post(function, b"{}", Idempotency_Key="hour-1")
    assert first[:2] == second[:2]
    assert rows(fresh, "select count(*) from autonomous_actions") == [(1,)]
    assert post(function, b'{"dry_run": true}', Idempotency_Key="hour-1")[0] == 422


def test_the_schedulers_retry_is_the_same_call(fresh: LocalStack, function: FunctionServer) -> None:
    """X-CloudScheduler-ScheduleTime stays the same across its retries."""
    headers = {
        "X_CloudScheduler_JobName": "hourly",
        "X_CloudScheduler_ScheduleTime": "2026-11-22T10:00:00Z",
    }
    first = post(function, b"{}", **headers)
    assert first[0] == 200
    assert post(function, b"{}", **headers)[1] == first[1]


def test_database_and_function_decide_the_same(fresh: LocalStack) -> None:
    execute(fresh, LOSER + WINNER)
    with psycopg.connect(fresh.database_url) as connection:
        row = connection.execute("select run_autonomous_operations()").fetchone()
        assert row is not None
        result = row[0]
        assert result["actions_taken"]["campaigns_paused"] == 1
        assert result["actions_taken"]["campaigns_scaled"] == 1
        in_database = connection.execute(
            "select action_type, previous_state, new_state, confidence_score, reason"
            "  from autonomous_actions order by action_type"
        ).fetchall()
        connection.rollback()
    run(fresh)
    in_function = rows(
        fresh,
        "select action_type, previous_state, new_state, confidence_score, reason"
        "  from autonomous_actions order by action_type",
    )
    assert in_function == in_database


def test_no_process_is_left(migrated: LocalStack, tmp_path: Path) -> None:
    server = FunctionServer(migrated.environment(), log=tmp_path / "log").start()
    pid = server.pid
    server.stop()
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("silent", "more", "told"),
    [
        ([], "", True),
        (["Critical ROI Pause", "Low ROI Pause"], "", False),
        (["Low ROI Pause"], "", True),  # the other one paused it
        (["Critical ROI Pause", "Low ROI Pause"], WINNER, True),
        (["Critical ROI Pause", "Low ROI Pause"], BROKEN, True),
    ],
)
def test_a_rule_may_ask_for_no_notification(
    fresh: LocalStack, silent: list[str], more: str, told: bool
) -> None:
    execute(fresh, HOPELESS + more)
    with psycopg.connect(fresh.database_url) as connection:
        connection.execute(
            """update autonomous_rules set action = action || '{"notify": false}'
                where rule_name = any (%s)""",
            (silent,),
        )
        connection.execute(
            """update autonomous_rules set action = action || '{"notify": true}'
                where rule_name = 'High ROI Scale' and condition ? 'threshold'"""
        )
    heard: list[Any] = []
    settings = Settings.from_env(fresh.environment())
    with closing(Store.from_settings(settings)) as store:
        runner = Runner(store, settings, notify=lambda _, result: heard.append(result))
        answer = json.loads(runner.handle({}).body)["result"]
    assert answer["actions_taken"]["campaigns_paused"] == 1
    assert heard == [answer if told else None]

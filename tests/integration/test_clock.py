"""The clock over HTTP: a run is at the database's time, and no caller can say otherwise."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.errors import WrongClock
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.simulated import simulate

OTHER_DAY = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
OPERATOR = "operator-token-of-thirty-two-characters"
SERVED = {"AUTONOMY_API_TOKEN": OPERATOR, "AUTONOMY_SESSION_KEY": "k" * 40}
LOSER = """
insert into campaigns (title, status, budget, created_at)
  values ('Loser', 'active', 200, '2025-12-01Z');
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue, updated_at)
  select id, 40000, 800, 4, 240, 120, %s from campaigns where title = 'Loser';
"""


@pytest.fixture
def real_time(fresh: LocalStack) -> Iterator[LocalStack]:
    """The stack as a user's project is: nobody simulates."""
    simulate(fresh.database_url, "off")
    fresh.restart_postgrest()
    yield fresh
    simulate(fresh.database_url)
    fresh.restart_postgrest()


def call(stack: LocalStack, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
    """A request of the service role, the most that anybody can be over HTTP."""
    request = urllib.request.Request(
        f"{stack.api_url}/rest/v1/{path}", data=json.dumps(body).encode(), method="POST"
    )
    key = stack.service_role_key
    for name, value in {
        "Content-Type": "application/json",
        "apikey": key,
        "Authorization": f"Bearer {key}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"autonomy.simulation": "on"},
        {"Prefer": "autonomy.simulation=on"},
        {"Prefer": "tx=commit, timezone=America/Los_Angeles"},
        {"X_Setting": "autonomy.simulation=on", "Cookie": "autonomy.simulation=on"},
        {"Options": "-c autonomy.simulation=on"},
    ],
)
def test_no_header_makes_another_time(real_time: LocalStack, headers: dict[str, str]) -> None:
    status, said = call(
        real_time,
        "rpc/run_autonomous_operations",
        {"p_now": OTHER_DAY.isoformat()},
        **headers,
    )
    assert (status, json.loads(said)["code"]) == (400, "AO014")
    status, _ = call(
        real_time,
        "rpc/run_autonomous_operations?autonomy.simulation=on",
        {"p_now": OTHER_DAY.isoformat()},
    )
    assert status >= 400
    with psycopg.connect(real_time.database_url) as db:
        assert db.execute("select count(*) from autonomous_runs").fetchone() == (0,)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rpc/set_config", {"setting_name": "autonomy.simulation", "new_value": "on"}),
        ("rpc/pg_catalog.set_config", {"setting_name": "autonomy.simulation", "new_value": "on"}),
        ("rpc/run_autonomous_operations", {"autonomy.simulation": "on"}),
    ],
)
def test_no_call_sets_the_setting(real_time: LocalStack, path: str, body: dict[str, Any]) -> None:
    for _ in range(5):  # on some connection of the pool
        assert call(real_time, path, body)[0] == 404
    now = {"p_now": OTHER_DAY.isoformat()}
    for _ in range(5):
        assert call(real_time, "rpc/expire_pending_actions", now)[0] == 400


def test_the_setting_of_the_database_reaches_postgrest(fresh: LocalStack) -> None:
    """Which is why the refusals above say something."""
    now = {"p_now": OTHER_DAY.isoformat()}
    assert call(fresh, "rpc/expire_pending_actions", now) == (200, "0")


@pytest.mark.parametrize("name", ["p_now", "now", "clock", "simulated", "autonomy.simulation"])
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_a_body_has_no_time(real_time: LocalStack, path: str, name: str) -> None:
    settings = Settings.from_env({**real_time.environment(), **SERVED})
    with closing(Store.from_settings(settings)) as store:
        app = create_app(settings, store, Runner(store, settings).handle, behind_proxy=False)
        answer = app.test_client().post(
            path,
            json={name: OTHER_DAY.isoformat()},
            headers={"Authorization": f"Bearer {OPERATOR}"},
        )
    assert answer.status_code == 400
    assert name in answer.get_json()["error"]["message"]


def test_a_run_is_at_the_time_of_the_database(real_time: LocalStack) -> None:
    settings = Settings.from_env(real_time.environment())
    with closing(Store.from_settings(settings)) as store:
        answer = Runner(store, settings).handle({})
    result = json.loads(answer.body)["result"]
    assert "simulated" not in result
    with psycopg.connect(real_time.database_url) as db:
        row = db.execute(
            "select started_at, finished_at > started_at, now() from autonomous_runs where id = %s",
            (result["run_id"],),
        ).fetchone()
    assert row is not None
    started, ended_later, now = row
    assert timedelta(0) < now - started < timedelta(minutes=1)
    assert ended_later
    assert result["timestamp"] == started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_another_clock_is_refused_where_nobody_simulates(real_time: LocalStack) -> None:
    settings = Settings.from_env(real_time.environment())
    with closing(Store.from_settings(settings)) as store:
        runner = Runner(store, settings, clock=lambda: OTHER_DAY)
        with pytest.raises(WrongClock, match="the database's clock says") as refused:
            runner.handle({})
    assert (refused.value.http_status, refused.value.code) == (400, "WRONG_CLOCK")
    assert "set autonomy.simulation = on" in refused.value.hint


def test_a_simulated_run_says_so_and_shows_it(fresh: LocalStack) -> None:
    with psycopg.connect(fresh.database_url) as db:
        db.execute(LOSER.replace("%s", f"'{OTHER_DAY.isoformat()}'"))
    settings = Settings.from_env({**fresh.environment(), **SERVED})
    with closing(Store.from_settings(settings)) as store:
        answer = Runner(store, settings, clock=lambda: OTHER_DAY).handle({})
        result = json.loads(answer.body)["result"]
        plain = json.loads(Runner(store, settings).handle({"dry_run": True}).body)["result"]
        client = create_app(
            settings, store, Runner(store, settings).handle, behind_proxy=False
        ).test_client()
        bearer = {"Authorization": f"Bearer {OPERATOR}"}
        pages = {
            name: client.get(path, headers=bearer).get_data(as_text=True)
            for name, path in (
                ("simulated", f"/runs/{result['run_id']}"),
                ("plain", f"/runs/{plain['run_id']}"),
                ("list", "/runs"),
            )
        }
    assert result["simulated"] is True
    assert result["actions_taken"]["campaigns_paused"] == 1
    assert result["timestamp"] == "2026-02-03T04:05:06Z"
    assert "simulated" not in plain
    assert "This run was simulated" in pages["simulated"]
    assert "simulated" not in pages["plain"]
    assert pages["list"].count("simulated: not the time of the clock") == 1
    with psycopg.connect(fresh.database_url) as db:
        moments = db.execute("select executed_at from autonomous_actions").fetchall()
    assert moments == [(OTHER_DAY,)]

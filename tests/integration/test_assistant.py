"""An assistant at the door of the real stack, by the protocol's own client."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.assistant.api import within
from autonomy.assistant.tools import BY_NAME, TOOLS, Call, call_of
from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app
from tests.calm import load_calm
from tests.kept import Kept
from tests.unit.test_assistant import RULE

OPERATOR = "operator-token-of-32-characters!"
STATE = "select (select jsonb_agg(c order by id) from campaigns c)::text,"
STATE += " (select jsonb_agg(r order by id) from autonomous_rules r)::text,"
STATE += " (select jsonb_agg(a order by id) from autonomous_actions a)::text,"
STATE += " (select to_jsonb(p) - '{updated_at,updated_by}'::text[] from autonomy_policy p)::text"


@pytest.fixture
def settings(migrated: LocalStack) -> Settings:
    return Settings.from_env(
        {
            **migrated.environment(),
            "AUTONOMY_API_TOKEN": OPERATOR,
            "AUTONOMY_SESSION_KEY": "k" * 40,
        }
    )


@pytest.fixture
def store(settings: Settings, fresh: LocalStack, sample_account: Kept) -> Store:
    """On the sample account after one run."""
    store = Store.from_settings(settings)

    def make() -> None:
        load_calm(fresh.database_url)
        Runner(store, settings).handle({}, trigger="cli")

    sample_account.fill(make)
    return store


def state(stack: LocalStack) -> Any:
    with psycopg.connect(stack.database_url) as db:
        return db.execute(STATE).fetchone()


def ids(db: psycopg.Connection) -> dict[str, str]:
    find = {
        "campaign_id": "select id from campaigns order by id limit 1",
        "action_id": "select id from autonomous_actions order by id limit 1",
        "run_id": "select id from autonomous_runs order by id limit 1",
        "account": "select account from campaigns order by account limit 1",
    }
    return {name: str(db.execute(sql.encode()).fetchone()[0]) for name, sql in find.items()}  # type: ignore[index]


def test_no_tool_moves_money(settings: Settings, store: Store, fresh: LocalStack) -> None:
    """Each once, for real; only freeze leaves a trace in what decides."""
    ask, before = within(settings, store), state(fresh)
    with psycopg.connect(fresh.database_url) as db:
        known = ids(db)
    needs: dict[str, dict[str, Any]] = {
        "action": {"action_id": known["action_id"]},
        "campaign": {"campaign_id": known["campaign_id"]},
        "explain": {"campaign_id": known["campaign_id"]},
        "run": {"run_id": known["run_id"]},
        "proof": {"account": known["account"]},
        "funnel": {"campaign_id": known["campaign_id"]},
        "preview_rule": {"rule": RULE},
        "preview_rollback": {"run_id": known["run_id"]},
        "draft_rule": {"rule": RULE, "why": "it burns money"},
    }
    for tool in TOOLS:
        if tool.name != "freeze":
            status, found = ask(call_of(tool, needs.get(tool.name, {})))
            assert status in (200, 201), (tool.name, found)
            assert state(fresh) == before, tool.name
    ask(call_of(BY_NAME["freeze"], {"frozen_reason": "looks odd"}))
    with psycopg.connect(fresh.database_url) as db:
        policy = "select frozen, frozen_reason, updated_by from autonomy_policy"
        assert db.execute(policy.encode()).fetchone() == (True, "looks odd", "agent (api)")


def test_a_draft_becomes_a_rule_by_a_person_alone(settings: Settings, store: Store) -> None:
    ask = within(settings, store)
    status, draft = ask(call_of(BY_NAME["draft_rule"], {"rule": RULE, "why": "<b>do it</b>"}))
    assert (status, draft["origin"], draft["status"]) == (201, "agent (api)", "open")
    assert store.select("autonomous_rules", filters={"rule_name": "Low"}) == []
    client = create_app(settings, store, Runner(store, settings).handle).test_client()
    bearer = {"Authorization": f"Bearer {OPERATOR}"}
    page = client.get("/rules", headers=bearer).get_data(as_text=True)
    assert "Proposed rules" in page
    assert "&lt;b&gt;do it&lt;/b&gt;" in page
    adopt = f"/api/drafts/{draft['id']}/adopt"
    assert ask(Call("POST", adopt, {}, {}))[0] == 403
    adopted = client.post(adopt, json={}, headers=bearer).get_json()
    assert adopted["status"] == "adopted"
    (rule,) = store.select("autonomous_rules", filters={"id": adopted["rule_id"]})
    assert (rule["rule_name"], rule["is_active"]) == ("Low", False)
    again = client.post(adopt, json={}, headers=bearer)
    assert (again.status_code, again.get_json()["error"]["message"]) == (
        409,
        "This draft was adopted already.",
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": True}, 400),
        ({"rule_name": ""}, 400),
        ({"rule_name": "x" * 201}, 400),
        ({"condition": {"metric": "magic", "operator": "<", "threshold": 1}}, 400),
        ({"action": {"type": "auto_scale_up", "multiplier": 2}}, 400),
        ({"drop": "table"}, 400),
        ({"is_active": False}, 201),
    ],
)
def test_a_draft_is_held_to_what_a_rule_may_say(
    settings: Settings, store: Store, change: dict[str, Any], code: int
) -> None:
    ask = within(settings, store)
    assert ask(call_of(BY_NAME["draft_rule"], {"rule": {**RULE, **change}}))[0] == code


def test_drafts_wake_no_rule_and_are_bounded(
    settings: Settings, store: Store, fresh: LocalStack
) -> None:
    ask = within(settings, store)
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        db.execute(
            "insert into autonomy.rule_drafts (rule, origin) select '{}', 'test'"
            " from generate_series(1, 99)"
        )
        assert ask(call_of(BY_NAME["draft_rule"], {"rule": RULE}))[0] == 201
        db.execute("update autonomous_rules set is_active = true")
        names = db.execute("select rule_name from autonomous_rules").fetchall()
        assert ("Low",) not in names
    status, found = ask(call_of(BY_NAME["draft_rule"], {"rule": RULE}))
    assert (status, found["error"]["code"]) == (409, "CONFLICT")


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="mcp is not installed")
def test_the_protocols_own_client(settings: Settings, store: Store, fresh: LocalStack) -> None:
    import anyio
    from mcp import ClientSession, StdioServerParameters, stdio_client

    environment = {**fresh.environment(), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    door = StdioServerParameters(
        command=sys.executable, args=["-m", "autonomy", "mcp"], env=environment,
        cwd=str(Path(__file__).parents[2]),
    )  # fmt: skip

    async def talk() -> tuple[Any, Any, Any]:
        async with stdio_client(door) as streams, ClientSession(*streams) as session:
            await session.initialize()
            tools = await session.list_tools()
            rules = await session.call_tool("rules", {})
            wrong = await session.call_tool("explain", {"campaign_id": "x", "dry_run": False})
            return tools, rules, wrong

    tools, rules, wrong = anyio.run(talk)
    assert {tool.name for tool in tools.tools} == set(BY_NAME)
    said = rules.content[0].text
    assert len(json.loads(said[said.index("{") :])["rules"]) == 4
    assert wrong.is_error
    assert "explain takes no such argument" in wrong.content[0].text

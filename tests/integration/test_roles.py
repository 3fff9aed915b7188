"""Who may do what, through real PostgREST with real tokens."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import requests

from autonomy.local import LocalStack
from autonomy.migrate import apply

MARK = "%[autonomous-operations]"
TABLES = (
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind"
    " in ('r', 'p', 'v', 'm')"
    " and obj_description(oid, 'pg_class') like %s order by 1"
)
FUNCTIONS = (
    "select p.proname, coalesce(p.proargnames[1:p.pronargs], '{}'), p.prorettype ="
    " 'trigger'::regtype,"
    " p.proargtypes::regtype[]::text[]"
    " from pg_proc p where pronamespace = 'public'::regnamespace and obj_description(oid,"
    " 'pg_proc') like %s order by 1"
)
ADMIN = {"sub": str(uuid.uuid4()), "app_metadata": {"role": "admin"}}


@pytest.fixture(scope="module")
def granting(stack_folder: Callable[[], Any]) -> Iterator[LocalStack]:
    """A project as they used to be: every new table and function is granted to everybody."""
    with LocalStack(stack_folder()) as stack:
        with psycopg.connect(stack.database_url, autocommit=True) as db:
            for kind in ("tables", "functions", "sequences"):
                db.execute(
                    f"alter default privileges in schema public grant all on {kind}"
                    " to anon, authenticated, service_role"
                )
        apply(stack.database_url)
        stack.restart_postgrest()
        yield stack


@pytest.fixture(params=["hosted now", "with automatic grants"])
def project(request: pytest.FixtureRequest) -> LocalStack:
    """A migrated project without automatic grants, and one with them."""
    name = "fresh" if request.param == "hosted now" else "granting"
    stack: LocalStack = request.getfixturevalue(name)
    return stack


class Caller:
    """Somebody with a token."""

    def __init__(self, stack: LocalStack, role: str, claims: dict[str, Any] | None = None) -> None:
        token = stack.token(role, claims)
        self._base = f"{stack.api_url}/rest/v1"
        self._session = requests.Session()
        self._session.headers.update({"apikey": token, "Authorization": f"Bearer {token}"})

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def code(self, method: str, path: str, body: Any = None) -> str:
        """The SQLSTATE of the answer, or its HTTP status where there is none."""
        answer = self._session.request(method, f"{self._base}/{path}", json=body, timeout=30)
        if answer.ok:
            return str(answer.status_code)
        return str(answer.json().get("code") or answer.status_code)

    def rows(self, table: str) -> list[Any]:
        answer = self._session.get(f"{self._base}/{table}", timeout=30)
        assert answer.ok, answer.text
        rows: list[Any] = answer.json()
        return rows


def tables(stack: LocalStack) -> list[str]:
    with psycopg.connect(stack.database_url) as db:
        return [name for (name,) in db.execute(TABLES, (MARK,)).fetchall()]


def functions(stack: LocalStack) -> list[tuple[str, dict[str, Any]]]:
    """Each function of ours with arguments that find it: nulls do, as access is checked first."""
    with psycopg.connect(stack.database_url) as db:
        rows = db.execute(FUNCTIONS, (MARK,)).fetchall()
    return [
        (name, dict.fromkeys(arguments))
        for name, arguments, is_trigger, _ in rows
        if not is_trigger
    ]


def some_rows(stack: LocalStack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as db:
        db.execute("insert into campaigns (title, budget) values ('one', 100)")
        db.execute(
            "select auto_scale_campaign(id, 120, 'a row of the log') from campaigns where"
            " budget = 100"
        )


def test_the_tables_and_functions_are_all_there(project: LocalStack) -> None:
    assert {
        "campaigns",
        "autonomous_actions",
        "autonomous_runs",
        "campaign_changes",
        "autonomy_policy",
    } <= set(tables(project))
    names = [name for name, _ in functions(project)]
    assert {"apply_autonomous_actions", "run_autonomous_operations", "auto_pause_campaign"} <= set(
        names
    )
    assert len(names) == len(set(names))


def test_anon_gets_nothing(project: LocalStack) -> None:
    with Caller(project, "anon") as anon:
        for table in tables(project):
            assert anon.code("GET", f"{table}?limit=1") == "42501", table
            assert anon.code("POST", table, {}) == "42501", table
            assert anon.code("DELETE", table) == "42501", table
        for name, arguments in functions(project):
            assert anon.code("POST", f"rpc/{name}", arguments) == "42501", name


@pytest.mark.parametrize("claims", [None, ADMIN])
def test_a_signed_in_person_writes_and_calls_nothing(
    project: LocalStack, claims: dict[str, Any] | None
) -> None:
    some_rows(project)
    with Caller(project, "authenticated", claims) as person:
        for table in tables(project):
            assert person.code("POST", table, {}) == "42501", table
        for table, change in (
            ("campaigns?id=not.is.null", {"budget": 1}),
            ("autonomy_policy?id=is.true", {"frozen": True}),
            ("autonomous_actions?id=not.is.null", {"status": "rolled_back"}),
            ("autonomous_rules?id=not.is.null", {"is_active": False}),
        ):
            assert person.code("PATCH", table, change) == "42501", table
            assert person.code("DELETE", table) == "42501", table
        for name, arguments in functions(project):
            assert person.code("POST", f"rpc/{name}", arguments) == "42501", name


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"role_name": "admin"},
        {"user_metadata": {"role": "admin", "admin": True}},  # a person writes that one themselves
        {"app_metadata": {"role": "viewer", "admin": "true"}},
        {"app_metadata": ["admin"]},
        {"app_metadata": None},
    ],
)
def test_without_the_admin_claim_no_row_is_seen(fresh: LocalStack, claims: dict[str, Any]) -> None:
    some_rows(fresh)
    with Caller(fresh, "authenticated", claims) as person:
        for table in tables(fresh):
            assert person.rows(table) == [], table


def test_an_admin_reads_every_table(project: LocalStack) -> None:
    some_rows(project)
    with Caller(project, "authenticated", ADMIN) as admin:
        for table in tables(project):
            admin.rows(table)
        assert admin.rows("campaigns")
        assert admin.rows("autonomous_actions")
        assert admin.rows("campaign_changes")


def test_a_token_that_is_not_ours(fresh: LocalStack) -> None:
    with Caller(fresh, "service_role") as stranger:
        stranger._session.headers["Authorization"] = (
            "Bearer " + fresh.service_role_key[:-6] + "AAAAAA"
        )
        assert stranger.code("GET", "campaigns") == "PGRST301"


def test_the_server_does_a_whole_run(project: LocalStack) -> None:
    with Caller(project, "service_role") as server:
        one = {
            "id": str(uuid.uuid4()),
            "title": "a loser",
            "budget": 100,
            "created_at": "2026-01-01T00:00:00Z",
        }
        assert server.code("POST", "campaigns", one) == "201"
        figures = {
            "campaign_id": one["id"],
            "total_spend": 900,
            "total_revenue": 300,
            "conversions": 8,
        }
        assert server.code("POST", "campaign_performance", figures) == "201"
        metrics = [{"campaign_id": one["id"], "bucket": "2026-01-01T00:00:00Z", "spend": 1}]
        assert server.code("POST", "rpc/record_campaign_metrics", {"p_rows": metrics}) == "200"
        assert server.code("POST", "rpc/run_autonomous_operations", {}) == "200"
        (done,) = [
            row for row in server.rows("autonomous_actions") if row["campaign_id"] == one["id"]
        ]
        assert done["action_type"] == "auto_pause"
        assert (
            server.code("POST", "rpc/rollback_autonomous_action", {"p_action_id": done["id"]})
            == "200"
        )
        assert server.code("POST", "rpc/audit_autonomous_actions", {}) == "200"
        assert server.code("PATCH", "autonomous_rules?priority=eq.80", {"is_active": True}) in {
            "200",
            "204",
        }
        assert server.code("PATCH", "autonomy_policy?id=is.true", {"max_step": None}) == "AO002"


def test_row_level_security_is_on_everywhere(project: LocalStack) -> None:
    with psycopg.connect(project.database_url) as db:
        open_ones = db.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and"
            " relkind in ('r', 'p')"
            " and obj_description(oid, 'pg_class') like %s and not relrowsecurity",
            (MARK,),
        ).fetchall()
    assert open_ones == []


def test_every_function_has_a_fixed_search_path_and_the_callers_rights(project: LocalStack) -> None:
    with psycopg.connect(project.database_url) as db:
        rows = db.execute(
            "select proname, prosecdef, prorettype = 'trigger'::regtype, proconfig::text"
            " from pg_proc"
            " where pronamespace = 'public'::regnamespace and obj_description(oid,"
            " 'pg_proc') like %s",
            (MARK,),
        ).fetchall()
    for name, is_definer, is_trigger, config in rows:
        assert 'search_path=\\"\\"' in (config or ""), name
        assert is_definer == is_trigger, name  # only triggers write where their caller may not


def test_rights_on_tables_that_were_there_before_are_left(stack_folder: Callable[[], Any]) -> None:
    """An application's own roles go on reading and writing, and the log sees what they do."""
    with LocalStack(stack_folder()) as stack:
        with psycopg.connect(stack.database_url, autocommit=True) as db:
            db.execute(
                "create table campaigns (id uuid primary key default gen_random_uuid(), title text,"
                " status text default 'Active', budget numeric(10,2));"
                "grant select, insert, update, delete on campaigns to anon;"
                "insert into campaigns (title, budget) values ('old', 10)"
            )
        apply(stack.database_url)
        stack.restart_postgrest()
        with Caller(stack, "anon") as application, Caller(stack, "service_role") as server:
            assert application.code("POST", "campaigns", {"title": "theirs", "budget": 5}) == "201"
            assert application.code("PATCH", "campaigns?title=eq.theirs", {"budget": 6}) == "204"
            assert application.code("DELETE", "campaigns?title=eq.old") == "204"
            assert application.code("GET", "campaign_changes") == "42501"
            kinds = [row["kind"] for row in server.rows("campaign_changes?order=id")]
            assert kinds == ["created", "created", "outside", "deleted"]
            assert server.rows("campaign_changes?order=id")[-1]["actor"] == "anon"
            assert server.code("POST", "rpc/run_autonomous_operations", {}) == "200"

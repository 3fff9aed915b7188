"""Who may see and do what: the server everything, an admin may look, nobody else anything."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from autonomy.migrate import apply
from tests.sql.lints import LINTS
from tests.sql.servers import Db, Server

MARK = "%[autonomous-operations]"
BROWSER = ("anon", "authenticated")


@pytest.fixture(params=["no automatic grants", "automatic grants"])
def secured(request: pytest.FixtureRequest, server: Server) -> Iterator[Db]:
    """A migrated database, also as older hosted projects are: everything granted to everybody."""
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("grant usage on schema public to anon, authenticated, service_role")
        if request.param == "automatic grants":
            for kind in ("tables", "functions", "sequences"):
                db.execute(
                    f"alter default privileges in schema public grant all on {kind}"
                    " to anon, authenticated, service_role".encode()
                )
        granted = db.execute("select defaclacl::text from pg_default_acl order by 1").fetchall()
        apply(url)
        assert (
            db.execute("select defaclacl::text from pg_default_acl order by 1").fetchall()
            == granted
        )
        yield db


def names(db: Db, query: str, **values: Any) -> list[str]:
    return [row[0] for row in db.execute(query.encode(), {"mark": MARK} | values).fetchall()]


def tables(db: Db, *schemas: str) -> list[str]:
    """With their schemas; of both where none is named."""
    return names(
        db,
        "select relnamespace::regnamespace || '.' || relname from pg_class where relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace)"
        " and relkind in ('r', 'p') and obj_description(oid, 'pg_class') like %(mark)s"
        " and relnamespace::regnamespace::text = any (%(schemas)s)",
        schemas=list(schemas or ("public", "autonomy")),
    )


def as_user(db: Db, role: str, claims: Any = None) -> None:
    db.execute("reset role")
    db.execute(
        "select set_config('request.jwt.claims', %s, false)",
        ("" if claims is None else json.dumps(claims),),
    )
    db.execute(f"set role {role}".encode())


def test_every_function_has_a_fixed_search_path_and_a_comment(own: Db) -> None:
    loose = names(
        own,
        """select proname::text from pg_proc where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           and not coalesce('search_path=""' = any (proconfig), false)""",
    )
    assert loose == []
    bare = names(
        own,
        """select proname::text from pg_proc where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           and coalesce(length(obj_description(oid, 'pg_proc')), 0) < 40""",
    )
    assert bare == []


def test_only_triggers_run_as_their_owner(own: Db) -> None:
    found = names(
        own,
        """select proname::text from pg_proc where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           and prosecdef <> (prorettype = 'trigger'::regtype)""",
    )
    assert found == []


def test_no_function_can_be_called_from_a_browser(secured: Db) -> None:
    callable_ = names(
        secured,
        """select r.rolname || ' ' || p.proname from pg_proc p, pg_roles r
           where p.pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and r.rolname in ('anon', 'authenticated')
             and has_function_privilege(r.oid, p.oid, 'execute')""",
    )
    assert callable_ == []
    to_public = names(
        secured,
        """select p.proname::text from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
           where p.pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and a.grantee = 0""",
    )
    assert to_public == []


def test_the_server_may_call_everything_and_write_everything(secured: Db) -> None:
    refused = names(
        secured,
        """select proname::text from pg_proc where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           and not has_function_privilege('service_role', oid, 'execute')""",
    )
    assert refused == []
    for right in ("select", "insert", "update", "delete"):
        lacking = [
            table
            for table in tables(secured)
            if not names(
                secured,
                "select 'y' where has_table_privilege('service_role', %(t)s, %(r)s)",
                t=table,
                r=right,
            )
        ]
        assert lacking == []


def test_the_server_does_its_whole_work_with_its_own_rights(secured: Db) -> None:
    as_user(secured, "service_role")
    secured.execute(
        "insert into campaigns (title, budget, created_at) values ('c', 10, now() - interval '9 days')"
    )
    secured.execute(
        "select record_campaign_metrics(jsonb_build_array(jsonb_build_object('campaign_id', id, 'bucket',"
        " date_trunc('hour', now()) - interval '1 hour', 'impressions', 9999, 'clicks', 500, 'conversions', 0,"
        " 'spend', 900, 'revenue', 0))) from campaigns"
    )
    secured.execute("update autonomy_policy set max_step = 1.5")
    secured.execute("update autonomous_rules set is_active = true")
    row = secured.execute("select run_autonomous_operations()").fetchone()
    assert row is not None
    assert row[0]["actions_taken"]["campaigns_paused"] == 1
    secured.execute("delete from campaigns")
    assert secured.execute("select count(*) from campaign_facts").fetchone() == (0,)
    secured.execute("reset role")


def test_a_stranger_sees_no_table(secured: Db) -> None:
    for table in tables(secured):
        as_user(secured, "anon", {"app_metadata": {"role": "admin"}})
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            secured.execute(f"select * from {table}".encode())
    secured.execute("reset role")


@pytest.mark.parametrize(
    ("claims", "sees"),
    [
        (None, False),
        ({}, False),
        ({"role": "admin"}, False),
        ({"user_metadata": {"role": "admin"}}, False),
        ({"app_metadata": None}, False),
        ({"app_metadata": "admin"}, False),
        ({"app_metadata": ["admin"]}, False),
        ({"app_metadata": {"role": "user", "admin": False}}, False),
        ({"app_metadata": {"role": ["admin"]}}, False),
        ([], False),
        ({"app_metadata": {"role": "admin"}}, True),
        ({"app_metadata": {"admin": True}}, True),
    ],
)
def test_a_signed_in_person_sees_only_as_an_admin(db: Db, claims: Any, sees: bool) -> None:
    db.execute("set local role authenticated")
    db.execute(
        "select set_config('request.jwt.claims', %s, true)",
        ("" if claims is None else json.dumps(claims),),
    )
    assert db.execute("select count(*) from autonomy_policy").fetchone() == (int(sees),)


def test_an_admin_can_read_no_inner_table(secured: Db) -> None:
    for table in tables(secured, "autonomy"):
        as_user(secured, "authenticated", {"app_metadata": {"role": "admin"}})
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            secured.execute(f"select * from {table}".encode())
    secured.execute("reset role")


def test_an_admin_can_read_every_table_and_change_none(secured: Db) -> None:
    for table in tables(secured, "public"):
        as_user(secured, "authenticated", {"app_metadata": {"role": "admin"}})
        secured.execute(f"select * from {table}".encode())
        for statement in (
            f"delete from {table}",
            f"truncate {table}",
            f"insert into {table} default values",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                secured.execute(statement.encode())
    secured.execute("reset role")


def test_who_is_asked_once_a_query_not_once_a_row(own: Db) -> None:
    own.execute("insert into campaigns (title) select 'c' from generate_series(1, 10)")
    with own.transaction(force_rollback=True):
        own.execute("set local role authenticated")
        plan = "\n".join(names(own, "explain select * from campaigns"))
    assert "InitPlan" in plan
    assert "One-Time Filter" in plan or "Filter: $0" in plan or "(InitPlan 1)" in plan


def test_every_table_has_row_security(secured: Db) -> None:
    open_ = names(
        secured,
        """select relname::text from pg_class where relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           and relkind in ('r', 'p') and not relrowsecurity""",
    )
    assert open_ == []
    assert set(tables(secured)) == set(
        names(
            secured,
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('public', 'autonomy')",
        )
    )


def test_views_ask_as_the_one_who_reads(own: Db) -> None:
    views = names(
        own,
        """select relname::text from pg_class where relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and relkind = 'v'
           and not coalesce('security_invoker=true' = any (reloptions), false)""",
    )
    assert views == []


def test_sequences_are_nobodys_but_the_owners(secured: Db) -> None:
    reachable = names(
        secured,
        """select c.relname::text from pg_class c, unnest(array['anon', 'authenticated']) r
           where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'S'
             and has_sequence_privilege(r, c.oid, 'usage, select, update')""",
    )
    assert reachable == []


def found(db: Db, name: str) -> list[str]:
    return [row[0] for row in db.execute(LINTS[name].finds.encode()).fetchall()]


def test_the_advisors_find_nothing(secured: Db) -> None:
    assert {name: what for name in LINTS if (what := found(secured, name))} == {}


@pytest.mark.parametrize("name", LINTS)
def test_an_advisor_finds_what_is_wrong(db: Db, name: str) -> None:
    db.execute(LINTS[name].planted.encode())
    assert found(db, name) != []


def test_a_table_that_was_not_ours_keeps_its_rights(server: Server) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create table notes (id bigint)")
        db.execute("create function shout(text) returns text language sql as 'select upper($1)'")
        db.execute("grant all on notes to anon")
        apply(url)
        assert names(db, "select 'y' where has_table_privilege('anon', 'notes', 'truncate')") == [
            "y"
        ]
        assert names(
            db, "select 'y' where has_function_privilege('anon', 'shout(text)', 'execute')"
        ) == ["y"]
        assert db.execute(
            "select relrowsecurity from pg_class where relname = 'notes'"
        ).fetchone() == (False,)

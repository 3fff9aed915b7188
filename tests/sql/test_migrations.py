"""The migrations: in order, once, again, by two at a time, on any database that may come."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import psycopg
import pytest

from autonomy.errors import AutonomyError, MigrationError
from autonomy.migrate import SQL_FOLDER, apply, current, migrations
from tests.sql.servers import Db, Server
from tests.sql.test_theirs import everything

NAMES = [each.name for each in migrations()]
MARK = "[autonomous-operations]"


def version(url: str) -> dict[str, object]:
    with psycopg.connect(url) as db:
        row = db.execute("select autonomy_schema_version()").fetchone()
    assert row is not None
    found: dict[str, object] = row[0]
    return found


def columns(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as db:
        return db.execute(
            """select table_name, column_name, data_type, is_nullable, column_default
               from information_schema.columns where table_schema in ('public', 'autonomy')
                 order by 1, 2"""
        ).fetchall()


def copied(folder: Path) -> Path:
    for path in SQL_FOLDER.glob("[0-9]*.sql"):
        shutil.copy(path, folder)
    return folder


def test_an_empty_database_gets_every_file_once(server: Server) -> None:
    url = server.database()
    said: list[str] = []
    assert apply(url, progress=said.append) == NAMES
    assert said == [f"Applying the {len(NAMES)} files of the schema"]
    assert apply(url) == []
    assert version(url)["name"] == NAMES[-1]
    assert current(version(url))


def test_nothing_that_is_there_is_lost_when_all_files_run_again(server: Server) -> None:
    url = server.database()
    apply(url)
    shape = columns(url)
    with psycopg.connect(url) as db:
        db.execute("insert into campaigns (title, budget) values ('Kept', 12.34)")
        db.execute(
            "insert into campaign_performance (campaign_id, total_spend, total_revenue)"
            " select id, 50, 100 from campaigns"
        )
        db.execute(
            "update autonomous_rules set is_active = false where rule_name = 'Low ROI Pause'"
        )
        db.execute("delete from autonomous_rules where rule_name = 'High ROI Scale'")
        db.execute("update autonomy_policy set max_step = 1.25, time_zone = 'Asia/Kolkata'")
        db.execute("delete from autonomy_migrations")
    before = contents(url)
    assert apply(url) == NAMES
    after = contents(url)
    rules = {row[0]: row for row in after.pop("autonomous_rules")}
    assert after == {name: rows for name, rows in before.items() if name != "autonomous_rules"}
    assert all(rules[row[0]] == row for row in before["autonomous_rules"])
    assert columns(url) == shape


def test_a_table_of_an_older_version_gets_the_columns_that_it_lacks(server: Server) -> None:
    url = server.migrated()
    shape = {row[:2]: row for row in columns(url)}
    with psycopg.connect(url) as db:
        db.execute("insert into campaigns (title, budget) values ('Kept', 12.34)")
        db.execute(
            "alter table autonomy_policy drop person_hold_days, drop automation_actors cascade;"
            "alter table autonomous_runs drop summary;"
            "alter table campaign_facts drop ev_immature_spend;"
            "alter table autonomy.action_results drop campaign_id;"
            "delete from autonomy_migrations"
        )
    assert apply(url) == NAMES
    assert {row[:2]: row for row in columns(url)} == shape
    with psycopg.connect(url) as db:
        assert db.execute("select person_hold_days from autonomy_policy").fetchone() == (7,)
        assert db.execute("select run_autonomous_operations() -> 'success'").fetchone() == (True,)


def test_exclusions_of_a_version_without_events_stay(server: Server) -> None:
    """They get a reference to a table that is made in the same migration."""
    url = server.migrated()
    shape = {row[:2]: row for row in columns(url)}
    with psycopg.connect(url) as db:
        db.execute(
            "insert into autonomy.evidence_exclusions (account, from_day, until_day)"
            " values ('kept', '2026-01-01', '2026-01-02');"
            "alter table autonomy.evidence_exclusions drop event_id;"
            "drop table autonomy.planned_events cascade;"
            "delete from autonomy_migrations"
        )
    assert apply(url) == NAMES
    assert {row[:2]: row for row in columns(url)} == shape
    with psycopg.connect(url) as db:
        kept = db.execute("select account, event_id from autonomy.evidence_exclusions").fetchall()
    assert kept == [("kept", None)]


def test_tables_of_whole_conversions_hold_parts_of_them_afterwards(server: Server) -> None:
    """As an older version made them, with a view of the user's on each."""
    url = server.migrated()
    shape = {row[:3] for row in columns(url)}
    tables = ("campaign_metrics", "campaign_audience_metrics", "campaign_daily")
    with psycopg.connect(url) as db:
        db.execute("insert into campaigns (title, budget) values ('Kept', 12.34)")
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, conversions)"
            " select id, '2026-11-02Z', 3 from campaigns"
        )
        db.execute("drop view autonomy.counted_days")  # which that version did not have
        for table in tables:
            db.execute(f"alter table {table} alter conversions type bigint".encode())
            db.execute(
                f"create view of_{table} as select sum(conversions) as n from {table}".encode()
            )
        db.execute(
            "alter table campaign_metrics drop constraint campaign_metrics_conversions_check,"
            " add constraint campaign_metrics_conversions_check check (conversions >= 0);"
            "alter table autonomy.dashboard_performance_days alter conversions type bigint;"
            "delete from autonomy_migrations"
        )
    assert apply(url) == NAMES
    assert {row[:3] for row in columns(url) if not str(row[0]).startswith("of_")} == shape
    with psycopg.connect(url) as db:
        assert db.execute("select n from of_campaign_metrics").fetchone() == (3,)
        assert db.execute("select n from of_campaign_daily").fetchone() == (3,)
        with pytest.raises(psycopg.errors.CheckViolation):
            db.execute("update campaign_metrics set conversions = 'NaN'")


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    tables = {
        "campaigns": "id, title, status, budget, created_at, updated_at",
        "campaign_performance": "campaign_id, total_spend, total_revenue, roi, updated_at",
        "campaign_facts": "campaign_id, life_spend, life_revenue, data_at",
        "autonomous_rules": "rule_name, condition, action, priority, is_active, updated_at",
        "autonomy_policy": "max_step, time_zone, updated_at",
        "campaign_changes": "campaign_id, kind, changed_at",
    }
    with psycopg.connect(url) as db:
        return {
            table: db.execute(f"select {named} from {table} order by 1".encode()).fetchall()
            for table, named in tables.items()
        }


def test_where_one_file_has_changed_all_run_again(server: Server, tmp_path: Path) -> None:
    url = server.migrated()
    folder = copied(tmp_path)
    changed = folder / f"{NAMES[3]}.sql"
    changed.write_text(changed.read_text() + "\n-- a word more\n")
    assert not current(version(url), folder=folder)
    assert apply(url, folder=folder) == NAMES
    assert apply(url, folder=folder) == []
    assert current(version(url), folder=folder)


def test_a_file_that_fails_leaves_nothing_and_says_why(server: Server, tmp_path: Path) -> None:
    url = server.migrated()
    folder = copied(tmp_path)
    (folder / "0098_broken.sql").write_text(
        "create table public.half_done (id bigint);\nselect 1 / 0;\n"
    )
    with pytest.raises(MigrationError) as caught:
        apply(url, folder=folder)
    assert "0098_broken could not be applied: division by zero" in caught.value.message
    with psycopg.connect(url) as db:
        assert db.execute("select to_regclass('half_done')").fetchone() == (None,)
    (folder / "0098_broken.sql").write_text("select 1;\n")
    assert apply(url, folder=folder) == ["0098_broken", *NAMES]


def test_two_at_once_do_the_work_once(server: Server) -> None:
    url = server.database()
    done: list[list[str]] = []
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            done.append(apply(url))
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(name for names in done for name in names) == NAMES
    assert current(version(url))


def test_a_database_without_the_hosted_roles_is_served_too(plain_server: Server) -> None:
    url = plain_server.database()
    assert apply(url) == NAMES
    with psycopg.connect(url) as db:
        assert db.execute("select count(*) from pg_roles where rolname = 'anon'").fetchone() == (0,)
        db.execute("insert into campaigns (title, budget) values ('One', 10)")
        row = db.execute("select run_autonomous_operations() ->> 'success'").fetchone()
        assert row == ("true",)


def test_everything_that_is_made_carries_the_mark(own: Db) -> None:
    unmarked = own.execute(
        """select 'table ' || c.relname from pg_class c
           where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
             and c.relkind in ('r', 'p', 'v', 'm')
             and coalesce(obj_description(c.oid, 'pg_class'), '') not like %(mark)s
           union all
           select 'function ' || p.proname from pg_proc p
           where p.pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
             and coalesce(obj_description(p.oid, 'pg_proc'), '') not like %(mark)s""",
        {"mark": f"%{MARK}"},
    ).fetchall()
    assert unmarked == []


def test_no_function_has_two_forms(own: Db) -> None:
    doubled = own.execute(
        """select proname from pg_proc
           where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
           group by proname having count(*) > 1"""
    ).fetchall()
    assert doubled == []


def test_the_servers_all_get_the_same_schema(server: Server) -> None:
    names = [(table, column) for table, column, *_ in columns(server.migrated())]
    assert len(names) == len(set(names))
    assert ("campaign_facts", "p30_revenue") in names


def test_what_was_lost_by_hand_comes_back(server: Server) -> None:
    url = server.migrated()
    made = everything(url)
    with psycopg.connect(url) as db:
        db.execute(
            "drop trigger autonomy_campaign_updated on campaigns;"
            "drop function public.portfolio_state(timestamptz);"
            "revoke usage on schema autonomy from service_role"
        )
    assert apply(url) == []
    assert apply(url, again=True) == NAMES
    assert everything(url) == made
    with psycopg.connect(url) as db:
        db.execute("drop schema autonomy cascade")
    assert apply(url) == NAMES
    assert everything(url).keys() == made.keys()


# -------------------------------------------------------------------------------------------------
# What can be wrong
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@127.0.0.1:1/postgres",
        "postgresql://postgres@host.invalid/postgres",
        "not a url",
        "",
    ],
)
def test_a_database_that_cannot_be_reached_is_an_error_with_a_hint(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    with pytest.raises(MigrationError) as caught:
        apply(url)
    assert caught.value.message.startswith("The database cannot be reached: ")
    assert "postgresql://" in caught.value.hint
    assert isinstance(caught.value, AutonomyError)


def test_a_wrong_password_is_not_in_the_message(server: Server) -> None:
    with pytest.raises(MigrationError) as caught:
        apply(re.sub(r":[^:@]+@", ":not-the-password@", server.url()))
    assert "not-the-password" not in caught.value.message + caught.value.hint


def test_a_user_who_may_not_create_is_told_so(server: Server) -> None:
    url = server.database()
    server.execute("drop role if exists onlooker")
    server.execute("create role onlooker login password 'x'")
    with pytest.raises(MigrationError, match="The user onlooker may not create anything"):
        apply(re.sub(r"postgres:[^@]+@", "onlooker:x@", url))


def test_an_owner_who_is_no_superuser_can_migrate(server: Server) -> None:
    url = server.database()
    server.execute("drop role if exists landlord")
    server.execute("create role landlord login password 'x'")
    server.execute(f"alter database {url.rsplit('/', 1)[1]} owner to landlord")
    theirs = re.sub(r"postgres:[^@]+@", "landlord:x@", url)
    assert apply(theirs) == NAMES
    with psycopg.connect(theirs) as db:
        db.execute("insert into campaigns (title) values ('One')")
        row = db.execute("select run_autonomous_operations() ->> 'success'").fetchone()
        assert row == ("true",)


class _Old:
    class info:  # noqa: N801 - stands for psycopg's attribute
        server_version = 140_011


def test_an_old_server_is_refused() -> None:
    from autonomy.migrate import _check_server

    with pytest.raises(MigrationError, match="PostgreSQL 14; PostgreSQL 15 or later"):
        _check_server(_Old())  # type: ignore[arg-type]


def test_a_deployment_without_its_files_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="There are no migrations"):
        migrations(tmp_path)


@pytest.mark.parametrize("seen", [None, {}, {"files": None}, {"files": {NAMES[0]: "other"}}])
def test_a_database_that_has_not_seen_all_is_not_current(seen: dict[str, object] | None) -> None:
    assert not current(seen)


def test_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "0001_one.sql"
    path.write_bytes(b"select 1;\n")
    unix = migrations(tmp_path)[0].checksum
    path.write_bytes(b"select 1;\r\n")
    assert migrations(tmp_path)[0].checksum == unix

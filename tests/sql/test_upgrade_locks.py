"""A migration beside sessions that are at work: who waits, who gives way, who is told what."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy import migrate as module
from autonomy.errors import MigrationError
from autonomy.migrate import apply, migrations
from autonomy.pasted_scripts import first_script
from tests.sql.servers import Db, Server
from tests.sql.test_migrations import NAMES, copied

ALONE = "select pg_advisory_xact_lock(hashtextextended('autonomy.migrate', 0))"
LEASES = "select trigger, status from autonomous_runs order by started_at"
BEGIN = "select begin_autonomous_run(%s, '{}')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations with one that no database has seen."""
    (copied(tmp_path) / "0098_new.sql").write_text("select 1;\n")
    return tmp_path


@contextmanager
def migrating(url: str, folder: Path) -> Iterator[tuple[Future[list[str]], list[str]]]:
    """A migration in a thread of its own, and what it says."""
    said: list[str] = []
    with ThreadPoolExecutor() as threads:
        yield threads.submit(apply, url, folder=folder, progress=said.append), said


def until(holds: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.01)


def refused(db: Db, statement: str, *values: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        db.execute(statement.encode(), values)
    return caught.value


# -------------------------------------------------------------------------------------------------
# The lease
# -------------------------------------------------------------------------------------------------


def test_a_run_that_is_under_way_is_waited_for(server: Server, folder: Path) -> None:
    url, run_id = server.migrated(), uuid.uuid4()
    with psycopg.connect(url, autocommit=True) as db:
        row = db.execute(BEGIN, (run_id,)).fetchone()
        assert row is not None
        with migrating(url, folder) as (migration, said):
            until(lambda: said)
            time.sleep(0.2)
            assert said == ["Waiting for the run or migration that is under way"]
            assert not migration.done()
            db.execute(
                "select finish_autonomous_run(%s, %s, '{}', '{}', 200)",
                (run_id, row[0]["lease_token"]),
            )
            assert migration.result() == ["0098_new", *NAMES]
        assert db.execute(LEASES).fetchall() == [("http", "completed")]


def test_a_run_that_does_not_end_is_named(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0)
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(BEGIN, (uuid.uuid4(),))
        assert apply(url) == [], "with nothing to apply it waits for nobody"
        with pytest.raises(MigrationError, match="A run or another migration is under"):
            apply(url, folder=folder)
        assert db.execute(LEASES).fetchall() == [("http", "running")]


def test_a_run_that_crashed_is_waited_for_as_long_as_its_lease(
    server: Server, folder: Path
) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("select begin_autonomous_run(%s, '{}', p_lease_seconds => 1)", (uuid.uuid4(),))
        assert apply(url, folder=folder) == ["0098_new", *NAMES]
        assert db.execute(LEASES).fetchall() == [("http", "abandoned")]


def test_meanwhile_no_run_begins_and_each_is_told_to_come_again(
    server: Server, folder: Path
) -> None:
    """Between the lease and the first lock, while a table is waited for."""
    url = server.migrated()
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as db:
        writer.execute("insert into campaigns (title) values ('One')")
        with migrating(url, folder) as (migration, _):
            until(lambda: db.execute("select from autonomous_runs").rowcount)
            for statement, values in (
                (BEGIN, [uuid.uuid4()]),
                ("select run_autonomous_operations()", []),
            ):
                error = refused(db, statement, *values)
                assert error.sqlstate == "AO015"
                assert error.diag.message_primary == (
                    "The database is being upgraded; nothing was done."
                )
            writer.commit()
            assert migration.result() == ["0098_new", *NAMES]
        assert db.execute(LEASES).fetchall() == []
        row = db.execute("select run_autonomous_operations() -> 'success'").fetchone()
        assert row == (True,)


def test_the_lease_is_given_back_when_the_migration_fails(server: Server, folder: Path) -> None:
    url = server.migrated()
    (folder / "0098_new.sql").write_text("select 1 / 0;\n")
    with pytest.raises(MigrationError, match="division by zero"):
        apply(url, folder=folder)
    with psycopg.connect(url) as db:
        assert db.execute(LEASES).fetchall() == []


def test_the_lease_of_a_migration_that_crashed_runs_out(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_GIVE_BACK", "select 1 where %s is null")
    monkeypatch.setattr(module, "_LEASE_SECONDS", 1)
    url = server.migrated()
    apply(url, folder=folder)
    time.sleep(1.1)
    with psycopg.connect(url, autocommit=True) as db:
        assert db.execute(LEASES).fetchall() == [("migrate", "running")]
        row = db.execute("select run_autonomous_operations() -> 'success'").fetchone()
        assert row == (True,)
        assert db.execute(LEASES).fetchall() == [("migrate", "abandoned"), ("sql", "completed")]


@pytest.mark.parametrize(
    "older",
    [
        "drop function autonomy.take_lease(uuid, jsonb, text, text, integer, timestamptz)",
        "delete from autonomy_migrations; drop function autonomy.run_request(jsonb) cascade",
        "alter table autonomy_policy disable trigger user; delete from autonomy_policy",
    ],
)
def test_a_database_that_cannot_run_is_not_waited_for(
    server: Server, folder: Path, older: str
) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(older.encode())
    assert apply(url, folder=folder) == ["0098_new", *NAMES]


# -------------------------------------------------------------------------------------------------
# The lock that runs and effects share
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "select begin_autonomous_run(gen_random_uuid(), '{}')",
        "select run_autonomous_operations()",
        "select auto_pause_campaign(gen_random_uuid(), 'why')",
        "select approve_autonomous_action(gen_random_uuid(), 'me')",
    ],
)
def test_whoever_acts_while_the_script_is_pasted_is_told_to_come_again(
    server: Server, statement: str
) -> None:
    url = server.migrated()
    with psycopg.connect(url) as editor, psycopg.connect(url, autocommit=True) as db:
        row = db.execute("select autonomy_schema_changing()").fetchone()
        editor.execute(ALONE)
        assert refused(db, statement).sqlstate == "AO015"
        db.execute("update autonomy_migrations set applied_at = now() - interval '1 day'")
        assert db.execute("select autonomy_schema_changing()").fetchone() == (True,)
        editor.commit()
        assert db.execute("select autonomy_schema_changing()").fetchone() == (False,)
        assert row is not None


def test_the_script_waits_for_a_run_in_the_database(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url) as db, psycopg.connect(url, autocommit=True) as editor:
        db.execute("select run_autonomous_operations()")
        with ThreadPoolExecutor() as threads:
            pasted = threads.submit(editor.execute, first_script().encode())
            time.sleep(0.5)
            assert not pasted.done()
            db.commit()
            pasted.result()


def test_a_run_that_never_commits_is_named(server: Server) -> None:
    url = server.migrated()
    text = first_script().replace("lock_timeout = '1min'", "lock_timeout = '50ms'")
    with psycopg.connect(url) as db, psycopg.connect(url, autocommit=True) as editor:
        db.execute("select run_autonomous_operations()")
        with pytest.raises(psycopg.errors.ObjectInUse, match="A run or another migration is"):
            editor.execute(text.encode())


# -------------------------------------------------------------------------------------------------
# The tables
# -------------------------------------------------------------------------------------------------


def test_a_busy_table_is_reported_with_who_holds_it(server: Server, folder: Path) -> None:
    url = server.migrated()
    with psycopg.connect(url) as other:
        other.execute("lock table autonomy_policy in share mode")
        with pytest.raises(MigrationError) as caught:
            apply(url, folder=folder)
        assert caught.value.message == (
            "The schema could not be applied: Other sessions are using public.autonomy_policy"
            f" and do not end (process {other.info.backend_pid}). It left nothing behind."
        )
        assert "Nothing has been changed" in caught.value.hint
        other.execute("select from autonomous_rules")
    assert apply(url, folder=folder) == ["0098_new", *NAMES]


@pytest.mark.parametrize(
    "first", ["autonomous_rules", "campaigns", "autonomy.dashboard_stale_days"]
)
def test_who_locks_tables_in_another_order_never_pays_for_it(
    server: Server, folder: Path, first: str
) -> None:
    """The migration gives way before the server looks for a deadlock, which would end either."""
    url = server.migrated()
    with psycopg.connect(url) as other, migrating(url, folder) as (migration, _):
        other.execute(f"lock table {first}".encode())
        for name in ("autonomous_runs", "campaign_metrics", "autonomy_policy", "campaigns"):
            time.sleep(0.5)
            other.execute(f"lock table {name}".encode())
        other.commit()
        assert migration.result() == ["0098_new", *NAMES]


def test_a_deadlock_over_tables_of_the_users_is_tried_again(server: Server, folder: Path) -> None:
    url = server.migrated()
    (folder / "0098_new.sql").write_text(
        "lock table public.one;\nselect pg_sleep(0.5);\nlock table public.other;\n"
    )
    with psycopg.connect(url) as other, migrating(url, folder) as (migration, said):
        other.execute("create table one (); create table other ()")
        other.commit()
        other.execute("set deadlock_timeout = '1min'")  # the migration is to give way
        other.execute("lock table other")
        until(lambda: said)
        time.sleep(0.2)
        other.execute("lock table one")
        other.commit()
        assert migration.result() == ["0098_new", *NAMES]
    assert len(said) == 2


def test_the_tables_are_all_locked_before_anything_is_dropped(server: Server, folder: Path) -> None:
    """A reader in the middle of a function keeps it until it has ended."""
    url = server.migrated()
    first = folder / f"{NAMES[0]}.sql"
    first.write_text(first.read_text() + "\n-- a word more\n")
    with psycopg.connect(url) as reader, migrating(url, folder) as (migration, said):
        reader.execute("select count(*) from autonomy.dashboard_stale_days")
        time.sleep(0.7)
        assert said == []
        assert reader.execute("select dashboard_ready() is null").fetchone() == (False,)
        reader.commit()
        assert migration.result() == [each.name for each in migrations(folder)]

"""The migrations: which there are, which a database has seen, and how it gets the rest.

Where the text of any file has changed, all of them are applied, in one transaction: all of it or
nothing. So an upgrade leaves what a new database would have. ``sql/before.sql`` goes first: it
stops where something of the user's is in the way, and drops what the files make anew, so far as it
carries our mark. ``sql/after.sql`` goes last.

It works beside a system that runs. The lease of all runs is taken first, in a transaction of its
own, and given back last; a lock that runs and effects share keeps out those who ask for no lease;
``sql/before.sql`` locks the tables before anything is changed.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autonomy.errors import MigrationError
from autonomy.schema_names import Made, as_rows, made_by

if TYPE_CHECKING:
    import psycopg

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
OLDEST_SERVER = 15
_CONNECT_SECONDS = 15
_TRIES = 5
_PAUSE_SECONDS = 1.0
_IN_THE_WAY = {"40P01", "55P03"}  # a deadlock, a lock that was not to be had
_LEASE_SECONDS = 300
_PATIENCE_SECONDS = _LEASE_SECONDS + 30.0
"""How long a run is waited for: also one that crashed has lost its lease by then."""
_ANEW = ("function", "type")  # what is dropped and made again each time
_ALL = "The schema"  # what could not be applied, where it is no single file

_NAMES = """\
-- What the files make, for before.sql.
create temporary table autonomy_names (
  schema text, kind text, name text, on_table text,
  argument_names text[], argument_types text[], optional bigint,
  columns text[]
) on commit drop;
insert into pg_temp.autonomy_names values
{rows};
create temporary table autonomy_stays (schema text, name text) on commit drop;
{stays}"""
ALONE = """\
-- No run and no other migration while this one works (autonomy.hold_schema in 0130_policy).
do $$ begin
  set local lock_timeout = '1min';
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('autonomy.migrate', 0));
exception when lock_not_available then
  raise exception using errcode = 'object_in_use',
    message = 'A run or another migration is under way and does not end',
    hint = 'Nothing has been changed. Try again when it has ended.';
end $$;
"""
_TAKE_LEASE = """\
select autonomy.take_lease(
  %s, autonomy.run_request('{}'), null, 'migrate', %s, pg_catalog.now())
"""
_GIVE_BACK = "delete from public.autonomous_runs where id = %s and trigger = 'migrate'"


class Migration(NamedTuple):
    """One file: its name without the ending, and its text."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(folder: Path = SQL_FOLDER) -> list[Migration]:
    """The files in the order in which they are applied.

    Raises MigrationError where there are none: a deployment without its sql folder.
    """
    # read_text makes line ends alike, so that a checkout on another system has the same checksums
    found = [
        Migration(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    if not found:
        raise MigrationError(
            f"There are no migrations in {folder}.", hint="Deploy the sql folder with the program."
        )
    return found


def current(version: Mapping[str, Any] | None, *, folder: Path = SQL_FOLDER) -> bool:
    """Whether a database is up to date, from what its autonomy_schema_version() returned."""
    return applied(version, migrations(folder))


def applied(version: Mapping[str, Any] | None, files: Sequence[Migration]) -> bool:
    """Whether a database has seen these files as they are."""
    seen = (version or {}).get("files") or {}
    return all(seen.get(each.name) == each.checksum for each in files)


def steps(
    files: Sequence[Migration], beside: Sequence[Migration] = ()
) -> Iterator[tuple[Migration | None, str]]:
    """The text of one transaction that applies the files, in order, by the file.

    beside: files that another transaction has applied; what they made stays as it is.
    """
    rows = as_rows(made for each in files for made in made_by(each.text))
    stays = _stays([made for each in beside for made in made_by(each.text)])
    yield None, _NAMES.format(rows=rows, stays=stays) + _text("before")
    yield from ((each, each.text) for each in files)
    yield None, _text("after")


def _stays(made: Sequence[Made]) -> str:
    text = ""
    for schema in ("public", "autonomy"):
        names = [one.name for one in made if one.schema == schema and one.kind in _ANEW]
        if names:
            listed = ",".join(names)
            text += (
                "insert into pg_temp.autonomy_stays"
                f" select '{schema}', unnest('{{{listed}}}'::text[]);\n"
            )
    return text


def _text(name: str) -> str:
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def apply(
    database_url: str,
    *,
    progress: Callable[[str], None] | None = None,
    folder: Path = SQL_FOLDER,
    again: bool = False,
) -> list[str]:
    """Brings a database up to date and returns the names of the files that it ran.

    again: all of them, although none has changed, to mend what was lost or altered by hand.

    Two at once are safe: one waits for the other's transaction and looks again. What the server
    has to say on the way (NOTICE) goes to progress. Raises MigrationError.
    """
    tell = progress or (lambda line: None)
    files = migrations(folder)
    with _connected(database_url) as connection:
        connection.add_notice_handler(lambda notice: _pass_on(notice.message_primary or "", tell))
        _check_server(connection)
        return [each.name for each in _apply(connection, files, tell, again=again)]


def _pass_on(notice: str, tell: Callable[[str], None]) -> None:
    """What our files have to say of a database; the server's own book-keeping is left out."""
    if not notice.endswith("skipping"):
        tell(notice)


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    try:
        # No prepared statements: hosted databases are often reached through a pooler.
        connection = psycopg.connect(
            database_url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            prepare_threshold=None,
            application_name="autonomy migrate",
        )
    except psycopg.Error as error:
        raise MigrationError(
            f"The database cannot be reached: {_first_line(error)}",
            hint="Check the URL: postgresql://user:password@host:port/database. A hosted project "
            "shows it under Connect; use the direct connection or the session pooler.",
        ) from error
    try:
        # Whoever may create something in a schema of the path could have it called with our rights.
        connection.execute("select pg_catalog.set_config('search_path', '', false)")
        yield connection
    finally:
        connection.close()


def _check_server(connection: psycopg.Connection[Any]) -> None:
    version = connection.info.server_version
    if version < OLDEST_SERVER * 10_000:
        raise MigrationError(
            f"This server is PostgreSQL {version // 10_000}; "
            f"PostgreSQL {OLDEST_SERVER} or later is needed."
        )
    [(user, may_create, read_only)] = connection.execute(
        "select current_user, has_schema_privilege('public', 'create')"
        " and (to_regnamespace('autonomy') is not null"
        " or has_database_privilege(current_database(), 'create')),"
        " current_setting('transaction_read_only') = 'on'"
    ).fetchall()
    if read_only:
        raise MigrationError("This database is read-only: a replica, or a project that is paused.")
    if not may_create:
        raise MigrationError(
            f"The user {user} may not create anything in the schema public, or no schema.",
            hint="Connect as the owner of the database; on a hosted project that is postgres.",
        )


def _apply(
    connection: psycopg.Connection[Any],
    files: Sequence[Migration],
    tell: Callable[[str], None],
    *,
    again: bool,
) -> Sequence[Migration]:
    """The files that had to run. Raises MigrationError."""
    import psycopg

    try:
        if not (again or _pending(connection, files)):
            return []
        with _runs_held_back(connection, tell):
            return _apply_in_a_few_tries(connection, files, tell, again=again)
    except psycopg.Error as error:
        raise _explained(_ALL, error) from error


def _pending(connection: psycopg.Connection[Any], files: Sequence[Migration]) -> bool:
    return _seen(connection) != {each.name: each.checksum for each in files}


@contextmanager
def _runs_held_back(
    connection: psycopg.Connection[Any], tell: Callable[[str], None]
) -> Iterator[None]:
    """No run is under way, and none begins. After a crash the lease runs out, as any does."""
    import psycopg

    lease = _take_lease(connection, tell)
    try:
        yield
    finally:
        if lease is not None:
            with suppress(psycopg.Error):
                connection.execute(_GIVE_BACK, (lease,))


def _take_lease(
    connection: psycopg.Connection[Any], tell: Callable[[str], None]
) -> uuid.UUID | None:
    """The id under which it is held; None where this database cannot run either.

    Raises MigrationError where a run does not end.
    """
    known = connection.execute(
        "select from pg_proc where oid = to_regprocedure("
        "'autonomy.take_lease(uuid, jsonb, text, text, integer, timestamptz)')"
        " and obj_description(oid, 'pg_proc') like '%[autonomous-operations]'"
    ).fetchone()
    lease, deadline, told = uuid.uuid4(), time.monotonic() + _PATIENCE_SECONDS, False
    while known is not None:
        outcome = _try_lease(connection, lease)
        if outcome != "busy":
            return lease if outcome == "started" else None
        if time.monotonic() > deadline:
            raise MigrationError(
                "A run or another migration is under way and does not end.",
                hint="Nothing has been changed. Try again when it has ended; a run that crashed "
                "holds its lease for up to AUTONOMY_LEASE_SECONDS.",
            )
        if not told:
            tell("Waiting for the run or migration that is under way")
            told = True
        time.sleep(_PAUSE_SECONDS)
    return None


def _try_lease(connection: psycopg.Connection[Any], lease: uuid.UUID) -> str:
    """ "started", "busy", or "none": there is no policy, or a version that knows no leases."""
    import psycopg

    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '2s'")
            [(answer,)] = connection.execute(_TAKE_LEASE, (lease, _LEASE_SECONDS)).fetchall()
            return str(answer["outcome"])
    except psycopg.Error as error:
        # AO015: another migration has it
        return "busy" if error.sqlstate in _IN_THE_WAY | {"AO015", "57014"} else "none"


def _apply_in_a_few_tries(
    connection: psycopg.Connection[Any],
    files: Sequence[Migration],
    tell: Callable[[str], None],
    *,
    again: bool,
) -> Sequence[Migration]:
    import psycopg

    tries = _TRIES
    while True:
        tries -= 1
        try:
            return _apply_in_one_transaction(connection, files, tell, again=again)
        except psycopg.Error as error:
            # All tables are locked at the start, but the server's own housekeeping and whoever
            # reads a view of the user's may be in the way. It has left nothing behind: once more.
            if error.sqlstate not in _IN_THE_WAY or not tries:
                raise
            time.sleep(_PAUSE_SECONDS)


def _apply_in_one_transaction(
    connection: psycopg.Connection[Any],
    files: Sequence[Migration],
    tell: Callable[[str], None],
    *,
    again: bool,
) -> Sequence[Migration]:
    with connection.transaction():
        connection.execute(ALONE.encode())
        if not (again or _pending(connection, files)):
            return []
        for each, text in steps(files):
            if each is files[0]:
                tell(f"Applying the {len(files)} files of the schema")
            # What the files have to say they say aloud; "does not exist, skipping" is noise.
            connection.execute("set local client_min_messages = 'warning'")
            _execute(connection, each.name if each else _ALL, text)
        connection.execute("delete from public.autonomy_migrations where true")
        connection.cursor().executemany(
            "insert into public.autonomy_migrations (name, checksum, applied_at)"
            " values (%s, %s, clock_timestamp())",
            [(each.name, each.checksum) for each in files],
        )
        return files


def _execute(connection: psycopg.Connection[Any], name: str, text: str) -> None:
    import psycopg

    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        if error.sqlstate in _IN_THE_WAY:
            raise
        raise _explained(name, error) from error


def _seen(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """The checksum of each file that the database has seen."""
    ours = connection.execute(
        "select from pg_class where oid = to_regclass('public.autonomy_migrations')"
        " and to_regnamespace('autonomy') is not null"
        " and obj_description(oid, 'pg_class') like '%[autonomous-operations]'"
    ).fetchone()
    if ours is None:
        return {}
    return dict(
        connection.execute("select name, checksum from public.autonomy_migrations").fetchall()
    )


def _explained(name: str, error: psycopg.Error) -> MigrationError:
    hints = {
        "42501": "Connect as the owner of these tables; on a hosted project that is postgres.",
        "55P03": "Another session holds a lock on a table; try again when it is done.",
        "40P01": "Another session was in the way; try again.",
        "57014": "The server cut the statement off; try again over a direct connection.",
    }
    hint = error.diag.message_hint or hints.get(error.sqlstate or "", "")
    detail = (error.diag.message_detail or "").strip().split("\n")[0].rstrip(".")
    said = f"{_first_line(error)} ({detail})" if detail else _first_line(error)
    return MigrationError(
        f"{name} could not be applied: {said}. It left nothing behind.",
        hint=hint,
    )


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return text.strip().split("\n")[0].rstrip(".")

"""The migrations: which there are, which a database has seen, and how it gets the rest.

Each file of ``sql/`` is one transaction and safe to run again. A file whose text has changed is
run again, and so is every file after it: later files may hang on what an earlier one drops and
makes anew, and the last one gives the rights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autonomy.errors import ServiceError

if TYPE_CHECKING:
    import psycopg

SQL_FOLDER = Path(__file__).resolve().parent.parent / "sql"
SINGLE_SCRIPT = SQL_FOLDER / "create_autonomous_operations.sql"
OLDEST_SERVER = 15
_CONNECT_SECONDS = 15
_TRIES = 3

_HEADER = """\
-- Autonomous campaign operations: the whole schema as one script, for the Supabase SQL editor.
-- Generated from the numbered files of this folder (python -m autonomy sql); do not edit.
-- Safe to run again, and on a database that has campaigns and campaign_performance already.
"""
_REGISTER = """\
insert into public.autonomy_migrations (name, checksum) values
{rows}
on conflict (name) do update set checksum = excluded.checksum, applied_at = now();
"""


class MigrationError(ServiceError):
    """A database could not be brought up to date; files already applied stay applied."""

    code = "MIGRATION_FAILED"


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
    seen = (version or {}).get("files") or {}
    return all(seen.get(each.name) == each.checksum for each in migrations(folder))


def single_script(folder: Path = SQL_FOLDER) -> str:
    """All migrations as one transaction that also writes down that they were applied.

    It ends without a result row: the SQL editor then says "Success. No rows returned".
    """
    files = migrations(folder)
    rows = ",\n".join(f"  ('{each.name}', '{each.checksum}')" for each in files)
    parts = [_HEADER, "begin;\nset local client_min_messages = 'warning';\n"]
    for each in files:
        parts.append(f"-- {'=' * 93}\n-- {each.name}\n-- {'=' * 93}\n{each.text}")
    parts += [_REGISTER.format(rows=rows), "commit;\n"]
    return "\n".join(parts)


def write_single_script(path: Path = SINGLE_SCRIPT) -> Path:
    """Writes the single script beside the files that it is made of."""
    path.write_text(single_script(), encoding="utf-8", newline="\n")
    return path


def apply(
    database_url: str,
    *,
    progress: Callable[[str], None] | None = None,
    folder: Path = SQL_FOLDER,
) -> list[str]:
    """Brings a database up to date and returns the names of the files that it ran.

    Two at once are safe: each file waits for the other's transaction and looks again. What the
    server has to say on the way (NOTICE) goes to progress. Raises MigrationError.
    """
    tell = progress or (lambda line: None)
    applied = []
    with _connected(database_url) as connection:
        connection.add_notice_handler(lambda notice: _pass_on(notice.message_primary or "", tell))
        _check_server(connection)
        for migration in migrations(folder):
            if _apply_one(connection, migration, tell):
                applied.append(migration.name)
    return applied


def _pass_on(notice: str, tell: Callable[[str], None]) -> None:
    """What our files have to say of a database; the server's own book-keeping is left out."""
    if not notice.endswith("skipping") and not notice.startswith("drop cascades to"):
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
        "select current_user, has_schema_privilege('public', 'create'),"
        " current_setting('transaction_read_only') = 'on'"
    ).fetchall()
    if read_only:
        raise MigrationError("This database is read-only: a replica, or a project that is paused.")
    if not may_create:
        raise MigrationError(
            f"The user {user} may not create anything in the schema public.",
            hint="Connect as the owner of the database; on a hosted project that is postgres.",
        )


def _apply_one(
    connection: psycopg.Connection[Any], migration: Migration, tell: Callable[[str], None]
) -> bool:
    """Whether the file had to run. Raises MigrationError."""
    import psycopg

    tries = _TRIES
    while True:
        tries -= 1
        try:
            return _apply_in_one_transaction(connection, migration, tell)
        except psycopg.Error as error:
            # A file locks many tables, so it may meet whoever locks them in another order, the
            # server's own housekeeping among them. It has left nothing behind: once more.
            if error.sqlstate != "40P01" or not tries:
                raise _explained(migration, error) from error


def _apply_in_one_transaction(
    connection: psycopg.Connection[Any], migration: Migration, tell: Callable[[str], None]
) -> bool:
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended('autonomy.migrate', 0))")
        if _seen(connection, migration):
            return False
        tell(f"Applying {migration.name}")
        # What the files have to say they say aloud; "does not exist, skipping" is noise.
        connection.execute("set local client_min_messages = 'warning'")
        connection.execute(migration.text.encode())
        # Later files have to follow, even if we should be cut off in between.
        connection.execute(
            "delete from public.autonomy_migrations where name > %s", (migration.name,)
        )
        connection.execute(
            "insert into public.autonomy_migrations (name, checksum) values (%s, %s)"
            " on conflict (name) do update set checksum = excluded.checksum, applied_at = now()",
            (migration.name, migration.checksum),
        )
        return True


def _seen(connection: psycopg.Connection[Any], migration: Migration) -> bool:
    there = connection.execute("select to_regclass('public.autonomy_migrations')").fetchone()
    if there is None or there[0] is None:
        return False
    row = connection.execute(
        "select checksum from public.autonomy_migrations where name = %s", (migration.name,)
    ).fetchone()
    return row is not None and row[0] == migration.checksum


def _explained(migration: Migration, error: psycopg.Error) -> MigrationError:
    hints = {
        "42501": "Connect as the owner of these tables; on a hosted project that is postgres.",
        "55P03": "Another session holds a lock on a table; try again when it is done.",
        "40P01": "Another session was in the way; try again.",
        "57014": "The server cut the statement off; try again over a direct connection.",
    }
    hint = error.diag.message_hint or hints.get(error.sqlstate or "", "")
    return MigrationError(
        f"{migration.name} could not be applied: {_first_line(error)}. It left nothing behind.",
        hint=hint,
    )


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return text.strip().split("\n")[0].rstrip(".")

"""The rows of a database, taken once and put back where many tests begin with the same ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

COLUMNS = """
select c.relnamespace::regnamespace::text, c.relname::text,
  array_agg(a.attname::text order by a.attnum)
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace in ('public'::regnamespace, 'autonomy'::regnamespace) and c.relkind = 'r'
  and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  and c.relname <> 'autonomy_migrations'
group by c.oid
"""
SEQUENCES = """
select format('%I.%I', schemaname, sequencename), last_value from pg_sequences
where schemaname in ('public', 'autonomy') and last_value is not null
"""


class Kept:
    """What a test begins with: made anew when the hour changes, as it speaks of the present."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._hour: datetime | None = None
        self._rows: list[tuple[sql.Composed, sql.Composed, bytes]] = []
        self._sequences: list[Any] = []

    def fill(self, make: Callable[[], None]) -> None:
        """Fill the emptied database: with `make`, or with what that has made before."""
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        if self._hour == hour:
            self._put_back()
            return
        make()
        self._take()
        self._hour = hour

    def _take(self) -> None:
        self._rows = []
        with psycopg.connect(self._url) as db:
            for schema, name, columns in db.execute(COLUMNS).fetchall():
                table = sql.Identifier(schema, name)
                place = sql.SQL("{} ({})").format(
                    table, sql.SQL(", ").join(map(sql.Identifier, columns))
                )
                delete = sql.SQL("delete from {}").format(table)
                with db.cursor().copy(sql.SQL("copy {} to stdout").format(place)) as rows:
                    content = b"".join(map(bytes, rows))
                self._rows.append((delete, sql.SQL("copy {} from stdin").format(place), content))
            self._sequences = db.execute(SEQUENCES).fetchall()

    def _put_back(self) -> None:
        with psycopg.connect(self._url) as db:
            db.execute("set session_replication_role = replica")  # no trigger makes rows of its own
            for delete, put, content in self._rows:
                db.execute(delete)
                with db.cursor().copy(put) as copy:
                    copy.write(content)
            for name, number in self._sequences:
                db.execute("select setval(%s::regclass, %s)", (name, number))

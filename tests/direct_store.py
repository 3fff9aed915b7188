"""A Store without HTTP between: the same SQL functions in one session, for tests with many."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from autonomy.errors import from_database


class DirectStore:
    """Calls functions as service programs do; errors are of the project's own tree."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("set autonomy.simulation = on")

    def rpc(self, name: str, *, retry: bool = True, **params: Any) -> Any:
        given = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(key), sql.Placeholder()) for key in params
        )
        asked = sql.SQL("select {}({})").format(sql.Identifier("public", name), given)
        values = [Jsonb(one) if isinstance(one, dict | list) else one for one in params.values()]
        try:
            row = self.connection.execute(asked, values).fetchone()
        except psycopg.Error as error:
            told = error.diag
            raise from_database(error.sqlstate, told.message_primary, told.message_hint) from error
        assert row is not None
        return row[0]

    def select(
        self, table: str, *, columns: str = "*", filters: dict[str, Any], limit: int = 1000
    ) -> list[Any]:
        """Rows of one table; of the operators only gte."""
        named = {key: one[1] if isinstance(one, tuple) else one for key, one in filters.items()}
        signs = {key: ">=" if isinstance(one, tuple) else "=" for key, one in filters.items()}
        where = " and ".join(f"{key} {sign} %s" for key, sign in signs.items())
        return self.ask(
            f"select {columns} from public.{table} where {where} limit {limit}", *named.values()
        )

    def ask(self, text: str, *values: Any) -> list[Any]:
        cursor = self.connection.execute(text.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self.connection.close()

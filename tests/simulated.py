"""Test databases live on other days than the clock's: they are told that they may."""

from __future__ import annotations

import psycopg
from psycopg import sql


def simulate(url: str, setting: str = "on") -> None:
    """Let later sessions of this database name another time than the clock's."""
    with psycopg.connect(url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("alter database {} set autonomy.simulation = {}").format(database, setting)
        )

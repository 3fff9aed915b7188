"""Test databases live on other days than the clock's: they are told that they may."""

from __future__ import annotations

import psycopg
from psycopg import sql

# Server settings where nothing is meant to survive a power cut. Crashes are tried on other stacks.
HASTY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # databases live for one test; what it would do falls on any other
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",  # the cluster may lie in memory
}


def simulate(url: str, setting: str = "on") -> None:
    """Let later sessions of this database name another time than the clock's."""
    with psycopg.connect(url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("alter database {} set autonomy.simulation = {}").format(database, setting)
        )

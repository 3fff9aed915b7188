"""A sample account in which all is well, at whatever hour of the day the tests run."""

from __future__ import annotations

import psycopg


def calm(database_url: str) -> None:
    """No opportunity is critical: whether one is depends on the hour that the sample ends with."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update optimization_opportunities set severity = 'high' where severity = 'critical'"
        )

"""The sample after a run, in the state that the tests of the pages expect."""

from __future__ import annotations

import psycopg


def calm(database_url: str) -> None:
    """All is well: what the run found and changed depends on the hour that the sample ends with.

    No opportunity is critical, and no share of the campaigns or of the budget that was changed is
    one that a person should look at.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "update optimization_opportunities set severity = 'high' where severity = 'critical'"
        )
        connection.execute(
            "update autonomy_policy set pause_breaker_share = 1, growth_breaker_share = 100"
        )

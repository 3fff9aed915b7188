"""The sample account beside campaigns of somebody's own: how it is told, and how it is taken out.

Made-up campaigns share priors, totals and breakers with the own ones beside them, so they do not
belong into one database unless somebody says so.
"""

from __future__ import annotations

from typing import NamedTuple

from autonomy.local.sample_account import draw_roster


class Mixture(NamedTuple):
    """How many campaigns of a database are made up, and how many are somebody's own."""

    sample: int
    own: int


def mixture(database_url: str, *, campaigns: int = 200, days: int = 60, seed: int = 7) -> Mixture:
    """Raises psycopg.Error where the schema is missing."""
    import psycopg

    ids = {one.id for one in draw_roster(campaigns, days, seed)}
    with psycopg.connect(database_url) as connection:
        found = {row[0] for row in connection.execute("select id from public.campaigns")}
    return Mixture(len(found & ids), len(found - ids))


def take_out(database_url: str, *, campaigns: int = 200, days: int = 60, seed: int = 7) -> int:
    """Removes the sample campaigns and all that is known of them; returns how many there were."""
    import psycopg
    from psycopg import sql

    roster = draw_roster(campaigns, days, seed)
    ids = [one.id for one in roster]
    with psycopg.connect(database_url) as connection:
        connection.execute("set local statement_timeout = 0")
        gone = connection.execute("delete from public.campaigns where id = any(%s)", (ids,))
        for table in ("autonomous_actions", "optimization_opportunities", "campaign_changes"):
            statement = sql.SQL("delete from public.{} where campaign_id = any(%s)")
            connection.execute(statement.format(sql.Identifier(table)), (ids,))
        connection.execute(
            "delete from public.autonomy_accounts a where account = any(%s)"
            " and not exists (select from public.campaigns c where c.account = a.account)",
            (list({one.account for one in roster}),),
        )
        return gone.rowcount

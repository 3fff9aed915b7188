"""A day that is there by hour is not added once more as a whole, nor the other way round."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

    from autonomy.imports.export import Export

# Only where figures are there already can a day be there twice, by hour and as a whole.
_GRAIN = """
create temp table staged_grain on commit drop as
select g.* from (
  select array_agg(b.campaign_id) as ids, array_agg(b.bucket) as buckets,
    array_agg(%(whole)s::boolean) as whole, array_agg(coalesce(b.spend, 0)) as spends,
    array_agg(coalesce(b.impressions, 0)) as shown
  from staged_buckets b
  where exists (select from public.campaign_metrics m where m.campaign_id = b.campaign_id)) a
cross join lateral autonomy.settle_grain(a.ids, a.buckets, a.whole, a.spends, a.shown, %(now)s) g
"""

_LEFT_OUT = """
with gone as (
  delete from staged_buckets b using staged_grain g
  where g.campaign_id = b.campaign_id and g.bucket = b.bucket and g.reason is not null
  returning b.rows, g.reason
)
select reason, sum(rows)::bigint from gone group by reason
"""


def settle_grain(connection: psycopg.Connection, export: Export, now: datetime) -> bool:
    """Leaves out what would count a day twice, by hour and as a whole; whether there was any."""
    connection.execute(_GRAIN, {"whole": export.by_whole_days, "now": now})
    reasons = connection.execute(_LEFT_OUT).fetchall()
    for reason, rows in reasons:
        export.tally.rejected[reason] += rows
    return bool(reasons)

"""Figures that are there already: under another name, or very different ones in their place.

An export names campaigns as they are called today, so a new name restates the whole past, which
would count twice. And a name that two accounts share would put one account's figures in the place
of the other's. Both are refused before anything is written, unless it is said what is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from autonomy.errors import ExportError
from autonomy.text import counted

if TYPE_CHECKING:
    import psycopg

    from autonomy.imports.export import Export

Repeats = Literal["refuse", "rename", "new"]
"""What campaigns are that repeat another's figures: renamed, or new ones."""
_NAMED = 5
_CONTRADICTED = 2  # days: one may have been a slip


def settle_repeats(
    connection: psycopg.Connection[Any], export: Export, repeats: Repeats
) -> list[str]:
    """Sentences on the campaigns that go on under a new name. Raises ExportError, see above."""
    if repeats == "new":
        return []
    connection.execute(_NEW_DAYS)
    connection.execute("analyze staged_days, staged_campaigns")
    connection.execute(_REPEATED)
    found = connection.execute(_WHICH).fetchall()
    elsewhere = [row for row in found if row[4]]
    if found and (repeats == "refuse" or elsewhere):
        raise ExportError(_repeated_sentence(export, elsewhere or found, repeats))
    for statement in _RENAME:
        connection.execute(statement)
    connection.execute("drop table staged_repeats, staged_days")
    named = "; ".join(f"{old} is {new}" for new, old, *_ in found[:_NAMED])
    more = f"; {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return [f"Called otherwise from now on: {named}{more}."] if found else []


def remember_figures(connection: psycopg.Connection[Any], export: Export) -> None:
    """What was known of days that the file has in another grain, before either gives way."""
    connection.execute(_REMEMBERED, {"whole": export.by_whole_days})


def refuse_other_figures(
    connection: psycopg.Connection[Any], export: Export, *, replace: bool
) -> list[str]:
    """Sentences on campaigns whose days are replaced by very different ones.

    Raises ExportError where that is most of what is known of one, unless `replace`.
    """
    found = connection.execute(_REPLACED, {"whole": export.by_whole_days}).fetchall()
    connection.execute("drop table staged_before")
    if not found:
        return []
    named = "; ".join(
        f"{name} ({differ} of {counted(days, 'day')}; {before} spent becomes {after})"
        for name, differ, days, before, after in found[:_NAMED]
    )
    if len(found) > _NAMED:
        named += f" and {counted(len(found) - _NAMED, 'more campaign')}"
    if replace or all(differ < _CONTRADICTED for _, differ, *_ in found):
        return [f"Replaced by very different figures: {named}."]
    raise ExportError(
        f"{export.path} would replace most of what is known of {named}: far more than late"
        " corrections change. Nothing of it was imported. If it is another account's, name that"
        " (--account NAME); if these figures are the right ones, say --replace."
    )


def _repeated_sentence(export: Export, found: list[Any], repeats: Repeats) -> str:
    named = "; ".join(
        f"{new}{f' (account {other})' if other else ''} repeats the figures of {old}"
        f"{f' (account {account})' if other else ''} ({days} days)"
        for new, old, account, days, other in found[:_NAMED]
    )
    more = f"; {len(found) - _NAMED} more do" if len(found) > _NAMED else ""
    if any(row[4] for row in found):
        asked = "the same campaigns in another account?"
        way = "Import it into the account that they are in; if they are others, say --new."
    else:
        asked = "renamed?"
        way = "If so, say --rename and they go on under the new name; if they are others, --new."
    return (
        f"{named}{more}: {asked} Nothing of {export.path} was imported, because these figures would"
        f" count twice. {way}"
    )


# Days with the same money and the same views and clicks, in a campaign that the file does not name.
# Half of what both have is enough: the last days are corrected, and no two campaigns agree by
# chance. In another account the revenue must be the same, too.
_NEW_DAYS = """
create temp table staged_days on commit drop as
select b.campaign_id, (b.bucket at time zone s.zone)::date as day, sum(b.spend) as spend,
  sum(b.impressions) as impressions, sum(b.clicks) as clicks, sum(b.revenue) as revenue,
  s.account
from staged_buckets b join staged_campaigns s on s.id = b.campaign_id
where not exists (select from public.campaigns c where c.id = b.campaign_id)
group by 1, 2, s.account
having sum(b.spend) > 0
"""

_REPEATED = """
create temp table staged_repeats on commit drop as
with same as (
  select n.campaign_id as new_id, d.campaign_id as old_id, count(*) as days
  from staged_days n
  join public.campaign_daily d on d.day = n.day and d.spend = n.spend
    and d.impressions = coalesce(n.impressions, 0) and d.clicks = coalesce(n.clicks, 0)
    and d.impressions + d.clicks > 0
  join public.campaigns c on c.id = d.campaign_id
    and (c.account = n.account or d.revenue = coalesce(n.revenue, 0))
  where not exists (select from staged_campaigns s where s.id = d.campaign_id)
  group by 1, 2 having count(*) >= 2
),
shared as (
  select s.new_id, s.old_id, s.days, count(*) as both
  from same s
  join staged_days n on n.campaign_id = s.new_id
  join public.campaign_daily d on d.campaign_id = s.old_id and d.day = n.day and d.spend > 0
  group by s.new_id, s.old_id, s.days
),
best as (
  select distinct on (h.new_id) h.* from shared h where 2 * h.days >= h.both
  order by h.new_id, h.days desc, h.old_id
)
select distinct on (old_id) * from best order by old_id, days desc, new_id
"""

_WHICH = """
select s.title, coalesce(c.title, c.id::text), c.account, r.days,
  case when c.account <> s.account then s.account end
from staged_repeats r
join staged_campaigns s on s.id = r.new_id
join public.campaigns c on c.id = r.old_id
order by 1, 2
"""

_RENAME = (
    """
    update public.campaigns c set title = s.title
    from staged_repeats r join staged_campaigns s on s.id = r.new_id where c.id = r.old_id
    """,
    """
    update staged_buckets b set campaign_id = r.old_id
    from staged_repeats r where r.new_id = b.campaign_id
    """,
    "update staged_campaigns s set id = r.old_id from staged_repeats r where r.new_id = s.id",
)

# The hours of a day where the file has the whole of it (of 20 and more none is missing by chance),
# and the other way round.
_REMEMBERED = """
create temp table staged_before on commit drop as
select m.campaign_id, d.day, sum(m.spend) as spend, sum(m.impressions) as impressions
from (
  select b.campaign_id, (b.bucket at time zone s.zone)::date as day, s.zone
  from staged_buckets b join staged_campaigns s on s.id = b.campaign_id group by 1, 2, 3) d
join public.campaign_metrics m on m.campaign_id = d.campaign_id
  and m.bucket >= d.day::timestamp at time zone d.zone
  and m.bucket < (d.day + 1)::timestamp at time zone d.zone
group by m.campaign_id, d.day
having case when %(whole)s::boolean then count(*) >= 20 else bool_or(m.whole_day) end
"""

# What would be written over, where it was whole: of a day that was not over when its last file was
# read, or (no file was) of the last day of all, more is no contradiction.
_REPLACED = """
with over as (
  select b.campaign_id, (b.bucket at time zone s.zone)::date as day, sum(m.spend) as spend,
    sum(m.impressions) as impressions, coalesce(sum(b.spend), 0) as new_spend,
    coalesce(sum(b.impressions), sum(m.impressions)) as new_impressions
  from staged_buckets b
  join staged_campaigns s on s.id = b.campaign_id
  join public.campaign_metrics m on m.campaign_id = b.campaign_id and m.bucket = b.bucket
  left join staged_grain g on g.campaign_id = b.campaign_id and g.bucket = b.bucket
  where m.whole_day = coalesce(g.whole_day, %(whole)s::boolean, false)
  group by 1, 2
  union all
  select f.campaign_id, f.day, f.spend, f.impressions, coalesce(sum(b.spend), 0),
    coalesce(sum(b.impressions), f.impressions)
  from staged_before f
  join staged_campaigns s on s.id = f.campaign_id
  join staged_buckets b on b.campaign_id = f.campaign_id
    and (b.bucket at time zone s.zone)::date = f.day
  where not exists (
    select from public.campaign_metrics m
    where m.campaign_id = b.campaign_id and m.bucket = b.bucket)
  group by f.campaign_id, f.day, f.spend, f.impressions
),
judged as (
  select o.*,
    (abs(o.new_spend - o.spend) > greatest(1, 0.25 * greatest(o.spend, o.new_spend))
     or abs(o.new_impressions - o.impressions)
        > greatest(100, 0.25 * greatest(o.impressions, o.new_impressions)))
    and not (o.new_spend >= o.spend and o.new_impressions >= o.impressions and case
      when p.read_at is null then o.day >= l.day
      else p.read_at < (o.day + 1)::timestamp at time zone s.zone end) as differs
  from over o
  join staged_campaigns s on s.id = o.campaign_id
  left join autonomy.file_states p on p.campaign_id = o.campaign_id
  cross join lateral (
    select max(d.day) as day from public.campaign_daily d where d.campaign_id = o.campaign_id) l
)
select coalesce(c.title, c.id::text), count(*) filter (where j.differs), count(*),
  round(sum(j.spend), 2), round(sum(j.new_spend), 2)
from judged j join public.campaigns c on c.id = j.campaign_id
group by c.id, c.title having 2 * count(*) filter (where j.differs) > count(*)
order by sum(j.spend) desc, 1
"""

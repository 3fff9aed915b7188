"""What a file says of the platform: names, status and budgets, beside the file before it.

Our row and the platform's may differ for long, because nothing carries a change over by itself. So
a file's state is compared with that of the last file: only a difference there is somebody's
change, and is followed. A state that still stands there is not carried over yet, and is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from autonomy.text import counted

if TYPE_CHECKING:
    import psycopg

_NAMED = 5


@dataclass(frozen=True)
class PlatformState:
    """What became of one file's names, status and budgets; each a campaign's sentence."""

    changed: Sequence[str] = ()  # on the platform since its last file: followed
    waiting: Sequence[str] = ()  # changed here, and not there
    older: int = 0  # campaigns of which a later file is known

    def to_dict(self) -> dict[str, Any]:
        return {
            "changed_on_platform": list(self.changed),
            "not_carried_over": list(self.waiting),
            "older_than_last_file": self.older,
        }

    def sentences(self) -> list[str]:
        said = [
            f"  {what}: {counted(len(which), 'campaign')} ({'; '.join(which[:_NAMED])}"
            f"{'; ...' if len(which) > _NAMED else ''})."
            for what, which in (
                ("Changed on the platform since its last file", self.changed),
                ("Not carried over to the platform yet", self.waiting),
            )
            if which
        ]
        if self.older:
            said.append(
                f"  The file ends before the last one: status and budget are not taken from it"
                f" ({counted(self.older, 'campaign')} differ)."
            )
        return said


def follow_platform(connection: psycopg.Connection[Any], now: datetime) -> PlatformState:
    """Takes from the staged campaigns what changed since their last file, and notes the state."""
    connection.execute(_COMPARED)
    rows = connection.execute(_SAID).fetchall()
    connection.execute(_FOLLOWED)
    connection.execute(_NOTED, {"now": now})
    connection.execute("drop table staged_state")
    return PlatformState(
        changed=[f"{name}: {changed}" for name, changed, _, older in rows if changed and not older],
        waiting=[f"{name}: {left}" for name, _, left, older in rows if left and not older],
        older=sum(bool(older and (changed or left)) for _, changed, left, older in rows),
    )


# What was done here last, by us or by a person, stands where no file said the field before.
_COMPARED = """
create temp table staged_state on commit drop as
select d.*,
  d.status_differs and case when d.last_status is not null then d.status <> d.last_status
    else coalesce((
      select k.kind = 'outside' and not k.person from public.campaign_changes k
      where k.campaign_id = d.id and k.kind <> 'created'
        and lower(k.old_status) is distinct from lower(k.new_status)
      order by k.id desc limit 1), true) end as takes_status,
  d.budget_differs and case when d.last_budget is not null then d.budget <> d.last_budget
    else coalesce((
      select k.kind = 'outside' and not k.person from public.campaign_changes k
      where k.campaign_id = d.id and k.kind <> 'created'
        and k.old_budget is distinct from k.new_budget
      order by k.id desc limit 1), true) end as takes_budget
from (
  select s.id, s.platform_id, s.title, s.status, s.spelt, round(s.budget, 2) as budget, f.until,
    coalesce(p.until > f.until, false) as older, p.status as last_status, p.budget as last_budget,
    coalesce((s.status = 'active') <> (coalesce(lower(c.status), '') = 'active'), false)
      as status_differs,
    coalesce(round(s.budget, 2) is distinct from c.budget and s.budget > 0, false)
      as budget_differs,
    coalesce(s.platform_id is not null and c.title = p.title and s.title <> p.title, false)
      as takes_title
  from staged_campaigns s
  join public.campaigns c on c.id = s.id
  left join autonomy.file_states p on p.campaign_id = s.id
  cross join (select max(bucket) as until from staged_buckets) f
  where f.until is not null
) d
"""

_SAID = """
select coalesce(c.title, c.id::text),
  concat_ws(', ',
    case when d.takes_status then
      case d.status when 'active' then 'paused to active' else 'active to paused' end end,
    case when d.takes_budget then
      format('budget %s to %s', coalesce(round(c.budget, 2)::text, 'none'), d.budget) end,
    case when d.takes_title then 'called ' || d.title end),
  concat_ws(', ',
    case when d.status_differs and not d.takes_status then
      case d.status when 'active' then 'paused here, active there'
                    else 'active here, paused there' end end,
    case when d.budget_differs and not d.takes_budget then
      format('budget %s here, %s there', coalesce(round(c.budget, 2)::text, 'none'), d.budget)
    end),
  d.older
from staged_state d join public.campaigns c on c.id = d.id
where d.status_differs or d.budget_differs or d.takes_title
order by c.title, c.id
"""

_FOLLOWED = """
with locked as materialized (
  select d.* from staged_state d join public.campaigns c on c.id = d.id
  where not d.older and (d.takes_status or d.takes_budget or d.takes_title)
  order by c.id for update of c
)
update public.campaigns c set
  status = case when d.takes_status then d.spelt else c.status end,
  budget = case when d.takes_budget then d.budget else c.budget end,
  title = case when d.takes_title then d.title else c.title end
from locked d where c.id = d.id
"""

_NOTED = """
insert into autonomy.file_states as p
  (campaign_id, platform_id, title, status, budget, until, read_at)
select d.id, d.platform_id, d.title, d.status, d.budget, d.until, %(now)s
from staged_state d where not d.older
order by d.id
on conflict (campaign_id) do update set
  platform_id = coalesce(excluded.platform_id, p.platform_id),
  title = coalesce(excluded.title, p.title), status = coalesce(excluded.status, p.status),
  budget = coalesce(excluded.budget, p.budget), until = excluded.until, read_at = excluded.read_at
"""

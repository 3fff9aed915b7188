-- What a campaign's budget was before anybody optimised it: the point from which its curve is measured.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- No foreign key, as the facts have none: it goes with them, and is written under their locks.
create table if not exists autonomy.reference_budgets (
  campaign_id uuid primary key,
  budget numeric,
  budget_per_spend float8 not null default 1,
  is_fixed boolean not null default false,
  since timestamptz not null,
  change_id bigint not null default 0,
  last_day date
) with (fillfactor = 90);
comment on table autonomy.reference_budgets is
  'Derived: what the budget of each campaign was before anybody optimised it. Kept by refresh_reference_budgets. '
  '[autonomous-operations]';
comment on column autonomy.reference_budgets.budget is
  'money: the smaller of the budget when first seen and the median spend of its first days; null = no budget yet';
comment on column autonomy.reference_budgets.budget_per_spend is
  'multiple: the budget when first seen over the reference budget. Where so much was left unspent, a budget stands on '
  'its curve where its spend does: divided by this. 1 once a person has set the budget anew';
comment on column autonomy.reference_budgets.is_fixed is
  'by our first action, by 28 days, or by a person who set the budget anew';
comment on column autonomy.reference_budgets.since is 'when it came out as it is';
comment on column autonomy.reference_budgets.change_id is 'up to which entry of campaign_changes it was looked through';
comment on column autonomy.reference_budgets.last_day is 'the last day that the campaign had figures of at that time';

create function autonomy.budgets_in_force(p_campaign_ids uuid[], p_zones text[])
returns table (campaign_id uuid, days date[], budgets float8[])
language sql stable set search_path = ''
as $$
  select n.campaign_id, array_agg(n.day order by n.day, n.id), array_agg(n.budget order by n.day, n.id)
  from (
    select a.campaign_id, k.id, case when k.new_budget between 0.01 and 1e12 then k.new_budget::float8 end as budget,
      case when k.kind = 'created' then (k.changed_at at time zone a.zone)::date
           else ((k.changed_at at time zone a.zone) - interval '1 microsecond')::date + 1 end as day
    from unnest(p_campaign_ids, p_zones) a (campaign_id, zone) join public.campaign_changes k using (campaign_id)
    where k.kind = 'created' or k.old_budget is distinct from k.new_budget) n
  group by n.campaign_id
$$;
comment on function autonomy.budgets_in_force(uuid[], text[]) is
  'The budgets of each campaign (null: none), and from which day on each was in force: the first that begins with it, '
  'of a campaign that is made that very day. In force on a day is budgets[width_bucket(day, days)]; null = not known. '
  'Only reads; raises nothing. [autonomous-operations]';

create function autonomy.budgets_set_anew(p_campaign_ids uuid[])
returns table (campaign_id uuid, budget numeric)
language sql stable set search_path = ''
as $$
  select distinct on (k.campaign_id) k.campaign_id, k.new_budget
  from unnest(p_campaign_ids) i
  join public.campaign_changes k on k.campaign_id = i
  left join autonomy.reference_budgets r on r.campaign_id = i
  cross join lateral (select case when k.old_budget > 0 then k.old_budget else (
    select h.new_budget from public.campaign_changes h
    where h.campaign_id = i and h.id < k.id and h.new_budget > 0 order by h.id desc limit 1) end as budget) before
  left join lateral (
    select h.kind, h.old_budget from public.campaign_changes h
    where h.campaign_id = i and h.id < k.id and h.old_budget is distinct from h.new_budget
    order by h.id desc limit 1) last on true
  where k.id > coalesce(r.change_id, (
      select g.id from public.campaign_changes g
      where g.campaign_id = i and g.kind = 'created' order by g.id desc limit 1), 0)
    and k.person and k.kind in ('outside', 'platform', 'action')
    and k.new_budget between 0.01 and 1e12 and before.budget between 0.01 and 1e12
    and (k.new_budget > 2 * before.budget or before.budget > 2 * k.new_budget)
    -- putting back what we did says nothing new
    and (last.kind = 'action' and last.old_budget = k.new_budget) is not true
    -- what changes on three of seven days is a program's, as for people_changes
    and (select count(distinct (h.changed_at at time zone 'UTC')::date) from public.campaign_changes h
         where h.campaign_id = i and h.id <= k.id and h.kind in ('outside', 'platform') and h.person
           and h.old_budget is distinct from h.new_budget and isfinite(h.changed_at)
           and h.changed_at > k.changed_at - interval '7 days') < 3
  order by k.campaign_id, k.id desc
$$;
comment on function autonomy.budgets_set_anew(uuid[]) is
  'Of these campaigns those whose budget a person has more than doubled or halved since their reference budget was '
  'looked at last, and what it is now. A part of refresh_reference_budgets. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.first_days(p_campaign_ids uuid[])
returns table (campaign_id uuid, budget numeric, acted boolean, days bigint, spend float8)
language sql stable set search_path = '' set jit = off
as $$
  with log as materialized (
    select i.id, z.zone, c.created_at, c.budget, l.at, l.active, l.seen, l.first_action, l.first_budget
    from unnest(p_campaign_ids) i (id)
    join public.campaigns c on c.id = i.id
    join autonomy.campaign_zones(p_campaign_ids) z on z.campaign_id = i.id
    cross join lateral (
      select array_agg(k.changed_at order by k.changed_at, k.id) as at,
        array_agg(coalesce(lower(k.new_status) = 'active', false) order by k.changed_at, k.id) as active,
        min(k.changed_at) as seen, min(k.changed_at) filter (where k.kind = 'action' and not k.person) as first_action,
        (array_agg(case when k.old_budget > 0 then k.old_budget else k.new_budget end order by k.id)
           filter (where k.old_budget > 0 or k.new_budget > 0))[1] as first_budget
      from public.campaign_changes k
      where k.campaign_id = i.id and k.kind <> 'deleted' and k.id >= coalesce((
        select g.id from public.campaign_changes g
        where g.campaign_id = i.id and g.kind = 'created' order by g.id desc limit 1), 0)) l
  ),
  days as (
    select l.id, d.spend::float8 as spend, row_number() over (partition by l.id order by d.day) as n,
      count(*) filter (where u.ends <= l.seen) over (partition by l.id) as before
    from log l
    join autonomy.counted_days d on d.campaign_id = l.id
    cross join lateral (select d.day::timestamp at time zone l.zone as starts,
                               (d.day + 1)::timestamp at time zone l.zone as ends) u
    where d.spend between 0.01 and 1e12
      -- the last one may not be over yet
      and d.day < (select max(m.day) from public.campaign_daily m where m.campaign_id = l.id)
      and (l.created_at > u.starts and l.created_at < u.ends) is not true
      and (u.ends > l.first_action) is not true
      -- before the log what was spent is what tells that it ran
      and (false = any (l.active[width_bucket(u.starts, l.at) : width_bucket(u.ends, l.at)])) is not true
  )
  select l.id, coalesce(l.first_budget, l.budget), l.first_action is not null, count(d.id),
    percentile_cont(0.5) within group (order by d.spend)
  from log l
  -- of what was long before the campaign was seen nobody knows the budget: the last 28 days of it
  left join days d on d.id = l.id and d.n > greatest(0, d.before - 28) and d.n <= greatest(28, d.before)
  group by l.id, l.first_budget, l.budget, l.first_action
$$;
comment on function autonomy.first_days(uuid[]) is
  'Of each of these campaigns the budget when first seen, whether we have acted on it, and of its first up to 28 '
  'complete days on which it was active throughout, before any action of ours, how many there are and what was spent '
  'on the middle one. A part of refresh_reference_budgets. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.refresh_reference_budgets(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  -- One that stands is only looked up: what is asked every hour is one probe of the log and one of the days.
  v_due uuid[] := array(
    select i from unnest(p_campaign_ids) i
    left join autonomy.reference_budgets r on r.campaign_id = i
    where case when r.campaign_id is null then true
      when (select k.id from public.campaign_changes k where k.campaign_id = i order by k.id desc limit 1)
           > r.change_id then true
      when r.is_fixed then false
      else (select d.day from public.campaign_daily d where d.campaign_id = i order by d.day desc limit 1)
           is distinct from r.last_day end);
  v_open uuid[];
begin
  if v_due = '{}' then
    return;
  end if;
  v_open := array(select unnest(v_due)
                  except select r.campaign_id from autonomy.reference_budgets r where r.is_fixed);
  insert into autonomy.reference_budgets as r
    (campaign_id, budget, budget_per_spend, is_fixed, since, change_id, last_day)
  select c.id, n.budget,
    case when g.budget is not null then 1
         when s.typical is null then coalesce(o.budget_per_spend, 1)
         else greatest(1, f.budget::float8 / n.budget::float8) end,
    -- the days of a first import come in any order: they count for a day before the last word
    o.is_fixed is true or g.budget is not null or n.budget is not null and (
      f.acted or f.days >= 28 and coalesce(o.since <= autonomy.writing_at() - interval '1 day', false)),
    case when o.budget is not distinct from n.budget and o.since is not null then o.since
         else autonomy.writing_at() end,
    coalesce((select max(k.id) from public.campaign_changes k where k.campaign_id = c.id), 0),
    (select max(d.day) from public.campaign_daily d where d.campaign_id = c.id)
  from unnest(v_due) i
  join public.campaigns c on c.id = i
  cross join public.autonomy_policy p
  left join public.autonomy_accounts a on a.account = c.account
  left join autonomy.reference_budgets o on o.campaign_id = i
  left join autonomy.first_days(v_open) f on f.campaign_id = i
  left join autonomy.budgets_set_anew(v_due) g on g.campaign_id = i
  -- one day or two say little of what is usual
  cross join lateral (select case when f.days >= 3 and f.budget between 0.01 and 1e12 then f.spend end as typical) s
  cross join lateral (select coalesce(g.budget, case when o.is_fixed then o.budget
    when f.budget between 0.01 and 1e12 then round(least(f.budget, s.typical::numeric), 6) end) as budget) b
  cross join lateral (select case when b.budget is not null
    then greatest(b.budget, 1, coalesce(a.min_budget, p.min_budget)) end as budget) n
  order by i
  on conflict (campaign_id) do update set
    budget = excluded.budget, budget_per_spend = excluded.budget_per_spend, is_fixed = excluded.is_fixed,
    since = excluded.since, change_id = excluded.change_id, last_day = excluded.last_day;
end $$;
comment on function autonomy.refresh_reference_budgets(uuid[]) is
  'Finds the reference budgets of these campaigns (each named once) where they do not stand yet or the log of changes '
  'has gone on. A part of refresh_campaign_facts, whose locks it needs. Safe to call again; raises nothing. '
  '[autonomous-operations]';

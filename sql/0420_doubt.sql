-- What speaks against believing the figures, or against acting on them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.accounts_without_value(p_accounts text[], p_now timestamptz) returns text[]
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
-- One account after the other: the first revenue that is found ends the search, and only an
-- account that really has none is read whole.
declare
  v_account text;
  v_without text[] := '{}';
begin
  foreach v_account in array coalesce(p_accounts, '{}') loop
    perform from public.campaigns c
    join public.campaign_facts f on f.campaign_id = c.id
    where left(c.account, 200) = left(v_account, 200) and c.account = v_account
      and f.data_at > p_now - interval '30 days'
      and abs(case when f.has_history then f.w30_revenue else f.life_revenue end) between 1e-9 and 1e18
    limit 1;
    continue when found;
    if (select sum(case when f.has_history then f.w30_conversions else f.life_conversions end) >= 5
        from public.campaigns c
        join public.campaign_facts f on f.campaign_id = c.id
        where left(c.account, 200) = left(v_account, 200) and c.account = v_account
          and f.data_at > p_now - interval '30 days'
          and case when f.has_history then f.w30_conversions else f.life_conversions end between 0 and 1e15) then
      v_without := v_without || v_account;
    end if;
  end loop;
  return v_without;
end $$;
comment on function autonomy.accounts_without_value(text[], timestamptz) is
  'Those of the accounts that have five or more conversions of the last 30 days, and not one of them with a value. '
  'Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.campaigns_without_value(p_ids uuid[], p_now timestamptz) returns uuid[]
language plpgsql stable set search_path = '' set jit = off
as $$
-- A campaign that brings conversions of no value beside campaigns of an account that has values is a
-- loser, until the conversions are so many that their value must have gone missing on the way.
declare
  v_accounts text[];
  v_silent uuid[];
  v_without text[];
begin
  select array_agg(s.id), array_agg(distinct s.account) into v_silent, v_accounts
  from (
    select c.id, c.account
    from unnest(p_ids) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    where coalesce(case when f.has_history then f.w30_revenue else f.life_revenue end, 0) between -1e-9 and 1e-9) s;
  if v_silent is null then
    return '{}';
  end if;
  v_without := autonomy.accounts_without_value(v_accounts, p_now);
  return array(
    select c.id
    from unnest(v_silent) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    left join autonomy.account_priors(v_accounts, p_now) k on k.account = coalesce(c.account, '')
    cross join lateral (select
      case when f.has_history then f.w30_conversions else f.life_conversions end as n,
      case when f.has_history then f.w30_spend else f.life_spend end as spend) w
    where c.account = any (v_without)
       or w.n between 20 and 1e18
       or w.n between 1e-9 and 1e18 and w.n * k.order_value > 3 * w.spend);
end $$;
comment on function autonomy.campaigns_without_value(uuid[], timestamptz) is
  'Those of the campaigns whose conversions are not measured with a value, so that their roi says nothing: no revenue '
  'within 30 days (or ever, where only totals are known) in an account that has none; or, beside others that have, 20 '
  'conversions and more, or so many that at its account''s usual order value they would be worth three times the '
  'spend. Only '
  'reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.told_author(p_kind text, p_actor text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Where its history does not tell, the platform itself stands there.
begin
  return case when p_kind = 'platform' and p_actor not in (
    autonomy.platform_title('meta'), autonomy.platform_title('google')) then nullif(p_actor, '') end;
end $$;
comment on function autonomy.told_author(text, text) is
  'Who made a change on a platform, where that has told it; else null. Pure. [autonomous-operations]';

create function autonomy.people_changes(p_ids uuid[], p_now timestamptz)
returns table (
  campaign_id uuid, changed_at timestamptz, no_raise_until timestamptz, no_cut_until timestamptz,
  no_pause_until timestamptz, budget_person text, pause_person text)
language plpgsql stable set search_path = '' set jit = off
as $$
-- What a person did last stands. A field that changes from outside on three of seven days is kept by
-- a program, whoever it says it is. A moment after p_now counts as p_now: clocks differ.
declare
  v_changed uuid[];
begin
  v_changed := array(
    select distinct k.campaign_id
    from (select greatest(7, (select p.person_hold_days from public.autonomy_policy p),
                          (select max(a.person_hold_days) from public.autonomy_accounts a))
                 * interval '1 day' as longest) h
    join public.campaign_changes k on k.campaign_id = any (p_ids)
      and (k.kind in ('outside', 'platform') or k.person and k.kind = 'action') and k.changed_at > p_now - h.longest);
  if v_changed = '{}' then return; end if;  -- the usual case
  return query
  with holds as materialized (
    select c.id, coalesce(a.person_hold_days, p.person_hold_days) * interval '1 day' as hold
    from public.campaigns c
    cross join public.autonomy_policy p left join public.autonomy_accounts a on a.account = c.account
    where c.id = any (v_changed)
  ),
  own as materialized (
    select k.campaign_id, k.id, least(k.changed_at, p_now) as at, k.person, h.hold,
      k.changed_at > p_now - h.hold as protects,
      k.changed_at > p_now - interval '7 days' and k.kind in ('outside', 'platform') as outside,
      (least(k.changed_at, p_now) at time zone z.zone)::date as day, k.old_budget, k.new_budget,
      k.old_budget is distinct from k.new_budget as budget_changed,
      (lower(k.old_status) = 'active') is distinct from (lower(k.new_status) = 'active') as status_changed,
      coalesce(lower(k.new_status) = 'active', false) as switched_on, autonomy.told_author(k.kind, k.actor) as name
    from holds h
    join public.campaign_changes k on k.campaign_id = h.id and h.hold > interval '0'
      and (k.kind in ('outside', 'platform') or k.person and k.kind = 'action') and isfinite(k.changed_at)
      and k.changed_at > p_now - greatest(h.hold, interval '7 days')
    join autonomy.campaign_zones(v_changed) z on z.campaign_id = k.campaign_id
  ),
  kept as (
    select o.campaign_id,
      count(distinct o.day) filter (where o.outside and o.person and o.budget_changed) >= 3 as budget_by_program,
      count(distinct o.day) filter (where o.outside and o.person and o.status_changed) >= 3 as status_by_program,
      -- from the first of these changes to the last: two steps of one correction are one change
      (array_agg(o.old_budget order by o.id) filter (where o.budget_counts))[1] as first_budget,
      (array_agg(o.old_budget order by o.id desc) filter (where o.budget_counts))[1] as old_budget,
      (array_agg(o.new_budget order by o.id desc) filter (where o.budget_counts))[1] as new_budget,
      (array_agg(o.at order by o.id desc) filter (where o.budget_counts))[1] as budget_at,
      (array_agg(o.name order by o.id desc) filter (where o.budget_counts))[1] as budget_name,
      (array_agg(o.switched_on order by o.id desc) filter (where o.status_counts))[1] as switched_on,
      (array_agg(o.at order by o.id desc) filter (where o.status_counts))[1] as status_at,
      (array_agg(o.name order by o.id desc) filter (where o.status_counts))[1] as status_name
    from (select w.*, w.person and w.protects and w.budget_changed as budget_counts,
            w.person and w.protects and w.status_changed as status_counts from own w) o
    group by o.campaign_id
  )
  select k.campaign_id, greatest(b.at, s.at), case when b.cut then b.until end, case when b.raised then b.until end,
    greatest(case when b.raised then b.until end, case when k.switched_on then s.at + h.hold end), k.budget_name,
    case when b.raised and (b.until < s.at + h.hold and k.switched_on) is not true then k.budget_name
         else k.status_name end
  from kept k
  join holds h on h.id = k.campaign_id
  cross join lateral (select case when not k.status_by_program then k.status_at end as at) s
  cross join lateral (select x.at, x.at + h.hold as until,
      k.new_budget < greatest(k.old_budget, k.first_budget) as cut,
      k.new_budget > least(k.old_budget, k.first_budget) as raised
    from (select case when not k.budget_by_program then k.budget_at end as at) x) b
  where b.at is not null or s.at is not null;
end $$;
comment on function autonomy.people_changes(uuid[], timestamptz) is
  'Of these campaigns those that a person changed within person_hold_days: when last, and until when nothing '
  'is done against it (a budget that was cut is not raised, one that was raised is not cut, what was raised or '
  'switched on is not paused); and who did, where a platform has told it. Only reads; safe to call again; '
  'raises nothing. [autonomous-operations]';

create function autonomy.budget_use(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, share float8)
language plpgsql stable set search_path = '' set jit = off
as $$
-- Where the log of changes begins later than the day, the first budget that it knows stands in.
begin
  return query
  select c.id, u.share
  from autonomy.campaign_zones(p_ids) i (id, zone)
  cross join lateral (
    select e.id, e.created_at, e.status, e.budget from public.campaigns e where e.id = i.id offset 0) c  -- by its key
  cross join lateral (select (p_now at time zone i.zone)::date as today) k
  cross join lateral (
    select avg(d.share) as share, count(*) as days
    from (
      select x.spend / b.budget as share
      from (
        select m.day, m.spend::float8 as spend, m.day::timestamp at time zone i.zone as starts,
               (m.day + 1)::timestamp at time zone i.zone as ends
        from autonomy.counted_days m
        where m.campaign_id = i.id and m.day < k.today and m.day >= k.today - 28) x
      left join lateral (
        select true as known, h.new_status as status, h.new_budget as budget from public.campaign_changes h
        where h.campaign_id = i.id and h.changed_at <= x.starts order by h.id desc limit 1) before on true
      left join lateral (
        select true as known, case when h.kind = 'created' then h.new_status else h.old_status end as status,
               case when h.kind = 'created' then h.new_budget else h.old_budget end as budget
        from public.campaign_changes h
        where h.campaign_id = i.id and h.changed_at > x.starts order by h.id limit 1) after on before.known is null
      cross join lateral (select
        case when before.known then before.status when after.known then after.status else c.status end as status,
        case when before.known then before.budget when after.known then after.budget else c.budget end as budget) b
      where c.created_at <= x.starts and lower(b.status) = 'active' and b.budget between 0.01 and 1e15
        and x.spend between 0 and 1e15
        and not exists (
          select from public.campaign_changes h
          where h.campaign_id = i.id and h.changed_at > x.starts and h.changed_at < x.ends and h.kind <> 'created'
            and (lower(h.old_status) = 'active' and lower(h.new_status) = 'active') is not true)
      order by x.day desc
      limit 3) d) u
  where u.days >= 2;
end $$;
comment on function autonomy.budget_use(uuid[], timestamptz) is
  'Which part of its budget each campaign spends: the mean of the last three complete days (two at least, of 28) on '
  'which it was active throughout, each day''s spend over the budget in force when the day began. No row where that '
  'is not known. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.sane_number(p_value float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_value between -1e18::float8 and 1e18::float8 then
    case when p_value between -1e-9::float8 and 1e-9::float8 then 0::float8 else p_value end end;
end $$;
comment on function autonomy.sane_number(float8) is
  'The number; null where it is NaN, infinite or beyond 1e18; 0 where it is next to nothing. Pure. '
  '[autonomous-operations]';

-- What the forecast of an account's month is made of: its daily sums, and what they would have been with the
-- campaigns and budgets of today. The forecast itself stands in autonomy/forecast.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.touched_campaigns(p_account text, p_zone text, p_from date)
returns table (campaign_id uuid, is_active boolean, budget float8, active_from date)
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_from timestamptz := p_from::timestamp at time zone p_zone;
begin
  return query
  with changed as materialized (
    select k.campaign_id, max(k.changed_at) filter (where lower(k.new_status) = 'active'
        and lower(k.old_status) is distinct from 'active') as woken_at
    from public.campaign_changes k
    where k.changed_at >= v_from and isfinite(k.changed_at) and k.kind in ('outside', 'action', 'rollback')
    group by k.campaign_id
  )
  select c.id, s.is_active, case when c.budget between 0.01 and 1e12 then c.budget::float8 end,
    (greatest(h.woken_at, case when c.created_at >= v_from then c.created_at end) at time zone p_zone)::date
  from public.campaigns c
  cross join lateral (select coalesce(lower(c.status) = 'active', false) as is_active) s
  left join changed h on h.campaign_id = c.id
  left join public.campaign_facts f on not s.is_active and f.campaign_id = c.id
  where left(c.account, 200) = left(p_account, 200) and c.account = p_account
    and (h.campaign_id is not null or s.is_active and c.created_at >= v_from and isfinite(c.created_at)
         or f.w30_spend > 0 and f.as_of > v_from and isfinite(f.as_of));
end $$;
comment on function autonomy.touched_campaigns(text, text, date) is
  'The campaigns of an account that were changed or launched since a day, and those that have spent since and are not '
  'active any more; active_from: since when it is active, where that was since. A part of present_days. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.present_days(p_account text, p_zone text, p_from date, p_to date)
returns table (day date, spend float8, revenue float8)
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with touched as materialized (
    select * from autonomy.touched_campaigns(p_account, p_zone, p_from)
  ),
  budgets as materialized (
    select b.* from (select array_agg(t.campaign_id) as ids, array_agg(p_zone) as zones
                     from touched t where t.is_active and t.budget > 0) r
    cross join lateral autonomy.budgets_in_force(r.ids, r.zones) b
  ),
  days as materialized (
    select t.campaign_id, t.is_active, t.active_from, d.day, d.spend, d.revenue,
      -- before the log the first budget that is known; unknown ones change nothing
      case when not t.is_active then 0::float8
           else least(10, coalesce(t.budget / coalesce(b.budgets[width_bucket(d.day, b.days)], b.budgets[1]), 1))
      end as times
    from touched t
    left join budgets b on b.campaign_id = t.campaign_id
    -- offset 0: by the index, campaign by campaign, and never all days of all campaigns
    cross join lateral (
      select m.day, m.spend::float8 as spend, m.revenue::float8 as revenue from public.campaign_daily m
      where m.campaign_id = t.campaign_id and m.day between p_from and p_to offset 0) d
  ),
  usual as (
    -- of one that was launched or resumed: its days since, else those on which it spent before; today is not over
    select d.campaign_id, d.active_from,
      coalesce(avg(d.spend * d.times) filter (where d.day > d.active_from),
               avg(d.spend * d.times) filter (where d.spend > 0), 0) as spend,
      coalesce(avg(d.revenue * d.times) filter (where d.day > d.active_from),
               avg(d.revenue * d.times) filter (where d.spend > 0), 0) as revenue
    from days d where d.is_active and d.active_from is not null and d.day < p_to
    group by d.campaign_id, d.active_from
  ),
  changes as (
    select d.day, d.spend * (d.times - 1) as spend, d.revenue * (d.times - 1) as revenue from days d
    union all
    select g.day::date, u.spend, u.revenue
    from usual u
    cross join generate_series(p_from::timestamp, least(u.active_from, p_to)::timestamp, interval '1 day') g (day)
    where not exists (select from days d where d.campaign_id = u.campaign_id and d.day = g.day::date and d.spend > 0)
  )
  select c.day, sum(c.spend), sum(c.revenue) from changes c group by c.day;
end $$;
comment on function autonomy.present_days(text, text, date, date) is
  'By how much spend and revenue of an account''s days would have been more (or less) with the campaigns and budgets '
  'of today: what is not active spends nothing, what has another budget so much more or less, what was launched or '
  'resumed since what it spends now. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.left_out_days(p_account text, p_from date, p_to date)
returns table (day date, whole boolean, spend float8, revenue float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query
  select g.day::date, true, 0::float8, 0::float8
  from autonomy.evidence_exclusions x
  cross join lateral generate_series(greatest(x.from_day, p_from)::timestamp, least(x.until_day, p_to)::timestamp,
                                     interval '1 day') g (day)
  where x.account = p_account and x.lifted_at is null and x.from_day <= p_to and x.until_day >= p_from
  group by g.day
  union all
  select d.day, false, sum(d.spend)::float8, sum(d.revenue)::float8
  from (select distinct x.campaign_id, e.day
        from autonomy.evidence_exclusions x
        join public.campaigns c on c.id = x.campaign_id and c.account = p_account
        join public.campaign_daily e on e.campaign_id = x.campaign_id
          and e.day between greatest(x.from_day, p_from) and least(x.until_day, p_to)
        where x.lifted_at is null and x.from_day <= p_to and x.until_day >= p_from) u
  join public.campaign_daily d on d.campaign_id = u.campaign_id and d.day = u.day
  group by d.day;
end $$;
comment on function autonomy.left_out_days(text, date, date) is
  'The days of an account that are left out of the evidence, whole, or with what those campaigns spent and brought '
  'that alone are left out. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.account_days(p_account text, p_zone text, p_today date, p_days integer) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  -- where much was changed, a week of it says enough
  v_from date := p_today - case when (
    select count(*) from autonomy.touched_campaigns(p_account, p_zone, p_today - 28)) > 3000 then 7 else 28 end;
begin
  return (
    select jsonb_build_object(
      'from', min(g.day)::date,
      'spend', jsonb_agg(coalesce(f.spend, 0) order by g.day),
      'revenue', jsonb_agg(coalesce(f.revenue, 0) order by g.day),
      'has_figures', jsonb_agg(f.day is not null order by g.day),
      -- a campaign's day that is left out hardly matters to its account, unless it is a large part of it
      'left_out', jsonb_agg(coalesce(x.whole or x.spend > 0.2::float8 * f.spend::float8
                                     or x.revenue > 0.2::float8 * f.revenue::float8, false) order by g.day),
      'present_from', v_from,
      'more_spend', jsonb_agg(coalesce(n.spend, 0) order by g.day) filter (where g.day >= v_from),
      'more_revenue', jsonb_agg(coalesce(n.revenue, 0) order by g.day) filter (where g.day >= v_from))
    from generate_series((p_today - p_days)::timestamp, p_today::timestamp, interval '1 day') g (day)
    left join (
      -- one account may have stood under two currencies until its days are counted again
      select d.day, sum(d.spend) as spend, sum(d.revenue) as revenue
      from autonomy.dashboard_performance_days d
      where d.account = p_account and d.day between p_today - p_days and p_today group by d.day) f
      on f.day = g.day::date
    left join (
      select u.day, bool_or(u.whole) as whole, sum(u.spend) as spend, sum(u.revenue) as revenue
      from autonomy.left_out_days(p_account, p_today - p_days, p_today) u group by u.day) x on x.day = g.day::date
    left join autonomy.present_days(p_account, p_zone, v_from, p_today) n on n.day = g.day::date);
end $$;
comment on function autonomy.account_days(text, text, date, integer) is
  'The days of an account up to today in lists of equal length, from the day "from" on: spend, revenue, whether there '
  'are figures, whether the day is left out of the evidence; from "present_from" on what present_days says. A part of '
  'autonomy_account_days. Only reads; raises nothing. [autonomous-operations]';

create function public.autonomy_account_days(
  p_account text default null, p_limit integer default 20, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set jit = off
as $$
declare
  -- counted as the overview does; who asks for this waits a little longer
  v_left integer := (public.dashboard_refresh(500) ->> 'left')::integer;
  v_limit integer := least(greatest(coalesce(p_limit, 20), 1), 200);
  v_found jsonb;
begin
  with used as materialized (
    select c.account, count(*) as campaigns, count(*) filter (where c.is_active) as active,
      coalesce(sum(c.amount) filter (where c.is_active), 0) as active_budget,
      coalesce(sum(c.amount) filter (where c.is_active and c.created_at > p_now - interval '7 days'
        -- one look at the index each; `not exists` might read all days
        and (select true from public.campaign_daily d where d.campaign_id = c.id limit 1) is null), 0)
          as untried_budget
    from (select id, account, created_at, lower(status) = 'active' as is_active,
            case when budget between 0 and 999999999999.99 then budget end as amount
          from public.campaigns) c
    group by c.account
  ), shown as materialized (
    select a.*, u.campaigns, u.active, u.active_budget, u.untried_budget, z.zone,
      (p_now at time zone z.zone)::date as today,
      greatest(count(*) over () - v_limit, 0) as left_off
    from public.autonomy_accounts a
    left join used u on u.account = a.account
    cross join lateral (select autonomy.account_zone(a.account) as zone offset 0) z
    where a.account = p_account or p_account is null and u.campaigns > 0
    order by u.active desc nulls last, u.campaigns desc nulls last, a.account limit v_limit
  )
  select jsonb_build_object('now', p_now, 'stale_days', v_left, 'left_off', coalesce(max(s.left_off), 0),
    'listed', (
      select coalesce(jsonb_agg(jsonb_build_object('account', l.account, 'currency', l.currency)
                                order by l.active desc, l.campaigns desc, l.account), '[]')
      from (select a.account, a.currency, u.active, u.campaigns
            from used u join public.autonomy_accounts a on a.account = u.account
            order by u.active desc, u.campaigns desc, a.account limit 20) l),
    'accounts', coalesce(jsonb_agg(jsonb_build_object(
      'account', s.account, 'currency', s.currency, 'time_zone', s.zone, 'today', s.today,
      'hours_today', extract(epoch from p_now - (s.today::timestamp at time zone s.zone))::float8 / 3600,
      'monthly_total', s.monthly_total,
      'break_even', coalesce(s.target_roi, p.break_even_roi), 'attribution_factor', s.attribution_factor,
      'delay_hours', autonomy.account_delay(s.account),
      'active', coalesce(s.active, 0), 'active_budget', coalesce(s.active_budget, 0),
      'untried_budget', coalesce(s.untried_budget, 0),
      'days', autonomy.account_days(s.account, s.zone, s.today, 120))
      order by s.active desc nulls last, s.campaigns desc nulls last, s.account), '[]'))
  into v_found
  from shown s cross join public.autonomy_policy p;
  if p_account is not null and v_found -> 'accounts' = '[]' then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  return v_found;
end $$;
comment on function public.autonomy_account_days(text, integer, timestamptz) is
  'What the forecast of the month is made of, of the p_limit accounts with the most active campaigns or of one: '
  '{"now", "stale_days": days still to be counted again, "left_off", "listed": the first 20 by name and currency, '
  '"accounts": [{"account", "currency", '
  '"time_zone", "today", "hours_today", "monthly_total", "break_even", "attribution_factor", "delay_hours", "active", '
  '"active_budget", "untried_budget": of new campaigns without figures, "days": 120 days in lists}]}. Brings daily '
  'figures up to date first. Safe to call again. Raises AO003. [autonomous-operations]';

-- The Overview's money: is it safe, what happened to it since somebody last looked, what is best done now.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.money_scope(p_currency text, p_account text) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    with accounts as (
      select c.account, c.active, c.active_budget, k.daily_total
      from (
        select m.account, count(*) filter (where lower(m.status) = 'active') as active,
          coalesce(sum(m.budget) filter (where lower(m.status) = 'active' and m.budget between 0 and 1e12), 0)
            as active_budget
        from public.campaigns m where p_account is null or m.account = p_account group by m.account
      ) c
      left join public.autonomy_accounts k on k.account = c.account
      where coalesce(k.currency, '') = p_currency and (c.active > 0 or k.daily_total is not null)
    )
    select jsonb_build_object('active', coalesce(sum(a.active), 0), 'budget', sum(a.active_budget),
      'total', case when count(*) = count(a.daily_total) then sum(a.daily_total) end)
    from accounts a);
end $$;
comment on function autonomy.money_scope(text, text) is
  'Of the accounts of one currency ('''': unknown), or of one of them: active campaigns, their budgets, and the daily '
  'total, where all of them state one. Reads only. [autonomous-operations]';

create function autonomy.money_days(p_from date, p_to date, p_currency text, p_account text)
returns table (day date, spend numeric, revenue numeric, conversions numeric, clicks bigint, profit float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select d.day, sum(d.spend), sum(d.revenue), sum(d.conversions), sum(d.clicks)::bigint,
    sum(d.revenue::float8 * coalesce(k.attribution_factor, 1)::float8
        / greatest(coalesce(k.target_roi, p.break_even_roi)::float8, 0.01) - d.spend::float8)
  from autonomy.dashboard_performance_days d
  cross join public.autonomy_policy p
  left join public.autonomy_accounts k on k.account = d.account
  where d.day between p_from and p_to and d.currency = p_currency and (p_account is null or d.account = p_account)
  group by d.day;
end $$;
comment on function autonomy.money_days(date, date, text, text) is
  'Figures by day of the accounts of a currency or of one: profit is what is left after spend at each account''s '
  'target. Reads only. [autonomous-operations]';

create function autonomy.money_changes(p_since timestamptz, p_currency text, p_account text)
returns table (kind text, actions bigint, money numeric)
language plpgsql stable set search_path = ''
as $$
begin
  -- What was done since then, in budget a day; what was taken back again is a kind of its own.
  return query
  with done as materialized (
    select a.action_type, a.status,
      case when lower(a.previous_state ->> 'status') = 'active'
        then coalesce(autonomy.impact_number(a.previous_state -> 'budget'), 0) else 0 end as before,
      case when lower(a.new_state ->> 'status') = 'active'
        then coalesce(autonomy.impact_number(a.new_state -> 'budget'), 0) else 0 end as after
    from autonomy.longest_approval() w (hours)
    join public.autonomous_actions a on a.status in ('executed', 'rolled_back', 'failed')
      and coalesce(a.executed_at, a.created_at) > p_since and a.created_at > p_since - w.hours
    left join public.campaigns c on c.id = a.campaign_id
    left join public.autonomy_accounts k on k.account = c.account
    where coalesce(k.currency, '') = p_currency and (p_account is null or coalesce(c.account, '') = p_account)
      and coalesce(a.error, '') not in ('REJECTED', 'EXPIRED')
  )
  select w.kind, count(*), round(sum(abs(w.after - w.before))::numeric, 2)
  from (
    select d.before, d.after, case
      when d.status = 'rolled_back' then 'taken_back' when d.status = 'failed' then 'failed'
      when d.action_type = 'auto_pause' then 'paused' when d.action_type = 'auto_resume' then 'resumed'
      when d.after > d.before then 'raised' when d.after < d.before then 'lowered' else 'other' end as kind
    from done d where d.before between 0 and 1e12 and d.after between 0 and 1e12) w
  group by w.kind;
end $$;
comment on function autonomy.money_changes(timestamptz, text, text) is
  'Actions since then by what they did (paused, raised, lowered, resumed, taken_back, failed, other), with the budget '
  'a day that they moved. Reads only. [autonomous-operations]';

create function autonomy.money_worst(p_since timestamptz, p_currency text, p_account text, p_now timestamptz)
returns jsonb language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('action_id', r.action_id, 'action_type', r.action_type, 'title', c.title,
      'status', r.status, 'money', round(r.money::numeric, 2),
      'money_low', round((r.money - 1.645 * abs(r.error))::numeric, 2),
      'money_high', round((r.money + 1.645 * abs(r.error))::numeric, 2))
    from autonomy.action_results r
    join public.campaigns c on c.id = r.campaign_id
    left join public.autonomy_accounts k on k.account = c.account
    where r.executed_at > p_now - interval '30 days' and r.measured_at > p_since and r.verdict is not null
      and r.money < 0 and r.status in ('executed', 'rolled_back')
      and coalesce(k.currency, '') = p_currency and (p_account is null or coalesce(c.account, '') = p_account)
    order by r.money, r.action_id limit 1);
end $$;
comment on function autonomy.money_worst(timestamptz, text, text, timestamptz) is
  'The worst surprise: of what was measured since then of actions of 30 days, the one that cost most; null where none '
  'cost anything. Reads only. [autonomous-operations]';

create function autonomy.money_limits(p_currency text, p_account text, p_scope jsonb, p_now timestamptz)
returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_active bigint := (p_scope -> 'active')::bigint;
  v_budget float8 := autonomy.impact_number(p_scope -> 'budget');
  v_done jsonb := (
    select coalesce(jsonb_object_agg(m.kind, jsonb_build_object('actions', m.actions, 'money', m.money)), '{}')
    from autonomy.money_changes(p_now - interval '24 hours', p_currency, p_account) m);
begin
  return (
    select jsonb_agg(jsonb_build_object('limit', l.name, 'most', l.most,
        'used', case when l.used is not null then round(least(l.used, 1e6)::numeric, 4) end) order by l.place)
    from (
      select coalesce(k.pause_breaker_share, p.pause_breaker_share) as pauses,
        coalesce(k.growth_breaker_share, p.growth_breaker_share) as raises,
        coalesce(k.shrink_breaker_share, p.shrink_breaker_share) as cuts
      from public.autonomy_policy p left join public.autonomy_accounts k on k.account = p_account) b
    cross join lateral (
      select coalesce((v_done -> 'paused' -> 'actions')::float8, 0) as paused,
        coalesce((v_done -> 'paused' -> 'money')::float8, 0) as paused_money,
        coalesce((v_done -> 'raised' -> 'money')::float8, 0) as raised,
        coalesce((v_done -> 'lowered' -> 'money')::float8, 0) as lowered) d
    cross join lateral (values
      (1, 'pauses', d.paused / nullif(coalesce(v_active, 0) + d.paused, 0), b.pauses),
      (2, 'raises', d.raised / nullif(greatest(coalesce(v_budget, 0) - d.raised + d.lowered + d.paused_money, 0), 0),
       b.raises),
      (3, 'cuts', d.lowered / nullif(greatest(coalesce(v_budget, 0) - d.raised + d.lowered + d.paused_money, 0), 0),
       b.cuts)) l (place, name, used, most));
end $$;
comment on function autonomy.money_limits(text, text, jsonb, timestamptz) is
  'How much of what a day may change was changed in the last 24 hours: pauses, raises, cuts, as shares beside their '
  'limits. Reads only. [autonomous-operations]';

create function autonomy.money_today(p_currency text, p_account text, p_scope jsonb, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('spend', t.spend, 'hours', round(h.hours::numeric, 2),
      'total', p_scope -> 'total', 'budget', p_scope -> 'budget')
    from public.autonomy_policy p
    cross join lateral (select (p_now at time zone p.time_zone)::date as day) d
    cross join lateral (select extract(epoch from
      p_now - d.day::timestamp at time zone p.time_zone)::float8 / 3600 as hours) h
    left join autonomy.money_days(d.day, d.day, p_currency, p_account) t on true);
end $$;
comment on function autonomy.money_today(text, text, jsonb, timestamptz) is
  'Spend of the day so far, the hours it has lasted, and what it may come to: the daily totals where all accounts '
  'state one, and the active budgets. Reads only. [autonomous-operations]';

create function autonomy.money_made(p_currency text, p_account text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('measured', count(*), 'money', round(coalesce(sum(w.money), 0)::numeric, 2),
      'money_low', round((coalesce(sum(w.money), 0) - 1.645 * sqrt(coalesce(sum(w.error ^ 2), 0)))::numeric, 2),
      'money_high', round((coalesce(sum(w.money), 0) + 1.645 * sqrt(coalesce(sum(w.error ^ 2), 0)))::numeric, 2))
    from (
      -- errors of one campaign's actions rest on the same orders: they add up
      select sum(r.money) as money, sum(r.error) as error
      from autonomy.action_results r
      join public.campaigns c on c.id = r.campaign_id
      left join public.autonomy_accounts k on k.account = c.account
      where r.executed_at > p_now - interval '30 days' and r.verdict is not null
        and r.status in ('executed', 'rolled_back')
        and coalesce(k.currency, '') = p_currency and (p_account is null or coalesce(c.account, '') = p_account)
      group by r.campaign_id) w);
end $$;
comment on function autonomy.money_made(text, text, timestamptz) is
  'What the actions of 30 days have brought as far as it was measured, with its 90 % interval. Reads only. '
  '[autonomous-operations]';

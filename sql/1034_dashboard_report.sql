-- A week or a month of one account, to be read on paper: figures, what was done, what it brought, what waits.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.report_days(p_account text, p_from date, p_until date, p_zone text) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_currency text := coalesce((select k.currency from public.autonomy_accounts k where k.account = p_account), '');
begin
  return (
    with done as (
      select (r.executed_at at time zone p_zone)::date as day,
        count(*) filter (where r.action_type = 'auto_pause') as paused,
        count(*) filter (where r.action_type not in ('auto_pause', 'auto_resume') and r.budget_change > 0) as scaled,
        count(*) as actions
      from autonomy.action_results r
      join public.campaigns c on c.id = r.campaign_id
      where c.account = p_account and r.status in ('executed', 'rolled_back')
        and r.executed_at >= p_from::timestamp at time zone p_zone
        and r.executed_at < (p_until + 1)::timestamp at time zone p_zone
      group by 1
    )
    select jsonb_agg(jsonb_build_object('day', g.day::date, 'spend', d.spend, 'revenue', d.revenue,
      'profit', round(d.profit::numeric, 2), 'roi', round((d.revenue::float8 / nullif(d.spend, 0)::float8)::numeric, 4),
      'conversions', autonomy.shown_conversions(d.conversions::float8), 'paused', coalesce(b.paused, 0),
      'scaled', coalesce(b.scaled, 0), 'other', coalesce(b.actions - b.paused - b.scaled, 0)) order by g.day)
    from generate_series(p_from::timestamp, p_until::timestamp, interval '1 day') g (day)
    left join autonomy.money_days(p_from, p_until, v_currency, p_account) d on d.day = g.day::date
    left join done b on b.day = g.day::date);
end $$;
comment on function autonomy.report_days(text, date, date, text) is
  'The days of an account''s report: figures, profit after spend at target, and how much was done. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.report_sums(p_account text, p_from date, p_until date) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_currency text := coalesce((select k.currency from public.autonomy_accounts k where k.account = p_account), '');
begin
  return (
    select jsonb_build_object('days', count(*), 'spend', sum(d.spend), 'revenue', sum(d.revenue),
      'profit', round(sum(d.profit)::numeric, 2),
      'roi', round((sum(d.revenue)::float8 / nullif(sum(d.spend), 0)::float8)::numeric, 4),
      'conversions', autonomy.shown_conversions(sum(d.conversions)::float8))
    from autonomy.money_days(p_from, p_until, v_currency, p_account) d);
end $$;
comment on function autonomy.report_sums(text, date, date) is
  'The sums of an account''s days with figures, and how many these are. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.report_brought(p_account text, p_from timestamptz, p_until timestamptz) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return (
    with mine as materialized (
      select r.action_id, r.campaign_id, r.action_type, r.status, r.money, r.error, c.title
      from autonomy.action_results r
      join public.campaigns c on c.id = r.campaign_id
      where c.account = p_account and r.executed_at >= p_from and r.executed_at < p_until
        and r.status in ('executed', 'rolled_back') and r.verdict is not null
    )
    select jsonb_build_object('measured', coalesce(sum(w.measured), 0),
      'money', round(coalesce(sum(w.money), 0)::numeric, 2),
      'money_low', round((coalesce(sum(w.money), 0) - 1.645 * sqrt(coalesce(sum(w.error ^ 2), 0)))::numeric, 2),
      'money_high', round((coalesce(sum(w.money), 0) + 1.645 * sqrt(coalesce(sum(w.error ^ 2), 0)))::numeric, 2),
      'worst', (
        select jsonb_build_object('action_id', m.action_id, 'campaign_id', m.campaign_id,
          'action_type', m.action_type, 'title', m.title, 'status', m.status, 'money', round(m.money::numeric, 2),
          -- of one action as it was measured: its interval need not lie evenly about the middle
          'money_low', autonomy.impact_number(a.actual_impact -> 'money_low'),
          'money_high', autonomy.impact_number(a.actual_impact -> 'money_high'))
        from mine m join public.autonomous_actions a on a.id = m.action_id
        where m.money < 0 order by m.money, m.action_id limit 1))
    from (
      -- errors of one campaign's actions rest on the same orders: they add up
      select count(*) as measured, sum(m.money) as money, sum(m.error) as error from mine m group by m.campaign_id) w);
end $$;
comment on function autonomy.report_brought(text, timestamptz, timestamptz) is
  'What the actions of a span on an account have brought as far as it was measured, with its 90 % interval, and the '
  'one that cost most (null where none cost anything). Only reads; raises nothing. [autonomous-operations]';

create function autonomy.report_actions(p_account text, p_from timestamptz, p_until timestamptz, p_limit integer)
returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return (
    select coalesce(jsonb_agg(autonomy.dashboard_action_json(a, coalesce(f.title, ''), u.rule_name)
      order by f.executed_at, a.id), '[]')
    from (
      select r.action_id, r.executed_at, c.title
      from autonomy.action_results r
      join public.campaigns c on c.id = r.campaign_id
      where c.account = p_account and r.executed_at >= p_from and r.executed_at < p_until
        and r.status in ('executed', 'rolled_back')
      order by r.executed_at, r.action_id limit p_limit) f
    join public.autonomous_actions a on a.id = f.action_id
    left join public.autonomous_rules u on u.id = a.rule_id);
end $$;
comment on function autonomy.report_actions(text, timestamptz, timestamptz, integer) is
  'What was carried out on an account in a span, the first first. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.report_waiting(p_account text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_currency text := coalesce((select k.currency from public.autonomy_accounts k where k.account = p_account), '');
begin
  return jsonb_build_object(
    'proposals', (select count(*) from public.autonomous_actions a join public.campaigns c on c.id = a.campaign_id
                  where a.status = 'pending' and c.account = p_account),
    'opportunities', (select count(*) from public.optimization_opportunities o
                      join public.campaigns c on c.id = o.campaign_id
                      where o.status in ('open', 'in_progress') and c.account = p_account),
    'critical', (select count(*) from public.optimization_opportunities o
                 join public.campaigns c on c.id = o.campaign_id
                 where o.status in ('open', 'in_progress') and o.severity = 'critical' and c.account = p_account),
    'first', autonomy.money_to_do(v_currency, p_account, p_now, 8));
end $$;
comment on function autonomy.report_waiting(text, timestamptz) is
  'What waits for a person on an account now: how many proposals and opportunities, and those that cost most by '
  'waiting. Only reads; raises nothing. [autonomous-operations]';

create function public.dashboard_report(
  p_account text, p_from date, p_until date, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_most constant integer := 200;
  v_zone text;
  v_today date;
  v_until date;
  v_begins timestamptz;
  v_ends timestamptz;
  v_proof jsonb;
begin
  if p_from is null or p_until is null or p_now is null or not isfinite(p_from) or not isfinite(p_until)
     or not isfinite(p_now) then
    raise exception using errcode = 'AO010', message = 'from and until must each be a day.';
  elsif p_from > p_until then
    raise exception using errcode = 'AO010', message = format('from (%s) lies after until (%s).', p_from, p_until);
  elsif p_until - p_from > 366 then
    raise exception using errcode = 'AO010', message = 'A report is of at most 366 days.';
  end if;
  v_zone := autonomy.account_zone(p_account);
  v_today := (p_now at time zone v_zone)::date;
  if p_from > v_today then
    raise exception using errcode = 'AO010', message = format('from (%s) lies in the future.', p_from);
  end if;
  v_until := least(p_until, v_today);
  v_begins := p_from::timestamp at time zone v_zone;
  v_ends := (v_until + 1)::timestamp at time zone v_zone;
  v_proof := autonomy.account_proof(p_account, v_begins, v_ends, p_now);
  return jsonb_build_object('account', p_account, 'currency', v_proof -> 'currency', 'time_zone', v_zone,
    'from', p_from, 'until', v_until, 'today', v_today,
    'totals', autonomy.report_sums(p_account, p_from, v_until),
    'before', autonomy.report_sums(p_account, p_from - (v_until - p_from) - 1, p_from - 1),
    'days', autonomy.report_days(p_account, p_from, v_until, v_zone),
    'done', v_proof -> 'actions', 'rules', v_proof -> 'rules',
    'brought', autonomy.report_brought(p_account, v_begins, v_ends),
    'actions', autonomy.report_actions(p_account, v_begins, v_ends, v_most),
    'waiting', autonomy.report_waiting(p_account, p_now));
end $$;
comment on function public.dashboard_report(text, date, date, timestamptz) is
  'A span of days of one account, in its zone: figures with those of as many days before, what was done (200 actions '
  'at most are listed), what it brought, the worst surprise, what waits now. until is today at the latest. Only '
  'reads; dashboard_refresh brings the days up to date. Raises AO010 (argument), AO003 (no such account). '
  '[autonomous-operations]';

-- The Overview and the runs.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Overview
-- ---------------------------------------------------------------------------------------------
create function autonomy.dashboard_worth(p_measured numeric, p_money float8, p_error_squares float8) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object('measured', coalesce(p_measured, 0),
    'money', round(p_money::numeric, 2),
    'money_low', round((p_money - 1.645 * sqrt(p_error_squares))::numeric, 2),
    'money_high', round((p_money + 1.645 * sqrt(p_error_squares))::numeric, 2));
$$;
comment on function autonomy.dashboard_worth(numeric, float8, float8) is
  'Measured money with its 90 % interval, from sums. Only computes. [autonomous-operations]';

create function autonomy.dashboard_action_totals(p_from date, p_to date, p_currency text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'actions', coalesce(sum(actions) filter (where done), 0),
    'paused', coalesce(sum(actions) filter (where done and action_type = 'auto_pause'), 0),
    'scaled', coalesce(sum(actions) filter (where done and action_type = 'auto_scale_up'), 0),
    'scaled_down', coalesce(sum(actions) filter (where done and action_type = 'auto_scale_down'), 0),
    'adjusted', coalesce(sum(actions) filter (where done and action_type = 'budget_adjusted'), 0),
    'resumed', coalesce(sum(actions) filter (where done and action_type = 'auto_resume'), 0),
    'pending', coalesce(sum(actions) filter (where status = 'pending'), 0),
    'failed', coalesce(sum(actions) filter (where status = 'failed'), 0),
    'rolled_back', coalesce(sum(actions) filter (where status = 'rolled_back'), 0),
    'average_confidence',
      round(sum(confidence_sum) filter (where done) / nullif(sum(confidence_count) filter (where done), 0), 1),
    'saved', autonomy.dashboard_worth(sum(measured) filter (where pause), sum(money) filter (where pause),
                                      sum(error_squares) filter (where pause)),
    'earned', autonomy.dashboard_worth(sum(measured) filter (where not pause), sum(money) filter (where not pause),
                                       sum(error_squares) filter (where not pause)))
  from (select *, status in ('executed', 'rolled_back') as done,
               case when currency = p_currency then action_type = 'auto_pause' end as pause
        from autonomy.dashboard_action_days) d
  where d.day between p_from and p_to;
$$;
comment on function autonomy.dashboard_action_totals(date, date, text) is
  'Actions counted over days, both ends included; what was rolled back later was done, too. What they brought: of one '
  'currency ('''': the unknown one). Reads only. '
  '[autonomous-operations]';

create function autonomy.dashboard_days(p_from date, p_to date, p_currency text) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'day', g.day::date, 'spend', p.spend, 'revenue', p.revenue, 'clicks', p.clicks,
    'conversions', autonomy.shown_conversions(p.conversions::float8),
    'roi', p.revenue::float8 / nullif(p.spend, 0)::float8,
    'paused', coalesce(a.paused, 0), 'scaled', coalesce(a.scaled, 0), 'other', coalesce(a.other, 0))
    order by g.day), '[]')
  from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g (day)
  left join (
    select day, sum(spend) as spend, sum(revenue) as revenue, sum(clicks) as clicks, sum(conversions) as conversions
    from autonomy.dashboard_performance_days where currency = p_currency and day between p_from and p_to
    group by day
  ) p on p.day = g.day::date
  left join (
    select day, sum(actions) filter (where action_type = 'auto_pause') as paused,
           sum(actions) filter (where action_type = 'auto_scale_up') as scaled,
           sum(actions) filter (where action_type not in ('auto_pause', 'auto_scale_up')) as other
    from autonomy.dashboard_action_days where status in ('executed', 'rolled_back') and currency = p_currency
    group by day
  ) a on a.day = g.day::date;
$$;
comment on function autonomy.dashboard_days(date, date, text) is
  'One object a day: spend, revenue, clicks, conversions, roi of all campaigns of a currency, and the actions of that '
  'day on them. Reads only. [autonomous-operations]';

create function autonomy.dashboard_currencies()
returns table (currency text, active bigint, active_budget numeric, saved jsonb, earned jsonb)
language sql stable set search_path = ''
as $$
  -- Of each account first: there are few of those. No campaign: what an account states is its own affair.
  select u.currency, u.active, u.active_budget, t.totals -> 'saved', t.totals -> 'earned'
  from (
    select coalesce(k.currency, '') as currency, sum(c.active)::bigint as active, sum(c.active_budget) as active_budget
    from (
      select account, count(*) filter (where lower(status) = 'active') as active,
        coalesce(sum(budget) filter (where lower(status) = 'active' and budget between 0 and 999999999999.99), 0)
          as active_budget
      from public.campaigns group by account) c
    left join public.autonomy_accounts k on k.account = c.account
    group by coalesce(k.currency, '')
  ) u
  cross join lateral (
    select autonomy.dashboard_action_totals(date '-infinity', date 'infinity', u.currency) as totals) t
  order by u.active desc, u.currency;
$$;
comment on function autonomy.dashboard_currencies() is
  'One row a currency ('''': unknown), that with the most active campaigns first: budgets, and what actions brought. '
  'Reads only. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Runs
-- ---------------------------------------------------------------------------------------------
create function autonomy.dashboard_run_json(r public.autonomous_runs) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', r.id, 'trigger', r.trigger, 'status', r.status, 'started_at', r.started_at,
    'finished_at', r.finished_at, 'dry_run', r.dry_run, 'mode', r.mode,
    'response_status', r.response_status, 'failed', jsonb_array_length(coalesce(r.summary -> 'failed', '[]')))
    || jsonb_build_object(
    'summary', coalesce(r.summary, '{}') - 'held_decisions' - 'actions' - 'failed');
$$;
comment on function autonomy.dashboard_run_json(public.autonomous_runs) is
  'A run without its long lists. [autonomous-operations]';

create function public.dashboard_overview(
  p_days integer default 30, p_since timestamptz default null, p_run_interval_minutes integer default 60,
  p_currency text default null, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_today date := (p_now at time zone v_policy.time_zone)::date;
  v_left integer := (public.dashboard_refresh() ->> 'left')::integer;
  v_currencies jsonb := (
    select coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('currency', nullif(c.currency, ''))), '[]')
    from autonomy.dashboard_currencies() c);
  v_currency text := case p_currency when 'unknown' then '' else coalesce(p_currency, v_currencies -> 0 ->> 'currency',
                                                                          '') end;
begin
  if p_currency is not null and not exists (
    select from jsonb_array_elements(v_currencies) c where coalesce(c ->> 'currency', '') = v_currency)
  then
    raise exception using errcode = 'AO010',
      message = format('No campaign is in the currency %s.', left(p_currency, 20)),
      hint = 'Leave it out, or give one of those that the answer lists under currencies.';
  end if;
  return jsonb_build_object(
    'currency', nullif(v_currency, ''),
    'currencies', v_currencies,
    'state', public.dashboard_state(p_since, p_run_interval_minutes, p_now),
    'policy', to_jsonb(v_policy),
    'now', p_now,
    'today', v_today,
    'stale_days', v_left,
    'last_run', (
      select autonomy.dashboard_run_json(r) from public.autonomous_runs r
      where r.status <> 'running' order by r.started_at desc, r.id desc limit 1),
    'running', (
      select count(*) from public.autonomous_runs r
      where r.status = 'running' and r.lease_expires_at > clock_timestamp()),
    'last_success_at', (
      select r.started_at from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1),
    'campaigns', (
      select jsonb_build_object('all', count(*), 'active', count(*) filter (where lower(c.status) = 'active'),
        'active_budget', coalesce((
          select (m -> 'active_budget')::numeric from jsonb_array_elements(v_currencies) m
          where coalesce(m ->> 'currency', '') = v_currency), 0))
      from public.campaigns c),
    'totals', autonomy.dashboard_action_totals(date '-infinity', date 'infinity', v_currency),
    'recent', autonomy.dashboard_action_totals(v_today - 1, date 'infinity', v_currency),
    'opportunities', (
      select jsonb_build_object(
        'unresolved', count(*),
        'critical', count(*) filter (where o.severity = 'critical'),
        'high', count(*) filter (where o.severity = 'high'),
        'overdue', count(*) filter (where o.first_seen_at < p_now - interval '48 hours'))
      from public.optimization_opportunities o where o.status in ('open', 'in_progress')),
    'days', autonomy.dashboard_days(v_today - p_days + 1, v_today, v_currency));
end $$;
comment on function public.dashboard_overview(integer, timestamptz, integer, text, timestamptz) is
  'What the overview page shows: state (see dashboard_state), policy, last run, totals, opportunities, the last '
  'p_days days. Money is of one currency: p_currency (unknown: of accounts that state none), else the one with the '
  'most active campaigns; currencies lists all. Brings daily figures up to date first. Raises AO010. '
  '[autonomous-operations]';

create function autonomy.dashboard_extremes(
  p_limit integer, p_now timestamptz,
  out under uuid[], out scaling uuid[], out under_count bigint, out scaling_count bigint)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  -- The questions of identify_underperforming_campaigns() and identify_scaling_candidates(), with
  -- evidence weighed for the few that are shown only.
  with found as materialized (
    -- First what the narrow table alone can tell, then the state of those.
    select t.campaign_id, t.life_revenue < t.life_spend as loses, t.life_revenue - t.life_spend as profit
    from autonomy.campaign_totals t
    where (t.life_spend >= 50 and t.life_revenue < t.life_spend)
       or (t.life_conversions >= 10 and t.life_spend > 0 and t.life_revenue >= 3 * t.life_spend)
  ), live as materialized (
    select f.*, row_number() over (partition by f.loses, k.currency order by
      case when f.loses then f.profit else -f.profit end, f.campaign_id) as place
    from found f join public.campaigns c on c.id = f.campaign_id
    left join public.autonomy_accounts k on k.account = c.account
    where (c.status = 'active' or lower(c.status) = 'active')
      and (not f.loses or c.created_at <= p_now - interval '24 hours')
  )
  -- the largest of each currency, then the second of each: their sizes cannot be compared
  select array(select l.campaign_id from live l where l.loses order by l.place, l.campaign_id limit p_limit),
         array(select l.campaign_id from live l where not l.loses order by l.place, l.campaign_id limit p_limit),
         count(*) filter (where l.loses), count(*) filter (where not l.loses)
  into under, scaling, under_count, scaling_count from live l;
end $$;
comment on function autonomy.dashboard_extremes(integer, timestamptz) is
  'Part of dashboard_attention: the p_limit campaigns that lose most and earn most, and how many there are. Reads '
  'only. [autonomous-operations]';

create function autonomy.scaling_held(
  p_budget numeric, p_suggested numeric, p_budget_use float8, p_grows float8, p_currency text) returns text
language sql stable set search_path = ''
as $$
  -- as identify_scaling_candidates() says it
  select case
    when p_budget is null or p_budget <= 0 then 'No budget to raise.'
    when p_suggested <= p_budget then format('Leave the budget at %s, its limit.',
                                             autonomy.money_words(p_budget, p_currency))
    when p_budget_use < 0.7 then format('Wait: the budget is not what limits it, %s %% of it is spent.',
                                        floor(100 * p_budget_use))
    when p_grows < 50 then 'Wait: more budget is unlikely to earn its keep.' end;
$$;
comment on function autonomy.scaling_held(numeric, numeric, float8, float8, text) is
  'Why a scaling candidate would be held, or null. Reads only. [autonomous-operations]';

create function public.dashboard_attention(p_limit integer default 6, p_now timestamptz default now())
returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_under uuid[];
  v_scaling uuid[];
  v_under_count bigint;
  v_scaling_count bigint;
begin
  select e.under, e.scaling, e.under_count, e.scaling_count into v_under, v_scaling, v_under_count, v_scaling_count
  from autonomy.dashboard_extremes(p_limit, p_now) e;
  return (
    with seen as materialized (
      select c.*, c.revenue / nullif(c.spend, 0) as roi, 100 * c.clicks / nullif(c.impressions, 0) as ctr,
             100 * c.conversions / nullif(c.clicks, 0) as conversion_rate,
             c as campaign, f.p as policy, o.break_even,
             autonomy.cut_confidence(100::float8 * autonomy.probability_from(
               q.posterior, greatest(o.break_even, 1) / c.attribution * y.over)) as loses,
             autonomy.cut_confidence(100::float8 * (1::float8 - autonomy.probability_from(q.posterior,
               least(o.break_even * y.steep, 3) / c.attribution * y.over))) as grows,
             least(round(c.budget * 1.5, d.digits), trunc((f.p).max_budget, d.digits)) as suggested
      from autonomy.candidate_rows(v_under || v_scaling, p_now) c
      join autonomy.policies_of(array(select k.account from public.campaigns k where k.id = any (v_under || v_scaling)))
        f on f.account = coalesce(c.account, '')
      cross join lateral (select coalesce(c.target_roi, (f.p).break_even_roi::float8) as break_even) o
      cross join lateral (select autonomy.roi_posterior(
        coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days,
        c.matured_share, (f.p).prior_mean_roi,
        (f.p).prior_tau2, (f.p).prior_order_value, (f.p).prior_cv2,
        (f.p).prior_order_spread) as posterior offset 0) q
      cross join lateral (select autonomy.currency_digits(c.currency) as digits) d
      cross join lateral (select autonomy.curve_over(x.share, x.curvature) as over,
          autonomy.curve_steep(x.share, x.curvature) as steep
        from (select coalesce(c.curvature, (f.p).curvature::float8) as curvature,
                     autonomy.budget_share(c.budget, c.reference_budget) as share offset 0) x) y
    )
    select jsonb_build_object(
      'underperforming_count', v_under_count,
      'underperforming', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'campaign_id', s.campaign_id, 'campaign_title', s.title, 'currency', s.currency, 'current_budget', s.budget,
          'total_spend', round(s.spend::numeric, 2), 'roi', round(s.roi::numeric, 4), 'ctr', round(s.ctr::numeric, 4),
          'conversion_rate', round(s.conversion_rate::numeric, 4), 'confidence_score', round(s.loses::numeric, 2),
          'recommendation', case
            when s.value_missing then 'Wait: its conversions carry no value, so its roi says nothing'
            when s.loses < 50 then 'Wait' when s.loses < 80 then 'Watch, or pause' else 'Pause' end
            || ': ' || autonomy.why_words('pause', s.campaign, s.loses, greatest(s.break_even, 1),
                                          s.break_even, s.policy))
          order by array_position(v_under, s.campaign_id)), '[]')
        from seen s where s.campaign_id = any (v_under)),
      'scaling_count', v_scaling_count,
      'scaling', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'campaign_id', s.campaign_id, 'campaign_title', s.title, 'currency', s.currency, 'current_budget', s.budget,
          'suggested_budget', case when h.held is null then s.suggested end, 'held', h.held,
          'roi', round(s.roi::numeric, 4),
          'conversions', autonomy.shown_conversions(s.conversions),
          'ctr', round(s.ctr::numeric, 4), 'confidence_score', round(s.grows::numeric, 2),
          'reasoning', autonomy.why_words('up', s.campaign, s.grows, null, s.break_even, s.policy))
          order by array_position(v_scaling, s.campaign_id)), '[]')
        from seen s
        cross join lateral (select autonomy.scaling_held(s.budget, s.suggested, s.budget_use, s.grows, s.currency)
                                     as held) h
        where s.campaign_id = any (v_scaling))));
end $$;
comment on function public.dashboard_attention(integer, timestamptz) is
  'The active campaigns that lose most and those that earn most above an roi of 3, p_limit each, and how many there '
  'are. Reads only. [autonomous-operations]';

create function public.dashboard_runs(p_after jsonb default null, p_limit integer default 50) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_rows jsonb;
  v_limit integer := least(greatest(p_limit, 1), 500);
begin
  select coalesce(jsonb_agg(autonomy.dashboard_run_json(page) order by started_at desc, id desc), '[]') into v_rows
  from (
    select r.* from public.autonomous_runs r
    where p_after is null
       or (r.started_at, r.id) < ((p_after ->> 'started_at')::timestamptz, (p_after ->> 'id')::uuid)
    order by r.started_at desc, r.id desc limit v_limit + 1
  ) page;
  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('runs', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('runs', v_rows, 'next_after', jsonb_build_object(
    'started_at', v_rows -> -1 -> 'started_at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_runs(jsonb, integer) is
  'Runs, newest first: {"runs", "next_after"}. Reads only. [autonomous-operations]';

create function public.dashboard_run(p_run_id uuid) returns jsonb
language sql stable set search_path = ''
as $$
  select autonomy.dashboard_run_json(r) || jsonb_build_object(
    'summary', coalesce(r.summary, '{}'),
    'actions_now', (
      select coalesce(jsonb_object_agg(s.status, s.n), '{}')
      from (select a.status, count(*) as n from public.autonomous_actions a where a.run_id = r.id group by a.status) s))
  from public.autonomous_runs r where r.id = p_run_id;
$$;
comment on function public.dashboard_run(uuid) is
  'One run with its whole summary and what became of its actions; NULL where there is none. Reads only. '
  '[autonomous-operations]';

create function public.dashboard_run_preview(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB' set statement_timeout = '55s'
as $$
declare
  v_portfolio jsonb := public.portfolio_state(p_now);
  v_only text := autonomy.only_currency();
begin
  return (
    with run as materialized (
      select d from autonomy.decided_run(autonomy.shard_slots(null), false, p_now, v_portfolio) d
    ), weighed as materialized (
      select r.d, (r.d).verdict, (r.d).code, k.kind, coalesce(v_only, autonomy.campaign_currency((r.d).campaign_id))
          as currency, coalesce(case k.kind
          when 'pause' then ((r.d).candidate).budget when 'resume' then (r.d).new_budget
          else abs((r.d).new_budget - ((r.d).candidate).budget) end, 0) as money
      from run r
      cross join lateral (select case (r.d).action_type when 'auto_pause' then 'pause' when 'auto_resume' then 'resume'
        else case when (r.d).new_budget > ((r.d).candidate).budget then 'raise' else 'lower' end end as kind) k
    )
    select jsonb_build_object(
      'mode', p.mode, 'frozen', p.frozen,
      'rules', (select count(*) from public.autonomous_rules r where r.is_active),
      'campaigns_evaluated', autonomy.active_campaigns(null, v_portfolio),
      'changes', (
        select coalesce(jsonb_agg(to_jsonb(t)
          order by t.verdict, array_position(array['pause', 'raise', 'lower', 'resume'], t.kind), t.currency), '[]')
        from (select w.verdict, w.kind, nullif(w.currency, '') as currency, count(*) as campaigns,
                round(sum(w.money), 2) as money
              from weighed w where w.verdict <> 'hold' group by 1, 2, 3) t),
      'held', (select count(*) from weighed w where w.verdict = 'hold'),
      'largest', (
        select coalesce(jsonb_agg(autonomy.decision_entry(t)
            || jsonb_build_object('verdict', t.verdict, 'currency', nullif(w.currency, ''))
          order by w.place, t.campaign_id), '[]')
        from (select *, row_number() over (partition by o.currency order by o.money desc, (o.d).campaign_id) as place
              from weighed o where o.verdict <> 'hold' order by place, (o.d).campaign_id limit 10) w
        cross join lateral autonomy.told_decisions(array[w.d]) t),
      'breakers', autonomy.breaker_reports(v_portfolio, (
        select coalesce(jsonb_agg(to_jsonb(t)), '[]')
        from (select code, (d).stopped_at as at, count(*) as n from weighed group by 1, 2) t)),
      'warnings', autonomy.run_warnings())
    from public.autonomy_policy p);
end $$;
comment on function public.dashboard_run_preview(timestamptz) is
  'What a run would do now, in campaigns and budget a day: {"mode", "frozen", "rules", "campaigns_evaluated", '
  '"changes": [{"verdict": act or propose, "kind": pause, raise, lower or resume, "currency", "campaigns", "money"}], '
  '"held", '
  '"largest": ten decisions, "breakers", "warnings"}. Reads only: not even a dry run is written '
  'down. [autonomous-operations]';

-- Who is a candidate, and what to do about each: the twin of autonomy/engine in SQL. Everything
-- here only reads. Safe to run again.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local check_function_bodies = off;

-- The planner takes any lower(...) = ... for rare, and would walk an index for most of the table.
-- (For the same end the queries below ask for the plain spelling first: it is the usual one.)
create statistics if not exists public.campaigns_lower_status on (lower(status)) from public.campaigns;

-- ---------------------------------------------------------------------------------------------
-- Small parts
-- ---------------------------------------------------------------------------------------------

create function public.shard_slots(p_shard text) returns int4range
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_part int;
  v_parts int;
begin
  if p_shard is null then
    return int4range(0, 65536);
  end if;
  if p_shard !~ '^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$' then
    raise exception using errcode = 'AO010',
      message = format('shard: %s is not a shard; write it as 2/8, the second of eight.', to_json(left(p_shard, 40)));
  end if;
  v_part := split_part(p_shard, '/', 1)::int;
  v_parts := split_part(p_shard, '/', 2)::int;
  if v_part > v_parts or v_parts > 65536 then
    raise exception using errcode = 'AO010',
      message = format('shard: %s is not a shard; the first number runs from 1 to the second, the second to 65536.', p_shard);
  end if;
  return int4range((v_part - 1) * 65536 / v_parts, v_part * 65536 / v_parts);
end $$;
comment on function public.shard_slots(text) is
  'The slots of a shard "i/n"; all of them for null. Pure. Raises AO010 for anything else. [autonomous-operations]';

create function public.sane_number(p_value float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_value between -1e18::float8 and 1e18::float8 then
    case when p_value between -1e-9::float8 and 1e-9::float8 then 0::float8 else p_value end end;
end $$;
comment on function public.sane_number(float8) is
  'The number; null where it is NaN, infinite or beyond 1e18; 0 where it is next to nothing. Pure. [autonomous-operations]';

create function public.time_expression(p_time text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- least() and greatest() pass over null: no time must stay no time
begin
  return format('(case when %1$s is not null then greatest(''0001-01-02 00:00:00+00''::timestamptz, '
                'least(''9999-12-30 00:00:00+00''::timestamptz, %1$s)) end)', p_time);
end $$;
comment on function public.time_expression(text) is
  'SQL text of a time, brought into the years 1 to 9999 that other languages can read. The argument is SQL of ours. Pure. [autonomous-operations]';

create function public.exact_number(p_value jsonb) returns numeric
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return public.json_number(p_value)::text::numeric;
end $$;
comment on function public.exact_number(jsonb) is
  'A JSON number as the decimal that was written, to the digits that a float8 keeps. Pure. [autonomous-operations]';

create function public.argument_error(p_name text, p_value numeric) returns void
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if p_value is null or not p_value between 0 and 1e15 then
    raise exception using errcode = 'AO010',
      message = format('%s must be a number of at least 0, not %s.', p_name, coalesce(p_value::text, 'NULL'));
  end if;
end $$;
comment on function public.argument_error(text, numeric) is
  'Raises AO010 where an argument is missing, negative or not a finite number. Pure. [autonomous-operations]';

create function public.rules_in_order(p_include_inactive boolean)
returns table (place int, id uuid, rule_name text, condition jsonb, action jsonb, flaw text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select case when x.flaw is null then
           row_number() over (partition by x.flaw is null
                              order by r.priority desc, r.rule_name collate "C", r.id)::int end,
         r.id, r.rule_name, r.condition, r.action, x.flaw
  from public.autonomous_rules r
  cross join lateral (select case
    when r.rule_name = '' then 'rule_name: must be a text that is not empty'
    when r.priority is null then 'priority: is missing; give a whole number'
    else public.rule_errors(r.rule_type, r.condition, r.action) end as flaw offset 0) x  -- computed once
  where r.is_active or p_include_inactive
  order by 1, r.rule_name collate "C";
end $$;
comment on function public.rules_in_order(boolean) is
  'The rules that decide, numbered in the order in which they do; a bad one has no number and a flaw instead. Only reads. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Finding: one scan with every rule compiled to a predicate
-- ---------------------------------------------------------------------------------------------

create function public.matching_campaigns(
  p_after uuid, p_limit int, p_slots int4range, p_include_inactive boolean, p_campaign_id uuid, p_now timestamptz)
returns table (campaign_id uuid, places int[])
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
-- Twice. One scan finds those that a campaign's own columns (budget, age, account, title) could
-- still rule in: there these are null, and in three-valued logic what is false with an unknown is
-- false with any value. The few that are left are looked at whole, by key; a join with the campaigns
-- before the rules took four times as long, and in the order of the key neighbours share its pages.
-- Both read the totals, or, where a rule asks for a window, the facts.
-- m computes each metric once; `offset 0` keeps the planner from doing so at every mention, which
-- only for a few rules over the totals is quicker.
declare
  v_predicates text[];
  v_metrics text;
  v_metrics_alone text;          -- without the campaign's own columns
  v_source text;
  v_near uuid[];
begin
  with rules as materialized (
    select r.place, r.condition from public.rules_in_order(p_include_inactive) r where r.place is not null
  ),
  reads as materialized (
    select x.metric, x.win, format(', %%s as %I', x.metric || '@' || x.win) as named
    from rules r cross join lateral public.condition_reads(r.condition) x
    group by x.metric, x.win
  ),
  source as (
    select case when bool_or(x.win <> 'lifetime') then 'campaign_facts' else 'campaign_totals' end as name from reads x
  ),
  metrics as (
    select x.named, o.own, public.metric_expression(x.metric, x.win,
      case when s.name = 'campaign_totals' and not o.own then 'raw' else 'exact' end) as expression
    from reads x cross join source s
    cross join lateral (select x.metric in ('budget', 'hours_running') as own) o
  )
  select s.name,
    (select array_agg(public.compile_condition_part(r.condition, 'columns') order by r.place) from rules r),
    (select string_agg(format(m.named, m.expression), '') from metrics m),
    (select string_agg(format(m.named, case when m.own then 'null::float8' else m.expression end), '') from metrics m)
  into v_source, v_predicates, v_metrics, v_metrics_alone
  from source s;
  if v_predicates is null then
    return;
  end if;

  if p_campaign_id is null then
    execute 'select array_agg(m.id) from (select f.campaign_id as id, null::text as account, null::text as title'
      || coalesce(v_metrics_alone, '') || ' from public.' || v_source || ' f'
      || case when p_after is not null then ' where f.campaign_id > $1' else '' end
      || case when v_source = 'campaign_totals' and cardinality(v_predicates) <= 8 then '' else ' offset 0' end
      || ') m where ((' || array_to_string(v_predicates, ') or (') || ')) is not false'
      into v_near using p_after;
    if v_near is null then
      return;
    end if;
  end if;

  return query execute
    'select m.id, array_remove(array['
    || (select string_agg(format('case when %s then %s end', p, n), ', ' order by n)
        from unnest(v_predicates) with ordinality as u (p, n))
    || ']::int[], null) from (select c.id, c.account, c.title' || coalesce(v_metrics, '')
    || case
         when p_campaign_id is not null then
           ' from public.campaigns c left join public.' || v_source || ' f on f.campaign_id = c.id where c.id = $4'
         else
           ' from (select n.id from unnest($2) n (id) order by n.id) near join public.campaigns c on c.id = near.id'
           ' join public.' || v_source || ' f on f.campaign_id = near.id'
           ' where (c.status = ''active'' or lower(c.status) = ''active'')'
           || case when p_slots is distinct from int4range(0, 65536)
                then ' and public.campaign_slot(c.id) <@ $5' else '' end
       end
    || ' offset 0) m'
    || case when p_campaign_id is null then
         ' where (' || array_to_string(v_predicates, ') or (') || ')' else '' end
    || case when p_limit is not null then ' order by m.id limit $3' else '' end
    using p_now, v_near, p_limit, p_campaign_id, p_slots;
end $$;
comment on function public.matching_campaigns(uuid, int, int4range, boolean, uuid, timestamptz) is
  'The active campaigns on which at least one rule''s condition holds, with the places of those rules; p_campaign_id asks about one campaign, whatever it matches. Only reads. [autonomous-operations]';

create function public.revocable_pauses(p_ids uuid[] default null)
returns table (campaign_id uuid, action_id uuid, executed_at timestamptz, rule_id uuid, rule_name text,
               status text, budget numeric, break_even float8, revenue_then float8)
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
-- Planned anew each time: a plan kept from the day when the log was empty would read all of it
-- for each campaign.
begin
  return query
  select a.campaign_id, a.id, a.executed_at, a.rule_id,
    coalesce(r.rule_name, a.evidence -> 'rule_name' #>> '{}', ''),
    a.previous_state ->> 'status', case when b.budget between 0 and 1e15 then b.budget end,
    public.sane_number(public.json_number(a.evidence -> 'break_even')),
    public.json_number(a.evidence #> '{metrics,revenue}')
  from public.autonomous_actions a
  join public.campaigns c on c.id = a.campaign_id and lower(c.status) = 'paused'
  join public.campaign_facts f on f.campaign_id = a.campaign_id
  left join public.autonomous_rules r on r.id = a.rule_id
  cross join lateral (select public.exact_number(a.previous_state -> 'budget') as budget) b
  where a.action_type = 'auto_pause' and a.status = 'executed'
    and (p_ids is null or a.campaign_id = any (p_ids))
    and a.rule_id is not null  -- a person who pauses names no rule, and is not overruled
    and f.life_revenue > public.json_number(a.evidence #> '{metrics,revenue}')
    and a.id = (
      select h.action_id from public.campaign_changes h
      where h.campaign_id = a.campaign_id order by h.id desc limit 1);
end $$;
comment on function public.revocable_pauses(uuid[]) is
  'Pauses of ours that stand unchanged and have brought revenue since: late conversions may prove them wrong. Only reads. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Looking closer at those found
-- ---------------------------------------------------------------------------------------------

create type public.autonomy_candidate as (
  campaign_id uuid, title text, account text, status text, is_active boolean, budget numeric,
  created_at timestamptz, hours_running float8, autonomous_enabled boolean, hold_until timestamptz,
  data_age_hours float8,
  impressions float8, reach float8, clicks float8, conversions float8, spend float8, revenue float8,
  ev_spend float8, ev_conversions float8, ev_revenue float8, cv2 float8, ev_days float8,
  matured_share float8, has_history boolean,
  last_action_at timestamptz, last_pause_at timestamptz, last_resume_at timestamptz,
  budget_low_7d numeric, pending boolean, test_running boolean, holdout_draw float8,
  value_missing boolean, no_raise_until timestamptz, no_cut_until timestamptz, no_pause_until timestamptz, budget_use float8);
comment on type public.autonomy_candidate is 'All that decisions about one campaign need, the rules'' windows aside. [autonomous-operations]';

create function public.candidate_rows(p_ids uuid[], p_now timestamptz) returns setof public.autonomy_candidate
language plpgsql stable set search_path = ''
as $$
-- As text, because a function with a search path of its own costs more for each row than the
-- arithmetic that it does; the expressions stand in one place all the same. And so it is planned
-- anew each time: a plan kept from the day when the log was empty would read all of it for each
-- campaign.
declare
  v_without_value uuid[] := public.campaigns_without_value(p_ids, p_now);
begin
  return query execute
    'select c.id, c.title, c.account, c.status, coalesce(lower(c.status) = ''active'', false), b.budget, '
    || public.time_expression('c.created_at') || ', e.hours_running, coalesce(c.autonomous_enabled, false), '
    || public.time_expression('c.hold_until') || ','
    || ' case when isfinite(f.data_at) then date_part(''epoch'', $1 - f.data_at) / 3600::float8 end, '
    || (select string_agg(public.measure_expression(k, 'lifetime'), ', ' order by n)
        from unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue']) with ordinality u (k, n))
    || ', e.spend, e.conversions, e.revenue, e.cv2, e.days, e.matured_share, e.has_history, '
    || public.time_expression('greatest(l.action_at, w.changed_at)') || ', ' || public.time_expression('l.pause_at') || ', '
    || public.time_expression('l.resume_at')
    || $sql$, least(b.budget, l.budget_low),
        exists (select from public.autonomous_actions a where a.campaign_id = c.id and a.status = 'pending'),
        exists (select from public.campaign_ab_tests t where t.campaign_id = c.id and t.status = 'running'),
        ('x' || left(md5(c.id::text || k.week), 8))::bit(32)::bigint / 4294967296::float8,
        v.id is not null, w.no_raise_until, w.no_cut_until, w.no_pause_until, u.share
      from public.autonomy_policy p
      cross join (select to_char($1 at time zone 'UTC', 'IYYY-IW') as week) k
      cross join unnest($2) i (id)
      join public.campaigns c on c.id = i.id
      left join public.campaign_facts f on f.campaign_id = i.id
      left join unnest($3) v (id) on v.id = i.id
      left join public.people_changes($2, $1) w on w.campaign_id = i.id
      left join public.budget_use($2, $1) u on u.campaign_id = i.id
      cross join lateral (select case when c.budget between -1e18 and 1e18 then c.budget end as budget) b
      cross join lateral (
        select max(a.executed_at) as action_at,
          max(a.executed_at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as pause_at,
          max(a.executed_at) filter (where a.action_type = 'auto_resume') as resume_at,
          min(public.exact_number(a.previous_state -> 'budget')) filter (
            where a.executed_at > $1 - interval '7 days'
              and public.exact_number(a.previous_state -> 'budget') > 0) as budget_low
        from public.autonomous_actions a
        where a.campaign_id = c.id and a.status = 'executed') l
    $sql$ || public.evidence_expression() using p_now, p_ids, v_without_value;
end $$;
comment on function public.candidate_rows(uuid[], timestamptz) is
  'All that decisions about these campaigns need, the rules'' windows aside. Only reads. [autonomous-operations]';

create function public.candidate_windows(p_ids uuid[], p_windows text[])
returns table (campaign_id uuid, windows json)
language plpgsql stable set search_path = ''
as $$
begin
  return query execute
    'select i.id, json_build_object(' || (
      select string_agg(format('%L, json_build_object(%s)', w, (
        select string_agg(format('%L, %s', k, public.measure_expression(k, w)), ', ')
        from unnest(array['impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue']) k)), ', ')
      from unnest('lifetime'::text || p_windows) w)
    || ') from unnest($1) i (id) left join public.campaign_facts f on f.campaign_id = i.id'
    using p_ids;
end $$;
comment on function public.candidate_windows(uuid[], text[]) is
  'The six measures of the whole life and of each of the named windows, which must come from validated conditions. Only reads. [autonomous-operations]';

create function public.list_autonomous_candidates(
  p_after uuid default null, p_limit int default 1000, p_shard text default null,
  p_include_inactive_rules boolean default false, p_campaign_id uuid default null,
  p_ids uuid[] default null, p_ahead int default 0, p_now timestamptz default now())
returns json
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s' set timezone = 'UTC'
as $$
-- json, not jsonb: nobody looks into it before it is sent, and building jsonb takes three times as long.
declare
  v_slots int4range := public.shard_slots(p_shard);
  v_include boolean := coalesce(p_include_inactive_rules, false);
  v_ids uuid[];
  v_ahead uuid[] := '{}';
  v_found int := 0;
  v_skipped jsonb;
  v_windows text[];
  v_candidates json;
begin
  if p_limit is null or p_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010', message = format('p_limit must be from 1 to 5000, not %s.', coalesce(p_limit::text, 'NULL'));
  elsif p_ahead is null or p_ahead not between 0 and 50000 then
    raise exception using errcode = 'AO010', message = format('p_ahead must be from 0 to 50000, not %s.', coalesce(p_ahead::text, 'NULL'));
  elsif cardinality(p_ids) > 5000 then
    raise exception using errcode = 'AO010', message = format('p_ids must be at most 5000 campaigns, not %s.', cardinality(p_ids));
  elsif p_now is null or not isfinite(p_now) then
    raise exception using errcode = 'AO010', message = 'p_now must be a moment.';
  end if;

  select coalesce(jsonb_agg(jsonb_build_object('rule_name', r.rule_name, 'error', r.flaw)) filter (where r.flaw is not null), '[]'),
         array_agg(distinct x.win) filter (where x.win <> 'lifetime')
  into v_skipped, v_windows
  from public.rules_in_order(v_include) r
  left join lateral public.condition_reads(r.condition) x on r.flaw is null;

  if p_campaign_id is not null then
    v_ids := array[p_campaign_id];
  elsif p_ids is not null then
    v_ids := array(select distinct i from unnest(p_ids) i);
  else
    with found as (
      select m.campaign_id from public.matching_campaigns(p_after, p_limit + p_ahead, v_slots, v_include, null::uuid, p_now) m
      union
      select r.campaign_id from public.revocable_pauses() r
      where (p_after is null or r.campaign_id > p_after)
        and public.campaign_slot(r.campaign_id) <@ v_slots
        and (select p.resume_when_proven_wrong from public.autonomy_policy p)
        and exists (select from public.rules_in_order(v_include) o where o.place is not null)
    )
    select array(select f.campaign_id from found f order by f.campaign_id limit p_limit + p_ahead) into v_ids;
    v_found := cardinality(v_ids);
    v_ahead := v_ids[p_limit + 1:];
    v_ids := v_ids[:p_limit];
  end if;

  select coalesce(json_agg(json_build_object(
    'campaign_id', c.campaign_id, 'title', c.title, 'account', c.account, 'status', c.status,
    'is_active', c.is_active, 'budget', c.budget, 'created_at', c.created_at, 'hours_running', c.hours_running,
    'autonomous_enabled', c.autonomous_enabled, 'hold_until', c.hold_until, 'data_age_hours', c.data_age_hours,
    'metrics', w.windows,
    'evidence', json_build_object(
      'spend', c.ev_spend, 'conversions', c.ev_conversions, 'revenue', c.ev_revenue, 'cv2', c.cv2,
      'days', c.ev_days, 'matured_share', c.matured_share, 'has_history', c.has_history),
    'last_action_at', c.last_action_at, 'last_pause_at', c.last_pause_at, 'last_resume_at', c.last_resume_at,
    'budget_low_7d', c.budget_low_7d, 'pending', c.pending, 'test_running', c.test_running,
    'holdout_draw', c.holdout_draw, 'value_missing', c.value_missing,
    'no_raise_until', c.no_raise_until, 'no_cut_until', c.no_cut_until, 'no_pause_until', c.no_pause_until,
    'budget_use', c.budget_use,
    'paused_action', case when r.action_id is not null then json_build_object(
      'action_id', r.action_id, 'executed_at', r.executed_at, 'rule_id', r.rule_id, 'rule_name', r.rule_name,
      'status', r.status, 'budget', r.budget, 'break_even', r.break_even, 'revenue_then', r.revenue_then) end
    ) order by c.campaign_id), '[]')
  into v_candidates
  from public.candidate_rows(v_ids, p_now) c
  join public.candidate_windows(v_ids, v_windows) w on w.campaign_id = c.campaign_id
  left join public.revocable_pauses(v_ids) r on r.campaign_id = c.campaign_id;

  return case when p_ahead > 0 then json_build_object(
      'candidates', v_candidates, 'rules_skipped', v_skipped,
      'next_after', case when v_found >= p_limit then v_ids[p_limit] end,
      'ahead', to_json(v_ahead), 'ahead_after', case when v_found = p_limit + p_ahead then v_ahead[p_ahead] end)
    else json_build_object(
      'candidates', v_candidates, 'rules_skipped', v_skipped,
      'next_after', case when v_found >= p_limit then v_ids[p_limit] end) end;
end $$;
comment on function public.list_autonomous_candidates(uuid, int, text, boolean, uuid, uuid[], int, timestamptz) is
  'The campaigns that some active rule matches, or whose pause late conversions may prove wrong, in pages by campaign id; with p_campaign_id that one, with p_ids those, whatever they match. One scan finds the page and p_ahead ids behind it (ahead), to be asked for by p_ids; ahead_after: where to look on. Only reads; safe to call again. Raises AO010 for a bad argument. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The portfolio
-- ---------------------------------------------------------------------------------------------

create function public.tracking_state(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set timezone = 'UTC' set jit = off
as $$
-- Only where the data is finer than a day: three buckets or more within the 24 hours. A feed that
-- is late brings no clicks, so nothing is expected of it. Conversions that are known to come late
-- (conversion_delay_hours) are not yet expected.
begin
  return (
    with clock as (
      select date_trunc('hour', p_now) as until, date_trunc('hour', p_now) - interval '24 hours' as since,
             ((date_trunc('hour', p_now) - interval '24 hours') at time zone p.time_zone)::date as first_day,
             p.conversion_delay_hours::float8 as delay, p.tracking_breaker_ratio as ratio,
             p.tracking_breaker_min_expected as least_expected
      from public.autonomy_policy p
    ),
    recent as (
      select m.campaign_id, sum(m.conversions) as conversions,
        sum(m.clicks * case when k.delay = 0 then 1::float8 else 1::float8 - exp(greatest(-600::float8,
          -(date_part('epoch', k.until - m.bucket) / 3600::float8 - 0.5::float8) / k.delay)) end) as clicks
      from public.campaign_metrics m, clock k
      where m.bucket >= k.since and m.bucket < k.until
      group by m.campaign_id
      having count(*) >= 3 and sum(m.clicks) > 0
    ),
    before as (
      select d.campaign_id, sum(d.clicks)::float8 as clicks, sum(d.conversions)::float8 as conversions
      from public.campaign_daily d, clock k
      where d.day >= k.first_day - 7 and d.day < k.first_day
        and d.campaign_id in (select r.campaign_id from recent r)
      group by d.campaign_id
      having sum(d.clicks) > 0
    ),
    total as (
      select coalesce(sum(r.conversions), 0)::float8 as observed,
             coalesce(sum(r.clicks * b.conversions / b.clicks), 0)::float8 as expected
      from recent r join before b using (campaign_id)
    )
    select jsonb_build_object(
      'observed', t.observed, 'expected', round(t.expected::numeric, 2),
      'tripped', t.expected >= k.least_expected and t.observed < k.ratio::float8 * t.expected)
    from total t, clock k);
end $$;
comment on function public.tracking_state(timestamptz) is
  'Conversions of the last 24 complete hours beside what their clicks would have brought at each campaign''s rate of the 7 days before; tripped where measurement looks broken. Only reads. [autonomous-operations]';

create function public.portfolio_state(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
declare
  v_campaigns bigint;
  v_budget numeric;
  v_pauses bigint;
  v_ups bigint;
  v_raised numeric;
begin
  perform public.moment_error(p_now);
  -- by itself, so that a large table is read on every core
  select count(*), coalesce(sum(c.budget) filter (where c.budget between 0 and 1e18), 0) into v_campaigns, v_budget
  from public.campaigns c where c.status = 'active' or lower(c.status) = 'active';
  -- counted without an upper end in time: an action that another shard has just written counts
  select count(*) filter (where a.action_type = 'auto_pause' and a.created_at > p_now - interval '24 hours'),
    count(*) filter (where r.raise > 0), coalesce(sum(r.raise) filter (where r.raise > 0), 0)
  into v_pauses, v_ups, v_raised
  from public.autonomy_policy p
  join public.autonomous_actions a
    on a.created_at > p_now - interval '24 hours' - p.approval_hours * interval '1 hour' and a.status in ('executed', 'pending')
  cross join lateral (select case
    when a.status = 'executed' and a.executed_at > p_now - interval '24 hours' and a.action_type <> 'auto_resume'
      and jsonb_typeof(a.new_state -> 'budget') = 'number' and jsonb_typeof(a.previous_state -> 'budget') = 'number'
    then case when (a.new_state -> 'budget')::numeric between 0 and 1e15 and (a.previous_state -> 'budget')::numeric between 0 and 1e15
      then (a.new_state -> 'budget')::numeric - (a.previous_state -> 'budget')::numeric end end as raise offset 0) r;
  return jsonb_build_object(
    'active_campaigns', v_campaigns, 'active_budget', v_budget,
    'pauses_24h', v_pauses, 'scale_ups_24h', v_ups, 'raised_24h', v_raised,
    'tracking', public.tracking_state(p_now));
end $$;
comment on function public.portfolio_state(timestamptz) is
  'What the portfolio-wide guardrails count: active campaigns and budget, what was done in 24 hours, and whether tracking looks broken. Only reads; safe to call again. Raises AO010 for a bad moment. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Deciding each campaign by itself
-- ---------------------------------------------------------------------------------------------

create function public.rule_plans(p_include_inactive boolean)
returns table (
  place int, rule_id uuid, rule_name text, action_type text, kind text,
  break_even float8, full_bar float8, target float8, bar float8, confidence_floor float8, cooldown interval,
  up numeric, down numeric, set_budget numeric, max_budget numeric, min_budget numeric, requires_approval boolean)
language plpgsql stable set search_path = ''
as $$
-- A rule that states its own roi target is taken at its word.
begin
  return query
  select r.place, r.id, r.rule_name, r.action ->> 'type', k.kind, t.break_even, t.full_bar,
    case when t.flat and r.condition ->> 'operator' in ('<', '<=') then greatest(t.break_even, t.stated) else t.break_even end,
    case when t.flat and r.condition ->> 'operator' in ('>', '>=') then least(t.full_bar, t.stated) else t.full_bar end,
    case when k.kind = 'step' then greatest(80::float8, t.confidence_floor) else t.confidence_floor end,
    coalesce(public.json_number(r.action -> 'cooldown_hours'), p.cooldown_hours::float8) * interval '1 hour',
    1 + coalesce(public.exact_number(r.action -> 'step'), public.exact_number(r.action -> 'multiplier') - 1, 0),
    1 - coalesce(public.exact_number(r.action -> 'step'), 1 - public.exact_number(r.action -> 'multiplier'), 0),
    public.exact_number(r.action -> 'budget'),
    least(public.exact_number(r.action -> 'max_budget'), p.max_budget),
    greatest(public.exact_number(r.action -> 'min_budget'), p.min_budget),
    coalesce((r.action -> 'requires_approval')::boolean, false)
  from public.rules_in_order(p_include_inactive) r
  cross join public.autonomy_policy p
  cross join lateral (select case
    when r.action ->> 'type' = 'auto_pause' then 'pause'
    when r.action ->> 'type' = 'auto_scale_up' then 'up'
    when r.action ->> 'type' = 'auto_scale_down' then 'down'
    when r.action ? 'by' then 'step'
    else 'set' end as kind) k
  cross join lateral (
    select e.break_even, e.break_even / p.marginal_return_ratio::float8 as full_bar,
      coalesce(public.json_number(r.action -> 'min_confidence'), p.min_confidence::float8) as confidence_floor,
      r.condition ->> 'metric' = 'roi' and jsonb_typeof(r.condition -> 'threshold') = 'number' as flat,
      public.json_number(r.condition -> 'threshold') as stated
    from (select coalesce(public.json_number(r.action -> 'break_even_roi'), p.break_even_roi::float8) as break_even) e) t
  where r.place is not null;
end $$;
comment on function public.rule_plans(boolean) is
  'The rules made ready under the policy: targets, floors and exact amounts, in the order in which they decide. Only reads. [autonomous-operations]';

create type public.autonomy_size as (
  new_budget numeric,
  limits text[],             -- the caps that shaped it, in order
  code text);                -- why nothing worth doing is left, else null
comment on type public.autonomy_size is 'What is left of a wanted budget after every cap. [autonomous-operations]';

create function public.sized_budget(
  p_direction text, p_budget numeric, p_wanted numeric, p_max_step numeric,
  p_lowest numeric, p_max_growth numeric, p_max_budget numeric, p_min_budget numeric)
returns public.autonomy_size
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Exact money: wanted amounts half up, caps cut down and floors up, so that rounding never steps
-- over a limit.
declare
  v_size public.autonomy_size;
  v_cap numeric;
begin
  v_size.new_budget := round(p_wanted, 2);
  v_size.limits := '{}';
  if p_direction = 'up' then
    v_cap := trunc(p_budget * p_max_step, 2);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'STEP_CAP'::text;
    end if;
    v_cap := trunc(p_lowest * p_max_growth, 2);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'GROWTH_CAP'::text;
    end if;
    v_cap := trunc(p_max_budget, 2);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'BUDGET_CAP'::text;
    end if;
  else
    v_cap := ceil(p_min_budget * 100) / 100;
    if v_size.new_budget < v_cap then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'BUDGET_CAP'::text;
    end if;
  end if;
  -- a change that goes the wrong way, or under 1 % of the budget, is none
  if (case when p_direction = 'up' then v_size.new_budget - p_budget else p_budget - v_size.new_budget end) * 100 < p_budget then
    v_size.code := coalesce(v_size.limits[cardinality(v_size.limits)], 'NO_CHANGE');
  end if;
  return v_size;
end $$;
comment on function public.sized_budget(text, numeric, numeric, numeric, numeric, numeric, numeric, numeric) is
  'The budget that is left of a wanted one after every cap, the caps that shaped it in order, and the code where nothing worth doing is left. Pure. [autonomous-operations]';

create type public.autonomy_decided as (
  campaign_id uuid, verdict text, code text, action_type text, direction text, kind text,
  rule_id uuid, rule_name text, break_even float8, confidence float8, confidence_floor float8,
  plan_break_even float8, cooldown interval, max_budget numeric, min_budget numeric,
  new_status text, new_budget numeric, limits text[], matched_names text[], matched_codes text[], chosen int,
  below float8,              -- P(true roi < break_even)
  log_roi float8,            -- the most probable ln roi
  candidate public.autonomy_candidate);
comment on type public.autonomy_decided is 'A decision before it is put into words, with the campaign that it is about. [autonomous-operations]';

create function public.decided_campaigns(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns table (
  candidate public.autonomy_candidate, action_type text, direction text, kind text, rule_id uuid, rule_name text,
  break_even float8, confidence float8, confidence_floor float8, plan_break_even float8, cooldown interval,
  max_budget numeric, min_budget numeric, requires_approval boolean,
  held text, new_budget numeric, limits text[], matched_names text[], matched_codes text[], chosen int,
  below float8, log_roi float8)
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  return query
  with found as materialized (
    select m.* from public.matching_campaigns(null::uuid, null::int, p_slots, p_include_inactive, null::uuid, p_now) m
  ),
  known as materialized (
    select f.places, c, public.roi_posterior(
      c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
      p.prior_mean_roi, p.prior_tau2, p.prior_order_value, p.prior_cv2) as posterior
    from found f
    join public.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
    cross join public.autonomy_policy p
  ),
  plans as materialized (
    select * from public.rule_plans(p_include_inactive)
  ),
  -- what each matching rule would do, and what holds it: the first that applies, in this order
  judged as materialized (
    select (k.c).campaign_id, l.place, l.rule_name, d.direction, t.target as break_even, j.confidence, (z.size).new_budget, (z.size).limits,
      o.below,
      case
        when not (k.c).autonomous_enabled then 'DISABLED'
        when (k.c).hold_until > p_now then 'ON_HOLD'
        when ((k.c).data_age_hours <= p.max_data_age_hours::float8) is not true then 'STALE_DATA'
        when (k.c).value_missing then 'VALUE_NOT_MEASURED'
        when case d.direction when 'up' then (k.c).no_raise_until when 'down' then (k.c).no_cut_until
               else case when j.confidence < 95 then (k.c).no_pause_until end end > p_now then 'CHANGED_BY_PERSON'
        when p_now - case when d.direction = 'pause' then (k.c).last_pause_at else (k.c).last_action_at end < l.cooldown
          then 'COOLDOWN'
        when ((k.c).spend > 0 and (k.c).ev_spend > 0) is not true
          or case when d.direction = 'pause' then ((k.c).hours_running >= p.min_pause_hours::float8) is not true
                  else ((k.c).budget > 0) is not true end
          then 'TOO_LITTLE_DATA'
        when (k.c).test_running then 'TEST_RUNNING'
        when (k.c).pending then 'AWAITING_APPROVAL'
        when j.confidence < l.confidence_floor then 'AGAINST_THE_ODDS'
        when d.direction = 'up' and (k.c).budget_use < 0.7 then 'NOT_LIMITED_BY_BUDGET'
        when p.holdout_share > 0 and ((k.c).holdout_draw >= p.holdout_share::float8) is not true then 'HOLDOUT'
        else (z.size).code
      end as code
    from known k
    cross join public.autonomy_policy p
    join plans l on l.place = any (k.places)
    -- `offset 0`: what is named here is computed once, not at every mention
    cross join lateral (select case
      when l.kind <> 'set' then l.kind
      when l.set_budget > (k.c).budget then 'up'
      else 'down' end as kind offset 0) w
    cross join lateral (select case w.kind when 'pause' then l.target when 'up' then l.bar else l.full_bar end as target offset 0) t
    cross join lateral (select public.probability_from(k.posterior, t.target) as below offset 0) o
    cross join lateral (select public.cut_confidence(
      100::float8 * case when w.kind in ('up', 'step') then 1::float8 - o.below else o.below end) as cut offset 0) h
    cross join lateral (select case
      when w.kind <> 'step' then w.kind
      when h.cut <= 20 then 'down'
      else 'up' end as direction offset 0) d
    cross join lateral (select case
      when w.kind = 'step' and d.direction = 'down' then public.cut_confidence(100::float8 - h.cut)
      else h.cut end as confidence offset 0) j
    cross join lateral (select case when d.direction <> 'pause' then public.sized_budget(
      d.direction, (k.c).budget,
      coalesce(l.set_budget, (k.c).budget * case when d.direction = 'up' then l.up else l.down end),
      p.max_step, least((k.c).budget_low_7d, (k.c).budget), p.max_growth_7d, l.max_budget, l.min_budget) end as size offset 0) z
  ),
  ranked as (
    select j.campaign_id, array_agg(j.place order by j.place) as places, array_agg(j.rule_name order by j.place) as names,
      array_agg(j.code order by j.place) as codes, min(j.place) filter (where j.code is null) as winner
    from judged j
    group by j.campaign_id
  )
  select k.c, l.action_type, j.direction, l.kind, l.rule_id, l.rule_name, j.break_even, j.confidence, l.confidence_floor,
    l.break_even, l.cooldown, l.max_budget, l.min_budget, l.requires_approval, j.code,
    case when j.code is null and j.direction <> 'pause' then j.new_budget end,
    case when j.direction <> 'pause' and (j.code is null or j.code in ('STEP_CAP', 'GROWTH_CAP', 'BUDGET_CAP'))
      then j.limits else '{}' end,
    r.names,
    case when r.winner is null then r.codes
      else r.codes[:u.chosen] || array_fill('OUTRANKED'::text, array[cardinality(r.codes) - u.chosen]) end,
    u.chosen, j.below, k.posterior[1]
  from ranked r
  cross join lateral (select coalesce(array_position(r.places, r.winner), 1) as chosen) u
  join judged j on j.campaign_id = r.campaign_id and j.place = r.places[u.chosen]
  join plans l on l.place = j.place
  join known k on (k.c).campaign_id = r.campaign_id;
end $$;
comment on function public.decided_campaigns(int4range, boolean, timestamptz) is
  'The decision about each active campaign that a rule matches, taken by itself: held is null for an action. Only reads. [autonomous-operations]';

create function public.decided_resumes(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns table (
  candidate public.autonomy_candidate, rule_id uuid, rule_name text, break_even float8, confidence float8, held text,
  new_status text, new_budget numeric, below float8, log_roi float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select c, r.rule_id, r.rule_name, r.break_even, public.cut_confidence(100::float8 - x.right),
    case
      when not c.autonomous_enabled then 'DISABLED'
      when c.hold_until > p_now then 'ON_HOLD'
      when p_now - c.last_action_at < p.cooldown_hours::float8 * interval '1 hour' then 'COOLDOWN'
      when c.pending then 'AWAITING_APPROVAL'
      when c.test_running then 'TEST_RUNNING'
      when p_now - c.last_resume_at < interval '7 days' then 'COOLDOWN'
    end,
    r.status, r.budget, o.below, b.posterior[1]
  from public.autonomy_policy p
  cross join public.revocable_pauses() r
  join public.candidate_rows(array(select i.campaign_id from public.revocable_pauses() i), p_now) c
    on c.campaign_id = r.campaign_id
  cross join lateral (select public.roi_posterior(
    c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
    p.prior_mean_roi, p.prior_tau2, p.prior_order_value, p.prior_cv2) as posterior) b
  cross join lateral (select public.probability_from(b.posterior, r.break_even) as below) o
  cross join lateral (select public.cut_confidence(100::float8 * o.below) as right) x
  where p.resume_when_proven_wrong and r.status is not null and r.break_even > 0 and x.right <= p.resume_confidence::float8
    and public.campaign_slot(c.campaign_id) <@ p_slots
    and exists (select from public.rules_in_order(p_include_inactive) a where a.place is not null);
end $$;
comment on function public.decided_resumes(int4range, boolean, timestamptz) is
  'The decision about each pause of ours that late conversions have proven wrong. Only reads. [autonomous-operations]';

create function public.decided_run(p_slots int4range, p_include_inactive boolean, p_now timestamptz, p_portfolio jsonb)
returns setof public.autonomy_decided
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  return query
  with each as (
    select d.candidate, d.held, d.action_type, d.direction, d.kind, d.rule_id, d.rule_name,
      d.break_even, d.confidence, d.confidence_floor, d.plan_break_even, d.cooldown,
      d.max_budget, d.min_budget, d.requires_approval,
      case when d.action_type = 'auto_pause' then p.paused_text end as new_status, d.new_budget,
      d.limits, d.matched_names, d.matched_codes, d.chosen, d.below, d.log_roi
    from public.autonomy_policy p
    cross join public.decided_campaigns(p_slots, p_include_inactive, p_now) d
    union all
    select r.candidate, r.held, 'auto_resume', 'resume', 'resume', r.rule_id, r.rule_name,
      r.break_even, r.confidence, 100::float8 - p.resume_confidence::float8, r.break_even,
      p.cooldown_hours::float8 * interval '1 hour', null, null, false, r.new_status, r.new_budget,
      '{}', array[r.rule_name], array[null::text], 1, r.below, r.log_roi
    from public.autonomy_policy p
    cross join public.decided_resumes(p_slots, p_include_inactive, p_now) r
  ),
  raised as (
    select e.*, (e.candidate).campaign_id, e.held is null and e.action_type = 'auto_pause' as pauses,
      case when e.held is null and e.action_type <> 'auto_resume'
        then greatest(e.new_budget - (e.candidate).budget, 0) else 0 end as raise
    from each e
  ),
  -- the portfolio's guardrails, over all decisions of the run and the last 24 hours
  counted as (
    select r.*,
      count(*) filter (where r.pauses) over () as pauses_wanted,
      count(*) filter (where r.raise > 0) over () as ups,
      sum(r.raise) over () as raise_wanted,
      sum(r.raise) over (order by r.raise > 0 desc, r.confidence desc, r.campaign_id) as raise_so_far
    from raised r
  ),
  portfolio as materialized (
    select p.frozen, p.mode, (p_portfolio #>> '{tracking,tripped}')::boolean as tracking,
      (p_portfolio ->> 'scale_ups_24h')::numeric as ups, (p_portfolio ->> 'raised_24h')::numeric as raised,
      (p_portfolio ->> 'pauses_24h')::numeric as pauses, p.growth_breaker_count, p.pause_breaker_count,
      -- of the budget before these 24 hours: hourly runs would else raise the limit with their raises
      p.growth_breaker_share * public.growth_base(p_portfolio) as growth_limit,
      p.pause_breaker_share::float8
        * ((p_portfolio ->> 'active_campaigns')::float8 + (p_portfolio ->> 'pauses_24h')::float8) as pause_limit
    from public.autonomy_policy p
  ),
  stopped as (
    select n.*,
      case
        when n.held is not null then n.held
        when p.frozen then 'FROZEN'
        when n.pauses and p.tracking then 'TRACKING_BREAKER'
        when n.raise > 0 and p.ups + n.ups > p.growth_breaker_count
          and p.raised + n.raise_wanted > p.growth_limit and p.raised + n.raise_so_far > p.growth_limit then 'GROWTH_BREAKER'
      end as hold,
      case
        when n.pauses and p.pauses + n.pauses_wanted > p.pause_breaker_count
          and p.pauses::float8 + n.pauses_wanted > p.pause_limit then 'PAUSE_BREAKER'
        when p.mode = 'approve' or n.requires_approval then 'APPROVAL'
      end as propose
    from counted n
    cross join portfolio p
  )
  select s.campaign_id,
    case when s.hold is not null then 'hold' when s.propose is not null then 'propose' else 'act' end,
    coalesce(s.hold, s.propose, s.action_type), s.action_type, s.direction, s.kind, s.rule_id, s.rule_name,
    s.break_even, s.confidence, s.confidence_floor, s.plan_break_even, s.cooldown, s.max_budget, s.min_budget,
    s.new_status, s.new_budget, s.limits, s.matched_names, s.matched_codes, s.chosen, s.below, s.log_roi, s.candidate
  from stopped s;
end $$;
comment on function public.decided_run(int4range, boolean, timestamptz, jsonb) is
  'All decisions of a run, after the portfolio-wide guardrails and approval. Only reads. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Saying it: numbers, sentences, expected impact (templates of autonomy/engine/reasons.py)
-- ---------------------------------------------------------------------------------------------

create function public.money_words(p_amount float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return coalesce(round(p_amount::text::numeric, 2)::text, '?');
end $$;
comment on function public.money_words(float8) is
  'An amount with two digits, ? where unknown. Pure. [autonomous-operations]';

create function public.short_number(p_number float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return case when p_number = 0 then '0' else
    trim_scale(round(p_number::text::numeric, 5 - floor(log(abs(p_number)::text::numeric))::int))::text end;
end $$;
comment on function public.short_number(float8) is
  'A number with six significant digits and no zeros at the end. Pure. [autonomous-operations]';

create function public.factor_words(p_factor numeric) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 'x' || case when scale(trim_scale(p_factor)) = 0 then round(p_factor, 1) else trim_scale(p_factor) end;
end $$;
comment on function public.factor_words(numeric) is
  'x2.0, x2.25. Pure. [autonomous-operations]';

create function public.counted_words(p_number bigint, p_what text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return p_number || ' ' || p_what || case when p_number = 1 then '' else 's' end;
end $$;
comment on function public.counted_words(bigint, text) is '1 day, 2 days. Pure. [autonomous-operations]';

create type public.autonomy_params as (
  spend float8, revenue float8, roi float8, conversions float8, days float8,
  confidence float8, chance float8, break_even float8, old_budget numeric, new_budget numeric);
comment on type public.autonomy_params is 'The rounded numbers of a decision''s sentence. [autonomous-operations]';

create function public.decision_params(
  p_spend float8, p_revenue float8, p_conversions float8, p_hours_running float8,
  p_confidence float8, p_break_even float8, p_old_budget numeric, p_new_budget numeric)
returns public.autonomy_params
language plpgsql immutable parallel safe set search_path = ''
as $$
-- cut_confidence written out: calling it five times took longer than all else here
begin
  return row(
    floor(100::float8 * p_spend + 0.5::float8) / 100::float8,
    floor(100::float8 * p_revenue + 0.5::float8) / 100::float8,
    case when p_spend > 0 then floor(100::float8 * (p_revenue / p_spend) + 0.5::float8) / 100::float8 end,
    floor(p_conversions + 0.5::float8),
    greatest(1::float8, floor(p_hours_running / 24::float8 + 0.5::float8)),
    p_confidence,
    least(99::float8, greatest(1::float8, floor(p_confidence + 0.5::float8))),
    floor(100::float8 * p_break_even + 0.5::float8) / 100::float8,
    p_old_budget, p_new_budget)::public.autonomy_params;
end $$;
comment on function public.decision_params(float8, float8, float8, float8, float8, float8, numeric, numeric) is
  'The rounded numbers of a decision''s sentence. Pure. [autonomous-operations]';

create function public.action_sentence(
  p_params public.autonomy_params, p_verdict text, p_code text, p_direction text, p_limit text, p_rule_name text, p_observed boolean)
returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
declare
  v_spend text := coalesce(round(p_params.spend::text::numeric, 2)::text, '?');
  v_revenue text := coalesce(round(p_params.revenue::text::numeric, 2)::text, '?');
  v_times text := coalesce(' (' || round(p_params.roi::text::numeric, 2) || 'x)', '');
  v_figures text := 'spent ' || v_spend || ' for ' || v_revenue || ' in revenue' || v_times
    || ' over ' || public.counted_words(p_params.days::text::numeric::bigint, 'day');
  v_likely text := p_params.chance || ' % likely ';
  v_limited text := coalesce(', as far as ' || case p_limit
    when 'STEP_CAP' then 'one step may go'
    when 'GROWTH_CAP' then 'growth within 7 days may go'
    when 'BUDGET_CAP' then 'the cap allows' end, '');
begin
  return case
      when p_verdict = 'propose' or p_observed then case when p_verdict = 'propose' then 'Proposed: ' else 'Would ' end
        || case p_direction when 'up' then 'raise the budget' when 'down' then 'lower the budget' else p_direction end
      else case p_direction
        when 'up' then 'Raised the budget' when 'down' then 'Lowered the budget' when 'pause' then 'Paused' else 'Resumed' end end
    || case when p_direction in ('up', 'down') then format(' from %s to %s',
         public.money_words(p_params.old_budget::float8), public.money_words(p_params.new_budget::float8))
       else '' end
    || ': '
    || case p_direction
      when 'pause' then v_figures || '; ' || v_likely || 'to be below '
        || case when p_params.break_even = 1 then 'break-even'
           else public.money_words(p_params.break_even) || 'x' end || '; rule ' || p_rule_name
      when 'up' then v_figures || ', ' || public.counted_words(coalesce(p_params.conversions, 0)::text::numeric::bigint, 'conversion')
        || '; ' || v_likely || 'that more budget earns its keep' || v_limited || '; rule ' || p_rule_name
      when 'down' then v_figures || '; ' || v_likely || 'that its last part of budget does not earn its keep'
        || v_limited || '; rule ' || p_rule_name
      else format('late conversions brought it to %s in revenue for %s spent%s; %sthat the pause by rule %s was wrong',
        v_revenue, v_spend, v_times, v_likely, p_rule_name) end
    || case when p_code = 'PAUSE_BREAKER' then '; so many pauses at once are left to a person' else '' end;
end $$;
comment on function public.action_sentence(public.autonomy_params, text, text, text, text, text, boolean) is
  'What is done or proposed, with the numbers, in one sentence. Pure. [autonomous-operations]';

create function public.hold_sentence(p_code text, p_direction text, p_rule_name text, p_why text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_direction
      when 'pause' then 'Not paused' when 'up' then 'Budget not raised'
      when 'down' then 'Budget not lowered' else 'Not resumed' end
    || ': ' || coalesce(p_why, case p_code
      when 'DISABLED' then 'automation is switched off for this campaign'
      when 'ON_HOLD' then 'it is left alone'
      when 'VALUE_NOT_MEASURED' then 'its conversions carry no value, so its roi says nothing; feed their revenue, or what a conversion is worth'
      when 'TEST_RUNNING' then 'an A/B test runs on it; when the test ends'
      when 'AWAITING_APPROVAL' then 'another action on it waits for approval; when that is approved or rejected'
      when 'HOLDOUT' then 'it is in this week''s comparison group, which is left alone; from next week'
      when 'NO_CHANGE' then 'the change would be under 1 % of its budget'
      when 'FROZEN' then 'the system is frozen; when it is unfrozen'
      when 'TRACKING_BREAKER' then 'tracking looks broken, and then every campaign looks bad; when conversions arrive again'
      when 'GROWTH_BREAKER' then 'the portfolio has grown enough for 24 hours; when those have passed'
      else p_code end)
    || '; rule ' || p_rule_name;
end $$;
comment on function public.hold_sentence(text, text, text, text) is
  'Why a decision is held, in one sentence. Pure. [autonomous-operations]';

create function public.evidence_words(
  p_floor float8, p_direction text, p_kind text, p_target float8, p_confidence float8,
  p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8, p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8)
returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
-- How much more of the same evidence lifts the confidence to the floor: spend, conversions,
-- revenue and days go on at the rate they had, up to a thousand times what there is.
-- The chance is said with the fewest digits that leave it on its side of what is needed: 49.6
-- beside 50 would else be said as the 50 that it misses. In whole or tenths it never is certain.
declare
  v_down float8 := case when p_kind = 'step' then 100::float8 - p_floor end;
  v_chance float8 := case when p_kind = 'step' and p_direction = 'down'
    then public.cut_confidence(100::float8 - p_confidence) else p_confidence end;
  v_least numeric;
  v_said numeric;
  v_words text;
  v_days float8 := greatest(1::float8, p_days);
  v_low float8 := 1;
  v_high float8 := 1000;
  v_times float8 := 1000;
  v_below float8;
begin
  for v_digits in 0 .. 2 loop
    v_said := round(v_chance::text::numeric, v_digits);
    exit when v_digits = 2;
    v_least := round(power(0.1, v_digits), v_digits);
    v_said := least(100 - v_least, greatest(v_least, v_said));
    exit when sign(v_said::float8 - p_floor) = sign(v_chance - p_floor)
      and (v_down is null or sign(v_said::float8 - v_down) = sign(v_chance - v_down));
  end loop;
  v_words := case when v_said >= public.short_number(p_floor)::numeric then 'more than ' else '' end
    || public.short_number(p_floor);
  v_words := v_said || case when p_kind = 'step'
    then format(' %% likely that more budget earns its keep; a step up needs %s %%, a step down %s %s %%', v_words,
      case when v_said <= public.short_number(v_down)::numeric then 'less than' else 'at most' end, public.short_number(v_down))
    else format(' %% likely to be right, %s %% are needed', v_words) end;

  if (p_spend > 0 and p_floor < 100) is not true then
    return v_words || '; more of the same would not settle it';
  end if;
  for i in 0 .. 40 loop
    v_below := 100::float8 * public.probability_below(p_target, p_spend * v_times, p_conversions * v_times,
      p_revenue * v_times, p_cv2, v_days * v_times, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2);
    if public.cut_confidence(case when p_direction = 'up' then 100::float8 - v_below else v_below end) >= p_floor then
      v_high := v_times;
    elsif i = 0 then
      return v_words || '; more of the same would not settle it';
    else
      v_low := v_times;
    end if;
    v_times := (v_low + v_high) / 2::float8;
  end loop;

  v_times := v_high - 1::float8;
  return v_words || '; about '
    || case when p_conversions > 0
         then greatest(1, ceil(p_conversions * v_times))::numeric || ' more '
           || case when ceil(p_conversions * v_times) <= 1 then 'conversion' else 'conversions' end || ' at this rate'
         else public.money_words(p_spend * v_times) || ' more spent without a conversion' end
    || ' would settle it, some '
    || case when ceil(v_days * v_times) <= 1 then 'a day' else ceil(v_days * v_times)::numeric || ' days' end;
end $$;
comment on function public.evidence_words(float8, text, text, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) is
  'How likely a held action is to be right, how likely it would have to be, and how much more evidence at the same rate would settle it. Pure. [autonomous-operations]';

create function public.hold_words(p_decided public.autonomy_decided, p_policy public.autonomy_policy) returns text
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
-- What is not said here is the same for every campaign: hold_sentence says it.
declare
  c public.autonomy_candidate := p_decided.candidate;
  v_pause boolean := p_decided.direction = 'pause';
  v_hours text;
  v_ends timestamptz;
begin
  case p_decided.code
    when 'ON_HOLD' then
      return 'it is left alone until ' || to_char(c.hold_until, 'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'CHANGED_BY_PERSON' then
      return 'a person changed it, and nothing is done against that until ' || to_char(
        case p_decided.direction when 'up' then c.no_raise_until when 'down' then c.no_cut_until else c.no_pause_until end,
        'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'NOT_LIMITED_BY_BUDGET' then
      return format('its budget is not what limits it, %s %% of it is spent; when at least 70 %% are',
        floor(100::float8 * c.budget_use)::numeric);
    when 'COOLDOWN' then
      v_ends := greatest(
        case when v_pause then c.last_pause_at else c.last_action_at end + p_decided.cooldown,
        case when p_decided.direction = 'resume' then c.last_resume_at + interval '7 days' end);
      return 'it was changed a short time ago; the cooldown ends ' || to_char(v_ends, 'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'TOO_LITTLE_DATA' then
      v_hours := public.short_number(p_policy.min_pause_hours::float8);
      return case
        when (c.spend > 0 and c.ev_spend > 0) is not true then 'it has spent nothing, so there is nothing to judge it by'
        when not v_pause then 'it has no budget to change'
        when c.hours_running is null then format('it is not known to have run %s hours', v_hours)
        else format('a pause needs %s hours of running; in %s', v_hours,
          public.counted_words(ceil(p_policy.min_pause_hours::float8 - c.hours_running)::bigint, 'more hour')) end;
    when 'STALE_DATA' then
      return format('its figures are %s, more than %s; when new ones arrive',
        coalesce(case
          when round(c.data_age_hours) > p_policy.max_data_age_hours then round(c.data_age_hours)::numeric
          else round((ceil(10::float8 * c.data_age_hours) / 10::float8)::numeric, 1)  -- 48.3 is 48 only beside another limit
          end || ' hours old', 'of unknown age'),
        public.short_number(p_policy.max_data_age_hours::float8));
    when 'AGAINST_THE_ODDS' then
      return public.evidence_words(
        p_decided.confidence_floor, p_decided.direction, p_decided.kind, p_decided.break_even, p_decided.confidence,
        c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
        p_policy.prior_mean_roi, p_policy.prior_tau2, p_policy.prior_order_value, p_policy.prior_cv2);
    when 'STEP_CAP' then
      return 'one step may not go beyond ' || public.factor_words(p_policy.max_step);
    when 'GROWTH_CAP' then
      return 'its budget has grown to ' || public.factor_words(p_policy.max_growth_7d) || ' within 7 days; as that week passes';
    when 'BUDGET_CAP' then
      return case when p_decided.direction = 'up'
        then format('its budget is at the cap of %s; a higher cap would settle it', round(p_decided.max_budget, 2))
        else format('its budget is at the floor of %s; a lower floor would settle it', round(p_decided.min_budget, 2)) end;
    else
      return null;
  end case;
end $$;
comment on function public.hold_words(public.autonomy_decided, public.autonomy_policy) is
  'Why a decision is held and what would settle it, where that depends on the campaign; else null. Only reads. [autonomous-operations]';

create function public.expected_impact_of(
  p_direction text, p_break_even float8, p_plan_break_even float8, p_share float8, p_marginal_ratio float8,
  p_log_roi float8, p_spend float8, p_days float8)
returns jsonb
language plpgsql immutable parallel safe set search_path = ''
as $$
-- A unit of money spent returns roi / break_even - 1; the next unit of budget marginal_return_ratio
-- as much as the average one.
declare
  v_roi float8 := exp(p_log_roi);
  v_ahead float8 := 7::float8 * greatest(0, least(1e15, coalesce(p_spend, 0))) / greatest(1, least(1e6, coalesce(p_days, 1)));
begin
  if p_direction = 'pause' then
    return jsonb_build_object('kind', 'pause', 'horizon_days', 7,
      'spend_saved', public.cut_confidence(v_ahead),
      'loss_avoided', public.cut_confidence(v_ahead * (1::float8 - v_roi / p_break_even)));
  elsif p_direction = 'resume' then
    return jsonb_build_object('kind', 'resume', 'horizon_days', 7,
      'added_spend', public.cut_confidence(v_ahead),
      'added_profit', public.cut_confidence(v_ahead * (v_roi / p_break_even - 1::float8)));
  end if;
  return jsonb_build_object('kind', 'scale', 'horizon_days', 7,
    'added_spend', public.cut_confidence(v_ahead * p_share),
    'added_profit', public.cut_confidence(v_ahead * p_share * (p_marginal_ratio * v_roi / p_plan_break_even - 1::float8)));
end $$;
comment on function public.expected_impact_of(text, float8, float8, float8, float8, float8, float8, float8) is
  'Money over the next 7 days if the action is taken. Pure. [autonomous-operations]';

create type public.autonomy_campaign_state as (status text, budget numeric);
comment on type public.autonomy_campaign_state is 'What an action changes of a campaign. [autonomous-operations]';

create type public.autonomy_match as (rule_name text, code text);
comment on type public.autonomy_match is 'A rule that matched, and what became of that. [autonomous-operations]';

create type public.autonomy_measures as (
  impressions float8, reach float8, clicks float8, conversions float8, spend float8, revenue float8);
comment on type public.autonomy_measures is 'The six measures of a campaign, of one window. [autonomous-operations]';

create type public.autonomy_evidence as (
  spend float8, conversions float8, revenue float8, cv2 float8, days float8, matured_share float8, has_history boolean,
  prior jsonb, probability_below float8, break_even float8, metrics public.autonomy_measures,
  matched public.autonomy_match[], limits text[]);
comment on type public.autonomy_evidence is 'What a decision rests on, as the log of actions keeps it. [autonomous-operations]';

create type public.autonomy_told as (
  campaign_id uuid, title text, verdict text, code text, action_type text, rule_id uuid, rule_name text,
  previous public.autonomy_campaign_state, new public.autonomy_campaign_state, confidence float8, limits text[], break_even float8,
  matched public.autonomy_match[], params public.autonomy_params, reason text, evidence jsonb, expected_impact jsonb);
comment on type public.autonomy_told is 'A decision in words and with its evidence; its columns are the keys that it has in JSON. [autonomous-operations]';

create function public.told_decisions(p_decided public.autonomy_decided[]) returns setof public.autonomy_told
language plpgsql stable set search_path = '' set jit = off set timezone = 'UTC' set extra_float_digits = 1
as $$
begin
  return query
  select r.campaign_id, (r.candidate).title, r.verdict, r.code, r.action_type, r.rule_id, r.rule_name,
    row((r.candidate).status, (r.candidate).budget)::public.autonomy_campaign_state,
    row(case when r.verdict <> 'hold' and r.direction in ('pause', 'resume') then r.new_status
             else (r.candidate).status end, b.new_budget)::public.autonomy_campaign_state,
    r.confidence, r.limits, r.break_even, m.matched, q.params,
    case
      when r.verdict = 'hold' then public.hold_sentence(r.code, r.direction, r.rule_name, public.hold_words(r, p))
      else public.action_sentence(q.params, r.verdict, r.code, r.direction, r.limits[cardinality(r.limits)],
                                  r.rule_name, p.mode = 'observe') end,
    to_jsonb(row((r.candidate).ev_spend, (r.candidate).ev_conversions, (r.candidate).ev_revenue, (r.candidate).cv2,
      (r.candidate).ev_days, (r.candidate).matured_share, (r.candidate).has_history, k.prior, r.below, r.break_even,
      row((r.candidate).impressions, (r.candidate).reach, (r.candidate).clicks, (r.candidate).conversions,
          (r.candidate).spend, (r.candidate).revenue)::public.autonomy_measures,
      m.matched, r.limits)::public.autonomy_evidence),
    case when r.verdict = 'hold' then '{}' else public.expected_impact_of(
      r.direction, r.break_even, r.plan_break_even,
      coalesce((r.new_budget::numeric(40, 20) / nullif((r.candidate).budget, 0))::float8 - 1::float8, 0::float8),
      p.marginal_return_ratio::float8, r.log_roi, (r.candidate).ev_spend, (r.candidate).ev_days) end
  from unnest(p_decided) r
  cross join public.autonomy_policy p
  -- `offset 0`: computed once, not at every mention
  cross join lateral (select jsonb_build_object(
    'mean_roi', p.prior_mean_roi, 'tau2', p.prior_tau2, 'order_value', p.prior_order_value, 'cv2', p.prior_cv2) as prior offset 0) k
  cross join lateral (select
    case when r.verdict = 'hold' or r.direction = 'pause' then (r.candidate).budget else r.new_budget end as new_budget) b
  cross join lateral (
    select array_agg(row(u.name, case when u.n = r.chosen then r.code else u.code end)::public.autonomy_match order by u.n) as matched
    from unnest(r.matched_names, r.matched_codes) with ordinality as u (name, code, n) offset 0) m
  cross join lateral (
    select public.decision_params(
      (r.candidate).spend, (r.candidate).revenue, (r.candidate).conversions, (r.candidate).hours_running,
      r.confidence, r.break_even, (r.candidate).budget, b.new_budget) as params offset 0) q;
end $$;
comment on function public.told_decisions(public.autonomy_decided[]) is
  'Decisions put into words, with their evidence. Only reads; safe to call again. [autonomous-operations]';

create function public.autonomy_decision_entry(p_told public.autonomy_told) returns jsonb
language plpgsql immutable set search_path = ''
as $$
begin
  return jsonb_build_object(
    'campaign_id', p_told.campaign_id, 'title', p_told.title, 'action_type', p_told.action_type,
    'rule_name', p_told.rule_name, 'previous', p_told.previous, 'new', p_told.new,
    'confidence', p_told.confidence, 'reason', p_told.reason);
end $$;
comment on function public.autonomy_decision_entry(public.autonomy_told) is
  'What a run''s summary says of one decision. Only computes; safe to call again; raises nothing. [autonomous-operations]';

create function public.skipped_rules(p_include_inactive boolean) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('rule_name', r.rule_name, 'error', r.flaw)), '[]')
    from public.rules_in_order(p_include_inactive) r where r.flaw is not null);
end $$;
comment on function public.skipped_rules(boolean) is
  'The rules that a run passes over because they are bad, each with its flaw. Only reads; safe to call again. [autonomous-operations]';

create function public.active_campaigns(p_shard text, p_portfolio jsonb) returns bigint
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return case when p_shard is null then (p_portfolio ->> 'active_campaigns')::bigint else (
    select count(*) from public.campaigns c
    where (c.status = 'active' or lower(c.status) = 'active')
      and public.campaign_slot(c.id) <@ public.shard_slots(p_shard)) end;
end $$;
comment on function public.active_campaigns(text, jsonb) is
  'How many active campaigns a run looks at: of all, as portfolio_state counted them; of a shard, counted now. Only reads; safe to call again. [autonomous-operations]';

create function public.growth_base(p_portfolio jsonb) returns numeric
language sql immutable parallel safe set search_path = ''
as $$
  -- greatest() passes over null: an unknown portfolio must stay unknown
  select case when jsonb_typeof(p_portfolio) = 'object' then
    greatest((p_portfolio ->> 'active_budget')::numeric - (p_portfolio ->> 'raised_24h')::numeric, 0) end
$$;
comment on function public.growth_base(jsonb) is
  'The active budget before the raises of the last 24 hours, from portfolio_state: what GROWTH_BREAKER measures against. Pure; null for null. [autonomous-operations]';

create function public.breaker_reports(p_portfolio jsonb, p_codes jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('code', b.code, 'message', b.message, 'count', b.stopped, 'limit', b.most)
                              order by b.n), '[]')
    from public.autonomy_policy p
    cross join (
      select coalesce((p_codes ->> 'FROZEN')::bigint, 0) as frozen,
        coalesce((p_codes ->> 'VALUE_NOT_MEASURED')::bigint, 0) as valueless,
        coalesce((p_codes ->> 'TRACKING_BREAKER')::bigint, 0) as tracking,
        coalesce((p_codes ->> 'PAUSE_BREAKER')::bigint, 0) as pauses,
        coalesce((p_codes ->> 'GROWTH_BREAKER')::bigint, 0) as growth) s
    cross join lateral (values
      (1, p.frozen, 'FROZEN', 'the system is frozen: nothing is changed', s.frozen, 0::float8),
      (2, s.valueless > 0, 'VALUE_NOT_MEASURED',
       format('conversions of %s without any value: nothing is judged by roi there; feed their revenue, or what a conversion is worth',
              public.counted_words(s.valueless, 'campaign')), s.valueless, 0::float8),
      (3, (p_portfolio #>> '{tracking,tripped}')::boolean, 'TRACKING_BREAKER',
       format('conversions of the last 24 hours are missing (%s of %s expected): tracking looks broken, no pauses',
              round((p_portfolio #>> '{tracking,observed}')::float8), round((p_portfolio #>> '{tracking,expected}')::float8)),
       s.tracking, p.tracking_breaker_ratio::float8),
      (4, s.pauses > 0, 'PAUSE_BREAKER',
       format('%s pauses in 24 hours of %s campaigns: a person decides them',
              s.pauses + (p_portfolio ->> 'pauses_24h')::bigint,
              (p_portfolio ->> 'active_campaigns')::bigint + (p_portfolio ->> 'pauses_24h')::bigint),
       s.pauses, greatest(p.pause_breaker_count::float8, p.pause_breaker_share::float8
         * ((p_portfolio ->> 'active_campaigns')::float8 + (p_portfolio ->> 'pauses_24h')::float8))),
      (5, s.growth > 0, 'GROWTH_BREAKER',
       format('raises of 24 hours would add more than %s a day',
              round(p.growth_breaker_share * public.growth_base(p_portfolio), 2)),
       s.growth, (p.growth_breaker_share * public.growth_base(p_portfolio))::float8)
    ) b (n, tripped, code, message, stopped, most)
    where b.tripped);
end $$;
comment on function public.breaker_reports(jsonb, jsonb) is
  'The breakers that are on, with how many decisions each changed: portfolio_state, and how many decisions have each code. Only reads. [autonomous-operations]';

create function public.propose_autonomous_actions(
  p_after uuid default null, p_limit int default 1000, p_shard text default null,
  p_include_inactive_rules boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s' set work_mem = '64MB' set extra_float_digits = 1
as $$
declare
  v_slots int4range := public.shard_slots(p_shard);
  v_include boolean := coalesce(p_include_inactive_rules, false);
  v_portfolio jsonb := public.portfolio_state(p_now);
  v_page public.autonomy_decided[];
  v_codes jsonb;
begin
  if p_limit is null or p_limit not between 1 and 5000 then
    raise exception using errcode = 'AO010', message = format('p_limit must be from 1 to 5000, not %s.', coalesce(p_limit::text, 'NULL'));
  end if;
  with run as materialized (select d from public.decided_run(v_slots, v_include, p_now, v_portfolio) d)
  select (select jsonb_object_agg(c.code, c.n) from (select (r.d).code, count(*) as n from run r group by 1) c),
    array(select r.d from run r where p_after is null or (r.d).campaign_id > p_after order by (r.d).campaign_id limit p_limit)
  into v_codes, v_page;
  return jsonb_build_object(
    'decisions', (select coalesce(jsonb_agg(to_jsonb(t) order by t.campaign_id), '[]') from public.told_decisions(v_page) t),
    'next_after', case when cardinality(v_page) = p_limit then (v_page[p_limit]).campaign_id end,
    'rules_skipped', public.skipped_rules(v_include),
    'breakers', public.breaker_reports(v_portfolio, v_codes),
    'campaigns_evaluated', public.active_campaigns(p_shard, v_portfolio));
end $$;
comment on function public.propose_autonomous_actions(uuid, int, text, boolean, timestamptz) is
  'What the engine would decide about every candidate, in pages by campaign id; the portfolio-wide guardrails look at all decisions before the page is cut. Only reads; safe to call again. Raises AO010 for a bad argument. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Two questions that a person asks in the SQL editor; dashboards call them by these names
-- ---------------------------------------------------------------------------------------------

create function public.identify_underperforming_campaigns(
  min_spend numeric default 50.0, max_roi numeric default 1.0, min_duration_hours integer default 24,
  p_now timestamptz default now())
returns table (
  campaign_id uuid, campaign_title text, current_budget numeric, total_spend numeric, roi numeric,
  ctr numeric, conversion_rate numeric, hours_running numeric, recommendation text, confidence_score numeric)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
begin
  perform public.argument_error('min_spend', min_spend), public.argument_error('max_roi', max_roi),
          public.argument_error('min_duration_hours', min_duration_hours);
  perform public.moment_error(p_now);
  return query
  with found as materialized (
    select m.campaign_id, m.roi, m.ctr, m.conversion_rate
    from public.campaigns_by_metrics(
      min_spend::float8, null::float8, max_roi::float8, null::float8, min_duration_hours::float8, p_now) m
  )
  select c.campaign_id, c.title, c.budget, round(c.spend::numeric, 2), round(f.roi::numeric, 4),
    round(f.ctr::numeric, 4), round(f.conversion_rate::numeric, 4), round(c.hours_running::numeric, 1),
    case when c.value_missing then 'Wait: its conversions carry no value, so its roi says nothing; '
         when s.confidence < 50 then 'Wait: '
         when s.confidence < 80 then 'Watch, or pause: '
         else 'Pause: ' end
      || format('spent %s for %s in revenue (%sx) over %s; %s %% likely to be below %s',
           public.money_words(c.spend), public.money_words(c.revenue), public.money_words(f.roi),
           public.counted_words(greatest(1, floor(c.hours_running / 24 + 0.5))::bigint, 'day'),
           least(99, greatest(1, floor(s.confidence + 0.5))),
           case when t.target = 1 then 'break-even' else public.money_words(t.target) || 'x' end),
    round(s.confidence::numeric, 2)
  from found f
  cross join public.autonomy_policy p
  cross join jsonb_to_record(public.prior_in_force(p_now))
    as k (mean_roi float8, tau2 float8, order_value float8, cv2 float8)
  join public.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
  cross join lateral (select greatest(p.break_even_roi, max_roi)::float8 as target) t
  cross join lateral (select public.cut_confidence(100::float8 * public.probability_below(
    t.target, c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
    k.mean_roi, k.tau2, k.order_value, k.cv2)) as confidence) s
  order by c.revenue - c.spend, c.campaign_id;
end $$;
comment on function public.identify_underperforming_campaigns(numeric, numeric, integer, timestamptz) is
  'Active campaigns with at least min_spend, a roi below max_roi and min_duration_hours of running, those that lose most first; confidence_score is the probability that pausing is right. Only reads; safe to call again. Raises AO010 for a missing, negative or infinite argument. [autonomous-operations]';

create function public.identify_scaling_candidates(
  min_roi numeric default 3.0, min_conversions integer default 10, max_budget_multiplier numeric default 3.0,
  p_now timestamptz default now())
returns table (
  campaign_id uuid, campaign_title text, current_budget numeric, suggested_budget numeric, roi numeric,
  conversions bigint, ctr numeric, confidence_score numeric, reasoning text)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
begin
  perform public.argument_error('min_roi', min_roi), public.argument_error('min_conversions', min_conversions),
          public.argument_error('max_budget_multiplier', max_budget_multiplier);
  perform public.moment_error(p_now);
  return query
  with found as materialized (
    select m.campaign_id, m.roi, m.ctr
    from public.campaigns_by_metrics(
      null::float8, min_conversions::float8, null::float8, min_roi::float8, null::float8, p_now) m
  )
  select c.campaign_id, c.title, c.budget, b.suggested, round(f.roi::numeric, 4), c.conversions::bigint,
    round(f.ctr::numeric, 4), round(s.confidence::numeric, 2),
    case when c.budget is null or c.budget <= 0 then 'No budget to raise: '
         when b.suggested <= c.budget then format('Leave the budget at %s, its limit: ', round(c.budget, 2))
         when c.budget_use < 0.7 then format('Wait: the budget is not what limits it, %s %% of it is spent; ', floor(100 * c.budget_use))
         when s.confidence < 50 then 'Wait: '
         else format('Raise the budget from %s to %s: ', round(c.budget, 2), b.suggested) end
      || format('spent %s for %s in revenue (%sx) over %s, %s; %s %% likely that more budget earns its keep',
           public.money_words(c.spend), public.money_words(c.revenue), public.money_words(f.roi),
           public.counted_words(greatest(1, floor(coalesce(c.hours_running, 24) / 24 + 0.5))::bigint, 'day'),
           public.counted_words(c.conversions::bigint, 'conversion'),
           least(99, greatest(1, floor(s.confidence + 0.5))))
  from found f
  cross join public.autonomy_policy p
  cross join jsonb_to_record(public.prior_in_force(p_now))
    as k (mean_roi float8, tau2 float8, order_value float8, cv2 float8)
  join public.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
  cross join lateral (select least(
    round(c.budget * 1.5, 2), trunc(c.budget * max_budget_multiplier, 2), trunc(p.max_budget, 2)) as suggested) l
  cross join lateral (select case when c.budget is not null then l.suggested end as suggested) b
  cross join lateral (select public.cut_confidence(100::float8 * (1::float8 - public.probability_below(
    least(p.break_even_roi::float8 / p.marginal_return_ratio::float8, min_roi::float8),
    c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
    k.mean_roi, k.tau2, k.order_value, k.cv2))) as confidence) s
  order by s.confidence desc, c.campaign_id;
end $$;
comment on function public.identify_scaling_candidates(numeric, integer, numeric, timestamptz) is
  'Active campaigns with a roi of at least min_roi and min_conversions, the most certain first; suggested_budget is the least of budget x 1.5, budget x max_budget_multiplier and the policy''s ceiling, confidence_score the probability that the added money earns its keep. Only reads; safe to call again. Raises AO010 for a missing, negative or infinite argument. [autonomous-operations]';

create function public.campaigns_by_metrics(
  p_min_spend float8, p_min_conversions float8, p_roi_below float8, p_roi_from float8, p_min_hours float8, p_now timestamptz)
returns table (campaign_id uuid, roi float8, ctr float8, conversion_rate float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query execute format(
    'select c.id, %1$s, %2$s, %3$s from public.campaigns c join public.campaign_facts f on f.campaign_id = c.id'
    ' where (c.status = ''active'' or lower(c.status) = ''active'') and ($2 is null or %4$s >= $2) and ($3 is null or %5$s >= $3)'
    ' and ($4 is null or %1$s < $4) and ($5 is null or %1$s >= $5) and ($6 is null or %6$s >= $6)',
    public.metric_expression('roi', 'lifetime', 'exact'), public.metric_expression('ctr', 'lifetime', 'exact'),
    public.metric_expression('conversion_rate', 'lifetime', 'exact'), public.metric_expression('spend', 'lifetime', 'exact'),
    public.metric_expression('conversions', 'lifetime', 'exact'), public.metric_expression('hours_running', 'lifetime', 'exact'))
    using p_now, p_min_spend, p_min_conversions, p_roi_below, p_roi_from, p_min_hours;
end $$;
comment on function public.campaigns_by_metrics(float8, float8, float8, float8, float8, timestamptz) is
  'Active campaigns by the metrics of their whole life; a null bound is no bound. Only reads. [autonomous-operations]';

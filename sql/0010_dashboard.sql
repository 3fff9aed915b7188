-- What the dashboard and the JSON API need beyond the system itself: lists paged by key, daily
-- figures kept up to date by marks, and the doors' memory of failed sign-ins and ended sessions.
-- Safe to run again.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- Tables
-- ---------------------------------------------------------------------------------------------
create table if not exists public.dashboard_performance_days (
  day date primary key,
  impressions bigint not null,
  clicks bigint not null,
  conversions bigint not null,
  spend numeric not null,
  revenue numeric not null
);

create table if not exists public.dashboard_action_days (
  day date not null,
  rule_id uuid not null,  -- all zeros where no rule did it: a key knows no null
  action_type text not null,
  status text not null,
  actions bigint not null,
  confidence_sum numeric not null,
  confidence_count bigint not null,
  measured bigint not null,
  improved bigint not null,
  regressed bigint not null,
  money float8 not null,
  error_squares float8 not null,
  judged bigint not null,
  right_sum float8 not null,
  judged_confidence_sum float8 not null,
  primary key (day, rule_id, action_type, status)
);
-- One mark a transaction and day: writers never wait for one another, and a mark is seen by the
-- refresh only together with what it marks.
create table if not exists public.dashboard_stale_days (
  source text not null check (source in ('actions', 'performance')),
  day date not null,
  transaction xid8 not null default pg_current_xact_id(),
  primary key (source, day, transaction)
);

create table if not exists public.dashboard_failed_sign_ins (
  id bigint generated always as identity primary key,
  source text not null,
  failed_at timestamptz not null default now()
);
create index if not exists dashboard_failed_sign_ins_source
  on public.dashboard_failed_sign_ins (source, failed_at);
create index if not exists dashboard_failed_sign_ins_time
  on public.dashboard_failed_sign_ins (failed_at);

create table if not exists public.dashboard_ended_sessions (
  session text primary key,
  ends_at timestamptz not null
);

-- Lists by campaign, and by the pairs of filters that have no index of their own.
create index if not exists autonomous_actions_campaign
  on public.autonomous_actions (campaign_id, created_at desc, id desc);
create index if not exists autonomous_actions_type_status
  on public.autonomous_actions (action_type, status, created_at desc);
create index if not exists autonomous_actions_rule_status
  on public.autonomous_actions (rule_id, action_type, status, created_at desc);
-- Spans of days, here and where they are taken back.
create index if not exists autonomous_actions_done
  on public.autonomous_actions (coalesce(executed_at, created_at) desc);
create index if not exists optimization_opportunities_work
  on public.optimization_opportunities
  (status, (array_position(array['critical', 'high', 'medium', 'low'], severity)), first_seen_at, id);

do $$
declare
  v_table record;
begin
  for v_table in
    select * from (values
      ('dashboard_performance_days', 'Derived: spend, revenue and counts of all campaigns by day, for the overview''s chart.'),
      ('dashboard_action_days', 'Derived: actions by day, rule, type and status with their measured worth, for the overview and the scoreboard.'),
      ('dashboard_stale_days', 'Days whose derived figures must be computed again; dashboard_refresh() empties it.'),
      ('dashboard_failed_sign_ins', 'Failed tries to sign in, by a hash of where they came from; kept for an hour.'),
      ('dashboard_ended_sessions', 'Sessions that a person ended before their time.')
    ) t (name, meaning)
  loop
    execute format('comment on table public.%I is %L', v_table.name, v_table.meaning || ' [autonomous-operations]');
  end loop;
end $$;

-- ---------------------------------------------------------------------------------------------
-- Daily figures: marks by trigger, computed when somebody looks
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_day(p_at timestamptz) returns date
language sql stable set search_path = ''
as $$
  select (p_at at time zone p.time_zone)::date from public.autonomy_policy p;
$$;
comment on function public.dashboard_day(timestamptz) is
  'The day of the policy''s time zone that a moment falls on. Reads only. [autonomous-operations]';

create function public.dashboard_mark_actions() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_zone text := (select time_zone from public.autonomy_policy);
begin
  if tg_op = 'TRUNCATE' then
    delete from public.dashboard_action_days;
  elsif tg_op = 'DELETE' then
    insert into public.dashboard_stale_days (source, day)
    select distinct 'actions', (created_at at time zone v_zone)::date from before_rows on conflict do nothing;
  else
    insert into public.dashboard_stale_days (source, day)
    select distinct 'actions', (created_at at time zone v_zone)::date from after_rows on conflict do nothing;
  end if;
  return null;
end $$;
comment on function public.dashboard_mark_actions() is
  'Trigger of autonomous_actions: marks the days whose figures changed. Runs as its owner, since whoever may write actions need not know of the dashboard. [autonomous-operations]';

create trigger dashboard_actions_inserted after insert on public.autonomous_actions
  referencing new table as after_rows for each statement execute function public.dashboard_mark_actions();
create trigger dashboard_actions_updated after update on public.autonomous_actions
  referencing new table as after_rows for each statement execute function public.dashboard_mark_actions();
create trigger dashboard_actions_deleted after delete on public.autonomous_actions
  referencing old table as before_rows for each statement execute function public.dashboard_mark_actions();
create trigger dashboard_actions_truncated after truncate on public.autonomous_actions
  for each statement execute function public.dashboard_mark_actions();

create function public.dashboard_mark_performance() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from public.dashboard_performance_days;
  elsif tg_op = 'DELETE' then
    insert into public.dashboard_stale_days (source, day)
    select distinct 'performance', day from before_rows on conflict do nothing;
  else
    insert into public.dashboard_stale_days (source, day)
    select distinct 'performance', day from after_rows on conflict do nothing;
  end if;
  return null;
end $$;
comment on function public.dashboard_mark_performance() is
  'Trigger of campaign_daily: marks the days whose figures changed. Runs as its owner. [autonomous-operations]';

create trigger dashboard_performance_inserted after insert on public.campaign_daily
  referencing new table as after_rows for each statement execute function public.dashboard_mark_performance();
create trigger dashboard_performance_updated after update on public.campaign_daily
  referencing new table as after_rows for each statement execute function public.dashboard_mark_performance();
create trigger dashboard_performance_deleted after delete on public.campaign_daily
  referencing old table as before_rows for each statement execute function public.dashboard_mark_performance();
create trigger dashboard_performance_truncated after truncate on public.campaign_daily
  for each statement execute function public.dashboard_mark_performance();

create function public.dashboard_mark_all() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from public.dashboard_action_days;
  insert into public.dashboard_stale_days (source, day)
  select distinct 'actions', (created_at at time zone new.time_zone)::date from public.autonomous_actions
  on conflict do nothing;
  return null;
end $$;
comment on function public.dashboard_mark_all() is
  'Trigger of autonomy_policy: another time zone has other days. Runs as its owner. [autonomous-operations]';

create trigger dashboard_zone_changed after update of time_zone on public.autonomy_policy
  for each row when (new.time_zone is distinct from old.time_zone)
  execute function public.dashboard_mark_all();

create function public.dashboard_refresh(p_milliseconds integer default 80) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_until timestamptz := clock_timestamp() + make_interval(secs => p_milliseconds / 1000.0);
  v_mark record;
  v_done integer := 0;
begin
  -- One refresh at a time: two would overwrite each other's newer figures. The other one does not wait.
  if pg_try_advisory_xact_lock(hashtextextended('autonomy.dashboard_refresh', 0)) then
    for v_mark in
      select source, day from public.dashboard_stale_days group by source, day order by day desc
    loop
      -- The mark goes first: what commits after this statement leaves a mark of its own.
      delete from public.dashboard_stale_days where source = v_mark.source and day = v_mark.day;
      if v_mark.source = 'performance' then
        delete from public.dashboard_performance_days where day = v_mark.day;
        insert into public.dashboard_performance_days
        select * from public.dashboard_performance_figures(v_mark.day, v_mark.day);
      else
        delete from public.dashboard_action_days where day = v_mark.day;
        insert into public.dashboard_action_days
        select * from public.dashboard_action_figures(v_mark.day, v_mark.day);
      end if;
      v_done := v_done + 1;
      exit when clock_timestamp() > v_until;
    end loop;
  end if;
  return jsonb_build_object('refreshed', v_done,
    'left', (select count(*) from (select from public.dashboard_stale_days group by source, day) s));
end $$;
comment on function public.dashboard_refresh(integer) is
  'Computes the figures of marked days again, the newest first, at least one and for about p_milliseconds; answers {"refreshed", "left"}. Safe to call again and at the same time. [autonomous-operations]';

create function public.dashboard_performance_figures(p_from date, p_to date)
returns setof public.dashboard_performance_days language sql stable set search_path = ''
as $$
  select d.day, sum(d.impressions)::bigint, sum(d.clicks)::bigint, sum(d.conversions)::bigint, sum(d.spend), sum(d.revenue)
  from public.campaign_daily d where d.day between p_from and p_to group by d.day;
$$;
comment on function public.dashboard_performance_figures(date, date) is
  'campaign_daily of all campaigns, added up by day. Reads only. [autonomous-operations]';

create function public.dashboard_action_figures(p_from date, p_to date)
returns setof public.dashboard_action_days language plpgsql stable set search_path = ''
as $$
declare
  v_zone text := (select time_zone from public.autonomy_policy);
begin
  -- Planned anew each time: a day is looked up in the index, all days are read at once.
  return query execute
    'select (a.created_at at time zone $1)::date as day,
             coalesce(r.rule_id, ''00000000-0000-0000-0000-000000000000''), r.action_type, r.status,
            count(*), coalesce(sum(r.confidence), 0)::numeric, count(r.confidence),
            count(r.verdict), count(*) filter (where r.verdict = ''improved''), count(*) filter (where r.verdict = ''regressed''),
            coalesce(sum(r.money) filter (where r.verdict is not null), 0),
            coalesce(sum(r.error * r.error) filter (where r.verdict is not null), 0),
            count(r.right_probability), coalesce(sum(r.right_probability), 0),
            coalesce(sum(r.confidence) filter (where r.right_probability is not null), 0)
     from public.autonomous_actions a join public.action_results r on r.action_id = a.id
     where a.created_at >= $2 and a.created_at <= $3
     group by 1, 2, 3, 4'
  using v_zone, p_from::timestamp at time zone v_zone, (p_to + 1)::timestamp at time zone v_zone - interval '1 microsecond';
end $$;
comment on function public.dashboard_action_figures(date, date) is
  'autonomous_actions counted by day, rule, type and status, with what was measured of them. Reads only. [autonomous-operations]';

-- What was there before the triggers were.
delete from public.dashboard_stale_days;
delete from public.dashboard_performance_days;
delete from public.dashboard_action_days;
insert into public.dashboard_performance_days select * from public.dashboard_performance_figures(date '-infinity', date 'infinity');
insert into public.dashboard_action_days select * from public.dashboard_action_figures(date '-infinity', date 'infinity');

-- ---------------------------------------------------------------------------------------------
-- Spans of days
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_span(p_filter jsonb) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_span jsonb := p_filter;
  v_key text;
begin
  -- The last day of a span belongs to it: its end is the start of the next.
  foreach v_key in array array['from', 'to'] loop
    if p_filter ->> v_key ~ '^\d{4}-\d{2}-\d{2}$' then
      v_span := v_span || jsonb_build_object(v_key, (
        select ((p_filter ->> v_key)::date + case v_key when 'to' then 1 else 0 end)::timestamp at time zone p.time_zone
        from public.autonomy_policy p));
    end if;
  end loop;
  if (v_span ->> 'from')::timestamptz >= (v_span ->> 'to')::timestamptz then
    raise exception using errcode = 'AO010',
      message = format('The span ends before it begins: from %s to %s.', p_filter ->> 'from', p_filter ->> 'to'),
      hint = 'Give the earlier one first. The same day twice is that whole day.';
  end if;
  return v_span;
end $$;
comment on function public.dashboard_span(jsonb) is
  'A filter with its days (2026-11-27) made moments: from is the start of that day, to its end, in the policy''s time zone; what has a clock stays as it is. Reads only. Raises AO010 where the span ends before it begins. [autonomous-operations]';

create function public.dashboard_executed(p_filter jsonb) returns bigint
language plpgsql stable set search_path = ''
as $$
declare
  v_span jsonb := public.dashboard_span(p_filter);
begin
  -- as rollback_autonomous_actions reads the filter
  return (
    select count(*) from public.autonomous_actions a
    where a.status = 'executed'
      and (v_span ->> 'run_id' is null or a.run_id = (v_span ->> 'run_id')::uuid)
      and (v_span ->> 'rule_id' is null or a.rule_id = (v_span ->> 'rule_id')::uuid)
      and (v_span ->> 'from' is null or coalesce(a.executed_at, a.created_at) >= (v_span ->> 'from')::timestamptz)
      and (v_span ->> 'to' is null or coalesce(a.executed_at, a.created_at) < (v_span ->> 'to')::timestamptz));
end $$;
comment on function public.dashboard_executed(jsonb) is
  'How many actions of a run, a rule or a span (run_id, rule_id, from, to) stand executed, so may be taken back. Reads only. Raises AO010. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Actions, paged by key
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_action_json(a public.autonomous_actions, p_title text, p_rule_name text)
returns jsonb language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', a.id, 'run_id', a.run_id, 'campaign_id', a.campaign_id, 'title', p_title,
    'rule_id', a.rule_id, 'rule_name', p_rule_name, 'action_type', a.action_type, 'status', a.status,
    'error', a.error, 'reason', a.reason, 'previous_state', a.previous_state, 'new_state', a.new_state,
    'confidence_score', a.confidence_score, 'expected_impact', a.expected_impact,
    'actual_impact', a.actual_impact, 'created_at', a.created_at, 'executed_at', a.executed_at,
    'rolled_back_at', a.rolled_back_at, 'rolled_back_by', a.rolled_back_by,
    'rollback_reason', a.rollback_reason, 'actor', a.actor,
    -- unknown (an older proposal) is not changed
    'rule_changed', coalesce(a.status = 'pending' and a.evidence ->> 'rule_version' <> coalesce(
      (select public.rule_version(r.condition, r.action) from public.autonomous_rules r where r.id = a.rule_id), ''), false));
$$;
comment on function public.dashboard_action_json(public.autonomous_actions, text, text) is
  'An action as the dashboard and the API show it; rule_changed: it waits, and its rule has changed since. [autonomous-operations]';

create function public.dashboard_actions(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 50
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_span jsonb := public.dashboard_span(p_filter);
  v_where text := 'true';
  v_from text := 'public.autonomous_actions a';
  v_key text;
  v_rows jsonb;
  v_last record;
  v_limit integer := least(greatest(p_limit, 1), 500);
begin
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key in ('action_type', 'status') then
      v_where := v_where || format(' and a.%I = %L', v_key, p_filter ->> v_key);
    elsif v_key in ('rule_id', 'run_id', 'campaign_id') then
      v_where := v_where || format(' and a.%I = %L::uuid', v_key, (p_filter ->> v_key)::uuid);
    elsif v_key = 'from' then  -- when it was done, as a rollback of the span reads it; else proposed
      v_where := v_where || format(' and coalesce(a.executed_at, a.created_at) >= %L::timestamptz',
        (v_span ->> v_key)::timestamptz);
    elsif v_key = 'to' then
      v_where := v_where || format(' and coalesce(a.executed_at, a.created_at) < %L::timestamptz',
        (v_span ->> v_key)::timestamptz);
    elsif v_key <> 'title' then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of actions.', v_key),
        hint = 'Filters: action_type, status, rule_id, run_id, campaign_id, title, from, to.';
    end if;
  end loop;
  if p_after is not null then
    v_where := v_where || format(' and (a.created_at, a.id) < (%L::timestamptz, %L::uuid)',
      (p_after ->> 'created_at')::timestamptz, (p_after ->> 'id')::uuid);
  end if;

  -- By title: the newest of each campaign that matches (keys only), then the newest of those.
  if p_filter ? 'title' then
    v_from := format(
      '(select k.id from (select id from public.campaigns where strpos(lower(title), lower(%L)) > 0 limit 2000) m '
      'cross join lateral (select a.id, a.created_at from public.autonomous_actions a where a.campaign_id = m.id and %s '
      'order by a.created_at desc, a.id desc limit %s) k order by k.created_at desc, k.id desc limit %s) k '
      'join public.autonomous_actions a on a.id = k.id',
      p_filter ->> 'title', v_where, v_limit + 1, v_limit + 1);
    v_where := 'true';
  end if;

  -- The page is cut before titles are looked up; with literals in place the planner knows which
  -- of the indexes is the shortest way.
  execute format(
    'select coalesce(jsonb_agg(public.dashboard_action_json(p, case when c.id is not null then coalesce(c.title, '''') end, r.rule_name) '
    '         order by (p).created_at desc, (p).id desc), ''[]'') '
    'from (select a::public.autonomous_actions as p from (select a.* from %s where %s '
    '      order by a.created_at desc, a.id desc limit %s) a) page '
    'left join public.campaigns c on c.id = (p).campaign_id '
    'left join public.autonomous_rules r on r.id = (p).rule_id', v_from, v_where, v_limit + 1)
  into v_rows;

  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('actions', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('actions', v_rows, 'next_after', jsonb_build_object(
    'created_at', v_rows -> -1 -> 'created_at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_actions(jsonb, jsonb, integer) is
  'Actions, newest first: {"actions", "next_after"}; p_after is the last page''s next_after. Filters: action_type, status, rule_id, run_id, campaign_id, title (contained, at most 2,000 campaigns), from, to (see dashboard_span). Reads only. Raises AO010 for another filter. [autonomous-operations]';

create function public.dashboard_action(p_action_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_action jsonb;
begin
  select public.dashboard_action_json(a, case when c.id is not null then coalesce(c.title, '') end, r.rule_name) || jsonb_build_object('evidence', a.evidence)
  into v_action
  from public.autonomous_actions a
  left join public.campaigns c on c.id = a.campaign_id
  left join public.autonomous_rules r on r.id = a.rule_id
  where a.id = p_action_id;
  if v_action is null then
    raise exception using errcode = 'AO011', message = 'There is no such action.',
      hint = 'The list of actions has the ids of all.';
  end if;
  return v_action;
end $$;
comment on function public.dashboard_action(uuid) is
  'One action with its evidence. Reads only. Raises AO011. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Opportunities
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_opportunity_json(
  o public.optimization_opportunities, p_title text, p_now timestamptz
) returns jsonb language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', o.id, 'campaign_id', o.campaign_id, 'title', p_title, 'opportunity_type', o.opportunity_type,
    'severity', o.severity, 'description', o.description, 'suggested_action', o.suggested_action,
    'estimated_impact', o.estimated_impact, 'confidence_score', o.confidence_score,
    'figures', o.figures, 'status', o.status, 'first_seen_at', o.first_seen_at,
    'last_seen_at', o.last_seen_at, 'resolved_at', o.resolved_at,
    'overdue', o.status in ('open', 'in_progress') and o.first_seen_at < p_now - interval '48 hours');
$$;
comment on function public.dashboard_opportunity_json(public.optimization_opportunities, text, timestamptz) is
  'An opportunity as the dashboard and the API show it; overdue after 48 hours. [autonomous-operations]';

create function public.dashboard_opportunities(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 30,
  p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_where text := '';
  v_key text;
  v_rows jsonb;
  v_limit integer := least(greatest(p_limit, 1), 500);
  v_rank constant text := 'array_position(array[''critical'', ''high'', ''medium'', ''low''], o.severity)';
  v_status text := coalesce(p_filter ->> 'status', 'open');
begin
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key = 'campaign_id' then
      v_where := v_where || format(' and o.campaign_id = %L::uuid', (p_filter ->> v_key)::uuid);
    elsif v_key = 'severity' then
      v_where := v_where || format(' and %s = %s', v_rank, coalesce(
        array_position(array['critical', 'high', 'medium', 'low'], p_filter ->> v_key), 0));
    elsif v_key = 'opportunity_type' then
      v_where := v_where || format(' and o.opportunity_type = %L', p_filter ->> v_key);
    elsif v_key <> 'status' then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of opportunities.', v_key),
        hint = 'Filters: status, severity, opportunity_type, campaign_id.';
    end if;
  end loop;
  if p_after is not null then
    v_where := v_where || format(' and (%s, o.first_seen_at, o.id) > (%s, %L::timestamptz, %L::uuid)',
      v_rank, (p_after ->> 'rank')::integer, (p_after ->> 'first_seen_at')::timestamptz, (p_after ->> 'id')::uuid);
  end if;

  execute format(
    'select coalesce(jsonb_agg(public.dashboard_opportunity_json(p, c.title, %L::timestamptz) '
    '         order by array_position(array[''critical'', ''high'', ''medium'', ''low''], (p).severity), '
    '                  (p).first_seen_at, (p).id), ''[]'') '
    'from (select o as p from public.optimization_opportunities o where o.status = %L %s '
    '      order by %s, o.first_seen_at, o.id limit %s) page '
    'left join public.campaigns c on c.id = (p).campaign_id',
    p_now, v_status, v_where, v_rank, v_limit + 1)
  into v_rows;

  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('opportunities', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('opportunities', v_rows, 'next_after', jsonb_build_object(
    'rank', array_position(array['critical', 'high', 'medium', 'low'], v_rows -> -1 ->> 'severity'),
    'first_seen_at', v_rows -> -1 -> 'first_seen_at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_opportunities(jsonb, jsonb, integer, timestamptz) is
  'Opportunities of one status (open unless asked), the most severe and oldest first: {"opportunities", "next_after"}. Filters: status, severity, opportunity_type, campaign_id. Reads only. Raises AO010. [autonomous-operations]';

create function public.dashboard_opportunity(p_opportunity_id uuid, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_opportunity jsonb;
begin
  select public.dashboard_opportunity_json(o, c.title, p_now) into v_opportunity
  from public.optimization_opportunities o left join public.campaigns c on c.id = o.campaign_id
  where o.id = p_opportunity_id;
  if v_opportunity is null then
    raise exception using errcode = 'AO013', message = 'There is no such opportunity.';
  end if;
  return v_opportunity;
end $$;
comment on function public.dashboard_opportunity(uuid, timestamptz) is
  'One opportunity. Reads only. Raises AO013. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The state: is all well, and where not, what comes first
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_state(
  p_since timestamptz default null, p_run_interval_minutes integer default 60, p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  -- among those of one level: first what makes the others moot
  v_order constant text[] := array['FROZEN', 'NO_RUN', 'RUN_FAILED', 'RUN_LATE', 'STALE_DATA', 'NO_DATA', 'BREAKER',
    'APPROVALS_WAITING', 'MANY_PAUSED', 'BUDGET_MOVED', 'FALLING_ROI', 'CRITICAL_OPPORTUNITIES', 'VALUE_NOT_MEASURED',
    'SUSPECT_DATA', 'ACTIONS_FAILED', 'RULES_SKIPPED', 'ALL_RULES_INACTIVE', 'OBSERVING'];
  v_minutes integer := least(greatest(p_run_interval_minutes, 1), 10080);
  v_visit boolean := coalesce(p_since < p_now, false);
  v_since timestamptz := case when v_visit then greatest(p_since, p_now - interval '7 days')
                              else p_now - interval '24 hours' end;
  v_span text := case when not v_visit then 'in the last 24 hours' when p_since < v_since then 'in the last 7 days'
                      else format('since your last visit (%s)', public.dashboard_clock(p_since)) end;
begin
  return (
    with found as (
      select * from public.dashboard_state_of_policy()
      union all select * from public.dashboard_state_of_runs(v_minutes, p_now)
      union all select * from public.dashboard_state_of_summaries(v_minutes, p_now)
      union all select * from public.dashboard_state_of_data(p_now)
      union all select * from public.dashboard_state_of_work(p_now)
      union all select * from public.dashboard_state_of_changes(v_since, v_span)
      union all select * from public.dashboard_state_of_roi(p_now)
    ), ranked as (
      select f.*, row_number() over (order by f.level = 'look', array_position(v_order, f.code), f.sentence) as n
      from found f
    )
    select jsonb_build_object(
      'level', coalesce(min(r.level) filter (where r.n = 1), 'ok'),
      'sentence', coalesce(min(r.sentence) filter (where r.n = 1), 'All is well.'),
      'since', v_since,
      'reasons', coalesce(jsonb_agg(jsonb_build_object('code', r.code, 'level', r.level, 'sentence', r.sentence,
        'details', r.details, 'figures', r.figures) order by r.n), '[]'))
    from ranked r);
end $$;
comment on function public.dashboard_state(timestamptz, integer, timestamptz) is
  'Whether all is well: {"level": ok, look or act, "sentence": of the largest reason, "since", "reasons": [{"code", "level", "sentence", "details", "figures"}]}, the largest first. p_since: the last visit (24 hours ago where unknown, 7 days at most); p_run_interval_minutes: how often runs are due. Reads only; safe to call again. [autonomous-operations]';

create function public.dashboard_amount(p_amount numeric, p_digits integer default 2) returns text
language sql immutable set search_path = ''
as $$
  select to_char(p_amount,
    'FM999,999,999,999,999,990' || case when p_digits > 0 then rpad('.', p_digits + 1, '0') else '' end);
$$;
comment on function public.dashboard_amount(numeric, integer) is
  '12345.6 -> 12,345.60; as the pages write it. Only computes. [autonomous-operations]';

create function public.dashboard_clock(p_at timestamptz) returns text
language sql stable set search_path = ''
as $$
  select to_char(p_at at time zone p.time_zone, 'Dy FMDD Mon, HH24:MI') from public.autonomy_policy p;
$$;
comment on function public.dashboard_clock(timestamptz) is
  'A moment in the policy''s time zone: Fri 27 Nov, 17:40. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_policy()
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  select 'FROZEN', 'act', 'Frozen: nothing is changed until somebody lifts it.',
         array_remove(array[p.frozen_reason], ''), '{}'::jsonb
  from public.autonomy_policy p where p.frozen
  union all
  select 'OBSERVING', 'look', 'Observe mode: runs say what they would do and change nothing.', '{}', '{}'
  from public.autonomy_policy p where p.mode = 'observe'
  union all
  select 'ALL_RULES_INACTIVE', 'look', 'No rule is active: runs only monitor and change nothing.', '{}', '{}'
  where not exists (select from public.autonomous_rules r where r.is_active);
$$;
comment on function public.dashboard_state_of_policy() is
  'Part of dashboard_state: freeze, mode, rules. Reads only. [autonomous-operations]';

create function public.dashboard_last_runs(p_run_interval_minutes integer, p_now timestamptz)
returns table (id uuid, status text, started_at timestamptz, summary jsonb)
language sql stable set search_path = ''
as $$
  -- The last word about each part of the campaigns: of a shard's runs the newest, none that a
  -- later run of the same campaigns has overtaken. A run whose lease ran out will not end any more.
  with ended as (
    select distinct on (s.slots) r.id, r.started_at, s.slots
    from public.autonomous_runs r
    cross join lateral (select coalesce(r.slots, int4range(0, 65536)) as slots) s
    where not r.dry_run and (r.status <> 'running' or r.lease_expires_at < clock_timestamp())
      and r.started_at > p_now - greatest(interval '24 hours', make_interval(mins => 2 * p_run_interval_minutes))
    order by s.slots, r.started_at desc, r.id desc
  )
  select r.id, r.status, r.started_at, r.summary
  from ended e join public.autonomous_runs r on r.id = e.id
  where not exists (
    select from ended l
    where l.slots && e.slots and l.slots <> e.slots and (l.started_at, l.id) > (e.started_at, e.id));
$$;
comment on function public.dashboard_last_runs(integer, timestamptz) is
  'The last run that ended, one for each shard; no dry runs. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_runs(p_run_interval_minutes integer, p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with success as (
    select (select r.started_at from public.autonomous_runs r
            where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1) as last_at
  ), breakers as (
    select distinct on (b.breaker ->> 'code') b.breaker ->> 'code' as breaker, b.breaker ->> 'message' as message, r.id
    from public.dashboard_last_runs(p_run_interval_minutes, p_now) r
    cross join jsonb_array_elements(
      case jsonb_typeof(r.summary -> 'breakers') when 'array' then r.summary -> 'breakers' else '[]' end) b (breaker)
    where b.breaker ->> 'code' <> 'FROZEN'  -- said by the policy
    order by b.breaker ->> 'code', r.started_at desc
  )
  select 'NO_RUN', 'act', 'No run has succeeded yet: set up the schedule, or try a dry run.',
    '{}'::text[], '{}'::jsonb from success s where s.last_at is null
  union all
  select 'RUN_LATE', 'act',
    format('No run has succeeded since %s, and one is due every %s: check the schedule.', public.dashboard_clock(s.last_at),
           public.counted_words(p_run_interval_minutes, 'minute')),
    '{}', jsonb_build_object('last_success_at', s.last_at)
  from success s where s.last_at < p_now - make_interval(mins => 2 * p_run_interval_minutes)
  union all
  select 'RUN_FAILED', 'act', format('The last run, of %s, did not finish.', public.dashboard_clock(r.started_at)),
    '{}', jsonb_build_object('run_id', r.id)
  from public.dashboard_last_runs(p_run_interval_minutes, p_now) r where r.status <> 'completed'
  union all
  -- raises and cuts that a limit stopped go on by themselves; the others wait for a person
  select 'BREAKER', case when b.breaker in ('GROWTH_BREAKER', 'SHRINK_BREAKER') then 'look' else 'act' end,
    coalesce(upper(left(b.message, 1)) || substr(b.message, 2) || '.', 'A breaker stopped the last run.'),
    '{}', jsonb_build_object('breaker', b.breaker, 'run_id', b.id)
  from breakers b;
$$;
comment on function public.dashboard_state_of_runs(integer, timestamptz) is
  'Part of dashboard_state: late, failed and stopped runs. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_summaries(p_run_interval_minutes integer, p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with runs as materialized (
    select r.id, r.started_at,
      case jsonb_typeof(r.summary -> 'failed') when 'array' then jsonb_array_length(r.summary -> 'failed') end as failed,
      case jsonb_typeof(r.summary -> 'rules_skipped') when 'array' then r.summary -> 'rules_skipped' end as skipped,
      r.summary -> 'held' as held
    from public.dashboard_last_runs(p_run_interval_minutes, p_now) r
  ), counted as (
    select v.code, v.told, least(sum(v.n), 1e15)::bigint as n,
      (array_agg(r.id order by v.n desc, r.started_at desc))[1] as run_id
    from runs r
    cross join lateral (values
      ('ACTIONS_FAILED', '%s of the last run failed.', 'action', r.failed::numeric),
      ('SUSPECT_DATA', 'The last run left %s alone, because figures cannot be right.', 'campaign',
       public.json_number(r.held -> 'SUSPECT_DATA')::numeric),
      ('VALUE_NOT_MEASURED', 'The last run left %s alone, because conversions come without a value.', 'campaign',
       public.json_number(r.held -> 'VALUE_NOT_MEASURED')::numeric)
    ) w (code, sentence, what, n)
    cross join lateral (select w.code, array[w.sentence, w.what] as told, w.n) v
    where v.n > 0 group by v.code, v.told
  ), rules as (
    select array_agg(distinct format('%s: %s', s ->> 'rule_name', s ->> 'error')) as flaws
    from runs r cross join jsonb_array_elements(r.skipped) s
  )
  select c.code, 'look', format(c.told[1], public.counted_words(c.n, c.told[2])), '{}'::text[],
    jsonb_build_object('count', c.n, 'run_id', c.run_id)
  from counted c
  union all
  select 'RULES_SKIPPED', 'look',
    format('The last run passed over %s that cannot be read.', public.counted_words(cardinality(r.flaws), 'rule')),
    r.flaws[:5], jsonb_build_object('count', cardinality(r.flaws))
  from rules r where cardinality(r.flaws) > 0;
$$;
comment on function public.dashboard_state_of_summaries(integer, timestamptz) is
  'Part of dashboard_state: what the last runs say of failures, doubtful figures and bad rules. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_data(p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  -- A feed is an account: a single campaign may have stopped for reasons of its own. Nearly always
  -- one of its first twenty campaigns is fresh, and the others need not be looked at.
  with bound as (
    select p_now - p.max_data_age_hours::float8 * interval '1 hour' as oldest from public.autonomy_policy p
  ), feeds as materialized (
    select c.account, count(*) as campaigns, (array_agg(c.id))[1:20] as some
    from public.campaigns c where c.status = 'active' or lower(c.status) = 'active' group by c.account
  ), doubtful as materialized (
    select f.account, f.campaigns from feeds f cross join bound b
    where not exists (select from unnest(f.some) s (id) join public.campaign_facts k on k.campaign_id = s.id
                      where k.data_at >= b.oldest and isfinite(k.data_at))
  ), seen as (
    select d.account, d.campaigns, max(k.data_at) filter (where isfinite(k.data_at)) as newest
    from doubtful d
    join public.campaigns c on c.account = d.account and (c.status = 'active' or lower(c.status) = 'active')
    left join public.campaign_facts k on k.campaign_id = c.id
    group by d.account, d.campaigns
  ), late as (
    select count(*) as feeds, sum(s.campaigns)::bigint as campaigns, max(s.newest) as newest, min(s.account) as account,
           (select count(*) from feeds) as all_feeds
    from seen s cross join bound b where s.newest < b.oldest
  )
  select 'STALE_DATA', 'act',
    format('No new figures%s have come in since %s: %s is judged until they do.',
      case when l.feeds = 1 and l.all_feeds > 1 then ' of the account ' || l.account
           when l.all_feeds > 1 then format(' of %s of %s accounts', l.feeds, l.all_feeds) else '' end,
      public.dashboard_clock(l.newest),
      case when l.feeds = l.all_feeds then 'nothing' when l.feeds = 1 then 'none of its campaigns'
           else 'none of their campaigns' end),
    '{}'::text[], jsonb_build_object('accounts', l.feeds, 'campaigns', l.campaigns, 'newest_at', l.newest)
  from late l where l.feeds > 0
  union all
  select 'NO_DATA', 'look', 'No figures of any active campaign have come in yet.', '{}',
    jsonb_build_object('campaigns', sum(s.campaigns))
  from seen s having count(*) > 0 and count(s.newest) = 0 and count(*) = (select count(*) from feeds);
$$;
comment on function public.dashboard_state_of_data(timestamptz) is
  'Part of dashboard_state: accounts whose newest figures are older than policy.max_data_age_hours. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_work(p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with pending as (
    select count(*) as n, min(a.created_at) + p.approval_hours::float8 * interval '1 hour' as expires
    from public.autonomy_policy p
    join public.autonomous_actions a
      on a.status = 'pending' and a.created_at > p_now - p.approval_hours::float8 * interval '1 hour'
    group by p.approval_hours
  ), critical as (
    select count(*) as n, count(*) filter (where o.first_seen_at < p_now - interval '48 hours') as overdue
    from public.optimization_opportunities o where o.status = 'open' and o.severity = 'critical'
  )
  select 'APPROVALS_WAITING', 'act', format('%s for your decision; the first lapses in %s.',
      case when w.n = 1 then '1 proposal waits' else public.dashboard_amount(w.n, 0) || ' proposals wait' end,
      case when m.minutes < 90 then public.counted_words(m.minutes, 'minute')
           else public.counted_words(m.minutes / 60, 'hour') end),
    '{}'::text[], jsonb_build_object('waiting', w.n, 'expires_at', w.expires)
  from pending w
  cross join lateral (select greatest(ceil(extract(epoch from w.expires - p_now) / 60), 1)::bigint as minutes) m
  where w.n > 0
  union all
  -- the guide wants critical ones looked at within two days
  select 'CRITICAL_OPPORTUNITIES', case when c.overdue > 0 then 'act' else 'look' end,
    case when c.n = 1 then '1 critical opportunity is open'
         else public.dashboard_amount(c.n, 0) || ' critical opportunities are open' end
    || case when c.overdue = 0 then '.' when c.overdue = c.n then ', for more than 48 hours.'
            else format(', %s of them for more than 48 hours.', public.dashboard_amount(c.overdue, 0)) end,
    '{}', jsonb_build_object('open', c.n, 'overdue', c.overdue)
  from critical c where c.n > 0;
$$;
comment on function public.dashboard_state_of_work(timestamptz) is
  'Part of dashboard_state: proposals that wait, critical opportunities. Reads only. [autonomous-operations]';

create function public.dashboard_changes_since(p_since timestamptz)
returns table (campaigns bigint, paused bigint, moved numeric, net numeric)
language sql stable set search_path = ''
as $$
  -- What stands of what was done: state after minus state before, added up, is what has changed in
  -- all. A campaign that is not active has no budget a day.
  with acted as (
    select a.campaign_id, s.active_before, s.active_after,
      case when s.active_before and jsonb_typeof(a.previous_state -> 'budget') = 'number'
        then (a.previous_state -> 'budget')::numeric else 0 end as before,
      case when s.active_after and jsonb_typeof(a.new_state -> 'budget') = 'number'
        then (a.new_state -> 'budget')::numeric else 0 end as after
    from public.autonomy_policy p
    join public.autonomous_actions a on a.status = 'executed' and coalesce(a.executed_at, a.created_at) > p_since
      and a.created_at > p_since - p.approval_hours::float8 * interval '1 hour'
    cross join lateral (select coalesce(lower(a.previous_state ->> 'status') = 'active', false) as active_before,
                               coalesce(lower(a.new_state ->> 'status') = 'active', false) as active_after) s
  ), changed as (
    select sum(c.active_after::integer - c.active_before::integer) as turned, sum(c.after - c.before) as net
    from acted c where c.before between 0 and 1e12 and c.after between 0 and 1e12 group by c.campaign_id
  )
  select count(*) filter (where c.net <> 0 or c.turned <> 0), count(*) filter (where c.turned < 0),
         coalesce(sum(abs(c.net)), 0), coalesce(sum(c.net), 0)
  from changed c;
$$;
comment on function public.dashboard_changes_since(timestamptz) is
  'What executed actions have changed since then and was not taken back: campaigns, of these paused, budget a day moved either way, and its sum. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_changes(p_since timestamptz, p_span text)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  with active as (
    select count(*) as campaigns, coalesce(sum(c.budget) filter (where c.budget between 0 and 1e12), 0) as budget
    from public.campaigns c where c.status = 'active' or lower(c.status) = 'active'
  ), seen as (
    select m.*, a.campaigns + m.paused as campaigns_before, a.budget - m.net as budget_before,
      m.paused::numeric / nullif(a.campaigns + m.paused, 0) as paused_share,
      m.moved / nullif(greatest(a.budget - m.net, 0), 0) as moved_share
    from active a cross join public.dashboard_changes_since(p_since) m
  )
  -- from half of what a run may do in a day a person should know
  select 'MANY_PAUSED',
    case when s.paused_share > p.pause_breaker_share and s.paused > p.pause_breaker_count then 'act' else 'look' end,
    format('%s of %s active campaigns %s paused %s, %s%% of them; above %s%% in a day a run asks first.',
      public.dashboard_amount(s.paused, 0), public.dashboard_amount(s.campaigns_before, 0),
      case when s.paused = 1 then 'was' else 'were' end, p_span,
      round(100 * s.paused_share), trim_scale(100 * p.pause_breaker_share)),
    '{}'::text[], jsonb_build_object('paused', s.paused, 'campaigns', s.campaigns_before,
      'share', round(s.paused_share, 4), 'limit', p.pause_breaker_share, 'since', p_since)
  from seen s, public.autonomy_policy p where s.paused_share > p.pause_breaker_share / 2
  union all
  select 'BUDGET_MOVED',
    case when s.moved_share > p.growth_breaker_share and s.campaigns > p.growth_breaker_count then 'act' else 'look' end,
    format('Budgets of %s a day were moved %s, %s%% of what is active; above %s%% in a day raises stop.',
      public.dashboard_amount(s.moved), p_span, round(100 * s.moved_share), trim_scale(100 * p.growth_breaker_share)),
    '{}', jsonb_build_object('campaigns', s.campaigns, 'moved', round(s.moved, 2), 'net', round(s.net, 2),
      'share', round(s.moved_share, 4), 'limit', p.growth_breaker_share, 'since', p_since)
  from seen s, public.autonomy_policy p where s.moved_share > p.growth_breaker_share / 2;
$$;
comment on function public.dashboard_state_of_changes(timestamptz, text) is
  'Part of dashboard_state: how much was changed, beside what a run may change in a day. Reads only. [autonomous-operations]';

create function public.dashboard_state_of_roi(p_now timestamptz)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language sql stable set search_path = ''
as $$
  -- The last seven complete days beside the seven before. A fall is told from chance: at the roi of
  -- before, revenue of so many orders varies by its square root (and by the orders' own values).
  with today as (
    select (p_now at time zone p.time_zone)::date as day, p.prior_cv2, p.break_even_roi,
      public.mean_matured_share(h.hours, h.hours + 168, p.conversion_delay_hours::float8) as matured
    from public.autonomy_policy p
    cross join lateral (select extract(epoch from
      p_now - (p_now at time zone p.time_zone)::date::timestamp at time zone p.time_zone)::float8 / 3600 as hours) h
  ), weeks as (
    select t.*, w.*, w.conversions * w.spend_now / nullif(w.spend, 0) as expected
    from today t
    cross join lateral (
      select sum(d.spend) filter (where d.day >= t.day - 7)::float8 as spend_now,
        sum(d.revenue) filter (where d.day >= t.day - 7)::float8 as revenue_now,
        sum(d.spend) filter (where d.day < t.day - 7)::float8 as spend,
        sum(d.revenue) filter (where d.day < t.day - 7)::float8 as revenue,
        sum(d.conversions) filter (where d.day < t.day - 7)::float8 as conversions
      from public.dashboard_performance_days d where d.day >= t.day - 14 and d.day < t.day) w
  ), rois as (
    select w.revenue_now / w.spend_now as now, w.revenue / w.spend as before, w.matured, w.break_even_roi,
      sqrt((1 + w.prior_cv2) * (1 / w.conversions + 1 / w.expected)) as error, w.spend_now
    from weeks w where w.spend_now > 0 and w.spend > 0 and w.revenue > 0 and w.conversions >= 10 and w.expected >= 10
  )
  select 'FALLING_ROI', case when r.now < r.break_even_roi then 'act' else 'look' end,
    format('ROI has fallen to %sx in the last 7 complete days, from %sx in the 7 before%s.',
      round(r.now::numeric, 2), round(r.before::numeric, 2),
      case when r.now < r.break_even_roi then ': the account loses money' else '' end),
    '{}'::text[], jsonb_build_object('roi', round(r.now::numeric, 4), 'roi_before', round(r.before::numeric, 4),
      'spend', round(r.spend_now::numeric, 2), 'matured_share', round(r.matured::numeric, 4))
  from rois r
  where r.now / r.matured <= 0.8 * r.before and r.now / r.matured - r.before <= -2 * r.before * r.error;
$$;
comment on function public.dashboard_state_of_roi(timestamptz) is
  'Part of dashboard_state: a fall of the roi of all campaigns by a fifth or more that chance does not explain (two standard errors), late conversions allowed for. Reads only. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Overview
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_overview(
  p_days integer default 30, p_since timestamptz default null, p_run_interval_minutes integer default 60,
  p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_today date := (p_now at time zone v_policy.time_zone)::date;
  v_left integer := (public.dashboard_refresh() ->> 'left')::integer;
begin
  return jsonb_build_object(
    'state', public.dashboard_state(p_since, p_run_interval_minutes, p_now),
    'policy', to_jsonb(v_policy),
    'now', p_now,
    'today', v_today,
    'stale_days', v_left,
    'last_run', (
      select public.dashboard_run_json(r) from public.autonomous_runs r
      where r.status <> 'running' order by r.started_at desc, r.id desc limit 1),
    'running', (
      select count(*) from public.autonomous_runs r
      where r.status = 'running' and r.lease_expires_at > clock_timestamp()),
    'last_success_at', (
      select r.started_at from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1),
    'campaigns', (
      select jsonb_build_object('all', count(*), 'active', count(*) filter (where lower(c.status) = 'active'),
        'active_budget', coalesce(sum(c.budget) filter (where lower(c.status) = 'active'), 0))
      from public.campaigns c),
    'totals', public.dashboard_action_totals(date '-infinity', date 'infinity'),
    'recent', public.dashboard_action_totals(v_today - 1, date 'infinity'),
    'opportunities', (
      select jsonb_build_object(
        'unresolved', count(*),
        'critical', count(*) filter (where o.severity = 'critical'),
        'high', count(*) filter (where o.severity = 'high'),
        'overdue', count(*) filter (where o.first_seen_at < p_now - interval '48 hours'))
      from public.optimization_opportunities o where o.status in ('open', 'in_progress')),
    'days', public.dashboard_days(v_today - p_days + 1, v_today));
end $$;
comment on function public.dashboard_overview(integer, timestamptz, integer, timestamptz) is
  'What the overview page shows: state (see dashboard_state), policy, last run, totals, opportunities, the last p_days days. Brings daily figures up to date first. [autonomous-operations]';

create function public.dashboard_worth(p_measured numeric, p_money float8, p_error_squares float8) returns jsonb
language sql immutable set search_path = ''
as $$
  select jsonb_build_object('measured', coalesce(p_measured, 0),
    'money', round(p_money::numeric, 2),
    'money_low', round((p_money - 1.645 * sqrt(p_error_squares))::numeric, 2),
    'money_high', round((p_money + 1.645 * sqrt(p_error_squares))::numeric, 2));
$$;
comment on function public.dashboard_worth(numeric, float8, float8) is
  'Measured money with its 90 % interval, from sums. Only computes. [autonomous-operations]';

create function public.dashboard_action_totals(p_from date, p_to date) returns jsonb
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
    'saved', public.dashboard_worth(sum(measured) filter (where pause), sum(money) filter (where pause), sum(error_squares) filter (where pause)),
    'earned', public.dashboard_worth(sum(measured) filter (where not pause), sum(money) filter (where not pause), sum(error_squares) filter (where not pause)))
  from (select *, status in ('executed', 'rolled_back') as done, action_type = 'auto_pause' as pause
        from public.dashboard_action_days) d
  where d.day between p_from and p_to;
$$;
comment on function public.dashboard_action_totals(date, date) is
  'Actions counted over days, both ends included; what was rolled back later was done, too. Reads only. [autonomous-operations]';

create function public.dashboard_days(p_from date, p_to date) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'day', g.day::date, 'spend', p.spend, 'revenue', p.revenue, 'clicks', p.clicks, 'conversions', p.conversions,
    'roi', p.revenue::float8 / nullif(p.spend, 0)::float8,
    'paused', coalesce(a.paused, 0), 'scaled', coalesce(a.scaled, 0), 'other', coalesce(a.other, 0))
    order by g.day), '[]')
  from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g (day)
  left join public.dashboard_performance_days p on p.day = g.day::date
  left join (
    select day, sum(actions) filter (where action_type = 'auto_pause') as paused,
           sum(actions) filter (where action_type = 'auto_scale_up') as scaled,
           sum(actions) filter (where action_type not in ('auto_pause', 'auto_scale_up')) as other
    from public.dashboard_action_days where status in ('executed', 'rolled_back') group by day
  ) a on a.day = g.day::date;
$$;
comment on function public.dashboard_days(date, date) is
  'One object a day: spend, revenue, clicks, conversions, roi of all campaigns, and the actions of that day. Reads only. [autonomous-operations]';

create function public.dashboard_attention(p_limit integer default 6, p_now timestamptz default now())
returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_under uuid[];
  v_scaling uuid[];
  v_under_count bigint;
  v_scaling_count bigint;
begin
  -- The questions of identify_underperforming_campaigns() and identify_scaling_candidates(), with
  -- evidence weighed for the few that are shown only.
  with found as materialized (
    -- First what the narrow table alone can tell, then the state of those.
    select p.campaign_id, p.total_revenue < p.total_spend as under, (p.total_revenue - p.total_spend)::float8 as profit
    from public.campaign_performance p
    where (p.total_spend >= 50 and p.total_revenue < p.total_spend)
       or (p.conversions >= 10 and p.total_spend > 0 and p.total_revenue >= 3 * p.total_spend)
  ), live as materialized (
    select f.* from found f join public.campaigns c on c.id = f.campaign_id
    where (c.status = 'active' or lower(c.status) = 'active')
      and (not f.under or c.created_at <= p_now - interval '24 hours')
  )
  select array(select l.campaign_id from live l where l.under order by l.profit, l.campaign_id limit p_limit),
         array(select l.campaign_id from live l where not l.under order by l.profit desc, l.campaign_id limit p_limit),
         count(*) filter (where l.under), count(*) filter (where not l.under)
  into v_under, v_scaling, v_under_count, v_scaling_count from live l;

  return (
    with seen as materialized (
      select c.*, c.revenue / nullif(c.spend, 0) as roi, 100 * c.clicks / nullif(c.impressions, 0) as ctr,
             100 * c.conversions / nullif(c.clicks, 0) as conversion_rate,
             public.counted_words(greatest(1, floor(coalesce(c.hours_running, 24) / 24 + 0.5))::bigint, 'day') as days,
             public.cut_confidence(100::float8 * public.probability_below(greatest(v_policy.break_even_roi, 1)::float8,
               c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share, v_policy.prior_mean_roi,
               v_policy.prior_tau2, v_policy.prior_order_value, v_policy.prior_cv2)) as loses,
             public.cut_confidence(100::float8 * (1::float8 - public.probability_below(
               least(v_policy.break_even_roi::float8 / v_policy.marginal_return_ratio::float8, 3::float8),
               c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share, v_policy.prior_mean_roi,
               v_policy.prior_tau2, v_policy.prior_order_value, v_policy.prior_cv2))) as grows,
             least(round(c.budget * 1.5, 2), trunc(v_policy.max_budget, 2)) as suggested
      from public.candidate_rows(v_under || v_scaling, p_now) c
    )
    select jsonb_build_object(
      'underperforming_count', v_under_count,
      'underperforming', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'campaign_id', s.campaign_id, 'campaign_title', s.title, 'current_budget', s.budget,
          'total_spend', round(s.spend::numeric, 2), 'roi', round(s.roi::numeric, 4), 'ctr', round(s.ctr::numeric, 4),
          'conversion_rate', round(s.conversion_rate::numeric, 4), 'confidence_score', round(s.loses::numeric, 2),
          'recommendation', case when s.loses < 50 then 'Wait' when s.loses < 80 then 'Watch, or pause' else 'Pause' end
            || format(': %s for %s in revenue over %s, %s %% likely to lose money', public.money_words(s.spend),
                      public.money_words(s.revenue), s.days, least(99, greatest(1, floor(s.loses + 0.5)))))
          order by s.revenue - s.spend, s.campaign_id), '[]')
        from seen s where s.campaign_id = any (v_under)),
      'scaling_count', v_scaling_count,
      'scaling', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'campaign_id', s.campaign_id, 'campaign_title', s.title, 'current_budget', s.budget,
          'suggested_budget', s.suggested, 'roi', round(s.roi::numeric, 4), 'conversions', s.conversions,
          'ctr', round(s.ctr::numeric, 4), 'confidence_score', round(s.grows::numeric, 2),
          'reasoning', format('%s for %s in revenue over %s, %s %% likely that more budget earns its keep',
                              public.money_words(s.spend), public.money_words(s.revenue), s.days,
                              least(99, greatest(1, floor(s.grows + 0.5)))))
          order by s.revenue - s.spend desc, s.campaign_id), '[]')
        from seen s where s.campaign_id = any (v_scaling))));
end $$;
comment on function public.dashboard_attention(integer, timestamptz) is
  'The active campaigns that lose most and those that earn most above an roi of 3, p_limit each, and how many there are. Reads only. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Runs
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_run_json(r public.autonomous_runs) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', r.id, 'trigger', r.trigger, 'status', r.status, 'started_at', r.started_at,
    'finished_at', r.finished_at, 'dry_run', r.dry_run, 'mode', r.mode,
    'response_status', r.response_status, 'failed', jsonb_array_length(coalesce(r.summary -> 'failed', '[]')))
    || jsonb_build_object(
    'summary', coalesce(r.summary, '{}') - 'held_decisions' - 'actions' - 'failed');
$$;
comment on function public.dashboard_run_json(public.autonomous_runs) is
  'A run without its long lists. [autonomous-operations]';

create function public.dashboard_runs(p_after jsonb default null, p_limit integer default 50) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_rows jsonb;
  v_limit integer := least(greatest(p_limit, 1), 500);
begin
  select coalesce(jsonb_agg(public.dashboard_run_json(page) order by started_at desc, id desc), '[]') into v_rows
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
  select public.dashboard_run_json(r) || jsonb_build_object(
    'summary', coalesce(r.summary, '{}'),
    'actions_now', (
      select coalesce(jsonb_object_agg(s.status, s.n), '{}')
      from (select a.status, count(*) as n from public.autonomous_actions a where a.run_id = r.id group by a.status) s))
  from public.autonomous_runs r where r.id = p_run_id;
$$;
comment on function public.dashboard_run(uuid) is
  'One run with its whole summary and what became of its actions; NULL where there is none. Reads only. [autonomous-operations]';

create function public.dashboard_run_preview(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB' set statement_timeout = '55s'
as $$
declare
  v_portfolio jsonb := public.portfolio_state(p_now);
begin
  return (
    with run as materialized (
      select d from public.decided_run(public.shard_slots(null), false, p_now, v_portfolio) d
    ), weighed as materialized (
      select r.d, (r.d).verdict, (r.d).code, k.kind, coalesce(case k.kind
          when 'pause' then ((r.d).candidate).budget when 'resume' then (r.d).new_budget
          else abs((r.d).new_budget - ((r.d).candidate).budget) end, 0) as money
      from run r
      cross join lateral (select case (r.d).action_type when 'auto_pause' then 'pause' when 'auto_resume' then 'resume'
        else case when (r.d).new_budget > ((r.d).candidate).budget then 'raise' else 'lower' end end as kind) k
    )
    select jsonb_build_object(
      'mode', p.mode, 'frozen', p.frozen,
      'rules', (select count(*) from public.autonomous_rules r where r.is_active),
      'campaigns_evaluated', public.active_campaigns(null, v_portfolio),
      'changes', (
        select coalesce(jsonb_agg(to_jsonb(t)
          order by t.verdict, array_position(array['pause', 'raise', 'lower', 'resume'], t.kind)), '[]')
        from (select w.verdict, w.kind, count(*) as campaigns, round(sum(w.money), 2) as money
              from weighed w where w.verdict <> 'hold' group by 1, 2) t),
      'held', (select count(*) from weighed w where w.verdict = 'hold'),
      'largest', (
        select coalesce(jsonb_agg(public.autonomy_decision_entry(t) || jsonb_build_object('verdict', t.verdict)
          order by w.money desc, t.campaign_id), '[]')
        from (select * from weighed w where w.verdict <> 'hold' order by w.money desc, (w.d).campaign_id limit 10) w
        cross join lateral public.told_decisions(array[w.d]) t),
      'breakers', public.breaker_reports(v_portfolio, (
        select jsonb_object_agg(t.code, t.n) from (select code, count(*) as n from weighed group by code) t)))
    from public.autonomy_policy p);
end $$;
comment on function public.dashboard_run_preview(timestamptz) is
  'What a run would do now, in campaigns and budget a day: {"mode", "frozen", "rules", "campaigns_evaluated", "changes": [{"verdict": act or propose, "kind": pause, raise, lower or resume, "campaigns", "money"}], "held", "largest": ten decisions, "breakers"}. Reads only: not even a dry run is written down. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Campaigns
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_campaigns(
  p_title text default null, p_status text default null, p_after jsonb default null, p_limit integer default 50
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_rows jsonb;
  v_ids uuid[];
  v_spend numeric := (p_after ->> 'total_spend')::numeric;
  v_after uuid := (p_after ->> 'id')::uuid;
  v_limit integer := least(greatest(p_limit, 1), 500);
begin
  -- Those that spend most come first: they are what one looks for. Without a filter the narrow
  -- table alone knows them; campaigns without any spend come last, by id.
  if p_title is null and p_status is null then
    select array_agg(t.campaign_id order by t.total_spend desc, t.campaign_id) into v_ids from (
      select p.campaign_id, p.total_spend from public.campaign_performance p
      where p.total_spend > 0 and (p_after is null or p.total_spend < v_spend
        or (p.total_spend = v_spend and p.campaign_id > v_after))
      order by p.total_spend desc, p.campaign_id limit v_limit + 1) t;
  end if;
  if coalesce(cardinality(v_ids), 0) <= v_limit then
    select array_agg(t.id order by t.spend desc, t.id) into v_ids from (
      select c.id, coalesce(p.total_spend, 0) as spend
      from public.campaigns c left join public.campaign_performance p on p.campaign_id = c.id
      where (p_title is null or strpos(lower(c.title), lower(p_title)) > 0 or c.id::text = lower(p_title))
        and (p_status is null or lower(c.status) = lower(p_status))
        and (p_after is null or coalesce(p.total_spend, 0) < v_spend
             or (coalesce(p.total_spend, 0) = v_spend and c.id > v_after))
      order by coalesce(p.total_spend, 0) desc, c.id limit v_limit + 1) t;
  end if;
  select coalesce(jsonb_agg(to_jsonb(page) order by total_spend desc, id), '[]') into v_rows
  from (
    select c.id, c.title, c.status, c.budget, c.account, c.autonomous_enabled, c.hold_until,
           coalesce(p.total_spend, 0) as total_spend, coalesce(p.total_revenue, 0) as total_revenue,
           p.roi, coalesce(p.conversions, 0) as conversions
    from public.campaigns c left join public.campaign_performance p on p.campaign_id = c.id
    where c.id = any (v_ids)
  ) page;
  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('campaigns', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('campaigns', v_rows, 'next_after', jsonb_build_object(
    'total_spend', v_rows -> -1 -> 'total_spend', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_campaigns(text, text, jsonb, integer) is
  'Campaigns, the biggest spenders first: {"campaigns", "next_after"}; p_title: contained in the title, or the id. Reads only. [autonomous-operations]';

create function public.dashboard_campaign(
  p_campaign_id uuid, p_days integer default 60, p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_today date := public.dashboard_day(p_now);
begin
  select * into v_campaign from public.campaigns where id = p_campaign_id;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such campaign.';
  end if;
  return jsonb_build_object(
    'now', p_now,
    'today', v_today,
    'campaign', to_jsonb(v_campaign) || jsonb_build_object(
      'hours_running', extract(epoch from p_now - v_campaign.created_at) / 3600),
    'performance', (select to_jsonb(p) from public.campaign_performance p where p.campaign_id = p_campaign_id
      -- in an older shape several rows may name one campaign; facts_of_campaigns says which speaks
      order by p.updated_at desc nulls last, p.impressions desc nulls last, p.total_spend desc nulls last, p.ctid desc limit 1),
    'days', (
      select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'spend', d.spend, 'revenue', d.revenue,
        'clicks', d.clicks, 'conversions', d.conversions, 'impressions', d.impressions,
        'roi', d.revenue::float8 / nullif(d.spend, 0)::float8) order by d.day), '[]')
      from public.campaign_daily d
      where d.campaign_id = p_campaign_id and d.day between v_today - p_days + 1 and v_today),
    'actions', public.dashboard_actions(jsonb_build_object('campaign_id', p_campaign_id), null::jsonb, 50) -> 'actions',
    'changes', (
      select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc), '[]')
      from (select * from public.campaign_changes where campaign_id = p_campaign_id order by id desc limit 20) h),
    'opportunities', (
      select coalesce(jsonb_agg(public.dashboard_opportunity_json(o, v_campaign.title, p_now)
        order by o.first_seen_at desc), '[]')
      from (select * from public.optimization_opportunities where campaign_id = p_campaign_id
            and status in ('open', 'in_progress') limit 20) o),
    'last_run', (
      select jsonb_build_object('id', r.id, 'started_at', r.started_at, 'mode', r.mode,
        'shard', r.summary ->> 'shard', 'breakers', r.summary -> 'breakers',
        'held_all', (select coalesce(sum(h.value::numeric), 0) from jsonb_each_text(r.summary -> 'held') h),
        'held_listed', jsonb_array_length(coalesce(r.summary -> 'held_decisions', '[]')),
        'decision', (
          select d from jsonb_array_elements(coalesce(r.summary -> 'failed', '[]')
            || coalesce(r.summary -> 'actions', '[]') || coalesce(r.summary -> 'held_decisions', '[]')) d
          where d ->> 'campaign_id' = p_campaign_id::text limit 1))
      from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1));
end $$;
comment on function public.dashboard_campaign(uuid, integer, timestamptz) is
  'One campaign: state, totals, daily figures, actions, changes, opportunities, what the last run made of it. Reads only. Raises AO003. [autonomous-operations]';

create function public.dashboard_set_campaign(
  p_campaign_id uuid, p_changes jsonb, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_key text;
begin
  perform public.simulated_moment(p_now);
  for v_key in select jsonb_object_keys(p_changes) loop
    if v_key not in ('autonomous_enabled', 'hold_until') then
      raise exception using errcode = 'AO010', message = format('%s cannot be set here.', v_key),
        hint = 'Settings: autonomous_enabled, hold_until.';
    end if;
  end loop;
  update public.campaigns set
    autonomous_enabled = coalesce((p_changes ->> 'autonomous_enabled')::boolean, autonomous_enabled),
    hold_until = case when p_changes ? 'hold_until' then (p_changes ->> 'hold_until')::timestamptz else hold_until end,
    updated_at = p_now
  where id = p_campaign_id;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such campaign.';
  end if;
  return (select jsonb_build_object('campaign_id', c.id, 'autonomous_enabled', c.autonomous_enabled,
    'hold_until', c.hold_until) from public.campaigns c where c.id = p_campaign_id);
end $$;
comment on function public.dashboard_set_campaign(uuid, jsonb, timestamptz) is
  'Puts a campaign on hold (hold_until), releases it (null), or switches autonomous_enabled. Safe to call again. Raises AO003, AO010, AO014. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Rules
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_rules(p_now timestamptz default now()) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(r) || jsonb_build_object(
    'last_change', h.changed_at,
    'watch', coalesce(h.changed_at > p_now - interval '7 days', false)
      and (h.before is not null or r.created_by is distinct from 'system'))
    order by r.priority desc, r.rule_name collate "C", r.id), '[]')
  from public.autonomous_rules r
  left join lateral (
    select c.changed_at, c.before from public.autonomous_rule_changes c
    where c.rule_id = r.id order by c.changed_at desc, c.id desc limit 1
  ) h on true;
$$;
comment on function public.dashboard_rules(timestamptz) is
  'All rules by priority; watch: changed within 7 days. Reads only. [autonomous-operations]';

create function public.dashboard_scoreboard(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_from date := public.dashboard_day(p_now) - 90;
begin
  perform public.dashboard_refresh();
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'rule_id', s.rule_id, 'rule_name', coalesce(r.rule_name, case when s.rule_id is null then 'By hand' else 'A rule that was deleted' end),
      'is_active', r.is_active, 'actions', s.actions, 'rolled_back', s.rolled_back, 'measured', s.measured,
      'improved', s.improved, 'regressed', s.regressed,
      'pauses', s.pauses, 'false_pause_share', round((100 * s.false_pauses / nullif(s.pauses, 0))::numeric, 1),
      'mean_confidence', round((s.confidence / nullif(s.judged, 0))::numeric, 1),
      'right_share', round((100 * s.right_sum / nullif(s.judged, 0))::numeric, 1),
      'flagged', s.rule_id is not null and s.measured >= 5 and s.money + 1.645 * sqrt(s.error_squares) < 0)
      || public.dashboard_worth(s.measured, s.money, s.error_squares)
      order by r.priority desc nulls last, r.rule_name, s.rule_id), '[]')
    from (
      select nullif(d.rule_id, '00000000-0000-0000-0000-000000000000') as rule_id, sum(d.actions) as actions, coalesce(sum(d.actions) filter (where d.status = 'rolled_back'), 0) as rolled_back,
             sum(d.measured) as measured, sum(d.improved) as improved, sum(d.regressed) as regressed,
             sum(d.money) as money, sum(d.error_squares) as error_squares, sum(d.judged) as judged,
             sum(d.judged_confidence_sum) as confidence, sum(d.right_sum) as right_sum,
             coalesce(sum(d.judged) filter (where d.action_type = 'auto_pause'), 0) as pauses,
             sum(d.judged - d.right_sum) filter (where d.action_type = 'auto_pause') as false_pauses
      from public.dashboard_action_days d
      where d.day > v_from and d.status in ('executed', 'rolled_back') group by d.rule_id
    ) s left join public.autonomous_rules r on r.id = s.rule_id);
end $$;
comment on function public.dashboard_scoreboard(timestamptz) is
  'What each rule did in 90 days and what it was worth, from the daily figures: rule_scoreboard without its suggestions, in milliseconds. [autonomous-operations]';

create function public.dashboard_rule_history(p_rule_id uuid default null, p_limit integer default 50) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_agg(to_jsonb(h) order by h.id desc), '[]') from (
    select * from public.autonomous_rule_changes c
    where p_rule_id is null or c.rule_id = p_rule_id
    order by c.id desc limit least(greatest(p_limit, 1), 500)
  ) h;
$$;
comment on function public.dashboard_rule_history(uuid, integer) is
  'Changes of one rule or of all, newest first. Reads only. [autonomous-operations]';

create function public.dashboard_save_rule(
  p_rule jsonb, p_rule_id uuid default null, p_actor text default null, p_seen timestamptz default null
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_rule public.autonomous_rules;
begin
  perform set_config('autonomy.actor', coalesce(p_actor, ''), true);
  if p_rule_id is null then
    insert into public.autonomous_rules (rule_name, rule_type, condition, action, priority, is_active, created_by)
    values (p_rule ->> 'rule_name', p_rule ->> 'rule_type', p_rule -> 'condition', p_rule -> 'action',
            coalesce((p_rule ->> 'priority')::integer, 50), coalesce((p_rule ->> 'is_active')::boolean, false), p_actor)
    returning * into v_rule;
    return to_jsonb(v_rule);
  end if;

  select * into v_rule from public.autonomous_rules where id = p_rule_id for update;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such rule.';
  end if;
  if p_seen is not null and p_seen is distinct from v_rule.updated_at then
    raise exception using errcode = 'AO004', message = 'Somebody else changed this rule in the meantime.',
      hint = 'Load the rule again and repeat your change.';
  end if;
  update public.autonomous_rules set
    rule_name = coalesce(p_rule ->> 'rule_name', rule_name),
    rule_type = coalesce(p_rule ->> 'rule_type', rule_type),
    condition = coalesce(p_rule -> 'condition', condition),
    action = coalesce(p_rule -> 'action', action),
    priority = coalesce((p_rule ->> 'priority')::integer, priority),
    is_active = coalesce((p_rule ->> 'is_active')::boolean, is_active),
    updated_at = clock_timestamp()
  where id = p_rule_id returning * into v_rule;
  return to_jsonb(v_rule);
end $$;
comment on function public.dashboard_save_rule(jsonb, uuid, text, timestamptz) is
  'Adds a rule (inactive unless it says otherwise) or changes the keys given; p_seen: the updated_at that the change is based on. Raises AO001 (bad rule), AO003 (no such rule), AO004 (changed meanwhile), 23505 (name exists). [autonomous-operations]';

create function public.dashboard_preview_rule(
  p_rule jsonb, p_rule_id uuid default null, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_portfolio jsonb := public.portfolio_state(p_now);
  v_before jsonb;
  v_after jsonb;
  v_id uuid := p_rule_id;
begin
  -- As the rules stand, then with this one in place; the second is undone by an exception, which
  -- takes back rows but not variables.
  v_before := public.dashboard_preview_summary(v_portfolio, v_id, p_now);
  begin
    v_id := (public.dashboard_save_rule(p_rule || '{"is_active": true}', p_rule_id, 'preview') ->> 'id')::uuid;
    v_after := public.dashboard_preview_summary(v_portfolio, v_id, p_now);
    raise exception using errcode = 'AO000', message = 'preview';
  exception when sqlstate 'AO000' then
    null;
  end;
  return jsonb_build_object('before', v_before, 'after', v_after);
end $$;
comment on function public.dashboard_preview_rule(jsonb, uuid, timestamptz) is
  'What a run would decide now, as the rules stand and with this rule saved and active: {"before", "after"}. Writes nothing that lasts. Raises AO001, AO003, 23505. [autonomous-operations]';

create function public.dashboard_preview_summary(p_portfolio jsonb, p_rule_id uuid, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  -- All are counted; only those that are shown are put into words.
  return (
    with run as materialized (
      select d from public.decided_run(public.shard_slots(null), false, p_now, p_portfolio) d
    ), counted as materialized (
      select (r.d).rule_id is not distinct from p_rule_id as own, (r.d).verdict, (r.d).code, (r.d).action_type, count(*) as n
      from run r group by 1, 2, 3, 4
    )
    select jsonb_build_object(
      'all', (
        select coalesce(jsonb_object_agg(t.action_type, t.n), '{}')
        from (select action_type, sum(n) as n from counted where verdict <> 'hold' group by action_type) t),
      'own', (
        select coalesce(jsonb_object_agg(t.action_type, t.n), '{}')
        from (select action_type, sum(n) as n from counted where own and verdict <> 'hold' group by action_type) t),
      'held', (
        select coalesce(jsonb_object_agg(t.code, t.n), '{}')
        from (select code, sum(n) as n from counted where own and verdict = 'hold' group by code) t),
      'campaigns', (
        select coalesce(jsonb_agg(to_jsonb(t) - array['evidence', 'params', 'matched', 'expected_impact']
          order by t.verdict = 'hold', t.confidence desc, t.campaign_id), '[]')
        from public.told_decisions(array(
          select r.d from run r where (r.d).rule_id is not distinct from p_rule_id
          order by (r.d).verdict = 'hold', (r.d).confidence desc, (r.d).campaign_id limit 100)) t),
      'breakers', public.breaker_reports(p_portfolio, (
        select jsonb_object_agg(t.code, t.n) from (select code, sum(n) as n from counted group by code) t)),
      'campaigns_evaluated', public.active_campaigns(null, p_portfolio)));
end $$;
comment on function public.dashboard_preview_summary(jsonb, uuid, timestamptz) is
  'Part of dashboard_preview_rule: counts of all decisions and of one rule''s, and the first hundred of those. Only reads. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Health
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_ready() returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'last_success_at', (
      select r.started_at from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc, r.id desc limit 1),
    'schema', public.autonomy_schema_version());
$$;
comment on function public.dashboard_ready() is
  'What /readyz asks: when the last successful run began, and which migrations were applied. Reads only. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The doors: failed sign-ins, ended sessions
-- ---------------------------------------------------------------------------------------------
create function public.dashboard_sign_in_failed(
  p_source text, p_limit integer default 10, p_window_seconds integer default 900
) returns jsonb language plpgsql set search_path = ''
as $$
begin
  delete from public.dashboard_failed_sign_ins
  where failed_at < clock_timestamp() - make_interval(secs => 3600);
  insert into public.dashboard_failed_sign_ins (source, failed_at) values (left(p_source, 200), clock_timestamp());
  return public.dashboard_sign_in_state(p_source, p_limit, p_window_seconds);
end $$;
comment on function public.dashboard_sign_in_failed(text, integer, integer) is
  'Counts a failed try and answers as dashboard_sign_in_state. Each call counts. [autonomous-operations]';

create function public.dashboard_sign_in_state(
  p_source text, p_limit integer default 10, p_window_seconds integer default 900
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_since timestamptz := clock_timestamp() - make_interval(secs => p_window_seconds);
  v_oldest timestamptz;
begin
  -- Blocked while the last p_limit tries all lie within the window.
  select f.failed_at into v_oldest from public.dashboard_failed_sign_ins f
  where f.source = left(p_source, 200) and f.failed_at >= v_since
  order by f.failed_at desc offset greatest(p_limit, 1) - 1 limit 1;
  return jsonb_build_object('blocked', v_oldest is not null, 'retry_after_seconds',
    coalesce(ceil(extract(epoch from v_oldest - v_since))::integer, 0));
end $$;
comment on function public.dashboard_sign_in_state(text, integer, integer) is
  '{"blocked", "retry_after_seconds"}: whether this source failed p_limit times within the window. Reads only. [autonomous-operations]';

create function public.dashboard_end_session(p_session text, p_ends_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  delete from public.dashboard_ended_sessions where ends_at < clock_timestamp();
  insert into public.dashboard_ended_sessions (session, ends_at)
  values (left(p_session, 200), p_ends_at) on conflict do nothing;
end $$;
comment on function public.dashboard_end_session(text, timestamptz) is
  'Remembers an ended session until it would have run out anyway. Safe to call again. [autonomous-operations]';

create function public.dashboard_session_ended(p_session text) returns boolean
language sql stable set search_path = ''
as $$
  select exists (select from public.dashboard_ended_sessions where session = left(p_session, 200));
$$;
comment on function public.dashboard_session_ended(text) is
  'Whether this session was ended. Reads only. [autonomous-operations]';

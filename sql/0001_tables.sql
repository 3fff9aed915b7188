-- Tables, their rights aside (0011). Safe to run again; runs on an empty database, and on one
-- that has campaigns and campaign_performance from earlier phases, whose rows, views and
-- writers it leaves working.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- Before anything is changed: is this a database that we can live in?
-- ---------------------------------------------------------------------------------------------
do $$
declare
  v_found record;
  v_theirs text;
begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception using errcode = 'AO010',
      message = 'PostgreSQL 15 or later is needed; this is ' || current_setting('server_version') || '.';
  end if;

  for v_found in
    select format('%I.%I', c.relname, a.attname) as col, format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and (c.relname, a.attname) in (
        ('campaigns', 'id'), ('campaign_performance', 'campaign_id'), ('autonomous_actions', 'id'),
        ('autonomous_actions', 'campaign_id'), ('autonomous_rules', 'id'),
        ('optimization_opportunities', 'id'), ('optimization_opportunities', 'campaign_id'))
      and a.atttypid <> 'uuid'::regtype
  loop
    raise exception using errcode = 'AO010',
      message = format('The column %s is of type %s here; this system needs uuid.', v_found.col, v_found.type),
      hint = 'Nothing has been changed. Give that column the type uuid, then run the migrations again.';
  end loop;

  for v_found in
    select c.relname from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind not in ('r', 'p', 'i', 'I', 'S', 't', 'c')
      and c.relname in ('campaigns', 'campaign_performance', 'autonomous_actions', 'autonomous_rules',
                        'optimization_opportunities')
  loop
    raise exception using errcode = 'AO010',
      message = format('public.%I is not a table here; this system needs a table of that name.', v_found.relname),
      hint = 'Nothing has been changed. Rename that view, then run the migrations again.';
  end loop;

  -- Tables that were here before keep their rights and their comments: 0011 asks for the marker.
  select coalesce(string_agg(c.relname, ','), '') into v_theirs
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%[autonomous-operations]';
  perform set_config('autonomy.theirs', v_theirs, true);
end $$;

-- ---------------------------------------------------------------------------------------------
-- What comes in: campaigns and their performance
-- ---------------------------------------------------------------------------------------------
create table if not exists public.campaigns (
  id uuid primary key default gen_random_uuid(),
  title text,
  status text default 'active',
  budget numeric(14,2),
  account text not null default 'default',
  autonomous_enabled boolean not null default true,
  hold_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint campaigns_budget_check check (budget between 0 and 999999999999.99)
);

create table if not exists public.campaign_performance (
  campaign_id uuid primary key references public.campaigns (id) on delete cascade,
  impressions bigint not null default 0,
  clicks bigint not null default 0,
  conversions bigint not null default 0,
  total_spend numeric(14,2) not null default 0,
  total_revenue numeric(14,2) not null default 0,
  order_value_cv2 numeric,
  roi numeric,
  ctr numeric,
  conversion_rate numeric,
  from_metrics boolean not null default false,
  updated_at timestamptz not null default now()
);

create table if not exists public.campaign_metrics (
  campaign_id uuid not null references public.campaigns (id) on delete cascade,
  bucket timestamptz not null,
  impressions bigint not null default 0 check (impressions >= 0),
  reach bigint not null default 0 check (reach >= 0),
  clicks bigint not null default 0 check (clicks >= 0),
  conversions bigint not null default 0 check (conversions >= 0),
  -- between, because NaN passes >= 0; a refund makes revenue negative, never spend
  spend numeric(14,2) not null default 0 check (spend between 0 and 999999999999.99),
  revenue numeric(14,2) not null default 0 check (revenue between -999999999999.99 and 999999999999.99),
  primary key (campaign_id, bucket)
);
create index if not exists campaign_metrics_bucket on public.campaign_metrics (bucket);

create table if not exists public.campaign_audience_metrics (
  campaign_id uuid not null references public.campaigns (id) on delete cascade,
  segment text not null,
  day date not null,
  impressions bigint not null default 0 check (impressions >= 0),
  reach bigint not null default 0 check (reach >= 0),
  clicks bigint not null default 0 check (clicks >= 0),
  conversions bigint not null default 0 check (conversions >= 0),
  spend numeric(14,2) not null default 0 check (spend between 0 and 999999999999.99),
  revenue numeric(14,2) not null default 0 check (revenue between -999999999999.99 and 999999999999.99),
  primary key (campaign_id, segment, day)
);

create table if not exists public.campaign_ab_tests (
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid not null references public.campaigns (id) on delete cascade,
  name text not null default '',
  status text not null default 'running' check (status in ('running', 'finished', 'cancelled')),
  variants jsonb not null default '[]' check (jsonb_typeof(variants) = 'array'),
  winner text,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  created_at timestamptz not null default now()
);
create index if not exists campaign_ab_tests_campaign on public.campaign_ab_tests (campaign_id)
  where status = 'running';

-- ---------------------------------------------------------------------------------------------
-- What is derived from it (0002 keeps these; nobody else writes them)
-- ---------------------------------------------------------------------------------------------
create table if not exists public.campaign_daily (
  campaign_id uuid not null,
  day date not null,
  impressions bigint not null,
  reach bigint not null,
  clicks bigint not null,
  conversions bigint not null,
  spend numeric not null,
  revenue numeric not null,
  primary key (campaign_id, day)
) with (fillfactor = 90);
create index if not exists campaign_daily_day on public.campaign_daily (day);

-- One row a campaign, read whole by every run. Rewritten in place every hour: no index but the
-- key, and a fifth of each page free, so that the new version of a row stays on its page.
create table if not exists public.campaign_facts (
  campaign_id uuid primary key,
  has_history boolean not null default false,
  as_of timestamptz,
  data_at timestamptz,
  cv2 float8,
  life_impressions float8, life_reach float8, life_clicks float8,
  life_conversions float8, life_spend float8, life_revenue float8,
  w1_impressions float8, w1_reach float8, w1_clicks float8,
  w1_conversions float8, w1_spend float8, w1_revenue float8,
  w3_impressions float8, w3_reach float8, w3_clicks float8,
  w3_conversions float8, w3_spend float8, w3_revenue float8,
  w7_impressions float8, w7_reach float8, w7_clicks float8,
  w7_conversions float8, w7_spend float8, w7_revenue float8,
  w14_impressions float8, w14_reach float8, w14_clicks float8,
  w14_conversions float8, w14_spend float8, w14_revenue float8,
  w30_impressions float8, w30_reach float8, w30_clicks float8,
  w30_conversions float8, w30_spend float8, w30_revenue float8,
  p1_impressions float8, p1_reach float8, p1_clicks float8,
  p1_conversions float8, p1_spend float8, p1_revenue float8,
  p3_impressions float8, p3_reach float8, p3_clicks float8,
  p3_conversions float8, p3_spend float8, p3_revenue float8,
  p7_impressions float8, p7_reach float8, p7_clicks float8,
  p7_conversions float8, p7_spend float8, p7_revenue float8,
  p14_impressions float8, p14_reach float8, p14_clicks float8,
  p14_conversions float8, p14_spend float8, p14_revenue float8,
  p30_impressions float8, p30_reach float8, p30_clicks float8,
  p30_conversions float8, p30_spend float8, p30_revenue float8,
  ev_spend float8, ev_conversions float8, ev_revenue float8, ev_days float8,
  ev_immature_spend float8,
  changed_at timestamptz not null default now()
) with (fillfactor = 80);

-- ---------------------------------------------------------------------------------------------
-- Rules, runs, actions, opportunities
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomous_rules (
  id uuid primary key default gen_random_uuid(),
  rule_name text not null unique,
  rule_type text not null,
  condition jsonb not null,
  action jsonb not null,
  priority integer not null default 50,
  is_active boolean not null default true,
  created_by text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint autonomous_rules_rule_type_check check (rule_type in ('pause', 'scale', 'optimize', 'create'))
);

create table if not exists public.autonomous_rule_changes (
  id bigint generated always as identity primary key,
  rule_id uuid,
  rule_name text,
  changed_at timestamptz not null default now(),
  actor text,
  before jsonb,
  after jsonb
);
create index if not exists autonomous_rule_changes_rule
  on public.autonomous_rule_changes (rule_id, changed_at desc);

create table if not exists public.autonomous_runs (
  id uuid primary key,
  idempotency_key text unique,
  request_hash text,
  trigger text not null default 'http',
  slots int4range,
  status text not null default 'running' check (status in ('running', 'completed', 'failed', 'abandoned')),
  lease_token uuid,
  lease_expires_at timestamptz,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  dry_run boolean not null default false,
  mode text not null default 'autonomous' check (mode in ('autonomous', 'approve', 'observe')),
  summary jsonb,
  response text,
  response_status integer,
  constraint autonomous_runs_one_per_slot exclude using gist (slots with &&) where (status = 'running')
);
create index if not exists autonomous_runs_started on public.autonomous_runs (started_at desc, id desc);

-- No foreign key to campaigns: what was done stays written down when a campaign goes.
create table if not exists public.autonomous_actions (
  id uuid primary key default gen_random_uuid(),
  run_id uuid,
  campaign_id uuid,
  rule_id uuid,
  action_type text not null,
  reason text,
  previous_state jsonb,
  new_state jsonb,
  confidence_score numeric(5,2),
  expected_impact jsonb,
  actual_impact jsonb,
  evidence jsonb,
  status text not null default 'pending',
  error text,
  created_at timestamptz not null default now(),
  executed_at timestamptz,
  rolled_back_at timestamptz,
  rolled_back_by text,
  rollback_reason text,
  actor text not null default 'autonomy',
  constraint autonomous_actions_action_type_check check (action_type in (
    'auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted',
    'optimization_applied', 'ab_test_created', 'targeting_refined', 'creative_refreshed')),
  constraint autonomous_actions_status_check check (status in ('pending', 'executed', 'rolled_back', 'failed')),
  constraint autonomous_actions_confidence_score_check check (confidence_score between 0 and 100)
);
create unique index if not exists autonomous_actions_one_pending
  on public.autonomous_actions (campaign_id) where status = 'pending';
create index if not exists autonomous_actions_campaign_executed
  on public.autonomous_actions (campaign_id, executed_at desc) where status = 'executed';
create index if not exists autonomous_actions_created on public.autonomous_actions (created_at desc, id desc);
create index if not exists autonomous_actions_run on public.autonomous_actions (run_id);
create index if not exists autonomous_actions_rule on public.autonomous_actions (rule_id, created_at desc);
create index if not exists autonomous_actions_status on public.autonomous_actions (status, created_at desc);
create index if not exists autonomous_actions_type on public.autonomous_actions (action_type, created_at desc);

create table if not exists public.optimization_opportunities (
  id uuid primary key default gen_random_uuid(),
  campaign_id uuid not null references public.campaigns (id) on delete cascade,
  opportunity_type text not null,
  severity text not null,
  description text,
  suggested_action text,
  estimated_impact jsonb,
  confidence_score numeric(5,2),
  figures jsonb not null default '{}',
  status text not null default 'open',
  first_seen_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  resolved_at timestamptz,
  created_at timestamptz not null default now(),
  constraint optimization_opportunities_severity_check check (severity in ('critical', 'high', 'medium', 'low')),
  constraint optimization_opportunities_status_check
    check (status in ('open', 'in_progress', 'resolved', 'dismissed')),
  constraint optimization_opportunities_confidence_score_check check (confidence_score between 0 and 100)
);
create unique index if not exists optimization_opportunities_one_unresolved
  on public.optimization_opportunities (campaign_id, opportunity_type) where status in ('open', 'in_progress');
create index if not exists optimization_opportunities_status
  on public.optimization_opportunities (status, last_seen_at desc);

create table if not exists public.campaign_changes (
  id bigint generated always as identity primary key,
  campaign_id uuid not null,
  changed_at timestamptz not null default now(),
  old_status text,
  new_status text,
  old_budget numeric(14,2),
  new_budget numeric(14,2),
  action_id uuid,
  kind text not null check (kind in ('created', 'outside', 'action', 'rollback', 'deleted')),
  actor text
);
create index if not exists campaign_changes_campaign on public.campaign_changes (campaign_id, id desc);
create index if not exists campaign_changes_time on public.campaign_changes (changed_at desc);

-- ---------------------------------------------------------------------------------------------
-- Which of these files this database has seen
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomy_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
);

drop function if exists public.autonomy_schema_version();
create function public.autonomy_schema_version() returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('name', max(m.name), 'checksum', (array_agg(m.checksum order by m.name desc))[1],
                              'files', coalesce(jsonb_object_agg(m.name, m.checksum), '{}'))
    from public.autonomy_migrations m);
end $$;
comment on function public.autonomy_schema_version() is
  'The newest migration of this database, {"name", "checksum", "files": {name: checksum}}. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The policy: one row, every limit stated, none of them ever missing
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomy_policy (
  id boolean primary key default true check (id),
  mode text not null default 'autonomous',
  frozen boolean not null default false,
  frozen_reason text not null default '',
  break_even_roi numeric not null default 1.0,
  marginal_return_ratio numeric not null default 0.5,
  min_confidence numeric not null default 50,
  cooldown_hours numeric not null default 24,
  min_pause_hours numeric not null default 24,
  max_data_age_hours numeric not null default 48,
  max_step numeric not null default 2.0,
  max_growth_7d numeric not null default 3.0,
  max_budget numeric not null default 50000,
  min_budget numeric not null default 1,
  pause_breaker_share numeric not null default 0.25,
  pause_breaker_count numeric not null default 5,
  growth_breaker_share numeric not null default 0.30,
  growth_breaker_count numeric not null default 5,
  tracking_breaker_ratio numeric not null default 0.40,
  tracking_breaker_min_expected numeric not null default 20,
  resume_when_proven_wrong boolean not null default true,
  resume_confidence numeric not null default 20,
  evidence_half_life_days numeric not null default 7,
  conversion_delay_hours numeric not null default 0,
  holdout_share numeric not null default 0,
  hold_days_after_rollback numeric not null default 7,
  approval_hours numeric not null default 24,
  prior_mean_roi float8 not null default 1.0,
  prior_tau2 float8 not null default 0.64,
  prior_order_value float8 not null default 50,
  prior_cv2 float8 not null default 0.5,
  prior_campaigns integer not null default 0,
  prior_fitted_at timestamptz not null default '-infinity',
  paused_text text not null default 'paused',
  time_zone text not null default 'UTC',
  updated_at timestamptz not null default now(),
  updated_by text not null default ''
);

drop function if exists public.autonomy_policy_limits() cascade;
create function public.autonomy_policy_limits()
returns table (setting text, low numeric, high numeric, unit text, meaning text)
language sql immutable set search_path = ''
as $$
  values
    ('break_even_roi', 0.01, 100, 'multiple', 'the roi at which a campaign earns its keep; 1.0 counts revenue only, 1.5 suits a margin of two thirds'),
    ('marginal_return_ratio', 0.01, 1, 'ratio', 'what the next unit of budget returns, as a share of the average one; budgets saturate, so half is assumed'),
    ('min_confidence', 0, 100, 'percent', 'no action below this probability of being right; 50 is never against the odds'),
    ('cooldown_hours', 0, 8760, 'hours', 'a campaign is left alone this long after an action, so that its effect can be seen'),
    ('min_pause_hours', 0, 8760, 'hours', 'no campaign younger than this is paused'),
    ('max_data_age_hours', 1, 8760, 'hours', 'no action on figures older than this'),
    ('max_step', 1, 10, 'multiple of the budget', 'the most that one action may multiply a budget by'),
    ('max_growth_7d', 1, 1000, 'multiple of the budget', 'the most that a budget may grow in 7 days, all actions together'),
    ('max_budget', 0.01, 999999999, 'money a day', 'no action raises a budget above this'),
    ('min_budget', 0, 999999999, 'money a day', 'no action lowers a budget below this'),
    ('pause_breaker_share', 0, 1, 'share of the active campaigns', 'more pauses than this in 24 hours wait for a person'),
    ('pause_breaker_count', 0, 1000000, 'campaigns', 'up to this many pauses in 24 hours never trip the breaker'),
    ('growth_breaker_share', 0, 100, 'share of the active budget', 'scale-ups that together raise more than this in 24 hours are held'),
    ('growth_breaker_count', 0, 1000000, 'campaigns', 'up to this many scale-ups in 24 hours never trip the breaker'),
    ('tracking_breaker_ratio', 0, 1, 'ratio', 'conversions below this share of what their clicks should bring mean that tracking is broken'),
    ('tracking_breaker_min_expected', 1, 1000000, 'conversions', 'below this many expected conversions nothing is said about tracking'),
    ('resume_confidence', 0, 50, 'percent', 'a pause that later proves no more likely to be right than this is taken back'),
    ('evidence_half_life_days', 0, 365, 'days', 'evidence counts half after this long; 0 = it never fades'),
    ('conversion_delay_hours', 0, 2160, 'hours', 'the mean time from click to conversion; 0 = conversions are taken to be complete'),
    ('holdout_share', 0, 0.5, 'share of the campaigns', 'left untouched each week, to measure what the system is worth'),
    ('hold_days_after_rollback', 0, 365, 'days', 'a campaign is left alone this long after a rollback'),
    ('approval_hours', 1, 8760, 'hours', 'a proposed action expires after this'),
    ('prior_mean_roi', 0.001, 1000, 'multiple', 'the roi of a campaign of which nothing is known'),
    ('prior_tau2', 0.0001, 100, 'variance of ln roi', 'how much the true roi differs between campaigns'),
    ('prior_order_value', 0.000001, 1000000000, 'money', 'the mean order of a campaign of which nothing is known'),
    ('prior_cv2', 0, 1000, 'squared coefficient of variation', 'how much orders of one campaign differ'),
    ('prior_campaigns', 0, 2147483647, 'campaigns', 'how many the prior was fitted from; 0 = the default prior')
$$;
comment on function public.autonomy_policy_limits() is
  'The range, unit and meaning of every number in autonomy_policy. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- The table's own checks come from the same list, so that page, trigger and table agree.
do $$
declare
  v_limit record;
begin
  for v_limit in select * from public.autonomy_policy_limits() loop
    execute format('alter table public.autonomy_policy drop constraint if exists %I',
                   'autonomy_policy_' || v_limit.setting || '_check');
    execute format('alter table public.autonomy_policy add constraint %I check (%I between %s and %s)',
                   'autonomy_policy_' || v_limit.setting || '_check', v_limit.setting, v_limit.low, v_limit.high);
    execute format('comment on column public.autonomy_policy.%I is %L', v_limit.setting,
                   format('%s (%s to %s): %s', v_limit.unit, v_limit.low, v_limit.high, v_limit.meaning));
  end loop;
end $$;
alter table public.autonomy_policy
  drop constraint if exists autonomy_policy_mode_check,
  drop constraint if exists autonomy_policy_paused_text_check,
  drop constraint if exists autonomy_policy_budgets_check,
  add constraint autonomy_policy_mode_check check (mode in ('autonomous', 'approve', 'observe')),
  add constraint autonomy_policy_paused_text_check check (lower(paused_text) = 'paused'),
  add constraint autonomy_policy_budgets_check check (min_budget <= max_budget);

comment on column public.autonomy_policy.mode is
  'autonomous = act; approve = propose and wait for a person; observe = report only';
comment on column public.autonomy_policy.frozen is 'the kill switch: while true, nothing at all is changed';
comment on column public.autonomy_policy.frozen_reason is 'why it is frozen, in the words of who froze it';
comment on column public.autonomy_policy.resume_when_proven_wrong is
  'whether a pause is taken back by itself when late conversions show that it was wrong';
comment on column public.autonomy_policy.prior_fitted_at is 'when the prior was last fitted; -infinity = never';
comment on column public.autonomy_policy.paused_text is
  'how this installation spells the paused state; campaigns that are paused get exactly this text';
comment on column public.autonomy_policy.time_zone is
  'the zone that days and windows are counted in, a name of pg_timezone_names; changing it rebuilds the facts';
comment on column public.autonomy_policy.updated_by is 'who last changed the policy';

drop function if exists public.autonomy_policy_guard() cascade;
create function public.autonomy_policy_guard() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_new jsonb;
  v_limit record;
  v_column text;
  v_value text;
begin
  if tg_op in ('DELETE', 'TRUNCATE') then
    raise exception using errcode = 'AO002',
      message = 'The policy cannot be removed: without it there would be no limits.',
      hint = 'Use UPDATE autonomy_policy SET ... to change it, or set frozen = true to stop every action.';
  end if;

  v_new := to_jsonb(new);
  for v_limit in select * from public.autonomy_policy_limits() loop
    v_value := v_new ->> v_limit.setting;
    if v_value is null or v_value::numeric not between v_limit.low and v_limit.high then
      raise exception using errcode = 'AO002',
        message = format('%s must be a number from %s to %s (%s), not %s: a missing limit is an error, never "no limit".',
                         v_limit.setting, v_limit.low, v_limit.high, v_limit.unit, coalesce(v_value, 'NULL')),
        hint = format('%s: %s.', v_limit.setting, v_limit.meaning);
    end if;
  end loop;

  for v_column in select key from jsonb_each(v_new) where value = 'null'::jsonb order by key loop
    raise exception using errcode = 'AO002', message = format('%s must not be NULL.', v_column);
  end loop;
  if new.mode not in ('autonomous', 'approve', 'observe') then
    raise exception using errcode = 'AO002',
      message = format('mode must be autonomous, approve or observe, not %L.', new.mode);
  end if;
  if new.min_budget > new.max_budget then
    raise exception using errcode = 'AO002',
      message = format('min_budget (%s) must not be above max_budget (%s).', new.min_budget, new.max_budget);
  end if;
  if lower(new.paused_text) <> 'paused' then
    raise exception using errcode = 'AO002',
      message = format('paused_text is a spelling of "paused", such as Paused or PAUSED, not %L.', new.paused_text);
  end if;
  if (tg_op = 'INSERT' or new.time_zone is distinct from old.time_zone)
     and not exists (select from pg_catalog.pg_timezone_names where name = new.time_zone) then
    raise exception using errcode = 'AO002',
      message = format('time_zone must be the name of a time zone such as UTC or America/New_York, not %L.', new.time_zone);
  end if;

  if tg_op = 'UPDATE' and new.updated_at is not distinct from old.updated_at then
    new.updated_at := now();
  end if;
  return new;
end $$;
comment on function public.autonomy_policy_guard() is
  'Trigger of autonomy_policy: refuses (AO002) a limit that is missing, not a number or out of range, and the removal of the row. [autonomous-operations]';

create trigger autonomy_policy_guard before insert or update or delete on public.autonomy_policy
  for each row execute function public.autonomy_policy_guard();
create trigger autonomy_policy_guard_truncate before truncate on public.autonomy_policy
  for each statement execute function public.autonomy_policy_guard();

insert into public.autonomy_policy (id) values (true) on conflict do nothing;

-- ---------------------------------------------------------------------------------------------
-- What each table is, and the mark by which 0011 knows the tables that are ours
-- ---------------------------------------------------------------------------------------------
do $$
declare
  v_table record;
begin
  for v_table in
    select * from (values
      ('campaigns', 'The campaigns: state, daily budget, and whether they may be touched.'),
      ('campaign_performance', 'One row a campaign: its totals so far; roi, ctr and conversion_rate are computed by trigger.'),
      ('campaign_metrics', 'The time series: what each campaign did in each hour (or day). Written by record_campaign_metrics or directly.'),
      ('campaign_audience_metrics', 'Optional input: what each audience segment of a campaign did on each day.'),
      ('campaign_ab_tests', 'A/B tests; while one runs on a campaign, the campaign is left alone.'),
      ('campaign_daily', 'Derived: campaign_metrics by day of the policy''s time zone. Kept by triggers.'),
      ('campaign_facts', 'Derived: all that rules and confidence read, one row a campaign. Kept by triggers.'),
      ('autonomous_rules', 'The rules: a condition that says when to look, an action that says what to do.'),
      ('autonomous_rule_changes', 'Each change of a rule: before, after, when, by whom.'),
      ('autonomous_runs', 'One row a run: its lease, its summary, its answer.'),
      ('autonomous_actions', 'Every action with the state before and after, the evidence, and what became of it.'),
      ('optimization_opportunities', 'Detected problems that a person should act on.'),
      ('campaign_changes', 'Every change of a campaign''s status or budget, with the action that made it or as one from outside.'),
      ('autonomy_migrations', 'Which migration files this database has seen, with the checksum of each.'),
      ('autonomy_policy', 'One row: the mode, the limits that no rule exceeds, the prior.')
    ) t (name, meaning)
    where name <> all (string_to_array(current_setting('autonomy.theirs'), ','))
  loop
    execute format('comment on table public.%I is %L', v_table.name, v_table.meaning || ' [autonomous-operations]');
  end loop;
end $$;

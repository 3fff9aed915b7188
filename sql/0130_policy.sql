-- Which of these files this database has seen, and the policy: one row, every limit stated, none of
-- them ever missing.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Which of these files this database has seen
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomy_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
);

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
  'The newest migration of this database, {"name", "checksum", "files": {name: checksum}}. Only reads; safe to call '
  'again; raises nothing. [autonomous-operations]';

-- A migration changes the schema alone (autonomy/migrate.py takes this lock exclusively, the pasted scripts too);
-- whoever acts shares it until commit, so that nothing is decided by one version and carried out by another. Tried,
-- never waited for: who waits for a migration may be holding what it needs.
create function autonomy.hold_schema() returns void
language plpgsql set search_path = ''
as $$
begin
  if not pg_try_advisory_xact_lock_shared(hashtextextended('autonomy.migrate', 0)) then
    raise exception using errcode = 'AO015', message = 'The database is being upgraded; nothing was done.',
      hint = 'It is safe to call again in some seconds.';
  end if;
end $$;
comment on function autonomy.hold_schema() is
  'Keeps migrations out until commit, where none is under way. A part of runs and effects, no use by itself. Safe to '
  'call again. Raises AO015 (the database is being upgraded). [autonomous-operations]';

create function public.autonomy_schema_changing() returns boolean
language plpgsql set search_path = ''
as $$
begin
  -- Asked before the table is: a migration has that locked.
  if not pg_try_advisory_xact_lock_shared(hashtextextended('autonomy.migrate', 0)) then
    return true;
  end if;
  return exists (select from public.autonomy_migrations m where m.applied_at > clock_timestamp() - interval '1 minute');
end $$;
comment on function public.autonomy_schema_changing() is
  'Whether a migration is under way or ended within the last minute: what failed in an odd way meanwhile may be tried '
  'again. Only reads, and never waits; safe to call again; raises nothing. [autonomous-operations]';

-- What stood under a name of the guide's functions when a file made its own (sql/before.sql).
create table if not exists autonomy.replaced (
  id bigint generated always as identity primary key,
  name text not null,
  definition text not null,
  replaced_at timestamptz not null default now()
);
comment on table autonomy.replaced is
  'Definitions of functions that were here before under a name of ours, as they were replaced. [autonomous-operations]';

-- The first pasted script takes away what the second made, the second makes it again (sql/before.sql, sql/after.sql).
create table if not exists autonomy.kept_grants (
  signature text not null,
  role text not null,
  command text not null,
  primary key (signature, role, command)
);
comment on table autonomy.kept_grants is
  'What was granted on functions of ours that are not there: given again with the function. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The policy: one row, every limit stated, none of them ever missing
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomy_policy (
  id boolean primary key default true check (id),
  mode text not null default 'autonomous',
  frozen boolean not null default false,
  frozen_reason text not null default '',
  break_even_roi numeric not null default 1.0,
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
  person_hold_days numeric not null default 7,
  automation_actors text[] not null default '{}',
  approval_hours numeric not null default 24,
  prior_mean_roi float8 not null default 1.0,
  prior_tau2 float8 not null default 0.64,
  prior_order_value float8 not null default 50,
  prior_cv2 float8 not null default 1.5,
  prior_order_spread float8 not null default 0.16,
  curvature numeric not null default 2,
  -- 32 bits are plenty: a count of campaigns
  -- squawk-ignore prefer-bigint-over-int
  prior_campaigns integer not null default 0,
  prior_fitted_at timestamptz not null default '-infinity',
  paused_text text not null default 'paused',
  time_zone text not null default 'UTC',
  updated_at timestamptz not null default now(),
  updated_by text not null default '',
  shrink_breaker_share numeric not null default 0.30,
  notify_moved_share numeric not null default 0.30,
  min_pause_confidence numeric not null default 50,
  keep_hours_days numeric not null default 0,
  keep_changes_days numeric not null default 400,
  keep_runs_days numeric not null default 400,
  keep_failed_actions_days numeric not null default 400,
  keep_opportunities_days numeric not null default 400,
  value_breaker_factor numeric not null default 4
);

create function public.autonomy_policy_limits()
returns table (setting text, low numeric, high numeric, unit text, meaning text)
language plpgsql immutable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  values
    ('break_even_roi', 0.01, 100, 'multiple',
     'the roi at which a campaign earns its keep; 1.0 counts revenue only, 1.5 suits a margin of two thirds'),
    ('min_confidence', 0, 100, 'percent',
     'no action below this probability of being right; 50 is never against the odds'),
    ('min_pause_confidence', 0, 100, 'percent',
     'no pause below this or min_confidence, whichever is higher; 95 is right 19 times in 20'),
    ('cooldown_hours', 0, 8760, 'hours',
     'a campaign is left alone this long after an action, so that its effect can be seen'),
    ('min_pause_hours', 0, 8760, 'hours', 'no campaign younger than this is paused'),
    ('max_data_age_hours', 1, 8760, 'hours', 'no action on figures older than this'),
    ('max_step', 1, 10, 'multiple of the budget', 'the most that one action may multiply a budget by'),
    ('max_growth_7d', 1, 1000, 'multiple of the budget',
     'the most that a budget may grow in 7 days, all actions together'),
    ('max_budget', 0.01, 999999999, 'money a day', 'no action raises a budget above this'),
    ('min_budget', 0, 999999999, 'money a day', 'no action lowers a budget below this'),
    ('pause_breaker_share', 0, 1, 'share of the active campaigns',
     'more pauses than this in 24 hours wait for a person'),
    ('pause_breaker_count', 0, 1000000, 'campaigns', 'up to this many pauses in 24 hours never trip the breaker'),
    ('shrink_breaker_share', 0, 1, 'share of the active budget',
     'cuts that together take more than this from an account in 24 hours are held, the most certain go first'),
    ('growth_breaker_share', 0, 100, 'share of the active budget',
     'scale-ups that together raise more than this in 24 hours are held'),
    ('growth_breaker_count', 0, 1000000, 'campaigns', 'up to this many scale-ups in 24 hours never trip the breaker'),
    ('tracking_breaker_ratio', 0, 1, 'ratio',
     'conversions below this share of what their clicks should bring mean that tracking is broken'),
    ('tracking_breaker_min_expected', 1, 1000000, 'conversions',
     'below this many expected conversions nothing is said about tracking'),
    ('value_breaker_factor', 1.5, 1000000, 'multiple',
     'conversions worth more than this times what is usual, or less than one by this, mean that values are broken'),
    ('resume_confidence', 0, 50, 'percent',
     'a pause that later proves no more likely to be right than this is taken back'),
    ('evidence_half_life_days', 0, 365, 'days', 'evidence counts half after this long; 0 = it never fades'),
    ('conversion_delay_hours', 0, 2160, 'hours',
     'the mean time from click to conversion; 0 = conversions are taken to be complete'),
    ('holdout_share', 0, 0.5, 'share of the campaigns',
     'left untouched each week, to measure what the system is worth'),
    ('hold_days_after_rollback', 0, 365, 'days', 'a campaign is left alone this long after a rollback'),
    ('person_hold_days', 0, 365, 'days',
     'nothing is done against a change that a person made, for this long; 0 = never'),
    ('approval_hours', 1, 8760, 'hours', 'a proposed action expires after this'),
    ('prior_mean_roi', 0.001, 1000, 'multiple', 'the roi of a campaign of which nothing is known'),
    ('prior_tau2', 0.0001, 100, 'variance of ln roi', 'how much the true roi differs between campaigns'),
    ('prior_order_value', 0.000001, 1000000000, 'money', 'the mean order of a campaign of which nothing is known'),
    ('prior_cv2', 0, 1000, 'squared coefficient of variation', 'how much orders of one campaign differ'),
    ('prior_order_spread', 0.0001, 100, 'variance of ln order value', 'how much the mean orders of campaigns differ'),
    ('curvature', 0.1, 100, 'multiple of the reference budget',
     'at a budget of this, the average return is half of the first unit''s, until it is measured'),
    ('prior_campaigns', 0, 2147483647, 'campaigns', 'how many the prior was fitted from; 0 = the default prior'),
    ('notify_moved_share', 0, 100, 'share of the active budget',
     'people are told when budgets were moved by more than this within 24 hours'),
    ('keep_hours_days', 0, 36500, 'days',
     'figures by hour become figures by day after this long, 100 at the least; 0 = never'),
    ('keep_changes_days', 0, 36500, 'days',
     'steps between two changes from outside are dropped after this long, 120 at the least; 0 = never'),
    ('keep_runs_days', 0, 36500, 'days',
     'runs that did nothing, stored answers and long summaries go after this long, 35 at the least; 0 = never'),
    ('keep_failed_actions_days', 0, 36500, 'days',
     'actions that were never carried out go after this long, 35 at the least; 0 = never'),
    ('keep_opportunities_days', 0, 36500, 'days',
     'opportunities that are closed go after this long, 35 at the least; 0 = never');
end $$;
comment on function public.autonomy_policy_limits() is
  'The range, unit and meaning of every number in autonomy_policy. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

-- The table's own checks come from the same list, so that page, trigger and table agree.
do $$
declare
  v_check record;
begin
  for v_check in
    select setting, format('%I between %s and %s', setting, low, high) as condition,
           format('%s (%s to %s): %s', unit, low, high, meaning) as comment
    from public.autonomy_policy_limits()
    union all values
      ('mode', $c$mode in ('autonomous', 'approve', 'observe')$c$,
       'autonomous = act; approve = propose and wait for a person; observe = report only'),
      ('paused_text', $c$lower(paused_text) = 'paused'$c$,
       'how this installation spells the paused state; campaigns that are paused get exactly this text'),
      ('budgets', 'min_budget <= max_budget', null)
  loop
    execute format('alter table public.autonomy_policy drop constraint if exists %I',
                   'autonomy_policy_' || v_check.setting || '_check');
    execute format('alter table public.autonomy_policy add constraint %I check (%s)',
                   'autonomy_policy_' || v_check.setting || '_check',
                   v_check.condition);
    if v_check.comment is not null then
      execute format('comment on column public.autonomy_policy.%I is %L', v_check.setting, v_check.comment);
    end if;
  end loop;
end $$;

comment on column public.autonomy_policy.frozen is 'the kill switch: while true, nothing at all is changed';
comment on column public.autonomy_policy.frozen_reason is 'why it is frozen, in the words of who froze it';
comment on column public.autonomy_policy.resume_when_proven_wrong is
  'whether a pause is taken back by itself when late conversions show that it was wrong';
comment on column public.autonomy_policy.prior_fitted_at is 'when the prior was last fitted; -infinity = never';
comment on column public.autonomy_policy.time_zone is
  'the zone that days and windows are counted in, a name of pg_timezone_names; changing it rebuilds the facts';
comment on column public.autonomy_policy.automation_actors is
  'who changes campaigns as a program, not as a person: its changes are followed, never protected';
comment on column public.autonomy_policy.updated_by is 'who last changed the policy';

create function autonomy.checked_policy(p_policy public.autonomy_policy) returns public.autonomy_policy
language plpgsql stable set search_path = ''
as $$
declare
  v_all jsonb := to_jsonb(p_policy);
  v_limit record;
  v_column text;
begin
  select l.*, v_all ->> l.setting as given into v_limit
  from public.autonomy_policy_limits() l
  where coalesce((v_all ->> l.setting)::numeric not between l.low and l.high, true) limit 1;
  if found then
    raise exception using errcode = 'AO002',
      message = format('%s must be a number from %s to %s (%s), not %s: a missing limit is an error, never '
                       '"no limit".',
                       v_limit.setting, v_limit.low, v_limit.high, v_limit.unit, coalesce(v_limit.given, 'NULL')),
      hint = format('%s: %s.', v_limit.setting, v_limit.meaning);
  end if;
  select key into v_column from jsonb_each(v_all) where value = 'null' order by key limit 1;
  if found then
    raise exception using errcode = 'AO002', message = format('%s must not be NULL.', v_column);
  elsif p_policy.mode not in ('autonomous', 'approve', 'observe') then
    raise exception using errcode = 'AO002',
      message = format('mode must be autonomous, approve or observe, not %L.', p_policy.mode);
  elsif p_policy.min_budget > p_policy.max_budget then
    raise exception using errcode = 'AO002',
      message = format('min_budget (%s) must not be above max_budget (%s).', p_policy.min_budget, p_policy.max_budget);
  elsif lower(p_policy.paused_text) <> 'paused' then
    raise exception using errcode = 'AO002',
      message = format('paused_text is a spelling of "paused", such as Paused or PAUSED, not %L.',
                       p_policy.paused_text);
  end if;
  return p_policy;
end $$;
comment on function autonomy.checked_policy(public.autonomy_policy) is
  'The policy, if every limit in it is one: asked when it is written, and again before it is acted by, since a value '
  'can be forced past trigger and checks. Raises AO002. Only reads. [autonomous-operations]';

create function autonomy.policy_guard() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op in ('DELETE', 'TRUNCATE') then
    raise exception using errcode = 'AO002',
      message = 'The policy cannot be removed: without it there would be no limits.',
      hint = 'Use UPDATE autonomy_policy SET ... to change it, or set frozen = true to stop every action.';
  end if;
  perform autonomy.checked_policy(new);
  if (tg_op = 'INSERT' or new.time_zone is distinct from old.time_zone)
     and not exists (select from pg_catalog.pg_timezone_names where name = new.time_zone) then
    raise exception using errcode = 'AO002',
      message = format('time_zone must be the name of a time zone such as UTC or America/New_York, not %L.',
                       new.time_zone);
  end if;

  if tg_op = 'UPDATE' and new.updated_at is not distinct from old.updated_at then
    new.updated_at := now();
  end if;
  return new;
end $$;
comment on function autonomy.policy_guard() is
  'Trigger of autonomy_policy: refuses (AO002) a limit that is missing, not a number or out of range, and the removal '
  'of the row. [autonomous-operations]';

create trigger autonomy_policy_guard before insert or update or delete on public.autonomy_policy
  for each row execute function autonomy.policy_guard();
create trigger autonomy_policy_guard_truncate before truncate on public.autonomy_policy
  for each statement execute function autonomy.policy_guard();

do $$
begin
  -- The spelling is the default too: a reset of the policy must not forget it.
  if current_setting('autonomy.paused_text') <> 'paused' then
    execute format('alter table public.autonomy_policy alter column paused_text set default %L',
                   current_setting('autonomy.paused_text'));
  end if;
  insert into public.autonomy_policy (id) values (true) on conflict do nothing;
end $$;

-- ---------------------------------------------------------------------------------------------
-- What each table is, and the mark by which 9900 knows the tables that are ours
-- ---------------------------------------------------------------------------------------------
do $$
declare
  v_table record;
begin
  for v_table in
    select * from (values
      ('campaigns', 'The campaigns: state, daily budget, and whether they may be touched.'),
      ('campaign_performance',
       'One row a campaign: its totals so far; roi, ctr and conversion_rate are computed by trigger.'),
      ('campaign_metrics', 'The time series: what each campaign did in each hour (or day). Written by '
                           'record_campaign_metrics or directly.'),
      ('campaign_audience_metrics', 'Optional input: what each audience segment of a campaign did on each day.'),
      ('campaign_ab_tests', 'A/B tests; while one runs on a campaign, the campaign is left alone.'),
      ('campaign_daily', 'Derived: campaign_metrics by day of the policy''s time zone. Kept by triggers.'),
      ('campaign_facts', 'Derived: all that rules and confidence read, one row a campaign. Kept by triggers.'),
      ('autonomous_rules', 'The rules: a condition that says when to look, an action that says what to do.'),
      ('autonomous_rule_changes', 'Each change of a rule: before, after, when, by whom.'),
      ('autonomous_runs', 'One row a run: its lease, its summary, its answer.'),
      ('autonomous_actions', 'Every action with the state before and after, the evidence, and what became of it.'),
      ('optimization_opportunities', 'Detected problems that a person should act on.'),
      ('campaign_changes',
       'Every change of a campaign''s status or budget, with the action that made it or as one from outside.'),
      ('autonomy_migrations', 'Which migration files this database has seen, with the checksum of each.'),
      ('autonomy_policy', 'One row: the mode, the limits that no rule exceeds, the prior.')
    ) t (name, meaning)
    where name <> all (string_to_array(current_setting('autonomy.theirs'), ','))
  loop
    execute format('comment on table public.%I is %L', v_table.name, v_table.meaning || ' [autonomous-operations]');
  end loop;
end $$;

do $$
declare
  v_tool record;
begin
  for v_tool in select oid::regprocedure as name from pg_catalog.pg_proc where pronamespace = pg_my_temp_schema()
    and proname in ('allow_values', 'generated_from', 'has_column', 'is_theirs', 'make_unique', 'retype',
                    'without_views')
  loop
    execute format('drop function %s', v_tool.name);
  end loop;
end $$;

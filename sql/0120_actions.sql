-- Tables: rules, runs, actions, opportunities, the log of changes.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Rules, runs, actions, opportunities
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomous_rules (
  id uuid primary key default gen_random_uuid(),
  rule_name text not null unique,
  rule_type text not null,
  condition jsonb not null,
  action jsonb not null,
  -- 32 bits are plenty: a rank that a person gives
  -- squawk-ignore prefer-bigint-over-int
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
  -- 32 bits are plenty: an HTTP status
  -- squawk-ignore prefer-bigint-over-int
  response_status integer,
  constraint autonomous_runs_one_per_slot exclude using gist (slots with &&) where (status = 'running')
);

create index if not exists autonomous_runs_started on public.autonomous_runs (started_at desc, id desc);
create index if not exists autonomous_runs_running on public.autonomous_runs (lease_expires_at)
  where status = 'running';

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

create table if not exists public.campaign_changes (
  id bigint generated always as identity primary key,
  campaign_id uuid not null,
  changed_at timestamptz not null default now(),
  old_status text,
  new_status text,
  -- as the campaign had it: an older shape keeps more than cents, and rounding would be a lie
  old_budget numeric,
  new_budget numeric,
  action_id uuid,
  kind text not null check (kind in ('created', 'outside', 'platform', 'action', 'rollback', 'deleted')),
  actor text,
  -- what a person did, here or by an action typed by hand: for person_hold_days nothing is done against it
  person boolean not null default false
);

do $$
begin  -- where they were kept in cents once; no row is rewritten
  if exists (select from pg_catalog.pg_attribute a where a.attrelid = 'public.campaign_changes'::regclass
             and a.attname in ('old_budget', 'new_budget') and a.atttypmod <> -1) then
    alter table public.campaign_changes alter column old_budget type numeric, alter column new_budget type numeric;
  end if;
  if not exists (select from pg_catalog.pg_constraint k where k.conrelid = 'public.campaign_changes'::regclass
                 and k.conname = 'campaign_changes_kind_check' and pg_get_constraintdef(k.oid) like '%platform%') then
    alter table public.campaign_changes drop constraint if exists campaign_changes_kind_check,
      add constraint campaign_changes_kind_check
        check (kind in ('created', 'outside', 'platform', 'action', 'rollback', 'deleted'));
  end if;
end $$;

create index if not exists campaign_changes_campaign on public.campaign_changes (campaign_id, id desc);
create index if not exists campaign_changes_time on public.campaign_changes (changed_at desc);
create index if not exists campaign_changes_action on public.campaign_changes (action_id) where action_id is not null;

-- ---------------------------------------------------------------------------------------------
-- Where the tables of rules, actions and opportunities were here before, in an older shape
-- ---------------------------------------------------------------------------------------------
do $$
declare
  v_table text;
  v_column record;
  v_key record;
begin
  if pg_temp.is_theirs('autonomous_rules') then
    alter table public.autonomous_rules
      add column if not exists rule_name text,
      add column if not exists rule_type text,
      add column if not exists condition jsonb,
      add column if not exists action jsonb,
      add column if not exists priority integer default 50,
      add column if not exists is_active boolean default true,
      add column if not exists created_by text,
      add column if not exists created_at timestamptz default now(),
      add column if not exists updated_at timestamptz default now();
    update public.autonomous_rules set rule_name = coalesce(rule_name, 'Rule ' || id),
      priority = coalesce(priority, 50),
      is_active = coalesce(is_active, false), created_at = coalesce(created_at, now()),
      updated_at = coalesce(updated_at, now())
    where rule_name is null or priority is null or is_active is null or created_at is null or updated_at is null;
    -- Two rules of one name: the older keeps it.
    update public.autonomous_rules r set rule_name = r.rule_name || ' (' || d.nth || ')'
    from (select id, row_number() over (partition by rule_name order by created_at, id) as nth
          from public.autonomous_rules) d
    where d.id = r.id and d.nth > 1;
    perform pg_temp.make_unique('autonomous_rules', 'rule_name');
  end if;

  if pg_temp.is_theirs('autonomous_actions') then
    alter table public.autonomous_actions
      add column if not exists run_id uuid,
      add column if not exists campaign_id uuid,
      add column if not exists rule_id uuid,
      add column if not exists action_type text,
      add column if not exists reason text,
      add column if not exists previous_state jsonb,
      add column if not exists new_state jsonb,
      add column if not exists confidence_score numeric(5,2),
      add column if not exists expected_impact jsonb,
      add column if not exists actual_impact jsonb,
      add column if not exists evidence jsonb,
      add column if not exists status text default 'pending',
      add column if not exists error text,
      add column if not exists created_at timestamptz default now(),
      add column if not exists executed_at timestamptz,
      add column if not exists rolled_back_at timestamptz,
      add column if not exists rolled_back_by text,
      add column if not exists rollback_reason text,
      add column if not exists actor text not null default 'autonomy';
    -- A log outlives what it speaks of.
    for v_key in
      select conname from pg_catalog.pg_constraint
      where conrelid = 'public.autonomous_actions'::regclass and contype = 'f' and confdeltype = 'c'
    loop
      execute format('alter table public.autonomous_actions drop constraint %I', v_key.conname);
      perform pg_temp.say(format('The foreign key %s of autonomous_actions deleted the log with the campaign; it is '
                                 'gone.', v_key.conname));
    end loop;
    update public.autonomous_actions set created_at = coalesce(executed_at, now()) where created_at is null;
    update public.autonomous_actions set executed_at = created_at where status = 'executed' and executed_at is null;
    update public.autonomous_actions a set status = 'failed', error = 'EXPIRED'
    from (select id, row_number() over (partition by campaign_id order by created_at desc, id desc) as nth
          from public.autonomous_actions where status = 'pending' and campaign_id is not null) d
    where d.id = a.id and d.nth > 1;
  end if;

  if pg_temp.is_theirs('optimization_opportunities') then
    alter table public.optimization_opportunities
      add column if not exists campaign_id uuid,
      add column if not exists opportunity_type text,
      add column if not exists severity text,
      add column if not exists description text,
      add column if not exists suggested_action text,
      add column if not exists estimated_impact jsonb,
      add column if not exists confidence_score numeric(5,2),
      add column if not exists figures jsonb not null default '{}',
      add column if not exists status text default 'open',
      add column if not exists created_at timestamptz default now(),
      add column if not exists first_seen_at timestamptz,
      add column if not exists last_seen_at timestamptz,
      add column if not exists resolved_at timestamptz;
    update public.optimization_opportunities set created_at = coalesce(created_at, now()),
      first_seen_at = coalesce(first_seen_at, created_at, now()),
      last_seen_at = coalesce(last_seen_at, created_at, now())
    where created_at is null or first_seen_at is null or last_seen_at is null;
    update public.optimization_opportunities o set status = 'resolved', resolved_at = coalesce(o.resolved_at, now())
    from (select id,
            row_number() over (partition by campaign_id, opportunity_type order by created_at desc, id desc) as nth
          from public.optimization_opportunities where status in ('open', 'in_progress')) d
    where d.id = o.id and d.nth > 1;
  end if;

  foreach v_table in array array['autonomous_rules', 'autonomous_actions', 'optimization_opportunities'] loop
    continue when not pg_temp.is_theirs(v_table);
    for v_column in
      select a.attname as name, d.expression
      from pg_catalog.pg_attribute a
      join (values ('id', 'gen_random_uuid()'), ('is_active', 'true'), ('priority', '50'), ('created_at', 'now()'),
        ('updated_at', 'now()'), ('first_seen_at', 'now()'), ('last_seen_at', 'now()'), ('figures', '''{}'''),
        ('actor', '''autonomy'''),
        ('status', case v_table when 'autonomous_actions' then '''pending''' else '''open''' end)
      ) d (name, expression) on d.name = a.attname
      where a.attrelid = format('public.%I', v_table)::regclass and not a.attisdropped and not a.atthasdef
    loop
      execute format('alter table public.%I alter column %I set default %s', v_table, v_column.name,
                     v_column.expression);
    end loop;
    if not pg_temp.make_unique(v_table, 'id') then
      raise exception using errcode = 'AO010',
        message = format('%s.id is not unique here; this system needs it to be.', v_table);
    end if;
    for v_column in
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
             a.attnotnull and not a.atthasdef as required,
             w.type as wanted
      from pg_catalog.pg_attribute a
      left join (values ('condition', 'jsonb'), ('action', 'jsonb'), ('previous_state', 'jsonb'),
                 ('new_state', 'jsonb'),
        ('expected_impact', 'jsonb'), ('actual_impact', 'jsonb'), ('evidence', 'jsonb'), ('estimated_impact', 'jsonb'),
        ('confidence_score', 'numeric(5,2)'), ('created_at', 'timestamp with time zone'),
        ('updated_at', 'timestamp with time zone'), ('executed_at', 'timestamp with time zone'),
        ('rolled_back_at', 'timestamp with time zone'), ('resolved_at', 'timestamp with time zone'),
        ('status', 'text'), ('action_type', 'text'), ('rule_type', 'text'), ('severity', 'text'),
        ('opportunity_type', 'text'),
        ('rule_id', 'uuid'), ('rule_name', 'text'), ('created_by', 'text'), ('priority', 'integer'), ('reason', 'text'),
        ('error', 'text'), ('actor', 'text'), ('description', 'text'), ('suggested_action', 'text')
      ) w (name, type) on w.name = a.attname
      where a.attrelid = format('public.%I', v_table)::regclass and a.attnum > 0 and not a.attisdropped
        and a.attname <> 'id'
    loop
      if v_column.type <> v_column.wanted then
        perform pg_temp.retype(v_table, v_column.name, v_column.wanted, case v_column.wanted
          when 'timestamp with time zone' then 'timezone(''UTC'', $::timestamp)'
          else '$::text::' || v_column.wanted end);
      end if;
      if v_column.required and v_column.name not in ('rule_name', 'rule_type', 'condition', 'action', 'action_type',
          'campaign_id', 'opportunity_type', 'severity', 'status', 'figures', 'actor') then
        execute format('alter table public.%I alter column %I drop not null', v_table, v_column.name);
        perform pg_temp.say(format('%s.%s was required; it is optional now, as our rows may lack it.',
                                   v_table, v_column.name));
      end if;
    end loop;
  end loop;
end $$;

do $$
begin
  perform pg_temp.allow_values('autonomous_rules', 'rule_type', array['pause', 'scale', 'optimize', 'create'], false);
  perform pg_temp.allow_values('autonomous_actions', 'action_type', array[
    'auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted',
    'optimization_applied', 'ab_test_created', 'targeting_refined', 'creative_refreshed'], false);
  perform pg_temp.allow_values('autonomous_actions',
                               'status', array['pending', 'executed', 'rolled_back', 'failed'], false);
  perform pg_temp.allow_values('optimization_opportunities',
                               'severity', array['critical', 'high', 'medium', 'low'], false);
  perform pg_temp.allow_values('optimization_opportunities', 'status',
    array['open', 'in_progress', 'resolved', 'dismissed'], false);
end $$;

create unique index if not exists autonomous_actions_one_pending
  on public.autonomous_actions (campaign_id) where status = 'pending';
create index if not exists autonomous_actions_campaign_executed
  on public.autonomous_actions (campaign_id, executed_at desc) where status = 'executed';
create index if not exists autonomous_actions_created on public.autonomous_actions (created_at desc, id desc);
create index if not exists autonomous_actions_run on public.autonomous_actions (run_id);
create index if not exists autonomous_actions_rule on public.autonomous_actions (rule_id, created_at desc);
create index if not exists autonomous_actions_status on public.autonomous_actions (status, created_at desc);
create index if not exists autonomous_actions_type on public.autonomous_actions (action_type, created_at desc);

-- Only actions that are not measured to the end; a run asks for them every hour.
create index if not exists autonomous_actions_to_measure on public.autonomous_actions (executed_at)
  where status = 'executed' and (actual_impact is null or not actual_impact ? '7d');
create unique index if not exists optimization_opportunities_one_unresolved
  on public.optimization_opportunities (campaign_id, opportunity_type) where status in ('open', 'in_progress');
create index if not exists optimization_opportunities_status
  on public.optimization_opportunities (status, last_seen_at desc);
create index if not exists optimization_opportunities_campaign_type
  on public.optimization_opportunities (campaign_id, opportunity_type, resolved_at desc);

-- ---------------------------------------------------------------------------------------------
-- The tables' additions
-- ---------------------------------------------------------------------------------------------
alter table public.optimization_opportunities
  add column if not exists figures jsonb not null default '{}',
  add column if not exists status_by text,
  add column if not exists status_reason text,
  add column if not exists is_current boolean not null default true;
comment on column public.optimization_opportunities.status_by is
  'who set the status last; autonomy: it was gone for 3 days';
comment on column public.optimization_opportunities.status_reason is
  'why, as that person said it';
comment on column public.optimization_opportunities.is_current is
  'whether the last look at the campaign still found it';

-- Lists by campaign, and by the pairs of filters that have no index of their own.
create index if not exists autonomous_actions_campaign
  on public.autonomous_actions (campaign_id, created_at desc, id desc);
create index if not exists autonomous_actions_type_status
  on public.autonomous_actions (action_type, status, created_at desc);
create index if not exists autonomous_actions_rule_status
  on public.autonomous_actions (rule_id, action_type, status, created_at desc);

-- Proposals that were declined are counted apart from what failed.
create index if not exists autonomous_actions_declined on public.autonomous_actions (error)
  where status = 'failed' and error in ('REJECTED', 'EXPIRED');

-- Spans of days, here and where they are taken back.
create index if not exists autonomous_actions_done
  on public.autonomous_actions (coalesce(executed_at, created_at) desc);
create index if not exists optimization_opportunities_work
  on public.optimization_opportunities
  (status, (array_position(array['critical', 'high', 'medium', 'low'], severity)), first_seen_at, id);

-- Tables, their rights aside (0099). Safe to run again; runs on an empty database, and on one
-- that has campaigns and campaign_performance from earlier phases, whose rows, views and
-- writers it leaves working.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

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

  if to_regclass('public.campaigns') is not null then
    for v_found in execute 'select id from public.campaigns group by id having count(*) > 1 limit 1' loop
      raise exception using errcode = 'AO010',
        message = format('campaigns.id must be unique; %s is there more than once.', v_found.id),
        hint = 'Nothing has been changed. Remove the double rows, then run the migrations again.';
    end loop;
  end if;

  -- Tables that were here before keep their rights and their comments: 0099 asks for the marker.
  select coalesce(string_agg(c.relname, ','), '') into v_theirs
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%[autonomous-operations]';
  perform set_config('autonomy.theirs', v_theirs, true);
  perform set_config('autonomy.status_checks', coalesce((
    select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint k
    where k.conrelid = to_regclass('public.campaigns') and k.contype = 'c'), ''), true);
end $$;

-- ---------------------------------------------------------------------------------------------
-- Tools for the tables that were here before; they go with the session
-- ---------------------------------------------------------------------------------------------
-- Runs commands on a table while the views that read it are out of the way.
create or replace function pg_temp.without_views(p_table text, p_column text, p_commands text[]) returns void
language plpgsql
as $$
declare
  v_relation oid := format('public.%I', p_table)::regclass;
  v_view record;
  v_command text;
  v_restore text[] := '{}';
  v_drop text[] := '{}';
begin
  for v_view in
    select * from pg_temp.views_reading('pg_catalog.pg_class', array[v_relation], array(
      select 0::smallint union
      select a.attnum from pg_catalog.pg_attribute a where a.attrelid = v_relation and a.attname = p_column))
  loop
    v_restore := v_restore || pg_temp.view_commands(v_view.oid);
    v_drop := format('drop %s %s', v_view.kind, v_view.oid::regclass) || v_drop;
  end loop;
  foreach v_command in array v_drop || p_commands || v_restore loop
    execute v_command;
  end loop;
end $$;

-- Gives a column another type, where it has not got it yet.
create or replace function pg_temp.retype(p_table text, p_column text, p_type text, p_using text) returns void
language plpgsql
as $$
declare
  v_is record;
  v_default text;
  v_commands text[] := '{}';
begin
  select format_type(a.atttypid, a.atttypmod) as type, a.attgenerated as generated,
         pg_get_expr(d.adbin, d.adrelid) as expression
  into v_is
  from pg_catalog.pg_attribute a
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = format('public.%I', p_table)::regclass and a.attname = p_column and not a.attisdropped;

  if v_is.generated = 'v' then
    -- nothing is stored; our trigger fills the plain column
    perform pg_temp.without_views(p_table, p_column, array[
      format('alter table public.%I drop column %I', p_table, p_column),
      format('alter table public.%I add column %I %s', p_table, p_column, p_type)]);
    perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.', p_table, p_column));
    return;
  elsif v_is.generated = 's' then
    execute format('alter table public.%I alter column %I drop expression', p_table, p_column);
    perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.', p_table, p_column));
  end if;
  if v_is.type is null or v_is.type = p_type then
    return;
  end if;

  -- A default is bound to the old type: it is put back as text of the new one.
  if v_is.expression is not null and v_is.generated = '' then
    v_commands := array[format('alter table public.%I alter column %I drop default', p_table, p_column)];
    v_default := format('alter table public.%I alter column %I set default %s', p_table, p_column,
      case when v_is.expression ~* '(now\(|timestamp)' then 'now()'
           else replace(p_using, '$', '(' || v_is.expression || ')') end);
  end if;
  v_commands := v_commands || format('alter table public.%I alter column %I type %s using %s', p_table, p_column, p_type,
                                     replace(p_using, '$', quote_ident(p_column)));
  perform pg_temp.without_views(p_table, p_column, array_remove(v_commands || v_default, null));
  perform pg_temp.say(format('%s.%s was %s; it is %s now.', p_table, p_column, v_is.type, p_type));
end $$;

-- Lets a text column hold our values besides those that it was allowed, or has, already.
create or replace function pg_temp.allow_values(p_table text, p_column text, p_values text[], p_folded boolean)
returns void
language plpgsql
as $$
declare
  v_check record;
  v_literals text[] := '{}';
  v_existing text[];
  v_checks text[] := '{}';
begin
  for v_check in
    select k.conname, pg_get_constraintdef(k.oid) as definition
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attname = p_column
    where k.contype = 'c' and k.conrelid = format('public.%I', p_table)::regclass and k.conkey = array[a.attnum]
  loop
    continue when v_check.definition !~ '=' or v_check.definition ~ '[<>~]' or v_check.definition !~ '''';
    v_checks := v_checks || v_check.conname::text;
    v_literals := v_literals || array(
      select replace(m[1], '''''', '''') from regexp_matches(v_check.definition, '''((?:[^'']|'''')*)''', 'g') m);
    if p_folded and v_check.definition !~ 'lower\(' then
      v_existing := '{}';
    end if;
  end loop;
  -- A column that is free stays free, unless the list is ours to give.
  if v_checks = '{}' and p_folded
     or cardinality(v_checks) = 1 and v_literals @> p_values and v_existing is null then
    return;
  end if;

  execute format('select array_agg(distinct %1$I::text) from public.%2$I where %1$I is not null', p_column, p_table)
  into v_existing;
  v_literals := array(
    select distinct case when p_folded then lower(v) else v end from unnest(p_values || v_literals || v_existing) v order by 1);
  for v_check in select unnest(v_checks) as conname loop
    execute format('alter table public.%I drop constraint %I', p_table, v_check.conname);
  end loop;
  execute format('alter table public.%I add check (%s in (%s))', p_table,
    format(case when p_folded then 'lower(%I)' else '%I' end, p_column),
    (select string_agg(quote_literal(v), ', ') from unnest(v_literals) v));
  perform pg_temp.say(format('The check on %s.%s now allows %s%s.', p_table, p_column, array_to_string(v_literals, ', '),
                             case when p_folded then ', in any spelling' else '' end));
end $$;

create or replace function pg_temp.has_column(p_table text, p_column text) returns boolean
language sql
as $$
  select exists (select from pg_catalog.pg_attribute a
    where a.attrelid = to_regclass(format('public.%I', p_table)) and a.attname = p_column and not a.attisdropped);
$$;

create or replace function pg_temp.is_theirs(p_table text) returns boolean
language sql
as $$
  select p_table = any (string_to_array(current_setting('autonomy.theirs'), ','));
$$;

-- Whether the table has a unique index on exactly this column, made if the rows allow it.
create or replace function pg_temp.make_unique(p_table text, p_column text) returns boolean
language plpgsql
as $$
begin
  if exists (
    select from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attname = p_column
    where i.indrelid = format('public.%I', p_table)::regclass and i.indisunique and i.indpred is null
      and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)
  then
    return true;
  end if;
  execute format('alter table public.%I add unique (%I)', p_table, p_column);
  perform pg_temp.say(format('%s.%s is unique now.', p_table, p_column));
  return true;
exception when unique_violation then
  return false;
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

do $$ begin
  perform pg_temp.make_unique('campaigns', 'id');
end $$;

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

-- Where these two were here before: what they lack is added, what would not fit is widened.
do $$
declare
  v_spelling text;
  v_column record;
begin
  if pg_temp.is_theirs('campaigns') then
    if not pg_temp.has_column('campaigns', 'title') then
      alter table public.campaigns add column title text;
      if pg_temp.has_column('campaigns', 'name') then
        execute 'update public.campaigns set title = name where true';
      end if;
      perform pg_temp.say('campaigns.title was missing; it is there now'
        || case when pg_temp.has_column('campaigns', 'name') then ', filled from name.' else ', empty.' end);
    end if;
    if not pg_temp.has_column('campaigns', 'budget') then
      alter table public.campaigns add column budget numeric(14,2);
      perform pg_temp.say('campaigns.budget was missing; it is there now, empty: no budget is changed until it is filled.');
    end if;
    alter table public.campaigns
      add column if not exists status text default 'active',
      add column if not exists account text not null default 'default',
      add column if not exists autonomous_enabled boolean not null default true,
      add column if not exists hold_until timestamptz,
      add column if not exists created_at timestamptz default now(),
      add column if not exists updated_at timestamptz default now();
    for v_column in
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, t.oid, t.typtype, t.typcategory
      from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
      where a.attrelid = 'public.campaigns'::regclass and not a.attisdropped
        and a.attname in ('status', 'title', 'account', 'budget', 'created_at', 'updated_at', 'hold_until')
    loop
      if v_column.name in ('status', 'title', 'account') then
        if v_column.typtype = 'e' and not exists (
          select from pg_catalog.pg_cast k where k.castsource = v_column.oid and k.casttarget = 'text'::regtype)
        then
          -- what compares the column with a value of the old type goes on working
          execute format('create cast (%s as text) with inout as implicit', v_column.type);
        end if;
        perform pg_temp.retype('campaigns', v_column.name, 'text', '$::text');
      elsif v_column.name = 'budget' and v_column.type !~ '^numeric(\(\d+,([2-9]|\d\d)\))?$' then
        perform pg_temp.retype('campaigns', 'budget', 'numeric(14,2)', '$::numeric(14,2)');
      elsif v_column.type in ('timestamp without time zone', 'date') then
        perform pg_temp.retype('campaigns', v_column.name, 'timestamp with time zone', 'timezone(''UTC'', $::timestamp)');
      end if;
    end loop;
    alter table public.campaigns alter column created_at set default now(), alter column updated_at set default now();
    update public.campaigns set created_at = coalesce(updated_at, now()) where created_at is null;
    update public.campaigns set autonomous_enabled = true where autonomous_enabled is null;
    update public.campaigns set account = 'default' where account is null;
    perform pg_temp.allow_values('campaigns', 'status', array['active', 'paused'], true);
  end if;

  if pg_temp.is_theirs('campaign_performance') then
    if not pg_temp.has_column('campaign_performance', 'updated_at') then
      alter table public.campaign_performance add column updated_at timestamptz default now();
      perform pg_temp.say('campaign_performance.updated_at was missing; the rows count as of today until they are written again.');
    end if;
    -- No default for our counts: NULL in an insert means that the writer knows only the others.
    alter table public.campaign_performance
      add column if not exists impressions bigint,
      add column if not exists clicks bigint,
      add column if not exists conversions bigint,
      add column if not exists total_spend numeric(14,2) default 0,
      add column if not exists total_revenue numeric(14,2) default 0,
      add column if not exists order_value_cv2 numeric,
      add column if not exists roi numeric,
      add column if not exists ctr numeric,
      add column if not exists conversion_rate numeric,
      add column if not exists from_metrics boolean not null default false;
    perform pg_temp.retype('campaign_performance', 'roi', 'numeric', '$::numeric');
    perform pg_temp.retype('campaign_performance', 'ctr', 'numeric', '$::numeric');
    perform pg_temp.retype('campaign_performance', 'conversion_rate', 'numeric', '$::numeric');
    for v_column in
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
      from pg_catalog.pg_attribute a
      where a.attrelid = 'public.campaign_performance'::regclass and not a.attisdropped
        and a.attname in ('total_spend', 'total_revenue', 'updated_at')
    loop
      if v_column.name like 'total%' and v_column.type not like 'numeric%' then
        perform pg_temp.retype('campaign_performance', v_column.name, 'numeric', '$::numeric');
      elsif v_column.type in ('timestamp without time zone', 'date') then
        perform pg_temp.retype('campaign_performance', v_column.name, 'timestamp with time zone', 'timezone(''UTC'', $::timestamp)');
      end if;
    end loop;
    alter table public.campaign_performance alter column updated_at set default now();
    if not pg_temp.make_unique('campaign_performance', 'campaign_id') then
      perform pg_temp.say('campaign_performance has several rows for one campaign: no key is made, and the row that was updated last speaks for its campaign.');
      create index if not exists campaign_performance_campaign on public.campaign_performance (campaign_id);
    end if;
  end if;

  -- How this installation spells "paused": as its rows do, else its check, else like its "active".
  if pg_temp.is_theirs('campaigns') then
    select status into v_spelling from public.campaigns
    where lower(status) = 'paused' group by status order by count(*) desc, status limit 1;
    if v_spelling is null then
      v_spelling := substring(current_setting('autonomy.status_checks') from '(?i)''(paused)''');
    end if;
    if v_spelling is null then
      select case status when 'Active' then 'Paused' when 'ACTIVE' then 'PAUSED' end into v_spelling
      from public.campaigns where lower(status) = 'active' group by status order by count(*) desc limit 1;
    end if;
  end if;
  perform set_config('autonomy.paused_text', coalesce(v_spelling, 'paused'), true);
end $$;

-- Values are asked for by account: without it each account would read all campaigns. Rows are rewritten in
-- place all the same, as a change of status or budget leaves the account.
-- squawk-ignore require-concurrent-index-creation
create index if not exists campaigns_by_account on public.campaigns (account);

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

-- One row a campaign. Rewritten in place every hour: no B-tree but the key, and a fifth of each page
-- free, so that the new version of a row stays on its page.
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
-- For detection: which facts changed since its last look, without reading the others. A block range index, because
-- it is next to nothing to keep and (from PostgreSQL 16 on) leaves updates in place.
create index if not exists campaign_facts_changed on public.campaign_facts
  using brin (changed_at) with (pages_per_range = 16, autosummarize = on);

-- What every run reads of every campaign: a tenth of the facts' width, and each measure either a
-- number that may be compared as it stands or unknown.
create table if not exists public.campaign_totals (
  campaign_id uuid primary key,
  life_impressions float8, life_reach float8, life_clicks float8,
  life_conversions float8, life_spend float8, life_revenue float8
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
create index if not exists autonomous_runs_running on public.autonomous_runs (lease_expires_at) where status = 'running';

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
  kind text not null check (kind in ('created', 'outside', 'action', 'rollback', 'deleted')),
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
    update public.autonomous_rules set rule_name = coalesce(rule_name, 'Rule ' || id), priority = coalesce(priority, 50),
      is_active = coalesce(is_active, false), created_at = coalesce(created_at, now()), updated_at = coalesce(updated_at, now())
    where rule_name is null or priority is null or is_active is null or created_at is null or updated_at is null;
    -- Two rules of one name: the older keeps it.
    update public.autonomous_rules r set rule_name = r.rule_name || ' (' || d.nth || ')'
    from (select id, row_number() over (partition by rule_name order by created_at, id) as nth from public.autonomous_rules) d
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
      perform pg_temp.say(format('The foreign key %s of autonomous_actions deleted the log with the campaign; it is gone.', v_key.conname));
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
      first_seen_at = coalesce(first_seen_at, created_at, now()), last_seen_at = coalesce(last_seen_at, created_at, now())
    where created_at is null or first_seen_at is null or last_seen_at is null;
    update public.optimization_opportunities o set status = 'resolved', resolved_at = coalesce(o.resolved_at, now())
    from (select id, row_number() over (partition by campaign_id, opportunity_type order by created_at desc, id desc) as nth
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
        ('actor', '''autonomy'''), ('status', case v_table when 'autonomous_actions' then '''pending''' else '''open''' end)
      ) d (name, expression) on d.name = a.attname
      where a.attrelid = format('public.%I', v_table)::regclass and not a.attisdropped and not a.atthasdef
    loop
      execute format('alter table public.%I alter column %I set default %s', v_table, v_column.name, v_column.expression);
    end loop;
    if not pg_temp.make_unique(v_table, 'id') then
      raise exception using errcode = 'AO010', message = format('%s.id is not unique here; this system needs it to be.', v_table);
    end if;
    for v_column in
      select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull and not a.atthasdef as required,
             w.type as wanted
      from pg_catalog.pg_attribute a
      left join (values ('condition', 'jsonb'), ('action', 'jsonb'), ('previous_state', 'jsonb'), ('new_state', 'jsonb'),
        ('expected_impact', 'jsonb'), ('actual_impact', 'jsonb'), ('evidence', 'jsonb'), ('estimated_impact', 'jsonb'),
        ('confidence_score', 'numeric(5,2)'), ('created_at', 'timestamp with time zone'),
        ('updated_at', 'timestamp with time zone'), ('executed_at', 'timestamp with time zone'),
        ('rolled_back_at', 'timestamp with time zone'), ('resolved_at', 'timestamp with time zone'),
        ('status', 'text'), ('action_type', 'text'), ('rule_type', 'text'), ('severity', 'text'), ('opportunity_type', 'text'),
        ('rule_id', 'uuid'), ('rule_name', 'text'), ('created_by', 'text'), ('priority', 'integer'), ('reason', 'text'),
        ('error', 'text'), ('actor', 'text'), ('description', 'text'), ('suggested_action', 'text')
      ) w (name, type) on w.name = a.attname
      where a.attrelid = format('public.%I', v_table)::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'id'
    loop
      if v_column.type <> v_column.wanted then
        perform pg_temp.retype(v_table, v_column.name, v_column.wanted, case v_column.wanted
          when 'timestamp with time zone' then 'timezone(''UTC'', $::timestamp)' else '$::text::' || v_column.wanted end);
      end if;
      if v_column.required and v_column.name not in ('rule_name', 'rule_type', 'condition', 'action', 'action_type',
          'campaign_id', 'opportunity_type', 'severity', 'status', 'figures', 'actor') then
        execute format('alter table public.%I alter column %I drop not null', v_table, v_column.name);
        perform pg_temp.say(format('%s.%s was required; it is optional now, as our rows may lack it.', v_table, v_column.name));
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
  perform pg_temp.allow_values('autonomous_actions', 'status', array['pending', 'executed', 'rolled_back', 'failed'], false);
  perform pg_temp.allow_values('optimization_opportunities', 'severity', array['critical', 'high', 'medium', 'low'], false);
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

-- Beside the log, for sums over months: sql/0009_impact.sql keeps it.
create table if not exists public.action_results (
  action_id uuid primary key,
  rule_id uuid,
  action_type text,
  status text,
  executed_at timestamptz,
  confidence float8,
  budget_change bigint,
  verdict text,
  money float8,
  error float8,
  right_probability float8,
  measured_at timestamptz,
  added_expected float8,
  added_revenue float8
) with (fillfactor = 85);  -- an action is measured three times: room to do so in place
create index if not exists action_results_executed on public.action_results (executed_at);

comment on table public.action_results is
  'Derived: one narrow row an action (an id stays what it is) with what became of it, for sums over months. [autonomous-operations]';
comment on column public.action_results.budget_change is '1 where the action raised the budget, -1 where it lowered it, else 0; null where either is unknown.';
comment on column public.action_results.error is 'Standard error of money: its 90 % interval is 3.29 of them wide.';
comment on column public.action_results.right_probability is 'Probability that the action was right, 0 to 1, by what is known now.';
comment on column public.action_results.added_expected is 'Of a measured raise that was spent: revenue that the spend on top would have brought at the roi of the rest.';
comment on column public.action_results.added_revenue is 'Of the same: revenue that came on top.';

create unique index if not exists optimization_opportunities_one_unresolved
  on public.optimization_opportunities (campaign_id, opportunity_type) where status in ('open', 'in_progress');
create index if not exists optimization_opportunities_status
  on public.optimization_opportunities (status, last_seen_at desc);
create index if not exists optimization_opportunities_campaign_type
  on public.optimization_opportunities (campaign_id, opportunity_type, resolved_at desc);

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
  'The newest migration of this database, {"name", "checksum", "files": {name: checksum}}. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- A migration changes the schema alone (autonomy/migrate.py takes this lock exclusively, the single script too);
-- whoever acts shares it until commit, so that nothing is decided by one version and carried out by another. Tried,
-- never waited for: who waits for a migration may be holding what it needs.
create function public.autonomy_hold_schema() returns void
language plpgsql set search_path = ''
as $$
begin
  if not pg_try_advisory_xact_lock_shared(hashtextextended('autonomy.migrate', 0)) then
    raise exception using errcode = 'AO015', message = 'The database is being upgraded; nothing was done.',
      hint = 'It is safe to call again in some seconds.';
  end if;
end $$;
comment on function public.autonomy_hold_schema() is
  'Keeps migrations out until commit, where none is under way. A part of runs and effects, no use by itself. Safe to call again. Raises AO015 (the database is being upgraded). [autonomous-operations]';

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
  'Whether a migration is under way or ended within the last minute: what failed in an odd way meanwhile may be tried again. Only reads, and never waits; safe to call again; raises nothing. [autonomous-operations]';

-- What stood under a name of the guide's functions when a file made its own (sql/before.sql).
create table if not exists public.autonomy_replaced (
  id bigint generated always as identity primary key,
  name text not null,
  definition text not null,
  replaced_at timestamptz not null default now()
);

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
  person_hold_days numeric not null default 7,
  automation_actors text[] not null default '{}',
  approval_hours numeric not null default 24,
  prior_mean_roi float8 not null default 1.0,
  prior_tau2 float8 not null default 0.64,
  prior_order_value float8 not null default 50,
  prior_cv2 float8 not null default 0.5,
  -- 32 bits are plenty: a count of campaigns
  -- squawk-ignore prefer-bigint-over-int
  prior_campaigns integer not null default 0,
  prior_fitted_at timestamptz not null default '-infinity',
  paused_text text not null default 'paused',
  time_zone text not null default 'UTC',
  updated_at timestamptz not null default now(),
  updated_by text not null default ''
);

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
    ('person_hold_days', 0, 365, 'days', 'nothing is done against a change that a person made, for this long; 0 = never'),
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
    execute format('alter table public.autonomy_policy drop constraint if exists %I', 'autonomy_policy_' || v_check.setting || '_check');
    execute format('alter table public.autonomy_policy add constraint %I check (%s)', 'autonomy_policy_' || v_check.setting || '_check',
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

do $$
begin
  -- The spelling is the default too: a reset of the policy must not forget it.
  if current_setting('autonomy.paused_text') <> 'paused' then
    execute format('alter table public.autonomy_policy alter column paused_text set default %L', current_setting('autonomy.paused_text'));
  end if;
  insert into public.autonomy_policy (id) values (true) on conflict do nothing;
end $$;

-- ---------------------------------------------------------------------------------------------
-- What each table is, and the mark by which 0099 knows the tables that are ours
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
      ('campaign_totals', 'Derived: the whole-life measures of campaign_facts, in narrow rows. Kept by triggers.'),
      ('autonomous_rules', 'The rules: a condition that says when to look, an action that says what to do.'),
      ('autonomous_rule_changes', 'Each change of a rule: before, after, when, by whom.'),
      ('autonomous_runs', 'One row a run: its lease, its summary, its answer.'),
      ('autonomous_actions', 'Every action with the state before and after, the evidence, and what became of it.'),
      ('optimization_opportunities', 'Detected problems that a person should act on.'),
      ('campaign_changes', 'Every change of a campaign''s status or budget, with the action that made it or as one from outside.'),
      ('autonomy_migrations', 'Which migration files this database has seen, with the checksum of each.'),
      ('autonomy_replaced', 'Definitions of functions that were here before under a name of ours, as they were replaced.'),
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
    and proname in ('without_views', 'retype', 'allow_values', 'has_column', 'is_theirs', 'make_unique')
  loop
    execute format('drop function %s', v_tool.name);
  end loop;
end $$;

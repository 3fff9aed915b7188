-- Tables: what comes in (campaigns, what they did) and what is derived from it. Their rights: 9900.
-- Runs on an empty database, and on one that has campaigns and campaign_performance from earlier
-- phases, whose rows, views and writers it leaves working.
-- One transaction, so no index can be made concurrently: whoever writes to these tables waits for it.
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- What comes in: campaigns and their performance
-- ---------------------------------------------------------------------------------------------
create table if not exists public.campaigns (
  id uuid primary key default gen_random_uuid(),
  title text,
  status text default 'active',
  budget numeric,  -- in whole units of the account's currency: 0135 sees to that
  account text not null default 'default',
  autonomous_enabled boolean not null default true,
  hold_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  target_roi numeric check (target_roi between 0.01 and 100),
  conversion_value numeric check (conversion_value between 0.000001 and 1000000000),
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
  total_spend numeric not null default 0 check (total_spend between 0 and 999999999999.99),
  total_revenue numeric not null default 0 check (total_revenue between -999999999999.99 and 999999999999.99),
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
  -- A number of the user's own under one of these names would be taken for ours, and campaigns judged by it.
  for v_column in
    select a.attname as name from pg_catalog.pg_attribute a
    where pg_temp.is_theirs('campaigns') and a.attrelid = 'public.campaigns'::regclass and not a.attisdropped
      and a.attname in ('target_roi', 'conversion_value')
      and coalesce(col_description(a.attrelid, a.attnum), '') not like '%[autonomous-operations]'
  loop
    raise exception using errcode = 'AO010',
      message = format('The column campaigns.%I is in the way: this system makes its own under that name.',
                       v_column.name),
      hint = format('Nothing has been changed. Rename what is yours (alter table campaigns rename column %I to ...), '
                    'then run the migrations again.', v_column.name);
  end loop;

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
      alter table public.campaigns add column budget numeric;
      perform pg_temp.say('campaigns.budget was missing; it is there now, empty: no budget is changed until it '
                          'is filled.');
    end if;
    alter table public.campaigns
      add column if not exists status text default 'active',
      add column if not exists account text not null default 'default',
      add column if not exists autonomous_enabled boolean not null default true,
      add column if not exists hold_until timestamptz,
      add column if not exists created_at timestamptz default now(),
      add column if not exists updated_at timestamptz default now(),
      add column if not exists target_roi numeric check (target_roi between 0.01 and 100),
      add column if not exists conversion_value numeric check (conversion_value between 0.000001 and 1000000000);
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
        perform pg_temp.retype('campaigns', 'budget', 'numeric', '$::numeric');
      elsif v_column.type in ('timestamp without time zone', 'date') then
        perform pg_temp.retype('campaigns', v_column.name, 'timestamp with time zone',
                               'timezone(''UTC'', $::timestamp)');
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
      perform pg_temp.say('campaign_performance.updated_at was missing; the rows count as of today until they are '
                          'written again.');
    end if;
    -- No default for our counts: NULL in an insert means that the writer knows only the others.
    alter table public.campaign_performance
      add column if not exists impressions bigint,
      add column if not exists clicks bigint,
      add column if not exists conversions bigint,
      add column if not exists total_spend numeric default 0,
      add column if not exists total_revenue numeric default 0,
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
        perform pg_temp.retype('campaign_performance', v_column.name, 'timestamp with time zone',
                               'timezone(''UTC'', $::timestamp)');
      end if;
    end loop;
    alter table public.campaign_performance alter column updated_at set default now();
    if not pg_temp.make_unique('campaign_performance', 'campaign_id') then
      perform pg_temp.say('campaign_performance has several rows for one campaign: no key is made, and the row that '
                          'was updated last speaks for its campaign.');
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

-- Money has no scale of its own. Where the user's columns have one they keep it, unless what is written in one of the
-- currencies by now does not fit in.
do $$
declare
  v_digits integer := 0;
  v_column record;
begin
  if to_regclass('public.autonomy_accounts') is not null then
    execute 'select coalesce(max(autonomy.currency_digits(k.currency)), 0) from public.autonomy_accounts k'
    into v_digits;
  end if;
  for v_column in
    select c.relname as table_name, a.attname as name
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
    where (c.oid, a.attname) in (
        ('public.campaigns'::regclass, 'budget'), ('public.campaign_performance'::regclass, 'total_spend'),
        ('public.campaign_performance'::regclass, 'total_revenue'))
      and a.atttypid = 'numeric'::regtype and a.atttypmod <> -1
      and (not pg_temp.is_theirs(c.relname) or ((a.atttypmod - 4) & 2047) < v_digits)
  loop
    perform pg_temp.retype(v_column.table_name, v_column.name, 'numeric', '$::numeric');
  end loop;
end $$;

comment on column public.campaigns.target_roi is
  'multiple (0.01 to 100): break-even of this campaign, null = its account''s. '
  '[autonomous-operations]';
comment on column public.campaigns.conversion_value is
  'money: what a conversion of this campaign is worth on days without revenue, null = its account''s. '
  '[autonomous-operations]';

create function autonomy.account_given() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.account := 'default';
  return new;
end $$;
comment on function autonomy.account_given() is
  'Trigger of campaigns: a table that was here before may take NULL for an account, of which no limits, days and '
  'exclusions would be known; it is the account default, as where nothing is said. [autonomous-operations]';

create trigger autonomy_account_given before insert or update of account on public.campaigns
  for each row when (new.account is null) execute function autonomy.account_given();

-- Values are asked for by account: without it each account would read all campaigns. Rows are rewritten in
-- place all the same, as a change of status or budget leaves the account. Of a name its beginning: one of pages,
-- which was there before, fits into no index.
-- squawk-ignore require-concurrent-index-creation
create index if not exists campaigns_by_account on public.campaigns (left(account, 200));

create table if not exists public.campaign_metrics (
  campaign_id uuid not null references public.campaigns (id) on delete cascade,
  bucket timestamptz not null,
  impressions bigint not null default 0 check (impressions >= 0),
  reach bigint not null default 0 check (reach >= 0),
  clicks bigint not null default 0 check (clicks >= 0),
  -- a number, no count: platforms credit parts of a conversion; between, because NaN passes >= 0
  conversions numeric not null default 0 check (conversions between 0 and 999999999999.99),
  -- a refund makes revenue negative, never spend
  spend numeric not null default 0 check (spend between 0 and 999999999999.99),
  revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99),
  whole_day boolean not null default false,
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
  conversions numeric not null default 0 check (conversions between 0 and 999999999999.99),
  spend numeric not null default 0 check (spend between 0 and 999999999999.99),
  revenue numeric not null default 0 check (revenue between -999999999999.99 and 999999999999.99),
  primary key (campaign_id, segment, day)
);

-- Where they were here before, conversions were whole and money had two decimals: they are widened, as they stand.
do $$
declare
  v_table text;
  v_check record;
begin
  foreach v_table in array array['campaign_metrics', 'campaign_audience_metrics'] loop
    perform pg_temp.retype(v_table, 'conversions', 'numeric', '$::numeric');
    perform pg_temp.retype(v_table, 'spend', 'numeric', '$::numeric');
    perform pg_temp.retype(v_table, 'revenue', 'numeric', '$::numeric');
    if v_table = 'campaign_metrics' then
      alter table public.campaign_metrics add column if not exists whole_day boolean not null default false;
    end if;
    for v_check in
      select k.conname from pg_catalog.pg_constraint k
      where k.conrelid = format('public.%I', v_table)::regclass and k.conname = v_table || '_conversions_check'
        and not pg_temp.is_theirs(v_table) and pg_get_constraintdef(k.oid) !~ '999999999999'
    loop
      execute format('alter table public.%I drop constraint %I, add constraint %2$I '
                     'check (conversions between 0 and 999999999999.99)', v_table, v_check.conname);
    end loop;
  end loop;
end $$;

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
-- What is derived from it (0220 keeps it; nobody else writes it)
-- ---------------------------------------------------------------------------------------------
create table if not exists public.campaign_daily (
  campaign_id uuid not null,
  day date not null,
  impressions bigint not null,
  reach bigint not null,
  clicks bigint not null,
  conversions numeric not null,
  spend numeric not null,
  revenue numeric not null,
  valued numeric not null default 0,
  primary key (campaign_id, day)
) with (fillfactor = 90);

do $$ begin
  perform pg_temp.retype('campaign_daily', 'conversions', 'numeric', '$::numeric');
  alter table public.campaign_daily add column if not exists valued numeric not null default 0;
end $$;
comment on column public.campaign_daily.valued is
  'money: the part of revenue that nobody reported: conversions of a day without revenue, at the conversion_value of '
  'the campaign or its account';

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
  ev_effective_spend float8,
  ev_delay float8,      -- hours from click to conversion that the sums were made with
  ev_curvature float8,  -- and the curvature: an account may have measured another since
  changed_at timestamptz not null default now()
) with (fillfactor = 80);

-- For detection: which facts changed since its last look, without reading the others. A block range index, because
-- it is next to nothing to keep and (from PostgreSQL 16 on) leaves updates in place.
create index if not exists campaign_facts_changed on public.campaign_facts
  using brin (changed_at) with (pages_per_range = 16, autosummarize = on);

-- What every run reads of every campaign: a tenth of the facts' width, and each measure either a
-- number that may be compared as it stands or unknown.
create table if not exists autonomy.campaign_totals (
  campaign_id uuid primary key,
  life_impressions float8, life_reach float8, life_clicks float8,
  life_conversions float8, life_spend float8, life_revenue float8
) with (fillfactor = 80);
comment on table autonomy.campaign_totals is
  'Derived: the whole-life measures of campaign_facts, in narrow rows. Kept by triggers. [autonomous-operations]';

-- Of hundreds of thousands of campaigns a handful: a run need not look for them among the facts. Whoever lowers a
-- budget only adds a row, and never waits for an ingest, nor it for them.
create table if not exists autonomy.unusual_campaigns (
  id bigint generated always as identity primary key,
  campaign_id uuid not null,
  by_value boolean not null,
  by_spend boolean not null
);
create index if not exists unusual_campaigns_campaign on autonomy.unusual_campaigns (campaign_id);
comment on table autonomy.unusual_campaigns is
  'Derived: the campaigns whose days are worth reading for a value or a spend in doubt. Kept by triggers. '
  '[autonomous-operations]';

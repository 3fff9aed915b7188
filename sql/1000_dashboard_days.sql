-- Daily figures of the dashboard: marked by triggers, computed when somebody looks.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Tables
-- ---------------------------------------------------------------------------------------------
create table if not exists autonomy.dashboard_performance_days (
  day date not null,
  impressions bigint not null,
  clicks bigint not null,
  conversions numeric not null,
  spend numeric not null,
  revenue numeric not null,
  currency text not null default '',  -- '': unknown
  account text not null default '',
  primary key (day, currency, account)
);
comment on table autonomy.dashboard_performance_days is
  'Derived: spend, revenue and counts of all campaigns by day, account and its currency, for the overview and the '
  'forecast of the month. [autonomous-operations]';

create table if not exists autonomy.dashboard_action_days (
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
  currency text not null default '',
  primary key (day, rule_id, action_type, status, currency)
);
comment on table autonomy.dashboard_action_days is
  'Derived: actions by day, rule, type, status and currency with their measured worth, for the overview and the '
  'scoreboard. [autonomous-operations]';

-- Earlier versions knew no currency, and those after them no account.
alter table autonomy.dashboard_performance_days add column if not exists account text not null default '';
do $$
declare
  v_table record;
begin
  for v_table in
    select c.oid::regclass as name, k.conname, w.key
    from (values ('autonomy.dashboard_performance_days'::regclass, 'account', 'day, currency, account'),
                 ('autonomy.dashboard_action_days', 'currency', 'day, currency, rule_id, action_type, status'))
      w (name, latest, key)
    join pg_catalog.pg_class c on c.oid = w.name
    join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
    where not exists (select from pg_catalog.pg_attribute a
                      where a.attrelid = c.oid and a.attname = w.latest and a.attnum = any (k.conkey))
  loop
    execute format('alter table %s drop constraint %I, add primary key (%s)', v_table.name, v_table.conname,
                   v_table.key);
  end loop;
end $$;

do $$ begin
  if (select atttypid from pg_catalog.pg_attribute where attname = 'conversions'
      and attrelid = 'autonomy.dashboard_performance_days'::regclass) <> 'numeric'::regtype then
    alter table autonomy.dashboard_performance_days alter column conversions type numeric;
  end if;
end $$;

-- One mark a transaction and day: writers never wait for one another, and a mark is seen by the
-- refresh only together with what it marks.
create table if not exists autonomy.dashboard_stale_days (
  source text not null check (source in ('actions', 'performance')),
  day date not null,
  transaction xid8 not null default pg_current_xact_id(),
  primary key (source, day, transaction)
);
comment on table autonomy.dashboard_stale_days is
  'Days whose derived figures must be computed again; dashboard_refresh() empties it. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Daily figures: marks by trigger, computed when somebody looks
-- ---------------------------------------------------------------------------------------------
create function autonomy.dashboard_day(p_at timestamptz) returns date
language sql stable set search_path = ''
as $$
  select (p_at at time zone p.time_zone)::date from public.autonomy_policy p;
$$;
comment on function autonomy.dashboard_day(timestamptz) is
  'The day of the policy''s time zone that a moment falls on. Reads only. [autonomous-operations]';

create function autonomy.dashboard_mark_actions() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_zone text := (select time_zone from public.autonomy_policy);
begin
  if tg_op = 'TRUNCATE' then
    delete from autonomy.dashboard_action_days;
  elsif tg_op = 'DELETE' then
    insert into autonomy.dashboard_stale_days (source, day)
    select distinct 'actions', (created_at at time zone v_zone)::date from before_rows on conflict do nothing;
  else
    insert into autonomy.dashboard_stale_days (source, day)
    select distinct 'actions', (created_at at time zone v_zone)::date from after_rows on conflict do nothing;
  end if;
  return null;
end $$;
comment on function autonomy.dashboard_mark_actions() is
  'Trigger of autonomous_actions: marks the days whose figures changed. Runs as its owner, since whoever may write '
  'actions need not know of the dashboard. [autonomous-operations]';

create trigger dashboard_actions_inserted after insert on public.autonomous_actions
  referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_updated after update on public.autonomous_actions
  referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_deleted after delete on public.autonomous_actions
  referencing old table as before_rows for each statement execute function autonomy.dashboard_mark_actions();
create trigger dashboard_actions_truncated after truncate on public.autonomous_actions
  for each statement execute function autonomy.dashboard_mark_actions();

create function autonomy.dashboard_mark_performance() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from autonomy.dashboard_performance_days;
  elsif tg_op = 'DELETE' then
    insert into autonomy.dashboard_stale_days (source, day)
    select distinct 'performance', day from before_rows on conflict do nothing;
  else
    insert into autonomy.dashboard_stale_days (source, day)
    select distinct 'performance', day from after_rows on conflict do nothing;
  end if;
  return null;
end $$;
comment on function autonomy.dashboard_mark_performance() is
  'Trigger of campaign_daily: marks the days whose figures changed. Runs as its owner. [autonomous-operations]';

create trigger dashboard_performance_inserted after insert on public.campaign_daily
  referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_updated after update on public.campaign_daily
  referencing new table as after_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_deleted after delete on public.campaign_daily
  referencing old table as before_rows for each statement execute function autonomy.dashboard_mark_performance();
create trigger dashboard_performance_truncated after truncate on public.campaign_daily
  for each statement execute function autonomy.dashboard_mark_performance();

create function autonomy.dashboard_mark_all() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  delete from autonomy.dashboard_action_days;
  insert into autonomy.dashboard_stale_days (source, day)
  select distinct 'actions', (created_at at time zone new.time_zone)::date from public.autonomous_actions
  on conflict do nothing;
  return null;
end $$;
comment on function autonomy.dashboard_mark_all() is
  'Trigger of autonomy_policy: another time zone has other days. Runs as its owner. [autonomous-operations]';

create trigger dashboard_zone_changed after update of time_zone on public.autonomy_policy
  for each row when (new.time_zone is distinct from old.time_zone)
  execute function autonomy.dashboard_mark_all();

-- Where an account has another currency, or a campaign another account, every day is counted again.
create function autonomy.dashboard_mark_currencies() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_moved boolean;
  v_same boolean;  -- money stays where it stood
begin
  if tg_table_name = 'campaigns' then
    -- an aggregate, not exists: that would be looked for row by row
    select count(*) > 0,
      autonomy.only_currency() is not null or coalesce(bool_and(k.currency is not distinct from l.currency), true)
    into v_moved, v_same
    from after_rows n join before_rows o on o.id = n.id and o.account is distinct from n.account
    left join public.autonomy_accounts k on k.account = n.account
    left join public.autonomy_accounts l on l.account = o.account;
    if not v_moved then
      return null;
    end if;
  end if;
  insert into autonomy.dashboard_stale_days (source, day)
  select distinct 'performance', day from autonomy.dashboard_performance_days
  union select distinct 'actions', day from autonomy.dashboard_action_days where v_same is not true
  on conflict do nothing;
  if v_same is not true then
    delete from autonomy.dashboard_performance_days;
    delete from autonomy.dashboard_action_days;
  end if;
  return null;
end $$;
comment on function autonomy.dashboard_mark_currencies() is
  'Triggers of autonomy_accounts and campaigns: figures that may stand under another currency or account from now on '
  'are counted again. Runs as its owner. [autonomous-operations]';

create trigger dashboard_currency_changed after update of currency on public.autonomy_accounts
  for each row when (new.currency is distinct from old.currency)
  execute function autonomy.dashboard_mark_currencies();
create trigger dashboard_account_changed after update on public.campaigns
  referencing old table as before_rows new table as after_rows
  for each statement execute function autonomy.dashboard_mark_currencies();

create function autonomy.dashboard_performance_figures(p_from date, p_to date)
returns setof autonomy.dashboard_performance_days language plpgsql stable set search_path = ''
as $$
declare
  v_only text := autonomy.only_currency();  -- of campaigns that are gone, too
begin
  return query
  select d.day, sum(d.impressions)::bigint, sum(d.clicks)::bigint, sum(d.conversions),
    sum(d.spend), sum(d.revenue), coalesce(k.currency, v_only, ''), coalesce(left(c.account, 200), '')
  from public.campaign_daily d
  left join public.campaigns c on c.id = d.campaign_id
  left join public.autonomy_accounts k on k.account = c.account
  where d.day between p_from and p_to
  group by d.day, coalesce(k.currency, v_only, ''), coalesce(left(c.account, 200), '');
end $$;
comment on function autonomy.dashboard_performance_figures(date, date) is
  'campaign_daily of all campaigns, added up by day, currency and account ('''': of campaigns that are gone). Reads '
  'only. [autonomous-operations]';

create function autonomy.dashboard_action_figures(p_from date, p_to date)
returns setof autonomy.dashboard_action_days language plpgsql stable set search_path = ''
as $$
declare
  v_zone text := (select time_zone from public.autonomy_policy);
begin
  -- Planned anew each time: a day is looked up in the index, all days are read at once.
  return query execute
    'select s.day, s.rule_id, s.action_type, s.status, sum(s.actions)::bigint, sum(s.confidence)::numeric,
            sum(s.confident)::bigint, sum(s.measured)::bigint, sum(s.improved)::bigint, sum(s.regressed)::bigint,
            sum(s.money), sum(s.error * s.error), sum(s.judged)::bigint, sum(s.right_sum), sum(s.judged_confidence),
            s.currency
     from (
       select (a.created_at at time zone $1)::date as day,
              coalesce(r.rule_id, ''00000000-0000-0000-0000-000000000000'') as rule_id, r.action_type, r.status,
              count(*) as actions, coalesce(sum(r.confidence), 0) as confidence, count(r.confidence) as confident,
              count(r.verdict) as measured, count(*) filter (where r.verdict = ''improved'') as improved,
              count(*) filter (where r.verdict = ''regressed'') as regressed,
              coalesce(sum(r.money) filter (where r.verdict is not null), 0) as money,
              -- what is measured of one campaign rests on the same orders
              coalesce(sum(r.error) filter (where r.verdict is not null), 0) as error,
              count(r.right_probability) as judged, coalesce(sum(r.right_probability), 0) as right_sum,
              coalesce(sum(r.confidence) filter (where r.right_probability is not null), 0) as judged_confidence,
              coalesce($4, k.currency, '''') as currency
       from public.autonomous_actions a join autonomy.action_results r on r.action_id = a.id
       left join public.campaigns c on $4 is null and c.id = a.campaign_id
       left join public.autonomy_accounts k on k.account = c.account
       where a.created_at >= $2 and a.created_at <= $3
       group by 1, 2, 3, 4, coalesce(a.campaign_id, a.id), coalesce($4, k.currency, '''')) s
     group by s.day, s.rule_id, s.action_type, s.status, s.currency'
  using v_zone, p_from::timestamp at time zone v_zone,
    (p_to + 1)::timestamp at time zone v_zone - interval '1 microsecond', autonomy.only_currency();
end $$;
comment on function autonomy.dashboard_action_figures(date, date) is
  'autonomous_actions counted by day, rule, type, status and currency, with what was measured of them; the errors of '
  'one campaign''s actions add up, those of different ones do not. Reads only. [autonomous-operations]';

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
      select source, day from autonomy.dashboard_stale_days group by source, day order by day desc
    loop
      -- The mark goes first: what commits after this statement leaves a mark of its own.
      delete from autonomy.dashboard_stale_days where source = v_mark.source and day = v_mark.day;
      if v_mark.source = 'performance' then
        delete from autonomy.dashboard_performance_days where day = v_mark.day;
        insert into autonomy.dashboard_performance_days
        select * from autonomy.dashboard_performance_figures(v_mark.day, v_mark.day);
      else
        delete from autonomy.dashboard_action_days where day = v_mark.day;
        insert into autonomy.dashboard_action_days
        select * from autonomy.dashboard_action_figures(v_mark.day, v_mark.day);
      end if;
      v_done := v_done + 1;
      exit when clock_timestamp() > v_until;
    end loop;
  end if;
  return jsonb_build_object('refreshed', v_done,
    'left', (select count(*) from (select from autonomy.dashboard_stale_days group by source, day) s));
end $$;
comment on function public.dashboard_refresh(integer) is
  'Computes the figures of marked days again, the newest first, at least one and for about p_milliseconds; answers '
  '{"refreshed", "left"}. Safe to call again and at the same time. [autonomous-operations]';

-- What was there before the triggers were.
delete from autonomy.dashboard_stale_days;
delete from autonomy.dashboard_performance_days;
delete from autonomy.dashboard_action_days;
insert into autonomy.dashboard_performance_days select *
  from autonomy.dashboard_performance_figures(date '-infinity', date 'infinity');
insert into autonomy.dashboard_action_days select *
  from autonomy.dashboard_action_figures(date '-infinity', date 'infinity');

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
  'A filter with its days (2026-11-27) made moments: from is the start of that day, to its end, in the policy''s time '
  'zone; what has a clock stays as it is. Reads only. Raises AO010 where the span ends before it begins. '
  '[autonomous-operations]';

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
  'How many actions of a run, a rule or a span (run_id, rule_id, from, to) stand executed, so may be taken back. '
  'Reads only. Raises AO010. [autonomous-operations]';

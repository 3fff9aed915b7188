-- Accounts: one row each, made by the campaigns that name it. What an account does not state itself is the
-- policy's.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- The table
-- ---------------------------------------------------------------------------------------------
create table if not exists public.autonomy_accounts (
  account text primary key,
  currency text,
  time_zone text,
  target_roi numeric,
  conversion_value numeric,
  attribution_factor numeric not null default 1,
  daily_total numeric,
  monthly_total numeric,
  mode text,
  frozen boolean not null default false,
  frozen_reason text not null default '',
  curvature numeric,
  min_confidence numeric,
  cooldown_hours numeric,
  min_pause_hours numeric,
  max_data_age_hours numeric,
  max_step numeric,
  max_growth_7d numeric,
  max_budget numeric,
  min_budget numeric,
  pause_breaker_share numeric,
  pause_breaker_count numeric,
  growth_breaker_share numeric,
  growth_breaker_count numeric,
  tracking_breaker_ratio numeric,
  tracking_breaker_min_expected numeric,
  resume_when_proven_wrong boolean,
  resume_confidence numeric,
  conversion_delay_hours numeric,
  hold_days_after_rollback numeric,
  person_hold_days numeric,
  approval_hours numeric,
  updated_at timestamptz not null default now(),
  updated_by text not null default '',
  shrink_breaker_share numeric,
  min_pause_confidence numeric,
  value_breaker_factor numeric
);
comment on table public.autonomy_accounts is
  'One row an account: its currency, zone and target, and the limits in which it differs from the policy. '
  '[autonomous-operations]';

create function public.autonomy_account_limits()
returns table (setting text, low numeric, high numeric, unit text, meaning text)
language sql stable set search_path = ''
as $$
  select 'target_roi', l.low, l.high, l.unit, 'break-even of this account, instead of the policy''s break_even_roi'
  from public.autonomy_policy_limits() l where l.setting = 'break_even_roi'
  union all values
    ('conversion_value', 0.000001, 1000000000, 'money a conversion',
     'what a conversion is worth on days on which the platform reports none of its revenue, such as 35 a lead'),
    ('attribution_factor', 0.01, 10, 'ratio',
     'what is believed of what the platform reports; 0.7 where it claims too much'),
    ('daily_total', 0.01, 999999999999, 'money a day',
     'what the budgets of all active campaigns together may be: raises stop there, and what is above is shrunk'),
    ('monthly_total', 0.01, 999999999999, 'money a month',
     'what all campaigns together may spend in a month of the account''s: paced by their budgets')
  union all
  select l.* from public.autonomy_policy_limits() l
  join pg_catalog.pg_attribute a on a.attrelid = 'public.autonomy_accounts'::regclass and a.attname = l.setting;
$$;
comment on function public.autonomy_account_limits() is
  'The range, unit and meaning of every number in autonomy_accounts; of those that are also the policy''s, its own. '
  'Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- As the policy's: the table's own checks and comments come from the list. Null is always allowed: the policy's.
do $$
declare
  v_check record;
begin
  for v_check in
    select setting, format('%I between %s and %s', setting, low, high) as condition,
           format('%s (%s to %s)%s: %s', unit, low, high,
                  case when setting in ('conversion_value', 'daily_total', 'monthly_total') then ', null = none'
                       when setting <> 'attribution_factor' then ', null = the policy''s' else '' end,
                  meaning) as comment
    from public.autonomy_account_limits()
    union all values
      ('mode', $c$mode in ('autonomous', 'approve', 'observe')$c$,
       'autonomous, approve or observe, null = the policy''s; of the two the more careful one holds'),
      ('currency', $c$currency ~ '^[A-Z]{3}$'$c$,
       'ISO 4217, such as EUR, null = unknown; money of different currencies is never added or compared'),
      ('budgets', 'min_budget <= max_budget', null)
  loop
    execute format('alter table public.autonomy_accounts drop constraint if exists %I',
                   'autonomy_accounts_' || v_check.setting || '_check');
    execute format('alter table public.autonomy_accounts add constraint %I check (%s)',
                   'autonomy_accounts_' || v_check.setting || '_check', v_check.condition);
    if v_check.comment is not null then
      execute format('comment on column public.autonomy_accounts.%I is %L', v_check.setting, v_check.comment);
    end if;
  end loop;
end $$;

comment on column public.autonomy_accounts.account is 'the name that campaigns.account gives it';
comment on column public.autonomy_accounts.time_zone is
  'the zone that its days and windows are counted in, a name of pg_timezone_names, null = the policy''s; changing it '
  'rebuilds the figures of the account';
comment on column public.autonomy_accounts.frozen is
  'while true, nothing of this account is changed; the policy''s frozen holds for all';
comment on column public.autonomy_accounts.frozen_reason is 'why it is frozen, in the words of who froze it';
comment on column public.autonomy_accounts.resume_when_proven_wrong is
  'whether a pause is taken back by itself when late conversions show that it was wrong, null = the policy''s';
comment on column public.autonomy_accounts.updated_at is 'when the row was last changed';
comment on column public.autonomy_accounts.updated_by is 'who last changed it';

create function autonomy.account_number_error(p_new jsonb) returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_wrong record;
begin
  select l.*, p_new ->> l.setting as given into v_wrong
  from public.autonomy_account_limits() l
  where coalesce((p_new ->> l.setting)::numeric not between l.low and l.high, l.setting = 'attribution_factor')
  limit 1;
  if found then
    raise exception using errcode = 'AO002',
      message = format('%s must be a number from %s to %s (%s), not %s.',
                       v_wrong.setting, v_wrong.low, v_wrong.high, v_wrong.unit, coalesce(v_wrong.given, 'NULL')),
      hint = format('%s: %s.', v_wrong.setting, v_wrong.meaning);
  end if;
end $$;
comment on function autonomy.account_number_error(jsonb) is
  'Raises AO002 where a number of an account''s row is out of range or none. Only reads. [autonomous-operations]';

create function autonomy.long_account_error(p_account text) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  raise exception using errcode = 'AO010',
    message = format('The name of an account has at most 200 characters, not %s: %s...',
                     char_length(p_account), left(p_account, 40));
end $$;
comment on function autonomy.long_account_error(text) is
  'Raises AO010: so long a name fits into no index. [autonomous-operations]';

create function autonomy.account_guard() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_least numeric;
  v_most numeric;
begin
  if tg_op = 'DELETE' then
    if exists (select from public.campaigns c where c.account = old.account) then
      raise exception using errcode = 'AO002',
        message = format('The account %L has campaigns: its row cannot be removed.', old.account),
        hint = 'Set its columns to NULL, and it is the policy''s that holds.';
    end if;
    return old;
  elsif tg_op = 'UPDATE' and new.account is distinct from old.account then
    raise exception using errcode = 'AO002', message = 'An account is named by its campaigns, not here.',
      hint = 'update campaigns set account = ... makes the new row by itself.';
  elsif char_length(new.account) > 200 then
    perform autonomy.long_account_error(new.account);
  end if;

  new.currency := nullif(upper(btrim(new.currency)), '');
  perform autonomy.account_number_error(to_jsonb(new));
  if new.frozen is null or new.frozen_reason is null then
    raise exception using errcode = 'AO002',
      message = case when new.frozen is null then 'frozen' else 'frozen_reason' end || ' must not be NULL.';
  elsif new.mode not in ('autonomous', 'approve', 'observe') then
    raise exception using errcode = 'AO002',
      message = format('mode must be autonomous, approve or observe, not %L.', new.mode),
      hint = 'NULL takes the policy''s.';
  elsif new.currency !~ '^[A-Z]{3}$' then
    raise exception using errcode = 'AO002',
      message = format('currency must be three letters of ISO 4217 such as EUR, not %L.', new.currency);
  elsif new.time_zone is not null and (tg_op = 'INSERT' or new.time_zone is distinct from old.time_zone)
     and not exists (select from pg_catalog.pg_timezone_names where name = new.time_zone) then
    raise exception using errcode = 'AO002',
      message = format('time_zone must be the name of a time zone such as UTC or America/New_York, not %L.',
                       new.time_zone),
      hint = 'NULL takes the policy''s.';
  end if;

  if new.min_budget is not null or new.max_budget is not null then
    select coalesce(new.min_budget, p.min_budget), coalesce(new.max_budget, p.max_budget)
    into v_least, v_most from public.autonomy_policy p;
    if v_least > v_most then
      raise exception using errcode = 'AO002',
        message = format('min_budget (%s%s) must not be above max_budget (%s%s).',
          v_least, case when new.min_budget is null then ', the policy''s' else '' end,
          v_most, case when new.max_budget is null then ', the policy''s' else '' end);
    end if;
  end if;
  if tg_op = 'UPDATE' and new.updated_at is not distinct from old.updated_at then
    new.updated_at := now();
  end if;
  return new;
end $$;
comment on function autonomy.account_guard() is
  'Trigger of autonomy_accounts: refuses (AO002) what is out of range or no currency, zone or mode, limits that cross '
  'the policy''s, another name, and the removal of a row that campaigns name. [autonomous-operations]';

create trigger autonomy_account_guard before insert or update or delete on public.autonomy_accounts
  for each row execute function autonomy.account_guard();

create function autonomy.campaign_number_guard() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.account_number_error(jsonb_build_object(
    'target_roi', new.target_roi, 'conversion_value', new.conversion_value, 'attribution_factor', 1));
  return new;
end $$;
comment on function autonomy.campaign_number_guard() is
  'Trigger of campaigns: refuses (AO002) a target_roi or conversion_value that is out of range or no number. '
  '[autonomous-operations]';

create trigger autonomy_number_guard_insert before insert on public.campaigns for each row
  when (new.target_roi is not null or new.conversion_value is not null)
  execute function autonomy.campaign_number_guard();
create trigger autonomy_number_guard_update before update on public.campaigns for each row
  when (new.target_roi is distinct from old.target_roi or new.conversion_value is distinct from old.conversion_value)
  execute function autonomy.campaign_number_guard();

create function autonomy.policy_fits_accounts() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_account text := (
    select a.account from public.autonomy_accounts a
    where coalesce(a.min_budget, new.min_budget) > coalesce(a.max_budget, new.max_budget) order by 1 limit 1);
begin
  if v_account is not null then
    raise exception using errcode = 'AO002',
      message = format('min_budget (%s) and max_budget (%s) would cross a limit that the account %L has of its own.',
                       new.min_budget, new.max_budget, v_account),
      hint = 'Change that account first.';
  end if;
  return null;
end $$;
comment on function autonomy.policy_fits_accounts() is
  'Trigger of autonomy_policy: refuses (AO002) budgets that would cross an account''s own. [autonomous-operations]';

create trigger autonomy_policy_fits_accounts after update of min_budget, max_budget on public.autonomy_policy
  for each row execute function autonomy.policy_fits_accounts();

-- ---------------------------------------------------------------------------------------------
-- A row appears by itself
-- ---------------------------------------------------------------------------------------------
-- An account whose campaigns all go by a new name was renamed: what is set for it goes along, a freeze first of all.
create function autonomy.account_renamed(p_old text, p_new text) returns void
language plpgsql set search_path = ''
as $$
begin
  execute (
    select format('update public.autonomy_accounts n set (%s) = row(%s) from public.autonomy_accounts o '
                  'where o.account = $1 and n.account = $2',
                  string_agg(quote_ident(k.attname), ', '), string_agg('o.' || quote_ident(k.attname), ', '))
    from pg_catalog.pg_attribute k
    where k.attrelid = 'public.autonomy_accounts'::regclass and k.attnum > 0 and not k.attisdropped
      and k.attname <> 'account') using p_old, p_new;
  delete from public.autonomy_accounts a where a.account = p_old and p_old <> 'default';  -- it is always there
  update autonomy.evidence_exclusions x set account = p_new where x.account = p_old;
  update autonomy.planned_events e set account = p_new where e.account = p_old;
  update autonomy.platform_accounts x set account = p_new where x.account = p_old;
  update autonomy.platform_units x set account = p_new where x.account = p_old;
end $$;
comment on function autonomy.account_renamed(text, text) is
  'Carries the row, the days left out, the planned events and the connection of an account over to its new name. A '
  'part of the triggers of campaigns, no use by itself. Raises nothing. [autonomous-operations]';

create function autonomy.accounts_named() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_made text[];
  v_renamed record;
begin
  -- In one order, so that two who name the same new accounts wait for one another and never in a circle.
  with made as (
    insert into public.autonomy_accounts (account)
    select n.account from (select distinct account from new_campaigns) n
    where char_length(n.account) <= 200
      and not exists (select from public.autonomy_accounts a where a.account = n.account)
    order by n.account
    on conflict do nothing
    returning account)
  select array_agg(m.account) into v_made from made m;
  if v_made is null or tg_op = 'INSERT' then
    return null;
  end if;
  for v_renamed in
    select min(o.account) as old_name, n.account as new_name
    from old_campaigns o join new_campaigns n on n.id = o.id
    where n.account = any (v_made) and char_length(o.account) <= 200
    group by n.account
    having count(distinct o.account) = 1
      and not exists (select from public.campaigns c where c.account = min(o.account))
    order by n.account
  loop
    perform autonomy.account_renamed(v_renamed.old_name, v_renamed.new_name);
  end loop;
  return null;
end $$;
comment on function autonomy.accounts_named() is
  'Triggers of campaigns: an account that is named for the first time gets its row. Runs as its owner, since whoever '
  'may write campaigns need not have rights on accounts. Raises nothing. [autonomous-operations]';

create function autonomy.account_named() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- What was there before may stay, and whoever writes it again changes nothing.
  if tg_op = 'UPDATE' and new.account is not distinct from old.account
     or tg_op = 'INSERT'
        and exists (select from public.campaigns c where c.id = new.id and c.account = new.account) then
    return new;
  end if;
  perform autonomy.long_account_error(new.account);
  return new;
end $$;
comment on function autonomy.account_named() is
  'Trigger of campaigns: refuses (AO010) a new name of an account that is longer than 200 characters. Runs as its '
  'owner, since whoever may write campaigns need not be able to read them all. [autonomous-operations]';

create trigger autonomy_account_named before insert or update of account on public.campaigns
  for each row when (char_length(new.account) > 200) execute function autonomy.account_named();
create trigger autonomy_accounts_inserted after insert on public.campaigns
  referencing new table as new_campaigns for each statement execute function autonomy.accounts_named();
create trigger autonomy_accounts_updated after update on public.campaigns
  referencing old table as old_campaigns new table as new_campaigns
  for each statement execute function autonomy.accounts_named();

insert into public.autonomy_accounts (account)
select distinct c.account from public.campaigns c where char_length(c.account) <= 200
on conflict do nothing;

do $$
declare
  v_long bigint := (select count(*) from public.campaigns c where char_length(c.account) > 200);
begin
  if v_long > 0 then
    perform pg_temp.say(format('Campaigns whose account has a name of over 200 characters: %s. They stay as they are '
      'and go by the policy; limits of its own has an account with a shorter name.', v_long));
  end if;
end $$;

-- ---------------------------------------------------------------------------------------------
-- Money in its columns
-- ---------------------------------------------------------------------------------------------
-- Columns have no scale of their own: a budget is written with the decimals that its currency has.
create function autonomy.budget_written() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if new.budget is null then
    return new;
  elsif new.budget not between 0 and 999999999999.99 then  -- NaN and Infinity are greater than all
    raise exception using errcode = 'check_violation',
      message = format('budget must be a number from 0 to 999,999,999,999.99, not %s.', new.budget);
  end if;
  new.budget := autonomy.kept_amount(new.budget, autonomy.currency_digits(
    (select a.currency from public.autonomy_accounts a where a.account = new.account)));
  return new;
end $$;
comment on function autonomy.budget_written() is
  'Trigger of campaigns: 150 becomes 150.00, of yen stays 150; what is finer stays as it is. Runs as its owner, since '
  'whoever may write campaigns need not have rights on accounts. Raises 23514 for what is no amount. '
  '[autonomous-operations]';

do $$ begin
  -- a table that was here before keeps its ways
  if 'campaigns' <> all (string_to_array(current_setting('autonomy.theirs'), ',')) then
    create trigger autonomy_budget_written before insert or update of budget on public.campaigns
      for each row execute function autonomy.budget_written();
  end if;
end $$;

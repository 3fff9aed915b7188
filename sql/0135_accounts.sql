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
  marginal_return_ratio numeric,
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
     'reserved, read by nothing yet: what all active campaigns together may have as budgets'),
    ('monthly_total', 0.01, 999999999999, 'money a month',
     'reserved, read by nothing yet: what all campaigns together may spend in a month')
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
create function autonomy.accounts_named() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- In one order, so that two who name the same new accounts wait for one another and never in a circle.
  insert into public.autonomy_accounts (account)
  select n.account from (select distinct account from new_campaigns) n
  where char_length(n.account) <= 200
    and not exists (select from public.autonomy_accounts a where a.account = n.account)
  order by n.account
  on conflict do nothing;
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
  referencing new table as new_campaigns for each statement execute function autonomy.accounts_named();

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

-- ---------------------------------------------------------------------------------------------
-- What holds for an account
-- ---------------------------------------------------------------------------------------------
create function autonomy.known_zone(p_zone text) returns text
language plpgsql stable set search_path = ''
as $$
begin
  perform timestamptz '2000-01-01' at time zone p_zone;
  return p_zone;
exception when invalid_parameter_value then
  return null;
end $$;
comment on function autonomy.known_zone(text) is
  'The zone, null where this server does not know it (any more): its rules come and go with the system''s. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.account_zone(p_account text) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce((select autonomy.known_zone(a.time_zone) from public.autonomy_accounts a
                     where a.account = p_account and a.time_zone is not null), p.time_zone)
    from public.autonomy_policy p);
end $$;
comment on function autonomy.account_zone(text) is
  'The zone that an account''s days are counted in: its own where the server knows it, else the policy''s. Reads only; '
  'raises nothing. [autonomous-operations]';

create function autonomy.unknown_zones() returns table (account text, time_zone text, sentence text)
language sql stable set search_path = ''
as $$
  select a.account, a.time_zone,
    format('The time zone "%s" of the account "%s" is not known to this database any more: its days are counted in '
           'the policy''s, %s. Give it another.', left(a.time_zone, 60), a.account, p.time_zone)
  from public.autonomy_accounts a cross join public.autonomy_policy p
  where a.time_zone is not null and autonomy.known_zone(a.time_zone) is null;
$$;
comment on function autonomy.unknown_zones() is
  'Accounts whose time zone this server does not know (any more), and what is to be said of each. Reads only; raises '
  'nothing. [autonomous-operations]';

create function autonomy.campaign_currency(p_campaign_id uuid) returns text
language sql stable set search_path = ''
as $$
  select a.currency from public.campaigns c join public.autonomy_accounts a on a.account = c.account
  where c.id = p_campaign_id;
$$;
comment on function autonomy.campaign_currency(uuid) is
  'The currency of a campaign''s account; null where it is unknown. Reads only; raises nothing. '
  '[autonomous-operations]';

create function autonomy.only_currency() returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when count(distinct coalesce(a.currency, '')) <= 1 then coalesce(min(a.currency), '') end
    from public.autonomy_accounts a);
end $$;
comment on function autonomy.only_currency() is
  'The currency of all accounts, '''' where it is known of none; null where there are several, which are never added '
  'up. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.policy_overlaid(
  p_policy public.autonomy_policy, p_account public.autonomy_accounts, p_prior jsonb)
returns public.autonomy_policy
language plpgsql stable set search_path = ''
as $$
begin
  return (
    -- By name, so that a column that the policy gains is there at once. Freeze and mode protect: the more careful
    -- holds.
    select jsonb_populate_record(p_policy, coalesce(
      jsonb_strip_nulls(to_jsonb(p_account) - array['mode', 'frozen', 'frozen_reason', 'updated_at', 'updated_by'])
      || jsonb_strip_nulls(jsonb_build_object('break_even_roi', (p_account).target_roi))
      || jsonb_build_object(
        'mode', coalesce((
          select m.mode from unnest(array['observe', 'approve', 'autonomous']) with ordinality m (mode, n)
          where m.mode in ((p_policy).mode, (p_account).mode) order by m.n limit 1), (p_policy).mode),
        'frozen', (p_policy).frozen or (p_account).frozen,
        'frozen_reason', case when (p_policy).frozen or not (p_account).frozen then (p_policy).frozen_reason
                              else (p_account).frozen_reason end), '{}') || coalesce(p_prior, '{}')));
end $$;
comment on function autonomy.policy_overlaid(public.autonomy_policy, public.autonomy_accounts, jsonb) is
  'A policy with an account''s own values and its prior (prior_ columns, null = the policy''s) laid over it. Computes '
  'only. [autonomous-operations]';

create function autonomy.stored_prior(p_account text, p_currency text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'prior_mean_roi', coalesce(k.mean_roi, w.mean_roi), 'prior_tau2', coalesce(k.tau2, w.tau2),
    'prior_order_value', coalesce(k.order_value, w.order_value), 'prior_cv2', coalesce(k.cv2, w.cv2)))
  from (values (1)) one
  left join autonomy.priors k on k.scope = 'account' and k.name = p_account
  left join autonomy.priors w on w.scope = 'currency' and w.name = coalesce(p_currency, '');
$$;
comment on function autonomy.stored_prior(text, text) is
  'The prior of an account as it was last fitted, or that of its currency, as columns of the policy; {} without '
  'either. Reads only; raises nothing. [autonomous-operations]';

create function autonomy.policies_of(p_accounts text[]) returns table (account text, p public.autonomy_policy)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_policy public.autonomy_policy;
begin
  select * into v_policy from public.autonomy_policy;
  if not found then
    return;
  elsif v_policy.mode = 'observe' then
    -- Where all is only observed, what would be done is said: that alone is nobody's reason to hold.
    v_policy.mode := 'autonomous';
  end if;
  v_policy := autonomy.checked_policy(v_policy);
  return query
  select u.account, case when o.own is distinct from v_policy then autonomy.checked_policy(o.own) else v_policy end
  from (select distinct coalesce(n, '') as account from unnest(p_accounts) n) u
  left join public.autonomy_accounts a on a.account = u.account
  cross join lateral (select autonomy.policy_overlaid(v_policy, a, autonomy.stored_prior(u.account, a.currency))
                      as own offset 0) o;
end $$;
comment on function autonomy.policies_of(text[]) is
  'The policy that decisions about each of these accounts go by; an empty name stands for campaigns without one. Its '
  'mode is observe only where the account''s own is. Reads only; raises AO002 where a limit is none. '
  '[autonomous-operations]';

create function public.autonomy_account_policies(p_account text default null) returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_object_agg(f.account, to_jsonb(f.p)), '{}')
  from autonomy.policies_of(array(
    select a.account from public.autonomy_accounts a
    where (p_account is null or a.account = p_account)
      and (a.frozen or jsonb_strip_nulls(to_jsonb(a) - array[
        'account', 'currency', 'time_zone', 'frozen', 'frozen_reason', 'conversion_value', 'attribution_factor',
        'daily_total', 'monthly_total', 'updated_at', 'updated_by']) <> '{}'))) f;
$$;
comment on function public.autonomy_account_policies(text) is
  'The policies of the accounts that differ from the policy (p_account: of that one), by account, as decisions go by '
  'them. Reads only; safe to call again; raises AO002 where a limit is none. [autonomous-operations]';

create function autonomy.account_policy(p_account text) returns public.autonomy_policy
language sql stable set search_path = ''
as $$
  select autonomy.checked_policy(
    autonomy.policy_overlaid(p, a, autonomy.stored_prior(p_account, a.currency)))
  from public.autonomy_policy p left join public.autonomy_accounts a on a.account = p_account;
$$;
comment on function autonomy.account_policy(text) is
  'The policy as it holds for an account; the policy itself for one that has no row. Reads only; raises AO002 where a limit is '
  'none. [autonomous-operations]';

create function autonomy.longest_approval() returns interval
language sql stable set search_path = ''
as $$
  select greatest(p.approval_hours, (select max(a.approval_hours) from public.autonomy_accounts a)) * interval '1 hour'
  from public.autonomy_policy p;
$$;
comment on function autonomy.longest_approval() is
  'How long a proposal may wait where it may wait longest: the policy''s approval_hours or an account''s. Reads only; '
  'raises nothing. [autonomous-operations]';

-- Readings of connected accounts: one at a time for each account, whoever asks, and what came of each.
--
-- A reading has its account's lease, which every page that it records extends; a lease that ran out may be taken
-- over, and from then on the old token opens nothing (AO007). Whatever is recorded is an upsert: a reading that was
-- cut short is begun anew.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.hold_pull(p_account text, p_token uuid) returns autonomy.platform_accounts
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts;
begin
  perform autonomy.hold_schema();
  update autonomy.platform_accounts x
  set lease_expires_at = clock_timestamp() + make_interval(secs => x.lease_seconds)
  where x.account = p_account and x.lease_token = p_token and x.lease_expires_at is not null
  returning * into v_pull;
  if not found then
    raise exception using errcode = 'AO007',
      message = format('This reading of the account %L does not hold its lease any more: it has ended, or another '
                       'one took over.', p_account);
  end if;
  return v_pull;
end $$;
comment on function autonomy.hold_pull(text, uuid) is
  'Locks the row of a connected account, checks the token of its reading and extends its lease. Safe to call again. '
  'Raises AO007 (lease lost), AO015 (the database is being upgraded). [autonomous-operations]';

create function autonomy.list_error(p_value jsonb, p_name text, p_most integer) returns void
language plpgsql immutable set search_path = ''
as $$
begin
  if p_value is null or jsonb_typeof(p_value) <> 'array' or jsonb_array_length(p_value) > p_most then
    raise exception using errcode = 'AO010',
      message = format('%s must be a JSON array of at most %s objects.', p_name, p_most);
  end if;
end $$;
comment on function autonomy.list_error(jsonb, text, integer) is
  'Raises AO010 where a value is no array, or too long a one. Only computes. [autonomous-operations]';

create function autonomy.written_day(p_text text) returns date
language plpgsql stable set search_path = ''
as $$
begin
  return case when p_text ~ '^\d{4}-\d\d-\d\d$'
    then (autonomy.metric_bucket(p_text, 'UTC') at time zone 'UTC')::date end;
end $$;
comment on function autonomy.written_day(text) is
  'A day as programs write it, as 2026-11-28; null for all else. Only computes; raises nothing. '
  '[autonomous-operations]';

create function public.begin_platform_pull(
  p_account text, p_token uuid, p_lease_seconds integer default 300, p_force boolean default false,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts;
begin
  perform autonomy.hold_schema();
  perform autonomy.simulated_moment(p_now);
  if p_token is null then
    raise exception using errcode = 'AO010', message = 'p_token is NULL: the caller makes the token of a reading.';
  elsif p_lease_seconds is null or p_lease_seconds not between 1 and 3600 then
    raise exception using errcode = 'AO010', message = 'p_lease_seconds must be from 1 to 3600.';
  end if;
  select * into v_pull from autonomy.platform_accounts x where x.account = p_account for update;
  if not found then
    raise exception using errcode = 'AO003', message = format('The account %L is not connected.', p_account),
      hint = 'Connect it: python -m autonomy connect meta, or google.';
  elsif v_pull.lease_expires_at >= clock_timestamp() and v_pull.lease_token is distinct from p_token then
    return jsonb_build_object('outcome', 'busy', 'retry_after_seconds',
      greatest(1, ceil(extract(epoch from v_pull.lease_expires_at - clock_timestamp()))::integer));
  elsif v_pull.not_before > p_now and not coalesce(p_force, false) then
    return jsonb_build_object('outcome', 'later', 'not_before', v_pull.not_before, 'message', v_pull.last_error);
  end if;
  update autonomy.platform_accounts x
  set lease_token = p_token, lease_seconds = p_lease_seconds, began_at = p_now,
      lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
  where x.account = p_account returning * into v_pull;
  return jsonb_build_object('outcome', 'started', 'now', p_now) || to_jsonb(v_pull)
    - array['lease_token', 'lease_expires_at', 'lease_seconds', 'facts'];
end $$;
comment on function public.begin_platform_pull(text, uuid, integer, boolean, timestamptz) is
  'Begins a reading of a connected account under a token that its caller makes: {"outcome": started, with what is to '
  'be read; busy: another one is at it; later: a limit of the platform, which p_force passes over}. Safe to call '
  'again. Raises AO003 (not connected), AO010 (argument), AO014 (p_now is not the clock''s), AO015 (upgrade). '
  '[autonomous-operations]';

create function autonomy.note_platform_facts(p_account text, p_facts jsonb, p_actor text) returns void
language plpgsql set search_path = ''
as $$
-- The platform's days are the account's: in another zone each figure would stand on the wrong one.
declare
  v_currency text := upper(btrim(p_facts ->> 'currency'));
  v_zone text := p_facts ->> 'time_zone';
  v_had text;
begin
  if jsonb_typeof(p_facts) is distinct from 'object' or (v_currency ~ '^[A-Z]{3}$') is not true
     or autonomy.known_zone(coalesce(v_zone, '')) is null then
    raise exception using errcode = 'AO010',
      message = format('The platform must state currency and time zone of the account %L; it says %s and %s.',
                       p_account, coalesce(left(v_currency, 40), 'nothing'), coalesce(left(v_zone, 40), 'nothing'));
  end if;
  insert into public.autonomy_accounts (account, currency, time_zone, updated_by)
  values (p_account, v_currency, v_zone, p_actor) on conflict (account) do nothing;
  select a.currency into v_had from public.autonomy_accounts a where a.account = p_account;
  if v_had <> v_currency then
    raise exception using errcode = 'AO012',
      message = format('The account %L is in %s here and in %s on its platform: figures are not converted.', p_account,
                       v_had, v_currency),
      hint = 'Where it is wrong here, change it first: python -m autonomy accounts set ACCOUNT currency=CODE.';
  end if;
  update public.autonomy_accounts a
  set currency = v_currency, time_zone = v_zone, updated_by = p_actor, updated_at = clock_timestamp()
  where a.account = p_account and (a.currency, a.time_zone) is distinct from (v_currency, v_zone);
  update autonomy.platform_accounts x set facts = p_facts where x.account = p_account and x.facts <> p_facts;
end $$;
comment on function autonomy.note_platform_facts(text, jsonb, text) is
  'Takes currency and time zone of an account from what its platform says. Safe to call again. Raises AO010 (none '
  'stated), AO012 (another currency than the account has). [autonomous-operations]';

create function public.record_platform_facts(p_account text, p_token uuid, p_facts jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts := autonomy.hold_pull(p_account, p_token);
begin
  perform autonomy.note_platform_facts(p_account, p_facts, autonomy.platform_title(v_pull.platform));
  return p_facts;
end $$;
comment on function public.record_platform_facts(text, uuid, jsonb) is
  'Notes what a platform says of an account itself, {"name", "currency", "time_zone", ...}; where currency or zone '
  'are not those of the account, the zone is taken and the currency refused. Safe to call again. Raises AO007 (lease '
  'lost), AO010, AO012 (another currency). [autonomous-operations]';

create function public.record_platform_pulse(
  p_account text, p_token uuid, p_pulse jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts := autonomy.hold_pull(p_account, p_token);
begin
  perform autonomy.simulated_moment(p_now);
  insert into autonomy.platform_pulse as u (account, at, day, spend, clicks, conversions)
  select p_account, p_now, n.day, n.spend, n.clicks, n.conversions
  from (select autonomy.written_number(p_pulse ->> 'spend') as spend,
               autonomy.written_number(p_pulse ->> 'clicks') as clicks,
               autonomy.written_number(p_pulse ->> 'conversions') as conversions,
               autonomy.written_day(p_pulse ->> 'day') as day) n
  where n.spend >= 0 and n.clicks >= 0 and n.conversions >= 0
    and n.day between (p_now at time zone 'UTC')::date - 1 and (p_now at time zone 'UTC')::date + 1
  on conflict (account, at) do update set
    day = excluded.day, spend = excluded.spend, clicks = excluded.clicks, conversions = excluded.conversions;
  delete from autonomy.platform_pulse u where u.account = p_account and u.at < p_now - interval '60 days';
  return jsonb_build_object('account', v_pull.account);
end $$;
comment on function public.record_platform_pulse(text, uuid, jsonb, timestamptz) is
  'Keeps an account''s totals of its present day, {"day", "spend", "clicks", "conversions"}, as they are told now; '
  'what is no figure is left out. Safe to call again. Raises AO007 (lease lost), AO014 (p_now is not the clock''s). '
  '[autonomous-operations]';

create function public.finish_platform_pull(
  p_account text, p_token uuid, p_outcome text, p_pulled boolean default false, p_restated boolean default false,
  p_message text default '', p_code text default '', p_seconds numeric default null,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts;
begin
  perform autonomy.simulated_moment(p_now);
  if p_outcome is null or p_outcome not in ('done', 'stopped', 'later', 'failed', 'broken') then
    raise exception using errcode = 'AO010', message = 'p_outcome must be done, stopped, later, failed or broken.';
  end if;
  update autonomy.platform_accounts x set
    lease_expires_at = null,
    pulled_at = case when p_pulled then greatest(x.began_at, x.pulled_at) else x.pulled_at end,
    restated_at = case when p_restated then x.began_at else x.restated_at end,
    cursor = case when p_restated then null else x.cursor end,
    not_before = case when p_outcome = 'later'
      then p_now + make_interval(secs => least(greatest(coalesce(p_seconds, 60), 1), 86400)::float8) end,
    state = case when p_outcome = 'broken' then 'broken' when p_pulled then 'ok' else x.state end,
    state_since = case when x.state <> case when p_outcome = 'broken' then 'broken' when p_pulled then 'ok'
                                            else x.state end then p_now else x.state_since end,
    state_code = case when p_outcome = 'broken' then left(coalesce(p_code, ''), 200) when p_pulled then ''
                      else x.state_code end,
    state_message = case when p_outcome = 'broken' then left(coalesce(p_message, ''), 500) when p_pulled then ''
                         else x.state_message end,
    last_error = case when p_outcome in ('done', 'stopped') then '' else left(coalesce(p_message, ''), 500) end
  where x.account = p_account and x.lease_token = p_token
  returning * into v_pull;
  if not found then
    raise exception using errcode = 'AO007',
      message = format('This reading of the account %L does not hold its lease any more: another one took over.',
                       p_account);
  end if;
  return jsonb_build_object('account', v_pull.account, 'state', v_pull.state, 'pulled_at', v_pull.pulled_at,
                            'restated_at', v_pull.restated_at, 'not_before', v_pull.not_before);
end $$;
comment on function public.finish_platform_pull(text, uuid, text, boolean, boolean, text, text, numeric, timestamptz) is
  'Ends a reading and gives its lease back: done; stopped (out of time: the next goes on); later (a limit: p_seconds); '
  'failed; broken (the account as a whole: nothing is decided on it). p_pulled: its campaigns and last days are in; '
  'p_restated: so are the days that were still to be read. Safe to call again. Raises AO007 (lease lost), AO010 '
  '(argument), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function autonomy.dashboard_state_of_platforms(p_each boolean default false)
returns table (code text, level text, sentence text, details text[], figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select 'ACCOUNT_BROKEN', 'act',
    format('The account "%s" cannot be read from %s any more, and nothing is decided on it: %s',
           left(x.account, 80), autonomy.platform_title(x.platform), x.state_message),
    '{}'::text[], case when p_each then jsonb_build_object('account', x.account) else '{}' end
  from autonomy.platform_accounts x where x.state = 'broken'
  union all
  select 'PAUSE_WAITING', 'act',
    format('%s of the account "%s" %s waited more than an hour to be paused on %s, and %s spending there%s',
           case when count(*) = 1 then '1 campaign' else count(*) || ' campaigns' end, left(x.account, 80),
           case when count(*) = 1 then 'has' else 'have' end, autonomy.platform_title(x.platform),
           case when count(*) = 1 then 'goes on' else 'go on' end, coalesce(': ' || nullif(min(d.message), ''), '.')),
    array(select left(coalesce(c.title, c.id::text), 80) from public.campaigns c
          where c.id = any (array_agg(d.campaign_id)) order by c.title, c.id limit 5),
    jsonb_build_object('waiting', count(*))
      || case when p_each then jsonb_build_object('account', x.account) else '{}' end
  from autonomy.deliveries d
  join autonomy.platform_units y on y.campaign_id = d.campaign_id
  join autonomy.platform_accounts x on x.account = y.account
  where d.is_current and d.state in ('waiting', 'unsure') and d.field = 'status' and d.wanted = 'paused'
    and x.push = 'on' and d.wanted_at < now() - interval '1 hour'
  group by x.account
  order by 1, 3;
end $$;
comment on function autonomy.dashboard_state_of_platforms(boolean) is
  'Part of dashboard_state: connected accounts that cannot be read, and pauses that have waited for an hour to be '
  'carried over (p_each: each by itself). Reads only. [autonomous-operations]';

create function autonomy.connection(p_account text, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object(
      'account', x.account, 'platform', x.platform, 'platform_title', autonomy.platform_title(x.platform),
      'external_id', x.external_id, 'login_id', x.login_id, 'credential', x.credential, 'push', x.push,
      'name', x.facts ->> 'name', 'currency', x.facts ->> 'currency', 'time_zone', x.facts ->> 'time_zone',
      'conversion_action', x.conversion_action, 'attribution_windows', x.attribution_windows,
      'state', x.state, 'state_code', x.state_code, 'state_message', x.state_message, 'state_since', x.state_since,
      'pulled_at', x.pulled_at, 'restated_at', x.restated_at, 'still_to_read', x.cursor,
      'not_before', x.not_before, 'last_error', x.last_error,
      'reading', coalesce(x.lease_expires_at >= clock_timestamp(), false),
      'connected_at', x.connected_at, 'connected_by', x.connected_by,
      'too_old', (x.pulled_at >= p_now - interval '90 minutes') is not true,
      'units', u.units, 'gone', u.gone, 'without_own_budget', u.others,
      'checked_at', x.checked_at, 'waiting', w.waiting, 'unsure', w.unsure, 'refused', w.refused)
    from autonomy.platform_accounts x
    cross join lateral (
      select count(*) filter (where y.gone_at is null) as units, count(*) filter (where y.gone_at is not null) as gone,
        count(*) filter (where y.gone_at is null and y.budget_kind <> 'daily') as others
      from autonomy.platform_units y where y.account = x.account) u
    cross join lateral (
      select count(*) filter (where d.state = 'waiting') as waiting,
        count(*) filter (where d.state = 'unsure') as unsure,
        count(*) filter (where d.state in ('refused', 'not_taken')
                           and d.settled_at > p_now - interval '7 days') as refused
      from autonomy.platform_units y join autonomy.deliveries d on d.campaign_id = y.campaign_id and d.is_current
      where y.account = x.account) w
    where x.account = p_account);
end $$;
comment on function autonomy.connection(text, timestamptz) is
  'A connected account: to what, when it was read last, in what state it is, how many units it has, and how many '
  'changes wait, are unsure, or were refused within 7 days; null where it '
  'is not connected. Only reads; raises nothing. [autonomous-operations]';

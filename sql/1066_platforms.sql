-- Connecting accounts to their platforms, and what pages and programs see of them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.list_platform_accounts(
  p_account text default null, p_shard text default null, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if p_account is not null and not exists (
    select from autonomy.platform_accounts x where x.account = p_account) then
    raise exception using errcode = 'AO003', message = format('The account %L is not connected.', p_account),
      hint = 'Connect it: python -m autonomy connect meta, or google.';
  end if;
  return (
    select coalesce(jsonb_agg(autonomy.connection(x.account, p_now) order by x.account), '[]')
    from autonomy.platform_accounts x
    where (p_account is null or x.account = p_account)
      and autonomy.account_slot(x.account) <@ autonomy.shard_slots(p_shard));
end $$;
comment on function public.list_platform_accounts(text, text, timestamptz) is
  'The accounts that are connected to their platforms, those of a shard, or one: platform and id there, state and '
  'why, when it was read last, what is still to be read. Only reads; safe to call again. Raises AO003 (not connected), '
  'AO010 (no shard). [autonomous-operations]';

create function autonomy.connection_error(p_account text, p_platform text, p_external_id text, p_credential text)
returns void language plpgsql stable set search_path = ''
as $$
declare
  v_other autonomy.platform_accounts;
begin
  if coalesce(p_account, '') = '' or char_length(p_account) > 200 then
    raise exception using errcode = 'AO010', message = 'The name of an account has 1 to 200 characters.';
  elsif p_platform is null or p_platform not in ('meta', 'google') then
    raise exception using errcode = 'AO010', message = 'The platform is meta or google.';
  elsif (p_external_id ~ '^[0-9]{1,20}$') is not true then
    raise exception using errcode = 'AO010',
      message = 'The account''s id on its platform is digits alone, without act_ and without dashes.';
  elsif (p_credential ~ '^[A-Z0-9_]{0,40}$') is not true then
    raise exception using errcode = 'AO010',
      message = 'A credential is the name of one, in capitals, digits and underscores: never a token.';
  end if;
  select * into v_other from autonomy.platform_accounts x
  where (x.account = p_account) <> (x.platform = p_platform and x.external_id = p_external_id) limit 1;
  if found then
    raise exception using errcode = 'AO012',
      message = format('The account %L is connected to %s %s already.', v_other.account,
                       autonomy.platform_title(v_other.platform), v_other.external_id),
      hint = 'Disconnect it first: python -m autonomy disconnect ACCOUNT.';
  end if;
end $$;
comment on function autonomy.connection_error(text, text, text, text) is
  'Raises what is wrong with a connection that is to be made: AO010 (argument), AO012 (either side is connected '
  'elsewhere). Only reads. [autonomous-operations]';

create function autonomy.name_of_connection(p_platform text, p_external_id text, p_facts jsonb) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(
    (select x.account from autonomy.platform_accounts x
     where x.platform = p_platform and x.external_id = p_external_id),
    (select c.account from autonomy.feed_campaigns f join public.campaigns c on c.id = f.campaign_id
     where regexp_replace(f.account_id, '\D', '', 'g') = p_external_id
       and f.platform ~ case p_platform when 'meta' then 'meta|facebook|instagram' else 'google' end
     group by c.account order by count(*) desc, c.account limit 1),
    nullif(left(p_facts ->> 'name', 200), ''), p_external_id);
end $$;
comment on function autonomy.name_of_connection(text, text, jsonb) is
  'What an account is called here where nobody says it: as it is connected already, as the feed has it, as the '
  'platform calls it, or its id there. Only reads; raises nothing. [autonomous-operations]';

create function public.connect_platform_account(
  p_account text, p_platform text, p_external_id text, p_facts jsonb, p_login_id text default null,
  p_credential text default '', p_conversion_action text default null, p_attribution_windows text[] default '{}',
  p_limits jsonb default '{}', p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(nullif(p_actor, ''), autonomy.actor());
  v_delay float8 := autonomy.written_number(p_limits ->> 'conversion_delay_hours')::float8;
begin
  perform autonomy.hold_schema();
  p_account := coalesce(p_account, autonomy.name_of_connection(p_platform, p_external_id, p_facts));
  perform autonomy.connection_error(p_account, p_platform, p_external_id, p_credential);
  insert into autonomy.platform_accounts as x
    (account, platform, external_id, login_id, credential, conversion_action, attribution_windows, connected_by)
  values (p_account, p_platform, p_external_id, nullif(p_login_id, ''), p_credential, p_conversion_action,
          coalesce(p_attribution_windows, '{}'), v_actor)
  on conflict (account) do update set
    login_id = excluded.login_id, credential = excluded.credential, conversion_action = excluded.conversion_action,
    attribution_windows = excluded.attribution_windows, state = 'ok', state_code = '', state_message = '',
    state_since = now(), not_before = null, last_error = '';
  perform autonomy.note_platform_facts(p_account, p_facts, v_actor);
  -- what a person has set stays
  update public.autonomy_accounts a set
    mode = 'observe',
    min_confidence = coalesce(a.min_confidence, autonomy.written_number(p_limits ->> 'min_confidence')),
    min_pause_confidence = coalesce(a.min_pause_confidence,
                                    autonomy.written_number(p_limits ->> 'min_pause_confidence')),
    max_step = coalesce(a.max_step, autonomy.written_number(p_limits ->> 'max_step')),
    updated_by = v_actor, updated_at = clock_timestamp()
  where a.account = p_account;
  -- assumed until the account's own delay is measured
  if v_delay > 0 and not exists (
    select from autonomy.priors k where k.scope = 'account' and k.name = p_account and k.delay_hours is not null) then
    perform autonomy.use_measured(p_account, 'delay', v_delay);
  end if;
  return autonomy.connection(p_account, now());
end $$;
comment on function public.connect_platform_account(text, text, text, jsonb, text, text, text, text[], jsonb, text) is
  'Connects an account to its platform, read only: currency and zone are taken from p_facts, the account is observed, '
  'p_limits (min_confidence, min_pause_confidence, max_step, conversion_delay_hours) hold where nothing is set. '
  'Without p_account it keeps the name that it has here or in the feed, else the platform''s. p_credential is a name, '
  'never a secret. Safe to call again. Raises AO010 (argument), AO012 (connected elsewhere, another currency), AO015 '
  '(upgrade). [autonomous-operations]';

create function public.disconnect_platform_account(p_account text) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_was jsonb := autonomy.connection(p_account, now());
begin
  perform autonomy.hold_schema();
  if v_was is null then
    raise exception using errcode = 'AO003', message = format('The account %L is not connected.', p_account),
      hint = 'The connected ones: python -m autonomy sync --list.';
  end if;
  perform from autonomy.platform_accounts x where x.account = p_account for update;  -- before effects, as all do
  perform autonomy.give_up_deliveries(p_account, null, true, 'Its account was disconnected from its platform.', now());
  delete from autonomy.platform_accounts x where x.account = p_account;
  delete from autonomy.platform_units y where y.account = p_account;
  return v_was;
end $$;
comment on function public.disconnect_platform_account(text) is
  'Ends the connection of an account; campaigns, figures and settings stay, and so does its mode (observe). Answers '
  'what it was connected to. Raises AO003 (not connected), AO015 (upgrade). [autonomous-operations]';

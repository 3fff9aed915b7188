-- Whether changes are carried over to an account's platform: off, validate (it is asked, nothing changes), on.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.push_words(p_pull autonomy.platform_accounts, p_push text) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_platform text := autonomy.platform_title(p_pull.platform);
begin
  return case p_push
    when 'off' then format('Nothing is carried over to %s; the account is only observed.', v_platform)
    when 'validate' then format('%s is asked whether it would take what is changed here; nothing is changed there, and '
                                'runs only observe the account.', v_platform)
    else format('What is changed here is carried over to %s. Runs go on observing the account until its mode says '
                'otherwise.', v_platform) end
    || case when p_push <> 'off' and p_pull.checked_at is null
         then ' This was never tried on a real account: look at the platform''s own pages after the first changes. '
              'python -m autonomy connect --check looks at what can be looked at beforehand.' else '' end;
end $$;
comment on function autonomy.push_words(autonomy.platform_accounts, text) is
  'What a person is told who switches carrying over. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.push_error(p_pull autonomy.platform_accounts, p_push text, p_confirm boolean) returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_policy public.autonomy_policy := autonomy.account_policy(p_pull.account);
  v_floor float8 := autonomy.policy_floor(v_policy, true);
begin
  if p_push = 'off' then
    return;
  elsif p_pull.state <> 'ok' then
    raise exception using errcode = 'AO012',
      message = format('The account %L cannot be reached: %s', p_pull.account, p_pull.state_message),
      hint = 'Mend that first, then read it: python -m autonomy sync.';
  elsif p_pull.pulled_at is null then
    raise exception using errcode = 'AO012',
      message = format('The account %L has not been read yet, so what it has is not known.', p_pull.account),
      hint = 'Read it first: python -m autonomy sync.';
  elsif p_push = 'on' and p_pull.push = 'off' then
    raise exception using errcode = 'AO012',
      message = 'From off it goes to validate first: the platform is asked, and nothing is changed.';
  elsif p_push = 'on' and p_pull.push <> 'on' and v_floor < 80 and p_confirm is not true then
    raise exception using errcode = 'AO012',
      message = format('Campaigns are paused here from %s %% on that they lose money, so that up to %s of 100 pauses '
                       'are expected to be wrong, and they would stop real campaigns.',
                       autonomy.short_number(v_floor), autonomy.short_number(100 - v_floor)),
      hint = 'Use a more careful preset (balanced) for the account, or confirm it.';
  end if;
end $$;
comment on function autonomy.push_error(autonomy.platform_accounts, text, boolean) is
  'Raises AO012 for what stands against carrying over. Only reads. [autonomous-operations]';

create function autonomy.in_step(p_account text, p_now timestamptz) returns bigint
language plpgsql set search_path = ''
as $$
-- What was changed here while nothing was carried over is not carried over now: an old wish is nobody's any more.
declare
  v_pull autonomy.platform_accounts;
  v_digits integer := autonomy.money_digits(p_account);
  v_changes autonomy.unit_change[];
begin
  select * into v_pull from autonomy.platform_accounts x where x.account = p_account;
  perform from (select c.id from public.campaigns c join autonomy.platform_units x on x.campaign_id = c.id
                where x.account = p_account order by c.id for no key update of c) locked;
  v_changes := array(
    select row(c.id, f.status = 'active', f.budget, f.title, false, w.status, w.budget, false, false, false, false,
               false, f.status, f.budget, '')::autonomy.unit_change
    from autonomy.platform_units x
    join public.campaigns c on c.id = x.campaign_id
    join autonomy.file_states f on f.campaign_id = x.campaign_id
    cross join lateral (select
      coalesce(f.status <> autonomy.field_text('status', c.status, null, 0), false) as status,
      autonomy.field_text('budget', null, f.budget, v_digits)
        is distinct from autonomy.field_text('budget', null, c.budget, v_digits) as budget) w
    where x.account = p_account and x.gone_at is null and (w.status or w.budget)
    order by c.id);
  perform autonomy.follow_units(autonomy.platform_title(v_pull.platform), v_changes, p_now);
  update autonomy.deliveries d set is_current = false, state = 'not_delivered', settled_at = p_now
  from autonomy.platform_units x
  where x.account = p_account and d.campaign_id = x.campaign_id and d.is_current and d.state in ('waiting', 'unsure');
  update autonomy.platform_units x set out_of_step = false, seen = '{}' where x.account = p_account;
  return cardinality(v_changes);
end $$;
comment on function autonomy.in_step(text, timestamptz) is
  'Rows of an account that differ from what is known of its platform take that: nobody''s change; how many. A part of '
  'set_platform_push. Raises what triggers of campaigns raise. [autonomous-operations]';

create function autonomy.push_switched() returns trigger
language plpgsql set search_path = ''
as $$
-- What was changed here while nothing was carried over would go there all at once, and no one was asked.
begin
  if current_setting('autonomy.push', true) is not distinct from new.push then
    return new;
  end if;
  raise exception using errcode = 'AO012',
    message = format('push: whether changes of the account %L are carried over is switched by set_platform_push alone.',
                     new.account),
    hint = format('select set_platform_push(%L, %L);', new.account, new.push);
end $$;
comment on function autonomy.push_switched() is
  'Trigger of platform_accounts: push is switched by set_platform_push, which asks, gives up what waits and brings '
  'rows in step. Raises AO012. [autonomous-operations]';

create trigger autonomy_push_switched before update of push on autonomy.platform_accounts
  for each row when (new.push <> old.push) execute function autonomy.push_switched();
create trigger autonomy_push_begun before insert on autonomy.platform_accounts
  for each row when (new.push <> 'off') execute function autonomy.push_switched();

create function public.set_platform_push(
  p_account text, p_push text, p_confirm boolean default false, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts;
  v_actor text := coalesce(nullif(p_actor, ''), autonomy.actor());
  v_given_up bigint := 0;
  v_taken bigint := 0;
begin
  perform autonomy.hold_schema();
  if p_push is null or p_push not in ('off', 'validate', 'on') then
    raise exception using errcode = 'AO010', message = 'p_push is off, validate or on.';
  end if;
  select * into v_pull from autonomy.platform_accounts x where x.account = p_account for update;
  if not found then
    raise exception using errcode = 'AO003', message = format('The account %L is not connected.', p_account),
      hint = 'Connect it: python -m autonomy connect meta, or google.';
  end if;
  perform autonomy.push_error(v_pull, p_push, p_confirm);
  if p_push <> v_pull.push then
    perform autonomy.lock_effects();
    if v_pull.push = 'on' then
      v_given_up := autonomy.give_up_deliveries(
        p_account, null, true, format('Carrying over was switched off by %s.', left(v_actor, 120)), now());
      update public.autonomy_accounts a set mode = 'observe', updated_by = v_actor, updated_at = clock_timestamp()
      where a.account = p_account;
    elsif v_pull.push = 'off' or p_push = 'on' then
      v_taken := autonomy.in_step(p_account, now());
    end if;
    perform set_config('autonomy.push', p_push, true);
    update autonomy.platform_accounts x set push = p_push where x.account = p_account returning * into v_pull;
    perform set_config('autonomy.push', '', true);
  end if;
  return autonomy.connection(p_account, now()) || jsonb_build_object(
    'message', autonomy.push_words(v_pull, p_push), 'given_up', v_given_up, 'taken_over', v_taken);
end $$;
comment on function public.set_platform_push(text, text, boolean, text) is
  'Whether changes are carried over to an account''s platform: off, validate, on; from off by way of validate. Where '
  'pauses are made from under 80 % on, on needs p_confirm. Switched on, rows that differ take what the platform has; '
  'switched back, what waits fails as NOT_DELIVERED, and the account is observed. Answers the connection with '
  '"message", "given_up", "taken_over". Safe to call again. Raises AO003 (not connected), AO010 (argument), AO012 '
  '(not read, broken, not confirmed, not validated before), AO015 (upgrade). [autonomous-operations]';

create function public.record_platform_check(p_account text, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.hold_schema();
  perform autonomy.simulated_moment(p_now);
  update autonomy.platform_accounts x set checked_at = p_now where x.account = p_account;
  if not found then
    raise exception using errcode = 'AO003', message = format('The account %L is not connected.', p_account),
      hint = 'Connect it: python -m autonomy connect meta, or google.';
  end if;
  return autonomy.connection(p_account, p_now);
end $$;
comment on function public.record_platform_check(text, timestamptz) is
  'Notes that a real account was looked at and its platform answers as expected (connect --check): from then on nobody '
  'is told that it was never tried. Answers the connection. Safe to call again. Raises AO003 (not connected), AO014 '
  '(p_now is not the clock''s), AO015 (upgrade). [autonomous-operations]';

-- What is to be carried over to a platform: of each campaign's status and budget what its row wants, what is known of
-- the platform, and what became of bringing it there.
--
-- Level-triggered: a delivery is there because a row differs from what was last known of its platform
-- (autonomy.file_states, the base), whoever changed the row. The log of changes says who it was. Where nothing is
-- carried over (push = off), there are none.
-- squawk-ignore-file require-concurrent-index-creation
-- The indexes are built on tables that are empty or our own, and a transaction cannot build them concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

alter table autonomy.platform_units
  add column if not exists out_of_step boolean not null default false,
  add column if not exists seen jsonb not null default '{}';
comment on column autonomy.platform_units.out_of_step is 'something of it waits to be carried over';
comment on column autonomy.platform_units.seen is
  'differences that nobody is known to have made, by field: {"value", "at"}; they count when they are seen again';
create index if not exists platform_units_out_of_step on autonomy.platform_units (account) where out_of_step;

create table if not exists autonomy.deliveries (
  id bigint generated always as identity primary key,
  campaign_id uuid not null,
  field text not null,
  wanted text not null,
  was text not null,
  state text not null default 'waiting',
  is_current boolean not null default true,
  action_id uuid,
  wanted_by text not null,
  wanted_at timestamptz not null,
  tries bigint not null default 0,
  misses bigint not null default 0,
  missed_at timestamptz,
  sent text,
  sent_at timestamptz,
  not_before timestamptz,
  first_unsure_at timestamptz,
  confirmed_at timestamptz,
  settled_at timestamptz,
  code text not null default '',
  message text not null default '',
  request_id text not null default '',
  constraint deliveries_field_check check (field in ('status', 'budget')),
  constraint deliveries_wanted_by_check check (wanted_by in ('action', 'person', 'rollback')),
  constraint deliveries_state_check check (state in ('waiting', 'unsure', 'confirmed', 'refused', 'not_taken',
    'not_delivered', 'overruled', 'gone', 'replaced'))
);
comment on table autonomy.deliveries is
  'What was wanted of a platform, by campaign and field, and what became of it; the current one of each and those of '
  'actions before it. [autonomous-operations]';
comment on column autonomy.deliveries.wanted is 'active or paused; or the budget of a day, in whole units: 60.00';
comment on column autonomy.deliveries.was is 'what was known of the platform when it was wanted';
comment on column autonomy.deliveries.state is
  'waiting; unsure (written, and no answer: what was written stands in sent); confirmed; refused; not_taken; '
  'not_delivered; overruled (somebody changed it there first); gone; replaced (a later change took its place)';
comment on column autonomy.deliveries.action_id is 'the action that wanted it, or whose rollback did; null = a person';
comment on column autonomy.deliveries.misses is 'how often it was read back and was not there';
comment on column autonomy.deliveries.not_before is 'a limit of the platform: it is not tried before that';

create unique index if not exists deliveries_current on autonomy.deliveries (campaign_id, field) where is_current;
create index if not exists deliveries_campaign on autonomy.deliveries (campaign_id, field, id);
create index if not exists deliveries_action on autonomy.deliveries (action_id) where action_id is not null;
create index if not exists deliveries_open on autonomy.deliveries (wanted_at) where state in ('waiting', 'unsure');

create table if not exists autonomy.platform_calls (
  id uuid primary key,
  run_id uuid,
  action_id uuid,
  account text not null,
  campaign_id uuid,
  external_id text not null,
  what jsonb not null,
  outcome text not null,
  code text not null default '',
  message text not null default '',
  request_id text not null default '',
  at timestamptz not null
);
comment on table autonomy.platform_calls is
  'Every change that was asked of a platform, and its answer; never a token. Kept as long as runs are. '
  '[autonomous-operations]';
comment on column autonomy.platform_calls.what is '{"field", "from", "to", "validate"}';
create index if not exists platform_calls_campaign on autonomy.platform_calls (campaign_id, at desc);
create index if not exists platform_calls_at on autonomy.platform_calls (at);

-- ---------------------------------------------------------------------------------------------
-- Small pieces
-- ---------------------------------------------------------------------------------------------
create function autonomy.field_text(p_field text, p_status text, p_budget numeric, p_digits integer) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- In the platform's units: 133.33 yen read back as 133 and are the same.
begin
  return case
    when p_field = 'status' then case when lower(p_status) = 'active' then 'active' else 'paused' end
    when p_budget between 0 and 999999999999.99 then round(p_budget, p_digits)::text end;
end $$;
comment on function autonomy.field_text(text, text, numeric, integer) is
  'A campaign''s status (active, or else paused) or budget as deliveries write it; null for what is no budget. Pure. '
  '[autonomous-operations]';

create function autonomy.carries_budget(p_unit autonomy.platform_units) returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return p_unit.budget_kind = 'daily' and (p_unit.hold in (
    'SCHEDULED_BUDGET', 'SHARED_BUDGET', 'LIFETIME_BUDGET', 'BUDGET_ON_CHILDREN')) is not true;
end $$;
comment on function autonomy.carries_budget(autonomy.platform_units) is
  'Whether a unit has a budget of its own for a day that may be changed on its platform. Pure. '
  '[autonomous-operations]';

create function autonomy.money_digits(p_account text) returns integer
language plpgsql stable set search_path = ''
as $$
-- Meta's smallest piece of money is its own, whatever ISO 4217 says: none of a forint, a hundredth of a dinar.
declare
  v_currency text := (select a.currency from public.autonomy_accounts a where a.account = p_account);
begin
  return case
    when not exists (select from autonomy.platform_accounts x where x.account = p_account and x.platform = 'meta')
      then autonomy.currency_digits(v_currency)
    when v_currency in ('CLP', 'COP', 'CRC', 'HUF', 'ISK', 'IDR', 'JPY', 'KRW', 'PYG', 'TWD', 'VND') then 0
    else 2 end;
end $$;
comment on function autonomy.money_digits(text) is
  'How many decimals an account''s money has on its platform. Only reads. [autonomous-operations]';

create function autonomy.fail_delivered(p_action_id uuid, p_code text, p_message text, p_found jsonb) returns boolean
language plpgsql set search_path = ''
as $$
begin
  update public.autonomous_actions a
  set status = 'failed', error = p_code,
    evidence = case when jsonb_typeof(a.evidence) = 'object' then a.evidence else '{}' end
      || jsonb_build_object('message', p_message, 'found', p_found)
  where a.id = p_action_id and a.status = 'executed';
  return found;
end $$;
comment on function autonomy.fail_delivered(uuid, text, text, jsonb) is
  'Marks an action as failed that was carried out here and did not come about on its platform; one that was taken back '
  'stays so. A part of what settles deliveries. Safe to call again. [autonomous-operations]';

create function autonomy.settle_delivery(
  p_delivery autonomy.deliveries, p_state text, p_code text, p_platform_code text, p_message text, p_found jsonb,
  p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- What a later change had taken the place of did not come about either: back to what the platform last had.
declare
  v_before autonomy.deliveries;
begin
  update autonomy.deliveries d
  set state = p_state, settled_at = p_now, code = left(p_platform_code, 200), message = left(p_message, 500),
    sent = null, sent_at = null, not_before = null, first_unsure_at = null,
    confirmed_at = case when p_state = 'confirmed' then p_now end
  where d.id = p_delivery.id;
  if p_code is null then
    return;
  end if;
  perform autonomy.fail_delivered(p_delivery.action_id, p_code, p_message, p_found);
  for v_before in
    select d.* from autonomy.deliveries d
    where d.campaign_id = p_delivery.campaign_id and d.field = p_delivery.field and d.state = 'replaced'
      and d.id > coalesce((select max(s.id) from autonomy.deliveries s
                           where s.campaign_id = p_delivery.campaign_id and s.field = p_delivery.field
                             and s.state <> 'replaced' and s.id < p_delivery.id), 0)
      and d.id < p_delivery.id
    order by d.id
  loop
    update autonomy.deliveries d set state = 'not_delivered', message = left(p_message, 500) where d.id = v_before.id;
    perform autonomy.fail_delivered(v_before.action_id, 'NOT_DELIVERED', p_message, p_found);
  end loop;
end $$;
comment on function autonomy.settle_delivery(autonomy.deliveries, text, text, text, text, jsonb, timestamptz) is
  'Ends a delivery; p_code: what its action fails with, null where it does not. A part of what records deliveries. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What is wanted
-- ---------------------------------------------------------------------------------------------
create function autonomy.want(
  p_campaign_id uuid, p_field text, p_wish text, p_base text, p_had autonomy.deliveries, p_at timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_open boolean := coalesce(p_had.state in ('waiting', 'unsure'), false);
  v_cause public.campaign_changes;
begin
  if p_had.id is not null then
    update autonomy.deliveries d
    set is_current = false, state = case when v_open then 'replaced' else d.state end,
      settled_at = coalesce(d.settled_at, p_at)
    where d.id = p_had.id;
  end if;
  -- what was written and never answered for may stand there: that it is as wanted has to be seen
  if p_wish = p_base and (not v_open or p_had.sent is null) then
    return;
  end if;
  select k.* into v_cause from public.campaign_changes k
  where k.campaign_id = p_campaign_id and k.kind in ('outside', 'action', 'rollback')
    and case p_field when 'status' then k.old_status is distinct from k.new_status
                     else k.old_budget is distinct from k.new_budget end
  order by k.id desc limit 1;
  insert into autonomy.deliveries
    (campaign_id, field, wanted, was, state, action_id, wanted_by, wanted_at, sent, sent_at, first_unsure_at)
  values (p_campaign_id, p_field, p_wish, p_base, case when p_wish = p_base then 'unsure' else 'waiting' end,
    v_cause.action_id, case when v_cause.kind = 'rollback' then 'rollback' when v_cause.person then 'person'
                            else 'action' end,
    coalesce(v_cause.changed_at, p_at, now()),
    case when v_open then p_had.sent end, case when v_open then p_had.sent_at end,
    case when v_open and p_wish = p_base then p_had.first_unsure_at end);
end $$;
comment on function autonomy.want(uuid, text, text, text, autonomy.deliveries, timestamptz) is
  'A new wish for a field takes the place of what was there; the log of changes says whose. A part of note_wanted. '
  '[autonomous-operations]';

create function autonomy.note_wanted(p_ids uuid[], p_seen_at timestamptz default null) returns void
language plpgsql set search_path = ''
as $$
declare
  v_one record;
begin
  for v_one in
    select x.campaign_id, w.field, w.wish, w.base, d as had, coalesce(d.state in ('waiting', 'unsure'), false) as open
    from unnest(p_ids) i (id)
    join autonomy.platform_units x on x.campaign_id = i.id and x.gone_at is null
    join autonomy.platform_accounts a on a.account = x.account and a.push <> 'off'
    join public.campaigns c on c.id = i.id
    join autonomy.file_states f on f.campaign_id = i.id
    cross join lateral (select autonomy.money_digits(x.account) as digits offset 0) g
    cross join lateral (values
      ('status', autonomy.field_text('status', c.status, null, 0), f.status),
      ('budget', case when autonomy.carries_budget(x)
                   then autonomy.field_text('budget', null, c.budget, g.digits) end,
       autonomy.field_text('budget', null, f.budget, g.digits))) w (field, wish, base)
    left join autonomy.deliveries d on d.campaign_id = x.campaign_id and d.field = w.field and d.is_current
    where w.base is not null and case when w.wish is not null then w.wish <> w.base or d.state in ('waiting', 'unsure')
      else w.field = 'budget' and autonomy.carries_budget(x) and d.state in ('waiting', 'unsure') end
    order by x.campaign_id, w.field
  loop
    if v_one.wish is null then  -- the row names no amount any more, so that none is wanted
      update autonomy.deliveries d set is_current = false, state = 'replaced', settled_at = coalesce(p_seen_at, now())
      where d.id = (v_one.had).id;
    elsif v_one.open and (v_one.had).wanted = v_one.wish then
      if v_one.base = v_one.wish and p_seen_at is not null
         and ((v_one.had).was <> v_one.wish or (v_one.had).sent_at is null
              or p_seen_at >= (v_one.had).sent_at + interval '5 minutes') then
        perform autonomy.settle_delivery(v_one.had, 'confirmed', null, '', '', null, p_seen_at);
      end if;
    -- what the platform refused is not asked for again by itself; whoever sets it anew asks anew
    elsif v_one.open or ((v_one.had).state in ('refused', 'not_taken') and (v_one.had).wanted = v_one.wish)
          is not true or exists (
            select from public.campaign_changes k
            where k.campaign_id = v_one.campaign_id and k.kind in ('outside', 'action', 'rollback')
              and k.changed_at > (v_one.had).settled_at
              and case v_one.field when 'status' then k.old_status is distinct from k.new_status
                                   else k.old_budget is distinct from k.new_budget end) then
      perform autonomy.want(v_one.campaign_id, v_one.field, v_one.wish, v_one.base, v_one.had, p_seen_at);
    end if;
  end loop;
  update autonomy.platform_units x set out_of_step = o.open
  from (select i.id, exists (select from autonomy.deliveries d where d.campaign_id = i.id and d.is_current
                               and d.state in ('waiting', 'unsure')) as open
        from unnest(p_ids) i (id)) o
  where x.campaign_id = o.id and x.out_of_step <> o.open;
end $$;
comment on function autonomy.note_wanted(uuid[], timestamptz) is
  'Of these campaigns: what differs from what is known of their platform is wanted of it; what does so no more is '
  'closed, and confirmed where p_seen_at says when the platform was read. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.campaign_wanted() returns trigger
language plpgsql security definer set search_path = ''
as $$
-- Every change of a status or a budget, ours or not, has its row in the log: here, once, it is found out of step.
declare
  v_ids uuid[];
begin
  if not exists (select from autonomy.platform_accounts a where a.push <> 'off') then
    return null;  -- the usual case
  end if;
  v_ids := array(
    select distinct n.campaign_id from new_changes n
    join autonomy.platform_units x on x.campaign_id = n.campaign_id
    join autonomy.platform_accounts a on a.account = x.account and a.push <> 'off'
    where n.kind in ('outside', 'action', 'rollback'));
  if v_ids <> '{}' then
    perform autonomy.note_wanted(v_ids);
  end if;
  return null;
end $$;
comment on function autonomy.campaign_wanted() is
  'Trigger of campaign_changes: what changed here and is carried over to a platform is out of step with it. Raises '
  'nothing. [autonomous-operations]';

create trigger autonomy_campaign_wanted after insert on public.campaign_changes
  referencing new table as new_changes
  for each statement execute function autonomy.campaign_wanted();

-- ---------------------------------------------------------------------------------------------
-- In words
-- ---------------------------------------------------------------------------------------------
create function autonomy.delivery_words(p_delivery autonomy.deliveries, p_platform text) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case p_delivery.state
    when 'confirmed' then format('%s has confirmed it.', p_platform)
    when 'waiting' then format('It waits to be carried over to %s.', p_platform)
      || coalesce(' ' || nullif(p_delivery.message, ''), '')
    when 'unsure' then format('%s has not answered for it yet; the next reading decides.', p_platform)
    when 'replaced' then format('A later change took its place before %s had it.', p_platform)
    else coalesce(nullif(p_delivery.message, ''), format('It did not come about on %s.', p_platform)) end;
end $$;
comment on function autonomy.delivery_words(autonomy.deliveries, text) is
  'How far a delivery is, as a sentence. Only computes. [autonomous-operations]';

create function autonomy.field_words(p_value text, p_currency text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return coalesce(autonomy.amount_words(autonomy.written_number(p_value), p_currency), p_value, 'none');
end $$;
comment on function autonomy.field_words(text, text) is
  'A status or a budget of deliveries for people. Pure. [autonomous-operations]';

create function autonomy.overruled_words(
  p_platform text, p_actor text, p_delivery autonomy.deliveries, p_there text, p_currency text) returns text
language plpgsql stable set search_path = ''
as $$
-- who, and both states
begin
  return format('%s set %s to %s on %s, where it was %s; %s from here was not carried over.',
    coalesce(nullif(left(p_actor, 120), ''), 'Somebody'),
    case p_delivery.field when 'status' then 'it' else 'its budget' end,
    autonomy.field_words(p_there, p_currency), p_platform, autonomy.field_words(p_delivery.was, p_currency),
    autonomy.field_words(p_delivery.wanted, p_currency));
end $$;
comment on function autonomy.overruled_words(text, text, autonomy.deliveries, text, text) is
  'What an action is told that gave way to somebody''s change on its platform. Only computes. [autonomous-operations]';

create function autonomy.delivery_of(p_action_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if not exists (select from autonomy.deliveries d where d.action_id = p_action_id) then
    return null;  -- the usual case
  end if;
  return (
    select jsonb_build_object('state', d.state, 'until', case when d.state = 'waiting' then d.not_before end,
      'confirmed_at', d.confirmed_at, 'message', autonomy.delivery_words(d, p.title), 'platform', p.title)
    from autonomy.deliveries d
    left join autonomy.platform_units x on x.campaign_id = d.campaign_id
    left join autonomy.platform_accounts a on a.account = x.account
    cross join lateral (select coalesce(autonomy.platform_title(a.platform), 'its platform') as title) p
    where d.action_id = p_action_id
    -- what took it back says more of it than how it came about
    order by d.wanted_by = 'rollback' desc,
      array_position(array['refused', 'not_taken', 'not_delivered', 'overruled', 'gone', 'waiting', 'unsure',
                           'replaced', 'confirmed'], d.state), d.id desc
    limit 1);
end $$;
comment on function autonomy.delivery_of(uuid) is
  'How far an action, or its rollback, is on its platform: {"state", "until", "confirmed_at", "message", "platform"}; '
  'null where nothing is carried over. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.delivered_at(p_action_id uuid, p_executed_at timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
declare
  v_at timestamptz;
  v_open boolean;
begin
  select max(d.confirmed_at), bool_or(d.state <> 'confirmed') into v_at, v_open
  from autonomy.deliveries d where d.action_id = p_action_id;
  return case when v_open is null then p_executed_at when not v_open then greatest(v_at, p_executed_at) end;
end $$;
comment on function autonomy.delivered_at(uuid, timestamptz) is
  'From when on an executed action is measured: where it is carried over, from when its platform confirmed it; null as '
  'long as it has not. Only reads; raises nothing. [autonomous-operations]';

-- Effects: every change that this system makes to a campaign, and how it is taken back.
--
-- What holds whoever calls:
--   * A change of a campaign and its row in autonomous_actions are one transaction.
--   * Every change of status or budget, ours or not, has a row in campaign_changes.
--   * Locks are taken in one order: run, effects (advisory), policy, campaigns by id, rules, actions.
--     "Effects" lets one transaction at a time change campaigns, so that counts over the whole
--     portfolio (breakers) cannot be passed by two shards at once.
--   * Around each change of campaigns the search path is the usual one: triggers that the user has
--     on that table may name their tables without a schema. What we write ourselves is qualified.
--   * The policy row is locked FOR SHARE until commit: once `update autonomy_policy set frozen =
--     true` has returned, nothing more is changed.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'notice';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- Who does it
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_actor() returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_claims jsonb;
begin
  v_claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  return coalesce(nullif(current_setting('autonomy.actor', true), ''), v_claims ->> 'email', v_claims ->> 'sub', v_claims ->> 'role', session_user::text);
exception when invalid_text_representation then
  return session_user::text;
end $$;
comment on function public.autonomy_actor() is
  'Who is calling: the program that the session names in autonomy.actor, else e-mail, subject or role of the token, else the database user. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_by_person(p_actor text) returns boolean
language plpgsql stable set search_path = ''
as $$
-- Feeds and other programs are not people: what they change is followed, not protected.
begin
  return coalesce(current_setting('autonomy.actor', true), '') = ''
    and not exists (select from public.autonomy_policy p where p_actor = any (p.automation_actors));
end $$;
comment on function public.autonomy_by_person(text) is
  'Whether a change by this actor is a person''s: the session names no program in autonomy.actor, and policy.automation_actors does not list the actor. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Every change of a campaign is written down
-- ---------------------------------------------------------------------------------------------
create or replace function public.autonomy_campaign_touched() returns trigger
language plpgsql set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function public.autonomy_campaign_touched() is
  'Trigger of campaigns: keeps updated_at where the writer did not set it. Raises nothing. [autonomous-operations]';

-- An effect writes its own rows and says so in autonomy.effect; what a trigger of the user's
-- changes meanwhile runs one level deeper and is written down here as a change from outside.
-- Security definer, because whoever may write campaigns (an application's own roles, where the
-- table was here before) need not have rights on our log.
create or replace function public.autonomy_campaign_changed() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_actor text := public.autonomy_actor();
  -- what a trigger of the user's makes of an effect is no person's
  v_person boolean := public.autonomy_by_person(v_actor) and current_setting('autonomy.effect', true) is distinct from '1';
  v_at timestamptz := public.autonomy_writing_at();
  v_changed bigint[];
begin
  if tg_op = 'UPDATE' then
    if current_setting('autonomy.effect', true) = '1' and pg_trigger_depth() = 1 then
      return null;
    end if;
    -- A changed key is, to the log, one campaign that went and another that came.
    with written as (
      insert into public.campaign_changes
        (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, kind, actor, person)
      select coalesce(n.id, o.id), v_at, o.status, n.status, o.budget, n.budget,
             case when o.id is null then 'created' when n.id is null then 'deleted' else 'outside' end, v_actor,
             v_person and o.id is not null and n.id is not null
      from new_campaigns n full join old_campaigns o on o.id = n.id
      where n.status is distinct from o.status or n.budget is distinct from o.budget
         or n.id is null or o.id is null
      returning id, person
    )
    select array_agg(w.id) filter (where w.person) into v_changed from written w;
    if v_changed is not null then
      perform public.autonomy_put_back(v_changed, v_actor, v_at);
    end if;
  elsif tg_op = 'INSERT' then
    insert into public.campaign_changes (campaign_id, changed_at, new_status, new_budget, kind, actor)
    select n.id, v_at, n.status, n.budget, 'created', v_actor from new_campaigns n;
  elsif tg_op = 'DELETE' then
    insert into public.campaign_changes (campaign_id, changed_at, old_status, old_budget, kind, actor)
    select o.id, v_at, o.status, o.budget, 'deleted', v_actor from old_campaigns o;
  else
    insert into public.campaign_changes (campaign_id, changed_at, old_status, old_budget, kind, actor)
    select c.id, v_at, c.status, c.budget, 'deleted', v_actor from public.campaigns c;
  end if;
  return null;
end $$;
comment on function public.autonomy_campaign_changed() is
  'Triggers of campaigns: writes each creation, change of status or budget from outside, and removal to campaign_changes. Raises nothing. [autonomous-operations]';

create function public.autonomy_put_back(p_changes bigint[], p_actor text, p_at timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- The last change of that very field was an action, and now it is as it was before that action.
-- Anything older, or only equal by chance, is a change of the person's own; and a field that changes from
-- outside on three of seven days is kept by a program, which people_changes follows, too.
declare
  v_action uuid;
begin
  for v_action in
    select distinct a.id
    from public.autonomy_policy p
    cross join unnest(p_changes) u (id)
    join public.campaign_changes k on k.id = u.id
    cross join lateral (values
      (lower(k.old_status) is distinct from lower(k.new_status), 'status'),
      (k.old_budget is distinct from k.new_budget, 'budget')) f (changed, field)
    cross join lateral (
      select b.kind, b.action_id, b.changed_at, b.old_status, b.old_budget
      from public.campaign_changes b
      where b.campaign_id = k.campaign_id and b.id < k.id and b.kind <> 'created'
        and case f.field when 'status' then lower(b.old_status) is distinct from lower(b.new_status)
                         else b.old_budget is distinct from b.new_budget end
      order by b.id desc limit 1) l
    join public.autonomous_actions a on a.id = l.action_id and a.status = 'executed'
    where f.changed and l.kind = 'action' and l.changed_at > p_at - p.hold_days_after_rollback * interval '1 day'
      and case f.field when 'status' then lower(l.old_status) is not distinct from lower(k.new_status)
                       else l.old_budget is not distinct from k.new_budget end
      and (select count(distinct (least(h.changed_at, p_at) at time zone p.time_zone)::date)
           from public.campaign_changes h
           where h.campaign_id = k.campaign_id and h.kind = 'outside' and h.person
             and h.changed_at > p_at - interval '7 days'
             and case f.field
               when 'status' then (lower(h.old_status) = 'active') is distinct from (lower(h.new_status) = 'active')
               else h.old_budget is distinct from h.new_budget end) < 3
  loop
    -- Whoever holds the action is marking it at this moment, and waits for us: it stays theirs.
    perform from public.autonomous_actions a where a.id = v_action for update skip locked;
    continue when not found;
    -- The person's change lands whatever a trigger of the installation says to our log; it then counts as
    -- theirs, which nothing goes against.
    begin
      -- autonomy_action_marked does the rest: who, when, the trace in the log of changes, the hold
      update public.autonomous_actions
      set status = 'rolled_back', rolled_back_at = p_at, rolled_back_by = p_actor, rollback_reason = 'put back by hand'
      where id = v_action;
    exception when others then
      raise warning 'Action % was put back by hand, but is not marked as rolled back: %', v_action, sqlerrm;
    end;
  end loop;
end $$;
comment on function public.autonomy_put_back(bigint[], text, timestamptz) is
  'Of these changes by a person, those that put a field back to what it was before our last action on it: that action is rolled back, and the campaign left alone. A part of the trigger of campaigns, no use by itself; raises nothing. [autonomous-operations]';

-- Actions that were logged before there was a log of changes cannot be held against it.
update public.autonomous_actions
set evidence = case when jsonb_typeof(evidence) = 'object' then evidence else '{}' end || '{"before_audit": true}'
where status in ('executed', 'rolled_back')
  and not exists (select from pg_catalog.pg_trigger where tgname = 'autonomy_campaign_updated');

create or replace trigger zz_autonomy_campaign_touched before update on public.campaigns
  for each row when (new.updated_at is not distinct from old.updated_at)
  execute function public.autonomy_campaign_touched();
create or replace trigger autonomy_campaign_created after insert on public.campaigns
  referencing new table as new_campaigns
  for each statement execute function public.autonomy_campaign_changed();
create or replace trigger autonomy_campaign_updated after update on public.campaigns
  referencing old table as old_campaigns new table as new_campaigns
  for each statement execute function public.autonomy_campaign_changed();
create or replace trigger autonomy_campaign_deleted after delete on public.campaigns
  referencing old table as old_campaigns
  for each statement execute function public.autonomy_campaign_changed();
create or replace trigger autonomy_campaign_truncated before truncate on public.campaigns
  for each statement execute function public.autonomy_campaign_changed();

-- Campaigns that were here before the log get their initial state.
insert into public.campaign_changes (campaign_id, new_status, new_budget, kind, actor)
select c.id, c.status, c.budget, 'created', 'migration' from public.campaigns c
where not exists (select from public.campaign_changes k where k.campaign_id = c.id)
order by c.id;

-- ---------------------------------------------------------------------------------------------
-- Small parts of every effect
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_lock_effects() returns public.autonomy_policy
language plpgsql set search_path = ''
as $$
declare
  v_policy public.autonomy_policy;
begin
  perform public.autonomy_hold_schema();
  perform pg_advisory_xact_lock(hashtextextended('autonomy.effects', 0));
  select * into v_policy from public.autonomy_policy for share;
  if not found then
    raise exception using errcode = 'AO002',
      message = 'autonomy_policy has no row, so there are no limits to act within.',
      hint = 'insert into autonomy_policy default values;';
  end if;
  return v_policy;
end $$;
comment on function public.autonomy_lock_effects() is
  'Waits until no other transaction changes campaigns, then gives the policy, locked until commit. Safe to call again. Raises AO002 where there is no policy, AO015 while the database is being upgraded. [autonomous-operations]';

create function public.autonomy_state(p_status text, p_budget numeric) returns jsonb
language sql immutable set search_path = ''
as $$ select jsonb_build_object('status', p_status, 'budget', p_budget) $$;
comment on function public.autonomy_state(text, numeric) is
  'A campaign''s state as it stands in previous_state and new_state. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_text(p_status text, p_budget text) returns text
language sql immutable set search_path = ''
as $$ select format('%s with a budget of %s', coalesce(p_status, 'no status'), coalesce(p_budget, 'none')) $$;
comment on function public.autonomy_text(text, text) is
  'A campaign''s state in words. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_came_out(
  p_old_status text, p_old_budget numeric, p_status text, p_budget numeric, p_got_status text, p_got_budget numeric)
returns boolean
language plpgsql immutable set search_path = ''
as $$
-- It may round or cap a budget, but what was to rise has to rise, and what was to stop, to stop.
begin
  return (p_status is not distinct from p_old_status
          or (lower(p_got_status) = 'active') is not distinct from (lower(p_status) = 'active'))
     and (p_budget is not distinct from p_old_budget
          or p_got_budget is distinct from p_old_budget
             and sign(p_got_budget - p_old_budget) is not distinct from sign(p_budget - p_old_budget));
end $$;
comment on function public.autonomy_came_out(text, numeric, text, numeric, text, numeric) is
  'Whether an action still is what it is called after the installation''s triggers had their say: old state, wanted state, what became of it. Only computes; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_change_campaign(
  p_campaign public.campaigns, p_status text, p_budget numeric, p_action_id uuid, p_kind text,
  p_actor text, p_person boolean, p_now timestamptz) returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_changed public.campaigns;
begin
  perform set_config('autonomy.effect', '1', true);
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  update public.campaigns c
  set status = p_status, budget = p_budget, updated_at = p_now,
      hold_until = case when p_kind = 'rollback'
        then greatest(c.hold_until, p_now + (select hold_days_after_rollback from public.autonomy_policy) * interval '1 day')
        else c.hold_until end
  where c.id = p_campaign.id
  returning * into v_changed;
  perform set_config('autonomy.effect', '', true);
  if not found or p_kind = 'action' and not public.autonomy_came_out(
       p_campaign.status, p_campaign.budget, p_status, p_budget, v_changed.status, v_changed.budget) then
    raise exception using errcode = 'AO004',
      message = format('A trigger on campaigns did not let campaign %s change.', p_campaign.id);
  end if;
  insert into public.campaign_changes
    (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor, person)
  values (p_campaign.id, p_now, p_campaign.status, v_changed.status, p_campaign.budget, v_changed.budget,
          p_action_id, p_kind, p_actor, p_person);
  return v_changed;
end $$;
comment on function public.autonomy_change_campaign(public.campaigns, text, numeric, uuid, text, text, boolean, timestamptz) is
  'Changes one locked campaign and writes the change down under an action, p_person where that was typed by hand. A part of the functions below, no use by itself. Raises AO004 where a trigger of the table prevents it. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Typed by hand
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_locked_campaign(p_campaign_id uuid, p_reason text, p_confidence_score numeric)
returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_policy public.autonomy_policy;
begin
  if p_campaign_id is null then
    raise exception using errcode = 'AO010', message = 'p_campaign_id is NULL: which campaign?';
  end if;
  if coalesce(btrim(p_reason), '') = '' then
    raise exception using errcode = 'AO010', message = 'p_reason is missing: every action says why.';
  end if;
  if p_confidence_score is null or p_confidence_score not between 0 and 100 then
    raise exception using errcode = 'AO010',
      message = format('p_confidence_score must be a number from 0 to 100, not %s.', coalesce(p_confidence_score::text, 'NULL'));
  end if;
  v_policy := public.autonomy_lock_effects();
  if v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = 'Everything is frozen: nothing is changed.' || coalesce(' Reason: ' || nullif(v_policy.frozen_reason, '') || '.', ''),
      hint = 'update autonomy_policy set frozen = false;';
  end if;
  select * into v_campaign from public.campaigns where id = p_campaign_id for no key update;
  if not found then
    raise exception using errcode = 'AO003', message = format('There is no campaign %s.', p_campaign_id);
  end if;
  if lower(v_campaign.status) is distinct from 'active' then
    raise exception using errcode = 'AO004',
      message = format('Campaign %s is %s already, not active.', p_campaign_id, coalesce(v_campaign.status, 'without a status'));
  end if;
  return v_campaign;
end $$;
comment on function public.autonomy_locked_campaign(uuid, text, numeric) is
  'Checks and locks the campaign that a person acts on by hand. Safe to call again. Raises AO010 (argument), AO005 (frozen), AO003 (no such campaign), AO004 (not active). [autonomous-operations]';

create function public.autonomy_act_by_hand(
  p_campaign public.campaigns, p_action_type text, p_status text, p_budget numeric, p_reason text,
  p_confidence_score numeric, p_now timestamptz) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_id uuid := gen_random_uuid();
  v_actor text := public.autonomy_actor();
  v_changed public.campaigns;
begin
  perform public.simulated_moment(p_now);
  v_changed := public.autonomy_change_campaign(p_campaign, p_status, p_budget, v_id, 'action', v_actor,
    public.autonomy_by_person(v_actor), p_now);
  insert into public.autonomous_actions
    (id, campaign_id, action_type, reason, previous_state, new_state, confidence_score, expected_impact,
     evidence, status, created_at, executed_at, actor)
  values
    (v_id, p_campaign.id, p_action_type, p_reason,
     public.autonomy_state(p_campaign.status, p_campaign.budget),
     public.autonomy_state(v_changed.status, v_changed.budget),
     p_confidence_score, '{}',
     jsonb_build_object('by_hand', true, 'metrics', (
       select jsonb_build_object('impressions', f.impressions, 'clicks', f.clicks, 'conversions', f.conversions,
                                 'spend', f.total_spend, 'revenue', f.total_revenue)
       from public.campaign_performance f where f.campaign_id = p_campaign.id
       -- in an older shape several rows may name one campaign; facts_of_campaigns says which speaks
       order by f.updated_at desc nulls last, f.impressions desc nulls last, f.total_spend desc nulls last, f.ctid desc
       limit 1)),
     'executed', p_now, p_now, v_actor);
  return v_id;
end $$;
comment on function public.autonomy_act_by_hand(public.campaigns, text, text, numeric, text, numeric, timestamptz) is
  'Changes one locked campaign by hand and logs it. A part of the two functions below, no use by itself. Raises AO004. [autonomous-operations]';

create function public.auto_pause_campaign(
  p_campaign_id uuid, p_reason text, p_confidence_score numeric default 80.0,
  p_now timestamptz default now()) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_campaign public.campaigns := public.autonomy_locked_campaign(p_campaign_id, p_reason, p_confidence_score);
begin
  return public.autonomy_act_by_hand(
    v_campaign, 'auto_pause', (select paused_text from public.autonomy_policy), v_campaign.budget,
    p_reason, p_confidence_score, p_now);
end $$;
comment on function public.auto_pause_campaign(uuid, text, numeric, timestamptz) is
  'Pauses a campaign by hand and logs it; returns the action''s id. Skips cooldown and confidence floor: a person decided. A second call raises, so a campaign is never paused twice. Raises AO003 (no such campaign), AO004 (not active), AO005 (frozen), AO010 (argument), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.auto_scale_campaign(
  p_campaign_id uuid, p_new_budget numeric, p_reason text, p_confidence_score numeric default 85.0,
  p_now timestamptz default now()) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_budget numeric := round(p_new_budget, 2);
  v_campaign public.campaigns;
  v_policy public.autonomy_policy;
begin
  -- NaN is greater than every number in PostgreSQL, so between refuses it, and infinity too.
  if v_budget is null or v_budget not between 0.01 and 999999999999.99 then
    raise exception using errcode = 'AO010',
      message = format('p_new_budget must be a number of at least 0.01, not %s.', coalesce(p_new_budget::text, 'NULL'));
  end if;
  v_campaign := public.autonomy_locked_campaign(p_campaign_id, p_reason, p_confidence_score);
  select * into v_policy from public.autonomy_policy;
  if v_budget not between v_policy.min_budget and v_policy.max_budget then
    raise exception using errcode = 'AO006',
      message = format('A budget of %s lies outside the limits of the policy, %s to %s.',
                       v_budget, v_policy.min_budget, v_policy.max_budget),
      hint = 'autonomy_policy.min_budget and max_budget hold for actions by hand too.';
  end if;
  if v_budget is not distinct from v_campaign.budget then
    raise exception using errcode = 'AO004',
      message = format('Campaign %s has a budget of %s already.', p_campaign_id, v_budget);
  end if;
  return public.autonomy_act_by_hand(
    v_campaign, case when v_budget < v_campaign.budget then 'auto_scale_down' else 'auto_scale_up' end,
    v_campaign.status, v_budget, p_reason, p_confidence_score, p_now);
end $$;
comment on function public.auto_scale_campaign(uuid, numeric, text, numeric, timestamptz) is
  'Sets an active campaign''s daily budget by hand and logs it; returns the action''s id. Skips cooldown, step limits and confidence floor: a person decided. A second call raises. Raises AO003 (no such campaign), AO004 (not active, or the budget is that already), AO005 (frozen), AO006 (beyond the policy''s absolute limits), AO010 (argument), AO014 (p_now is not the clock''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- A run's decisions: judged as one set, carried out as one set
-- ---------------------------------------------------------------------------------------------
create type public.autonomy_decision as (
  n bigint,                -- place in the batch, from 1
  id uuid,                 -- the action's
  campaign_id uuid,
  rule_id uuid,
  verdict text,            -- act or propose
  action_type text,
  confidence numeric,
  old_status text,         -- as decided on
  old_budget numeric,
  new_status text,
  new_budget numeric,
  decided_code text,
  flaw text,               -- what could not be read of it
  reason text,
  previous_state jsonb,
  new_state jsonb,
  evidence jsonb,
  expected_impact jsonb,
  rule_version text        -- of the rule as decided by
);
comment on type public.autonomy_decision is 'A decision as apply takes it. [autonomous-operations]';

create type public.autonomy_item as (
  n bigint,                -- the decision's
  id uuid,
  campaign_id uuid,
  action_type text,
  outcome text,            -- execute, propose, fail, hold, or again (it was accepted before)
  code text,
  message text,
  old_status text,         -- as found
  old_budget numeric,
  status text,             -- to be written
  budget numeric
);
comment on type public.autonomy_item is 'What is to become of a decision; passes between the functions of apply. [autonomous-operations]';

create type public.autonomy_result as (
  n bigint,                -- the decision's
  action_id uuid,
  campaign_id uuid,
  status text,             -- executed, pending, held or failed
  error text,
  message text
);
comment on type public.autonomy_result is 'What became of a decision. [autonomous-operations]';

create function public.autonomy_read_decisions(p_run_id uuid, p_decisions jsonb) returns public.autonomy_decision[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select row(e.n, coalesce(t.id, md5(p_run_id::text || coalesce(t.campaign_id::text, e.d::text))::uuid),
      t.campaign_id, t.rule_id, e.d ->> 'verdict', e.d ->> 'action_type', t.confidence,
      t.was ->> 'status', t.old_budget, t.becomes ->> 'status', t.new_budget, e.d ->> 'code',
      case
        when jsonb_typeof(e.d) <> 'object' then 'it is not an object'
        when t.campaign_id is null then 'campaign_id is not a uuid'
        when e.d ->> 'action_id' is not null and t.id is null then 'action_id is not a uuid'
        when e.d ->> 'rule_id' is not null and t.rule_id is null then 'rule_id is not a uuid'
        when t.confidence is null then 'confidence is not a number from 0 to 100'
        when jsonb_typeof(e.d -> 'reason') is distinct from 'string' or btrim(e.d ->> 'reason') = '' then 'reason is missing'
        when jsonb_typeof(t.was -> 'status') is distinct from 'string' then 'previous.status is missing'
        when jsonb_typeof(t.becomes -> 'status') is distinct from 'string' then 'new.status is missing'
        -- NaN, which JSON can only spell, is no budget but no mistake either
        when t.old_budget is null and t.was ->> 'budget' <> 'NaN' then 'previous.budget is not a number'
        when t.new_budget is null and t.becomes ->> 'budget' <> 'NaN' then 'new.budget is not a number'
      end,
      e.d ->> 'reason', t.was, t.becomes, e.d -> 'evidence', e.d -> 'expected_impact',
      e.d ->> 'rule_version')::public.autonomy_decision
    from (values ('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', '^-?[0-9]{1,15}([.][0-9]{1,9})?$')) k (uuid, number),
      jsonb_array_elements(p_decisions) with ordinality e (d, n)
      -- each value only if it is what it should be
      cross join lateral (select
        w.was, w.becomes,
        case when e.d ->> 'campaign_id' ~ k.uuid then (e.d ->> 'campaign_id')::uuid end as campaign_id,
        case when e.d ->> 'action_id' ~ k.uuid then (e.d ->> 'action_id')::uuid end as id,
        case when e.d ->> 'rule_id' ~ k.uuid then (e.d ->> 'rule_id')::uuid end as rule_id,
        case jsonb_typeof(e.d -> 'confidence') when 'number' then (e.d -> 'confidence')::numeric
          when 'string' then case when e.d ->> 'confidence' ~ k.number then (e.d ->> 'confidence')::numeric end end as confidence,
        case jsonb_typeof(w.was -> 'budget') when 'number' then (w.was -> 'budget')::numeric
          when 'string' then case when w.was ->> 'budget' ~ k.number then (w.was ->> 'budget')::numeric end end as old_budget,
        case jsonb_typeof(w.becomes -> 'budget') when 'number' then (w.becomes -> 'budget')::numeric
          when 'string' then case when w.becomes ->> 'budget' ~ k.number then (w.becomes ->> 'budget')::numeric end end as new_budget
        from (select e.d -> 'previous' as was, e.d -> 'new' as becomes offset 0) w offset 0) t
    order by e.n);
end $$;
comment on function public.autonomy_read_decisions(uuid, jsonb) is
  'A list of decisions as they come in JSON, read; what cannot be read of one is its flaw. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- Whatever the engine thought, each limit is looked at again here, under locks, against the policy
-- and the rule of this moment. Nothing is written.
create function public.autonomy_judge(
  p_run_id uuid, p_decisions public.autonomy_decision[], p_policy public.autonomy_policy, p_growth_base numeric,
  p_by_person boolean, p_now timestamptz) returns public.autonomy_item[]
language sql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
with checked as (  -- without reason and evidence, which would be copied at each step
  select w.n, w.id, w.campaign_id, w.rule_id, w.verdict, w.action_type, w.confidence,
    w.old_status, w.old_budget, w.new_status, w.new_budget, w.decided_code, w.rule_version,
    case
      when w.flaw is not null then w.flaw
      when w.verdict is null or w.verdict not in ('act', 'propose') then 'verdict is neither act nor propose'
      when w.action_type is null
        or w.action_type not in ('auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted')
        then 'action_type is none that a run carries out'
      when w.rule_id is not null and w.rule_version is null and w.action_type <> 'auto_resume' and not p_by_person
        then 'rule_version is missing'
      when w.confidence not between 0 and 100 then 'confidence is not a number from 0 to 100'
      when w.new_budget is distinct from w.old_budget  -- what it leaves alone may be as it likes
        and (w.new_budget not between 0 and 999999999999.99 or w.new_budget <> round(w.new_budget, 2))
        then 'new.budget is not an amount of whole cents'
      when w.action_type = 'auto_pause' and not coalesce(lower(w.old_status) = 'active' and lower(w.new_status) = 'paused'
        and w.new_budget is not distinct from w.old_budget, false) then 'a pause turns active into paused and leaves the budget'
      when w.action_type = 'auto_resume' and not coalesce(lower(w.old_status) = 'paused' and lower(w.new_status) = 'active'
        and w.new_budget is not distinct from w.old_budget, false) then 'a resume turns paused into active and leaves the budget'
      when w.action_type not in ('auto_pause', 'auto_resume') and not coalesce(lower(w.old_status) = 'active'
        and w.new_status = w.old_status and w.old_budget > 0 and w.new_budget > 0 and w.new_budget <> w.old_budget, false)
        then 'a budget action changes an active campaign''s budget and nothing else'
      when w.action_type = 'auto_scale_up' and w.new_budget < w.old_budget then 'a scale-up lowers the budget'
      when w.action_type = 'auto_scale_down' and w.new_budget > w.old_budget then 'a scale-down raises the budget'
    end as malformed
  from unnest(p_decisions) w
  offset 0
),
read as materialized (
  select k.*, row_number() over (partition by k.malformed is null, k.campaign_id order by k.n) as turn,
    row_number() over (partition by k.malformed is null, k.id order by k.n) as same_id_turn
  from checked k
),
known as (  -- beside what the database knows; `offset 0`: computed once, not at every mention
  select r.n, r.id, r.campaign_id, r.rule_id, r.verdict, r.action_type, r.confidence, r.malformed, r.decided_code,
    r.old_status as decided_status, r.old_budget as decided_budget, r.new_status, r.new_budget,
    c.id is not null as found, c.status, c.budget, c.autonomous_enabled, c.hold_until,
    x.id is not null as taken,
    x.run_id is not distinct from p_run_id and x.campaign_id is not distinct from r.campaign_id as again,
    rule.id is not null as rule_there, coalesce(rule.is_active, false) as rule_on,
    public.rule_version(rule.condition, rule.action) is not distinct from r.rule_version as rule_same,
    exists (select from public.autonomous_rules o where o.is_active) as some_rule_on,
    case when jsonb_typeof(rule.action -> 'max_budget') = 'number' then (rule.action -> 'max_budget')::numeric end as rule_max,
    case when jsonb_typeof(rule.action -> 'min_budget') = 'number' then (rule.action -> 'min_budget')::numeric end as rule_min,
    coalesce(case when jsonb_typeof(rule.action -> 'cooldown_hours') = 'number' and r.action_type <> 'auto_resume'
      then (rule.action -> 'cooldown_hours')::numeric end, p_policy.cooldown_hours) as cooldown_hours,
    coalesce(case when jsonb_typeof(rule.action -> 'min_confidence') = 'number'
      then (rule.action -> 'min_confidence')::numeric end, p_policy.min_confidence) as floor,
    rule.action -> 'requires_approval' = 'true' as wants_approval,
    case when r.action_type = 'auto_pause' then h.last_pause else greatest(h.last_action, w.changed_at) end as last_at,
    h.last_resume, least(c.budget, h.low_budget) as low_budget,
    pending.id is not null as pending, test.id is not null as testing,
    -- ours to resume: the last change of it is a pause of ours that still stands
    case when pause.action_type = 'auto_pause' and pause.status = 'executed'
      then pause.previous_state ->> 'status' end as paused_from,
    r.turn, r.same_id_turn,
    case when r.action_type <> 'auto_resume' and r.new_budget > c.budget then r.new_budget - c.budget end as raise,
    case when r.action_type = 'auto_resume' then null
      when r.action_type = 'auto_pause' then case when r.confidence < 95 then w.no_pause_until end
      when r.new_budget > c.budget then w.no_raise_until
      else w.no_cut_until end as against_person_until, u.share as budget_use
  from read r
  left join public.campaigns c on c.id = r.campaign_id
  left join public.autonomous_actions x on x.id = r.id and not p_by_person
  left join public.autonomous_rules rule on rule.id = r.rule_id
  left join public.people_changes(array(select d.campaign_id from unnest(p_decisions) d), p_now) w
    on w.campaign_id = r.campaign_id and not p_by_person
  left join public.budget_use(array(select d.campaign_id from unnest(p_decisions) d where d.new_budget > d.old_budget), p_now) u
    on u.campaign_id = r.campaign_id and not p_by_person
  left join lateral (
    select max(a.executed_at) as last_action,
           max(a.executed_at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as last_pause,
           max(a.executed_at) filter (where a.action_type = 'auto_resume') as last_resume,
           min(case when jsonb_typeof(a.previous_state -> 'budget') = 'number'
                 then nullif((a.previous_state -> 'budget')::numeric, 0) end)
             filter (where a.executed_at > p_now - interval '7 days') as low_budget
    from public.autonomous_actions a
    where a.campaign_id = r.campaign_id and a.status = 'executed') h on true
  left join lateral (
    select a.id from public.autonomous_actions a
    where a.campaign_id = r.campaign_id and a.status = 'pending' and a.id <> r.id limit 1) pending on true
  left join lateral (
    select t.id from public.campaign_ab_tests t
    where t.campaign_id = r.campaign_id and t.status = 'running' limit 1) test on true
  left join lateral (
    select k.action_id from (
      select k.action_id, k.kind from public.campaign_changes k
      where r.action_type = 'auto_resume' and k.campaign_id = r.campaign_id order by k.id desc limit 1) k
    where k.kind = 'action') last_change on true
  -- by its key alone: what else it must be is asked above
  left join public.autonomous_actions pause on pause.id = last_change.action_id
  offset 0
),
judged as materialized (
  select k.*,
    case
      when again and taken then 'AGAIN'
      when p_policy.frozen then 'FROZEN'
      when p_policy.mode = 'observe' and not p_by_person then 'OBSERVE'
      when malformed is not null then 'BAD_DECISION'
      when same_id_turn > 1 then 'AGAIN'
      when taken or turn > 1 then 'BAD_DECISION'
      when not found then 'CAMPAIGN_NOT_FOUND'
      -- an old table may hold NaN, which JSON cannot say: to the engine it is no budget
      when status is distinct from decided_status or nullif(budget, 'NaN') is distinct from decided_budget then 'CHANGED_MEANWHILE'
      when action_type = 'auto_resume' and paused_from is distinct from new_status then 'CHANGED_MEANWHILE'
      -- A resume names the rule that paused, and late conversions have proven that pause wrong: what the rule
      -- says by now does not matter. But while no rule is active nothing moves, be it by a rule or without.
      when not p_by_person and case
          when action_type = 'auto_resume' then not (p_policy.resume_when_proven_wrong and some_rule_on)
          when rule_id is null then not some_rule_on
          else not (rule_on and rule_same) end then 'RULE_CHANGED'
      when autonomous_enabled is not true then 'DISABLED'
      when hold_until > p_now then 'ON_HOLD'
      when against_person_until > p_now then 'CHANGED_BY_PERSON'
      when extract(epoch from p_now - last_at) / 3600 < cooldown_hours then 'COOLDOWN'
      when action_type = 'auto_resume' and last_resume > p_now - interval '7 days' then 'COOLDOWN'
      when testing then 'TEST_RUNNING'
      when pending then 'AWAITING_APPROVAL'
      when confidence < floor and action_type <> 'auto_resume' and not p_by_person then 'AGAINST_THE_ODDS'
      when raise is null and action_type in ('auto_pause', 'auto_resume') then null
      when raise > 0 and budget_use < 0.7 then 'NOT_LIMITED_BY_BUDGET'
      when new_budget > trunc(budget * p_policy.max_step, 2) then 'STEP_CAP'
      when raise > 0 and new_budget > trunc(low_budget * p_policy.max_growth_7d, 2) then 'GROWTH_CAP'
      when raise > 0 and new_budget > least(p_policy.max_budget, rule_max) then 'BUDGET_CAP'
      when raise is null and new_budget < greatest(p_policy.min_budget, rule_min) then 'BUDGET_CAP'
    end as code
  from known k
),
-- over the portfolio, together with what was done in the last 24 hours
raises as materialized (
  select j.n, sum(j.raise) over (order by j.confidence desc nulls last, j.campaign_id, j.n rows unbounded preceding) as so_far
  from judged j where j.code is null and j.verdict = 'act' and j.raise > 0
),
before as materialized (
  select
    (select count(*) from public.autonomous_actions a
     where a.action_type = 'auto_pause' and a.created_at > p_now - interval '24 hours'
       and a.status in ('executed', 'pending')) as pauses,
    count(*) as raises,
    coalesce(sum((a.new_state -> 'budget')::numeric - (a.previous_state -> 'budget')::numeric), 0) as raised
  from public.autonomous_actions a
  -- a raise counts when it was carried out, which approval may have delayed
  where a.created_at > p_now - interval '24 hours' - p_policy.approval_hours * interval '1 hour'
    and a.executed_at > p_now - interval '24 hours' and a.status = 'executed' and a.action_type <> 'auto_resume'
    and case when jsonb_typeof(a.new_state -> 'budget') = 'number' and jsonb_typeof(a.previous_state -> 'budget') = 'number'
          then (a.new_state -> 'budget')::numeric > (a.previous_state -> 'budget')::numeric end
),
tripped as materialized (
  select
    case when b.pauses + t.pauses > p_policy.pause_breaker_count then
      -- of the campaigns as the run found them; counting them again in each batch would cost more
      -- than all else here
      b.pauses + t.pauses > p_policy.pause_breaker_share * coalesce(
        (select (r.summary #>> '{portfolio,active_campaigns}')::bigint + (r.summary #>> '{portfolio,pauses_24h}')::bigint
         from public.autonomous_runs r where r.id = p_run_id),
        b.pauses + (select count(*) from public.campaigns c where c.status = 'active' or lower(c.status) = 'active'))
      else false end as pauses,
    b.raises + t.raises > p_policy.growth_breaker_count as raises,
    -- one cent, because the engine may have added the same amounts in another order
    p_policy.growth_breaker_share * p_growth_base - b.raised + 0.01 as room
  from before b, (
    select (select count(*) from judged j where j.code is null and j.action_type = 'auto_pause') as pauses,
      (select count(*) from raises) as raises) t
),
settled as (
  select c.*,
    case
      when c.code = 'AGAIN' then 'again'
      when c.code in ('FROZEN', 'OBSERVE') then 'hold'
      when c.code is not null then 'fail'
      when p_by_person then 'execute'
      when c.action_type = 'auto_pause' and t.pauses then 'propose'
      when t.raises and r.so_far > t.room then 'fail'
      when c.verdict = 'propose' or p_policy.mode = 'approve' or c.wants_approval then 'propose'
      else 'execute'
    end as outcome,
    case
      when c.code is not null or p_by_person then c.code
      when c.action_type = 'auto_pause' and t.pauses then 'PAUSE_BREAKER'
      when t.raises and r.so_far > t.room then 'GROWTH_BREAKER'
      when c.verdict = 'propose' and c.decided_code = 'PAUSE_BREAKER' then 'PAUSE_BREAKER'
      when c.verdict = 'propose' or p_policy.mode = 'approve' or c.wants_approval then 'APPROVAL'
    end as final_code
  from judged c
  cross join tripped t
  left join raises r using (n)
)
select coalesce(array_agg(row(
    s.n, s.id, s.campaign_id, s.action_type, s.outcome, s.final_code,
    case s.final_code
      when 'FROZEN' then 'Everything is frozen: nothing is changed.' || coalesce(' Reason: ' || nullif(p_policy.frozen_reason, '') || '.', '')
      when 'OBSERVE' then 'The mode is observe now: nothing is changed.'
      when 'BAD_DECISION' then 'The decision cannot be carried out: ' || coalesce(s.malformed,
        case when s.taken then 'its id belongs to another action' else 'its campaign was decided twice in one batch' end) || '.'
      when 'CAMPAIGN_NOT_FOUND' then format('There is no campaign %s any more.', s.campaign_id)
      when 'CHANGED_MEANWHILE' then format('It was decided on %s; now it is %s%s.',
        public.autonomy_text(s.decided_status, s.decided_budget::text), public.autonomy_text(s.status, s.budget::text),
        case when s.status = s.decided_status and s.budget is not distinct from s.decided_budget
          then ', but not by the last pause of ours' else '' end)
      when 'RULE_CHANGED' then case
        when s.action_type = 'auto_resume' and not p_policy.resume_when_proven_wrong then 'Resuming was switched off meanwhile.'
        when s.action_type = 'auto_resume' then 'Every rule was switched off meanwhile: nothing is resumed.'
        when s.rule_id is null then 'Every rule was switched off meanwhile: nothing is changed.'
        when not s.rule_there then 'The rule was removed meanwhile.'
        when not s.rule_on then 'The rule was switched off meanwhile.'
        else 'The rule was changed meanwhile; the next run decides by what it says now.' end
      when 'DISABLED' then 'The campaign is switched off for this system.'
      when 'ON_HOLD' then format('The campaign is on hold until %s.', s.hold_until)
      when 'CHANGED_BY_PERSON' then format('A person changed it; nothing is done against that until %s.', s.against_person_until)
      when 'NOT_LIMITED_BY_BUDGET' then format('Its budget is not what limits it: %s %% of it is spent.', floor(100 * s.budget_use))
      when 'COOLDOWN' then format('The last action on it was at %s; it is left alone for %s hours.', s.last_at, s.cooldown_hours)
      when 'TEST_RUNNING' then 'An A/B test runs on it.'
      when 'AWAITING_APPROVAL' then 'Another action on it waits for approval.'
      when 'AGAINST_THE_ODDS' then format('The confidence of %s is below the floor of %s.', s.confidence, s.floor)
      when 'STEP_CAP' then format('%s is more than %s times the budget of %s.', s.new_budget, p_policy.max_step, s.budget)
      when 'GROWTH_CAP' then format('%s is more than %s times %s, the lowest budget of the last 7 days.',
        s.new_budget, p_policy.max_growth_7d, s.low_budget)
      when 'BUDGET_CAP' then format('%s lies outside the limits, %s to %s.', s.new_budget,
        greatest(p_policy.min_budget, s.rule_min), least(p_policy.max_budget, s.rule_max))
      when 'GROWTH_BREAKER' then 'Together with the other scale-ups of 24 hours it would raise the active budget too far.'
      when 'PAUSE_BREAKER' then 'Too many campaigns would have been paused within 24 hours: a person decides.'
      when 'APPROVAL' then 'It waits for a person.'
    end,
    s.status, s.budget,
    case s.action_type when 'auto_pause' then p_policy.paused_text when 'auto_resume' then s.new_status else s.status end,
    case when s.action_type in ('auto_pause', 'auto_resume') then s.budget else s.new_budget end
    )::public.autonomy_item order by s.n), '{}')
from settled s
$$;
comment on function public.autonomy_judge(uuid, public.autonomy_decision[], public.autonomy_policy, numeric, boolean, timestamptz) is
  'What is to become of each decision, in the order given, looked at again against state, policy and rule of this moment. Only reads, under the locks of its callers; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_write_items(
  p_run_id uuid, p_items public.autonomy_item[], p_decisions public.autonomy_decision[], p_now timestamptz)
returns public.autonomy_result[]
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_results public.autonomy_result[];
  v_undone bigint[];
begin
  perform set_config('autonomy.effect', '1', true);
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  with item as materialized (select * from unnest(p_items)),
  changed as (
    update public.campaigns c set status = i.status, budget = i.budget, updated_at = p_now
    from item i where c.id = i.campaign_id and i.outcome = 'execute'
    returning i.n, c.status, c.budget
  ),
  final as materialized (  -- what a trigger on campaigns made of it counts, not what was asked
    select i.*, c.status as got_status, c.budget as got_budget,
      case when i.outcome <> 'execute' then i.outcome
        when c.n is null or (c.status is not distinct from i.old_status and c.budget is not distinct from i.old_budget)
          then 'refused' else 'execute' end as came_out
    from item i left join changed c using (n)
  ),
  logged as (
    insert into public.autonomous_actions
      (id, run_id, campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score,
       expected_impact, evidence, status, error, created_at, executed_at, actor)
    select f.id, p_run_id, f.campaign_id, case when f.code is distinct from 'BAD_DECISION' then o.rule_id end,
      f.action_type, o.reason,
      -- a failure shows the state that was decided on, the others the state that was found
      case when f.came_out = 'fail' then o.previous_state
        else jsonb_build_object('status', f.old_status, 'budget', f.old_budget) end,
      case f.came_out when 'execute' then jsonb_build_object('status', f.got_status, 'budget', f.got_budget)
        when 'propose' then jsonb_build_object('status', f.status, 'budget', f.budget)
        else o.new_state end,
      case when f.code is distinct from 'BAD_DECISION' then o.confidence end,
      o.expected_impact,
      case when jsonb_typeof(o.evidence) = 'object' then o.evidence else '{}' end
        || case when f.action_type <> 'auto_resume' and o.rule_version is not null
             then jsonb_build_object('rule_version', o.rule_version) else '{}' end
        || case f.came_out when 'execute' then '{}'
             when 'propose' then jsonb_build_object('proposed_because', f.code, 'message', f.message)
             else jsonb_build_object('message', f.message,
                    'found', jsonb_build_object('status', f.old_status, 'budget', f.old_budget)) end,
      case f.came_out when 'execute' then 'executed' when 'propose' then 'pending' else 'failed' end,
      case f.came_out when 'fail' then f.code when 'refused' then 'REFUSED_BY_DATABASE' end,
      p_now, case f.came_out when 'execute' then p_now end, 'autonomy'
    from final f
    join unnest(p_decisions) o on o.n = f.n
    where f.came_out in ('execute', 'propose', 'refused')
       or f.came_out = 'fail' and f.action_type in (
            'auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted')
          and not exists (select from public.autonomous_actions a where a.id = f.id)
    order by f.n
  ),
  noted as (
    insert into public.campaign_changes
      (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
    select f.campaign_id, p_now, f.old_status, f.got_status, f.old_budget, f.got_budget, f.id, 'action', 'autonomy'
    from final f where f.came_out = 'execute' order by f.n
  )
  select array_agg(row(f.n, f.id, f.campaign_id,
      case f.came_out when 'execute' then 'executed' when 'propose' then 'pending'
        when 'hold' then 'held' when 'again' then 'again' else 'failed' end,
      case when f.came_out = 'refused' then 'REFUSED_BY_DATABASE' when f.came_out <> 'again' then f.code end,
      case when f.came_out = 'refused' then 'A trigger on campaigns did not let the campaign change.'
        when f.came_out <> 'again' then f.message end)::public.autonomy_result order by f.n),
    array_agg(f.n) filter (where f.came_out = 'execute' and (f.got_status, f.got_budget) is distinct from (f.status, f.budget)
      and not public.autonomy_came_out(f.old_status, f.old_budget, f.status, f.budget, f.got_status, f.got_budget))
  into v_results, v_undone from final f;
  perform set_config('autonomy.effect', '', true);
  if v_undone is not null then  -- a pause that leaves it active is none: the caller does without those
    raise exception using errcode = 'AO000', message = 'undone', detail = v_undone::text;
  end if;
  return v_results;
end $$;
comment on function public.autonomy_write_items(uuid, public.autonomy_item[], public.autonomy_decision[], timestamptz) is
  'Carries out judged decisions as one set. A part of apply_autonomous_actions, no use by itself. Raises what constraints and triggers of the tables raise. [autonomous-operations]';

-- Where a constraint or a trigger of the installation refuses one campaign, the set is cut in
-- halves until that one stands alone: one bad row in 5,000 costs some 25 further statements.
create function public.autonomy_carry_out(
  p_run_id uuid, p_items public.autonomy_item[], p_decisions public.autonomy_decision[], p_now timestamptz)
returns public.autonomy_result[]
language plpgsql set search_path = ''
as $$
declare
  v_count integer := cardinality(p_items);
  v_half integer := cardinality(p_items) / 2;
  v_item public.autonomy_item;
  v_state text;
  v_message text;
  v_undone text;
begin
  if v_count = 0 then
    return '{}';
  end if;
  begin
    return public.autonomy_write_items(p_run_id, p_items, p_decisions, p_now);
  exception when sqlstate 'AO000' then
    get stacked diagnostics v_undone = pg_exception_detail;
  when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    -- no campaign's fault: deadlock, lock timeout, resources, shutdown, internal error
    if left(v_state, 2) in ('40', '53', '55', '57', '58', 'XX') then
      raise;
    end if;
  end;
  if v_undone is not null then
    return public.autonomy_carry_out(p_run_id, array(
      select case when i.n <> all (v_undone::bigint[]) then i else row(i.n, i.id, i.campaign_id, i.action_type, 'fail', 'REFUSED_BY_DATABASE',
        'A trigger on campaigns made something else of the change.', i.old_status, i.old_budget, i.status, i.budget)::public.autonomy_item end
      from unnest(p_items) i order by i.n), p_decisions, p_now);
  elsif v_count > 1 then
    return public.autonomy_carry_out(p_run_id, p_items[:v_half], p_decisions[:v_half], p_now)
        || public.autonomy_carry_out(p_run_id, p_items[v_half + 1:], p_decisions[v_half + 1:], p_now);
  end if;
  v_item := p_items[1];
  if v_item.outcome = 'fail' then
    raise exception using errcode = 'XX000', message = format('A failure could not be logged: %s (%s)', v_message, v_state);
  end if;
  v_item.outcome := 'fail';
  v_item.code := 'REFUSED_BY_DATABASE';
  v_item.message := format('The database refused the change: %s (%s)', v_message, v_state);
  return public.autonomy_write_items(p_run_id, array[v_item], p_decisions, p_now);
end $$;
comment on function public.autonomy_carry_out(uuid, public.autonomy_item[], public.autonomy_decision[], timestamptz) is
  'Carries out judged decisions (p_items[i] is what is to become of p_decisions[i]); where the database refuses one, that one fails alone. A part of apply_autonomous_actions, no use by itself. [autonomous-operations]';

-- Until commit nobody changes these campaigns, nor a rule that is active or decided here: once an
-- UPDATE of a rule has returned, nothing more is done by what it said before.
create function public.autonomy_lock_decided(p_decisions public.autonomy_decision[]) returns public.autonomy_result[]
language plpgsql set search_path = ''
as $$
declare
  v_patience text := current_setting('lock_timeout');
  v_asked uuid[] := array(select o.campaign_id from unnest(p_decisions) o where o.campaign_id is not null);
  v_named uuid[] := array(select distinct o.rule_id from unnest(p_decisions) o where o.rule_id is not null);
  v_free uuid[];
  v_busy uuid[] := '{}';
  v_free_rules uuid[];
  v_busy_rules uuid[];
  v_resumes boolean;
begin
  begin
    perform set_config('lock_timeout', '2s', true);
    perform from (select c.id from public.campaigns c where c.id = any (v_asked) order by c.id for no key update) locked;
    perform set_config('lock_timeout', v_patience, true);
  exception when lock_not_available then
    -- A transaction that somebody left open on one campaign does not keep the others waiting.
    v_free := array(select c.id from public.campaigns c where c.id = any (v_asked) order by c.id for no key update skip locked);
    v_busy := array(select c.id from public.campaigns c where c.id = any (v_asked) and c.id <> all (v_free));
  end;
  v_free_rules := array(select r.id from public.autonomous_rules r where r.is_active or r.id = any (v_named) for share skip locked);
  v_busy_rules := array(select r.id from public.autonomous_rules r
                        where (r.is_active or r.id = any (v_named)) and r.id <> all (v_free_rules));
  if v_busy = '{}' and v_busy_rules = '{}' then
    return '{}';
  end if;
  v_resumes := v_busy_rules = '{}' or exists (
    select from public.autonomous_rules r where r.id = any (v_free_rules) and r.is_active);
  return array(  -- not logged, so that the same decision may come again
    select row(o.n, o.id, o.campaign_id, 'failed', case when o.campaign_id = any (v_busy) then 'CHANGED_MEANWHILE' else 'RULE_CHANGED' end,
      format('Somebody is changing %s at this moment; the next run decides again.',
             case when o.campaign_id = any (v_busy) then 'it' else 'its rule' end))::public.autonomy_result
    from unnest(p_decisions) o
    where (o.campaign_id = any (v_busy)
           or case when o.action_type = 'auto_resume' then not v_resumes else o.rule_id = any (v_busy_rules) end)
      and not exists (select from public.autonomous_actions a where a.id = o.id)
    order by o.n);
end $$;
comment on function public.autonomy_lock_decided(public.autonomy_decision[]) is
  'Locks the campaigns and rules of decisions until commit; gives what becomes of those whose campaign or rule somebody else is changing at this moment. A part of apply_autonomous_actions. Safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_apply(
  p_run_id uuid, p_lease_token uuid, p_decisions public.autonomy_decision[], p_now timestamptz)
returns public.autonomy_result[]
language plpgsql set search_path = '' set work_mem = '64MB'
as $$
declare
  v_run public.autonomous_runs := public.autonomy_hold_lease(p_run_id, p_lease_token);
  v_policy public.autonomy_policy;
  v_left public.autonomy_result[];
  v_decisions public.autonomy_decision[] := p_decisions;
  v_items public.autonomy_item[];
  v_results public.autonomy_result[];
begin
  perform public.moment_error(p_now);
  if p_now <> v_run.started_at then
    raise exception using errcode = 'AO014',
      message = format('p_now is %s, but the moment of run %s is %s: a run has one.', p_now, p_run_id, v_run.started_at),
      hint = 'Give apply the "now" that begin_autonomous_run answered with.';
  end if;
  if v_run.dry_run or v_run.mode = 'observe' then
    raise exception using errcode = 'AO010',
      message = format('Run %s is %s: it applies nothing.', p_run_id, case when v_run.dry_run then 'a dry run' else 'in observe mode' end);
  end if;
  v_policy := public.autonomy_lock_effects();
  v_left := public.autonomy_lock_decided(p_decisions);
  if v_left <> '{}' then
    v_decisions := array(
      select o from unnest(p_decisions) o where not exists (select from unnest(v_left) l where l.n = o.n) order by o.n);
  end if;
  v_items := public.autonomy_judge(p_run_id, v_decisions, v_policy,
    coalesce(public.growth_base(v_run.summary -> 'portfolio'),
             (select sum(c.budget) from public.campaigns c where lower(c.status) = 'active' and c.budget between 0 and 1e18), 0), false, p_now);
  v_results := public.autonomy_carry_out(p_run_id, v_items, v_decisions, p_now);

  -- What was accepted before is answered as it was answered then.
  if exists (select from unnest(v_items) i where i.outcome = 'again') then
    v_results := array(
      select case when r.status <> 'again' then r else row(r.n, r.action_id, r.campaign_id,
        case a.status when 'rolled_back' then 'executed' else a.status end,
        coalesce(a.error, case when a.status = 'pending' then a.evidence ->> 'proposed_because' end),
        case when a.status in ('pending', 'failed') then a.evidence ->> 'message' end)::public.autonomy_result end
      from unnest(v_results) r
      left join public.autonomous_actions a on a.id = r.action_id
      order by r.n);
  end if;
  return array(select r from unnest(v_results || v_left) r order by r.n);  -- each in its place
end $$;
comment on function public.autonomy_apply(uuid, uuid, public.autonomy_decision[], timestamptz) is
  'Carries out a run''s decisions, each by itself, and extends the lease: what became of each, in the order given. What both kinds of run end in. Safe to call again: an action''s id is accepted once. Raises AO007 (lease lost), AO010 (dry run or observe mode), AO014 (p_now is not the run''s), AO002 (no policy). [autonomous-operations]';

create function public.apply_autonomous_actions(
  p_run_id uuid, p_lease_token uuid, p_decisions jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_results public.autonomy_result[];
begin
  if p_decisions is null or jsonb_typeof(p_decisions) <> 'array' or jsonb_array_length(p_decisions) > 5000 then
    raise exception using errcode = 'AO010',
      message = 'p_decisions must be a list of at most 5000 decisions.';
  end if;
  v_results := public.autonomy_apply(p_run_id, p_lease_token, public.autonomy_read_decisions(p_run_id, p_decisions), p_now);
  return jsonb_build_object(
    'results', (
      select coalesce(jsonb_agg(jsonb_build_object('action_id', r.action_id,
        'campaign_id', coalesce(r.campaign_id::text, p_decisions -> (r.n - 1)::integer ->> 'campaign_id'),
        'status', r.status, 'error', r.error, 'message', r.message) order by r.n), '[]')
      from unnest(v_results) r),
    'frozen', (select p.frozen from public.autonomy_policy p));
end $$;
comment on function public.apply_autonomous_actions(uuid, uuid, jsonb, timestamptz) is
  'Carries out a run''s decisions (verdict act or propose, at most 5000), each by itself, and extends the lease. Safe to call again: an action''s id is accepted once, the same batch gives the same results. p_now: the run''s, as begin_autonomous_run gave it. Raises AO007 (lease lost), AO010 (argument, dry run or observe mode), AO014 (another p_now), AO002 (no policy). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Proposals: a person approves or rejects, or they expire
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_pending_action(p_action_id uuid) returns public.autonomous_actions
language plpgsql set search_path = ''
as $$
declare
  v_action public.autonomous_actions;
begin
  select * into v_action from public.autonomous_actions where id = p_action_id for update;
  if not found then
    raise exception using errcode = 'AO011', message = format('There is no action %s.', coalesce(p_action_id::text, 'NULL'));
  elsif v_action.status <> 'pending' then
    raise exception using errcode = 'AO012',
      message = format('Action %s does not wait for approval: it is %s%s.', p_action_id, v_action.status,
                       coalesce(' (' || v_action.error || ')', ''));
  end if;
  return v_action;
end $$;
comment on function public.autonomy_pending_action(uuid) is
  'Locks an action that waits for approval. Safe to call again. Raises AO011 (no such action), AO012 (not pending). [autonomous-operations]';

create function public.approve_autonomous_action(
  p_action_id uuid, p_actor text default null, p_reason text default null, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, public.autonomy_actor());
  v_policy public.autonomy_policy;
  v_action public.autonomous_actions;
  v_campaign public.campaigns;
  v_changed public.campaigns;
  v_decision public.autonomy_decision[];
  v_item public.autonomy_item;
  v_said jsonb;
begin
  perform public.simulated_moment(p_now);
  v_policy := public.autonomy_lock_effects();
  select c.* into v_campaign from public.campaigns c
  where c.id = (select a.campaign_id from public.autonomous_actions a where a.id = p_action_id) for no key update;
  v_action := public.autonomy_pending_action(p_action_id);
  if v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = 'Everything is frozen: nothing is changed. The action goes on waiting.',
      hint = 'update autonomy_policy set frozen = false;';
  end if;

  if v_action.created_at + v_policy.approval_hours * interval '1 hour' <= p_now then
    v_item.code := 'EXPIRED';
    v_item.message := format('It had waited longer than %s hours.', v_policy.approval_hours);
  else
    v_decision := public.autonomy_read_decisions(v_action.run_id, jsonb_build_array(jsonb_build_object(
      'action_id', v_action.id, 'campaign_id', v_action.campaign_id, 'rule_id', v_action.rule_id,
      'verdict', 'act', 'action_type', v_action.action_type, 'confidence', coalesce(v_action.confidence_score, 0),
      'reason', coalesce(nullif(btrim(v_action.reason), ''), '-'),
      'previous', v_action.previous_state, 'new', v_action.new_state)));
    v_item := (public.autonomy_judge(v_action.run_id, v_decision, v_policy, 0, true, p_now))[1];
  end if;

  v_said := jsonb_build_object('by', v_actor, 'reason', p_reason, 'at', p_now);
  if v_item.code is not null then
    update public.autonomous_actions set status = 'failed', error = v_item.code,
      evidence = coalesce(evidence, '{}') || jsonb_build_object('message', v_item.message, 'approved', v_said,
        'found', public.autonomy_state(v_campaign.status, v_campaign.budget))
    where id = p_action_id;
    return jsonb_build_object('action_id', p_action_id, 'campaign_id', v_action.campaign_id, 'title', v_campaign.title,
      'status', 'failed', 'error', v_item.code, 'message', v_item.message);
  end if;
  -- the proposal was ours: an approval counts as an action of ours
  v_changed := public.autonomy_change_campaign(v_campaign, v_item.status, v_item.budget, p_action_id, 'action', v_actor, false, p_now);
  update public.autonomous_actions set status = 'executed', executed_at = p_now, actor = v_actor,
    new_state = public.autonomy_state(v_changed.status, v_changed.budget),
    evidence = coalesce(evidence, '{}') || jsonb_build_object('approved', v_said)
  where id = p_action_id;
  return jsonb_build_object('action_id', p_action_id, 'campaign_id', v_action.campaign_id, 'title', v_campaign.title,
    'status', 'executed', 'error', null, 'message', 'Approved and carried out.',
    'from', public.autonomy_state(v_campaign.status, v_campaign.budget),
    'to', public.autonomy_state(v_changed.status, v_changed.budget));
end $$;
comment on function public.approve_autonomous_action(uuid, text, text, timestamptz) is
  'Carries out a proposed action if state and guardrails still allow it; else it becomes failed with the code (EXPIRED, CHANGED_MEANWHILE, COOLDOWN ...). Breakers and the confidence floor do not hold here: a person decided. A second call raises. Raises AO011 (no such action), AO012 (not pending), AO005 (frozen; the action goes on waiting), AO004 (a trigger prevents it), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.reject_autonomous_action(
  p_action_id uuid, p_actor text default null, p_reason text default null, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, public.autonomy_actor());
  v_action public.autonomous_actions := public.autonomy_pending_action(p_action_id);
begin
  perform public.simulated_moment(p_now);
  -- A no is a no for a while: the next run would else propose the same again.
  update public.campaigns c set hold_until = greatest(c.hold_until,
    p_now + (select cooldown_hours from public.autonomy_policy) * interval '1 hour')
  where c.id = v_action.campaign_id;
  update public.autonomous_actions set status = 'failed', error = 'REJECTED', actor = v_actor,
    evidence = coalesce(evidence, '{}') || jsonb_build_object(
      'message', 'A person rejected it.', 'rejected', jsonb_build_object('by', v_actor, 'reason', p_reason, 'at', p_now))
  where id = p_action_id;
  return jsonb_build_object('action_id', p_action_id, 'campaign_id', v_action.campaign_id,
    'title', (select c.title from public.campaigns c where c.id = v_action.campaign_id),
    'status', 'failed', 'error', 'REJECTED', 'message', 'Rejected; the campaign stays as it is and is left alone for a while.');
end $$;
comment on function public.reject_autonomous_action(uuid, text, text, timestamptz) is
  'Rejects a proposed action: failed, REJECTED. The campaign keeps its state and is left alone for policy.cooldown_hours. A second call raises. Raises AO011 (no such action), AO012 (not pending), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.expire_pending_actions(p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_count integer;
begin
  perform public.simulated_moment(p_now);
  update public.autonomous_actions a set status = 'failed', error = 'EXPIRED',
    evidence = coalesce(a.evidence, '{}') || '{"message": "Nobody decided in time."}'
  where a.id in (  -- one that is being decided at this moment is left to whoever decides
    select w.id from public.autonomous_actions w
    where w.status = 'pending'
      and w.created_at + (select approval_hours from public.autonomy_policy) * interval '1 hour' <= p_now
    for update skip locked);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function public.expire_pending_actions(timestamptz) is
  'Turns proposals older than policy.approval_hours into failed, EXPIRED; returns how many. Safe to call again. Raises AO014 (p_now is not the clock''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Taking back
--
-- Only what the action changed is compared and restored: the rollback of a pause leaves a budget
-- that a person changed since. Several actions on one campaign are taken back newest first, and
-- each finds what the one before it left. A person decides, so the freeze does not hold here.
-- ---------------------------------------------------------------------------------------------
create function public.autonomy_changed_field(p_action public.autonomous_actions, p_field text) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  if jsonb_typeof(p_action.previous_state) is distinct from 'object' or jsonb_typeof(p_action.new_state) is distinct from 'object'
     or not p_action.previous_state ? p_field or not p_action.new_state ? p_field then
    return false;
  end if;
  -- jsonb compares numbers as numbers: 150 is 150.00
  return p_action.previous_state -> p_field <> p_action.new_state -> p_field;
end $$;
comment on function public.autonomy_changed_field(public.autonomous_actions, text) is
  'Whether an action changed the campaign''s status, or its budget. Only computes; safe to call again; raises nothing. [autonomous-operations]';

-- Why an action is not taken back; null where it is.
create function public.autonomy_rollback_obstacle(
  p_action public.autonomous_actions, p_campaign public.campaigns, p_force boolean, p_done uuid[]) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_status boolean := public.autonomy_changed_field(p_action, 'status');
  v_budget boolean := public.autonomy_changed_field(p_action, 'budget');
  v_previous_budget numeric;
  v_new_budget numeric;
  v_change bigint;
begin
  if p_action.status = 'rolled_back' then
    return 'ALREADY_ROLLED_BACK';
  elsif p_action.status <> 'executed' then
    return 'NOT_EXECUTED';
  elsif p_campaign.id is null then
    return 'CAMPAIGN_NOT_FOUND';
  elsif not v_status and not v_budget then
    return 'NOTHING_TO_RESTORE';
  elsif p_force then
    return null;
  end if;
  select max(k.id) into v_change from public.campaign_changes k where k.action_id = p_action.id and k.kind = 'action';
  if exists (
      select from public.autonomous_actions l
      where l.campaign_id = p_action.campaign_id and l.status = 'executed' and l.id <> p_action.id
        and l.id <> all (p_done)
        and (v_status and public.autonomy_changed_field(l, 'status') or v_budget and public.autonomy_changed_field(l, 'budget'))
        and coalesce((select max(k.id) from public.campaign_changes k where k.action_id = l.id and k.kind = 'action') > v_change,
                     l.executed_at > p_action.executed_at)) then
    return 'LATER_ACTION';
  end if;
  if v_budget then
    v_previous_budget := (p_action.previous_state ->> 'budget')::numeric;
    v_new_budget := (p_action.new_state ->> 'budget')::numeric;
  end if;
  if (not v_status or p_campaign.status is not distinct from p_action.previous_state ->> 'status')
     and (not v_budget or p_campaign.budget is not distinct from v_previous_budget) then
    return null;  -- a person restored it already; what is left is to write it down
  elsif v_status and p_campaign.status is distinct from p_action.new_state ->> 'status'
     or v_budget and p_campaign.budget is distinct from v_new_budget
     -- or changed away and back: whoever did so decided it anew
     or exists (
       select from public.campaign_changes k
       where k.campaign_id = p_campaign.id and k.id > v_change and k.kind = 'outside'
         and (v_status and k.old_status is distinct from k.new_status
              or v_budget and k.old_budget is distinct from k.new_budget)) then
    return 'CHANGED_SINCE';
  end if;
  return null;
end $$;
comment on function public.autonomy_rollback_obstacle(public.autonomous_actions, public.campaigns, boolean, uuid[]) is
  'Why an action cannot be taken back, as a code; NULL where it can. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_restore(
  p_action public.autonomous_actions, p_campaign public.campaigns, p_status text, p_budget numeric,
  p_reason text, p_actor text, p_now timestamptz) returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_changed public.campaigns := public.autonomy_change_campaign(
    p_campaign, p_status, p_budget, p_action.id, 'rollback', p_actor, false, p_now);
begin
  if v_changed.status is distinct from p_status or v_changed.budget is distinct from p_budget then
    raise exception using errcode = 'AO004',
      message = format('A trigger on campaigns did not let campaign %s go back.', p_campaign.id);
  end if;
  perform set_config('autonomy.effect', '1', true);
  update public.autonomous_actions
  set status = 'rolled_back', rolled_back_at = p_now, rolled_back_by = p_actor, rollback_reason = p_reason
  where id = p_action.id;
  perform set_config('autonomy.effect', '', true);
  return v_changed;
end $$;
comment on function public.autonomy_restore(public.autonomous_actions, public.campaigns, text, numeric, text, text, timestamptz) is
  'Restores one locked campaign, holds it, and marks the action. A part of the rollback functions, no use by itself. Raises AO004. [autonomous-operations]';

create function public.autonomy_roll_back(
  p_action_ids uuid[], p_reason text, p_actor text, p_force boolean, p_preview boolean, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, public.autonomy_actor());
  v_action public.autonomous_actions;
  v_campaign public.campaigns;
  v_after public.campaigns;
  v_code text;
  v_message text;
  v_seen uuid;              -- the campaign that v_campaign and v_done are about
  v_done uuid[] := '{}';    -- its actions that were taken back here: in a preview the log does not show it
  v_changed jsonb[] := '{}';
  v_skipped jsonb[] := '{}';
begin
  perform public.moment_error(p_now);
  if not p_preview then
    perform public.simulated_moment(p_now);
    perform public.autonomy_lock_effects();
    perform from (select c.id from public.campaigns c
                  where c.id in (select a.campaign_id from public.autonomous_actions a where a.id = any (p_action_ids))
                  order by c.id for no key update) locked;
    perform from (select a.id from public.autonomous_actions a where a.id = any (p_action_ids) order by a.id for update) locked;
  end if;

  for v_action in
    select a.* from public.autonomous_actions a
    left join lateral (select max(k.id) as id from public.campaign_changes k where k.action_id = a.id and k.kind = 'action') k on true
    where a.id = any (p_action_ids)
    order by a.campaign_id, k.id desc nulls last, a.executed_at desc nulls last, a.id
  loop
    if v_action.campaign_id is distinct from v_seen or v_seen is null then
      select c.* into v_campaign from public.campaigns c where c.id = v_action.campaign_id;
      v_seen := v_action.campaign_id;
      v_done := '{}';
    end if;
    v_message := null;
    v_code := public.autonomy_rollback_obstacle(v_action, v_campaign, p_force, v_done);
    if v_code is null then
      v_after := v_campaign;
      if public.autonomy_changed_field(v_action, 'status') then
        v_after.status := v_action.previous_state ->> 'status';
      end if;
      if public.autonomy_changed_field(v_action, 'budget') then
        v_after.budget := (v_action.previous_state ->> 'budget')::numeric;
      end if;
      if not p_preview then
        begin
          v_after := public.autonomy_restore(
            v_action, v_campaign, v_after.status, v_after.budget, p_reason, v_actor, p_now);
        exception when others then
          if left(sqlstate, 2) in ('40', '53', '55', '57', '58', 'XX') then
            raise;
          end if;
          v_code := 'REFUSED_BY_DATABASE';
          v_message := format('The database refused it: %s (%s)', sqlerrm, sqlstate);
        end;
      end if;
    end if;
    if v_code is null then
      v_changed := v_changed || jsonb_build_object('action_id', v_action.id, 'campaign_id', v_action.campaign_id,
        'title', v_campaign.title, 'action_type', v_action.action_type,
        'from', public.autonomy_state(v_campaign.status, v_campaign.budget),
        'to', public.autonomy_state(v_after.status, v_after.budget));
      v_campaign := v_after;
      v_done := v_done || v_action.id;
    else
      v_skipped := v_skipped || jsonb_build_object('action_id', v_action.id, 'campaign_id', v_action.campaign_id,
        'title', v_campaign.title, 'action_type', v_action.action_type, 'code', v_code,
        'message', coalesce(v_message, case v_code
          when 'ALREADY_ROLLED_BACK' then format('It was taken back at %s by %s.', v_action.rolled_back_at, v_action.rolled_back_by)
          when 'NOT_EXECUTED' then format('It was never carried out: it is %s.', v_action.status)
          when 'CAMPAIGN_NOT_FOUND' then 'The campaign is not there any more.'
          when 'NOTHING_TO_RESTORE' then 'It changed neither status nor budget.'
          when 'LATER_ACTION' then 'A later action changed the same; take that one back first, or force it.'
          when 'CHANGED_SINCE' then format('Somebody changed it since: the action left %s, now it is %s.',
            public.autonomy_text(v_action.new_state ->> 'status', v_action.new_state ->> 'budget'),
            public.autonomy_text(v_campaign.status, v_campaign.budget::text)) end),
        'expected', v_action.new_state,
        'found', case when v_campaign.id is not null then public.autonomy_state(v_campaign.status, v_campaign.budget) end);
    end if;
  end loop;
  return jsonb_build_object('changed', to_jsonb(v_changed), 'skipped', to_jsonb(v_skipped), 'preview', p_preview);
end $$;
comment on function public.autonomy_roll_back(uuid[], text, text, boolean, boolean, timestamptz) is
  'Takes the given actions back, newest first on each campaign. A part of the two functions below. [autonomous-operations]';

create function public.rollback_autonomous_action(
  p_action_id uuid, p_reason text default null, p_actor text default null, p_force boolean default false,
  p_preview boolean default false, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from public.autonomous_actions a where a.id = p_action_id) then
    raise exception using errcode = 'AO011', message = format('There is no action %s.', coalesce(p_action_id::text, 'NULL'));
  end if;
  return public.autonomy_roll_back(array[p_action_id], p_reason, p_actor,
                                   coalesce(p_force, false), coalesce(p_preview, false), p_now);
end $$;
comment on function public.rollback_autonomous_action(uuid, text, text, boolean, boolean, timestamptz) is
  'Takes one action back: restores exactly what it changed, holds the campaign for policy.hold_days_after_rollback, records who, when and why. What a person or a later action changed since is skipped with both values, unless forced. Works while frozen. Safe to call again: the second call changes nothing. A preview may be of any time. Raises AO011 (no such action), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.rollback_autonomous_actions(
  p_filter jsonb, p_reason text default null, p_actor text default null, p_force boolean default false,
  p_preview boolean default false, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_key text;
  v_ids uuid[];
  v_listed uuid[];
  v_result jsonb;
begin
  if p_filter is null or jsonb_typeof(p_filter) <> 'object' or jsonb_strip_nulls(p_filter) = '{}' then
    raise exception using errcode = 'AO010', message = 'The filter is empty: an empty filter never means everything.',
      hint = 'Give at least one of run_id, rule_id, from, to, action_ids.';
  end if;
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key not in ('run_id', 'rule_id', 'from', 'to', 'action_ids') then
      raise exception using errcode = 'AO010', message = format('%s: unknown filter.', v_key),
        hint = 'Filters: run_id, rule_id, from, to, action_ids.';
    end if;
  end loop;
  if jsonb_typeof(p_filter -> 'action_ids') not in ('array', 'null')
     or p_filter -> 'action_ids' = '[]' then
    raise exception using errcode = 'AO010', message = 'action_ids must be a list of at least one id.';
  end if;
  if jsonb_typeof(p_filter -> 'action_ids') = 'array' then
    v_listed := array(select e::uuid from jsonb_array_elements_text(p_filter -> 'action_ids') e);
  end if;
  if (p_filter ->> 'from')::timestamptz >= (p_filter ->> 'to')::timestamptz then
    raise exception using errcode = 'AO010', message = 'from must lie before to.';
  end if;

  v_ids := array(
    select a.id from public.autonomous_actions a
    where (v_listed is null or a.id = any (v_listed))
      and (p_filter ->> 'run_id' is null or a.run_id = (p_filter ->> 'run_id')::uuid)
      and (p_filter ->> 'rule_id' is null or a.rule_id = (p_filter ->> 'rule_id')::uuid)
      and (p_filter ->> 'from' is null or coalesce(a.executed_at, a.created_at) >= (p_filter ->> 'from')::timestamptz)
      and (p_filter ->> 'to' is null or coalesce(a.executed_at, a.created_at) < (p_filter ->> 'to')::timestamptz)
      -- what failed changed nothing, so it is no part of a run or a day that is taken back
      and (a.status <> 'failed' or v_listed is not null));
  v_result := public.autonomy_roll_back(v_ids, p_reason, p_actor, coalesce(p_force, false), coalesce(p_preview, false), p_now);
  if v_listed is not null then
    v_result := jsonb_set(v_result, '{skipped}', (v_result -> 'skipped') || coalesce((
      select jsonb_agg(jsonb_build_object('action_id', l.id, 'campaign_id', null, 'title', null,
        'code', 'ACTION_NOT_FOUND', 'message', 'There is no such action.', 'expected', null, 'found', null))
      from unnest(v_listed) l (id)
      where not exists (select from public.autonomous_actions a where a.id = l.id)), '[]'));
  end if;
  return v_result;
end $$;
comment on function public.rollback_autonomous_actions(jsonb, text, text, boolean, boolean, timestamptz) is
  'Takes back the actions of a run, a rule, a time span (from <= executed < to) or a list; keys run_id, rule_id, from, to, action_ids, all AND-ed. Each as rollback_autonomous_action does. Safe to call again. Raises AO010 (empty or unknown filter), AO014 (p_now is not the clock''s), 22P02 and 22007 (no uuid, no time). [autonomous-operations]';

-- The guide's manual rollback (UPDATE campaigns ...; UPDATE autonomous_actions SET status =
-- 'rolled_back' ...) leaves the trace that the functions leave.
create or replace function public.autonomy_action_marked() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_last public.campaign_changes;
begin
  if old.status = 'rolled_back' then
    raise exception using errcode = 'AO012', message = format('Action %s has been rolled back; that stays so.', old.id);
  elsif lower(old.status) <> 'executed' then  -- an older log may spell it otherwise
    raise exception using errcode = 'AO012',
      message = format('Action %s is %s; only an executed action can be rolled back.', old.id, old.status);
  elsif current_setting('autonomy.effect', true) = '1' then
    return new;
  end if;

  new.rolled_back_at := coalesce(new.rolled_back_at, public.autonomy_writing_at());
  new.rolled_back_by := coalesce(new.rolled_back_by, public.autonomy_actor());
  new.rollback_reason := coalesce(new.rollback_reason, 'marked by hand');
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  update public.campaigns c
  set hold_until = greatest(c.hold_until,
    new.rolled_back_at + (select hold_days_after_rollback from public.autonomy_policy) * interval '1 day')
  where c.id = new.campaign_id returning * into v_campaign;
  if not found then
    return new;
  end if;
  -- The change by hand that restored the campaign, if it is the last one, was this rollback.
  select * into v_last from public.campaign_changes k where k.campaign_id = new.campaign_id order by k.id desc limit 1;
  -- What else was changed in the same statement is a change of the person's own, and its row stays theirs.
  if (v_last.kind = 'outside'
     and case when public.autonomy_changed_field(new, 'status')
           then lower(v_last.new_status) is not distinct from lower(new.previous_state ->> 'status')
           else v_last.old_status is not distinct from v_last.new_status end
     and case when public.autonomy_changed_field(new, 'budget')
           then v_last.new_budget is not distinct from (new.previous_state ->> 'budget')::numeric
           else v_last.old_budget is not distinct from v_last.new_budget end) then
    update public.campaign_changes set kind = 'rollback', action_id = new.id where id = v_last.id;
  else
    insert into public.campaign_changes
      (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
    values (new.campaign_id, new.rolled_back_at, v_campaign.status, v_campaign.status, v_campaign.budget, v_campaign.budget,
            new.id, 'rollback', new.rolled_back_by);
  end if;
  return new;
end $$;
comment on function public.autonomy_action_marked() is
  'Trigger of autonomous_actions: a rollback that is marked by hand records who and when, and holds the campaign. Raises AO012 where the action was not executed. [autonomous-operations]';

create or replace trigger autonomy_action_marked before update of status on public.autonomous_actions
  for each row when (new.status is distinct from old.status and 'rolled_back' in (new.status, old.status))
  execute function public.autonomy_action_marked();

-- ---------------------------------------------------------------------------------------------
-- The audit
-- ---------------------------------------------------------------------------------------------
create function public.audit_autonomous_actions(p_limit integer default 20) returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '55s' set work_mem = '64MB'
as $$
declare
  v_report jsonb;
begin
  if p_limit is null or p_limit < 0 then
    raise exception using errcode = 'AO010', message = 'p_limit must be 0 or more.';
  end if;
  -- One statement, so that it sees one state of a system that goes on working.
  with chain as (
    select k.id, k.campaign_id, k.action_id, k.kind, k.old_status, k.new_status, k.old_budget, k.new_budget,
      lag(k.kind) over one as before_kind, lag(k.new_status) over one as before_status,
      lag(k.new_budget) over one as before_budget, lead(k.id) over one is null as is_last
    from public.campaign_changes k
    window one as (partition by k.campaign_id order by k.id)
  ),
  judged as (
    select c.*, case when c.before_kind is null then c.kind <> 'created'
                     when c.kind = 'created' then c.before_kind <> 'deleted'
                     else c.before_kind = 'deleted' or c.old_status is distinct from c.before_status
                                                    or c.old_budget is distinct from c.before_budget end as broken
    from chain c
  ),
  kept as materialized (select * from judged where broken or is_last),
  done as materialized (  -- what the log of actions says was changed
    select a.id, a.campaign_id, a.status, a.previous_state ->> 'status' as old_status, a.new_state ->> 'status' as new_status,
      case when jsonb_typeof(a.previous_state -> 'budget') = 'number' then (a.previous_state -> 'budget')::numeric
        when a.previous_state ->> 'budget' = 'NaN' then 'NaN'::numeric end as old_budget,
      case when jsonb_typeof(a.new_state -> 'budget') = 'number' then (a.new_state -> 'budget')::numeric
        when a.new_state ->> 'budget' = 'NaN' then 'NaN'::numeric end as new_budget
    from public.autonomous_actions a
    where a.status in ('executed', 'rolled_back') and not coalesce(a.evidence ? 'before_audit', false)
  ),
  claims as materialized (
    select k.action_id, count(*) filter (where k.kind = 'action') as actions, count(*) filter (where k.kind = 'rollback') as rollbacks
    from public.campaign_changes k where k.action_id is not null group by k.action_id
  ),
  difference (campaign_id, change_id, action_id, what, expected, found) as (
    select c.campaign_id, c.id, c.action_id,
      case when c.before_kind is null then 'the log does not begin with the campaign''s creation'
           when c.kind = 'created' then 'created while it was there'
           when c.before_kind = 'deleted' then 'changed after it was deleted'
           else 'a change does not begin where the one before it ended' end,
      jsonb_build_object('status', c.before_status, 'budget', c.before_budget),
      jsonb_build_object('status', c.old_status, 'budget', c.old_budget)
    from kept c where c.broken
    union all
    select coalesce(c.id, k.campaign_id), k.id, k.action_id,
      case when k.id is null then 'the campaign has no log of changes'
           when c.id is null then 'the campaign is gone without a deletion in the log'
           when k.kind = 'deleted' then 'the campaign is there, although the log says it was deleted'
           else 'the campaign is not as the log says' end,
      case when k.id is not null then jsonb_build_object('status', k.new_status, 'budget', k.new_budget) end,
      case when c.id is not null then jsonb_build_object('status', c.status, 'budget', c.budget) end
    from public.campaigns c
    full join (select * from kept where is_last) k on k.campaign_id = c.id
    where k.id is null or c.id is null and k.kind <> 'deleted' or c.id is not null and k.kind = 'deleted'
       or c.id is not null and (c.status is distinct from k.new_status or c.budget is distinct from k.new_budget)
    union all
    select k.campaign_id, k.id, k.action_id,
      case when k.action_id is null then 'a change claims an action but names none'
           when a.id is null then 'a change claims an action that is not in the log'
           when a.campaign_id is distinct from k.campaign_id then 'a change claims another campaign''s action'
           when k.kind = 'rollback' then 'a change claims a rollback that is not in the log'
           when a.status not in ('executed', 'rolled_back') then 'a change claims an action that was not carried out'
           else 'a change differs from the action that it claims' end,
      case when a.id is not null then jsonb_build_object('status', a.status, 'previous', a.previous_state, 'new', a.new_state) end,
      jsonb_build_object('previous', jsonb_build_object('status', k.old_status, 'budget', k.old_budget),
                         'new', jsonb_build_object('status', k.new_status, 'budget', k.new_budget))
    from public.campaign_changes k
    left join public.autonomous_actions a on a.id = k.action_id
    left join done d on d.id = k.action_id
    where k.kind in ('action', 'rollback')
      and (a.id is null or a.campaign_id is distinct from k.campaign_id
           or k.kind = 'rollback' and a.status <> 'rolled_back'
           or k.kind = 'action' and (a.status not in ('executed', 'rolled_back')
              or d.id is not null and (
                k.old_status is distinct from d.old_status or k.new_status is distinct from d.new_status
                or k.old_budget is distinct from d.old_budget or k.new_budget is distinct from d.new_budget)))
    union all
    select d.campaign_id, null, d.id,
      case when coalesce(c.actions, 0) = 0 then 'an action has no change of its campaign'
           when c.actions > 1 then 'an action was carried out more than once'
           when coalesce(c.rollbacks, 0) = 0 then 'a rollback has no trace in the log of changes'
           else 'an action was taken back more than once' end,
      jsonb_build_object('actions', 1, 'rollbacks', case d.status when 'rolled_back' then 1 else 0 end),
      jsonb_build_object('actions', coalesce(c.actions, 0), 'rollbacks', coalesce(c.rollbacks, 0))
    from done d
    left join claims c on c.action_id = d.id
    where (d.old_status is distinct from d.new_status or d.old_budget is distinct from d.new_budget)
      and (coalesce(c.actions, 0) <> 1 or coalesce(c.rollbacks, 0) > 1
           or d.status = 'rolled_back' and coalesce(c.rollbacks, 0) = 0
              and exists (select from public.campaigns p where p.id = d.campaign_id))
  )
  select jsonb_build_object(
    'ok', not exists (select from difference),
    'campaigns_checked', (select count(*) from public.campaigns),
    'actions_checked', (select count(*) from done),
    'changes_checked', (select count(*) from public.campaign_changes),
    'differences_found', (select count(*) from difference),
    'differences', (select coalesce(jsonb_agg(to_jsonb(f) order by f.change_id nulls last, f.campaign_id, f.what), '[]')
                    from (select * from difference order by change_id nulls last, campaign_id, what limit p_limit) f))
  into v_report;
  return v_report;
end $$;
comment on function public.audit_autonomous_actions(integer) is
  'Replays the log of changes from its start and holds it against campaigns and autonomous_actions; names the first differences. Only reads; safe to call on a live system, and again. Raises AO010. [autonomous-operations]';

-- Effects: every change that this system makes to a campaign, and how it is taken back.
--
-- What holds whoever calls:
--   * A change of a campaign and its row in autonomous_actions are one transaction.
--   * Every change of status or budget, ours or not, has a row in campaign_changes.
--   * Locks are taken in one order: run, effects (advisory), policy, campaigns by id, actions.
--     "Effects" lets one transaction at a time change campaigns, so that counts over the whole
--     portfolio (breakers) cannot be passed by two shards at once.
--   * The policy row is locked FOR SHARE until commit: once `update autonomy_policy set frozen =
--     true` has returned, nothing more is changed.

set local lock_timeout = '30s';
set local search_path = '';
set local client_min_messages = 'notice';
set local check_function_bodies = off;

do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname in (
      'autonomy_actor', 'autonomy_state', 'autonomy_text', 'autonomy_lock_effects', 'autonomy_change_campaign',
      'autonomy_locked_campaign', 'autonomy_act_by_hand', 'auto_pause_campaign', 'auto_scale_campaign',
      'autonomy_judge', 'autonomy_write_items', 'autonomy_carry_out', 'apply_autonomous_actions',
      'autonomy_pending_action', 'approve_autonomous_action', 'reject_autonomous_action', 'expire_pending_actions',
      'autonomy_changed_field', 'autonomy_roll_back', 'rollback_autonomous_action', 'rollback_autonomous_actions',
      'audit_autonomous_actions')
  loop
    execute format('drop function %s', v_function);
  end loop;
end $$;

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
  return coalesce(v_claims ->> 'email', v_claims ->> 'sub', v_claims ->> 'role', session_user::text);
exception when invalid_text_representation then
  return session_user::text;
end $$;
comment on function public.autonomy_actor() is
  'Who is calling: e-mail, subject or role of the token, else the database user. Only reads; safe to call again; raises nothing. [autonomous-operations]';

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
begin
  if tg_op = 'UPDATE' then
    if current_setting('autonomy.effect', true) = '1' and pg_trigger_depth() = 1 then
      return null;
    end if;
    -- A changed key is, to the log, one campaign that went and another that came.
    insert into public.campaign_changes
      (campaign_id, old_status, new_status, old_budget, new_budget, kind, actor)
    select coalesce(n.id, o.id), o.status, n.status, o.budget, n.budget,
           case when o.id is null then 'created' when n.id is null then 'deleted' else 'outside' end, v_actor
    from new_campaigns n full join old_campaigns o on o.id = n.id
    where n.status is distinct from o.status or n.budget is distinct from o.budget
       or n.id is null or o.id is null;
  elsif tg_op = 'INSERT' then
    insert into public.campaign_changes (campaign_id, new_status, new_budget, kind, actor)
    select n.id, n.status, n.budget, 'created', v_actor from new_campaigns n;
  elsif tg_op = 'DELETE' then
    insert into public.campaign_changes (campaign_id, old_status, old_budget, kind, actor)
    select o.id, o.status, o.budget, 'deleted', v_actor from old_campaigns o;
  else
    insert into public.campaign_changes (campaign_id, old_status, old_budget, kind, actor)
    select c.id, c.status, c.budget, 'deleted', v_actor from public.campaigns c;
  end if;
  return null;
end $$;
comment on function public.autonomy_campaign_changed() is
  'Triggers of campaigns: writes each creation, change of status or budget from outside, and removal to campaign_changes. Raises nothing. [autonomous-operations]';

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
  'Waits until no other transaction changes campaigns, then gives the policy, locked until commit. Safe to call again. Raises AO002 where there is no policy. [autonomous-operations]';

create function public.autonomy_state(p_status text, p_budget numeric) returns jsonb
language sql immutable set search_path = ''
as $$ select jsonb_build_object('status', p_status, 'budget', p_budget) $$;
comment on function public.autonomy_state(text, numeric) is
  'A campaign''s state as it stands in previous_state and new_state. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_text(p_status text, p_budget numeric) returns text
language sql immutable set search_path = ''
as $$ select format('%s with a budget of %s', coalesce(p_status, 'no status'), coalesce(p_budget::text, 'none')) $$;
comment on function public.autonomy_text(text, numeric) is
  'A campaign''s state in words. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_change_campaign(
  p_campaign public.campaigns, p_status text, p_budget numeric, p_action_id uuid, p_kind text,
  p_actor text, p_now timestamptz) returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_changed public.campaigns;
begin
  perform set_config('autonomy.effect', '1', true);
  update public.campaigns c
  set status = p_status, budget = p_budget, updated_at = p_now,
      hold_until = case when p_kind = 'rollback'
        then greatest(c.hold_until, p_now + (select hold_days_after_rollback from public.autonomy_policy) * interval '1 day')
        else c.hold_until end
  where c.id = p_campaign.id
  returning * into v_changed;
  perform set_config('autonomy.effect', '', true);
  if not found or (p_kind = 'action' and v_changed.status is not distinct from p_campaign.status
                                     and v_changed.budget is not distinct from p_campaign.budget) then
    raise exception using errcode = 'AO004',
      message = format('A trigger on campaigns did not let campaign %s change.', p_campaign.id);
  end if;
  insert into public.campaign_changes
    (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
  values (p_campaign.id, p_now, p_campaign.status, v_changed.status, p_campaign.budget, v_changed.budget,
          p_action_id, p_kind, p_actor);
  return v_changed;
end $$;
comment on function public.autonomy_change_campaign(public.campaigns, text, numeric, uuid, text, text, timestamptz) is
  'Changes one locked campaign and writes the change down under an action. A part of the functions below, no use by itself. Raises AO004 where a trigger of the table prevents it. [autonomous-operations]';

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
  v_changed := public.autonomy_change_campaign(p_campaign, p_status, p_budget, v_id, 'action', v_actor, p_now);
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
       from public.campaign_performance f where f.campaign_id = p_campaign.id)),
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
  'Pauses a campaign by hand and logs it; returns the action''s id. Skips cooldown and confidence floor: a person decided. A second call raises, so a campaign is never paused twice. Raises AO003 (no such campaign), AO004 (not active), AO005 (frozen), AO010 (argument). [autonomous-operations]';

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
  'Sets an active campaign''s daily budget by hand and logs it; returns the action''s id. Skips cooldown, step limits and confidence floor: a person decided. A second call raises. Raises AO003 (no such campaign), AO004 (not active, or the budget is that already), AO005 (frozen), AO006 (beyond the policy''s absolute limits), AO010 (argument). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- A run's decisions: judged as one set, carried out as one set
-- ---------------------------------------------------------------------------------------------
drop type if exists public.autonomy_item;
create type public.autonomy_item as (
  n bigint,                -- place in the batch, from 1
  id uuid,                 -- the action's
  campaign_id uuid,
  action_type text,
  outcome text,            -- execute, propose, fail, hold, or again (it was accepted before)
  code text,
  message text,
  old_status text,         -- as found
  old_budget numeric,
  status text,             -- to be written
  budget numeric,
  decision jsonb
);
comment on type public.autonomy_item is 'A decision and what is to become of it; passes between the functions of apply. [autonomous-operations]';

-- Whatever the engine thought, each limit is looked at again here, under locks, against the policy
-- and the rule of this moment. Nothing is written.
create function public.autonomy_judge(
  p_run_id uuid, p_decisions jsonb, p_policy public.autonomy_policy, p_active_budget numeric,
  p_by_person boolean, p_now timestamptz) returns public.autonomy_item[]
language sql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
with written as materialized (  -- the decision as it came, each value only if it is what it should be
  select e.n, e.d,
    e.d ->> 'verdict' as verdict, e.d ->> 'action_type' as action_type, e.d ->> 'action_id' as id_text,
    case when e.d ->> 'campaign_id' ~ k.uuid then (e.d ->> 'campaign_id')::uuid end as campaign_id,
    case when e.d ->> 'action_id' ~ k.uuid then (e.d ->> 'action_id')::uuid end as given_id,
    case when e.d ->> 'rule_id' ~ k.uuid then (e.d ->> 'rule_id')::uuid end as rule_id,
    case jsonb_typeof(e.d -> 'confidence') when 'number' then (e.d -> 'confidence')::numeric
      when 'string' then case when e.d ->> 'confidence' ~ k.number then (e.d ->> 'confidence')::numeric end end as confidence,
    e.d #>> '{previous,status}' as old_status, e.d #>> '{new,status}' as new_status,
    case jsonb_typeof(e.d #> '{previous,budget}') when 'number' then (e.d #> '{previous,budget}')::numeric
      when 'string' then case when e.d #>> '{previous,budget}' ~ k.number then (e.d #>> '{previous,budget}')::numeric end end as old_budget,
    case jsonb_typeof(e.d #> '{new,budget}') when 'number' then (e.d #> '{new,budget}')::numeric
      when 'string' then case when e.d #>> '{new,budget}' ~ k.number then (e.d #>> '{new,budget}')::numeric end end as new_budget
  from jsonb_array_elements(p_decisions) with ordinality e (d, n),
       (values ('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', '^-?[0-9]{1,15}([.][0-9]{1,9})?$')) k (uuid, number)
),
read as materialized (
  select w.*,
    coalesce(w.given_id, md5(p_run_id::text || coalesce(w.campaign_id::text, w.d::text))::uuid) as id,
    case
      when jsonb_typeof(w.d) <> 'object' then 'it is not an object'
      when w.campaign_id is null then 'campaign_id is not a uuid'
      when w.id_text is not null and w.given_id is null then 'action_id is not a uuid'
      when w.verdict is null or w.verdict not in ('act', 'propose') then 'verdict is neither act nor propose'
      when w.action_type is null
        or w.action_type not in ('auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted')
        then 'action_type is none that a run carries out'
      when w.d ->> 'rule_id' is not null and w.rule_id is null then 'rule_id is not a uuid'
      when w.confidence is null or w.confidence not between 0 and 100 then 'confidence is not a number from 0 to 100'
      when jsonb_typeof(w.d -> 'reason') is distinct from 'string' or btrim(w.d ->> 'reason') = '' then 'reason is missing'
      when jsonb_typeof(w.d #> '{previous,status}') is distinct from 'string' then 'previous.status is missing'
      when jsonb_typeof(w.d #> '{new,status}') is distinct from 'string' then 'new.status is missing'
      when w.old_budget is null and w.d #>> '{previous,budget}' is not null then 'previous.budget is not a number'
      when w.new_budget is null and w.d #>> '{new,budget}' is not null then 'new.budget is not a number'
      when w.new_budget not between 0 and 999999999999.99 or w.new_budget <> round(w.new_budget, 2)
        then 'new.budget is not an amount of whole cents'
      when w.action_type = 'auto_pause' and not (lower(w.old_status) = 'active' and lower(w.new_status) = 'paused'
        and w.new_budget is not distinct from w.old_budget) then 'a pause turns active into paused and leaves the budget'
      when w.action_type = 'auto_resume' and not (lower(w.old_status) = 'paused' and lower(w.new_status) = 'active'
        and w.new_budget is not distinct from w.old_budget) then 'a resume turns paused into active and leaves the budget'
      when w.action_type not in ('auto_pause', 'auto_resume') and not coalesce(lower(w.old_status) = 'active'
        and w.new_status = w.old_status and w.old_budget > 0 and w.new_budget > 0 and w.new_budget <> w.old_budget, false)
        then 'a budget action changes an active campaign''s budget and nothing else'
      when w.action_type = 'auto_scale_up' and w.new_budget < w.old_budget then 'a scale-up lowers the budget'
      when w.action_type = 'auto_scale_down' and w.new_budget > w.old_budget then 'a scale-down raises the budget'
    end as malformed
  from written w
),
known as materialized (  -- beside what the database knows
  select r.n, r.d, r.id, r.campaign_id, r.rule_id, r.verdict, r.action_type, r.confidence, r.malformed,
    r.old_status as decided_status, r.old_budget as decided_budget, r.new_status, r.new_budget,
    c.id is not null as found, c.status, c.budget, c.autonomous_enabled, c.hold_until,
    x.id is not null as taken,
    x.run_id is not distinct from p_run_id and x.campaign_id is not distinct from r.campaign_id as again,
    rule.id is not null and rule.is_active as rule_on,
    case when jsonb_typeof(rule.action -> 'max_budget') = 'number' then (rule.action -> 'max_budget')::numeric end as rule_max,
    case when jsonb_typeof(rule.action -> 'min_budget') = 'number' then (rule.action -> 'min_budget')::numeric end as rule_min,
    coalesce(case when jsonb_typeof(rule.action -> 'cooldown_hours') = 'number' and r.action_type <> 'auto_resume'
      then (rule.action -> 'cooldown_hours')::numeric end, p_policy.cooldown_hours) as cooldown_hours,
    coalesce(case when jsonb_typeof(rule.action -> 'min_confidence') = 'number'
      then (rule.action -> 'min_confidence')::numeric end, p_policy.min_confidence) as floor,
    rule.action -> 'requires_approval' = 'true' as wants_approval,
    case when r.action_type = 'auto_pause' then h.last_pause else h.last_action end as last_at,
    h.last_resume, least(c.budget, h.low_budget) as low_budget,
    pending.id is not null as pending, test.id is not null as testing,
    paused.previous_status as paused_from,
    row_number() over (partition by r.malformed is null, r.campaign_id order by r.n) as turn,
    row_number() over (partition by r.malformed is null, r.id order by r.n) as same_id_turn,
    case when r.action_type <> 'auto_resume' and r.new_budget > c.budget then r.new_budget - c.budget end as raise
  from read r
  left join public.campaigns c on c.id = r.campaign_id
  left join public.autonomous_actions x on x.id = r.id and not p_by_person
  left join public.autonomous_rules rule on rule.id = r.rule_id
  left join lateral (
    select max(a.executed_at) as last_action,
           max(a.executed_at) filter (where a.action_type in ('auto_pause', 'auto_resume')) as last_pause,
           max(a.executed_at) filter (where a.action_type = 'auto_resume') as last_resume,
           min(case when jsonb_typeof(a.previous_state -> 'budget') = 'number' then (a.previous_state -> 'budget')::numeric end)
             filter (where a.executed_at > p_now - interval '7 days') as low_budget
    from public.autonomous_actions a
    where a.campaign_id = r.campaign_id and a.status = 'executed') h on true
  left join lateral (
    select a.id from public.autonomous_actions a
    where a.campaign_id = r.campaign_id and a.status = 'pending' and a.id <> r.id limit 1) pending on true
  left join lateral (
    select t.id from public.campaign_ab_tests t
    where t.campaign_id = r.campaign_id and t.status = 'running' limit 1) test on true
  left join lateral (  -- ours to resume: the last change of it is a pause of ours that still stands
    select a.previous_state ->> 'status' as previous_status
    from (select k.action_id, k.kind from public.campaign_changes k
          where k.campaign_id = r.campaign_id order by k.id desc limit 1) k
    join public.autonomous_actions a on a.id = k.action_id
    where k.kind = 'action' and a.action_type = 'auto_pause' and a.status = 'executed') paused on r.action_type = 'auto_resume'
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
      when status is distinct from decided_status or budget is distinct from decided_budget then 'CHANGED_MEANWHILE'
      when action_type = 'auto_resume' and paused_from is distinct from new_status then 'CHANGED_MEANWHILE'
      when rule_id is not null and not rule_on and action_type <> 'auto_resume' and not p_by_person then 'RULE_INACTIVE'
      when action_type = 'auto_resume' and not p_policy.resume_when_proven_wrong and not p_by_person then 'RULE_INACTIVE'
      when not autonomous_enabled then 'DISABLED'
      when hold_until > p_now then 'ON_HOLD'
      when extract(epoch from p_now - last_at) / 3600 < cooldown_hours then 'COOLDOWN'
      when action_type = 'auto_resume' and last_resume > p_now - interval '7 days' then 'COOLDOWN'
      when testing then 'TEST_RUNNING'
      when pending then 'AWAITING_APPROVAL'
      when confidence < floor and action_type <> 'auto_resume' and not p_by_person then 'AGAINST_THE_ODDS'
      when raise is null and action_type in ('auto_pause', 'auto_resume') then null
      when new_budget > trunc(budget * p_policy.max_step, 2) then 'STEP_CAP'
      when raise > 0 and new_budget > trunc(low_budget * p_policy.max_growth_7d, 2) then 'GROWTH_CAP'
      when raise > 0 and new_budget > least(p_policy.max_budget, rule_max) then 'BUDGET_CAP'
      when raise is null and new_budget < greatest(p_policy.min_budget, rule_min) then 'BUDGET_CAP'
    end as code
  from known k
),
counted as materialized (  -- over the portfolio, together with what was done in the last 24 hours
  select j.*,
    count(*) filter (where code is null and action_type = 'auto_pause') over () as pauses,
    count(*) filter (where code is null and verdict = 'act' and raise > 0) over () as raises,
    sum(raise) filter (where code is null and verdict = 'act' and raise > 0)
      over (order by confidence desc nulls last, campaign_id, n rows unbounded preceding) as raised_so_far
  from judged j
),
before as materialized (
  select
    (select count(*) from public.autonomous_actions a
     where a.action_type = 'auto_pause' and a.created_at > p_now - interval '24 hours'
       and a.status in ('executed', 'pending')) as pauses,
    count(*) as raises,
    coalesce(sum((a.new_state -> 'budget')::numeric - (a.previous_state -> 'budget')::numeric), 0) as raised
  from public.autonomous_actions a
  where a.created_at > p_now - interval '24 hours' and a.status = 'executed' and a.action_type <> 'auto_resume'
    and case when jsonb_typeof(a.new_state -> 'budget') = 'number' and jsonb_typeof(a.previous_state -> 'budget') = 'number'
          then (a.new_state -> 'budget')::numeric > (a.previous_state -> 'budget')::numeric end
),
tripped as materialized (
  select
    case when b.pauses + t.pauses > p_policy.pause_breaker_count then
      b.pauses + t.pauses > p_policy.pause_breaker_share * (b.pauses +
        (select count(*) from public.campaigns c where lower(c.status) = 'active')) else false end as pauses,
    b.raises + t.raises > p_policy.growth_breaker_count as raises,
    -- one cent, because the engine may have added the same amounts in another order
    p_policy.growth_breaker_share * p_active_budget - b.raised + 0.01 as room
  from before b, (select coalesce(max(pauses), 0) as pauses, coalesce(max(raises), 0) as raises from counted) t
),
settled as (
  select c.*,
    case
      when c.code = 'AGAIN' then 'again'
      when c.code in ('FROZEN', 'OBSERVE') then 'hold'
      when c.code is not null then 'fail'
      when p_by_person then 'execute'
      when c.action_type = 'auto_pause' and t.pauses then 'propose'
      when c.verdict = 'act' and c.raise > 0 and t.raises and c.raised_so_far > t.room then 'fail'
      when c.verdict = 'propose' or p_policy.mode = 'approve' or c.wants_approval then 'propose'
      else 'execute'
    end as outcome,
    case
      when c.code is not null or p_by_person then c.code
      when c.action_type = 'auto_pause' and t.pauses then 'PAUSE_BREAKER'
      when c.verdict = 'act' and c.raise > 0 and t.raises and c.raised_so_far > t.room then 'GROWTH_BREAKER'
      when c.verdict = 'propose' and c.d ->> 'code' = 'PAUSE_BREAKER' then 'PAUSE_BREAKER'
      when c.verdict = 'propose' or p_policy.mode = 'approve' or c.wants_approval then 'APPROVAL'
    end as final_code
  from counted c, tripped t
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
        public.autonomy_text(s.decided_status, s.decided_budget), public.autonomy_text(s.status, s.budget),
        case when s.status = s.decided_status and s.budget is not distinct from s.decided_budget
          then ', but not by the last pause of ours' else '' end)
      when 'RULE_INACTIVE' then 'The rule was switched off or removed meanwhile.'
      when 'DISABLED' then 'The campaign is switched off for this system.'
      when 'ON_HOLD' then format('The campaign is on hold until %s.', s.hold_until)
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
    case when s.action_type in ('auto_pause', 'auto_resume') then s.budget else s.new_budget end,
    s.d)::public.autonomy_item order by s.n), '{}')
from settled s
$$;
comment on function public.autonomy_judge(uuid, jsonb, public.autonomy_policy, numeric, boolean, timestamptz) is
  'What is to become of each decision, looked at again against state, policy and rule of this moment. Only reads, under the locks of its callers; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_write_items(
  p_run_id uuid, p_items public.autonomy_item[], p_now timestamptz) returns jsonb
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
as $$
declare
  v_results jsonb;
begin
  perform set_config('autonomy.effect', '1', true);
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
    select f.id, p_run_id, f.campaign_id,
      case when f.code is distinct from 'BAD_DECISION' then (f.decision ->> 'rule_id')::uuid end,
      f.action_type, f.decision ->> 'reason',
      -- a failure shows the state that was decided on, the others the state that was found
      case when f.came_out = 'fail' then f.decision -> 'previous'
        else jsonb_build_object('status', f.old_status, 'budget', f.old_budget) end,
      case f.came_out when 'execute' then jsonb_build_object('status', f.got_status, 'budget', f.got_budget)
        when 'propose' then jsonb_build_object('status', f.status, 'budget', f.budget)
        else f.decision -> 'new' end,
      case when f.code is distinct from 'BAD_DECISION' then (f.decision ->> 'confidence')::numeric end,
      f.decision -> 'expected_impact',
      case when jsonb_typeof(f.decision -> 'evidence') = 'object' then f.decision -> 'evidence' else '{}' end
        || case f.came_out when 'execute' then '{}'
             when 'propose' then jsonb_build_object('proposed_because', f.code, 'message', f.message)
             else jsonb_build_object('message', f.message,
                    'found', jsonb_build_object('status', f.old_status, 'budget', f.old_budget)) end,
      case f.came_out when 'execute' then 'executed' when 'propose' then 'pending' else 'failed' end,
      case f.came_out when 'fail' then f.code when 'refused' then 'REFUSED_BY_DATABASE' end,
      p_now, case f.came_out when 'execute' then p_now end, 'autonomy'
    from final f
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
  select jsonb_agg(jsonb_build_object(
      'action_id', f.id, 'campaign_id', coalesce(f.campaign_id::text, f.decision ->> 'campaign_id'),
      'status', case f.came_out when 'execute' then 'executed' when 'propose' then 'pending'
        when 'hold' then 'held' when 'again' then 'again' else 'failed' end,
      'error', case when f.came_out = 'refused' then 'REFUSED_BY_DATABASE' when f.came_out <> 'again' then f.code end,
      'message', case when f.came_out = 'refused' then 'A trigger on campaigns did not let the campaign change.'
        when f.came_out <> 'again' then f.message end) order by f.n)
  into v_results from final f;
  perform set_config('autonomy.effect', '', true);
  return v_results;
end $$;
comment on function public.autonomy_write_items(uuid, public.autonomy_item[], timestamptz) is
  'Carries out judged decisions as one set. A part of apply_autonomous_actions, no use by itself. Raises what constraints and triggers of the tables raise. [autonomous-operations]';

-- Where a constraint or a trigger of the installation refuses one campaign, the set is cut in
-- halves until that one stands alone: one bad row in 5,000 costs some 25 further statements.
create function public.autonomy_carry_out(
  p_run_id uuid, p_items public.autonomy_item[], p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_count integer := cardinality(p_items);
  v_item public.autonomy_item;
  v_state text;
  v_message text;
begin
  if v_count = 0 then
    return '[]';
  end if;
  begin
    return public.autonomy_write_items(p_run_id, p_items, p_now);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    -- no campaign's fault: deadlock, lock timeout, resources, shutdown, internal error
    if left(v_state, 2) in ('40', '53', '55', '57', '58', 'XX') then
      raise;
    end if;
  end;
  if v_count > 1 then
    return public.autonomy_carry_out(p_run_id, p_items[:v_count / 2], p_now)
        || public.autonomy_carry_out(p_run_id, p_items[v_count / 2 + 1:], p_now);
  end if;
  v_item := p_items[1];
  if v_item.outcome = 'fail' then
    raise exception using errcode = 'XX000', message = format('A failure could not be logged: %s (%s)', v_message, v_state);
  end if;
  v_item.outcome := 'fail';
  v_item.code := 'REFUSED_BY_DATABASE';
  v_item.message := format('The database refused the change: %s (%s)', v_message, v_state);
  return public.autonomy_write_items(p_run_id, array[v_item], p_now);
end $$;
comment on function public.autonomy_carry_out(uuid, public.autonomy_item[], timestamptz) is
  'Carries out judged decisions; where the database refuses one, that one fails alone. A part of apply_autonomous_actions, no use by itself. [autonomous-operations]';

create function public.apply_autonomous_actions(
  p_run_id uuid, p_lease_token uuid, p_decisions jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_run public.autonomous_runs;
  v_policy public.autonomy_policy;
  v_items public.autonomy_item[];
  v_results jsonb;
begin
  if p_decisions is null or jsonb_typeof(p_decisions) <> 'array' or jsonb_array_length(p_decisions) > 5000 then
    raise exception using errcode = 'AO010',
      message = 'p_decisions must be a list of at most 5000 decisions.';
  end if;
  v_run := public.autonomy_hold_lease(p_run_id, p_lease_token);
  if v_run.dry_run or v_run.mode = 'observe' then
    raise exception using errcode = 'AO010',
      message = format('Run %s is %s: it applies nothing.', p_run_id, case when v_run.dry_run then 'a dry run' else 'in observe mode' end);
  end if;
  v_policy := public.autonomy_lock_effects();
  perform from (
    select c.id from public.campaigns c
    where c.id in (select (d ->> 'campaign_id')::uuid from jsonb_array_elements(p_decisions) d
                   where d ->> 'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$')
    order by c.id for no key update) locked;
  v_items := public.autonomy_judge(p_run_id, p_decisions, v_policy,
    coalesce((v_run.summary #>> '{portfolio,active_budget}')::numeric,
             (select sum(c.budget) from public.campaigns c where lower(c.status) = 'active'), 0), false, p_now);
  v_results := public.autonomy_carry_out(p_run_id, v_items, p_now);

  -- What was accepted before is answered as it was answered then.
  if exists (select from unnest(v_items) i where i.outcome = 'again') then
    select jsonb_agg(case when r ->> 'status' <> 'again' then r else r || jsonb_build_object(
        'status', case a.status when 'rolled_back' then 'executed' else a.status end,
        'error', coalesce(a.error, case when a.status = 'pending' then a.evidence ->> 'proposed_because' end),
        'message', case when a.status in ('pending', 'failed') then a.evidence ->> 'message' end) end order by n)
    into v_results
    from jsonb_array_elements(v_results) with ordinality e (r, n)
    left join public.autonomous_actions a on a.id = (r ->> 'action_id')::uuid;
  end if;
  return jsonb_build_object('results', v_results, 'frozen', v_policy.frozen);
end $$;
comment on function public.apply_autonomous_actions(uuid, uuid, jsonb, timestamptz) is
  'Carries out a run''s decisions (verdict act or propose, at most 5000), each by itself, and extends the lease. Safe to call again: an action''s id is accepted once, the same batch gives the same results. Raises AO007 (lease lost), AO010 (argument, dry run or observe mode), AO002 (no policy). [autonomous-operations]';

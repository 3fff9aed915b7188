-- Taking back.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Taking back
--
-- Only what the action changed is compared and restored: the rollback of a pause leaves a budget
-- that a person changed since. Several actions on one campaign are taken back newest first, and
-- each finds what the one before it left. A person decides, so the freeze does not hold here.
-- ---------------------------------------------------------------------------------------------
create function autonomy.changed_field(p_action public.autonomous_actions, p_field text) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  if jsonb_typeof(p_action.previous_state) is distinct from 'object'
    or jsonb_typeof(p_action.new_state) is distinct from 'object'
     or not p_action.previous_state ? p_field or not p_action.new_state ? p_field then
    return false;
  end if;
  -- jsonb compares numbers as numbers: 150 is 150.00
  return p_action.previous_state -> p_field <> p_action.new_state -> p_field;
end $$;
comment on function autonomy.changed_field(public.autonomous_actions, text) is
  'Whether an action changed the campaign''s status, or its budget. Only computes; safe to call again; raises '
  'nothing. [autonomous-operations]';

-- Why an action is not taken back; null where it is.
create function autonomy.rollback_obstacle(
  p_action public.autonomous_actions, p_campaign public.campaigns, p_force boolean, p_done uuid[]) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_status boolean := autonomy.changed_field(p_action, 'status');
  v_budget boolean := autonomy.changed_field(p_action, 'budget');
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
        and (v_status and autonomy.changed_field(l, 'status') or v_budget and autonomy.changed_field(l, 'budget'))
        and coalesce((select max(k.id) from public.campaign_changes k
                      where k.action_id = l.id and k.kind = 'action') > v_change,
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
       where k.campaign_id = p_campaign.id and k.id > v_change and k.kind in ('outside', 'platform')
         and (v_status and k.old_status is distinct from k.new_status
              or v_budget and k.old_budget is distinct from k.new_budget)) then
    return 'CHANGED_SINCE';
  end if;
  return null;
end $$;
comment on function autonomy.rollback_obstacle(public.autonomous_actions, public.campaigns, boolean, uuid[]) is
  'Why an action cannot be taken back, as a code; NULL where it can. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.restore(
  p_action public.autonomous_actions, p_campaign public.campaigns, p_status text, p_budget numeric,
  p_reason text, p_actor text, p_now timestamptz) returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_changed public.campaigns := autonomy.change_campaign(
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
comment on function autonomy.restore(public.autonomous_actions, public.campaigns, text, numeric,
                                     text, text, timestamptz) is
  'Restores one locked campaign, holds it, and marks the action. A part of the rollback functions, no use by itself. '
  'Raises AO004. [autonomous-operations]';

create function autonomy.as_before(p_action public.autonomous_actions, p_campaign public.campaigns)
returns public.campaigns
language plpgsql stable set search_path = ''
as $$
begin
  if autonomy.changed_field(p_action, 'status') then
    p_campaign.status := p_action.previous_state ->> 'status';
  end if;
  if autonomy.changed_field(p_action, 'budget') then
    p_campaign.budget := (p_action.previous_state ->> 'budget')::numeric;
  end if;
  return p_campaign;
end $$;
comment on function autonomy.as_before(public.autonomous_actions, public.campaigns) is
  'A campaign with what an action changed as it was before, the rest as it is. Only computes; safe to call again; '
  'raises nothing. [autonomous-operations]';

create function autonomy.carrying_obstacle(p_action public.autonomous_actions) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts;
  v_unit autonomy.platform_units;
  v_platform text;
begin
  select * into v_unit from autonomy.platform_units x where x.campaign_id = p_action.campaign_id;
  if not found then
    return null;  -- the usual case
  end if;
  select * into v_pull from autonomy.platform_accounts a where a.account = v_unit.account;
  v_platform := autonomy.platform_title(v_pull.platform);
  return case
    when v_unit.gone_at is not null then format('It is archived or deleted on %s.', v_platform)
    when v_pull.push <> 'on' then format('Nothing is carried over to %s: there it stays as it is.', v_platform)
    when v_pull.state = 'broken'
      then format('%s cannot be reached at the moment; it is carried over when that is mended.', v_platform)
    when exists (
      select from public.campaign_changes k
      where k.campaign_id = p_action.campaign_id and k.kind = 'platform' and k.person
        and k.id > (select max(o.id) from public.campaign_changes o
                    where o.action_id = p_action.id and o.kind = 'action')
        and (autonomy.changed_field(p_action, 'status') and k.old_status is distinct from k.new_status
             or autonomy.changed_field(p_action, 'budget') and k.old_budget is distinct from k.new_budget))
      then format('Somebody changed it on %s since; this goes over it.', v_platform)
    when v_unit.seen <> '{}'
      then format('On %s it seems to be something else by now; that is looked at before anything is written.',
                  v_platform) end;
end $$;
comment on function autonomy.carrying_obstacle(public.autonomous_actions) is
  'What stands against carrying the rollback of an action over to its platform, as a sentence; null where nothing '
  'does, or it has none. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.changed_entry(
  p_action public.autonomous_actions, p_title text, p_old_status text, p_old_budget numeric,
  p_new_status text, p_new_budget numeric) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('action_id', p_action.id, 'campaign_id', p_action.campaign_id, 'title', p_title,
    'currency', autonomy.campaign_currency(p_action.campaign_id),
    'action_type', p_action.action_type, 'from', autonomy.state(p_old_status, p_old_budget),
    'to', autonomy.state(p_new_status, p_new_budget), 'obstacle', autonomy.carrying_obstacle(p_action))
$$;
comment on function autonomy.changed_entry(public.autonomous_actions, text, text, numeric, text, numeric) is
  'What the answer of a rollback says of an action that was taken back; obstacle: what stands against carrying it over '
  'to its platform. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.skipped_entry(
  p_action public.autonomous_actions, p_campaign public.campaigns, p_code text, p_message text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'action_id', p_action.id, 'campaign_id', p_action.campaign_id, 'title', p_campaign.title,
    'currency', k.currency, 'action_type', p_action.action_type, 'code', p_code,
    'message', coalesce(p_message, case p_code
      when 'ALREADY_ROLLED_BACK' then
        format('It was taken back at %s by %s.', p_action.rolled_back_at, p_action.rolled_back_by)
      when 'NOT_EXECUTED' then format('It was never carried out: it is %s.', p_action.status)
      when 'CAMPAIGN_NOT_FOUND' then 'The campaign is not there any more.'
      when 'NOTHING_TO_RESTORE' then 'It changed neither status nor budget.'
      when 'LATER_ACTION' then 'A later action changed the same; take that one back first, or force it.'
      when 'CHANGED_SINCE' then format('Somebody changed it since: the action left %s, now it is %s.',
        autonomy.as_text(p_action.new_state ->> 'status', autonomy.exact_number(p_action.new_state -> 'budget'),
                         k.currency),
        autonomy.as_text(p_campaign.status, p_campaign.budget, k.currency)) end),
    'expected', p_action.new_state,
    'found', case when p_campaign.id is not null then autonomy.state(p_campaign.status, p_campaign.budget) end)
  from (select autonomy.campaign_currency(p_campaign.id) as currency) k
$$;
comment on function autonomy.skipped_entry(public.autonomous_actions, public.campaigns, text, text) is
  'What the answer of a rollback says of an action that stays: the code, its sentence (p_message, where the database '
  'refused it), what was expected and what was found. Only computes; raises nothing. [autonomous-operations]';

create function autonomy.lock_actions(p_action_ids uuid[], p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.simulated_moment(p_now);
  perform autonomy.lock_effects();
  perform from (select c.id from public.campaigns c
                where c.id in (select a.campaign_id from public.autonomous_actions a where a.id = any (p_action_ids))
                order by c.id for no key update) locked;
  perform from (select a.id from public.autonomous_actions a
                where a.id = any (p_action_ids) order by a.id for update) locked;
end $$;
comment on function autonomy.lock_actions(uuid[], timestamptz) is
  'Locks what taking these actions back will write, in the order of every effect. Raises AO002, AO014, AO015. '
  '[autonomous-operations]';

-- The entry of an action that this very call has taken back before: its answer was lost.
create function autonomy.taken_back_before(
  p_action public.autonomous_actions, p_title text, p_actor text, p_reason text) returns jsonb
language sql stable set search_path = ''
as $$
  select autonomy.changed_entry(p_action, p_title, k.old_status, k.old_budget, k.new_status, k.new_budget)
  from public.campaign_changes k
  where p_action.status = 'rolled_back' and p_action.rolled_back_by = p_actor
    and p_action.rollback_reason is not distinct from p_reason
    and k.action_id = p_action.id and k.kind = 'rollback'
  order by k.id desc limit 1
$$;
comment on function autonomy.taken_back_before(public.autonomous_actions, text, text, text) is
  'What was said when the same person took an action back with the same words; null where that never was. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.roll_back(
  p_action_ids uuid[], p_reason text, p_actor text, p_force boolean, p_preview boolean, p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, autonomy.actor());
  v_action public.autonomous_actions;
  v_campaign public.campaigns;
  v_after public.campaigns;
  v_code text;
  v_message text;
  v_seen uuid;              -- the campaign that v_campaign and v_done are about
  v_before jsonb;           -- what was said of an action that this very call took back before
  v_done uuid[] := '{}';    -- its actions that were taken back here: in a preview the log does not show it
  v_changed jsonb[] := '{}';
  v_skipped jsonb[] := '{}';
begin
  perform autonomy.moment_error(p_now);
  if not p_preview then
    perform autonomy.lock_actions(p_action_ids, p_now);
  end if;

  for v_action in
    select a.* from public.autonomous_actions a
    left join lateral (select max(k.id) as id from public.campaign_changes k
                       where k.action_id = a.id and k.kind = 'action') k on true
    where a.id = any (p_action_ids)
    order by a.campaign_id, k.id desc nulls last, a.executed_at desc nulls last, a.id
  loop
    if v_action.campaign_id is distinct from v_seen or v_seen is null then
      select c.* into v_campaign from public.campaigns c where c.id = v_action.campaign_id;
      v_seen := v_action.campaign_id;
      v_done := '{}';
    end if;
    v_message := null;
    v_code := autonomy.rollback_obstacle(v_action, v_campaign, p_force, v_done);
    v_before := case when not p_preview then
      autonomy.taken_back_before(v_action, v_campaign.title, v_actor, p_reason) end;
    if v_code is null then
      v_after := autonomy.as_before(v_action, v_campaign);
      if not p_preview then
        begin
          v_after := autonomy.restore(
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
      v_changed := v_changed || autonomy.changed_entry(v_action, v_campaign.title,
        v_campaign.status, v_campaign.budget, v_after.status, v_after.budget);
      v_campaign := v_after;
      v_done := v_done || v_action.id;
    elsif v_before is not null then
      v_changed := v_changed || v_before;
    else
      v_skipped := v_skipped || autonomy.skipped_entry(v_action, v_campaign, v_code, v_message);
    end if;
  end loop;
  return jsonb_build_object('changed', to_jsonb(v_changed), 'skipped', to_jsonb(v_skipped), 'preview', p_preview);
end $$;
comment on function autonomy.roll_back(uuid[], text, text, boolean, boolean, timestamptz) is
  'Takes the given actions back, newest first on each campaign. A part of the two functions below. '
  '[autonomous-operations]';

create function public.rollback_autonomous_action(
  p_action_id uuid, p_reason text default null, p_actor text default null, p_force boolean default false,
  p_preview boolean default false, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from public.autonomous_actions a where a.id = p_action_id) then
    raise exception using errcode = 'AO011',
      message = format('There is no action %s.', coalesce(p_action_id::text, 'NULL'));
  end if;
  return autonomy.roll_back(array[p_action_id], p_reason, p_actor,
                                   coalesce(p_force, false), coalesce(p_preview, false), p_now);
end $$;
comment on function public.rollback_autonomous_action(uuid, text, text, boolean, boolean, timestamptz) is
  'Takes one action back: restores exactly what it changed, holds the campaign for hold_days_after_rollback, '
  'records who, when and why. What a person or a later action changed since is skipped with both values, unless '
  'forced. Works while frozen. Safe to call again: the same call changes nothing more and gets the same answer. A '
  'preview may be of any time. '
  'Raises AO011 (no such action), AO014 (p_now is not the clock''s). [autonomous-operations]';

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
  v_result := autonomy.roll_back(v_ids, p_reason, p_actor, coalesce(p_force, false), coalesce(p_preview, false), p_now);
  if v_listed is not null then
    v_result := jsonb_set(v_result, '{skipped}', (v_result -> 'skipped') || coalesce((
      select jsonb_agg(jsonb_build_object('action_id', l.id, 'campaign_id', null, 'title', null, 'currency', null,
        'code', 'ACTION_NOT_FOUND', 'message', 'There is no such action.', 'expected', null, 'found', null))
      from unnest(v_listed) l (id)
      where not exists (select from public.autonomous_actions a where a.id = l.id)), '[]'));
  end if;
  return v_result;
end $$;
comment on function public.rollback_autonomous_actions(jsonb, text, text, boolean, boolean, timestamptz) is
  'Takes back the actions of a run, a rule, a time span (from <= executed < to) or a list; keys run_id, rule_id, '
  'from, to, action_ids, all AND-ed. Each as rollback_autonomous_action does. Safe to call again. Raises AO010 (empty '
  'or unknown filter), AO014 (p_now is not the clock''s), 22P02 and 22007 (no uuid, no time). [autonomous-operations]';

-- The guide's manual rollback (UPDATE campaigns ...; UPDATE autonomous_actions SET status =
-- 'rolled_back' ...) leaves the trace that the functions leave.
create function autonomy.action_marked() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_last public.campaign_changes;
  v_hold_until timestamptz;
begin
  if old.status = 'rolled_back' then
    raise exception using errcode = 'AO012', message = format('Action %s has been rolled back; that stays so.', old.id);
  elsif lower(old.status) <> 'executed' then  -- an older log may spell it otherwise
    raise exception using errcode = 'AO012',
      message = format('Action %s is %s; only an executed action can be rolled back.', old.id, old.status);
  elsif current_setting('autonomy.effect', true) = '1' then
    return new;
  end if;

  new.rolled_back_at := coalesce(new.rolled_back_at, autonomy.writing_at());
  new.rolled_back_by := coalesce(new.rolled_back_by, autonomy.actor());
  new.rollback_reason := coalesce(new.rollback_reason, 'marked by hand');
  v_hold_until := new.rolled_back_at + autonomy.rollback_hold(new.campaign_id);
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  update public.campaigns c set hold_until = greatest(c.hold_until, v_hold_until)
  where c.id = new.campaign_id returning * into v_campaign;
  if not found then
    return new;
  end if;
  -- The change by hand that restored the campaign, if it is the last one, was this rollback.
  select * into v_last from public.campaign_changes k where k.campaign_id = new.campaign_id order by k.id desc limit 1;
  -- What else was changed in the same statement is a change of the person's own, and its row stays theirs.
  if (v_last.kind in ('outside', 'platform')
     and case when autonomy.changed_field(new, 'status')
           then lower(v_last.new_status) is not distinct from lower(new.previous_state ->> 'status')
           else v_last.old_status is not distinct from v_last.new_status end
     and case when autonomy.changed_field(new, 'budget')
           then v_last.new_budget is not distinct from (new.previous_state ->> 'budget')::numeric
           else v_last.old_budget is not distinct from v_last.new_budget end) then
    update public.campaign_changes set kind = 'rollback', action_id = new.id where id = v_last.id;
  else
    insert into public.campaign_changes
      (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
    values (new.campaign_id, new.rolled_back_at, v_campaign.status, v_campaign.status,
            v_campaign.budget, v_campaign.budget,
            new.id, 'rollback', new.rolled_back_by);
  end if;
  return new;
end $$;
comment on function autonomy.action_marked() is
  'Trigger of autonomous_actions: a rollback that is marked by hand records who and when, and holds the campaign. '
  'Raises AO012 where the action was not executed. [autonomous-operations]';

create trigger autonomy_action_marked before update of status on public.autonomous_actions
  for each row when (new.status is distinct from old.status and 'rolled_back' in (new.status, old.status))
  execute function autonomy.action_marked();

-- Proposals: a person approves or rejects, or they expire.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- Lock order (0600): effects, campaign, action. An action's campaign never changes, so it may be asked for first.
create function autonomy.pending_action(p_action_id uuid, p_as text, p_actor text, p_reason text)
returns public.autonomous_actions
language plpgsql set search_path = ''
as $$
declare
  v_action public.autonomous_actions;
begin
  select * into v_action from public.autonomous_actions where id = p_action_id for update;
  if not found then
    raise exception using errcode = 'AO011',
      message = format('There is no action %s.', coalesce(p_action_id::text, 'NULL'));
  elsif v_action.status <> 'pending'
    and not coalesce(v_action.status in ('executed', 'failed') and v_action.evidence -> p_as ->> 'by' = p_actor
                     and v_action.evidence -> p_as ->> 'reason' is not distinct from p_reason, false) then
    raise exception using errcode = 'AO012',
      message = format('Action %s does not wait for approval: it is %s%s.', p_action_id, v_action.status,
                       coalesce(' (' || v_action.error || ')', ''));
  end if;
  return v_action;
end $$;
comment on function autonomy.pending_action(uuid, text, text, text) is
  'Locks an action that waits for approval, or that the same person has settled in the same way (p_as: approved, '
  'rejected): a call whose answer was lost. Safe to call again. Raises AO011 (no such action), AO012 (not pending). '
  '[autonomous-operations]';

create function autonomy.settled_answer(p_action public.autonomous_actions) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('action_id', p_action.id, 'campaign_id', p_action.campaign_id,
      'title', (select c.title from public.campaigns c where c.id = p_action.campaign_id),
      'status', p_action.status, 'error', p_action.error,
      'message', case when p_action.status = 'executed'
                        then autonomy.approved_words(p_action.evidence #>> '{approved,planned_event}')
                      when p_action.error = 'REJECTED'
                        then 'Rejected; the campaign stays as it is and is left alone for a while.'
                      else p_action.evidence ->> 'message' end)
    || case when p_action.status = 'executed' then jsonb_build_object(
         'from', jsonb_build_object('status', p_action.previous_state -> 'status',
                                    'budget', p_action.previous_state -> 'budget'),
         'to', p_action.new_state) else '{}' end
$$;
comment on function autonomy.settled_answer(public.autonomous_actions) is
  'What whoever approved or rejected an action is told, the first time and again. Only reads; raises nothing. '
  '[autonomous-operations]';

create function public.approve_autonomous_action(
  p_action_id uuid, p_actor text default null, p_reason text default null,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, autonomy.actor());
  v_policy public.autonomy_policy;
  v_action public.autonomous_actions;
  v_campaign public.campaigns;
  v_changed public.campaigns;
  v_decision autonomy.decision[];
  v_item autonomy.item;
  v_event text;
  v_said jsonb;
begin
  perform autonomy.simulated_moment(p_now);
  v_policy := autonomy.lock_effects();
  select c.* into v_campaign from public.campaigns c
  where c.id = (select a.campaign_id from public.autonomous_actions a where a.id = p_action_id) for no key update;
  v_action := autonomy.pending_action(p_action_id, 'approved', v_actor, p_reason);
  if v_action.status <> 'pending' then
    return autonomy.settled_answer(v_action);
  elsif v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = 'Everything is frozen: nothing is changed. The action goes on waiting.',
      hint = 'update autonomy_policy set frozen = false;';
  end if;

  v_policy := autonomy.account_policy(v_campaign.account);
  if v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = format('The account "%s" is frozen: nothing of it is changed. The action goes on waiting.',
                       v_campaign.account),
      hint = format('update autonomy_accounts set frozen = false where account = %L;', v_campaign.account);
  end if;

  if v_action.created_at + v_policy.approval_hours * interval '1 hour' <= p_now then
    v_item.code := 'EXPIRED';
    v_item.message := format('It had waited longer than %s hours.', v_policy.approval_hours);
  else
    v_decision := autonomy.read_decisions(v_action.run_id, jsonb_build_array(jsonb_build_object(
      'action_id', v_action.id, 'campaign_id', v_action.campaign_id, 'rule_id', v_action.rule_id,
      'verdict', 'act', 'action_type', v_action.action_type, 'confidence', coalesce(v_action.confidence_score, 0),
      'reason', coalesce(nullif(btrim(v_action.reason), ''), '-'),
      'previous', v_action.previous_state, 'new', v_action.new_state,
      'evidence', jsonb_build_object('total', v_action.evidence -> 'total'))));
    v_item := (autonomy.judge(v_action.run_id, v_decision, v_policy, null, '{}', true, p_now))[1];
  end if;

  v_said := jsonb_build_object('by', v_actor, 'reason', p_reason, 'at', p_now);
  if v_item.code is not null then
    update public.autonomous_actions set status = 'failed', error = v_item.code,
      evidence = coalesce(evidence, '{}') || jsonb_build_object('message', v_item.message, 'approved', v_said,
        'found', autonomy.state(v_campaign.status, v_campaign.budget))
    where id = p_action_id returning * into v_action;
    return autonomy.settled_answer(v_action);
  end if;
  v_event := autonomy.event_against(v_campaign, v_action.action_type, v_item.budget, p_now);
  -- the proposal was ours: an approval counts as an action of ours
  v_changed := autonomy.change_campaign(v_campaign, v_item.status, v_item.budget, p_action_id,
                                        'action', v_actor, false, p_now);
  update public.autonomous_actions set status = 'executed', executed_at = p_now, actor = v_actor,
    new_state = autonomy.state(v_changed.status, v_changed.budget),
    evidence = coalesce(evidence, '{}') || jsonb_build_object('approved', v_said || autonomy.event_said(v_event))
  where id = p_action_id returning * into v_action;
  return autonomy.settled_answer(v_action);
end $$;
comment on function public.approve_autonomous_action(uuid, text, text, timestamptz) is
  'Carries out a proposed action if state and guardrails still allow it; else it becomes failed with the code '
  '(EXPIRED, CHANGED_MEANWHILE, COOLDOWN ...). Breakers and the confidence floor do not hold here: a person decided. '
  'Nor does a planned event, which the answer names. The same call again gets the same answer; another raises. '
  'Raises AO011 (no such action), AO012 (not pending), AO005 (frozen; the action goes on '
  'waiting), AO004 (a trigger prevents it), AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.reject_autonomous_action(
  p_action_id uuid, p_actor text default null, p_reason text default null,
  p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(p_actor, autonomy.actor());
  v_action public.autonomous_actions;
begin
  perform autonomy.simulated_moment(p_now);
  perform from public.campaigns c
  where c.id = (select a.campaign_id from public.autonomous_actions a where a.id = p_action_id) for no key update;
  v_action := autonomy.pending_action(p_action_id, 'rejected', v_actor, p_reason);
  if v_action.status <> 'pending' then
    return autonomy.settled_answer(v_action);
  end if;
  -- A no is a no for a while: the next run would else propose the same again.
  update public.campaigns c set hold_until = greatest(c.hold_until,
    p_now + (autonomy.account_policy(c.account)).cooldown_hours * interval '1 hour')
  where c.id = v_action.campaign_id;
  update public.autonomous_actions set status = 'failed', error = 'REJECTED', actor = v_actor,
    evidence = coalesce(evidence, '{}') || jsonb_build_object(
      'message', 'A person rejected it.', 'rejected',
        jsonb_build_object('by', v_actor, 'reason', p_reason, 'at', p_now))
  where id = p_action_id returning * into v_action;
  return autonomy.settled_answer(v_action);
end $$;
comment on function public.reject_autonomous_action(uuid, text, text, timestamptz) is
  'Rejects a proposed action: failed, REJECTED. The campaign keeps its state and is left alone for '
  'cooldown_hours. The same call again gets the same answer; another raises. Raises AO011 (no such action), AO012 '
  '(not pending), AO014 (p_now is '
  'not the clock''s). [autonomous-operations]';

create function public.expire_pending_actions(p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_count integer;
begin
  perform autonomy.simulated_moment(p_now);
  update public.autonomous_actions a set status = 'failed', error = 'EXPIRED',
    evidence = coalesce(a.evidence, '{}') || '{"message": "Nobody decided in time."}'
  where a.id in (  -- one that is being decided at this moment is left to whoever decides
    select w.id from public.autonomous_actions w
    cross join public.autonomy_policy p
    left join public.campaigns c on c.id = w.campaign_id
    left join public.autonomy_accounts o on o.account = c.account
    where w.status = 'pending'
      and w.created_at + coalesce(o.approval_hours, p.approval_hours) * interval '1 hour' <= p_now
    for update of w skip locked);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function public.expire_pending_actions(timestamptz) is
  'Turns proposals older than approval_hours into failed, EXPIRED; returns how many. Safe to call again. '
  'Raises AO014 (p_now is not the clock''s). [autonomous-operations]';

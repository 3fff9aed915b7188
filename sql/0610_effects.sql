-- Small parts of every effect.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.lock_effects(p_batch boolean default false) returns public.autonomy_policy
language plpgsql set search_path = ''
as $$
declare
  v_policy public.autonomy_policy;
begin
  perform autonomy.hold_schema();
  perform pg_advisory_xact_lock(hashtextextended('autonomy.effects', 0));
  if not p_batch then  -- what changes what was done within the day, and does not say how
    delete from autonomy.day_counts;
  end if;
  select * into v_policy from public.autonomy_policy for share;
  if not found then
    raise exception using errcode = 'AO002',
      message = 'autonomy_policy has no row, so there are no limits to act within.',
      hint = 'insert into autonomy_policy default values;';
  end if;
  return autonomy.checked_policy(v_policy);
end $$;
comment on function autonomy.lock_effects(boolean) is
  'Waits until no other transaction changes campaigns, then gives the policy, locked until commit. p_batch: for a '
  'batch of a run, which keeps day_counts. Safe to call again. Raises AO002 where there is no policy or a limit is '
  'none, AO015 while the database is being upgraded. [autonomous-operations]';

create function autonomy.state(p_status text, p_budget numeric) returns jsonb
language sql immutable set search_path = ''
as $$ select jsonb_build_object('status', p_status, 'budget', p_budget) $$;
comment on function autonomy.state(text, numeric) is
  'A campaign''s state as it stands in previous_state and new_state. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.as_text(p_status text, p_budget numeric, p_currency text) returns text
language sql immutable set search_path = ''
as $$
  select format('%s with a budget of %s', coalesce(p_status, 'no status'),
                coalesce(autonomy.amount_words(p_budget, p_currency), p_budget::text, 'none'))
$$;
comment on function autonomy.as_text(text, numeric, text) is
  'A campaign''s state in words. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.came_out(
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
comment on function autonomy.came_out(text, numeric, text, numeric, text, numeric) is
  'Whether an action still is what it is called after the installation''s triggers had their say: old state, wanted '
  'state, what became of it. Only computes; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.change_campaign(
  p_campaign public.campaigns, p_status text, p_budget numeric, p_action_id uuid, p_kind text,
  p_actor text, p_person boolean, p_now timestamptz) returns public.campaigns
language plpgsql set search_path = ''
as $$
declare
  v_changed public.campaigns;
  v_hold_until timestamptz := p_now + autonomy.rollback_hold(p_campaign.id);
begin
  -- Within the usual search path only what is exactly an operator of pg_catalog: another could be anybody's.
  perform set_config('autonomy.effect', '1', true);
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  update public.campaigns c
  set status = p_status, budget = p_budget, updated_at = p_now,
      hold_until = case when p_kind = 'rollback' then greatest(c.hold_until, v_hold_until) else c.hold_until end
  where c.id = p_campaign.id
  returning * into v_changed;
  perform set_config('autonomy.effect', '', true);
  if not found or p_kind = 'action' and not autonomy.came_out(
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
comment on function autonomy.change_campaign(public.campaigns, text, numeric, uuid, text, text, boolean, timestamptz) is
  'Changes one locked campaign and writes the change down under an action, p_person where that was typed by hand. A '
  'part of the functions below, no use by itself. Raises AO004 where a trigger of the table prevents it. '
  '[autonomous-operations]';

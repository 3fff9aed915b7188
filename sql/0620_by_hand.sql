-- Pauses and budgets that a person types in the SQL editor.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.locked_campaign(p_campaign_id uuid, p_reason text, p_confidence_score numeric)
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
      message = format('p_confidence_score must be a number from 0 to 100, not %s.',
                       coalesce(p_confidence_score::text, 'NULL'));
  end if;
  v_policy := autonomy.lock_effects();
  if v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = 'Everything is frozen: nothing is changed.'
        || coalesce(' Reason: ' || nullif(v_policy.frozen_reason, '') || '.', ''),
      hint = 'update autonomy_policy set frozen = false;';
  end if;
  select * into v_campaign from public.campaigns where id = p_campaign_id for no key update;
  if not found then
    raise exception using errcode = 'AO003', message = format('There is no campaign %s.', p_campaign_id);
  end if;
  v_policy := autonomy.account_policy(v_campaign.account);
  if v_policy.frozen then
    raise exception using errcode = 'AO005',
      message = format('The account "%s" is frozen: nothing of it is changed.', v_campaign.account)
        || coalesce(' Reason: ' || nullif(v_policy.frozen_reason, '') || '.', ''),
      hint = format('update autonomy_accounts set frozen = false where account = %L;', v_campaign.account);
  end if;
  if lower(v_campaign.status) is distinct from 'active' then
    raise exception using errcode = 'AO004',
      message = format('Campaign %s is %s already, not active.', p_campaign_id,
                       coalesce(v_campaign.status, 'without a status'));
  end if;
  return v_campaign;
end $$;
comment on function autonomy.locked_campaign(uuid, text, numeric) is
  'Checks and locks the campaign that a person acts on by hand. Safe to call again. Raises AO010 (argument), AO005 '
  '(frozen), AO003 (no such campaign), AO004 (not active). [autonomous-operations]';

create function autonomy.act_by_hand(
  p_campaign public.campaigns, p_action_type text, p_status text, p_budget numeric, p_reason text,
  p_confidence_score numeric, p_now timestamptz) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_id uuid := gen_random_uuid();
  v_actor text := autonomy.actor();
  v_changed public.campaigns;
  v_event text := autonomy.event_against(p_campaign, p_action_type, p_budget, p_now);
begin
  perform autonomy.simulated_moment(p_now);
  if v_event is not null then  -- said, but not against it: a person decided
    raise notice 'A planned event is against it: %.', v_event;
  end if;
  v_changed := autonomy.change_campaign(p_campaign, p_status, p_budget, v_id, 'action', v_actor,
    autonomy.by_person(v_actor), p_now);
  insert into public.autonomous_actions
    (id, campaign_id, action_type, reason, previous_state, new_state, confidence_score, expected_impact,
     evidence, status, created_at, executed_at, actor)
  values
    (v_id, p_campaign.id, p_action_type, p_reason,
     autonomy.state(p_campaign.status, p_campaign.budget),
     autonomy.state(v_changed.status, v_changed.budget),
     p_confidence_score, '{}',
     -- as rules see them, and as its impact is measured against: conversions at their value, days left out left out
     autonomy.event_said(v_event) || jsonb_build_object('by_hand', true, 'metrics', (
       select jsonb_build_object('impressions', f.life_impressions, 'clicks', f.life_clicks,
         'conversions', f.life_conversions, 'spend', f.life_spend, 'revenue', f.life_revenue)
       from public.campaign_facts f where f.campaign_id = p_campaign.id)),
     'executed', p_now, p_now, v_actor);
  return v_id;
end $$;
comment on function autonomy.act_by_hand(public.campaigns, text, text, numeric, text, numeric, timestamptz) is
  'Changes one locked campaign by hand and logs it. A part of the two functions below, no use by itself. Raises '
  'AO004. [autonomous-operations]';

create function public.auto_pause_campaign(
  p_campaign_id uuid, p_reason text, p_confidence_score numeric default 80.0,
  p_now timestamptz default now()) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_campaign public.campaigns := autonomy.locked_campaign(p_campaign_id, p_reason, p_confidence_score);
begin
  return autonomy.act_by_hand(
    v_campaign, 'auto_pause', (select paused_text from public.autonomy_policy), v_campaign.budget,
    p_reason, p_confidence_score, p_now);
end $$;
comment on function public.auto_pause_campaign(uuid, text, numeric, timestamptz) is
  'Pauses a campaign by hand and logs it; returns the action''s id. Skips cooldown, planned events and confidence '
  'floor: a person decided. A second call raises, so a campaign is never paused twice. Raises AO003 (no such '
  'campaign), AO004 (not active), AO005 (frozen), AO010 (argument), AO014 (p_now is not the clock''s). '
  '[autonomous-operations]';

create function autonomy.total_error(p_campaign public.campaigns, p_budget numeric, p_now timestamptz) returns void
language plpgsql stable set search_path = ''
as $$
declare
  v_had numeric := case when p_campaign.budget between 0 and 1e18 then p_campaign.budget else 0 end;
  v_total autonomy.total;
begin
  if p_budget <= v_had then
    return;
  end if;
  select t.* into v_total from autonomy.totals_in_force(array[p_campaign.account], p_now) t;
  if v_total.active_budget - v_had + p_budget > v_total.ceiling then
    raise exception using errcode = 'AO006',
      message = format(
        'With a budget of %s the active campaigns of the account "%s" would have %s a day, and %s is %s.',
        autonomy.amount_words(p_budget, v_total.currency), v_total.account,
        autonomy.amount_words(v_total.active_budget - v_had + p_budget, v_total.currency),
        autonomy.amount_words(v_total.ceiling, v_total.currency),
        case v_total.code when 'PACING' then 'what its monthly total leaves' else 'its total' end),
      hint = 'Lower another campaign first, or change daily_total or monthly_total of the account.';
  end if;
end $$;
comment on function autonomy.total_error(public.campaigns, numeric, timestamptz) is
  'Raises AO006 where an active campaign''s new budget would take its account above its total; to be asked under the '
  'lock of effects. Only reads. [autonomous-operations]';

create function public.auto_scale_campaign(
  p_campaign_id uuid, p_new_budget numeric, p_reason text, p_confidence_score numeric default 85.0,
  p_now timestamptz default now()) returns uuid
language plpgsql set search_path = ''
as $$
declare
  v_budget numeric;
  v_campaign public.campaigns;
  v_policy public.autonomy_policy;
  v_currency text := autonomy.campaign_currency(p_campaign_id);
  v_digits integer := autonomy.currency_digits(v_currency);
  v_least numeric := autonomy.smallest_unit(v_digits);
begin
  -- NaN is greater than every number in PostgreSQL, so between refuses it, and infinity too.
  if p_new_budget is null or p_new_budget not between 0 and 999999999999.99
    or round(p_new_budget, v_digits) < v_least then
    raise exception using errcode = 'AO010',
      message = format('p_new_budget must be a number of at least %s and below 1,000,000,000,000, not %s.', v_least,
                       coalesce(p_new_budget::text, 'NULL'));
  end if;
  v_budget := round(p_new_budget, v_digits);
  if v_budget <> p_new_budget then
    raise notice '% has no amounts smaller than %: the budget is rounded to %.',
      coalesce(v_currency, 'An account of unknown currency'), v_least, v_budget;
  end if;
  v_campaign := autonomy.locked_campaign(p_campaign_id, p_reason, p_confidence_score);
  v_policy := autonomy.account_policy(v_campaign.account);
  if v_budget not between v_policy.min_budget and v_policy.max_budget then
    raise exception using errcode = 'AO006',
      message = format('A budget of %s lies outside the limits of the policy, %s to %s.',
                       autonomy.amount_words(v_budget, v_currency),
                       autonomy.amount_words(autonomy.budget_floor(v_policy.min_budget, v_digits), v_currency),
                       autonomy.amount_words(trunc(v_policy.max_budget, v_digits), v_currency)),
      hint = 'min_budget and max_budget of its account, else of autonomy_policy, hold for actions by hand too.';
  end if;
  if v_budget is not distinct from v_campaign.budget then
    raise exception using errcode = 'AO004',
      message = format('Campaign %s has a budget of %s already.', p_campaign_id,
                       autonomy.amount_words(v_budget, v_currency));
  end if;
  perform autonomy.total_error(v_campaign, v_budget, p_now);
  return autonomy.act_by_hand(
    v_campaign, case when v_budget < v_campaign.budget then 'auto_scale_down' else 'auto_scale_up' end,
    v_campaign.status, v_budget, p_reason, p_confidence_score, p_now);
end $$;
comment on function public.auto_scale_campaign(uuid, numeric, text, numeric, timestamptz) is
  'Sets an active campaign''s daily budget by hand and logs it; returns the action''s id. Skips cooldown, planned '
  'events, step limits and confidence floor: a person decided. What is smaller than the unit of its account''s '
  'currency is rounded, half up, which a notice says. A second call raises. Raises AO003 (no such campaign), AO004 '
  '(not active, or the budget is that already), AO005 (frozen), AO006 (beyond the policy''s absolute limits, or '
  'the total of its account), AO010 '
  '(argument), AO014 (p_now is not the clock''s). [autonomous-operations]';

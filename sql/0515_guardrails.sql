-- Every guardrail of one campaign, once, for deciding and for carrying out: the twin of
-- autonomy/engine/guardrails.py, with the words that its sentences need.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.policy_floor(p_policy public.autonomy_policy, p_is_pause boolean) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_is_pause then greatest(p_policy.min_confidence, p_policy.min_pause_confidence)
              else p_policy.min_confidence end;
end $$;
comment on function autonomy.policy_floor(public.autonomy_policy, boolean) is
  'How likely an action has to be right, percent, where its rule does not say. A pause is never easier than the rest. '
  'Pure. [autonomous-operations]';

create function autonomy.planned_event(p_campaign autonomy.candidate, p_direction text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_direction when 'pause' then p_campaign.no_pauses_event when 'down' then p_campaign.no_cuts_event
              else p_campaign.no_raises_event end;
end $$;
comment on function autonomy.planned_event(autonomy.candidate, text) is
  'The planned event that speaks against a change in this direction, in words; a resume counts as a raise. Pure. '
  '[autonomous-operations]';

create function autonomy.budget_elsewhere(p_campaign autonomy.candidate) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when cardinality(p_campaign.platform_holds) > 0 then (
    select w.code from unnest(array['LIFETIME_BUDGET', 'SHARED_BUDGET', 'SCHEDULED_BUDGET', 'BUDGET_ON_CHILDREN'])
      with ordinality w (code, n)
    where w.code = any (p_campaign.platform_holds) order by w.n limit 1) end;
end $$;
comment on function autonomy.budget_elsewhere(autonomy.candidate) is
  'The code of why a campaign has no budget of its own for a day that may be changed on its platform; null where it '
  'has. Pure. [autonomous-operations]';

create function autonomy.campaign_guardrail(
  p_campaign autonomy.candidate, p_policy public.autonomy_policy, p_direction text, p_confidence float8,
  p_floor float8, p_cooldown interval, p_cpa float8, p_kind text, p_asked text, p_now timestamptz)
returns text
language plpgsql stable set search_path = ''
as $$
-- The first that holds, in the order of autonomy.codes(). A resume takes back what this system did: whether the figures
-- bear it is not asked. They have been looked at when it comes to carrying out, which asks what may have changed
-- since; and what a person approves asks no more than state and limits. Shrinking for the account's total does not
-- judge a campaign by its figures, and waits for nothing.
declare
  v_judges boolean := p_kind is distinct from 'total';
  v_ours boolean := p_asked <> 'approve' and p_direction <> 'resume';
  v_decides boolean := p_asked = 'decide' and p_direction <> 'resume';
  v_elsewhere text := case when p_direction in ('up', 'down') then autonomy.budget_elsewhere(p_campaign) end;
begin
  return case
    when p_policy.frozen then 'FROZEN'
    when p_policy.mode = 'observe' and p_asked <> 'approve' then 'OBSERVE'
    when p_campaign.autonomous_enabled is not true then 'DISABLED'
    when p_campaign.hold_until > p_now then 'ON_HOLD'
    when p_campaign.account_broken is not null then 'ACCOUNT_BROKEN'
    when p_campaign.pulled_at < p_now - interval '90 minutes' then 'NOT_SYNCED'
    when v_decides and v_judges and (p_campaign.data_age_hours <= p_policy.max_data_age_hours::float8) is not true
      then 'STALE_DATA'
    -- a resume rests on the same figures
    when p_asked = 'decide' and v_judges and p_campaign.suspect is not null then 'SUSPECT_DATA'
    when v_decides and v_judges and p_campaign.value_missing and p_cpa is null then 'VALUE_NOT_MEASURED'
    -- of a resume, too; what a person approves is their decision
    when p_asked <> 'approve'
      -- looked for only where there is one: the usual answer of a function that is called for each rule
      and num_nonnulls(p_campaign.no_raises_event, p_campaign.no_cuts_event, p_campaign.no_pauses_event) > 0
      and autonomy.planned_event(p_campaign, p_direction) is not null then 'PLANNED_EVENT'
    when v_ours and case p_direction when 'up' then p_campaign.no_raise_until
             when 'down' then p_campaign.no_cut_until
             else case when p_confidence < 95 then p_campaign.no_pause_until end end > p_now then 'CHANGED_BY_PERSON'
    when v_judges and p_now - case when p_direction = 'pause' then p_campaign.last_pause_at
                      else p_campaign.last_action_at end < p_cooldown then 'COOLDOWN'
    when (p_campaign.refused_until ->> p_direction)::timestamptz > p_now then 'COOLDOWN'
    when p_direction = 'resume' and p_now - p_campaign.last_resume_at < interval '7 days' then 'COOLDOWN'
    when p_direction in ('up', 'down') and p_campaign.rate_until > p_now then 'PLATFORM_RATE'
    when v_decides and v_judges and ((p_campaign.spend > 0 and p_campaign.ev_spend > 0) is not true
        or case when p_direction = 'pause'
             then (p_campaign.hours_running >= p_policy.min_pause_hours::float8) is not true
             else v_elsewhere is null and ((p_campaign.budget > 0) is not true
               or p_kind = 'curve' and (p_campaign.reference_budget between 0.000001 and 1e15) is not true) end)
      then 'TOO_LITTLE_DATA'
    when p_campaign.test_running or 'TEST_RUNNING' = any (p_campaign.platform_holds) then 'TEST_RUNNING'
    when p_asked <> 'approve' and p_direction in ('up', 'down') and 'LEARNING' = any (p_campaign.platform_holds)
      then 'LEARNING'
    -- what a person approves is itself what waits
    when p_asked <> 'approve' and p_campaign.pending then 'AWAITING_APPROVAL'
    when v_elsewhere = 'LIFETIME_BUDGET' then 'LIFETIME_BUDGET'
    when v_elsewhere = 'SHARED_BUDGET' then 'SHARED_BUDGET'
    when v_elsewhere = 'SCHEDULED_BUDGET' then 'SCHEDULED_BUDGET'
    when v_elsewhere = 'BUDGET_ON_CHILDREN' then 'BUDGET_ON_CHILDREN'
    when v_ours and v_judges and p_confidence < p_floor then 'AGAINST_THE_ODDS'
    when v_ours and p_direction = 'up' and p_campaign.budget_use < 0.7 then 'NOT_LIMITED_BY_BUDGET'
    when v_decides and p_policy.holdout_share > 0
      and (p_campaign.holdout_draw >= p_policy.holdout_share::float8) is not true then 'HOLDOUT'
  end;
end $$;
comment on function autonomy.campaign_guardrail(autonomy.candidate, public.autonomy_policy, text, float8, float8,
                                                interval, float8, text, text, timestamptz) is
  'The code of the first guardrail that blocks an action on a campaign, whatever its size; null for none. p_direction: '
  'pause, up, down or resume; p_confidence and p_floor in percent; p_cpa: what it is judged by instead of '
  'roi, else null; p_kind: of the rule, as rule_plans has it; p_asked: decide, apply or approve. Only reads; '
  'raises nothing. [autonomous-operations]';

create type autonomy.size as (
  new_budget numeric,
  limits text[],             -- the caps that shaped it, in order
  code text);                -- why nothing worth doing is left, else null
comment on type autonomy.size is 'What is left of a wanted budget after every cap. [autonomous-operations]';

create function autonomy.budget_floor(p_min_budget numeric, p_digits integer) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_unit numeric := autonomy.smallest_unit(p_digits);
  v_floor numeric := trunc(p_min_budget, p_digits);
begin
  return greatest(case when v_floor < p_min_budget then v_floor + v_unit else v_floor end, v_unit);
end $$;
comment on function autonomy.budget_floor(numeric, integer) is
  'The least budget in whole units of a currency: a limit rounded up, and never nothing. Pure. [autonomous-operations]';

create function autonomy.sized_budget(
  p_direction text, p_budget numeric, p_wanted numeric, p_max_step numeric,
  p_lowest numeric, p_max_growth numeric, p_max_budget numeric, p_min_budget numeric, p_digits integer,
  p_least numeric default 0.01, p_minimum numeric default null)
returns autonomy.size
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Exact money, in whole units of its currency: wanted amounts half up, caps cut down and floors up, so that
-- rounding never steps over a limit.
declare
  v_size autonomy.size;
  v_cap numeric;
begin
  v_size.new_budget := round(p_wanted, p_digits);
  v_size.limits := '{}';
  if p_direction = 'up' then
    v_cap := trunc(p_budget * p_max_step, p_digits);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'STEP_CAP'::text;
    end if;
    v_cap := trunc(p_lowest * p_max_growth, p_digits);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'GROWTH_CAP'::text;
    end if;
    v_cap := trunc(p_max_budget, p_digits);
    if v_cap < v_size.new_budget then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'BUDGET_CAP'::text;
    end if;
  else
    v_cap := autonomy.budget_floor(p_min_budget, p_digits);
    if v_size.new_budget < v_cap then
      v_size.new_budget := v_cap;
      v_size.limits := v_size.limits || 'BUDGET_CAP'::text;
    end if;
  end if;
  v_cap := autonomy.budget_floor(p_minimum, p_digits);
  if p_minimum is not null and v_size.new_budget < v_cap then
    v_size.new_budget := case when p_direction = 'up' then p_budget else v_cap end;
    v_size.limits := v_size.limits || 'BELOW_MINIMUM'::text;
  end if;
  -- a change that goes the wrong way, or under this share of the budget, is none
  if (case when p_direction = 'up' then v_size.new_budget - p_budget else p_budget - v_size.new_budget end)
    < p_budget * p_least then
    v_size.code := coalesce(v_size.limits[cardinality(v_size.limits)], 'NO_CHANGE');
  end if;
  return v_size;
end $$;
comment on function autonomy.sized_budget(text, numeric, numeric, numeric, numeric, numeric, numeric, numeric,
                                          integer, numeric, numeric) is
  'The budget that is left of a wanted one after every cap, the caps that shaped it in order, and the code where '
  'nothing worth doing is left; p_digits: decimals of its currency, p_least: the share of the budget under which a '
  'change is none, p_minimum: of its platform. Pure. [autonomous-operations]';

create type autonomy.decided as (
  campaign_id uuid, verdict text, code text, action_type text, direction text, kind text,
  rule_id uuid, rule_name text, break_even float8, confidence float8, confidence_floor float8,
  plan_break_even float8, cooldown interval, max_budget numeric, min_budget numeric,
  win text,                  -- the window whose figures are told
  new_status text, new_budget numeric, limits text[], matched_names text[], matched_codes text[], chosen int,
  cpa float8,                -- the target where it is judged by that, as if a conversion were worth it; else null
  below float8,              -- P(true roi < break_even)
  log_roi float8,            -- the most probable ln roi, at the present budget
  candidate autonomy.candidate,
  stopped_at text,           -- the account or currency whose breaker stopped it; null for one of all
  target_budget numeric,     -- where a budget that follows its curve belongs; else null
  asked float8,              -- what its next unit of budget has to return: more than plan_break_even where scarce
  total_code text,           -- of its account's total: by which it is shrunk or held,
  total_ceiling numeric,     -- what budgets may be together,
  total_budget numeric,      -- and what they are; null = it has none
  set_aside text);           -- the code of what it was held for before it was shrunk for its account's total
comment on type autonomy.decided is
  'A decision before it is put into words, with the campaign that it is about. [autonomous-operations]';

create function autonomy.odds_words(p_confidence float8, p_floor float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
-- The chance is said with the fewest digits that leave it on its side of what is needed: 49.6
-- beside 50 would else be said as the 50 that it misses. In whole or tenths it never is certain.
declare
  v_least numeric;
  v_said numeric;
begin
  for v_digits in 0 .. 2 loop
    v_said := round(p_confidence::text::numeric, v_digits);
    exit when v_digits = 2;
    v_least := round(power(0.1, v_digits), v_digits);
    v_said := least(100 - v_least, greatest(v_least, v_said));
    exit when sign(v_said::float8 - p_floor) = sign(p_confidence - p_floor);
  end loop;
  return v_said || format(' %% likely to be right, %s %% are needed',
    case when v_said >= autonomy.short_number(p_floor)::numeric then 'more than ' else '' end
    || autonomy.short_number(p_floor));
end $$;
comment on function autonomy.odds_words(float8, float8) is
  'How likely a held action is to be right, and how likely it would have to be. Pure. [autonomous-operations]';

create function autonomy.evidence_times(p_decided autonomy.decided, p_policy public.autonomy_policy) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Spend, conversions, revenue and days go on at the rate they had, up to a thousand times what there is.
declare
  c autonomy.candidate := p_decided.candidate;
  v_days float8 := greatest(1::float8, c.ev_days);
  v_low float8 := 1;
  v_high float8 := 1000;
  v_times float8 := 1000;
  v_spend float8 := coalesce(c.ev_effective_spend, c.ev_spend);
  -- of the roi at the reference budget
  v_target float8 := p_decided.break_even / c.attribution
    * autonomy.curve_over(autonomy.budget_share(c.budget, c.reference_budget),
        coalesce(c.curvature, p_policy.curvature::float8));
  v_below float8;
begin
  if (c.ev_spend > 0 and p_decided.confidence_floor < 100) is not true then
    return null;
  end if;
  for i in 0 .. 40 loop
    v_below := 100::float8 * case
      when p_decided.cpa is not null then autonomy.probability_from(autonomy.cpa_posterior(
        p_decided.cpa, v_spend * v_times, c.ev_conversions * v_times, v_days * v_times, c.matured_share), v_target)
      else autonomy.probability_below(
        v_target, v_spend * v_times, c.ev_conversions * v_times, c.ev_revenue * v_times, c.cv2,
        v_days * v_times, c.matured_share, p_policy.prior_mean_roi, p_policy.prior_tau2, p_policy.prior_order_value,
        p_policy.prior_cv2, p_policy.prior_order_spread) end;
    if autonomy.cut_confidence(case when p_decided.direction = 'up' then 100::float8 - v_below else v_below end)
        >= p_decided.confidence_floor then
      v_high := v_times;
    elsif i = 0 then
      return null;
    else
      v_low := v_times;
    end if;
    v_times := (v_low + v_high) / 2::float8;
  end loop;
  return v_high - 1::float8;
end $$;
comment on function autonomy.evidence_times(autonomy.decided, public.autonomy_policy) is
  'How many times the evidence there is has to come on top, at the same rate, to lift the confidence to its floor; '
  'null where more of the same does not. Pure. [autonomous-operations]';

create function autonomy.variant(p_decided autonomy.decided, p_policy public.autonomy_policy) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c autonomy.candidate := p_decided.candidate;
begin
  return case p_decided.code
    when 'STALE_DATA' then case when c.data_age_hours is null then 'unknown' else 'old' end
    when 'COOLDOWN' then case when c.refused_until ? p_decided.direction then 'refused' else 'changed' end
    when 'NOT_SYNCED' then case when isfinite(c.pulled_at) then 'old' else 'never' end
    when 'TOO_LITTLE_DATA' then case
      when (c.spend > 0 and c.ev_spend > 0) is not true then 'spend'
      when p_decided.direction <> 'pause' then case when c.budget > 0 then 'reference' else 'budget' end
      when c.hours_running is null then 'age' else 'young' end
    when 'AGAINST_THE_ODDS'
      then case when autonomy.evidence_times(p_decided, p_policy) is null then 'never' else 'more' end
    when 'BUDGET_CAP' then case when p_decided.direction = 'up' then 'cap' else 'floor' end
    else '' end;
end $$;
comment on function autonomy.variant(autonomy.decided, public.autonomy_policy) is
  'Which of the sentences of its code says why a decision is held. Pure. [autonomous-operations]';

create function autonomy.guardrail_word(p_name text, p_decided autonomy.decided, p_policy public.autonomy_policy)
returns text
language plpgsql stable set search_path = '' set timezone = 'UTC' set extra_float_digits = 1
as $$
declare
  c autonomy.candidate := p_decided.candidate;
  v_times float8 := case when p_name in ('more_evidence', 'more_days')
    then autonomy.evidence_times(p_decided, p_policy) end;
begin
  return case p_name
    when 'hold_until' then autonomy.moment_words(c.hold_until)
    when 'whose' then coalesce(' (' || left(
      case p_decided.direction when 'up' then c.budget_person when 'down' then c.budget_person
                               else c.pause_person end, 60) || ')', '')
    when 'person_until' then autonomy.moment_words(case p_decided.direction
      when 'up' then c.no_raise_until when 'down' then c.no_cut_until else c.no_pause_until end)
    when 'cooldown_ends' then autonomy.moment_words(greatest(
      case when p_decided.direction = 'pause' then c.last_pause_at else c.last_action_at end + p_decided.cooldown,
      case when p_decided.direction = 'resume' then c.last_resume_at + interval '7 days' end))
    when 'refused_until' then autonomy.moment_words((c.refused_until ->> p_decided.direction)::timestamptz)
    when 'rate_until' then autonomy.moment_words(c.rate_until)
    when 'platform_minimum' then autonomy.amount_words(
      autonomy.budget_floor(c.platform_minimum, autonomy.currency_digits(c.currency)), c.currency)
    -- 48.3 is 48 only beside another limit
    when 'data_age' then case
      when round(c.data_age_hours) > p_policy.max_data_age_hours then round(c.data_age_hours)::numeric
      else round((ceil(10::float8 * c.data_age_hours) / 10::float8)::numeric, 1) end::text
    when 'max_data_age' then autonomy.short_number(p_policy.max_data_age_hours::float8)
    when 'min_pause_hours' then autonomy.short_number(p_policy.min_pause_hours::float8)
    when 'hours_missing' then
      autonomy.counted_words(ceil(p_policy.min_pause_hours::float8 - c.hours_running)::numeric, 'hour')
    when 'odds' then autonomy.odds_words(p_decided.confidence, p_decided.confidence_floor)
    when 'more_evidence' then case when c.ev_conversions > 0
      then autonomy.counted_words(
        greatest(1, ceil(c.ev_conversions * v_times))::numeric, 'more conversion') || ' at this rate'
      else autonomy.money_words(c.ev_spend * v_times, c.currency) || ' more spent without a conversion' end
    when 'more_days' then case when ceil(greatest(1::float8, c.ev_days) * v_times) <= 1 then 'a day'
      else autonomy.counted_words(ceil(greatest(1::float8, c.ev_days) * v_times)::numeric, 'day') end
    when 'suspect' then c.suspect
    when 'account_broken' then c.account_broken
    when 'pulled_at' then autonomy.moment_words(c.pulled_at)
    when 'planned_event' then autonomy.planned_event(c, p_decided.direction)
    when 'budget_use' then floor(100::float8 * c.budget_use)::numeric::text
    when 'max_step' then autonomy.factor_words(p_policy.max_step)
    when 'max_growth' then autonomy.factor_words(p_policy.max_growth_7d)
    when 'max_budget' then autonomy.amount_words(
      trunc(p_decided.max_budget, autonomy.currency_digits(c.currency)), c.currency)
    when 'min_budget' then autonomy.amount_words(
      autonomy.budget_floor(p_decided.min_budget, autonomy.currency_digits(c.currency)), c.currency)
    when 'total_before' then autonomy.amount_words(p_decided.total_budget, c.currency)
    when 'total_allowed' then autonomy.amount_words(p_decided.total_ceiling, c.currency)
    when 'least_change' then case when p_decided.kind = 'curve' then '5' else '1' end
  end;
end $$;
comment on function autonomy.guardrail_word(text, autonomy.decided, public.autonomy_policy) is
  'A word in the sentence of a guardrail, by its name. Only reads; null for a name that it does not know. '
  '[autonomous-operations]';

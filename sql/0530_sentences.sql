-- Saying it: numbers, sentences, expected impact (templates of autonomy/engine/reasons.py).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.money_words(p_amount float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return coalesce(round(p_amount::text::numeric, 2)::text, '?');
end $$;
comment on function autonomy.money_words(float8) is
  'An amount with two digits, ? where unknown. Pure. [autonomous-operations]';

create function autonomy.short_number(p_number float8) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
begin
  return case when p_number = 0 then '0' else
    trim_scale(round(p_number::text::numeric, 5 - floor(log(abs(p_number)::text::numeric))::int))::text end;
end $$;
comment on function autonomy.short_number(float8) is
  'A number with six significant digits and no zeros at the end. Pure. [autonomous-operations]';

create function autonomy.factor_words(p_factor numeric) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 'x' || case when scale(trim_scale(p_factor)) = 0 then round(p_factor, 1) else trim_scale(p_factor) end;
end $$;
comment on function autonomy.factor_words(numeric) is
  'x2.0, x2.25. Pure. [autonomous-operations]';

create function autonomy.counted_words(p_number bigint, p_what text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return p_number || ' ' || p_what || case when p_number = 1 then '' else 's' end;
end $$;
comment on function autonomy.counted_words(bigint, text) is '1 day, 2 days. Pure. [autonomous-operations]';

create type autonomy.params as (
  spend float8, revenue float8, roi float8, conversions float8, days float8,
  confidence float8, chance float8, break_even float8, old_budget numeric, new_budget numeric);
comment on type autonomy.params is 'The rounded numbers of a decision''s sentence. [autonomous-operations]';

create function autonomy.decision_params(
  p_spend float8, p_revenue float8, p_conversions float8, p_hours_running float8,
  p_confidence float8, p_break_even float8, p_old_budget numeric, p_new_budget numeric)
returns autonomy.params
language plpgsql immutable parallel safe set search_path = ''
as $$
-- cut_confidence written out: calling it five times took longer than all else here
begin
  return row(
    floor(100::float8 * p_spend + 0.5::float8) / 100::float8,
    floor(100::float8 * p_revenue + 0.5::float8) / 100::float8,
    case when p_spend > 0 then floor(100::float8 * (p_revenue / p_spend) + 0.5::float8) / 100::float8 end,
    floor(p_conversions + 0.5::float8),
    greatest(1::float8, floor(p_hours_running / 24::float8 + 0.5::float8)),
    p_confidence,
    least(99::float8, greatest(1::float8, floor(p_confidence + 0.5::float8))),
    floor(100::float8 * p_break_even + 0.5::float8) / 100::float8,
    p_old_budget, p_new_budget)::autonomy.params;
end $$;
comment on function autonomy.decision_params(float8, float8, float8, float8, float8, float8, numeric, numeric) is
  'The rounded numbers of a decision''s sentence. Pure. [autonomous-operations]';

create function autonomy.action_sentence(
  p_params autonomy.params, p_verdict text, p_code text, p_direction text, p_limit text,
  p_rule_name text, p_observed boolean)
returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
declare
  v_spend text := coalesce(round(p_params.spend::text::numeric, 2)::text, '?');
  v_revenue text := coalesce(round(p_params.revenue::text::numeric, 2)::text, '?');
  v_times text := coalesce(' (' || round(p_params.roi::text::numeric, 2) || 'x)', '');
  v_figures text := 'spent ' || v_spend || ' for ' || v_revenue || ' in revenue' || v_times
    || ' over ' || autonomy.counted_words(p_params.days::text::numeric::bigint, 'day');
  v_likely text := p_params.chance || ' % likely ';
  v_limited text := coalesce(', as far as ' || case p_limit
    when 'STEP_CAP' then 'one step may go'
    when 'GROWTH_CAP' then 'growth within 7 days may go'
    when 'BUDGET_CAP' then 'the cap allows' end, '');
begin
  return case
      when p_verdict = 'propose' or p_observed then case when p_verdict = 'propose' then 'Proposed: ' else 'Would ' end
        || case p_direction when 'up' then 'raise the budget' when 'down' then 'lower the budget' else p_direction end
      else case p_direction
        when 'up' then 'Raised the budget' when 'down' then 'Lowered the budget' when 'pause' then 'Paused'
        else 'Resumed' end end
    || case when p_direction in ('up', 'down') then format(' from %s to %s',
         autonomy.money_words(p_params.old_budget::float8), autonomy.money_words(p_params.new_budget::float8))
       else '' end
    || ': '
    || case p_direction
      when 'pause' then v_figures || '; ' || v_likely || 'to be below '
        || case when p_params.break_even = 1 then 'break-even'
           else autonomy.money_words(p_params.break_even) || 'x' end || '; rule ' || p_rule_name
      when 'up' then v_figures || ', '
        || autonomy.counted_words(coalesce(p_params.conversions, 0)::text::numeric::bigint, 'conversion')
        || '; ' || v_likely || 'that more budget earns its keep' || v_limited || '; rule ' || p_rule_name
      when 'down' then v_figures || '; ' || v_likely || 'that its last part of budget does not earn its keep'
        || v_limited || '; rule ' || p_rule_name
      else format('late conversions brought it to %s in revenue for %s spent%s; %sthat the pause by rule %s was wrong',
        v_revenue, v_spend, v_times, v_likely, p_rule_name) end
    || case when p_code = 'PAUSE_BREAKER' then '; so many pauses at once are left to a person' else '' end;
end $$;
comment on function autonomy.action_sentence(autonomy.params, text, text, text, text, text, boolean) is
  'What is done or proposed, with the numbers, in one sentence. Pure. [autonomous-operations]';

create function autonomy.hold_sentence(p_code text, p_direction text, p_rule_name text, p_why text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_direction
      when 'pause' then 'Not paused' when 'up' then 'Budget not raised'
      when 'down' then 'Budget not lowered' else 'Not resumed' end
    || ': ' || coalesce(p_why, case p_code
      when 'DISABLED' then 'automation is switched off for this campaign'
      when 'ON_HOLD' then 'it is left alone'
      when 'VALUE_NOT_MEASURED' then
        'its conversions carry no value, so its roi says nothing; feed their revenue, or what a conversion is worth'
      when 'TEST_RUNNING' then 'an A/B test runs on it; when the test ends'
      when 'AWAITING_APPROVAL' then 'another action on it waits for approval; when that is approved or rejected'
      when 'HOLDOUT' then 'it is in this week''s comparison group, which is left alone; from next week'
      when 'NO_CHANGE' then 'the change would be under 1 % of its budget'
      when 'FROZEN' then 'the system is frozen; when it is unfrozen'
      when 'TRACKING_BREAKER'
        then 'tracking looks broken, and then every campaign looks bad; when conversions arrive again'
      when 'GROWTH_BREAKER' then 'the portfolio has grown enough for 24 hours; when those have passed'
      else p_code end)
    || '; rule ' || p_rule_name;
end $$;
comment on function autonomy.hold_sentence(text, text, text, text) is
  'Why a decision is held, in one sentence. Pure. [autonomous-operations]';

create function autonomy.evidence_words(
  p_floor float8, p_direction text, p_kind text, p_target float8, p_confidence float8,
  p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8, p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8)
returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
-- How much more of the same evidence lifts the confidence to the floor: spend, conversions,
-- revenue and days go on at the rate they had, up to a thousand times what there is.
-- The chance is said with the fewest digits that leave it on its side of what is needed: 49.6
-- beside 50 would else be said as the 50 that it misses. In whole or tenths it never is certain.
declare
  v_down float8 := case when p_kind = 'step' then 100::float8 - p_floor end;
  v_chance float8 := case when p_kind = 'step' and p_direction = 'down'
    then autonomy.cut_confidence(100::float8 - p_confidence) else p_confidence end;
  v_least numeric;
  v_said numeric;
  v_words text;
  v_days float8 := greatest(1::float8, p_days);
  v_low float8 := 1;
  v_high float8 := 1000;
  v_times float8 := 1000;
  v_below float8;
begin
  for v_digits in 0 .. 2 loop
    v_said := round(v_chance::text::numeric, v_digits);
    exit when v_digits = 2;
    v_least := round(power(0.1, v_digits), v_digits);
    v_said := least(100 - v_least, greatest(v_least, v_said));
    exit when sign(v_said::float8 - p_floor) = sign(v_chance - p_floor)
      and (v_down is null or sign(v_said::float8 - v_down) = sign(v_chance - v_down));
  end loop;
  v_words := case when v_said >= autonomy.short_number(p_floor)::numeric then 'more than ' else '' end
    || autonomy.short_number(p_floor);
  v_words := v_said || case when p_kind = 'step'
    then format(' %% likely that more budget earns its keep; a step up needs %s %%, a step down %s %s %%', v_words,
      case when v_said <= autonomy.short_number(v_down)::numeric then 'less than' else 'at most' end,
      autonomy.short_number(v_down))
    else format(' %% likely to be right, %s %% are needed', v_words) end;

  if (p_spend > 0 and p_floor < 100) is not true then
    return v_words || '; more of the same would not settle it';
  end if;
  for i in 0 .. 40 loop
    v_below := 100::float8 * autonomy.probability_below(p_target, p_spend * v_times, p_conversions * v_times,
      p_revenue * v_times, p_cv2, v_days * v_times, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2);
    if autonomy.cut_confidence(case when p_direction = 'up' then 100::float8 - v_below else v_below end) >= p_floor then
      v_high := v_times;
    elsif i = 0 then
      return v_words || '; more of the same would not settle it';
    else
      v_low := v_times;
    end if;
    v_times := (v_low + v_high) / 2::float8;
  end loop;

  v_times := v_high - 1::float8;
  return v_words || '; about '
    || case when p_conversions > 0
         then greatest(1, ceil(p_conversions * v_times))::numeric || ' more '
           || case when ceil(p_conversions * v_times) <= 1 then 'conversion' else 'conversions' end || ' at this rate'
         else autonomy.money_words(p_spend * v_times) || ' more spent without a conversion' end
    || ' would settle it, some '
    || case when ceil(v_days * v_times) <= 1 then 'a day' else ceil(v_days * v_times)::numeric || ' days' end;
end $$;
comment on function autonomy.evidence_words(float8, text, text, float8, float8, float8, float8,
                                            float8, float8, float8, float8, float8, float8, float8, float8) is
  'How likely a held action is to be right, how likely it would have to be, and how much more evidence at the same '
  'rate would settle it. Pure. [autonomous-operations]';

create function autonomy.hold_words(p_decided autonomy.decided, p_policy public.autonomy_policy) returns text
language plpgsql stable set search_path = '' set timezone = 'UTC'
as $$
-- What is not said here is the same for every campaign: hold_sentence says it.
declare
  c autonomy.candidate := p_decided.candidate;
  v_pause boolean := p_decided.direction = 'pause';
  v_hours text;
  v_ends timestamptz;
begin
  case p_decided.code
    when 'ON_HOLD' then
      return 'it is left alone until ' || to_char(c.hold_until, 'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'CHANGED_BY_PERSON' then
      return 'a person changed it, and nothing is done against that until ' || to_char(
        case p_decided.direction when 'up' then c.no_raise_until when 'down' then c.no_cut_until
             else c.no_pause_until end,
        'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'NOT_LIMITED_BY_BUDGET' then
      return format('its budget is not what limits it, %s %% of it is spent; when at least 70 %% are',
        floor(100::float8 * c.budget_use)::numeric);
    when 'COOLDOWN' then
      v_ends := greatest(
        case when v_pause then c.last_pause_at else c.last_action_at end + p_decided.cooldown,
        case when p_decided.direction = 'resume' then c.last_resume_at + interval '7 days' end);
      return 'it was changed a short time ago; the cooldown ends ' || to_char(v_ends, 'YYYY-MM-DD HH24:MI') || ' UTC';
    when 'TOO_LITTLE_DATA' then
      v_hours := autonomy.short_number(p_policy.min_pause_hours::float8);
      return case
        when (c.spend > 0 and c.ev_spend > 0) is not true
          then 'it has spent nothing, so there is nothing to judge it by'
        when not v_pause then 'it has no budget to change'
        when c.hours_running is null then format('it is not known to have run %s hours', v_hours)
        else format('a pause needs %s hours of running; in %s', v_hours,
          autonomy.counted_words(ceil(p_policy.min_pause_hours::float8 - c.hours_running)::bigint, 'more hour')) end;
    when 'STALE_DATA' then
      return format('its figures are %s, more than %s; when new ones arrive',
        coalesce(case
          when round(c.data_age_hours) > p_policy.max_data_age_hours then round(c.data_age_hours)::numeric
          else round((ceil(10::float8 * c.data_age_hours) / 10::float8)::numeric,
                     1)  -- 48.3 is 48 only beside another limit
          end || ' hours old', 'of unknown age'),
        autonomy.short_number(p_policy.max_data_age_hours::float8));
    when 'AGAINST_THE_ODDS' then
      return autonomy.evidence_words(
        p_decided.confidence_floor, p_decided.direction, p_decided.kind, p_decided.break_even, p_decided.confidence,
        c.ev_spend, c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
        p_policy.prior_mean_roi, p_policy.prior_tau2, p_policy.prior_order_value, p_policy.prior_cv2);
    when 'STEP_CAP' then
      return 'one step may not go beyond ' || autonomy.factor_words(p_policy.max_step);
    when 'GROWTH_CAP' then
      return 'its budget has grown to ' || autonomy.factor_words(p_policy.max_growth_7d)
        || ' within 7 days; as that week passes';
    when 'BUDGET_CAP' then
      return case when p_decided.direction = 'up'
        then format('its budget is at the cap of %s; a higher cap would settle it', round(p_decided.max_budget, 2))
        else format('its budget is at the floor of %s; a lower floor would settle it',
                    round(p_decided.min_budget, 2)) end;
    else
      return null;
  end case;
end $$;
comment on function autonomy.hold_words(autonomy.decided, public.autonomy_policy) is
  'Why a decision is held and what would settle it, where that depends on the campaign; else null. Only reads. '
  '[autonomous-operations]';

create function autonomy.expected_impact_of(
  p_direction text, p_break_even float8, p_plan_break_even float8, p_share float8, p_marginal_ratio float8,
  p_log_roi float8, p_spend float8, p_days float8)
returns jsonb
language plpgsql immutable parallel safe set search_path = ''
as $$
-- A unit of money spent returns roi / break_even - 1; the next unit of budget marginal_return_ratio
-- as much as the average one.
declare
  v_roi float8 := exp(p_log_roi);
  v_ahead float8 := 7::float8 * greatest(0, least(1e15, coalesce(p_spend, 0)))
    / greatest(1, least(1e6, coalesce(p_days, 1)));
begin
  if p_direction = 'pause' then
    return jsonb_build_object('kind', 'pause', 'horizon_days', 7,
      'spend_saved', autonomy.cut_confidence(v_ahead),
      'loss_avoided', autonomy.cut_confidence(v_ahead * (1::float8 - v_roi / p_break_even)));
  elsif p_direction = 'resume' then
    return jsonb_build_object('kind', 'resume', 'horizon_days', 7,
      'added_spend', autonomy.cut_confidence(v_ahead),
      'added_profit', autonomy.cut_confidence(v_ahead * (v_roi / p_break_even - 1::float8)));
  end if;
  return jsonb_build_object('kind', 'scale', 'horizon_days', 7,
    'added_spend', autonomy.cut_confidence(v_ahead * p_share),
    'added_profit',
    autonomy.cut_confidence(v_ahead * p_share * (p_marginal_ratio * v_roi / p_plan_break_even - 1::float8)));
end $$;
comment on function autonomy.expected_impact_of(text, float8, float8, float8, float8, float8, float8, float8) is
  'Money over the next 7 days if the action is taken. Pure. [autonomous-operations]';

-- Saying it: numbers, sentences, expected impact (templates of autonomy/engine/reasons.py).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.params as (
  currency text, spend float8, revenue float8, roi float8, conversions float8, days float8,
  confidence float8, chance float8, break_even float8, target float8, believed float8, cpa_limit float8,
  old_budget numeric, new_budget numeric,
  "window" text,
  average_return float8, next_return float8, target_budget numeric, asked float8);
comment on type autonomy.params is 'The rounded numbers of a decision''s sentence. [autonomous-operations]';

create function autonomy.decision_params(
  p_campaign autonomy.candidate, p_confidence float8, p_break_even float8, p_target float8, p_cpa float8,
  p_window text, p_measures json, p_new_budget numeric, p_log_roi float8, p_curvature float8,
  p_target_budget numeric, p_asked float8)
returns autonomy.params
language plpgsql immutable parallel safe set search_path = ''
as $$
-- cut_confidence written out: calling it five times took longer than all else here
declare
  v_spend float8 := p_campaign.spend;
  v_revenue float8 := p_campaign.revenue;
  v_conversions float8 := p_campaign.conversions;
  v_digits int := autonomy.currency_digits(p_campaign.currency);
  v_units float8 := 1 / autonomy.smallest_unit(v_digits);
  v_average float8 := case when p_cpa is null then exp(p_log_roi) end;
begin
  if p_window <> 'lifetime' then
    v_spend := (p_measures ->> 'spend')::float8;
    v_revenue := (p_measures ->> 'revenue')::float8;
    v_conversions := (p_measures ->> 'conversions')::float8;
  end if;
  return row(
    p_campaign.currency,
    floor(v_units * v_spend + 0.5::float8) / v_units,
    floor(v_units * v_revenue + 0.5::float8) / v_units,
    case when v_spend > 0 then floor(100::float8 * (v_revenue / v_spend) + 0.5::float8) / 100::float8 end,
    floor(100::float8 * v_conversions + 0.5::float8) / 100::float8,
    greatest(1::float8, floor(p_campaign.hours_running / 24::float8 + 0.5::float8)),
    p_confidence,
    least(99::float8, greatest(1::float8, floor(p_confidence + 0.5::float8))),
    floor(100::float8 * p_break_even + 0.5::float8) / 100::float8,
    case when p_cpa is null then floor(100::float8 * p_target + 0.5::float8) / 100::float8 end,
    floor(100::float8 * (100::float8 * p_campaign.attribution) + 0.5::float8) / 100::float8,
    floor(v_units * (p_cpa / p_break_even) + 0.5::float8) / v_units,
    p_campaign.budget, p_new_budget, p_window,
    floor(100::float8 * v_average + 0.5::float8) / 100::float8,
    case when v_average is not null then floor(100::float8 * (v_average
      / autonomy.curve_steep(autonomy.budget_share(p_campaign.budget, p_campaign.reference_budget), p_curvature))
      + 0.5::float8) / 100::float8 end,
    round(p_target_budget, v_digits),
    case when p_cpa is null and p_asked > p_target then floor(100::float8 * p_asked + 0.5::float8) / 100::float8
      end)::autonomy.params;
end $$;
comment on function autonomy.decision_params(autonomy.candidate, float8, float8, float8, float8, text, json, numeric,
                                             float8, float8, numeric, float8) is
  'The rounded numbers of a sentence about a campaign, with the measures of that window unless it is lifetime; what '
  'the average and the next unit of budget return from p_log_roi at the present budget. Pure. '
  '[autonomous-operations]';

create function autonomy.span_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_params."window"
    when 'lifetime' then 'in ' || autonomy.counted_words(p_params.days::numeric, 'day')
    when '1d' then 'in the last day'
    else format('in the last %s days', rtrim(p_params."window", 'd')) end;
end $$;
comment on function autonomy.span_words(autonomy.params) is
  'in the last 7 days. Pure. [autonomous-operations]';

create function autonomy.costs_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_units float8 := 1 / autonomy.smallest_unit(autonomy.currency_digits(p_params.currency));
begin
  return format('%s %s spent, %s', autonomy.span_words(p_params),
      autonomy.money_words(p_params.spend, p_params.currency),
      autonomy.counted_words(coalesce(autonomy.exact(p_params.conversions), 0), 'conversion'))
    || case when p_params.conversions <> 0 and p_params.spend is not null
         then format(' at %s each', autonomy.money_words(
           floor(v_units * (p_params.spend / p_params.conversions) + 0.5::float8) / v_units, p_params.currency))
         else '' end;
end $$;
comment on function autonomy.costs_words(autonomy.params) is
  'in the last 7 days 176.00 spent, 8 conversions at 22.00 each. Pure. [autonomous-operations]';

create function autonomy.figures_words(p_params autonomy.params) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return format('%s %s spent, %s earned', autonomy.span_words(p_params),
    autonomy.money_words(p_params.spend, p_params.currency), autonomy.money_words(p_params.revenue, p_params.currency))
    || case when p_params.roi is null then '' else ', ' || autonomy.times_words(p_params.roi) end;
end $$;
comment on function autonomy.figures_words(autonomy.params) is
  'in the last 7 days 2,730.00 spent, 2,410.00 earned, 0.88x. Pure. [autonomous-operations]';

create function autonomy.words(
  p_names text[], p_decided autonomy.decided, p_policy public.autonomy_policy, p_params autonomy.params)
returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  v_name text;
  v_words text[] := '{}';
begin
  foreach v_name in array p_names loop
    v_words := v_words || case v_name
      when 'rule' then p_decided.rule_name
      when 'old_budget' then autonomy.money_words(p_params.old_budget, p_params.currency)
      when 'new_budget' then autonomy.money_words(p_params.new_budget, p_params.currency)
      when 'figures' then autonomy.figures_words(p_params)
      when 'costs' then autonomy.costs_words(p_params)
      when 'cpa_limit' then autonomy.money_words(p_params.cpa_limit, p_params.currency)
      when 'chance' then p_params.chance::text
      when 'conversions' then autonomy.counted_words(coalesce(autonomy.exact(p_params.conversions), 0), 'conversion')
      when 'target' then case when p_params.break_even = 1 then 'break-even'
        else case when p_params.break_even = p_params.target then 'your target of ' else '' end
          || autonomy.times_words(p_params.break_even) end
      when 'against' then case
        when p_params.asked is not null and p_decided.direction in ('up', 'down') then format(
          ' against the %s that the account''s total asks for', autonomy.times_words(p_params.asked))
        when coalesce(p_params.target, 1) = 1 then ''
        else ' against your target of ' || autonomy.times_words(p_params.target) end
      when 'returns' then case when p_params.next_return is null then ''
        else format('The next %s returns %s, the average one %s. ', coalesce(p_params.currency, 'unit'),
          autonomy.money_words(p_params.next_return, null), autonomy.money_words(p_params.average_return, null)) end
      when 'unit' then coalesce(p_params.currency, 'unit')
      when 'average_return' then autonomy.money_words(p_params.average_return, null)
      when 'next_return' then autonomy.money_words(p_params.next_return, null)
      when 'goal' then case when p_params.asked is not null
        then 'the account''s total asks for ' || autonomy.money_words(p_params.asked, null)
        else 'break-even is ' || autonomy.money_words(p_params.target, null) end
      when 'target_budget' then autonomy.money_words(p_params.target_budget, p_params.currency)
      when 'believed' then case when p_params.believed = 100 then ''
        else ', at ' || autonomy.short_number(p_params.believed) || ' % of what the platform reports' end
      when 'spend' then autonomy.money_words(p_params.spend, p_params.currency)
      when 'revenue' then autonomy.money_words(p_params.revenue, p_params.currency)
      when 'times' then coalesce(', ' || nullif(autonomy.times_words(p_params.roi), '?x'), '')
      else autonomy.guardrail_word(v_name, p_decided, p_policy) end;
  end loop;
  return v_words;
end $$;
comment on function autonomy.words(text[], autonomy.decided, public.autonomy_policy, autonomy.params) is
  'The words of a sentence, by their names. Only reads; null for a name that nobody knows. [autonomous-operations]';

create function autonomy.why_words(
  p_direction text, p_campaign autonomy.candidate, p_confidence float8, p_break_even float8, p_target float8,
  p_policy public.autonomy_policy)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select format(s.pattern, variadic autonomy.words(s.words, null, p_policy, autonomy.decision_params(
      p_campaign, p_confidence, p_break_even, p_target, null, 'lifetime', null, null, null, null, null, null)))
    from autonomy.sentences() s where s.name = 'why.' || p_direction);
end $$;
comment on function autonomy.why_words(text, autonomy.candidate, float8, float8, float8, public.autonomy_policy) is
  'Why a campaign is paused, or its budget raised or lowered: the figures of its whole life and the chance. Only '
  'reads. [autonomous-operations]';

create function autonomy.held_words(p_decided autonomy.decided, p_policy public.autonomy_policy) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select upper(left(w.said, 1)) || substr(w.said, 2)
    from autonomy.sentences() s
    cross join lateral (
      select format(s.pattern, variadic autonomy.words(s.words, p_decided, p_policy, null)) as said) w
    where s.name = p_decided.code || '.' || autonomy.variant(p_decided, p_policy));
end $$;
comment on function autonomy.held_words(autonomy.decided, public.autonomy_policy) is
  'Why a decision is held and what would settle it, as sentences of their own; null for a code without. Only reads. '
  '[autonomous-operations]';

create function autonomy.expected_impact_of(
  p_direction text, p_break_even float8, p_share float8, p_at float8, p_curvature float8, p_log_roi float8,
  p_spend float8, p_days float8, p_budget numeric)
returns jsonb
language plpgsql immutable parallel safe set search_path = ''
as $$
-- A unit of money spent returns roi / break_even - 1, whatever the rule looks for; of a change of budget it is revenue
-- at the new one less revenue at the old one, by the curve, less the change of spend.
declare
  v_worth float8 := exp(p_log_roi) / p_break_even;
  v_days float8 := greatest(1, least(1e6, coalesce(p_days, 1)));
  -- what larger budgets have spent a pause of the present one does not save
  v_ahead float8 := 7::float8 * least(greatest(0, least(1e15, coalesce(p_spend, 0))),
    case when p_direction = 'pause' and p_budget > 0 then p_budget::float8 * v_days end) / v_days;
begin
  if p_direction = 'pause' then
    return jsonb_build_object('kind', 'pause', 'horizon_days', 7,
      'spend_saved', autonomy.cut_confidence(v_ahead),
      'loss_avoided', autonomy.cut_confidence(v_ahead * (1::float8 - v_worth)));
  elsif p_direction = 'resume' then
    return jsonb_build_object('kind', 'resume', 'horizon_days', 7,
      'added_spend', autonomy.cut_confidence(v_ahead),
      'added_profit', autonomy.cut_confidence(v_ahead * (v_worth - 1::float8)));
  end if;
  return jsonb_build_object('kind', 'scale', 'horizon_days', 7,
    'added_spend', autonomy.cut_confidence(v_ahead * p_share),
    'added_profit',
    autonomy.cut_confidence(v_ahead * ((1::float8 + p_share)
      * (v_worth * ((p_curvature + p_at) / (p_curvature + p_at * (1::float8 + p_share)))) - v_worth - p_share)));
end $$;
comment on function autonomy.expected_impact_of(
  text, float8, float8, float8, float8, float8, float8, float8, numeric) is
  'Money over the next 7 days if the action is taken: break-even, the change as a share of the budget, the budget as a '
  'share of the reference budget (p_at), curvature, ln roi at the present budget, spend and its days, budget. Pure. '
  '[autonomous-operations]';

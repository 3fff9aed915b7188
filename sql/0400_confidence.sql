-- Confidence: the probability, given the evidence, that a campaign's true roi is below a target.
-- The same closed form as autonomy/engine/confidence.py, in the same order of operations. That
-- file names every symbol with its unit.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.roi_posterior(
  p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8, p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8, p_order_spread float8 default 0.16)
returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Every input is first brought to a range in which nothing below over- or underflows: SQL raises
-- an error where Python would go on with 0 or infinity. float8 literals: exp() of numeric is slow.
declare
  s float8 := greatest(0::float8, least(1e15::float8, coalesce(nullif(p_spend, 'NaN'), 0::float8)));
  n float8 := greatest(0::float8, least(1e15::float8, coalesce(nullif(p_conversions, 'NaN'), 0::float8)));
  r float8 := greatest(0::float8, least(1e15::float8, coalesce(nullif(p_revenue, 'NaN'), 0::float8)));
  d float8 := greatest(1::float8, least(1e6::float8, coalesce(nullif(p_days, 'NaN'), 1::float8)));
  f float8 := greatest(0::float8, least(1::float8, coalesce(nullif(p_matured, 'NaN'), 1::float8)));
  m float8 := greatest(0.01::float8, least(100::float8, coalesce(nullif(p_mean, 'NaN'), 1::float8)));
  q float8 := 1::float8 / greatest(0.01::float8, least(25::float8, coalesce(nullif(p_tau2, 'NaN'), 0.64::float8)));
  a float8 := greatest(1e-6::float8, least(1e9::float8, coalesce(nullif(p_order_value, 'NaN'), 50::float8)));
  cv2 float8 := greatest(0::float8, least(100::float8, coalesce(nullif(p_prior_cv2, 'NaN'), 1.5::float8)));
  v float8 := greatest(1e-4::float8, least(100::float8, coalesce(nullif(p_order_spread, 'NaN'), 0.16::float8)));
  centre float8 := ln(m);
  fed boolean;
  known float8;
  other float8;
  about float8;
  doubt float8 := 0;
  k float8;
  y float8;
  e float8;
  u float8;
  x float8;
begin
  n := case when n < 1e-100::float8 then 0::float8 else n end;
  r := case when r < 1e-100::float8 then 0::float8 else r end;
  s := case when s < 1e-100::float8 or f < 1e-100::float8 then 0::float8 else s * f end;
  cv2 := case when cv2 < 1e-100::float8 then 0::float8 else cv2 end;
  if p_cv2 >= 0::float8 and p_cv2 <> 'NaN' and n >= 2::float8 then
    cv2 := (10::float8 * cv2 + (n - 1::float8) * case when p_cv2 < 1e-100::float8 then 0::float8
      else least(1e4::float8, p_cv2) end) / (10::float8 + n - 1::float8);
  end if;

  other := cv2 / v;
  fed := n >= 0.5::float8 or r <= 1e-9::float8;
  known := case when fed then n else 1::float8 end;
  if known + other > 1e-9::float8 then
    doubt := cv2 / (known + other);
    if fed or other > 1e-9::float8 then
      a := greatest(1e-3::float8 * a, (r + other * a) / (known + other));
    end if;
  end if;
  n := case when fed then n else r / a end;
  about := (known + s / a) / 2::float8;
  k := a * (1::float8 + case when about < 1e-9::float8 then 0::float8
    else about * doubt + 0.25::float8 * about / d end);
  y := n * a / k;
  e := s / k;
  u := greatest(centre - 12::float8, least(centre + 12::float8, ln((y + q) / (e + q / m))));
  for i in 1 .. 3 loop
    x := e * exp(u);
    u := u + (y - x - (u - centre) * q) / (x + q);
    u := greatest(centre - 12::float8, least(centre + 12::float8, u));
  end loop;
  return array[u, e * exp(u) + q, n, a, doubt, s];
end $$;
comment on function autonomy.roi_posterior(float8, float8, float8, float8, float8, float8, float8,
                                           float8, float8, float8, float8) is
  'What evidence (spend, conversions, revenue, cv2 of order values, days, matured share) and prior (mean roi, tau2, '
  'order value, cv2, order spread) say of ln roi: its most probable value, and one over its variance. Then what they '
  'rest on: orders, the value of one, the variance of its ln, mature spend. Pure. [autonomous-operations]';

create function autonomy.cpa_posterior(
  p_target float8, p_spend float8, p_conversions float8, p_days float8, p_matured float8)
returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Counts alone speak: every order is worth the same, and the prior is neutral, never that of the portfolio's roi.
declare
  n float8 := case when p_conversions between 1e-100 and 1e19 then p_conversions
                   when p_conversions > 1e19 and p_conversions <> 'NaN' then 1e19 else 0 end;
begin
  return autonomy.roi_posterior(p_spend, n, p_target * n, 0, p_days, p_matured, 1, 0.64, p_target, 0);
end $$;
comment on function autonomy.cpa_posterior(float8, float8, float8, float8, float8) is
  'roi_posterior where each conversion is worth p_target, which is from 1e-6 to 1e9: below 1, one costs more than '
  'that. Pure. [autonomous-operations]';

create function autonomy.probability_from(p_posterior float8[], p_target float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  z float8;
begin
  if p_target is null or p_target = 'NaN' then
    return 0.5;
  elsif p_target <= 0 then
    return 0;
  end if;
  z := (ln(least(p_target, 1e15::float8)) - p_posterior[1]) * sqrt(p_posterior[2]);
  z := case when abs(z) < 1e-100::float8 then 0::float8 else greatest(-8::float8, least(8::float8, z)) end;
  return 1::float8 / (1::float8 + exp(-(z * (1.5976::float8 + 0.07056::float8 * z * z))));
end $$;
comment on function autonomy.probability_from(float8[], float8) is
  'P(true roi < target), 0 to 1, from what roi_posterior gave: one campaign, several targets. A number for every '
  'target; an unknown one gives 0.5. Pure. [autonomous-operations]';

create function autonomy.probability_below(
  p_target float8, p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8,
  p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8, p_order_spread float8 default 0.16)
returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return autonomy.probability_from(autonomy.roi_posterior(
    p_spend, p_conversions, p_revenue, p_cv2, p_days, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2,
    p_order_spread), p_target);
end $$;
comment on function autonomy.probability_below(
  float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) is
  'P(true roi < target), 0 to 1: target, then evidence and prior as in roi_posterior. A number for every input; an '
  'unknown target gives 0.5. Pure. [autonomous-operations]';

create function autonomy.cut_confidence(p_percent float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return floor(100::float8 * p_percent + 0.5::float8) / 100::float8;
end $$;
comment on function autonomy.cut_confidence(float8) is
  'A confidence in percent to two digits, half up: what gates and sorts compare. Pure. [autonomous-operations]';

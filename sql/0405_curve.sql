-- What the next unit of a campaign's budget returns, and where its budget belongs: the same as
-- autonomy/engine/curve.py, in the same order of operations. That file names every symbol.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.budget_share(p_budget numeric, p_reference numeric) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_budget between 0.000001 and 1e15 and p_reference between 0.000001 and 1e15
    then least(p_budget::float8 / p_reference::float8, 1e6::float8) else 1::float8 end;
end $$;
comment on function autonomy.budget_share(numeric, numeric) is
  'A budget as a share of the reference budget; 1 where either is unknown or no amount to reckon with. Pure. '
  '[autonomous-operations]';

create function autonomy.curve_over(p_share float8, p_curvature float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (p_curvature + p_share) / (p_curvature + 1::float8);
end $$;
comment on function autonomy.curve_over(float8, float8) is
  'Roi at the reference budget over roi at p_share of it, a share as budget_share gives it. Pure. '
  '[autonomous-operations]';

create function autonomy.curve_steep(p_share float8, p_curvature float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (p_curvature + p_share) / p_curvature;
end $$;
comment on function autonomy.curve_steep(float8, float8) is
  'What the average unit of a budget returns over what the next one does. Pure. [autonomous-operations]';

create function autonomy.curve_steep_at(p_wanted float8, p_share float8, p_curvature float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return ((p_curvature + p_wanted) / p_curvature) * ((p_curvature + p_wanted) / (p_curvature + p_share));
end $$;
comment on function autonomy.curve_steep_at(float8, float8, float8) is
  'What the average unit returns at the budget p_share over what the next one does at the budget p_wanted. Pure. '
  '[autonomous-operations]';

create function autonomy.mean_roi(p_posterior float8[], p_tau2 float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_spread float8 := 1::float8 / p_posterior[2];
begin
  return exp(p_posterior[1] + v_spread * v_spread
    / greatest(0.01::float8, least(25::float8, coalesce(nullif(p_tau2, 'NaN'), 0.64::float8))) / 2::float8);
end $$;
comment on function autonomy.mean_roi(float8[], float8) is
  'The roi to be expected at the reference budget, from what roi_posterior gave and the tau2 of its prior. Pure. '
  '[autonomous-operations]';

create function autonomy.curve_target(
  p_reference numeric, p_curvature float8, p_mean_roi float8, p_break_even float8)
returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_worth float8;
begin
  if (p_reference between 0.000001 and 1e15) is not true then
    return null;
  end if;
  v_worth := p_mean_roi * (p_curvature + 1::float8) / (p_curvature * greatest(1e-6::float8, least(1e6::float8,
    coalesce(nullif(p_break_even, 'NaN'), 1::float8))));
  return case when v_worth <= 1::float8 then 0
    else round((p_curvature * p_reference::float8 * (sqrt(v_worth) - 1::float8))::numeric, 6) end;
end $$;
comment on function autonomy.curve_target(numeric, float8, float8, float8) is
  'Where the next unit of budget returns the break-even: reference budget, curvature, expected roi at the reference '
  'budget and break-even, both as the platform reports them. 0 where not even the first unit does, null without a '
  'reference budget. Pure. [autonomous-operations]';

create function autonomy.within_dead_band(
  p_budget numeric, p_reference numeric, p_curvature float8, p_posterior float8[], p_tau2 float8, p_break_even float8)
returns boolean
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Asked of every campaign: mean_roi and curve_target written out, and exact money only where it is close.
declare
  v_spread float8;
  v_worth float8;
  v_root float8;
  v_band float8 := 0.05;
  v_away float8;
begin
  if (p_reference between 0.000001 and 1e15) is not true or p_budget is null then
    return false;
  end if;
  v_spread := 1::float8 / p_posterior[2];
  v_worth := exp(p_posterior[1] + v_spread * v_spread
      / greatest(0.01::float8, least(25::float8, coalesce(nullif(p_tau2, 'NaN'), 0.64::float8))) / 2::float8)
    * (p_curvature + 1::float8)
    / (p_curvature * greatest(1e-6::float8, least(1e6::float8, coalesce(nullif(p_break_even, 'NaN'), 1::float8))));
  if v_worth <= 1::float8 then
    return false;
  end if;
  v_root := sqrt(v_worth);
  if v_root > 1::float8 then
    v_band := greatest(v_band, 0.3::float8
      * least(2::float8, 0.5::float8 * v_root / ((v_root - 1::float8) * sqrt(p_posterior[2]))));
  end if;
  if p_budget between 0.000001 and 1e15 then
    v_away := abs(p_curvature * p_reference::float8 * (v_root - 1::float8) / p_budget::float8 - 1::float8);
    if v_away not between v_band - 0.01 and v_band + 0.01 then
      return v_away < v_band;
    end if;
  end if;
  return abs(autonomy.curve_target(p_reference, p_curvature, autonomy.mean_roi(p_posterior, p_tau2), p_break_even)
             - p_budget) < p_budget * v_band::numeric;
end $$;
comment on function autonomy.within_dead_band(numeric, numeric, float8, float8[], float8, float8) is
  'Whether a budget is so near its target that it is left there, within 5 % of it or within 0.3 of the doubt where the '
  'target lies: budget, reference budget, curvature, what roi_posterior gave, the tau2 of its prior, and the '
  'break-even as the platform reports it. Pure. [autonomous-operations]';

create function autonomy.curve_floor(p_min_budget numeric, p_reference numeric) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_reference between 0.000001 and 1e15 then greatest(p_min_budget, p_reference * 0.05)
              else p_min_budget end;
end $$;
comment on function autonomy.curve_floor(numeric, numeric) is
  'The floor of a budget that is optimised: p_min_budget or a twentieth of its reference budget. Pure. '
  '[autonomous-operations]';

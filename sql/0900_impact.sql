-- What actions really brought: their step along the campaign's curve, times what it really spent.
-- Safe to run again.
--
-- Campaigns are acted on because they looked extreme, and what looked extreme looks less so
-- afterwards by itself; a before/after comparison credits that to the action, and the noise of a
-- week's orders is many times what a raise of 20 % brings. So nothing is compared. All orders, from
-- before and since, say what the campaign returns at its reference budget (the posterior of the
-- confidence, drawn to what campaigns of the account usually return); the curve says what of that
-- the money brought by which the action changed the spend. A pause is the step from its budget to
-- nothing, a resume the way back.
--
-- Rho is the most probable one, as in what was expected of an action (autonomy/engine/expected_impact.py).
--
--     x0, x1   the budget before and after, over the reference budget      c, rho   as in 0405_curve.sql
--     needed   (c + x0) (c + x1) / (c (c + 1)): what roi at the reference budget the money of this
--              step needs in order to return one unit for each
--     L        break-even, as the platform reports
--     money    (what was spent more) x (rho / (L needed) - 1)
--
-- Every figure carries a 90 % interval: of rho, and of c, which differs from campaign to campaign.
-- A verdict is spoken only where it excludes zero.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Small pieces
-- ---------------------------------------------------------------------------------------------
create function autonomy.impact_number(p_value jsonb) returns float8
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  if jsonb_typeof(p_value) <> 'number' or abs(p_value::numeric) > 1e15 then
    return null;
  elsif abs(p_value::numeric) < 1e-30 then
    return 0;  -- its square would be an underflow, which is an error
  end if;
  return p_value::float8;
end $$;
comment on function autonomy.impact_number(jsonb) is
  'A number out of stored evidence; NULL for anything else. Only computes; raises nothing. [autonomous-operations]';

create function autonomy.impact_moment(p_value text) returns timestamptz
language plpgsql stable strict parallel safe set search_path = ''
as $$
begin
  return p_value::timestamptz;
exception when data_exception then
  return null;
end $$;
comment on function autonomy.impact_moment(text) is
  'A moment out of stored evidence; NULL for anything else. Only computes; raises nothing. [autonomous-operations]';

create function autonomy.mean_matured_share(p_youngest_hours float8, p_oldest_hours float8, p_delay_hours float8)
  returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_from float8 := greatest(0::float8, p_youngest_hours);
  v_to float8 := greatest(v_from + 0.01::float8, p_oldest_hours);
begin
  if not p_delay_hours > 0 then
    return 1;
  end if;
  return greatest(0.05::float8, 1::float8 - p_delay_hours / (v_to - v_from)
    * (exp(greatest(-200::float8, -v_from / p_delay_hours)) - exp(greatest(-200::float8, -v_to / p_delay_hours))));
end $$;
comment on function autonomy.mean_matured_share(float8, float8, float8) is
  'The share of conversions that has arrived of spend whose age runs evenly from the youngest to the oldest hours '
  '(never under 0.05). Only computes; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What a campaign returns, by all that is known of it now
-- ---------------------------------------------------------------------------------------------
create function autonomy.settled_posterior(p_posterior float8[], p_days float8, p_mean float8, p_tau2 float8)
returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
-- The confidence takes half of the orders that were to be expected from a roi of 1. That is careful where it errs: it
-- believes losers too little. Summed over many actions it would show, so here they are those of the roi found.
declare
  n constant float8 := p_posterior[3];
  a constant float8 := p_posterior[4];
  doubt constant float8 := p_posterior[5] + 0.25::float8 / greatest(1::float8, least(1e6::float8,
    coalesce(nullif(p_days, 'NaN'), 1::float8)));
  centre constant float8 := ln(greatest(0.01::float8, least(100::float8, coalesce(nullif(p_mean, 'NaN'), 1::float8))));
  q constant float8 := 1::float8 / greatest(0.01::float8, least(25::float8,
    coalesce(nullif(p_tau2, 'NaN'), 0.64::float8)));
  u float8 := p_posterior[1];
  k float8;
  e float8;
  x float8;
begin
  for i in 1 .. 4 loop
    k := a * (1::float8 + (n + p_posterior[6] * exp(u) / a) / 2::float8 * doubt);
    e := p_posterior[6] / k;
    x := e * exp(u);
    u := greatest(centre - 12::float8, least(centre + 12::float8,
      u + (n * a / k - x - (u - centre) * q) / (x + q)));
  end loop;
  return array[u, e * exp(u) + q] || p_posterior[3:6];
end $$;
comment on function autonomy.settled_posterior(float8[], float8, float8, float8) is
  'What roi_posterior gave, where the orders that were to be expected are those of the roi that it found: its days, '
  'and mean roi and tau2 of its prior. Pure. [autonomous-operations]';

create type autonomy.known_return as (
  campaign_id uuid, zone text, currency text,
  break_even float8,         -- as the platform reports
  attribution float8,
  reference numeric,         -- the reference budget, null where unknown
  curvature float8,
  over float8,               -- its spend over what that counts at the reference budget
  spend float8, conversions float8, days float8, matured float8,
  posterior float8[],        -- of roi_posterior
  has_history boolean, data_until timestamptz, life_spend float8, spend_a_day float8
);
comment on type autonomy.known_return is
  'What is known of the return of a campaign by all its orders. [autonomous-operations]';

create function autonomy.known_returns(p_ids uuid[], p_now timestamptz default now())
returns setof autonomy.known_return
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query
  select c.id, z.zone, o.currency, coalesce(c.target_roi::float8, g.break_even) / g.attribution, g.attribution,
    case when c.budget > 0 then r.budget * r.budget_per_spend::numeric end,
    coalesce(o.curvature::float8, k.curvature, p.curvature::float8),
    case when e.has_history and e.counted > 1e-9 and f.ev_spend between 1e-9 and 1e15 then f.ev_spend / e.counted
         else 1 end,
    e.counted, e.conversions, e.days, e.matured,
    autonomy.settled_posterior(autonomy.roi_posterior(e.counted, e.conversions, e.revenue,
      case when f.cv2 between 0 and 1e18 then f.cv2 end, e.days, e.matured, g.prior_mean_roi, g.prior_tau2,
      g.prior_order_value, g.prior_cv2, g.prior_order_spread), e.days, g.prior_mean_roi, g.prior_tau2),
    e.has_history, case when e.has_history then f.as_of else f.data_at end, f.life_spend,
    e.spend / greatest(1::float8, e.days)
  from unnest(p_ids) i (id)
  join public.campaigns c on c.id = i.id
  cross join public.autonomy_policy p
  join autonomy.account_targets() g on g.account = coalesce(c.account, '')
  join autonomy.campaign_zones(p_ids) z on z.campaign_id = i.id
  left join public.autonomy_accounts o on o.account = c.account
  left join autonomy.priors k on k.scope = 'account' and k.name = c.account
  left join public.campaign_facts f on f.campaign_id = i.id
  left join autonomy.reference_budgets r on r.campaign_id = i.id
  -- as it was at the last day of data: what has been paused for a week is not known less than before
  cross join lateral (
    select coalesce(f.has_history, false) as has_history, h.spend, h.counted,
      case when f.has_history then f.ev_conversions else f.life_conversions end as conversions,
      case when f.has_history then f.ev_revenue else f.life_revenue end as revenue,
      coalesce(case when f.has_history then f.ev_days
        when isfinite(c.created_at) and isfinite(f.data_at) then date_part('epoch', f.data_at - c.created_at) / 86400
        end, 1) as days,
      case when f.has_history and isfinite(f.as_of) and g.delay > 0 and f.ev_immature_spend > 1e-100
           and h.counted > 1e-9 then
        greatest(0::float8, least(1::float8, 1::float8 - f.ev_immature_spend / h.counted * exp(greatest(-50::float8,
          least(50::float8, -(date_part('epoch', p_now - f.as_of) / 3600::float8) / g.delay)))))
        else 1::float8 end as matured
    from (select case when f.has_history then f.ev_spend else f.life_spend end as spend,
            case when f.has_history then coalesce(f.ev_effective_spend, f.ev_spend) else f.life_spend end as counted
          offset 0) r
    cross join lateral (select case when r.spend between 1e-9 and 1e15 then r.spend else 0::float8 end as spend,
      case when r.counted between 1e-9 and 1e15 then r.counted else 0::float8 end as counted offset 0) h
    offset 0) e;
end $$;
comment on function autonomy.known_returns(uuid[], timestamptz) is
  'What is known now of the return of each of these campaigns (each named once): break-even as the platform reports, '
  'reference budget, curvature, evidence to its last day with the conversions that have come late, its posterior, and '
  'how much more its spend was than it counts at the reference budget (over). Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.step_needs(p_curvature float8, p_before float8, p_after float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (p_curvature + p_before) * (p_curvature + p_after) / (p_curvature * (p_curvature + 1::float8));
end $$;
comment on function autonomy.step_needs(float8, float8, float8) is
  'What roi at the reference budget the money between two budgets (as shares of the reference budget; 0: paused) '
  'needs, so that each unit of it returns one. Pure. [autonomous-operations]';

create function autonomy.step_doubt(p_curvature float8, p_before float8, p_after float8, p_over float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  -- what the evidence was seen at, as a share of the reference budget
  v_seen float8 := greatest(0::float8, p_over * (p_curvature + 1::float8) - p_curvature);
  v_bend float8 := p_curvature / (p_curvature + v_seen) - p_curvature / (p_curvature + p_before)
    + 1::float8 - p_curvature / (p_curvature + p_after);
begin
  return 0.25::float8 * v_bend * v_bend;
end $$;
comment on function autonomy.step_doubt(float8, float8, float8, float8) is
  'The variance of ln of a step''s return that comes of not knowing a campaign''s own curvature, whose logarithm lies '
  'within 0.5 of its account''s. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Measuring
-- ---------------------------------------------------------------------------------------------
-- The actions that a horizon has come for. The window ends where the campaign was next changed by
-- anyone: what came then is not this action's doing.
create function autonomy.due_impacts(p_limit integer default 1000, p_now timestamptz default now())
returns table (action_id uuid, campaign_id uuid, kind text, horizon integer, from_at timestamptz,
               until_at timestamptz, before numeric, after numeric, target_cpa float8, spend_then float8,
               data_until timestamptz, final boolean)
language sql stable set search_path = ''
as $$
  select a.id, a.campaign_id,
         case when a.action_type in ('auto_pause', 'auto_resume') then a.action_type
              when a.action_type in ('auto_scale_up', 'auto_scale_down', 'budget_adjusted') then 'budget'
              else 'other' end,
         h.days, date_trunc('minute', e.at),
         date_trunc('minute', least(e.at + h.days * interval '1 day', (
           select min(x.changed_at) from public.campaign_changes x
           where x.campaign_id = a.campaign_id and x.kind <> 'created' and x.changed_at > e.at
             and x.id > coalesce(w.id, 0) and x.action_id is distinct from a.id))),
         autonomy.exact_number(a.previous_state -> 'budget'), autonomy.exact_number(a.new_state -> 'budget'),
         case when a.evidence ->> 'judged_by' = 'cpa' then autonomy.impact_number(a.evidence -> 'target_cpa') end,
         autonomy.impact_number(a.evidence #> '{metrics,spend}'),
         t.data_until, t.final
  from public.autonomous_actions a
  cross join public.autonomy_policy p
  -- where it is carried over, from when its platform confirmed it
  cross join lateral (select autonomy.delivered_at(a.id, a.executed_at) as at offset 0) e
  cross join lateral (
    -- each horizon that has come and is not measured
    select d.days from (values (1), (3), (7)) d (days)
    where e.at + d.days * interval '1 day' <= p_now
      and not coalesce(a.actual_impact, '{}') ? (d.days || 'd')) h
  left join lateral (select k.id from public.campaign_changes k where k.action_id = a.id
                     order by k.id limit 1) w on true
  left join public.campaigns c on c.id = a.campaign_id
  left join public.autonomy_accounts o on o.account = c.account
  left join public.campaign_facts f on f.campaign_id = a.campaign_id
  cross join lateral (
    -- Figures come late in many installations: until max_data_age_hours have passed a horizon whose
    -- data are not there yet is only provisional, and measured again. A pause needs no later data.
    select coalesce(case when f.has_history then f.as_of else f.data_at end, e.at) as data_until,
           a.action_type = 'auto_pause' or c.id is null or e.at + (h.days - 1) * interval '1 day'
               <= case when f.has_history then f.as_of else f.data_at end
             or e.at + h.days * interval '1 day'
               + coalesce(o.max_data_age_hours, p.max_data_age_hours)::float8 * interval '1 hour' <= p_now as final) t
  where a.status = 'executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
    and a.executed_at <= p_now - interval '1 day' and isfinite(a.executed_at)
    and (t.final or a.actual_impact is null)
  order by a.executed_at, a.id, h.days
  limit greatest(0, p_limit)
$$;
comment on function autonomy.due_impacts(integer, timestamptz) is
  'Executed actions whose 1, 3 or 7 days have passed and are not measured, oldest first, with the budgets that they '
  'led between. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.usual_spends(p_ids uuid[], p_days date[], p_budgets numeric[])
returns table (campaign_id uuid, day date, budget numeric, spend float8)
language sql stable set search_path = '' set jit = off
as $$
  select i.id, i.day, i.budget, avg(m.spend * case when i.budget > 0 and m.in_force > 0
    then greatest(0.1, least(10, i.budget::float8 / m.in_force)) else 1 end)
  from unnest(p_ids, p_days, p_budgets) i (id, day, budget)
  join autonomy.campaign_zones(p_ids) z on z.campaign_id = i.id
  left join autonomy.budgets_in_force(
    array(select y.campaign_id from autonomy.campaign_zones(p_ids) y order by 1),
    array(select y.zone from autonomy.campaign_zones(p_ids) y order by y.campaign_id)) b on b.campaign_id = i.id
  cross join lateral (
    select d.spend::float8 as spend, b.budgets[width_bucket(d.day, b.days)] as in_force
    from public.campaign_daily d
    where d.campaign_id = i.id and d.day < i.day and d.day >= i.day - 28 and d.spend between 0.01 and 1e12
    order by d.day desc limit 7) m
  group by i.id, i.day, i.budget
$$;
comment on function autonomy.usual_spends(uuid[], date[], numeric[]) is
  'What a campaign spent a day on the last 7 days with spend before a day (of the 28 before it), each as it would have '
  'been with this budget in place of the one in force. Only reads; raises nothing. [autonomous-operations]';

-- What came of each due action in money spent: what was, and what would have been without it.
create function autonomy.due_spends(p_limit integer, p_now timestamptz)
returns table (action_id uuid, campaign_id uuid, horizon integer, final boolean, kind text, days float8,
               share_before float8, share_after float8, spend float8, spend_else float8, target_cpa float8,
               k autonomy.known_return)
language plpgsql stable set search_path = '' set jit = off
as $$
#variable_conflict use_column
begin
  return query
  with due as materialized (
    select * from autonomy.due_impacts(p_limit, p_now)
  ), known as materialized (
    select r.campaign_id, r as k
    from autonomy.known_returns(array(select distinct d.campaign_id from due d), p_now) r
  ), windows as materialized (
    select d.*, n.k, (d.from_at at time zone (n.k).zone)::date as day, w.until_at as ends,
      greatest(0, extract(epoch from w.until_at - d.from_at)::float8 / 86400) as days
    from due d
    left join known n on n.campaign_id = d.campaign_id
    cross join lateral (select least(d.until_at, p_now, case when d.kind <> 'auto_pause' then greatest(
      d.from_at, d.data_until) end) as until_at) w
  ), spent as materialized (
    -- A day counts by how much of it lies in the window. The day of a pause was spent before it, that of a
    -- resume after it.
    select w.action_id, w.horizon, sum(m.spend::float8 * case
      when m.day = w.day and w.kind = 'auto_pause' then 0
      when m.day = w.day and w.kind = 'auto_resume' then 1
      else greatest(0, least(1, extract(epoch from least(b.ends, w.ends) - greatest(b.starts, w.from_at))::float8
        / greatest(1, extract(epoch from least(b.ends, p_now) - b.starts)::float8))) end) as spend
    from windows w
    join public.campaign_daily m on m.campaign_id = w.campaign_id and m.day between w.day
      and (w.ends at time zone (w.k).zone)::date
    cross join lateral (select m.day::timestamp at time zone (w.k).zone as starts,
                               (m.day + 1)::timestamp at time zone (w.k).zone as ends) b
    where (w.k).has_history and m.spend between 0 and 1e12
    group by w.action_id, w.horizon
  ), pauses as materialized (
    select distinct w.campaign_id, w.day, w.before from windows w where w.kind = 'auto_pause' and (w.k).has_history
  ), usual as materialized (
    select * from autonomy.usual_spends(array(select p.campaign_id from pauses p), array(select p.day from pauses p),
                                        array(select p.before from pauses p))
  )
  select w.action_id, w.campaign_id, w.horizon, w.final, w.kind, w.days,
    case when w.kind = 'auto_resume' then 0 else autonomy.budget_share(w.before, r.budget) end,
    case when w.kind = 'auto_pause' then 0 else autonomy.budget_share(w.after, r.budget) end,
    s.spend, case w.kind when 'auto_pause' then coalesce(u.spend, (w.k).spend_a_day) * w.days
      when 'auto_resume' then 0
      when 'budget' then case when w.before between 0.000001 and 1e15 and w.after between 0.000001 and 1e15
        then s.spend * (w.before::float8 / w.after::float8) end
      else s.spend end,
    w.target_cpa, w.k
  from windows w
  left join spent x on x.action_id = w.action_id and x.horizon = w.horizon
  left join usual u on w.kind = 'auto_pause' and u.campaign_id = w.campaign_id and u.day = w.day
    and u.budget is not distinct from w.before
  -- Without a time series, what the totals grew by since then is all there is to see.
  cross join lateral (select case when (w.k).has_history then coalesce(x.spend, 0)
    else greatest(0, least(1e15, nullif((w.k).life_spend, 'NaN') - w.spend_then)) end as spend) s
  cross join lateral (select coalesce((w.k).reference, w.before) as budget) r;
end $$;
comment on function autonomy.due_spends(integer, timestamptz) is
  'Of the actions that are due: the days that are seen of each window, the budget before and after as shares of the '
  'reference budget, what was spent, what would have been without the action (null: it cannot be told), and what is '
  'known of the campaign. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.impact_verdict(
  p_right float8, p_low float8, p_high float8, p_spread float8, p_days float8) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_right is null then 'inconclusive' when p_days < 2 then 'too_early'
    when p_low > 0 then 'improved' when p_high < 0 then 'regressed'
    -- a return that is known to a factor of 1.4, and that close to break-even, is no news to wait for
    when p_spread > 0.2 then 'too_early' else 'inconclusive' end;
end $$;
comment on function autonomy.impact_verdict(float8, float8, float8, float8, float8) is
  'The word for what was measured: improved or regressed where the 90 % interval of the money excludes 0; too_early '
  'where the days are fewer than 2, or the orders so few or of such different values (p_spread: standard deviation of '
  'ln roi) that nothing can be told yet; inconclusive where it made about no difference or no figures are '
  'there. Pure. [autonomous-operations]';

create function autonomy.impact_basis(
  p_kind text, p_added float8, p_returns float8, p_valueless boolean, p_currency text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_amount text := autonomy.money_words(abs(p_added), p_currency);
  v_returns text := autonomy.times_words(p_returns);
begin
  return case
    when p_kind = 'other' then 'it changed neither the status nor the budget'
    when p_valueless then 'its conversions carry no value, so what it returns is not known'
    when p_added is null then 'there are no figures of the campaign to measure by'
    when p_kind = 'auto_pause' then format('without the pause: %s spent, returning %s', v_amount, v_returns)
    when p_kind = 'auto_resume' then format('%s spent since it runs again, returning %s', v_amount, v_returns)
    else format('%s %s spent, which returns %s by the campaign''s curve', v_amount,
                case when p_added < 0 then 'less' else 'more' end, v_returns) end
    || case when p_added is null then '' else ' (by all its orders, from before and since)' end;
end $$;
comment on function autonomy.impact_basis(text, float8, float8, boolean, text) is
  'What a measured action rests on, in words: kind, what was spent more, what a unit of that returns, whether its '
  'conversions are without value, currency. Pure. [autonomous-operations]';

create function autonomy.measured_impacts(p_limit integer, p_now timestamptz)
returns table (action_id uuid, horizon integer, final boolean, figures jsonb)
language plpgsql stable set search_path = '' set jit = off
as $$
#variable_conflict use_column
begin
  return query
  with due as materialized (
    select * from autonomy.due_spends(p_limit, p_now)
  ), silent as materialized (
    select i.id from unnest(autonomy.campaigns_without_value(
      array(select distinct d.campaign_id from due d where (d.k).campaign_id is not null), p_now)) i (id)
  ), judged as materialized (
    select d.*,
      -- Where conversions have no value, one is worth what the rule that acted is ready to pay for it.
      case when v.cpa is null then (d.k).posterior else autonomy.cpa_posterior(v.cpa, (d.k).spend,
        (d.k).conversions, (d.k).days, (d.k).matured) end as posterior,
      v.break_even, autonomy.step_needs((d.k).curvature, d.share_before, d.share_after) * v.break_even as needed,
      autonomy.step_doubt((d.k).curvature, d.share_before, d.share_after, (d.k).over) as doubt,
      case when d.kind <> 'other' and (d.k).spend > 1e-9 and (s.id is null or v.cpa is not null)
        then case d.kind when 'auto_pause' then least(0, d.spend - d.spend_else) else d.spend - d.spend_else end
        end as added, s.id is not null and v.cpa is null as valueless
    from due d
    left join silent s on s.id = d.campaign_id
    cross join lateral (select case when s.id is not null and d.target_cpa between 1e-6 and 1e9
      then d.target_cpa end as cpa) c
    cross join lateral (select c.cpa, case when c.cpa is null then (d.k).break_even else 1 / (d.k).attribution end
      as break_even) v
  ), valued as materialized (
    select j.*, sqrt(1 / j.posterior[2] + j.doubt) as spread, ln(j.needed) as bar,
      exp(j.posterior[1]) as roi
    from judged j
  ), told as (
    select v.*, v.added * (v.roi / v.needed - 1) as money,
      v.added * (exp(v.posterior[1] - v.bar - sign(v.added) * 1.645 * v.spread) - 1) as low,
      v.added * (exp(v.posterior[1] - v.bar + sign(v.added) * 1.645 * v.spread) - 1) as high,
      case when abs(v.added) > 0.005 and v.days > 0.2 then abs(case when v.added < 0 then 0 else 1 end
        - autonomy.probability_from(array[v.posterior[1], 1 / (v.spread * v.spread)], v.needed)) end as right_
    from valued v
  )
  select t.action_id, t.horizon, t.final, jsonb_strip_nulls(jsonb_build_object(
    'verdict', autonomy.impact_verdict(t.right_, t.low, t.high, sqrt(1 / t.posterior[2]), (t.k).days),
    'money', round(coalesce(t.money, 0)::numeric, 2), 'money_low', round(coalesce(t.low, 0)::numeric, 2),
    'money_high', round(coalesce(t.high, 0)::numeric, 2),
    'money_per_day', case when t.days > 0 then round((t.money / t.days)::numeric, 2) end,
    'right_probability', round(100 * t.right_::numeric, 2), 'days', round(t.days::numeric, 2),
    'spend', round(t.spend::numeric, 2), 'expected_spend', round(t.spend_else::numeric, 2),
    'baseline_roi', round((t.roi * (1 + (t.k).curvature)
      / ((t.k).curvature + case when t.kind = 'auto_resume' then t.share_after else t.share_before end))::numeric, 4),
    'step_roi', round((t.roi / t.needed * t.break_even)::numeric, 4),
    'measured_at', p_now, 'basis', autonomy.impact_basis(t.kind, t.added, t.roi / t.needed * t.break_even,
      t.valueless, (t.k).currency))) as figures
  from told t;
end $$;
comment on function autonomy.measured_impacts(integer, timestamptz) is
  'What the actions that are due changed, at each horizon, in the figures that are written down; final: they will not '
  'be measured again. Only reads; raises nothing. [autonomous-operations]';

create function public.measure_action_impact(p_limit integer default 1000,
                                             p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_measured integer;
begin
  perform autonomy.simulated_moment(p_now);
  if not exists (  -- planning what follows takes longer than finding nothing to do
    select from public.autonomous_actions a
    where a.status = 'executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
      and a.executed_at <= p_now - interval '1 day') then
    return jsonb_build_object('measured', 0);
  end if;
  with told as materialized (
    select * from autonomy.measured_impacts(p_limit, p_now)
  ), gathered as (
    select t.action_id, coalesce(jsonb_object_agg(t.horizon || 'd', t.figures) filter (where t.final),
                                 '{}') as horizons,
           coalesce(array_agg(t.horizon) filter (where t.final), '{}') as final_days,
           jsonb_object_agg(t.horizon || 'd', t.figures) as all_horizons
    from told t group by t.action_id
  ), written as (
    update public.autonomous_actions a
    set actual_impact = coalesce(a.actual_impact, '{}') - 'provisional' || g.horizons || (
      select (latest.figures - 'basis') || jsonb_build_object('horizon_days', latest.days,
                                                              'basis', latest.figures -> 'basis')
             || case when latest.days = any (g.final_days) or coalesce(a.actual_impact, '{}') ? (latest.days || 'd')
                     then '{}' else '{"provisional": true}' end::jsonb
      from (select d.days, (g.all_horizons || coalesce(a.actual_impact, '{}')) -> (d.days || 'd') as figures
            from (values (1), (3), (7)) d (days)) latest
      where latest.figures is not null order by latest.days desc limit 1)
    from gathered g
    where a.id = g.action_id and a.status = 'executed'
    returning cardinality(g.final_days) as finals
  )
  select count(*) into v_measured from written where finals > 0;
  return jsonb_build_object('measured', v_measured);
end $$;
comment on function public.measure_action_impact(integer, timestamptz) is
  'Fills actual_impact of executed actions when 1, 3 and 7 days have passed: money gained or lost with a 90 % '
  'interval and a verdict (improved, regressed, inconclusive, too_early), by the step along the campaign''s curve and '
  'all its orders from before and since. Safe to call again: each horizon is measured once. Raises AO014 (p_now is not '
  'the clock''s). [autonomous-operations]';

-- Confidence: the probability, given the evidence, that a campaign's true roi is below a target.
-- The same closed form as autonomy/engine/confidence.py, in the same order of operations. That
-- file names every symbol with its unit. Safe to run again.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local check_function_bodies = off;

create function public.roi_posterior(
  p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8, p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8)
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
  tau2 float8 := greatest(0.01::float8, least(25::float8, coalesce(nullif(p_tau2, 'NaN'), 0.64::float8)));
  a0 float8 := greatest(0.01::float8, least(1e9::float8, coalesce(nullif(p_order_value, 'NaN'), 50::float8)));
  cv2 float8 := greatest(0::float8, least(100::float8, coalesce(nullif(p_prior_cv2, 'NaN'), 0.5::float8)));
  k float8;
  y float8;
  e float8;
  q float8;
  u float8;
  x float8;
  centre float8;
begin
  n := case when n < 1e-100::float8 then 0::float8 else n end;
  cv2 := case when cv2 < 1e-100::float8 then 0::float8 else cv2 end;
  if p_cv2 >= 0::float8 and p_cv2 <> 'NaN' and n >= 2::float8 then
    cv2 := (10::float8 * cv2 + (n - 1::float8) * case when p_cv2 < 1e-100::float8 then 0::float8
      else least(1e4::float8, p_cv2) end) / (10::float8 + n - 1::float8);
  end if;

  k := (r + 2::float8 * a0) / (n + 2::float8) * (1::float8 + cv2 + 0.25::float8 * n / d);
  y := case when r < 1e-100::float8 then 0::float8 else r / k end;
  e := case when s < 1e-100::float8 or f < 1e-100::float8 then 0::float8 else s * f / k end;
  q := 1::float8 / tau2;
  centre := ln(m);
  u := greatest(centre - 12::float8, least(centre + 12::float8, ln((y + q) / (e + q / m))));
  for i in 1 .. 3 loop
    x := e * exp(u);
    u := u + (y - x - (u - centre) * q) / (x + q);
    u := greatest(centre - 12::float8, least(centre + 12::float8, u));
  end loop;
  return array[u, e * exp(u) + q];
end $$;
comment on function public.roi_posterior(float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) is
  'What evidence (spend, conversions, revenue, cv2 of order values, days, matured share) and prior (mean roi, tau2, order value, cv2) say of ln roi: its most probable value, and one over its variance. Pure. [autonomous-operations]';

create function public.probability_from(p_posterior float8[], p_target float8) returns float8
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
comment on function public.probability_from(float8[], float8) is
  'P(true roi < target), 0 to 1, from what roi_posterior gave: one campaign, several targets. A number for every target; an unknown one gives 0.5. Pure. [autonomous-operations]';

create function public.probability_below(
  p_target float8, p_spend float8, p_conversions float8, p_revenue float8, p_cv2 float8,
  p_days float8, p_matured float8,
  p_mean float8, p_tau2 float8, p_order_value float8, p_prior_cv2 float8)
returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return public.probability_from(public.roi_posterior(
    p_spend, p_conversions, p_revenue, p_cv2, p_days, p_matured, p_mean, p_tau2, p_order_value, p_prior_cv2), p_target);
end $$;
comment on function public.probability_below(
  float8, float8, float8, float8, float8, float8, float8, float8, float8, float8, float8) is
  'P(true roi < target), 0 to 1: target, then evidence and prior as in roi_posterior. A number for every input; an unknown target gives 0.5. Pure. [autonomous-operations]';

create function public.cut_confidence(p_percent float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return floor(100::float8 * p_percent + 0.5::float8) / 100::float8;
end $$;
comment on function public.cut_confidence(float8) is
  'A confidence in percent to two digits, half up: what gates and sorts compare. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The evidence, as it stands at a moment
-- ---------------------------------------------------------------------------------------------

create function public.evidence_expression() returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Evidence halves every evidence_half_life_days, also while no new data comes. Exponents are kept
-- where exp() and products neither over- nor underflow, which SQL raises as errors.
begin
  return $sql$ cross join lateral (select
      case when r.spend between -1e18 and 1e18 then case when r.spend between -1e-9 and 1e-9 then 0::float8 else r.spend end end as spend,
      case when r.conversions between -1e18 and 1e18 then case when r.conversions between -1e-9 and 1e-9 then 0::float8 else r.conversions end end as conversions,
      case when r.revenue between -1e18 and 1e18 then case when r.revenue between -1e-9 and 1e-9 then 0::float8 else r.revenue end end as revenue,
      case when f.cv2 between 0 and 1e18 then f.cv2 end as cv2,
      coalesce(case when r.days between 0 and 1e18 then case when r.days <= 1e-9 then 0::float8 else r.days end end, 0::float8) as days,
      case when f.has_history and isfinite(f.as_of) and r.delay > 0 and f.ev_immature_spend > 1e-100 and f.ev_spend > 1e-9 then
        greatest(0::float8, least(1::float8, 1::float8 - f.ev_immature_spend / f.ev_spend * exp(greatest(-50::float8, least(50::float8,
          -(date_part('epoch', $1 - f.as_of) / 3600::float8) / r.delay)))))
        else 1::float8 end as matured_share,
      coalesce(f.has_history, false) as has_history,
      r.hours as hours_running
    from (select h.hours, h.delay,
      case when f.has_history then f.ev_spend * h.fading else f.life_spend end as spend,
      case when f.has_history then f.ev_conversions * h.fading else f.life_conversions end as conversions,
      case when f.has_history then f.ev_revenue * h.fading else f.life_revenue end as revenue,
      case when f.has_history then f.ev_days * h.fading else h.hours / 24::float8 end as days
      from (select k.delay,
        case when isfinite(c.created_at) then date_part('epoch', $1 - c.created_at) / 3600::float8 end as hours,
        case when k.half_life = 0 or isfinite(f.as_of) is not true then 1::float8
          else exp(-least(50::float8, 0.6931471805599453::float8
            * greatest(0::float8, date_part('epoch', $1 - f.as_of) / 86400::float8) / k.half_life)) end as fading
        from (select p.evidence_half_life_days::float8 as half_life, p.conversion_delay_hours::float8 as delay) k
        offset 0) h
      offset 0) r
    offset 0) e$sql$;
end $$;
comment on function public.evidence_expression() is
  'SQL text that joins a campaign''s evidence as e, over campaigns c, campaign_facts f (perhaps null), autonomy_policy p and $1 (the moment). Pure. [autonomous-operations]';

create function public.campaign_evidence(p_ids uuid[] default null, p_now timestamptz default now())
returns table (
  campaign_id uuid, spend float8, conversions float8, revenue float8, cv2 float8, days float8,
  matured_share float8, has_history boolean, hours_running float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query execute
    'select c.id, e.* from public.autonomy_policy p cross join public.campaigns c'
    || case when p_ids is null then '' else ' join unnest($2) i (id) on i.id = c.id' end
    || ' left join public.campaign_facts f on f.campaign_id = c.id'
    || public.evidence_expression()
    using p_now, p_ids;
end $$;
comment on function public.campaign_evidence(uuid[], timestamptz) is
  'What each campaign (null: every one) has shown at p_now: faded sums where its history is known, else its totals. Unknown where a figure is missing or no sane number. Only reads; safe to call again. [autonomous-operations]';

create function public.current_prior(p_force boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s' set work_mem = '64MB'
as $$
-- Moments, weighted by how much each campaign says, and shrunk towards the default as if that
-- were twenty campaigns. autonomy/engine/prior.py says why each step is as it is.
-- A large account is sampled by blocks, the same ones each time: from 9,000 campaigns the moments
-- are known to some percent, and reading a million took longer than all the rest of a run.
declare
  v_blocks float8 := pg_relation_size('public.campaign_facts') / 8192;
  v_ids uuid[];
  v_policy public.autonomy_policy;
  v_order_value float8;
  v_cv2 float8;
  v_mean float8;
  v_tau2 float8;
  v_campaigns int;
begin
  perform public.moment_error(p_now);
  select * into strict v_policy from public.autonomy_policy;
  if v_policy.prior_fitted_at > p_now - interval '1 hour' and v_policy.prior_fitted_at < p_now + interval '1 hour'
     and not coalesce(p_force, false) then
    return jsonb_build_object(
      'fitted', false, 'mean_roi', v_policy.prior_mean_roi, 'tau2', v_policy.prior_tau2,
      'order_value', v_policy.prior_order_value, 'cv2', v_policy.prior_cv2, 'campaigns', v_policy.prior_campaigns);
  end if;

  if v_blocks > 1000 then
    v_ids := array(select f.campaign_id from public.campaign_facts f
                   tablesample system (100 * 1000 / v_blocks) repeatable (0));
  end if;
  with seen as materialized (
    select least(1e15, e.spend) as spend, greatest(0, least(1e15, coalesce(e.conversions, 0))) as n,
      greatest(0, least(1e15, coalesce(e.revenue, 0))) as revenue, case when e.cv2 is not null then least(1e4, e.cv2) end as cv2,
      greatest(1, least(1e6, e.days)) as days, e.matured_share as matured
    from public.campaign_evidence(v_ids, p_now) e
    where e.spend > 0 and e.matured_share > 1e-12
  ),
  orders as (
    select count(*)::int as campaigns,
      greatest(0.01, least(1e9, coalesce(sum(revenue / (n + 2)) filter (where n > 0 and revenue > 0)
        / nullif(sum(n / (n + 2)) filter (where n > 0 and revenue > 0), 0), 50::float8))) as order_value,
      greatest(0.05, least(10, (coalesce(sum((n - 1) / (n + 9) * cv2) filter (where n >= 2 and cv2 is not null), 0) + 10)
        / (coalesce(sum((n - 1) / (n + 9)) filter (where n >= 2 and cv2 is not null), 0) + 20))) as cv2
    from seen
  ),
  rois as materialized (
    select least(50, s.revenue / m.spend) as roi, m.spend / k.k / (m.spend / k.k + 1 / 0.64::float8) as weight,
           k.k / m.spend as noise
    from seen s
    cross join orders o
    cross join lateral (select s.spend * s.matured as spend) m
    -- foretold by spend alone: with the orders that came in it, winners would count less
    cross join lateral (select o.order_value * (1 + o.cv2 + 0.25::float8 * (m.spend / o.order_value) / s.days) as k) k
  ),
  centre as (
    select sum(weight) as weight, greatest(0.01, sum(weight * roi) / nullif(sum(weight), 0)) as mean from rois
  ),
  spread as (
    select c.weight, c.mean, ln(1 + greatest(0, sum(r.weight * ((r.roi - c.mean) ^ 2 - r.noise * c.mean)) / c.weight) / c.mean ^ 2) as tau2
    from rois r, centre c
    group by c.weight, c.mean
  )
  select o.campaigns, o.order_value, o.cv2,
    greatest(0.05, least(20, exp(s.weight * (ln(s.mean) - s.tau2 / 2) / (s.weight + 20)))),
    greatest(0.04, least(4, (s.weight * s.tau2 + 20 * 0.64::float8) / (s.weight + 20)))
  into v_campaigns, v_order_value, v_cv2, v_mean, v_tau2
  from orders o
  left join spread s on s.weight > 0;
  -- What orders are worth here is known from the first ones on; how rois differ, from five campaigns on.
  if v_campaigns < 5 or v_mean is null then
    v_mean := 1;
    v_tau2 := 0.64;
  end if;
  return jsonb_build_object('fitted', true, 'mean_roi', v_mean, 'tau2', v_tau2,
    'order_value', v_order_value, 'cv2', v_cv2, 'campaigns', v_campaigns);
end $$;
comment on function public.current_prior(boolean, timestamptz) is
  'The prior of the confidence: the stored one (fitted: false) where it is less than an hour old and not p_force, else fitted to all campaigns that have spent. Only reads; safe to call again. Raises AO010 for a bad moment. [autonomous-operations]';

create function public.prior_in_force(p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return public.current_prior(p_now => p_now);
exception when others then
  -- what no fit can be made of leaves the last one in force, as in a run
  return (select jsonb_build_object('fitted', false, 'mean_roi', p.prior_mean_roi, 'tau2', p.prior_tau2,
            'order_value', p.prior_order_value, 'cv2', p.prior_cv2, 'campaigns', p.prior_campaigns)
          from public.autonomy_policy p);
end $$;
comment on function public.prior_in_force(timestamptz) is
  'The prior that a run of this moment would judge by, whether or not it was fitted already. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.fit_portfolio_prior(p_force boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_prior jsonb;
begin
  perform public.simulated_moment(p_now);
  v_prior := public.current_prior(p_force, p_now);
  if (v_prior ->> 'fitted')::boolean then
    update public.autonomy_policy
    set prior_mean_roi = (v_prior ->> 'mean_roi')::float8, prior_tau2 = (v_prior ->> 'tau2')::float8,
        prior_order_value = (v_prior ->> 'order_value')::float8, prior_cv2 = (v_prior ->> 'cv2')::float8,
        prior_campaigns = (v_prior ->> 'campaigns')::int, prior_fitted_at = p_now;
  end if;
  return v_prior;
end $$;
comment on function public.fit_portfolio_prior(boolean, timestamptz) is
  'Fits the prior of the confidence to all campaigns that have spent and stores it in the policy; within an hour of the last time only with p_force. Safe to call again. Raises AO010 (no moment), AO014 (p_now is not the clock''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What speaks against believing the figures, or against acting on them
-- ---------------------------------------------------------------------------------------------

create function public.accounts_without_value(p_accounts text[], p_now timestamptz) returns text[]
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
-- One account after the other: the first revenue that is found ends the search, and only an
-- account that really has none is read whole.
declare
  v_account text;
  v_without text[] := '{}';
begin
  foreach v_account in array coalesce(p_accounts, '{}') loop
    perform from public.campaigns c
    join public.campaign_facts f on f.campaign_id = c.id
    where c.account = v_account and f.data_at > p_now - interval '30 days'
      and abs(case when f.has_history then f.w30_revenue else f.life_revenue end) between 1e-9 and 1e18
    limit 1;
    continue when found;
    if (select sum(case when f.has_history then f.w30_conversions else f.life_conversions end) >= 5
        from public.campaigns c
        join public.campaign_facts f on f.campaign_id = c.id
        where c.account = v_account and f.data_at > p_now - interval '30 days'
          and case when f.has_history then f.w30_conversions else f.life_conversions end between 0 and 1e15) then
      v_without := v_without || v_account;
    end if;
  end loop;
  return v_without;
end $$;
comment on function public.accounts_without_value(text[], timestamptz) is
  'Those of the accounts that have five or more conversions of the last 30 days, and not one of them with a value. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.campaigns_without_value(p_ids uuid[], p_now timestamptz) returns uuid[]
language plpgsql stable set search_path = '' set jit = off
as $$
-- A campaign that brings conversions of no value beside campaigns of an account that has values is a
-- loser, until the conversions are so many that their value must have gone missing on the way.
declare
  v_accounts text[];
  v_silent uuid[];
  v_without text[];
  v_order_value float8;
begin
  select array_agg(s.id), array_agg(distinct s.account) into v_silent, v_accounts
  from (
    select c.id, c.account
    from unnest(p_ids) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    where coalesce(case when f.has_history then f.w30_revenue else f.life_revenue end, 0) between -1e-9 and 1e-9) s;
  if v_silent is null then
    return '{}';
  end if;
  v_without := public.accounts_without_value(v_accounts, p_now);
  v_order_value := (public.prior_in_force(p_now) ->> 'order_value')::float8;
  return array(
    select c.id
    from unnest(v_silent) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    cross join lateral (select
      case when f.has_history then f.w30_conversions else f.life_conversions end as n,
      case when f.has_history then f.w30_spend else f.life_spend end as spend) w
    where c.account = any (v_without)
       or w.n between 20 and 1e18
       or w.n between 1e-9 and 1e18 and w.n * v_order_value > 3 * w.spend);
end $$;
comment on function public.campaigns_without_value(uuid[], timestamptz) is
  'Those of the campaigns whose conversions are not measured with a value, so that their roi says nothing: no revenue within 30 days (or ever, where only totals are known) in an account that has none; or, beside others that have, 20 conversions and more, or so many that at the usual order value they would be worth three times the spend. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.people_changes(p_ids uuid[], p_now timestamptz)
returns table (
  campaign_id uuid, changed_at timestamptz,
  no_raise_until timestamptz, no_cut_until timestamptz, no_pause_until timestamptz)
language plpgsql stable set search_path = '' set jit = off
as $$
-- What a person did last stands. A field that changes from outside on three of seven days is kept by
-- a program, whoever it says it is. A moment after p_now counts as p_now: clocks differ.
begin
  return query
  with own as materialized (
    select k.campaign_id, k.id, least(k.changed_at, p_now) as at, k.person, h.hold,
      k.changed_at > p_now - h.hold as protects, k.changed_at > p_now - interval '7 days' and k.kind = 'outside' as outside,
      (least(k.changed_at, p_now) at time zone p.time_zone)::date as day, k.old_budget, k.new_budget,
      k.old_budget is distinct from k.new_budget as budget_changed,
      (lower(k.old_status) = 'active') is distinct from (lower(k.new_status) = 'active') as status_changed,
      coalesce(lower(k.new_status) = 'active', false) as switched_on
    from public.autonomy_policy p
    cross join lateral (select p.person_hold_days * interval '1 day' as hold) h
    join public.campaign_changes k on k.campaign_id = any (p_ids) and p.person_hold_days > 0
      and (k.kind = 'outside' or k.person and k.kind = 'action') and isfinite(k.changed_at)
      and k.changed_at > p_now - greatest(h.hold, interval '7 days')
  ),
  kept as (
    select o.campaign_id,
      count(distinct o.day) filter (where o.outside and o.person and o.budget_changed) >= 3 as budget_by_program,
      count(distinct o.day) filter (where o.outside and o.person and o.status_changed) >= 3 as status_by_program,
      -- from the first of these changes to the last: two steps of one correction are one change
      (array_agg(o.old_budget order by o.id) filter (where o.budget_counts))[1] as first_budget,
      (array_agg(o.old_budget order by o.id desc) filter (where o.budget_counts))[1] as old_budget,
      (array_agg(o.new_budget order by o.id desc) filter (where o.budget_counts))[1] as new_budget,
      (array_agg(o.at order by o.id desc) filter (where o.budget_counts))[1] as budget_at,
      (array_agg(o.switched_on order by o.id desc) filter (where o.status_counts))[1] as switched_on,
      (array_agg(o.at order by o.id desc) filter (where o.status_counts))[1] as status_at
    from (select w.*, w.person and w.protects and w.budget_changed as budget_counts,
            w.person and w.protects and w.status_changed as status_counts from own w) o
    group by o.campaign_id
  )
  select k.campaign_id, greatest(b.at, s.at), case when b.cut then b.until end, case when b.raised then b.until end,
    greatest(case when b.raised then b.until end, case when k.switched_on then s.at + h.hold end)
  from kept k
  cross join (select p.person_hold_days * interval '1 day' as hold from public.autonomy_policy p) h
  cross join lateral (select case when not k.status_by_program then k.status_at end as at) s
  cross join lateral (select x.at, x.at + h.hold as until,
      k.new_budget < greatest(k.old_budget, k.first_budget) as cut,
      k.new_budget > least(k.old_budget, k.first_budget) as raised
    from (select case when not k.budget_by_program then k.budget_at end as at) x) b
  where b.at is not null or s.at is not null;
end $$;
comment on function public.people_changes(uuid[], timestamptz) is
  'Of these campaigns those that a person changed within policy.person_hold_days: when last, and until when nothing is done against it (a budget that was cut is not raised, one that was raised is not cut, what was raised or switched on is not paused). Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.budget_use(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, share float8)
language plpgsql stable set search_path = '' set jit = off
as $$
-- Where the log of changes begins later than the day, the first budget that it knows stands in.
begin
  return query
  select c.id, u.share
  from public.autonomy_policy p
  cross join lateral (select (p_now at time zone p.time_zone)::date as today) k
  cross join unnest(p_ids) i (id)
  join public.campaigns c on c.id = i.id
  cross join lateral (
    select avg(d.share) as share, count(*) as days
    from (
      select x.spend / b.budget as share
      from (
        select m.day, m.spend::float8 as spend, m.day::timestamp at time zone p.time_zone as starts,
               (m.day + 1)::timestamp at time zone p.time_zone as ends
        from public.campaign_daily m
        where m.campaign_id = i.id and m.day < k.today and m.day >= k.today - 28) x
      left join lateral (
        select true as known, h.new_status as status, h.new_budget as budget from public.campaign_changes h
        where h.campaign_id = i.id and h.changed_at <= x.starts order by h.id desc limit 1) before on true
      left join lateral (
        select true as known, case when h.kind = 'created' then h.new_status else h.old_status end as status,
               case when h.kind = 'created' then h.new_budget else h.old_budget end as budget
        from public.campaign_changes h
        where h.campaign_id = i.id and h.changed_at > x.starts order by h.id limit 1) after on before.known is null
      cross join lateral (select
        case when before.known then before.status when after.known then after.status else c.status end as status,
        case when before.known then before.budget when after.known then after.budget else c.budget end as budget) b
      where c.created_at <= x.starts and lower(b.status) = 'active' and b.budget between 0.01 and 1e15
        and x.spend between 0 and 1e15
        and not exists (
          select from public.campaign_changes h
          where h.campaign_id = i.id and h.changed_at > x.starts and h.changed_at < x.ends and h.kind <> 'created'
            and (lower(h.old_status) = 'active' and lower(h.new_status) = 'active') is not true)
      order by x.day desc
      limit 3) d) u
  where u.days >= 2;
end $$;
comment on function public.budget_use(uuid[], timestamptz) is
  'Which part of its budget each campaign spends: the mean of the last three complete days (two at least, of 28) on which it was active throughout, each day''s spend over the budget in force when the day began. No row where that is not known. Only reads; safe to call again; raises nothing. [autonomous-operations]';

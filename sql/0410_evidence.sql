-- The evidence as it stands at a moment, and the prior that it is read with.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.evidence_expression() returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Evidence halves every evidence_half_life_days, also while no new data comes. Exponents are kept
-- where exp() and products neither over- nor underflow, which SQL raises as errors.
begin
  return $sql$ cross join lateral (select
      case when r.spend between -1e18 and 1e18
           then case when r.spend between -1e-9 and 1e-9 then 0::float8 else r.spend end end as spend,
      case when r.conversions between -1e18 and 1e18
           then case when r.conversions between -1e-9 and 1e-9 then 0::float8 else r.conversions end end as conversions,
      case when r.revenue between -1e18 and 1e18
           then case when r.revenue between -1e-9 and 1e-9 then 0::float8 else r.revenue end end as revenue,
      case when f.cv2 between 0 and 1e18 then f.cv2 end as cv2,
      coalesce(case when r.days between 0 and 1e18 then case when r.days <= 1e-9 then 0::float8 else r.days end end,
               0::float8) as days,
      case when f.has_history and isfinite(f.as_of) and r.delay > 0 and f.ev_immature_spend > 1e-100
           and f.ev_spend > 1e-9 then
        greatest(0::float8, least(1::float8, 1::float8
                                  - f.ev_immature_spend / f.ev_spend * exp(greatest(-50::float8, least(50::float8,
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
        from (select p.evidence_half_life_days::float8 as half_life, coalesce(
            (select a.conversion_delay_hours from public.autonomy_accounts a where a.account = c.account),
            p.conversion_delay_hours)::float8 as delay) k
        offset 0) h
      offset 0) r
    offset 0) e$sql$;
end $$;
comment on function autonomy.evidence_expression() is
  'SQL text that joins a campaign''s evidence as e, over campaigns c, campaign_facts f (perhaps null), '
  'autonomy_policy p and $1 (the moment). Pure. [autonomous-operations]';

create function autonomy.campaign_evidence(p_ids uuid[] default null, p_now timestamptz default now())
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
    || autonomy.evidence_expression()
    using p_now, p_ids;
end $$;
comment on function autonomy.campaign_evidence(uuid[], timestamptz) is
  'What each campaign (null: every one) has shown at p_now: faded sums where its history is known, else its totals. '
  'Unknown where a figure is missing or no sane number. Only reads; safe to call again. [autonomous-operations]';

create function autonomy.fitted_moments(
  p_ids uuid[], p_now timestamptz,
  out campaigns int, out order_value float8, out cv2 float8, out mean float8, out tau2 float8)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
-- Moments, weighted by how much each campaign says, and shrunk towards the default as if that
-- were twenty campaigns. autonomy/engine/prior.py says why each step is as it is.
begin
  with seen as materialized (
    select least(1e15, e.spend) as spend, greatest(0, least(1e15, coalesce(e.conversions, 0))) as n,
      greatest(0, least(1e15, coalesce(e.revenue, 0))) as revenue,
      case when e.cv2 is not null then least(1e4, e.cv2) end as cv2,
      greatest(1, least(1e6, e.days)) as days, e.matured_share as matured
    from autonomy.campaign_evidence(p_ids, p_now) e
    where e.spend > 0 and e.matured_share > 1e-12
  ),
  orders as (
    select count(*)::int as campaigns,
      greatest(0.01, least(1e9, coalesce(sum(revenue / (n + 2)) filter (where n > 0 and revenue > 0)
        / nullif(sum(n / (n + 2)) filter (where n > 0 and revenue > 0), 0), 50::float8))) as order_value,
      greatest(0.05,
               least(10, (coalesce(sum((n - 1) / (n + 9) * cv2) filter (where n >= 2 and cv2 is not null), 0) + 10)
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
    select c.weight, c.mean,
      ln(1 + greatest(0, sum(r.weight * ((r.roi - c.mean) ^ 2 - r.noise * c.mean)) / c.weight) / c.mean ^ 2) as tau2
    from rois r, centre c
    group by c.weight, c.mean
  )
  select o.campaigns, o.order_value, o.cv2,
    greatest(0.05, least(20, exp(s.weight * (ln(s.mean) - s.tau2 / 2) / (s.weight + 20)))),
    greatest(0.04, least(4, (s.weight * s.tau2 + 20 * 0.64::float8) / (s.weight + 20)))
  from orders o
  left join spread s on s.weight > 0
  into campaigns, order_value, cv2, mean, tau2;
end $$;
comment on function autonomy.fitted_moments(uuid[], timestamptz) is
  'What the evidence of the given campaigns (null: of all) says of orders and of how rois differ; mean and tau2 are '
  'null without any spend. A part of current_prior. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.current_prior(p_force boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s' set work_mem = '64MB'
as $$
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
  perform autonomy.moment_error(p_now);
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
  select m.campaigns, m.order_value, m.cv2, m.mean, m.tau2
  into v_campaigns, v_order_value, v_cv2, v_mean, v_tau2
  from autonomy.fitted_moments(v_ids, p_now) m;
  -- What orders are worth here is known from the first ones on; how rois differ, from five campaigns on.
  if v_campaigns < 5 or v_mean is null then
    v_mean := 1;
    v_tau2 := 0.64;
  end if;
  return jsonb_build_object('fitted', true, 'mean_roi', v_mean, 'tau2', v_tau2,
    'order_value', v_order_value, 'cv2', v_cv2, 'campaigns', v_campaigns);
end $$;
comment on function autonomy.current_prior(boolean, timestamptz) is
  'The prior of the confidence: the stored one (fitted: false) where it is less than an hour old and not p_force, '
  'else fitted to all campaigns that have spent. Only reads; safe to call again. Raises AO010 for a bad moment. '
  '[autonomous-operations]';

create function autonomy.prior_in_force(p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return autonomy.current_prior(p_now => p_now);
exception when others then
  -- what no fit can be made of leaves the last one in force, as in a run
  return (select jsonb_build_object('fitted', false, 'mean_roi', p.prior_mean_roi, 'tau2', p.prior_tau2,
            'order_value', p.prior_order_value, 'cv2', p.prior_cv2, 'campaigns', p.prior_campaigns)
          from public.autonomy_policy p);
end $$;
comment on function autonomy.prior_in_force(timestamptz) is
  'The prior that a run of this moment would judge by, whether or not it was fitted already. Only reads; safe to call '
  'again; raises nothing. [autonomous-operations]';

create function public.fit_portfolio_prior(p_force boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_prior jsonb;
begin
  perform autonomy.simulated_moment(p_now);
  v_prior := autonomy.current_prior(p_force, p_now);
  if (v_prior ->> 'fitted')::boolean then
    update public.autonomy_policy
    set prior_mean_roi = (v_prior ->> 'mean_roi')::float8, prior_tau2 = (v_prior ->> 'tau2')::float8,
        prior_order_value = (v_prior ->> 'order_value')::float8, prior_cv2 = (v_prior ->> 'cv2')::float8,
        prior_campaigns = (v_prior ->> 'campaigns')::int, prior_fitted_at = p_now;
  end if;
  return v_prior;
end $$;
comment on function public.fit_portfolio_prior(boolean, timestamptz) is
  'Fits the prior of the confidence to all campaigns that have spent and stores it in the policy; within an hour of '
  'the last time only with p_force. Safe to call again. Raises AO010 (no moment), AO014 (p_now is not the clock''s). '
  '[autonomous-operations]';

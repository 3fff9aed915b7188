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
           and r.counted > 1e-9 then
        greatest(0::float8, least(1::float8, 1::float8 - f.ev_immature_spend / r.counted
          * exp(greatest(-50::float8, least(50::float8,
          -(date_part('epoch', $1 - f.as_of) / 3600::float8) / r.delay)))))
        else 1::float8 end as matured_share,
      coalesce(f.has_history, false) as has_history,
      r.hours as hours_running,
      case when r.effective_spend between -1e18 and 1e18
           then case when r.effective_spend between -1e-9 and 1e-9 then 0::float8 else r.effective_spend end end
        as effective_spend
    from (select h.hours, h.delay, h.counted,
      case when f.has_history then f.ev_spend * h.fading else f.life_spend end as spend,
      case when f.has_history then h.counted * h.fading else f.life_spend end as effective_spend,
      case when f.has_history then f.ev_conversions * h.fading else f.life_conversions end as conversions,
      case when f.has_history then f.ev_revenue * h.fading else f.life_revenue end as revenue,
      case when f.has_history then f.ev_days * h.fading else h.hours / 24::float8 end as days
      from (select k.delay, coalesce(f.ev_effective_spend, f.ev_spend) as counted,
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
  matured_share float8, has_history boolean, hours_running float8, effective_spend float8)
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

create function autonomy.fitted_moments(p_keys text[], p_ids uuid[], p_order_values jsonb, p_now timestamptz)
returns table (key text, campaigns int, order_value float8, cv2 float8, mean float8, tau2 float8)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
-- Moments, weighted by how much each campaign says, and shrunk towards the default as if that
-- were twenty campaigns. autonomy/engine/prior.py says why each step is as it is.
begin
  return query
  with seen as materialized (
    select k.key, least(1e15, e.spend) as spend, greatest(0, least(1e15, coalesce(e.conversions, 0))) as n,
      greatest(0, least(1e15, coalesce(e.revenue, 0))) as revenue,
      case when e.cv2 is not null then least(1e4, e.cv2) end as cv2,
      greatest(1, least(1e6, e.days)) as days, e.matured_share as matured
    from unnest(p_keys, p_ids) k (key, id)
    join autonomy.campaign_evidence(p_ids, p_now) e on e.campaign_id = k.id
    where e.spend > 0 and e.matured_share > 1e-12
  ),
  orders as (
    select s.key, count(*)::int as campaigns,
      greatest(0.01, least(1e9, sum(revenue / (n + 2)) filter (where n > 0 and revenue > 0)
        / nullif(sum(n / (n + 2)) filter (where n > 0 and revenue > 0), 0))) as order_value,
      greatest(0.05,
               least(10, (coalesce(sum((n - 1) / (n + 9) * cv2) filter (where n >= 2 and cv2 is not null), 0) + 10)
        / (coalesce(sum((n - 1) / (n + 9)) filter (where n >= 2 and cv2 is not null), 0) + 20))) as cv2
    from seen s
    group by s.key
  ),
  known as (  -- least() and greatest() pass over null: without any order that is no order value
    select o.key, o.campaigns, o.cv2, case when x.has_orders then o.order_value end as order_value,
      case when x.has_orders then o.order_value
           else coalesce((p_order_values ->> o.key)::float8, 50::float8) end as order_value_used
    from orders o
    join (select s.key, bool_or(s.n > 0 and s.revenue > 0) as has_orders from seen s group by s.key) x using (key)
  ),
  rois as materialized (
    select s.key, least(50, s.revenue / m.spend) as roi,
           m.spend / k.k / (m.spend / k.k + 1 / 0.64::float8) as weight, k.k / m.spend as noise
    from seen s
    join known o using (key)
    cross join lateral (select s.spend * s.matured as spend) m
    -- foretold by spend alone: with the orders that came in it, winners would count less
    cross join lateral (select o.order_value_used
      * (1 + o.cv2 + 0.25::float8 * (m.spend / o.order_value_used) / s.days) as k) k
  ),
  centre as (
    select r.key, sum(weight) as weight, greatest(0.01, sum(weight * roi) / nullif(sum(weight), 0)) as mean
    from rois r group by r.key
  ),
  spread as (
    select c.key, c.weight, c.mean,
      ln(1 + greatest(0, sum(r.weight * ((r.roi - c.mean) ^ 2 - r.noise * c.mean)) / c.weight) / c.mean ^ 2) as tau2
    from rois r join centre c using (key)
    where c.weight > 0
    group by c.key, c.weight, c.mean
  )
  select k.key, k.campaigns, k.order_value, case when k.order_value is not null then k.cv2 end,
    case when k.campaigns >= 5 then
      greatest(0.05, least(20, exp(s.weight * (ln(s.mean) - s.tau2 / 2) / (s.weight + 20)))) end,
    case when k.campaigns >= 5 then
      greatest(0.04, least(4, (s.weight * s.tau2 + 20 * 0.64::float8) / (s.weight + 20))) end
  from known k
  left join spread s using (key);
end $$;
comment on function autonomy.fitted_moments(text[], uuid[], jsonb, timestamptz) is
  'What the evidence of campaigns says of orders and of how rois differ, for each group that p_keys names beside '
  'p_ids. Without orders order_value and cv2 are null, and p_order_values (by group) or 50 stand in; below five '
  'campaigns that have spent, mean and tau2 are. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.sampled_campaigns(out ids uuid[], out is_all boolean)
language plpgsql stable set search_path = ''
as $$
declare
  v_blocks float8 := pg_relation_size('public.campaign_facts') / 8192;
begin
  is_all := v_blocks <= 1000;
  if is_all then
    ids := array(select f.campaign_id from public.campaign_facts f);
  else
    ids := array(select f.campaign_id from public.campaign_facts f
                 tablesample system (100 * 1000 / v_blocks) repeatable (0));
  end if;
end $$;
comment on function autonomy.sampled_campaigns() is
  'The campaigns that priors are fitted to: all, of many some 9,000, by blocks and the same ones each time: reading a '
  'million takes longer than all the rest of a run. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.accounts_in_turn(p_sample uuid[], p_without text[])
returns table (account text, ids uuid[])
language sql stable set search_path = ''
as $$
  with changed as (
    select c.account, max(f.changed_at) as at
    from unnest(p_sample) i join public.campaigns c on c.id = i join public.campaign_facts f on f.campaign_id = i
    group by c.account
  ), waiting as (
    select a.account, row_number() over (order by coalesce(k.fitted_at, '-infinity') > '-infinity',
      coalesce(h.at > k.fitted_at, false) desc, k.fitted_at, a.account) as n
    from public.autonomy_accounts a
    left join autonomy.priors k on k.scope = 'account' and k.name = a.account
    left join changed h on h.account = a.account
    where a.account <> all (coalesce(p_without, '{}'))
    order by n limit 400
  )
  select w.account, w.ids
  from (select t.account, o.ids, sum(cardinality(o.ids)) over (order by t.n) - cardinality(o.ids) as before
        from waiting t
        cross join lateral (select array(
          select c.id from public.campaigns c where c.account = t.account limit 500) as ids) o) w
  where w.before < 20000
$$;
comment on function autonomy.accounts_in_turn(uuid[], text[]) is
  'The accounts, but for p_without, whose priors are fitted next, each with at most 500 of its campaigns and all with '
  'some 20,000. A part of fitted_priors. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.fitted_priors(p_now timestamptz) returns setof autonomy.priors
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
-- Where campaigns are too many to read, an account of which the sample holds 500 is fitted from that; of the others as
-- many as have 20,000 campaigns together, at most 500 of each: those never fitted first, then those that the sample
-- has seen change, then those fitted longest ago.
declare
  v_ids uuid[];
  v_accounts text[];
  v_currencies text[];
  v_all boolean;
  v_pools autonomy.priors[];
  v_usual jsonb;
  v_due text[];
  v_sample uuid[];
begin
  select s.ids, s.is_all into v_ids, v_all from autonomy.sampled_campaigns() s;
  select array_agg(c.id), array_agg(c.account), array_agg(coalesce(a.currency, ''))
  into v_ids, v_accounts, v_currencies
  from unnest(v_ids) i (id)
  join public.campaigns c on c.id = i.id
  left join public.autonomy_accounts a on a.account = c.account;

  v_pools := array(
    select row('currency', n.currency, coalesce(m.mean, 1), coalesce(m.tau2, 0.64), coalesce(m.order_value, 50),
               coalesce(m.cv2, 0.5), null, null, coalesce(m.campaigns, 0), p_now)::autonomy.priors
    from (select coalesce(a.currency, '') as currency from public.autonomy_accounts a union select '') n
    left join autonomy.fitted_moments(v_currencies, v_ids, '{}', p_now) m on m.key = n.currency);
  return query select w.* from unnest(v_pools) w;
  v_usual := (select jsonb_object_agg(a.account, w.order_value)
              from public.autonomy_accounts a join unnest(v_pools) w on w.name = coalesce(a.currency, ''));

  if not v_all then
    v_sample := v_ids;
    select array_agg(k.id), array_agg(k.account) into v_ids, v_accounts
    from (select *, count(*) over (partition by u.account) as n from unnest(v_ids, v_accounts) u (id, account)) k
    where k.n >= 500;
    select v_ids || array_agg(i) filter (where i is not null),
           v_accounts || array_agg(d.account) filter (where i is not null),
           array_agg(distinct d.account)
    into v_ids, v_accounts, v_due
    from autonomy.accounts_in_turn(v_sample, v_accounts) d left join unnest(d.ids) i on true;
  end if;
  return query
  select 'account', a.account, m.mean, m.tau2, m.order_value, m.cv2, null::float8, null::float8,
    coalesce(m.campaigns, 0), p_now
  from public.autonomy_accounts a
  left join autonomy.fitted_moments(v_accounts, v_ids, v_usual, p_now) m on m.key = a.account
  where v_all or m.key is not null or a.account = any (v_due);
end $$;
comment on function autonomy.fitted_priors(timestamptz) is
  'The priors fitted to the evidence as it stands: of each currency that accounts have, and of the accounts, of very '
  'many those whose turn it is. Only reads; safe to call again. [autonomous-operations]';

create function autonomy.account_targets()
returns table (account text, break_even float8, attribution float8,
               prior_mean_roi float8, prior_tau2 float8, prior_order_value float8, prior_cv2 float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select coalesce(a.account, ''), coalesce(a.target_roi, p.break_even_roi)::float8,
    coalesce(a.attribution_factor, 1)::float8,
    coalesce(k.mean_roi, w.mean_roi, p.prior_mean_roi), coalesce(k.tau2, w.tau2, p.prior_tau2),
    coalesce(k.order_value, w.order_value, p.prior_order_value), coalesce(k.cv2, w.cv2, p.prior_cv2)
  from public.autonomy_policy p
  cross join (
    select o.account, o.currency, o.target_roi, o.attribution_factor from public.autonomy_accounts o
    union all select null, null, null, null
    where not exists (select from public.autonomy_accounts o where o.account = '')) a
  left join autonomy.priors k on k.scope = 'account' and k.name = a.account
  left join autonomy.priors w on w.scope = 'currency' and w.name = coalesce(a.currency, '');
end $$;
comment on function autonomy.account_targets() is
  'What campaigns of each account are judged by, the prior as it was last fitted: for whoever asks about many. An '
  'empty name stands for campaigns without an account. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.priors_due(p_now timestamptz) returns boolean
language sql stable set search_path = ''
as $$
  select not (p.prior_fitted_at > p_now - interval '1 hour' and p.prior_fitted_at < p_now + interval '1 hour')
    or exists (select from autonomy.priors k where k.fitted_at = '-infinity')
    or exists (select from autonomy.priors) and exists (
      select from public.autonomy_accounts a where not exists (
        select from autonomy.priors k where k.scope = 'currency' and k.name = coalesce(a.currency, '')))
  from public.autonomy_policy p;
$$;
comment on function autonomy.priors_due(timestamptz) is
  'Whether the priors are to be fitted: an hour after the last time, or where an account''s currency or the value of '
  'its conversions has changed. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.priors_in_force(p_now timestamptz) returns setof autonomy.priors
language plpgsql stable set search_path = ''
as $$
declare
  v_fitted autonomy.priors[] := '{}';
begin
  begin
    if autonomy.priors_due(p_now) then
      v_fitted := array(select f from autonomy.fitted_priors(p_now) f);
    end if;
  exception when others then
    null;  -- what no fit can be made of leaves the last one in force, as in a run
  end;
  return query
  select * from unnest(v_fitted)
  union all
  select k.* from autonomy.priors k
  where not exists (select from unnest(v_fitted) f where f.scope = k.scope and f.name = k.name);
end $$;
comment on function autonomy.priors_in_force(timestamptz) is
  'The priors that a run of this moment would judge by, whether or not they were fitted already. Only reads; safe to '
  'call again; raises nothing. [autonomous-operations]';

create function autonomy.prior_of_all(p_priors autonomy.priors[]) returns autonomy.priors
language sql stable set search_path = ''
as $$
  select row('currency', '', coalesce(k.mean_roi, 1), coalesce(k.tau2, 0.64), coalesce(k.order_value, 50),
    coalesce(k.cv2, 0.5), k.order_spread, null, coalesce(k.campaigns, (
      select sum(u.campaigns) from unnest(p_priors) u where u.scope = 'currency'), 0), null)::autonomy.priors
  from (select autonomy.only_currency() as currency) o
  left join unnest(p_priors) k on k.scope = 'currency' and k.name = o.currency;
$$;
comment on function autonomy.prior_of_all(autonomy.priors[]) is
  'Of these priors the one that the policy keeps: that of the only currency there is; of several, which are never '
  'added up, the default. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.account_priors(p_accounts text[], p_now timestamptz)
returns table (account text, mean_roi float8, tau2 float8, order_value float8, cv2 float8, order_spread float8,
               curvature float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with priors as materialized (
    select * from autonomy.priors_in_force(p_now) f where p_now is not null
    union all
    select * from autonomy.priors k where p_now is null
  )
  select n.account, coalesce(k.mean_roi, w.mean_roi, p.prior_mean_roi), coalesce(k.tau2, w.tau2, p.prior_tau2),
    coalesce(k.order_value, w.order_value, p.prior_order_value), coalesce(k.cv2, w.cv2, p.prior_cv2),
    coalesce(k.order_spread, w.order_spread, p.prior_order_spread), coalesce(k.curvature, p.curvature)::float8
  from (select distinct coalesce(u, '') as account from unnest(p_accounts) u) n
  cross join public.autonomy_policy p
  left join public.autonomy_accounts a on a.account = n.account
  left join priors k on k.scope = 'account' and k.name = n.account
  left join priors w on w.scope = 'currency' and w.name = coalesce(a.currency, '');
end $$;
comment on function autonomy.account_priors(text[], timestamptz) is
  'What is known of a campaign of each of these accounts before its own figures: the account''s, else that of its '
  'currency, else the policy''s; as a run of p_now would fit it, or without p_now as it was last fitted. An empty name '
  'stands for campaigns without an account. Only reads; raises nothing. [autonomous-operations]';

create function public.autonomy_account_priors(p_account text default null, p_now timestamptz default null)
returns jsonb
language sql stable set search_path = ''
as $$
  select coalesce(jsonb_object_agg(f.account, to_jsonb(f) - 'account'), '{}')
  from autonomy.account_priors(array(
    select a.account from public.autonomy_accounts a where p_account is null or a.account = p_account
    union select ''), p_now) f;
$$;
comment on function public.autonomy_account_priors(text, timestamptz) is
  'The prior of each account (p_account: of that one) by its name, under an empty name that of campaigns without an '
  'account: {"mean_roi", "tau2", "order_value", "cv2", "order_spread", "curvature"}. With p_now as a run of that '
  'moment would fit it, else as fitted last. Reads only; safe to call again; raises nothing. [autonomous-operations]';

create function public.fit_portfolio_prior(p_force boolean default false, p_now timestamptz default now())
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_due boolean;
  v_fitted autonomy.priors[];
begin
  perform autonomy.simulated_moment(p_now);
  v_due := coalesce(p_force, false) or autonomy.priors_due(p_now);
  if v_due then
    v_fitted := array(select f from autonomy.fitted_priors(p_now) f);
    update public.autonomy_policy p
    set prior_mean_roi = k.mean_roi, prior_tau2 = k.tau2, prior_order_value = k.order_value, prior_cv2 = k.cv2,
        prior_order_spread = coalesce(k.order_spread, 0.16),
        prior_campaigns = k.campaigns, prior_fitted_at = p_now
    from autonomy.prior_of_all(v_fitted) k;
    insert into autonomy.priors as k
    select * from unnest(v_fitted) f
    on conflict (scope, name) do update set
      mean_roi = excluded.mean_roi, tau2 = excluded.tau2, order_value = excluded.order_value, cv2 = excluded.cv2,
      order_spread = excluded.order_spread, curvature = coalesce(excluded.curvature, k.curvature),
      campaigns = excluded.campaigns, fitted_at = excluded.fitted_at;
    delete from autonomy.priors k
    where k.scope = 'account' and not exists (select from public.autonomy_accounts a where a.account = k.name)
       or k.scope = 'currency' and not exists (
         select from unnest(v_fitted) f where f.scope = 'currency' and f.name = k.name);
  end if;
  return (
    select jsonb_build_object('fitted', v_due, 'mean_roi', p.prior_mean_roi, 'tau2', p.prior_tau2,
      'order_value', p.prior_order_value, 'cv2', p.prior_cv2, 'campaigns', p.prior_campaigns,
      'accounts', (select count(*) from unnest(v_fitted) f where f.scope = 'account'))
    from public.autonomy_policy p);
end $$;
comment on function public.fit_portfolio_prior(boolean, timestamptz) is
  'Fits the prior of the confidence, of each account and of all accounts of a currency, to what campaigns have spent '
  'and brought; that of the only currency stands in the policy, too. Within an hour of the last time only with '
  'p_force. Safe to call again. Raises AO010 (no moment), AO014 (p_now is not the clock''s). [autonomous-operations]';

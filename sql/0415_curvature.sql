-- How fast the campaigns of an account saturate, told from their own orders. autonomy/engine/curvature.py says why
-- each step is as it is.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.ln_gamma(p_x float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  x float8 := p_x;
  shift float8 := 0;
begin
  while x < 8 loop
    shift := shift + ln(x);
    x := x + 1;
  end loop;
  return (x - 0.5::float8) * ln(x) - x + 0.9189385332046727::float8
    + (1 / (12 * x) - 1 / (360 * x ^ 3) + 1 / (1260 * x ^ 5)) - shift;
end $$;
comment on function autonomy.ln_gamma(float8) is
  'The logarithm of the gamma function, for what is above 0. Pure. [autonomous-operations]';

create function autonomy.order_rate(
  p_exposure float8, p_orders float8, p_days float8, p_middle float8, p_spread float8,
  out rate float8, out variance float8)
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  k float8 := 1 + 0.25::float8 * p_orders / p_days;
  y float8 := p_orders / k;
  e float8 := p_exposure / k;
  q float8 := 1 / p_spread;
  u float8 := greatest(p_middle - 12, least(p_middle + 12, ln((y + q) / (e + q * exp(-p_middle)))));
  x float8;
begin
  for i in 1 .. 3 loop
    x := e * exp(u);
    u := u + (y - x - (u - p_middle) * q) / (x + q);
    u := greatest(p_middle - 12, least(p_middle + 12, u));
  end loop;
  rate := u;
  variance := 1 / (e * exp(u) + q);
end $$;
comment on function autonomy.order_rate(float8, float8, float8, float8, float8) is
  'ln of the orders that a unit of spend brings, its most probable value and its variance, given the middle and the '
  'variance of it among campaigns. A part of curvature_scores. Pure. [autonomous-operations]';

create type autonomy.told_days as (
  c int, campaign int, exposure float8, orders float8, days float8, arriving float8, found float8);
comment on type autonomy.told_days is
  'What the days of a campaign say under one curvature of the grid: a part of curvature_scores. '
  '[autonomous-operations]';

create function autonomy.told_of_days(
  p_campaigns int[], p_ages int[], p_spend float8[], p_orders float8[], p_budgets float8[],
  p_delay float8, p_half_life float8)
returns setof autonomy.told_days
language sql immutable set search_path = '' set jit = off
as $$
  with days as materialized (
    select d.campaign, d.age, d.spend, d.orders, d.budget, a.now - a.before as arriving, a.before as arrived,
      case when p_half_life > 0 then exp(-ln(2::float8) * (d.age - 1) / p_half_life) else 1 end as weight
    from unnest(p_campaigns, p_ages, p_spend, p_orders, p_budgets) d (campaign, age, spend, orders, budget)
    cross join lateral (select
      case when p_delay > 0 then 1 - exp(greatest(-600, -(d.age + 0.5::float8) * 24 / p_delay)) else 1 end as now,
      case when d.age = 0 then 0 when p_delay > 0 then 1 - exp(greatest(-600, -(d.age - 0.5::float8) * 24 / p_delay))
           else 1 end as before) a
  )
  select g.n::int, d.campaign, coalesce(sum(d.weight * s.spend * d.arrived) filter (where d.age > 0), 0),
    coalesce(sum(d.weight * d.orders) filter (where d.age > 0), 0),
    greatest(1, sum(d.weight) filter (where d.age > 0 and d.spend > 0)),
    sum(s.spend * d.arriving), sum(d.orders) filter (where d.age = 0)
  from days d
  cross join unnest('{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) with ordinality g (c, n)
  cross join lateral (select d.spend * (g.c + 1) / (g.c + d.budget) as spend) s
  group by g.n, d.campaign
  having bool_or(d.age = 0)
$$;
comment on function autonomy.told_of_days(int[], int[], float8[], float8[], float8[], float8, float8) is
  'What the days of each campaign that has a scored one (age 0) say under each curvature of the grid. A part of '
  'curvature_scores. Pure. [autonomous-operations]';

create function autonomy.curvature_scores(
  p_campaigns int[], p_ages int[], p_spend float8[], p_orders float8[], p_budgets float8[],
  p_delay float8, p_half_life float8, p_tau2 float8)
returns float8[]
language plpgsql immutable set search_path = '' set jit = off
as $$
declare
  v_told autonomy.told_days[] := array(
    select t from autonomy.told_of_days(
      p_campaigns, p_ages, p_spend, p_orders, p_budgets, p_delay, p_half_life) t);
  -- by the curvatures: ln of the orders a unit brings, of the middle campaign, and its variance among all
  v_middles float8[];
  v_spreads float8[] := array_fill(p_tau2, array[7]);
begin
  select array_agg(r.middle order by r.c) into v_middles
  from (select t.c, ln(sum(t.orders) / sum(t.exposure)) as middle from unnest(v_told) t
        group by t.c having sum(t.orders) > 1e-9 and sum(t.exposure) > 1e-9) r;
  if cardinality(v_middles) is distinct from 7 then
    return null;
  end if;
  for i in 1 .. 3 loop
    select array_agg(f.middle order by f.c), array_agg(f.spread order by f.c) into v_middles, v_spreads
    from (
      select m.c, m.middle,
        (5 * p_tau2 + sum((m.rate - m.middle) ^ 2 + m.variance)) / (5 + count(*)) as spread
      from (select t.c, r.rate, r.variance, avg(r.rate) over (partition by t.c) as middle
            from unnest(v_told) t
            cross join lateral autonomy.order_rate(
              t.exposure, t.orders, t.days, v_middles[t.c], v_spreads[t.c]) r
            where t.exposure > 1e-9) m
      group by m.c, m.middle) f;
  end loop;
  return (
    with forecasts as (
      select t.c, t.found, 1 / (0.25::float8 + exp(r.variance) - 1) as size, f.mu,
        min(f.mu) over (partition by t.campaign) as least
      from unnest(v_told) t
      cross join lateral autonomy.order_rate(t.exposure, t.orders, t.days, v_middles[t.c], v_spreads[t.c]) r
      cross join lateral (
        select t.arriving * exp(r.rate + r.variance ^ 2 / (2 * v_spreads[t.c])) as mu offset 0) f
    ),
    scores as (
      select f.c, sum(f.found * ln(f.mu / (f.mu + f.size)) - f.size * ln(1 + f.mu / f.size)
        + autonomy.ln_gamma(f.found + f.size) - autonomy.ln_gamma(f.size)) as score
      from forecasts f where f.least >= 1e-9
      group by f.c
    )
    select case when count(*) = 7 then array_agg(s.score order by s.c) end from scores s);
end $$;
comment on function autonomy.curvature_scores(int[], int[], float8[], float8[], float8[], float8, float8, float8) is
  'How well each curvature of the grid foretells the orders of a day (age 0) from the days before; null where they say '
  'nothing. A row of the arrays is a day of a campaign, budgets in units of the reference budget. Pure. '
  '[autonomous-operations]';

create function autonomy.mean_curvature(p_scores float8[]) returns float8
language sql immutable set search_path = ''
as $$
  select sum(exp(w.l - w.most) * ln(w.c)) / sum(exp(w.l - w.most))
  from (select u.c, u.l, max(u.l) over () as most
        from (select g.c, 0.3::float8 * s - (ln(g.c) - ln(2::float8)) ^ 2 / 1.28::float8 as l
              from unnest(p_scores, '{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) g (s, c)) u) w
$$;
comment on function autonomy.mean_curvature(float8[]) is
  'The mean of ln curvature, by these scores and what is believed before any. Pure. [autonomous-operations]';

create function autonomy.score_account(
  p_account text, p_after date, p_now timestamptz, out day date, out scores float8[])
language plpgsql stable set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_zone text := autonomy.account_zone(p_account);
  v_ids uuid[];
begin
  -- only where a budget differs do two curvatures foretell different things
  v_ids := array(
    select c.id from public.campaigns c
    join autonomy.reference_budgets r on r.campaign_id = c.id and r.budget > 0
    where left(c.account, 200) = left(p_account, 200) and c.account = p_account and c.budget > 0
      and exists (select from public.campaign_changes k
                  where k.campaign_id = c.id and k.kind <> 'created' and k.old_budget is distinct from k.new_budget
                    and k.new_budget > 0 and k.old_budget > 0 and k.changed_at > p_now - interval '70 days')
    order by c.id limit 500);
  -- the last day that has figures may not be over yet
  day := least((p_now at time zone v_zone)::date, (
    select max(d.day) from unnest(v_ids) i join public.campaign_daily d on d.campaign_id = i)) - 1;
  if day is null or day <= p_after then
    return;
  end if;
  select autonomy.curvature_scores(
    array_agg(i.n::int), array_agg(score_account.day - d.day), array_agg(d.spend::float8),
    array_agg(d.conversions::float8),
    array_agg(coalesce(b.budgets[width_bucket(d.day, b.days)], d.spend::float8 * r.budget_per_spend)
      / (r.budget::float8 * r.budget_per_spend)),
    autonomy.account_delay(p_account),
    v_policy.evidence_half_life_days::float8,
    greatest(0.04, coalesce((select k.tau2 from autonomy.priors k where k.scope = 'account' and k.name = p_account),
                            v_policy.prior_tau2)))
  into scores
  from unnest(v_ids) with ordinality i (id, n)
  join autonomy.reference_budgets r on r.campaign_id = i.id
  join autonomy.counted_days d on d.campaign_id = i.id
    and d.day between score_account.day - 69 and score_account.day
  left join autonomy.budgets_in_force(v_ids, array_fill(v_zone, array[cardinality(v_ids)])) b on b.campaign_id = i.id
  where d.spend between 0 and 1e12 and d.conversions between 0 and 1e9;
end $$;
comment on function autonomy.score_account(text, date, timestamptz) is
  'The last complete day of an account after p_after, and how well each curvature has foretold its orders, by at most '
  '500 campaigns whose budgets have changed within 70 days; null where there is none, or nothing to tell by. Only '
  'reads; raises nothing. [autonomous-operations]';

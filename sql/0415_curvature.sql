-- How fast the campaigns of an account saturate, told from their own orders. autonomy/engine/curvature.py says why
-- each step is as it is.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.curvatures (
  account text primary key,
  last_scored_day date,
  scores float8[] not null default '{0,0,0,0,0,0,0}',
  candidate float8,
  -- 32 bits are plenty: a count of days
  -- squawk-ignore prefer-bigint-over-int
  candidate_days integer not null default 0,
  since timestamptz,
  checked_at timestamptz not null
);
comment on table autonomy.curvatures is
  'Derived: how well each curvature has foretold the orders of each account, day by day; each day counts once. What is '
  'in use stands in priors. Kept by measure_curvatures. [autonomous-operations]';
comment on column autonomy.curvatures.last_scored_day is 'up to which day orders were compared with their forecasts';
comment on column autonomy.curvatures.scores is 'sums of log-likelihoods, of the curvatures 0.25, 0.5, 1, 2, 4, 8, 16';
comment on column autonomy.curvatures.candidate is 'the curvature that the scores speak for, where another is in use';
comment on column autonomy.curvatures.candidate_days is 'for how many scored days on end; from the third on it is used';
comment on column autonomy.curvatures.since is 'when the one in use came into use; null = none was measured yet';
comment on column autonomy.curvatures.checked_at is 'when it was last looked whether there is a day to score';

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

create function autonomy.forecast_orders(
  p_exposure float8, p_orders float8, p_days float8, p_arriving float8, p_rate float8, p_tau2 float8,
  out mu float8, out size float8)
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  k float8 := 1 + 0.25::float8 * p_orders / p_days;
  y float8 := p_orders / k;
  e float8 := p_exposure / k;
  q float8 := 1 / p_tau2;
  centre float8 := ln(p_rate);
  u float8 := greatest(centre - 12, least(centre + 12, ln((y + q) / (e + q / p_rate))));
  x float8;
  variance float8;
begin
  for i in 1 .. 3 loop
    x := e * exp(u);
    u := u + (y - x - (u - centre) * q) / (x + q);
    u := greatest(centre - 12, least(centre + 12, u));
  end loop;
  variance := 1 / (e * exp(u) + q);
  mu := p_arriving * exp(u + q * variance ^ 2 / 2);
  size := 1 / (0.25::float8 + exp(variance) - 1);
end $$;
comment on function autonomy.forecast_orders(float8, float8, float8, float8, float8, float8) is
  'The orders that are expected of what arrives, and the size of the negative binomial around them. A part of '
  'curvature_scores. Pure. [autonomous-operations]';

create function autonomy.curvature_scores(
  p_campaigns int[], p_ages int[], p_spend float8[], p_orders float8[], p_budgets float8[],
  p_delay float8, p_half_life float8, p_tau2 float8)
returns float8[]
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
  ),
  told as materialized (
    select g.n as c, d.campaign, sum(d.weight * s.spend * d.arrived) filter (where d.age > 0) as exposure,
      sum(d.weight * d.orders) filter (where d.age > 0) as orders,
      greatest(1, sum(d.weight) filter (where d.age > 0 and d.spend > 0)) as days,
      sum(s.spend * d.arriving) as arriving, sum(d.orders) filter (where d.age = 0) as found
    from days d
    cross join unnest('{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) with ordinality g (c, n)
    cross join lateral (select d.spend * (g.c + 1) / (g.c + d.budget) as spend) s
    group by g.n, d.campaign
    having bool_or(d.age = 0)
  ),
  rates as (
    select t.c, sum(t.orders) / sum(t.exposure) as rate from told t
    group by t.c having sum(t.orders) > 1e-9 and sum(t.exposure) > 1e-9
  ),
  forecasts as (
    select t.c, t.found, f.mu, f.size, min(f.mu) over (partition by t.campaign) as least
    from told t join rates r using (c)
    cross join lateral autonomy.forecast_orders(
      coalesce(t.exposure, 0), coalesce(t.orders, 0), t.days, t.arriving, r.rate, p_tau2) f
  ),
  scores as (
    select f.c, sum(f.found * ln(f.mu / (f.mu + f.size)) - f.size * ln(1 + f.mu / f.size)
      + autonomy.ln_gamma(f.found + f.size) - autonomy.ln_gamma(f.size)) as score
    from forecasts f where f.least >= 1e-9
    group by f.c
  )
  select case when count(*) = 7 then array_agg(s.score order by s.c) end from scores s
$$;
comment on function autonomy.curvature_scores(int[], int[], float8[], float8[], float8[], float8, float8, float8) is
  'How well each curvature of the grid foretells the orders of a day (age 0) from the days before; null where they say '
  'nothing. A row of the arrays is a day of a campaign, budgets in units of the reference budget. Pure. '
  '[autonomous-operations]';

create function autonomy.mean_curvature(p_scores float8[]) returns float8
language sql immutable set search_path = ''
as $$
  select sum(exp(w.l - w.most) * ln(w.c)) / sum(exp(w.l - w.most))
  from (select u.c, u.l, max(u.l) over () as most
        from (select g.c, 0.3::float8 * s - (ln(g.c) - ln(2::float8)) ^ 2 / 0.5::float8 as l
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

create function autonomy.use_curvature(p_account text, p_curvature float8) returns boolean
language plpgsql set search_path = ''
as $$
declare
  v_ids uuid[] := array(select c.id from public.campaigns c
                        where left(c.account, 200) = left(p_account, 200) and c.account = p_account limit 2001);
begin
  if cardinality(v_ids) > 2000 then
    return false;  -- more than a run may wait for: the policy's goes on
  end if;
  insert into autonomy.priors as k (scope, name, curvature, fitted_at)
  values ('account', p_account, p_curvature, '-infinity')
  on conflict (scope, name) do update set curvature = excluded.curvature;
  perform autonomy.refresh_campaign_facts(v_ids);
  return true;
end $$;
comment on function autonomy.use_curvature(text, float8) is
  'Takes another curvature into use and makes the facts of the account anew, in one transaction; false, and nothing is '
  'done, where it has more than 2,000 campaigns. Safe to call again. [autonomous-operations]';

create function autonomy.measure_curvature(p_account text, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  v_known autonomy.curvatures := (select k from autonomy.curvatures k where k.account = p_account);
  v_used float8 := (select a.curvature from autonomy.account_priors(array[p_account], null) a);
  v_day date;
  v_scores float8[];
  v_mean float8;
begin
  select s.day, s.scores into v_day, v_scores from autonomy.score_account(p_account, v_known.last_scored_day, p_now) s;
  v_known.account := p_account;
  v_known.checked_at := p_now;
  v_known.scores := coalesce(v_known.scores, array_fill(0::float8, array[7]));
  v_known.candidate_days := coalesce(v_known.candidate_days, 0);
  if v_scores is not null then
    v_known.last_scored_day := v_day;
    v_known.scores := array(select o + n from unnest(v_known.scores, v_scores) with ordinality u (o, n, i) order by i);
    v_mean := autonomy.mean_curvature(v_known.scores);
    -- the nearest of the grid; sums that are stored stay valid for as long as it stays
    select c, case when c = v_known.candidate then v_known.candidate_days + 1 else 1 end
    into v_known.candidate, v_known.candidate_days
    from unnest('{0.25, 0.5, 1, 2, 4, 8, 16}'::float8[]) c order by abs(ln(c) - v_mean), c limit 1;
    if v_known.candidate = v_used or abs(v_mean - ln(v_used)) <= 0.2 then
      v_known.candidate := null;
      v_known.candidate_days := 0;
    elsif v_known.candidate_days >= 3 and autonomy.use_curvature(p_account, v_known.candidate) then
      v_known.candidate := null;
      v_known.candidate_days := 0;
      v_known.since := p_now;
    end if;
  end if;
  delete from autonomy.curvatures k where k.account = p_account;
  insert into autonomy.curvatures select v_known.*;
end $$;
comment on function autonomy.measure_curvature(text, timestamptz) is
  'Scores the last complete day of an account, if it was not yet, and takes another curvature into use where the '
  'scores have spoken for it on three days on end. Safe to call again. [autonomous-operations]';

create function autonomy.measure_curvatures(p_now timestamptz) returns void
language plpgsql set search_path = '' set lock_timeout = '2s'
as $$
declare
  v_account text;
  v_until timestamptz := clock_timestamp() + interval '1 second';
begin
  for v_account in
    select a.account from public.autonomy_accounts a left join autonomy.curvatures k on k.account = a.account
    where (k.checked_at > p_now - interval '6 hours' and k.checked_at < p_now + interval '6 hours') is not true
    order by k.checked_at nulls first, a.account limit 200
  loop
    perform autonomy.measure_curvature(v_account, p_now);
    exit when clock_timestamp() > v_until;
  end loop;
  delete from autonomy.curvatures k
  where not exists (select from public.autonomy_accounts a where a.account = k.account);
end $$;
comment on function autonomy.measure_curvatures(timestamptz) is
  'Measures the curvature of the accounts that were not looked at for six hours, for a second at most, those that have '
  'waited longest first. A part of prepare_run. Safe to call again. [autonomous-operations]';

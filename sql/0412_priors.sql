-- What is known of a campaign before its own figures, fitted to what all of them have shown.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.prior_score(
  p_orders float8[], p_exposures float8[], p_sizes float8[], p_mean float8, p_tau float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  q constant float8 := exp(-2::float8 * p_tau);
  away constant float8 := q * exp(-p_mean);
  n float8;
  e float8;
  r float8;
  nr float8;
  unit float8;
  x float8;
  mu float8;
  p float8;
  total float8 := -((p_mean / 0.5::float8) ^ 2 + ((p_tau - ln(0.7::float8)) / 0.35::float8) ^ 2) / 2::float8;
begin
  for i in 1 .. cardinality(p_orders) loop
    n := p_orders[i];
    e := p_exposures[i];
    r := p_sizes[i];
    nr := n + r;
    unit := nr / r;
    x := greatest(p_mean - 12::float8, least(p_mean + 12::float8, ln((n + unit * q) / (e + unit * away))));
    for j in 1 .. 2 loop
      mu := e * exp(x);
      p := mu / (r + mu);
      x := greatest(p_mean - 12::float8, least(p_mean + 12::float8,
        x + (n - nr * p - q * (x - p_mean)) / (nr * p * (1::float8 - p) + q)));
    end loop;
    mu := e * exp(x);
    p := mu / (r + mu);
    total := total + n * x - nr * ln(1::float8 + mu / r)
      - (q * (x - p_mean) * (x - p_mean) + ln(nr * p * (1::float8 - p) / q + 1::float8)) / 2::float8;
  end loop;
  return total;
end $$;
comment on function autonomy.prior_score(float8[], float8[], float8[], float8, float8) is
  'ln of the likelihood of a portfolio, but for what is the same everywhere: its orders, how many there would be at a '
  'roi of 1 and the sizes of the counts, given ln of the median roi and ln tau. Pure. [autonomous-operations]';

create function autonomy.likeliest_prior(p_orders float8[], p_exposures float8[], p_sizes float8[]) returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_centre constant float8 := greatest(-3::float8, least(3::float8, ln(
    ((select sum(o) from unnest(p_orders) o) + 1::float8) / ((select sum(e) from unnest(p_exposures) e) + 1::float8))));
  v_scores float8[] := '{}';  -- 13 of ln roi for each of 7 of ln tau
  v_best integer;
  v_mean integer;
  v_tau integer;
  v_bend float8;
  v_means float8 := 0;  -- the vertex, in steps from the best point
  v_taus float8 := 0;
begin
  for t in 0 .. 6 loop
    for m in 0 .. 12 loop
      v_scores := v_scores || autonomy.prior_score(
        p_orders, p_exposures, p_sizes, v_centre + 0.25::float8 * (m - 6), ln(0.7::float8) + 0.35::float8 * (t - 3));
    end loop;
  end loop;
  v_best := (select i from unnest(v_scores) with ordinality s (score, i) order by score desc, i limit 1);
  v_tau := (v_best - 1) / 13;
  v_mean := v_best - 1 - 13 * v_tau;
  if v_mean between 1 and 11 then
    v_bend := v_scores[v_best - 1] - 2::float8 * v_scores[v_best] + v_scores[v_best + 1];
    v_means := case when v_bend < -1e-9::float8
      then (v_scores[v_best - 1] - v_scores[v_best + 1]) / (2::float8 * v_bend) else 0::float8 end;
  end if;
  if v_tau between 1 and 5 then
    v_bend := v_scores[v_best - 13] - 2::float8 * v_scores[v_best] + v_scores[v_best + 13];
    v_taus := case when v_bend < -1e-9::float8
      then (v_scores[v_best - 13] - v_scores[v_best + 13]) / (2::float8 * v_bend) else 0::float8 end;
  end if;
  return array[v_centre + 0.25::float8 * (v_mean - 6) + 0.25::float8 * v_means,
               ln(0.7::float8) + 0.35::float8 * (v_tau - 3) + 0.35::float8 * v_taus];
end $$;
comment on function autonomy.likeliest_prior(float8[], float8[], float8[]) is
  'ln of the median roi and ln tau that are likeliest for a portfolio, from its campaigns'' orders, how many there '
  'would be at a roi of 1 and the sizes of the counts. Pure. [autonomous-operations]';

create function autonomy.scatter_of_days(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, squares float8, orders float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select d.campaign_id,
    greatest(0::float8, (d.r2 - 2::float8 * (d.r / d.n) * d.nr) / ((d.r / d.n) * (d.r / d.n)) + d.n2),
    greatest(0::float8, d.n - d.n2 / d.n)
  from (
    select k.campaign_id, sum(k.n) as n, sum(k.n * k.n) as n2, sum(k.r) as r, sum(k.r * k.r) as r2, sum(k.n * k.r) as nr
    from (
      select c.campaign_id, c.conversions::float8 as n, c.revenue::float8 as r
      from unnest(p_ids) i join autonomy.counted_days c on c.campaign_id = i
      where c.day > (p_now - interval '90 days')::date and c.conversions > 0) k
    group by k.campaign_id) d
  where d.n between 5 and 1e15 and d.r > 1e-9 and d.r <= 1e15;
end $$;
comment on function autonomy.scatter_of_days(uuid[], timestamptz) is
  'What the days of each campaign say of cv2, where it has orders enough: squares / orders is a guess of it. Only '
  'reads; raises nothing. [autonomous-operations]';

create function autonomy.fitted_moments(p_keys text[], p_ids uuid[], p_usual jsonb, p_now timestamptz)
returns table (key text, campaigns int, order_value float8, cv2 float8, order_spread float8, mean float8, tau2 float8)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
-- autonomy/engine/prior.py says why each step is as it is.
declare
  v_half_life constant float8 := (select p.evidence_half_life_days from public.autonomy_policy p);
begin
  return query
  with seen as materialized (
    select * from (
      select k.key, e.campaign_id as id, w.spend,
        greatest(0, least(1e15::float8, coalesce(e.conversions, 0))) as n,
        greatest(0, least(1e15::float8, coalesce(e.revenue, 0))) as revenue,
        e.cv2, e.days, e.matured_share as matured, e.has_history,
        row_number() over (partition by k.key order by e.campaign_id) as place
      from unnest(p_keys, p_ids) k (key, id)
      join autonomy.campaign_evidence(p_ids, p_now) e on e.campaign_id = k.id
      cross join lateral (select case when coalesce(e.effective_spend, e.spend) > 1e-9
        then least(1e15::float8, coalesce(e.effective_spend, e.spend)) end as spend) w
      where e.matured_share > 1e-30 and w.spend * e.matured_share > 1e-9
        and not exists (select from autonomy.suspect_days x where x.campaign_id = e.campaign_id)) s
    where s.place <= 500
  ),
  scattered as (
    select s.key, sum(d.squares) as squares, sum(d.orders) as orders
    from seen s join autonomy.scatter_of_days(array(select i.id from seen i), p_now) d on d.campaign_id = s.id
    group by s.key
  ),
  told as (
    select s.key, count(*)::int as campaigns, bool_or(s.n >= 0.5 and s.revenue > 1e-9) as sold,
      sum((s.n - 1) * least(100::float8, s.cv2)) filter (where s.n >= 2 and s.cv2 >= 0) as squares,
      sum(s.n - 1) filter (where s.n >= 2 and s.cv2 >= 0) as orders
    from seen s group by s.key
  ),
  usual as (
    select t.*, coalesce((p_usual #>> array[t.key, 'order_value'])::float8, 50) as usual_value,
      coalesce((p_usual #>> array[t.key, 'cv2'])::float8, 1.5) as usual_cv2,
      coalesce((p_usual #>> array[t.key, 'order_spread'])::float8, 0.16) as usual_spread,
      case when t.sold and coalesce(d.orders, 0) + coalesce(t.orders, 0) > 1e-9 then
        greatest(0.05, least(10, (coalesce(d.squares, 0) + coalesce(t.squares, 0) + 10)
                             / (coalesce(d.orders, 0) + coalesce(t.orders, 0) + 20))) end as cv2
    from told t left join scattered d using (key)
  ),
  sold as materialized (
    select s.key, s.n, s.revenue, u.cv2, s.n / (s.n + u.cv2 / 0.16) as weight, ln(s.revenue / s.n) as value
    from seen s join (select v.key, coalesce(v.cv2, v.usual_cv2) as cv2 from usual v) u using (key)
    where s.n >= 0.5 and s.revenue > 1e-9
  ),
  centre as (
    select o.key, sum(o.weight) as weight, sum(o.weight * o.value) / sum(o.weight) as value
    from sold o where o.n >= 5 group by o.key
  ),
  spread as (
    select o.key, greatest(0.05, least(2, (greatest(0, coalesce(sum(
        o.weight * ((o.value - c.value) * (o.value - c.value) - ln(1 + o.cv2 / o.n))), 0)) + 1.6::float8)
      / (coalesce(min(c.weight), 0) + 10))) as spread
    from sold o left join centre c on c.key = o.key and o.n >= 5
    group by o.key
  ),
  valued as (
    select o.key, least(2, s.spread * (1 + 2 / sum(o.n / (o.n + o.cv2 / s.spread)))) as spread,
      greatest(0.01, least(1e9, exp(-0.08::float8)
        * sum(o.revenue / (o.n + o.cv2 / s.spread)) / sum(o.n / (o.n + o.cv2 / s.spread)))) as value
    from sold o join spread s using (key)
    group by o.key, s.spread
  ),
  counted as (
    select s.key, array_agg(least(f.o[3], 50 * f.o[6] / f.o[4]) * w.whole order by s.id) as orders,
      array_agg(f.o[6] / f.o[4] * w.whole order by s.id) as exposures,
      array_agg(1 / (0.25::float8 / (d.days * w.whole) + greatest(1e-9, f.o[5])) order by s.id) as sizes
    from seen s
    join usual u using (key)
    left join valued v using (key)
    cross join lateral (select autonomy.roi_posterior(
      s.spend, s.n, s.revenue, s.cv2, s.days, s.matured, 1, 0.64, coalesce(v.value, u.usual_value),
      case when v.value is null then u.usual_cv2 else coalesce(u.cv2, u.usual_cv2) end,
      coalesce(v.spread, u.usual_spread)) as o offset 0) f
    cross join lateral (select greatest(1, least(1e6::float8, s.days)) as days offset 0) d
    -- totals do not fade
    cross join lateral (select autonomy.fullness(d.days, case when s.has_history then v_half_life end) as whole
                        offset 0) w
    where s.matured >= 0.8
    group by s.key
  ),
  likeliest as (
    select c.key, autonomy.likeliest_prior(c.orders, c.exposures, c.sizes) as prior
    from counted c where cardinality(c.orders) >= 5
  )
  select u.key, u.campaigns, v.value, u.cv2, v.spread,
    -- least() and greatest() pass over null
    case when l.key is not null then greatest(0.05, least(20, exp(l.prior[1]))) end,
    case when l.key is not null then greatest(0.04, least(4, exp(2 * l.prior[2]))) end
  from usual u
  left join valued v using (key)
  left join likeliest l using (key);
end $$;
comment on function autonomy.fitted_moments(text[], uuid[], jsonb, timestamptz) is
  'What the evidence of campaigns says of orders and of how rois differ, for each group that p_keys names beside '
  'p_ids, from 500 of each. Without orders order_value, order_spread and cv2 are null, and p_usual (by group) or the '
  'default stand in; below five campaigns that have spent, mean and tau2 are. Campaigns in doubt say '
  'nothing. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.sampled_campaigns() returns uuid[]
language plpgsql stable set search_path = ''
as $$
declare
  v_blocks float8 := pg_relation_size('public.campaign_facts') / 8192;
  v_ids uuid[];
begin
  if v_blocks > 1000 then
    v_ids := array(select f.campaign_id from public.campaign_facts f
                   tablesample system (100 * 1000 / v_blocks) repeatable (0));
  end if;
  -- Blocks that are mostly empty (what was deleted or rolled back) hold next to nothing, and say nothing of the rest.
  if cardinality(v_ids) >= 5000 then
    return v_ids;
  end if;
  return array(select f.campaign_id from public.campaign_facts f order by f.campaign_id limit 9000);
end $$;
comment on function autonomy.sampled_campaigns() is
  'The campaigns that priors are fitted to: all, of many some 9,000, by blocks and the same ones each time: reading a '
  'million takes longer than all the rest of a run. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.prior_is_due(p_prior autonomy.priors, p_now timestamptz) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  return coalesce(p_prior.order_value is null or p_prior.campaigns < 5
    or p_prior.fitted_at not between p_now - interval '23 hours 30 minutes' and p_now + interval '1 hour', true);
end $$;
comment on function autonomy.prior_is_due(autonomy.priors, timestamptz) is
  'Whether a prior is to be fitted anew: once a day, at each fit while there is little to go by. Computes only. '
  '[autonomous-operations]';

create function autonomy.accounts_in_turn(p_sample uuid[], p_now timestamptz default 'infinity')
returns table (account text, ids uuid[])
language sql stable set search_path = ''
as $$
  with sampled as (
    select c.account, max(f.changed_at) as at, count(*) as n, (array_agg(c.id order by c.id))[:500] as ids
    from unnest(p_sample) i join public.campaigns c on c.id = i join public.campaign_facts f on f.campaign_id = i
    group by c.account
  ), waiting as (
    select a.account, case when h.n >= 500 then h.ids end as ids,
      row_number() over (order by coalesce(k.fitted_at, '-infinity') > '-infinity',
        coalesce(h.at > k.fitted_at, false) desc, k.fitted_at, a.account) as n
    from public.autonomy_accounts a
    left join autonomy.priors k on k.scope = 'account' and k.name = a.account
    left join sampled h on h.account = a.account
    where autonomy.prior_is_due(k, p_now)
    order by n limit 400
  )
  select w.account, w.ids
  from (select t.account, o.ids, sum(cardinality(o.ids)) over (order by t.n) - cardinality(o.ids) as before
        from waiting t
        cross join lateral (select coalesce(t.ids, array(
          select c.id from public.campaigns c where c.account = t.account limit 500)) as ids) o) w
  where w.before < 4000
$$;
comment on function autonomy.accounts_in_turn(uuid[], timestamptz) is
  'The accounts whose priors are fitted next, each with at most 500 of its campaigns and all with some 4,000, which '
  'takes a second at most: those never fitted first, then those that the sample has seen change, then those fitted '
  'longest ago. A part of fitted_priors. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.fitted_priors(p_now timestamptz, p_force boolean default false)
returns setof autonomy.priors
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
declare
  v_sample uuid[] := autonomy.sampled_campaigns();
  v_ids uuid[];
  v_keys text[];
  v_pools autonomy.priors[];
  v_usual jsonb;
begin
  select array_agg(c.id), array_agg(coalesce(a.currency, '')) into v_ids, v_keys
  from unnest(v_sample) i
  join public.campaigns c on c.id = i
  left join public.autonomy_accounts a on a.account = c.account
  left join autonomy.priors k on k.scope = 'currency' and k.name = coalesce(a.currency, '')
  where p_force or autonomy.prior_is_due(k, p_now);
  v_pools := array(
    select case when p_force or autonomy.prior_is_due(k, p_now) then row(
      'currency', n.currency, coalesce(m.mean, 1), coalesce(m.tau2, 0.64), coalesce(m.order_value, 50),
      coalesce(m.cv2, 1.5), coalesce(m.order_spread, 0.16), null::float8, null::float8,
      coalesce(m.campaigns, 0), p_now)::autonomy.priors
      else k end
    from (select coalesce(a.currency, '') as currency from public.autonomy_accounts a union select '') n
    left join autonomy.priors k on k.scope = 'currency' and k.name = n.currency
    left join autonomy.fitted_moments(v_keys, v_ids, '{}', p_now) m on m.key = n.currency);
  return query select w.* from unnest(v_pools) w;

  v_usual := (
    select jsonb_object_agg(a.account, jsonb_build_object(
      'order_value', w.order_value, 'cv2', w.cv2, 'order_spread', w.order_spread))
    from public.autonomy_accounts a join unnest(v_pools) w on w.name = coalesce(a.currency, ''));
  return query
  with due as materialized (
    select * from autonomy.accounts_in_turn(v_sample, case when p_force then 'infinity' else p_now end)
  ), one as materialized (
    select array_agg(i order by i) as ids, array_agg(d.account order by i) as keys
    from due d cross join lateral unnest(d.ids) i
  )
  select 'account', d.account, m.mean, m.tau2, m.order_value, m.cv2, m.order_spread, k.curvature, k.delay_hours,
         coalesce(m.campaigns, 0), p_now
  from due d
  left join autonomy.priors k on k.scope = 'account' and k.name = d.account
  left join (select f.* from one o cross join lateral autonomy.fitted_moments(o.keys, o.ids, v_usual, p_now) f) m
    on m.key = d.account;
end $$;
comment on function autonomy.fitted_priors(timestamptz, boolean) is
  'The priors fitted to the evidence as it stands: of each currency that accounts have (as it is, where it was fitted '
  'within a day), and of the accounts whose turn it is; with p_force whether or not a day has passed. Only reads; safe '
  'to call again. [autonomous-operations]';

create function autonomy.account_targets()
returns table (account text, break_even float8, attribution float8,
               prior_mean_roi float8, prior_tau2 float8, prior_order_value float8, prior_cv2 float8,
               prior_order_spread float8, delay float8, curvature float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select coalesce(a.account, ''), coalesce(a.target_roi, p.break_even_roi)::float8,
    coalesce(a.attribution_factor, 1)::float8,
    coalesce(k.mean_roi, w.mean_roi, p.prior_mean_roi), coalesce(k.tau2, w.tau2, p.prior_tau2),
    coalesce(k.order_value, w.order_value, p.prior_order_value), coalesce(k.cv2, w.cv2, p.prior_cv2),
    coalesce(k.order_spread, w.order_spread, p.prior_order_spread),
    coalesce(a.conversion_delay_hours::float8, k.delay_hours, p.conversion_delay_hours::float8),
    coalesce(a.curvature::float8, k.curvature, p.curvature::float8)
  from public.autonomy_policy p
  cross join (
    select o.account, o.currency, o.target_roi, o.attribution_factor, o.conversion_delay_hours, o.curvature
    from public.autonomy_accounts o
    union all select null, null, null, null, null, null
    where not exists (select from public.autonomy_accounts o where o.account = '')) a
  left join autonomy.priors k on k.scope = 'account' and k.name = a.account
  left join autonomy.priors w on w.scope = 'currency' and w.name = coalesce(a.currency, '');
end $$;
comment on function autonomy.account_targets() is
  'What campaigns of each account are judged by, the prior as it was last fitted, how late their conversions come and '
  'how fast they saturate: for whoever asks about many. An empty name stands for campaigns without an account. Only '
  'reads; raises nothing. '
  '[autonomous-operations]';

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
    coalesce(k.cv2, 1.5), coalesce(k.order_spread, 0.16), null::float8, null::float8, coalesce(k.campaigns, (
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
    coalesce(k.order_spread, w.order_spread, p.prior_order_spread),
    coalesce(a.curvature::float8, k.curvature, p.curvature::float8)
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
    v_fitted := array(select f from autonomy.fitted_priors(p_now, coalesce(p_force, false)) f);
    update public.autonomy_policy p
    set prior_mean_roi = k.mean_roi, prior_tau2 = k.tau2, prior_order_value = k.order_value, prior_cv2 = k.cv2,
        prior_order_spread = k.order_spread, prior_campaigns = k.campaigns, prior_fitted_at = p_now
    from autonomy.prior_of_all(v_fitted) k;
    insert into autonomy.priors as k
    select * from unnest(v_fitted) f
    on conflict (scope, name) do update set
      mean_roi = excluded.mean_roi, tau2 = excluded.tau2, order_value = excluded.order_value, cv2 = excluded.cv2,
      order_spread = excluded.order_spread, campaigns = excluded.campaigns, fitted_at = excluded.fitted_at;
    delete from autonomy.priors k
    where k.scope = 'account' and not exists (select from public.autonomy_accounts a where a.account = k.name)
       or k.scope = 'currency' and not exists (
         select from unnest(v_fitted) f where f.scope = 'currency' and f.name = k.name);
  end if;
  return (
    select jsonb_build_object('fitted', v_due, 'mean_roi', p.prior_mean_roi, 'tau2', p.prior_tau2,
      'order_value', p.prior_order_value, 'cv2', p.prior_cv2, 'order_spread', p.prior_order_spread,
      'campaigns', p.prior_campaigns,
      'accounts', (select count(*) from unnest(v_fitted) f where f.scope = 'account'))
    from public.autonomy_policy p);
end $$;
comment on function public.fit_portfolio_prior(boolean, timestamptz) is
  'Fits the prior of the confidence, of each account and of all accounts of a currency, to what campaigns have spent '
  'and brought; that of the only currency stands in the policy, too. Within an hour of the last time only with '
  'p_force; each once a day, more often while there is little to go by. Safe to call again. '
  'Raises AO010 (no moment), AO014 (p_now is not the clock''s). [autonomous-operations]';

-- Opportunities: six detectors, and the life of what they find. Safe to run again.
--
-- A list of problems is worth reading only while its alarms are true. So each detector has hard
-- limits that a person understands, and behind them a test that knows how much such figures move
-- by themselves. Where days are compared, only complete days count: a detector that is asked every
-- hour then looks at each day once, and 168 runs a week are seven looks and not 168.
-- What the settings achieve stands in docs/detectors.md, measured by tests/benchmarks/detectors.py.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.opportunity_detection (
  id boolean primary key default true check (id),
  changes_seen_until timestamptz not null default '-infinity',
  full_pass_day date,
  full_pass_after uuid
);
comment on table autonomy.opportunity_detection is
  'One row: how far the detection of opportunities has come. Without the row the next run looks at everything. '
  '[autonomous-operations]';
comment on column autonomy.opportunity_detection.changes_seen_until is
  'facts changed later than this are looked at by the next run';
comment on column autonomy.opportunity_detection.full_pass_day is
  'the day (of policy.time_zone) of the last pass over every campaign';
comment on column autonomy.opportunity_detection.full_pass_after is
  'the last campaign of a pass that ran out of time; the next run goes on behind it';

create function autonomy.severity_rank(p_severity text) returns integer
language sql immutable parallel safe set search_path = ''
as $$
  select case lower(p_severity) when 'critical' then 1 when 'high' then 2 when 'medium' then 3
              when 'low' then 4 else 5 end
$$;
comment on function autonomy.severity_rank(text) is
  'critical 1, high 2, medium 3, low 4: what severities are sorted by. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.normal_probability(p_z float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_z float8 := greatest(-8::float8, least(8::float8, p_z));
begin
  return 1::float8 / (1::float8 + exp(-v_z * (1.5976::float8 + 0.07056::float8 * v_z * v_z)));
end $$;
comment on function autonomy.normal_probability(float8) is
  'The probability that a standard normal figure is below z (error under 0.0002). Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.student_to_normal(p_t float8, p_freedom float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return p_t * (1::float8 - 1::float8 / (4::float8 * p_freedom))
    / sqrt(1::float8 + p_t * p_t / (2::float8 * p_freedom));
end $$;
comment on function autonomy.student_to_normal(float8, float8) is
  'The normal figure as rare as Student''s t with so many degrees of freedom (Hill''s approximation). Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.hour_ranges(p_hours integer[]) returns text
language sql immutable parallel safe set search_path = ''
as $$
  select string_agg(to_char(first_hour, 'FM00') || ':00-' || to_char(last_hour + 1, 'FM00') || ':00',
                    ', ' order by first_hour)
  from (
    select min(h) as first_hour, max(h) as last_hour
    from (select h, h - row_number() over (order by h) as island
          from (select distinct unnest(p_hours) as h) hours) islands
    group by island
  ) ranges
$$;
comment on function autonomy.hour_ranges(integer[]) is
  'Hours of a day in words: {1,2,3,9} is 01:00-04:00, 09:00-10:00. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.weak_hours(p_pools jsonb) returns jsonb
language sql immutable parallel safe set search_path = ''
as $$
  with pools as materialized (
    select * from jsonb_to_recordset(p_pools) p (weekend boolean, dow integer, h6 integer,
                                                 h3 integer, hour integer, weak boolean,
      below boolean, clicks float8, conversions float8, spend float8, revenue float8)
  ), named as materialized (
    -- Of a weak pool, the hours whose own figure (over the pool's days) is below half.
    select distinct h.dow, h.hour, h.clicks, h.conversions, h.spend, h.revenue
    from pools g
    join pools h on h.dow is not null and h.hour is not null
      and (g.dow is null or g.dow = h.dow) and (g.weekend is null or g.weekend = h.weekend)
      and (g.hour is null or g.hour = h.hour) and (g.h3 is null or g.h3 = h.hour / 3)
        and (g.h6 is null or g.h6 = h.hour / 6)
    join pools own on own.below and own.hour = h.hour and own.dow is not distinct from g.dow
      and own.weekend is not distinct from g.weekend
    where g.weak
  ), days as (
    select array_agg(d.dow order by d.dow) as dows, d.hours
    from (select n.dow, array_agg(n.hour order by n.hour) as hours from named n group by n.dow) d
    group by d.hours
  ), words as (
    select d.dows, d.hours,
           case d.dows when '{1,2,3,4,5,6,7}' then 'every day' when '{1,2,3,4,5}' then 'Mon-Fri'
             else (select string_agg((array['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[x], ', ' order by x)
                   from unnest(d.dows) x) end as names
    from days d
  ), best as (
    -- Rates drawn a little to the mean, so that one lucky click makes no peak.
    select h.hour from pools h
    cross join (select sum(conversions) / nullif(sum(clicks), 0) as rate from pools
                where dow is not null and hour is not null) a
    where h.hour is not null and h.dow is null and h.weekend is null and not h.below
    order by (h.conversions + 20 * a.rate) / (h.clicks + 20) desc, h.hour limit 3
  )
  select jsonb_build_object(
    'clicks', sum(n.clicks), 'conversions', sum(n.conversions), 'spend', sum(n.spend), 'revenue', sum(n.revenue),
    'words', (select string_agg(w.names || ' ' || autonomy.hour_ranges(w.hours), '; ' order by w.dows) from words w),
    'list', (select jsonb_agg(jsonb_build_object('days', w.names, 'hours', to_jsonb(w.hours)) order by w.dows)
             from words w),
    'peak', (select autonomy.hour_ranges(array_agg(b.hour)) from best b),
    'peak_list', (select jsonb_agg(b.hour order by b.hour) from best b))
  from named n
$$;
comment on function autonomy.weak_hours(jsonb) is
  'The hours that timing_optimization names, in words, with their sums, and the best hours of the day. Only computes; '
  'raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What is usual here: how the portfolio's conversion rates and CTRs are spread
--
-- A campaign's true rate is the portfolio's centre times one of eleven multiples; how often each
-- multiple occurs is learnt from the portfolio (EM, a few steps), with the weight of five campaigns
-- on the default. A portfolio of equals thus learns that nobody is far off, and chance makes no
-- alarm in it; a portfolio with a sick tenth learns that as well, which a bell curve could not.
-- Counts move more than Poisson: they are divided by phi = 1 + omega x count per day, where omega,
-- the squared size of day-to-day shocks, is 0.25 for conversions and 0.05 for clicks. Without a time
-- series the days are those since created_at, at least 3: rows are often made long after the clicks.
-- ---------------------------------------------------------------------------------------------
create function autonomy.rate_multiples() returns float8[]
language sql immutable parallel safe set search_path = ''
as $$ select array[0.08, 0.15, 0.25, 0.38, 0.55, 0.75, 1.0, 1.3, 1.7, 2.3, 3.2]::float8[] $$;
comment on function autonomy.rate_multiples() is
  'The multiples of the portfolio''s centre that a campaign''s true rate is thought to be one of. Only reads; raises '
  'nothing. [autonomous-operations]';

create function autonomy.rate_posterior(p_count float8, p_usual float8, p_weights float8[]) returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  -- rate_multiples() and their logarithms; written out, since this runs once a campaign and more
  v_multiples constant float8[] := array[0.08, 0.15, 0.25, 0.38, 0.55, 0.75, 1.0, 1.3, 1.7, 2.3, 3.2]::float8[];
  v_logs constant float8[] := array[-2.5257286443082556, -1.8971199848858813, -1.3862943611198906, -0.9675840262617056,
    -0.5978370007556204, -0.2876820724517809, 0, 0.26236426446749106, 0.5306282510621704,
    0.8329091229351039, 1.1631508098056809]::float8[];
  v_posterior float8[] := v_logs;
  v_top float8 := '-infinity';
  v_sum float8 := 0;
  v_one float8;
begin
  for i in 1..11 loop
    v_one := p_count * v_logs[i] - p_usual * v_multiples[i];
    v_posterior[i] := v_one;
    if v_one > v_top then v_top := v_one; end if;
  end loop;
  for i in 1..11 loop
    v_one := v_posterior[i] - v_top;
    v_one := case when v_one < -200::float8 then 0::float8 else p_weights[i] * exp(v_one) end;
    v_posterior[i] := v_one;
    v_sum := v_sum + v_one;
  end loop;
  for i in 1..11 loop
    v_posterior[i] := v_posterior[i] / v_sum;
  end loop;
  return v_posterior;
end $$;
comment on function autonomy.rate_posterior(float8, float8, float8[]) is
  'How probable each of rate_multiples() is, where p_usual events were to be expected at the portfolio''s centre and '
  'p_count happened (both divided by phi). Only reads; raises nothing. [autonomous-operations]';

create function autonomy.rate_distribution(p_counts float8[], p_usual float8[], p_default float8[]) returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_weights float8[] := p_default;
  v_sums float8[];
  v_one float8[];
begin
  for step in 1..6 loop
    v_sums := array_fill(0::float8, array[cardinality(p_default)]);
    for i in 1..coalesce(cardinality(p_counts), 0) loop
      v_one := autonomy.rate_posterior(p_counts[i], p_usual[i], v_weights);
      for k in 1..cardinality(p_default) loop
        v_sums[k] := v_sums[k] + v_one[k];
      end loop;
    end loop;
    for k in 1..cardinality(p_default) loop
      v_weights[k] := (v_sums[k] + 5::float8 * p_default[k]) / (coalesce(cardinality(p_counts), 0) + 5);
    end loop;
  end loop;
  return v_weights;
end $$;
comment on function autonomy.rate_distribution(float8[], float8[], float8[]) is
  'How often each of rate_multiples() occurs among these campaigns, the default counting as five of them. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.opportunity_rates(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_default float8[] := array[0.02, 0.04, 0.08, 0.12, 0.15, 0.18, 0.2, 0.11, 0.06, 0.03, 0.01];
  v_rates jsonb := '{}';
  v_found record;
begin
  -- At most 500 campaigns, picked by a hash: enough to know a spread, however large the account.
  for v_found in
    with sample as materialized (
      select f.campaign_id, s.*
      from public.campaign_facts f
      join public.campaigns c on c.id = f.campaign_id and lower(c.status) = 'active'
      cross join lateral (
        select case when f.w30_clicks >= 100 then f.w30_impressions else f.life_impressions end as impressions,
               case when f.w30_clicks >= 100 then f.w30_clicks else f.life_clicks end as clicks,
               case when f.w30_clicks >= 100 then f.w30_conversions else f.life_conversions end as conversions,
               greatest(case when f.has_history then 1 else 3 end,
                        least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                                 case when isfinite(c.created_at)
                                      then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days) s
      where s.clicks between 100 and 1e12
      order by uuid_hash(f.campaign_id), f.campaign_id
      limit 500
    ), kinds as (
      select 'conversion_rate' as kind, 0.03::float8 as usual, 0.25::float8 as omega,
        conversions as events, clicks as trials, days
      from sample where conversions between 0 and 1e12
      union all
      select 'ctr', 0.015, 0.05, clicks, impressions, days
      from sample where impressions between 1000 and 1e15
    ), centres as (
      -- The median, and the default as three campaigns of the same weight.
      select kind, count(*) as campaigns,
             exp((count(*) * ln(percentile_cont(0.5) within group (order by (events + 0.5) / (trials + 0.5 / usual)))
                  + 3 * ln(usual))
                 / (count(*) + 3)) as centre
      from kinds group by kind, usual
    )
    select k.kind, min(c.centre) as centre, min(c.campaigns) as campaigns,
           array_agg(k.events / p.phi) as counts, array_agg(k.trials * c.centre / p.phi) as usual
    from kinds k join centres c using (kind)
    cross join lateral (select 1 + k.omega * k.trials * c.centre / k.days as phi) p
    group by k.kind
  loop
    continue when v_found.campaigns < 5;  -- too few to be a portfolio: the default
    v_rates := v_rates || jsonb_build_object(v_found.kind, jsonb_build_object(
      'centre', v_found.centre, 'campaigns', v_found.campaigns,
      'weights', to_jsonb(autonomy.rate_distribution(v_found.counts, v_found.usual, v_default))));
  end loop;
  return jsonb_build_object(
    'conversion_rate', jsonb_build_object('centre', 0.03, 'campaigns', 0, 'weights', to_jsonb(v_default)),
    'ctr', jsonb_build_object('centre', 0.015, 'campaigns', 0, 'weights', to_jsonb(v_default))) || v_rates;
end $$;
comment on function autonomy.opportunity_rates(timestamptz) is
  'The centre and the spread of conversion rates and CTRs in this portfolio; few campaigns: around 3 % and 1.5 %. '
  'Only reads; safe to call again; raises nothing. [autonomous-operations]';

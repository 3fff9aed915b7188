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
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- The tables' additions
-- ---------------------------------------------------------------------------------------------
alter table public.optimization_opportunities
  add column if not exists figures jsonb not null default '{}',
  add column if not exists status_by text,
  add column if not exists is_current boolean not null default true;
comment on column public.optimization_opportunities.status_by is
  'who set the status last; autonomy: it was gone for 3 days';
comment on column public.optimization_opportunities.is_current is
  'whether the last look at the campaign still found it';

create table if not exists public.opportunity_detection (
  id boolean primary key default true check (id),
  changes_seen_until timestamptz not null default '-infinity',
  full_pass_day date,
  full_pass_after uuid
);
comment on table public.opportunity_detection is
  'One row: how far the detection of opportunities has come. Without the row the next run looks at everything. [autonomous-operations]';
comment on column public.opportunity_detection.changes_seen_until is
  'facts changed later than this are looked at by the next run';
comment on column public.opportunity_detection.full_pass_day is
  'the day (of policy.time_zone) of the last pass over every campaign';
comment on column public.opportunity_detection.full_pass_after is
  'the last campaign of a pass that ran out of time; the next run goes on behind it';

-- ---------------------------------------------------------------------------------------------
-- Small pieces
-- ---------------------------------------------------------------------------------------------
create function public.severity_rank(p_severity text) returns integer
language sql immutable parallel safe set search_path = ''
as $$
  select case lower(p_severity) when 'critical' then 1 when 'high' then 2 when 'medium' then 3 when 'low' then 4 else 5 end
$$;
comment on function public.severity_rank(text) is
  'critical 1, high 2, medium 3, low 4: what severities are sorted by. Only reads; raises nothing. [autonomous-operations]';

create function public.normal_probability(p_z float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_z float8 := greatest(-8::float8, least(8::float8, p_z));
begin
  return 1::float8 / (1::float8 + exp(-v_z * (1.5976::float8 + 0.07056::float8 * v_z * v_z)));
end $$;
comment on function public.normal_probability(float8) is
  'The probability that a standard normal figure is below z (error under 0.0002). Only reads; raises nothing. [autonomous-operations]';

create function public.student_to_normal(p_t float8, p_freedom float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return p_t * (1::float8 - 1::float8 / (4::float8 * p_freedom)) / sqrt(1::float8 + p_t * p_t / (2::float8 * p_freedom));
end $$;
comment on function public.student_to_normal(float8, float8) is
  'The normal figure as rare as Student''s t with so many degrees of freedom (Hill''s approximation). Only reads; raises nothing. [autonomous-operations]';

create function public.hour_ranges(p_hours integer[]) returns text
language sql immutable parallel safe set search_path = ''
as $$
  select string_agg(to_char(first_hour, 'FM00') || ':00-' || to_char(last_hour + 1, 'FM00') || ':00', ', ' order by first_hour)
  from (
    select min(h) as first_hour, max(h) as last_hour
    from (select h, h - row_number() over (order by h) as island from (select distinct unnest(p_hours) as h) hours) islands
    group by island
  ) ranges
$$;
comment on function public.hour_ranges(integer[]) is
  'Hours of a day in words: {1,2,3,9} is 01:00-04:00, 09:00-10:00. Only reads; raises nothing. [autonomous-operations]';

create function public.weak_hours(p_pools jsonb) returns jsonb
language sql immutable parallel safe set search_path = ''
as $$
  with pools as materialized (
    select * from jsonb_to_recordset(p_pools) p (weekend boolean, dow integer, h6 integer, h3 integer, hour integer, weak boolean,
      below boolean, clicks float8, conversions float8, spend float8, revenue float8)
  ), named as materialized (
    -- Of a weak pool, the hours whose own figure (over the pool's days) is below half.
    select distinct h.dow, h.hour, h.clicks, h.conversions, h.spend, h.revenue
    from pools g
    join pools h on h.dow is not null and h.hour is not null
      and (g.dow is null or g.dow = h.dow) and (g.weekend is null or g.weekend = h.weekend)
      and (g.hour is null or g.hour = h.hour) and (g.h3 is null or g.h3 = h.hour / 3) and (g.h6 is null or g.h6 = h.hour / 6)
    join pools own on own.below and own.hour = h.hour and own.dow is not distinct from g.dow and own.weekend is not distinct from g.weekend
    where g.weak
  ), days as (
    select array_agg(d.dow order by d.dow) as dows, d.hours
    from (select n.dow, array_agg(n.hour order by n.hour) as hours from named n group by n.dow) d
    group by d.hours
  ), words as (
    select d.dows, d.hours,
           case d.dows when '{1,2,3,4,5,6,7}' then 'every day' when '{1,2,3,4,5}' then 'Mon-Fri'
             else (select string_agg((array['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])[x], ', ' order by x) from unnest(d.dows) x) end as names
    from days d
  ), best as (
    -- Rates drawn a little to the mean, so that one lucky click makes no peak.
    select h.hour from pools h
    cross join (select sum(conversions) / nullif(sum(clicks), 0) as rate from pools where dow is not null and hour is not null) a
    where h.hour is not null and h.dow is null and h.weekend is null and not h.below
    order by (h.conversions + 20 * a.rate) / (h.clicks + 20) desc, h.hour limit 3
  )
  select jsonb_build_object(
    'clicks', sum(n.clicks), 'conversions', sum(n.conversions), 'spend', sum(n.spend), 'revenue', sum(n.revenue),
    'words', (select string_agg(w.names || ' ' || public.hour_ranges(w.hours), '; ' order by w.dows) from words w),
    'list', (select jsonb_agg(jsonb_build_object('days', w.names, 'hours', to_jsonb(w.hours)) order by w.dows) from words w),
    'peak', (select public.hour_ranges(array_agg(b.hour)) from best b),
    'peak_list', (select jsonb_agg(b.hour order by b.hour) from best b))
  from named n
$$;
comment on function public.weak_hours(jsonb) is
  'The hours that timing_optimization names, in words, with their sums, and the best hours of the day. Only computes; raises nothing. [autonomous-operations]';

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
create function public.rate_multiples() returns float8[]
language sql immutable parallel safe set search_path = ''
as $$ select array[0.08, 0.15, 0.25, 0.38, 0.55, 0.75, 1.0, 1.3, 1.7, 2.3, 3.2]::float8[] $$;
comment on function public.rate_multiples() is
  'The multiples of the portfolio''s centre that a campaign''s true rate is thought to be one of. Only reads; raises nothing. [autonomous-operations]';

create function public.rate_posterior(p_count float8, p_usual float8, p_weights float8[]) returns float8[]
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  -- rate_multiples() and their logarithms; written out, since this runs once a campaign and more
  v_multiples constant float8[] := array[0.08, 0.15, 0.25, 0.38, 0.55, 0.75, 1.0, 1.3, 1.7, 2.3, 3.2]::float8[];
  v_logs constant float8[] := array[-2.5257286443082556, -1.8971199848858813, -1.3862943611198906, -0.9675840262617056,
    -0.5978370007556204, -0.2876820724517809, 0, 0.26236426446749106, 0.5306282510621704, 0.8329091229351039, 1.1631508098056809]::float8[];
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
comment on function public.rate_posterior(float8, float8, float8[]) is
  'How probable each of rate_multiples() is, where p_usual events were to be expected at the portfolio''s centre and p_count happened (both divided by phi). Only reads; raises nothing. [autonomous-operations]';

create function public.rate_distribution(p_counts float8[], p_usual float8[], p_default float8[]) returns float8[]
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
      v_one := public.rate_posterior(p_counts[i], p_usual[i], v_weights);
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
comment on function public.rate_distribution(float8[], float8[], float8[]) is
  'How often each of rate_multiples() occurs among these campaigns, the default counting as five of them. Only reads; raises nothing. [autonomous-operations]';

create function public.opportunity_rates(p_now timestamptz default now()) returns jsonb
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
               greatest(case when f.has_history then 1 else 3 end, least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                                 case when isfinite(c.created_at) then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days) s
      where s.clicks between 100 and 1e12
      order by uuid_hash(f.campaign_id), f.campaign_id
      limit 500
    ), kinds as (
      select 'conversion_rate' as kind, 0.03::float8 as usual, 0.25::float8 as omega, conversions as events, clicks as trials, days
      from sample where conversions between 0 and 1e12
      union all
      select 'ctr', 0.015, 0.05, clicks, impressions, days
      from sample where impressions between 1000 and 1e15
    ), centres as (
      -- The median, and the default as three campaigns of the same weight.
      select kind, count(*) as campaigns,
             exp((count(*) * ln(percentile_cont(0.5) within group (order by (events + 0.5) / (trials + 0.5 / usual))) + 3 * ln(usual))
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
      'weights', to_jsonb(public.rate_distribution(v_found.counts, v_found.usual, v_default))));
  end loop;
  return jsonb_build_object(
    'conversion_rate', jsonb_build_object('centre', 0.03, 'campaigns', 0, 'weights', to_jsonb(v_default)),
    'ctr', jsonb_build_object('centre', 0.015, 'campaigns', 0, 'weights', to_jsonb(v_default))) || v_rates;
end $$;
comment on function public.opportunity_rates(timestamptz) is
  'The centre and the spread of conversion rates and CTRs in this portfolio; few campaigns: around 3 % and 1.5 %. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The detectors. Each answers for active campaigns in a range of ids whose facts changed after a
-- moment (null: any), so that detect_optimization_opportunities() can ask for all of them at once
-- and record_opportunities() slice by slice, and both run the same tests.
-- `between 0 and 1e15` lets through what is a count or an amount, and neither null nor NaN.
-- ---------------------------------------------------------------------------------------------

-- high_traffic_low_conversion
-- Limits: at least 100 clicks, spend above 50, conversion rate below 2 % (the last 30 days where
--         these have 100 clicks, else all there is).
-- Test:   the probability that the true rate is below the portfolio's centre by a fifth or more,
--         given the conversions and how rates are spread here, is at least 75 %. That is the confidence.
-- Severity by the expected rate as a share of the centre: below 0.2 critical (at 95 % or more),
--         below 0.5 high, below 0.75 medium, else low.
create function public.high_traffic_low_conversion(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_centre float8 := (p_rates #>> '{conversion_rate,centre}')::float8;
  v_weights float8[] := array(select value::float8 from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
begin
  return query
  with looked_at as (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, p.prior_order_value,
           f.w30_clicks >= 100 and f.w30_clicks < f.life_clicks as recent,
           case when f.w30_clicks >= 100 then f.w30_clicks else f.life_clicks end as clicks,
           case when f.w30_clicks >= 100 then f.w30_conversions else f.life_conversions end as conversions,
           case when f.w30_clicks >= 100 then f.w30_spend else f.life_spend end as spend,
           case when f.w30_clicks >= 100 then f.w30_revenue else f.life_revenue end as revenue,
           greatest(case when f.has_history then 1 else 3 end, least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                             case when isfinite(c.created_at) then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days,
           -- Clicks whose conversions are still to come are not held against the campaign.
           case when p.conversion_delay_hours > 0 and f.ev_immature_spend > 1e-9 * f.ev_spend then
             greatest(0.01, least(1, 1 - f.ev_immature_spend / f.ev_spend * exp(greatest(-200, least(50,
               -extract(epoch from p_now - f.as_of)::float8 / 3600 / p.conversion_delay_hours::float8)))))
           else 1 end as matured
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and (f.w30_clicks >= 100 or f.life_clicks >= 100)
  ), suspect as materialized (
    select l.*, greatest(0, coalesce(l.revenue, 0)) as earned, v_centre * l.clicks * l.matured as usual,
           1 + 0.25 * v_centre * l.clicks * l.matured / l.days as phi
    from looked_at l
    where l.clicks between 100 and 1e15 and l.spend > 50 and l.conversions between 0 and 1e15
      and 100 * l.conversions / l.clicks < 2
  ), tested as materialized (
    select s.*, public.rate_posterior(s.conversions / s.phi, s.usual / s.phi, v_weights) as posterior
    from suspect s
  ), judged as (
    select t.*, t.posterior[1] + t.posterior[2] + t.posterior[3] + t.posterior[4] + t.posterior[5] + t.posterior[6] as below,
           (select sum(m * t.posterior[i]) from unnest(public.rate_multiples()) with ordinality u(m, i)) as share,
           case when t.conversions > 0 and t.earned > 0 then t.earned / t.conversions else t.prior_order_value end as order_value
    from tested t
  )
  select j.id, 'high_traffic_low_conversion'::text,
         case when j.share < 0.2 and j.below >= 0.95 then 'critical' when j.share < 0.5 then 'high'
              when j.share < 0.75 then 'medium' else 'low' end,
         format('Campaign "%s" has %s clicks but only %s%% conversion rate%s', j.title,
                to_char(j.clicks, 'FM999,999,999,990'), to_char(100 * j.conversions / j.clicks, 'FM990.0'),
                case when j.recent then ' in the last 30 days' else '' end),
         format('Review targeting parameters and landing page experience. Open the page as a visitor today and check its speed, '
                'its form and its tracking; campaigns here usually convert %s%% of their clicks. '
                'Consider A/B testing different audiences or CTAs.', to_char(100 * v_centre, 'FM990.0')),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day', round((greatest(0, 1 - j.share) * v_centre * j.clicks / j.days * j.order_value)::numeric, 2),
           'conversions_per_day', round((greatest(0, 1 - j.share) * v_centre * j.clicks / j.days)::numeric, 2),
           'percent', round((100 * (1 / greatest(j.share, 0.05) - 1))::numeric),
           'basis', format('%s clicks a day at the usual %s%% instead of the likely %s%%, %s an order',
                           to_char(j.clicks / j.days, 'FM999,999,990.0'), to_char(100 * v_centre, 'FM990.0'),
                           to_char(100 * v_centre * j.share, 'FM990.00'), to_char(j.order_value, 'FM999,999,990.00'))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('clicks', j.clicks, 'conversions', j.conversions, 'spend', round(j.spend::numeric, 2),
                            'conversion_rate', round((100 * j.conversions / j.clicks)::numeric, 2),
                            'usual_conversion_rate', round((100 * v_centre)::numeric, 2),
                            'likely_conversion_rate', round((100 * v_centre * j.share)::numeric, 2),
                            'phi', round(j.phi::numeric, 2), 'matured_share', round(j.matured::numeric, 4))
  from judged j
  where j.below >= 0.75;
end $$;

-- declining_performance
-- Limits: CTR of the last 7 complete days more than 30 % below that of the 7 days before; in each at
--         least 4 days and 500 impressions, 20 clicks in the earlier. The data end within the last 8 days.
-- Test:   the log of the ratio of the two CTRs against its standard error. Clicks of a day vary like
--         Poisson plus day-to-day shocks of 22 % (0.05, the median of real lines), and what the days
--         within each of the two weeks say about their own dispersion scales that (as many degrees of
--         freedom as there are days less two, plus 6 for the assumption). A plain two-proportion test
--         takes all of that dispersion for change. Raised at z >= 3, and where a true fall of more than
--         15 % is at least 90 % probable: that is the confidence.
-- Severity by the fall: from 70 % critical, from 50 % high, else medium.
create function public.declining_performance(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with looked_at as materialized (
    -- The facts' windows may end today; the test below counts complete days only. This only spares
    -- reading the days of campaigns whose CTR is nowhere near the limit.
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title,
           least((f.as_of at time zone p.time_zone)::date - 1, (p_now at time zone p.time_zone)::date - 1) as last_day
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.as_of >= p_now - interval '8 days'
      and f.w7_impressions > 0 and f.p7_impressions > 0
      and f.w7_clicks / f.w7_impressions < 0.8 * (f.p7_clicks / f.p7_impressions)
  ), weeks as materialized (
    select l.id, d.day > l.last_day - 7 as later, count(*)::float8 as days,
           sum(x.i) as i, sum(x.c) as c, sum(x.c * x.c) as cc, sum(x.c * x.i) as ci, sum(x.i * x.i) as ii,
           sum(x.revenue) as revenue
    from looked_at l
    join public.campaign_daily d on d.campaign_id = l.id and d.day > l.last_day - 14 and d.day <= l.last_day
    cross join lateral (
      select d.impressions::float8 as i, least(d.clicks, d.impressions)::float8 as c, d.revenue::float8 as revenue) x
    where d.impressions > 0
    group by l.id, d.day > l.last_day - 7
  ), compared as (
    select w.id, w.i as i2, w.c as c2, p.i as i1, p.c as c1, p.revenue as revenue1, p.days as days1, w.days as days2,
           ln(((w.c + 0.5) / w.i) / ((p.c + 0.5) / p.i)) as change,
           -- squared deviations of the days from their own week's CTR, and what they should be
           greatest(0, p.cc - 2 * p.c / p.i * p.ci + (p.c / p.i) ^ 2 * p.ii) * p.days / (p.days - 1)
             + greatest(0, w.cc - 2 * w.c / w.i * w.ci + (w.c / w.i) ^ 2 * w.ii) * w.days / (w.days - 1) as moved,
           p.c + 0.05 * (p.c / p.i) ^ 2 * p.ii as usual1,
           w.c + 0.5 + 0.05 * ((w.c + 0.5) / w.i) ^ 2 * w.ii as usual2,
           p.days + w.days - 2 as freedom
    from weeks w
    join weeks p on p.id = w.id and not p.later
    where w.later and w.days >= 4 and p.days >= 4 and w.i >= 500 and p.i >= 500 and p.c >= 20
  ), tested as (
    select c.*, s.se, c.freedom + 6 as all_freedom
    from compared c
    cross join lateral (
      select sqrt(greatest(0.25, (6 + c.freedom * c.moved / (c.usual1 + c.usual2)) / (6 + c.freedom))
                  * (c.usual1 / (c.c1 * c.c1) + c.usual2 / ((c.c2 + 0.5) ^ 2))) as se) s
    where c.c2 / c.i2 < 0.7 * (c.c1 / c.i1)
  ), judged as (
    select t.*, l.title, 1 - (t.c2 / t.i2) / (t.c1 / t.i1) as fall,
           public.student_to_normal(-t.change / t.se, t.all_freedom) as z,
           public.normal_probability(public.student_to_normal((ln(0.85) - t.change) / t.se, t.all_freedom)) as confidence
    from tested t join looked_at l on l.id = t.id
  )
  select j.id, 'declining_performance'::text,
         case when j.fall >= 0.7 then 'critical' when j.fall >= 0.5 then 'high' else 'medium' end,
         format('Campaign "%s" has a CTR of %s%% in the last 7 days, %s%% below the %s%% of the 7 days before', j.title,
                to_char(100 * j.c2 / j.i2, 'FM990.00'), round(100 * j.fall::numeric), to_char(100 * j.c1 / j.i1, 'FM990.00')),
         'Look at what changed in the last 14 days: a new ad, a wider audience, a placement, a competitor. '
         'Undo that change, or put back the ad that ran before, and compare CTR again in 3 days.',
         jsonb_build_object(
           'kind', 'loss',
           'clicks_per_day', round(((j.c1 / j.i1 - j.c2 / j.i2) * j.i2 / j.days2)::numeric, 1),
           'money_per_day', round(((j.c1 / j.i1 - j.c2 / j.i2) * j.i2 / j.days2 * greatest(0, j.revenue1) / j.c1)::numeric, 2),
           'percent', round(-100 * j.fall::numeric, 1),
           'basis', format('clicks lost on %s impressions a day, at the %s of revenue a click of the 7 days before',
                           to_char(j.i2 / j.days2, 'FM999,999,999,990'), to_char(greatest(0, j.revenue1) / j.c1, 'FM999,990.00'))),
         round(least(99.9, 100 * j.confidence)::numeric, 2),
         jsonb_build_object('ctr', round((100 * j.c2 / j.i2)::numeric, 3), 'ctr_before', round((100 * j.c1 / j.i1)::numeric, 3),
                            'fall_percent', round(100 * j.fall::numeric, 1), 'z', round(j.z::numeric, 2),
                            'impressions', j.i2, 'impressions_before', j.i1, 'clicks', j.c2, 'clicks_before', j.c1)
  from judged j
  where j.z >= 3 and j.confidence >= 0.9;
end $$;

-- budget_inefficiency
-- Limits: spend above 100 and roi below 1.0, over everything: a person who reads these two numbers
--         expects the row, so nothing else keeps it from being raised.
-- Test:   none to be raised; the confidence is the probability that the true roi is below
--         break_even_roi (the same one that pauses act on), with fading evidence and late conversions.
-- Severity by what the evidence says: critical at 95 % with a likely roi below 0.5, high at 80 %,
--         medium at 50 %, else low (it lost money, and by now probably earns it).
create function public.budget_inefficiency(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with looked_at as materialized (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title,
           f.life_spend as spend, greatest(0, f.life_revenue) as revenue, f.cv2, r.days_running,
           case when f.has_history and f.w7_spend > 0 then f.w7_spend / least(7, r.days_running)
                else f.life_spend / r.days_running end as spend_a_day,
           case when f.ev_spend is not null then f.ev_spend * e.kept else f.life_spend end as s,
           case when f.ev_spend is not null then f.ev_conversions * e.kept else f.life_conversions end as n,
           case when f.ev_spend is not null then f.ev_revenue * e.kept else f.life_revenue end as r,
           case when f.ev_spend is not null then f.ev_days * e.kept else r.days_running end as d,
           case when p.conversion_delay_hours > 0 and f.ev_immature_spend > 1e-9 * f.ev_spend then
             greatest(0, least(1, 1 - f.ev_immature_spend / f.ev_spend * exp(greatest(-200, least(50,
               -extract(epoch from p_now - f.as_of)::float8 / 3600 / p.conversion_delay_hours::float8)))))
           else 1 end as matured,
           p.break_even_roi::float8 as break_even, p.prior_mean_roi, p.prior_tau2, p.prior_order_value, p.prior_cv2
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    cross join lateral (select greatest(1, case when isfinite(c.created_at) then extract(epoch from p_now - c.created_at)::float8 / 86400 end) as days_running) r
    cross join lateral (
      select case when p.evidence_half_life_days > 0 then exp(greatest(-200, -ln(2::float8)
               * greatest(0, extract(epoch from p_now - f.as_of)::float8 / 86400) / p.evidence_half_life_days::float8))
             else 1 end as kept) e
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.life_spend > 100 and f.life_spend <= 1e15 and coalesce(f.life_revenue, 0) < f.life_spend
  ), judged as materialized (
    select l.*, b.below, exp(q.posterior[1]) as likely, greatest(0, 1 - exp(q.posterior[1]) / l.break_even) as loss_share
    from looked_at l
    cross join lateral (
      select public.probability_below(l.break_even, l.s, l.n, l.r, l.cv2, l.d, l.matured,
                                      l.prior_mean_roi, l.prior_tau2, l.prior_order_value, l.prior_cv2) as below) b
    cross join lateral (
      select public.roi_posterior(l.s, l.n, l.r, l.cv2, l.d, l.matured,
                                  l.prior_mean_roi, l.prior_tau2, l.prior_order_value, l.prior_cv2) as posterior) q
  ), valueless as materialized (  -- where conversions carry no value, roi says nothing
    select unnest(public.campaigns_without_value(array(select r.id from judged r where r.revenue = 0), p_now)) as id
  )
  select j.id, 'budget_inefficiency'::text,
         case when j.below >= 0.95 and j.likely < 0.5 then 'critical' when j.below >= 0.8 then 'high'
              when j.below >= 0.5 then 'medium' else 'low' end,
         format('Campaign "%s" has spent %s with ROI %s: of every 1.00 spent, %s came back', j.title,
                to_char(j.spend, 'FM999,999,999,990.00'), to_char(coalesce(j.revenue, 0) / j.spend, 'FM990.00'),
                to_char(coalesce(j.revenue, 0) / j.spend, 'FM990.00')),
         case when j.below >= 0.8 then
           format('Pause it, or cut its budget, today. The evidence puts its true ROI at about %s.', to_char(j.likely, 'FM990.00'))
         when j.below >= 0.5 then
           'Halve its budget until more conversions tell which way it goes, and move the money to a campaign above break-even.'
         else
           format('Leave it running and look again in 3 days: its recent evidence points to a ROI of about %s.', to_char(j.likely, 'FM990.00'))
         end,
         jsonb_build_object(
           'kind', 'saving',
           'money_per_day', round((j.spend_a_day * j.loss_share)::numeric, 2),
           'spend_per_day', round(j.spend_a_day::numeric, 2),
           'percent', round((100 * j.loss_share)::numeric, 1),
           'basis', format('%s spent a day, of which %s%% is lost at a likely ROI of %s', to_char(j.spend_a_day, 'FM999,999,990.00'),
                           round((100 * j.loss_share)::numeric), to_char(j.likely, 'FM990.00'))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('spend', round(j.spend::numeric, 2), 'revenue', round(coalesce(j.revenue, 0)::numeric, 2),
                            'roi', round((coalesce(j.revenue, 0) / j.spend)::numeric, 4), 'likely_roi', round(j.likely::numeric, 4),
                            'conversions', round(coalesce(j.n, 0)::numeric, 2))
  from judged j
  where not exists (select from valueless v where v.id = j.id);
end $$;

-- audience_mismatch
-- Where there are rows by segment (the last 30 complete days):
-- Limits: segments with at least 15 % of the campaign's spend, and of 20 at least.
-- Test:   the probability that a segment's true roi is below half of the campaign's, from the two
--         posteriors (the segment's shrunk towards the campaign's own roi, spread 0.5 in ln roi), with
--         1/k of the doubt for k such segments: raised where 1 - k (1 - p) >= 0.8. That is the confidence.
-- Severity by the share of the spend in such segments: from 50 % critical, 30 % high, else medium.
-- Where there are none:
-- Limits: 1,000 impressions, 100 clicks, spend above 50.
-- Test:   CTR and conversion rate each below half of the portfolio's centre with at least 90 % (the
--         lower of the two is the confidence). Severity: high, from a spend of 1,000 critical.
create function public.audience_mismatch(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_today date := (select (p_now at time zone time_zone)::date from public.autonomy_policy);
  v_conversion float8 := (p_rates #>> '{conversion_rate,centre}')::float8;
  v_conversion_weights float8[] := array(select value::float8 from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
  v_ctr float8 := (p_rates #>> '{ctr,centre}')::float8;
  v_ctr_weights float8[] := array(select value::float8 from jsonb_array_elements_text(p_rates #> '{ctr,weights}'));
begin
  return query
  with segments as materialized (
    select c.id, min(coalesce(nullif(btrim(c.title), ''), c.id::text)) as title, a.segment,
           sum(a.spend)::float8 as spend, greatest(0, sum(a.revenue))::float8 as revenue, sum(a.conversions)::float8 as conversions,
           count(*) filter (where a.spend > 0)::float8 as days, min(a.day) as first_day, max(a.day) as last_day
    from public.campaign_audience_metrics a
    join public.campaigns c on c.id = a.campaign_id and lower(c.status) = 'active'
    join public.campaign_facts f on f.campaign_id = c.id
    where a.day >= v_today - 30 and a.day < v_today
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
    group by c.id, a.segment
  ), campaign as materialized (
    select s.id, sum(s.spend) as spend, sum(s.revenue) as revenue, sum(s.conversions) as conversions, max(s.days) as days,
           max(s.last_day) - min(s.first_day) + 1 as length
    from segments s group by s.id having sum(s.spend) > 0
  ), posterior as materialized (
    select c.*, q.posterior[1] as log_roi, q.posterior[2] as certainty, p.prior_cv2, (c.revenue + 2 * p.prior_order_value) / (c.conversions + 2) as order_value
    from campaign c cross join public.autonomy_policy p
    cross join lateral (
      select public.roi_posterior(c.spend, c.conversions, c.revenue, null::float8, c.days, 1,
                                  p.prior_mean_roi, p.prior_tau2, p.prior_order_value, p.prior_cv2) as posterior) q
  ), tested as materialized (
    select s.*, c.spend as all_spend, c.length, exp(c.log_roi) as campaign_roi, exp(q.posterior[1]) as segment_roi,
           count(*) over (partition by s.id) as looks,
           public.normal_probability((ln(0.5::float8) + c.log_roi - q.posterior[1]) / sqrt(1 / c.certainty + 1 / q.posterior[2])) as below
    from segments s
    join posterior c on c.id = s.id and s.spend >= 0.15 * c.spend and s.spend >= 20
    cross join lateral (
      select public.roi_posterior(s.spend, s.conversions, s.revenue, null::float8, s.days, 1,
                                  exp(c.log_roi), 0.5, c.order_value, c.prior_cv2) as posterior) q
  ), bad as (
    select t.id, min(t.title) as title, sum(t.spend) as spend, sum(t.spend) / min(t.all_spend) as share, min(t.campaign_roi) as campaign_roi,
           min(t.length) as length, sum(t.spend * t.segment_roi) / sum(t.spend) as roi, count(*) as segments,
           max(1 - t.looks * (1 - t.below)) as confidence,
           string_agg(format('"%s" (%s%% of the spend, ROI %s)', t.segment, round((100 * t.spend / t.all_spend)::numeric),
                             to_char(t.revenue / t.spend, 'FM990.00')), ', ' order by t.spend desc) as words,
           string_agg(format('"%s"', t.segment), ', ' order by t.spend desc) as names,
           jsonb_agg(jsonb_build_object('segment', t.segment, 'share_percent', round((100 * t.spend / t.all_spend)::numeric, 1),
                                        'roi', round((t.revenue / t.spend)::numeric, 4), 'likely_roi', round(t.segment_roi::numeric, 4),
                                        'spend', round(t.spend::numeric, 2), 'conversions', t.conversions) order by t.spend desc) as list
    from tested t
    where 1 - t.looks * (1 - t.below) >= 0.8
    group by t.id
  )
  select b.id, 'audience_mismatch'::text,
         case when b.share >= 0.5 then 'critical' when b.share >= 0.3 then 'high' else 'medium' end,
         format('Campaign "%s" spends %s%% of its money on %s below half of its ROI of %s: %s', b.title, round((100 * b.share)::numeric),
                case when b.segments = 1 then 'an audience segment' else 'audience segments' end,
                to_char(b.campaign_roi, 'FM990.00'), b.words),
         format('Exclude %s, or give it an ad of its own, and let the other segments have its %s a day.', b.names,
                to_char(b.spend / b.length, 'FM999,999,990.00')),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day', round((b.spend / b.length * greatest(0, b.campaign_roi - b.roi))::numeric, 2),
           'spend_per_day', round((b.spend / b.length)::numeric, 2),
           'percent', round((100 * b.share)::numeric, 1),
           'basis', format('%s a day moved from a likely ROI of %s to the campaign''s %s', to_char(b.spend / b.length, 'FM999,999,990.00'),
                           to_char(b.roi, 'FM990.00'), to_char(b.campaign_roi, 'FM990.00'))),
         round(least(99.9, 100 * b.confidence)::numeric, 2),
         jsonb_build_object('segments', b.list, 'campaign_roi', round(b.campaign_roi::numeric, 4))
  from bad b;

  return query
  with looked_at as (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, p.prior_order_value,
           case when f.w30_clicks >= 100 then f.w30_impressions else f.life_impressions end as impressions,
           case when f.w30_clicks >= 100 then f.w30_clicks else f.life_clicks end as clicks,
           case when f.w30_clicks >= 100 then f.w30_conversions else f.life_conversions end as conversions,
           case when f.w30_clicks >= 100 then f.w30_spend else f.life_spend end as spend,
           greatest(case when f.has_history then 1 else 3 end, least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                             case when isfinite(c.created_at) then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and (f.w30_clicks >= 100 or f.life_clicks >= 100)
  ), suspect as materialized (
    select l.*, p1.phi as ctr_phi, p2.phi as conversion_phi
    from looked_at l
    cross join lateral (select 1 + 0.05 * v_ctr * l.impressions / l.days as phi) p1
    cross join lateral (select 1 + 0.25 * v_conversion * l.clicks / l.days as phi) p2
    where l.impressions between 1000 and 1e15 and l.clicks between 100 and 1e15 and l.conversions between 0 and 1e15
      and l.spend > 50 and l.clicks / l.impressions < 0.5 * v_ctr and l.conversions / l.clicks < 0.5 * v_conversion
      and not exists (select from public.campaign_audience_metrics a where a.campaign_id = l.id)
  ), tested as materialized (
    select s.*, public.rate_posterior(s.clicks / s.ctr_phi, v_ctr * s.impressions / s.ctr_phi, v_ctr_weights) as ctr_posterior,
           public.rate_posterior(s.conversions / s.conversion_phi, v_conversion * s.clicks / s.conversion_phi,
                                 v_conversion_weights) as conversion_posterior
    from suspect s
  ), judged as (
    -- The first four multiples, up to 0.38, lie below half.
    select t.*, least(t.ctr_posterior[1] + t.ctr_posterior[2] + t.ctr_posterior[3] + t.ctr_posterior[4],
                      t.conversion_posterior[1] + t.conversion_posterior[2] + t.conversion_posterior[3] + t.conversion_posterior[4]) as below
    from tested t
  )
  select j.id, 'audience_mismatch'::text, case when j.spend >= 1000 then 'critical' else 'high' end,
         format('Campaign "%s" reaches the wrong people: CTR %s%% and conversion rate %s%%, both below half of the usual %s%% and %s%%',
                j.title, to_char(100 * j.clicks / j.impressions, 'FM990.00'), to_char(100 * j.conversions / j.clicks, 'FM990.00'),
                to_char(100 * v_ctr, 'FM990.00'), to_char(100 * v_conversion, 'FM990.00')),
         'Compare its targeting with that of your best campaign: interests, places, ages, placements. '
         'Copy that audience into this campaign, and record figures by segment so that the part that does not fit can be named.',
         jsonb_build_object(
           'kind', 'gain',
           'conversions_per_day', round((v_ctr * v_conversion * j.impressions / j.days - j.conversions / j.days)::numeric, 2),
           'money_per_day', round(((v_ctr * v_conversion * j.impressions - j.conversions) / j.days * j.prior_order_value)::numeric, 2),
           'percent', round((100 - 100 * j.conversions / (v_ctr * v_conversion * j.impressions))::numeric, 1),
           'basis', format('%s impressions a day at the usual CTR and conversion rate, %s an order',
                           to_char(j.impressions / j.days, 'FM999,999,999,990'), to_char(j.prior_order_value, 'FM999,990.00'))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('impressions', j.impressions, 'clicks', j.clicks, 'conversions', j.conversions, 'spend', round(j.spend::numeric, 2),
                            'ctr', round((100 * j.clicks / j.impressions)::numeric, 3), 'usual_ctr', round((100 * v_ctr)::numeric, 3),
                            'conversion_rate', round((100 * j.conversions / j.clicks)::numeric, 2),
                            'usual_conversion_rate', round((100 * v_conversion)::numeric, 2))
  from judged j
  where j.below >= 0.9;
end $$;

-- creative_fatigue
-- Limits: 14 complete days (impressions on 12 of them at least), 1,000 impressions and 40 clicks; CTR
--         falls along a line by at least 20 % in all while the later week keeps 70 % of the impressions
--         of the earlier, or by at least 10 % at a frequency (impressions / reach) above 4.
-- Test:   weighted least squares of the day's CTR, relative to the mean, on the day; the days' own
--         dispersion about the line scales the error (n - 2 degrees of freedom plus 6). z of the slope at
--         least 2.7, or 2.3 where the frequency says the same; confidence: the probability of a true fall of more than 10 %.
--         Steady, not sudden: the best single step may not explain clearly more than the line does (by 2 in
--         chi square, having been chosen among eleven); what fell in one step is declining_performance.
-- Severity by the fall in 14 days: from 60 % critical, 40 % high, 25 % medium, else low.
create function public.creative_fatigue(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with looked_at as materialized (
    -- As in declining_performance, this only spares reading days that cannot matter.
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title,
           least((f.as_of at time zone p.time_zone)::date - 1, (p_now at time zone p.time_zone)::date - 1) as last_day
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.as_of >= p_now - interval '8 days'
      and f.w7_impressions > 0 and f.p7_impressions > 0 and f.w7_clicks + f.p7_clicks >= 30
      -- what a slope of z 2.3 needs even where days scatter least (phi 0.25), and a little less
      and ln((f.w7_clicks + 0.5) / f.w7_impressions / ((f.p7_clicks + 0.5) / f.p7_impressions))
          < -sqrt(1 / (f.w7_clicks + 0.5) + 1 / (f.p7_clicks + 0.5) + 0.0143)
  ), days as materialized (
    select l.id, (d.day - l.last_day + 13)::float8 as t, d.impressions::float8 as i, least(d.clicks, d.impressions)::float8 as c,
           d.reach::float8 as reach, d.revenue::float8 as revenue
    from looked_at l
    join public.campaign_daily d on d.campaign_id = l.id and d.day > l.last_day - 14 and d.day <= l.last_day
    where d.impressions > 0
  ), totals as materialized (
    select d.id, sum(d.c) as c, sum(d.i) as i, sum(d.revenue) as revenue, count(*)::float8 as days,
           coalesce(sum(d.i) filter (where d.t >= 7), 0) as later_i, coalesce(sum(d.i) filter (where d.t < 7), 0) as earlier_i,
           sum(d.i) filter (where d.reach > 0) / nullif(sum(d.reach) filter (where d.reach > 0), 0) as frequency
    from days d group by d.id
    having count(*) >= 12 and sum(d.i) >= 1000 and sum(d.c) >= 40
  ), deviations as materialized (
    -- y: the day's CTR relative to the mean, less 1; w: its weight, from Poisson and day-to-day shocks
    select d.id, d.t, d.c / m.usual - 1 as y, m.usual / (1 + 0.05 * m.usual) as w
    from days d join totals t on t.id = d.id
    cross join lateral (select d.i * t.c / t.i as usual) m
  ), centred as materialized (
    select d.id, sum(d.w) as w, sum(d.w * d.y) / sum(d.w) as y_mean, sum(d.w * d.t) / sum(d.w) as t_mean
    from deviations d group by d.id
  ), lines as materialized (
    select d.id, c.w, c.y_mean, c.t_mean, sum(d.w * (d.t - c.t_mean) ^ 2) as spread,
           sum(d.w * (d.t - c.t_mean) * (d.y - c.y_mean)) / sum(d.w * (d.t - c.t_mean) ^ 2) as slope,
           sum(d.w * (d.y - c.y_mean) ^ 2) as moved, count(*)::float8 as days
    from deviations d join centred c on c.id = d.id
    group by d.id, c.w, c.y_mean, c.t_mean
  ), falling as materialized (
    select l.*, p.phi, 13 * -l.slope / (1 - 6.5 * l.slope) as fall,
           public.student_to_normal(-l.slope * sqrt(l.spread / p.phi), l.days + 4) as z
    from lines l
    cross join lateral (
      select greatest(0.25, (6 + greatest(0, l.moved - l.slope ^ 2 * l.spread)) / (6 + l.days - 2)) as phi) p
    where l.slope < 0 and 13 * -l.slope / (1 - 6.5 * l.slope) >= 0.1
  ), steps as (
    select s.id, max(s.gained) as gained
    from (
      select d.id, (sum(d.w * (d.y - f.y_mean)) over before) ^ 2 * f.w
                   / nullif((sum(d.w) over before) * (f.w - sum(d.w) over before), 0) as gained,
             row_number() over before as place, f.days
      from deviations d join falling f on f.id = d.id and f.z >= 2.3
      window before as (partition by d.id order by d.t)
    ) s
    where s.place >= 2 and s.place <= s.days - 2
    group by s.id
  ), judged as (
    select f.*, t.c, t.i, t.revenue, t.frequency, t.later_i, t.earlier_i, l.title,
           t.c / t.i * greatest(0, 1 + f.y_mean + f.slope * (0 - f.t_mean)) as ctr_then,
           t.c / t.i * greatest(0, 1 + f.y_mean + f.slope * (13 - f.t_mean)) as ctr_now,
           -- a fall of 10 % in 14 days has the slope -0.0081
           public.normal_probability(public.student_to_normal((-f.slope - 0.0081) * sqrt(f.spread / f.phi), f.days + 4)) as confidence
    from falling f
    join totals t on t.id = f.id
    join looked_at l on l.id = f.id
    join steps s on s.id = f.id
    where f.slope ^ 2 * f.spread >= s.gained - 2 * f.phi
      and ((f.fall >= 0.2 and f.z >= 2.7 and t.later_i >= 0.7 * t.earlier_i) or t.frequency > 4)
  )
  select j.id, 'creative_fatigue'::text,
         case when j.fall >= 0.6 then 'critical' when j.fall >= 0.4 then 'high' when j.fall >= 0.25 then 'medium' else 'low' end,
         format('Campaign "%s" loses CTR steadily: from %s%% to %s%% in 14 days (-%s%%) %s', j.title,
                to_char(100 * j.ctr_then, 'FM990.00'), to_char(100 * j.ctr_now, 'FM990.00'), round(100 * least(j.fall, 1)::numeric),
                case when j.frequency > 4 then format('while people see its ads %s times each', to_char(j.frequency, 'FM990.0'))
                     else 'while its impressions hold' end),
         case when j.frequency > 4 then 'Refresh the creative today: new image, new headline, same offer; and cap the frequency at 3 a week or widen the audience.'
              else 'Refresh the creative today: upload two new variants beside the old one, and pause the old one when either beats its CTR.' end,
         jsonb_build_object(
           'kind', 'loss',
           'clicks_per_day', round(((j.ctr_then - j.ctr_now) * j.later_i / 7)::numeric, 1),
           'money_per_day', round(((j.ctr_then - j.ctr_now) * j.later_i / 7 * greatest(0, j.revenue) / j.c)::numeric, 2),
           'percent', round(-100 * least(j.fall, 1)::numeric, 1),
           'basis', format('clicks lost against 14 days ago on %s impressions a day, at %s of revenue a click',
                           to_char(j.later_i / 7, 'FM999,999,999,990'), to_char(greatest(0, j.revenue) / j.c, 'FM999,990.00'))),
         round(least(99.9, 100 * j.confidence)::numeric, 2),
         jsonb_build_object('fall_percent', round(100 * least(j.fall, 1)::numeric, 1), 'ctr_then', round(100 * j.ctr_then::numeric, 3),
                            'ctr_now', round(100 * j.ctr_now::numeric, 3), 'z', round(j.z::numeric, 2), 'impressions', j.i, 'clicks', j.c,
                            'frequency', round(j.frequency::numeric, 2))
  from judged j;
end $$;

-- timing_optimization
-- Limits: hourly figures (more than two buckets in two days) over at least 14 days, the last 28 complete
--         ones counted; at least 80 conversions.
-- Test:   are the conversions per click, or the revenue per spend, below half of the campaign's own? Asked
--         of each of 168 hours of the week, and, as single hours are thin, of the same hours pooled: 3 and
--         6 hours, all days, weekend and working days, whole days. That is 367 looks at two figures, so each
--         is tested at 5 % / 734 (Bonferroni): z >= 3.82 of a gamma tail (Wilson-Hilferty), counts divided
--         by phi, which the same hour in different weeks shows (20 degrees of freedom for phi = 1.3).
--         Below half is asked, not below: hours that are merely weaker are never named. Within a pool
--         only the hours are named whose own figure is below half. Confidence: what the correction leaves
--         of the clearest pool.
-- Severity by the share of the spend in these hours: from 50 % critical, 30 % high, 15 % medium, else low.
create function public.timing_optimization(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_zone text := (select time_zone from public.autonomy_policy);
  v_until timestamptz := date_trunc('day', p_now at time zone v_zone) at time zone v_zone;
  v_from timestamptz := (date_trunc('day', p_now at time zone v_zone) - interval '28 days') at time zone v_zone;
begin
  return query
  with looked_at as materialized (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, greatest(p.prior_cv2, coalesce(f.cv2, 0)) as order_cv2
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.as_of >= p_now - interval '8 days' and f.w30_conversions >= 80
      and (select count(*) from (select from public.campaign_metrics m where m.campaign_id = f.campaign_id
             and m.bucket >= f.as_of - interval '2 days' and m.bucket < f.as_of limit 3) few) = 3
  ), hours as (
    select l.id, min(l.order_cv2) as order_cv2, extract(isodow from b.at)::integer as dow, extract(hour from b.at)::integer as hour,
           count(*)::float8 as buckets, min(b.at) as first_at, max(b.at) as last_at,
           sum(x.n) as clicks, sum(x.x) as conversions, sum(x.s) as spend, sum(x.r) as revenue,
           sum(x.x * x.x) as xx, sum(x.x * x.n) as xn, sum(x.n * x.n) as nn
    from looked_at l
    join public.campaign_metrics m on m.campaign_id = l.id and m.bucket >= v_from and m.bucket < v_until
    cross join lateral (select m.bucket at time zone v_zone as at) b
    cross join lateral (select greatest(m.clicks, m.conversions)::float8 as n, m.conversions::float8 as x,
                               m.spend::float8 as s, greatest(0, m.revenue)::float8 as r) x
    group by l.id, 3, 4
  ), pools as (
    -- A null in weekend, dow, h6, h3, hour stands for any; the row with nulls only is the whole campaign.
    -- moved / freedom: chi square of an hour's weeks about their common rate.
    select h.id, h.dow >= 6 as weekend, h.dow, h.hour / 6 as h6, h.hour / 3 as h3, h.hour, grouping(h.dow >= 6, h.hour, h.hour / 3, h.hour / 6) = 15 as whole,
           sum(h.clicks) as clicks, sum(h.conversions) as conversions, sum(h.spend) as spend, sum(h.revenue) as revenue,
           max(h.last_at)::date - min(h.first_at)::date + 1 as days, min(h.order_cv2) as order_cv2,
           sum(greatest(0, h.xx - 2 * h.conversions / h.clicks * h.xn + (h.conversions / h.clicks) ^ 2 * h.nn) / (h.conversions / h.buckets))
             filter (where h.conversions > 0) as moved,
           sum(h.buckets - 1) filter (where h.conversions > 0) as freedom
    from hours h
    group by h.id, grouping sets (
      (h.dow >= 6, h.dow, h.hour), (h.dow >= 6, h.dow, h.hour / 3), (h.dow >= 6, h.dow, h.hour / 6), (h.dow >= 6, h.dow),
      (h.dow >= 6, h.hour), (h.dow >= 6, h.hour / 3), (h.dow >= 6, h.hour / 6), (h.hour), (h.hour / 3), (h.hour / 6), ())
  ), measured as (
    select p.*, max(p.clicks) filter (where p.whole) over campaign as all_clicks,
           max(p.conversions) filter (where p.whole) over campaign as all_conversions,
           max(p.spend) filter (where p.whole) over campaign as all_spend, max(p.revenue) filter (where p.whole) over campaign as all_revenue,
           max(p.days) over campaign as all_days, count(p.hour) over campaign as hours_seen,
           greatest(1, max((20 * 1.3 + p.moved) / (20 + p.freedom)) filter (where p.whole) over campaign) as phi
    from pools p window campaign as (partition by p.id)
  ), tested as (
    select m.*, not m.whole and greatest(
             (cbrt(0.5 * m.all_conversions / m.all_clicks * m.clicks / m.phi / f.shape1) - (1 - 1 / (9 * f.shape1))) * 3 * sqrt(f.shape1),
             case when f.unit > 0 and m.all_spend > 0 then
               (cbrt(0.5 * m.all_revenue / m.all_spend * m.spend / f.unit / f.shape2) - (1 - 1 / (9 * f.shape2))) * 3 * sqrt(f.shape2) end) >= 3.82 as weak,
           greatest(
             (cbrt(0.5 * m.all_conversions / m.all_clicks * m.clicks / m.phi / f.shape1) - (1 - 1 / (9 * f.shape1))) * 3 * sqrt(f.shape1),
             case when f.unit > 0 and m.all_spend > 0 then
               (cbrt(0.5 * m.all_revenue / m.all_spend * m.spend / f.unit / f.shape2) - (1 - 1 / (9 * f.shape2))) * 3 * sqrt(f.shape2) end) as z,
           m.conversions < 0.5 * m.all_conversions / m.all_clicks * m.clicks
             or (f.unit > 0 and m.all_spend > 0 and m.revenue < 0.5 * m.all_revenue / m.all_spend * m.spend) as below
    from measured m
    cross join lateral (select m.all_revenue / m.all_conversions * (m.phi + m.order_cv2) as unit) u
    cross join lateral (
      select u.unit, m.conversions / m.phi + 1 as shape1, case when u.unit > 0 then m.revenue / u.unit + 1 end as shape2) f
    where m.all_days >= 14 and m.all_conversions >= 80 and m.all_clicks > 0 and m.hours_seen > 1
  ), suspects as materialized (
    select t.id, min(t.all_clicks) as clicks, min(t.all_conversions) as conversions, min(t.all_spend) as spend, min(t.all_revenue) as revenue,
           min(t.all_days) as days, min(t.phi) as phi, max(t.z) as z,
           public.weak_hours(jsonb_agg(jsonb_build_object(
             'weekend', t.weekend, 'dow', t.dow, 'h6', t.h6, 'h3', t.h3, 'hour', t.hour, 'weak', t.weak, 'below', t.below,
             'clicks', t.clicks, 'conversions', t.conversions, 'spend', t.spend, 'revenue', t.revenue))) as hours
    from (select x.*, bool_or(x.weak) over (partition by x.id) as suspicious from tested x) t
    where t.suspicious and not t.whole and (t.weak or t.hour is not null)
    group by t.id
  ), named as (
    select s.*, l.title, (s.hours ->> 'clicks')::float8 as weak_clicks, (s.hours ->> 'conversions')::float8 as weak_conversions,
           (s.hours ->> 'spend')::float8 as weak_spend, (s.hours ->> 'revenue')::float8 as weak_revenue,
           s.hours ->> 'words' as words, s.hours ->> 'peak' as peak
    from suspects s join looked_at l on l.id = s.id
    where s.hours ->> 'words' is not null
  )
  select n.id, 'timing_optimization'::text,
         case when s.share >= 0.5 then 'critical' when s.share >= 0.3 then 'high' when s.share >= 0.15 then 'medium' else 'low' end,
         format('Campaign "%s" converts %s%% of its clicks in weak hours (%s, %s) against %s%% over all, and spends %s%% of its money there',
                n.title, to_char(100 * n.weak_conversions / greatest(1, n.weak_clicks), 'FM990.0'), n.words, v_zone,
                to_char(100 * n.conversions / n.clicks, 'FM990.0'), round((100 * s.share)::numeric)),
         format('Take these hours out of its schedule: %s (%s). Raise bids in its best hours: every day %s.', n.words, v_zone, n.peak),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day', round((greatest(0, n.weak_spend * s.other_roi - n.weak_revenue) / n.days)::numeric, 2),
           'spend_per_day', round((n.weak_spend / n.days)::numeric, 2),
           'percent', round((100 * s.share)::numeric, 1),
           'basis', format('%s a day moved from these hours (ROI %s) to the others (ROI %s)', to_char(n.weak_spend / n.days, 'FM999,999,990.00'),
                           coalesce(to_char(case when n.weak_spend > 0 then n.weak_revenue / n.weak_spend end, 'FM990.00'), 'unknown'),
                           to_char(s.other_roi, 'FM990.00'))),
         round(least(99.9, greatest(50, 100 * (1 - 734 * (1 - public.normal_probability(n.z)))))::numeric, 2),
         jsonb_build_object('weak_hours', n.hours -> 'list', 'peak_hours', n.hours -> 'peak_list', 'time_zone', v_zone, 'z', round(n.z::numeric, 2),
                            'phi', round(n.phi::numeric, 2), 'days', n.days, 'conversions', n.conversions)
  from named n
  cross join lateral (
    select case when n.spend > 0 then n.weak_spend / n.spend else 0 end as share,
           case when n.spend > n.weak_spend then (n.revenue - n.weak_revenue) / (n.spend - n.weak_spend) else 0 end as other_roi) s;
end $$;

do $$
declare
  v_function text;
begin
  foreach v_function in array array[
    'high_traffic_low_conversion(uuid, uuid, timestamptz, jsonb, timestamptz)', 'declining_performance(uuid, uuid, timestamptz, timestamptz)',
    'budget_inefficiency(uuid, uuid, timestamptz, timestamptz)', 'audience_mismatch(uuid, uuid, timestamptz, jsonb, timestamptz)',
    'creative_fatigue(uuid, uuid, timestamptz, timestamptz)', 'timing_optimization(uuid, uuid, timestamptz, timestamptz)'] loop
    execute format('comment on function public.%s is %L', v_function, format(
      'The detector %s, for active campaigns with ids in (p_after, p_until] whose facts changed after p_changed_after (null: any). '
      'What it tests stands above it in sql/0008_opportunities.sql. Only reads; safe to call again; raises nothing. [autonomous-operations]',
      split_part(v_function, '(', 1)));
  end loop;
end $$;

create function public.find_opportunities(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_timing boolean, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
begin
  return query select * from public.high_traffic_low_conversion(p_after, p_until, p_changed_after, p_rates, p_now);
  return query select * from public.declining_performance(p_after, p_until, p_changed_after, p_now);
  return query select * from public.budget_inefficiency(p_after, p_until, p_changed_after, p_now);
  return query select * from public.audience_mismatch(p_after, p_until, p_changed_after, p_rates, p_now);
  return query select * from public.creative_fatigue(p_after, p_until, p_changed_after, p_now);
  if p_timing then
    return query select * from public.timing_optimization(p_after, p_until, p_changed_after, p_now);
  end if;
end $$;
comment on function public.find_opportunities(uuid, uuid, timestamptz, jsonb, boolean, timestamptz) is
  'All six detectors (timing_optimization on request) over a range of campaigns, with the figures behind each finding. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.detect_optimization_opportunities(p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric)
language sql stable set search_path = '' set statement_timeout = '55s' set jit = off
as $$
  select o.campaign_id, o.opportunity_type, o.severity, o.description, o.suggested_action, o.estimated_impact, o.confidence_score
  from public.find_opportunities(
    null::uuid, null::uuid, null::timestamptz, public.opportunity_rates(p_now), true, p_now) o
  order by public.severity_rank(o.severity), o.confidence_score desc, o.campaign_id, o.opportunity_type
$$;
comment on function public.detect_optimization_opportunities(timestamptz) is
  'What a person should look at now, in every active campaign: critical first. Writes nothing and knows nothing of what was dismissed; record_opportunities keeps the list. Only reads; safe to call again; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The life of an opportunity
-- ---------------------------------------------------------------------------------------------
create function public.opportunity_status_guard() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.status in ('open', 'in_progress') then
    new.resolved_at := null;
  elsif new.resolved_at is not distinct from old.resolved_at then
    new.resolved_at := now();
  end if;
  -- What the system closed by itself and a person takes up again is the person's.
  if old.status_by = 'autonomy' and new.status_by = 'autonomy' then
    new.status_by := null;
  end if;
  return new;
end $$;
comment on function public.opportunity_status_guard() is
  'Trigger of optimization_opportunities: a status set by plain SQL gets its time as well. Raises nothing. [autonomous-operations]';
create trigger opportunity_status_guard before update of status on public.optimization_opportunities
  for each row when (old.status is distinct from new.status) execute function public.opportunity_status_guard();

-- Writes down what was found among the campaigns in (p_after, p_until]; gives the number of new rows.
create function public.record_opportunities_found(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_timing boolean, p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
-- plpgsql, so that each slice is planned for the table as it has become by then
declare
  v_new integer;
begin
  with found as materialized (
    select * from public.find_opportunities(p_after, p_until, p_changed_after, p_rates, p_timing, p_now)
  ), wanted as (
    select f.* from found f
    where exists (
      select from public.optimization_opportunities o
      where o.campaign_id = f.campaign_id and o.opportunity_type = f.opportunity_type and o.status in ('open', 'in_progress'))
    or not exists (
      -- What a person closed rests: dismissed for 30 days, resolved for 3 (a fix needs time to show in
      -- the figures), unless it has become more severe than it was then.
      select from public.optimization_opportunities o
      where o.campaign_id = f.campaign_id and o.opportunity_type = f.opportunity_type
        and public.severity_rank(f.severity) >= public.severity_rank(o.severity)
        and (o.status = 'dismissed' and coalesce(o.resolved_at, o.last_seen_at) > p_now - interval '30 days'
             or o.status = 'resolved' and o.status_by is distinct from 'autonomy'
                and coalesce(o.resolved_at, o.last_seen_at) > p_now - interval '3 days'))
  ), written as (
    insert into public.optimization_opportunities as o
      (campaign_id, opportunity_type, severity, description, suggested_action, estimated_impact, confidence_score, figures,
       status, is_current, first_seen_at, last_seen_at, created_at)
    select w.campaign_id, w.opportunity_type, w.severity, w.description, w.suggested_action, w.estimated_impact,
           w.confidence_score, w.figures, 'open', true, p_now, p_now, p_now
    from wanted w
    order by w.campaign_id, w.opportunity_type
    on conflict (campaign_id, opportunity_type) where status in ('open', 'in_progress') do update
      set severity = excluded.severity, description = excluded.description, suggested_action = excluded.suggested_action,
          estimated_impact = excluded.estimated_impact, confidence_score = excluded.confidence_score,
          figures = excluded.figures, is_current = true, last_seen_at = greatest(o.last_seen_at, excluded.last_seen_at)
    returning o.xmax = 0 as is_new
  )
  select count(*) filter (where is_new) into v_new from written;
  return v_new;
end $$;
comment on function public.record_opportunities_found(uuid, uuid, timestamptz, jsonb, boolean, timestamptz) is
  'One slice of record_opportunities: a row for each finding, one per campaign and type while unresolved. Safe to call again; raises nothing. [autonomous-operations]';

-- What was looked at and not found again is no longer current, and resolved when that has lasted 3 days.
create function public.resolve_opportunities_gone(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_timing boolean, p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_resolved integer;
begin
  with gone as (
    select o.id from public.optimization_opportunities o
    where o.status in ('open', 'in_progress') and o.last_seen_at < p_now
      and (o.is_current or o.last_seen_at <= p_now - interval '3 days')
      and (p_timing or o.opportunity_type <> 'timing_optimization')
      and (p_after is null or o.campaign_id > p_after) and (p_until is null or o.campaign_id <= p_until)
      -- what an earlier look did not find any more needs no other
      and (p_changed_after is null or not o.is_current or p_changed_after < 'infinity' and exists (
        select from public.campaign_facts f where f.campaign_id = o.campaign_id and f.changed_at > p_changed_after))
    order by o.campaign_id, o.opportunity_type
    for update
  ), written as (
    update public.optimization_opportunities o
    set is_current = false,
        status = case when o.last_seen_at <= p_now - interval '3 days' then 'resolved' else o.status end,
        resolved_at = case when o.last_seen_at <= p_now - interval '3 days' then p_now end,
        status_by = case when o.last_seen_at <= p_now - interval '3 days' then 'autonomy' else o.status_by end
    from gone g
    where o.id = g.id and o.status in ('open', 'in_progress')
    returning o.status
  )
  select count(*) filter (where status = 'resolved') into v_resolved from written;
  return v_resolved;
end $$;
comment on function public.resolve_opportunities_gone(uuid, uuid, timestamptz, boolean, timestamptz) is
  'One slice of record_opportunities: what is gone for 3 days is resolved. Safe to call again; raises nothing. [autonomous-operations]';

create function public.record_opportunities(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s' set jit = off
as $$
declare
  v_slice constant integer := 50000;      -- campaigns at a time, so that memory stays flat
  v_budget constant interval := '20 s';   -- then the next run goes on behind the last slice
  v_overlap constant interval := '15 minutes';
  v_started constant timestamptz := clock_timestamp();
  v_today date := (select (p_now at time zone time_zone)::date from public.autonomy_policy);
  v_state public.opportunity_detection;
  v_whole boolean;
  v_changed_after timestamptz;
  v_seen_until timestamptz;
  v_rates jsonb;
  v_timing boolean;
  v_after uuid;
  v_until uuid;
  v_new integer := 0;
  v_resolved integer := 0;
  v_detected integer;
begin
  perform public.simulated_moment(p_now);
  -- Twenty runs at once take turns here: the first does the work, the others find little changed.
  insert into public.opportunity_detection (id) values (true) on conflict do nothing;
  select * into v_state from public.opportunity_detection for update;

  -- Once a day every campaign, since a problem can end, or a day become complete, without new figures;
  -- else those whose facts changed. Fifteen minutes are looked at twice: facts of a transaction that
  -- was still open at the last look carry an earlier time. (Twice and no more: a run costs nothing
  -- while nothing changes.)
  v_whole := v_state.full_pass_day is distinct from v_today or v_state.full_pass_after is not null;
  -- (not later than that either, should the clock have gone back since)
  v_changed_after := case when not v_whole then least(v_state.changes_seen_until, greatest(p_now, now()) - v_overlap) end;
  v_after := case when v_state.full_pass_day = v_today then v_state.full_pass_after end;
  v_seen_until := case when v_after is null then
    (select case when latest - v_overlap <= v_state.changes_seen_until and latest < least(p_now, now()) - v_overlap
       then latest else coalesce(latest - v_overlap, '-infinity') end
     from (select least(greatest(p_now, now()), coalesce(max(f.changed_at), v_state.changes_seen_until)) as latest
           from public.campaign_facts f where f.changed_at > v_state.changes_seen_until) l)
    else v_state.changes_seen_until end;

  -- Hours are compared over complete days, and reading them takes the longest: once a day is enough,
  -- more often only while few campaigns have such figures.
  v_timing := v_whole or 300 >= (select count(*) from (
    select from public.campaign_facts f where f.changed_at > v_changed_after and f.w30_conversions >= 80 limit 301) many);

  if v_whole or exists (select from public.campaign_facts f where f.changed_at > v_changed_after) then
    v_rates := public.opportunity_rates(p_now);
    loop
      select f.campaign_id into v_until from public.campaign_facts f
      where (v_after is null or f.campaign_id > v_after) and (v_changed_after is null or f.changed_at > v_changed_after)
      order by f.campaign_id offset v_slice - 1 limit 1;
      v_new := v_new + public.record_opportunities_found(v_after, v_until, v_changed_after, v_rates, v_timing, p_now);
      v_resolved := v_resolved + public.resolve_opportunities_gone(v_after, v_until, v_changed_after, v_timing, p_now);
      v_after := v_until;
      exit when v_after is null or clock_timestamp() - v_started > v_budget;
    end loop;
  else
    -- nothing changed after 'infinity': only what an earlier look did not find any more can be gone
    v_resolved := public.resolve_opportunities_gone(null::uuid, null::uuid, timestamptz 'infinity', false, p_now);
  end if;

  update public.opportunity_detection
  set changes_seen_until = v_seen_until, full_pass_day = v_today, full_pass_after = v_after;
  select count(*) into v_detected from public.optimization_opportunities
  where status in ('open', 'in_progress') and is_current;
  return jsonb_build_object('detected', v_detected, 'new', v_new, 'resolved', v_resolved, 'complete', v_after is null);
end $$;
comment on function public.record_opportunities(timestamptz) is
  'Detects and keeps the list: {"detected": what stands now, "new", "resolved", "complete"}. The first call of a day looks at every campaign, later ones at those whose facts changed. Safe to call again, and by many at once. Raises AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.set_opportunity_status(
  p_id uuid, p_status text, p_actor text default null, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_old public.optimization_opportunities;
  v_new public.optimization_opportunities;
begin
  perform public.simulated_moment(p_now);
  if p_status is null or p_status not in ('open', 'in_progress', 'resolved', 'dismissed') then
    raise exception using errcode = 'AO010',
      message = format('The status of an opportunity is open, in_progress, resolved or dismissed, not %s.', coalesce(quote_literal(p_status), 'NULL'));
  end if;
  select * into v_old from public.optimization_opportunities where id = p_id for update;
  if not found then
    raise exception using errcode = 'AO013',
      message = format('There is no opportunity with the id %s.', coalesce(p_id::text, 'NULL')),
      hint = 'Take an id from optimization_opportunities.';
  end if;
  if v_old.status = p_status then
    return to_jsonb(v_old) || jsonb_build_object('changed', false);
  end if;
  begin
    update public.optimization_opportunities
    set status = p_status, status_by = coalesce(p_actor, 'a person'),
        resolved_at = case when p_status in ('resolved', 'dismissed') then p_now end
    where id = p_id returning * into v_new;
  exception when unique_violation then
    raise exception using errcode = 'AO004',
      message = format('This campaign already has an open opportunity of the type %s, seen since this one was closed.', v_old.opportunity_type),
      hint = 'Work on that one instead.';
  end;
  return to_jsonb(v_new) || jsonb_build_object('changed', true);
end $$;
comment on function public.set_opportunity_status(uuid, text, text, timestamptz) is
  'Starts (in_progress), resolves, dismisses or reopens an opportunity and gives its row. Dismissed: not raised again for 30 days unless more severe; resolved: for 3 days. Safe to call again (changed: false). AO010 an unknown status, AO013 an unknown id, AO004 another one is open, AO014 p_now is not the clock''s. [autonomous-operations]';

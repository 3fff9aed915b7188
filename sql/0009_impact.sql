-- What actions really achieved, what the rules are worth, and what was learnt, in words.
-- Safe to run again.
--
-- Campaigns are acted on because they looked extreme, and what looked extreme looks less so
-- afterwards by itself: before/after comparisons credit that to the action. So the baseline here is
-- not what was seen before, but the posterior mean of the evidence at the time of the decision (the
-- extreme part of it already discounted), times what happened meanwhile to comparable campaigns that
-- nobody touched. Every figure carries a 90 % interval; a verdict is spoken only where it excludes zero.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- Small pieces
-- ---------------------------------------------------------------------------------------------
create function public.impact_number(p_value jsonb) returns float8
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
comment on function public.impact_number(jsonb) is
  'A number out of stored evidence; NULL for anything else. Only computes; raises nothing. [autonomous-operations]';

create function public.impact_moment(p_value text) returns timestamptz
language plpgsql stable strict parallel safe set search_path = ''
as $$
begin
  return p_value::timestamptz;
exception when data_exception then
  return null;
end $$;
comment on function public.impact_moment(text) is
  'A moment out of stored evidence; NULL for anything else. Only computes; raises nothing. [autonomous-operations]';

create function public.mean_matured_share(p_youngest_hours float8, p_oldest_hours float8, p_delay_hours float8) returns float8
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
comment on function public.mean_matured_share(float8, float8, float8) is
  'The share of conversions that has arrived of spend whose age runs evenly from the youngest to the oldest hours (never under 0.05). Only computes; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What a campaign did before a moment, and between two
-- ---------------------------------------------------------------------------------------------
create function public.spend_before(
  p_campaign_id uuid, p_at timestamptz, p_zone text, p_half_life float8, p_delay float8, p_now timestamptz default now(),
  out spend float8, out revenue float8, out conversions float8, out days float8, out matured float8)
language plpgsql stable set search_path = ''
as $$
declare
  v_day date := (p_at at time zone p_zone)::date;
begin
  -- Weighed as the evidence is (half after each half-life), so that it is the same kind of mean.
  select sum(w.weight * d.spend::float8), sum(w.weight * d.revenue::float8), sum(w.weight * d.conversions::float8),
         sum(w.weight) filter (where d.spend > 0),
         sum(w.weight * d.spend::float8 * public.mean_matured_share(w.age_hours - 24, w.age_hours, p_delay))
  into spend, revenue, conversions, days, matured
  from public.campaign_daily d
  cross join lateral (
    select case when p_half_life > 0 then exp(greatest(-200, -ln(2::float8) * (v_day - d.day) / p_half_life)) else 1 end as weight,
           extract(epoch from p_now - (d.day::timestamp at time zone p_zone))::float8 / 3600 as age_hours) w
  where d.campaign_id = p_campaign_id and d.day < v_day and d.day >= v_day - 28;
end $$;
comment on function public.spend_before(uuid, timestamptz, text, float8, float8, timestamptz) is
  'The 28 days before a moment, fading as evidence does: sums, days with spend, and the spend whose conversions have arrived. Only reads; raises nothing. [autonomous-operations]';

create function public.spend_between(
  p_campaign_id uuid, p_from timestamptz, p_until timestamptz, p_zone text, p_delay float8, p_now timestamptz default now(),
  out spend float8, out revenue float8, out days float8, out matured_share float8)
language plpgsql stable set search_path = ''
as $$
declare
  v_hourly boolean;
  v_from timestamptz := p_from;
  v_until timestamptz;
begin
  select count(*) > count(distinct (m.bucket at time zone p_zone)::date) into v_hourly
  from public.campaign_metrics m
  where m.campaign_id = p_campaign_id and m.bucket >= p_from - interval '3 days' and m.bucket < p_from;
  if not v_hourly then
    -- A daily bucket stands at its midnight: the window moves to the nearest one.
    v_from := date_trunc('day', (p_from + interval '12 hours') at time zone p_zone) at time zone p_zone;
  end if;
  v_until := least(v_from + (p_until - p_from), p_now);
  days := greatest(0, extract(epoch from v_until - v_from)::float8 / 86400);
  matured_share := public.mean_matured_share(extract(epoch from p_now - v_until)::float8 / 3600,
                                             extract(epoch from p_now - v_from)::float8 / 3600, p_delay);
  select coalesce(sum(m.spend), 0)::float8, coalesce(sum(m.revenue), 0)::float8 into spend, revenue
  from public.campaign_metrics m
  where m.campaign_id = p_campaign_id and m.bucket >= v_from and m.bucket < v_until;
end $$;
comment on function public.spend_between(uuid, timestamptz, timestamptz, text, float8, timestamptz) is
  'What a campaign spent and earned in a window up to p_now, the days that this covers, and the share of its conversions that has arrived. Only reads; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The common time factor: what happened meanwhile to campaigns that nobody touched
--
-- Per window and account (at least 5 campaigns there, else all). Roi: what they earned, against what
-- their posterior means at the time would have let expect for what they spent. Not against what they
-- earned before: they were left alone because they did not look extreme, and that too regresses. Spend:
-- a day after against a day before. The variance of each logarithm comes from the campaigns' own
-- deviations; both are shrunk towards 1 as if it were known beforehand to within 20 % (roi) and 30 %
-- (spend). Without any comparable campaign the factor is 1 with just that doubt.
-- ---------------------------------------------------------------------------------------------
create function public.time_factors(p_windows jsonb, p_now timestamptz default now())
returns table (from_at timestamptz, until_at timestamptz, account text, campaigns integer,
               log_roi float8, log_roi_variance float8, log_spend float8, log_spend_variance float8)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
begin
  return query
  with windows as materialized (
    select (w ->> 'from')::timestamptz as from_at, (w ->> 'until')::timestamptz as until_at,
           coalesce(max(public.impact_number(w -> 'tau2')), v_policy.prior_tau2) as tau2,
           coalesce(max(public.impact_number(w -> 'order_value')), v_policy.prior_order_value) as order_value,
           coalesce(max(public.impact_number(w -> 'cv2')), v_policy.prior_cv2) as cv2
    from jsonb_array_elements(p_windows) w group by 1, 2
  ), sample as materialized (
    -- At most 400, picked by a hash: enough for a common factor, and the same ones every time.
    select c.id, c.account from public.campaigns c
    join public.campaign_facts f on f.campaign_id = c.id
    where f.has_history and f.as_of > (select min(w.from_at) from windows w)
    order by uuid_hash(c.id), c.id limit 400
  ), seen as materialized (
    select w.*, s.account, b.spend, b.revenue as revenue_before, b.conversions, b.days, b.matured,
           a.spend / a.days as spend_after, a.revenue, a.spend * a.matured_share as matured_after,
           -- the centre that posteriors are drawn to: all of them before, the touched ones included
           sum(b.revenue) over (partition by w.from_at, w.until_at) / sum(b.matured) over (partition by w.from_at, w.until_at) as centre,
           exists (
             select from public.campaign_changes x
             where x.campaign_id = s.id and x.kind <> 'created'
               and x.changed_at > w.from_at - interval '7 days' and x.changed_at < w.until_at) as touched
    from windows w cross join sample s
    cross join lateral public.spend_before(s.id, w.from_at, v_policy.time_zone, v_policy.evidence_half_life_days::float8,
                                           v_policy.conversion_delay_hours::float8, p_now) b
    cross join lateral public.spend_between(s.id, w.from_at, w.until_at, v_policy.time_zone,
                                            v_policy.conversion_delay_hours::float8, p_now) a
    where b.spend > 0 and b.days > 0 and a.days > 0
  ), measured as materialized (
    select s.from_at, s.until_at, s.account, s.spend / s.days as spend_before, s.spend_after, s.revenue,
           s.matured_after * exp((public.roi_posterior(s.spend, s.conversions, s.revenue_before, null::float8, s.days, s.matured / s.spend,
                                                       greatest(0.01, s.centre), s.tau2, s.order_value, s.cv2))[1]) as expected
    from seen s
    where not s.touched
  ), grouped as materialized (
    select m.from_at, m.until_at, g.account, m.spend_before, m.spend_after, m.revenue, m.expected
    from measured m cross join lateral (values (m.account), (null)) g (account)
  ), sums as materialized (
    select g.from_at, g.until_at, g.account, count(*)::integer as campaigns,
           sum(g.spend_before) as sb, sum(g.spend_after) as sa, sum(g.revenue) as r, sum(g.expected) as e
    from grouped g group by 1, 2, 3
    having count(*) >= 5 or (g.account is null and count(*) >= 2)
  ), raw as (
    select s.from_at, s.until_at, s.account, s.campaigns,
           case when s.r > 0 and s.e > 0 then ln(s.r / s.e) end as log_roi,
           case when s.r > 0 and s.e > 0 then sum((g.revenue / s.r - g.expected / s.e) ^ 2) * s.campaigns / (s.campaigns - 1) end as roi_variance,
           case when s.sa > 0 and s.sb > 0 then ln(s.sa / s.sb) end as log_spend,
           case when s.sa > 0 and s.sb > 0 then
             sum((g.spend_after / s.sa - g.spend_before / s.sb) ^ 2) * s.campaigns / (s.campaigns - 1) end as spend_variance
    from sums s
    join grouped g on g.from_at = s.from_at and g.until_at = s.until_at and g.account is not distinct from s.account
    group by s.from_at, s.until_at, s.account, s.campaigns, s.sa, s.sb, s.r, s.e
  )
  select r.from_at, r.until_at, r.account, r.campaigns,
         coalesce(r.log_roi * 0.04 / (0.04 + r.roi_variance), 0), coalesce(0.04 * r.roi_variance / (0.04 + r.roi_variance), 0.04),
         coalesce(r.log_spend * 0.09 / (0.09 + r.spend_variance), 0), coalesce(0.09 * r.spend_variance / (0.09 + r.spend_variance), 0.09)
  from raw r;
end $$;
comment on function public.time_factors(jsonb, timestamptz) is
  'For windows [{"from", "until", and the prior of the decisions: "tau2", "order_value", "cv2"}]: how roi and daily spend of untouched campaigns changed against what was to be expected, by account (null: all), as logarithms with variances. Only reads; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Measuring
-- ---------------------------------------------------------------------------------------------

-- The actions that a horizon has come for, with what is known of each. The window ends where the
-- campaign was next changed by anyone: what came then is not this action's doing.
create function public.due_impacts(p_limit integer default 1000, p_now timestamptz default now())
returns table (action_id uuid, campaign_id uuid, account text, kind text, horizon integer, from_at timestamptz, until_at timestamptz,
               s float8, n float8, r float8, cv2 float8, d float8, f float8, prior_mean float8, prior_tau2 float8,
               prior_order_value float8, prior_cv2 float8, has_history boolean, revenue_then float8, conversions_then float8,
               spend_then float8, life_spend float8, life_revenue float8, life_conversions float8,
               data_until timestamptz, final boolean)
language sql stable set search_path = ''
as $$
  select a.id, a.campaign_id, c.account,
         case when a.action_type in ('auto_pause', 'auto_resume') then a.action_type
              when a.action_type in ('auto_scale_up', 'auto_scale_down', 'budget_adjusted') then 'budget' else 'other' end,
         h.days, date_trunc('minute', a.executed_at),
         date_trunc('minute', least(a.executed_at + h.days * interval '1 day', (
           select min(x.changed_at) from public.campaign_changes x
           where x.campaign_id = a.campaign_id and x.kind <> 'created' and x.changed_at > a.executed_at and x.action_id is distinct from a.id))),
         case when c.id is not null then coalesce(e.s, b.spend, e.life_s) end, coalesce(e.n, b.conversions, e.life_n, 0), coalesce(e.r, b.revenue, e.life_r, 0), e.cv2,
         greatest(1, coalesce(e.d, b.days, case when isfinite(c.created_at) then extract(epoch from a.executed_at - c.created_at)::float8 / 86400 end, 1)),
         coalesce(e.f, case when b.spend > 0 then b.matured / b.spend end, 1),
         coalesce(e.mean, p.prior_mean_roi), coalesce(e.tau2, p.prior_tau2),
         coalesce(e.order_value, p.prior_order_value), coalesce(e.prior_cv2, p.prior_cv2),
         coalesce(f.has_history, false), e.life_r, e.life_n, e.life_s, f.life_spend, f.life_revenue, f.life_conversions,
         t.data_until, t.final
  from public.autonomous_actions a
  cross join public.autonomy_policy p
  cross join lateral (
    -- one horizon at a time and action: the first that has come and is not measured
    select d.days from (values (1), (3), (7)) d (days)
    where a.executed_at + d.days * interval '1 day' <= p_now
      and not coalesce(a.actual_impact, '{}') ? (d.days || 'd')) h
  left join public.campaigns c on c.id = a.campaign_id
  left join public.campaign_facts f on f.campaign_id = a.campaign_id
  cross join lateral (
    select public.impact_number(a.evidence -> 'spend') as s, public.impact_number(a.evidence -> 'conversions') as n,
           public.impact_number(a.evidence -> 'revenue') as r, public.impact_number(a.evidence -> 'cv2') as cv2,
           public.impact_number(a.evidence -> 'days') as d, public.impact_number(a.evidence -> 'matured_share') as f,
           public.impact_number(a.evidence #> '{prior,mean_roi}') as mean, public.impact_number(a.evidence #> '{prior,tau2}') as tau2,
           public.impact_number(a.evidence #> '{prior,order_value}') as order_value, public.impact_number(a.evidence #> '{prior,cv2}') as prior_cv2,
           public.impact_number(a.evidence #> '{metrics,spend}') as life_s, public.impact_number(a.evidence #> '{metrics,conversions}') as life_n,
           public.impact_number(a.evidence #> '{metrics,revenue}') as life_r) e
  left join lateral public.spend_before(a.campaign_id, a.executed_at, p.time_zone, p.evidence_half_life_days::float8,
                                        p.conversion_delay_hours::float8, p_now) b on e.s is null
  cross join lateral (
    -- Figures come late in many installations: until max_data_age_hours have passed a horizon whose
    -- data are not there yet is only provisional, and measured again. A pause needs no later data.
    select coalesce(case when f.has_history then f.as_of else f.data_at end, a.executed_at) as data_until,
           a.action_type = 'auto_pause' or c.id is null
             or a.executed_at + h.days * interval '1 day' - interval '1 day' <= case when f.has_history then f.as_of else f.data_at end
             or a.executed_at + h.days * interval '1 day' + p.max_data_age_hours::float8 * interval '1 hour' <= p_now as final) t
  where a.status = 'executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
    and a.executed_at <= p_now - interval '1 day' and isfinite(a.executed_at)
    and (t.final or a.actual_impact is null)
  order by a.executed_at, a.id, h.days
  limit greatest(0, p_limit)
$$;
comment on function public.due_impacts(integer, timestamptz) is
  'Executed actions whose 1, 3 or 7 days have passed and are not measured, oldest first, with the evidence that they were decided on. Only reads; raises nothing. [autonomous-operations]';

create function public.measure_action_impact(p_limit integer default 1000, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_measured integer;
begin
  perform public.simulated_moment(p_now);
  if not exists (  -- planning what follows takes longer than finding nothing to do
    select from public.autonomous_actions a
    where a.status = 'executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
      and a.executed_at <= p_now - interval '1 day') then
    return jsonb_build_object('measured', 0);
  end if;
  with due as materialized (
    select * from (
      -- forty windows at a time: a backlog of months is worked off by the following runs
      select d.*, dense_rank() over (order by d.from_at, d.until_at) as window_number
      from public.due_impacts(p_limit, p_now) d) ranked
    where window_number <= 40
  ), factors as materialized (
    select * from public.time_factors(coalesce(
      (select jsonb_agg(distinct jsonb_build_object('from', d.from_at, 'until', d.until_at, 'tau2', d.prior_tau2, 'order_value', d.prior_order_value, 'cv2', d.prior_cv2)) from due d where d.until_at > d.from_at), '[]'), p_now)
  ), joined as materialized (
    select d.*, coalesce(own.campaigns, everyone.campaigns, 0) as comparables,
           coalesce(own.log_roi, everyone.log_roi, 0) as log_roi, coalesce(own.log_roi_variance, everyone.log_roi_variance, 0.04) as log_roi_variance,
           coalesce(own.log_spend, everyone.log_spend, 0) as log_spend,
           coalesce(own.log_spend_variance, everyone.log_spend_variance, 0.09) as log_spend_variance
    from due d
    left join factors own on own.from_at = d.from_at and own.until_at = d.until_at and own.account = d.account
    left join factors everyone on everyone.from_at = d.from_at and everyone.until_at = d.until_at and everyone.account is null
  ), observed as materialized (
    -- Without a time series, what the totals grew by since then is all there is to see.
    select j.*,
           case when j.has_history then a.spend else greatest(0, j.life_spend - j.spend_then) end as spend_after,
           case when j.has_history then a.revenue else greatest(0, j.life_revenue - j.revenue_then) end as revenue_after,
           case when j.has_history then a.days else greatest(0, extract(epoch from least(p_now, case j.kind when 'auto_pause' then p_now else j.data_until end) - j.from_at)::float8 / 86400) end as days,
           case when j.has_history then a.matured_share else 1 end as matured_after,
           -- A paused campaign's later conversions belong to what it spent before.
           case when j.kind = 'auto_pause' then greatest(0, coalesce(j.life_revenue - j.revenue_then - a.revenue, 0)) else 0 end as late_revenue,
           case when j.kind = 'auto_pause' then greatest(0, coalesce(j.life_conversions - j.conversions_then, 0)) else 0 end as late_conversions
    from joined j
    cross join lateral public.spend_between(j.campaign_id, j.from_at, greatest(j.from_at, least(
      j.until_at, case j.kind when 'auto_pause' then j.until_at else j.data_until end)), v_policy.time_zone,
                                            v_policy.conversion_delay_hours::float8, p_now) a
  ), believed as materialized (
    select o.*, b.posterior, v_policy.break_even_roi::float8 as be,
           (o.r + o.late_revenue + 2 * o.prior_order_value) / (o.n + o.late_conversions + 2) * (1 + o.prior_cv2 + 0.25 * o.n / o.d) as unit
    from observed o
    cross join lateral (
      select case when o.kind = 'auto_pause' and v_policy.conversion_delay_hours > 0 then
               1 - (1 - o.f) * exp(greatest(-200, -extract(epoch from p_now - o.from_at)::float8 / 3600 / v_policy.conversion_delay_hours::float8))
             else o.f end as matured) m
    cross join lateral (
      select public.roi_posterior(o.s, o.n + o.late_conversions, o.r + o.late_revenue, o.cv2, o.d, m.matured,
                                  o.prior_mean, o.prior_tau2, o.prior_order_value, o.prior_cv2) as posterior) b
  ), expected as materialized (
    select b.*, exp(b.posterior[1] + b.log_roi) as roi, 1 / b.posterior[2] + b.log_roi_variance as roi_variance,
           coalesce(b.s, 0) / b.d * exp(b.log_spend) * b.days as spend_else,
           case when b.matured_after > 0 then b.revenue_after / b.matured_after else b.revenue_after end as revenue_full
    from believed b
  ), valued as materialized (
    -- money: what the action changed in profit, revenue counting 1 / break_even_roi of its amount
    select e.*, greatest(0, e.spend_else - e.spend_after) * e.roi / e.be as saved,
           case e.kind
             when 'auto_pause' then greatest(0, e.spend_else - e.spend_after) * (1 - e.roi / e.be)
             when 'auto_resume' then e.revenue_full / e.be - e.spend_after
             when 'budget' then (e.revenue_full / e.be - e.spend_after) - e.spend_else * (e.roi / e.be - 1)
             else (e.revenue_full - e.spend_after * e.roi) / e.be end as money,
           sqrt(case e.kind
             when 'auto_pause' then (e.spend_else * (1 - e.roi / e.be)) ^ 2 * e.log_spend_variance
             when 'auto_resume' then e.noise
             when 'budget' then (e.spend_else * e.roi / e.be) ^ 2 * e.roi_variance + e.noise
                                + (e.spend_else * (e.roi / e.be - 1)) ^ 2 * e.log_spend_variance
             else (e.spend_after * e.roi / e.be) ^ 2 * e.roi_variance + e.noise end) as error
    from (select x.*, x.spend_after * x.roi * x.unit / greatest(0.05, x.matured_after) / (x.be * x.be) as noise from expected x) e
  ), judged as materialized (
    -- Of a pause the doubt is about a roi, which is a logarithm's: wider upwards than downwards.
    select v.*,
           v.money - case v.kind when 'auto_pause' then sqrt((v.saved * (exp(1.645 * sqrt(v.roi_variance)) - 1)) ^ 2 + 2.706 * v.error ^ 2) else 1.645 * v.error end as low,
           v.money + case v.kind when 'auto_pause' then sqrt((v.saved * (1 - exp(-1.645 * sqrt(v.roi_variance)))) ^ 2 + 2.706 * v.error ^ 2) else 1.645 * v.error end as high,
           case when v.s is null or not v.days > 0.2 or (not v.has_history and v.spend_then is null and v.kind <> 'auto_pause') then null
                when v.kind = 'auto_pause' then public.normal_probability((ln(v.be) - v.posterior[1]) * sqrt(v.posterior[2]))
                when v.error > 0 then public.normal_probability(v.money / v.error) end as right_
    from valued v
  ), told as (
    select j.action_id, j.horizon, j.final, jsonb_strip_nulls(jsonb_build_object(
      'verdict', case when j.right_ is null then 'inconclusive' when j.low > 0 then 'improved' when j.high < 0 then 'regressed' else 'inconclusive' end,
      'money', round(j.money::numeric, 2), 'money_low', round(j.low::numeric, 2), 'money_high', round(j.high::numeric, 2),
      'money_per_day', case when j.days > 0 then round((j.money / j.days)::numeric, 2) end,
      'right_probability', round(100 * j.right_::numeric, 2),
      'days', round(j.days::numeric, 2), 'spend', round(j.spend_after::numeric, 2), 'revenue', round(j.revenue_full::numeric, 2),
      'expected_spend', round(j.spend_else::numeric, 2), 'expected_revenue', round((j.spend_else * j.roi)::numeric, 2),
      'baseline_roi', round(exp(j.posterior[1])::numeric, 4), 'roi_factor', round(exp(j.log_roi)::numeric, 4),
      'spend_factor', round(exp(j.log_spend)::numeric, 4), 'comparables', j.comparables,
      'saved_share', case when j.kind = 'auto_pause' then round((1 - j.roi / j.be)::numeric, 4) end,
      'measured_at', p_now,
      'basis', case when j.s is null then 'there were no figures before the action to compare with'
                    when j.kind = 'auto_resume' then 'what it earned since it runs again'
                    else format('without the action: %s spent at ROI %s (what the evidence said then, times what happened to %s untouched campaigns since)',
                                to_char(j.spend_else, 'FM999,999,999,990.00'), to_char(j.roi, 'FM990.00'), j.comparables) end)) as figures
    from judged j
  ), gathered as (
    select t.action_id, coalesce(jsonb_object_agg(t.horizon || 'd', t.figures) filter (where t.final), '{}') as horizons,
           coalesce(array_agg(t.horizon) filter (where t.final), '{}') as final_days,
           jsonb_object_agg(t.horizon || 'd', t.figures) as all_horizons
    from told t group by t.action_id
  ), written as (
    update public.autonomous_actions a
    set actual_impact = coalesce(a.actual_impact, '{}') - 'provisional' || g.horizons || (
      select (latest.figures - 'basis') || jsonb_build_object('horizon_days', latest.days, 'basis', latest.figures -> 'basis')
             || case when latest.days = any (g.final_days) or coalesce(a.actual_impact, '{}') ? (latest.days || 'd') then '{}' else '{"provisional": true}' end::jsonb
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
  'Fills actual_impact of executed actions when 1, 3 and 7 days have passed: money gained or lost with a 90 % interval and a verdict (improved, regressed, inconclusive), against the posterior mean at the time of the decision times what happened to untouched campaigns. Safe to call again: each horizon is measured once. Raises AO014 (p_now is not the clock''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What became of each action, in columns
--
-- The log is wide: its states, evidence and impact are kilobytes of jsonb. Whoever adds up months of
-- it reads this instead, at a hundred bytes an action. Kept by triggers, in the writer's transaction.
-- ---------------------------------------------------------------------------------------------
create function public.action_result(p_action public.autonomous_actions) returns public.action_results
language plpgsql stable set search_path = ''
as $$
declare
  v_before jsonb := p_action.previous_state -> 'budget';
  v_after jsonb := p_action.new_state -> 'budget';
  -- The latest horizon; without the horizons' own copies it is unpacked once and not once a figure.
  v_impact jsonb := case when jsonb_typeof(p_action.actual_impact) = 'object' and p_action.actual_impact ? 'horizon_days'
    then p_action.actual_impact - array['1d', '3d', '7d'] end;
  v_spend float8;
  v_spend_else float8;
  v_roi float8;
  r public.action_results;
begin
  r.action_id := p_action.id;
  r.rule_id := p_action.rule_id;
  r.action_type := p_action.action_type;
  r.status := p_action.status;
  r.executed_at := p_action.executed_at;
  r.confidence := p_action.confidence_score;
  -- compared as jsonb compares numbers: a difference could overflow
  r.budget_change := case when jsonb_typeof(v_before) = 'number' and jsonb_typeof(v_after) = 'number'
    then (v_after > v_before)::integer - (v_after < v_before)::integer end;
  r.money := 0;
  r.error := 0;
  r.measured_at := p_action.executed_at;
  if v_impact is null then
    return r;
  end if;

  r.verdict := v_impact ->> 'verdict';
  r.money := coalesce(public.impact_number(v_impact -> 'money'), 0);
  r.error := coalesce(public.impact_number(v_impact -> 'money_high') - public.impact_number(v_impact -> 'money_low'), 0) / 3.29;
  r.right_probability := public.impact_number(v_impact -> 'right_probability') / 100;
  r.measured_at := coalesce(public.impact_moment(v_impact ->> 'measured_at'), p_action.executed_at);
  if p_action.action_type in ('auto_scale_up', 'budget_adjusted') then
    v_spend := public.impact_number(v_impact -> 'spend');
    v_spend_else := public.impact_number(v_impact -> 'expected_spend');
    v_roi := public.impact_number(v_impact -> 'baseline_roi') * public.impact_number(v_impact -> 'roi_factor');
    if v_spend > v_spend_else * 1.02 and v_roi > 0 then
      r.added_expected := (v_spend - v_spend_else) * v_roi;
      r.added_revenue := public.impact_number(v_impact -> 'revenue') - public.impact_number(v_impact -> 'expected_revenue');
    end if;
  end if;
  return r;
end $$;
comment on function public.action_result(public.autonomous_actions) is
  'What became of an action, out of its row of the log, as action_results keeps it. Only computes; raises nothing. [autonomous-operations]';

create function public.action_results_follow() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from public.action_results;  -- it may be truncated by the same statement
  elsif tg_op = 'DELETE' then
    delete from public.action_results where action_id = any (array(select b.id from before_rows b));
  else
    insert into public.action_results as kept
    -- What nothing was measured of yet, every new action that is, without a call for each: a third of the time.
    select a.id as action_id, a.rule_id, a.action_type, a.status, a.executed_at, a.confidence_score as confidence,
      case when jsonb_typeof(a.previous_state -> 'budget') = 'number' and jsonb_typeof(a.new_state -> 'budget') = 'number'
        then (a.new_state -> 'budget' > a.previous_state -> 'budget')::integer - (a.new_state -> 'budget' < a.previous_state -> 'budget')::integer
        end as budget_change,
      null as verdict, 0 as money, 0 as error, null as right_probability, a.executed_at as measured_at,
      null as added_expected, null as added_revenue
    from after_rows a where a.actual_impact is null
    union all
    select r.* from after_rows a cross join lateral public.action_result(row(a.*)::public.autonomous_actions) r
    where a.actual_impact is not null
    on conflict (action_id) do update
    set (rule_id, action_type, status, executed_at, confidence, budget_change, verdict, money, error, right_probability,
         measured_at, added_expected, added_revenue)
      = row(excluded.rule_id, excluded.action_type, excluded.status, excluded.executed_at, excluded.confidence, excluded.budget_change,
            excluded.verdict, excluded.money, excluded.error, excluded.right_probability, excluded.measured_at, excluded.added_expected,
            excluded.added_revenue)
    where kept is distinct from excluded;
  end if;
  return null;
end $$;
comment on function public.action_results_follow() is
  'Trigger of autonomous_actions: keeps action_results. Runs as its owner, since whoever may write actions need not know of it. [autonomous-operations]';

create trigger action_results_inserted after insert on public.autonomous_actions
  referencing new table as after_rows for each statement execute function public.action_results_follow();
create trigger action_results_updated after update on public.autonomous_actions
  referencing new table as after_rows for each statement execute function public.action_results_follow();
create trigger action_results_deleted after delete on public.autonomous_actions
  referencing old table as before_rows for each statement execute function public.action_results_follow();
create trigger action_results_truncated after truncate on public.autonomous_actions
  for each statement execute function public.action_results_follow();

-- What was there before the triggers were, or was written by another version of action_result().
truncate public.action_results;
insert into public.action_results
select r.* from public.autonomous_actions a cross join lateral public.action_result(a) r;
analyze public.action_results;

-- ---------------------------------------------------------------------------------------------
-- What the rules are worth
-- ---------------------------------------------------------------------------------------------

-- What was carried out in 90 days, in one pass, for all who ask about them.
create type public.action_sum as (
  rule_id uuid,            -- null: by a person's hand
  is_pause boolean,
  status text,             -- executed or rolled_back
  verdict text,            -- null: not measured
  band integer,            -- how many of the floors 60, 70, 80, 85, 90 and 95 the confidence reaches; null: there is none
  actions bigint,
  money float8,
  error_squares float8,
  judged bigint,           -- actions of which it is known how probably they were right
  right_sum float8,        -- of those probabilities
  confident bigint,        -- judged actions that have a confidence
  confidence_sum float8,   -- of theirs
  raises bigint,           -- measured raises whose money was spent
  raise_squares float8,    -- of what they added at the roi of the rest, weighed by their certainty
  raise_products float8    -- of that and what they did add, weighed likewise
);
comment on type public.action_sum is 'Actions of a rule with one verdict and confidence, added up. A part of rule_scoreboard and autonomous_insights. [autonomous-operations]';

create type public.rule_score as (
  rule_id uuid, rule_name text, rule_type text, is_active boolean, actions integer, rolled_back integer, measured integer,
  improved integer, regressed integer, inconclusive integer, money numeric, money_low numeric, money_high numeric,
  pauses integer, false_pauses numeric, false_pause_share numeric, mean_confidence numeric, right_share numeric,
  calibration_gap numeric, flagged boolean, suggestion text, suggested_change jsonb
);
comment on type public.rule_score is 'A line of rule_scoreboard. [autonomous-operations]';

create function public.action_sums(p_now timestamptz default now()) returns setof public.action_sum
language sql stable set search_path = '' set jit = off
as $$
  select r.rule_id, r.action_type = 'auto_pause', r.status, r.verdict, width_bucket(r.confidence, array[60, 70, 80, 85, 90, 95]::float8[]),
         count(*), sum(r.money), sum(r.error * r.error), count(r.right_probability), coalesce(sum(r.right_probability), 0),
         count(r.confidence) filter (where r.right_probability is not null),
         coalesce(sum(r.confidence) filter (where r.right_probability is not null), 0),
         count(r.raised), coalesce(sum(r.raised * r.raised / r.variance), 0), coalesce(sum(r.raised * r.added_revenue / r.variance), 0)
  from (
    select k.*, case when k.added_expected > 0 and k.status = 'executed' and k.right_probability is not null then k.added_expected end as raised,
           greatest(k.error * k.error, 1e-6) as variance
    from public.action_results k
    where k.executed_at > p_now - interval '90 days' and k.executed_at <= p_now and k.status in ('executed', 'rolled_back')) r
  group by 1, 2, 3, 4, 5
$$;
comment on function public.action_sums(timestamptz) is
  'What was carried out in the last 90 days, added up by rule, verdict and confidence: some hundred rows. A part of rule_scoreboard and autonomous_insights. Only reads; raises nothing. [autonomous-operations]';

create function public.rule_scores(p_sums public.action_sum[]) returns setof public.rule_score
language sql stable set search_path = ''
as $$
  with carried_out as materialized (
    select * from unnest(p_sums)
  ), rules as (
    select r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action from public.autonomous_rules r
    union all
    select null, 'By hand', null, null, -1, null where exists (select from carried_out c where c.rule_id is null)
    union all
    select distinct c.rule_id, coalesce((select x.rule_name from public.autonomous_rule_changes x where x.rule_id = c.rule_id
                                         order by x.id desc limit 1), 'A rule that was deleted'), null, false, -1, null::jsonb
    from carried_out c
    where c.rule_id is not null and not exists (select from public.autonomous_rules r where r.id = c.rule_id)
  ), sums as (
    select r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action,
           coalesce(sum(c.actions), 0)::integer as actions,
           coalesce(sum(c.actions) filter (where c.status = 'rolled_back'), 0)::integer as rolled_back,
           coalesce(sum(c.actions) filter (where c.verdict is not null), 0)::integer as measured,
           coalesce(sum(c.actions) filter (where c.verdict = 'improved'), 0)::integer as improved,
           coalesce(sum(c.actions) filter (where c.verdict = 'regressed'), 0)::integer as regressed,
           coalesce(sum(c.actions) filter (where c.verdict = 'inconclusive'), 0)::integer as inconclusive,
           coalesce(sum(c.money) filter (where c.verdict is not null), 0) as money,
           sqrt(coalesce(sum(c.error_squares) filter (where c.verdict is not null), 0)) as error,
           coalesce(sum(c.judged) filter (where c.is_pause), 0)::integer as pauses,
           sum(c.judged - c.right_sum) filter (where c.is_pause and c.judged > 0) as false_pauses,
           sum(c.confidence_sum) / nullif(sum(c.confident), 0)::float8 as confidence,
           100 * sum(c.right_sum) / nullif(sum(c.judged), 0)::float8 as right_share
    from rules r left join carried_out c on c.rule_id is not distinct from r.id
    group by r.id, r.rule_name, r.rule_type, r.is_active, r.priority, r.action
  ), judged as (
    select s.*, s.money - 1.645 * s.error as low, s.money + 1.645 * s.error as high,
           s.id is not null and s.measured >= 5 and s.money + 1.645 * s.error < 0 as loses
    from sums s
  ), remedies as (
    -- The lowest higher confidence floor at which this rule's own actions earned money.
    select j.id, min(f.floor) as floor
    from judged j cross join (values (1, 60), (2, 70), (3, 80), (4, 85), (5, 90), (6, 95)) f (band, floor)
    where j.loses
      and f.floor > coalesce(public.impact_number(j.action -> 'min_confidence'), (select p.min_confidence from public.autonomy_policy p)::float8)
      and (select sum(c.actions) >= 3 and sum(c.money) > 0 from carried_out c
           where c.rule_id = j.id and c.verdict is not null and c.band >= f.band)
    group by j.id
  )
  select j.id, j.rule_name, j.rule_type, j.is_active, j.actions, j.rolled_back, j.measured, j.improved, j.regressed, j.inconclusive,
         round(j.money::numeric, 2), round(j.low::numeric, 2), round(j.high::numeric, 2),
         j.pauses, round(j.false_pauses::numeric, 2), case when j.pauses > 0 then round((100 * j.false_pauses / j.pauses)::numeric, 1) end,
         round(j.confidence::numeric, 1), round(j.right_share::numeric, 1), round((j.confidence - j.right_share)::numeric, 1),
         j.loses,
         case when not j.loses then null
              when m.floor is not null then format('Rule "%s" lost %s in 90 days over %s measured actions. Let it act from a confidence of %s on: at that its actions earned money.',
                j.rule_name, to_char(-j.money, 'FM999,999,999,990.00'), j.measured, m.floor)
              else format('Rule "%s" lost %s in 90 days over %s measured actions, at every confidence. Switch it off, or try a stricter threshold in a dry run.',
                j.rule_name, to_char(-j.money, 'FM999,999,999,990.00'), j.measured) end,
         case when not j.loses then null
              when m.floor is not null then jsonb_build_object('action', j.action || jsonb_build_object('min_confidence', m.floor))
              else '{"is_active": false}'::jsonb end
  from judged j left join remedies m on m.id = j.id
  order by j.priority desc, j.rule_name
$$;
comment on function public.rule_scores(public.action_sum[]) is
  'The lines of rule_scoreboard, from the sums of action_sums. A part of rule_scoreboard, no use by itself. Only reads; raises nothing. [autonomous-operations]';

create function public.rule_scoreboard(p_now timestamptz default now()) returns setof public.rule_score
language sql stable set search_path = ''
as $$
  select * from public.rule_scores(array(select s from public.action_sums(p_now) s))
$$;
comment on function public.rule_scoreboard(timestamptz) is
  'What each rule did in the last 90 days: actions, verdicts, money with a 90 % interval, how many pauses were probably wrong, confidence against what came true, and for a rule that credibly loses money (5 measured actions or more) a change to make. Only reads; raises nothing. [autonomous-operations]';

create function public.marginal_return(p_sums public.action_sum[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_current float8 := (select p.marginal_return_ratio from public.autonomy_policy p);
  v_actions integer;
  v_xx float8;
  v_xy float8;
  v_mean float8;
  v_error float8;
  v_proposed numeric;
begin
  -- Of each measured raise: the revenue that came on top, against the spend that came on top at the
  -- campaign's own roi. What was assumed beforehand counts as one measurement of 0.5 within 0.25.
  select coalesce(sum(s.raises), 0), coalesce(sum(s.raise_squares), 0), coalesce(sum(s.raise_products), 0)
  into v_actions, v_xx, v_xy from unnest(p_sums) s;
  v_mean := (0.5 / 0.0625 + v_xy) / (1 / 0.0625 + v_xx);
  v_error := 1 / sqrt(1 / 0.0625 + v_xx);
  v_proposed := greatest(0.05, least(1, round((v_mean * 20)::numeric) / 20));
  if v_actions < 10 or abs(v_mean - v_current) < v_error or v_proposed = v_current::numeric then
    v_proposed := null;
  end if;
  return jsonb_build_object(
    'current', v_current, 'estimate', round(v_mean::numeric, 3), 'low', round((v_mean - 1.645 * v_error)::numeric, 3),
    'high', round((v_mean + 1.645 * v_error)::numeric, 3), 'actions', v_actions, 'proposed', v_proposed,
    'sentence', case when v_proposed is not null then
        format('%s measured budget raises returned %s of the average roi on the added money (%s to %s); the policy assumes %s. Consider marginal_return_ratio = %s.',
               v_actions, to_char(v_mean, 'FM990.00'), to_char(v_mean - 1.645 * v_error, 'FM990.00'), to_char(v_mean + 1.645 * v_error, 'FM990.00'),
               to_char(v_current, 'FM990.00'), to_char(v_proposed, 'FM990.00'))
      when v_actions < 10 then format('%s budget raises are measured; from 10 on the marginal return ratio is estimated.', v_actions)
      else format('%s measured budget raises agree with the marginal return ratio of %s.', v_actions, to_char(v_current, 'FM990.00')) end);
end $$;
comment on function public.marginal_return(public.action_sum[]) is
  'The answer of propose_marginal_return_ratio, from the sums of action_sums. A part of it, no use by itself. Only reads; raises nothing. [autonomous-operations]';

create function public.propose_marginal_return_ratio(p_now timestamptz default now()) returns jsonb
language sql stable set search_path = ''
as $$
  select public.marginal_return(array(select s from public.action_sums(p_now) s))
$$;
comment on function public.propose_marginal_return_ratio(timestamptz) is
  'What measured budget raises say about marginal_return_ratio: estimate, 90 % interval, and a proposal or null. Changes nothing: a person adopts it. Only reads; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- A/B tests: since the winner runs, the campaign is another one
-- ---------------------------------------------------------------------------------------------
create function public.ab_test_adopted_on(p_campaign_id uuid, p_now timestamptz default now()) returns date
language sql stable set search_path = ''
as $$
  select (max(t.finished_at) at time zone (select p.time_zone from public.autonomy_policy p))::date
  from public.campaign_ab_tests t
  where t.campaign_id = p_campaign_id and t.status = 'finished' and nullif(t.winner, '') is not null and t.finished_at <= p_now
$$;
comment on function public.ab_test_adopted_on(uuid, timestamptz) is
  'The day on which the winner of the campaign''s latest finished A/B test was adopted; NULL without one. Only reads; raises nothing. [autonomous-operations]';

create function public.ab_test_weight(p_campaign_id uuid, p_day date, p_now timestamptz default now()) returns float8
language sql stable set search_path = ''
as $$
  select case when p_day < public.ab_test_adopted_on(p_campaign_id, p_now) then 0.25::float8 else 1::float8 end
$$;
comment on function public.ab_test_weight(uuid, date, timestamptz) is
  'How much evidence of a day counts: a quarter before the winner of an A/B test was adopted, else whole. Only reads; raises nothing. [autonomous-operations]';

-- Security definer: whoever may write down a test need not have rights on the facts.
create function public.campaign_ab_tests_after() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op <> 'INSERT' then
    perform public.refresh_campaign_facts(array[old.campaign_id]);
  end if;
  if tg_op <> 'DELETE' then
    perform public.refresh_campaign_facts(array[new.campaign_id]);
  end if;
  return null;
end $$;
comment on function public.campaign_ab_tests_after() is
  'Trigger of campaign_ab_tests: the facts of the campaign are computed anew when a test is written down, ends or goes. [autonomous-operations]';
create trigger campaign_ab_tests_after after insert or update or delete on public.campaign_ab_tests
  for each row execute function public.campaign_ab_tests_after();

-- ---------------------------------------------------------------------------------------------
-- What was learnt this week, in sentences with numbers
-- ---------------------------------------------------------------------------------------------
create function public.autonomous_insights(p_now timestamptz default now())
returns table (kind text, sentence text, figures jsonb, campaign_id uuid, rule_id uuid)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
#variable_conflict use_column
declare
  v_from timestamptz := p_now - interval '7 days';
  v_sums public.action_sum[] := array(select s from public.action_sums(p_now) s);
  v_ratio jsonb := public.marginal_return(v_sums);
begin
  -- What was done.
  return query
  select 'week', case when w.actions = 0 then 'In the last 7 days nothing was changed.'
      else format('In the last 7 days: %s paused, %s raised in budget, %s lowered, %s resumed; %s of these %s taken back since.',
                  w.pauses, w.raised, w.lowered, w.resumed, w.back, case when w.back = 1 then 'was' else 'were' end) end,
    to_jsonb(w), null::uuid, null::uuid
  from (
    select count(*) as actions, count(*) filter (where action_type = 'auto_pause') as pauses,
           count(*) filter (where action_type not in ('auto_pause', 'auto_resume') and budget_change > 0) as raised,
           count(*) filter (where action_type not in ('auto_pause', 'auto_resume') and budget_change < 0) as lowered,
           count(*) filter (where action_type = 'auto_resume') as resumed, count(*) filter (where status = 'rolled_back') as back
    from public.action_results
    where executed_at > v_from and executed_at <= p_now and status in ('executed', 'rolled_back')) w;

  -- What it brought, by kind of action.
  return query
  select m.kind, format(m.sentence, m.actions, case when m.actions = 1 then 'action' else 'actions' end,
                        case when m.money < 0 then 'lost' else m.verb end, to_char(abs(m.money), 'FM999,999,999,990.00'),
                        to_char(m.money - 1.645 * m.error, 'FM999,999,999,990.00'), to_char(m.money + 1.645 * m.error, 'FM999,999,999,990.00')),
         jsonb_build_object('actions', m.actions, 'money', round(m.money::numeric, 2), 'money_low', round((m.money - 1.645 * m.error)::numeric, 2),
                            'money_high', round((m.money + 1.645 * m.error)::numeric, 2), 'improved', m.improved, 'regressed', m.regressed),
         null::uuid, null::uuid
  from (
    select case when a.action_type = 'auto_pause' then 'pauses' when a.action_type = 'auto_resume' then 'resumes' else 'budgets' end as kind,
           case when a.action_type = 'auto_pause' then 'Pauses measured this week (%s %s) %s %s (90 %% interval %s to %s).'
                when a.action_type = 'auto_resume' then 'Campaigns resumed (%s %s) %s %s since (90 %% interval %s to %s).'
                else 'Budget changes measured this week (%s %s) %s %s (90 %% interval %s to %s).' end as sentence,
           case when a.action_type = 'auto_pause' then 'saved' else 'earned' end as verb,
           count(*) as actions, sum(a.money) as money, sqrt(sum(a.error * a.error)) as error,
           count(*) filter (where a.verdict = 'improved') as improved, count(*) filter (where a.verdict = 'regressed') as regressed
    from public.action_results a
    where a.executed_at > p_now - interval '30 days' and a.executed_at <= p_now
      and a.verdict is not null and a.measured_at > v_from and a.status = 'executed'
    group by 1, 2, 3) m
  order by m.kind desc;

  -- The clearest gain and the clearest loss.
  return query
  select case when b.best then 'best_action' else 'worst_action' end,
         format('%s: %s on campaign "%s" %s %s in %s %s (ROI without it about %s).', case when b.best then 'The clearest gain' else 'The clearest loss' end,
                case b.action_type when 'auto_pause' then 'the pause' when 'auto_resume' then 'resuming' else 'the budget change' end,
                coalesce(c.title, b.campaign_id::text), case when b.money < 0 then 'lost' when b.action_type = 'auto_pause' then 'saved' else 'earned' end,
                to_char(abs(b.money), 'FM999,999,999,990.00'), b.figures ->> 'horizon_days',
                case when b.figures ->> 'horizon_days' = '1' then 'day' else 'days' end, coalesce(b.figures ->> 'baseline_roi', '?')),
         b.figures, b.campaign_id, b.rule_id
  from (
    select v.best, clearest.money, a.action_type, a.campaign_id, a.rule_id, a.actual_impact - array['1d', '3d', '7d'] as figures
    from (values (true, 'improved'), (false, 'regressed')) v (best, verdict)
    cross join lateral (
      select r.action_id, r.money from public.action_results r
      where r.executed_at > p_now - interval '30 days' and r.executed_at <= p_now
        and r.verdict = v.verdict and r.measured_at > v_from and r.status = 'executed'
      order by abs(r.money) desc, r.action_id limit 1) clearest
    join public.autonomous_actions a on a.id = clearest.action_id) b
  left join public.campaigns c on c.id = b.campaign_id
  order by b.best desc;

  -- Whether confidence keeps its word.
  return query
  select 'calibration', format('Over 90 days, actions were taken at a mean confidence of %s and, by what is known now, are right %s times in 100 (%s measured).',
                               least(99, greatest(1, round(k.said::numeric))), least(99, greatest(1, round(k.found::numeric))), k.actions),
         jsonb_build_object('mean_confidence', round(k.said::numeric, 1), 'right_share', round(k.found::numeric, 1), 'actions', k.actions), null::uuid, null::uuid
  from (select sum(s.confident) as actions, sum(s.confidence_sum) / nullif(sum(s.confident), 0)::float8 as said,
               100 * sum(s.right_sum) / nullif(sum(s.judged), 0)::float8 as found
        from unnest(v_sums) s where s.rule_id is not null and s.band is not null) k
  where k.actions >= 5;

  -- Rules that lose money, and the one that earns most.
  return query
  select case when s.flagged then 'rule_flagged' else 'rule_best' end,
         case when s.flagged then s.suggestion
              else format('Rule "%s" earns most: %s in 90 days over %s measured actions (90 %% interval %s to %s).', s.rule_name,
                          to_char(s.money, 'FM999,999,999,990.00'), s.measured, to_char(s.money_low, 'FM999,999,999,990.00'),
                          to_char(s.money_high, 'FM999,999,999,990.00')) end,
         to_jsonb(s) - 'best', null::uuid, s.rule_id
  from (select b.*, row_number() over (order by b.money desc) = 1 as best from public.rule_scores(v_sums) b where b.rule_id is not null) s
  where s.flagged or (s.best and s.money_low > 0)
  order by s.flagged desc, s.money;

  -- Pauses that were taken back because they proved wrong.
  return query
  select 'wrong_pause', format('Campaign "%s" was resumed on %s: %s', coalesce(c.title, a.campaign_id::text),
                               to_char(a.executed_at at time zone p.time_zone, 'FMDD Mon'), coalesce(a.reason, 'late conversions showed that its pause was wrong')),
         jsonb_build_object('action_id', a.id, 'confidence', a.confidence_score), a.campaign_id, a.rule_id
  from (
    select r.action_id from public.action_results r
    where r.action_type = 'auto_resume' and r.status = 'executed' and r.executed_at > v_from and r.executed_at <= p_now
    order by r.executed_at desc limit 5) latest
  join public.autonomous_actions a on a.id = latest.action_id
  cross join public.autonomy_policy p
  left join public.campaigns c on c.id = a.campaign_id
  order by a.executed_at desc;

  return query
  select 'marginal_return_ratio', v_ratio ->> 'sentence', v_ratio, null::uuid, null::uuid where v_ratio ->> 'proposed' is not null;

  -- A/B tests that ended.
  return query
  select 'ab_test', format('The A/B test "%s" on campaign "%s" ended: "%s" won%s. Evidence from before %s now counts a quarter.', t.name,
                           coalesce(c.title, t.campaign_id::text), t.winner, coalesce(' (' || v.words || ')', ''),
                           to_char(t.finished_at at time zone p.time_zone, 'FMDD Mon')),
         jsonb_build_object('test_id', t.id, 'winner', t.winner, 'variants', t.variants), t.campaign_id, null::uuid
  from public.campaign_ab_tests t
  cross join public.autonomy_policy p
  left join public.campaigns c on c.id = t.campaign_id
  cross join lateral (
    select string_agg(format('%s: %s of %s clicks converted', x ->> 'name', x ->> 'conversions', x ->> 'clicks'), ', ') as words
    from jsonb_array_elements(case when jsonb_typeof(t.variants) = 'array' then t.variants else '[]' end) x
    where jsonb_typeof(x) = 'object' and x ? 'name' and x ? 'clicks' and x ? 'conversions') v
  where t.status = 'finished' and nullif(t.winner, '') is not null and t.finished_at > v_from and t.finished_at <= p_now
  order by t.finished_at desc limit 5;

  -- What waits for a person.
  return query
  select 'opportunities', format('%s %s open (%s critical, %s high), worth about %s a day together; this week %s appeared and %s were closed.',
                                 o.standing, case when o.standing = 1 then 'opportunity stands' else 'opportunities stand' end, o.critical, o.high, to_char(o.money, 'FM999,999,999,990.00'), o.new, o.closed),
         to_jsonb(o), null::uuid, null::uuid
  from (
    select count(*) filter (where u.unresolved) as standing, count(*) filter (where u.unresolved and severity = 'critical') as critical,
           count(*) filter (where u.unresolved and severity = 'high') as high,
           coalesce(sum(public.impact_number(estimated_impact -> 'money_per_day')) filter (where u.unresolved), 0) as money,
           count(*) filter (where first_seen_at > v_from) as new, count(*) filter (where not u.unresolved and resolved_at > v_from) as closed
    from public.optimization_opportunities
    cross join lateral (select status in ('open', 'in_progress') as unresolved) u
    where u.unresolved or resolved_at > v_from) o
  where o.standing > 0 or o.closed > 0;
end $$;
comment on function public.autonomous_insights(timestamptz) is
  'What was learnt this week, in sentences with numbers: actions and what they brought, calibration, rules that lose money, proposals, A/B tests, open opportunities. Only reads; raises nothing. [autonomous-operations]';

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
-- What a campaign did before a moment, and between two
-- ---------------------------------------------------------------------------------------------
create function autonomy.spend_before(
  p_campaign_id uuid, p_at timestamptz, p_zone text, p_half_life float8, p_delay float8,
  p_now timestamptz default now(),
  out spend float8, out revenue float8, out conversions float8, out days float8, out matured float8)
language plpgsql stable set search_path = ''
as $$
declare
  v_day date := (p_at at time zone p_zone)::date;
begin
  -- Weighed as the evidence is (half after each half-life), so that it is the same kind of mean.
  select sum(w.weight * d.spend::float8), sum(w.weight * d.revenue::float8), sum(w.weight * d.conversions::float8),
         sum(w.weight) filter (where d.spend > 0),
         sum(w.weight * d.spend::float8 * autonomy.mean_matured_share(w.age_hours - 24, w.age_hours, p_delay))
  into spend, revenue, conversions, days, matured
  from autonomy.counted_days d
  cross join lateral (
    select case when p_half_life > 0 then exp(greatest(-200, -ln(2::float8) * (v_day - d.day) / p_half_life))
                else 1 end as weight,
           extract(epoch from p_now - (d.day::timestamp at time zone p_zone))::float8 / 3600 as age_hours) w
  where d.campaign_id = p_campaign_id and d.day < v_day and d.day >= v_day - 28;
end $$;
comment on function autonomy.spend_before(uuid, timestamptz, text, float8, float8, timestamptz) is
  'The 28 days before a moment, fading as evidence does: sums, days with spend, and the spend whose conversions have '
  'arrived. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.spend_between(
  p_campaign_id uuid, p_from timestamptz, p_until timestamptz, p_zone text, p_delay float8,
  p_now timestamptz default now(),
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
  matured_share := autonomy.mean_matured_share(extract(epoch from p_now - v_until)::float8 / 3600,
                                             extract(epoch from p_now - v_from)::float8 / 3600, p_delay);
  -- a day without revenue is worth what its conversions are
  select coalesce(sum(m.spend), 0)::float8,
         coalesce(sum(case when d.valued > 0 then m.conversions * (d.valued / d.conversions) else m.revenue end),
                  0)::float8
  into spend, revenue
  from public.campaign_metrics m
  left join public.campaign_daily d
    on d.campaign_id = m.campaign_id and d.day = (m.bucket at time zone p_zone)::date
  where m.campaign_id = p_campaign_id and m.bucket >= v_from and m.bucket < v_until;
end $$;
comment on function autonomy.spend_between(uuid, timestamptz, timestamptz, text, float8, timestamptz) is
  'What a campaign spent and earned in a window up to p_now, the days that this covers, and the share of its '
  'conversions that has arrived. Only reads; raises nothing. [autonomous-operations]';

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
create function autonomy.time_factors(p_windows jsonb, p_now timestamptz default now())
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
           coalesce(max(autonomy.impact_number(w -> 'tau2')), v_policy.prior_tau2) as tau2,
           coalesce(max(autonomy.impact_number(w -> 'order_value')), v_policy.prior_order_value) as order_value,
           coalesce(max(autonomy.impact_number(w -> 'cv2')), v_policy.prior_cv2) as cv2,
           coalesce(max(autonomy.impact_number(w -> 'order_spread')), v_policy.prior_order_spread) as order_spread
    from jsonb_array_elements(p_windows) w group by 1, 2
  ), sample as materialized (
    -- At most 400, picked by a hash: enough for a common factor, and the same ones every time.
    select c.id, c.account, autonomy.account_zone(c.account) as zone,
      autonomy.account_delay(c.account) as delay
    from public.campaigns c
    join public.campaign_facts f on f.campaign_id = c.id
    where f.has_history and f.as_of > (select min(w.from_at) from windows w)
    order by uuid_hash(c.id), c.id limit 400
  ), seen as materialized (
    select w.*, s.account, b.spend, b.revenue as revenue_before, b.conversions, b.days, b.matured,
           a.spend / a.days as spend_after, a.revenue, a.spend * a.matured_share as matured_after,
           -- the centre that posteriors are drawn to: all of them before, the touched ones included
           sum(b.revenue) over (partition by w.from_at, w.until_at) / sum(b.matured)
             over (partition by w.from_at, w.until_at) as centre,
           exists (
             select from public.campaign_changes x
             where x.campaign_id = s.id and x.kind <> 'created'
               and x.changed_at > w.from_at - interval '7 days' and x.changed_at < w.until_at) as touched
    from windows w cross join sample s
    cross join lateral autonomy.spend_before(s.id, w.from_at, s.zone,
                                             v_policy.evidence_half_life_days::float8, s.delay, p_now) b
    cross join lateral autonomy.spend_between(s.id, w.from_at, w.until_at, s.zone, s.delay, p_now) a
    where b.spend > 0 and b.days > 0 and a.days > 0
  ), measured as materialized (
    select s.from_at, s.until_at, s.account, s.spend / s.days as spend_before, s.spend_after, s.revenue,
           s.matured_after * exp((autonomy.roi_posterior(s.spend, s.conversions, s.revenue_before,
                                                         null::float8, s.days, s.matured / s.spend,
                                                       greatest(0.01, s.centre), s.tau2,
                                                       s.order_value, s.cv2, s.order_spread))[1]) as expected
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
           case when s.r > 0 and s.e > 0 then
                sum((g.revenue / s.r - g.expected / s.e) ^ 2) * s.campaigns / (s.campaigns - 1) end as roi_variance,
           case when s.sa > 0 and s.sb > 0 then ln(s.sa / s.sb) end as log_spend,
           case when s.sa > 0 and s.sb > 0 then
             sum((g.spend_after / s.sa - g.spend_before / s.sb) ^ 2) * s.campaigns
               / (s.campaigns - 1) end as spend_variance
    from sums s
    join grouped g on g.from_at = s.from_at and g.until_at = s.until_at and g.account is not distinct from s.account
    group by s.from_at, s.until_at, s.account, s.campaigns, s.sa, s.sb, s.r, s.e
  )
  select r.from_at, r.until_at, r.account, r.campaigns,
         coalesce(r.log_roi * 0.04 / (0.04 + r.roi_variance), 0),
         coalesce(0.04 * r.roi_variance / (0.04 + r.roi_variance), 0.04),
         coalesce(r.log_spend * 0.09 / (0.09 + r.spend_variance), 0),
         coalesce(0.09 * r.spend_variance / (0.09 + r.spend_variance), 0.09)
  from raw r;
end $$;
comment on function autonomy.time_factors(jsonb, timestamptz) is
  'For windows [{"from", "until", and the prior of the decisions: "tau2", "order_value", "cv2", "order_spread"}]: how '
  'spend of untouched campaigns changed against what was to be expected, by account (null: all), as logarithms with '
  'variances. Only reads; raises nothing. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Measuring
-- ---------------------------------------------------------------------------------------------
-- The actions that a horizon has come for, with what is known of each. The window ends where the
-- campaign was next changed by anyone: what came then is not this action's doing.
create function autonomy.due_impacts(p_limit integer default 1000, p_now timestamptz default now())
returns table (action_id uuid, campaign_id uuid, account text, kind text, horizon integer,
               from_at timestamptz, until_at timestamptz,
               s float8, n float8, r float8, cv2 float8, d float8, f float8, prior_mean float8, prior_tau2 float8,
               prior_order_value float8, prior_cv2 float8, prior_order_spread float8, has_history boolean,
               revenue_then float8, conversions_then float8, spend_then float8, life_spend float8,
               life_revenue float8, life_conversions float8, data_until timestamptz, final boolean, break_even float8)
language sql stable set search_path = ''
as $$
  select a.id, a.campaign_id, c.account,
         case when a.action_type in ('auto_pause', 'auto_resume') then a.action_type
              when a.action_type in ('auto_scale_up', 'auto_scale_down', 'budget_adjusted') then 'budget'
              else 'other' end,
         h.days, date_trunc('minute', a.executed_at),
         date_trunc('minute', least(a.executed_at + h.days * interval '1 day', (
           select min(x.changed_at) from public.campaign_changes x
           where x.campaign_id = a.campaign_id and x.kind <> 'created' and x.changed_at > a.executed_at
             and x.action_id is distinct from a.id))),
         case when c.id is not null then coalesce(e.s, b.spend, e.life_s) end,
         coalesce(e.n, b.conversions, e.life_n, 0), coalesce(e.r, b.revenue, e.life_r, 0), e.cv2,
         greatest(1, coalesce(e.d, b.days, case when isfinite(c.created_at)
           then extract(epoch from a.executed_at - c.created_at)::float8 / 86400 end, 1)),
         coalesce(e.f, case when b.spend > 0 then b.matured / b.spend end, 1),
         coalesce(e.mean, g.prior_mean_roi), coalesce(e.tau2, g.prior_tau2),
         coalesce(e.order_value, g.prior_order_value), coalesce(e.prior_cv2, g.prior_cv2),
         coalesce(e.order_spread, g.prior_order_spread), coalesce(f.has_history, false),
         e.life_r, e.life_n, e.life_s, f.life_spend, f.life_revenue, f.life_conversions,
         t.data_until, t.final, coalesce(c.target_roi::float8, g.break_even) / g.attribution
  from public.autonomous_actions a
  cross join public.autonomy_policy p
  cross join lateral (
    -- one horizon at a time and action: the first that has come and is not measured
    select d.days from (values (1), (3), (7)) d (days)
    where a.executed_at + d.days * interval '1 day' <= p_now
      and not coalesce(a.actual_impact, '{}') ? (d.days || 'd')) h
  left join public.campaigns c on c.id = a.campaign_id
  left join public.autonomy_accounts o on o.account = c.account
  join autonomy.account_targets() g on g.account = coalesce(c.account, '')
  left join public.campaign_facts f on f.campaign_id = a.campaign_id
  -- what was judged by cpa counted conversions at the rule's target: here money is what came in
  cross join lateral (select case when a.evidence ->> 'judged_by' = 'cpa' then '{}' else a.evidence end as json) x
  cross join lateral (
    select autonomy.impact_number(x.json -> 'spend') as s, autonomy.impact_number(x.json -> 'conversions') as n,
           autonomy.impact_number(x.json -> 'revenue') as r, autonomy.impact_number(x.json -> 'cv2') as cv2,
           autonomy.impact_number(x.json -> 'days') as d, autonomy.impact_number(x.json -> 'matured_share') as f,
           autonomy.impact_number(x.json #> '{prior,mean_roi}') as mean,
           autonomy.impact_number(x.json #> '{prior,tau2}') as tau2,
           autonomy.impact_number(x.json #> '{prior,order_value}') as order_value,
           autonomy.impact_number(x.json #> '{prior,cv2}') as prior_cv2,
           autonomy.impact_number(x.json #> '{prior,order_spread}') as order_spread,
           autonomy.impact_number(a.evidence #> '{metrics,spend}') as life_s,
           autonomy.impact_number(a.evidence #> '{metrics,conversions}') as life_n,
           autonomy.impact_number(a.evidence #> '{metrics,revenue}') as life_r) e
  left join lateral autonomy.spend_before(a.campaign_id, a.executed_at, autonomy.account_zone(c.account),
    p.evidence_half_life_days::float8, autonomy.account_delay(c.account), p_now) b
    on e.s is null
  cross join lateral (
    -- Figures come late in many installations: until max_data_age_hours have passed a horizon whose
    -- data are not there yet is only provisional, and measured again. A pause needs no later data.
    select coalesce(case when f.has_history then f.as_of else f.data_at end, a.executed_at) as data_until,
           a.action_type = 'auto_pause' or c.id is null or a.executed_at + (h.days - 1) * interval '1 day'
               <= case when f.has_history then f.as_of else f.data_at end
             or a.executed_at + h.days * interval '1 day'
               + coalesce(o.max_data_age_hours, p.max_data_age_hours)::float8 * interval '1 hour' <= p_now as final) t
  where a.status = 'executed' and (a.actual_impact is null or not a.actual_impact ? '7d')
    and a.executed_at <= p_now - interval '1 day' and isfinite(a.executed_at)
    and (t.final or a.actual_impact is null)
  order by a.executed_at, a.id, h.days
  limit greatest(0, p_limit)
$$;
comment on function autonomy.due_impacts(integer, timestamptz) is
  'Executed actions whose 1, 3 or 7 days have passed and are not measured, oldest first, with the evidence that they '
  'were decided on. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.measured_impacts(p_limit integer, p_now timestamptz)
returns table (action_id uuid, horizon integer, final boolean, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
begin
  return query
  with due as materialized (
    select * from (
      -- forty windows at a time: a backlog of months is worked off by the following runs
      select d.*, dense_rank() over (order by d.from_at, d.until_at) as window_number
      from autonomy.due_impacts(p_limit, p_now) d) ranked
    where window_number <= 40
  ), factors as materialized (
    select * from autonomy.time_factors(coalesce(
      (select jsonb_agg(distinct jsonb_build_object('from', d.from_at, 'until', d.until_at,
                                                    'tau2', d.prior_tau2, 'order_value', d.prior_order_value,
                                                    'cv2', d.prior_cv2, 'order_spread', d.prior_order_spread))
                                                    from due d
                                                    where d.until_at > d.from_at), '[]'), p_now)
  ), joined as materialized (
    select d.*, autonomy.account_delay(d.account) as delay,
           coalesce(own.campaigns, everyone.campaigns, 0) as comparables,
           coalesce(own.log_roi, everyone.log_roi, 0) as log_roi,
           coalesce(own.log_roi_variance, everyone.log_roi_variance, 0.04) as log_roi_variance,
           coalesce(own.log_spend, everyone.log_spend, 0) as log_spend,
           coalesce(own.log_spend_variance, everyone.log_spend_variance, 0.09) as log_spend_variance
    from due d
    left join factors own on own.from_at = d.from_at and own.until_at = d.until_at and own.account = d.account
    left join factors everyone on everyone.from_at = d.from_at and everyone.until_at = d.until_at
      and everyone.account is null
  ), observed as materialized (
    -- Without a time series, what the totals grew by since then is all there is to see.
    select j.*,
           case when j.has_history then a.spend else greatest(0, j.life_spend - j.spend_then) end as spend_after,
           case when j.has_history then a.revenue
                else greatest(0, j.life_revenue - j.revenue_then) end as revenue_after,
           case when j.has_history then a.days
                else greatest(0, extract(epoch from least(
                  p_now, case j.kind when 'auto_pause' then p_now else j.data_until end) - j.from_at)::float8 / 86400)
                end as days,
           case when j.has_history then a.matured_share else 1 end as matured_after,
           -- A paused campaign's later conversions belong to what it spent before.
           case when j.kind = 'auto_pause' then greatest(0, coalesce(j.life_revenue - j.revenue_then - a.revenue, 0))
                else 0 end as late_revenue,
           case when j.kind = 'auto_pause' then greatest(0, coalesce(j.life_conversions - j.conversions_then, 0))
                else 0 end as late_conversions
    from joined j
    cross join lateral autonomy.spend_between(j.campaign_id, j.from_at, greatest(j.from_at, least(
      j.until_at, case j.kind when 'auto_pause' then j.until_at else j.data_until end)),
                                            autonomy.account_zone(j.account), j.delay, p_now) a
  ), believed as materialized (
    select o.*, b.posterior, o.break_even as be,
           (o.r + o.late_revenue + 2 * o.prior_order_value) / (o.n + o.late_conversions + 2)
             * (1 + o.prior_cv2 + 0.25 * o.n / o.d) as unit
    from observed o
    cross join lateral (
      select case when o.kind = 'auto_pause' and o.delay > 0 then
               1 - (1 - o.f) * exp(greatest(-200, -extract(epoch from p_now - o.from_at)::float8 / 3600 / o.delay))
             else o.f end as matured) m
    cross join lateral (
      select autonomy.roi_posterior(o.s, o.n + o.late_conversions, o.r + o.late_revenue, o.cv2, o.d, m.matured,
                                  o.prior_mean, o.prior_tau2, o.prior_order_value, o.prior_cv2,
                                  o.prior_order_spread) as posterior) b
  ), expected as materialized (
    select b.*, exp(b.posterior[1] + b.log_roi) as roi, 1 / b.posterior[2] + b.log_roi_variance as roi_variance,
           coalesce(b.s, 0) / b.d * exp(b.log_spend) * b.days as spend_else,
           case when b.matured_after > 0 then b.revenue_after / b.matured_after else b.revenue_after end as revenue_full
    from believed b
  ), valued as materialized (
    -- money: what the action changed in profit, revenue counting 1 / break-even of its amount
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
    from (select x.*, x.spend_after * x.roi * x.unit / greatest(0.05, x.matured_after) / (x.be * x.be) as noise
          from expected x) e
  ), judged as materialized (
    -- Of a pause the doubt is about a roi, which is a logarithm's: wider upwards than downwards.
    select v.*,
           v.money - case v.kind when 'auto_pause' then sqrt((v.saved * (exp(1.645 * sqrt(v.roi_variance)) - 1)) ^ 2
                                                             + 2.706 * v.error ^ 2) else 1.645 * v.error end as low,
           v.money + case v.kind when 'auto_pause' then sqrt((v.saved * (1 - exp(-1.645 * sqrt(v.roi_variance)))) ^ 2
                                                             + 2.706 * v.error ^ 2) else 1.645 * v.error end as high,
           case when v.s is null or not v.days > 0.2
                or (not v.has_history and v.spend_then is null and v.kind <> 'auto_pause') then null
                when v.kind = 'auto_pause' then
                  autonomy.normal_probability((ln(v.be) - v.posterior[1]) * sqrt(v.posterior[2]))
                when v.error > 0 then autonomy.normal_probability(v.money / v.error) end as right_
    from valued v
  )
  select j.action_id, j.horizon, j.final, jsonb_strip_nulls(jsonb_build_object(
    'verdict', case when j.right_ is null then 'inconclusive' when j.low > 0 then 'improved'
                    when j.high < 0 then 'regressed' else 'inconclusive' end,
    'money', round(j.money::numeric, 2), 'money_low', round(j.low::numeric, 2),
    'money_high', round(j.high::numeric, 2),
    'money_per_day', case when j.days > 0 then round((j.money / j.days)::numeric, 2) end,
    'right_probability', round(100 * j.right_::numeric, 2),
    'days', round(j.days::numeric, 2), 'spend', round(j.spend_after::numeric, 2),
    'revenue', round(j.revenue_full::numeric, 2),
    'expected_spend', round(j.spend_else::numeric, 2), 'expected_revenue', round((j.spend_else * j.roi)::numeric, 2),
    'baseline_roi', round(exp(j.posterior[1])::numeric, 4), 'roi_factor', round(exp(j.log_roi)::numeric, 4),
    'spend_factor', round(exp(j.log_spend)::numeric, 4), 'comparables', j.comparables,
    'saved_share', case when j.kind = 'auto_pause' then round((1 - j.roi / j.be)::numeric, 4) end,
    'measured_at', p_now,
    'basis', case when j.s is null then 'there were no figures before the action to compare with'
                  when j.kind = 'auto_resume' then 'what it earned since it runs again'
                  else format('without the action: %s spent at ROI %s (what the evidence said then, times what '
                              'happened to %s untouched campaigns since)',
                              autonomy.money_words(j.spend_else, autonomy.campaign_currency(j.campaign_id)),
                              to_char(j.roi, 'FM990.00'), j.comparables) end)) as figures
  from judged j;
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
  'interval and a verdict (improved, regressed, inconclusive), against the posterior mean at the time of the decision '
  'times what happened to untouched campaigns. Safe to call again: each horizon is measured once. Raises AO014 (p_now '
  'is not the clock''s). [autonomous-operations]';

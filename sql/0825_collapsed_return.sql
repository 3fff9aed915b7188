-- declining_performance, of the return: what a good lifetime hides
-- Limits: revenue per spend of the last 14 complete days at most half of that of the up to 90 days before, which
--         earned; at least 7 and 14 days with spend; 10 orders to be expected in the 14 days at the return of
--         before. The data end within the last 8 days.
-- Test:   the probability that the true return is below half of what it was. Revenue comes in units: a gamma with
--         as many of them as its mean over their size, the size being what orders and day-to-day shocks let expect
--         (as the confidence has it) or what the days before show, whichever is larger. The 14 days are drawn to
--         the return of before as if one unit more of it had been seen; the doubt about the days before counts as
--         well. Late conversions are allowed for. Raised at 95 %: that is the confidence.
-- Severity: critical where the return is by now more likely below break-even than not, else high.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.gamma_below(p_shape float8, p_limit float8) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (cbrt(p_limit / p_shape) - (1::float8 - 1::float8 / (9::float8 * p_shape))) * 3::float8 * sqrt(p_shape);
end $$;
comment on function autonomy.gamma_below(float8, float8) is
  'The normal figure as probable as that a gamma of this shape (and scale 1) is below a limit (Wilson and Hilferty). '
  'Pure. [autonomous-operations]';

create function autonomy.collapsed_return(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with looked_at as materialized (
    -- Only spares reading the days of campaigns whose return is nowhere near the limit.
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, z.zone,
           least((f.as_of at time zone z.zone)::date - 1, (p_now at time zone z.zone)::date - 1) as last_day,
           greatest(g.prior_cv2, coalesce(f.cv2, 0)) as order_cv2,
           g.delay,
           coalesce(c.target_roi::float8, g.break_even) / g.attribution as break_even
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.has_history and f.as_of >= p_now - interval '8 days' and f.w14_spend between 1e-2 and 1e15
      and (f.w14_revenue * f.life_spend < 0.7 * f.life_revenue * f.w14_spend
           or f.w14_revenue * f.p14_spend < 0.7 * f.p14_revenue * f.w14_spend)
  ), summed as (
    select l.id, sum(d.s) filter (where d.late) as s2, sum(d.r) filter (where d.late) as r2,
           sum(d.n) filter (where d.late) as n2, count(*) filter (where d.late) as days2,
           sum(d.s * case when l.delay > 0 then 1 - exp(-least(200, greatest(0,
               extract(epoch from p_now - (d.day::timestamp + interval '12 hours') at time zone l.zone)::float8 / 3600)
             / l.delay)) else 1 end) filter (where d.late) as matured2,
           sum(d.s) filter (where not d.late) as s1, sum(d.r) filter (where not d.late) as r1,
           sum(d.n) filter (where not d.late) as n1, count(*) filter (where not d.late)::float8 as days1,
           sum(d.r * d.r) filter (where not d.late) as rr, sum(d.r * d.s) filter (where not d.late) as rs,
           sum(d.s * d.s) filter (where not d.late) as ss
    from looked_at l
    cross join lateral (
      select x.day, x.day > l.last_day - 14 as late, x.spend::float8 as s, greatest(0, x.revenue)::float8 as r,
             x.conversions::float8 as n
      from autonomy.counted_days x
      where x.campaign_id = l.id and x.day > l.last_day - 104 and x.day <= l.last_day and x.spend > 0) d
    group by l.id
  ), compared as (
    select s.*, l.title, l.break_even, s.r1 / s.s1 as before, s.r2 / s.s2 as after,
           s.n1 / s.s1 * s.matured2 as expected, q.unit
    from summed s
    join looked_at l on l.id = s.id
    cross join lateral (
      select s.r1 / s.n1 * (1 + l.order_cv2 + 0.25 * s.n1 / s.days1) as usual,
             greatest(0, s.rr - 2 * s.r1 / s.s1 * s.rs + (s.r1 / s.s1) ^ 2 * s.ss) / s.r1
               * s.days1 / (s.days1 - 1) as seen
      ) u
    cross join lateral (select greatest(u.usual, u.seen) as unit) q
    where s.days2 >= 7 and s.days1 >= 14 and s.r1 > 0 and s.n1 > 0 and s.s1 > 0 and s.s2 > 0
      and s.n1 / s.s1 * s.matured2 >= 10 and s.r1 / s.s1 >= l.break_even
      and s.r2 * s.s1 <= 0.5 * s.r1 * s.matured2
  ), judged as materialized (
    -- shape: the units that came in; usual: those that the return of before would have brought
    select c.*, autonomy.normal_probability(autonomy.gamma_below(g.shape, 0.5 * g.usual) * w.certainty) as confidence,
           autonomy.normal_probability(
             autonomy.gamma_below(g.shape, c.break_even / c.before * g.usual) * w.certainty) as loses
    from compared c
    cross join lateral (select c.r2 / c.unit + 1 as shape, c.before * c.matured2 / c.unit + 1 as usual) g
    cross join lateral (select 1 / sqrt(1 + g.shape * c.unit / c.r1) as certainty) w
  ), valueless as materialized (  -- where conversions carry no value, revenue says nothing
    select unnest(autonomy.campaigns_without_value(array(select j.id from judged j where j.r2 = 0), p_now)) as id
  )
  select j.id, 'declining_performance'::text, case when j.loses >= 0.5 then 'critical' else 'high' end,
         format('Campaign "%s": the last 14 days returned %sx against %sx before (%s spent for %s)', j.title,
                trim_scale(round(j.after::numeric, 2)), trim_scale(round(j.before::numeric, 2)),
                autonomy.money_words(j.s2, autonomy.campaign_currency(j.id)),
                autonomy.money_words(j.r2, autonomy.campaign_currency(j.id))),
         'Check today that its conversions and their value still arrive; then the page, the price, the stock and the '
         'audience. What still runs at this return is paid from the past: pause it, or cut its budget, until it is '
         'clear.',
         jsonb_build_object(
           'kind', 'loss',
           'money_per_day', round(((j.before * j.matured2 - j.r2) / j.days2)::numeric, 2),
           'spend_per_day', round((j.s2 / j.days2)::numeric, 2),
           'percent', round((100 * (j.after / j.before - 1))::numeric, 1),
           'basis', format('%s spent a day, which returned %s instead of %s',
                           autonomy.money_words(j.s2 / j.days2, autonomy.campaign_currency(j.id)),
                           autonomy.money_words(j.r2 / j.days2, autonomy.campaign_currency(j.id)),
                           autonomy.money_words(j.before * j.s2 / j.days2, autonomy.campaign_currency(j.id)))),
         round(least(99.9, 100 * j.confidence)::numeric, 2),
         jsonb_build_object('roi', round(j.after::numeric, 4), 'roi_before', round(j.before::numeric, 4),
                            'spend', round(j.s2::numeric, 2), 'revenue', round(j.r2::numeric, 2),
                            'conversions', autonomy.shown_conversions(j.n2),
                            'conversions_expected', autonomy.shown_conversions(j.expected),
                            'days', j.days2, 'days_before', j.days1,
                            'below_break_even', round((100 * j.loses)::numeric, 2))
  from judged j
  where j.confidence >= 0.95 and not exists (select from valueless v where v.id = j.id);
end $$;
comment on function autonomy.collapsed_return(uuid, uuid, timestamptz, timestamptz) is
  'The detector declining_performance as to the return, for active campaigns with ids in (p_after, p_until] whose '
  'facts changed after p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to '
  'call again; raises nothing. [autonomous-operations]';

create function autonomy.declining_campaigns(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language sql stable set search_path = ''
as $$
  select distinct on (d.campaign_id) d.*
  from (select * from autonomy.declining_performance(p_after, p_until, p_changed_after, p_now)
        union all
        select * from autonomy.collapsed_return(p_after, p_until, p_changed_after, p_now)) d
  order by d.campaign_id, autonomy.severity_rank(d.severity), (d.estimated_impact -> 'money_per_day')::numeric desc,
    d.description
$$;
comment on function autonomy.declining_campaigns(uuid, uuid, timestamptz, timestamptz) is
  'Both forms of declining_performance, of a campaign that shows both the more severe. Only reads; safe to call again; '
  'raises nothing. [autonomous-operations]';

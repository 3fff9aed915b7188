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

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.timing_optimization(
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
      greatest(g.prior_cv2, coalesce(f.cv2, 0)) as order_cv2, z.zone,
      date_trunc('day', p_now at time zone z.zone) at time zone z.zone as until_at,
      (date_trunc('day', p_now at time zone z.zone) - interval '28 days') at time zone z.zone as from_at
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.as_of >= p_now - interval '8 days' and f.w30_conversions >= 80
      and (select count(*) from (select from public.campaign_metrics m where m.campaign_id = f.campaign_id
             and m.bucket >= f.as_of - interval '2 days' and m.bucket < f.as_of limit 3) few) = 3
  ), worth as materialized (
    select * from autonomy.campaign_values(array(select l.id from looked_at l))
  ), hours as (
    select l.id, min(l.order_cv2) as order_cv2, extract(isodow from b.at)::integer as dow,
           extract(hour from b.at)::integer as hour,
           count(*)::float8 as buckets, min(b.at) as first_at, max(b.at) as last_at,
           sum(x.n) as clicks, sum(x.x) as conversions, sum(x.s) as spend, sum(x.r) as revenue,
           sum(x.x * x.x) as xx, sum(x.x * x.n) as xn, sum(x.n * x.n) as nn
    from looked_at l
    join public.campaign_metrics m on m.campaign_id = l.id and m.bucket >= l.from_at and m.bucket < l.until_at
      and not m.whole_day
    left join worth v on v.campaign_id = l.id
    cross join lateral (select m.bucket at time zone l.zone as at) b
    cross join lateral (select greatest(m.clicks, m.conversions)::float8 as n, m.conversions::float8 as x,
                               m.spend::float8 as s, greatest(0, case
                                 when m.revenue = 0 then m.conversions * coalesce(v.value, 0)
                                 else m.revenue end)::float8 as r) x
    group by l.id, 3, 4
  ), pools as (
    -- A null in weekend, dow, h6, h3, hour stands for any; the row with nulls only is the whole campaign.
    -- moved / freedom: chi square of an hour's weeks about their common rate.
    select h.id, h.dow >= 6 as weekend, h.dow, h.hour / 6 as h6, h.hour / 3 as h3, h.hour,
           grouping(h.dow >= 6, h.hour, h.hour / 3, h.hour / 6) = 15 as whole,
           sum(h.clicks) as clicks, sum(h.conversions) as conversions, sum(h.spend) as spend, sum(h.revenue) as revenue,
           max(h.last_at)::date - min(h.first_at)::date + 1 as days, min(h.order_cv2) as order_cv2,
           sum(greatest(0, h.xx - 2 * h.conversions / h.clicks * h.xn + (h.conversions / h.clicks) ^ 2 * h.nn)
               / (h.conversions / h.buckets))
             filter (where h.conversions > 0) as moved,
           sum(h.buckets - 1) filter (where h.conversions > 0) as freedom
    from hours h
    group by h.id, grouping sets (
      (h.dow >= 6, h.dow, h.hour), (h.dow >= 6, h.dow, h.hour / 3), (h.dow >= 6, h.dow, h.hour / 6),
      (h.dow >= 6, h.dow),
      (h.dow >= 6, h.hour), (h.dow >= 6, h.hour / 3), (h.dow >= 6, h.hour / 6), (h.hour),
      (h.hour / 3), (h.hour / 6), ())
  ), measured as (
    select p.*, max(p.clicks) filter (where p.whole) over campaign as all_clicks,
           max(p.conversions) filter (where p.whole) over campaign as all_conversions,
           max(p.spend) filter (where p.whole) over campaign as all_spend,
           max(p.revenue) filter (where p.whole) over campaign as all_revenue,
           max(p.days) over campaign as all_days, count(p.hour) over campaign as hours_seen,
           greatest(1, max((20 * 1.3 + p.moved) / (20 + p.freedom)) filter (where p.whole) over campaign) as phi
    from pools p window campaign as (partition by p.id)
  ), tested as (
    select m.*, not m.whole and greatest(
             (cbrt(0.5 * m.all_conversions / m.all_clicks * m.clicks / m.phi / f.shape1) - (1 - 1 / (9 * f.shape1)))
               * 3 * sqrt(f.shape1),
             case when f.unit > 0 and m.all_spend > 0 then
               (cbrt(0.5 * m.all_revenue / m.all_spend * m.spend / f.unit / f.shape2) - (1 - 1 / (9 * f.shape2)))
                 * 3 * sqrt(f.shape2) end) >= 3.82 as weak,
           greatest(
             (cbrt(0.5 * m.all_conversions / m.all_clicks * m.clicks / m.phi / f.shape1) - (1 - 1 / (9 * f.shape1)))
               * 3 * sqrt(f.shape1),
             case when f.unit > 0 and m.all_spend > 0 then
               (cbrt(0.5 * m.all_revenue / m.all_spend * m.spend / f.unit / f.shape2) - (1 - 1 / (9 * f.shape2)))
                 * 3 * sqrt(f.shape2) end) as z,
           m.conversions < 0.5 * m.all_conversions / m.all_clicks * m.clicks
             or (f.unit > 0 and m.all_spend > 0 and m.revenue < 0.5 * m.all_revenue / m.all_spend * m.spend) as below
    from measured m
    cross join lateral (select m.all_revenue / m.all_conversions * (m.phi + m.order_cv2) as unit) u
    cross join lateral (
      select u.unit, m.conversions / m.phi + 1 as shape1,
        case when u.unit > 0 then m.revenue / u.unit + 1 end as shape2) f
    where m.all_days >= 14 and m.all_conversions >= 80 and m.all_clicks > 0 and m.hours_seen > 1
  ), suspects as materialized (
    select t.id, min(t.all_clicks) as clicks, min(t.all_conversions) as conversions,
           min(t.all_spend) as spend, min(t.all_revenue) as revenue,
           min(t.all_days) as days, min(t.phi) as phi, max(t.z) as z,
           autonomy.weak_hours(jsonb_agg(jsonb_build_object(
             'weekend', t.weekend, 'dow', t.dow, 'h6', t.h6, 'h3', t.h3, 'hour', t.hour,
             'weak', t.weak, 'below', t.below,
             'clicks', t.clicks, 'conversions', t.conversions, 'spend', t.spend, 'revenue', t.revenue))) as hours
    from (select x.*, bool_or(x.weak) over (partition by x.id) as suspicious from tested x) t
    where t.suspicious and not t.whole and (t.weak or t.hour is not null)
    group by t.id
  ), named as (
    select s.*, l.title, l.zone, (s.hours ->> 'clicks')::float8 as weak_clicks,
           (s.hours ->> 'conversions')::float8 as weak_conversions,
           (s.hours ->> 'spend')::float8 as weak_spend, (s.hours ->> 'revenue')::float8 as weak_revenue,
           s.hours ->> 'words' as words, s.hours ->> 'peak' as peak
    from suspects s join looked_at l on l.id = s.id
    where s.hours ->> 'words' is not null
  )
  select n.id, 'timing_optimization'::text,
         case when s.share >= 0.5 then 'critical' when s.share >= 0.3 then 'high'
              when s.share >= 0.15 then 'medium' else 'low' end,
         format('Campaign "%s" converts %s%% of its clicks in weak hours (%s, %s) against %s%% over all, and spends '
                '%s%% of its money there',
                n.title, to_char(100 * n.weak_conversions / greatest(1, n.weak_clicks), 'FM990.0'), n.words, n.zone,
                to_char(100 * n.conversions / n.clicks, 'FM990.0'), round((100 * s.share)::numeric)),
         format('Take these hours out of its schedule: %s (%s). Raise bids in its best hours: every day %s.',
                n.words, n.zone, n.peak),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day', round((greatest(0, n.weak_spend * s.other_roi - n.weak_revenue) / n.days)::numeric, 2),
           'spend_per_day', round((n.weak_spend / n.days)::numeric, 2),
           'percent', round((100 * s.share)::numeric, 1),
           'basis', format('%s a day moved from these hours (ROI %s) to the others (ROI %s)',
                           autonomy.money_words(n.weak_spend / n.days, autonomy.campaign_currency(n.id)),
                           coalesce(to_char(case when n.weak_spend > 0 then n.weak_revenue / n.weak_spend end,
                                            'FM990.00'), 'unknown'),
                           to_char(s.other_roi, 'FM990.00'))),
         round(least(99.9, greatest(50, 100 * (1 - 734 * (1 - autonomy.normal_probability(n.z)))))::numeric, 2),
         jsonb_build_object('weak_hours', n.hours -> 'list', 'peak_hours', n.hours -> 'peak_list',
                            'time_zone', n.zone, 'z', round(n.z::numeric, 2),
                            'phi', round(n.phi::numeric, 2), 'days', n.days, 'conversions', n.conversions)
  from named n
  cross join lateral (
    select case when n.spend > 0 then n.weak_spend / n.spend else 0 end as share,
           case when n.spend > n.weak_spend then (n.revenue - n.weak_revenue) / (n.spend - n.weak_spend)
                else 0 end as other_roi) s;
end $$;
comment on function autonomy.timing_optimization(uuid, uuid, timestamptz, timestamptz) is
  'The detector timing_optimization, for active campaigns with ids in (p_after, p_until] whose facts changed after '
  'p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; raises '
  'nothing. [autonomous-operations]';

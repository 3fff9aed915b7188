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

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.declining_performance(
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
           least((f.as_of at time zone z.zone)::date - 1, (p_now at time zone z.zone)::date - 1) as last_day
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
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
           autonomy.student_to_normal(-t.change / t.se, t.all_freedom) as z,
           autonomy.normal_probability(
             autonomy.student_to_normal((ln(0.85) - t.change) / t.se, t.all_freedom)) as confidence
    from tested t join looked_at l on l.id = t.id
  )
  select j.id, 'declining_performance'::text,
         case when j.fall >= 0.7 then 'critical' when j.fall >= 0.5 then 'high' else 'medium' end,
         format('Campaign "%s" has a CTR of %s%% in the last 7 days, %s%% below the %s%% of the 7 days before', j.title,
                to_char(100 * j.c2 / j.i2, 'FM990.00'), round(100 * j.fall::numeric),
                to_char(100 * j.c1 / j.i1, 'FM990.00')),
         'Look at what changed in the last 14 days: a new ad, a wider audience, a placement, a competitor. '
         'Undo that change, or put back the ad that ran before, and compare CTR again in 3 days.',
         jsonb_build_object(
           'kind', 'loss',
           'clicks_per_day', round(((j.c1 / j.i1 - j.c2 / j.i2) * j.i2 / j.days2)::numeric, 1),
           'money_per_day',
           round(((j.c1 / j.i1 - j.c2 / j.i2) * j.i2 / j.days2 * greatest(0, j.revenue1) / j.c1)::numeric, 2),
           'percent', round(-100 * j.fall::numeric, 1),
           'basis', format('clicks lost on %s impressions a day, at the %s of revenue a click of the 7 days before',
                           to_char(j.i2 / j.days2, 'FM999,999,999,990'),
                           autonomy.money_words(greatest(0, j.revenue1) / j.c1, autonomy.campaign_currency(j.id)))),
         round(least(99.9, 100 * j.confidence)::numeric, 2),
         jsonb_build_object('ctr', round((100 * j.c2 / j.i2)::numeric, 3),
                            'ctr_before', round((100 * j.c1 / j.i1)::numeric, 3),
                            'fall_percent', round(100 * j.fall::numeric, 1), 'z', round(j.z::numeric, 2),
                            'impressions', j.i2, 'impressions_before', j.i1, 'clicks', j.c2, 'clicks_before', j.c1)
  from judged j
  where j.z >= 3 and j.confidence >= 0.9;
end $$;
comment on function autonomy.declining_performance(uuid, uuid, timestamptz, timestamptz) is
  'The detector declining_performance, for active campaigns with ids in (p_after, p_until] whose facts changed after '
  'p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; raises '
  'nothing. [autonomous-operations]';

-- creative_fatigue
-- Limits: 14 complete days (impressions on 12 of them at least), 1,000 impressions and 40 clicks; CTR
--         falls along a line by at least 20 % in all while the later week keeps 70 % of the impressions
--         of the earlier, or by at least 10 % at a frequency (impressions / reach) above 4.
-- Test:   weighted least squares of the day's CTR, relative to the mean, on the day; the days' own
--         dispersion about the line scales the error (n - 2 degrees of freedom plus 6). z of the slope at
--         least 2.7, or 2.3 where the frequency says the same; confidence: the probability of a true
--         fall of more than 10 %.
--         Steady, not sudden: the best single step may not explain clearly more than the line does (by 2 in
--         chi square, having been chosen among eleven); what fell in one step is declining_performance.
-- Severity by the fall in 14 days: from 60 % critical, 40 % high, 25 % medium, else low.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.creative_fatigue(
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
           least((f.as_of at time zone z.zone)::date - 1, (p_now at time zone z.zone)::date - 1) as last_day
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.as_of >= p_now - interval '8 days'
      and f.w7_impressions > 0 and f.p7_impressions > 0 and f.w7_clicks + f.p7_clicks >= 30
      -- what a slope of z 2.3 needs even where days scatter least (phi 0.25), and a little less
      and ln((f.w7_clicks + 0.5) / f.w7_impressions / ((f.p7_clicks + 0.5) / f.p7_impressions))
          < -sqrt(1 / (f.w7_clicks + 0.5) + 1 / (f.p7_clicks + 0.5) + 0.0143)
  ), days as materialized (
    select l.id, (d.day - l.last_day + 13)::float8 as t, d.impressions::float8 as i,
           least(d.clicks, d.impressions)::float8 as c,
           d.reach::float8 as reach, d.revenue::float8 as revenue
    from looked_at l
    join public.campaign_daily d on d.campaign_id = l.id and d.day > l.last_day - 14 and d.day <= l.last_day
    where d.impressions > 0
  ), totals as materialized (
    select d.id, sum(d.c) as c, sum(d.i) as i, sum(d.revenue) as revenue, count(*)::float8 as days,
           coalesce(sum(d.i) filter (where d.t >= 7), 0) as later_i,
           coalesce(sum(d.i) filter (where d.t < 7), 0) as earlier_i,
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
           autonomy.student_to_normal(-l.slope * sqrt(l.spread / p.phi), l.days + 4) as z
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
           autonomy.normal_probability(
             autonomy.student_to_normal((-f.slope - 0.0081) * sqrt(f.spread / f.phi), f.days + 4)) as confidence
    from falling f
    join totals t on t.id = f.id
    join looked_at l on l.id = f.id
    join steps s on s.id = f.id
    where f.slope ^ 2 * f.spread >= s.gained - 2 * f.phi
      and ((f.fall >= 0.2 and f.z >= 2.7 and t.later_i >= 0.7 * t.earlier_i) or t.frequency > 4)
  )
  select j.id, 'creative_fatigue'::text,
         case when j.fall >= 0.6 then 'critical' when j.fall >= 0.4 then 'high'
              when j.fall >= 0.25 then 'medium' else 'low' end,
         format('Campaign "%s" loses CTR steadily: from %s%% to %s%% in 14 days (-%s%%) %s', j.title,
                to_char(100 * j.ctr_then, 'FM990.00'), to_char(100 * j.ctr_now, 'FM990.00'),
                round(100 * least(j.fall, 1)::numeric),
                case when j.frequency > 4 then
                     format('while people see its ads %s times each', to_char(j.frequency, 'FM990.0'))
                     else 'while its impressions hold' end),
         case when j.frequency > 4 then 'Refresh the creative today: new image, new headline, same offer; and cap the '
                                        'frequency at 3 a week or widen the audience.'
              else 'Refresh the creative today: upload two new variants beside the old one, and pause the old one when '
                   'either beats its CTR.' end,
         jsonb_build_object(
           'kind', 'loss',
           'clicks_per_day', round(((j.ctr_then - j.ctr_now) * j.later_i / 7)::numeric, 1),
           'money_per_day',
           round(((j.ctr_then - j.ctr_now) * j.later_i / 7 * greatest(0, j.revenue) / j.c)::numeric, 2),
           'percent', round(-100 * least(j.fall, 1)::numeric, 1),
           'basis', format('clicks lost against 14 days ago on %s impressions a day, at %s of revenue a click',
                           to_char(j.later_i / 7, 'FM999,999,999,990'),
                           autonomy.money_words(greatest(0, j.revenue) / j.c, autonomy.campaign_currency(j.id)))),
         round(least(99.9, 100 * j.confidence)::numeric, 2),
         jsonb_build_object('fall_percent', round(100 * least(j.fall, 1)::numeric, 1),
                            'ctr_then', round(100 * j.ctr_then::numeric, 3),
                            'ctr_now', round(100 * j.ctr_now::numeric, 3), 'z', round(j.z::numeric, 2),
                            'impressions', j.i, 'clicks', j.c,
                            'frequency', round(j.frequency::numeric, 2))
  from judged j;
end $$;
comment on function autonomy.creative_fatigue(uuid, uuid, timestamptz, timestamptz) is
  'The detector creative_fatigue, for active campaigns with ids in (p_after, p_until] whose facts changed after '
  'p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; raises '
  'nothing. [autonomous-operations]';

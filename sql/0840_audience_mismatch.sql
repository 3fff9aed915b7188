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

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.audience_mismatch(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_conversion float8 := (p_rates #>> '{conversion_rate,centre}')::float8;
  v_conversion_weights float8[] := array(select value::float8
                                         from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
  v_ctr float8 := (p_rates #>> '{ctr,centre}')::float8;
  v_ctr_weights float8[] := array(select value::float8 from jsonb_array_elements_text(p_rates #> '{ctr,weights}'));
begin
  return query
  with segments as materialized (
    select c.id, min(coalesce(nullif(btrim(c.title), ''), c.id::text)) as title, a.segment,
           sum(a.spend)::float8 as spend, greatest(0, sum(a.revenue))::float8 as revenue,
           sum(a.conversions)::float8 as conversions,
           count(*) filter (where a.spend > 0)::float8 as days, min(a.day) as first_day, max(a.day) as last_day
    from public.campaign_audience_metrics a
    join public.campaigns c on c.id = a.campaign_id and lower(c.status) = 'active'
    join public.campaign_facts f on f.campaign_id = c.id
    join autonomy.account_zones() z on z.account = coalesce(c.account, 'default')
    where a.day >= (p_now at time zone z.zone)::date - 30 and a.day < (p_now at time zone z.zone)::date
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
    group by c.id, a.segment
  ), campaign as materialized (
    select s.id, sum(s.spend) as spend, sum(s.revenue) as revenue, sum(s.conversions) as conversions,
           max(s.days) as days,
           max(s.last_day) - min(s.first_day) + 1 as length
    from segments s group by s.id having sum(s.spend) > 0
  ), posterior as materialized (
    -- the days of these sums had budgets as the evidence's did; roi is of the reference budget until it is said
    select c.*, q.posterior[1] as log_roi, q.posterior[2] as certainty, g.prior_cv2, g.prior_order_spread, t.effect,
      t.over,
      (c.revenue + 2 * g.prior_order_value) / (c.conversions + 2) as order_value
    from campaign c
    join public.campaigns o on o.id = c.id
    join autonomy.account_targets() g on g.account = coalesce(o.account, '')
    join autonomy.standing_of(array(select i.id from campaign i), p_now) t on t.campaign_id = c.id
    cross join lateral (
      select autonomy.roi_posterior(c.spend * t.effect, c.conversions, c.revenue, null::float8, c.days, 1,
                                  g.prior_mean_roi, g.prior_tau2, g.prior_order_value, g.prior_cv2,
                                  g.prior_order_spread) as posterior) q
  ), tested as materialized (
    select s.*, c.spend as all_spend, c.length, exp(c.log_roi) / c.over as campaign_roi,
           exp(q.posterior[1]) / c.over as segment_roi,
           count(*) over (partition by s.id) as looks,
           autonomy.normal_probability((ln(0.5::float8) + c.log_roi - q.posterior[1])
                                       / sqrt(1 / c.certainty + 1 / q.posterior[2])) as below
    from segments s
    join posterior c on c.id = s.id and s.spend >= 0.15 * c.spend and s.spend >= 20
    cross join lateral (
      select autonomy.roi_posterior(s.spend * c.effect, s.conversions, s.revenue, null::float8, s.days, 1,
                                  exp(c.log_roi), 0.5, c.order_value, c.prior_cv2, c.prior_order_spread) as posterior) q
  ), bad as (
    select t.id, min(t.title) as title, sum(t.spend) as spend, sum(t.spend) / min(t.all_spend) as share,
           min(t.campaign_roi) as campaign_roi,
           min(t.length) as length, sum(t.spend * t.segment_roi) / sum(t.spend) as roi, count(*) as segments,
           max(1 - t.looks * (1 - t.below)) as confidence,
           string_agg(format('"%s" (%s%% of the spend, ROI %s)', t.segment,
                             round((100 * t.spend / t.all_spend)::numeric),
                             to_char(t.revenue / t.spend, 'FM990.00')), ', ' order by t.spend desc) as words,
           string_agg(format('"%s"', t.segment), ', ' order by t.spend desc) as names,
           jsonb_agg(jsonb_build_object('segment', t.segment,
                                        'share_percent', round((100 * t.spend / t.all_spend)::numeric, 1),
                                        'roi', round((t.revenue / t.spend)::numeric, 4),
                                        'likely_roi', round(t.segment_roi::numeric, 4),
                                        'spend', round(t.spend::numeric, 2),
                                        'conversions', t.conversions) order by t.spend desc) as list
    from tested t
    where 1 - t.looks * (1 - t.below) >= 0.8
    group by t.id
  )
  select b.id, 'audience_mismatch'::text,
         case when b.share >= 0.5 then 'critical' when b.share >= 0.3 then 'high' else 'medium' end,
         format('Campaign "%s" spends %s%% of its money on %s below half of its ROI of %s: %s',
                b.title, round((100 * b.share)::numeric),
                case when b.segments = 1 then 'an audience segment' else 'audience segments' end,
                to_char(b.campaign_roi, 'FM990.00'), b.words),
         format('Exclude %s, or give it an ad of its own, and let the other segments have its %s a day.', b.names,
                autonomy.money_words(b.spend / b.length, autonomy.campaign_currency(b.id))),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day', round((b.spend / b.length * greatest(0, b.campaign_roi - b.roi))::numeric, 2),
           'spend_per_day', round((b.spend / b.length)::numeric, 2),
           'percent', round((100 * b.share)::numeric, 1),
           'basis', format('%s a day moved from a likely ROI of %s to the campaign''s %s',
                           autonomy.money_words(b.spend / b.length, autonomy.campaign_currency(b.id)),
                           to_char(b.roi, 'FM990.00'), to_char(b.campaign_roi, 'FM990.00'))),
         round(least(99.9, 100 * b.confidence)::numeric, 2),
         jsonb_build_object('segments', b.list, 'campaign_roi', round(b.campaign_roi::numeric, 4))
  from bad b;

  return query
  with looked_at as (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, g.prior_order_value,
           case when f.w30_clicks >= 100 then f.w30_impressions else f.life_impressions end as impressions,
           case when f.w30_clicks >= 100 then f.w30_clicks else f.life_clicks end as clicks,
           case when f.w30_clicks >= 100 then f.w30_conversions else f.life_conversions end as conversions,
           case when f.w30_clicks >= 100 then f.w30_spend else f.life_spend end as spend,
           greatest(case when f.has_history then 1 else 3 end,
                    least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                             case when isfinite(c.created_at)
                                  then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
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
    select s.*, autonomy.rate_posterior(s.clicks / s.ctr_phi, v_ctr * s.impressions / s.ctr_phi,
                                        v_ctr_weights) as ctr_posterior,
           autonomy.rate_posterior(s.conversions / s.conversion_phi, v_conversion * s.clicks / s.conversion_phi,
                                 v_conversion_weights) as conversion_posterior
    from suspect s
  ), judged as (
    -- The first four multiples, up to 0.38, lie below half.
    select t.*, least(t.ctr_posterior[1] + t.ctr_posterior[2] + t.ctr_posterior[3] + t.ctr_posterior[4],
                      t.conversion_posterior[1] + t.conversion_posterior[2] + t.conversion_posterior[3]
                        + t.conversion_posterior[4]) as below
    from tested t
  )
  select j.id, 'audience_mismatch'::text, case when j.spend >= 1000 then 'critical' else 'high' end,
         format('Campaign "%s" reaches the wrong people: CTR %s%% and conversion rate %s%%, both below half of the '
                'usual %s%% and %s%%',
                j.title, to_char(100 * j.clicks / j.impressions, 'FM990.00'),
                to_char(100 * j.conversions / j.clicks, 'FM990.00'),
                to_char(100 * v_ctr, 'FM990.00'), to_char(100 * v_conversion, 'FM990.00')),
         'Compare its targeting with that of your best campaign: interests, places, ages, placements. '
         'Copy that audience into this campaign, and record figures by segment so that the part that does not fit '
         'can be named.',
         jsonb_build_object(
           'kind', 'gain',
           'conversions_per_day',
           round((v_ctr * v_conversion * j.impressions / j.days - j.conversions / j.days)::numeric, 2),
           'money_per_day',
           round(((v_ctr * v_conversion * j.impressions - j.conversions) / j.days * j.prior_order_value)::numeric, 2),
           'percent', round((100 - 100 * j.conversions / (v_ctr * v_conversion * j.impressions))::numeric, 1),
           'basis', format('%s impressions a day at the usual CTR and conversion rate, %s an order',
                           to_char(j.impressions / j.days, 'FM999,999,999,990'),
                           autonomy.money_words(j.prior_order_value, autonomy.campaign_currency(j.id)))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('impressions', j.impressions, 'clicks', j.clicks, 'conversions', j.conversions,
                            'spend', round(j.spend::numeric, 2),
                            'ctr', round((100 * j.clicks / j.impressions)::numeric, 3),
                            'usual_ctr', round((100 * v_ctr)::numeric, 3),
                            'conversion_rate', round((100 * j.conversions / j.clicks)::numeric, 2),
                            'usual_conversion_rate', round((100 * v_conversion)::numeric, 2))
  from judged j
  where j.below >= 0.9;
end $$;
comment on function autonomy.audience_mismatch(uuid, uuid, timestamptz, jsonb, timestamptz) is
  'The detector audience_mismatch, for active campaigns with ids in (p_after, p_until] whose facts changed after '
  'p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; raises '
  'nothing. [autonomous-operations]';

-- high_traffic_low_conversion
-- Limits: at least 100 clicks, spend above 50, conversion rate below 2 % (the last 30 days where
--         these have 100 clicks, else all there is).
-- Test:   the probability that the true rate is below the portfolio's centre by a fifth or more,
--         given the conversions and how rates are spread here, is at least 75 %. That is the confidence.
-- Severity by the expected rate as a share of the centre: below 0.2 critical (at 95 % or more),
--         below 0.5 high, below 0.75 medium, else low.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.high_traffic_low_conversion(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
declare
  v_centre float8 := (p_rates #>> '{conversion_rate,centre}')::float8;
  v_weights float8[] := array(select value::float8
                              from jsonb_array_elements_text(p_rates #> '{conversion_rate,weights}'));
begin
  return query
  with looked_at as (
    select c.id, coalesce(nullif(btrim(c.title), ''), c.id::text) as title, g.prior_order_value,
           f.w30_clicks >= 100 and f.w30_clicks < f.life_clicks as recent,
           case when f.w30_clicks >= 100 then f.w30_clicks else f.life_clicks end as clicks,
           case when f.w30_clicks >= 100 then f.w30_conversions else f.life_conversions end as conversions,
           case when f.w30_clicks >= 100 then f.w30_spend else f.life_spend end as spend,
           case when f.w30_clicks >= 100 then f.w30_revenue else f.life_revenue end as revenue,
           greatest(case when f.has_history then 1 else 3 end,
                    least(case when f.w30_clicks >= 100 then 30 else 3650 end,
                             case when isfinite(c.created_at)
                                  then extract(epoch from p_now - c.created_at)::float8 / 86400 end)) as days,
           -- Clicks whose conversions are still to come are not held against the campaign.
           greatest(0.01, e.matured_share) as matured
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    join autonomy.campaign_evidence(array(
      select i.campaign_id from public.campaign_facts i
      where (i.w30_clicks >= 100 or i.life_clicks >= 100)
        and (p_after is null or i.campaign_id > p_after) and (p_until is null or i.campaign_id <= p_until)
        and (p_changed_after is null or i.changed_at > p_changed_after)), p_now) e on e.campaign_id = f.campaign_id
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
    select s.*, autonomy.rate_posterior(s.conversions / s.phi, s.usual / s.phi, v_weights) as posterior
    from suspect s
  ), judged as (
    select t.*, t.posterior[1] + t.posterior[2] + t.posterior[3] + t.posterior[4] + t.posterior[5]
           + t.posterior[6] as below,
           (select sum(m * t.posterior[i]) from unnest(autonomy.rate_multiples()) with ordinality u(m, i)) as share,
           case when t.conversions > 0 and t.earned > 0 then t.earned / t.conversions
                else t.prior_order_value end as order_value
    from tested t
  )
  select j.id, 'high_traffic_low_conversion'::text,
         case when j.share < 0.2 and j.below >= 0.95 then 'critical' when j.share < 0.5 then 'high'
              when j.share < 0.75 then 'medium' else 'low' end,
         format('Campaign "%s" has %s clicks but only %s%% conversion rate%s', j.title,
                to_char(j.clicks, 'FM999,999,999,990'), to_char(100 * j.conversions / j.clicks, 'FM990.0'),
                case when j.recent then ' in the last 30 days' else '' end),
         format('Review targeting parameters and landing page experience. Open the page as a visitor today and '
                'check its speed, '
                'its form and its tracking; campaigns here usually convert %s%% of their clicks. '
                'Consider A/B testing different audiences or CTAs.', to_char(100 * v_centre, 'FM990.0')),
         jsonb_build_object(
           'kind', 'gain',
           'money_per_day',
           round((greatest(0, 1 - j.share) * v_centre * j.clicks / j.days * j.order_value)::numeric, 2),
           'conversions_per_day', round((greatest(0, 1 - j.share) * v_centre * j.clicks / j.days)::numeric, 2),
           'percent', round((100 * (1 / greatest(j.share, 0.05) - 1))::numeric),
           'basis', format('%s clicks a day at the usual %s%% instead of the likely %s%%, %s an order',
                           to_char(j.clicks / j.days, 'FM999,999,990.0'), to_char(100 * v_centre, 'FM990.0'),
                           to_char(100 * v_centre * j.share, 'FM990.00'),
                           autonomy.money_words(j.order_value, autonomy.campaign_currency(j.id)))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('clicks', j.clicks, 'conversions', j.conversions, 'spend', round(j.spend::numeric, 2),
                            'conversion_rate', round((100 * j.conversions / j.clicks)::numeric, 2),
                            'usual_conversion_rate', round((100 * v_centre)::numeric, 2),
                            'likely_conversion_rate', round((100 * v_centre * j.share)::numeric, 2),
                            'phi', round(j.phi::numeric, 2), 'matured_share', round(j.matured::numeric, 4))
  from judged j
  where j.below >= 0.75;
end $$;
comment on function autonomy.high_traffic_low_conversion(uuid, uuid, timestamptz, jsonb, timestamptz) is
  'The detector high_traffic_low_conversion, for active campaigns with ids in (p_after, p_until] whose facts changed '
  'after p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; '
  'raises nothing. [autonomous-operations]';

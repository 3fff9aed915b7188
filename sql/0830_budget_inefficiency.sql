-- budget_inefficiency
-- Limits: spend above 100 and roi below 1.0, over everything: a person who reads these two numbers
--         expects the row, so nothing else keeps it from being raised.
-- Test:   none to be raised; the confidence is the probability that the true roi is below
--         break_even_roi (the same one that pauses act on), with fading evidence and late conversions.
-- Severity by what the evidence says: critical at 95 % with a likely roi below 0.5, high at 80 %,
--         medium at 50 %, else low (it lost money, and by now probably earns it).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.budget_inefficiency(
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
           case when g.delay > 0 and f.ev_immature_spend > 1e-9 * f.ev_spend then
             greatest(0, least(1, 1 - f.ev_immature_spend / f.ev_spend * exp(greatest(-200, least(50,
               -extract(epoch from p_now - f.as_of)::float8 / 3600 / g.delay)))))
           else 1 end as matured,
           coalesce(c.target_roi::float8, g.break_even) / g.attribution as break_even,
           g.prior_mean_roi, g.prior_tau2, g.prior_order_value, g.prior_cv2, g.prior_order_spread
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    cross join public.autonomy_policy p
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    cross join lateral (
      select greatest(1, case when isfinite(c.created_at)
                              then extract(epoch from p_now - c.created_at)::float8 / 86400 end) as days_running) r
    cross join lateral (
      select case when p.evidence_half_life_days > 0 then exp(greatest(-200, -ln(2::float8)
               * greatest(0, extract(epoch from p_now - f.as_of)::float8 / 86400) / p.evidence_half_life_days::float8))
             else 1 end as kept) e
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.life_spend > 100 and f.life_spend <= 1e15 and coalesce(f.life_revenue, 0) < f.life_spend
  ), judged as materialized (
    select l.*, b.below, exp(q.posterior[1]) as likely,
      greatest(0, 1 - exp(q.posterior[1]) / l.break_even) as loss_share
    from looked_at l
    cross join lateral (
      select autonomy.probability_below(l.break_even, l.s, l.n, l.r, l.cv2, l.d, l.matured,
                                      l.prior_mean_roi, l.prior_tau2, l.prior_order_value, l.prior_cv2,
                                      l.prior_order_spread) as below) b
    cross join lateral (
      select autonomy.roi_posterior(l.s, l.n, l.r, l.cv2, l.d, l.matured,
                                  l.prior_mean_roi, l.prior_tau2, l.prior_order_value, l.prior_cv2,
                                      l.prior_order_spread) as posterior) q
  ), valueless as materialized (  -- where conversions carry no value, roi says nothing
    select unnest(autonomy.campaigns_without_value(array(select r.id from judged r where r.revenue = 0), p_now)) as id
  )
  select j.id, 'budget_inefficiency'::text,
         case when j.below >= 0.95 and j.likely < 0.5 then 'critical' when j.below >= 0.8 then 'high'
              when j.below >= 0.5 then 'medium' else 'low' end,
         format('Campaign "%s" has spent %s with ROI %s: of every 1.00 spent, %s came back', j.title,
                autonomy.money_words(j.spend, autonomy.campaign_currency(j.id)),
                to_char(coalesce(j.revenue, 0) / j.spend, 'FM990.00'),
                to_char(coalesce(j.revenue, 0) / j.spend, 'FM990.00')),
         case when j.below >= 0.8 then
           format('Pause it, or cut its budget, today. The evidence puts its true ROI at about %s.',
                  to_char(j.likely, 'FM990.00'))
         when j.below >= 0.5 then
           'Halve its budget until more conversions tell which way it goes, and move the money to a campaign '
           'above break-even.'
         else
           format('Leave it running and look again in 3 days: its recent evidence points to a ROI of about %s.',
                  to_char(j.likely, 'FM990.00'))
         end,
         jsonb_build_object(
           'kind', 'saving',
           'money_per_day', round((j.spend_a_day * j.loss_share)::numeric, 2),
           'spend_per_day', round(j.spend_a_day::numeric, 2),
           'percent', round((100 * j.loss_share)::numeric, 1),
           'basis', format('%s spent a day, of which %s%% is lost at a likely ROI of %s',
                           autonomy.money_words(j.spend_a_day, autonomy.campaign_currency(j.id)),
                           round((100 * j.loss_share)::numeric), to_char(j.likely, 'FM990.00'))),
         round(least(99.9, 100 * j.below)::numeric, 2),
         jsonb_build_object('spend', round(j.spend::numeric, 2), 'revenue', round(coalesce(j.revenue, 0)::numeric, 2),
                            'roi', round((coalesce(j.revenue, 0) / j.spend)::numeric, 4),
                            'likely_roi', round(j.likely::numeric, 4),
                            'conversions', round(coalesce(j.n, 0)::numeric, 2))
  from judged j
  where not exists (select from valueless v where v.id = j.id);
end $$;
comment on function autonomy.budget_inefficiency(uuid, uuid, timestamptz, timestamptz) is
  'The detector budget_inefficiency, for active campaigns with ids in (p_after, p_until] whose facts changed after '
  'p_changed_after (null: any). What it tests stands at the top of its file. Only reads; safe to call again; raises '
  'nothing. [autonomous-operations]';

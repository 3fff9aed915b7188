-- budget_inefficiency
-- Limits: spend above 100 and roi below 1.0, over everything: a person who reads these two numbers
--         expects the row, so nothing else keeps it from being raised.
-- Test:   none to be raised; the confidence is the probability that the true roi at the present budget is below
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
           f.life_spend as spend, greatest(0, f.life_revenue) as revenue,
           -- as many days ago budgets may have been larger than the present one
           least(case when f.has_history and f.w7_spend > 0 then f.w7_spend / least(7, r.days_running)
                      else f.life_spend / r.days_running end,
                 case when c.budget between 0.01 and 1e15 then c.budget::float8 end) as spend_a_day,
           coalesce(c.target_roi::float8, g.break_even) / g.attribution as break_even
    from public.campaign_facts f
    join public.campaigns c on c.id = f.campaign_id
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    cross join lateral (
      select greatest(1, case when isfinite(c.created_at)
                              then extract(epoch from p_now - c.created_at)::float8 / 86400 end) as days_running) r
    where lower(c.status) = 'active'
      and (p_after is null or f.campaign_id > p_after) and (p_until is null or f.campaign_id <= p_until)
      and (p_changed_after is null or f.changed_at > p_changed_after)
      and f.life_spend > 100 and f.life_spend <= 1e15 and coalesce(f.life_revenue, 0) < f.life_spend
  ), judged as materialized (
    select l.*, w.likely, w.n, autonomy.probability_from(w.posterior, l.break_even * w.over) as below,
      greatest(0, 1 - w.likely / l.break_even) as loss_share
    from looked_at l
    join (select t.campaign_id, t.posterior, t.over, t.conversions as n, exp(t.posterior[1]) / t.over as likely
          from autonomy.standing_of(array(select i.id from looked_at i), p_now) t offset 0) w on w.campaign_id = l.id
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

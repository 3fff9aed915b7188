-- Where a campaign stands: what its evidence says of its roi at the budget that it has now. The prior is of the roi
-- at the reference budget, and so is what evidence says: detectors go from there to the present budget as decisions do.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.standing_of(p_ids uuid[], p_now timestamptz)
returns table (campaign_id uuid, posterior float8[], over float8, effect float8, conversions float8, matured float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query execute $sql$
    select c.id, o.posterior, autonomy.curve_over(x.share, x.curvature),
      case when e.spend > 0 and e.effective_spend > 0 then e.effective_spend / e.spend else 1::float8 end,
      e.conversions, e.matured_share
    from public.autonomy_policy p
    cross join unnest($2) i (id)
    join public.campaigns c on c.id = i.id
    join autonomy.account_targets() g on g.account = coalesce(c.account, '')
    left join public.autonomy_accounts q on q.account = c.account
    left join public.campaign_facts f on f.campaign_id = i.id $sql$
    || autonomy.evidence_expression() || $sql$
    cross join lateral (select
      case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else g.curvature end as curvature,
      autonomy.budget_share(c.budget, $sql$ || autonomy.reference_expression() || $sql$) as share offset 0) x
    cross join lateral (select autonomy.roi_posterior(
      case when c.budget > 0 then coalesce(e.effective_spend, e.spend) else e.spend end, e.conversions, e.revenue,
      e.cv2, e.days, e.matured_share, g.prior_mean_roi, g.prior_tau2, g.prior_order_value, g.prior_cv2,
      g.prior_order_spread) as posterior offset 0) o $sql$ using p_now, p_ids;
end $$;
comment on function autonomy.standing_of(uuid[], timestamptz) is
  'What the evidence of each of these campaigns says of its roi at the reference budget (as roi_posterior gives it, of '
  'what the platform reports), that roi over the roi at the present budget, what a unit of its spend has counted for, '
  'and the conversions and the share of them that has arrived. Only reads; raises nothing. [autonomous-operations]';

-- Two questions that a person asks in the SQL editor; dashboards call them by these names.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.campaigns_by_metrics(
  p_min_spend float8, p_min_conversions float8, p_roi_below float8, p_roi_from float8,
  p_min_hours float8, p_now timestamptz)
returns table (campaign_id uuid, roi float8, ctr float8, conversion_rate float8)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  return query execute format(
    'select c.id, %1$s, %2$s, %3$s from public.campaigns c join public.campaign_facts f on f.campaign_id = c.id'
    ' where (c.status = ''active'' or lower(c.status) = ''active'') and ($2 is null or %4$s >= $2) '
    'and ($3 is null or %5$s >= $3)'
    ' and ($4 is null or %1$s < $4) and ($5 is null or %1$s >= $5) and ($6 is null or %6$s >= $6)',
    autonomy.metric_expression('roi', 'lifetime', 'exact'), autonomy.metric_expression('ctr', 'lifetime', 'exact'),
    autonomy.metric_expression('conversion_rate', 'lifetime', 'exact'),
    autonomy.metric_expression('spend', 'lifetime', 'exact'),
    autonomy.metric_expression('conversions', 'lifetime', 'exact'),
    autonomy.metric_expression('hours_running', 'lifetime', 'exact'))
    using p_now, p_min_spend, p_min_conversions, p_roi_below, p_roi_from, p_min_hours;
end $$;
comment on function autonomy.campaigns_by_metrics(float8, float8, float8, float8, float8, timestamptz) is
  'Active campaigns by the metrics of their whole life; a null bound is no bound. Only reads. [autonomous-operations]';

create function public.identify_underperforming_campaigns(
  min_spend numeric default 50.0, max_roi numeric default 1.0, min_duration_hours integer default 24,
  p_now timestamptz default now())
returns table (
  campaign_id uuid, campaign_title text, current_budget numeric, total_spend numeric, roi numeric,
  ctr numeric, conversion_rate numeric, hours_running numeric, recommendation text, confidence_score numeric)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
begin
  perform autonomy.argument_error('min_spend', min_spend), autonomy.argument_error('max_roi', max_roi),
          autonomy.argument_error('min_duration_hours', min_duration_hours);
  perform autonomy.moment_error(p_now);
  return query
  with found as materialized (
    select m.campaign_id, m.roi, m.ctr, m.conversion_rate
    from autonomy.campaigns_by_metrics(
      min_spend::float8, null::float8, max_roi::float8, null::float8, min_duration_hours::float8, p_now) m
  ),
  in_force as materialized (
    select k.*, f.p
    from autonomy.account_priors(array(
      select distinct c.account from found i join public.campaigns c on c.id = i.campaign_id), p_now) k
    join autonomy.policies_of(array(
      select distinct c.account from found i join public.campaigns c on c.id = i.campaign_id)) f using (account)
  )
  select c.campaign_id, c.title, c.budget, round(c.spend::numeric, autonomy.currency_digits(c.currency)),
    round(f.roi::numeric, 4),
    round(f.ctr::numeric, 4), round(f.conversion_rate::numeric, 4), round(c.hours_running::numeric, 1),
    case when c.value_missing then 'Wait: its conversions carry no value, so its roi says nothing; '
         when s.confidence < 50 then 'Wait: '
         when s.confidence < 80 then 'Watch, or pause: '
         else 'Pause: ' end
      || autonomy.why_words('pause', c, s.confidence, t.target, o.break_even, h.p),
    round(s.confidence::numeric, 2)
  from found f
  join autonomy.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
  join in_force h on h.account = coalesce(c.account, '')
  cross join lateral (select coalesce(c.target_roi, (h.p).break_even_roi::float8) as break_even) o
  cross join lateral (select greatest(o.break_even, max_roi::float8) as target) t
  cross join lateral (select autonomy.curve_over(autonomy.budget_share(c.budget, c.reference_budget),
    coalesce(c.curvature, h.curvature)) as over) y
  cross join lateral (select autonomy.cut_confidence(100::float8 * autonomy.probability_below(
    t.target / c.attribution * y.over, coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_revenue,
    c.cv2, c.ev_days, c.matured_share,
    h.mean_roi, h.tau2, h.order_value, h.cv2, h.order_spread)) as confidence) s
  order by c.revenue - c.spend, c.campaign_id;
end $$;
comment on function public.identify_underperforming_campaigns(numeric, numeric, integer, timestamptz) is
  'Active campaigns with at least min_spend, a roi below max_roi and min_duration_hours of running, those that lose '
  'most first; confidence_score is the probability that pausing is right. Only reads; safe to call again. Raises '
  'AO010 for a missing, negative or infinite argument. [autonomous-operations]';

create function public.identify_scaling_candidates(
  min_roi numeric default 3.0, min_conversions integer default 10, max_budget_multiplier numeric default 3.0,
  p_now timestamptz default now())
returns table (
  campaign_id uuid, campaign_title text, current_budget numeric, suggested_budget numeric, roi numeric,
  conversions bigint, ctr numeric, confidence_score numeric, reasoning text)
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
begin
  perform autonomy.argument_error('min_roi', min_roi), autonomy.argument_error('min_conversions', min_conversions),
          autonomy.argument_error('max_budget_multiplier', max_budget_multiplier);
  perform autonomy.moment_error(p_now);
  return query
  with found as materialized (
    select m.campaign_id, m.roi, m.ctr
    from autonomy.campaigns_by_metrics(
      null::float8, min_conversions::float8, null::float8, min_roi::float8, null::float8, p_now) m
  ),
  in_force as materialized (
    select k.*, f.p
    from autonomy.account_priors(array(
      select distinct c.account from found i join public.campaigns c on c.id = i.campaign_id), p_now) k
    join autonomy.policies_of(array(
      select distinct c.account from found i join public.campaigns c on c.id = i.campaign_id)) f using (account)
  )
  select c.campaign_id, c.title, c.budget, b.suggested, round(f.roi::numeric, 4), c.conversions::bigint,
    round(f.ctr::numeric, 4), round(s.confidence::numeric, 2),
    case when c.budget is null or c.budget <= 0 then 'No budget to raise: '
         when b.suggested <= c.budget then format('Leave the budget at %s, its limit: ',
                                              autonomy.money_words(c.budget, c.currency))
         when c.budget_use < 0.7 then format('Wait: the budget is not what limits it, %s %% of it is spent; ',
                                             floor(100 * c.budget_use))
         when s.confidence < 50 then 'Wait: '
         else format('Raise the budget from %s to %s: ',
                     autonomy.money_words(c.budget, c.currency), autonomy.money_words(b.suggested, c.currency)) end
      || autonomy.why_words('up', c, s.confidence, null, o.break_even, h.p)
  from found f
  join autonomy.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
  join in_force h on h.account = coalesce(c.account, '')
  cross join lateral (select coalesce(c.target_roi, (h.p).break_even_roi::float8) as break_even) o
  cross join lateral (select autonomy.currency_digits(c.currency) as digits) d
  cross join lateral (select least(round(c.budget * 1.5, d.digits), trunc(c.budget * max_budget_multiplier, d.digits),
                                   trunc((h.p).max_budget, d.digits)) as suggested) l
  cross join lateral (select case when c.budget is not null then l.suggested end as suggested) b
  cross join lateral (select autonomy.curve_over(x.share, x.curvature) as over,
      autonomy.curve_steep(x.share, x.curvature) as steep
    from (select autonomy.budget_share(c.budget, c.reference_budget) as share,
            coalesce(c.curvature, h.curvature) as curvature offset 0) x) y
  cross join lateral (select autonomy.cut_confidence(100::float8 * (1::float8 - autonomy.probability_below(
    least(o.break_even * y.steep, min_roi::float8) / c.attribution * y.over,
    coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
    h.mean_roi, h.tau2, h.order_value, h.cv2, h.order_spread))) as confidence) s
  order by s.confidence desc, c.campaign_id;
end $$;
comment on function public.identify_scaling_candidates(numeric, integer, numeric, timestamptz) is
  'Active campaigns with a roi of at least min_roi and min_conversions, the most certain first; suggested_budget is '
  'the least of budget x 1.5, budget x max_budget_multiplier and the ceiling of its account or the policy, '
  'confidence_score the probability that the added money earns its keep. Only reads; safe to call again. Raises '
  'AO010 for a missing, negative or infinite argument. [autonomous-operations]';

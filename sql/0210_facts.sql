-- The facts that rules and confidence read: one definition, for now and for any moment of the past.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.facts_of_campaigns(p_campaign_ids uuid[], p_now timestamptz)
returns setof public.campaign_facts
language plpgsql stable set search_path = ''
as $$
declare
  v_zone text;
  v_half_life float8;
  v_delay float8;
  v_curvature float8;
  v_changed_at timestamptz := coalesce(p_now, autonomy.writing_at());
begin
  select time_zone, evidence_half_life_days, conversion_delay_hours, curvature
  into strict v_zone, v_half_life, v_delay, v_curvature from public.autonomy_policy;

  return query
  -- unnest and join, not = any (array): a generic plan would search the array for every row
  with asked as materialized (
    select a.campaign_id, coalesce(z.zone, v_zone) as zone,
      coalesce(o.conversion_delay_hours::float8, k.delay_hours, v_delay) as delay,
      coalesce(o.curvature::float8, k.curvature, v_curvature) as curvature,
      case when c.budget > 0 then r.budget::float8 * r.budget_per_spend end as reference, r.budget_per_spend
    from unnest(p_campaign_ids) a (campaign_id) left join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
    left join public.campaigns c on c.id = a.campaign_id
    left join public.autonomy_accounts o on o.account = coalesce(c.account, 'default')
    left join autonomy.priors k on k.scope = 'account' and k.name = coalesce(c.account, 'default')
    left join autonomy.reference_budgets r on r.campaign_id = a.campaign_id
  ),
  worth as materialized (
    select * from autonomy.campaign_values(p_campaign_ids)
  ),
  summed as (
    select m.campaign_id, (m.bucket at time zone a.zone)::date as day, sum(m.impressions)::bigint as impressions,
           sum(m.reach)::bigint as reach, sum(m.clicks)::bigint as clicks, sum(m.conversions) as conversions,
           sum(m.spend) as spend, sum(m.revenue) as revenue, a.delay
    from asked a join public.campaign_metrics m using (campaign_id)
    where m.bucket <= p_now
    group by m.campaign_id, (m.bucket at time zone a.zone)::date, a.delay
  ),
  days as (
    select d.campaign_id, d.day, d.impressions, d.reach, d.clicks, d.conversions, d.spend, d.revenue, d.valued, a.delay
    from asked a join public.campaign_daily d using (campaign_id)
    where p_now is null
    union all
    -- as sum_days values them
    select s.campaign_id, s.day, s.impressions, s.reach, s.clicks, s.conversions, s.spend, s.revenue + w.valued,
      w.valued, s.delay
    from summed s
    left join worth v using (campaign_id)
    cross join lateral (select case when v.value is not null and s.revenue = 0 and s.conversions > 0
      then least(s.conversions * v.value, 999999999999.99) else 0 end as valued) w
  ),
  excluded as materialized (
    select * from autonomy.exclusions_of(p_campaign_ids)
  ),
  aged as (
    select d.*, max(d.day) over (partition by d.campaign_id) - d.day as k from days d
    where not exists (select from excluded x
                      where x.campaign_id = d.campaign_id and d.day between x.from_day and x.until_day)
  ),
  passed_over as (
    -- whoever writes totals of his own counts these days, too: there they are taken out again
    select d.campaign_id, sum(d.impressions) as impressions, sum(d.clicks) as clicks,
      sum(d.conversions) as conversions, sum(d.spend) as spend, sum(d.revenue) as revenue, sum(d.valued) as valued
    from days d
    where exists (select from excluded x
                  where x.campaign_id = d.campaign_id and d.day between x.from_day and x.until_day)
    group by d.campaign_id
  ),
  adopted as (
    -- the day on which the winner of the latest finished A/B test took over
    select t.campaign_id, (max(t.finished_at) at time zone a.zone)::date as day
    from asked a join public.campaign_ab_tests t using (campaign_id)
    where t.status = 'finished' and nullif(t.winner, '') is not null and isfinite(t.finished_at)
      and t.finished_at <= v_changed_at
    group by t.campaign_id, a.zone
  ),
  budgets as materialized (
    select b.* from (
      select array_agg(a.campaign_id) as ids, array_agg(a.zone) as zones from asked a where a.reference > 0) r
    cross join lateral autonomy.budgets_in_force(r.ids, r.zones) b
  ),
  weighed as (
    select a.*,
           -- what was spent as it would count at the reference budget; days before the log had the budget that
           -- their spend tells
           case when q.reference > 0 then (q.curvature + 1) / (q.curvature + coalesce(
             b.budgets[width_bucket(a.day, b.days)], a.spend::float8 * q.budget_per_spend) / q.reference)
           else 1.0::float8 end as effect,
           -- the windows' borders cut the days into ten segments; a window is a few of them added up
           width_bucket(a.k, array[0, 1, 2, 3, 6, 7, 14, 28, 30, 60]) as segment,
           case when v_half_life = 0 then 1.0::float8
                when a.k <= 10 * v_half_life then exp(-0.6931471805599453::float8 * a.k / v_half_life)
           end
           -- before that day it was another campaign
           * case when a.day < w.day then 0.25::float8 else 1.0::float8 end as weight
    from aged a join asked q using (campaign_id)
    left join budgets b using (campaign_id) left join adopted w using (campaign_id)
  ),
  segments as (
    select w.campaign_id, w.segment, max(w.day) as last_day,
      sum(w.impressions) as impressions, sum(w.reach) as reach, sum(w.clicks) as clicks,
      sum(w.conversions) as conversions, sum(w.spend) as spend, sum(w.revenue) as revenue,
      sum(w.valued) as valued,
      sum(w.weight * w.spend::float8) as ev_spend,
      sum(w.weight * w.conversions::float8) as ev_conversions,
      sum(w.weight * w.revenue::float8) as ev_revenue,
      sum(w.weight) filter (where w.spend > 0) as ev_days,
      sum(w.weight * w.effect * w.spend::float8) as ev_effective_spend,
      -- exp() of less than -708 is an error, not 0
      sum(w.weight * w.effect * w.spend::float8
          * exp(greatest(-600.0::float8, -(w.k + 0.5::float8) * 24.0::float8 / w.delay)))
        filter (where w.delay > 0) as ev_immature_spend
    from weighed w
    group by w.campaign_id, w.segment
  ),
  history as (
    select s.campaign_id, (max(s.last_day) + 1)::timestamp at time zone a.zone as as_of,
      sum(s.impressions) as life_impressions, sum(s.reach) as life_reach, sum(s.clicks) as life_clicks,
      sum(s.conversions) as life_conversions, sum(s.spend) as life_spend, sum(s.revenue) as life_revenue,
      sum(s.valued) as life_valued,
      sum(s.impressions) filter (where s.segment = 1) as w1_impressions,
      sum(s.reach) filter (where s.segment = 1) as w1_reach,
      sum(s.clicks) filter (where s.segment = 1) as w1_clicks,
      sum(s.conversions) filter (where s.segment = 1) as w1_conversions,
      sum(s.spend) filter (where s.segment = 1) as w1_spend,
      sum(s.revenue) filter (where s.segment = 1) as w1_revenue,
      sum(s.impressions) filter (where s.segment <= 3) as w3_impressions,
      sum(s.reach) filter (where s.segment <= 3) as w3_reach,
      sum(s.clicks) filter (where s.segment <= 3) as w3_clicks,
      sum(s.conversions) filter (where s.segment <= 3) as w3_conversions,
      sum(s.spend) filter (where s.segment <= 3) as w3_spend,
      sum(s.revenue) filter (where s.segment <= 3) as w3_revenue,
      sum(s.impressions) filter (where s.segment <= 5) as w7_impressions,
      sum(s.reach) filter (where s.segment <= 5) as w7_reach,
      sum(s.clicks) filter (where s.segment <= 5) as w7_clicks,
      sum(s.conversions) filter (where s.segment <= 5) as w7_conversions,
      sum(s.spend) filter (where s.segment <= 5) as w7_spend,
      sum(s.revenue) filter (where s.segment <= 5) as w7_revenue,
      sum(s.impressions) filter (where s.segment <= 6) as w14_impressions,
      sum(s.reach) filter (where s.segment <= 6) as w14_reach,
      sum(s.clicks) filter (where s.segment <= 6) as w14_clicks,
      sum(s.conversions) filter (where s.segment <= 6) as w14_conversions,
      sum(s.spend) filter (where s.segment <= 6) as w14_spend,
      sum(s.revenue) filter (where s.segment <= 6) as w14_revenue,
      sum(s.impressions) filter (where s.segment <= 8) as w30_impressions,
      sum(s.reach) filter (where s.segment <= 8) as w30_reach,
      sum(s.clicks) filter (where s.segment <= 8) as w30_clicks,
      sum(s.conversions) filter (where s.segment <= 8) as w30_conversions,
      sum(s.spend) filter (where s.segment <= 8) as w30_spend,
      sum(s.revenue) filter (where s.segment <= 8) as w30_revenue,
      sum(s.impressions) filter (where s.segment = 2) as p1_impressions,
      sum(s.reach) filter (where s.segment = 2) as p1_reach,
      sum(s.clicks) filter (where s.segment = 2) as p1_clicks,
      sum(s.conversions) filter (where s.segment = 2) as p1_conversions,
      sum(s.spend) filter (where s.segment = 2) as p1_spend,
      sum(s.revenue) filter (where s.segment = 2) as p1_revenue,
      sum(s.impressions) filter (where s.segment = 4) as p3_impressions,
      sum(s.reach) filter (where s.segment = 4) as p3_reach,
      sum(s.clicks) filter (where s.segment = 4) as p3_clicks,
      sum(s.conversions) filter (where s.segment = 4) as p3_conversions,
      sum(s.spend) filter (where s.segment = 4) as p3_spend,
      sum(s.revenue) filter (where s.segment = 4) as p3_revenue,
      sum(s.impressions) filter (where s.segment = 6) as p7_impressions,
      sum(s.reach) filter (where s.segment = 6) as p7_reach,
      sum(s.clicks) filter (where s.segment = 6) as p7_clicks,
      sum(s.conversions) filter (where s.segment = 6) as p7_conversions,
      sum(s.spend) filter (where s.segment = 6) as p7_spend,
      sum(s.revenue) filter (where s.segment = 6) as p7_revenue,
      sum(s.impressions) filter (where s.segment = 7) as p14_impressions,
      sum(s.reach) filter (where s.segment = 7) as p14_reach,
      sum(s.clicks) filter (where s.segment = 7) as p14_clicks,
      sum(s.conversions) filter (where s.segment = 7) as p14_conversions,
      sum(s.spend) filter (where s.segment = 7) as p14_spend,
      sum(s.revenue) filter (where s.segment = 7) as p14_revenue,
      sum(s.impressions) filter (where s.segment = 9) as p30_impressions,
      sum(s.reach) filter (where s.segment = 9) as p30_reach,
      sum(s.clicks) filter (where s.segment = 9) as p30_clicks,
      sum(s.conversions) filter (where s.segment = 9) as p30_conversions,
      sum(s.spend) filter (where s.segment = 9) as p30_spend,
      sum(s.revenue) filter (where s.segment = 9) as p30_revenue,
      coalesce(sum(s.ev_spend), 0) as ev_spend, coalesce(sum(s.ev_conversions), 0) as ev_conversions,
      coalesce(sum(s.ev_revenue), 0) as ev_revenue, coalesce(sum(s.ev_days), 0) as ev_days,
      coalesce(sum(s.ev_immature_spend), 0) as ev_immature_spend,
      coalesce(sum(s.ev_effective_spend), 0) as ev_effective_spend
    from segments s join asked a using (campaign_id)
    group by s.campaign_id, a.zone
  ),
  performance as (
    -- distinct: in an older shape several rows may name one campaign; the latest speaks, and of
    -- those that are equally late the one with the most in it, as totals only grow
    select distinct on (p.campaign_id) p.campaign_id, p.from_metrics, p.updated_at as written_at,
      p.impressions, p.clicks, p.conversions,
      case when p.total_spend between -1e15 and 1e15 then p.total_spend end as spend,
      case when p.total_revenue between -1e15 and 1e15 then p.total_revenue end as revenue,
      case when p.order_value_cv2 between 0 and 1e12 then p.order_value_cv2 end as cv2
    from asked a join public.campaign_performance p using (campaign_id)
    order by p.campaign_id, p.updated_at desc nulls last, p.impressions desc nulls last,
      p.total_spend desc nulls last, p.ctid desc
  )
  select campaign_id, h.campaign_id is not null, h.as_of,
    case when h.campaign_id is null then p.written_at
         when t.stand then greatest(h.as_of, p.written_at)
         else h.as_of end,
    p.cv2::float8,
    case when t.stand then p.impressions - least(coalesce(o.impressions, 0), greatest(p.impressions, 0))
         else h.life_impressions end::float8,
    h.life_reach::float8,
    case when t.stand then p.clicks - least(coalesce(o.clicks, 0), greatest(p.clicks, 0))
         else h.life_clicks end::float8,
    case when t.stand then p.conversions - least(coalesce(o.conversions, 0), greatest(p.conversions, 0))
         else h.life_conversions end::float8,
    case when t.stand then p.spend - least(coalesce(o.spend, 0), greatest(p.spend, 0)) else h.life_spend end::float8,
    case when not t.stand then h.life_revenue
         when v.value is not null and coalesce(p.revenue, 0) = 0 and p.conversions > 0
           then least(p.conversions * v.value, 999999999999.99) - coalesce(o.revenue, 0)
         else p.revenue + coalesce(h.life_valued, 0) + coalesce(o.valued, 0) - coalesce(o.revenue, 0) end::float8,
      h.w1_impressions::float8, h.w1_reach::float8, h.w1_clicks::float8, h.w1_conversions::float8,
      h.w1_spend::float8, h.w1_revenue::float8,
      h.w3_impressions::float8, h.w3_reach::float8, h.w3_clicks::float8, h.w3_conversions::float8,
      h.w3_spend::float8, h.w3_revenue::float8,
      h.w7_impressions::float8, h.w7_reach::float8, h.w7_clicks::float8, h.w7_conversions::float8,
      h.w7_spend::float8, h.w7_revenue::float8,
      h.w14_impressions::float8, h.w14_reach::float8, h.w14_clicks::float8, h.w14_conversions::float8,
      h.w14_spend::float8, h.w14_revenue::float8,
      h.w30_impressions::float8, h.w30_reach::float8, h.w30_clicks::float8, h.w30_conversions::float8,
      h.w30_spend::float8, h.w30_revenue::float8,
      h.p1_impressions::float8, h.p1_reach::float8, h.p1_clicks::float8, h.p1_conversions::float8,
      h.p1_spend::float8, h.p1_revenue::float8,
      h.p3_impressions::float8, h.p3_reach::float8, h.p3_clicks::float8, h.p3_conversions::float8,
      h.p3_spend::float8, h.p3_revenue::float8,
      h.p7_impressions::float8, h.p7_reach::float8, h.p7_clicks::float8, h.p7_conversions::float8,
      h.p7_spend::float8, h.p7_revenue::float8,
      h.p14_impressions::float8, h.p14_reach::float8, h.p14_clicks::float8, h.p14_conversions::float8,
      h.p14_spend::float8, h.p14_revenue::float8,
      h.p30_impressions::float8, h.p30_reach::float8, h.p30_clicks::float8, h.p30_conversions::float8,
      h.p30_spend::float8, h.p30_revenue::float8,
    h.ev_spend, h.ev_conversions, h.ev_revenue, h.ev_days, h.ev_immature_spend, h.ev_effective_spend,
    q.delay, q.curvature, v_changed_at
  from performance p
  full join history h using (campaign_id)
  left join passed_over o using (campaign_id)
  left join worth v using (campaign_id)
  left join asked q using (campaign_id)
  -- another writer's totals are taken as they stand, unless they were written after p_now
  cross join lateral (select p.campaign_id is not null and (h.campaign_id is null or not p.from_metrics
    and (p_now is null or p.written_at is null or p.written_at <= p_now)) as stand) t
  where h.campaign_id is not null or not p.from_metrics;
end $$;
comment on function autonomy.facts_of_campaigns(uuid[], timestamptz) is
  'Computes the facts of the given campaigns (each named once): with p_now NULL from campaign_daily as it stands, '
  'else from campaign_metrics up to p_now. Only reads; safe to call again; raises nothing of its own. '
  '[autonomous-operations]';

create function autonomy.shown_conversions(p_conversions float8) returns numeric
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return trim_scale(round(p_conversions::numeric, 2));
end $$;
comment on function autonomy.shown_conversions(float8) is
  'Conversions as they are shown: two digits at most and no zeros at the end, 12.4 or 12. Never what is compared. '
  'Pure. [autonomous-operations]';

create function public.campaign_facts_at(p_now timestamptz default now())
returns setof public.campaign_facts
language plpgsql stable set search_path = ''
as $$
begin
  if p_now is null then
    raise exception using errcode = 'AO010', message = 'p_now must not be NULL: facts are of a moment.';
  end if;
  return query select * from autonomy.facts_of_campaigns(array(
    select p.campaign_id from public.campaign_performance p where p.campaign_id is not null
    union select m.campaign_id from public.campaign_daily m), p_now);
end $$;
comment on function public.campaign_facts_at(timestamptz) is
  'The facts as they were at p_now, computed from the series (late corrections included: an upsert forgets when it '
  'came). Only reads; safe to call again. Raises AO010 for NULL. [autonomous-operations]';

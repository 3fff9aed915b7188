-- The facts are kept by triggers: the roll-up by day, the facts, the narrow totals.
--
-- Who writes what, and in which order the locks are taken (every writer keeps it, so that two
-- never wait for each other): campaign_metrics, campaign_performance, campaign_facts, each by
-- campaign_id; campaign_totals and reference_budgets under the locks of the facts. campaigns itself
-- is never locked here beyond its key.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.refresh_campaign_totals(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into autonomy.campaign_totals as t
    (campaign_id, life_impressions, life_reach, life_clicks, life_conversions, life_spend, life_revenue)
  -- each as rules read it (measure_expression): the scan of all need not look at it again
  select f.campaign_id,
    case when f.life_impressions between -1e18 and 1e18
         then case when f.life_impressions between -1e-9 and 1e-9 then 0 else f.life_impressions end end,
    case when f.life_reach between -1e18 and 1e18
         then case when f.life_reach between -1e-9 and 1e-9 then 0 else f.life_reach end end,
    case when f.life_clicks between -1e18 and 1e18
         then case when f.life_clicks between -1e-9 and 1e-9 then 0 else f.life_clicks end end,
    case when f.life_conversions between -1e18 and 1e18
         then case when f.life_conversions between -1e-9 and 1e-9 then 0 else f.life_conversions end end,
    case when f.life_spend between -1e18 and 1e18
         then case when f.life_spend between -1e-9 and 1e-9 then 0 else f.life_spend end end,
    case when f.life_revenue between -1e18 and 1e18
         then case when f.life_revenue between -1e-9 and 1e-9 then 0 else f.life_revenue end end
  from unnest(p_campaign_ids) i join public.campaign_facts f on f.campaign_id = i
  on conflict (campaign_id) do update set
    life_impressions = excluded.life_impressions, life_reach = excluded.life_reach, life_clicks = excluded.life_clicks,
    life_conversions = excluded.life_conversions, life_spend = excluded.life_spend, life_revenue = excluded.life_revenue
  where t is distinct from excluded;
  perform autonomy.refresh_unusual_campaigns(p_campaign_ids);
end $$;
comment on function autonomy.refresh_campaign_totals(uuid[]) is
  'Brings the totals of these campaigns (each named once) up to their facts, unknown where a measure is no sane '
  'number; and whether their days are worth reading. Safe to call again. [autonomous-operations]';

create function autonomy.campaign_totals_follow() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from autonomy.campaign_totals where true;
    delete from autonomy.unusual_campaigns where true;
    delete from autonomy.reference_budgets where true;
  elsif tg_op = 'DELETE' then  -- what the same statement wrote again stays
    delete from autonomy.campaign_totals t using changed_rows r
    where t.campaign_id = r.campaign_id
      and not exists (select from public.campaign_facts f where f.campaign_id = r.campaign_id);
    delete from autonomy.unusual_campaigns u using changed_rows r
    where u.campaign_id = r.campaign_id
      and not exists (select from public.campaign_facts f where f.campaign_id = r.campaign_id);
    delete from autonomy.reference_budgets b using changed_rows r
    where b.campaign_id = r.campaign_id
      and not exists (select from public.campaign_facts f where f.campaign_id = r.campaign_id);
  else
    perform autonomy.refresh_campaign_totals(array(select r.campaign_id from changed_rows r));
  end if;
  return null;
end $$;
comment on function autonomy.campaign_totals_follow() is
  'Trigger of campaign_facts: keeps campaign_totals and unusual_campaigns in step, and lets reference budgets go with '
  'them. [autonomous-operations]';

create trigger campaign_totals_inserted after insert on public.campaign_facts
  referencing new table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_updated after update on public.campaign_facts
  referencing new table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_deleted after delete on public.campaign_facts
  referencing old table as changed_rows for each statement execute function autonomy.campaign_totals_follow();
create trigger campaign_totals_truncated after truncate on public.campaign_facts
  for each statement execute function autonomy.campaign_totals_follow();

create function autonomy.make_first_facts(p_campaign_ids uuid[]) returns uuid[]
language plpgsql set search_path = ''
as $$
declare
  v_missing uuid[] := array(
    select distinct i from unnest(p_campaign_ids) i
    where i is not null and not exists (select from public.campaign_facts f where f.campaign_id = i));
  v_made uuid[];
begin
  if v_missing <> '{}' then
    with fresh as (
      insert into public.campaign_facts
      select n.* from autonomy.facts_of_campaigns(v_missing, null::timestamptz) n order by n.campaign_id
      on conflict (campaign_id) do nothing
      returning campaign_id, has_history
    )
    -- what days count for depends on the reference budget, which is not known yet: they are made again
    select array_agg(campaign_id) filter (where not has_history) into v_made from fresh;
    perform autonomy.refresh_reference_budgets(v_made);
  end if;
  return v_made;
end $$;
comment on function autonomy.make_first_facts(uuid[]) is
  'Makes the facts of those campaigns that have none yet; returns which of them are done with. A part of '
  'refresh_campaign_facts. [autonomous-operations]';

create function autonomy.refresh_campaign_facts(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
declare
  v_new uuid[];
begin
  -- A rebuild of everything (policy changed) waits for us, or we for it.
  perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts', 0));
  v_new := autonomy.make_first_facts(p_campaign_ids);

  -- The rest is locked first and computed afterwards, by a statement that sees what others wrote
  -- meanwhile: adding to what one read before would lose theirs.
  p_campaign_ids := array(
    select f.campaign_id from public.campaign_facts f
    join (select unnest(p_campaign_ids) except select unnest(v_new)) i (campaign_id) using (campaign_id)
    order by f.campaign_id for update of f);
  if p_campaign_ids = '{}' then
    return;
  end if;
  perform autonomy.refresh_reference_budgets(p_campaign_ids);

  with n as (select * from autonomy.facts_of_campaigns(p_campaign_ids, null::timestamptz)),
  written as (
    update public.campaign_facts f set (
      has_history, as_of, data_at, cv2,
      life_impressions, life_reach, life_clicks, life_conversions, life_spend, life_revenue,
      w1_impressions, w1_reach, w1_clicks, w1_conversions, w1_spend, w1_revenue,
      w3_impressions, w3_reach, w3_clicks, w3_conversions, w3_spend, w3_revenue,
      w7_impressions, w7_reach, w7_clicks, w7_conversions, w7_spend, w7_revenue,
      w14_impressions, w14_reach, w14_clicks, w14_conversions, w14_spend, w14_revenue,
      w30_impressions, w30_reach, w30_clicks, w30_conversions, w30_spend, w30_revenue,
      p1_impressions, p1_reach, p1_clicks, p1_conversions, p1_spend, p1_revenue,
      p3_impressions, p3_reach, p3_clicks, p3_conversions, p3_spend, p3_revenue,
      p7_impressions, p7_reach, p7_clicks, p7_conversions, p7_spend, p7_revenue,
      p14_impressions, p14_reach, p14_clicks, p14_conversions, p14_spend, p14_revenue,
      p30_impressions, p30_reach, p30_clicks, p30_conversions, p30_spend, p30_revenue,
      ev_spend, ev_conversions, ev_revenue, ev_days, ev_immature_spend, ev_effective_spend,
      ev_delay, ev_curvature, changed_at) = row(
      n.has_history, n.as_of, n.data_at, n.cv2,
      n.life_impressions, n.life_reach, n.life_clicks, n.life_conversions, n.life_spend, n.life_revenue,
      n.w1_impressions, n.w1_reach, n.w1_clicks, n.w1_conversions, n.w1_spend, n.w1_revenue,
      n.w3_impressions, n.w3_reach, n.w3_clicks, n.w3_conversions, n.w3_spend, n.w3_revenue,
      n.w7_impressions, n.w7_reach, n.w7_clicks, n.w7_conversions, n.w7_spend, n.w7_revenue,
      n.w14_impressions, n.w14_reach, n.w14_clicks, n.w14_conversions, n.w14_spend, n.w14_revenue,
      n.w30_impressions, n.w30_reach, n.w30_clicks, n.w30_conversions, n.w30_spend, n.w30_revenue,
      n.p1_impressions, n.p1_reach, n.p1_clicks, n.p1_conversions, n.p1_spend, n.p1_revenue,
      n.p3_impressions, n.p3_reach, n.p3_clicks, n.p3_conversions, n.p3_spend, n.p3_revenue,
      n.p7_impressions, n.p7_reach, n.p7_clicks, n.p7_conversions, n.p7_spend, n.p7_revenue,
      n.p14_impressions, n.p14_reach, n.p14_clicks, n.p14_conversions, n.p14_spend, n.p14_revenue,
      n.p30_impressions, n.p30_reach, n.p30_clicks, n.p30_conversions, n.p30_spend, n.p30_revenue,
      n.ev_spend, n.ev_conversions, n.ev_revenue, n.ev_days, n.ev_immature_spend, n.ev_effective_spend,
      n.ev_delay, n.ev_curvature, n.changed_at)
    from n
    where f.campaign_id = n.campaign_id
    returning f.campaign_id
  )
  delete from public.campaign_facts f using unnest(p_campaign_ids) i
  where f.campaign_id = i
    and not exists (select from written w where w.campaign_id = f.campaign_id);
end $$;
comment on function autonomy.refresh_campaign_facts(uuid[]) is
  'Computes the facts of these campaigns anew and stores them; those of a campaign with neither performance nor '
  'metrics go. Safe to call again. [autonomous-operations]';

create function autonomy.sum_days(p_campaign_ids uuid[], p_days date[]) returns void
language plpgsql set search_path = '' set plan_cache_mode = force_custom_plan
as $$
-- Planned anew each time: a plan kept from when the series was empty would read all of it for each day.
begin
  with touched as materialized (
    select d.campaign_id, d.day, z.zone is null as is_gone, d.day::timestamp at time zone z.zone as starts,
      (d.day + 1)::timestamp at time zone z.zone as ends
    from (select distinct t.* from unnest(p_campaign_ids, p_days) t (campaign_id, day)) d
    left join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
  ),
  summed as materialized (  -- each day by the key, never all days of a campaign for each of them
    select t.campaign_id, t.day, t.is_gone, s.* from touched t cross join lateral (
      select count(*) as rows, sum(m.impressions) as impressions, sum(m.reach) as reach, sum(m.clicks) as clicks,
        sum(m.conversions) as conversions, sum(m.spend) as spend, sum(m.revenue) as revenue
      from public.campaign_metrics m
      where m.campaign_id = t.campaign_id and m.bucket >= t.starts and m.bucket < t.ends) s
  ),
  emptied as (  -- of a campaign that is gone nobody knows the zone any more: all its days
    delete from public.campaign_daily d using summed s
    where s.rows = 0 and d.campaign_id = s.campaign_id and (d.day = s.day or s.is_gone)
  )
  insert into public.campaign_daily as d
    (campaign_id, day, impressions, reach, clicks, conversions, spend, revenue, valued)
  select s.campaign_id, s.day, s.impressions, s.reach, s.clicks, s.conversions, s.spend, s.revenue + w.valued, w.valued
  from summed s
  left join autonomy.campaign_values(p_campaign_ids) v on v.campaign_id = s.campaign_id
  cross join lateral (select case when v.value is not null and s.revenue = 0 and s.conversions > 0
    then least(s.conversions * v.value, 999999999999.99) else 0 end as valued) w
  where s.rows > 0
  on conflict (campaign_id, day) do update set
    impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
    conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue, valued = excluded.valued;
end $$;
comment on function autonomy.sum_days(uuid[], date[]) is
  'Sums the time series of the given days (p_days[i] of p_campaign_ids[i]) anew, conversions without revenue at '
  'their value; a day without any is removed. A part '
  'of absorb_campaign_metrics, no use by itself. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.totals_of_series(p_campaign_ids uuid[])
returns table (
  campaign_id uuid, life_impressions float8, life_clicks float8, life_conversions float8, life_spend float8,
  life_revenue float8)
language plpgsql stable set search_path = ''
as $$
declare
  v_partly uuid[] := array(select x.campaign_id from autonomy.exclusions_of(p_campaign_ids) x
                           union select v.campaign_id from autonomy.campaign_values(p_campaign_ids) v);
begin
  return query
  select f.campaign_id, f.life_impressions, f.life_clicks, f.life_conversions, f.life_spend, f.life_revenue
  from (select unnest(p_campaign_ids) except select unnest(v_partly)) i (id)
  join public.campaign_facts f on f.campaign_id = i.id;
  if v_partly <> '{}' then
    return query
    select d.campaign_id, sum(d.impressions)::float8, sum(d.clicks)::float8, sum(d.conversions)::float8,
      sum(d.spend)::float8, sum(d.revenue - d.valued)::float8
    from unnest(v_partly) i join public.campaign_daily d on d.campaign_id = i
    group by d.campaign_id;
  end if;
end $$;
comment on function autonomy.totals_of_series(uuid[]) is
  'The totals of the whole series of these campaigns (each named once), as it was reported: of the facts, or, where '
  'days are left out of these or valued, of all days. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.absorb_campaign_metrics(p_campaign_ids uuid[], p_days date[]) returns void
language plpgsql set search_path = ''
as $$
declare
  v_campaigns uuid[] := array(select distinct i from unnest(p_campaign_ids) i order by i);
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
begin
  if v_campaigns = '{}' then
    return;
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts', 0));
  perform set_config('autonomy.ingest', '1', true);

  begin
    insert into public.campaign_performance (campaign_id, from_metrics, updated_at)
    select c.id, true, autonomy.writing_at()
    from unnest(v_campaigns) i join public.campaigns c on c.id = i
    where not exists (select from public.campaign_performance p where p.campaign_id = c.id)
      and exists (select from public.campaign_metrics m where m.campaign_id = c.id)
    order by c.id
    on conflict do nothing;
  exception when not_null_violation or check_violation then
    -- An older campaign_performance that wants more than we know: the facts need no row there.
    null;
  end;
  perform from unnest(v_campaigns) i join public.campaign_performance p on p.campaign_id = i
  where p.from_metrics
  order by p.campaign_id for no key update of p;

  insert into public.campaign_facts (campaign_id)
  select i from unnest(v_campaigns) i
  where not exists (select from public.campaign_facts f where f.campaign_id = i)
  order by i
  on conflict (campaign_id) do nothing;
  perform from unnest(v_campaigns) i join public.campaign_facts f on f.campaign_id = i
  order by f.campaign_id for update of f;

  perform autonomy.sum_days(p_campaign_ids, p_days);
  delete from public.campaign_performance p using unnest(v_campaigns) i
  where p.campaign_id = i and p.from_metrics
    and not exists (select from public.campaign_daily d where d.campaign_id = p.campaign_id);
  perform autonomy.refresh_campaign_facts(v_campaigns);

  -- The totals, from the facts just made; a float8 holds a sum of cents exactly up to 90 trillion, and of millionths
  -- up to a billion. Conversions are
  -- whole here, rounded once and half up; whoever compares them takes the facts. What is left out of the evidence
  -- counts in the totals all the same.
  update public.campaign_performance p set
    impressions = f.life_impressions, clicks = f.life_clicks,
    conversions = case when f.life_conversions between 0 and 1e18 then round(f.life_conversions::numeric)
                       else p.conversions end,
    total_spend = least(autonomy.kept_amount(f.life_spend::numeric, k.digits), 999999999999.99),
    total_revenue = greatest(
      least(autonomy.kept_amount(f.life_revenue::numeric, k.digits), 999999999999.99), -999999999999.99),
    updated_at = greatest(autonomy.writing_at(), p.updated_at)
  from autonomy.totals_of_series(v_campaigns) f
  cross join lateral (
    select autonomy.currency_digits(autonomy.campaign_currency(f.campaign_id)) as digits offset 0) k
  where p.campaign_id = f.campaign_id and p.from_metrics;

  perform set_config('autonomy.ingest', v_ingest, true);
end $$;
comment on function autonomy.absorb_campaign_metrics(uuid[], date[]) is
  'Brings campaign_daily (the given days of the given campaigns, pairwise), campaign_performance where the ingest '
  'owns it, and campaign_facts up to campaign_metrics. Safe to call again. [autonomous-operations]';

create function autonomy.sum_all_days(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  delete from public.campaign_daily d using unnest(p_campaign_ids) i where d.campaign_id = i;
  insert into public.campaign_daily (campaign_id, day, impressions, reach, clicks, conversions, spend, revenue)
  select m.campaign_id, (m.bucket at time zone z.zone)::date, sum(m.impressions), sum(m.reach), sum(m.clicks),
         sum(m.conversions), sum(m.spend), sum(m.revenue)
  from autonomy.campaign_zones(p_campaign_ids) z join public.campaign_metrics m using (campaign_id)
  group by m.campaign_id, (m.bucket at time zone z.zone)::date;
  perform autonomy.value_days(p_campaign_ids);
end $$;
comment on function autonomy.sum_all_days(uuid[]) is
  'Sums the whole time series of these campaigns by day anew. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.rebuild_campaign_facts(p_days boolean default false) returns bigint
language plpgsql set search_path = ''
as $$
declare
  v_after uuid := null;
  v_slice uuid[];
  v_count bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('autonomy.facts', 0));

  if p_days then
    delete from public.campaign_daily where true;
    perform autonomy.sum_all_days(array(select c.id from public.campaigns c));
  end if;

  delete from public.campaign_facts f
  where not exists (select from public.campaign_performance p where p.campaign_id = f.campaign_id)
    and not exists (select from public.campaign_daily d where d.campaign_id = f.campaign_id);
  delete from autonomy.campaign_totals t
  where not exists (select from public.campaign_facts f where f.campaign_id = t.campaign_id);
  delete from autonomy.unusual_campaigns u
  where not exists (select from public.campaign_facts f where f.campaign_id = u.campaign_id);
  delete from autonomy.reference_budgets b
  where not exists (select from public.campaign_facts f where f.campaign_id = b.campaign_id);
  loop
    v_slice := array(
      select campaign_id from (
        (select p.campaign_id from public.campaign_performance p
         where v_after is null or p.campaign_id > v_after order by p.campaign_id limit 10000)
        union
        (select distinct d.campaign_id from public.campaign_daily d
         where v_after is null or d.campaign_id > v_after order by d.campaign_id limit 10000)
      ) s where campaign_id is not null order by campaign_id limit 10000);
    exit when v_slice = '{}';
    perform autonomy.refresh_campaign_facts(v_slice);
    perform autonomy.refresh_campaign_totals(v_slice);  -- also where triggers are off, or were
    v_count := v_count + cardinality(v_slice);
    v_after := v_slice[cardinality(v_slice)];
  end loop;
  return v_count;
end $$;
comment on function autonomy.rebuild_campaign_facts(boolean) is
  'Computes every campaign''s facts anew, with p_days the roll-up by day first; returns how many. Safe to call again; '
  'needed only after a change of the policy''s half-life, delay or curvature, which calls it. [autonomous-operations]';

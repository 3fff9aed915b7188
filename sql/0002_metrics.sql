-- Metrics: the ratios, the ingest, the roll-up by day, and the facts that rules and confidence
-- read. Safe to run again; it then builds the facts anew.
--
-- Who writes what, and in which order the locks are taken (every writer keeps it, so that two
-- never wait for each other): campaign_metrics, campaign_performance, campaign_facts, each by
-- campaign_id; campaign_totals under the locks of the facts. campaigns itself is never locked here
-- beyond its key.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';
set local check_function_bodies = off;

create function public.campaign_slot(p_campaign_id uuid) returns integer
language plpgsql immutable strict parallel safe set search_path = ''
as $$
begin
  return ('x' || substr(md5(p_campaign_id::text), 1, 4))::bit(16)::integer;
end $$;
comment on function public.campaign_slot(uuid) is
  'The slot (0 to 65535) of a campaign, by which runs share out campaigns among shards. Only computes; safe to call again; raises nothing. [autonomous-operations]';

create function public.autonomy_writing_at() returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(nullif(current_setting('autonomy.now', true), '')::timestamptz, now());
end $$;
comment on function public.autonomy_writing_at() is
  'The time that triggers write: the setting autonomy.now of this transaction (replay and tests live on other days), else now(). Only reads; safe to call again. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The ratios of campaign_performance
-- ---------------------------------------------------------------------------------------------
create function public.campaign_performance_before() returns trigger
language plpgsql set search_path = ''
as $$
begin
  -- between, as NaN and Infinity are greater than every number and would pass for spend
  new.roi := round(case when new.total_spend between 0.000001 and 1e15 and new.total_revenue between -1e15 and 1e15
                        then new.total_revenue::numeric / new.total_spend end, 6);
  new.ctr := round(case when new.impressions > 0 then 100.0 * new.clicks / new.impressions end::numeric, 6);
  new.conversion_rate := round(case when new.clicks > 0 then 100.0 * new.conversions / new.clicks end::numeric, 6);

  if tg_op = 'INSERT' then
    new.from_metrics := new.from_metrics and coalesce(current_setting('autonomy.ingest', true), '') = '1';
  else
    if new.updated_at is not distinct from old.updated_at then
      -- not autonomy_writing_at(): whoever writes here may not be allowed to call it
      new.updated_at := coalesce(nullif(current_setting('autonomy.now', true), '')::timestamptz, now());
    end if;
    -- Who writes the totals last owns them: the ingest lets go of a row that another writer changed.
    if old.from_metrics and new.from_metrics and coalesce(current_setting('autonomy.ingest', true), '') <> '1'
       and (new.impressions, new.clicks, new.conversions, new.total_spend, new.total_revenue)
           is distinct from (old.impressions, old.clicks, old.conversions, old.total_spend, old.total_revenue) then
      new.from_metrics := false;
    end if;
  end if;
  return new;
end $$;
comment on function public.campaign_performance_before() is
  'Trigger of campaign_performance: computes roi (a multiple), ctr and conversion_rate (percent) from the totals, NULL where the divisor is 0, and sets updated_at. [autonomous-operations]';

-- Where an older shape has total_impressions, total_clicks and total_conversions beside ours, both
-- are kept equal: the side that changed wins. In an insert NULL means "not given".
do $$
declare
  v_pair record;
  v_insert text := '';
  v_update text := '';
  v_fill text[] := '{}';
  v_prefix text := '';
  v_trigger record;
  v_states text[] := '{}';
begin
  for v_pair in
    select ours.attname as ours, theirs.attname as theirs,
           case when theirs.atttypid = 'integer'::regtype then format('least(new.%I, 2147483647)', ours.attname)
                else format('new.%I', ours.attname) end as as_theirs
    from pg_catalog.pg_attribute ours
    join pg_catalog.pg_attribute theirs on theirs.attrelid = ours.attrelid and theirs.attname = 'total_' || ours.attname
      and not theirs.attisdropped and theirs.attgenerated = ''
    where ours.attrelid = 'public.campaign_performance'::regclass and not ours.attisdropped
      and ours.attname in ('impressions', 'clicks', 'conversions')
  loop
    v_insert := v_insert || format(
      '    if new.%1$I is null then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;' || chr(10),
      v_pair.ours, v_pair.theirs, v_pair.as_theirs);
    v_update := v_update || format(
      '    if new.%1$I is not distinct from old.%1$I then new.%1$I := new.%2$I; else new.%2$I := %3$s; end if;' || chr(10),
      v_pair.ours, v_pair.theirs, v_pair.as_theirs);
    v_fill := v_fill || format('update public.campaign_performance set %1$I = %2$I where %1$I is null and %2$I is not null or %1$I = 0 and %2$I <> 0',
      v_pair.ours, v_pair.theirs);
  end loop;

  -- The names sort last, so that these have the last word over triggers that were here before.
  if exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'public.campaign_performance'::regclass
             and not t.tgisinternal and t.tgtype & 2 = 2 and t.tgname > 'zz_autonomy') then
    v_prefix := '~';
  end if;
  if v_insert <> '' then
    execute format($f$
      create function public.campaign_performance_mirror() returns trigger
      language plpgsql set search_path = ''
      as $body$
      begin
        if tg_op = 'INSERT' then
      %s  else
      %s  end if;
        return new;
      end $body$ $f$, v_insert, v_update);
    comment on function public.campaign_performance_mirror() is
      'Trigger of campaign_performance in an older shape: keeps impressions, clicks and conversions equal to total_impressions, total_clicks and total_conversions; the side that changed wins. [autonomous-operations]';
    execute format('create trigger %I before insert or update on public.campaign_performance
      for each row execute function public.campaign_performance_mirror()', v_prefix || 'zz_autonomy_mirror');
  end if;
  execute format('create trigger %I before insert or update on public.campaign_performance
    for each row execute function public.campaign_performance_before()', v_prefix || 'zz_autonomy_ratios');

  -- The rows that are there already, without their triggers: those would stamp them as of today.
  if obj_description('public.campaign_performance'::regclass, 'pg_class') like '%[autonomous-operations]' then
    return;
  end if;
  for v_trigger in
    select tgname, tgenabled from pg_catalog.pg_trigger
    where tgrelid = 'public.campaign_performance'::regclass and not tgisinternal and tgenabled <> 'D'
  loop
    v_states := v_states || format('alter table public.campaign_performance %s trigger %I',
      case v_trigger.tgenabled when 'O' then 'enable' when 'A' then 'enable always' else 'enable replica' end, v_trigger.tgname);
    execute format('alter table public.campaign_performance disable trigger %I', v_trigger.tgname);
  end loop;
  v_fill := v_fill || $fill$
    update public.campaign_performance p set roi = n.roi, ctr = n.ctr, conversion_rate = n.conversion_rate
    from (
      select q.ctid as place,
        round(case when q.total_spend between 0.000001 and 1e15 and q.total_revenue between -1e15 and 1e15
                   then q.total_revenue::numeric / q.total_spend end, 6) as roi,
        round(case when q.impressions > 0 then 100.0 * q.clicks / q.impressions end::numeric, 6) as ctr,
        round(case when q.clicks > 0 then 100.0 * q.conversions / q.clicks end::numeric, 6) as conversion_rate
      from public.campaign_performance q) n
    where p.ctid = n.place
      and (p.roi, p.ctr, p.conversion_rate) is distinct from (n.roi, n.ctr, n.conversion_rate)
  $fill$::text;
  for i in 1 .. cardinality(v_fill) loop
    execute v_fill[i];
  end loop;
  for i in 1 .. cardinality(v_states) loop
    execute v_states[i];
  end loop;
end $$;

-- ---------------------------------------------------------------------------------------------
-- The facts: one definition, read from the roll-up (now) or from the series (any moment)
-- ---------------------------------------------------------------------------------------------
create function public.facts_of_campaigns(p_campaign_ids uuid[], p_now timestamptz)
returns setof public.campaign_facts
language plpgsql stable set search_path = ''
as $$
declare
  v_zone text;
  v_half_life float8;
  v_delay float8;
  v_changed_at timestamptz := coalesce(p_now, public.autonomy_writing_at());
begin
  select time_zone, evidence_half_life_days, conversion_delay_hours into strict v_zone, v_half_life, v_delay
  from public.autonomy_policy;

  return query
  -- unnest and join, not = any (array): a generic plan would search the array for every row
  with asked as (select a.campaign_id from unnest(p_campaign_ids) a (campaign_id)),
  days as (
    select d.campaign_id, d.day, d.impressions, d.reach, d.clicks, d.conversions, d.spend, d.revenue
    from asked a join public.campaign_daily d using (campaign_id)
    where p_now is null
    union all
    select m.campaign_id, (m.bucket at time zone v_zone)::date, sum(m.impressions)::bigint, sum(m.reach)::bigint,
           sum(m.clicks)::bigint, sum(m.conversions)::bigint, sum(m.spend), sum(m.revenue)
    from asked a join public.campaign_metrics m using (campaign_id)
    where m.bucket <= p_now
    group by m.campaign_id, (m.bucket at time zone v_zone)::date
  ),
  aged as (
    select d.*, max(d.day) over (partition by d.campaign_id) - d.day as k from days d
  ),
  adopted as (
    -- the day on which the winner of the latest finished A/B test took over
    select t.campaign_id, (max(t.finished_at) at time zone v_zone)::date as day
    from asked a join public.campaign_ab_tests t using (campaign_id)
    where t.status = 'finished' and nullif(t.winner, '') is not null and isfinite(t.finished_at)
      and t.finished_at <= v_changed_at
    group by t.campaign_id
  ),
  weighed as (
    select a.*,
           -- the windows' borders cut the days into ten segments; a window is a few of them added up
           width_bucket(a.k, array[0, 1, 2, 3, 6, 7, 14, 28, 30, 60]) as segment,
           case when v_half_life = 0 then 1.0::float8
                when a.k <= 10 * v_half_life then exp(-0.6931471805599453::float8 * a.k / v_half_life)
           end
           -- before that day it was another campaign
           * case when a.day < w.day then 0.25::float8 else 1.0::float8 end as weight
    from aged a left join adopted w using (campaign_id)
  ),
  segments as (
    select w.campaign_id, w.segment, max(w.day) as last_day,
      sum(w.impressions) as impressions, sum(w.reach) as reach, sum(w.clicks) as clicks,
      sum(w.conversions) as conversions, sum(w.spend) as spend, sum(w.revenue) as revenue,
      sum(w.weight * w.spend::float8) as ev_spend,
      sum(w.weight * w.conversions::float8) as ev_conversions,
      sum(w.weight * w.revenue::float8) as ev_revenue,
      sum(w.weight) filter (where w.spend > 0) as ev_days,
      -- exp() of less than -708 is an error, not 0
      sum(w.weight * w.spend::float8 * exp(greatest(-600.0::float8, -(w.k + 0.5::float8) * 24.0::float8 / v_delay)))
        filter (where v_delay > 0) as ev_immature_spend
    from weighed w
    group by w.campaign_id, w.segment
  ),
  history as (
    select s.campaign_id, (max(s.last_day) + 1)::timestamp at time zone v_zone as as_of,
      sum(s.impressions) as life_impressions, sum(s.reach) as life_reach, sum(s.clicks) as life_clicks,
      sum(s.conversions) as life_conversions, sum(s.spend) as life_spend, sum(s.revenue) as life_revenue,
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
      coalesce(sum(s.ev_immature_spend), 0) as ev_immature_spend
    from segments s
    group by s.campaign_id
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
    case when t.stand then p.impressions else h.life_impressions end::float8,
    h.life_reach::float8,
    case when t.stand then p.clicks else h.life_clicks end::float8,
    case when t.stand then p.conversions else h.life_conversions end::float8,
    case when t.stand then p.spend else h.life_spend end::float8,
    case when t.stand then p.revenue else h.life_revenue end::float8,
      h.w1_impressions::float8, h.w1_reach::float8, h.w1_clicks::float8, h.w1_conversions::float8, h.w1_spend::float8, h.w1_revenue::float8,
      h.w3_impressions::float8, h.w3_reach::float8, h.w3_clicks::float8, h.w3_conversions::float8, h.w3_spend::float8, h.w3_revenue::float8,
      h.w7_impressions::float8, h.w7_reach::float8, h.w7_clicks::float8, h.w7_conversions::float8, h.w7_spend::float8, h.w7_revenue::float8,
      h.w14_impressions::float8, h.w14_reach::float8, h.w14_clicks::float8, h.w14_conversions::float8, h.w14_spend::float8, h.w14_revenue::float8,
      h.w30_impressions::float8, h.w30_reach::float8, h.w30_clicks::float8, h.w30_conversions::float8, h.w30_spend::float8, h.w30_revenue::float8,
      h.p1_impressions::float8, h.p1_reach::float8, h.p1_clicks::float8, h.p1_conversions::float8, h.p1_spend::float8, h.p1_revenue::float8,
      h.p3_impressions::float8, h.p3_reach::float8, h.p3_clicks::float8, h.p3_conversions::float8, h.p3_spend::float8, h.p3_revenue::float8,
      h.p7_impressions::float8, h.p7_reach::float8, h.p7_clicks::float8, h.p7_conversions::float8, h.p7_spend::float8, h.p7_revenue::float8,
      h.p14_impressions::float8, h.p14_reach::float8, h.p14_clicks::float8, h.p14_conversions::float8, h.p14_spend::float8, h.p14_revenue::float8,
      h.p30_impressions::float8, h.p30_reach::float8, h.p30_clicks::float8, h.p30_conversions::float8, h.p30_spend::float8, h.p30_revenue::float8,
    h.ev_spend, h.ev_conversions, h.ev_revenue, h.ev_days, h.ev_immature_spend,
    v_changed_at
  from performance p
  full join history h using (campaign_id)
  -- another writer's totals are taken as they stand, unless they were written after p_now
  cross join lateral (select p.campaign_id is not null and (h.campaign_id is null or not p.from_metrics
    and (p_now is null or p.written_at is null or p.written_at <= p_now)) as stand) t
  where h.campaign_id is not null or not p.from_metrics;
end $$;
comment on function public.facts_of_campaigns(uuid[], timestamptz) is
  'Computes the facts of the given campaigns (each named once): with p_now NULL from campaign_daily as it stands, else from campaign_metrics up to p_now. Only reads; safe to call again; raises nothing of its own. [autonomous-operations]';

create function public.campaign_facts_at(p_now timestamptz default now())
returns setof public.campaign_facts
language plpgsql stable set search_path = ''
as $$
begin
  if p_now is null then
    raise exception using errcode = 'AO010', message = 'p_now must not be NULL: facts are of a moment.';
  end if;
  return query select * from public.facts_of_campaigns(array(
    select p.campaign_id from public.campaign_performance p where p.campaign_id is not null
    union select m.campaign_id from public.campaign_daily m), p_now);
end $$;
comment on function public.campaign_facts_at(timestamptz) is
  'The facts as they were at p_now, computed from the series (late corrections included: an upsert forgets when it came). Only reads; safe to call again. Raises AO010 for NULL. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Keeping the facts
-- ---------------------------------------------------------------------------------------------
create function public.refresh_campaign_totals(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.campaign_totals as t
    (campaign_id, life_impressions, life_reach, life_clicks, life_conversions, life_spend, life_revenue)
  -- each as rules read it (measure_expression): the scan of all need not look at it again
  select f.campaign_id,
    case when f.life_impressions between -1e18 and 1e18 then case when f.life_impressions between -1e-9 and 1e-9 then 0 else f.life_impressions end end,
    case when f.life_reach between -1e18 and 1e18 then case when f.life_reach between -1e-9 and 1e-9 then 0 else f.life_reach end end,
    case when f.life_clicks between -1e18 and 1e18 then case when f.life_clicks between -1e-9 and 1e-9 then 0 else f.life_clicks end end,
    case when f.life_conversions between -1e18 and 1e18 then case when f.life_conversions between -1e-9 and 1e-9 then 0 else f.life_conversions end end,
    case when f.life_spend between -1e18 and 1e18 then case when f.life_spend between -1e-9 and 1e-9 then 0 else f.life_spend end end,
    case when f.life_revenue between -1e18 and 1e18 then case when f.life_revenue between -1e-9 and 1e-9 then 0 else f.life_revenue end end
  from unnest(p_campaign_ids) i join public.campaign_facts f on f.campaign_id = i
  on conflict (campaign_id) do update set
    life_impressions = excluded.life_impressions, life_reach = excluded.life_reach, life_clicks = excluded.life_clicks,
    life_conversions = excluded.life_conversions, life_spend = excluded.life_spend, life_revenue = excluded.life_revenue
  where t is distinct from excluded;
end $$;
comment on function public.refresh_campaign_totals(uuid[]) is
  'Brings the totals of these campaigns (each named once) up to their facts, unknown where a measure is no sane number. Safe to call again. [autonomous-operations]';

create function public.campaign_totals_follow() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'TRUNCATE' then
    delete from public.campaign_totals where true;
  elsif tg_op = 'DELETE' then  -- what the same statement wrote again stays
    delete from public.campaign_totals t using changed_rows r
    where t.campaign_id = r.campaign_id and not exists (select from public.campaign_facts f where f.campaign_id = r.campaign_id);
  else
    perform public.refresh_campaign_totals(array(select r.campaign_id from changed_rows r));
  end if;
  return null;
end $$;
comment on function public.campaign_totals_follow() is
  'Trigger of campaign_facts: keeps campaign_totals in step. [autonomous-operations]';

create trigger campaign_totals_inserted after insert on public.campaign_facts
  referencing new table as changed_rows for each statement execute function public.campaign_totals_follow();
create trigger campaign_totals_updated after update on public.campaign_facts
  referencing new table as changed_rows for each statement execute function public.campaign_totals_follow();
create trigger campaign_totals_deleted after delete on public.campaign_facts
  referencing old table as changed_rows for each statement execute function public.campaign_totals_follow();
create trigger campaign_totals_truncated after truncate on public.campaign_facts
  for each statement execute function public.campaign_totals_follow();

create function public.refresh_campaign_facts(p_campaign_ids uuid[]) returns void
language plpgsql set search_path = ''
as $$
declare
  v_missing uuid[];
  v_new uuid[];
begin
  -- A rebuild of everything (policy changed) waits for us, or we for it.
  perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts', 0));

  v_missing := array(
    select distinct i from unnest(p_campaign_ids) i
    where i is not null and not exists (select from public.campaign_facts f where f.campaign_id = i));
  if v_missing <> '{}' then
    with fresh as (
      insert into public.campaign_facts
      select n.* from public.facts_of_campaigns(v_missing, null::timestamptz) n order by n.campaign_id
      on conflict (campaign_id) do nothing
      returning campaign_id
    )
    select array_agg(campaign_id) into v_new from fresh;
  end if;

  -- The rest is locked first and computed afterwards, by a statement that sees what others wrote
  -- meanwhile: adding to what one read before would lose theirs.
  p_campaign_ids := array(
    select f.campaign_id from public.campaign_facts f
    join (select unnest(p_campaign_ids) except select unnest(v_new)) i (campaign_id) using (campaign_id)
    order by f.campaign_id for update of f);
  if p_campaign_ids = '{}' then
    return;
  end if;

  with n as (select * from public.facts_of_campaigns(p_campaign_ids, null::timestamptz)),
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
      ev_spend, ev_conversions, ev_revenue, ev_days, ev_immature_spend, changed_at) = row(
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
      n.ev_spend, n.ev_conversions, n.ev_revenue, n.ev_days, n.ev_immature_spend, n.changed_at)
    from n
    where f.campaign_id = n.campaign_id
    returning f.campaign_id
  )
  delete from public.campaign_facts f using unnest(p_campaign_ids) i
  where f.campaign_id = i
    and not exists (select from written w where w.campaign_id = f.campaign_id);
end $$;
comment on function public.refresh_campaign_facts(uuid[]) is
  'Computes the facts of these campaigns anew and stores them; those of a campaign with neither performance nor metrics go. Safe to call again. [autonomous-operations]';

create function public.absorb_campaign_metrics(p_campaign_ids uuid[], p_days date[]) returns void
language plpgsql set search_path = ''
as $$
declare
  v_campaigns uuid[] := array(select distinct i from unnest(p_campaign_ids) i order by i);
  v_zone text;
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
begin
  if v_campaigns = '{}' then
    return;
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('autonomy.facts', 0));
  select time_zone into strict v_zone from public.autonomy_policy;
  perform set_config('autonomy.ingest', '1', true);

  begin
    insert into public.campaign_performance (campaign_id, from_metrics, updated_at)
    select c.id, true, public.autonomy_writing_at()
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

  with touched as (
    select distinct t.campaign_id, t.day from unnest(p_campaign_ids, p_days) t (campaign_id, day)
  ),
  summed as (
    select t.campaign_id, t.day, sum(m.impressions) as impressions, sum(m.reach) as reach, sum(m.clicks) as clicks,
           sum(m.conversions) as conversions, sum(m.spend) as spend, sum(m.revenue) as revenue
    from touched t
    join public.campaign_metrics m
      on m.campaign_id = t.campaign_id
      and m.bucket >= t.day::timestamp at time zone v_zone
      and m.bucket < (t.day + 1)::timestamp at time zone v_zone
    group by t.campaign_id, t.day
  ),
  emptied as (
    delete from public.campaign_daily d using touched t
    where d.campaign_id = t.campaign_id and d.day = t.day
      and not exists (select from summed s where s.campaign_id = d.campaign_id and s.day = d.day)
  )
  insert into public.campaign_daily as d (campaign_id, day, impressions, reach, clicks, conversions, spend, revenue)
  select s.campaign_id, s.day, s.impressions, s.reach, s.clicks, s.conversions, s.spend, s.revenue
  from summed s
  on conflict (campaign_id, day) do update set
    impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
    conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue;

  delete from public.campaign_performance p using unnest(v_campaigns) i
  where p.campaign_id = i and p.from_metrics
    and not exists (select from public.campaign_daily d where d.campaign_id = p.campaign_id);
  perform public.refresh_campaign_facts(v_campaigns);

  -- The totals, from the facts just made; a float8 holds a sum of cents exactly up to 90 trillion.
  update public.campaign_performance p set
    impressions = f.life_impressions, clicks = f.life_clicks, conversions = f.life_conversions,
    total_spend = least(round(f.life_spend::numeric, 2), 999999999999.99),
    total_revenue = greatest(least(round(f.life_revenue::numeric, 2), 999999999999.99), -999999999999.99),
    updated_at = greatest(public.autonomy_writing_at(), p.updated_at)
  from unnest(v_campaigns) i join public.campaign_facts f on f.campaign_id = i
  where p.campaign_id = i and p.from_metrics;

  perform set_config('autonomy.ingest', v_ingest, true);
end $$;
comment on function public.absorb_campaign_metrics(uuid[], date[]) is
  'Brings campaign_daily (the given days of the given campaigns, pairwise), campaign_performance where the ingest owns it, and campaign_facts up to campaign_metrics. Safe to call again. [autonomous-operations]';

create function public.rebuild_campaign_facts(p_days boolean default false) returns bigint
language plpgsql set search_path = ''
as $$
declare
  v_zone text;
  v_after uuid := null;
  v_slice uuid[];
  v_count bigint := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('autonomy.facts', 0));
  select time_zone into strict v_zone from public.autonomy_policy;

  if p_days then
    delete from public.campaign_daily where true;
    insert into public.campaign_daily (campaign_id, day, impressions, reach, clicks, conversions, spend, revenue)
    select m.campaign_id, (m.bucket at time zone v_zone)::date, sum(m.impressions), sum(m.reach), sum(m.clicks),
           sum(m.conversions), sum(m.spend), sum(m.revenue)
    from public.campaign_metrics m
    group by m.campaign_id, (m.bucket at time zone v_zone)::date;
  end if;

  delete from public.campaign_facts f
  where not exists (select from public.campaign_performance p where p.campaign_id = f.campaign_id)
    and not exists (select from public.campaign_daily d where d.campaign_id = f.campaign_id);
  delete from public.campaign_totals t
  where not exists (select from public.campaign_facts f where f.campaign_id = t.campaign_id);
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
    perform public.refresh_campaign_facts(v_slice);
    perform public.refresh_campaign_totals(v_slice);  -- also where triggers are off, or were
    v_count := v_count + cardinality(v_slice);
    v_after := v_slice[cardinality(v_slice)];
  end loop;
  return v_count;
end $$;
comment on function public.rebuild_campaign_facts(boolean) is
  'Computes every campaign''s facts anew, with p_days the roll-up by day first; returns how many. Safe to call again; needed only after a change of the policy''s half-life, delay or zone, which calls it. [autonomous-operations]';

-- Statement-level, so that a hundred thousand rows are one set. INSERT ... ON CONFLICT DO UPDATE
-- fires the triggers of its updates first, then those of its inserts: the updated part is put by
-- and done with the inserted one, since two portions would take their locks in no order.
create function public.metrics_insert_begins() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform set_config('autonomy.inserting_' || tg_table_name, '1', true);
  return null;
end $$;
comment on function public.metrics_insert_begins() is
  'Trigger of campaign_metrics and campaign_performance: marks that an insert, perhaps an upsert, is under way. [autonomous-operations]';

create function public.campaign_performance_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_inserting boolean := coalesce(current_setting('autonomy.inserting_campaign_performance', true), '') = '1';
  v_campaigns uuid[];
begin
  if tg_op = 'INSERT' then
    perform set_config('autonomy.inserting_campaign_performance', '', true);
  end if;
  if coalesce(current_setting('autonomy.ingest', true), '') = '1' then
    return null;
  end if;

  if tg_op = 'INSERT' then
    v_campaigns := array(select distinct campaign_id from new_rows);
  elsif tg_op = 'DELETE' then
    v_campaigns := array(select distinct campaign_id from old_rows);
  else
    v_campaigns := array(select campaign_id from new_rows union select campaign_id from old_rows);
  end if;
  v_campaigns := v_campaigns || nullif(current_setting('autonomy.put_by_performance', true), '')::uuid[];
  if v_inserting and tg_op <> 'INSERT' then
    perform set_config('autonomy.put_by_performance', v_campaigns::text, true);
    return null;
  end if;
  perform set_config('autonomy.put_by_performance', '', true);
  if v_campaigns <> '{}' then
    perform public.refresh_campaign_facts(v_campaigns);
  end if;
  return null;
end $$;
comment on function public.campaign_performance_after() is
  'Trigger of campaign_performance: refreshes the facts of the campaigns that a statement touched. [autonomous-operations]';

create trigger autonomy_facts_begin before insert on public.campaign_performance
  for each statement execute function public.metrics_insert_begins();
create trigger autonomy_facts_insert after insert on public.campaign_performance
  referencing new table as new_rows
  for each statement execute function public.campaign_performance_after();
create trigger autonomy_facts_update after update on public.campaign_performance
  referencing old table as old_rows new table as new_rows
  for each statement execute function public.campaign_performance_after();
create trigger autonomy_facts_delete after delete on public.campaign_performance
  referencing old table as old_rows
  for each statement execute function public.campaign_performance_after();

create function public.campaign_metrics_after() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_inserting boolean := coalesce(current_setting('autonomy.inserting_campaign_metrics', true), '') = '1';
  v_zone text;
  v_campaigns uuid[];
  v_days date[];
begin
  if tg_op = 'INSERT' then
    perform set_config('autonomy.inserting_campaign_metrics', '', true);
  end if;
  if coalesce(current_setting('autonomy.ingest', true), '') = '1' then
    return null;
  end if;

  select time_zone into strict v_zone from public.autonomy_policy;
  if tg_op = 'INSERT' then
    select array_agg(campaign_id), array_agg(day) into v_campaigns, v_days
    from (select distinct campaign_id, (bucket at time zone v_zone)::date as day from new_rows) t;
  elsif tg_op = 'DELETE' then
    select array_agg(campaign_id), array_agg(day) into v_campaigns, v_days
    from (select distinct campaign_id, (bucket at time zone v_zone)::date as day from old_rows) t;
  else
    select array_agg(campaign_id), array_agg(day) into v_campaigns, v_days
    from (select campaign_id, (bucket at time zone v_zone)::date as day from new_rows
          union select campaign_id, (bucket at time zone v_zone)::date from old_rows) t;
  end if;
  v_campaigns := v_campaigns || nullif(current_setting('autonomy.put_by_campaigns', true), '')::uuid[];
  v_days := v_days || nullif(current_setting('autonomy.put_by_days', true), '')::date[];
  if v_inserting and tg_op <> 'INSERT' then
    perform set_config('autonomy.put_by_campaigns', coalesce(v_campaigns::text, ''), true),
            set_config('autonomy.put_by_days', coalesce(v_days::text, ''), true);
    return null;
  end if;
  perform set_config('autonomy.put_by_campaigns', '', true), set_config('autonomy.put_by_days', '', true);
  perform public.absorb_campaign_metrics(v_campaigns, v_days);
  return null;
end $$;
comment on function public.campaign_metrics_after() is
  'Trigger of campaign_metrics: brings the roll-up, the totals and the facts of the touched days and campaigns up to date. [autonomous-operations]';

create trigger autonomy_absorb_begin before insert on public.campaign_metrics
  for each statement execute function public.metrics_insert_begins();
create trigger autonomy_absorb_insert after insert on public.campaign_metrics
  referencing new table as new_rows
  for each statement execute function public.campaign_metrics_after();
create trigger autonomy_absorb_update after update on public.campaign_metrics
  referencing old table as old_rows new table as new_rows
  for each statement execute function public.campaign_metrics_after();
create trigger autonomy_absorb_delete after delete on public.campaign_metrics
  referencing old table as old_rows
  for each statement execute function public.campaign_metrics_after();

create function public.metrics_truncated() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_table_name = 'campaign_metrics' then
    delete from public.campaign_daily where true;
    delete from public.campaign_performance p where p.from_metrics;
  end if;
  perform public.rebuild_campaign_facts();
  return null;
end $$;
comment on function public.metrics_truncated() is
  'Trigger: rebuilds the facts after campaign_metrics or campaign_performance was truncated. [autonomous-operations]';

create trigger autonomy_truncated after truncate on public.campaign_metrics
  for each statement execute function public.metrics_truncated();
create trigger autonomy_truncated after truncate on public.campaign_performance
  for each statement execute function public.metrics_truncated();

create function public.autonomy_policy_after() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if (new.evidence_half_life_days, new.conversion_delay_hours, new.time_zone)
     is distinct from (old.evidence_half_life_days, old.conversion_delay_hours, old.time_zone) then
    perform public.rebuild_campaign_facts(new.time_zone is distinct from old.time_zone);
  end if;
  return null;
end $$;
comment on function public.autonomy_policy_after() is
  'Trigger of autonomy_policy: rebuilds the facts when the half-life, the conversion delay or the time zone changes. [autonomous-operations]';

create trigger autonomy_policy_after after update on public.autonomy_policy
  for each row execute function public.autonomy_policy_after();

-- ---------------------------------------------------------------------------------------------
-- The ingest
-- ---------------------------------------------------------------------------------------------
create function public.metric_bucket(p_text text, p_zone text) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  if p_text !~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?$' then
    return null;
  elsif p_text ~ '(Z|:\d\d(\.\d+)?\s?[+-]\d\d(:?\d\d)?)$' then
    return p_text::timestamptz;
  end if;
  return p_text::timestamp at time zone p_zone;
exception when data_exception then
  return null;
end $$;
comment on function public.metric_bucket(text, text) is
  'Reads the time of a bucket, ISO 8601; without an offset it is taken in the given zone; NULL where it is no time. Only computes; raises nothing. [autonomous-operations]';

create function public.record_campaign_metrics(p_rows jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_zone text;
  v_rejected jsonb;
  v_accepted bigint;
  v_campaigns uuid[];
  v_days date[];
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
  v_now text := coalesce(current_setting('autonomy.now', true), '');
begin
  if p_rows is null or jsonb_typeof(p_rows) <> 'array' then
    raise exception using errcode = 'AO010', message = 'p_rows must be a JSON array of rows.',
      hint = 'Each row: {"campaign_id", "bucket", "impressions", "reach", "clicks", "conversions", "spend", "revenue"}.';
  end if;
  select time_zone into strict v_zone from public.autonomy_policy;
  perform set_config('autonomy.ingest', '1', true);
  p_now := coalesce(p_now, now());
  perform public.simulated_moment(p_now);
  perform set_config('autonomy.now', p_now::text, true);

  with given as (
    select (t.position - 1)::bigint as index, t.given,
      case when jsonb_typeof(t.given) = 'object' then t.given else '{}' end as r
    from jsonb_array_elements(p_rows) with ordinality t (given, position)
  ),
  read as (
    select g.index, g.given, g.r,
      case when g.r ->> 'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
           then (g.r ->> 'campaign_id')::uuid end as campaign_id,
      case when jsonb_typeof(g.r -> 'bucket') = 'string'
           then public.metric_bucket(g.r ->> 'bucket', v_zone) end as bucket
    from given g
  ),
  judged as materialized (
    select r.index, r.r, r.campaign_id, r.bucket,
      coalesce(
        case when jsonb_typeof(r.given) <> 'object' then 'A row must be a JSON object.' end,
        (select format('%s is not a key of a row; allowed are campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue.', to_json(left(k, 60)))
         from jsonb_object_keys(r.r) k
         where k not in ('campaign_id', 'bucket', 'impressions', 'reach', 'clicks', 'conversions', 'spend', 'revenue')
         order by k limit 1),
        case when r.campaign_id is null then
          format('campaign_id must be the id of a campaign, not %s.', left(coalesce((r.r -> 'campaign_id')::text, 'missing'), 60)) end,
        case when not exists (select from public.campaigns c where c.id = r.campaign_id) then
          format('There is no campaign %s.', r.campaign_id) end,
        case when r.bucket is null then
          format('bucket must be a time such as "2026-11-22T10:00:00Z", not %s.', left(coalesce((r.r -> 'bucket')::text, 'missing'), 60)) end,
        case when r.bucket > p_now then format('bucket %s lies in the future.', r.r ->> 'bucket') end,
        case when r.bucket < '2000-01-01Z' then format('bucket %s lies before the year 2000.', r.r ->> 'bucket') end,
        (select case when jsonb_typeof(r.r -> m.name) is distinct from 'number'
                  then format('%s must be a number, not %s.', m.name, left(coalesce((r.r -> m.name)::text, 'missing'), 60))
                  else format('%s is %s; it must be from %s to %s.', m.name, left(r.r ->> m.name, 60), m.low, m.high) end
         from (values (1, 'impressions', 0, 1e12), (2, 'clicks', 0, 1e12), (3, 'conversions', 0, 1e12),
                      (4, 'spend', 0, 999999999999.99), (5, 'revenue', -999999999999.99, 999999999999.99),
                      (6, 'reach', 0, 1e12)) m (place, name, low, high)
         where case when m.name = 'reach' and coalesce(jsonb_typeof(r.r -> 'reach'), 'null') = 'null' then false
                    when jsonb_typeof(r.r -> m.name) is distinct from 'number' then true
                    else (r.r -> m.name)::numeric not between m.low and m.high end
         order by m.place limit 1)
      ) as error
    from read r
  ),
  latest as (
    select distinct on (j.campaign_id, j.bucket) j.*
    from judged j where j.error is null
    order by j.campaign_id, j.bucket, j.index desc
  ),
  written as (
    -- Platforms report a fraction of a conversion; counts are whole here.
    insert into public.campaign_metrics as m
      (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)
    select l.campaign_id, l.bucket, round((l.r -> 'impressions')::numeric),
      coalesce(round(nullif(l.r -> 'reach', 'null')::numeric), 0), round((l.r -> 'clicks')::numeric),
      round((l.r -> 'conversions')::numeric), round((l.r -> 'spend')::numeric, 2), round((l.r -> 'revenue')::numeric, 2)
    from latest l
    order by l.campaign_id, l.bucket
    on conflict (campaign_id, bucket) do update set
      impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
      conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue
    where (m.impressions, m.reach, m.clicks, m.conversions, m.spend, m.revenue) is distinct from
      (excluded.impressions, excluded.reach, excluded.clicks, excluded.conversions, excluded.spend, excluded.revenue)
    returning m.campaign_id, (m.bucket at time zone v_zone)::date as day
  ),
  touched as (select distinct campaign_id, day from written)
  select (select array_agg(campaign_id order by campaign_id, day) from touched),
         (select array_agg(day order by campaign_id, day) from touched),
         (select count(*) from judged where error is null),
         (select coalesce(jsonb_agg(jsonb_build_object('index', index, 'error', error) order by index), '[]')
          from judged where error is not null)
  into v_campaigns, v_days, v_accepted, v_rejected;

  perform public.absorb_campaign_metrics(v_campaigns, v_days);
  perform set_config('autonomy.ingest', v_ingest, true);
  perform set_config('autonomy.now', v_now, true);
  return jsonb_build_object('accepted', v_accepted, 'rejected', v_rejected);
end $$;
comment on function public.record_campaign_metrics(jsonb, timestamptz) is
  'Takes in buckets of the time series, an array of {campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue} (reach optional), by upsert: safe to call again. Good rows are kept, bad ones are returned with index and sentence; of two rows for one bucket the last wins. Raises AO010 where p_rows is no array, AO014 (p_now is not the clock''s). [autonomous-operations]';

do $$ begin
  perform public.rebuild_campaign_facts(true);
end $$;

-- What is kept how long. A run takes a small slice of what is too old, so no night job is needed and none is missed.
--
-- Whatever the policy says, nothing goes that something still reads: the evidence (ten half-lives of days), an undo,
-- the audit, a rule's score, a replay of 90 days. So executed actions, rules' changes and the figures by day are kept
-- for ever; hours become days, and the log of changes loses only steps between two that no action of ours made.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.retention (
  id boolean primary key default true check (id),
  after_campaign uuid
);
comment on table autonomy.retention is
  'Up to which campaign old figures and changes were looked through; null = from the first. [autonomous-operations]';

create function autonomy.cut_before(p_days numeric, p_least numeric, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
-- Never by a moment that lies ahead of the clock: what is gone is gone, simulated or not.
begin
  return case when p_days > 0
    then least(p_now, clock_timestamp()) - greatest(p_days, p_least)::float8 * interval '1 day' end;
end $$;
comment on function autonomy.cut_before(numeric, numeric, timestamptz) is
  'Before which moment something may go that is kept so many days, but p_least at the least; NULL = never. Only '
  'computes; raises nothing. [autonomous-operations]';

create function autonomy.is_ours(p_table regclass) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return coalesce(obj_description(p_table, 'pg_class'), '') like '%[autonomous-operations]';
end $$;
comment on function autonomy.is_ours(regclass) is
  'Whether a table was made here, and not before by somebody else. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.fold_hours(p_campaign_ids uuid[], p_before timestamptz) returns bigint
language plpgsql set search_path = ''
as $$
-- The hours of a day become one row of the whole day: every total stays what it was, by day and for life.
declare
  v_folded uuid[];
  v_starts timestamptz[];
  v_gone bigint := 0;
  v_ingest text := coalesce(current_setting('autonomy.ingest', true), '');
begin
  if p_before is null then
    return 0;
  end if;
  perform set_config('autonomy.ingest', '1', true);  -- the roll-up by day knows these totals
  perform from public.campaign_metrics m
  where m.campaign_id = any (p_campaign_ids) and m.bucket < p_before and not m.whole_day
  order by m.campaign_id, m.bucket for update;
  with days as materialized (
    select m.campaign_id, d.starts, d.ends, sum(m.impressions) as impressions, sum(m.reach) as reach,
      sum(m.clicks) as clicks, sum(m.conversions) as conversions, sum(m.spend) as spend, sum(m.revenue) as revenue
    from public.campaign_metrics m
    join autonomy.campaign_zones(p_campaign_ids) z using (campaign_id)
    cross join lateral (select (m.bucket at time zone z.zone)::date as day) g
    cross join lateral (select g.day::timestamp at time zone z.zone as starts,
                               (g.day + 1)::timestamp at time zone z.zone as ends) d
    where m.campaign_id = any (p_campaign_ids) and m.bucket < p_before and d.ends <= p_before
    group by m.campaign_id, d.starts, d.ends
    having count(*) > 1 and not bool_or(m.whole_day)
  ),
  folded as (
    insert into public.campaign_metrics as m
      (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue, whole_day)
    select d.campaign_id, d.starts, d.impressions, d.reach, d.clicks, d.conversions, d.spend, d.revenue, true
    from days d
    on conflict (campaign_id, bucket) do update set
      impressions = excluded.impressions, reach = excluded.reach, clicks = excluded.clicks,
      conversions = excluded.conversions, spend = excluded.spend, revenue = excluded.revenue, whole_day = true
    returning m.campaign_id, m.bucket
  )
  select array_agg(f.campaign_id), array_agg(f.bucket) into v_folded, v_starts from folded f;
  delete from public.campaign_metrics m
  using unnest(v_folded, v_starts) f (campaign_id, starts), autonomy.campaign_zones(p_campaign_ids) z
  where z.campaign_id = f.campaign_id and m.campaign_id = f.campaign_id and m.bucket > f.starts
    and m.bucket < ((f.starts at time zone z.zone)::date + 1)::timestamp at time zone z.zone;
  get diagnostics v_gone = row_count;
  perform set_config('autonomy.ingest', v_ingest, true);
  return v_gone;
end $$;
comment on function autonomy.fold_hours(uuid[], timestamptz) is
  'Puts the hours of days that ended before a moment together, a row a day; returns how many rows that saved. No total '
  'changes. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.fold_changes(p_campaign_ids uuid[], p_before timestamptz) returns bigint
language plpgsql set search_path = ''
as $$
-- Of several changes from outside that follow each other the last stays, from where the first began: the log is
-- whole, ends where it ended, and every action of ours stands where it stood.
declare
  v_gone bigint := 0;
begin
  if p_before is null then
    return 0;
  end if;
  with steps as (
    select k.id, k.campaign_id, k.old_status, k.old_budget,
      k.kind in ('outside', 'platform') and k.action_id is null and k.changed_at < p_before as plain,
      row_number() over (partition by k.campaign_id order by k.id) as nth
    from public.campaign_changes k where k.campaign_id = any (p_campaign_ids)
  ),
  spans as (
    select s.*, s.nth - row_number() over (partition by s.campaign_id order by s.id) as span
    from steps s where s.plain
  ),
  firsts as materialized (
    select s.campaign_id, s.span, max(s.id) as stays, (array_agg(s.old_status order by s.id))[1] as old_status,
      (array_agg(s.old_budget order by s.id))[1] as old_budget, array_agg(s.id) as ids
    from spans s group by s.campaign_id, s.span having count(*) > 1
  ),
  moved as (
    update public.campaign_changes k set old_status = f.old_status, old_budget = f.old_budget
    from firsts f where k.id = f.stays
  ),
  gone as (
    delete from public.campaign_changes k using firsts f
    where k.campaign_id = f.campaign_id and k.id = any (f.ids) and k.id <> f.stays
    returning k.id
  )
  select count(*) into v_gone from gone;
  return v_gone;
end $$;
comment on function autonomy.fold_changes(uuid[], timestamptz) is
  'Puts changes from outside that follow each other together where all lie before a moment; returns how many rows that '
  'saved. The audit finds the log whole. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.retire_runs(p_before timestamptz, p_rows integer) returns bigint
language plpgsql set search_path = ''
as $$
-- A run that did something stays, for what it did leads to it; its stored answer and its long lists go.
declare
  v_gone bigint;
begin
  delete from public.autonomous_runs r
  where r.id in (
    select o.id from public.autonomous_runs o
    where o.started_at < p_before and o.status <> 'running'
      and not exists (select from public.autonomous_actions a where a.run_id = o.id)
    order by o.started_at limit p_rows for update skip locked);
  get diagnostics v_gone = row_count;
  update public.autonomous_runs r
  set response = null, idempotency_key = null, summary = r.summary - 'held_decisions' - 'actions'
  where r.id in (
    select o.id from public.autonomous_runs o
    where o.started_at < p_before and o.status <> 'running'
      and (o.response is not null or o.summary ?| array['held_decisions', 'actions'])
    order by o.started_at limit p_rows for update skip locked);
  return v_gone;
end $$;
comment on function autonomy.retire_runs(timestamptz, integer) is
  'Removes runs before a moment that did nothing, and of the others the stored answer and the long lists of the '
  'summary; returns how many went. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.retire_calls(p_before timestamptz, p_rows integer) returns bigint
language plpgsql set search_path = ''
as $$
-- What was wanted of a platform stays as long as it is the last of its field, or an action asks for it.
declare
  v_gone bigint;
begin
  delete from autonomy.platform_calls c
  where c.id in (select o.id from autonomy.platform_calls o where o.at < p_before
                 order by o.at limit p_rows for update skip locked);
  get diagnostics v_gone = row_count;
  delete from autonomy.deliveries d
  where d.id in (
    select o.id from autonomy.deliveries o
    where not o.is_current and o.settled_at < p_before
      and not exists (select from public.autonomous_actions a where a.id = o.action_id)
    order by o.id limit p_rows for update skip locked);
  return v_gone;
end $$;
comment on function autonomy.retire_calls(timestamptz, integer) is
  'Removes what was asked of platforms before a moment, and what was wanted of them and is nobody''s any more; returns '
  'how many calls went. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.retire(
  p_now timestamptz default now(), p_campaigns integer default 200, p_rows integer default 500) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_policy public.autonomy_policy;
  v_after uuid;
  v_ids uuid[];
  v_hours bigint;
  v_changes bigint;
  v_runs bigint;
  v_actions bigint := 0;
  v_opportunities bigint := 0;
  v_actions_before timestamptz;
  v_opportunities_before timestamptz;
begin
  select * into strict v_policy from public.autonomy_policy;
  insert into autonomy.retention (id) values (true) on conflict do nothing;
  select t.after_campaign into v_after from autonomy.retention t for update skip locked;
  if not found then
    return '{}';  -- a run of another shard is at it
  end if;
  v_ids := array(select c.id from public.campaigns c where v_after is null or c.id > v_after
                 order by c.id limit p_campaigns);
  update autonomy.retention set after_campaign = case when cardinality(v_ids) >= p_campaigns
    then v_ids[cardinality(v_ids)] end;
  v_hours := autonomy.fold_hours(v_ids, autonomy.cut_before(v_policy.keep_hours_days, 100, p_now));
  v_changes := autonomy.fold_changes(v_ids, autonomy.cut_before(v_policy.keep_changes_days,
    greatest(120, v_policy.person_hold_days + 30, v_policy.hold_days_after_rollback + 30), p_now));
  v_runs := autonomy.retire_runs(autonomy.cut_before(v_policy.keep_runs_days, 35, p_now), p_rows);
  perform autonomy.retire_calls(autonomy.cut_before(v_policy.keep_runs_days, 35, p_now), p_rows);
  v_actions_before := autonomy.cut_before(v_policy.keep_failed_actions_days, 35, p_now);
  v_opportunities_before := autonomy.cut_before(v_policy.keep_opportunities_days, 35, p_now);
  if autonomy.is_ours('public.autonomous_actions') then
    delete from public.autonomous_actions a
    where a.id in (
      select o.id from public.autonomous_actions o
      where o.status = 'failed' and o.created_at < v_actions_before
        and not exists (select from public.campaign_changes k where k.action_id = o.id)
      order by o.created_at limit p_rows for update skip locked);
    get diagnostics v_actions = row_count;
  end if;
  if autonomy.is_ours('public.optimization_opportunities') then
    -- what was dismissed rests for 30 days
    delete from public.optimization_opportunities o
    where o.id in (
      select x.id from public.optimization_opportunities x
      where x.status in ('resolved', 'dismissed')
        and greatest(x.resolved_at, x.last_seen_at) < v_opportunities_before
      limit p_rows for update skip locked);
    get diagnostics v_opportunities = row_count;
  end if;
  return jsonb_build_object('hours', v_hours, 'changes', v_changes, 'runs', v_runs, 'failed_actions', v_actions,
                            'opportunities', v_opportunities);
end $$;
comment on function autonomy.retire(timestamptz, integer, integer) is
  'Lets go of what the policy keeps no longer, a slice a call: p_campaigns campaigns, p_rows rows of each log; returns '
  'how many rows went. Safe to call again. Raises AO002 (no policy). [autonomous-operations]';

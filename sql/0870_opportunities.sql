-- The six detectors together, and the life of what they find.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.find_opportunities(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_timing boolean,
  p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric, figures jsonb)
language plpgsql stable set search_path = ''
as $$
begin
  return query select * from autonomy.high_traffic_low_conversion(p_after, p_until, p_changed_after, p_rates, p_now);
  return query select * from autonomy.declining_campaigns(p_after, p_until, p_changed_after, p_now);
  return query select * from autonomy.budget_inefficiency(p_after, p_until, p_changed_after, p_now);
  return query select * from autonomy.audience_mismatch(p_after, p_until, p_changed_after, p_rates, p_now);
  return query select * from autonomy.creative_fatigue(p_after, p_until, p_changed_after, p_now);
  if p_timing then
    return query select * from autonomy.timing_optimization(p_after, p_until, p_changed_after, p_now);
  end if;
end $$;
comment on function autonomy.find_opportunities(uuid, uuid, timestamptz, jsonb, boolean, timestamptz) is
  'All six detectors (timing_optimization on request) over a range of campaigns, with the figures behind each '
  'finding. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create function public.detect_optimization_opportunities(p_now timestamptz default now())
returns table (campaign_id uuid, opportunity_type text, severity text, description text, suggested_action text,
               estimated_impact jsonb, confidence_score numeric)
language sql stable set search_path = '' set statement_timeout = '55s' set jit = off
as $$
  select o.campaign_id, o.opportunity_type, o.severity, o.description, o.suggested_action,
    o.estimated_impact, o.confidence_score
  from autonomy.find_opportunities(
    null::uuid, null::uuid, null::timestamptz, autonomy.opportunity_rates(p_now), true, p_now) o
  order by autonomy.severity_rank(o.severity), o.confidence_score desc, o.campaign_id, o.opportunity_type
$$;
comment on function public.detect_optimization_opportunities(timestamptz) is
  'What a person should look at now, in every active campaign: critical first. Writes nothing and knows nothing of '
  'what was dismissed; record_opportunities keeps the list. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.opportunity_status_guard() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.status in ('open', 'in_progress') then
    new.resolved_at := null;
  elsif new.resolved_at is not distinct from old.resolved_at then
    new.resolved_at := now();
  end if;
  -- a reason is of one change
  if new.status_reason is not distinct from old.status_reason then
    new.status_reason := null;
  end if;
  -- What the system closed by itself and a person takes up again is the person's.
  if old.status_by = 'autonomy' and new.status_by = 'autonomy' then
    new.status_by := null;
  end if;
  return new;
end $$;
comment on function autonomy.opportunity_status_guard() is
  'Trigger of optimization_opportunities: a status set by plain SQL gets its time as well. Raises nothing. '
  '[autonomous-operations]';

create trigger opportunity_status_guard before update of status on public.optimization_opportunities
  for each row when (old.status is distinct from new.status) execute function autonomy.opportunity_status_guard();

-- Writes down what was found among the campaigns in (p_after, p_until]; gives the number of new rows.
create function autonomy.record_opportunities_found(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_rates jsonb, p_timing boolean,
  p_now timestamptz default now()) returns integer
language plpgsql set search_path = ''
as $$
-- plpgsql, so that each slice is planned for the table as it has become by then
declare
  v_new integer;
begin
  with found as materialized (
    select * from autonomy.find_opportunities(p_after, p_until, p_changed_after, p_rates, p_timing, p_now)
  ), wanted as (
    select f.* from found f
    where exists (
      select from public.optimization_opportunities o
      where o.campaign_id = f.campaign_id and o.opportunity_type = f.opportunity_type
        and o.status in ('open', 'in_progress'))
    or not exists (
      -- What a person closed rests: dismissed for 30 days, resolved for 3 (a fix needs time to show in
      -- the figures), unless it has become more severe than it was then.
      select from public.optimization_opportunities o
      where o.campaign_id = f.campaign_id and o.opportunity_type = f.opportunity_type
        and autonomy.severity_rank(f.severity) >= autonomy.severity_rank(o.severity)
        and (o.status = 'dismissed' and coalesce(o.resolved_at, o.last_seen_at) > p_now - interval '30 days'
             or o.status = 'resolved' and o.status_by is distinct from 'autonomy'
                and coalesce(o.resolved_at, o.last_seen_at) > p_now - interval '3 days'))
  ), written as (
    insert into public.optimization_opportunities as o
      (campaign_id, opportunity_type, severity, description, suggested_action, estimated_impact,
       confidence_score, figures,
       status, is_current, first_seen_at, last_seen_at, created_at)
    select w.campaign_id, w.opportunity_type, w.severity, w.description, w.suggested_action, w.estimated_impact,
           w.confidence_score, w.figures, 'open', true, p_now, p_now, p_now
    from wanted w
    order by w.campaign_id, w.opportunity_type
    on conflict (campaign_id, opportunity_type) where status in ('open', 'in_progress') do update
      set severity = excluded.severity, description = excluded.description,
        suggested_action = excluded.suggested_action,
          estimated_impact = excluded.estimated_impact, confidence_score = excluded.confidence_score,
          figures = excluded.figures, is_current = true, last_seen_at = greatest(o.last_seen_at, excluded.last_seen_at)
    returning o.xmax = 0 as is_new
  )
  select count(*) filter (where is_new) into v_new from written;
  return v_new;
end $$;
comment on function autonomy.record_opportunities_found(uuid, uuid, timestamptz, jsonb, boolean, timestamptz) is
  'One slice of record_opportunities: a row for each finding, one per campaign and type while unresolved. Safe to '
  'call again; raises nothing. [autonomous-operations]';

-- What was looked at and not found again is no longer current, and resolved when that has lasted 3 days.
create function autonomy.resolve_opportunities_gone(
  p_after uuid, p_until uuid, p_changed_after timestamptz, p_timing boolean, p_now timestamptz default now())
    returns integer
language plpgsql set search_path = ''
as $$
declare
  v_resolved integer;
begin
  with gone as (
    select o.id from public.optimization_opportunities o
    where o.status in ('open', 'in_progress') and o.last_seen_at < p_now
      and (o.is_current or o.last_seen_at <= p_now - interval '3 days')
      and (p_timing or o.opportunity_type <> 'timing_optimization')
      and (p_after is null or o.campaign_id > p_after) and (p_until is null or o.campaign_id <= p_until)
      -- what an earlier look did not find any more needs no other
      and (p_changed_after is null or not o.is_current or p_changed_after < 'infinity' and exists (
        select from public.campaign_facts f where f.campaign_id = o.campaign_id and f.changed_at > p_changed_after))
    order by o.campaign_id, o.opportunity_type
    for update
  ), written as (
    update public.optimization_opportunities o
    set is_current = false,
        status = case when o.last_seen_at <= p_now - interval '3 days' then 'resolved' else o.status end,
        resolved_at = case when o.last_seen_at <= p_now - interval '3 days' then p_now end,
        status_by = case when o.last_seen_at <= p_now - interval '3 days' then 'autonomy' else o.status_by end
    from gone g
    where o.id = g.id and o.status in ('open', 'in_progress')
    returning o.status
  )
  select count(*) filter (where status = 'resolved') into v_resolved from written;
  return v_resolved;
end $$;
comment on function autonomy.resolve_opportunities_gone(uuid, uuid, timestamptz, boolean, timestamptz) is
  'One slice of record_opportunities: what is gone for 3 days is resolved. Safe to call again; raises nothing. '
  '[autonomous-operations]';

create function public.record_opportunities(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s' set jit = off
  set plan_cache_mode = force_custom_plan
as $$
-- Planned anew each time: a plan that does not know the moment reads all facts to see that none has changed.
declare
  v_slice constant integer := 50000;      -- campaigns at a time, so that memory stays flat
  v_budget constant interval := '20 s';   -- then the next run goes on behind the last slice
  v_overlap constant interval := '15 minutes';
  v_started constant timestamptz := clock_timestamp();
  v_today date := (select (p_now at time zone time_zone)::date from public.autonomy_policy);
  v_state autonomy.opportunity_detection;
  v_whole boolean;
  v_changed_after timestamptz;
  v_seen_until timestamptz;
  v_rates jsonb;
  v_timing boolean;
  v_after uuid;
  v_until uuid;
  v_new integer := 0;
  v_resolved integer := 0;
begin
  perform autonomy.simulated_moment(p_now);
  -- Twenty runs at once take turns here: the first does the work, the others find little changed.
  insert into autonomy.opportunity_detection (id) values (true) on conflict do nothing;
  select * into v_state from autonomy.opportunity_detection for update;

  -- Once a day every campaign, since a problem can end, or a day become complete, without new figures; else
  -- those whose facts changed. Fifteen minutes are looked at twice: facts of a transaction that was still open
  -- at the last look carry an earlier time. (Twice and no more: a run costs nothing while nothing changes.)
  v_whole := v_state.full_pass_day is distinct from v_today or v_state.full_pass_after is not null;
  -- (not later than that either, should the clock have gone back since)
  v_changed_after := case when not v_whole
    then least(v_state.changes_seen_until, greatest(p_now, now()) - v_overlap) end;
  v_after := case when v_state.full_pass_day = v_today then v_state.full_pass_after end;
  v_seen_until := case when v_after is null then
    (select case when latest - v_overlap <= v_state.changes_seen_until and latest < least(p_now, now()) - v_overlap
       then latest else coalesce(latest - v_overlap, '-infinity') end
     from (select least(greatest(p_now, now()), coalesce(max(f.changed_at), v_state.changes_seen_until)) as latest
           from public.campaign_facts f where f.changed_at > v_state.changes_seen_until) l)
    else v_state.changes_seen_until end;

  -- Hours are compared over complete days, and reading them takes the longest: once a day is enough,
  -- more often only while few campaigns have such figures.
  v_timing := v_whole or 300 >= (select count(*) from (
    select from public.campaign_facts f where f.changed_at > v_changed_after and f.w30_conversions >= 80
      limit 301) many);

  if v_whole or exists (select from public.campaign_facts f where f.changed_at > v_changed_after) then
    v_rates := autonomy.opportunity_rates(p_now);
    loop
      select f.campaign_id into v_until from public.campaign_facts f
      where (v_after is null or f.campaign_id > v_after) and (v_changed_after is null or f.changed_at > v_changed_after)
      order by f.campaign_id offset v_slice - 1 limit 1;
      v_new := v_new + autonomy.record_opportunities_found(v_after, v_until, v_changed_after, v_rates, v_timing, p_now);
      v_resolved := v_resolved
        + autonomy.resolve_opportunities_gone(v_after, v_until, v_changed_after, v_timing, p_now);
      v_after := v_until;
      exit when v_after is null or clock_timestamp() - v_started > v_budget;
    end loop;
  else
    -- nothing changed after 'infinity': only what an earlier look did not find any more can be gone
    v_resolved := autonomy.resolve_opportunities_gone(null::uuid, null::uuid, timestamptz 'infinity', false, p_now);
  end if;

  update autonomy.opportunity_detection
  set changes_seen_until = v_seen_until, full_pass_day = v_today, full_pass_after = v_after;
  return jsonb_build_object('new', v_new, 'resolved', v_resolved, 'complete', v_after is null, 'detected', (
    select count(*) from public.optimization_opportunities where status in ('open', 'in_progress') and is_current));
end $$;
comment on function public.record_opportunities(timestamptz) is
  'Detects and keeps the list: {"detected": what stands now, "new", "resolved", "complete"}. The first call of a day '
  'looks at every campaign, later ones at those whose facts changed. Safe to call again, and by many at once. Raises '
  'AO014 (p_now is not the clock''s). [autonomous-operations]';

create function public.set_opportunity_status(
  p_id uuid, p_status text, p_actor text default null, p_now timestamptz default now(), p_reason text default null)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_old public.optimization_opportunities;
  v_new public.optimization_opportunities;
begin
  perform autonomy.simulated_moment(p_now);
  if p_status is null or p_status not in ('open', 'in_progress', 'resolved', 'dismissed') then
    raise exception using errcode = 'AO010',
      message = format('The status of an opportunity is open, in_progress, resolved or dismissed, not %s.',
                       coalesce(quote_literal(p_status), 'NULL'));
  end if;
  select * into v_old from public.optimization_opportunities where id = p_id for update;
  if not found then
    raise exception using errcode = 'AO013',
      message = format('There is no opportunity with the id %s.', coalesce(p_id::text, 'NULL')),
      hint = 'Take an id from optimization_opportunities.';
  end if;
  if v_old.status = p_status then
    return to_jsonb(v_old) || jsonb_build_object('changed', false);
  end if;
  begin
    update public.optimization_opportunities
    set status = p_status, status_by = coalesce(p_actor, 'a person'), status_reason = p_reason,
        resolved_at = case when p_status in ('resolved', 'dismissed') then p_now end
    where id = p_id returning * into v_new;
  exception when unique_violation then
    raise exception using errcode = 'AO004',
      message = format('This campaign already has an open opportunity of the type %s, seen since this one was closed.',
                       v_old.opportunity_type),
      hint = 'Work on that one instead.';
  end;
  return to_jsonb(v_new) || jsonb_build_object('changed', true);
end $$;
comment on function public.set_opportunity_status(uuid, text, text, timestamptz, text) is
  'Starts (in_progress), resolves, dismisses or reopens an opportunity and gives its row. Dismissed: not raised again '
  'for 30 days unless more severe; resolved: for 3 days. Safe to call again (changed: false). AO010 an unknown '
  'status, AO013 an unknown id, AO004 another one is open, AO014 p_now is not the clock''s. [autonomous-operations]';

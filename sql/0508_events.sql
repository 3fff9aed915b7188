-- What planned events stop at a moment.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.event_stops(p_ids uuid[], p_from timestamptz, p_until timestamptz)
returns table (campaign_id uuid, raises text, cuts text, pauses text)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  if not exists (select from autonomy.planned_events e where e.from_at <= p_until and e.until_at > p_from) then
    return;  -- the usual case, and the campaigns need not be looked at
  end if;
  return query
  with now_on as materialized (
    select e.*, format('"%s"', e.why) as title, ' until ' || autonomy.moment_words(e.until_at) as ends
    from autonomy.planned_events e where e.from_at <= p_until and e.until_at > p_from
  )
  -- of several the one that lasts longest
  select c.id,
    (array_agg(e.title || ', no raises' || e.ends order by e.until_at desc, e.why, e.id) filter (where e.no_raises))[1],
    (array_agg(e.title || ', no cuts' || e.ends order by e.until_at desc, e.why, e.id) filter (where e.no_cuts))[1],
    (array_agg(e.title || ', no pauses' || e.ends order by e.until_at desc, e.why, e.id) filter (where e.no_pauses))[1]
  from public.campaigns c
  join now_on e on e.campaign_id = c.id or e.account = c.account
  where c.id = any (p_ids)
  group by c.id;
end $$;
comment on function autonomy.event_stops(uuid[], timestamptz, timestamptz) is
  'Of these campaigns those for which an event is planned at some moment from p_from to p_until, and what it stops: '
  'raises (a resume is one), cuts, pauses, each in words or null. Only reads; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.event_against(
  p_campaign public.campaigns, p_action_type text, p_budget numeric, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when p_action_type = 'auto_pause' then s.pauses
      when p_action_type <> 'auto_resume' and p_budget < p_campaign.budget then s.cuts else s.raises end
    from autonomy.event_stops(array[p_campaign.id], p_now, p_now) s);
end $$;
comment on function autonomy.event_against(public.campaigns, text, numeric, timestamptz) is
  'The planned event that speaks against what a person does to a campaign as it is, in words; null for none. Only '
  'reads; safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.approved_words(p_event text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 'Approved and carried out' || coalesce(', though a planned event is against it: ' || p_event, '') || '.';
end $$;
comment on function autonomy.approved_words(text) is
  'What whoever approves is told; a planned event does not hold what a person decides, but is named. Pure. '
  '[autonomous-operations]';

create function autonomy.event_said(p_event text) returns jsonb
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case when p_event is null then jsonb '{}' else jsonb_build_object('planned_event', p_event) end;
end $$;
comment on function autonomy.event_said(text) is
  'What the evidence of an action says of the planned event that it was done against. Pure. [autonomous-operations]';

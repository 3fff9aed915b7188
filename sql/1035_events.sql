-- Planned events, as pages and programs see and change them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.event_json(p_event autonomy.planned_events, p_now timestamptz) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_campaign public.campaigns;
  v_zone text := autonomy.event_zone(p_event);
  v_from timestamp := p_event.from_at at time zone v_zone;
  v_until timestamp := p_event.until_at at time zone v_zone;
  v_days boolean := v_from::time = '00:00' and v_until::time = '00:00' and v_until::date > v_from::date;
begin
  select * into v_campaign from public.campaigns c where c.id = p_event.campaign_id;
  return to_jsonb(p_event) || jsonb_build_object(
    'title', v_campaign.title, 'of_account', coalesce(p_event.account, v_campaign.account), 'time_zone', v_zone,
    'from_local', to_char(v_from, 'YYYY-MM-DD"T"HH24:MI'), 'until_local', to_char(v_until, 'YYYY-MM-DD"T"HH24:MI'),
    'span', case when v_days and v_until::date = v_from::date + 1 then v_from::date::text
      when v_days then format('%s to %s', v_from::date, v_until::date - 1)
      else to_char(v_from, 'YYYY-MM-DD HH24:MI') || ' to ' || to_char(v_until, 'YYYY-MM-DD HH24:MI') end,
    'state', case when p_event.until_at <= p_now then 'over' when p_event.from_at <= p_now then 'now'
      else 'planned' end,
    'leave_out', exists (select from autonomy.evidence_exclusions x
                         where x.event_id = p_event.id and x.lifted_at is null));
end $$;
comment on function autonomy.event_json(autonomy.planned_events, timestamptz) is
  'A planned event as pages and programs have it: the row, with title, of_account, time_zone, its span in that zone, '
  'its state (planned, now, over), and whether its days are left out of the evidence. Only reads; raises nothing. '
  '[autonomous-operations]';

create function public.list_planned_events(
  p_account text default null, p_campaign_id uuid default null, p_limit integer default 200,
  p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
begin
  return (
    with asked as materialized (
      select e, e.until_at <= p_now as is_over, e.from_at, e.id
      from autonomy.planned_events e left join public.campaigns c on c.id = e.campaign_id
      where (p_campaign_id is null or e.campaign_id = p_campaign_id
             or e.account = (select k.account from public.campaigns k where k.id = p_campaign_id))
        and (p_account is null or coalesce(e.account, c.account) = p_account)
    ), placed as (
      -- the next first; of those that are over, the latest
      select a.*, row_number() over (order by a.is_over, case when not a.is_over then a.from_at end,
                                     a.from_at desc, a.id) as place
      from asked a
    )
    select jsonb_build_object(
      'events', coalesce(jsonb_agg(autonomy.event_json(p.e, p_now) order by p.place)
                         filter (where p.place <= v_limit), '[]'),
      'left_off', greatest(count(*) - v_limit, 0))
    from placed p);
end $$;
comment on function public.list_planned_events(text, uuid, integer, timestamptz) is
  'Planned events, the next first, those that are over last: {"events": [as event_json has them], "left_off": how many '
  'more there are}; of one account with its campaigns, or of one campaign with its account''s. Reads only; raises '
  'nothing. [autonomous-operations]';

create function autonomy.event_moment(p_name text, p_event jsonb, p_zone text, p_before timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
-- A day is meant whole: it begins where it begins in the zone of the account, and until ends with it.
declare
  v_text text := p_event ->> p_name;
  v_day constant text := '^\d{4}-\d{2}-\d{2}$';
  v_clock constant text := '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,6})?)?';
  v_moment timestamptz;
begin
  if not p_event ? p_name then
    return p_before;
  end if;
  begin
    v_moment := case
      when v_text ~ v_day then (v_text::date + case p_name when 'until' then 1 else 0 end)::timestamp
        at time zone p_zone
      when v_text ~ (v_clock || '$') then v_text::timestamp at time zone p_zone
      when v_text ~ (v_clock || '(Z|[+-]\d{2}(:?\d{2})?)$') then v_text::timestamptz end;
  exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
    v_moment := null;  -- 2026-02-30
  end;
  if v_moment is null then
    raise exception using errcode = 'AO010',
      message = format('%s: a day looks like 2026-11-27, a time in the account''s zone like 2026-11-27T18:00.', p_name);
  elsif v_moment < timestamptz '2000-01-01 00:00+00' or v_moment > timestamptz '2101-01-02 00:00+00' then
    raise exception using errcode = 'AO010', message = format('%s must lie between 2000 and 2100.', p_name);
  end if;
  return v_moment;
end $$;
comment on function autonomy.event_moment(text, jsonb, text, timestamptz) is
  'When an event begins or ends (p_name: from or until), of what was sent: a day of the zone, a time in it, or a time '
  'with a zone of its own; p_before where nothing was sent. Only reads. Raises AO010. [autonomous-operations]';

create function autonomy.event_flag(p_name text, p_event jsonb, p_before boolean) returns boolean
language plpgsql immutable set search_path = ''
as $$
begin
  if not p_event ? p_name then
    return p_before;
  elsif jsonb_typeof(p_event -> p_name) <> 'boolean' then
    raise exception using errcode = 'AO010', message = format('%s: it must be true or false.', p_name);
  end if;
  return (p_event -> p_name)::boolean;
end $$;
comment on function autonomy.event_flag(text, jsonb, boolean) is
  'A switch of an event, of what was sent; p_before where nothing was. Pure. Raises AO010. [autonomous-operations]';

create function autonomy.sent_event(p_event jsonb, p_before autonomy.planned_events) returns autonomy.planned_events
language plpgsql stable set search_path = ''
as $$
declare
  v_event autonomy.planned_events := p_before;
  v_zone text;
begin
  if p_before.id is null then
    v_event.account := p_event ->> 'account';
    v_event.campaign_id := case when p_event ->> 'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
      then (p_event ->> 'campaign_id')::uuid end;
    if num_nonnulls(p_event ->> 'account', p_event ->> 'campaign_id') <> 1 then
      raise exception using errcode = 'AO010', message = 'Give an account or a campaign_id, one of them.';
    elsif v_event.account is null
      and not exists (select from public.campaigns c where c.id = v_event.campaign_id) then
      raise exception using errcode = 'AO003', message = 'There is no such campaign.';
    elsif v_event.campaign_id is null
      and not exists (select from public.autonomy_accounts a where a.account = v_event.account) then
      raise exception using errcode = 'AO003', message = 'There is no such account.',
        hint = 'The accounts are those that campaigns name in their column account.';
    end if;
  elsif p_event ?| array['account', 'campaign_id'] then
    raise exception using errcode = 'AO010', message = 'An event stays with its account or campaign.',
      hint = 'Delete it and enter it anew.';
  end if;
  v_zone := autonomy.event_zone(v_event);
  v_event.from_at := autonomy.event_moment('from', p_event, v_zone, p_before.from_at);
  v_event.until_at := autonomy.event_moment('until', p_event, v_zone, p_before.until_at);
  v_event.no_raises := autonomy.event_flag('no_raises', p_event, coalesce(p_before.no_raises, false));
  v_event.no_cuts := autonomy.event_flag('no_cuts', p_event, coalesce(p_before.no_cuts, false));
  v_event.no_pauses := autonomy.event_flag('no_pauses', p_event, coalesce(p_before.no_pauses, false));
  v_event.why := case when p_event ? 'why' then btrim(regexp_replace(p_event ->> 'why', '\s+', ' ', 'g'))
                      else p_before.why end;
  if v_event.from_at is null or v_event.until_at is null then
    raise exception using errcode = 'AO010', message = 'from and until are both needed; a day is meant whole.';
  elsif v_event.until_at <= v_event.from_at then
    raise exception using errcode = 'AO010', message = 'until must lie after from.',
      hint = 'The same day twice is that whole day.';
  elsif v_event.until_at - v_event.from_at > interval '367 days' then
    raise exception using errcode = 'AO010', message = 'until: an event lasts a year at most.',
      hint = 'What holds for good is a limit of the account, or automation switched off.';
  elsif not (v_event.no_raises or v_event.no_cuts or v_event.no_pauses) then
    raise exception using errcode = 'AO010',
      message = 'Say what must not be done: no_raises, no_cuts, no_pauses, at least one of them.',
      hint = 'To leave days out of the evidence and stop nothing, exclude them.';
  elsif coalesce(v_event.why, '') = '' or length(v_event.why) > 500 then
    raise exception using errcode = 'AO010', message = 'why: say what it is, in 1 to 500 characters.';
  end if;
  return v_event;
end $$;
comment on function autonomy.sent_event(jsonb, autonomy.planned_events) is
  'An event as it is to become: of what was sent, else as it was. Only reads. Raises AO003 (no such account or '
  'campaign), AO010 (what is wrong, in a sentence). [autonomous-operations]';

create function public.save_planned_event(p_event jsonb, p_id uuid default null, p_actor text default null)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_event autonomy.planned_events;
  v_known text[] := array['account', 'campaign_id', 'from', 'until', 'no_raises', 'no_cuts', 'no_pauses', 'why',
                          'leave_out'];
  v_wrong text;
  v_leave_out boolean;
begin
  if jsonb_typeof(p_event) is distinct from 'object' then
    raise exception using errcode = 'AO010', message = 'p_event must be a JSON object.';
  end if;
  select k into v_wrong from jsonb_object_keys(p_event) k where k <> all (v_known) order by 1 limit 1;
  if v_wrong is not null then
    raise exception using errcode = 'AO010', message = format('%s: unknown field.', v_wrong),
      hint = format('Fields: %s.', array_to_string(v_known, ', '));
  end if;
  -- What is being applied at this moment ends first: after the answer nothing is done against the event.
  perform autonomy.lock_effects();
  if p_id is not null then
    select * into v_event from autonomy.planned_events e where e.id = p_id for update;
    if not found then
      raise exception using errcode = 'AO003', message = 'There is no such event.';
    end if;
  end if;
  v_leave_out := autonomy.event_flag('leave_out', p_event, null);
  v_event := autonomy.sent_event(p_event, v_event);
  if p_id is null then
    v_event.id := gen_random_uuid();
    v_event.made_by := coalesce(p_actor, autonomy.actor());
    v_event.made_at := now();
    v_event.changed_by := '';
    insert into autonomy.planned_events select v_event.*;
  else
    update autonomy.planned_events e set
      from_at = v_event.from_at, until_at = v_event.until_at, no_raises = v_event.no_raises,
      no_cuts = v_event.no_cuts, no_pauses = v_event.no_pauses, why = v_event.why,
      changed_by = coalesce(p_actor, autonomy.actor()), changed_at = now()
    where e.id = p_id returning * into v_event;
  end if;
  if v_leave_out then
    insert into autonomy.evidence_exclusions (account, campaign_id, from_day, until_day, why, made_by, event_id)
    select v_event.account, v_event.campaign_id, (v_event.from_at at time zone z.zone)::date,
      ((v_event.until_at - interval '1 microsecond') at time zone z.zone)::date, v_event.why,
      coalesce(p_actor, autonomy.actor()), v_event.id
    from (select autonomy.event_zone(v_event) as zone) z
    on conflict (event_id) do update set lifted_at = null, lifted_by = ''
    where evidence_exclusions.lifted_at is not null;
  elsif not v_leave_out then
    delete from autonomy.evidence_exclusions x where x.event_id = v_event.id;
  end if;
  return autonomy.event_json(v_event, now());
end $$;
comment on function public.save_planned_event(jsonb, uuid, text) is
  'Enters an event, or changes the keys given of the one with p_id: account or campaign_id (which stay), from and '
  'until (a day of the account''s zone, meant whole; a time in that zone; or a time with a zone), no_raises, no_cuts, '
  'no_pauses, why, leave_out (its days leave the evidence); answers it. Not safe to call again without p_id: that '
  'enters a second one. Raises AO003 (no such account, campaign or event), AO010 (what is wrong), AO002, AO015. '
  '[autonomous-operations]';

create function public.delete_planned_event(p_id uuid) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_event autonomy.planned_events;
  v_was jsonb;
begin
  select * into v_event from autonomy.planned_events e where e.id = p_id for update;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such event.';
  end if;
  v_was := autonomy.event_json(v_event, now());
  delete from autonomy.planned_events e where e.id = p_id;
  return v_was;
end $$;
comment on function public.delete_planned_event(uuid) is
  'Deletes an event, with what it left out of the evidence; answers it as it was. A second call raises. Raises AO003 '
  '(no such event). [autonomous-operations]';

-- Planned events whose days are left out of the evidence: these are the days on which the event is.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.event_zone(p_event autonomy.planned_events) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return autonomy.account_zone(coalesce(
    p_event.account, (select c.account from public.campaigns c where c.id = p_event.campaign_id)));
end $$;
comment on function autonomy.event_zone(autonomy.planned_events) is
  'The zone of the account that an event is planned for. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.fit_event_days(p_event_id uuid default null) returns void
language plpgsql set search_path = ''
as $$
begin
  update autonomy.evidence_exclusions x
  set account = f.account, campaign_id = f.campaign_id, from_day = f.from_day, until_day = f.until_day, why = f.why
  from (
    select e.id, e.account, e.campaign_id, e.why, (e.from_at at time zone z.zone)::date as from_day,
      -- midnight belongs to the day before
      ((e.until_at - interval '1 microsecond') at time zone z.zone)::date as until_day
    from autonomy.planned_events e cross join lateral (select autonomy.event_zone(e) as zone) z
    where p_event_id is null or e.id = p_event_id) f
  where x.event_id = f.id
    and (x.account, x.campaign_id, x.from_day, x.until_day, x.why)
      is distinct from (f.account, f.campaign_id, f.from_day, f.until_day, f.why);
end $$;
comment on function autonomy.fit_event_days(uuid) is
  'Makes the days that an event (null: that any) leaves out of the evidence those on which it is, in the zone of its '
  'account. Safe to call again; raises nothing. [autonomous-operations]';

create function autonomy.event_changed() returns trigger
language plpgsql set search_path = ''
as $$
begin
  perform autonomy.fit_event_days(new.id);
  return null;
end $$;
comment on function autonomy.event_changed() is
  'Trigger of planned_events: moved, it leaves out other days. [autonomous-operations]';

create trigger event_changed after update on autonomy.planned_events
  for each row execute function autonomy.event_changed();

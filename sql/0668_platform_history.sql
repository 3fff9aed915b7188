-- A platform's own list of changes: names for what was followed, and who wrote after us where no answer came.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.past_change as (
  unit autonomy.platform_units, field text, new text, at timestamptz, actor text, ours boolean);
comment on type autonomy.past_change is
  'A change in a platform''s own history, with the unit that it was of. [autonomous-operations]';

create function autonomy.read_history(p_account text, p_changes jsonb, p_digits integer, p_now timestamptz)
returns autonomy.past_change[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select row(x, c.one ->> 'field', n.new, n.at, coalesce(nullif(left(btrim(c.one ->> 'actor'), 120), ''), ''),
               coalesce(c.one ->> 'ours', 'false') = 'true')::autonomy.past_change
    from jsonb_array_elements(p_changes) with ordinality c (one, n)
    join autonomy.platform_units x on x.account = p_account and x.external_id = c.one ->> 'external_id'
    cross join lateral (select
      case when c.one ->> 'field' = 'status' and c.one ->> 'new' in ('archived', 'deleted') then 'paused'
           else autonomy.outcome_value(c.one ->> 'field', c.one ->> 'new', p_digits) end as new,
      autonomy.metric_bucket(c.one ->> 'at', 'UTC') as at) n
    where c.one ->> 'field' in ('status', 'budget') and (n.new is not null or c.one ->> 'new' is null)
      and n.at <= p_now + interval '5 minutes'
    order by n.at desc, c.n);
end $$;
comment on function autonomy.read_history(text, jsonb, integer, timestamptz) is
  'Of a platform''s history what is a change of a status or a budget of a known unit, the newest first; what it became '
  'may not be told. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.name_followed(p_changes autonomy.past_change[], p_platform text, p_digits integer)
returns bigint language plpgsql set search_path = ''
as $$
-- Whoever was the last before the reading that saw it: one who did the same earlier and took it back did not.
declare
  v_named bigint;
begin
  with told as materialized (
    select (h.unit).campaign_id as campaign_id, h.field, h.new, h.at, h.actor, h.ours from unnest(p_changes) h
  ), last as (
    select distinct on (k.id, t.field) k.id, t.at, t.actor, t.ours,
      t.new is null or t.new = case t.field
        when 'status' then autonomy.field_text('status', k.new_status, null, 0)
        else autonomy.field_text('budget', null, k.new_budget, p_digits) end as fits
    from public.campaign_changes k
    join told t on t.campaign_id = k.campaign_id
      and t.at between k.changed_at - interval '36 hours' and k.changed_at + interval '5 minutes'
      and case t.field when 'status' then k.old_status is distinct from k.new_status
                       else k.old_budget is distinct from k.new_budget end
    where k.kind = 'platform' and k.actor = p_platform and k.old_status is not null
    order by k.id, t.field, t.at desc
  ), author as (
    select distinct on (l.id) l.id, l.actor from last l
    where l.fits and not l.ours and l.actor <> '' order by l.id, l.at desc
  )
  update public.campaign_changes k
  set actor = w.actor, person = k.person and not exists (
    select from public.autonomy_policy p where w.actor = any (p.automation_actors))
  from author w where k.id = w.id;
  get diagnostics v_named = row_count;
  return v_named;
end $$;
comment on function autonomy.name_followed(autonomy.past_change[], text, integer) is
  'Gives changes that were followed their authors. A part of record_platform_history. Safe to call again. '
  '[autonomous-operations]';

create function autonomy.follow_seen(
  p_change autonomy.past_change, p_platform text, p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
-- A difference that waited to be seen again has an author, so it is known.
declare
  x autonomy.platform_units;
  v_change autonomy.unit_change;
begin
  select * into x from autonomy.platform_units y where y.campaign_id = (p_change.unit).campaign_id;
  if (x.seen -> p_change.field ->> 'value' = p_change.new) is not true
     or p_change.at > autonomy.metric_bucket(x.seen -> p_change.field ->> 'at', 'UTC') + interval '5 minutes' then
    return false;
  end if;
  if not p_change.ours and not exists (
    select from autonomy.deliveries d
    where d.campaign_id = x.campaign_id and d.field = p_change.field and d.is_current
      and d.state in ('waiting', 'unsure')) then
    v_change.campaign_id := x.campaign_id;
    v_change.active := p_change.new = 'active';
    v_change.gone := false;
    v_change.takes_status := p_change.field = 'status';
    v_change.takes_budget := p_change.field = 'budget';
    v_change.row_budget := case p_change.field when 'budget' then p_change.new::numeric end;
    v_change.takes_title := false;
    v_change.by_somebody := true;
    perform autonomy.follow_units(coalesce(nullif(p_change.actor, ''), p_platform), array[v_change], p_now);
    perform autonomy.note_base(x.campaign_id, p_change.field, p_change.new, autonomy.metric_bucket(
      x.seen -> p_change.field ->> 'at', 'UTC'));
    return true;
  end if;
  return false;
end $$;
comment on function autonomy.follow_seen(autonomy.past_change, text, timestamptz) is
  'Follows a difference that was seen once, by its author. A part of record_platform_history. Raises what triggers of '
  'campaigns raise. [autonomous-operations]';

create function public.record_platform_history(
  p_account text, p_token uuid, p_changes jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_pull autonomy.platform_accounts;
  v_digits integer := autonomy.money_digits(p_account);
  v_platform text;
  v_changes autonomy.past_change[];
  c autonomy.past_change;
  v_named bigint;
  v_followed bigint := 0;
  v_ids uuid[];
begin
  perform autonomy.list_error(p_changes, 'p_changes', 10000);
  perform autonomy.simulated_moment(p_now);
  v_pull := autonomy.hold_pull(p_account, p_token);
  v_platform := autonomy.platform_title(v_pull.platform);
  v_changes := autonomy.read_history(p_account, p_changes, v_digits, p_now);
  v_ids := array(select distinct (h.unit).campaign_id from unnest(v_changes) h);
  perform from (select k.id from public.campaigns k where k.id = any (v_ids) order by k.id for no key update) locked;
  v_named := autonomy.name_followed(v_changes, v_platform, v_digits);
  foreach c in array v_changes loop
    v_followed := v_followed + autonomy.follow_seen(c, v_platform, p_now)::integer;
  end loop;
  if v_pull.push <> 'off' then
    perform autonomy.note_wanted(v_ids);
  end if;
  return jsonb_build_object('named', v_named, 'followed', v_followed, 'unsure', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'campaign_id', d.campaign_id, 'external_id', x.external_id, 'field', d.field, 'wanted', d.wanted,
      'arrived_at', (select max(h.at) from unnest(v_changes) h
                     where (h.unit).campaign_id = d.campaign_id and h.field = d.field and h.ours and h.new = d.sent
                       and h.at >= d.sent_at - interval '1 minute'),
      'other', (select jsonb_build_object('actor', h.actor, 'at', h.at, 'new', h.new) from unnest(v_changes) h
                where (h.unit).campaign_id = d.campaign_id and h.field = d.field and not h.ours
                  and h.at >= d.sent_at - interval '1 minute' order by h.at desc limit 1))
      order by d.campaign_id, d.field), '[]')
    from autonomy.platform_units x
    join autonomy.deliveries d on d.campaign_id = x.campaign_id and d.is_current and d.state = 'unsure'
    where x.account = p_account));
end $$;
comment on function public.record_platform_history(text, uuid, jsonb, timestamptz) is
  'Takes in a platform''s own history, [{"external_id", "field", "old", "new", "at", "actor", "ours"}]: changes that '
  'were followed get their author, differences that were seen once are followed. Answers {"named", "followed", '
  '"unsure": [of each delivery without an answer "arrived_at", when ours is in the history, and "other", who wrote '
  'after it]}. Safe to call again. Raises AO007 (lease lost), AO010 (no list), AO014 (p_now is not the clock''s). '
  '[autonomous-operations]';

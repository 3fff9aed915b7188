-- What a platform says of an account's units, page by page: campaigns found again or made, and what somebody changed
-- there since it was last known is followed.
--
-- A reading is compared with what was last known of the platform (autonomy.file_states), never with our row: what was
-- changed here and still stands there as before is not carried over yet, and stays. Met for the first time, the row is
-- as it stands there; that is nobody's change.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.unit as (
  campaign_id uuid, external_id text, kind text, title text, active boolean, status_text text,
  budget numeric, budget_kind text, budget_ref text, created_at timestamptz, learning boolean, hold text,
  details jsonb, gone boolean,
  row_budget numeric);       -- what campaigns.budget is to be: a day's, of its own; else null
comment on type autonomy.unit is 'A unit of a platform as a page tells it, with its campaign. [autonomous-operations]';

create function autonomy.unit_error(p_unit jsonb) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(p_unit) <> 'object' then 'A unit must be a JSON object.'
    when (p_unit ->> 'external_id' ~ '^[A-Za-z0-9_.:/-]{1,100}$') is not true then 'It has no id.'
    when (p_unit ->> 'kind' in ('campaign', 'adset')) is not true then 'kind must be campaign or adset.'
    when (p_unit ->> 'status' in ('active', 'paused', 'archived', 'deleted')) is not true
      then 'status must be active, paused, archived or deleted.'
    when (p_unit ->> 'budget_kind' in ('daily', 'lifetime', 'shared', 'children', 'none')) is not true
      then 'budget_kind must be daily, lifetime, shared, children or none.'
    when p_unit ->> 'hold' is not null and p_unit ->> 'hold' not in (
      'TEST_RUNNING', 'LEARNING', 'LIFETIME_BUDGET', 'SHARED_BUDGET', 'SCHEDULED_BUDGET', 'BUDGET_ON_CHILDREN')
      then format('Its hold is none that is known here: %s.', left(p_unit ->> 'hold', 40))
    when p_unit ->> 'budget' is not null
      and (autonomy.written_number(p_unit ->> 'budget') between 0 and 999999999999.99) is not true
      or p_unit ->> 'budget_kind' = 'daily' and p_unit ->> 'budget' is null
      then format('Its budget is no amount: %s.', left(coalesce(p_unit ->> 'budget', 'missing'), 40)) end;
end $$;
comment on function autonomy.unit_error(jsonb) is
  'What is wrong with a unit of a platform, null where nothing is. Only computes; raises nothing. '
  '[autonomous-operations]';

create function autonomy.placed_units(p_account text, p_units jsonb) returns autonomy.unit[]
language plpgsql stable set search_path = ''
as $$
-- A campaign is found again by its unit, else by the id that a file named; a new one has the id that an import of a
-- file would give it, so that both go on being one.
declare
  v_digits integer := autonomy.currency_digits((
    select a.currency from public.autonomy_accounts a where a.account = p_account));
begin
  return array(
    with told as (
      select distinct on (u.one ->> 'external_id') u.one, u.one ->> 'external_id' as external_id,
        md5('autonomous-operations/import/' || p_account || '/' || (u.one ->> 'external_id'))::uuid as own_id,
        autonomy.kept_amount(round(autonomy.written_number(u.one ->> 'budget'), 6), v_digits) as budget
      from jsonb_array_elements(p_units) with ordinality u (one, n)
      where autonomy.unit_error(u.one) is null
      order by u.one ->> 'external_id', u.n desc
    )
    select row(
      coalesce(
        (select x.campaign_id from autonomy.platform_units x
         where x.account = p_account and x.external_id = t.external_id),
        (select f.campaign_id from autonomy.file_states f join public.campaigns c on c.id = f.campaign_id
         where f.platform_id = t.external_id and c.account = p_account
           and not exists (select from autonomy.platform_units y where y.campaign_id = f.campaign_id)
         order by f.read_at desc, f.campaign_id limit 1),
        case when not exists (
            select from public.campaigns c where c.id = t.own_id and (c.account is distinct from p_account or exists (
              select from autonomy.platform_units y where y.campaign_id = c.id))) then t.own_id
          else md5('autonomous-operations/import/' || p_account || '/' || t.external_id || '/again')::uuid end),
      t.external_id, t.one ->> 'kind', left(coalesce(nullif(t.one ->> 'title', ''), t.external_id), 500),
      t.one ->> 'status' = 'active', left(coalesce(t.one ->> 'status_text', ''), 100),
      t.budget, t.one ->> 'budget_kind', left(t.one ->> 'budget_ref', 200),
      autonomy.metric_bucket(t.one ->> 'created_at', 'UTC'), coalesce(t.one ->> 'learning', 'false') = 'true',
      t.one ->> 'hold',
      case when jsonb_typeof(t.one -> 'details') = 'object' then t.one -> 'details' else '{}' end,
      t.one ->> 'status' in ('archived', 'deleted'),
      case when t.one ->> 'budget_kind' = 'daily' then t.budget end)::autonomy.unit
    from told t);
end $$;
comment on function autonomy.placed_units(text, jsonb) is
  'A page of units, each with its campaign: the one that it is here already, that a file named by the same id, or a '
  'new one. Of two with one id the last counts; what is no unit is left out. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.make_units(p_account text, p_units autonomy.unit[], p_began timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_made integer;
begin
  insert into public.campaigns (id, title, account, status, budget, created_at)
  select u.campaign_id, u.title, p_account, case when u.active then w.active else w.paused end, u.row_budget,
    least(coalesce(u.created_at, p_began), p_began)
  from unnest(p_units) u
  cross join (
    select (select p.paused_text from public.autonomy_policy p) as paused,
      coalesce((select c.status from public.campaigns c where lower(c.status) = 'active'
                group by c.status order by count(*) desc, c.status limit 1), 'active') as active) w
  where not u.gone and not exists (select from public.campaigns c where c.id = u.campaign_id)
  order by u.campaign_id;
  get diagnostics v_made = row_count;
  return v_made;
end $$;
comment on function autonomy.make_units(text, autonomy.unit[], timestamptz) is
  'Makes the campaigns of units that are not here yet; what is gone on the platform is not made. A part of '
  'record_platform_units. Raises what constraints of the table raise. [autonomous-operations]';

create type autonomy.unit_change as (
  campaign_id uuid, active boolean, row_budget numeric, title text, gone boolean,
  takes_status boolean, takes_budget boolean, takes_title boolean, by_somebody boolean, waiting boolean,
  doubts_status boolean,     -- seen for the first time, on something that we carried over a short while ago: that
  doubts_budget boolean,     -- may be an old copy, and counts when it is seen again
  status_was text, budget_was numeric,  -- what is known of the platform
  sentence text);
comment on type autonomy.unit_change is
  'What a reading found of a campaign beside what was last known of its platform. [autonomous-operations]';

create type autonomy.field_change as (moved boolean, differs boolean, doubted boolean, is_ours boolean);
comment on type autonomy.field_change is
  'What a reading found of a status or a budget: it moved there; it differs from our row; it is not believed yet; a '
  'change from here goes over it all the same. [autonomous-operations]';

create function autonomy.compared_field(
  p_push text, p_field text, p_there text, p_base text, p_here text, p_unit autonomy.platform_units,
  p_began timestamptz) returns autonomy.field_change
language plpgsql stable set search_path = ''
as $$
declare
  r autonomy.field_change := row(p_there is distinct from p_base, p_there is distinct from p_here, false, false);
  v_had autonomy.deliveries;
  v_seen jsonb := p_unit.seen -> p_field;
  v_seen_at timestamptz := autonomy.metric_bucket(v_seen ->> 'at', 'UTC');
begin
  if p_push is distinct from 'on' or not r.moved or not r.differs then
    return r;
  end if;
  select * into v_had from autonomy.deliveries d
  where d.campaign_id = p_unit.campaign_id and d.field = p_field and d.is_current;
  if not found then
    return r;
  elsif v_had.state in ('waiting', 'unsure') and v_had.sent is not distinct from p_there then
    r.is_ours := true;  -- what we wrote before and never had an answer for
  elsif (v_had.state in ('waiting', 'unsure') or v_had.settled_at > p_began - interval '24 hours') then
    if (v_seen ->> 'value' is not distinct from p_there and v_seen_at < p_began) is not true then
      r.doubted := true;
    -- of two people the later has the last word
    elsif v_had.state in ('waiting', 'unsure') and v_had.wanted_by = 'person' and v_had.wanted_at > v_seen_at then
      r.is_ours := true;
    end if;
  end if;
  return r;
end $$;
comment on function autonomy.compared_field(text, text, text, text, text, autonomy.platform_units, timestamptz) is
  'One field of a unit as it stands there, as it was last known there, and as it is here. Only reads; raises nothing. '
  '[autonomous-operations]';

create function autonomy.compared_units(
  p_account text, p_push text, p_units autonomy.unit[], p_began timestamptz)
returns autonomy.unit_change[]
language plpgsql stable set search_path = ''
as $$
declare
  v_currency text := (select a.currency from public.autonomy_accounts a where a.account = p_account);
  v_digits integer := autonomy.money_digits(p_account);
begin
  return array(
    select row(
      d.id, (d.u).active, (d.u).row_budget, (d.u).title, (d.u).gone,
      d.takes_status, d.takes_budget, d.title_moved,
      d.is_unit and ((d.s).moved and d.had_status or (d.b).moved),
      (d.s).differs and not d.takes_status or (d.b).differs and not d.takes_budget,
      (d.s).doubted and not (d.u).gone, (d.b).doubted and not (d.u).gone, d.status_was, d.budget_was,
      format('%s: %s', left(coalesce(d.title, d.id::text), 80), concat_ws(', ',
        case when d.takes_status then
          case when (d.u).active then 'paused to active' else 'active to paused' end end,
        case when d.takes_budget then format('budget %s to %s',
          coalesce(autonomy.amount_words(d.had_budget, v_currency), 'none'),
          coalesce(autonomy.amount_words((d.u).row_budget, v_currency), 'none')) end)))::autonomy.unit_change
    from (
      select c.id, c.title, c.budget as had_budget, u, x.campaign_id is not null as is_unit,
        f.status is not null as had_status, f.status as status_was, f.budget as budget_was, k.s, k.b,
        -- of what is gone there nothing is carried over any more
        (k.s).differs and (u.gone or (k.s).moved and not (k.s).doubted and not (k.s).is_ours) as takes_status,
        (k.b).differs and ((k.b).moved and not (k.b).doubted and not (k.b).is_ours) as takes_budget,
        u.title is distinct from f.title and (f.title is null or c.title is not distinct from f.title)
          and u.title is distinct from c.title as title_moved
      from unnest(p_units) u
      join public.campaigns c on c.id = u.campaign_id
      left join autonomy.platform_units x on x.campaign_id = u.campaign_id
      left join autonomy.file_states f on f.campaign_id = u.campaign_id
      cross join lateral (select
        autonomy.compared_field(p_push, 'status', case when u.active then 'active' else 'paused' end, f.status,
          autonomy.field_text('status', c.status, null, 0), x, p_began) as s,
        case when p_push = 'on' then autonomy.compared_field(p_push, 'budget',
            autonomy.field_text('budget', null, u.row_budget, v_digits),
            autonomy.field_text('budget', null, f.budget, v_digits),
            autonomy.field_text('budget', null, c.budget, v_digits), x, p_began)
          else row(u.row_budget is distinct from f.budget, u.row_budget is distinct from c.budget, false,
                   false)::autonomy.field_change end as b offset 0) k
      where (f.read_at > p_began) is not true) d
    order by d.id);
end $$;
comment on function autonomy.compared_units(text, text, autonomy.unit[], timestamptz) is
  'A page of units beside what was last known of the platform: what is to be followed, whether it is somebody''s '
  'change, and what still waits to be carried over. Not of campaigns of which something later is known. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.give_way(
  p_platform text, p_currency text, p_changes autonomy.unit_change[], p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- Before their rows are followed: what gives way is no action that somebody put back.
declare
  v_one record;
  v_message text;
begin
  for v_one in
    select i, d from unnest(p_changes) i
    join autonomy.deliveries d on d.campaign_id = i.campaign_id and d.is_current and d.state in ('waiting', 'unsure')
    where i.gone or case d.field when 'status' then i.takes_status else i.takes_budget end
    order by i.campaign_id, d.field
  loop
    v_message := case when (v_one.i).gone then format('It is archived or deleted on %s.', p_platform)
      else autonomy.overruled_words(p_platform, null, v_one.d, case (v_one.d).field
        when 'status' then case when (v_one.i).active then 'active' else 'paused' end
        else (v_one.i).row_budget::text end, p_currency) end;
    perform autonomy.settle_delivery(v_one.d, case when (v_one.i).gone then 'gone' else 'overruled' end,
      case when (v_one.i).gone then 'GONE' else 'CHANGED_MEANWHILE' end, '', v_message,
      jsonb_build_object('platform', jsonb_build_object('active', (v_one.i).active, 'budget', (v_one.i).row_budget)),
      p_now);
  end loop;
end $$;
comment on function autonomy.give_way(text, text, autonomy.unit_change[], timestamptz) is
  'Ends what was to be carried over and gives way to what somebody did there. A part of record_platform_units. '
  '[autonomous-operations]';

create function autonomy.follow_units(p_actor text, p_changes autonomy.unit_change[], p_now timestamptz)
returns void language plpgsql set search_path = ''
as $$
declare
  v_words record;
begin
  select (select p.paused_text from public.autonomy_policy p) as paused,
    coalesce((select c.status from public.campaigns c where lower(c.status) = 'active'
              group by c.status order by count(*) desc, c.status limit 1), 'active') as active into v_words;
  perform set_config('autonomy.now', p_now::text, true);
  perform set_config('autonomy.platform', p_actor, true);
  -- around each change of campaigns the usual path: triggers of the user's may name their tables without a schema
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  perform from public.campaigns c
  where c.id = any (array(select i.campaign_id from pg_catalog.unnest(p_changes) i
                          where i.takes_status or i.takes_budget or i.takes_title or i.gone))
  order by c.id for no key update;
  for v_somebody in 0 .. 1 loop
    perform set_config('autonomy.platform_news', v_somebody::text, true);
    update public.campaigns c set
      status = case when not i.takes_status then c.status when i.active then v_words.active else v_words.paused end,
      budget = case when i.takes_budget then i.row_budget else c.budget end,
      title = case when i.takes_title then i.title else c.title end,
      autonomous_enabled = c.autonomous_enabled and not i.gone
    from pg_catalog.unnest(p_changes) i
    where c.id = i.campaign_id and i.by_somebody = (v_somebody = 1)
      and (i.takes_status or i.takes_budget or i.takes_title or i.gone and c.autonomous_enabled);
  end loop;
  perform set_config('search_path', '', true);
  perform set_config('autonomy.platform', '', true);
  perform set_config('autonomy.platform_news', '', true);
  perform set_config('autonomy.now', '', true);
end $$;
comment on function autonomy.follow_units(text, autonomy.unit_change[], timestamptz) is
  'Takes into campaigns what a platform says of them and was not known of it before; the log of changes has it as '
  'kind platform, a person''s where it is somebody''s. A part of record_platform_units. Raises what constraints and '
  'triggers of the table raise. [autonomous-operations]';

create function autonomy.note_units(
  p_account text, p_units autonomy.unit[], p_changes autonomy.unit_change[], p_began timestamptz, p_now timestamptz)
returns void language plpgsql set search_path = ''
as $$
begin
  insert into autonomy.platform_units as x
    (campaign_id, account, external_id, kind, status_text, budget_kind, budget, budget_ref, learning, hold, details,
     created_at, observed_at, gone_at)
  select u.campaign_id, p_account, u.external_id, u.kind, u.status_text, u.budget_kind, u.budget, u.budget_ref,
    u.learning, u.hold, u.details, u.created_at, p_began, case when u.gone then p_now end
  from unnest(p_units) u join public.campaigns c on c.id = u.campaign_id
  order by u.campaign_id
  on conflict (campaign_id) do update set
    kind = excluded.kind, status_text = excluded.status_text, budget_kind = excluded.budget_kind,
    budget = excluded.budget, budget_ref = excluded.budget_ref, learning = excluded.learning, hold = excluded.hold,
    details = excluded.details, created_at = coalesce(excluded.created_at, x.created_at),
    observed_at = greatest(excluded.observed_at, x.observed_at),
    gone_at = case when excluded.gone_at is not null then coalesce(x.gone_at, excluded.gone_at) end;
  update autonomy.platform_units x set seen = s.seen
  from (
    select i.campaign_id, jsonb_strip_nulls(jsonb_build_object(
      'status', case when i.doubts_status then jsonb_build_object(
        'value', case when i.active then 'active' else 'paused' end, 'at', p_began) end,
      'budget', case when i.doubts_budget then jsonb_build_object('value',
        autonomy.field_text('budget', null, i.row_budget, autonomy.money_digits(p_account)), 'at', p_began) end))
        as seen
    from unnest(p_changes) i) s
  where x.campaign_id = s.campaign_id and x.seen <> s.seen;

  insert into autonomy.file_states as f (campaign_id, platform_id, title, status, budget, until, read_at)
  select u.campaign_id, u.external_id, u.title,
    case when i.doubts_status then i.status_was when u.active then 'active' else 'paused' end,
    case when i.doubts_budget then i.budget_was else u.row_budget end, p_began, p_began
  from unnest(p_units) u join public.campaigns c on c.id = u.campaign_id
  left join unnest(p_changes) i on i.campaign_id = u.campaign_id
  order by u.campaign_id
  on conflict (campaign_id) do update set
    platform_id = excluded.platform_id, title = excluded.title, status = excluded.status, budget = excluded.budget,
    until = excluded.until, read_at = excluded.read_at
  where f.read_at <= excluded.read_at;
end $$;
comment on function autonomy.note_units(text, autonomy.unit[], autonomy.unit_change[], timestamptz, timestamptz) is
  'Writes down what a platform says of its units, and their state as what is now known of it. A part of '
  'record_platform_units. Safe to call again. [autonomous-operations]';

create function public.record_platform_units(
  p_account text, p_token uuid, p_units jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_pull autonomy.platform_accounts;
  v_units autonomy.unit[];
  v_changes autonomy.unit_change[];
  v_made integer;
begin
  perform autonomy.list_error(p_units, 'p_units', 5000);
  perform autonomy.simulated_moment(p_now);
  v_pull := autonomy.hold_pull(p_account, p_token);
  v_units := autonomy.placed_units(p_account, p_units);
  v_made := autonomy.make_units(p_account, v_units, v_pull.began_at);
  perform from public.campaigns c
  where v_pull.push = 'on' and c.id = any (array(select u.campaign_id from unnest(v_units) u))
  order by c.id for no key update;  -- else a run may want something new meanwhile
  v_changes := autonomy.compared_units(p_account, v_pull.push, v_units, v_pull.began_at);
  perform autonomy.give_way(autonomy.platform_title(v_pull.platform), v_pull.facts ->> 'currency', v_changes, p_now);
  perform autonomy.follow_units(autonomy.platform_title(v_pull.platform), v_changes, p_now);
  perform autonomy.note_units(p_account, v_units, v_changes, v_pull.began_at, p_now);
  if v_pull.push <> 'off' then
    perform autonomy.note_wanted(array(select i.campaign_id from unnest(v_changes) i), v_pull.began_at);
  end if;
  return (
    select jsonb_build_object(
      'units', cardinality(v_units), 'made', v_made,
      'followed', coalesce(jsonb_agg(i.sentence order by i.sentence)
        filter (where i.by_somebody and (i.takes_status or i.takes_budget)), '[]'),
      'not_carried_over', count(*) filter (where i.waiting),
      'doubted', count(*) filter (where i.doubts_status or i.doubts_budget),
      'rejected', (select coalesce(jsonb_agg(jsonb_build_object('index', n - 1, 'error', e) order by n), '[]')
                   from jsonb_array_elements(p_units) with ordinality u (one, n)
                   cross join lateral (select autonomy.unit_error(u.one) as e) w where w.e is not null))
    from unnest(v_changes) i);
end $$;
comment on function public.record_platform_units(text, uuid, jsonb, timestamptz) is
  'Takes in a page of an account''s units as its platform tells them: campaigns are found again or made; what changed '
  'there since it was last known is followed, and a person''s; what was changed here alone stays and is counted as '
  'not_carried_over; what may be an old copy is doubted until it is seen again. Of a unit that is archived or deleted '
  'the campaign is paused and left to people. Safe to call again. Raises AO007 (lease lost), AO010 (no list), AO014 '
  '(p_now is not the clock''s). [autonomous-operations]';

create function public.missing_platform_units(p_account text, p_token uuid, p_limit integer default 100) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_pull autonomy.platform_accounts := autonomy.hold_pull(p_account, p_token);
begin
  return (
    select coalesce(jsonb_agg(m.external_id), '[]')
    from (select x.external_id from autonomy.platform_units x
          where x.account = p_account and x.observed_at < v_pull.began_at and x.gone_at is null
          order by x.observed_at, x.external_id limit least(greatest(p_limit, 1), 1000)) m);
end $$;
comment on function public.missing_platform_units(text, uuid, integer) is
  'The units of an account that this reading has not seen: archived or deleted, perhaps, which only the platform can '
  'say of each. Safe to call again. Raises AO007 (lease lost). [autonomous-operations]';

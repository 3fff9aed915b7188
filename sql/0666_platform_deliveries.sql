-- What came of carrying over: each outcome by itself, and what never got there.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.outcome as (
  unit autonomy.platform_units, field text, wanted text, outcome text,
  observed text,             -- read back; null = not read
  observed_at timestamptz, code text, message text, request_id text, seconds numeric, actor text, actor_at timestamptz,
  tries bigint, refused_for_now boolean,
  platform text, currency text, base text,
  error text);               -- why it cannot be taken; null where it can
comment on type autonomy.outcome is 'What a caller says came of carrying something over. [autonomous-operations]';

create function autonomy.outcome_value(p_field text, p_value text, p_digits integer) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_field
    when 'status' then case when p_value in ('active', 'paused') then p_value end
    when 'budget' then autonomy.field_text('budget', null, autonomy.written_number(p_value), p_digits) end;
end $$;
comment on function autonomy.outcome_value(text, text, integer) is
  'A status or a budget that a caller names, as deliveries write it; null for all else. Pure. [autonomous-operations]';

create function autonomy.read_outcome(p_pull autonomy.platform_accounts, p_item jsonb, p_now timestamptz)
returns autonomy.outcome
language plpgsql stable set search_path = ''
as $$
declare
  o autonomy.outcome;
  v_digits integer := autonomy.money_digits(p_pull.account);
begin
  if (p_item ->> 'campaign_id' ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$') is true then
    select x into o.unit from autonomy.platform_units x
    where x.campaign_id = (p_item ->> 'campaign_id')::uuid and x.account = p_pull.account;
  end if;
  o.field := p_item ->> 'field';
  o.outcome := p_item ->> 'outcome';
  o.wanted := autonomy.outcome_value(o.field, p_item ->> 'wanted', v_digits);
  o.observed := autonomy.outcome_value(o.field, p_item ->> 'observed', v_digits);
  -- whoever holds the lease has read after it was taken; a clock that differs is not believed beyond that
  o.observed_at := greatest(least(coalesce(autonomy.metric_bucket(p_item ->> 'observed_at', 'UTC'), p_now), p_now),
                            least(p_pull.began_at, p_now));
  o.code := autonomy.without_secrets(p_item ->> 'code');
  o.message := autonomy.without_secrets(p_item ->> 'message');
  o.request_id := left(coalesce(p_item ->> 'request_id', ''), 100);
  o.seconds := least(greatest(coalesce(autonomy.written_number(p_item ->> 'seconds'), 300), 1), 86400);
  o.actor := nullif(left(btrim(p_item ->> 'actor'), 120), '');
  o.actor_at := autonomy.metric_bucket(p_item ->> 'actor_at', 'UTC');
  o.tries := trunc(autonomy.written_number(p_item ->> 'tries'));
  o.refused_for_now := jsonb_typeof(p_item -> 'calls') = 'array' and exists (
    select from jsonb_array_elements(p_item -> 'calls') c (one)
    where c.one ->> 'outcome' = 'later' and c.one -> 'what' ? 'to');
  o.platform := autonomy.platform_title(p_pull.platform);
  o.currency := (select a.currency from public.autonomy_accounts a where a.account = p_pull.account);
  o.base := (select case o.field when 'status' then f.status
                                 else autonomy.field_text('budget', null, f.budget, v_digits) end
             from autonomy.file_states f where f.campaign_id = (o.unit).campaign_id);
  o.error := case
    when (o.unit).campaign_id is null then 'It names no campaign that is a unit of this account.'
    when (o.outcome in ('confirmed', 'sent', 'unsure', 'later', 'refused', 'not_taken', 'person', 'gone', 'validated',
                        'would_refuse')) is not true
      then format('Its outcome is none that is known here: %s.', coalesce(left(o.outcome, 40), 'nothing'))
    when o.outcome = 'gone' then null
    when (o.field in ('status', 'budget')) is not true then 'field must be status or budget.'
    when o.wanted is null then format('wanted is no %s: %s.', o.field, coalesce(left(p_item ->> 'wanted', 40), 'null'))
    when p_item ->> 'observed' is not null and o.observed is null
      then format('observed is no %s: %s.', o.field, left(p_item ->> 'observed', 40))
    when o.outcome in ('confirmed', 'not_taken', 'person') and o.observed is null
      then format('%s without having read it back.', o.outcome)
    when o.outcome = 'confirmed' and o.observed <> o.wanted
      then format('confirmed, but what was read back is %s, not %s.', o.observed, o.wanted) end;
  return o;
end $$;
comment on function autonomy.read_outcome(autonomy.platform_accounts, jsonb, timestamptz) is
  'An outcome as a caller of record_deliveries tells it, checked. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.record_gone(o autonomy.outcome, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
declare
  v_change autonomy.unit_change;
begin
  if (o.unit).gone_at is not null then
    return 'again';
  end if;
  v_change.campaign_id := (o.unit).campaign_id;
  v_change.active := false;
  v_change.gone := true;
  v_change.takes_status := (select lower(c.status) = 'active' from public.campaigns c
                            where c.id = v_change.campaign_id) is true;
  v_change.takes_budget := exists (
    select from autonomy.deliveries d where d.campaign_id = v_change.campaign_id and d.field = 'budget'
      and d.is_current and d.state in ('waiting', 'unsure'));
  v_change.row_budget := (select f.budget from autonomy.file_states f where f.campaign_id = v_change.campaign_id);
  v_change.takes_title := false;
  v_change.by_somebody := true;
  perform autonomy.give_way(o.platform, o.currency, array[v_change], p_now);
  perform autonomy.follow_units(o.platform, array[v_change], p_now);
  update autonomy.platform_units x set gone_at = p_now, out_of_step = false where x.campaign_id = v_change.campaign_id;
  perform autonomy.note_base(v_change.campaign_id, 'status', 'paused', o.observed_at);
  return 'gone';
end $$;
comment on function autonomy.record_gone(autonomy.outcome, timestamptz) is
  'A unit that was found archived or deleted: paused here and left to people, what was wanted of it fails. A part of '
  'record_deliveries. [autonomous-operations]';

create function autonomy.record_person(o autonomy.outcome, d autonomy.deliveries, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
-- Somebody changed it there first: theirs stands. Without a name it counts when it is seen again; of two people the
-- later has the last word.
declare
  v_seen jsonb := (o.unit).seen -> o.field;
  v_seen_at timestamptz := autonomy.metric_bucket(v_seen ->> 'at', 'UTC');
  v_at timestamptz;
  v_message text;
  v_change autonomy.unit_change;
begin
  -- who did the same, or put something back, has a name
  if o.actor is null and o.observed in (o.base, d.sent) then
    perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
    return 'stale';
  elsif o.actor is null and (v_seen ->> 'value' = o.observed and v_seen_at < o.observed_at) is not true then
    update autonomy.platform_units x
    set seen = x.seen || jsonb_build_object(o.field, jsonb_build_object('value', o.observed, 'at', o.observed_at))
    where x.campaign_id = d.campaign_id and x.seen -> o.field ->> 'value' is distinct from o.observed;
    return 'seen_once';
  end if;
  v_at := coalesce(o.actor_at, v_seen_at, o.observed_at);
  v_message := autonomy.overruled_words(o.platform, o.actor, d, o.observed, o.currency);
  if d.wanted_by = 'person' and d.wanted_at > v_at then
    perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
    update autonomy.deliveries x set state = 'waiting', was = o.observed, sent = null, sent_at = null,
      first_unsure_at = null, message = format('%s set it to %s on %s before that.',
        coalesce(o.actor, 'Somebody'), autonomy.field_words(o.observed, o.currency), o.platform)
    where x.id = d.id;
    return 'kept';
  end if;
  v_change.campaign_id := d.campaign_id;
  v_change.active := o.observed = 'active';
  v_change.gone := false;
  v_change.takes_status := o.field = 'status';
  v_change.takes_budget := o.field = 'budget';
  v_change.row_budget := case o.field when 'budget' then o.observed::numeric end;
  v_change.takes_title := false;
  v_change.by_somebody := true;
  perform autonomy.settle_delivery(d, 'overruled', 'CHANGED_MEANWHILE', o.code, v_message, jsonb_build_object(
    'platform', o.observed, 'was', d.was, 'wanted', d.wanted, 'by', o.actor, 'at', v_at), p_now);
  perform autonomy.follow_units(coalesce(o.actor, o.platform), array[v_change], p_now);
  perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
  return 'person';
end $$;
comment on function autonomy.record_person(autonomy.outcome, autonomy.deliveries, timestamptz) is
  'Somebody changed on the platform what was to be changed from here. A part of record_deliveries. '
  '[autonomous-operations]';

create function autonomy.record_open(o autonomy.outcome, d autonomy.deliveries, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
-- Where it is not known whether something was written, it is unsure.
begin
  case o.outcome
    when 'sent' then
      update autonomy.deliveries x set state = 'unsure', sent = o.wanted, sent_at = p_now,
        first_unsure_at = coalesce(x.first_unsure_at, p_now), request_id = o.request_id, code = '', message = '',
        tries = case when o.tries is not null then greatest(x.tries, least(o.tries, 1000000) + 1)
                     when x.state = 'waiting' then x.tries + 1 else x.tries end
      where x.id = d.id;
    when 'unsure' then
      update autonomy.deliveries x set state = 'unsure', first_unsure_at = coalesce(x.first_unsure_at, p_now),
        sent = coalesce(x.sent, o.wanted), sent_at = coalesce(x.sent_at, p_now),
        code = o.code, message = o.message, request_id = coalesce(nullif(o.request_id, ''), x.request_id)
      where x.id = d.id;
    when 'later' then
      update autonomy.deliveries x set not_before = p_now + make_interval(secs => o.seconds::float8), code = o.code,
        message = o.message, request_id = coalesce(nullif(o.request_id, ''), x.request_id),
        state = case when o.refused_for_now and x.tries <= 1 then 'waiting' else x.state end,
        sent = case when o.refused_for_now and x.tries <= 1 then null else x.sent end,
        first_unsure_at = case when o.refused_for_now and x.tries <= 1 then null else x.first_unsure_at end
      where x.id = d.id;
    when 'validated', 'would_refuse' then
      update autonomy.deliveries x set not_before = p_now + interval '1 hour', code = o.code,
        message = case o.outcome when 'validated' then format('%s would take it.', o.platform)
                                 else format('%s would refuse it: %s', o.platform, o.message) end
      where x.id = d.id;
    when 'not_taken' then
      if o.observed = o.wanted or o.observed_at <= d.missed_at then
        return 'again';
      elsif d.misses >= 2 then
        perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
        perform autonomy.undo_delivery(d, 'not_taken', 'NOT_TAKEN', o.code,
          format('%s said yes three times, and still has %s.', o.platform,
                 autonomy.field_words(o.observed, o.currency)), o.observed, o.platform, p_now);
        return 'failed';
      end if;
      update autonomy.deliveries x set state = 'waiting', misses = x.misses + 1, missed_at = o.observed_at,
        not_before = null, code = o.code, message = format('It was read back as %s.',
                                                          autonomy.field_words(o.observed, o.currency))
      where x.id = d.id;
  end case;
  return o.outcome;
end $$;
comment on function autonomy.record_open(autonomy.outcome, autonomy.deliveries, timestamptz) is
  'Outcomes after which a delivery goes on waiting, as a rule. A part of record_deliveries. [autonomous-operations]';

create function autonomy.record_delivery(o autonomy.outcome, p_push text, p_now timestamptz) returns text
language plpgsql set search_path = ''
as $$
declare
  d autonomy.deliveries;
begin
  if o.outcome = 'gone' then
    return autonomy.record_gone(o, p_now);
  end if;
  select * into d from autonomy.deliveries x
  where x.campaign_id = (o.unit).campaign_id and x.field = o.field and x.is_current for update;
  if d.id is null or d.state not in ('waiting', 'unsure') or d.wanted <> o.wanted then
    -- what was read is so whatever is wanted by now; what was written may stand there
    -- where nothing is carried over any more, the next reading finds the difference and follows it
    if o.outcome = 'confirmed' and p_push = 'on' and o.observed_at > (
         select f.read_at from autonomy.file_states f where f.campaign_id = (o.unit).campaign_id) then
      perform autonomy.note_base((o.unit).campaign_id, o.field, o.observed, o.observed_at);
    elsif o.outcome in ('sent', 'unsure') and d.state in ('waiting', 'unsure') then
      update autonomy.deliveries x set sent = o.wanted, sent_at = p_now where x.id = d.id;
    end if;
    return case when d.wanted = o.wanted then 'again' else 'stale' end;
  elsif o.outcome = 'sent' and (p_push <> 'on' or not autonomy.goes_out(
          d, (autonomy.account_policy((o.unit).account)).frozen, autonomy.only_watched((o.unit).account))) then
    return 'stale';  -- switched off, frozen or only observed since it was asked for
  elsif o.outcome = 'confirmed' or o.outcome = 'person' and o.observed = o.wanted then
    perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
    perform autonomy.settle_delivery(d, 'confirmed', null, '', '', null, p_now);
    return 'confirmed';
  elsif o.outcome = 'person' then
    return autonomy.record_person(o, d, p_now);
  elsif o.outcome = 'refused' and p_push = 'on' then
    if o.observed is not null then
      perform autonomy.note_base(d.campaign_id, o.field, o.observed, o.observed_at);
    end if;
    perform autonomy.undo_delivery(d, 'refused', 'PLATFORM_REFUSED', o.code,
      case when o.message ~ '^[A-Z][a-z]+ refused: ' then o.message
           else format('%s refused it: %s', o.platform, coalesce(nullif(o.message, ''), 'it does not say why')) end
        || coalesce(' (' || nullif(o.code, '') || ')', ''), coalesce(o.observed, o.base), o.platform, p_now);
    return 'refused';
  elsif o.outcome = 'refused' then
    o.outcome := 'would_refuse';
  end if;
  return autonomy.record_open(o, d, p_now);
end $$;
comment on function autonomy.record_delivery(autonomy.outcome, text, timestamptz) is
  'Takes in one outcome; answers what became of it. A part of record_deliveries. Raises what triggers of campaigns '
  'raise. [autonomous-operations]';

create function autonomy.put_off_account(p_pull autonomy.platform_accounts, p_item jsonb, p_now timestamptz)
returns void language plpgsql set search_path = ''
as $$
declare
  v_until timestamptz := p_now + make_interval(secs => least(greatest(
    coalesce(autonomy.written_number(p_item ->> 'seconds'), 300), 1), 86400)::float8);
begin
  update autonomy.deliveries d set not_before = greatest(d.not_before, v_until),
    code = autonomy.without_secrets(p_item ->> 'code'), message = autonomy.without_secrets(p_item ->> 'message')
  from autonomy.platform_units x
  where x.account = p_pull.account and d.campaign_id = x.campaign_id and d.is_current
    and d.state in ('waiting', 'unsure');
end $$;
comment on function autonomy.put_off_account(autonomy.platform_accounts, jsonb, timestamptz) is
  'A limit of the platform on the account as a whole: all that waits in it waits until then. A part of '
  'record_deliveries. [autonomous-operations]';

create function autonomy.delivery_sentences(p_ids uuid[], p_results jsonb[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_agg(s.sentence order by s.sentence) from (
      select format('%s: %s', left(coalesce(c.title, c.id::text), 80), d.message) as sentence
      from unnest(p_results) r
      join public.campaigns c on c.id::text = r ->> 'campaign_id'
      join autonomy.deliveries d on d.campaign_id = c.id and d.field = r ->> 'field' and d.is_current
      where c.id = any (p_ids) and d.message <> ''
        and r ->> 'outcome' in ('refused', 'failed', 'person', 'gone', 'would_refuse')
      union
      select coalesce(c.title || ': ', '') || (r ->> 'sentence')
      from unnest(p_results) r left join public.campaigns c on c.id::text = r ->> 'campaign_id' and c.id = any (p_ids)
      where r ->> 'sentence' is not null limit 50) s);
end $$;
comment on function autonomy.delivery_sentences(uuid[], jsonb[]) is
  'What a person should know of what became of outcomes; at most 50. Only reads. [autonomous-operations]';

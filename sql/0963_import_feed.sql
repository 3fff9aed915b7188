-- The feed as a whole: what is read and written in one transaction, what is said of it, and the step of a run.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.feed_accounts_read() returns jsonb
language plpgsql set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'account', a.account, 'platform', a.platform, 'account_id', a.account_id,
      'currency', coalesce(a.currency, a.known_currency), 'time_zone', a.zone, 'refused', a.refused,
      'campaigns', u.campaigns, 'days', coalesce(b.days, 0), 'first', b.first, 'last', b.last,
      'impressions', coalesce(b.impressions, 0), 'clicks', coalesce(b.clicks, 0),
      'conversions', coalesce(b.conversions, 0), 'spend', coalesce(b.spend, 0), 'revenue', coalesce(b.revenue, 0))
      order by b.spend desc nulls last, a.account), '[]')
    from pg_temp.autonomy_feed_accounts a
    left join (
      select u.account, count(*) filter (where u.is_there) as campaigns from pg_temp.autonomy_feed_units u
      group by u.account) u on u.account = a.account
    left join (
      select b.account, count(distinct b.day) as days, min(b.day) as first, max(b.day) as last,
        sum(b.impressions) as impressions, sum(b.clicks) as clicks, trim_scale(sum(b.conversions)) as conversions,
        sum(b.spend) as spend, sum(b.revenue) as revenue
      from pg_temp.autonomy_feed_buckets b group by b.account) b on b.account = a.account);
end $$;
comment on function autonomy.feed_accounts_read() is
  'What was read of each account of the feed. A part of import_feed. [autonomous-operations]';

create function autonomy.feed_sentences(p_answer jsonb) returns text[]
language plpgsql set search_path = ''
as $$
declare
  v_named constant integer := 5;
begin
  return array(
    select s from (values
      (1, case when (p_answer ->> 'rows_read')::bigint = 0 and p_answer -> 'until' = 'null' then
        format('autonomy_feed.metrics has no row from %s on.', p_answer ->> 'since') end),
      (3, (select format('%s %s no daily_budget: no budget of theirs is moved.',
                         autonomy.counted_words(count(*), 'campaign'), case count(*) when 1 then 'has' else 'have' end)
           from pg_temp.autonomy_feed_units u where u.is_there and u.budget is null having count(*) > 0)),
      (4, (select format('%s %s no currency: amounts are compared with none but their own account''s.',
                         autonomy.counted_words(count(*), 'account'), case count(*) when 1 then 'has' else 'have' end)
           from pg_temp.autonomy_feed_accounts a
           where a.currency is null and a.known_currency is null having count(*) > 0))
    ) one (n, s) where s is not null
    union all
    select format('%s of autonomy_feed.%s: %s%s.', autonomy.counted_words(n.rows, 'row'), n.view_name, n.reason,
                  coalesce(format(' (%s)', n.example), ''))
    from pg_temp.autonomy_feed_notes n
    union all
    select format('%s: %s (%s%s).', w.what, autonomy.counted_words(jsonb_array_length(w.list), 'campaign'),
      (select string_agg(l, '; ' order by n) from jsonb_array_elements_text(w.list) with ordinality e (l, n)
       where n <= v_named), case when jsonb_array_length(w.list) > v_named then '; ...' else '' end)
    from (values ('Changed on the platform since it was last read', p_answer -> 'changed_on_platform'),
                 ('Not carried over to the platform yet', p_answer -> 'not_carried_over')) w (what, list)
    where jsonb_array_length(w.list) > 0);
end $$;
comment on function autonomy.feed_sentences(jsonb) is
  'What a person should know of a feed that was read. A part of import_feed. [autonomous-operations]';

create function autonomy.feed_answer(p_since date, p_first date, p_until date, p_dry_run boolean, p_left bigint)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_accounts jsonb := autonomy.feed_accounts_read();
  v_answer jsonb := jsonb_build_object(
    'dry_run', p_dry_run, 'since', p_first, 'until', nullif(p_until, 'infinity'),
    'still_to_read', case
      when p_left > 0 and not p_dry_run then
        jsonb_build_object('since', p_since, 'until', nullif(p_until, 'infinity'))
      when p_first > p_since then jsonb_build_object('since', p_since, 'until', p_first - 1) end,
    'minutes', (select f.minutes from autonomy.feed f),
    'campaigns_read', (select count(*) from pg_temp.autonomy_feed_given),
    'campaigns_new', (select count(*) from pg_temp.autonomy_feed_units u
                      join pg_temp.autonomy_feed_accounts a on a.account = u.account and a.refused is null
                        and not a.connected
                      where u.is_new and u.is_there),
    'campaigns_known', (select count(*) from pg_temp.autonomy_feed_units u where u.is_there and not u.is_new),
    'rows_read', (select count(*) from pg_temp.autonomy_feed_read),
    'rows_taken', (select count(*) from pg_temp.autonomy_feed_buckets),
    'days_changed', (select count(*) from pg_temp.autonomy_feed_changed), 'days_left', p_left,
    'accounts', v_accounts,
    'currencies', (
      select coalesce(jsonb_agg(jsonb_build_object('currency', t.currency, 'conversions', t.conversions,
                                                   'spend', t.spend, 'revenue', t.revenue) order by t.currency), '[]')
      from (select a ->> 'currency' as currency, sum((a ->> 'conversions')::numeric) as conversions,
              sum((a ->> 'spend')::numeric) as spend, sum((a ->> 'revenue')::numeric) as revenue
            from jsonb_array_elements(v_accounts) a where a ->> 'refused' is null group by 1) t),
    'left_out', (
      select coalesce(jsonb_agg(jsonb_build_object('view', n.view_name, 'reason', n.reason, 'rows', n.rows,
                                                   'example', n.example) order by n.rows desc, n.reason), '[]')
      from pg_temp.autonomy_feed_notes n),
    'refused', (select coalesce(jsonb_agg(a.refused order by a.account), '[]')
                from pg_temp.autonomy_feed_accounts a where a.refused is not null),
    'changed_on_platform', to_jsonb(autonomy.feed_state_words(true)),
    'not_carried_over', to_jsonb(autonomy.feed_state_words(false)));
begin
  return v_answer || jsonb_build_object('sentences', autonomy.feed_sentences(v_answer));
end $$;
comment on function autonomy.feed_answer(date, date, date, boolean, bigint) is
  'The answer of import_feed. A part of it. [autonomous-operations]';

create function autonomy.refuse_feed(p_flaws text[]) returns void
language plpgsql stable set search_path = ''
as $$
begin
  if p_flaws <> '{}' then
    raise exception using errcode = 'AO010', message = p_flaws[1],
      hint = concat_ws(' ', 'Nothing of the feed was read.', case when cardinality(p_flaws) > 1 then
        format('And: %s', array_to_string(p_flaws[2:6], ' ')) end);
  end if;
end $$;
comment on function autonomy.refuse_feed(text[]) is
  'Raises AO010 with the first of these sentences, where there is one. [autonomous-operations]';

create function autonomy.take_feed(
  p_since date, p_first date, p_until date, p_dry_run boolean, p_now timestamptz, p_replace boolean) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_day_limit constant bigint := 100000;  -- what fits well into a minute
  v_left bigint;
begin
  perform autonomy.note_odd_campaigns();
  perform autonomy.find_feed_campaigns();
  perform autonomy.find_feed_accounts();
  if not p_dry_run then
    perform autonomy.write_feed_accounts();
  end if;
  perform autonomy.judge_feed_rows(p_first, p_until, p_now);
  perform autonomy.one_grain_of_feed();
  perform autonomy.find_changed_days();
  if not p_replace then
    perform autonomy.refuse_other_past(p_first = p_until, p_now);
  end if;
  v_left := autonomy.put_off_days(v_day_limit);
  if not p_dry_run then
    perform autonomy.write_feed_campaigns(p_now);
    perform autonomy.settle_feed_grain(p_now);
    perform autonomy.write_feed_days();
  end if;
  perform autonomy.compare_feed_state(p_now);
  if not p_dry_run then
    perform autonomy.follow_feed_state(
      case when p_first > p_since then '' when p_until < 'infinity' then 'last' else 'all' end, p_now);
  end if;
  return autonomy.feed_answer(p_since, p_first, p_until, p_dry_run, v_left);
end $$;
comment on function autonomy.take_feed(date, date, date, boolean, timestamptz, boolean) is
  'Takes in what was read of the feed, or only says what it would. A part of import_feed. [autonomous-operations]';

create function autonomy.note_feed_read(p_answer jsonb, p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
-- What is wrong with the newest days stays said while older ones are read.
begin
  insert into autonomy.feed as f (id, tried_at, read_at, problems, answer, failing_since)
  values (true, p_now, p_now, array(select jsonb_array_elements_text(p_answer -> 'refused')), p_answer,
          case when p_answer -> 'refused' <> '[]' then p_now end)
  on conflict (id) do update set
    tried_at = excluded.tried_at, read_at = excluded.read_at,
    problems = case when p_answer -> 'until' = 'null' then excluded.problems else array(
      select u.said from unnest(f.problems || excluded.problems) with ordinality u (said, n)
      group by u.said order by min(u.n)) end,
    answer = case when p_answer -> 'until' = 'null' or f.answer is null then excluded.answer
      else f.answer || jsonb_build_object('refused', f.answer -> 'refused' || coalesce((
        select jsonb_agg(r) from jsonb_array_elements(p_answer -> 'refused') r
        where not f.answer -> 'refused' @> jsonb_build_array(r)), '[]')) end;
  update autonomy.feed f
  set failing_since = case when f.problems <> '{}' then coalesce(f.failing_since, p_now) end
  where f.failing_since is distinct from case when f.problems <> '{}' then coalesce(f.failing_since, p_now) end;
end $$;
comment on function autonomy.note_feed_read(jsonb, timestamptz) is
  'Writes down what was read of the feed, and what of it was not taken. A part of import_feed. [autonomous-operations]';

create function public.import_feed(
  p_since date default null, p_dry_run boolean default false, p_now timestamptz default now(),
  p_replace boolean default false, p_until date default null) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s' set work_mem = '64MB' set jit = off
as $$
declare
  v_since date;
  v_first date;
  v_until date := coalesce(p_until, 'infinity');
  v_flaws text[];
  v_answer jsonb;
  v_before text[] := array(select coalesce(current_setting(s, true), '')
                           from unnest('{autonomy.ingest,autonomy.now,autonomy.actor}'::text[]) s);
begin
  p_now := coalesce(p_now, now());
  p_dry_run := coalesce(p_dry_run, false);
  perform autonomy.simulated_moment(p_now);
  v_since := coalesce(p_since, (p_now at time zone 'UTC')::date - 30);
  if v_since not between '2000-01-01' and (p_now at time zone 'UTC')::date + 1 then
    raise exception using errcode = 'AO010', message = format('p_since is %s: no day of the past.', v_since);
  elsif v_until < v_since then
    raise exception using errcode = 'AO010', message = format('p_until is %s: before p_since, %s.', v_until, v_since);
  end if;
  perform autonomy.hold_schema();
  if not p_dry_run and not pg_try_advisory_xact_lock(hashtextextended('autonomy.feed', 0)) then
    raise exception using errcode = 'AO008', message = 'The feed is being read already; nothing was done.',
      hint = 'It is safe to call again in a minute.';
  end if;
  v_flaws := autonomy.feed_flaws();
  if v_flaws = '{}' then
    perform autonomy.make_feed_tables();
    v_first := autonomy.read_feed_slice(v_since, v_until);
    v_flaws := autonomy.feed_doubles();
  end if;
  if p_dry_run and v_flaws <> '{}' then
    return jsonb_build_object('dry_run', true, 'since', coalesce(v_first, v_since), 'refused', v_flaws,
                              'minutes', (select f.minutes from autonomy.feed f));
  end if;
  perform autonomy.refuse_feed(v_flaws);

  perform set_config('autonomy.now', p_now::text, true), set_config('autonomy.actor', 'feed', true);
  v_answer := autonomy.take_feed(v_since, v_first, v_until, p_dry_run, p_now, coalesce(p_replace, false));
  perform set_config('autonomy.ingest', v_before[1], true), set_config('autonomy.now', v_before[2], true),
    set_config('autonomy.actor', v_before[3], true);
  if not p_dry_run then
    perform autonomy.note_feed_read(v_answer, p_now);
  end if;
  return v_answer;
end $$;
comment on function public.import_feed(date, boolean, timestamptz, boolean, date) is
  'Reads the feed, the views autonomy_feed.campaigns and autonomy_feed.metrics, by upsert: the last 30 days, or from '
  'p_since on (to p_until, else to the newest). Of more than 30,000 rows it takes the newest days and says what is '
  'still_to_read, the p_since and p_until of the next call. p_dry_run: only says what it would read, and what is wrong '
  '(refused). p_replace: may contradict days that were over for long. Answers with counts, sums and sentences. Safe to '
  'call again: only days that changed are written. Raises AO010 (a view is missing, lacks a column or has a key '
  'twice), AO008 (it is being read), AO014 (p_now is not the clock''s), AO015 (the database is being upgraded). '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- As a step of a run
-- ---------------------------------------------------------------------------------------------
create function autonomy.read_due_feed(p_now timestamptz) returns jsonb
language plpgsql set search_path = ''
as $$
-- The newest days first, then for as long as there is time what an earlier call has left.
declare
  v_until constant timestamptz := clock_timestamp() + interval '20 seconds';
  v_left jsonb := (select f.still_to_read from autonomy.feed f);
  v_answer jsonb := public.import_feed(p_now => p_now);
  v_more jsonb;
begin
  v_left := case when v_answer ->> 'days_left' = '0' and (v_left ->> 'until')::date < (v_answer ->> 'since')::date
    then v_left else v_answer -> 'still_to_read' end;
  while jsonb_typeof(v_left) = 'object' and clock_timestamp() < v_until loop
    v_more := public.import_feed((v_left ->> 'since')::date, false, p_now, false, (v_left ->> 'until')::date);
    v_left := v_more -> 'still_to_read';
  end loop;
  update autonomy.feed f set still_to_read = nullif(v_left, 'null') where f.id;
  return v_answer || jsonb_build_object('still_to_read', v_left);
end $$;
comment on function autonomy.read_due_feed(timestamptz) is
  'Reads the newest days of the feed, then what is left of earlier ones, within some 20 seconds. A part of read_feed. '
  'Raises what import_feed raises. [autonomous-operations]';

create function public.read_feed(p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_feed autonomy.feed;
  v_answer jsonb;
  v_state text;
  v_said text;
begin
  perform autonomy.simulated_moment(p_now);
  select * into v_feed from autonomy.feed f where f.minutes is not null;
  -- a tenth early: a run that comes some seconds sooner than the last must not wait for the next
  if not found or v_feed.tried_at > p_now - v_feed.minutes::float8 * interval '54 seconds'
     and v_feed.tried_at <= p_now then
    return '{"due": false}';
  end if;
  begin
    v_answer := autonomy.read_due_feed(p_now);
    return jsonb_build_object('due', true, 'read', true) || (v_answer - 'accounts' - 'left_out');
  -- what takes too long is cut off, and said as any other failure is
  exception when query_canceled or others then
    get stacked diagnostics v_state = returned_sqlstate, v_said = message_text;
  end;
  if v_state in ('AO008', 'AO015') then
    return '{"due": false}';  -- somebody else is at it
  elsif v_state = '57014' then
    v_said := 'it took too long. Read it once by hand: python -m autonomy feed import.';
  end if;
  update autonomy.feed f
  set tried_at = p_now, problems = array[left(v_said, 1000)], failing_since = coalesce(f.failing_since, p_now)
  where f.id;
  return jsonb_build_object('due', true, 'read', false, 'error', v_said);
end $$;
comment on function public.read_feed(timestamptz) is
  'Reads the feed where that is switched on (set_feed) and due: what a run calls before it decides. Of a large one the '
  'newest days come first; the next call goes on with what is left. What fails is '
  'written down and told, and raises nothing but AO014 (p_now is not the clock''s). Safe to call again. '
  '[autonomous-operations]';

create function autonomy.dashboard_state_of_feed()
returns table (code text, level text, sentence text, details text[], figures jsonb)
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select 'FEED_FAILED', 'act',
    format(case when f.read_at is null then 'The feed could not be read yet: %s'
                when to_jsonb(f.problems) = f.answer -> 'refused' then 'A part of the feed is left out: %s'
                else 'The feed cannot be read: %s' end, f.problems[1]),
    f.problems[2:6], jsonb_build_object('read_at', f.read_at, 'failing_since', f.failing_since)
  from autonomy.feed f where f.problems <> '{}';
end $$;
comment on function autonomy.dashboard_state_of_feed() is
  'Why the feed, or a part of it, was not read the last time. Reads only; raises nothing. [autonomous-operations]';

-- The feed's two views: whether they are as they must be, and their rows, read into temporary tables.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.feed_columns()
returns table (view_name text, place integer, column_name text, kind text, is_needed boolean, expected text)
language plpgsql immutable set search_path = ''
as $$
begin
  return query
  values
    ('campaigns', 1, 'platform', 'text', true, 'a text such as google_ads'),
    ('campaigns', 2, 'account_id', 'id', true, 'the account''s id on the platform, a text'),
    ('campaigns', 3, 'external_id', 'id', true, 'the campaign''s id on the platform, a text'),
    ('campaigns', 4, 'title', 'text', true, 'its name, a text'),
    ('campaigns', 5, 'status', 'text', true, 'the platform''s word for its state, a text (null::text where unknown)'),
    ('campaigns', 6, 'daily_budget', 'number', true,
     'a number in whole units of the currency (null::numeric where it has none)'),
    ('campaigns', 7, 'currency', 'text', true, 'a text of ISO 4217 such as EUR (null::text where unknown)'),
    ('campaigns', 8, 'time_zone', 'text', true, 'a text such as Europe/Berlin (null::text where unknown)'),
    ('campaigns', 9, 'created_at', 'moment', true, 'a date or timestamp (null::timestamptz where unknown)'),
    ('metrics', 1, 'platform', 'text', true, 'a text, as in autonomy_feed.campaigns'),
    ('metrics', 2, 'account_id', 'id', false, 'the account''s id on the platform, a text'),
    ('metrics', 3, 'external_id', 'id', true, 'the campaign''s id on the platform, a text'),
    ('metrics', 4, 'day', 'date', false, 'a date, the account''s day'),
    ('metrics', 5, 'hour', 'hour', false, 'a timestamp: without time zone it is the account''s time'),
    ('metrics', 6, 'impressions', 'number', true, 'a number'),
    ('metrics', 7, 'reach', 'number', true, 'a number (null::numeric where unknown)'),
    ('metrics', 8, 'clicks', 'number', true, 'a number'),
    ('metrics', 9, 'conversions', 'number', true, 'a number'),
    ('metrics', 10, 'spend', 'number', true, 'a number in whole units of the currency'),
    ('metrics', 11, 'revenue', 'number', true, 'a number in whole units of the currency');
end $$;
comment on function autonomy.feed_columns() is
  'The columns of autonomy_feed.campaigns and autonomy_feed.metrics, and what each is. Only computes. '
  '[autonomous-operations]';

create function autonomy.feed_type(p_view text, p_column text) returns regtype
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(nullif(t.typbasetype, 0), t.oid)
    from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass('autonomy_feed.' || p_view) and a.attname = p_column and a.attnum > 0
      and not a.attisdropped);
end $$;
comment on function autonomy.feed_type(text, text) is
  'The type of a column of one of the feed''s views, of a domain the one below it; NULL where there is no such '
  'column. Reads only. [autonomous-operations]';

create function autonomy.feed_type_fits(p_kind text, p_type regtype) returns boolean
language plpgsql stable set search_path = ''
as $$
declare
  v_words boolean := (select t.typcategory = 'S' or t.typtype = 'e' from pg_catalog.pg_type t where t.oid = p_type);
  v_whole boolean := p_type in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype);
begin
  return case p_kind
    when 'text' then v_words
    when 'id' then v_words or v_whole
    when 'number' then v_whole or p_type in ('numeric'::regtype, 'real'::regtype, 'double precision'::regtype)
    when 'date' then p_type = 'date'::regtype
    when 'hour' then p_type in ('timestamp'::regtype, 'timestamptz'::regtype)
    else p_type in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) end;
end $$;
comment on function autonomy.feed_type_fits(text, regtype) is
  'Whether a column of that type can be read as one of that kind. Reads only. [autonomous-operations]';

create function autonomy.feed_column_flaws() returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select s.sentence
    from (
      select k.view_name, k.place, case
        when t.found is not null and not autonomy.feed_type_fits(k.kind, t.found) then
          format('autonomy_feed.%s.%s is of the type %s; it must be %s.', k.view_name, k.column_name, t.found,
                 k.expected)
        when t.found is null and k.is_needed then
          format('autonomy_feed.%s lacks the column %s: %s.', k.view_name, k.column_name, k.expected)
        when t.found is null and k.column_name = 'day' and autonomy.feed_type('metrics', 'hour') is null then
          'autonomy_feed.metrics has neither the column day (a date, the account''s day) nor hour (a timestamp).'
        end as sentence
      from autonomy.feed_columns() k
      cross join lateral (select autonomy.feed_type(k.view_name, k.column_name) as found) t
      union all
      select v.name, 100 + a.attnum,
        format('autonomy_feed.%s has a column %s, which means nothing here: leave it out or rename it. Columns are %s.',
               v.name, left(a.attname, 60),
               (select string_agg(k.column_name, ', ' order by k.place) from autonomy.feed_columns() k
                where k.view_name = v.name))
      from (values ('campaigns'), ('metrics')) v (name)
      join pg_catalog.pg_attribute a on a.attrelid = to_regclass('autonomy_feed.' || v.name) and a.attnum > 0
        and not a.attisdropped
      where a.attname <> all (array(select k.column_name from autonomy.feed_columns() k where k.view_name = v.name))
    ) s
    where s.sentence is not null order by s.view_name, s.place);
end $$;
comment on function autonomy.feed_column_flaws() is
  'What is wrong with the columns of the feed''s views, a sentence each. Reads only; raises nothing. '
  '[autonomous-operations]';

create function autonomy.feed_flaws() returns text[]
language plpgsql stable set search_path = ''
as $$
declare
  v_missing text;
begin
  if to_regnamespace('autonomy_feed') is null then
    return array['There is no schema autonomy_feed. Make it, with the views campaigns and metrics; '
                 '"python -m autonomy feed views" has ready ones.'];
  elsif not has_schema_privilege('autonomy_feed', 'usage') then
    return array[format('%s may not look into the schema autonomy_feed: grant usage on schema autonomy_feed to %1$I;',
                        current_user)];
  end if;
  select string_agg('autonomy_feed.' || v, ' and ') into v_missing
  from unnest('{campaigns,metrics}'::text[]) v where to_regclass('autonomy_feed.' || v) is null;
  if v_missing is not null then
    return array[format('There is no view %s; "python -m autonomy feed views" has ready ones.', v_missing)];
  end if;
  select string_agg('autonomy_feed.' || v, ', ') into v_missing
  from unnest('{campaigns,metrics}'::text[]) v where not has_table_privilege('autonomy_feed.' || v, 'select');
  if v_missing is not null then
    return array[format('%s may not read %s: grant select on %2$s to %1$I;', current_user, v_missing)];
  end if;
  return autonomy.feed_column_flaws();
end $$;
comment on function autonomy.feed_flaws() is
  'Why the feed cannot be read at all, a sentence each; empty where it can. Reads only; raises nothing. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Reading
-- ---------------------------------------------------------------------------------------------
create function autonomy.feed_expression(p_view text, p_column text, p_as text) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_type regtype := autonomy.feed_type(p_view, p_column);
begin
  return case
    when v_type is null
      or p_as = 'timestamptz' and v_type <> 'timestamptz'::regtype
      or p_as = 'timestamp' and v_type = 'timestamptz'::regtype then 'null::' || p_as
    when p_as = 'text' then format('nullif(btrim(v.%I::text), '''')', p_column)
    else format('v.%I::%s', p_column, p_as) end;
end $$;
comment on function autonomy.feed_expression(text, text, text) is
  'How a column of one of the feed''s views is read; a moment as timestamptz or, where it has no zone, as timestamp. '
  'Reads only. [autonomous-operations]';

create function autonomy.make_feed_tables() returns void
language plpgsql set search_path = '' set client_min_messages = 'error'
as $$
begin
  drop table if exists pg_temp.autonomy_feed_given, pg_temp.autonomy_feed_read, pg_temp.autonomy_feed_notes,
    pg_temp.autonomy_feed_units, pg_temp.autonomy_feed_accounts, pg_temp.autonomy_feed_buckets,
    pg_temp.autonomy_feed_changed, pg_temp.autonomy_feed_state;
  create temporary table autonomy_feed_given (
    platform text, account_id text, external_id text, title text, word text, daily_budget numeric, currency text,
    time_zone text, created timestamptz, created_local timestamp) on commit drop;
  create temporary table autonomy_feed_read (
    platform text, account_id text, external_id text, day date, at timestamptz, at_local timestamp,
    impressions numeric, reach numeric, clicks numeric, conversions numeric, spend numeric, revenue numeric
  ) on commit drop;
  create temporary table autonomy_feed_notes (view_name text, reason text, rows bigint, example text) on commit drop;
end $$;
comment on function autonomy.make_feed_tables() is
  'The temporary tables that the feed is read into, empty. A part of import_feed. [autonomous-operations]';

create function autonomy.feed_select(p_view text, p_columns text[]) returns text
language plpgsql stable set search_path = ''
as $$
-- Each of p_columns is "column type"; what stands there in lower or upper case alike is lowered or raised.
begin
  return (
    select string_agg(
      case split_part(c, ' ', 1) when 'platform' then format('lower(%s)', e) when 'currency' then format('upper(%s)', e)
                                 else e end, ', ' order by n)
    from unnest(p_columns) with ordinality u (c, n)
    cross join lateral autonomy.feed_expression(p_view, split_part(c, ' ', 1), split_part(c, ' ', 2)) e);
end $$;
comment on function autonomy.feed_select(text, text[]) is
  'The list of expressions that reads these columns of one of the feed''s views. Reads only. [autonomous-operations]';

create function autonomy.feed_slice_rows() returns bigint
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 30000;  -- some seconds, where all of them are new
end $$;
comment on function autonomy.feed_slice_rows() is
  'How many rows of the feed are read at once; a single day is read whole. Pure. [autonomous-operations]';

create function autonomy.feed_where(p_newest boolean) returns text
language plpgsql stable set search_path = ''
as $$
-- The rows of the days from $1 to $3; hours with a day more at both ends, since days of accounts begin there. A row
-- without a day and an hour is read once, with the newest, to be counted.
declare
  v_hour boolean := autonomy.feed_type('metrics', 'hour') is not null;
  v_day boolean := autonomy.feed_type('metrics', 'day') is not null;
begin
  return concat_ws(' or ',
    case when v_day then 'v.day between $1 and $3' end,
    case when v_hour then 'v.hour >= $1 - 1 and (v.hour < $3 + 2 or $3 = ''infinity'')' end,
    case when p_newest then concat_ws(' and ', case when v_day then 'v.day is null' end,
                                      case when v_hour then 'v.hour is null' end) end);
end $$;
comment on function autonomy.feed_where(boolean) is
  'Which rows of autonomy_feed.metrics are of the days from $1 to $3, as SQL. Reads only. [autonomous-operations]';

create function autonomy.read_feed_rows(p_since date, p_until date, p_limit bigint) returns void
language plpgsql set search_path = ''
as $$
declare
  v_view text := 'campaigns';
  v_said text;
begin
  delete from pg_temp.autonomy_feed_given where true;
  delete from pg_temp.autonomy_feed_read where true;
  -- What the user's views call may name things without a schema.
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  execute format('insert into pg_temp.autonomy_feed_given select %s from autonomy_feed.campaigns v limit $1',
    autonomy.feed_select('campaigns', '{platform text,account_id text,external_id text,title text,status text,
      daily_budget numeric,currency text,time_zone text,created_at timestamptz,created_at timestamp}'))
  using p_limit;
  v_view := 'metrics';
  execute format('insert into pg_temp.autonomy_feed_read select %s from autonomy_feed.metrics v where %s limit $2',
    autonomy.feed_select('metrics', '{platform text,account_id text,external_id text,day date,hour timestamptz,
      hour timestamp,impressions numeric,reach numeric,clicks numeric,conversions numeric,spend numeric,
      revenue numeric}'), autonomy.feed_where(p_until = 'infinity'))
  using p_since, p_limit, p_until;
  perform set_config('search_path', '', true);
  analyze pg_temp.autonomy_feed_given;
  analyze pg_temp.autonomy_feed_read;
exception when others then
  get stacked diagnostics v_said = message_text;
  raise exception using errcode = 'AO010',
    message = format('autonomy_feed.%s cannot be read: %s', v_view, left(v_said, 500)),
    hint = format('select * from autonomy_feed.%s; in the SQL editor shows the same.', v_view);
end $$;
comment on function autonomy.read_feed_rows(date, date, bigint) is
  'Reads the feed''s views into the temporary tables, metrics of these days (infinity: to the newest), p_limit rows '
  'of each at the most. A part of import_feed. Raises AO010 where a view fails. [autonomous-operations]';

create function autonomy.read_feed_slice(p_since date, p_until date) returns date
language plpgsql set search_path = ''
as $$
declare
  v_rows constant bigint := autonomy.feed_slice_rows();
  v_most constant bigint := 3000000;  -- of a single day, which is read whole, and of campaigns
  v_first date;
begin
  perform autonomy.read_feed_rows(p_since, p_until, v_rows + 1);
  if (select count(*) from pg_temp.autonomy_feed_given) <= v_rows
     and (select count(*) from pg_temp.autonomy_feed_read) <= v_rows then
    return p_since;
  end if;
  perform set_config('search_path', 'public, extensions, pg_temp', true);
  execute format(
    'select min(c.day) from (select d.day, row_number() over w as place, sum(d.rows) over w as so_far '
    'from (select coalesce(%s) as day, count(*) as rows from autonomy_feed.metrics v where %s group by 1) d '
    'where d.day is not null window w as (order by d.day desc)) c where c.place = 1 or c.so_far <= $2',
    concat_ws(', ', case when autonomy.feed_type('metrics', 'day') is not null then 'v.day' end,
                    case when autonomy.feed_type('metrics', 'hour') is not null then 'v.hour::date' end),
    autonomy.feed_where(false))
  into v_first using p_since, v_rows, p_until;
  perform set_config('search_path', '', true);
  v_first := least(greatest(coalesce(v_first, p_since), p_since), p_until);
  perform autonomy.read_feed_rows(v_first, p_until, v_most + 1);
  if (select count(*) > v_most from pg_temp.autonomy_feed_read) then
    raise exception using errcode = 'AO010',
      message = format('autonomy_feed.metrics has more than 3,000,000 rows from %s on: more than a day can have.',
                       v_first);
  end if;
  return v_first;
end $$;
comment on function autonomy.read_feed_slice(date, date) is
  'Reads as many of the newest of these days into the temporary tables as are read at once, and gives the first of '
  'them. A part of import_feed. Raises AO010 where a view fails or has more rows than a day can have. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What is there twice
-- ---------------------------------------------------------------------------------------------
create function autonomy.feed_doubles() returns text[]
language plpgsql set search_path = ''
as $$
-- A view that joins wrongly repeats rows, and money with them. Which of them is right nobody can tell.
begin
  return array(
    select format('autonomy_feed.campaigns has %s rows for %s%s: a campaign is one row. Of a table of its history take '
                  'the newest row alone.', max(d.rows), min(d.key) filter (where d.n = 1),
                  case when count(*) > 1 then format(', and more than one for %s', 
                    autonomy.counted_words(count(*) - 1, 'more campaign')) else '' end)
    from (select concat_ws(' ', g.platform, g.account_id, g.external_id) as key, count(*) as rows,
            row_number() over (order by count(*) desc, g.platform, g.account_id, g.external_id) as n
          from pg_temp.autonomy_feed_given g
          where g.platform is not null and g.account_id is not null and g.external_id is not null
          group by g.platform, g.account_id, g.external_id having count(*) > 1) d
    having count(*) > 0
    union all
    select format('autonomy_feed.campaigns has %s in %s accounts, and autonomy_feed.metrics does not say of which one '
                  'its rows are: give it the column account_id.', min(d.key) filter (where d.n = 1), max(d.accounts))
    from (select concat_ws(' ', g.platform, g.external_id) as key, count(distinct g.account_id) as accounts,
            row_number() over (order by g.platform, g.external_id) as n
          from pg_temp.autonomy_feed_given g
          where g.platform is not null and g.external_id is not null
            and exists (select from pg_temp.autonomy_feed_read r where r.account_id is null)
          group by g.platform, g.external_id having count(distinct g.account_id) > 1) d
    having count(*) > 0
    union all
    select format('autonomy_feed.metrics has %s rows for %s%s: each campaign and %s is one row. Sum over ads, devices '
                  'and networks in the view; a join that repeats rows doubles money.',
                  max(d.rows), min(d.key) filter (where d.n = 1),
                  case when count(*) > 1 then format(', and more than one for %s',
                    autonomy.counted_words(count(*) - 1, 'more key')) else '' end,
                  case when bool_or(d.is_day) then 'day' else 'hour' end)
    from (select concat_ws(' ', r.platform, r.account_id, r.external_id, 'on', r.day, r.at, r.at_local) as key,
            count(*) as rows, r.day is not null as is_day,
            row_number() over (order by count(*) desc, r.platform, r.external_id, r.day, r.at, r.at_local) as n
          from pg_temp.autonomy_feed_read r
          where r.platform is not null and r.external_id is not null
            and (r.day is not null or r.at is not null or r.at_local is not null)
          group by r.platform, r.account_id, r.external_id, r.day, r.at, r.at_local having count(*) > 1) d
    having count(*) > 0);
end $$;
comment on function autonomy.feed_doubles() is
  'What the feed''s views have more than once, a sentence each naming the key and the number of its rows. A part of '
  'import_feed. [autonomous-operations]';

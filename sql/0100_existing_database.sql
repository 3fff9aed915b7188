-- Before anything is changed: is this a database that we can live in? And the tools, gone again with
-- the transaction, for tables that were here before.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- What is for people and for PostgREST stands in public; the parts that it is made of stand here.
create schema if not exists autonomy;
comment on schema autonomy is
  'The inner parts of the campaign operations; nothing here is called from outside. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Before anything is changed: is this a database that we can live in?
-- ---------------------------------------------------------------------------------------------
do $$
declare
  v_found record;
  v_theirs text;
begin
  if current_setting('server_version_num')::int < 150000 then
    raise exception using errcode = 'AO010',
      message = 'PostgreSQL 15 or later is needed; this is ' || current_setting('server_version') || '.';
  end if;

  for v_found in
    select format('%I.%I', c.relname, a.attname) as col, format_type(a.atttypid, a.atttypmod) as type
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
      and (c.relname, a.attname) in (
        ('campaigns', 'id'), ('campaign_performance', 'campaign_id'), ('autonomous_actions', 'id'),
        ('autonomous_actions', 'campaign_id'), ('autonomous_rules', 'id'),
        ('optimization_opportunities', 'id'), ('optimization_opportunities', 'campaign_id'))
      and a.atttypid <> 'uuid'::regtype
  loop
    raise exception using errcode = 'AO010',
      message = format('The column %s is of type %s here; this system needs uuid.', v_found.col, v_found.type),
      hint = 'Nothing has been changed. Give that column the type uuid, then run the migrations again.';
  end loop;

  if to_regclass('public.campaigns') is not null then
    for v_found in execute 'select id from public.campaigns group by id having count(*) > 1 limit 1' loop
      raise exception using errcode = 'AO010',
        message = format('campaigns.id must be unique; %s is there more than once.', v_found.id),
        hint = 'Nothing has been changed. Remove the double rows, then run the migrations again.';
    end loop;
  end if;

  -- Tables that were here before keep their rights and their comments: 9900 asks for the marker.
  select coalesce(string_agg(c.relname, ','), '') into v_theirs
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%[autonomous-operations]';
  perform set_config('autonomy.theirs', v_theirs, true);
  perform set_config('autonomy.status_checks', coalesce((
    select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint k
    where k.conrelid = to_regclass('public.campaigns') and k.contype = 'c'), ''), true);
end $$;

-- ---------------------------------------------------------------------------------------------
-- Tools for the tables that were here before; they go with the session
-- ---------------------------------------------------------------------------------------------
-- Columns that are generated from another, which keep it from changing its type: how they go and come again. One in a
-- constraint is not among them, as the constraint would go along.
create or replace function pg_temp.generated_from(p_table text, p_column text)
returns table (attnum smallint, goes text, comes text[])
language sql
as $$
  select a.attnum, format('alter table public.%I drop column %I', p_table, a.attname), array[
    format('alter table public.%I add column %I %s generated always as (%s) %s', p_table, a.attname,
           format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid),
           case a.attgenerated when 's' then 'stored' else 'virtual' end),
    format('comment on column public.%I.%I is %L', p_table, a.attname, col_description(a.attrelid, a.attnum))]
    || array(select pg_get_indexdef(i.indexrelid) from pg_catalog.pg_index i
             where i.indrelid = a.attrelid and a.attnum = any (i.indkey))
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = format('public.%I', p_table)::regclass and a.attgenerated <> '' and a.attname <> p_column
    and exists (
      select from pg_catalog.pg_depend k
      join pg_catalog.pg_attribute f on f.attrelid = k.refobjid and f.attnum = k.refobjsubid
      where k.classid = 'pg_catalog.pg_attrdef'::regclass and k.objid = d.oid and f.attrelid = a.attrelid
        and f.attname = p_column)
    and not exists (select from pg_catalog.pg_constraint c
                    where c.conrelid = a.attrelid and a.attnum = any (c.conkey))
$$;

-- Runs commands on a table while the views that read it, and what is generated from the column, are out of the way.
create or replace function pg_temp.without_views(p_table text, p_column text, p_commands text[]) returns void
language plpgsql
as $$
declare
  v_relation oid := format('public.%I', p_table)::regclass;
  v_view record;
  v_command text;
  v_restore text[] := '{}';
  v_drop text[] := '{}';
  v_made record;
begin
  select coalesce(array_agg(g.attnum), '{}') as columns, coalesce(array_agg(g.goes), '{}') as go,
    coalesce(string_to_array(string_agg(array_to_string(g.comes, chr(1)), chr(1)), chr(1)), '{}') as come
  into v_made from pg_temp.generated_from(p_table, p_column) g;
  for v_view in
    select * from pg_temp.views_reading('pg_catalog.pg_class', array[v_relation], array(
      select 0::smallint union select unnest(v_made.columns) union
      select a.attnum from pg_catalog.pg_attribute a where a.attrelid = v_relation and a.attname = p_column))
  loop
    v_restore := v_restore || pg_temp.view_commands(v_view.oid);
    v_drop := format('drop %s %s', v_view.kind, v_view.oid::regclass) || v_drop;
  end loop;
  foreach v_command in array v_drop || v_made.go || p_commands || v_made.come || v_restore loop
    execute v_command;
  end loop;
end $$;

-- Gives a column another type, where it has not got it yet.
create or replace function pg_temp.retype(p_table text, p_column text, p_type text, p_using text) returns void
language plpgsql
as $$
declare
  v_is record;
  v_default text;
  v_commands text[] := '{}';
begin
  select format_type(a.atttypid, a.atttypmod) as type, a.attgenerated as generated,
         pg_get_expr(d.adbin, d.adrelid) as expression
  into v_is
  from pg_catalog.pg_attribute a
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = format('public.%I', p_table)::regclass and a.attname = p_column and not a.attisdropped;

  if v_is.generated = 'v' then
    -- nothing is stored; our trigger fills the plain column
    perform pg_temp.without_views(p_table, p_column, array[
      format('alter table public.%I drop column %I', p_table, p_column),
      format('alter table public.%I add column %I %s', p_table, p_column, p_type)]);
    perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.',
                               p_table, p_column));
    return;
  elsif v_is.generated = 's' then
    execute format('alter table public.%I alter column %I drop expression', p_table, p_column);
    perform pg_temp.say(format('%s.%s was a generated column; it is a plain one now, kept by a trigger.',
                               p_table, p_column));
  end if;
  if v_is.type is null or v_is.type = p_type then
    return;
  end if;

  -- A default is bound to the old type: it is put back as text of the new one.
  if v_is.expression is not null and v_is.generated = '' then
    v_commands := array[format('alter table public.%I alter column %I drop default', p_table, p_column)];
    v_default := format('alter table public.%I alter column %I set default %s', p_table, p_column,
      case when v_is.expression ~* '(now\(|timestamp)' then 'now()'
           else replace(p_using, '$', '(' || v_is.expression || ')') end);
  end if;
  v_commands := v_commands || format('alter table public.%I alter column %I type %s using %s',
                                     p_table, p_column, p_type,
                                     replace(p_using, '$', quote_ident(p_column)));
  perform pg_temp.without_views(p_table, p_column, array_remove(v_commands || v_default, null));
  perform pg_temp.say(format('%s.%s was %s; it is %s now.', p_table, p_column, v_is.type, p_type));
end $$;

-- Lets a text column hold our values besides those that it was allowed, or has, already.
create or replace function pg_temp.allow_values(p_table text, p_column text, p_values text[], p_folded boolean)
returns void
language plpgsql
as $$
declare
  v_check record;
  v_literals text[] := '{}';
  v_existing text[];
  v_checks text[] := '{}';
begin
  for v_check in
    select k.conname, pg_get_constraintdef(k.oid) as definition
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attname = p_column
    where k.contype = 'c' and k.conrelid = format('public.%I', p_table)::regclass and k.conkey = array[a.attnum]
  loop
    continue when v_check.definition !~ '=' or v_check.definition ~ '[<>~]' or v_check.definition !~ '''';
    v_checks := v_checks || v_check.conname::text;
    v_literals := v_literals || array(
      select replace(m[1], '''''', '''') from regexp_matches(v_check.definition, '''((?:[^'']|'''')*)''', 'g') m);
    if p_folded and v_check.definition !~ 'lower\(' then
      v_existing := '{}';
    end if;
  end loop;
  -- A column that is free stays free, unless the list is ours to give.
  if v_checks = '{}' and p_folded
     or cardinality(v_checks) = 1 and v_literals @> p_values and v_existing is null then
    return;
  end if;

  execute format('select array_agg(distinct %1$I::text) from public.%2$I where %1$I is not null', p_column, p_table)
  into v_existing;
  v_literals := array(
    select distinct case when p_folded then lower(v) else v end
    from unnest(p_values || v_literals || v_existing) v order by 1);
  for v_check in select unnest(v_checks) as conname loop
    execute format('alter table public.%I drop constraint %I', p_table, v_check.conname);
  end loop;
  execute format('alter table public.%I add check (%s in (%s))', p_table,
    format(case when p_folded then 'lower(%I)' else '%I' end, p_column),
    (select string_agg(quote_literal(v), ', ') from unnest(v_literals) v));
  perform pg_temp.say(format('The check on %s.%s now allows %s%s.', p_table, p_column,
                             array_to_string(v_literals, ', '),
                             case when p_folded then ', in any spelling' else '' end));
end $$;

create or replace function pg_temp.has_column(p_table text, p_column text) returns boolean
language sql
as $$
  select exists (select from pg_catalog.pg_attribute a
    where a.attrelid = to_regclass(format('public.%I', p_table)) and a.attname = p_column and not a.attisdropped);
$$;

create or replace function pg_temp.is_theirs(p_table text) returns boolean
language sql
as $$
  select p_table = any (string_to_array(current_setting('autonomy.theirs'), ','));
$$;

-- Whether the table has a unique index on exactly this column, made if the rows allow it.
create or replace function pg_temp.make_unique(p_table text, p_column text) returns boolean
language plpgsql
as $$
begin
  if exists (
    select from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attname = p_column
    where i.indrelid = format('public.%I', p_table)::regclass and i.indisunique and i.indpred is null
      and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)
  then
    return true;
  end if;
  execute format('alter table public.%I add unique (%I)', p_table, p_column);
  perform pg_temp.say(format('%s.%s is unique now.', p_table, p_column));
  return true;
exception when unique_violation then
  return false;
end $$;

-- Before the migrations, in their transaction: the check that nothing of the user's stands in their
-- way; then our functions and types go, to be made anew. after.sql takes the tools away.
--
-- What carries our mark in its COMMENT, [autonomous-operations], is ours. What does not is the user's
-- and is never dropped, replaced or altered; where it stands under a name that we need, nothing is
-- changed at all and a sentence says what to rename. One exception: the guide's six functions are
-- made by older scripts too, without a mark. They are replaced; their definitions go to
-- autonomy.replaced.
--
-- autonomy/migrate.py has filled the table autonomy_names from the files before this is run:
-- schema, kind, name, on_table, and of functions argument_names, argument_types, and how many of the
-- last of them are optional, and of tables columns, each as it is declared.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';
-- What the user's deferred constraints have to check they check at once: a table with checks
-- outstanding cannot be altered.
set constraints all immediate;

-- Views that are out of the way until after.sql, in the order in which they come back, and what the
-- functions that each reads gave and took.
create temporary table autonomy_views (
  place bigint generated always as identity,
  name text,
  commands text[],
  columns text
) on commit drop;
create temporary table autonomy_reads (view_name text, function_name text, given text, takes text) on commit drop;

create or replace function pg_temp.say(p_sentence text) returns void
language plpgsql set client_min_messages = 'notice'
as $$
begin
  raise notice '%', p_sentence;
end $$;

create or replace function pg_temp.is_ours(p_object oid, p_catalog text) returns boolean
language sql
as $$
  select coalesce(obj_description(p_object, p_catalog) like '%[autonomous-operations]', false);
$$;

-- The schemas that are there of those that we make things in.
create or replace function pg_temp.our_schemas() returns oid[]
language sql
as $$
  select array(select oid from pg_catalog.pg_namespace where nspname in ('public', 'autonomy'));
$$;

create or replace function pg_temp.guide_functions() returns text[]
language sql
as $$
  select array['identify_underperforming_campaigns', 'identify_scaling_candidates', 'detect_optimization_opportunities',
               'auto_pause_campaign', 'auto_scale_campaign', 'run_autonomous_operations'];
$$;

-- Tables that earlier phases may have made: those of the user's live on, as they are or with columns added.
create or replace function pg_temp.shared_tables() returns text[]
language sql
as $$
  select array['campaigns', 'campaign_performance', 'campaign_metrics', 'campaign_audience_metrics',
               'campaign_ab_tests',
               'autonomous_rules', 'autonomous_actions', 'optimization_opportunities'];
$$;

-- Functions that programs call by the names of their arguments, and people with bare literals.
create or replace function pg_temp.is_called_by_name(p_function text) returns boolean
language sql
as $$
  select p_function like 'dashboard\_%' or p_function = any (pg_temp.guide_functions() || array[
    'apply_autonomous_actions', 'approve_autonomous_action', 'audit_autonomous_actions', 'autonomous_insights',
    'autonomy_account_days', 'autonomy_account_limits', 'autonomy_account_policies', 'autonomy_account_priors',
    'autonomy_account_totals',
    'autonomy_messages_sent', 'autonomy_notify_settings',
    'autonomy_policy_limits',
    'autonomy_reset_defaults', 'autonomy_schema_changing', 'autonomy_schema_version',
    'autonomy_set_notify_settings', 'autonomy_take_messages', 'begin_autonomous_run', 'begin_platform_pull',
    'budget_optimisation',
    'campaign_facts_at',
    'condition_errors', 'connect_platform_account', 'delete_planned_event', 'disconnect_platform_account',
    'exclude_evidence', 'expire_pending_actions', 'fail_undelivered', 'finish_autonomous_run', 'finish_platform_pull',
    'fit_portfolio_prior', 'import_feed', 'keep_optimisation_past', 'lift_evidence_exclusion',
    'list_autonomous_accounts', 'list_autonomous_candidates', 'list_evidence_exclusions', 'list_past_candidates',
    'list_planned_events', 'list_platform_accounts', 'measure_action_impact', 'missing_platform_units',
    'portfolio_state', 'propose_autonomous_actions', 'read_feed', 'record_campaign_metrics', 'record_held_out',
    'record_platform_check',
    'record_opportunities', 'record_platform_days', 'record_platform_facts', 'record_platform_pulse',
    'record_platform_units', 'reject_autonomous_action', 'rollback_autonomous_action',
    'rollback_autonomous_actions', 'rule_errors', 'rule_scoreboard', 'save_planned_event',
    'platform_changes_to_push', 'platform_units_of', 'record_deliveries', 'record_platform_history',
    'set_platform_push',
    'set_budget_optimisation', 'set_feed', 'set_opportunity_status', 'update_autonomous_account', 'use_preset']);
$$;

-- ---------------------------------------------------------------------------------------------
-- Would a call of ours reach a function of theirs?
-- ---------------------------------------------------------------------------------------------

-- Whether a value that is given for one type may be taken for the other: in doubt, yes. A type of ours that is
-- not made yet is null: only what takes anything takes it.
create or replace function pg_temp.alike(p_one oid, p_other oid) returns boolean
language plpgsql
as $$
declare
  v_one pg_catalog.pg_type;
  v_other pg_catalog.pg_type;
begin
  select * into v_one from pg_catalog.pg_type where oid = p_one;
  select * into v_other from pg_catalog.pg_type where oid = p_other;
  if v_one.typtype = 'd' or v_other.typtype = 'd' then
    return pg_temp.alike(coalesce(nullif(v_one.typbasetype, 0), p_one),
                         coalesce(nullif(v_other.typbasetype, 0), p_other));
  elsif v_one.typcategory = 'A' and v_other.typcategory = 'A' then
    return pg_temp.alike(v_one.typelem, v_other.typelem);
  end if;
  return coalesce(p_one = p_other
    or 'P' in (v_one.typcategory, v_other.typcategory)
    or v_one.typcategory = v_other.typcategory and v_one.typcategory not in ('C', 'E', 'R', 'U')
    or exists (select from pg_catalog.pg_cast where castcontext = 'i'
               and (castsource, casttarget) in ((p_one, p_other), (p_other, p_one))), false);
end $$;

create or replace function pg_temp.could_be_taken_for(p_theirs oid, p_ours pg_temp.autonomy_names) returns boolean
language plpgsql
as $$
declare
  v_theirs pg_catalog.pg_proc;
  v_our_types oid[] := array(
    select to_regtype(t)::oid from unnest(p_ours.argument_types) with ordinality u (t, place) order by place);
  v_our_count integer := cardinality(p_ours.argument_types);
  v_our_required integer := v_our_count - p_ours.optional;
  v_types oid[];
  v_names text[];
  v_required integer;
  v_fewest integer;
  v_shared text[];
begin
  select * into v_theirs from pg_catalog.pg_proc where oid = p_theirs;
  v_required := v_theirs.pronargs - v_theirs.pronargdefaults;
  v_types := array(select t from unnest(v_theirs.proargtypes) with ordinality u (t, place) order by place);
  if v_theirs.provariadic <> 0 then
    v_required := least(v_required, v_theirs.pronargs - 1);
    v_types := v_types[:v_theirs.pronargs - 1] || array_fill(v_theirs.provariadic, array[100]);
  end if;

  -- by place: with as few arguments as both can be called with. A bare literal that we give for text goes to
  -- whatever fits better elsewhere; one that a person gives for anything goes to whoever takes text.
  v_fewest := greatest(v_our_required, v_required);
  if v_fewest <= least(v_our_count, cardinality(v_types)) and not exists (
    select from generate_series(1, v_fewest) i
    where not pg_temp.alike(v_our_types[i], v_types[i])
      and not (v_our_types[i] = 'text'::regtype and exists (
        select from generate_series(1, v_fewest) j where v_our_types[j] not in ('text'::regtype, v_types[j])))
      and not (pg_temp.is_called_by_name(p_ours.name) and exists (
        select from pg_catalog.pg_type t where t.oid = v_types[i] and t.typcategory = 'S')))
  then
    return true;
  end if;

  -- by name: what one of them requires must be known to the other
  if v_theirs.proargnames is null or not pg_temp.is_called_by_name(p_ours.name) then
    return false;
  end if;
  v_names := array(
    select n from unnest(v_theirs.proargnames, v_theirs.proargmodes) with ordinality u (n, mode, place)
    where coalesce(mode, 'i') in ('i', 'b', 'v') order by place);
  v_shared := array(select unnest(v_names) intersect select unnest(p_ours.argument_names));
  return p_ours.argument_names[:v_our_required] || v_names[:v_required] <@ v_shared;
end $$;

create or replace function pg_temp.stop_at_clashes() returns void
language plpgsql
as $$
declare
  v_found text[];
begin
  select array_agg(distinct f.what order by f.what) into v_found
  from (
    select format('schema %I', s.nspname) as what from pg_catalog.pg_namespace s
    where s.nspname = 'autonomy' and not pg_temp.is_ours(s.oid, 'pg_namespace')
    union all
    select format('%s %I.%I',
             case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
               when 'f' then 'foreign table' when 'c' then 'type' when 'i' then 'index' when 'I' then 'index'
               else 'table' end,
             n.schema, c.relname)
    from pg_temp.autonomy_names n
    join pg_catalog.pg_class c on c.relnamespace = to_regnamespace(n.schema) and c.relname = n.name
    where case n.kind
      when 'table' then not pg_temp.is_ours(c.oid, 'pg_class')
        and not (c.relkind in ('r', 'p') and n.name = any (pg_temp.shared_tables()))
      when 'type' then c.relkind <> 'c' or not pg_temp.is_ours(c.reltype, 'pg_type')
      when 'index' then not pg_temp.is_ours(c.oid, 'pg_class') and not exists (
        select from pg_catalog.pg_index i where i.indexrelid = c.oid and pg_temp.is_ours(i.indrelid, 'pg_class'))
      else false end
    union all
    select format('%s %I.%I', case t.typtype when 'd' then 'domain' else 'type' end, n.schema, t.typname)
    from pg_temp.autonomy_names n
    join pg_catalog.pg_type t on t.typnamespace = to_regnamespace(n.schema) and t.typname = n.name and t.typrelid = 0
    where n.kind in ('table', 'type')
    union all
    select format('statistics %I.%I', n.schema, s.stxname)
    from pg_temp.autonomy_names n
    join pg_catalog.pg_statistic_ext s on s.stxnamespace = to_regnamespace(n.schema) and s.stxname = n.name
    where n.kind = 'statistics' and not pg_temp.is_ours(s.oid, 'pg_statistic_ext')
      and not pg_temp.is_ours(s.stxrelid, 'pg_class')
    union all
    select format('trigger %I on %s', t.tgname, n.on_table)
    from pg_temp.autonomy_names n
    join pg_catalog.pg_trigger t on t.tgrelid = to_regclass(n.on_table) and t.tgname = n.name
    where n.kind = 'trigger' and not pg_temp.is_ours(t.tgfoid, 'pg_proc')
    union all
    select format('%s %s', case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
                  p.oid::regprocedure)
    from pg_temp.autonomy_names n
    join pg_catalog.pg_proc p on p.pronamespace = to_regnamespace(n.schema) and p.proname = n.name
    where n.kind = 'function' and case  -- in this order
      when pg_temp.is_ours(p.oid, 'pg_proc') then false
      when n.name = any (pg_temp.guide_functions()) then p.prokind = 'a'  -- has no definition that could be kept
      else pg_temp.could_be_taken_for(p.oid, n) end
  ) f;
  if v_found is not null then
    raise exception using errcode = 'AO010',
      message = format(case when cardinality(v_found) = 1
                            then 'The %s is in the way: this system makes its own under that name.'
                            else 'The %s are in the way: this system makes its own under these names.' end,
                       array_to_string(v_found, ', the ')),
      hint = format('Nothing has been changed. Rename what is yours (alter %s rename to ...), then run the migrations '
                    'again.', v_found[1]);
  end if;
end $$;

-- ---------------------------------------------------------------------------------------------
-- Views are set aside while what they read is made anew
-- ---------------------------------------------------------------------------------------------
-- The commands that bring a view back as it was: definition, options, owner, rights, defaults, comments,
-- triggers, rules, indexes.
create or replace function pg_temp.view_commands(p_view oid) returns text[]
language plpgsql
as $$
declare
  v_name text := p_view::regclass::text;
  v_kind text;
  v_commands text[];
begin
  select case c.relkind when 'm' then 'materialized view' else 'view' end,
    array[format('create %s %s%s as %s%s', case c.relkind when 'm' then 'materialized view' else 'view' end, v_name,
                 ' with (' || array_to_string(c.reloptions, ', ') || ')', rtrim(pg_get_viewdef(c.oid), ';'),
                 -- filled by its owner, never by whoever migrates
                 case c.relkind when 'm' then ' with no data' end),
          format('alter table %s owner to %I', v_name, pg_get_userbyid(c.relowner))]
  into v_kind, v_commands
  from pg_catalog.pg_class c where c.oid = p_view;

  -- Rights: first none, whatever the default privileges gave to the new view, then those of before.
  v_commands := v_commands || array(
    select format('revoke all on %s from %s', v_name,
                  case when r.role = 0 then 'public' else quote_ident(pg_get_userbyid(r.role)) end)
    from (select 0::oid as role
          union select a.grantee from pg_catalog.pg_default_acl d, aclexplode(d.defaclacl) a) r
    where r.role is distinct from (select relowner from pg_catalog.pg_class where oid = p_view));
  v_commands := v_commands || array(
    select format('grant %s on %s to %s%s', a.privilege_type, v_name,
                  case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
                  case when a.is_grantable then ' with grant option' else '' end)
    from pg_catalog.pg_class c, aclexplode(c.relacl) a
    where c.oid = p_view and a.grantee <> c.relowner);
  v_commands := v_commands || array(
    select format('grant %s (%I) on %s to %s%s', a.privilege_type, c.attname, v_name,
                  case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end,
                  case when a.is_grantable then ' with grant option' else '' end)
    from pg_catalog.pg_attribute c, aclexplode(c.attacl) a
    where c.attrelid = p_view);
  v_commands := v_commands || array(
    select format('alter view %s alter column %I set default %s', v_name, c.attname, pg_get_expr(d.adbin, d.adrelid))
    from pg_catalog.pg_attrdef d
    join pg_catalog.pg_attribute c on c.attrelid = d.adrelid and c.attnum = d.adnum
    where d.adrelid = p_view);
  v_commands := v_commands || array(
    select case when d.objsubid = 0 then format('comment on %s %s is %L', v_kind, v_name, d.description)
           else format('comment on column %s.%I is %L', v_name, a.attname, d.description) end
    from pg_catalog.pg_description d
    left join pg_catalog.pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
    where d.classoid = 'pg_catalog.pg_class'::regclass and d.objoid = p_view);
  v_commands := v_commands || array(
    select pg_get_triggerdef(t.oid) from pg_catalog.pg_trigger t where t.tgrelid = p_view and not t.tgisinternal);
  v_commands := v_commands || array(
    select pg_get_ruledef(r.oid) from pg_catalog.pg_rewrite r where r.ev_class = p_view and r.rulename <> '_RETURN');
  v_commands := v_commands || array(
    select pg_get_indexdef(i.indexrelid) from pg_catalog.pg_index i where i.indrelid = p_view);
  return v_commands || array(
    select format('refresh materialized view %s', v_name) from pg_catalog.pg_class c
    where c.oid = p_view and c.relkind = 'm' and c.relispopulated);
end $$;

-- The views that read an object, or some columns of one, and the views that read these, in the order in which
-- they can be made.
create or replace function pg_temp.views_reading(p_catalog regclass, p_objects oid[], p_columns smallint[] default null)
returns table (oid oid, kind text)
language sql
as $$
  with recursive readers as (
    select r.ev_class as oid, 1 as depth
    from pg_catalog.pg_depend d
    join pg_catalog.pg_rewrite r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
    where d.refclassid = p_catalog and d.refobjid = any (p_objects)
      and (p_columns is null or d.refobjsubid = any (p_columns)) and r.ev_class <> d.refobjid
    union
    select r.ev_class, s.depth + 1
    from readers s
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = s.oid
    join pg_catalog.pg_rewrite r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
    where r.ev_class <> s.oid
  )
  select c.oid, case c.relkind when 'm' then 'materialized view' else 'view' end
  from readers s join pg_catalog.pg_class c on c.oid = s.oid and c.relkind in ('v', 'm')
  group by c.oid, c.relkind order by max(s.depth), c.oid;
$$;

create or replace function pg_temp.columns_of(p_relation oid) returns text
language sql
as $$
  select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
  from pg_catalog.pg_attribute where attrelid = p_relation and attnum > 0 and not attisdropped;
$$;

-- What a function gives, as a list of columns where it has several.
create or replace function pg_temp.given_by(p_function oid) returns text
language sql
as $$
  select coalesce(
    (select string_agg(format('%I %s', a.name, format_type(a.type, null)), ', ' order by a.place)
     from unnest(p.proargnames, p.proallargtypes, p.proargmodes) with ordinality a (name, type, mode, place)
     where a.mode in ('o', 'b', 't')),
    (select pg_temp.columns_of(t.typrelid) from pg_catalog.pg_type t where t.oid = p.prorettype and t.typrelid <> 0),
    format_type(p.prorettype, null))
  from pg_catalog.pg_proc p where p.oid = p_function;
$$;

-- A view keeps the columns of a function by their places, and its arguments too: where these are others from now on, it
-- would read something else under the old name.
create or replace function pg_temp.set_views_aside(p_functions oid[]) returns void
language plpgsql
as $$
declare
  v_view record;
  v_drop text[] := '{}';
  v_command text;
begin
  for v_view in select * from pg_temp.views_reading('pg_catalog.pg_proc', p_functions) loop
    insert into pg_temp.autonomy_views (name, commands, columns)
    values (v_view.oid::regclass::text, pg_temp.view_commands(v_view.oid), pg_temp.columns_of(v_view.oid));
    insert into pg_temp.autonomy_reads
    select distinct v_view.oid::regclass::text, format('%s.%s', p.pronamespace::regnamespace, p.proname),
      pg_temp.given_by(p.oid),
      case when pg_get_viewdef(v_view.oid) ~ format('%s\.%s\((?!\))', p.pronamespace::regnamespace, p.proname)
           then pg_get_function_identity_arguments(p.oid)
           else '' end
    from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
      and d.refclassid = 'pg_catalog.pg_proc'::regclass
    join pg_catalog.pg_proc p on p.oid = d.refobjid
    where r.ev_class = v_view.oid and p.pronamespace = any (pg_temp.our_schemas())
      and (pg_temp.is_ours(p.oid, 'pg_proc') or p.proname = any (pg_temp.guide_functions()));
    v_drop := format('drop %s %s', v_view.kind, v_view.oid::regclass) || v_drop;
  end loop;
  foreach v_command in array v_drop loop
    execute v_command;
  end loop;
end $$;

create or replace function pg_temp.put_views_back() returns void
language plpgsql
as $$
declare
  v_view record;
  v_read record;
  v_command text;
begin
  for v_view in select * from pg_temp.autonomy_views order by place loop
    for v_read in
      select r.function_name, p.oid::regprocedure as now
      from pg_temp.autonomy_reads r
      left join pg_catalog.pg_proc p on format('%s.%s', p.pronamespace::regnamespace, p.proname) = r.function_name
        and pg_temp.is_ours(p.oid, 'pg_proc')
        and starts_with(pg_temp.given_by(p.oid) || ',', r.given || ',')
        and (r.takes = '' or starts_with(pg_get_function_identity_arguments(p.oid) || ',', r.takes || ','))
      where r.view_name = v_view.name and p.oid is null
    loop
      raise exception using errcode = 'AO010',
        message = format('The view %s reads %s, which has other columns or arguments from now on.',
                         v_view.name, v_read.function_name),
        hint = 'Nothing has been changed. Drop that view or let it read something else, then run the migrations again.';
    end loop;
    begin
      foreach v_command in array v_view.commands loop
        execute v_command;
      end loop;
    exception
      when deadlock_detected or lock_not_available then
        raise;
      when others then
        raise exception using errcode = 'AO010',
          message = format('The view %s cannot be made again: %s.', v_view.name, rtrim(sqlerrm, '.')),
          hint = 'Nothing has been changed. Drop that view or let it read something else, then run the '
                 'migrations again.';
    end;
    if pg_temp.columns_of(to_regclass(v_view.name)) is distinct from v_view.columns then
      raise exception using errcode = 'AO010',
        message = format('The view %s would have other columns from now on: %s instead of %s.', v_view.name,
                         pg_temp.columns_of(to_regclass(v_view.name)), v_view.columns),
        hint = 'Nothing has been changed. Drop that view or let it read something else, then run the migrations again.';
    end if;
  end loop;
end $$;

-- ---------------------------------------------------------------------------------------------
-- Making way
-- ---------------------------------------------------------------------------------------------
-- The user's functions that ours take the place of. The table that keeps them may not be there yet.
create temporary table autonomy_replaced (signature text, definition text) on commit drop;
-- What the user has granted on ours, browsers apart: they never call them.
create temporary table autonomy_grants (signature text, command text) on commit drop;

create or replace function pg_temp.make_way() returns void
language plpgsql
as $$
declare
  v_functions oid[];
  v_command text;
  v_user text;
begin
  insert into pg_temp.autonomy_replaced
  select p.oid::regprocedure::text, pg_get_functiondef(p.oid)
  from pg_catalog.pg_proc p
  where p.pronamespace = 'public'::regnamespace and p.proname = any (pg_temp.guide_functions())
    and not pg_temp.is_ours(p.oid, 'pg_proc');

  v_functions := array(
    select p.oid
    from pg_catalog.pg_proc p
    where p.pronamespace = any (pg_temp.our_schemas())
      and (pg_temp.is_ours(p.oid, 'pg_proc')
           or p.pronamespace = 'public'::regnamespace and p.proname = any (pg_temp.guide_functions())));
  insert into pg_temp.autonomy_grants
  select p.oid::regprocedure::text, format('grant execute on function %s to %I%s', p.oid::regprocedure, r.rolname,
    case when a.is_grantable then ' with grant option' end)
  from pg_catalog.pg_proc p
  cross join aclexplode(p.proacl) a
  join pg_catalog.pg_roles r on r.oid = a.grantee
  where p.oid = any (v_functions) and pg_temp.is_ours(p.oid, 'pg_proc') and a.grantee <> p.proowner
    and r.rolname not in ('anon', 'authenticated', 'service_role');
  perform pg_temp.set_views_aside(v_functions);
  for v_command in
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
    from pg_catalog.pg_trigger t
    where t.tgfoid = any (v_functions) and not t.tgisinternal and t.tgparentid = 0
      and pg_temp.is_ours(t.tgfoid, 'pg_proc')
      and exists (select from pg_temp.autonomy_names n
                  where n.kind = 'table' and t.tgrelid = to_regclass(format('%I.%I', n.schema, n.name)))
  loop
    execute v_command;
  end loop;

  for v_command in
    select 'drop routine ' || string_agg(f::regprocedure::text, ', ') from unnest(v_functions) f having count(*) > 0
    union all
    select 'drop type ' || string_agg(t.oid::regtype::text, ', ')
    from pg_catalog.pg_type t
    where t.typnamespace = any (pg_temp.our_schemas()) and t.typtype = 'c' and pg_temp.is_ours(t.oid, 'pg_type')
    having count(*) > 0
  loop
    execute v_command;
  end loop;
exception when dependent_objects_still_exist then
  get stacked diagnostics v_user = pg_exception_detail;
  raise exception using errcode = 'AO010',
    message = format('Something of yours would be lost: %s.', split_part(v_user, chr(10), 1)),
    hint = 'Nothing has been changed. Drop it, run the migrations again, and make it again on what is there then.';
end $$;

do $$ begin
  perform pg_temp.stop_at_clashes();
end $$;

-- ---------------------------------------------------------------------------------------------
-- Beside a system that runs
-- ---------------------------------------------------------------------------------------------
-- Every table that is there is locked now, while nothing has been changed yet: whoever comes later waits for the new
-- schema, and nobody who has begun to read or write meets half of it. First the tables that the user's own programs
-- write to, from which triggers go on to the others. A try gives up before the server looks for deadlocks, so that
-- it is we who give way and not they; only the last one is longer, since it takes that look to stop an autovacuum.
-- On a busy server readers of many tables are always under way, and many tries fail.
do $$
declare
  v_last timestamptz := clock_timestamp() + interval '20 seconds';
  v_patience interval := least(interval '0.9 seconds', current_setting('deadlock_timeout')::interval * 0.9);
  v_is_last boolean;
  v_until timestamptz;
  v_table text;
begin
  loop
    v_is_last := clock_timestamp() > v_last;
    v_until := clock_timestamp() + case when v_is_last then interval '4 seconds' else v_patience end;
    begin
      for v_table in
        select format('%I.%I', n.schema, c.relname)
        from pg_temp.autonomy_names n
        join pg_catalog.pg_class c on c.relnamespace = to_regnamespace(n.schema) and c.relname = n.name
          and c.relkind in ('r', 'p')
        where n.kind = 'table'
        order by array_position(pg_temp.shared_tables(), n.name), n.schema desc, n.name
      loop
        perform set_config('lock_timeout',
          greatest(1, ceil(extract(epoch from v_until - clock_timestamp()) * 1000))::text || 'ms', true);
        execute format('lock table %s in access exclusive mode', v_table);
      end loop;
      return;
    exception when lock_not_available or deadlock_detected then
      if v_is_last then
        raise exception using errcode = 'object_in_use',
          message = format('Other sessions are using %s and do not end (%s)', v_table, coalesce((
            select 'process ' || string_agg(distinct l.pid::text, ', ') from pg_catalog.pg_locks l
            where l.relation = v_table::regclass and l.granted and l.pid <> pg_backend_pid()), 'just ended')),
          hint = 'Nothing has been changed. pg_stat_activity says what they do; try again when they are done.';
      end if;
    end;
    perform pg_sleep(0.5 + random());  -- in step with nobody
  end loop;
end $$;
set local lock_timeout = '30s';

do $$ begin
  perform pg_temp.make_way();
end $$;

-- A table of ours that an older version made gets the columns that it lacks, at its end: so that is where a file
-- declares a new one. (Tables of the user's get theirs one by one, in the files that know their older shapes.)
do $$
declare
  v_column record;
begin
  for v_column in
    select c.oid::regclass as table_name, d.declared
    from pg_temp.autonomy_names n
    join pg_catalog.pg_class c on c.relnamespace = to_regnamespace(n.schema) and c.relname = n.name
    cross join unnest(n.columns) with ordinality d (declared, place)
    where n.kind = 'table' and pg_temp.is_ours(c.oid, 'pg_class')
      and not exists (select from pg_catalog.pg_attribute a
                      where a.attrelid = c.oid and a.attname = split_part(d.declared, ' ', 1) and not a.attisdropped)
    order by c.oid, d.place
  loop
    -- one that points to a table that is still to be made is added by its own file, after that
    continue when v_column.declared ~ ' references '
      and to_regclass(substring(v_column.declared from ' references ([a-z_.]+)')) is null;
    execute format('alter table %s add column %s', v_column.table_name, v_column.declared);
  end loop;
end $$;

-- After the migrations, in their transaction: views that were out of the way come back, and the tools
-- of before.sql go.

set local search_path = '';

do $$
declare
  v_made record;
  v_tool record;
begin
  for v_made in select g.command from pg_temp.autonomy_grants g where to_regprocedure(g.signature) is not null loop
    execute v_made.command;
  end loop;
  delete from autonomy.kept_grants where true;
  insert into autonomy.kept_grants
  select distinct g.signature, g.role, g.command from pg_temp.autonomy_grants g
  where to_regprocedure(g.signature) is null;
  perform pg_temp.put_views_back();
  for v_made in insert into autonomy.replaced (name, definition)
    select signature, definition from pg_temp.autonomy_replaced order by 1 returning name
  loop
    perform pg_temp.say(format('%s was here before; ours takes its place. Its definition is kept in autonomy.replaced.',
                               v_made.name));
  end loop;

  -- Tables, types and functions say in their files what they are. An index needs the mark all the same, where
  -- the table that it stands on is the user's.
  for v_made in
    select format('index %I.%I', n.schema, n.name) as what from pg_temp.autonomy_names n
    where n.kind = 'index' and to_regclass(format('%I.%I', n.schema, n.name)) is not null
    union all
    select format('statistics %I.%I', n.schema, n.name) from pg_temp.autonomy_names n where n.kind = 'statistics'
  loop
    execute format('comment on %s is %L', v_made.what, '[autonomous-operations]');
  end loop;

  for v_tool in
    select p.oid::regprocedure as name from pg_catalog.pg_proc p
    where p.pronamespace = pg_my_temp_schema() and p.proname in (
      'say', 'is_ours', 'our_schemas', 'guide_functions', 'stays', 'shared_tables', 'our_tables', 'is_called_by_name',
      'alike', 'could_be_taken_for',
      'stop_at_clashes', 'view_commands', 'views_reading', 'columns_of', 'given_by', 'set_views_aside',
      'put_views_back',
      'make_way')
  loop
    execute format('drop function %s', v_tool.name);
  end loop;
  drop table pg_temp.autonomy_names, pg_temp.autonomy_stays, pg_temp.autonomy_views, pg_temp.autonomy_reads,
    pg_temp.autonomy_replaced, pg_temp.autonomy_grants;
end $$;

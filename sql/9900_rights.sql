-- Rights: every table and function that carries our mark, in both schemas. Its number keeps it last.
--
-- The server (service_role) does everything; a signed-in person whose app_metadata says admin may
-- read what stands in public; nobody else sees anything, and no function can be called from a browser. The tables that
-- were here before us have no mark: they keep the rights and the row security they had, and the
-- server's are added. Default privileges are never changed.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

do $$
declare
  v_object record;
  v_role text;
  v_browser text[] := array(select rolname from pg_catalog.pg_roles where rolname in ('anon', 'authenticated'));
  v_server boolean := exists (select from pg_catalog.pg_roles where rolname = 'service_role');
  v_signed_in boolean := 'authenticated' = any (v_browser);
begin
  if v_server and not has_schema_privilege('service_role', 'public', 'usage') then
    grant usage on schema public to service_role;
  end if;
  foreach v_role in array array['public'] || v_browser loop
    execute format('revoke all on schema autonomy from %s', v_role);
  end loop;
  if v_server then
    grant usage on schema autonomy to service_role;
  end if;

  -- Our tables, views and the sequences behind their identity columns
  for v_object in
    select c.oid, format('%I.%I', s.nspname, c.relname) as name, c.relkind, s.nspname = 'public' as is_shown
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace s on s.oid = c.relnamespace and s.nspname in ('public', 'autonomy')
    where c.relkind in ('r', 'p', 'v', 'm')
      and obj_description(c.oid, 'pg_class') like '%[autonomous-operations]'
    order by c.relname
  loop
    foreach v_role in array array['public'] || v_browser loop
      execute format('revoke all on table %s from %s', v_object.name, v_role);
    end loop;
    if v_server then
      execute format('grant select, insert, update, delete on table %s to service_role', v_object.name);
    end if;
    if v_signed_in and v_object.is_shown and v_object.relkind <> 'm' then
      execute format('grant select on table %s to authenticated', v_object.name);
    end if;

    if v_object.relkind = 'v' then
      execute format('alter view %s set (security_invoker = true)', v_object.name);
    elsif v_object.relkind in ('r', 'p') then
      execute format('alter table %s enable row level security', v_object.name);
      execute format('drop policy if exists autonomy_admin_reads on %s', v_object.name);
      execute format('drop policy if exists autonomy_nobody_reads on %s', v_object.name);
      if not v_object.is_shown then
        execute format('create policy autonomy_nobody_reads on %s for select using (false)', v_object.name);
      elsif v_signed_in then
        -- (select ...): asked once a query, not once a row. Claims may be missing or empty.
        execute format($policy$
          create policy autonomy_admin_reads on %s for select to authenticated using ((
            select coalesce(
              c.claims -> 'app_metadata' ->> 'role' = 'admin' or c.claims -> 'app_metadata' -> 'admin' = 'true', false)
            from (select nullif(s.claims, '')::jsonb as claims
                  from (select current_setting('request.jwt.claims', true) as claims) s) c))
          $policy$, v_object.name);
      end if;
    end if;
  end loop;

  for v_object in
    select format('%I.%I', n.nspname, s.relname) as name
    from pg_catalog.pg_class s
    join pg_catalog.pg_namespace n on n.oid = s.relnamespace and n.nspname in ('public', 'autonomy')
    join pg_catalog.pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
      and d.refclassid = 'pg_class'::regclass
    where s.relkind = 'S'
      and obj_description(d.refobjid, 'pg_class') like '%[autonomous-operations]'
  loop
    foreach v_role in array array['public'] || v_browser loop
      execute format('revoke all on sequence %s from %s', v_object.name, v_role);
    end loop;
  end loop;

  -- The tables that were here before
  for v_object in
    select format('public.%I', c.relname) as name, c.relrowsecurity
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and c.relname in ('campaigns', 'campaign_performance', 'campaign_metrics', 'campaign_audience_metrics',
        'campaign_ab_tests', 'autonomous_rules', 'autonomous_actions', 'optimization_opportunities')
      and coalesce(obj_description(c.oid, 'pg_class'), '') not like '%[autonomous-operations]'
    order by c.relname
  loop
    if v_server then
      execute format('grant select, insert, update, delete on table %s to service_role', v_object.name);
    end if;
    if not v_object.relrowsecurity then
      perform set_config('client_min_messages', 'notice', true);
      raise notice '% was here before and has no row level security; it is left as it is, so that nobody is '
                   'locked out.',
        v_object.name;
      perform set_config('client_min_messages', 'warning', true);
    end if;
  end loop;

  -- Our functions
  for v_object in
    select p.oid::regprocedure as name, p.prokind, p.prorettype = 'trigger'::regtype as is_trigger
    from pg_catalog.pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)
      and obj_description(p.oid, 'pg_proc') like '%[autonomous-operations]'
    order by p.proname
  loop
    foreach v_role in array array['public'] || v_browser loop
      execute format('revoke all on routine %s from %s', v_object.name, v_role);
    end loop;
    if v_server then
      execute format('grant execute on routine %s to service_role', v_object.name);
    end if;
    -- Whoever may write a table need not be allowed to write what its triggers keep; and nobody
    -- can call a trigger function by hand.
    if v_object.is_trigger then
      execute format('alter function %s security definer', v_object.name);
    end if;
  end loop;
end $$;

notify pgrst, 'reload schema';

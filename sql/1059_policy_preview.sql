-- What a run would do now if the policy were another one.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.dashboard_preview_policy(p_changes jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set jit = off set work_mem = '64MB' set statement_timeout = '55s'
  set lock_timeout = '5s'
as $$
declare
  v_before jsonb := public.dashboard_run_preview(p_now);
  v_after jsonb;
  v_set text := (
    select string_agg(format('%I = n.%I', c.key, c.key), ', ')
    from jsonb_object_keys(p_changes) c (key)
    -- another zone rebuilds all figures: not for a look
    where c.key in (select l.setting from public.autonomy_policy_limits() l
                    union all values ('mode'), ('resume_when_proven_wrong')));
begin
  if v_set is null then
    return jsonb_build_object('before', v_before, 'after', v_before);
  end if;
  -- As it stands, then changed; the second is undone by an exception, which takes back rows but not variables.
  begin
    execute 'update public.autonomy_policy p set ' || v_set
      || ' from jsonb_populate_record((select q from public.autonomy_policy q), $1) n' using p_changes;
    v_after := public.dashboard_run_preview(p_now);
    raise exception using errcode = 'AO099', message = 'preview';
  exception when sqlstate 'AO099' then
    null;
  end;
  return jsonb_build_object('before', v_before, 'after', v_after);
end $$;
comment on function public.dashboard_preview_policy(jsonb, timestamptz) is
  'What a run would do now, by the policy as it stands and with these changes of it: {"before", "after"}, each as of '
  'dashboard_run_preview. Writes nothing that lasts. Raises AO002 for a limit that is none. [autonomous-operations]';

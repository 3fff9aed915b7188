-- Rules that are put away: no UPDATE of autonomous_rules wakes them, and each comes back as it was.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.archived_rules (
  rule_id uuid primary key,
  rule jsonb not null,
  archived_at timestamptz not null default now(),
  archived_by text not null default ''
);
comment on table autonomy.archived_rules is
  'Rules that a person has put away, each as its row was. [autonomous-operations]';

create function public.dashboard_archive_rule(p_rule_id uuid, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_rule public.autonomous_rules;
  v_actor text := coalesce(nullif(p_actor, ''), autonomy.actor());
begin
  perform set_config('autonomy.actor', v_actor, true);
  delete from public.autonomous_rules r where r.id = p_rule_id returning r.* into v_rule;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such rule.';
  end if;
  insert into autonomy.archived_rules as a (rule_id, rule, archived_by)
  values (v_rule.id, to_jsonb(v_rule), v_actor)
  on conflict (rule_id) do update set rule = excluded.rule, archived_at = now(), archived_by = v_actor;
  return to_jsonb(v_rule);
end $$;
comment on function public.dashboard_archive_rule(uuid, text) is
  'Puts a rule away; its actions keep its id, and its history stays. Raises AO003. [autonomous-operations]';

create function public.dashboard_restore_rule(p_rule_id uuid, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_rule jsonb;
  v_back public.autonomous_rules;
begin
  perform set_config('autonomy.actor', coalesce(nullif(p_actor, ''), autonomy.actor()), true);
  delete from autonomy.archived_rules a where a.rule_id = p_rule_id returning a.rule into v_rule;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such rule among those that are put away.';
  end if;
  insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, is_active, created_by,
                                       created_at)
  values (p_rule_id, autonomy.free_rule_name(v_rule ->> 'rule_name'), v_rule ->> 'rule_type', v_rule -> 'condition',
          v_rule -> 'action', coalesce((v_rule ->> 'priority')::numeric, 50), false, v_rule ->> 'created_by',
          coalesce((v_rule ->> 'created_at')::timestamptz, now()))
  returning * into v_back;
  return to_jsonb(v_back);
end $$;
comment on function public.dashboard_restore_rule(uuid, text) is
  'Brings back a rule that was put away: inactive, with a number behind its name where another has that. Raises AO003, '
  'AO001 for one that this version cannot read. [autonomous-operations]';

create function public.dashboard_archived_rules() returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', a.rule_id, 'rule_name', a.rule ->> 'rule_name',
      'archived_at', a.archived_at, 'archived_by', a.archived_by) order by a.archived_at desc, a.rule_id), '[]')
    from autonomy.archived_rules a);
end $$;
comment on function public.dashboard_archived_rules() is
  'Rules that are put away, the last first. Reads only; raises nothing. [autonomous-operations]';

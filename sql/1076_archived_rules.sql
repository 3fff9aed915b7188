-- Rules that were put away. They stand apart from the rules, so that switching all rules on wakes none of them; one
-- that is brought back is inactive.

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
  'Rules that a person has put away, as they were; no run follows them. [autonomous-operations]';
comment on column autonomy.archived_rules.rule is 'the row of autonomous_rules as it was';

create function public.dashboard_archive_rule(p_rule_id uuid, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := left(coalesce(nullif(btrim(p_actor), ''), autonomy.actor()), 200);
  v_archived autonomy.archived_rules;
begin
  perform set_config('autonomy.actor', v_actor, true);
  with gone as (
    delete from public.autonomous_rules r where r.id = p_rule_id returning r.*
  )
  insert into autonomy.archived_rules (rule_id, rule, archived_by)
  select g.id, to_jsonb(g), v_actor from gone g
  on conflict (rule_id) do update
    set rule = excluded.rule, archived_at = now(), archived_by = excluded.archived_by
  returning * into v_archived;
  if v_archived.rule_id is null then
    raise exception using errcode = 'AO003', message = 'There is no such rule.',
      hint = case when exists (select from autonomy.archived_rules k where k.rule_id = p_rule_id)
        then 'It is in the archive already.' else 'The list of rules has the ids of all.' end;
  end if;
  return to_jsonb(v_archived);
end $$;
comment on function public.dashboard_archive_rule(uuid, text) is
  'Takes a rule out of the rules and keeps it as it was; what it has done stays. Raises AO003 (no such rule). '
  '[autonomous-operations]';

create function public.dashboard_restore_rule(p_rule_id uuid, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_kept jsonb;
  v_rule public.autonomous_rules;
begin
  perform set_config('autonomy.actor', left(coalesce(nullif(btrim(p_actor), ''), autonomy.actor()), 200), true);
  delete from autonomy.archived_rules k where k.rule_id = p_rule_id returning k.rule into v_kept;
  if v_kept is null then
    raise exception using errcode = 'AO003', message = 'There is no such rule in the archive.';
  elsif exists (select from public.autonomous_rules r where r.id = p_rule_id) then
    raise exception using errcode = 'AO004', message = 'This rule is among the rules already.';
  end if;
  insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, is_active, created_by,
                                       created_at)
  values (p_rule_id, autonomy.free_rule_name(v_kept ->> 'rule_name'), v_kept ->> 'rule_type', v_kept -> 'condition',
          v_kept -> 'action', coalesce((v_kept ->> 'priority')::numeric, 50), false, v_kept ->> 'created_by',
          coalesce((v_kept ->> 'created_at')::timestamptz, now()))
  returning * into v_rule;
  return to_jsonb(v_rule);
end $$;
comment on function public.dashboard_restore_rule(uuid, text) is
  'Brings a rule back from the archive, inactive, with a number behind its name where another has it. Raises AO001 '
  '(not valid any more), AO003 (not in the archive), AO004 (among the rules already). [autonomous-operations]';

create function public.dashboard_archived_rules(p_limit integer default 200) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
begin
  return (
    select jsonb_build_object('archived', coalesce(jsonb_agg(to_jsonb(k) order by k.archived_at desc, k.rule_id), '[]'))
    from (select * from autonomy.archived_rules x order by x.archived_at desc, x.rule_id limit v_limit) k);
end $$;
comment on function public.dashboard_archived_rules(integer) is
  'Rules in the archive, those put away last first. Reads only; raises nothing. [autonomous-operations]';

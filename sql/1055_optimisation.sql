-- Budget optimisation, switched on and off as one rule, and the presets of the policy.
--
-- Off means that its row is gone, and kept here: UPDATE autonomous_rules SET is_active = true wakes nothing that
-- nobody had switched on.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create table if not exists autonomy.rules_taken_out (
  rule_id uuid primary key,
  rule jsonb not null,
  taken_out_at timestamptz not null default now(),
  taken_out_by text not null default ''
);
comment on table autonomy.rules_taken_out is
  'Rules that were taken out when budget optimisation was switched off, with their tuning. [autonomous-operations]';
comment on column autonomy.rules_taken_out.rule is 'the row of autonomous_rules as it was';

create table if not exists autonomy.optimisation_past (
  id boolean primary key default true check (id),
  found jsonb not null,
  made_at timestamptz not null default now()
);
comment on table autonomy.optimisation_past is
  'One row: what budget optimisation would have brought on the past, when it was last worked out. '
  '[autonomous-operations]';

create function autonomy.optimisation_rule() returns jsonb
language sql immutable set search_path = ''
as $$
  select '{"rule_name": "Budget Optimisation", "rule_type": "optimize", "priority": 70,
           "condition": {"metric": "spend", "operator": ">", "threshold": 0, "min_duration_hours": 24},
           "action": {"type": "budget_adjusted", "by": "curve", "max_budget": 10000}}'::jsonb
$$;
comment on function autonomy.optimisation_rule() is
  'The rule that budget optimisation is switched on with, as the template has it. Pure. [autonomous-operations]';

create function autonomy.is_optimisation(p_action jsonb) returns boolean
language sql immutable parallel safe set search_path = ''
as $$
  select coalesce(p_action ->> 'type' = 'budget_adjusted' and p_action ? 'by', false)
$$;
comment on function autonomy.is_optimisation(jsonb) is
  'Whether an action moves budgets by what the next unit returns. Pure; raises nothing. [autonomous-operations]';

create function autonomy.free_rule_name(p_name text) returns text
language sql stable set search_path = ''
as $$
  select n.name
  from generate_series(1, 1 + (select count(*) from public.autonomous_rules)) i
  cross join lateral (select left(p_name, 190) || case when i = 1 then '' else ' ' || i end as name) n
  where not exists (select from public.autonomous_rules r where r.rule_name = n.name)
  order by i limit 1
$$;
comment on function autonomy.free_rule_name(text) is
  'The name, with a number behind it where a rule has it already. Only reads; raises nothing. '
  '[autonomous-operations]';

create function public.budget_optimisation() returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'on', coalesce(bool_or(r.is_active), false),
    'rules', coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'rule_name', r.rule_name, 'is_active', r.is_active,
      'action', r.action) order by r.priority desc, r.rule_name collate "C"), '[]'),
    'kept', (select jsonb_build_object('rule_name', k.rule ->> 'rule_name', 'action', k.rule -> 'action',
                                       'taken_out_at', k.taken_out_at, 'taken_out_by', k.taken_out_by)
             from autonomy.rules_taken_out k
             order by k.taken_out_at desc, k.rule -> 'is_active' desc, k.rule_id limit 1),
    'past', (select p.found || jsonb_build_object('made_at', p.made_at) from autonomy.optimisation_past p))
  from public.autonomous_rules r where autonomy.is_optimisation(r.action)
$$;
comment on function public.budget_optimisation() is
  'Whether budgets are optimised: {"on", "rules": those that do it, "kept": the one that was taken out last or null, '
  '"past": what it would have brought, as last worked out, or null}. Reads only; raises nothing. '
  '[autonomous-operations]';

create function autonomy.switch_optimisation_on(p_actor text) returns void
language plpgsql set search_path = ''
as $$
declare
  v_id uuid;
begin
  -- One that is there and inactive is what somebody has made for this.
  select r.id into v_id from public.autonomous_rules r
  where autonomy.is_optimisation(r.action) and public.rule_errors(r.rule_type, r.condition, r.action) is null
  order by r.updated_at desc, r.id limit 1;
  if found then
    update public.autonomous_rules set is_active = true where id = v_id;
    return;
  end if;

  -- Those that were taken out together last, as far as they were active; else the last one.
  with last as (
    select k.* from autonomy.rules_taken_out k
    where not exists (select from public.autonomous_rules r where r.id = k.rule_id)
      and public.rule_errors(k.rule ->> 'rule_type', k.rule -> 'condition', k.rule -> 'action') is null
      and autonomy.is_optimisation(k.rule -> 'action')
    order by k.taken_out_at desc, k.rule -> 'is_active' desc, k.rule_id limit 1
  ), back as (
    delete from autonomy.rules_taken_out k using last l
    where k.rule_id = l.rule_id
      or (k.taken_out_at = l.taken_out_at and k.rule -> 'is_active' = 'true' and l.rule -> 'is_active' = 'true'
          and not exists (select from public.autonomous_rules r where r.id = k.rule_id)
          and public.rule_errors(k.rule ->> 'rule_type', k.rule -> 'condition', k.rule -> 'action') is null)
    returning k.rule
  )
  insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, is_active, created_by,
                                       created_at)
  select (b.rule ->> 'id')::uuid, autonomy.free_rule_name(b.rule ->> 'rule_name'), b.rule ->> 'rule_type',
    b.rule -> 'condition', b.rule -> 'action', coalesce((b.rule ->> 'priority')::numeric, 50), true,
    b.rule ->> 'created_by', coalesce((b.rule ->> 'created_at')::timestamptz, now())
  from back b;
  if not found then
    insert into public.autonomous_rules (rule_name, rule_type, condition, action, priority, is_active, created_by)
    select autonomy.free_rule_name(t ->> 'rule_name'), t ->> 'rule_type', t -> 'condition', t -> 'action',
      (t ->> 'priority')::numeric, true, p_actor
    from autonomy.optimisation_rule() t;
  end if;
end $$;
comment on function autonomy.switch_optimisation_on(text) is
  'Part of set_budget_optimisation: brings back what was taken out last, else makes the rule. [autonomous-operations]';

create function public.set_budget_optimisation(p_on boolean, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(nullif(p_actor, ''), autonomy.actor());
begin
  if p_on is null then
    raise exception using errcode = 'AO010', message = 'Say whether budgets are to be optimised: true or false.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('autonomy.optimisation', 0));
  perform set_config('autonomy.actor', v_actor, true);
  if not p_on then
    with gone as (
      delete from public.autonomous_rules r where autonomy.is_optimisation(r.action) returning r.*
    )
    insert into autonomy.rules_taken_out (rule_id, rule, taken_out_by)
    select g.id, to_jsonb(g), v_actor from gone g
    on conflict (rule_id) do update set rule = excluded.rule, taken_out_at = now(), taken_out_by = v_actor;
  elsif not (public.budget_optimisation() -> 'on')::boolean then
    perform autonomy.switch_optimisation_on(v_actor);
  end if;
  return public.budget_optimisation();
end $$;
comment on function public.set_budget_optimisation(boolean, text) is
  'Switches budget optimisation on (the rule that was taken out last comes back with its tuning, else the template''s) '
  'or off (every such rule is taken out of autonomous_rules and kept). Answers budget_optimisation(). Safe to call '
  'again. Raises AO010 (null). [autonomous-operations]';

create function public.use_preset(p_values jsonb, p_optimise boolean, p_actor text default null) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_actor text := coalesce(nullif(p_actor, ''), autonomy.actor());
  v_wrong text;
begin
  if jsonb_typeof(p_values) is distinct from 'object' or p_values = '{}' or p_optimise is null then
    raise exception using errcode = 'AO010',
      message = 'Give the values of the preset as an object, and whether budgets are to be optimised.';
  end if;
  select coalesce(
    autonomy.unknown_key_error(p_values, 'preset', array(
      select l.setting from public.autonomy_policy_limits() l)),
    (select format('preset.%s: %s is not allowed; give a number', v.key, left(v.value::text, 60))
     from jsonb_each(p_values) v where jsonb_typeof(v.value) <> 'number' order by v.key limit 1)) into v_wrong;
  if v_wrong is not null then
    raise exception using errcode = 'AO010', message = v_wrong || '.';
  end if;
  execute (
    select format('update public.autonomy_policy p set %s, updated_by = $2, updated_at = clock_timestamp()'
                  ' from jsonb_populate_record(null::public.autonomy_policy, $1) n where p.id',
                  string_agg(format('%1$I = n.%1$I', k), ', '))
    from jsonb_object_keys(p_values) k)
  using p_values, v_actor;
  return jsonb_build_object('optimisation', public.set_budget_optimisation(p_optimise, v_actor),
                            'policy', (select to_jsonb(p) from public.autonomy_policy p));
end $$;
comment on function public.use_preset(jsonb, boolean, text) is
  'Sets the numbers of the policy that are given and switches budget optimisation, both or neither: {"policy", '
  '"optimisation"}. Never touches mode and freeze. Safe to call again. Raises AO002 (out of range), AO010 (key, type). '
  '[autonomous-operations]';

create function public.keep_optimisation_past(p_found jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
begin
  if jsonb_typeof(p_found) is distinct from 'object' or length(p_found::text) > 100000 then
    raise exception using errcode = 'AO010',
      message = 'Give what was found as an object of at most 100,000 characters.';
  end if;
  insert into autonomy.optimisation_past as o (found) values (p_found)
  on conflict (id) do update set found = excluded.found, made_at = now();
  return public.budget_optimisation();
end $$;
comment on function public.keep_optimisation_past(jsonb) is
  'Keeps what budget optimisation would have brought, for the overview; answers budget_optimisation(). Safe to call '
  'again. Raises AO010. [autonomous-operations]';

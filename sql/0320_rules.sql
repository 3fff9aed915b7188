-- What a rule may say, and the trigger that refuses anything else and remembers every change.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Actions
-- ---------------------------------------------------------------------------------------------
create function autonomy.action_errors(p_action jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_types constant text[] := array['auto_pause', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted'];
  c_money constant numeric := 1e15;
  v_type text;
  v_own text[];
  v_needed text;
begin
  if p_action is null or jsonb_typeof(p_action) <> 'object' then
    return 'action: must be an object such as {"type": "auto_pause"}';
  end if;
  v_type := case when jsonb_typeof(p_action -> 'type') = 'string' then p_action ->> 'type' end;
  if v_type is null or v_type <> all (c_types) then
    return format('action.type: %s is not an action; use one of %s',
                  coalesce(left((p_action -> 'type')::text, 60), 'nothing'), array_to_string(c_types, ' '));
  end if;

  v_own := case
    when v_type = 'auto_pause' then '{}'::text[]
    when v_type = 'auto_scale_up' then array['multiplier', 'max_budget']
    when v_type = 'auto_scale_down' then array['multiplier', 'min_budget']
    when p_action ? 'by' then array['by', 'max_budget', 'min_budget']
    else array['budget'] end;
  v_needed := (
    select k from unnest(case
      when v_type = 'auto_scale_up' then array['multiplier', 'max_budget']
      when v_type = 'auto_scale_down' then array['multiplier']
      when v_type = 'budget_adjusted' and not p_action ? 'by' then array['budget']
      else '{}'::text[] end) k
    where not p_action ? k limit 1);

  return coalesce(
    autonomy.unknown_key_error(p_action, 'action', array['type'] || v_own
      || array['min_confidence', 'cooldown_hours', 'break_even_roi', 'requires_approval', 'notify']),
    'action.' || v_needed || ': is missing; ' || v_type || ' needs it',
    case when p_action ? 'by' and p_action -> 'by' <> '"curve"' then
      format('action.by: %s is not allowed; the only way is "curve"', left((p_action -> 'by')::text, 60)) end,
    case when v_type = 'auto_scale_up' then
      autonomy.number_error(p_action, 'multiplier', 'action', 1, 100, true) end,
    case when v_type = 'auto_scale_down' then
      autonomy.number_error(p_action, 'multiplier', 'action', 0, 1, true, true) end,
    autonomy.number_error(p_action, 'max_budget', 'action', 0, c_money, true),
    autonomy.number_error(p_action, 'min_budget', 'action', 0, c_money),
    autonomy.number_error(p_action, 'budget', 'action', 0, c_money, true),
    autonomy.number_error(p_action, 'min_confidence', 'action', 0, 100),
    autonomy.number_error(p_action, 'cooldown_hours', 'action', 0, 8760),
    autonomy.number_error(p_action, 'break_even_roi', 'action', 0, 1000, true),
    case when autonomy.json_number(p_action -> 'min_budget') > autonomy.json_number(p_action -> 'max_budget') then
      'action.min_budget: must not be above max_budget' end,
    autonomy.flag_error(p_action, 'requires_approval', 'action'),
    autonomy.flag_error(p_action, 'notify', 'action'));
end $$;
comment on function autonomy.action_errors(jsonb) is
  'Null where the action is fine, else a sentence that names the wrong key and what is allowed. Pure. '
  '[autonomous-operations]';

create function public.rule_errors(p_rule_type text, p_condition jsonb, p_action jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_allowed text[] := case p_rule_type
    when 'pause' then array['auto_pause']
    when 'scale' then array['auto_scale_up', 'auto_scale_down']
    when 'optimize' then array['budget_adjusted', 'auto_scale_up', 'auto_scale_down'] end;
  v_error text;
begin
  if p_rule_type = 'create' then
    return 'rule_type: "create" has no automatic action; use one of pause scale optimize';
  elsif v_allowed is null then
    return format('rule_type: %s is not a rule type; use one of pause scale optimize',
                  coalesce(to_json(left(p_rule_type, 60))::text, 'nothing'));
  end if;
  v_error := coalesce(public.condition_errors(p_condition), autonomy.action_errors(p_action));
  if v_error is null and p_action ->> 'type' <> all (v_allowed) then
    v_error := format('action.type: a rule of type %s cannot %s; use one of %s',
                      p_rule_type, p_action ->> 'type', array_to_string(v_allowed, ' '));
  end if;
  return v_error;
end $$;
comment on function public.rule_errors(text, jsonb, jsonb) is
  'Null where the rule is fine, else a sentence that names the wrong key and what is allowed. Pure. '
  '[autonomous-operations]';

create function autonomy.rule_body_error(p_rule jsonb, p_new boolean) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_keys constant text[] := array['rule_name', 'rule_type', 'condition', 'action', 'priority', 'is_active'];
  v_priority float8 := autonomy.json_number(p_rule -> 'priority');
begin
  if p_rule is null or jsonb_typeof(p_rule) <> 'object' then
    return 'rule: must be an object with rule_name, rule_type, condition and action';
  end if;
  return coalesce(
    substr(autonomy.unknown_key_error(p_rule, '', c_keys), 2),
    (select k || ': is missing; a new rule needs it'
     from unnest(c_keys[:4]) with ordinality u (k, n) where p_new and not p_rule ? k order by n limit 1),
    case when jsonb_typeof(p_rule -> 'rule_name') <> 'string' then 'rule_name: must be a text that is not empty' end,
    case when p_rule ? 'priority' and (abs(v_priority) <= 1e6 and v_priority = trunc(v_priority)) is not true then
      format('priority: %s is not allowed; give a whole number from -1000000 to 1000000',
             left((p_rule -> 'priority')::text, 60)) end,
    substr(autonomy.flag_error(p_rule, 'is_active', ''), 2));
end $$;
comment on function autonomy.rule_body_error(jsonb, boolean) is
  'Null where a rule as JSON (p_new: a whole one, else the keys that change) has keys that there are, each of its '
  'type, else a sentence; what condition and action say is looked at when it is written. Pure. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The table refuses bad rules and remembers every change
-- ---------------------------------------------------------------------------------------------
create function autonomy.refuse_rule(p_rule_name text, p_error text) returns void
language plpgsql set search_path = ''
as $$
begin
  raise exception using errcode = 'AO001',
    message = format('Rule "%s" was refused. %s', coalesce(p_rule_name, ''), p_error),
    detail = split_part(p_error, ':', 1),
    hint = 'Nothing has been changed. python -m autonomy rules schema prints everything that a rule may say.';
end $$;
comment on function autonomy.refuse_rule(text, text) is
  'Raises AO001 with a sentence of rule_errors; the detail is the place that it names, so that a form can point at it. '
  '[autonomous-operations]';

-- A rule is looked at when it is written, not for every page of a run. Whoever reads it trusts the
-- verdict only where it is about exactly what stands in the rule: what came in past the trigger has
-- none, or one about something else, and is looked at again each time.
create table if not exists autonomy.rule_verdicts (
  rule_id uuid primary key,
  rule_type text not null,
  version text not null,  -- autonomy.rule_version
  flaw text
);
comment on table autonomy.rule_verdicts is
  'What rule_errors says of each rule as it was written; kept by the trigger, made anew by each migration. '
  '[autonomous-operations]';

create function autonomy.keep_rule_verdict(p_rule_id uuid, p_rule_type text, p_version text, p_flaw text) returns void
language sql set search_path = ''
as $$
  insert into autonomy.rule_verdicts (rule_id, rule_type, version, flaw)
  values (p_rule_id, p_rule_type, p_version, p_flaw)
  on conflict (rule_id) do update
    set rule_type = excluded.rule_type, version = excluded.version, flaw = excluded.flaw
$$;
comment on function autonomy.keep_rule_verdict(uuid, text, text, text) is
  'Writes down what rule_errors has said of a rule. Safe to call again. [autonomous-operations]';

create function autonomy.check_autonomous_rule() returns trigger
language plpgsql set search_path = ''
as $$
-- Only what is new is refused. A bad rule that was here before, or got in by force, can be switched
-- off and on with all the others: a run skips it and says so, and so does a warning here.
declare
  v_renamed boolean := tg_op = 'INSERT' or new.rule_name is distinct from old.rule_name;
  v_error text;
  v_warning text;
begin
  if tg_op = 'INSERT'
     or (new.rule_type, new.condition, new.action) is distinct from (old.rule_type, old.condition, old.action) then
    v_error := public.rule_errors(new.rule_type, new.condition, new.action);
    if v_error is null then
      perform autonomy.keep_rule_verdict(
        new.id, new.rule_type, autonomy.rule_version(new.condition, new.action), null);
    end if;
  elsif new.is_active and not coalesce(old.is_active, false) then
    v_warning := public.rule_errors(new.rule_type, new.condition, new.action);
    if v_warning is not null then
      raise warning 'Rule "%" is skipped by every run until it is mended. %', coalesce(new.rule_name, ''), v_warning;
    end if;
  end if;
  v_error := coalesce(v_error, case
    when v_renamed and coalesce(new.rule_name, '') = '' then 'rule_name: must be a text that is not empty'
    when v_renamed and length(new.rule_name) > 200 then
      format('rule_name: has %s characters; at most 200 are allowed', length(new.rule_name)) end);
  if v_error is not null then
    perform autonomy.refuse_rule(left(new.rule_name, 200), v_error);
  end if;
  if tg_op = 'UPDATE' and new is distinct from old then
    new.updated_at := now();
  end if;
  return new;
end $$;
comment on function autonomy.check_autonomous_rule() is
  'Trigger: refuses a bad rule with AO001 and a sentence; keeps its verdict and updated_at. [autonomous-operations]';

create function autonomy.log_autonomous_rule_change() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
  if tg_op = 'DELETE' then
    delete from autonomy.rule_verdicts where rule_id = old.id;
  end if;
  if v_before - 'updated_at' is distinct from v_after - 'updated_at' then
    insert into public.autonomous_rule_changes (rule_id, rule_name, actor, before, after)
    values (
      (coalesce(v_after, v_before) ->> 'id')::uuid,
      coalesce(v_after, v_before) ->> 'rule_name',
      coalesce(nullif(current_setting('autonomy.actor', true), ''), session_user),
      v_before, v_after);
  end if;
  return null;
end $$;
comment on function autonomy.log_autonomous_rule_change() is
  'Trigger: writes every change of a rule to autonomous_rule_changes; the actor is the setting autonomy.actor, else '
  'the database user. Forgets the verdict of a rule that is deleted. [autonomous-operations]';

create trigger check_autonomous_rule before insert or update on public.autonomous_rules
  for each row execute function autonomy.check_autonomous_rule();
create trigger log_autonomous_rule_change after insert or update or delete on public.autonomous_rules
  for each row execute function autonomy.log_autonomous_rule_change();

-- This version may know more, or less, to be wrong.
delete from autonomy.rule_verdicts where true;
insert into autonomy.rule_verdicts (rule_id, rule_type, version, flaw)
select r.id, r.rule_type, autonomy.rule_version(r.condition, r.action),
  public.rule_errors(r.rule_type, r.condition, r.action)
from public.autonomous_rules r
where r.id is not null and r.rule_type is not null
on conflict (rule_id) do nothing;

-- Rules: what a condition and an action may say, the trigger that refuses anything else, the
-- compiler from condition to predicate, and the four default rules. Safe to run again.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local check_function_bodies = off;

-- ---------------------------------------------------------------------------------------------
-- Small readers of JSON
-- ---------------------------------------------------------------------------------------------

create function public.json_number(p_value jsonb) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Written out without an exponent, 300 characters stay well within float8; only beyond them does
-- it take a (slow) look at what would over- or underflow.
declare
  v_text text := p_value #>> '{}';
begin
  return case
    when jsonb_typeof(p_value) is distinct from 'number' then null
    when length(v_text) <= 300 then v_text::float8
    when abs(v_text::numeric) > 1.7976931348623157e308 then null
    when abs(v_text::numeric) < 3e-324 then 0::float8
    else v_text::float8
  end;
end $$;
comment on function public.json_number(jsonb) is
  'A JSON number as float8; null for anything else and for numbers beyond float8. Pure. [autonomous-operations]';

create function public.moment_error(p_now timestamptz) returns void
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if p_now is null or not isfinite(p_now) then
    raise exception using errcode = 'AO010', message = 'p_now must be a moment.';
  end if;
end $$;
comment on function public.moment_error(timestamptz) is
  'Raises AO010 where a moment is missing or infinite. Pure. [autonomous-operations]';

-- The clock is the database's. This guards against mistakes (a date mistyped, a zone forgotten, a
-- host whose clock is wrong), not against attackers: whoever may set a setting may simulate.
create function public.simulated_moment(p_now timestamptz) returns boolean
language plpgsql set search_path = ''
as $$
begin
  perform public.moment_error(p_now);
  -- now(), the usual default, is as old as the transaction
  if p_now = now() or p_now between clock_timestamp() - interval '5 minutes' and clock_timestamp() + interval '5 minutes' then
    return false;
  elsif lower(coalesce(current_setting('autonomy.simulation', true), '')) in ('on', 'true', '1') then
    return true;
  end if;
  raise exception using errcode = 'AO014',
    message = format('p_now is %s, but the database''s clock says %s: they may differ by five minutes.',
                     p_now, date_trunc('second', clock_timestamp())),
    hint = 'Leave p_now out. To simulate another time, on a test database: set autonomy.simulation = on;';
end $$;
comment on function public.simulated_moment(timestamptz) is
  'Whether a moment that something is to be written at is another than the database''s (five minutes either way, and now() always, are the same); only a session with autonomy.simulation = on may say such a one. Only computes; safe to call again. Raises AO010 (no moment), AO014 (another time without the setting). [autonomous-operations]';

-- jsonb has one spelling for a value, whatever the order of its keys.
create function public.rule_version(p_condition jsonb, p_action jsonb) returns text
language sql immutable parallel safe set search_path = ''
as $$ select md5(coalesce(p_condition::text, '') || coalesce(p_action::text, '')) $$;
comment on function public.rule_version(jsonb, jsonb) is
  'What a decision was made by: changes with condition and action, not with name, priority or is_active. Pure. [autonomous-operations]';

create function public.closest_word(p_word text, p_known text[]) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Edit distance, row by row; only ever runs to make an error message kinder.
declare
  v_word text := lower(left(p_word, 40));
  v_known text;
  v_best text;
  v_best_distance int := 1 + greatest(1, length(v_word) / 3);
  v_above int[];
  v_row int[];
begin
  foreach v_known in array p_known loop
    v_above := array(select generate_series(0, length(v_word)));
    for i in 1 .. length(v_known) loop
      v_row := array[i];
      for j in 1 .. length(v_word) loop
        v_row := v_row || least(
          v_row[j] + 1, v_above[j + 1] + 1,
          v_above[j] + (substr(v_known, i, 1) <> substr(v_word, j, 1))::int);
      end loop;
      v_above := v_row;
    end loop;
    if v_above[length(v_word) + 1] < v_best_distance then
      v_best := v_known;
      v_best_distance := v_above[length(v_word) + 1];
    end if;
  end loop;
  return v_best;
end $$;
comment on function public.closest_word(text, text[]) is
  'The known word nearest to a misspelt one, or null where none is near. Pure. [autonomous-operations]';

create function public.unknown_key_error(p_object jsonb, p_path text, p_allowed text[]) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (
    select p_path || '.' || k.key || ': unknown key; '
      || coalesce('did you mean ' || public.closest_word(k.key, p_allowed) || '?',
                  'allowed are ' || array_to_string(p_allowed, ', '))
    from jsonb_object_keys(p_object) k (key)
    where k.key <> all (p_allowed)
    order by k.key collate "C"
    limit 1);
end $$;
comment on function public.unknown_key_error(jsonb, text, text[]) is
  'A sentence about the first key that is not allowed, or null. Pure. [autonomous-operations]';

create function public.number_error(
  p_object jsonb, p_key text, p_path text,
  p_low numeric, p_high numeric, p_low_open boolean = false, p_high_open boolean = false)
returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_number float8 := public.json_number(p_object -> p_key);
begin
  if not p_object ? p_key
     or (v_number > p_low or (v_number = p_low and not p_low_open))
        and (v_number < p_high or (v_number = p_high and not p_high_open)) then
    return null;
  end if;
  return format('%s.%s: %s is not allowed; give a number %s %s%s', p_path, p_key,
    left((p_object -> p_key)::text, 60),
    case when p_low_open then 'above' else 'of at least' end, trim_scale(p_low),
    case when p_high >= 1e12 then '' else
      case when p_high_open then ' and below ' else ' and at most ' end || trim_scale(p_high) end);
end $$;
comment on function public.number_error(jsonb, text, text, numeric, numeric, boolean, boolean) is
  'A sentence where the key is present and not a number within the bounds, else null. Pure. [autonomous-operations]';

create function public.flag_error(p_object jsonb, p_key text, p_path text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return (
    select format('%s.%s: %s is not allowed; give true or false', p_path, p_key, left((p_object -> p_key)::text, 60))
    where p_object ? p_key and jsonb_typeof(p_object -> p_key) <> 'boolean');
end $$;
comment on function public.flag_error(jsonb, text, text) is
  'A sentence where the key is present and not true or false, else null. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Conditions
-- ---------------------------------------------------------------------------------------------

create function public.condition_error_at(p_condition jsonb, p_path text, p_depth int) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_keys constant text[] := array[
    'metric', 'operator', 'threshold', 'than', 'window', 'all', 'any', 'not',
    'min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours',
    'account', 'title_contains'];
  c_metrics constant text[] := array[
    'roi', 'ctr', 'conversion_rate', 'cpa', 'cpc', 'aov', 'spend', 'revenue', 'profit',
    'impressions', 'clicks', 'conversions', 'budget', 'hours_running', 'frequency'];
  c_windows constant text[] := array[
    'lifetime', '1d', '3d', '7d', '14d', '30d', 'prior_1d', 'prior_3d', 'prior_7d', 'prior_14d', 'prior_30d'];
  c_operators constant text[] := array['<', '<=', '>', '>=', '=', '!=', 'between'];
  c_largest constant numeric := 1e15;
  v_heads text[];
  v_error text;
  v_key text;
  v_member jsonb;
  v_place int;
  v_least numeric;
begin
  if p_depth > 8 then
    return p_path || ': nested too deeply; at most 8 levels are allowed';
  end if;
  if p_condition is null or jsonb_typeof(p_condition) <> 'object' then
    return format('%s: must be an object such as {"metric": "roi", "operator": "<", "threshold": 1.0}', p_path);
  end if;
  v_error := public.unknown_key_error(p_condition, p_path, c_keys);
  if v_error is not null then
    return v_error;
  end if;
  if p_condition = '{}' or p_condition - 'window' = '{}' then
    return p_path || ': is empty; give a metric, all, any, not, a min_* or a scope (account, title_contains)';
  end if;

  v_heads := array(
    select k from unnest(array['metric', 'all', 'any', 'not']) k where p_condition ? k);
  if cardinality(v_heads) > 1 then
    return format('%s: has both %s and %s; only one of metric, all, any, not is allowed in one object',
                  p_path, v_heads[1], v_heads[2]);
  end if;

  if p_condition ? 'window' and v_heads[1] in ('all', 'any', 'not') then
    return format('%s.window: not allowed beside %s; give each of its conditions a window', p_path, v_heads[1]);
  end if;
  if p_condition ? 'window' and (jsonb_typeof(p_condition -> 'window') <> 'string'
      or p_condition ->> 'window' <> all (c_windows)) then
    return format('%s.window: %s is not a window; use one of %s',
                  p_path, left((p_condition -> 'window')::text, 60), array_to_string(c_windows, ' '));
  end if;
  foreach v_key in array array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours'] loop
    v_error := public.number_error(p_condition, v_key, p_path, 0, c_largest);
    if v_error is not null then
      return v_error;
    end if;
  end loop;
  foreach v_key in array array['account', 'title_contains'] loop
    if p_condition ? v_key and (jsonb_typeof(p_condition -> v_key) <> 'string' or p_condition ->> v_key = '') then
      return format('%s.%s: must be a text that is not empty', p_path, v_key);
    end if;
  end loop;

  -- all, any, not
  if v_heads[1] in ('all', 'any') then
    v_key := v_heads[1];
    if jsonb_typeof(p_condition -> v_key) <> 'array' or jsonb_array_length(p_condition -> v_key) not between 1 and 50 then
      return format('%s.%s: must be a list of 1 to 50 conditions', p_path, v_key);
    end if;
    for v_member, v_place in
      select m.value, m.ordinality - 1 from jsonb_array_elements(p_condition -> v_key) with ordinality m
    loop
      v_error := public.condition_error_at(v_member, format('%s.%s[%s]', p_path, v_key, v_place), p_depth + 1);
      if v_error is not null then
        return v_error;
      end if;
    end loop;
  elsif v_heads[1] = 'not' then
    v_error := public.condition_error_at(p_condition -> 'not', p_path || '.not', p_depth + 1);
    if v_error is not null then
      return v_error;
    end if;
  end if;

  -- a comparison
  if v_heads[1] is distinct from 'metric' then
    foreach v_key in array array['operator', 'threshold', 'than'] loop
      if p_condition ? v_key then
        return format('%s.%s: needs a metric beside it', p_path, v_key);
      end if;
    end loop;
    return null;
  end if;
  if jsonb_typeof(p_condition -> 'metric') <> 'string' or p_condition ->> 'metric' <> all (c_metrics) then
    return format('%s.metric: %s is not a metric; use one of %s',
                  p_path, left((p_condition -> 'metric')::text, 60), array_to_string(c_metrics, ' '));
  end if;
  if not p_condition ? 'operator' then
    return format('%s.operator: is missing; use one of %s', p_path, array_to_string(c_operators, ' '));
  end if;
  if jsonb_typeof(p_condition -> 'operator') <> 'string' or p_condition ->> 'operator' <> all (c_operators) then
    return format('%s.operator: %s is not an operator; use one of %s',
                  p_path, left((p_condition -> 'operator')::text, 60), array_to_string(c_operators, ' '));
  end if;
  if (p_condition ? 'threshold') = (p_condition ? 'than') then
    return format('%s.threshold: give either a threshold or a than, not %s', p_path,
                  case when p_condition ? 'than' then 'both' else 'neither' end);
  end if;

  v_least := case when p_condition ->> 'metric' = 'profit' then -c_largest else 0 end;
  if p_condition ->> 'operator' = 'between' then
    if p_condition ? 'than' then
      return p_path || '.than: between needs a threshold [low, high], not a than';
    end if;
    if jsonb_typeof(p_condition -> 'threshold') <> 'array' or jsonb_array_length(p_condition -> 'threshold') <> 2 then
      return p_path || '.threshold: between needs two numbers, [low, high]';
    end if;
    v_member := jsonb_build_object('low', p_condition -> 'threshold' -> 0, 'high', p_condition -> 'threshold' -> 1);
    v_error := coalesce(
      public.number_error(v_member, 'low', p_path || '.threshold', v_least, c_largest),
      public.number_error(v_member, 'high', p_path || '.threshold', v_least, c_largest));
    if v_error is not null then
      return v_error;
    end if;
    if public.json_number(v_member -> 'low') > public.json_number(v_member -> 'high') then
      return p_path || '.threshold: the first number of between must not be above the second';
    end if;
    return null;
  end if;
  if p_condition ? 'threshold' then
    return public.number_error(p_condition, 'threshold', p_path, v_least, c_largest);
  end if;

  -- a comparison with another metric or window
  v_member := p_condition -> 'than';
  if jsonb_typeof(v_member) <> 'object' then
    return p_path || '.than: must be an object such as {"metric": "ctr", "window": "prior_7d", "times": 0.7}';
  end if;
  v_error := coalesce(
    public.unknown_key_error(v_member, p_path || '.than', array['metric', 'window', 'times']),
    public.number_error(v_member, 'times', p_path || '.than', 0, 1e6));
  if v_error is not null then
    return v_error;
  end if;
  if jsonb_typeof(v_member -> 'metric') is distinct from 'string' or v_member ->> 'metric' <> all (c_metrics) then
    return format('%s.than.metric: %s is not a metric; use one of %s', p_path,
                  coalesce(left((v_member -> 'metric')::text, 60), 'nothing'), array_to_string(c_metrics, ' '));
  end if;
  if v_member ? 'window' and (jsonb_typeof(v_member -> 'window') <> 'string'
      or v_member ->> 'window' <> all (c_windows)) then
    return format('%s.than.window: %s is not a window; use one of %s',
                  p_path, left((v_member -> 'window')::text, 60), array_to_string(c_windows, ' '));
  end if;
  return null;
end $$;
comment on function public.condition_error_at(jsonb, text, int) is
  'condition_errors for the object at one place of a condition. Pure. [autonomous-operations]';

create function public.condition_comparisons(p_condition jsonb) returns int
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Of anything, however wrong: it is asked before the condition is looked at.
begin
  return (
    -- no deeper than a condition may be nested: what lies below is refused for its depth
    with recursive nodes (node, level) as (
      select p_condition, 1
      union all
      select child.value, level + 1
      from nodes
      cross join lateral jsonb_array_elements(
        case when jsonb_typeof(node -> 'all') = 'array' then node -> 'all' else '[]' end
        || case when jsonb_typeof(node -> 'any') = 'array' then node -> 'any' else '[]' end
        || case when jsonb_typeof(node -> 'not') = 'object' then jsonb_build_array(node -> 'not') else '[]' end) child
      where level <= 8
    )
    select count(*)
    from nodes
    cross join unnest(array['metric', 'min_spend', 'min_conversions', 'min_clicks', 'min_impressions',
                            'min_duration_hours', 'account', 'title_contains']) k
    where jsonb_typeof(node) = 'object' and node ? k);
end $$;
comment on function public.condition_comparisons(jsonb) is
  'How many comparisons a condition has, its members'' included: each metric, min_* and filter is one. Pure. [autonomous-operations]';

create function public.condition_errors(p_condition jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Every campaign is tried with each comparison. Fifty accounts with a threshold and three filters
-- of their own still fit into 200; 5,000 cost each run on 20,000 campaigns 9 seconds.
declare
  v_comparisons int := public.condition_comparisons(p_condition);
begin
  if v_comparisons > 200 then
    return format('condition: has %s comparisons; at most 200 are allowed', v_comparisons);
  end if;
  return public.condition_error_at(p_condition, 'condition', 1);
end $$;
comment on function public.condition_errors(jsonb) is
  'Null where the condition is fine, else a sentence that names the wrong key and what is allowed. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Actions
-- ---------------------------------------------------------------------------------------------

create function public.action_errors(p_action jsonb) returns text
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
    when p_action ? 'by' then array['by', 'step', 'max_budget', 'min_budget']
    else array['budget'] end;
  v_needed := (
    select k from unnest(case
      when v_type = 'auto_scale_up' then array['multiplier', 'max_budget']
      when v_type = 'auto_scale_down' then array['multiplier']
      when v_type = 'budget_adjusted' and p_action ? 'by' then array['step']
      when v_type = 'budget_adjusted' then array['budget']
      else '{}'::text[] end) k
    where not p_action ? k limit 1);

  return coalesce(
    public.unknown_key_error(p_action, 'action', array['type'] || v_own
      || array['min_confidence', 'cooldown_hours', 'break_even_roi', 'requires_approval', 'notify']),
    'action.' || v_needed || ': is missing; ' || v_type || ' needs it',
    case when p_action ? 'by' and p_action -> 'by' <> '"marginal_return"' then
      format('action.by: %s is not allowed; the only way is "marginal_return"', left((p_action -> 'by')::text, 60)) end,
    case when v_type = 'auto_scale_up' then
      public.number_error(p_action, 'multiplier', 'action', 1, 100, true) end,
    case when v_type = 'auto_scale_down' then
      public.number_error(p_action, 'multiplier', 'action', 0, 1, true, true) end,
    public.number_error(p_action, 'max_budget', 'action', 0, c_money, true),
    public.number_error(p_action, 'min_budget', 'action', 0, c_money),
    public.number_error(p_action, 'budget', 'action', 0, c_money, true),
    public.number_error(p_action, 'step', 'action', 0, 1, true),
    public.number_error(p_action, 'min_confidence', 'action', 0, 100),
    public.number_error(p_action, 'cooldown_hours', 'action', 0, 8760),
    public.number_error(p_action, 'break_even_roi', 'action', 0, 1000, true),
    case when public.json_number(p_action -> 'min_budget') > public.json_number(p_action -> 'max_budget') then
      'action.min_budget: must not be above max_budget' end,
    public.flag_error(p_action, 'requires_approval', 'action'),
    public.flag_error(p_action, 'notify', 'action'));
end $$;
comment on function public.action_errors(jsonb) is
  'Null where the action is fine, else a sentence that names the wrong key and what is allowed. Pure. [autonomous-operations]';

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
  v_error := coalesce(public.condition_errors(p_condition), public.action_errors(p_action));
  if v_error is null and p_action ->> 'type' <> all (v_allowed) then
    v_error := format('action.type: a rule of type %s cannot %s; use one of %s',
                      p_rule_type, p_action ->> 'type', array_to_string(v_allowed, ' '));
  end if;
  return v_error;
end $$;
comment on function public.rule_errors(text, jsonb, jsonb) is
  'Null where the rule is fine, else a sentence that names the wrong key and what is allowed. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The table refuses bad rules and remembers every change
-- ---------------------------------------------------------------------------------------------

create function public.check_autonomous_rule() returns trigger
language plpgsql set search_path = ''
as $$
-- Only what is new is refused. A bad rule that was here before, or got in by force, can be switched
-- off and on with all the others: a run skips it and says so, and so does a warning here.
declare
  v_error text;
  v_warning text;
begin
  if tg_op = 'INSERT'
     or (new.rule_type, new.condition, new.action) is distinct from (old.rule_type, old.condition, old.action) then
    v_error := public.rule_errors(new.rule_type, new.condition, new.action);
  elsif new.is_active and not coalesce(old.is_active, false) then
    v_warning := public.rule_errors(new.rule_type, new.condition, new.action);
    if v_warning is not null then
      raise warning 'Rule "%" is skipped by every run until it is mended. %', coalesce(new.rule_name, ''), v_warning;
    end if;
  end if;
  if v_error is null and (tg_op = 'INSERT' or new.rule_name is distinct from old.rule_name)
     and coalesce(new.rule_name, '') = '' then
    v_error := 'rule_name: must be a text that is not empty';
  end if;
  if v_error is not null then
    raise exception using errcode = 'AO001',
      message = format('Rule "%s" was refused. %s', coalesce(new.rule_name, ''), v_error),
      hint = 'Nothing has been changed. python -m autonomy rules schema prints everything that a rule may say.';
  end if;
  if tg_op = 'UPDATE' and new is distinct from old then
    new.updated_at := now();
  end if;
  return new;
end $$;
comment on function public.check_autonomous_rule() is
  'Trigger: refuses a bad rule with AO001 and a sentence; keeps updated_at. [autonomous-operations]';

create function public.log_autonomous_rule_change() returns trigger
language plpgsql set search_path = ''
as $$
declare
  v_before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
begin
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
comment on function public.log_autonomous_rule_change() is
  'Trigger: writes every change of a rule to autonomous_rule_changes; the actor is the setting autonomy.actor, else the database user. [autonomous-operations]';

create trigger check_autonomous_rule before insert or update on public.autonomous_rules
  for each row execute function public.check_autonomous_rule();
create trigger log_autonomous_rule_change after insert or update or delete on public.autonomous_rules
  for each row execute function public.log_autonomous_rule_change();

-- ---------------------------------------------------------------------------------------------
-- From condition to predicate. Two spellings of the same: exact (over campaign_facts f, campaigns c
-- and $1, the moment), or columns (over a subquery m in which each metric has been computed).
-- ---------------------------------------------------------------------------------------------

create function public.measure_column(p_measure text, p_window text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case
    when p_window like 'prior\_%' then 'f.p' || substr(rtrim(p_window, 'd'), 7)
    when p_window = 'lifetime' then 'f.life'
    else 'f.w' || rtrim(p_window, 'd') end || '_' || p_measure;
end $$;
comment on function public.measure_column(text, text) is
  'SQL text of one measure of one window as it stands in campaign_facts or campaign_totals f. Arguments come from validated conditions only. Pure. [autonomous-operations]';

create function public.measure_expression(p_measure text, p_window text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- NaN and infinities compare as larger than anything in SQL; here they are unknown.
begin
  return case
    when p_measure is null then null
    when p_measure = 'budget' then
      '(case when c.budget between -1e18 and 1e18 then c.budget::float8 end)'
    when p_measure = 'hours_running' then
      '(case when isfinite(c.created_at) then date_part(''epoch'', $1 - c.created_at) / 3600::float8 end)'
    else
      format('(case when %1$s > 1e-9::float8 and %1$s <= 1e18::float8 then %1$s '  -- the usual value first
             'when %1$s between -1e-9::float8 and 1e-9::float8 then 0::float8 '
             'when %1$s between -1e18::float8 and -1e-9::float8 then %1$s end)',
        public.measure_column(p_measure, p_window))
    end;
end $$;
comment on function public.measure_expression(text, text) is
  'SQL text of one measure of one window over campaign_facts f, campaigns c and $1 (the moment), unknown where it is not a sane number. Arguments come from validated conditions only. Pure. [autonomous-operations]';

create function public.metric_measures(p_metric text) returns text[]
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case p_metric
    when 'roi' then array['revenue', 'spend']
    when 'ctr' then array['clicks', 'impressions']
    when 'conversion_rate' then array['conversions', 'clicks']
    when 'cpa' then array['spend', 'conversions']
    when 'cpc' then array['spend', 'clicks']
    when 'aov' then array['revenue', 'conversions']
    when 'frequency' then array['impressions', 'reach']
    when 'profit' then array['revenue', 'spend']
    else array[p_metric] end;
end $$;
comment on function public.metric_measures(text) is
  'The measures that a metric is computed from; of a ratio, what is divided and what it is divided by. Pure. [autonomous-operations]';

create function public.metric_expression(p_metric text, p_window text, p_spelling text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_measures text[] := public.metric_measures(p_metric);
  v_first text;
  v_second text;
begin
  if p_spelling = 'columns' then
    return format('m.%I', p_metric || '@' || case when p_metric in ('budget', 'hours_running') then 'lifetime' else p_window end);
  elsif p_spelling = 'raw' then
    v_first := public.measure_column(v_measures[1], p_window);
    v_second := public.measure_column(v_measures[2], p_window);
  else
    v_first := public.measure_expression(v_measures[1], p_window);
    v_second := public.measure_expression(v_measures[2], p_window);
  end if;

  if p_metric = 'profit' then
    return format('(%s - %s)', v_first, v_second);
  elsif cardinality(v_measures) = 1 then
    return v_first;
  end if;
  -- a ratio is unknown where there is nothing to divide by
  return format('(case when %2$s > 0::float8 then %3$s%1$s / %2$s end)', v_first, v_second,
                case when p_metric in ('ctr', 'conversion_rate') then '100::float8 * ' else '' end);
end $$;
comment on function public.metric_expression(text, text, text) is
  'SQL text of one metric, the only place where a metric is defined; spelling exact (over campaign_facts f, campaigns c and $1), raw (over campaign_totals f, which is sane) or columns (a column of a subquery m of metrics). Pure. [autonomous-operations]';

create function public.compile_condition_part(p_condition jsonb, p_spelling text) returns text
language plpgsql immutable parallel safe set search_path = '' set extra_float_digits = 1
as $$
-- SQL's own and/or/not are Kleene's; whoever uses the predicate acts on TRUE only.
declare
  v_parts text[] := '{}';
  v_window text := coalesce(p_condition ->> 'window', 'lifetime');
  v_left text;
  v_operator text := p_condition ->> 'operator';
  v_than jsonb := p_condition -> 'than';
  v_times float8;
  v_minimum record;
begin
  if p_condition ? 'account' then
    v_parts := v_parts || format('%s.account = %L', case p_spelling when 'columns' then 'm' else 'c' end, p_condition ->> 'account');
  end if;
  if p_condition ? 'title_contains' then
    v_parts := v_parts || format('strpos(lower(%s.title), lower(%L)) > 0',
                                 case p_spelling when 'columns' then 'm' else 'c' end, p_condition ->> 'title_contains');
  end if;
  for v_minimum in
    select substr(k, 5) as metric, public.json_number(p_condition -> k) as least
    from unnest(array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours']) k
    where p_condition ? k
  loop
    v_parts := v_parts || format('%s >= %L::float8',
      public.metric_expression(replace(v_minimum.metric, 'duration_hours', 'hours_running'), v_window, p_spelling),
      v_minimum.least);
  end loop;

  if p_condition ? 'metric' then
    v_left := public.metric_expression(p_condition ->> 'metric', v_window, p_spelling);
    if v_than is not null then
      v_times := coalesce(public.json_number(v_than -> 'times'), 1);
      -- a tiny factor is kept where its product does not underflow, which SQL raises as an error
      v_parts := v_parts || format('%s %s (%L::float8 * %s)', v_left, v_operator,
        case when v_times = 0 then 0 else greatest(1e-200::float8, v_times) end,
        public.metric_expression(v_than ->> 'metric', coalesce(v_than ->> 'window', 'lifetime'), p_spelling));
    elsif v_operator = 'between' then
      v_parts := v_parts || format('%s between %L::float8 and %L::float8', v_left,
        public.json_number(p_condition -> 'threshold' -> 0), public.json_number(p_condition -> 'threshold' -> 1));
    else
      v_parts := v_parts || format('%s %s %L::float8', v_left, v_operator, public.json_number(p_condition -> 'threshold'));
    end if;
  elsif p_condition ? 'not' then
    v_parts := v_parts || format('not (%s)', public.compile_condition_part(p_condition -> 'not', p_spelling));
  elsif p_condition ?| array['all', 'any'] then
    v_parts := v_parts || (
      select '(' || string_agg('(' || public.compile_condition_part(m.value, p_spelling) || ')',
                               case when p_condition ? 'all' then ' and ' else ' or ' end order by m.ordinality) || ')'
      from jsonb_array_elements(coalesce(p_condition -> 'all', p_condition -> 'any')) with ordinality m);
  end if;
  return array_to_string(v_parts, ' and ');
end $$;
comment on function public.compile_condition_part(jsonb, text) is
  'Predicate of a condition that has been validated; spelling exact or columns, as in metric_expression. Pure. [autonomous-operations]';

create function public.compile_condition(p_condition jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_error text := public.condition_errors(p_condition);
begin
  if v_error is not null then
    raise exception using errcode = 'AO001', message = v_error;
  end if;
  return public.compile_condition_part(p_condition, 'exact');
end $$;
comment on function public.compile_condition(jsonb) is
  'A condition as one SQL predicate over campaign_facts f, campaigns c and $1 (the moment); acts on TRUE only, built from whitelisted columns and quoted literals. Pure. Raises AO001 for a bad condition. [autonomous-operations]';

create function public.condition_reads(p_condition jsonb) returns table (metric text, win text)
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return query
  with recursive nodes (node) as (
    select p_condition
    union all
    select child.value
    from nodes
    cross join lateral jsonb_array_elements(
      coalesce(node -> 'all', '[]') || coalesce(node -> 'any', '[]')
      || case when node ? 'not' then jsonb_build_array(node -> 'not') else '[]' end) child
  ),
  reads as (
    select node ->> 'metric' as metric, coalesce(node ->> 'window', 'lifetime') as win from nodes where node ? 'metric'
    union
    select node -> 'than' ->> 'metric', coalesce(node -> 'than' ->> 'window', 'lifetime')
    from nodes where node ? 'than'
    union
    select replace(substr(k, 5), 'duration_hours', 'hours_running'), coalesce(node ->> 'window', 'lifetime')
    from nodes, unnest(array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours']) k
    where node ? k
  )
  select r.metric, case when r.metric in ('budget', 'hours_running') then 'lifetime' else r.win end
  from reads r
  group by 1, 2;
end $$;
comment on function public.condition_reads(jsonb) is
  'Which metrics of which windows a validated condition reads. Pure. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- The four default rules
-- ---------------------------------------------------------------------------------------------

create function public.default_autonomous_rules()
returns table (rule_name text, rule_type text, condition jsonb, action jsonb, priority int)
language sql immutable set search_path = ''
as $$
  values
    ('Critical ROI Pause', 'pause',
     '{"metric": "roi", "operator": "<", "threshold": 0.5, "min_spend": 50}'::jsonb,
     '{"type": "auto_pause"}'::jsonb, 100),
    ('Low ROI Pause', 'pause',
     '{"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100, "min_duration_hours": 24}',
     '{"type": "auto_pause"}', 90),
    ('Exceptional ROI Aggressive Scale', 'scale',
     '{"metric": "roi", "operator": ">=", "threshold": 4.0, "min_conversions": 20}',
     '{"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 20000}', 85),
    ('High ROI Scale', 'scale',
     '{"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10}',
     '{"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000}', 80)
$$;
comment on function public.default_autonomous_rules() is
  'The four default rules as the migration inserts them. Pure. [autonomous-operations]';

-- A default that a person has changed, renamed or deleted stays so: only names that were never
-- in the table are inserted. The ids are made from the names, the same in every installation.
insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, created_by)
select md5('autonomous-operations:' || d.rule_name)::uuid,
       d.rule_name, d.rule_type, d.condition, d.action, d.priority, 'system'
from public.default_autonomous_rules() d
where not exists (
  select from public.autonomous_rule_changes h
  where d.rule_name in (h.rule_name, h.before ->> 'rule_name', h.after ->> 'rule_name'))
on conflict do nothing;

create function public.autonomy_reset_defaults() returns void
language plpgsql set search_path = ''
as $$
begin
  insert into public.autonomy_policy (id) values (true) on conflict do nothing;
  execute (
    select 'update public.autonomy_policy set ' || string_agg(format('%I = default', a.attname), ', ')
    from pg_catalog.pg_attribute a
    where a.attrelid = 'public.autonomy_policy'::regclass
      and a.attnum > 0 and not a.attisdropped and a.attname <> 'id');
  delete from public.autonomous_rules where true;
  insert into public.autonomous_rules (id, rule_name, rule_type, condition, action, priority, created_by)
  select md5('autonomous-operations:' || d.rule_name)::uuid,
         d.rule_name, d.rule_type, d.condition, d.action, d.priority, 'system'
  from public.default_autonomous_rules() d;
end $$;
comment on function public.autonomy_reset_defaults() is
  'Puts policy and rules back to the defaults; every other rule is deleted. For tests and fresh starts; safe to call again. [autonomous-operations]';

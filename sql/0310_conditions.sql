-- What a condition may say.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.condition_error_at(p_condition jsonb, p_path text, p_depth int) returns text
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
  v_error := autonomy.unknown_key_error(p_condition, p_path, c_keys);
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
  foreach v_key in array array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions',
                               'min_duration_hours'] loop
    v_error := autonomy.number_error(p_condition, v_key, p_path, 0, c_largest);
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
    if jsonb_typeof(p_condition -> v_key) <> 'array'
      or jsonb_array_length(p_condition -> v_key) not between 1 and 50 then
      return format('%s.%s: must be a list of 1 to 50 conditions', p_path, v_key);
    end if;
    for v_member, v_place in
      select m.value, m.ordinality - 1 from jsonb_array_elements(p_condition -> v_key) with ordinality m
    loop
      v_error := autonomy.condition_error_at(v_member, format('%s.%s[%s]', p_path, v_key, v_place), p_depth + 1);
      if v_error is not null then
        return v_error;
      end if;
    end loop;
  elsif v_heads[1] = 'not' then
    v_error := autonomy.condition_error_at(p_condition -> 'not', p_path || '.not', p_depth + 1);
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
      autonomy.number_error(v_member, 'low', p_path || '.threshold', v_least, c_largest),
      autonomy.number_error(v_member, 'high', p_path || '.threshold', v_least, c_largest));
    if v_error is not null then
      return v_error;
    end if;
    if autonomy.json_number(v_member -> 'low') > autonomy.json_number(v_member -> 'high') then
      return p_path || '.threshold: the first number of between must not be above the second';
    end if;
    return null;
  end if;
  if p_condition ? 'threshold' then
    return autonomy.number_error(p_condition, 'threshold', p_path, v_least, c_largest);
  end if;

  -- a comparison with another metric or window
  v_member := p_condition -> 'than';
  if jsonb_typeof(v_member) <> 'object' then
    return p_path || '.than: must be an object such as {"metric": "ctr", "window": "prior_7d", "times": 0.7}';
  end if;
  v_error := coalesce(
    autonomy.unknown_key_error(v_member, p_path || '.than', array['metric', 'window', 'times']),
    autonomy.number_error(v_member, 'times', p_path || '.than', 0, 1e6));
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
comment on function autonomy.condition_error_at(jsonb, text, int) is
  'condition_errors for the object at one place of a condition. Pure. [autonomous-operations]';

create function autonomy.condition_comparisons(p_condition jsonb) returns int
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
comment on function autonomy.condition_comparisons(jsonb) is
  'How many comparisons a condition has, its members'' included: each metric, min_* and filter is one. Pure. '
  '[autonomous-operations]';

create function public.condition_errors(p_condition jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Every campaign is tried with each comparison. Fifty accounts with a threshold and three filters
-- of their own still fit into 200; 5,000 cost each run on 20,000 campaigns 9 seconds.
declare
  v_comparisons int := autonomy.condition_comparisons(p_condition);
begin
  if v_comparisons > 200 then
    return format('condition: has %s comparisons; at most 200 are allowed', v_comparisons);
  end if;
  return autonomy.condition_error_at(p_condition, 'condition', 1);
end $$;
comment on function public.condition_errors(jsonb) is
  'Null where the condition is fine, else a sentence that names the wrong key and what is allowed. Pure. '
  '[autonomous-operations]';

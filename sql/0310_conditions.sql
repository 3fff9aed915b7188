-- What a condition may say.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.word_error(p_object jsonb, p_key text, p_path text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_words constant text[] := case p_key
    when 'metric' then array[
      'roi', 'ctr', 'conversion_rate', 'cpa', 'cpc', 'aov', 'spend', 'revenue', 'profit',
      'impressions', 'clicks', 'conversions', 'budget', 'hours_running', 'frequency']
    when 'window' then array[
      'lifetime', '1d', '3d', '7d', '14d', '30d', 'prior_1d', 'prior_3d', 'prior_7d', 'prior_14d', 'prior_30d']
    when 'operator' then array['<', '<=', '>', '>=', '=', '!=', 'between'] end;
begin
  if jsonb_typeof(p_object -> p_key) = 'string' and p_object ->> p_key = any (c_words) then
    return null;
  end if;
  return format('%s.%s: %s; use one of %s', p_path, p_key,
    case when p_key = 'operator' and not p_object ? p_key then 'is missing'
         else format('%s is not %s %s', coalesce(left((p_object -> p_key)::text, 60), 'nothing'),
                     case p_key when 'operator' then 'an' else 'a' end, p_key) end,
    array_to_string(c_words, ' '));
end $$;
comment on function autonomy.word_error(jsonb, text, text) is
  'Null where the metric, window or operator (p_key) of an object is one that there is, else a sentence that names '
  'those that there are. Pure. [autonomous-operations]';

create function autonomy.than_error(p_than jsonb, p_path text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  if jsonb_typeof(p_than) <> 'object' then
    return p_path || ': must be an object such as {"metric": "ctr", "window": "prior_7d", "times": 0.7}';
  end if;
  return coalesce(
    autonomy.unknown_key_error(p_than, p_path, array['metric', 'window', 'times']),
    autonomy.number_error(p_than, 'times', p_path, 0, 1e6),
    autonomy.word_error(p_than, 'metric', p_path),
    case when p_than ? 'window' then autonomy.word_error(p_than, 'window', p_path) end);
end $$;
comment on function autonomy.than_error(jsonb, text) is
  'Null where the other metric or window that a condition compares with is fine, else a sentence. Pure. '
  '[autonomous-operations]';

create function autonomy.comparison_error(p_condition jsonb, p_path text, p_largest numeric) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_error text;
  v_range jsonb;
  v_least numeric;
begin
  v_error := autonomy.word_error(p_condition, 'metric', p_path);
  if v_error is not null then
    return v_error;
  end if;
  v_error := autonomy.word_error(p_condition, 'operator', p_path);
  if v_error is not null then
    return v_error;
  end if;
  if (p_condition ? 'threshold') = (p_condition ? 'than') then
    return format('%s.threshold: give either a threshold or a than, not %s', p_path,
                  case when p_condition ? 'than' then 'both' else 'neither' end);
  end if;

  v_least := case when p_condition ->> 'metric' = 'profit' then -p_largest else 0 end;
  if p_condition ->> 'operator' = 'between' then
    if p_condition ? 'than' then
      return p_path || '.than: between needs a threshold [low, high], not a than';
    end if;
    if jsonb_typeof(p_condition -> 'threshold') <> 'array' or jsonb_array_length(p_condition -> 'threshold') <> 2 then
      return p_path || '.threshold: between needs two numbers, [low, high]';
    end if;
    v_range := jsonb_build_object('low', p_condition -> 'threshold' -> 0, 'high', p_condition -> 'threshold' -> 1);
    v_error := coalesce(
      autonomy.number_error(v_range, 'low', p_path || '.threshold', v_least, p_largest),
      autonomy.number_error(v_range, 'high', p_path || '.threshold', v_least, p_largest));
    if v_error is not null then
      return v_error;
    end if;
    if autonomy.json_number(v_range -> 'low') > autonomy.json_number(v_range -> 'high') then
      return p_path || '.threshold: the first number of between must not be above the second';
    end if;
    return null;
  end if;
  if p_condition ? 'threshold' then
    return autonomy.number_error(p_condition, 'threshold', p_path, v_least, p_largest);
  end if;
  return autonomy.than_error(p_condition -> 'than', p_path || '.than');
end $$;
comment on function autonomy.comparison_error(jsonb, text, numeric) is
  'Null where the metric, operator and threshold (or than) of an object are fine, else a sentence; p_largest: the '
  'largest threshold. Pure. [autonomous-operations]';

create function autonomy.own_keys_error(p_condition jsonb, p_path text, p_largest numeric) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_keys constant text[] := array[
    'metric', 'operator', 'threshold', 'than', 'window', 'all', 'any', 'not',
    'min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours',
    'account', 'title_contains'];
  v_heads text[];
  v_error text;
  v_key text;
begin
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
  if p_condition ? 'window' then
    v_error := autonomy.word_error(p_condition, 'window', p_path);
    if v_error is not null then
      return v_error;
    end if;
  end if;
  foreach v_key in array array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions',
                               'min_duration_hours'] loop
    v_error := autonomy.number_error(p_condition, v_key, p_path, 0, p_largest);
    if v_error is not null then
      return v_error;
    end if;
  end loop;
  foreach v_key in array array['account', 'title_contains'] loop
    if p_condition ? v_key and (jsonb_typeof(p_condition -> v_key) <> 'string' or p_condition ->> v_key = '') then
      return format('%s.%s: must be a text that is not empty', p_path, v_key);
    end if;
  end loop;
  return null;
end $$;
comment on function autonomy.own_keys_error(jsonb, text, numeric) is
  'Null where an object of a condition has only keys that there are and go together, and its window, min_* and scope '
  'are fine, else a sentence; p_largest: the largest min_*. Pure. [autonomous-operations]';

create function autonomy.condition_error_at(p_condition jsonb, p_path text, p_depth int) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  c_largest constant numeric := 1e15;
  v_head text;
  v_error text;
  v_key text;
  v_member jsonb;
  v_place int;
begin
  if p_depth > 8 then
    return p_path || ': nested too deeply; at most 8 levels are allowed';
  end if;
  v_error := autonomy.own_keys_error(p_condition, p_path, c_largest);
  if v_error is not null then
    return v_error;
  end if;
  v_head := (select k from unnest(array['metric', 'all', 'any', 'not']) k where p_condition ? k);
  if v_head in ('all', 'any') then
    if jsonb_typeof(p_condition -> v_head) <> 'array'
      or jsonb_array_length(p_condition -> v_head) not between 1 and 50 then
      return format('%s.%s: must be a list of 1 to 50 conditions', p_path, v_head);
    end if;
    for v_member, v_place in
      select m.value, m.ordinality - 1 from jsonb_array_elements(p_condition -> v_head) with ordinality m
    loop
      v_error := autonomy.condition_error_at(v_member, format('%s.%s[%s]', p_path, v_head, v_place), p_depth + 1);
      if v_error is not null then
        return v_error;
      end if;
    end loop;
  elsif v_head = 'not' then
    v_error := autonomy.condition_error_at(p_condition -> 'not', p_path || '.not', p_depth + 1);
    if v_error is not null then
      return v_error;
    end if;
  end if;

  if v_head is distinct from 'metric' then
    foreach v_key in array array['operator', 'threshold', 'than'] loop
      if p_condition ? v_key then
        return format('%s.%s: needs a metric beside it', p_path, v_key);
      end if;
    end loop;
    return null;
  end if;
  return autonomy.comparison_error(p_condition, p_path, c_largest);
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

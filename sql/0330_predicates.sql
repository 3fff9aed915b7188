-- From condition to predicate. Two spellings of the same: exact (over campaign_facts f, campaigns c
-- and $1, the moment), or columns (over a subquery m in which each metric has been computed).

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.measure_column(p_measure text, p_window text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return case
    when p_window like 'prior\_%' then 'f.p' || substr(rtrim(p_window, 'd'), 7)
    when p_window = 'lifetime' then 'f.life'
    else 'f.w' || rtrim(p_window, 'd') end || '_' || p_measure;
end $$;
comment on function autonomy.measure_column(text, text) is
  'SQL text of one measure of one window as it stands in campaign_facts or campaign_totals f. Arguments come from '
  'validated conditions only. Pure. [autonomous-operations]';

create function autonomy.measure_expression(p_measure text, p_window text) returns text
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
        autonomy.measure_column(p_measure, p_window))
    end;
end $$;
comment on function autonomy.measure_expression(text, text) is
  'SQL text of one measure of one window over campaign_facts f, campaigns c and $1 (the moment), unknown where it is '
  'not a sane number. Arguments come from validated conditions only. Pure. [autonomous-operations]';

create function autonomy.metric_measures(p_metric text) returns text[]
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
comment on function autonomy.metric_measures(text) is
  'The measures that a metric is computed from; of a ratio, what is divided and what it is divided by. Pure. '
  '[autonomous-operations]';

create function autonomy.metric_expression(p_metric text, p_window text, p_spelling text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_measures text[] := autonomy.metric_measures(p_metric);
  v_first text;
  v_second text;
begin
  if p_spelling = 'columns' then
    return format('m.%I', p_metric || '@' || case when p_metric in ('budget', 'hours_running') then 'lifetime'
                                                  else p_window end);
  elsif p_spelling = 'raw' then
    v_first := autonomy.measure_column(v_measures[1], p_window);
    v_second := autonomy.measure_column(v_measures[2], p_window);
  else
    v_first := autonomy.measure_expression(v_measures[1], p_window);
    v_second := autonomy.measure_expression(v_measures[2], p_window);
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
comment on function autonomy.metric_expression(text, text, text) is
  'SQL text of one metric, the only place where a metric is defined; spelling exact (over campaign_facts f, campaigns '
  'c and $1), raw (over campaign_totals f, which is sane) or columns (a column of a subquery m of metrics). Pure. '
  '[autonomous-operations]';

create function autonomy.compile_condition_part(p_condition jsonb, p_spelling text) returns text
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
    v_parts := v_parts || format('%s.account = %L', case p_spelling when 'columns' then 'm' else 'c' end,
                                 p_condition ->> 'account');
  end if;
  if p_condition ? 'title_contains' then
    v_parts := v_parts || format('strpos(lower(%s.title), lower(%L)) > 0',
                                 case p_spelling when 'columns' then 'm' else 'c' end,
                                 p_condition ->> 'title_contains');
  end if;
  for v_minimum in
    select substr(k, 5) as metric, autonomy.json_number(p_condition -> k) as least
    from unnest(array['min_spend', 'min_conversions', 'min_clicks', 'min_impressions', 'min_duration_hours']) k
    where p_condition ? k
  loop
    v_parts := v_parts || format('%s >= %L::float8',
      autonomy.metric_expression(replace(v_minimum.metric, 'duration_hours', 'hours_running'), v_window, p_spelling),
      v_minimum.least);
  end loop;

  if p_condition ? 'metric' then
    v_left := autonomy.metric_expression(p_condition ->> 'metric', v_window, p_spelling);
    if v_than is not null then
      v_times := coalesce(autonomy.json_number(v_than -> 'times'), 1);
      -- a tiny factor is kept where its product does not underflow, which SQL raises as an error
      v_parts := v_parts || format('%s %s (%L::float8 * %s)', v_left, v_operator,
        case when v_times = 0 then 0 else greatest(1e-200::float8, v_times) end,
        autonomy.metric_expression(v_than ->> 'metric', coalesce(v_than ->> 'window', 'lifetime'), p_spelling));
    elsif v_operator = 'between' then
      v_parts := v_parts || format('%s between %L::float8 and %L::float8', v_left,
        autonomy.json_number(p_condition -> 'threshold' -> 0), autonomy.json_number(p_condition -> 'threshold' -> 1));
    else
      v_parts := v_parts || format('%s %s %L::float8', v_left, v_operator,
                                   autonomy.json_number(p_condition -> 'threshold'));
    end if;
  elsif p_condition ? 'not' then
    v_parts := v_parts || format('not (%s)', autonomy.compile_condition_part(p_condition -> 'not', p_spelling));
  elsif p_condition ?| array['all', 'any'] then
    v_parts := v_parts || (
      select '(' || string_agg('(' || autonomy.compile_condition_part(m.value, p_spelling) || ')',
                               case when p_condition ? 'all' then ' and ' else ' or ' end order by m.ordinality) || ')'
      from jsonb_array_elements(coalesce(p_condition -> 'all', p_condition -> 'any')) with ordinality m);
  end if;
  return array_to_string(v_parts, ' and ');
end $$;
comment on function autonomy.compile_condition_part(jsonb, text) is
  'Predicate of a condition that has been validated; spelling exact or columns, as in metric_expression. Pure. '
  '[autonomous-operations]';

create function autonomy.compile_condition(p_condition jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_error text := public.condition_errors(p_condition);
begin
  if v_error is not null then
    raise exception using errcode = 'AO001', message = v_error;
  end if;
  return autonomy.compile_condition_part(p_condition, 'exact');
end $$;
comment on function autonomy.compile_condition(jsonb) is
  'A condition as one SQL predicate over campaign_facts f, campaigns c and $1 (the moment); acts on TRUE only, built '
  'from whitelisted columns and quoted literals. Pure. Raises AO001 for a bad condition. [autonomous-operations]';

create function autonomy.condition_reads(p_condition jsonb) returns table (metric text, win text)
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
comment on function autonomy.condition_reads(jsonb) is
  'Which metrics of which windows a validated condition reads. Pure. [autonomous-operations]';

create function autonomy.cpa_target(p_condition jsonb) returns float8
language plpgsql immutable parallel safe set search_path = ''
as $$
-- Minimums, scope, budget and hours_running stand aside: they say of whom, not what.
begin
  if position('"cpa"' in p_condition::text) = 0 then
    return null;  -- the usual case, and the tree need not be walked
  end if;
  return (
    with recursive nodes (node, plain) as (
      select p_condition, true
      union all
      select child.value, plain and node ? 'all'
      from nodes
      cross join lateral jsonb_array_elements(
        coalesce(node -> 'all', '[]') || coalesce(node -> 'any', '[]')
        || case when node ? 'not' then jsonb_build_array(node -> 'not') else '[]' end) child
    ),
    asked as materialized (
      select node, plain from nodes
      where node ? 'metric' and (node ->> 'metric' not in ('budget', 'hours_running') or node ? 'than')
    ),
    stated as materialized (
      select autonomy.json_number(node -> 'threshold') as target from asked
      where (select count(*) from asked) = 1 and plain and node ->> 'metric' = 'cpa'
        and node ->> 'operator' in ('<', '<=', '>', '>=')
    )
    select target from stated where target between 1e-6::float8 and 1e9::float8);
end $$;
comment on function autonomy.cpa_target(jsonb) is
  'The cost of a conversion that a validated condition is about, where it asks for that and nothing else; null where '
  'it is about something else. Pure. [autonomous-operations]';

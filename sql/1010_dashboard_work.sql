-- Actions and opportunities, paged by key.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- ---------------------------------------------------------------------------------------------
-- Actions, paged by key
-- ---------------------------------------------------------------------------------------------
create function autonomy.dashboard_action_json(a public.autonomous_actions, p_title text, p_rule_name text)
returns jsonb language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', a.id, 'run_id', a.run_id, 'campaign_id', a.campaign_id, 'title', p_title,
    'rule_id', a.rule_id, 'rule_name', p_rule_name, 'action_type', a.action_type, 'status', a.status,
    'error', a.error, 'reason', a.reason, 'previous_state', a.previous_state, 'new_state', a.new_state,
    'confidence_score', a.confidence_score, 'expected_impact', a.expected_impact,
    'actual_impact', a.actual_impact, 'created_at', a.created_at, 'executed_at', a.executed_at,
    'rolled_back_at', a.rolled_back_at, 'rolled_back_by', a.rolled_back_by,
    'rollback_reason', a.rollback_reason, 'actor', a.actor,
    'currency', autonomy.campaign_currency(a.campaign_id), 'delivery', autonomy.delivery_of(a.id),
    -- unknown (an older proposal) is not changed
    'rule_changed', coalesce(a.status = 'pending' and a.evidence ->> 'rule_version' <> coalesce(
      (select autonomy.rule_version(r.condition, r.action) from public.autonomous_rules r
       where r.id = a.rule_id), ''), false));
$$;
comment on function autonomy.dashboard_action_json(public.autonomous_actions, text, text) is
  'An action as the dashboard and the API show it; rule_changed: it waits, and its rule has changed since; '
  'delivery: how far it is on its platform. '
  '[autonomous-operations]';

create function public.dashboard_actions(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 50
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_span jsonb := public.dashboard_span(p_filter);
  v_where text := 'true';
  v_from text := 'public.autonomous_actions a';
  v_key text;
  v_rows jsonb;
  v_last record;
  v_limit integer := least(greatest(p_limit, 1), 500);
begin
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key in ('action_type', 'status') then
      v_where := v_where || format(' and a.%I = %L', v_key, p_filter ->> v_key);
    elsif v_key in ('rule_id', 'run_id', 'campaign_id') then
      v_where := v_where || format(' and a.%I = %L::uuid', v_key, (p_filter ->> v_key)::uuid);
    elsif v_key = 'from' then  -- when it was done, as a rollback of the span reads it; else proposed
      v_where := v_where || format(' and coalesce(a.executed_at, a.created_at) >= %L::timestamptz',
        (v_span ->> v_key)::timestamptz);
    elsif v_key = 'to' then
      v_where := v_where || format(' and coalesce(a.executed_at, a.created_at) < %L::timestamptz',
        (v_span ->> v_key)::timestamptz);
    elsif v_key <> 'title' then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of actions.', v_key),
        hint = 'Filters: action_type, status, rule_id, run_id, campaign_id, title, from, to.';
    end if;
  end loop;
  if p_after is not null then
    v_where := v_where || format(' and (a.created_at, a.id) < (%L::timestamptz, %L::uuid)',
      (p_after ->> 'created_at')::timestamptz, (p_after ->> 'id')::uuid);
  end if;

  -- By title: the newest of each campaign that matches (keys only), then the newest of those.
  if p_filter ? 'title' then
    v_from := format(
      '(select k.id from (select id from public.campaigns where strpos(lower(title), lower(%L)) > 0 limit 2000) m '
      'cross join lateral (select a.id, a.created_at from public.autonomous_actions a where a.campaign_id = '
      'm.id and %s '
      'order by a.created_at desc, a.id desc limit %s) k order by k.created_at desc, k.id desc limit %s) k '
      'join public.autonomous_actions a on a.id = k.id',
      p_filter ->> 'title', v_where, v_limit + 1, v_limit + 1);
    v_where := 'true';
  end if;

  -- The page is cut before titles are looked up; with literals in place the planner knows which
  -- of the indexes is the shortest way.
  execute format(
    'select coalesce(jsonb_agg(autonomy.dashboard_action_json(p, '
    'case when c.id is not null then coalesce(c.title, '''') end, r.rule_name) '
    '         order by (p).created_at desc, (p).id desc), ''[]'') '
    'from (select a::public.autonomous_actions as p from (select a.* from %s where %s '
    '      order by a.created_at desc, a.id desc limit %s) a) page '
    'left join public.campaigns c on c.id = (p).campaign_id '
    'left join public.autonomous_rules r on r.id = (p).rule_id', v_from, v_where, v_limit + 1)
  into v_rows;

  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('actions', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('actions', v_rows, 'next_after', jsonb_build_object(
    'created_at', v_rows -> -1 -> 'created_at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_actions(jsonb, jsonb, integer) is
  'Actions, newest first: {"actions", "next_after"}; p_after is the last page''s next_after. Filters: action_type, '
  'status, rule_id, run_id, campaign_id, title (contained, at most 2,000 campaigns), from, to (see dashboard_span). '
  'Reads only. Raises AO010 for another filter. [autonomous-operations]';

create function public.dashboard_action(p_action_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_action jsonb;
begin
  select autonomy.dashboard_action_json(a, case when c.id is not null then coalesce(c.title, '') end, r.rule_name)
    || jsonb_build_object('evidence', a.evidence)
  into v_action
  from public.autonomous_actions a
  left join public.campaigns c on c.id = a.campaign_id
  left join public.autonomous_rules r on r.id = a.rule_id
  where a.id = p_action_id;
  if v_action is null then
    raise exception using errcode = 'AO011', message = 'There is no such action.',
      hint = 'The list of actions has the ids of all.';
  end if;
  return v_action;
end $$;
comment on function public.dashboard_action(uuid) is
  'One action with its evidence. Reads only. Raises AO011. [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Opportunities
-- ---------------------------------------------------------------------------------------------
create function autonomy.dashboard_opportunity_json(
  o public.optimization_opportunities, p_title text, p_now timestamptz
) returns jsonb language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'id', o.id, 'campaign_id', o.campaign_id, 'title', p_title, 'opportunity_type', o.opportunity_type,
    'severity', o.severity, 'description', o.description, 'suggested_action', o.suggested_action,
    'estimated_impact', o.estimated_impact, 'confidence_score', o.confidence_score,
    'figures', o.figures, 'status', o.status, 'first_seen_at', o.first_seen_at,
    'last_seen_at', o.last_seen_at, 'resolved_at', o.resolved_at,
    'currency', autonomy.campaign_currency(o.campaign_id),
    'overdue', o.status in ('open', 'in_progress') and o.first_seen_at < p_now - interval '48 hours');
$$;
comment on function autonomy.dashboard_opportunity_json(public.optimization_opportunities, text, timestamptz) is
  'An opportunity as the dashboard and the API show it; overdue after 48 hours. [autonomous-operations]';

create function public.dashboard_opportunities(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 30,
  p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_where text := '';
  v_key text;
  v_rows jsonb;
  v_limit integer := least(greatest(p_limit, 1), 500);
  v_rank constant text := 'array_position(array[''critical'', ''high'', ''medium'', ''low''], o.severity)';
  v_status text := coalesce(p_filter ->> 'status', 'open');
begin
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key = 'campaign_id' then
      v_where := v_where || format(' and o.campaign_id = %L::uuid', (p_filter ->> v_key)::uuid);
    elsif v_key = 'severity' then
      v_where := v_where || format(' and %s = %s', v_rank, coalesce(
        array_position(array['critical', 'high', 'medium', 'low'], p_filter ->> v_key), 0));
    elsif v_key = 'opportunity_type' then
      v_where := v_where || format(' and o.opportunity_type = %L', p_filter ->> v_key);
    elsif v_key <> 'status' then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of opportunities.', v_key),
        hint = 'Filters: status, severity, opportunity_type, campaign_id.';
    end if;
  end loop;
  if p_after is not null then
    v_where := v_where || format(' and (%s, o.first_seen_at, o.id) > (%s, %L::timestamptz, %L::uuid)',
      v_rank, (p_after ->> 'rank')::integer, (p_after ->> 'first_seen_at')::timestamptz, (p_after ->> 'id')::uuid);
  end if;

  execute format(
    'select coalesce(jsonb_agg(autonomy.dashboard_opportunity_json(p, c.title, %L::timestamptz) '
    '         order by array_position(array[''critical'', ''high'', ''medium'', ''low''], (p).severity), '
    '                  (p).first_seen_at, (p).id), ''[]'') '
    'from (select o as p from public.optimization_opportunities o where o.status = %L %s '
    '      order by %s, o.first_seen_at, o.id limit %s) page '
    'left join public.campaigns c on c.id = (p).campaign_id',
    p_now, v_status, v_where, v_rank, v_limit + 1)
  into v_rows;

  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('opportunities', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('opportunities', v_rows, 'next_after', jsonb_build_object(
    'rank', array_position(array['critical', 'high', 'medium', 'low'], v_rows -> -1 ->> 'severity'),
    'first_seen_at', v_rows -> -1 -> 'first_seen_at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_opportunities(jsonb, jsonb, integer, timestamptz) is
  'Opportunities of one status (open unless asked), the most severe and oldest first: {"opportunities", '
  '"next_after"}. Filters: status, severity, opportunity_type, campaign_id. Reads only. Raises AO010. '
  '[autonomous-operations]';

create function public.dashboard_opportunity(p_opportunity_id uuid, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_opportunity jsonb;
begin
  select autonomy.dashboard_opportunity_json(o, c.title, p_now) into v_opportunity
  from public.optimization_opportunities o left join public.campaigns c on c.id = o.campaign_id
  where o.id = p_opportunity_id;
  if v_opportunity is null then
    raise exception using errcode = 'AO013', message = 'There is no such opportunity.';
  end if;
  return v_opportunity;
end $$;
comment on function public.dashboard_opportunity(uuid, timestamptz) is
  'One opportunity. Reads only. Raises AO013. [autonomous-operations]';

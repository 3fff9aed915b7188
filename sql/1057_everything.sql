-- The days of a list of actions, and everything that happened: actions, changes of rules, and what people
-- and platforms did to campaigns.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function public.dashboard_days_of_actions(p_filter jsonb, p_days date[]) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_zone text := (select p.time_zone from public.autonomy_policy p);
  v_span jsonb := public.dashboard_span(p_filter);
  v_where text := autonomy.action_filter_sql(p_filter) || coalesce(
    ' and exists (select from public.campaigns m where m.id = a.campaign_id and '
    || autonomy.action_campaigns_sql(p_filter) || ')', '');
  v_day date;
  v_from timestamptz;
  v_to timestamptz;
  v_listed bigint;
  v_executed bigint;
  v_days jsonb := '{}';
begin
  foreach v_day in array p_days loop
    v_from := v_day::timestamp at time zone v_zone;
    v_to := (v_day + 1)::timestamp at time zone v_zone;
    execute format('select count(*) from public.autonomous_actions a where a.created_at >= %L::timestamptz '
                   'and a.created_at < %L::timestamptz and %s', v_from, v_to, v_where) into v_listed;
    -- a rollback knows run, rule and span, and takes what stands executed
    v_executed := null;
    if p_filter - array['run_id', 'rule_id', 'from', 'to'] in ('{}', '{"status": "executed"}')
       and concat(p_filter ->> 'from', p_filter ->> 'to') ~ '^(\d{4}-\d{2}-\d{2})*$' then
      v_executed := public.dashboard_executed(jsonb_strip_nulls(jsonb_build_object('run_id', p_filter -> 'run_id',
        'rule_id', p_filter -> 'rule_id', 'from', v_day, 'to', v_day)));
    end if;
    v_days := v_days || jsonb_build_object(v_day, jsonb_build_object('actions', v_listed, 'executed', v_executed));
  end loop;
  return v_days;
end $$;
comment on function public.dashboard_days_of_actions(jsonb, date[]) is
  'Of each of these days of the policy''s time zone: how many actions a list with this filter has (by when they were '
  'written down), and how many a rollback of the whole day would take back (null where it cannot mean just these). '
  'Only reads. Raises AO010. [autonomous-operations]';

create function autonomy.happened_sql(p_kind text) returns text
language plpgsql immutable set search_path = ''
as $$
begin
  return case p_kind
    when 'action' then $q$
      select a.created_at as at, 'a' || a.id as id, jsonb_build_object('kind', 'action', 'action',
        autonomy.dashboard_action_json(a, case when c.id is not null then coalesce(c.title, '') end, r.rule_name))
        as told
      from public.autonomous_actions a left join public.campaigns c on c.id = a.campaign_id
      left join public.autonomous_rules r on r.id = a.rule_id
      where %s order by a.created_at desc, a.id desc limit %s$q$
    when 'rule' then $q$
      select h.changed_at as at, 'r' || lpad(h.id::text, 20, '0') as id, jsonb_build_object('kind', 'rule',
        'rule_id', h.rule_id, 'rule_name', h.rule_name, 'who', h.actor, 'before', h.before, 'after', h.after) as told
      from public.autonomous_rule_changes h where %s order by h.changed_at desc, h.id desc limit %s$q$
    when 'settings' then $q$
      select s.changed_at as at, 's' || lpad(s.id::text, 20, '0') as id, jsonb_build_object('kind', 'settings',
        'who', s.actor, 'before', s.before, 'after', s.after) as told
      from autonomy.policy_changes s where %s order by s.changed_at desc, s.id desc limit %s$q$
    when 'campaign' then $q$
      select k.changed_at as at, 'c' || lpad(k.id::text, 20, '0') as id, jsonb_build_object('kind', 'campaign',
        'campaign_id', k.campaign_id, 'title', case when c.id is not null then coalesce(c.title, '') end,
        'currency', autonomy.campaign_currency(k.campaign_id), 'who', k.actor, 'person', k.person, 'how', k.kind,
        'before', jsonb_build_object('status', k.old_status, 'budget', k.old_budget),
        'after', jsonb_build_object('status', k.new_status, 'budget', k.new_budget)) as told
      from public.campaign_changes k left join public.campaigns c on c.id = k.campaign_id
      where k.kind in ('outside', 'platform', 'deleted') and %s order by k.changed_at desc, k.id desc limit %s$q$
  end;
end $$;
comment on function autonomy.happened_sql(text) is
  'SQL text of one kind of what happened, newest first, with two places: a condition and a limit. Pure. '
  '[autonomous-operations]';

create function autonomy.happened_where(p_kind text, p_filter jsonb, p_after jsonb) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_span jsonb := public.dashboard_span(p_filter);
  v_table text := case p_kind when 'action' then 'a' when 'rule' then 'h' when 'settings' then 's' else 'k' end;
  v_at text := v_table || case p_kind when 'action' then '.created_at' else '.changed_at' end;
  v_id text := case p_kind when 'action' then '(''a'' || a.id)'
    else format('(''%s'' || lpad(%s.id::text, 20, ''0''))', left(p_kind, 1), v_table) end;
begin
  return concat_ws(' and ', 'true',
    case when p_filter ? 'from' then format('%s >= %L::timestamptz', v_at, v_span ->> 'from') end,
    case when p_filter ? 'to' then format('%s < %L::timestamptz', v_at, v_span ->> 'to') end,
    case when p_filter ? 'campaign_id' then case when p_kind in ('rule', 'settings') then 'false'
      else format('%s.campaign_id = %L::uuid', v_table, p_filter ->> 'campaign_id') end end,
    case when p_after is not null then format(
      '%1$s <= %2$L::timestamptz and (%1$s < %2$L::timestamptz or %3$s collate "C" < %4$L)',
      v_at, p_after ->> 'at', v_id, p_after ->> 'id') end);
end $$;
comment on function autonomy.happened_where(text, jsonb, jsonb) is
  'SQL text of which of one kind of what happened a page lists. Only reads. Raises AO010. [autonomous-operations]';

create function public.dashboard_everything(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 50
) returns jsonb language plpgsql stable set search_path = ''
as $$
declare
  v_kinds constant text[] := array['action', 'rule', 'settings', 'campaign'];
  v_limit integer := least(greatest(p_limit, 1), 500);
  v_query text;
  v_key text;
  v_rows jsonb;
begin
  for v_key in select jsonb_object_keys(p_filter) loop
    if v_key not in ('kind', 'campaign_id', 'from', 'to') then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of what happened.', v_key),
        hint = 'Filters: kind (action, rule, settings, campaign), campaign_id, from, to.';
    end if;
  end loop;
  select string_agg('(' || format(autonomy.happened_sql(k), autonomy.happened_where(k, p_filter, p_after), v_limit + 1)
                    || ')', ' union all ') into v_query
  from unnest(v_kinds) k where p_filter ->> 'kind' is null or p_filter ->> 'kind' = k;
  if v_query is null then
    raise exception using errcode = 'AO010', message = format('%s is no kind of what happened.', p_filter ->> 'kind'),
      hint = 'Kinds: action, rule, settings, campaign.';
  end if;
  execute format(
    'select coalesce(jsonb_agg(e.told || jsonb_build_object(''at'', e.at, ''id'', e.id) '
    'order by e.at desc, e.id collate "C" desc), ''[]'') '
    'from (select * from (%s) u order by u.at desc, u.id collate "C" desc limit %s) e', v_query, v_limit + 1)
  into v_rows;
  if jsonb_array_length(v_rows) <= v_limit then
    return jsonb_build_object('happened', v_rows, 'next_after', null);
  end if;
  v_rows := v_rows - v_limit;
  return jsonb_build_object('happened', v_rows, 'next_after', jsonb_build_object(
    'at', v_rows -> -1 -> 'at', 'id', v_rows -> -1 -> 'id'));
end $$;
comment on function public.dashboard_everything(jsonb, jsonb, integer) is
  'Everything that happened, newest first: {"happened", "next_after"}: actions (kind action), changes of rules (rule) '
  'and of the policy (settings), what people, programs and platforms did to campaigns (campaign), each with who it '
  'was. Filters: kind, campaign_id, from, to (see dashboard_span). Only reads. Raises AO010. [autonomous-operations]';

-- The table of campaigns: filtered, sorted by one of its columns, paged by key, with the figures of
-- the whole life and, where days are given, of these and of as many before them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.campaign_filter_sql(p_filter jsonb, p_now timestamptz) returns text
language plpgsql stable set search_path = ''
as $$
declare
  v_where text := 'true';
  v_key text;
  v_value text;
begin
  for v_key, v_value in select key, value from jsonb_each_text(p_filter) loop
    v_where := v_where || ' and ' || case
      when v_key = 'title' then
        format('(strpos(lower(c.title), lower(%1$L)) > 0 or c.id::text = lower(%1$L))', v_value)
      when v_key = 'status' then format('lower(c.status) = lower(%L)', v_value)
      when v_key = 'account' then format('c.account = %1$L and left(c.account, 200) = left(%1$L, 200)', v_value)
      when v_key = 'automation' and v_value = 'on' then
        format('c.autonomous_enabled and coalesce(c.hold_until <= %L::timestamptz, true)', p_now)
      when v_key = 'automation' and v_value = 'off' then 'not c.autonomous_enabled'
      when v_key = 'automation' and v_value = 'held' then format('c.hold_until > %L::timestamptz', p_now)
      when v_key = 'automation' and v_value = 'waiting' then
        'exists (select from public.autonomous_actions w where w.campaign_id = c.id and w.status = ''pending'')'
      when v_key = 'ids' then
        format('c.id in (select i::uuid from jsonb_array_elements_text(%L::jsonb) i)', v_value)
      when v_key in ('from', 'to', 'sort') then 'true'
    end;
    if v_where is null then
      raise exception using errcode = 'AO010', message = format('%s is not a filter of campaigns.', v_key),
        hint = 'Filters: title, status, account, automation (on, off, held, waiting), ids, from, to; sort.';
    end if;
  end loop;
  return v_where;
end $$;
comment on function autonomy.campaign_filter_sql(jsonb, timestamptz) is
  'SQL text of a filter of campaigns c. Only reads. Raises AO010 for one that there is not. [autonomous-operations]';

-- What a row is sorted by is what it shows.
create function autonomy.campaign_sort_sql(p_column text, p_spanned boolean) returns text
language plpgsql immutable set search_path = ''
as $$
declare
  -- where conversions have a value, what they are worth is in the totals
  v_valued constant text := '(coalesce(c.conversion_value, k.conversion_value) between 0.000001 and 1000000000 '
    'and abs(t.life_revenue) < 1e15 and abs(t.life_spend) < 1e15)';
begin
  return case
    when p_column = 'title' then 'left(lower(coalesce(c.title, '''')), 40) collate "C"'
    when p_column = 'budget' then 'c.budget'
    when p_column = 'spend' and p_spanned then 'coalesce(s.spend, 0)'
    when p_column = 'spend' then 'coalesce(p.total_spend, 0)'
    when p_column = 'revenue' and p_spanned then 'coalesce(s.revenue, 0)'
    when p_column = 'revenue' then
      'coalesce(case when ' || v_valued || ' then round(t.life_revenue::numeric, 2) else p.total_revenue end, 0)'
    when p_column = 'roi' and p_spanned then 'round(s.revenue / nullif(s.spend, 0), 6)'
    when p_column = 'roi' then 'case when ' || v_valued
      || ' then round((t.life_revenue / nullif(t.life_spend, 0))::numeric, 6) else p.roi end'
    when p_column = 'conversions' and p_spanned then 'coalesce(s.conversions, 0)'
    when p_column = 'conversions' then
      'coalesce(case when abs(t.life_conversions) < 1e15 then round(t.life_conversions::numeric, 2) '
      'else p.conversions end, 0)'
  end;
end $$;
comment on function autonomy.campaign_sort_sql(text, boolean) is
  'SQL text of what campaigns are sorted by, of their whole life or of days; null for a column that there is not. '
  'Pure. [autonomous-operations]';

create function autonomy.listed_campaigns(
  p_filter jsonb, p_after jsonb, p_limit integer, p_first date, p_last date, p_now timestamptz,
  out ids uuid[], out keys text[])
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_column text := ltrim(coalesce(p_filter ->> 'sort', '-spend'), '-');
  v_down boolean := coalesce(p_filter ->> 'sort', '-spend') like '-%';
  v_key text := autonomy.campaign_sort_sql(v_column, p_first is not null);
  v_type text := case when v_column = 'title' then 'text' else 'numeric' end;
  v_seen text := 'true';
begin
  if v_key is null then
    raise exception using errcode = 'AO010', message = format('Campaigns are not sorted by %s.', p_filter ->> 'sort'),
      hint = 'Sort by title, budget, spend, revenue, roi or conversions; - in front: the largest first.';
  end if;
  -- What has no value comes last, either way.
  if p_after is not null then
    v_seen := case when p_after ->> 'value' is null
      then format('key is null and id > %L::uuid', p_after ->> 'id')
      else format('(key is null or key %1$s cast(%2$L as %3$s) or (key = cast(%2$L as %3$s) and id > %4$L::uuid))',
        case when v_down then '<' else '>' end, p_after ->> 'value', v_type, p_after ->> 'id') end;
  end if;
  -- The biggest spenders of all: the narrow table alone knows them, as long as there are some.
  if v_key = 'coalesce(p.total_spend, 0)' and v_down and p_filter - 'sort' = '{}' then
    execute format(
      'select array_agg(o.id order by o.key desc, o.id), array_agg(o.key::text order by o.key desc, o.id) from ('
      ' select l.* from (select p.campaign_id as id, p.total_spend as key from public.campaign_performance p'
      '  where p.total_spend > 0) l where %s order by key desc, id limit %s) o', v_seen, p_limit)
    into ids, keys;
    if cardinality(ids) = p_limit then
      return;
    end if;
  end if;
  execute format(
    'select array_agg(o.id order by o.key is null, o.key %1$s, o.id), '
    'array_agg(o.key::text order by o.key is null, o.key %1$s, o.id) from ('
    ' select l.* from (select c.id, %2$s as key from public.campaigns c %3$s where %4$s) l'
    ' where %5$s order by key is null, key %1$s, id limit %6$s) o',
    case when v_down then 'desc' else 'asc' end, v_key,
    case when v_column in ('title', 'budget') then ''
      when p_first is not null then format(
        'left join (select d.campaign_id, sum(d.spend) as spend, sum(d.revenue) as revenue, '
        'sum(d.conversions) as conversions from public.campaign_daily d where d.day between %L and %L '
        'group by d.campaign_id) s on s.campaign_id = c.id', p_first, p_last)
      else 'left join public.campaign_performance p on p.campaign_id = c.id'
        || case when v_column <> 'spend' then ' left join autonomy.campaign_totals t on t.campaign_id = c.id'
             ' left join public.autonomy_accounts k on k.account = c.account' else '' end end,
    autonomy.campaign_filter_sql(p_filter, p_now), v_seen, p_limit)
  into ids, keys;
end $$;
comment on function autonomy.listed_campaigns(jsonb, jsonb, integer, date, date, timestamptz) is
  'The ids of a page of campaigns in their order, and what each is sorted by: of the days where some are given. Only '
  'reads. Raises AO010. [autonomous-operations]';

create function autonomy.campaign_span(p_campaign_id uuid, p_first date, p_last date) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('spend', coalesce(sum(d.spend), 0), 'revenue', coalesce(sum(d.revenue), 0),
      'roi', round(sum(d.revenue) / nullif(sum(d.spend), 0), 6),
      'conversions', coalesce(trim_scale(round(sum(d.conversions), 2)), 0))
    from public.campaign_daily d where d.campaign_id = p_campaign_id and d.day between p_first and p_last);
end $$;
comment on function autonomy.campaign_span(uuid, date, date) is
  'What a campaign spent and earned on these days. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.campaign_rows(p_ids uuid[], p_first date, p_last date) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(page) - 'place' order by place), '[]')
    from (
      select u.place, c.id, c.title, c.status, c.budget, c.account, c.autonomous_enabled, c.hold_until,
        coalesce(p.total_spend, 0) as total_spend, coalesce(v.revenue, p.total_revenue, 0) as total_revenue,
        case when v.revenue is null then p.roi else v.roi end as roi,
        coalesce(autonomy.shown_conversions(t.life_conversions), p.conversions, 0) as conversions, k.currency,
        case when p_first is not null then autonomy.campaign_span(c.id, p_first, p_last) end as span,
        case when p_first is not null then autonomy.campaign_span(
          c.id, p_first - (p_last - p_first + 1), p_first - 1) end as before,
        l.last_action, case when w.id is not null then jsonb_build_object('id', w.id, 'action_type', w.action_type,
          'previous_state', w.previous_state, 'new_state', w.new_state) end as waiting, e.id as executed
      from unnest(p_ids) with ordinality u (id, place)
      join public.campaigns c on c.id = u.id
      -- in an older shape several rows may name one campaign
      left join lateral (
        select * from public.campaign_performance o where o.campaign_id = c.id
        order by o.updated_at desc nulls last, o.total_spend desc nulls last limit 1) p on true
      left join autonomy.campaign_totals t on t.campaign_id = c.id
      left join public.autonomy_accounts k on k.account = c.account
      left join autonomy.valued_totals(p_ids) v on v.campaign_id = c.id
      left join lateral (
        select jsonb_build_object('id', a.id, 'action_type', a.action_type, 'status', a.status, 'error', a.error,
          'at', coalesce(a.rolled_back_at, a.executed_at, a.created_at)) as last_action
        from public.autonomous_actions a where a.campaign_id = c.id
        order by a.created_at desc, a.id desc limit 1) l on true
      left join public.autonomous_actions w on w.campaign_id = c.id and w.status = 'pending'
      left join lateral (
        select a.id from public.autonomous_actions a where a.campaign_id = c.id and a.status = 'executed'
        order by a.executed_at desc, a.id desc limit 1) e on true
    ) page);
end $$;
comment on function autonomy.campaign_rows(uuid[], date, date) is
  'These campaigns as the table shows them, in this order; span and before: of the days given and of as many before '
  'them. Only reads; raises nothing. [autonomous-operations]';

create function public.dashboard_campaigns(
  p_filter jsonb default '{}', p_after jsonb default null, p_limit integer default 50,
  p_now timestamptz default now()
) returns jsonb language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_limit integer := least(greatest(p_limit, 1), 5000);
  v_last date;
  v_first date;
  -- So many campaigns over so many days are not added up while somebody waits.
  v_by_days boolean := true;
  v_found record;
begin
  if p_filter ? 'from' or p_filter ? 'to' then
    v_last := coalesce((p_filter ->> 'to')::date, (
      select greatest((p_now at time zone p.time_zone)::date, (p_filter ->> 'from')::date)
      from public.autonomy_policy p));
    v_first := coalesce((p_filter ->> 'from')::date, v_last - 29);
    if v_first > v_last or v_last - v_first >= 400 then
      raise exception using errcode = 'AO010',
        message = format('The days go from %s to %s: it must be 1 to 400 days, the earlier one first.',
                         v_first, v_last), hint = 'The same day twice is that whole day.';
    end if;
    v_by_days := (select c.reltuples from pg_catalog.pg_class c where c.oid = 'public.campaigns'::regclass)
      * (v_last - v_first + 1) <= 250000;
  end if;
  select * into v_found from autonomy.listed_campaigns(p_filter, p_after, v_limit + 1,
    case when v_by_days then v_first end, case when v_by_days then v_last end, p_now);
  return jsonb_build_object(
    'campaigns', autonomy.campaign_rows(v_found.ids[:v_limit], v_first, v_last),
    'span', case when v_first is not null then jsonb_build_object('from', v_first, 'to', v_last,
      'before_from', v_first - (v_last - v_first + 1), 'before_to', v_first - 1) end,
    'today', (select (p_now at time zone p.time_zone)::date from public.autonomy_policy p),
    'sorted_by_days', v_first is not null and v_by_days,
    'next_after', case when cardinality(v_found.ids) > v_limit then jsonb_build_object(
      'sort', coalesce(p_filter ->> 'sort', '-spend'), 'value', v_found.keys[v_limit],
      'id', v_found.ids[v_limit]) end);
end $$;
comment on function public.dashboard_campaigns(jsonb, jsonb, integer, timestamptz) is
  'A page of campaigns, the biggest spenders first unless sort says otherwise: {"campaigns", "next_after", "span", '
  '"today", "sorted_by_days"}. Filters: title (contained, or the id), status, account, automation (on, off, held, '
  'waiting), ids, from and to (days of the accounts; each campaign then has what it spent and earned on them and on as '
  'many before). Where campaigns times days are more than 250,000 the order is that of the whole life, and '
  'sorted_by_days is false. Reads only. Raises AO010. [autonomous-operations]';

create function public.dashboard_set_campaigns(
  p_campaign_ids uuid[], p_changes jsonb, p_now timestamptz default now()
) returns jsonb language plpgsql set search_path = ''
as $$
declare
  v_id uuid;
  v_changed uuid[] := '{}';
begin
  if coalesce(cardinality(p_campaign_ids), 0) not between 1 and 500 then
    raise exception using errcode = 'AO010', message = format('Choose 1 to 500 campaigns, not %s.',
      coalesce(cardinality(p_campaign_ids), 0));
  end if;
  for v_id in select distinct i from unnest(p_campaign_ids) i order by i loop
    perform public.dashboard_set_campaign(v_id, p_changes, p_now);
    v_changed := v_changed || v_id;
  end loop;
  return jsonb_build_object('changed', to_jsonb(v_changed));
end $$;
comment on function public.dashboard_set_campaigns(uuid[], jsonb, timestamptz) is
  'dashboard_set_campaign for 1 to 500 campaigns, all or none: {"changed": ids}. Safe to call again. Raises AO002, '
  'AO003 (one of them is gone), AO010, AO014. [autonomous-operations]';

-- Who is a candidate: one scan with every rule compiled to a predicate. Everything from here to the
-- effects (0600) only reads.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- The planner takes any lower(...) = ... for rare, and would walk an index for most of the table.
-- (For the same end the queries below ask for the plain spelling first: it is the usual one.)
create statistics if not exists public.campaigns_lower_status on (lower(status)) from public.campaigns;

-- ---------------------------------------------------------------------------------------------
-- Small parts
-- ---------------------------------------------------------------------------------------------
create function autonomy.shard_slots(p_shard text) returns int4range
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  v_part int;
  v_parts int;
begin
  if p_shard is null then
    return int4range(0, 65536);
  end if;
  if p_shard !~ '^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$' then
    raise exception using errcode = 'AO010',
      message = format('shard: %s is not a shard; write it as 2/8, the second of eight.', to_json(left(p_shard, 40)));
  end if;
  v_part := split_part(p_shard, '/', 1)::int;
  v_parts := split_part(p_shard, '/', 2)::int;
  if v_part > v_parts or v_parts > 65536 then
    raise exception using errcode = 'AO010',
      message = format('shard: %s is not a shard; the first number runs from 1 to the second, the second to 65536.',
                       p_shard);
  end if;
  return int4range((v_part - 1) * 65536 / v_parts, v_part * 65536 / v_parts);
end $$;
comment on function autonomy.shard_slots(text) is
  'The slots of a shard "i/n"; all of them for null. Pure. Raises AO010 for anything else. [autonomous-operations]';

create function autonomy.time_expression(p_time text) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
-- least() and greatest() pass over null: no time must stay no time
begin
  return format('(case when %1$s is not null then greatest(''0001-01-02 00:00:00+00''::timestamptz, '
                'least(''9999-12-30 00:00:00+00''::timestamptz, %1$s)) end)', p_time);
end $$;
comment on function autonomy.time_expression(text) is
  'SQL text of a time, brought into the years 1 to 9999 that other languages can read. The argument is SQL of ours. '
  'Pure. [autonomous-operations]';

create function autonomy.rules_in_order(p_include_inactive boolean)
returns table (place int, id uuid, rule_name text, condition jsonb, action jsonb, flaw text)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  select case when x.flaw is null then
           row_number() over (partition by x.flaw is null
                              order by r.priority desc, r.rule_name collate "C", r.id)::int end,
         r.id, r.rule_name, r.condition, r.action, x.flaw
  from public.autonomous_rules r
  left join autonomy.rule_verdicts v on v.rule_id = r.id and v.rule_type = r.rule_type
    and v.version = autonomy.rule_version(r.condition, r.action)
  cross join lateral (select case
    when r.rule_name = '' then 'rule_name: must be a text that is not empty'
    when r.priority is null then 'priority: is missing; give a whole number'
    when v.rule_id is not null then v.flaw
    else public.rule_errors(r.rule_type, r.condition, r.action) end as flaw offset 0) x  -- computed once
  where r.is_active or p_include_inactive
  order by 1, r.rule_name collate "C";
end $$;
comment on function autonomy.rules_in_order(boolean) is
  'The rules that decide, numbered in the order in which they do; a bad one has no number and a flaw instead, as '
  'rule_verdicts has it, or looked at here where that says nothing about it as it stands. Only reads. '
  '[autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- Finding: one scan with every rule compiled to a predicate
-- ---------------------------------------------------------------------------------------------
create function autonomy.compiled_rules(p_include_inactive boolean)
returns table (source text, predicates text[], metrics text, metrics_alone text, curves int[])
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with rules as materialized (
    select r.place, r.condition, r.action ? 'by' as by_curve
    from autonomy.rules_in_order(p_include_inactive) r where r.place is not null
  ),
  reads as materialized (
    select x.metric, x.win, format(', %%s as %I', x.metric || '@' || x.win) as named
    from rules r cross join lateral autonomy.condition_reads(r.condition) x
    group by x.metric, x.win
  ),
  source as (
    select case when bool_or(x.win <> 'lifetime') then 'public.campaign_facts'
                else 'autonomy.campaign_totals' end as name from reads x
  ),
  metrics as (
    select x.named, o.own, autonomy.metric_expression(x.metric, x.win,
      case when s.name = 'autonomy.campaign_totals' and not o.own then 'raw' else 'exact' end) as expression
    from reads x cross join source s
    cross join lateral (select x.metric in ('budget', 'hours_running') as own) o
  )
  select s.name,
    (select array_agg(autonomy.compile_condition_part(r.condition, 'columns') order by r.place) from rules r),
    (select string_agg(format(m.named, m.expression), '') from metrics m),
    (select string_agg(format(m.named, case when m.own then 'null::float8' else m.expression end), '') from metrics m),
    (select array_agg(r.place order by r.place) from rules r where r.by_curve)
  from source s;
end $$;
comment on function autonomy.compiled_rules(boolean) is
  'The rules that decide, as SQL text: what they read, the predicate of each in their order, the columns with the '
  'metrics that they name, and these without the campaign''s own; the places of those that follow the curve. Null '
  'predicates: there is no rule. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.reference_expression() returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return 'case when c.budget > 0 and c.budget <= 1e18 then coalesce(
    (select round(r.budget * r.budget_per_spend::numeric, 6) from autonomy.reference_budgets r
     where r.campaign_id = c.id),
    greatest(c.budget, 1, coalesce(q.min_budget, p.min_budget))) end';
end $$;
comment on function autonomy.reference_expression() is
  'SQL text of the reference budget of a campaign, over campaigns c, autonomy_policy p and the account q (perhaps '
  'null): what its budget was before anybody optimised it, null where it has no budget. Pure. [autonomous-operations]';

create function autonomy.resting_campaigns(p_ids uuid[], p_include_inactive boolean, p_now timestamptz)
returns table (campaign_id uuid, places int[])
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
-- Most budgets are where they belong, and all that is asked before an action costs fifty times as much as this.
begin
  return query execute $sql$
    with curves as materialized (
      select r.place, t.cpa, case when t.cpa is not null then 1::float8
        else autonomy.json_number(r.action -> 'break_even_roi') end as stated
      from autonomy.rules_in_order($3) r
      cross join lateral (select autonomy.cpa_target(r.condition) as cpa offset 0) t
      where r.place is not null and r.action ? 'by'
    ),
    in_force as materialized (
      select f.account, (f.p).prior_mean_roi as mean_roi, (f.p).prior_tau2 as tau2,
        (f.p).prior_order_value as order_value, (f.p).prior_cv2 as cv2,
        (f.p).prior_order_spread as order_spread, (f.p).curvature::float8 as curvature,
        (f.p).break_even_roi::float8 as break_even, autonomy.price_in_force(f.account) as price
      from autonomy.policies_of(array(
        select distinct c.account from unnest($2) i (id) join public.campaigns c on c.id = i.id)) f
    )
    select c.id, array_agg(l.place)
    from unnest($2) i (id)
    join public.campaigns c on c.id = i.id
    join public.campaign_facts f on f.campaign_id = i.id
    cross join public.autonomy_policy p
    join in_force k on k.account = coalesce(c.account, '')
    left join public.autonomy_accounts q on q.account = c.account
    cross join lateral (select case when c.budget between -1e18 and 1e18 then c.budget end as budget,
      case when q.attribution_factor between 0.01 and 10 then q.attribution_factor::float8 else 1::float8
        end as attribution,
      case when f.ev_curvature between 0.1 and 100 then f.ev_curvature else k.curvature end as curvature,
      case when c.target_roi between 0.01 and 100 then c.target_roi::float8 end as target,
      $sql$ || autonomy.reference_expression() || ' as reference offset 0) b '
    || autonomy.evidence_expression() || $sql$
    left join autonomy.budgets_put_back($2, $1) z on z.campaign_id = i.id
    cross join curves l
    cross join lateral (select case when l.cpa is null then autonomy.roi_posterior(
        coalesce(e.effective_spend, e.spend), e.conversions, e.revenue, e.cv2, e.days, e.matured_share,
        k.mean_roi, k.tau2, k.order_value, k.cv2, k.order_spread)
      else autonomy.cpa_posterior(l.cpa, coalesce(e.effective_spend, e.spend), e.conversions, e.days, e.matured_share)
      end as posterior offset 0) o
    where z.campaign_id is not null or autonomy.within_dead_band(b.budget, b.reference, b.curvature, o.posterior,
      case when l.cpa is null then k.tau2 else 0.64::float8 end,
      greatest(coalesce(l.stated, b.target, k.break_even),
               k.price * case when l.cpa is not null then 1::float8 else coalesce(b.target, k.break_even) end)
        / b.attribution)
    group by c.id $sql$ using p_now, p_ids, p_include_inactive;
end $$;
comment on function autonomy.resting_campaigns(uuid[], boolean, timestamptz) is
  'Which of these campaigns have the budget that their curve says, or one that another program keeps, and the places '
  'of the rules by which that is so: these have nothing to do there. Only reads. [autonomous-operations]';

create function autonomy.matching_campaigns(
  p_after uuid, p_limit int, p_slots int4range, p_include_inactive boolean, p_campaign_id uuid, p_now timestamptz)
returns table (campaign_id uuid, places int[])
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
-- Twice. One scan finds those that a campaign's own columns (budget, age, account, title) could
-- still rule in: there these are null, and in three-valued logic what is false with an unknown is
-- false with any value. The few that are left are looked at whole, by key; a join with the campaigns
-- before the rules took four times as long, and in the order of the key neighbours share its pages.
-- Both read the totals, or, where a rule asks for a window, the facts.
-- m computes each metric once; `offset 0` keeps the planner from doing so at every mention, which
-- only for a few rules over the totals is quicker.
declare
  v_predicates text[];
  v_metrics text;
  v_metrics_alone text;          -- without the campaign's own columns
  v_source text;
  v_near uuid[];
  v_curves int[];                -- places of the rules that follow the curve
  v_moving text[];               -- the predicates, with a budget that is not where it belongs by those
begin
  select c.source, c.predicates, c.metrics, c.metrics_alone, c.curves
  into v_source, v_predicates, v_metrics, v_metrics_alone, v_curves
  from autonomy.compiled_rules(p_include_inactive) c;
  if v_predicates is null then
    return;
  end if;

  if p_campaign_id is null then
    execute 'select array_agg(m.id) from (select f.campaign_id as id, null::text as account, null::text as title'
      || coalesce(v_metrics_alone, '') || ' from ' || v_source || ' f'
      || case when p_after is not null then ' where f.campaign_id > $1' else '' end
      || case when v_source = 'autonomy.campaign_totals' and cardinality(v_predicates) <= 8 then '' else ' offset 0' end
      || ') m where ((' || array_to_string(v_predicates, ') or (') || ')) is not false'
      into v_near using p_after;
    if v_near is null then
      return;
    end if;
  end if;

  v_moving := array(
    select case when n = any (v_curves) then format('(%s) and (m.rests @> array[%s]) is not true', p, n) else p end
    from unnest(v_predicates) with ordinality as u (p, n) order by n);
  return query execute
    'select m.id, array_remove(array['
    || (select string_agg(format('case when %s then %s end', p, n), ', ' order by n)
        from unnest(v_moving) with ordinality as u (p, n))
    || ']::int[], null) from (select c.id, c.account, c.title' || coalesce(v_metrics, '')
    || case when v_curves is null then '' else ', s.places as rests' end
    || case
         when p_campaign_id is not null then
           ' from public.campaigns c left join ' || v_source || ' f on f.campaign_id = c.id'
           || case when v_curves is null then '' else
                ' left join autonomy.resting_campaigns(array[$4], $6, $1) s on s.campaign_id = c.id' end
           || ' where c.id = $4'
         else
           ' from (select n.id from unnest($2) n (id) order by n.id) near join public.campaigns c on c.id = near.id'
           ' join ' || v_source || ' f on f.campaign_id = near.id'
           || case when v_curves is null then '' else
                ' left join autonomy.resting_campaigns($2, $6, $1) s on s.campaign_id = near.id' end ||
           ' where (c.status = ''active'' or lower(c.status) = ''active'')'
           || case when p_slots is distinct from int4range(0, 65536)
                then ' and autonomy.campaign_slot(c.id) <@ $5' else '' end
       end
    || ' offset 0) m'
    || case when p_campaign_id is null then
         ' where (' || array_to_string(v_moving, ') or (') || ')' else '' end
    || case when p_limit is not null then ' order by m.id limit $3' else '' end
    using p_now, v_near, p_limit, p_campaign_id, p_slots, p_include_inactive;
end $$;
comment on function autonomy.matching_campaigns(uuid, int, int4range, boolean, uuid, timestamptz) is
  'The active campaigns on which at least one rule''s condition holds, with the places of those rules; p_campaign_id '
  'asks about one campaign, whatever it matches. Only reads. [autonomous-operations]';

create function autonomy.revocable_pauses(p_ids uuid[] default null)
returns table (campaign_id uuid, action_id uuid, executed_at timestamptz, rule_id uuid, rule_name text,
               status text, budget numeric, break_even float8, target_cpa float8, revenue_then float8)
language plpgsql stable set search_path = '' set plan_cache_mode = force_custom_plan
as $$
-- Planned anew each time: a plan kept from the day when the log was empty would read all of it
-- for each campaign.
begin
  return query
  select a.campaign_id, a.id, a.executed_at, a.rule_id,
    coalesce(r.rule_name, a.evidence -> 'rule_name' #>> '{}', ''),
    a.previous_state ->> 'status', case when b.budget between 0 and 1e15 then b.budget end,
    autonomy.sane_number(autonomy.json_number(a.evidence -> 'break_even')), t.cpa,
    autonomy.json_number(a.evidence #> '{metrics,revenue}')
  from public.autonomous_actions a
  join public.campaigns c on c.id = a.campaign_id and lower(c.status) = 'paused'
  join public.campaign_facts f on f.campaign_id = a.campaign_id
  left join public.autonomous_rules r on r.id = a.rule_id
  cross join lateral (select autonomy.exact_number(a.previous_state -> 'budget') as budget) b
  cross join lateral (
    select case when s.cpa between 1e-6 and 1e9 then s.cpa end as cpa
    from (select autonomy.json_number(a.evidence -> 'target_cpa') as cpa) s) t
  where a.action_type = 'auto_pause' and a.status = 'executed'
    and (p_ids is null or a.campaign_id = any (p_ids))
    and a.rule_id is not null  -- a person who pauses names no rule, and is not overruled
    and case when t.cpa is null then f.life_revenue > autonomy.json_number(a.evidence #> '{metrics,revenue}')
             else f.life_conversions > autonomy.json_number(a.evidence #> '{metrics,conversions}') end
    and a.id = (
      select h.action_id from public.campaign_changes h
      where h.campaign_id = a.campaign_id order by h.id desc limit 1);
end $$;
comment on function autonomy.revocable_pauses(uuid[]) is
  'Pauses of ours that stand unchanged and have brought revenue (judged by cpa: conversions) since: late '
  'conversions may prove them wrong. Only '
  'reads. [autonomous-operations]';

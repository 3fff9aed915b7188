-- The state of the portfolio and of each of its accounts: what the breakers count.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.measured_json(p_now timestamptz) returns jsonb
language plpgsql stable set search_path = '' set jit = off
as $$
declare
  v_policy public.autonomy_policy := (select p from public.autonomy_policy p);
  v_measured autonomy.measured[] := autonomy.measured_campaigns(p_now);
  v_days autonomy.measured_day[] := autonomy.measured_days(v_measured);
  v_rows autonomy.measured_row[] := autonomy.measured_rows(v_measured, v_policy, p_now);
begin
  return jsonb_build_object(
    'tracking', (
      select coalesce(jsonb_agg(jsonb_build_object('account', t.account, 'seen', jsonb_build_object(
        'observed', trim_scale(round(t.observed::numeric, 2)), 'expected', round(t.expected::numeric, 2),
        'hours', t.hours, 'enough', t.enough, 'tripped', t.tripped, 'settled', t.settled))), '[]')
      from (
        -- by days, and of connected accounts by what was told from hour to hour
        select distinct on (u.account) u.*
        from (
          select d.*, false as by_hour from autonomy.tracking_told(v_days, v_rows, v_policy) d
          union all
          select p.*, false, true from autonomy.pulses_told(v_measured, v_days, v_policy, p_now) p) u
        order by u.account, u.tripped desc, u.enough desc, u.by_hour) t),
    'value', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'account', t.account, 'currency', t.currency, 'seen', jsonb_build_object(
          'orders', trim_scale(round(t.orders::numeric, 2)), 'level', trim_scale(round(t.level::numeric, case
          when abs(t.level) >= 10 then 0 when abs(t.level) >= 0.1 then 2 else 4 end)),
        'enough', t.enough, 'tripped', t.tripped, 'settled', t.settled))), '[]')
      from autonomy.values_told(v_days, v_rows, v_policy) t));
end $$;
comment on function autonomy.measured_json(timestamptz) is
  'Whether measurement works, as portfolio_state tells it: of each account and (account null) of all, values of each '
  'currency. Only reads; safe to call again; raises nothing. [autonomous-operations]';

create type autonomy.done as (
  account text, pauses bigint, ups bigint, raised numeric, cuts bigint, lowered numeric);
comment on type autonomy.done is
  'What was done in an account within 24 hours, for the breakers. [autonomous-operations]';

create function autonomy.done_within_day(p_now timestamptz, p_ids uuid[] default null) returns setof autonomy.done
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  -- Counted without an upper end in time: an action that another shard has just written counts. A budget counts
  -- when it was changed, which approval may have delayed. As text: by the ids or by the time, each by its index.
  -- Ids one by one, by their key: all actions of the day would else be read for those of each batch.
  return query execute $sql$
  select coalesce(c.account, ''),
    count(*) filter (where a.action_type = 'auto_pause' and a.created_at > $1 - interval '24 hours'),
    count(*) filter (where r.change > 0), coalesce(sum(r.change) filter (where r.change > 0), 0),
    count(*) filter (where r.change < 0 and not r.of_a_total),
    coalesce(-sum(r.change) filter (where r.change < 0 and not r.of_a_total), 0)
  from autonomy.longest_approval() w (hours)
  $sql$ || case when p_ids is null then 'join public.autonomous_actions a on true' else
    'cross join unnest($2) i (id) '
    'cross join lateral (select k.* from public.autonomous_actions k where k.id = i.id offset 0) a' end || $sql$
  left join public.campaigns c on c.id = a.campaign_id
  cross join lateral (select case
    when a.status = 'executed' and a.executed_at > $1 - interval '24 hours' and a.action_type <> 'auto_resume'
      and jsonb_typeof(a.new_state -> 'budget') = 'number' and jsonb_typeof(a.previous_state -> 'budget') = 'number'
    then case when (a.new_state -> 'budget')::numeric between 0 and 1e15
              and (a.previous_state -> 'budget')::numeric between 0 and 1e15
      then (a.new_state -> 'budget')::numeric - (a.previous_state -> 'budget')::numeric end end as change,
    -- what was shrunk for its account's total is no cut that anybody judged right
    a.rule_id is null and a.evidence #>> '{total,code}' is not null as of_a_total offset 0) r
  where a.created_at > $1 - interval '24 hours' - w.hours and a.status in ('executed', 'pending')
  group by 1
  $sql$ using p_now, p_ids;
end $$;
comment on function autonomy.done_within_day(timestamptz, uuid[]) is
  'What was done in each account within 24 hours: pauses (proposed ones too), raises and cuts of budgets with their '
  'money; of all actions, or of these. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.counted_done(p_run_id uuid, p_now timestamptz) returns autonomy.done[]
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from autonomy.day_counts d where d.run_id = p_run_id) then
    delete from autonomy.day_counts d where not exists (
      select from public.autonomous_runs r where r.id = d.run_id and r.status = 'running');
    insert into autonomy.day_counts (run_id, account, pauses, ups, raised, cuts, lowered)
    select p_run_id, d.account, d.pauses, d.ups, d.raised, d.cuts, d.lowered from autonomy.done_within_day(p_now) d;
    insert into autonomy.day_counts (run_id, account, pauses, ups, raised, cuts, lowered)
    values (p_run_id, '', 0, 0, 0, 0, 0) on conflict do nothing;
  end if;
  return array(
    select row(d.account, d.pauses, d.ups, d.raised, d.cuts, d.lowered)::autonomy.done
    from autonomy.day_counts d where d.run_id = p_run_id);
end $$;
comment on function autonomy.counted_done(uuid, timestamptz) is
  'What done_within_day says, under the lock of effects: counted once for a run, and again where anything but the '
  'batches of runs has had that lock meanwhile. A part of apply; safe to call again; raises nothing. '
  '[autonomous-operations]';

create function autonomy.count_done(p_ids uuid[], p_now timestamptz) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into autonomy.day_counts (run_id, account, pauses, ups, raised, cuts, lowered)
  select r.run_id, d.account, d.pauses, d.ups, d.raised, d.cuts, d.lowered
  from (select distinct c.run_id from autonomy.day_counts c) r
  cross join autonomy.done_within_day(p_now, p_ids) d
  order by 1, 2
  on conflict (run_id, account_key) do update set
    pauses = day_counts.pauses + excluded.pauses, ups = day_counts.ups + excluded.ups,
    raised = day_counts.raised + excluded.raised, cuts = day_counts.cuts + excluded.cuts,
    lowered = day_counts.lowered + excluded.lowered;
end $$;
comment on function autonomy.count_done(uuid[], timestamptz) is
  'Adds actions that a batch has just written to what every run that is applying has counted, be it of another shard. '
  'A part of apply, under the lock of effects, no use by itself; raises nothing. [autonomous-operations]';

create function autonomy.active_by_account() returns table (account text, campaigns bigint, budget numeric)
language plpgsql stable set search_path = '' set jit = off
as $$
begin
  -- by itself, so that a large table is read on every core
  return query
  select coalesce(c.account, ''), count(*), coalesce(sum(c.budget) filter (where c.budget between 0 and 1e18), 0)
  from public.campaigns c where c.status = 'active' or lower(c.status) = 'active'
  group by coalesce(c.account, '');
end $$;
comment on function autonomy.active_by_account() is
  'How many campaigns of each account are active, and their budgets added up; an empty name stands for campaigns '
  'without one. Only reads; raises nothing. [autonomous-operations]';

create function public.portfolio_state(p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = '' set jit = off set statement_timeout = '55s'
as $$
declare
  v_nothing constant jsonb := '{"observed": 0, "expected": 0, "hours": 96, "enough": false, "tripped": false}';
  v_no_value constant jsonb := '{"orders": 0, "enough": false, "tripped": false}';
  v_measured jsonb;
begin
  perform autonomy.moment_error(p_now);
  v_measured := autonomy.measured_json(p_now);
  return (
    with active as materialized (select * from autonomy.active_by_account()),
    done as materialized (select * from autonomy.done_within_day(p_now)),
    tracking as materialized (
      select t.account, t.seen from jsonb_to_recordset(v_measured -> 'tracking') t (account text, seen jsonb)
    ),
    value as materialized (
      select v.* from jsonb_to_recordset(v_measured -> 'value') v (account text, currency text, seen jsonb)
    ),
    each as (
      select account, k.currency, coalesce(a.campaigns, 0) as campaigns, coalesce(a.budget, 0) as budget,
        coalesce(d.pauses, 0) as pauses, coalesce(d.ups, 0) as ups, coalesce(d.raised, 0) as raised,
        coalesce(d.cuts, 0) as cuts, coalesce(d.lowered, 0) as lowered,
        t.seen as tracking, v.seen as value
      from active a
      full join done d using (account)
      left join tracking t using (account)
      left join value v using (account)
      left join public.autonomy_accounts k using (account)
    )
    select jsonb_build_object(
      'active_campaigns', coalesce(sum(e.campaigns), 0), 'active_budget', coalesce(sum(e.budget), 0),
      'pauses_24h', coalesce(sum(e.pauses), 0), 'scale_ups_24h', coalesce(sum(e.ups), 0),
      'raised_24h', coalesce(sum(e.raised), 0), 'cuts_24h', coalesce(sum(e.cuts), 0),
      'lowered_24h', coalesce(sum(e.lowered), 0),
      'tracking', (select t.seen from tracking t where t.account is null),
      'currencies', (select coalesce(jsonb_agg(jsonb_build_object('currency', v.currency, 'value', v.seen)
        order by v.currency nulls first), '[]') from value v where v.account is null),
      'accounts', coalesce(jsonb_agg(jsonb_build_object(
        'account', e.account, 'currency', e.currency, 'active_campaigns', e.campaigns, 'active_budget', e.budget,
        'pauses_24h', e.pauses, 'scale_ups_24h', e.ups, 'raised_24h', e.raised, 'cuts_24h', e.cuts,
        'lowered_24h', e.lowered, 'tracking', coalesce(e.tracking, v_nothing), 'value', coalesce(e.value, v_no_value))
          order by e.account collate "C")
        -- what was done to campaigns that are gone counts for all together
        filter (where e.account <> '' or e.campaigns > 0), '[]'))
    from each e);
end $$;
comment on function public.portfolio_state(timestamptz) is
  'What the breakers count: active campaigns and budget, what was done in 24 hours, and whether tracking or values '
  'look broken; of all (values: of each currency) and of each account. Only reads; safe to call again. Raises AO010 '
  'for a bad moment. [autonomous-operations]';

create function autonomy.breaker_groups(p_portfolio jsonb)
returns table (
  account text, currency text, campaigns numeric, budget numeric, pauses numeric, ups numeric, raised numeric,
  cuts numeric, lowered numeric, tracking boolean, told jsonb, value boolean, worth jsonb, value_of_currency boolean)
language plpgsql immutable set search_path = ''
as $$
-- Each account, and (account null) all together where there are several; of one that knows no accounts, all.
begin
  return query
  select g.one ->> 'account', g.one ->> 'currency', (g.one ->> 'active_campaigns')::numeric,
    (g.one ->> 'active_budget')::numeric, (g.one ->> 'pauses_24h')::numeric, (g.one ->> 'scale_ups_24h')::numeric,
    (g.one ->> 'raised_24h')::numeric, coalesce((g.one ->> 'cuts_24h')::numeric, 0),
    coalesce((g.one ->> 'lowered_24h')::numeric, 0), coalesce((g.one #>> '{tracking,tripped}')::boolean, false),
    g.one -> 'tracking', coalesce((g.one #>> '{value,tripped}')::boolean, false), g.one -> 'value',
    jsonb_array_length(p_portfolio -> 'accounts') > 1 and g.one ? 'account' and exists (
      select from jsonb_array_elements(coalesce(p_portfolio -> 'currencies', '[]')) c
      where (c #>> '{value,tripped}')::boolean and c ->> 'currency' is not distinct from g.one ->> 'currency')
  from (
    select p_portfolio - 'accounts' as one
    where jsonb_typeof(p_portfolio) = 'object' and coalesce(jsonb_array_length(p_portfolio -> 'accounts'), 0) <> 1
    union all
    select a from jsonb_array_elements(coalesce(p_portfolio -> 'accounts', '[]')) a) g;
end $$;
comment on function autonomy.breaker_groups(jsonb) is
  'What portfolio_state says of each account, and of all together (account null) unless there is just one. Pure. '
  '[autonomous-operations]';

create function autonomy.too_many_pauses(
  p_policy public.autonomy_policy, p_campaigns numeric, p_before numeric, p_wanted bigint) returns boolean
language plpgsql immutable set search_path = ''
as $$
-- Of a small account one and two always pass: more than half of five is what a bad day of tracking looks like.
declare
  v_all float8 := p_campaigns + p_before;
  v_pauses float8 := p_before + p_wanted;
begin
  return p_wanted > 0 and (
    v_pauses > p_policy.pause_breaker_count::float8 and v_pauses > p_policy.pause_breaker_share::float8 * v_all
    or v_all < 20 and v_pauses >= 3 and v_pauses * 2 > v_all);
end $$;
comment on function autonomy.too_many_pauses(public.autonomy_policy, numeric, numeric, bigint) is
  'Whether the pauses of 24 hours are so many that a person decides: p_before were taken, p_wanted are wanted, '
  'p_campaigns are active still. Pure. [autonomous-operations]';

create function autonomy.too_much_growth(
  p_policy public.autonomy_policy, p_budget numeric, p_raised numeric, p_before numeric,
  p_wanted bigint, p_raise numeric, p_so_far numeric) returns boolean
language plpgsql immutable set search_path = ''
as $$
-- Of the budget before these 24 hours: hourly runs would else raise the limit with their raises.
declare
  v_limit numeric := p_policy.growth_breaker_share * greatest(p_budget - p_raised, 0);
begin
  return p_before + p_wanted > p_policy.growth_breaker_count and p_raised + p_raise > v_limit
    and p_raised + p_so_far > v_limit;
end $$;
comment on function autonomy.too_much_growth(public.autonomy_policy, numeric, numeric, numeric, bigint, numeric,
                                             numeric) is
  'Whether a raise is beyond what the active budget may grow by within 24 hours: p_raise of p_wanted raises are wanted '
  'altogether, p_so_far with it and the more certain ones; p_raised by p_before were done. Pure. '
  '[autonomous-operations]';

create function autonomy.too_much_shrinking(
  p_policy public.autonomy_policy, p_budget numeric, p_raised numeric, p_lowered numeric, p_before numeric,
  p_place bigint, p_so_far numeric) returns boolean
language plpgsql immutable set search_path = ''
as $$
-- The most certain cut of a day always passes: an account of one campaign could else never be cut by half.
begin
  return p_before + p_place > 1
    and p_lowered + p_so_far > p_policy.shrink_breaker_share * greatest(p_budget + p_lowered - p_raised, 0);
end $$;
comment on function autonomy.too_much_shrinking(public.autonomy_policy, numeric, numeric, numeric, numeric, bigint,
                                                numeric) is
  'Whether a cut is beyond what the active budget may shrink by within 24 hours: the p_place-th and p_so_far with the '
  'more certain ones; p_lowered by p_before were done. Pure. [autonomous-operations]';

-- Hold-outs: what a run would have done and did not, because the campaign belongs to the week's comparison group.
-- Chance chose them, so the difference to what was carried out is what the actions bring, whatever else goes on.
-- squawk-ignore-file require-concurrent-index-creation
-- Indexes are built on tables that are empty or our own, and a transaction cannot build them concurrently.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- No foreign key to campaigns: what was held out stays written down when a campaign goes.
create table if not exists autonomy.held_out (
  campaign_id uuid,
  week date,
  kind text check (kind in ('pause', 'up', 'down')),
  account text,
  decided_at timestamptz not null,
  budget numeric,
  rule_id uuid,
  confidence float8,
  primary key (campaign_id, week, kind)
);
comment on table autonomy.held_out is
  'Decisions that were not carried out because their campaign belongs to the comparison group of the week: the first '
  'of a kind in each. [autonomous-operations]';
comment on column autonomy.held_out.week is 'its Monday, in UTC, as the draw goes by it';
comment on column autonomy.held_out.kind is 'pause, up or down';
comment on column autonomy.held_out.budget is 'a day, when it was decided; null = none';

create function autonomy.note_held_out(p_held jsonb, p_now timestamptz) returns integer
language plpgsql set search_path = ''
as $$
declare
  v_noted integer;
begin
  insert into autonomy.held_out (campaign_id, week, kind, account, decided_at, budget, rule_id, confidence)
  select distinct on (c.id, h.direction) c.id, date_trunc('week', p_now at time zone 'UTC')::date, h.direction,
    c.account, p_now, case when c.budget between 0.000001 and 1e15 then c.budget end, h.rule_id,
    case when h.confidence between 0 and 100 then h.confidence end
  from jsonb_to_recordset(p_held) h (campaign_id uuid, direction text, rule_id uuid, confidence float8)
  join public.campaigns c on c.id = h.campaign_id
  where h.direction in ('pause', 'up', 'down')
  order by c.id, h.direction
  on conflict do nothing;
  get diagnostics v_noted = row_count;
  return v_noted;
end $$;
comment on function autonomy.note_held_out(jsonb, timestamptz) is
  'Writes down what a run holds back for comparison; how many are new. A list of {"campaign_id", "direction", '
  '"rule_id", "confidence"}. Safe to call again: the first of a week and kind stays. Raises nothing of its own. '
  '[autonomous-operations]';

create function public.record_held_out(
  p_run_id uuid, p_lease_token uuid, p_held jsonb, p_now timestamptz default now()) returns jsonb
language plpgsql set search_path = '' set statement_timeout = '55s'
as $$
declare
  v_run public.autonomous_runs := autonomy.hold_lease(p_run_id, p_lease_token);
begin
  if p_held is null or jsonb_typeof(p_held) <> 'array' or jsonb_array_length(p_held) > 50000 then
    raise exception using errcode = 'AO010', message = 'p_held must be a list of at most 50000 decisions.';
  elsif p_now is distinct from v_run.started_at then
    raise exception using errcode = 'AO014',
      message = format('p_now is %s, but the moment of run %s is %s: a run has one.', p_now, p_run_id,
                       v_run.started_at),
      hint = 'Give it the "now" that begin_autonomous_run answered with.';
  end if;
  return jsonb_build_object('noted', case when v_run.dry_run or v_run.mode = 'observe' then 0
    else autonomy.note_held_out(p_held, p_now) end);
end $$;
comment on function public.record_held_out(uuid, uuid, jsonb, timestamptz) is
  'Writes down which decisions of a run are held back for comparison (of a dry run or in observe mode none). Safe to '
  'call again. Raises AO007 (lease lost), AO010 (argument), AO014 (p_now is not the run''s). [autonomous-operations]';

-- ---------------------------------------------------------------------------------------------
-- What was carried out against what was held out
-- ---------------------------------------------------------------------------------------------
create function autonomy.compared_decisions(p_account text, p_from timestamptz, p_until timestamptz)
returns table (campaign_id uuid, week date, kind text, held boolean, decided_at timestamptz, budget float8)
language sql stable set search_path = '' set jit = off
as $$
  with held as materialized (
    select h.campaign_id, h.week, h.kind, h.decided_at, h.budget::float8 as budget
    from autonomy.held_out h
    where h.account = p_account and h.decided_at >= p_from and h.decided_at < p_until and h.budget > 0
  ), done as (
    select distinct on (a.campaign_id, w.week, k.kind) a.campaign_id, w.week, k.kind, a.executed_at, b.budget
    from public.autonomous_actions a
    join public.campaigns c on c.id = a.campaign_id
    cross join lateral (select date_trunc('week', a.executed_at at time zone 'UTC')::date as week) w
    cross join lateral (select autonomy.exact_number(a.previous_state -> 'budget')::float8 as budget,
      autonomy.exact_number(a.new_state -> 'budget')::float8 as after) b
    cross join lateral (select case when a.action_type = 'auto_pause' then 'pause'
      when a.action_type not in ('auto_scale_up', 'auto_scale_down', 'budget_adjusted') then null
      when b.after > b.budget then 'up' when b.after < b.budget then 'down' end as kind) k
    where c.account = p_account and a.run_id is not null and a.status in ('executed', 'rolled_back')
      and a.executed_at >= p_from and a.executed_at < p_until and b.budget > 0
      -- of weeks and kinds in which something was held out: only those are comparable
      and exists (select from held h where h.week = w.week and h.kind = k.kind)
    order by a.campaign_id, w.week, k.kind, a.executed_at
  )
  select h.campaign_id, h.week, h.kind, true, h.decided_at, h.budget from held h
  union all
  select d.campaign_id, d.week, d.kind, false, d.executed_at, d.budget from done d
$$;
comment on function autonomy.compared_decisions(text, timestamptz, timestamptz) is
  'The first decision of each campaign, week and kind in a span, held out or carried out by a run, in the weeks in '
  'which some of the kind were held out. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.compared_profits(
  p_account text, p_from timestamptz, p_until timestamptz, p_now timestamptz)
returns table (campaign_id uuid, kind text, held boolean, budget_days float8, profit float8, days bigint)
language sql stable set search_path = '' set jit = off
as $$
  select d.campaign_id, d.kind, d.held, d.budget * m.days, m.profit, m.days
  from autonomy.compared_decisions(p_account, p_from, p_until) d
  join public.campaigns c on c.id = d.campaign_id
  join autonomy.account_targets() g on g.account = coalesce(p_account, '')
  cross join lateral (select autonomy.account_zone(p_account) as zone offset 0) z
  cross join lateral (
    -- The whole days after the decision to the end of its week: the next week draws its group anew. Nothing spent is
    -- a day, too.
    select count(*) as days, sum(coalesce(m.revenue::float8 / w.matured, 0) * g.attribution
        / coalesce(c.target_roi::float8, g.break_even) - coalesce(m.spend::float8, 0)) as profit
    from generate_series((d.decided_at at time zone z.zone)::date + 1, d.week + 6, interval '1 day') s (at)
    cross join lateral (select s.at::date as day, extract(epoch from
      p_now - ((s.at::date + 1)::timestamp at time zone z.zone))::float8 / 3600 as hours offset 0) t
    cross join lateral (select autonomy.mean_matured_share(t.hours, t.hours + 24, g.delay) as matured) w
    left join public.campaign_daily m on m.campaign_id = d.campaign_id and m.day = t.day
      and m.spend between 0 and 1e12 and m.revenue between 0 and 1e12
    where t.hours >= 0 and w.matured >= 0.5) m
  where m.days > 0
$$;
comment on function autonomy.compared_profits(text, timestamptz, timestamptz, timestamptz) is
  'What each compared decision''s campaign earned (revenue over break-even less spend) on the whole days after it in '
  'its week, beside its budget of so many days. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.holdout_effects(
  p_account text, p_from timestamptz, p_until timestamptz, p_now timestamptz default now())
returns table (kind text, executed bigint, held bigint, executed_campaigns bigint, held_campaigns bigint,
               per_budget float8, error float8, money_per_day float8, money_low float8, money_high float8)
language sql stable set search_path = '' set jit = off
as $$
  with each as materialized (
    select * from autonomy.compared_profits(p_account, p_from, p_until, p_now)
  ), means as (
    select e.kind, count(*) filter (where not e.held) as executed, count(*) filter (where e.held) as held,
      count(distinct e.campaign_id) filter (where not e.held) as executed_campaigns,
      count(distinct e.campaign_id) filter (where e.held) as held_campaigns,
      count(distinct e.campaign_id) as campaigns, sum(e.budget_days) / sum(e.days) as budget,
      sum(e.budget_days) filter (where not e.held) as w1, sum(e.budget_days) filter (where e.held) as w0,
      sum(e.profit) filter (where not e.held) as p1, sum(e.profit) filter (where e.held) as p0
    from each e group by e.kind
  ), pulls as (
    -- by how much each campaign pulls the difference: of one campaign no two weeks are independent
    select e.kind, e.campaign_id,
      sum(case when e.held then -(e.profit - m.p0 / m.w0 * e.budget_days) / m.w0
               else (e.profit - m.p1 / m.w1 * e.budget_days) / m.w1 end) as pull
    from each e join means m on m.kind = e.kind
    where m.w1 > 0 and m.w0 > 0 group by e.kind, e.campaign_id
  ), errors as (
    select p.kind, sqrt(sum(p.pull * p.pull) * count(*) / greatest(1, count(*) - 1)) as error
    from pulls p group by p.kind
  )
  select m.kind, m.executed, m.held, m.executed_campaigns, m.held_campaigns, d.difference, r.error,
    d.difference * m.budget, (d.difference - q.wide * r.error) * m.budget, (d.difference + q.wide * r.error) * m.budget
  from means m
  left join errors r on r.kind = m.kind
  cross join lateral (select m.p1 / m.w1 - m.p0 / m.w0 as difference) d
  -- Student's 95 % point for so many campaigns
  cross join lateral (select 1.645 + 1.6 / greatest(1, m.campaigns - 2) as wide) q
  order by m.kind
$$;
comment on function autonomy.holdout_effects(text, timestamptz, timestamptz, timestamptz) is
  'By kind of decision: how much more campaigns earned a day and unit of budget where it was carried out than where it '
  'was held out, with the error that comes of the campaigns (clustered), and in money for a campaign of the mean '
  'budget, with a 90 % interval. Null where one side is empty. Only reads; raises nothing. [autonomous-operations]';

-- What a run's decisions leave of an account's total: raises shrink to the room there is, and where budgets are above
-- the ceiling already, all are shrunk in proportion. The twin of autonomy/engine/totals.py, in the same exact numbers.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.raise as (
  campaign_id uuid, confidence float8,
  old numeric,               -- its budget
  wanted numeric,            -- what it adds to the budgets of its account
  least numeric,             -- the share of its budget under which a raise is none; null = it fits whole or not at all
  digits integer);
comment on type autonomy.raise is 'A raise or a resume, beside its account''s total. [autonomous-operations]';

create function autonomy.fitted_raises(p_room numeric, p_raises autonomy.raise[])
returns table (campaign_id uuid, granted numeric, wanted numeric)
language plpgsql immutable set search_path = ''
as $$
-- One after the other: what is held leaves its room to those behind it.
declare
  v_room numeric := greatest(p_room, 0);
  v_raise record;
begin
  for v_raise in
    select r.* from unnest(p_raises) r order by r.confidence desc nulls last, r.campaign_id
  loop
    campaign_id := v_raise.campaign_id;
    wanted := v_raise.wanted;
    granted := least(v_raise.wanted, v_room);
    if granted < v_raise.wanted then
      granted := trunc(v_raise.old + granted, v_raise.digits) - v_raise.old;
      if (granted > 0 and granted >= v_raise.old * v_raise.least) is not true then
        granted := 0;
      end if;
    end if;
    v_room := v_room - granted;
    return next;
  end loop;
end $$;
comment on function autonomy.fitted_raises(numeric, autonomy.raise[]) is
  'What each raise may add to the budgets of its account, the most certain first: all of it, what room there is, or '
  'nothing. Pure. [autonomous-operations]';

create type autonomy.shrinkable as (
  campaign_id uuid, budget numeric,
  floor numeric,             -- what it keeps at least
  own numeric,               -- what its own decision of this run leaves; null where that takes nothing
  kept boolean,              -- it is left alone
  digits integer);
comment on type autonomy.shrinkable is
  'An active campaign of an account that is above its total. [autonomous-operations]';

create function autonomy.share_left(p_left numeric, p_campaigns autonomy.shrinkable[]) returns numeric[]
language plpgsql immutable set search_path = '' set work_mem = '64MB'
as $$
begin
  return coalesce((
    with each as (
      select c.campaign_id, c.budget, l.least,
        case when c.budget <> 0 then div(l.least * 1000000000, c.budget) else 0 end as at_floor
      from unnest(p_campaigns) c
      cross join lateral (select least(c.floor, c.budget) as least) l
    ), summed as (
      select e.at_floor, e.campaign_id, e.budget, e.least,
        greatest(p_left - (sum(e.least) over before - e.least), 0) as over,
        sum(e.budget) over () - (sum(e.budget) over before - e.budget) as rest
      from each e window before as (order by e.at_floor desc, e.campaign_id rows unbounded preceding)
    )
    select array[least(s.over, s.rest), s.rest] from summed s
    where s.rest > 0 and s.budget * s.over >= s.least * s.rest
    order by s.at_floor desc, s.campaign_id limit 1), array[0, 1]::numeric[]);
end $$;
comment on function autonomy.share_left(numeric, autonomy.shrinkable[]) is
  'The part of each budget, [1] of [2], that leaves p_left of all of them, those that would fall under their floor '
  'counted at that. Pure. [autonomous-operations]';

create function autonomy.shrunk_budget(p_campaign autonomy.shrinkable, p_share numeric[]) returns numeric
language plpgsql immutable set search_path = ''
as $$
begin
  return greatest(least(p_campaign.floor, p_campaign.budget),
    div(p_campaign.budget * p_share[1] * 10::numeric ^ p_campaign.digits, p_share[2])
      * autonomy.smallest_unit(p_campaign.digits));
end $$;
comment on function autonomy.shrunk_budget(autonomy.shrinkable, numeric[]) is
  'That part of a budget in whole units, but not under its floor, nor over what it is. Pure. [autonomous-operations]';

create function autonomy.shrunk_budgets(p_left numeric, p_campaigns autonomy.shrinkable[])
returns table (campaign_id uuid, new_budget numeric)
language plpgsql immutable set search_path = '' set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  v_left numeric := p_left - (
    select coalesce(sum(coalesce(c.own, c.budget)), 0) from unnest(p_campaigns) c where c.kept or c.own = 0);
  v_free autonomy.shrinkable[] := array(
    select c from unnest(p_campaigns) c where not (c.kept or coalesce(c.own = 0, false)));
  v_share numeric[] := autonomy.share_left(v_left, v_free);
  v_deeper numeric;
begin
  select sum(c.own) into v_deeper
  from unnest(v_free) c where c.own <= autonomy.shrunk_budget(c, v_share);
  if v_deeper is not null then  -- a deeper cut of its own stays, and leaves more to the others
    v_free := array(select c from unnest(v_free) c where (c.own <= autonomy.shrunk_budget(c, v_share)) is not true);
    v_share := autonomy.share_left(v_left - v_deeper, v_free);
  end if;
  return query
  select c.campaign_id, n.new_budget
  from unnest(v_free) c
  cross join lateral (select autonomy.shrunk_budget(c, v_share) as new_budget offset 0) n
  where n.new_budget < coalesce(c.own, c.budget);
end $$;
comment on function autonomy.shrunk_budgets(numeric, autonomy.shrinkable[]) is
  'What is left of each budget that is to be lowered, so that all together come to p_left: in proportion, none under '
  'its floor; a deeper cut of its own and what is left alone stays. Pure. [autonomous-operations]';

create function autonomy.shrinking_since(p_account text, p_now timestamptz) returns timestamptz
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select case when (t.one -> 'left') is not null then (t.one ->> 'since')::timestamptz end
    from (
      select r.summary -> 'totals' as totals from public.autonomous_runs r
      where r.status = 'completed' and not r.dry_run order by r.started_at desc limit 1) l
    cross join lateral jsonb_array_elements(
      case jsonb_typeof(l.totals) when 'array' then l.totals else '[]' end) t (one)
    where t.one ->> 'account' = p_account and (t.one ->> 'since')::timestamptz > p_now - interval '24 hours'
    limit 1);
end $$;
comment on function autonomy.shrinking_since(text, timestamptz) is
  'When the shrinking of an account to its total began, where the last run had not the time to bring it to its end; '
  'else null. Only reads; raises nothing. [autonomous-operations]';

create type autonomy.over_total as (
  candidate autonomy.candidate, account text, budget numeric,
  before numeric,            -- its budget when the shrinking began, where an earlier run has lowered it for that
  floor numeric, kept boolean, digits integer, mode text,
  break_even float8, asked float8, threshold float8, below float8, confidence float8, log_roi float8,
  min_budget numeric);
comment on type autonomy.over_total is
  'An active campaign of an account that is above its total, with what its evidence says of a cut. '
  '[autonomous-operations]';

create function autonomy.over_totals(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns setof autonomy.over_total
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
declare
  v_ids uuid[] := array(select o from autonomy.campaigns_over_total(p_slots, p_include_inactive, p_now) o);
begin
  if v_ids = '{}' then
    return;  -- the usual case
  end if;
  return query
  with in_force as materialized (
    select f.account, f.p, (f.p).curvature::float8 as curvature, autonomy.price_in_force(f.account) as price,
      autonomy.shrinking_since(f.account, p_now) as since
    from autonomy.policies_of(array(
      select distinct c.account from unnest(v_ids) i join public.campaigns c on c.id = i)) f
  )
  select c, f.account, b.budget, greatest(b.budget, g.budget), autonomy.budget_floor(w.min_budget, n.digits),
    b.budget = 0 or autonomy.campaign_guardrail(
      c, f.p, 'down', e.confidence, 0, interval '0', null, 'total', 'decide', p_now) is not null,
    n.digits, (f.p).mode, v.break_even, v.asked, t.threshold, o.below, e.confidence,
    i.posterior[1] + ln(c.attribution) - ln(k.over), w.min_budget
  from autonomy.candidate_rows(v_ids, p_now) c
  join in_force f on f.account = coalesce(c.account, '')
  cross join lateral (select greatest(coalesce(c.budget, 0), 0) as budget offset 0) b
  left join lateral (
    select autonomy.exact_number(a.previous_state -> 'budget') as budget from public.autonomous_actions a
    where f.since is not null and a.campaign_id = c.campaign_id and a.status = 'executed' and a.executed_at >= f.since
      and a.rule_id is null and a.evidence #>> '{total,code}' is not null
    order by a.executed_at limit 1) g on true
  cross join lateral (select autonomy.currency_digits(c.currency) as digits offset 0) n
  cross join lateral (select greatest(autonomy.curve_floor((f.p).min_budget, c.reference_budget),
      c.platform_minimum) as min_budget offset 0) w
  cross join lateral (select autonomy.curve_over(x.share, x.curvature) as over,
      autonomy.curve_steep(x.share, x.curvature) as steep
    from (select autonomy.budget_share(c.budget, c.reference_budget) as share,
            coalesce(c.curvature, f.curvature) as curvature offset 0) x offset 0) k
  cross join lateral (select u.break_even, greatest(u.break_even, f.price * u.break_even) as asked
    from (select coalesce(c.target_roi, (f.p).break_even_roi::float8) as break_even) u offset 0) v
  cross join lateral (select autonomy.roi_posterior(
    coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
    (f.p).prior_mean_roi, (f.p).prior_tau2, (f.p).prior_order_value, (f.p).prior_cv2,
    (f.p).prior_order_spread) as posterior offset 0) i
  cross join lateral (select v.asked * k.steep as threshold offset 0) t
  cross join lateral (
    select autonomy.probability_from(i.posterior, t.threshold / c.attribution * k.over) as below offset 0) o
  cross join lateral (select autonomy.cut_confidence(100::float8 * o.below) as confidence offset 0) e
  where c.is_active;
end $$;
comment on function autonomy.over_totals(int4range, boolean, timestamptz) is
  'The active campaigns of accounts whose budgets are to be shrunk to their total. Only reads; raises nothing. '
  '[autonomous-operations]';

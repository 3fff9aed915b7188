-- Deciding each campaign by itself, and then all of them together: the twin of autonomy/engine in
-- SQL.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.window_read(p_condition jsonb) returns text
language plpgsql immutable parallel safe set search_path = ''
as $$
begin
  return coalesce((
    select min(r.win) from autonomy.condition_reads(p_condition) r
    where r.metric not in ('budget', 'hours_running')
    having count(distinct r.win) = 1 and min(r.win) not like 'prior%'), 'lifetime');
end $$;
comment on function autonomy.window_read(jsonb) is
  'The window whose figures a validated condition reads, where that is one; else lifetime. Pure. '
  '[autonomous-operations]';

create function autonomy.rule_plans(
  p_include_inactive boolean, p_policy public.autonomy_policy, p_ids uuid[] default null)
returns table (
  place int, rule_id uuid, rule_name text, action_type text, kind text,
  break_even float8, states_own boolean, at_least float8, at_most float8, confidence_floor float8, cooldown interval,
  factor numeric, set_budget numeric, max_budget numeric, min_budget numeric, requires_approval boolean,
  win text, cpa float8)
language plpgsql stable set search_path = ''
as $$
-- A rule that states its own roi target is taken at its word. One that speaks of cpa is judged by that: the targets are
-- multiples of what its own pays for, so that break-even is 1 whatever policy, campaign or action say.
begin
  return query
  select r.place, r.id, r.rule_name, r.action ->> 'type', k.kind, t.break_even, t.states_own,
    case when t.flat and r.condition ->> 'operator' in ('<', '<=') then t.stated end,
    case when t.cpa is not null then 1::float8
         when t.flat and r.condition ->> 'operator' in ('>', '>=') then t.stated end,
    t.confidence_floor,
    -- a budget that follows its curve moves once a day at most, whatever its rule says
    greatest(coalesce(autonomy.json_number(r.action -> 'cooldown_hours'), p_policy.cooldown_hours::float8),
      case when k.kind = 'curve' then 24::float8 end) * interval '1 hour',
    coalesce(autonomy.exact_number(r.action -> 'multiplier'), 1),
    autonomy.exact_number(r.action -> 'budget'),
    least(autonomy.exact_number(r.action -> 'max_budget'), p_policy.max_budget),
    greatest(autonomy.exact_number(r.action -> 'min_budget'), p_policy.min_budget),
    coalesce((r.action -> 'requires_approval')::boolean, false),
    autonomy.window_read(r.condition), t.cpa
  from autonomy.rules_in_order(p_include_inactive) r
  cross join lateral (select case
    when r.action ->> 'type' = 'auto_pause' then 'pause'
    when r.action ->> 'type' = 'auto_scale_up' then 'up'
    when r.action ->> 'type' = 'auto_scale_down' then 'down'
    when r.action ? 'by' then 'curve'
    else 'set' end as kind) k
  cross join lateral (
    select coalesce(e.own, p_policy.break_even_roi::float8) as break_even, e.own is not null as states_own, e.cpa,
      coalesce(autonomy.json_number(r.action -> 'min_confidence'),
        autonomy.policy_floor(p_policy, k.kind = 'pause')) as confidence_floor,
      r.condition ->> 'metric' = 'roi' and jsonb_typeof(r.condition -> 'threshold') = 'number' as flat,
      autonomy.json_number(r.condition -> 'threshold') as stated
    from (
      select c.cpa, case when c.cpa is not null then 1::float8
                         else autonomy.json_number(r.action -> 'break_even_roi') end as own
      from (select autonomy.cpa_target(r.condition) as cpa) c) e) t
  where r.place is not null and (p_ids is null or r.id = any (p_ids));
end $$;
comment on function autonomy.rule_plans(boolean, public.autonomy_policy, uuid[]) is
  'The rules (p_ids: those) made ready under a policy: floors, exact amounts and what their targets rest on, in the '
  'order in which they decide. break_even gives way to a campaign''s own unless the rule states it (states_own); a '
  'pause is judged by at_least at the least, a raise by at_most at the most. Only reads. [autonomous-operations]';

create function autonomy.decided_campaigns(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns table (
  candidate autonomy.candidate, action_type text, direction text, kind text, rule_id uuid, rule_name text,
  break_even float8, confidence float8, confidence_floor float8, plan_break_even float8, cooldown interval,
  max_budget numeric, min_budget numeric, requires_approval boolean, win text,
  held text, new_budget numeric, limits text[], matched_names text[], matched_codes text[], chosen int,
  cpa float8, below float8, log_roi float8, target_budget numeric, asked float8)
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  return query
  with found as materialized (
    select m.* from autonomy.matching_campaigns(null::uuid, null::int, p_slots, p_include_inactive, null::uuid, p_now) m
  ),
  seen as materialized (
    select f.places, c, coalesce(c.account, '') as account
    from found f
    join autonomy.candidate_rows(array(select i.campaign_id from found i), p_now) c on c.campaign_id = f.campaign_id
  ),
  in_force as materialized (
    select f.account, f.p, (f.p).prior_mean_roi, (f.p).prior_tau2, (f.p).prior_order_value, (f.p).prior_cv2,
      (f.p).prior_order_spread, (f.p).break_even_roi::float8 as break_even, (f.p).curvature::float8 as curvature,
      autonomy.price_in_force(f.account) as price
    from autonomy.policies_of(array(select distinct s.account from seen s)) f
  ),
  known as materialized (
    select s.places, s.c, s.account, autonomy.roi_posterior(
      coalesce((s.c).ev_effective_spend, (s.c).ev_spend), (s.c).ev_conversions, (s.c).ev_revenue, (s.c).cv2,
      (s.c).ev_days, (s.c).matured_share,
      f.prior_mean_roi, f.prior_tau2, f.prior_order_value, f.prior_cv2, f.prior_order_spread) as posterior,
      -- roi at the reference budget over roi at the present one, and the average unit's return over the next one's
      autonomy.curve_over(x.share, x.curvature) as over, autonomy.curve_steep(x.share, x.curvature) as steep,
      x.share, x.curvature
    from seen s join in_force f on f.account = s.account
    cross join lateral (
      select autonomy.budget_share((s.c).budget, (s.c).reference_budget) as share,
        coalesce((s.c).curvature, f.curvature) as curvature offset 0) x
  ),
  plans as materialized (
    select f.account, l.* from in_force f cross join lateral autonomy.rule_plans(p_include_inactive, f.p) l
  ),
  -- what each matching rule would do, and what holds it: the first that applies, in this order
  judged as materialized (
    select (k.c).campaign_id, l.place, l.rule_name, d.direction, t.target as break_even, j.confidence,
      y.confidence_floor, y.min_budget, (z.size).new_budget, (z.size).limits, e.target as target_budget,
      o.below, i.posterior[1] + ln((k.c).attribution) - ln(k.over) as log_roi, v.break_even as plan_break_even,
      v.asked,
      coalesce(autonomy.campaign_guardrail(
        k.c, f.p, d.direction, j.confidence, y.confidence_floor, l.cooldown, l.cpa, l.kind, 'decide', p_now),
        (z.size).code) as code
    from known k
    join in_force f on f.account = k.account
    join plans l on l.account = f.account and l.place = any (k.places)
    -- `offset 0`: what is named here is computed once, not at every mention
    cross join lateral (select u.break_even, greatest(u.break_even,
        f.price * case when l.cpa is not null then 1::float8 else coalesce((k.c).target_roi, f.break_even) end) as asked
      from (select case when l.states_own then l.break_even
        else coalesce((k.c).target_roi, l.break_even) end as break_even) u offset 0) v
    cross join lateral (select case when l.cpa is null then k.posterior else autonomy.cpa_posterior(
      l.cpa, coalesce((k.c).ev_effective_spend, (k.c).ev_spend), (k.c).ev_conversions, (k.c).ev_days,
      (k.c).matured_share) end as posterior offset 0) i
    cross join lateral (select case when l.kind = 'curve' then autonomy.curve_target(
      (k.c).reference_budget, k.curvature,
      autonomy.mean_roi(i.posterior, case when l.cpa is null then f.prior_tau2 else 0.64::float8 end),
      v.asked / (k.c).attribution) end as target offset 0) e
    cross join lateral (select autonomy.currency_digits((k.c).currency) as digits offset 0) n
    cross join lateral (select case
      when l.kind = 'curve' then autonomy.curve_floor(l.min_budget, (k.c).reference_budget)
      else l.min_budget end as min_budget offset 0) w
    -- at its floor, where not even the first unit of budget earns its keep, a budget has nowhere to go but out
    cross join lateral (select case when e.target < (k.c).budget then case
      when (k.c).budget - autonomy.budget_floor(w.min_budget, n.digits) <= autonomy.smallest_unit(n.digits)
        and autonomy.cut_confidence(100::float8 * autonomy.probability_from(
          i.posterior, v.break_even / k.steep / (k.c).attribution * k.over))
          >= greatest(95::float8, l.confidence_floor, autonomy.policy_floor(f.p, true))
        then greatest(95::float8, l.confidence_floor, autonomy.policy_floor(f.p, true)) end end as least offset 0) s
    cross join lateral (select case
      when s.least is not null then 'pause'
      when l.kind = 'curve' then case when e.target < (k.c).budget then 'down' else 'up' end
      when l.kind <> 'set' then l.kind
      when l.set_budget > (k.c).budget then 'up'
      else 'down' end as direction, w.min_budget,
      coalesce(s.least, l.confidence_floor) as confidence_floor offset 0) y
    cross join lateral (select y.direction) d
    cross join lateral (select autonomy.budget_share(
      coalesce(l.set_budget, (k.c).budget * l.factor), (k.c).reference_budget) as share offset 0) m
    cross join lateral (select case
      when s.least is not null then v.break_even / k.steep
      when d.direction = 'pause' then greatest(v.break_even, l.at_least)
      when d.direction = 'up' and l.kind <> 'curve' then case
        -- beside a rule that lets budgets follow their curves, the last unit of a raise has to earn its keep as well:
        -- the next day would else take it back, and the day after raise it again
        when exists (select from plans o where o.kind = 'curve')
          then v.asked * autonomy.curve_steep_at(m.share, k.share, k.curvature)
        else greatest(least(v.break_even * k.steep, l.at_most),
                      case when v.asked > v.break_even then v.asked * k.steep end) end
      else v.asked * k.steep end as target offset 0) t
    cross join lateral (
      select autonomy.probability_from(i.posterior, t.target / (k.c).attribution * k.over) as below offset 0) o
    cross join lateral (select autonomy.cut_confidence(
      100::float8 * case when d.direction = 'up' then 1::float8 - o.below else o.below end) as confidence offset 0) j
    cross join lateral (select case when d.direction <> 'pause' then autonomy.sized_budget(
      d.direction, (k.c).budget,
      -- as far as one move may go, in whole units
      case when e.target is not null then least(greatest(round(e.target, n.digits),
             autonomy.budget_floor((k.c).budget * 0.7, n.digits)), trunc((k.c).budget * 1.3, n.digits))
           else coalesce(l.set_budget, (k.c).budget * l.factor) end,
      (f.p).max_step, least((k.c).budget_low_7d, (k.c).budget), (f.p).max_growth_7d, l.max_budget,
      w.min_budget, n.digits, case when l.kind = 'curve' then 0.05 else 0.01 end, (k.c).platform_minimum)
      end as size offset 0) z
  ),
  ranked as (
    select j.campaign_id, array_agg(j.place order by j.place) as places,
      array_agg(j.rule_name order by j.place) as names,
      array_agg(j.code order by j.place) as codes, min(j.place) filter (where j.code is null) as winner
    from judged j
    group by j.campaign_id
  )
  select k.c, case when j.direction = 'pause' then 'auto_pause' else l.action_type end,
    j.direction, l.kind, l.rule_id, l.rule_name, j.break_even, j.confidence, j.confidence_floor,
    j.plan_break_even, l.cooldown, l.max_budget, j.min_budget, l.requires_approval, l.win, j.code,
    case when j.code is null and j.direction <> 'pause' then j.new_budget end,
    case when j.direction <> 'pause' and (j.code is null or j.code in (
        'STEP_CAP', 'GROWTH_CAP', 'BUDGET_CAP', 'BELOW_MINIMUM'))
      then j.limits else '{}' end,
    r.names,
    case when r.winner is null then r.codes
      else r.codes[:u.chosen] || array_fill('OUTRANKED'::text, array[cardinality(r.codes) - u.chosen]) end,
    u.chosen, l.cpa, j.below, j.log_roi, j.target_budget, j.asked
  from ranked r
  cross join lateral (select coalesce(array_position(r.places, r.winner), 1) as chosen) u
  join judged j on j.campaign_id = r.campaign_id and j.place = r.places[u.chosen]
  join known k on (k.c).campaign_id = r.campaign_id
  join plans l on l.account = k.account and l.place = j.place;
end $$;
comment on function autonomy.decided_campaigns(int4range, boolean, timestamptz) is
  'The decision about each active campaign that a rule matches, taken by itself: held is null for an action. Only '
  'reads. [autonomous-operations]';

create function autonomy.decided_resumes(p_slots int4range, p_include_inactive boolean, p_now timestamptz)
returns table (
  candidate autonomy.candidate, rule_id uuid, rule_name text, break_even float8, confidence float8,
  confidence_floor float8, cooldown interval, held text, new_status text, new_budget numeric, cpa float8,
  below float8, log_roi float8, plan_break_even float8)
language plpgsql stable set search_path = ''
as $$
begin
  return query
  with revocable as materialized (select * from autonomy.revocable_pauses())
  select c, r.rule_id, r.rule_name, r.break_even, g.confidence, w.floor, w.cooldown,
    autonomy.campaign_guardrail(c, f.p, 'resume', g.confidence, w.floor, w.cooldown, r.target_cpa, 'resume', 'decide',
      p_now),
    r.status, r.budget, r.target_cpa, o.below, b.posterior[1] + ln(c.attribution) - ln(y.over), case
      when r.target_cpa is not null then 1::float8
      else coalesce(c.target_roi, (f.p).break_even_roi::float8) end
  from revocable r
  join autonomy.candidate_rows(array(select i.campaign_id from revocable i), p_now) c on c.campaign_id = r.campaign_id
  join autonomy.policies_of(array(select distinct k.account from revocable i
                                  join public.campaigns k on k.id = i.campaign_id)) f
    on f.account = coalesce(c.account, '')
  cross join lateral (select case
    when r.target_cpa is not null
      then autonomy.cpa_posterior(
        r.target_cpa, coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_days, c.matured_share)
    else autonomy.roi_posterior(
      coalesce(c.ev_effective_spend, c.ev_spend), c.ev_conversions, c.ev_revenue, c.cv2, c.ev_days, c.matured_share,
      (f.p).prior_mean_roi, (f.p).prior_tau2, (f.p).prior_order_value, (f.p).prior_cv2,
      (f.p).prior_order_spread) end as posterior) b
  cross join lateral (select autonomy.curve_over(autonomy.budget_share(c.budget, c.reference_budget),
    coalesce(c.curvature, (f.p).curvature::float8)) as over) y
  cross join lateral (
    select autonomy.probability_from(b.posterior, r.break_even / c.attribution * y.over) as below) o
  cross join lateral (select autonomy.cut_confidence(100::float8 * o.below) as right) x
  cross join lateral (select autonomy.cut_confidence(100::float8 - x.right) as confidence) g
  cross join lateral (select 100::float8 - (f.p).resume_confidence::float8 as floor,
    (f.p).cooldown_hours::float8 * interval '1 hour' as cooldown) w
  where (f.p).resume_when_proven_wrong and r.status is not null and r.break_even > 0
    and x.right <= (f.p).resume_confidence::float8
    and autonomy.campaign_slot(c.campaign_id) <@ p_slots
    and exists (select from autonomy.rules_in_order(p_include_inactive) a where a.place is not null);
end $$;
comment on function autonomy.decided_resumes(int4range, boolean, timestamptz) is
  'The decision about each pause of ours that late conversions have proven wrong. Only reads. [autonomous-operations]';


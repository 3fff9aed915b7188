-- All decisions of a run together: the breakers, and what the accounts' totals leave of them.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.decided_run(p_slots int4range, p_include_inactive boolean, p_now timestamptz,
                                     p_portfolio jsonb)
returns setof autonomy.decided
language plpgsql stable set search_path = '' set jit = off set work_mem = '64MB'
as $$
begin
  return query
  with each as (
    select d.candidate, d.held, d.action_type, d.direction, d.kind, d.rule_id, d.rule_name,
      d.break_even, d.confidence, d.confidence_floor, d.plan_break_even, d.cooldown,
      d.max_budget, d.min_budget, d.requires_approval, d.win,
      case when d.action_type = 'auto_pause' then p.paused_text end as new_status, d.new_budget,
      d.limits, d.matched_names, d.matched_codes, d.chosen, d.cpa, d.below, d.log_roi, d.target_budget, d.asked
    from public.autonomy_policy p
    cross join autonomy.decided_campaigns(p_slots, p_include_inactive, p_now) d
    union all
    select r.candidate, r.held, 'auto_resume', 'resume', 'resume', r.rule_id, r.rule_name,
      r.break_even, r.confidence, r.confidence_floor, r.plan_break_even,
      r.cooldown, null, null, false, 'lifetime', r.new_status, r.new_budget,
      '{}', array[r.rule_name], array[null::text], 1, r.cpa, r.below, r.log_roi, null, null
    from autonomy.decided_resumes(p_slots, p_include_inactive, p_now) r
  ),
  groups as materialized (select * from autonomy.breaker_groups(p_portfolio)),
  moved as (  -- what each would change, unless measurement looks broken in its account or in all
    select e.*, (e.candidate).campaign_id, coalesce((e.candidate).account, '') as account, g.account as at, t.code,
      t.code is null and e.held is null and e.action_type = 'auto_pause' as pauses,
      case when t.code is null and e.held is null and m.change > 0 then m.change else 0 end as raise,
      case when t.code is null and e.held is null and m.change < 0 then -m.change else 0 end as cut,
      case when t.code = 'TRACKING_BREAKER' and g.tracking or t.code = 'VALUE_BREAKER' and g.value then g.account
           when t.code = 'VALUE_BREAKER' then 'currency:' || g.currency end as broken_at
    from each e
    left join groups g on g.account = coalesce((e.candidate).account, '')
    left join groups w on w.account is null
    cross join lateral (select case when e.action_type not in ('auto_pause', 'auto_resume')
      then e.new_budget - (e.candidate).budget end as change) m
    cross join lateral (select case
      when e.held is not null or e.action_type = 'auto_resume' then null
      when g.tracking or w.tracking then 'TRACKING_BREAKER'
      when g.value or g.value_of_currency then 'VALUE_BREAKER' end as code) t
  ),
  in_force as materialized (
    select f.account, f.p from autonomy.policies_of(array(select distinct m.account from moved m)) f
  ),
  within as (  -- what takes, beside the others of its account
    select m.*, k.currency, (f.p).mode, case
        when m.pauses and autonomy.too_many_pauses(f.p, k.campaigns, k.pauses,
          count(*) filter (where m.pauses) over account) then 'PAUSE_BREAKER'
        when m.cut > 0 and autonomy.too_much_shrinking(f.p, k.budget, k.raised, k.lowered, k.cuts,
          row_number() over (partition by m.account order by m.cut > 0 desc, m.confidence desc, m.campaign_id),
          sum(m.cut) over (partition by m.account order by m.cut > 0 desc, m.confidence desc, m.campaign_id))
          then 'SHRINK_BREAKER' end as stopped
    from moved m
    join in_force f on f.account = m.account
    left join groups k on k.account = m.account
    window account as (partition by m.account)
  ),
  taken as (  -- and of all accounts that are left
    select w.*, case when w.stopped is null and w.pauses and a.campaigns is not null
      and autonomy.too_many_pauses(p, a.campaigns, a.pauses,
        count(*) filter (where w.pauses and w.stopped is null) over ()) then 'PAUSE_BREAKER' end as stopped_of_all
    from within w cross join public.autonomy_policy p left join groups a on a.account is null
  ),
  in_total as materialized (select t.* from autonomy.totals_in_force(null, p_now) t),
  beside_total as materialized (  -- those of accounts with a total; what waits for a person takes nothing yet
    select q.campaign_id, q.account, q.confidence, q.pauses, q.cut, q.raise, q.action_type = 'auto_resume' as resumes,
      (q.candidate).budget, q.new_budget, q.kind, q.mode = 'approve' as proposes, q.requires_approval, n.digits,
      q.held is null and q.code is null and q.stopped is null and q.stopped_of_all is null as acts
    from taken q join in_total t on t.account = q.account
    cross join lateral (select autonomy.currency_digits((q.candidate).currency) as digits) n
  ),
  over_total as materialized (select o.* from autonomy.over_totals(p_slots, p_include_inactive, p_now) o),
  shrunk as materialized (
    select t.account, s.campaign_id, s.new_budget
    from in_total t
    cross join lateral (
      select sum(o.budget) as seen, array_agg(row((o.candidate).campaign_id, o.before, o.floor,
        coalesce(case when q.acts and not (q.requires_approval and not q.proposes)
            then case when q.pauses then 0 when q.cut > 0 then q.new_budget end end,
          -- the share of it that an earlier run took is not taken twice
          case when o.before > o.budget then o.budget end),
        o.kept or coalesce((q.pauses or q.cut > 0) and case when q.acts then q.requires_approval and not q.proposes
                                                            else q.pauses end, false),
        o.digits)::autonomy.shrinkable) as budgets
      from over_total o left join beside_total q on q.campaign_id = (o.candidate).campaign_id
      where o.account = t.account) r
    -- a budget that several share stays as it is: the others make room for it
    cross join lateral (select t.active_budget - t.shared as whole, greatest(t.shrink_to - t.shared, 0) as to) p
    cross join lateral autonomy.shrunk_budgets(
      -- of several shards each takes on the part that its own budgets are of all of them
      case when r.seen < p.whole then div(p.to * r.seen * 1000000, p.whole) * 0.000001 else p.to end, r.budgets) s
    where t.shrink_to is not null and r.budgets is not null
  ),
  fits as materialized (
    select f.* from in_total t
    cross join lateral (
      select sum(case when q.acts and not (q.proposes or q.requires_approval)
          then case when q.pauses then greatest(q.budget, 0) else q.cut end end) as freed,
        array_agg(row(q.campaign_id, q.confidence, q.budget,
          case when q.resumes then greatest(coalesce(q.new_budget, 0), 0) else q.raise end,
          case when q.resumes then null when q.kind = 'curve' then 0.05 else 0.01 end, q.digits)::autonomy.raise)
          filter (where q.acts and (q.raise > 0 or q.resumes)) as raises
      from beside_total q
      where q.account = t.account and not exists (select from shrunk s where s.campaign_id = q.campaign_id)) r
    cross join lateral (
      select sum(o.budget - s.new_budget) as freed
      from shrunk s join over_total o on (o.candidate).campaign_id = s.campaign_id
      where s.account = t.account and o.mode <> 'approve') s
    cross join lateral autonomy.fitted_raises(
      t.ceiling - t.active_budget + coalesce(r.freed, 0) + coalesce(s.freed, 0), r.raises) f
    where r.raises is not null
  ),
  capped as (
    select q.*, case when f.granted < f.wanted then t.code end as capped_by, f.granted = 0 and f.wanted > 0 as no_room,
      case when f.campaign_id is null then q.raise when q.raise > 0 then f.granted else 0 end as added,
      t.code as total_code, coalesce(t.shrink_to, t.ceiling) as total_ceiling, t.active_budget as total_budget
    from taken q
    left join fits f on f.campaign_id = q.campaign_id
    left join in_total t on t.account = q.account
    where not exists (select from shrunk s where s.campaign_id = q.campaign_id)
  ),
  grown as (  -- what adds, beside the others of its account
    select c.*, case when c.added > 0 and autonomy.too_much_growth(f.p, k.budget, k.raised, k.ups,
        count(*) filter (where c.added > 0) over account, sum(c.added) over account,
        sum(c.added) over (partition by c.account order by c.added > 0 desc, c.confidence desc, c.campaign_id))
        then 'GROWTH_BREAKER' end as grows
    from capped c
    join in_force f on f.account = c.account
    left join groups k on k.account = c.account
    window account as (partition by c.account)
  ),
  beside as (  -- and of all accounts that are left, money of one currency only
    select w.*,
      count(*) filter (where w.added > 0 and w.grows is null) over currency as ups_wanted,
      coalesce(sum(w.added) filter (where w.grows is null) over currency, 0) as raise_wanted,
      coalesce(sum(w.added) filter (where w.grows is null) over (partition by w.currency
        order by w.added > 0 desc, w.confidence desc, w.campaign_id), 0) as raise_so_far
    from grown w window currency as (partition by w.currency)
  ),
  currencies as materialized (
    select g.currency, sum(g.budget) as budget, sum(g.raised) as raised, sum(g.ups) as ups
    from groups g where g.account is not null group by g.currency
  ),
  stopped as (
    select b.*,
      coalesce(b.held, b.code, nullif(b.stopped, 'PAUSE_BREAKER'), case when b.no_room then b.capped_by end, b.grows,
               f.code) as hold,
      case when 'PAUSE_BREAKER' in (b.stopped, b.stopped_of_all) then 'PAUSE_BREAKER'
           when b.mode = 'approve' or b.requires_approval then 'APPROVAL' end as propose,
      case when b.code is not null then b.broken_at when num_nonnulls(b.stopped, b.grows) > 0 then b.at
           when f.code is not null then 'currency:' || b.currency end as stopped_at
    from beside b
    cross join public.autonomy_policy p
    left join groups a on a.account is null
    left join currencies c on c.currency is not distinct from b.currency
    cross join lateral (select case
      when b.grows is null and a.campaigns is not null and b.added > 0
        and autonomy.too_much_growth(p, c.budget, c.raised, c.ups, b.ups_wanted, b.raise_wanted, b.raise_so_far)
        then 'GROWTH_BREAKER' end as code) f
  )
  select s.campaign_id,
    case when s.hold is not null then 'hold' when s.propose is not null then 'propose' else 'act' end,
    coalesce(s.hold, s.propose, s.action_type), s.action_type, s.direction, s.kind, s.rule_id, s.rule_name,
    s.break_even, s.confidence, s.confidence_floor, s.plan_break_even, s.cooldown, s.max_budget, s.min_budget, s.win,
    s.new_status, case when s.capped_by is not null and not s.no_room then (s.candidate).budget + s.added
                       else s.new_budget end,
    case when s.capped_by is not null and not s.no_room then s.limits || s.capped_by else s.limits end,
    s.matched_names, s.matched_codes, s.chosen, s.cpa, s.below, s.log_roi,
    s.candidate, s.stopped_at, s.target_budget, s.asked, s.total_code, s.total_ceiling, s.total_budget, null
  from stopped s
  union all
  select h.campaign_id, case when o.mode = 'approve' then 'propose' else 'act' end,
    case when o.mode = 'approve' then 'APPROVAL' else 'auto_scale_down' end, 'auto_scale_down', 'down', 'total', null,
    'Account total', o.threshold, o.confidence, 0, o.break_even, interval '0', null, o.min_budget, 'lifetime',
    null, h.new_budget, '{}', 'Account total'::text || q.matched_names,
    -- what a rule would have done instead gives way: a raise to the total
    null::text || case when q.campaign_id is null then '{}'
      when q.hold is not null then q.matched_codes[:q.chosen - 1] || q.hold || q.matched_codes[q.chosen + 1:]
      else q.matched_codes[:q.chosen - 1]
        || case when q.raise > 0 then t.shrink_code else 'OUTRANKED' end || q.matched_codes[q.chosen + 1:] end,
    1, null, o.below, o.log_roi, o.candidate, case when q.code is not null then q.broken_at
      when q.stopped is not null then q.at end, null, o.asked, t.shrink_code, t.shrink_to, t.active_budget, q.hold
  from shrunk h
  join in_total t on t.account = h.account
  join over_total o on (o.candidate).campaign_id = h.campaign_id
  left join (
    select k.*, coalesce(k.held, k.code, nullif(k.stopped, 'PAUSE_BREAKER')) as hold from taken k
  ) q on q.campaign_id = h.campaign_id;
end $$;
comment on function autonomy.decided_run(int4range, boolean, timestamptz, jsonb) is
  'All decisions of a run, after the portfolio-wide guardrails, the accounts'' totals and approval. Only reads. '
  '[autonomous-operations]';

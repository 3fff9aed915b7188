-- A run's decisions: read, and judged as one set under the locks.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create type autonomy.decision as (
  n bigint,                -- place in the batch, from 1
  id uuid,                 -- the action's
  campaign_id uuid,
  rule_id uuid,
  verdict text,            -- act or propose
  action_type text,
  confidence numeric,
  old_status text,         -- as decided on
  old_budget numeric,
  new_status text,
  new_budget numeric,
  decided_code text,
  flaw text,               -- what could not be read of it
  reason text,
  previous_state jsonb,
  new_state jsonb,
  evidence jsonb,
  expected_impact jsonb,
  rule_version text        -- of the rule as decided by
);
comment on type autonomy.decision is 'A decision as apply takes it. [autonomous-operations]';

create type autonomy.item as (
  n bigint,                -- the decision's
  id uuid,
  campaign_id uuid,
  action_type text,
  outcome text,            -- execute, propose, fail, hold, or again (it was accepted before)
  code text,
  message text,
  old_status text,         -- as found
  old_budget numeric,
  status text,             -- to be written
  budget numeric
);
comment on type autonomy.item is
  'What is to become of a decision; passes between the functions of apply. [autonomous-operations]';

create type autonomy.result as (
  n bigint,                -- the decision's
  action_id uuid,
  campaign_id uuid,
  status text,             -- executed, pending, held or failed
  error text,
  message text
);
comment on type autonomy.result is 'What became of a decision. [autonomous-operations]';

create function autonomy.read_decisions(p_run_id uuid, p_decisions jsonb) returns autonomy.decision[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select row(e.n, coalesce(t.id, md5(p_run_id::text || coalesce(t.campaign_id::text, e.d::text))::uuid),
      t.campaign_id, t.rule_id, e.d ->> 'verdict', e.d ->> 'action_type', t.confidence,
      t.was ->> 'status', t.old_budget, t.becomes ->> 'status', t.new_budget, e.d ->> 'code',
      case
        when jsonb_typeof(e.d) <> 'object' then 'it is not an object'
        when t.campaign_id is null then 'campaign_id is not a uuid'
        when e.d ->> 'action_id' is not null and t.id is null then 'action_id is not a uuid'
        when e.d ->> 'rule_id' is not null and t.rule_id is null then 'rule_id is not a uuid'
        when t.confidence is null then 'confidence is not a number from 0 to 100'
        when jsonb_typeof(e.d -> 'reason') is distinct from 'string'
          or btrim(e.d ->> 'reason') = '' then 'reason is missing'
        when jsonb_typeof(t.was -> 'status') is distinct from 'string' then 'previous.status is missing'
        when jsonb_typeof(t.becomes -> 'status') is distinct from 'string' then 'new.status is missing'
        -- NaN, which JSON can only spell, is no budget but no mistake either
        when t.old_budget is null and t.was ->> 'budget' <> 'NaN' then 'previous.budget is not a number'
        when t.new_budget is null and t.becomes ->> 'budget' <> 'NaN' then 'new.budget is not a number'
      end,
      e.d ->> 'reason', t.was, t.becomes, e.d -> 'evidence', e.d -> 'expected_impact',
      e.d ->> 'rule_version')::autonomy.decision
    from (values ('^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
                  '^-?[0-9]{1,15}([.][0-9]{1,9})?$')) k (uuid, number),
      jsonb_array_elements(p_decisions) with ordinality e (d, n)
      -- each value only if it is what it should be
      cross join lateral (select
        w.was, w.becomes,
        case when e.d ->> 'campaign_id' ~ k.uuid then (e.d ->> 'campaign_id')::uuid end as campaign_id,
        case when e.d ->> 'action_id' ~ k.uuid then (e.d ->> 'action_id')::uuid end as id,
        case when e.d ->> 'rule_id' ~ k.uuid then (e.d ->> 'rule_id')::uuid end as rule_id,
        case jsonb_typeof(e.d -> 'confidence') when 'number' then (e.d -> 'confidence')::numeric
          when 'string' then case when e.d ->> 'confidence' ~ k.number
                                  then (e.d ->> 'confidence')::numeric end end as confidence,
        case jsonb_typeof(w.was -> 'budget') when 'number' then (w.was -> 'budget')::numeric
          when 'string' then case when w.was ->> 'budget' ~ k.number
                                  then (w.was ->> 'budget')::numeric end end as old_budget,
        case jsonb_typeof(w.becomes -> 'budget') when 'number' then (w.becomes -> 'budget')::numeric
          when 'string' then case when w.becomes ->> 'budget' ~ k.number
                                  then (w.becomes ->> 'budget')::numeric end end as new_budget
        from (select e.d -> 'previous' as was, e.d -> 'new' as becomes offset 0) w offset 0) t
    order by e.n);
end $$;
comment on function autonomy.read_decisions(uuid, jsonb) is
  'A list of decisions as they come in JSON, read; what cannot be read of one is its flaw. Only reads; safe to call '
  'again; raises nothing. [autonomous-operations]';

-- Whatever the engine thought, each limit is looked at again here, under locks, against the policy
-- and the rule of this moment. Nothing is written.
create function autonomy.judge(
  p_run_id uuid, p_decisions autonomy.decision[], p_policy public.autonomy_policy, p_portfolio jsonb,
  p_done autonomy.done[], p_by_person boolean, p_now timestamptz) returns autonomy.item[]
language plpgsql stable set search_path = ''
as $$
-- Its plan is kept: to make it takes as long as to judge sixty decisions.
#variable_conflict use_column
declare
  v_by_curve boolean := exists (
    select from autonomy.rules_in_order(false) r where r.place is not null and r.action ? 'by');
begin
  return (
  with checked as (  -- without reason and evidence, which would be copied at each step
    select w.n, w.id, w.campaign_id, w.rule_id, w.verdict, w.action_type, w.confidence,
      w.old_status, w.old_budget, w.new_status, w.new_budget, w.decided_code, w.rule_version,
      w.rule_id is null and w.action_type = 'auto_scale_down'
        and w.evidence #>> '{total,code}' is not null as of_a_total,
      case
        when w.flaw is not null then w.flaw
        when w.verdict is null or w.verdict not in ('act', 'propose') then 'verdict is neither act nor propose'
        when w.action_type is null
          or w.action_type not in ('auto_pause', 'auto_resume', 'auto_scale_up', 'auto_scale_down', 'budget_adjusted')
          then 'action_type is none that a run carries out'
        when w.rule_id is not null and w.rule_version is null and w.action_type <> 'auto_resume' and not p_by_person
          then 'rule_version is missing'
        when w.confidence not between 0 and 100 then 'confidence is not a number from 0 to 100'
        when w.new_budget is distinct from w.old_budget  -- what it leaves alone may be as it likes
          and w.new_budget not between 0 and 999999999999.99
          then 'new.budget is not an amount of money below 1,000,000,000,000'
        when w.action_type = 'auto_pause'
          and not coalesce(lower(w.old_status) = 'active' and lower(w.new_status) = 'paused'
          and w.new_budget is not distinct from w.old_budget, false)
            then 'a pause turns active into paused and leaves the budget'
        when w.action_type = 'auto_resume'
          and not coalesce(lower(w.old_status) = 'paused' and lower(w.new_status) = 'active'
          and w.new_budget is not distinct from w.old_budget, false)
            then 'a resume turns paused into active and leaves the budget'
        when w.action_type not in ('auto_pause', 'auto_resume') and not coalesce(lower(w.old_status) = 'active'
          and w.new_status = w.old_status and w.old_budget > 0 and w.new_budget > 0
            and w.new_budget <> w.old_budget, false)
          then 'a budget action changes an active campaign''s budget and nothing else'
        when w.action_type = 'auto_scale_up' and w.new_budget < w.old_budget then 'a scale-up lowers the budget'
        when w.action_type = 'auto_scale_down' and w.new_budget > w.old_budget then 'a scale-down raises the budget'
      end as malformed
    from unnest(p_decisions) w
    offset 0
  ),
  read as materialized (
    select k.*, row_number() over (partition by k.malformed is null, k.campaign_id order by k.n) as turn,
      row_number() over (partition by k.malformed is null, k.id order by k.n) as same_id_turn
    from checked k
  ),
  in_force as materialized (
    select f.account, f.p from autonomy.policies_of(array(
      select distinct c.account from unnest(p_decisions) d join public.campaigns c on c.id = d.campaign_id)) f
  ),
  in_total as materialized (  -- as it is now, under the lock
    select t.* from autonomy.totals_in_force(array(select f.account from in_force f), p_now) t
  ),
  plans as materialized (
    select f.account, l.* from in_force f cross join lateral autonomy.rule_plans(
      true, f.p, array(select distinct d.rule_id from unnest(p_decisions) d)) l
  ),
  known as (  -- beside what the database knows; `offset 0`: computed once, not at every mention
    select r.n, r.id, r.campaign_id, r.rule_id, r.verdict, r.action_type, r.confidence, r.malformed, r.decided_code,
      r.old_status as decided_status, r.old_budget as decided_budget, r.new_status, r.new_budget,
      c.id is not null as found, c.status, c.budget, c.autonomous_enabled, c.hold_until,
      x.id is not null as taken,
      x.run_id is not distinct from p_run_id and x.campaign_id is not distinct from r.campaign_id as again,
      rule.id is not null as rule_there, coalesce(rule.is_active, false) as rule_on,
      autonomy.rule_version(rule.condition, rule.action) is not distinct from r.rule_version as rule_same,
      exists (select from public.autonomous_rules o where o.is_active) as some_rule_on,
      d as candidate, coalesce(f.p, p_policy) as p, l.rule_id is not null as rule_read,
      case when r.of_a_total then 'total' else l.kind end as kind,
      case when l.states_own then l.break_even else coalesce(d.target_roi, l.break_even) end as break_even,
      l.at_least, l.at_most, l.cpa,
      -- a budget that follows its curve is paused with more certainty than it is moved
      case when l.kind = 'curve' and r.action_type = 'auto_pause'
        then greatest(95::float8, l.confidence_floor, autonomy.policy_floor(f.p, true))
        else l.confidence_floor end as confidence_floor,
      autonomy.curve_steep(z.share, z.curvature) as steep,
      -- as decided_campaigns has it: beside a rule by the curve the last unit of a raise has to earn its keep
      case when v_by_curve and l.kind <> 'curve'
        then autonomy.curve_steep_at(z.wanted, z.share, z.curvature) end as steep_at_last,
      -- said by the rule itself: it holds of a resume as well, which has no plan
      rule.action -> 'requires_approval' = 'true' as requires_approval,
      coalesce(l.cooldown, (f.p).cooldown_hours::float8 * interval '1 hour') as cooldown,
      coalesce(l.max_budget, (f.p).max_budget) as max_budget,
      case when l.kind = 'curve' then autonomy.curve_floor(l.min_budget, (d).reference_budget)
           when r.of_a_total then autonomy.curve_floor((f.p).min_budget, (d).reference_budget)
           else coalesce(l.min_budget, (f.p).min_budget) end as min_budget, rule.rule_name,
      -- ours to resume: the last change of it is a pause of ours that still stands
      case when pause.action_type = 'auto_pause' and pause.status = 'executed'
        then pause.previous_state ->> 'status' end as paused_from,
      r.turn, r.same_id_turn,
      case when r.action_type <> 'auto_resume' and r.new_budget > c.budget then r.new_budget - c.budget end as raise,
      case r.action_type when 'auto_pause' then 'pause' when 'auto_resume' then 'resume'
        else case when r.new_budget > c.budget then 'up' else 'down' end end as direction
    from read r
    left join public.campaigns c on c.id = r.campaign_id
    left join public.autonomous_actions x on x.id = r.id and not p_by_person
    left join public.autonomous_rules rule on rule.id = r.rule_id
    left join in_force f on f.account = coalesce(c.account, '')
    left join plans l on l.account = f.account and l.rule_id = r.rule_id and r.action_type <> 'auto_resume'
    left join autonomy.candidate_rows(array(select distinct d.campaign_id from unnest(p_decisions) d), p_now, false) d
      on d.campaign_id = r.campaign_id
    cross join lateral (
      select coalesce((d).curvature, (f.p).curvature::float8) as curvature,
        autonomy.budget_share(c.budget, (d).reference_budget) as share,
        autonomy.budget_share(coalesce(l.set_budget, c.budget * l.factor), (d).reference_budget) as wanted offset 0) z
    left join lateral (
      select k.action_id from (
        select k.action_id, k.kind from public.campaign_changes k
        where r.action_type = 'auto_resume' and k.campaign_id = r.campaign_id order by k.id desc limit 1) k
      where k.kind = 'action') last_change on true
    -- by its key alone: what else it must be is asked above
    left join public.autonomous_actions pause on pause.id = last_change.action_id
    offset 0
  ),
  judged as materialized (
    select k.*,
      case
        when again and taken then 'AGAIN'
        when p_policy.frozen then 'FROZEN'
        when p_policy.mode = 'observe' and not p_by_person then 'OBSERVE'
        when malformed is not null then 'BAD_DECISION'
        when same_id_turn > 1 then 'AGAIN'
        when taken or turn > 1 then 'BAD_DECISION'
        when not found then 'CAMPAIGN_NOT_FOUND'
        -- an old table may hold NaN, which JSON cannot say: to the engine it is no budget
        when status is distinct from decided_status or nullif(budget, 'NaN') is distinct from decided_budget
          then 'CHANGED_MEANWHILE'
        when action_type = 'auto_resume' and paused_from is distinct from new_status then 'CHANGED_MEANWHILE'
        -- decided before its account's currency was another
        when direction in ('up', 'down')
          and new_budget <> round(new_budget, autonomy.currency_digits((k.candidate).currency)) then 'BAD_DECISION'
        when kind = 'total' and not exists (
          select from in_total t where t.account = coalesce((k.candidate).account, '') and t.active_budget > t.ceiling)
          then 'CHANGED_MEANWHILE'
        -- A resume names the rule that paused, and late conversions have proven that pause wrong: what the rule
        -- says by now does not matter. But while no rule is active nothing moves, be it by a rule or without.
        when not p_by_person and case
            when action_type = 'auto_resume' then not ((k.p).resume_when_proven_wrong and some_rule_on)
            when rule_id is null then not some_rule_on
            -- one that cannot be read has no limits, so that nothing is done by it
            else not (rule_on and rule_same and rule_read) end then 'RULE_CHANGED'
        else coalesce(
          autonomy.campaign_guardrail(k.candidate, k.p, direction, confidence::float8,
            coalesce(confidence_floor, autonomy.policy_floor(k.p, direction = 'pause')), cooldown, k.cpa, k.kind,
            case when p_by_person then 'approve' else 'apply' end, p_now),
          -- a budget that a limit would shrink is beyond it
          case when direction in ('up', 'down') then ((autonomy.sized_budget(
            direction, budget, new_budget, (k.p).max_step, (k.candidate).budget_low_7d, (k.p).max_growth_7d,
            max_budget, min_budget, autonomy.currency_digits((k.candidate).currency), 0.01,
            (k.candidate).platform_minimum)).limits)[1] end)
      end as code
    from known k
  ),
  done as materialized (
    select account, sum(pauses) as pauses, sum(ups) as ups, sum(raised) as raised, sum(cuts) as cuts,
      sum(lowered) as lowered
    from unnest(p_done) group by account
  ),
  -- of each account and of all, together with what was done in the last 24 hours
  groups as materialized (
    -- the budgets as the run found them; what was done, as it is now: another shard may have written since
    select g.account, g.currency, g.campaigns + g.pauses as all_campaigns,
      g.budget - g.raised + g.lowered as budget_before,
      coalesce(d.pauses, 0) as pauses, coalesce(d.ups, 0) as ups, coalesce(d.raised, 0) as raised,
      coalesce(d.cuts, 0) as cuts, coalesce(d.lowered, 0) as lowered, g.lowered as lowered_then,
      g.tracking, g.value or g.value_of_currency as value
    from autonomy.breaker_groups(p_portfolio) g
    left join (
      select account, pauses, ups, raised, cuts, lowered from done
      union all
      select null, sum(pauses), sum(ups), sum(raised), sum(cuts), sum(lowered) from done
    ) d on d.account is not distinct from g.account
  ),
  moves as materialized (
    select j.n, j.p, j.confidence, j.campaign_id, coalesce((j.candidate).account, '') as account, j.action_type,
      j.action_type = 'auto_pause' as pauses, case when j.verdict = 'act' then coalesce(j.raise, 0) else 0 end as raise,
      case when j.verdict = 'act' and j.direction = 'down' and j.kind is distinct from 'total'
        then j.budget - j.new_budget else 0 end as cut,
      -- these are not judged by figures: no breaker looks at them
      j.action_type = 'auto_resume' or j.kind is not distinct from 'total' as unjudged
    from judged j where j.code is null and not p_by_person
  ),
  tripped as materialized (
    -- a cent more than decided: the engine may have added the same amounts in another order
    select m.*,
      case
        -- in an account that the run has not counted no breaker would hold it
        when not m.unjudged and k.account is null then 'CHANGED_MEANWHILE'
        when not m.unjudged and (k.tracking or w.tracking) then 'TRACKING_BREAKER'
        when not m.unjudged and k.value then 'VALUE_BREAKER'
        when m.pauses and autonomy.too_many_pauses(m.p, k.all_campaigns - k.pauses, k.pauses,
          count(*) filter (where m.pauses) over account) then 'PAUSE_BREAKER'
        when m.raise > 0 and autonomy.too_much_growth(
          m.p, k.budget_before - k.lowered_then + k.raised, k.raised, k.ups,
          count(*) filter (where m.raise > 0) over account, sum(m.raise) over account,
          sum(m.raise) over (partition by m.account
                             order by m.raise > 0 desc, m.confidence desc nulls last, m.campaign_id) - 0.01)
          then 'GROWTH_BREAKER'
        when m.cut > 0 and autonomy.too_much_shrinking(
          m.p, k.budget_before - k.lowered + k.raised, k.raised, k.lowered, k.cuts,
          row_number() over (partition by m.account
                             order by m.cut > 0 desc, m.confidence desc nulls last, m.campaign_id),
          sum(m.cut) over (partition by m.account
                           order by m.cut > 0 desc, m.confidence desc nulls last, m.campaign_id) - 0.01)
          then 'SHRINK_BREAKER' end as within
    from moves m
    left join groups k on k.account = m.account
    left join groups w on w.account is null
    window account as (partition by m.account)
  ),
  beside as materialized (
    select t.n, coalesce(t.within, case
        when t.pauses and autonomy.too_many_pauses(p_policy, w.all_campaigns - w.pauses, w.pauses,
          count(*) filter (where t.pauses and t.within is null) over ()) then 'PAUSE_BREAKER'
        when t.raise > 0 and autonomy.too_much_growth(p_policy, c.budget, c.raised, c.ups,
          count(*) filter (where t.raise > 0 and t.within is null) over currency,
          coalesce(sum(t.raise) filter (where t.within is null) over currency, 0),
          coalesce(sum(t.raise) filter (where t.within is null) over (partition by c.currency
            order by t.raise > 0 desc, t.confidence desc nulls last, t.campaign_id), 0) - 0.01)
          then 'GROWTH_BREAKER' end) as stopped
    from tripped t
    left join groups k on k.account = t.account
    left join groups w on w.account is null
    left join (
      select g.currency, sum(g.budget_before - g.lowered_then + g.raised) as budget, sum(g.raised) as raised,
        sum(g.ups) as ups
      from groups g where g.account is not null group by g.currency
    ) c on w.all_campaigns is not null and c.currency is not distinct from k.currency
    window currency as (partition by c.currency)
  ),
  fits as materialized (  -- what takes has been carried out before: it has made its room
    select f.*, t.code as capped_by, coalesce(t.shrink_to, t.ceiling) as ceiling, t.active_budget
    from in_total t
    cross join lateral (
      select array_agg(row(j.campaign_id, j.confidence::float8, j.budget,
        case when j.direction = 'resume' then greatest(coalesce(j.budget, 0), 0) else j.raise end,
        -- what a person has agreed to fits whole or not at all
        case when j.direction = 'resume' or p_by_person then null when j.kind = 'curve' then 0.05 else 0.01 end,
        autonomy.currency_digits((j.candidate).currency))::autonomy.raise) as raises
      from judged j left join beside b using (n)
      where coalesce((j.candidate).account, '') = t.account and j.code is null and b.stopped is null
        and (j.raise > 0 or j.direction = 'resume')
        and (p_by_person or j.verdict = 'act' and (j.p).mode <> 'approve' and j.requires_approval is not true)) r
    cross join lateral autonomy.fitted_raises(t.ceiling - t.active_budget, r.raises) f
    where r.raises is not null
  ),
  settled as (
    select c.*, f.granted, f.ceiling as total_ceiling, f.active_budget as total_budget, f.capped_by,
      f.granted > 0 and f.granted < f.wanted as fitted,
      case
        when c.code = 'AGAIN' then 'again'
        when c.code in ('FROZEN', 'OBSERVE') then 'hold'
        when c.code is not null then 'fail'
        when f.granted = 0 and f.wanted > 0 then 'hold'
        when p_by_person then 'execute'
        when t.stopped = 'PAUSE_BREAKER' then 'propose'
        when t.stopped is not null then 'fail'
        when c.verdict = 'propose' or (c.p).mode = 'approve' or c.requires_approval then 'propose'
        else 'execute'
      end as outcome,
      case
        when c.code is not null then c.code
        when f.granted = 0 and f.wanted > 0 then f.capped_by
        when p_by_person then null
        when t.stopped is not null then t.stopped
        when c.verdict = 'propose' and c.decided_code = 'PAUSE_BREAKER' then 'PAUSE_BREAKER'
        when c.verdict = 'propose' or (c.p).mode = 'approve' or c.requires_approval then 'APPROVAL'
      end as final_code
    from judged c
    left join beside t using (n)
    left join fits f on f.campaign_id = c.campaign_id and c.code is null
  )
  select coalesce(array_agg(row(
      s.n, s.id, s.campaign_id, s.action_type, s.outcome, s.final_code,
      case when s.final_code is not null then case s.final_code
        when 'BAD_DECISION' then 'The decision cannot be carried out: ' || coalesce(s.malformed,
          case when s.taken then 'its id belongs to another action'
               when s.turn > 1 then 'its campaign was decided twice in one batch'
               else format('new.budget is %s, with more decimals than %s has', s.new_budget,
                           coalesce((s.candidate).currency, 'an unknown currency')) end) || '.'
        when 'CAMPAIGN_NOT_FOUND' then format('There is no campaign %s any more.', s.campaign_id)
        when 'CHANGED_MEANWHILE' then case when s.code is null
          then 'Its account had no active campaign when the run began; the next run decides again.'
          when s.kind = 'total' and s.status = s.decided_status and s.budget is not distinct from s.decided_budget
          then 'The budgets of its account are within its total by now.'
          else format('It was decided on %s; now it is %s%s.',
          autonomy.as_text(s.decided_status, s.decided_budget, (s.candidate).currency),
          autonomy.as_text(s.status, s.budget, (s.candidate).currency),
          case when s.status = s.decided_status and s.budget is not distinct from s.decided_budget
            then ', but not by the last pause of ours' else '' end) end
        when 'RULE_CHANGED' then case
          when s.action_type = 'auto_resume' and not (s.p).resume_when_proven_wrong
            then 'Resuming was switched off meanwhile.'
          when s.action_type = 'auto_resume' then 'Every rule was switched off meanwhile: nothing is resumed.'
          when s.rule_id is null then 'Every rule was switched off meanwhile: nothing is changed.'
          when not s.rule_there then 'The rule was removed meanwhile.'
          when not s.rule_on then 'The rule was switched off meanwhile.'
          when s.rule_same then 'The rule cannot be read; the run''s report says what is wrong with it.'
          else 'The rule was changed meanwhile; the next run decides by what it says now.' end
        when 'PAUSE_BREAKER' then 'Too many campaigns would have been paused within 24 hours: a person decides.'
        when 'APPROVAL' then 'It waits for a person.'
        else autonomy.held_words(row(s.campaign_id, 'hold', s.final_code, s.action_type, s.direction, s.kind, s.rule_id,
        s.rule_name, case
          when s.direction = 'up' and s.kind <> 'curve'
            then coalesce(s.break_even * s.steep_at_last, least(s.break_even * s.steep, s.at_most))
          when s.direction = 'pause' then case when s.kind = 'curve' then s.break_even / s.steep
                                               else greatest(s.break_even, s.at_least) end
          else s.break_even * s.steep end,
          s.confidence::float8,
          coalesce(s.confidence_floor, autonomy.policy_floor(s.p, s.direction = 'pause')), s.break_even, s.cooldown,
          s.max_budget, s.min_budget, 'lifetime', null, s.new_budget, '{}', null, null, 1, s.cpa, null, null,
        s.candidate, null, null, null, s.capped_by, s.total_ceiling, s.total_budget, null)::autonomy.decided, s.p)
      end when s.fitted then format('Of the raise to %s only this much found room below the account''s total.',
        autonomy.amount_words(s.new_budget, (s.candidate).currency)) end,
      s.status, s.budget,
      case s.action_type when 'auto_pause' then p_policy.paused_text when 'auto_resume' then s.new_status
           else s.status end,
      case when s.action_type in ('auto_pause', 'auto_resume') then s.budget
           when s.fitted then s.budget + s.granted else s.new_budget end
      )::autonomy.item order by s.n), '{}')
  from settled s);
end $$;
comment on function autonomy.judge(uuid, autonomy.decision[], public.autonomy_policy, jsonb, autonomy.done[], boolean,
                                   timestamptz) is
  'What is to become of each decision, in the order given, looked at again against state, policy and rule of this '
  'moment, beside what was done within the day (p_done, in any number of parts). Only reads, under the locks of its '
  'callers; safe to call again; raises nothing. [autonomous-operations]';

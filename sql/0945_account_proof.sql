-- The proof of an account by its own figures: what was said and what came of it.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

-- What fewer than these say is left unsaid.
create function autonomy.proof_least() returns integer
language sql immutable parallel safe set search_path = ''
as $$ select 10 $$;
comment on function autonomy.proof_least() is
  'How many measured actions, or campaigns on each side of a comparison, something is said of at the least. Pure. '
  '[autonomous-operations]';

create type autonomy.proof_action as (
  action_id uuid, campaign_id uuid, rule_id uuid, action_type text, budget_change bigint, status text,
  confidence float8, verdict text, money float8, error float8, right_ float8, predicted float8, by_person boolean);
comment on type autonomy.proof_action is
  'An action of an account, as account_proof adds it up. [autonomous-operations]';

create function autonomy.proof_actions(p_account text, p_from timestamptz, p_until timestamptz)
returns setof autonomy.proof_action
language sql stable set search_path = '' set jit = off
as $$
  select r.action_id, a.campaign_id, r.rule_id, r.action_type, r.budget_change, r.status, r.confidence,
    r.verdict, r.money, r.error, case when r.right_probability between 0 and 1 then r.right_probability end,
    -- of so many days as were measured
    coalesce(autonomy.impact_number(a.expected_impact -> 'loss_avoided'),
             autonomy.impact_number(a.expected_impact -> 'added_profit'))
      * greatest(0, least(7, autonomy.impact_number(a.actual_impact -> 'days')))
      / greatest(1, coalesce(autonomy.impact_number(a.expected_impact -> 'horizon_days'), 7)),
    r.status = 'rolled_back' and coalesce(a.rolled_back_by, '') <> 'autonomy'
  from autonomy.action_results r
  join public.autonomous_actions a on a.id = r.action_id
  join public.campaigns c on c.id = a.campaign_id
  where c.account = p_account and r.executed_at >= p_from and r.executed_at < p_until
    and r.status in ('executed', 'rolled_back')
$$;
comment on function autonomy.proof_actions(text, timestamptz, timestamptz) is
  'What was carried out on an account in a span, with what it was expected to bring and what was measured. Only reads; '
  'raises nothing. [autonomous-operations]';

create function autonomy.proof_counts(p_actions autonomy.proof_action[]) returns jsonb
language sql immutable set search_path = ''
as $$
  select to_jsonb(n) || jsonb_build_object('sentence', case when n.actions = 0 then 'Nothing was changed.'
    else format('%s: %s paused, %s raised in budget, %s lowered, %s resumed. People took back %s.',
                autonomy.counted_words(n.actions, 'action'), n.pauses, n.raised, n.lowered, n.resumed,
                case when n.taken_back_by_people = 0 then 'none' else n.taken_back_by_people::text end) end)
  from (
    select count(*) as actions, count(*) filter (where a.action_type = 'auto_pause') as pauses,
      count(*) filter (where a.action_type not in ('auto_pause', 'auto_resume') and a.budget_change > 0) as raised,
      count(*) filter (where a.action_type not in ('auto_pause', 'auto_resume') and a.budget_change < 0) as lowered,
      count(*) filter (where a.action_type = 'auto_resume') as resumed,
      count(*) filter (where a.verdict is not null) as measured,
      count(*) filter (where a.verdict = 'improved') as improved,
      count(*) filter (where a.verdict = 'regressed') as regressed,
      count(*) filter (where a.verdict = 'inconclusive') as inconclusive,
      count(*) filter (where a.verdict = 'too_early') as too_early,
      count(*) filter (where a.status = 'rolled_back') as taken_back,
      count(*) filter (where a.by_person) as taken_back_by_people
    from unnest(p_actions) a) n
$$;
comment on function autonomy.proof_counts(autonomy.proof_action[]) is
  'How many actions of which kind, with which verdict, and how many people took back. Pure. [autonomous-operations]';

create function autonomy.proof_classes(p_actions autonomy.proof_action[]) returns jsonb
language sql immutable set search_path = ''
as $$
  with judged as (
    select a.*, least(9, floor(a.confidence / 10))::integer as decile
    from unnest(p_actions) a
    where a.rule_id <> autonomy.total_as_rule() and a.right_ is not null and a.confidence between 0 and 100
  ), classes as (
    select j.decile, count(*) as actions, count(distinct j.campaign_id) as campaigns, avg(j.confidence) as said,
      avg(j.right_) as right_
    from judged j group by j.decile
  ), wide as (
    -- Wilson's interval of 90 %. As many campaigns, not actions: those of one campaign are right or wrong together.
    select c.*, (c.right_ + 1.353 / c.campaigns) / (1 + 2.706 / c.campaigns) as middle,
      1.645 * sqrt(c.right_ * (1 - c.right_) / c.campaigns + 0.6765 / c.campaigns / c.campaigns)
        / (1 + 2.706 / c.campaigns) as half
    from classes c
  ), total as (
    select count(*) as actions, avg(j.confidence) as said, 100 * avg(j.right_) as right_ from judged j
  )
  select jsonb_build_object('actions', t.actions, 'said', round(t.said::numeric, 1),
    'right', round(t.right_::numeric, 1),
    'classes', coalesce((
      select jsonb_agg(jsonb_build_object('from', 10 * w.decile, 'to', 10 * w.decile + 10, 'actions', w.actions,
        'campaigns', w.campaigns, 'said', round(w.said::numeric, 1), 'right', round(100 * w.right_::numeric, 1),
        'right_low', round(100 * greatest(0, w.middle - w.half)::numeric, 1),
        'right_high', round(100 * least(1, w.middle + w.half)::numeric, 1),
        'enough', w.campaigns >= autonomy.proof_least()) order by w.decile) from wide w), '[]'),
    'sentence', case when t.actions < autonomy.proof_least()
      then format('%s measured so far: too few to tell whether confidence keeps its word.',
                  autonomy.counted_words(t.actions, 'action'))
      else format('Actions said %s on the mean and are, by what is known now, right %s times in 100 (%s measured).',
                  round(t.said::numeric), round(t.right_::numeric), t.actions) end)
  from total t
$$;
comment on function autonomy.proof_classes(autonomy.proof_action[]) is
  'Said against right: by tens of confidence, how often actions of rules are right by what is known now, with a 90 % '
  'interval. Pure. [autonomous-operations]';

create function autonomy.proof_money(p_actions autonomy.proof_action[], p_currency text) returns jsonb
language sql immutable set search_path = ''
as $$
  with sums as (
    select coalesce(sum(c.actions), 0)::bigint as actions, coalesce(sum(c.predicted), 0) as predicted,
      coalesce(sum(c.money), 0) as money, 1.645 * sqrt(coalesce(sum(c.error * c.error), 0)) as half
    from (
      select count(*) as actions, sum(a.predicted) as predicted, sum(a.money) as money, sum(a.error) as error
      from unnest(p_actions) a
      where a.right_ is not null and a.predicted is not null and a.status = 'executed'
      group by a.campaign_id) c
  )
  select jsonb_build_object('actions', s.actions, 'predicted', round(s.predicted::numeric, 2),
    'happened', round(s.money::numeric, 2), 'happened_low', round((s.money - s.half)::numeric, 2),
    'happened_high', round((s.money + s.half)::numeric, 2), 'ratio', round(r.ratio::numeric, 3),
    'ratio_low', round(r.low::numeric, 3), 'ratio_high', round(r.high::numeric, 3),
    'sentence', case when s.actions < autonomy.proof_least()
      then format('%s measured so far: too few to hold what was predicted against what happened.',
                  autonomy.counted_words(s.actions, 'action'))
      else format('Predicted %s, brought %s (90 %% interval %s to %s)%s', autonomy.money_words(s.predicted, p_currency),
        autonomy.money_words(s.money, p_currency), autonomy.money_words(s.money - s.half, p_currency),
        autonomy.money_words(s.money + s.half, p_currency),
        coalesce(format(': %s times what was said (%s to %s).', round(r.ratio::numeric, 2), round(r.low::numeric, 2),
                        round(r.high::numeric, 2)), '.')) end)
  from sums s
  -- of nothing predicted there is no share
  cross join lateral (select case when s.predicted > 0.005 then s.money / s.predicted end as ratio,
    case when s.predicted > 0.005 then (s.money - s.half) / s.predicted end as low,
    case when s.predicted > 0.005 then (s.money + s.half) / s.predicted end as high) r
$$;
comment on function autonomy.proof_money(autonomy.proof_action[], text) is
  'Predicted against happened: the sums over measured actions of the days that were measured, their ratio, with 90 % '
  'intervals. Pure. [autonomous-operations]';

create function autonomy.proof_rules(p_actions autonomy.proof_action[], p_currency text) returns jsonb
language sql stable set search_path = ''
as $$
  with sums as (
    select c.rule_id, sum(c.actions)::bigint as actions, sum(c.measured)::bigint as measured, sum(c.money) as money,
      1.645 * sqrt(sum(c.error * c.error)) as half
    from (
      select a.rule_id, count(*) as actions, count(a.verdict) as measured,
        coalesce(sum(a.money) filter (where a.verdict is not null), 0) as money,
        coalesce(sum(a.error) filter (where a.verdict is not null), 0) as error
      from unnest(p_actions) a group by a.rule_id, a.campaign_id) c
    group by c.rule_id
  ), named as (
    select s.*, coalesce(r.rule_name, case when s.rule_id is null then 'By hand'
      when s.rule_id = autonomy.total_as_rule() then 'Total' else 'A rule that was deleted' end) as rule_name
    from sums s left join public.autonomous_rules r on r.id = s.rule_id
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'rule_id', nullif(n.rule_id, autonomy.total_as_rule()), 'rule_name', n.rule_name,
    'actions', n.actions, 'measured', n.measured, 'money', round(n.money::numeric, 2),
    'money_low', round((n.money - n.half)::numeric, 2), 'money_high', round((n.money + n.half)::numeric, 2),
    'sentence', case when n.measured < autonomy.proof_least()
      then format('%s: %s measured, too few to tell.', n.rule_name, autonomy.counted_words(n.measured, 'action'))
      else format('%s: %s over %s measured actions (90 %% interval %s to %s).', n.rule_name,
        autonomy.money_words(n.money, p_currency), n.measured, autonomy.money_words(n.money - n.half, p_currency),
        autonomy.money_words(n.money + n.half, p_currency)) end)
    order by n.money desc, n.rule_name), '[]')
  from named n
$$;
comment on function autonomy.proof_rules(autonomy.proof_action[], text) is
  'What each rule brought, with a 90 % interval. Only reads; raises nothing. [autonomous-operations]';

create function autonomy.proof_holdouts(
  p_account text, p_from timestamptz, p_until timestamptz, p_now timestamptz, p_currency text) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('kinds', coalesce(jsonb_agg(jsonb_build_object('kind', e.kind, 'executed', e.executed,
      'held_out', e.held, 'executed_campaigns', e.executed_campaigns, 'held_out_campaigns', e.held_campaigns,
      'enough', w.enough, 'money_per_day', case when w.enough then round(e.money_per_day::numeric, 2) end,
      'money_low', case when w.enough then round(e.money_low::numeric, 2) end,
      'money_high', case when w.enough then round(e.money_high::numeric, 2) end,
      'sentence', case when not w.enough
        then format('%s carried out, %s held out: too few to tell.', e.executed, e.held)
        else format('Where it was carried out a campaign earned %s more a day than where it was held out '
                    '(90 %% interval %s to %s; %s campaigns against %s).',
          autonomy.money_words(e.money_per_day, p_currency), autonomy.money_words(e.money_low, p_currency),
          autonomy.money_words(e.money_high, p_currency), e.executed_campaigns, e.held_campaigns) end)
      order by e.kind), '[]'),
    'sentence', case when count(*) = 0 then
      'Nothing was held out for comparison: set holdout_share to 0.1 for a month.'
      when not bool_or(w.enough) then 'Too little was held out to tell.'
      else 'Chance chose what was held out, so the difference is what the actions brought.' end)
  from autonomy.holdout_effects(p_account, p_from, p_until, p_now) e
  cross join lateral (select least(e.executed_campaigns, e.held_campaigns) >= autonomy.proof_least() as enough) w
$$;
comment on function autonomy.proof_holdouts(text, timestamptz, timestamptz, timestamptz, text) is
  'What was carried out against what was held out, by kind, with 90 % intervals, where there are campaigns enough. '
  'Only reads; raises nothing. [autonomous-operations]';

create function autonomy.account_proof(
  p_account text, p_from timestamptz, p_until timestamptz, p_now timestamptz default now()) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  v_account public.autonomy_accounts;
  v_actions autonomy.proof_action[];
begin
  if p_from is null or p_until is null or p_now is null or not isfinite(p_from) or not isfinite(p_until)
     or not isfinite(p_now) or p_from >= p_until then
    raise exception using errcode = 'AO010', message = 'p_from must lie before p_until, and each must be a moment.';
  end if;
  select * into v_account from public.autonomy_accounts a where a.account = p_account;
  if not found then
    raise exception using errcode = 'AO003', message = 'There is no such account.',
      hint = 'The accounts are those that campaigns name in their column account.';
  end if;
  v_actions := array(select a from autonomy.proof_actions(p_account, p_from, p_until) a);
  return jsonb_build_object('account', p_account, 'currency', v_account.currency, 'from', p_from, 'until', p_until,
    'actions', autonomy.proof_counts(v_actions),
    'said_and_right', autonomy.proof_classes(v_actions),
    'predicted_and_happened', autonomy.proof_money(v_actions, v_account.currency),
    'rules', autonomy.proof_rules(v_actions, v_account.currency),
    'holdouts', autonomy.proof_holdouts(p_account, p_from, p_until, p_now, v_account.currency));
end $$;
comment on function autonomy.account_proof(text, timestamptz, timestamptz, timestamptz) is
  'What the system did to one account in a span, and what of that came true: said against right, predicted against '
  'happened, money by rule, carried out against held out; each with a 90 % interval and a sentence, which says so '
  'where there is too little. Only reads. Raises AO010 (argument), AO003 (no such account). [autonomous-operations]';

create function public.dashboard_proof(p_account text, p_days integer default 90, p_now timestamptz default now())
returns jsonb
language plpgsql stable set search_path = '' set statement_timeout = '55s'
as $$
begin
  if p_days is null or p_days not between 1 and 400 then
    raise exception using errcode = 'AO010',
      message = format('p_days must be from 1 to 400, not %s.', coalesce(p_days::text, 'NULL'));
  end if;
  return autonomy.account_proof(p_account, p_now - p_days * interval '1 day', p_now, p_now)
    || jsonb_build_object('days', p_days);
end $$;
comment on function public.dashboard_proof(text, integer, timestamptz) is
  'account_proof of the last so many days. Only reads. Raises AO010 (argument), AO003 (no such account). '
  '[autonomous-operations]';

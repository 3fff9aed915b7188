"""The way such systems are usually written: one loop over the campaigns, in PL/pgSQL.

For each active campaign it reads its figures, goes through the rules, and where a rule holds writes
an UPDATE and an INSERT. Twice:

*By thresholds*: no probability, no evidence, no reason beyond the figure, no other guardrail than
the cooldown. What it has to do less than a run of ours is not held against it.

*Alike*: the loop that comes to the changes of our run and logs them as our run does, with evidence,
confidence and sentence, looking at each campaign's guardrails with a query each. The portfolio's
breakers are left out: who acts campaign by campaign cannot know them.
"""

from __future__ import annotations

import time

import psycopg

DECLARED = """
declare
  v_campaign record;
  v_facts record;
  v_rule record;
  v_policy record;
  v_evidence record;
  v_average float8;
  v_value float8;
  v_holds boolean;
  v_budget numeric;
  v_below float8;
  v_target float8;
  v_confidence float8;
  v_reason text;
  v_pause boolean;
  v_taken integer := 0;
"""
HOLDS = """
      v_value := case v_rule.condition ->> 'metric'
        when 'roi' then v_facts.revenue / nullif(v_facts.spend, 0)
        when 'ctr' then 100.0 * v_facts.clicks / nullif(v_facts.impressions, 0) end;
      v_holds := case v_rule.condition ->> 'operator'
        when '<' then v_value < (v_rule.condition ->> 'threshold')::numeric
        when '>=' then v_value >= (v_rule.condition ->> 'threshold')::numeric end
        and v_facts.spend >= coalesce((v_rule.condition ->> 'min_spend')::numeric, 0)
        and v_facts.conversions >= coalesce((v_rule.condition ->> 'min_conversions')::bigint, 0)
        and now() - v_campaign.created_at >= coalesce((v_rule.condition ->> 'min_duration_hours')::numeric, 0) * interval '1 hour';
      continue when v_holds is not true;
      exit when exists (select from public.autonomous_actions a where a.campaign_id = v_campaign.id
                        and a.status = 'executed' and a.executed_at > now() - interval '24 hours');
"""  # noqa: E501  SQL reads better on its own lines
BY_THRESHOLDS = f"""
create or replace function pg_temp.naive_run() returns integer language plpgsql as $$
{DECLARED}
begin
  for v_campaign in select id, title, status, budget, created_at from public.campaigns where lower(status) = 'active' loop
    select p.impressions, p.clicks, p.conversions, p.total_spend as spend, p.total_revenue as revenue into v_facts
    from public.campaign_performance p where p.campaign_id = v_campaign.id;
    continue when not found;
    for v_rule in select * from public.autonomous_rules where is_active order by priority desc, rule_name loop
      {HOLDS}
      if v_rule.action ->> 'type' = 'auto_pause' then
        update public.campaigns set status = 'paused', updated_at = now() where id = v_campaign.id;
        insert into public.autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score, status, executed_at)
        values (v_campaign.id, v_rule.id, 'auto_pause', format('ROI %s', round(v_value::numeric, 2)),
          jsonb_build_object('status', v_campaign.status, 'budget', v_campaign.budget),
          jsonb_build_object('status', 'paused', 'budget', v_campaign.budget), 85, 'executed', now());
      else
        v_budget := least(round(v_campaign.budget * (v_rule.action ->> 'multiplier')::numeric, 2), (v_rule.action ->> 'max_budget')::numeric);
        update public.campaigns set budget = v_budget, updated_at = now() where id = v_campaign.id;
        insert into public.autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score, status, executed_at)
        values (v_campaign.id, v_rule.id, 'auto_scale_up', format('ROI %s', round(v_value::numeric, 2)),
          jsonb_build_object('status', v_campaign.status, 'budget', v_campaign.budget),
          jsonb_build_object('status', v_campaign.status, 'budget', v_budget), 85, 'executed', now());
      end if;
      v_taken := v_taken + 1;
      exit;
    end loop;
  end loop;
  return v_taken;
end $$
"""  # noqa: E501
ALIKE = f"""
create or replace function pg_temp.naive_run() returns integer language plpgsql as $$
{DECLARED}
begin
  select (f.p).* into v_policy from autonomy.policies_of(array['default']) f;  -- the account's own measured figures
  for v_campaign in select * from public.campaigns where lower(status) = 'active' loop
    select f.life_impressions as impressions, f.life_reach as reach, f.life_clicks as clicks, f.life_conversions as conversions,
      f.life_spend as spend, f.life_revenue as revenue, f.data_at into v_facts
    from public.campaign_facts f where f.campaign_id = v_campaign.id;
    continue when not found;
    for v_rule in select * from public.autonomous_rules where is_active order by priority desc, rule_name loop
      {HOLDS}
      exit when not v_campaign.autonomous_enabled or v_campaign.hold_until > now()
        or v_facts.data_at < now() - v_policy.max_data_age_hours * interval '1 hour'
        or exists (select from public.campaign_ab_tests t where t.campaign_id = v_campaign.id and t.status = 'running')
        or exists (select from public.autonomous_actions a where a.campaign_id = v_campaign.id and a.status = 'pending');
      v_pause := v_rule.action ->> 'type' = 'auto_pause';
      v_target := case when v_pause then greatest(v_policy.break_even_roi, (v_rule.condition ->> 'threshold')::numeric)
        else least(v_policy.break_even_roi * (v_policy.curvature + 1) / v_policy.curvature, (v_rule.condition ->> 'threshold')::numeric) end;
      select * into v_evidence from autonomy.campaign_evidence(array[v_campaign.id]);
      v_below := autonomy.probability_below(v_target, v_evidence.spend, v_evidence.conversions, v_evidence.revenue,
        v_evidence.cv2, v_evidence.days, v_evidence.matured_share, v_policy.prior_mean_roi, v_policy.prior_tau2,
        v_policy.prior_order_value, v_policy.prior_cv2, v_policy.prior_order_spread);
      v_confidence := autonomy.cut_confidence(100 * case when v_pause then v_below else 1 - v_below end);
      continue when v_confidence < v_policy.min_confidence;
      v_budget := case when v_pause then v_campaign.budget else least(
        round(v_campaign.budget * (v_rule.action ->> 'multiplier')::numeric, 2), (v_rule.action ->> 'max_budget')::numeric,
        trunc(v_campaign.budget * v_policy.max_step, 2), v_policy.max_budget,
        trunc(v_policy.max_growth_7d * (
          select least(v_campaign.budget, min((a.previous_state ->> 'budget')::numeric)) from public.autonomous_actions a
          where a.campaign_id = v_campaign.id and a.status = 'executed' and a.executed_at > now() - interval '7 days'), 2)) end;
      v_average := exp((autonomy.roi_posterior(v_evidence.spend, v_evidence.conversions, v_evidence.revenue, v_evidence.cv2,
        v_evidence.days, v_evidence.matured_share, v_policy.prior_mean_roi, v_policy.prior_tau2, v_policy.prior_order_value,
        v_policy.prior_cv2, v_policy.prior_order_spread))[1]);
      v_reason := format('in %s %s spent, %s earned, %sx', case when v_evidence.hours_running < 36 then '1 day'
          else to_char(floor(v_evidence.hours_running / 24 + 0.5), 'FM999,990') || ' days' end,
        to_char(v_facts.spend::numeric, 'FM999,999,999,990.00'), to_char(v_facts.revenue::numeric, 'FM999,999,999,990.00'),
        to_char((v_facts.revenue / v_facts.spend)::numeric, 'FM999,999,990.00'));
      v_reason := case when v_pause then format('Paused by "%s": %s. %s %% likely to be below %s.', v_rule.rule_name, v_reason,
          least(99, round(v_confidence)), case when v_target = 1 then 'break-even' else to_char(v_target, 'FM990.00x') end)
        else format('Budget raised from %s to %s by "%s": %s, %s conversions. The next unit returns %s, the average one %s. %s %% likely that more budget earns its keep.',
          to_char(v_campaign.budget, 'FM999,999,990.00'), to_char(v_budget, 'FM999,999,990.00'), v_rule.rule_name, v_reason,
          to_char(v_facts.conversions, 'FM999,999,990'),
          to_char(v_average * v_policy.curvature / (v_policy.curvature + 1), 'FM990.00'), to_char(v_average, 'FM990.00'), least(99, round(v_confidence))) end;
      update public.campaigns set status = case when v_pause then v_policy.paused_text else status end, budget = v_budget, updated_at = now()
      where id = v_campaign.id;
      insert into public.autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score,
        expected_impact, evidence, status, executed_at)
      values (v_campaign.id, v_rule.id, v_rule.action ->> 'type',
        v_reason,
        jsonb_build_object('status', v_campaign.status, 'budget', v_campaign.budget),
        jsonb_build_object('status', case when v_pause then v_policy.paused_text else v_campaign.status end, 'budget', v_budget),
        v_confidence,
        autonomy.expected_impact_of(case when v_pause then 'pause' else 'up' end, v_policy.break_even_roi::float8,
          (v_budget / v_campaign.budget - 1)::float8, 1::float8, v_policy.curvature::float8,
          ln(v_average),
          v_evidence.spend, v_evidence.days),
        jsonb_build_object('spend', v_evidence.spend, 'conversions', v_evidence.conversions, 'revenue', v_evidence.revenue,
          'cv2', v_evidence.cv2, 'days', v_evidence.days, 'matured_share', v_evidence.matured_share, 'has_history', v_evidence.has_history,
          'prior', jsonb_build_object('mean_roi', v_policy.prior_mean_roi, 'tau2', v_policy.prior_tau2,
            'order_value', v_policy.prior_order_value, 'cv2', v_policy.prior_cv2, 'order_spread', v_policy.prior_order_spread),
          'probability_below', v_below, 'break_even', v_target,
          'metrics', jsonb_build_object('impressions', v_facts.impressions, 'reach', v_facts.reach, 'clicks', v_facts.clicks,
            'conversions', v_facts.conversions, 'spend', v_facts.spend, 'revenue', v_facts.revenue)),
        'executed', now());
      v_taken := v_taken + 1;
      exit;
    end loop;
  end loop;
  return v_taken;
end $$
"""  # noqa: E501
LIKE_FOR_LIKE = "naive loop, alike"
LOOPS = {"naive loop by thresholds": BY_THRESHOLDS, LIKE_FOR_LIKE: ALIKE}

DIFFERENT = """
select count(*) from bench.rows r
full join (select * from public.autonomous_actions where executed_at > now() - interval '20 days') a
  on a.campaign_id = r.campaign_id and a.action_type = r.action_type and a.new_state = r.new_state
  and (%s or a.confidence_score = r.confidence_score and a.reason = r.reason)
where a.id is null or r.id is null
"""


def naive_run(connection: psycopg.Connection, loop: str) -> float:
    """Seconds. Raises AssertionError where it did not come to the changes of our last run."""
    connection.execute(LOOPS[loop].encode())
    began = time.perf_counter()
    connection.execute("select pg_temp.naive_run()").fetchone()
    seconds = time.perf_counter() - began
    by_thresholds = loop == "naive loop by thresholds"
    (different,) = connection.execute(DIFFERENT.encode(), (by_thresholds,)).fetchone() or (None,)
    assert different == 0, f"{loop}: {different} changes differ from the run's"
    return seconds

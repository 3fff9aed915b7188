"""The way such systems are usually written: one loop over the campaigns, in PL/pgSQL.

For each active campaign it reads its performance, goes through the rules, asks whether something
was done to it lately, and where a rule holds writes an UPDATE and an INSERT. It decides by fixed
thresholds: no probability, no evidence, no limits over the portfolio, no batch. What it has to do
less than a run of ours is not held against it.
"""

from __future__ import annotations

import time

import psycopg

LOOP = """
create or replace function pg_temp.naive_run() returns integer language plpgsql as $$
declare
  v_campaign record;
  v_facts record;
  v_rule record;
  v_value numeric;
  v_holds boolean;
  v_budget numeric;
  v_taken integer := 0;
begin
  for v_campaign in select id, title, status, budget, created_at from public.campaigns where lower(status) = 'active' loop
    select * into v_facts from public.campaign_performance p where p.campaign_id = v_campaign.id;
    continue when not found;
    for v_rule in select * from public.autonomous_rules where is_active order by priority desc, rule_name loop
      v_value := case v_rule.condition ->> 'metric'
        when 'roi' then v_facts.total_revenue / nullif(v_facts.total_spend, 0)
        when 'ctr' then 100.0 * v_facts.clicks / nullif(v_facts.impressions, 0) end;
      v_holds := case v_rule.condition ->> 'operator'
        when '<' then v_value < (v_rule.condition ->> 'threshold')::numeric
        when '>=' then v_value >= (v_rule.condition ->> 'threshold')::numeric end
        and v_facts.total_spend >= coalesce((v_rule.condition ->> 'min_spend')::numeric, 0)
        and v_facts.conversions >= coalesce((v_rule.condition ->> 'min_conversions')::bigint, 0)
        and now() - v_campaign.created_at >= coalesce((v_rule.condition ->> 'min_duration_hours')::numeric, 0) * interval '1 hour';
      continue when v_holds is not true;
      exit when exists (select from public.autonomous_actions a where a.campaign_id = v_campaign.id
                        and a.status = 'executed' and a.executed_at > now() - interval '24 hours');
      if v_rule.action ->> 'type' = 'auto_pause' then
        update public.campaigns set status = 'paused', updated_at = now() where id = v_campaign.id;
        insert into public.autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score, status, executed_at)
        values (v_campaign.id, v_rule.id, 'auto_pause', format('ROI %s', round(v_value, 2)),
          jsonb_build_object('status', v_campaign.status, 'budget', v_campaign.budget),
          jsonb_build_object('status', 'paused', 'budget', v_campaign.budget), 85, 'executed', now());
      else
        v_budget := least(round(v_campaign.budget * (v_rule.action ->> 'multiplier')::numeric, 2), (v_rule.action ->> 'max_budget')::numeric);
        update public.campaigns set budget = v_budget, updated_at = now() where id = v_campaign.id;
        insert into public.autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score, status, executed_at)
        values (v_campaign.id, v_rule.id, 'auto_scale_up', format('ROI %s', round(v_value, 2)),
          jsonb_build_object('status', v_campaign.status, 'budget', v_campaign.budget),
          jsonb_build_object('status', v_campaign.status, 'budget', v_budget), 85, 'executed', now());
      end if;
      v_taken := v_taken + 1;
      exit;
    end loop;
  end loop;
  return v_taken;
end $$
"""  # noqa: E501  one statement a row


def naive_run(connection: psycopg.Connection) -> tuple[float, int]:
    """Seconds, and how many campaigns were changed."""
    connection.execute(LOOP.encode())
    began = time.perf_counter()
    (taken,) = connection.execute("select pg_temp.naive_run()").fetchone() or (0,)
    return time.perf_counter() - began, taken

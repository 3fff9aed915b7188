"""An account of any size, written at once, and brought back to where it was after each run.

Every campaign is active and healthy (roi 1.25 to 2.3, which no rule asks about) except the
candidates, spread evenly: half of them lose enough for a pause, half earn enough for a raise. The
facts carry every window, as the ingest would have left them; the time series itself, which a run
does not read, is left out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

from autonomy.local import LocalStack
from autonomy.local.places import remove
from autonomy.migrate import apply
from tests.benchmarks.engine import many

MEASURES = ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
WINDOWS = {"1": 1, "3": 3, "7": 7, "14": 14, "30": 30}
LIFE_DAYS = 60

CAMPAIGNS = """
insert into campaigns (id, title, status, budget, created_at, updated_at)
select md5('c' || i)::uuid, 'Campaign ' || i, 'active', 50 + i % 400, now() - interval '60 days', now() - interval '1 day'
from generate_series(1, {campaigns}) i;

insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend, total_revenue, roi, ctr, conversion_rate, updated_at)
select md5('c' || i)::uuid, 1000000, 15000, greatest(1, (spend * roi / 50)::int), spend, round(spend * roi, 2),
  roi, 1.5, 100 * greatest(1, (spend * roi / 50)::int) / 15000.0, now() - interval '1 hour'
from generate_series(1, {campaigns}) i
cross join lateral (select 50000.0 + i % 7000 as spend,
  case when i % {every} <> 0 then 1.25 + 0.0105 * (i % 101)
       when i / {every} % 2 = 0 then 0.2 else 5.0 end as roi) x;
"""  # noqa: E501  one statement a row

# Each window holds its share of the sixty days, the one before it as much.
FACTS = """
insert into campaign_facts (campaign_id, has_history, as_of, data_at, cv2, {columns},
  ev_spend, ev_conversions, ev_revenue, ev_days, ev_immature_spend, changed_at)
select p.campaign_id, true, date_trunc('day', now()) + interval '1 day', now() - interval '1 hour', null, {values},
  p.total_spend * 0.16, p.conversions * 0.16, p.total_revenue * 0.16, 9.6, 0, now() - interval '1 day'
from campaign_performance p;
"""  # noqa: E501

TOTALS = "select autonomy.refresh_campaign_totals(array(select campaign_id from campaign_facts))"

# What was done a month ago, measured and at rest: an account that has been in operation. Planned
# for tables that are empty, no statement is what it is in use.
PAST = """
insert into autonomous_actions (campaign_id, rule_id, action_type, reason, previous_state, new_state, confidence_score,
  evidence, actual_impact, status, created_at, executed_at)
select c.id, r.id, 'auto_scale_up', 'long ago', jsonb_build_object('status', 'active', 'budget', c.budget),
  jsonb_build_object('status', 'active', 'budget', c.budget), 80, '{{}}',
  '{{"1d": {{}}, "3d": {{}}, "7d": {{}}, "verdict": "improved", "money": 1, "horizon_days": 7}}', 'executed', h.at, h.at
from (select * from campaigns order by id limit least({campaigns}, 20000)) c
cross join (select id from autonomous_rules order by priority limit 1) r
cross join (values (now() - interval '40 days')) h (at);

insert into campaign_changes (campaign_id, changed_at, old_status, new_status, old_budget, new_budget, action_id, kind, actor)
select campaign_id, executed_at, 'active', 'active', 1, 2, id, 'action', 'autonomy' from autonomous_actions;
"""  # noqa: E501  one statement a row

RESET = """
set session_replication_role = replica;
update campaigns c
set status = a.previous_state ->> 'status', budget = (a.previous_state ->> 'budget')::numeric, updated_at = now() - interval '1 day'
from autonomous_actions a where a.campaign_id = c.id and a.status = 'executed' and a.created_at > now() - interval '20 days';
delete from autonomous_actions where created_at > now() - interval '20 days';
delete from campaign_changes where changed_at > now() - interval '20 days';
truncate autonomous_runs;
set session_replication_role = origin;
"""  # noqa: E501


def settings(campaigns: int) -> dict[str, str]:
    """Server settings for the size: a million campaigns are 1.4 GB of table and index."""
    if campaigns < 500_000:
        return {}
    return {"shared_buffers": "2GB", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}


@contextmanager
def stack_for(campaigns: int) -> Iterator[LocalStack]:
    """A migrated stack of its own in a temporary folder, gone afterwards."""
    folder = Path(mkdtemp(prefix="autonomy-bench-")).resolve()
    try:
        with LocalStack(folder, settings=settings(campaigns)) as stack:
            apply(stack.database_url)
            stack.restart_postgrest()
            yield stack
    finally:
        remove(folder)


def fill(connection: psycopg.Connection, campaigns: int, share: float) -> float:
    """The account in empty tables; the seconds it took."""
    began = time.perf_counter()
    every = max(1, round(1 / share))
    empty(connection)
    connection.execute("set session_replication_role = replica")
    past = PAST.format(campaigns=campaigns)
    for statement in (CAMPAIGNS.format(campaigns=campaigns, every=every), _facts(), past):
        connection.execute(statement.encode())
    connection.execute("set session_replication_role = origin")
    connection.execute(TOTALS)
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")
    return time.perf_counter() - began


def empty(connection: psycopg.Connection) -> None:
    """No campaign and nothing that was ever done to one."""
    connection.execute(
        "truncate campaigns, campaign_performance, campaign_facts, autonomous_actions,"
        " campaign_changes, autonomous_runs, optimization_opportunities,"
        " autonomy.opportunity_detection"
        " restart identity cascade"
    )


def reset(connection: psycopg.Connection) -> None:
    """Takes back what a run did, so that the next does the same again."""
    connection.execute(RESET.encode())
    connection.execute("vacuum campaigns")
    connection.execute("vacuum analyze autonomous_actions, campaign_changes, autonomous_runs")


def use_rules(connection: psycopg.Connection, number: int) -> None:
    """The four default rules, or these and more with other thresholds and windows."""
    connection.execute("select public.autonomy_reset_defaults()")
    for rule in many(number)[4:]:
        connection.execute(
            "insert into autonomous_rules (rule_name, rule_type, condition, action, priority)"
            " values (%s, %s, %s, %s, %s)",
            (rule["rule_name"], rule["rule_type"], *_texts(rule), rule["priority"]),
        )


def _texts(rule: Mapping[str, Any]) -> tuple[str, str]:
    return json.dumps(rule["condition"]), json.dumps(rule["action"])


def _facts() -> str:
    sources = {
        "impressions": "p.impressions",
        "reach": "p.impressions * 0.6",
        "clicks": "p.clicks",
        "conversions": "p.conversions",
        "spend": "p.total_spend",
        "revenue": "p.total_revenue",
    }
    columns = [f"life_{measure}" for measure in MEASURES]
    values = [sources[measure] for measure in MEASURES]
    for prefix in ("w", "p"):
        for name, days in WINDOWS.items():
            columns += [f"{prefix}{name}_{measure}" for measure in MEASURES]
            values += [f"{sources[measure]} * {days / LIFE_DAYS}" for measure in MEASURES]
    return FACTS.format(columns=", ".join(columns), values=", ".join(values))

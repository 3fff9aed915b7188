"""Rules on cpa in an account of leads, whose conversions carry no value: judged by cpa itself."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.engine.confidence import Evidence, Prior, below, posterior
from autonomy.engine.curve import curve_of
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store

RULES = """
update autonomous_rules set is_active = false;
insert into autonomous_rules (rule_name, rule_type, condition, action, priority, is_active) values
 ('CPA pause', 'pause',
  '{"metric":"cpa","operator":">","threshold":20,"window":"7d","min_spend":100}',
  '{"type":"auto_pause"}', 95, true),
 ('CPA raise', 'scale',
  '{"metric":"cpa","operator":"<","threshold":10,"window":"7d","min_conversions":20}',
  '{"type":"auto_scale_up","multiplier":1.2,"max_budget":1000}', 90, true);
"""
# Title, budget, days; of each day impressions, clicks, conversions, spend.
LEADS = [
    ("Leads cheap", 80, 30, 3000, 60, 30, 60),
    ("Leads noisy", 22, 8, 1100, 22, 1, 22),
    ("Leads dear", 100, 30, 3000, 60, 2, 60),
]
CAMPAIGN = """
insert into campaigns (id, title, status, budget, account, created_at)
values (md5(%(title)s)::uuid, %(title)s, 'active', %(budget)s, 'default',
        now() - interval '60 days')
"""
DAYS = """
insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
select md5(%(title)s)::uuid, date_trunc('day', now()) - i * interval '1 day',
       %(impressions)s, %(clicks)s, %(conversions)s, %(spend)s, 0
from generate_series(0, %(days)s - 1) i
"""
DEEDS = """
select c.title, a.action_type, a.status, (a.new_state ->> 'budget')::float8,
       a.confidence_score::float8, a.reason, a.evidence, (a.previous_state ->> 'budget')::numeric
from autonomous_actions a join campaigns c on c.id = a.campaign_id
"""


def leads(db: psycopg.Connection) -> None:
    db.execute(RULES)
    names = ("title", "budget", "days", "impressions", "clicks", "conversions", "spend")
    for one in LEADS:
        values = dict(zip(names, one, strict=True))
        db.execute(CAMPAIGN, values)
        db.execute(DAYS, values)


def deeds(db: psycopg.Connection) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in db.execute(DEEDS).fetchall()}


def in_database(stack: LocalStack) -> None:
    with psycopg.connect(stack.database_url) as db:
        db.execute("select run_autonomous_operations()")


def by_http(stack: LocalStack) -> None:
    store = Store.from_settings(Settings.from_env(stack.environment()))
    answer = Runner(store, Settings(), notify=lambda *_: None).handle({})
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["result"]["held"].get("VALUE_NOT_MEASURED") is None


@pytest.mark.parametrize("run", [in_database, by_http])
def test_leads_are_judged_by_what_they_cost(fresh: LocalStack, run: Any) -> None:
    with psycopg.connect(fresh.database_url) as db:
        leads(db)
    run(fresh)
    with psycopg.connect(fresh.database_url) as db:
        done = deeds(db)
    dear, cheap = done["Leads dear"], done["Leads cheap"]
    assert dear[:2] == ("auto_pause", "executed")
    assert dear[3] > 90
    assert dear[4].endswith("at 30.00 each. 92 % likely to cost more than 20.00 a conversion.")
    assert cheap[:3] == ("auto_scale_up", "executed", 96)
    assert cheap[3] > 99
    assert cheap[4].endswith("at 2.00 each. 99 % likely to cost less than 10.00 a conversion.")
    noisy = done["Leads noisy"]
    assert 50 < noisy[3] < 70
    for *_, confidence, _, evidence, budget in done.values():
        assert evidence["judged_by"] == "cpa"
        assert evidence["target_cpa"] in (20, 10)
        again = _recomputed(evidence, budget)
        assert min(abs(confidence - 100 * again), abs(confidence - 100 * (1 - again))) < 0.006


def _recomputed(evidence: dict[str, Any], budget: Decimal) -> float:
    names = ("spend", "conversions", "revenue", "cv2", "days", "matured_share")
    seen = Evidence(*(evidence[name] for name in names))
    seen = seen._replace(effective_spend=evidence["effective_spend"])
    reference = Decimal(str(evidence["reference_budget"]))
    curve = curve_of(budget, reference, evidence["curvature"])
    prior = Prior(**evidence["prior"])
    return below(evidence["break_even"] * curve.over, *posterior(seen, prior))

"""The run in Python and the run in the database: one account, the same deeds, one report."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.answer import RunSummary
from autonomy.run.runner import Runner
from autonomy.store import Store

ACCOUNT = """
insert into campaigns
  (title, account, target_roi, conversion_value, status, budget, created_at, autonomous_enabled,
   hold_until)
select 'c' || n, (array['default', 'Tokyo', 'Leads'])[1 + n % 3],
       case when n % 19 = 0 then 1.5 end, case when n % 21 = 0 then 100 end,
       case when n % 11 = 0 then 'paused' else 'Active' end, 50 + 7 * n,
       now() - make_interval(hours => n * 3), n % 13 <> 0,
       case when n % 17 = 0 then now() + interval '1 day' end
from generate_series(1, 120) n;
insert into campaign_performance
  (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
select id, 30000, 600 + mod(n, 400), mod(n, 45), 100 + 9 * n,
       case when account = 'Leads' then 0 else (100 + 9 * n) * mod(n * 7, 50) / 10.0 end
from (select id, account, substr(title, 2)::int as n from campaigns) c;
insert into autonomy.planned_events
  (campaign_id, from_at, until_at, no_raises, no_cuts, no_pauses, why)
select id, now() - interval '1 hour', now() + interval '1 day', mod(n, 2) = 0, mod(n, 2) = 1,
  mod(n, 2) = 1, 'Sale'
from (select id, substr(title, 2)::int as n from campaigns) c where mod(n, 7) = 0;
update autonomy_accounts set currency = 'JPY', attribution_factor = 0.7 where account = 'Tokyo';
update autonomy_accounts set conversion_value = 35, target_roi = 0.9 where account = 'Leads';
"""
SETTINGS = [
    "mode = 'autonomous'",
    "mode = 'autonomous', pause_breaker_share = 1, growth_breaker_share = 0.02",
    "mode = 'autonomous', frozen = true",
    "mode = 'approve', pause_breaker_share = 1",
    "mode = 'observe', min_confidence = 80, pause_breaker_share = 1",
]
# Budgets that were cut to their floor, or raised, before; what their days tell of the reference
OPTIMISED = """
select set_budget_optimisation(true);
insert into campaign_metrics (campaign_id, bucket, spend, revenue, conversions, clicks)
select c.id, date_trunc('day', now()) - d * interval '1 day', c.budget,
       c.budget * mod(n * 7, 50) / 15.0, mod(n, 9), 40
from (select *, substr(title, 2)::int as n from campaigns) c, generate_series(1, 12) d
where mod(n, 3) > 0;
update campaigns set budget = round(budget * 0.06) where mod(substr(title, 2)::int, 8) = 0;
"""
DEEDS = """
select campaign_id::text, action_type, status, error, previous_state, new_state, confidence_score
from autonomous_actions order by campaign_id
"""
STATES = "select id::text, status, budget from campaigns order by id"


def essence(result: dict[str, Any]) -> dict[str, Any]:
    """A report without what must differ: ids, times, sentences; a database reaches no platform."""
    RunSummary.model_validate(result)
    for each in result["breakers"] + result["actions"] + result["held_decisions"]:
        each.pop("message", None)
        each.pop("reason", None)
    own = ("run_id", "timestamp", "duration_ms", "warnings", "actions_measured", "delivered")
    rest = {name: value for name, value in result.items() if name not in own}
    for name in ("actions", "held_decisions"):
        rest[name] = sorted(rest[name], key=lambda each: str(each["campaign_id"]))
    return rest


def confidences(result: dict[str, Any]) -> dict[str, float]:
    """Taken out of a report: the second run finds the facts a second older."""
    return {
        f"{name} {each['campaign_id']}": float(each.pop("confidence"))
        for name in ("actions", "held_decisions")
        for each in result[name]
    }


@pytest.mark.parametrize("settings", SETTINGS)
def test_both_runs_do_and_say_the_same(fresh: LocalStack, settings: str) -> None:
    both_runs(fresh, settings)


def test_both_runs_follow_the_curve_alike(fresh: LocalStack) -> None:
    """Also where a person, an event or a hold stands against it, and in yen."""
    settings = "mode = 'autonomous', growth_breaker_share = 0.1, curvature = 1"
    moves = both_runs(fresh, settings, OPTIMISED)
    assert moves.count("budget_adjusted") > 10


OBSERVED = "update autonomy_accounts set mode = 'observe' where account <> 'default';"
# As far as its total allows, and above it
WITH_TOTALS = """
update autonomy_accounts set daily_total = 20000 where account = 'Tokyo';
update autonomy_accounts set daily_total = 2000 where account = 'Leads';
"""


@pytest.mark.parametrize("more", ["", WITH_TOTALS, OPTIMISED])
@pytest.mark.parametrize("mode", ["autonomous", "approve", "observe"])
def test_both_runs_say_what_they_would_do_where_they_only_observe(
    fresh: LocalStack, mode: str, more: str
) -> None:
    settings = f"mode = '{mode}', pause_breaker_share = 1, curvature = 1"
    both_runs(fresh, settings, OBSERVED + more)


def both_runs(fresh: LocalStack, settings: str, more: str = "") -> list[str]:
    """What they have done, which is the same."""
    with psycopg.connect(fresh.database_url) as db:
        db.execute(ACCOUNT)
        db.execute(f"update autonomy_policy set {settings}")
        db.execute(more)
    with psycopg.connect(fresh.database_url) as db:
        row = db.execute("select run_autonomous_operations()").fetchone()
        assert row is not None
        in_database = essence(row[0])
        theirs = db.execute(DEEDS).fetchall(), db.execute(STATES).fetchall()
        db.rollback()

    store = Store.from_settings(Settings.from_env(fresh.environment()))
    answer = Runner(store, Settings(), notify=lambda *_: None).handle({})
    in_python = essence(json.loads(answer.body)["result"])
    with psycopg.connect(fresh.database_url) as db:
        ours = db.execute(DEEDS).fetchall(), db.execute(STATES).fetchall()
    assert confidences(in_python) == pytest.approx(confidences(in_database), abs=0.05)
    assert in_python == in_database
    assert [deed[:-1] for deed in ours[0]] == [deed[:-1] for deed in theirs[0]]
    assert ours[1] == theirs[1]
    return [deed[1] for deed in ours[0]]

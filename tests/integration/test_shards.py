"""Eight shards at once: disjoint, complete, nothing done twice, breakers over all of them."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.errors import RunInProgress
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store

SHARDS = 8
ACCOUNT = """
insert into campaigns (title, status, budget, created_at)
  select case when n <= %(losers)s then 'Loser ' when n <= %(losers)s + %(winners)s then 'Winner '
              else 'Middling ' end || n, 'active', 100, now() - interval '10 days'
  from generate_series(1, %(campaigns)s) n;
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 50000, 1000, 40, 1000,
    case split_part(title, ' ', 1) when 'Loser' then 300 when 'Winner' then 3600 else 1700 end
  from campaigns;
"""


def account(stack: LocalStack, **numbers: int) -> None:
    with psycopg.connect(stack.database_url) as connection:
        text = ACCOUNT
        for name, number in numbers.items():
            text = text.replace(f"%({name})s", str(number))
        connection.execute(text.encode())


def rows(stack: LocalStack, query: str) -> list[Any]:
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(query.encode()).fetchall()


def run_shards(stack: LocalStack) -> list[dict[str, Any]]:
    """All eight begin in the same moment, each with a client of its own, as in eight instances."""
    settings = Settings.from_env(stack.environment())
    begin = threading.Barrier(SHARDS)

    def one(part: int) -> dict[str, Any]:
        with closing(Store.from_settings(settings)) as store:
            store.select("autonomy_policy", limit=1)  # the client is there
            begin.wait(30)
            answer = Runner(store, settings).handle({"shard": f"{part}/{SHARDS}"})
        result: dict[str, Any] = json.loads(answer.body)["result"]
        return result

    with ThreadPoolExecutor(SHARDS) as pool:
        return list(pool.map(one, range(1, SHARDS + 1)))


def total(results: list[dict[str, Any]], count: str) -> int:
    return sum(result["actions_taken"][count] for result in results)


def test_eight_shards_at_once(fresh: LocalStack) -> None:
    account(fresh, campaigns=800, losers=80, winners=60)
    results = run_shards(fresh)

    assert [result["shard"] for result in results] == [f"{n}/8" for n in range(1, 9)]
    assert sum(result["campaigns_evaluated"] for result in results) == 800
    assert all(60 < result["campaigns_evaluated"] < 140 for result in results)
    assert total(results, "campaigns_paused") == 80
    assert total(results, "campaigns_scaled") == 60
    assert not [result["failed"] for result in results if result["failed"]]

    # Complete: every loser is paused, every winner raised, nobody else touched.
    assert rows(
        fresh,
        """select split_part(title, ' ', 1), status, budget::int, count(*)
             from campaigns group by 1, 2, 3 order by 1""",
    ) == [
        ("Loser", "paused", 100, 80),
        ("Middling", "active", 100, 660),
        ("Winner", "active", 150, 60),
    ]
    # Nothing twice, and each campaign by the shard that it belongs to.
    assert rows(fresh, "select count(*), count(distinct campaign_id) from autonomous_actions") == [
        (140, 140)
    ]
    assert (
        rows(
            fresh,
            """select a.id from autonomous_actions a join autonomous_runs r on r.id = a.run_id
                where not autonomy.campaign_slot(a.campaign_id) <@ r.slots""",
        )
        == []
    )
    # The shards cover all slots without overlapping.
    assert rows(
        fresh,
        "select range_agg(slots)::text, sum(upper(slots) - lower(slots)) from autonomous_runs",
    ) == [("{[0,65536)}", 65536)]
    assert rows(fresh, "select distinct status from autonomous_runs") == [("completed",)]
    # The log leads to the present state.
    ((audit,),) = rows(fresh, "select audit_autonomous_actions()")
    assert audit["ok"], audit


def test_opportunities_are_detected_once(fresh: LocalStack) -> None:
    account(fresh, campaigns=400, losers=40, winners=0)
    with psycopg.connect(fresh.database_url) as connection:  # still active when it is looked for
        connection.execute("update campaigns set autonomous_enabled = false")
    results = run_shards(fresh)
    assert [bool(r["actions_taken"]["opportunities_detected"]) for r in results] == [
        True,
        *[False] * 7,
    ]
    assert (
        rows(
            fresh,
            """select campaign_id from optimization_opportunities
                group by campaign_id, opportunity_type having count(*) > 1""",
        )
        == []
    )


def test_breakers_count_over_all_shards(fresh: LocalStack) -> None:
    """Each shard alone stays below the limit; together they would pause half of the account."""
    account(fresh, campaigns=400, losers=200, winners=0)
    results = run_shards(fresh)
    ((paused,),) = rows(fresh, "select count(*) from campaigns where status = 'paused'")
    ((waiting,),) = rows(fresh, "select count(*) from autonomous_actions where status = 'pending'")
    assert paused <= 100, "a quarter of 400"
    assert waiting == 200 - paused
    assert total(results, "actions_proposed") == waiting


def test_a_whole_run_waits_for_a_shard(fresh: LocalStack) -> None:
    settings = Settings.from_env(fresh.environment())
    with psycopg.connect(fresh.database_url) as connection:
        began = connection.execute(
            'select begin_autonomous_run(gen_random_uuid(), \'{"shard": "3/8"}\')'
        ).fetchone()
        assert began is not None
        assert began[0]["outcome"] == "started"
    with closing(Store.from_settings(settings)) as store:
        runner = Runner(store, settings)
        with pytest.raises(RunInProgress):
            runner.handle({})
        with pytest.raises(RunInProgress):
            runner.handle({"shard": "2/4"})  # the third eighth lies in the second quarter
        assert runner.handle({"shard": "1/4"}).status == 200
        assert runner.handle({"dry_run": True}).status == 200, "a dry run blocks and waits for none"

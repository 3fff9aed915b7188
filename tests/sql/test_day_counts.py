"""What was done within the day is counted once for a run, not anew for each of its batches."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from tests.sql import effects
from tests.sql.effects import Db, Lease, apply, begin, campaign, decision, scale_up, value
from tests.sql.servers import Server

clean_tables = effects.clean_tables

EARLIER = 3000
MANY = f"""
insert into campaigns (id, title, status, budget, created_at)
select md5('c' || i)::uuid, 'Campaign ' || i, 'active', 100, now() - interval '30 days'
from generate_series(1, {EARLIER}) i;
insert into autonomous_actions (campaign_id, action_type, reason, previous_state, new_state,
  confidence_score, status, created_at, executed_at)
select id, 'budget_adjusted', 'why', '{{"status": "active", "budget": 101}}',
  '{{"status": "active", "budget": 100}}', 80, 'executed', now() - interval '2 hours', now() - interval '2 hours'
from campaigns;
"""  # noqa: E501
READ = """
select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
where schemaname = 'public' and relname = 'autonomous_actions'
"""
COUNTED = """
select account, pauses, ups, raised, cuts, lowered from autonomy.day_counts
where run_id = %s and (account, pauses, ups, cuts) <> ('', 0, 0, 0) order by account
"""


def assert_as_the_log_says(db: Db, *leases: Lease) -> None:
    log = "select * from autonomy.done_within_day(now()) order by account"
    for lease in leases:
        assert db.execute(COUNTED, (lease.run_id,)).fetchall() == db.execute(log).fetchall()


def test_a_batch_does_not_read_what_was_done_before_it(server: Server) -> None:
    def read(db: psycopg.Connection[Any], lease: Lease, n: int) -> int:
        with db.transaction():
            row = db.execute("select md5('c' || %s)::uuid", (n,)).fetchone()
            assert row is not None
            [(before,)] = db.execute(READ).fetchall()
            [result] = apply(db, lease, [decision(row[0], "auto_scale_down", new_budget=90)])
            assert result["error"] in (None, "COOLDOWN")
            [(rows,)] = db.execute(READ).fetchall()
        return int(rows - before)

    with psycopg.connect(server.migrated(), autocommit=True) as db:
        db.execute(MANY)
        db.execute("vacuum analyze autonomous_actions, campaigns")
        two = [begin(db, request={"shard": shard}) for shard in ("1/2", "2/2")]
        first = [read(db, lease, n) for n, lease in enumerate(two, 1)]
        assert min(first) >= EARLIER  # each has counted
        further = [read(db, lease, n) for n, lease in enumerate(two * 3, 3)]
        assert max(further) < 100


def test_what_is_counted_is_what_the_log_says(db: Db) -> None:
    """Of two runs at once, whichever of them did it; and whatever a person does in between."""
    ids = [campaign(db, 100, account=f"a{n % 2}") for n in range(12)]
    two = [begin(db, request={"shard": shard}) for shard in ("1/2", "2/2")]
    apply(db, two[0], [decision(ids[0]), scale_up(ids[1], new_budget=110)])
    apply(db, two[1], [decision(ids[2], "auto_scale_down", new_budget=80)])
    assert_as_the_log_says(db, *two)
    batch = [scale_up(ids[3], new_budget=120), decision(ids[4], verdict="propose", code="APPROVAL")]
    done = apply(db, two[0], batch)
    assert_as_the_log_says(db, *two)
    assert apply(db, two[0], batch) == done  # sent again, because the answer was lost
    assert_as_the_log_says(db, *two)

    db.execute("select auto_pause_campaign(%s, 'why')", (ids[5],))
    value(db, "select rollback_autonomous_action(%s, 'why')", uuid.UUID(done[0]["action_id"]))
    assert value(db, "select count(*) from autonomy.day_counts") == 0
    for lease, one in zip(two, ids[6:], strict=False):
        apply(db, lease, [decision(one)])
    assert_as_the_log_says(db, *two)
    assert value(db, "select sum(pauses) from autonomy.day_counts where run_id = %s",
                 two[0].run_id) == 5  # fmt: skip

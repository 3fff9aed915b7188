"""A day on which very many budgets move: a further batch costs what the first one did."""

from __future__ import annotations

import psycopg

from tests.sql.servers import Server

MANY = """
insert into campaigns (id, title, status, budget, created_at)
select md5('c' || i)::uuid, 'Campaign ' || i, 'active', 100, now() - interval '30 days'
from generate_series(1, 2000) i;
insert into campaign_performance
  (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
select id, 9000, 200, 7, 150, 300 from campaigns;
"""
LOWERED = """
update campaigns set budget = 80
where id in (select id from campaigns where budget = 100 order by id limit 500)
"""
READ = """
select coalesce(seq_tup_read, 0) from pg_stat_xact_user_tables
where schemaname = 'autonomy' and relname = 'unusual_campaigns'
"""


def test_what_is_lowered_is_looked_up_by_its_key(server: Server) -> None:
    """The plan is made while the table is empty: row by row from its beginning looks cheap then."""
    with psycopg.connect(server.migrated(), autocommit=True) as db:
        db.execute(MANY)
        db.execute("truncate autonomy.unusual_campaigns")
        db.execute("vacuum analyze autonomy.unusual_campaigns, campaign_facts, campaigns")
        with db.transaction():
            for _ in range(4):
                db.execute(LOWERED)
            [(read,)] = db.execute(READ).fetchall()
            [(kept,)] = db.execute("select count(*) from autonomy.unusual_campaigns").fetchall()
    assert kept == 2000
    assert read < 10_000  # 1,500,000 where each row reads the table


def test_what_was_done_within_the_day_is_the_sum_of_its_parts(server: Server) -> None:
    """A run inside the database counts once, and then what each of its batches adds."""
    parts = """
    select account, sum(pauses), sum(ups), sum(raised), sum(cuts), sum(lowered)
    from (select array_agg(id) as ids from autonomous_actions group by left(id::text, 1)) g
    cross join lateral autonomy.done_within_day(now(), g.ids) d group by account order by account
    """
    with psycopg.connect(server.migrated()) as db:
        db.execute(
            """insert into campaigns (title, status, budget, account, created_at)
               select 'C' || i, 'active', 100, 'a' || i % 3, now() - interval '30 days'
               from generate_series(1, 30) i;
               insert into autonomous_actions (campaign_id, action_type, reason, previous_state, new_state,
                 confidence_score, status, created_at, executed_at)
               select c.id, case when n % 4 = 0 then 'auto_pause' else 'budget_adjusted' end, 'why',
                 '{"status": "active", "budget": 100}',
                 jsonb_build_object('status', 'active', 'budget', 70 + 2 * n), 80, 'executed',
                 now() - n * interval '1 hour', now() - n * interval '1 hour'
               from (select id, row_number() over (order by title) as n from campaigns) c"""  # noqa: E501
        )
        whole = db.execute(
            "select * from autonomy.done_within_day(now()) order by account"
        ).fetchall()
        assert len(whole) == 3
        assert all(done[1] and done[2] and done[4] for done in whole)
        assert db.execute(parts).fetchall() == whole
        none = db.execute("select * from autonomy.done_within_day(now(), '{}')").fetchall()
        assert none == []

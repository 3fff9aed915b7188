"""A run inside the database that has too much for its time does a part; the next run goes on."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.sql.servers import Server

MANY = """
insert into campaigns (id, title, status, budget, account, created_at)
select md5('c' || i)::uuid, 'Campaign ' || i, 'active', 100 + i % 3 * 100, 'big', now() - interval '30 days'
from generate_series(1, 5400) i;
insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
select id, 9000, 200, 7, 150, 300 from campaigns;
update autonomous_rules set is_active = rule_type = 'pause';
insert into autonomy_accounts (account) values ('big') on conflict do nothing;
update autonomy_accounts set daily_total = 972000 where account = 'big';
"""  # noqa: E501
TOTAL = 972_000
"""Nine tenths of the budgets."""


def budgets(db: psycopg.Connection[Any]) -> dict[int, int]:
    """How many active campaigns have each budget."""
    return dict(
        db.execute(
            "select budget::float8, count(*) from campaigns where status = 'active' group by 1"
        ).fetchall()
    )


def run(db: psycopg.Connection[Any]) -> dict[str, Any]:
    [(result,)] = db.execute("select run_autonomous_operations()").fetchall()
    assert isinstance(result, dict)
    return result


def test_what_there_was_no_time_for_the_next_run_does(server: Server) -> None:
    with psycopg.connect(server.migrated(), autocommit=True) as db:
        db.execute(MANY)
        db.execute("set autonomy.run_seconds = 0")  # no batch but the first
        first = run(db)
        # the most money first
        assert budgets(db) == {90: 1400, 100: 400, 180: 1800, 270: 1800}
        assert (first["deadline_reached"], first["decisions_left_for_next_run"]) == (True, 400)
        assert first["actions_taken"]["campaigns_scaled_down"] == 5000
        [told] = first["totals"]
        assert (told["shrunk"], told["left"], told["after"]) == (5000, 400, TOTAL + 4000)

        second = run(db)
        # nobody is shrunk twice, and no more than by a run that had the time
        assert budgets(db) == {90: 1800, 180: 1800, 270: 1800}
        assert "decisions_left_for_next_run" not in second
        [told] = second["totals"]
        assert (told["shrunk"], told["after"], "left" in told) == (400, TOTAL, False)
        assert run(db)["totals"][0]["shrunk"] == 0
        [(actions, bad)] = db.execute(
            "select count(*), count(*) filter (where status <> 'executed') from autonomous_actions"
        ).fetchall()
        assert (actions, bad) == (5400, 0)


def test_a_total_that_is_lowered_again_meanwhile_is_kept_too(server: Server) -> None:
    with psycopg.connect(server.migrated(), autocommit=True) as db:
        db.execute(MANY)
        db.execute("set autonomy.run_seconds = 0")
        run(db)
        db.execute("update autonomy_accounts set daily_total = 864000 where account = 'big'")
        run(db)
        db.execute("set autonomy.run_seconds = 50")
        assert run(db)["totals"][0]["after"] == 864_000
        # in proportion to what they were when it began
        assert budgets(db) == {80: 1800, 160: 1800, 240: 1800}

"""What an outsider's attacks brought to light: older databases that are odder than expected."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from autonomy.migrate import apply
from tests.sql.guide import run_guide
from tests.sql.servers import Server

CAMPAIGNS = """
create table campaigns (
  id uuid primary key default gen_random_uuid(), title text, status text not null default 'Active',
  budget numeric, created_at timestamptz default now());
create table campaign_performance (
  id bigserial primary key, campaign_id uuid references campaigns (id), total_impressions integer,
  total_clicks integer, total_conversions integer, total_spend numeric(10,2),
  total_revenue numeric(10,2), roi numeric(10,2), ctr numeric(10,2), conversion_rate numeric(10,2));
"""
RULES = """
create table autonomous_rules (
  id uuid primary key default gen_random_uuid(), rule_name text, rule_type text, condition jsonb,
  action jsonb, priority integer, is_active boolean default true);
insert into autonomous_rules (rule_name, rule_type, condition, action, priority)
values ('Theirs', 'pause', '{"metric": "roas", "operator": "<", "threshold": 1}', '{"type": "stop"}', 7);
"""
Rows = Callable[..., list[tuple[Any, ...]]]


def older(server: Server, *scripts: str) -> psycopg.Connection[Any]:
    """A database of that shape, migrated; the caller closes it."""
    url = server.database()
    with psycopg.connect(url, autocommit=True) as db:
        for script in (CAMPAIGNS, *scripts):
            db.execute(script.encode())
    apply(url)
    return psycopg.connect(url, autocommit=True)


def add(title: str, budget: str, *totals: tuple[int, int, int]) -> str:
    """A campaign of ten days, with a row for each (impressions, spend, revenue)."""
    rows = "".join(
        "insert into campaign_performance (campaign_id, total_impressions, total_clicks,"
        f" total_conversions, total_spend, total_revenue) select id, {seen}, {seen // 50}, 30,"
        f" {spend}, {revenue} from campaigns where title = '{title}';"
        for seen, spend, revenue in totals
    )
    return (
        "insert into campaigns (title, budget, created_at)"
        f" values ('{title}', '{budget}', now() - interval '10 days');{rows}"
    )


def state(db: psycopg.Connection[Any], title: str) -> Any:
    return db.execute("select status, budget from campaigns where title = %s", [title]).fetchone()


def run(db: psycopg.Connection[Any]) -> Any:
    row = db.execute("select run_autonomous_operations()").fetchone()
    assert row is not None
    return row[0]


def sound(db: psycopg.Connection[Any]) -> bool:
    row = db.execute("select audit_autonomous_actions() -> 'ok'").fetchone()
    return row is not None and row[0] is True


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "newest first"])
def test_of_rows_that_are_equally_late_the_fullest_speaks(server: Server, turned: bool) -> None:
    """Without an updated_at all are from the day of the migration: a stale row paused a winner."""
    totals = [(20000, 400, 100), (30000, 600, 2700)]
    with older(server, add("Twice", "100", *totals[:: -1 if turned else 1])) as db:
        assert db.execute("select life_spend, life_revenue from campaign_facts").fetchone() == (
            600,
            2700,
        )
        run(db)
        assert state(db, "Twice") == ("Active", Decimal("200.00"))


def test_a_campaign_of_several_rows_obeys_by_hand_and_is_shown(server: Server) -> None:
    with older(server, add("Twice", "100", (20000, 400, 100), (30000, 600, 2700))) as db:
        db.execute("select auto_scale_campaign(id, 120, 'by hand') from campaigns")
        db.execute("select auto_pause_campaign(id, 'by hand') from campaigns")
        assert state(db, "Twice") == ("Paused", Decimal("120.00"))
        assert db.execute(
            "select distinct evidence #>> '{metrics,spend}' from autonomous_actions"
        ).fetchall() == [("600",)]
        shown = db.execute("select dashboard_campaign(id) from campaigns").fetchone()
        assert shown is not None
        assert shown[0]["performance"]["total_spend"] == 600
        assert sound(db)


@pytest.mark.parametrize("budget", ["123.456", "-50", "NaN"])
def test_a_loser_is_paused_whatever_its_budget_looks_like(server: Server, budget: str) -> None:
    """A pause leaves the budget as it is, so what it looks like cannot stop one."""
    with older(server, add("Loser", budget, (30000, 600, 100))) as db:
        found = run(db)
        assert found["failed"] == []
        assert state(db, "Loser")[0] == "Paused"
        assert sound(db)
        db.execute("select rollback_autonomous_action(id, 'not so') from autonomous_actions")
        assert str(state(db, "Loser")) == str(("Active", Decimal(budget)))
        assert sound(db)


def test_fractions_of_a_cent_are_in_the_log_as_they_were(server: Server) -> None:
    with older(server, add("Winner", "100.005", (30000, 600, 2700))) as db:
        run(db)
        assert state(db, "Winner") == ("Active", Decimal("200.01"))
        assert sound(db)


def test_no_budget_of_theirs_stops_the_migration_or_their_writers(server: Server) -> None:
    with older(server, add("Endless", "Infinity", (30000, 600, 700))) as db:
        db.execute("insert into campaigns (title, budget) values ('Too', 'Infinity')")
        assert run(db)["failed"] == []
        assert state(db, "Endless") == state(db, "Too") == ("Active", Decimal("Infinity"))
        assert sound(db)


def test_a_rule_that_is_not_ours_does_not_keep_the_others_off(server: Server) -> None:
    """The guide switches all rules off and on again; one that cannot be read is skipped."""
    with older(server, RULES, add("Loser", "100", (30000, 600, 100))) as db:
        said: list[str] = []
        db.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        db.execute("UPDATE autonomous_rules SET is_active = false;")
        db.execute("UPDATE autonomous_rules SET is_active = true;")
        assert [line for line in said if "Theirs" in line and "metric" in line]
        found = run(db)
        assert [skipped["rule_name"] for skipped in found["rules_skipped"]] == ["Theirs"]
        assert state(db, "Loser")[0] == "Paused"


def test_every_statement_of_the_guide_runs_there(server: Server) -> None:
    with older(server, RULES, add("Loser", "100", (30000, 600, 100))) as db:
        run(db)
        run_guide(db)


def test_a_campaign_that_somebody_has_open_does_not_stop_the_run(
    own: psycopg.Connection[Any],
) -> None:
    """An edit left open in the SQL editor held up every other campaign for as long as it stood."""
    own.execute(
        "insert into campaigns (title, status, budget, created_at)"
        # three of eight: of fewer a person would have to decide
        " select 'L' || i, 'active', 100, now() - interval '10 days' from generate_series(1, 8) i"
    )
    own.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)"
        " select id, 20000, 400, 3, 600, 100 from campaigns where title in ('L1', 'L2', 'L3')"
    )
    with psycopg.connect(own.info.dsn, password=own.info.password) as somebody:
        somebody.execute("update campaigns set title = 'L1' where title = 'L1'")
        own.execute("set lock_timeout = '30s'")
        found = run(own)
        assert [state(own, f"L{n}")[0] for n in (1, 2, 3)] == ["active", "paused", "paused"]
        assert [(one["title"], one["code"]) for one in found["failed"]] == [
            ("L1", "CHANGED_MEANWHILE")
        ]
        assert own.execute("show lock_timeout").fetchone() == ("30s",)
    assert run(own)["failed"] == []
    assert state(own, "L1")[0] == "paused"
    assert sound(own)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", None])
def test_nothing_is_done_at_no_moment(own: psycopg.Connection[Any], moment: str | None) -> None:
    """executed_at = infinity was a cooldown, and hold_until = infinity a hold, without end."""
    own.execute("insert into campaigns (title, status, budget) values ('T', 'active', 100)")
    own.execute("select auto_scale_campaign(id, 120, 'before') from campaigns")
    for call in (
        "select auto_pause_campaign(id, 'x', 80, %s) from campaigns",
        "select auto_scale_campaign(id, 130, 'x', 80, %s) from campaigns",
        "select rollback_autonomous_action(id, p_now => %s) from autonomous_actions",
    ):
        with pytest.raises(psycopg.DatabaseError, match="p_now must be a moment") as refused:
            own.execute(call.encode(), [moment])
        assert refused.value.sqlstate == "AO010"
    assert state(own, "T") == ("active", Decimal("120.00"))


def test_an_older_log_may_be_marked_in_its_own_spelling(server: Server) -> None:
    """The guide's manual rollback was refused where the older log says EXECUTED."""
    theirs = """
        create table autonomous_actions (id uuid primary key default gen_random_uuid(),
          campaign_id uuid references campaigns (id), action_type text, reason text, status text);
        insert into autonomous_actions (campaign_id, action_type, reason, status)
        select id, 'auto_pause', 'old', 'EXECUTED' from campaigns;"""
    with older(server, add("Loser", "100", (30000, 600, 100)), theirs) as db:
        db.execute("UPDATE autonomous_actions SET status = 'rolled_back'")
        assert db.execute("select status from autonomous_actions").fetchall() == [("rolled_back",)]
        assert sound(db)

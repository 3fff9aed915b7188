"""Values that no door lets in, forced past every check: no run acts without limits, none dies."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

import psycopg
import pytest

from autonomy.engine import Accounts, decide
from tests.sql import effects
from tests.sql.effects import Db, apply, begin, campaign, decision, scale_up
from tests.sql.test_policy import LIMITS

clean_tables = effects.clean_tables

FORCED = ["'NaN'", "null", "1e300"]
ALWAYS_THERE = ["id", "account", "campaign_id", "bucket"]


def performing(db: Db, conversions: int, revenue: int) -> uuid.UUID:
    one = campaign(db, created_at="2026-01-01")
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) values (%s, 90000, 900, %s, 2000, %s)",
        (one, conversions, revenue),
    )
    return one


def unchecked(db: Db, table: str) -> None:
    """No trigger, CHECK or NOT NULL of a table is left."""
    db.execute(f"alter table {table} disable trigger user".encode())
    for (name,) in db.execute(
        "select conname from pg_constraint where conrelid = %s::regclass and contype = 'c'",
        (table,),
    ).fetchall():
        db.execute(f'alter table {table} drop constraint "{name}"'.encode())
    for (name,) in db.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0"
        " and attnotnull and not attisdropped and attname <> all (%s)"
        " and not attnum = any (coalesce((select i.indkey::int2[] from pg_index i"
        "   where i.indrelid = attrelid and i.indisprimary), '{}'))",
        (table, ALWAYS_THERE),
    ).fetchall():
        db.execute(f'alter table {table} alter column "{name}" drop not null'.encode())


def database_run(db: Db) -> None:
    db.execute("select run_autonomous_operations()")


def engine_run(db: Db) -> None:
    lease = begin(db)
    answer = lease.answer
    decisions = decide(
        answer["rules"],
        answer["page"]["candidates"],
        answer["policy"],
        datetime.fromisoformat(answer["now"]),
        answer["portfolio"],
        accounts=Accounts(answer["account_policies"], answer["account_priors"]),
    )
    chosen = [
        one.for_apply() | {"action_id": str(uuid.uuid4()), "rule_version": None}
        for one in decisions.to_apply
    ]
    apply(db, lease, chosen)


RUNS: list[Callable[[Db], None]] = [database_run, engine_run]


def sentences(db: Db, force: str, runs: list[Callable[[Db], None]] = RUNS) -> list[str]:
    """What each says of a forced value: its error, or that it went through."""
    said = []
    for run in runs:
        try:
            with db.transaction(force_rollback=True):
                db.execute(force.encode())
                run(db)
                said.append("done")
        except psycopg.Error as error:
            said.append(f"{error.sqlstate}: {str(error).splitlines()[0]}")
    return said


@pytest.mark.parametrize("setting", LIMITS)
def test_a_limit_that_is_none_stops_every_run(db: Db, setting: str) -> None:
    performing(db, 20, 200)
    performing(db, 90, 9000)
    unchecked(db, "autonomy_policy")
    for forced in FORCED:
        if setting == "prior_campaigns" and forced != "null":
            continue  # an integer: its type refuses these
        update = f"update autonomy_policy set {setting} = {forced}"
        for said in sentences(db, update):
            assert said.startswith(f"AO002: {setting} must be a number from"), (forced, said)


@pytest.mark.parametrize("setting", ["max_budget", "cooldown_hours", "target_roi", "max_step"])
def test_a_limit_of_an_account_likewise(db: Db, setting: str) -> None:
    performing(db, 20, 200)
    performing(db, 90, 9000)
    unchecked(db, "autonomy_accounts")
    name = {"target_roi": "break_even_roi"}.get(setting, setting)
    for forced in ("'NaN'", "'Infinity'", "-1"):
        update = f"update autonomy_accounts set {setting} = {forced}"
        for said in sentences(db, update):
            assert said.startswith(f"AO002: {name} must be a number from"), (forced, said)


def moments(db: Db) -> list[tuple[str, str]]:
    """Every column of ours that is a moment or a day: (table, column)."""
    return db.execute(
        "select format('%I.%I', n.nspname, c.relname), a.attname from pg_attribute a"
        " join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname in ('public', 'autonomy') and a.attnum > 0"
        " and not a.attisdropped and a.atttypid in ('timestamptz'::regtype, 'date'::regtype)"
        " and c.relname not like '%migration%' and c.relname <> 'autonomy_sessions'"
        " order by 1, 2"
    ).fetchall()


def looked_at(db: Db) -> None:
    """What pages and people ask."""
    for question in (
        "select * from identify_underperforming_campaigns()",
        "select * from identify_scaling_candidates()",
        "select * from detect_optimization_opportunities()",
        "select propose_autonomous_actions()",
        "select measure_action_impact()",
    ):
        db.execute(question.encode())


@pytest.mark.long
def test_no_moment_that_is_none_ends_a_run(db: Db) -> None:
    """One row of a log, of the figures or of the work dated outside of all time."""
    one, two = performing(db, 20, 200), performing(db, 90, 9000)
    db.execute(
        "insert into campaign_metrics"
        " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)"
        " select c, date_trunc('day', now()) - n * interval '1 day', 1000, 50, 3, 100, 150"
        " from generate_series(0, 20) n, unnest(%s) c",
        ([one, two],),
    )
    lease = begin(db)
    apply(db, lease, [decision(one), scale_up(two)])
    effects.finish(db, lease)
    performing(db, 20, 200)
    found = {}
    tables = moments(db)
    assert len(tables) > 40
    for table, column in tables:
        with db.transaction(force_rollback=True):
            unchecked(db, table)
            for forced in (
                "'-infinity'",
                "'infinity'",
                "null",
                "'4713-01-01 BC'",
                "'294000-01-01'",
            ):
                update = (
                    f"update {table} set {column} = {forced}"
                    f" where ctid = (select min(ctid) from {table})"
                )
                found[table, column, forced] = sentences(db, update, [*RUNS, looked_at])
    ended = {
        where: said
        for where, said in found.items()
        if any(not (one == "done" or one.startswith(("AO002", "23502"))) for one in said)
    }
    assert not ended

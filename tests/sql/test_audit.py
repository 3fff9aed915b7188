"""The audit replays the log and names what does not fit; and nothing escapes the log."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

import psycopg
import pytest

from autonomy.migrate import apply as apply_migrations
from tests.sql import effects
from tests.sql.effects import (
    Db,
    apply,
    apply_one,
    assert_sound,
    audit,
    begin,
    campaign,
    changes,
    decision,
    finish,
    policy,
    refused,
    scale_up,
    value,
)

clean_tables = effects.clean_tables

COPIED = """
insert into campaign_changes
  (campaign_id, old_status, new_status, old_budget, new_budget, action_id, kind)
select campaign_id, new_status, new_status, new_budget, new_budget, action_id, kind
from campaign_changes where kind = 'action'
"""
CREATED_AGAIN = """
insert into campaign_changes (campaign_id, kind, new_status, new_budget)
select campaign_id, kind, 'active', 150 from campaign_changes where kind = 'created'
"""
SILENTLY = "set local session_replication_role = replica"  # as someone who goes past the triggers


def found(db: Db) -> list[str]:
    report = audit(db)
    assert report["ok"] is (report["differences"] == [])
    return [each["what"] for each in report["differences"]]


# The log ----------------------------------------------------------------------------------------


def test_creation_edits_and_removal_are_written_down(db: Db) -> None:
    one = campaign(db)
    db.execute("update campaigns set title = 'renamed', hold_until = now() where id = %s", (one,))
    assert changes(db, one) == ["created"]
    db.execute("update campaigns set budget = 120 where id = %s", (one,))
    db.execute("update campaigns set status = 'Paused', budget = null where id = %s", (one,))
    db.execute("delete from campaigns where id = %s", (one,))
    assert changes(db, one) == ["created", "outside", "outside", "deleted"]
    db.execute("insert into campaigns (id, status, budget) values (%s, null, null)", (one,))
    assert_sound(db)
    assert value(db, "select actor from campaign_changes order by id desc limit 1")


def test_upserts_merges_changed_keys_and_truncate_are_written_down(db: Db) -> None:
    one, two = campaign(db), campaign(db)
    db.execute(
        "insert into campaigns (id, budget) values (%s, 7), (%s, 8)"
        " on conflict (id) do update set budget = excluded.budget",
        (one, uuid.uuid4()),
    )
    db.execute(
        "merge into campaigns c using (select %s::uuid as id) s on c.id = s.id"
        " when matched then update set status = 'paused'",
        (two,),
    )
    assert changes(db, one) == changes(db, two) == ["created", "outside"]
    db.execute("update campaigns set id = gen_random_uuid() where id = %s", (two,))
    assert changes(db, two)[-1] == "deleted"
    assert_sound(db)
    db.execute("truncate campaigns cascade")
    assert changes(db, one)[-1] == "deleted"
    assert_sound(db)


def test_updated_at_is_kept(db: Db) -> None:
    one = campaign(db, updated_at="2020-01-01")
    db.execute("update campaigns set title = 'x' where id = %s", (one,))
    assert value(db, "select updated_at = now() from campaigns where id = %s", one)
    db.execute("update campaigns set updated_at = '2021-01-01' where id = %s", (one,))
    assert (
        value(db, "select extract(year from updated_at) from campaigns where id = %s", one) == 2021
    )


def test_the_actor_is_the_token_s(db: Db) -> None:
    db.execute("""set local request.jwt.claims = '{"sub": "77", "email": "ann@example.org"}'""")
    one = campaign(db)
    db.execute("set local request.jwt.claims = 'rubbish'")
    db.execute("update campaigns set budget = 1 where id = %s", (one,))
    actors = db.execute(
        "select actor from campaign_changes where campaign_id = %s order by id", (one,)
    ).fetchall()
    assert actors == [("ann@example.org",), ("postgres",)]


def test_a_million_rows_cost_little(scratch_database: Callable[[], str]) -> None:
    """Scaled down to 50,000: the log costs a few microseconds a row, and no work a row besides."""
    with psycopg.connect(scratch_database(), autocommit=True) as db:
        db.execute("insert into campaigns (budget) select 100 from generate_series(1, 50000)")
        db.execute("set statement_timeout = '60s'")  # work a row besides takes minutes
        db.execute("update campaigns set budget = budget + 1")
        assert audit(db)["changes_checked"] == 100_000


# What it finds ----------------------------------------------------------------------------------


def test_an_empty_database_is_sound(db: Db) -> None:
    assert audit(db) == {
        "ok": True,
        "campaigns_checked": 0,
        "actions_checked": 0,
        "changes_checked": 0,
        "differences_found": 0,
        "differences": [],
    }


@pytest.mark.parametrize(
    ("deed", "what"),
    [
        ("update campaigns set budget = 1", "the campaign is not as the log says"),
        ("update campaigns set status = 'Paused'", "the campaign is not as the log says"),
        ("delete from campaigns", "the campaign is gone without a deletion in the log"),
        ("insert into campaigns default values", "the campaign has no log of changes"),
        (
            "delete from campaign_changes where kind = 'created'",
            "the log does not begin with the campaign's creation",
        ),
        ("delete from campaign_changes", "the campaign has no log of changes"),
        (
            "delete from campaign_changes where kind = 'action'",
            "an action has no change of its campaign",
        ),
        ("delete from autonomous_actions", "a change claims an action that is not in the log"),
        (
            "update autonomous_actions set status = 'failed'",
            "a change claims an action that was not carried out",
        ),
        (
            "update autonomous_actions set status = 'rolled_back'",
            "a rollback has no trace in the log of changes",
        ),
        (
            "update autonomous_actions set campaign_id = gen_random_uuid()",
            "a change claims another campaign's action",
        ),
        (
            "update autonomous_actions set new_state = new_state || '{\"budget\": 151}'",
            "a change differs from the action that it claims",
        ),
        (
            "update campaign_changes set old_budget = 99 where kind = 'action'",
            "a change does not begin where the one before it ended",
        ),
        (
            "update campaign_changes set action_id = null",
            "a change claims an action but names none",
        ),
        (
            "update campaign_changes set kind = 'rollback' where kind = 'action'",
            "a change claims a rollback that is not in the log",
        ),
        (
            COPIED,
            "an action was carried out more than once",
        ),
        (
            CREATED_AGAIN,
            "created while it was there",
        ),
    ],
)
def test_whatever_went_past_the_log_is_named(db: Db, deed: str, what: str) -> None:
    one = campaign(db)
    apply_one(db, scale_up(one))
    assert_sound(db)
    db.execute(SILENTLY)
    db.execute(deed)
    assert what in found(db)


def test_a_hand_made_log_row_is_named(db: Db) -> None:
    db.execute(
        "insert into autonomous_actions (campaign_id, action_type, status, previous_state,"
        " new_state)"
        """ values (%s, 'auto_pause', 'executed', '{"status": "active"}', '{"status":"""
        """ "paused"}')""",
        (campaign(db),),
    )
    assert found(db) == ["an action has no change of its campaign"]


def test_the_first_differences_with_both_values(db: Db) -> None:
    first, *_ = [campaign(db) for _ in range(30)]
    db.execute(SILENTLY)
    db.execute("update campaigns set budget = 1")
    report = audit(db)
    assert (report["differences_found"], len(report["differences"])) == (30, 20)
    assert report["differences"][0]["campaign_id"] == str(first)
    assert report["differences"][0]["expected"] == {"status": "active", "budget": 100}
    assert report["differences"][0]["found"] == {"status": "active", "budget": 1}
    assert len(value(db, "select audit_autonomous_actions(3)")["differences"]) == 3
    with refused(db, "AO010"):
        value(db, "select audit_autonomous_actions(-1)")


# Whatever happens, it adds up -------------------------------------------------------------------


class Deeds:
    """Whatever runs and people do, at random."""

    def __init__(self, db: Db, seed: int) -> None:
        self._db, self._dice = db, random.Random(seed)
        self._ids = [
            campaign(db, status=self._dice.choice(["active", "Active"])) for _ in range(12)
        ]

    def one(self) -> None:
        """Any deed."""
        one, made = self._dice.choice(self._ids), self._some_action()
        often = [self._run] * 3 + [self._edit] * 2 + [self._take_back] * 2
        self._dice.choice([*often, self._remove])(one, made)

    def _some_action(self) -> uuid.UUID | None:
        query = "select id from autonomous_actions where status = 'executed' order by random()"
        found: uuid.UUID | None = value(self._db, query)
        return found

    def _run(self, one: uuid.UUID, made: object) -> None:
        query = "select status, budget from campaigns where id = %s"
        row = self._db.execute(query, (one,)).fetchone()
        if row is None:
            return
        item = scale_up(one, row[1], row[1] + 10, status=row[0])
        kind = self._dice.randrange(3)
        if kind == 0:
            item = decision(one, budget=row[1], status=row[0])
        if kind == 2:
            item |= {"verdict": "propose", "code": "APPROVAL"}
        lease = begin(self._db)
        for answer in apply(self._db, lease, [item, scale_up(uuid.uuid4())]):
            if answer["status"] == "pending" and self._dice.random() < 0.7:
                value(self._db, "select approve_autonomous_action(%s)", answer["action_id"])
        finish(self._db, lease)

    def _edit(self, one: uuid.UUID, made: object) -> None:
        what = self._dice.choice(["budget = budget + 1", "status = 'active'", "status = 'Paused'"])
        statement = f"update campaigns set {what}, hold_until = null where id = %s"
        self._db.execute(statement, (one,))

    def _take_back(self, one: object, made: uuid.UUID | None) -> None:
        if made is None:
            return
        if self._dice.random() < 0.5:
            statement = "update autonomous_actions set status = 'rolled_back' where id = %s"
            self._db.execute(statement, (made,))
        else:
            force = self._dice.random() < 0.5
            value(self._db, "select rollback_autonomous_action(%s, p_force => %s)", made, force)

    def _remove(self, one: uuid.UUID, made: object) -> None:
        if self._dice.random() < 0.2:
            self._db.execute("delete from campaigns where id = %s", (one,))


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_deeds_adds_up(db: Db, seed: int) -> None:
    policy(db, growth_breaker_share=100, pause_breaker_share=1, cooldown_hours=0)
    policy(db, max_growth_7d=1000)
    deeds = Deeds(db, seed)
    for _ in range(40):
        deeds.one()
        assert_sound(db)
    assert value(db, "select count(*) from autonomous_actions") > 5


# A database that was there before ---------------------------------------------------------------


def test_campaigns_and_actions_from_before_the_log(empty_database: Callable[[], str]) -> None:
    url = empty_database()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "create table campaigns (id uuid primary key default gen_random_uuid(), title"
            " text, status text, budget numeric(10,2));"
            "insert into campaigns (title, status, budget) values ('old', 'Active', 12.5),"
            " ('older', 'Paused', null);"
            "create table autonomous_actions (id uuid primary key default"
            " gen_random_uuid(), campaign_id uuid,"
            " action_type text, status text, previous_state jsonb, new_state jsonb);"
            "insert into autonomous_actions (campaign_id, action_type, status,"
            " previous_state, new_state)"
            """ select id, 'auto_pause', 'executed', '{"status": "Active"}', '{"status":"""
            """ "Paused"}'"""
            " from campaigns where title = 'older'"
        )
        apply_migrations(url)
        assert_sound(db)
        assert value(db, "select count(*) from campaign_changes where actor = 'migration'") == 2
        made = value(db, "select id from autonomous_actions")
        value(db, "select rollback_autonomous_action(%s)", made)
        assert value(db, "select status from campaigns where title = 'older'") == "Active"
        assert_sound(db)
        db.execute("insert into campaigns (title, status, budget) values ('new', 'Active', 1)")
        apply_migrations(url)
        assert_sound(db)

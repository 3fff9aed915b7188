"""What is carried over to a platform, and what came of it: every row of the tables, and attacks."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.effects import apply, begin, clean_tables, decision, scale_up, value
from tests.sql.servers import Server

__all__ = ["clean_tables"]

Db = psycopg.Connection[Any]
Json = dict[str, Any]
SHOP = "Shop"
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class World:
    """A connected account, and a platform on paper."""

    def __init__(self, db: Db, currency: str = "EUR", push: str = "on") -> None:
        self.db, self.token, self.now = db, uuid.uuid4(), START
        self.there: dict[str, Json] = {}
        db.execute("set autonomy.simulation = on")
        self.call(
            "connect_platform_account",
            p_account=SHOP,
            p_platform="meta",
            p_external_id="77",
            p_facts=Jsonb({"currency": currency, "time_zone": "UTC"}),
        )
        for external_id in ("11", "12"):
            self.put(external_id)
        self.read()
        if push != "off":
            self.call("set_platform_push", p_account=SHOP, p_push="validate")
        if push == "on":
            self.call("set_platform_push", p_account=SHOP, p_push="on", p_confirm=True)
        self.ids: dict[str, uuid.UUID] = dict(
            db.execute("select external_id, campaign_id from autonomy.platform_units").fetchall()
        )

    def call(self, name: str, **params: Any) -> Any:
        given = ", ".join(f"{key} => %({key})s" for key in params)
        return value_of(self.db, f"select {name}({given})", params)

    def put(
        self, external_id: str, budget: Any = "50.00", status: str = "active", **more: Any
    ) -> None:
        self.there[external_id] = {
            "external_id": external_id,
            "kind": "campaign",
            "title": f"C{external_id}",
            "status": status,
            "budget": budget,
            "budget_kind": "daily",
            **more,
        }

    def later(self, minutes: float = 60) -> None:
        self.now += timedelta(minutes=minutes)

    def held(self, **params: Any) -> Json:
        return {"p_account": SHOP, "p_token": self.token, **params}

    def lease(self, began: datetime | None = None) -> None:
        began = began or self.now
        said = self.call(
            "begin_platform_pull", **self.held(p_now=began, p_force=True, p_lease_seconds=3600)
        )
        assert said["outcome"] == "started", said

    def read(self, began: datetime | None = None, minutes: float = 0) -> Json:
        self.later(minutes)
        self.lease(began)
        said = self.call(
            "record_platform_units",
            **self.held(p_units=Jsonb(list(self.there.values())), p_now=self.now),
        )
        self.call(
            "finish_platform_pull",
            **self.held(p_outcome="done", p_pulled=True, p_now=self.now),
        )
        self.lease()
        return said  # type: ignore[no-any-return]

    def changes(self, minutes: float = 0, **params: Any) -> list[Json]:
        self.later(minutes)
        self.lease()
        said = self.call("platform_changes_to_push", **self.held(p_now=self.now, **params))
        return said["changes"]  # type: ignore[no-any-return]

    def record(self, *outcomes: Any, minutes: float = 0) -> list[str]:
        self.later(minutes)
        said = self.call(
            "record_deliveries", **self.held(p_outcomes=Jsonb(list(outcomes)), p_now=self.now)
        )
        return [one["outcome"] for one in said["results"]]

    def outcome(
        self,
        outcome: str,
        external_id: str = "11",
        field: str = "budget",
        wanted: Any = "60.00",
        **more: Any,
    ) -> Json:
        return {
            "campaign_id": str(self.ids[external_id]),
            "field": field,
            "wanted": wanted,
            "outcome": outcome,
            "observed_at": self.now.isoformat(),
            **more,
        }

    def raise_(self, budget: Any = 60, external_id: str = "11", actor: str = "robot") -> Any:
        """By a program where it is named, else by a person."""
        self.db.execute("select set_config('autonomy.actor', %s, true)", (actor,))
        made = self.call(
            "auto_scale_campaign",
            p_campaign_id=self.ids[external_id],
            p_new_budget=budget,
            p_reason="because",
            p_now=self.now,
        )
        self.db.execute("select set_config('autonomy.actor', '', true)")
        return made

    def pause(self, external_id: str = "11") -> Any:
        self.db.execute("select set_config('autonomy.actor', 'robot', true)")
        made = self.call(
            "auto_pause_campaign",
            p_campaign_id=self.ids[external_id],
            p_reason="because",
            p_now=self.now,
        )
        self.db.execute("select set_config('autonomy.actor', '', true)")
        return made

    def by_hand(self, external_id: str = "11", **columns: Any) -> None:
        self.db.execute("select set_config('autonomy.now', %s, true)", (self.now.isoformat(),))
        for name, new in columns.items():
            self.db.execute(
                f"update campaigns set {name} = %s where id = %s", (new, self.ids[external_id])
            )
        self.db.execute("select set_config('autonomy.now', '', true)")

    def row(self, external_id: str = "11") -> tuple[str, str]:
        row = self.db.execute(
            "select status, budget::text from campaigns where id = %s", (self.ids[external_id],)
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def action(self, action_id: Any) -> tuple[str, str | None, str | None]:
        row = self.db.execute(
            "select status, error, evidence ->> 'message' from autonomous_actions where id = %s",
            (action_id,),
        ).fetchone()
        assert row is not None
        return row  # type: ignore[no-any-return]

    def delivery(self, action_id: Any) -> Json | None:
        return value(self.db, "select autonomy.delivery_of(%s)", action_id)  # type: ignore[no-any-return]

    def state(self, external_id: str = "11", field: str = "budget") -> str | None:
        return value(  # type: ignore[no-any-return]
            self.db,
            "select state from autonomy.deliveries where campaign_id = %s and field = %s"
            " and is_current",
            self.ids[external_id],
            field,
        )

    def kinds(self, external_id: str = "11") -> list[str]:
        return [
            one[0]
            for one in self.db.execute(
                "select kind from campaign_changes where campaign_id = %s order by id",
                (self.ids[external_id],),
            )
        ]

    def out_of_step(self, external_id: str = "11") -> bool:
        return value(  # type: ignore[no-any-return]
            self.db,
            "select out_of_step from autonomy.platform_units where campaign_id = %s",
            self.ids[external_id],
        )

    def sound(self) -> None:
        """The log of changes is whole, whatever has happened."""
        said = self.call("audit_autonomous_actions")
        assert said["differences"] == [] or said.get("count", 0) == 0, said


def value_of(db: Db, query: str, params: Json) -> Any:
    row = db.execute(query, params).fetchone()
    return None if row is None else row[0]


@pytest.fixture
def world(db: Db) -> World:
    return World(db)


def test_what_a_run_carries_out_is_wanted_under_its_actions(world: World) -> None:
    db = world.db
    db.execute("update autonomy_accounts set mode = 'autonomous' where account = %s", (SHOP,))
    world.read(minutes=1)
    lease = begin(db, now=world.now)
    one, two = world.ids["11"], world.ids["12"]
    given = [scale_up(one, 50, 60), decision(two, budget=50)]
    done = apply(db, lease, given, now=world.now)
    assert [result["status"] for result in done] == ["executed", "executed"]
    wanted = [(c["campaign_id"], c["step"], c["by"], c["action_id"]) for c in world.changes()]
    assert wanted == [
        (str(two), "pause", "action", done[1]["action_id"]),
        (str(one), "raise", "action", done[0]["action_id"]),
    ]
    again = apply(db, lease, given, now=world.now)
    assert [result["status"] for result in again] == ["executed", "executed"]
    assert len(world.changes()) == 2


def test_an_approved_proposal_is_wanted(world: World) -> None:
    db = world.db
    db.execute("update autonomy_accounts set mode = 'approve' where account = %s", (SHOP,))
    world.read(minutes=1)
    lease = begin(db, now=world.now)
    (asked,) = apply(db, lease, [decision(world.ids["12"], budget=50)], now=world.now)
    assert asked["status"] == "pending"
    assert world.changes() == []
    world.call("approve_autonomous_action", p_action_id=asked["action_id"], p_now=world.now)
    (change,) = world.changes()
    assert (change["step"], change["by"]) == ("pause", "action")


# The three-way comparison ------------------------------------------------------------------------


def test_nothing_differs_nothing_is_pushed(world: World) -> None:
    world.read(minutes=60)
    assert world.changes() == []
    assert not world.out_of_step()


def test_what_an_action_wants_is_pushed_and_confirmed(world: World) -> None:
    made = world.raise_()
    (change,) = world.changes(minutes=1)
    assert (change["field"], change["base"], change["wanted"], change["step"], change["by"]) == (
        "budget",
        "50.00",
        "60.00",
        "raise",
        "action",
    )
    assert change["action_id"] == str(made)
    assert change["state"] == "waiting"
    assert world.record(world.outcome("sent")) == ["sent"]
    assert world.state() == "unsure"
    world.there["11"]["budget"] = "60.00"
    assert world.record(world.outcome("confirmed", observed="60.0"), minutes=1) == ["confirmed"]
    said = world.delivery(made)
    assert said is not None
    assert (said["state"], said["platform"], said["message"]) == (
        "confirmed",
        "Meta",
        "Meta has confirmed it.",
    )
    assert datetime.fromisoformat(said["confirmed_at"]) == world.now
    assert world.changes() == []
    assert not world.out_of_step()
    world.read(minutes=60)
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "executed"
    world.sound()


def test_a_person_there_is_followed_where_nothing_is_wanted_here(world: World) -> None:
    world.there["11"]["budget"] = "45.00"
    said = world.read(minutes=60)
    assert world.row() == ("active", "45.00")
    assert len(said["followed"]) == 1
    assert world.kinds()[-1] == "platform"
    assert world.changes() == []


@pytest.mark.parametrize("sent", [True, False])
def test_observed_is_as_wanted_whoever_did_it(world: World, sent: bool) -> None:
    """A lost answer, a rerun, or a person who did the same."""
    made = world.raise_()
    if sent:
        world.record(world.outcome("sent"), minutes=1)
    world.there["11"]["budget"] = "60.00"
    world.read(minutes=60)
    assert world.state() == "confirmed"
    assert world.action(made)[0] == "executed"
    assert world.changes() == []
    assert world.kinds()[-1] == "action"


def test_a_named_person_there_wins_over_an_action(world: World) -> None:
    made = world.raise_()
    world.changes(minutes=1)
    at = world.now.isoformat()
    said = world.record(
        world.outcome("person", observed="45.00", actor="anna@example.com", actor_at=at), minutes=1
    )
    assert said == ["person"]
    assert world.row() == ("active", "45.00")
    status, error, message = world.action(made)
    assert (status, error) == ("failed", "CHANGED_MEANWHILE")
    assert message == (
        "anna@example.com set its budget to 45.00 EUR on Meta, where it was 50.00 "
        "EUR; "
        "60.00 EUR from here was not carried over."
    )
    assert world.kinds()[-1] == "platform"
    assert not world.out_of_step()
    actor, person = world.db.execute(
        "select actor, person from campaign_changes order by id desc limit 1"
    ).fetchone()  # type: ignore[misc]
    assert (actor, person) == ("anna@example.com", True)
    world.sound()


def test_without_an_author_it_counts_when_seen_twice(world: World) -> None:
    made = world.raise_()
    world.changes(minutes=1)
    first = world.outcome("person", observed="45.00")
    assert world.record(first) == ["seen_once"]
    assert world.record(first) == ["seen_once"]  # said twice is not seen twice
    assert world.row() == ("active", "60.00")
    world.later(10)
    assert world.record(world.outcome("person", observed="45.00")) == ["person"]
    assert world.action(made)[:2] == ("failed", "CHANGED_MEANWHILE")


def test_a_reading_sees_a_person_twice_before_it_gives_way(world: World) -> None:
    made = world.raise_()
    world.there["11"]["budget"] = "45.00"
    world.read(minutes=30)
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "executed"
    assert world.changes()[0]["base"] == "50.00"
    world.read(minutes=30)
    assert world.row() == ("active", "45.00")
    assert world.action(made)[:2] == ("failed", "CHANGED_MEANWHILE")
    assert world.changes() == []
    world.sound()


def test_an_old_copy_after_a_push_is_no_person(world: World) -> None:
    """A list that is behind says for a while what was there before."""
    made = world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.read(minutes=5)  # still 50.00 there
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "executed"
    world.there["11"]["budget"] = "60.00"
    world.read(minutes=60)
    world.there["11"]["budget"] = "50.00"
    world.read(minutes=60)
    assert world.row() == ("active", "60.00")  # seen once, the time before was forgotten
    world.read(minutes=60)
    assert world.row() == ("active", "50.00")


def test_a_reading_that_began_before_the_push_was_confirmed_is_ignored(world: World) -> None:
    made = world.raise_()
    began = world.now
    world.record(world.outcome("sent"), minutes=1)
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.read(began=began)
    world.read(began=began)
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "executed"


@pytest.mark.parametrize("later_here", [True, False])
def test_of_two_people_the_later_wins(world: World, later_here: bool) -> None:
    there_at = world.now + timedelta(minutes=5)
    world.later(10 if later_here else 1)
    world.by_hand(budget=60)
    assert world.changes(minutes=15)[0]["by"] == "person"
    said = world.record(
        world.outcome("person", observed="45.00", actor="Anna", actor_at=there_at.isoformat())
    )
    if later_here:
        assert said == ["kept"]
        assert world.row() == ("active", "60.00")
        (change,) = world.changes()
        assert (change["base"], change["wanted"], change["state"]) == ("45.00", "60.00", "waiting")
    else:
        assert said == ["person"]
        assert world.row() == ("active", "45.00")
        assert world.changes() == []


def test_what_is_gone_there(world: World) -> None:
    made = world.raise_()
    world.there["11"]["status"] = "archived"
    world.read(minutes=60)
    assert world.action(made)[:2] == ("failed", "GONE")
    assert world.row()[0] == "paused"
    assert world.changes() == []
    assert not value(
        world.db, "select autonomous_enabled from campaigns where id = %s", world.ids["11"]
    )
    world.sound()


def test_gone_while_it_was_written(world: World) -> None:
    raised = world.raise_()
    world.changes(minutes=1)
    assert world.record(world.outcome("gone")) == ["gone"]
    assert world.record(world.outcome("gone")) == ["again"]
    assert world.action(raised)[:2] == ("failed", "GONE")
    assert world.row() == ("paused", "50.00")
    assert world.changes() == []
    world.sound()


def test_first_meeting_is_as_it_stands_there(world: World) -> None:
    world.put("13", "70.00", "paused")
    world.read(minutes=60)
    status, budget, changes = world.db.execute(
        "select c.status, c.budget::text, (select count(*) from campaign_changes k where"
        " k.campaign_id = c.id and k.kind <> 'created') from campaigns c"
        " where c.title = 'C13'"
    ).fetchone()  # type: ignore[misc]
    assert (status, budget, changes) == ("paused", "70.00", 0)
    assert world.changes() == []


def test_status_and_budget_are_apart(world: World) -> None:
    """A person's pause there drops our raise and nothing more: not even that."""
    made = world.raise_()
    world.there["11"]["status"] = "paused"
    world.read(minutes=60)
    assert world.row() == ("paused", "60.00")
    assert world.action(made)[0] == "executed"
    assert [one["field"] for one in world.changes()] == ["budget"]


def test_budgets_are_compared_in_the_platforms_units(db: Db) -> None:
    world = World(db, currency="JPY", push="off")
    for unit in world.there.values():
        unit["budget"] = "100"
    world.read(minutes=60)
    world.call("set_platform_push", p_account=SHOP, p_push="validate")
    world.call("set_platform_push", p_account=SHOP, p_push="on", p_confirm=True)
    world.raise_(Decimal("133.33"))
    (change,) = world.changes()
    assert change["wanted"] == "133"
    world.there["11"]["budget"] = "133"
    world.read(minutes=60)
    assert world.state() == "confirmed"
    assert world.changes() == []


def test_a_rollback_before_the_push_costs_no_call(world: World) -> None:
    made = world.raise_()
    world.later(1)
    world.call("rollback_autonomous_action", p_action_id=made, p_now=world.now)
    assert world.row() == ("active", "50.00")
    assert world.changes() == []
    assert not world.out_of_step()
    assert world.state() is None
    world.read(minutes=60)
    assert world.changes() == []
    assert world.action(made)[0] == "rolled_back"


def test_a_rollback_after_a_lost_answer_is_looked_after(world: World) -> None:
    """It may have been written: whether it is as before has to be seen."""
    made = world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.call("rollback_autonomous_action", p_action_id=made, p_now=world.now)
    (change,) = world.changes(minutes=1)
    assert (change["wanted"], change["base"], change["sent"], change["by"], change["step"]) == (
        "50.00",
        "50.00",
        "60.00",
        "rollback",
        "cut",
    )
    world.there["11"]["budget"] = "60.00"  # ours had arrived
    world.read(minutes=10)
    assert world.row() == ("active", "50.00")
    (change,) = world.changes()
    assert (change["wanted"], change["base"]) == ("50.00", "60.00")


def test_a_rollback_after_a_lost_answer_that_never_arrived(world: World) -> None:
    made = world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.call("rollback_autonomous_action", p_action_id=made, p_now=world.now)
    world.read(minutes=1)
    assert len(world.changes()) == 1  # too early to tell
    world.read(minutes=10)
    assert world.changes() == []
    assert world.state() == "confirmed"


def test_a_rollback_of_a_confirmed_action_is_pushed_like_any(world: World) -> None:
    made = world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.call("rollback_autonomous_action", p_action_id=made, p_now=world.now)
    (change,) = world.changes(minutes=1)
    assert (change["wanted"], change["base"], change["by"]) == ("50.00", "60.00", "rollback")
    world.record(world.outcome("refused", wanted="50.00", message="No."))
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "rolled_back"
    assert "Meta refused it: No." in world.delivery(made)["message"]  # type: ignore[index]
    world.sound()


# What becomes of an action -----------------------------------------------------------------------


def test_a_limit_waits_until_its_time(world: World) -> None:
    made = world.pause()
    (change,) = world.changes(minutes=1)
    assert (change["field"], change["wanted"], change["step"]) == ("status", "paused", "pause")
    later = world.outcome(
        "later", field="status", wanted="paused", seconds=3600, message="Too many calls."
    )
    assert world.record(later) == ["later"]
    said = world.delivery(made)
    assert said is not None
    assert said["state"] == "waiting"
    assert datetime.fromisoformat(said["until"]) == world.now + timedelta(hours=1)
    assert "Too many calls." in said["message"]
    assert world.changes(minutes=59) == []
    assert len(world.changes(minutes=2)) == 1
    assert world.row() == ("paused", "50.00")
    assert world.action(made)[0] == "executed"


def test_a_limit_of_the_whole_account(world: World) -> None:
    world.raise_()
    world.raise_(external_id="12")
    assert world.record({"outcome": "later", "seconds": 600}, minutes=1) == ["later"]
    assert world.changes(minutes=9) == []
    assert len(world.changes(minutes=2)) == 2


def test_a_write_that_a_limit_kept_out_is_not_unsure(world: World) -> None:
    world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    call = {"what": {"field": "budget", "from": "50.00", "to": "60.00"}, "outcome": "later"}
    world.record(world.outcome("later", seconds=60, calls=[call]))
    assert world.state() == "waiting"
    world.record(world.outcome("sent"), minutes=2)
    world.record(world.outcome("later", seconds=60))  # the reading met a limit: still unsure
    assert world.state() == "unsure"


def test_a_pause_that_waits_is_said(world: World) -> None:
    world.db.execute("select set_config('autonomy.actor', 'robot', true)")
    world.call(
        "auto_pause_campaign",
        p_campaign_id=world.ids["11"],
        p_reason="because",
        p_now=datetime.now(UTC) - timedelta(hours=2),
    )
    said = world.db.execute(
        "select code, sentence, details from autonomy.dashboard_state_of_platforms()"
    ).fetchall()
    assert said == [
        (
            "PAUSE_WAITING",
            (
                '1 campaign of the account "Shop" has waited more than an hour'
                " to be"
                " paused on Meta, and goes on spending there."
            ),
            ["C11"],
        )
    ]
    state = world.call("dashboard_state")
    assert "PAUSE_WAITING" in json.dumps(state)


def test_unsure_stays_as_desired_until_a_reading_decides(world: World) -> None:
    made = world.raise_()
    world.record(world.outcome("sent"), world.outcome("unsure", message="No answer."), minutes=1)
    (change,) = world.changes(minutes=10)
    assert change["state"] == "unsure"
    assert change["first_unsure_at"] is not None
    assert change["sent"] == "60.00"
    assert world.row() == ("active", "60.00")
    assert world.delivery(made)["state"] == "unsure"  # type: ignore[index]


def test_not_taken_three_times(world: World) -> None:
    made = world.raise_()
    for expected in ("not_taken", "not_taken", "failed"):
        world.record(world.outcome("sent"), minutes=5)
        said = world.outcome("not_taken", observed="50.00")
        assert world.record(said) == [expected]
        assert world.record(said) == ["again"]  # said twice
    assert world.action(made)[:2] == ("failed", "NOT_TAKEN")
    assert world.row() == ("active", "50.00")
    assert world.kinds()[-1] == "undelivered"
    world.read(minutes=10)
    assert world.changes() == []
    world.sound()


def test_refused_is_put_back_with_the_platforms_sentence(world: World) -> None:
    made = world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    refused = world.outcome("refused", message="The budget is too low.", code="100/1885272")
    assert world.record(refused) == ["refused"]
    status, error, message = world.action(made)
    assert (status, error) == ("failed", "PLATFORM_REFUSED")
    assert message == "Meta refused it: The budget is too low. (100/1885272)"
    assert world.row() == ("active", "50.00")
    assert world.kinds()[-1] == "undelivered"
    assert world.delivery(made)["message"] == message  # type: ignore[index]
    assert (
        value(world.db, "select hold_until from campaigns where id = %s", world.ids["11"]) is None
    )
    assert world.record(refused) == ["again"]
    assert world.kinds().count("undelivered") == 1
    world.read(minutes=60)
    assert world.changes() == []
    connection = value(world.db, "select autonomy.connection(%s, %s)", SHOP, world.now)
    assert (connection["waiting"], connection["unsure"], connection["refused"]) == (0, 0, 1)
    world.sound()


def test_a_broken_account_lets_wait_and_then_fail(world: World) -> None:
    made = world.raise_()
    world.lease()
    world.call(
        "finish_platform_pull",
        **world.held(
            p_outcome="broken", p_message="The token has expired.", p_code="190", p_now=world.now
        ),
    )
    assert world.call("fail_undelivered", p_now=world.now)["failed"] == 0
    assert world.changes() == []
    assert world.action(made)[0] == "executed"
    hours = value(world.db, "select approval_hours::float8 from autonomy_policy")
    world.later(60 * hours + 1)
    assert world.call("fail_undelivered", p_now=world.now) == {"failed": 1}
    assert world.call("fail_undelivered", p_now=world.now) == {"failed": 0}
    status, error, message = world.action(made)
    assert (status, error) == ("failed", "NOT_DELIVERED")
    assert "token has expired" in str(message)
    assert world.row() == ("active", "50.00")
    assert world.kinds()[-1] == "undelivered"
    world.sound()


def test_each_outcome_by_itself(world: World) -> None:
    raised, paused = world.raise_(), world.pause("12")
    said = world.record(
        world.outcome("refused", message="No."),
        "nonsense",
        world.outcome("confirmed", "12", "status", "paused", observed="paused"),
        minutes=1,
    )
    assert said == ["refused", "rejected", "confirmed"]
    assert world.action(raised)[0] == "failed"
    assert world.action(paused)[0] == "executed"


def test_what_came_before_a_refused_change_did_not_come_about_either(world: World) -> None:
    first = world.raise_(60)
    world.later(1)
    second = world.raise_(70)
    assert [one["wanted"] for one in world.changes()] == ["70.00"]
    assert world.delivery(first)["state"] == "replaced"  # type: ignore[index]
    world.record(world.outcome("refused", wanted="70.00", message="No."))
    assert world.action(second)[:2] == ("failed", "PLATFORM_REFUSED")
    assert world.action(first)[:2] == ("failed", "NOT_DELIVERED")
    assert world.row() == ("active", "50.00")
    world.sound()


# In which order, and what is not listed ----------------------------------------------------------


def test_money_stops_before_it_grows(world: World) -> None:
    for number in ("13", "14"):
        world.put(number)
    world.there["14"]["status"] = "paused"
    world.read(minutes=60)
    world.ids = dict(
        world.db.execute("select external_id, campaign_id from autonomy.platform_units").fetchall()
    )
    world.raise_(60, "11")
    world.by_hand("14", status="active")
    world.raise_(40, "12")
    world.pause("13")
    assert [(one["external_id"], one["step"]) for one in world.changes(minutes=1)] == [
        ("13", "pause"),
        ("12", "cut"),
        ("14", "resume"),
        ("11", "raise"),
    ]
    assert len(world.changes(p_limit=1)) == 1


@pytest.mark.parametrize(
    "more",
    [{"budget_kind": "shared"}, {"budget_kind": "lifetime"}, {"hold": "SCHEDULED_BUDGET"}],
)
def test_a_budget_of_another_kind_is_never_listed(world: World, more: Json) -> None:
    world.there["11"].update(more)
    world.read(minutes=60)
    world.by_hand(budget=80, status="paused")
    assert [one["field"] for one in world.changes(minutes=1)] == ["status"]


def test_a_fifth_budget_change_within_an_hour_waits(world: World) -> None:
    for number in range(4):
        wanted = f"{60 + number}.00"
        world.by_hand(budget=wanted)
        call = {
            "what": {"field": "budget", "from": "50.00", "to": wanted},
            "outcome": "sent",
            "at": world.now.isoformat(),
        }
        world.record(world.outcome("sent", wanted=wanted))
        world.record(
            world.outcome("confirmed", wanted=wanted, observed=wanted, calls=[call, call]),
            minutes=1,
        )
    world.by_hand(budget=70)
    assert world.changes(minutes=1) == []
    assert len(world.changes(minutes=60)) == 1
    assert value(world.db, "select count(*) from autonomy.platform_calls") == 4


def test_frozen_stops_what_runs_decided_alone(world: World) -> None:
    world.raise_()
    world.by_hand("12", budget=40)
    world.db.execute("update autonomy_policy set frozen = true")
    assert [one["by"] for one in world.changes(minutes=1)] == ["person"]
    world.db.execute("update autonomy_policy set frozen = false")
    assert len(world.changes()) == 2


# Off, validate, on -------------------------------------------------------------------------------


def test_off_keeps_everything_as_it_was(db: Db) -> None:
    world = World(db, push="off")
    world.by_hand(budget=80)
    assert world.changes(minutes=1) == []
    assert not world.out_of_step()
    assert value(db, "select count(*) from autonomy.deliveries") == 0
    with pytest.raises(psycopg.DatabaseError, match="validate first"):
        world.call("set_platform_push", p_account=SHOP, p_push="on", p_confirm=True)


def test_switching_on_carries_no_old_wish_over(db: Db) -> None:
    world = World(db, push="off")
    world.by_hand(budget=80)
    said = world.call("set_platform_push", p_account=SHOP, p_push="validate")
    assert said["taken_over"] == 1
    assert "never tried on a real account" in said["message"]
    assert world.row() == ("active", "50.00")
    assert world.changes(minutes=1) == []
    world.sound()


def test_validate_lists_and_changes_nothing(db: Db) -> None:
    world = World(db, push="validate")
    with pytest.raises(psycopg.DatabaseError, match="only be observed"), db.transaction():
        db.execute("update autonomy_accounts set mode = 'autonomous' where account = %s", (SHOP,))
    world.by_hand(budget=80)
    world.lease()
    said = world.call("platform_changes_to_push", **world.held(p_now=world.now))
    assert said["validate"] is True
    assert len(said["changes"]) == 1
    assert world.record(world.outcome("refused", wanted="80", message="No.")) == ["would_refuse"]
    assert world.row() == ("active", "80.00")
    assert world.state() == "waiting"
    assert world.changes() == []
    assert len(world.changes(minutes=61)) == 1
    assert world.record(world.outcome("validated", wanted="80")) == ["validated"]
    said = world.call("set_platform_push", p_account=SHOP, p_push="on", p_confirm=True)
    assert said["taken_over"] == 1
    assert world.changes() == []
    assert world.row()[1] == "50.00"


def test_on_needs_a_confirmation_where_pauses_are_easy(db: Db) -> None:
    world = World(db, push="validate")
    with pytest.raises(psycopg.DatabaseError, match="up to 50 of 100 pauses"), db.transaction():
        world.call("set_platform_push", p_account=SHOP, p_push="on")
    db.execute("update autonomy_accounts set min_pause_confidence = 80 where account = %s", (SHOP,))
    assert world.call("set_platform_push", p_account=SHOP, p_push="on")["push"] == "on"
    db.execute("update autonomy_accounts set mode = 'autonomous' where account = %s", (SHOP,))
    world.call("record_platform_check", p_account=SHOP, p_now=world.now)
    said = world.call("set_platform_push", p_account=SHOP, p_push="on")
    assert "never tried" not in said["message"]


@pytest.mark.parametrize("way", ["off", "validate", "disconnect"])
def test_switched_back_what_waits_is_given_up(world: World, way: str) -> None:
    made = world.raise_()
    world.db.execute("update autonomy_accounts set mode = 'autonomous' where account = %s", (SHOP,))
    if way == "disconnect":
        world.call("disconnect_platform_account", p_account=SHOP)
    else:
        said = world.call("set_platform_push", p_account=SHOP, p_push=way)
        assert said["given_up"] == 1
        assert (
            value(world.db, "select mode from autonomy_accounts where account = %s", SHOP)
            == "observe"
        )
        assert world.changes() == []
    assert world.action(made)[:2] == ("failed", "NOT_DELIVERED")
    assert world.row() == ("active", "50.00")
    world.sound()


@pytest.mark.parametrize(
    ("push", "error"), [(None, "off, validate or on"), ("ON", "off, validate or on")]
)
def test_push_is_one_of_three(world: World, push: Any, error: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match=error):
        world.call("set_platform_push", p_account=SHOP, p_push=push)


# Attacks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "done"},
        {"outcome": None},
        {"field": "title"},
        {"field": None},
        {"wanted": None},
        {"wanted": "NaN"},
        {"wanted": "Infinity"},
        {"wanted": "-1"},
        {"wanted": "1e30"},
        {"wanted": "9999999999999999999"},
        {"wanted": True},
        {"observed": "NaN"},
        {"observed": None},
        {"observed": "61.00"},
        {"observed": {}},
        {"campaign_id": None},
        {"campaign_id": "x"},
        {"campaign_id": str(uuid.uuid4())},
        {"campaign_id": "' or true --"},
    ],
)
def test_what_cannot_be_taken_changes_nothing(world: World, wrong: Json) -> None:
    made = world.raise_()
    before = world.db.execute("select * from autonomy.deliveries").fetchall()
    said = world.outcome("confirmed", observed="60.00") | wrong
    assert world.record(said) == ["rejected"]
    assert world.db.execute("select * from autonomy.deliveries").fetchall() == before
    assert world.row() == ("active", "60.00")
    assert world.action(made)[0] == "executed"


@pytest.mark.parametrize("seconds", [None, "NaN", -5, 0, 1e300, "soon", {}])
def test_whatever_seconds_say_it_waits_a_while(world: World, seconds: Any) -> None:
    world.raise_()
    world.record(world.outcome("later", seconds=seconds))
    assert world.state() == "waiting"
    assert len(world.changes(minutes=60 * 25)) == 1


@pytest.mark.parametrize("at", [None, "never", "2999-01-01T00:00:00Z", "1999-01-01T00:00:00Z", 5])
def test_a_clock_that_is_off_is_not_believed(world: World, at: Any) -> None:
    made = world.raise_()
    world.later(1)
    world.lease()
    assert world.record(world.outcome("confirmed", observed="60.00", observed_at=at)) == [
        "confirmed"
    ]
    said = world.delivery(made)
    assert said is not None
    assert datetime.fromisoformat(said["confirmed_at"]) == world.now
    world.there["11"]["budget"] = "60.00"
    world.read(minutes=60)
    assert world.row() == ("active", "60.00")


def test_a_confirmation_of_an_old_wish(world: World) -> None:
    world.raise_(60)
    world.record(world.outcome("sent"), minutes=1)
    world.raise_(70)
    assert world.record(world.outcome("confirmed", observed="60.00"), minutes=1) == ["stale"]
    (change,) = world.changes()
    assert (change["base"], change["wanted"], change["state"]) == ("60.00", "70.00", "waiting")
    assert world.record(world.outcome("refused", message="No.")) == ["stale"]
    assert world.row() == ("active", "70.00")


@pytest.mark.parametrize("outcome", ["confirmed", "person", "refused", "sent", "later"])
def test_said_twice_nothing_changes_twice(world: World, outcome: str) -> None:
    world.raise_()
    world.later(1)
    said = world.outcome(
        outcome,
        observed="45.00" if outcome == "person" else "60.00",
        actor="A",
        actor_at=world.now.isoformat(),
        seconds=60,
        tries=0,
    )
    if outcome in ("refused", "sent", "later"):
        said.pop("observed")
    world.record(said)
    query = "select * from autonomy.deliveries order by id"
    before, changes = world.db.execute(query).fetchall(), world.kinds()
    world.record(said)
    assert (world.db.execute(query).fetchall(), world.kinds()) == (before, changes)


def test_a_wrong_token_opens_nothing(world: World) -> None:
    for name, more in (
        ("platform_changes_to_push", {}),
        ("record_deliveries", {"p_outcomes": Jsonb([])}),
        ("record_platform_history", {"p_changes": Jsonb([])}),
    ):
        for token in (uuid.uuid4(), None):
            with pytest.raises(psycopg.DatabaseError, match="lease"), world.db.transaction():
                world.call(name, p_account=SHOP, p_token=token, p_now=world.now, **more)


@pytest.mark.parametrize("wrong", [None, {}, "x", [{}] * 1001])
def test_outcomes_are_a_list(world: World, wrong: Any) -> None:
    with pytest.raises(psycopg.DatabaseError, match="array"):
        world.call("record_deliveries", **world.held(p_outcomes=Jsonb(wrong), p_now=world.now))


def test_another_accounts_campaign_is_not_touched(world: World) -> None:
    other = value(
        world.db,
        "insert into campaigns (account, title, budget) values ('Other', 'O', 9) returning id",
    )
    said = world.outcome("person", observed="1.00", actor="A") | {"campaign_id": str(other)}
    assert world.record(said) == ["rejected"]
    gone = world.outcome("gone") | {"campaign_id": str(other)}
    assert world.record(gone) == ["rejected"]
    assert value(world.db, "select budget from campaigns where id = %s", other) == 9


def test_no_token_is_kept(world: World) -> None:
    world.raise_()
    secret = "EAAG" + "x" * 80
    call = {
        "what": {"field": "budget", "to": "60.00", "header": secret},
        "outcome": "refused",
        "message": f"bad {secret}",
        "at": world.now.isoformat(),
    }
    world.record(world.outcome("refused", message=f"no {secret}", calls=[call, 5, None]))
    for table in ("autonomy.platform_calls", "autonomy.deliveries", "autonomous_actions"):
        kept = value(world.db, f"select string_agg(t::text, ' ') from {table} t")
        assert kept
        assert secret not in kept


def test_two_sessions_at_once(server: Server) -> None:
    """Whoever does not hold the lease is told so; what was wanted stays one."""
    url = server.migrated()
    with (
        psycopg.connect(url, autocommit=True) as one,
        psycopg.connect(url, autocommit=True) as two,
    ):
        world = World(one)
        world.by_hand(budget=60)
        two.execute("set autonomy.simulation = on")
        said = value_of(
            two,
            "select begin_platform_pull('Shop', gen_random_uuid(), p_now => %(now)s)",
            {"now": world.now},
        )
        assert said["outcome"] == "busy"
        two.execute("begin")
        two.execute("update campaigns set budget = 70 where id = %s", (world.ids["11"],))
        one.execute("set lock_timeout = '500ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            world.record(world.outcome("confirmed", observed="60.00"))
        two.execute("commit")
        assert world.record(world.outcome("confirmed", observed="60.00"), minutes=1) == ["stale"]
        assert [one["wanted"] for one in world.changes()] == ["70.00"]


# Who did it --------------------------------------------------------------------------------------


def history(world: World, *changes: Json) -> Json:
    return world.call(  # type: ignore[no-any-return]
        "record_platform_history", **world.held(p_changes=Jsonb(list(changes)), p_now=world.now)
    )


def past(world: World, new: str, actor: str = "anna@example.com", **more: Any) -> Json:
    return {
        "external_id": "11",
        "field": "budget",
        "old": "50.00",
        "new": new,
        "at": world.now.isoformat(),
        "actor": actor,
        "ours": False,
        **more,
    }


def test_history_names_whom_we_followed(world: World) -> None:
    world.there["11"]["budget"] = "45.00"
    world.later(30)
    change = past(world, "45.00")
    world.read(minutes=30)
    assert history(world, change)["named"] == 1
    assert history(world, change)["named"] == 0
    actor = value(
        world.db,
        "select actor from campaign_changes where kind = 'platform' order by id desc limit 1",
    )
    assert actor == "anna@example.com"


def test_history_says_who_wrote_after_us(world: World) -> None:
    world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    said = history(world, past(world, "60.00", "app", ours=True), past(world, "45.00"))
    (unsure,) = said["unsure"]
    assert unsure["arrived_at"] is not None
    assert unsure["other"]["actor"] == "anna@example.com"


def test_history_settles_what_was_seen_once(world: World) -> None:
    world.raise_()
    world.record(world.outcome("sent"), minutes=1)
    world.record(world.outcome("confirmed", observed="60.00"), minutes=1)
    world.there["11"]["budget"] = "45.00"
    world.later(30)
    change = past(world, "45.00")
    world.read(minutes=30)
    assert world.row() == ("active", "60.00")
    assert history(world, change)["followed"] == 1
    assert world.row() == ("active", "45.00")
    assert world.changes() == []


@pytest.mark.parametrize(
    "wrong",
    [{"external_id": None}, {"new": "NaN"}, {"at": "soon"}, {"field": "title"}, {"at": None}],
)
def test_history_that_cannot_be_read(world: World, wrong: Json) -> None:
    world.there["11"]["budget"] = "45.00"
    world.read(minutes=30)
    assert history(world, past(world, "45.00") | wrong)["named"] == 0


# What counts when --------------------------------------------------------------------------------


def candidate(world: World, columns: str) -> Any:
    return world.db.execute(
        f"select {columns} from autonomy.candidate_rows(array[%s], %s)",
        (world.ids["11"], world.now),
    ).fetchone()


def impacts_due(world: World) -> list[Any]:
    return world.db.execute(
        "select horizon, from_at from autonomy.due_impacts(100, %s)", (world.now,)
    ).fetchall()


def test_impact_waits_for_the_platform(world: World) -> None:
    world.raise_()
    world.later(60 * 24 * 2)
    assert impacts_due(world) == []
    world.record(world.outcome("confirmed", observed="60.00"))
    confirmed = world.now
    world.later(60 * 20)
    assert impacts_due(world) == []
    world.later(60 * 5)
    assert impacts_due(world) == [(1, confirmed)]


def test_a_waiting_action_counts_in_full(world: World) -> None:
    made = world.raise_()
    done = world.now
    world.later(60 * 24 * 9)
    assert candidate(world, "last_action_at, budget_low_7d") == (world.now, 50)
    world.record(world.outcome("confirmed", observed="60.00"))
    confirmed = world.now
    world.later(60 * 24 * 6)
    assert candidate(world, "last_action_at, budget_low_7d") == (confirmed, 50)
    world.later(60 * 24 * 2)
    assert candidate(world, "last_action_at, budget_low_7d") == (confirmed, 60)
    assert done < confirmed
    assert world.action(made)[0] == "executed"


def test_where_nothing_is_carried_over_it_counts_from_when_it_was_done(db: Db) -> None:
    world = World(db, push="off")
    world.db.execute("set autonomy.push = 'on'")
    world.db.execute("update autonomy.platform_accounts set push = 'on'")  # a sample account
    world.db.execute("delete from autonomy.platform_units where external_id = '11'")
    world.raise_()
    done = world.now
    world.later(60 * 24 * 2)
    assert candidate(world, "last_action_at")[0] == done
    assert len(impacts_due(world)) == 1


def test_what_was_refused_is_held_a_day_and_nothing_else(world: World) -> None:
    world.raise_()
    world.record(world.outcome("refused", message="No."), minutes=1)
    refused = world.now
    world.read(minutes=60 * 23)
    (until,) = candidate(world, "refused_until")
    assert list(until) == ["up"]
    assert datetime.fromisoformat(until["up"]) == refused + timedelta(days=1)
    (code,) = world.db.execute(
        "select autonomy.campaign_guardrail(c, p, 'up', 99, 50, '0', null, 'up', 'apply', %s)"
        " from autonomy_policy p, autonomy.candidate_rows(array[%s], %s) c",
        (world.now, world.ids["11"], world.now),
    ).fetchone()  # type: ignore[misc]
    assert code == "COOLDOWN"
    assert candidate(world, "last_action_at, hold_until") == (None, None)
    world.later(61)
    assert candidate(world, "refused_until") == (None,)


def test_how_often_is_known_beforehand(world: World) -> None:
    calls = [
        {
            "what": {"field": "budget", "from": "1", "to": str(n), "validate": n == 9},
            "outcome": "sent",
            "at": (world.now - timedelta(minutes=n)).isoformat(),
        }
        for n in (1, 2, 3, 9)
    ]
    world.by_hand(budget=60)
    world.record(world.outcome("sent", calls=calls))
    assert candidate(world, "rate_until") == (None,)
    calls.append({**calls[0], "at": (world.now - timedelta(minutes=30)).isoformat()})
    world.record(world.outcome("unsure", calls=calls))
    assert candidate(world, "rate_until") == (world.now + timedelta(minutes=30),)


@pytest.mark.parametrize(
    ("least", "known"),
    [
        ("5.00", 5),
        ("NaN", None),
        ("-1", None),
        (None, None),
        ("0", None),
        ("1e99", None),
        ({}, None),
    ],
)
def test_the_least_budget_is_known_beforehand(world: World, least: Any, known: Any) -> None:
    world.db.execute(
        "update autonomy.platform_accounts set facts = facts || %s",
        (Jsonb({"min_daily_budget": least}),),
    )
    assert candidate(world, "platform_minimum") == (known,)


def test_below_the_minimum_nothing_is_carried_out(world: World) -> None:
    size = world.db.execute(
        "select s.new_budget, s.limits, s.code from autonomy.sized_budget("
        "'down', 50, 10, 2, 50, 3, 1000, 1, 2, 0.01, 25.005) s"
    ).fetchone()
    assert size == (Decimal("25.01"), ["BELOW_MINIMUM"], None)
    size = world.db.execute(
        "select s.limits, s.code from autonomy.sized_budget("
        "'up', 5, 10, 2, 50, 3, 1000, 1, 2, 0.01, 25) s"
    ).fetchone()
    assert size == (["BELOW_MINIMUM"], "BELOW_MINIMUM")


def test_an_account_has_its_own_step(world: World) -> None:
    world.db.execute("update autonomy_accounts set max_step = 1.2 where account = %s", (SHOP,))
    assert value(world.db, "select (autonomy.account_policy(%s)).max_step", SHOP) == Decimal("1.2")


def test_pages_and_programs_read_how_far_it_is(world: World) -> None:
    made = world.raise_()
    said = world.call("dashboard_action", p_action_id=made)
    assert said["delivery"]["state"] == "waiting"
    listed = world.call("dashboard_actions", p_filter=Jsonb({"campaign_id": str(world.ids["11"])}))
    assert listed["actions"][0]["delivery"]["message"] == "It waits to be carried over to Meta."


def test_without_a_platform_nothing_is_said(db: Db) -> None:
    one = value(db, "insert into campaigns (title, budget) values ('Plain', 50) returning id")
    made = value(db, "select auto_scale_campaign(%s, 60, 'because')", one)
    assert value(db, "select dashboard_action(%s) -> 'delivery'", made) is None
    assert value(db, "select count(*) from autonomy.deliveries") == 0

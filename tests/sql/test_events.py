"""Planned events: what they hold, when, of whom, and what a person does all the same."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql import effects
from tests.sql.effects import (
    Db,
    action,
    apply,
    apply_one,
    assert_sound,
    begin,
    campaign,
    decision,
    hours_ago,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables
ALL = {"no_raises": True, "no_cuts": True, "no_pauses": True}


def plan(db: Db, of: object, begins: float = -1, ends: float = 1, **keys: Any) -> Any:
    """An event of a campaign (a uuid) or an account, so many hours from now."""
    whose = "campaign_id" if isinstance(of, uuid.UUID) else "account"
    event = {
        whose: str(of), "from": hours_ago(-begins, db).isoformat(),
        "until": hours_ago(-ends, db).isoformat(), "why": "Black Friday", **(keys or ALL),
    }  # fmt: skip
    return value(db, "select save_planned_event(%s, null, 'ann')", Jsonb(event))


def save(db: Db, event_id: Any, **keys: Any) -> Any:
    return value(db, "select save_planned_event(%s, %s)", Jsonb(keys), event_id)


def cut(one: uuid.UUID) -> Any:
    return decision(one, "auto_scale_down", new_budget=80)


@pytest.mark.parametrize(
    ("switch", "item"), [("no_pauses", decision), ("no_raises", scale_up), ("no_cuts", cut)]
)
def test_an_event_that_came_after_the_decision_is_asked_when_it_is_carried_out(
    db: Db, switch: str, item: Any
) -> None:
    one, other = campaign(db), campaign(db, account="elsewhere")
    lease = begin(db)
    plan(db, "default", **{switch: True})
    results = apply(db, lease, [item(one), item(other)])
    assert [(each["status"], each["error"]) for each in results] == [
        ("failed", "PLANNED_EVENT"),
        ("executed", None),
    ]
    named = f'"Black Friday", {switch.replace("_", " ")} until '
    assert f"A planned event is against it: {named}" in results[0]["message"]
    assert state(db, one) == ("active", 100)


def test_what_it_does_not_name_goes_on(db: Db) -> None:
    one, two = campaign(db), campaign(db)
    plan(db, one, no_raises=True, no_cuts=True)
    plan(db, two, no_pauses=True)
    results = apply(db, begin(db), [decision(one), scale_up(two)])
    assert [each["status"] for each in results] == ["executed", "executed"]


@pytest.mark.parametrize(
    ("begins", "ends", "status"),
    [(-1, 1, "failed"), (-1, 0, "executed"), (0, 1, "failed"), (1, 2, "executed"),
     (-5, -4, "executed")],
)  # fmt: skip
def test_its_moments_begin_with_it_and_end_before_its_end(
    db: Db, begins: float, ends: float, status: str
) -> None:
    one = campaign(db)
    plan(db, one, begins, ends)
    if ends == 0:  # over at this very moment; the clock goes on meanwhile
        assert value(db, "select count(*) from autonomy.event_stops(%s, now(), now())", [one]) == 0
    assert apply_one(db, decision(one))["status"] == status


def test_one_that_begins_during_a_run_holds_what_the_run_decided_before(db: Db) -> None:
    one = campaign(db)
    now = hours_ago(0.05, db)
    plan(db, one, begins=-0.01)  # three minutes ago the run began, half a minute ago the event
    assert value(db, "select count(*) from autonomy.event_stops(%s, %s, %s)", [one], now, now) == 0
    result = apply_one(db, decision(one), now=now)
    assert (result["status"], result["error"]) == ("failed", "PLANNED_EVENT")


def test_a_simulated_run_asks_at_its_own_time(db: Db) -> None:
    one, now = campaign(db), hours_ago(24 * 30, db)
    plan(db, one, begins=-48)
    assert apply_one(db, decision(one), now=now)["status"] == "executed"
    two = campaign(db)
    plan(db, two, begins=-24 * 31, ends=-24 * 29)
    assert apply_one(db, decision(two), now=now)["error"] == "PLANNED_EVENT"
    assert apply_one(db, decision(two))["status"] == "executed"


def test_a_resume_is_a_raise(db: Db) -> None:
    one = campaign(db)
    apply_one(db, decision(one), now=hours_ago(48, db))
    assert state(db, one)[0] == "paused"
    event = plan(db, one, no_raises=True)
    item = decision(one, "auto_resume", status="paused", new_status="active")
    assert apply_one(db, item)["error"] == "PLANNED_EVENT"
    save(db, event["id"], no_raises=False, no_pauses=True, no_cuts=True)
    assert apply_one(db, item)["status"] == "executed"


def test_of_several_the_one_that_lasts_longest_is_named_and_each_holds_its_own(db: Db) -> None:
    one = campaign(db)
    plan(db, "default", -2, 5, no_pauses=True)
    long = plan(db, one, -1, 9, no_pauses=True)
    save(db, long["id"], why='Sale "50 %s" {off}')
    plan(db, one, -1, 1, no_raises=True)
    raises, cuts, pauses = db.execute(
        "select raises, cuts, pauses from autonomy.event_stops(%s, now(), now())", ([one],)
    ).fetchone() or (None, None, None)
    until = hours_ago(-9, db)
    assert pauses == f'"Sale "50 %s" {{off}}", no pauses until {until:%Y-%m-%d %H:%M} UTC'
    assert str(raises).startswith('"Black Friday", no raises until ')
    assert cuts is None
    assert 'Sale "50 %s" {off}' in apply_one(db, decision(one))["message"]


def test_what_a_person_approves_is_done_and_says_so(db: Db) -> None:
    one, two = campaign(db), campaign(db)
    names = [
        apply_one(db, {**decision(each), "verdict": "propose", "code": "APPROVAL"},
                  now=hours_ago(1, db))["action_id"]
        for each in (one, two)
    ]  # fmt: skip
    plan(db, one, no_pauses=True)
    plan(db, two, no_raises=True, no_cuts=True)
    first, second = (
        value(db, "select approve_autonomous_action(%s, 'ann')", name) for name in names
    )
    assert (first["status"], second["status"]) == ("executed", "executed")
    assert 'though a planned event is against it: "Black Friday", no pauses' in first["message"]
    assert second["message"] == "Approved and carried out."
    assert "Black Friday" in action(db, names[0]).evidence["approved"]["planned_event"]
    assert "planned_event" not in action(db, names[1]).evidence["approved"]
    assert_sound(db)


def test_what_a_person_types_is_done_and_says_so(db: Db) -> None:
    one, two = campaign(db), campaign(db)
    plan(db, "default")
    notices: list[str] = []
    db.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    db.execute("set local client_min_messages = 'notice'")
    paused = value(db, "select auto_pause_campaign(%s, 'enough')", one)
    lowered = value(db, "select auto_scale_campaign(%s, 50, 'enough')", two)
    assert (state(db, one), state(db, two)) == (("paused", 100), ("active", 50))
    assert "no pauses until" in action(db, paused).evidence["planned_event"]
    assert "no cuts until" in action(db, lowered).evidence["planned_event"]
    assert [each[:46] for each in notices] == ['A planned event is against it: "Black Friday",'] * 2


def test_a_rollback_is_a_persons_and_is_not_held(db: Db) -> None:
    one = campaign(db)
    name = apply_one(db, decision(one), now=hours_ago(1, db))["action_id"]
    plan(db, one)
    value(db, "select rollback_autonomous_action(%s, 'no')", name)
    assert state(db, one) == ("active", 100)


def test_monitoring_writes_nothing_by_an_event(db: Db) -> None:
    one = campaign(db)
    before = value(db, "select to_jsonb(c) from campaigns c where id = %s", one)
    db.execute("update autonomous_rules set is_active = false")
    event = plan(db, one, leave_out=True, no_pauses=True)
    value(db, "select delete_planned_event(%s)", event["id"])
    assert value(db, "select to_jsonb(c) from campaigns c where id = %s", one) == before


# What is no event ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"from": "2026-11-28", "until": "2026-11-27"}, "until must lie after from"),
        ({"from": "2026-11-28T10:00", "until": "2026-11-28T10:00"}, "until must lie after from"),
        ({"from": "infinity"}, "from: a day looks like"),
        ({"until": "infinity"}, "until: a day looks like"),
        ({"from": "-infinity"}, "from: a day looks like"),
        ({"from": "now"}, "from: a day looks like"),
        ({"from": "2026-02-30"}, "from: a day looks like"),
        ({"from": "2026-11-28T25:00"}, "from: a day looks like"),
        ({"from": "2026-11-28T10:00+99:00"}, "from: a day looks like"),
        ({"from": None}, "from: a day looks like"),
        ({"from": 20261128}, "from: a day looks like"),
        ({"from": {"day": 1}}, "from: a day looks like"),
        ({"from": "1999-12-30"}, "must lie between 2000 and 2100"),
        ({"until": "9999-12-31"}, "must lie between 2000 and 2100"),
        ({"until": "2028-01-01"}, "a year at most"),
        ({"no_pauses": False}, "Say what must not be done"),
        ({"no_pauses": None}, "no_pauses: it must be true or false"),
        ({"no_raises": "true"}, "no_raises: it must be true or false"),
        ({"leave_out": 1}, "leave_out: it must be true or false"),
        ({"why": " \n\t "}, "why: say what it is"),
        ({"why": None}, "why: say what it is"),
        ({"why": "x" * 501}, "why: say what it is"),
        ({"account": None}, "one of them"),
        ({"campaign_id": str(uuid.uuid4())}, "one of them"),
        ({"id": "x"}, "id: unknown field"),
    ],
)
def test_what_is_no_event_is_a_sentence(db: Db, change: Any, words: str) -> None:
    campaign(db)
    event = {"account": "default", "from": "2026-11-27", "until": "2026-11-28", "why": "Sale"}
    with refused(db, "AO010", words):
        value(db, "select save_planned_event(%s)", Jsonb(event | {"no_pauses": True} | change))
    assert value(db, "select count(*) from autonomy.planned_events") == 0


@pytest.mark.parametrize("of", [{"account": "nobody"}, {"campaign_id": str(uuid.uuid4())},
                                {"campaign_id": "no uuid"}])  # fmt: skip
def test_an_event_needs_somebody(db: Db, of: Any) -> None:
    event = {"from": "2026-11-27", "until": "2026-11-28", "why": "Sale", "no_cuts": True}
    with refused(db, "AO003", "There is no such"):
        value(db, "select save_planned_event(%s)", Jsonb(of | event))


@pytest.mark.parametrize("given", [None, "[]", "null", '"x"'])
def test_an_event_is_an_object(db: Db, given: str | None) -> None:
    with refused(db, "AO010", "must be a JSON object"):
        value(db, "select save_planned_event(%s::jsonb)", given)


@pytest.mark.parametrize(
    "sets",
    ["from_at = '-infinity'", "until_at = 'infinity'", "until_at = from_at", "why = ' '",
     "no_pauses = false, no_raises = false, no_cuts = false", "no_pauses = null",
     "account = 'x', campaign_id = (select id from campaigns limit 1)",
     "account = null, campaign_id = null", "until_at = from_at + interval '400 days'"],
)  # fmt: skip
def test_past_the_functions_the_table_holds_the_same(db: Db, sets: str) -> None:
    plan(db, campaign(db))
    with pytest.raises(psycopg.errors.IntegrityError), db.transaction():
        db.execute(f"update autonomy.planned_events set {sets}")


def test_an_event_stays_with_its_owner_and_what_is_gone_is_said(db: Db) -> None:
    event = plan(db, campaign(db))
    for key in ("account", "campaign_id"):
        with refused(db, "AO010", "stays with its account or campaign"):
            save(db, event["id"], **{key: "default"})
    nobody = uuid.uuid4()
    with refused(db, "AO003", "no such event"):
        save(db, nobody, why="x")
    with refused(db, "AO003", "no such event"):
        value(db, "select delete_planned_event(%s)", nobody)


# Whose days ----------------------------------------------------------------------------------


def test_days_are_those_of_the_account(db: Db) -> None:
    campaign(db, account="Tokyo")
    db.execute("update autonomy_accounts set time_zone = 'Asia/Tokyo' where account = 'Tokyo'")
    sent = {"account": "Tokyo", "from": "2026-11-27", "until": "2026-11-28", "why": "Sale", **ALL}
    event = value(db, "select save_planned_event(%s)", Jsonb(sent))
    at = [datetime.fromisoformat(event[key]) for key in ("from_at", "until_at")]
    assert at == [datetime.fromisoformat(each) for each in
                  ("2026-11-26T15:00:00+00:00", "2026-11-28T15:00:00+00:00")]  # fmt: skip
    assert (event["span"], event["time_zone"]) == ("2026-11-27 to 2026-11-28", "Asia/Tokyo")
    later = save(db, event["id"], until="2026-11-28T18:30")
    assert later["span"] == "2026-11-27 00:00 to 2026-11-28 18:30"
    utc = save(db, event["id"], until="2026-11-28T18:30:00Z")
    assert utc["until_local"] == "2026-11-29T03:30"
    one_day = save(db, event["id"], until="2026-11-27")
    assert one_day["span"] == "2026-11-27"


def test_where_clocks_change_a_day_is_a_day(db: Db) -> None:
    campaign(db, account="Paris")
    db.execute("update autonomy_accounts set time_zone = 'Europe/Paris' where account = 'Paris'")
    sent = {"account": "Paris", "from": "2026-10-25", "until": "2026-10-25", "why": "x", **ALL}
    event = value(db, "select save_planned_event(%s)", Jsonb(sent))
    begins, ends = (datetime.fromisoformat(event[key]) for key in ("from_at", "until_at"))
    assert ends - begins == timedelta(hours=25)
    assert event["span"] == "2026-10-25"


def excluded(db: Db) -> list[Any]:
    return db.execute(
        "select from_day::text, until_day::text, account, why, lifted_at is null"
        " from autonomy.evidence_exclusions"
    ).fetchall()


def test_its_days_leave_the_evidence_move_with_it_and_come_back(db: Db) -> None:
    one = campaign(db, account="Tokyo")
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, spend)"
        " select %s, timestamptz '2026-11-20 12:00+00' + n * interval '1 day', 10"
        " from generate_series(0, 9) n", (one,)
    )  # fmt: skip
    spend = "select life_spend from campaign_facts where campaign_id = %s"
    sent = {"account": "Tokyo", "from": "2026-11-24", "until": "2026-11-25", "why": "Sale",
            "no_cuts": True, "leave_out": True}  # fmt: skip
    event = value(db, "select save_planned_event(%s)", Jsonb(sent))
    assert event["leave_out"] is True
    assert excluded(db) == [("2026-11-24", "2026-11-25", "Tokyo", "Sale", True)]
    assert value(db, spend, one) == 80
    save(db, event["id"], until="2026-11-26T00:01", why="Long sale")
    assert excluded(db) == [("2026-11-24", "2026-11-26", "Tokyo", "Long sale", True)]
    assert value(db, spend, one) == 70
    db.execute("update autonomy.planned_events set until_at = '2026-11-25 00:00+00'")
    assert excluded(db) == [("2026-11-24", "2026-11-24", "Tokyo", "Long sale", True)]
    # in another zone the same moments fall on other days
    db.execute("update autonomy_accounts set time_zone = 'Asia/Tokyo' where account = 'Tokyo'")
    assert excluded(db) == [("2026-11-24", "2026-11-25", "Tokyo", "Long sale", True)]
    lifted = value(db, "select id from autonomy.evidence_exclusions")
    value(db, "select lift_evidence_exclusion(%s)", lifted)
    assert value(db, "select list_planned_events() #> '{events,0,leave_out}'") is False
    assert value(db, spend, one) == 100
    assert save(db, event["id"], leave_out=True)["leave_out"] is True
    assert save(db, event["id"], why="y")["leave_out"] is True, "kept where nothing is said"
    assert value(db, spend, one) == 80
    value(db, "select delete_planned_event(%s)", event["id"])
    assert excluded(db) == []
    assert value(db, spend, one) == 100


def test_days_excluded_by_hand_stay_when_an_event_over_them_goes(db: Db) -> None:
    campaign(db)
    sent = {"account": "default", "from": "2026-11-24", "until": "2026-11-24", "why": "Sale",
            "no_cuts": True, "leave_out": True}  # fmt: skip
    event = value(db, "select save_planned_event(%s)", Jsonb(sent))
    by_hand = value(db, "select exclude_evidence('2026-11-24', '2026-11-24', 'default')")
    assert by_hand["event_id"] is None
    save(db, event["id"], leave_out=False)
    assert len(excluded(db)) == 1


def test_with_its_campaign_an_event_goes(db: Db) -> None:
    one = campaign(db)
    plan(db, one, leave_out=True, no_cuts=True)
    db.execute("delete from campaigns where id = %s", (one,))
    assert value(db, "select count(*) from autonomy.planned_events") == 0
    assert excluded(db) == []


def test_a_campaign_is_under_the_events_of_the_account_that_it_is_in(db: Db) -> None:
    one = campaign(db, account="a")
    campaign(db, account="b")
    plan(db, "b")
    assert apply_one(db, scale_up(one))["status"] == "executed"
    two = campaign(db, account="a")
    db.execute("update campaigns set account = 'b' where id = %s", (two,))
    assert apply_one(db, scale_up(two))["error"] == "PLANNED_EVENT"


def test_the_list_has_the_next_first_and_those_that_are_over_last(db: Db) -> None:
    one = campaign(db)
    spans = {"over": (-9, -8), "long over": (-99, -98), "next": (2, 3), "now": (-1, 1)}
    for name, span in spans.items():
        save(db, plan(db, one, *span)["id"], why=name)
    found = value(db, "select list_planned_events(p_limit => 3)")
    assert [each["why"] for each in found["events"]] == ["now", "next", "over"]
    assert [each["state"] for each in found["events"]] == ["now", "planned", "over"]
    assert found["left_off"] == 1
    assert value(db, "select list_planned_events('elsewhere')")["events"] == []
    assert len(value(db, "select list_planned_events(p_campaign_id => %s)", one)["events"]) == 4

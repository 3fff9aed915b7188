"""A decision carries the version of its rule: what a rule said before is not done any more."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
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

SAME = {
    "its name": "rule_name = 'Another name'",
    "its priority": "priority = priority + 1",
    "the same again": "condition = condition, action = action",
    "the same, spelt otherwise": """condition =
      '{"threshold": 3, "operator": ">=",  "metric": "roi"}'""",
}
OTHER = {
    "its condition": """condition = '{"metric": "roi", "operator": ">=", "threshold": 4}'""",
    "its action": "action = action || '{\"multiplier\": 1.1}'",
    "off and on, otherwise": "is_active = true, action = action || '{\"max_budget\": 120}'",
}
WAITING = """
select exists (
  select from pg_stat_activity
  where wait_event_type = 'Lock' and state = 'active' and datname = current_database()
    and starts_with(query, 'select run_autonomous_operations'))
"""
SCALES_LESS = """
update autonomous_rules set action = action || '{"max_budget": 120}' where rule_type = 'scale'
"""
PLAYED = """
insert into campaign_performance
  (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
values (%s, 20000, 800, 40, 400, 1600)
"""


def rule(db: Db) -> uuid.UUID:
    """A rule that raises budgets."""
    made: uuid.UUID = value(
        db,
        "insert into autonomous_rules (rule_name, rule_type, condition, action) values"
        ' (\'A test rule\', \'scale\', \'{"metric": "roi", "operator": ">=", "threshold": 3}\','
        ' \'{"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 400}\') returning id',
    )
    return made


def edit(db: Db, rule_id: uuid.UUID, change: str) -> None:
    db.execute(f"update autonomous_rules set {change} where id = %s".encode(), (rule_id,))


def after(db: Db, change: str) -> tuple[Json, uuid.UUID]:
    """What becomes of a raise if its rule is changed between deciding and applying."""
    its_rule, one = rule(db), campaign(db)
    lease = begin(db)
    edit(db, its_rule, change)
    (result,) = apply(db, lease, [scale_up(one, rule_id=its_rule)])
    return result, one


@pytest.mark.parametrize("change", SAME)
def test_what_is_no_other_version(db: Db, change: str) -> None:
    result, one = after(db, SAME[change])
    assert (result["status"], result["error"]) == ("executed", None)
    assert state(db, one)[1] == 150


@pytest.mark.parametrize("change", OTHER)
def test_a_rule_that_was_changed_meanwhile(db: Db, change: str) -> None:
    result, one = after(db, OTHER[change])
    assert (result["status"], result["error"]) == ("failed", "RULE_CHANGED")
    assert result["message"].startswith("The rule was changed meanwhile")
    assert state(db, one)[1] == 100
    row = action(db, result["action_id"])
    assert (row.status, row.error) == ("failed", "RULE_CHANGED")
    assert row.previous_state == {"status": "active", "budget": 100}
    assert_sound(db)


def test_a_rule_that_was_switched_off_meanwhile(db: Db) -> None:
    result, one = after(db, "is_active = false")
    assert result["error"] == "RULE_CHANGED"
    assert result["message"] == "The rule was switched off meanwhile."
    assert state(db, one)[1] == 100


def test_a_rule_that_was_removed_meanwhile(db: Db) -> None:
    its_rule, one = rule(db), campaign(db)
    lease = begin(db)
    db.execute("delete from autonomous_rules where id = %s", (its_rule,))
    (result,) = apply(db, lease, [scale_up(one, rule_id=its_rule)])
    assert result["error"] == "RULE_CHANGED"
    assert result["message"] == "The rule was removed meanwhile."
    assert state(db, one)[1] == 100


def test_only_decisions_of_that_rule(db: Db) -> None:
    changed = rule(db)
    edit(db, changed, "rule_name = 'The one that is changed'")
    other, one, two = rule(db), campaign(db), campaign(db)
    lease = begin(db)
    edit(db, changed, OTHER["its action"])
    first, second = apply(db, lease, [scale_up(one, rule_id=changed), scale_up(two, rule_id=other)])
    assert (first["error"], second["status"]) == ("RULE_CHANGED", "executed")


def test_a_proposal_is_not_written_either(db: Db) -> None:
    its_rule, one = rule(db), campaign(db)
    lease = begin(db)
    edit(db, its_rule, OTHER["its condition"])
    proposal = scale_up(one, rule_id=its_rule, verdict="propose", code="APPROVAL")
    (result,) = apply(db, lease, [proposal])
    assert result["error"] == "RULE_CHANGED"


def test_a_decision_that_does_not_say_its_version(db: Db) -> None:
    its_rule, one = rule(db), campaign(db)
    lease = begin(db)
    silent = scale_up(one, rule_id=its_rule, rule_version=None)
    (result,) = apply(db, lease, [silent])
    assert (result["error"], "rule_version" in result["message"]) == ("BAD_DECISION", True)
    assert state(db, one)[1] == 100


def test_what_was_done_is_not_undone_by_a_change(db: Db) -> None:
    """A batch that is sent again after the rule changed says what became of it then."""
    its_rule, one = rule(db), campaign(db)
    lease = begin(db)
    batch = [scale_up(one, rule_id=its_rule, action_id=str(uuid.uuid4()))]
    (first,) = apply(db, lease, batch)
    edit(db, its_rule, OTHER["its action"])
    (again,) = apply(db, lease, batch)
    assert first == again
    assert again["status"] == "executed"


# Resuming ---------------------------------------------------------------------------------------


def resume_after(db: Db, change: str) -> Json:
    """What becomes of a resume if rules are changed between deciding and applying."""
    its_rule, one = rule(db), campaign(db)
    paused = apply_one(db, decision(one, rule_id=its_rule), now=hours_ago(48, db))
    assert paused["status"] == "executed"
    lease = begin(db)
    db.execute(change.encode(), {"rule": its_rule})
    resume = decision(one, "auto_resume", status="paused", rule_id=its_rule)
    (result,) = apply(db, lease, [resume])
    return result


@pytest.mark.parametrize(
    "change",
    [
        "update autonomous_rules set action = action || '{\"max_budget\": 7}' where id = %(rule)s",
        "update autonomous_rules set is_active = false where id = %(rule)s",
        "delete from autonomous_rules where id = %(rule)s",
    ],
)
def test_a_wrong_pause_is_resumed_whatever_its_rule_says_by_now(db: Db, change: str) -> None:
    assert resume_after(db, change)["status"] == "executed"


def test_nothing_is_resumed_while_no_rule_is_active(db: Db) -> None:
    result = resume_after(db, "update autonomous_rules set is_active = false")
    assert (result["error"], result["message"]) == (
        "RULE_CHANGED",
        "Every rule was switched off meanwhile: nothing is resumed.",
    )


# Waiting for a person ---------------------------------------------------------------------------


def shown(db: Db, action_id: str) -> list[bool]:
    """rule_changed, as the action and the list say it."""
    listed = value(db, "select dashboard_actions()")["actions"]
    return [
        value(db, "select dashboard_action(%s)", action_id)["rule_changed"],
        next(one["rule_changed"] for one in listed if one["id"] == action_id),
    ]


@pytest.mark.parametrize("change", [*OTHER, "its removal"])
def test_a_proposal_whose_rule_changed_says_so_and_may_be_approved(db: Db, change: str) -> None:
    its_rule, one = rule(db), campaign(db)
    proposal = scale_up(one, rule_id=its_rule, verdict="propose", code="APPROVAL", new_budget=110)
    action_id = apply_one(db, proposal)["action_id"]
    version = value(
        db,
        "select autonomy.rule_version(condition, action) from autonomous_rules where id = %s",
        its_rule,
    )
    assert action(db, action_id).evidence["rule_version"] == version
    assert shown(db, action_id) == [False, False]
    edit(db, its_rule, "priority = 7, is_active = false")
    assert shown(db, action_id) == [False, False]
    if change in OTHER:
        edit(db, its_rule, OTHER[change])
    else:
        db.execute("delete from autonomous_rules where id = %s", (its_rule,))
    assert shown(db, action_id) == [True, True]
    answer = value(db, "select approve_autonomous_action(%s)", action_id)
    assert (answer["status"], state(db, one)[1]) == ("executed", 110)
    assert shown(db, action_id) == [False, False]


def test_an_older_proposal_is_not_said_to_have_changed(db: Db) -> None:
    its_rule, one = rule(db), campaign(db)
    proposal = scale_up(one, rule_id=its_rule, verdict="propose", code="APPROVAL")
    action_id = apply_one(db, proposal)["action_id"]
    for evidence in ("null", "'null'", "'[]'", "'{}'", "'\"x\"'"):
        db.execute(f"update autonomous_actions set evidence = {evidence}".encode())
        assert shown(db, action_id) == [False, False]


# At the same time -------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [OTHER["its action"], "is_active = false"])
def test_an_update_has_returned_when_the_batch_is_through(
    scratch_database: Callable[[], str], change: str
) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as working:
        its_rule, one, two = rule(db), campaign(db), campaign(db)
        lease = begin(db)
        apply(working, lease, [scale_up(one, rule_id=its_rule)])  # not committed
        returned = threading.Event()

        def change_it() -> None:
            edit(db, its_rule, change)
            returned.set()

        thread = threading.Thread(target=change_it)
        thread.start()
        assert not returned.wait(0.3)
        working.commit()
        thread.join(10)
        assert returned.is_set()
        assert state(db, one)[1] == 150
        late = scale_up(two, rule_id=its_rule)
        assert apply(db, lease, [late])[0]["error"] == "RULE_CHANGED"
        assert state(db, two)[1] == 100


def test_a_rule_that_somebody_is_changing_decides_nothing(
    scratch_database: Callable[[], str],
) -> None:
    """What somebody has not committed yet may be anything; the others do not wait for it."""
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as person:
        its_rule, one, two = rule(db), campaign(db), campaign(db)
        lease = begin(db)
        edit(person, its_rule, "priority = 3")  # left open
        batch = [scale_up(one, rule_id=its_rule), scale_up(two)]
        first, second = apply(db, lease, batch)
        assert (first["error"], second["status"]) == ("RULE_CHANGED", "executed")
        assert "at this moment" in first["message"]
        assert state(db, one)[1] == 100
        person.rollback()
        assert apply(db, lease, batch[:1])[0]["status"] == "executed", "it was not logged"


def test_no_resume_while_every_rule_is_being_switched_off(
    scratch_database: Callable[[], str],
) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as person:
        one = campaign(db)
        lease = begin(db, now=hours_ago(48, db))
        (paused,) = apply(db, lease, [decision(one)])
        assert paused["status"] == "executed"
        effects.finish(db, lease)
        lease = begin(db)
        person.execute("update autonomous_rules set is_active = false")
        resume = decision(one, "auto_resume", status="paused")
        assert apply(db, lease, [resume])[0]["error"] == "RULE_CHANGED"
        person.commit()
        assert state(db, one)[0] == "paused"


def race(url: str, change: str) -> tuple[Json, Any, Any]:
    """run_autonomous_operations() decides and waits for one campaign; a rule changes meanwhile."""
    with (
        psycopg.connect(url, autocommit=True) as db,
        psycopg.connect(url) as person,
        psycopg.connect(url, autocommit=True) as running,
    ):
        one = campaign(db, created_at=hours_ago(240, db))
        db.execute(PLAYED, (one,))
        person.execute("select from campaigns for update")
        answer: list[Json] = []
        thread = threading.Thread(
            target=lambda: answer.append(value(running, "select run_autonomous_operations()"))
        )
        thread.start()
        while not value(db, WAITING):
            assert thread.is_alive()
        db.execute(change.encode())
        person.rollback()
        thread.join(20)
        return answer[0], state(db, one), value(db, "select status from autonomous_actions")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (SCALES_LESS, "changed"),
        ("update autonomous_rules set is_active = false", "switched off"),
        ("delete from autonomous_rules", "removed"),
    ],
)
def test_the_run_in_the_database_looks_again(
    scratch_database: Callable[[], str], change: str, sentence: str
) -> None:
    result, found, logged = race(scratch_database(), change)
    (failed,) = result["failed"]
    assert failed["code"] == "RULE_CHANGED"
    assert f"The rule was {sentence} meanwhile" in failed["message"]
    assert (found, logged) == (("active", 100), "failed")


def test_the_run_in_the_database_goes_on_by_the_same_rule(
    scratch_database: Callable[[], str],
) -> None:
    result, found, logged = race(
        scratch_database(), "update autonomous_rules set priority = priority + 1"
    )
    assert result["failed"] == []
    assert (found[1] > 100, logged) == (True, "executed")


def test_versions_are_of_condition_and_action_alone(db: Db) -> None:
    def version(condition: str, act: str) -> str:
        found: str = value(db, "select autonomy.rule_version(%s::jsonb, %s::jsonb)", condition, act)
        return found

    assert version('{"a": 1, "b": 2}', "{}") == version('{"b":2,"a":1}', "{}")
    assert version('{"a": 1}', "{}") != version('{"a": 2}', "{}")
    assert version('{"a": 1}', "{}") != version("{}", '{"a": 1}')
    with refused(db, "22P02"):
        version("{", "{}")

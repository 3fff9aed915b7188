"""auto_pause_campaign and auto_scale_campaign: what a person may do past the guardrails."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from tests.sql import effects
from tests.sql.effects import (
    Db,
    action,
    apply_one,
    assert_sound,
    audit,
    campaign,
    changes,
    policy,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables


def pause(
    db: Db, campaign_id: object, reason: str | None = "It loses money.", score: object = 80
) -> uuid.UUID:
    made: uuid.UUID = value(
        db, "select auto_pause_campaign(%s, %s, %s::numeric)", campaign_id, reason, score
    )
    return made


def scale(
    db: Db, campaign_id: object, budget: object, reason: str | None = "It earns."
) -> uuid.UUID:
    made: uuid.UUID = value(
        db, "select auto_scale_campaign(%s, %s::numeric, %s)", campaign_id, budget, reason
    )
    return made


def test_a_pause_changes_the_campaign_and_logs_both_states(db: Db) -> None:
    one = campaign(db, "123.40", "Active")
    row = action(db, pause(db, one))
    assert state(db, one) == ("paused", Decimal("123.40"))
    assert row.previous_state == {"status": "Active", "budget": 123.40}
    assert row.new_state == {"status": "paused", "budget": 123.40}
    assert (row.action_type, row.status, row.reason) == (
        "auto_pause",
        "executed",
        "It loses money.",
    )
    assert row.confidence_score == 80
    assert row.executed_at is not None
    assert row.actor != "autonomy"
    assert changes(db, one) == ["created", "action"]
    assert_sound(db)


def test_the_paused_state_is_written_in_the_installations_spelling(db: Db) -> None:
    policy(db, paused_text="Paused")
    one = campaign(db, status="Active")
    pause(db, one)
    assert state(db, one)[0] == "Paused"


@pytest.mark.parametrize(
    ("budget", "kind"), [("150", "auto_scale_up"), ("60.005", "auto_scale_down")]
)
def test_a_scale_is_named_by_its_direction(db: Db, budget: str, kind: str) -> None:
    one = campaign(db)
    row = action(db, scale(db, one, budget))
    assert row.action_type == kind
    assert state(db, one) == ("active", round(Decimal(budget) + Decimal("0.0001"), 2))
    assert row.confidence_score == 85
    assert_sound(db)


def test_a_person_may_pass_the_cooldown_and_the_step_limit(db: Db) -> None:
    one = campaign(db)
    scale(db, one, 150)
    scale(db, one, 5000)
    pause(db, one, score=0)
    assert state(db, one) == ("paused", Decimal("5000.00"))
    assert audit(db)["actions_checked"] == 3


def test_an_action_by_hand_counts_for_the_cooldown_of_the_runs(db: Db) -> None:
    one = campaign(db)
    scale(db, one, 110)
    assert apply_one(db, scale_up(one, 110, 160))["error"] == "COOLDOWN"


def test_unknown_already_paused_and_unchanged_campaigns_raise(db: Db) -> None:
    one = campaign(db)
    with refused(db, "AO003", "no campaign"):
        pause(db, uuid.uuid4())
    with refused(db, "AO003"):
        scale(db, uuid.uuid4(), 100)
    with refused(db, "AO004", "100.00 already"):
        scale(db, one, "100.00")
    pause(db, one)
    with refused(db, "AO004", "paused already"):
        pause(db, one)
    with refused(db, "AO004"):
        scale(db, one, 150)
    with refused(db, "AO010"):
        pause(db, None)


def test_the_freeze_holds_for_hands_too(db: Db) -> None:
    one = campaign(db)
    policy(db, frozen=True, frozen_reason="audit week")
    with refused(db, "AO005", "audit week"):
        pause(db, one)
    with refused(db, "AO005"):
        scale(db, one, 150)
    assert state(db, one) == ("active", 100)


@pytest.mark.parametrize("budget", ["50000.01", "0.99"])
def test_the_absolute_limits_hold_for_hands_too(db: Db, budget: str) -> None:
    one = campaign(db)
    with refused(db, "AO006", "limits of the policy"):
        scale(db, one, budget)


@pytest.mark.parametrize(
    "budget", [None, "NaN", "Infinity", "-Infinity", "-1", "0", "0.004", "1e30"]
)
def test_a_budget_that_is_none_is_refused(db: Db, budget: str | None) -> None:
    one = campaign(db)
    with refused(db, "AO010"):
        scale(db, one, budget)
    assert state(db, one) == ("active", 100)


@pytest.mark.parametrize("score", [None, "NaN", "-0.01", "100.01", "Infinity"])
def test_a_confidence_outside_0_to_100_is_refused(db: Db, score: str | None) -> None:
    with refused(db, "AO010", "0 to 100"):
        pause(db, campaign(db), score=score)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_every_action_says_why(db: Db, reason: str | None) -> None:
    with refused(db, "AO010", "why"):
        pause(db, campaign(db), reason)
    with refused(db, "AO010", "why"):
        scale(db, campaign(db), 150, reason)


def test_the_guides_positional_and_named_calls_work(db: Db) -> None:
    one, two = campaign(db), campaign(db)
    assert value(db, "select auto_pause_campaign(%s, 'why')", one)
    assert value(
        db,
        "select auto_scale_campaign(p_campaign_id => %s, p_new_budget => 150, p_reason => 'why')",
        two,
    )
    names = "auto_pause_campaign", "auto_scale_campaign", "run_autonomous_operations"
    for name in names:
        assert (
            value(
                db, "select count(*) from information_schema.routines where routine_name = %s", name
            )
            == 1
        )


def test_triggers_of_the_installation_find_their_tables(db: Db) -> None:
    """They may name them without a schema, as they do when people write campaigns."""
    db.execute(
        "create table their_log (title text);"
        "create function theirs() returns trigger language plpgsql as"
        " $$ begin insert into their_log values (new.title); return new; end $$;"
        "create trigger theirs before update on campaigns for each row execute function theirs()"
    )
    one = campaign(db)
    made = scale(db, one, 150)
    value(db, "select rollback_autonomous_action(%s)", made)
    assert apply_one(db, scale_up(campaign(db)))["status"] == "executed"
    assert value(db, "select count(*) from their_log") == 3
    assert_sound(db)


def test_a_pause_that_a_trigger_undoes_is_none(db: Db) -> None:
    db.execute(
        "create function theirs() returns trigger language plpgsql as"
        " $$ begin new.status := old.status; new.budget := new.budget - 1; return new; end $$;"
        "create trigger theirs before update on campaigns for each row execute function theirs()"
    )
    one = campaign(db, 100)
    with refused(db, "AO004", "did not let"):
        pause(db, one)
    assert state(db, one) == ("active", Decimal(100))
    assert_sound(db)


def test_a_first_budget_that_a_trigger_keeps_away_is_none(db: Db) -> None:
    db.execute(
        "create function theirs() returns trigger language plpgsql as"
        " $$ begin new.budget := old.budget; return new; end $$;"
        "create trigger theirs before update on campaigns for each row execute function theirs()"
    )
    one = campaign(db, None)
    with refused(db, "AO004", "did not let"):
        scale(db, one, 500)
    assert state(db, one) == ("active", None)
    assert_sound(db)


def test_an_action_by_hand_remembers_conversions_at_their_value(db: Db) -> None:
    """Its impact is what the facts grow by, which value conversions that bring no revenue."""
    one = campaign(db, account="leads")
    db.execute("update autonomy_accounts set conversion_value = 35")
    db.execute(
        "insert into campaign_performance"
        " (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)"
        " values (%s, 9000, 150, 20, 1000, 0)",
        (one,),
    )
    row = action(db, scale(db, one, 120))
    assert row.evidence["metrics"] == {
        "impressions": 9000, "clicks": 150, "conversions": 20, "spend": 1000, "revenue": 700,
    }  # fmt: skip

"""What was carried out against what was held out: chance chose, so the difference is the effect."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.sql.planted import Db, Json, Measures, campaign, value, write

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
UNTIL = MONDAY + timedelta(days=28)
SPAN = (MONDAY, UNTIL, UNTIL + timedelta(days=7))


def played(
    db: Db, number: int, *, roi: float, seed: int = 1, weeks: int = 1, account: str = "default",
    held_share: float = 0.5,
) -> None:  # fmt: skip
    """Campaigns that a rule wants to pause each Monday; half of them are held out and go on, with
    a noisy roi. Who is held out in one week may be paused in the next."""
    chance = random.Random(seed)
    for n in range(number):
        budget = chance.choice((20, 60, 200))
        made = campaign(db, f"C{n}", budget=budget, account=account, created_at=MONDAY)
        for week in range(weeks):
            at = MONDAY + timedelta(days=7 * week, hours=9)
            held = chance.random() < held_share
            (hold_out if held else carry_out)(db, made, budget, at)
            rows = []
            for day in range(7):
                running = held or day == 0
                spend = budget if running else 0
                earned = round(spend * roi * chance.lognormvariate(-0.08, 0.4), 2)
                figures = Measures(900, 30, 2 if running else 0, spend, earned)
                rows.append((MONDAY + timedelta(days=7 * week + day), figures))
            write(db, made, rows)


def hold_out(db: Db, made: uuid.UUID, budget: float, at: datetime) -> None:
    entry = {"campaign_id": str(made), "direction": "pause", "confidence": 90, "rule_id": None}
    value(db, "select autonomy.note_held_out(%s, %s)", Jsonb([entry]), at)


def carry_out(db: Db, made: uuid.UUID, budget: float, at: datetime) -> None:
    db.execute(
        "insert into autonomous_actions (campaign_id, run_id, action_type, status, executed_at,"
        " previous_state, new_state) values (%s, gen_random_uuid(), 'auto_pause', 'executed', %s,"
        " %s, %s)",
        (made, at, Jsonb({"budget": budget}), Jsonb({"budget": budget})),
    )


def effects(db: Db, account: str = "default") -> dict[str, Json]:
    found = db.execute(
        "select to_jsonb(e) from autonomy.holdout_effects(%s, %s, %s, %s) e", (account, *SPAN)
    )
    return {one["kind"]: one for (one,) in found.fetchall()}


def test_a_planted_effect_is_found(db: Db) -> None:
    """Each unit of budget that goes on loses 0.4 a day."""
    played(db, 80, roi=0.6)
    found = effects(db)["pause"]
    assert found["per_budget"] == pytest.approx(0.4, abs=3 * found["error"])
    assert found["error"] < 0.1
    assert found["money_low"] < found["money_per_day"] < found["money_high"]
    assert found["money_low"] > 0
    assert found["executed"] + found["held"] == 80


def test_pauses_of_campaigns_that_earn_show_as_a_loss(db: Db) -> None:
    played(db, 80, roi=1.5)
    assert effects(db)["pause"]["money_high"] < 0


@pytest.mark.long
def test_the_interval_holds_the_truth_as_often_as_it_says(db: Db) -> None:
    """Sixty accounts of 24 campaigns over two weeks, half a group each time."""
    inside = 0
    for n in range(60):
        played(db, 24, roi=0.9, seed=n, weeks=2, account=f"A{n}")
        found = effects(db, f"A{n}")["pause"]
        wide = (found["money_high"] - found["money_low"]) / found["money_per_day"] / 2
        inside += abs(found["per_budget"] - 0.1) <= abs(wide * found["per_budget"])
    assert inside >= 49


def test_only_weeks_in_which_something_was_held_out_are_compared(db: Db) -> None:
    played(db, 20, roi=0.6)
    lone = campaign(db, "Later", budget=50, created_at=MONDAY)
    carry_out(db, lone, 50, MONDAY + timedelta(days=8))
    assert effects(db)["pause"]["executed"] + effects(db)["pause"]["held"] == 20
    assert effects(db, "nobody") == {}


def test_one_side_alone_says_nothing(db: Db) -> None:
    played(db, 12, roi=0.6, held_share=1.0)
    found = effects(db)["pause"]
    assert (found["executed"], found["held"], found["money_per_day"]) == (0, 12, None)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"campaign_id": None, "direction": "pause"},
        {"campaign_id": str(uuid.uuid4()), "direction": "pause"},
        {"direction": "sideways"},
        {"confidence": 1e300},
        {"direction": None, "rule_id": None},
    ],
)
def test_what_cannot_be_noted_is_left_out(db: Db, entry: Json) -> None:
    made = campaign(db)
    given: dict[str, Any] = {"campaign_id": str(made), "direction": "up"} | entry
    noted = value(db, "select autonomy.note_held_out(%s, %s)", Jsonb([given]), MONDAY)
    assert noted == (1 if set(entry) <= {"confidence"} else 0)
    assert value(db, "select autonomy.note_held_out(%s, %s)", Jsonb([given]), MONDAY) == 0


@pytest.mark.parametrize("budget", [None, 0])
def test_without_a_budget_there_is_nothing_to_weigh_by(db: Db, budget: float | None) -> None:
    made = campaign(db, budget=budget)
    hold_out(db, made, 0, MONDAY)
    assert effects(db) == {}


def test_a_run_notes_what_it_holds_out_once_a_week_and_a_dry_run_does_not(db: Db) -> None:
    db.execute("update autonomy_policy set holdout_share = 0.5")
    now = value(db, "select now()")
    for n in range(30):
        made = campaign(db, f"Loser {n}", created_at=now - timedelta(days=20))
        rows = [(now - timedelta(days=d + 1), Measures(9000, 200, 2, 100, 20)) for d in range(14)]
        write(db, made, rows)
    db.execute("set local autonomy.simulation = on")
    db.execute("update autonomy_policy set pause_breaker_share = 1")
    told = value(db, "select run_autonomous_operations()")
    noted = value(db, "select count(*) from autonomy.held_out where kind = 'pause'")
    assert told["held"]["HOLDOUT"] == noted > 5
    value(db, "select run_autonomous_operations()")
    assert value(db, "select count(*) from autonomy.held_out") == noted
    budget, confidence = db.execute(
        "select min(budget), min(confidence) from autonomy.held_out"
    ).fetchone() or (0, 0)
    assert budget == 100
    assert confidence > 90

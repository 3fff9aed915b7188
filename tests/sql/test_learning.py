"""What the rules are worth, what was learnt, and what A/B tests tell."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from tests.sql.planted import NOW, Db, Json, Measures, campaign, totals, value
from tests.sql.test_impact import action

PAUSE, SCALE = "Critical ROI Pause", "High ROI Scale"


def measured(
    db: Db,
    rule: str | None,
    money: float,
    *,
    error: float = 10,
    right: float | None = None,
    confidence: float = 90,
    days_ago: float = 8,
    kind: str = "auto_pause",
    status: str = "executed",
    title: str = "Spring",
    evidence: Json | None = None,
    **figures: float,
) -> uuid.UUID:
    """An action with what it achieved, as measure_action_impact writes it."""
    low, high = money - 1.645 * error, money + 1.645 * error
    verdict = "improved" if low > 0 else "regressed" if high < 0 else "inconclusive"
    made = action(
        db,
        campaign(db, title),
        kind,
        at=NOW - timedelta(days=days_ago),
        rule=rule,
        confidence=confidence,
        status=status,
        budgets=(100, 100 if kind == "auto_pause" else 150),
        evidence=evidence,
    )
    if right is None:
        right = 98 if low > 0 else 2 if high < 0 else 50
    seen = {
        "verdict": verdict,
        "money": money,
        "money_low": low,
        "money_high": high,
        "right_probability": right,
        "horizon_days": 7,
        "baseline_roi": 0.6,
        "measured_at": (NOW - timedelta(days=1)).isoformat(),
        **figures,
    }
    db.execute(
        "update autonomous_actions set actual_impact = %s where id = %s", (Jsonb(seen), made)
    )
    return made


def scoreboard(db: Db) -> dict[str, Json]:
    cursor = db.execute("select to_jsonb(s) from rule_scoreboard(%s) s", (NOW,))
    return {row[0]["rule_name"]: row[0] for row in cursor}


def insights(db: Db) -> dict[str, Json]:
    cursor = db.execute("select to_jsonb(i) from autonomous_insights(%s) i", (NOW,))
    return {row[0]["kind"]: row[0] for row in cursor}


# The scoreboard ---------------------------------------------------------------------------------


def test_every_rule_has_a_line_also_without_actions(db: Db) -> None:
    board = scoreboard(db)
    assert list(board) == [
        "Critical ROI Pause",
        "Low ROI Pause",
        "Exceptional ROI Aggressive Scale",
        "High ROI Scale",
    ]
    assert board[PAUSE]["actions"] == 0
    assert board[PAUSE]["false_pause_share"] is None
    assert board[PAUSE]["flagged"] is False


def test_a_line_adds_up(db: Db) -> None:
    measured(db, PAUSE, 100, error=10, right=99, confidence=96)
    measured(db, PAUSE, 60, error=10, right=95, confidence=90)
    measured(db, PAUSE, -40, error=10, right=4, confidence=60)
    measured(db, PAUSE, 5, error=10, right=62, confidence=62)
    action(db, campaign(db), at=NOW - timedelta(hours=3), rule=PAUSE)  # not yet measured
    measured(db, PAUSE, 0, status="rolled_back")
    action(db, campaign(db), at=NOW - timedelta(days=100), rule=PAUSE)  # too long ago
    action(db, campaign(db), status="failed", rule=PAUSE)
    line = scoreboard(db)[PAUSE]
    assert (line["actions"], line["measured"], line["rolled_back"]) == (6, 5, 1)
    assert (line["improved"], line["regressed"], line["inconclusive"]) == (2, 1, 2)
    assert line["money"] == 125
    half = 1.645 * (5 * 100) ** 0.5
    assert line["money_low"] == pytest.approx(125 - half, abs=0.1)
    assert line["money_high"] == pytest.approx(125 + half, abs=0.1)
    wrong = 0.01 + 0.05 + 0.96 + 0.38 + 0.5
    assert line["false_pauses"] == pytest.approx(wrong, abs=0.01)
    assert line["false_pause_share"] == pytest.approx(100 * wrong / 5, abs=0.1)
    assert line["calibration_gap"] == pytest.approx(
        line["mean_confidence"] - line["right_share"], abs=0.11
    )


def test_by_hand_and_deleted_rules_have_lines_too(db: Db) -> None:
    measured(db, None, 30)
    measured(db, SCALE, 30, kind="auto_scale_up")
    db.execute("delete from autonomous_rules where rule_name = %s", (SCALE,))
    board = scoreboard(db)
    assert board["By hand"]["actions"] == 1
    assert board[SCALE]["actions"] == 1
    assert board[SCALE]["is_active"] is False


def test_what_a_total_took_is_its_own_line_and_nobodys_fault(db: Db) -> None:
    for right in range(6):
        total = {"total": {"code": "PACING", "ceiling": 900}}
        measured(db, None, -50, kind="auto_scale_down", evidence=total, right=right)
    measured(db, None, 30)
    line = scoreboard(db)["Total"]
    assert (line["rule_id"], line["actions"], line["money"]) == (None, 6, -300)
    assert (line["flagged"], line["suggestion"]) == (False, None)
    assert scoreboard(db)["By hand"]["actions"] == 1
    assert "calibration" not in insights(db)
    assert "rule_flagged" not in insights(db)
    shown = {one["rule_name"]: one for one in value(db, "select dashboard_scoreboard(%s)", NOW)}
    assert {name: one["actions"] for name, one in shown.items()} == {"Total": 6, "By hand": 1}
    assert (shown["Total"]["rule_id"], shown["Total"]["flagged"]) == (None, False)
    # measured anew, it stays what it is
    db.execute("update autonomous_actions set actual_impact = actual_impact || '{\"money\": -60}'")
    assert scoreboard(db)["Total"]["actions"] == 6


def test_what_one_campaign_brought_in_a_day_is_as_uncertain_together(db: Db) -> None:
    one = measured(db, SCALE, 40, kind="auto_scale_up")
    measured(db, SCALE, 60, kind="auto_scale_up")
    squares = (
        "select sum(money), sum(error_squares)"
        " from autonomy.dashboard_action_figures('-infinity', 'infinity')"
    )
    apart = db.execute(squares).fetchone()
    assert apart == pytest.approx((100, 10**2 + 10**2)), "two campaigns"
    # the same orders speak for both
    db.execute(
        "update autonomous_actions set campaign_id"
        " = (select campaign_id from autonomous_actions where id = %s)",
        (one,),
    )
    assert db.execute(squares).fetchone() == pytest.approx((100, (10 + 10) ** 2))
    # what raises one and what cuts it err the other way round, each by itself
    measured(db, SCALE, 60, kind="auto_scale_down")
    assert db.execute(squares).fetchone() == pytest.approx((160, 20**2 + 10**2))


def test_a_rule_that_loses_is_flagged_with_the_confidence_that_would_have_earned(db: Db) -> None:
    for _ in range(6):
        measured(db, PAUSE, -100, confidence=62)
    for _ in range(4):
        measured(db, PAUSE, 40, confidence=88)
    line = scoreboard(db)[PAUSE]
    assert line["flagged"] is True
    assert line["suggested_change"]["action"] == {"type": "auto_pause", "min_confidence": 70}
    assert "confidence of 70" in line["suggestion"]
    assert "lost 440.00" in line["suggestion"]
    # The suggestion can be taken as it is.
    db.execute(
        "update autonomous_rules set action = %s where rule_name = %s",
        (Jsonb(line["suggested_change"]["action"]), PAUSE),
    )
    assert insights(db)["rule_flagged"]["rule_id"] == line["rule_id"]


def test_a_rule_that_loses_at_every_confidence_is_to_be_switched_off(db: Db) -> None:
    for i in range(6):
        measured(db, SCALE, -100, confidence=60 + 6 * i, kind="auto_scale_up")
    line = scoreboard(db)[SCALE]
    assert line["suggested_change"] == {"is_active": False}
    assert "Switch it off" in line["suggestion"]
    assert value(db, "select is_active from autonomous_rules where rule_name = %s", SCALE) is True


@pytest.mark.parametrize(("actions", "money", "error"), [(4, -100, 10), (10, -5, 40), (10, 20, 10)])
def test_bad_luck_is_not_flagged(db: Db, actions: int, money: float, error: float) -> None:
    for _ in range(actions):
        measured(db, PAUSE, money, error=error)
    assert scoreboard(db)[PAUSE]["flagged"] is False


# Insights ---------------------------------------------------------------------------------------


def test_an_empty_week_says_so(db: Db) -> None:
    assert {k: i["sentence"] for k, i in insights(db).items()} == {
        "week": "In the last 7 days nothing was changed."
    }


def test_a_week_in_words(db: Db) -> None:
    for n in range(5):
        measured(db, PAUSE, 100 + n, days_ago=6, title=f"Leak {n}")
    measured(db, SCALE, -80, kind="auto_scale_up", days_ago=5, title="Too far")
    measured(db, SCALE, 0, kind="auto_scale_up", days_ago=5, status="rolled_back")
    totals(db, campaign(db, "Open", days_old=10), Measures(9000, 50, 8, 500, 100))
    value(db, "select record_opportunities(%s)", NOW)
    said = insights(db)
    assert said["week"]["sentence"] == (
        "In the last 7 days: 5 paused, 2 raised in budget, 0 lowered, 0 resumed;"
        " 1 of these was taken back since."
    )
    assert said["pauses"]["sentence"].startswith(
        "Pauses measured this week (5 actions) saved 510.00 (90 % interval "
    )
    assert "(1 action) lost 80.00" in said["budgets"]["sentence"]
    assert (
        'the pause on campaign "Leak 4" saved 104.00 in 7 days' in said["best_action"]["sentence"]
    )
    assert 'campaign "Too far" lost 80.00' in said["worst_action"]["sentence"]
    assert f'Rule "{PAUSE}" earns most: 510.00' in said["rule_best"]["sentence"]
    assert "mean confidence of 90" in said["calibration"]["sentence"]
    assert said["opportunities"]["sentence"].startswith(
        "1 opportunity stands open (0 critical, 1 high)"
    )
    assert said["best_action"]["campaign_id"] is not None
    for insight in said.values():
        assert insight["figures"]


def test_a_pause_that_was_taken_back_is_told(db: Db) -> None:
    action(db, campaign(db, "Slow"), "auto_resume", at=NOW - timedelta(days=1), rule=PAUSE)
    assert 'Campaign "Slow" was resumed on 14 Jun' in insights(db)["wrong_pause"]["sentence"]


# A/B tests --------------------------------------------------------------------------------------


def _test(
    db: Db, made: uuid.UUID, days_ago: float, winner: str | None = "B", status: str = "finished"
) -> None:
    variants = [
        {"name": "A", "clicks": 900, "conversions": 20},
        {"name": "B", "clicks": 910, "conversions": 41},
    ]
    db.execute(
        "insert into campaign_ab_tests"
        " (campaign_id, name, status, variants, winner, started_at, finished_at)"
        " values (%s, 'Headline', %s, %s, %s, %s, %s)",
        (
            made,
            status,
            Jsonb(variants),
            winner,
            NOW - timedelta(days=30),
            NOW - timedelta(days=days_ago),
        ),
    )


def _weight(db: Db, made: uuid.UUID, days_ago: int) -> float:
    """How much of a day's evidence counts, beside the same day of a campaign without a test."""
    plain = campaign(db)
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, spend) select unnest(%s), %s, 100",
        ([made, plain], NOW - timedelta(days=days_ago)),
    )
    seen = dict(
        db.execute(
            "select campaign_id, ev_spend from campaign_facts_at(%s) where campaign_id = any (%s)",
            (NOW, [made, plain]),
        ).fetchall()
    )
    db.execute("delete from campaign_metrics where campaign_id = any (%s)", ([made, plain],))
    return float(seen[made] / seen[plain])


def test_evidence_from_before_the_winner_counts_a_quarter(db: Db) -> None:
    made = campaign(db)
    assert _weight(db, made, 10) == 1
    _test(db, made, 12)
    _test(db, made, 5)
    assert [_weight(db, made, days) for days in (13, 6, 5, 1)] == [0.25, 0.25, 1, 1]
    assert _weight(db, campaign(db), 13) == 1


@pytest.mark.parametrize(
    ("winner", "status", "days_ago"),
    [
        (None, "finished", 5),
        ("", "finished", 5),
        ("B", "running", 5),
        ("B", "cancelled", 5),
        ("B", "finished", -1),
    ],
)
def test_without_an_adopted_winner_nothing_changes(
    db: Db, winner: str | None, status: str, days_ago: float
) -> None:
    made = campaign(db)
    _test(db, made, days_ago, winner, status)
    assert _weight(db, made, 13) == 1


def test_a_finished_test_is_told(db: Db) -> None:
    _test(db, campaign(db, "Shoes"), 2)
    assert insights(db)["ab_test"]["sentence"] == (
        'The A/B test "Headline" on campaign "Shoes" ended: "B" won (A: 20 of 900 clicks converted,'
        " B: 41 of 910 clicks converted). Evidence from before 13 Jun now counts a quarter."
    )


def test_variants_of_any_shape_are_no_error(db: Db) -> None:
    made = campaign(db)
    _test(db, made, 2)
    shapes: tuple[list[object], ...] = (
        [],
        [1, None, "x"],
        [{"name": 3}],
        [{"name": None, "clicks": {}, "conversions": []}],
    )
    for variants in shapes:
        db.execute("update campaign_ab_tests set variants = %s", (Jsonb(variants),))
        assert "ab_test" in insights(db)

"""What actions really brought: the step along the curve, by all orders from before and since."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta

import pytest
from psycopg.types.json import Jsonb

from tests.sql.planted import (
    NOW,
    YESTERDAY,
    Db,
    Json,
    Measures,
    campaign,
    count,
    series,
    totals,
    value,
    write,
)

MIDNIGHT = NOW.replace(hour=0)
EVIDENCE = {"spend": 700, "conversions": 9, "revenue": 450, "days": 7, "matured_share": 1}
STRONG = {"spend": 7000, "conversions": 90, "revenue": 4500, "days": 20, "matured_share": 1}


def action(
    db: Db,
    campaign_id: uuid.UUID | None,
    action_type: str = "auto_pause",
    *,
    at: datetime = MIDNIGHT - timedelta(days=8),
    evidence: Json | None = None,
    budgets: tuple[object, object] = (100, 100),
    status: str = "executed",
    confidence: float = 90,
    rule: str | None = None,
    run: bool = True,
) -> uuid.UUID:
    """An action as the effects write it, with its row in campaign_changes; its id."""
    made: uuid.UUID = value(
        db,
        "insert into autonomous_actions"
        " (campaign_id, action_type, status, executed_at, created_at, confidence_score,"
        " evidence, previous_state, new_state, rule_id) values (%s, %s, %s, %s, %s, %s, %s, %s, %s,"
        " (select id from autonomous_rules where rule_name = %s)) returning id",
        campaign_id,
        action_type,
        status,
        at,
        at,
        confidence,
        None if evidence is None else Jsonb(evidence),
        Jsonb({"status": "active", "budget": budgets[0]}),
        Jsonb(
            {"status": "paused" if action_type == "auto_pause" else "active", "budget": budgets[1]}
        ),
        rule,
    )
    if campaign_id is not None and run:
        known = [budget if isinstance(budget, int | float) else None for budget in budgets]
        db.execute(
            "insert into campaign_changes (campaign_id, changed_at, action_id, kind, old_budget,"
            " new_budget) values (%s, %s, %s, 'action', %s, %s)",
            (campaign_id, at, made, *known),
        )
    return made


def measure(db: Db, days: float = 0) -> int:
    answer: Json = value(
        db, "select measure_action_impact(p_now => %s)", NOW + timedelta(days=days)
    )
    assert set(answer) == {"measured"}
    return int(answer["measured"])


def impact(db: Db, action_id: uuid.UUID) -> Json:
    found: Json = value(db, "select actual_impact from autonomous_actions where id = %s", action_id)
    return found


def flat(
    db: Db, title: str = "C", *, roi: float = 0.6, days: int = 28, spend: float = 100
) -> uuid.UUID:
    made = campaign(db, title)
    series(db, made, [Measures(9000, 150, 5, spend, spend * roi)] * days)
    return made


# When -------------------------------------------------------------------------------------------


def test_measured_after_one_three_and_seven_days_and_once_each(db: Db) -> None:
    made = action(db, flat(db), at=NOW, evidence=EVIDENCE)
    steps = [(0.9, 0, set()), (1, 1, {"1d"}), (1.5, 0, {"1d"}), (3, 1, {"1d", "3d"})]
    steps += [(6.9, 0, {"1d", "3d"}), (7, 1, {"1d", "3d", "7d"}), (30, 0, {"1d", "3d", "7d"})]
    for days, measured, horizons in steps:
        assert measure(db, days) == measured
        assert {k for k in (impact(db, made) or {}) if k in {"1d", "3d", "7d"}} == horizons
    found = impact(db, made)
    assert found["horizon_days"] == 7
    assert found["verdict"] == found["7d"]["verdict"]


def test_a_backlog_is_measured_at_once(db: Db) -> None:
    made = action(db, flat(db), evidence=EVIDENCE)
    assert measure(db) == 1
    assert {"1d", "3d", "7d"} <= set(impact(db, made))


@pytest.mark.parametrize("status", ["rolled_back", "failed", "pending"])
def test_only_what_stands_is_measured(db: Db, status: str) -> None:
    made = action(db, flat(db), evidence=EVIDENCE, status=status)
    assert measure(db) == 0
    assert impact(db, made) is None


def test_the_limit_is_kept(db: Db) -> None:
    for i in range(4):
        action(db, flat(db, f"C{i}"), evidence=EVIDENCE, at=NOW - timedelta(days=1, hours=i))
    assert value(db, "select measure_action_impact(3, %s)", NOW) == {"measured": 3}
    assert value(db, "select measure_action_impact(3, %s)", NOW) == {"measured": 1}


def test_figures_that_come_late_are_waited_for(db: Db) -> None:
    made = campaign(db)
    series(db, made, [Measures(9000, 150, 5, 100, 300)] * 28, YESTERDAY - timedelta(days=3))
    scaled = action(
        db, made, "auto_scale_up", at=NOW - timedelta(days=3), evidence=STRONG, budgets=(100, 150)
    )
    assert measure(db) == 1  # the first day: its figures are there
    found = impact(db, scaled)
    assert "3d" not in found
    series(db, made, [Measures(9000, 150, 5, 150, 450)] * 3)
    assert measure(db, 0.1) == 1
    found = impact(db, scaled)["3d"]
    assert found["days"] == pytest.approx(3 - 10 / 24, abs=0.01)  # until the last day's end
    assert found["spend"] == pytest.approx(150 * found["days"], rel=0.01)


# What -------------------------------------------------------------------------------------------


def day_of(spend: float, revenue: float) -> Measures:
    return Measures(90000, 9000, round(revenue / 50), spend, round(revenue, 2))


def curve(
    db: Db,
    before: float,
    after: float,
    *,
    roi: float,
    reference: float = 100,
    kind: str = "auto_scale_up",
    times: float = 50,
) -> tuple[Json, float]:
    """A campaign that earns exactly what its curve says (c = 2), 20 days at one budget and 8 at
    the other, all so many `times`: what is measured of the action between, and what it truly brings
    a day. Orders are worth 50."""
    before, after, reference = times * before, times * after, times * reference

    def earned(budget: float) -> float:
        return budget * roi * 3 / (2 + budget / reference)

    made = campaign(db, "On its curve", budget=reference)
    if before != reference:
        db.execute(
            "insert into campaign_changes (campaign_id, changed_at, kind, old_budget, new_budget)"
            " values (%s, %s, 'outside', %s, %s)",
            (made, MIDNIGHT - timedelta(days=39), reference, before),
        )
    rows = [day_of(before, earned(before))] * 20
    if after:
        series(db, made, rows + [day_of(after, earned(after))] * 8)
    else:
        series(db, made, rows, YESTERDAY - timedelta(days=8))
    done = action(db, made, kind, evidence=STRONG, budgets=(before, after))
    db.execute("select autonomy.refresh_campaign_facts(array[%s::uuid])", (made,))
    measure(db)
    return impact(db, done), earned(after) - earned(before) - (after - before)


@pytest.mark.parametrize(
    ("before", "after", "kind", "roi", "verdict"),
    [
        (100, 120, "auto_scale_up", 3.0, "improved"),
        (100, 150, "auto_scale_up", 3.0, "improved"),
        (100, 150, "auto_scale_up", 1.0, "regressed"),
        (100, 70, "auto_scale_down", 0.8, "improved"),
        (100, 70, "auto_scale_down", 2.5, "regressed"),
        (100, 130, "budget_adjusted", 3.0, "improved"),
        (100, 0, "auto_pause", 0.5, "improved"),
        (100, 0, "auto_pause", 2.0, "regressed"),
        (200, 0, "auto_pause", 0.8, "improved"),  # at twice its reference budget
    ],
)
def test_what_a_step_along_the_curve_brings_is_measured(
    db: Db, before: float, after: float, kind: str, roi: float, verdict: str
) -> None:
    found, truth = curve(db, before, after, roi=roi, kind=kind)
    assert found["verdict"] == verdict
    assert found["money_per_day"] == pytest.approx(truth, rel=0.15, abs=30)
    assert found["money"] == pytest.approx(7 * found["money_per_day"], abs=0.1)
    assert found["money_low"] < found["money"] < found["money_high"]
    assert found["money_low"] < 7 * truth < found["money_high"]
    right = found["right_probability"]
    assert right > 95 if verdict == "improved" else right < 5
    assert found["days"] == 7
    assert "by all its orders" in found["basis"]


def test_a_pause_saves_what_its_budget_would_have_lost(db: Db) -> None:
    """It spent 350 a day until its budget was cut to 70 two days before."""
    made = campaign(db, "Leak", budget=3500)
    rows = [day_of(3500, 1000)] * 18 + [day_of(700, 200)] * 2
    action(db, made, "auto_scale_down", at=MIDNIGHT - timedelta(days=10), budgets=(3500, 700))
    series(db, made, rows, YESTERDAY - timedelta(days=8))
    paused = action(db, made, evidence=STRONG, budgets=(700, 700))
    measure(db)
    found = impact(db, paused)
    assert found["verdict"] == "improved"
    assert found["expected_spend"] == pytest.approx(7 * 700, rel=0.02)
    assert found["money"] == pytest.approx(7 * 700 * (1 - found["baseline_roi"]), rel=0.02)


def test_where_the_budget_is_not_spent_a_raise_counts_by_what_is_spent(db: Db) -> None:
    made = campaign(db, budget=1000)
    series(db, made, [Measures(9000, 900, 60, 100, 300)] * 28)
    raised = action(db, made, "auto_scale_up", evidence=STRONG, budgets=(1000, 1250))
    measure(db)
    assert impact(db, raised)["spend"] == pytest.approx(700)
    assert impact(db, raised)["expected_spend"] == pytest.approx(560)


def test_three_conversions_prove_nothing(db: Db) -> None:
    made = campaign(db)
    series(
        db,
        made,
        [Measures(900, 15, 1 if d % 7 == 0 else 0, 20, 30 if d % 7 == 0 else 0) for d in range(28)],
    )
    weak = {"spend": 140, "conversions": 1, "revenue": 30, "days": 7, "matured_share": 1}
    raised = action(db, made, "auto_scale_up", evidence=weak, budgets=(20, 24))
    measure(db)
    assert impact(db, raised)["verdict"] == "too_early"


def test_order_values_that_scatter_say_little(db: Db) -> None:
    """The same sums: of even orders they tell, of one order in fifty that is worth as much as the
    others together they do not yet."""
    verdicts = []
    for cv2 in (0.1, 60.0):
        db.execute("update autonomy_policy set prior_cv2 = %s", (cv2,))
        made = campaign(db, budget=1000)
        series(db, made, [day_of(1000, 1500)] * 28)
        raised = action(db, made, "auto_scale_up", evidence=STRONG, budgets=(1000, 1100))
        measure(db)
        verdicts.append(impact(db, raised)["verdict"])
    assert verdicts[1] == "too_early" != verdicts[0]


def test_what_is_well_known_and_about_even_is_inconclusive(db: Db) -> None:
    found, _ = curve(db, 100, 110, roi=1.55, times=500)
    assert found["verdict"] == "inconclusive"
    assert abs(found["money_per_day"]) < 0.05 * 5000


def test_one_day_is_too_early(db: Db) -> None:
    made = campaign(db)
    series(db, made, [Measures(9000, 150, 30, 100, 20)], YESTERDAY - timedelta(days=8))
    paused = action(db, made, evidence=STRONG)
    measure(db)
    assert impact(db, paused)["verdict"] == "too_early"


def test_late_conversions_count_against_a_pause(db: Db) -> None:
    made = campaign(db, "Slow", budget=1000)
    series(db, made, [day_of(1000, 400)] * 14, YESTERDAY - timedelta(days=8))
    paused = action(db, made, evidence=STRONG, budgets=(1000, 1000))
    measure(db, -7)
    before = impact(db, paused)["1d"]["right_probability"]
    assert before > 95
    series(db, made, [day_of(1000, 2400)] * 14, YESTERDAY - timedelta(days=8))
    measure(db)
    found = impact(db, paused)
    assert found["right_probability"] < 5
    assert found["verdict"] == "regressed"


def test_a_resumed_campaign_earns_what_its_roi_says(db: Db) -> None:
    made = campaign(db, budget=1000)
    series(db, made, [day_of(1000, 3000)] * 28)
    resumed = action(db, made, "auto_resume", evidence=STRONG, budgets=(1000, 1000))
    measure(db)
    found = impact(db, resumed)
    assert found["money"] == pytest.approx(7 * 2000, rel=0.1)
    assert found["verdict"] == "improved"


def test_the_window_ends_where_the_campaign_is_changed_again(db: Db) -> None:
    made = flat(db)
    first = action(db, made, "auto_scale_down", evidence=STRONG, budgets=(100, 80))
    action(
        db,
        made,
        "auto_scale_down",
        at=MIDNIGHT - timedelta(days=6),
        evidence=STRONG,
        budgets=(80, 64),
    )
    measure(db)
    assert impact(db, first)["7d"]["days"] == pytest.approx(2)
    assert impact(db, first)["7d"]["spend"] == pytest.approx(200)


def test_hourly_windows_begin_with_the_hour(db: Db) -> None:
    made = campaign(db)
    rows = [(MIDNIGHT - timedelta(hours=h), Measures(90, 5, 1, 10, 20)) for h in range(1, 12 * 24)]
    write(db, made, rows)
    raised = action(
        db,
        made,
        "auto_scale_up",
        at=MIDNIGHT - timedelta(days=3, hours=-6),
        evidence=STRONG,
        budgets=(240, 300),
    )
    measure(db)
    assert impact(db, raised)["1d"]["spend"] == pytest.approx(240)
    assert impact(db, raised)["1d"]["days"] == pytest.approx(1)


def test_without_a_time_series_the_totals_speak(db: Db) -> None:
    made = campaign(db)
    totals(db, made, Measures(9000, 150, 20, 1000, 2500))
    then = {"impressions": 9000, "clicks": 150, "conversions": 20, "spend": 1000, "revenue": 2500}
    seen = {"spend": 1000, "conversions": 20, "revenue": 2500, "days": 10, "metrics": then}
    raised = action(
        db, made, "auto_scale_up", at=NOW - timedelta(days=3), evidence=seen, budgets=(100, 150)
    )
    db.execute("select set_config('autonomy.now', %s, true)", (str(NOW),))
    db.execute(
        "update campaign_performance set total_spend = 1450, total_revenue = 3400, conversions = 29"
    )
    measure(db)
    found = impact(db, raised)["3d"]
    assert found["spend"] == 450
    assert found["expected_spend"] == pytest.approx(300)


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        {},
        {"spend": "much", "days": None, "prior": 3},
        {"spend": 1e300, "effective_spend": -1e300, "metrics": {"spend": 1e300}},
        {"spend": 0, "conversions": 0, "revenue": 0, "reference_budget": "NaN"},
        {"judged_by": "cpa", "target_cpa": "NaN"},
        {"judged_by": "cpa", "target_cpa": 1e300},
    ],
)
def test_the_orders_speak_whatever_was_written_down_then(db: Db, evidence: Json | None) -> None:
    paused = action(db, flat(db, roi=0.3), evidence=evidence)
    raised = action(db, flat(db, roi=0.3), "auto_scale_up", evidence=evidence, budgets=(100, 120))
    assert measure(db) == 2
    assert impact(db, paused)["baseline_roi"] < 0.75
    assert impact(db, raised)["money_high"] < 0


@pytest.mark.parametrize("budget", [None, 0, -5, "NaN", "100", 1e300, 1e-30, [], True])
def test_a_budget_that_is_none_says_nothing_and_is_no_error(db: Db, budget: object) -> None:
    known, unknown = flat(db), flat(db)
    raised = action(db, known, "auto_scale_up", budgets=(budget, 120), run=False)
    lowered = action(db, unknown, "auto_scale_down", budgets=(100, budget), run=False)
    assert measure(db) == 2
    for one in (raised, lowered):
        assert impact(db, one)["verdict"] == "inconclusive"
        assert impact(db, one)["money"] == 0


def test_a_pause_without_a_budget_is_measured_by_its_spend(db: Db) -> None:
    made = campaign(db, budget=None)
    series(db, made, [day_of(1000, 500)] * 20, YESTERDAY - timedelta(days=8))
    paused = action(db, made, budgets=(None, None))
    measure(db)
    assert impact(db, paused)["expected_spend"] == pytest.approx(7000)
    assert impact(db, paused)["verdict"] == "improved"


def test_without_values_the_target_of_the_rule_is_what_a_conversion_is_worth(db: Db) -> None:
    """A lead costs 50 where 20 are paid for one; who paused by roi there is told nothing."""
    leads = []
    for evidence in ({"judged_by": "cpa", "target_cpa": 20}, {"judged_by": "roi"}):
        made = campaign(db, account="leads")
        series(db, made, [Measures(9000, 900, 20, 1000, 0)] * 20, YESTERDAY - timedelta(days=8))
        leads.append(action(db, made, evidence=evidence))
    measure(db)
    by_cpa, by_roi = (impact(db, one) for one in leads)
    assert by_cpa["verdict"] == "improved"
    assert by_cpa["money_per_day"] == pytest.approx(1000 * (1 - 20 / 50), rel=0.1)
    assert (by_roi["verdict"], by_roi["money"]) == ("inconclusive", 0)
    assert "no value" in by_roi["basis"]


def test_what_changes_neither_status_nor_budget_is_inconclusive(db: Db) -> None:
    made = action(db, flat(db), "creative_refreshed")
    measure(db)
    assert impact(db, made)["verdict"] == "inconclusive"
    assert "neither" in impact(db, made)["basis"]


def test_a_campaign_without_anything_is_inconclusive(db: Db) -> None:
    bare = action(db, campaign(db), "auto_scale_up", evidence={})
    gone = action(db, uuid.uuid4(), evidence=EVIDENCE)
    none = action(db, None, evidence=EVIDENCE)
    measure(db)
    for one in (bare, gone, none):
        assert impact(db, one)["verdict"] == "inconclusive"


def test_garbage_in_actual_impact_is_overwritten_or_left_but_never_fatal(db: Db) -> None:
    made = action(db, flat(db), evidence=EVIDENCE)
    db.execute(
        'update autonomous_actions set actual_impact = \'{"note": "mine"}\' where id = %s', (made,)
    )
    assert measure(db) == 1
    assert impact(db, made)["note"] == "mine"


# Truth ------------------------------------------------------------------------------------------


def test_what_pauses_save_is_not_overstated(db: Db) -> None:
    """400 campaigns whose truth is known; those that look below break-even are paused. Before/after
    calls everything saved that looked lost; the posterior mean is near the truth."""
    chance = random.Random(23)
    truth: dict[uuid.UUID, float] = {}
    at = MIDNIGHT - timedelta(days=8)
    for i in range(400):
        made = campaign(db, f"C{i}", days_old=22, budget=60)
        truth[made] = chance.lognormvariate(0.18, 0.45)
        days = []
        for _ in range(14):
            orders = count(chance, 60 * truth[made] * chance.lognormvariate(0, 0.4) / 60)
            revenue = sum(chance.lognormvariate(3.74, 0.83) for _ in range(orders)) * 60 / 59
            days.append(Measures(3000, 40, orders, 60, round(revenue, 2)))
        series(db, made, days, at.date() - timedelta(days=1))
    value(db, "select fit_portfolio_prior(true, %s)", at)
    prior = value(
        db,
        "select jsonb_build_object('mean_roi', prior_mean_roi, 'tau2', prior_tau2,"
        " 'order_value', prior_order_value, 'cv2', prior_cv2, 'order_spread', prior_order_spread)"
        " from autonomy_policy",
    )
    paused = {}
    for made, s, n, r, d in db.execute(
        "select campaign_id, ev_spend, ev_conversions, ev_revenue, ev_days"
        " from campaign_facts f, autonomy_policy p"
        " where autonomy.probability_below(1, ev_spend, ev_conversions, ev_revenue, null,"
        " ev_days, 1,"
        " p.prior_mean_roi, p.prior_tau2, p.prior_order_value, p.prior_cv2,"
        " p.prior_order_spread) >= 0.6"
    ).fetchall():
        seen = {
            "spend": s,
            "conversions": n,
            "revenue": r,
            "days": d,
            "matured_share": 1,
            "prior": prior,
        }
        paused[made] = (action(db, made, evidence=seen, at=at, budgets=(60, 60)), r / s)
    assert len(paused) > 40
    measure(db)
    found = [impact(db, one) for one, _ in paused.values()]
    measured = [one["money"] / one["expected_spend"] for one in found]
    real = sum(1 - truth[made] for made in paused) / len(paused)
    said = sum(measured) / len(measured)
    naive = sum(1 - seen for _, seen in paused.values()) / len(paused)
    assert -0.12 < said - real < 0.08
    assert naive - real > 0.12

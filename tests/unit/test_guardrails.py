"""Every guardrail, each tried from both sides."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonomy.engine import Decision, Decisions, PolicyError, decide, reasons
from autonomy.engine.codes import CODES, SENTENCES
from autonomy.engine.guardrail_words import WORDS
from autonomy.engine.guardrails import BLOCKS, CAPS
from autonomy.engine.policy import Policy
from autonomy.engine.sizing import half_up
from tests.unit.campaigns import (
    DEFAULT_RULES,
    NOW,
    ago,
    ahead,
    campaign,
    paused,
    rule,
    scale_up,
    winner,
)

PORTFOLIO = {
    "active_campaigns": 100,
    "active_budget": 10_000.0,
    "pauses_24h": 0,
    "scale_ups_24h": 0,
    "raised_24h": 0.0,
    "tracking": {"observed": 90.0, "expected": 100.0, "tripped": False},
}


def run(rules: list[Any], rows: list[Any], portfolio: Any = PORTFOLIO, **limits: Any) -> Decisions:
    return decide(rules, rows, Policy.checked(limits), NOW, portfolio)


def one(rules: list[Any], row: Any, **limits: Any) -> Decision:
    answer = run(rules, [row], **limits)
    assert len(answer) == 1
    return answer[0]


PAUSE, UP = rule("Pause"), scale_up()
DOWN = rule("Down", rule_type="scale", action={"type": "auto_scale_down", "multiplier": 0.8})
LOSER, WINNER = campaign(), winner()


def test_the_table_is_in_the_order_of_the_design() -> None:
    assert " ".join(row.code for row in CODES) == (
        "FROZEN OBSERVE DISABLED ON_HOLD ACCOUNT_BROKEN NOT_SYNCED STALE_DATA SUSPECT_DATA "
        "VALUE_NOT_MEASURED PLANNED_EVENT CHANGED_BY_PERSON COOLDOWN PLATFORM_RATE TOO_LITTLE_DATA "
        "TEST_RUNNING LEARNING AWAITING_APPROVAL NO_BUDGET LIFETIME_BUDGET SHARED_BUDGET "
        "SCHEDULED_BUDGET BUDGET_ON_CHILDREN AGAINST_THE_ODDS NOT_LIMITED_BY_BUDGET HOLDOUT "
        "STEP_CAP GROWTH_CAP BUDGET_CAP TOTAL_CAP PACING BELOW_MINIMUM NO_CHANGE OUTRANKED "
        "TRACKING_BREAKER VALUE_BREAKER SHRINK_BREAKER PAUSE_BREAKER GROWTH_BREAKER APPROVAL "
        "CHANGED_MEANWHILE RULE_CHANGED PLATFORM_REFUSED NOT_TAKEN NOT_DELIVERED GONE "
        "CAMPAIGN_NOT_FOUND BAD_DECISION REFUSED_BY_DATABASE UNREADABLE REJECTED EXPIRED"
    )


def test_what_blocks_has_its_words_and_what_is_reserved_does_not_run() -> None:
    runs = {row.code for row in CODES if row.kind == "campaign" and not row.reserved}
    assert set(BLOCKS) == runs
    assert set(CAPS) < {row.code for row in CODES if row.kind == "size" and not row.reserved}
    for row in CODES:
        assert row.means
        assert not (row.reserved and row.says)
        if row.code in runs:
            assert row.says, row.code
            assert row.looks_at, row.code


def test_sentences_are_whole_and_name_words_that_there_are() -> None:
    for name, said in SENTENCES.items():
        known = WORDS.keys() | reasons.WORDS.keys()
        assert set(re.findall(r"\{(\w*)\}", said)) <= known, name
        assert said.endswith((".", ": ")), name


def test_sql_asks_in_the_same_order() -> None:
    text = (Path(__file__).parents[2] / "sql/0515_guardrails.sql").read_text(encoding="utf-8")
    body = text[text.index("function autonomy.campaign_guardrail") :]
    body = body[: body.index("comment on")]
    asked = list(dict.fromkeys(re.findall(r"'([A-Z_]{4,})'", body)))
    assert asked == [row.code for row in CODES if row.code in BLOCKS]


def test_without_values_nothing_is_judged_by_roi() -> None:
    """Neither paused nor raised nor lowered; said once for all, with what to do about it."""
    rows = [campaign(number, value_missing=True) for number in range(1, 4)]
    for one_rule in (PAUSE, DOWN):
        answer = run([one_rule], rows)
        assert {each.code for each in answer} == {"VALUE_NOT_MEASURED"}
        (report,) = answer.breakers
        assert (report["code"], report["count"]) == ("VALUE_NOT_MEASURED", 3)
        assert "feed their revenue, or what a conversion is worth" in report["message"]
    assert "its conversions carry no value" in answer[0].reason


@pytest.mark.parametrize(
    ("row", "rules", "key"),
    [
        (WINNER, [UP], "no_raise_until"),
        (LOSER, [DOWN], "no_cut_until"),
    ],
)
def test_nothing_is_done_against_what_a_person_did(row: Any, rules: list[Any], key: str) -> None:
    until = NOW + timedelta(days=3)
    held = one(rules, row | {key: until.isoformat()})
    assert (held.verdict, held.code) == ("hold", "CHANGED_BY_PERSON")
    assert f"until {until:%Y-%m-%d %H:%M} UTC" in held.reason
    assert "a person changed it, and nothing" in held.reason
    named = one(rules, row | {key: until.isoformat(), "budget_person": "Maria Keller"})
    assert "a person changed it (Maria Keller), and nothing is done against that" in named.reason
    assert one(rules, row | {key: NOW.isoformat()}).verdict == "act"
    others = {"no_raise_until", "no_cut_until", "no_pause_until"} - {key}
    assert one(rules, row | dict.fromkeys(others, until.isoformat())).verdict == "act"


def test_what_a_person_switched_on_is_paused_only_when_that_is_nearly_certain() -> None:
    until = (NOW + timedelta(days=7)).isoformat()
    sure = one([PAUSE], campaign(spend=3000.0, revenue=900.0, conversions=30, no_pause_until=until))
    assert sure.confidence >= 95
    assert sure.verdict == "act"
    doubtful = campaign(spend=120.0, revenue=60.0, conversions=1, no_pause_until=until)
    held = one([PAUSE], doubtful)
    assert 50 < held.confidence < 95
    assert held.code == "CHANGED_BY_PERSON"
    named = one([PAUSE], doubtful | {"pause_person": "Maria", "budget_person": "Anna"})
    assert "a person changed it (Maria), and nothing" in named.reason


EVENT = '"Black Friday", no {what} until 2026-11-30 23:00 UTC'


@pytest.mark.parametrize(
    ("row", "rules", "what"),
    [
        (LOSER, [PAUSE], "pauses"),
        (WINNER, [UP], "raises"),
        (LOSER, [DOWN], "cuts"),
        (paused(), DEFAULT_RULES, "raises"),  # a resume
    ],
)
def test_a_planned_event_holds_what_it_names_and_nothing_else(
    row: Any, rules: list[Any], what: str
) -> None:
    words = EVENT.format(what=what)
    held = one(rules, row | {f"no_{what}_event": words})
    assert (held.verdict, held.code) == ("hold", "PLANNED_EVENT")
    assert f"a planned event is against it: {words}. It will" in held.reason
    others = {"no_pauses_event", "no_raises_event", "no_cuts_event"} - {f"no_{what}_event"}
    assert one(rules, row | dict.fromkeys(others, words)).verdict == "act"
    assert one(rules, row | {f"no_{what}_event": None}).verdict == "act"


@pytest.mark.parametrize("use", [0.0, 0.43, 0.699])
def test_a_budget_that_is_not_spent_is_not_raised(use: float) -> None:
    held = one([UP], WINNER | {"budget_use": use})
    assert (held.verdict, held.code) == ("hold", "NOT_LIMITED_BY_BUDGET")
    assert f"{int(100 * use)} % of it is spent" in held.reason


@pytest.mark.parametrize("use", [0.7, 1.0, 1.75, None, float("nan"), "much"])
def test_what_is_spent_or_not_known_holds_nothing(use: Any) -> None:
    assert one([UP], WINNER | {"budget_use": use}).verdict == "act"
    assert one([PAUSE], LOSER | {"budget_use": 0.1}).verdict == "act"


def test_nothing_holds_a_sure_pause_or_raise() -> None:
    assert one([PAUSE], LOSER).verdict == "act"
    assert one([UP], WINNER).new.budget == Decimal("150.00")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"autonomous_enabled": False}, "DISABLED"),
        ({"autonomous_enabled": None}, "DISABLED"),
        ({"hold_until": ahead(seconds=1)}, "ON_HOLD"),
        ({"hold_until": ago(seconds=0)}, None),
        ({"hold_until": "infinity"}, "ON_HOLD"),
        ({"hold_until": "-infinity"}, None),
        ({"last_pause_at": ago(hours=23.99)}, "COOLDOWN"),
        ({"last_pause_at": ago(hours=24)}, None),
        ({"last_action_at": ago(hours=1)}, None),
        ({"hours_running": 23.9}, "TOO_LITTLE_DATA"),
        ({"hours_running": None}, "TOO_LITTLE_DATA"),
        ({"hours_running": float("nan")}, "TOO_LITTLE_DATA"),
        ({"evidence": {}}, "TOO_LITTLE_DATA"),
        ({"evidence": {"spend": 0, "conversions": 3, "revenue": 9}}, "TOO_LITTLE_DATA"),
        ({"test_running": True}, "TEST_RUNNING"),
        ({"pending": True}, "AWAITING_APPROVAL"),
        ({"pending": None}, "AWAITING_APPROVAL"),
        ({"data_age_hours": 48}, None),
        ({"data_age_hours": 48.1}, "STALE_DATA"),
        ({"data_age_hours": None}, "STALE_DATA"),
        ({"budget": None}, None),
    ],
)
def test_a_pause(changes: dict[str, Any], code: str | None) -> None:
    decision = one([PAUSE], campaign(**changes))
    assert decision.code == (code or "auto_pause")
    assert decision.new.status == (campaign()["status"] if code else "paused")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"last_action_at": ago(hours=1)}, "COOLDOWN"),
        ({"last_action_at": ahead(hours=1)}, "COOLDOWN"),
        ({"last_pause_at": ago(hours=1)}, None),
        ({"hours_running": 1}, None),
        ({"budget": None}, "TOO_LITTLE_DATA"),
        ({"budget": 0}, "TOO_LITTLE_DATA"),
        ({"budget": -5}, "TOO_LITTLE_DATA"),
        ({"budget": float("nan")}, "TOO_LITTLE_DATA"),
        ({"budget_low_7d": 0}, "GROWTH_CAP"),
        ({"budget_low_7d": 34}, "NO_CHANGE"),
        ({"budget_low_7d": 33.333}, "GROWTH_CAP"),
    ],
)
def test_a_raise(changes: dict[str, Any], code: str | None) -> None:
    decision = one([UP], winner(**changes))
    if code == "NO_CHANGE":  # 34 x 3 = 102.00: two percent are left
        assert decision.new.budget == Decimal("102.00")
        assert decision.limits == ("GROWTH_CAP",)
        return
    assert decision.code == (code or "auto_scale_up")


def test_of_several_the_first_in_the_table_is_the_code() -> None:
    row = campaign(
        autonomous_enabled=False, hold_until=ahead(days=1), test_running=True, data_age_hours=99
    )
    assert one([PAUSE], row).code == "DISABLED"
    assert one([PAUSE], row | {"autonomous_enabled": True}).code == "ON_HOLD"


def test_a_rules_own_cooldown_and_floor_win() -> None:
    hasty = rule("Hasty", action={"type": "auto_pause", "cooldown_hours": 1})
    assert one([hasty], campaign(last_pause_at=ago(hours=2))).verdict == "act"
    strict = rule("Strict", action={"type": "auto_pause", "min_confidence": 99.9})
    assert one([strict], LOSER).code == "AGAINST_THE_ODDS"
    lax = rule("Lax", action={"type": "auto_pause", "min_confidence": 0})
    assert one([lax], WINNER).verdict == "act"


def test_never_against_the_odds() -> None:
    """A campaign that earns is not paused for whatever metric."""
    assert one([PAUSE], WINNER).code == "AGAINST_THE_ODDS"
    assert one([UP], LOSER).code == "AGAINST_THE_ODDS"


def test_three_conversions_are_not_enough_to_kill() -> None:
    decision = one(
        [PAUSE], campaign(spend=120.0, revenue=110.0, conversions=3), min_pause_confidence=80
    )
    assert decision.code == "AGAINST_THE_ODDS"


def test_a_flat_roi_rule_is_taken_at_its_word() -> None:
    condition = {"metric": "roi", "operator": "<", "threshold": 1.5, "min_spend": 100}
    row = campaign(spend=5_000.0, revenue=6_200.0, conversions=120)
    assert one([rule(condition=condition)], row).verdict == "act"
    assert one([rule(condition=condition)], row).roi_threshold == 1.5
    assert one([rule(condition={"all": [condition]})], row).code == "AGAINST_THE_ODDS"
    eager = scale_up(condition={"metric": "roi", "operator": ">=", "threshold": 1.2})
    assert one([eager], row).roi_threshold == 1.2
    high = scale_up(condition={"metric": "roi", "operator": ">=", "threshold": 4})
    assert one([high], WINNER).roi_threshold == 1.5


def test_holdout() -> None:
    assert one([PAUSE], campaign(holdout_draw=0.09), holdout_share=0.1).code == "HOLDOUT"
    assert one([PAUSE], campaign(holdout_draw=0.10), holdout_share=0.1).verdict == "act"
    assert one([PAUSE], campaign(holdout_draw=None), holdout_share=0.1).code == "HOLDOUT"
    assert one([PAUSE], campaign(holdout_draw=0.0)).verdict == "act"


def test_caps_shrink_in_order() -> None:
    big = scale_up(multiplier=10)
    decision = one([big], winner(budget_low_7d=60.0))
    assert (decision.new.budget, decision.limits) == (Decimal(180), ("STEP_CAP", "GROWTH_CAP"))
    decision = one([big], WINNER, max_budget=120)
    assert (decision.new.budget, decision.limits) == (Decimal(120), ("STEP_CAP", "BUDGET_CAP"))


def test_a_budget_above_the_cap_is_left_alone_never_lowered() -> None:
    decision = one([UP], winner(budget=12_000.0, budget_low_7d=12_000.0))
    assert decision.code == "BUDGET_CAP"
    assert decision.new == decision.previous


def test_scale_down_to_the_floor() -> None:
    down = rule(
        rule_type="scale",
        action={"type": "auto_scale_down", "multiplier": 0.1, "min_budget": 30},
    )
    decision = one([down], LOSER)
    assert (decision.new.budget, decision.limits) == (Decimal(30), ("BUDGET_CAP",))
    assert one([down], campaign(budget=30.0)).code == "BUDGET_CAP"
    assert one([down], campaign(budget=90_000.0)).new.budget == Decimal(9_000)


def test_set_budget_goes_both_ways() -> None:
    to_120 = rule(rule_type="optimize", action={"type": "budget_adjusted", "budget": 120})
    assert one([to_120], WINNER).new.budget == Decimal(120)
    assert one([to_120], LOSER).code == "AGAINST_THE_ODDS"
    assert one([to_120], campaign(budget=500.0)).new.budget == Decimal(120)
    assert one([to_120], campaign(budget=120.0)).code == "NO_CHANGE"


CURVE = rule(rule_type="optimize", action={"type": "budget_adjusted", "by": "curve"})


def optimised(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A campaign whose reference budget is known."""
    return {"reference_budget": 100.0} | row | changes


def test_a_budget_follows_its_curve_up_and_down() -> None:
    up, down = one([CURVE], optimised(WINNER)), one([CURVE], optimised(LOSER))
    assert (up.new.budget, up.action_type) == (Decimal(130), "budget_adjusted")
    assert (down.new.budget, down.action_type) == (Decimal(70), "budget_adjusted")
    assert up.confidence > 50
    assert down.confidence > 50


def test_what_is_near_its_target_is_left_there() -> None:
    target = one([CURVE], optimised(WINNER)).case.target
    assert target is not None
    for times, held in (("0.96", True), ("1.04", True), ("0.8", False), ("1.2", False)):
        budget = float(half_up(target * Decimal(times), 2))
        answer = run([CURVE], [optimised(WINNER, budget=budget, budget_low_7d=budget)])
        assert [decision.new.budget for decision in answer] == [half_up(target, 2)] * (not held)


def test_a_rule_raises_no_further_than_the_curve_would_leave_it() -> None:
    """Else it adds half every other day and the curve takes it back on the days between."""
    condition = {"metric": "roi", "operator": ">", "threshold": 0.1}
    half = scale_up(priority=99, condition=condition)
    target = one([CURVE], optimised(WINNER)).case.target
    assert target is not None
    for times, acts in (("0.97", False), ("0.75", False), ("0.6", True)):
        budget = float(half_up(target * Decimal(times), 2))
        row = optimised(WINNER, budget=budget, budget_low_7d=budget)
        assert one([half], row).verdict == "act", "alone it is taken at its word"
        types = [each.action_type for each in run([half, CURVE], [row]) if each.verdict == "act"]
        assert ("auto_scale_up" in types) is acts, times


def test_a_curve_ignores_the_threshold_that_says_when_to_look() -> None:
    always = CURVE | {"condition": {"metric": "roi", "operator": ">=", "threshold": 0.1}}
    assert one([always], optimised(LOSER)).new.budget == Decimal(70)


@pytest.mark.parametrize("reference", [None, 0, -5.0, float("nan"), 1e18, 1e-9, "100"])
def test_without_a_reference_nothing_follows_a_curve(reference: Any) -> None:
    held = one([CURVE], optimised(WINNER, reference_budget=reference))
    assert (held.verdict, held.code) == ("hold", "TOO_LITTLE_DATA")
    assert "where it belongs is not known" in held.reason
    without = one([CURVE], optimised(WINNER, budget=None))
    assert "has no budget to change" in without.reason


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"max_step": 1.1}, 110),
        ({"max_growth_7d": 1.2}, 120),
        ({"max_budget": 123.456}, 123.45),
    ],
)
@pytest.mark.parametrize("reference", [0.01, 20.0, 100.0, 5e4, 1e14])
@pytest.mark.parametrize("break_even", [0.01, 1.0])
def test_no_curve_leads_past_a_cap(
    limits: dict[str, float], most: float, reference: float, break_even: float
) -> None:
    row = optimised(WINNER, reference_budget=reference)
    decision = one([CURVE], row, break_even_roi=break_even, **limits)
    assert decision.new.budget is not None
    assert float(decision.new.budget) <= most
    if reference == 5e4:
        assert float(decision.new.budget) == most
        assert len(decision.limits) == 1


@pytest.mark.parametrize("reference", [0.01, 20.0, 100.0, 5e4, 1e14])
@pytest.mark.parametrize("break_even", [0.01, 1.0, 100.0])
def test_no_curve_leads_below_a_floor(reference: float, break_even: float) -> None:
    for row in (LOSER, WINNER):
        decision = one([CURVE], optimised(row, reference_budget=reference), min_budget=80.005,
                       break_even_roi=break_even)  # fmt: skip
        if decision.action_type == "budget_adjusted" and decision.new.budget is not None:
            assert decision.new.budget >= min(Decimal("80.01"), Decimal(100))
            assert decision.new.budget <= Decimal(130)


def test_a_budget_is_kept_to_be_measured() -> None:
    """Five percent of the reference budget are never undercut."""
    low = one([CURVE], optimised(LOSER, budget=6.0))
    assert low.new.budget == Decimal(5)
    assert low.limits == ("BUDGET_CAP",)


def test_only_a_certain_loser_at_its_floor_is_paused_by_its_curve() -> None:
    sure = campaign(spend=8000.0, revenue=1500.0, conversions=60)
    decision = one([CURVE], optimised(sure, budget=5.0))
    assert (decision.action_type, decision.code) == ("auto_pause", "auto_pause")
    assert decision.new == ("paused", Decimal("5.0"))
    assert decision.confidence >= 95
    assert "not even the first unit of it earns its keep" in decision.reason
    unsure = campaign(spend=100.0, revenue=20.0, conversions=2)
    held = one([CURVE], optimised(unsure, budget=5.0))
    assert held.action_type == "budget_adjusted"
    assert one([CURVE], optimised(sure)).action_type == "budget_adjusted"
    young = optimised(sure, budget=5.0, hours_running=3.0)
    assert one([CURVE], young).code == "TOO_LITTLE_DATA"
    certain = CURVE | {"action": CURVE["action"] | {"min_confidence": 100}}
    less = campaign(spend=3000.0, revenue=500.0, conversions=20)
    assert one([CURVE], optimised(less, budget=5.0)).action_type == "auto_pause"
    assert one([certain], optimised(less, budget=5.0)).action_type == "budget_adjusted"


def test_a_budget_follows_its_curve_once_a_day() -> None:
    row = optimised(WINNER, last_action_at=ago(hours=23.9))
    hourly = rule(
        rule_type="optimize",
        action={"type": "budget_adjusted", "by": "curve", "cooldown_hours": 0},
    )
    assert one([CURVE], row, cooldown_hours=0).code == "COOLDOWN"
    assert one([hourly], row).code == "COOLDOWN", "whatever the rule says"
    for each in (CURVE, hourly):
        assert one([each], optimised(WINNER, last_action_at=ago(hours=24))).verdict == "act"


@pytest.mark.parametrize(("row", "code"), [(WINNER, "GROWTH_BREAKER"), (LOSER, "SHRINK_BREAKER")])
def test_budgets_that_follow_their_curves_together_stop_at_the_breakers(
    row: dict[str, Any], code: str
) -> None:
    """Each moves by 30 of 100; together no more than a tenth of the account's 10,000."""
    rows = [
        optimised(row, campaign_id=f"{number:08d}-0000-0000-0000-000000000000")
        for number in range(100)
    ]
    limits = {"growth_breaker_share": 0.1, "growth_breaker_count": 0, "shrink_breaker_share": 0.1}
    answer = decide([CURVE], rows, Policy.checked(limits), NOW)
    moved = sum(one.raise_of + one.cut_of for one in answer.to_apply)
    assert 0 < moved <= 1000
    assert {one.code for one in answer if one.verdict == "hold"} == {code}


def test_each_campaign_is_judged_where_it_stands_on_its_curve() -> None:
    """The further beyond its reference budget, the less the next unit returns."""
    row = campaign(spend=1000.0, revenue=2000.0, conversions=40)
    up = scale_up(condition={"metric": "spend", "operator": ">", "threshold": 0})
    sure = [one([up], row | {"reference_budget": r}).confidence for r in (400.0, 100.0, 30.0)]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] > 90
    assert sure[2] < 50
    assert one([up], row).confidence == sure[1]
    bars = [one([up], row | {"reference_budget": r}).roi_threshold for r in (400.0, 100.0, 50.0)]
    assert bars == pytest.approx([1.125, 1.5, 2.0])


# Self-healing


def test_a_wrong_pause_is_taken_back() -> None:
    decision = one([PAUSE], paused())
    assert decision.code == "auto_resume"
    assert decision.new == ("Active", Decimal("80.0"))
    assert decision.rule_name == "A"
    assert decision.confidence > 80


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"autonomous_enabled": False}, "DISABLED"),
        ({"hold_until": ahead(days=1)}, "ON_HOLD"),
        ({"last_action_at": ago(hours=2)}, "COOLDOWN"),
        ({"pending": True}, "AWAITING_APPROVAL"),
        ({"test_running": True}, "TEST_RUNNING"),
        ({"last_resume_at": ago(days=6.9)}, "COOLDOWN"),
        ({"last_resume_at": ago(days=7)}, "auto_resume"),
    ],
)
def test_a_resume_has_guardrails_too(changes: dict[str, Any], code: str) -> None:
    assert one([PAUSE], paused(**changes)).code == code


def test_no_resume() -> None:
    """By a person, when switched off, when not proven, without a target, without rules."""
    assert len(run([PAUSE], [paused(paused_action=None)])) == 0
    assert len(run([PAUSE], [paused()], resume_when_proven_wrong=False)) == 0
    unsure = paused(evidence={"spend": 100.0, "conversions": 2.0, "revenue": 90.0, "days": 5.0})
    assert len(run([PAUSE], [unsure])) == 0
    for missing in (None, float("nan"), 0):
        action = paused()["paused_action"] | {"break_even": missing}
        assert len(run([PAUSE], [paused(paused_action=action)])) == 0
    assert len(run([], [paused()])) == 0


def test_a_resume_at_exactly_the_limit() -> None:
    close = paused(
        evidence={"spend": 300.0, "conversions": 12, "revenue": 600.0, "days": 9.0},
    )
    below = round(100 - one([PAUSE], close).confidence, 2)
    assert 1 < below < 20
    assert len(run([PAUSE], [close], resume_confidence=below)) == 1
    assert len(run([PAUSE], [close], resume_confidence=below - 0.01)) == 0


# The portfolio


def losers(number: int) -> list[dict[str, Any]]:
    return [campaign(at) for at in range(number)]


def winners(number: int, **changes: Any) -> list[dict[str, Any]]:
    return [winner(at, **changes) for at in range(number)]


def test_frozen_changes_nothing() -> None:
    answer = run([PAUSE, UP], [*losers(3), winner(9), paused(10)], frozen=True)
    assert {one.code for one in answer} == {"FROZEN"}
    assert answer.to_apply == []
    assert answer.breakers[0]["code"] == "FROZEN"
    assert answer.breakers[0]["count"] == 5


BROKEN = {"observed": 1.0, "expected": 100.0, "tripped": True}


def accounts(*names: str, **changes: Any) -> dict[str, Any]:
    """A portfolio of accounts of 50 campaigns and 5,000 a day each, the first one changed."""
    each = [
        {"account": name, "currency": "EUR", "active_campaigns": 50, "active_budget": 5000.0}
        for name in names
    ]
    each[0] |= changes
    return PORTFOLIO | {"accounts": each}


def in_account(name: str, rows: list[Any]) -> list[Any]:
    return [row | {"account": name} for row in rows]


def test_broken_tracking_stops_pauses_raises_and_cuts() -> None:
    tripped = PORTFOLIO | {"tracking": BROKEN}
    answer = run([PAUSE, UP], [*losers(3), winner(9)], tripped)
    assert [one.code for one in answer] == ["TRACKING_BREAKER"] * 4
    assert answer.breakers[0]["count"] == 4
    assert "(1 of 100 expected)" in answer.breakers[0]["message"]
    assert run([DOWN], losers(1), tripped)[0].code == "TRACKING_BREAKER"


def test_one_accounts_broken_tracking_stops_that_account() -> None:
    rows = [*in_account("a", [campaign(1), winner(2)]), *in_account("b", [campaign(3), winner(4)])]
    answer = run([PAUSE, UP], rows, accounts("a", "b", tracking=BROKEN))
    assert [one.verdict for one in answer] == ["hold", "hold", "act", "act"]
    assert answer.breakers[0] | {"message": ""} == {
        "code": "TRACKING_BREAKER", "message": "", "count": 2, "limit": 0.4, "account": "a",
    }  # fmt: skip
    assert answer.breakers[0]["message"].startswith('In account "a": conversions')


JUMPED = {"tripped": True, "orders": 36.0, "level": 100, "enough": True}


def test_values_that_jump_stop_pauses_raises_and_cuts() -> None:
    tripped = accounts("only", value=JUMPED)
    answer = run([PAUSE, UP], in_account("only", [*losers(3), winner(9)]), tripped)
    assert [one.code for one in answer] == ["VALUE_BREAKER"] * 4
    assert answer.breakers == [
        {
            "code": "VALUE_BREAKER", "count": 4, "limit": 4.0,
            "message": "the last conversions (36) are worth 100 times what is usual: values look "
            "broken, nothing is judged by them",
        }
    ]  # fmt: skip
    assert run([DOWN], in_account("only", losers(1)), tripped)[0].code == "VALUE_BREAKER"


def test_one_accounts_values_stop_that_account_and_a_currency_s_all_of_it() -> None:
    rows = [*in_account("a", [campaign(1)]), *in_account("b", [campaign(2)])]
    answer = run([PAUSE], rows, accounts("a", "b", value=JUMPED))
    assert [one.code for one in answer] == ["VALUE_BREAKER", "auto_pause"]
    assert answer.breakers[0]["account"] == "a"
    both = accounts("a", "b", "c") | {"currencies": [{"currency": "EUR", "value": JUMPED}]}
    both["accounts"][2]["currency"] = "JPY"
    rows += in_account("c", [campaign(3)])
    answer = run([PAUSE], rows, both)
    assert [one.code for one in answer] == ["VALUE_BREAKER", "VALUE_BREAKER", "auto_pause"]
    (report,) = answer.breakers
    assert report["message"].startswith("In EUR: the last conversions (36)")
    assert (report["count"], "account" in report) == (2, False)


def test_broken_tracking_is_said_before_broken_values() -> None:
    tripped = accounts("only", value=JUMPED, tracking=BROKEN)
    answer = run([PAUSE], in_account("only", losers(1)), tripped)
    assert answer[0].code == "TRACKING_BREAKER"
    assert [(one["code"], one["count"]) for one in answer.breakers] == [
        ("TRACKING_BREAKER", 1), ("VALUE_BREAKER", 0),
    ]  # fmt: skip


def test_pauses_of_each_account_are_counted_by_themselves() -> None:
    """A hundred campaigns elsewhere do not make six of eight few."""
    both = accounts("small", "large", active_campaigns=8)
    rows = [*in_account("small", losers(6)), *in_account("large", [campaign(9)])]
    answer = run([PAUSE], rows, both)
    assert [one.verdict for one in answer] == ["propose"] * 6 + ["act"]
    assert [one.get("account") for one in answer.breakers] == ["small"]


@pytest.mark.parametrize(
    ("active", "before", "wanted", "verdict"),
    [(1, 0, 1, "act"), (2, 0, 2, "act"), (3, 0, 2, "act"), (3, 0, 3, "propose"),
     (6, 0, 3, "act"), (5, 0, 3, "propose"), (2, 2, 1, "propose"), (4, 2, 1, "act"),
     (20, 0, 5, "act"), (19, 0, 10, "propose")],
)  # fmt: skip
def test_of_a_small_account_one_and_two_pauses_always_pass(
    active: int, before: int, wanted: int, verdict: str
) -> None:
    state = PORTFOLIO | {"active_campaigns": active, "pauses_24h": before}
    assert {one.verdict for one in run([PAUSE], losers(wanted), state)} == {verdict}


def test_cuts_take_a_share_of_the_account_and_the_most_certain_go_first() -> None:
    state = PORTFOLIO | {"active_campaigns": 10, "active_budget": 1000.0}
    half = rule("Half", rule_type="scale", action={"type": "auto_scale_down", "multiplier": 0.5})
    answer = run([half], losers(9), state)
    assert [one.code for one in answer].count("SHRINK_BREAKER") == 3
    assert answer.breakers == [
        {"code": "SHRINK_BREAKER", "message": "cuts of 24 hours would take more than 300.00 a day",
         "count": 3, "limit": 300.0}
    ]  # fmt: skip
    done = state | {"active_budget": 700.0, "cuts_24h": 6, "lowered_24h": 300.0}
    assert {one.code for one in run([half], losers(2), done)} == {"SHRINK_BREAKER"}


def test_one_cut_a_day_always_goes() -> None:
    alone = PORTFOLIO | {"active_campaigns": 1, "active_budget": 100.0}
    half = rule("Half", rule_type="scale", action={"type": "auto_scale_down", "multiplier": 0.5})
    assert run([half], losers(1), alone)[0].verdict == "act"
    again = alone | {"active_budget": 50.0, "cuts_24h": 1, "lowered_24h": 50.0}
    assert run([half], losers(1), again)[0].code == "SHRINK_BREAKER"


def test_money_of_two_currencies_is_not_added() -> None:
    """Raises of yen are no growth of euros, nor the reverse."""
    rows = [*in_account("yen", [winner(n, budget=200.0) for n in range(1, 8)]),
            *in_account("euro", [winner(n) for n in range(11, 18)])]  # fmt: skip
    both = accounts("yen", "euro", currency="JPY", active_budget=1_000_000.0)
    answer = run([UP], rows, both)
    assert {one.verdict for one in answer} == {"act"}
    tight = accounts("yen", "euro", currency="JPY", active_budget=1000.0)
    held = [one.case.candidate.account for one in run([UP], rows, tight) if one.verdict == "hold"]
    assert set(held) == {"yen"}


def test_pause_breaker_asks_a_person() -> None:
    small = PORTFOLIO | {"active_campaigns": 20}
    assert run([PAUSE], losers(5), small).breakers == []
    answer = run([PAUSE], losers(6), small)
    assert {(one.verdict, one.code) for one in answer} == {("propose", "PAUSE_BREAKER")}
    assert {one.new.status for one in answer} == {"paused"}
    assert answer.breakers == [
        {
            "code": "PAUSE_BREAKER",
            "message": "6 pauses in 24 hours of 20 campaigns: a person decides them",
            "count": 6,
            "limit": 5.0,
        }
    ]


def test_pause_breaker_counts_the_last_24_hours() -> None:
    earlier = PORTFOLIO | {"active_campaigns": 15, "pauses_24h": 5}
    assert run([PAUSE], losers(1), earlier)[0].code == "PAUSE_BREAKER"
    large = PORTFOLIO | {"active_campaigns": 400, "pauses_24h": 50}
    assert run([PAUSE], losers(20), large).breakers == []


def test_growth_breaker_lets_the_most_confident_go() -> None:
    rows = [
        *winners(5),
        winner(9) | {"evidence": campaign(spend=300, revenue=900, conversions=18)["evidence"]},
    ]
    portfolio = PORTFOLIO | {"active_budget": 1_000.0}
    answer = run([UP], rows, portfolio)  # 50 each, 300 together, 300 allowed
    assert answer.breakers == []
    exactly = run([UP], rows, portfolio | {"active_budget": 2_300.0, "raised_24h": 300.0})
    assert exactly.breakers == []
    answer = run([UP], rows, portfolio | {"active_budget": 900.0})  # 270: five go
    assert [one.code for one in answer] == ["auto_scale_up"] * 5 + ["GROWTH_BREAKER"]
    assert answer[5].new == answer[5].previous
    answer = run([UP], rows, portfolio | {"raised_24h": 290.0, "scale_ups_24h": 3})
    assert {one.code for one in answer} == {"GROWTH_BREAKER"}


def test_growth_breaker_is_not_widened_by_what_it_let_through() -> None:
    """Hour after hour: the raises of 24 hours never pass the share of the budget before."""
    budget, raised = 10_000.0, 0.0
    for hour in range(24):
        rows = [winner(hour * 100 + number) for number in range(20)]
        day = {"active_budget": budget + raised, "raised_24h": raised, "scale_ups_24h": hour * 20}
        answer = run([UP], rows, PORTFOLIO | day)
        raised += sum(float(one.raise_of) for one in answer if one.verdict == "act")
    assert 0 < raised <= 0.3 * budget


def test_growth_breaker_needs_more_than_five() -> None:
    assert run([UP], winners(5), PORTFOLIO | {"active_budget": 1.0}).breakers == []


def test_approval() -> None:
    answer = run([PAUSE, UP], [*losers(1), winner(9)], mode="approve")
    assert {(one.verdict, one.code) for one in answer} == {("propose", "APPROVAL")}
    asks = rule(action={"type": "auto_pause", "requires_approval": True})
    assert one([asks], LOSER).code == "APPROVAL"


def test_observe_decides_as_ever() -> None:
    assert one([PAUSE], LOSER, mode="observe").verdict == "act"


# Limits


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "many", True, -1])
@pytest.mark.parametrize(
    "name",
    [
        "min_confidence", "min_pause_confidence", "cooldown_hours", "min_pause_hours",
        "max_data_age_hours", "max_step",
        "max_growth_7d", "max_budget", "min_budget", "pause_breaker_share", "pause_breaker_count",
        "growth_breaker_share", "growth_breaker_count", "shrink_breaker_share", "holdout_share",
        "break_even_roi",
        "curvature", "prior_mean_roi", "prior_tau2", "prior_order_value", "prior_cv2",
    ],
)  # fmt: skip
def test_a_limit_that_is_no_number_is_an_error(name: str, value: Any) -> None:
    row = Policy().model_dump() | {name: value}
    with pytest.raises(PolicyError, match=name):
        decide(DEFAULT_RULES, [LOSER], row, NOW, PORTFOLIO)


@pytest.mark.parametrize("name", list(Policy.model_fields))
def test_a_limit_that_is_missing_is_an_error(name: str) -> None:
    row = Policy().model_dump()
    del row[name]
    with pytest.raises(PolicyError, match=name):
        decide(DEFAULT_RULES, [LOSER], row, NOW, PORTFOLIO)


@pytest.mark.parametrize("name", ["active_campaigns", "active_budget", "raised_24h"])
def test_a_portfolio_that_is_no_number_is_an_error(name: str) -> None:
    with pytest.raises(PolicyError, match=name):
        run(DEFAULT_RULES, [LOSER], PORTFOLIO | {name: None})


# What a platform has to say of a change -----------------------------------------------------------

LATER, BEFORE = (NOW + timedelta(hours=1)).isoformat(), (NOW - timedelta(seconds=1)).isoformat()


@pytest.mark.parametrize(
    ("rule_of", "row", "refused", "code"),
    [
        (PAUSE, LOSER, {"pause": LATER}, "COOLDOWN"),
        (PAUSE, LOSER, {"pause": BEFORE}, None),
        (PAUSE, LOSER, {"up": LATER, "down": LATER}, None),
        (UP, WINNER, {"up": LATER}, "COOLDOWN"),
        (UP, WINNER, {"pause": LATER}, None),
        (UP, WINNER, {"up": None}, None),
    ],
)
def test_what_was_refused_is_not_tried_again_for_a_day(
    rule_of: Any, row: Any, refused: Any, code: str | None
) -> None:
    decision = one([rule_of], {**row, "refused_until": refused})
    assert (decision.code if decision.verdict == "hold" else None) == code
    if code:
        assert "its platform has refused the same" in str(decision.to_dict()["reason"])


def test_a_budget_changed_too_often_waits_and_a_pause_does_not() -> None:
    assert one([UP], {**WINNER, "rate_until": LATER}).code == "PLATFORM_RATE"
    assert one([UP], {**WINNER, "rate_until": BEFORE}).verdict == "act"
    assert one([PAUSE], {**LOSER, "rate_until": LATER}).verdict == "act"


def test_a_cut_stops_at_the_platforms_minimum() -> None:
    low = one([DOWN], {**LOSER, "platform_minimum": 90})
    assert (low.new.budget, low.limits) == (Decimal(90), ("BELOW_MINIMUM",))
    held = one([DOWN], {**LOSER, "platform_minimum": 100})
    assert held.code == "BELOW_MINIMUM"
    assert "takes no budget below 100.00" in str(held.to_dict()["reason"])
    for least in (None, "NaN", 0, -5):
        assert one([DOWN], {**LOSER, "platform_minimum": least}).verdict == "act"

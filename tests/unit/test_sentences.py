"""The sentences: numbers in them, the right voice, and what would settle a hold."""

from __future__ import annotations

import re
from typing import Any

import pytest

from autonomy.engine import Decision, decide
from autonomy.engine.explain import explain
from autonomy.engine.more_evidence import more_evidence, plain_odds
from autonomy.engine.policy import Policy
from autonomy.engine.reasons import PARAMS
from tests.unit.campaigns import (
    CRITICAL_PAUSE,
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

BAD = campaign(spend=812.40, revenue=301.15, conversions=7)


def one(row: dict[str, Any], rules: Any = DEFAULT_RULES, **how: Any) -> Decision:
    dry_run = how.pop("dry_run", False)
    return decide(rules, [row], Policy.checked(how), NOW, dry_run=dry_run)[0]


def test_a_pause_as_the_issue_words_it() -> None:
    assert one(BAD).reason == (
        'Paused by "Critical ROI Pause": in 9 days 812.40 spent, 301.15 earned, 0.37x. '
        "92 % likely to be below break-even."
    )


@pytest.mark.parametrize(
    ("currency", "figures"),
    [
        ("EUR", "812.40 EUR spent, 301.15 EUR earned, 0.37x"),
        ("JPY", "812 JPY spent, 301 JPY earned, 0.37x"),
        ("KWD", "812.400 KWD spent, 301.150 KWD earned, 0.37x"),
    ],
)
def test_money_is_said_in_its_currency(currency: str, figures: str) -> None:
    decision = one(BAD | {"currency": currency})
    assert f"in 9 days {figures}" in decision.reason
    assert decision.params["currency"] == currency


@pytest.mark.parametrize(
    ("currency", "change", "new"),
    [
        (None, "from 101.00 to 151.50", "151.50"),
        ("EUR", "from 101.00 EUR to 151.50 EUR", "151.50"),
        ("JPY", "from 101 JPY to 152 JPY", "152"),
        ("KWD", "from 101.000 KWD to 151.500 KWD", "151.500"),
    ],
)
def test_a_budget_has_the_digits_of_its_currency(
    currency: str | None, change: str, new: str
) -> None:
    decision = one(winner(budget=101, currency=currency), [scale_up("Up")])
    assert f"Budget raised {change} by" in decision.reason
    assert str(decision.new.budget) == new


def test_rounding_never_passes_a_cap() -> None:
    row, up = winner(budget=70, currency="JPY"), scale_up("Up", action={"max_budget": 100.5})
    decision = one(row, [up])
    assert decision.new.budget == 100
    assert "100 JPY" in decision.reason
    held = one(winner(budget=100, currency="JPY"), [up])
    assert held.code == "BUDGET_CAP"
    assert held.new.budget == 100
    assert "the cap of 100 JPY" in held.reason


def test_voices() -> None:
    by = ' by "Critical ROI Pause": in 9 days 812.40 spent'
    assert one(BAD, dry_run=True).reason.startswith("Would be paused" + by)
    assert one(BAD, mode="observe").reason.startswith("Would be paused" + by)
    assert one(BAD, mode="approve").reason.startswith("Proposed to be paused" + by)


def test_a_raise() -> None:
    row = winner(hours_running=25)
    assert one(row, [scale_up("Up", multiplier=3)]).reason == (
        'Budget raised from 100.00 to 200.00, as far as one step may go, by "Up": in 1 day '
        "1,000.00 spent, 5,000.00 earned, 5.00x, 60 conversions. The next unit returns 2.82, "
        "the average one 4.23. 99 % likely that more budget earns its keep."
    )


def test_a_cut() -> None:
    down = rule("Down", rule_type="scale", action={"type": "auto_scale_down", "multiplier": 0.5})
    assert one(BAD, [down]).reason == (
        'Budget lowered from 100.00 to 50.00 by "Down": in 9 days 812.40 spent, 301.15 earned, '
        "0.37x. The next unit returns 0.36, the average one 0.54. 99 % likely that its last part "
        "of budget does not earn its keep."
    )


def test_a_resume() -> None:
    assert one(paused()).reason == (
        'Resumed after the pause by "A": late conversions brought it to 5,000.00 earned for '
        "1,000.00 spent, 5.00x. 99 % likely that the pause was wrong."
    )


def test_the_figures_are_those_of_the_window_that_the_rule_reads() -> None:
    week = {"spend": 2730.0, "revenue": 2410.0, "conversions": 12.5}
    row = BAD | {"metrics": {**BAD["metrics"], "7d": week}}
    seven = {"metric": "roi", "window": "7d", "operator": "<", "threshold": 1.0}
    short = {**seven, "min_spend": 50}
    also = {"all": [seven, {"metric": "hours_running", "operator": ">", "threshold": 1}]}
    for condition in (seven, short, also):
        told = one(row, [rule("Week", condition=condition)])
        assert told.reason.startswith(
            'Paused by "Week": in the last 7 days 2,730.00 spent, 2,410.00 earned, 0.88x. '
        )
        assert (told.params["window"], told.params["conversions"]) == ("7d", 12.5)
    mixed = {"all": [seven, {"metric": "spend", "operator": ">", "threshold": 1}]}
    assert "in 9 days 812.40 spent" in one(row, [rule("Both", condition=mixed)]).reason


def test_a_target_of_its_own_is_named() -> None:
    own = rule("Own", action={"type": "auto_pause", "break_even_roi": 1.5})
    assert "97 % likely" not in one(BAD, [own]).reason
    assert "likely to be below your target of 1.50x." in one(BAD, [own]).reason


def test_many_pauses_say_why_a_person_is_asked() -> None:
    rows = [campaign(number) for number in range(6)]
    reason = decide([CRITICAL_PAUSE], rows, Policy(), NOW)[0].reason
    assert reason.startswith("Proposed to be paused by ")
    assert reason.endswith(" So many pauses at once are left to a person.")


def test_names_with_braces_are_only_names() -> None:
    assert one(BAD, [rule("{spend} {0} %s")]).reason.startswith('Paused by "{spend} {0} %s": ')


def test_params_are_documented_by_key() -> None:
    for row in (BAD, winner(), paused(), campaign(spend=None, revenue=None, conversions=None)):
        for decision in decide([rule()], [row], Policy(), NOW):
            assert decision.params.keys() == PARAMS.keys()


def test_params_of_a_pause() -> None:
    assert one(BAD).params == {
        "window": "lifetime",
        "currency": None,
        "spend": 812.4,
        "revenue": 301.15,
        "roi": 0.37,
        "conversions": 7,
        "days": 9,
        "confidence": 92.27,
        "chance": 92,
        "break_even": 1.0,
        "target": 1.0,
        "believed": 100.0,
        "cpa_limit": None,
        "asked": None,
        "old_budget": 100.0,
        "new_budget": 100.0,
        "average_return": 0.54,
        "next_return": 0.36,
        "target_budget": None,
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"autonomous_enabled": False}, "automation is switched off for this campaign"),
        ({"hold_until": ahead(days=2)}, "it is left alone until 2026-11-26 10:00 UTC"),
        ({"last_pause_at": ago(hours=9)}, "The cooldown ends 2026-11-25 01:00 UTC"),
        (
            {"hours_running": 20.5},
            "24 hours of running. It will be looked at again in 4 hours.",
        ),
        ({"hours_running": None}, "it is not known to have run 24 hours"),
        ({"evidence": None}, "it has spent nothing"),
        (
            {"test_running": True},
            "test runs on it. It will be looked at again when the test ends.",
        ),
        ({"pending": True}, "another action on it waits for approval"),
        ({"data_age_hours": 60}, "its figures are 60 hours old, more than 48. It will"),
        ({"data_age_hours": 48.3}, "its figures are 48.3 hours old, more than 48. It will"),
        (
            {"hours_running": 23.5},
            "24 hours of running. It will be looked at again in 1 hour.",
        ),
        ({"data_age_hours": None}, "its figures are of unknown age"),
    ],
)
def test_what_settles_a_held_pause(changes: dict[str, Any], says: str) -> None:
    reason = one(campaign(**changes), [rule("R")]).reason
    assert reason.startswith('Not paused by "R": ')
    assert says in reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("row", "limits", "says"),
    [
        (winner(budget_low_7d=33.0), {}, "its budget has grown to x3 within 7 days"),
        (winner(), {"max_budget": 100}, "its budget is at the cap of 100.00"),
        (winner(), {"max_step": 1}, "one step may not go beyond x1.0"),
        (winner(last_action_at=ago(hours=1)), {}, "The cooldown ends 2026-11-25 09:00 UTC"),
        (winner(budget=None), {}, "it has no budget to change"),
        (winner(holdout_draw=0.1), {"holdout_share": 0.5}, "this week's comparison group"),
        (winner(), {"frozen": True}, "the system is frozen"),
    ],
)
def test_what_settles_a_held_raise(row: dict[str, Any], limits: dict[str, Any], says: str) -> None:
    reason = one(row, [scale_up()], **limits).reason
    assert reason.startswith('Budget not raised by "')
    assert says in reason


def test_against_the_odds_says_how_much_more_evidence_settles_it() -> None:
    row = campaign(spend=120.0, revenue=90.0, conversions=3)
    reason = one(row, [rule("R")], min_pause_confidence=80).reason
    assert re.fullmatch(
        r'Not paused by "R": \d\d % likely to be right, 80 % are needed. About \d+ more '
        r"conversions at this rate would settle it, in about \d+ days.",
        reason,
    )


@pytest.mark.parametrize(
    ("confidence", "least", "said"),
    [
        (36.4, 50.0, "36 % likely to be right, 50 % are needed"),
        (49.49, 50.0, "49 % likely to be right, 50 % are needed"),
        (49.6, 50.0, "49.6 % likely to be right, 50 % are needed"),
        (49.94, 50.0, "49.9 % likely to be right, 50 % are needed"),
        (49.96, 50.0, "49.96 % likely to be right, 50 % are needed"),
        (72.4, 72.5, "72 % likely to be right, 72.5 % are needed"),
        (49.99, 49.996, "49.99 % likely to be right, 49.996 % are needed"),
        (50.0, 50.0000001, "50 % likely to be right, more than 50 % are needed"),
        (99.98, 100.0, "99 % likely to be right, 100 % are needed"),
        (99.6, 99.7, "99 % likely to be right, 99.7 % are needed"),
        (0.0, 50.0, "1 % likely to be right, 50 % are needed"),
        (0.2, 0.5, "0.2 % likely to be right, 0.5 % are needed"),
    ],
)
def test_a_missed_floor_is_never_said_to_be_reached(
    confidence: float, least: float, said: str
) -> None:
    assert plain_odds(confidence, least) == said


def test_just_below_the_floor_is_below_it_in_the_sentence_too() -> None:
    held = one(campaign(spend=100.0, revenue=75.0, conversions=2), [rule("R")])
    assert held.verdict == "act"
    least = held.confidence + 0.01
    reason = one(campaign(spend=100.0, revenue=75.0, conversions=2), [rule("R")],
                 min_pause_confidence=round(least, 2)).reason  # fmt: skip
    assert f"{held.confidence:.2f} % likely to be right, {least:.2f} % are needed" in reason


OPTIMISE = rule("Optimise", rule_type="optimize", action={"type": "budget_adjusted", "by": "curve"})


def test_a_move_along_the_curve_says_what_the_next_unit_returns() -> None:
    row = winner(reference_budget=50.0, currency="EUR")
    raised = one(row, [OPTIMISE])
    assert re.fullmatch(
        r'Budget raised from 100.00 EUR to [0-9.]+ EUR by "Optimise": in 9 days 1,000.00 EUR '
        r"spent, 5,000.00 EUR earned, 5.00x, [0-9]+ conversions. The next EUR returns [0-9.]+, the "
        r"average one [0-9.]+, break-even is 1.00: towards [0-9.]+ EUR. \d+ % likely that more "
        r"budget earns its keep.",
        raised.reason,
    )
    said = raised.params
    assert said["next_return"] == pytest.approx(
        said["average_return"] * 2.0 / (2.0 + 2.0), abs=0.01
    )
    lowered = one(campaign(reference_budget=100.0), [OPTIMISE])
    assert "The next unit returns 0." in lowered.reason
    assert "break-even is 1.00: towards 0.00. " in lowered.reason
    assert lowered.reason.endswith("likely that its last part of budget does not earn its keep.")


def test_a_budget_that_is_where_it_belongs_is_left_alone_and_said_so() -> None:
    row = winner(reference_budget=50.0)
    there = row | {"budget": round(one(row, [OPTIMISE]).params["target_budget"], 2)}
    told = explain([OPTIMISE], there, Policy(), NOW)
    assert told["decision"] is None
    assert told["sentence"] == (
        "Left alone: its budget is where it belongs, as near as the evidence can tell"
    )


@pytest.mark.parametrize("conversions", [1, 3, 8])
def test_that_much_more_evidence_does_settle_it(conversions: int) -> None:
    row = campaign(spend=40.0 * conversions, revenue=30.0 * conversions, conversions=conversions)
    held = one(row, [rule("R")], min_pause_confidence=80)
    more = more_evidence(held.case)
    assert more is not None
    evidence = row["evidence"]
    for share, verdict in ((1.001, "act"), (0.95, "hold")):
        grown = campaign(
            spend=evidence["spend"] + share * more.spend,
            revenue=(evidence["spend"] + share * more.spend) * 0.75,
            conversions=evidence["conversions"] + share * more.conversions,
        )
        grown["evidence"]["days"] = evidence["days"] + share * more.days
        assert one(grown, [rule("R")], min_pause_confidence=80).verdict == verdict


def test_spend_without_conversions_is_settled_by_more_of_it() -> None:
    row = campaign(spend=30.0, revenue=0.0, conversions=0)
    reason = one(row, [rule("R")], min_pause_confidence=80).reason
    assert re.search(r"About \d+\.\d\d more spent without a conversion would settle it", reason)


def test_some_things_are_not_settled_by_waiting() -> None:
    assert "More of the same would not settle it." in one(winner(), [rule()]).reason


def test_a_cooldown_at_the_end_of_time() -> None:
    row = campaign(last_pause_at="9999-12-31T00:00:00+00:00")
    assert "9999" in one(row, [rule()]).reason

"""decide: who decides a campaign, what is skipped, what is counted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autonomy.engine import decide
from autonomy.engine.plan import Plan
from autonomy.engine.policy import Policy
from autonomy.rules.language import Condition, Rule
from autonomy.rules.tree import cpa_target
from tests.unit.campaigns import (
    DEFAULT_RULES,
    HIGH_SCALE,
    LOW_PAUSE,
    NOW,
    ago,
    campaign,
    paused,
    rule,
    scale_up,
    winner,
)

POLICY = Policy()
LOSER, WINNER = campaign(1), winner(2)


def test_five_lines() -> None:
    decisions = decide(DEFAULT_RULES, [LOSER, WINNER], Policy(), NOW)
    assert [(one.campaign_id[:8], one.code) for one in decisions] == [
        ("00000001", "auto_pause"),
        ("00000002", "auto_scale_up"),
    ]


def test_the_first_by_priority_wins_and_the_others_are_outranked() -> None:
    decision = decide(DEFAULT_RULES, [LOSER], POLICY, NOW)[0]
    assert decision.rule_name == "Critical ROI Pause"
    assert decision.rule_id == "00000000-0000-0000-0000-000000000001"
    assert decision.matched == [
        {"rule_name": "Critical ROI Pause", "code": "auto_pause"},
        {"rule_name": "Low ROI Pause", "code": "OUTRANKED"},
    ]


def test_a_held_rule_makes_way_for_the_next() -> None:
    strict = rule("First", priority=99, action={"type": "auto_pause", "min_confidence": 100})
    decision = decide([strict, rule("Second")], [LOSER], POLICY, NOW)[0]
    assert decision.rule_name == "Second"
    assert decision.matched == [
        {"rule_name": "First", "code": "AGAINST_THE_ODDS"},
        {"rule_name": "Second", "code": "auto_pause"},
    ]


def test_where_all_are_held_the_first_ones_reason_is_the_campaigns() -> None:
    rules = [rule("Pause", priority=9), scale_up("Up", priority=8)]
    row = winner(last_action_at=ago(hours=1))
    decision = decide(rules, [row], POLICY, NOW)[0]
    assert (decision.verdict, decision.code) == ("hold", "AGAINST_THE_ODDS")
    assert decision.matched == [
        {"rule_name": "Pause", "code": "AGAINST_THE_ODDS"},
        {"rule_name": "Up", "code": "COOLDOWN"},
    ]


def test_the_portfolios_code_is_the_winners() -> None:
    decision = decide(DEFAULT_RULES, [LOSER], Policy(frozen=True), NOW)[0]
    assert decision.matched[0] == {"rule_name": "Critical ROI Pause", "code": "FROZEN"}


def test_no_rules_decide_nothing() -> None:
    rows = [LOSER, WINNER, paused(3)]
    assert len(decide([], rows, POLICY, NOW)) == 0
    inactive = [row | {"is_active": False} for row in DEFAULT_RULES]
    assert len(decide(inactive, rows, POLICY, NOW)) == 0
    assert len(decide(inactive, rows, POLICY, NOW, include_inactive_rules=True)) == 3


def test_no_candidates() -> None:
    assert list(decide(DEFAULT_RULES, [], POLICY, NOW)) == []


def test_a_campaign_that_is_not_active_is_left_alone() -> None:
    row = LOSER | {"is_active": False, "status": "paused"}
    assert len(decide(DEFAULT_RULES, [row], POLICY, NOW)) == 0


def test_status_decides_where_the_row_does_not_say_whether_it_is_active() -> None:
    for status, number in (("ACTIVE", 1), ("paused", 0), (None, 0)):
        row = LOSER | {"is_active": None, "status": status}
        assert len(decide(DEFAULT_RULES, [row], POLICY, NOW)) == number


def test_a_bad_rule_is_reported_and_the_others_go_on() -> None:
    bad: list[Any] = [LOW_PAUSE | {"condition": {"metric": "x"}, "rule_name": "Bad"}, None, 3]
    flawed = LOW_PAUSE | {"rule_name": "Flawed", "flaw": "what the database says"}
    answer = decide([*bad, flawed, HIGH_SCALE], [LOSER, WINNER], POLICY, NOW)
    assert [one.code for one in answer] == ["auto_scale_up"]
    assert answer.rules_skipped[0]["rule_name"] == "Bad"
    assert answer.rules_skipped[0]["error"].startswith("condition.metric: ")
    assert len(answer.rules_skipped) == 4
    assert answer.rules_skipped[3] == {"rule_name": "Flawed", "error": "what the database says"}


@pytest.mark.parametrize(
    "bad",
    [
        {}, {"campaign_id": None}, LOSER | {"hold_until": "soon"},
        LOSER | {"hold_until": 3}, LOSER | {"metrics": []} | {"evidence": 3},
        LOSER | {"paused_action": 3}, LOSER | {"metrics": {"lifetime": [1]}}, None, 3,
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_left_alone_and_reported(bad: Any) -> None:
    answer = decide(DEFAULT_RULES, [bad, WINNER], POLICY, NOW)
    assert [one.code for one in answer] == ["auto_scale_up"]
    assert len(answer.candidates_skipped) == 1


def test_a_campaign_that_comes_twice_is_decided_once() -> None:
    assert len(decide(DEFAULT_RULES, [LOSER, LOSER, WINNER, LOSER], POLICY, NOW)) == 2


def test_now_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        decide(DEFAULT_RULES, [LOSER], POLICY, datetime(2026, 1, 1))  # noqa: DTZ001


def test_candidates_are_streamed() -> None:
    asked = []

    def rows() -> Any:
        for number in range(3):
            asked.append(number)
            yield campaign(number)

    assert len(decide(DEFAULT_RULES, rows(), POLICY, NOW)) == 3
    assert asked == [0, 1, 2]


def test_the_portfolio_is_counted_from_the_candidates_where_none_is_given() -> None:
    rows = [campaign(number) for number in range(6)]
    assert {one.code for one in decide(DEFAULT_RULES, rows, POLICY, NOW)} == {"PAUSE_BREAKER"}
    healthy = [campaign(number, spend=10, revenue=20) for number in range(10, 30)]
    assert decide(DEFAULT_RULES, rows + healthy, POLICY, NOW).breakers == []


def test_counts() -> None:
    rules = [
        *DEFAULT_RULES,
        rule("Weak", rule_type="scale", priority=1, action={"type": "auto_scale_down",
             "multiplier": 0.5}, condition={"metric": "roi", "operator": "between",
                                            "threshold": [1, 1.5]}),
    ]  # fmt: skip
    rows = [LOSER, WINNER, paused(3), campaign(4, spend=900, revenue=1100, conversions=20),
            campaign(5, hold_until="infinity")]  # fmt: skip
    answer = decide(rules, rows, POLICY, NOW)
    assert sorted(one.action_type for one in answer.to_apply) == [
        "auto_pause",
        "auto_resume",
        "auto_scale_down",
        "auto_scale_up",
    ]
    assert [one.code for one in answer if one.verdict == "hold"] == ["ON_HOLD"]
    assert answer.campaigns_seen == 5
    assert len(answer.to_apply) == 4


def test_a_decision_is_json() -> None:
    for decision in decide(DEFAULT_RULES, [LOSER, WINNER, paused(3)], POLICY, NOW):
        text = json.dumps(decision.to_dict(), allow_nan=False)
        assert json.loads(text)["campaign_id"] == decision.campaign_id


def test_a_dirty_campaign_is_json_too() -> None:
    row = campaign(spend=50.0, revenue=None, conversions=None, title=None, budget=None)
    answer = decide([rule()], [row | {"hours_running": None}], POLICY, NOW)
    json.dumps(answer[0].to_dict(), allow_nan=False)


def test_evidence_recomputes_the_confidence() -> None:
    from autonomy.engine.confidence import Evidence, Prior, probability_below, round_half_up

    decision = decide(DEFAULT_RULES, [LOSER], POLICY, NOW)[0]
    kept = json.loads(json.dumps(decision.evidence))
    seen = Evidence(**{name: kept[name] for name in Evidence._fields if name in kept})
    p = probability_below(kept["break_even"], seen, Prior(**kept["prior"]))
    assert round_half_up(100 * p) == decision.confidence
    assert p == kept["probability_below"]


@pytest.mark.parametrize("row", [LOSER, WINNER])
@pytest.mark.parametrize("reference", [20.0, 250.0])
def test_evidence_recomputes_the_confidence_along_the_curve(
    row: dict[str, Any], reference: float
) -> None:
    from autonomy.engine.confidence import Evidence, Prior, probability_below, round_half_up

    seen = row["evidence"] | {"effective_spend": row["evidence"]["spend"] * 0.8}
    row = row | {"reference_budget": reference, "evidence": seen}
    decision = decide(DEFAULT_RULES, [row], POLICY, NOW)[0]
    kept = json.loads(json.dumps(decision.evidence))
    assert kept["effective_spend"] == seen["effective_spend"]
    share = row["budget"] / kept["reference_budget"]
    c = kept["curvature"]
    below = probability_below(
        kept["break_even"] * (c + share) / (c + 1),
        Evidence(**{name: kept[name] for name in Evidence._fields}),
        Prior(**kept["prior"]),
    )
    assert below == pytest.approx(kept["probability_below"], abs=1e-12)
    right = below if decision.action_type == "auto_pause" else 1 - below
    assert round_half_up(100 * right) == pytest.approx(decision.confidence, abs=0.01)


def test_impact_of_a_pause_is_the_spend_of_seven_days() -> None:
    decision = decide(DEFAULT_RULES, [LOSER], POLICY, NOW)[0]
    impact = decision.expected_impact
    assert (impact["kind"], impact["horizon_days"]) == ("pause", 7)
    assert impact["spend_saved"] == pytest.approx(7 * 800 / 9, abs=0.01)
    assert 0 < impact["loss_avoided"] < impact["spend_saved"]


def test_a_pause_saves_no_more_than_the_present_budget() -> None:
    """Its evidence is of the days before it was cut to its floor."""
    cut = LOSER | {"budget": 5.0, "budget_low_7d": 5.0}
    impact = decide(DEFAULT_RULES, [cut], POLICY, NOW)[0].expected_impact
    assert impact["spend_saved"] == 7 * 5
    assert 0 < impact["loss_avoided"] < 7 * 5


def test_impact_of_a_raise_is_profit_on_the_margin() -> None:
    decision = decide(DEFAULT_RULES, [WINNER], POLICY, NOW)[0]
    impact = decision.expected_impact
    assert impact["kind"] == "scale"
    assert impact["added_spend"] == pytest.approx(7 * 1000 / 9, abs=0.01)  # doubled
    # roi r at 100, and r (2 + 1) / (2 + 2) at 200
    roi = decision.params["average_return"]
    earned = impact["added_spend"] * (2 * roi * 3 / 4 - roi)
    assert impact["added_profit"] == pytest.approx(earned - impact["added_spend"], rel=0.01)


def test_impact_of_a_hold_is_nothing() -> None:
    row = LOSER | {"pending": True}
    assert decide(DEFAULT_RULES, [row], POLICY, NOW)[0].expected_impact == {}


def test_a_title_that_is_no_text_is_unknown() -> None:
    row = LOSER | {"title": 5, "account": ["x"]}
    named = rule(condition={"not": {"title_contains": "x"}})
    assert len(decide([named], [row], POLICY, NOW)) == 0
    assert decide(DEFAULT_RULES, [row], POLICY, NOW)[0].title is None


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.text(max_size=8), inside, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(list(campaign())), anything))
@example({"budget": -101})
def test_whatever_a_row_holds_it_is_decided_or_reported(garbage: dict[str, Any]) -> None:
    answer = decide([rule()], [LOSER | garbage, WINNER], POLICY, NOW)
    assert answer.campaigns_seen + len(answer.candidates_skipped) in (1, 2)
    for one in answer:
        json.dumps(one.to_dict())


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*rule(), "colour"]), anything))
def test_whatever_a_rule_holds_it_is_taken_or_refused_with_a_sentence(
    garbage: dict[str, Any],
) -> None:
    answer = decide([rule() | garbage], [LOSER], POLICY, NOW)
    assert all(one["error"] for one in answer.rules_skipped)


def _cpa(operator: str, threshold: float, **more: Any) -> dict[str, Any]:
    return {"metric": "cpa", "operator": operator, "threshold": threshold} | more


@pytest.mark.parametrize(
    ("condition", "target"),
    [
        (_cpa(">", 20), 20.0),
        (_cpa("<=", 10, min_spend=100, account="A", window="7d"), 10.0),
        (
            {"all": [_cpa(">", 20), {"metric": "budget", "operator": ">", "threshold": 9}]},
            20,
        ),
        ({"all": [_cpa(">", 20), {"any": [{"account": "A"}, {"account": "B"}]}]}, 20.0),
        ({"all": [_cpa(">", 20), {"not": {"title_contains": "brand"}}]}, 20.0),
        ({"all": [_cpa(">", 20), _cpa(">", 20, window="7d")]}, None),
        ({"all": [_cpa(">", 20), {"metric": "roi", "operator": "<", "threshold": 1}]}, None),
        ({"any": [_cpa(">", 20)]}, None),
        ({"not": _cpa(">", 20)}, None),
        (_cpa("=", 20), None),
        (_cpa(">", 0), None),
        ({"metric": "cpa", "operator": ">", "than": {"metric": "cpa", "window": "7d"}}, None),
    ],
)
def test_what_speaks_of_cpa(condition: dict[str, Any], target: float | None) -> None:
    assert cpa_target(Condition.parse(condition).tree) == target


def test_pauses_have_a_floor_of_their_own_that_is_no_lower() -> None:
    sure = Policy(min_pause_confidence=100, min_confidence=0)
    bold = Policy(min_pause_confidence=0, min_confidence=100)
    assert [Plan(Rule.parse(row), sure).floor for row in (rule(), scale_up())] == [100, 0]
    assert [Plan(Rule.parse(row), bold).floor for row in (rule(), scale_up())] == [100, 100]


def test_a_pause_by_cpa_is_taken_back_by_cpa() -> None:
    """What it earns says nothing of it, only what its conversions cost by now."""
    row = paused(revenue=0.0)
    cost = row["evidence"]["spend"] / row["evidence"]["conversions"]
    for target, resumed in ((3.0 * cost, True), (cost / 3.0, False)):
        action = row["paused_action"] | {"target_cpa": target}
        answer = decide([LOW_PAUSE], [row | {"paused_action": action}], Policy(), NOW)
        assert [one.action_type for one in answer] == ["auto_resume"] * resumed
        if resumed:
            assert "at " in answer[0].reason
            assert answer[0].evidence["target_cpa"] == target

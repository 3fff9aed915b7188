"""What the rule language accepts, and at which place it refuses; the words are the database's."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.errors import RuleError
from autonomy.rules.language import MINIMUMS, Rule, comparisons
from autonomy.rules.schema import rule_schema
from tests.unit import drawn
from tests.unit.campaigns import DEFAULT_RULES, rule, scale_up

ROI = {"metric": "roi", "operator": "<", "threshold": 1.0}


def refusal(**changes: Any) -> str:
    with pytest.raises(RuleError) as caught:
        Rule.parse(rule(**changes))
    return str(caught.value)


def place_of(sentence: str) -> str:
    place, _, what = sentence.partition(": ")
    assert what
    return place


@pytest.mark.parametrize("row", DEFAULT_RULES, ids=lambda row: row["rule_name"])
def test_the_default_rules_are_valid(row: dict[str, Any]) -> None:
    assert Rule.parse(row).rule_name == row["rule_name"]


@pytest.mark.parametrize(
    "condition",
    [
        ROI,
        ROI | {"min_spend": 100, "min_conversions": 5, "min_clicks": 1, "min_impressions": 1},
        ROI | {"window": "7d", "min_duration_hours": 24, "account": "north"},
        {"metric": "roi", "operator": "between", "threshold": [1, 2]},
        {"metric": "profit", "operator": "<", "threshold": -50},
        {"metric": "profit", "operator": "between", "threshold": [-50, 0]},
        {"metric": "ctr", "window": "7d", "operator": "<",
         "than": {"metric": "ctr", "window": "prior_7d", "times": 0.7}},
        {"all": [ROI, {"any": [ROI, {"not": ROI}]}], "title_contains": "summer"},
        {"all": [ROI], "min_spend": 5},
        {"account": "north"},
        {"min_spend": 5, "window": "30d"},
    ],
)  # fmt: skip
def test_accepted(condition: dict[str, Any]) -> None:
    Rule.parse(rule(condition=condition))


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ({"all": [ROI, ROI | {"operator": "~"}]},
         "condition.all[1].operator"),
        ({"any": [{"not": ROI | {"metric": "rio"}}]}, "condition.any[0].not.metric"),
        (ROI | {"window": "8d"}, "condition.window"),
        (ROI | {"min_spent": 3},
         "condition.min_spent"),
        (ROI | {"threshold": "1"}, "condition.threshold"),
        (ROI | {"threshold": True}, "condition.threshold"),
        (ROI | {"threshold": float("nan")}, "condition.threshold"),
        (ROI | {"threshold": float("inf")}, "condition.threshold"),
        (ROI | {"threshold": 10**400}, "condition.threshold"),
        (ROI | {"threshold": Decimal("NaN")}, "condition.threshold"),
        (ROI | {"threshold": -1}, "condition.threshold"),
        (ROI | {"threshold": None}, "condition.threshold"),
        (ROI | {"threshold": [1, 2]}, "condition.threshold"),
        (ROI | {"operator": "between"}, "condition.threshold"),
        (ROI | {"operator": "between", "threshold": [1]},
         "condition.threshold"),
        (ROI | {"operator": "between", "threshold": [2, 1]},
         "condition.threshold"),
        (ROI | {"min_spend": -1}, "condition.min_spend"),
        (ROI | {"min_spend": "many"}, "condition.min_spend"),
        (ROI | {"account": ""}, "condition.account"),
        (ROI | {"account": 3}, "condition.account"),
        ({"metric": "roi", "operator": "<"}, "condition.threshold"),
        ({"metric": "roi", "threshold": 1}, "condition.operator"),
        (ROI | {"than": {"metric": "ctr"}}, "condition.threshold"),
        ({"metric": "roi", "operator": "<", "than": {"metric": "ctr", "times": -1}},
         "condition.than.times"),
        ({"metric": "roi", "operator": "<", "than": {"window": "7d"}},
         "condition.than.metric"),
        ({"all": []}, "condition.all"),
        ({"all": [ROI] * 51}, "condition.all"),
        ({"all": ROI}, "condition.all"),
        ({"all": [ROI], "any": [ROI]}, "condition"),
        ({"all": [ROI], "window": "7d"}, "condition.window"),
        ({"threshold": 3, "account": "x"}, "condition.threshold"),
        ({}, "condition"),
        ({"window": "7d"}, "condition"),
        ([], "condition"),
        ("roi < 1", "condition"),
    ],
)  # fmt: skip
def test_a_refused_condition_is_named_by_its_path(condition: Any, place: str) -> None:
    assert place_of(refusal(condition=condition)) == place


@pytest.mark.parametrize(
    ("action", "place"),
    [
        ({}, "action"),
        ({"type": "delete"}, "action"),
        ({"type": "auto_pause", "multiplier": 2}, "action.multiplier"),
        ({"type": "auto_pause", "min_confidence": 101}, "action.min_confidence"),
        ({"type": "auto_pause", "requires_approval": "no"}, "action.requires_approval"),
        ({"type": "auto_pause", "break_even_roi": 0}, "action.break_even_roi"),
        ({"type": "auto_scale_up", "multiplier": 2, "max_budget": 5},
         "action.type"),
        (None, "action"),
    ],
)  # fmt: skip
def test_a_refused_action_is_named_by_its_path(action: Any, place: str) -> None:
    assert place_of(refusal(action=action)) == place


@pytest.mark.parametrize(
    ("rule_type", "action", "place"),
    [
        ("scale", {"type": "auto_scale_up", "multiplier": 2}, "action.max_budget"),
        ("scale", {"type": "auto_scale_up", "multiplier": 1, "max_budget": 5},
         "action.multiplier"),
        ("scale", {"type": "auto_scale_up", "multiplier": 2, "max_budget": None},
         "action.max_budget"),
        ("scale", {"type": "auto_scale_down", "multiplier": 1}, "action.multiplier"),
        ("optimize", {"type": "budget_adjusted"}, "action"),
        ("optimize", {"type": "budget_adjusted", "by": "luck"}, "action.by"),
        ("optimize", {"type": "budget_adjusted", "by": "curve", "step": 0.2}, "action.step"),
        ("optimize", {"type": "budget_adjusted", "by": "marginal_return"}, "action.by"),
        ("optimize", {"type": "budget_adjusted", "budget": 5, "max_budget": 5},
         "action.max_budget"),
        ("optimize", {"type": "budget_adjusted", "by": "curve",
                      "max_budget": 5, "min_budget": 6}, "action.min_budget"),
    ],
)  # fmt: skip
def test_a_refused_budget_action(rule_type: str, action: Any, place: str) -> None:
    assert place_of(refusal(rule_type=rule_type, action=action)) == place


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"rule_type": "create"}, "rule_type"),
        ({"rule_type": "delete"}, "rule_type"),
        ({"rule_name": ""}, "rule_name"),
        ({"priority": "high"}, "priority"),
        ({"is_active": 1}, "is_active"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_refused_rule(changes: dict[str, Any], place: str) -> None:
    assert place_of(refusal(**changes)) == place


def nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = ROI
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


def test_eight_levels_and_no_more() -> None:
    Rule.parse(rule(condition=nested(8)))
    assert refusal(condition=nested(9)) == "condition: it is nested more than 8 levels deep"


def many(accounts: int, filters: int) -> dict[str, Any]:
    """A threshold of its own for each account; comparisons: accounts x (2 + filters)."""
    least = dict.fromkeys(MINIMUMS[:filters], 1)
    members = [ROI | least | {"account": f"a{n}"} for n in range(accounts)]
    return {"any": [{"any": members[at : at + 50]} for at in range(0, accounts, 50)]}


def test_two_hundred_comparisons_and_no_more() -> None:
    Rule.parse(rule(condition=many(50, 2)))
    one_more = {"all": [many(50, 2), {"not": {"title_contains": "x"}}]}
    assert comparisons(one_more) == 201
    assert refusal(condition=one_more) == (
        "condition: it has 201 comparisons; at most 200 are allowed"
    )
    assert "it has 5000 comparisons" in refusal(condition=many(2500, 0))


def test_a_condition_that_is_none_has_no_comparisons() -> None:
    for nothing in (None, [], ["metric"], "metric", 3, {}, {"all": "metric"}, {"any": [3, None]}):
        assert comparisons(nothing) == 0


def test_absurd_depth_is_a_sentence_and_not_a_crash() -> None:
    assert "nested" in refusal(condition=nested(100_000))


def test_the_row_of_the_database_is_taken_as_it_is() -> None:
    row = rule() | {"created_by": "someone", "created_at": "2026-01-01", "updated_at": None}
    assert Rule.parse(row).id == "rule A Rule"


@pytest.mark.parametrize("row", [None, 3, "rule", []])
def test_what_is_no_object_at_all(row: object) -> None:
    with pytest.raises(RuleError, match="a rule is an object"):
        Rule.parse(row)


@given(drawn.rules())
def test_what_the_strategies_draw_is_valid(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        Rule.parse(row)


def test_order_is_priority_then_name_by_code_point_then_id() -> None:
    rows = [
        scale_up("b", priority=1),
        scale_up("a", priority=1),
        scale_up("B", priority=1),
        scale_up("z", priority=2),
    ]
    ordered = sorted((Rule.parse(row) for row in rows), key=lambda one: one.order)
    assert [one.rule_name for one in ordered] == ["z", "B", "a", "b"]


def test_the_schema_in_the_docs_is_the_models() -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "rule.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == rule_schema(), (
        "write it anew: python -m autonomy rules schema > docs/rule.schema.json"
    )


def test_the_schema_knows_no_null() -> None:
    assert "null" not in json.dumps(rule_schema())


def test_the_schema_bounds_in_words_that_validators_know() -> None:
    text = json.dumps(rule_schema())
    assert not re.findall(r'"(ge|gt|le|lt)":', text)
    spend = rule_schema()["$defs"]["Condition"]["properties"]["min_spend"]
    assert (spend["minimum"], spend["maximum"]) == (0, 1e15)
    up = rule_schema()["$defs"]["AutoScaleUp"]["properties"]["multiplier"]
    assert (up["exclusiveMinimum"], up["maximum"]) == (1, 100)


keys = st.sampled_from(
    ["metric", "window", "operator", "threshold", "than", "all", "any", "not", "min_spend",
     "account", "title_contains", "type", "multiplier", "max_budget", "budget", "by", "step"]
)  # fmt: skip
words = st.sampled_from(
    ["roi", "7d", "<", "between", "auto_pause", "auto_scale_up", "budget_adjusted", "x", ""]
)
leaves = st.one_of(words, st.integers(-3, 3), st.floats(), st.booleans(), st.none())
garbage = st.recursive(
    leaves,
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(keys, inside, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(garbage, garbage, st.sampled_from(["pause", "scale", "optimize", "create"]))
def test_garbage_is_refused_with_a_path(condition: Any, action: Any, rule_type: str) -> None:
    try:
        Rule.parse(rule(condition=condition, action=action, rule_type=rule_type))
    except RuleError as error:
        for sentence in error.sentences:
            assert re.match(r"(condition|action|rule_type)[\w.\[\]]*: \S", sentence), sentence

"""What the rule language accepts, and the sentences with which it refuses."""

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
from autonomy.rules.language import MINIMUMS, Rule, comparisons, rule_schema
from tests.unit import drawn
from tests.unit.campaigns import DEFAULT_RULES, rule, scale_up

ROI = {"metric": "roi", "operator": "<", "threshold": 1.0}


def refusal(**changes: Any) -> str:
    with pytest.raises(RuleError) as caught:
        Rule.parse(rule(**changes))
    return str(caught.value)


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
    ("condition", "sentence"),
    [
        ({"all": [ROI, ROI | {"operator": "~"}]},
         "condition.all[1].operator: '~' is not an operator; use one of < <= > >= = != between"),
        ({"any": [{"not": ROI | {"metric": "rio"}}]}, "condition.any[0].not.metric: 'rio' is not"),
        (ROI | {"window": "8d"}, "condition.window: '8d' is not a window; use one of 1d 3d"),
        (ROI | {"min_spent": 3},
         "condition.min_spent: there is no such key; did you mean min_spend?"),
        (ROI | {"threshold": "1"}, "condition.threshold: '1' is not a number"),
        (ROI | {"threshold": True}, "condition.threshold: True is not a number"),
        (ROI | {"threshold": float("nan")}, "condition.threshold: nan is not a finite number"),
        (ROI | {"threshold": float("inf")}, "condition.threshold: inf is not a finite number"),
        (ROI | {"threshold": 10**400}, "condition.threshold: inf is not a finite number"),
        (ROI | {"threshold": Decimal("NaN")}, "condition.threshold: nan is not a finite number"),
        (ROI | {"threshold": -1}, "condition.threshold: -1 is negative; only profit"),
        (ROI | {"threshold": None}, "condition.threshold: null is not a value; leave the key out"),
        (ROI | {"threshold": [1, 2]}, "condition.threshold: < takes one number"),
        (ROI | {"operator": "between"}, "condition.threshold: between takes two numbers"),
        (ROI | {"operator": "between", "threshold": [1]},
         "condition.threshold: between takes two numbers, [low, high], not 1"),
        (ROI | {"operator": "between", "threshold": [2, 1]},
         "condition.threshold: the lower bound 2 is above the upper bound 1"),
        (ROI | {"min_spend": -1}, "condition.min_spend: -1 is not at least 0"),
        (ROI | {"min_spend": "many"}, "condition.min_spend: 'many' is not a number"),
        (ROI | {"account": ""}, "condition.account: it is empty"),
        (ROI | {"account": 3}, "condition.account: 3 is not text"),
        ({"metric": "roi", "operator": "<"}, "condition.threshold: it is missing"),
        ({"metric": "roi", "threshold": 1}, "condition.operator: it is missing"),
        (ROI | {"than": {"metric": "ctr"}}, "condition.threshold: it is too much beside than"),
        ({"metric": "roi", "operator": "<", "than": {"metric": "ctr", "times": -1}},
         "condition.than.times: -1 is not at least 0"),
        ({"metric": "roi", "operator": "<", "than": {"window": "7d"}},
         "condition.than.metric: it is missing"),
        ({"all": []}, "condition.all: it is empty"),
        ({"all": [ROI] * 51}, "condition.all: it has more than 50 members"),
        ({"all": ROI}, "condition.all: "),
        ({"all": [ROI], "any": [ROI]}, "condition: all and any stand side by side"),
        ({"all": [ROI], "window": "7d"}, "condition.window: it does not reach into all"),
        ({"threshold": 3, "account": "x"}, "condition.threshold: it needs a metric beside it"),
        ({}, "condition: it is empty"),
        ({"window": "7d"}, "condition: it is empty"),
        ([], "condition: [] is not an object"),
        ("roi < 1", "condition: 'roi < 1' is not an object"),
    ],
)  # fmt: skip
def test_a_refused_condition_is_named_by_its_path(condition: Any, sentence: str) -> None:
    assert refusal(condition=condition).startswith(sentence)


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ({}, "action.type: it is missing; use one of auto_pause"),
        ({"type": "delete"}, "action.type: 'delete' is not an action; use one of auto_pause"),
        ({"type": "auto_pause", "multiplier": 2}, "action.multiplier: there is no such key"),
        ({"type": "auto_pause", "min_confidence": 101}, "action.min_confidence: 101 is not at"),
        ({"type": "auto_pause", "requires_approval": "no"}, "action.requires_approval: 'no' is"),
        ({"type": "auto_pause", "break_even_roi": 0}, "action.break_even_roi: 0 is not above 0"),
        ({"type": "auto_scale_up", "multiplier": 2, "max_budget": 5},
         "action.type: a rule of type 'pause' takes auto_pause, not 'auto_scale_up'"),
        (None, "action: null is not a value"),
    ],
)  # fmt: skip
def test_a_refused_action_is_named_by_its_path(action: Any, sentence: str) -> None:
    assert refusal(action=action).startswith(sentence)


@pytest.mark.parametrize(
    ("rule_type", "action", "sentence"),
    [
        ("scale", {"type": "auto_scale_up", "multiplier": 2}, "action.max_budget: it is missing"),
        ("scale", {"type": "auto_scale_up", "multiplier": 1, "max_budget": 5},
         "action.multiplier: 1 is not above 1"),
        ("scale", {"type": "auto_scale_up", "multiplier": 2, "max_budget": None},
         "action.max_budget: null is not a value"),
        ("scale", {"type": "auto_scale_down", "multiplier": 1}, "action.multiplier: 1 is not be"),
        ("optimize", {"type": "budget_adjusted"}, "action: give either budget, or by and step"),
        ("optimize", {"type": "budget_adjusted", "by": "luck"}, "action.by: 'luck' is not"),
        ("optimize", {"type": "budget_adjusted", "by": "marginal_return"},
         "action.step: it is missing"),
        ("optimize", {"type": "budget_adjusted", "budget": 5, "max_budget": 5},
         "action.max_budget: it needs by: marginal_return beside it"),
        ("optimize", {"type": "budget_adjusted", "by": "marginal_return", "step": 0.2,
                      "max_budget": 5, "min_budget": 6}, "action.min_budget: 6 is above max_"),
    ],
)  # fmt: skip
def test_a_refused_budget_action(rule_type: str, action: Any, sentence: str) -> None:
    assert refusal(rule_type=rule_type, action=action).startswith(sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rule_type": "create"}, "rule_type: no automatic action of type 'create' exists"),
        ({"rule_type": "delete"}, "rule_type: 'delete' is not"),
        ({"rule_name": ""}, "rule_name: it is empty"),
        ({"priority": "high"}, "priority: 'high' is not a whole number"),
        ({"is_active": 1}, "is_active: 1 is not true or false"),
        ({"colour": "red"}, "colour: there is no such key"),
    ],
)
def test_a_refused_rule(changes: dict[str, Any], sentence: str) -> None:
    assert refusal(**changes).startswith(sentence)


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

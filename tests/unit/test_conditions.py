"""Conditions: the compiled function, held equal to reading a condition step by step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from autonomy.engine.candidate import Candidate
from autonomy.engine.compiled_conditions import compile_conditions, source_of
from autonomy.engine.traced_conditions import metric_value, read
from autonomy.rules.language import Condition
from autonomy.rules.tree import All, Beside, Comparison, Minimum, Not, Scope
from tests.unit import drawn
from tests.unit.campaigns import campaign, figures

INF, NAN = float("inf"), float("nan")


def holds(condition: dict[str, Any], row: dict[str, Any]) -> bool:
    matching = compile_conditions([Condition.model_validate(condition)])
    return matching(Candidate.from_row(row)) == [0]


def compared(metric: str, operator: str, threshold: Any, **more: Any) -> dict[str, Any]:
    return {"metric": metric, "operator": operator, "threshold": threshold} | more


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("roi", 300 / 800),
        ("ctr", 100 * 500 / 10_000),
        ("conversion_rate", 100 * 8 / 500),
        ("cpa", 800 / 8),
        ("cpc", 800 / 500),
        ("aov", 300 / 8),
        ("spend", 800),
        ("revenue", 300),
        ("impressions", 10_000),
        ("clicks", 500),
        ("conversions", 8),
        ("budget", 100),
        ("hours_running", 216),
        ("frequency", 2),
    ],
)
def test_every_metric(metric: str, value: float) -> None:
    assert holds(compared(metric, "=", value), campaign())
    assert not holds(compared(metric, "!=", value), campaign())
    assert holds(compared(metric, "<=", value), campaign())
    assert not holds(compared(metric, "<", value), campaign())
    assert holds(compared(metric, "between", [0, value]), campaign())


def test_profit_may_be_negative() -> None:
    assert holds(compared("profit", "<=", -500), campaign())
    assert not holds(compared("profit", "<", -500), campaign())


@pytest.mark.parametrize("value", [None, NAN, INF, -INF, "800", True])
@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "=", "!=", "between"])
def test_missing_data_never_triggers_also_under_not(operator: str, value: Any) -> None:
    threshold: Any = [0, 1e9] if operator == "between" else 800
    condition = compared("spend", operator, threshold)
    row = campaign(spend=value)
    assert not holds(condition, row)
    assert not holds({"not": condition}, row)
    assert not holds({"not": {"not": condition}}, row)


@pytest.mark.parametrize(
    ("metric", "zero"),
    [
        ("roi", "spend"),
        ("ctr", "impressions"),
        ("conversion_rate", "clicks"),
        ("cpa", "conversions"),
        ("frequency", "reach"),
    ],
)
def test_a_ratio_over_nothing_is_unknown(metric: str, zero: str) -> None:
    row = campaign(metrics={"lifetime": figures() | {zero: 0}})
    for condition in (compared(metric, ">=", 0), compared(metric, "<", 1e9)):
        assert not holds(condition, row)
        assert not holds({"not": condition}, row)


def test_a_window_that_the_row_lacks_is_unknown() -> None:
    assert not holds(compared("spend", ">=", 0, window="7d"), campaign())
    assert not holds({"not": compared("spend", ">=", 0, window="7d")}, campaign())


def test_three_valued_and_and_or() -> None:
    yes, no = compared("spend", ">", 0), compared("spend", "<", 0)
    unknown = compared("spend", ">", 0, window="7d")
    row = campaign()
    assert holds({"any": [unknown, yes]}, row)
    assert not holds({"all": [unknown, yes]}, row)
    assert holds({"not": {"all": [unknown, no]}}, row)  # unknown and false is false
    assert not holds({"not": {"any": [unknown, no]}}, row)  # unknown or false is unknown
    assert not holds({"not": {"all": [unknown, yes]}}, row)


def test_minimums_are_inclusive_and_read_the_conditions_own_window() -> None:
    row = campaign(metrics={"lifetime": figures(), "7d": figures(spend=50)})
    assert holds(compared("roi", ">", 0, min_spend=800), row)
    assert not holds(compared("roi", ">", 0, min_spend=800.01), row)
    assert holds(compared("roi", ">", 0, window="7d", min_spend=50), row)
    assert not holds(compared("roi", ">", 0, window="7d", min_spend=50.01), row)


def test_comparison_with_another_window() -> None:
    row = campaign(
        metrics={
            "lifetime": figures(),
            "7d": figures() | {"clicks": 300},
            "prior_7d": figures() | {"clicks": 500},
        }
    )
    than = {"metric": "ctr", "window": "prior_7d", "times": 0.7}
    condition = {"metric": "ctr", "window": "7d", "operator": "<", "than": than}
    assert holds(condition, row)
    assert not holds(condition | {"than": than | {"times": 0.5}}, row)
    assert not holds(condition | {"window": "1d"}, row)


def test_floats_are_compared_as_the_database_compares_them() -> None:
    """2.1 <= 3 x 0.7 is false in float8 (2.0999999999999996), true in numeric."""
    row = campaign(
        metrics={"lifetime": figures(spend=2.1), "7d": figures(spend=3)},
    )
    than = {"metric": "spend", "window": "7d", "times": 0.7}
    assert not holds({"metric": "spend", "operator": "<=", "than": than}, row)


def test_scope() -> None:
    row = campaign(title="Summer SALE", account="north")
    assert holds({"title_contains": "sale"}, row)
    assert holds({"not": {"title_contains": "brand"}}, row)
    assert not holds({"title_contains": "brand"}, row)
    assert holds({"account": "north"}, row)
    assert not holds({"account": "North"}, row)
    nameless = campaign(title=None, account=None)
    assert not holds({"not": {"title_contains": "brand"}}, nameless)
    assert not holds({"not": {"account": "north"}}, nameless)


def test_text_of_a_rule_cannot_leave_its_quotes() -> None:
    nasty = "x' or __import__('os').abort() or 'y\n\\"
    assert not holds({"title_contains": nasty}, campaign())
    assert not holds({"account": nasty}, campaign())
    assert holds({"account": nasty}, campaign(account=nasty))


def test_no_rules_match_nothing() -> None:
    assert compile_conditions([])(Candidate.from_row(campaign())) == []


def test_each_metric_is_computed_once_however_many_rules_read_it() -> None:
    one = Condition.model_validate(compared("roi", "<", 1))
    assert source_of([one] * 50).count(" / ") == 1


@settings(max_examples=200, deadline=None)
@given(drawn.conditions, drawn.candidates())
def test_compiled_is_what_is_read(condition: dict[str, Any], row: dict[str, Any]) -> None:
    parsed, one = Condition.model_validate(condition), Candidate.from_row(row)
    truth, _ = read(parsed, one)
    assert compile_conditions([parsed])(one) == ([0] if truth is True else [])
    negated = Condition.model_validate({"not": condition})
    assert compile_conditions([negated])(one) == ([0] if truth is False else [])


def test_a_condition_is_a_tree_and_built_once() -> None:
    budget = compared("budget", "between", [1, 2], window="7d")
    condition = Condition.parse({"all": [budget, {"not": {"account": "n"}}], "min_spend": 5})
    least = Minimum("spend", "lifetime", ">=", 5.0)
    both = All(
        (Comparison("budget", "lifetime", "between", (1.0, 2.0)), Not(Scope("account", "n")))
    )
    assert condition.tree == Beside((least, both))
    assert condition.tree is condition.tree


def test_metric_values_in_words() -> None:
    one = Candidate.from_row(campaign())
    _, lines = read(Condition.model_validate(compared("roi", "<", 0.5, min_spend=50)), one)
    assert [line.text for line in lines] == ["roi 0.38 < 0.5", "spend 800 >= 50"]
    two = {"any": [compared("roi", "<", 0.5), {"not": {"account": "x"}}], "min_clicks": 1}
    _, lines = read(Condition.model_validate(two), one)
    assert [(line.depth, line.text) for line in lines] == [
        (0, "clicks 500 >= 1"), (0, "any of"), (1, "roi 0.38 < 0.5"), (1, "not"),
        (2, "account is 'x'"),
    ]  # fmt: skip
    assert metric_value(one, "roi", "lifetime") == 300 / 800

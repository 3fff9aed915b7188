"""Lint: what is wrong with rules is found, and what is right is left in peace."""

from __future__ import annotations

from typing import Any

import pytest

from autonomy.engine.lint import Finding, lint
from autonomy.engine.policy import Policy
from autonomy.rules.language import Rule
from autonomy.rules.templates import TEMPLATES
from tests.unit.campaigns import DEFAULT_RULES, rule, scale_up


def found(*rows: dict[str, Any], **limits: Any) -> list[Finding]:
    return lint([Rule.parse(row) for row in rows], Policy.checked(limits))


def codes(*rows: dict[str, Any], **limits: Any) -> list[str]:
    return [one.code for one in found(*rows, **limits)]


def roi(operator: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"metric": "roi", "operator": operator, "threshold": value} | more


def down(name: str = "Down", **changes: Any) -> dict[str, Any]:
    action = {"type": "auto_scale_down", "multiplier": 0.5} | changes.pop("action", {})
    return rule(name, rule_type="scale", action=action, **changes)


def test_the_default_rules_are_sound() -> None:
    assert found(*DEFAULT_RULES) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.key)
def test_each_template_is_sound_by_itself(template: Any) -> None:
    assert found(template.row | {"is_active": True}) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [roi("<", 1), roi(">", 1)]},
        {"all": [roi("<", 1), {"all": [roi(">=", 1)]}]},
        {"all": [roi("=", 2), roi("between", [3, 4])]},
        {"all": [roi("<=", 1), {"metric": "spend", "operator": "<", "threshold": 100}],
         "min_spend": 100},
        {"metric": "clicks", "operator": "<", "threshold": 0},
        {"all": [{"account": "a"}, {"account": "b"}]},
        {"metric": "ctr", "window": "7d", "operator": "<", "than": {"metric": "ctr",
                                                                   "window": "7d"}},
        {"all": [{"metric": "budget", "window": "7d", "operator": ">", "threshold": 9},
                 {"metric": "budget", "operator": "<", "threshold": 9}]},
    ],
)  # fmt: skip
def test_never_fires(condition: dict[str, Any]) -> None:
    findings = found(rule(condition=condition))
    assert [(one.code, one.severity) for one in findings] == [("NEVER_FIRES", "error")]
    assert findings[0].sentence.startswith("A Rule can never fire: ")


@pytest.mark.parametrize(
    "condition",
    [
        {"all": [roi("<", 1), roi(">", 1, window="7d")]},
        {"any": [roi("<", 1), roi(">", 1)]},
        {"all": [roi("<=", 1), roi(">=", 1)]},
        {"all": [roi("<", 1), {"not": roi("<", 1)}]},  # it cannot, but that is not seen
        {"metric": "profit", "operator": "<", "threshold": -5},
        roi("<", 0),  # refunds
    ],
)
def test_may_fire(condition: dict[str, Any]) -> None:
    assert "NEVER_FIRES" not in codes(rule(condition=condition))


def test_outranked() -> None:
    wide = rule("Wide", priority=9, condition=roi("<", 1, min_spend=50))
    narrow = rule("Narrow", priority=8, condition=roi("<", 0.5, min_spend=100))
    findings = found(narrow, wide)
    assert [(one.rule, one.code, one.other) for one in findings] == [
        ("Narrow", "OUTRANKED", "Wide")
    ]
    assert "decides only where the action of Wide is held" in findings[0].sentence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (roi("<", 0.5), roi("<", 1)),
        (roi("<", 1, window="7d"), roi("<", 0.5)),
        (roi("<", 1, account="a"), roi("<", 0.5)),
        (roi("<", 1, min_conversions=5), roi("<", 0.5)),
        ({"any": [roi("<", 1)]}, roi("<", 0.5)),
    ],
)  # fmt: skip
def test_not_outranked(first: dict[str, Any], second: dict[str, Any]) -> None:
    rows = rule("1", priority=9, condition=first), rule("2", priority=8, condition=second)
    assert "OUTRANKED" not in codes(*rows)


def test_outranked_only_by_an_active_rule() -> None:
    wide = rule("Wide", priority=9, condition=roi("<", 1), is_active=False)
    assert found(rule("Narrow", priority=8, condition=roi("<", 0.5)), wide) == []


def test_flapping_raise_and_cut() -> None:
    up = scale_up("Up", condition=roi(">=", 1.5))
    cut = down("Cut", condition=roi("<", 1.5))
    findings = [one for one in found(up, cut) if one.code == "FLAPPING"]
    assert [(one.rule, one.other) for one in findings] == [("Up", "Cut")]
    assert "in turn" in findings[0].sentence


def test_a_gap_keeps_them_apart() -> None:
    up = scale_up("Up", condition=roi(">=", 1.7))
    assert "FLAPPING" not in codes(up, down("Cut", condition=roi("<", 1.5)))
    assert "FLAPPING" not in codes(
        scale_up("Up", condition=roi(">=", 2) | {"account": "a"}),
        down("Cut", condition=roi("<", 2) | {"account": "b"}),
    )


def test_confidence_keeps_them_apart() -> None:
    up = scale_up("Up", condition=roi(">=", 3), action={"min_confidence": 70})
    cut = down("Cut", condition=roi("<", 3), action={"min_confidence": 70})
    assert "FLAPPING" not in codes(up, cut)
    assert "FLAPPING" in codes(scale_up("Up", condition=roi(">=", 3)), down(condition=roi("<", 3)))


def test_two_fixed_budgets_undo_each_other() -> None:
    first = rule("A", rule_type="optimize", action={"type": "budget_adjusted", "budget": 50})
    second = rule("B", rule_type="optimize", action={"type": "budget_adjusted", "budget": 80})
    assert "FLAPPING" in codes(first, second)


def test_pause_against_self_healing() -> None:
    eager = rule("Eager", action={"type": "auto_pause", "min_confidence": 15})
    assert codes(eager) == ["FLAPPING", "AGAINST_THE_ODDS"]
    assert codes(eager, resume_when_proven_wrong=False) == ["AGAINST_THE_ODDS"]


def test_no_cap() -> None:
    step = {"type": "budget_adjusted", "by": "curve"}
    assert codes(rule(rule_type="optimize", action=step)) == ["NO_CAP"]
    assert codes(rule(rule_type="optimize", action=step | {"max_budget": 900})) == []


def test_caps_and_steps_beyond_the_policy() -> None:
    findings = found(scale_up(multiplier=3, action={"max_budget": 60_000}))
    assert [(one.code, one.severity) for one in findings] == [
        ("CAP_ABOVE_CEILING", "note"),
        ("STEP_ABOVE_POLICY", "note"),
    ]
    fixed = rule(rule_type="optimize", action={"type": "budget_adjusted", "budget": 70_000})
    assert codes(fixed) == ["CAP_ABOVE_CEILING"]


@pytest.mark.parametrize(
    "row",
    [
        rule(condition=roi(">", 1.5)),
        rule(condition=roi("<", 2.5)),
        scale_up(condition=roi("<", 0.9)),
        scale_up(condition=roi(">=", 0.8)),
        down(condition=roi(">=", 3)),
    ],
)
def test_wrong_side_of_break_even(row: dict[str, Any]) -> None:
    assert codes(row) == ["WRONG_SIDE"]


@pytest.mark.parametrize(
    "row",
    [
        rule(condition=roi("<", 1.5)),  # the guide's own: this user needs 1.5
        scale_up(condition=roi(">=", 1.2)),
        down(condition=roi("<", 1.5)),
        rule(condition={"metric": "ctr", "operator": "<", "threshold": 1}),
    ],
)
def test_right_side_of_break_even(row: dict[str, Any]) -> None:
    assert codes(row) == []


def test_errors_come_first_and_findings_are_rows() -> None:
    broken = rule("Broken", priority=0, condition={"all": [roi("<", 1), roi(">", 1)]})
    findings = found(scale_up(multiplier=3), broken)
    assert [one.severity for one in findings] == ["error", "note"]
    assert findings[0].to_row() == {
        "rule": "Broken",
        "code": "NEVER_FIRES",
        "severity": "error",
        "sentence": "Broken can never fire: no value of roi meets all its bounds.",
        "other": None,
    }


def test_a_rule_that_never_fires_outranks_nobody() -> None:
    broken = rule("Broken", priority=99, condition={"all": [roi("<", 1), roi(">", 1)]})
    assert codes(broken, rule("Fine", condition=roi("<", 0.5))) == ["NEVER_FIRES"]


def asks(metric: str, threshold: Any, **more: Any) -> list[str]:
    asked = {"metric": metric, "operator": "<", "threshold": threshold} | more
    return [
        one.sentence
        for one in found(rule("Ads", condition={"any": [asked, {"account": "A"}]}))
        if one.code == "OTHER_UNIT"
    ]


def test_a_fraction_where_percent_are_read() -> None:
    assert asks("ctr", 0.01) == [
        "Ads: ctr is in percent: 0.01 is 1 click in 10,000 impressions; did you mean 1?"
    ]
    assert asks("conversion_rate", 0.02) == [
        "Ads: conversion_rate is in percent: 0.02 is 1 conversion in 5,000 clicks; did you mean 2?"
    ]
    assert len(asks("ctr", [0.01, 0.05], operator="between")) == 2
    assert asks("ctr", 0.1) == asks("ctr", 0) == asks("cpc", 0.01) == []


def test_percent_where_a_multiple_is_read() -> None:
    assert asks("roi", 150) == [
        "Ads: roi is a multiple: 150 is 150 times the spend; did you mean 1.5?"
    ]
    assert len(asks("roi", 20)) == 1
    assert asks("roi", 19.9) == asks("ctr", 20) == asks("cpa", 150) == []


def test_a_break_even_that_is_not_read() -> None:
    cost = {"metric": "cpa", "operator": ">", "threshold": 20}
    action = {"type": "auto_pause", "break_even_roi": 2}
    assert codes(rule("Dear", condition=cost, action=action)) == ["NOT_READ"]
    assert codes(rule("Dear", condition=cost)) == []


def test_a_rule_for_one_account_is_held_against_its_target() -> None:
    """Raising from 1.2x on is below break-even where that is 1.5."""
    row = {
        "rule_name": "Grow", "rule_type": "scale", "is_active": True,
        "condition": {"account": "shop", "metric": "roi", "operator": ">=", "threshold": 1.2},
        "action": {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 500},
    }  # fmt: skip
    shop = Policy.checked({"break_even_roi": 1.5})
    assert [one.code for one in lint([Rule.parse(row)], Policy())] == []
    assert [one.code for one in lint([Rule.parse(row)], Policy(), {"shop": shop})] == ["WRONG_SIDE"]
    assert [one.code for one in lint([Rule.parse(row)], Policy(), {"other": shop})] == []

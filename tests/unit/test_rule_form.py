"""A rule as a form: every rule has one, buttons change it, and errors find their field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from autonomy.errors import BadRequest
from autonomy.rules.language import Rule
from autonomy.rules.templates import TEMPLATES
from autonomy.web.pages.condition_form import field_at, part_of_condition
from autonomy.web.pages.rule_form import after_button, fields_of_rule, fits_form, rule_of_form
from tests.unit.drawn import rules

ROI: dict[str, Any] = {"metric": "roi", "operator": "<", "threshold": 1.2, "window": "7d"}
CTR: dict[str, Any] = {"metric": "ctr", "operator": "<", "threshold": 0.5}


def _rule(condition: Any, **more: Any) -> dict[str, Any]:
    return {
        "rule_name": "x", "rule_type": "pause", "priority": 50,
        "condition": condition, "action": {"type": "auto_pause"}, **more,
    }  # fmt: skip


def _read(fields: dict[str, str]) -> dict[str, Any]:
    return rule_of_form({**fields, "mode": "form"})


@given(rules())
def test_any_rule_is_a_form_and_the_same_rule_again(drawn: list[dict[str, Any]]) -> None:
    for row in drawn:
        back = _read(fields_of_rule(row))
        assert back["condition"] == row["condition"]
        assert fits_form(row)
        known = {"id": row["id"], "is_active": row["is_active"]}
        assert Rule.parse(back | known) == Rule.parse(row)


@given(rules())
def test_json_and_form_are_one_click_apart(drawn: list[dict[str, Any]]) -> None:
    for row in drawn:
        as_json = after_button({**fields_of_rule(row), "mode": "form", "do": "json"})
        assert as_json["mode"] == "json"
        as_form = after_button({**as_json, "do": "form"})
        assert Rule.parse(rule_of_form(as_form)) == Rule.parse(rule_of_form(as_json))


def test_every_template_has_a_form() -> None:
    assert [one.key for one in TEMPLATES if not fits_form(one.row)] == []


@pytest.mark.parametrize(
    "condition",
    [
        {"not": {"any": [ROI, CTR]}},
        {"not": {"any": [ROI]}},
        {"not": {"any": [ROI, CTR], "min_spend": 5}},
        {"not": {"not": {"all": [ROI]}}},
        {"min_spend": 0.1, "window": "7d"},
        {"title_contains": "brand"},
        {**ROI, "window": "lifetime", "threshold": 1e15},
        {**CTR, "than": None, "threshold": 1e-7},
        {"metric": "roi", "operator": "<", "than": {"metric": "roi", "window": "lifetime"}},
        {"metric": "profit", "operator": "between", "threshold": [-3.25, -1]},
    ],
)
def test_what_looks_alike_stays_apart(condition: dict[str, Any]) -> None:
    condition = {key: value for key, value in condition.items() if value is not None}
    assert _read(fields_of_rule(_rule(condition)))["condition"] == condition


@pytest.mark.parametrize(
    "condition",
    ["text", [], None, {"all": "x"}, {"all": [3]}, {**ROI, "colour": "red"}, {"not": 1},
     {"title_contains": "brand "}, {**ROI, "threshold": None}, {**ROI, "all": [CTR]}],
)  # fmt: skip
def test_what_a_form_would_change_has_none(condition: Any) -> None:
    assert not fits_form(_rule(condition))


def test_a_rule_is_built_with_buttons() -> None:
    """Below 1.2x in 7 days, not brand, ask me first."""
    fields = fields_of_rule(_rule({**ROI, "account": "north"})) | {"mode": "form"}
    fields = after_button({**fields, "do": "except"})
    fields |= {"1.0.title_contains": "brand", "requires_approval": "on"}
    built = rule_of_form(fields)
    assert built["condition"] == {
        "all": [ROI, {"not": {"title_contains": "brand"}}], "account": "north",
    }  # fmt: skip
    assert built["action"] == {"type": "auto_pause", "requires_approval": True}


def test_groups_grow_and_shrink() -> None:
    fields = fields_of_rule(_rule({"any": [ROI, CTR]})) | {"mode": "form"}
    fields = after_button({**fields, "do": "group "})
    fields = after_button({**fields, "do": "add 2", "2.0.threshold": "half"})
    fields |= {"2.is": "none", "2.1.threshold": "3"}
    added = {"metric": "roi", "operator": "<", "window": "7d"}
    members = [{**added, "threshold": "half"}, {**added, "threshold": 3}]
    assert rule_of_form(fields)["condition"] == {"any": [ROI, CTR, {"not": {"any": members}}]}
    fields = after_button({**fields, "do": "remove 0"})
    fields = after_button({**fields, "do": "remove 1.0"})
    assert rule_of_form(fields)["condition"] == {"any": [CTR, {"not": members[1]}]}
    fields = after_button({**fields, "do": "remove 1.0"})
    assert rule_of_form(fields)["condition"] == {"any": [CTR]}
    fields = after_button({**fields, "do": "remove 0"})
    assert rule_of_form(fields)["condition"] == {**added, "threshold": ""}


@pytest.mark.parametrize(
    "wrong", [{"do": "sell"}, {"do": ""}, {"do": "add", "is": "some"},
              {"do": "form", "mode": "json", "condition": '{"all": 3}', "action": "{}"}],
)  # fmt: skip
def test_no_such_button_is_a_sentence(wrong: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        after_button({**fields_of_rule(_rule(ROI)), **wrong})


def test_what_is_nested_too_deeply_has_no_form() -> None:
    condition: dict[str, Any] = ROI
    for _ in range(300):
        condition = {"not": condition}
    assert not fits_form(_rule(condition))
    assert fields_of_rule(_rule(condition))["is"] == "filter"


def test_no_form_nests_for_ever() -> None:
    deep = {"0." * depth + "is": "all" for depth in range(60)}
    with pytest.raises(BadRequest, match="nested"):
        rule_of_form(deep)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("condition.threshold", "threshold"),
        ("condition.all[0].operator", "0.operator"),
        ("condition.all[1].not.any[1].than.times", "1.1.times"),
        ("condition.all[2].not.than.metric", "2.0.than_metric"),
        ("condition.all[0].threshold.high", "0.threshold_high"),
        ("condition.all", "all"),
    ],
)
def test_an_error_finds_its_field(place: str, name: str) -> None:
    condition = {"all": [ROI, {"not": {"any": [ROI, CTR]}}, {"not": ROI}]}
    assert field_at(place, part_of_condition(condition)) == name

"""Each rule template is valid, starts inactive, and does what its words say."""

from __future__ import annotations

from typing import Any

import pytest

from autonomy.engine import decide
from autonomy.engine.policy import PRESETS, Policy
from autonomy.rules.templates import TEMPLATES, Template
from tests.unit.campaigns import NOW, campaign, figures, winner

BY_KEY = {one.key: one for one in TEMPLATES}


def code(key: str, row: dict[str, Any]) -> str | None:
    answer = decide([BY_KEY[key].row | {"is_active": True}], [row], Policy(), NOW)
    return answer[0].code if len(answer) else None


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.key)
def test_valid_inactive_and_explained(template: Template) -> None:
    rule = template.rule()
    assert not rule.is_active
    assert template.title
    assert template.why.endswith(".")
    assert template.adjust
    assert template.rule(rule_name="Mine", priority=3).rule_name == "Mine"


def test_keys_and_names_are_unique() -> None:
    assert len(BY_KEY) == len({one.row["rule_name"] for one in TEMPLATES}) == len(TEMPLATES)


def windows(**of: dict[str, Any]) -> dict[str, Any]:
    return {"lifetime": figures()} | of


LESS = figures() | {"clicks": 300}
CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("curve", winner(reference_budget=100.0), "budget_adjusted"),
    ("ctr_drop_pause", campaign(metrics=windows(**{"7d": LESS, "prior_7d": figures()})),
     "auto_pause"),
    ("ctr_drop_pause", campaign(metrics=windows(**{"7d": figures(), "prior_7d": figures()})), None),
    ("scale_down_weak", campaign(spend=1000.0, revenue=1200.0, conversions=30,
     metrics=windows(**{"14d": figures(1000.0, 1200.0, 30)})), "auto_scale_down"),
    ("cpa_target", campaign(metrics=windows(**{"14d": figures()})), "auto_pause"),
    ("spend_without_conversions", campaign(spend=200.0, revenue=0.0, conversions=0), "auto_pause"),
    ("spend_without_conversions", campaign(spend=100.0, revenue=0.0, conversions=0), None),
    ("recent_winner", winner(metrics=windows(**{"7d": figures(100.0, 500.0, 20),
     "30d": figures(100.0, 400.0, 60)})), "APPROVAL"),
    ("frequency_cap", campaign(metrics=windows(**{"7d": figures() | {"reach": 1000},
     "30d": figures(800.0, 600.0)})), "auto_scale_down"),
    ("brand_left_alone", campaign(), "auto_pause"),
    ("brand_left_alone", campaign(title="Our BRAND"), None),
]  # fmt: skip


@pytest.mark.parametrize(("key", "row", "expected"), CASES)
def test_does_what_it_says(key: str, row: dict[str, Any], expected: str | None) -> None:
    assert code(key, row) == expected


def test_every_template_is_tried() -> None:
    assert {key for key, _, _ in CASES} == set(BY_KEY)


def test_presets() -> None:
    said = {
        name: (*one.values.values(), one.optimise, one.recommended) for name, one in PRESETS.items()
    }
    assert said == {
        "guide": (50, 50, 0, False, False),
        "balanced": (80, 80, 24, False, False),
        "strict": (90, 90, 24, False, False),
        "grow": (50, 95, 24, True, True),
    }
    names = ("min_confidence", "min_pause_confidence", "conversion_delay_hours")
    assert all(tuple(one.values) == names for one in PRESETS.values())
    of_engine = {name: of for name, of in PRESETS["guide"].values.items() if name != names[2]}
    assert Policy().model_dump() | of_engine == Policy().model_dump()


def test_a_preset_holds_with_its_switch() -> None:
    row = {**PRESETS["grow"].values, "mode": "approve"}
    assert PRESETS["grow"].holds(row, optimised=True)
    assert not PRESETS["grow"].holds(row, optimised=False)
    assert not PRESETS["guide"].holds(row, optimised=False)

"""A probability is said as 1 to 99 %, on its side of any bound, and in one way everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.cli.output import percent
from autonomy.engine.confidence import round_half_up
from autonomy.replay.html_report import _pause_cells
from autonomy.replay.text_report import pause_line
from autonomy.run.explanation import _rule_lines
from autonomy.text import chance, chance_beside, whole_chance
from tests.unit.campaigns import NOW

PACKAGE = Path(__file__).resolve().parents[2] / "autonomy"
ANY_PERCENT = st.floats(0.0, 100.0).map(round_half_up)


@pytest.mark.parametrize(
    ("number", "digits", "said"),
    [
        (97.3, 0, "97"), (97.5, 0, "98"), (98.5, 0, "99"), (99.6, 0, "99"), (100.0, 0, "99"),
        (0.4, 0, "1"), (0.0, 0, "1"), (99.96, 1, "99.9"), (99.94, 1, "99.9"), (0.04, 1, "0.1"),
        (100.0, 2, "99.99"), (50, 0, "50"), (1e300, 0, "99"), (-5.0, 0, "1"),
    ],
)  # fmt: skip
def test_never_certain(number: float, digits: int, said: str) -> None:
    assert chance(number, digits) == said


@given(ANY_PERCENT)
def test_the_sentences_number_is_the_one_shown(number: float) -> None:
    assert chance(number) == str(whole_chance(number))


@given(ANY_PERCENT, ANY_PERCENT)
def test_it_is_said_on_its_side_of_a_bound(number: float, bound: float) -> None:
    said = float(chance_beside(number, bound))
    assert (said < bound) == (number < bound)
    assert abs(said - number) <= 1.0


def test_the_command_line_and_the_reports() -> None:
    assert percent("99.60") == "99 %"
    event = SimpleNamespace(
        title="A", at=NOW, confidence=99.6, rule_name="R", spend=1.0, revenue=1.0
    )
    pause: Any = SimpleNamespace(
        event=event, roi_after=None, spend_after=0.0, earned_after=0.0, false=False
    )
    assert "99 %" in _pause_cells(pause)
    assert "(99 %, R)" in pause_line(pause, None)


def test_explain_on_a_terminal() -> None:
    rule = {
        "rule_name": "R", "priority": 1, "condition": "holds", "why": [], "matched": True,
        "code": "AGAINST_THE_ODDS", "confidence": 49.6, "floor": 49.75, "break_even": 1.0,
        "cpa_limit": None, "guardrails": [], "settles": None,
    }  # fmt: skip
    assert "confidence 49.6 % (floor 49.75 %, judged" in _rule_lines(rule, None)[-1]


def test_no_place_rounds_a_probability_by_itself() -> None:
    own = r".*(?:confidence|probab|below_break_even|share)[^{}|]*(?:\|percent|:\.\df\} ?%).*"
    for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html")):
        assert re.findall(own, path.read_text()) == [], path

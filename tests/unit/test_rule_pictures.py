"""A rule's pictures: where points lie, whatever the figures are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autonomy.web.pages.rule_pictures import calibration, weekly

FIGURES = st.one_of(st.none(), st.floats(-1e9, 1e9))


def test_on_the_diagonal_said_is_right() -> None:
    on, below = calibration(
        [{"said": 94, "right": 94, "actions": 9}, {"said": 90, "right": 60, "actions": 1}]
    )
    assert (on.x, on.y, on.style) == (90.0, 10.0, "good")
    assert (round(below.x, 2), round(below.y, 2), below.style) == (83.33, 66.67, "bad")


def test_weeks_lie_about_zero() -> None:
    found = weekly([
        {"week": "2026-11-09", "money": 50, "low": 25, "high": 75},
        {"week": "2026-11-16", "money": None, "low": None, "high": None},
        {"week": "2026-11-23", "money": -25, "low": -25, "high": -25},
    ])  # fmt: skip
    first, nothing, last = found.weeks
    assert (found.zero, found.axis) == (75, [(0, "75"), (100, "-25")])
    assert (first.y, first.low, first.high, first.style) == (25, 50, 0, "good")
    assert (first.words, nothing.y) == ("9 Nov", None)
    assert (last.y, last.style) == (100, "bad")


@given(st.lists(st.fixed_dictionaries({"money": FIGURES, "low": FIGURES, "high": FIGURES})))
def test_no_figure_leaves_the_picture(rows: list[dict[str, Any]]) -> None:
    found = weekly([{**row, "week": "2026-11-23"} for row in rows])
    places = [found.zero]
    for week in found.weeks:
        places += [week.low, week.high, *([] if week.y is None else [week.y])]
    assert all(-1e-6 <= place <= 100 + 1e-6 for place in places)

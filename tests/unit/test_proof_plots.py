"""The pictures of a proof: dots where they belong, intervals on one scale with 0."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autonomy.web.proof_plots import calibration, ranges

HUGE = st.floats(-1e12, 1e12)


def of_class(start: int, said: float, right: float, **more: Any) -> dict[str, Any]:
    return {
        "from": start, "to": start + 10, "said": said, "right": right, "right_low": right - 10,
        "right_high": right + 5, "actions": 20, "campaigns": 16, "enough": True,
    } | more  # fmt: skip


def test_a_dot_stands_at_what_was_said_and_what_is_right() -> None:
    found = calibration([of_class(90, 95, 80), of_class(60, 60, 50, campaigns=4, enough=False)])
    sure, unsure = found.dots
    assert (sure.x, sure.y, sure.top, sure.bottom) == (90, 20, 15, 30)
    assert (unsure.x, unsure.style, sure.style) == (20, "few", "")
    assert (sure.radius, unsure.radius) == (9, 6.5)
    assert sure.said == "said 95%, right 80% (70% to 85%)\n20 actions of 16 campaigns"
    assert found.start == 50
    assert [words for _, words in found.below] == ["50%", "60%", "70%", "80%", "90%", "100%"]


def test_the_axis_begins_where_the_least_certain_do() -> None:
    found = calibration([of_class(30, 40, 40)])
    assert (found.start, found.below[0]) == (70, (0, "30%"))
    assert 100 - found.dots[0].x * 0.7 - 30 == 60, "on the diagonal where it keeps its word"
    assert calibration([]).dots == []


def test_intervals_share_a_scale_that_0_is_on() -> None:
    good, bad, open_, none = ranges([(50, 75, 100), (-100, -60, -20), (-10, 0, 10), (None, 1, 2)])
    assert good is not None
    assert bad is not None
    assert open_ is not None
    assert (good.low, good.width, good.middle, good.even) == (75, 25, 87.5, 50)
    assert [one.side for one in (good, bad, open_)] == ["good", "bad", "open"]
    assert none is None
    assert ranges([(0, 0, 0)]) == ranges([("NaN", 1, 2), (0, 0, 0)])[1:]


@given(st.lists(st.tuples(HUGE, HUGE, HUGE).map(lambda row: tuple(sorted(row))), max_size=5))
def test_every_interval_lies_within_its_picture(rows: list[Any]) -> None:
    for one in ranges(rows):
        assert one is not None
        assert 0 <= one.low <= 100
        assert one.width > 0
        assert one.low + one.width <= 100.2
        assert 0 <= one.middle <= 100

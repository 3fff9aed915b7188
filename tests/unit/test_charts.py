"""Charts: round steps, gaps where nothing is known, marks on the line."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.web.charts import daily, month, path, scale, short, spark


@pytest.mark.parametrize(
    ("values", "most", "steps"),
    [
        ([], 1.0, [0.0]),
        ([0.0, None], 1.0, [0.0]),
        ([39_000.0], 40_000.0, [0, 10_000, 20_000, 30_000, 40_000]),
        ([0.9, 2.1], 2.5, [0, 0.5, 1.0, 1.5, 2.0, 2.5]),
    ],
)
def test_steps_are_round(values: list[float | None], most: float, steps: list[float]) -> None:
    assert scale(values) == (most, steps)


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=40))
def test_every_value_fits_and_steps_are_few(values: list[float | None]) -> None:
    most, steps = scale(values)
    assert all(value <= most for value in values if value is not None)
    assert 1 <= len(steps) <= 7
    for x, y in re.findall(r"(-?\d+) (-?\d+)", path(values, most)):
        assert 0 <= int(x) <= 1000
        assert 0 <= int(y) <= 1000


def test_a_gap_is_a_gap() -> None:
    assert path([1, 2, None, 2], 2) == "M0 500L333 0M1000 0"
    assert path([None], 1) == ""


def test_today_is_not_drawn_and_is_told() -> None:
    days: list[dict[str, Any]] = [
        {"day": "2026-11-27", "spend": 50, "revenue": 100, "roi": 2, "paused": 0},
        {"day": "2026-11-28", "spend": 1, "revenue": 1, "roi": 1, "paused": 3, "partial": True},
    ]
    drawn = daily(days)
    assert drawn.columns[1].said.startswith("2026-11-28 so far\nspend 1.00")
    (mark,) = drawn.marks
    assert mark.query == "action_type=auto_pause&from=2026-11-28&to=2026-11-28"
    assert mark.y == pytest.approx(100 - 100 * 50 / scale([50, 100])[0])  # where the line ends


def test_the_forecast_begins_where_the_spend_ends() -> None:
    days = [
        {"day": "2026-11-01", "spend": 10},
        {"day": "2026-11-02", "low": 15, "high": 25, "expected": 20},
    ]
    drawn = month(days, 30)
    expected = next(line for line in drawn.lines if line.style == "dash c-spend")
    assert expected.path.startswith("M0 ")
    assert any(line.style == "c-total" for line in drawn.lines)


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (950, "950"), (12_500, "12.5k"), (2e6, "2m"), (3e9, "3bn")]
)
def test_short(value: float, said: str) -> None:
    assert short(value) == said


def test_a_spark_of_losses_has_its_zero() -> None:
    assert spark([1.0]).lines == []
    assert spark([-5.0, 5.0]).lines[1].path == "M0 1000L1000 48"

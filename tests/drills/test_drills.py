"""Some drills once, with `make test-long` all of them; `make drills` holds them at length."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drills.drills import DRILLS, Drill, hold
from tests.drills.yard import Yard
from tests.drills.yard import yard as open_yard


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    with open_yard() as opened:
        yield opened


SHORT = {
    "kill -9 after_apply_batch", "20 callers, one key", "a person edits between read and apply",
    "frozen between read and apply", "PostgREST killed and restarted",
    "PostgreSQL restarted or crashed", "answer of apply lost after commit",
}  # fmt: skip


@pytest.mark.parametrize(
    "drill",
    [
        pytest.param(one, id=one.name, marks=[] if one.name in SHORT else pytest.mark.long)
        for one in DRILLS
    ],
)
def test_drill(yard: Yard, drill: Drill) -> None:
    for n in range(1 if drill.repetitions < 25 else 2):
        assert hold(drill, yard, n) == []


def test_the_drills_are_five_hundred_repetitions() -> None:
    assert {drill.name for drill in DRILLS} > SHORT
    assert sum(drill.repetitions for drill in DRILLS) >= 500

"""Each drill once or twice; `make drills` holds them at length."""

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


@pytest.mark.slow
@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.name)
def test_drill(yard: Yard, drill: Drill) -> None:
    for n in range(1 if drill.repetitions < 25 else 2):
        assert hold(drill, yard, n) == []


def test_the_drills_are_five_hundred_repetitions() -> None:
    assert sum(drill.repetitions for drill in DRILLS) >= 500

"""The delay that late conversions show, and none where there is none."""

from __future__ import annotations

import math
import random

import pytest

from autonomy.replay.conversion_delay import fit_delay


def ages(delay: float, a_hour: float = 40.0, seed: int = 1) -> list[tuple[float, float, float]]:
    rng = random.Random(seed)
    found = []
    for hour in range(240):
        age = hour + 0.5
        mean = a_hour * (1.0 - math.exp(-age / delay) if delay else 1.0)
        found.append((age, a_hour, float(max(0, round(rng.gauss(mean, math.sqrt(2 * mean)))))))
    return found


@pytest.mark.parametrize("delay", [4, 8, 24, 48])
def test_it_finds_the_delay(delay: int) -> None:
    found = fit_delay(ages(delay))
    assert found.hours == pytest.approx(delay, rel=0.35)
    assert f"set conversion_delay_hours to {found.hours:g}" in found.sentence(0)
    assert "as the policy says" in found.sentence(found.hours)


def test_it_claims_none_where_there_is_none() -> None:
    assert [fit_delay(ages(0, seed=seed)).hours for seed in range(40)].count(0.0) == 40


def test_too_little_says_so() -> None:
    assert fit_delay([]).sentence(0) == "There are too few conversions to tell how late they come."
    assert fit_delay([(1.0, 3.0, 0.0)]).hours == 0.0

"""How late conversions come: a proposal for the policy's `conversion_delay_hours`.

Young clicks have brought fewer conversions than older ones of the same campaigns, because some are
still to come: the share that has arrived at age a is 1 - exp(-a / delay). The delay is the one that
explains best what each age has brought (Poisson, with the dispersion that the ages show).

This shows where conversions are booked at the hour of their click. Where they are booked when they
come, clicks of every age look alike, and `autonomy/engine/delay.py` tells it by launches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

DELAYS = (0.0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 24, 30, 36, 48, 60, 72, 96, 120, 168, 240)
_LEAST_EXPECTED = 50.0
_CLEAR = 6.0  # of the log-likelihood's gain: chance alone does that 5 times in 10,000


class Age(NamedTuple):
    """Clicks of one age: hours, the conversions that old clicks lead to expect, those seen."""

    hours: float
    expected: float
    seen: float


@dataclass(frozen=True)
class Delay:
    """The proposal: mean hours from click to conversion; 0 where nothing speaks for a delay."""

    hours: float
    expected: float
    observed: float

    def sentence(self, present: float) -> str:
        if self.expected < _LEAST_EXPECTED:
            return "There are too few conversions to tell how late they come."
        if self.hours == 0.0:
            return "Conversions seem complete as they are: nothing speaks for a delay."
        said = f"Conversions come some {self.hours:g} hours after their click in the mean"
        if abs(self.hours - present) <= 0.25 * self.hours:
            return f"{said}, as the policy says."
        return f"{said}: set conversion_delay_hours to {self.hours:g} (now {present:g})."


def fit_delay(ages: Sequence[tuple[float, float, float]]) -> Delay:
    """From (age in hours, conversions expected of old clicks, conversions seen)."""
    useful = [age for age in map(Age._make, ages) if age.expected > 0.0]
    expected = sum(age.expected for age in useful)
    observed = sum(age.seen for age in useful)
    if expected < _LEAST_EXPECTED:
        return Delay(0.0, expected, observed)
    fits = {delay: _likelihood(useful, delay) for delay in DELAYS}
    best = max(fits, key=lambda delay: fits[delay])
    dispersion = _dispersion(useful, best)
    if fits[best] - fits[0.0] < _CLEAR * dispersion:
        best = 0.0
    return Delay(best, expected, observed)


def _means(ages: Sequence[Age], delay: float) -> list[float]:
    """What each age should have brought; the level is free, because weeks differ."""
    shape = [
        expected * (1.0 - exp(-age / delay) if delay > 0.0 else 1.0) for age, expected, _ in ages
    ]
    level = sum(seen for _, _, seen in ages) / max(sum(shape), 1e-9)
    return [max(level * value, 1e-9) for value in shape]


def _likelihood(ages: Sequence[Age], delay: float) -> float:
    return sum(
        seen * log(mean) - mean
        for (_, _, seen), mean in zip(ages, _means(ages, delay), strict=True)
    )


def _dispersion(ages: Sequence[Age], delay: float) -> float:
    means = _means(ages, delay)
    total = sum((seen - mean) ** 2 / mean for (_, _, seen), mean in zip(ages, means, strict=True))
    return max(1.0, total / max(1, len(ages) - 2))

"""How a probability is said: in whole percent, half up, and never as certain.

The evidence never makes anything sure, so what is shown ends at 99 and begins at 1, wherever a
person reads it: sentences, pages, the command line and reports all ask here.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from math import floor

DIGITS = 2  # as many as a confidence has


def whole_chance(percent: float) -> int:
    """97.3 -> 97; from 1 to 99."""
    return min(99, max(1, floor(percent + 0.5)))


def chance(percent: float, digits: int = 0) -> str:
    """97.3 -> 97, and with more digits as near to 0 and 100 as those allow: 99.96 -> 99.9."""
    step = Decimal(1).scaleb(-digits)
    return str(min(100 - step, max(step, _rounded(percent, digits))))


def chance_beside(percent: float, *bounds: float) -> str:
    """The chance with the fewest digits that leave it on its side of each bound.

    49.6 beside 50 would else be said as the 50 that it misses.
    """
    for digits in range(DIGITS):
        said = chance(percent, digits)
        if all(_side(float(said), bound) == _side(percent, bound) for bound in bounds):
            return said
    return str(_rounded(percent, DIGITS))


def floor_beside(said: str, bound: float) -> str:
    """A bound that was missed: 50, or `more than 50` where what is said of both is the same."""
    short = f"{bound:g}"
    return f"more than {short}" if float(said) >= float(short) else short


def ceiling_beside(said: str, bound: float) -> str:
    """A bound that was passed: at most 20, or `less than 20` where both are said the same."""
    short = f"{bound:g}"
    return f"less than {short}" if float(said) <= float(short) else f"at most {short}"


def _rounded(percent: float, digits: int) -> Decimal:
    within = min(100.0, max(0.0, percent))  # rows that others wrote may hold anything
    return Decimal(repr(within)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _side(percent: float, bound: float) -> int:
    return (percent > bound) - (percent < bound)

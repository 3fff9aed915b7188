"""The pictures of a proof, as the server draws them: places in percent of the picture's width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autonomy.text import count, number_or_none

HALF = 50.0
"""Where the axis of confidence begins, unless something was done with less."""
STEPS = 5
SMALLEST, LARGEST = 4.0, 9.0
"""Radius of a dot, in pixels: the more campaigns, the larger."""
THINNEST = 1.0
"""An interval is seen however narrow it is: a hundredth of the width."""
Numbers = tuple[object, object, object]


@dataclass(frozen=True)
class Dot:
    """Actions of ten points of confidence: what they said, and how often they are right."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float
    style: str
    said: str


@dataclass(frozen=True)
class Calibration:
    """Dots on a square whose diagonal is confidence that keeps its word."""

    start: float
    """Where the diagonal begins: as high as the axis of confidence begins."""
    left: list[tuple[float, str]]
    below: list[tuple[float, str]]
    dots: list[Dot]


@dataclass(frozen=True)
class Range:
    """An interval with its middle and with 0, in hundredths of the width."""

    low: float
    width: float
    middle: float
    even: float
    side: str


def calibration(classes: Sequence[Mapping[str, Any]]) -> Calibration:
    """What was said against what came true, by tens of confidence."""
    first = min([HALF, *(float(one["from"]) for one in classes)])
    wide = 100 - first
    most = max([1, *(one["campaigns"] for one in classes)])
    return Calibration(
        start=100 - first,
        left=[(100.0 - step, f"{step}%") for step in range(0, 101, 25)],
        below=[(100 * at / STEPS, f"{first + wide * at / STEPS:.0f}%") for at in range(STEPS + 1)],
        dots=[_dot(one, first, most) for one in classes],
    )


def ranges(rows: Sequence[Numbers]) -> list[Range | None]:
    """Low, middle and high of each row on one scale that 0 is on; None where a number is not."""
    known = [tuple(number_or_none(value) for value in row) for row in rows]
    ends = [value for row in known if None not in row for value in row if value is not None]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    wide = high - low or 1.0

    def placed(value: float) -> float:
        return round(100 * (value - low) / wide, 1)

    found: list[Range | None] = []
    for one, middle, other in known:
        if one is None or middle is None or other is None:
            found.append(None)
            continue
        side = "good" if one > 0 else "bad" if other < 0 else "open"
        width = max(round(placed(other) - placed(one), 1), THINNEST)
        left = min(placed(one), 100.0 - THINNEST)
        found.append(Range(left, width, placed(middle), placed(0.0), side))
    return found


def _dot(one: Mapping[str, Any], first: float, most: int) -> Dot:
    said = (
        f"said {one['said']:.0f}%, right {one['right']:.0f}%"
        f" ({one['right_low']:.0f}% to {one['right_high']:.0f}%)\n"
        f"{count(one['actions'])} actions of {count(one['campaigns'])} campaigns"
    )
    return Dot(
        x=100 * (one["said"] - first) / (100 - first),
        y=100.0 - one["right"],
        top=100.0 - one["right_high"],
        bottom=100.0 - one["right_low"],
        radius=SMALLEST + (LARGEST - SMALLEST) * (one["campaigns"] / most) ** 0.5,
        style="" if one["enough"] else "few",
        said=said,
    )

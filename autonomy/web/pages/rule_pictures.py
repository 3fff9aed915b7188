"""A rule's pictures: what it said against what was right, and what it brought each week.

Places are in percent of the picture; words for each point stand beside them as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from autonomy.text import number_or_none
from autonomy.web.charts import day_words, short

LEAST_SAID = 40.0
"""Where the picture of confidence begins: nothing is done below it that a person has not asked."""


class Dot(NamedTuple):
    """A point, how large it is, and whether it lies on the good side."""

    x: float
    y: float
    size: float
    style: str


class Week(NamedTuple):
    """A week's money with its interval, and the words below it."""

    x: float
    y: float | None
    low: float
    high: float
    style: str
    words: str


class Money(NamedTuple):
    """The weeks, where zero lies, and what the upper and the lower edge stand for."""

    weeks: list[Week]
    zero: float
    axis: list[tuple[int, str]]


def calibration(bands: Sequence[Mapping[str, Any]]) -> list[Dot]:
    """A dot a band of confidence; on the diagonal what was said is what was right."""
    dots = []
    for band in bands:
        said, right = number_or_none(band.get("said")), number_or_none(band.get("right"))
        if said is None or right is None:
            continue
        size = min(12.0, 4.0 + float(band.get("actions") or 0) ** 0.5)
        style = "good" if right >= said - 10 else "bad"
        dots.append(Dot(_of_confidence(said), 100 - _of_confidence(right), size, style))
    return dots


def weekly(weeks: Sequence[Mapping[str, Any]]) -> Money:
    """Each week's money between the least and the most that any interval reaches; zero is in it."""
    known = [
        value
        for week in weeks
        for key in ("low", "money", "high")
        if (value := number_or_none(week.get(key))) is not None
    ]
    least, most = min([0.0, *known]), max([0.0, *known])
    span = (most - least) or 1.0

    def up(value: float) -> float:
        return 100 - 100 * (value - least) / span

    axis = [(0, short(most)), (100, short(least))] if known else []
    return Money([_week(at, len(weeks), week, up) for at, week in enumerate(weeks)], up(0.0), axis)


def _week(at: int, of: int, week: Mapping[str, Any], up: Callable[[float], float]) -> Week:
    x = 100 * (at + 0.5) / max(1, of)
    words = day_words(str(week["week"])) if at % 3 == 0 else ""
    money, low, high = (number_or_none(week.get(key)) for key in ("money", "low", "high"))
    if money is None or low is None or high is None:
        return Week(x, None, 0.0, 0.0, "", words)
    style = "good" if low > 0 else "bad" if high < 0 else ""
    return Week(x, up(money), up(low), up(high), style, words)


def _of_confidence(percent: float) -> float:
    return max(0.0, min(100.0, 100 * (percent - LEAST_SAID) / (100 - LEAST_SAID)))

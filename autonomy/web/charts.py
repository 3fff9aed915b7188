"""Charts as the server draws them: places in percent, so that they fit every window without script.

Lines lie in a square of 1000 that is stretched; marks and words keep their size (`_plot.html`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import ceil, floor, log10
from typing import Any
from urllib.parse import urlencode

from autonomy.text import NOTHING, count, decimal, money, number_or_none

SIDE = 1000
WORDS = 7
"""Dates below a chart at the most; every other one goes where the window is narrow."""
ROOM = 1.08
SMALLEST = 1e-9
KINDS = (
    ("paused", "auto_pause", "paused"),
    ("scaled", "auto_scale_up", "scaled up"),
    ("other", "", "other actions"),
)
"""Count of a day -> the kind of action that its list is of, and how it is said."""
Values = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """A line as a path, and the class that colours it."""

    path: str
    style: str


@dataclass(frozen=True)
class Mark:
    """Actions of one kind on one day, on the line."""

    x: float
    y: float
    row: int
    style: str
    query: str
    said: str


@dataclass(frozen=True)
class Column:
    """A day: where one points, and what is said there."""

    x: float
    width: float
    said: str
    style: str = ""


@dataclass(frozen=True)
class Plot:
    """What `_plot.html` draws."""

    lines: list[Line]
    left: list[tuple[float, str]]
    below: list[tuple[float, str, bool]]
    columns: list[Column]
    right: list[tuple[float, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def daily(days: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]] = ()) -> Plot:
    """Spend, revenue and roi by day, those of the days before as a faint line, actions as marks.

    Today (`partial`) is not over: it would look like a fall. Its figures stand where one points.
    """
    spend, revenue, roi = (_of(days, key) for key in ("spend", "revenue", "roi"))
    earlier = _of(before, "revenue")[: len(days)]
    most, steps = scale([*spend, *revenue, *earlier])
    most_roi, roi_steps = scale([*roi, 1.0])
    lines = [
        Line(path(revenue, most, area=True), "area c-revenue"),
        Line(path(earlier, most, of=len(days)), "faint c-revenue"),
        Line(path(revenue, most), "c-revenue"),
        Line(path(spend, most), "c-spend"),
        Line(path(roi, most_roi), "dash c-roi"),
    ]
    return Plot(
        lines=[line for line in lines if line.path],
        left=[(_up(step, most), short(step)) for step in steps],
        right=[(_up(step, most_roi), f"{decimal(step)}x") for step in roi_steps],
        below=dates([str(day["day"]) for day in days]),
        columns=[_column(at, len(days), day) for at, day in enumerate(days)],
        marks=_marks(days, spend, most),
    )


def month(days: Sequence[Mapping[str, Any]], total: object) -> Plot:
    """Spend added up, what is foretold with its range, and the total as a line."""
    spent, low, high, expected = (_of(days, key) for key in ("spend", "low", "high", "expected"))
    last = max((at for at, value in enumerate(spent) if value is not None), default=-1)
    for foretold in (low, high, expected):  # the forecast begins where the spend ends
        if last >= 0:
            foretold[last] = spent[last]
    limit = number_or_none(total)
    most, steps = scale([*spent, *high, *expected, limit])
    band = path(high, most) + path(low, most, back=True)
    lines = [Line(band, "band c-spend")] if any(value is not None for value in high) else []
    lines += [Line(path(spent, most), "c-spend"), Line(path(expected, most), "dash c-spend")]
    if limit is not None:
        lines.append(Line(path([limit] * len(days), most), "c-total"))
    return Plot(
        lines=[line for line in lines if line.path],
        left=[(_up(step, most), short(step)) for step in steps],
        below=dates([str(day["day"]) for day in days]),
        columns=[_foretold(at, len(days), day, limit) for at, day in enumerate(days)],
    )


def spark(values: Values) -> Plot:
    """A small line without axes; zero is in it where money changes its sign."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Plot([], [], [], [])
    low, high = min(*known, 0.0), max(*known, 0.0)
    if min(known) > 0:
        low = 0.9 * min(known)
    moved = [None if value is None else value - low for value in values]
    most = (high - low) * 1.05 or 1.0
    return Plot(
        [Line(path(moved, most, area=True), "area"), Line(path(moved, most), "")], [], [], []
    )


def scale(values: Iterable[float | None]) -> tuple[float, list[float]]:
    """The height of a chart and the round numbers on its axis: at most five steps from 0."""
    most = max((value for value in values if value is not None), default=0.0)
    if most < SMALLEST:
        return 1.0, [0.0]
    power = 10.0 ** floor(log10(most / 4))
    step = next(power * times for times in (1, 2, 2.5, 5, 10) if power * times * 5 >= most * ROOM)
    return step * max(1, ceil(most * 1.02 / step)), [
        step * at for at in range(max(1, ceil(most * 1.02 / step)) + 1)
    ]


def path(
    values: Values, most: float, *, area: bool = False, back: bool = False, of: int = 0
) -> str:
    """An SVG path through what is known; a gap where nothing is. `of`: as many as the axis has."""
    count_ = max(of, len(values))
    points = [
        (at * SIDE / max(1, count_ - 1), SIDE - SIDE * value / most)
        for at, value in enumerate(values)
        if value is not None
    ]
    if not points:
        return ""
    said = [f"{x:.0f} {y:.0f}" for x, y in (reversed(points) if back else points)]
    if back:
        return "L" + "L".join(said) + "Z"
    if area:
        return f"M{points[0][0]:.0f} {SIDE}L{'L'.join(said)}L{points[-1][0]:.0f} {SIDE}Z"
    parts, previous = [], -2
    for at, value in enumerate(values):
        if value is None:
            continue
        joint = "L" if at == previous + 1 else "M"
        parts.append(
            f"{joint}{at * SIDE / max(1, count_ - 1):.0f} {SIDE - SIDE * value / most:.0f}"
        )
        previous = at
    return "".join(parts)


def dates(days: Sequence[str]) -> list[tuple[float, str, bool]]:
    """(place, 28 Nov, whether narrow windows leave it out) of some of the days."""
    step = max(1, ceil(len(days) / WORDS))
    return [
        (100 * at / max(1, len(days) - 1), day_words(days[at]), bool(number % 2))
        for number, at in enumerate(range(0, len(days), step))
    ]


def day_words(day: str) -> str:
    """2026-11-28 -> 28 Nov"""
    return f"{date.fromisoformat(day):%-d %b}"


def short(value: float) -> str:
    """12500 -> 12.5k"""
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if abs(value) >= size:
            return decimal(value / (1e3 if unit == "k" else size), 1) + unit
    return decimal(value)


def _of(days: Sequence[Mapping[str, Any]], key: str) -> list[float | None]:
    """Never below 0: nothing here can be."""
    found = [None if day.get("partial") else number_or_none(day.get(key)) for day in days]
    return [None if value is None else max(0.0, value) for value in found]


def _up(value: float, most: float) -> float:
    return 100 - 100 * value / most


def _place(at: int, days: int) -> tuple[float, float]:
    """Where a day's column begins and how wide it is."""
    width = 100 / max(1, days - 1)
    return 100 * at / max(1, days - 1) - width / 2, width


def _column(at: int, days: int, day: Mapping[str, Any]) -> Column:
    roi = number_or_none(day.get("roi"))
    said = [
        f"{day['day']}{' so far' if day.get('partial') else ''}",
        f"spend {money(day.get('spend'))}",
        f"revenue {money(day.get('revenue'))}",
        f"roi {NOTHING if roi is None else f'{roi:.2f}x'}",
    ]
    said += [f"{words} {count(day[key])}" for key, _, words in KINDS if day.get(key)]
    said += [f"planned: {day['event']}"] if day.get("event") else []
    said += ["left out of the evidence"] if day.get("left_out") else []
    style = f"{'left-out ' if day.get('left_out') else ''}{'event' if day.get('event') else ''}"
    return Column(*_place(at, days), "\n".join(said), style.strip())


def _foretold(at: int, days: int, day: Mapping[str, Any], total: float | None) -> Column:
    said = [str(day["day"])]
    if day.get("spend") is not None:
        said.append(f"spent {money(day['spend'])}")
    if day.get("expected") is not None:
        said += [
            f"foretold {money(day['expected'])}",
            f"{money(day['low'])} to {money(day['high'])}",
        ]
    if total is not None:
        said.append(f"total {money(total)}")
    return Column(*_place(at, days), "\n".join(said))


def _marks(days: Sequence[Mapping[str, Any]], line: Values, most: float) -> list[Mark]:
    """On the line of spend; today's on its last known point."""
    marks, last = [], 0.0
    for at, day in enumerate(days):
        value = line[at]
        last = last if value is None else value
        here = [kind for kind in KINDS if day.get(kind[0])]
        for row, (key, action_type, words) in enumerate(here):
            query = {"action_type": action_type, "from": day["day"], "to": day["day"]}
            said = f"{words} {count(day[key])}, {day['day']}"
            asked = urlencode({name: text for name, text in query.items() if text})
            x = 100 * at / max(1, len(days) - 1)
            marks.append(Mark(x, _up(last, most), row, key, asked, said))
    return marks


FILTERS = {"daily_plot": daily, "month_plot": month, "spark_plot": spark}
"""For templates."""

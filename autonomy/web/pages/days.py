"""Lists by day: each day of the page's zone has a heading of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from autonomy.store import Json
from autonomy.web.formats import parse_time


class Day(NamedTuple):
    """A day, and what is listed of it on this page."""

    day: date
    title: str
    rows: list[Json]
    begun: bool
    """Whether the page before ended within it: it has its heading there."""


def by_day(
    rows: Iterable[Json],
    zone: str,
    moment_of: Callable[[Json], object],
    after: object = None,
) -> list[Day]:
    """The rows in their order, those of one day together. `after`: where the page before ended."""
    where = zone_of(zone)
    last = parse_time(after) if after else None
    before = last.astimezone(where).date() if last else None
    this_year = datetime.now(where).year
    days: list[Day] = []
    for row in rows:
        moment = parse_time(moment_of(row)) or datetime.fromtimestamp(0, UTC)
        day = moment.astimezone(where).date()
        if not days or days[-1].day != day:
            days.append(Day(day, titled_day(day, this_year), [], not days and day == before))
        days[-1].rows.append(row)
    return days


def titled_day(day: date, this_year: int) -> str:
    """Fri 28 Nov; with its year where that is another."""
    return f"{day:%a} {day.day} {day:%b}" + (f" {day.year}" if day.year != this_year else "")


def zone_of(name: str) -> tzinfo:
    """The zone of this name; UTC for one that PostgreSQL alone knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def begun(days: Iterable[Day]) -> list[str]:
    """The days that have a heading on this page, as the database reads them."""
    return [str(one.day) for one in days if not one.begun]


def counted(days: list[Day], counts: Mapping[str, Any]) -> list[tuple[Day, Json]]:
    """Each day with what was counted of it; {} where its heading stands on the page before."""
    return [(one, counts.get(str(one.day), {})) for one in days]

"""The days of a report: weeks and months as people mean them, or from one day until another."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from autonomy.errors import BadRequest

WEEK = 7


class Span(NamedTuple):
    """Days, both ends with."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


def usual(today: date) -> list[Span]:
    """Last week and month, and those that go on; a week begins on Monday."""
    monday, first = today - timedelta(today.weekday()), today.replace(day=1)
    before = first - timedelta(1)
    return [
        Span("Last week", monday - timedelta(WEEK), monday - timedelta(1)),
        Span("This week", monday, today),
        Span("Last month", before.replace(day=1), before),
        Span("This month", first, today),
    ]


def span_of(today: date, first: str | None, last: str | None) -> Span:
    """What is asked for; without one of its ends a week from or up to the other, but no day that is
    still to come; without both the last week that is over. Raises BadRequest."""
    if first is None and last is None:
        return usual(today)[0]
    try:
        if last is None:
            begin = date.fromisoformat(str(first))
            end = max(begin, min(today, begin + timedelta(WEEK - 1)))
        else:
            end = date.fromisoformat(last)
            begin = date.fromisoformat(first) if first else end - timedelta(WEEK - 1)
    except OverflowError as error:
        raise BadRequest("until: no such days are in the calendar.") from error
    if begin > end:
        raise BadRequest(f"from: {begin} lies after until, {end}.")
    if begin > today:
        raise BadRequest(f"from: {begin} lies in the future.", hint=f"Today is {today}.")
    return Span("", begin, end)


def span_words(first: str, last: str) -> str:
    """Mon 23 Nov to Sun 29 Nov 2026"""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    if begin == end:
        return f"{end:%a} {end.day} {end:%b} {end.year}"
    year = f" {begin.year}" if begin.year != end.year else ""
    return f"{begin:%a} {begin.day} {begin:%b}{year} to {end:%a} {end.day} {end:%b} {end.year}"

"""Ranges of days in pieces, and which days were told already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from autonomy.platforms.base import PlatformError

MOST_DAYS = 37 * 31
"""Meta keeps 37 months."""


def spans(since: date, until: date, days: int) -> Iterator[tuple[date, date]]:
    """A range in pieces of so many days, both ends included."""
    if until < since or (until - since).days > MOST_DAYS:
        raise PlatformError("A range of days ends before it begins, or is longer than is kept.")
    first = since
    while first <= until:
        last = min(first + timedelta(days=days - 1), until)
        yield first, last
        first = last + timedelta(days=1)


def day_key(external_id: str, day: date) -> int:
    """One unit's day as one number: hundreds of thousands are kept to find what comes twice."""
    return int(external_id) * 10_000_000 + day.toordinal()

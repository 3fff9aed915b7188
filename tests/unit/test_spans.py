"""Days of a report: whole weeks and months, and what is no span."""

from __future__ import annotations

from datetime import date

import pytest

from autonomy.errors import BadRequest
from autonomy.web.spans import span_of, span_words, usual

SUNDAY = date(2026, 11, 29)


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    said = {one.name: (str(one.first), str(one.last), one.days) for one in usual(SUNDAY)}
    assert said == {
        "Last week": ("2026-11-16", "2026-11-22", 7),
        "This week": ("2026-11-23", "2026-11-29", 7),
        "Last month": ("2026-10-01", "2026-10-31", 31),
        "This month": ("2026-11-01", "2026-11-29", 29),
    }
    monday = {one.name: one for one in usual(date(2027, 3, 1))}
    assert monday["Last week"].last == date(2027, 2, 28)
    assert monday["Last month"].days == 28
    assert monday["This week"].days == monday["This month"].days == 1


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ("2026-11-16", "2026-11-22")),
        ("2026-11-01", "2026-11-30", ("2026-11-01", "2026-11-30")),
        ("2026-11-01", None, ("2026-11-01", "2026-11-07")),
        ("2026-11-27", None, ("2026-11-27", "2026-11-29")),
        (None, "2026-11-10", ("2026-11-04", "2026-11-10")),
        ("2026-11-29", "2026-11-29", ("2026-11-29", "2026-11-29")),
    ],
)
def test_an_end_that_is_not_given(
    first: str | None, last: str | None, expected: tuple[str, str]
) -> None:
    span = span_of(SUNDAY, first, last)
    assert (str(span.first), str(span.last)) == expected


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2026-11-10", "2026-11-09", "lies after until"),
        ("2026-11-30", None, "lies in the future"),
        ("2026-11-30", "2026-12-02", "lies in the future"),
        (None, "0001-01-02", "no such days"),
        ("9999-12-30", None, "no such days"),
    ],
)
def test_what_is_no_span(first: str | None, last: str | None, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        span_of(SUNDAY, first, last)


def test_days_in_words() -> None:
    assert span_words("2026-11-23", "2026-11-29") == "Mon 23 Nov to Sun 29 Nov 2026"
    assert span_words("2026-12-28", "2027-01-03") == "Mon 28 Dec 2026 to Sun 3 Jan 2027"
    assert span_words("2026-11-29", "2026-11-29") == "Sun 29 Nov 2026"

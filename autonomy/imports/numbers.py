"""Numbers and times as people's exports write them: 1,234.50 or 1.234,50, $ and EUR, 3 PM."""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from autonomy.errors import ExportError

BLANK = ("", "-", "--", "\u2014", "\u2013", "n/a", "N/A", "null", "NULL", "None")
_SPACES = "\u00a0\u202f\u2009 "
MINUS = "\u2212"
_QUOTE = "'\u2019"

# After currency signs, letters and spaces at both ends are gone.
TRIM = r"^[^\d\-+" + MINUS + r"(.,]{0,5}|[^\d).,]{0,5}$"
_SIGN = "[-+" + MINUS + "]?"
POINT = (
    "^" + _SIGN + r"(?:\d+|\d{1,3}(?:[," + _SPACES + _QUOTE + r"]\d{2,3})*[," + _SPACES + _QUOTE
    + r"]\d{3})?(?:\.\d*)?(?:[eE][-+]?\d{1,2})?$"
)  # fmt: skip
COMMA = "^" + _SIGN + r"(?:\d+|\d{1,3}(?:[." + _SPACES + _QUOTE + r"]\d{3})+)?(?:,\d*)?$"
THOUSANDS = {".": r"[,\s" + _QUOTE + "]", ",": r"[.\s" + _QUOTE + "]"}
_DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y",
    "%d %B %Y", "%A, %B %d, %Y", "%a, %b %d, %Y", "%Y%m%d", "%d-%b-%Y",
)  # fmt: skip
_SLASHED = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})$")
# Times longer than a day: a week, a month, a quarter, a year; and two days with a mark between.
_WEEK = re.compile(r"^(\d{4})-?W(\d{2})$")
_MONTH = re.compile(r"^(?:(\d{4})[-/.]?(\d{2})|(\d{1,2})[-/.](\d{4}))$")
_QUARTER = re.compile(r"^(?:(\d{4})[- ]?Q([1-4])|Q([1-4])[- ]?(\d{4}))$")
_YEAR = re.compile(r"^((?:19|20)\d\d)$")
_BETWEEN = re.compile(r"\s+(?:[-\u2013\u2014~]|to|bis)\s+|\s*\.\.+\s*|(?<=\d{4}-\d\d-\d\d)/")
_HOUR = re.compile(r"^(\d{1,2})(?::\d\d)?(?::\d\d)?\s*([AaPp][Mm])?(?:\s*[-\u2013].*)?$")


def decimal_mark(counts: Iterable[str], money: Iterable[str]) -> str:
    """Whether "." or "," separates decimals here. Raises ExportError where both are seen."""
    votes: Counter[str] = Counter()
    for is_count, values in ((True, counts), (False, money)):
        for value in values:
            vote = _vote(re.sub(TRIM, "", value.strip()), is_count)
            if vote:
                votes[vote] += 1
    (first, most), (_, least) = (*votes.most_common(2), ("", 0), ("", 0))[:2]
    if least and least * 20 > most:
        raise ExportError(
            "Some numbers here have a decimal point and some a decimal comma. "
            'Say which it is with decimal = "." or "," in a mapping file (--map).'
        )
    return first or "."


def _vote(value: str, is_count: bool) -> str | None:
    points, commas = value.count("."), value.count(",")
    if points and commas:
        return "." if value.rfind(".") > value.rfind(",") else ","
    if points + commas == 0:
        return None
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other
    before, _, after = value.partition(mark)
    if (
        len(after) != 3
        or before.lstrip("-+" + MINUS) in ("", "0")
        or len(before.lstrip("-+" + MINUS)) > 3
    ):
        return mark
    return other if is_count else None


class Dates:
    """Reads the dates of one file; which style it is, is decided from all that are given."""

    def __init__(self, samples: Sequence[str], wanted: str | None = None) -> None:
        self._format = wanted
        self._month_first = False
        self._known: dict[str, tuple[date, date] | None] = {}
        if wanted is not None:
            return
        slashed = [match for match in map(_SLASHED.match, samples) if match]
        if not slashed:
            return
        day_first = any(int(match[1]) > 12 for match in slashed)
        self._month_first = any(int(match[2]) > 12 for match in slashed)
        if day_first == self._month_first:
            raise ExportError(
                f"{slashed[0][0]} can be read with the day or with the month first. Say which with "
                'date_format = "%d/%m/%Y" or "%m/%d/%Y" in a mapping file (--map).'
            )

    def read(self, text: str) -> date | None:
        """The day, or the first one of a longer time."""
        known = self.span(text)
        return known[0] if known else None

    def span(self, text: str) -> tuple[date, date] | None:
        """The first and the last day that a text names: mostly the same one."""
        if text not in self._known:
            self._known[text] = self._span(text.strip())
        return self._known[text]

    def _span(self, text: str) -> tuple[date, date] | None:
        if self._format is None:
            longer = _longer(text)
            if longer is not None:
                return longer
            parts = _BETWEEN.split(text)
            if len(parts) == 2:
                first, last = (self._parse(part) for part in parts)
                return (first, last) if first and last else None
        day = self._parse(text)
        return (day, day) if day else None

    def _parse(self, text: str) -> date | None:
        if self._format is not None:
            return _try(text, self._format)
        match = _SLASHED.match(text)
        if match:
            first, second, year = (int(part) for part in match.groups())
            month, day = (first, second) if self._month_first else (second, first)
            year += 2000 if year < 100 else 0
            try:
                return date(year, month, day)
            except ValueError:
                return None
        for style in _DATE_FORMATS:
            # Of six digits it would make a day of its own.
            found = None if style == "%Y%m%d" and len(text) != 8 else _try(text, style)
            if found:
                return found
        moment = read_moment(text)
        return moment.date() if moment else None


def _longer(text: str) -> tuple[date, date] | None:
    """The first and last day of a week, a month, a quarter or a year that is named as such."""
    try:
        if match := _WEEK.match(text):
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return monday, monday + timedelta(days=6)
        if match := _MONTH.match(text):
            return _months(int(match[1] or match[4]), int(match[2] or match[3]), 1)
        if match := _QUARTER.match(text):
            return _months(int(match[1] or match[4]), 3 * int(match[2] or match[3]) - 2, 3)
        if match := _YEAR.match(text):
            return _months(int(match[1]), 1, 12)
    except ValueError:
        return None
    month = _try(text, "%b %Y") or _try(text, "%B %Y")
    return _months(month.year, month.month, 1) if month else None


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    until = month + count - 1
    return date(year, month, 1), date(year, until, calendar.monthrange(year, until)[1])


def _try(text: str, style: str) -> date | None:
    try:
        return datetime.strptime(text, style).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def read_moment(text: str) -> datetime | None:
    """ISO 8601 with or without an offset."""
    try:
        return datetime.fromisoformat(text.strip().replace(" UTC", "+00:00"))
    except ValueError:
        return None


def is_midnight(text: str) -> bool:
    """Whether a time of day is given and it is the first moment of one."""
    moment = read_moment(text) if ":" in text else None
    return moment is not None and moment.time() == time.min


def read_hour(text: str) -> int | None:
    """0 to 23 out of `7`, `07:00`, `7 AM`, `07:00:00 - 07:59:59`."""
    match = _HOUR.match(text.strip())
    if not match:
        return None
    hour = int(match[1])
    if match[2]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[2].lower() == "pm" else 0)
    return hour if hour < 24 else None

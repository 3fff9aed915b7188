"""Days and moments as people's exports write them: 5 Feb 2026, Do., 5. Februar 2026, 2/5/2026."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from autonomy.errors import ExportError
from autonomy.imports import names
from autonomy.imports.words import key, keys

_NUMERIC_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%Y%m%d")
_SLASHED = re.compile(r"^(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})$")
_CHINESE = re.compile(r"^(\d{4})年(\d{1,2})月(\d{1,2})日$")
_TIME = re.compile(r"(?:,?\s+|T)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]0+)?)?\s*([AaPp]\.?[Mm]\.?)?$")
# Times longer than a day: a week, a month, a quarter, a year; and two days with a mark between.
_WEEK = re.compile(r"^(\d{4})-?W(\d{2})$")
_MONTH = re.compile(r"^(?:(\d{4})[-/.]?(\d{2})|(\d{1,2})[-/.](\d{4}))$")
_QUARTER = re.compile(r"^(?:(\d{4})[- ]?[QT]([1-4])|[QT]([1-4])[- ]?(\d{4}))$")
_YEAR = re.compile(r"^((?:19|20)\d\d)$")
_BETWEEN = re.compile(
    r"\s+(?:[-\u2013\u2014~]|to|bis|kuni|au|al|a|à)\s+|\s*\.\.+\s*|(?<=\d{4}-\d\d-\d\d)/"
)
_HOUR = re.compile(r"^(\d{1,2})(?::\d\d)?(?::\d\d)?\s*([AaPp][Mm])?(?:\s*[-\u2013].*)?$")
_WORD = re.compile(r"\d+(?:st|nd|rd|th|er|º|ª)?(?![^\W\d_])|[^\W\d_]+")
_MONTHS = {name: number for number, listed in enumerate(names.MONTHS, 1) for name in keys(listed)}
_SMALL_WORDS = keys(names.WEEKDAYS) | keys(names.BETWEEN)
_OLDEST = 2000


class Dates:
    """Reads the dates of one file; which style it is, is decided from all that are given."""

    def __init__(self, samples: Sequence[str], wanted: str | None = None) -> None:
        self._format = wanted
        self._month_first = False
        self._known: dict[str, tuple[date, date] | None] = {}
        if wanted is not None:
            return
        plain = (_without_weekday(_TIME.sub("", sample.strip())) for sample in samples)
        slashed = [match for match in map(_SLASHED.match, plain) if match]
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

    def moment(self, text: str) -> datetime | None:
        """ISO 8601 with or without an offset, else a day and a time in the file's style."""
        text = text.strip()
        found = read_moment(text)
        if found is not None:
            return found
        clock = _TIME.search(text)
        day = self._parse(text[: clock.start()]) if clock else self._parse(text)
        if day is None:
            return None
        at = _time(clock) if clock else time.min
        return None if at is None else datetime.combine(day, at)

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
        text = _without_weekday(_TIME.sub("", text))
        match = _SLASHED.match(text)
        if match:
            first, second, year = (int(part) for part in match.groups())
            month, day = (first, second) if self._month_first else (second, first)
            return _day(year, month, day)
        if match := _CHINESE.match(text):
            return _day(int(match[1]), int(match[2]), int(match[3]))
        for style in _NUMERIC_FORMATS:
            # Of six digits it would make a day of its own.
            found = None if style == "%Y%m%d" and len(text) != 8 else _try(text, style)
            if found:
                return found
        moment = read_moment(text)
        return moment.date() if moment else _in_words(text)


def _without_weekday(text: str) -> str:
    """`Do., 05.02.2026` without the day of the week, which says nothing more."""
    first, _, rest = text.strip().replace("\u00a0", " ").partition(" ")
    return rest.strip() if rest and key(first.strip(",.")) in _SMALL_WORDS else text.strip()


def _in_words(text: str) -> date | None:
    """A day whose month is a word of one of the languages, in any order: 5. Februar 2026."""
    words = _WORD.findall(text)
    numbers = [int(re.sub(r"\D", "", word)) for word in words if word[0].isdecimal()]
    said = [key(word) for word in words if not word[0].isdecimal()]
    # `mar` is March, but where another month stands beside it (mar. 3 mars) a Tuesday.
    months = [word for word in said if word in _MONTHS and word not in _SMALL_WORDS]
    months = months or [word for word in said if word in _MONTHS]
    if len(numbers) != 2 or len(months) != 1:
        return None
    if any(word not in _SMALL_WORDS and word != months[0] for word in said):
        return None
    first, second = numbers
    year, day = (first, second) if first > 31 else (second, first)
    return _day(year, _MONTHS[months[0]], day)


def _day(year: int, month: int, day: int) -> date | None:
    year += 2000 if year < 100 else 0
    try:
        return date(year, month, day) if year >= _OLDEST else None
    except ValueError:
        return None


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
    words = [word for word in _WORD.findall(text) if key(word) not in names.BETWEEN]
    years = [word for word in words if re.fullmatch(r"\d{4}", word)]
    months = [_MONTHS[key(word)] for word in words if key(word) in _MONTHS]
    if len(words) == 2 and len(years) == len(months) == 1:
        return _months(int(years[0]), months[0], 1)
    return None


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    until = month + count - 1
    return date(year, month, 1), date(year, until, calendar.monthrange(year, until)[1])


def _try(text: str, style: str) -> date | None:
    try:
        return datetime.strptime(text, style).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _time(match: re.Match[str]) -> time | None:
    hour = int(match[1])
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[4][0] in "Pp" else 0)
    try:
        return time(hour, int(match[2]), int(match[3] or 0))
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

"""Numbers and times as people's exports write them: 1,234.50 or 1.234,50, $ and EUR, 3 PM."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from autonomy.history.errors import ExportError

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
        self._known: dict[str, date | None] = {}
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
        if text not in self._known:
            self._known[text] = self._parse(text.strip())
        return self._known[text]

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
            found = _try(text, style)
            if found:
                return found
        moment = read_moment(text)
        return moment.date() if moment else None


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


def at_hour(day: date, hour: int) -> datetime:
    """The local time, without a zone; the database knows the zone."""
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour)  # noqa: DTZ001

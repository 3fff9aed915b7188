"""Fields of an answer, read with doubt: what is absent, of a wrong type, negative, endless or not a
number gives a sentence that names the field, never a KeyError and never a wrong figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from autonomy.platforms.base import PlatformError
from autonomy.platforms.money import MOST

MOST_COUNTED = 10**15
"""No count is as large."""
LONGEST_TITLE = 300
_DECIMAL = re.compile(r"-?\d{1,25}(?:\.\d{1,25})?(?:[eE][+-]?\d{1,2})?")
_DIGITS = re.compile(r"\d{1,25}", re.ASCII)


class Fields:
    """One object of an answer. An absent field is null: platforms leave out what is 0."""

    __slots__ = ("_platform", "_values", "_what")

    def __init__(self, platform: str, what: str, values: Any) -> None:
        self._platform, self._what = platform, what
        if not isinstance(values, Mapping):
            raise PlatformError(f"{platform}'s answer cannot be read: {what} is no object.")
        self._values = values

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def wrong(self, key: str, why: str) -> PlatformError:
        """The error to raise: which field of what is wrong, and why; without its content."""
        return PlatformError(
            f"{self._platform}'s answer cannot be read: {key} of {self._what} {why}."
        )

    def text(self, key: str) -> str | None:
        """A string."""
        value = self._values.get(key)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(key, "is no text")

    def needed(self, key: str) -> str:
        """A string that must be there."""
        value = self.text(key)
        if not value:
            raise self.wrong(key, "is missing")
        return value

    def title(self, key: str) -> str:
        """A name that people gave: on one line, of bounded length; empty where there is none."""
        words = " ".join((self.text(key) or "").split())
        return "".join(c for c in words if c.isprintable())[:LONGEST_TITLE]

    def identifier(self, key: str) -> str:
        """The number of a thing, as text: digits only, since it becomes part of calls."""
        value = self._values.get(key)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not _DIGITS.fullmatch(text):
            raise self.wrong(key, "is missing" if value is None else "is no number of a thing")
        return text

    def truth(self, key: str) -> bool:
        """True or false; absent is false."""
        value = self._values.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.wrong(key, "is neither true nor false")

    def whole(self, key: str, most: int = MOST_COUNTED) -> int | None:
        """A count, which platforms write as text, too."""
        value = self._number(key)
        if value is None:
            return None
        if value != value.to_integral_value() or value < 0 or value >= most:
            raise self.wrong(key, "is negative, too large or not whole")
        return int(value)

    def count(self, key: str) -> int:
        """A count that is left out where it is 0."""
        return self.whole(key) or 0

    def amount(self, key: str) -> Decimal:
        """Money or conversions, 0 where left out. Never negative."""
        value = self._number(key) or Decimal(0)
        if not 0 <= value < MOST:
            raise self.wrong(key, "is negative or too large")
        return value

    def amount_or_nothing(self, key: str) -> Decimal:
        """What corrections can bring below 0 for a day: refunds and conversions taken back. A day
        cannot lose what it does not have, so that counts as 0."""
        value = self._number(key) or Decimal(0)
        if abs(value) >= MOST:
            raise self.wrong(key, "is too large")
        return max(value, Decimal(0))

    def day(self, key: str, since: date, until: date) -> date:
        """A date that was asked for."""
        text = self.needed(key)
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                raise ValueError
            day = date.fromisoformat(text)
        except ValueError:
            raise self.wrong(key, "is no date") from None
        if not since <= day <= until:
            raise self.wrong(key, "is a day that was not asked for")
        return day

    def moment(self, key: str, form: str, zone: tzinfo | None = None) -> datetime | None:
        """A moment, with its zone; null where absent."""
        text = self.text(key)
        if not text:
            return None
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - its zone follows
        except ValueError:
            raise self.wrong(key, "is no time") from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)

    def part(self, key: str) -> Fields:
        """An object within; an empty one where absent."""
        value = self._values.get(key)
        return Fields(self._platform, f"{key} of {self._what}", {} if value is None else value)

    def parts(self, key: str, what: str) -> Sequence[Fields]:
        """A list of objects within; empty where absent."""
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(key, "is no list")
        return [Fields(self._platform, what, one) for one in value]

    def _number(self, key: str) -> Decimal | None:
        value = self._values.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            number = Decimal(value)
        elif isinstance(value, Decimal):
            number = value
        elif isinstance(value, str) and _DECIMAL.fullmatch(value):
            number = Decimal(value)
        else:
            raise self.wrong(key, "is no number")
        if not number.is_finite() or abs(number) >= MOST * 1_000_000:
            raise self.wrong(key, "is too large")
        return number


def known_zone(platform: str, name: str) -> ZoneInfo:
    """The account's time zone. Its days are cut by it, so an unknown one is refused."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    why = "is not known" if available_timezones() else "cannot be looked up: install tzdata"
    raise PlatformError(f"The time zone of the {platform} account {why}.")

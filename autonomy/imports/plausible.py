"""What a column cannot be, whatever its name: an id that numbers the rows, a day that is a week."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from autonomy.errors import ExportError
from autonomy.imports.columns import BY_DAY, quoted
from autonomy.imports.dates import Dates
from autonomy.imports.names import COARSE
from autonomy.imports.numbers import BLANK

_FEWEST = 3
_ROUNDED = re.compile(r"\d+([.,]\d+)?[eE]\+?\d+$")


def no_id(samples: dict[str, list[str]], columns: dict[str, str], starts: str) -> str | None:
    """Why the column of ids is none of campaigns; None: nothing speaks against it."""
    if "campaign_id" not in columns or "campaign" not in columns:
        return None
    column = columns["campaign_id"]
    ids = [one.strip() for one in samples[column] if one.strip() not in BLANK]
    if any(_ROUNDED.match(one) for one in ids):
        return f"{column!r} holds rounded numbers (1.2E+17), the same for several campaigns."
    if len(ids) < _FEWEST or len(set(ids)) < len(ids):
        return None
    times = defaultdict(set)
    hours = samples[columns["hour"]] if "hour" in columns else [""] * len(samples[starts])
    for name, day, hour in zip(samples[columns["campaign"]], samples[starts], hours, strict=False):
        times[name.strip()].add((day.strip(), hour.strip()))
    if not any(name and len(several) > 1 for name, several in times.items()):
        return None
    return f"{column!r} never repeats though names do: it numbers the rows and is no campaign."


def refuse_weeks(path: Path, column: str, texts: Sequence[str], dates: Dates) -> None:
    """Days that are all a week or a month apart are weeks or months. Raises ExportError."""
    days = sorted({day for day in map(dates.read, texts) if day is not None})
    gaps = {(later - earlier).days for earlier, later in pairwise(days)}
    what = ""
    if len(days) >= _FEWEST and all(gap % 7 == 0 for gap in gaps):
        what = "a week"
    elif len(days) >= 2 and (
        all(day.day == 1 for day in days) or all(_is_last(day) for day in days)
    ):
        what = "a month"
    if what:
        raise ExportError(
            f"{path}: the days of {column!r} are all {what} apart ({days[0]}, {days[1]} ...), so"
            f" each row seems to be {what}; a row must be one day or one hour. {BY_DAY} Where these"
            " are single days, say so in a mapping file (--map):\n\n[columns]\n"
            f"date = {quoted(column)}"
        )


def _is_last(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def refuse_micros(path: Path, spend: Decimal, clicks: Decimal, currency: str) -> None:
    """Spends that are all round ten thousands, at ten thousand a click. Raises ExportError."""
    if currency not in COARSE and spend >= 10_000 * max(clicks, Decimal(1)):
        raise ExportError(
            f"{path}: a click would cost {spend / max(clicks, Decimal(1)):,.0f} and every spend is"
            " a round ten thousand: these seem to be millionths (micros). Say so in a mapping file"
            " (--map), or with 1 that they are not:\n\n[times]\nspend = 0.000001"
        )

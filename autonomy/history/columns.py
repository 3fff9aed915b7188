"""The column names of exports, and the mapping file for anything else.

Known are Meta Ads Manager and Google Ads campaign reports in English, and our own plain form:
`campaign, date [, hour] | bucket, impressions, reach, clicks, conversions, spend, revenue
[, account, budget, status, campaign_id]`. Of several names for one field the first listed wins:
Meta's `Link clicks` before `Clicks (all)`, because a like is no visit.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.history.errors import MappingError

NAMES: Mapping[str, Sequence[str]] = {
    "campaign": ("campaign name", "campaign", "title", "campaign title", "line item", "line"),
    "campaign_id": ("campaign id", "id"),
    "account": ("account name", "account", "customer", "customer id", "account id"),
    "bucket": ("bucket", "timestamp", "datetime", "date time"),
    "date": ("day", "date", "reporting starts", "date start"),
    "hour": (
        "time of day (ad account time zone)", "time of day (viewer's time zone)",
        "hour of the day", "hour of day", "hour", "time of day",
    ),
    "impressions": ("impressions", "impr.", "impr", "views"),
    "reach": ("reach", "accounts center accounts reached", "unique users"),
    "clicks": ("link clicks", "clicks", "clicks (all)", "interactions"),
    "conversions": (
        "purchases", "website purchases", "conversions", "conv.", "orders", "results",
        "all conv.", "transactions",
    ),
    "spend": ("amount spent", "spend", "cost", "spent", "media cost"),
    "revenue": (
        "purchases conversion value", "website purchases conversion value", "conv. value",
        "conversion value", "conversions value", "total conv. value", "revenue", "sales",
        "all conv. value", "value",
    ),
    "budget": ("campaign budget", "daily budget", "budget"),
    "status": ("campaign status", "campaign state", "campaign delivery", "delivery", "status"),
    "currency": ("currency code", "currency"),
}  # fmt: skip

COUNTS = ("impressions", "reach", "clicks", "conversions")
MONEY = ("spend", "revenue", "budget")
REQUIRED = ("campaign", "spend")

# A spend column named "revenue" next to "cost" must not be taken for the account's revenue twice.
_CURRENCY = re.compile(r"\s*\((?!all\))(?:[a-z]{3}|[$€£¥])\)$")
_META = {
    "amount spent",
    "campaign delivery",
    "reporting starts",
    "time of day (ad account time zone)",
}
_GOOGLE = {"impr.", "hour of the day", "currency code", "conv. value", "campaign status", "cost"}


@dataclass(frozen=True)
class MappingFile:
    """What the person says about the file; every key is optional.

    `columns` field -> column name, `times` field -> factor (a margin, say), `constants` field ->
    text for files that lack a column, `decimal` "." or ",", `date_format` as of strptime.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    skip_lines: int | None = None

    @classmethod
    def read(cls, path: Path) -> MappingFile:
        """Reads JSON or TOML. Raises MappingError with the key that is wrong."""
        try:
            text = path.read_text(encoding="utf-8-sig")
            given = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (OSError, ValueError) as error:
            raise MappingError(f"{path}: {error}") from error
        return cls.of(given)

    @classmethod
    def of(cls, given: Any) -> MappingFile:
        if not isinstance(given, Mapping):
            raise MappingError("A mapping file holds one table (object).")
        unknown = set(given) - set(cls.__dataclass_fields__)
        if unknown:
            raise MappingError(
                f"{min(unknown)} is not a key of a mapping file; allowed are "
                + ", ".join(cls.__dataclass_fields__)
                + "."
            )
        for table, allowed in (
            ("columns", set(NAMES)),
            ("times", {*COUNTS, *MONEY}),
            ("constants", {"account", "campaign", "status", "currency"}),
        ):
            _check_table(table, given.get(table, {}), allowed)
        if given.get("decimal") not in (None, ".", ","):
            raise MappingError('decimal must be "." or ",".')
        return cls(**given)


def _check_table(name: str, table: Any, allowed: set[str]) -> None:
    if not isinstance(table, Mapping):
        raise MappingError(f"{name} must be a table of names.")
    for key, value in table.items():
        if key not in allowed:
            raise MappingError(
                f"{name}.{key} is not a field; allowed are {', '.join(sorted(allowed))}."
            )
        wanted = (int, float) if name == "times" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise MappingError(f"{name}.{key} must be a {'number' if name == 'times' else 'text'}.")


def plain_name(name: str) -> str:
    """A column name without case, currency in brackets, underscores and double spaces."""
    name = name.replace("\ufeff", "").replace("_", " ").strip().strip('"').lower()
    return re.sub(r"\s+", " ", _CURRENCY.sub("", name))


def match_columns(header: Sequence[str], mapping: MappingFile) -> dict[str, str]:
    """Field -> the header's own name for it. Raises MappingError where a mapped one is missing."""
    found: dict[str, str] = {}
    by_name = {plain_name(name): name for name in reversed(header)}
    for field_name, column in mapping.columns.items():
        if column not in header and plain_name(column) not in by_name:
            raise MappingError(
                f"The mapping names the column {column!r} for {field_name}; the file has "
                + ", ".join(header[:40])
                + "."
            )
        found[field_name] = column if column in header else by_name[plain_name(column)]
    taken = set(found.values())
    for field_name, names in NAMES.items():
        if field_name in found or field_name in mapping.constants:
            continue
        for name in names:
            if name in by_name and by_name[name] not in taken:
                found[field_name] = by_name[name]
                taken.add(by_name[name])
                break
    return found


def is_header(cells: Sequence[str]) -> bool:
    """Whether a line of the file names a campaign, a cost and a time."""
    names = {plain_name(cell) for cell in cells}
    fields = {field_name for field_name, known in NAMES.items() if names & set(known)}
    return len(fields) >= 3 and bool(fields & {"campaign", "campaign_id"})


def source_of(header: Sequence[str]) -> str:
    names = {plain_name(name) for name in header}
    if names & _META:
        return "Meta Ads Manager"
    if len(names & _GOOGLE) >= 2:
        return "Google Ads"
    return "plain table"

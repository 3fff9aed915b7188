"""The column names of exports, and the mapping file for anything else.

Known are Meta Ads Manager and Google Ads campaign reports in English, and our own plain form:
`campaign, date [, hour] | bucket, impressions, reach, clicks, conversions, spend, revenue
[, account, budget, status, campaign_id]`. Of several names for one field the first listed wins:
Meta's `Link clicks` before `Clicks (all)`, because a like is no visit. Of revenue more names are
known, none before another: two of these are refused, because a wrong revenue judges every campaign.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from autonomy.errors import ExportError, MappingError

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
    "roas": (
        "purchase roas (return on ad spend)", "website purchase roas (return on ad spend)",
        "purchase roas", "website purchase roas", "conv. value / cost", "conversion value / cost",
        "roas", "roas (%)", "roas %", "return on ad spend (roas)", "return on ad spend",
        "all conv. value / cost",
    ),
    "budget": ("campaign budget", "daily budget", "budget"),
    "status": ("campaign status", "campaign state", "campaign delivery", "delivery", "status"),
    "currency": ("currency code", "currency", "account currency"),
    "time_zone": (
        "time zone", "timezone", "account time zone", "ad account time zone", "customer time zone",
        "timezone name",
    ),
}  # fmt: skip

MORE_REVENUE = (
    "total revenue", "total conversion value", "total conversions value", "purchase revenue",
    "purchase conversion value", "website purchase conversion value", "purchase value",
    "purchases value", "total purchase value", "conversion revenue",
)  # fmt: skip

BY_DAY = "Export the report by day (Meta: Breakdown > By time > Day; Google: Segment > Time > Day)."
COUNTS = ("impressions", "reach", "clicks", "conversions")
MONEY = ("spend", "revenue", "budget")
REQUIRED = ("campaign", "spend")

# Three letters in brackets are a currency, but for these.
_CURRENCY = re.compile(
    r"\s*\((?!(?:all|avg|est|max|med|min|net|num|pct|qty)\))(?:[a-z]{3}|[$€£¥])\)$"
)
_SIGNS = {"€": "EUR", "£": "GBP"}  # $ and ¥ are signs of several
# What a column that may be the revenue has in its name, for a guess that is said and never taken.
_LIKE_REVENUE = re.compile(r"value|revenue|sales|turnover|gmv|umsatz|valeur|valor|ingresos|ricavi")
_LIKE_A_RATIO = re.compile(r"/|\b(per|cost|average|avg|share|rate|roas|target)\b|%")
# The end that belongs to a start of a row's time, by the words of the start's name.
_ENDS = (
    ("starts", "ends"), ("start", "end"), ("start", "stop"), ("start", "ends"), ("from", "to"),
    ("from", "until"), ("beginning", "end"), ("begin", "end"), ("since", "until"),
    ("first day", "last day"), ("start", "ende"), ("beginn", "ende"), ("von", "bis"),
    ("début", "fin"), ("inicio", "fin"), ("inizio", "fine"),
)  # fmt: skip
_ENDS_OF_DATE = ("date stop", "date end", "date ends", "date to", "to date", "period end")
_LONGER = re.compile(
    r"(?:week|month|quarter|year|woche|kalenderwoche|monat|quartal|jahr)"
    r"(?: (?:start|starts|starting|beginning|commencing|of.*))?"
)
_DAY_OF_FORMAT = re.compile(r"%-?[djxc]|%[UWV].*%-?[uwaA]|%-?[uwaA].*%[UWV]")
_MOST_WORTH = Decimal(10) ** 9
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
    text for files that lack a column, `decimal` "." or ",", `date_format` as of strptime. Revenue
    is a column, or `value_per_conversion` times the conversions, or spend times the column of
    ROAS (`revenue_from_roas`): one of them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    decimal: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    skip_lines: int | None = None
    value_per_conversion: Decimal | None = None
    revenue_from_roas: bool = False

    @property
    def reckons(self) -> str | None:
        """The field that revenue is reckoned from; None: it is read from its own column."""
        if self.value_per_conversion is not None:
            return "conversions"
        return "roas" if self.revenue_from_roas else None

    def with_revenue(
        self, value_per_conversion: Decimal | None = None, *, from_roas: bool = False
    ) -> MappingFile:
        """The same with what was said beside the file. Raises MappingError."""
        if value_per_conversion is None and not from_roas:
            return self
        worth = self.value_per_conversion if value_per_conversion is None else value_per_conversion
        return replace(
            self,
            value_per_conversion=worth,
            revenue_from_roas=from_roas or self.revenue_from_roas,
        )._checked()

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
        style = given.get("date_format")
        if isinstance(style, str) and not _DAY_OF_FORMAT.search(style):
            raise MappingError(
                f"date_format {style!r} names no day: a row must be a day or an hour. {BY_DAY}"
            )
        if not isinstance(given.get("revenue_from_roas", False), bool):
            raise MappingError("revenue_from_roas must be true or false.")
        worth = given.get("value_per_conversion")
        return cls(
            **{**given, "value_per_conversion": None if worth is None else worth_of(worth)}
        )._checked()

    def _checked(self) -> MappingFile:
        said = ["columns.revenue"] if "revenue" in self.columns else []
        said += ["value_per_conversion"] if self.value_per_conversion is not None else []
        said += ["revenue_from_roas"] if self.revenue_from_roas else []
        if len(said) > 1:
            raise MappingError(
                f"Revenue is said in more than one way: {' and '.join(said)}. Leave one."
            )
        return self


def worth_of(value: Any) -> Decimal:
    """What a conversion is worth. Raises MappingError for anything but a plain number above 0."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    worth = Decimal(str(value)) if number else Decimal("NaN")
    if not (worth.is_finite() and 0 < worth <= _MOST_WORTH):
        raise MappingError(
            "value_per_conversion must be a number above 0 and at most 1,000,000,000, such as 35"
            f" or 35.50, not {value!r}."
        )
    return worth


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
        if isinstance(value, int | float) and not math.isfinite(value):
            raise MappingError(f"{name}.{key} must be a number, not {value}.")


def plain_name(name: str) -> str:
    """A column name without case, currency in brackets, underscores and double spaces."""
    name = name.replace("\ufeff", "").replace("_", " ").strip().strip('"').lower()
    return re.sub(r"\s+", " ", _CURRENCY.sub("", name))


def currency_of(name: str) -> str | None:
    """The currency that a column's name states in brackets: Amount spent (EUR), Cost (€)."""
    found = _CURRENCY.search(name.strip().strip('"').lower())
    stated = found[0].strip()[1:-1].upper() if found else ""
    return _SIGNS.get(stated, stated if stated.isalpha() and stated.isascii() else None)


def _key(name: str) -> str:
    """What names are compared by: `conv_value`, `conv. value` and `Conv-Value` are one."""
    return re.sub(r"[\s.\-]+", " ", plain_name(name)).strip()


_KEYS = {name: tuple(map(_key, names)) for name, names in NAMES.items()}
_MORE_REVENUE_KEYS = frozenset(map(_key, MORE_REVENUE))


def match_columns(header: Sequence[str], mapping: MappingFile) -> dict[str, str]:
    """Field -> the header's own name for it.

    Raises MappingError where a mapped one is missing, ExportError where two may be the revenue.
    """
    by_key = {_key(name): name for name in reversed(header)}
    found = _mapped(header, by_key, mapping)
    taken = set(found.values())
    for field_name, keys in _KEYS.items():
        if field_name in found or field_name in mapping.constants:
            continue
        free = (by_key[key] for key in keys if key in by_key and by_key[key] not in taken)
        name = next(free, None)
        if field_name == "revenue" and mapping.reckons is None:
            name = _the_revenue(header, name, taken)
        if name is not None and _is_read(field_name, mapping):
            found[field_name] = name
            taken.add(name)
    return {name: column for name, column in found.items() if _is_read(name, mapping)}


def _mapped(
    header: Sequence[str], by_key: Mapping[str, str], mapping: MappingFile
) -> dict[str, str]:
    """The fields whose columns the mapping names."""
    found: dict[str, str] = {}
    for field_name, column in mapping.columns.items():
        if column not in header and _key(column) not in by_key:
            raise MappingError(
                f"The mapping names the column {column!r} for {field_name}; the file has "
                + ", ".join(header[:40])
                + "."
            )
        found[field_name] = column if column in header else by_key[_key(column)]
    return found


def _is_read(field_name: str, mapping: MappingFile) -> bool:
    """Revenue is read or reckoned; ROAS is read where revenue is reckoned from it."""
    wanted = {"revenue": mapping.reckons is None, "roas": mapping.reckons == "roas"}
    return wanted.get(field_name, True)


def _the_revenue(header: Sequence[str], first: str | None, taken: set[str]) -> str | None:
    """The one column that is the revenue; `first` is the one of the best known name."""
    free = [name for name in dict.fromkeys(header) if name not in taken]
    if first is None:
        alike = [name for name in free if _key(name) in _MORE_REVENUE_KEYS]
    else:
        alike = [name for name in free if _key(name) == _key(first)]
        exact = [name for name in alike if plain_name(name) in NAMES["revenue"]]
        alike = exact if len(exact) == 1 else alike
    if len(alike) > 1:
        raise ExportError(
            f"{' and '.join(map(repr, alike))} may each be the revenue. Say which in a mapping file"
            f' (--map): {{"columns": {{"revenue": {json.dumps(alike[0], ensure_ascii=False)}}}}}'
        )
    return alike[0] if alike else None


def guess_revenue(unread: Sequence[str]) -> str | None:
    """The column that sounds most like the revenue, where there is just one."""
    alike = [
        name
        for name in unread
        if _LIKE_REVENUE.search(_key(name)) and not _LIKE_A_RATIO.search(_key(name))
    ]
    return alike[0] if len(alike) == 1 else None


def find_roas(header: Sequence[str]) -> str | None:
    by_key = {_key(name): name for name in reversed(header)}
    return next((by_key[key] for key in _KEYS["roas"] if key in by_key), None)


def end_of(header: Sequence[str], start: str) -> str | None:
    """The column in which a row's time ends that begins in `start`; None: there is no such.

    A campaign has dates of its own (`Campaign end date`, `Starts` and `Ends`, `Start date` and
    `End date` beside a day): those are no row's.
    """
    by_key = {_key(name): name for name in reversed(header)}
    key = _key(start)
    if key == "date":
        flight = () if "start date" in by_key else ("end date",)
        wanted: Sequence[str] = (*_ENDS_OF_DATE, *flight)
    else:
        wanted = [key.replace(begin, end) for begin, end in _ENDS if begin in key]
    return next((by_key[one] for one in wanted if one in by_key), None)


def is_perhaps_the_campaigns(start: str, end: str) -> bool:
    """Whether that end may be the campaign's own and not the row's: the rows must say."""
    return (_key(start), _key(end)) == ("date", "end date")


def is_longer_than_a_day(column: str) -> bool:
    """Whether the name says week, month or more."""
    return _LONGER.fullmatch(_key(column)) is not None


def is_header(cells: Sequence[str]) -> bool:
    """Whether a line of the file names a campaign, a cost and a time."""
    names = {_key(cell) for cell in cells}
    fields = {field_name for field_name, known in _KEYS.items() if names & set(known)}
    return len(fields) >= 3 and bool(fields & {"campaign", "campaign_id"})


def source_of(header: Sequence[str]) -> str:
    names = {plain_name(name) for name in header}
    if names & _META:
        return "Meta Ads Manager"
    if len(names & _GOOGLE) >= 2:
        return "Google Ads"
    return "plain table"

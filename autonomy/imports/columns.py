"""Which column of an export is what, and the mapping file for anything else.

The names that are known stand in names.py. Our own plain form is `campaign, date [, hour] | bucket,
impressions, reach, clicks, conversions, spend, revenue [, account, budget, status, campaign_id]`.
Of revenue more names are known, none before another: two of these are refused.
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
from autonomy.imports.names import (
    ENDS,
    ENDS_OF_DATE,
    GOOGLE,
    LONGER,
    MANY_CURRENCIES,
    MORE_REVENUE,
    NAMES,
    SIGNS,
    SOURCES,
)
from autonomy.imports.words import key, keys, state_of

BY_DAY = "Export the report by day (Meta: Breakdown > By time > Day; Google: Segment > Time > Day)."
COUNTS = ("impressions", "reach", "clicks", "conversions")
MONEY = ("spend", "revenue", "budget")
REQUIRED = ("campaign", "spend")

# Three letters in brackets are a currency, but for these; a few stand there without.
_SIGNS = "".join(sorted({sign for sign in (*SIGNS, *MANY_CURRENCIES) if len(sign) == 1}))
_CURRENCY = re.compile(
    r"\s*[(\[](?!(?:all|avg|est|max|med|min|net|num|pct|qty|utc)[)\]])"
    rf"(?:[a-z]{{3}}|[{re.escape(_SIGNS)}])[)\]]$"
    r"|(?<=\w)[ _](?:in[ _])?(?:eur|usd|gbp|chf|sek|nok|dkk|pln|czk|cad|aud|nzd|jpy|inr|brl|mxn"
    r"|[€£$])$"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGER = re.compile(LONGER)
_MICROS = re.compile(r"\bmicros?\b")
_DAY_OF_FORMAT = re.compile(r"%-?[djxc]|%[UWV].*%-?[uwaA]|%-?[uwaA].*%[UWV]")
_MOST_WORTH = Decimal(10) ** 9


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

    def spend_only(self, columns: Mapping[str, str]) -> bool:
        """Whether the file has nothing that came in, and who wrote a mapping file means that."""
        came_in = {"revenue", "conversions", "roas"}
        meant = came_in & (columns.keys() | self.columns.keys() | self.times.keys())
        return not meant and not self.reckons and self != MappingFile()

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
        state = given.get("constants", {}).get("status", "")
        if state_of(state) is None:
            raise MappingError(f"constants.status {state!r} is not known: say active or paused.")
        skipped = given.get("skip_lines", 0)
        if not isinstance(skipped, int) or isinstance(skipped, bool) or skipped < 0:
            raise MappingError("skip_lines must be a whole number, 0 or more.")
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
    for one, value in table.items():
        if one not in allowed:
            raise MappingError(
                f"{name}.{one} is not a field; allowed are {', '.join(sorted(allowed))}."
            )
        wanted = (int, float) if name == "times" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise MappingError(f"{name}.{one} must be a {'number' if name == 'times' else 'text'}.")
        if isinstance(value, int | float) and not math.isfinite(value):
            raise MappingError(f"{name}.{one} must be a number, not {value}.")


def plain_name(name: str) -> str:
    """A column name without case, its currency, underscores and double spaces."""
    name = name.replace("\ufeff", "").strip().strip('"')
    name = name if " " in name else _CAMEL.sub(" ", name)
    name = _CURRENCY.sub("", name.lower()).replace("_", " ").strip()
    return re.sub(r"\s+", " ", name)


def currency_of(name: str) -> str | None:
    """The currency that a column's name states: Amount spent (EUR), Cost (€), spend_usd."""
    found = _CURRENCY.search(name.strip().strip('"').lower())
    stated = re.sub(r"^[ _]+(in[ _])?", "", found[0]).strip("()[]") if found else ""
    code = stated.upper()
    return SIGNS.get(stated, code if code.isalpha() and code.isascii() else None)


def quoted(text: str) -> str:
    """A text as JSON and TOML write it."""
    return json.dumps(text, ensure_ascii=False)


def is_micros(column: str) -> bool:
    """Whether the name says that the amounts are millionths: metrics.cost_micros."""
    return _MICROS.search(_key(column)) is not None


def _key(name: str) -> str:
    return key(plain_name(name))


_KEYS = {name: tuple(map(key, names)) for name, names in NAMES.items()}
_MORE_REVENUE_KEYS = keys(MORE_REVENUE)
_ENDS = tuple((key(start), key(end)) for start, end in ENDS)
_SOURCES = {source: keys(names) for source, names in SOURCES.items()}
_GOOGLE = keys(GOOGLE)


def match_columns(header: Sequence[str], mapping: MappingFile) -> dict[str, str]:
    """Field -> the header's own name for it.

    Raises MappingError where a mapped one is missing, ExportError where two may be the revenue.
    """
    by_key = {_key(name): name for name in reversed(header)}
    found = _mapped(header, by_key, mapping)
    taken = set(found.values())
    for field_name, known in _KEYS.items():
        if field_name in found or field_name in mapping.constants:
            continue
        free = (by_key[one] for one in known if one in by_key and by_key[one] not in taken)
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
            f" (--map):\n\n[columns]\nrevenue = {quoted(alike[0])}"
        )
    return alike[0] if alike else None


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
        wanted: Sequence[str] = (*ENDS_OF_DATE, *flight)
    else:
        wanted = [key.replace(begin, end) for begin, end in _ENDS if begin in key]
    return next((by_key[one] for one in wanted if one in by_key), None)


def is_perhaps_the_campaigns(start: str, end: str) -> bool:
    """Whether that end may be the campaign's own and not the row's: the rows must say."""
    return (_key(start), _key(end)) == ("date", "end date")


def is_longer_than_a_day(column: str) -> bool:
    """Whether the name says week, month or more."""
    return _LONGER.fullmatch(_key(column)) is not None


def is_header(cells: Sequence[str], mapping: MappingFile) -> bool:
    """Whether a line of the file names a campaign, a cost and a time."""
    names = {_key(cell) for cell in cells}
    fields = {field_name for field_name, known in _KEYS.items() if names & set(known)}
    fields |= {one for one, column in mapping.columns.items() if _key(column) in names}
    campaign = {"campaign", "campaign_id"} & (fields | set(mapping.constants))
    return len(fields) >= 3 and bool(campaign)


def source_of(header: Sequence[str]) -> str:
    names = {_key(name) for name in header}
    for source, signature in _SOURCES.items():
        if names & signature:
            return source
    return "Google Ads" if len(names & _GOOGLE) >= 2 else "plain table"

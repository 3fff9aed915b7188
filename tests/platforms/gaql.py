"""The part of Google's query language that the fake answers: read, checked, carried out."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.platforms.google_errors import AdsError

Row = dict[str, Any]

FIELDS = {
    "customer": {
        "resource_name": "string", "id": "int64", "descriptive_name": "string",
        "currency_code": "string", "time_zone": "string", "status": "enum", "test_account": "bool",
        "manager": "bool", "auto_tagging_enabled": "bool",
    },
    "customer_client": {
        "resource_name": "string", "client_customer": "string", "id": "int64", "level": "int64",
        "manager": "bool", "currency_code": "string", "time_zone": "string", "status": "enum",
        "descriptive_name": "string", "hidden": "bool", "test_account": "bool",
    },
    "conversion_action": {
        "resource_name": "string", "id": "int64", "name": "string", "status": "enum",
        "type": "enum", "category": "enum", "include_in_conversions_metric": "bool",
        "primary_for_goal": "bool",
    },
    "campaign": {
        "resource_name": "string", "id": "int64", "name": "string", "status": "enum",
        "serving_status": "enum", "primary_status": "enum", "primary_status_reasons": "list",
        "bidding_strategy_system_status": "enum", "experiment_type": "enum",
        "base_campaign": "string", "advertising_channel_type": "enum", "start_date_time": "string",
        "end_date_time": "string", "missing_eu_political_advertising_declaration": "bool",
        "campaign_budget": "string", "bidding_strategy_type": "enum",
        "optimization_score": "double",
    },
    "campaign_budget": {
        "resource_name": "string", "id": "int64", "name": "string", "amount_micros": "int64",
        "total_amount_micros": "int64", "status": "enum", "period": "enum", "type": "enum",
        "explicitly_shared": "bool", "reference_count": "int64", "delivery_method": "enum",
    },
    "change_event": {
        "resource_name": "string", "change_date_time": "string", "change_resource_type": "enum",
        "change_resource_name": "string", "client_type": "enum", "user_email": "string",
        "old_resource": "message", "new_resource": "message", "changed_fields": "message",
        "resource_change_operation": "enum", "campaign": "string",
    },
    "metrics": {
        "impressions": "int64", "clicks": "int64", "cost_micros": "int64", "conversions": "double",
        "conversions_value": "double",
    },
    "segments": {"date": "string", "hour": "int32", "day_of_week": "enum"},
}  # fmt: skip
"""What the fake carries, with the kind of each; held equal to Google's protos by a test."""
FROM = {
    "customer": ("customer", "metrics", "segments"),
    "customer_client": ("customer_client", "customer"),
    "conversion_action": ("conversion_action", "customer"),
    "campaign": ("campaign", "campaign_budget", "customer", "metrics", "segments"),
    "campaign_budget": ("campaign_budget", "customer", "metrics", "segments"),
    "change_event": ("change_event", "customer", "campaign"),
}
ENUMS = {
    "campaign.status": ("ENABLED", "PAUSED", "REMOVED", "UNKNOWN", "UNSPECIFIED"),
    "campaign_budget.status": ("ENABLED", "REMOVED", "UNKNOWN", "UNSPECIFIED"),
    "customer_client.status": (
        "ENABLED", "CANCELED", "SUSPENDED", "CLOSED", "UNKNOWN", "UNSPECIFIED",
    ),
    "conversion_action.status": ("ENABLED", "REMOVED", "HIDDEN", "UNKNOWN", "UNSPECIFIED"),
    "change_event.change_resource_type": ("CAMPAIGN", "CAMPAIGN_BUDGET", "AD_GROUP", "AD"),
}  # fmt: skip
_DAYS = {"TODAY": (0, 0), "YESTERDAY": (1, 1), "LAST_7_DAYS": (7, 1), "LAST_14_DAYS": (14, 1),
         "LAST_30_DAYS": (30, 1)}  # fmt: skip


def bad(code: str, message: str) -> AdsError:
    return AdsError("queryError", code, f"Error in query: {message}.")


@dataclass(frozen=True)
class Condition:
    path: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    select: tuple[str, ...]
    resource: str
    where: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    """Paths, with whether it goes down."""
    limit: int | None

    def uses(self, prefix: str) -> list[str]:
        return [path for path in self.select if path.startswith(f"{prefix}.")]

    def on(self, path: str) -> list[Condition]:
        return [one for one in self.where if one.path == path]


_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign><=|>=|!=|=|<|>|\(|\)|,))"
)


class _Reader:
    """One query's words, from the first to the last."""

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        place = 0
        text = text.strip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise bad("UNEXPECTED_INPUT", f"unexpected input {text[place : place + 10]}")
            self.words.append(found.group().strip())
            place = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def next(self) -> str:
        if self.at >= len(self.words):
            raise bad("UNEXPECTED_END_OF_QUERY", "unexpected end of query")
        self.at += 1
        return self.words[self.at - 1]

    def takes(self, *words: str) -> bool:
        upper = [word.upper() for word in self.words[self.at : self.at + len(words)]]
        if upper == list(words):
            self.at += len(words)
            return True
        return False

    def listed(self, one: Callable[[], Any]) -> list[Any]:
        found = [one()]
        while self.takes(","):
            found.append(one())
        return found


def read(text: str) -> Query:
    reader = _Reader(text)
    if not reader.takes("SELECT"):
        raise bad("EXPECTED_SELECT", "expected SELECT")
    select = reader.listed(reader.next)
    if not reader.takes("FROM"):
        raise bad("EXPECTED_FROM", "expected FROM")
    resource = reader.next()
    where: list[Condition] = []
    if reader.takes("WHERE"):
        where.append(_condition(reader))
        while reader.takes("AND"):
            where.append(_condition(reader))
    order = []
    if reader.takes("ORDER", "BY"):
        order = reader.listed(lambda: _order(reader))
    limit = None
    if reader.takes("LIMIT"):
        told = reader.next()
        if not told.isdigit() or int(told) < 1:
            raise bad("BAD_LIMIT_VALUE", "the limit must be a positive number")
        limit = int(told)
    if reader.takes("PARAMETERS"):
        reader.at = len(reader.words)
    if reader.peek():
        raise bad("UNEXPECTED_INPUT", f"unexpected input {reader.peek()}")
    query = Query(tuple(select), resource, tuple(where), tuple(order), limit)
    _check(query)
    return query


def _order(reader: _Reader) -> tuple[str, bool]:
    path = reader.next()
    down = reader.takes("DESC")
    if not down:
        reader.takes("ASC")
    return path, down


def _condition(reader: _Reader) -> Condition:  # noqa: C901 - one form after another
    path = reader.next()
    if reader.takes("BETWEEN"):
        low = _value(reader)
        if not reader.takes("AND"):
            raise bad("EXPECTED_AND", "BETWEEN needs AND")
        return Condition(path, "BETWEEN", (low, _value(reader)))
    if reader.takes("DURING"):
        return Condition(path, "DURING", (reader.next().upper(),))
    if reader.takes("IS", "NULL"):
        return Condition(path, "IS NULL", ())
    if reader.takes("IS", "NOT", "NULL"):
        return Condition(path, "IS NOT NULL", ())
    sign = "NOT IN" if reader.takes("NOT", "IN") else reader.next().upper()
    if sign in ("IN", "NOT IN"):
        if not reader.takes("("):
            raise bad("EXPECTED_LIST", "expected a list")
        if reader.takes(")"):
            raise bad("PROHIBITED_EMPTY_LIST_IN_CONDITION", "empty lists are not allowed")
        values = reader.listed(lambda: _value(reader))
        if not reader.takes(")"):
            raise bad("EXPECTED_LIST", "the list does not end")
        if len(values) > 20_000:
            raise bad("FILTER_HAS_TOO_MANY_VALUES", "the list is too long")
        return Condition(path, sign, tuple(values))
    if sign not in ("=", "!=", "<", ">", "<=", ">=", "LIKE"):
        raise bad("BAD_OPERATOR", f"unknown sign {sign}")
    return Condition(path, sign, (_value(reader),))


def _value(reader: _Reader) -> str:
    word = reader.next()
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word[0] in "'\"" else word


def _check(query: Query) -> None:  # noqa: C901 - one rule after another
    """That every path is there, belongs to what is asked, and what dates are needed."""
    if query.resource not in FROM:
        raise bad("BAD_RESOURCE_TYPE_IN_FROM_CLAUSE", f"unknown resource {query.resource}")
    paths = [*query.select, *(one.path for one in query.where), *(path for path, _ in query.order)]
    for path in paths:
        kind(path)
        if path.split(".")[0] not in FROM[query.resource]:
            raise bad(
                "PROHIBITED_RESOURCE_TYPE_IN_SELECT_CLAUSE",
                f"{path} does not go with FROM {query.resource}",
            )
    for path in (path for path, _ in query.order):
        if path not in query.select:
            raise bad("PROHIBITED_FIELD_IN_ORDER_BY_CLAUSE", f"{path} must be in SELECT")
    for one in query.where:
        if one.path in ENUMS and set(one.values) - set(ENUMS[one.path]):
            raise bad("BAD_ENUM_CONSTANT", f"{', '.join(one.values)} for {one.path}")
        if one.path == "segments.hour" and one.path not in query.select:
            raise bad("EXPECTED_REFERENCED_FIELD_IN_SELECT_CLAUSE", f"{one.path} in SELECT")
        if one.path == "segments.date" and one.operator != "DURING":
            _dates(one)
    if "segments.date" in query.select and not _finite(query.on("segments.date")):
        raise bad("EXPECTED_FILTERS_ON_DATE_RANGE", "segments.date needs both ends in WHERE")


def _dates(one: Condition) -> None:
    for value in one.values:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise bad("INVALID_DATE_FORMAT", f"{value} is not a date") from None


def _finite(conditions: Sequence[Condition]) -> bool:
    told = {one.operator for one in conditions}
    both = bool(told & {">", ">="}) and bool(told & {"<", "<="})
    return both or bool(told & {"BETWEEN", "DURING", "=", "IN"})


def kind(path: str) -> str:
    """int64, double, string, ...; an unknown path is the query's fault."""
    resource, _, name = path.partition(".")
    found = FIELDS.get(resource, {}).get(name)
    if found is None:
        raise bad(
            "UNRECOGNIZED_FIELD", f"unrecognized field {path} (or the fake does not carry it)"
        )
    return found


def between(query: Query, today: date) -> tuple[date, date]:
    """The days that the conditions leave; without any, all of them."""
    since, until = date(2000, 1, 1), today + timedelta(days=1)
    for one in query.on("segments.date"):
        if one.operator == "DURING":
            if one.values[0] not in _DAYS:
                raise bad("INVALID_VALUE_WITH_DURING_OPERATOR", f"unknown period {one.values[0]}")
            first, last = _DAYS[one.values[0]]
            lows, highs = [today - timedelta(days=first)], [today - timedelta(days=last)]
        else:
            days = [date.fromisoformat(value) for value in one.values]
            lows = days[:1] if one.operator in (">", ">=", "=", "BETWEEN") else []
            highs = days[-1:] if one.operator in ("<", "<=", "=", "BETWEEN") else []
            if one.operator == "IN":
                lows, highs = [min(days)], [max(days)]
        since, until = max([since, *lows]), min([until, *highs])
    if since > until and query.on("segments.date"):
        raise bad("INVALID_VALUE_WITH_BETWEEN_OPERATOR", "the first day is after the last")
    return since, until


def holds(  # noqa: PLR0911 - one operator after another
    row: Row, one: Condition, today: date
) -> bool:
    found, values = row.get(one.path), [*map(_comparable(one.path), one.values)]
    if one.operator == "IS NULL":
        return found is None
    if one.operator == "IS NOT NULL":
        return found is not None
    if one.operator == "DURING":
        first, last = _DAYS[one.values[0]]
        low, high = today - timedelta(days=first), today - timedelta(days=last)
        return low.isoformat() <= str(found) <= high.isoformat()
    if one.operator == "BETWEEN":
        return found is not None and bool(values[0] <= found <= values[1])
    if one.operator in ("IN", "NOT IN"):
        return (found in values) == (one.operator == "IN")
    if one.operator in ("=", "!="):
        return bool(found == values[0]) == (one.operator == "=")
    if one.operator == "LIKE":
        pattern = re.escape(values[0]).replace("%", ".*")
        return re.fullmatch(pattern, str(found)) is not None
    if found is None:
        return False
    compare = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
    return bool(compare[one.operator](found, values[0]))


def _comparable(path: str) -> Callable[[str], Any]:
    convert: dict[str, Callable[[str], Any]] = {
        "int64": int, "int32": int, "double": Decimal, "bool": lambda text: text.upper() == "TRUE",
    }  # fmt: skip

    def value(text: str) -> Any:
        try:
            return convert.get(kind(path), str)(text)
        except (ValueError, ArithmeticError):
            raise bad("BAD_NUMBER", f"{text} for {path}") from None

    return value


def arranged(rows: Iterable[Row], query: Query) -> list[Row]:
    found = list(rows)
    for path, down in reversed(query.order):
        found.sort(key=lambda row: (row.get(path) is not None, row.get(path)), reverse=down)
    return found[: query.limit] if query.limit else found


def shown(row: Row, query: Query, *, zeros: bool) -> dict[str, Any]:
    """As JSON has it: int64 as strings, names in camel case, what is nought not there at all."""
    told: dict[str, Any] = {}
    named = {path.split(".")[0] for path in query.select} - {"metrics", "segments"}
    for path in dict.fromkeys(
        (*(f"{name}.resource_name" for name in sorted(named)), *query.select)
    ):
        value = row.get(path)
        if value is None or (not value and not zeros):
            continue
        resource, name = path.split(".")
        told.setdefault(camel(resource), {})[camel(name)] = _json(value, kind(path))
    return told


def _json(value: Any, of: str) -> Any:
    if of == "int64":
        return str(int(value))
    return float(value) if of == "double" else value


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))

"""Does an answer have the shape that /openapi.json promises? As much of JSON Schema as it uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}


def problems(
    value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$"
) -> list[str]:
    """What is wrong with a value; empty where it fits."""
    return list(_problems(value, schema, document, at))


def untold(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> set[str]:
    """The keys of which the schema says nothing, where it does not say that more may come."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: set[str] = set()
    for option in schema.get("anyOf", []):
        found |= untold(value, option, document, at)
    if isinstance(value, dict) and "properties" in schema:
        known, open_end = schema["properties"], schema.get("additionalProperties", False)
        for name, member in value.items():
            found |= untold(member, known.get(name, {}), document, f"{at}.{name}")
            found |= set() if name in known or open_end else {f"{at}.{name}"}
    if isinstance(value, list):
        for one in value:
            found |= untold(one, schema.get("items", {}), document, f"{at}[]")
    return found


def _problems(
    value: Any, schema: dict[str, Any], document: dict[str, Any], at: str
) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from _problems(value, document["components"]["schemas"][name], document, at)
        return
    if "anyOf" in schema and not any(
        not problems(value, one, document, at) for one in schema["anyOf"]
    ):
        yield f"{at}: fits none of anyOf"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "type" in schema and not _fits(value, schema["type"]):
        yield f"{at}: {type(value).__name__} is not {schema['type']}"
        return
    yield from _limits(value, schema, at)
    if isinstance(value, str):
        yield from _text(value, schema, at)
    if isinstance(value, dict):
        yield from _members(value, schema, document, at)
    if isinstance(value, list) and "items" in schema:
        for place, one in enumerate(value):
            yield from _problems(one, schema["items"], document, f"{at}[{place}]")


def _fits(value: Any, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, bool):
        return "boolean" in names
    whole = isinstance(value, float) and value.is_integer() and "integer" in names
    return whole or any(isinstance(value, KINDS[name]) for name in names)


def _limits(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        size, low, high = value, schema.get("minimum"), schema.get("maximum")
    elif isinstance(value, str):
        size, low, high = len(value), schema.get("minLength"), schema.get("maxLength")
    elif isinstance(value, list):
        size, low, high = len(value), schema.get("minItems"), schema.get("maxItems")
    elif isinstance(value, dict):
        size, low, high = len(value), schema.get("minProperties"), None
    else:
        return
    if (low is not None and size < low) or (high is not None and size > high):
        yield f"{at}: {size} is not within {low} to {high}"


def _text(value: str, schema: dict[str, Any], at: str) -> Iterator[str]:
    checks: dict[str, Callable[[str], object]] = {
        "uuid": UUID,
        "date-time": datetime.fromisoformat,
        "date": datetime.fromisoformat,
    }
    if "format" in schema:
        try:
            checks[schema["format"]](value)
        except ValueError:
            yield f"{at}: {value!r} is no {schema['format']}"
    # In JSON Schema a dollar is the end; in Python a line may end before it.
    if "pattern" in schema and not re.search(re.sub(r"\$$", r"\\Z", schema["pattern"]), value):
        yield f"{at}: {value!r} does not match {schema['pattern']}"


def _members(
    value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], at: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}.{name}: missing"
    for name, member in value.items():
        more = schema.get("additionalProperties", True)
        inner = known.get(name, more if isinstance(more, dict) else {})
        if name not in known and more is False:
            yield f"{at}.{name}: not foreseen"
        yield from _problems(member, inner, document, f"{at}.{name}")

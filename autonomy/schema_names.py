"""The names that the migrations make, read from their text.

``sql/before.sql`` needs them before anything is made, to stop where something of the user's stands
under one of them. A test holds this reading against a migrated database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_CREATE = re.compile(
    r"^ *create (?:or replace )?(?:unique )?"
    r"(?P<kind>table|type|index|statistics|function|trigger) (?:if not exists )?"
    r"(?:(?P<schema>public|autonomy)\.)?(?!pg_temp|on )(?P<name>\w+)",  # of a run's own: no name
    re.MULTILINE,
)
_CONSTRAINT = re.compile(r"(?:primary key|unique|check|exclude|foreign key|constraint)\b")
_ON = re.compile(r"\son ((?:public|autonomy)\.\w+)")


class Argument(NamedTuple):
    """A parameter of a function that a call gives."""

    name: str
    type: str
    optional: bool


class Made(NamedTuple):
    """One thing that a file makes. table: what an index or a trigger stands on, with its schema."""

    schema: str
    kind: str
    name: str
    table: str | None = None
    arguments: tuple[Argument, ...] = ()
    columns: tuple[str, ...] = ()  # of a table, each as it is declared


def made_by(text: str) -> Iterator[Made]:
    """What the text of a file makes, in order."""
    text = re.sub(r"--[^\n]*", "", text)
    for found in _CREATE.finditer(text):
        kind, name = found["kind"], found["name"]
        if on := _ON.search(text, found.end()) if kind in ("index", "trigger") else None:
            yield Made(on[1].split(".")[0], kind, name, table=on[1])
        elif kind == "function":
            taken = (part for part in parts(text, found.end()) if not part.startswith("out "))
            yield Made(found["schema"], kind, name, arguments=tuple(map(_argument, taken)))
        elif kind == "table":
            declared = (part for part in parts(text, found.end()) if not _CONSTRAINT.match(part))
            yield Made(found["schema"], kind, name, columns=tuple(declared))
        else:
            yield Made(found["schema"], kind, name)


def parts(text: str, start: int) -> list[str]:
    """What stands between the parenthesis at start and its partner, cut at its own commas."""
    found = [""]
    depth, quoted = 0, False
    for character in text[start:]:
        quoted ^= character == "'"
        if not quoted and character in ")]":
            depth -= 1
            if depth == 0:
                break
        if character == "," and depth == 1 and not quoted:
            found.append("")
        elif depth:
            found[-1] += character
        if not quoted and character in "([":
            depth += 1
    return [part.strip() for part in found if part.strip()]


def as_rows(made: Iterable[Made]) -> str:
    """The rows of an `insert into autonomy_names`; sql/before.sql says what its columns are."""
    return ",\n".join(f"  ({', '.join(_columns(each))})" for each in made)


def _argument(text: str) -> Argument:
    declared, *default = re.split(r"\s+default\s+|\s*=\s*", text, maxsplit=1)
    name, kind = declared.split(None, 1)
    return Argument(name, kind, bool(default))


def _columns(each: Made) -> Iterator[str]:
    yield from (f"'{word}'" for word in (each.schema, each.kind, each.name))
    yield f"'{each.table}'" if each.table else "null"
    yield "'{" + ", ".join(argument.name for argument in each.arguments) + "}'"
    yield "'{" + ", ".join(argument.type for argument in each.arguments) + "}'"
    yield str(sum(argument.optional for argument in each.arguments))
    declared = (f"'{column.replace(chr(39), 2 * chr(39))}'" for column in each.columns)
    yield f"array[{', '.join(declared)}]::text[]"

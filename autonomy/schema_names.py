"""The names that the migrations make, read from their text.

``sql/before.sql`` needs them before anything is made: to stop where something of the user's stands
under one of them, and to know what a file drops before it makes it anew. A test holds this reading
against a migrated database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_CREATE = re.compile(
    r"^ *create (?P<replace>or replace )?(?:unique )?"
    r"(?P<kind>table|type|index|statistics|function|trigger) (?:if not exists )?"
    r"(?:public\.)?(?!pg_temp)(?P<name>\w+)",
    re.MULTILINE,
)
_ON = re.compile(r"\son public\.(\w+)")


class Argument(NamedTuple):
    """A parameter of a function that a call gives."""

    name: str
    type: str
    optional: bool


class Made(NamedTuple):
    """One thing that a file makes. stays: by `create or replace`, so it is not dropped before."""

    file: str
    kind: str
    name: str
    stays: bool
    table: str | None = None
    arguments: tuple[Argument, ...] = ()


def made_by(file: str, text: str) -> Iterator[Made]:
    """What the text of a file makes in the schema public, in order."""
    text = re.sub(r"--[^\n]*", "", text)
    for found in _CREATE.finditer(text):
        kind, name, stays = found["kind"], found["name"], found["replace"] is not None
        if kind in ("index", "trigger"):
            on = _ON.search(text, found.end())
            yield Made(file, kind, name, stays, table=on[1] if on else None)
        elif kind == "function":
            taken = (part for part in parts(text, found.end()) if not part.startswith("out "))
            yield Made(file, kind, name, stays, arguments=tuple(map(_argument, taken)))
        else:
            yield Made(file, kind, name, stays)


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
    yield from (f"'{word}'" for word in (each.file, each.kind, each.name))
    yield str(each.stays).lower()
    yield f"'{each.table}'" if each.table else "null"
    yield "'{" + ", ".join(argument.name for argument in each.arguments) + "}'"
    yield "'{" + ", ".join(argument.type for argument in each.arguments) + "}'"
    yield str(sum(argument.optional for argument in each.arguments))

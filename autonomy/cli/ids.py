"""Ids as people type them: whole, or their first characters where these name one alone."""

from __future__ import annotations

import re
from typing import Any

import click

from autonomy.errors import BadRequest, NotFound
from autonomy.store import Store

_FORM = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_FEWEST = 4


class IdOrPrefix(click.ParamType[str]):
    """A uuid or its first characters, four at least; lower case, with its dashes."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fails as wrong usage where it is no beginning of an id."""
        return beginning_of_id(str(value)) or self.fail(
            f"{value!r} is neither an id such as 3f2b9c1e-8a57-4e0c-9d1b-2f6a7c5e4d3b nor its "
            "first characters.",
            param,
            ctx,
        )


def beginning_of_id(given: str) -> str:
    """As it is stored; empty where it is no beginning of an id."""
    text = given.strip().lower()
    if re.fullmatch("[0-9a-f]{32}", text):
        text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    pattern = _FORM[: len(text)].replace("x", "[0-9a-f]")
    fits = _FEWEST <= len(text) <= len(_FORM) and re.fullmatch(pattern, text)
    return text if fits else ""


def whole_id(store: Store, table: str, given: str, what: str) -> str:
    """The id that `given` is or begins. Raises NotFound, or BadRequest where several begin so."""
    if len(given) == len(_FORM):
        return given
    least = given + _FORM[len(given) :].replace("x", "0")
    rows = store.select(table, columns="id", filters={"id": ("gte", least)}, order=("id",), limit=2)
    found = [str(row["id"]) for row in rows if str(row["id"]).startswith(given)]
    if not found:
        raise NotFound(f"No {what} has an id that begins with {given}.")
    if len(found) > 1:
        raise BadRequest(
            f"Several ids begin with {given}.", hint=f"Give more of it: {', '.join(found)}, ..."
        )
    return found[0]

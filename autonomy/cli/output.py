"""Tables for people, JSON for programs; colours only on a terminal. Days as they are typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from autonomy.errors import BadRequest
from autonomy.run.request import day_or_instant
from autonomy.text import chance, money
from autonomy.web.commands import account_value

json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


class DayOrTime(click.ParamType[str]):
    """A day, or an instant as ISO 8601 writes it."""

    name = "day or time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fails as wrong usage where it is none."""
        try:
            return day_or_instant(str(value))
        except (ValueError, OverflowError):
            wanted = "a day such as 2026-11-24 or a time such as 2026-11-24T10:00:00Z"
            self.fail(f"{value!r} is not {wanted}.", param, ctx)


def typed_value(name: str, text: str) -> Any:
    """What was typed for a setting of an account or a campaign; wrong usage where it is none."""
    try:
        return account_value(name, text)
    except BadRequest as error:
        raise click.UsageError(error.message) from error


def print_json(value: Any) -> None:
    """Indented JSON, characters as they are."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str
) -> None:
    """A table with a title; one sentence where there is nothing to show."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A file or another program has no width, and what is cut there nobody can widen.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    if not rows:
        click.echo(f"{title}: {empty}")
        return
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        whole = all(_ID.fullmatch(str(cell)) for cell in cells)
        table.add_column(
            column,
            overflow="fold",
            justify="right" if column in _RIGHT else "left",
            no_wrap=whole,
            min_width=36 if whole else None,
        )
    for row in rows:
        table.add_row(*(Text(_harmless(cell)) for cell in row))
    console.print(table)


def _harmless(cell: Any) -> str:
    """Its text; what would paint or move about on a terminal is a mark."""
    text = str("" if cell is None else cell)
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)


def bar(label: str, share: float) -> None:
    """A progress bar on standard error, redrawn in place; off a terminal only its end is said."""
    if sys.stderr.isatty():
        full = round(24 * min(max(share, 0.0), 1.0))
        line = f"  [{'#' * full}{'.' * (24 - full)}] {label:<44.44}"
        click.echo(line + ("\n" if share >= 1 else "\r"), err=True, nl=False)
    elif share >= 1:
        click.echo(f"  {label}", err=True)


_WIDE = 240
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RIGHT = {"confidence", "budget", "count", "priority", "spend", "roi", "before", "after"}


def percent(value: Any) -> str:
    """A confidence, 97.3 -> 97 %; as in the sentences, and never certain."""
    return "" if value is None else f"{chance(float(value))} %"


def moment(value: str | None) -> str:
    """An ISO time, to the minute, in UTC."""
    return "" if not value else datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M")


def state_change(
    before: dict[str, Any] | None, after: dict[str, Any] | None, currency: str | None
) -> str:
    """What an action changed: `active -> paused`, `100.00 -> 150.00 EUR`."""
    before, after = before or {}, after or {}
    parts = []
    if before.get("status") != after.get("status"):
        parts.append(f"{before.get('status')} -> {after.get('status')}")
    if before.get("budget") != after.get("budget"):
        old, new = before.get("budget"), money(after.get("budget"), currency=currency)
        parts.append(f"{money(old, currency=currency).removesuffix(f' {currency}')} -> {new}")
    return ", ".join(parts)

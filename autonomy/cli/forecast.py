"""The command for what the month will bring."""

from __future__ import annotations

from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.store import Json
from autonomy.text import money
from autonomy.web.formats import multiple
from autonomy.web.queries import Reads


@click.command()
@click.option("--account", help="This account only.")
@json_option
def forecast(account: str | None, as_json: bool) -> None:
    """Spend, revenue and profit of the month, each with the range of 8 in 10."""
    with connected() as target:
        found = Reads(target.store).forecast(account)
    if as_json:
        print_json(found)
        return
    for one in found["accounts"]:
        _print_account(one)
    if not found["accounts"]:
        click.echo("No account yet; campaigns name them in their column account.")
    if found["stale_days"]:
        click.echo(f"{found['stale_days']} days are still being counted; ask again in a moment.")
    if found["left_off"]:
        click.echo(f"and {found['left_off']} accounts more; --account names one")


COMMANDS = (forecast,)

COLUMNS = ("", "so far", "expected", "from", "to")


def _print_account(one: Json) -> None:
    click.secho(f"{one['account']}, {one['from_day']} to {one['until_day']}", bold=True)
    click.echo(one["sentence"])
    if one["spend"]["expected"] is None:
        return
    rows = [
        (name, *(_said(one, name, key) for key in ("so_far", "expected", "low", "high")))
        for name in ("spend", "revenue", "profit", "roi")
    ]
    title = f"In {one['currency']}" if one["currency"] else "In the account's currency"
    print_table(title, COLUMNS, rows, "nothing")
    believed = one["attribution_factor"]
    beside = f", {believed:g} of revenue believed" if believed != 1 else ""
    click.echo(f"Profit: at a break-even roi of {one['break_even']:g}x{beside}.\n")


def _said(one: Json, name: str, key: str) -> Any:
    value = one[name][key]
    return multiple(value) if name == "roi" else money(value, False)

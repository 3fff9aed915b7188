"""Commands for accounts: currency, zone, target, and the limits in which one differs."""

from __future__ import annotations

from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table, typed_value
from autonomy.store import Json
from autonomy.text import money
from autonomy.web.commands import (
    ACCOUNT_KEYS,
    ACCOUNT_OVERRIDES,
    Changes,
    inherited_name,
)
from autonomy.web.queries import Reads
from autonomy.web.total_words import total_sentences


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def accounts(context: click.Context, as_json: bool) -> None:
    """Accounts: what differs from the policy. Without a command: all of them."""
    if context.invoked_subcommand is None:
        _show(as_json)


@accounts.command("list")
@json_option
def list_accounts(as_json: bool) -> None:
    """All accounts, those with the most active campaigns first."""
    _show(as_json)


@accounts.command("set")
@click.argument("account")
@click.argument("assignments", nargs=-1, metavar="NAME=VALUE...")
@json_option
def change(account: str, assignments: tuple[str, ...], as_json: bool) -> None:
    """Change one: `accounts set Tokyo currency=JPY max_budget=5000000`. NAME= : the policy's."""
    values = dict(_assignment(text) for text in assignments)
    if not values:
        raise click.UsageError("Nothing to set. For example: accounts set Tokyo currency=JPY")
    with connected() as target:
        (before,) = Reads(target.store).accounts(account)["accounts"]
        after = Changes(target.store, "cli").set_account(account, values)
    if as_json:
        print_json(after)
        return
    for name in values:
        click.echo(f"{name}: {_said(before, name)} -> {_said(after, name)}")
    if after["finding"]:
        click.echo(after["finding"]["sentence"])


COMMANDS = (accounts,)


def _show(as_json: bool) -> None:
    with connected() as target:
        found = Reads(target.store).accounts(limit=1000)
    if as_json:
        print_json(found)
        return
    table = [
        (
            one["account"],
            one["currency"] or "unknown",
            _said(one, "time_zone"),
            _said(one, "target_roi"),
            one["active"],
            money(one["active_budget"], currency=one["currency"]),
            ", ".join(_own(one)),
        )
        for one in found["accounts"]
    ]
    columns = ("account", "currency", "time zone", "target", "active", "budget", "of its own")
    print_table("Accounts", columns, table, "none; campaigns name them in their column account")
    if found["left_off"]:
        click.echo(f"and {found['left_off']} more")
    for one in found["accounts"]:
        if one["finding"]:
            click.echo(one["finding"]["sentence"])
        if one["total"]:
            said = total_sentences(one["total"], one["in_force"]["mode"])
            click.echo(f"{one['account']}: {' '.join(said)}")


def _own(account: Json) -> list[str]:
    shown = [f"{name}={account[name]}" for name in ACCOUNT_OVERRIDES if account[name] is not None]
    return [*(["frozen"] if account["frozen"] else []), *shown]


def _said(account: Json, name: str) -> str:
    """Its own value, or what it takes from the policy."""
    if account[name] is not None:
        return str(account[name])
    inherited = account["in_force"].get(inherited_name(name))
    if name == "conversion_delay_hours" and account["measured_delay_hours"] is not None:
        return f"measured: {inherited}"
    return "none" if inherited is None else f"policy: {inherited}"


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals:
        raise click.UsageError(f"{text!r} is not NAME=VALUE.")
    if name not in ACCOUNT_KEYS:
        raise click.UsageError(
            f"No setting of an account is called {name}. There are: {', '.join(ACCOUNT_KEYS)}"
        )
    return name, typed_value(name, value)

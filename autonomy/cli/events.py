"""Commands for planned events: what must not be done, and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.store import Json
from autonomy.web.commands import Changes
from autonomy.web.parsing import ID, LOCAL
from autonomy.web.queries import Reads

SWITCHES = {
    "no_raises": "No budget is raised, nothing is resumed.",
    "no_cuts": "No budget is lowered.",
    "no_pauses": "Nothing is paused.",
    "leave_out": "Its days leave the evidence.",
}
Command = Callable[..., Any]


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def events(context: click.Context, as_json: bool) -> None:
    """Planned events. Without a command: all of them."""
    if context.invoked_subcommand is None:
        _show(None, as_json)


@events.command("list")
@click.option("--account", help="Of this account and its campaigns.")
@json_option
def list_events(account: str | None, as_json: bool) -> None:
    """All of them, the next first."""
    _show(account, as_json)


@events.command("add")
@click.argument("first", metavar="FROM")
@click.argument("last", metavar="UNTIL")
@click.option("--account", help="All campaigns of this account.")
@click.option("--campaign", help="This campaign, by its id.")
@click.option("--why", required=True, help="What it is, in your words.")
@click.option("--no-raises", is_flag=True, help=SWITCHES["no_raises"])
@click.option("--no-cuts", is_flag=True, help=SWITCHES["no_cuts"])
@click.option("--no-pauses", is_flag=True, help=SWITCHES["no_pauses"])
@click.option("--leave-out", is_flag=True, help=SWITCHES["leave_out"])
@json_option
def add(
    first: str, last: str, account: str | None, campaign: str | None, why: str, as_json: bool,
    **switches: bool,
) -> None:  # fmt: skip
    """Plan one: `events add 2026-11-27 2026-11-30 --account Tokyo --no-pauses --why Sale`.

    FROM and UNTIL are days of the account, meant whole, or times in its zone (2026-11-27T18:00).
    """
    if (account is None) == (campaign is None):
        raise click.UsageError("Say whose: --account NAME or --campaign ID, one of them.")
    of = {"account": account} if campaign is None else {"campaign_id": _read(ID, campaign)}
    event = {**of, "from": _read(LOCAL, first), "until": _read(LOCAL, last), "why": why, **switches}
    with connected() as target:
        made = Changes(target.store, "cli").save_event(event)
    _tell(made, as_json)
    if not as_json:
        click.echo(f"Take it back with: python -m autonomy events delete {made['id']}")


def _switches(command: Command) -> Command:
    for name, said in reversed(SWITCHES.items()):
        word = name.replace("_", "-")
        other = word.removeprefix("no-") if word.startswith("no-") else f"no-{word}"
        command = click.option(f"--{word}/--{other}", default=None, help=said)(command)
    return command


@events.command("change")
@click.argument("event_id", metavar="ID")
@click.option("--from", "first", help="Another first day or time.")
@click.option("--until", "last", help="Another last day or time.")
@click.option("--why", help="What it is, in your words.")
@_switches
@json_option
def change(
    event_id: str, first: str | None, last: str | None, why: str | None, as_json: bool,
    **switches: bool | None,
) -> None:  # fmt: skip
    """Change what is given of one: `events change ID --until 2026-12-01 --pauses`."""
    sent = {
        "from": None if first is None else _read(LOCAL, first),
        "until": None if last is None else _read(LOCAL, last),
        "why": why,
        **switches,
    }
    changed = {name: value for name, value in sent.items() if value is not None}
    if not changed:
        raise click.UsageError("Nothing to change. For example: events change ID --pauses")
    with connected() as target:
        _tell(Changes(target.store, "cli").save_event(changed, _read(ID, event_id)), as_json)


@events.command("delete")
@click.argument("event_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(event_id: str, yes: bool, as_json: bool) -> None:
    """Delete one, with what it left out of the evidence."""
    event_id = _read(ID, event_id)
    if not yes:
        click.confirm("Delete this event?", abort=True, err=True)
    with connected() as target:
        was = Changes(target.store, "cli").delete_event(event_id)
    if as_json:
        print_json(was)
    else:
        click.echo(f"Deleted: {was['why']}, {was['span']}.")


COMMANDS = (events,)


def _read(what: Callable[[object], Any], text: str) -> str:
    try:
        return str(what(text))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _tell(event: Json, as_json: bool) -> None:
    if as_json:
        print_json(event)
    else:
        click.echo(f"{event['why']}: {event['span']} ({event['time_zone']}), {_not_done(event)}.")


def _show(account: str | None, as_json: bool) -> None:
    with connected() as target:
        found = Reads(target.store).events(account, limit=1000)
    if as_json:
        print_json(found)
        return
    table = [
        (
            one["span"],
            one["time_zone"],
            one["of_account"],
            "all campaigns" if one["campaign_id"] is None else one["title"] or one["campaign_id"],
            one["why"],
            _not_done(one),
            "left out" if one["leave_out"] else "count",
            one["state"],
            one["id"],
        )
        for one in found["events"]
    ]
    columns = ("when", "zone", "account", "of", "why", "not done", "its days", "state", "id")
    print_table("Planned events", columns, table, "none")
    if found["left_off"]:
        click.echo(f"and {found['left_off']} more")


def _not_done(event: Json) -> str:
    return ", ".join(
        name.replace("_", " ") for name in ("no_raises", "no_cuts", "no_pauses") if event[name]
    )

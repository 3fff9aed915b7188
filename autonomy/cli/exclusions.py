"""Commands for days that are left out of the evidence."""

from __future__ import annotations

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.store import Json
from autonomy.web.commands import Changes
from autonomy.web.parsing import DAY, ID
from autonomy.web.queries import Reads


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def exclusions(context: click.Context, as_json: bool) -> None:
    """Days that do not count as evidence. Without a command: all of them."""
    if context.invoked_subcommand is None:
        _show(None, as_json)


@exclusions.command("list")
@click.option("--account", help="Of this account and its campaigns.")
@json_option
def list_exclusions(account: str | None, as_json: bool) -> None:
    """All of them, those in force first."""
    _show(account, as_json)


@exclusions.command("add")
@click.argument("from_day", metavar="FROM")
@click.argument("until_day", metavar="UNTIL")
@click.option("--account", help="All campaigns of this account.")
@click.option("--campaign", help="This campaign, by its id.")
@click.option("--why", default="", help="Why, in your words.")
@json_option
def add(
    from_day: str, until_day: str, account: str | None, campaign: str | None, why: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Leave days out: `exclusions add 2026-11-27 2026-11-28 --account Tokyo`."""
    if (account is None) == (campaign is None):
        raise click.UsageError("Say whose days: --account NAME or --campaign ID, one of them.")
    try:
        first, last = DAY(from_day), DAY(until_day)
        of_campaign = None if campaign is None else ID(campaign)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    with connected() as target:
        made = Changes(target.store, "cli").exclude(
            first, last, account=account, campaign_id=of_campaign, why=why
        )
    if as_json:
        print_json(made)
    else:
        click.echo(f"Left out of the evidence: {_days(made)}. Take it back with:")
        click.echo(f"python -m autonomy exclusions lift {made['id']}")


@exclusions.command("lift")
@click.argument("exclusion_id", metavar="ID")
@json_option
def lift(exclusion_id: str, as_json: bool) -> None:
    """Let days count again, and doubt them no more."""
    try:
        exclusion_id = ID(exclusion_id)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    with connected() as target:
        lifted = Changes(target.store, "cli").lift_exclusion(exclusion_id)
    if as_json:
        print_json(lifted)
    else:
        click.echo(f"They count again: {_days(lifted)}.")


COMMANDS = (exclusions,)


def _show(account: str | None, as_json: bool) -> None:
    with connected() as target:
        found = Reads(target.store).exclusions(account, limit=1000)
    if as_json:
        print_json(found)
        return
    table = [
        (
            _days(one),
            one["of_account"],
            "all campaigns" if one["campaign_id"] is None else one["title"] or one["campaign_id"],
            one["why"],
            one["made_by"],
            "no, they count again" if one["lifted_at"] else "yes",
            one["id"],
        )
        for one in found["exclusions"]
    ]
    columns = ("days", "account", "of", "why", "made by", "left out", "id")
    print_table("Days left out of the evidence", columns, table, "none")
    if found["left_off"]:
        click.echo(f"and {found['left_off']} more")


def _days(one: Json) -> str:
    first, last = one["from_day"], one["until_day"]
    return str(first) if first == last else f"{first} to {last}"

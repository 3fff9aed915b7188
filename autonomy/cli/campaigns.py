"""Commands for campaigns: what one is judged by."""

from __future__ import annotations

from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.operate import find_campaign
from autonomy.cli.output import json_option, print_json, typed_value
from autonomy.web.commands import CAMPAIGN_NUMBERS, Changes
from autonomy.web.queries import Reads


@click.group()
def campaigns() -> None:
    """What a campaign is judged by."""


@campaigns.command("set")
@click.argument("campaign")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@json_option
def change(campaign: str, assignments: tuple[str, ...], as_json: bool) -> None:
    """Change one, by id or title: `campaigns set Summer target_roi=1.5`. NAME= : its account's.

    The names are target_roi (its own break-even) and conversion_value (what a conversion is worth
    on days without revenue).
    """
    values = dict(_assignment(text) for text in assignments)
    with connected() as target:
        campaign_id = find_campaign(target, campaign)
        Changes(target.store, "cli").set_campaign(campaign_id, values)
        found = Reads(target.store).campaign(campaign_id, 1)
    if as_json:
        print_json({"campaign": found["campaign"], "in_force": found["in_force"]})
        return
    held = found["in_force"]
    value = held["conversion_value"]
    click.echo(f"break-even {held['break_even']}x")
    click.echo("conversions have no value" if value is None else f"valued at {value} a conversion")


COMMANDS = (campaigns,)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or name not in CAMPAIGN_NUMBERS:
        raise click.UsageError(f"{text!r} is not NAME=VALUE with {' or '.join(CAMPAIGN_NUMBERS)}.")
    return name, typed_value(name, value)

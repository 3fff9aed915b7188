"""`proof`: what was done to an account, and what of what was said came true."""

from __future__ import annotations

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.store import Json
from autonomy.text import money
from autonomy.web.queries import Reads


@click.command()
@click.option("--account", help="Of this account; else of the one with the most campaigns.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 400))
@json_option
def proof(account: str | None, days: int, as_json: bool) -> None:
    """Said against right, predicted against happened, money by rule, hold-outs."""
    with connected() as target:
        reads = Reads(target.store)
        if account is None:
            accounts = reads.listed_accounts()
            account = str(accounts[0]["account"]) if accounts else None
        found = reads.proof(account, days) if account is not None else None
    if as_json:
        print_json(found)
    elif found is None:
        click.echo("No account yet; campaigns name them in their column account.")
    else:
        _print_proof(found)


COMMANDS = (proof,)


def _print_proof(found: Json) -> None:
    said, happened = found["said_and_right"], found["predicted_and_happened"]
    click.secho(f"{found['account'] or '(no name)'}, {found['days']} days", bold=True)
    click.echo(found["actions"]["sentence"])
    click.echo(f"\n{said['sentence']}")
    if said["classes"]:
        rows = [
            (
                f"{one['from']} to {one['to']}",
                f"{one['said']:.0f} %",
                f"{one['right']:.0f} %",
                f"{one['right_low']:.0f} to {one['right_high']:.0f} %",
                one["campaigns"] if one["enough"] else f"{one['campaigns']}, too few",
            )
            for one in said["classes"]
        ]
        columns = ("confidence class", "said", "right", "90 % interval", "campaigns")
        print_table("Said against right", columns, rows, "")
    click.echo(f"\n{happened['sentence']}")
    rules = [
        (
            one["rule_name"],
            one["actions"],
            one["measured"],
            money(one["money"], currency=found["currency"]) if one["measured"] else "",
            f"{money(one['money_low'], False)} to {money(one['money_high'], False)}"
            if one["measured"]
            else "",
        )
        for one in found["rules"]
    ]
    columns = ("rule", "actions", "measured", "brought", "90 % interval")
    print_table("\nMoney by rule", columns, rules, "nothing was done.")
    click.echo(f"\n{found['holdouts']['sentence']}")
    for one in found["holdouts"]["kinds"]:
        click.echo(f"{one['kind']}: {one['sentence']}")

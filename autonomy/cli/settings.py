"""Commands for the policy row: limits, mode, kill switch."""

from __future__ import annotations

from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.engine.policy import PRESETS
from autonomy.errors import BadRequest
from autonomy.store import Json, Store
from autonomy.web.commands import Changes
from autonomy.web.queries import Reads

ONE_ROW = {"id": True}


@click.group()
def policy() -> None:
    """The policy: mode, limits, floors. One row, every value checked by the database."""


@policy.command("show")
@json_option
def show(as_json: bool) -> None:
    """Every setting with its value."""
    with connected() as target:
        row = read_policy(target.store)
    if as_json:
        print_json(row)
    else:
        print_table("Policy", ("setting", "value"), list(row.items()), "")


@policy.command("set")
@click.argument("assignments", nargs=-1, metavar="NAME=VALUE...")
@click.option(
    "--preset", type=click.Choice(list(PRESETS)),
    help="Floors of confidence, delay and budget optimisation under one name.",
)  # fmt: skip
@json_option
def change(assignments: tuple[str, ...], preset: str | None, as_json: bool) -> None:
    """Change settings: `policy set min_confidence=80 mode=approve`, or `--preset strict`."""
    values: Json = dict(_assignment(text) for text in assignments)
    if values and preset:
        raise click.UsageError("A preset stands alone; change single settings after it.")
    if not values and not preset:
        raise click.UsageError(
            "Nothing to set. For example: policy set min_confidence=80, or --preset grow"
        )
    with connected() as target:
        before = read_policy(target.store)
        unknown = sorted(set(values) - set(before))
        if unknown:
            raise BadRequest(
                f"No setting is called {unknown[0]}.",
                hint="The settings there are: python -m autonomy policy show",
            )
        if preset:
            after = Changes(target.store, "cli").use_preset(preset)["policy"]
        else:
            after = write_policy(target.store, values)
    if as_json:
        print_json(after)
        return
    for name in PRESETS[preset].values if preset else values:
        click.echo(f"{name}: {before[name]} -> {after[name]}")
    if preset:
        click.echo(f"budget optimisation: {'on' if PRESETS[preset].optimise else 'off'}")


@click.command()
@click.argument("what", type=click.Choice(["on", "off", "status"]), default="status")
@json_option
def optimize(what: str, as_json: bool) -> None:
    """Budget optimisation: one rule that is there (on) or not (off)."""
    with connected() as target:
        if what == "status":
            found = Reads(target.store).optimisation()
        else:
            found = Changes(target.store, "cli").set_optimisation(what == "on")
    if as_json:
        print_json(found)
        return
    names = ", ".join(one["rule_name"] for one in found["rules"] if one["is_active"])
    if found["on"]:
        click.echo(f"Budget optimisation is on, by the rule {names}.")
        return
    kept = f" Kept with its tuning: {found['kept']['rule_name']}." if found["kept"] else ""
    click.echo(f"Budget optimisation is off.{kept}")
    if found["past"] and found["past"]["sentence"]:
        click.echo(found["past"]["sentence"])


@click.command()
@click.argument("reason", required=False, default="")
@json_option
def freeze(reason: str, as_json: bool) -> None:
    """Stop every action at once, a run that is under way included."""
    _freeze(
        {"frozen": True, "frozen_reason": reason},
        "Frozen. Detection and measurement go on. Lift it with: python -m autonomy unfreeze",
        as_json=as_json,
    )


@click.command()
@json_option
def unfreeze(as_json: bool) -> None:
    """Lift the freeze."""
    _freeze(
        {"frozen": False, "frozen_reason": ""},
        "Not frozen any more; the next run acts again.",
        as_json=as_json,
    )


COMMANDS = (policy, optimize, freeze, unfreeze)


def read_policy(store: Store) -> Json:
    """The policy row without its key."""
    row = dict(store.select("autonomy_policy", limit=1)[0])
    row.pop("id", None)
    return row


def write_policy(store: Store, values: Json) -> Json:
    """Change the row; the database refuses what is out of range, with a sentence."""
    return store.update("autonomy_policy", {**values, "updated_by": "cli"}, filters=ONE_ROW)[0]


def _freeze(values: Json, said: str, *, as_json: bool) -> None:
    with connected() as target:
        row = write_policy(target.store, values)
    if as_json:
        print_json({name: row[name] for name in values})
    else:
        click.echo(said)


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not NAME=VALUE.")
    if value.lower() in ("null", "none", ""):
        raise click.UsageError(f"{name} cannot be left empty. Give a number or a text.")
    return name.strip(), value.strip()

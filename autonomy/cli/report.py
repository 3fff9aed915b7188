"""A run's result as a person reads it."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

import click

from autonomy.cli.output import percent, state_change
from autonomy.run.delivered import delivered_sentences
from autonomy.web.total_words import run_sentence

LISTED_HELD = 15
"""Held decisions shown in a terminal; the JSON has a hundred, `explain` any."""


def print_run(result: dict[str, Any]) -> None:
    """What was done to which campaign and why, what was held and why, what else was found."""
    actions, held = result["actions"], result["held_decisions"]
    click.secho(f"Actions ({len(actions)} shown)" if actions else "Actions: none", bold=True)
    for one in actions:
        change = state_change(one["previous"], one["new"], one.get("currency"))
        _print_entry(f"{_title(one)}  [{change}]  {one['status']}", one)
    if held:
        click.secho(f"\nHeld ({min(len(held), LISTED_HELD)} of {_total(result)} shown)", bold=True)
    for one in held[:LISTED_HELD]:
        _print_entry(f"{_title(one)}  [{one['code']}]", one)
    _print_trouble(result)
    _print_totals(result)


def _print_entry(head: str, one: dict[str, Any]) -> None:
    click.echo(f"  {head}  {percent(one['confidence'])}")
    width = max(60, shutil.get_terminal_size((110, 24)).columns - 1)
    said = textwrap.fill(one["reason"], width, initial_indent="    ", subsequent_indent="    ")
    click.secho(said, dim=True)


def _print_trouble(result: dict[str, Any]) -> None:
    for one in result["failed"]:
        click.secho(f"  FAILED {_title(one)} {one['code']}: {one['message']}", bold=True)
    for breaker in result["breakers"]:
        click.secho(f"  BREAKER {breaker['code']}: {breaker['message']}", bold=True)
    for rule in result["rules_skipped"]:
        click.secho(f"  RULE SKIPPED {rule['rule_name']}: {rule['error']}", bold=True)
    for total in result.get("totals") or []:
        click.echo(f"  TOTAL {run_sentence(total)}")
    for sentence in delivered_sentences(result):
        click.echo(f"  DELIVERED {sentence}")
    for warning in result.get("warnings") or []:
        click.secho(f"  WARNING {warning}", bold=True)


def _print_totals(result: dict[str, Any]) -> None:
    taken = result["actions_taken"]
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in taken.items() if n)
    held = ", ".join(f"{n} {code}" for code, n in result["held"].items())
    click.echo(
        f"\n{result['campaigns_evaluated']} campaigns looked at in {result['duration_ms']} ms "
        f"(mode {result['mode']}{', dry run' if result['dry_run'] else ''}): "
        f"{counts or 'nothing to do'}{'; held: ' + held if held else ''}."
    )
    would = ", ".join(
        f"{n} {name.replace('_', ' ')}" for name, n in (result.get("observed") or {}).items()
    )
    if would:
        click.echo(f"In accounts that are only observed it would have: {would}.")


def _title(one: dict[str, Any]) -> str:
    """The campaign's title; its id where it has none."""
    return str(one.get("title") or one.get("campaign_id") or "(no title)")


def _total(result: dict[str, Any]) -> int:
    return sum(result["held"].values())

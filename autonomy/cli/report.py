"""A run's result as a person reads it."""

from __future__ import annotations

from typing import Any

import click

from autonomy.cli.output import percent, print_table, state_change


def print_run(result: dict[str, Any]) -> None:
    """What was done to which campaign and why, what was held and why, what else was found."""
    rows = [
        (one["title"], one["action_type"], state_change(one["previous"], one["new"]),
         percent(one["confidence"]), one["status"], one["reason"])
        for one in result["actions"]
    ]  # fmt: skip
    columns = ("campaign", "action", "change", "confidence", "status", "why")
    print_table("Actions", columns, rows, "none; nothing called for one")
    held = [
        (one["title"], one["action_type"], one["code"], percent(one["confidence"]), one["reason"])
        for one in result["held_decisions"]
    ]
    print_table("Held", ("campaign", "action", "code", "confidence", "why"), held, "none")
    failed = [
        (one.get("title"), one.get("action_type"), one["code"], one["message"])
        for one in result["failed"]
    ]
    if failed:
        print_table("Failed", ("campaign", "action", "code", "why"), failed, "")
    for breaker in result["breakers"]:
        click.secho(f"BREAKER {breaker['code']}: {breaker['message']}", bold=True)
    for rule in result["rules_skipped"]:
        click.secho(f"RULE SKIPPED {rule['rule_name']}: {rule['error']}", bold=True)
    _print_totals(result)


def _print_totals(result: dict[str, Any]) -> None:
    counts = ", ".join(
        f"{n} {name.replace('_', ' ')}" for name, n in result["actions_taken"].items() if n
    )
    held = ", ".join(f"{n} {code}" for code, n in result["held"].items())
    click.echo(
        f"{result['campaigns_evaluated']} campaigns looked at in {result['duration_ms']} ms "
        f"(mode {result['mode']}{', dry run' if result['dry_run'] else ''}): "
        f"{counts or 'nothing to do'}{'; held: ' + held if held else ''}."
    )

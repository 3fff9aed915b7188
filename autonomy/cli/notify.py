"""`notify`: what goes on and nobody was told yet is sent, or a test message; what goes where."""

from __future__ import annotations

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.config import CHANNELS, Settings
from autonomy.errors import AutonomyError, NotConfigured
from autonomy.store import Json
from autonomy.web.commands import Changes
from autonomy.web.queries import Reads


class NotSent(AutonomyError):
    """A message did not go out; the channel and the reason are said above."""

    code = "NOT_SENT"


@click.group(invoke_without_command=True)
@click.option("--test", "only_test", is_flag=True, help="Send a test message to every channel.")
@json_option
@click.pass_context
def notify(context: click.Context, only_test: bool, as_json: bool) -> None:
    """Tell people what goes on and was not told yet, by Slack, webhook and e-mail."""
    if context.invoked_subcommand is None:
        _send(only_test, as_json)
    elif only_test:
        raise click.UsageError(f"--test stands alone, without {context.invoked_subcommand}.")


@notify.command("list")
@click.option("--account", help="What is told of this account; else of all.")
@json_option
def list_told(account: str | None, as_json: bool) -> None:
    """What people are told of, and where."""
    with connected() as target:
        _show(Reads(target.store).told(account), as_json)


@notify.command("set")
@click.argument("assignments", nargs=-1, metavar="CAUSE=CHANNELS...")
@click.option("--account", help="Of this account; else of all.")
@json_option
def change(assignments: tuple[str, ...], account: str | None, as_json: bool) -> None:
    """Say what goes where: `notify set BREAKER=slack,email --account Tokyo`.

    CAUSE=nobody tells nobody; CAUSE= with --account takes the policy's again.
    """
    channels = dict(_assignment(text, account) for text in assignments)
    if not channels:
        raise click.UsageError("Nothing to set. For example: notify set BREAKER=slack,email")
    with connected() as target:
        _show(Changes(target.store, "cli").set_told(channels, account), as_json)


COMMANDS = (notify,)


def _assignment(text: str, account: str | None) -> tuple[str, list[str] | None]:
    code, equals, value = text.partition("=")
    code, value = code.strip(), value.strip().lower()
    if not equals:
        raise click.UsageError(f"{text!r} is not CAUSE=CHANNELS.")
    if not value and account is None:
        raise click.UsageError(f"{code}= : say where, or {code}=nobody.")
    if value in ("", "nobody"):
        return code, None if not value else []
    to = [one.strip() for one in value.split(",")]
    if not set(to) <= set(CHANNELS):
        raise click.UsageError(f"{code}: use {', '.join(CHANNELS)}, with commas, or nobody.")
    return code, to


def _show(told: list[Json], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    table = [
        (
            one["code"],
            one["title"],
            ", ".join(one["channels"]) or "nobody",
            *(("the account" if one["own"] else "the policy",) if "own" in one else ()),
        )
        for one in told
    ]
    columns = ("cause", "what", "told by", *(("who says so",) if "own" in told[0] else ()))
    print_table("Being told", columns, table, "")


def _send(only_test: bool, as_json: bool) -> None:
    from autonomy.run.notify.telling import send_test, tell

    settings = Settings.from_env()
    if not settings.channels:
        raise NotConfigured(
            "No channel is set up.",
            hint="Set AUTONOMY_SLACK_WEBHOOK_URL, AUTONOMY_WEBHOOK_URL or AUTONOMY_SMTP_URL.",
        )
    if only_test:
        found = send_test(settings)
        outcomes = [{"channel": name, "outcome": outcome} for name, outcome in found.items()]
    else:
        with connected() as target:
            outcomes = tell(target.settings, target.store)
    if as_json:
        print_json(outcomes)
    else:
        for one in outcomes:
            told = f"{one['causes']} told, " if "causes" in one else ""
            click.echo(f"{one['channel']}: {told}{one['outcome']}")
        if not outcomes:
            click.echo("Nothing to tell: everybody knows what goes on.")
    failed = [one["channel"] for one in outcomes if one["outcome"] != "sent"]
    if failed:
        raise NotSent(
            f"{', '.join(failed)}: not sent.",
            hint="Check the address of it (docs/reference.md, Environment variables).",
        )

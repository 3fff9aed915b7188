"""`notify`: what goes on and nobody was told yet is sent; or a test message."""

from __future__ import annotations

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json
from autonomy.config import Settings
from autonomy.errors import AutonomyError, NotConfigured


class NotSent(AutonomyError):
    """A message did not go out; the channel and the reason are said above."""

    code = "NOT_SENT"


@click.command()
@click.option("--test", "only_test", is_flag=True, help="Send a test message to every channel.")
@json_option
def notify(only_test: bool, as_json: bool) -> None:
    """Tell people what goes on and was not told yet, by Slack, webhook and e-mail."""
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


COMMANDS = (notify,)

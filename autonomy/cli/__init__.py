"""The command line: `python -m autonomy COMMAND`, against a hosted project or the embedded stack.

Exit codes: 0 done; 1 failed, with a sentence that says what to do; 2 wrong usage; 3 done, and it
found something (a rule with an error, a difference in the audit).
"""

from __future__ import annotations

import sys

import click

from autonomy import __version__
from autonomy.cli import (
    account_report,
    accounts,
    assistant,
    campaigns,
    database,
    events,
    exclusions,
    feed,
    forecast,
    notify,
    operate,
    past,
    platforms,
    proof,
    rules,
    serving,
    settings,
)
from autonomy.errors import AutonomyError

EXAMPLES = """
\b
Examples:
  python -m autonomy demo                  a real run on the sample account
  python -m autonomy run --dry-run         what a run would do now
  python -m autonomy explain "Summer Sale" why a campaign was or was not touched
  python -m autonomy rollback --run RUN_ID take a whole run back
  python -m autonomy freeze "checking"     stop every action at once
"""


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="autonomy")
def cli() -> None:
    """Autonomous campaign operations.

    With SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY set, commands work on that project; without,
    on the embedded stack of this folder.
    """


for module in (
    operate, notify, rules, settings, accounts, campaigns, exclusions, events, feed, forecast,
    proof, account_report, platforms, database, past, serving, assistant,
):  # fmt: skip
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command; errors of ours become one sentence and exit code 1."""
    try:
        if code := cli.main(standalone_mode=False):  # an Exit is given back, not raised
            sys.exit(code)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AutonomyError as error:
        click.echo(" ".join(filter(None, (f"{error.code}: {error.message}", error.hint))), err=True)
        sys.exit(1)
    except Exception as error:
        said = _of_elsewhere(error)
        if said is None:
            raise
        click.echo(said, err=True)
        sys.exit(1)


def _of_elsewhere(error: Exception) -> str | None:
    """A sentence for what the disk or the database says; None for a fault of ours."""
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"SYSTEM: {error.strerror or error}{where}."
    if type(error).__module__.startswith("psycopg"):  # not installed where the function runs
        state = getattr(error, "sqlstate", None)
        first = str(error).strip().splitlines() or [type(error).__name__]
        full = " Make room on its disk, and try again." if state == "53100" else ""
        return f"DATABASE: {first[0]}{f' ({state})' if state else ''}.{full}"
    return None

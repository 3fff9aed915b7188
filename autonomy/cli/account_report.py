"""`report`: a week or a month of one account, for a terminal, as a page or as a table."""

from __future__ import annotations

from pathlib import Path

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json
from autonomy.errors import NotFound
from autonomy.text import counted, money
from autonomy.web.formats import action_name, multiple, titled
from autonomy.web.queries import Reads
from autonomy.web.report import Report, report_csv, report_of
from autonomy.web.spans import span_words

DAY = click.DateTime(formats=["%Y-%m-%d"])
FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command()
@click.option("--account", help="Of this account; else of the one with the most campaigns.")
@click.option("--from", "first", type=DAY, help="The first day; without days the last whole week.")
@click.option("--until", "last", type=DAY, help="The last day.")
@click.option("--html", "page", type=FILE, help="Write a page to be printed; - is standard output.")
@click.option("--csv", "table", type=FILE, help="Write its days; - is standard output.")
@json_option
def report(
    account: str | None, first: object, last: object, page: Path | None, table: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """What was done to an account in a week or a month, what it brought, and what waits."""
    if [str(page), str(table)].count("-") + as_json > 1:
        raise click.UsageError("One thing only goes to standard output.")
    days = [f"{one:%Y-%m-%d}" if one else None for one in (first, last)]
    with connected() as target:
        reads = Reads(target.store)
        if account is None:
            account = _largest(reads)
        found = report_of(reads, account, *days)
        dashboard = target.settings.dashboard_url
    if page is not None:
        from autonomy.web.report_file import report_file

        _write(page, report_file(found, dashboard))
    if table is not None:
        _write(table, report_csv(found.found))
    if as_json:
        print_json(found.found | {"month": found.month, "stale_days": found.stale_days})
    elif page is None and table is None:
        _print_report(found)


COMMANDS = (report,)


def _largest(reads: Reads) -> str:
    accounts = reads.listed_accounts()
    if not accounts:
        raise NotFound("There is no account yet.", hint="Campaigns name theirs in column account.")
    return str(accounts[0]["account"])


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        click.echo(text, nl=False)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    click.echo(f"Written: {path}", err=True)


def _print_report(report: Report) -> None:
    found, currency = report.found, report.found["currency"]
    totals, brought, waiting = found["totals"], found["brought"], found["waiting"]
    click.secho(
        f"{titled(found['account'])}, {span_words(found['from'], found['until'])}", bold=True
    )
    click.echo(
        f"Spend {money(totals['spend'], False, currency)}, revenue"
        f" {money(totals['revenue'], False, currency)}, profit"
        f" {money(totals['profit'], False, currency)}, roi {multiple(totals['roi'])}."
    )
    click.echo(found["done"]["sentence"])
    if brought["measured"]:
        ends = f"{money(brought['money_low'], False)} to {money(brought['money_high'], False)}"
        click.echo(
            f"It brought {money(brought['money'], False, currency)} (90 % interval {ends}),"
            f" by {counted(brought['measured'], 'measured action')}."
        )
    if worst := brought["worst"]:
        click.echo(
            f"Worst surprise: {action_name(worst['action_type'])}: {titled(worst['title'])}"
            f" has cost {money(-worst['money'], currency=currency)}."
        )
    click.echo(
        f"Waiting: {counted(waiting['proposals'], 'proposal')}, opportunities:"
        f" {waiting['opportunities']}, {waiting['critical']} critical."
    )
    if report.month:
        click.echo(report.month["sentence"])

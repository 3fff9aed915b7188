"""Commands for the database: migrate, the single script, sample data."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from autonomy.cli.connection import local_environment, progress
from autonomy.cli.output import bar, json_option, print_json
from autonomy.errors import DatabaseUnavailable, NotConfigured


@click.command()
@click.option(
    "--database-url",
    envvar="AUTONOMY_DATABASE_URL",
    help="postgresql://... (default: AUTONOMY_DATABASE_URL, else the embedded stack).",
)
@click.option("--again", is_flag=True, help="All files, to mend what was lost or altered by hand.")
@json_option
def migrate(database_url: str | None, again: bool, as_json: bool) -> None:
    """Apply the migrations to a PostgreSQL database (15 or later). Safe to run again."""
    if database_url:
        _migrate(database_url, again=again, as_json=as_json)
        return
    if os.environ.get("SUPABASE_URL"):
        raise NotConfigured(
            "SUPABASE_URL names a hosted project, and migrations need the address of its database.",
            hint="Give --database-url postgresql://... (the project's page: Connect), or set "
            "AUTONOMY_DATABASE_URL.",
        )
    with local_environment(migrate=False) as environment:
        _migrate(environment["AUTONOMY_DATABASE_URL"], again=again, as_json=as_json)


@click.command()
@json_option
def sql(as_json: bool) -> None:
    """Write what is generated: codes and sentences, and the single script for the SQL editor."""
    from autonomy import code_tables
    from autonomy.single_script import write_single_script

    code_tables.write()
    path = write_single_script()
    if as_json:
        print_json({"written": str(path)})
    else:
        click.echo(f"Wrote {path}")


@click.command()
@click.option("--database-url", help="Load into this database instead of the embedded stack.")
@click.option("--campaigns", default=200, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=60, show_default=True, type=click.IntRange(1, 730))
@click.option("--seed", default=7, show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask before loading into a named database.")
@json_option
def sample(
    database_url: str | None, campaigns: int, days: int, seed: int, yes: bool, as_json: bool
) -> None:
    """Load the sample account. Into a database of your own only where you name it."""
    import psycopg

    from autonomy.local.sample import load

    if database_url and not yes:
        click.confirm("Load made-up campaigns into the database you named?", abort=True, err=True)
    now = datetime.now(UTC)
    if database_url:
        try:
            rows = load(
                database_url, now=now, campaigns=campaigns, days=days, seed=seed, progress=bar
            )
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"The database cannot be reached: {error}.") from error
    else:
        with local_environment() as environment:
            url = environment["AUTONOMY_DATABASE_URL"]
            rows = load(url, now=now, campaigns=campaigns, days=days, seed=seed, progress=bar)
    if as_json:
        print_json({"campaigns": campaigns, "hourly_rows": rows})
    else:
        click.echo(f"{campaigns} campaigns with {rows:,} hourly rows loaded.")


COMMANDS = (migrate, sql, sample)


def _migrate(database_url: str, *, again: bool, as_json: bool) -> None:
    try:
        from autonomy.migrate import apply
    except ImportError as error:
        raise NotConfigured(
            "The PostgreSQL driver is not installed.", hint="pip install -r requirements-dev.txt"
        ) from error
    done = apply(database_url, progress=progress, again=again)
    if as_json:
        print_json({"applied": done})
        return
    click.echo(
        f"Applied: {', '.join(done)}." if done else "Nothing to apply: the database is current."
    )

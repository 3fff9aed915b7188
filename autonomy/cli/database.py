"""Commands for the database: migrate, the pasted scripts, sample data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from autonomy.cli.connection import local_environment, progress
from autonomy.cli.output import bar, json_option, print_json
from autonomy.errors import DatabaseUnavailable, NotConfigured, StateConflict
from autonomy.text import counted


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
    """Write what is generated: codes and sentences, and the two scripts for the SQL editor."""
    from autonomy import code_tables
    from autonomy.pasted_scripts import write_scripts

    code_tables.write()
    paths = [str(path) for path in write_scripts()]
    if as_json:
        print_json({"written": paths})
    else:
        click.echo("Wrote " + " and ".join(paths))


@click.command()
@click.option("--database-url", help="Load into this database instead of the embedded stack.")
@click.option("--campaigns", default=200, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=60, show_default=True, type=click.IntRange(1, 730))
@click.option("--seed", default=7, show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask before loading into a named database.")
@click.option("--beside-own", is_flag=True, help="Load beside campaigns of your own.")
@click.option("--remove", is_flag=True, help="Take the sample campaigns out again.")
@json_option
def sample(
    database_url: str | None,
    campaigns: int,
    days: int,
    seed: int,
    yes: bool,
    beside_own: bool,
    remove: bool,
    as_json: bool,
) -> None:
    """Load the sample account. Into a database of your own only where you name it."""
    from autonomy.local.sample import load
    from autonomy.local.sample_mixture import take_out

    drawn = {"campaigns": campaigns, "days": days, "seed": seed}
    if database_url and not yes and not remove:
        click.confirm("Load made-up campaigns into the database you named?", abort=True, err=True)
    with _database_or_local(database_url) as url:
        if remove:
            gone = take_out(url, **drawn)
        else:
            _refuse_beside_own(url, drawn, beside_own=beside_own)
            rows = load(url, now=datetime.now(UTC), progress=bar, **drawn)
    if remove and as_json:
        print_json({"removed": gone})
    elif remove:
        click.echo(f"{counted(gone, 'sample campaign')} taken out.")
    elif as_json:
        print_json({"campaigns": campaigns, "hourly_rows": rows})
    else:
        click.echo(f"{campaigns} campaigns with {rows:,} hourly rows loaded.")


COMMANDS = (migrate, sql, sample)


@contextmanager
def _database_or_local(database_url: str | None) -> Iterator[str]:
    import psycopg

    if not database_url:
        with local_environment() as environment:
            yield environment["AUTONOMY_DATABASE_URL"]
        return
    try:
        yield database_url
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The database cannot be reached: {error}.") from error


def _refuse_beside_own(url: str, drawn: dict[str, int], *, beside_own: bool) -> None:
    """Raises StateConflict where the database holds campaigns of somebody's own."""
    from autonomy.local.sample_mixture import mixture

    own = mixture(url, **drawn).own
    if own and not beside_own:
        raise StateConflict(
            f"{counted(own, 'campaign')} of your own are in this database, and made-up ones beside"
            " them would share limits, breakers and what is learnt. Nothing was loaded.",
            hint="`make run` shows the sample account; --beside-own loads it all the same.",
        )


def _migrate(database_url: str, *, again: bool, as_json: bool) -> None:
    try:
        from autonomy.migrate import apply
    except ImportError as error:
        raise NotConfigured(
            "The PostgreSQL driver is not installed.", hint="pip install -r requirements-local.txt"
        ) from error
    done = apply(database_url, progress=progress, again=again)
    if as_json:
        print_json({"applied": done})
        return
    click.echo(
        f"Applied: {', '.join(done)}." if done else "Nothing to apply: the database is current."
    )

"""Commands for the past: import an export, replay it, tune on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autonomy.cli.connection import SERVING, local_environment, local_stack, progress
from autonomy.cli.output import DayOrTime, bar, json_option, print_json
from autonomy.errors import (
    AutonomyError,
    BadRequest,
    NotConfigured,
    StateConflict,
    from_database,
)
from autonomy.text import counted

if TYPE_CHECKING:
    from autonomy.imports.columns import MappingFile
    from autonomy.imports.known_figures import Repeats
    from autonomy.replay.past import Period

REPORT = SERVING.with_name("replay.html")
PATH = click.Path(exists=True, dir_okay=False, path_type=Path)
EVERY = {"1h": 1.0, "1d": 24.0}

database_option = click.option(
    "--database-url",
    envvar="AUTONOMY_DATABASE_URL",
    help="postgresql://... (default: AUTONOMY_DATABASE_URL, else the embedded stack).",
)


def _worth(ctx: click.Context, param: click.Parameter, given: str | None) -> Decimal | None:
    """A plain number above 0."""
    if given is None:
        return None
    from autonomy.errors import MappingError
    from autonomy.imports.columns import worth_of

    try:
        return worth_of(Decimal(given))
    except (InvalidOperation, MappingError):
        raise click.BadParameter(
            f"{given!r} is not a number above 0 and at most 1,000,000,000, such as 35 or 35.50.",
            ctx,
            param,
        ) from None


map_option = click.option("--map", "mapping", type=PATH, help="JSON or TOML.")
worth_option = click.option(
    "--value-per-conversion", "worth", metavar="AMOUNT", callback=_worth,
    help="What a conversion is worth, where nothing says the revenue.",
)  # fmt: skip
roas_option = click.option(
    "--revenue-from-roas", "from_roas", is_flag=True, help="Revenue is spend x the ROAS column."
)


class PastUnusable(AutonomyError):
    """An export, a mapping or a replay that cannot be carried out; the sentence says why."""

    code = "PAST_UNUSABLE"


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=PATH)
@map_option
@worth_option
@roas_option
@click.option("--account", help="The account of rows whose file names none.")
@click.option(
    "--rename", "repeats", flag_value="rename",
    help="Campaigns that repeat another's figures are that one, renamed.",
)  # fmt: skip
@click.option(
    "--new", "repeats", flag_value="new", help="Campaigns that repeat another's figures are others."
)
@click.option("--replace", is_flag=True, help="Take figures that contradict most of the past.")
@click.option("--beside-sample", is_flag=True, help="Import beside the sample account.")
@database_option
@json_option
def import_command(  # noqa: PLR0913, PLR0917 - one parameter an option
    files: tuple[Path, ...],
    mapping: Path | None,
    worth: Decimal | None,
    from_roas: bool,
    account: str | None,
    repeats: Repeats | None,
    replace: bool,
    beside_sample: bool,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Import exports (Meta Ads Manager, Google Ads, plain CSV). Importing twice changes nothing."""
    from autonomy.imports.load import import_files

    with _history(), _database(database_url) as url:
        said = _mapping(mapping, worth, from_roas=from_roas)
        if not beside_sample:
            _refuse_beside_sample(url)
        report = import_files(
            url, files, mapping=said, account=account, repeats=repeats or "refuse", replace=replace,
            progress=bar,
        )  # fmt: skip
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(report.text())


def _refuse_beside_sample(url: str) -> None:
    """Raises StateConflict where the database holds the sample account."""
    from autonomy.local.sample_mixture import mixture

    sample = mixture(url).sample
    if sample:
        raise StateConflict(
            f"The sample account is in this database ({counted(sample, 'made-up campaign')}), and"
            " yours beside it would share limits, breakers and what is learnt. Nothing was"
            " imported.",
            hint="`python -m autonomy sample --remove` takes it out; `make run DATA=FILE` replays"
            " a file in a database of its own; --beside-sample imports all the same.",
        )


def _known(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Before anything is started: is each a named setting or a file?"""
    if not names:
        return names
    from autonomy.replay.scenarios import NAMED

    for name in names:
        if name not in NAMED and not Path(name).is_file():
            raise click.BadParameter(
                f"{name} is neither a file nor one of {', '.join(NAMED)}.", ctx, param
            )
    return names


def _in_a_folder(ctx: click.Context, param: click.Parameter, page: Path | None) -> Path | None:
    """Before a replay of minutes: can its page be written there?"""
    if page is not None and not page.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {page.absolute().parent}.", ctx, param)
    return page


@click.command("replay")
@click.option("--from", "since", type=DayOrTime(), help="First day or moment.")
@click.option("--to", "until", type=DayOrTime(), help="Last day (all of it) or moment.")
@click.option("--every", type=click.Choice(list(EVERY)), default="1d", show_default=True)
@click.option("--rules", "rules_file", type=PATH, help="Rules to try, JSON or TOML.")
@click.option("--policy", "policy_file", type=PATH, help="Policy columns to try.")
@click.option(
    "--compare", multiple=True, metavar="NAME|FILE", callback=_known,
    help="now, usual, optimise, guide, balanced, strict, grow, a file.",
)  # fmt: skip
@click.option("--tune", is_flag=True, help="Sweep the confidence floor, judged on later days.")
@click.option(
    "--html", "page", type=click.Path(dir_okay=False, path_type=Path), callback=_in_a_folder,
    help="Write one page.",
)  # fmt: skip
@worth_option
@database_option
@json_option
def replay_command(  # noqa: PLR0913, PLR0917 - one parameter an option
    since: str | None,
    until: str | None,
    every: str,
    rules_file: Path | None,
    policy_file: Path | None,
    compare: tuple[str, ...],
    tune: bool,
    page: Path | None,
    worth: Decimal | None,
    database_url: str | None,
    as_json: bool,
) -> None:
    """What the rules would have done on your past. Reads only: safe on a live database."""
    alike = (
        since and until and (len(since) == len("2026-11-22")) == (len(until) == len("2026-11-22"))
    )
    if since and until and alike and since > until:
        raise click.UsageError("--from must be before --to.")
    with _history(), _database(database_url) as url:
        names = compare or ("now",)
        settings = [_trial(rules_file, policy_file)] if rules_file or policy_file else []
        period = replace(_period(url, since, until, EVERY[every]), value_per_conversion=worth)
        _report(url, settings, names, period, tune=tune, page=page, as_json=as_json)


COMMANDS = (import_command, replay_command)


def replay_export(
    data: Path, mapping: Path | None, worth: Decimal | None, *, from_roas: bool, as_json: bool
) -> None:
    """`make run DATA=file`: import into a database of its own, replay, report."""
    from autonomy.imports.load import import_files
    from autonomy.replay.past import Period

    with _history():
        said = _mapping(mapping, worth, from_roas=from_roas)
    hint = "With make: make run DATA=FILE ARGS='--value-per-conversion 35'"
    with _history(hint), local_stack() as stack, _own_database(stack.database_url) as url:
        imported = import_files(url, [data], mapping=said, progress=bar)
        if not as_json:
            click.echo(imported.text())
        _report(
            url, [], ("now", "usual"), Period(), tune=False, page=REPORT, as_json=as_json,
            also={"import": imported.to_dict()},
        )  # fmt: skip


def _mapping(path: Path | None, worth: Decimal | None, *, from_roas: bool) -> MappingFile:
    """The mapping file and what was said beside it."""
    from autonomy.imports.columns import MappingFile

    mapping = MappingFile.read(path) if path else MappingFile()
    return mapping.with_revenue(worth, from_roas=from_roas)


def _trial(rules_file: Path | None, policy_file: Path | None) -> Any:
    """The rules and the policy of the two files as one setting."""
    from dataclasses import replace

    from autonomy.replay.scenarios import NAMED, read_setting, read_table

    setting = read_setting(rules_file) if rules_file else NAMED["now"]
    if policy_file:
        setting = replace(setting, policy={**setting.policy, **read_table(policy_file)})
    return replace(setting, name="trial")


def _report(
    url: str,
    settings: list[Any],
    names: tuple[str, ...],
    period: Period,
    *,
    tune: bool,
    page: Path | None,
    as_json: bool,
    also: dict[str, Any] | None = None,
) -> None:
    """Replays and tells; `also` goes in front of the JSON."""
    from autonomy.replay import text_report as report
    from autonomy.replay import tuning as compare
    from autonomy.replay.html_report import html
    from autonomy.replay.replay import replay
    from autonomy.replay.scenarios import setting_of

    chosen = settings + [setting_of(name) for name in names if not settings or name != "now"]
    result = replay(url, chosen, period, progress=bar)
    tuning = compare.tune(url, chosen[0], period, progress=bar) if tune else None
    if page is not None:
        page.write_text(html(result, tuning), encoding="utf-8")
    if as_json:
        told = report.to_json(result) | ({"tuning": tuning.to_dict()} if tuning else {})
        print_json({**(also or {}), **told})
        return
    click.echo(report.text(result))
    if tuning is not None:
        click.echo(tuning.text())
    if page is not None:
        click.echo(f"\nThe same as a page with charts: {page}")


@contextmanager
def _history(hint: str = "") -> Iterator[None]:
    """The history's errors, a missing library and a lost database become one sentence.

    `hint` says how an option that the sentence names is given.
    """
    import psycopg

    from autonomy.errors import PastError

    try:
        yield
    except PastError as error:
        said, gap, file = str(error).partition("\n\n")
        hint = hint if " --" in said else ""
        if file:  # a mapping file ends the sentence, and fits as it is printed
            said, hint = f"{said} {hint}".strip() + gap + file, ""
        raise PastUnusable(said, hint=hint) from error
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"{error.name} is not installed.", hint="pip install -r requirements-import.txt"
        ) from error
    except psycopg.OperationalError as error:
        raise PastUnusable(f"The database cannot be reached: {error}") from error


@contextmanager
def _database(database_url: str | None) -> Iterator[str]:
    if database_url:
        yield database_url
    elif os.environ.get("SUPABASE_URL"):
        raise NotConfigured(
            "SUPABASE_URL names a hosted project; history is read over PostgreSQL.",
            hint="Set AUTONOMY_DATABASE_URL, or give --database-url.",
        )
    else:
        with local_environment() as environment:
            yield environment["AUTONOMY_DATABASE_URL"]


@contextmanager
def _own_database(owner_url: str) -> Iterator[str]:
    """A database of its own beside the sample account, gone at the end."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    from autonomy.migrate import apply

    name = "autonomy_replay"
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
        try:
            url = make_conninfo(owner_url, dbname=name)
            progress("a database for your data")
            apply(url)
            yield url
        finally:
            connection.execute(f"drop database {name} with (force)")


def _period(url: str, since: str | None, until: str | None, every_hours: float) -> Period:
    """Days begin and end in the account's zone, which the database knows. Raises BadRequest."""
    import psycopg
    from psycopg.types.json import Jsonb

    from autonomy.replay.past import Period

    span = {name: value for name, value in (("from", since), ("to", until)) if value}
    if span:
        query = "select public.dashboard_span(%s)"
        try:
            with psycopg.connect(url) as connection:
                span = connection.execute(query, (Jsonb(span),)).fetchone()[0]  # type: ignore[index]
        except psycopg.DatabaseError as error:
            if isinstance(error, psycopg.OperationalError):
                raise
            said = error.diag
            raise from_database(error.sqlstate, said.message_primary, said.message_hint) from error
    try:
        ends = {name: datetime.fromisoformat(value) for name, value in span.items()}
    except ValueError as error:  # the day after 9999-12-31
        raise BadRequest("--from, --to: no past reaches that far.") from error
    return Period(ends.get("from"), ends.get("to"), every_hours=every_hours)

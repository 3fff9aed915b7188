"""Commands for the feed: figures that a warehouse in the same database has."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from autonomy.cli.connection import connected
from autonomy.cli.output import json_option, print_json, print_table
from autonomy.errors import NotConfigured
from autonomy.store import Json, Store
from autonomy.text import count, decimal, money

VIEWS = Path(__file__).resolve().parents[2] / "docs" / "feeds"
"""Ready views, a file a source: PREFIX_campaigns and PREFIX_metrics in the schema autonomy_feed."""

_SCHEMA = "create schema if not exists autonomy_feed;"
_RIGHTS = """\
grant usage on schema autonomy_feed to service_role;
grant select on all tables in schema autonomy_feed to service_role;"""
_SUMS = ("conversions", "spend", "revenue")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def feed() -> None:
    """Figures out of a warehouse (Fivetran, Airbyte, dbt): two views of yours, read as they are."""


@feed.command()
@click.option("--since", type=_DAY, help="First day to read (default: the last 30 days).")
@json_option
def check(since: Any, as_json: bool) -> None:
    """What an import would read; writes nothing. Exit code 3 where something is refused."""
    with connected() as target:
        answer = _read(target.store, p_dry_run=True, **_since(since))
    _tell(answer, as_json)
    if answer["refused"]:
        raise click.exceptions.Exit(3)


@feed.command("import")
@click.option("--since", type=_DAY, help="First day to read (default: the last 30 days).")
@click.option("--replace", is_flag=True, help="Take figures that contradict most of the past.")
@json_option
def import_command(since: Any, replace: bool, as_json: bool) -> None:
    """Read the feed. Twice changes nothing. Exit code 3 where a part of it is refused."""
    with connected() as target:
        answer = _read(target.store, p_replace=replace, **_since(since))
    _tell(answer, as_json)
    if answer["refused"]:
        raise click.exceptions.Exit(3)


@feed.command()
@click.option("--every", "minutes", type=click.IntRange(1, 10080), default=60, show_default=True)
@json_option
def on(minutes: int, as_json: bool) -> None:
    """Let every run read the feed before it decides, at most once in so many minutes."""
    _set(minutes, as_json)


@feed.command()
@json_option
def off(as_json: bool) -> None:
    """Runs do not read the feed any more."""
    _set(None, as_json)


@feed.command()
@click.argument("sources", nargs=-1)
@json_option
def views(sources: tuple[str, ...], as_json: bool) -> None:
    """Print the SQL of ready views: `feed views fivetran-google-ads fivetran-facebook-ads`.

    Without a source: which there are.
    """
    files = {path.stem: path for path in sorted(VIEWS.glob("*.sql"))}
    if not files:
        raise NotConfigured(
            f"The ready views are not here: {VIEWS} is missing.", hint="Use a whole checkout."
        )
    unknown = [one for one in sources if one not in files]
    if unknown:
        raise click.UsageError(f"No source is called {unknown[0]}. There are: {', '.join(files)}")
    if sources:
        sql = views_sql([files[one] for one in dict.fromkeys(sources)])
        print_json({"sql": sql}) if as_json else click.echo(sql)
        return
    about = {name: _first_line(path) for name, path in files.items()}
    if as_json:
        print_json(about)
        return
    for name, said in about.items():
        click.echo(f"{name:28} {said}")


COMMANDS = (feed,)


def views_sql(files: list[Path]) -> str:
    """The script that makes the views of these files, and of them the two that are read."""
    parts = [_SCHEMA, *(path.read_text().strip() for path in files)]
    for view in ("campaigns", "metrics"):
        names = [f"autonomy_feed.{path.stem.replace('-', '_')}_{view}" for path in files]
        each = "\nunion all\n".join(f"select * from {name}" for name in names)  # noqa: S608  # nosec B608 - names of ours
        parts.append(f"create or replace view autonomy_feed.{view} as\n{each};")
    return "\n\n".join([*parts, _RIGHTS])


def _first_line(path: Path) -> str:
    return path.read_text().splitlines()[0].removeprefix("-- ")


def _read(store: Store, **asked: Any) -> Json:
    """Slice by slice, the newest days first; what was read of all of them."""
    answer: Json = store.rpc("import_feed", **asked)
    left, together = answer.get("still_to_read"), answer
    while left:
        click.echo(
            f"  {count(together['rows_read'])} rows; still to read: {left['since']} to"
            f" {left['until'] or 'today'}",
            err=True,
        )
        more = store.rpc(
            "import_feed", **{**asked, "p_since": left["since"], "p_until": left["until"]}
        )
        together = _added(together, more)
        stuck = (more.get("still_to_read"), more.get("days_left")) == (left, answer["days_left"])
        left, answer = (None if stuck else more.get("still_to_read")), more
    return together


def _added(before: Json, more: Json) -> Json:
    """Two slices of one feed as one."""
    if "rows_read" not in more:  # refused as a whole
        return before | {"refused": [*before["refused"], *more["refused"]]}
    sums = ("rows_read", "rows_taken", "days_changed")
    lists = ("refused", "changed_on_platform", "not_carried_over", "sentences")
    accounts = {one["account"]: one for one in before["accounts"]}
    for one in more["accounts"]:
        accounts[one["account"]] = _account(accounts.get(one["account"]), one)
    return (
        before
        | {name: before[name] + more[name] for name in sums}
        | {name: list(dict.fromkeys([*before[name], *more[name]])) for name in lists}
        | {
            "since": more["since"],
            "still_to_read": more["still_to_read"],
            "days_left": more["days_left"],
            "campaigns_new": max(before["campaigns_new"], more["campaigns_new"]),
            "accounts": list(accounts.values()),
            "left_out": [*before["left_out"], *more["left_out"]],
            "currencies": _by_currency(list(accounts.values())),
        }
    )


def _account(before: Json | None, more: Json) -> Json:
    if before is None:
        return more
    sums = ("days", "impressions", "clicks", "conversions", "spend", "revenue")
    return before | {
        **{name: before[name] + more[name] for name in sums},
        "first": min(filter(None, (before["first"], more["first"])), default=None),
        "last": max(filter(None, (before["last"], more["last"])), default=None),
        "refused": before["refused"] or more["refused"],
    }


def _by_currency(accounts: list[Json]) -> list[Json]:
    found: dict[str | None, Json] = {}
    for one in accounts:
        if one["refused"] is None:
            sums = found.setdefault(one["currency"], dict.fromkeys(_SUMS, 0))
            found[one["currency"]] = {name: sums[name] + one[name] for name in _SUMS}
    return [
        {"currency": currency, **found[currency]}
        for currency in sorted(found, key=lambda name: (name is None, name))
    ]


def _since(since: Any) -> Json:
    return {} if since is None else {"p_since": date.isoformat(since.date())}


def _set(minutes: int | None, as_json: bool) -> None:
    with connected() as target:
        setting = target.store.rpc("set_feed", p_minutes=minutes, p_actor="cli")
    if as_json:
        print_json(setting)
    elif minutes is None:
        click.echo("Runs do not read the feed any more.")
    else:
        click.echo(f"A run reads the feed before it decides, every {minutes} minutes.")


def _tell(answer: Json, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    for sentence in answer["refused"]:
        click.echo(f"REFUSED: {sentence}")
    if "rows_read" in answer:
        _tell_what_was_read(answer)
    minutes = answer["minutes"]
    click.echo(
        f"Runs read it every {minutes:g} minutes."
        if minutes
        else "Runs do not read it by themselves: python -m autonomy feed on"
    )


def _tell_what_was_read(answer: Json) -> None:
    would = "would be " if answer["dry_run"] else ""
    click.echo(
        f"Since {answer['since']}: {count(answer['rows_read'])} rows of"
        f" {count(answer['campaigns_read'])} campaigns ({count(answer['campaigns_new'])} new);"
        f" {count(answer['rows_taken'])} can be taken, {count(answer['days_changed'])} days"
        f" {would}changed."
    )
    table = [
        (
            one["account"],
            one["campaigns"],
            f"{one['first']} to {one['last']}" if one["first"] else "",
            one["time_zone"],
            count(one["impressions"]),
            count(one["clicks"]),
            decimal(one["conversions"]),
            money(one["spend"], currency=one["currency"]),
            money(one["revenue"], currency=one["currency"]),
        )
        for one in answer["accounts"]
    ]
    columns = (
        "account", "campaigns", "days", "time zone", "impressions", "clicks", "conversions",
        "spend", "revenue",
    )  # fmt: skip
    print_table("To compare with the platform's own page", columns, table, "no account")
    for sentence in answer["sentences"]:
        click.echo(sentence)

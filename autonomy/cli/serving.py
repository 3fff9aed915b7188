"""`demo` (make run) and `serve` (make serve): the real function on the embedded stack."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from autonomy.cli.connection import (
    SERVING,
    LocalStackFailed,
    announce,
    bring_up_to_date,
    local_stack,
    progress,
    withdraw,
)
from autonomy.cli.output import bar, json_option, print_json
from autonomy.cli.past import map_option, replay_export, roas_option, worth_option
from autonomy.cli.report import print_run

SAMPLE_IS_FRESH_FOR = timedelta(hours=12)
SECRETS = SERVING.with_name("serve.json")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your export: import and replay it instead.",
)
@map_option
@worth_option
@roas_option
@json_option
def demo(
    data: Path | None,
    mapping: Path | None,
    worth: Decimal | None,
    from_roas: bool,
    as_json: bool,
) -> None:
    """One real run on the embedded stack: the function, PostgREST, PostgreSQL, and back."""
    if data is not None:
        replay_export(data, mapping, worth, from_roas=from_roas, as_json=as_json)
        return
    if mapping or worth or from_roas:
        raise click.UsageError("What is said of an export needs one: --data FILE.")
    with _stack() as environment:
        _prepare_sample(environment["AUTONOMY_DATABASE_URL"], reset=True)
        keys = _secrets()
        with _function({**environment, **keys}, None) as server:
            progress(f"the function is up at {server.url}; POST /")
            result = _post(server.url, keys["AUTONOMY_API_TOKEN"])
    if as_json:
        print_json(result)
        return
    click.secho("\nThe run's answer (held decisions and actions shortened here):", bold=True)
    print_json(_shortened(result))
    click.echo()
    print_run(result["result"])
    click.echo("\nEverything is stopped again. `make serve` keeps it up and opens the dashboard.")


@click.command()
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535),
    help="0: any free port.",
)  # fmt: skip
@click.option(
    "--sample/--no-sample", default=True, help="Load the sample account into an empty database."
)
def serve(port: int, sample: bool) -> None:
    """The function, dashboard and database, staying up until Ctrl-C."""
    # SIGINT too: a shell starts what it runs in the background with Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with _stack() as environment:
        if sample:
            _prepare_sample(environment["AUTONOMY_DATABASE_URL"], reset=False)
        keys = _secrets()
        with _function({**environment, **keys}, port or None) as server:
            announce(environment)
            try:
                _print_welcome(server.url, keys)
                server.wait()
            except KeyboardInterrupt:
                click.echo("\nStopping ...", err=True)
            finally:
                withdraw()


COMMANDS = (demo, serve)


@contextmanager
def _stack() -> Iterator[dict[str, str]]:
    """The embedded stack, migrated."""
    with local_stack() as stack:
        bring_up_to_date(stack)
        yield stack.environment()


@contextmanager
def _function(environment: dict[str, str], port: int | None) -> Iterator[Any]:
    from autonomy.errors import LocalStackError
    from autonomy.local.function import FunctionServer

    log = SERVING.parent / "logs" / "function.log"
    log.parent.mkdir(exist_ok=True)
    server = FunctionServer(environment, log=log, port=port)
    try:
        server.start()
    except LocalStackError as error:
        raise LocalStackFailed(str(error)) from error
    try:
        yield server
    finally:
        server.stop()


def _prepare_sample(database_url: str, *, reset: bool) -> None:
    """Load the sample account where there is no campaign, or where it has grown stale.

    `reset`: put it back to its first state, so that every `make run` shows the same. Only where
    every campaign is a sample one: data of your own is never touched.
    """
    import psycopg

    from autonomy.local.sample import load
    from autonomy.local.sample_account import draw_roster

    with psycopg.connect(database_url) as connection:
        newest = connection.execute("select max(bucket) from public.campaign_metrics").fetchone()
        found = {row[0] for row in connection.execute("select id from public.campaigns")}
    now, empty = datetime.now(UTC), not found
    if found - {campaign.id for campaign in draw_roster(200, 60, 7)}:
        progress("your own campaigns are in this database: the sample account stays out")
        return
    fresh = bool(newest and newest[0] and now - newest[0] < SAMPLE_IS_FRESH_FOR)
    if not empty and not reset and fresh:
        return
    if reset and not empty:
        _forget_actions(database_url)
    started = time.monotonic()
    load(database_url, now=now, progress=bar)
    progress(f"sample account ready in {time.monotonic() - started:.1f} s")


def _forget_actions(database_url: str) -> None:
    """A demo starts from the first state: no actions, runs or opportunities of the one before."""
    import psycopg

    progress("putting the sample account back to its first state")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "truncate public.autonomous_actions, public.autonomous_runs,"
            " public.optimization_opportunities, public.campaign_changes, public.campaigns cascade"
        )


def _secrets() -> dict[str, str]:
    """The local token and cookie key: made once, kept in the ignored folder, owner-readable."""
    if SECRETS.exists():
        return {str(k): str(v) for k, v in json.loads(SECRETS.read_text()).items()}
    made = {
        "AUTONOMY_API_TOKEN": os.environ.get("AUTONOMY_API_TOKEN") or secrets.token_urlsafe(24),
        "AUTONOMY_VIEWER_TOKEN": secrets.token_urlsafe(24),
        "AUTONOMY_SESSION_KEY": secrets.token_urlsafe(32),
    }
    handle = os.open(SECRETS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(made, file)
    return made


def _post(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        url + "/",
        data=b"{}",
        method="POST",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310  # nosec B310
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise LocalStackFailed(f"The run answered {error.code}: {error.read().decode()}") from error


def _shortened(answer: dict[str, Any]) -> dict[str, Any]:
    result = dict(answer["result"])
    for name in ("actions", "held_decisions"):
        result[name] = f"[{len(result[name])} listed below]"
    return {**answer, "result": result}


def _print_welcome(url: str, keys: dict[str, str]) -> None:
    token = keys["AUTONOMY_API_TOKEN"]
    click.secho("\nAutonomous Ops is up.", bold=True)
    click.echo(f"  dashboard     {url}/")
    click.echo(f"  token         {token}   (operator)")
    click.echo(f"  viewer token  {keys['AUTONOMY_VIEWER_TOKEN']}   (sees all, changes nothing)")
    click.echo("\n  a run, as the scheduler would call it:\n")
    click.echo(
        f"  curl -X POST {url}/ \\\n"
        f'    -H "Authorization: Bearer {token}" \\\n'
        '    -H "Content-Type: application/json"\n'
    )
    click.echo("Ctrl-C stops everything.")

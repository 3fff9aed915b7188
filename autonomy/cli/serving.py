"""`demo` (make run) and `serve` (make serve): the real function on the embedded stack."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
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
    being_served,
    bring_up_to_date,
    local_stack,
    progress,
    withdraw,
    write_for_owner,
)
from autonomy.cli.output import bar, json_option, print_json
from autonomy.cli.past import map_option, replay_export, roas_option, worth_option
from autonomy.cli.report import print_run
from autonomy.errors import NotConfigured

SAMPLE_IS_FRESH_FOR = timedelta(hours=12)
SECRETS = SERVING.with_name("serve.json")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your export: import and replay it instead.",
)
@click.option(
    "--platform",
    type=click.Choice(["meta", "google"]),
    help="An account on a made-up platform: connect, read, decide.",
)
@map_option
@worth_option
@roas_option
@json_option
def demo(
    data: Path | None,
    platform: str | None,
    mapping: Path | None,
    worth: Decimal | None,
    from_roas: bool,
    as_json: bool,
) -> None:
    """One real run on the embedded stack: the function, PostgREST, PostgreSQL, and back."""
    if data is not None and platform is not None:
        raise click.UsageError("An export (DATA, --data) or a platform (PLATFORM), not both.")
    if data is not None:
        replay_export(data, mapping, worth, from_roas=from_roas, as_json=as_json)
        return
    if mapping or worth or from_roas:
        raise click.UsageError("What is said of an export needs one: --data FILE.")
    if platform is not None:
        _demo_of_platform(platform, as_json)
        return
    with _stack() as stack:
        environment = stack.environment()
        _prepare_sample(environment["AUTONOMY_DATABASE_URL"], reset=True)
        result = _one_run(environment)
        foreseen = "" if as_json else _foreseen(environment["AUTONOMY_DATABASE_URL"])
    if as_json:
        print_json(result)
        return
    _print_answer(result)
    if foreseen:
        click.echo(f"\n{foreseen} Switch it on: python -m autonomy policy set --preset grow")
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
    with _stack() as stack:
        environment = stack.environment()
        if sample:
            _prepare_sample(environment["AUTONOMY_DATABASE_URL"], reset=False)
        keys = _secrets()
        with _function({**environment, **keys}, port or None) as server:
            announce({**environment, **keys})
            try:
                _print_welcome(server.url, environment["AUTONOMY_DATABASE_URL"], keys)
                while not (why := server.ended or stack.ended):
                    time.sleep(0.5)
                raise LocalStackFailed(why)
            except KeyboardInterrupt:
                click.echo("\nStopping ...", err=True)
            finally:
                withdraw()


@click.command()
@json_option
def env(as_json: bool) -> None:
    """Every variable of the stack that `serve` keeps up, for a shell: eval "$(... env)"."""
    found = being_served()
    if not found:
        raise NotConfigured(
            "No stack is being served here.", hint="Start one in another terminal: make serve"
        )
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"export {name}={shlex.quote(value)}")


COMMANDS = (demo, serve, env)


def _demo_of_platform(platform: str, as_json: bool) -> None:
    """`make run PLATFORM=meta`"""
    from functools import partial

    from autonomy.cli.platform_demo import connected_account, run_command
    from autonomy.cli.platform_story import show, story

    with connected_account(platform) as (environment, said):
        keys = _secrets()
        with _function({**environment, **keys}, None) as server:
            progress(f"the function is up at {server.url}; POST /")
            post = partial(_post, server.url, keys["AUTONOMY_API_TOKEN"])
            command = partial(run_command, environment)
            result, lines = story(environment, platform, post, command)
    if as_json:
        print_json(result)
        return
    click.echo(f"\n{said} Changes are carried over to it.")
    _print_answer(result)
    show(lines)
    click.echo("\nEverything is stopped and removed again. Your own account: docs/platforms.md")


def _one_run(environment: dict[str, str]) -> dict[str, Any]:
    """Of the function over HTTP, as the scheduler calls it."""
    keys = _secrets()
    with _function({**environment, **keys}, None) as server:
        progress(f"the function is up at {server.url}; POST /")
        return _post(server.url, keys["AUTONOMY_API_TOKEN"])


def _print_answer(result: dict[str, Any]) -> None:
    click.secho("\nThe run's answer (held decisions and actions shortened here):", bold=True)
    print_json(_shortened(result))
    click.echo()
    print_run(result["result"])


@contextmanager
def _stack() -> Iterator[Any]:
    """The embedded stack, migrated."""
    with local_stack() as stack:
        bring_up_to_date(stack)
        yield stack


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


def _foreseen(database_url: str) -> str:
    """What budget optimisation would have brought, kept for the dashboard as well; empty where it
    is on or the past is too short."""
    import psycopg
    from psycopg.types.json import Jsonb

    from autonomy.errors import PastError
    from autonomy.replay.optimisation import foresee

    with psycopg.connect(database_url) as connection:
        policy, optimised, rules = connection.execute(
            "select to_jsonb(p), budget_optimisation() -> 'on',"
            " (select jsonb_agg(to_jsonb(r)) from autonomous_rules r) from autonomy_policy p"
        ).fetchone()  # type: ignore[misc]
    if optimised or not rules:
        return ""
    progress("what budget optimisation would have brought on this account's past")
    try:
        found = foresee(database_url, rules, policy)
    except PastError:
        return ""
    with psycopg.connect(database_url) as connection:
        connection.execute("select keep_optimisation_past(%s)", (Jsonb({**found, "problem": ""}),))
    return str(found["sentence"])


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
    """The local tokens and cookie key: made once, kept in the ignored folder, owner-readable. A
    token of the environment holds instead."""
    made = {
        "AUTONOMY_API_TOKEN": secrets.token_urlsafe(24),
        "AUTONOMY_VIEWER_TOKEN": secrets.token_urlsafe(24),
        "AUTONOMY_SESSION_KEY": secrets.token_urlsafe(32),
    }
    try:
        found = json.loads(SECRETS.read_text())
        kept = {name: str(found[name]) for name in made}
    except FileNotFoundError:
        kept = {}
    except (OSError, ValueError, KeyError, TypeError):
        progress(f"{SECRETS} cannot be read: new tokens are made")
        kept = {}
    if not kept:
        kept = made
        write_for_owner(SECRETS, json.dumps(kept))
    return kept | {name: os.environ[name] for name in kept if os.environ.get(name)}


def _post(url: str, token: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        url + "/",
        data=json.dumps(body or {}).encode(),
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


def _print_welcome(url: str, database_url: str, keys: dict[str, str]) -> None:
    token = keys["AUTONOMY_API_TOKEN"]
    click.secho("\nAutonomous Ops is up.", bold=True)
    click.echo(f"  dashboard     {url}/")
    click.echo(f"  token         {token}   (operator)")
    click.echo(f"  viewer token  {keys['AUTONOMY_VIEWER_TOKEN']}   (sees all, changes nothing)")
    click.echo(f"  database      psql {database_url}")
    click.echo("\n  a run, as the scheduler would call it:\n")
    click.echo(
        f"  curl -X POST {url}/ \\\n"
        f'    -H "Authorization: Bearer {token}" \\\n'
        '    -H "Content-Type: application/json"\n'
    )
    click.echo("  the function by hand, against this database:\n")
    click.echo(
        '  eval "$(.venv/bin/python -m autonomy env)" && \\\n'
        "    .venv/bin/functions-framework --target autonomous_operations --port 8081\n"
    )
    click.echo("Ctrl-C stops everything.")

"""Where a command works: a hosted project, the stack that `serve` keeps up, or one of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from autonomy.config import Settings
from autonomy.errors import AutonomyError, NotConfigured, NotFound
from autonomy.store import Store

SERVING = Path(__file__).resolve().parents[2] / ".autonomy" / "serving.json"
"""Written by `serve` while it is up, for its owner only: how other commands reach its stack."""


class LocalStackFailed(AutonomyError):
    """The embedded stack did not come up; the message says what to do."""

    code = "LOCAL_STACK"


def no_such_rule(rule_name: str, more: str = "") -> NotFound:
    """The error of a rule's name that is none, to be raised."""
    return NotFound(
        f"No rule is called {rule_name!r}{more}.",
        hint="The rules there are: python -m autonomy rules list",
    )


@dataclass(frozen=True)
class Target:
    """What a command works on."""

    settings: Settings
    store: Store
    database_url: str
    """postgresql://...; empty where only the API is known (a hosted project)."""
    hosted: bool


@contextmanager
def connected() -> Iterator[Target]:
    """The configured project; without one the embedded stack, migrated, for this command."""
    settings = Settings.from_env()
    if settings.supabase_url or settings.supabase_key:
        with closing(Store.from_settings(settings)) as store:
            yield Target(settings, store, os.environ.get("AUTONOMY_DATABASE_URL", ""), hosted=True)
        return
    with local_environment() as environment:
        local = Settings.from_env({**os.environ, **environment})
        with closing(Store.from_settings(local)) as store:
            yield Target(local, store, environment["AUTONOMY_DATABASE_URL"], hosted=False)


@contextmanager
def local_environment(*, migrate: bool = True) -> Iterator[dict[str, str]]:
    """The variables of the stack that `serve` keeps up, else of one that lives for this block."""
    serving = being_served()
    if serving:
        yield serving
        return
    with local_stack() as stack:
        if migrate:
            bring_up_to_date(stack)
        yield stack.environment()


def bring_up_to_date(stack: Any) -> None:
    """Apply what is missing. PostgREST sees new functions at once only after a restart."""
    from autonomy.migrate import apply

    if apply(stack.database_url, progress=progress):
        stack.restart_postgrest()


@contextmanager
def local_stack() -> Iterator[Any]:
    """The embedded stack; its own errors become ours."""
    try:
        from autonomy.errors import LocalStackError
        from autonomy.local import LocalStack
    except ImportError as error:
        raise NotConfigured(
            "SUPABASE_URL is not set, and the embedded stack is not installed.",
            hint="Set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY, or run `make run` once.",
        ) from error
    try:
        stack = LocalStack(progress=progress).start()
    except LocalStackError as error:
        raise LocalStackFailed(str(error)) from error
    try:
        yield stack
    finally:
        stack.stop()


def progress(line: str) -> None:
    """Progress goes to standard error, so that `--json` on standard output stays whole."""
    click.secho(f"  {line}", err=True, dim=True)


def announce(environment: dict[str, str]) -> None:
    """Let other commands find the stack that is being served."""
    write_for_owner(SERVING, json.dumps({"pid": os.getpid(), **environment}))


def write_for_owner(path: Path, text: str) -> None:
    """A file that nobody else may read, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)


def withdraw() -> None:
    """The stack goes down."""
    SERVING.unlink(missing_ok=True)


def being_served() -> dict[str, str]:
    """The variables of the stack that `serve` keeps up; empty where none is."""
    try:
        found = json.loads(SERVING.read_text())
        os.kill(found.pop("pid"), 0)
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return {}

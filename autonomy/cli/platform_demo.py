"""`make run PLATFORM=meta`: an account on a made-up platform, connected, read and changed as a real
one is.

The platform is the tests' own server on this machine, the account a simulated market. Everything
lives in processes and a folder of its own that end with it: no account and no token of a person's
is needed, and no data of theirs is touched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess  # no shell  # nosec B404
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autonomy.cli.connection import LocalStackFailed
from autonomy.cli.output import bar
from autonomy.errors import LocalStackError, NotConfigured
from autonomy.store import Json

PROJECT = Path(__file__).resolve().parents[2]
DAYS = 60
CAMPAIGNS = 24
TITLES = {"meta": "Meta", "google": "Google Ads"}
READ_SECONDS = 300.0


@contextmanager
def connected_account(platform: str) -> Iterator[tuple[dict[str, str], str]]:
    """The variables of a stack with one connected account, just read, and a sentence about it."""
    server = _server(platform)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # it tidies up then, too
    try:
        bar("a database", 0.1)
        with _stack() as stack:
            bar(f"{DAYS} days of a simulated market", 0.4)
            told = _told(server)
            environment = {**stack.environment(), **told["variables"]}
            bar("connecting its account", 0.6)
            account = run_command(environment, "connect", platform, "--account", told["account"])
            bar(f"reading it from {TITLES[platform]}", 0.7)
            (read,) = run_command(environment, "sync")
            _let_runs_act(environment, account["account"])
            said = (
                f"{account['account']}: {read['units']} campaigns and {read['days']:,} days of them"
                f" were read\nfrom a server that answers as {TITLES[platform]} does."
            )
            yield environment, said
    finally:
        server.kill()
        server.communicate()
        signal.signal(signal.SIGTERM, before)


def _server(platform: str) -> subprocess.Popen[str]:
    if not (PROJECT / "tests" / "platforms" / "serve.py").is_file():
        raise NotConfigured(
            "The made-up platform is a part of the tests, and these are not here.",
            hint="Work in a whole copy of the repository.",
        )
    return subprocess.Popen(  # this very Python  # nosec B603
        [
            *(sys.executable, "-m", "tests.platforms.serve", platform, "--variables"),
            *("--days", str(DAYS), "--campaigns", str(CAMPAIGNS)),
        ],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends it through us, in order
        preexec_fn=_tie_to_parent,  # noqa: PLW1509 - started before any thread of ours
    )


def _tie_to_parent() -> None:
    from autonomy.local.children import die_with_parent

    die_with_parent(signal.SIGKILL)


def _told(server: subprocess.Popen[str]) -> Json:
    """Its account, and with which variables it is reached; it says so once it is up."""
    line = server.stdout.readline() if server.stdout else ""
    if not line:
        raise LocalStackFailed(f"The made-up platform did not start. {_end(_rest(server))}")
    return dict(json.loads(line))


def _rest(server: subprocess.Popen[str]) -> str:
    server.kill()
    return server.communicate()[1]


@contextmanager
def _stack() -> Iterator[Any]:
    """An embedded stack in a folder of its own, migrated; both are gone at the end."""
    from autonomy.local import LocalStack
    from autonomy.local.places import remove
    from autonomy.migrate import apply

    folder = Path(tempfile.mkdtemp(prefix="autonomy-platform-"))
    try:
        with LocalStack(folder) as stack:
            apply(stack.database_url)
            stack.restart_postgrest()
            yield stack
    except LocalStackError as error:
        raise LocalStackFailed(str(error)) from error
    finally:
        remove(folder)


def _let_runs_act(environment: Mapping[str, str], account: str) -> None:
    """As a person does it: asked first, then carried over, then the account's runs may act."""
    run_command(environment, "push", account, "validate")
    run_command(environment, "push", account, "on", "--yes")
    run_command(environment, "accounts", "set", account, "mode=autonomous")


def run_command(environment: Mapping[str, str], *words: str) -> Any:
    """What a person would type, with the secrets in that process's environment alone."""
    done = subprocess.run(  # this very Python  # nosec B603
        [sys.executable, "-m", "autonomy", *words, "--json"],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READ_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LocalStackFailed(
            f"`python -m autonomy {' '.join(words)}` failed. {_end(done.stderr or done.stdout)}"
        )
    told: Json | list[Json] = json.loads(done.stdout)
    return told


def _end(text: str) -> str:
    return text.strip()[-500:]

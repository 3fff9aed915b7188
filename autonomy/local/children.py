"""Starting and ending the servers so that none outlives the supervisor."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess  # no shell  # nosec B404
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from autonomy.errors import LocalStackError
from autonomy.local.places import ServerUser

Check = Callable[[], None]
Process = subprocess.Popen[bytes]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_LOG_LIMIT_BYTES = 10_000_000


def die_with_parent(number: int) -> None:
    """Asks the kernel to send a signal when the parent dies; Linux only, elsewhere nothing."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    user: ServerUser | None,
    death_signal: int = signal.SIGKILL,
    pass_fds: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
) -> Process:
    supervisor = os.getpid()

    def tie_to_supervisor() -> None:
        # After the change of user, which would clear it.
        die_with_parent(death_signal)
        if os.getppid() != supervisor:
            os._exit(1)

    with open_log(log) as output:
        return subprocess.Popen(  # our own servers  # nosec B603
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd="/",
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=tie_to_supervisor,  # noqa: PLW1509 - the supervisor has one thread
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=() if user else None,
        )


def open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")


def log_tail(path: Path, start: int = 0, lines: int = 8) -> str:
    try:
        with path.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def end(process: Process, number: int, seconds: float) -> None:
    """Ends a process: politely first, then without asking."""
    for attempt, patience in ((number, seconds), (signal.SIGKILL, 5.0)):
        if process.poll() is not None:
            break
        process.send_signal(attempt)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    if process.stdin is not None:
        process.stdin.close()


def wait_until(condition: Callable[[], bool], seconds: float, what: str, check: Check) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        check()
        if time.monotonic() > deadline:
            raise LocalStackError(f"{what} did not happen within {seconds:.0f} seconds.")
        time.sleep(0.01)

"""The function, served by the real functions-framework in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess  # no shell  # nosec B404
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from autonomy.errors import LocalStackError
from autonomy.local import ports
from autonomy.local.children import die_with_parent, log_tail, open_log

PROJECT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


class FunctionServer:
    """`main.py` under functions-framework on a free port, for as long as this object is entered.

    `environment` holds the settings (see autonomy/config.py) besides those of this process.
    Raises LocalStackError with the end of its log where it does not come up.
    """

    def __init__(
        self, environment: Mapping[str, str], *, log: Path, port: int | None = None
    ) -> None:
        self._environment, self._log, self._port = dict(environment), log, port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT"""
        return f"http://{ports.HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The process group's leader."""
        if self._process is None:
            raise LocalStackError("The function has not been started.")
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start and wait until it answers /healthz."""
        self._port = ports.free_port(self._port)
        with open_log(self._log) as output:
            start = output.tell()
            self._process = subprocess.Popen(  # this very Python  # nosec B603
                [
                    *(sys.executable, "-m", "functions_framework", "--signature-type", "http"),
                    *("--source", str(PROJECT / "main.py"), "--target", "autonomous_operations"),
                    *("--host", ports.HOST, "--port", str(self._port)),
                ],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its server keeps a socket in its home: not in the user's.
                env={**os.environ, "HOME": str(self._log.parent), **self._environment},
                start_new_session=True,
                preexec_fn=_tie_to_parent,  # noqa: PLW1509 - started before any thread of ours
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalStackError(
                    f"The function did not start. Its log ({self._log}):\n"
                    + log_tail(self._log, start)
                )
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it in order, then without asking."""
        self._end(signal.SIGTERM, _STOP_SECONDS)

    def kill(self) -> None:
        """As a crash would."""
        self._end(signal.SIGKILL, _STOP_SECONDS)

    @property
    def ended(self) -> str:
        """Why it is not there any more, though nobody stopped it; empty while it is."""
        process = self._process
        if process is None or process.poll() is None:
            return ""
        return f"The function ended ({process.returncode}). Its log ({self._log}):\n" + log_tail(
            self._log
        )

    def _end(self, number: int, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for attempt in (number, signal.SIGKILL):
            try:
                os.killpg(process.pid, attempt)
                process.wait(seconds)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/healthz", timeout=2):  # noqa: S310 - our own  # nosec B310
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def _tie_to_parent() -> None:
    # SIGTERM: the server's master then ends its workers.
    die_with_parent(signal.SIGTERM)

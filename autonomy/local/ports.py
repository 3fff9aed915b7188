"""Ports on 127.0.0.1."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator

from autonomy.errors import LocalStackError

HOST = "127.0.0.1"
# Below the range that systems hand to outgoing connections: one of those could take the
# port of a server between its end and its restart.
_FIRST, _LAST = 15_000, 32_000
_ATTEMPTS = 50


def listen(port: int | None) -> socket.socket:
    """A listening socket on the asked port, or on any free one."""
    for candidate in _candidates(port):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return listener
    if port is None:
        raise LocalStackError(f"No free port was found on {HOST}.")
    raise LocalStackError(
        f"Port {port} on {HOST} is taken. Stop what uses it, ask for another port, "
        "or ask for none and a free one is found."
    )


def free_port(port: int | None) -> int:
    with listen(port) as probe:
        return int(probe.getsockname()[1])


def _candidates(port: int | None) -> Iterator[int]:
    if port is not None:
        yield port
        return
    for _ in range(_ATTEMPTS):
        yield random.randint(_FIRST, _LAST)  # noqa: S311 - not a secret  # nosec B311

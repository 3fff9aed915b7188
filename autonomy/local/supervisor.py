"""The process above the servers: python -m autonomy.local.supervisor

It is told what to run in one line of JSON on its standard input, answers there in lines of JSON,
then takes commands. When the input closes, however its parent ended, it stops the servers.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess  # no shell  # nosec B404
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from autonomy.errors import LocalStackError
from autonomy.local import ports
from autonomy.local.binaries import postgres_bin, postgrest_binary
from autonomy.local.children import Process, end, log_tail, spawn, wait_until
from autonomy.local.keys import Keys
from autonomy.local.places import CLONE, Places, prepare
from autonomy.local.postgres import Postgres
from autonomy.local.postgrest import PostgREST
from autonomy.local.roles import apply_roles

_LOCK_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_BRIDGE_SECONDS = 15.0
_RESTARTS = 3
_RESTARTS_SECONDS = 60.0


class Orphaned(Exception):
    """The parent is gone."""


class Channel:
    """The two pipes to the parent."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._pending = b""
        self.idle: Callable[[], None] = lambda: None
        """What is looked after while no command comes."""

    def say(self, **message: Any) -> None:
        try:
            os.write(1, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise Orphaned from None

    def check(self) -> None:
        """Between commands: nothing but the end of the parent makes the input readable."""
        if os.getppid() != self._parent or select.select([0], [], [], 0)[0]:
            raise Orphaned

    def commands(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\n" not in self._pending:
                self._read()
            line, self._pending = self._pending.split(b"\n", 1)
            yield json.loads(line)

    def _read(self) -> None:
        readable = select.select([0], [], [], _LOOK_SECONDS)[0]
        # A copy of the pipe's other end in a fork of the parent would keep it open.
        if os.getppid() != self._parent:
            raise Orphaned
        if readable:
            part = os.read(0, 65_536)
            if not part:
                raise Orphaned
            self._pending += part
        else:
            self.idle()


class Supervisor:
    def __init__(self, options: dict[str, Any], channel: Channel) -> None:
        self.options = options
        self.channel = channel
        self.places: Places = prepare(Path(options["data_dir"]))
        self.bridge: Process | None = None
        self.listener: socket.socket | None = None
        self.postgres: Postgres
        self.postgrest: PostgREST
        self.restarted_at: list[float] = []

    def run(self, commands: Iterator[dict[str, Any]]) -> None:
        with _locked(self.places, self.channel):
            keys = self._keys()
            self.postgres = self._postgres(keys)
            override = bool(self.options["allow_tx_override"])
            binary = postgrest_binary(self.places)
            self.postgrest = PostgREST(binary, self.places, keys, override)
            try:
                self._start(keys)
                self.channel.say(ready=self._state())
                self.channel.idle = self._mend
                for command in commands:
                    self._obey(command["command"])
            finally:
                self._stop()

    def _keys(self) -> Keys:
        if self.places.cluster.exists() and not self.places.keys.exists():
            raise LocalStackError(
                f"The keys of the database in {self.places.cluster} are gone: "
                f"{self.places.keys} is missing. Restore it, or remove the data folder "
                "(`make clean`) and begin anew."
            )
        return Keys.load_or_create(self.places.keys)

    def _postgres(self, keys: Keys) -> Postgres:
        folder = postgres_bin(self.options["postgres"], self.places)
        settings, port = self.options["settings"], self.options["postgres_port"]
        return Postgres(folder, self.places, keys, settings, port)

    def _start(self, keys: Keys) -> None:
        self.listener = ports.listen(self.options["api_port"])
        if not self.postgres.has_cluster():
            self.channel.say(progress="Creating the database (once)")
            self.places.roles_stamp.unlink(missing_ok=True)
            self.postgres.initialise()
        self.channel.say(progress="Starting PostgreSQL")
        self.postgres.start(self.channel.check)
        apply_roles(self.postgres.port, keys, self.places.roles_stamp)
        self.channel.say(progress="Starting PostgREST")
        self.postgrest.start(self.postgres.port, self.channel.check)
        self.bridge = self._spawn_bridge(self.listener)

    def _spawn_bridge(self, listener: socket.socket) -> Process:
        user = self.places.user
        descriptor = listener.fileno()
        numbers = [
            descriptor,
            self.postgrest.port,
            user.uid if user else 0,
            user.gid if user else 0,
        ]
        environment = {**os.environ, "PYTHONPATH": str(CLONE)}
        return spawn(
            [sys.executable, "-m", "autonomy.local.bridge", *map(str, numbers)],
            log=self.places.log("bridge"),
            environment=environment,
            user=None,
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
        )

    def _state(self) -> dict[str, Any]:
        if self.listener is None:
            raise LocalStackError("The stack has not been started.")
        running = {
            "postgres": self.postgres.process,
            "postgrest": self.postgrest.process,
            "bridge": self.bridge,
        }
        return {
            "api_port": self.listener.getsockname()[1],
            "postgres_port": self.postgres.port,
            "processes": {name: child.pid for name, child in running.items() if child},
        }

    def _obey(self, command: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "restart_postgres": self._restart_postgres,
            "kill_postgres": self.postgres.kill,
            "restart_postgrest": self._restart_postgrest,
            "kill_postgrest": self.postgrest.kill,
        }
        try:
            actions[command]()
        except LocalStackError as error:
            self.channel.say(error=str(error))
        else:
            self.channel.say(done=self._state())

    def _mend(self) -> None:
        """Start again what ended by itself. Raises LocalStackError where it keeps ending."""
        for name, child, restart in (
            ("postgres", self.postgres.process, self._start_postgres),
            ("postgrest", self.postgrest.process, self._restart_postgrest),
            ("bridge", self.bridge, self._restart_bridge),
        ):
            if child is None or child.poll() is None:
                continue
            log = self.places.log(name)
            print(f"{name} ended ({child.returncode}); starting it again", file=sys.stderr)
            now = time.monotonic()
            self.restarted_at = [at for at in self.restarted_at if now - at < _RESTARTS_SECONDS]
            if len(self.restarted_at) >= _RESTARTS:
                raise LocalStackError(
                    f"{name} ended again and again. Its log ({log}):\n{log_tail(log)}"
                )
            self.restarted_at.append(now)
            restart()

    def _restart_bridge(self) -> None:
        if self.listener is not None:
            self.bridge = self._spawn_bridge(self.listener)

    def _start_postgres(self) -> None:
        self.postgres.start(self.channel.check)
        self.postgrest.reload()

    def _restart_postgres(self) -> None:
        self.postgres.stop()
        self._start_postgres()
        if self.postgrest.process is not None:
            ready = self.postgrest.ready
            wait_until(ready, _BRIDGE_SECONDS, "PostgREST's reconnection", self.channel.check)

    def _restart_postgrest(self) -> None:
        self.postgrest.stop()
        self.postgrest.start(self.postgres.port, self.channel.check)

    def _stop(self) -> None:
        # No signal may cut the stopping short.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.bridge is not None:
            end(self.bridge, signal.SIGTERM, 2.0)
        if self.listener is not None:
            self.listener.close()
        self.postgrest.stop()
        self.postgres.stop()


@contextlib.contextmanager
def _locked(places: Places, channel: Channel) -> Iterator[None]:
    """One stack per data folder. The lock ends with the process, so it is never stale."""
    deadline = 0.0
    with places.lock.open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                channel.check()
                if not deadline:
                    # A predecessor whose parent was killed is perhaps just ending.
                    channel.say(progress="Waiting for another stack on this data folder to end")
                    deadline = time.monotonic() + _LOCK_SECONDS
                if time.monotonic() > deadline:
                    file.seek(0)
                    raise LocalStackError(
                        f"A stack already runs on {places.data_dir} (supervisor: process "
                        f"{file.read().strip() or 'unknown'}). Stop it, or name another data "
                        "folder: two folders run side by side."
                    ) from None
                time.sleep(0.05)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _leave(number: int, frame: FrameType | None) -> None:
    raise Orphaned


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    channel = Channel()
    try:
        commands = channel.commands()
        Supervisor(next(commands), channel).run(commands)
    except Orphaned:
        return 0
    except LocalStackError as error:
        with contextlib.suppress(Orphaned):
            channel.say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

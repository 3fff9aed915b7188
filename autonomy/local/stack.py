"""The local stack as its user sees it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess  # no shell  # nosec B404
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from autonomy.errors import LocalStackError
from autonomy.local import ports
from autonomy.local.children import log_tail, open_log
from autonomy.local.keys import Keys
from autonomy.local.places import CLONE, DEFAULT_DATA_DIR, Places, prepare
from autonomy.local.roles import database_url

_STOP_SECONDS = 120.0


class LocalStack:
    """PostgreSQL, PostgREST and the /rest/v1 bridge, for as long as this object is entered.

    `postgres` is a version that comes with the project ("16", "18") or a folder of PostgreSQL
    programs; `settings` are server settings beyond ours; `allow_tx_override` lets a request ask
    for `Prefer: tx=rollback`, which tests use. Ports are free ones unless asked for.
    """

    def __init__(
        self,
        data_dir: Path = DEFAULT_DATA_DIR,
        *,
        postgres: str = "16",
        allow_tx_override: bool = False,
        settings: Mapping[str, str] | None = None,
        progress: Callable[[str], None] | None = None,
        api_port: int | None = None,
        postgres_port: int | None = None,
    ) -> None:
        self.data_dir = Path(data_dir).expanduser().resolve()
        self._options = {
            "data_dir": str(self.data_dir),
            "postgres": str(postgres),
            "allow_tx_override": allow_tx_override,
            "settings": dict(settings or {}),
            "api_port": api_port,
            "postgres_port": postgres_port,
        }
        self._progress = progress or (lambda line: None)
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._talking = threading.Lock()
        self._keys: Keys | None = None
        self._state: dict[str, Any] = {}
        self._said = ""

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
        if self._supervisor is not None:
            return self
        _forget_other_databases()
        places = prepare(self.data_dir)
        self._supervisor = _spawn_supervisor(places)
        try:
            self._send(self._options)
            self._state = self._receive("ready")
            self._keys = Keys.load(places.keys)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        process, self._supervisor = self._supervisor, None
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Killed, its children go with it.
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    @property
    def ended(self) -> str:
        """Why the stack is not there any more, though nobody stopped it; empty while it is."""
        process = self._supervisor
        if process is None or process.poll() is None:
            return ""
        with self._talking, contextlib.suppress(LocalStackError):
            self._receive("end")
        log = self.data_dir / "logs" / "supervisor.log"
        return self._said or f"The supervisor ended. Its log ({log}):\n{log_tail(log)}"

    @property
    def database_url(self) -> str:
        """The owner that runs the migrations: a superuser named postgres."""
        return database_url(self._port("postgres_port"), self._secret)

    @property
    def api_url(self) -> str:
        return f"http://{ports.HOST}:{self._port('api_port')}"

    @property
    def service_role_key(self) -> str:
        return self._secret.api_key("service_role")

    @property
    def anon_key(self) -> str:
        return self._secret.api_key("anon")

    @property
    def processes(self) -> dict[str, int]:
        """The ids of the servers that run, by name."""
        return dict(self._state.get("processes", {}))

    def token(
        self, role: str, claims: Mapping[str, Any] | None = None, ttl_seconds: int = 3600
    ) -> str:
        return self._secret.token(role, claims, ttl_seconds)

    def environment(self) -> dict[str, str]:
        """The variables with which the project talks to this stack as to a hosted one."""
        return {
            "SUPABASE_URL": self.api_url,
            "SUPABASE_SERVICE_ROLE_KEY": self.service_role_key,
            "AUTONOMY_DATABASE_URL": self.database_url,
        }

    def restart_postgres(self) -> None:
        self._command("restart_postgres")

    def kill_postgres(self) -> None:
        """As a crash would; it stays away until it is restarted."""
        self._command("kill_postgres")

    def restart_postgrest(self) -> None:
        self._command("restart_postgrest")

    def kill_postgrest(self) -> None:
        """As a crash would; it stays away until it is restarted."""
        self._command("kill_postgrest")

    @property
    def _secret(self) -> Keys:
        if self._keys is None:
            raise LocalStackError("The stack has not been started: use it in a `with` statement.")
        return self._keys

    def _port(self, name: str) -> int:
        if not self._state:
            raise LocalStackError("The stack has not been started: use it in a `with` statement.")
        return int(self._state[name])

    def _command(self, name: str) -> None:
        with self._talking:
            self._send({"command": name})
            self._state = self._receive("done")

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._supervisor is None or self._supervisor.stdin is None:
            raise LocalStackError("The stack is not running.")
        with contextlib.suppress(BrokenPipeError):  # _receive says why
            self._supervisor.stdin.write(json.dumps(message).encode() + b"\n")
            self._supervisor.stdin.flush()

    def _receive(self, wanted: str) -> dict[str, Any]:
        if self._supervisor is None or self._supervisor.stdout is None:
            raise LocalStackError("The stack is not running.")
        for line in self._supervisor.stdout:
            message = json.loads(line)
            if wanted in message:
                return dict(message[wanted])
            if "error" in message:
                self._said = str(message["error"])
                raise LocalStackError(self._said)
            self._progress(message["progress"])
        log = self.data_dir / "logs" / "supervisor.log"
        raise LocalStackError(f"The supervisor ended. Its log ({log}):\n{log_tail(log)}")


def _forget_other_databases() -> None:
    """PGSERVICE and its like would lead libpq, which every address of ours goes through, elsewhere
    or nowhere."""
    for name in [name for name in os.environ if re.fullmatch("PG[A-Z]+", name)]:
        del os.environ[name]


def _spawn_supervisor(places: Places) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, [str(CLONE), os.environ.get("PYTHONPATH")]))
    with open_log(places.log("supervisor")) as log:
        return subprocess.Popen(  # this very Python  # nosec B603
            [sys.executable, "-m", "autonomy.local.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": path},
            # A Ctrl-C of the terminal reaches the parent only; the parent stops us in order.
            start_new_session=True,
        )

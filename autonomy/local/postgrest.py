"""One PostgREST server, set as the hosted service sets it."""

from __future__ import annotations

import http.client
import os
import signal
import time
from pathlib import Path

from autonomy.errors import LocalStackError
from autonomy.local import ports
from autonomy.local.children import Check, Process, end, log_tail, spawn, wait_until
from autonomy.local.keys import Keys
from autonomy.local.places import Places
from autonomy.local.roles import authenticator_url

MAX_ROWS = 1000
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_ATTEMPTS = 5
_OK = 200


class PostgREST:
    def __init__(self, binary: Path, places: Places, keys: Keys, allow_tx_override: bool) -> None:
        self.binary = binary
        self.places = places
        self.keys = keys
        self.allow_tx_override = allow_tx_override
        self.port = 0
        self.process: Process | None = None
        self.log = places.log("postgrest")

    def start(self, postgres_port: int, check: Check) -> None:
        for _ in range(_ATTEMPTS):
            start = self.log.stat().st_size if self.log.exists() else 0
            # The bridge knows the port, so a restart keeps it.
            self.port = self.port or ports.free_port(None)
            self.process = spawn(
                [str(self.binary)],
                log=self.log,
                environment=self._environment(postgres_port),
                user=self.places.user,
            )
            wait_until(self._ready_or_ended, _START_SECONDS, "PostgREST's start", check)
            if self.process.poll() is None:
                return
            said = log_tail(self.log, start)
            if "in use" not in said and "resource busy" not in said:
                break
            self.port = 0
            time.sleep(0.05)
        raise LocalStackError(f"PostgREST did not start. Its log ({self.log}):\n{said}")

    def stop(self) -> None:
        if self.process is not None:
            end(self.process, signal.SIGTERM, _STOP_SECONDS)
            self.process = None

    def kill(self) -> None:
        if self.process is not None:
            end(self.process, signal.SIGKILL, _STOP_SECONDS)
            self.process = None

    def reload(self) -> None:
        """Asks it to look for the database at once instead of after its next pause."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR1)

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(ports.HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            response.read()
            server = response.getheader("Server", "") or ""
            return response.status == _OK and server.startswith("postgrest")
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _ready_or_ended(self) -> bool:
        ended = self.process is None or self.process.poll() is not None
        return ended or self.ready()

    def _environment(self, postgres_port: int) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PGRST_DB_URI": authenticator_url(postgres_port, self.keys),
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": str(MAX_ROWS),
            "PGRST_DB_POOL": "20",
            "PGRST_DB_CHANNEL_ENABLED": "true",
            "PGRST_DB_TX_END": "commit-allow-override" if self.allow_tx_override else "commit",
            "PGRST_JWT_SECRET": self.keys.jwt_secret,
            "PGRST_SERVER_HOST": ports.HOST,
            "PGRST_SERVER_PORT": str(self.port),
            "PGRST_LOG_LEVEL": "error",
        }

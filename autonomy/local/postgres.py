"""One PostgreSQL server: its cluster, its start, its end."""

from __future__ import annotations

import locale
import os
import shutil
import signal
import subprocess  # no shell  # nosec B404
import time
from collections.abc import Mapping
from pathlib import Path

from autonomy.errors import LocalStackError
from autonomy.local import ports
from autonomy.local.binaries import server_major
from autonomy.local.children import Check, Process, end, log_tail, spawn, wait_until
from autonomy.local.keys import Keys
from autonomy.local.places import Places

_START_SECONDS = 120.0
_STOP_SECONDS = 90.0
_PREDECESSOR_SECONDS = 10.0
_ATTEMPTS = 5
_PROC = Path("/proc/self").parent
# Marks our servers in the list of processes, so that an orphan of ours is told from a stranger.
_MARK = "cluster_name=autonomy"

SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",  # a deep data folder would pass the limit of a socket's path
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",  # a bulk load does not checkpoint all the time
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # nobody replicates from here
    "max_wal_senders": "0",
    "jit": "off",  # costs more than it brings on statements of milliseconds
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "on",
    "synchronous_commit": "on",
}


class Postgres:
    def __init__(
        self,
        bin_dir: Path,
        places: Places,
        keys: Keys,
        settings: Mapping[str, str],
        asked_port: int | None,
    ) -> None:
        self.bin_dir = bin_dir
        self.places = places
        self.keys = keys
        self.settings = settings
        self.asked_port = asked_port
        self.port = 0
        self.process: Process | None = None
        self.log = places.log("postgres")

    @property
    def cluster(self) -> Path:
        return self.places.cluster

    def has_cluster(self) -> bool:
        """Whether there is one; one of another version is an error."""
        version = self.cluster / "PG_VERSION"
        if not version.exists():
            return False
        found, ours = version.read_text().strip(), server_major(self.bin_dir)
        if found != str(ours):
            raise LocalStackError(
                f"The data in {self.cluster} was written by PostgreSQL {found}, and this is "
                f"PostgreSQL {ours}. Start it with PostgreSQL {found}, or name another data "
                "folder, or remove this one with `make clean`."
            )
        return True

    def initialise(self) -> None:
        """Makes the cluster; an interrupted attempt leaves nothing that looks like one."""
        draft = self.cluster.with_name("pgdata.new")
        password = self.cluster.with_name("password.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(self.keys.postgres_password)
        for path in (draft, password):
            self.places.give(path)
        start = self._log_size()
        process = spawn(
            [
                str(self.bin_dir / "initdb"),
                f"--pgdata={draft}",
                "--username=postgres",
                f"--pwfile={password}",
                "--encoding=UTF8",
                "--locale=C",  # sorted by bytes
                f"--lc-ctype={_character_type()}",
                "--auth-host=scram-sha-256",
                "--auth-local=reject",
            ],
            log=self.log,
            environment=_environment(),
            user=self.places.user,
        )
        code = process.wait()
        password.unlink()
        if code != 0:
            raise LocalStackError(f"initdb failed:\n{log_tail(self.log, start)}")
        draft.rename(self.cluster)

    def start(self, check: Check) -> None:
        self._clear_predecessor(check)
        for attempt in range(_ATTEMPTS):
            start = self._log_size()
            if self.port == 0:
                self.port = ports.free_port(self.asked_port)
            self.process = self._spawn()
            wait_until(self._ready_or_ended, _START_SECONDS, "PostgreSQL's start", check)
            if self.process.poll() is None:
                return
            said = log_tail(self.log, start)
            taken = "could not bind" in said
            # The backends of a server that was killed need a moment to notice.
            lingering = "shared memory block" in said or "is another postmaster" in said
            if attempt == _ATTEMPTS - 1 or not (taken or lingering):
                raise LocalStackError(f"PostgreSQL did not start. Its log ({self.log}):\n{said}")
            if taken and self.asked_port is None:
                self.port = 0
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            end(self.process, signal.SIGINT, _STOP_SECONDS)
            self.process = None

    def kill(self) -> None:
        if self.process is not None:
            end(self.process, signal.SIGKILL, 5.0)
            self.process = None

    def _spawn(self) -> Process:
        settings = {**SETTINGS, **self.settings, "port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return spawn(
            [str(self.bin_dir / "postgres"), "-D", str(self.cluster), "-c", _MARK, *options],
            log=self.log,
            environment=_environment(),
            user=self.places.user,
            death_signal=signal.SIGINT,  # an orphaned server still closes its files in order
        )

    def _ready_or_ended(self) -> bool:
        process = self.process
        if process is None or process.poll() is not None:
            return True
        state = self._postmaster_file()
        return len(state) > 7 and state[0] == str(process.pid) and state[7].strip() == "ready"

    def _postmaster_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _clear_predecessor(self, check: Check) -> None:
        """Deals with what an earlier server on this cluster has left."""
        state = self._postmaster_file()
        if not state or not state[0].strip().isdigit():
            return
        pid = int(state[0])

        def gone() -> bool:
            command = _command_of(pid)
            return "postgres" not in command or str(self.cluster) not in command

        if not gone() and _MARK in _command_of(pid):
            # Its supervisor is dead, for we hold the lock; on Linux it is ending already.
            deadline = time.monotonic() + _PREDECESSOR_SECONDS / 2
            while not gone() and time.monotonic() < deadline:
                check()
                time.sleep(0.02)
            if not gone():
                os.kill(pid, signal.SIGQUIT)
                wait_until(gone, _PREDECESSOR_SECONDS, "The end of the server before", check)
        if not gone():
            raise LocalStackError(
                f"A PostgreSQL that this project did not start (process {pid}) already runs on "
                f"{self.cluster}. Stop it with `kill -INT {pid}`, or name another data folder."
            )
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0


def _character_type() -> str:
    """UTF-8 letters as on the hosted service, where the system knows them."""
    before = locale.setlocale(locale.LC_CTYPE)
    for name in ("C.UTF-8", "C.utf8"):
        try:
            locale.setlocale(locale.LC_CTYPE, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_CTYPE, before)
        return name
    return "C"


def _environment() -> dict[str, str]:
    # Nothing of the caller's PG* variables may reach the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _command_of(pid: int) -> str:
    """The command line of a process; empty where there is none."""
    if _PROC.is_dir():
        try:
            return (_PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
        except OSError:
            return ""
    answer = subprocess.run(  # a number is all that varies  # nosec B603 B607
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout

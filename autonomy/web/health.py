"""/healthz: is the process up? /readyz: would a run succeed, and did the last one?"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify

from autonomy import __version__
from autonomy.config import Settings
from autonomy.errors import AutonomyError, NotMigrated
from autonomy.migrate import current
from autonomy.pasted_scripts import missing
from autonomy.run.request import timestamp
from autonomy.store import Store
from autonomy.web.formats import parse_time

CACHE_SECONDS = 5.0
"""Anybody may ask; the database is asked at most this often."""


class Readiness:
    """What /readyz says, remembered for some seconds."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._lock = threading.Lock()
        self._checked_at, self._last = float("-inf"), {}  # type: float, dict[str, Any]

    def check(self) -> dict[str, Any]:
        """{"ready", "checks": {database, migrations, last_run, callers}, "reason"}."""
        with self._lock:
            if time.monotonic() - self._checked_at > CACHE_SECONDS:
                self._last, self._checked_at = self._ask(), time.monotonic()
            return self._last

    def _ask(self) -> dict[str, Any]:
        checks = {"callers": self._settings.callers_configured, "database": False}
        checks |= {"migrations": False, "last_run": False}
        try:
            found = self._store.rpc("dashboard_ready", retry=False)
        except NotMigrated:  # also where the second of the pasted scripts has not been run
            checks["database"] = True
            return self._answer(checks, self._missing())
        except AutonomyError as error:
            return self._answer(checks, error.message)
        late = self._too_late(found)
        checks |= {"database": True, "last_run": late is None}
        checks["migrations"] = current(found["schema"])
        return self._answer(checks, late if checks["migrations"] else missing(found["schema"]))

    def _missing(self) -> str:
        try:
            return missing(self._store.rpc("autonomy_schema_version", retry=False))
        except AutonomyError:
            return missing(None)

    def _too_late(self, found: dict[str, Any]) -> str | None:
        """The dead man's switch: two intervals without a successful run."""
        last = parse_time(found.get("last_success_at"))
        if last is None:
            return "No run has succeeded yet."
        if datetime.now(UTC) - last <= timedelta(minutes=2 * self._settings.run_interval_minutes):
            return None
        return f"The last successful run began at {timestamp(last)}."

    @staticmethod
    def _answer(checks: dict[str, bool], reason: str | None) -> dict[str, Any]:
        if not checks["callers"]:
            reason = "No caller is configured."
        ready = all(checks.values())
        now = timestamp(datetime.now(UTC))
        return {"ready": ready, "checks": checks, "reason": reason or "", "timestamp": now}


def alive() -> Response:
    """The process is up; that needs neither settings nor a database."""
    return jsonify({"status": "ok", "version": __version__})


def health_routes(settings: Settings, store: Store) -> Blueprint:
    """The blueprint with both; neither needs a token, neither tells more than yes, no, why
    and the version."""
    routes = Blueprint("health", __name__)
    readiness = Readiness(settings, store)

    routes.get("/healthz")(alive)

    @routes.get("/readyz")
    def readyz() -> Response:
        answer = readiness.check()
        response = jsonify(answer)
        response.status_code = 200 if answer["ready"] else 503
        return response

    return routes

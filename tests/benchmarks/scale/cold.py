"""Cold start: a new process until it could send its first query, against what it must import.

The floor imports supabase, functions-framework and pydantic and does nothing else. The function
imports its entry point, makes the application and the database client. Both as the platform
starts them: with the bytecode that was shipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
FLOOR = "import supabase, functions_framework, pydantic"
IMPORT = "import main"
READY = """
import main
main.application(calls_only=True)
import supabase
"""
CLIENT = f"""{READY}
from autonomy.config import Settings
from autonomy.store import Store
Store.from_settings(Settings.from_env())._client().postgrest
"""
WAYS = {
    "import floor": FLOOR,
    "entry point, application, supabase": READY,
    "entry point alone": IMPORT,
    "the same with the client made": CLIENT,
}
UNWANTED = (
    "google.auth",
    "polars",
    "psycopg",
    "autonomy.local",
    "autonomy.imports",
    "autonomy.platforms",
    "autonomy.replay",
)
ENVIRONMENT = {
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_benchmark",
    "AUTONOMY_API_TOKEN": "benchmark-token-of-32-characters",
}


def cold_starts(rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, the ways in turns so that a busy minute meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds + 1):
        for name, code in WAYS.items():
            seconds[name].append(_started(code))
    return {name: times[1:] for name, times in seconds.items()}


def unwanted_modules() -> list[str]:
    """What a run never needs and the function imports all the same."""
    code = f"{READY}\nimport sys\nprint([m for m in {UNWANTED!r} if m in sys.modules])"
    found = _run(code, capture=True)
    return [name for name in UNWANTED if repr(name) in found.stdout]


def _started(code: str) -> float:
    began = time.perf_counter()
    _run(code)
    return time.perf_counter() - began


def _run(code: str, *, capture: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=capture,
        check=True,
        text=True,
    )

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
    found = subprocess.run(_command(code), **_where(), capture_output=True, check=True, text=True)
    return [name for name in UNWANTED if repr(name) in found.stdout]


def _started(code: str) -> float:
    began = time.perf_counter()
    subprocess.run(_command(code), **_where(), check=True)
    return time.perf_counter() - began


def _command(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _where() -> dict[str, object]:
    return {"cwd": PROJECT, "env": {**os.environ, **ENVIRONMENT}}

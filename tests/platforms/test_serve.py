"""A fake as a program of its own, as `make run` starts one: without pytest and without an SDK."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = "tests/platforms/example.json"


@contextmanager
def program(*arguments: str) -> Iterator[str]:
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.platforms.serve", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert running.stdout is not None
    try:
        address = running.stdout.readline().strip()
        assert address, running.communicate()[1]
        yield address
    finally:
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert "Traceback" not in said
    assert running.returncode == 0


def test_a_file_is_served_as_either_platform() -> None:
    with program("meta", "--world", EXAMPLE) as base:
        bearer = {"Authorization": "Bearer meta-token"}
        asked = {"fields": "daily_budget"}
        told = requests.get(f"{base}/7", asked, headers=bearer, timeout=10).json()
    assert told == {"id": "7", "daily_budget": "5000"}
    with program("google", "--world", EXAMPLE) as base:
        bearer = {"Authorization": "Bearer google-token"}
        query = {"query": "SELECT campaign_budget.amount_micros FROM campaign"}
        address = f"{base}/customers/1234567890/googleAds:search"
        answer = requests.post(address, json=query, headers=bearer, timeout=10).json()
    assert answer["results"][0]["campaignBudget"]["amountMicros"] == "5000000000"


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_without_a_file_it_is_the_market_up_to_now(platform: str) -> None:
    with program(platform, "--days", "3", "--campaigns", "8", "--speed", "3600") as base:
        told = requests.post(f"{base.rsplit('/', 1)[0]}/_fake/clock", json={}, timeout=10).json()
        assert told["calls"] == 0
        assert base.startswith("http://127.0.0.1:")


def test_it_needs_neither_pytest_nor_an_sdk() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, tests.platforms.serve; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    foreign = {
        "pytest",
        "requests",
        "facebook_business",
        "google.auth",
        "grpc",
        "numpy",
        "pydantic",
    }
    assert foreign & set(done.stdout.split()) == set()

"""`make run PLATFORM=meta`: without anybody's account, worth looking at, and gone at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autonomy.cli import main

Told = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Told:
    """Runs the command in a folder of its own; gives its exit code and what it said."""
    for name in ("SERVING", "SECRETS"):
        monkeypatch.setattr(f"autonomy.cli.serving.{name}", tmp_path / "kept" / f"{name}.json")
    (tmp_path / "kept").mkdir()
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    tmp_path.chmod(0o711)
    (tmp_path / "made").chmod(0o711)

    def tell(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autonomy", "demo", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return tell


def fakes(of: int | None = None) -> set[str]:
    """The processes that serve a made-up platform and were started by this process, or that."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if b"tests.platforms.serve" in line and parent == str(of or os.getpid()):
            found.add(folder.name)
    return found


def test_metas_account_is_connected_read_and_changed(told: Told, tmp_path: Path) -> None:
    code, out, err = told("--platform", "meta")
    assert code == 0, err
    assert "Simulated market: 24 campaigns and " in out
    assert "(mode autonomous)" in out
    _, shown = out.split("On the platform:")
    assert "confirmed: Meta was read again and has it" in shown
    assert "Meta refused: Your budget is too low" in shown
    assert "Maria Keller set its budget to" in shown
    assert "taken back by a person, confirmed by Meta" in shown
    assert len(err.strip().splitlines()) == 2  # the account is read; the function is up
    assert not any(secret in out + err for secret in ("meta-token", "meta-secret"))
    assert list((tmp_path / "made").iterdir()) == []
    assert fakes() == set()


def test_googles_in_json(told: Told, tmp_path: Path) -> None:
    code, out, err = told("--platform", "google", "--json")
    assert code == 0, err
    result: Any = json.loads(out)["result"]
    assert result["mode"] == "autonomous"
    (counts,) = result["delivered"].values()
    assert counts["confirmed"] >= 1
    assert (counts["refused"], counts["persons"]) == (1, 1)
    codes = {one["code"] for one in result["failed"]}
    assert codes == {"PLATFORM_REFUSED", "CHANGED_MEANWHILE"}
    assert result["campaigns_evaluated"] == 24
    assert result["warnings"] == []
    acting = {one["action_type"] for one in result["actions"]}
    assert {"auto_pause", "auto_scale_up"} <= acting
    assert {one["status"] for one in result["actions"]} <= {"executed", "pending"}
    assert list((tmp_path / "made").iterdir()) == []
    assert fakes() == set()


def test_what_fails_leaves_nothing_either(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autonomy.cli.platform_demo.CAMPAIGNS", -1)
    code, _, err = told("--platform", "meta")
    assert code == 1
    assert "The made-up platform did not start." in err
    assert list((tmp_path / "made").iterdir()) == []
    assert fakes() == set()


def test_ended_in_the_middle_it_leaves_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    demo = subprocess.Popen(
        [sys.executable, "-m", "autonomy", "demo", "--platform", "meta"], cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("autonomy-platform-*/keys.json")):
        assert demo.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (fake,) = fakes(demo.pid)
    demo.terminate()
    _, said = demo.communicate(timeout=60)
    assert demo.returncode == 130, said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
    assert not Path("/proc", fake).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--platform", "tiktok"), "'tiktok' is not one of 'meta', 'google'"),
        (("--platform", "meta", "--data", "Makefile"), "not both"),
        (("--platform", "meta", "--value-per-conversion", "35"), "--data FILE"),
    ],
)
def test_what_it_does_not_take(
    told: Told, arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, _, err = told(*arguments)
    assert code == 2
    assert words in err


def test_make_passes_it_on() -> None:
    said = subprocess.run(
        ["make", "-n", "run", "PLATFORM=google"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert '--platform "google"' in said

"""What each command installs: who only looks gets no linters, and no reader without an export."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The project's folder as it is cloned, as far as set-up reads it."""
    for file in [PROJECT / "Makefile", *PROJECT.glob("requirements*.txt")]:
        shutil.copy(file, tmp_path)
    return tmp_path


def would_install(folder: Path, *words: str) -> list[str]:
    """The files of requirements that `make` would install, in its order."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        ["make", "-n", *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "warning" not in done.stderr
    return re.findall(r"-r requirements-(\w+)\.txt", done.stdout)


def mark(folder: Path, name: str) -> None:
    """As after an installation: the file that the Makefile calls so is there."""
    said = subprocess.run(
        ["make", "-np", "help"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    found = re.search(rf"^{name} := (\S+)$", said, re.MULTILINE)
    assert found is not None
    (folder / found[1]).parent.mkdir()
    (folder / found[1]).touch()


@pytest.mark.parametrize(
    ("words", "installed"),
    [
        (["run"], ["local"]),
        (["run", "DATA=export.csv"], ["local", "import"]),
        (["run", "PLATFORM=meta"], ["local", "simulation"]),
        (["serve"], ["local", "import"]),
        (["test"], ["local", "dev"]),
    ],
)
def test_each_installs_what_it_needs(bare: Path, words: list[str], installed: list[str]) -> None:
    assert would_install(bare, *words) == installed


def test_where_all_is_there_nothing_less_is_installed(bare: Path) -> None:
    mark(bare, "READY")
    for words in (["run", "DATA=x", "PLATFORM=meta"], ["serve"], ["test"]):
        assert would_install(bare, *words) == []


def test_a_changed_requirement_is_installed_again(bare: Path) -> None:
    assert would_install(bare, "run") == ["local"]
    mark(bare, "READY_TO_RUN")
    assert would_install(bare, "run") == []
    with (bare / "requirements-local.txt").open("a") as file:
        file.write("another==1\n")
    assert would_install(bare, "run") == ["local"]


def test_the_tests_have_all_that_the_others_have() -> None:
    named = re.findall(r"^-r (\S+)", (PROJECT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert named == [
        "requirements-local.txt", "requirements-import.txt", "requirements-simulation.txt",
    ]  # fmt: skip
    assert "-r requirements.txt\n" in (PROJECT / "requirements-local.txt").read_text()

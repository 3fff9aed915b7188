"""Who may import what. The layers are what keeps the engine testable and the database one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "autonomy"

# What the engine may import: its own models and what computes without touching the world.
PURE = {
    "__future__",
    "abc",
    "autonomy.engine",
    "autonomy.forecast",
    "autonomy.rules",
    "autonomy.text",
    "autonomy.errors",
    "bisect",
    "calendar",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "heapq",
    "itertools",
    "math",
    "operator",
    "pydantic",
    "pydantic_core",
    "re",
    "statistics",
    "types",
    "typing",
    "uuid",
}
CLOCKS = {"now", "today", "utcnow"}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            assert node.module is not None
            # `from autonomy import store` names the module in the list.
            if node.module in ("autonomy", "autonomy.engine"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def belongs(module: str, allowed: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in allowed)


PURE_MODULES = [
    *modules(PACKAGE / "engine"),
    *modules(PACKAGE / "forecast"),
    *modules(PACKAGE / "rules"),
    PACKAGE / "text.py",
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE_MODULES, ids=name_of)
def test_engine_imports_nothing_that_touches_the_world(path: Path) -> None:
    assert [module for module in imports(path) if not belongs(module, PURE)] == []


@pytest.mark.parametrize("path", PURE_MODULES, ids=name_of)
def test_engine_reads_no_clock(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [
        call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in CLOCKS
    ] == []


def users_of(library: str) -> set[str]:
    files = [*modules(PACKAGE), ROOT / "main.py"]
    return {
        name_of(path)
        for path in files
        if path.exists() and any(belongs(module, {library}) for module in imports(path))
    }


@pytest.mark.parametrize("library", ["supabase", "postgrest"])
def test_only_the_store_talks_to_supabase(library: str) -> None:
    assert users_of(library) <= {"autonomy/store.py"}


def test_only_the_local_tools_talk_to_postgresql_directly() -> None:
    allowed = {"autonomy/migrate.py"}
    users = users_of("psycopg") - allowed
    assert [
        u
        for u in users
        if not u.startswith(
            ("autonomy/local/", "autonomy/cli", "autonomy/imports/", "autonomy/replay/")
        )
    ] == []


def test_the_function_does_not_need_the_local_stack() -> None:
    """The deployed function lacks autonomy/local; what it imports at start must not want it."""
    users = users_of("autonomy.local")
    allowed = ("autonomy/local/", "autonomy/cli", "autonomy/__main__.py", "autonomy/demo")
    assert [user for user in users if not user.startswith(allowed)] == []


def test_modules_stay_readable() -> None:
    long = {name_of(path): len(path.read_text().splitlines()) for path in modules(PACKAGE)}
    assert {name: count for name, count in long.items() if count > 400} == {}

"""The real stack for tests: started once, left clean, ended for certain."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from supabase import Client, create_client

from autonomy.local import LocalStack
from autonomy.local.places import remove
from autonomy.migrate import apply
from tests.kept import Kept
from tests.simulated import HASTY, simulate

POSTGRES = os.environ.get("AUTONOMY_TEST_POSTGRES", "16")
_TEMPLATE = "autonomy_test_template"
_OWN_FOLDER = pytest.StashKey[Path]()


def pytest_report_header() -> str:
    return f"postgresql: {POSTGRES} (AUTONOMY_TEST_POSTGRES: 16, 18 or a folder of programs)"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests also wait, for browsers and for leases."""
    return min(4, (os.cpu_count() or 1) + 1)


def _in_memory() -> Path | None:
    """A folder in memory, where there is plenty and none is named: a database is 600 files."""
    folder = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK | os.X_OK):
        return None
    if os.statvfs(folder).f_flag & os.ST_NOEXEC or shutil.disk_usage(folder).free < 8 << 30:
        return None
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Everything temporary of this run goes into one folder, whoever makes it."""
    if hasattr(config, "workerinput"):
        return  # told by the environment
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    folder = Path(tempfile.mkdtemp(prefix="autonomy-tests-", dir=_in_memory())).resolve()
    folder.chmod(0o711)  # the servers' user gets through
    config.stash[_OWN_FOLDER] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def _as_ctrl_c(*_: object) -> None:
    """An order to end: what was started is ended, what was made is removed."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` says it twice
    raise KeyboardInterrupt


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_OWN_FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("chromium") is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no chromium on the PATH"))


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Callable[[], Path]]:
    """Makes data folders that the servers' user can reach, and removes them at the end."""
    made: list[Path] = []

    def make() -> Path:
        # Not tmp_path: pytest closes its folders to every other user.
        made.append(Path(tempfile.mkdtemp(prefix="autonomy-test-")).resolve())
        return made[-1]

    yield make
    for folder in made:
        remove(folder)


@pytest.fixture(scope="session")
def stack(stack_folder: Callable[[], Path]) -> Iterator[LocalStack]:
    """The running stack, without tables."""
    with LocalStack(
        stack_folder(), postgres=POSTGRES, allow_tx_override=True, settings=HASTY
    ) as running:
        yield running


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("/usr/lib/postgresql/15/bin", id="15", marks=pytest.mark.long),
        "16",
        pytest.param("18", marks=pytest.mark.long),
    ],
)
def each_postgres(
    request: pytest.FixtureRequest, stack_folder: Callable[[], Path]
) -> Iterator[LocalStack]:
    """A running stack, without tables, of each PostgreSQL that the project serves."""
    postgres = str(request.param)
    if postgres.startswith("/") and not Path(postgres).is_dir():
        pytest.skip(f"no PostgreSQL in {postgres}")
    with LocalStack(stack_folder(), postgres=postgres, allow_tx_override=True) as running:
        yield running


@pytest.fixture(scope="session")
def migrated(stack: LocalStack) -> LocalStack:
    """The running stack with the migrations applied."""
    apply(stack.database_url)
    simulate(stack.database_url)
    # The migrations ask PostgREST to look again, which it does in its own time.
    stack.restart_postgrest()
    return stack


@pytest.fixture
def db(migrated: LocalStack) -> Iterator[psycopg.Connection]:
    """A connection whose changes are undone."""
    with psycopg.connect(migrated.database_url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def fresh(migrated: LocalStack) -> Iterator[LocalStack]:
    """The stack with empty tables and the default rules and policy, for tests over HTTP.

    Emptied again afterwards: the tests that use `db` share this database and find it clean.
    """
    _empty(migrated)
    yield migrated
    _empty(migrated)


def _empty(stack: LocalStack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        # A test that holds rows in a transaction of its own fails here instead of hanging.
        connection.execute("set lock_timeout = '10s'")
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname in ('public', 'autonomy')"
            " and tablename not in ('autonomy_migrations', 'autonomy_policy')"
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(*name) for name in tables)
        connection.execute(sql.SQL("truncate {} restart identity cascade").format(names))
        connection.execute("select public.autonomy_reset_defaults()")


@pytest.fixture(scope="session")
def sample_account(migrated: LocalStack) -> Kept:
    """The sample account after one run, for whoever fills `fresh` with it."""
    return Kept(migrated.database_url)


@pytest.fixture
def clean_database(fresh: LocalStack) -> LocalStack:
    return fresh


@pytest.fixture(scope="session")
def client(migrated: LocalStack) -> Client:
    """An unmodified supabase client with the service key."""
    return create_client(migrated.api_url, migrated.service_role_key)


@pytest.fixture(scope="session")
def _template(stack: LocalStack) -> str:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
    apply(_url_of(stack, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def scratch_database(stack: LocalStack, _template: str) -> Iterator[Callable[[], str]]:
    """Makes freshly migrated databases, each a test's own; gives their URLs."""
    yield from _databases(stack, _template)


@pytest.fixture
def empty_database(stack: LocalStack) -> Iterator[Callable[[], str]]:
    """Makes databases without any table, for tests of the migrations themselves."""
    yield from _databases(stack, "template1")


_numbers = itertools.count(1)


def _databases(stack: LocalStack, template: str) -> Iterator[Callable[[], str]]:
    made: list[str] = []

    def make() -> str:
        name = f"autonomy_scratch_{next(_numbers)}"
        _execute(stack, "create database {} template {} strategy file_copy", name, template)
        made.append(name)
        simulate(_url_of(stack, name))
        return _url_of(stack, name)

    yield make
    for name in made:
        _execute(stack, "drop database {} with (force)", name)


def _execute(stack: LocalStack, statement: str, *names: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _url_of(stack: LocalStack, database: str) -> str:
    parts = conninfo_to_dict(stack.database_url)
    return (
        f"postgresql://{parts['user']}:{parts['password']}"
        f"@{parts['host']}:{parts['port']}/{database}"
    )

"""Fixtures for the tests of the schema: every server version that is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.sql.servers import STARTED, Db, Server, everyday, running, versions


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=[] if name == everyday() else pytest.mark.long)
        for name in versions()
    ],
)
def server(request: pytest.FixtureRequest, stack_folder: Callable[[], Path]) -> Iterator[Server]:
    """A server with the roles of a hosted project, of each version in turn."""
    with running(versions()[request.param], stack_folder()) as started:
        started.make_roles()
        yield started


@pytest.fixture(scope="session")
def plain_server(stack_folder: Callable[[], Path]) -> Iterator[Server]:
    """A server without those roles."""
    with running(versions()[everyday()], stack_folder()) as started:
        yield started


@pytest.fixture(autouse=True)
def _drop_databases() -> Iterator[None]:
    yield
    for started in STARTED:
        started.drop_databases()


@pytest.fixture
def own(server: Server) -> Iterator[Db]:
    """A connection to a freshly migrated database of the test's own."""
    with psycopg.connect(server.migrated(), autocommit=True) as connection:
        yield connection

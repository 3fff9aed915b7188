"""Bare PostgreSQL servers of every version that is found, for the tests of the migrations."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from autonomy.local.binaries import postgres_bin
from autonomy.local.keys import Keys
from autonomy.local.places import prepare
from autonomy.local.postgres import Postgres
from autonomy.local.roles import database_url
from autonomy.migrate import SQL_FOLDER
from autonomy.pasted_scripts import first_script, second_script
from tests.simulated import HASTY, simulate

Db = psycopg.Connection[Any]

_numbers = itertools.count(1)


def versions() -> dict[str, str]:
    """What can be started here: the wheel's two, and what the system has from 15 on."""
    found = {
        folder.parent.name: str(folder)
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if folder.parent.name.isdigit()
        and int(folder.parent.name) >= 15
        and (folder / "initdb").exists()
    }
    found.update({"16": "16", "18": "18"})
    only = os.environ.get("AUTONOMY_TEST_SQL_VERSIONS", "")
    return {name: found[name] for name in sorted(found) if not only or name in only.split(",")}


def everyday() -> str:
    """The version of `make test`; `make test-long` takes the others."""
    found = versions()
    return "16" if "16" in found else next(iter(found))


class Server:
    """A running server; databases are made on it and dropped with it."""

    def __init__(self, postgres: Postgres, keys: Keys) -> None:
        self._postgres = postgres
        self._keys = keys
        self._made: list[str] = []
        self._has_template = False

    def url(self, database: str = "postgres") -> str:
        return database_url(self._postgres.port, self._keys, database)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def database(self, template: str = "template0") -> str:
        """Makes a database and returns its URL."""
        name = f"test_{next(_numbers)}"
        self._made.append(name)
        self.execute(
            sql.SQL("create database {} template {} strategy file_copy")
            .format(sql.Identifier(name), sql.Identifier(template))
            .as_string()
        )
        simulate(self.url(name))
        return self.url(name)

    def migrated(self) -> str:
        """Makes a database with the migrations applied, copied from one that is made once."""
        from autonomy.migrate import apply

        if not self._has_template:
            self.execute("create database migrated")
            apply(self.url("migrated"))
            self._has_template = True
        return self.database("migrated")

    def drop_databases(self) -> None:
        while self._made:
            self.execute(f"drop database if exists {self._made.pop()} with (force)")

    def make_roles(self) -> None:
        """The roles of a hosted project."""
        for role, options in (
            ("anon", "nologin"),
            ("authenticated", "nologin"),
            ("service_role", "nologin bypassrls"),
        ):
            self.execute(f"create role {role} {options}")


STARTED: list[Server] = []


@contextmanager
def running(programs: str, data_dir: Path) -> Iterator[Server]:
    places = prepare(data_dir)
    keys = Keys.load_or_create(places.keys)
    postgres = Postgres(postgres_bin(programs, places), places, keys, HASTY, None)
    postgres.initialise()
    postgres.start(lambda: None)
    server = Server(postgres, keys)
    STARTED.append(server)
    try:
        yield server
    finally:
        STARTED.remove(server)
        postgres.stop()


@contextmanager
def undone(db: Db) -> Iterator[Db]:
    """What happens inside is rolled back, an expected error included."""
    with db.transaction(force_rollback=True):
        yield db


def paste(db: Db, folder: Path = SQL_FOLDER) -> None:
    """Both scripts, one after the other, as into an SQL editor."""
    db.execute(first_script(folder).encode())
    db.execute(second_script(folder).encode())


def run_again(db: Db) -> None:
    """Applies the migrations once more, in the transaction of the connection."""
    from autonomy.migrate import migrations, steps

    for _, text in steps(migrations()):
        db.execute(text.encode())

"""An upgrade beside a system that runs: nobody fails in another way than "come again"."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.migrate import SQL_FOLDER, apply
from autonomy.pasted_scripts import first_script, second_script
from tests.conftest import POSTGRES
from tests.sql.servers import paste as paste_both

TOKEN = "an operator's token of 32 characters"
PAGES = ("/", "/actions", "/opportunities", "/rules", "/runs", "/insights", "/settings")
COME_AGAIN = (409, 503)
COME_AGAIN_IN_SQL = {"AO008", "AO015", "42883", "42P01"}
CAMPAIGN = """
with made as (
  insert into campaigns (title, status, budget, created_at)
  values ('Loser', 'active', 200, now() - interval '30 hours') returning id)
insert into campaign_performance
  (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
select id, 40000, 800, 4, 240, 120 from made
"""
DEEDS = "select run_id::text, count(*) from autonomous_actions group by 1"
ACTED_ON = """
select count(distinct c.id), count(*), count(distinct a.campaign_id)
from campaigns c left join autonomous_actions a on a.campaign_id = c.id where c.title = 'Loser'
"""

Upgrade = Callable[[LocalStack, Path], None]


class Traffic:
    """Callers of every kind, each in a loop of its own, and what they were told."""

    def __init__(self, stack: LocalStack, function: FunctionServer) -> None:
        self._stack, self._function = stack, function
        self.told: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.done: dict[str, int] = {}
        """Run -> how many actions its answer speaks of; a breaker makes some of them proposals."""
        self._over = threading.Event()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        loops: list[Callable[[], None]] = [
            self.call, self.run_in_sql, self.read, self.read_another, self.write,
        ]  # fmt: skip
        with ThreadPoolExecutor(len(loops)) as threads:
            running = [threads.submit(self._repeat, loop) for loop in loops]
            try:
                yield
            finally:
                self._over.set()
        for each in running:
            each.result()

    def _repeat(self, one: Callable[[], None]) -> None:
        while not self._over.is_set():
            one()
            self._over.wait(0.02)

    def call(self) -> None:
        """The scheduler's call."""
        status, answer, headers = self._ask("POST", "/")
        if status == 200:
            self._ran(json.loads(answer)["result"])
        elif status in COME_AGAIN and "Retry-After" in headers:
            self.told[f"call {json.loads(answer)['error']['code']}"] += 1
        else:
            self.wrong.append(f"call: {status} {answer[:300]}")

    def run_in_sql(self) -> None:
        """Supabase Cron: a session of its own for each run."""
        try:
            with psycopg.connect(self._stack.database_url) as session:
                row = session.execute("select run_autonomous_operations()").fetchone()
                session.commit()
        except psycopg.Error as error:
            said = f"{error.sqlstate} {error.diag.message_primary}"
            again = error.sqlstate in COME_AGAIN_IN_SQL or "cache lookup failed" in said
            if again:
                self.told[f"sql {error.sqlstate}"] += 1
            else:
                self.wrong.append(f"sql: {said}")
            return
        assert row is not None
        self._ran(row[0])

    def _ran(self, result: dict[str, Any]) -> None:
        self.told["run done"] += 1
        counts = result["actions_taken"]
        self.done[result["run_id"]] = counts["campaigns_paused"] + counts["actions_proposed"]
        if result["failed"] or result["rules_skipped"] or result.get("warnings"):
            self.wrong.append(f"run: {result}")

    def read(self) -> None:
        for page in PAGES:
            self._read(page)

    def read_another(self) -> None:
        self._read("/campaigns")
        self._read("/api/overview")

    def _read(self, page: str) -> None:
        status, answer, headers = self._ask("GET", page)
        if status == 503 and "Retry-After" in headers:
            self.told["read 503"] += 1
        elif status == 200:
            self.told["read"] += 1
        else:
            self.wrong.append(f"{page}: {status} {answer[-300:]}")

    def write(self) -> None:
        """The user's own program: it knows nothing of upgrades, so it must not meet one."""
        with psycopg.connect(self._stack.database_url) as session:
            try:
                session.execute(CAMPAIGN)
                session.commit()
                self.told["written"] += 1
            except psycopg.Error as error:
                self.wrong.append(f"write: {error.sqlstate} {error}")

    def _ask(self, method: str, path: str) -> tuple[int, str, dict[str, str]]:
        request = urllib.request.Request(self._function.url + path, method=method)
        request.add_header("Authorization", f"Bearer {TOKEN}")
        request.add_header("Accept", "*/*" if path.startswith("/api") else "text/html")
        try:
            with urllib.request.urlopen(request, data=b"" if method == "POST" else None) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), dict(error.headers)


@pytest.fixture(scope="module")
def running(stack_folder: Callable[[], Path]) -> Iterator[tuple[LocalStack, FunctionServer]]:
    """A stack of its own: what is upgraded here is nobody else's."""
    with LocalStack(stack_folder(), postgres=POSTGRES) as stack:
        apply(stack.database_url)
        stack.restart_postgrest()
        environment = {**stack.environment(), "AUTONOMY_API_TOKEN": TOKEN}
        with FunctionServer(environment, log=stack_folder() / "function.log") as function:
            yield stack, function


def migrate(stack: LocalStack, folder: Path) -> None:
    assert apply(stack.database_url, folder=folder) != []


def paste(stack: LocalStack, folder: Path) -> None:
    """Into the SQL editor; it takes no lease."""
    with psycopg.connect(stack.database_url, autocommit=True) as editor:
        paste_both(editor, folder)


def upgrade(how: Upgrade, stack: LocalStack, folder: Path, times: int) -> None:
    """Every file is touched, so that all of them run again."""
    for path in SQL_FOLDER.glob("[0-9]*.sql"):
        shutil.copy(path, folder)
    first = min(folder.iterdir())
    for n in range(times):
        first.write_text(f"{first.read_text()}\n-- {n}\n")
        how(stack, folder)
        time.sleep(0.5)


@pytest.mark.parametrize(("how", "times"), [(migrate, 5), (paste, 3)])
def test_nobody_fails_while_the_schema_is_upgraded(
    running: tuple[LocalStack, FunctionServer], tmp_path: Path, how: Upgrade, times: int
) -> None:
    stack, function = running
    with psycopg.connect(stack.database_url) as db:
        db.execute(
            "truncate campaigns, campaign_changes, autonomous_actions, autonomous_runs cascade"
        )
        db.execute("update autonomy_policy set pause_breaker_share = 1")
        # an account that has none when a run counts is left to the next run
        db.execute("insert into campaigns (title, status, budget) values ('Calm', 'active', 200)")
    traffic = Traffic(stack, function)
    with traffic.flowing():
        time.sleep(1)
        upgrade(how, stack, tmp_path, times)
    print(dict(traffic.told))  # for who wants to see it: pytest -s
    assert not traffic.wrong, "\n".join(sorted(set(traffic.wrong)))
    assert all(traffic.told[what] for what in ("run done", "read", "written"))

    traffic.call()  # what is left over
    with psycopg.connect(stack.database_url) as db:
        audit = db.execute("select audit_autonomous_actions() -> 'differences'").fetchone()
        assert audit == ([],)
        acted_on = db.execute(ACTED_ON).fetchone()
        assert acted_on == (traffic.told["written"],) * 3
        assert dict(db.execute(DEEDS).fetchall()) == {r: n for r, n in traffic.done.items() if n}


def test_the_first_script_alone_runs_and_the_function_says_what_is_missing(
    running: tuple[LocalStack, FunctionServer],
) -> None:
    stack, function = running
    traffic = Traffic(stack, function)
    with psycopg.connect(stack.database_url, autocommit=True) as editor:
        editor.execute(first_script().encode())
        editor.execute("update autonomy_migrations set applied_at = now() - interval '1 hour'")
        stack.restart_postgrest()
        status, answer, _ = traffic._ask("POST", "/")
        assert status == 200, answer
        assert json.loads(answer)["message"] == "Autonomous operations completed successfully"
        status, answer, _ = traffic._ask("GET", "/api/overview")
        assert status == 503, answer
        error = json.loads(answer)["error"]
        assert error["code"] == "NOT_MIGRATED"
        assert "then sql/create_autonomous_operations_pages.sql" in error["hint"]
        status, answer, _ = traffic._ask("GET", "/readyz")
        assert status == 503
        assert json.loads(answer)["reason"] == (
            "Migrations are missing: python -m autonomy migrate, or run"
            " sql/create_autonomous_operations_pages.sql in the SQL editor."
        )
        editor.execute(second_script().encode())
    stack.restart_postgrest()
    status, answer, _ = traffic._ask("GET", "/api/overview")
    assert status == 200, answer

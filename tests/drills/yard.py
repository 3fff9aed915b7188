"""The yard where drills are held: a real stack, real functions, one small account, and its laws."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.local.places import remove
from autonomy.migrate import apply
from tests.drills.proxy import LossyProxy

TOKEN = "the-drill-token-of-32-characters"
LOSERS, WINNERS = 6, 5
RESET = """
truncate campaigns, campaign_performance, campaign_metrics, campaign_facts, campaign_daily,
  campaign_changes, autonomous_actions, autonomous_runs, optimization_opportunities cascade;
update autonomy_policy set mode = 'autonomous', frozen = false,
  pause_breaker_share = 1, growth_breaker_share = 100;
"""
ACCOUNT = """
insert into campaigns (title, status, budget, created_at)
  select kind || n, 'Active', 100, now() - interval '10 days'
  from (values ('loser ', {losers}), ('winner ', {winners}), ('fair ', 2)) k (kind, count),
       generate_series(1, count) n;
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 40000, 900, case when title like 'loser%' then 8 else 40 end, 900,
         case when title like 'loser%' then 300 when title like 'winner%' then 3600 else 1300 end
  from campaigns;
"""
TWICE = """
select campaign_id, count(*) from autonomous_actions where status = 'executed'
group by campaign_id having count(*) > 1
"""
DOUBLED = """
select run_id, campaign_id from autonomous_actions group by 1, 2 having count(*) > 1
"""


@dataclass(frozen=True)
class Answer:
    """What a caller got; status 0 where the connection was lost."""

    status: int
    body: bytes = b""
    retry_after: str | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        body: dict[str, Any] = json.loads(self.body)
        return body

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])


class Yard:
    """One stack for all drills; functions are started when first asked for, and kept."""

    def __init__(self) -> None:
        self._exits = contextlib.ExitStack()
        self._functions: dict[tuple[tuple[str, str], ...], FunctionServer] = {}
        self._pool = ThreadPoolExecutor(32)
        self.violations: list[str] = []

    def __enter__(self) -> Yard:
        folder = Path(tempfile.mkdtemp(prefix="autonomy-drills-")).resolve()
        self._exits.callback(remove, folder)
        self.stack = self._exits.enter_context(LocalStack(folder))
        self._logs = folder / "functions"
        self._logs.mkdir()
        apply(self.stack.database_url)
        self.stack.restart_postgrest()
        self.proxy = self._exits.enter_context(LossyProxy(self.stack.api_url))
        self._exits.callback(self._pool.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        for function in self._functions.values():
            function.stop()
        self._exits.close()

    # The database ------------------------------------------------------------------------------

    def execute(self, statement: str, *params: Any) -> list[Any]:
        """One statement on a connection of its own: servers are restarted here."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, params or None)
            return cursor.fetchall() if cursor.description else []

    def reset(self, losers: int = LOSERS, winners: int = WINNERS) -> None:
        """A new account: every loser must be paused once, every winner scaled once."""
        with psycopg.connect(self.stack.database_url) as connection:
            account = ACCOUNT.format(losers=losers, winners=winners)
            connection.execute(RESET + account)

    def run_has_begun(self) -> bool:
        """Whether a run has read what it decides on (its row is seen when begin has committed)."""
        return bool(self.execute("select 1 from autonomous_runs where status = 'running'"))

    # The function ------------------------------------------------------------------------------

    def function(
        self, fault: str = "", *, through_proxy: bool = False, **settings: Any
    ) -> FunctionServer:
        """A served function with that fault point and those settings."""
        environment = {
            **self.stack.environment(),
            "AUTONOMY_API_TOKEN": TOKEN,
            "AUTONOMY_FAULT": fault,
            **{f"AUTONOMY_{name.upper()}": str(value) for name, value in settings.items()},
        }
        if through_proxy:
            environment["SUPABASE_URL"] = self.proxy.url
        key = tuple(sorted(environment.items()))
        if key not in self._functions:
            log = self._logs / f"{len(self._functions)}.log"
            self._functions[key] = FunctionServer(environment, log=log).start()
        return self._functions[key]

    def post(self, function: FunctionServer, key: str | None = None, body: Any = None) -> Answer:
        """Call the function once, as the scheduler does."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            answer = requests.post(function.url + "/", headers=headers, json=body or {}, timeout=60)
        except requests.RequestException:
            return Answer(0)
        return Answer(answer.status_code, answer.content, answer.headers.get("Retry-After"))

    def posting(
        self, function: FunctionServer, key: str | None = None, body: Any = None
    ) -> Future[Answer]:
        """The same without waiting for the answer."""
        return self._pool.submit(self.post, function, key, body)

    def all_at_once(self, calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
        """Many callers in the same moment."""
        ready = threading.Barrier(len(calls))

        def call(one: Callable[[], Answer]) -> Answer:
            ready.wait(30)
            return one()

        return list(self._pool.map(call, calls))

    def recovered(self, key: str | None = None) -> Answer:
        """Call the sound function as the scheduler would, until nobody is in the way any more."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.post(self.function(), key)
            if answer.status not in (409, 503) or time.monotonic() > deadline:
                return answer
            time.sleep(0.1)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait for it; a violation where it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                self.violations.append(f"waited in vain: {what}")
                return
            time.sleep(0.01)

    # The laws ----------------------------------------------------------------------------------

    def check(self, holds: bool, what: str) -> None:
        """A law of one drill."""
        if not holds:
            self.violations.append(what)

    def check_laws(self, *, untouched: Sequence[str] = ()) -> None:
        """The laws of every drill; `untouched`: titles that a person kept from the run."""
        (report,) = self.execute("select audit_autonomous_actions()")[0]
        self.check(report["ok"], f"the log does not add up: {report['differences']}")
        self.check(not self.execute(DOUBLED), "an action was doubled")
        self.check(not self.execute(TWICE), "a campaign was touched twice in a cooldown")
        left = self.execute("select id from autonomous_runs where status = 'running'")
        self.check(not left, f"runs were left behind: {left}")
        states = dict(self.execute("select title, row(status, budget)::text from campaigns"))
        for title, state in states.items():
            if title not in untouched:
                kind = title.partition(" ")[0]
                wanted = {
                    "loser": "(paused,100.00)",
                    "winner": "(Active,200.00)",
                    "fair": "(Active,100.00)",
                }
                self.check(state == wanted[kind], f"{title} is {state}, not {wanted[kind]}")


def new_key() -> str:
    """An idempotency key."""
    return f"drill-{uuid.uuid4()}"


@contextlib.contextmanager
def yard() -> Iterator[Yard]:
    """The yard, opened and closed again."""
    with Yard() as opened:
        yield opened

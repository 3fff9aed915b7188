"""The only module that talks to Supabase: one method per SQL function or table read.

Writes are sent again after a lost connection. That is safe because the database accepts every id
that we send once: run ids, action ids and decisions are made here, before the first try.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from autonomy.config import Settings
from autonomy.errors import (
    AGAIN_HINT,
    AutonomyError,
    BeingUpgraded,
    DatabaseRefused,
    DatabaseTimeout,
    DatabaseUnavailable,
    NotConfigured,
    NotMigrated,
    from_database,
)

Json = dict[str, Any]

IDS_AHEAD = 20_000
"""Candidates found by one scan besides the page: 0.8 MB of JSON, and a scan saved for each page."""
PAGE = 1000
"""Rows of one answer: PostgREST cuts at as many, without a word."""
RETRY_DELAYS_SECONDS = (0.1, 0.4, 1.2, 3.0)
"""Waits between tries; half to all of each, so that callers do not march in step."""

CALL_SECONDS = 60.0
"""What a call may take, all its tries together: the database cuts a statement off at 55."""
BEGIN_SECONDS = 30.0
"""The same for the beginning of a run, which a scheduler waits for."""

_NEVER = float("inf")
_LATEST: ContextVar[float] = ContextVar("latest", default=_NEVER)
_UNTIL: ContextVar[float] = ContextVar("until", default=_NEVER)

_LOST = {"500", "502", "503", "504", "520"}  # a proxy's answer in place of PostgREST's


@contextmanager
def no_later_than(moment: float) -> Iterator[None]:
    """No call in here goes on after `moment` (monotonic, seconds), whatever its own limit says."""
    outer = _LATEST.set(min(moment, _LATEST.get()))
    try:
        yield
    finally:
        _LATEST.reset(outer)


class Store:
    """A thin face of the supabase client: calls, retries, and errors of our own tree."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 60.0) -> None:
        self._url, self._key, self._timeout_seconds = url, key, timeout_seconds
        self._rest: Any = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Store:
        """A store for the configured project. Raises NotConfigured."""
        settings.require_database()
        return cls(settings.supabase_url, settings.supabase_key)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        client, self._rest = self._rest, None
        if client is not None:
            client.postgrest.aclose()

    def rpc(self, name: str, *, retry: bool = True, **params: Any) -> Any:
        """Call an SQL function with named parameters (`p_now=...`); its JSON answer."""
        return self._try(_call(name, params), retry)

    def rpc_count(self, name: str, **params: Any) -> int:
        """How many rows a set-returning SQL function yields; the rows stay in the database."""
        return int(
            self._try(
                lambda rest: rest.rpc(name, params, count="exact").limit(1).execute().count or 0,
                True,
            )
        )

    def select(
        self,
        table: str,
        *,
        columns: str = "*",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = (),
        limit: int = PAGE,
        offset: int = 0,
    ) -> list[Json]:
        """Rows of a table. `filters`: column -> value, or (operator, value) with a PostgREST
        operator (`gt`, `in_`, `ilike` ...). `order`: column names, `-` in front for descending.
        """

        def query(rest: Any) -> list[Json]:
            builder = _filtered(rest.from_(table).select(columns), filters or {})
            for name in order:
                builder = builder.order(name.lstrip("-"), desc=name.startswith("-"))
            rows: list[Json] = builder.range(offset, offset + limit - 1).execute().data
            return rows

        return list(self._try(query, True))

    def select_all(self, table: str, *, order: Sequence[str], **how: Any) -> list[Json]:
        """Every row, past the thousand that one answer holds; `order` must be unique."""
        rows: list[Json] = []
        while True:
            page = self.select(table, order=order, offset=len(rows), **how)
            rows += page
            if not page:  # a short page is not the last where the server allows fewer rows
                return rows

    def update(self, table: str, values: Json, *, filters: Mapping[str, Any]) -> list[Json]:
        """Change rows and return them. An empty filter is refused: it never means everything."""
        if not filters:
            raise ValueError("an update needs a filter")

        def change(rest: Any) -> list[Json]:
            rows: list[Json] = _filtered(rest.from_(table).update(values), filters).execute().data
            return rows

        return list(self._try(change, True))

    def insert(self, table: str, row: Json) -> Json:
        """Add one row and return it. Not sent again: the caller's id or name must be unique."""
        rows: list[Json] = self._try(
            lambda rest: rest.from_(table).insert(row).execute().data, False
        )
        return rows[0]

    # One run -----------------------------------------------------------------------------------

    def begin_run(self, **params: Any) -> Json:
        """Take the lease, check the idempotency key, load rules, policy and the first page."""
        return dict(self._try(_call("begin_autonomous_run", params), True, BEGIN_SECONDS))

    def candidate_pages(
        self, first: Json, *, page_limit: int, shard: str | None, inactive: bool, now: str
    ) -> Iterator[list[Json]]:
        """The first page's candidates, then those that the same scan found ahead, by their ids;
        then further scans, by key."""
        fixed: Json = {"p_limit": page_limit, "p_include_inactive_rules": inactive, "p_now": now}
        page = first
        while True:
            yield page["candidates"]
            ahead = page.get("ahead", [])
            for start in range(0, len(ahead), page_limit):
                ids = ahead[start : start + page_limit]
                yield self.rpc("list_autonomous_candidates", p_ids=ids, **fixed)["candidates"]
            if page.get("ahead_after") is None:
                return
            page = self.rpc(
                "list_autonomous_candidates",
                p_after=page["ahead_after"],
                p_ahead=IDS_AHEAD,
                p_shard=shard,
                **fixed,
            )

    def apply(self, *, run_id: str, lease_token: str, decisions: list[Json], now: str) -> Json:
        """Carry out one batch. Sent again with the same ids it changes nothing more."""
        return dict(
            self.rpc(
                "apply_autonomous_actions",
                p_run_id=run_id,
                p_lease_token=lease_token,
                p_decisions=decisions,
                p_now=now,
            )
        )

    def finish_run(self, **params: Any) -> Any:
        """Store the summary and the answer, release the lease."""
        return self.rpc("finish_autonomous_run", **params)

    # The client --------------------------------------------------------------------------------

    def _client(self) -> Any:
        if self._rest is None:
            self._rest = _connect(self._url, self._key, self._timeout_seconds)
        return self._rest

    def _try(self, call: Callable[[Any], Any], retry: bool, seconds: float = CALL_SECONDS) -> Any:
        until = min(time.monotonic() + seconds, _LATEST.get())
        outer = _UNTIL.set(until)
        delays = iter(RETRY_DELAYS_SECONDS if retry else ())
        try:
            while True:
                try:
                    return self._asked(call)
                except DatabaseUnavailable:
                    delay = next(delays, None)
                    if delay is None or time.monotonic() + delay >= until:
                        raise
                    spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret  # nosec B311
                    time.sleep(delay * spread)
        finally:
            _UNTIL.reset(outer)

    def _asked(self, call: Callable[[Any], Any]) -> Any:
        """One try. Functions and types that an upgrade replaces are gone for whoever is using them
        at that moment, and its locks cut statements off: then, and for a minute, that passes."""
        try:
            return _translated(call, self._client())
        except (NotMigrated, DatabaseTimeout, DatabaseRefused) as error:
            if not self._schema_changing():
                raise
            raise BeingUpgraded("The database is being upgraded.", hint=AGAIN_HINT) from error

    def _schema_changing(self) -> bool:
        try:
            answer = _translated(
                lambda rest: rest.rpc("autonomy_schema_changing", {}).execute().data,
                self._client(),
            )
            return answer is True
        except AutonomyError:  # a database without our functions does not know
            return False


def _filtered(builder: Any, filters: Mapping[str, Any]) -> Any:
    """The query with its filters: column -> value, or (operator, value)."""
    for column, wanted in filters.items():
        operator, value = wanted if isinstance(wanted, tuple) else ("eq", wanted)
        builder = getattr(builder, operator)(column, value)
    return builder


def _call(name: str, params: Json) -> Callable[[Any], Any]:
    return lambda rest: rest.rpc(name, params).execute().data


def _cut_short(request: Any) -> None:
    """A request gets what is left of its call's time; a second at least, to end decently."""
    left = max(_UNTIL.get() - time.monotonic(), 1.0)
    limits = request.extensions["timeout"]
    request.extensions["timeout"] = {
        name: left if limit is None else min(limit, left) for name, limit in limits.items()
    }


def _connect(url: str, key: str, timeout_seconds: float) -> Any:
    """The supabase client (imported here: it is half of the cold start, and tests of pure parts
    do not need it). Only its REST part is used."""
    import httpx
    from supabase import ClientOptions, create_client

    options = ClientOptions(
        postgrest_client_timeout=httpx.Timeout(timeout_seconds, connect=5.0),
        auto_refresh_token=False,
        persist_session=False,
        postgrest_client_retry=False,  # ours retries writes too
    )
    try:
        client = create_client(url, key, options)
        client.postgrest.session.event_hooks["request"].append(_cut_short)
        return client
    except Exception as error:
        raise NotConfigured(
            "The database client could not be made.",
            hint="Check SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY.",
        ) from error


def _translated(call: Callable[[Any], Any], rest: Any) -> Any:
    """Run the call; raise errors of our own tree, never the client's."""
    import httpx
    from postgrest.exceptions import APIError

    try:
        return call(rest)
    except APIError as error:
        raise _from_api(error) from error
    except httpx.TimeoutException as error:
        raise DatabaseUnavailable("The database did not answer in time.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DatabaseUnavailable("The database cannot be reached.") from error


def _from_api(error: Any) -> AutonomyError:
    code = str(error.code or "")
    if code in _LOST:
        return DatabaseUnavailable("The database cannot be reached.")
    return from_database(code, error.message, error.hint, error.details)

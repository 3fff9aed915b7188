"""Failed tries to get in, counted in the database so that all instances know of them."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable

from flask import Request

from autonomy.config import Settings
from autonomy.errors import TooManyTries
from autonomy.store import Store

FAILURES = 10
"""Tries within the window, after which a source waits."""
WINDOW_SECONDS = 900


class Throttle:
    """Remembers failures by a keyed hash of where they came from: no address is stored."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        behind_proxy: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = (settings.session_key or settings.api_token).encode()
        self._store, self._behind_proxy, self._clock = store, behind_proxy, clock
        self._blocked_until: dict[str, float] = {}

    def refuse_blocked(self, request: Request, *, ask: bool = False) -> None:
        """Raise TooManyTries where this source must wait.

        Good callers cost no round trip: this instance knows whom it blocked; `ask` the database
        too at the sign-in form.
        """
        source = self._source(request)
        left = self._blocked_until.get(source, 0.0) - self._clock()
        if left <= 0 and ask:
            left = self._note(source, "dashboard_sign_in_state")
        if left > 0:
            raise _too_many(left)

    def failed(self, request: Request) -> None:
        """Count a failed try. Raises TooManyTries where it was one too many."""
        left = self._note(self._source(request), "dashboard_sign_in_failed")
        if left > 0:
            raise _too_many(left)

    def _note(self, source: str, function: str) -> float:
        state = self._store.rpc(
            function, p_source=source, p_limit=FAILURES, p_window_seconds=WINDOW_SECONDS
        )
        now = self._clock()
        self._blocked_until = {s: t for s, t in self._blocked_until.items() if t > now}
        if not state["blocked"]:
            return 0.0
        left = max(1.0, float(state["retry_after_seconds"]))
        self._blocked_until[source] = now + left
        return left

    def _source(self, request: Request) -> str:
        address = request.remote_addr or ""
        if self._behind_proxy:
            # The platform appends the caller's address; what stands before it is hearsay.
            address = (request.headers.get("X-Forwarded-For") or address).rpartition(",")[2]
        return hmac.new(self._key, _network(address.strip()).encode(), hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """An IPv6 customer has a whole /64: it counts as one source."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _too_many(seconds: float) -> TooManyTries:
    return TooManyTries(
        "Too many failed tries.",
        hint="Wait for the time in Retry-After, then try again with the right token.",
        retry_after_seconds=int(seconds) + 1,
    )

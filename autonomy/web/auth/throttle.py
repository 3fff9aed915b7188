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

SIGN_IN_FAILURES = 10
"""Wrong tokens at the form within the window, after which a source waits, whatever it sends."""
CALL_FAILURES = 100
"""Wrong bearer tokens within the window. The right one still passes then: the scheduler must not
be locked out by a neighbour's typo, and a token of 32 random characters is not found by trying."""
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

    def refuse_blocked(self, request: Request) -> None:
        """Raise TooManyTries where this source must wait before it tries the form again."""
        left = self._ask("dashboard_sign_in_state", self._source(request), SIGN_IN_FAILURES)
        if left > 0:
            raise _too_many(left)

    def wrong_at_form(self, request: Request) -> None:
        """Count a wrong token at the form. Raises TooManyTries where it was one too many."""
        left = self._ask("dashboard_sign_in_failed", self._source(request), SIGN_IN_FAILURES)
        if left > 0:
            raise _too_many(left)

    def wrong_bearer(self, request: Request) -> None:
        """Count a wrong bearer token. Raises TooManyTries where there were too many.

        A source that is known to be blocked costs no round trip.
        """
        source = "bearer " + self._source(request)
        left = self._blocked_until.get(source, 0.0) - self._clock()
        if left <= 0:
            left = self._ask("dashboard_sign_in_failed", source, CALL_FAILURES)
        if left > 0:
            raise _too_many(left)

    def _ask(self, function: str, source: str, failures: int) -> float:
        """Seconds that this source must wait."""
        state = self._store.rpc(
            function, p_source=source, p_limit=failures, p_window_seconds=WINDOW_SECONDS
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

"""The dashboard's session: a signed cookie that any instance accepts, with two time limits."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from autonomy.config import Settings
from autonomy.errors import NotConfigured
from autonomy.web.auth.tokens import Role

COOKIE = "__Host-autonomy"
"""The prefix makes the browser insist on Secure, on the path / and on no domain."""
IDLE_SECONDS = 45 * 60
"""A forgotten tab is signed out: no page asks anything by itself."""
ABSOLUTE_SECONDS = 12 * 3600
"""One working day."""
RENEW_SECONDS = 60
"""The cookie is written again at most this often."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Session:
    """Who is signed in, since when (Unix seconds), and when last seen."""

    id: str
    role: Role
    signed_in_at: int
    seen_at: int
    key: str
    """A digest of the token that opened it: a changed token ends its sessions."""

    @property
    def ends_at(self) -> int:
        """Unix seconds after which no use renews it."""
        return self.signed_in_at + ABSOLUTE_SECONDS


class Sessions:
    """Makes and reads session cookies."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._serializer = URLSafeSerializer(
            settings.session_key or secrets.token_urlsafe(32),
            salt="autonomy.session.1",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    @property
    def cookie_rules(self) -> dict[str, Any]:
        """What our cookies allow: no other site's request carries them.

        In a frame of a named origin they must be None, and are Partitioned: kept apart for each
        site at the top of the window, so that what is opened elsewhere does not have them.
        """
        rules: dict[str, Any] = {"secure": True, "httponly": True, "path": "/"}
        if self._settings.embed_origins:
            return rules | {"samesite": "None", "partitioned": True}
        return rules | {"samesite": "Strict"}

    def open(self, role: Role) -> Session:
        """A new session. Raises NotConfigured where there is no key to sign with."""
        if not self._settings.session_key:
            raise NotConfigured(
                "Nobody can sign in: AUTONOMY_SESSION_KEY is not set.",
                hint="Set it to 32 or more random characters, the same on every instance.",
            )
        now = int(self._clock())
        return Session(secrets.token_urlsafe(18), role, now, now, self._digest(role))

    def write(self, session: Session) -> str:
        """The cookie's value."""
        return str(self._serializer.dumps(asdict(session)))

    def read(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None where it is not ours, or its time is over."""
        if not cookie or not self._settings.session_key:
            return None
        try:
            session = Session(**self._serializer.loads(cookie))
        except (BadData, TypeError, ValueError):
            return None
        now = self._clock()
        fresh = now < session.seen_at + IDLE_SECONDS and now < session.ends_at
        known = hmac.compare_digest(session.key, self._digest(session.role))
        return session if fresh and known else None

    def renewed(self, session: Session) -> Session | None:
        """The session as seen now, where that is worth another cookie."""
        now = int(self._clock())
        return replace(session, seen_at=now) if now - session.seen_at >= RENEW_SECONDS else None

    def csrf_token(self, session: Session) -> str:
        """What a form of this session must carry."""
        key = self._settings.session_key.encode()
        return hmac.new(key, b"csrf:" + session.id.encode(), hashlib.sha256).hexdigest()

    def max_age_seconds(self, session: Session) -> int:
        """How long the browser keeps the cookie."""
        return max(1, min(IDLE_SECONDS, session.ends_at - int(self._clock())))

    def _digest(self, role: Role) -> str:
        token = self._settings.api_token if role == "operator" else self._settings.viewer_token
        key = self._settings.session_key.encode()
        return hmac.new(key, f"{role}:{token}".encode(), hashlib.sha256).hexdigest()[:24]


def cookie_options(session: Session, sessions: Sessions) -> dict[str, Any]:
    """The attributes of the session's cookie."""
    return {"max_age": sessions.max_age_seconds(session), **sessions.cookie_rules}

"""Who calls with a token: operator, viewer, an assistant, or the scheduler's OIDC token."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from autonomy.config import Settings
from autonomy.errors import ServiceError, Unauthenticated

Role = Literal["operator", "viewer", "agent", "scheduler"]

CERTIFICATES_SECONDS = 3600
"""Google announces new keys a day before it signs with them."""
CLOCK_SKEW_SECONDS = 10

FetchCertificates = Callable[..., Any]
"""`google.auth.transport.Request`: (url, method, ...) -> object with status, headers, data."""


def same(given: bytes, expected: str) -> bool:
    """Constant-time comparison; of digests, so that not even the length shows. Empty never fits."""
    if not expected:
        return False
    return hmac.compare_digest(
        hashlib.sha256(given).digest(), hashlib.sha256(expected.encode()).digest()
    )


def role_of_token(given: bytes, settings: Settings) -> Role | None:
    """The role that a token from the environment gives; all are always compared.

    A token that was given to two of them gives what the lesser may.
    """
    operator = same(given, settings.api_token)
    viewer = same(given, settings.viewer_token)
    agent = same(given, settings.agent_token)
    return "viewer" if viewer else "agent" if agent else "operator" if operator else None


def bearer(authorization: str | None) -> bytes | None:
    """The token of an Authorization header, as the bytes that were sent."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    return token.strip().encode("latin-1", "replace")


@dataclass
class OidcVerifier:
    """Verifies Google's OIDC tokens: signature, audience, issuer, expiry, e-mail."""

    audience: str
    email: str
    fetch: FetchCertificates | None = None
    """How certificates are fetched; tests hand in their own."""

    def __post_init__(self) -> None:
        self._cache: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    @property
    def configured(self) -> bool:
        """Whether such tokens are accepted at all."""
        return bool(self.audience and self.email)

    def verify(self, token: bytes) -> Mapping[str, Any]:
        """The token's claims. Raises Unauthenticated, or ServiceError where nothing can be said."""
        from google.auth.exceptions import TransportError
        from google.oauth2 import id_token

        try:
            claims: Mapping[str, Any] = id_token.verify_oauth2_token(
                token, self._certificates, self.audience, CLOCK_SKEW_SECONDS
            )
        except TransportError as error:
            raise ServiceError(
                "The token cannot be checked now: Google's certificates cannot be read.",
                hint="Call again in a minute.",
            ) from error
        except Exception as error:  # whatever a token can be made to raise
            raise Unauthenticated(
                "The OIDC token is not valid.",
                hint="Check its audience (AUTONOMY_OIDC_AUDIENCE), its issuer and its age.",
            ) from error
        verified = claims.get("email_verified") is True
        if not verified or not same(str(claims.get("email", "")).encode(), self.email):
            raise Unauthenticated(
                "The OIDC token belongs to another account.",
                hint="AUTONOMY_OIDC_EMAIL names the service account that may call.",
            )
        return claims

    def _certificates(self, url: str, method: str = "GET", **options: Any) -> Any:
        """A transport that keeps what it fetched for an hour."""
        with self._lock:
            fetched_at, answer = self._cache.get(url, (0.0, None))
            if answer is None or time.monotonic() - fetched_at > CERTIFICATES_SECONDS:
                answer = self._transport()(url, method=method, **options)
                if answer.status == 200:
                    self._cache[url] = (time.monotonic(), answer)
            return answer

    def _transport(self) -> FetchCertificates:
        if self.fetch is None:
            import google.auth.transport.requests as transport

            self.fetch = transport.Request()
        return self.fetch

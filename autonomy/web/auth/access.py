"""Who is calling and what they may do: tokens, sessions, and protection against forged requests."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Request, g, request

from autonomy.config import Settings
from autonomy.errors import Forbidden, NotConfigured, Unauthenticated
from autonomy.store import Store
from autonomy.web.auth.sessions import COOKIE, Session, Sessions
from autonomy.web.auth.throttle import Throttle
from autonomy.web.auth.tokens import OidcVerifier, Role, bearer, role_of_token

SAFE_METHODS = ("GET", "HEAD")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Caller:
    """Who is calling. `session` only where a cookie says so."""

    role: Role
    session: Session | None = None

    @property
    def may_change(self) -> bool:
        """Whether this role changes anything on the dashboard and the API."""
        return self.role == "operator"


class FormOutOfDate(Forbidden):
    """A form of ours whose token is another session's."""


class Access:
    """The one place that lets callers in."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        sessions: Sessions,
        throttle: Throttle,
        oidc: OidcVerifier,
    ) -> None:
        self.settings, self._store, self.sessions = settings, store, sessions
        self.throttle, self._oidc = throttle, oidc

    def scheduler(self) -> Caller:
        """Who may start a run over POST /: the operator's bearer token or the scheduler's OIDC."""
        self.require_configured()
        caller = self._by_token()
        if caller is None:
            raise Unauthenticated(
                "A token is needed.", hint="Send `Authorization: Bearer <AUTONOMY_API_TOKEN>`."
            )
        if caller.role == "viewer":
            raise Forbidden("A viewer starts no run.", hint="Use the operator's token.")
        return caller

    def person(self) -> Caller:
        """Who may see the dashboard and the API. Raises Unauthenticated, Forbidden."""
        caller = self._by_token() or self._by_cookie()
        if caller is None:
            if not self.settings.api_token and not self.settings.viewer_token:
                self._raise_not_configured()
            raise Unauthenticated(
                "Sign in, or send a token.", hint="`Authorization: Bearer <AUTONOMY_API_TOKEN>`."
            )
        if caller.role == "scheduler":
            raise Forbidden("The scheduler's account may only start runs.", hint="Use a token.")
        g.caller = caller
        return caller

    def operator(self) -> Caller:
        """Who may change something. Raises NotConfigured, Unauthenticated, Forbidden."""
        self.require_configured()
        caller = self.person()
        if not caller.may_change:
            raise Forbidden(
                "A viewer sees all and changes nothing.", hint="Sign in with the operator's token."
            )
        if caller.session is not None and request.method not in SAFE_METHODS:
            self._refuse_forged(caller.session)
        return caller

    def require_configured(self) -> None:
        """Raise NotConfigured where nobody could be let in: then nothing is ever written."""
        if not self.settings.callers_configured:
            self._raise_not_configured()

    def refuse_foreign_origin(self) -> None:
        """Raise Forbidden for a request that a page of another site made the browser send."""
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        origin = request.headers.get("Origin")
        if site not in ("same-origin", "none") or (origin and not _our_origin(origin, request)):
            raise Forbidden("This request comes from another site.", hint="Open the page anew.")

    def sign_out(self, session: Session) -> None:
        """End a session before its time, on all instances."""
        ends_at = datetime.fromtimestamp(session.ends_at, UTC).isoformat()
        self._store.rpc("dashboard_end_session", p_session=session.id, p_ends_at=ends_at)

    def _by_token(self) -> Caller | None:
        token = bearer(request.headers.get("Authorization"))
        if token is None:
            return None
        role = role_of_token(token, self.settings)
        if role is not None:
            return Caller(role)
        try:
            return self._by_oidc(token)
        except Unauthenticated:
            self.throttle.wrong_bearer(request)
            raise

    def _by_oidc(self, token: bytes) -> Caller:
        if not self._oidc.configured or token.count(b".") != 2:
            raise Unauthenticated("This token is not known.", hint="Check AUTONOMY_API_TOKEN.")
        self._oidc.verify(token)
        return Caller("scheduler")

    def _by_cookie(self) -> Caller | None:
        session = self.sessions.read(request.cookies.get(COOKIE))
        if session is None or self._store.rpc("dashboard_session_ended", p_session=session.id):
            return None
        return Caller(session.role, session)

    def _refuse_forged(self, session: Session) -> None:
        """Two locks: where the request comes from, and a token that only our pages know."""
        if not request.headers.get("Origin") and not request.headers.get("Sec-Fetch-Site"):
            raise Forbidden("The request does not say where it comes from (Origin).")
        self.refuse_foreign_origin()
        given = request.headers.get("X-CSRF-Token")
        if given is None and request.mimetype != "application/json":
            given = request.form.get("csrf")
        expected = self.sessions.csrf_token(session)
        if not hmac.compare_digest((given or "").encode("utf-8", "replace"), expected.encode()):
            raise FormOutOfDate("The form is out of date.", hint="Load the page again and repeat.")

    def _raise_not_configured(self) -> None:
        raise NotConfigured(
            "Nobody may call: neither AUTONOMY_API_TOKEN nor AUTONOMY_OIDC_AUDIENCE with "
            "AUTONOMY_OIDC_EMAIL is set.",
            hint="Set AUTONOMY_API_TOKEN to 32 or more random characters and restart.",
        )


def local(req: Request) -> bool:
    """Whether the address in the browser is this machine."""
    try:
        return urlsplit(f"//{req.headers.get('Host', '')}").hostname in LOCAL_HOSTS
    except ValueError:  # a Host such as "[::"
        return False


def from_our_page(req: Request) -> bool:
    """Whether the browser says that a page of ours has sent this."""
    site, origin = req.headers.get("Sec-Fetch-Site"), req.headers.get("Origin")
    return (
        bool(site or origin)
        and site in (None, "same-origin")
        and (origin is None or _our_origin(origin, req))
    )


def _our_origin(origin: str, req: Request) -> bool:
    try:
        return bool(origin) and urlsplit(origin).netloc.lower() == req.host.lower()
    except ValueError:
        return False

"""Sign-in, sign-out, and the choice between light and dark."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, render_template, request

from autonomy.errors import AutonomyError, Forbidden, TooManyTries, Unauthenticated
from autonomy.web.assets import version
from autonomy.web.auth.access import Access, Caller, local
from autonomy.web.auth.kept import PATH as KEPT_PATH
from autonomy.web.auth.kept import KeptForm, carried
from autonomy.web.auth.sessions import COOKIE, cookie_options
from autonomy.web.auth.tokens import role_of_token
from autonomy.web.headers import encrypted, nonce

THEME_SECONDS = 365 * 24 * 3600
LONGEST_TOKEN = 2000


def sign_in_routes(access: Access) -> Blueprint:
    """The blueprint; it also keeps sessions alive and tells templates who looks."""
    routes = Blueprint("signing_in", __name__)

    @routes.get("/sign-in")
    def form() -> Response:
        return _form(access, request.args.get("next", ""))

    @routes.post("/sign-in")
    def sign_in() -> Response:
        wanted = request.form.get("next", "")
        try:
            return _sign_in(access, wanted)
        except (Unauthenticated, TooManyTries) as error:
            response = _form(access, wanted, error)
            if error.retry_after_seconds is not None:
                response.headers["Retry-After"] = str(error.retry_after_seconds)
            return response

    @routes.post("/sign-out")
    def sign_out() -> Response:
        access.refuse_foreign_origin()
        session = access.sessions.read(request.cookies.get(COOKIE))
        if session is not None:
            access.sign_out(session)
        response = _to("sign-in")
        response.delete_cookie(COOKIE, **access.sessions.cookie_rules)
        return response

    @routes.post("/theme")
    def theme() -> Response:
        access.refuse_foreign_origin()
        chosen = "dark" if request.form.get("theme") == "dark" else "light"
        response = _to(_safe_path(_came_from()))
        response.set_cookie("theme", chosen, max_age=THEME_SECONDS, **_theme_rules(access))
        return response

    @routes.app_context_processor
    def frame() -> dict[str, Any]:
        return _context(access)

    @routes.after_app_request
    def keep_alive(response: Response) -> Response:
        return _renewed(access, response)

    return routes


def _theme_rules(access: Access) -> dict[str, Any]:
    """A matter of taste: it may stand in plain http, and in a link from elsewhere."""
    if access.settings.embed_origins:
        return access.sessions.cookie_rules
    return {"secure": encrypted(request), "samesite": "Lax"}


def _sign_in(access: Access, wanted: str) -> Response:
    access.refuse_foreign_origin()
    if not encrypted(request) and not local(request):
        raise Forbidden(
            "Signing in needs https.", hint="Over plain http only on this machine (localhost)."
        )
    access.throttle.refuse_blocked(request)
    given = request.form.get("token", "")[:LONGEST_TOKEN].strip()
    role = role_of_token(given.encode("utf-8", "replace"), access.settings)
    if role is None or role == "agent":  # an assistant has no browser
        access.throttle.wrong_at_form(request)
        raise Unauthenticated("That token is not known.", hint="Check for a missing character.")
    session = access.sessions.open(role)
    kept = _kept()
    if kept is None:
        response = _to(_safe_path(wanted))
    else:
        g.caller = Caller(role, session)
        response = Response(render_template("kept.html", kept=kept))
    response.set_cookie(
        COOKIE, access.sessions.write(session), **cookie_options(session, access.sessions)
    )
    return response


def _form(access: Access, wanted: str, error: AutonomyError | None = None) -> Response:
    settings = access.settings
    possible, problem = True, f"{error.message} {error.hint}" if error is not None else ""
    if not settings.api_token and not settings.viewer_token:
        possible = False
        problem = "Nobody can sign in yet: AUTONOMY_API_TOKEN is not set for this function."
    elif not settings.session_key:
        possible = False
        problem = "Nobody can sign in yet: AUTONOMY_SESSION_KEY is not set for this function."
    text = render_template(
        "sign_in.html",
        problem=problem,
        possible=possible,
        next=_safe_path(wanted),
        kept=_kept() if error is not None else None,
    )
    return Response(text, error.http_status if error is not None else 200)


def _kept() -> KeptForm | None:
    """The form that came too late and is carried through the sign-in."""
    return carried(request.form, _safe_path(request.form.get(KEPT_PATH, "")))


def _safe_path(wanted: str) -> str:
    """A path on this site, without a leading slash; anything else leads to the Overview."""
    path = wanted.removeprefix("/")
    harmless = all(" " < c < "\x7f" and c not in '\\"<>' for c in path)
    if not harmless or path.startswith("/") or ":" in path.partition("?")[0] or len(path) > 1000:
        return ""
    return path


def _came_from() -> str:
    """The path of ours that the form stood on."""
    parts = urlsplit(request.referrer or "")
    return f"{parts.path}?{parts.query}" if parts.netloc == request.host else ""


def _to(path: str) -> Response:
    response: Response = redirect(f"./{path}", 303)  # type: ignore[assignment]
    return response


def _context(access: Access) -> dict[str, Any]:
    caller = g.get("caller")
    session = caller.session if caller is not None else None
    root = "../" * (request.path.count("/") - 1) or "./"
    theme = request.cookies.get("theme")
    return {
        "caller": caller,
        "operator": caller is not None and caller.may_change,
        "csrf": access.sessions.csrf_token(session) if session is not None else "",
        "root": root,
        "tab": g.get("tab", ""),
        "theme": theme if theme in ("light", "dark") else "",
        "nonce": nonce(),
        "static": lambda name: f"{root}assets/{name}?v={version(name)}",
    }


def _renewed(access: Access, response: Response) -> Response:
    """Use keeps a session alive."""
    caller = g.get("caller")
    if caller is None or caller.session is None:
        return response
    session = access.sessions.renewed(caller.session)
    if session is not None:
        response.set_cookie(
            COOKIE, access.sessions.write(session), **cookie_options(session, access.sessions)
        )
    return response

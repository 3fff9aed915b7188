"""Errors, as JSON for programs and as a page for people. Never a stack trace."""

from __future__ import annotations

import logging
from typing import NoReturn
from urllib.parse import quote, urlsplit

from flask import Flask, Response, g, jsonify, redirect, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from autonomy.errors import (
    AutonomyError,
    BadRequest,
    NotFound,
    RequestError,
    ServiceError,
    Unauthenticated,
)
from autonomy.logs import log, say
from autonomy.run.request import error_body
from autonomy.web.auth.access import FormOutOfDate
from autonomy.web.auth.kept import sent_too_late
from autonomy.web.parsing import too_large


class WrongMethod(RequestError):
    """This path does not take this method."""

    code = "METHOD_NOT_ALLOWED"
    http_status = 405


class Unexpected(ServiceError):
    """A fault of ours: logged with its trace, told without."""

    code = "INTERNAL"
    http_status = 500


def answer_failures(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(AutonomyError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _unexpected)


def for_people() -> bool:
    """Whether a page is wanted, rather than JSON."""
    path = request.path
    if path.startswith("/api/") or path in ("/api", "/openapi.json", "/healthz", "/readyz"):
        return False
    if path == "/" and request.method not in ("GET", "HEAD"):
        return False
    return "HX-Request" in request.headers or "text/html" in request.headers.get("Accept", "")


def _ours(error: AutonomyError) -> Response:
    if isinstance(error, ServiceError):
        say("request failed", level=logging.WARNING, code=error.code, path=request.path[:200])
    response = _page(error) if for_people() else json_answer(error)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, error.retry_after_seconds))
    elif error.http_status == 503 and error.retryable:
        response.headers["Retry-After"] = "10"
    if error.http_status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="autonomous-operations"'
    return response


def _of_http(error: HTTPException) -> Response:
    """Flask's and Werkzeug's own errors, in our shape."""
    allow = None
    mended: AutonomyError
    if isinstance(error, MethodNotAllowed):
        allow = ", ".join(sorted(error.valid_methods or []))
        wrong = f"{request.method[:20]} is not allowed here."
        mended = WrongMethod(wrong, hint=f"Allowed: {allow}.")
    elif error.code == 404:
        mended = NotFound("There is nothing at this address.", hint="/openapi.json lists the API.")
    elif error.code == 413:
        mended = too_large()
    elif error.code is not None and 300 <= error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    else:
        mended = BadRequest("The request could not be understood.")
    response = _ours(mended)
    if allow is not None:
        response.headers["Allow"] = allow
    return response


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error, extra={"fields": {"path": request.path[:200]}})
    return _ours(Unexpected("Something went wrong here.", hint="The function's log says what."))


def json_answer(error: AutonomyError) -> Response:
    """The error as a program reads it."""
    response = jsonify(error_body(error))
    response.status_code = error.http_status
    return response


def _page(error: AutonomyError) -> Response:
    if isinstance(error, Unauthenticated) and request.method in ("GET", "HEAD"):
        return _to_sign_in()
    fragment = "HX-Request" in request.headers
    again = _form_again(error, fragment)
    if again is not None:
        return again
    name = "_failure.html" if fragment else "failure.html"
    g.setdefault("caller", None)
    response = Response(render_template(name, error=error), error.http_status)
    if fragment and isinstance(error, Unauthenticated):
        response.headers["HX-Refresh"] = "true"
    return response


def _form_again(error: AutonomyError, fragment: bool) -> Response | None:
    """What was filled in is not lost with the session: sign in, and the form is there again."""
    late = isinstance(error, Unauthenticated)
    kept = sent_too_late(request) if late or isinstance(error, FormOutOfDate) else None
    if kept is None:
        return None
    name = "sign_in.html" if late else "kept.html"
    # of a fragment the address is not the page's: ways to the top count from there
    values = {"kept": kept, "possible": True, "next": "", "problem": ""}
    values |= {"root": _root_of_page()} if fragment else {}
    text = render_template(f"_{name}" if fragment else name, **values)
    response = Response(text, error.http_status)
    if fragment:
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#main", "innerHTML"
    return response


def _root_of_page() -> str:
    path = urlsplit(request.headers.get("HX-Current-URL", "")).path
    return "../" * min(9, path.count("/") - 1) or "./"


def _to_sign_in() -> Response:
    """To the sign-in form, and back here afterwards."""
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Refresh": "true"})
    root = "../" * (request.path.count("/") - 1) or "./"
    wanted = request.full_path.rstrip("?")
    query = f"?next={quote(wanted, safe='')}" if wanted not in ("/", "") else ""
    return redirect(f"{root}sign-in{query}", 303)  # type: ignore[return-value]


def not_found(what: str) -> NoReturn:
    """Raise NotFound for something that a path names."""
    raise NotFound(f"There is no such {what}.")

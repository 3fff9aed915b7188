"""The cloud function: one entry point, one WSGI application behind it."""

from __future__ import annotations

import logging
from functools import cache

import flask
import functions_framework
from werkzeug.wrappers import Response

from autonomy.config import Settings
from autonomy.errors import NotConfigured
from autonomy.logs import configure_logging, say
from autonomy.run.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app, create_unconfigured_app


@cache
def database() -> tuple[Settings, Store]:
    """Settings and store, made once a process: the database client is dear to create."""
    settings = Settings.from_env()
    configure_logging(settings.log_level)
    return settings, Store.from_settings(settings)


@cache
def application(*, calls_only: bool = False) -> flask.Flask:
    """The application; `calls_only`: without the dashboard, which a scheduler need not wait for."""
    try:
        settings, store = database()
    except NotConfigured as error:
        say("not configured", level=logging.ERROR, code=error.code, error=error.message)
        return create_unconfigured_app(error)
    return create_app(settings, store, Runner(store, settings).handle, calls_only=calls_only)


@functions_framework.errorhandler(404)  # type: ignore[untyped-decorator]
def unknown_path(error: Exception) -> Response:
    """What the framework finds no way for (a newline in a path, say) is answered by us too."""
    return Response.from_app(application(), flask.request.environ)


@functions_framework.http
def autonomous_operations(request: flask.Request) -> Response:
    """POST / carries out one run; GET / is the dashboard; /api/ is the same in JSON."""
    call = request.method == "POST" and request.path == "/"
    return Response.from_app(application(calls_only=call), request.environ)

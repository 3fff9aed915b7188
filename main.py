"""The cloud function: one entry point, one WSGI application behind it."""

from __future__ import annotations

from functools import cache

import flask
import functions_framework
from werkzeug.wrappers import Response

from autonomy.config import Settings
from autonomy.logs import configure_logging
from autonomy.runner import Runner
from autonomy.store import Store
from autonomy.web.app import create_app


@cache
def application() -> flask.Flask:
    """The application, made once a process: the database client is dear to create."""
    settings = Settings.from_env()
    configure_logging(settings.log_level)
    store = Store.from_settings(settings)
    return create_app(settings, store, Runner(store, settings).handle)


@functions_framework.http
def autonomous_operations(request: flask.Request) -> Response:
    """POST / carries out one run; GET / is the dashboard; /api/ is the same in JSON."""
    return Response.from_app(application(), request.environ)

"""One WSGI application: the scheduler's call, the dashboard, the JSON API, health."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask, Response, request

from autonomy.config import Settings
from autonomy.errors import NotConfigured
from autonomy.run.request import RunAnswer
from autonomy.store import Store
from autonomy.web.auth.access import Access
from autonomy.web.auth.sessions import Sessions
from autonomy.web.auth.throttle import Throttle
from autonomy.web.auth.tokens import FetchCertificates, OidcVerifier
from autonomy.web.dress import dress
from autonomy.web.error_answers import answer_failures, json_answer
from autonomy.web.headers import secure
from autonomy.web.packing import pack
from autonomy.web.parsing import read_whole

StartRun = Callable[..., RunAnswer]
"""`Runner.handle(body, *, idempotency_key, trigger)`."""


def create_app(
    settings: Settings,
    store: Store,
    run: StartRun,
    *,
    clock: Callable[[], float] = time.time,
    fetch_certificates: FetchCertificates | None = None,
    behind_proxy: bool | None = None,
    calls_only: bool = False,
) -> Flask:
    """The application. `calls_only` leaves out dashboard and API, which take as long to import
    as the rest: a container that a scheduler wakes for one run needs neither. `clock` (Unix
    seconds) and `fetch_certificates` are for tests.

    `behind_proxy`: whether the last address in X-Forwarded-For is the caller's, as on the
    platform, which sets K_SERVICE.
    """
    app = Flask("autonomy.web", static_folder=None, template_folder="templates")
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False)
    app.url_map.strict_slashes = False
    dress(app)

    sessions = Sessions(settings, clock)
    proxied = "K_SERVICE" in os.environ if behind_proxy is None else behind_proxy
    throttle = Throttle(settings, store, behind_proxy=proxied)
    oidc = OidcVerifier(settings.oidc_audience, settings.oidc_email, fetch_certificates)
    access = Access(settings, store, sessions, throttle, oidc)

    made = _call_routes if calls_only else _all_routes
    for routes in made(settings, store, access, run):
        app.register_blueprint(routes)
    answer_failures(app)
    app.before_request(read_whole)
    app.after_request(partial(secure, embedded_by=settings.embed_origins))
    # The functions after a request are called in reverse: the last first.
    app.after_request(partial(pack, embedded=bool(settings.embed_origins)))
    return app


def create_unconfigured_app(error: NotConfigured) -> Flask:
    """What answers while a setting is missing or wrong: /healthz as ever, all else 503 and why."""
    from autonomy.web.health import alive

    app = Flask("autonomy.web", static_folder=None, template_folder=None)
    app.config.update(PROVIDE_AUTOMATIC_OPTIONS=False)

    def refuse() -> Response | None:
        return alive() if request.path == "/healthz" else json_answer(error)

    app.before_request(refuse)
    app.after_request(secure)
    return app


def _call_routes(settings: Settings, store: Store, access: Access, run: StartRun) -> list[Any]:
    from autonomy.web.scheduler import scheduler_routes

    return [scheduler_routes(store, access, run)]


def _all_routes(settings: Settings, store: Store, access: Access, run: StartRun) -> list[Any]:
    """Every blueprint; imported here so that a run's cold start pays for what it needs only."""
    from autonomy.web.api.blueprints import api_routes, openapi_routes
    from autonomy.web.assets import static_routes
    from autonomy.web.auth.sign_in import sign_in_routes
    from autonomy.web.health import health_routes
    from autonomy.web.pages import page_routes
    from autonomy.web.scheduler import scheduler_routes

    return [
        scheduler_routes(store, access, run),
        health_routes(settings, store),
        openapi_routes(),
        static_routes(),
        sign_in_routes(access),
        *page_routes(settings, store, access, run),
        api_routes(settings, store, access, run),
    ]

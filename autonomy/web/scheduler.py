"""POST /: the scheduler's call, or anybody's with the operator's token. One run, one answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Blueprint, Response, current_app, request

from autonomy.errors import AutonomyError
from autonomy.logs import say, trace
from autonomy.run.request import RunAnswer
from autonomy.store import Store
from autonomy.web.auth.access import Access
from autonomy.web.parsing import Parameters, idempotency_key, json_body

REFRESH_MILLISECONDS = 1500
"""At most, after a run; usually two days are counted again in some ten milliseconds."""


def scheduler_routes(
    store: Store, access: Access, start_run: Callable[..., RunAnswer]
) -> Blueprint:
    """The blueprint with POST /."""
    routes = Blueprint("scheduler", __name__)

    @routes.post("/")
    def run() -> Response:
        trace.set(request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0][:64])
        access.scheduler()
        Parameters.read(request.args)  # ?dry_run=true is no dry run
        key, body = idempotency_key(request), json_body(request)
        answer = start_run(body, idempotency_key=key, trigger=_trigger())
        count_figures(store)
        return as_response(answer)

    return routes


def count_figures(store: Store) -> None:
    """Bring the dashboard's daily figures up to date; pages do the rest, so a failure is none."""
    try:
        store.rpc("dashboard_refresh", retry=False, p_milliseconds=REFRESH_MILLISECONDS)
    except AutonomyError as error:
        say("daily figures not counted", level=logging.WARNING, code=error.code)


def as_response(answer: RunAnswer) -> Response:
    """The answer's bytes as they are: a repeated call must get the same."""
    response: Response = current_app.response_class(
        answer.body, answer.status, mimetype="application/json"
    )
    response.headers.update(answer.headers)
    return response


def _trigger() -> str:
    if request.headers.get("X-CloudScheduler-JobName"):
        return "scheduler"
    return "github" if "github" in request.headers.get("User-Agent", "").lower() else "http"

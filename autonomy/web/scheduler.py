"""POST /: the scheduler's call, or anybody's with the operator's token. One run, one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Blueprint, Response, current_app, request

from autonomy.calls import RunAnswer
from autonomy.logs import trace
from autonomy.web.access import Access
from autonomy.web.inputs import idempotency_key, json_body


class StartRun(Protocol):
    """`Runner.handle`."""

    def __call__(
        self, body: dict[str, object], *, idempotency_key: str | None, trigger: str
    ) -> RunAnswer:
        """One run; raises errors of our tree."""


def scheduler_routes(access: Access, start_run: Callable[..., RunAnswer]) -> Blueprint:
    """The blueprint with POST /."""
    routes = Blueprint("scheduler", __name__)

    @routes.post("/")
    def run() -> Response:
        trace.set(request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0][:64])
        access.scheduler()
        key, body = idempotency_key(request), json_body(request)
        return as_response(start_run(body, idempotency_key=key, trigger=_trigger()))

    return routes


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

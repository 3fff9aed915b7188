"""Runs: what each did, how long it took, what it held and why; a dry run on demand."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Blueprint, Response, request

from autonomy.calls import RunAnswer
from autonomy.store import Json
from autonomy.web.inputs import Query, encode_cursor
from autonomy.web.pages.frame import Frame, by_htmx, form_choice, form_text, query_of, root

PAGE_LENGTH = 40


def run_pages(frame: Frame, start_run: Callable[..., RunAnswer]) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("runs", __name__)

    @pages.get("/runs")
    def runs() -> Response:
        frame.access.person()
        query = Query(request.args, "after", "done", "n")
        found = frame.reads.runs(query.cursor("started_at", "id"), PAGE_LENGTH)
        older = encode_cursor(found["next_after"])
        path = f"{root()}runs{query_of({'after': older})}"
        shown = {"runs": found["runs"], "older": path if older else ""}
        if by_htmx():
            return frame.render("_run_rows.html", **shown)
        return frame.page("runs.html", "runs", **shown)

    @pages.get("/runs/<uuid:run_id>")
    def run(run_id: object) -> Response:
        frame.access.person()
        found = frame.reads.run(str(run_id))
        return frame.page("run.html", "runs", run=found, result=found["summary"])

    @pages.post("/runs")
    def start() -> Response:
        frame.access.operator()
        dry = form_choice("kind", ("dry", "real")) == "dry"
        body: Json = {"dry_run": dry, "reason": form_text("reason") or "from the dashboard"}
        if dry and request.form.get("inactive") == "on":
            body["include_inactive_rules"] = True
        answer = start_run(body, idempotency_key=None, trigger="dashboard")
        run_id = json.loads(answer.body)["result"]["run_id"]
        response = frame.back(f"runs/{run_id}")
        if by_htmx():
            target = response.headers.pop("Location")
            response = Response(status=204, headers={"HX-Redirect": target})
        return response

    return pages

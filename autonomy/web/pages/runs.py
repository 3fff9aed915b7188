"""Runs: what each did, how long it took, what it held and why; dry and real ones on demand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from flask import Blueprint, Response, request

from autonomy.errors import KeyReused
from autonomy.run.request import RunAnswer
from autonomy.run.sent import Reason
from autonomy.store import Json
from autonomy.text import count, money
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_choice, form_text, query_of, root
from autonomy.web.parsing import RUNS_AFTER, Parameters, encode_cursor, identifier
from autonomy.web.total_words import run_sentence

PAGE_LENGTH = 40
CHANGES = {
    "pause": ("pause {n} ({money} a day)", "campaign"),
    "raise": ("raise {n} by {money} a day", "budget"),
    "lower": ("lower {n} by {money} a day", "budget"),
    "resume": ("resume {n} ({money} a day)", "campaign"),
}
"""Kind of change -> how it is said, and what is counted."""


class Asked(Noticed):
    """Which runs the page lists."""

    after: Annotated[Json, RUNS_AFTER] | None = None


class Why(Parameters):
    """Why a run is asked for."""

    reason: Reason = ""


def run_pages(frame: Frame, start_run: Callable[..., RunAnswer]) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("runs", __name__)

    @pages.get("/runs")
    def runs() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        found = frame.reads.runs(query.after, PAGE_LENGTH)
        older = encode_cursor(found["next_after"])
        path = f"{root()}runs{query_of({'after': older})}"
        shown = {"runs": found["runs"], "older": path if older else ""}
        if by_htmx():
            return frame.render("_run_rows.html", **shown)
        return frame.page("runs.html", "runs", **shown)

    @pages.get("/runs/now")
    def ask() -> Response:
        frame.access.operator()
        reason = Why.read(request.args, form=True).reason
        found = frame.reads.run_preview()
        values = {
            "found": found,
            "sentences": foreseen(found),
            "key": str(uuid.uuid4()),
            "reason": reason,
        }
        if by_htmx():
            return frame.render("_run_now.html", **values)
        return frame.page("run_now.html", "runs", **values)

    @pages.get("/runs/<uuid:run_id>")
    def run(run_id: object) -> Response:
        frame.access.person()
        found = frame.reads.run(str(run_id))
        result = found["summary"]
        totals = [run_sentence(one) for one in result.get("totals") or []]
        return frame.page("run.html", "runs", run=found, result=result, totals=totals)

    @pages.post("/runs")
    def start() -> Response:
        frame.access.operator()
        dry = form_choice("kind", ("dry", "real")) == "dry"
        body: Json = {"dry_run": dry, "reason": form_text("reason") or "from the dashboard"}
        if dry and request.form.get("inactive") == "on":
            body["include_inactive_rules"] = True
        # A real run was asked about on a page of its own, whose key lets it happen once.
        key = None if dry else f"dashboard:{identifier(request.form.get('key'), 'key')}"
        try:
            answer = start_run(body, idempotency_key=key, trigger="dashboard")
            response = frame.back(f"runs/{json.loads(answer.body)['result']['run_id']}")
        except KeyReused:
            response = frame.back("runs", "run_done")
        if by_htmx():
            target = response.headers.pop("Location")
            response = Response(status=204, headers={"HX-Redirect": target})
        return response

    return pages


def foreseen(found: Mapping[str, Any]) -> list[str]:
    """What a run would do now, in sentences: nothing is called a change that is none."""
    acts = _changes(one for one in found["changes"] if one["verdict"] == "act")
    proposals = _changes(one for one in found["changes"] if one["verdict"] == "propose")
    if found["frozen"]:
        return ["Everything is frozen: it would change nothing until the freeze is lifted."]
    if not found["rules"]:
        return ["No rule is active: it would only monitor and change nothing."]
    if not acts and not proposals:
        why = (
            "a guardrail holds all that rules call for" if found["held"] else "no rule calls for it"
        )
        return [f"It would change nothing now: {why}."]
    if found["mode"] == "observe":
        both = " and ".join(filter(None, (acts, proposals and f"propose to {proposals}")))
        return [f"Observe mode: it only reports that it would {both}. Nothing is changed."]
    if found["mode"] == "approve":
        return [f"Approve mode: it proposes to {proposals}. Nothing is changed until you approve."]
    asked = f"It would ask you first to {proposals}." if proposals else ""
    return list(filter(None, (f"It would {acts}." if acts else "", asked)))


def _changes(changes: Iterable[Mapping[str, Any]]) -> str:
    """pause 12 campaigns (1,240.00 a day), raise 5 budgets by 310.00 a day and ..."""
    parts = []
    for one in changes:
        words, what = CHANGES[one["kind"]]
        n = f"{count(one['campaigns'])} {what}{'' if one['campaigns'] == 1 else 's'}"
        parts.append(words.format(n=n, money=money(one["money"], currency=one.get("currency"))))
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))

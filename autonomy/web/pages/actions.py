"""Actions: what was done, filtered and paged; roll back, approve, reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flask import Blueprint, Response, request

from autonomy.errors import BadRequest
from autonomy.store import Json
from autonomy.web.filters import CHOICES, ActionFilters, chosen_actions
from autonomy.web.formats import ACTION_NAMES, STATUSES
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_text, query_of, root
from autonomy.web.parsing import ACTIONS_AFTER, encode_cursor

PAGE_LENGTH = 40


class Asked(ActionFilters, Noticed):
    """Which actions the page lists."""

    after: Annotated[Json, ACTIONS_AFTER] | None = None


def action_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("actions", __name__)

    @pages.get("/actions")
    def actions() -> Response:
        caller = frame.access.person()
        try:
            query = Asked.read(request.args, form=True)
            filters = query.filters()
            found = frame.reads.actions(filters, query.after, PAGE_LENGTH)
        except BadRequest as error:
            if by_htmx():
                raise
            return _refused(frame, error)
        older = encode_cursor(found["next_after"])
        shown = {
            "actions": found["actions"],
            "older": f"{root()}actions{query_of({**filters, 'after': older})}" if older else "",
        }
        if by_htmx():
            return frame.render("_action_rows.html", **shown)
        whole = _whole(frame, filters) if caller.may_change else None
        return _list(frame, filters, whole=whole, **shown)

    @pages.get("/actions/<uuid:action_id>")
    def action(action_id: object) -> Response:
        frame.access.person()
        return frame.page("action.html", "actions", action=frame.reads.action(str(action_id)))

    _decisions(pages, frame)
    _rollback(pages, frame)
    return pages


def _list(frame: Frame, filters: Mapping[str, str | None], **shown: Any) -> Response:
    return frame.page(
        "actions.html",
        "actions",
        filters=filters,
        rules=frame.reads.rules(),
        names=ACTION_NAMES,
        statuses=STATUSES,
        **shown,
    )


def _refused(frame: Frame, error: BadRequest) -> Response:
    """The list's filters as they were sent, and what is wrong with them."""
    sent = {name: request.args.get(name, "")[:200] for name in ActionFilters.names()}
    response = _list(frame, sent, problem=error, actions=[], older="", whole=None)
    response.status_code = error.http_status
    return response


def _whole(frame: Frame, filters: Mapping[str, str | None]) -> Json | None:
    """The list as a rollback's choice, and how many of it may be taken back.

    None where a rollback cannot mean just this list: it knows no type, title or campaign.
    """
    chosen = {name: value for name, value in filters.items() if value and name in CHOICES}
    others = {name: value for name, value in filters.items() if value and name not in CHOICES}
    if chosen.keys() <= {"to"} or others.items() - {("status", "executed")}:
        return None
    return {"query": query_of(chosen), "count": frame.reads.executed(chosen)}


def _decisions(pages: Blueprint, frame: Frame) -> None:
    @pages.post("/actions/<uuid:action_id>/approve")
    def approve(action_id: object) -> Response:
        return _decide(frame, str(action_id), approve=True)

    @pages.post("/actions/<uuid:action_id>/reject")
    def reject(action_id: object) -> Response:
        return _decide(frame, str(action_id), approve=False)


def _decide(frame: Frame, action_id: str, *, approve: bool) -> Response:
    caller = frame.access.operator()
    frame.changes(caller).decide_pending(action_id, approve, form_text("reason"))
    action = frame.reads.action(action_id)
    if by_htmx():
        return frame.render("_action_row.html", action=action)
    carried_out = action["status"] == "executed"
    notice = ("approved" if carried_out else "not_approved") if approve else "rejected"
    return frame.back(f"actions/{action_id}", notice)


def _rollback(pages: Blueprint, frame: Frame) -> None:
    @pages.get("/rollback")
    def preview() -> Response:
        frame.access.operator()
        chosen = chosen_actions(request.args)
        force = request.args.get("force") == "on"
        values = {
            "chosen": chosen,
            "force": force,
            "found": frame.reads.rollback_preview(chosen, force=force),
            "back": request.args.get("back", ""),
        }
        if by_htmx():
            return frame.render("_rollback.html", **values)
        return frame.page("rollback.html", "actions", **values)

    @pages.post("/rollback")
    def roll_back() -> Response:
        caller = frame.access.operator()
        chosen = chosen_actions(request.form)
        force = request.form.get("force") == "on"
        done = frame.changes(caller).roll_back(chosen, force=force, reason=form_text("reason"))
        changed = len(done["changed"])
        if by_htmx():
            ids = [one["action_id"] for one in done["changed"][:PAGE_LENGTH]]
            response = frame.render(
                "_rolled_back.html",
                done=done,
                actions=[frame.reads.action(one) for one in ids] if changed <= 10 else [],
                reload=changed > 10,
            )
            response.headers["HX-Trigger"] = "closeDialog"
            if changed > 10:
                response.headers["HX-Refresh"] = "true"
            return response
        return frame.back("actions", "rolled_back" if changed else "nothing", n=changed)

"""Actions: what was done, filtered and paged; roll back, approve, reject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flask import Blueprint, Response, request

from autonomy.errors import BadRequest
from autonomy.store import Json
from autonomy.web.auth.access import Caller
from autonomy.web.csv_file import MOST_ROWS, csv_answer
from autonomy.web.filters import CHOICES, ActionFilters, EverythingFilters, chosen_actions
from autonomy.web.formats import ACTION_NAMES, STATUSES
from autonomy.web.pages.days import begun, by_day, counted
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_text, query_of, root
from autonomy.web.parsing import ACTIONS_AFTER, HAPPENED_AFTER, encode_cursor, one_of
from autonomy.web.row_words import HAPPENED

PAGE_LENGTH = 40


MOST_COUNTED_DAYS = 12
"""Headings of a page whose days are counted: more has only a list of very few a day."""


class Asked(ActionFilters, Noticed):
    """Which actions the page lists."""

    exact = ()  # of a form's open field
    after: Annotated[Json, ACTIONS_AFTER] | None = None


class AskedAll(EverythingFilters, Noticed):
    """Which of all that happened the page lists."""

    show: Annotated[str, one_of(("everything",))] = "everything"
    after: Annotated[Json, HAPPENED_AFTER] | None = None


def action_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("actions", __name__)

    @pages.get("/actions")
    def actions() -> Response:
        caller = frame.access.person()
        everything = request.args.get("show") == "everything"
        try:
            if everything:
                return _everything(frame)
            return _actions(frame, caller)
        except BadRequest as error:
            if by_htmx():
                raise
            return _refused(frame, error, everything=everything)

    @pages.get("/actions.csv")
    def export() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        filters = query.filters()
        return csv_answer(
            lambda after, limit: frame.reads.actions(filters, after, limit), "actions", query.after
        )

    @pages.get("/actions/<uuid:action_id>")
    def action(action_id: object) -> Response:
        frame.access.person()
        return frame.page("action.html", "actions", action=frame.reads.action(str(action_id)))

    _decisions(pages, frame)
    _rollback(pages, frame)
    return pages


def _actions(frame: Frame, caller: Caller) -> Response:
    """The autonomous actions, newest first, by day."""
    query = Asked.read(request.args, form=True)
    filters = query.filters()
    found = frame.reads.actions(filters, query.after, PAGE_LENGTH)
    policy = frame.reads.policy()
    days = by_day(
        found["actions"],
        policy["time_zone"],
        lambda one: one["created_at"],
        (query.after or {}).get("created_at"),
    )
    older = encode_cursor(found["next_after"])
    counts = frame.reads.days_of_actions(filters, begun(days)[:MOST_COUNTED_DAYS])
    shown = {
        "days": counted(days, counts),
        "older": f"{root()}actions{query_of({**filters, 'after': older})}" if older else "",
        "of_filter": query_of({name: filters[name] for name in ("run_id", "rule_id")}),
    }
    if by_htmx():
        return frame.render("_action_rows.html", **shown)
    whole = _whole(frame, filters) if caller.may_change else None
    return _list(frame, filters, whole=whole, policy=policy, **shown)


def _everything(frame: Frame) -> Response:
    """All that happened: actions, rules, settings, what people and platforms did, by day."""
    query = AskedAll.read(request.args, form=True)
    filters = query.filters()
    asked = {name: value for name, value in filters.items() if name != "show"}
    found = frame.reads.everything(asked, query.after, PAGE_LENGTH)
    policy = frame.reads.policy()
    days = by_day(
        found["happened"], policy["time_zone"], lambda one: one["at"], (query.after or {}).get("at")
    )
    older = encode_cursor(found["next_after"])
    shown = {
        "days": days,
        "older": f"{root()}actions{query_of({**filters, 'after': older})}" if older else "",
    }
    if by_htmx():
        return frame.render("_happened_rows.html", **shown)
    return frame.page(
        "everything.html", "actions", filters=filters, kinds=HAPPENED, policy=policy, **shown
    )


def _list(frame: Frame, filters: Mapping[str, str | None], **shown: Any) -> Response:
    return frame.page(
        "actions.html",
        "actions",
        filters=filters,
        rules=frame.reads.rules(),
        names=ACTION_NAMES,
        statuses=STATUSES,
        everything=query_of({"show": "everything", "campaign_id": filters.get("campaign_id")}),
        export=f"{root()}actions.csv{query_of(filters)}",
        most_rows=MOST_ROWS,
        **shown,
    )


def _refused(frame: Frame, error: BadRequest, *, everything: bool) -> Response:
    """The list's filters as they were sent, and what is wrong with them."""
    model = EverythingFilters if everything else ActionFilters
    sent = {name: request.args.get(name, "")[:200] for name in model.names()}
    if everything:
        response = frame.page(
            "everything.html", "actions", filters=sent, kinds=HAPPENED, problem=error, days=[],
            older="",
        )  # fmt: skip
    else:
        response = _list(frame, sent, problem=error, days=[], older="", whole=None)
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

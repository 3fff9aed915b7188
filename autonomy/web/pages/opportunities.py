"""Opportunities: problems that a person should act on."""

from __future__ import annotations

from flask import Blueprint, Response, request

from autonomy.web.filters import OPPORTUNITY_STATUSES, OPPORTUNITY_TYPES, opportunity_filters
from autonomy.web.formats import SEVERITIES
from autonomy.web.pages.frame import Frame, by_htmx, form_choice, query_of, root
from autonomy.web.parsing import Query, encode_cursor

PAGE_LENGTH = 24


def opportunity_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("opportunities", __name__)

    @pages.get("/opportunities")
    def opportunities() -> Response:
        frame.access.person()
        names = ("status", "severity", "opportunity_type", "campaign_id", "after", "done", "n")
        query = Query(request.args, *names)
        filters = opportunity_filters(query)
        after = query.cursor("rank", "first_seen_at", "id")
        found = frame.reads.opportunities(filters, after, PAGE_LENGTH)
        older = encode_cursor(found["next_after"])
        path = f"{root()}opportunities{query_of({**filters, 'after': older})}"
        shown = {"opportunities": found["opportunities"], "older": path if older else ""}
        if by_htmx():
            return frame.render("_opportunity_tiles.html", **shown)
        return frame.page(
            "opportunities.html",
            "opportunities",
            filters=filters,
            statuses=OPPORTUNITY_STATUSES,
            severities=SEVERITIES,
            types=OPPORTUNITY_TYPES,
            **shown,
        )

    @pages.post("/opportunities/<uuid:opportunity_id>/status")
    def set_status(opportunity_id: object) -> Response:
        caller = frame.access.operator()
        status = form_choice("status", OPPORTUNITY_STATUSES)
        frame.changes(caller).set_opportunity(str(opportunity_id), status)
        if by_htmx():
            found = frame.reads.opportunity(str(opportunity_id))
            return frame.render("_opportunity.html", one=found)
        return frame.back("opportunities", "opportunity")

    return pages

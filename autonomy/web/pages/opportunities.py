"""Opportunities: problems that a person should act on."""

from __future__ import annotations

from flask import Blueprint, Response, request

from autonomy.web.formats import SEVERITIES
from autonomy.web.pages.frame import Frame, by_htmx, form_choice, query_of, root
from autonomy.web.parsing import Query, encode_cursor

PAGE_LENGTH = 24
STATUSES = ("open", "in_progress", "resolved", "dismissed")
TYPES = (
    "high_traffic_low_conversion",
    "declining_performance",
    "budget_inefficiency",
    "audience_mismatch",
    "creative_fatigue",
    "timing_optimization",
)


def read_filters(query: Query) -> dict[str, str | None]:
    """The filters of a list of opportunities. Raises BadRequest."""
    return {
        "status": query.choice("status", STATUSES) or "open",
        "severity": query.choice("severity", SEVERITIES),
        "opportunity_type": query.choice("opportunity_type", TYPES),
        "campaign_id": query.identifier("campaign_id"),
    }


def opportunity_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("opportunities", __name__)

    @pages.get("/opportunities")
    def opportunities() -> Response:
        frame.access.person()
        names = ("status", "severity", "opportunity_type", "campaign_id", "after", "done", "n")
        query = Query(request.args, *names)
        filters = read_filters(query)
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
            statuses=STATUSES,
            severities=SEVERITIES,
            types=TYPES,
            **shown,
        )

    @pages.post("/opportunities/<uuid:opportunity_id>/status")
    def set_status(opportunity_id: object) -> Response:
        caller = frame.access.operator()
        status = form_choice("status", STATUSES)
        frame.changes(caller).set_opportunity(str(opportunity_id), status)
        if by_htmx():
            found = frame.reads.opportunity(str(opportunity_id))
            return frame.render("_opportunity.html", one=found)
        return frame.back("opportunities", "opportunity")

    return pages

"""Opportunities: problems that a person should act on."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request

from autonomy.store import Json
from autonomy.web.filters import OPPORTUNITY_STATUSES, OPPORTUNITY_TYPES, OpportunityFilters
from autonomy.web.formats import SEVERITIES
from autonomy.web.pages.frame import Frame, Noticed, by_htmx, form_choice, form_text, query_of, root
from autonomy.web.parsing import OPPORTUNITIES_AFTER, encode_cursor

PAGE_LENGTH = 24


class Asked(OpportunityFilters, Noticed):
    """Which opportunities the page lists."""

    exact = ()  # of a form's open field
    after: Annotated[Json, OPPORTUNITIES_AFTER] | None = None


def opportunity_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("opportunities", __name__)

    @pages.get("/opportunities")
    def opportunities() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        filters = query.filters()
        found = frame.reads.opportunities(filters, query.after, PAGE_LENGTH)
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
        frame.changes(caller).set_opportunity(str(opportunity_id), status, form_text("reason"))
        if by_htmx():
            found = frame.reads.opportunity(str(opportunity_id))
            return frame.render("_opportunity.html", one=found)
        here = form_choice("place", ("overview", "")) if "place" in request.form else ""
        return frame.back("" if here else "opportunities", "opportunity")

    return pages

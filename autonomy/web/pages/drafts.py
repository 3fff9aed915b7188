"""Drafts of rules, a part of the Rules page: a person adopts or discards each."""

from __future__ import annotations

from flask import Blueprint, Response

from autonomy.web.pages.frame import Frame


def draft_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("drafts", __name__)

    @pages.post("/rules/drafts/<uuid:draft_id>/adopt")
    def adopt(draft_id: object) -> Response:
        draft = frame.changes(frame.access.operator()).decide_draft(str(draft_id), True)
        return frame.back(f"rules/{draft['rule_id']}", "draft_adopted")

    @pages.post("/rules/drafts/<uuid:draft_id>/discard")
    def discard(draft_id: object) -> Response:
        frame.changes(frame.access.operator()).decide_draft(str(draft_id), False)
        return frame.back("rules#drafts", "draft_discarded")

    return pages

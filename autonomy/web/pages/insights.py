"""Insights: what was learnt this week, in sentences with figures."""

from __future__ import annotations

from flask import Blueprint, Response, request

from autonomy.store import Json
from autonomy.web.pages.frame import Frame
from autonomy.web.parsing import Parameters

GROUPS = (
    ("Rules to change", ("rule_flagged",)),
    ("What was done and what it brought",
     ("week", "pauses", "resumes", "budgets", "best_action", "worst_action", "wrong_pause")),
    ("What holds true", ("calibration", "rule_best", "ab_test")),
    ("What waits for you", ("opportunities",)),
)  # fmt: skip
SUGGESTIONS = GROUPS[0][1]
MOST_FUNNELS = 3
"""Accounts whose funnel is shown, those with the most active campaigns."""


def insight_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("insights", __name__)

    @pages.get("/insights")
    def insights() -> Response:
        frame.access.person()
        Parameters.read(request.args, form=True)
        found = frame.reads.insights()
        return frame.page(
            "insights.html",
            "overview",
            groups=[] if nothing_learnt(found) else grouped(found),
            suggestions=SUGGESTIONS,
            rules={rule["id"] for rule in frame.reads.rules()},
            funnels=funnels(frame),
        )

    return pages


def funnels(frame: Frame) -> list[Json]:
    """From impression to money, of the accounts that spent in both weeks."""
    accounts = frame.reads.listed_accounts()[:MOST_FUNNELS]
    found = [frame.reads.funnel(one["account"], None) for one in accounts]
    return [one for one in found if one["profit_change"] is not None]


def nothing_learnt(found: list[Json]) -> bool:
    """Whether there is nothing but a week without actions."""
    return all(one["kind"] == "week" and not one["figures"].get("actions") for one in found)


def grouped(found: list[Json]) -> list[tuple[str, list[Json]]]:
    """By what a person does with them, in the order of the list; kinds not known come last."""
    known = {kind for _, kinds in GROUPS for kind in kinds}
    rest = tuple({one["kind"] for one in found} - known)
    groups = [
        (title, [one for one in found if one["kind"] in kinds])
        for title, kinds in (*GROUPS, ("More", rest))
    ]
    return [(title, members) for title, members in groups if members]

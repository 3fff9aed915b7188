"""A campaign: its figures, its actions, and why it was or was not touched."""

from __future__ import annotations

from typing import Annotated

from flask import Blueprint, Response, request

from autonomy.store import Json
from autonomy.web.commands import CAMPAIGN_NUMBERS, HOLD_DAYS, account_value, hold_until
from autonomy.web.formats import parse_time
from autonomy.web.pages.frame import Frame, Noticed, form_choice, form_text
from autonomy.web.parsing import whole

DAYS = (30, 60, 90)


class Span(Noticed):
    """How many days a campaign's chart shows."""

    days: Annotated[int, whole(7, 400)] = 60


def campaign_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("campaigns", __name__)

    @pages.get("/campaigns/<uuid:campaign_id>")
    def campaign(campaign_id: object) -> Response:
        frame.access.person()
        days = Span.read(request.args, form=True).days
        found = frame.reads.campaign(str(campaign_id), days)
        return frame.page(
            "campaign.html",
            "campaigns",
            found=found,
            campaign=found["campaign"],
            days=with_actions(found),
            spans=DAYS,
            span=days,
            why=frame.reads.explanation(str(campaign_id)),
            funnel=frame.reads.funnel(None, str(campaign_id)),
            hold_days=HOLD_DAYS,
            on_hold=_on_hold(found),
        )

    @pages.post("/campaigns/<uuid:campaign_id>")
    def change(campaign_id: object) -> Response:
        caller = frame.access.operator()
        wanted = form_choice("do", ("hold", "release", "on", "off", "worth"))
        values: Json = {"autonomous_enabled": wanted == "on"}
        if wanted == "hold":
            days = form_choice("days", tuple(map(str, HOLD_DAYS)))
            values = {"hold_until": hold_until(int(days))}
        elif wanted == "release":
            values = {"hold_until": None}
        elif wanted == "worth":
            values = {name: account_value(name, form_text(name) or "") for name in CAMPAIGN_NUMBERS}
        frame.changes(caller).set_campaign(str(campaign_id), values)
        notice = {
            "hold": "held",
            "release": "released",
            "on": "automation_on",
            "off": "automation_off",
            "worth": "worth_saved",
        }[wanted]
        return frame.back(f"campaigns/{campaign_id}", notice)

    return pages


def with_actions(found: Json) -> list[Json]:
    """The daily figures with the actions of each day, for the chart."""
    kinds = {"auto_pause": "paused", "auto_scale_up": "scaled"}
    by_day: dict[str, Json] = {}
    for action in found["actions"]:
        if action["status"] in ("executed", "rolled_back"):
            day = str(action["executed_at"] or action["created_at"])[:10]
            counts = by_day.setdefault(day, {"paused": 0, "scaled": 0, "other": 0})
            counts[kinds.get(action["action_type"], "other")] += 1
    nothing = {"paused": 0, "scaled": 0, "other": 0}
    today = found["today"]
    return [
        {**day, **by_day.get(day["day"], nothing), "partial": day["day"] == today}
        for day in found["days"]
    ]


def _on_hold(found: Json) -> bool:
    until, now = parse_time(found["campaign"]["hold_until"]), parse_time(found["now"])
    return until is not None and now is not None and until > now

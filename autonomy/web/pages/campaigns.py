"""Campaigns: find one; its figures, its actions, and why it was or was not touched."""

from __future__ import annotations

import re
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field

from autonomy.run.sent import Text
from autonomy.store import Json
from autonomy.web.commands import CAMPAIGN_NUMBERS, HOLD_DAYS, account_value, hold_until
from autonomy.web.formats import parse_time
from autonomy.web.pages.frame import (
    Frame,
    Noticed,
    by_htmx,
    form_choice,
    form_text,
    query_of,
    root,
)
from autonomy.web.parsing import CAMPAIGNS_AFTER, Parameters, encode_cursor, one_of, whole

PAGE_LENGTH = 40
STATUSES = ("active", "paused")
DAYS = (30, 60, 90)


class Asked(Parameters):
    """Which campaigns the page lists."""

    q: Annotated[Text, Field(max_length=500)] | None = None
    status: Annotated[str, one_of(STATUSES)] | None = None
    after: Annotated[Json, CAMPAIGNS_AFTER] | None = None


class Span(Noticed):
    """How many days a campaign's chart shows."""

    days: Annotated[int, whole(7, 400)] = 60


def campaign_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("campaigns", __name__)

    @pages.get("/campaigns")
    def campaigns() -> Response:
        frame.access.person()
        query = Asked.read(request.args, form=True)
        title, status = query.q, query.status
        found = frame.reads.campaigns(title, status, query.after, PAGE_LENGTH)
        older = encode_cursor(found["next_after"])
        path = f"{root()}campaigns{query_of({'q': title, 'status': status, 'after': older})}"
        shown = {"campaigns": found["campaigns"], "older": path if older else ""}
        if by_htmx():
            return frame.render("_campaign_rows.html", **shown)
        if _only(found, title):
            return frame.back(f"campaigns/{found['campaigns'][0]['id']}")
        return frame.page("campaigns.html", "campaigns", q=title, status=status, **shown)

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


def _only(found: Json, title: str | None) -> bool:
    """Whether an id was looked for and found."""
    return bool(title and re.fullmatch(r"[0-9a-fA-F-]{36}", title)) and len(found["campaigns"]) == 1

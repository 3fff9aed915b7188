"""Overview: is all well, what was done in the night and why."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request

from autonomy.store import Json
from autonomy.web.formats import parse_time
from autonomy.web.pages.frame import Frame, form_choice, form_text
from autonomy.web.parsing import text_argument
from autonomy.web.state import reasons

CHART_DAYS = 30
VISITS_COOKIE = "__Host-autonomy-visits"
VISIT_SECONDS = 30 * 60
"""Whoever looks again within this time is still on the same visit."""
REMEMBERED_SECONDS = 31 * 86_400


def overview_pages(frame: Frame) -> Blueprint:
    """The blueprint with the first page and the freeze switch."""
    pages = Blueprint("overview", __name__)

    @pages.get("/")
    def overview() -> Response:
        frame.access.person()
        last, seen = visits(request.cookies.get(VISITS_COOKIE, ""), int(time.time()))
        interval = frame.settings.run_interval_minutes
        found = frame.reads.overview(CHART_DAYS, interval, last)
        wanted = request.args.get("currency", "")
        if wanted in {one["currency"] or "unknown" for one in found["currencies"][1:]}:
            found = frame.reads.overview(CHART_DAYS, interval, last, wanted)
        waiting = (
            frame.reads.actions({"status": "pending"}, limit=5)["actions"]
            if found["totals"]["pending"]
            else []
        )
        response = frame.page(
            "overview.html",
            "overview",
            policy=found["policy"],
            found=found,
            optimisation=frame.reads.optimisation(),
            attention=frame.reads.attention(),
            latest=frame.reads.actions({}, limit=8)["actions"],
            days=[{**day, "partial": day["day"] == found["today"]} for day in found["days"]],
            waiting=waiting,
            state={**found["state"], "reasons": reasons(found["state"])},
            next_run=_next_run(frame, found),
            **frame.reads.month(request.args.get("month"), found["currency"]),
        )
        response.set_cookie(VISITS_COOKIE, seen, max_age=REMEMBERED_SECONDS, **_OURS_ALONE)
        return response

    @pages.post("/freeze")
    def freeze() -> Response:
        caller = frame.access.operator()
        frozen = form_choice("frozen", ("on", "off")) == "on"
        reason = text_argument(form_text("reason") or "", "reason", 500) if frozen else ""
        frame.changes(caller).set_policy({"frozen": frozen, "frozen_reason": reason})
        return frame.back("", "frozen" if frozen else "unfrozen")

    return pages


_OURS_ALONE: dict[str, Any] = {
    "secure": True,
    "httponly": True,
    "samesite": "Strict",
    "path": "/",
}


def visits(cookie: str, now: int) -> tuple[str | None, str]:
    """The last visit but this one (None where unknown), and what the cookie is to remember.

    The cookie: when the last visit ended and when this one was last seen, in Unix seconds.
    """
    known = re.fullmatch(r"([0-9]{1,11})-([0-9]{1,11})", cookie)
    before, seen = (int(known[1]), int(known[2])) if known else (0, 0)
    if not 0 <= before <= seen <= now:
        before, seen = 0, 0
    if now - seen > VISIT_SECONDS:
        before = seen
    last = datetime.fromtimestamp(before, UTC).isoformat() if before else None
    return last, f"{before}-{now}"


def _next_run(frame: Frame, found: Json) -> datetime | None:
    last = parse_time(found["last_success_at"])
    interval = timedelta(minutes=frame.settings.run_interval_minutes)
    return None if last is None else max(datetime.now(UTC), last + interval)

"""Overview: is all well, what was done in the night and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response

from autonomy.store import Json
from autonomy.web.inputs import text_argument
from autonomy.web.pages.frame import Frame, form_choice, form_text
from autonomy.web.show import parse_time

CHART_DAYS = 30


def overview_pages(frame: Frame) -> Blueprint:
    """The blueprint with the first page and the freeze switch."""
    pages = Blueprint("overview", __name__)

    @pages.get("/")
    def overview() -> Response:
        frame.access.person()
        found = frame.reads.overview(CHART_DAYS)
        waiting = (
            frame.reads.actions({"status": "pending"}, limit=5)["actions"]
            if found["totals"]["pending"]
            else []
        )
        return frame.page(
            "overview.html",
            "overview",
            policy=found["policy"],
            found=found,
            attention=frame.reads.attention(),
            latest=frame.reads.actions({}, limit=8)["actions"],
            days=[{**day, "partial": day["day"] == found["today"]} for day in found["days"]],
            waiting=waiting,
            state=_state(frame, found),
        )

    @pages.post("/freeze")
    def freeze() -> Response:
        caller = frame.access.operator()
        frozen = form_choice("frozen", ("on", "off")) == "on"
        reason = text_argument(form_text("reason") or "", "reason", 500) if frozen else ""
        frame.changes(caller).set_policy({"frozen": frozen, "frozen_reason": reason})
        return frame.back("", "frozen" if frozen else "unfrozen")

    return pages


def _state(frame: Frame, found: Json) -> dict[str, Any]:
    """Whether all is well, in one word, and why not."""
    last = parse_time(found["last_success_at"])
    interval = timedelta(minutes=frame.settings.run_interval_minutes)
    now = datetime.now(UTC)
    run = found["last_run"] or {}
    summary = run.get("summary") or {}
    late = last is None or now - last > 2 * interval
    return {
        "last": last,
        "next": None if last is None else max(now, last + interval),
        "late": late,
        "breakers": summary.get("breakers") or [],
        "rules_skipped": summary.get("rules_skipped") or [],
        "failed": run.get("failed") or 0,
    }

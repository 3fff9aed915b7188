"""Notifications: where people are told, of what, a test message, and what was told last."""

from __future__ import annotations

from flask import Blueprint, Response, request

from autonomy.config import CHANNELS, Settings
from autonomy.errors import StateConflict
from autonomy.run.notify.telling import send_test
from autonomy.store import Json
from autonomy.text import counted
from autonomy.web.pages.frame import Frame, Noticed
from autonomy.web.pages.settings import changed_boxes

VARIABLES = {
    "slack": ("AUTONOMY_SLACK_WEBHOOK_URL",),
    "webhook": ("AUTONOMY_WEBHOOK_URL", "AUTONOMY_WEBHOOK_SECRET"),
    "email": ("AUTONOMY_SMTP_URL", "AUTONOMY_MAIL_FROM", "AUTONOMY_MAIL_TO"),
}
"""Channel -> what sets it up."""


def notification_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("notifications", __name__)

    @pages.get("/notifications")
    def notifications() -> Response:
        frame.access.person()
        Noticed.read(request.args, form=True)
        return _page(frame)

    @pages.post("/notifications")
    def save() -> Response:
        caller = frame.access.operator()
        changed = changed_boxes(frame.reads.told())
        if changed:
            frame.changes(caller).set_told(changed)
        return frame.back("notifications", "settings_saved" if changed else "nothing")

    @pages.get("/notifications/test")
    def ask() -> Response:
        frame.access.operator()
        ways = [one for one in where(frame.settings) if one["set_up"]]
        return frame.page("notifications_test.html", "settings", ways=ways)

    @pages.post("/notifications/test")
    def test() -> Response:
        frame.access.operator()
        if not frame.settings.channels:
            raise StateConflict(
                "No channel is set up.", hint=f"Set {VARIABLES['slack'][0]}, for example."
            )
        return _page(frame, send_test(frame.settings))

    return pages


def where(settings: Settings) -> list[Json]:
    """Each channel: whether it is set up, and where it leads as far as that is no secret."""
    leads = {
        "slack": "to the channel of its incoming webhook",
        "webhook": "signed" if settings.webhook_secret else "not signed: it has no secret",
        "email": f"to {counted(len(settings.mail_to), 'receiver')}",
    }
    return [
        {
            "name": name,
            "set_up": name in settings.channels,
            "leads": leads[name],
            "variables": VARIABLES[name],
        }
        for name in CHANNELS
    ]


def _page(frame: Frame, tried: dict[str, str] | None = None) -> Response:
    return frame.page(
        "notifications.html",
        "settings",
        ways=where(frame.settings),
        tried=tried,
        told=frame.reads.told(),
        last=frame.reads.last_told(),
        channels=CHANNELS,
        set_up=frame.settings.channels,
    )

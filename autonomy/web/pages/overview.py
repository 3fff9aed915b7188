"""Overview: is all well, what was done in the night and why."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request

from autonomy.store import Json
from autonomy.text import LONGEST_ACCOUNT
from autonomy.web import money_words as words
from autonomy.web.formats import parse_time
from autonomy.web.pages.frame import Frame, form_choice, form_text, query_of
from autonomy.web.parsing import text_argument
from autonomy.web.state import reasons

SPANS = (7, 30, 90)
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
        asked = Asked.of(request.args)
        found, waiting = _found(frame, asked, last)
        money = frame.reads.money(found["currency"], asked.account, last, asked.span)
        if money["account"]:
            found |= {**money["account"], "currency": money["currency"]}
            found["totals"] |= {"failed": None}
        response = frame.page(
            "overview.html",
            "overview",
            policy=found["policy"],
            found=found,
            asked=asked,
            account=asked.account,
            optimisation=frame.reads.optimisation(),
            attention=frame.reads.attention(),
            latest=frame.reads.actions({}, limit=8)["actions"],
            state={**found["state"], "reasons": reasons(found["state"])},
            next_run=_next_run(frame, found),
            **charted(found, asked),
            **_money(money, last, found["currency"]),
            to_do=_to_do(money["to_do"], waiting, all_waiting=asked.account is None),
            **frame.reads.month(asked.account or request.args.get("month"), found["currency"]),
        )
        rules = frame.access.sessions.cookie_rules
        response.set_cookie(VISITS_COOKIE, seen, max_age=REMEMBERED_SECONDS, **rules)
        return response

    @pages.post("/freeze")
    def freeze() -> Response:
        caller = frame.access.operator()
        frozen = form_choice("frozen", ("on", "off")) == "on"
        reason = text_argument(form_text("reason") or "", "reason", 500) if frozen else ""
        frame.changes(caller).set_policy({"frozen": frozen, "frozen_reason": reason})
        return frame.back("", "frozen" if frozen else "unfrozen")

    return pages


@dataclass(frozen=True)
class Asked:
    """What the page is to show; what is none of ours is left out, as on every page."""

    days: int
    compare: bool
    account: str | None
    currency: str | None

    @property
    def span(self) -> int:
        """Days to ask for: those before, too, where they are compared."""
        return 2 * self.days if self.compare else self.days

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Asked:
        """From the query."""
        days = next((span for span in SPANS if str(span) == args.get("days")), CHART_DAYS)
        account = args.get("account", "").replace("\x00", "")[:LONGEST_ACCOUNT]
        return cls(days, args.get("compare") == "on", account or None, args.get("currency") or None)

    def but(self, **changed: object) -> str:
        """The query of this page with something else."""
        kept: Json = {"account": self.account, "currency": self.currency, "days": self.days}
        kept |= {"compare": "on" if self.compare else None} | changed
        return query_of({**kept, "days": None if kept["days"] == CHART_DAYS else kept["days"]})


def _found(frame: Frame, asked: Asked, last: str | None) -> tuple[Json, list[Json]]:
    """The overview in the currency that is asked for, and the proposals that wait."""
    interval = frame.settings.run_interval_minutes
    found = frame.reads.overview(asked.span, interval, last)
    if asked.currency in {one["currency"] or "unknown" for one in found["currencies"][1:]}:
        found = frame.reads.overview(asked.span, interval, last, asked.currency)
    waiting = found["totals"]["pending"]
    return found, (
        frame.reads.actions({"status": "pending"}, limit=5)["actions"] if waiting else []
    )


def charted(found: Json, asked: Asked) -> Json:
    """The days of the chart, and those before them where they are compared."""
    days = [{**day, "partial": day["day"] == found["today"]} for day in found["days"]]
    return {"days": days[-asked.days :], "before": days[: -asked.days]}


def _money(money: Json, last: str | None, currency: str | None) -> Json:
    return {
        "money": money,
        "week": words.week(money["profit"]),
        "pace": words.pace(money["today"], currency),
        "limits": words.limits(money["limits"]),
        "since": words.since_words(last, money["since"]),
        "changed": words.changes(money["changes"], money["since"], currency),
    }


def _to_do(found: list[Json], waiting: list[Json], *, all_waiting: bool) -> list[Json]:
    """By money; a proposal with its whole row. Those that are worth little stand there, too."""
    actions = {action["id"]: action for action in waiting}
    named = {one["id"] for one in found}
    listed = [
        {**one, "action": actions.get(one["id"])}
        for one in found
        if one["kind"] != "proposal" or one["id"] in actions
    ]
    rest = [
        {"kind": "proposal", "id": id_, "action": action, "money": None}
        for id_, action in actions.items()
        if id_ not in named and all_waiting
    ]
    return listed + rest


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
    soon = datetime.now(UTC) + timedelta(seconds=30)  # any moment, where it is due
    return None if last is None else max(soon, last + interval)

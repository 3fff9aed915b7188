"""The Overview's money in words: profit, pace, limits, and what happened since somebody looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from autonomy.text import count, money, number_or_none
from autonomy.web.formats import local, parse_time

Json = dict[str, Any]
WEEK = 7
EARLIEST_HOUR = 4
"""Before this a day says nothing of what it will come to."""
CLOSE = (0.85, 1.1)
"""Shares of what a day may cost that are on pace."""
CHANGES = (
    ("paused", "Paused", "campaign", "auto_pause", "executed"),
    ("raised", "Raised", "budget", "auto_scale_up", "executed"),
    ("lowered", "Lowered", "budget", "", "executed"),
    ("resumed", "Resumed", "campaign", "auto_resume", "executed"),
    ("taken_back", "Taken back", "action", "", "rolled_back"),
    ("failed", "Failed", "action", "", "failed"),
)
"""Kind of change -> how it is said, of what, and the list that shows them."""
LIMITS = {
    "pauses": "Pauses, of active campaigns",
    "raises": "Raises, of active budget",
    "cuts": "Cuts, of active budget",
}


class Week(NamedTuple):
    """Profit of the last seven complete days, beside the seven before."""

    profit: float | None
    before: float | None
    days: list[float | None]


class Pace(NamedTuple):
    """What today has cost, beside what it may come to."""

    share: float | None
    level: str
    said: str


class Change(NamedTuple):
    """A line of what happened since somebody looked."""

    said: str
    money: str
    query: str


def week(found: Sequence[Mapping[str, Any]]) -> Week:
    """Of fourteen days; a sum that has no known day is none."""
    days = [number_or_none(one["profit"]) for one in found]
    return Week(_sum(days[-WEEK:]), _sum(days[:-WEEK]), days)


def pace(today: Mapping[str, Any], currency: str | None) -> Pace:
    """Is today's spend on its way to the total, or to the active budgets where none is stated?"""
    spend, hours = number_or_none(today["spend"]), number_or_none(today["hours"]) or 0.0
    total = number_or_none(today["total"])
    most = total if total is not None else number_or_none(today["budget"])
    named = "the daily total" if total is not None else "the active budgets"
    if spend is None:
        return Pace(None, "", "no figures of today yet")
    if not most:
        return Pace(None, "", "no active budget")
    used = spend / most
    said = f"{100 * used:.0f}% of {money(most, False, currency)}, {named}"
    if hours < EARLIEST_HOUR:
        return Pace(used, "", f"{said}; too early to tell the pace")
    by_midnight = spend * 24 / hours / most
    if by_midnight > CLOSE[1]:
        return Pace(used, "warn", f"{said}; ahead of pace")
    if by_midnight < CLOSE[0]:
        return Pace(used, "", f"{said}; below pace")
    return Pace(used, "good", f"{said}; on pace")


def limits(found: Sequence[Mapping[str, Any]]) -> list[Json]:
    """How much of each limit is used, from 0 to 1, and in words."""
    said = []
    for one in found:
        used, most = number_or_none(one["used"]) or 0.0, number_or_none(one["most"]) or 0.0
        share = used / most if most > 0 else float(used > 0)
        level = "bad" if share >= 1 else "warn" if share >= 0.5 else ""
        words = f"{100 * used:.0f}% of {100 * most:g}%"
        said.append(
            {"name": LIMITS[one["limit"]], "share": min(1.0, share), "level": level, "said": words}
        )
    return said


def changes(found: Mapping[str, Any], since: str, currency: str | None) -> list[Change]:
    """What was done since then: how many, the budget a day it moved, where to see it."""
    said = []
    for kind, verb, what, action_type, status in CHANGES:
        one = found.get(kind)
        if not one:
            continue
        n = int(one["actions"])
        query = {"action_type": action_type, "status": status, "from": since.replace("+00:00", "Z")}
        moved = f"{money(one['money'], currency=currency)} a day" if one["money"] else ""
        said.append(
            Change(
                f"{verb} {count(n)} {what}{'' if n == 1 else 's'}",
                moved,
                urlencode({name: text for name, text in query.items() if text}),
            )
        )
    return said


def since_words(last: str | None, since: str) -> str:
    """Since you last looked (Fri 27 Nov, 17:40), or what stands for it."""
    moment: datetime | None = parse_time(since)
    if last is None or moment is None:
        return "In the last 24 hours"
    if since[:16] != last[:16]:
        return "In the last 7 days"
    return f"Since you last looked ({local(moment):%a %-d %b, %H:%M})"


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None

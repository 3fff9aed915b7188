"""From the rows of Meta's activity log to changes. Pure.

What a row says of before and after (`extra_data`) is documented nowhere and comes in several
shapes, in the language of the token's user too. What is not one that is known is not guessed:
that somebody changed it, who and when, still stands.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from autonomy.platforms.base import Change, ChangedField, Status
from autonomy.platforms.fields import Fields
from autonomy.platforms.money import from_meta_minor

ACTIVITY_FIELDS = "event_type,event_time,object_id,actor_id,actor_name,application_id,extra_data"
EVENTS: Mapping[str, ChangedField] = {
    "update_campaign_budget": "budget",
    "update_campaign_run_status": "status",
    "update_ad_set_budget": "budget",
    "update_ad_set_run_status": "status",
}
_WORDS: Mapping[str, Status] = {
    "active": "active",
    "inactive": "paused",
    "paused": "paused",
    "archived": "archived",
    "deleted": "deleted",
}
_CODES: Mapping[int, Status] = {1: "active", 15: "paused"}
_BEING_SWITCHED_ON = ("pending process", "17")
"""What follows upon it is told as Meta's own doing. Other words are of another language."""
_META_ITSELF = "0"
"""The id of the actor of what Meta's own machinery does: "Pending Process" to "Active"."""
_DEEPEST = 4
_MOST_MINOR = 10**14


def changes(
    row: Fields, currency: str, application: str, below: Mapping[str, Collection[str]]
) -> Iterator[Change]:
    """What a row tells of a unit, or of each unit below a campaign without a budget of its own.

    `application`: the id of our own app; empty where it is not known, then nothing is `ours`.
    Raises PlatformError where it cannot be told what was changed, or when.
    """
    event = row.text("event_type") or ""
    if event not in EVENTS or row.text("actor_id") == _META_ITSELF:
        return
    field, number, at = EVENTS[event], row.identifier("object_id"), _moment(row)
    told = _extra(row.text("extra_data") or "")
    old, new = (_value(told, field, side, currency) for side in ("old_value", "new_value"))
    app = row.identifier("application_id") if "application_id" in row else ""
    for unit in below.get(number, (number,)) if field == "status" else (number,):
        yield Change(
            external_id=unit,
            field=field,
            old=old,
            new=new,
            at=at,
            actor=row.title("actor_name"),
            ours=bool(application) and app == application,
        )


def _moment(row: Fields) -> datetime:
    at = row.moment("event_time", "%Y-%m-%dT%H:%M:%S%z")
    if at is None or at.tzinfo is None:
        raise row.wrong("event_time", "is missing")
    return at


def _extra(text: str) -> Mapping[str, Any]:
    try:
        told = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return {}
    return told if isinstance(told, dict) else {}


def _value(
    told: Mapping[str, Any], field: ChangedField, side: str, currency: str
) -> Status | Decimal | None:
    if field == "budget":
        return _amount(told, side, currency)
    said = [str(_within(one, side)).strip().lower() for one in (told, told.get("run_status"))]
    if side == "new_value" and any(one in _BEING_SWITCHED_ON for one in said):
        return "active"
    known = {_WORDS.get(one) or _CODES.get(_whole(one) or 0) for one in said} - {None}
    return known.pop() if len(known) == 1 else None


def _amount(told: Mapping[str, Any], side: str, currency: str) -> Decimal | None:
    """A day's budget, in minor units; not one in another currency or for a whole life."""
    named = told.get(side)
    holders = [told, named] if isinstance(named, dict) else [told]
    words = " ".join(str(one.get(key)) for one in holders for key in ("type", "additional_value"))
    if "lifetime" in words.lower() or any(
        one.get("currency", currency) != currency for one in holders
    ):
        return None
    minor = _whole(_within(told, side))
    return from_meta_minor(minor, currency) if minor and minor < _MOST_MINOR else None


def _within(told: Any, side: str) -> Any:
    """{"new_value": {"type": "payment_amount", "new_value": 5000}}: it lies below its own name."""
    for _ in range(_DEEPEST):
        if not isinstance(told, dict):
            return told
        told = told.get(side)
    return None


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None

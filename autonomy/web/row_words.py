"""What stands in the rows of tables, in words (filters of the templates)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from autonomy.text import decimal, number_or_none
from autonomy.web.formats import action_name, action_verb, parse_time

HAPPENED = {
    None: "Everything",
    "action": "Actions",
    "rule": "Rules",
    "settings": "Settings",
    "campaign": "By people and platforms",
}
"""Kinds of what happened, as their links say it."""
UNDONE = {"REJECTED": "rejected", "EXPIRED": "expired"}
"""Codes of proposals that never became an action: nothing failed."""


def undecided(action: Mapping[str, Any]) -> str:
    """rejected, expired: a proposal that came to nothing; "" for whatever else."""
    if action.get("status") != "failed":
        return ""
    return UNDONE.get(str(action.get("error") or ""), "")


def deed(action: Mapping[str, Any]) -> str:
    """Paused; Proposed: pause; Failed: pause; Taken back: pause."""
    kind, status = str(action["action_type"]), action.get("status")
    verb = action_verb(kind).lower()
    if undecided(action) or status == "pending":
        return f"Proposed: {verb}"
    if status == "failed":
        return f"Failed: {verb}"
    return f"Taken back: {verb}" if status == "rolled_back" else action_name(kind)


def rule_deed(one: Mapping[str, Any]) -> str:
    """What was done to a rule: made, deleted, switched, changed."""
    before, after = one.get("before"), one.get("after")
    if not isinstance(before, Mapping):
        return "Rule added"
    if not isinstance(after, Mapping):
        return "Rule deleted"
    if before.get("is_active") != after.get("is_active"):
        return "Rule switched on" if after.get("is_active") else "Rule switched off"
    return "Rule changed"


def setting(value: object) -> str:
    """A setting as a person reads it."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    number = None if isinstance(value, str) else number_or_none(value)
    return str(value) if number is None else decimal(number, 4)


def change_to(before: object, now: object) -> str:
    """100, 112 -> +12%; "" where there is nothing to compare."""
    was, is_now = number_or_none(before), number_or_none(now)
    if was is None or is_now is None or was <= 0:
        return ""
    share = round(100 * (is_now / was - 1))
    if share > 999:
        return f"\u00d7{is_now / was:,.0f}"
    return f"{'+' if share > 0 else chr(0x2212) if share < 0 else ''}{abs(share)}%"


def ahead(value: object) -> bool:
    """Whether a moment is still to come."""
    moment = parse_time(value) if value else None
    return moment is not None and moment > datetime.now(UTC)


FILTERS: dict[str, Callable[..., object]] = {
    "undecided": undecided,
    "deed": deed,
    "change_to": change_to,
    "ahead": ahead,
    "rule_deed": rule_deed,
    "setting": setting,
}

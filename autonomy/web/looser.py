"""Which changes of the policy let more happen: those are asked about before they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.text import decimal, number_or_none

MODES = ("observe", "approve", "autonomous")
UP, DOWN = 1, -1
LOOSER = {
    "break_even_roi": DOWN,
    "min_confidence": DOWN,
    "min_pause_confidence": DOWN,
    "cooldown_hours": DOWN,
    "min_pause_hours": DOWN,
    "max_data_age_hours": UP,
    "max_step": UP,
    "max_growth_7d": UP,
    "max_budget": UP,
    "min_budget": DOWN,
    "pause_breaker_share": UP,
    "pause_breaker_count": UP,
    "shrink_breaker_share": UP,
    "growth_breaker_share": UP,
    "growth_breaker_count": UP,
    "tracking_breaker_ratio": DOWN,
    "tracking_breaker_min_expected": UP,
    "value_breaker_factor": UP,
    "conversion_delay_hours": DOWN,
    "hold_days_after_rollback": DOWN,
    "person_hold_days": DOWN,
}
"""Setting -> the direction in which more is done by itself."""


def loosens(name: str, before: object, after: object) -> bool:
    """Whether this change of one setting lets more happen."""
    if name == "mode":
        return after in MODES and (
            before not in MODES or MODES.index(str(after)) > MODES.index(str(before))
        )
    if name == "resume_when_proven_wrong":
        return after is False
    was, is_ = number_or_none(before), number_or_none(after)
    return name in LOOSER and was is not None and is_ is not None and (is_ - was) * LOOSER[name] > 0


def changed_rows(policy: Mapping[str, Any], changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Setting, what it is, what it becomes, and whether that lets more happen."""
    return [
        {"setting": name, "before": said(policy.get(name)), "after": said(value),
         "looser": loosens(name, policy.get(name), value)}
        for name, value in changes.items()
    ]  # fmt: skip


def said(value: object) -> str:
    """A setting as a person reads it: 0.5000 -> 0.5, true -> on."""
    if isinstance(value, bool):
        return "on" if value else "off"
    number = number_or_none(value)
    return str(value or "nothing") if number is None else decimal(number, 4)

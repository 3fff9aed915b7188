"""What a platform tells, as the database takes it: money as a text, so that it stays exact."""

from __future__ import annotations

from typing import Any

from autonomy.platforms.base import AccountFacts, Change, DayFigures, Unit
from autonomy.store import Json


def facts_json(facts: AccountFacts) -> Json:
    """As record_platform_facts takes it."""
    return {
        "name": facts.name,
        "currency": facts.currency,
        "time_zone": facts.time_zone,
        "min_daily_budget": _money(facts.min_daily_budget),
        "conversion_actions": list(facts.conversion_actions),
    }


def unit_json(unit: Unit) -> Json:
    """As record_platform_units takes it."""
    return {
        "external_id": unit.external_id,
        "kind": unit.kind,
        "title": unit.title,
        "status": unit.status,
        "status_text": unit.status_text,
        "budget": _money(unit.budget),
        "budget_kind": unit.budget_kind,
        "budget_ref": unit.budget_ref,
        "created_at": None if unit.created_at is None else unit.created_at.isoformat(),
        "learning": unit.learning,
        "hold": unit.hold,
        "details": dict(unit.details),
    }


def day_json(day: DayFigures) -> Json:
    """As record_platform_days takes it."""
    return {
        "external_id": day.external_id,
        "day": day.day.isoformat(),
        "impressions": day.impressions,
        "reach": day.reach,
        "clicks": day.clicks,
        "conversions": _money(day.conversions),
        "spend": _money(day.spend),
        "revenue": _money(day.revenue),
    }


def change_json(change: Change) -> Json:
    """As record_platform_history takes it."""
    return {
        "external_id": change.external_id,
        "field": change.field,
        "old": _value(change.old),
        "new": _value(change.new),
        "at": change.at.isoformat(),
        "actor": change.actor,
        "ours": change.ours,
    }


def _value(value: Any) -> str | None:
    return value if isinstance(value, str) else _money(value)


def _money(amount: Any) -> str | None:
    return None if amount is None else format(amount, "f")

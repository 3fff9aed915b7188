"""Campaigns, rules and a clock for the engine's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)

CRITICAL_PAUSE = {
    "id": "00000000-0000-0000-0000-000000000001",
    "rule_name": "Critical ROI Pause",
    "rule_type": "pause",
    "priority": 100,
    "is_active": True,
    "condition": {"metric": "roi", "operator": "<", "threshold": 0.5, "min_spend": 50},
    "action": {"type": "auto_pause"},
}
LOW_PAUSE = {
    "id": "00000000-0000-0000-0000-000000000002",
    "rule_name": "Low ROI Pause",
    "rule_type": "pause",
    "priority": 90,
    "is_active": True,
    "condition": {
        "metric": "roi",
        "operator": "<",
        "threshold": 1.0,
        "min_spend": 100,
        "min_duration_hours": 24,
    },
    "action": {"type": "auto_pause"},
}
EXCEPTIONAL_SCALE = {
    "id": "00000000-0000-0000-0000-000000000003",
    "rule_name": "Exceptional ROI Aggressive Scale",
    "rule_type": "scale",
    "priority": 85,
    "is_active": True,
    "condition": {"metric": "roi", "operator": ">=", "threshold": 4.0, "min_conversions": 20},
    "action": {"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 20000},
}
HIGH_SCALE = {
    "id": "00000000-0000-0000-0000-000000000004",
    "rule_name": "High ROI Scale",
    "rule_type": "scale",
    "priority": 80,
    "is_active": True,
    "condition": {"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10},
    "action": {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000},
}
DEFAULT_RULES = [CRITICAL_PAUSE, LOW_PAUSE, EXCEPTIONAL_SCALE, HIGH_SCALE]


def rule(name: str = "A Rule", **changes: Any) -> dict[str, Any]:
    """A pause rule that holds for every campaign that has spent, unless `changes` say else."""
    return {
        "id": f"rule {name}",
        "rule_name": name,
        "rule_type": "pause",
        "priority": 50,
        "is_active": True,
        "condition": {"metric": "spend", "operator": ">", "threshold": 0},
        "action": {"type": "auto_pause"},
    } | changes


def scale_up(name: str = "Up", *, multiplier: float = 1.5, **changes: Any) -> dict[str, Any]:
    """A scale-up that holds for every campaign that has spent."""
    action = {"type": "auto_scale_up", "multiplier": multiplier, "max_budget": 10_000}
    action |= changes.pop("action", {})
    return rule(name, rule_type="scale", action=action, **changes)


def figures(
    spend: float | None = 800.0, revenue: float | None = 300.0, conversions: float | None = 8
) -> dict[str, float | None]:
    """The six measures of a window."""
    return {
        "impressions": 10_000,
        "reach": 5_000,
        "clicks": 500,
        "conversions": conversions,
        "spend": spend,
        "revenue": revenue,
    }


def campaign(
    number: int = 1,
    *,
    spend: float | None = 800.0,
    revenue: float | None = 300.0,
    conversions: float | None = 8,
    **changes: Any,
) -> dict[str, Any]:
    """An active campaign, nine days old, budget 100, losing money unless told otherwise."""
    return {
        "campaign_id": f"{number:08d}-0000-0000-0000-000000000000",
        "title": f"Campaign {number}",
        "account": "default",
        "status": "active",
        "is_active": True,
        "budget": 100.0,
        "hours_running": 216.0,
        "autonomous_enabled": True,
        "hold_until": None,
        "data_age_hours": 1.0,
        "metrics": {"lifetime": figures(spend, revenue, conversions)},
        "evidence": {
            "spend": spend,
            "conversions": conversions,
            "revenue": revenue,
            "cv2": None,
            "days": 9.0,
            "matured_share": 1.0,
            "has_history": False,
        },
        "last_action_at": None,
        "last_pause_at": None,
        "last_resume_at": None,
        "budget_low_7d": 100.0,
        "pending": False,
        "test_running": False,
        "holdout_draw": 0.5,
        "paused_action": None,
    } | changes


def winner(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A campaign that earns five times what it costs, with 60 conversions."""
    return campaign(number, spend=1_000.0, revenue=5_000.0, conversions=60, **changes)


def paused(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A campaign that we paused and that late conversions have proven a winner."""
    action = {
        "action_id": "an action",
        "executed_at": "2026-11-20T00:00:00+00:00",
        "rule_id": "rule A",
        "rule_name": "A",
        "status": "Active",
        "budget": 80.0,
        "break_even": 1.0,
        "revenue_then": 10.0,
    }
    return winner(number, status="paused", is_active=False, paused_action=action) | changes


def ago(**of: float) -> str:
    """A time before NOW, as the database writes it."""
    return (NOW - timedelta(**of)).isoformat()


def ahead(**of: float) -> str:
    return (NOW + timedelta(**of)).isoformat()

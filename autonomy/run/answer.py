"""The `result` of a run's answer, as a model: what callers may rely on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

COMPLETE = ConfigDict(extra="allow", json_schema_serialization_defaults_required=True)


class ActionsTaken(BaseModel):
    """Counts of a run. In a dry run what would have been done, in approve mode what is proposed."""

    model_config = COMPLETE

    campaigns_paused: int = 0
    campaigns_scaled: int = 0
    campaigns_scaled_down: int = 0
    budgets_optimized: int = 0
    campaigns_resumed: int = 0
    actions_proposed: int = 0
    opportunities_detected: int = 0


class RunSummary(BaseModel):
    """The `result` object of a run's answer; more keys may stand beside these, none is missing."""

    model_config = COMPLETE

    success: bool = True
    timestamp: str
    run_id: str
    mode: Literal["autonomous", "approve", "observe"]
    dry_run: bool = False
    shard: str | None = None
    reason: str | None = None
    actions_taken: ActionsTaken = Field(default_factory=ActionsTaken)
    campaigns_evaluated: int = 0
    held: dict[str, int] = Field(default_factory=dict)
    held_because: dict[str, str] = Field(default_factory=dict)
    held_of_accounts: dict[str, dict[str, int]] = Field(default_factory=dict)
    held_decisions: list[dict[str, Any]] = Field(default_factory=list)
    observed: dict[str, int] = Field(default_factory=dict)
    """What would be done in accounts that are only observed, counted as in actions_taken."""
    actions: list[dict[str, Any]] = Field(default_factory=list)
    failed: list[dict[str, Any]] = Field(default_factory=list)
    rules_skipped: list[dict[str, str]] = Field(default_factory=list)
    breakers: list[dict[str, Any]] = Field(default_factory=list)
    totals: list[dict[str, Any]] = Field(default_factory=list)
    delivered: dict[str, dict[str, int]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    duration_ms: int = 0


class SyncSummary(BaseModel):
    """The `result` object where the connected accounts were read, what waited for their platforms
    was carried over, and no run was carried out."""

    model_config = COMPLETE

    success: bool = True
    timestamp: str
    accounts: list[dict[str, Any]]
    left_for_next_time: int
    delivered: dict[str, dict[str, int]]
    not_delivered: list[dict[str, Any]]
    warnings: list[str]

"""What a person can do from pages and API: every change goes through one of these."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from autonomy.engine.policy import PRESETS
from autonomy.errors import BadRequest
from autonomy.run.explanation import foresee_presets
from autonomy.store import Json, Store
from autonomy.web.queries import spanned

POLICY_LIMITS: dict[str, tuple[float, float]] = {
    "break_even_roi": (0.01, 100),
    "curvature": (0.1, 100),
    "min_confidence": (0, 100),
    "min_pause_confidence": (0, 100),
    "cooldown_hours": (0, 8760),
    "min_pause_hours": (0, 8760),
    "max_data_age_hours": (1, 8760),
    "max_step": (1, 10),
    "max_growth_7d": (1, 1000),
    "max_budget": (0.01, 999_999_999),
    "min_budget": (0, 999_999_999),
    "pause_breaker_share": (0, 1),
    "pause_breaker_count": (0, 1_000_000),
    "shrink_breaker_share": (0, 1),
    "growth_breaker_share": (0, 100),
    "growth_breaker_count": (0, 1_000_000),
    "tracking_breaker_ratio": (0, 1),
    "tracking_breaker_min_expected": (1, 1_000_000),
    "value_breaker_factor": (1.5, 1_000_000),
    "resume_confidence": (0, 50),
    "evidence_half_life_days": (0, 365),
    "conversion_delay_hours": (0, 2160),
    "holdout_share": (0, 0.5),
    "hold_days_after_rollback": (0, 365),
    "person_hold_days": (0, 365),
    "approval_hours": (1, 8760),
    "notify_moved_share": (0, 100),
    "keep_hours_days": (0, 36_500),
    "keep_changes_days": (0, 36_500),
    "keep_runs_days": (0, 36_500),
    "keep_failed_actions_days": (0, 36_500),
    "keep_opportunities_days": (0, 36_500),
}
"""For the API's description; the database decides (a test holds the two equal)."""
POLICY_TEXTS = ("mode", "frozen_reason", "time_zone")
POLICY_FLAGS = ("frozen", "resume_when_proven_wrong")
POLICY_KEYS = (*POLICY_TEXTS, *POLICY_FLAGS, *POLICY_LIMITS)
ACCOUNT_LIMITS: dict[str, tuple[float, float]] = {
    "target_roi": POLICY_LIMITS["break_even_roi"],
    "conversion_value": (0.000001, 1_000_000_000),
    "attribution_factor": (0.01, 10),
    "daily_total": (0.01, 999_999_999_999),
    "monthly_total": (0.01, 999_999_999_999),
} | {
    name: bounds
    for name, bounds in POLICY_LIMITS.items()
    if name
    not in ("break_even_roi", "evidence_half_life_days", "holdout_share", "notify_moved_share")
    and not name.startswith("keep_")
}
"""As above: the numbers of an account. Those of the policy too have its ranges."""
CAMPAIGN_NUMBERS = ("target_roi", "conversion_value")
"""Those that a campaign may have of its own."""
ACCOUNT_TEXTS = ("currency", "time_zone", "mode", "frozen_reason")
ACCOUNT_FLAGS = ("frozen", "resume_when_proven_wrong")
ACCOUNT_KEYS = (*ACCOUNT_TEXTS, *ACCOUNT_FLAGS, *ACCOUNT_LIMITS)
ACCOUNT_OVERRIDES = (
    "mode",
    *(name for name in ACCOUNT_LIMITS if name in POLICY_LIMITS),
    "resume_when_proven_wrong",
)
"""What is the policy's where an account says nothing, target and zone apart."""
HOLD_DAYS = (1, 7, 30)


class Changes:
    """Everything that can be changed. `actor` is written down with each change."""

    def __init__(self, store: Store, actor: str) -> None:
        self._store, self._actor = store, actor

    def roll_back(
        self, chosen: Mapping[str, Any], *, force: bool = False, reason: str | None = None
    ) -> Json:
        """Take back the chosen actions: action_ids, run_id, rule_id, from, to."""
        return dict(
            self._store.rpc(
                "rollback_autonomous_actions",
                p_filter=spanned(self._store, chosen),
                p_force=force,
                p_reason=reason,
                p_actor=self._actor,
            )
        )

    def roll_back_one(
        self,
        action_id: str,
        *,
        force: bool = False,
        reason: str | None = None,
        preview: bool = False,
    ) -> Json:
        """Take back one action. Raises NotFound."""
        return dict(
            self._store.rpc(
                "rollback_autonomous_action",
                p_action_id=action_id,
                p_reason=reason,
                p_actor=self._actor,
                p_force=force,
                p_preview=preview,
            )
        )

    def decide_pending(self, action_id: str, approve: bool, reason: str | None = None) -> Json:
        """Approve or reject a pending action. Raises NotFound, StateConflict."""
        name = "approve_autonomous_action" if approve else "reject_autonomous_action"
        return dict(
            self._store.rpc(name, p_action_id=action_id, p_actor=self._actor, p_reason=reason)
        )

    def set_opportunity(self, opportunity_id: str, status: str, reason: str | None = None) -> Json:
        """open, in_progress, resolved or dismissed. Raises NotFound, StateConflict."""
        return dict(
            self._store.rpc(
                "set_opportunity_status",
                p_id=opportunity_id,
                p_status=status,
                p_actor=self._actor,
                p_reason=reason,
            )
        )

    def save_rule(
        self, rule: Mapping[str, Any], rule_id: str | None = None, seen: str | None = None
    ) -> Json:
        """Add a rule, or change the keys given. Raises BadRequest, NotFound, StateConflict."""
        return dict(
            self._store.rpc(
                "dashboard_save_rule",
                retry=rule_id is not None,
                p_rule=dict(rule),
                p_rule_id=rule_id,
                p_actor=self._actor,
                p_seen=seen,
            )
        )

    def set_campaign(self, campaign_id: str, values: Mapping[str, Any]) -> Json:
        """autonomous_enabled, hold_until, target_roi, conversion_value.

        Raises NotFound, BadRequest.
        """
        return dict(
            self._store.rpc(
                "dashboard_set_campaign", p_campaign_id=campaign_id, p_changes=dict(values)
            )
        )

    def set_campaigns(self, campaign_ids: Sequence[str], values: Mapping[str, Any]) -> int:
        """As set_campaign for each of these, all or none; how many. Raises NotFound, BadRequest."""
        done = self._store.rpc(
            "dashboard_set_campaigns", p_campaign_ids=list(campaign_ids), p_changes=dict(values)
        )
        return len(done["changed"])

    def set_account(self, account: str, values: Mapping[str, Any]) -> Json:
        """Settings of one account, None the policy's. Raises BadRequest, NotFound."""
        return dict(
            self._store.rpc(
                "update_autonomous_account",
                p_account=account,
                p_changes=dict(values),
                p_actor=self._actor,
            )
        )

    def exclude(
        self, first: str, last: str, *, account: str | None, campaign_id: str | None, why: str
    ) -> Json:
        """Leave days out of the evidence. Raises BadRequest, NotFound."""
        return dict(
            self._store.rpc(
                "exclude_evidence",
                p_from=first,
                p_until=last,
                p_account=account,
                p_campaign_id=campaign_id,
                p_why=why,
                p_actor=self._actor,
            )
        )

    def lift_exclusion(self, exclusion_id: str) -> Json:
        """Let its days count again. Raises NotFound."""
        return dict(
            self._store.rpc("lift_evidence_exclusion", p_id=exclusion_id, p_actor=self._actor)
        )

    def save_event(self, event: Mapping[str, Any], event_id: str | None = None) -> Json:
        """Enter an event, or change the keys given. Raises BadRequest, NotFound."""
        return dict(
            self._store.rpc(
                "save_planned_event",
                retry=event_id is not None,
                p_event=dict(event),
                p_id=event_id,
                p_actor=self._actor,
            )
        )

    def delete_event(self, event_id: str) -> Json:
        """Delete an event, with what it left out of the evidence. Raises NotFound."""
        return dict(self._store.rpc("delete_planned_event", retry=False, p_id=event_id))

    def set_policy(self, values: Mapping[str, Any]) -> Json:
        """Change the policy; the database names what is out of range. Raises BadRequest."""
        row = {**values, "updated_by": self._actor}
        return self._store.update("autonomy_policy", row, filters={"id": True})[0]

    def draft_rule(self, rule: Mapping[str, Any], why: str) -> Json:
        """Keep a rule as a draft that no run follows. Raises RuleError, StateConflict."""
        return dict(
            self._store.rpc("dashboard_draft_rule", p_rule=rule, p_why=why, p_actor=self._actor)
        )

    def decide_draft(self, draft_id: str, adopt: bool) -> Json:
        """Make a draft an inactive rule, or discard it. Raises NotFound, StateConflict."""
        return dict(
            self._store.rpc(
                "dashboard_decide_draft", p_draft_id=draft_id, p_adopt=adopt, p_actor=self._actor
            )
        )

    def archive_rule(self, rule_id: str) -> Json:
        """Put a rule away; what it has done stays. Raises NotFound."""
        return dict(
            self._store.rpc("dashboard_archive_rule", p_rule_id=rule_id, p_actor=self._actor)
        )

    def restore_rule(self, rule_id: str) -> Json:
        """Bring a rule back from the archive, inactive. Raises NotFound, StateConflict."""
        return dict(
            self._store.rpc("dashboard_restore_rule", p_rule_id=rule_id, p_actor=self._actor)
        )

    def set_optimisation(self, on: bool) -> Json:
        """Switch budget optimisation; off takes its rules out and keeps them."""
        return dict(self._store.rpc("set_budget_optimisation", p_on=on, p_actor=self._actor))

    def use_preset(self, name: str) -> Json:
        """Its numbers and its switch, both or neither: {"policy", "optimisation"}."""
        preset = PRESETS[name]
        return dict(
            self._store.rpc(
                "use_preset",
                p_values=dict(preset.values),
                p_optimise=preset.optimise,
                p_actor=self._actor,
            )
        )

    def work_out_presets(self) -> Json:
        """What each preset would have brought on the account's own past, kept for the pages."""
        found = foresee_presets(self._store)
        return dict(self._store.rpc("keep_optimisation_past", p_found=found))

    def set_told(
        self, channels: Mapping[str, list[str] | None], account: str | None = None
    ) -> list[Json]:
        """Where people are told of what: cause -> channels, of an account None the policy's.

        Raises BadRequest, NotFound.
        """
        return list(
            self._store.rpc(
                "autonomy_set_notify_settings",
                p_channels=dict(channels),
                p_actor=self._actor,
                p_account=account,
            )
        )


def inherited_name(name: str) -> str:
    """The policy's setting that holds where an account has none of this name."""
    return "break_even_roi" if name == "target_roi" else name


def account_value(name: str, text: str) -> Any:
    """A setting of an account as it is typed; nothing is the policy's. Raises BadRequest."""
    text = text.strip()
    if name == "frozen_reason":
        return text
    if text.lower() in ("", "null", "none"):
        return None
    if name in ACCOUNT_TEXTS:
        return text
    if name in ACCOUNT_FLAGS:
        if text.lower() not in ("true", "false"):
            raise BadRequest(f"{name}: it must be true or false.")
        return text.lower() == "true"
    if not re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]{0,12})?|\.[0-9]{1,12})", text):
        raise BadRequest(f"{name}: it must be a number.")
    value = float(text)
    return int(value) if value.is_integer() else value


def hold_until(days: int) -> str:
    """The end of a hold that begins now, ISO 8601."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")

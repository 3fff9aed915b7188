"""Settings: mode and limits, each with what it means, checked by the database."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from autonomy.errors import AutonomyError, BadRequest
from autonomy.store import Json
from autonomy.web.changes import POLICY_KEYS
from autonomy.web.inputs import Query, text_argument
from autonomy.web.pages.frame import Frame

MODES = ("autonomous", "approve", "observe")
TEXTS = ("mode", "time_zone")
FLAGS = ("resume_when_proven_wrong",)
ELSEWHERE = ("frozen", "frozen_reason")
MEANINGS = {
    "break_even_roi": "ROI at which money in equals money out",
    "marginal_return_ratio": "what the next unit of budget returns, against the average one",
    "min_confidence": "percent; nothing is done below it (50: never against the odds)",
    "cooldown_hours": "hours between two actions on one campaign",
    "min_pause_hours": "hours a campaign runs before it can be paused",
    "max_data_age_hours": "hours; older performance data is not acted on",
    "max_step": "times the budget, at most, in one step",
    "max_growth_7d": "times the budget, at most, in 7 days",
    "max_budget": "a day; no budget is raised above it",
    "min_budget": "a day; no budget is lowered below it",
    "pause_breaker_share": "share of active campaigns paused in 24 hours that stops pauses",
    "pause_breaker_count": "and more pauses than this",
    "growth_breaker_share": "growth of the active budget in 24 hours that stops scale-ups",
    "growth_breaker_count": "and more scale-ups than this",
    "tracking_breaker_ratio": "conversions against expected ones, below which tracking is broken",
    "tracking_breaker_min_expected": "expected conversions needed to judge that",
    "resume_when_proven_wrong": "resume what late conversions prove wrongly paused",
    "resume_confidence": "percent; resume where the pause is right with at most this",
    "evidence_half_life_days": "days after which a conversion counts half; 0: never fades",
    "conversion_delay_hours": "mean hours from click to conversion; 0: not considered",
    "holdout_share": "share of campaigns left alone each week for comparison",
    "hold_days_after_rollback": "days a campaign is left alone after a rollback",
    "approval_hours": "hours after which a pending action expires",
}
GROUPS = {
    "When to act": ("min_confidence", "break_even_roi", "marginal_return_ratio", "cooldown_hours",
                    "min_pause_hours", "max_data_age_hours", "approval_hours",
                    "hold_days_after_rollback"),
    "How far to go": ("max_step", "max_growth_7d", "max_budget", "min_budget"),
    "Breakers": ("pause_breaker_share", "pause_breaker_count", "growth_breaker_share",
                 "growth_breaker_count", "tracking_breaker_ratio",
                 "tracking_breaker_min_expected"),
    "Learning": ("evidence_half_life_days", "conversion_delay_hours", "holdout_share",
                 "resume_when_proven_wrong", "resume_confidence"),
}  # fmt: skip


def settings_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("settings", __name__)

    @pages.get("/settings")
    def settings() -> Response:
        frame.access.person()
        Query(request.args, "done", "n")
        return _form(frame, frame.reads.policy())

    @pages.post("/settings")
    def save() -> Response:
        caller = frame.access.operator()
        policy = frame.reads.policy()
        try:
            changed = _changed(policy)
            if changed:
                frame.changes(caller).set_policy(changed)
        except BadRequest as error:
            return _form(frame, policy, error)
        return frame.back("settings", "settings_saved" if changed else "nothing")

    return pages


def _changed(policy: Json) -> Json:
    """What differs from the policy as it is. Raises BadRequest naming the field."""
    values: Json = {}
    for name in POLICY_KEYS:
        if name in ELSEWHERE or (name not in request.form and name not in FLAGS):
            continue
        values[name] = _value(name)
    return {name: value for name, value in values.items() if policy[name] != value}


def _value(name: str) -> Any:
    if name in FLAGS:
        return request.form.get(name) == "on"
    text = text_argument(request.form[name].strip(), name, 100)
    if name in TEXTS:
        return text
    try:
        value = float(text)
    except ValueError as error:
        raise BadRequest(f"{name}: it must be a number.") from error
    if not -1e15 <= value <= 1e15:
        raise BadRequest(f"{name}: it must be a number of sane size.")
    return int(value) if value.is_integer() else value


def _form(frame: Frame, policy: Json, problem: AutonomyError | None = None) -> Response:
    sent = request.form if problem is not None else {}
    shown = {name: sent.get(name, value) for name, value in policy.items()}
    response = frame.page(
        "settings.html",
        "settings",
        policy=policy,
        shown=shown,
        problem=problem,
        wrong=(problem.message.split()[0].rstrip(":") if problem is not None else ""),
        groups=GROUPS,
        meanings=MEANINGS,
        modes=MODES,
        flags=FLAGS,
    )
    if problem is not None:
        response.status_code = problem.http_status
    return response

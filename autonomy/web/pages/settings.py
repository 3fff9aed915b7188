"""Settings: mode and limits, each with what it means, checked by the database."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from autonomy.config import CHANNELS
from autonomy.engine.policy import PRESETS
from autonomy.errors import AutonomyError, BadRequest
from autonomy.store import Json
from autonomy.web.commands import POLICY_KEYS, POLICY_TEXTS
from autonomy.web.looser import changed_rows
from autonomy.web.pages.frame import Frame, Noticed
from autonomy.web.pages.optimisation import preset_in_force, worths
from autonomy.web.pages.runs import foreseen
from autonomy.web.parsing import text_argument

FLAGS = ("resume_when_proven_wrong",)
ELSEWHERE = ("frozen", "frozen_reason")
GROUPS = {
    "When to act": ("min_confidence", "min_pause_confidence", "break_even_roi",
                    "cooldown_hours", "min_pause_hours",
                    "max_data_age_hours", "approval_hours",
                    "hold_days_after_rollback", "person_hold_days"),
    "How far to go": ("max_step", "max_growth_7d", "max_budget", "min_budget",
                       "curvature"),
    "Breakers": ("pause_breaker_share", "pause_breaker_count", "shrink_breaker_share",
                 "growth_breaker_share",
                 "growth_breaker_count", "tracking_breaker_ratio",
                 "tracking_breaker_min_expected", "value_breaker_factor"),
    "Learning": ("evidence_half_life_days", "conversion_delay_hours", "holdout_share",
                 "resume_when_proven_wrong", "resume_confidence"),
    "Being told": ("notify_moved_share",),
    "Keeping": ("keep_hours_days", "keep_changes_days", "keep_runs_days",
                "keep_failed_actions_days", "keep_opportunities_days"),
}  # fmt: skip


def settings_pages(frame: Frame) -> Blueprint:
    """The blueprint."""
    pages = Blueprint("settings", __name__)

    @pages.get("/settings")
    def settings() -> Response:
        frame.access.person()
        Noticed.read(request.args, form=True)
        return _form(frame, frame.reads.policy())

    @pages.post("/settings")
    def save() -> Response:
        caller = frame.access.operator()
        policy = frame.reads.policy()
        try:
            changed = _changed(policy)
            rows = changed_rows(policy, changed)
            if request.form.get("sure") != "on" and any(row["looser"] for row in rows):
                return _sure(frame, policy, changed, rows)
            if changed:
                frame.changes(caller).set_policy(changed)
        except BadRequest as error:
            return _form(frame, policy, error)
        return frame.back("settings", "settings_saved" if changed else "nothing")

    return pages


def changed_boxes(told: list[Json]) -> dict[str, list[str]]:
    """The causes whose boxes say something else than what is told. Raises BadRequest."""
    if request.form.get("shown") != "told":  # no box ticked means: nobody is told of anything
        raise BadRequest("shown: the form was not sent whole.", hint="Send it from its page.")
    ticked = {one["code"]: _channels(one["code"]) for one in told}
    return {
        one["code"]: ticked[one["code"]]
        for one in told
        if set(ticked[one["code"]]) != set(one["channels"])
    }


def _channels(code: str) -> list[str]:
    """The boxes that are ticked. Raises BadRequest."""
    ticked = sorted(set(request.form.getlist(code)))
    if not set(ticked) <= set(CHANNELS):
        raise BadRequest(f"{code}: use {', '.join(CHANNELS)}.")
    return ticked


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
    if name in POLICY_TEXTS:
        return text
    try:
        value = float(text)
    except ValueError as error:
        raise BadRequest(f"{name}: it must be a number.") from error
    if not -1e15 <= value <= 1e15:
        raise BadRequest(f"{name}: it must be a number of sane size.")
    return int(value) if value.is_integer() else value


def _sure(frame: Frame, policy: Json, changed: Json, rows: list[Json]) -> Response:
    """What it would change now, before more is let happen. Raises BadRequest."""
    found = frame.reads.policy_preview(changed)
    sent = [one for one in request.form.items(multi=True) if one[0] not in ("csrf", "sure")]
    return frame.page(
        "settings_sure.html",
        "settings",
        policy=policy,
        rows=rows,
        before=foreseen(found["before"]),
        after=foreseen(found["after"]),
        sent=sent,
    )


def told_history(rows: list[Json], policy: Json) -> list[Json]:
    """Changes of the policy as the page lists them, each with the fields that undo it, if any."""
    editable = {name for name in POLICY_KEYS if name not in ELSEWHERE}
    listed = []
    for row in rows:
        undo = {name: row["before"][name] for name in row["before"] if name in editable}
        differs = any(policy[name] != value for name, value in undo.items())
        flags = {name: policy[name] for name in FLAGS} | undo
        fields = [(name, _typed(name, value)) for name, value in (undo | flags).items()]
        listed.append(
            {
                **row,
                "rows": changed_rows(row["before"], row["after"]),
                "undo": [one for one in fields if one[1] != ""] if undo and differs else [],
            }
        )
    return listed


def _typed(name: str, value: Any) -> str:
    if name in FLAGS:
        return "on" if value else ""
    return str(value)


def _form(frame: Frame, policy: Json, problem: AutonomyError | None = None) -> Response:
    sent = request.form if problem is not None else {}
    shown = {name: sent.get(name, value) for name, value in policy.items()}
    optimisation = frame.reads.optimisation()
    response = frame.page(
        "settings.html",
        "settings",
        policy=policy,
        presets=PRESETS,
        in_force=preset_in_force(policy, optimised=optimisation["on"]),
        optimisation=optimisation,
        worths=worths(optimisation["past"]),
        shown=shown,
        problem=problem,
        wrong=(problem.message.split()[0].rstrip(":") if problem is not None else ""),
        groups=GROUPS,
        limits={row["setting"]: row for row in frame.store.rpc("autonomy_policy_limits")},
        flags=FLAGS,
        history=told_history(frame.reads.policy_history(), policy),
    )
    if problem is not None:
        response.status_code = problem.http_status
    return response

"""What would become of a campaign whose account is only observed, if it were not. Pure."""

from __future__ import annotations

from autonomy.engine.decision import Decision
from autonomy.engine.guardrails import all_blocks, sized
from autonomy.engine.outcome import State


def would_be(decision: Decision) -> State | None:
    """The state that a decision sets; of one that is held for OBSERVE alone, the one that it would
    set; null where something else holds it."""
    if decision.verdict != "hold":
        return decision.new
    case = decision.case
    if decision.code != "OBSERVE" or any(
        blocks for code, blocks in all_blocks(case) if code != "OBSERVE"
    ):
        return None
    if case.direction == "pause":
        return State(case.policy.paused_text, case.candidate.budget)
    if case.direction == "resume":
        return State("active", case.candidate.budget)
    size = sized(case)
    return None if size.code is not None else State(case.candidate.status, size.budget)

"""What would settle a held decision: the date when the wait ends, or how much more evidence.

The evidence still missing is found by asking the confidence again with more of the same: spend,
conversions and revenue continuing at the rate they had, whole conversions at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil, floor, isfinite, isnan
from typing import Any, NamedTuple

from autonomy.engine.candidate import SPEND
from autonomy.engine.case import Case
from autonomy.engine.confidence import Evidence, below, posterior, round_half_up
from autonomy.engine.outcome import Outcome
from autonomy.engine.plan import Plan
from autonomy.text import ceiling_beside, chance_beside, counted, floor_beside

FAR = 1000.0  # times the evidence there is: beyond that, waiting does not settle it


class More(NamedTuple):
    """More of the same: what has to come on top. Money, counts, days."""

    spend: float
    conversions: float
    days: float


def more_evidence(case: Case) -> More | None:
    """The least more evidence at the same rate that lifts the confidence to the floor."""
    evidence, floor_ = case.candidate.evidence, case.plan.floor
    if not (evidence.spend > 0.0 and floor_ < 100.0):
        return None
    if _confidence_with(case, FAR) < floor_:
        return None
    low, high = 1.0, FAR
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if _confidence_with(case, middle) >= floor_ else (middle, high)
    times = high - 1.0
    days = evidence.days if evidence.days >= 1.0 else 1.0
    conversions = evidence.conversions if evidence.conversions > 0.0 else 0.0
    return More(evidence.spend * times, conversions * times, days * times)


def _confidence_with(case: Case, times: float) -> float:
    """The confidence if the evidence were `times` as much at the same rate."""
    was = case.candidate.evidence
    days = was.days if was.days >= 1.0 else 1.0
    more = Evidence(
        was.spend * times, was.conversions * times, was.revenue * times, was.cv2,
        days * times, was.matured_share, was.has_history,
    )  # fmt: skip
    u, precision = posterior(more, case.policy.prior)
    chance = 100.0 * below(case.roi_threshold, u, precision)
    return round_half_up(100.0 - chance if case.direction == "up" else chance)


def settles(decision: Outcome) -> str:
    """Why it is held and what would settle it, as part of a sentence."""
    say = SAY.get(decision.code)
    return say(decision) if say else decision.code


def _disabled(decision: Outcome) -> str:
    return "automation is switched off for this campaign"


def _on_hold(decision: Outcome) -> str:
    until = decision.case.candidate.hold_until
    return f"it is left alone until {when(until)}" if until else "it is left alone"


def _valueless(decision: Outcome) -> str:
    return (
        "its conversions carry no value, so its roi says nothing; "
        "feed their revenue, or what a conversion is worth"
    )


def _by_person(decision: Outcome) -> str:
    until = decision.case.against_person_until
    ends = f" until {when(until)}" if until else ""
    return f"a person changed it, and nothing is done against that{ends}"


def _not_limited(decision: Outcome) -> str:
    share = floor(100.0 * decision.case.candidate.budget_use)
    return f"its budget is not what limits it, {share} % of it is spent; when at least 70 % are"


def _cooldown(decision: Outcome) -> str:
    ends = when(cooldown_ends(decision.case))
    return f"it was changed a short time ago; the cooldown ends {ends}"


def cooldown_ends(case: Case) -> datetime:
    """When the last thing that this action waits for has passed."""
    candidate = case.candidate
    last = candidate.last_pause_at if case.direction == "pause" else candidate.last_action_at
    ends = [] if last is None else [later(last, case.plan.cooldown)]
    if case.direction == "resume" and candidate.last_resume_at is not None:
        ends.append(later(candidate.last_resume_at, timedelta(days=7)))
    return max(ends, default=case.now)


def later(time: datetime, wait: timedelta) -> datetime:
    """`time` + `wait`, or the end of time where that lies beyond it."""
    try:
        return time + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=time.tzinfo)


def _too_little(decision: Outcome) -> str:
    case = decision.case
    candidate = case.candidate
    if not (candidate.lifetime[SPEND] > 0.0 and candidate.evidence.spend > 0.0):
        return "it has spent nothing, so there is nothing to judge it by"
    if case.direction == "pause":
        hours = case.policy.min_pause_hours
        if isnan(candidate.hours_running):
            return f"it is not known to have run {hours:g} hours"
        wait = ceil(hours - candidate.hours_running)
        return f"a pause needs {hours:g} hours of running; in {counted(wait, 'more hour')}"
    return "it has no budget to change"


def _test(decision: Outcome) -> str:
    return "an A/B test runs on it; when the test ends"


def _awaiting(decision: Outcome) -> str:
    return "another action on it waits for approval; when that is approved or rejected"


def _stale(decision: Outcome) -> str:
    age, limit = decision.case.candidate.data_age_hours, decision.case.policy.max_data_age_hours
    if not isfinite(age):
        return f"its figures are of unknown age, more than {limit:g}; when new ones arrive"
    # 48.3 is 48 only beside another limit than 48
    old = f"{age:.0f}" if round(age) > limit else f"{ceil(10.0 * age) / 10.0:.1f}"
    return f"its figures are {old} hours old, more than {limit:g}; when new ones arrive"


def _odds(decision: Outcome) -> str:
    case = decision.case
    if isinstance(case.plan, Plan) and case.plan.kind == "step":
        said = step_odds(case.confidence, case.plan.floor, case.direction)
    else:
        said = plain_odds(case.confidence, case.plan.floor)
    more = more_evidence(case)
    if more is None:
        return f"{said}; more of the same would not settle it"
    return f"{said}; {about(more)}"


def plain_odds(confidence: float, least: float) -> str:
    """49.6 % likely to be right, 50 % are needed"""
    said = chance_beside(confidence, least)
    return f"{said} % likely to be right, {floor_beside(said, least)} % are needed"


def step_odds(confidence: float, least: float, direction: str) -> str:
    """Between the two floors: not certain enough for a step up, nor for one down."""
    earns = confidence if direction == "up" else round_half_up(100.0 - confidence)
    down = 100.0 - least
    said = chance_beside(earns, least, down)
    return (
        f"{said} % likely that more budget earns its keep; a step up needs "
        f"{floor_beside(said, least)} %, a step down {ceiling_beside(said, down)} %"
    )


def about(more: More) -> str:
    """about 9 more conversions at this rate, some 2 days"""
    days = max(1, ceil(more.days))
    time = "a day" if days == 1 else f"{days} days"
    if more.conversions > 0.0:
        number = max(1, ceil(more.conversions))
        what = "conversion" if number == 1 else "conversions"
        return f"about {number} more {what} at this rate would settle it, some {time}"
    return f"about {more.spend:.2f} more spent without a conversion would settle it, some {time}"


def _holdout(decision: Outcome) -> str:
    return "it is in this week's comparison group, which is left alone; from next week"


def _step(decision: Outcome) -> str:
    return f"one step may not go beyond x{decision.case.policy.max_step}"


def _growth(decision: Outcome) -> str:
    growth = decision.case.policy.max_growth_7d
    return f"its budget has grown to x{growth} within 7 days; as that week passes"


def _cap(decision: Outcome) -> str:
    plan = decision.case.plan
    if not isinstance(plan, Plan):
        return "its budget is at the limit"
    if decision.case.direction == "up":
        return f"its budget is at the cap of {plan.max_budget:.2f}; a higher cap would settle it"
    return f"its budget is at the floor of {plan.min_budget:.2f}; a lower floor would settle it"


def _no_change(decision: Outcome) -> str:
    return "the change would be under 1 % of its budget"


def _frozen(decision: Outcome) -> str:
    return "the system is frozen; when it is unfrozen"


def _tracking(decision: Outcome) -> str:
    return "tracking looks broken, and then every campaign looks bad; when conversions arrive again"


def _growth_breaker(decision: Outcome) -> str:
    return "the portfolio has grown enough for 24 hours; when those have passed"


SAY: dict[str, Callable[[Any], str]] = {
    "DISABLED": _disabled,
    "ON_HOLD": _on_hold,
    "VALUE_NOT_MEASURED": _valueless,
    "CHANGED_BY_PERSON": _by_person,
    "COOLDOWN": _cooldown,
    "TOO_LITTLE_DATA": _too_little,
    "TEST_RUNNING": _test,
    "AWAITING_APPROVAL": _awaiting,
    "STALE_DATA": _stale,
    "AGAINST_THE_ODDS": _odds,
    "NOT_LIMITED_BY_BUDGET": _not_limited,
    "HOLDOUT": _holdout,
    "STEP_CAP": _step,
    "GROWTH_CAP": _growth,
    "BUDGET_CAP": _cap,
    "NO_CHANGE": _no_change,
    "FROZEN": _frozen,
    "TRACKING_BREAKER": _tracking,
    "GROWTH_BREAKER": _growth_breaker,
}


def when(time: datetime) -> str:
    """2026-11-22 10:00 UTC"""
    return f"{time:%Y-%m-%d %H:%M} {time.tzname() or ''}".rstrip()

"""Every guardrail, in one table: what it looks at, what it does, and where its limit comes from.

The table is what runs, top to bottom; the first that blocks is the decision's code. The rows of
the campaign block an action, the rows of the size shrink it (and block what is left of nothing),
the rows of the portfolio look at all decisions of the run together with the last 24 hours.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from autonomy.engine import breakers
from autonomy.engine.candidate import SPEND
from autonomy.engine.case import Case
from autonomy.engine.plan import Resume
from autonomy.engine.sizing import Sized, cut_down, half_up, lowered, raised, round_up, times

NEVER_TWICE_WITHIN = timedelta(days=7)  # a resume after a resume
LIMITED_FROM = 0.7  # share of its budget that a campaign spends where the budget is its limit


def disabled(case: Case) -> bool:
    return not case.candidate.autonomous_enabled


def left_alone(case: Case) -> bool:
    until = case.candidate.hold_until
    return until is not None and until > case.now


def value_not_measured(case: Case) -> bool:
    return case.candidate.value_missing


def changed_by_person(case: Case) -> bool:
    until = case.against_person_until
    return until is not None and until > case.now


def not_limited_by_budget(case: Case) -> bool:
    """A budget that is not spent is not what limits it. NaN (unknown) never blocks."""
    return case.direction == "up" and case.candidate.budget_use < LIMITED_FROM


def cooling_down(case: Case) -> bool:
    """A pause waits for the last pause or resume only, never for a scale's cooldown."""
    candidate = case.candidate
    last = candidate.last_pause_at if case.direction == "pause" else candidate.last_action_at
    return last is not None and case.now - last < case.plan.cooldown


def too_little_data(case: Case) -> bool:
    """Written so that NaN (unknown) blocks."""
    candidate = case.candidate
    if not (candidate.lifetime[SPEND] > 0.0 and candidate.evidence.spend > 0.0):
        return True
    if case.direction == "pause":
        return not candidate.hours_running >= case.policy.min_pause_hours
    return candidate.budget is None or candidate.budget <= 0


def test_running(case: Case) -> bool:
    return case.candidate.test_running


def awaiting_approval(case: Case) -> bool:
    return case.candidate.pending


def stale(case: Case) -> bool:
    return not case.candidate.data_age_hours <= case.policy.max_data_age_hours


def against_the_odds(case: Case) -> bool:
    return case.confidence < case.plan.floor


def held_out(case: Case) -> bool:
    share = case.policy.holdout_share
    return share > 0.0 and not case.candidate.holdout_draw >= share


def step_cap(case: Case, budget: Decimal) -> Decimal:
    return cut_down(times(budget, case.policy.max_step))


def growth_cap(case: Case, budget: Decimal) -> Decimal:
    lowest = case.candidate.budget_low_7d
    start = budget if lowest is None else min(lowest, budget)
    return cut_down(times(start, case.policy.max_growth_7d))


def budget_cap(case: Case, _: Decimal) -> Decimal:
    plan = case.plan
    return cut_down(case.policy.max_budget if isinstance(plan, Resume) else plan.max_budget)


class Guardrail(NamedTuple):
    """One row of the table. `limit` names the policy's or the rule's field; "-" where none is."""

    code: str
    looks_at: str
    does: str
    limit: str
    source: str
    blocks: Callable[[Case], bool] | None = None
    cap: Callable[[Case, Decimal], Decimal] | None = None
    trips: breakers.Breaker | None = None


GUARDRAILS: tuple[Guardrail, ...] = (
    # code, looks at, does, limit, where the limit comes from, what runs
    Guardrail("DISABLED", "autonomous_enabled of the campaign", "hold", "-", "campaign", disabled),
    Guardrail(
        "ON_HOLD", "hold_until of the campaign", "hold", "hold_until", "campaign", left_alone),
    Guardrail("STALE_DATA", "age of its figures", "hold", "max_data_age_hours", "policy", stale),
    Guardrail(
        "VALUE_NOT_MEASURED", "conversions of 30 days without any value, its own or its account's",
        "hold", "-", "fixed", value_not_measured),
    Guardrail(
        "CHANGED_BY_PERSON", "what a person did last to its budget or status",
        "hold what goes against it", "person_hold_days", "policy", changed_by_person),
    Guardrail(
        "COOLDOWN",
        "hours since its last action or a person's change; for a pause, its last pause or resume",
        "hold", "cooldown_hours", "rule, else policy", cooling_down),
    Guardrail(
        "TOO_LITTLE_DATA", "spend at all; hours running before a pause; a budget to change",
        "hold", "min_pause_hours", "policy", too_little_data),
    Guardrail("TEST_RUNNING", "an A/B test runs on it", "hold", "-", "campaign", test_running),
    Guardrail("AWAITING_APPROVAL", "a pending action", "hold", "-", "campaign", awaiting_approval),
    Guardrail(
        "AGAINST_THE_ODDS", "probability that the action is right", "hold",
        "min_confidence", "rule, else policy", against_the_odds),
    Guardrail(
        "NOT_LIMITED_BY_BUDGET", "share of its budget spent on its last complete days",
        "hold a raise", "70 % of the budget", "fixed", not_limited_by_budget),
    Guardrail(
        "HOLDOUT", "its lot this week, for comparison", "hold",
        "holdout_share", "policy", held_out),
    Guardrail(
        "STEP_CAP", "new budget beside the present one", "shrink", "max_step", "policy",
        cap=step_cap),
    Guardrail(
        "GROWTH_CAP", "new budget beside the lowest of 7 days", "shrink", "max_growth_7d", "policy",
        cap=growth_cap),
    Guardrail(
        "BUDGET_CAP", "new budget itself", "shrink", "max_budget, min_budget",
        "the narrower of rule and policy", cap=budget_cap),
    Guardrail("NO_CHANGE", "what is left of the change", "hold", "1 % of the budget", "fixed"),
    Guardrail("OUTRANKED", "a rule before it that decides", "hold", "-", "priority of the rules"),
    Guardrail(
        "FROZEN", "the kill switch", "hold everything", "frozen", "policy",
        trips=breakers.frozen),
    Guardrail(
        "TRACKING_BREAKER", "conversions beside what the clicks would have brought",
        "hold every pause", "tracking_breaker_ratio", "policy", trips=breakers.tracking),
    Guardrail(
        "PAUSE_BREAKER", "pauses of 24 hours beside the active campaigns",
        "leave every pause to a person", "pause_breaker_count, pause_breaker_share", "policy",
        trips=breakers.pauses),
    Guardrail(
        "GROWTH_BREAKER", "money that scale-ups of 24 hours add to the budget before them",
        "hold all but the most confident", "growth_breaker_count, growth_breaker_share", "policy",
        trips=breakers.growth),
)  # fmt: skip

CODES: tuple[str, ...] = tuple(row.code for row in GUARDRAILS)
_BLOCKS = tuple((row.code, row.blocks) for row in GUARDRAILS if row.blocks)
_CAPS = tuple((row.code, row.cap) for row in GUARDRAILS if row.cap)
_TRIPS = {row.code: row.trips for row in GUARDRAILS if row.trips}
BREAKERS = (_TRIPS.pop("FROZEN"), breakers.valueless, *_TRIPS.values())


def blocked(case: Case) -> str | None:
    """The code of the first campaign guardrail that blocks the action, or None."""
    for code, blocks in _BLOCKS:
        if blocks(case):
            return code
    return None


def all_blocks(case: Case) -> list[tuple[str, bool]]:
    """Every campaign guardrail and whether it blocks the action, for explaining."""
    return [(code, blocks(case)) for code, blocks in _BLOCKS]


def sized(case: Case) -> Sized:
    """The new budget of an action that is not a pause, within every cap."""
    budget, plan = case.candidate.budget, case.plan
    if budget is None or isinstance(plan, Resume):  # never: blocked before, or not sized
        return Sized(Decimal(0), (), "TOO_LITTLE_DATA")
    if case.direction == "up":
        wanted = half_up(plan.budget if plan.budget is not None else times(budget, plan.up))
        return raised(budget, wanted, [(code, cap(case, budget)) for code, cap in _CAPS])
    wanted = half_up(plan.budget if plan.budget is not None else times(budget, plan.down))
    return lowered(budget, wanted, round_up(plan.min_budget))


def resume_blocked(case: Case) -> str | None:
    """The guardrails of a resume: fewer, since it takes back what this system did."""
    for code, blocks in _BLOCKS:
        if code in ("DISABLED", "ON_HOLD", "COOLDOWN") and blocks(case):
            return code
    if case.candidate.pending:
        return "AWAITING_APPROVAL"
    if case.candidate.test_running:
        return "TEST_RUNNING"
    last = case.candidate.last_resume_at
    if last is not None and case.now - last < NEVER_TWICE_WITHIN:
        return "COOLDOWN"
    return None

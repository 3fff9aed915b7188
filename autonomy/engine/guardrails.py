"""Every guardrail of one campaign: a function each, in the order of `codes.CODES`.

The table is what runs, top to bottom; the first that blocks is the decision's code. Those of the
campaign block an action, those of the size shrink it (and block what is left of nothing). Breakers,
which look at all decisions of a run, stand in breakers.py; the words of sentences in
guardrail_words.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from autonomy.engine.candidate import SPEND
from autonomy.engine.case import Case
from autonomy.engine.codes import PLACE
from autonomy.engine.curve import DEAD_BAND, moved
from autonomy.engine.plan import Plan
from autonomy.engine.sizing import LEAST, Sized, cut_down, floor_of, half_up, lowered, raised, times
from autonomy.text import currency_digits

SYNCED_WITHIN = timedelta(minutes=90)  # runs are an hour apart, and one may be late
BUDGETS_ELSEWHERE = ("LIFETIME_BUDGET", "SHARED_BUDGET", "SCHEDULED_BUDGET", "BUDGET_ON_CHILDREN")
NEVER_TWICE_WITHIN = timedelta(days=7)  # a resume after a resume
LIMITED_FROM = 0.7  # share of its budget that a campaign spends where the budget is its limit

Guardrail = Callable[[Case], bool]
BLOCKS: dict[str, Guardrail] = {}
NOT_OF_A_RESUME: set[str] = set()
OF_A_TOTAL = (
    "FROZEN", "OBSERVE", "DISABLED", "ON_HOLD", "ACCOUNT_BROKEN", "NOT_SYNCED", "PLANNED_EVENT",
    "CHANGED_BY_PERSON", "COOLDOWN", "PLATFORM_RATE", "TEST_RUNNING", "LEARNING",
    "AWAITING_APPROVAL", *BUDGETS_ELSEWHERE, "HOLDOUT",
)  # fmt: skip
"""What leaves a campaign its budget where its account is above its total. That does not judge it by
its figures, so that nothing which doubts or weighs these is asked; nor does it wait, unless its
platform has refused the same."""


def guardrail(code: str, *, of_a_resume: bool = False) -> Callable[[Guardrail], Guardrail]:
    """What runs for a code of kind `campaign`.

    A resume takes back what this system did: whether the figures bear it is not asked, so that most
    guardrails are not `of_a_resume`.
    """

    def register(blocks: Guardrail) -> Guardrail:
        BLOCKS[code] = blocks
        if not of_a_resume:
            NOT_OF_A_RESUME.add(code)
        return blocks

    return register


@guardrail("FROZEN", of_a_resume=True)
def frozen(case: Case) -> bool:
    """The kill switch: nothing at all is changed."""
    return case.policy.frozen


@guardrail("OBSERVE", of_a_resume=True)
def observed(case: Case) -> bool:
    """An account that is looked at only. Where all are, a run says what it would do."""
    return case.policy.mode == "observe"


@guardrail("DISABLED", of_a_resume=True)
def disabled(case: Case) -> bool:
    """The campaign is left to people."""
    return not case.candidate.autonomous_enabled


@guardrail("ON_HOLD", of_a_resume=True)
def left_alone(case: Case) -> bool:
    """After a rollback, or by hand, until a moment."""
    until = case.candidate.hold_until
    return until is not None and until > case.now


@guardrail("ACCOUNT_BROKEN", of_a_resume=True)
def account_broken(case: Case) -> bool:
    """Its platform cannot be read: token, permission, or the account itself."""
    return case.candidate.account_broken is not None


@guardrail("NOT_SYNCED", of_a_resume=True)
def not_synced(case: Case) -> bool:
    """Never on a stale copy of what the platform has."""
    pulled = case.candidate.pulled_at
    return pulled is not None and case.now - pulled > SYNCED_WITHIN


@guardrail("STALE_DATA")
def stale(case: Case) -> bool:
    """Written so that NaN (unknown) blocks."""
    return not case.candidate.data_age_hours <= case.policy.max_data_age_hours


@guardrail("SUSPECT_DATA", of_a_resume=True)
def suspect(case: Case) -> bool:
    """Figures that cannot be right. A resume rests on the same figures."""
    return case.candidate.suspect is not None


@guardrail("VALUE_NOT_MEASURED")
def value_not_measured(case: Case) -> bool:
    """Conversions without any value: a roi of 0 then says nothing; a cpa does as ever."""
    return case.candidate.value_missing and case.plan.cpa is None


@guardrail("PLANNED_EVENT", of_a_resume=True)
def event_planned(case: Case) -> bool:
    """What a person has said beforehand must not be done in these days."""
    return case.planned_event is not None


@guardrail("CHANGED_BY_PERSON")
def changed_by_person(case: Case) -> bool:
    """What a person did last stands, for person_hold_days."""
    until = case.against_person_until
    return until is not None and until > case.now


@guardrail("COOLDOWN", of_a_resume=True)
def cooling_down(case: Case) -> bool:
    """A pause waits for the last pause or resume only, never for a scale's cooldown; and what its
    platform has refused is not tried again for a day."""
    candidate = case.candidate
    if refused_lately(case):
        return True
    if case.plan.kind == "total":
        return False
    last = candidate.last_pause_at if case.direction == "pause" else candidate.last_action_at
    if last is not None and case.now - last < case.plan.cooldown:
        return True
    resumed = candidate.last_resume_at if case.direction == "resume" else None
    return resumed is not None and case.now - resumed < NEVER_TWICE_WITHIN


def refused_lately(case: Case) -> bool:
    """Whether its platform has refused the same within a day."""
    until = case.candidate.refused_until.get(case.direction)
    return until is not None and until > case.now


@guardrail("PLATFORM_RATE", of_a_resume=True)
def changed_too_often(case: Case) -> bool:
    """Four changes of a budget within an hour are all that a platform takes."""
    until = case.candidate.rate_until
    return case.direction in ("up", "down") and until is not None and until > case.now


@guardrail("TOO_LITTLE_DATA")
def too_little_data(case: Case) -> bool:
    """Written so that NaN (unknown) blocks."""
    candidate = case.candidate
    if spent_nothing(case):
        return True
    if case.direction == "pause":
        return not candidate.hours_running >= case.policy.min_pause_hours
    if budget_elsewhere(case) is not None:
        return False  # a better reason
    return has_no_budget(case) or (by_curve(case) and case.target is None)


def spent_nothing(case: Case) -> bool:
    """Nothing to judge it by. Written so that NaN (unknown) counts as nothing."""
    candidate = case.candidate
    return not (candidate.lifetime[SPEND] > 0.0 and candidate.evidence.spend > 0.0)


def has_no_budget(case: Case) -> bool:
    """No budget that could be changed."""
    budget = case.candidate.budget
    return budget is None or budget <= 0


def by_curve(case: Case) -> bool:
    """Whether its budget follows its curve."""
    return isinstance(case.plan, Plan) and case.plan.kind == "curve"


@guardrail("TEST_RUNNING", of_a_resume=True)
def test_running(case: Case) -> bool:
    """An action in the middle of an A/B test would spoil its answer."""
    return case.candidate.test_running or "TEST_RUNNING" in case.candidate.platform_holds


@guardrail("LEARNING", of_a_resume=True)
def learning(case: Case) -> bool:
    """A budget that changes makes a platform learn anew; a pause does not wait for it."""
    return case.direction in ("up", "down") and "LEARNING" in case.candidate.platform_holds


@guardrail("AWAITING_APPROVAL", of_a_resume=True)
def awaiting_approval(case: Case) -> bool:
    """One proposal at a time: a person has this campaign on the desk."""
    return case.candidate.pending


def budget_elsewhere(case: Case) -> str | None:
    """The code of why it has no budget of its own for a day that may be changed there."""
    return next((code for code in BUDGETS_ELSEWHERE if code in case.candidate.platform_holds), None)


def _kept_elsewhere(code: str) -> Guardrail:
    return lambda case: case.direction in ("up", "down") and budget_elsewhere(case) == code


for _code in BUDGETS_ELSEWHERE:
    guardrail(_code, of_a_resume=True)(_kept_elsewhere(_code))


@guardrail("AGAINST_THE_ODDS")
def against_the_odds(case: Case) -> bool:
    """A rule says when to look; the evidence says whether the action is right."""
    return case.confidence < case.floor


@guardrail("NOT_LIMITED_BY_BUDGET")
def not_limited_by_budget(case: Case) -> bool:
    """A budget that is not spent is not what limits it. NaN (unknown) never blocks."""
    return case.direction == "up" and case.candidate.budget_use < LIMITED_FROM


@guardrail("HOLDOUT")
def held_out(case: Case) -> bool:
    """Its lot this week. NaN (unknown) counts as drawn into the comparison group."""
    share = case.policy.holdout_share
    return share > 0.0 and not case.candidate.holdout_draw >= share


def digits_of(case: Case) -> int:
    """How many decimals the campaign's money has."""
    return currency_digits(case.candidate.currency)


def step_cap(case: Case, budget: Decimal) -> Decimal:
    """The highest budget of one step."""
    return cut_down(times(budget, case.policy.max_step), digits_of(case))


def growth_cap(case: Case, budget: Decimal) -> Decimal:
    """The highest budget beside the lowest of the last 7 days, all actions together."""
    lowest = case.candidate.budget_low_7d
    start = budget if lowest is None else min(lowest, budget)
    return cut_down(times(start, case.policy.max_growth_7d), digits_of(case))


def budget_cap(case: Case, _: Decimal) -> Decimal:
    """The highest budget at all: the narrower of rule and policy."""
    plan = case.plan
    highest = plan.max_budget if isinstance(plan, Plan) else case.policy.max_budget
    return cut_down(highest, digits_of(case))


CAPS = {"STEP_CAP": step_cap, "GROWTH_CAP": growth_cap, "BUDGET_CAP": budget_cap}
_IN_ORDER = sorted(BLOCKS.items(), key=lambda item: PLACE[item[0]])
_OF_A_RESUME = [(code, blocks) for code, blocks in _IN_ORDER if code not in NOT_OF_A_RESUME]
_OF_A_TOTAL = [(code, blocks) for code, blocks in _IN_ORDER if code in OF_A_TOTAL]


def blocked(case: Case) -> str | None:
    """The code of the first campaign guardrail that blocks the action, or None."""
    if case.plan.kind == "total":
        asked = _OF_A_TOTAL
    else:
        asked = _OF_A_RESUME if case.direction == "resume" else _IN_ORDER
    for code, blocks in asked:
        if blocks(case):
            return code
    return None


def all_blocks(case: Case) -> list[tuple[str, bool]]:
    """Every campaign guardrail and whether it blocks the action, for explaining."""
    return [(code, blocks(case)) for code, blocks in _IN_ORDER]


def sized(case: Case) -> Sized:
    """The new budget of an action that is not a pause, within every cap."""
    budget, plan = case.candidate.budget, case.plan
    if budget is None or not isinstance(plan, Plan):  # never: blocked before, or not sized
        return Sized(Decimal(0), (), "TOO_LITTLE_DATA")
    digits = digits_of(case)
    wanted = half_up(_wanted(case, plan, budget), digits)
    least = DEAD_BAND if plan.kind == "curve" else LEAST
    minimum = case.candidate.platform_minimum
    minimum = None if minimum is None else floor_of(minimum, digits)
    if case.direction == "up":
        caps = [(code, cap(case, budget)) for code, cap in CAPS.items()]
        return raised(budget, wanted, caps, least, minimum)
    return lowered(budget, wanted, floor_of(case.min_budget, digits), least, minimum)


def _wanted(case: Case, plan: Plan, budget: Decimal) -> Decimal:
    """What the rule asks for, before any cap."""
    if case.target is not None:
        return moved(budget, case.target, digits_of(case))
    return plan.wanted(budget, up=case.direction == "up")

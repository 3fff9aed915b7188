"""Every guardrail of one campaign: a function each, in the order of `codes.CODES`.

The table is what runs, top to bottom; the first that blocks is the decision's code. Those of the
campaign block an action, those of the size shrink it (and block what is left of nothing). Breakers,
which look at all decisions of a run, stand in breakers.py. Beside them: words of their sentences.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, floor, isfinite, isnan

from autonomy.engine.candidate import SPEND, START_OF_TIME
from autonomy.engine.case import Case, Ceiling
from autonomy.engine.codes import PLACE
from autonomy.engine.curve import DEAD_BAND, moved
from autonomy.engine.more_evidence import more_evidence, odds
from autonomy.engine.plan import Plan
from autonomy.engine.sizing import LEAST, Sized, cut_down, floor_of, half_up, lowered, raised, times
from autonomy.text import counted, currency_digits, money

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
    if _refused(case):
        return True
    if case.plan.kind == "total":
        return False
    last = candidate.last_pause_at if case.direction == "pause" else candidate.last_action_at
    if last is not None and case.now - last < case.plan.cooldown:
        return True
    resumed = candidate.last_resume_at if case.direction == "resume" else None
    return resumed is not None and case.now - resumed < NEVER_TWICE_WITHIN


def _refused(case: Case) -> bool:
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
    if _spent_nothing(case):
        return True
    if case.direction == "pause":
        return not candidate.hours_running >= case.policy.min_pause_hours
    if budget_elsewhere(case) is not None:
        return False  # a better reason
    return _has_no_budget(case) or (_by_curve(case) and case.target is None)


def _spent_nothing(case: Case) -> bool:
    candidate = case.candidate
    return not (candidate.lifetime[SPEND] > 0.0 and candidate.evidence.spend > 0.0)


def _has_no_budget(case: Case) -> bool:
    budget = case.candidate.budget
    return budget is None or budget <= 0


def _by_curve(case: Case) -> bool:
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


# What their sentences say ------------------------------------------------------------------------


def variant(code: str, case: Case) -> str:
    """Which of a code's sentences says why."""
    if code == "STALE_DATA":
        return "old" if isfinite(case.candidate.data_age_hours) else "unknown"
    if code == "COOLDOWN":
        return "refused" if _refused(case) else "changed"
    if code == "NOT_SYNCED":
        return "never" if case.candidate.pulled_at == START_OF_TIME else "old"
    if code == "AGAINST_THE_ODDS":
        return "never" if more_evidence(case) is None else "more"
    if code == "BUDGET_CAP":
        return "cap" if case.direction == "up" else "floor"
    if code == "TOO_LITTLE_DATA":
        if _spent_nothing(case):
            return "spend"
        if case.direction != "pause":
            return "budget" if _has_no_budget(case) else "reference"
        return "age" if isnan(case.candidate.hours_running) else "young"
    return ""


def data_age(case: Case) -> str:
    """Hours, whole where that leaves them beyond the limit: 48.3 beside 48."""
    age, limit = case.candidate.data_age_hours, case.policy.max_data_age_hours
    return f"{age:.0f}" if round(age) > limit else f"{ceil(10.0 * age) / 10.0:.1f}"


def cooldown_ends(case: Case) -> datetime:
    """When the last thing that this action waits for has passed."""
    candidate = case.candidate
    last = candidate.last_pause_at if case.direction == "pause" else candidate.last_action_at
    ends = [] if last is None else [_later(last, case.plan.cooldown)]
    if case.direction == "resume" and candidate.last_resume_at is not None:
        ends.append(_later(candidate.last_resume_at, NEVER_TWICE_WITHIN))
    return max(ends, default=case.now)


def _later(time: datetime, wait: timedelta) -> datetime:
    """`time` + `wait`, or the end of time where that lies beyond it."""
    try:
        return time + wait
    except OverflowError:
        return datetime.max.replace(tzinfo=time.tzinfo)


def hours_missing(case: Case) -> str:
    """In 4 hours."""
    return counted(ceil(case.policy.min_pause_hours - case.candidate.hours_running), "hour")


def more_conversions(case: Case) -> str:
    """9 more conversions at this rate"""
    more = more_evidence(case)
    if more is None:
        return "?"
    if more.conversions > 0.0:
        number = max(1, ceil(more.conversions))
        return counted(number, "more conversion") + " at this rate"
    return f"{amount(more.spend, case)} more spent without a conversion"


def amount(value: object, case: Case) -> str:
    """1,234.50 EUR"""
    return money(value, currency=case.candidate.currency)


def lowest(case: Case) -> str:
    """The floor that a cut stops at, in whole units of its currency."""
    return amount(floor_of(case.min_budget, digits_of(case)), case)


def platform_minimum(case: Case) -> str:
    """The least budget that its platform takes."""
    least = case.candidate.platform_minimum
    return "?" if least is None else amount(floor_of(least, digits_of(case)), case)


def more_days(case: Case) -> str:
    """How long the missing evidence takes: a day, 12 days."""
    more = more_evidence(case)
    days = 1 if more is None else ceil(more.days)
    return "a day" if days <= 1 else counted(days, "day")


def when(time: datetime | None) -> str:
    """2026-11-22 10:00 UTC"""
    return "?" if time is None else f"{time:%Y-%m-%d %H:%M} {time.tzname() or ''}".rstrip()


def _allowed(total: Ceiling) -> Decimal:
    return total.ceiling if total.shrink_to is None else total.shrink_to


WORDS: dict[str, Callable[[Case], str]] = {
    "hold_until": lambda case: when(case.candidate.hold_until),
    "person_until": lambda case: when(case.against_person_until),
    "cooldown_ends": lambda case: when(cooldown_ends(case)),
    "refused_until": lambda case: when(case.candidate.refused_until.get(case.direction)),
    "rate_until": lambda case: when(case.candidate.rate_until),
    "platform_minimum": platform_minimum,
    "data_age": data_age,
    "max_data_age": lambda case: f"{case.policy.max_data_age_hours:g}",
    "min_pause_hours": lambda case: f"{case.policy.min_pause_hours:g}",
    "hours_missing": hours_missing,
    "odds": odds,
    "more_evidence": more_conversions,
    "more_days": more_days,
    "suspect": lambda case: case.candidate.suspect or "?",
    "account_broken": lambda case: case.candidate.account_broken or "?",
    "pulled_at": lambda case: when(case.candidate.pulled_at),
    "planned_event": lambda case: case.planned_event or "?",
    "budget_use": lambda case: str(floor(100.0 * case.candidate.budget_use)),
    "max_step": lambda case: f"x{case.policy.max_step}",
    "max_growth": lambda case: f"x{case.policy.max_growth_7d}",
    "max_budget": lambda case: amount(budget_cap(case, Decimal(0)), case),
    "min_budget": lowest,
    "total_before": lambda case: amount(case.total and case.total.active_budget, case),
    "total_allowed": lambda case: amount(case.total and _allowed(case.total), case),
    "least_change": lambda case: "5" if _by_curve(case) else "1",
}

"""The words of the guardrails' sentences: which sentence, and what stands in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, floor, isfinite, isnan

from autonomy.engine.candidate import START_OF_TIME
from autonomy.engine.case import Case, Ceiling
from autonomy.engine.guardrails import (
    NEVER_TWICE_WITHIN,
    budget_cap,
    by_curve,
    digits_of,
    has_no_budget,
    refused_lately,
    spent_nothing,
)
from autonomy.engine.more_evidence import more_evidence, odds
from autonomy.engine.sizing import floor_of
from autonomy.text import counted, money


def variant(code: str, case: Case) -> str:
    """Which of a code's sentences says why."""
    chosen = _VARIANTS.get(code)
    return "" if chosen is None else chosen(case)


def _too_little(case: Case) -> str:
    if spent_nothing(case):
        return "spend"
    if case.direction != "pause":
        return "budget" if has_no_budget(case) else "reference"
    return "age" if isnan(case.candidate.hours_running) else "young"


_VARIANTS: dict[str, Callable[[Case], str]] = {
    "STALE_DATA": lambda case: "old" if isfinite(case.candidate.data_age_hours) else "unknown",
    "NOT_SYNCED": lambda case: "never" if case.candidate.pulled_at == START_OF_TIME else "old",
    "COOLDOWN": lambda case: "refused" if refused_lately(case) else "changed",
    "TOO_LITTLE_DATA": _too_little,
    "AGAINST_THE_ODDS": lambda case: "never" if more_evidence(case) is None else "more",
    "BUDGET_CAP": lambda case: "cap" if case.direction == "up" else "floor",
}


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


def whose(case: Case) -> str:
    """Maria Keller -> " (Maria Keller)"; nothing where it is not known."""
    of_budget = case.direction in ("up", "down")
    name = case.candidate.budget_person if of_budget else case.candidate.pause_person
    return "" if name is None else f" ({name[:60]})"


def _allowed(total: Ceiling) -> Decimal:
    return total.ceiling if total.shrink_to is None else total.shrink_to


WORDS: dict[str, Callable[[Case], str]] = {
    "hold_until": lambda case: when(case.candidate.hold_until),
    "whose": whose,
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
    "least_change": lambda case: "5" if by_curve(case) else "1",
}

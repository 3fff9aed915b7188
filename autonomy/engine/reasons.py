"""The sentence of a decision: templates over rounded numbers, so that SQL can write the same.

An act or a proposal is one template by what it does, in one of three voices (done, proposed,
would be done). A hold says what the rule wanted and what would settle it.
"""

from __future__ import annotations

from decimal import Decimal
from math import floor, isnan
from typing import Any

from autonomy.engine.candidate import CONVERSIONS, REVENUE, SPEND
from autonomy.engine.confidence import round_half_up
from autonomy.engine.hold_reasons import settles
from autonomy.engine.outcome import Outcome
from autonomy.text import counted, whole_chance

# What every decision's params carry. Money and multiples are floor(100 x + 0.5) / 100 in float8,
# null where unknown; spend to conversions are of the campaign's whole life.
PARAMS = {
    "spend": "money spent",
    "revenue": "money earned",
    "roi": "revenue / spend, before rounding either; null where spend is 0",
    "conversions": "count, rounded half up",
    "days": "hours_running / 24, rounded half up, at least 1",
    "confidence": "percent, as in the decision",
    "chance": "percent, whole, 1 to 99: what the sentence says of the confidence",
    "break_even": "the roi it is judged by: pause_below, scale_above or marginal_break_even",
    "old_budget": "the budget before",
    "new_budget": "the budget after; the same as before for a pause and for every hold",
}

FIGURES = "spent {spend} for {revenue} in revenue{times} over {days}"
ACTS = {
    "pause": FIGURES + "; {chance} % likely to be below {target}; rule {rule}",
    "up": FIGURES + ", {conversions}; {chance} % likely that more budget earns its keep"
    "{limited}; rule {rule}",
    "down": FIGURES + "; {chance} % likely that its last part of budget does not earn its keep"
    "{limited}; rule {rule}",
    "resume": "late conversions brought it to {revenue} in revenue for {spend} spent{times}; "
    "{chance} % likely that the pause by rule {rule} was wrong",
}
VOICES = {  # what is done: (done, proposed, would be done)
    "pause": ("Paused", "Proposed: pause", "Would pause"),
    "up": (
        "Raised the budget from {old_budget} to {new_budget}",
        "Proposed: raise the budget from {old_budget} to {new_budget}",
        "Would raise the budget from {old_budget} to {new_budget}",
    ),
    "down": (
        "Lowered the budget from {old_budget} to {new_budget}",
        "Proposed: lower the budget from {old_budget} to {new_budget}",
        "Would lower the budget from {old_budget} to {new_budget}",
    ),
    "resume": ("Resumed", "Proposed: resume", "Would resume"),
}
LIMITED = {
    "STEP_CAP": "as far as one step may go",
    "GROWTH_CAP": "as far as growth within 7 days may go",
    "BUDGET_CAP": "as far as the cap allows",
}
WANTED = {
    "pause": "Not paused",
    "up": "Budget not raised",
    "down": "Budget not lowered",
    "resume": "Not resumed",
}


def params_of(decision: Outcome) -> dict[str, Any]:
    """The numbers of the sentence, rounded; both engines agree on them."""
    case = decision.case
    candidate, lifetime = case.candidate, case.candidate.lifetime
    spend, revenue = lifetime[SPEND], lifetime[REVENUE]
    return {
        "spend": two_digits(spend),
        "revenue": two_digits(revenue),
        "roi": two_digits(revenue / spend) if spend > 0.0 else None,
        "conversions": whole(lifetime[CONVERSIONS]),
        "days": max(1, whole(candidate.hours_running / 24.0) or 1),
        "confidence": case.confidence,
        "chance": whole_chance(case.confidence),
        "break_even": two_digits(case.roi_threshold),
        "old_budget": _amount(decision.previous.budget),
        "new_budget": _amount(decision.new.budget),
    }


def two_digits(value: float) -> float | None:
    """Half up in float8, as SQL does it; None where unknown."""
    return None if isnan(value) else round_half_up(value)


def whole(value: float) -> int | None:
    return None if isnan(value) else floor(value + 0.5)


def _amount(budget: Decimal | None) -> float | None:
    return None if budget is None else float(budget)


def sentence_of(decision: Outcome) -> str:
    """One sentence with the numbers in it."""
    words = _words(decision)
    direction = decision.case.direction
    if decision.verdict == "hold":
        why = settles(decision)
        return f"{WANTED[direction]}: {why}; rule {words['rule']}"
    voice = 1 if decision.verdict == "propose" else 2 if decision.dry_run else 0
    sentence = f"{VOICES[direction][voice]}: {ACTS[direction]}".format(**words)
    if decision.code == "PAUSE_BREAKER":
        sentence += "; so many pauses at once are left to a person"
    return sentence


def _words(decision: Outcome) -> dict[str, str]:
    numbers = params_of(decision)
    roi, limits = numbers["roi"], decision.limits
    words = {key: shown(value) for key, value in numbers.items()}
    return words | {
        "days": counted(numbers["days"], "day"),
        "conversions": counted(numbers["conversions"] or 0, "conversion"),
        "chance": str(numbers["chance"]),
        "times": "" if roi is None else f" ({roi:.2f}x)",
        "target": "break-even" if numbers["break_even"] == 1.0 else f"{words['break_even']}x",
        "limited": f", {LIMITED[limits[-1]]}" if limits else "",
        "rule": decision.rule_name,
    }


def shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"

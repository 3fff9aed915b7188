"""The sentence of a decision: templates over rounded numbers, so that SQL can write the same.

Every template stands in codes.py; here are the words that fill them. An act is one template by what
it does, in one of three voices (done, proposed, would be done). A hold says what blocks it and what
would settle it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import floor, isnan
from typing import Any, NamedTuple

from autonomy.engine import guardrail_words, guardrails
from autonomy.engine.candidate import CONVERSIONS, REVENUE, SPEND
from autonomy.engine.case import Case
from autonomy.engine.codes import SENTENCES
from autonomy.engine.outcome import Outcome
from autonomy.engine.sizing import half_up
from autonomy.text import counted, currency_digits, money, whole_chance

# What every decision's params carry. Money is floor(u x + 0.5) / u in float8, where u is how many
# smallest units of the currency make one (100 where it is not known); multiples are so with 100.
# Null where unknown.
PARAMS = {
    "window": "the window whose figures are told: the one that the rule reads, else lifetime",
    "currency": "code of the currency that the amounts are in; null where unknown",
    "spend": "money spent in that window",
    "revenue": "money earned in that window",
    "roi": "revenue / spend, before rounding either; null where spend is 0",
    "conversions": "number in that window, to two digits, half up",
    "days": "hours_running / 24, rounded half up, at least 1",
    "confidence": "percent, as in the decision",
    "chance": "percent, whole, 1 to 99: what the sentence says of the confidence",
    "break_even": "the roi it is judged by: pause_below, scale_above or marginal_break_even",
    "target": "the break-even that it is held against: the rule's, else its campaign's, its "
    "account's or the policy's; null where by cpa",
    "believed": "percent of what the platform reports that is believed",
    "asked": "what the next unit of budget has to return where the account's total makes money "
    "scarce, if that is above the target; else null",
    "cpa_limit": "the cpa it is judged by: the rule's target / break_even; null where by roi",
    "average_return": "the most probable roi at the present budget; null where by cpa",
    "next_return": "of that, what the next unit of budget returns; null where by cpa",
    "target_budget": "where a budget that follows its curve belongs; else null",
    "old_budget": "the budget before",
    "new_budget": "the budget after; the same as before for a pause and for every hold",
}


def params_of(decision: Outcome) -> dict[str, Any]:
    """The numbers of the sentence, rounded; both engines agree on them."""
    case = decision.case
    candidate, window = case.candidate, case.plan.window
    seen = candidate.window(window)
    spend, revenue = seen[SPEND], seen[REVENUE]
    digits = currency_digits(candidate.currency)
    return {
        "window": window,
        "currency": candidate.currency,
        "spend": to_digits(spend, digits),
        "revenue": to_digits(revenue, digits),
        "roi": two_digits(revenue / spend) if spend > 0.0 else None,
        "conversions": two_digits(seen[CONVERSIONS]),
        "days": max(1, whole(candidate.hours_running / 24.0) or 1),
        "confidence": case.confidence,
        "chance": whole_chance(case.confidence),
        "break_even": two_digits(case.roi_threshold),
        "target": None if case.plan.cpa is not None else two_digits(case.break_even),
        "believed": two_digits(100.0 * candidate.attribution),
        "asked": _asked(case),
        "cpa_limit": cpa_limit(case),
        **_returned(case),
        "target_budget": None if case.target is None else float(half_up(case.target, digits)),
        "old_budget": _amount(decision.previous.budget),
        "new_budget": _amount(decision.new.budget),
    }


def _returned(case: Case) -> dict[str, float | None]:
    if case.plan.cpa is not None:
        return {"average_return": None, "next_return": None}
    roi = case.odds.roi
    following = roi / case.odds.curve.steep
    return {"average_return": two_digits(roi), "next_return": two_digits(following)}


def _asked(case: Case) -> float | None:
    scarce = case.plan.cpa is None and case.asked > case.break_even
    return two_digits(case.asked) if scarce else None


def cpa_limit(case: Case) -> float | None:
    """The cost of a conversion that it is judged by; None where it is judged by roi."""
    if case.plan.cpa is None:
        return None
    return to_digits(case.plan.cpa / case.roi_threshold, guardrails.digits_of(case))


def two_digits(value: float) -> float | None:
    """Half up in float8, as SQL does it; None where unknown."""
    return to_digits(value, 2)


def to_digits(value: float, digits: int) -> float | None:
    """The same, to the smallest unit of a currency."""
    if isnan(value):
        return None
    units: float = 10.0**digits
    return floor(units * value + 0.5) / units


def whole(value: float) -> int | None:
    """To a whole number, half up; None where unknown."""
    return None if isnan(value) else floor(value + 0.5)


def _amount(budget: Decimal | None) -> float | None:
    return None if budget is None else float(budget)


class Told(NamedTuple):
    """A decision with its rounded numbers: what the words are taken from."""

    decision: Outcome
    params: Mapping[str, Any]


def _figures(told: Told) -> str:
    """in the last 7 days 2,730.00 spent, 2,410.00 earned, 0.88x"""
    spent, earned = _amount_of("spend", told), _amount_of("revenue", told)
    return f"{_span(told)} {spent} spent, {earned} earned{_times(told)}"


def _span(told: Told) -> str:
    window, days = told.params["window"], told.params["days"]
    if window == "lifetime":
        return f"in {counted(days, 'day')}"
    return "in the last day" if window == "1d" else f"in the last {window[:-1]} days"


def _costs(told: Told) -> str:
    """in the last 7 days 176.00 spent, 8 conversions at 22.00 each"""
    spend, number = told.params["spend"], told.params["conversions"]
    said = f"{_span(told)} {_amount_of('spend', told)} spent, {_conversions(told)}"
    if spend is None or not number:
        return said
    currency = told.params["currency"]
    return f"{said} at {shown(to_digits(spend / number, currency_digits(currency)), currency)} each"


def _amount_of(name: str, told: Told) -> str:
    return shown(told.params[name], told.params["currency"])


def _conversions(told: Told) -> str:
    return counted(told.params["conversions"] or 0, "conversion")


def _times(told: Told) -> str:
    roi = told.params["roi"]
    return "" if roi is None else f", {shown(roi)}x"


def _returns(told: Told) -> str:
    """The next EUR returns 0.62, the average one 1.31."""
    following, average = told.params["next_return"], told.params["average_return"]
    if following is None:
        return ""
    unit = told.params["currency"] or "unit"
    return f"The next {unit} returns {shown(following)}, the average one {shown(average)}. "


def _target(told: Told) -> str:
    roi = told.params["break_even"]
    if roi == 1.0:
        return "break-even"
    return f"{'your target of ' if roi == told.params['target'] else ''}{shown(roi)}x"


def _goal(told: Told) -> str:
    """break-even is 1.00"""
    if told.params["asked"] is not None:
        return f"the account's total asks for {shown(told.params['asked'])}"
    return f"break-even is {shown(told.params['target'])}"


def _against(told: Told) -> str:
    roi, asked = told.params["target"], told.params["asked"]
    if asked is not None and told.decision.case.direction in ("up", "down"):
        return f" against the {shown(asked)}x that the account's total asks for"
    return "" if roi in (None, 1.0) else f" against your target of {shown(roi)}x"


def _believed(told: Told) -> str:
    percent = told.params["believed"]
    return "" if percent == 100.0 else f", at {percent:g} % of what the platform reports"


WORDS: dict[str, Callable[[Told], str]] = {
    "rule": lambda told: told.decision.rule_name,
    "old_budget": lambda told: _amount_of("old_budget", told),
    "new_budget": lambda told: _amount_of("new_budget", told),
    "figures": _figures,
    "chance": lambda told: str(told.params["chance"]),
    "conversions": _conversions,
    "costs": _costs,
    "cpa_limit": lambda told: _amount_of("cpa_limit", told),
    "target": _target,
    "against": _against,
    "believed": _believed,
    "unit": lambda told: told.params["currency"] or "unit",
    "returns": _returns,
    "average_return": lambda told: shown(told.params["average_return"]),
    "next_return": lambda told: shown(told.params["next_return"]),
    "goal": _goal,
    "target_budget": lambda told: _amount_of("target_budget", told),
    "spend": lambda told: _amount_of("spend", told),
    "revenue": lambda told: _amount_of("revenue", told),
    "times": _times,
}


class Words(dict[str, str]):
    """The words of one sentence, each worked out where the template names it."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told

    def __missing__(self, name: str) -> str:
        word = WORDS.get(name)
        return word(self.told) if word else guardrail_words.WORDS[name](self.told.decision.case)


def sentence_of(decision: Outcome) -> str:
    """What is done and why, or why it is not and what would settle that."""
    direction = decision.case.direction
    if decision.verdict == "hold":
        names = [f"begin.{direction}.held.", _held(decision)]
    else:
        voice = "would" if decision.dry_run else "done"
        voice = "proposed" if decision.verdict == "propose" else voice
        limit = decision.limits[-1] if decision.limits else ""
        by = judged_by(decision)
        if decision.case.plan.kind == "total":
            code = decision.case.total.shrink_code if decision.case.total else "TOTAL_CAP"
            direction, limit, by = "total", "", f".{code}"
        names = [f"begin.{direction}.{voice}.{limit}", f"why.{direction}{by}"]
        if decision.code == "PAUSE_BREAKER":
            names.append("many_pauses")
    words = Words(Told(decision, params_of(decision)))
    return "".join(SENTENCES[name].format_map(words) for name in names)


def judged_by(decision: Outcome) -> str:
    """Which sentence says why: by roi, by cpa or by the curve."""
    plan = decision.case.plan
    if plan.cpa is not None:
        return ".cpa"
    return ".curve" if plan.kind == "curve" else ""


def settles(decision: Outcome) -> str:
    """Why it is held and what would settle it, as sentences of their own."""
    said = SENTENCES[_held(decision)].format_map(Words(Told(decision, params_of(decision))))
    return said[:1].upper() + said[1:]


def _held(decision: Outcome) -> str:
    return f"{decision.code}.{guardrail_words.variant(decision.code, decision.case)}"


def shown(value: float | None, currency: str | None = None) -> str:
    """1,234.50; ? where unknown."""
    return "?" if value is None else money(value, currency=currency)

"""What an action is expected to change in money, and the evidence that is kept with it.

The campaign's roi (of a rule that speaks of cpa: its target over the campaign's) is taken as the
most probable one after its evidence and the prior, exp(u) (the mean of the distribution lies a
little above, the median about there), of which as much is believed as of what the platform reports.
Daily spend is the evidence's spend / days, of a pause no more than the present budget: larger ones
may have spent it. A unit of money spent returns roi / break_even - 1 units of profit, whatever the
rule looks for: a campaign above its break-even that is paused all the same is profit given up, a
loss_avoided below 0. Of a change of budget it is what the curve says: revenue at the new budget
less revenue at the old one, less the change of spend.
"""

from __future__ import annotations

from math import isnan
from typing import Any

from autonomy.engine.candidate import MEASURES
from autonomy.engine.case import Case
from autonomy.engine.confidence import clamped, round_half_up
from autonomy.engine.outcome import Outcome

HORIZON_DAYS = 7


def impact_of(decision: Outcome) -> dict[str, Any]:
    """Money over the next HORIZON_DAYS if the action is taken; {} for a hold."""
    if decision.verdict == "hold":
        return {}
    case = decision.case
    evidence, worth = case.odds.evidence, case.odds.roi / case.break_even
    spend = clamped(evidence.spend, 0.0, 1e15, 0.0)
    days = clamped(evidence.days, 1.0, 1e6, 1.0)
    if case.direction == "pause":
        budget = case.candidate.budget
        if budget is not None and budget > 0:
            spend = min(spend, float(budget) * days)
    ahead = HORIZON_DAYS * spend / days
    if case.direction == "pause":
        return _money("pause", spend_saved=ahead, loss_avoided=ahead * (1.0 - worth))
    if case.direction == "resume":
        return _money("resume", added_spend=ahead, added_profit=ahead * (worth - 1.0))
    old, new = decision.previous.budget, decision.new.budget
    share = float(new / old) - 1.0 if old and new is not None else 0.0
    before, curvature = case.odds.curve
    then = worth * ((curvature + before) / (curvature + before * (1.0 + share)))
    profit = (1.0 + share) * then - worth - share
    return _money("scale", added_spend=ahead * share, added_profit=ahead * profit)


def _money(kind: str, **amounts: float) -> dict[str, Any]:
    rounded = {name: round_half_up(amount) for name, amount in amounts.items()}
    return {"kind": kind, "horizon_days": HORIZON_DAYS} | rounded


def evidence_of(decision: Outcome) -> dict[str, Any]:
    """S, n, R, cv2, d, f, the prior, the place on the curve and what is believed: the confidence
    follows from these alone.

    Judged by cpa, revenue and prior are those of conversions that are worth `target_cpa` each.
    """
    case = decision.case
    odds = case.odds
    seen, prior, reference = odds.evidence, odds.prior, case.candidate.reference_budget
    return {
        "spend": known(seen.spend),
        "effective_spend": known(seen.effective_spend),
        "conversions": known(seen.conversions),
        "revenue": known(seen.revenue),
        "cv2": known(seen.cv2),
        "days": known(seen.days),
        "matured_share": known(seen.matured_share),
        "has_history": seen.has_history,
        "prior": {
            "mean_roi": prior.mean_roi,
            "tau2": prior.tau2,
            "order_value": prior.order_value,
            "cv2": prior.cv2,
            "order_spread": prior.order_spread,
            "curvature": prior.curvature,
        },
        "reference_budget": None if reference is None else float(reference),
        "curvature": odds.curve.curvature,
        "probability_below": odds.below(case.roi_threshold),
        "break_even": case.roi_threshold,
        "judged_by": "roi" if case.plan.cpa is None else "cpa",
        "target_cpa": case.plan.cpa,
        "attribution_factor": odds.believed,
        "metrics": {
            name: known(value)
            for name, value in zip(MEASURES, case.candidate.lifetime, strict=True)
        },
        "matched": decision.matched,
        "limits": list(decision.limits),
        "total": _total(case),
    }


def _total(case: Case) -> dict[str, Any] | None:
    """Of a budget that is shrunk for its account's total, which that is."""
    total = case.total
    if case.plan.kind != "total" or total is None or total.shrink_to is None:
        return None
    return {
        "code": total.shrink_code,
        "ceiling": float(total.shrink_to),
        "active_budget": float(total.active_budget),
    }


def known(value: float | None) -> float | None:
    """None where unknown: JSON has no NaN."""
    return None if value is None or isnan(value) else value

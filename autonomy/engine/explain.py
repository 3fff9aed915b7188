"""Why a campaign was or was not touched: every rule, every guardrail, every number.

For the command line and the campaign's page. It recomputes the decision, which a pure engine
makes cheap, and puts beside it what the decision itself leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import exp
from typing import Any

from autonomy.engine.candidate import MEASURES, Candidate
from autonomy.engine.case import Case, Odds
from autonomy.engine.codes import BY_CODE
from autonomy.engine.confidence import round_half_up
from autonomy.engine.decide import Accounts, CandidateRow, Engine, RuleRow, outcome
from autonomy.engine.decision import Decision
from autonomy.engine.expected_impact import known
from autonomy.engine.guardrails import all_blocks
from autonomy.engine.plan import Plan
from autonomy.engine.policy import Policy, Portfolio
from autonomy.engine.reasons import cpa_limit, settles, would_sentence
from autonomy.engine.traced_conditions import metric_value, read
from autonomy.errors import CandidateError

RATIOS = ("roi", "ctr", "conversion_rate", "cpa", "cpc", "aov", "profit", "frequency")


def explain(
    rules: Iterable[RuleRow],
    candidate: CandidateRow,
    policy: Policy | Mapping[str, Any],
    now: datetime,
    portfolio: Portfolio | Mapping[str, Any] | None = None,
    *,
    accounts: Accounts | None = None,
    include_inactive_rules: bool = False,
) -> dict[str, Any]:
    """The decision on one campaign and all that led to it, as JSON.

    Breakers that weigh all campaigns of a run are seen here with this one campaign and the last
    24 hours only. Raises PolicyError, CandidateError.
    """
    one = candidate if isinstance(candidate, Candidate) else Candidate.from_row(candidate)
    engine = Engine(
        rules, policy, now, accounts=accounts, include_inactive_rules=include_inactive_rules
    )
    engine.take([one])
    answer = engine.finish(portfolio)
    decision = answer[0] if len(answer) else None
    odds = engine.odds(one)
    ruled_by, plans = engine.ruled_by(one)
    return {
        "campaign_id": one.campaign_id,
        "title": one.title,
        "status": one.status,
        "is_active": one.is_active,
        "budget": None if one.budget is None else float(one.budget),
        "currency": one.currency,
        "decision": None if decision is None else decision.to_dict(),
        "sentence": sentence(one, engine, decision, answer.observed.get(one.campaign_id)),
        "figures": figures(one),
        "evidence": _evidence(one, ruled_by, odds),
        "rules": [
            _rule(plan, one, Case(one, plan, ruled_by, now, odds, engine.price(one)))
            | ({"matched": False} if engine.rests(one, plan, ruled_by, odds) else {})
            for plan in plans
        ],
        "rules_skipped": answer.rules_skipped,
        "breakers": answer.breakers,
    }


def outlooks(
    rules: Iterable[RuleRow],
    candidates: Iterable[CandidateRow],
    policy: Policy | Mapping[str, Any],
    now: datetime,
    portfolio: Portfolio | Mapping[str, Any] | None = None,
    *,
    accounts: Accounts | None = None,
) -> dict[str, dict[str, Any]]:
    """What a run would do to each of a few campaigns now, and where its true roi likely lies.

    Campaign id -> {"verdict": "act", "propose", "hold" or None, "action_type", "code", "new",
    "sentence", "likely_roi_low", "likely_roi_high", "break_even"}; one that cannot be read is left
    out. Raises PolicyError.
    """
    engine = Engine(rules, policy, now, accounts=accounts)
    readable = []
    for row in candidates:
        try:
            readable.append(row if isinstance(row, Candidate) else Candidate.from_row(row))
        except CandidateError:
            continue
    engine.take(readable)
    decided = {one.campaign_id: one for one in engine.finish(portfolio)}
    return {
        one.campaign_id: _outlook(engine, one, decided.get(one.campaign_id)) for one in readable
    }


def _outlook(engine: Engine, one: Candidate, decision: Decision | None) -> dict[str, Any]:
    evidence = _evidence(one, engine.ruled_by(one)[0], engine.odds(one))
    return {
        "verdict": None if decision is None else decision.verdict,
        "action_type": None if decision is None else decision.action_type,
        "code": None if decision is None else decision.code,
        "new": None if decision is None else decision.new.to_dict(),
        "sentence": sentence(one, engine, decision),
        **{name: evidence[name] for name in ("likely_roi_low", "likely_roi_high", "break_even")},
    }


def sentence(
    one: Candidate, engine: Engine, decision: Decision | None, would: Decision | None = None
) -> str:
    """What happens to the campaign, or why no rule looks at it. `would`: what would happen if its
    account were not only observed."""
    if decision is not None and decision.code == "OBSERVE" and would is not None:
        return would_sentence(would)
    if decision is not None:
        return decision.reason
    if not engine.plans:
        return "Left alone: no rule is active"
    if not one.is_active:
        return f"Left alone: its status is {one.status}, and rules look at active campaigns"
    policy, plans = engine.ruled_by(one)
    odds = engine.odds(one)
    if any(engine.rests(one, plan, policy, odds) for plan in plans):
        if one.put_back:
            return "Left alone: another program sets its budget anew after each move of ours"
        return "Left alone: its budget is where it belongs, as near as the evidence can tell"
    return f"Left alone: none of {len(engine.plans)} rules holds for it"


def figures(one: Candidate) -> dict[str, dict[str, float | None]]:
    """Measures and ratios of each window that the candidate carries."""
    return {
        window: {
            metric: known(metric_value(one, metric, window)) for metric in (*MEASURES, *RATIOS)
        }
        for window in ("lifetime", *(one.windows or ()))
    }


def _evidence(one: Candidate, policy: Policy, odds: Odds) -> dict[str, Any]:
    seen, own = one.evidence, known(one.target_roi)
    break_even = policy.break_even_roi if own is None else own
    spread = odds.precision**-0.5
    return {
        **{name: known(value) for name, value in zip(seen._fields, seen, strict=True)},
        "has_history": seen.has_history,
        "prior": odds.prior._asdict(),
        "attribution_factor": odds.believed,
        "break_even": break_even,
        "likely_roi": round_half_up(odds.roi),
        # 8 in 10 lie between low and high
        "likely_roi_low": round_half_up(odds.roi * exp(-1.2816 * spread)),
        "likely_roi_high": round_half_up(odds.roi * exp(1.2816 * spread)),
        "below_break_even": odds.percent_below(break_even),
    }


def _rule(plan: Plan, one: Candidate, case: Case) -> dict[str, Any]:
    met, lines = read(plan.rule.condition, one)
    said: dict[str, Any] = {
        "rule_id": plan.rule_id,
        "rule_name": plan.name,
        "rule_type": plan.rule.rule_type,
        "action_type": plan.action_type,
        "priority": plan.rule.priority,
        "is_active": plan.rule.is_active,
        "matched": met is True and one.is_active,
        "condition": {True: "holds", False: "does not hold", None: "unknown"}[met],
        "why": [{"text": line.text, "holds": line.met, "depth": line.depth} for line in lines],
    }
    return said | _outcome(case)


def _outcome(case: Case) -> dict[str, Any]:
    """What the rule's action would come to if its condition is met."""
    code, new, limits = outcome(case)
    decision = Decision(case, "hold" if code else "act", code or "", new, limits, (), 0)
    return {
        "code": code or case.action_type,
        "held": code is not None,
        "direction": case.direction,
        "confidence": case.confidence,
        "floor": case.floor,
        "break_even": case.roi_threshold,
        "cpa_limit": cpa_limit(case),
        "new": decision.new.to_dict(),
        "limits": list(limits),
        "guardrails": [_guardrail(code, blocks) for code, blocks in all_blocks(case)],
        "settles": settles(decision) if code else None,
    }


def _guardrail(code: str, blocks: bool) -> dict[str, Any]:
    row = BY_CODE[code]
    return {"code": code, "holds": blocks, "looks_at": row.looks_at, "limit": row.limit or "-"}

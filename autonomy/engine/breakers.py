"""The portfolio-wide guardrails: they look at all decisions of the run and the last 24 hours.

Each takes the decisions, the policy and the portfolio, changes the decisions it blocks, and
reports itself: {"code", "message", "count": decisions it changed, "limit"}, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from autonomy.engine.decision import Decision
from autonomy.engine.policy import Policy, Portfolio
from autonomy.text import counted

Report = dict[str, Any] | None
Breaker = Callable[[Sequence[Decision], Policy, Portfolio], Report]


def frozen(decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio) -> Report:
    """The kill switch, said once; it has held each decision by itself."""
    if not policy.frozen:
        return None
    held = sum(decision.code == "FROZEN" for decision in decisions)
    return _report("FROZEN", "the system is frozen: nothing is changed", held, 0.0)


def valueless(decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio) -> Report:
    """Said once for all the campaigns that VALUE_NOT_MEASURED blocks, with what to do about it."""
    held = sum(decision.code == "VALUE_NOT_MEASURED" for decision in decisions)
    if not held:
        return None
    message = (
        f"conversions of {counted(held, 'campaign')} without any value: nothing is judged by roi "
        "there; feed their revenue, or what a conversion is worth"
    )
    return _report("VALUE_NOT_MEASURED", message, held, 0.0)


def tracking(decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio) -> Report:
    """Conversions of the last day are missing everywhere: measurement is broken, pause nothing."""
    if not portfolio.tracking.tripped:
        return None
    blocked = _pauses(decisions)
    for decision in blocked:
        decision.hold("TRACKING_BREAKER")
    seen = ""
    if portfolio.tracking.observed is not None and portfolio.tracking.expected is not None:
        seen = f" ({portfolio.tracking.observed:.0f} of {portfolio.tracking.expected:.0f} expected)"
    message = (
        f"conversions of the last 24 hours are missing{seen}: tracking looks broken, no pauses"
    )
    return _report("TRACKING_BREAKER", message, len(blocked), policy.tracking_breaker_ratio)


def pauses(decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio) -> Report:
    """More than a share of the portfolio would be paused: a person decides all of them."""
    wanted = _pauses(decisions)
    number = portfolio.pauses_24h + len(wanted)
    base = portfolio.active_campaigns + portfolio.pauses_24h
    share = policy.pause_breaker_share * base
    if not wanted or number <= policy.pause_breaker_count or number <= share:
        return None
    for decision in wanted:
        decision.propose("PAUSE_BREAKER")
    message = f"{number:.0f} pauses in 24 hours of {base:.0f} campaigns: a person decides them"
    limit = max(policy.pause_breaker_count, share)
    return _report("PAUSE_BREAKER", message, len(wanted), limit)


def growth(decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio) -> Report:
    """Raises that add too much in 24 hours: the most confident go first, the rest is held.

    Measured against the budget before those 24 hours: hourly runs would else raise the limit
    with what they have raised.
    """
    ups = [up for up in decisions if up.verdict == "act" and up.raise_of > 0]
    number = portfolio.scale_ups_24h + len(ups)
    base = max(portfolio.active_budget - portfolio.raised_24h, Decimal(0))
    limit = policy.growth_breaker_share * base
    total = portfolio.raised_24h + sum((up.raise_of for up in ups), Decimal(0))
    if number <= policy.growth_breaker_count or total <= limit:
        return None
    ups.sort(key=lambda up: (-up.confidence, up.campaign_id))
    running, going = portfolio.raised_24h, 0
    for up in ups:
        running += up.raise_of
        if running > limit:
            break
        going += 1
    for up in ups[going:]:
        up.hold("GROWTH_BREAKER")
    if not ups[going:]:
        return None
    message = f"raises of 24 hours would add {total:.2f} a day, more than {limit:.2f}"
    return _report("GROWTH_BREAKER", message, len(ups) - going, float(limit))


def _pauses(decisions: Sequence[Decision]) -> list[Decision]:
    return [one for one in decisions if one.is_pause and one.verdict == "act"]


def _report(code: str, message: str, count: int, limit: float) -> dict[str, Any]:
    return {"code": code, "message": message, "count": count, "limit": limit}


BREAKERS: tuple[Breaker, ...] = (frozen, valueless, tracking, pauses, growth)

"""The breakers: they look at all decisions of a run together with the last 24 hours.

Each takes the decisions, the policy and the portfolio, changes the decisions it blocks, and
reports itself: {"code", "message", "count": decisions it changed, "limit", "account": where it
stands for one of several}. They look at each account, then at all accounts together; money of
different currencies is never added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from autonomy.engine.decision import Decision
from autonomy.engine.policy import AccountState, Counted, Policy, Portfolio, Value
from autonomy.text import counted, money

Report = dict[str, Any]
Policies = Mapping[str, Policy]
Breaker = Callable[[Sequence[Decision], Policy, Portfolio, Policies], list[Report]]
SMALL = 20  # an account of fewer active campaigns is small: a few pauses are most of it


class Group(NamedTuple):
    """Decisions that are counted together, with what was done before."""

    decisions: list[Decision]
    state: Counted
    account: str | None = None
    prefix: str = ""

    def policy(self, usual: Policy, own: Policies) -> Policy:
        """Whose limits hold: the account's, where it is one's."""
        name = getattr(self.state, "account", None)
        return usual if name is None else own.get(name, usual)

    def report(self, code: str, message: str, count: int, limit: float) -> Report:
        """What it says of itself."""
        told = {"code": code, "message": self.prefix + message, "count": count, "limit": limit}
        return told if self.account is None else told | {"account": self.account}


def by_account(decisions: Sequence[Decision], portfolio: Portfolio) -> list[Group]:
    """Each account; all decisions where only one account is known, or none."""
    if len(portfolio.accounts) < 2:
        return [Group(list(decisions), next(iter(portfolio.accounts), portfolio))]
    found: dict[str, list[Decision]] = {state.account: [] for state in portfolio.accounts}
    for decision in decisions:
        found.setdefault(decision.case.candidate.account or "", []).append(decision)
    states = {state.account: state for state in portfolio.accounts}
    return [
        Group(
            found[account],
            states.get(account) or AccountState(account=account),
            account,
            f'In account "{account}": ',
        )
        for account in sorted(found)
    ]


def of_all(decisions: Sequence[Decision], portfolio: Portfolio) -> list[Group]:
    """All accounts together, where there are several."""
    return [Group(list(decisions), portfolio)] if len(portfolio.accounts) > 1 else []


def by_currency(decisions: Sequence[Decision], portfolio: Portfolio) -> Iterator[Group]:
    """The accounts of each currency together, where there are several accounts."""
    if len(portfolio.accounts) < 2:
        return
    currency_of = {state.account: state.currency for state in portfolio.accounts}
    values = {one.currency: one.value for one in portfolio.currencies}
    for currency in sorted(set(currency_of.values()), key=lambda name: (name is not None, name)):
        states = [state for state in portfolio.accounts if state.currency == currency]
        state = Counted(
            currency=currency,
            active_budget=sum((one.active_budget for one in states), Decimal(0)),
            scale_ups_24h=sum(one.scale_ups_24h for one in states),
            raised_24h=sum((one.raised_24h for one in states), Decimal(0)),
            value=values.get(currency, Value()),
        )
        own = [
            one for one in decisions
            if currency_of.get(one.case.candidate.account or "") == currency
        ]  # fmt: skip
        yield Group(own, state, prefix=f"In {currency}: " if currency else "")


def frozen(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """The kill switch, said once; it has held each decision by itself."""
    if not policy.frozen:
        return []
    group = Group(list(decisions), portfolio)
    held = sum(decision.code == "FROZEN" for decision in decisions)
    return [group.report("FROZEN", "the system is frozen: nothing is changed", held, 0.0)]


def valueless(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """Said once for all the campaigns that VALUE_NOT_MEASURED blocks, with what to do about it."""
    held = sum(decision.code == "VALUE_NOT_MEASURED" for decision in decisions)
    if not held:
        return []
    message = (
        f"conversions of {counted(held, 'campaign')} without any value: nothing is judged by roi "
        "there; feed their revenue, or what a conversion is worth"
    )
    return [Group([], portfolio).report("VALUE_NOT_MEASURED", message, held, 0.0)]


def tracking(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """Conversions are missing: measurement is broken, nothing is judged by it.

    Neither paused nor cut nor raised; what an account has broken by itself, all have not.
    """
    groups = [*by_account(decisions, portfolio), *of_all(decisions, portfolio)]
    return [
        _tracking(group, group.policy(policy, own))
        for group in groups if group.state.tracking.tripped
    ]  # fmt: skip


def _stop(group: Group, code: str) -> int:
    """Nothing of it is paused, cut or raised; how many decisions that stops."""
    stopped = [
        one for one in group.decisions
        if one.verdict == "act" and one.action_type != "auto_resume"
    ]  # fmt: skip
    for decision in stopped:
        decision.hold(code)
    return len(stopped)


def _tracking(group: Group, policy: Policy) -> Report:
    count = _stop(group, "TRACKING_BREAKER")
    seen = group.state.tracking
    figures = ""
    if seen.observed is not None and seen.expected is not None:
        figures = f" ({seen.observed:.0f} of {seen.expected:.0f} expected)"
    message = (
        f"conversions of the last {seen.hours:.0f} hours are missing{figures}: tracking looks "
        "broken, nothing is judged by them"
    )
    return group.report("TRACKING_BREAKER", message, count, policy.tracking_breaker_ratio)


def values(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """What a conversion is worth has jumped: roi says nothing, nothing is judged by it.

    Of each account, and of all that have the same currency.
    """
    groups = [*by_account(decisions, portfolio), *by_currency(decisions, portfolio)]
    return [
        _values(group, group.policy(policy, own)) for group in groups if group.state.value.tripped
    ]  # fmt: skip


def _values(group: Group, policy: Policy) -> Report:
    count = _stop(group, "VALUE_BREAKER")
    seen = group.state.value
    figures = f" ({seen.orders:.0f})" if seen.orders is not None else ""
    level = f" {seen.level:f} times" if seen.level is not None else " far from"
    message = (
        f"the last conversions{figures} are worth{level} what is usual: values look broken, "
        "nothing is judged by them"
    )
    return group.report("VALUE_BREAKER", message, count, policy.value_breaker_factor)


def shrinking(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """Cuts that take too much of an account in 24 hours: the most certain go first.

    The first of a day always goes: an account of one campaign could else never be cut by half.
    """
    reports = (
        _shrinking(group, group.policy(policy, own)) for group in by_account(decisions, portfolio)
    )
    return [report for report in reports if report is not None]


def _shrinking(group: Group, policy: Policy) -> Report | None:
    cuts = [one for one in group.decisions if one.verdict == "act" and one.cut_of > 0]
    cuts.sort(key=lambda one: (-one.confidence, one.campaign_id))
    state = group.state
    before = max(state.active_budget + state.lowered_24h - state.raised_24h, Decimal(0))
    limit = policy.shrink_breaker_share * before
    running, held = state.lowered_24h, 0
    for place, one in enumerate(cuts, 1):
        running += one.cut_of
        if state.cuts_24h + place > 1 and running > limit:
            one.hold("SHRINK_BREAKER")
            held += 1
    said = money(limit, currency=state.currency)
    message = f"cuts of 24 hours would take more than {said} a day"
    return group.report("SHRINK_BREAKER", message, held, float(limit)) if held else None


def pauses(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """So many of an account, or of all, would be paused that a person decides."""
    groups = [*by_account(decisions, portfolio), *of_all(decisions, portfolio)]
    reports = (_pauses(group, group.policy(policy, own)) for group in groups)
    return [report for report in reports if report is not None]


def _pauses(group: Group, policy: Policy) -> Report | None:
    wanted = [one for one in group.decisions if one.is_pause and one.verdict == "act"]
    number = group.state.pauses_24h + len(wanted)
    base = group.state.active_campaigns + group.state.pauses_24h
    share = policy.pause_breaker_share * base
    many = number > policy.pause_breaker_count and number > share
    most_of_a_small_one = base < SMALL and number >= 3 and number * 2 > base
    if not wanted or not (many or most_of_a_small_one):
        return None
    for decision in wanted:
        decision.propose("PAUSE_BREAKER")
    message = f"{number:.0f} pauses in 24 hours of {base:.0f} campaigns: a person decides them"
    limit = max(policy.pause_breaker_count, share)
    return group.report("PAUSE_BREAKER", message, len(wanted), limit)


def growth(
    decisions: Sequence[Decision], policy: Policy, portfolio: Portfolio, own: Policies
) -> list[Report]:
    """Raises that add too much in 24 hours: the most confident go first, the rest is held.

    Measured against the budget before those 24 hours: hourly runs would else raise the limit
    with what they have raised.
    """
    accounts = [
        _growth(group, group.policy(policy, own)) for group in by_account(decisions, portfolio)
    ]
    together = [_growth(group, policy) for group in by_currency(decisions, portfolio)]
    return [report for report in (*accounts, *together) if report is not None]


def _growth(group: Group, policy: Policy) -> Report | None:
    ups = [up for up in group.decisions if up.verdict == "act" and up.raise_of > 0]
    state = group.state
    limit = policy.growth_breaker_share * max(state.active_budget - state.raised_24h, Decimal(0))
    total = state.raised_24h + sum((up.raise_of for up in ups), Decimal(0))
    if state.scale_ups_24h + len(ups) <= policy.growth_breaker_count or total <= limit:
        return None
    ups.sort(key=lambda up: (-up.confidence, up.campaign_id))
    running, held = state.raised_24h, 0
    for up in ups:
        running += up.raise_of
        if running > limit:
            up.hold("GROWTH_BREAKER")
            held += 1
    added, most = (money(one, currency=state.currency) for one in (total, limit))
    message = f"raises of 24 hours would add {added} a day, more than {most}"
    return group.report("GROWTH_BREAKER", message, held, float(limit)) if held else None


# What is left of raises beside the totals of accounts comes last: `growth`.
BEFORE_TOTALS: tuple[Breaker, ...] = (frozen, valueless, tracking, values, shrinking, pauses)

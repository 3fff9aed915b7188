"""The account as one setting would have left it: status, budgets and cooldowns in memory."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from autonomy.engine import Accounts, Decision, Engine
from autonomy.engine.candidate import CONVERSIONS, REVENUE, SPEND, Candidate
from autonomy.engine.confidence import Prior
from autonomy.engine.policy import Policy, Portfolio, Tracking
from autonomy.engine.sizing import half_up
from autonomy.replay.other_budget import Counterfactual
from autonomy.replay.past import Look, Past
from autonomy.replay.past_campaign import PastCampaign
from autonomy.replay.past_candidate import candidate
from autonomy.rules.language import Rule

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Event:
    """Something that would have been done, and what the campaign had spent and brought by then."""

    at: datetime
    campaign_id: str
    title: str
    action_type: str
    rule_name: str
    confidence: float
    reason: str
    old_budget: Decimal | None
    new_budget: Decimal | None
    by_person: bool
    spend: float
    revenue: float
    conversions: float
    cpa: float | None = None  # what it was judged by instead of roi

    @property
    def is_pause(self) -> bool:
        return self.action_type == "auto_pause"

    def to_dict(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "campaign_id": self.campaign_id,
            "title": self.title,
            "action_type": self.action_type,
            "rule_name": self.rule_name,
            "confidence": self.confidence,
            "reason": self.reason,
            "budget_before": None if self.old_budget is None else float(self.old_budget),
            "budget_after": None if self.new_budget is None else float(self.new_budget),
            "approved_by_a_person": self.by_person,
        }


class _Active(NamedTuple):
    """The campaigns that run, and their daily budgets together."""

    campaigns: int = 0
    budget: Decimal = Decimal(0)


class _Done(NamedTuple):
    """An action of the last 24 hours: a pause, or a raise with the daily money it adds."""

    at: datetime
    kind: str
    amount: Decimal


class _Low(NamedTuple):
    """A budget of the last 7 days, and when a change of ours ended it."""

    at: datetime
    budget: Decimal


@dataclass
class _State:
    """One campaign under the setting. `factor`: its budget over the one it really had."""

    other: Counterfactual
    factor: Decimal = Decimal(1)
    paused: bool = False
    last_action_at: datetime | None = None
    lows: deque[_Low] = field(default_factory=deque)


class Account:
    """Carries out the decisions of one setting as time goes on; nothing leaves memory.

    What a run would have handed to a person counts as approved at once when `approve`, else as
    never answered. `exponent` is r of the response curve.
    """

    def __init__(
        self,
        past: Past,
        rules: list[Rule],
        policy: Policy,
        *,
        approve: bool = True,
        exponent: float = 0.5,
        half_life_days: float = 7.0,
    ) -> None:
        self.past, self.rules, self.policy, self.approve = past, rules, policy, approve
        self.exponent, self._half_life_days = exponent, half_life_days
        self.events: list[Event] = []
        self.held: Counter[str] = Counter()
        self.breakers: Counter[str] = Counter()
        self.runs = 0
        self._states: dict[str, _State] = {}
        self._recent: deque[_Done] = deque()
        self._active = _Active()
        self._without_value: set[str | None] = set()
        self.priors: dict[str, Prior] = {}

    def look_around(self, everyone: list[Look]) -> None:
        """Once a day: how many campaigns run, with what budget; which accounts show no value."""
        self._without_value = self._accounts_without_value(everyone)
        count, budget = 0, Decimal(0)
        for look in everyone:
            state = self._states.get(look.campaign_id)
            if state is not None and state.paused:
                continue
            count += 1
            factor = state.factor if state is not None else 1
            budget += (self.past.campaigns[look.campaign_id].budget_at(look.at) or 0) * factor
        self._active = _Active(count, budget)

    def _accounts_without_value(self, everyone: list[Look]) -> set[str | None]:
        """Five conversions and more within 30 days, and none with a value."""
        conversions: dict[str | None, float] = defaultdict(float)
        revenue: dict[str | None, float] = defaultdict(float)
        for look in everyone:
            account = self.past.campaigns[look.campaign_id].account
            month = look.window("30d", self.past.windows)
            conversions[account] += month[CONVERSIONS] or 0.0
            revenue[account] += abs(month[REVENUE] or 0.0)
        return {one for one, n in conversions.items() if n >= 5 and not revenue[one]}

    def _value_missing(self, one: Candidate) -> bool:
        month = one.window("30d")
        n, spend = month[CONVERSIONS], month[SPEND]
        if month[REVENUE] != 0.0:
            return False
        if one.account in self._without_value:
            return True
        order_value = self.prior_of(one.account).order_value
        return n >= 20 or (n > 0.0 and n * order_value > 3.0 * spend)

    def prior_of(self, account: str | None) -> Prior:
        """What is known of a campaign of that account before its own figures."""
        return self.priors.get(account or "", self.policy.prior)

    def run(self, at: datetime, looks: list[Look]) -> None:
        """One run at that moment."""
        self.runs += 1
        priors = {name: one._asdict() for name, one in self.priors.items()}
        engine = Engine(self.rules, self.policy, at, accounts=Accounts(priors=priors))
        seen: dict[str, Look] = {}
        for look in looks:
            state = self._states.get(look.campaign_id)
            if self._is_out(look, state):
                continue
            campaign = self.past.campaigns.get(look.campaign_id)
            if campaign is not None:
                engine.take((self._candidate(look, campaign, state),))
                seen[look.campaign_id] = look
        pausing = any(one.is_pause and one.verdict == "act" for one in engine.answer)
        answer = engine.finish(self._portfolio(at, pausing))
        for report in answer.breakers:
            self.breakers[report["code"]] += 1
        for decision in answer:
            if decision.verdict == "hold":
                self.held[decision.code] += 1
            elif decision.verdict == "act" or self.approve:
                self._carry_out(at, decision, seen[decision.campaign_id])
            else:
                self.held[decision.code] += 1

    def _is_out(self, look: Look, state: _State | None) -> bool:
        """Paused, or no rule looks at it. With other budgets than the real ones a rule may."""
        if state is None:
            return not look.met
        if state.paused:
            return True
        state.other.follow(look, self._half_life_days)
        return not look.met and state.other.factor == 1.0

    def _candidate(self, look: Look, campaign: PastCampaign, state: _State | None) -> Candidate:
        one = candidate(look, campaign, self.past.windows, self.policy.person_hold_days)
        one.value_missing = self._value_missing(one)
        if state is not None and one.budget is not None:
            one.budget = half_up(one.budget * state.factor)
            while state.lows and state.lows[0].at <= look.at - _WEEK:
                state.lows.popleft()
            one.budget_low_7d = min([one.budget, *(low.budget for low in state.lows)])
            one.last_action_at = max(
                filter(None, (state.last_action_at, one.last_action_at)), default=None
            )
            state.other.show(one, look)
        return one

    def _portfolio(self, at: datetime, pausing: bool) -> Portfolio:
        while self._recent and self._recent[0].at <= at - _DAY:
            self._recent.popleft()
        raised = [done.amount for done in self._recent if done.kind == "raise"]
        tracking = Tracking()
        # Asked only where it matters: the answer can do no more than stop pauses.
        if pausing and self.past.tracking is not None:
            tracking = Tracking.model_validate(self.past.tracking(at) or {})
        return Portfolio(
            active_campaigns=float(self._active.campaigns),
            active_budget=self._active.budget,
            pauses_24h=float(len(self._recent) - len(raised)),
            scale_ups_24h=float(len(raised)),
            raised_24h=sum(raised, Decimal(0)),
            tracking=tracking,
        )

    def budgets(self) -> dict[str, tuple[float, float]]:
        """(spend, revenue) beyond what was, by campaign, of all changes of budget."""
        return {
            number: (state.other.spend, state.other.revenue)
            for number, state in self._states.items()
        }

    def _carry_out(self, at: datetime, decision: Decision, look: Look) -> None:
        campaign = self.past.campaigns[look.campaign_id]
        state = self._states.setdefault(look.campaign_id, _State(Counterfactual(look)))
        old, new = decision.previous.budget, decision.new.budget
        if decision.is_pause:
            state.paused = True
            self._recent.append(_Done(at, "pause", Decimal(0)))
            count, budget = self._active
            self._active = _Active(count - 1, budget - (old or 0))
        elif old is not None and new is not None:
            base = campaign.budget_at(at)
            if base:
                state.factor = new / base
                state.other.set_factor(float(state.factor), self.exponent)
            state.lows.append(_Low(at, old))
            if new > old:
                self._recent.append(_Done(at, "raise", new - old))
            count, budget = self._active
            self._active = _Active(count, budget + new - old)
        state.last_action_at = at
        self.events.append(
            Event(
                at, look.campaign_id, campaign.title, decision.action_type, decision.rule_name,
                decision.confidence, decision.reason, old, new, decision.verdict == "propose",
                look.spend, look.revenue, look.conversions, decision.case.plan.cpa,
            )
        )  # fmt: skip

"""The account as one setting would have left it: status, budgets and cooldowns in memory."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from autonomy.engine import Accounts, Decision, Engine
from autonomy.engine.candidate import CONVERSIONS, REVENUE, SPEND, Candidate
from autonomy.engine.confidence import Prior
from autonomy.engine.policy import AccountState, Policy, Portfolio, Tracking
from autonomy.engine.sizing import half_up
from autonomy.replay.account_totals import AccountTotals
from autonomy.replay.other_budget import Counterfactual, Pace
from autonomy.replay.past import Look, Past
from autonomy.replay.past_campaign import PastCampaign
from autonomy.replay.past_candidate import candidate
from autonomy.rules.language import Rule
from autonomy.text import currency_digits

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
    """An action of the last 24 hours: a pause, or a raise or cut with its daily money."""

    at: datetime
    kind: str
    amount: Decimal
    account: str


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

    `own`: the policies of accounts that differ, by account, as a run has them.

    What a run would have handed to a person counts as approved at once when `approve`, else as
    never answered. `spread` is how much later than assumed its campaigns saturate: of the curvature
    that the runs believe, the true one is so many times.
    """

    def __init__(
        self,
        past: Past,
        rules: list[Rule],
        policy: Policy,
        own: Mapping[str, Policy] | None = None,
        *,
        approve: bool = True,
        spread: float = 1.0,
        half_life_days: float = 7.0,
        totals: AccountTotals | None = None,
    ) -> None:
        self.past, self.rules, self.policy, self.approve = past, rules, policy, approve
        self.own = dict(own or {})
        self.totals = totals or AccountTotals({})
        self.spread, self.half_life_days = spread, half_life_days
        self.events: list[Event] = []
        self.held: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by currency
        self.breakers: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by account
        self.runs = 0
        self._states: dict[str, _State] = {}
        self._references: dict[str, Decimal] = {}
        self._recent: deque[_Done] = deque()
        self._active: dict[str, _Active] = {}
        self._spent: dict[str, float] = {}  # by campaign, really, when last looked around
        self._without_value: set[str | None] = set()
        self._currency_of = {
            one.account or "": one.currency for one in self.past.campaigns.values()
        }
        self.priors: Mapping[str, Prior] = {}

    def policy_of(self, account: str | None) -> Policy:
        """What decisions about an account go by."""
        return self.own.get(account or "", self.policy)

    def look_around(self, everyone: list[Look]) -> None:
        """Once a day: how many campaigns run, with what budget; which accounts show no value."""
        self._without_value = self._accounts_without_value(everyone)
        self._active = {}
        for look in everyone:
            campaign = self.past.campaigns[look.campaign_id]
            self._note_reference(look, campaign)
            state = self._states.get(look.campaign_id)
            if state is not None and state.paused:
                continue
            factor = state.factor if state is not None else 1
            self._count(campaign.account, 1, (campaign.budget_at(look.at) or 0) * factor)
        if self.totals.accounts and everyone:
            self.totals.turn(everyone[0].at.date(), self._spent_since(everyone), self._budgets())
        for account in self.totals.accounts:
            self.totals.price(account, self._running(account, everyone))

    def _budgets(self) -> dict[str, Decimal]:
        return {name: one.budget for name, one in self._active.items()}

    def _spent_since(self, everyone: list[Look]) -> dict[str, Decimal]:
        """What each account has spent since it was last looked around, as it is played."""
        spent: defaultdict[str, float] = defaultdict(float)
        for look in everyone:
            before = self._spent.get(look.campaign_id, 0.0 if self._spent else look.spend)
            self._spent[look.campaign_id] = look.spend
            state = self._states.get(look.campaign_id)
            if state is None or not state.paused:
                factor = float(state.factor) if state is not None else 1.0
                account = self.past.campaigns[look.campaign_id].account or ""
                spent[account] += max(0.0, look.spend - before) * factor
        return {name: Decimal(repr(round(amount, 6))) for name, amount in spent.items()}

    def _running(
        self, account: str, everyone: list[Look]
    ) -> Iterator[tuple[Candidate, Prior, Policy]]:
        """Its campaigns that run, as a run would see them."""
        for look in everyone:
            campaign = self.past.campaigns[look.campaign_id]
            state = self._states.get(look.campaign_id)
            if (campaign.account or "") == account and not (state is not None and state.paused):
                one = self._candidate(look, campaign, state)
                yield one, self.prior_of(account), self.policy_of(account)

    def _count(self, account: str | None, campaigns: int, budget: Decimal | int) -> None:
        """So many more that run, with so much more a day."""
        seen = self._active.get(account or "", _Active())
        self._active[account or ""] = _Active(seen.campaigns + campaigns, seen.budget + budget)

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

    def learn(self, priors: Mapping[str, Prior]) -> None:
        """Once a day: the priors of the accounts, with the curvature that is believed of each."""
        self.priors = {
            name: one._replace(curvature=self.curvature_of(name)) for name, one in priors.items()
        }

    def prior_of(self, account: str | None) -> Prior:
        """What is known of a campaign of that account before its own figures."""
        return self.priors.get(account or "", self.policy.prior)

    def run(self, at: datetime, looks: list[Look]) -> None:
        """One run at that moment."""
        self.runs += 1
        priors = {name: one._asdict() for name, one in self.priors.items()}
        totals = self.totals.in_force(self._budgets())
        over = {name for name, total in totals.items() if total.shrink_to is not None}
        engine = Engine(self.rules, self.policy, at, accounts=Accounts(self.own, priors, totals))
        seen: dict[str, Look] = {}
        for look in looks:
            state = self._states.get(look.campaign_id)
            if self._is_out(look, state, over):
                continue
            campaign = self.past.campaigns.get(look.campaign_id)
            if campaign is not None:
                self._note_reference(look, campaign)
                engine.take((self._candidate(look, campaign, state),))
                seen[look.campaign_id] = look
        acting = any(one.verdict == "act" for one in engine.answer)
        answer = engine.finish(self._portfolio(at, acting))
        for report in answer.breakers:
            self.breakers[report.get("account", "")][report["code"]] += 1
        for decision in answer:
            if decision.verdict == "act" or (decision.verdict == "propose" and self.approve):
                self._carry_out(at, decision, seen[decision.campaign_id])
            else:
                campaign = self.past.campaigns[decision.campaign_id]
                self.held[campaign.currency or ""][decision.code] += 1
        self.totals.changed(self._budgets())

    def curvature_of(self, account: str | None) -> float:
        """What the runs believe of how soon the account's campaigns saturate."""
        return self.policy_of(account).curvature

    def _note_reference(self, look: Look, campaign: PastCampaign) -> None:
        """The budget with which it is first seen, but never less than a budget may be."""
        if campaign.id not in self._references and (budget := campaign.budget_at(look.at)):
            least = max(self.policy_of(campaign.account).min_budget, Decimal(1))
            self._references[campaign.id] = max(budget, least)

    def _size(self, campaign: PastCampaign, at: datetime) -> float:
        """The budget that it really had over the reference budget; 1 where one is not known."""
        reference, budget = self._references.get(campaign.id), campaign.budget_at(at)
        return float(budget / reference) if reference and budget else 1.0

    def _is_out(self, look: Look, state: _State | None, over: set[str]) -> bool:
        """Paused, or no rule looks at it. With other budgets than the real ones a rule may; all
        are looked at in an account that is above its total."""
        shrunk = False
        if over and (known := self.past.campaigns.get(look.campaign_id)) is not None:
            shrunk = (known.account or "") in over
        if state is None:
            return not (look.met or shrunk)
        if state.paused:
            return True
        state.other.follow(look, self.half_life_days)
        campaign = self.past.campaigns.get(look.campaign_id)
        if campaign is not None:  # its own budget may be another one by now
            state.other.set_factor(state.other.factor, self._size(campaign, look.at))
        return not (look.met or shrunk) and state.other.factor == 1.0

    def _candidate(self, look: Look, campaign: PastCampaign, state: _State | None) -> Candidate:
        hold_days = self.policy_of(campaign.account).person_hold_days
        one = candidate(look, campaign, self.past.windows, hold_days)
        one.value_missing = self._value_missing(one)
        one.suspect = self.past.doubted(look)
        one.reference_budget = self._references.get(campaign.id, one.reference_budget)
        if state is not None and one.budget is not None:
            one.budget = half_up(one.budget * state.factor, currency_digits(campaign.currency))
            while state.lows and state.lows[0].at <= look.at - _WEEK:
                state.lows.popleft()
            one.budget_low_7d = min([one.budget, *(low.budget for low in state.lows)])
            one.last_action_at = max(
                filter(None, (state.last_action_at, one.last_action_at)), default=None
            )
            state.other.show(one, look)
        return one

    def _portfolio(self, at: datetime, acting: bool) -> Portfolio:
        while self._recent and self._recent[0].at <= at - _DAY:
            self._recent.popleft()
        # Asked only where it matters: the answer can do no more than stop what would be done.
        asked = acting and self.past.tracking is not None
        tracked = self.past.tracking(at) if asked and self.past.tracking is not None else {}
        accounts = sorted({*self._active, *(done.account for done in self._recent)})
        return Portfolio(
            **_counted(self._active.values(), self._recent),
            tracking=Tracking.model_validate(tracked.get(None) or {}),
            accounts=tuple(
                AccountState(
                    account=name,
                    currency=self._currency_of.get(name),
                    tracking=Tracking.model_validate(tracked.get(name) or {}),
                    **_counted(
                        [self._active.get(name, _Active())],
                        [done for done in self._recent if done.account == name],
                    ),
                )
                for name in accounts
            ),
        )

    def budgets(self) -> dict[str, tuple[float, float]]:
        """(spend, revenue) beyond what was, by campaign, of all changes of budget."""
        return {
            number: (state.other.spend, state.other.revenue)
            for number, state in self._states.items()
        }

    def pace(self, campaign_id: str) -> Pace:
        """What its last budget makes of what there was; if paused, the one of before."""
        state = self._states.get(campaign_id)
        return state.other.pace if state is not None else Pace()

    def _carry_out(self, at: datetime, decision: Decision, look: Look) -> None:
        campaign = self.past.campaigns[look.campaign_id]
        state = self._states.get(look.campaign_id)
        if state is None:
            believed = self.curvature_of(campaign.account)
            state = _State(Counterfactual(look, self.spread * believed, believed))
            self._states[look.campaign_id] = state
        old, new = decision.previous.budget, decision.new.budget
        account = campaign.account or ""
        judged = decision.case.plan.kind != "total"  # nothing waits for what the total asks for
        if decision.is_pause:
            state.paused = True
            self._recent.append(_Done(at, "pause", Decimal(0), account))
            self._count(account, -1, -(old or 0))
        elif old is not None and new is not None:
            base = campaign.budget_at(at)
            if base:
                state.factor = new / base
                state.other.set_factor(float(state.factor), self._size(campaign, at))
            state.lows.append(_Low(at, old))
            kind = "raise" if new > old else "cut"
            if judged:
                self._recent.append(_Done(at, kind, abs(new - old), account))
            self._count(account, 0, new - old)
        if judged:
            state.last_action_at = at
        self.events.append(
            Event(
                at, look.campaign_id, campaign.title, decision.action_type, decision.rule_name,
                decision.confidence, decision.reason, old, new, decision.verdict == "propose",
                look.spend, look.revenue, look.conversions, decision.case.plan.cpa,
            )
        )  # fmt: skip


def _counted(active: Iterable[_Active], done: Sequence[_Done] | deque[_Done]) -> dict[str, Any]:
    """What a portfolio says of campaigns that run and of what was done to them."""
    running = list(active)
    raised = [one.amount for one in done if one.kind == "raise"]
    lowered = [one.amount for one in done if one.kind == "cut"]
    return {
        "active_campaigns": float(sum(one.campaigns for one in running)),
        "active_budget": max(sum((one.budget for one in running), Decimal(0)), Decimal(0)),
        "pauses_24h": float(len(done) - len(raised) - len(lowered)),
        "scale_ups_24h": float(len(raised)),
        "raised_24h": sum(raised, Decimal(0)),
        "cuts_24h": float(len(lowered)),
        "lowered_24h": sum(lowered, Decimal(0)),
    }

"""`decide`: rules and candidates in, decisions out. Pure: no I/O, no clock, no randomness.

Each candidate by itself: its rules by priority, the first whose action no guardrail blocks wins.
Then the portfolio's guardrails over all decisions, then what a person has to approve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from autonomy.engine.breakers import BEFORE_TOTALS, growth
from autonomy.engine.candidate import Candidate
from autonomy.engine.case import Case, Odds
from autonomy.engine.compiled_conditions import Matcher, compile_conditions
from autonomy.engine.confidence import Prior
from autonomy.engine.curve import curve_of, dead_band, within_dead_band
from autonomy.engine.decision import Decision, Decisions
from autonomy.engine.guardrails import blocked, digits_of, sized
from autonomy.engine.outcome import State
from autonomy.engine.plan import Plan, Resume, Shrinking, kind_of
from autonomy.engine.policy import Policy, Portfolio
from autonomy.engine.sizing import WIDE, cut_down, floor_of, times
from autonomy.engine.totals import Budget, Total, floor_kept, hold_within, shrunk
from autonomy.errors import CandidateError, RuleError
from autonomy.rules.language import Rule

RuleRow = Rule | Mapping[str, Any]
PolicyRow = Policy | Mapping[str, Any]
CandidateRow = Candidate | Mapping[str, Any]


class Accounts(NamedTuple):
    """In what accounts differ from the policy, by their names.

    `policies`: the policies of those that have limits of their own; `priors`: what is known of a
    campaign of theirs before its own figures; `totals`: what budgets may be together in those that
    have a total, rows of `autonomy_account_totals`.
    """

    policies: Mapping[str, PolicyRow] = MappingProxyType({})
    priors: Mapping[str, Mapping[str, float]] = MappingProxyType({})
    totals: Mapping[str, Total | Mapping[str, Any]] = MappingProxyType({})


def decide(
    rules: Iterable[RuleRow],
    candidates: Iterable[CandidateRow],
    policy: PolicyRow,
    now: datetime,
    portfolio: Portfolio | Mapping[str, Any] | None = None,
    *,
    accounts: Accounts | None = None,
    include_inactive_rules: bool = False,
    dry_run: bool = False,
) -> Decisions:
    """What to do about each candidate, and why.

    `accounts`: in what they differ from the policy. `portfolio` None: counted from the
    candidates given, with nothing done in the last 24 hours.
    A rule or a candidate that cannot be read is reported in the answer and left out; a policy
    that is not whole raises PolicyError. `dry_run` changes the sentences only.
    """
    engine = Engine(
        rules, policy, now, accounts=accounts, include_inactive_rules=include_inactive_rules
    )
    engine.take(candidates)
    return engine.finish(portfolio, dry_run=dry_run)


class Engine:
    """One run's decisions, fed page by page: `take` pages of candidates, then `finish`."""

    def __init__(
        self,
        rules: Iterable[RuleRow],
        policy: PolicyRow,
        now: datetime,
        *,
        accounts: Accounts | None = None,
        include_inactive_rules: bool = False,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("now needs a time zone")
        self.policy = _policy(policy)
        # where all is only observed, a run says what it would do: that is no reason to hold
        self._usual = self.policy
        if self.policy.mode == "observe":
            self._usual = self.policy.model_copy(update={"mode": "autonomous"})
        accounts = accounts or Accounts()
        own = {name: _policy(row) for name, row in accounts.policies.items()}
        self.totals = {
            name: row if isinstance(row, Total) else Total.from_row(row)
            for name, row in accounts.totals.items()
        }
        self._over: dict[str, list[Candidate]] = {
            name: [] for name, total in self.totals.items() if total.shrink_to is not None
        }
        self.now = now
        self.answer = Decisions()
        ready = self._ready(rules, include_inactive_rules)
        self._curves = any(kind_of(rule) == "curve" for rule in ready)
        self.plans = self._plans(ready, self._usual)
        self._own = {name: (one, self._plans(ready, one)) for name, one in own.items()}
        self._policies = {name: one for name, (one, _) in self._own.items()}
        self.matching: Matcher = compile_conditions([plan.rule.condition for plan in self.plans])
        self._prior = self.policy.prior
        self._priors = {name: Prior(**row) for name, row in accounts.priors.items()}
        self._seen: set[str] = set()
        self._active = 0
        self._budget = Decimal(0)

    def _ready(self, rules: Iterable[RuleRow], include_inactive: bool) -> list[Rule]:
        """Valid rules in the order they decide; bad ones are reported and skipped."""
        ready = []
        for row in rules:
            try:
                rule = Rule.parse(row)
            except RuleError as error:
                name = row.get("rule_name") if isinstance(row, Mapping) else None
                skipped = {"rule_name": str(name or ""), "error": str(error)}
                self.answer.rules_skipped.append(skipped)
                continue
            if rule.is_active or include_inactive:
                ready.append(rule)
        return sorted(ready, key=lambda rule: rule.order)

    def _plans(self, rules: Iterable[Rule], policy: Policy) -> list[Plan]:
        return [Plan(rule, policy, beside_curve=self._curves) for rule in rules]

    def take(self, candidates: Iterable[CandidateRow]) -> None:
        """Decides each candidate by itself. A campaign that came before is not decided again."""
        for row in candidates:
            try:
                candidate = row if isinstance(row, Candidate) else Candidate.from_row(row)
            except CandidateError as error:
                self._skip(row, error)
                continue
            if candidate.campaign_id in self._seen:
                continue
            self._seen.add(candidate.campaign_id)
            if candidate.is_active:
                self._active += 1
                self._budget += max(candidate.budget or Decimal(0), Decimal(0))
                if candidate.account in self._over:
                    self._over[candidate.account].append(candidate)
            decision = self.decide_one(candidate) if self.plans else None
            if decision is not None:
                self.answer.decisions.append(decision)

    def _skip(self, row: CandidateRow, error: CandidateError) -> None:
        number = row.get("campaign_id") if isinstance(row, Mapping) else None
        skipped = {"campaign_id": str(number or ""), "error": str(error)}
        self.answer.candidates_skipped.append(skipped)

    def decide_one(self, candidate: Candidate) -> Decision | None:
        """One candidate's decision before the portfolio's guardrails; None where no rule is met."""
        if not candidate.is_active:
            return self._resume(candidate)
        hits = self.matching(candidate) if candidate.has_figures else ()
        if not hits:
            return None
        policy, plans = self.ruled_by(candidate)
        odds = self.odds(candidate)
        met = [plans[at] for at in hits]
        if self._curves:
            met = [plan for plan in met if not self.rests(candidate, plan, policy, odds)]
        return self._first_not_held(candidate, policy, met, odds) if met else None

    def rests(self, candidate: Candidate, plan: Plan, policy: Policy, odds: Odds) -> bool:
        """Whether its budget is where it belongs, or where another program keeps it: then a rule
        by the curve is not about it."""
        if plan.kind != "curve":
            return False
        if candidate.put_back:
            return True
        case = Case(candidate, plan, policy, self.now, odds, self.price(candidate))
        if case.target is None:
            return False
        own, roi = case.odds, case.asked / case.odds.believed
        band = dead_band(own.curve.curvature, own.mean_at_reference, roi, own.precision)
        return within_dead_band(candidate.budget, case.target, band)

    def ruled_by(self, candidate: Candidate) -> tuple[Policy, list[Plan]]:
        """The policy of its account, and the rules made ready under it."""
        return self._own.get(candidate.account or "") or (self._usual, self.plans)

    def price(self, candidate: Candidate) -> float:
        """The multiple of break-even that the next unit of its budget has to return."""
        total = self.totals.get(candidate.account or "")
        return 1.0 if total is None else total.price

    def odds(self, candidate: Candidate) -> Odds:
        """What its evidence says, beside what is known of campaigns of its account."""
        prior = self._priors.get(candidate.account or "", self._prior)
        curvature = prior.curvature if candidate.curvature is None else candidate.curvature
        curve = curve_of(candidate.budget, candidate.reference_budget, curvature)
        return Odds(candidate.evidence, prior, candidate.attribution, curve)

    def _first_not_held(
        self, candidate: Candidate, policy: Policy, plans: Sequence[Plan], odds: Odds
    ) -> Decision:
        first: Case | None = None
        first_code = ""
        first_limits: tuple[str, ...] = ()
        codes: list[tuple[str, str]] = []
        for place, plan in enumerate(plans):
            case = Case(candidate, plan, policy, self.now, odds, self.price(candidate))
            code, new, limits = outcome(case)
            if code is None:
                after = [(other.name, "OUTRANKED") for other in plans[place + 1 :]]
                others = (*codes, *after)
                return Decision(case, "act", case.action_type, new, limits, others, place)
            codes.append((plan.name, code))
            if first is None:
                first, first_code, first_limits = case, code, limits
        if first is None:
            raise ValueError("a candidate needs at least one matching rule")
        return Decision(first, "hold", first_code, None, first_limits, tuple(codes[1:]), 0)

    def _resume(self, candidate: Candidate) -> Decision | None:
        """Takes back a pause of ours that late conversions have proven wrong."""
        paused, (policy, _) = candidate.paused_action, self.ruled_by(candidate)
        if paused is None or not policy.resume_when_proven_wrong:
            return None
        if paused.status is None or not paused.pause_below > 0.0:  # NaN as well
            return None
        odds = self.odds(candidate)
        if odds.by(paused.cpa).percent_below(paused.pause_below) > policy.resume_confidence:
            return None
        case = Case(candidate, Resume(paused, policy), policy, self.now, odds)
        code = blocked(case)
        if code is not None:
            return Decision(case, "hold", code, None, (), (), 0)
        new = State(paused.status, paused.budget)
        return Decision(case, "act", "auto_resume", new, (), (), 0)

    def finish(
        self, portfolio: Portfolio | Mapping[str, Any] | None = None, *, dry_run: bool = False
    ) -> Decisions:
        """The portfolio's guardrails over everything taken, then approval; the answer."""
        decisions = self.answer.decisions
        decisions.sort(key=lambda decision: decision.campaign_id)
        state = self._portfolio(portfolio)
        told = [
            report
            for trips in BEFORE_TOTALS
            for report in trips(decisions, self._usual, state, self._policies)
        ]
        for account, over in self._over.items():
            if self.plans:
                self._shrink(self.totals[account], over)
        hold_within(decisions, self.totals)
        self.answer.breakers = told + growth(decisions, self._usual, state, self._policies)
        for decision in decisions:
            decision.dry_run = dry_run or self.policy.mode == "observe"
            approval = (
                decision.case.policy.mode == "approve" or decision.case.plan.requires_approval
            )
            if decision.verdict == "act" and approval:
                decision.propose("APPROVAL")
        self.answer.campaigns_seen = len(self._seen)
        return self.answer

    def _shrink(self, total: Total, over: Sequence[Candidate]) -> None:
        """The campaigns of an account that is above its total, each a part of it.

        Of several shards each takes on the part that its own budgets are of all of them.
        """
        decided = {one.campaign_id: one for one in self.answer.decisions}
        cases = {one.campaign_id: self._shrinking(one, total) for one in over}
        budgets = [_budget_of(case, decided.get(name)) for name, case in cases.items()]
        seen = sum((one.budget for one in budgets), Decimal(0))
        whole = max(total.active_budget, seen)
        left = total.shrink_to or Decimal(0)
        if seen < whole:
            left = cut_down(WIDE.divide(times(left, seen), whole), 6)
        for name, new in shrunk(left, budgets).items():
            before, case = decided.get(name), cases[name]
            others = () if before is None else _set_aside(before, total.shrink_code)
            state = State(case.candidate.status, new)
            decided[name] = Decision(case, "act", case.action_type, state, (), others, 0)
        self.answer.decisions[:] = sorted(decided.values(), key=lambda one: one.campaign_id)

    def _shrinking(self, candidate: Candidate, total: Total) -> Case:
        policy, _ = self.ruled_by(candidate)
        plan = Shrinking(total.price)
        case = Case(candidate, plan, policy, self.now, self.odds(candidate), total.price)
        case.total = total
        return case

    def _portfolio(self, given: Portfolio | Mapping[str, Any] | None) -> Portfolio:
        if given is None:
            return Portfolio(active_campaigns=self._active, active_budget=self._budget)
        return given if isinstance(given, Portfolio) else Portfolio.from_row(given)


def outcome(case: Case) -> tuple[str | None, State | None, tuple[str, ...]]:
    """(a hold's code or None, the new state, the limits that shaped it) of one rule's action."""
    code = blocked(case)
    if code is not None:
        return code, None, ()
    if case.direction == "pause":
        return None, State(case.policy.paused_text, case.candidate.budget), ()
    size = sized(case)
    if size.code is not None:
        return size.code, None, size.limits
    return None, State(case.candidate.status, size.budget), size.limits


def _budget_of(case: Case, decision: Decision | None) -> Budget:
    """A campaign of an account that is above its total, beside what else is decided about it."""
    budget = max(case.candidate.budget or Decimal(0), Decimal(0))
    own, kept = None, blocked(case) is not None or budget == 0
    if decision is not None and (decision.is_pause or decision.cut_of > 0):
        # what waits for a person, while all else does not, leaves it as it is
        waits = decision.case.plan.requires_approval and case.policy.mode != "approve"
        if decision.verdict == "propose" or (decision.verdict == "act" and waits):
            kept = True
        elif decision.verdict == "act":
            own = Decimal(0) if decision.is_pause else decision.new.budget
    digits = digits_of(case)
    floor = floor_kept(case.policy.min_budget, case.candidate.reference_budget, digits)
    minimum = case.candidate.platform_minimum
    floor = floor if minimum is None else max(floor, floor_of(minimum, digits))
    return Budget(case.candidate.campaign_id, budget, floor, own, kept, digits)


def _set_aside(decision: Decision, code: str) -> tuple[tuple[str, str], ...]:
    """The rules that matched, where their campaign is shrunk instead: a raise by the total."""
    instead = code if decision.raise_of > 0 else "OUTRANKED"
    codes = [(one["rule_name"], one["code"]) for one in decision.matched]
    if decision.verdict != "hold":
        codes[decision.place] = (decision.rule_name, instead)
    return tuple(codes)


def _policy(row: PolicyRow) -> Policy:
    return row if isinstance(row, Policy) else Policy.from_row(row)

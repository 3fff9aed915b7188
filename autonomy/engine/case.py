"""One campaign under one plan: the direction, the threshold, and how likely the plan is right."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from math import exp, isnan, log
from typing import Protocol

from autonomy.engine.candidate import Candidate
from autonomy.engine.confidence import (
    Evidence,
    Prior,
    below,
    by_cpa,
    clamped,
    posterior,
    round_half_up,
)
from autonomy.engine.curve import Curve, curve_of, is_amount, least_kept, target_budget
from autonomy.engine.plan import Plan, Resume, Shrinking, Thresholds
from autonomy.engine.policy import Policy
from autonomy.engine.sizing import floor_of, unit
from autonomy.text import currency_digits

PAUSE_AGAINST_PERSON_FROM = 95.0  # percent: so sure has a pause to be of what a person switched on
OPTIMISED_AWAY_FROM = 95.0  # percent: so sure has to be a pause of a budget that follows its curve


class Ceiling(Protocol):
    """What sentences say of an account's total (see `totals.Total`)."""

    @property
    def ceiling(self) -> Decimal: ...
    @property
    def active_budget(self) -> Decimal: ...
    @property
    def shrink_to(self) -> Decimal | None: ...
    @property
    def shrink_code(self) -> str: ...


class Odds:
    """What a campaign's evidence says of its true roi; computed once a campaign.

    Evidence and prior are what the platform reports, and so is `u`, which is of the roi at the
    reference budget: `curve` leads from there to the present one. `believed` is which part of what
    is reported is taken for true. So a target is held against the evidence divided by it.
    """

    __slots__ = ("believed", "curve", "evidence", "precision", "prior", "u")

    def __init__(
        self, evidence: Evidence, prior: Prior, believed: float = 1.0, curve: Curve | None = None
    ) -> None:
        self.evidence, self.prior, self.believed = evidence, prior, believed
        self.curve = curve_of(None, None, prior.curvature) if curve is None else curve
        self.u, self.precision = posterior(evidence, prior)

    def by(self, cpa: float | None) -> Odds:
        """Of the cost of a conversion, where a rule speaks of that: as if one were worth it."""
        if cpa is None:
            return self
        evidence, prior = by_cpa(self.evidence, cpa)
        prior = prior._replace(curvature=self.prior.curvature)
        return Odds(evidence, prior, self.believed, self.curve)

    @property
    def roi(self) -> float:
        """The most probable true roi, at the present budget; in SQL's order of operations."""
        return exp(self.u + log(self.believed) - log(self.curve.over))

    @property
    def mean_at_reference(self) -> float:
        """The roi to be expected at the reference budget, as the platform would report it."""
        spread = 1.0 / self.precision
        return exp(self.u + spread * spread / clamped(self.prior.tau2, 0.01, 25.0, 0.64) / 2.0)

    def below(self, roi: float) -> float:
        """How likely the true roi, at the present budget, is below this one: 0..1."""
        return below(roi / self.believed * self.curve.over, self.u, self.precision)

    def percent_below(self, roi: float) -> float:
        """How likely the true roi is below this one: 0..100, to two digits."""
        return round_half_up(100.0 * self.below(roi))

    def percent_above(self, roi: float) -> float:
        """How likely the true roi is not below this one: 0..100, to two digits."""
        return round_half_up(100.0 * (1.0 - self.below(roi)))


class Case:
    """A candidate under a plan: the direction, the threshold it is judged by, and the confidence.

    `odds` are those of the campaign's roi, or of its cpa where the plan has a `cpa`.

    `roi_threshold` is the one of the plan's thresholds (multiples) that the direction is judged by,
    `break_even` the one from which on its money earns itself back; `confidence`, in percent to two
    digits, is how likely the true roi lies on the side of `roi_threshold` that the action needs,
    `floor` how likely it has to be. `target` is where a budget that follows its curve belongs,
    `asked` what its next unit of budget has to return (see Thresholds), `total` its account's
    total where that is what shrinks or holds it.
    """

    __slots__ = (
        "action_type",
        "asked",
        "break_even",
        "candidate",
        "confidence",
        "direction",
        "floor",
        "min_budget",
        "now",
        "odds",
        "plan",
        "policy",
        "price",
        "roi_threshold",
        "target",
        "total",
    )

    def __init__(
        self,
        candidate: Candidate,
        plan: Plan | Resume | Shrinking,
        policy: Policy,
        now: datetime,
        odds: Odds,
        price: float = 1.0,
    ) -> None:
        self.candidate = candidate
        self.plan = plan
        self.policy = policy
        self.now = now
        self.odds = odds = odds.by(plan.cpa)
        self.action_type = plan.action_type
        self.floor = plan.floor
        self.target: Decimal | None = None
        self.total: Ceiling | None = None
        self.price = price
        if isinstance(plan, Plan):
            self.min_budget = plan.min_budget
            self._judge(plan)
        elif isinstance(plan, Shrinking):
            self._shrink()
        else:
            self.min_budget = policy.min_budget
            self.direction = "resume"
            self.roi_threshold = plan.pause_below
            self.break_even = 1.0
            if plan.cpa is None:
                own = candidate.target_roi
                self.break_even = policy.break_even_roi if isnan(own) else own
            self.asked = self.break_even
            self.confidence = round_half_up(100.0 - odds.percent_below(plan.pause_below))

    def _shrink(self) -> None:
        """Down, whatever the evidence says; what it says is told."""
        candidate, reference = self.candidate, self.candidate.reference_budget
        self.min_budget = self.policy.min_budget
        if reference is not None and is_amount(reference):
            self.min_budget = least_kept(self.min_budget, reference)
        own = candidate.target_roi
        self.direction = "down"
        self.break_even = self.policy.break_even_roi if isnan(own) else own
        self.asked = max(self.break_even, self.price * self.break_even)
        self.roi_threshold = self.asked * self.odds.curve.steep
        self.confidence = self.odds.percent_below(self.roi_threshold)

    def _judge(self, plan: Plan) -> None:
        kind, odds = plan.kind, self.odds
        held = plan.held_against(self.candidate.target_roi, odds.curve, self.price)
        self.break_even, self.asked = held.break_even, held.asked
        if kind == "set":
            budget = self.candidate.budget
            up = budget is not None and plan.budget is not None and plan.budget > budget
            kind = "up" if up else "down"
        elif kind == "curve":
            kind = self._along_the_curve()
        self.direction = kind
        if plan.kind == "curve" and kind == "pause":
            # not even the first unit of budget, which returns so much more than the present average
            self.roi_threshold = held.break_even / odds.curve.steep
            self.confidence = odds.percent_below(self.roi_threshold)
        elif kind == "pause":
            self.roi_threshold = held.pause_below
            self.confidence = odds.percent_below(held.pause_below)
        elif kind == "up":
            self.roi_threshold = self._raise_above(plan, held)
            self.confidence = odds.percent_above(self.roi_threshold)
        else:
            self.roi_threshold = held.marginal_break_even
            self.confidence = odds.percent_below(held.marginal_break_even)

    def _raise_above(self, plan: Plan, held: Thresholds) -> float:
        """Beside a rule that lets budgets follow their curves, the last unit of a raise has to earn
        its keep as well: the next day would else take it back, and the day after raise it again."""
        if plan.kind == "curve":
            return held.marginal_break_even
        if not plan.beside_curve:
            return held.scale_above
        candidate, curve = self.candidate, self.odds.curve
        budget = candidate.budget
        wanted = None if budget is None else plan.wanted(budget, up=True)
        after = curve_of(wanted, candidate.reference_budget, curve.curvature)
        return held.asked * curve.steep_at(after.share)

    def _along_the_curve(self) -> str:
        """Up or down towards where the next unit earns its keep; at the floor, if not even the
        first one does, a pause. Up where nothing is known, which is held."""
        budget, reference = self.candidate.budget, self.candidate.reference_budget
        if reference is None or not is_amount(reference):
            return "up"
        self.min_budget = least_kept(self.min_budget, reference)
        odds, roi = self.odds, self.asked / self.odds.believed
        self.target = target_budget(reference, odds.curve.curvature, odds.mean_at_reference, roi)
        if budget is None or self.target >= budget:
            return "up"
        digits = currency_digits(self.candidate.currency)
        if budget - floor_of(self.min_budget, digits) > unit(digits):
            return "down"
        least = max(OPTIMISED_AWAY_FROM, self.floor, self.policy.floor(is_pause=True))
        if odds.percent_below(self.break_even / odds.curve.steep) < least:
            return "down"
        self.floor, self.action_type = least, "auto_pause"
        return "pause"

    @property
    def against_person_until(self) -> datetime | None:
        """Until when this would go against what a person did last; a certain pause goes ahead."""
        candidate = self.candidate
        if self.direction == "up":
            return candidate.no_raise_until
        if self.direction == "down":
            return candidate.no_cut_until
        certain = self.direction != "pause" or self.confidence >= PAUSE_AGAINST_PERSON_FROM
        return None if certain else candidate.no_pause_until

    @property
    def planned_event(self) -> str | None:
        """The event that speaks against this direction; a resume counts as a raise."""
        candidate = self.candidate
        if self.direction == "pause":
            return candidate.no_pauses_event
        return candidate.no_cuts_event if self.direction == "down" else candidate.no_raises_event

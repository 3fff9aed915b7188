"""One campaign under one plan: the direction, the threshold, and how likely the plan is right."""

from __future__ import annotations

from datetime import datetime
from math import exp, isnan

from autonomy.engine.candidate import Candidate
from autonomy.engine.confidence import (
    Evidence,
    Prior,
    below,
    by_cpa,
    posterior,
    round_half_up,
)
from autonomy.engine.plan import STEP_DOWN_UNTIL, Plan, Resume
from autonomy.engine.policy import Policy

PAUSE_AGAINST_PERSON_FROM = 95.0  # percent: so sure has a pause to be of what a person switched on


class Odds:
    """What a campaign's evidence says of its true roi; computed once a campaign.

    Evidence and prior are what the platform reports, and so is `u`; `believed` is which part of
    that is taken for true. So a target is held against the evidence divided by it.
    """

    __slots__ = ("believed", "evidence", "precision", "prior", "u")

    def __init__(self, evidence: Evidence, prior: Prior, believed: float = 1.0) -> None:
        self.evidence, self.prior, self.believed = evidence, prior, believed
        self.u, self.precision = posterior(evidence, prior)

    def by(self, cpa: float | None) -> Odds:
        """Of the cost of a conversion, where a rule speaks of that: as if one were worth it."""
        return self if cpa is None else Odds(*by_cpa(self.evidence, cpa), self.believed)

    @property
    def roi(self) -> float:
        """The most probable true roi."""
        return exp(self.u) * self.believed

    def below(self, roi: float) -> float:
        """How likely the true roi is below this one: 0..1."""
        return below(roi / self.believed, self.u, self.precision)

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
    digits, is how likely the true roi lies on the side of `roi_threshold` that the action needs.
    """

    __slots__ = (
        "break_even",
        "candidate",
        "confidence",
        "direction",
        "now",
        "odds",
        "plan",
        "policy",
        "roi_threshold",
    )

    def __init__(
        self, candidate: Candidate, plan: Plan | Resume, policy: Policy, now: datetime, odds: Odds
    ) -> None:
        self.candidate = candidate
        self.plan = plan
        self.policy = policy
        self.now = now
        self.odds = odds = odds.by(plan.cpa)
        if isinstance(plan, Plan):
            self._judge(plan)
        else:
            self.direction = "resume"
            self.roi_threshold = plan.pause_below
            self.break_even = 1.0
            if plan.cpa is None:
                own = candidate.target_roi
                self.break_even = policy.break_even_roi if isnan(own) else own
            self.confidence = round_half_up(100.0 - odds.percent_below(plan.pause_below))

    def _judge(self, plan: Plan) -> None:
        kind, odds = plan.kind, self.odds
        if kind == "set":
            budget = self.candidate.budget
            up = budget is not None and plan.budget is not None and plan.budget > budget
            kind = "up" if up else "down"
        self.direction = kind
        held = plan.held_against(self.candidate.target_roi)
        self.break_even = held.break_even
        if kind == "pause":
            self.roi_threshold = held.pause_below
            self.confidence = odds.percent_below(held.pause_below)
        elif kind == "up":
            self.roi_threshold = held.scale_above
            self.confidence = odds.percent_above(held.scale_above)
        else:
            self.roi_threshold = held.marginal_break_even
            self.confidence = odds.percent_below(held.marginal_break_even)
        if kind == "step":
            self._judge_step(odds.percent_above(held.marginal_break_even))

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

    def _judge_step(self, earns: float) -> None:
        down = earns <= STEP_DOWN_UNTIL
        self.direction = "down" if down else "up"
        self.confidence = round_half_up(100.0 - earns) if down else earns

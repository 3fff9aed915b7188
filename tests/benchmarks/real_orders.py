"""Does a pause's confidence hold where orders are as they really are? Rows of docs/calibration.md.

Nothing is told: neither how orders scatter nor how late they come. The two rules for pauses, each
campaign watched day after day for its first thirty days; the first pause that fires on it counts.
The prior is fitted anew every third day, from what the account has shown by then; how late orders
come is assumed, until the account's launches have told it on three days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise, product
from math import isnan, log, sqrt
from typing import NamedTuple

import numpy as np

from autonomy.engine import decide
from autonomy.engine.candidate import Candidate
from autonomy.engine.confidence import DEFAULT_PRIOR, Prior
from autonomy.engine.delay import delay_of_launches, nearest_delay
from autonomy.engine.policy import Policy
from autonomy.engine.prior import DaysSums, Scatter, fit_prior, scatter_of
from tests.benchmarks.engine import FOUR
from tests.benchmarks.portfolios import Kind, Truth, portfolio

DAYS = 30
TOLD_ON = 11  # nine days are a launch, and two more days have to say the same
NOW = datetime(2026, 11, 24, tzinfo=UTC)
WIDE = {"active_campaigns": 10**9, "active_budget": 1e15}  # no breaker trips: each pause counts
PAUSES = [rule for rule in FOUR if rule["action"]["type"] == "auto_pause"]
KINDS = tuple(
    Kind(roi, tau, value, 2.25, volume, told=False)
    for roi, tau, value, volume in product((0.7, 1.0, 2.0), (0.4, 0.8, 1.1), (50.0,), (0.1, 0.8))
)


class Pause(NamedTuple):
    """The first pause of a campaign: what it says of itself, percent; whether it was right."""

    says: float
    right: bool
    account: int
    order_value: float  # mean of those that it has shown, in those of the account; 0: none


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    title: str
    kinds: Sequence[Kind]
    size: int = 200
    assumed: float = 0.0  # hours that orders are late by, until it is measured
    goal: float = 0.05  # the largest error that will do
    sure_goal: float | None = 5.0  # points between what claims of 80 and more say and are
    group_goal: float | None = None  # points by which no group of order values may be off


def _all(**changes: float) -> list[Kind]:
    return [replace(one, **changes) for one in KINDS]  # type: ignore[arg-type]


CASES = (
    Case("orders of cv2 0.5", _all(order_cv2=0.5)),
    Case("orders of cv2 2.25", _all()),
    Case("orders of cv2 4", _all(order_cv2=4.0)),
    Case("cv2 2.25, accounts of 20", [one for one in KINDS for _ in range(5)],
         size=20, goal=0.1, sure_goal=None),
    Case("cv2 2.25, conversions 48 hours late, 24 assumed", _all(delay_hours=48.0),
         assumed=24.0, goal=0.1, sure_goal=None),
    Case("the same, none assumed (preset `guide`)", _all(delay_hours=48.0), goal=1.0,
         sure_goal=None),
    Case(
        "cv2 2.25, order values from a fifth to five times", _all(spread=-log(5.0)), goal=0.08,
        group_goal=10.0,
    ),
)  # fmt: skip


def scatter(truths: Sequence[Truth], days: int) -> Scatter:
    """What the days so far say of cv2, as the database adds them up."""
    return scatter_of(_sums(one, days) for one in truths)


def _sums(one: Truth, days: int) -> DaysSums:
    n = np.diff(one.conversions[:days], prepend=0.0)
    r = np.diff(one.revenue[:days], prepend=0.0)
    return DaysSums(*(float(x) for x in (n.sum(), n @ n, r.sum(), r @ r, n @ r)))


def pauses(case: Case, seed: int) -> list[Pause]:
    """The first pauses of all of its accounts."""
    luck = np.random.default_rng(seed)
    found: list[Pause] = []
    for number, kind in enumerate(case.kinds):
        found += _of_account(portfolio(luck, kind, case.size), kind, number, case.assumed)
    return found


def _of_account(truths: Sequence[Truth], kind: Kind, number: int, delay: float) -> Iterator[Pause]:
    of = {f"{one.number:08d}": one for one in truths}
    prior = DEFAULT_PRIOR
    for day in range(1, DAYS + 1):
        if day == TOLD_ON:
            told = delay_of_launches([one.launch() for one in truths])
            delay = nearest_delay(told) if told else delay
        look = [Candidate.from_row(one.row(day, delay)) for one in truths]
        if day == 2 or day % 3 == 1:
            prior = fit_prior((one.evidence for one in look), DEFAULT_PRIOR, scatter(truths, day))
        waiting = (one for one in look if one.campaign_id in of)
        for one in decide(PAUSES, waiting, policy_of(prior), NOW, WIDE):
            if one.verdict == "act":
                true = of.pop(one.campaign_id)
                yield Pause(
                    one.confidence, true.roi < one.roi_threshold, number,
                    _seen(true, day) / kind.order_value,
                )  # fmt: skip


def _seen(one: Truth, day: int) -> float:
    orders = float(one.conversions[day - 1])
    return float(one.revenue[day - 1]) / orders if orders else 0.0


def policy_of(prior: Prior) -> Policy:
    return Policy(
        prior_mean_roi=prior.mean_roi,
        prior_tau2=prior.tau2,
        prior_order_value=prior.order_value,
        prior_cv2=prior.cv2,
        prior_order_spread=prior.order_spread,
    )


@dataclass(frozen=True)
class Measured:
    """What became of a case: error 0..1, the rest in points."""

    case: Case
    pauses: int
    error: float
    sure_says: float
    sure_right: float
    bias: float  # standard deviation between accounts, less what chance gives it
    group: float  # the group of order values that is furthest off

    @property
    def faults(self) -> list[str]:
        """What is not as good as it has to be."""
        found = []
        if self.error > self.case.goal:
            found.append(f"an error of {self.error:.3f}")
        sure = self.case.sure_goal
        if sure is not None and abs(self.sure_says - self.sure_right) > sure:
            found.append(f"{self.sure_says:.1f} and more is right {self.sure_right:.1f} times")
        if sure is not None and self.case.group_goal is None and self.bias > 8.0:
            found.append(f"accounts differ by {self.bias:.1f}")
        if self.case.group_goal is not None and self.group > self.case.group_goal:
            found.append(f"a group is off by {self.group:.1f}")
        return [f"{self.case.title}: {one}" for one in found]


def measure(case: Case, seed: int) -> Measured:
    made = pauses(case, seed)
    sure = [one for one in made if one.says >= 80.0]
    return Measured(
        case,
        len(made),
        error_of(made),
        _mean([one.says for one in sure]),
        _mean([100.0 * one.right for one in sure]),
        bias_of([[one for one in made if one.account == at] for at in range(len(case.kinds))]),
        max(abs(_off(group)) for group in _by_order_value(made) if len(group) >= 30),
    )


def error_of(made: Sequence[Pause]) -> float:
    """Expected calibration error, in bins of five percent."""
    bins: dict[int, list[Pause]] = {}
    for one in made:
        bins.setdefault(min(int(one.says // 5), 19), []).append(one)
    return sum(abs(_off(held)) * len(held) for held in bins.values()) / len(made) / 100.0


def bias_of(accounts: Sequence[Sequence[Pause]]) -> float:
    """How much what accounts say too much differs, beyond chance, where there are 20 pauses."""
    many = [one for one in accounts if len(one) >= 20]
    if len(many) < 2:
        return float("nan")
    chance = _mean([sum(p.says * (100 - p.says) for p in one) / len(one) ** 2 for one in many])
    return sqrt(max(0.0, float(np.var([_off(one) for one in many])) - chance))


def _by_order_value(made: Sequence[Pause]) -> list[list[Pause]]:
    edges = (0.0, 1e-9, 0.36, 0.7, 1.4, 2.8, float("inf"))
    return [[one for one in made if low <= one.order_value < high] for low, high in pairwise(edges)]


def _off(made: Sequence[Pause]) -> float:
    """Points that they say too much."""
    return _mean([one.says - 100.0 * one.right for one in made])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _shown(points: float) -> str:
    return "" if isnan(points) else f"{points:.1f}"


def table(results: Sequence[Measured]) -> str:
    lines = [
        "| | pauses | error | 80 and more say | right | accounts differ | order values |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        lines.append(
            f"| {one.case.title} | {one.pauses:,} | {one.error:.3f} | {one.sure_says:.1f} "
            f"| {one.sure_right:.1f} | {_shown(one.bias)} | {one.group:.1f} |"
        )
    return "\n".join(lines)

"""What the next unit of a campaign's budget returns, and where its budget belongs.

    b, b_ref  money     the budget now, and the reference budget: before anybody optimised it
    x         1         b / b_ref
    c         1         at c times the reference budget the average return is half the first unit's
    rho       multiple  roi at the reference budget, which the posterior of the confidence is of

    average return      rho (c + 1) / (c + x)
    next unit's         rho c (c + 1) / (c + x)^2, which is the average one times c / (c + x)
    first unit's        rho (c + 1) / c
    target              c b_ref (sqrt(rho (c + 1) / (c L)) - 1): there the next unit returns L

The same in SQL (sql/0405_curve.sql), in the same order of operations.
"""

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from typing import NamedTuple

from autonomy.engine.confidence import clamped
from autonomy.engine.sizing import cut_down, floor_of, half_up, times

LEAST_BUDGET, MOST_BUDGET = 1e-6, 1e15  # beyond them an amount is no budget to reckon with
MOST_TIMES = 1e6  # how far above its reference a budget is taken to be
LEAST_KEPT = Decimal("0.05")  # of the reference budget: so that it goes on to be measured
MOST_DOWN, MOST_UP = Decimal("0.7"), Decimal("1.3")  # a move, times the budget
DEAD_BAND = Decimal("0.05")  # of the budget: a smaller move is none
# Nor is one within so much of the doubt where the target lies, a standard deviation of its ln:
# where few orders tell, it wanders from day to day, and to follow it earns nothing more.
DOUBT_SHARE, MOST_DOUBT = 0.3, 2.0


class Curve(NamedTuple):
    """Where a campaign stands on its curve: x and c of the module's head."""

    share: float = 1.0
    curvature: float = 2.0

    @property
    def over(self) -> float:
        """Roi at the reference budget over roi at the present one."""
        return (self.curvature + self.share) / (self.curvature + 1.0)

    @property
    def steep(self) -> float:
        """What the average unit returns over what the next one does."""
        return (self.curvature + self.share) / self.curvature

    def steep_at(self, share: float) -> float:
        """What the average unit returns now over what the next one does at another budget."""
        c = self.curvature
        return ((c + share) / c) * ((c + share) / (c + self.share))


def curve_of(budget: Decimal | None, reference: Decimal | None, curvature: float) -> Curve:
    """Of a campaign; as at its reference budget where either is not known."""
    c = clamped(curvature, 0.1, 100.0, 2.0)
    if budget is None or reference is None or not (is_amount(budget) and is_amount(reference)):
        return Curve(1.0, c)
    return Curve(min(float(budget) / float(reference), MOST_TIMES), c)


def is_amount(money: Decimal | None) -> bool:
    """Whether it is a budget to reckon with."""
    return money is not None and LEAST_BUDGET <= float(money) <= MOST_BUDGET


def target_budget(
    reference: Decimal, curvature: float, mean_roi: float, break_even: float
) -> Decimal:
    """Where the next unit returns the break-even, to six decimals; 0 where the first one does not.

    Both rois as the platform reports them, `mean_roi` the expected one at the reference budget.
    """
    worth = mean_roi * (curvature + 1.0) / (curvature * clamped(break_even, 1e-6, 1e6, 1.0))
    if worth <= 1.0:
        return Decimal(0)
    target = curvature * float(reference) * (sqrt(worth) - 1.0)
    # 15 digits, as SQL turns a float into a numeric
    return half_up(Decimal(f"{target:.15g}"), 6)


def moved(budget: Decimal, target: Decimal, digits: int) -> Decimal:
    """The budget a day on: towards its target, as far as one move may go in whole units."""
    lowest = floor_of(times(budget, MOST_DOWN), digits)
    return min(max(half_up(target, digits), lowest), cut_down(times(budget, MOST_UP), digits))


def dead_band(curvature: float, mean_roi: float, break_even: float, precision: float) -> Decimal:
    """The share of its budget by which a campaign may be away from its target and is left there.

    The rois as of `target_budget`, `precision` one over the variance of ln roi.
    """
    worth = mean_roi * (curvature + 1.0) / (curvature * clamped(break_even, 1e-6, 1e6, 1.0))
    root = sqrt(worth)
    if root <= 1.0:
        return DEAD_BAND
    doubt = 0.5 * root / ((root - 1.0) * sqrt(precision))
    return max(DEAD_BAND, Decimal(f"{DOUBT_SHARE * min(MOST_DOUBT, doubt):.15g}"))


def within_dead_band(
    budget: Decimal | None, target: Decimal | None, band: Decimal = DEAD_BAND
) -> bool:
    """So near its target that it is left there; the same in SQL, where it is no candidate."""
    if budget is None or target is None:
        return False
    return abs(target - budget) < times(budget, band)


def least_kept(floor: Decimal, reference: Decimal) -> Decimal:
    """The floor of a budget that is optimised."""
    return max(floor, times(reference, LEAST_KEPT))

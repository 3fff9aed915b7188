"""The probability, given the evidence, that a campaign's true roi is below a target.

One closed form of + - * / exp ln sqrt, the same in SQL (`probability_below`), written in the
same order of operations: the two agree to 1e-6, and after `round_half_up` to the last digit.

What goes in (unit; meaning; source):

    T     multiple   the target: what a plan calls pause_below, scale_above, marginal_break_even
    S     money      spend, faded by age; where it is known what it would   candidate.evidence
                     count for at the reference budget, that
    n     count      conversions, faded by age                              candidate.evidence
    R     money      revenue, faded by age                                  candidate.evidence
    cv2   1          squared coefficient of variation of order values,      candidate.evidence
                     None where unknown; mixed with cv20 by count
    d     days       days with spend, faded by age; hours_running / 24      candidate.evidence
                     without history
    f     0..1       share of the spend whose conversions have arrived      candidate.evidence
    m     multiple   prior: the portfolio's typical roi (its median)        policy.prior_mean_roi
    tau2  1          prior: variance of ln roi between campaigns            policy.prior_tau2
    a0    money      prior: typical order value                             policy.prior_order_value
    cv20  1          prior: typical cv2                                     policy.prior_cv2
    v     1          prior: variance of ln order value between campaigns    prior_order_spread
    c     1          multiple of the reference budget at which the average  policy.curvature
                     return is half of the first unit's
    OMEGA 1          variance of day-to-day shocks to revenue               fixed, 0.25

What is computed on the way:

    K     orders     cv2 / v: how many orders tell as much as knowing the other campaigns
    a     money      mean order value, shrunk towards a0 as if that were K more orders
    R*    money      n * a: few orders that were large are luck; where conversions are not fed, R
    N     orders     about how many were to be expected: half of it those that came, half those
                     that a roi of 1 would bring (where none came there is doubt of a, too)
    k     money      a (1 + N (cv2 / (n + K) + OMEGA / d)): variance of R* per unit of revenue
    y, e  counts     R* and spend in units of k: y is Poisson-like with mean e * roi
    q     1          weight of the prior, 1 / tau2
    u     ln roi     the most probable ln roi (Newton from a good start, three steps)

Phi is the normal distribution function, approximated by a logistic of a cubic (error < 2e-4).
"""

from __future__ import annotations

from math import exp, floor, isnan, log, sqrt
from typing import NamedTuple

OMEGA = 0.25
LARGEST = 1e15  # above any amount and any real count; keeps exp and / from overflowing
NOTHING = 1e-9  # money, orders: less is none
WIDEST = 12.0  # how far ln roi may lie from the prior's: a factor of 160,000


class Prior(NamedTuple):
    """What is known of a campaign before its own figures: the portfolio it belongs to."""

    mean_roi: float = 1.0
    tau2: float = 0.64
    order_value: float = 50.0
    cv2: float = 1.5
    order_spread: float = 0.16
    curvature: float = 2.0


DEFAULT_PRIOR = Prior()


class Evidence(NamedTuple):
    """What a campaign has shown, faded by age. NaN where unknown."""

    spend: float
    conversions: float
    revenue: float
    cv2: float | None = None
    days: float = 1.0
    matured_share: float = 1.0
    has_history: bool = False
    effective_spend: float | None = None  # as it would count at the reference budget


def by_cpa(seen: Evidence, target: float) -> tuple[Evidence, Prior]:
    """The same evidence where a conversion is worth `target`: below 1, one costs more than that.

    Counts alone speak: every order is worth the same, and the prior is neutral, never that of the
    portfolio's roi.
    """
    worth = seen._replace(revenue=target * seen.conversions, cv2=0.0)
    return worth, Prior(mean_roi=1.0, tau2=0.64, order_value=target, cv2=0.0)


def clamped(value: float | None, low: float, high: float, unknown: float) -> float:
    """`value` within [low, high]; `unknown` for None and NaN."""
    if value is None or isnan(value):
        return unknown
    return low if value < low else high if value > high else float(value)


class Orders(NamedTuple):
    """What the orders of a campaign are worth, once chance is taken out of few of them."""

    number: float  # conversions; revenue in orders of `value` where conversions are not fed
    value: float  # money: a
    doubt: float  # variance of ln a
    days: float
    k: float
    spend: float  # mature


def orders_of(evidence: Evidence, prior: Prior) -> Orders:
    """The evidence in orders, for every input."""
    spend = clamped(evidence.spend, 0.0, LARGEST, 0.0)
    spend = clamped(evidence.effective_spend, 0.0, LARGEST, spend)
    n = clamped(evidence.conversions, 0.0, LARGEST, 0.0)
    revenue = clamped(evidence.revenue, 0.0, LARGEST, 0.0)
    days = clamped(evidence.days, 1.0, 1e6, 1.0)
    matured = clamped(evidence.matured_share, 0.0, 1.0, 1.0)
    a0 = clamped(prior.order_value, 1e-6, 1e9, 50.0)
    cv2 = clamped(prior.cv2, 0.0, 100.0, 1.5)
    observed = evidence.cv2
    if observed is not None and observed >= 0.0 and n >= 2.0:
        observed = 1e4 if observed > 1e4 else float(observed)
        cv2 = (10.0 * cv2 + (n - 1.0) * observed) / (10.0 + n - 1.0)

    other = cv2 / clamped(prior.order_spread, 1e-4, 100.0, 0.16)
    fed = n >= 0.5 or not revenue > NOTHING
    known = n if fed else 1.0
    weight = known + other
    a = a0
    if weight > NOTHING and (fed or other > NOTHING):
        a = (revenue + other * a0) / weight
    a = a if a > 1e-3 * a0 else 1e-3 * a0
    doubt = cv2 / weight if weight > NOTHING else 0.0
    about = (known + spend * matured / a) / 2.0
    k = a * (1.0 + about * doubt + OMEGA * about / days)
    return Orders(n if fed else revenue / a, a, doubt, days, k, spend * matured)


def posterior(evidence: Evidence, prior: Prior) -> tuple[float, float]:
    """(u, precision) of ln roi: its most probable value and one over its variance."""
    mean = clamped(prior.mean_roi, 0.01, 100.0, 1.0)
    tau2 = clamped(prior.tau2, 0.01, 25.0, 0.64)
    orders = orders_of(evidence, prior)
    y = orders.number * orders.value / orders.k
    e = orders.spend / orders.k
    q = 1.0 / tau2
    centre = log(mean)
    low, high = centre - WIDEST, centre + WIDEST
    u = log((y + q) / (e + q / mean))
    u = low if u < low else high if u > high else u
    for _ in range(3):
        x = e * exp(u)
        u = u + (y - x - (u - centre) * q) / (x + q)
        u = low if u < low else high if u > high else u
    return u, e * exp(u) + q


def normal_below(z: float) -> float:
    """Phi(z), z clamped to +-8."""
    z = -8.0 if z < -8.0 else 8.0 if z > 8.0 else z
    return 1.0 / (1.0 + exp(-(z * (1.5976 + 0.07056 * z * z))))


def below(target: float | None, u: float, precision: float) -> float:
    """P(true roi < target), 0..1, from the posterior. Of a target of 0 or less 0, unknown 0.5."""
    if target is None or isnan(target):
        return 0.5
    if target <= 0.0:
        return 0.0
    target = LARGEST if target > LARGEST else float(target)
    return normal_below((log(target) - u) * sqrt(precision))


def probability_below(
    target: float | None, evidence: Evidence, prior: Prior = DEFAULT_PRIOR
) -> float:
    """P(true roi < target), 0..1, for every input: negative, huge, NaN and None included."""
    u, precision = posterior(evidence, prior)
    return below(target, u, precision)


def round_half_up(value: float) -> float:
    """To two digits, half up: confidences in percent (gates and sorts compare these) and money."""
    return floor(100.0 * value + 0.5) / 100.0

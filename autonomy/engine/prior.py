"""What a portfolio says of a campaign of which nothing is known: the prior of the confidence.

A portfolio is an account, or all accounts of a currency where an account has too little of its own.

The reference of `fit_portfolio_prior` in SQL. Moments, weighted by how much each campaign says,
and shrunk towards the default as if that were twenty campaigns (the order value is the account's
own, from its first orders on):

    roi of a campaign = its true roi + noise, and the variance of the noise is known (k * mu / s)
    so: variance between campaigns = variance of the rois seen - mean variance of the noise

A log-normal with that mean and variance gives the median (mean_roi) and tau2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log
from typing import NamedTuple

from autonomy.engine.confidence import DEFAULT_PRIOR, LARGEST, OMEGA, Evidence, Prior, clamped

FEWEST_CAMPAIGNS = 5
DEFAULT_CAMPAIGNS = 20.0  # the weight of the default's mean, tau2 and cv2
FEW_ORDERS = 2.0  # a campaign's mean order counts n / (n + 2)
LARGEST_ROI = 50.0  # beyond it a roi is dirt (revenue booked on next to no spend)


class Seen(NamedTuple):
    """One campaign's evidence, clamped as the confidence clamps it."""

    spend: float
    conversions: float
    revenue: float
    cv2: float | None
    days: float
    matured: float


class Noisy(NamedTuple):
    """A roi seen, how much it says (0..1), and its noise's variance per unit of true roi."""

    roi: float
    weight: float
    noise: float


def fit_prior(evidence: Iterable[Evidence], usual: Prior = DEFAULT_PRIOR) -> Prior:
    """The prior of a portfolio. What its orders are worth is known from the first ones on; how the
    rois differ is as `usual` where fewer than five campaigns have spent, and all where none did."""
    seen = [one for one in map(_clamped, evidence) if one.spend > 0.0 and one.matured > 0.0]
    order_value, cv2 = usual.order_value, _cv2(seen)
    if has_orders := any(one.conversions > 0.0 and one.revenue > 0.0 for one in seen):
        order_value = _order_value(seen)
    known = usual._replace(order_value=order_value, cv2=cv2 if has_orders else usual.cv2)
    if len(seen) < FEWEST_CAMPAIGNS:
        return known
    rois = [_noisy(one, order_value, cv2) for one in seen]
    weight = sum(one.weight for one in rois)
    if not weight > 0.0:
        return known
    mean = max(sum(one.weight * one.roi for one in rois) / weight, 0.01)
    spread = sum(one.weight * ((one.roi - mean) ** 2 - one.noise * mean) for one in rois) / weight
    tau2 = log(1.0 + max(0.0, spread) / mean**2)
    centre = log(mean) - tau2 / 2.0
    total = weight + DEFAULT_CAMPAIGNS
    return Prior(
        mean_roi=clamped(exp(weight * centre / total), 0.05, 20.0, 1.0),
        tau2=clamped((weight * tau2 + DEFAULT_CAMPAIGNS * DEFAULT_PRIOR.tau2) / total, 0.04, 4, 1),
        order_value=known.order_value,
        cv2=known.cv2,
    )


def _clamped(one: Evidence) -> Seen:
    known = one.cv2 is not None and one.cv2 >= 0.0
    return Seen(
        clamped(one.spend, 0.0, LARGEST, 0.0),
        clamped(one.conversions, 0.0, LARGEST, 0.0),
        clamped(one.revenue, 0.0, LARGEST, 0.0),
        clamped(one.cv2, 0.0, 1e4, 0.0) if known else None,
        clamped(one.days, 1.0, 1e6, 1.0),
        clamped(one.matured_share, 0.0, 1.0, 1.0),
    )


def _order_value(seen: Sequence[Seen]) -> float:
    """The typical order: the mean of the campaigns' mean orders, each counting n / (n + 2)."""
    total = sum_ = 0.0
    for one in seen:
        if one.conversions > 0.0 and one.revenue > 0.0:
            total += one.conversions / (one.conversions + FEW_ORDERS)
            sum_ += one.revenue / (one.conversions + FEW_ORDERS)
    if not total > 0.0:
        return DEFAULT_PRIOR.order_value
    return clamped(sum_ / total, 0.01, 1e9, DEFAULT_PRIOR.order_value)


def _cv2(seen: Sequence[Seen]) -> float:
    total, sum_ = DEFAULT_CAMPAIGNS, DEFAULT_CAMPAIGNS * DEFAULT_PRIOR.cv2
    for one in seen:
        if one.cv2 is not None and one.conversions >= 2.0:
            weight = (one.conversions - 1.0) / (one.conversions - 1.0 + 10.0)
            total += weight
            sum_ += weight * one.cv2
    return clamped(sum_ / total, 0.05, 10.0, DEFAULT_PRIOR.cv2)


def _noisy(one: Seen, order_value: float, cv2: float) -> Noisy:
    """Noise as spend alone foretells it: with the orders that came in it, a campaign that did well
    would count less, and every fit would come out too low."""
    spend = one.spend * one.matured
    k = order_value * (1.0 + cv2 + OMEGA * (spend / order_value) / one.days)
    e = spend / k
    weight = e / (e + 1.0 / DEFAULT_PRIOR.tau2)
    return Noisy(min(one.revenue / spend, LARGEST_ROI), weight, k / spend)

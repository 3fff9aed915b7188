"""How fast the campaigns of an account saturate, told from their own orders.

The reference of `curvature_scores` in SQL. What curvature c says: at the budget x * reference, a
unit that is spent counts (c + 1) / (c + x) of what it would at the reference budget. Each complete
day is forecast, for each c of a grid, from the days before it: had budgets been raised and orders
not followed, a small c would have foretold it. Orders are scored, never revenue, which scatters.

    forecast    mu = what is spent, as it counts under c and so far as its orders arrive that day,
                times the orders a unit brings: those seen, drawn towards the middle campaign's as
                far as the campaigns' spread under c lets expect (both fitted, in three steps).
                Days fade as in the evidence: budgets go after luck and returns that drift, and
                a forecast that rests on more days, or on fewer, takes that for a flat curve
    score       negative binomial, of size 1 / (day-to-day shocks + doubt of the forecast)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

GRID = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
USUAL, DOUBT = 2.0, 0.8  # before any score: ln c is normal around ln 2
TRUST = 0.3  # days and campaigns are not as independent as a sum of scores takes them to be
SHOCKS = 0.25
LEAST = 1e-9  # orders a day, below which a forecast says nothing
STEPS = 3
USUAL_CAMPAIGNS = 5.0  # as many have the usual spread, beside those that are seen


class Rates(NamedTuple):
    """How many orders a unit brings: ln of the middle campaign's, and the variance of ln."""

    middle: float
    spread: float


class Day(NamedTuple):
    """`age` days before the scored one (0: itself); `budget` in units of the reference budget."""

    age: int
    spend: float
    orders: float
    budget: float


class Told(NamedTuple):
    """What a campaign's days say under one c."""

    exposure: float
    orders: float
    days: float
    arriving: float
    found: float


def curvature_scores(
    campaigns: Sequence[Sequence[Day]], delay: float, half_life: float, tau2: float
) -> tuple[float, ...] | None:
    """The log-likelihood of the scored day's orders under each c; None where they say nothing."""
    scored = [days for days in campaigns if any(one.age == 0 for one in days)]
    told = [[_told(days, c, delay, half_life) for days in scored] for c in GRID]
    fitted = []
    for under in told:
        exposure, orders = sum(t.exposure for t in under), sum(t.orders for t in under)
        if not (exposure > LEAST and orders > LEAST):
            return None
        fitted.append(_fitted(under, Rates(log(orders / exposure), tau2), tau2))
    totals, any_scored = [0.0] * len(GRID), False
    for number in range(len(scored)):
        forecasts = [
            _forecast(under[number], rates) for under, rates in zip(told, fitted, strict=True)
        ]
        if min(mu for mu, _ in forecasts) < LEAST:
            continue
        any_scored = True
        for place, (mu, size) in enumerate(forecasts):
            totals[place] += _likelihood(told[place][number].found, mu, size)
    return tuple(totals) if any_scored else None


def mean_curvature(scores: Sequence[float]) -> float:
    """The mean of ln c, by these sums of scores and what is believed before any."""
    logs = [
        TRUST * s - (log(c) - log(USUAL)) ** 2 / (2 * DOUBT**2)
        for s, c in zip(scores, GRID, strict=True)
    ]
    weights = [exp(one - max(logs)) for one in logs]
    return sum(w * log(c) for w, c in zip(weights, GRID, strict=True)) / sum(weights)


def nearest_curvature(mean: float) -> float:
    return min(GRID, key=lambda c: (abs(log(c) - mean), c))


def _told(days: Sequence[Day], c: float, delay: float, half_life: float) -> Told:
    def arrived(age: int) -> float:
        if age < 0:
            return 0.0
        return 1.0 - exp(max(-600.0, -(age + 0.5) * 24.0 / delay)) if delay > 0.0 else 1.0

    exposure = orders = counted = arriving = found = 0.0
    for one in days:
        spend = one.spend * (c + 1.0) / (c + one.budget)
        arriving += spend * (arrived(one.age) - arrived(one.age - 1))
        if one.age == 0:
            found += one.orders
            continue
        weight = exp(-log(2.0) * (one.age - 1) / half_life) if half_life > 0.0 else 1.0
        exposure += weight * spend * arrived(one.age - 1)
        orders += weight * one.orders
        counted += weight if one.spend > 0.0 else 0.0
    return Told(exposure, orders, max(1.0, counted), arriving, found)


def _fitted(under: Sequence[Told], rates: Rates, usual: float) -> Rates:
    """By all that the campaigns have spent together the middle lies too high, as budgets follow
    luck and worth: drawn there, small budgets would disappoint and large ones surprise, whatever
    the curve, and a large c would be told of accounts that saturate soon."""
    for _ in range(STEPS):
        seen = [_rate(told, rates) for told in under if told.exposure > LEAST]
        middle = sum(u for u, _ in seen) / len(seen)
        squares = sum((u - middle) ** 2 + variance for u, variance in seen)
        rates = Rates(middle, (USUAL_CAMPAIGNS * usual + squares) / (USUAL_CAMPAIGNS + len(seen)))
    return rates


def _rate(told: Told, rates: Rates) -> tuple[float, float]:
    """ln of the orders that a unit brings, its most probable value and its variance."""
    k = 1.0 + SHOCKS * told.orders / told.days
    y, e, q, middle = told.orders / k, told.exposure / k, 1.0 / rates.spread, rates.middle
    u = max(middle - 12.0, min(middle + 12.0, log((y + q) / (e + q * exp(-middle)))))
    for _ in range(3):
        x = e * exp(u)
        u = u + (y - x - (u - middle) * q) / (x + q)
        u = max(middle - 12.0, min(middle + 12.0, u))
    return u, 1.0 / (e * exp(u) + q)


def _forecast(told: Told, rates: Rates) -> tuple[float, float]:
    """The orders that are expected, and the size of the negative binomial around them."""
    u, variance = _rate(told, rates)
    mu = told.arriving * exp(u + variance**2 / (2.0 * rates.spread))
    return mu, 1.0 / (SHOCKS + exp(variance) - 1.0)


def _likelihood(found: float, mu: float, size: float) -> float:
    return (
        found * log(mu / (mu + size))
        - size * log(1.0 + mu / size)
        + ln_gamma(found + size)
        - ln_gamma(size)
    )


def ln_gamma(x: float) -> float:
    """By Stirling's series from 8 on, as SQL does it: PostgreSQL has none before 18."""
    shift = 0.0
    while x < 8.0:
        shift += log(x)
        x += 1.0
    series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x**3) + 1.0 / (1260.0 * x**5)
    return (x - 0.5) * log(x) - x + 0.9189385332046727 + series - shift

"""What a portfolio says of a campaign of which nothing is known: the prior of the confidence.

A portfolio is an account, or all accounts of a currency where an account has too little of its own.

The reference of `fit_portfolio_prior` in SQL. Of orders, from the first ones on:

    cv2           how the revenue of a campaign's days differs from what its orders of that day
                  would bring at their mean: only a scatter of the orders makes it so
    order_spread  variance of ln mean order between campaigns, less what chance alone gives it, and
                  more where few campaigns tell what is typical
    order_value   mean of the campaigns' mean orders, each by how much it says

and of rois, where five campaigns have spent: the likeliest median and spread of ln roi, given how
many orders each campaign has had from its spend. A count is a negative binomial one: days have
shocks in common, and what an order is worth is not known for certain. Evidence that fades is less
noisy than a count of its size: 10 of 20 orders, each counting half, scatter as 20 do (`fullness`);
taken for 10 they make rois look more alike, and better, than they are. The roi is integrated out
(Laplace's method), and the likeliest point of a grid is refined by a parabola along either axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log
from typing import NamedTuple

from autonomy.engine.confidence import (
    DEFAULT_PRIOR,
    LARGEST,
    NOTHING,
    OMEGA,
    WIDEST,
    Evidence,
    Prior,
    clamped,
    orders_of,
)

FEWEST_CAMPAIGNS = 5
FEWEST_ORDERS = 5.0  # of a campaign whose mean order says something of its own
SAMPLE = 500  # campaigns; more say no more
LARGEST_ROI = 50.0  # beyond it a roi is dirt (revenue booked on next to no spend)
MATURE = 0.8  # share of the spend whose conversions have arrived
LESS_THAN_MEAN = exp(-0.08)  # the median of order values that differ by the default spread
SPREAD_CAMPAIGNS = 10.0  # the weight of the default spread
TYPICAL_TAU = 0.7
HALF_LIFE_DAYS = 7.0  # of the evidence, by the policy as it comes
ROIS, TAUS = 13, 7  # points of the grid
ROI_STEP, TAU_STEP = 0.25, 0.35  # of ln roi, of ln tau
ROI_DOUBT, TAU_DOUBT = 0.5, 0.35  # how far from 1, and from the typical tau, portfolios are


class DaysSums(NamedTuple):
    """Sums over the days of one campaign, n orders and revenue R a day."""

    n: float = 0.0
    n2: float = 0.0
    r: float = 0.0
    r2: float = 0.0
    nr: float = 0.0

    def with_day(self, n: float, r: float) -> DaysSums:
        return DaysSums(self.n + n, self.n2 + n * n, self.r + r, self.r2 + r * r, self.nr + n * r)


class Scatter(NamedTuple):
    """What the days of a portfolio say of cv2: `squares / orders` is an unbiased guess of it."""

    squares: float = 0.0
    orders: float = 0.0


NO_DAYS = Scatter()


class Counted(NamedTuple):
    """One campaign: its orders, how many there would be at a roi of 1, the count's size."""

    orders: float
    exposure: float
    size: float


def scatter_of(campaigns: Iterable[DaysSums]) -> Scatter:
    """Of the campaigns that have orders enough to know what one of theirs is worth."""
    squares = orders = 0.0
    for one in campaigns:
        if FEWEST_ORDERS <= one.n <= LARGEST and 0.0 < one.r <= LARGEST:
            mean = one.r / one.n
            squares += max(0.0, (one.r2 - 2.0 * mean * one.nr) / mean**2 + one.n2)
            orders += max(0.0, one.n - one.n2 / one.n)
    return Scatter(squares, orders)


def fit_prior(
    evidence: Iterable[Evidence],
    usual: Prior = DEFAULT_PRIOR,
    days: Scatter = NO_DAYS,
    half_life_days: float = HALF_LIFE_DAYS,
) -> Prior:
    """The prior of a portfolio. What its orders are worth is known from the first ones on; how the
    rois differ is as `usual` where fewer than five campaigns have spent, and all where none did."""
    spent = [one for one in evidence if spent_by(one) > 0.0][:SAMPLE]
    known = _of_orders(spent, usual, days)
    counted = [_counted(one, known, half_life_days) for one in spent if _matured(one) >= MATURE]
    if len(counted) < FEWEST_CAMPAIGNS:
        return known
    mean, tau = likeliest(counted)
    return known._replace(
        mean_roi=clamped(exp(mean), 0.05, 20.0, 1.0), tau2=clamped(exp(2.0 * tau), 0.04, 4.0, 0.64)
    )


def _matured(one: Evidence) -> float:
    return clamped(one.matured_share, 0.0, 1.0, 1.0)


def spent_by(one: Evidence) -> float:
    """Its mature spend, as it counts."""
    spend = clamped(one.effective_spend, 0.0, LARGEST, clamped(one.spend, 0.0, LARGEST, 0.0))
    mature = spend * _matured(one)
    return mature if mature > NOTHING else 0.0


def _of_orders(spent: Sequence[Evidence], usual: Prior, days: Scatter) -> Prior:
    """`usual`, with what the portfolio's own orders say."""
    squares, orders = clamped(days.squares, 0.0, 1e30, 0.0), clamped(days.orders, 0.0, 1e30, 0.0)
    sold: list[tuple[float, float]] = []
    for one in spent:
        n = clamped(one.conversions, 0.0, LARGEST, 0.0)
        revenue = clamped(one.revenue, 0.0, LARGEST, 0.0)
        if n >= 0.5 and revenue > NOTHING:
            sold.append((n, revenue))
        if n >= 2.0 and one.cv2 is not None and one.cv2 >= 0.0:
            squares += (n - 1.0) * clamped(one.cv2, 0.0, 100.0, 0.0)
            orders += n - 1.0
    if not sold:
        return usual
    cv2 = usual.cv2
    if orders > NOTHING:
        cv2 = clamped((squares + 10.0) / (orders + 20.0), 0.05, 10.0, usual.cv2)
    spread = _spread(sold, cv2)
    few = cv2 / spread
    weights = sum(n / (n + few) for n, _ in sold)
    value = LESS_THAN_MEAN * sum(revenue / (n + few) for n, revenue in sold) / weights
    known = spread * (1.0 + 2.0 / weights)  # few campaigns do not tell what is typical
    return usual._replace(
        order_value=clamped(value, 0.01, 1e9, 50.0), cv2=cv2, order_spread=min(known, 2.0)
    )


def _spread(sold: Sequence[tuple[float, float]], cv2: float) -> float:
    """Variance of ln mean order between campaigns."""
    default = DEFAULT_PRIOR.order_spread
    few = cv2 / default
    weight = total = 0.0
    sold = [one for one in sold if one[0] >= FEWEST_ORDERS]
    for n, revenue in sold:
        weight += n / (n + few)
        total += n / (n + few) * log(revenue / n)
    centre = total / weight if weight > 0.0 else 0.0
    own = sum(
        n / (n + few) * ((log(revenue / n) - centre) ** 2 - log(1.0 + cv2 / n))
        for n, revenue in sold
    )
    shrunk = (max(0.0, own) + SPREAD_CAMPAIGNS * default) / (weight + SPREAD_CAMPAIGNS)
    return clamped(shrunk, 0.05, 2.0, default)


def fullness(days: float, half_life_days: float) -> float:
    """As how many whole orders one of evidence that fades tells, of so many (faded) days on end."""
    if not half_life_days > 0.0:
        return 1.0
    kept: float = 0.5 ** (1.0 / half_life_days)  # from one day to the next
    return (1.0 + kept) / (1.0 + clamped(1.0 - days * (1.0 - kept), 0.0, kept, kept))


def _counted(one: Evidence, prior: Prior, half_life_days: float) -> Counted:
    orders = orders_of(one, prior)
    whole = fullness(orders.days, half_life_days if one.has_history else 0.0)  # totals do not fade
    exposure = orders.spend / orders.value * whole
    return Counted(
        min(orders.number * whole, LARGEST_ROI * exposure),
        exposure,
        1.0 / (OMEGA / (orders.days * whole) + max(orders.doubt, 1e-9)),
    )


def likeliest(seen: Sequence[Counted]) -> tuple[float, float]:
    """ln roi of the middle campaign, and ln tau: the likeliest, of portfolios as there are."""
    orders, exposure = sum(one.orders for one in seen), sum(one.exposure for one in seen)
    centre = log((orders + 1.0) / (exposure + 1.0))
    centre = -3.0 if centre < -3.0 else 3.0 if centre > 3.0 else centre
    means = [centre + ROI_STEP * (at - ROIS // 2) for at in range(ROIS)]
    taus = [log(TYPICAL_TAU) + TAU_STEP * (at - TAUS // 2) for at in range(TAUS)]
    scores = [[_score(seen, mean, tau) for mean in means] for tau in taus]
    best, at_tau, at_mean = scores[0][0], 0, 0
    for row, of_tau in enumerate(scores):
        for column, score in enumerate(of_tau):
            if score > best:
                best, at_tau, at_mean = score, row, column
    beside = [row[at_mean] for row in scores]
    return (
        means[at_mean] + ROI_STEP * _vertex(scores[at_tau], at_mean),
        taus[at_tau] + TAU_STEP * _vertex(beside, at_tau),
    )


def _vertex(scores: Sequence[float], at: int) -> float:
    """Where the parabola through the best score and its neighbours is highest, in steps from it."""
    if not 0 < at < len(scores) - 1:
        return 0.0
    bend = scores[at - 1] - 2.0 * scores[at] + scores[at + 1]
    return (scores[at - 1] - scores[at + 1]) / (2.0 * bend) if bend < -NOTHING else 0.0


def _score(seen: Sequence[Counted], mean: float, tau: float) -> float:
    """ln of the likelihood, but for what is the same everywhere."""
    q = exp(-2.0 * tau)
    away = q * exp(-mean)
    low, high = mean - WIDEST, mean + WIDEST
    total = -((mean / ROI_DOUBT) ** 2 + ((tau - log(TYPICAL_TAU)) / TAU_DOUBT) ** 2) / 2.0
    for n, exposure, size in seen:
        both = n + size
        unit = both / size
        x = log((n + unit * q) / (exposure + unit * away))
        x = low if x < low else high if x > high else x
        for _ in range(2):
            mu = exposure * exp(x)
            p = mu / (size + mu)
            x += (n - both * p - q * (x - mean)) / (both * p * (1.0 - p) + q)
            x = low if x < low else high if x > high else x
        mu = exposure * exp(x)
        p = mu / (size + mu)
        bend = both * p * (1.0 - p) / q + 1.0
        total += n * x - both * log(1.0 + mu / size) - (q * (x - mean) ** 2 + log(bend)) / 2.0
    return total

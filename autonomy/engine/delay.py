"""How late conversions come, told from how the orders of new campaigns set in.

The reference of `delay_from_launches` in SQL. On its first days a campaign's orders lag behind its
spend, because most are still to come; by days 4 to 8 about as many arrive as are placed. So the
orders per spend of days 0 and 1 over those of days 4 to 8 tell the mean delay, if the time from
click to order is exponential. Where conversions are booked on the day of their click nothing lags
behind, and nothing is told: what is assumed stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

GRID = (6.0, 12.0, 24.0, 48.0, 96.0)
USUAL = 24.0  # hours: what is assumed before any campaign was seen to set in
DOUBT = 5.0  # campaigns of one size that have to set in to be believed as much as the usual
LAG = 0.9  # from there on, less one standard error, orders do not lag behind
SHOCKS = 0.175  # of what a campaign's two spans of days bring, by the days' own luck: a variance
FEWEST_ORDERS = 200.0


class Launch(NamedTuple):
    """What a campaign spent and brought on its days 0 and 1, and on its days 4 to 8."""

    spend: float
    orders: float
    later_spend: float
    later_orders: float


def delay_of_launches(launches: Sequence[Launch]) -> float | None:
    """Hours; 0 where orders do not lag behind, None where there are too few to tell."""
    spend, orders, later_spend, later = (sum(one[k] for one in launches) for k in range(4))
    if not (orders + later >= FEWEST_ORDERS and later > 0 and spend > 0 and later_spend > 0):
        return None
    lag = orders / spend / (later / later_spend)
    # as many campaigns of one size as tell as much
    effective = (orders + later) ** 2 / sum((a.orders + a.later_orders) ** 2 for a in launches)
    chance = sqrt(1.0 / max(1.0, orders) + 1.0 / later + SHOCKS / effective)
    if lag * exp(chance) >= LAG:
        return 0.0
    told, usual = log(24.0 * delay_of_lag(lag)), log(USUAL)
    return exp((effective * told + DOUBT * usual) / (effective + DOUBT))


def nearest_delay(hours: float) -> float:
    return min(GRID, key=lambda one: (abs(log(one) - log(hours)), one))


def delay_of_lag(lag: float) -> float:
    """Days, between an hour and twenty days."""
    low, high = log(1.0 / 24.0), log(20.0)
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if lag_of_delay(exp(middle)) > lag else (low, middle)
    return exp((low + high) / 2.0)


def lag_of_delay(days: float) -> float:
    first = (2.0 - days * (1.0 - exp(-2.0 / days))) / 2.0
    later = (5.0 - days * (exp(-4.0 / days) - exp(-9.0 / days))) / 5.0
    return first / later

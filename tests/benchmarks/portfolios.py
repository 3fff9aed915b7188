"""Simulated portfolios with known truth: what a campaign's figures would look like, day by day.

true roi     log-normal between campaigns: median `roi`, spread `tau` of ln roi
spend        `volume` order values a day, log-normal between campaigns, gamma noise by day
conversions  Poisson a day, around spend x true roi / order value, with the day's shock
             (gamma, variance 0.25: a good day is good for all of its visitors)
orders       gamma, squared coefficient of variation `order_cv2`, mean log-normal between
             campaigns; cv2 is known of every other campaign
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from autonomy.engine.delay import Launch

DAY_SHOCK = 0.25
LIFE_DAYS = 60
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """What a portfolio is like."""

    roi: float
    tau: float
    order_value: float
    order_cv2: float
    volume: float
    spread: float = 0.5  # of ln order value between campaigns; negative: evenly from 1/x to x of it
    told: bool = True  # whether cv2 is known of every other campaign
    delay_hours: float = 0.0  # between a click and its conversion, exponential


KINDS = tuple(
    Kind(*values)
    for values in product(
        (0.7, 1.0, 2.0), (0.4, 0.8, 1.1), (15.0, 50.0, 200.0), (0.2, 1.0), (0.1, 0.8)
    )
)


@dataclass(frozen=True)
class Truth:
    """A campaign: its true roi, and its sums after each day of its life."""

    number: int
    roi: float
    spend: Floats
    conversions: Floats
    revenue: Floats
    squares: Floats  # of order values, for cv2
    order_value: float = 0.0
    told: bool = True

    def row(self, days: int, delay_hours: float = 0.0) -> dict[str, Any]:
        """The row as the database would hand it over after so many days, its orders taken to
        come in `delay_hours` after the click in the mean.
        """
        measures = {
            "conversions": int(self.conversions[days - 1]),
            "spend": round(float(self.spend[days - 1]), 2),
            "revenue": round(float(self.revenue[days - 1]), 2),
        }
        return {
            "campaign_id": f"{self.number:08d}",
            "status": "active",
            "budget": 100.0,
            "reference_budget": 100.0,
            "hours_running": 24.0 * days,
            "data_age_hours": 1.0,
            "metrics": {"lifetime": measures},
            "evidence": measures
            | {
                "cv2": self._cv2(days), "days": float(days),
                "matured_share": self._matured(days, delay_hours),
            },
        }  # fmt: skip

    def launch(self) -> Launch:
        """What its first nine days tell of the delay."""
        spend, orders = (np.diff(one[:9], prepend=0.0) for one in (self.spend, self.conversions))
        early, later = slice(0, 2), slice(4, 9)
        return Launch(
            *(float(one[days].sum()) for days in (early, later) for one in (spend, orders))
        )

    def _matured(self, days: int, delay_hours: float) -> float:
        if not delay_hours:
            return 1.0
        spend = np.diff(self.spend[:days], prepend=0.0)
        ages = np.arange(days - 1, -1, -1) + 0.5
        return float(spend @ -np.expm1(-24.0 * ages / delay_hours) / spend.sum())

    def _cv2(self, days: int) -> float | None:
        n = float(self.conversions[days - 1])
        if n < 2 or self.number % 2 or not self.told:
            return None
        mean = float(self.revenue[days - 1]) / n
        variance = (float(self.squares[days - 1]) - n * mean * mean) / (n - 1)
        return max(0.0, variance) / (mean * mean)


def portfolio(luck: np.random.Generator, kind: Kind, campaigns: int) -> list[Truth]:
    """`campaigns` campaigns of one kind of account."""
    return [_campaign(luck, kind, number) for number in range(campaigns)]


def _campaign(luck: np.random.Generator, kind: Kind, number: int) -> Truth:
    roi = float(np.exp(luck.normal(np.log(kind.roi), kind.tau)))
    if kind.spread < 0:
        order_value = kind.order_value * float(np.exp(luck.uniform(kind.spread, -kind.spread)))
    else:
        order_value = kind.order_value * float(np.exp(luck.normal(0, kind.spread)))
    a_day = kind.order_value * kind.volume * float(np.exp(luck.normal(0, 1.0)))
    spend = a_day * luck.gamma(8, 1 / 8, LIFE_DAYS)
    shock = luck.gamma(1 / DAY_SHOCK, DAY_SHOCK, LIFE_DAYS)
    conversions = luck.poisson(roi * spend * shock / order_value)
    orders = luck.gamma(1 / kind.order_cv2, kind.order_cv2, int(conversions.sum())) * order_value
    if kind.delay_hours:
        orders, conversions = _late(luck, kind.delay_hours / 24, orders, conversions)
    ends = np.cumsum(conversions)
    return Truth(
        number,
        roi,
        np.cumsum(spend),
        ends.astype(float),
        _sums_until(orders, ends),
        _sums_until(orders**2, ends),
        order_value,
        kind.told,
    )


def _late(
    luck: np.random.Generator, days: float, orders: Floats, conversions: npt.NDArray[np.int_]
) -> tuple[Floats, npt.NDArray[np.int_]]:
    """The orders by the day on which they come in, some time after that of the click."""
    clicked = np.repeat(np.arange(LIFE_DAYS), conversions) + luck.uniform(0, 1, len(orders))
    came = np.floor(clicked + luck.exponential(days, len(orders))).astype(int)
    kept = came < LIFE_DAYS
    order = np.argsort(came[kept], kind="stable")
    return orders[kept][order], np.bincount(came[kept], minlength=LIFE_DAYS)


def _sums_until(values: Floats, ends: npt.NDArray[np.int_]) -> Floats:
    sums: Floats = np.concatenate(([0.0], np.cumsum(values)))[ends]
    return sums


def account_after_account(seed: int, sizes: tuple[int, ...]) -> Iterator[list[Truth]]:
    """One portfolio of each kind in each size."""
    luck = np.random.default_rng(seed)
    for kind in KINDS:
        for size in sizes:
            yield portfolio(luck, kind, size)

"""How often do breakers trip over nothing, and how soon do they find an outage?"""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tests.benchmarks.measured import DAY, Judge, Series, Told

WARM_UP, YEAR = 40, 365
SIZES = {5: 96, 30: 48, 200: 24}  # campaigns: hours within which an outage is to be found
ACCOUNTS, OUTAGES = 20, 20
CV2 = (0.5, 3.5)
DAYS = WARM_UP + YEAR


@dataclass
class Market:
    """What is drawn of an account."""

    campaigns: int
    closed: bool  # no orders on Saturdays and Sundays
    cv2: float
    events: dict[str, int] = field(default_factory=dict)  # the day each begins


def draw(random: np.random.Generator, campaigns: int, number: int) -> tuple[Market, Series]:
    """A healthy account of over a year."""
    market = Market(campaigns, closed=number % 4 == 3, cv2=CV2[number % 2])
    clicks = random.lognormal(math.log(60), 1.0, campaigns)[:, None] * np.ones(DAYS)
    clicks = clicks * random.lognormal(0, 0.5)
    rates = 0.025 * random.lognormal(0, 0.5, campaigns)[:, None] * np.ones(DAYS)
    values = 60 * random.lognormal(0, 0.5, campaigns)[:, None] * np.ones(DAYS)
    day = np.arange(DAYS)
    clicks = clicks * (1 + 0.3 * np.sin(2 * math.pi * (day / 365 + random.random())))
    clicks = clicks * np.array([1.0, 1.1, 1.1, 1.05, 1.0, 0.8, 0.9])[day % 7]
    rates = rates * np.array([1.05, 1.0, 1.0, 1.0, 0.95, 0.9, 1.05])[day % 7]
    # campaigns wander by themselves
    rates = rates * np.exp(np.cumsum(random.normal(0, 0.02, (campaigns, DAYS)), axis=1))
    events(random, market, clicks, rates, values)
    clicks = clicks * random.gamma(1 / 0.05, 0.05, (campaigns, DAYS))
    rates = rates * random.gamma(1 / 0.25, 0.25, (campaigns, DAYS)) * random.gamma(50, 0.02, DAYS)
    if market.closed:
        rates[:, (day % 7) >= 5] = 0
        clicks[:, (day % 7) >= 5] *= 0.5
    return market, hourly(random, market, clicks, rates, values)


def events(random, market, clicks, rates, values) -> None:
    friday = WARM_UP + int(random.integers(30, 46)) * 7 + 4 - WARM_UP % 7
    market.events["black friday"] = friday
    clicks[:, friday : friday + 4] *= 3
    # half of them sell accordingly, half are mostly looked at
    rates[:, friday : friday + 4] *= 1.6 if random.random() < 0.5 else 0.6
    values[:, friday : friday + 4] *= 1.4
    rates[:, friday + 4 : friday + 10] *= 0.7
    sale = WARM_UP + int(random.integers(10, 180))
    market.events["sale"] = sale
    rates[:, sale - 3 : sale] *= 0.7
    rates[:, sale : sale + 10] *= 1.8
    values[:, sale : sale + 10] *= 0.7
    launch = WARM_UP + int(random.integers(10, 180))
    market.events["launch"] = launch
    new = max(1, market.campaigns // 5)
    clicks[:new, :launch] = 0
    clicks[:new, launch : launch + 14] *= 3
    rates[:new] *= random.lognormal(-0.3, 0.5, new)[:, None]


HOURS = 1 + 0.7 * np.sin((np.arange(DAY) - 9) / DAY * 2 * math.pi)
BUYING = 1 + 0.4 * np.sin((np.arange(DAY) - 11) / DAY * 2 * math.pi)


def hourly(random, market, clicks, rates, values) -> Series:
    by_hour = clicks[:, :, None] * (HOURS / HOURS.sum())
    seen = random.poisson(by_hour)
    buying = BUYING * HOURS.sum() / (HOURS * BUYING).sum()
    found = random.poisson(seen * (rates[:, :, None] * buying))
    sigma = math.sqrt(math.log(1 + market.cv2))
    flat = found.reshape(-1)
    orders = random.lognormal(-(sigma**2) / 2, sigma, int(flat.sum()))
    paid = np.bincount(np.repeat(np.arange(len(flat)), flat), orders, len(flat))
    worth = np.repeat(values.reshape(-1), DAY)
    shape = (market.campaigns, -1)
    return Series(
        seen.reshape(shape).astype(float),
        flat.reshape(shape).astype(float),
        (paid * worth).reshape(shape),
    )


def episodes(at: np.ndarray, tripped: np.ndarray) -> list[int]:
    hours = at[tripped]
    return [int(hour) for n, hour in enumerate(hours) if n == 0 or hour - hours[n - 1] > DAY]


def with_outage(series: Series, kind: str, start: int, last: int) -> Series:
    cut = slice(max(0, (start // DAY - WARM_UP)) * DAY, (last + 1) * DAY)
    begin = start - cut.start
    one = Series(*(each[:, cut].copy() for each in (series.clicks, series.conversions, series.revenue)), series.by_day)
    if kind == "off":
        one.conversions[:, begin:] = 0
        one.revenue[:, begin:] = 0
    else:
        one.revenue[:, begin:] *= float(kind)
    return one


def main() -> int:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    accounts = int(sys.argv[2]) if len(sys.argv) > 2 else ACCOUNTS
    for size, deadline in SIZES.items():
        random = np.random.default_rng([seed, size])
        trips: Counter[str] = Counter()
        told = Counter()
        found: dict[str, list[float | None]] = {k: [] for k in ("off", "100", "0.01")}
        for number in range(accounts):
            market, series = draw(random, size, number)
            answer = Judge(series).look(range(WARM_UP, DAYS))
            for name, tripped in (("tracking", answer.tripped), ("value", answer.value_tripped)):
                for hour in episodes(answer.at, tripped):
                    trips[name] += 1
                    near = {k: hour // DAY - v for k, v in market.events.items()}
                    close = [f"{k}{v:+d}" for k, v in near.items() if -5 < v < 35]
                    print(size, number, name, "closed" if market.closed else "", hour // DAY % 7, hour % 24, close)
            told["enough"] += answer.enough.mean()
            told["value enough"] += answer.value_enough.mean()
            for _ in range(OUTAGES):
                start = int(random.integers(WARM_UP * DAY, (DAYS - 6) * DAY))
                for kind in found:
                    last = (start + deadline) // DAY
                    one = with_outage(series, kind, start, last)
                    offset = max(0, start // DAY - WARM_UP)
                    a = Judge(one).look(range(start // DAY - offset, last - offset + 1))
                    tripped = a.tripped if kind == "off" else a.value_tripped
                    enough = a.enough if kind == "off" else a.value_enough
                    at = a.at + offset * DAY - start
                    inside = (at > 0) & (at <= deadline)
                    hits = at[inside & tripped]
                    found[kind].append(float(hits[0]) if len(hits) else (math.inf if enough[inside].any() else math.nan))
        print(f"== {size}: trips {dict(trips)} of {accounts} account-years;", {k: round(v / accounts, 3) for k, v in told.items()}, "orders/day", round(series.conversions.sum() / DAYS, 1))
        for kind, times in found.items():
            t = np.array(times)
            small = np.isnan(t)
            judged = t[~small]
            hit = np.isfinite(judged)
            print(kind, f"within {deadline} h: {hit.mean():.3f} of {len(judged)}, too small {small.mean():.3f}, median {np.median(judged[hit]) if hit.any() else None}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

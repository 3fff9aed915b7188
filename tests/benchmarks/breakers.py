"""How often do breakers trip over nothing, and how soon do they find an outage?

`python -m tests.benchmarks.breakers [SEEDS] [ACCOUNTS]`, one seed and twenty accounts of each
size by default. Healthy accounts are looked at every hour of a year, from their first day on, by
what tests/benchmarks/measured.py says (sql/0511_measured.sql, held equal by a test). Then tracking
is switched off, or values are multiplied, at moments drawn over the year.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.benchmarks.doubt import interval
from tests.benchmarks.measured import DAY, LEAST, ORDERS, Array, Judge, Look, Series

SIZES = {5: 96, 30: 48, 200: 24}  # campaigns: hours within which an outage is to be found
LATE = 48  # hours more where the feed is by day: the day it began on and the first whole one
SEEDS, ACCOUNTS, OUTAGES = 1, 20, 10
WARM_UP, YEAR = 40, 365  # outages begin after the first
CV2 = (0.5, 3.5)
KINDS = ("off", "100", "0.01")
NAMES = {
    "tracking": "TRACKING_BREAKER", "value": "VALUE_BREAKER", "fixed": "plain 40 % of 24 hours",
}  # fmt: skip
WEEKDAYS = np.array([1.0, 1.1, 1.1, 1.05, 1.0, 0.8, 0.9])
BUYING_DAYS = np.array([1.05, 1.0, 1.0, 1.0, 0.95, 0.9, 1.05])
HOURS = 1 + 0.7 * np.sin((np.arange(DAY) - 9) / DAY * 2 * math.pi)
BUYING = 1 + 0.4 * np.sin((np.arange(DAY) - 11) / DAY * 2 * math.pi)
SETUP = f"""Accounts of {", ".join(map(str, SIZES))} campaigns, a year of hourly looks each.
Clicks a day: lognormal around 60 (sigma 1), all of an account by 0.5 more, a season of 30 %,
weekdays 0.8 to 1.1, each day of a campaign by 5 % of variance. Rates: lognormal around 2.5 % (0.5),
wandering by 2 % a day, each day of a campaign by 25 % and of the account by 2 % of variance; people
buy later in the day than they click. Orders: lognormal, cv2 0.5 in half of the accounts, 3.5 in the
others; campaigns around 60 by 0.5. Every fourth account takes no orders on Saturdays and Sundays.
Each has a Black Friday (four days of three times the clicks, rates by 1.6 in half of them and by
0.6 in the others, values by 1.4, then a week of rates by 0.7), a sale (rates by 0.7 for three days
before, for ten days by 1.8 and values by 0.7) and a launch (a fifth of the campaigns, for two weeks
at three times their clicks)."""


@dataclass
class Account:
    """What is drawn of an account."""

    campaigns: int
    closed: bool  # no orders on Saturdays and Sundays
    cv2: float
    series: Series


@dataclass
class Tally:
    """What came of the accounts of one size and seed."""

    years: int = 0
    trips: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    small: Counter[str] = field(default_factory=Counter)
    hours: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    a_day: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Together with another."""
        self.years += other.years
        self.trips.update(other.trips)
        self.small.update(other.small)
        self.a_day += other.a_day
        for name, most in other.most.items():
            self.most[name] = max(self.most[name], most)
        for kind, hours in other.hours.items():
            self.hours[kind] += hours


def main() -> int:
    """Draw, look, print."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    accounts = int(sys.argv[2]) if len(sys.argv) > 2 else ACCOUNTS
    print(SETUP)
    for size, deadline in SIZES.items():
        for by_day in (False, True):
            hours = deadline + LATE * by_day
            each = [
                tally(seed, size, accounts, hours, by_day=by_day) for seed in range(1, seeds + 1)
            ]
            show(size, hours, each, by_day=by_day)
    return 0


def tally(seed: int, size: int, accounts: int, deadline: int, *, by_day: bool) -> Tally:
    """One seed: healthy years, then outages."""
    random = np.random.default_rng([seed, size])
    found = Tally()
    for number in range(accounts):
        account = drawn(random, size, number)
        account.series.by_day = by_day
        looks = Judge(account.series).look(range(1, account.series.days))
        for name, tripped in (
            ("tracking", [one.at for one in looks if one.tripped]),
            ("value", [one.at for one in looks if one.value_tripped]),
            ("fixed", [] if by_day else fixed(account.series)),
        ):
            count = episodes(tripped)
            found.trips[name] += count
            found.most[name] = max(found.most[name], count)
        found.years += 1
        found.a_day.append(float(account.series.conversions.sum()) / account.series.days)
        outages(random, account.series, deadline, found)
    return found


def fixed(series: Series) -> list[int]:
    """The hours at which a plain rule would trip: under 40 % of what the clicks of 24 hours bring
    at each campaign's rate of the 7 days before, where that is 20 and more."""
    clicks, found = series.clicks, series.conversions
    none = np.zeros((len(clicks), 1))
    seen, bought = (np.hstack((none, np.cumsum(one, axis=1))) for one in (clicks, found))
    until = np.arange(8 * DAY, clicks.shape[1])
    first = until // DAY * DAY - DAY  # the day on which the window begins
    week = seen[:, first] - seen[:, first - 7 * DAY]
    rate = (bought[:, first] - bought[:, first - 7 * DAY]) / np.maximum(week, 1e-9)
    hoped = ((seen[:, until] - seen[:, until - DAY]) * rate).sum(axis=0)
    counted = ((bought[:, until] - bought[:, until - DAY]) * (week > 0)).sum(axis=0)
    return [int(one) for one in until[(hoped >= LEAST) & (counted < 0.4 * hoped)]]


def episodes(hours: Sequence[int]) -> int:
    """Trips that are a day apart are two."""
    return sum(n == 0 or hour - hours[n - 1] > DAY for n, hour in enumerate(hours))


def outages(random: np.random.Generator, series: Series, deadline: int, found: Tally) -> None:
    """How soon each is found; what holds too few conversions to be told is counted as such."""
    for _ in range(OUTAGES):
        start = int(random.integers(WARM_UP * DAY, (series.days - 8) * DAY))
        orders = series.conversions[:, start : start + deadline].sum()
        first, last = start // DAY - WARM_UP, (start + deadline) // DAY
        for kind in KINDS:
            broken = with_outage(series.between(first, last), start - first * DAY, kind)
            looks = Judge(broken).look(range(WARM_UP, last - first + 1))
            inside = [one for one in looks if 0 < one.at - (start - first * DAY) <= deadline]
            if orders < (LEAST if kind == "off" else ORDERS) or not any(
                enough(kind, one) for one in inside
            ):
                found.small[kind] += 1
                continue
            hits = [one.at - (start - first * DAY) for one in inside if trips(kind, one)]
            found.hours[kind].append(hits[0] if hits else math.inf)


def enough(kind: str, look: Look) -> bool:
    """Whether a look has enough to tell of this kind of outage."""
    return look.enough if kind == "off" else look.value_enough


def trips(kind: str, look: Look) -> bool:
    """Whether a look trips over this kind of outage."""
    return look.tripped if kind == "off" else look.value_tripped


def with_outage(series: Series, begins: int, kind: str) -> Series:
    """From that hour on nothing is tracked, or everything is worth something else."""
    if kind == "off":
        series.conversions[:, begins:] = 0
    series.revenue[:, begins:] *= 0 if kind == "off" else float(kind)
    return series


def drawn(random: np.random.Generator, campaigns: int, number: int) -> Account:
    """A healthy account of over a year."""
    day = np.arange(WARM_UP + YEAR)
    one = (campaigns, 1)
    clicks = random.lognormal(math.log(60), 1.0, one) * random.lognormal(0, 0.5)
    clicks = clicks * (1 + 0.3 * np.sin(2 * math.pi * (day / 365 + random.random())))
    clicks *= WEEKDAYS[day % 7]
    rates = 0.025 * random.lognormal(0, 0.5, one) * BUYING_DAYS[day % 7]
    rates *= np.exp(np.cumsum(random.normal(0, 0.02, (campaigns, len(day))), axis=1))
    values = 60 * random.lognormal(0, 0.5, one) * np.ones(len(day))
    events(random, clicks, rates, values)
    clicks *= random.gamma(1 / 0.05, 0.05, clicks.shape)
    rates *= random.gamma(1 / 0.25, 0.25, rates.shape) * random.gamma(1 / 0.02, 0.02, len(day))
    closed, cv2 = number % 4 == 3, CV2[number // 2 % 2]
    if closed:
        rates[:, day % 7 >= 5] = 0
        clicks[:, day % 7 >= 5] *= 0.5
    return Account(campaigns, closed, cv2, by_hour(random, cv2, clicks, rates, values))


def events(random: np.random.Generator, clicks: Array, rates: Array, values: Array) -> None:
    """What happens to a healthy account: Black Friday, a sale, a launch."""
    friday = int(random.integers(36, 52)) * 7 + 4
    clicks[:, friday : friday + 4] *= 3
    rates[:, friday : friday + 4] *= 1.6 if random.random() < 0.5 else 0.6
    values[:, friday : friday + 4] *= 1.4
    rates[:, friday + 4 : friday + 11] *= 0.7
    sale = WARM_UP + int(random.integers(10, 180))
    rates[:, sale - 3 : sale] *= 0.7
    rates[:, sale : sale + 10] *= 1.8
    values[:, sale : sale + 10] *= 0.7
    launch, new = WARM_UP + int(random.integers(10, 180)), max(1, len(clicks) // 5)
    clicks[:new, :launch] = 0
    clicks[:new, launch : launch + 14] *= 3
    rates[:new] *= random.lognormal(-0.3, 0.5, (new, 1))


def by_hour(
    random: np.random.Generator, cv2: float, clicks: Array, rates: Array, values: Array
) -> Series:
    """Days drawn out into hours, orders one by one."""
    seen = random.poisson(clicks[:, :, None] * (HOURS / HOURS.sum()))
    buying = BUYING * HOURS.sum() / (HOURS * BUYING).sum()
    found = random.poisson(seen * (rates[:, :, None] * buying)).reshape(-1)
    sigma = math.sqrt(math.log(1 + cv2))
    orders = random.lognormal(-(sigma**2) / 2, sigma, int(found.sum()))
    paid = np.bincount(np.repeat(np.arange(len(found)), found), orders, len(found))
    shape = (len(clicks), -1)
    return Series(
        seen.reshape(shape).astype(np.float64),
        found.reshape(shape).astype(np.float64),
        np.asarray(paid * np.repeat(values.reshape(-1), DAY), np.float64).reshape(shape),
    )


def show(size: int, deadline: int, each: Sequence[Tally], *, by_day: bool) -> None:
    """The row of one size."""
    whole = Tally()
    for one in each:
        whole.add(one)
    low, mid, high = np.percentile(whole.a_day, (10, 50, 90))
    print(
        f"\n{size} campaigns, fed by {'day' if by_day else 'hour'}: {whole.years} years, "
        f"conversions a day {mid:.0f} ({low:.0f} to {high:.0f})"
    )
    for name in NAMES if not by_day else ("tracking", "value"):
        count = whole.trips[name]
        seeds = ", ".join(f"{one.trips[name] / one.years:.2f}" for one in each)
        print(
            f"  false trips, {NAMES[name]}: {count / whole.years:.2f} a year and account (upper "
            f"90 % bound {upper(count) / whole.years:.2f}; by seed {seeds}; most of one account "
            f"{whole.most[name]})"
        )
    for kind in KINDS:
        hours = np.array(whole.hours[kind])
        small, of = whole.small[kind], len(hours) + whole.small[kind]
        found = int(np.isfinite(hours).sum())
        if len(hours):
            share, least, most = interval(found, len(hours))
            print(
                f"  outage {kind}: within {deadline} h {100 * share:.0f} % of {len(hours)} "
                f"({100 * least:.0f} to {100 * most:.0f}), half of them within "
                f"{np.median(hours):.0f} h; too small to tell {small} of {of}"
            )


def upper(count: int) -> float:
    """The mean at which so few or fewer come one time in ten."""
    low, high = 0.0, 10.0 + 4 * count
    for _ in range(60):
        mean = (low + high) / 2
        chance = sum(
            math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1)
        )
        low, high = (mean, high) if chance > 0.1 else (low, mean)
    return high


if __name__ == "__main__":
    sys.exit(main())

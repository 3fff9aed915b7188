"""How often are figures doubted that are right? `python -m tests.benchmarks.doubt [CAMPAIGNS]`

Healthy campaigns, a month of hourly looks each: weekends, orders from even to very dear, Black
Friday, launches. The tests of sql/0507_suspect.sql on values are done here once more, without the
look at the facts that comes before them there, so that the figure errs to the high side. What is
spent is not drawn: over ten budgets in a day is what no healthy campaign does.
"""

from __future__ import annotations

import math
import sys
from collections import Counter

import numpy as np

DAYS, MONTH, NEEDED = 88, 28, 20
CV2 = (0.3, 1.0, 2.0, 3.5)
WEEKDAYS = np.array([1.05, 1.1, 1.1, 1.05, 1.0, 0.8, 0.9])
HOURS = 1 + 0.6 * np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)
HOURS /= HOURS.sum()


def main() -> int:
    """Draw, look, print."""
    campaigns = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    random = np.random.default_rng(1)
    doubted: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    for _ in range(campaigns):
        cv2 = float(random.choice(CV2))
        why = month(random, cv2)
        drawn[f"cv2 {cv2:g}"] += 1
        drawn["all"] += 1
        if why:
            doubted.update(["all", f"cv2 {cv2:g}", why])
    for name in ("all", *(f"cv2 {one:g}" for one in CV2)):
        share, low, high = interval(doubted[name], drawn[name])
        print(
            f"{name}: {doubted[name]} of {drawn[name]:,} a month,"
            f" {1000 * share:.2f} in 1,000 ({1000 * low:.2f} to {1000 * high:.2f})"
        )
    for name in ("day", "order", "orders"):
        print(f"by {name}: {doubted[name]}")
    return 0


def month(random: np.random.Generator, cv2: float) -> str | None:
    """Why one campaign is doubted within its last month, or None."""
    a_day = math.exp(random.uniform(math.log(0.3), math.log(100)))
    roi = math.exp(random.uniform(math.log(0.5), math.log(4)))
    sigma = math.sqrt(math.log(1 + cv2))
    volume = a_day * WEEKDAYS[np.arange(DAYS) % 7] * random.lognormal(0, 0.3, DAYS)
    price = np.ones(DAYS)
    if random.random() < 0.25:  # Black Friday: more orders, and larger ones
        volume[-10:-7] *= 4
        price[-10:-7] = 1.5
    first = DAYS - MONTH - 5 if random.random() < 0.25 else 0  # launched a month ago
    spend = volume * math.exp(sigma**2 / 2) / roi
    counts = random.poisson(volume)
    counts[:first] = 0
    orders = [random.lognormal(0, sigma, count) * price[day] for day, count in enumerate(counts)]
    values = np.array([one.mean() if len(one) else np.nan for one in orders])
    for day in range(DAYS - MONTH, DAYS):
        if not len(orders[day]):
            continue
        before = values[day - 60 : day]
        before = before[~np.isnan(before)]
        if len(before) < NEEDED:
            continue
        usual = float(np.median(before))
        if orders[day].max() <= 20 * usual:
            continue
        why = look(random, orders[day], usual, float(spend[max(first, day - 28) : day].sum()))
        if why:
            return why
    return None


def look(random: np.random.Generator, orders: np.ndarray, usual: float, spent: float) -> str | None:
    """The day hour by hour, as runs see it; the last look is at the whole day."""
    hours = random.choice(24, len(orders), p=HOURS)
    number, revenue, least, buckets = 0, 0.0, math.inf, 0
    for hour in np.unique(hours):
        bucket = orders[hours == hour]
        value = float(bucket.mean())
        number, revenue = number + len(bucket), revenue + float(bucket.sum())
        least, buckets = min(least, value), buckets + 1
        if number >= 5 and revenue / number > 20 * usual:
            return "day"
        if value > 100 * usual and value > 3 * spent:
            return "order"
        if buckets >= 2 and least > 20 * usual and revenue > spent / 4:
            return "orders"
    return None


def interval(hits: int, of: int) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson)."""
    share, z = hits / of, 1.96
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return share, max(0.0, middle - half), middle + half


if __name__ == "__main__":
    sys.exit(main())

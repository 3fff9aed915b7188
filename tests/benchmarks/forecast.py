"""Is the forecast of the month nearer than "as last week", and do 8 in 10 lie in its band?

From several origins of each account the sums of the next 3, 7, 14 and 28 days are foretold from
what lies before alone, and held against what came. Beside it stands the seasonal naive forecast:
each day as the same weekday of the last week, its band from its own past errors over as many days.

    python -m tests.benchmarks.forecast [--write]     writes docs/forecast.md
"""

# ruff: noqa: E501 - the page's lines stand as they are written

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import os
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean, quantiles
from typing import NamedTuple

import numpy as np

from autonomy.forecast.month import Day, present_series
from autonomy.forecast.outlook import Band, Outlook
from autonomy.forecast.series import Series
from autonomy.local.sample import generate
from autonomy.local.sample_account import draw_roster
from tests.simulation.world import REAL_LIKE, Floats, Market, Truth

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "forecast.md"
LINES = Path(
    os.environ.get("AUTONOMY_REAL_LINES", ROOT.parent / "shared" / "data" / "real_ad_lines.csv.gz")
)
HORIZONS = (3, 7, 14, 28)
MEASURES = ("spend", "revenue", "profit")
FIRST_ORIGIN = 28
LEAST_DAYS = 45
LOOKED_AT = 28  # days, by autonomy_account_days
MARGIN = 0.025  # of a sale: break-even lies among the lines


class Account(NamedTuple):
    """Daily sums, one after the other; `launched`: where its campaigns are known, spend and revenue
    of each of them from its first day on. Their budgets stay as they are."""

    name: str
    first: date
    spend: list[float]
    revenue: list[float]
    launched: Sequence[tuple[int, Sequence[float], Sequence[float]]] = ()


@dataclass(frozen=True)
class Group:
    """Accounts that are looked at together; `step`: days from origin to origin."""

    title: str
    accounts: Callable[[], list[Account]]
    step: int = 3


class Try(NamedTuple):
    """One forecast of one sum beside the naive one, in parts of what such a span usually brings."""

    error: float
    width: float
    inside: bool
    naive_error: float
    naive_width: float
    naive_inside: bool


# Accounts ------------------------------------------------------------------------------------


def _daily(name: str, days: dict[date, tuple[float, float]]) -> Account:
    first, last = min(days), max(days)
    span = [first + timedelta(at) for at in range((last - first).days + 1)]
    found = [days.get(day, (0.0, 0.0)) for day in span]
    return Account(name, first, [one[0] for one in found], [one[1] for one in found])


def _lines(platform: bool) -> dict[str, dict[date, tuple[float, float]]]:
    found: dict[str, dict[date, tuple[float, float]]] = defaultdict(dict)
    with gzip.open(LINES, "rt") as file:
        for row in csv.DictReader(file):
            day, name = date.fromisoformat(row["date"]), row["campaign"]
            spend = float(row["cost" if platform else "revenue"])
            revenue = float(row["revenue"]) if platform else float(row["sales"]) * MARGIN
            before = found[name].get(day, (0.0, 0.0))
            found[name][day] = (before[0] + spend, before[1] + revenue)
    return found


def single_lines(platform: bool, chosen_on: bool = False) -> list[Account]:
    """Every line that ran long enough, as an account of its own: of the half that the constants of
    the forecast were chosen on, or of the other one."""
    found = [_daily(name, days) for name, days in sorted(_lines(platform).items())]
    return [
        one for one in found
        if _chosen_on(one.name) == chosen_on and len(one.spend) >= LEAST_DAYS and sum(one.spend) > 0
    ]  # fmt: skip


def _chosen_on(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[-1] % 2 == 0


def lines_together(platform: bool, chosen_on: bool = False) -> list[Account]:
    """Eight of these lines as an account, sixteen, and all of them."""
    lines, found = single_lines(platform, chosen_on), []
    for size in (8, 16, len(lines)):
        order = lines[:]
        random.Random(size).shuffle(order)
        for at in range(0, len(order) - size + 1, size):
            found.append(_together(order[at : at + size]))
    return [one for one in found if len(one.spend) >= LEAST_DAYS]


def all_lines(platform: bool) -> list[Account]:
    """All lines together."""
    return [_together([_daily(name, days) for name, days in _lines(platform).items()])]


def _together(lines: Sequence[Account]) -> Account:
    total: dict[date, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for one in lines:
        for at, (spend, revenue) in enumerate(zip(one.spend, one.revenue, strict=True)):
            before = total[one.first + timedelta(at)]
            total[one.first + timedelta(at)] = before[0] + spend, before[1] + revenue
    return _daily(f"{len(lines)} lines", total)


def markets(truth: Truth, campaigns: int, seeds: Sequence[int], days: int = 120) -> list[Account]:
    """Accounts of tests/simulation that nobody steers."""
    found = []
    for seed in seeds:
        market = Market(seed, replace(truth, campaigns=campaigns, days=days))
        sums: dict[date, tuple[float, float]] = {}
        each = []
        for day in range(days):
            for _ in range(24):
                market.advance()
            seen = market.observe()
            each.append((seen.spend, seen.revenue))
            sums[date(2026, 8, 3) + timedelta(day)] = (
                float(seen.spend.sum()), float(seen.revenue.sum()),
            )  # fmt: skip
        found.append(_daily(f"seed {seed}", sums)._replace(launched=_launches(market, each)))
    return found


def _launches(
    market: Market, each: Sequence[tuple[Floats, Floats]]
) -> list[tuple[int, Sequence[float], Sequence[float]]]:
    spend, revenue = (np.array(of).T for of in zip(*each, strict=True))
    return [
        (
            int(hour) // 24,
            spend[at, int(hour) // 24 :].tolist(),
            revenue[at, int(hour) // 24 :].tolist(),
        )
        for at, hour in enumerate(market.launch_hour)
    ]


def samples(campaigns: int, seeds: Sequence[int], days: int = 90) -> list[Account]:
    """Sample accounts (autonomy/local/sample.py), each of their accounts by itself."""
    found = []
    now = datetime(2026, 11, 1, tzinfo=UTC)
    for seed in seeds:
        roster = draw_roster(campaigns, days, seed)
        names = {one.id: one.account for one in roster}
        sums: dict[str, dict[date, tuple[float, float]]] = defaultdict(dict)
        for row in generate(now, roster=roster, seed=seed, days=days):
            days_of = sums[names[row.campaign_id]]
            before = days_of.get(row.bucket.date(), (0.0, 0.0))
            days_of[row.bucket.date()] = (
                before[0] + row.spend_cents / 100, before[1] + row.revenue_cents / 100,
            )  # fmt: skip
        found += [_daily(f"{name}, seed {seed}", of) for name, of in sorted(sums.items())]
    return [one for one in found if len(one.spend) >= LEAST_DAYS]


GROUPS = (
    Group("all real lines, platform view", lambda: all_lines(True), 1),
    Group("all real lines, advertiser view", lambda: all_lines(False), 1),
    Group("real lines together, platform view", lambda: lines_together(True)),
    Group("real lines together, advertiser view", lambda: lines_together(False)),
    Group("single real lines, platform view", lambda: single_lines(True), 5),
    Group("single real lines, advertiser view", lambda: single_lines(False), 5),
    Group("simulated, 200 campaigns", lambda: markets(Truth(), 200, range(1, 9))),
    Group("simulated, 20 campaigns", lambda: markets(Truth(), 20, range(11, 19))),
    Group("simulated like real accounts, 60 campaigns",
          lambda: markets(REAL_LIKE, 60, range(21, 29))),
    Group("simulated like real accounts, 5 campaigns",
          lambda: markets(REAL_LIKE, 5, range(31, 39))),
    Group("sample accounts", lambda: samples(60, (7, 8))),
)  # fmt: skip


# The two forecasts ---------------------------------------------------------------------------


def _values(one: Account, measure: str) -> list[float]:
    if measure == "profit":
        return [r - s for s, r in zip(one.spend, one.revenue, strict=True)]
    return one.spend if measure == "spend" else one.revenue


def naive(values: Sequence[float], days: int) -> Band:
    """As last week; the band from its own past errors over as many days, or as many as there are."""
    said = _as_last_week(values, len(values), days)
    over = min(days, max(1, len(values) - 7 - 7))
    errors = [
        abs(sum(values[at : at + over]) - _as_last_week(values, at, over))
        for at in range(7, len(values) - over + 1)
    ]
    half = (quantiles(errors, n=10)[7] if len(errors) > 1 else errors[0]) * days / over
    return Band(said, said - half, said + half)


def _as_last_week(values: Sequence[float], at: int, days: int) -> float:
    return sum(values[at - 7 + one % 7] for one in range(days))


def tries(one: Account, step: int) -> Iterator[tuple[str, int, Try]]:
    """Every measure and horizon from every origin."""
    for origin in range(FIRST_ORIGIN, len(one.spend) - HORIZONS[0] + 1, step):
        lately = sum(one.spend[origin - 14 : origin])
        if lately <= 0 or sum(one.spend[:origin][:1]) < 0:
            continue
        start = next(at for at, spend in enumerate(one.spend) if spend > 0)
        if origin - start < 14:
            continue
        outlook = outlook_at(one, start, origin)
        for days in HORIZONS:
            if origin + days > len(one.spend):
                break
            bands = outlook.over(days)
            for measure in MEASURES:
                values = _values(one, measure)
                real = sum(values[origin : origin + days])
                yield measure, days, _held(
                    getattr(bands, measure), naive(values[start:origin], days), real,
                    fmean(one.spend) * days,
                )  # fmt: skip


def outlook_at(one: Account, start: int, origin: int) -> Outlook:
    """What is foretold from the days before an origin, as autonomy_account_days has them: those of
    the last 28 on which a campaign was not there yet are filled with what it has brought since."""
    complete = [
        Day(one.first + timedelta(at), one.spend[at], one.revenue[at], True, False,
            at >= origin - LOOKED_AT, one.spend[at], one.revenue[at])
        for at in range(start, origin)
    ]  # fmt: skip
    for launch, spend, revenue in one.launched:
        since = slice(1, origin - launch)
        if not origin - LOOKED_AT < launch < origin - 1:
            continue
        more, earned = fmean(spend[since]), fmean(revenue[since])
        for at in range(max(start, origin - LOOKED_AT), launch):
            day = complete[at - start]
            complete[at - start] = day._replace(
                present_spend=day.present_spend + more, present_revenue=day.present_revenue + earned
            )
    earned_of = [day.revenue for day in complete]
    series = Series(
        [day.spend for day in complete], earned_of, [True] * len(complete),
        complete[0].day.weekday(),
    )  # fmt: skip
    return Outlook.of(series, 1.0, present_series(complete, earned_of, series))


def _held(band: Band, beside: Band, real: float, scale: float) -> Try:
    return Try(
        abs(band.expected - real) / scale,
        (band.high - band.low) / scale,
        band.low <= real <= band.high,
        abs(beside.expected - real) / scale,
        (beside.high - beside.low) / scale,
        beside.low <= real <= beside.high,
    )


# What came of it -----------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of the table: means over accounts, each counting alike."""

    title: str
    measure: str
    days: int
    accounts: int
    tries: int
    covered: float
    error: float
    width: float
    naive_covered: float
    naive_error: float
    naive_width: float


def measured(group: Group) -> list[Row]:
    """All rows of a group."""
    found: dict[tuple[str, int], list[list[Try]]] = defaultdict(list)
    for one in group.accounts():
        of_account: dict[tuple[str, int], list[Try]] = defaultdict(list)
        for measure, days, held in tries(one, group.step):
            of_account[measure, days].append(held)
        for key, held_all in of_account.items():
            found[key].append(held_all)
    return [
        _row(group.title, measure, days, found[measure, days])
        for measure in MEASURES for days in HORIZONS if found[measure, days]
    ]  # fmt: skip


def _row(title: str, measure: str, days: int, by_account: Sequence[Sequence[Try]]) -> Row:
    def mean(of: Callable[[Try], float]) -> float:
        return fmean(fmean(of(one) for one in tries_) for tries_ in by_account)

    return Row(
        title, measure, days, len(by_account), sum(len(one) for one in by_account),
        100.0 * mean(lambda t: t.inside), mean(lambda t: t.error), mean(lambda t: t.width),
        100.0 * mean(lambda t: t.naive_inside), mean(lambda t: t.naive_error),
        mean(lambda t: t.naive_width),
    )  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """As Markdown; errors and widths in percent of an average span's spend."""
    lines = [
        "| | sum of | days | forecasts | in band | error | naive's | error, part of naive's | width | naive's | in naive's band |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        lines.append(
            f"| {one.title} | {one.measure} | {one.days} | {one.tries:,} | {one.covered:.0f} % "
            f"| {100 * one.error:.1f} | {100 * one.naive_error:.1f} "
            f"| {one.error / one.naive_error:.2f} | {100 * one.width:.0f} "
            f"| {100 * one.naive_width:.0f} | {one.naive_covered:.0f} % |"
        )
    return "\n".join(lines)


# The page ------------------------------------------------------------------------------------

HEAD = """# The month's forecast, measured

What spend, revenue and profit of an account will be at the end of its month, each with the range that
8 in 10 lie in: `GET /api/forecast`, `python -m autonomy forecast`, the card "This month" of the overview.

## How it is made

`autonomy/forecast/`, from 120 days of the account's sums (`autonomy_account_days`), in the account's days
and currency.

- A day is level times weekday, times what a trend makes of it. The week's shape is the median of each weekday beside its week, over twelve
  weeks, drawn towards none by as much as it wavers. The level of spend, and the return on it, are means of
  the last week and of fading half-lives; each counts by how little wrong it would have been in the account's
  own past.
- The trend is the median of the last four changes from week to week, drawn towards none by as much as they
  differ, so one step is none. None of it, half or all counts, by the same errors, and 3 % of it is lost a day.
- Revenue is spend times return; conversions that are still on their way are added by the account's delay.
  Profit is revenue, as believed, divided by the target roi, less spend.
- Campaigns and budgets are those of today: the last 28 days are read as they would have been with them. What
  is paused spends nothing, what was resumed or launched spends as it did or does since, twice the budget is
  twice the spend. All is learnt from these days, the size of errors, too: spend that follows its budgets is as
  certain as they are. The band widens by how much reading them so changes the level.
- Days left out of the evidence teach nothing. A day of over four times its week's median counts as four.
- The band is the mean size of the method's own past errors over spans as long, times 1.6; where there are
  few such spans, those of half the length say what they are like, times 1.6, and a line through the errors of
  all spans. Level and days err together in it, as they did.
- Under 14 days that count, with figures more than three days old, or without spend in 14 days, a sentence
  stands in place of numbers.

"""
SET_UP = """## Measured

`{command}`. Origins from day {first} on, every 1 to 5 days; 3, 7, 14 and 28 days; only what lies before an
origin is known there. *Naive*: each day as the same weekday of the last week, its band from its own past
errors over as many days (80 % of them). Errors and widths in percent of what the account spends in as many days
on average, each account counting alike. Goals: 75 to 85 % in the band, an error below naive's, bands no wider
than naive's.

Real lines: one advertiser's display lines, 91 days ({lines}). *Platform view*: what was paid to publishers and
what the advertiser paid. *Advertiser view*: what the advertiser paid and {margin:.1%} of the sales. The method's
constants were chosen on half of the lines; single lines, and lines together (8, 16 and all as one account), are
of the other half. All lines lose 60 % of their spend within days in the eighth week, which no past foretells.
Simulated: `tests/simulation/world.py`, 120 days that nobody steers, most campaigns launched in the first 20, 8
seeds; read with the campaigns of the day as accounts are. Sample: `autonomy/local/sample.py`, 90 days.

"""


def summary(rows: Sequence[Row]) -> str:
    """One line a group and measure: means over the horizons, and the worst of them."""
    lines = [
        "| | sum of | accounts | in band | lowest to highest | error, part of naive's | highest | width, part of naive's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys((one.title, one.measure) for one in rows)
    for title, measure in keys:
        of = [one for one in rows if (one.title, one.measure) == (title, measure)]
        parts = [one.error / one.naive_error for one in of]
        lines.append(
            f"| {title} | {measure} | {of[0].accounts} | {fmean(o.covered for o in of):.0f} % "
            f"| {min(o.covered for o in of):.0f} to {max(o.covered for o in of):.0f} "
            f"| {fmean(parts):.2f} | {max(parts):.2f} "
            f"| {fmean(o.width / o.naive_width for o in of):.2f} |"
        )
    return "\n".join(lines)


def page(rows: Sequence[Row]) -> str:
    """docs/forecast.md."""
    set_up = SET_UP.format(
        command="make forecast ARGS=--write",
        first=FIRST_ORIGIN,
        lines="not in the repository; left out where they are not there",
        margin=MARGIN,
    )
    return f"{HEAD}{set_up}{summary(rows)}\n\n### By horizon\n\n{table(rows)}\n"


def main() -> int:
    """Measures, prints, and writes the page where it is asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="write docs/forecast.md")
    parser.add_argument("--only", default="", help="groups whose title has this in it")
    options = parser.parse_args()
    rows: list[Row] = []
    for group in GROUPS:
        if options.only not in group.title:
            continue
        if "real lines" in group.title and not LINES.exists():
            print(f"{group.title}: no {LINES.name}, left out", file=sys.stderr)
            continue
        found = measured(group)
        print(
            summary(found) if not rows else "\n".join(summary(found).splitlines()[2:]), flush=True
        )
        rows += found
    print()
    print(table(rows))
    if options.write:
        PAGE.write_text(page(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

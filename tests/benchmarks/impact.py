"""Does what is measured of an action hold against the truth? `make impact` writes docs/impact.md.

Accounts of the simulated market (tests/simulation/world.py), three spreads of order values. On one
day this system's own SQL looks at them with the rules of one set, and acts on the campaigns that
look extreme to it, breakers aside; before and after it only watches, once a day. Seven days later
it has measured what each action brought, knowing what any installation knows: figures by day. The
market knows the truth: what the campaign would have earned at the one budget and at the other,
before the luck of single orders.

    python -m tests.benchmarks.impact [--seeds 6] [--campaigns 400] [--jobs 2] [--write]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

import numpy as np
import psycopg

from tests.simulation.database_policies import SIMULATED, START, Account, Setting
from tests.simulation.market import prepare, scratch
from tests.simulation.world import TODAY, Floats, Market, Truth, fingerprint

DOCS = Path(__file__).resolve().parents[2] / "docs"
ORDER_CVS = (0.7, 1.3, 2.0)
ACTS_ON, MEASURED_AFTER = 20, 7  # days
KINDS = ("raise of 20 %", "raise of 50 %", "cut of 30 %", "pause")
DEFAULT_RULES = ("Critical ROI Pause", "Low ROI Pause", "High ROI Scale",
                 "Exceptional ROI Aggressive Scale")  # fmt: skip
NO_BREAKERS = {
    "pause_breaker_share": 1, "growth_breaker_share": 100, "shrink_breaker_share": 1,
    "tracking_breaker_ratio": 0, "value_breaker_factor": 1_000_000, "conversion_delay_hours": 24,
}  # fmt: skip


def rule(name: str, condition: Mapping[str, Any], **action: Any) -> dict[str, Any]:
    kind = "pause" if action["type"] == "auto_pause" else "scale"
    return {
        "rule_name": name, "rule_type": kind, "condition": {"metric": "roi", **condition},
        "action": action, "priority": 60,
    }  # fmt: skip


SETS = (
    (
        rule(
            "pause", {"operator": "<", "threshold": 1.0, "min_spend": 100}, type="auto_pause"
        ),
        rule(
            "raise of 20 %", {"operator": ">=", "threshold": 1.5, "window": "7d"},
            type="auto_scale_up", multiplier=1.2, max_budget=100_000,
        ),
    ),
    (
        rule(
            "cut of 30 %", {"operator": "<", "threshold": 1.3, "window": "7d"},
            type="auto_scale_down", multiplier=0.7, min_budget=1,
        ),
        rule(
            "raise of 50 %", {"operator": ">=", "threshold": 2.0, "window": "7d"},
            type="auto_scale_up", multiplier=1.5, max_budget=100_000,
        ),
    ),
)  # fmt: skip


class Measured(NamedTuple):
    """One action: what it truly brought, and what was said of it."""

    kind: str
    true: float
    money: float
    low: float
    high: float
    verdict: str


class Task(NamedTuple):
    """One market under one set of rules."""

    seed: int
    rules: int
    truth: Truth
    server_url: str

    def play(self) -> list[Measured]:
        with scratch(self.server_url, f"impact_{self.seed}_{self.rules}") as url:
            return play(url, self)


def play(url: str, task: Task) -> list[Measured]:
    market = Market(task.seed, task.truth)
    setting = Setting(off=DEFAULT_RULES, more=SETS[task.rules], policy=NO_BREAKERS)
    with psycopg.connect(url, autocommit=True, options=SIMULATED) as db:
        account = Account(db, market, setting)
        db.execute("update public.autonomous_rules set is_active = false")
        days(account, ACTS_ON)
        before = market.budget.copy()
        db.execute(
            "update public.autonomous_rules set is_active = true where rule_name = any (%s)",
            ([one["rule_name"] for one in SETS[task.rules]],),
        )
        account.carry_out(START + timedelta(days=ACTS_ON, hours=1))
        account.read_back()
        db.execute("update public.autonomous_rules set is_active = false")
        after = np.where(market.running, market.budget, 0.0)
        true = days(account, MEASURED_AFTER, before, after)
        account.carry_out(START + timedelta(days=ACTS_ON + MEASURED_AFTER, hours=2))
        return [
            Measured(kind, float(true[account.number_of(campaign)]), **figures)
            for kind, campaign, figures in db.execute(MEASURED).fetchall()
        ]


MEASURED = """
select r.rule_name, a.campaign_id, jsonb_build_object(
  'money', a.actual_impact #> '{7d,money}', 'low', a.actual_impact #> '{7d,money_low}',
  'high', a.actual_impact #> '{7d,money_high}', 'verdict', a.actual_impact #> '{7d,verdict}')
from public.autonomous_actions a join public.autonomous_rules r on r.id = a.rule_id
where a.status = 'executed' and a.actual_impact ? '7d'
"""


def days(
    account: Account, number: int, before: Floats | None = None, after: Floats | None = None
) -> Floats:
    """Plays so many days, a bucket each; what `after` has earned beyond `before` by then."""
    market = account.market
    gained = np.zeros(market.truth.campaigns)
    for _ in range(number):
        began: datetime = START + timedelta(hours=market.hour)
        account.launch(began)
        if before is not None and after is not None:
            gained += after * (market.true_roi(after) - 1) - before * (market.true_roi(before) - 1)
        for _ in range(24):
            market.advance()
        account.ingest(began, market.observe())
        if market.hour // 24 in (2, 8, 16):
            account.refresh_statistics()
        # no rule is active: it watches, and measures what can be measured of the account
        account.carry_out(START + timedelta(hours=market.hour))
    return np.asarray(gained)


class Row(NamedTuple):
    """What came of one kind of action at one spread of order values."""

    cv: float
    kind: str
    actions: int
    true: float
    measured: float
    ratio: float
    error: float
    held: float  # share of intervals with the truth in them
    spoken: int
    right: int
    early: int


def row_of(cv: float, kind: str, markets: Sequence[Sequence[Measured]]) -> Row:
    own = [[one for one in market if one.kind == kind] for market in markets]
    every = [one for market in own for one in market]
    true, money = sum(one.true for one in every), sum(one.money for one in every)
    spoken = [one for one in every if one.verdict in ("improved", "regressed")]
    # each market left out in turn
    without = [
        (money - sum(one.money for one in left)) / (true - sum(one.true for one in left))
        for left in own
        if left
    ]
    error = (len(without) - 1) / sqrt(len(without)) * stdev(without) if len(without) > 1 else 0.0
    return Row(
        cv, kind, len(every), true, money, money / true, error,
        mean(one.low <= one.true <= one.high for one in every), len(spoken),
        sum((one.verdict == "improved") == (one.true > 0) for one in spoken),
        sum(one.verdict == "too_early" for one in every),
    )  # fmt: skip


def measure(seeds: int, campaigns: int, jobs: int) -> list[Row]:
    from autonomy.local import LocalStack
    from autonomy.local.places import remove

    folder = Path(tempfile.mkdtemp(prefix="autonomy-impact-"))
    rows = []
    try:
        with LocalStack(folder) as stack, ProcessPoolExecutor(jobs) as pool:
            prepare(stack.database_url)
            for cv in ORDER_CVS:
                truth = replace(
                    TODAY, campaigns=campaigns, days=ACTS_ON + MEASURED_AFTER + 1, order_cv=cv
                )
                tasks = [
                    Task(100 + seed, number, truth, stack.database_url)
                    for seed, number in product(range(seeds), range(len(SETS)))
                ]
                markets = list(pool.map(Task.play, tasks))
                rows += [row_of(cv, kind, markets) for kind in KINDS]
                for row in rows[-len(KINDS) :]:
                    print(line(row), flush=True)
    finally:
        remove(folder)
    return rows


HEAD = (
    "| order cv | action | actions | true | measured | measured / true | truth in the interval "
    "| verdicts | right | too early |\n|---|---|---:|---:|---:|---|---:|---:|---:|---:|"
)


def line(row: Row) -> str:
    right = f"{100 * row.right / row.spoken:.1f} %" if row.spoken else "-"
    return (
        f"| {row.cv:g} | {row.kind} | {row.actions:,} | {row.true:,.0f} | {row.measured:,.0f} "
        f"| **{row.ratio:.2f}** ± {row.error:.2f} | {100 * row.held:.0f} % | {row.spoken:,} "
        f"| {right} | {row.early:,} |"
    )


def page(rows: Sequence[Row], seeds: int, campaigns: int) -> str:
    lines = "\n".join(line(row) for row in rows)
    spoken, right = sum(row.spoken for row in rows), sum(row.right for row in rows)
    rules = "\n".join(
        f"- *{one['rule_name']}*: `{json.dumps(one['condition'])}`" for each in SETS for one in each
    )
    return f"""# What actions brought: measured against the truth

Written by `make impact ARGS='--seeds {seeds} --campaigns {campaigns} --write'`; do not edit by
hand.

`measure_action_impact()` compares nothing. All orders of a campaign, from before and since, say
what it returns, drawn to what campaigns of the account usually return; its curve says what of that
the money brought by which the action changed the spend. Does that hold?

{HEAD}
{lines}

Of {spoken:,} verdicts that were spoken (improved or regressed), {right:,} have the right sign:
{100 * right / max(1, spoken):.1f} %. Money of seven days; *measured / true* is of the sums, ± its
standard error over the markets. The interval is the one of 90 % of each action. *Too early*: the
orders are so few, or of such different values, that a verdict would be a guess; the money counts
in the sums all the same.

## How it was measured

{seeds} markets of {campaigns} campaigns for each spread of order values and each set of rules, by
the laws of `tests/simulation/world.py` (SHA-256 `{fingerprint()}`): true roi log-normal, drifting
and stepping; a curve of its own for each campaign (spread of the logarithm
{TODAY.spread_saturation:g}), which nobody is told; orders in shocked days, {TODAY.delay_hours:g} h
late, where the policy assumes a day. On day {ACTS_ON} the system's own SQL decides and acts, from a
confidence of 50 on, breakers aside, so that the campaigns acted on are those that looked extreme
to it:

{rules}

Figures by day are all that is fed, and it runs once a day; the conversion delay and the curvature
of the account it measures by itself. {MEASURED_AFTER} days later it has measured the actions. The
truth is what the market's own law pays for the budget after less that for the budget before, on
those days.

## What it does not show

The market's curve is of the form that is assumed (its steepness is not known to the system, and
differs by campaign). Where real campaigns saturate by another law, or take customers from each
other, only hold-outs tell: `holdout_share` in the policy, and `GET /api/proof`.

What is known of a campaign of few orders is drawn to what the account's campaigns usually return.
That is fitted a little too high while conversions are taken to come later than they do, and pauses
are measured a little too low by it. It errs on the careful side.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.impact")
    parser.add_argument("--seeds", type=int, default=6, help="markets for each row")
    parser.add_argument("--campaigns", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2, help="markets played at once")
    parser.add_argument("--write", action="store_true", help="write docs/impact.md")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    print(HEAD)
    rows = measure(options.seeds, options.campaigns, options.jobs)
    print(f"\n{time.monotonic() - began:.0f} s")
    if options.write:
        found = page(rows, options.seeds, options.campaigns)
        (DOCS / "impact.md").write_text(found, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

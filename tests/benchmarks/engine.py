"""How fast the engine is, on one core: `python -m tests.benchmarks.engine`.

Matching: candidates a second through the compiled rules. Deciding: candidates a second through
everything but the sentences (rules, confidence, guardrails, sizing, breakers), for a portfolio in
which every campaign matches some rule, which is the slowest there is. Reading: rows of JSON into
candidates. Each figure is the median of several rounds, with the fastest and the slowest.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from autonomy.engine import decide
from autonomy.engine.candidate import Candidate
from autonomy.engine.compiled_conditions import compile_conditions
from autonomy.engine.policy import Policy
from autonomy.rules.language import Rule

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
GOALS = {"matching": 400_000, "deciding": 50_000}
FOUR: list[dict[str, Any]] = [
    {
        "rule_name": "Critical ROI Pause",
        "rule_type": "pause",
        "priority": 100,
        "condition": {"metric": "roi", "operator": "<", "threshold": 0.5, "min_spend": 50},
        "action": {"type": "auto_pause"},
    },
    {
        "rule_name": "Low ROI Pause",
        "rule_type": "pause",
        "priority": 90,
        "condition": {
            "metric": "roi",
            "operator": "<",
            "threshold": 1.0,
            "min_spend": 100,
            "min_duration_hours": 24,
        },
        "action": {"type": "auto_pause"},
    },
    {
        "rule_name": "Exceptional ROI Aggressive Scale",
        "rule_type": "scale",
        "priority": 85,
        "condition": {"metric": "roi", "operator": ">=", "threshold": 4.0, "min_conversions": 20},
        "action": {"type": "auto_scale_up", "multiplier": 2.0, "max_budget": 20000},
    },
    {
        "rule_name": "High ROI Scale",
        "rule_type": "scale",
        "priority": 80,
        "condition": {"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10},
        "action": {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000},
    },
]


def many(number: int) -> list[dict[str, Any]]:
    """The four rules again and again with other thresholds and windows, as an agency has them."""
    luck = random.Random(1)
    rules = list(FOUR)
    while len(rules) < number:
        at = len(rules)
        rule = json.loads(json.dumps(FOUR[at % 4]))
        rule["rule_name"] += f" {at}"
        rule["priority"] = 79 - at
        rule["condition"]["threshold"] *= round(luck.uniform(0.8, 1.2), 2)
        rule["condition"]["window"] = luck.choice(["lifetime", "7d", "30d"])
        rules.append(rule)
    return rules


def row(number: int, luck: random.Random, *, matches: bool) -> dict[str, Any]:
    """A campaign; one that `matches` loses or earns enough for one of the four rules."""
    spend = luck.uniform(150, 3000)
    roi = luck.choice([0.2, 0.8, 3.4, 5.0]) if matches else luck.lognormvariate(0.2, 0.8)
    revenue = spend * roi
    conversions = max(20, int(revenue / 50)) if matches else int(revenue / 50)
    window = {
        "impressions": 20_000,
        "reach": 9_000,
        "clicks": 700,
        "conversions": conversions,
        "spend": round(spend, 2),
        "revenue": round(revenue, 2),
    }
    return {
        "campaign_id": f"{number:08d}-0000-4000-8000-000000000000",
        "title": f"Campaign {number}",
        "account": "default",
        "status": "active",
        "is_active": True,
        "budget": round(luck.uniform(20, 400), 2),
        "hours_running": luck.uniform(48, 2000),
        "autonomous_enabled": True,
        "hold_until": None,
        "data_age_hours": 1.0,
        "metrics": {"lifetime": window, "7d": window, "30d": window},
        "evidence": {
            "spend": spend,
            "conversions": float(conversions),
            "revenue": revenue,
            "cv2": 0.4,
            "days": 9.0,
            "matured_share": 0.95,
            "has_history": True,
        },
        "last_action_at": None,
        "last_pause_at": None,
        "last_resume_at": None,
        "budget_low_7d": None,
        "pending": False,
        "test_running": False,
        "holdout_draw": 0.5,
        "paused_action": None,
    }


def rounds(work: Callable[[], object], number: int) -> list[float]:
    """Seconds of CPU of each round, after one to warm up."""
    work()
    spent = []
    for _ in range(number):
        gc.collect()
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return spent


def report(what: str, candidates: int, spent: list[float], goal: int | None = None) -> float:
    """One line; returns the median rate."""
    rates = sorted(candidates / seconds for seconds in spent)
    rate = statistics.median(rates)
    against = "" if goal is None else f"   goal {goal:,}: {'met' if rate >= goal else 'MISSED'}"
    print(f"{what:42} {rate:>11,.0f} /s   ({rates[0]:,.0f} to {rates[-1]:,.0f}){against}")
    return rate


def matching(rules: list[dict[str, Any]], candidates: list[Candidate]) -> None:
    found = compile_conditions([Rule.parse(one).condition for one in rules])
    for one in candidates:
        found(one)


def measure(size: int, number: int) -> bool:
    """All figures; whether the goals are met."""
    luck = random.Random(7)
    rows = [row(at, luck, matches=False) for at in range(size)]
    fitting = [row(at, luck, matches=True) for at in range(size)]
    candidates = [Candidate.from_row(one) for one in rows]
    matched = [Candidate.from_row(one) for one in fitting]
    policy, fifty = Policy(), many(50)
    print(f"{platform.python_implementation()} {platform.python_version()}, one core of "
          f"{os.cpu_count()}, {size:,} candidates, median of {number} rounds (slowest to fastest), "
          "seconds of CPU\n")  # fmt: skip

    four_matching = report(
        "matching, 4 rules", size, rounds(lambda: matching(FOUR, candidates), number),
        GOALS["matching"],
    )  # fmt: skip
    fifty_matching = report(
        "matching, 50 rules", size, rounds(lambda: matching(fifty, candidates), number)
    )
    four_deciding = report(
        "deciding, 4 rules, every one matches", size,
        rounds(lambda: decide(FOUR, matched, policy, NOW), number), GOALS["deciding"],
    )  # fmt: skip
    fifty_deciding = report(
        "deciding, 50 rules, every one matches", size,
        rounds(lambda: decide(fifty, matched, policy, NOW), number),
    )  # fmt: skip
    report("deciding, 4 rules, a mixed portfolio", size,
           rounds(lambda: decide(FOUR, candidates, policy, NOW), number))  # fmt: skip
    report("reading rows of JSON (3 windows)", size,
           rounds(lambda: [Candidate.from_row(one) for one in rows], number))  # fmt: skip
    ok = four_matching >= GOALS["matching"] and four_deciding >= GOALS["deciding"]
    print("\ntime a rule and candidate, 50 rules beside 4 (goal: at most 2x):")
    for what, four, fifty_rate in (
        ("matching", four_matching, fifty_matching),
        ("deciding", four_deciding, fifty_deciding),
    ):
        ratio = (1 / fifty_rate / 50) / (1 / four / 4)
        ok = ok and ratio <= 2
        print(f"  {what}: {ratio:.2f}x {'met' if ratio <= 2 else 'MISSED'}")
    print(f"\nmemory a candidate with its decision: {memory(fitting[:5000], policy):,.0f} bytes")
    return ok


def memory(rows: list[dict[str, Any]], policy: Policy) -> float:
    """Bytes that a decision keeps, its candidate included."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = decide(FOUR, (dict(one) for one in rows), policy, NOW)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return used / len(kept)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    return 0 if measure(asked.size, asked.rounds) else 1


if __name__ == "__main__":
    raise SystemExit(main())

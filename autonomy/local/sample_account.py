"""The roster of the sample account: which campaigns there are and what is true of each.

Everything here is drawn from a seed and the campaign's number alone, so that two people with
the same seed talk about the same account. What the hourly rows look like is `sample.py`.
"""

from __future__ import annotations

import math
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

SUMMER_FESTIVAL = "Summer Festival Promo"

# Shares of an account of 200; a person has weeded most losers out of a real one already.
_SHARES: tuple[tuple[str, int], ...] = (
    ("steady", 82), ("winner", 14), ("star", 4), ("loser", 13), ("sinker", 5), ("young", 25),
    ("newborn", 3), ("recovered", 6), ("fallen", 6), ("trickle", 12), ("fatigue", 4),
    ("timing", 3), ("ctr_drop", 4), ("low_conversion", 4), ("mismatch", 5), ("ended", 10),
)  # fmt: skip

# Median of the true roi, spread of its logarithm, and where it is cut off.
_TRUE_ROI: dict[str, tuple[float, float, float, float]] = {
    "steady": (1.80, 0.20, 1.30, 2.60),
    "winner": (4.10, 0.10, 3.60, 4.80),
    "star": (6.00, 0.08, 5.40, 7.00),
    "loser": (0.66, 0.12, 0.52, 0.80),
    "sinker": (0.27, 0.15, 0.18, 0.36),
    "young": (1.40, 0.60, 0.35, 4.50),
    "newborn": (0.90, 0.40, 0.40, 2.00),
    "recovered": (2.30, 0.05, 2.10, 2.60),
    "fallen": (0.95, 0.08, 0.80, 1.10),
    "trickle": (1.05, 0.25, 0.70, 1.60),
    "fatigue": (1.90, 0.10, 1.60, 2.30),
    "timing": (1.75, 0.08, 1.50, 2.10),
    "ctr_drop": (1.95, 0.08, 1.70, 2.30),
    "low_conversion": (1.50, 0.06, 1.35, 1.70),
    "mismatch": (1.60, 0.08, 1.40, 1.90),
    "ended": (0.70, 0.30, 0.35, 1.50),
}

# Account, a typical order there, and what it sells.
_ACCOUNTS: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("Outdoor Shop DE", 36.0, ("Rain Jackets", "Trail Shoes", "Day Packs", "Tents", "Merino")),
    (
        "Outdoor Shop UK",
        55.0,
        ("Waterproofs", "Hiking Boots", "Camping", "Thermals", "Bikepacking"),
    ),
    ("Home & Garden", 48.0, ("Garden Lights", "Patio Sets", "Planters", "Grills", "Hammocks")),
    ("Events", 58.0, ("Jazz Nights", "City Marathon", "Food Market", "Open Air Cinema")),
)
_SEASONS = ("Spring Sale", "Summer", "Autumn", "Winter", "Black Friday", "Evergreen", "Clearance")
_AUDIENCES = (
    "Prospecting", "Retargeting 30d", "Lookalike 1%", "Lookalike 3%", "Broad", "Brand Search",
    "Generic Search", "Cart Abandoners", "Newsletter", "Interest",
)  # fmt: skip
_FORMATS = ("Video", "Carousel", "Static", "Stories", "Shopping")
_BUDGETS = (30.0, 40.0, 50.0, 60.0, 75.0, 80.0, 100.0, 120.0, 150.0, 200.0, 250.0)


@dataclass(frozen=True)
class SampleCampaign:
    """One campaign and the truth behind it; money in the account's currency.

    `order_cv` is the coefficient of variation of single order values, `delay_hours` the mean
    time from click to order, `last_seen_hours` how long ago its rows stop.
    """

    number: int
    id: uuid.UUID
    title: str
    account: str
    kind: str
    true_roi: float
    budget: float
    order_value: float
    order_cv: float
    cost_per_click: float
    ctr: float
    frequency: float
    delay_hours: float
    age_hours: int
    last_seen_hours: int = 0
    status: str = "active"
    enabled: bool = True
    hold_days: int = 0
    test: str | None = None
    dirt: str | None = None
    segments: dict[str, tuple[float, float]] = field(default_factory=dict)


def draw_roster(campaigns: int = 200, days: int = 60, seed: int = 7) -> list[SampleCampaign]:
    """All campaigns of the account, in a mixed but fixed order."""
    kinds = _kinds(campaigns)
    random.Random(f"sample/{seed}").shuffle(kinds)  # nosec B311
    titles: set[str] = set()
    rank: dict[str, int] = {}
    roster = []
    for number, kind in enumerate(kinds):
        rank[kind] = rank.get(kind, 0) + 1
        roster.append(_draw(number, kind, rank[kind], days, seed, titles))
    return roster


def _kinds(campaigns: int) -> list[str]:
    kinds = [kind for kind, share in _SHARES for _ in range(round(share * campaigns / 200))]
    return (kinds + ["steady"] * campaigns)[:campaigns]


def _draw(
    number: int, kind: str, rank: int, days: int, seed: int, titles: set[str]
) -> SampleCampaign:
    rng = random.Random(f"sample/{seed}/{number}")  # nosec B311
    account, typical_order, products = _ACCOUNTS[
        3 if kind == "low_conversion" and rank == 1 else rng.randrange(len(_ACCOUNTS))
    ]
    title = _title(rng, products, titles)
    if kind == "low_conversion" and rank == 1:
        title = SUMMER_FESTIVAL
    roi = _clipped_lognormal(rng, *_TRUE_ROI[kind])
    order = typical_order * math.exp(rng.gauss(0.0, 0.2))
    # Good campaigns owe it half to cheap clicks, half to a page that converts.
    cost_per_click = 0.035 * order / math.sqrt(1.7 * roi) * math.exp(rng.gauss(0.0, 0.15))
    if kind == "low_conversion":
        order, cost_per_click = order * 1.3, 0.0125 * order * 1.3 / roi
    return SampleCampaign(
        number=number,
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"autonomous-operations/sample/{seed}/{number}"),
        title=title,
        account=account,
        kind=kind,
        true_roi=roi,
        budget=_budget(rng, kind),
        order_value=order,
        order_cv=rng.uniform(1.3, 1.6),
        cost_per_click=round(cost_per_click, 4),
        ctr=min(6.0, 1.6 * math.exp(rng.gauss(0.0, 0.35))),
        frequency=rng.uniform(1.3, 2.2),
        delay_hours=rng.uniform(5.0, 11.0),
        age_hours=_age_hours(rng, kind, days),
        **_circumstances(kind, rank),
    )


def _circumstances(kind: str, rank: int) -> dict[str, Any]:
    """Holds, tests, stale and dirty rows: a few of each, on campaigns where they matter."""
    if kind == "ended":
        return {"status": "paused", "last_seen_hours": 24 * (6 + rank)}
    planted: dict[tuple[str, int], dict[str, Any]] = {
        ("loser", 1): {"hold_days": 5},
        ("loser", 2): {"enabled": False},
        ("loser", 3): {"test": "Landing page: short form against long form"},
        ("loser", 4): {"last_seen_hours": 96},
        ("winner", 1): {"hold_days": 3},
        ("winner", 2): {"enabled": False},
        ("winner", 3): {"test": "Headline: price first against benefit first"},
        ("steady", 1): {"test": "Image: product alone against product in use"},
        ("steady", 2): {"dirt": "clicks_above_impressions"},
        ("steady", 3): {"dirt": "conversions_without_clicks"},
        ("steady", 4): {"dirt": "revenue_without_spend"},
        ("steady", 5): {"dirt": "missing_days"},
        ("steady", 6): {"dirt": "conversions_above_clicks"},
        ("steady", 7): {"dirt": "silent_hours"},
        ("steady", 8): {"last_seen_hours": 120},
    }
    found = dict(planted.get((kind, rank), {}))
    if kind == "mismatch":
        found["segments"] = {"25-34": (0.35, 1.35), "35-44": (0.30, 1.25), "18-24": (0.35, 0.15)}
    elif kind == "steady" and rank in (9, 10):
        found["segments"] = {"women": (0.55, 1.05), "men": (0.45, 0.94)}
    return found


def _title(rng: random.Random, products: tuple[str, ...], taken: set[str]) -> str:
    while True:
        audience = rng.choice(_AUDIENCES)
        kind = "Search" if "Search" in audience else rng.choice(_FORMATS)
        title = f"{rng.choice(products)} {rng.choice(_SEASONS)} - {audience} {kind}"
        title = title.replace("Search Search", "Search")
        if title not in taken:
            taken.add(title)
            return title


def _clipped_lognormal(
    rng: random.Random, median: float, spread: float, low: float, high: float
) -> float:
    return min(high, max(low, median * math.exp(rng.gauss(0.0, spread))))


def _budget(rng: random.Random, kind: str) -> float:
    if kind == "trickle":
        return rng.choice((5.0, 6.0, 8.0))
    if kind == "young":
        return rng.choice((20.0, 25.0, 30.0, 40.0))
    if kind in ("newborn", "loser", "sinker", "low_conversion", "ctr_drop"):
        return rng.choice((100.0, 120.0, 150.0, 200.0))
    if kind in ("fatigue", "timing", "mismatch"):
        return rng.choice((300.0, 400.0, 500.0))
    return rng.choice(_BUDGETS)


def _age_hours(rng: random.Random, kind: str, days: int) -> int:
    if kind == "newborn":
        return rng.randint(14, 21)
    if kind == "young":
        return rng.randint(30, 150)
    if kind in ("recovered", "fallen", "fatigue", "timing", "mismatch") or rng.random() < 0.75:
        return days * 24
    return rng.randint(min(18, days) * 24, days * 24)

"""The curve in SQL is the curve in Python, to the cent, whatever comes in."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import psycopg

from autonomy.engine.case import Odds
from autonomy.engine.confidence import Evidence, Prior
from autonomy.engine.curve import curve_of, dead_band, target_budget, within_dead_band

REFERENCES = [Decimal(text) for text in ("0.000001", "0.01", "1", "68.37", "1234.5", "1e9", "1e15")]
NO_REFERENCES = ["0", "-5", "NaN", "1e18", "1e-9", None]


def ask(db: psycopg.Connection[Any], question: str, *values: Any) -> Any:
    row = db.execute(f"select {question}", values).fetchone()
    assert row is not None
    return row[0]


def test_targets_agree_to_the_last_digit(db: psycopg.Connection[Any]) -> None:
    r = Random(7)
    asked = "autonomy.curve_target(%s, %s::float8, %s::float8, %s::float8)"
    for reference, curvature, break_even in product(
        REFERENCES, (0.1, 2.0, 100.0), (1e-300, 0.5, 1.0, 1e300)
    ):
        mean = r.choice((1e-9, 0.3, 0.97, 2.0, 3.3, 1e9)) * r.uniform(0.9, 1.1)
        target = ask(db, asked, reference, curvature, mean, break_even)
        assert target == target_budget(reference, curvature, mean, break_even)


def test_without_a_reference_there_is_no_target(db: psycopg.Connection[Any]) -> None:
    for reference in NO_REFERENCES:
        assert ask(db, "autonomy.curve_target(%s::numeric, 2, 1, 1)", reference) is None
        assert ask(db, "autonomy.budget_share(100, %s::numeric)", reference) == 1
        assert ask(db, "autonomy.budget_share(%s::numeric, 100)", reference) == 1
        assert ask(db, "autonomy.curve_floor(7, %s::numeric)", reference) == 7


def test_what_rests_in_python_rests_in_sql(db: psycopg.Connection[Any]) -> None:
    """Also a hundredth of a percent within the band, or beyond it."""
    asked = (
        "autonomy.within_dead_band(%s, %s, %s::float8, autonomy.roi_posterior("
        "%s, %s, %s, null::float8, 9, 1, %s::float8, %s::float8, 50, %s::float8), %s::float8,"
        " %s::float8)"
    )
    r = Random(11)
    seen, bands = {True: 0, False: 0}, set[Decimal]()
    for _ in range(300):
        spend, orders, roi = r.uniform(50, 5000), r.uniform(1, 60), r.uniform(0.4, 4)
        prior = Prior(tau2=r.choice((0.09, 0.64, 2.0)), curvature=r.choice((0.5, 2.0, 8.0)))
        reference, break_even = Decimal(r.randrange(1, 10**6)) / 100, r.choice((0.7, 1.0, 1.5))
        evidence = Evidence(spend, orders, spend * roi, None, 9.0)
        odds = Odds(evidence, prior, 1.0, curve_of(None, None, prior.curvature))
        target = target_budget(reference, prior.curvature, odds.mean_at_reference, break_even)
        band = dead_band(prior.curvature, odds.mean_at_reference, break_even, odds.precision)
        edge, just = 1 / (1 + band), Decimal("0.0001")
        sides = (edge - just, edge + just, Decimal(1), 1 / (1 - band) - just, 1 / (1 - band) + just)
        beside = r.choice((*sides, Decimal("0.5"), Decimal(3)))
        budget = round(target * beside, 2) or Decimal("0.01")
        bands.add(band)
        rests = ask(
            db, asked, budget, reference, prior.curvature, spend, orders, spend * roi,
            prior.mean_roi, prior.tau2, prior.cv2, prior.tau2, break_even,
        )  # fmt: skip
        assert rests is within_dead_band(budget, target, band), (budget, target)
        seen[rests] += 1
    assert min(seen.values()) > 50
    assert min(bands) < Decimal("0.06")
    assert max(bands) > Decimal("0.3")

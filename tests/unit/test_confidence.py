"""The confidence: known values, order, and an answer for every input."""

from __future__ import annotations

from math import erf, isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.engine.confidence import (
    Evidence,
    Prior,
    normal_below,
    posterior,
    probability_below,
    round_half_up,
)
from autonomy.engine.prior import fit_prior

INF, NAN = float("inf"), float("nan")
anything = st.one_of(st.floats(), st.integers(-(10**30), 10**30).map(float), st.none())


def seen(spend: float, conversions: float, revenue: float, days: float = 10.0) -> Evidence:
    return Evidence(spend, conversions, revenue, None, days, 1.0)


def test_nothing_known_is_fifty_fifty() -> None:
    assert probability_below(1.0, seen(0, 0, 0)) == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("evidence", "probability"),
    [  # from the closed form, written a second time with arrays
        (Evidence(812.40, 7, 301.15, None, 9, 1.0), 0.97198534),
        (Evidence(120, 2, 90, None, 9, 1.0), 0.59007321),
        (Evidence(812.40, 7, 301.15, 2.5, 9, 1.0), 0.93992159),
        (Evidence(150, 0, 0, None, 3, 1.0), 0.8564658),
    ],
)
def test_known_values(evidence: Evidence, probability: float) -> None:
    assert probability_below(1.0, evidence) == pytest.approx(probability, abs=1e-7)


def test_immature_spend_excuses_missing_conversions() -> None:
    ripe = Evidence(150, 0, 0, None, 3, 1.0)
    assert probability_below(1.0, ripe._replace(matured_share=0.3)) < probability_below(1.0, ripe)


def test_scattered_orders_say_less() -> None:
    even = Evidence(800, 8, 300, 0.0, 9, 1.0)
    scattered = even._replace(cv2=5.0)
    assert probability_below(1.0, scattered) < probability_below(1.0, even)


def test_approximation_of_the_normal() -> None:
    for step in range(-60, 61):
        z = step / 10
        assert normal_below(z) == pytest.approx((1 + erf(z / sqrt(2))) / 2, abs=2e-4)


@pytest.mark.parametrize("target", [0.0, -1.0, -INF])
def test_no_roi_lies_below_zero(target: float) -> None:
    assert probability_below(target, seen(100, 1, 50)) == 0.0


@pytest.mark.parametrize("target", [None, NAN])
def test_an_unknown_target_says_nothing(target: float | None) -> None:
    assert probability_below(target, seen(100, 1, 50)) == 0.5


@given(anything, anything, anything, anything, anything, anything, anything)
def test_a_number_for_every_input(
    target: float | None, s: float, n: float, r: float, cv2: float | None, d: float, f: float
) -> None:
    probability = probability_below(target, Evidence(s, n, r, cv2, d, f))
    assert 0.0 <= probability <= 1.0


@given(anything, anything, anything, anything)
def test_a_number_for_every_prior(m: float, tau2: float, order: float, cv2: float) -> None:
    probability = probability_below(1.0, seen(500, 5, 700), Prior(m, tau2, order, cv2))
    assert 0.0 <= probability <= 1.0


@given(st.floats(0.01, 100), st.floats(1, 1e5), st.integers(0, 500), st.floats(0, 1e5))
def test_it_never_falls_as_the_target_rises(t: float, s: float, n: int, r: float) -> None:
    assert probability_below(t * 1.1, seen(s, n, r)) >= probability_below(t, seen(s, n, r))


@given(st.floats(10, 1e5), st.integers(1, 500), st.floats(0.05, 20))
def test_more_of_the_same_makes_it_surer(s: float, n: int, roi: float) -> None:
    """Ten times the evidence at the same rate is more precise."""
    once, often = seen(s, n, s * roi), seen(10 * s, 10 * n, 10 * s * roi, 100.0)
    assert posterior(often, Prior())[1] > posterior(once, Prior())[1]


@pytest.mark.parametrize(
    ("percent", "shown"), [(79.995, 80.0), (79.9949, 79.99), (0.005, 0.01), (100.0, 100.0)]
)
def test_round_half_up(percent: float, shown: float) -> None:
    assert round_half_up(percent) == shown


def test_prior_of_few_campaigns_is_the_default() -> None:
    assert fit_prior([seen(100, 0, 0)] * 4) == Prior()
    assert fit_prior([seen(0, 1, 50)] * 100) == Prior()
    assert fit_prior([Evidence(NAN, NAN, NAN)] * 100) == Prior()


def test_what_orders_are_worth_is_known_from_the_first_ones_on() -> None:
    """600 spent without an order says little where orders are worth 2,500."""
    siblings = [seen(30_000, 30, 75_000)] * 2
    new = seen(600, 0, 0)
    prior = fit_prior([*siblings, new])
    assert prior == Prior(order_value=2500.0)
    assert fit_prior([seen(5000, 1, 2500)]).order_value == pytest.approx(2500)
    assert probability_below(1.0, new, Prior()) > 0.85
    assert 0.5 < probability_below(1.0, new, prior) < 0.56


def test_prior_finds_a_portfolio() -> None:
    """A thousand campaigns at a roi of 3 with orders of 20."""
    fitted = fit_prior([seen(1000, 150, 3000)] * 1000)
    assert fitted.mean_roi == pytest.approx(3.0, rel=0.1)
    assert fitted.order_value == pytest.approx(20.0, rel=0.02)
    assert fitted.tau2 < 0.1


def test_prior_is_the_formula_written_a_second_time_with_arrays() -> None:
    luck = np.random.default_rng(3)
    size = 60
    s, n = luck.uniform(0, 900, size), luck.poisson(3, size).astype(float)
    r, d, f = n * luck.uniform(10, 90, size), luck.uniform(0, 40, size), luck.uniform(0, 1, size)
    cv2 = [None if at % 3 else float(at) / 20 for at in range(size)]
    s[:4], f[4:8], r[8] = 0.0, 0.0, 0.0
    seen = [Evidence(*one) for one in zip(s, n, r, cv2, d, f, strict=True)]

    keep = (s > 0) & (f > 0)
    sold = keep & (n > 0) & (r > 0)
    w = n[sold] / (n[sold] + 2)
    order = np.average(r[sold] / n[sold], weights=w)
    known = keep & (n >= 2) & np.array([one is not None for one in cv2])
    w = (n[known] - 1) / (n[known] + 9)
    scatter = np.array([one or 0.0 for one in cv2])[known]
    mean_cv2 = (np.sum(w * scatter) + 10) / (w.sum() + 20)
    spend, days = (s * f)[keep], np.maximum(d[keep], 1)
    k = order * (1 + mean_cv2 + 0.25 * (spend / order) / days)
    w = spend / k / (spend / k + 1 / 0.64)
    roi = np.minimum(r[keep] / spend, 50)
    mean = np.average(roi, weights=w)
    spread = np.average((roi - mean) ** 2 - k / spend * mean, weights=w)
    tau2 = np.log(1 + max(0, spread) / mean**2)
    share = w.sum() / (w.sum() + 20)
    fitted = fit_prior(seen)
    assert fitted.mean_roi == pytest.approx(np.exp(share * (np.log(mean) - tau2 / 2)))
    assert fitted.tau2 == pytest.approx(share * tau2 + (1 - share) * 0.64)
    assert fitted.order_value == pytest.approx(order)
    assert fitted.cv2 == pytest.approx(mean_cv2)


@given(st.lists(st.builds(Evidence, anything, anything, anything, anything, anything, anything)))
def test_a_prior_for_every_portfolio(evidence: list[Evidence]) -> None:
    fitted = fit_prior(evidence)
    assert all(isfinite(value) and value > 0 for value in fitted)

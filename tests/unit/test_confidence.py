"""The confidence: known values, order, and an answer for every input."""

from __future__ import annotations

from math import erf, exp, isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.engine.confidence import (
    Evidence,
    Prior,
    by_cpa,
    normal_below,
    orders_of,
    posterior,
    probability_below,
    round_half_up,
)
from autonomy.engine.prior import (
    Counted,
    DaysSums,
    Scatter,
    fit_prior,
    fullness,
    likeliest,
    scatter_of,
)

INF, NAN = float("inf"), float("nan")
anything = st.one_of(st.floats(), st.integers(-(10**30), 10**30).map(float), st.none())


def seen(spend: float, conversions: float, revenue: float, days: float = 10.0) -> Evidence:
    return Evidence(spend, conversions, revenue, None, days, 1.0)


def test_nothing_known_is_fifty_fifty() -> None:
    assert probability_below(1.0, seen(0, 0, 0)) == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("evidence", "probability"),
    [  # from the closed form, written a second time with arrays
        (Evidence(812.40, 7, 301.15, None, 9, 1.0), 0.92269588),
        (Evidence(120, 2, 90, None, 9, 1.0), 0.57081243),
        (Evidence(812.40, 7, 301.15, 2.5, 9, 1.0), 0.91594015),
        (Evidence(150, 0, 0, None, 3, 1.0), 0.87260053),
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
    typical = exp(-0.08) * 2500  # the median, where they differ as usual
    assert prior.order_value == pytest.approx(typical)
    assert (prior.mean_roi, prior.tau2) == (1.0, 0.64)
    assert fit_prior([seen(5000, 1, 2500)]).order_value == pytest.approx(typical)
    assert probability_below(1.0, new, Prior()) > 0.85
    assert 0.5 < probability_below(1.0, new, prior) < 0.58


def test_prior_finds_a_portfolio() -> None:
    """A thousand campaigns at a roi of 3 with orders of 20."""
    fitted = fit_prior([seen(1000, 150, 3000)] * 1000)
    assert fitted.mean_roi == pytest.approx(3.0, rel=0.1)
    assert fitted.order_value == pytest.approx(20.0 * exp(-0.08), rel=0.02)
    assert fitted.tau2 < 0.1


def portfolio(
    luck: np.random.Generator,
    size: int,
    *,
    roi: float,
    tau: float,
    cv2: float,
    spread: float = 0.16,
) -> tuple[list[Evidence], Scatter]:
    """Twenty days of campaigns whose true figures are known."""
    evidence, days = [], []
    for _ in range(size):
        true, worth = roi * luck.lognormal(0, tau), 80 * luck.lognormal(0, spread**0.5)
        spend = 30 * luck.lognormal(0, 1, 1)[0] * np.ones(20)
        orders = luck.poisson(true * spend * luck.gamma(4, 0.25, 20) / worth)
        revenue = worth * np.array([luck.gamma(1 / cv2, cv2, n).sum() for n in orders])
        sums = DaysSums()
        for n, r in zip(orders, revenue, strict=True):
            sums = sums.with_day(float(n), float(r))
        evidence.append(Evidence(float(spend.sum()), sums.n, sums.r, None, 20.0))
        days.append(sums)
    return evidence, scatter_of(days)


@pytest.mark.parametrize(
    ("roi", "tau", "cv2", "spread"),
    [(0.7, 0.4, 0.5, 0.16), (1.0, 0.8, 2.25, 0.16), (2.0, 1.1, 4.0, 0.16), (1.0, 0.8, 2.25, 0.8)],
)
def test_the_prior_is_that_of_the_portfolio(
    roi: float, tau: float, cv2: float, spread: float
) -> None:
    evidence, days = portfolio(
        np.random.default_rng(7), 400, roi=roi, tau=tau, cv2=cv2, spread=spread
    )
    fitted = fit_prior(evidence, days=days)
    assert fitted.mean_roi == pytest.approx(roi, rel=0.2)
    assert fitted.tau2**0.5 == pytest.approx(tau, rel=0.15)
    assert fitted.cv2 == pytest.approx(cv2, rel=0.15)
    assert fitted.order_spread == pytest.approx(spread, abs=max(0.12, 0.4 * spread))
    assert fitted.order_value == pytest.approx(80, rel=0.15)


def test_the_likeliest_prior_is_that_of_the_likelihood_summed_up() -> None:
    """The same by brute force: each campaign's roi integrated out, over a fine grid."""
    luck = np.random.default_rng(3)
    seen = [
        Counted(float(n), float(e), float(r))
        for n, e, r in zip(
            luck.poisson(4 * luck.lognormal(0, 0.8, 60)), luck.uniform(2, 8, 60),
            luck.uniform(2, 30, 60), strict=True,
        )
    ]  # fmt: skip
    n, e, r = (np.array(column)[:, None, None] for column in zip(*seen, strict=True))
    x = np.linspace(-5, 5, 801)
    likelihood = np.exp(n * (x + np.log(e)) - (n + r) * np.log1p(e * np.exp(x) / r))

    def score(mean: float, tau: float) -> float:
        density = np.exp(-(((x - mean) / tau) ** 2) / 2) / tau
        hyper = (mean / 0.5) ** 2 + (np.log(tau / 0.7) / 0.35) ** 2
        return float(np.log((likelihood * density).sum(axis=2)).sum() - hyper / 2)

    grid = [(m, t) for m in np.linspace(-1, 1, 81) for t in np.exp(np.linspace(-1.4, 0.6, 81))]
    mean, tau = max(grid, key=lambda at: score(*at))
    fitted = likeliest(seen)
    assert fitted[0] == pytest.approx(mean, abs=0.05)
    assert fitted[1] == pytest.approx(np.log(tau), abs=0.08)


def test_few_orders_that_were_large_are_luck() -> None:
    """One order of 400 where they are worth 50, and eight of 50: the same money says less."""
    one, eight = seen(400, 1, 400), seen(400, 8, 400)
    assert probability_below(1.0, one) > probability_below(1.0, eight) + 0.1
    dear = Prior(order_spread=2.0)  # where campaigns sell dear and cheap things, it says more
    assert probability_below(1.0, one, dear) < probability_below(1.0, one)


def test_revenue_without_conversions_counts_as_it_is() -> None:
    assert probability_below(1.0, seen(1000, 0, 5000)) < 0.05
    assert probability_below(1.0, seen(1000, 0, 0)) > 0.9


@pytest.mark.parametrize("conversions", [0.0, 0.3, 1.0, 20.0])
def test_by_cpa_only_counts_speak(conversions: float) -> None:
    """Each conversion is worth the target, whatever came in, and nothing is divided by zero."""
    evidence = Evidence(20 * 22.0, conversions, 9e9, 4.0, 10.0)
    orders = orders_of(*by_cpa(evidence, 22.0))
    assert (orders.value, orders.number) == pytest.approx((22.0, conversions))


def test_effective_spend_counts_where_it_is_known() -> None:
    half = seen(800, 4, 300)._replace(effective_spend=400.0)
    assert posterior(half, Prior()) == posterior(seen(400, 4, 300), Prior())


@given(st.lists(st.builds(Evidence, anything, anything, anything, anything, anything, anything)))
def test_a_prior_for_every_portfolio(evidence: list[Evidence]) -> None:
    fitted = fit_prior(evidence)
    assert all(isfinite(value) and value > 0 for value in fitted)


def test_orders_that_fade_are_less_noisy_than_a_count_of_their_size() -> None:
    # fading by half a week from now on: the sums over all days are 10.6, and of their squares 5.6
    kept = 0.5 ** (1 / 7)
    for days in (1, 5, 20, 400):
        weights = [kept**at for at in range(days)]
        whole = sum(weights) / sum(one * one for one in weights)
        assert fullness(sum(weights), 7) == pytest.approx(whole)
    assert fullness(30, 0) == fullness(NAN, 7) == fullness(1, 7) == 1.0


def test_the_prior_of_evidence_that_fades_is_that_of_the_market() -> None:
    """A median of 1.2 and a spread of 0.8, seen over 60 days of shocks, came out as 1.23 and
    0.77, faded orders being taken for a count."""
    random, fitted = np.random.default_rng(11), []
    kept = 0.5 ** (np.arange(60) / 7)
    for _ in range(6):
        spend, roi = random.lognormal(4.2, 0.6, 250), random.lognormal(np.log(1.2), 0.8, 250)
        shocks = random.gamma(4, 0.25, (60, 250))
        orders = kept @ random.poisson(spend * roi * shocks / 50)
        days = float(kept.sum())
        fitted.append(
            fit_prior(
                Evidence(float(s) * days, float(n), 50 * float(n), 0.0, days, has_history=True)
                for s, n in zip(spend, orders, strict=True)
            )
        )
    assert np.mean([one.mean_roi for one in fitted]) == pytest.approx(1.2, rel=0.02)
    assert np.mean([one.tau2**0.5 for one in fitted]) == pytest.approx(0.8, rel=0.02)


def test_totals_of_a_life_are_a_count() -> None:
    totals = [seen(100.0 * n, n, 50.0 * n, 60.0) for n in range(1, 40)]
    assert fit_prior(totals) == fit_prior(totals, half_life_days=0)

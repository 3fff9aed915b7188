"""The simulated market is what docs/simulation.md says of it; its peers are honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.simulation import plain_policies
from tests.simulation.market import DOCS, PLAIN
from tests.simulation.paper import NOTHING, ORACLE
from tests.simulation.result import Result, with_error
from tests.simulation.world import REAL_LIKE, TODAY, WORLDS, Floats, Market, Score, fingerprint


def daily_spend(market: Market) -> Floats:
    """Plays the market as it is; what each campaign spent each day."""
    days = np.zeros((market.truth.campaigns, market.truth.days))
    for day in range(market.truth.days):
        for _ in range(24):
            market.advance()
        days[:, day] = market.observe().spend
    return days


def top_tenth(days: Floats) -> float:
    """The share of the spend that a tenth of the campaigns has."""
    spend = np.sort(days.sum(axis=1))
    return float(spend[-(len(spend) // 10) :].sum() / spend.sum())


def day_to_day(days: Floats) -> float:
    """Standard deviation of the logarithm of a day's spend within a campaign."""
    variances = [np.log(own[own > 0]).var(ddof=1) for own in days]
    return float(np.sqrt(np.mean(variances)))


def order_cv2(market: Market) -> float:
    """Squared coefficient of variation of single orders within a campaign, from five orders on."""
    many = market.total_conversions >= 5
    orders, revenue, squares = (
        total[many]
        for total in (market.total_conversions, market.total_revenue, market.total_squares)
    )
    around_mean = squares - revenue**2 / orders
    return float((around_mean / (revenue / orders) ** 2).sum() / (orders - 1).sum())


def test_figures_of_the_market_like_real_accounts() -> None:
    markets = [Market(seed, REAL_LIKE) for seed in range(1000, 1004)]
    days = [daily_spend(market) for market in markets]
    assert 0.54 <= np.mean([top_tenth(own) for own in days]) <= 0.77
    assert np.mean([day_to_day(own) for own in days]) == pytest.approx(0.29, abs=0.01)
    # The largest of log-normal orders are rare: a sample shows a little less than 3.5.
    assert 3.0 <= np.mean([order_cv2(market) for market in markets]) <= 3.7
    assert all(market.start_budget.min() >= REAL_LIKE.least_budget for market in markets)


def test_figures_of_the_plain_market() -> None:
    market = Market(1000, TODAY)
    days = daily_spend(market)
    assert 0.2 <= top_tenth(days) <= 0.3
    assert day_to_day(days) == pytest.approx(0.05, abs=0.01)
    assert order_cv2(market) == pytest.approx(1.3**2, abs=0.25)


def test_a_world_changes_what_it_names() -> None:
    plain = Market(1000, TODAY)
    for name, factor in (("saturation 4x sooner", 0.25), ("saturation 4x later", 4.0)):
        other = Market(1000, WORLDS[name])
        double = 2 * plain.start_budget
        ratio = plain.true_roi() / plain.true_roi(double) - 1
        x = plain.start_budget / plain.saturates_at
        assert np.allclose(other.saturates_at, plain.saturates_at * factor)
        assert np.allclose(ratio, x / (1 + x)), "doubled, it earns less by its own saturation"
    leaning = Market(1000, WORLDS["budgets lean to winners"])
    assert np.allclose(leaning.true_roi(), plain.true_roi()), "at the first budget, nothing else"
    tilt = np.corrcoef(np.log(leaning.start_budget), np.log(leaning.true_roi()))[0, 1]
    assert tilt > 0.6 > abs(np.corrcoef(plain.start_budget, plain.true_roi())[0, 1]) + 0.3


PEERS = {name: play for name, play in PLAIN.items() if name not in (NOTHING, ORACLE)}


@pytest.mark.parametrize("world", WORLDS)
def test_nobody_beats_who_knows_the_truth(world: str) -> None:
    truth = replace(WORLDS[world], campaigns=min(40, WORLDS[world].campaigns), days=30)
    for seed in (2000, 2001):
        nothing, best = (PLAIN[name](seed, truth) for name in (NOTHING, ORACLE))
        assert best.expected_profit > nothing.expected_profit
        for name, play in PEERS.items():
            earned = play(seed, truth).expected_profit
            assert earned < best.expected_profit, f"{name} in market {seed}"


def test_the_honest_peers_are_as_good_as_they_are() -> None:
    """A peer that was weakened by mistake would make every other policy look better."""
    seeds = range(3000, 3002)
    scores = {
        name: Result(name, [PLAIN[name](seed, TODAY) for seed in seeds])
        for name in (
            NOTHING,
            ORACLE,
            "budgets by ROAS",
            "budgets by ROAS²",
            "equal marginal return",
        )
    }
    shares = {
        name: float(np.mean(result.shares(scores[NOTHING], scores[ORACLE])))
        for name, result in scores.items()
    }
    assert shares["budgets by ROAS"] == pytest.approx(64, abs=6)
    assert shares["budgets by ROAS²"] == pytest.approx(74, abs=6)
    assert shares["equal marginal return"] == pytest.approx(74, abs=6)


def test_peers_keep_the_total() -> None:
    for play in (plain_policies.by_roas_squared, plain_policies.equal_marginal):
        spend, unmoved = play(3000, TODAY).spend, PLAIN[NOTHING](3000, TODAY).spend
        assert spend == pytest.approx(unmoved, rel=0.03)


def test_a_share_lies_between_nothing_and_the_truth() -> None:
    scores = [Score(0.0, profit, 0.0, 0.0, 0.0, 0, 0) for profit in (100.0, 175.0, 200.0)]
    nothing, mine, best = (Result("x", [score]) for score in scores)
    assert mine.shares(nothing, best) == [75.0]
    assert with_error([70.0, 74.0]) == "72 ±2.0"


def test_the_page_was_written_with_this_market() -> None:
    page = (DOCS / "simulation.md").read_text(encoding="utf-8")
    assert f"`{fingerprint()}`" in page, "the market has changed: run make simulate again"

"""What a campaign would have shown with another budget, in every figure that a rule can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from autonomy.engine.candidate import CLICKS, REVENUE, SPEND
from autonomy.replay.other_budget import Counterfactual
from autonomy.replay.past import Look, windows_of
from autonomy.replay.past_campaign import PastCampaign
from autonomy.replay.past_candidate import candidate
from autonomy.replay.valuation import Range

START = datetime(2026, 3, 10, tzinfo=UTC)
WINDOWS = ["3d", "prior_3d"]


def look(day: int) -> Look:
    """A day brings 1000 impressions, 100 clicks, 4 orders, 50 spent, 200 earned."""
    life = [1000.0 * day, 500.0 * day, 100.0 * day, 4.0 * day, 50.0 * day, 200.0 * day]
    three = [3000.0, 1500.0, 300.0, 12.0, 150.0, 600.0]
    evidence = [400.0, 32.0, 1600.0, 8.0, 1.0]
    return Look(
        START + timedelta(days=day), "c", True, [*life, *evidence, 0.0, 24.0 * day, *three, *three]
    )


def campaign() -> PastCampaign:
    changes: list[tuple[datetime, Decimal | None]] = [(START + timedelta(days=30), Decimal(80))]
    return PastCampaign(
        "c", "<b>C</b>", "a", True, Decimal(90), changes, None, [], None, START, 2000, 8000, 160, 40
    )


def test_it_follows_the_response_curve() -> None:
    other = Counterfactual(look(10), 2.0)
    other.set_factor(4.0)
    for day in (11, 12, 13, 14):
        other.follow(look(day), 0.0)
    assert other.spend == pytest.approx(4 * 50 * 3), "three more budgets on four days"
    assert other.revenue == pytest.approx(4 * 200 * 1), "twice the revenue"
    one = candidate(look(14), campaign(), WINDOWS)
    other.show(one, look(14))
    assert one.lifetime[SPEND] == pytest.approx(14 * 50 + 600)
    assert one.lifetime[REVENUE] == pytest.approx(14 * 200 + 800)
    assert one.lifetime[CLICKS] == pytest.approx(14 * 100 + 4 * 300), "clicks cost what they cost"
    assert one.evidence.spend == pytest.approx(400 + 600)
    assert one.evidence.revenue == pytest.approx(1600 + 800)
    assert one.windows is not None
    assert one.windows["3d"][SPEND] == pytest.approx(150 + 3 * 150)
    assert one.windows["prior_3d"][SPEND] == pytest.approx(150 + 150), "one day of four"


@pytest.mark.parametrize(
    ("curvature", "size", "factor", "response"),
    [
        (2.0, 1.0, 1.0, 1.0),
        (2.0, 1.0, 2.0, 2 * 3 / 4),
        (2.0, 2.0, 2.0, 2 * 4 / 6),  # it had twice the reference already
        (0.5, 1.0, 2.0, 2 * 1.5 / 2.5),  # saturates four times sooner
        (8.0, 1.0, 2.0, 2 * 9 / 10),  # and later
        (2.0, 1.0, 0.5, 0.5 * 3 / 2.5),  # half the budget keeps more than half
    ],
)
def test_a_unit_brings_less_the_more_is_spent(
    curvature: float, size: float, factor: float, response: float
) -> None:
    other = Counterfactual(look(10), curvature)
    other.set_factor(factor, size)
    assert other.response == pytest.approx(response)


def test_effective_spend_is_counted_as_the_runs_believe() -> None:
    other = Counterfactual(look(10), 8.0, believed=2.0)
    other.set_factor(2.0, 1.0)
    other.follow(look(11), 0.0)
    one = candidate(look(11), campaign(), WINDOWS)
    other.show(one, look(11))
    assert one.evidence.effective_spend == pytest.approx(400 - 50 + 100 * 3 / 4)


def test_evidence_of_other_budgets_fades_as_well() -> None:
    other = Counterfactual(look(10), 2.0)
    other.set_factor(2.0)
    other.follow(look(11), 7.0)
    other.set_factor(1.0)
    other.follow(look(18), 7.0)
    one = candidate(look(18), campaign(), [])
    other.show(one, look(18))
    assert one.evidence.spend == pytest.approx(400 + 25)


def test_nothing_changes_without_another_budget() -> None:
    other = Counterfactual(look(10), 2.0)
    other.follow(look(11), 7.0)
    one, untouched = (candidate(look(11), campaign(), WINDOWS) for _ in range(2))
    other.show(one, look(11))
    assert (one.lifetime, one.windows, one.evidence) == (
        untouched.lifetime,
        untouched.windows,
        untouched.evidence,
    )


def test_budgets_are_told_backwards() -> None:
    own = campaign()
    assert own.budget_at(START) == 80
    assert own.budget_at(START + timedelta(days=30)) == 90


def test_windows_are_found_at_any_depth() -> None:
    condition = {
        "all": [
            {"metric": "ctr", "window": "7d", "than": {"metric": "ctr", "window": "prior_7d"}},
            {"not": {"metric": "roi", "window": "lifetime"}},
        ]
    }
    found = windows_of([condition, {"metric": "roi", "window": "14d"}])
    assert found == ["14d", "1d", "30d", "3d", "7d", "prior_7d"], "three are the guardrails' own"


def test_a_range_holds_its_sum_and_is_the_same_for_everyone() -> None:
    part = Range.of([1.0, 5.0, 9.0, 30.0])
    assert part.low <= part.value <= part.high
    assert part == Range.of([1.0, 5.0, 9.0, 30.0])
    assert Range.of([7.0]) == Range(7.0, 7.0, 7.0)

"""The guide's two questions: who wastes money, who deserves more. They only read."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from autonomy.engine.confidence import Evidence, Prior, probability_below, round_half_up
from autonomy.engine.prior import fit_prior
from tests.sql.test_decide import campaign, empty, winner

__all__ = ["empty"]  # a fixture

UNDER = (
    "campaign_id", "campaign_title", "current_budget", "total_spend", "roi", "ctr",
    "conversion_rate", "hours_running", "recommendation", "confidence_score",
)  # fmt: skip
SCALING = (
    "campaign_id", "campaign_title", "current_budget", "suggested_budget", "roi", "conversions",
    "ctr", "confidence_score", "reasoning",
)  # fmt: skip


def rows(db: psycopg.Connection, call: str) -> list[dict[str, Any]]:
    cursor = db.cursor(row_factory=dict_row)
    return cursor.execute(f"select * from {call}").fetchall()


def test_the_guides_queries_run_verbatim(empty: psycopg.Connection) -> None:
    campaign(empty)
    winner(empty)
    for query, columns in (
        ("SELECT * FROM identify_underperforming_campaigns(50.0, 1.0, 24);", UNDER),
        ("SELECT * FROM identify_scaling_candidates(3.0, 10, 3.0);", SCALING),
    ):
        cursor = empty.execute(query)
        assert tuple(one.name for one in cursor.description or ()) == columns
        assert len(cursor.fetchall()) == 1


def test_the_parameters_keep_their_names_and_defaults(db: psycopg.Connection) -> None:
    said = db.execute(
        "select proname, pg_get_function_arguments(oid) from pg_proc where proname like 'identify%'"
    ).fetchall()
    now = "p_now timestamp with time zone DEFAULT now()"
    assert dict(said) == {
        "identify_underperforming_campaigns": "min_spend numeric DEFAULT 50.0, max_roi numeric"
        f" DEFAULT 1.0, min_duration_hours integer DEFAULT 24, {now}",
        "identify_scaling_candidates": "min_roi numeric DEFAULT 3.0, min_conversions integer"
        f" DEFAULT 10, max_budget_multiplier numeric DEFAULT 3.0, {now}",
    }


def test_an_underperformer_in_figures_and_words(empty: psycopg.Connection) -> None:
    one = campaign(empty, 812.4, 301.15, 4, title="Summer", budget=200)
    (found,) = rows(empty, "identify_underperforming_campaigns(p_now => '2026-11-22 10:17Z')")
    evidence = Evidence(812.4, 4, 301.15, None, 30)
    # the only campaign there is: what its own orders are worth is known
    prior = fit_prior([evidence])
    assert prior.order_value == pytest.approx(301.15 / 4 * math.exp(-0.08))
    chance = round_half_up(100 * probability_below(1.0, evidence, prior))
    assert found.pop("recommendation") == (
        f"Pause: in 30 days 812.40 spent, 301.15 earned, 0.37x."
        f" {chance:.0f} % likely to be below break-even."
    )
    assert found == {
        "campaign_id": one, "campaign_title": "Summer", "current_budget": 200,
        "total_spend": Decimal("812.40"), "roi": Decimal("0.3707"), "ctr": 3,
        "conversion_rate": Decimal("1.3333"), "hours_running": 720,
        "confidence_score": pytest.approx(Decimal(chance)),
    }  # fmt: skip


def test_a_target_above_break_even_is_taken_at_its_word(empty: psycopg.Connection) -> None:
    campaign(empty, 500, 600, 20)
    (found,) = rows(empty, "identify_underperforming_campaigns(50, 1.5)")
    assert found["recommendation"].endswith("likely to be below 1.50x.")


def test_who_loses_most_stands_first(empty: psycopg.Connection) -> None:
    little, most, some = (
        campaign(empty, 100, 90),
        campaign(empty, 900, 0),
        campaign(empty, 300, 100),
    )
    found = rows(empty, "identify_underperforming_campaigns()")
    assert [one["campaign_id"] for one in found] == [most, some, little]


@pytest.mark.parametrize(
    ("budget", "multiplier", "suggested"),
    [
        (100, 3.0, "150.00"),
        (100, 1.2, "120.00"),
        (0.01, 3, "0.02"),
        (33.33, 3, "50.00"),
        (33.35, 1.333, "44.45"),
        (40000, 3, "50000.00"),
        (60000, 3, "50000.00"),
        (100, 0, "0.00"),
        (None, 3, None),
    ],
)
def test_the_suggested_budget(
    empty: psycopg.Connection, budget: Any, multiplier: float, suggested: str | None
) -> None:
    winner(empty, budget=budget)
    (found,) = rows(empty, f"identify_scaling_candidates(3, 10, {multiplier})")
    assert found["suggested_budget"] == (None if suggested is None else Decimal(suggested))


def test_a_scaling_candidate_in_figures_and_words(empty: psycopg.Connection) -> None:
    one = winner(empty, title="Brand")
    (found,) = rows(empty, "identify_scaling_candidates(p_now => '2026-11-22 10:17Z')")
    below = probability_below(1.5, Evidence(500, 50, 2500, None, 30), Prior())
    chance = round_half_up(100 * (1 - below))
    assert found.pop("reasoning") == (
        "Raise the budget from 100.00 to 150.00: in 30 days 500.00 spent, 2,500.00 earned, 5.00x,"
        " 50 conversions. 99 % likely that more budget earns its keep."
    )
    assert found == {
        "campaign_id": one, "campaign_title": "Brand", "current_budget": 100,
        "suggested_budget": 150, "roi": 5, "conversions": 50, "ctr": 3,
        "confidence_score": pytest.approx(Decimal(chance)),
    }  # fmt: skip


def test_bounds_are_as_a_rule_reads_them(empty: psycopg.Connection) -> None:
    """Spend, conversions and hours inclusive; below max_roi; from min_roi on."""
    now = "p_now => '2026-11-22 10:17Z'"
    campaign(empty, 50, 49.99, 1)
    campaign(empty, 50, 50, 1)
    campaign(empty, 49.99, 0, 1)
    winner(empty)
    assert len(rows(empty, f"identify_underperforming_campaigns(50, 1, 720, {now})")) == 1
    assert len(rows(empty, f"identify_underperforming_campaigns(50, 1, 721, {now})")) == 0
    assert len(rows(empty, f"identify_scaling_candidates(5.0, 50, 3, {now})")) == 1
    assert len(rows(empty, f"identify_scaling_candidates(5.0, 51, 3, {now})")) == 0
    assert len(rows(empty, f"identify_scaling_candidates(5.01, 50, 3, {now})")) == 0


def test_the_answer_is_for_the_database_as_it_is(empty: psycopg.Connection) -> None:
    """Whatever is on hold, switched off or frozen; but a paused campaign wastes nothing."""
    empty.execute("update autonomy_policy set frozen = true")
    campaign(empty, hold_until="infinity")
    campaign(empty, autonomous_enabled=False)
    campaign(empty, status="paused")
    assert len(rows(empty, "identify_underperforming_campaigns()")) == 2


def test_no_spend_and_no_figures_are_no_finding(empty: psycopg.Connection) -> None:
    campaign(empty, 0, 0, 0)
    empty.execute("insert into campaigns (title) values ('no figures')")
    assert rows(empty, "identify_underperforming_campaigns(0, 1e15, 0)") == []
    assert rows(empty, "identify_scaling_candidates(0, 0, 3)") == []


@pytest.mark.parametrize("value", ["null", "'NaN'", "-1", "-0.01", "'Infinity'", "'-Infinity'"])
@pytest.mark.parametrize(
    "call",
    [
        "identify_underperforming_campaigns(min_spend => {})",
        "identify_underperforming_campaigns(max_roi => {})",
        "identify_scaling_candidates(min_roi => {})",
        "identify_scaling_candidates(max_budget_multiplier => {})",
    ],
)
def test_a_missing_limit_is_an_error(db: psycopg.Connection, call: str, value: str) -> None:
    with pytest.raises(psycopg.DatabaseError, match="must be a number of at least 0") as refused:
        rows(db, call.format(value))
    assert refused.value.sqlstate == "AO010"


@pytest.mark.parametrize("value", ["null", "-1"])
def test_a_missing_count_is_an_error(db: psycopg.Connection, value: str) -> None:
    for call in (
        f"identify_underperforming_campaigns(min_duration_hours => {value})",
        f"identify_scaling_candidates(min_conversions => {value})",
    ):
        with pytest.raises(psycopg.DatabaseError) as refused, db.transaction():
            rows(db, call)
        assert refused.value.sqlstate == "AO010"


def test_time_is_handed_in(empty: psycopg.Connection) -> None:
    campaign(empty)
    before = "p_now => '2026-10-23 10:00Z'"
    assert rows(empty, f"identify_underperforming_campaigns({before})") == []

"""What engine and database must agree on beside the decisions: the policy and the prior."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from autonomy.engine.confidence import DEFAULT_PRIOR, Evidence
from autonomy.engine.policy import Policy
from autonomy.engine.prior import fit_prior

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.fixture
def database(scratch_database: Callable[[], str]) -> Any:
    with psycopg.connect(scratch_database(), row_factory=dict_row) as connection:
        yield connection


def row(database: Any, statement: str, *values: Any) -> dict[str, Any]:
    found: dict[str, Any] = database.execute(statement, values).fetchone()
    return found


def test_the_defaults_of_the_table_are_those_of_the_model(database: Any) -> None:
    found = row(database, "select to_jsonb(p) as policy from public.autonomy_policy p")
    assert Policy.from_row(found["policy"]) == Policy()


def test_every_limit_that_the_table_takes_is_taken_by_the_model(database: Any) -> None:
    limits = database.execute("select * from public.autonomy_policy_limits()").fetchall()
    assert len(limits) > 20
    for limit in limits:
        if limit["setting"] in Policy.model_fields:
            for end in (limit["low"], limit["high"]):
                Policy.checked({limit["setting"]: end})


@pytest.mark.parametrize("campaigns", [3, 5, 40])
def test_the_prior_is_fitted_alike(database: Any, campaigns: int) -> None:
    luck = random.Random(campaigns)
    seen = [campaign(database, luck) for _ in range(campaigns)]
    fitted = row(database, "select public.fit_portfolio_prior(true, %s) as prior", NOW)["prior"]
    expected = fit_prior(seen)
    if campaigns < 5:
        assert (expected.mean_roi, expected.tau2) == (DEFAULT_PRIOR.mean_roi, DEFAULT_PRIOR.tau2)
    for name, value in expected._asdict().items():
        if name == "curvature":
            continue  # measured, not fitted
        assert fitted[name] == pytest.approx(value, rel=1e-6), name


def campaign(database: Any, luck: random.Random) -> Evidence:
    """A campaign without history, as its totals say; dirty now and then."""
    number, days = uuid.uuid4(), luck.randint(1, 90)
    spend = round(luck.choice([0.5, 30, 400, 9000]) * luck.random() + 0.01, 2)
    conversions = luck.choice([0, 1, 2, 7, 300])
    revenue = round(spend * luck.choice([0, 0.4, 1, 3, 500]) * luck.random(), 2)
    cv2 = luck.choice([None, 0.3, 2.5])
    database.execute(
        "insert into public.campaigns (id, title, budget, created_at) values (%s, 'x', 10, %s)",
        (number, NOW - timedelta(days=days)),
    )
    database.execute(
        "insert into public.campaign_performance"
        " (campaign_id, impressions, clicks, conversions, total_spend, total_revenue,"
        " order_value_cv2) values (%s, 1000, 100, %s, %s, %s, %s)",
        (number, conversions, spend, revenue, cv2),
    )
    return Evidence(spend, conversions, revenue, cv2, float(days))

"""The confidence in SQL: total, and the same number as the engine's; the prior, fitted."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autonomy.engine.confidence import Evidence, Prior, probability_below, round_half_up
from autonomy.engine.prior import Counted, DaysSums, fit_prior, likeliest, scatter_of

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
QUESTION = "select autonomy.probability_below(" + ", ".join(["%s::float8"] * 12) + ")"

plain = st.one_of(
    st.floats(0, 1e6, allow_subnormal=False),
    st.sampled_from([0.0, 0.01, 0.5, 1.0, 1.5, 2.0, 9.0, 100.0, 1000.0]),
)
wild = st.one_of(
    plain,
    plain,
    plain,
    st.sampled_from(
        [math.nan, math.inf, -math.inf, 1e308, -1e308, 1e-308, 5e-324, -5.0, -0.0, 1e15]
    ),
    st.none(),
)


def ask(db: psycopg.Connection, question: str, *values: object) -> Any:
    row = db.execute(question, values).fetchone()
    assert row is not None
    return row[0]


few = settings(
    max_examples=400, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
many = settings(few, max_examples=2000, derandomize=False)


@few
@given(values=st.lists(wild, min_size=12, max_size=12))
def test_every_input_has_an_answer_and_it_is_the_engines(
    db: psycopg.Connection, values: list[float | None]
) -> None:
    compare(db, values)


@pytest.mark.long
@many
@given(values=st.lists(wild, min_size=12, max_size=12))
def test_every_random_input_has_an_answer_and_it_is_the_engines(
    db: psycopg.Connection, values: list[float | None]
) -> None:
    compare(db, values)


def compare(db: psycopg.Connection, values: list[float | None]) -> None:
    target, spend, conversions, revenue, cv2, days, matured, *prior = values
    seen = Evidence(spend, conversions, revenue, cv2, days, matured)  # type: ignore[arg-type]
    expected = probability_below(target, seen, Prior(*prior))  # type: ignore[arg-type]
    answer = ask(db, QUESTION, *values)
    assert 0.0 <= answer <= 1.0
    assert answer == pytest.approx(expected, abs=1e-9)
    assert ask(db, "select autonomy.cut_confidence(%s::float8)", 100 * expected) == round_half_up(
        100 * expected
    )


def test_nothing_known_is_fifty_fifty(db: psycopg.Connection) -> None:
    prior = (1, 0.64, 50, 0.5, 0.16)
    assert ask(db, QUESTION, 1, 0, 0, 0, None, 1, 1, *prior) == pytest.approx(0.5)
    assert ask(db, QUESTION, 0, 100, 2, 300, None, 1, 1, *prior) == 0
    assert ask(db, QUESTION, None, 100, 2, 300, None, 1, 1, *prior) == 0.5


# --- the prior ------------------------------------------------------------------------------------


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    """No campaigns, default policy; facts are written as they are given."""
    db.execute("delete from campaigns")
    db.execute("select autonomy_reset_defaults()")
    db.execute("set local session_replication_role = replica")
    db.execute("delete from campaign_facts")
    return db


def portfolio(
    db: psycopg.Connection, campaigns: int, *, seed: int = 1, dirty: bool = False
) -> None:
    r = Random(seed)
    extreme = (None, "NaN", "Infinity", "-Infinity", 1e300, -5.0, 0.0)
    for number in range(campaigns):
        made = ask(
            db,
            "insert into campaigns (title, budget, created_at, status) values (%s, 100, %s, %s)"
            " returning id",
            f"Campaign {number}",
            NOW - timedelta(hours=r.randint(1, 2000)),
            r.choice(("active", "paused")),
        )
        spend = round(r.uniform(0, 900), 2) * r.choice((0, 1, 1, 1))
        conversions = float(r.choice((0, 1, 2, 5, 20, 300)))
        revenue = round(conversions * r.uniform(5, 200), 2)
        figures: list[Any] = [spend, conversions, revenue]
        if dirty and r.random() < 0.4:
            figures[r.randrange(3)] = r.choice(extreme)
        history = r.random() < 0.5
        immature = 0.3 * spend if r.random() < 0.5 else 0
        db.execute(
            "insert into campaign_facts (campaign_id, has_history, as_of, data_at, cv2,"
            " life_spend, life_conversions, life_revenue, ev_spend, ev_conversions, ev_revenue,"
            " ev_days, ev_immature_spend) values (%s, %s, %s, %s, %s,"
            " %s::float8, %s::float8, %s::float8, %s::float8, %s::float8, %s::float8, %s, %s)",
            [made, history, NOW - timedelta(hours=r.choice((-3, 0, 30, 9000))), NOW,
             r.choice((None, 0.3, 2.0)), *figures, *figures, r.uniform(0, 20), immature],
        )  # fmt: skip


def evidence(db: psycopg.Connection) -> list[Evidence]:
    rows = db.execute(
        "select spend, conversions, revenue, cv2, days, matured_share, has_history, effective_spend"
        " from autonomy.campaign_evidence(null, %s)",
        [NOW],
    ).fetchall()
    return [Evidence(*row) for row in rows]


@pytest.mark.parametrize("campaigns", [0, 4, 7, 60])
@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize("delay", [0, 48])
def test_the_prior_is_the_engines(
    empty: psycopg.Connection, campaigns: int, dirty: bool, delay: int
) -> None:
    empty.execute("update autonomy_policy set conversion_delay_hours = %s", [delay])
    portfolio(empty, campaigns, seed=campaigns, dirty=dirty)
    answer = ask(empty, "select fit_portfolio_prior(p_now => %s)", NOW)
    expected = fit_prior(evidence(empty))
    for name in ("mean_roi", "tau2", "order_value", "cv2"):
        assert answer[name] == pytest.approx(getattr(expected, name), rel=1e-6), name
    stored = empty.execute(
        "select prior_mean_roi, prior_tau2, prior_order_value, prior_cv2, prior_order_spread,"
        " curvature from autonomy_policy"
    ).fetchone()
    assert stored == pytest.approx(tuple(expected), rel=1e-6)


def test_the_days_tell_how_orders_scatter_as_they_tell_the_engine(
    empty: psycopg.Connection,
) -> None:
    portfolio(empty, 30, seed=4)
    luck, days = Random(9), []
    spent = "select campaign_id from autonomy.campaign_evidence(null, %s) where spend > 0"
    for (campaign,) in empty.execute(spent, [NOW]).fetchall():
        sums = DaysSums()
        for ago in range(luck.choice((3, 40))):
            n, r = luck.choice((0, 0, 1, 2.5, 9)), round(luck.expovariate(0.01), 2)
            sums = sums.with_day(n, r if n else 0.0)
            empty.execute(
                "insert into campaign_daily values (%s, %s, 9, 9, 9, %s, 10, %s)",
                [campaign, NOW.date() - timedelta(days=ago), n, r if n else 0],
            )
        days.append(sums)
    seen, scatter = evidence(empty), scatter_of(days)
    assert scatter.orders > 100
    answer = ask(empty, "select fit_portfolio_prior(p_now => %s)", NOW)
    assert answer["cv2"] == pytest.approx(fit_prior(seen, days=scatter).cv2, rel=1e-6)
    assert answer["cv2"] != pytest.approx(fit_prior(seen).cv2, rel=1e-2)


@pytest.mark.parametrize("seed", range(5))
def test_the_likeliest_prior_is_the_engines(db: psycopg.Connection, seed: int) -> None:
    """Hardly any orders, many, dirt, and sizes from next to nothing to very large."""
    luck = Random(seed)
    seen = [
        Counted(
            luck.choice((0.0, 1.0, 3.5, 40.0, 1e6)) * luck.random(),
            luck.choice((1e-20, 0.2, 5.0, 100.0, 1e15)) * luck.random(),
            luck.choice((1e-3, 2.0, 30.0, 1e6)),
        )
        for _ in range(5 + 20 * seed)
    ]
    columns = [list(column) for column in zip(*seen, strict=True)]
    answer = ask(db, "select autonomy.likeliest_prior(%s, %s, %s)", *columns)
    assert answer == pytest.approx(likeliest(seen), abs=1e-6)


def test_the_prior_is_fitted_once_an_hour(empty: psycopg.Connection) -> None:
    portfolio(empty, 10)
    question = "select (fit_portfolio_prior(%s, %s) ->> 'fitted')::boolean"
    assert ask(empty, question, False, NOW)
    assert not ask(empty, question, False, NOW + timedelta(minutes=59))
    assert not ask(empty, question, False, NOW - timedelta(minutes=59))
    assert ask(empty, question, True, NOW + timedelta(minutes=59))
    assert ask(empty, question, False, NOW - timedelta(days=30))
    with pytest.raises(psycopg.DatabaseError) as refused:
        ask(empty, question, False, None)
    assert refused.value.sqlstate == "AO010"


# --- fading ---------------------------------------------------------------------------------------


def test_evidence_halves_while_nothing_new_comes(empty: psycopg.Connection) -> None:
    made = ask(empty, "insert into campaigns (budget, created_at) values (1, %s) returning id", NOW)
    empty.execute(
        "insert into campaign_facts (campaign_id, has_history, as_of, data_at, life_spend,"
        " ev_spend, ev_conversions, ev_revenue, ev_days, ev_immature_spend)"
        " values (%s, true, %s, %s, 900, 100, 8, 50, 6, 40)",
        [made, NOW, NOW],
    )
    empty.execute("update autonomy_policy set conversion_delay_hours = 24")
    seen = (
        "select spend, conversions, revenue, days, matured_share from"
        " autonomy.campaign_evidence(%s, %s)"
    )

    def at(days: float) -> Any:
        return empty.execute(seen, [[made], NOW + timedelta(days=days)]).fetchone()

    assert at(0) == pytest.approx((100, 8, 50, 6, 0.6))
    assert at(7) == pytest.approx((50, 4, 25, 3, 1 - 0.4 * math.exp(-7)))
    assert at(-1) == pytest.approx((100, 8, 50, 6, max(0.0, 1 - 0.4 * math.e)))
    assert at(36500) == pytest.approx((0, 0, 0, 0, 1))
    empty.execute(
        "update autonomy_policy set evidence_half_life_days = 0, conversion_delay_hours = 0"
    )
    assert at(36500) == pytest.approx((100, 8, 50, 6, 1))

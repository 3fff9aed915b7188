"""How fast campaigns saturate: told from their orders, the same in both engines."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from autonomy.engine.curvature import (
    GRID,
    Day,
    curvature_scores,
    ln_gamma,
    mean_curvature,
    nearest_curvature,
)

START = datetime(2026, 8, 1, tzinfo=UTC)


def market(true: float, seed: int, campaigns: int = 30, days: int = 70) -> list[list[Day]]:
    """Campaigns of an account whose budgets were moved about; oldest day first, its age 0."""
    chance = random.Random(seed)
    made = []
    for _ in range(campaigns):
        rate, x, one = math.exp(chance.gauss(0, 0.5)) / 15, 1.0, []
        for n in range(days):
            if n >= 10 and n % 7 == 0:
                x = chance.choice((0.4, 0.7, 1.0, 1.8, 3.0))
            spend = 100 * x * chance.uniform(0.9, 1.0)
            mu = rate * spend * (true + 1) / (true + x) * chance.lognormvariate(-0.03, 0.25)
            one.append(Day(n, spend, float(poisson(chance, mu)), x))
        made.append(one)
    return made


def poisson(chance: random.Random, mu: float) -> int:
    found, passed = 0, chance.expovariate(1)
    while passed < mu:
        found, passed = found + 1, passed + chance.expovariate(1)
    return found


def until(campaigns: list[list[Day]], day: int) -> list[list[Day]]:
    return [[d._replace(age=day - d.age) for d in one if d.age <= day] for one in campaigns]


def in_sql(
    db: psycopg.Connection, campaigns: list[list[Day]], delay: float, half_life: float, tau2: float
) -> Any:
    rows = [(n, *day) for n, one in enumerate(campaigns) for day in one]
    row = db.execute(
        "select autonomy.curvature_scores(%s::int[], %s::int[], %s::float8[], %s::float8[],"
        " %s::float8[], %s, %s, %s)",
        [*([row[k] for row in rows] for k in range(5)), delay, half_life, tau2],
    ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(("delay", "half_life"), [(0, 14), (24, 7), (96, 0)])
def test_both_engines_score_alike(db: psycopg.Connection, delay: float, half_life: float) -> None:
    campaigns = market(1.0, seed=int(delay), campaigns=6)
    campaigns.append([Day(0, 50.0, 2.5, 1.0)])  # its first day
    campaigns.append([Day(5, 50.0, 2.0, 1.0)])  # not seen on any scored day but one
    for day in (0, 3, 20, 69):
        seen = until(campaigns, day)
        ours = curvature_scores(seen, delay, half_life, 0.64)
        theirs = in_sql(db, seen, delay, half_life, 0.64)
        if ours is None:
            assert theirs is None
            continue
        assert theirs == pytest.approx(ours, rel=1e-9)
        told = db.execute("select autonomy.mean_curvature(%s::float8[])", [theirs]).fetchone()
        assert told == pytest.approx((mean_curvature(ours),))


def test_orders_that_never_came_say_nothing(db: psycopg.Connection) -> None:
    silent = [[Day(n, 50.0, 0.0, 1.0 + n) for n in range(9)]]
    assert curvature_scores(silent, 0, 14, 0.64) is None
    assert in_sql(db, silent, 0, 14, 0.64) is None
    assert in_sql(db, [], 0, 14, 0.64) is None


@pytest.mark.parametrize("x", [0.01, 0.3, 1.0, 7.9, 8.0, 55.5, 1e6])
def test_ln_gamma(db: psycopg.Connection, x: float) -> None:
    assert ln_gamma(x) == pytest.approx(math.lgamma(x), rel=1e-9, abs=1e-9)
    told = db.execute("select autonomy.ln_gamma(%s)", [x]).fetchone()
    assert told == pytest.approx((ln_gamma(x),), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("true", "low", "high"), [(0.5, 0.25, 1.0), (8.0, 4.0, 16.0)])
def test_scores_speak_for_the_true_curvature(true: float, low: float, high: float) -> None:
    campaigns = market(true, seed=7)
    total = [0.0] * len(GRID)
    for day in range(10, 70):
        scores = curvature_scores(until(campaigns, day), 0, 14, 0.64)
        assert scores is not None
        total = [a + b for a, b in zip(total, scores, strict=True)]
    assert low <= nearest_curvature(mean_curvature(total)) <= high


def test_without_scores_it_is_the_usual_one() -> None:
    assert mean_curvature([0.0] * 7) == pytest.approx(math.log(2), abs=0.01)
    assert nearest_curvature(mean_curvature([5.0] * 7)) == 2.0


# In the database --------------------------------------------------------------------------------


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("delete from campaign_changes")
    db.execute("select autonomy_reset_defaults()")
    db.execute("set local autonomy.simulation = on")
    return db


def fed(db: psycopg.Connection, campaigns: list[list[Day]], *, moved: bool = True) -> None:
    """The account as it would stand, its budgets 100 times those of the days."""
    db.execute("select set_config('autonomy.now', %s, true)", [START.isoformat()])
    for one in campaigns:
        row = db.execute(
            "insert into campaigns (title, budget, created_at) values ('c', 100, %s) returning id",
            [START],
        ).fetchone()
        assert row is not None
        before = 1.0
        for day in one if moved else []:
            if day.budget != before:
                db.execute(
                    "insert into campaign_changes (campaign_id, changed_at, old_status, new_status,"
                    " old_budget, new_budget, kind, actor) values"
                    " (%s, %s, 'active', 'active', %s, %s, 'action', 'autonomy')",
                    [row[0], START + timedelta(days=day.age), 100 * before, 100 * day.budget],
                )
                before = day.budget
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, spend,"
            " conversions, revenue) select %s, %s + n * interval '1 day', 1000, 90, s, o, o * 50"
            " from unnest(%s::int[], %s::float8[], %s::float8[]) u (n, s, o)",
            [row[0], START, [d.age for d in one], [d.spend for d in one], [d.orders for d in one]],
        )


def known(db: psycopg.Connection) -> Any:
    return db.execute(
        "select scores, last_day::text, since is not null,"
        " (select a.curvature from autonomy.account_priors(array['default'], null) a)"
        " from autonomy.account_measures where account = 'default' and what = 'curvature'"
    ).fetchone()


def night(db: psycopg.Connection, day: int) -> None:
    """The run after a day, when the first figures of the next one are there."""
    now = START + timedelta(days=day + 1, hours=2)
    db.execute("select autonomy.measure_account('default', 'curvature', %s)", [now])
    db.execute("select autonomy.rebuild_measured()")


@pytest.mark.parametrize(("true", "low", "high"), [(0.5, 0.25, 1.0), (8.0, 4.0, 16.0)])
def test_an_account_finds_its_own(
    empty: psycopg.Connection, true: float, low: float, high: float
) -> None:
    campaigns = market(true, seed=7)
    fed(empty, campaigns)
    facts = "select sum(ev_effective_spend) from campaign_facts"
    before = empty.execute(facts).fetchone()
    for day in range(12, 69):
        night(empty, day)
        night(empty, day)  # each day counts once
    scores, last, measured, used = known(empty)
    assert measured
    assert low <= used <= high
    assert used == nearest_curvature(mean_curvature(scores))
    assert empty.execute(facts).fetchone() != before
    assert last == "2026-10-08"
    # another fit of the prior leaves it
    told = empty.execute("select curvature from autonomy.priors where name = 'default'").fetchone()
    assert told == (used,)
    empty.execute("select fit_portfolio_prior(true, %s)", [START + timedelta(days=70)])
    assert known(empty)[3] == used


def test_without_a_change_of_budgets_nothing_is_told(empty: psycopg.Connection) -> None:
    fed(empty, market(0.5, seed=7, campaigns=5), moved=False)
    for day in range(12, 69, 8):
        night(empty, day)
    scores, last, measured, used = known(empty)
    assert (scores, last, measured, used) == ([0.0] * 7, None, False, 2.0)


def test_days_that_no_run_saw_are_passed_over(empty: psycopg.Connection) -> None:
    campaigns = market(0.5, seed=3, campaigns=6)
    empty.execute("update autonomy_policy set evidence_half_life_days = 14")
    fed(empty, campaigns)
    for day in (30, 31, 45):
        night(empty, day)
    scores, last, _, _ = known(empty)
    assert last == "2026-09-15"
    expected = [0.0] * 7
    for day in (30, 31, 45):
        told = curvature_scores(until(campaigns, day), 0, 14, 0.64)
        assert told is not None
        expected = [a + b for a, b in zip(expected, told, strict=True)]
    assert scores == pytest.approx(expected, rel=0.05)

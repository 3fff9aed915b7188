"""How late conversions come, told from an account's launches, the same in both engines."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from autonomy.engine.delay import Launch, delay_of_launches, nearest_delay

START = datetime(2026, 8, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def ask(db: psycopg.Connection, what: str, *values: Any) -> Any:
    row = db.execute(f"select {what}", values).fetchone()
    assert row is not None
    return row[0]


# Both engines ------------------------------------------------------------------------------------


def drawn(seed: int) -> list[Launch]:
    chance = random.Random(seed)
    rate, lag = chance.choice((0.05, 1.0, 20.0)), chance.uniform(0.15, 1.1)
    return [
        Launch(
            chance.choice((0.0, 10 * size)), lag * rate * 10 * size * chance.uniform(0.5, 1.5),
            chance.choice((0.0, 25 * size, 25 * size)), rate * 25 * size * chance.uniform(0.5, 1.5),
        )
        for size in (chance.lognormvariate(0, 1) for _ in range(chance.choice((1, 5, 60))))
    ]  # fmt: skip


def test_both_engines_tell_alike(db: psycopg.Connection) -> None:
    told = []
    for seed in range(200):
        launches = drawn(seed)
        ours = delay_of_launches(launches)
        theirs = ask(
            db, f"autonomy.delay_of_launches({', '.join(['%s::float8[]'] * 4)})",
            *([one[k] for one in launches] for k in range(4)),
        )  # fmt: skip
        told.append(ours)
        if not ours:
            assert theirs == ours
            continue
        assert theirs == pytest.approx(ours, rel=1e-9)
        assert ask(db, "autonomy.nearest_measured('delay', %s)", theirs) == nearest_delay(ours)
    assert told.count(None) > 20
    assert told.count(0.0) > 20
    assert len({nearest_delay(one) for one in told if one}) >= 3
    assert ask(db, "autonomy.delay_of_launches(null, null, null, null)") is None


# In the database ---------------------------------------------------------------------------------


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("delete from campaign_changes")
    db.execute("select autonomy_reset_defaults()")
    db.execute("set local autonomy.simulation = on")
    return db


def launched(
    db: psycopg.Connection,
    hours: float,
    *,
    campaigns: int = 60,
    days: int = 9,
    first: int = 0,
    created: int | None = None,
    account: str = "default",
    orders: float = 4.0,
) -> list[UUID]:
    """Campaigns that begin on one day, with the orders that come in so late in the mean."""
    began = START + first * DAY
    db.execute("select set_config('autonomy.now', %s, true)", [(began + 20 * DAY).isoformat()])
    rows = db.execute(
        "insert into campaigns (title, budget, account, created_at)"
        " select 'c', 100, %s, %s from generate_series(1, %s) returning id",
        [account, began if created is None else START + created * DAY, campaigns],
    ).fetchall()
    d = hours / 24
    arrived = [
        orders * (1 - d * (math.exp(-n / d) - math.exp(-(n + 1) / d)) if d else 1)
        for n in range(days)
    ]
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, spend,"
        " conversions, revenue) select i, %s + n * interval '1 day', 1000, 90, 100, o, o * 50"
        " from unnest(%s::uuid[]) i cross join unnest(%s::int[], %s::float8[]) u (n, o)",
        [began, [row[0] for row in rows], list(range(days)), arrived],
    )
    return [row[0] for row in rows]


def figures_until(db: psycopg.Connection, day: int) -> None:
    """A campaign whose figures go on: without any the last day that has some may not be over."""
    one = ask_id(db)
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, spend,"
        " conversions, revenue) select %s, %s + n * interval '1 day', 10, 1, 0, 0, 0"
        " from generate_series(0, %s) n",
        [one, START, day],
    )


def ask_id(db: psycopg.Connection) -> UUID:
    row = db.execute("insert into campaigns (title) values ('goes on') returning id").fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def night(db: psycopg.Connection, day: int) -> None:
    """The run after a day, when the first figures of the next one are there."""
    now = START + (day + 1) * DAY + timedelta(hours=2)
    db.execute("select autonomy.measure_account('default', 'delay', %s)", [now])
    db.execute("select autonomy.rebuild_measured()")


def nights(db: psycopg.Connection, *days: int) -> None:
    for day in days:
        night(db, day)


def measured(db: psycopg.Connection, account: str = "default") -> Any:
    """What is in use by measurement."""
    return ask(
        db,
        "(select delay_hours from autonomy.priors where scope = 'account' and name = %s)",
        account,
    )


def shares(db: psycopg.Connection) -> list[float]:
    """The matured shares there are, a day after the last figures of the launched."""
    rows = db.execute(
        "select distinct round(matured_share::numeric, 9)::float8"
        " from autonomy.campaign_evidence(null, %s) where spend > 0",
        [START + 10 * DAY],
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize("hours", [12, 48])
def test_an_account_measures_its_own(empty: psycopg.Connection, hours: int) -> None:
    empty.execute("update autonomy_policy set evidence_half_life_days = 14")
    launched(empty, hours)
    figures_until(empty, 30)
    nights(empty, 6, 7)
    assert (
        ask(empty, "last_day from autonomy.account_measures where what = 'delay'") is None
    )  # no launch is over
    nights(empty, 8, 8, 9)
    assert measured(empty) is None  # each day counts once
    assert shares(empty) == [1]
    night(empty, 10)
    assert measured(empty) == hours
    ages = [n + 0.5 for n in range(9)]
    weights = [0.5 ** (n / 14) for n in range(9)]
    late = sum(w * math.exp(-24 * a / hours) for w, a in zip(weights, ages, strict=True))
    assert shares(empty) == pytest.approx(
        [1 - late / sum(weights) * math.exp(-24 / hours)], rel=1e-6
    )
    empty.execute("select fit_portfolio_prior(true, %s)", [START + 12 * DAY])
    assert measured(empty) == hours  # another fit of the prior leaves it
    assert ask(empty, "autonomy.account_delay('default')") == hours
    one = ask(empty, "list_autonomous_accounts('default') -> 'accounts' -> 0")
    assert (one["measured_delay_hours"], one["in_force"]["conversion_delay_hours"]) == (hours,) * 2


def test_where_orders_are_booked_on_their_day_what_is_assumed_stays(
    empty: psycopg.Connection,
) -> None:
    empty.execute("update autonomy_policy set conversion_delay_hours = 24")
    launched(empty, 0)
    figures_until(empty, 30)
    nights(empty, 8, 9, 10, 11)
    assert (
        ask(empty, "last_day::text from autonomy.account_measures where what = 'delay'")
        == "2026-08-14"
    )
    assert measured(empty) is None
    assert ask(empty, "autonomy.account_delay('default')") == 24


def test_what_was_measured_is_given_up_where_orders_no_longer_lag(
    empty: psycopg.Connection,
) -> None:
    launched(empty, 48, campaigns=30)
    figures_until(empty, 60)
    nights(empty, 8, 9, 10)
    assert measured(empty) == 48
    launched(empty, 0, campaigns=1000, first=30)
    nights(empty, 38, 39, 40)
    assert measured(empty) is None
    assert shares(empty) == [1]


def test_what_a_person_has_said_stands_before_it(empty: psycopg.Connection) -> None:
    launched(empty, 48)
    figures_until(empty, 30)
    empty.execute("update autonomy_accounts set conversion_delay_hours = 6")
    said = shares(empty)
    nights(empty, 8, 9, 10)
    assert measured(empty) == 48
    assert shares(empty) == said
    one = ask(empty, "list_autonomous_accounts('default') -> 'accounts' -> 0")
    assert one["in_force"]["conversion_delay_hours"] == 6
    empty.execute("update autonomy_accounts set conversion_delay_hours = null")
    assert shares(empty)[0] < said[0]  # the measured one is in force again, in facts and evidence
    stored = "sum(ev_immature_spend) from campaign_facts"
    before = ask(empty, stored)
    empty.execute("select autonomy.rebuild_campaign_facts()")
    assert ask(empty, stored) == pytest.approx(before)


def test_a_campaign_that_moves_takes_the_delay_of_its_account(empty: psycopg.Connection) -> None:
    launched(empty, 48)
    figures_until(empty, 30)
    nights(empty, 8, 9, 10)
    kept = shares(empty)
    empty.execute("insert into campaigns (title, account) values ('there', 'Paris')")
    empty.execute("update campaigns set account = 'Paris'")
    assert shares(empty) == [1]
    empty.execute("update campaigns set account = 'default'")
    assert shares(empty) == kept


def test_few_orders_tell_nothing(empty: psycopg.Connection) -> None:
    launched(empty, 48, campaigns=60, orders=0.5)  # some 170 of them
    figures_until(empty, 30)
    nights(empty, 8, 9, 10, 11)
    assert (
        measured(empty),
        ask(empty, "last_day from autonomy.account_measures where what = 'delay'"),
    ) == (None, None)


def test_what_was_there_before_its_figures_is_no_launch(empty: psycopg.Connection) -> None:
    launched(empty, 48, created=-30)
    figures_until(empty, 60)
    nights(empty, 8, 9, 10, 11)
    assert ask(empty, "last_day from autonomy.account_measures where what = 'delay'") is None
    # what begins when the account's figures have gone on for days is one, whatever created_at says
    launched(empty, 48, first=20, created=-30)
    nights(empty, 28, 29, 30)
    assert measured(empty) == 48


def test_of_a_file_the_first_day_is_no_launch(empty: psycopg.Connection) -> None:
    for one in launched(empty, 48):
        empty.execute(
            "insert into autonomy.file_states (campaign_id, until, read_at) values (%s, %s, %s)",
            [one, START, START],
        )
    figures_until(empty, 30)
    nights(empty, 8, 9, 10, 11)
    assert measured(empty) is None


def test_days_left_out_and_days_without_spend_do_not_count(empty: psycopg.Connection) -> None:
    ids = launched(empty, 48)
    figures_until(empty, 30)
    orders = "sum(orders + later_orders) from autonomy.account_launches('default', 'UTC', %s)"
    day = START.date() + 9 * DAY
    before = ask(empty, orders, day)
    empty.execute(
        "update campaign_metrics set spend = 0 where campaign_id = %s and bucket >= %s",
        [ids[0], START + 4 * DAY],
    )
    without = ask(empty, orders, day)
    assert without < before
    empty.execute(
        "insert into autonomy.evidence_exclusions (campaign_id, from_day, until_day)"
        " select i, %s, %s from unnest(%s::uuid[]) i",
        [START.date() + 8 * DAY, START.date() + 12 * DAY, ids[1:31]],
    )
    assert ask(empty, orders, day) == pytest.approx(before * 29 / 60 + without - before * 59 / 60)


@pytest.mark.parametrize("campaigns", [1, 2, 3])
@pytest.mark.parametrize("hours", [25, 30, 48, 72])
def test_the_first_three_days_never_measure_a_delay(
    empty: psycopg.Connection, campaigns: int, hours: int
) -> None:
    """Scenario A: a loser is paused within three days; no delay may come up that forbids it."""
    empty.execute("update autonomous_rules set is_active = true")
    now = START + 20 * DAY
    empty.execute("select set_config('autonomy.now', %s, true)", [now.isoformat()])
    began = now - timedelta(hours=hours)
    for n in range(campaigns):
        roi = 0.79 if n == 0 else 2.0
        one = ask_id(empty)
        empty.execute(
            "update campaigns set budget = 100, created_at = %s where id = %s", [began, one]
        )
        empty.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, spend,"
            " conversions, revenue) select %s, %s + n * interval '1 hour', 1000, 50, 10,"
            " n, 10.0 * %s from generate_series(0, %s) n",
            [one, began, roi, hours - 1],
        )
    for after in (0, 1, 2, 3, 4):  # with the hours that no figures come any more, too
        empty.execute("select autonomy.measure_accounts(%s)", [now + after * DAY])
    assert measured(empty) is None
    assert ask(empty, "autonomy.account_delay('default')") == 0


def test_figures_that_are_none_raise_nothing(empty: psycopg.Connection) -> None:
    ids = launched(empty, 48)
    figures_until(empty, 30)
    empty.execute(
        "update campaign_daily set spend = 'NaN', conversions = 'NaN' where campaign_id = %s",
        [ids[0]],
    )
    empty.execute("update campaigns set created_at = 'infinity' where id = %s", [ids[1]])
    nights(empty, 8, 9, 10)
    assert measured(empty) == 48


def test_a_fit_of_this_moment_keeps_what_is_measured(empty: psycopg.Connection) -> None:
    """The priors as a run would fit them come with the curvature and the delay in use."""
    launched(empty, 48, days=9)
    empty.execute(
        "insert into autonomy.priors (scope, name, curvature, delay_hours, fitted_at)"
        " values ('account', 'default', 8, 48, '-infinity')"
    )
    row = empty.execute(
        "select curvature, delay_hours from autonomy.priors_in_force(%s) where scope = 'account'",
        [START + 10 * DAY],
    ).fetchone()
    assert row == (8, 48)

"""What a budget was before anybody optimised it, and what spend counts for beside it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

START = datetime(2026, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("delete from campaign_changes")
    db.execute("select autonomy_reset_defaults()")
    db.execute("update autonomy_policy set evidence_half_life_days = 14")
    db.execute("set local autonomy.simulation = on")
    at(db, START)
    return db


def at(db: psycopg.Connection, moment: datetime) -> None:
    db.execute("select set_config('autonomy.now', %s, true)", [moment.isoformat()])


def campaign(db: psycopg.Connection, **columns: Any) -> UUID:
    values = {"title": "One", "budget": 100, "created_at": START} | columns
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    text = f"insert into campaigns ({names}) values ({places}) returning id"
    row = db.execute(text, list(values.values())).fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def spent(db: psycopg.Connection, one: UUID, first: int, *spend: float, late: bool = False) -> None:
    """What was spent on the days from START + first days on, written when they were over."""
    for n, each in enumerate(spend, first):
        if not late:
            at(db, START + (n + 1) * DAY)
        db.execute(
            "insert into campaign_metrics"
            " (campaign_id, bucket, impressions, clicks, spend, revenue)"
            " values (%s, %s, 1000, 50, %s, %s)",
            (one, START + n * DAY, each, 2 * each),
        )


def ours(db: psycopg.Connection, one: UUID, budget: float) -> None:
    """An action of ours, as write_items leaves it."""
    changed(db, one, budget, kind="action")


def changed(
    db: psycopg.Connection, one: UUID, budget: float, *, kind: str, person: bool = False
) -> None:
    db.execute("set local session_replication_role = replica")
    db.execute(
        "with old as (select budget, status from campaigns where id = %(id)s),"
        " new as (update campaigns set budget = %(budget)s where id = %(id)s returning id)"
        " insert into campaign_changes (campaign_id, changed_at, old_status, new_status,"
        " old_budget, new_budget, action_id, kind, actor, person)"
        " select new.id, autonomy.writing_at(), old.status, old.status, old.budget, %(budget)s,"
        " %(action)s, %(kind)s, 'x', %(person)s from old, new",
        {"id": one, "budget": budget, "kind": kind, "person": person, "action": uuid4()},
    )
    db.execute("set local session_replication_role = origin")


def typed(db: psycopg.Connection, one: UUID, budget: float | None, actor: str = "") -> None:
    """A change from outside: a person's, unless the session names a program."""
    db.execute("select set_config('autonomy.actor', %s, true)", [actor])
    db.execute("update campaigns set budget = %s where id = %s", (budget, one))
    db.execute("select set_config('autonomy.actor', '', true)")


def ask(db: psycopg.Connection, question: str, *values: Any) -> Any:
    row = db.execute(f"select {question}", values).fetchone()
    assert row is not None
    return row[0]


def reference(db: psycopg.Connection, one: UUID) -> float | None:
    found = ask(
        db, "(select r.budget from autonomy.reference_budgets r where campaign_id = %s)", one
    )
    return None if found is None else float(found)


def fixed(db: psycopg.Connection, one: UUID) -> bool:
    text = "(select r.is_fixed from autonomy.reference_budgets r where campaign_id = %s)"
    return ask(db, text, one)  # type: ignore[no-any-return]


def effective(db: psycopg.Connection, one: UUID) -> tuple[float, float]:
    row = db.execute(
        "select ev_spend, ev_effective_spend from campaign_facts where campaign_id = %s", [one]
    ).fetchone()
    assert row is not None
    return row


# The reference budget ---------------------------------------------------------------------------


def test_it_is_the_smaller_of_budget_and_usual_spend(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    spent(empty, one, 0, 99, 99)
    assert reference(empty, one) == 100, "one complete day says nothing of what is usual"
    spent(empty, one, 2, 30, 70, 60, 5000)
    assert reference(empty, one) == 70, "99, 99, 30, 70, 60: the last day may not be over"
    spent(empty, other, 0, 130, 120, 140, 110, 110)
    assert reference(empty, other) == 100


def test_paused_days_and_days_without_spend_do_not_count(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80)
    at(empty, START + 3 * DAY + timedelta(hours=3))
    empty.execute("update campaigns set status = 'paused' where id = %s", [one])
    spent(empty, one, 3, 8, 1, 1, 1, 1, 0, 0, 0)
    at(empty, START + 11 * DAY + timedelta(hours=9))
    empty.execute("update campaigns set status = 'active' where id = %s", [one])
    spent(empty, one, 11, 20, 90, 90)
    assert reference(empty, one) == 80


def test_our_own_cuts_never_lower_it(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80, 80)
    at(empty, START + 5 * DAY + timedelta(hours=1))
    for step in range(4):
        ours(empty, one, 80 * 0.7 ** (step + 1))
        spent(empty, one, 5 + step, 80 * 0.7 ** (step + 1))
    assert reference(empty, one) == 80
    assert fixed(empty, one)
    spent(empty, one, 9, *([5] * 40))
    assert reference(empty, one) == 80


def test_after_28_days_it_stands(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, *([50] * 28))
    assert not fixed(empty, one)
    spent(empty, one, 28, 10, 10, 10)
    assert fixed(empty, one)
    spent(empty, one, 31, *([90] * 5))
    assert reference(empty, one) == 50


def test_a_person_who_more_than_doubles_it_sets_it_anew(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    typed(empty, one, 200)
    spent(empty, one, 4, 190)
    assert reference(empty, one) == 80, "twice as much is not more than twice"
    typed(empty, one, 410)
    spent(empty, one, 5, 390)
    assert reference(empty, one) == 410
    spent(empty, one, 12, 390)
    typed(empty, one, 100)
    spent(empty, one, 13, 95)
    assert reference(empty, one) == 100
    spent(empty, one, 20, 95)
    typed(empty, one, 0)
    typed(empty, one, 500)
    spent(empty, one, 21, 95)
    assert reference(empty, one) == 500


@pytest.mark.parametrize("kind", ["action", "rollback"])
def test_what_we_do_is_no_persons(empty: psycopg.Connection, kind: str) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    changed(empty, one, 300, kind=kind)
    spent(empty, one, 4, 300, 300)
    assert reference(empty, one) == 80


def test_a_feed_is_no_person(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    typed(empty, one, 300, actor="our-feed")
    spent(empty, one, 4, 80)
    assert reference(empty, one) == 80
    # nor is a program that does not say so, from the third day on
    spent(empty, other, 0, *([90] * 10))
    for day in range(10, 16):
        typed(empty, other, 900 if day % 2 else 100)
        spent(empty, other, day, 90)
    stood = reference(empty, other)
    for day in range(16, 20):
        typed(empty, other, 900 if day % 2 else 100)
        spent(empty, other, day, 90)
        assert reference(empty, other) == stood


def test_putting_back_what_we_did_says_nothing_new(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    ours(empty, one, 300)
    spent(empty, one, 4, 300)
    typed(empty, one, 100)
    spent(empty, one, 5, 100)
    assert reference(empty, one) == 80


def test_without_a_budget_there_is_none(empty: psycopg.Connection) -> None:
    one, other = campaign(empty, budget=None), campaign(empty, budget=0)
    for each in (one, other):
        spent(empty, each, 0, 80, 80, 80, 80)
        assert reference(empty, each) is None
        assert effective(empty, each)[0] == effective(empty, each)[1]
        assert candidate(empty, each)[0] is None
    typed(empty, one, 60)
    spent(empty, one, 4, 60)
    assert reference(empty, one) == 60


def test_a_budget_that_is_taken_away_leaves_no_curve(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    at(empty, START + 4 * DAY)
    ours(empty, one, 130)
    spent(empty, one, 4, 130, 130)
    assert effective(empty, one)[0] != effective(empty, one)[1]
    typed(empty, one, None)
    budget, counted = candidate(empty, one)
    assert budget is None
    assert counted == pytest.approx(effective(empty, one)[0], rel=0.2)
    spent(empty, one, 6, 80)
    assert effective(empty, one)[0] == effective(empty, one)[1]


def test_it_is_never_under_the_least_budget(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    empty.execute("update autonomy_policy set min_budget = 5")
    spent(empty, one, 0, *([0.3] * 5))
    assert reference(empty, one) == 5
    empty.execute("update autonomy_policy set min_budget = 0")
    other = campaign(empty, budget=0.5)
    spent(empty, other, 0, *([0.3] * 5))
    assert reference(empty, other) == 1


def test_of_a_long_past_the_last_28_days_before_it_was_seen(empty: psycopg.Connection) -> None:
    at(empty, START + 60 * DAY)
    one = campaign(empty)
    spent(empty, one, 0, *([10] * 32), *([70] * 28), late=True)
    assert reference(empty, one) == 70
    assert not fixed(empty, one), "what is imported comes in any order: a day for the rest of it"
    spent(empty, one, 60, 70, 70)
    assert fixed(empty, one)


def test_a_whole_past_in_one_statement(empty: psycopg.Connection) -> None:
    at(empty, START + 40 * DAY)
    one = campaign(empty)
    empty.execute(
        "insert into campaign_metrics (campaign_id, bucket, spend)"
        " select %s, %s + n * interval '1 day', 60 from generate_series(0, 39) n",
        (one, START),
    )
    assert (reference(empty, one), fixed(empty, one)) == (60, False)


def test_it_goes_with_the_campaign(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    empty.execute("delete from campaigns where id = %s", [one])
    assert ask(empty, "count(*) from autonomy.reference_budgets") == 0


# Effective spend --------------------------------------------------------------------------------


def test_a_budget_that_never_changed_leaves_spend_as_it_is(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, *([130.5] * 40))
    assert effective(empty, one)[0] == effective(empty, one)[1] > 1000


def test_each_day_counts_by_the_budget_it_began_with(empty: psycopg.Connection) -> None:
    empty.execute("update autonomy_policy set conversion_delay_hours = 24")
    one = campaign(empty)
    spend = [100, 100, 100, 120, 130, 130, 60]
    spent(empty, one, 0, *spend[:3])
    at(empty, START + 3 * DAY)
    ours(empty, one, 130)
    spent(empty, one, 3, *spend[3:6])
    at(empty, START + 6 * DAY + timedelta(hours=1))
    ours(empty, one, 91)
    spent(empty, one, 6, spend[6], 91)
    budgets = [100, 100, 100, 130, 130, 130, 130, 91]
    counted, immature = 0.0, 0.0
    for n, (s, b) in enumerate(zip([*spend, 91], budgets, strict=True)):
        w = 0.5 ** ((7 - n) / 14) * s * 3 / (2 + b / 100)
        counted += w
        immature += w * math.exp(-(7 - n + 0.5))
    assert effective(empty, one)[1] == pytest.approx(counted, rel=1e-12)
    now = START + 8 * DAY
    row = empty.execute(
        "select effective_spend, matured_share from autonomy.campaign_evidence(%s, %s)",
        ([one], now),
    ).fetchone()
    assert row == pytest.approx((counted, 1 - immature / counted), rel=1e-9)
    past = ask(
        empty, "ev_effective_spend from campaign_facts_at(%s)", START + 5 * DAY - timedelta(hours=1)
    )
    expected = sum(0.5 ** ((4 - n) / 14) * spend[n] * 3 / (2 + budgets[n] / 100) for n in range(5))
    assert past == pytest.approx(expected, rel=1e-12)


def test_days_before_the_log_had_the_budget_that_their_spend_tells(
    empty: psycopg.Connection,
) -> None:
    """A budget of 100 of which 20 are spent: its return now is the one that was seen."""
    at(empty, START + 30 * DAY)
    one, idle = campaign(empty), campaign(empty)
    spent(empty, one, 0, *([100] * 5), *([50] * 10), late=True)
    spent(empty, idle, 0, *([20] * 15), late=True)
    assert reference(empty, one) == 50
    assert reference(empty, idle) == 20
    spend, counted = effective(empty, idle)
    assert counted == pytest.approx(spend), "what it leaves unspent says nothing of its returns"


def test_another_curvature_makes_the_facts_anew(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 100, 100, 100, 100)
    ours(empty, one, 200)
    spent(empty, one, 4, 200)
    before = effective(empty, one)[1]
    empty.execute("update autonomy_policy set curvature = 8")
    s = [0.5 ** ((4 - n) / 14) * x for n, x in enumerate([100, 100, 100, 100, 200])]
    assert before == pytest.approx(sum(s[:4]) + s[4] * 3 / 4)
    assert effective(empty, one)[1] == pytest.approx(sum(s[:4]) + s[4] * 9 / 10)


def test_totals_alone_count_as_they_are(empty: psycopg.Connection) -> None:
    one = campaign(empty, budget=40)
    empty.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) values (%s, 1000, 50, 5, 500, 800)",
        [one],
    )
    assert reference(empty, one) == 40
    assert candidate(empty, one) == (40, 500)
    typed(empty, one, 60)
    assert candidate(empty, one) == (40, 500)


def candidate(db: psycopg.Connection, one: UUID) -> tuple[float | None, float]:
    row = db.execute(
        "select reference_budget::float8, ev_effective_spend from"
        " autonomy.candidate_rows(%s, autonomy.writing_at())",
        [[one]],
    ).fetchone()
    assert row is not None
    return row


def test_a_candidate_shows_both(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    spent(empty, one, 0, 80, 80, 80, 80)
    assert reference(empty, one) == 80
    budget, counted = candidate(empty, one)
    assert budget == 100, "the budget that 80 are usually spent of"
    assert counted == pytest.approx(effective(empty, one)[1])
    said = ask(empty, "autonomy.candidates_json(%s, '{}', autonomy.writing_at())", [one])
    assert said[0]["reference_budget"] == 100
    assert said[0]["evidence"]["effective_spend"] == pytest.approx(counted)

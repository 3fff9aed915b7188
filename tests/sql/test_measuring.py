"""What an account measures of itself comes into use at once; its facts follow, slice by slice."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.sql.test_delay import (
    DAY,
    START,
    ask,
    empty,
    figures_until,
    launched,
    measured,
    night,
    nights,
)

__all__ = ["empty"]

CAMPAIGNS = 5000
EVIDENCE = (
    "select campaign_id, round(effective_spend::numeric, 6), round(matured_share::numeric, 9)"
    " from autonomy.campaign_evidence(null, '2026-09-05Z')"
)
ANEW = "select campaign_id from campaign_facts where (ev_delay, ev_curvature) = (48, 8)"
Evidence = dict[Any, tuple[Any, ...]]


def evidence(db: psycopg.Connection) -> Evidence:
    return {row[0]: row[1:] for row in db.execute(EVIDENCE.encode()).fetchall()}


def from_scratch(db: psycopg.Connection) -> Evidence:
    """As it is where all facts are made anew at once."""
    with db.transaction(force_rollback=True):
        db.execute("select autonomy.rebuild_campaign_facts()")
        return evidence(db)


def anew(db: psycopg.Connection) -> set[Any]:
    return {row[0] for row in db.execute(ANEW).fetchall()}


@pytest.fixture
def large(empty: psycopg.Connection) -> psycopg.Connection:
    """An account of 5,000 that is about to measure a delay of 48 hours and a curvature of 8."""
    launched(empty, 48, campaigns=400)
    launched(empty, 48, campaigns=CAMPAIGNS - 400, days=3, created=-30)
    empty.execute(
        "insert into campaign_metrics (campaign_id, bucket, spend) select id, %s, 0 from campaigns",
        [START + 30 * DAY],
    )
    # of these the days count for more or less by another curvature
    empty.execute("update autonomy.reference_budgets set budget = 40, is_fixed = true")
    empty.execute("select autonomy.rebuild_campaign_facts()")
    nights(empty, 8, 9)
    return empty


def test_a_large_account_switches_within_a_few_runs(large: psycopg.Connection) -> None:
    before = evidence(large)
    assert len(before) == CAMPAIGNS
    large.execute("select autonomy.use_measured('default', 'curvature', 8)")
    night(large, 10)  # and the first slice
    assert measured(large) == 48
    after = from_scratch(large)
    assert before != after
    runs = 1
    while ask(large, "count(*) from autonomy.rebuilt_accounts"):
        new = anew(large)
        assert 0 < len(new) <= 2001 * runs
        assert evidence(large) == {i: (after if i in new else before)[i] for i in before}
        done = ask(large, "done from autonomy.rebuilt_accounts")
        said = ask(large, "run_warnings from autonomy.run_warnings()")
        assert any(f"{done} of 5,000 campaigns are brought up to it" in one for one in said), said
        with large.transaction(force_rollback=True):  # a run that is killed
            large.execute("select autonomy.rebuild_measured()")
        assert anew(large) == new
        one = max(set(before) - new)  # new figures make it anew out of its turn
        large.execute("select autonomy.refresh_campaign_facts(array[%s]::uuid[])", [one])
        assert evidence(large)[one] == after[one]
        large.execute("select autonomy.rebuild_measured()")
        runs += 1
    assert 3 <= runs <= 10
    assert len(anew(large)) == CAMPAIGNS
    assert evidence(large) == after == from_scratch(large)
    assert ask(large, "autonomy.rebuilding_sentence()") is None
    assert ask(large, "autonomy.rebuild_measured()") == 0


def test_another_value_in_the_middle_begins_again(large: psycopg.Connection) -> None:
    large.execute("select autonomy.use_measured('default', 'curvature', 0.5)")
    large.execute("select autonomy.rebuild_measured()")
    large.execute("select autonomy.use_measured('default', 'curvature', 8)")
    night(large, 10)
    while ask(large, "autonomy.rebuild_measured()"):
        pass
    assert len(anew(large)) == CAMPAIGNS
    assert evidence(large) == from_scratch(large)


def test_decisions_go_by_the_curvature_that_the_sums_were_made_with(
    large: psycopg.Connection,
) -> None:
    one = ask(large, "min(campaign_id::text) from campaign_facts")
    row = "curvature from autonomy.candidate_rows(array[%s]::uuid[], '2026-08-14Z')"
    large.execute("select autonomy.use_measured('default', 'curvature', 8)")
    assert ask(large, row, one) == 2
    large.execute("select autonomy.rebuild_measured(1)")
    assert ask(large, row, one) == 8


def test_one_account_that_cannot_be_measured_stops_no_other(empty: psycopg.Connection) -> None:
    launched(empty, 48)
    launched(empty, 48, account="Aachen")
    figures_until(empty, 30)
    empty.execute(
        "create function pg_temp.fails() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$"
    )
    empty.execute(
        "create trigger fails before insert on autonomy.account_measures for each row"
        " when (new.account = 'Aachen') execute function pg_temp.fails()"
    )
    for day in (8, 9, 10):
        empty.execute(
            "select autonomy.measure_accounts(%s::timestamptz + %s * interval '1 day')",
            ["2026-08-04T02:00Z", day],
        )
    assert (measured(empty), measured(empty, "Aachen")) == (48, None)

"""An opportunity is raised once, refreshed while it lasts, and closed by itself or by a person."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from tests.sql.planted import NOW, Db, Json, Measures, campaign, totals, value

LOSING = Measures(9000, 50, 8, 500, 100)
HEALTHY = Measures(9000, 50, 8, 500, 900)


def record(db: Db, days: float = 0) -> Json:
    moment = NOW + timedelta(days=days)
    answer: Json = value(db, "select record_opportunities(%s)", moment)
    db.execute("select set_config('autonomy.now', %s, true)", (str(moment),))  # what changes next
    return answer


def rows(db: Db, campaign_id: uuid.UUID) -> list[Json]:
    found = db.execute(
        "select to_jsonb(o)"
        " || jsonb_build_object('seen_days', extract(epoch from last_seen_at - %s) / 86400)"
        " from optimization_opportunities o where campaign_id = %s order by first_seen_at",
        (NOW, campaign_id),
    ).fetchall()
    return [row[0] for row in found]


def change(db: Db, campaign_id: uuid.UUID, measures: Measures) -> None:
    db.execute("delete from campaign_performance where campaign_id = %s", (campaign_id,))
    totals(db, campaign_id, measures)


def set_status(db: Db, opportunity_id: str | None, status: str | None, days: float = 0) -> Json:
    answer: Json = value(
        db,
        "select set_opportunity_status(%s, %s, 'ann', %s)",
        opportunity_id,
        status,
        NOW + timedelta(days=days),
    )
    return answer


def refused(db: Db, opportunity_id: str | None, status: str | None) -> tuple[str | None, str]:
    """The code and the sentence with which a status is refused."""
    with pytest.raises(psycopg.Error) as error, db.transaction():
        set_status(db, opportunity_id, status)
    return error.value.sqlstate, error.value.diag.message_primary or ""


@pytest.fixture
def losing(db: Db) -> uuid.UUID:
    made = campaign(db, "Leak", days_old=10)
    totals(db, made, LOSING)
    return made


# Raised once, refreshed -------------------------------------------------------------------------


def test_raised_once_and_refreshed(db: Db, losing: uuid.UUID) -> None:
    assert record(db) == {"detected": 1, "new": 1, "resolved": 0, "complete": True}
    (first,) = rows(db, losing)
    change(db, losing, Measures(9000, 50, 9, 800, 120))
    assert record(db, 1 / 24) == {"detected": 1, "new": 0, "resolved": 0, "complete": True}
    (second,) = rows(db, losing)
    assert second["id"] == first["id"]
    assert second["first_seen_at"] == first["first_seen_at"]
    assert second["seen_days"] == pytest.approx(1 / 24, abs=1e-6)
    assert "800.00" in second["description"]
    assert second["figures"]["spend"] == 800
    assert second["status"] == "open"


def test_work_in_progress_is_refreshed_and_not_raised_again(db: Db, losing: uuid.UUID) -> None:
    record(db)
    set_status(db, rows(db, losing)[0]["id"], "in_progress")
    assert record(db, 1)["new"] == 0
    (row,) = rows(db, losing)
    assert (row["status"], row["seen_days"]) == ("in_progress", 1)


def test_types_are_independent(db: Db) -> None:
    made = campaign(db, days_old=10)
    totals(db, made, Measures(9000, 400, 1, 500, 60))
    record(db)
    record(db, 0.5)
    assert {row["opportunity_type"] for row in rows(db, made)} == {
        "budget_inefficiency",
        "high_traffic_low_conversion",
    }
    assert len(rows(db, made)) == 2


def test_twenty_runs_at_once_raise_it_once(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url) as db:
        for i in range(30):
            totals(db, campaign(db, f"C{i}", days_old=10), LOSING)
    barrier, errors = threading.Barrier(20), []

    def run(number: int) -> None:
        try:
            with psycopg.connect(url) as own:
                barrier.wait()
                record(own, number / 1000)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with psycopg.connect(url) as db:
        counts = value(
            db,
            "select array[count(*), count(distinct campaign_id)] from optimization_opportunities",
        )
    assert counts == [30, 30]


# Gone -------------------------------------------------------------------------------------------


def test_gone_for_three_days_is_resolved_by_itself(db: Db, losing: uuid.UUID) -> None:
    record(db)
    change(db, losing, HEALTHY)
    assert record(db, 0.5) == {"detected": 0, "new": 0, "resolved": 0, "complete": True}
    (row,) = rows(db, losing)
    assert (row["status"], row["is_current"]) == ("open", False)
    assert record(db, 2.9)["resolved"] == 0
    assert record(db, 3.0)["resolved"] == 1
    (row,) = rows(db, losing)
    assert (row["status"], row["status_by"]) == ("resolved", "autonomy")
    assert row["resolved_at"] == (NOW + timedelta(days=3)).isoformat()


def test_back_within_three_days_it_goes_on(db: Db, losing: uuid.UUID) -> None:
    record(db)
    change(db, losing, HEALTHY)
    record(db, 2)
    change(db, losing, LOSING)
    assert record(db, 2.5) == {"detected": 1, "new": 0, "resolved": 0, "complete": True}
    assert record(db, 4)["resolved"] == 0
    assert len(rows(db, losing)) == 1


def test_back_after_it_was_resolved_it_is_new(db: Db, losing: uuid.UUID) -> None:
    record(db)
    change(db, losing, HEALTHY)
    record(db, 3)
    change(db, losing, LOSING)
    assert record(db, 3.1)["new"] == 1
    assert [row["status"] for row in rows(db, losing)] == ["resolved", "open"]


@pytest.mark.parametrize("gone", ["pause", "performance"])
def test_what_is_no_longer_looked_at_is_resolved_too(db: Db, losing: uuid.UUID, gone: str) -> None:
    record(db)
    if gone == "pause":
        db.execute("update campaigns set status = 'paused' where id = %s", (losing,))
    else:
        db.execute("delete from campaign_performance where campaign_id = %s", (losing,))
    record(db, 1)
    assert record(db, 3)["resolved"] == 1


def test_a_deleted_campaign_takes_its_opportunities_along(db: Db, losing: uuid.UUID) -> None:
    record(db)
    db.execute("delete from campaigns where id = %s", (losing,))
    assert record(db, 1) == {"detected": 0, "new": 0, "resolved": 0, "complete": True}


# Closed by a person -----------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "days"), [("dismissed", 30), ("resolved", 3)])
def test_closed_by_a_person_it_rests(db: Db, losing: uuid.UUID, status: str, days: int) -> None:
    record(db)
    set_status(db, rows(db, losing)[0]["id"], status, days=1)
    assert record(db, 1.1)["new"] == 0
    assert record(db, days + 0.9) == {"detected": 0, "new": 0, "resolved": 0, "complete": True}
    assert record(db, days + 1.9)["new"] == 1
    assert [row["status"] for row in rows(db, losing)] == [status, "open"]


def test_dismissed_by_plain_sql_it_rests_as_well(db: Db, losing: uuid.UUID) -> None:
    record(db)
    db.execute("update optimization_opportunities set status = 'dismissed'")
    (row,) = rows(db, losing)
    assert row["resolved_at"] is not None
    assert value(db, "select record_opportunities(now() + interval '29 days')")["new"] == 0
    assert value(db, "select record_opportunities(now() + interval '31 days')")["new"] == 1


def test_dismissed_but_more_severe_it_is_raised_again(db: Db) -> None:
    made = campaign(db, days_old=10)
    totals(db, made, Measures(9000, 50, 8, 300, 230))
    record(db)
    (row,) = rows(db, made)
    assert row["severity"] in {"medium", "low"}
    set_status(db, row["id"], "dismissed")
    change(db, made, Measures(9000, 50, 9, 310, 235))
    assert record(db, 1)["new"] == 0
    change(db, made, Measures(9000, 50, 9, 2500, 240))
    assert record(db, 2)["new"] == 1
    severe = rows(db, made)[1]
    assert severe["severity"] in {"high", "critical"}
    set_status(db, severe["id"], "dismissed", days=2)
    assert record(db, 3)["new"] == 0


def test_every_status_and_back(db: Db, losing: uuid.UUID) -> None:
    record(db)
    (row,) = rows(db, losing)
    for days, status in enumerate(("in_progress", "resolved", "open", "dismissed", "in_progress")):
        answer = set_status(db, row["id"], status, days)
        assert (answer["status"], answer["changed"], answer["status_by"]) == (status, True, "ann")
        closed = status in {"resolved", "dismissed"}
        assert (answer["resolved_at"] is not None) is closed
    assert set_status(db, row["id"], "in_progress")["changed"] is False


def test_an_unknown_status_or_id_is_refused_with_a_sentence(db: Db, losing: uuid.UUID) -> None:
    record(db)
    (row,) = rows(db, losing)
    for status in ("done", "Open", "", None):
        assert refused(db, row["id"], status) == (
            "AO010",
            "The status of an opportunity is open, in_progress, resolved or dismissed, not "
            + ("NULL." if status is None else f"'{status}'."),
        )
    for unknown in (str(uuid.uuid4()), None):
        code, sentence = refused(db, unknown, "open")
        assert code == "AO013"
        assert sentence.startswith("There is no opportunity with the id ")


def test_reopening_beside_a_newer_one_is_refused(db: Db, losing: uuid.UUID) -> None:
    record(db)
    set_status(db, rows(db, losing)[0]["id"], "resolved")
    record(db, 4)
    code, sentence = refused(db, rows(db, losing)[0]["id"], "open")
    assert code == "AO004"
    assert "already has an open opportunity of the type budget_inefficiency" in sentence


def test_plain_sql_cannot_invent_a_status(db: Db, losing: uuid.UUID) -> None:
    record(db)
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        db.execute("update optimization_opportunities set status = 'done'")


# What a pass looks at ---------------------------------------------------------------------------


def test_within_a_day_only_campaigns_whose_facts_changed_are_looked_at(
    db: Db, losing: uuid.UUID
) -> None:
    other = campaign(db, "Other", days_old=10)
    totals(db, other, HEALTHY)
    record(db)
    # As if an hour had passed since: in one transaction every fact has the same time.
    db.execute("update autonomy.opportunity_detection set changes_seen_until = now()")
    db.execute("update campaign_facts set changed_at = now() - interval '1 hour'")
    db.execute("update campaign_facts set life_spend = 0 where campaign_id = %s", (losing,))
    assert record(db, 0.1) == {"detected": 1, "new": 0, "resolved": 0, "complete": True}
    assert rows(db, losing)[0]["seen_days"] == 0
    db.execute("update autonomy.opportunity_detection set changes_seen_until = now()")
    db.execute(
        "update campaign_facts set life_revenue = 1, changed_at = now() + interval '1 minute'"
        " where campaign_id = %s",
        (other,),
    )
    assert record(db, 0.2)["new"] == 1
    assert record(db, 1)["detected"] == 1  # a new day: everything, and the first is gone


def test_a_session_that_looks_again_and_again_does_not_read_every_fact(
    scratch_database: Callable[[], str],
) -> None:
    # A plan that is kept, after five calls, does not know the moment, and reads all.
    with psycopg.connect(scratch_database(), autocommit=True) as db:
        db.execute("set session_replication_role = replica")  # the facts alone
        db.execute(
            "insert into campaigns (id, title) select md5(i::text)::uuid, 'C' || i"
            " from generate_series(1, 4000) i"
        )
        db.execute(
            "insert into campaign_facts (campaign_id, changed_at)"
            " select id, now() - interval '1 day' from campaigns"
        )
        db.execute("set session_replication_role = origin")
        db.execute("vacuum analyze campaign_facts")
        for _ in range(8):
            db.execute("select record_opportunities()")
        scans = "select seq_scan from pg_stat_xact_user_tables where relname = 'campaign_facts'"
        with db.transaction():
            before = value(db, scans)
            db.execute("select record_opportunities()")
            assert value(db, scans) == before


def test_a_pass_that_ran_out_of_time_is_continued(db: Db) -> None:
    made = sorted(campaign(db, f"C{i}", days_old=10) for i in range(6))
    for one in made:
        totals(db, one, LOSING)
    db.execute(
        "insert into autonomy.opportunity_detection (full_pass_day, full_pass_after)"
        " values (%s, %s)",
        (NOW.date(), made[2]),
    )
    assert record(db)["new"] == 3
    assert [bool(rows(db, one)) for one in made] == [False] * 3 + [True] * 3
    assert record(db, 1)["new"] == 3


def test_the_severities_sort_by_rank(db: Db) -> None:
    ranks = [
        value(db, "select autonomy.severity_rank(%s)", s)
        for s in ("critical", "high", "medium", "low", None)
    ]
    assert ranks == [1, 2, 3, 4, 5]


def test_a_service_key_may_do_all_this(db: Db, losing: uuid.UUID) -> None:
    db.execute("set local role service_role")
    assert record(db)["new"] == 1
    assert set_status(db, rows(db, losing)[0]["id"], "dismissed")["changed"] is True
    assert value(db, "select measure_action_impact()") == {"measured": 0}

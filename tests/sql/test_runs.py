"""Leases, fencing, idempotency keys, shards."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
    Lease,
    apply,
    begin,
    begin_answer,
    campaign,
    finish,
    hours_ago,
    policy,
    refused,
    scale_up,
    value,
)

clean_tables = effects.clean_tables


def status(db: Db, run_id: uuid.UUID) -> str:
    text: str = value(db, "select status from autonomous_runs where id = %s", run_id)
    return text


def let_expire(db: Db, lease: Lease) -> None:
    db.execute(
        "update autonomous_runs set lease_expires_at = clock_timestamp() - interval '1"
        " second' where id = %s",
        (lease.run_id,),
    )


# Beginning --------------------------------------------------------------------------------------


def test_what_a_run_is_given(db: Db) -> None:
    campaign(db)
    campaign(db, status="Paused")
    answer = begin(db).answer
    assert (answer["mode"], answer["dry_run"], answer["campaigns_evaluated"]) == (
        "autonomous",
        False,
        1,
    )
    assert answer["policy"]["max_step"] == 2.0
    assert [rule["rule_name"] for rule in answer["rules"]] == [
        "Critical ROI Pause",
        "Low ROI Pause",
        "Exceptional ROI Aggressive Scale",
        "High ROI Scale",
    ]
    assert answer["portfolio"]["active_budget"] == 100
    assert answer["page"]["candidates"] == []


def test_inactive_rules_are_given_to_a_dry_run_that_asks(db: Db) -> None:
    db.execute("update autonomous_rules set is_active = false where priority > 80")
    assert len(begin(db, request={"dry_run": True}).answer["rules"]) == 1
    asked = begin(db, request={"dry_run": True, "include_inactive_rules": True}).answer
    assert len(asked["rules"]) == 4


@pytest.mark.parametrize(
    "request_body",
    [
        [],
        "x",
        {"dryrun": True},
        {"dry_run": "yes"},
        {"dry_run": 1},
        {"shard": 2},
        {"shard": "0/8"},
        {"shard": "9/8"},
        {"shard": "1/0"},
        {"shard": "1/1025"},
        {"shard": "01/2"},
        {"shard": "1/2/3"},
        {"shard": " 1/2"},
        {"shard": ""},
        {"include_inactive_rules": True},
        {"reason": 7},
    ],
)
def test_a_bad_request_is_refused(db: Db, request_body: Any) -> None:
    with refused(db, "AO010"):
        value(db, "select begin_autonomous_run(%s, %s)", uuid.uuid4(), Jsonb(request_body))
    assert value(db, "select count(*) from autonomous_runs") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        "null",
        "gen_random_uuid(), null",
        "gen_random_uuid(), '{}', ''",
        "gen_random_uuid(), '{}', repeat('x', 256)",
        "gen_random_uuid(), p_lease_seconds => 0",
        "gen_random_uuid(), p_lease_seconds => 3601",
        "gen_random_uuid(), p_lease_seconds => null",
        "gen_random_uuid(), p_page_limit => 0",
        "gen_random_uuid(), p_page_limit => 5001",
    ],
)
def test_bad_arguments_are_refused(db: Db, arguments: str) -> None:
    with refused(db, "AO010"):
        value(db, f"select begin_autonomous_run({arguments})")


def test_a_prior_that_cannot_be_fitted_does_not_stop_the_run(db: Db) -> None:
    db.execute(
        "alter table autonomy_policy add constraint broken check (prior_fitted_at ="
        " '-infinity') not valid"
    )
    db.execute("insert into campaigns (budget) select 10 from generate_series(1, 9)")
    assert begin(db).answer["outcome"] == "started"


# Leases -----------------------------------------------------------------------------------------


def test_one_run_at_a_time(db: Db) -> None:
    first = begin(db)
    answer = begin_answer(db)
    assert (answer["outcome"], answer["run_id"]) == ("busy", str(first.run_id))
    assert 1 <= answer["retry_after_seconds"] <= 60
    finish(db, first)
    assert status(db, first.run_id) == "completed"
    begin(db)


def test_shards_have_leases_of_their_own_and_overlap_is_known(db: Db) -> None:
    begin(db, request={"shard": "2/8"})
    begin(db, request={"shard": "3/8"})
    for overlapping in ("2/8", "1/4", "3/16", "1/1", None):
        assert begin_answer(db, request={"shard": overlapping})["outcome"] == "busy"
    begin(db, request={"shard": "2/2"})


def test_shards_see_disjoint_campaigns_and_all_of_them(db: Db) -> None:
    for _ in range(200):
        campaign(db)
    for parts in (1, 3, 8, 1000):
        counts = [
            value(
                db,
                "select count(*) from campaigns where autonomy.campaign_slot(id) <@"
                " autonomy.shard_slots(%s)",
                f"{part}/{parts}",
            )
            for part in range(1, parts + 1)
        ]
        assert sum(counts) == 200
    assert begin(db, request={"shard": "1/3"}).answer["campaigns_evaluated"] < 200


def test_a_dry_run_waits_for_nobody_and_nobody_for_it(db: Db) -> None:
    begin(db)
    begin(db, request={"dry_run": True})
    begin(db, request={"dry_run": True})


def test_a_lease_that_ran_out_is_taken_over_and_its_token_opens_nothing(db: Db) -> None:
    one = campaign(db)
    old = begin(db)
    let_expire(db, old)
    new = begin(db)
    assert status(db, old.run_id) == "abandoned"
    with refused(db, "AO007", "lease"):
        apply(db, old, [scale_up(one)])
    with refused(db, "AO007", "another run took over"):
        finish(db, old)
    assert apply(db, new, [scale_up(one)])[0]["status"] == "executed"


def test_a_lease_that_ran_out_but_was_not_taken_over_still_holds(db: Db) -> None:
    one = campaign(db)
    lease = begin(db)
    let_expire(db, lease)
    assert apply(db, lease, [scale_up(one)])[0]["status"] == "executed"
    assert begin_answer(db)["outcome"] == "busy"  # apply extended it


def test_the_time_of_leases_is_the_clock_s(db: Db) -> None:
    first = begin(db, now=hours_ago(24 * 400, db))
    assert begin_answer(db, now=hours_ago(-24 * 400, db))["outcome"] == "busy"
    started = value(db, "select started_at from autonomous_runs where id = %s", first.run_id)
    assert started == hours_ago(24 * 400, db)


def test_a_lost_answer_of_begin_can_be_asked_for_again(db: Db) -> None:
    lease = begin(db)
    again = begin_answer(db, run_id=lease.run_id)
    assert again["lease_token"] == str(lease.token)
    assert again["rules"] == lease.answer["rules"]
    assert begin_answer(db, run_id=lease.run_id, request={"shard": "1/2"})["outcome"] == "mismatch"
    finish(db, lease, "the answer")
    stored = begin_answer(db, run_id=lease.run_id)
    assert (stored["outcome"], stored["response"]) == ("stored", "the answer")


def test_an_id_of_a_run_that_failed_is_spent(db: Db) -> None:
    lease = begin(db)
    finish(db, lease, "oops", 503)
    with refused(db, "AO007", "a new run needs a new id"):
        begin_answer(db, run_id=lease.run_id)


# Finishing --------------------------------------------------------------------------------------


def test_finishing_twice_keeps_the_first_answer(db: Db) -> None:
    lease = begin(db)
    first = finish(db, lease, "one")
    assert finish(db, lease, "two") == first
    assert value(db, "select response from autonomous_runs where id = %s", lease.run_id) == "one"


@pytest.mark.parametrize("code", [None, 99, 600])
def test_a_status_that_is_none(db: Db, code: int | None) -> None:
    lease = begin(db)
    with refused(db, "AO010"):
        finish(db, lease, "x", code)  # type: ignore[arg-type]


# Idempotency keys -------------------------------------------------------------------------------


def test_a_finished_key_gives_the_stored_answer_byte_for_byte(db: Db) -> None:
    body = '{"b": 1,  "a": "\\u00e4\u00e4\u2028", "n": 1.0}\n'
    lease = begin(db, key="job-1")
    finish(db, lease, body, 207)
    answer = begin_answer(db, key="job-1")
    assert answer == {"outcome": "stored", "response": body, "response_status": 207}
    assert value(db, "select count(*) from autonomous_runs") == 1


def test_other_parameters_under_one_key_do_not_fit(db: Db) -> None:
    lease = begin(db, key="job-1", request={"shard": "1/2"})
    assert begin_answer(db, key="job-1")["outcome"] == "mismatch"
    finish(db, lease)
    assert (
        begin_answer(db, key="job-1", request={"shard": "1/2", "reason": "x"})["outcome"]
        == "mismatch"
    )
    same = {"shard": "1/2", "dry_run": False, "reason": None, "include_inactive_rules": False}
    assert begin_answer(db, key="job-1", request=same)["outcome"] == "stored"


def test_a_key_that_is_running_is_busy(db: Db) -> None:
    first = begin(db, key="job-1")
    answer = begin_answer(db, key="job-1")
    assert (answer["outcome"], answer["run_id"]) == ("busy", str(first.run_id))
    dry = begin(db, key="dry", request={"dry_run": True})
    assert begin_answer(db, key="dry", request={"dry_run": True})["run_id"] == str(dry.run_id)


@pytest.mark.parametrize("end", ["failed", "abandoned"])
def test_a_key_without_an_answer_is_started_again(db: Db, end: str) -> None:
    first = begin(db, key="job-1")
    if end == "failed":
        finish(db, first, "no database", 503)
        assert value(db, "select response from autonomous_runs where id = %s", first.run_id) is None
    else:
        let_expire(db, first)
    second = begin(db, key="job-1")
    assert second.run_id != first.run_id
    assert status(db, first.run_id) == end
    rows = db.execute("select id, idempotency_key from autonomous_runs").fetchall()
    assert dict(rows) == {first.run_id: None, second.run_id: "job-1"}
    finish(db, second, "done")
    assert begin_answer(db, key="job-1")["response"] == "done"


# At once ----------------------------------------------------------------------------------------


def at_once(url: str, count: int, call: Callable[[Db, int], Json]) -> list[Json]:
    answers: list[Json] = [{}] * count
    ready = threading.Barrier(count)

    def work(n: int) -> None:
        with psycopg.connect(url, autocommit=True) as own:
            ready.wait()
            answers[n] = call(own, n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.parametrize("keys", ["one key", "different keys", "no key"])
def test_twenty_at_once(scratch_database: Callable[[], str], keys: str) -> None:
    url = scratch_database()

    def key_of(n: int) -> str | None:
        return {"one key": "job", "different keys": f"job-{n}"}.get(keys)

    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(3):
            answers = at_once(url, 20, lambda own, n: begin_answer(own, key=key_of(n)))
            assert Counter(answer["outcome"] for answer in answers) == {"started": 1, "busy": 19}
            (started,) = (answer for answer in answers if answer["outcome"] == "started")
            assert {answer["run_id"] for answer in answers} == {started["run_id"]}
            finish(db, Lease(started["run_id"], started["lease_token"], started), "done")
            if keys == "one key":
                answers = at_once(url, 20, lambda own, n: begin_answer(own, key=key_of(n)))
                assert {answer["outcome"] for answer in answers} == {"stored"}
            db.execute("update autonomous_runs set idempotency_key = null")
        assert value(db, "select count(*) from autonomous_runs") == 3


def test_twenty_take_over_one_lease(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(3):
            let_expire(db, begin(db, key="job-1"))
            answers = at_once(url, 20, lambda own, _: begin_answer(own, key="job-1"))
            assert Counter(answer["outcome"] for answer in answers) == {"started": 1, "busy": 19}
            db.execute("update autonomous_runs set status = 'abandoned', idempotency_key = null")


def test_shards_begin_at_once(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    answers = at_once(url, 8, lambda own, n: begin_answer(own, request={"shard": f"{n + 1}/8"}))
    assert [answer["outcome"] for answer in answers] == ["started"] * 8


def test_a_lease_is_not_taken_from_one_who_is_applying(scratch_database: Callable[[], str]) -> None:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as working:
        one = campaign(db)
        lease = begin(db, lease_seconds=1)
        apply(working, lease, [scale_up(one)])
        time.sleep(1.1)
        assert begin_answer(db)["outcome"] == "busy"
        working.commit()
        assert status(db, lease.run_id) == "running"


def test_modes_are_those_of_the_policy(db: Db) -> None:
    policy(db, mode="approve")
    assert begin(db).answer["mode"] == "approve"

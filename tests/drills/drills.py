"""The drills: what is broken, and what must hold all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from autonomy.run.runner import BATCH_LIMIT
from tests.drills.yard import LOSERS, WINNERS, Yard, new_key

FAULT_POINTS = (
    "after_begin",
    "after_load",
    "after_decide",
    "before_apply",
    "after_apply_batch",
    "after_apply",
    "before_finish",
    "after_finish",
)
CALLERS = 20


@dataclass(frozen=True)
class Drill:
    """A drill, and how often it is held in full."""

    name: str
    repetitions: int
    hold: Callable[[Yard, int], None]


def killed(point: str, yard: Yard, n: int) -> None:
    """kill -9 at a fault point; the scheduler delivers again, with the same key or without one."""
    key = new_key() if n % 2 else None
    lost = yard.post(yard.function(f"{point}:kill", lease_seconds=1), key)
    yard.check(lost.status == 0, f"the function survived {point}: {lost.status}")
    again = yard.recovered(key)
    yard.check(again.status == 200, f"the next run did not complete: {again}")
    if key is not None:
        repeated = yard.post(yard.function(), key)
        yard.check(repeated.body == again.body, "the stored answer differs")


def one_key(yard: Yard, n: int) -> None:
    """Twenty callers with one key: one run, and every answer the same or 409."""
    key = new_key()
    answers = yard.all_at_once([lambda: yard.post(yard.function(), key)] * CALLERS)
    done = [answer for answer in answers if answer.status == 200]
    waiting = [answer for answer in answers if answer.status == 409]
    yard.check(len(done) >= 1, "nobody ran")
    yard.check(len(done) + len(waiting) == CALLERS, f"{[answer.status for answer in answers]}")
    yard.check(len({answer.body for answer in done}) == 1, "one key, two answers")
    yard.check(
        all(answer.code == "RUN_IN_PROGRESS" for answer in waiting), "409 for another reason"
    )
    yard.check(all(answer.retry_after for answer in waiting), "409 without Retry-After")
    yard.check(yard.post(yard.function(), key).body == done[0].body, "the stored answer differs")
    ((runs,),) = yard.execute("select count(*) from autonomous_runs")
    yard.check(runs == 1, f"one key, {runs} runs")


def different_keys(yard: Yard, n: int) -> None:
    """Twenty callers with a key each: one run after another, the rest 409."""
    answers = yard.all_at_once(
        [partial(yard.post, yard.function(), new_key()) for _ in range(CALLERS)]
    )
    statuses = {answer.status for answer in answers}
    yard.check(200 in statuses, "nobody ran")
    yard.check(statuses <= {200, 409}, f"{sorted(statuses)}")
    done = [answer for answer in answers if answer.status == 200]
    paused = sum(answer.json["result"]["actions_taken"]["campaigns_paused"] for answer in done)
    yard.check(paused == LOSERS, f"the answers speak of {paused} pauses")


def shards_at_once(yard: Yard, n: int) -> None:
    """Four shards and the whole at once: whoever overlaps waits, and together they see all."""
    bodies = [{"shard": f"{part}/4"} for part in (1, 2, 3, 4)] + [{}]
    answers = yard.all_at_once([partial(yard.post, yard.function(), None, body) for body in bodies])
    yard.check({answer.status for answer in answers} <= {200, 409}, f"{answers}")
    yard.check(yard.recovered().status == 200, "the next run did not complete")


def stopped_past_its_lease(yard: Yard, n: int) -> None:
    """A worker sleeps longer than its lease; another takes over; the first one wakes to nothing."""
    sleepy = yard.function("before_apply:sleep=0.4", lease_seconds=1)
    first = yard.posting(sleepy)
    yard.until(yard.run_has_begun, "the run begins")
    os.killpg(sleepy.pid, signal.SIGSTOP)
    try:
        second = yard.recovered()
    finally:
        os.killpg(sleepy.pid, signal.SIGCONT)
    yard.check(second.status == 200, f"the second run did not complete: {second.status}")
    late = first.result(30)
    yard.check(late.status == 503, f"the first worker answered {late.status}")
    yard.check(late.status != 503 or late.code == "LEASE_LOST", "the first worker did not say why")


def edited(yard: Yard, n: int) -> None:
    """A person edits between read and apply: the edit wins, the others are carried out."""
    slow = yard.function("before_apply:sleep=0.25")
    run = yard.posting(slow)
    yard.until(yard.run_has_begun, "the run begins")
    yard.execute("update campaigns set status = 'Archived' where title = 'loser 1'")
    yard.execute("update campaigns set budget = 77 where title = 'winner 1'")
    answer = run.result(30)
    yard.check(answer.status == 200, f"{answer.status}")
    failed = {each["title"]: each["code"] for each in answer.json["result"]["failed"]}
    expected = dict.fromkeys(("loser 1", "winner 1"), "CHANGED_MEANWHILE")
    yard.check(failed == expected, f"failed: {failed}")
    rows = yard.execute(
        "select status, budget::text from campaigns where title in ('loser 1', 'winner 1')"
        " order by title"
    )
    yard.check(rows == [("Archived", "100.00"), ("Active", "77.00")], f"the edit was lost: {rows}")


def rules_edited(yard: Yard, n: int) -> None:
    """A person changes the rules between read and apply: nothing is done by what they said."""
    slow = yard.function("before_apply:sleep=0.25")
    run = yard.posting(slow)
    yard.until(yard.run_has_begun, "the run begins")
    otherwise = f"jsonb_build_object('min_confidence', {50 + n / 100})"
    yard.execute(f"update autonomous_rules set action = action || {otherwise}")
    answer = run.result(30)
    codes = {each["code"] for each in answer.json["result"]["failed"]}
    yard.check(codes == {"RULE_CHANGED"}, f"failed: {codes}")
    ((done,),) = yard.execute("select count(*) from autonomous_actions where status = 'executed'")
    yard.check(done == 0, f"{done} actions by rules that had changed")
    second = yard.recovered()
    yard.check(second.status == 200, f"the next run did not complete: {second.status}")


def frozen(yard: Yard, n: int) -> None:
    """The kill switch between read and apply: nothing is changed until it is off again."""
    slow = yard.function("before_apply:sleep=0.25")
    run = yard.posting(slow)
    yard.until(yard.run_has_begun, "the run begins")
    yard.execute("update autonomy_policy set frozen = true")
    answer = run.result(30)
    held = answer.json["result"]["held"].get("FROZEN")
    yard.check(held == LOSERS + WINNERS, f"held: {held}")
    ((changed,),) = yard.execute("select count(*) from campaign_changes where kind <> 'created'")
    yard.check(changed == 0, f"{changed} changes while frozen")
    yard.execute("update autonomy_policy set frozen = false")
    yard.check(yard.recovered().status == 200, "the next run did not complete")


def out_of_time(yard: Yard, n: int) -> None:
    """The deadline is reached in the middle: it stops between batches, the next runs go on."""
    winners = 2 * BATCH_LIMIT + 40
    yard.reset(losers=0, winners=winners)
    hasty = yard.function("after_apply_batch:sleep=3.1", deadline_seconds=3)
    left = winners
    for _ in range(3):
        answer = yard.post(hasty)
        result = answer.json["result"] if answer.status == 200 else {}
        left -= BATCH_LIMIT
        told = result.get("decisions_left_for_next_run", 0)
        yard.check(told == max(0, left), f"{told} decisions left, not {max(0, left)}")


def postgrest_killed(yard: Yard, n: int) -> None:
    """PostgREST dies in the middle of a run and comes back."""
    run = yard.posting(yard.function("before_apply:sleep=0.25", lease_seconds=2))
    yard.until(yard.run_has_begun, "the run begins")
    yard.stack.kill_postgrest()
    time.sleep(0.05 * (n % 8))
    yard.stack.restart_postgrest()
    answer = run.result(60)
    yard.check(answer.status in (200, 503), f"{answer.status}")
    yard.check(yard.recovered().status == 200, "the next run did not complete")


def postgres_restarted(yard: Yard, n: int) -> None:
    """PostgreSQL is restarted, or crashes, in the middle of a run."""
    yard.execute("checkpoint")  # else it stops as slowly as the many resets before have made it
    run = yard.posting(yard.function("before_apply:sleep=0.25", lease_seconds=2))
    yard.until(yard.run_has_begun, "the run begins")
    if n % 2:
        yard.stack.kill_postgres()
    yard.stack.restart_postgres()
    answer = run.result(60)
    yard.check(answer.status in (200, 503), f"{answer.status}")
    yard.check(yard.recovered().status == 200, "the next run did not complete")


def connection_cut(path: str, after_commit: bool, yard: Yard, n: int) -> None:
    """The connection is cut after the commit, or before the request arrives."""
    function = yard.function(through_proxy=True)
    key = new_key()
    with yard.proxy.lose(path, times=1 + n % 3, after_commit=after_commit):
        answer = yard.post(function, key)
        yard.check(yard.proxy.lost > 0, f"nothing was lost of {path}")
    yard.check(answer.status == 200, f"the run gave up: {answer.status}")
    yard.check(yard.post(function, key).body == answer.body, "the stored answer differs")
    done = answer.json["result"]["actions_taken"]
    counted = (
        (done["campaigns_paused"], done["campaigns_scaled"]) if "campaigns_paused" in done else ()
    )
    yard.check(counted == (LOSERS, WINNERS), f"the answer speaks of {counted}")
    ((runs,),) = yard.execute("select count(*) from autonomous_runs")
    yard.check(runs == 1, f"{runs} runs")


UNTOUCHED = {"a person edits between read and apply": ("loser 1", "winner 1")}

DRILLS = [
    *(Drill(f"kill -9 {point}", 20, partial(killed, point)) for point in FAULT_POINTS),
    Drill("20 callers, one key", 40, one_key),
    Drill("20 callers, 20 keys", 40, different_keys),
    Drill("4 shards and the whole at once", 20, shards_at_once),
    Drill("a worker stopped past its lease", 20, stopped_past_its_lease),
    Drill("a person edits between read and apply", 60, edited),
    Drill("a person changes the rules between read and apply", 30, rules_edited),
    Drill("frozen between read and apply", 30, frozen),
    Drill("the deadline in the middle", 6, out_of_time),
    Drill("PostgREST killed and restarted", 30, postgrest_killed),
    Drill("PostgreSQL restarted or crashed", 20, postgres_restarted),
    *(
        Drill(f"answer of {call} lost after commit", 25, partial(connection_cut, path, True))
        for call, path in (
            ("begin", "rpc/begin_autonomous_run"),
            ("apply", "rpc/apply_autonomous_actions"),
            ("finish", "rpc/finish_autonomous_run"),
        )
    ),
    Drill(
        "request to apply lost", 25, partial(connection_cut, "rpc/apply_autonomous_actions", False)
    ),
]


def hold(drill: Drill, yard: Yard, n: int) -> list[str]:
    """One repetition on a new account; the violations."""
    yard.violations = []
    yard.reset()
    drill.hold(yard, n)
    yard.check_laws(untouched=UNTOUCHED.get(drill.name, ()))
    return yard.violations

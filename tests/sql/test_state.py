"""Is all well? One answer for pages and API, and the largest reason first."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
import pytest

from autonomy.web.state import WHERE
from tests.sql.effects import Db, Json, clean_tables, value

__all__ = ["clean_tables"]

RUN = (
    "insert into autonomous_runs (id, status, started_at, summary, dry_run, slots,"
    " lease_expires_at) values (gen_random_uuid(), {status}, now() - interval {age}, {summary},"
    " {dry}, {slots}, now())"
)
ACTED = (
    "insert into autonomous_actions (campaign_id, action_type, status, created_at, executed_at,"
    " previous_state, new_state)"
    " select id, '{kind}', '{status}', now() - interval '{age}', now() - interval '{age}',"
    " jsonb_build_object('status', 'active', 'budget', budget), {after}"
    " from (select * from campaigns order by id offset {skip} limit {n}) c"
)
PAUSED = "jsonb_build_object('status', 'paused', 'budget', budget)"
FRESH = (
    "insert into campaign_facts (campaign_id, data_at)"
    " select id, now() - interval '3 hours' from campaigns"
    " on conflict (campaign_id) do update set data_at = excluded.data_at"
)
OLD = (
    "update campaign_facts f set data_at = now() - interval '{hours} hours' from campaigns c"
    " where c.id = f.campaign_id and account = '{account}'"
)
UNKNOWN_ZONE = [
    # as when the system's list of zones has lost one
    "set local session_replication_role = replica",
    "update autonomy_accounts set time_zone = 'Mars/Base' where account = 'default'",
    "set local session_replication_role = origin",
]
BUDGET = "jsonb_build_object('status', 'active', 'budget', {})"
FIRST_13 = "where id in (select id from campaigns order by id limit 13)"
DAYS = (
    "insert into autonomy.dashboard_performance_days select current_date - i, 0, 0, case"
    " when i > 7 then {n}"
    " else {n} * {roi} / 2.0 end, 100, case when i > 7 then 200 else 100 * {roi} end"
    " from generate_series(1, 14) i"
)


def ran(
    age: str = "10 minutes", status: str = "completed", summary: str = "{}", **more: str
) -> str:
    """SQL of a run that began so long ago."""
    return RUN.format(
        age=f"'{age}'",
        status=f"'{status}'",
        summary=f"'{summary}'",
        dry=more.get("dry", "false"),
        slots=more.get("slots", "'[0,65536)'"),
    )


def acted(n: int, **more: Any) -> str:
    """SQL of actions on the first n campaigns."""
    known = {"kind": "auto_pause", "status": "executed", "age": "2 hours", "after": PAUSED}
    return ACTED.format(n=n, **{**known, "skip": 0, **more})


def paused(n: int, **more: Any) -> list[str]:
    """SQL of n pauses of 40 campaigns, carried out."""
    campaigns = f"(select id from campaigns order by id limit {n})"
    return [
        acted(n, **more),
        f"update campaigns set status = 'paused' where id in {campaigns}",
    ]


def opportunities(n: int, age: str, severity: str = "critical", status: str = "open") -> str:
    """SQL of opportunities that were first seen so long ago."""
    return (
        "insert into optimization_opportunities (campaign_id, opportunity_type, severity, status,"
        f" first_seen_at) select id, 'declining_performance', '{severity}', '{status}',"
        f" now() - interval '{age}' from (select id from campaigns order by id limit {n}) c"
    )


def breaker(code: str, message: str) -> str:
    """SQL of a run that a breaker stopped."""
    return ran(
        "5 minutes", summary=f'{{"breakers": [{{"code": "{code}", "message": "{message}"}}]}}'
    )


@pytest.fixture
def well(db: Db, clean_tables: None) -> Db:
    """Forty campaigns of 100 a day, fresh figures, a run ten minutes ago: nothing to say."""
    db.execute("update autonomy_policy set time_zone = 'UTC'")
    db.execute(
        "insert into campaigns (title, budget, created_at)"
        " select 'Campaign ' || i, 100, now() - interval '9 days' from generate_series(1, 40) i"
    )
    db.execute(FRESH)
    db.execute("update autonomous_rules set is_active = true")
    db.execute(ran())
    return db


def state(db: Db, since: str | None = None, minutes: int = 60) -> Json:
    found: Json = value(db, "select dashboard_state(%s::timestamptz, %s)", since, minutes)
    return found


SUSPENDED = (
    "insert into autonomy.platform_accounts (account, platform, external_id, state, state_message)"
    " values ('Paris', 'google', '1', 'broken', 'It is suspended.')"
)
UNDELIVERED = """
    with one as (
      insert into campaigns (title, account, status) values ('Slow', 'Paris', 'paused') returning id
    ), connected as (
      insert into autonomy.platform_accounts (account, platform, external_id, push)
      values ('Paris', 'google', '1', set_config('autonomy.push', 'on', true))
    ), there as (
      insert into autonomy.platform_units
        (campaign_id, account, external_id, kind, budget_kind, observed_at, out_of_step)
      select id, 'Paris', '5', 'campaign', 'daily', now(), true from one
    )
    insert into autonomy.deliveries (campaign_id, field, wanted, was, wanted_by, wanted_at, message)
    select id, 'status', 'paused', 'active', 'action', now() - interval '61 minutes',
      'Too many calls.' from one"""


class Case(NamedTuple):
    """What is done to the database, and what the state then is."""

    done: list[str]
    level: str
    code: str
    sentence: str


CASES = [
    Case(["update autonomy_policy set frozen = true, frozen_reason = 'Stock take'"],
         "act", "FROZEN", "Frozen: nothing is changed until somebody lifts it."),
    Case(["delete from autonomous_runs"],
         "act", "NO_RUN", "No run has succeeded yet: set up the schedule, or try a dry run."),
    Case(["delete from autonomous_runs", ran("10 minutes", dry="true", slots="null")],
         "act", "NO_RUN", "No run has succeeded yet"),
    Case([ran("5 minutes", "failed"), "select 1"],
         "act", "RUN_FAILED", "did not finish."),
    Case([ran("5 minutes", "running")],
         "act", "RUN_FAILED", "did not finish."),
    Case(["delete from autonomous_runs", ran("121 minutes")],
         "act", "RUN_LATE", "and one is due every 60 minutes: check the schedule."),
    Case(["insert into autonomy.feed (problems) values ('{There is no schema autonomy_feed.}')"],
         "act", "FEED_FAILED", "The feed could not be read yet: There is no schema autonomy_feed."),
    Case(["update campaign_facts set data_at = now() - interval '49 hours'"],
         "act", "STALE_DATA", ": nothing is judged until they do."),
    Case(["update campaigns set account = 'Shop B' where title like '%7'",
          OLD.format(hours=50, account="Shop B")],
         "act", "STALE_DATA", 'No new figures of the account "Shop B" have come in since '),
    Case(["update campaigns set account = right(title, 1)", OLD.format(hours=50, account="7"),
          OLD.format(hours=60, account="8")],
         "act", "STALE_DATA", "No new figures of 2 of 10 accounts have come in since "),
    Case(["update campaigns set status = 'ENABLED'"],
         "act", "UNREAD_STATUS", "No campaign is looked at: 40 campaigns have a status"),
    Case(["update campaigns set status = 'live' where title like '%7'"],
         "look", "UNREAD_STATUS", "4 campaigns have a status that is not read (\"live\")"),
    Case(["delete from campaign_facts"],
         "look", "NO_DATA", "No figures of any active campaign have come in yet."),
    Case(UNKNOWN_ZONE,
         "act", "ZONE_UNKNOWN", 'The time zone "Mars/Base" of the account "default" is not known'),
    Case([breaker("TRACKING_BREAKER", "conversions of the last 24 hours are missing")],
         "act", "BREAKER", "Conversions of the last 24 hours are missing."),
    Case([breaker("GROWTH_BREAKER", "raises of 24 hours would add more than 30.00 a day")],
         "look", "BREAKER", "Raises of 24 hours would add more than 30.00 a day."),
    Case([acted(1, status="pending", age="23 hours 15 minutes")],
         "act", "APPROVALS_WAITING",
         "1 proposal waits for your decision; the first lapses in 45 minutes."),
    Case([acted(19, status="pending", age="22 hours")],
         "act", "APPROVALS_WAITING",
         "19 proposals wait for your decision; the first lapses in 2 hours."),
    Case(paused(6),
         "look", "MANY_PAUSED",
         "6 of 40 active campaigns were paused in the last 24 hours, 15% of them;"
         " above 25% in a day a run asks first."),
    Case(paused(11), "act", "MANY_PAUSED", "11 of 40 active campaigns were paused"),
    Case([acted(13, kind="auto_scale_up", after=BUDGET.format(150)),
          f"update campaigns set budget = 150 {FIRST_13}"],
         "look", "BUDGET_MOVED",
         "Budgets of 650.00 a day were moved in the last 24 hours, 16% of what is active;"
         " above 30% in a day raises stop."),
    Case([acted(13, kind="auto_scale_down", after=BUDGET.format(0)),
          f"update campaigns set budget = 0 {FIRST_13}"],
         "act", "BUDGET_MOVED", "Budgets of 1,300.00 a day were moved"),
    Case([DAYS.format(n=80, roi=1.5)],
         "look", "FALLING_ROI",
         "ROI has fallen to 1.50x in the last 7 complete days, from 2.00x in the 7 before."),
    Case([DAYS.format(n=40, roi=0.9)],
         "act", "FALLING_ROI",
         "ROI has fallen to 0.90x in the last 7 complete days, from 2.00x in the 7 before:"
         " the account loses money."),
    Case([opportunities(2, "47 hours")],
         "look", "CRITICAL_OPPORTUNITIES", "2 critical opportunities are open."),
    Case([opportunities(1, "49 hours")],
         "act", "CRITICAL_OPPORTUNITIES",
         "1 critical opportunity is open, for more than 48 hours."),
    Case([ran("5 minutes", summary='{"held": {"VALUE_NOT_MEASURED": 3}}')],
         "look", "VALUE_NOT_MEASURED",
         "The last run left 3 campaigns alone, because conversions come without a value."),
    Case([ran("5 minutes"), SUSPENDED],
         "act", "ACCOUNT_BROKEN",
         'The account "Paris" cannot be read from Google Ads any more, and nothing is decided on'
         " it: It is suspended."),
    Case([ran("5 minutes"), UNDELIVERED],
         "act", "PAUSE_WAITING",
         '1 campaign of the account "Paris" has waited more than an hour to be paused on Google'
         " Ads, and goes on spending there: Too many calls."),
    Case([ran("5 minutes", summary='{"held": {"SUSPECT_DATA": 1, "COOLDOWN": 9}}')],
         "look", "SUSPECT_DATA",
         "The last run left 1 campaign alone, because figures cannot be right."),
    Case([ran("5 minutes", summary='{"failed": [{"code": "CHANGED_MEANWHILE"}]}')],
         "look", "ACTIONS_FAILED", "1 action of the last run failed."),
    Case([ran("5 minutes", summary='{"rules_skipped": [{"rule_name": "A", "error": "bad"}]}')],
         "look", "RULES_SKIPPED", "The last run passed over 1 rule that cannot be read."),
    Case(["update autonomous_rules set is_active = false"],
         "look", "ALL_RULES_INACTIVE", "No rule is active: runs only monitor and change nothing."),
    Case(["update autonomy_policy set mode = 'observe'"],
         "look", "OBSERVING", "Observe mode: runs say what they would do and change nothing."),
]  # fmt: skip


def test_all_is_well_where_there_is_nothing(well: Db) -> None:
    found = state(well)
    assert (found["level"], found["sentence"], found["reasons"]) == ("ok", "All is well.", [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.level}")
def test_each_reason_alone(well: Db, case: Case) -> None:
    _do(well, *case.done)
    found = state(well)
    (reason,) = [one for one in found["reasons"] if one["code"] == case.code]
    assert case.sentence in reason["sentence"]
    assert reason["level"] == case.level
    # pausing moves budgets as well, and nothing else says more than one thing
    others = {one["code"] for one in found["reasons"]} - {case.code, "BUDGET_MOVED"}
    assert others == set()
    assert found["sentence"] == found["reasons"][0]["sentence"]


def test_every_reason_has_a_case_and_a_place_where_one_acts() -> None:
    assert {case.code for case in CASES} == set(WHERE)


QUIET = [
    ("a run of each shard, an old failure of the whole overtaken",
     [ran("20 minutes", "failed"), ran("6 minutes", slots="'[0,32768)'"),
      ran("5 minutes", slots="'[32768,65536)'")]),
    ("a failed dry run", [ran("5 minutes", "failed", dry="true", slots="null")]),
    ("a breaker that a later run did not meet",
     ["delete from autonomous_runs",
      ran("70 minutes", summary='{"breakers": [{"code": "TRACKING_BREAKER", "message": "x"}]}'),
      ran("10 minutes")]),
    ("the freeze of the last run, lifted since", [breaker("FROZEN", "the system is frozen")]),
    ("one campaign without new figures",
     ["update campaigns set account = 'Shop B' where title like '%7'",
      ("update campaign_facts set data_at = now() - interval '90 hours' where campaign_id"
       " = (select min(id::text)::uuid from campaigns where account = 'Shop B')")]),
    ("stale figures of a paused account",
     ["update campaigns set account = 'Old', status = 'paused' where title like '%7'",
      OLD.format(hours=500, account="Old")]),
    ("a proposal whose time is over", [acted(1, status="pending", age="25 hours")]),
    ("few pauses", paused(4)),
    ("pauses before yesterday", paused(20, age="25 hours")),
    ("pauses that were taken back", [acted(20, status="rolled_back")]),
    ("a fall too small to matter", [DAYS.format(n=900, roi=1.7)]),
    ("a fall that may be chance", [DAYS.format(n=2, roi=0.9)]),
    ("a rise", [DAYS.format(n=40, roi=4)]),
    ("critical ones that are worked on", [opportunities(3, "1 hour", status="in_progress")]),
    ("less than critical", [opportunities(9, "99 hours", severity="high")]),
    ("some rules inactive", ["update autonomous_rules set is_active = false where priority > 85"]),
    ("approve mode", ["update autonomy_policy set mode = 'approve'"]),
    ("summaries that others wrote",
     [ran("5 minutes", summary=s) for s in ("[]", '"x"', '{"held": 5, "failed": {}}',
      '{"breakers": "x", "rules_skipped": null, "held": {"SUSPECT_DATA": "many"}}')]),
]  # fmt: skip


@pytest.mark.parametrize("done", [done for _, done in QUIET], ids=[name for name, _ in QUIET])
def test_what_is_no_reason(well: Db, done: list[str]) -> None:
    _do(well, *done)
    assert state(well)["reasons"] == []


def test_all_together_the_largest_first(well: Db) -> None:
    _do(well, "delete from autonomous_runs",
        "update campaign_facts set data_at = now() - interval '49 hours'",
        ran("180 minutes", slots="'[0,9)'"), ran("5 minutes", "failed", slots="'[10,19)'"),
        ran("170 minutes", slots="'[20,29)'", summary='{"failed": [{}], "held": {"SUSPECT_DATA": 1,'
            ' "VALUE_NOT_MEASURED": 2}, "rules_skipped": [{"rule_name": "A", "error": "bad"}],'
            ' "breakers": [{"code": "GROWTH_BREAKER", "message": "x"},'
            ' {"code": "TRACKING_BREAKER", "message": "y"}]}'),
        *paused(13), acted(3, status="pending", skip=20), opportunities(2, "1 hour"),
        DAYS.format(n=40, roi=0.9), "update autonomous_rules set is_active = false",
        "update autonomy_policy set frozen = true, mode = 'observe', frozen_reason = 'Stock take'",
    )  # fmt: skip
    found = state(well)
    assert [(one["level"], one["code"]) for one in found["reasons"]] == [
        ("act", "FROZEN"), ("act", "RUN_FAILED"), ("act", "RUN_LATE"), ("act", "STALE_DATA"),
        ("act", "BREAKER"), ("act", "APPROVALS_WAITING"), ("act", "MANY_PAUSED"),
        ("act", "BUDGET_MOVED"), ("act", "FALLING_ROI"), ("look", "BREAKER"),
        ("look", "CRITICAL_OPPORTUNITIES"), ("look", "VALUE_NOT_MEASURED"),
        ("look", "SUSPECT_DATA"), ("look", "ACTIONS_FAILED"),
        ("look", "RULES_SKIPPED"), ("look", "ALL_RULES_INACTIVE"),
        ("look", "OBSERVING"),
    ]  # fmt: skip
    assert found["level"] == "act"
    assert found["sentence"] == "Frozen: nothing is changed until somebody lifts it."
    assert found["reasons"][0]["details"] == ["Stock take"]
    assert found["reasons"][-3]["details"] == ["A: bad"]


def test_since_the_last_visit(well: Db) -> None:
    _do(well, "update autonomy_policy set time_zone = 'Europe/Berlin'", FRESH, *paused(12))
    before = value(well, "select (now() - interval '3 hours')::text")
    after = value(well, "select (now() - interval '1 hour')::text")
    clock = value(well, "select to_char((now() - interval '3 hours') at time zone 'Europe/Berlin',"
                        " 'Dy FMDD Mon, HH24:MI')")  # fmt: skip
    sentence = state(well, before)["sentence"]
    assert f"12 of 40 active campaigns were paused since your last visit ({clock})" in sentence
    assert state(well, after)["level"] == "ok"
    future = value(well, "select (now() + interval '1 hour')::text")
    for unknown in (future, "infinity", None):
        assert "in the last 24 hours" in state(well, unknown)["sentence"]
    assert "in the last 7 days" in state(well, "-infinity")["sentence"]


def test_states_that_others_wrote_move_nothing(well: Db) -> None:
    for junk in ("null", "[]", '"text"', "5", '{"status": 7, "budget": "x"}', '{"budget": 1e300}'):
        _do(well, acted(5, after=f"'{junk}'::jsonb"))
        _do(well, "update autonomous_actions set previous_state = new_state")
    assert state(well)["reasons"] == []


def test_late_conversions_are_allowed_for(well: Db) -> None:
    """With a delay of three days the last week has seen two thirds of what it will bring."""
    _do(well, DAYS.format(n=40, roi=1.4))
    assert [one["code"] for one in state(well)["reasons"]] == ["FALLING_ROI"]
    _do(well, "update autonomy_policy set conversion_delay_hours = 72", FRESH)
    assert state(well)["reasons"] == []


def test_another_interval_and_a_long_one(well: Db) -> None:
    _do(well, "delete from autonomous_runs", ran("40 minutes"))
    assert state(well, minutes=60)["level"] == "ok"
    assert "every 15 minutes" in state(well, minutes=15)["sentence"]
    for odd in (0, -5, 2**31 - 1):
        assert state(well, minutes=odd)["level"] in ("ok", "act")


def test_an_empty_database_is_waiting_for_its_first_run(db: Db) -> None:
    assert [one["code"] for one in state(db)["reasons"]] == ["NO_RUN"]


def test_it_reads_only(well: Db) -> None:
    _do(well, *paused(12), "set transaction read only")
    assert state(well)["level"] == "act"


def _do(db: psycopg.Connection[Any], *statements: str) -> None:
    for statement in statements:
        db.execute(statement)

"""Candidates, the portfolio and proposals in SQL, where the differential test does not look."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

NOW = datetime(2026, 11, 22, 10, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ask(db: psycopg.Connection, question: str, *values: object) -> Any:
    row = db.execute(question, values).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def empty(db: psycopg.Connection) -> psycopg.Connection:
    db.execute("delete from autonomous_actions")
    db.execute("delete from campaigns")
    db.execute("select autonomy_reset_defaults()")
    return db


def campaign(
    db: psycopg.Connection,
    spend: float = 500,
    revenue: float = 100,
    conversions: int = 4,
    **columns: Any,
) -> UUID:
    values = {"title": "One", "budget": 100, "created_at": NOW - 30 * 24 * HOUR} | columns
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    made: UUID = ask(
        db, f"insert into campaigns ({names}) values ({marks}) returning id", *values.values()
    )
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue, updated_at) values (%s, 10000, 300, %s, %s, %s, %s)",
        [made, conversions, spend, revenue, NOW - HOUR],
    )
    return made


def winner(db: psycopg.Connection, **columns: Any) -> UUID:
    return campaign(db, 500, 2500, 50, **columns)


def candidates(db: psycopg.Connection, **named: Any) -> Any:
    return ask(db, _call("list_autonomous_candidates", named), *named.values(), NOW)


def propose(db: psycopg.Connection, **named: Any) -> Any:
    return ask(db, _call("propose_autonomous_actions", named), *named.values(), NOW)


def _call(function: str, named: dict[str, Any]) -> str:
    return f"select {function}({''.join(f'p_{key} => %s, ' for key in named)}p_now => %s)"


def codes(answer: Any) -> dict[str, str]:
    return {one["campaign_id"]: one["code"] for one in answer["decisions"]}


# --- the shape of things --------------------------------------------------------------------------

OURS = "obj_description(p.oid, 'pg_proc') like '%%[autonomous-operations]'"


def test_every_function_is_pinned_described_and_only_one_of_its_name(
    db: psycopg.Connection,
) -> None:
    rows = db.execute(
        "select proname, count(*), bool_and(coalesce('search_path=\"\"' = any (proconfig), false)),"
        f" bool_and(coalesce({OURS}, false)), bool_or(prosecdef) from pg_proc p"
        " where pronamespace in ('public'::regnamespace, 'autonomy'::regnamespace)"
        " and (proname ~ '^(propose|list|identify|decided|rule_|candidate|condition|fit_|matching)'"
        "   or proname in ('portfolio_state', 'probability_below', 'tracking_told', 'values_told'))"
        " group by proname"
    ).fetchall()
    assert len(rows) > 15
    assert [row for row in rows if row[1:] != (1, True, True, False)] == []


def test_looking_changes_nothing(empty: psycopg.Connection) -> None:
    campaign(empty)
    empty.execute("set transaction read only")
    candidates(empty)
    propose(empty)
    ask(empty, "select portfolio_state(%s)", NOW)
    empty.execute("select * from identify_underperforming_campaigns()")
    empty.execute("select * from identify_scaling_candidates()")


@pytest.mark.parametrize(
    "call",
    [
        "list_autonomous_candidates(p_limit => 0)",
        "list_autonomous_candidates(p_limit => 5001)",
        "list_autonomous_candidates(p_limit => null)",
        "list_autonomous_candidates(p_shard => '0/4')",
        "list_autonomous_candidates(p_shard => '5/4')",
        "list_autonomous_candidates(p_shard => '1/0')",
        "list_autonomous_candidates(p_shard => '1/70000')",
        "list_autonomous_candidates(p_shard => 'a; drop')",
        "list_autonomous_candidates(p_shard => '')",
        "list_autonomous_candidates(p_now => null)",
        "list_autonomous_candidates(p_now => 'infinity')",
        "propose_autonomous_actions(p_limit => 0)",
        "propose_autonomous_actions(p_limit => null)",
        "propose_autonomous_actions(p_shard => '3')",
        "propose_autonomous_actions(p_now => null)",
        "propose_autonomous_actions(p_now => '-infinity')",
        "portfolio_state(null)",
    ],
)
def test_a_bad_argument_is_said_to_be_one(db: psycopg.Connection, call: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        db.execute(f"select {call}")
    assert refused.value.sqlstate == "AO010"


def test_empty_databases_and_no_rules_are_a_success(empty: psycopg.Connection) -> None:
    for _ in range(2):
        assert candidates(empty) == {"candidates": [], "next_after": None, "rules_skipped": []}
        assert propose(empty) == {
            "decisions": [], "next_after": None, "rules_skipped": [], "breakers": [],
            "campaigns_evaluated": 0,
        }  # fmt: skip
        empty.execute("UPDATE autonomous_rules SET is_active = false;")
    campaign(empty)
    assert propose(empty)["decisions"] == []
    assert propose(empty)["campaigns_evaluated"] == 1
    assert len(propose(empty, include_inactive_rules=True)["decisions"]) == 1


# --- candidates -----------------------------------------------------------------------------------


def test_without_figures_a_campaign_is_no_candidate(empty: psycopg.Connection) -> None:
    empty.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority) values"
        """ ('All', 'pause', '{"min_duration_hours": 0}', '{"type": "auto_pause"}', 1)"""
    )
    made = ask(empty, "insert into campaigns (budget, created_at) values (1, %s) returning id", NOW)
    assert candidates(empty)["candidates"] == []
    shown = candidates(empty, campaign_id=made)["candidates"]
    assert [one["campaign_id"] for one in shown] == [str(made)]
    assert shown[0]["metrics"]["lifetime"]["spend"] is None
    assert candidates(empty, campaign_id=UUID(int=5))["candidates"] == []


def test_a_candidate_carries_the_windows_that_rules_read(empty: psycopg.Connection) -> None:
    campaign(empty)
    assert set(candidates(empty)["candidates"][0]["metrics"]) == {"lifetime"}
    rule = """{"any": [{"metric": "roi", "operator": "<", "threshold": 9},
        {"metric": "ctr", "window": "7d", "operator": "<",
         "than": {"metric": "ctr", "window": "prior_14d"}}]}"""
    empty.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority)"
        """ values ('Windows', 'pause', %s, '{"type": "auto_pause"}', 1)""",
        [rule],
    )
    shown = candidates(empty)["candidates"][0]
    assert set(shown["metrics"]) == {"lifetime", "7d", "prior_14d"}
    assert shown["metrics"]["7d"] == dict.fromkeys(shown["metrics"]["lifetime"])


def test_pages_cover_every_candidate_once(empty: psycopg.Connection) -> None:
    made = {str(campaign(empty)) for _ in range(23)}
    for function, key in ((candidates, "candidates"), (propose, "decisions")):
        seen: list[str] = []
        after = None
        while True:
            page = function(empty, after=after, limit=5)
            seen += [one["campaign_id"] for one in page[key]]
            after = page["next_after"]
            if after is None:
                break
            assert after == seen[-1]
        assert seen == sorted(made)


def test_shards_share_out_the_campaigns(empty: psycopg.Connection) -> None:
    made = {str(campaign(empty)) for _ in range(40)}
    for shards in (1, 3, 8, 7):
        parts = [propose(empty, shard=f"{n}/{shards}") for n in range(1, shards + 1)]
        found = [one["campaign_id"] for part in parts for one in part["decisions"]]
        listed = [
            one["campaign_id"]
            for n in range(1, shards + 1)
            for one in candidates(empty, shard=f"{n}/{shards}")["candidates"]
        ]
        assert sorted(found) == sorted(listed) == sorted(made)
        assert sum(part["campaigns_evaluated"] for part in parts) == 40


def test_a_bad_rule_is_reported_and_the_others_go_on(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    empty.execute("set local session_replication_role = replica")
    empty.execute("update autonomous_rules set condition = '{}' where rule_name = 'Low ROI Pause'")
    empty.execute("update autonomous_rules set action = '[1]' where rule_name = 'High ROI Scale'")
    empty.execute("set local session_replication_role = origin")
    said = {
        "High ROI Scale": "action: must be an object such as",
        "Low ROI Pause": "condition: is empty; give a metric",
    }
    for answer in (candidates(empty), propose(empty)):
        skipped = {rule["rule_name"]: rule["error"] for rule in answer["rules_skipped"]}
        assert skipped.keys() == said.keys()
        assert all(skipped[name].startswith(words) for name, words in said.items())
    assert codes(propose(empty)) == {str(one): "auto_pause"}


@pytest.mark.parametrize("status", ["Active", "ACTIVE", "active"])
def test_active_in_any_spelling(empty: psycopg.Connection, status: str) -> None:
    one = campaign(empty, status=status)
    empty.execute("update autonomy_policy set paused_text = 'Paused'")
    decision = propose(empty)["decisions"][0]
    assert decision["campaign_id"] == str(one)
    assert decision["previous"] == {"status": status, "budget": 100}
    assert decision["new"] == {"status": "Paused", "budget": 100}


def test_left_alone_for_ever(empty: psycopg.Connection) -> None:
    one = campaign(empty, hold_until="infinity")
    assert codes(propose(empty)) == {str(one): "ON_HOLD"}
    assert candidates(empty)["candidates"][0]["hold_until"] == "9999-12-30T00:00:00+00:00"
    two = campaign(empty, hold_until="-infinity")
    assert codes(propose(empty))[str(two)] == "auto_pause"
    three = campaign(empty)
    assert candidates(empty, campaign_id=three)["candidates"][0]["hold_until"] is None


def test_dirty_facts_decide_nothing(empty: psycopg.Connection) -> None:
    ids = [campaign(empty) for _ in range(5)]
    dirt = ("NaN", "Infinity", "-Infinity", "1e300", None)
    for one, value in zip(ids, dirt, strict=True):
        empty.execute(
            "update campaign_facts set life_spend = %s::float8, life_revenue = %s::float8"
            " where campaign_id = %s",
            [value, value, one],
        )
    assert propose(empty)["decisions"] == []
    for one in ids:
        shown = candidates(empty, campaign_id=one)["candidates"][0]
        assert shown["metrics"]["lifetime"]["spend"] is None
        assert shown["evidence"]["spend"] is None


def test_last_actions_of_a_candidate(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    past = [
        ("auto_scale_up", "executed", 30, 60),
        ("auto_pause", "executed", 50, 80),
        ("auto_resume", "executed", 45, None),
        ("auto_scale_up", "executed", 200, 5),
        ("auto_scale_up", "rolled_back", 1, 1),
        ("auto_scale_up", "failed", 1, 1),
    ]
    for kind, status, ago, budget in past:
        empty.execute(
            "insert into autonomous_actions (campaign_id, action_type, status, executed_at,"
            " previous_state, new_state) values (%s, %s, %s, %s, %s, '{}')",
            [
                one,
                kind,
                status,
                NOW - ago * HOUR,
                json.dumps({"budget": budget, "status": "active"}),
            ],
        )
    shown = candidates(empty)["candidates"][0]
    assert datetime.fromisoformat(shown["last_action_at"]) == NOW - 30 * HOUR
    assert datetime.fromisoformat(shown["last_pause_at"]) == NOW - 45 * HOUR
    assert datetime.fromisoformat(shown["last_resume_at"]) == NOW - 45 * HOUR
    assert shown["budget_low_7d"] == 60
    assert (shown["pending"], shown["test_running"]) == (False, False)
    assert 0 <= shown["holdout_draw"] < 1


# --- the portfolio --------------------------------------------------------------------------------


def acted(db: psycopg.Connection, kind: str, status: str, ago: float, old: Any, new: Any) -> None:
    db.execute(
        "insert into autonomous_actions (campaign_id, action_type, status, created_at, executed_at,"
        " previous_state, new_state) values (gen_random_uuid(), %s, %s, %s, %s, %s, %s)",
        [
            kind, status, NOW - ago * HOUR, None if status == "pending" else NOW - ago * HOUR,
            json.dumps({"budget": old}), json.dumps({"budget": new}),
        ],
    )  # fmt: skip


def test_the_portfolio_counts_a_day(empty: psycopg.Connection) -> None:
    campaign(empty, budget=100.5)
    campaign(empty, budget=None, status="ACTIVE")
    campaign(empty, budget=70, status="paused")
    acted(empty, "auto_pause", "executed", 23.9, 1, 1)
    acted(empty, "auto_pause", "pending", 2, 1, 1)
    acted(empty, "auto_pause", "failed", 2, 1, 1)
    acted(empty, "auto_pause", "rolled_back", 2, 1, 1)
    acted(empty, "auto_pause", "executed", 24, 1, 1)
    acted(empty, "auto_scale_up", "executed", 5, 100, 150.25)
    acted(empty, "budget_adjusted", "executed", 5, 100, 110)
    acted(empty, "budget_adjusted", "executed", 5, 100, 90)
    acted(empty, "auto_resume", "executed", 5, 100, 190)
    acted(empty, "auto_scale_up", "pending", 5, 100, 190)
    acted(empty, "auto_scale_up", "executed", 25, 100, 190)
    acted(empty, "auto_scale_up", "executed", 5, None, "NaN")
    state = ask(empty, "select portfolio_state(%s)", NOW)
    assert state.pop("tracking") == {
        "observed": 0, "expected": 0, "hours": 96, "enough": False, "tripped": False,
        "settled": False,
    }  # fmt: skip
    assert state.pop("currencies") == []
    (account,) = state.pop("accounts")
    assert account["value"] == {"orders": 0, "enough": False, "tripped": False}
    assert state == {
        "active_campaigns": 2, "active_budget": 100.5, "pauses_24h": 2, "scale_ups_24h": 2,
        "raised_24h": 60.25, "cuts_24h": 1, "lowered_24h": 10,
    }  # fmt: skip
    assert (account["account"], account["active_campaigns"]) == ("default", 2)
    assert account["pauses_24h"] == 0, "those campaigns are gone: no account's"


def test_each_account_has_breakers_of_its_own(empty: psycopg.Connection) -> None:
    """One account's losers do not stop another's, and stop their own."""
    for account in ("north", "south"):
        for _ in range(30):
            one = campaign(empty)
            empty.execute("update campaigns set account = %s where id = %s", (account, one))
    bad = [
        row[0]
        for row in empty.execute(
            "select id from campaigns where account = 'north' order by id limit 9"
        ).fetchall()
    ]
    empty.execute(
        "update campaigns set status = 'paused' where account = 'north' and id <> all (%s)", (bad,)
    )
    page = propose(empty, limit=5000)
    told = {(one["code"], one.get("account")): one["count"] for one in page["breakers"]}
    assert told[("PAUSE_BREAKER", "north")] == 9
    assert all(
        one.get("account") or one["code"] != "PAUSE_BREAKER" or one["count"]
        for one in page["breakers"]
    )
    assert 'In account "north": 9 pauses' in page["breakers"][0]["message"]


def test_breakers_look_at_all_decisions_before_the_page_is_cut(empty: psycopg.Connection) -> None:
    for _ in range(8):
        campaign(empty)
        winner(empty)
    page = propose(empty, limit=3)
    assert {one["code"]: one["count"] for one in page["breakers"]} == {
        "PAUSE_BREAKER": 8, "GROWTH_BREAKER": 4,
    }  # fmt: skip
    assert propose(empty, limit=5000)["breakers"] == page["breakers"]
    everything = propose(empty, limit=5000)
    assert everything["next_after"] is None
    assert len(everything["decisions"]) == 16
    assert [one["verdict"] for one in everything["decisions"]].count("propose") == 8


def test_a_campaign_that_is_asked_for_twice_comes_once(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    listed = ask(
        empty, "select list_autonomous_candidates(p_ids => %s, p_now => %s)", [one, one], NOW
    )
    assert len(listed["candidates"]) == 1


def test_absurd_budgets_in_the_log_are_no_raises(empty: psycopg.Connection) -> None:
    campaign(empty)
    for state in ('{"budget": 1e400}', '{"budget": "NaN"}', '{"budget": -5}', "{}", "[]"):
        empty.execute(
            "insert into autonomous_actions (action_type, status, created_at, executed_at,"
            " previous_state, new_state) values ('auto_scale_up', 'executed', %s, %s,"
            """ '{"budget": 10}', %s)""",
            [NOW, NOW, state],
        )
    found = ask(empty, "select portfolio_state(%s)", NOW)
    assert (found["scale_ups_24h"], found["raised_24h"]) == (0, 0)


def test_a_person_s_pause_is_not_overruled(empty: psycopg.Connection) -> None:
    rule = ask(empty, "select id from autonomous_rules where rule_name = 'Low ROI Pause'")
    one = campaign(empty, 500, 5000, 100, status="paused")
    action = ask(
        empty,
        "insert into autonomous_actions (campaign_id, rule_id, action_type, status, created_at,"
        " executed_at, previous_state, new_state, evidence)"
        " values (%s, %s, 'auto_pause', 'executed',"
        """ %s, %s, '{"status": "Active", "budget": 80}', '{"status": "paused", "budget": 80}',"""
        """ '{"break_even": 1, "metrics": {"revenue": 100}}') returning id""",
        one, rule, NOW - 30 * HOUR, NOW - 30 * HOUR,
    )  # fmt: skip
    empty.execute(
        "insert into campaign_changes (campaign_id, kind, action_id) values (%s, 'action', %s)",
        [one, action],
    )
    resumed = propose(empty)["decisions"]
    assert [(d["code"], d["new"], d["rule_name"]) for d in resumed] == [
        ("auto_resume", {"status": "Active", "budget": 80}, "Low ROI Pause")
    ]
    for broken, key in (("rule_id = null", "rule_id"), ("previous_state = '{}'", "previous_state")):
        before = ask(empty, f"select {key} from autonomous_actions where id = %s", action)
        empty.execute(f"update autonomous_actions set {broken} where id = %s", [action])
        assert propose(empty)["decisions"] == []
        kept = Jsonb(before) if key == "previous_state" else before
        empty.execute(f"update autonomous_actions set {key} = %s where id = %s", [kept, action])
    assert len(propose(empty)["decisions"]) == 1
    empty.execute("insert into campaign_changes (campaign_id, kind) values (%s, 'outside')", [one])
    assert propose(empty)["decisions"] == []


# --- tracking -------------------------------------------------------------------------------------


def hourly(
    db: psycopg.Connection, one: UUID, hours: range, clicks: int, conversions: int, step: int = 1
) -> None:
    for back in hours[::step]:
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, clicks, conversions)"
            " values (%s, %s, %s, %s)",
            [one, (NOW - back * HOUR).replace(minute=0), clicks, conversions],
        )


def tracking(db: psycopg.Connection) -> Any:
    seen = ask(db, "select portfolio_state(%s)", NOW)["tracking"]
    return {name: seen[name] for name in ("observed", "expected", "tripped")}


def test_tracking_that_breaks_stops_pauses(empty: psycopg.Connection) -> None:
    one, other = campaign(empty), campaign(empty)
    hourly(empty, one, range(25, 24 * 9), 30, 3)
    hourly(empty, one, range(13, 25), 30, 3)
    hourly(empty, one, range(1, 13), 30, 1)
    assert tracking(empty) == {"observed": 48, "expected": 72, "tripped": False}
    empty.execute(
        "update campaign_metrics set conversions = 0 where bucket > %s", [NOW - 20 * HOUR]
    )
    assert tracking(empty)["tripped"]
    answer = propose(empty)
    # all that the one has brought has no value
    assert codes(answer) == {str(one): "VALUE_NOT_MEASURED", str(other): "TRACKING_BREAKER"}
    stopped = [each["code"] for each in answer["breakers"]]
    assert stopped == ["VALUE_NOT_MEASURED", "TRACKING_BREAKER"]


def test_the_hour_that_is_not_over_does_not_count(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    hourly(empty, one, range(1, 24 * 9), 30, 3)
    hourly(empty, one, range(1), 100000, 0)
    assert tracking(empty) == {"observed": 72, "expected": 72, "tripped": False}


def test_few_conversions_expected_say_nothing(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    hourly(empty, one, range(25, 24 * 9), 10, 1)
    hourly(empty, one, range(1, 19), 10, 0)
    # a day expects 18, so that the day before is looked at, too
    assert tracking(empty) == {"observed": 24, "expected": 42, "tripped": False}


def test_a_day_that_is_not_over_says_nothing_and_a_whole_one_does(
    empty: psycopg.Connection,
) -> None:
    one = campaign(empty)
    for day in range(1, 10):
        empty.execute(
            "insert into campaign_metrics (campaign_id, bucket, clicks, conversions)"
            " values (%s, %s, 1000, %s)",
            [one, (NOW - (day - 1) * 24 * HOUR).replace(hour=0, minute=0), 100 if day > 1 else 0],
        )
    assert tracking(empty) == {"observed": 100, "expected": 100, "tripped": False}
    empty.execute(
        "update campaign_metrics set conversions = 0 where bucket > %s", [NOW - 48 * HOUR]
    )
    assert tracking(empty) == {"observed": 0, "expected": 100, "tripped": True}


def test_a_feed_that_stops_is_stale_not_broken(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    hourly(empty, one, range(25, 24 * 9), 30, 3)
    assert tracking(empty) == {"observed": 72, "expected": 72, "tripped": False}
    empty.execute("delete from campaign_metrics where bucket > %s", [NOW - 97 * HOUR])
    assert tracking(empty) == {"observed": 0, "expected": 0, "tripped": False}


def test_conversions_that_are_known_to_come_late_are_not_missed(empty: psycopg.Connection) -> None:
    one = campaign(empty)
    hourly(empty, one, range(25, 24 * 9), 30, 3)
    hourly(empty, one, range(13, 25), 30, 1)
    hourly(empty, one, range(1, 13), 30, 0)
    assert tracking(empty)["tripped"]
    empty.execute("update autonomy_policy set conversion_delay_hours = 48")
    assert not tracking(empty)["tripped"]

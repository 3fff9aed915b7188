"""Monitoring (the guide's section 6): while no rule is active, nothing moves, whoever runs.

One account holds something for every writer: a loser, a winner, a budget that the optimisation
would move, one above its account's total, a pause of ours that late conversions prove wrong, a
proposal that expires, an action whose impact is due. Switched off, each writer in turn leaves
every row of campaigns and autonomous_rules as it is, while detection and measurement go on;
switched on again, all of it is done, which shows that there was something to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from tests.integration.test_run import TOKEN, post
from tests.sql.effects import apply_answer, begin
from tests.sql.guide import statements

Db = psycopg.Connection[Any]
Json = dict[str, Any]

OFF, ON = (
    f"UPDATE autonomous_rules SET is_active = {state}".encode() for state in ("false", "true")
)
EIGHT_DAYS_AGO = """
select set_config('autonomy.now', (now() - interval '8 days')::text, false),
       set_config('autonomy.simulation', 'on', false);
insert into campaigns (title, status, budget, created_at)
  select t, 'active', 100, now() - interval '30 days'
    from unnest(array['Paused too soon', 'Raised']) t;
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 90000, 900, 8, 800, 350 from campaigns where title = 'Paused too soon';
insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
  select id, date_trunc('day', now()) - make_interval(days => n), 10000, 150, 7, 100, 360
    from campaigns, generate_series(9, 29) n where title = 'Raised';
select run_autonomous_operations(now() - interval '8 days');
"""
TWO_DAYS_AGO = """
select set_config('autonomy.now', (now() - interval '2 days')::text, false);
update autonomy_policy set mode = 'approve';
insert into campaigns (title, status, budget, created_at)
  values ('Proposed', 'active', 100, now() - interval '10 days');
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select id, 90000, 900, 8, 800, 350 from campaigns where title = 'Proposed';
select run_autonomous_operations(now() - interval '2 days');
update autonomy_policy set mode = 'autonomous';
"""
TODAY = """
select set_config('autonomy.now', '', false), set_config('autonomy.simulation', '', false);
insert into autonomous_rules (rule_name, rule_type, condition, action, priority) values
  ('Budget Optimisation', 'optimize', '{"metric": "spend", "operator": ">=", "threshold": 50}',
   '{"type": "budget_adjusted", "by": "curve", "max_budget": 10000}', 70);
update campaign_performance p set conversions = 60, total_revenue = 3000
  from campaigns c where c.id = p.campaign_id and c.title = 'Paused too soon';
update campaign_performance p set total_spend = 1000, total_revenue = 400
  from campaigns c where c.id = p.campaign_id and c.title = 'Proposed';
insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
  select id, date_trunc('day', now()) - make_interval(days => n), 10000, 150, 4, 150, 220
    from campaigns, generate_series(1, 8) n where title = 'Raised';
insert into campaigns (title, status, budget, created_at)
  select t, 'active', 100, now() - interval '10 days'
    from unnest(array['Loser', 'Winner', 'Steady', 'Healthy']) t;
insert into campaigns (title, status, budget, account) values ('Too dear', 'active', 100, 'small');
update autonomy_accounts set daily_total = 60 where account = 'small';
insert into campaign_performance
    (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
  select c.id, 100000, clicks, conversions, 1000, revenue
    from campaigns c join (values
      ('Loser', 1000, 8, 400), ('Winner', 1500, 72, 3600),
      ('Steady', 1500, 290, 2900), ('Healthy', 9000, 36, 1800)
    ) v (title, clicks, conversions, revenue) using (title);
"""
ALL_OF_IT = {
    ("Loser", "auto_pause"), ("Proposed", "auto_pause"), ("Winner", "auto_scale_up"),
    ("Paused too soon", "auto_resume"), ("Steady", "budget_adjusted"),
    ("Too dear", "auto_scale_down"),
}  # fmt: skip


@pytest.fixture(scope="module")
def function(
    migrated: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionServer]:
    log = tmp_path_factory.mktemp("function") / "function.log"
    environment = {**migrated.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=log) as server:
        yield server


@pytest.fixture
def account(fresh: LocalStack) -> Iterator[Db]:
    """The account with all its rules active."""
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        for stage in (EIGHT_DAYS_AGO, TWO_DAYS_AGO, TODAY):
            db.execute(stage.encode())
        assert actions(db, "executed") == {
            ("Paused too soon", "auto_pause"),
            ("Raised", "auto_scale_up"),
        }
        assert actions(db, "pending") == {("Proposed", "auto_pause")}
        yield db


def actions(db: Db, status: str) -> set[Any]:
    """Those of that status: title and kind."""
    return set(
        db.execute(
            "select c.title, a.action_type from autonomous_actions a"
            " join campaigns c on c.id = a.campaign_id where a.status = %s",
            (status,),
        ).fetchall()
    )


def whole_rows(db: Db) -> list[Any]:
    """Every column of every row that must not move, and the logs of their changes."""
    return [
        db.execute(f"select to_jsonb(t) from {table} t order by id").fetchall()
        for table in (
            "campaigns", "autonomous_rules", "campaign_changes", "autonomous_rule_changes",
        )
    ]  # fmt: skip


def ask(db: Db, question: str) -> Any:
    row = db.execute(f"select {question}".encode()).fetchone()
    assert row is not None
    return row[0]


def in_mode(db: Db, mode: str, run: Callable[[], object]) -> Callable[[], object]:
    def in_that_mode() -> None:
        db.execute("update autonomy_policy set mode = %s", (mode,))
        run()
        db.execute("update autonomy_policy set mode = 'autonomous'")

    return in_that_mode


def later(db: Db, question: str) -> None:
    """Asked at another time than the clock's."""
    db.execute("set autonomy.simulation = 'on'")
    ask(db, question)
    db.execute("reset autonomy.simulation")


def test_while_no_rule_is_active_nothing_moves(account: Db, function: FunctionServer) -> None:
    db = account
    assert {OFF.decode(), ON.decode()} <= set(statements()), "the guide's own words"

    def call(**body: Any) -> None:
        status, answer, _ = post(function, json.dumps(body).encode())
        assert status == 200, answer
        done = {k: v for k, v in answer["result"]["actions_taken"].items() if v}
        done.pop("opportunities_detected", None)
        assert not done or body.get("include_inactive_rules"), done

    db.execute(OFF)
    before = whole_rows(db)
    writers: list[tuple[str, Callable[[], object]]] = [
        ("a dry run that tries the rules", lambda: call(dry_run=True, include_inactive_rules=True)),
        ("a run by HTTP", call),
        ("the first shard", lambda: call(shard="1/2")),
        ("the second shard", lambda: call(shard="2/2")),
        ("a run in SQL", lambda: ask(db, "run_autonomous_operations()")),
        ("a run in mode approve", in_mode(db, "approve", call)),
        ("the same in SQL", in_mode(db, "approve", lambda: ask(db, "run_autonomous_operations()"))),
        ("a run in mode observe", in_mode(db, "observe", call)),
        ("expiry", lambda: later(db, "expire_pending_actions(now() + interval '9 days')")),
        ("detection", lambda: ask(db, "record_opportunities()")),
        (
            "impact",
            lambda: later(db, "measure_action_impact(p_now => now() + interval '1 day')"),
        ),
        ("the prior", lambda: ask(db, "fit_portfolio_prior(true)")),
        (
            "a run a day later",
            lambda: later(db, "run_autonomous_operations(now() + interval '25 hours')"),
        ),
    ]
    moved = []
    for name, write in writers:
        write()
        after = whole_rows(db)
        if after != before:
            moved.append(name)
            before = after
    assert not moved

    # It was watched all the while: nothing of this is done by runs that merely stop early.
    assert actions(db, "pending") == set()
    assert ask(db, "array_agg(error) from autonomous_actions where status = 'failed'") == [
        "EXPIRED"
    ]
    assert ask(db, "count(*) from autonomous_actions where actual_impact ? '7d'") == 2
    assert ask(db, "count(*) from optimization_opportunities") > 0
    assert len(actions(db, "executed")) == 2

    db.execute(ON)
    status, answer, _ = post(function)
    assert (status, answer["result"]["failed"]) == (200, [])
    assert actions(db, "executed") >= ALL_OF_IT


def test_a_run_that_decided_before_the_switch_moves_nothing_after_it(account: Db) -> None:
    """Deciding takes a moment, in which a person switches the rules off: none of it is done."""
    db = account
    ask(db, "expire_pending_actions()")  # what waits for a person is decided by nobody else
    decisions = [
        one
        for one in ask(db, "propose_autonomous_actions()")["decisions"]
        if one["verdict"] == "act"
    ]
    assert {(one["title"], one["action_type"]) for one in decisions} >= ALL_OF_IT
    lease = begin(db)
    db.execute(OFF)
    before, done_before = whole_rows(db), actions(db, "executed")
    apply_answer(db, lease, decisions)
    assert actions(db, "executed") == done_before
    assert actions(db, "pending") == set()
    assert whole_rows(db) == before

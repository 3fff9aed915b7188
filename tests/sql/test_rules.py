"""Rules in the database: what is refused and how, what conditions compile to, what is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autonomy.engine import decide
from autonomy.engine.policy import Policy
from autonomy.errors import RuleError
from autonomy.rules.language import METRICS, WINDOWS, Rule, comparisons
from tests.sql.servers import run_again

FLAT = {"metric": "roi", "operator": "<", "threshold": 1.0}
PAUSE = {"type": "auto_pause"}
UP = {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 1000}


def sentence(
    db: psycopg.Connection, condition: Any, action: Any = PAUSE, kind: Any = "pause"
) -> Any:
    row = db.execute(
        "select rule_errors(%s, %s::jsonb, %s::jsonb)",
        [kind, json.dumps(condition), json.dumps(action)],
    ).fetchone()
    assert row is not None
    return row[0]


# --- the guide ------------------------------------------------------------------------------------


def test_the_guide_counts_four_rules(db: psycopg.Connection) -> None:
    db.execute("select autonomy_reset_defaults()")
    rows = db.execute(
        "SELECT rule_name, rule_type, is_active, priority"
        " FROM autonomous_rules ORDER BY priority DESC"
    ).fetchall()
    assert rows == [
        ("Critical ROI Pause", "pause", True, 100),
        ("Low ROI Pause", "pause", True, 90),
        ("Exceptional ROI Aggressive Scale", "scale", True, 85),
        ("High ROI Scale", "scale", True, 80),
    ]


GUIDE = """
UPDATE autonomous_rules
SET condition = '{"metric": "roi", "operator": "<", "threshold": 1.5, "min_spend": 100}'::JSONB
WHERE rule_name = 'Low ROI Pause';
UPDATE autonomous_rules
SET is_active = false
WHERE rule_name = 'Low ROI Pause';
UPDATE autonomous_rules
SET condition = '{"metric": "roi", "operator": ">=", "threshold": 2.5, "min_conversions": 5}'::JSONB
WHERE rule_name = 'High ROI Scale';
UPDATE autonomous_rules
SET action = '{"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 20000}'::JSONB
WHERE rule_name = 'High ROI Scale';
UPDATE autonomous_rules SET is_active = false;
UPDATE autonomous_rules SET is_active = true;
"""


def test_the_guides_updates_run_verbatim(db: psycopg.Connection) -> None:
    db.execute("select autonomy_reset_defaults()")
    for statement in GUIDE.split(";")[:-1]:
        assert db.execute(statement).rowcount in (1, 4)


# --- what is refused, in words --------------------------------------------------------------------

CONDITIONS: list[tuple[Any, str]] = [
    (
        {**FLAT, "operator": "~"},
        'condition.operator: "~" is not an operator; use one of < <= > >= = != between',
    ),
    (
        {"all": [FLAT, {**FLAT, "operator": "~"}]},
        'condition.all[1].operator: "~" is not an operator; use one of < <= > >= = != between',
    ),
    (
        {"metric": "roi", "operator": "<", "treshold": 1},
        "condition.treshold: unknown key; did you mean threshold?",
    ),
    ({**FLAT, "banana": 1}, "condition.banana: unknown key; allowed are metric"),
    ({**FLAT, "metric": "roas"}, 'condition.metric: "roas" is not a metric; use one of roi ctr'),
    (
        {**FLAT, "threshold": -1},
        "condition.threshold: -1 is not allowed; give a number of at least 0",
    ),
    ({**FLAT, "threshold": "1.0"}, 'condition.threshold: "1.0" is not allowed'),
    ({**FLAT, "threshold": True}, "condition.threshold: true is not allowed"),
    ({**FLAT, "threshold": None}, "condition.threshold: null is not allowed"),
    ({**FLAT, "threshold": 10**400}, "condition.threshold: 1000"),
    ({**FLAT, "min_spend": -0.01}, "condition.min_spend: -0.01 is not allowed"),
    ({**FLAT, "window": "8d"}, 'condition.window: "8d" is not a window; use one of lifetime 1d'),
    (
        {"metric": "roi", "operator": "<"},
        "condition.threshold: give either a threshold or a than, not neither",
    ),
    (
        {**FLAT, "than": {"metric": "ctr"}},
        "condition.threshold: give either a threshold or a than, not both",
    ),
    ({"metric": "roi", "threshold": 1}, "condition.operator: is missing"),
    (
        {"metric": "roi", "operator": "<", "than": {"metric": "x"}},
        'condition.than.metric: "x" is not a metric',
    ),
    (
        {"metric": "roi", "operator": "<", "than": {"metric": "roi", "windw": "7d"}},
        "condition.than.windw: unknown key; did you mean window?",
    ),
    (
        {"metric": "roi", "operator": "between", "threshold": [2, 1]},
        "condition.threshold: the first number of between",
    ),
    (
        {"metric": "roi", "operator": "between", "threshold": [1]},
        "condition.threshold: between needs two numbers",
    ),
    ({"all": []}, "condition.all: must be a list of 1 to 50 conditions"),
    ({"any": [FLAT] * 51}, "condition.any: must be a list of 1 to 50 conditions"),
    ({"not": []}, "condition.not: must be an object"),
    ({"all": [FLAT], "any": [FLAT]}, "condition: has both all and any"),
    ({"all": [FLAT], "window": "7d"}, "condition.window: not allowed beside all"),
    ({"account": ""}, "condition.account: must be a text that is not empty"),
    ({"operator": "<", "account": "x"}, "condition.operator: needs a metric beside it"),
    ({}, "condition: is empty"),
    ({"window": "7d"}, "condition: is empty"),
    ([], "condition: must be an object"),
    ("roi < 1", "condition: must be an object"),
    (None, "condition: must be an object"),
]


@pytest.mark.parametrize(("condition", "words"), CONDITIONS)
def test_a_bad_condition_is_named(db: psycopg.Connection, condition: Any, words: str) -> None:
    assert sentence(db, condition).startswith(words)


TOO_MANY = {"any": [{"any": [{**FLAT, "min_spend": 1}] * 50}] * 50}


def test_two_hundred_comparisons_and_no_more(db: psycopg.Connection) -> None:
    whole = {"any": [{**FLAT, "min_spend": 1, "min_clicks": 1, "account": "x"}] * 50}
    assert sentence(db, whole) is None
    one_more = {"all": [whole, {"not": {"title_contains": "x"}}]}
    assert sentence(db, one_more) == "condition: has 201 comparisons; at most 200 are allowed"
    assert "has 5000 comparisons" in sentence(db, TOO_MANY)


@pytest.mark.parametrize(
    "condition",
    [
        None, [], ["metric"], "metric", 3, {}, {"all": "metric"}, {"any": [[FLAT], 3, None, FLAT]},
        {"all": [{"any": [FLAT, {"not": FLAT}]}], "account": "x"}, {"all": [FLAT], "any": [FLAT]},
    ],
)  # fmt: skip
def test_comparisons_are_counted_of_anything(db: psycopg.Connection, condition: Any) -> None:
    row = db.execute(
        "select autonomy.condition_comparisons(%s)", [json.dumps(condition)]
    ).fetchone()
    assert row == (comparisons(condition),)


def test_a_rule_beyond_the_limit_that_is_there_already_is_skipped(
    scratch_database: Callable[[], str],
) -> None:
    with psycopg.connect(scratch_database()) as db:
        db.execute("set session_replication_role = replica")
        db.execute(
            "insert into autonomous_rules (rule_name, rule_type, condition, action)"
            " values ('Huge', 'pause', %s, %s)",
            [json.dumps(TOO_MANY), json.dumps(PAUSE)],
        )
        db.execute("set session_replication_role = origin")
        row = db.execute("select run_autonomous_operations()").fetchone()
        assert row is not None
        assert row[0]["success"] is True
        (skipped,) = row[0]["rules_skipped"]
        assert skipped["rule_name"] == "Huge"
        assert skipped["error"] == "condition: has 5000 comparisons; at most 200 are allowed"
        rules = [one[0] for one in db.execute("select to_jsonb(r) from autonomous_rules r")]
        (skipped,) = decide(rules, [], Policy(), datetime.now(UTC)).rules_skipped
        assert skipped["rule_name"] == "Huge"


ACTIONS: list[tuple[Any, str]] = [
    ({"type": "auto_stop"}, 'action.type: "auto_stop" is not an action; use one of auto_pause'),
    ({}, "action.type: nothing is not an action"),
    ([], "action: must be an object"),
    (
        {"type": "auto_scale_up", "multiplier": 1.5},
        "action.max_budget: is missing; auto_scale_up needs it",
    ),
    (
        {**UP, "multiplier": 1},
        "action.multiplier: 1 is not allowed; give a number above 1 and at most 100",
    ),
    ({**UP, "multiplyer": 2}, "action.multiplyer: unknown key; did you mean multiplier?"),
    ({**UP, "max_budget": 0}, "action.max_budget: 0 is not allowed; give a number above 0"),
    ({**UP, "notify": "yes"}, 'action.notify: "yes" is not allowed; give true or false'),
    ({**UP, "min_confidence": 101}, "action.min_confidence: 101 is not allowed"),
    ({**UP, "break_even_roi": 0}, "action.break_even_roi: 0 is not allowed"),
    (
        {"type": "auto_scale_down", "multiplier": 1},
        "action.multiplier: 1 is not allowed; give a number above 0 and below 1",
    ),
    (
        {"type": "auto_pause"},
        "action.type: a rule of type scale cannot auto_pause; use one of auto_scale_up",
    ),
]


@pytest.mark.parametrize(("action", "words"), ACTIONS)
def test_a_bad_action_is_named(db: psycopg.Connection, action: Any, words: str) -> None:
    assert sentence(db, FLAT, action, "scale").startswith(words)


def test_a_bad_rule_type_is_named(db: psycopg.Connection) -> None:
    assert sentence(db, FLAT, PAUSE, "pauze").startswith('rule_type: "pauze" is not a rule type')
    assert sentence(db, FLAT, PAUSE, None).startswith("rule_type: nothing is not a rule type")
    assert "no automatic action" in sentence(db, FLAT, PAUSE, "create")


def test_depth_ends_at_eight(db: psycopg.Connection) -> None:
    condition: dict[str, Any] = dict(FLAT)
    for _ in range(7):
        condition = {"not": condition}
    assert sentence(db, condition) is None
    assert "nested too deeply" in sentence(db, {"not": condition})
    for _ in range(3000):
        condition = {"not": condition}
    row = db.execute("select condition_errors(%s::jsonb)", [_text(condition)]).fetchone()
    assert row is not None
    assert "nested too deeply" in row[0]


def _text(condition: dict[str, Any]) -> str:
    depth = 0
    while "not" in condition:
        condition, depth = condition["not"], depth + 1
    return '{"not":' * depth + json.dumps(condition) + "}" * depth


# --- the table ------------------------------------------------------------------------------------


def insert(
    db: psycopg.Connection, name: str = "Mine", condition: Any = FLAT, **columns: Any
) -> None:
    values = {"rule_type": "pause", "action": PAUSE, "priority": 5, "is_active": True} | columns
    db.execute(
        "insert into autonomous_rules"
        " (rule_name, rule_type, condition, action, priority, is_active)"
        " values (%s, %s, %s, %s, %s, %s)",
        [
            name,
            values["rule_type"],
            json.dumps(condition),
            json.dumps(values["action"]),
            values["priority"],
            values["is_active"],
        ],
    )


def force(db: psycopg.Connection, statement: str) -> None:
    db.execute("set local session_replication_role = replica")
    db.execute(statement)
    db.execute("set local session_replication_role = origin")


def test_a_bad_rule_is_refused_with_its_name(db: psycopg.Connection) -> None:
    insert(db)
    with pytest.raises(psycopg.DatabaseError) as refused, db.transaction():
        db.execute(
            "update autonomous_rules set condition = condition - 'threshold' || '{\"treshold\": 1}'"
            " where rule_name = 'Mine'"
        )
    assert refused.value.sqlstate == "AO001"
    assert str(refused.value).startswith(
        'Rule "Mine" was refused. condition.treshold: unknown key; did you mean threshold?'
    )
    with pytest.raises(psycopg.DatabaseError, match="rule_name: must be a text"), db.transaction():
        insert(db, "")


def test_a_bad_rule_put_in_by_force_is_switched_with_the_others(db: psycopg.Connection) -> None:
    """The guide switches all off and on again: one rule that is skipped anyway stops neither."""
    db.execute("select autonomy_reset_defaults()")
    force(db, "update autonomous_rules set condition = '{}' where rule_name = 'Low ROI Pause'")
    db.execute("UPDATE autonomous_rules SET is_active = false;")
    db.execute("update autonomous_rules set priority = 1 where rule_name = 'Low ROI Pause'")
    said: list[str] = []
    db.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    db.execute("UPDATE autonomous_rules SET is_active = true;")
    assert len(said) == 1
    assert "condition: is empty" in said[0]
    with pytest.raises(psycopg.DatabaseError, match=r"condition: is empty"), db.transaction():
        db.execute(
            "update autonomous_rules set action = action || '{\"min_confidence\": 60}'"
            " where rule_name = 'Low ROI Pause'"
        )


# --- looked at once, when it is written -----------------------------------------------------------

BAD = json.dumps({"metric": "roy", "operator": "<", "threshold": 1})
SAID = 'condition.metric: "roy" is not a metric'
FLAWS = "select rule_name, flaw from autonomy.rules_in_order(true) where flaw is not null"


def looks(db: psycopg.Connection, statement: str) -> int:
    """How many rules are looked at while a statement runs; each time is a warning."""
    body = db.execute(
        "select pg_get_functiondef('rule_errors(text, jsonb, jsonb)'::regprocedure)"
    ).fetchone()
    assert body is not None
    said: list[str] = []
    db.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    db.execute(body[0].replace("\nbegin\n", "\nbegin raise warning 'looked at';\n", 1))
    db.execute(statement.encode())
    db.execute(body[0])
    return said.count("looked at")


def test_a_rule_is_looked_at_when_it_is_written_and_not_when_it_is_read(
    db: psycopg.Connection,
) -> None:
    insert(db)
    change = "update autonomous_rules set action = action || '{\"notify\": true}'"
    assert looks(db, f"{change} where rule_name = 'Mine'") == 1
    for read in (
        "select list_autonomous_candidates(p_ahead => 5)", "select propose_autonomous_actions()",
        "select dashboard_rules()", "select run_autonomous_operations()",
        "select begin_autonomous_run(gen_random_uuid())",
    ):  # fmt: skip
        assert looks(db, read) == 0, read
    db.execute("delete from autonomy.rule_verdicts")
    assert looks(db, "select dashboard_rules()") == 5


@pytest.mark.parametrize(
    "way_in",
    [
        f"update autonomous_rules set condition = '{BAD}' where rule_name = 'Mine'",
        "update autonomous_rules set rule_type = 'create' where rule_name = 'Mine'",
        "update autonomous_rules set action = '{}' where rule_name = 'Mine'",
        f"""delete from autonomous_rules where rule_name = 'Mine'; insert into autonomous_rules
        (rule_name, rule_type, condition, action) values ('Mine', 'pause', '{BAD}',
        '{json.dumps(PAUSE)}')""",
    ],
)
def test_what_comes_in_past_the_trigger_is_looked_at_all_the_same(
    db: psycopg.Connection, way_in: str
) -> None:
    """A verdict is about what was written then; nothing acts on what stands there now."""
    db.execute("update autonomous_rules set is_active = false")
    insert(db)
    db.execute(
        "insert into campaigns (title, status, budget, created_at)"
        " values ('Loser', 'active', 100, now() - interval '9 days')"
    )
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue) select id, 90000, 900, 30, 3000, 300 from campaigns"
    )
    before = db.execute("select propose_autonomous_actions()").fetchone()
    assert before is not None
    assert [one["code"] for one in before[0]["decisions"]] == ["auto_pause"]
    for statement in way_in.split("; "):
        force(db, statement)
    ((name, flaw),) = db.execute(FLAWS).fetchall()
    assert name == "Mine"
    after = db.execute("select run_autonomous_operations()").fetchone()
    assert after is not None
    assert after[0]["rules_skipped"] == [{"rule_name": "Mine", "error": flaw}]
    assert after[0]["actions"] == []
    found = db.execute("select list_autonomous_candidates()").fetchone()
    assert found is not None
    assert found[0]["candidates"] == []


def test_a_migration_looks_at_every_rule_again(scratch_database: Callable[[], str]) -> None:
    """A version may refuse what the one before let in."""
    with psycopg.connect(scratch_database()) as db:
        insert(db)
        force(db, f"update autonomous_rules set condition = '{BAD}' where rule_name = 'Mine'")
        db.execute(
            "insert into autonomy.rule_verdicts (rule_id, rule_type, version)"
            " select id, rule_type, autonomy.rule_version(condition, action) from autonomous_rules"
            " on conflict (rule_id) do update set version = excluded.version, flaw = null"
        )
        assert db.execute(FLAWS).fetchall() == []
        run_again(db)
        ((name, flaw),) = db.execute(FLAWS).fetchall()
        assert (name, flaw[: len(SAID)]) == ("Mine", SAID)


def test_the_verdict_goes_with_its_rule(db: psycopg.Connection) -> None:
    insert(db)
    kept = "select count(*) from autonomy.rule_verdicts"
    assert db.execute(kept).fetchone() == (5,)
    with pytest.raises(psycopg.DatabaseError), db.transaction():
        db.execute(f"update autonomous_rules set condition = '{BAD}'")
    assert db.execute(FLAWS).fetchall() == []
    db.execute("delete from autonomous_rules where rule_name = 'Mine'")
    assert db.execute(kept).fetchone() == (4,)


def test_every_change_is_remembered(db: psycopg.Connection) -> None:
    db.execute("select set_config('autonomy.actor', 'ada', true)")
    insert(db)
    db.execute("update autonomous_rules set priority = 6 where rule_name = 'Mine'")
    db.execute("update autonomous_rules set priority = 6 where rule_name = 'Mine'")
    db.execute("delete from autonomous_rules where rule_name = 'Mine'")
    rows = db.execute(
        "select before ->> 'priority', after ->> 'priority', actor from autonomous_rule_changes"
        " where rule_name = 'Mine' order by id"
    ).fetchall()
    assert rows == [(None, "5", "ada"), ("5", "6", "ada"), ("6", None, "ada")]


def test_updated_at_moves_only_with_a_change(db: psycopg.Connection) -> None:
    insert(db)
    db.execute("alter table autonomous_rules disable trigger check_autonomous_rule")
    db.execute("update autonomous_rules set updated_at = '2020-01-01'")
    db.execute("alter table autonomous_rules enable trigger check_autonomous_rule")
    db.execute("update autonomous_rules set priority = priority")
    moved = "select count(*) from autonomous_rules where updated_at > '2021-01-01'"
    assert db.execute(moved).fetchone() == (0,)
    db.execute("update autonomous_rules set priority = priority + 1 where rule_name = 'Mine'")
    assert db.execute(moved).fetchone() == (1,)


def test_running_the_migration_again_brings_nothing_back(
    scratch_database: Callable[[], str],
) -> None:
    with psycopg.connect(scratch_database()) as db:
        db.execute("delete from autonomous_rules where rule_name = 'High ROI Scale'")
        db.execute(
            "update autonomous_rules set rule_name = 'Gentle' where rule_name = 'Low ROI Pause'"
        )
        db.execute(
            "update autonomous_rules set priority = 7 where rule_name = 'Critical ROI Pause'"
        )
        before = db.execute(
            "select rule_name, priority, updated_at from autonomous_rules"
        ).fetchall()
        run_again(db)
        db.commit()
        after = db.execute(
            "select rule_name, priority, updated_at from autonomous_rules"
        ).fetchall()
        assert sorted(after) == sorted(before)
        assert len(after) == 3


def test_defaults_come_back_when_asked_for(db: psycopg.Connection) -> None:
    insert(db)
    db.execute("update autonomy_policy set frozen = true, min_confidence = 90")
    db.execute("select autonomy_reset_defaults()")
    assert db.execute("select count(*) from autonomous_rules").fetchone() == (4,)
    assert db.execute("select frozen, min_confidence from autonomy_policy").fetchone() == (
        False,
        50,
    )


# --- what a condition compiles to -----------------------------------------------------------------


def holds(db: psycopg.Connection, condition: Any, facts: dict[str, Any], **campaign: Any) -> Any:
    """The compiled predicate on one campaign: True, False or None (unknown)."""
    predicate = db.execute(
        "select autonomy.compile_condition(%s::jsonb)", [json.dumps(condition)]
    ).fetchone()
    assert predicate is not None
    row = (
        psycopg.RawCursor(db)
        .execute(
            f"select {predicate[0]}, $1::timestamptz"
            " from jsonb_populate_record(null::campaign_facts, $2) f,"
            " jsonb_populate_record(null::campaigns, $3) c",
            ["2026-11-22 10:00Z", json.dumps(facts), json.dumps(campaign)],
        )
        .fetchone()
    )
    assert row is not None
    return row[0]


SEEN = {"life_spend": 100, "life_revenue": 50, "life_clicks": 10, "life_impressions": 0}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FLAT, True),
        ({**FLAT, "min_spend": 100}, True),
        ({**FLAT, "min_spend": 100.01}, False),
        ({**FLAT, "operator": "=", "threshold": 0.5}, True),
        ({**FLAT, "operator": "!=", "threshold": 0.5}, False),
        ({**FLAT, "operator": "between", "threshold": [0.5, 0.6]}, True),
        ({"metric": "profit", "operator": "<", "threshold": -49.99}, True),
        ({"metric": "ctr", "operator": "<", "threshold": 1}, None),
        ({"not": {"metric": "ctr", "operator": "<", "threshold": 1}}, None),
        ({"any": [FLAT, {"metric": "ctr", "operator": "<", "threshold": 1}]}, True),
        ({"all": [FLAT, {"metric": "ctr", "operator": "<", "threshold": 1}]}, None),
        (
            {"not": {"all": [{"not": FLAT}, {"metric": "ctr", "operator": "<", "threshold": 1}]}},
            True,
        ),
        ({**FLAT, "window": "7d"}, None),
        ({**FLAT, "min_conversions": 0}, None),
        ({"metric": "roi", "operator": "<", "than": {"metric": "roi", "times": 1.1}}, True),
        ({"metric": "roi", "operator": "<", "than": {"metric": "roi", "window": "prior_7d"}}, None),
        ({"metric": "hours_running", "operator": ">=", "threshold": 24}, True),
        ({"metric": "budget", "operator": ">", "threshold": 0}, None),
        ({"account": "north"}, True),
        ({"account": "North"}, False),
        ({"title_contains": "FEST"}, True),
    ],
)
def test_missing_data_never_triggers(db: psycopg.Connection, condition: Any, expected: Any) -> None:
    found = holds(
        db, condition, SEEN, account="north", title="Summer Fest", created_at="2026-11-21T10:00:00Z"
    )
    assert found is expected


@pytest.mark.parametrize("dirt", ["NaN", "Infinity", "-Infinity", 1e300, -1e300])
@pytest.mark.parametrize("metric", METRICS)
def test_no_dirty_figure_triggers(db: psycopg.Connection, metric: str, dirt: Any) -> None:
    facts = {
        f"life_{name}": dirt
        for name in ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
    }
    dirty = {"budget": "NaN", "created_at": "-infinity"}
    for operator in ("<", ">=", "!="):
        condition = {"metric": metric, "operator": operator, "threshold": 0}
        assert holds(db, condition, facts, **dirty) is None
        assert holds(db, {"not": condition}, facts, **dirty) is None


@pytest.mark.parametrize(
    "text",
    ["'", "''; drop table campaigns; --", "\\", "$1", "%s", '"', "{}", "x' or true --", "E'\\x'"],
)
def test_text_stays_text(db: psycopg.Connection, text: str) -> None:
    assert holds(db, {"account": text}, {}, account=text, title=None) is True
    assert holds(db, {"account": text}, {}, account="other", title=None) is False
    assert holds(db, {"title_contains": text}, {}, title=f"a {text} b") is True
    assert holds(db, {"title_contains": text}, {}, title="harmless") is False


def test_extreme_factors_do_not_overflow(db: psycopg.Connection) -> None:
    for times in (0, 1e-300, 1e-9, 1e6):
        than = {"metric": "revenue", "times": times}
        condition = {"metric": "spend", "operator": ">=", "than": than}
        assert holds(db, condition, {"life_spend": 1e18, "life_revenue": 1e-8}) is True
        assert holds(db, condition, {"life_spend": 1e18, "life_revenue": -1e18}) is True


def test_compiling_a_bad_condition_raises(db: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        db.execute("""select autonomy.compile_condition('{"metric": "1; drop table campaigns"}')""")
    assert refused.value.sqlstate == "AO001"


# --- both languages accept the same rules ---------------------------------------------------------

good_numbers = st.sampled_from([0, 1, 1.0, 0.5, 2, 50, 100, 62.5, 1e-300])
bad_numbers = st.sampled_from([-1, -0.0, 100.5, 1000, 1001, 1e6, 1e6 + 1, 1e15, 1e16, 10**400])
words = ["", "x", "1", "roi", "<", "between", "7d", "auto_pause", "curve", "\\'"]
scalars = st.one_of(good_numbers, bad_numbers, st.sampled_from([*words, True, False, None]))
anything: st.SearchStrategy[Any] = st.one_of(
    scalars, st.just([]), st.just({}), st.lists(scalars, max_size=3)
)


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any] = anything) -> Any:
    """Fine, but for one in forty: a rule has a dozen places, and half of the rules should pass."""
    return st.integers(0, 39).flatmap(lambda n: bad if n == 0 else good)


numbers = mostly(good_numbers, st.one_of(bad_numbers, anything))


def some_of(members: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with up to two of these keys."""
    return st.lists(st.sampled_from(list(members)), max_size=2, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key: mostly(members[key]) for key in keys})
    )


windows = st.sampled_from(WINDOWS)
beside = some_of(
    {
        "min_spend": numbers,
        "min_conversions": numbers,
        "min_duration_hours": numbers,
        "account": st.sampled_from(["x", "default"]),
        "title_contains": st.just("x"),
    }
)
than = st.fixed_dictionaries(
    {"metric": mostly(st.sampled_from(METRICS), st.just("roas"))},
    optional={"window": mostly(windows), "times": numbers},
)
head = st.fixed_dictionaries(
    {"metric": mostly(st.sampled_from(METRICS))}, optional={"window": mostly(windows)}
)
operators = mostly(
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), st.sampled_from(["==", "between"])
)
bounds = mostly(st.tuples(good_numbers, good_numbers).map(sorted), st.lists(scalars, max_size=3))
flat = st.one_of(
    st.builds(lambda h, o, n: h | {"operator": o, "threshold": n}, head, operators, numbers),
    st.builds(lambda h, n: h | {"operator": "between", "threshold": n}, head, bounds),
    st.builds(lambda h, o, n: h | {"operator": o, "than": n}, head, operators, than),
    beside.filter(bool),
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    group = mostly(st.lists(inner, min_size=1, max_size=3))
    return st.one_of(
        st.fixed_dictionaries({"all": group}),
        st.fixed_dictionaries({"any": group}),
        st.fixed_dictionaries({"not": mostly(inner)}),
    )


twisted = st.sampled_from(
    [{}, {"metrik": "roi"}, {"window": "7d"}, {"any": [FLAT], "all": [FLAT]}, {"all": [FLAT] * 51}]
)
conditions = mostly(
    st.builds(
        lambda made, extra: made | extra,
        st.recursive(flat, nested, max_leaves=4),
        mostly(beside, st.sampled_from([{"window": "7d"}, {"operator": "<"}, {"x": 1}])),
    ),
    st.one_of(twisted, anything),
)
common: dict[str, st.SearchStrategy[Any]] = {
    "min_confidence": numbers,
    "cooldown_hours": numbers,
    "break_even_roi": st.sampled_from([1, 0.5, 1.5]),
    "requires_approval": st.booleans(),
    "notify": st.booleans(),
    "step": st.just(0.2),
}
factors = mostly(st.sampled_from([1.5, 2, 1.0001, 100]), st.one_of(bad_numbers, anything))
shares = mostly(st.sampled_from([0.5, 0.999, 1e-300]), st.one_of(bad_numbers, anything))
positive = mostly(st.sampled_from([1, 50, 0.01]), st.one_of(bad_numbers, anything))
pause = st.just({"type": "auto_pause"})
up = st.fixed_dictionaries(
    {"type": st.just("auto_scale_up"), "multiplier": factors, "max_budget": positive}
)
down = st.fixed_dictionaries(
    {"type": st.just("auto_scale_down"), "multiplier": shares}, optional={"min_budget": numbers}
)
fixed = st.fixed_dictionaries({"type": st.just("budget_adjusted"), "budget": positive})
step = st.fixed_dictionaries(
    {"type": st.just("budget_adjusted"), "by": mostly(st.just("curve"))},
    optional={"min_budget": numbers, "max_budget": positive},
)
kinds_and_actions = st.builds(
    lambda pair, extra: (pair[0], pair[1] | extra if isinstance(pair[1], dict) else pair[1]),
    st.one_of(
        st.tuples(st.just("pause"), mostly(pause)),
        st.tuples(st.just("scale"), mostly(st.one_of(up, down), st.one_of(pause, anything))),
        st.tuples(st.just("optimize"), mostly(st.one_of(up, down, fixed, step))),
        st.tuples(st.sampled_from(["create", "x", "pause"]), st.one_of(pause, up)),
    ),
    st.one_of(st.just({}), st.just({}), some_of(common)),
)


few = settings(
    max_examples=300, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
many = settings(few, max_examples=1500, derandomize=False)


def test_python_and_the_database_accept_the_same_rules(db: psycopg.Connection) -> None:
    told: Counter[bool] = Counter()

    @few
    @given(pair=kinds_and_actions, condition=conditions)
    @example(pair=("pause", {"type": "auto_pause"}), condition={"min_spend": 5e-324})
    @example(pair=("optimize", {"type": "budget_adjusted", "budget": 5e-324}), condition=FLAT)
    def run(pair: tuple[str, Any], condition: Any) -> None:
        told[accepted(db, pair, condition)] += 1

    run()
    assert min(told[True], told[False]) >= 30, f"too one-sided to compare: {told}"


@pytest.mark.long
@many
@given(pair=kinds_and_actions, condition=conditions)
def test_python_and_the_database_accept_the_same_random_rules(
    db: psycopg.Connection, pair: tuple[str, Any], condition: Any
) -> None:
    accepted(db, pair, condition)


def accepted(db: psycopg.Connection, pair: tuple[str, Any], condition: Any) -> bool:
    """Whether both accept it; they do, or both do not."""
    kind, action = pair
    said = sentence(db, condition, action, kind)
    row = {"rule_name": "x", "rule_type": kind, "condition": condition, "action": action}
    try:
        Rule.parse(row)
        refused = None
    except RuleError as error:
        refused = str(error)
    assert (refused is None) == (said is None), f"Python: {refused}; database: {said}"
    if said is None:
        db.execute("select autonomy.compile_condition(%s::jsonb)", [json.dumps(condition)])
    return said is None


def test_a_condition_nested_thousands_deep_is_refused(db: psycopg.Connection) -> None:
    deep = '{"not":' * 3000 + '{"metric": "roi", "operator": "<", "threshold": 1}' + "}" * 3000
    (error,) = db.execute("select condition_errors(%s::jsonb)", [deep]).fetchone() or ("",)
    assert error.endswith("nested too deeply; at most 8 levels are allowed")

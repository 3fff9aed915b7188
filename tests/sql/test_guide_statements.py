"""Every SQL statement of the user's guide runs as it stands, and says what the guide promises."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.guide import (
    STATEMENTS,
    blocks_in_markdown,
    filled_in,
    run_guide,
    split,
    statements,
)
from tests.sql.servers import Db

GUIDE = Path(__file__).resolve().parents[3] / "shared" / "operations-guide.md"
# The guide's sections that hold statements, by what they are called.
SECTIONS = (
    "Execute SQL Schema",
    "Test Autonomous Features",
    "Configuration & Tuning",
    "Troubleshooting",
)


def test_our_copy_is_the_guides_own_text() -> None:
    if not GUIDE.exists():
        pytest.skip("the guide is not beside this clone")
    text = GUIDE.read_text()
    # letter for letter, comments and order as well
    assert "\n".join(blocks_in_markdown(text)) == STATEMENTS.read_text()
    for part in text.split("\n## ")[1:]:
        if "```sql" in part:
            assert any(name in part.splitlines()[0] for name in SECTIONS)


def test_there_are_as_many_as_the_guide_has() -> None:
    assert len(statements()) == 20


def test_comments_and_line_ends_do_not_count() -> None:
    assert split("-- a\nSELECT 1;\n\nSELECT\n  2 ;--b\n") == ["SELECT 1", "SELECT 2"]


def account(db: Db) -> None:
    """The guide's scenarios A and B, and a campaign on which nothing is to be done."""
    db.execute(
        """insert into campaigns (id, title, status, budget, created_at) values
             ('00000000-0000-0000-0000-00000000000a', 'Wrong crowd', 'active', 200, now() - interval '30 hours'),
             ('00000000-0000-0000-0000-00000000000b', 'Right crowd', 'active', 100, now() - interval '90 hours'),
             ('00000000-0000-0000-0000-00000000000c', 'Quiet', 'active', 100, now() - interval '90 hours')"""
    )
    db.execute(
        """insert into campaign_performance
             (campaign_id, impressions, clicks, conversions, total_spend, total_revenue) values
             ('00000000-0000-0000-0000-00000000000a', 50000, 900, 6, 400, 200),
             ('00000000-0000-0000-0000-00000000000b', 20000, 600, 16, 200, 740),
             ('00000000-0000-0000-0000-00000000000c', 9000, 200, 7, 150, 300)"""
    )


def test_all_of_them_run_on_a_fresh_database(own: Db) -> None:
    found = run_guide(own)
    tables, functions, rules = list(found.values())[:3]
    assert len(tables) == 3
    assert len(functions) == 6
    assert rules == [
        ("Critical ROI Pause", "pause", True, 100),
        ("Low ROI Pause", "pause", True, 90),
        ("Exceptional ROI Aggressive Scale", "scale", True, 85),
        ("High ROI Scale", "scale", True, 80),
    ]


def test_the_scenarios_give_what_the_guide_says(own: Db) -> None:
    account(own)
    own.execute("select run_autonomous_operations()")
    found = list(run_guide(own).values())
    (paused,) = found[3]
    title, status, roi, spend, kind, reason, confidence = paused
    assert (title, status, kind) == ("Wrong crowd", "paused", "auto_pause")
    assert (float(roi), float(spend)) == (0.5, 400)
    assert reason
    assert 50 <= confidence <= 100
    (scaled,) = found[4]
    title, budget, roi, conversions, kind, old_budget, new_budget, confidence = scaled
    assert (title, kind, conversions) == ("Right crowd", "auto_scale_up", 16)
    assert float(roi) == 3.7
    assert float(old_budget) == 100
    assert 150 <= float(new_budget) == float(budget) <= 200
    assert 50 <= confidence <= 100


def test_each_runs_by_itself_in_any_order(own: Db) -> None:
    account(own)
    row = own.execute("select run_autonomous_operations()").fetchone()
    assert row is not None
    row = own.execute("select campaign_id, id from autonomous_actions limit 1").fetchone()
    assert row is not None
    for statement in reversed(statements()):
        with own.transaction(force_rollback=True):
            own.execute(filled_in(statement, row[0], row[1]).encode())


def test_they_run_pasted_whole(own: Db) -> None:
    """As a person does it in the SQL editor: many at once, comments and line ends and all."""
    account(own)
    own.execute("select run_autonomous_operations()")
    row = own.execute("select campaign_id, id from autonomous_actions limit 1").fetchone()
    assert row is not None
    own.execute(filled_in(STATEMENTS.read_text(), row[0], row[1]).encode())
    found = own.execute(
        "select rule_name, is_active, condition->'threshold', action->'max_budget'"
        " from autonomous_rules where rule_name in ('Low ROI Pause', 'High ROI Scale') order by 1"
    ).fetchall()
    assert found == [("High ROI Scale", True, 2.5, 20000), ("Low ROI Pause", True, 1.5, None)]


def test_the_manual_rollback_is_seen_as_what_it_is(own: Db) -> None:
    account(own)
    own.execute("select run_autonomous_operations()")
    row = own.execute(
        "select campaign_id, id from autonomous_actions where action_type = 'auto_pause'"
    ).fetchone()
    assert row is not None
    for statement in statements()[-2:]:
        own.execute(filled_in(statement, row[0], row[1]).encode())
    after = own.execute(
        "select c.status, c.budget, a.status from campaigns c"
        " join autonomous_actions a on a.campaign_id = c.id where c.id = %s",
        (row[0],),
    ).fetchone()
    assert after is not None
    assert (after[0], float(after[1]), after[2]) == ("active", 150.0, "rolled_back")

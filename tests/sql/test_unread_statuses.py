"""A status that nobody reads is said: those campaigns spend money, and no run looks at them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.effects import Db, clean_tables, value

__all__ = ["clean_tables"]


def with_statuses(db: Db, *statuses: str | None) -> None:
    db.execute("update campaigns set status = 'paused'")
    for number, status in enumerate(statuses):
        db.execute("insert into campaigns (title, status) values (%s, %s)", (f"S{number}", status))


def found(db: Db) -> dict[Any, Any]:
    return dict(db.execute("select status, campaigns from autonomy.unread_statuses()").fetchall())


@pytest.mark.parametrize(
    "status", ["ENABLED", "Enabled", "live", " active", "running", "ON", "1", "", None, "開始",
               "Recommended"]
)  # fmt: skip
def test_a_word_that_may_mean_running(db: Db, status: str | None) -> None:
    with_statuses(db, status)
    assert found(db) == {status: 1}
    sentence = value(db, "select autonomy.unread_status_sentence()")
    assert sentence.startswith("No campaign is looked at: 1 campaign has a status that is not read")
    fix = sentence.split("Where these are running: ")[1]
    db.execute(fix)
    assert found(db) == {}
    assert value(db, "select count(*) from campaigns where status = 'active'") == 1


@pytest.mark.parametrize(
    "status", ["active", "Active", "ACTIVE", "paused", "PAUSED", "archived", "REMOVED", "Deleted",
               "ended", "completed", "inactive", "Not delivering", "Draft", "off", "disabled"]
)  # fmt: skip
def test_a_word_that_is_read_or_plainly_off(db: Db, status: str) -> None:
    with_statuses(db, status)
    assert found(db) == {}
    assert value(db, "select autonomy.run_warnings()") == []


def test_beside_active_ones_it_is_said_too(db: Db) -> None:
    with_statuses(db, "active", "ENABLED", "ENABLED", "live", "x", "y")
    sentence = value(db, "select autonomy.unread_status_sentence()")
    assert sentence.startswith("5 campaigns have a status that is not read")
    assert '("ENABLED", "live", "x" and others)' in sentence


def test_a_run_says_it_and_the_pages_do(db: Db) -> None:
    with_statuses(db, "ENABLED", "ENABLED")
    result = value(db, "select run_autonomous_operations()")
    assert result["campaigns_evaluated"] == 0
    assert '2 campaigns have a status that is not read ("ENABLED")' in result["warnings"][0]
    preview = value(db, "select dashboard_run_preview()")
    assert preview["warnings"] == result["warnings"]
    reasons = value(db, "select dashboard_state()")["reasons"]
    assert [one["level"] for one in reasons if one["code"] == "UNREAD_STATUS"] == ["act"]
    db.execute("insert into campaigns (title) values ('On')")
    reasons = value(db, "select dashboard_state()")["reasons"]
    assert [one["level"] for one in reasons if one["code"] == "UNREAD_STATUS"] == ["look"]


def test_the_function_says_it_as_well(db: Db) -> None:
    with_statuses(db, "ENABLED")
    began = value(db, "select begin_autonomous_run(gen_random_uuid())")
    assert "not read" in began["warnings"][0]

"""Rules that were put away: nothing wakes them, and they come back as they were, inactive."""

from __future__ import annotations

from typing import Any

from tests.sql import effects
from tests.sql.effects import Db, refused, value

clean_tables = effects.clean_tables

NOBODY = "00000000-0000-0000-0000-00000000000f"
SAID = "rule_name, rule_type, condition, action, priority, created_at, created_by"


def _rule(db: Db, name: str = "Low ROI Pause") -> tuple[Any, ...]:
    row = db.execute(
        f"select id, is_active, {SAID} from autonomous_rules where rule_name = %s", (name,)
    ).fetchone()
    assert row is not None
    return tuple(row)


def test_switching_all_on_wakes_none_that_was_put_away(db: Db) -> None:
    number, *before = _rule(db)
    kept = value(db, "select dashboard_archive_rule(%s, 'Ann')", number)
    assert (kept["archived_by"], kept["rule"]["rule_name"]) == ("Ann", "Low ROI Pause")
    db.execute("update autonomous_rules set is_active = true")
    assert value(db, "select count(*) from autonomous_rules where id = %s", number) == 0
    back = value(db, "select dashboard_restore_rule(%s, 'Ann')", number)
    assert back["is_active"] is False
    assert _rule(db) == (number, False, *before[1:])
    assert value(db, "select dashboard_archived_rules()") == {"archived": []}
    said = db.execute(
        "select actor, before is null, after is null from autonomous_rule_changes"
        " where rule_id = %s order by id desc limit 2", (number,),
    ).fetchall()  # fmt: skip
    assert said == [("Ann", True, False), ("Ann", False, True)]


def test_a_name_that_is_taken_gets_a_number(db: Db) -> None:
    number = _rule(db)[0]
    value(db, "select dashboard_archive_rule(%s)", number)
    db.execute("update autonomous_rules set rule_name = 'Low ROI Pause'"
               " where rule_name = 'High ROI Scale'")  # fmt: skip
    back = value(db, "select dashboard_restore_rule(%s)", number)
    assert back["rule_name"] == "Low ROI Pause 2"


def test_what_is_not_there_is_a_sentence(db: Db) -> None:
    number = _rule(db)[0]
    value(db, "select dashboard_archive_rule(%s)", number)
    for name, rule_id in (
        ("archive", NOBODY), ("archive", None), ("archive", number), ("restore", NOBODY)
    ):  # fmt: skip
        with refused(db, "AO003", "There is no such rule"):
            db.execute(f"select dashboard_{name}_rule(%s)", (rule_id,))
    assert _rule(db, "High ROI Scale")


def test_a_rule_that_is_put_away_twice_is_kept_as_it_was_last(db: Db) -> None:
    number = _rule(db)[0]
    for priority in (7, 8):
        db.execute("update autonomous_rules set priority = %s where id = %s", (priority, number))
        value(db, "select dashboard_archive_rule(%s, 'Bo')", number)
        back = value(db, "select dashboard_restore_rule(%s)", number)
        assert back["priority"] == priority

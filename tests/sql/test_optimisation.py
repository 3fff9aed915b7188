"""Budget optimisation as one rule that is there or not, and the presets of the policy."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from autonomy.engine.policy import PRESETS
from autonomy.rules.templates import TEMPLATES
from tests.sql import effects
from tests.sql.effects import Db, refused, value

clean_tables = effects.clean_tables

TEMPLATE = next(one.row for one in TEMPLATES if one.key == "curve")
WAKE_ALL = "update autonomous_rules set is_active = true"


def switch(db: Db, on: bool, actor: str = "Ann") -> dict[str, Any]:
    return dict(value(db, "select set_budget_optimisation(%s, %s)", on, actor))


def of_curve(db: Db) -> list[tuple[Any, ...]]:
    """Name, action and state of the rules that optimise."""
    return db.execute(
        "select rule_name, action, is_active from autonomous_rules"
        " where rule_type = 'optimize' order by rule_name"
    ).fetchall()


def add(db: Db, name: str, active: bool, **action: Any) -> None:
    db.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, is_active)"
        " values (%s, 'optimize', %s, %s, %s)",
        (name, Jsonb(TEMPLATE["condition"]), Jsonb(TEMPLATE["action"] | action), active),
    )


def test_it_is_the_template(db: Db) -> None:
    made = value(db, "select autonomy.optimisation_rule()")
    assert made == {key: of for key, of in TEMPLATE.items() if key != "is_active"}


def test_it_is_off_by_default_and_four_rules_stay(db: Db) -> None:
    assert value(db, "select budget_optimisation()") == {
        "on": False, "rules": [], "kept": None, "past": None,
    }  # fmt: skip
    assert switch(db, on=False)["on"] is False
    assert value(db, "select count(*) from autonomous_rules") == 4


def test_on_makes_the_rule_once(db: Db) -> None:
    found = switch(db, on=True)
    assert found["on"]
    assert [one["rule_name"] for one in found["rules"]] == ["Budget Optimisation"]
    assert switch(db, on=True) == found
    assert of_curve(db) == [("Budget Optimisation", TEMPLATE["action"], True)]
    assert value(db, "select count(*) from autonomous_rules") == 5
    assert value(db, "select created_by from autonomous_rules where rule_type = 'optimize'") == (
        "Ann"
    )


def test_off_leaves_nothing_that_could_be_woken(db: Db) -> None:
    switch(db, on=True)
    add(db, "Made by hand", active=False)
    assert switch(db, on=False)["rules"] == []
    db.execute(WAKE_ALL)
    assert of_curve(db) == []
    assert value(db, "select count(*) from autonomous_rules") == 4


def test_it_comes_back_with_its_tuning(db: Db) -> None:
    switch(db, on=True)
    db.execute(
        "update autonomous_rules set priority = 33, rule_name = 'Ours',"
        " action = action || '{\"min_budget\": 12}' where rule_type = 'optimize'"
    )
    before = value(db, "select to_jsonb(r) from autonomous_rules r where rule_type = 'optimize'")
    kept = switch(db, on=False, actor="Bob")["kept"]
    assert (kept["rule_name"], kept["taken_out_by"]) == ("Ours", "Bob")
    assert switch(db, on=False, actor="Bob")["kept"] == kept
    assert switch(db, on=True)["kept"] is None
    after = value(db, "select to_jsonb(r) from autonomous_rules r where rule_type = 'optimize'")
    assert after | {"updated_at": 0} == before | {"updated_at": 0}


def test_those_that_went_together_come_back_together_and_drafts_stay_away(db: Db) -> None:
    for name, active in (("North", True), ("South", True), ("Draft", False)):
        add(db, name, active)
    switch(db, on=False)
    switch(db, on=True)
    assert [(name, active) for name, _, active in of_curve(db)] == [
        ("North", True),
        ("South", True),
    ]


def test_one_that_a_person_has_made_is_used(db: Db) -> None:
    add(db, "Draft", active=False, max_budget=77)
    switch(db, on=True)
    assert of_curve(db) == [("Draft", TEMPLATE["action"] | {"max_budget": 77}, True)]


def test_another_rule_of_that_name_stays(db: Db) -> None:
    db.execute(
        "update autonomous_rules set rule_name = 'Budget Optimisation'"
        " where rule_name = 'Low ROI Pause'"
    )
    switch(db, on=True)
    assert [name for name, *_ in of_curve(db)] == ["Budget Optimisation 2"]
    switch(db, on=False)
    assert value(
        db, "select rule_type from autonomous_rules where rule_name = 'Budget Optimisation'"
    ) == ("pause")


def test_a_kept_rule_that_is_no_longer_valid_is_passed_over(db: Db) -> None:
    db.execute(
        "insert into autonomy.rules_taken_out (rule_id, rule) values (gen_random_uuid(), %s)",
        (Jsonb(TEMPLATE | {"action": {"type": "budget_adjusted", "by": "magic"}}),),
    )
    switch(db, on=True)
    assert of_curve(db) == [("Budget Optimisation", TEMPLATE["action"], True)]


def test_the_history_says_who(db: Db) -> None:
    switch(db, on=True, actor="Ann")
    switch(db, on=False, actor="Bob")
    assert db.execute(
        "select actor, before is null, after is null from autonomous_rule_changes"
        " where rule_name = 'Budget Optimisation' order by id"
    ).fetchall() == [("Ann", True, False), ("Bob", False, True)]


def test_nothing_said_is_refused(db: Db) -> None:
    with refused(db, "AO010", "true or false"):
        db.execute("select set_budget_optimisation(null)")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_what_it_says_and_no_more(db: Db, name: str) -> None:
    preset = PRESETS[name]
    db.execute("update autonomy_policy set mode = 'approve', frozen = true")
    before = value(db, "select to_jsonb(p) from autonomy_policy p")
    for _ in range(2):
        found = value(
            db, "select use_preset(%s, %s, 'Ann')", Jsonb(dict(preset.values)), preset.optimise
        )
    assert found["optimisation"]["on"] is preset.optimise
    changed = {key for key, of in found["policy"].items() if before[key] != of}
    assert changed <= {*preset.values, "updated_by", "updated_at"}
    assert {key: found["policy"][key] for key in preset.values} == preset.values
    assert found["policy"]["updated_by"] == "Ann"


@pytest.mark.parametrize(
    ("given", "optimise", "code", "said"),
    [
        ({"mode": 1}, True, "AO010", "preset.mode: unknown key"),
        ({"frozen": 0}, True, "AO010", "preset.frozen: unknown key"),
        ({"min_confidence": "80"}, True, "AO010", "give a number"),
        ({"min_confidence": None}, True, "AO010", "give a number"),
        ({"min_confidence": 101}, True, "AO002", "must be a number from 0 to 100"),
        ({}, True, "AO010", "as an object"),
        ([1], True, "AO010", "as an object"),
        ({"min_confidence": 80}, None, "AO010", "whether budgets are to be optimised"),
    ],
)
def test_a_wrong_preset_changes_nothing(
    db: Db, given: Any, optimise: bool | None, code: str, said: str
) -> None:
    with refused(db, code, said):
        db.execute("select use_preset(%s, %s)", (Jsonb(given), optimise))
    assert of_curve(db) == []


def test_what_it_would_have_brought_is_kept(db: Db) -> None:
    for said in ("first", "second"):
        found = value(db, "select keep_optimisation_past(%s)", Jsonb({"sentence": said}))
        assert found["past"]["sentence"] == said
    with refused(db, "AO010", "as an object"):
        db.execute("select keep_optimisation_past('[]')")

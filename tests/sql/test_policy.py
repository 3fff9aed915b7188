"""The policy row: no limit is ever missing, out of range or gone."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.sql.servers import Db

LIMITS = [
    "break_even_roi",
    "min_confidence",
    "min_pause_confidence",
    "cooldown_hours",
    "min_pause_hours",
    "max_data_age_hours",
    "max_step",
    "max_growth_7d",
    "max_budget",
    "min_budget",
    "pause_breaker_share",
    "pause_breaker_count",
    "shrink_breaker_share",
    "growth_breaker_share",
    "growth_breaker_count",
    "tracking_breaker_ratio",
    "tracking_breaker_min_expected",
    "value_breaker_factor",
    "resume_confidence",
    "evidence_half_life_days",
    "conversion_delay_hours",
    "holdout_share",
    "hold_days_after_rollback",
    "person_hold_days",
    "approval_hours",
    "prior_mean_roi",
    "prior_tau2",
    "prior_order_value",
    "prior_cv2",
    "prior_order_spread",
    "curvature",
    "prior_campaigns",
    "notify_moved_share",
    "keep_hours_days",
    "keep_changes_days",
    "keep_runs_days",
    "keep_failed_actions_days",
    "keep_opportunities_days",
]


def refused(db: Db, statement: str, *values: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        db.execute(statement.encode(), values or None)
    assert caught.value.sqlstate == "AO002"
    return caught.value


@pytest.mark.parametrize("setting", LIMITS)
@pytest.mark.parametrize("value", ["null", "'NaN'", "-1", "1e300"])
def test_a_limit_that_is_none_is_refused_by_name(db: Db, setting: str, value: str) -> None:
    if setting == "prior_campaigns" and value in ("'NaN'", "1e300"):
        pytest.skip("an integer: its type refuses these")
    error = refused(db, f"update autonomy_policy set {setting} = {value}")
    assert error.diag.message_primary is not None
    assert error.diag.message_primary.startswith(f"{setting} must be a number from ")


def test_every_number_of_the_policy_has_a_limit_and_a_comment(db: Db) -> None:
    numbers = db.execute(
        """select a.attname, col_description(a.attrelid, a.attnum) from pg_attribute a
           where a.attrelid = 'autonomy_policy'::regclass and a.attnum > 0
             and a.atttypid in ('numeric'::regtype, 'float8'::regtype, 'int'::regtype)"""
    ).fetchall()
    assert sorted(name for name, _ in numbers) == sorted(LIMITS)
    assert all(comment for _, comment in numbers)
    limits = db.execute("select setting from autonomy_policy_limits()").fetchall()
    assert sorted(name for (name,) in limits) == sorted(LIMITS)


@pytest.mark.parametrize("setting", LIMITS)
def test_both_ends_of_a_range_are_allowed(db: Db, setting: str) -> None:
    limits = db.execute(
        "select low, high from autonomy_policy_limits() where setting = %s", (setting,)
    ).fetchone()
    assert limits is not None
    for end in limits:
        with db.transaction(force_rollback=True):
            if setting == "max_budget":
                db.execute("update autonomy_policy set min_budget = 0")
            if setting == "min_budget":
                db.execute("update autonomy_policy set max_budget = 999999999")
            db.execute(f"update autonomy_policy set {setting} = %s".encode(), (end,))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("mode = 'yolo'", "autonomous, approve or observe"),
        ("mode = null", "mode must not be NULL"),
        ("frozen = null", "frozen must not be NULL"),
        ("time_zone = 'Mars/Base'", "time zone"),
        ("time_zone = ''", "time zone"),
        ("paused_text = 'stopped'", "paused_text"),
        ("min_budget = 600, max_budget = 500", "min_budget (600)"),
    ],
)
def test_other_nonsense_is_refused_with_a_sentence(db: Db, change: str, word: str) -> None:
    assert word in str(refused(db, f"update autonomy_policy set {change}"))


@pytest.mark.parametrize("statement", ["delete from autonomy_policy", "truncate autonomy_policy"])
def test_the_row_stays(db: Db, statement: str) -> None:
    assert "cannot be removed" in str(refused(db, statement))


def test_there_is_one_row_for_ever(db: Db) -> None:
    for identity in ("true", "false"):
        with pytest.raises(psycopg.Error), db.transaction():
            db.execute(f"insert into autonomy_policy (id) values ({identity})".encode())
    assert db.execute("select count(*) from autonomy_policy").fetchone() == (1,)


def test_a_good_change_is_kept_and_dated(db: Db) -> None:
    before = db.execute("select updated_at from autonomy_policy").fetchone()
    db.execute("select pg_sleep(0.01)")
    db.execute("update autonomy_policy set max_step = 1.5, paused_text = 'PAUSED'")
    row = db.execute("select max_step, paused_text, updated_at from autonomy_policy").fetchone()
    assert row is not None
    assert before is not None
    assert (float(row[0]), row[1]) == (1.5, "PAUSED")
    assert row[2] >= before[0]


@pytest.mark.parametrize("setting", LIMITS)
def test_the_table_refuses_too_where_the_trigger_is_off(db: Db, setting: str) -> None:
    db.execute("alter table autonomy_policy disable trigger user")
    for value in ("null", "'NaN'", "-1"):
        if setting == "prior_campaigns" and value == "'NaN'":
            continue
        with pytest.raises(psycopg.errors.IntegrityError), db.transaction():
            db.execute(f"update autonomy_policy set {setting} = {value}".encode())

"""What an account says of its own holds, in both runs, under the locks and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.sql.effects import Db, apply, begin, campaign, scale_up, state, value


@pytest.fixture
def db(scratch_database: Callable[[], str]) -> Iterator[Db]:
    with psycopg.connect(scratch_database()) as connection:
        yield connection
        connection.rollback()


def two_losers(db: Db) -> dict[str, Any]:
    """One loser an account, beside some that do well."""
    found = {}
    for account in ("north", "south"):
        found[account] = campaign(db, account=account)
        figures(db, found[account], 500, 200)
        for _ in range(3):
            figures(db, campaign(db, account=account), 500, 1200)
    return found


def figures(db: Db, one: Any, spend: float, revenue: float) -> None:
    db.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions,"
        " total_spend, total_revenue, updated_at) values (%s, 50000, 2000, 30, %s, %s, now())",
        (one, spend, revenue),
    )
    db.execute("update campaigns set created_at = now() - interval '9 days' where id = %s", (one,))


def own(db: Db, account: str, setting: str, given: Any) -> None:
    db.execute(f"update autonomy_accounts set {setting} = %s where account = %s", (given, account))


@pytest.mark.parametrize(
    ("setting", "given", "code"),
    [
        ("frozen", True, "FROZEN"),
        ("mode", "observe", "OBSERVE"),
        ("min_pause_hours", 500, "TOO_LITTLE_DATA"),
        ("min_confidence", 100, "AGAINST_THE_ODDS"),
    ],
)
def test_one_accounts_limit_holds_there_and_nowhere_else(
    db: Db, setting: str, given: Any, code: str
) -> None:
    losers = two_losers(db)
    own(db, "north", setting, given)
    result = value(db, "select run_autonomous_operations()")
    assert state(db, losers["north"]) == ("active", 100)
    assert state(db, losers["south"])[0] == "paused"
    assert result["held"] == {code: 1}
    assert result["actions_taken"]["campaigns_paused"] == 1


def test_an_account_may_be_asked_first(db: Db) -> None:
    losers = two_losers(db)
    own(db, "north", "mode", "approve")
    value(db, "select run_autonomous_operations()")
    assert state(db, losers["north"]) == ("active", 100)
    pending = value(db, "select id from autonomous_actions where status = 'pending'")
    own(db, "north", "frozen", True)
    with pytest.raises(psycopg.Error, match='account "north" is frozen'), db.transaction():
        db.execute("select approve_autonomous_action(%s)", (pending,))
    own(db, "north", "frozen", False)
    db.execute("select approve_autonomous_action(%s)", (pending,))
    assert state(db, losers["north"])[0] == "paused"


def test_the_target_of_an_account_is_its_break_even(db: Db) -> None:
    """Earning 1.2 times its spend is a loss where 2.5 are needed, and only there."""
    fair = {}
    for account in ("north", "south"):
        fair[account] = campaign(db, account=account)
        figures(db, fair[account], 5000, 6000)
        for _ in range(3):
            figures(db, campaign(db, account=account), 500, 2000)
    own(db, "north", "target_roi", 2.5)
    db.execute(
        "update autonomous_rules set condition = jsonb_set(condition, '{threshold}', '1.3')"
        " where rule_name = 'Low ROI Pause'"
    )
    result = value(db, "select run_autonomous_operations()")
    reasons = {one["campaign_id"]: one["reason"] for one in result["actions"]}
    assert "likely to be below your target of 2.50x" in reasons[str(fair["north"])]
    assert "likely to be below 1.30x" in reasons[str(fair["south"])]


@pytest.mark.parametrize(
    ("setting", "given", "code"),
    [("max_step", 1.25, "STEP_CAP"), ("max_budget", 120, "BUDGET_CAP"), ("frozen", True, "FROZEN"),
     ("min_confidence", 99, "AGAINST_THE_ODDS"), ("max_growth_7d", 1.1, "GROWTH_CAP")],
)  # fmt: skip
def test_whatever_was_decided_is_held_to_it_under_the_locks(
    db: Db, setting: str, given: Any, code: str
) -> None:
    north, south = campaign(db, account="north"), campaign(db, account="south")
    own(db, "north", setting, given)
    first, second = apply(db, begin(db), [scale_up(north), scale_up(south)])
    assert first["error"] == code
    assert first["message"].endswith(".")
    assert second["status"] == "executed"
    assert state(db, north) == ("active", 100)


def test_by_hand_too(db: Db) -> None:
    one = campaign(db, account="north")
    own(db, "north", "max_budget", 120)
    with pytest.raises(psycopg.Error, match="outside the limits"), db.transaction():
        db.execute("select auto_scale_campaign(%s, 150, 'more')", (one,))
    own(db, "north", "frozen", True)
    with pytest.raises(psycopg.Error, match='account "north" is frozen'), db.transaction():
        db.execute("select auto_pause_campaign(%s, 'stop')", (one,))
    assert state(db, one) == ("active", 100)


def test_an_account_cannot_be_freer_than_a_frozen_policy(db: Db) -> None:
    losers = two_losers(db)
    own(db, "north", "mode", "autonomous")
    db.execute("update autonomy_policy set frozen = true, mode = 'approve'")
    value(db, "select run_autonomous_operations()")
    assert state(db, losers["north"]) == ("active", 100)
    db.execute("update autonomy_policy set frozen = false")
    value(db, "select run_autonomous_operations()")
    assert state(db, losers["north"]) == ("active", 100), "all approve: it is the more careful"


def test_where_all_is_observed_a_run_says_what_it_would_do(db: Db) -> None:
    two_losers(db)
    db.execute("update autonomy_policy set mode = 'observe'")
    result = value(db, "select run_autonomous_operations()")
    assert result["actions_taken"]["campaigns_paused"] == 2
    assert result["held"] == {}

"""What an account says of its own holds, in both runs, under the locks and by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from autonomy.engine import Accounts, decide
from autonomy.engine.explain import explain
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


def test_of_an_account_that_is_observed_a_run_says_what_it_would_do(db: Db) -> None:
    losers = two_losers(db)
    db.execute(
        "update campaigns set autonomous_enabled = false where id <> all (%s)",
        (list(losers.values()),),
    )
    own(db, "north", "mode", "observe")
    result = value(db, "select run_autonomous_operations()")
    assert result["observed"] == {"campaigns_paused": 1}
    assert (result["held"]["OBSERVE"], state(db, losers["north"])) == (1, ("active", 100))
    said = {one["campaign_id"]: one for one in result["held_decisions"]}[str(losers["north"])]
    assert said["code"] == "OBSERVE"
    assert said["new"]["status"] == "paused"
    assert said["reason"].startswith('Would be paused by "')
    assert said["reason"].endswith(". Nothing is changed: its account is only observed.")
    assert (
        value(db, "select count(*) from autonomous_actions where campaign_id = %s", losers["north"])
        == 0
    )
    # what would be held anyhow is said to be
    own(db, "north", "min_pause_hours", 500)
    result = value(db, "select run_autonomous_operations(now() + interval '1 minute')")
    assert result["observed"] == {}
    (said,) = [one for one in result["held_decisions"] if one["code"] == "OBSERVE"]
    assert said["reason"].startswith("Not paused")
    assert "500" in said["reason"]


# Of every other setting of the account ------------------------------------------------------------


def at(db: Db, hours: float) -> datetime:
    """A moment that long from now; simulated ones are allowed on this database."""
    db.execute("set autonomy.simulation = on")
    moment: datetime = value(db, "select now() + %s * interval '1 hour'", hours)
    return moment


def daily(db: Db, one: Any, days: int = 10) -> None:
    """Whole days up to yesterday: 100 spent, 60 back by two orders."""
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
        " spend, revenue, whole_day) select %s, date_trunc('day', now()) - n * interval '1 day',"
        " 5000, 200, 2, 100, 60, true from generate_series(1, %s) n",
        (one, days),
    )
    db.execute("update campaigns set created_at = now() - interval '20 days' where id = %s", (one,))


def matured(db: Db, one: Any) -> tuple[float, float]:
    """(the matured share in force, the immature spend of the facts)"""
    share = value(db, "select matured_share from autonomy.campaign_evidence(array[%s])", one)
    facts = "select ev_immature_spend from campaign_facts where campaign_id = %s"
    return share, value(db, facts, one)


def candidate(db: Db, one: Any) -> dict[str, Any]:
    page = value(db, "select list_autonomous_candidates(p_campaign_id => %s)", one)
    return page["candidates"][0]  # type: ignore[no-any-return]


def test_late_conversions_are_those_of_the_account(db: Db) -> None:
    north, south = (campaign(db, account=account) for account in ("north", "south"))
    daily(db, north)
    daily(db, south)
    assert matured(db, north) == matured(db, south) == (1, 0)
    own(db, "north", "conversion_delay_hours", 48)
    share, immature = matured(db, north)
    assert 0.5 < share < 0.95
    assert immature > 0
    assert matured(db, south) == (1, 0)
    assert candidate(db, north)["evidence"]["matured_share"] == share
    assert candidate(db, south)["evidence"]["matured_share"] == 1
    kept, made = (
        value(db, f"select ev_immature_spend from {name} where campaign_id = %s", north)
        for name in ("campaign_facts", "campaign_facts_at(now())")
    )
    assert kept == pytest.approx(made)
    # a campaign that moves takes the pace of where it goes
    db.execute("update campaigns set account = 'south' where id = %s", (north,))
    assert matured(db, north) == (1, 0)
    db.execute("update campaigns set account = 'north' where id = %s", (north,))
    assert matured(db, north) == (share, immature)
    # its own beside the policy's
    db.execute("update autonomy_policy set conversion_delay_hours = 48")
    own(db, "north", "conversion_delay_hours", 0)
    assert matured(db, north) == (1, 0)
    assert matured(db, south)[0] == pytest.approx(share)


def test_late_conversions_hold_a_pause_in_that_account_alone(db: Db) -> None:
    losers = [campaign(db, account=account) for account in ("north", "south")]
    for one in losers:
        daily(db, one)
        daily_winners(db, "north" if one is losers[0] else "south")
    own(db, "north", "conversion_delay_hours", 2160)
    result = value(db, "select run_autonomous_operations()")
    assert state(db, losers[1])[0] == "paused"
    assert state(db, losers[0]) == ("active", 100)
    assert "AGAINST_THE_ODDS" in result["held"]


def daily_winners(db: Db, account: str) -> None:
    for _ in range(2):
        one = campaign(db, account=account)
        daily(db, one)
        db.execute("update campaign_metrics set revenue = 200 where campaign_id = %s", (one,))


def test_tracking_expects_what_has_had_time_to_come_in_its_account(db: Db) -> None:
    for account in ("north", "south"):
        one = campaign(db, account=account)
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
            " spend, revenue) select %s, date_trunc('hour', now()) - n * interval '1 hour', 900,"
            " 50, case when n <= 24 then 0 else 5 end, 10, 50 from generate_series(1, 960) n",
            (one,),
        )
    own(db, "north", "conversion_delay_hours", 500)
    seen = dict(
        db.execute(
            "select t ->> 'account', (t #>> '{seen,tripped}')::boolean"
            " from jsonb_array_elements(autonomy.measured_json(now()) -> 'tracking') t"
        ).fetchall()
    )
    assert seen == {"north": False, "south": True, None: True}


def test_what_a_person_did_stands_as_long_as_the_account_says(db: Db) -> None:
    losers = two_losers(db)
    now = value(db, "select now()")
    db.execute("select set_config('autonomy.now', %s, true)", (str(now - timedelta(days=3)),))
    db.execute("update campaigns set budget = 180 where id = any (%s)", (list(losers.values()),))
    db.execute("select set_config('autonomy.now', '', true)")
    own(db, "north", "person_hold_days", 2)
    until = {name: candidate(db, one)["no_pause_until"] for name, one in losers.items()}
    assert until["north"] is None
    assert datetime.fromisoformat(until["south"]) == now + timedelta(days=4)
    own(db, "north", "person_hold_days", 10)
    longer = datetime.fromisoformat(candidate(db, losers["north"])["no_pause_until"])
    assert longer == now + timedelta(days=7)


@pytest.mark.parametrize("door", ["function", "status", "put back"])
def test_a_rollback_holds_as_long_as_the_account_says(db: Db, door: str) -> None:
    made = {account: campaign(db, account=account) for account in ("north", "south")}
    own(db, "north", "hold_days_after_rollback", 2)
    now = value(db, "select now()")
    apply(db, begin(db), [scale_up(one) for one in made.values()])
    for one in made.values():
        done = value(db, "select id from autonomous_actions where campaign_id = %s", one)
        if door == "function":
            db.execute("select rollback_autonomous_action(%s)", (done,))
        elif door == "status":
            mark = "update autonomous_actions set status = 'rolled_back' where id = %s"
            db.execute(mark, (done,))
        else:
            db.execute("update campaigns set budget = 100 where id = %s", (one,))
    held = dict(db.execute("select account, hold_until from campaigns").fetchall())
    assert held == {"north": now + timedelta(days=2), "south": now + timedelta(days=7)}


def test_putting_back_is_a_rollback_as_long_as_the_account_says(db: Db) -> None:
    made = {account: campaign(db, account=account) for account in ("north", "south")}
    own(db, "north", "hold_days_after_rollback", 2)
    earlier = at(db, -72)
    apply(db, begin(db, now=earlier), [scale_up(one) for one in made.values()], now=earlier)
    for one in made.values():
        db.execute("update campaigns set budget = 100 where id = %s", (one,))
    found = dict(
        db.execute(
            "select c.account, a.status from autonomous_actions a"
            " join campaigns c on c.id = a.campaign_id"
        ).fetchall()
    )
    assert found == {"north": "executed", "south": "rolled_back"}


def proposals(db: Db) -> dict[str, Any]:
    """One of each account, five hours old."""
    made = {account: campaign(db, account=account) for account in ("north", "south")}
    earlier = at(db, -5)
    lease = begin(db, now=earlier)
    apply(db, lease, [scale_up(one, verdict="propose") for one in made.values()], now=earlier)
    pending = "select id from autonomous_actions where campaign_id = %s and status = 'pending'"
    return {account: value(db, pending, one) for account, one in made.items()}


def test_a_proposal_lives_as_long_as_the_account_says(db: Db) -> None:
    made = proposals(db)
    own(db, "north", "approval_hours", 4)
    said = value(db, "select approve_autonomous_action(%s)", made["north"])
    assert (said["error"], "4 hours" in said["message"]) == ("EXPIRED", True)
    db.execute("update autonomous_actions set status = 'pending', error = null")
    assert value(db, "select expire_pending_actions()") == 1
    status = "select status from autonomous_actions where id = %s"
    assert value(db, status, made["north"]) == "failed"
    assert value(db, status, made["south"]) == "pending"


def test_a_proposal_may_live_longer_than_the_policy_says(db: Db) -> None:
    """And what was approved late counts when it was changed."""
    made = proposals(db)
    db.execute("update autonomy_policy set approval_hours = 4")
    own(db, "south", "approval_hours", 100)
    assert value(db, "select expire_pending_actions()") == 1
    late = at(db, 60)
    db.execute("select approve_autonomous_action(%s, p_now => %s)", (made["south"], late))
    found = value(db, "select portfolio_state(%s)", late)
    assert found["raised_24h"] == 50


def test_a_refused_proposal_is_left_alone_for_the_cooldown_of_its_account(db: Db) -> None:
    made = proposals(db)
    own(db, "north", "cooldown_hours", 72)
    now = value(db, "select now()")
    for one in made.values():
        db.execute("select reject_autonomous_action(%s)", (one,))
    held = dict(db.execute("select account, hold_until from campaigns").fetchall())
    assert held == {"north": now + timedelta(hours=72), "south": now + timedelta(hours=24)}


def test_stale_figures_are_those_older_than_the_account_allows(db: Db) -> None:
    for account in ("north", "south"):
        one = campaign(db, account=account)
        figures(db, one, 500, 900)
    db.execute("update campaign_performance set updated_at = now() - interval '60 hours'")
    own(db, "south", "max_data_age_hours", 100)
    (reason,) = [
        one
        for one in value(db, "select dashboard_state()")["reasons"]
        if one["code"] == "STALE_DATA"
    ]
    assert 'of the account "north"' in reason["sentence"]


def test_what_is_suggested_keeps_to_the_account(db: Db) -> None:
    for account in ("north", "south"):
        figures(db, campaign(db, account=account, title=account), 5000, 25000)
        figures(db, campaign(db, account=account, title=f"fair {account}"), 5000, 6000)
    own(db, "north", "max_budget", 120)
    own(db, "north", "target_roi", 2.5)
    suggested = dict(
        db.execute(
            "select campaign_title, suggested_budget from identify_scaling_candidates()"
        ).fetchall()
    )
    assert suggested == {"north": 120, "south": 150}
    sure = dict(
        db.execute(
            "select campaign_title, confidence_score"
            " from identify_underperforming_campaigns(max_roi => 1.3)"
        ).fetchall()
    )
    assert sure["fair north"] > 95 > sure["fair south"]
    attention = value(db, "select dashboard_attention()")
    seen = {one["campaign_title"]: one for one in attention["scaling"]}
    assert (seen["north"]["suggested_budget"], seen["south"]["suggested_budget"]) == (120, 150)


def test_what_is_explained_is_what_a_run_decides(db: Db) -> None:
    losers = two_losers(db)
    own(db, "north", "target_roi", 3)
    own(db, "north", "min_confidence", 99.5)
    for account, one in losers.items():
        said = explain(
            value(db, "select jsonb_agg(to_jsonb(r)) from autonomous_rules r where is_active"),
            candidate(db, one),
            value(db, "select to_jsonb(p) from autonomy_policy p"),
            value(db, "select now()"),
            accounts=Accounts(
                value(db, "select autonomy_account_policies(%s)", account),
                value(db, "select autonomy_account_priors(%s)", account),
            ),
        )
        pause = next(rule for rule in said["rules"] if rule["rule_name"] == "Low ROI Pause")
        judged = (99.5, 3) if account == "north" else (50, 1)
        assert (pause["floor"], pause["break_even"]) == judged


def test_what_tracking_says_its_limit_is_is_the_accounts(db: Db) -> None:
    """In both runs."""
    two_losers(db)
    own(db, "north", "tracking_breaker_ratio", 0.9)
    begun = begin(db).answer
    for one in begun["portfolio"]["accounts"]:
        one["tracking"] = {"observed": 1, "expected": 100, "tripped": True}
    answer = decide(
        begun["rules"], begun["page"]["candidates"], begun["policy"],
        datetime.fromisoformat(begun["now"]), begun["portfolio"],
        accounts=Accounts(begun["account_policies"], begun["account_priors"]),
    )  # fmt: skip
    told = value(
        db,
        "select autonomy.breaker_reports(%s, '[]')",
        psycopg.types.json.Jsonb(begun["portfolio"]),
    )
    limits = [
        {one["account"]: one["limit"] for one in found if one["code"] == "TRACKING_BREAKER"}
        for found in (answer.breakers, told)
    ]
    assert limits == [{"north": 0.9, "south": 0.4}] * 2


def test_impact_is_measured_by_the_accounts_target_and_delay(db: Db) -> None:
    made = {account: campaign(db, account=account) for account in ("north", "south")}
    for one in made.values():
        daily(db, one)
    earlier = at(db, -49)
    apply(db, begin(db, now=earlier), [scale_up(one) for one in made.values()], now=earlier)
    db.execute("update autonomous_actions set evidence = '{}'")
    figures_of = (
        "select c.account, m.figures from autonomy.measured_impacts(100, now()) m"
        " join autonomous_actions a on a.id = m.action_id"
        " join campaigns c on c.id = a.campaign_id where m.horizon = 1"
    )
    same = dict(db.execute(figures_of).fetchall())
    assert same["north"] == same["south"]
    own(db, "north", "target_roi", 3)
    money = {name: one["money"] for name, one in db.execute(figures_of).fetchall()}
    assert money["south"] == same["south"]["money"]
    assert money["north"] != money["south"]
    own(db, "north", "target_roi", None)
    own(db, "north", "conversion_delay_hours", 240)
    after = dict(db.execute(figures_of).fetchall())
    assert after["south"] == same["south"]
    assert after["north"]["baseline_roi"] > same["north"]["baseline_roi"]

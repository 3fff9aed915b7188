"""The totals of accounts: raises stop there, and what is above is shrunk."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest

from autonomy.engine.totals import Budget, Worth, price_of_money, shrunk
from tests.sql import effects
from tests.sql.effects import (
    Db,
    Json,
    action,
    apply,
    apply_one,
    assert_sound,
    begin,
    campaign,
    decision,
    finish,
    hours_ago,
    policy,
    refused,
    scale_up,
    state,
    value,
)

clean_tables = effects.clean_tables


def limit(db: Db, account: str = "default", **columns: Any) -> None:
    """Sets what the account states itself; its row appears with its first campaign."""
    db.execute(
        "insert into autonomy_accounts (account) values (%s) on conflict do nothing", (account,)
    )
    sets = ", ".join(f"{name} = %s" for name in columns)
    db.execute(
        f"update autonomy_accounts set {sets} where account = %s".encode(),
        (*columns.values(), account),
    )


def run(db: Db) -> Json:
    answer: Json = value(db, "select run_autonomous_operations()")
    return answer


def budgets(db: Db, account: str = "default") -> list[Any]:
    """Of its active campaigns, in the order in which they were made."""
    rows = db.execute(
        "select budget from campaigns where account = %s and lower(status) = 'active'"
        " order by title",
        (account,),
    )
    return [budget for (budget,) in rows]


def several(db: Db, *amounts: Any, **columns: Any) -> list[uuid.UUID]:
    return [
        campaign(db, amount, title=f"Campaign {n:02}", **columns)
        for n, amount in enumerate(amounts)
    ]


# What is refused ---------------------------------------------------------------------------------


def test_a_raise_shrinks_to_the_room_there_is(db: Db) -> None:
    one, _ = several(db, 100, 100)
    limit(db, daily_total=220)
    result = apply_one(db, scale_up(one))
    assert (result["status"], state(db, one)[1]) == ("executed", 120)
    row = action(db, result["action_id"])
    assert row.new_state == {"status": "active", "budget": 120}
    assert "Of the raise to 150.00 only this much found room" in row.reason
    assert_sound(db)


@pytest.mark.parametrize("total", ["200", "200.50", "150", "0.01"])
def test_a_raise_without_room_is_held(db: Db, total: str) -> None:
    one, _ = several(db, 100, 100)
    limit(db, daily_total=total)
    result = apply_one(db, scale_up(one))
    assert (result["status"], result["error"]) == ("held", "TOTAL_CAP")
    assert "have 200.00 a day as budgets" in result["message"]
    assert state(db, one)[1] == 100
    assert value(db, "select count(*) from autonomous_actions") == 0


def test_the_most_certain_raise_goes_first(db: Db) -> None:
    one, two, three = several(db, 100, 100, 100)
    limit(db, daily_total=380)
    lease = begin(db)
    sure = [
        scale_up(one, confidence=60),
        scale_up(two, confidence=90),
        scale_up(three, confidence=80),
    ]
    results = apply(db, lease, sure)
    assert [one["status"] for one in results] == ["held", "executed", "executed"]
    assert budgets(db) == [100, 150, 130]
    finish(db, lease)


def test_cuts_and_pauses_of_the_same_batch_make_room(db: Db) -> None:
    one, two, three = several(db, 100, 100, 100)
    limit(db, daily_total=300)
    lease = begin(db)
    cut = decision(two, "auto_scale_down", new_budget=70)
    results = apply(db, lease, [scale_up(one), cut, decision(three)])
    assert [one["status"] for one in results] == ["executed"] * 3
    assert [one["campaign_id"] for one in results] == [str(one), str(two), str(three)]
    assert budgets(db) == [150, 70]
    finish(db, lease)


def test_a_cut_that_the_database_refuses_makes_no_room(db: Db) -> None:
    one, two = several(db, 100, 100)
    limit(db, daily_total=200)
    db.execute(
        "create function pg_temp.no() returns trigger language plpgsql as"
        " 'begin if new.budget < old.budget then raise ''no''; end if; return new; end'"
    )
    db.execute(
        "create trigger theirs before update on campaigns for each row"
        " execute function pg_temp.no()"
    )
    lease = begin(db)
    cut = decision(two, "auto_scale_down", new_budget=50)
    assert [x["error"] for x in apply(db, lease, [scale_up(one), cut])] == [
        "TOTAL_CAP", "REFUSED_BY_DATABASE",
    ]  # fmt: skip
    assert budgets(db) == [100, 100]


def test_a_resume_needs_room_too(db: Db) -> None:
    policy(db, cooldown_hours=0)
    one, _ = several(db, 100, 100)
    apply_one(db, decision(one))
    limit(db, daily_total=150)
    back = decision(one, "auto_resume", status="paused")
    assert apply_one(db, back)["error"] == "TOTAL_CAP"
    assert state(db, one)[0] == "paused"
    limit(db, daily_total=200)
    assert apply_one(db, back)["status"] == "executed"


def test_of_two_approvals_the_second_finds_no_room(db: Db) -> None:
    one, two = several(db, 100, 100)
    waiting = [
        apply_one(db, scale_up(x, verdict="propose", code="APPROVAL"))["action_id"]
        for x in (one, two)
    ]
    limit(db, daily_total=270)
    first, second = (value(db, "select approve_autonomous_action(%s)", x) for x in waiting)
    assert first["status"] == "executed"
    # what a person has agreed to is not done by half
    assert (second["status"], second["error"]) == ("failed", "TOTAL_CAP")
    assert budgets(db) == [150, 100]


def test_a_raise_by_hand_is_refused_above_the_total(db: Db) -> None:
    one, _ = several(db, 100, 100)
    limit(db, daily_total=230, currency="EUR")
    with refused(
        db,
        "AO006",
        'the account "default" would have 240.00 EUR a day, and 230.00 EUR is its total',
    ):
        db.execute("select auto_scale_campaign(%s, 140, 'why')", (one,))
    db.execute("select auto_scale_campaign(%s, 130, 'why')", (one,))
    limit(db, daily_total=100)
    db.execute("select auto_scale_campaign(%s, 120, 'less is less')", (one,))
    assert budgets(db) == [120, 100]


def test_an_update_and_a_rollback_are_never_refused(db: Db) -> None:
    one, two = several(db, 100, 100)
    done = apply_one(db, decision(one, "auto_scale_down", new_budget=60))["action_id"]
    limit(db, daily_total=150)
    db.execute("update campaigns set budget = 500 where id = %s", (two,))
    db.execute("select rollback_autonomous_action(%s)", (done,))
    assert action(db, done).status == "rolled_back"
    assert budgets(db) == [100, 500]


def test_of_another_account_nothing_is_asked(db: Db) -> None:
    (one,), (other,) = several(db, 100, account="north"), several(db, 100, account="south")
    limit(db, "north", daily_total=100)
    assert apply_one(db, scale_up(one))["error"] == "TOTAL_CAP"
    assert apply_one(db, scale_up(other))["status"] == "executed"


def test_two_at_once_do_not_pass_the_total_together(own: Db) -> None:
    one, two = several(own, 100, 100)
    limit(own, daily_total=250)
    failed: list[psycopg.Error] = []
    with psycopg.connect(own.info.dsn, password=own.info.password) as first:
        first.execute("select auto_scale_campaign(%s, 150, 'why')", (one,))

        def second() -> None:
            with psycopg.connect(own.info.dsn, password=own.info.password) as other:
                try:
                    other.execute("select auto_scale_campaign(%s, 150, 'why')", (two,))
                except psycopg.Error as error:
                    failed.append(error)

        waits = threading.Thread(target=second)
        waits.start()
        waits.join(0.5)
        assert waits.is_alive(), "it waits for the first"
        first.commit()
        waits.join(20)
    assert [error.sqlstate for error in failed] == ["AO006"]
    assert budgets(own) == [150, 100]


def test_two_shards_at_once_share_the_room(db: Db) -> None:
    ids = sorted(several(db, 100, 100, 100, 100))
    limit(db, daily_total=450)
    slots = {x: value(db, "select autonomy.campaign_slot(%s) < 32768", x) for x in ids}
    leases = [begin(db, request={"shard": shard}) for shard in ("1/2", "2/2")]
    for lease, first in zip(leases, (True, False), strict=True):
        apply(db, lease, [scale_up(x) for x in ids if slots[x] is first])
    assert sum(budgets(db)) == 450


# What is shrunk ----------------------------------------------------------------------------------


def test_a_lowered_total_shrinks_all_in_proportion(db: Db) -> None:
    ids = several(db, 100, 200, "33.33")
    limit(db, daily_total=300)
    result = run(db)
    assert budgets(db) == [Decimal("90"), Decimal("180"), Decimal("29.99")]
    assert result["actions_taken"]["campaigns_scaled_down"] == 3
    (told,) = result["totals"]
    assert (told["shrunk"], told["after"], told["ceiling"]) == (3, 299.99, 300)
    rows = db.execute(
        "select rule_id, action_type, status, reason from autonomous_actions order by reason"
    ).fetchall()
    assert {row[:3] for row in rows} == {(None, "auto_scale_down", "executed")}
    assert rows[0][3] == (
        "Budget lowered from 100.00 to 90.00 for the account's total: its active campaigns had"
        " 333.33 a day as budgets, and 300.00 is the most. It says nothing of how this one does."
    )
    assert run(db)["actions_taken"]["campaigns_scaled_down"] == 0
    assert_sound(db)
    # it can be undone, and then it is left alone: the others take it over
    db.execute(
        "select rollback_autonomous_action(id) from autonomous_actions where campaign_id = %s",
        (ids[0],),
    )
    assert budgets(db)[0] == 100
    run(db)
    assert budgets(db)[0] == 100
    assert sum(budgets(db)) <= 300


def test_what_is_left_alone_keeps_its_budget(db: Db) -> None:
    several(db, 100, 100)
    campaign(db, 100, title="X held", hold_until=hours_ago(-1, db))
    campaign(db, 100, title="Y off", autonomous_enabled=False)
    tested = campaign(db, 100, title="Z tested")
    db.execute(
        "insert into campaign_ab_tests (campaign_id, name, status) values (%s, 'A/B', 'running')",
        (tested,),
    )
    limit(db, daily_total=400)
    run(db)
    assert budgets(db) == [50, 50, 100, 100, 100]


def test_where_that_alone_is_too_much_the_others_go_to_their_floors(db: Db) -> None:
    several(db, 100, 20)
    campaign(db, 300, title="Y off", autonomous_enabled=False)
    policy(db, min_budget=7)
    limit(db, daily_total=200)
    result = run(db)
    assert budgets(db) == [7, 7, 300]
    assert any("what is left alone (1 campaign)" in one for one in result["warnings"])
    assert result["totals"][0]["after"] == 314
    again = run(db)
    assert again["actions_taken"]["campaigns_scaled_down"] == 0
    assert any("stay above its total" in one for one in again["warnings"])


def test_none_goes_under_a_twentieth_of_its_reference_budget(db: Db) -> None:
    several(db, 1000, 1000)
    limit(db, daily_total="0.01")
    run(db)
    assert budgets(db) == [50, 50]


def test_yen_are_whole_and_one_campaign_is_enough(db: Db) -> None:
    several(db, 1001, account="tokyo")
    limit(db, "tokyo", currency="JPY", daily_total=500)
    run(db)
    assert budgets(db, "tokyo") == [500]


def test_in_mode_approve_it_is_proposed(db: Db) -> None:
    policy(db, mode="approve")
    several(db, 100, 100)
    limit(db, daily_total=150)
    result = run(db)
    assert budgets(db) == [100, 100]
    assert result["actions_taken"]["actions_proposed"] == 2
    answers = [
        value(db, "select approve_autonomous_action(%s)", number)
        for (number,) in db.execute("select id from autonomous_actions order by id").fetchall()
    ]
    assert [one["status"] for one in answers] == ["executed", "executed"]
    assert budgets(db) == [75, 75]


def test_while_no_rule_is_active_nothing_shrinks(db: Db) -> None:
    several(db, 100, 100)
    limit(db, daily_total=50)
    db.execute("update autonomous_rules set is_active = false")
    run(db)
    assert budgets(db) == [100, 100]
    lease = begin(db)
    assert lease.answer["page"]["candidates"] == []
    shrink = decision(
        several(db, 100)[0],
        "auto_scale_down",
        new_budget=50,
        evidence={"total": {"code": "TOTAL_CAP"}},
    )
    assert [one["error"] for one in apply(db, lease, [shrink])] == ["RULE_CHANGED"]


def test_a_shrink_that_nothing_asks_for_is_refused(db: Db) -> None:
    """It waits for no cooldown, so that it must not be had for the asking."""
    (one,) = several(db, 100)
    evidence = {"total": {"code": "TOTAL_CAP"}}
    shrink = decision(one, "auto_scale_down", new_budget=50, evidence=evidence)
    assert apply_one(db, shrink)["error"] == "CHANGED_MEANWHILE"
    limit(db, daily_total=200)
    assert apply_one(db, shrink)["error"] == "CHANGED_MEANWHILE"
    limit(db, daily_total=80)
    below = decision(one, "auto_scale_down", new_budget=1, evidence=evidence)
    assert apply_one(db, below)["error"] == "BUDGET_CAP"
    assert apply_one(db, shrink)["status"] == "executed"


def test_it_neither_waits_for_a_cooldown_nor_starts_one(db: Db) -> None:
    one, _ = several(db, 100, 100)
    limit(db, daily_total=150)
    run(db)
    limit(db, daily_total=100)
    run(db)
    assert budgets(db) == [50, 50]
    limit(db, daily_total=1000)
    assert apply_one(db, scale_up(one, budget=50, new_budget=60))["status"] == "executed"
    limit(db, daily_total=90)
    run(db)
    assert sum(budgets(db)) <= 90


def test_it_takes_nothing_from_what_cuts_may_take_in_a_day(db: Db) -> None:
    one, two = several(db, 100, 100)
    limit(db, daily_total=120)
    run(db)
    for x in (one, two):
        cut = decision(x, "auto_scale_down", budget=60, new_budget=55)
        assert apply_one(db, cut)["status"] == "executed"


@pytest.mark.parametrize("amount", ["NaN", "0", "-1", "Infinity", "1000000000000"])
@pytest.mark.parametrize("column", ["daily_total", "monthly_total"])
def test_a_total_that_is_none_is_refused_by_the_table(db: Db, column: str, amount: str) -> None:
    several(db, 100)
    with refused(db, "AO002", f"{column} must be a number"):
        limit(db, **{column: amount})


def earning(db: Db, campaign_id: uuid.UUID, roi: float) -> None:
    """A week of figures, 20 orders of 50 a day, at that roi."""
    db.execute(
        "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
        " spend, revenue) select %s, date_trunc('day', now()) - make_interval(days => n),"
        " 10000, 500, 20,"
        " %s, 1000 from generate_series(1, 7) n",
        (campaign_id, 1000 / roi),
    )


def price(db: Db) -> float:
    found: float = value(db, "select price from autonomy.total_figures where account = 'default'")
    return found


def test_money_has_a_price_where_there_is_not_enough_for_all(db: Db) -> None:
    good, bad = several(db, 100, 100, created_at=hours_ago(24 * 20, db))
    earning(db, good, 4.0)
    earning(db, bad, 1.3)
    limit(db, daily_total=100_000)
    run(db)
    assert price(db) == 1.0, "there is money for all that earns its keep"
    limit(db, daily_total=200)
    run(db)
    assert 1.1 < price(db) < 4.0
    limit(db, daily_total=None)
    run(db)
    assert value(db, "select count(*) from autonomy.total_figures") == 0


def test_the_price_is_the_bar_of_scale_rules(db: Db) -> None:
    """2.3x earns its keep twice over at break-even 1, but elsewhere the same money returns more."""
    (one,) = several(db, 100, created_at=hours_ago(24 * 20, db))
    earning(db, one, 2.3)
    db.execute(
        "update autonomous_rules set condition = jsonb_set(condition, '{threshold}', '2')"
        " where rule_name = 'High ROI Scale'"
    )
    limit(db, daily_total=1000)
    db.execute(
        "insert into autonomy.total_figures (account, today, price, looked_at, ceiling)"
        " values ('default', current_date, 3, now(), 1000)"
    )
    (held,) = value(db, "select propose_autonomous_actions()")["decisions"]
    assert (held["code"], held["params"]["asked"]) == ("AGAINST_THE_ODDS", 3)
    db.execute("update autonomy.total_figures set price = 1")
    (raised,) = value(db, "select propose_autonomous_actions()")["decisions"]
    assert (raised["verdict"], raised["params"]["asked"]) == ("act", None)


# The month ---------------------------------------------------------------------------------------


def spent(db: Db, campaign_id: uuid.UUID, first: date, amounts: list[Any]) -> None:
    """What it spent from that day on, a day each."""
    for n, amount in enumerate(amounts):
        day = date.fromordinal(first.toordinal() + n)
        db.execute(
            "insert into campaign_daily (campaign_id, day, impressions, reach, clicks, conversions,"
            " spend, revenue) values (%s, %s, 0, 0, 0, 0, %s, 0)"
            " on conflict (campaign_id, day) do update set spend = excluded.spend",
            (campaign_id, day, amount),
        )


def total(db: Db, now: datetime, account: str = "default") -> Any:
    cursor = db.cursor(row_factory=psycopg.rows.namedtuple_row)
    return cursor.execute(
        "select * from autonomy.totals_in_force(array[%s], %s)", (account, now)
    ).fetchone()


def test_the_month_leaves_so_much_a_day(db: Db) -> None:
    (one,) = several(db, 100)
    spent(db, one, date(2026, 11, 1), [100] * 20)
    limit(db, monthly_total=3000)
    told = total(db, datetime(2026, 11, 11, 12, tzinfo=UTC))
    assert (told.spent, told.spent_today, told.days_left) == (1000, 100, 20)
    assert (told.pace, told.ceiling, told.code, told.shrink_to) == (100, 100, "PACING", None)
    limit(db, daily_total=90)
    told = total(db, datetime(2026, 11, 11, 12, tzinfo=UTC))
    assert (told.ceiling, told.code, told.shrink_to) == (90, "TOTAL_CAP", 90)


@pytest.mark.parametrize(
    ("now", "days_left", "before"),
    [
        ("2026-11-01T00:00:00Z", 30, 0),
        ("2026-11-30T23:59:59Z", 1, 2900),
        ("2026-12-01T00:00:00Z", 31, 0),
        ("2028-02-29T12:00:00Z", 1, 0),
    ],
)
def test_first_and_last_days(db: Db, now: str, days_left: int, before: int) -> None:
    (one,) = several(db, 100)
    spent(db, one, date(2026, 11, 1), [100] * 30)
    limit(db, monthly_total=3100)
    told = total(db, datetime.fromisoformat(now))
    assert (told.days_left, told.spent) == (days_left, before)
    assert told.pace == (3100 - before) // days_left or told.pace > 100


@pytest.mark.parametrize(
    ("zone", "day", "days_left"),
    [("Pacific/Auckland", date(2026, 12, 1), 31), ("America/Los_Angeles", date(2026, 11, 30), 1)],
)
def test_each_account_has_its_own_month(db: Db, zone: str, day: date, days_left: int) -> None:
    several(db, 100, account="far")
    limit(db, "far", time_zone=zone, monthly_total=3000)
    told = total(db, datetime(2026, 11, 30, 20, tzinfo=UTC), "far")
    assert (told.today, told.days_left) == (day, days_left)


def test_without_figures_by_day_the_month_is_spread_evenly(db: Db) -> None:
    several(db, 200)
    limit(db, monthly_total=3000)
    told = total(db, datetime(2026, 11, 16, tzinfo=UTC))
    assert (told.spent, told.pace, told.shrink_to) == (None, 100, 100)


def test_a_month_that_is_spent_leaves_the_floors_and_says_so(db: Db) -> None:
    now: datetime = value(db, "select now()")
    (one,) = several(db, 100)
    spent(db, one, now.date().replace(day=1), [5000] * 28)
    limit(db, monthly_total=3000)
    if now.day == 1:
        pytest.skip("nothing is spent before the first day")
    result = run(db)
    assert budgets(db) == [5]
    assert any(
        "had spent" in one and "until the month is over" in one for one in result["warnings"]
    )
    assert apply_one(db, scale_up(one, budget=5, new_budget=6))["error"] == "PACING"


def test_a_little_above_the_months_pace_nothing_is_cut(db: Db) -> None:
    (one,) = several(db, 102)
    spent(db, one, date(2026, 11, 1), [100] * 10)
    limit(db, monthly_total=3000)
    assert total(db, datetime(2026, 11, 11, tzinfo=UTC)).shrink_to is None
    spent(db, one, date(2026, 11, 11), [100] * 19)
    assert total(db, datetime(2026, 11, 30, tzinfo=UTC)).shrink_to == 100, "on the last day it is"


@pytest.mark.parametrize(
    ("spend", "use"), [(50, 0.5), (10, 0.5), (95, 0.95), (110, 1.1), (400, 1.25)]
)
def test_budgets_are_what_the_account_usually_spends_of_them(
    db: Db, spend: int, use: float
) -> None:
    db.execute("select set_config('autonomy.now', '2026-10-01', true)")
    (one,) = several(db, 100, created_at=datetime(2026, 10, 1, tzinfo=UTC))
    spent(db, one, date(2026, 10, 14), [spend] * 28)
    db.execute(
        "insert into campaign_facts (campaign_id, w30_spend, changed_at) values (%s, %s, now())"
        " on conflict (campaign_id) do update set w30_spend = excluded.w30_spend",
        (one, 28 * spend),
    )
    limit(db, monthly_total=30000)
    told = total(db, datetime(2026, 11, 11, tzinfo=UTC))
    assert told.spent_per_budget == pytest.approx(use)
    left = Decimal(30000 - 10 * spend) / 20
    assert told.pace == pytest.approx(left / Decimal(str(use)), abs=Decimal("0.01"))


def a_day(db: Db, ids: list[uuid.UUID], first: datetime, random: Random) -> float:
    """Every campaign spends what it has, more or less, at 4x; then a run. What was spent."""
    spent_today = 0.0
    for number in ids:
        status, budget = state(db, number)
        spend = round(float(budget) * random.uniform(0.75, 1.15), 2) if status == "active" else 0.0
        spent_today += spend
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
            " spend, revenue) values (%s, %s, 9000, 300, %s, %s, %s)",
            (number, first, max(1, round(spend / 10)), spend, 4 * spend),
        )
    db.execute("select set_config('autonomy.now', %s, true)", (str(first + timedelta(days=1)),))
    db.execute("select run_autonomous_operations(%s)", (first + timedelta(days=1),))
    return spent_today


@pytest.mark.parametrize("start", [30, 200])
def test_a_month_ends_at_its_total(db: Db, start: int) -> None:
    """Budgets that are a third of what the month allows, and twice as much."""
    random, first = Random(start), datetime(2026, 10, 20, tzinfo=UTC)
    db.execute("select set_config('autonomy.now', %s, true)", (str(first),))
    ids = several(db, *[start] * 5, created_at=first)
    db.execute(
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority) values"
        ' (\'Optimise\', \'optimize\', \'{"metric": "spend", "operator": ">=", "threshold": 50}\','
        ' \'{"type": "budget_adjusted", "by": "curve", "max_budget": 10000}\', 90)'
    )
    limit(db, monthly_total=15000)
    before = [a_day(db, ids, first + timedelta(days=n), random) for n in range(12)]
    month = [a_day(db, ids, datetime(2026, 11, 1 + n, tzinfo=UTC), random) for n in range(30)]
    assert len(before) == 12
    assert 0.98 * 15000 <= sum(month) <= 1.005 * 15000, (sum(month), month)


# The same in both engines ------------------------------------------------------------------------


def test_both_engines_shrink_alike(db: Db) -> None:
    random = Random(7)
    for _ in range(150):
        digits = random.choice((0, 2, 3))
        rows = [_drawn(random, n, digits) for n in range(random.choice((1, 2, 5, 40)))]
        whole = sum((one.budget for one in rows), Decimal(0))
        left = round(whole * Decimal(random.choice((0, 0.001, 0.2, 0.5, 0.9, 0.999, 1, 2))), 2)
        found = dict(
            db.execute(
                "select f.campaign_id::text, f.new_budget from autonomy.shrunk_budgets(%s,"
                " array(select jsonb_populate_record(null::autonomy.shrinkable, r)"
                " from jsonb_array_elements(%s) r)) f",
                (left, psycopg.types.json.Jsonb([_row(one) for one in rows])),
            ).fetchall()
        )
        mine = shrunk(left, rows)
        assert found == mine
        after, least = Decimal(0), Decimal(0)
        for one in rows:
            stays = one.budget if one.own is None else one.own
            after += mine.get(one.campaign_id, stays)
            least += stays if one.kept else min(stays, one.least)
        assert after <= max(left, least)


def _drawn(random: Random, number: int, digits: int) -> Budget:
    budget = round(Decimal(random.choice((0, 1, 10, 33.333, 100, 100, 5000, 1e9))), digits)
    floor = max(Decimal(1), round(budget * Decimal(random.choice((0.05, 0.05, 0.5, 2))), digits))
    own = random.choice((None, None, None, Decimal(0), round(budget * Decimal("0.6"), digits)))
    name = str(uuid.UUID(int=random.getrandbits(128)))
    return Budget(name, budget, floor, own, random.random() < 0.2, digits)


def _row(one: Budget) -> Json:
    return {
        name: str(held) if isinstance(held, Decimal) else held
        for name, held in one._asdict().items()
    }


def test_both_engines_find_one_price_of_money(db: Db) -> None:
    random = Random(8)
    for _ in range(100):
        worths = [
            Worth(
                random.choice((0.0, 0.4, 1.0, 1.0, 1.7, 3.3, 9.0)),
                random.choice((1.0, 50.0, 200.0, 1e6)),
                random.choice((0.0, 1.0, 2.5)),
            )
            for _ in range(random.choice((0, 1, 3, 60)))
        ]
        left = random.choice((-5.0, 0.0, 1.0, 100.0, 5e3, 1e7))
        columns = [list(column) for column in zip(*worths, strict=True)] or [[], [], []]
        found = value(
            db, "select autonomy.price_of_money(%s, %s::float8[], %s::float8[], %s::float8[])",
            left, *columns,
        )  # fmt: skip
        price = price_of_money(left, worths)
        assert found == pytest.approx(price, rel=1e-9)
        if 1.0 < price < max(one.first for one in worths):
            targets = sum(
                max(one.floor, one.half * ((one.first / price) ** 0.5 - 1.0))
                for one in worths if one.first > 1e-9
            )  # fmt: skip
            least = sum(one.floor for one in worths if one.first > 1e-9)
            assert targets == pytest.approx(max(left, least), rel=1e-6)


# Budgets of a platform ----------------------------------------------------------------------------


def shared_budget(db: Db, of: list[uuid.UUID], amount: Any, ref: str = "budgets/7") -> None:
    """One budget over several campaigns of a connected account."""
    for one in of:
        db.execute("update campaigns set budget = null where id = %s", (one,))
        db.execute(
            "insert into autonomy.platform_units (campaign_id, account, external_id, kind,"
            " budget_kind, budget, budget_ref, observed_at)"
            " values (%s, 'default', %s, 'campaign', 'shared', %s, %s, now())",
            (one, str(one), amount, ref),
        )


def test_a_shared_budget_counts_once(db: Db) -> None:
    one, *others = several(db, 100, 1, 1, 1)
    shared_budget(db, others, 600)
    limit(db, daily_total=720)
    (told,) = db.execute("select * from autonomy.totals_in_force(null, now())").fetchall()
    assert (told[5], told[-1]) == (700, 600)
    assert apply_one(db, scale_up(one))["status"] == "executed"
    assert state(db, one)[1] == 120
    db.execute("update campaigns set status = 'paused' where id = any (%s)", (others[1:],))
    assert value(db, "select active_budget from autonomy.totals_in_force(null, now())") == 720
    db.execute("update campaigns set status = 'paused' where id = %s", (others[0],))
    assert value(db, "select active_budget from autonomy.totals_in_force(null, now())") == 120


@pytest.mark.parametrize(("total", "left"), [(900, 150), (640, 20), (601, 20), (300, 20)])
def test_others_make_room_for_a_shared_budget(db: Db, total: Any, left: Any) -> None:
    """As far as their floor, a twentieth."""
    shared_budget(db, several(db, 400, 400, 1, 1)[2:], 600)
    limit(db, daily_total=total)
    run(db)
    assert [budget for budget in budgets(db) if budget is not None] == [left, left]

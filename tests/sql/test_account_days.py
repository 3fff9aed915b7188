"""The daily sums that the forecast of the month is made of."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from autonomy.forecast.month import Account
from tests.sql import effects, planted
from tests.sql.effects import Db, campaign, refused, value
from tests.sql.planted import Measures

clean_tables = effects.clean_tables

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TODAY = NOW.date()
LONG_AGO = NOW - timedelta(days=200)


def made(db: Db, account: str, spend: float = 100.0, days: int = 20, **more: Any) -> uuid.UUID:
    """A campaign that has spent so much each day up to yesterday, and earned twice as much."""
    db.execute("select set_config('autonomy.now', %s, true)", (str(LONG_AGO),))
    row = {"budget": 100, "status": "active", "created_at": LONG_AGO, **more}
    one = campaign(db, **row, account=account)
    planted.series(
        db, one, [Measures(1000, 50, 4, spend, 2 * spend)] * days, TODAY - timedelta(days=1)
    )
    return one


def at(db: Db, moment: datetime) -> None:
    """From now on triggers write this time."""
    db.execute("select set_config('autonomy.now', %s, true)", (str(moment),))


def asked(db: Db, account: str | None = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = value(
        db, "select autonomy_account_days(%s, %s, %s)", account, more.get("limit", 20), NOW
    )
    return found


def one(db: Db, account: str) -> Account:
    return Account.read(asked(db, account)["accounts"][0])


def spent(of: Account) -> dict[date, float]:
    return {day.day: day.spend for day in of.days if day.has_figures}


def present(of: Account) -> set[float]:
    """What each of the last twenty days would have spent with the campaigns of today."""
    return {round(day.present_spend, 6) for day in of.days[-21:-1]}


def test_sums_are_those_of_the_accounts_days(db: Db) -> None:
    made(db, "Paris")
    made(db, "Paris", 50.0, 10)
    made(db, "Rome", 7.0)
    paris = one(db, "Paris")
    assert spent(paris) == {
        TODAY - timedelta(days=ago): 150.0 if ago <= 10 else 100.0 for ago in range(1, 21)
    }
    assert paris.days[-1].day == TODAY
    assert not paris.days[-1].has_figures
    assert set(spent(one(db, "Rome")).values()) == {7.0}
    # changed figures are there the next time
    db.execute("update campaign_metrics set spend = 8 where spend = 7")
    assert set(spent(one(db, "Rome")).values()) == {8.0}


def test_a_campaign_that_moves_takes_its_days_along(db: Db) -> None:
    first = made(db, "Paris")
    made(db, "Rome", 7.0)
    one(db, "Paris")
    db.execute("update campaigns set account = 'Rome' where id = %s", (first,))
    assert set(spent(one(db, "Rome")).values()) == {107.0}
    assert spent(one(db, "Paris")) == {}


def test_money_of_two_currencies_is_never_added(db: Db) -> None:
    made(db, "Paris")
    made(db, "Tokyo", 9_000.0)
    db.execute("update autonomy_accounts set currency = 'JPY' where account = 'Tokyo'")
    found = asked(db)
    assert {
        row["account"]: (row["currency"], max(row["days"]["spend"])) for row in found["accounts"]
    } == {"Paris": (None, 100), "Tokyo": ("JPY", 9_000)}


def test_days_and_today_are_the_accounts(db: Db) -> None:
    made(db, "Auckland")
    db.execute(
        "update autonomy_accounts set time_zone = 'Pacific/Auckland' where account = 'Auckland'"
    )
    auckland = value(db, "select autonomy_account_days('Auckland', 1, '2026-11-30 12:00Z')")
    row = auckland["accounts"][0]
    assert (row["today"], row["time_zone"], row["hours_today"]) == (
        "2026-12-01", "Pacific/Auckland", 1,
    )  # fmt: skip


def test_excluded_days_are_marked(db: Db) -> None:
    large, small = made(db, "Paris"), made(db, "Paris", 5.0)
    db.execute(
        "insert into autonomy.evidence_exclusions (account, campaign_id, from_day, until_day, why)"
        " values ('Paris', null, %(a)s, %(a)s, 'outage'), (null, %(large)s, %(b)s, %(b)s, 'odd'),"
        " (null, %(small)s, %(c)s, %(c)s, 'odd')",
        {"large": large, "small": small, "a": date(2026, 11, 10), "b": date(2026, 11, 11),
         "c": date(2026, 11, 12)},
    )  # fmt: skip
    paris = one(db, "Paris")
    # of a small campaign's day its account's hardly knows
    assert [day.day.day for day in paris.days if day.left_out] == [10, 11]
    assert set(spent(paris).values()) == {105.0}
    db.execute("update autonomy.evidence_exclusions set lifted_at = now(), lifted_by = 'me'")
    assert not any(day.left_out for day in one(db, "Paris").days)


def test_conversions_are_worth_what_was_said(db: Db) -> None:
    made(db, "Leads")
    db.execute("update campaign_metrics set revenue = 0")
    db.execute("update autonomy_accounts set conversion_value = 35 where account = 'Leads'")
    assert {day.revenue for day in one(db, "Leads").days if day.has_figures} == {4 * 35.0}


def test_limits_are_the_accounts_or_the_policys(db: Db) -> None:
    made(db, "Paris")
    db.execute(
        "update autonomy_accounts set target_roi = 1.5, monthly_total = 12000,"
        " attribution_factor = 0.7, conversion_delay_hours = 48 where account = 'Paris'"
    )
    paris = one(db, "Paris")
    assert (paris.break_even, paris.monthly_total, paris.believed, paris.delay_hours) == (
        1.5, 12_000, 0.7, 48,
    )  # fmt: skip
    made(db, "Rome")
    rome = one(db, "Rome")
    assert (rome.break_even, rome.monthly_total, rome.believed) == (1, None, 1)


# Campaigns and budgets of today --------------------------------------------------------------


def test_nothing_changed_changes_nothing(db: Db) -> None:
    made(db, "Paris")
    assert present(one(db, "Paris")) == {100.0}


@pytest.mark.parametrize("change", ["status = 'paused'", "status = 'ended'", "status = null"])
def test_what_is_not_active_spends_nothing(db: Db, change: str) -> None:
    gone = made(db, "Paris")
    made(db, "Paris", 30.0)
    at(db, NOW - timedelta(hours=1))
    db.execute(f"update campaigns set {change} where id = %s".encode(), (gone,))
    assert present(one(db, "Paris")) == {30.0}


def test_a_campaign_that_came_paused_spends_nothing(db: Db) -> None:
    made(db, "Paris", status="paused")
    made(db, "Paris", 30.0)
    assert present(one(db, "Paris")) == {30.0}


def test_other_budgets_are_other_spend(db: Db) -> None:
    doubled = made(db, "Paris")
    made(db, "Paris", 30.0)
    at(db, NOW - timedelta(days=5))
    db.execute("update campaigns set budget = 200 where id = %s", (doubled,))
    paris = one(db, "Paris")
    by_day = [round(day.present_spend) for day in paris.days[-21:-1]]
    # the five days since have spent at the new one already
    assert by_day == [230] * 16 + [130] * 4


def test_no_budget_is_no_reason_to_change_anything(db: Db) -> None:
    for before, after in ((None, 50), (50, None), (0, 50), (50, 0)):
        odd = made(db, "Paris", budget=before)
        at(db, NOW - timedelta(days=2))
        db.execute("update campaigns set budget = %s where id = %s", (after, odd))
    assert present(one(db, "Paris")) == {400.0}


def test_what_was_launched_counts_from_before_its_launch(db: Db) -> None:
    made(db, "Paris", 30.0)
    young = made(db, "Paris", 100.0, 5)
    db.execute(
        "update campaigns set created_at = %s where id = %s", (NOW - timedelta(days=5), young)
    )
    assert present(one(db, "Paris")) == {130.0}


def test_what_was_resumed_spends_as_it_did(db: Db) -> None:
    woken = made(db, "Paris", status="paused")
    made(db, "Paris", 30.0)
    db.execute(
        "delete from campaign_metrics where campaign_id = %s and bucket >= %s",
        (woken, TODAY - timedelta(days=8)),
    )
    at(db, NOW - timedelta(hours=2))
    db.execute("update campaigns set status = 'active' where id = %s", (woken,))
    assert present(one(db, "Paris")) == {130.0}


def test_new_campaigns_without_figures_are_told_apart(db: Db) -> None:
    made(db, "Paris")
    campaign(db, 60, account="Paris", created_at=NOW - timedelta(hours=1))
    paris = one(db, "Paris")
    assert (paris.active_budget, paris.untried_budget) == (160, 60)


# Odd ones --------------------------------------------------------------------------------------


def test_an_account_that_is_none(db: Db) -> None:
    with refused(db, "AO003", "no such account"):
        db.execute("select autonomy_account_days('nobody')")


def test_an_account_without_campaigns_has_no_figures(db: Db) -> None:
    db.execute("insert into autonomy_accounts (account) values ('Empty')")
    row = asked(db, "Empty")["accounts"][0]
    assert row["active"] == 0
    assert not any(row["days"]["has_figures"])


def test_more_accounts_than_asked_for_are_counted(db: Db) -> None:
    for number in range(3):
        made(db, f"a{number}", days=2)
    found = asked(db, limit=2)
    assert (len(found["accounts"]), found["left_off"]) == (2, 1)
    assert [row["account"] for row in found["listed"]] == ["a0", "a1", "a2"]

"""The feed: two views of the user's, read as they are, or refused with a sentence."""

# ruff: noqa: E501 - sentences and SQL read better on their own lines

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.sql import effects
from tests.sql.effects import Db, campaign, refused, state, value

clean_tables = effects.clean_tables

NOW = "2026-11-28T12:00:00Z"
TODAY = date(2026, 11, 28)
CAMPAIGNS = {
    "platform": "text", "account_id": "text", "external_id": "text", "title": "text",
    "status": "text", "daily_budget": "numeric", "currency": "text", "time_zone": "text",
    "created_at": "timestamptz",
}  # fmt: skip
METRICS = {
    "platform": "text", "external_id": "text", "day": "date", "hour": "timestamp",
    "impressions": "numeric", "reach": "numeric", "clicks": "numeric", "conversions": "numeric",
    "spend": "numeric", "revenue": "numeric",
}  # fmt: skip
COLUMNS = {"campaigns": CAMPAIGNS, "metrics": METRICS}
ID = "select campaign_id from autonomy.feed_campaigns where external_id = %s"


def make(db: Db, view: str, **types: str | None) -> None:
    """The table of that name, with other types, or None for columns that it lacks."""
    columns = {name: kind for name, kind in {**COLUMNS[view], **types}.items() if kind}
    wanted = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    db.execute("create schema if not exists autonomy_feed")
    db.execute(f"create table autonomy_feed.{view} ({wanted})".encode())


def put(db: Db, view: str, **row: Any) -> None:
    usual: dict[str, Any] = {
        "campaigns": {
            "platform": "google_ads", "account_id": "1", "external_id": "7", "title": "Shoes",
            "status": "ENABLED", "daily_budget": 100, "currency": "EUR",
            "time_zone": "Europe/Berlin",
        },
        "metrics": {
            "platform": "google_ads", "external_id": "7", "day": TODAY, "impressions": 1000,
            "reach": None, "clicks": 50, "conversions": 2.5, "spend": 40, "revenue": 90,
        },
    }[view]  # fmt: skip
    row = {**usual, **row}
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    db.execute(
        f"insert into autonomy_feed.{view} ({names}) values ({marks})".encode(), list(row.values())
    )


def days(db: Db, count: int = 10, **row: Any) -> None:
    """So many days until today."""
    for back in range(count):
        put(db, "metrics", day=TODAY - timedelta(days=back), **row)


def read(db: Db, dry_run: bool = False, since: date | None = None, **more: Any) -> Any:
    given = "".join(f", {name} => {text}" for name, text in more.items())
    return value(
        db,
        f"select import_feed(p_dry_run => %s, p_since => %s, p_now => '{NOW}'{given})",
        dry_run, since,
    )  # fmt: skip


def figures(db: Db, external_id: str = "7") -> dict[str, tuple[Any, ...]]:
    """Day -> impressions, conversions, spend."""
    rows = db.execute(
        "select d.day::text, d.impressions, d.conversions, d.spend from campaign_daily d"
        f" where campaign_id = ({ID}) order by d.day",
        (external_id,),
    ).fetchall()
    return {day: tuple(rest) for day, *rest in rows}


def left_out(answer: Any) -> dict[str, int]:
    return {one["reason"]: one["rows"] for one in answer["left_out"]}


@pytest.fixture
def feed(db: Db, clean_tables: None) -> Db:
    """Empty views."""
    make(db, "campaigns")
    make(db, "metrics")
    return db


def test_a_feed_comes_in(feed: Db) -> None:
    put(feed, "campaigns", created_at="2026-01-02T00:00:00Z")
    days(feed, 3)
    answer = read(feed)
    assert (answer["campaigns_new"], answer["rows_read"], answer["days_changed"]) == (1, 3, 3)
    (account,) = answer["accounts"]
    assert (account["account"], account["currency"]) == ("google_ads 1", "EUR")
    assert (account["spend"], account["conversions"], account["clicks"]) == (120, 7.5, 150)
    assert answer["refused"] == answer["left_out"] == []
    assert figures(feed) == {f"2026-11-{day}": (1000, Decimal("2.5"), 40) for day in (26, 27, 28)}
    found = feed.execute(
        "select title, status, budget, account, created_at::date::text from campaigns"
    ).fetchall()
    assert found == [("Shoes", "active", 100, "google_ads 1", "2026-01-02")]
    known = feed.execute(
        "select currency, time_zone from autonomy_accounts where account = 'google_ads 1'"
    ).fetchone()
    assert known == ("EUR", "Europe/Berlin")
    assert value(feed, "select bool_and(whole_day) from campaign_metrics")
    assert value(feed, "select total_spend from campaign_performance") == 120


def test_twice_changes_nothing_and_a_late_correction_one_day(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 20)
    read(feed)
    before = value(feed, "select max(changed_at) from campaign_facts")
    again = read(feed)
    assert (again["campaigns_new"], again["campaigns_known"], again["days_changed"]) == (0, 1, 0)
    assert value(feed, "select max(changed_at) from campaign_facts") == before
    feed.execute("update autonomy_feed.metrics set conversions = 3.25 where day = '2026-11-20'")
    assert read(feed)["days_changed"] == 1
    assert figures(feed)["2026-11-20"] == (1000, Decimal("3.25"), 40)


def test_what_is_older_than_thirty_days_is_read_when_asked_for(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 60)
    assert len(figures(feed)) == 0
    read(feed)
    assert min(figures(feed)) == "2026-10-29"
    read(feed, since=date(2026, 10, 1))
    assert min(figures(feed)) == "2026-10-01"


def test_a_dry_run_writes_nothing(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 3)
    answer = read(feed, dry_run=True)
    assert (answer["campaigns_new"], answer["days_changed"]) == (1, 3)
    assert answer["accounts"][0]["spend"] == 120
    for table in ("campaigns", "campaign_metrics", "autonomy.feed", "autonomy.feed_campaigns"):
        assert value(feed, f"select count(*) from {table}") == 0
    assert value(feed, "select count(*) from autonomy_accounts where account <> 'default'") == 0


def test_without_views_there_is_a_sentence(db: Db, clean_tables: None) -> None:
    assert read(db, dry_run=True)["refused"][0].startswith("There is no schema autonomy_feed.")
    with refused(db, "AO010", "There is no schema autonomy_feed"):
        read(db)
    db.execute("create schema autonomy_feed")
    with refused(db, "AO010", "There is no view autonomy_feed.campaigns and autonomy_feed.metrics"):
        read(db)


@pytest.mark.parametrize(
    ("view", "types", "sentence"),
    [
        ("campaigns", {"currency": None}, "autonomy_feed.campaigns lacks the column currency: a text of ISO 4217"),
        ("metrics", {"spend": None}, "autonomy_feed.metrics lacks the column spend: a number in whole units"),
        ("metrics", {"day": None, "hour": None}, "has neither the column day (a date"),
        ("metrics", {"purchases": "numeric"}, "has a column purchases, which means nothing here"),
        ("metrics", {"spend": "text"}, "autonomy_feed.metrics.spend is of the type text; it must be a number"),
        ("metrics", {"spend": "money"}, "autonomy_feed.metrics.spend is of the type money"),
        ("metrics", {"day": "text"}, "autonomy_feed.metrics.day is of the type text; it must be a date"),
        ("metrics", {"day": "timestamp"}, "autonomy_feed.metrics.day is of the type timestamp"),
        ("metrics", {"hour": "integer"}, "autonomy_feed.metrics.hour is of the type integer"),
        ("campaigns", {"daily_budget": "text"}, "daily_budget is of the type text; it must be a number in whole"),
        ("campaigns", {"status": "boolean"}, "autonomy_feed.campaigns.status is of the type boolean"),
        ("campaigns", {"external_id": "numeric"}, "external_id is of the type numeric"),
    ],
)  # fmt: skip
def test_columns_are_checked(
    db: Db, clean_tables: None, view: str, types: dict[str, Any], sentence: str
) -> None:
    make(db, "campaigns", **(types if view == "campaigns" else {}))
    make(db, "metrics", **(types if view == "metrics" else {}))
    (said,) = read(db, dry_run=True)["refused"]
    assert sentence in said
    with refused(db, "AO010", sentence):
        read(db)


@pytest.mark.parametrize("missing", ["day", "hour", "nothing"])
def test_whole_numbers_enumerations_and_one_column_of_time_will_do(
    db: Db, clean_tables: None, missing: str
) -> None:
    db.execute("create type pg_temp.word as enum ('ENABLED')")
    make(db, "campaigns", external_id="bigint", status="pg_temp.word", created_at="date")
    make(
        db, "metrics", external_id="integer", spend="float8", clicks="smallint", **{missing: None}
    )  # fmt: skip
    put(db, "campaigns")
    moment = f"{TODAY}T03:00" if missing == "day" else TODAY
    db.execute(
        f"insert into autonomy_feed.metrics ({'hour' if missing == 'day' else 'day'}, platform,"
        " external_id, impressions, clicks, conversions, spend, revenue)"
        " values (%s, 'google_ads', 7, 1000, 50, 2.5, 40, 90)".encode(),
        (moment,),
    )
    assert read(db)["rows_taken"] == 1
    assert figures(db) == {"2026-11-28": (1000, Decimal("2.5"), 40)}


def test_a_key_twice_refuses_the_feed(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 3)
    days(feed, 2)
    put(feed, "metrics")
    with refused(
        feed, "AO010",
        "autonomy_feed.metrics has 3 rows for google_ads 7 on 2026-11-28, and more than one for 1 more key",
    ):  # fmt: skip
        read(feed)
    assert value(feed, "select count(*) from campaigns") == 0
    feed.execute("delete from autonomy_feed.metrics where day > '2026-11-26'")
    put(feed, "campaigns", title="Older name")
    with refused(feed, "AO010", "autonomy_feed.campaigns has 2 rows for google_ads 1 7"):
        read(feed)


def test_an_id_in_two_accounts_needs_the_account(feed: Db) -> None:
    put(feed, "campaigns")
    put(feed, "campaigns", account_id="2")
    days(feed, 1)
    with refused(feed, "AO010", "has google_ads 7 in 2 accounts"):
        read(feed)
    feed.execute("alter table autonomy_feed.metrics add account_id text")
    feed.execute("update autonomy_feed.metrics set account_id = '2'")
    put(feed, "metrics", account_id="1", spend=5)
    answer = read(feed)
    assert {one["account"]: one["spend"] for one in answer["accounts"]} == {
        "google_ads 1": 5, "google_ads 2": 40,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"spend": None}, "spend is NULL: coalesce it"),
        ({"conversions": None}, "conversions is NULL: coalesce it"),
        ({"impressions": None}, "impressions is NULL: coalesce it"),
        ({"spend": "NaN"}, "spend is no amount"),
        ({"spend": "Infinity"}, "spend is no amount"),
        ({"spend": -1}, "spend is no amount"),
        ({"spend": "1e13"}, "spend is no amount"),
        ({"revenue": "NaN"}, "revenue is no amount"),
        ({"conversions": -0.1}, "conversions is no number"),
        ({"conversions": "NaN"}, "conversions is no number"),
        ({"impressions": "1e300"}, "impressions is no number"),
        ({"clicks": "NaN"}, "clicks is no number"),
        ({"reach": -5}, "reach is no number"),
        ({"day": TODAY + timedelta(days=1)}, "its time lies in the future"),
        ({"day": "infinity"}, "its time lies in the future"),
        ({"day": "99999-01-01"}, "its time lies in the future"),
        ({"day": None, "hour": "infinity"}, "its time lies in the future"),
        ({"day": None, "hour": "2026-11-28T18:00"}, "its time lies in the future"),
        ({"day": None}, "neither day nor hour is said"),
        ({"hour": "2026-11-28T03:00"}, "day and hour are both said"),
        ({"external_id": "8"}, "autonomy_feed.campaigns does not have its campaign"),
        ({"external_id": None}, "platform or external_id is NULL"),
        ({"external_id": " "}, "platform or external_id is NULL"),
        ({"platform": None}, "platform or external_id is NULL"),
    ],
)
def test_what_is_no_figure_is_left_out_and_counted(
    feed: Db, row: dict[str, Any], reason: str
) -> None:
    put(feed, "campaigns")
    put(feed, "metrics", day="2026-11-27")
    put(feed, "metrics", **row)
    answer = read(feed)
    assert answer["rows_taken"] == 1
    ((said, rows),) = left_out(answer).items()
    assert reason in said
    assert rows == 1
    assert any(reason in one for one in answer["sentences"])
    assert figures(feed) == {"2026-11-27": (1000, Decimal("2.5"), 40)}


def test_a_refund_is_no_mistake(feed: Db) -> None:
    put(feed, "campaigns")
    put(feed, "metrics", revenue=-20)
    assert read(feed)["accounts"][0]["revenue"] == -20


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"currency": "USD"}, 'The account "google_ads 1" has several currencies (EUR, USD)'),
        ({"currency": "EURO"}, 'The currency of the account "google_ads 1" is "EURO"'),
        ({"time_zone": "Mars/Base"}, 'is "Mars/Base", which this database does not know'),
        ({"time_zone": "Asia/Tokyo"}, "has several time zones (Asia/Tokyo, Europe/Berlin)"),
    ],
)
def test_an_account_that_is_two_things_is_left_out(
    feed: Db, row: dict[str, Any], sentence: str
) -> None:
    put(feed, "campaigns")
    put(feed, "campaigns", external_id="8", **row)
    put(feed, "campaigns", account_id="2", external_id="9", currency="USD")
    for one in ("7", "8", "9"):
        days(feed, 2, external_id=one)
    answer = read(feed)
    (said,) = answer["refused"]
    assert sentence in said
    assert {one["account"]: one["days"] for one in answer["accounts"]} == {
        "google_ads 1": 0, "google_ads 2": 2,
    }  # fmt: skip
    assert value(feed, "select count(*) from campaigns") == 1
    assert value(feed, "select problems from autonomy.feed") == [said]


def test_another_currency_than_here_is_left_out(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 2)
    read(feed)
    feed.execute("update autonomy_feed.campaigns set currency = 'USD'")
    answer = read(feed)
    assert "in USD, but it is in EUR here" in answer["refused"][0]
    assert (
        value(feed, "select currency from autonomy_accounts where account = 'google_ads 1'")
        == "EUR"
    )


def test_without_a_currency_it_is_said(feed: Db) -> None:
    put(feed, "campaigns", currency=None, daily_budget=None)
    days(feed, 2)
    answer = read(feed)
    assert answer["refused"] == []
    assert any("1 account has no currency" in one for one in answer["sentences"])
    assert any("1 campaign has no daily_budget" in one for one in answer["sentences"])
    assert value(feed, "select budget from campaigns") is None


@pytest.mark.parametrize("budget", ["NaN", "-5", "1e15"])
def test_a_budget_that_is_none_is_not_taken(feed: Db, budget: str) -> None:
    put(feed, "campaigns")
    read(feed)
    feed.execute("update autonomy_feed.campaigns set daily_budget = %s", (budget,))
    assert "daily_budget is no amount" in next(iter(left_out(read(feed))))
    assert value(feed, "select budget from campaigns") == 100


def test_a_status_that_is_not_known(feed: Db) -> None:
    put(feed, "campaigns", status="QUANTUM")
    assert "the status is no word that is known" in next(iter(left_out(read(feed))))
    assert value(feed, "select status from campaigns") == "paused"


@pytest.mark.parametrize(
    ("word", "means"),
    [("ENABLED", "active"), ("ACTIVE", "active"), ("Active", "active"), ("ENABLE", "active"),
     ("CAMPAIGN_STATUS_ENABLE", "active"), ("WITH_ISSUES", "active"), ("PAUSED", "paused"),
     ("REMOVED", "paused"), ("BudgetPaused", "paused"), ("DISABLE", "paused"),
     ("CAMPAIGN_STATUS_DISABLE", "paused"), ("ARCHIVED", "paused"), ("COMPLETED", "paused"),
     ("PENDING", None), ("", None), (None, None)],
)  # fmt: skip
def test_words_of_platforms(db: Db, word: str | None, means: str | None) -> None:
    assert value(db, "select autonomy.feed_status(%s)", word) == means


def test_only_what_changed_there_is_followed(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 2)
    read(feed)
    one = value(feed, ID, "7")
    feed.execute("update campaigns set status = 'paused', budget = 50")  # here, by a person
    answer = read(feed)
    assert state(feed, one) == ("paused", 50)
    assert answer["changed_on_platform"] == []
    assert answer["not_carried_over"] == [
        "Shoes: paused here, active there, budget 50.00 EUR here, 100.00 EUR there"
    ]
    feed.execute("update autonomy_feed.campaigns set daily_budget = 120")
    answer = read(feed)
    assert state(feed, one) == ("paused", 120)
    assert answer["changed_on_platform"] == ["Shoes: budget 50.00 EUR to 120.00 EUR"]
    last = feed.execute(
        "select kind, actor, person from campaign_changes order by id desc limit 1"
    ).fetchone()
    assert last == ("outside", "feed", False)
    feed.execute("update autonomy_feed.campaigns set status = 'PAUSED', title = 'Boots'")
    read(feed)
    feed.execute("update autonomy_feed.campaigns set status = 'ENABLED'")
    read(feed)
    assert state(feed, one) == ("active", 120)
    assert value(feed, "select title from campaigns") == "Boots"


def test_our_pause_is_not_undone_by_a_feed_that_says_nothing_new(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 2)
    read(feed)
    one = value(feed, ID, "7")
    value(feed, "select auto_pause_campaign(%s, 'it loses money', 95)", one)
    read(feed)
    assert state(feed, one)[0] == "paused"
    assert value(feed, "select status from autonomous_actions") == "executed"


def test_a_campaign_that_a_file_brought_is_found_again(feed: Db) -> None:
    one = campaign(feed, title="Shoes", account="shop")
    feed.execute(
        "insert into autonomy.file_states (campaign_id, platform_id, title, status, budget, until, read_at)"
        " values (%s, '7', 'Shoes', 'active', 100, '2026-11-01', '2026-11-01')",
        (one,),
    )
    put(feed, "campaigns")
    put(feed, "campaigns", external_id="8", title="New here")
    days(feed, 2)
    answer = read(feed)
    assert (answer["campaigns_new"], answer["campaigns_known"]) == (1, 1)
    assert value(feed, ID, "7") == one
    assert read(feed)["campaigns_new"] == 0


def test_a_new_campaign_comes_to_the_others_of_its_account(feed: Db) -> None:
    put(feed, "campaigns")
    read(feed)
    feed.execute("update campaigns set account = 'Shop'")
    put(feed, "campaigns", external_id="8")
    read(feed)
    assert value(feed, "select array_agg(distinct account) from campaigns") == ["Shop"]


def test_hours_are_the_accounts_time(feed: Db) -> None:
    put(feed, "campaigns", time_zone="Asia/Tokyo", currency="JPY", daily_budget=5000)
    for hour in ("2026-11-26T23:00", "2026-11-27T00:00"):
        put(feed, "metrics", day=None, hour=hour, spend=500)
    read(feed)
    assert figures(feed) == {
        "2026-11-26": (1000, Decimal("2.5"), 500), "2026-11-27": (1000, Decimal("2.5"), 500),
    }  # fmt: skip
    moments = feed.execute("select bucket at time zone 'UTC' from campaign_metrics order by 1")
    assert [str(one) for (one,) in moments] == ["2026-11-26 14:00:00", "2026-11-26 15:00:00"]
    assert str(value(feed, "select budget from campaigns")) == "5000"


def test_hours_with_an_offset_are_moments(db: Db, clean_tables: None) -> None:
    make(db, "campaigns")
    make(db, "metrics", hour="timestamptz", day=None)
    put(db, "campaigns", time_zone="Asia/Tokyo")
    db.execute(
        "insert into autonomy_feed.metrics values"
        " ('google_ads', '7', '2026-11-26T16:00Z', 1000, null, 50, 2.5, 40, 90)"
    )
    read(db)
    assert list(figures(db)) == ["2026-11-27"]


def test_a_whole_day_is_the_accounts_date(feed: Db) -> None:
    put(feed, "campaigns", time_zone="Asia/Tokyo")
    put(feed, "metrics", day="2026-11-26")
    read(feed)
    assert list(figures(feed)) == ["2026-11-26"]


@pytest.mark.parametrize(("spend", "stays"), [(40, 40), (4, 40), (80, 80)])
def test_a_day_by_hour_and_as_a_whole_is_never_both(feed: Db, spend: int, stays: int) -> None:
    put(feed, "campaigns")
    put(feed, "metrics", day="2026-11-26")
    for hour in range(4):
        put(
            feed, "metrics", day=None, hour=f"2026-11-26T0{hour}:00", impressions=25 * spend / 4,
            spend=spend / 4, conversions=0,
        )  # fmt: skip
    answer = read(feed)
    assert figures(feed)["2026-11-26"][2] == stays
    assert len(answer["left_out"]) == 1


def test_a_day_that_is_here_by_hour_is_not_added_to(feed: Db) -> None:
    put(feed, "campaigns")
    for hour in range(4):
        put(feed, "metrics", day=None, hour=f"2026-11-26T0{hour}:00", impressions=250, spend=10)
    read(feed)
    feed.execute("delete from autonomy_feed.metrics")
    put(feed, "metrics", day="2026-11-26")
    answer = read(feed)
    assert figures(feed)["2026-11-26"][2] == 40
    assert answer["days_changed"] == 0
    feed.execute("update autonomy_feed.metrics set spend = 55")
    read(feed)
    assert figures(feed)["2026-11-26"][2] == 55


@pytest.mark.parametrize("factor", [2, 100, 0.01])
def test_another_past_is_refused_until_it_is_wanted(feed: Db, factor: float) -> None:
    put(feed, "campaigns")
    days(feed, 10)
    read(feed)
    feed.execute("update autonomy_feed.metrics set spend = spend * %s", (factor,))
    answer = read(feed)
    assert "the feed would replace 6 days, in which 240.00 EUR were spent" in answer["refused"][0]
    assert figures(feed)["2026-11-20"][2] == 40
    assert value(feed, "select autonomy.feed_warnings() ->> 0").startswith(
        'The feed was not read in part: Of the account "google_ads 1"'
    )
    assert read(feed, p_replace="true")["refused"] == []
    assert figures(feed)["2026-11-20"][2] == Decimal(str(40 * factor))
    assert value(feed, "select autonomy.feed_warnings()") == []


def test_a_view_that_fails_is_a_sentence(feed: Db) -> None:
    feed.execute("alter table autonomy_feed.metrics rename to raw")
    feed.execute(
        "create view autonomy_feed.metrics as select platform, external_id, day, hour, impressions,"
        " reach, clicks, conversions, spend, 1 / (spend - spend) as revenue from autonomy_feed.raw"
    )
    put(feed, "campaigns")
    feed.execute(
        "insert into autonomy_feed.raw values ('google_ads', '7', %s, null, 1, 1, 1, 1, 1, 1)",
        (TODAY,),
    )
    with refused(feed, "AO010", "autonomy_feed.metrics cannot be read: division by zero"):
        read(feed)


def test_a_role_that_may_not_read_is_told_what_to_grant(feed: Db) -> None:
    feed.execute("set local role service_role")
    with refused(feed, "AO010", "grant usage on schema autonomy_feed to service_role;"):
        read(feed)
    feed.execute("reset role")
    feed.execute("grant usage on schema autonomy_feed to service_role")
    feed.execute("set local role service_role")
    with refused(feed, "AO010", "grant select on autonomy_feed.campaigns, autonomy_feed.metrics"):
        read(feed)
    feed.execute("reset role")
    feed.execute("grant select on all tables in schema autonomy_feed to service_role")
    put(feed, "campaigns")
    days(feed, 2)
    feed.execute("set local role service_role")
    assert read(feed)["rows_taken"] == 2


@pytest.mark.parametrize("since", ["1999-12-31", "2026-12-01", "infinity", "-infinity"])
def test_a_day_that_is_none(feed: Db, since: str) -> None:
    with refused(feed, "AO010", "no day of the past"):
        value(feed, f"select import_feed('{since}', p_now => '{NOW}')")


def test_runs_read_it_when_it_is_switched_on_and_due(feed: Db) -> None:
    def step(at: str) -> Any:
        return value(feed, "select read_feed(%s)", f"2026-11-28T{at}Z")

    put(feed, "campaigns")
    days(feed, 2)
    assert step("10:00") == {"due": False}
    assert value(feed, "select set_feed(60)")["minutes"] == 60
    assert step("10:00")["read"] is True
    assert step("10:30") == {"due": False}
    assert step("10:59")["read"] is True
    value(feed, "select set_feed(null)")
    assert step("23:00") == {"due": False}
    for wrong in (0, -1, 10081, "'NaN'"):
        with refused(feed, "AO010", "every 1 to 10080 minutes"):
            value(feed, f"select set_feed({wrong})")


def test_a_failure_is_written_down_told_and_over(feed: Db) -> None:
    value(feed, "select set_feed(60)")
    put(feed, "campaigns")
    feed.execute("alter table autonomy_feed.metrics rename spend to cost")
    answer = value(feed, "select read_feed('2026-11-28T10:00Z')")
    assert answer["read"] is False
    assert answer["error"].startswith("autonomy_feed.metrics lacks the column spend")
    assert value(feed, "select autonomy.feed_warnings()") == [
        f"The feed was not read: {answer['error']}"
    ]
    reason = feed.execute(
        "select code, sentence from autonomy.dashboard_state_of_feed()"
    ).fetchone()
    assert reason == ("FEED_FAILED", f"The feed could not be read yet: {answer['error']}")
    codes = "select array_agg(code) from autonomy.causes_now(60, false, '2026-11-28T10:01Z')"
    assert "FEED_FAILED" in value(feed, codes)
    assert value(feed, "select read_feed('2026-11-28T10:10Z')") == {"due": False}
    feed.execute("alter table autonomy_feed.metrics rename cost to spend")
    assert value(feed, "select read_feed('2026-11-28T11:00Z')")["read"] is True
    assert value(feed, "select autonomy.feed_warnings()") == []
    assert "FEED_FAILED" not in (value(feed, codes) or [])


def test_the_run_in_the_database_says_it(feed: Db) -> None:
    value(feed, "select set_feed(60)")
    value(feed, "select read_feed()")
    feed.execute("drop schema autonomy_feed cascade")
    feed.execute("update autonomy.feed set tried_at = null")
    assert value(feed, "select read_feed()")["read"] is False
    result = value(feed, "select run_autonomous_operations()")
    assert any("The feed was not read: There is no schema" in one for one in result["warnings"])


def test_settings_of_the_session_are_put_back(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 2)
    read(feed)
    for name in ("autonomy.actor", "autonomy.ingest", "autonomy.now"):
        assert value(feed, f"select coalesce(current_setting('{name}', true), '')") == ""


def test_two_at_once(feed: Db, migrated: Any) -> None:
    with psycopg.connect(migrated.database_url) as other:
        other.execute("select pg_advisory_xact_lock(hashtextextended('autonomy.feed', 0))")
        with refused(feed, "AO008", "The feed is being read already"):
            read(feed)
        value(feed, "select set_feed(60)")
        assert value(feed, "select read_feed()") == {"due": False}
        assert read(feed, dry_run=True)["refused"] == []


# --- In slices ------------------------------------------------------------------------------------

SLICE = "create or replace function autonomy.feed_slice_rows() returns bigint language sql immutable as 'select {}'"


def sliced(db: Db, rows: int, **more: Any) -> list[Any]:
    """The answers of the calls that read everything, so many rows at a time."""
    db.execute(SLICE.format(f"{rows}::bigint").encode())
    answers = [read(db, **more)]
    while left := answers[-1]["still_to_read"]:
        assert len(answers) < 100
        until = {} if left["until"] is None else {"p_until": f"date '{left['until']}'"}
        answers.append(read(db, since=left["since"], **{**more, **until}))
    return answers


@pytest.mark.parametrize("rows", [1, 7, 30, 1000])
def test_slices_come_to_the_same_as_one(feed: Db, rows: int) -> None:
    for external_id in ("7", "8", "9"):
        put(feed, "campaigns", external_id=external_id)
    for place, external_id in enumerate(("7", "8", "9")):
        days(feed, 20 - 5 * place, external_id=external_id, spend=10 + place)
    answers = sliced(feed, rows)
    assert sum(one["rows_taken"] for one in answers) == 45
    assert sum(one["days_changed"] for one in answers) == 45
    assert (len(answers) == 1) is (rows == 1000)
    assert len(figures(feed)) == 20
    assert value(feed, "select sum(spend) from campaign_daily") == 20 * 10 + 15 * 11 + 10 * 12
    assert value(feed, "select min(created_at)::date from campaigns") <= TODAY - timedelta(days=19)
    assert sum(one["days_changed"] for one in sliced(feed, rows)) == 0


def test_hours_of_slices_are_whole_days(feed: Db) -> None:
    """Berlin's days begin at 23 h of the day before."""
    feed.execute("alter table autonomy_feed.metrics alter column hour type timestamptz")
    put(feed, "campaigns")
    for hour in range(96):
        at = f"{TODAY - timedelta(days=4)}T00:30:00Z"
        feed.execute(
            "insert into autonomy_feed.metrics (platform, external_id, hour, impressions, clicks,"
            " conversions, spend, revenue) values ('google_ads', '7',"
            " %s::timestamptz + %s * interval '1 hour', 10, 1, 0.5, 2, 3)", (at, hour)
        )  # fmt: skip
    answers = sliced(feed, 30)
    assert len(answers) > 1
    assert sum(one["rows_taken"] for one in answers) == 96
    assert {spend for _, _, spend in figures(feed).values()} == {
        Decimal(48),
        Decimal(46),
        Decimal(2),
    }


def test_runs_go_on_with_what_is_left(feed: Db) -> None:
    put(feed, "campaigns")
    days(feed, 20)
    feed.execute(SLICE.format("3::bigint").encode())
    # as where the time of a call is over after the newest days
    feed.execute("select set_feed(60)")
    body = value(feed, "select prosrc from pg_proc where proname = 'read_due_feed'")
    definition = value(feed, "select pg_get_functiondef('autonomy.read_due_feed'::regproc)")
    assert "20 seconds" in body
    feed.execute(definition.replace("20 seconds", "-1 seconds").encode())
    first = value(feed, f"select read_feed('{NOW}')")
    assert (first["read"], len(figures(feed))) == (True, 3)
    left = value(feed, "select still_to_read from autonomy.feed")
    assert left == {
        "since": str(TODAY - timedelta(days=30)),
        "until": str(TODAY - timedelta(days=3)),
    }
    feed.execute(definition.encode())
    again = value(feed, f"select read_feed('{NOW.replace('T12', 'T14')}')")
    assert (again["still_to_read"], len(figures(feed))) == (None, 20)
    assert value(feed, "select still_to_read from autonomy.feed") is None


def test_what_is_wrong_with_the_newest_days_stays_said(feed: Db) -> None:
    put(feed, "campaigns", account_id="2", external_id="8", currency="USD")
    put(feed, "campaigns", account_id="2", external_id="9", currency="EUR")
    days(feed, 10)
    answers = sliced(feed, 3)
    assert all(one["refused"] for one in answers)
    assert len(value(feed, "select problems from autonomy.feed")) == 1


@pytest.mark.parametrize("until", ["2026-10-01", "1999-01-01"])
def test_no_slice_ends_before_it_begins(feed: Db, until: str) -> None:
    with refused(feed, "AO010"):
        value(feed, f"select import_feed('2026-11-01', p_until => '{until}', p_now => '{NOW}')")


# --- Beside a connected account -------------------------------------------------------------------


def connected(db: Db, account: str, external_id: str = "1", **unit: Any) -> Any:
    """An account that is read from Google Ads, with a campaign of the id 7."""
    db.execute(
        "insert into autonomy.platform_accounts (account, platform, external_id)"
        " values (%s, 'google', %s)", (account, external_id)
    )  # fmt: skip
    one = campaign(db, 100, account=account, title="Shoes")
    db.execute(
        "insert into autonomy.platform_units (campaign_id, account, external_id, kind, budget_kind,"
        " budget, observed_at) values (%s, %s, '7', 'campaign', 'daily', 100, %s)",
        (one, account, NOW),
    )
    db.execute(
        "insert into autonomy.file_states (campaign_id, platform_id, title, status, budget, until,"
        " read_at) values (%s, '7', 'Shoes', 'active', 100, %s::timestamptz - interval '1 hour',"
        " %s::timestamptz - interval '1 hour')", (one, NOW, NOW)
    )  # fmt: skip
    return one


@pytest.mark.parametrize("account", ["google_ads 1", "Berlin"])
def test_of_a_connected_account_the_platform_itself_speaks(feed: Db, account: str) -> None:
    """A warehouse is hours behind: its old state would be taken for somebody's change."""
    one = connected(feed, account)
    put(feed, "campaigns", status="PAUSED", daily_budget=70)
    put(feed, "campaigns", external_id="8", title="New")
    put(feed, "campaigns", account_id="2", external_id="9")
    days(feed, 3)
    days(feed, 3, external_id="9")
    answer = read(feed)
    assert state(feed, one) == ("active", 100)
    assert value(feed, "select count(*) from campaign_metrics where campaign_id = %s", one) == 0
    assert value(feed, "select array_agg(account order by account) from campaigns") == sorted(
        [account, "google_ads 2"]
    )
    assert (answer["refused"], answer["days_changed"], answer["changed_on_platform"]) == ([], 3, [])
    assert "connected" in str(answer["left_out"])

"""Days are the account's: the same hours are other days in Tokyo than in Los Angeles."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from autonomy.imports.load import import_files

TOKYO, LOS_ANGELES, PLAIN = "tokyo", "la", "plain"
ZONES = {TOKYO: "Asia/Tokyo", LOS_ANGELES: "America/Los_Angeles", PLAIN: None}


@pytest.fixture
def own(scratch_database: Callable[[], str]) -> str:
    """Three accounts with a campaign each; the third keeps the policy's zone."""
    url = scratch_database()
    with psycopg.connect(url) as db:
        for account, zone in ZONES.items():
            db.execute(
                "insert into campaigns (title, account, budget, created_at) values (%s, %s, 100, '2025-01-01Z')",
                (account, account),
            )
            db.execute(
                "insert into autonomy_accounts (account, time_zone) values (%s, %s)"
                " on conflict (account) do update set time_zone = excluded.time_zone",
                (account, zone),
            )
    return url


def hours(db: Any, begin: datetime, count: int, spend: float = 10) -> None:
    """The same hours of every campaign."""
    db.execute(
        """insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
           select c.id, %(begin)s + h * interval '1 hour', 1000, 50, 1, %(spend)s, 30
           from campaigns c, generate_series(0, %(count)s - 1) h on conflict do nothing""",
        {"begin": begin, "count": count, "spend": spend},
    )


def days(db: Any, account: str) -> dict[str, Decimal]:
    return pairs(
        db,
        "select day::text, spend from campaign_daily d join campaigns c on c.id = d.campaign_id"
        " where account = %s order by 1",
        account,
    )


def one(db: Any, query: str, *values: Any) -> Any:
    row = db.execute(query, values or None).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def pairs(db: Any, query: str, *values: Any) -> dict[Any, Any]:
    return dict(db.execute(query, values or None).fetchall())


def set_zone(db: Any, account: str, zone: str | None) -> None:
    db.execute("update autonomy_accounts set time_zone = %s where account = %s", (zone, account))


@pytest.mark.parametrize("door", ["sql", "ingest"])
def test_the_same_hours_are_other_days(own: str, door: str) -> None:
    begin = datetime(
        2026, 11, 2, tzinfo=UTC
    )  # 9 in the morning in Tokyo, 16 of the day before in LA
    with psycopg.connect(own) as db:
        if door == "sql":
            hours(db, begin, 24)
        else:
            rows = [
                {"campaign_id": str(campaign), "bucket": (begin + timedelta(hours=h)).isoformat(),
                 "impressions": 1000, "clicks": 50, "conversions": 1, "spend": 10, "revenue": 30}
                for (campaign,) in db.execute("select id from campaigns").fetchall()
                for h in range(24)
            ]  # fmt: skip
            db.execute("select record_campaign_metrics(%s, '2026-11-05Z')", (Jsonb(rows),))
        assert days(db, PLAIN) == {"2026-11-02": 240}
        assert days(db, TOKYO) == {"2026-11-02": 150, "2026-11-03": 90}
        assert days(db, LOS_ANGELES) == {"2026-11-01": 80, "2026-11-02": 160}
        ends = pairs(
            db,
            "select c.account, f.as_of from campaign_facts f join campaigns c on c.id = f.campaign_id",
        )
        assert {account: at.astimezone(UTC) for account, at in ends.items()} == {
            PLAIN: datetime(2026, 11, 3, tzinfo=UTC),
            TOKYO: datetime(2026, 11, 3, 15, tzinfo=UTC),
            LOS_ANGELES: datetime(2026, 11, 3, 8, tzinfo=UTC),
        }
        differing = one(
            db,
            """select count(*) from campaign_facts f join campaign_facts_at('2026-11-05Z') g using (campaign_id)
               where (f.as_of, f.w1_spend, f.w3_spend, f.p1_spend, f.ev_spend) is distinct from
                     (g.as_of, g.w1_spend, g.w3_spend, g.p1_spend, g.ev_spend)""",
        )
        assert differing == 0


@pytest.mark.parametrize(
    ("begin", "first"),
    [
        (datetime(2026, 3, 8, 8, tzinfo=UTC), 230),  # the clocks go forth in Los Angeles
        (datetime(2026, 11, 1, 7, tzinfo=UTC), 250),  # and back
    ],
)
def test_days_of_another_length_are_the_accounts(own: str, begin: datetime, first: int) -> None:
    with psycopg.connect(own) as db:
        hours(db, begin, 49)
        found = days(db, LOS_ANGELES)
        assert next(iter(found.values())) == first
        assert list(days(db, TOKYO).values())[1] == 240


def test_another_zone_rebuilds_that_account_alone(own: str) -> None:
    with psycopg.connect(own) as db:
        hours(db, datetime(2026, 11, 2, tzinfo=UTC), 24)
        db.execute("select set_config('autonomy.now', '2026-11-09Z', true)")
        before = pairs(db, "select campaign_id, changed_at from campaign_facts")
        set_zone(db, TOKYO, "America/Los_Angeles")
        assert days(db, TOKYO) == days(db, LOS_ANGELES) == {"2026-11-01": 80, "2026-11-02": 160}
        after = pairs(db, "select campaign_id, changed_at from campaign_facts")
        moved = one(db, "select id from campaigns where account = %s", TOKYO)
        assert {c for c, at in after.items() if before[c] != at} == {moved}
        set_zone(db, TOKYO, None)
        assert days(db, TOKYO) == days(db, PLAIN)


def test_the_policys_zone_is_that_of_accounts_without_one(own: str) -> None:
    with psycopg.connect(own) as db:
        hours(db, datetime(2026, 11, 2, tzinfo=UTC), 24)
        kept = days(db, TOKYO), days(db, LOS_ANGELES)
        db.execute("update autonomy_policy set time_zone = 'Asia/Tokyo'")
        assert days(db, PLAIN) == days(db, TOKYO)
        db.execute("update autonomy_policy set time_zone = 'America/Los_Angeles'")
        assert days(db, PLAIN) == days(db, LOS_ANGELES)
        assert (days(db, TOKYO), days(db, LOS_ANGELES)) == kept


def test_a_campaign_that_moves_has_the_days_of_its_new_account(own: str) -> None:
    with psycopg.connect(own) as db:
        hours(db, datetime(2026, 11, 2, tzinfo=UTC), 24)
        db.execute("update campaigns set account = %s where account = %s", (TOKYO, PLAIN))
        assert days(db, TOKYO) == {"2026-11-02": 150, "2026-11-03": 90}
        assert one(db, "select count(*) from campaign_daily") == 6


def test_a_campaign_that_goes_takes_its_days_along(own: str) -> None:
    with psycopg.connect(own) as db:
        hours(db, datetime(2026, 11, 2, tzinfo=UTC), 24)
        db.execute("delete from campaigns")
        assert one(db, "select count(*) from campaign_daily") == 0
        assert one(db, "select count(*) from campaign_facts") == 0


def test_whole_days_stay_the_dates_that_they_are(own: str, tmp_path: Path) -> None:
    """A file by day, imported before somebody says in which zone the account lives."""
    path = tmp_path / "days.csv"
    path.write_text(
        "account,campaign,date,impressions,clicks,conversions,spend,revenue\n"
        + "".join(f"{PLAIN},Elm,2026-11-0{day},900,30,1,{day}0.00,80\n" for day in range(1, 6))
    )
    import_files(own, [path], now=datetime(2026, 11, 9, tzinfo=UTC))
    told = {f"2026-11-0{day}": Decimal(10 * day) for day in range(1, 6)}
    with psycopg.connect(own) as db:
        for zone in ("America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Honolulu"):
            set_zone(db, PLAIN, zone)
            assert days(db, PLAIN) == told
        db.commit()
    import_files(own, [path], now=datetime(2026, 11, 9, tzinfo=UTC))
    with psycopg.connect(own) as db:
        assert days(db, PLAIN) == told


def test_a_whole_day_that_moves_onto_an_hour_of_the_day_before_is_not_lost(own: str) -> None:
    with psycopg.connect(own) as db:
        hours(db, datetime(2026, 11, 9, 8, tzinfo=UTC), 24)  # all of the 9th in Los Angeles
        moved = one(db, "select id from campaigns where account = %s", LOS_ANGELES)
        day = {"campaign_id": str(moved), "bucket": "2026-11-10", "impressions": 900, "reach": 0}
        day |= {"clicks": 9, "conversions": 1, "spend": 240, "revenue": 80}
        assert one(db, "select record_campaign_metrics(%s)", Jsonb([day]))["accepted"] == 1
        for zone in ("UTC", "America/Los_Angeles"):
            set_zone(db, LOS_ANGELES, zone)
            assert sum(days(db, LOS_ANGELES).values()) == 480
            assert days(db, LOS_ANGELES)["2026-11-10"] >= 240


def test_a_zone_that_is_not_known_any_more_can_be_changed(own: str) -> None:
    """A move to a server with fewer names of zones: US/Pacific is America/Los_Angeles there."""
    with psycopg.connect(own) as db:
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, spend, whole_day)"
            " select id, '2026-11-10'::timestamp at time zone 'America/Los_Angeles', 240, true"
            " from campaigns where account = %s",
            (LOS_ANGELES,),
        )
        db.execute("set local session_replication_role = replica")
        db.execute(
            "update autonomy_accounts set time_zone = 'US/Gone' where time_zone like 'America%'"
        )
        db.execute("set local session_replication_role = origin")
        set_zone(db, LOS_ANGELES, "America/Los_Angeles")
        assert days(db, LOS_ANGELES) == {"2026-11-10": 240}


def test_days_and_hours_of_a_file_are_the_accounts(own: str, tmp_path: Path) -> None:
    path = tmp_path / "hours.csv"
    path.write_text(
        "account,campaign,date,hour,impressions,clicks,conversions,spend,revenue\n"
        + "".join(
            f"{account},File,2026-11-02,{hour},900,30,1,10.00,80\n"
            for account in ZONES
            for hour in range(24)
        )
    )
    import_files(own, [path], now=datetime(2026, 11, 9, tzinfo=UTC))
    with psycopg.connect(own) as db:
        for account in ZONES:
            assert days(db, account) == {"2026-11-02": 240}
        firsts = pairs(
            db,
            "select account, min(bucket) from campaign_metrics m join campaigns c on c.id = m.campaign_id group by 1",
        )
        assert firsts[TOKYO].astimezone(UTC) == datetime(2026, 11, 1, 15, tzinfo=UTC)
        assert firsts[LOS_ANGELES].astimezone(UTC) == datetime(2026, 11, 2, 8, tzinfo=UTC)


def test_complete_days_are_the_accounts(own: str) -> None:
    """At 18:00 UTC of the 20th it is already the 21st in Tokyo: its 20th is complete."""
    now = datetime(2026, 11, 20, 18, tzinfo=UTC)
    with psycopg.connect(own) as db:
        begin = datetime(2026, 11, 10, tzinfo=UTC)
        hours(db, begin, (now - begin) // timedelta(hours=1), spend=2)
        db.execute(
            "update campaign_metrics m set spend = 4 from campaigns c where c.id = m.campaign_id"
            " and bucket >= '2026-11-19 15:00Z'"  # midnight of the 20th in Tokyo
        )
        used = pairs(
            db,
            """select c.account, u.share from campaigns c
                   join autonomy.budget_use(array(select id from campaigns), %s) u on u.campaign_id = c.id""",
            now,
        )
        assert used[TOKYO] == pytest.approx((0.96 + 0.48 + 0.48) / 3)
        assert used[PLAIN] == pytest.approx(((15 * 2 + 9 * 4) / 100 + 0.48 + 0.48) / 3)
        assert (
            one(
                db,
                "select dashboard_campaign(id, 60, %s) ->> 'today' from campaigns where account = %s",
                now,
                TOKYO,
            )
            == "2026-11-21"
        )


def test_replay_sees_the_days_of_each_account(own: str) -> None:
    """What runs of the past would have seen is what the facts were then."""
    with psycopg.connect(own) as db:
        begin = datetime(2026, 10, 20, tzinfo=UTC)
        hours(db, begin, 24 * 16)
        first, last = datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)
        for step in (7, 24):
            looks = db.execute(
                "select at, campaign_id, figures from autonomy.past_candidates("
                " null::jsonb, array['3d', 'prior_3d'], %s, %s, %s, '{}', true)",
                (first, last, step),
            ).fetchall()
            assert len({at for at, _, _ in looks}) >= (last - first) // timedelta(hours=step)
            for at, campaign, figures in looks:
                seen = db.execute(
                    "select life_spend, w3_spend, p3_spend, ev_spend from campaign_facts_at(%s) where campaign_id = %s",
                    (at - timedelta(microseconds=1), campaign),
                ).fetchone()
                assert seen is not None
                assert (figures[4], figures[13 + 4], figures[13 + 6 + 4]) == seen[:3]
                half_lives = max(0.0, figures[11]) / 24 / 7  # of the age of its data
                assert figures[6] == pytest.approx(seen[3] * 0.5**half_lives)


def test_the_weak_hours_are_the_accounts(own: str) -> None:
    """Nothing converts from midnight to six in the morning, each by its own clock."""
    with psycopg.connect(own) as db:
        for account, zone in ZONES.items():
            db.execute(
                """insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)
                   select c.id, b.at, 4000, 100,
                     case when extract(hour from b.at at time zone %(zone)s) < 6 then 0 else 4 end, 50,
                     case when extract(hour from b.at at time zone %(zone)s) < 6 then 0 else 200 end
                   from campaigns c, generate_series('2026-10-20Z'::timestamptz, '2026-11-20 12:00Z', interval '1 hour') b (at)
                   where c.account = %(account)s""",
                {"zone": zone or "UTC", "account": account},
            )
        found = db.execute(
            "select c.account, description from detect_optimization_opportunities('2026-11-20 12:00Z') o"
            " join campaigns c on c.id = o.campaign_id where opportunity_type = 'timing_optimization'"
        ).fetchall()
        assert len(found) == 3
        for account, words in found:
            assert f"every day 00:00-06:00, {ZONES[account] or 'UTC'}" in words


def test_people_are_counted_by_days_of_the_account(own: str) -> None:
    """Three changes on two evenings of Los Angeles: in UTC these would be three days, and a program."""
    now = datetime(2026, 11, 6, 12, tzinfo=UTC)
    with psycopg.connect(own) as db:
        db.execute("set autonomy.simulation = on")
        for number, at in enumerate(
            ("2026-11-03 20:00Z", "2026-11-04 06:00Z", "2026-11-05 04:00Z")
        ):
            db.execute("select set_config('autonomy.now', %s, true)", (at,))
            db.execute("update campaigns set budget = %s", (90 - number,))
        held = pairs(
            db,
            "select c.account, p.no_raise_until from campaigns c left join"
            " autonomy.people_changes(array(select id from campaigns), %s) p on p.campaign_id = c.id",
            now,
        )
        assert held[PLAIN] is None
        assert held[LOS_ANGELES] is not None
        assert date(2026, 11, 12) == held[LOS_ANGELES].astimezone(UTC).date()


def test_putting_back_is_told_from_a_program_by_days_of_the_account(own: str) -> None:
    with psycopg.connect(own) as db:
        for number, at in enumerate(("2026-11-03 20:00Z", "2026-11-04 06:00Z")):
            db.execute("select set_config('autonomy.now', %s, true)", (at,))
            db.execute("update campaigns set budget = %s", (90 + number,))
        db.execute(
            "select auto_scale_campaign(id, 120, 'more', 90, '2026-11-04 18:00Z') from campaigns"
        )
        db.execute("select set_config('autonomy.now', '2026-11-05 04:00Z', true)")
        db.execute(
            "update campaigns set budget = 91"
        )  # the third day of UTC, the second of Los Angeles
        became = pairs(
            db,
            "select c.account, a.status from autonomous_actions a join campaigns c on c.id = a.campaign_id",
        )
        assert became[LOS_ANGELES] == "rolled_back"
        assert became[PLAIN] == "executed"


def test_a_zone_that_vanished_holds_up_nobody_else(own: str) -> None:
    """The system's list of zones has lost one: its account goes by the policy's, and it is said."""
    with psycopg.connect(own, autocommit=True) as db:
        for account in ("lost", "fine"):
            loser(db, account)
        db.execute("set session_replication_role = replica")
        db.execute("update autonomy_accounts set time_zone = 'Mars/Base' where account = 'lost'")
        db.execute("reset session_replication_role")
        said = 'The time zone "Mars/Base" of the account "lost" is not known to this database'
        result = first(db, "select run_autonomous_operations()")
        assert result["warnings"][0].startswith(said)
        assert "its days are counted in the policy's, UTC." in result["warnings"][0]
        paused = "select account from campaigns where status = 'paused' order by 1"
        assert db.execute(paused).fetchall() == [("fine",), ("lost",)]
        # figures come in, pages and facts are there
        loser(db, "lost")
        for query in ("dashboard_overview()", "list_autonomous_accounts()", "dashboard_state()"):
            assert first(db, f"select {query}")
        assert first(db, "select count(*) from campaign_facts_at()") == 9
        take = "select autonomy_take_messages(gen_random_uuid(), '{slack}')->'messages'"
        taken = first(db, take)
        (cause,) = [one for one in taken if one["code"] == "ZONE_UNKNOWN"]
        assert (cause["account"], cause["kind"]) == ("lost", "began")
        db.execute("update autonomy_accounts set time_zone = 'Asia/Tokyo' where account = 'lost'")
        result = first(db, "select run_autonomous_operations()")
        assert result["warnings"] == []


def first(db: psycopg.Connection[Any], query: str) -> Any:
    row = db.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def loser(db: psycopg.Connection[Any], account: str) -> None:
    """A loser of ten days beside two that earn, by the hour."""
    for revenue in (1, 30, 30):
        db.execute(
            "with c as (insert into campaigns (title, account, budget, created_at)"
            " values ('one', %s, 100, now() - interval '20 days') returning id)"
            " insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
            " spend, revenue) select c.id, date_trunc('hour', now()) - n * interval '1 hour',"
            " 900, 50, 1, 10, %s from c, generate_series(1, 240) n",
            (account, revenue),
        )

"""The ingest and the facts: right, whoever writes, in whatever order, however many at once."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import math
import random
import threading
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.sql.servers import Db, Server

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
MEASURES = ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
WINDOWS = (1, 3, 7, 14, 30)
Row = dict[str, Any]


def campaigns(db: Db, count: int) -> list[uuid.UUID]:
    rows = db.execute(
        "insert into campaigns (title, budget) select 'c' || i, 100 from generate_series(1, %s) i"
        " returning id",
        (count,),
    ).fetchall()
    return sorted(row[0] for row in rows)


def row(campaign: uuid.UUID, bucket: datetime | str, **measures: Any) -> Row:
    filled = dict.fromkeys(MEASURES, 0) | measures
    text = bucket if isinstance(bucket, str) else bucket.isoformat()
    return {"campaign_id": str(campaign), "bucket": text, **filled}


def record(db: Db, rows: Any, now: datetime = NOW) -> dict[str, Any]:
    found = db.execute("select record_campaign_metrics(%s, %s)", (Jsonb(rows), now)).fetchone()
    assert found is not None
    answer: dict[str, Any] = found[0]
    return answer


def facts(db: Db, source: str = "campaign_facts") -> dict[uuid.UUID, Row]:
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"select * from {source}".encode()).fetchall()
    return {each["campaign_id"]: each for each in rows}


def facts_at(db: Db, now: datetime) -> dict[uuid.UUID, Row]:
    return facts(db, f"campaign_facts_at('{now.isoformat()}')")


def assert_same(one: dict[uuid.UUID, Row], other: dict[uuid.UUID, Row]) -> None:
    assert one.keys() == other.keys()
    for campaign, ours in one.items():
        theirs = other[campaign]
        for name in ours.keys() - {"changed_at"}:
            a, b = ours[name], theirs[name]
            if isinstance(a, float) and isinstance(b, float):
                assert math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12), (name, a, b)
            else:
                assert a == b, (campaign, name, a, b)


def set_policy(db: Db, **values: Any) -> None:
    for name, value in values.items():
        db.execute(f"update autonomy_policy set {name} = %s".encode(), (value,))


# -------------------------------------------------------------------------------------------------
# What the facts say, computed anew in Python
# -------------------------------------------------------------------------------------------------


def expected(series: dict[datetime, Row], zone: str, half_life: float, delay: float) -> Row:
    """The facts of one campaign as the contract words them, the slow way."""
    days: dict[Any, dict[str, Decimal]] = {}
    for bucket, values in series.items():
        day = days.setdefault(
            bucket.astimezone(ZoneInfo(zone)).date(), dict.fromkeys(MEASURES, Decimal(0))
        )
        for name in MEASURES:
            day[name] += Decimal(str(values[name]))
    last = max(days)
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), ZoneInfo(zone))
    found: Row = {"has_history": True, "as_of": end.astimezone(UTC)}
    for name in MEASURES:
        found[f"life_{name}"] = float(sum(day[name] for day in days.values()))
        for n in WINDOWS:
            for prefix, low, high in (("w", 0, n), ("p", n, 2 * n)):
                inside = [d[name] for date, d in days.items() if low <= (last - date).days < high]
                found[f"{prefix}{n}_{name}"] = float(sum(inside)) if inside else None
    ages = {date: (last - date).days for date in days}
    weights = {
        date: math.exp(-math.log(2) * k / half_life) if half_life else 1.0
        for date, k in ages.items()
        if half_life == 0 or k <= 10 * half_life
    }
    for name in ("spend", "conversions", "revenue"):
        found[f"ev_{name}"] = sum(w * float(days[date][name]) for date, w in weights.items())
    found["ev_days"] = sum(w for date, w in weights.items() if days[date]["spend"] > 0)
    found["ev_immature_spend"] = (
        sum(
            w * float(days[date]["spend"]) * math.exp(-(ages[date] + 0.5) * 24 / delay)
            for date, w in weights.items()
        )
        if delay
        else 0.0
    )
    found["ev_delay"] = delay
    return found


def random_history(chance: random.Random, now: datetime, days: int) -> dict[datetime, Row]:
    series = {}
    for _ in range(chance.randint(1, 120)):
        bucket = now.replace(minute=0) - timedelta(hours=chance.randint(0, days * 24))
        series[bucket] = {
            "impressions": chance.choice([0, 5, 1000, 10**9]),
            "reach": chance.randint(0, 900),
            "clicks": chance.randint(0, 50),
            "conversions": chance.choice((0, 0.4, 2, 3.75))
            * chance.randint(0, 15),  # dirty: more than the clicks
            "spend": round(chance.choice([0, chance.random() * 50]), 2),
            "revenue": round(chance.random() * 90 - 5, 2),  # refunds too
        }
    return series


@pytest.mark.parametrize(
    ("zone", "half_life", "delay", "now"),
    [
        ("UTC", 7, 0, NOW),
        ("America/New_York", 7, 36, NOW),
        ("America/New_York", 1, 1, datetime(2026, 11, 2, 4, 59, tzinfo=UTC)),  # clocks went back
        ("America/New_York", 3.5, 12, datetime(2026, 3, 9, 3, 30, tzinfo=UTC)),  # and forth
        ("Asia/Kolkata", 0, 48, NOW),
        ("Australia/Lord_Howe", 30, 0, datetime(2026, 4, 5, 15, 10, tzinfo=UTC)),
    ],
)
def test_the_facts_are_what_they_are_said_to_be(
    own: Db, zone: str, half_life: float, delay: float, now: datetime
) -> None:
    set_policy(own, time_zone=zone, evidence_half_life_days=half_life, conversion_delay_hours=delay)
    chance = random.Random(f"{zone}{now}")
    ids = campaigns(own, 8)
    # then spend counts as it is; what it counts for beside a budget: test_reference_budgets
    own.execute("update campaigns set budget = null")
    histories = {
        each: random_history(chance, now, chance.choice([2, 20, 100, 400])) for each in ids
    }
    rows = [row(c, b, **values) for c, series in histories.items() for b, values in series.items()]
    chance.shuffle(rows)
    assert record(own, rows, now) == {"accepted": len(rows), "rejected": []}
    found = facts(own)
    for campaign, series in histories.items():
        for name, value in expected(series, zone, half_life, delay).items():
            ours = found[campaign][name]
            same = ours == value or (
                isinstance(value, float) and math.isclose(ours, value, rel_tol=1e-9, abs_tol=1e-9)
            )
            assert same, (name, ours, value)
    assert_same(found, facts_at(own, now))


# -------------------------------------------------------------------------------------------------
# The facts kept equal the facts computed
# -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_written_the_facts_kept_equal_the_facts_at(own: Db, seed: int) -> None:
    chance = random.Random(seed)
    now = own.execute("select now()").fetchone()
    assert now is not None
    moment: datetime = now[0]
    ids = campaigns(own, 6)
    for step in range(40):
        _something(own, chance, ids, moment - timedelta(hours=1))
        if step % 8 == 7:
            assert_same(facts(own), facts_at(own, moment + timedelta(hours=1)))
    assert_same(facts(own), facts_at(own, moment + timedelta(hours=1)))
    daily = own.execute(
        """select count(*) from campaign_daily full join (
             select campaign_id, (bucket at time zone (select time_zone from autonomy_policy))::date as day,
                    sum(spend) as spend, sum(conversions) as conversions
             from campaign_metrics group by 1, 2) m using (campaign_id, day)
           where (campaign_daily.spend, campaign_daily.conversions) is distinct from (m.spend, m.conversions)"""
    ).fetchone()
    assert daily == (0,)
    totals = own.execute(
        """select count(*) from campaign_performance p
           join (select campaign_id, sum(spend) as spend, sum(clicks) as clicks from campaign_daily group by 1) d
             using (campaign_id)
           where p.from_metrics and (p.total_spend, p.clicks) is distinct from (d.spend, d.clicks)"""
    ).fetchone()
    assert totals == (0,)


def _something(db: Db, chance: random.Random, ids: list[uuid.UUID], now: datetime) -> None:
    """One random thing that may happen to an account."""
    campaign = chance.choice(ids)
    bucket = now.replace(minute=0, second=0, microsecond=0) - timedelta(
        hours=chance.randint(1, 2000)
    )
    kind = chance.choice(
        ["ingest"] * 6
        + ["insert", "update", "delete", "performance", "move", "own", "policy", "gone"]
    )
    if kind == "ingest":
        rows = [
            row(c, b, **values)
            for c in chance.sample(ids, 3)
            for b, values in random_history(chance, bucket, chance.choice([1, 40])).items()
        ]
        record(db, rows, now)
    elif kind == "insert":
        db.execute(
            "insert into campaign_metrics (campaign_id, bucket, spend, revenue, clicks)"
            " select i, %s, 3.33, 4, 2 from unnest(%s) i on conflict do nothing",
            (bucket, ids),
        )
    elif kind == "update":
        db.execute(
            "update campaign_metrics set revenue = revenue + 1 where campaign_id = %s", (campaign,)
        )
    elif kind == "delete":
        db.execute(
            "delete from campaign_metrics where campaign_id = %s and random() < 0.5", (campaign,)
        )
    elif kind == "performance":
        db.execute(
            "insert into campaign_performance (campaign_id, total_spend, total_revenue, order_value_cv2)"
            " values (%s, 77, 99, 0.7) on conflict (campaign_id)"
            " do update set total_spend = campaign_performance.total_spend + 1",
            (campaign,),
        )
    elif kind == "move":
        db.execute(
            "update campaign_metrics set bucket = bucket - interval '400 days' where campaign_id = %s",
            (campaign,),
        )
    elif kind == "own":
        db.execute("delete from campaign_performance where campaign_id = %s", (campaign,))
    elif kind == "policy":
        set_policy(
            db,
            time_zone=chance.choice(["UTC", "America/New_York", "Pacific/Auckland"]),
            evidence_half_life_days=chance.choice([0, 1, 7]),
            conversion_delay_hours=chance.choice([0, 24]),
        )
    elif kind == "gone" and len(ids) > 3:
        db.execute("delete from campaigns where id = %s", (campaign,))
        ids.remove(campaign)


def test_the_past_is_what_was_in_the_series_then(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    record(own, [row(campaign, NOW - timedelta(days=d), spend=10, clicks=d) for d in range(5)])
    assert facts_at(own, NOW)[campaign]["life_spend"] == 50
    assert facts_at(own, NOW - timedelta(days=3))[campaign]["life_spend"] == 20
    assert facts_at(own, NOW - timedelta(days=3))[campaign]["w1_clicks"] == 3
    assert facts_at(own, NOW - timedelta(days=30)) == {}


def test_a_campaign_without_a_series_has_its_performance_alone(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    own.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend,"
        " total_revenue, order_value_cv2, updated_at) values (%s, 100, 10, 1, 5.5, 11, 0.25, %s)",
        (campaign, NOW),
    )
    found = facts(own)[campaign]
    assert found["has_history"] is False
    assert found["as_of"] is None
    assert found["data_at"] == NOW
    assert (found["life_spend"], found["life_conversions"], found["cv2"]) == (5.5, 1, 0.25)
    made_with = ("ev_delay", "ev_curvature")
    unknown = [name for name in found if name[:2] in ("w1", "p7", "ev") and name not in made_with]
    assert all(found[name] is None for name in unknown)
    for moment in (NOW, NOW - timedelta(days=9)):
        assert_same(facts(own), facts_at(own, moment))


@pytest.mark.parametrize("value", ["'NaN'", "null"])
def test_a_total_that_is_no_number_is_unknown_not_large(own: Db, value: str) -> None:
    own.execute(
        "alter table campaign_performance alter total_spend drop not null,"
        " drop constraint campaign_performance_total_spend_check"
    )
    (campaign,) = campaigns(own, 1)
    own.execute(
        f"insert into campaign_performance (campaign_id, total_spend, order_value_cv2) values (%s, {value}, 'NaN')".encode(),
        (campaign,),
    )
    found = facts(own)[campaign]
    assert (found["life_spend"], found["cv2"]) == (None, None)
    assert own.execute("select roi from campaign_performance").fetchone() == (None,)


# -------------------------------------------------------------------------------------------------
# Totals: whose are they
# -------------------------------------------------------------------------------------------------


def performance(db: Db, campaign: uuid.UUID) -> Any:
    return db.execute(
        "select total_spend, conversions, from_metrics from campaign_performance where campaign_id = %s",
        (campaign,),
    ).fetchone()


def test_the_ingest_makes_the_totals_where_nobody_else_does(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    record(own, [row(campaign, NOW, spend=10.01, conversions=3)])
    assert performance(own, campaign) == (Decimal("10.01"), 3, True)
    record(own, [row(campaign, NOW, spend=9.01, conversions=2)])
    assert performance(own, campaign) == (Decimal("9.01"), 2, True)
    own.execute("delete from campaign_metrics")
    assert performance(own, campaign) is None
    assert facts(own) == {}


def test_totals_of_another_writer_are_never_overwritten(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    own.execute(
        "insert into campaign_performance (campaign_id, total_spend) values (%s, 500)", (campaign,)
    )
    record(own, [row(campaign, NOW, spend=10, conversions=3)])
    assert performance(own, campaign) == (500, 0, False)
    found = facts(own)[campaign]
    assert (found["life_spend"], found["w1_spend"], found["has_history"]) == (500, 10, True)


def test_who_writes_the_totals_by_hand_owns_them(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    record(own, [row(campaign, NOW, spend=10, conversions=3)])
    own.execute("update campaign_performance set conversions = 30")
    record(own, [row(campaign, NOW - timedelta(hours=1), spend=1)])
    assert performance(own, campaign) == (10, 30, False)


def test_updated_at_is_set_unless_the_writer_sets_it(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    own.execute(
        "insert into campaign_performance (campaign_id, updated_at) values (%s, '2020-01-01Z')",
        (campaign,),
    )
    own.execute("update campaign_performance set clicks = 1, updated_at = '2021-01-01Z'")
    assert own.execute("select updated_at from campaign_performance").fetchone() == (
        datetime(2021, 1, 1, tzinfo=UTC),
    )
    own.execute("update campaign_performance set clicks = 2")
    assert own.execute(
        "select now() - updated_at < '1 minute' from campaign_performance"
    ).fetchone() == (True,)


def test_ratios_are_multiples_and_percent_and_null_without_a_divisor(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    own.execute(
        "insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend,"
        " total_revenue) values (%s, 3000, 20, 30, 3, 2.988)",
        (campaign,),
    )
    ratios = "select roi, ctr, conversion_rate from campaign_performance"
    assert own.execute(ratios.encode()).fetchone() == (
        Decimal("0.996000"), Decimal("0.666667"), Decimal(150),
    )  # fmt: skip
    own.execute("update campaign_performance set impressions = 0, clicks = 0, total_spend = 0")
    assert own.execute(ratios.encode()).fetchone() == (None, None, None)


# -------------------------------------------------------------------------------------------------
# Bad rows
# -------------------------------------------------------------------------------------------------

GOOD = {"impressions": 10, "reach": 5, "clicks": 2, "conversions": 1, "spend": 1.5, "revenue": 3}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"campaign_id": "00000000-0000-0000-0000-00000000dead"}, "There is no campaign 00000000-"),
        ({"campaign_id": None}, "campaign_id must be the id of a campaign, not null"),
        ({"campaign_id": 7}, "campaign_id must be the id of a campaign, not 7"),
        ({"campaign_id": "x' or 1=1"}, "campaign_id must be the id of a campaign"),
        ({"bucket": None}, "bucket must be a time"),
        (
            {"bucket": "yesterday"},
            'bucket must be a time such as "2026-11-22T10:00:00Z", not "yesterday"',
        ),
        ({"bucket": "now"}, "bucket must be a time"),
        ({"bucket": "infinity"}, "bucket must be a time"),
        ({"bucket": "2026-02-30T00:00:00Z"}, "bucket must be a time"),
        ({"bucket": "2026-11-22T10:00:00+99:00"}, "bucket must be a time"),
        ({"bucket": 1763800000}, "bucket must be a time"),
        ({"bucket": "2026-11-22T11:00:00Z"}, "lies in the future"),
        ({"bucket": "1970-01-01T00:00:00Z"}, "lies before the year 2000"),
        ({"spend": -0.01}, "spend is -0.01; it must be from 0 to"),
        ({"spend": "5"}, 'spend must be a number, not "5"'),
        ({"spend": "NaN"}, 'spend must be a number, not "NaN"'),
        ({"spend": None}, "spend must be a number, not null"),
        ({"spend": True}, "spend must be a number, not true"),
        ({"spend": 1e300}, "spend is 1000"),
        ({"revenue": -1e13}, "revenue is -10000000000000"),
        ({"conversions": -1}, "conversions is -1"),
        ({"clicks": 10**30}, "clicks is 1000"),
        ({"impressions": [1]}, "impressions must be a number, not [1]"),
        ({"reach": "many"}, 'reach must be a number, not "many"'),
        ({"conversion": 1}, '"conversion" is not a key of a row; allowed are campaign_id, bucket'),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_are_kept(
    db: psycopg.Connection[Any], change: Row, sentence: str
) -> None:
    (campaign,) = campaigns(db, 1)
    good = row(campaign, NOW, **GOOD)
    answer = record(db, [good, good | change, row(campaign, NOW - timedelta(hours=1), **GOOD)])
    assert answer["accepted"] == 2
    ((bad),) = answer["rejected"]
    assert bad["index"] == 1
    assert sentence in bad["error"]
    found = db.execute(
        "select count(*) from campaign_metrics where campaign_id = %s", (campaign,)
    ).fetchone()
    assert found == (2,)


@pytest.mark.parametrize(
    "key", ["campaign_id", "bucket", "impressions", "clicks", "conversions", "spend", "revenue"]
)
def test_a_missing_key_is_named(db: psycopg.Connection[Any], key: str) -> None:
    (campaign,) = campaigns(db, 1)
    bad = {name: value for name, value in row(campaign, NOW, **GOOD).items() if name != key}
    answer = record(db, [bad])
    assert answer["accepted"] == 0
    assert key in answer["rejected"][0]["error"]
    assert "missing" in answer["rejected"][0]["error"]


@pytest.mark.parametrize("rows", [None, {}, "x", 5, True])
def test_what_is_no_array_is_refused(db: psycopg.Connection[Any], rows: Any) -> None:
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        record(db, rows)
    assert caught.value.sqlstate == "AO010"


def test_rows_that_are_no_objects_and_no_rows_at_all(db: psycopg.Connection[Any]) -> None:
    assert record(db, []) == {"accepted": 0, "rejected": []}
    answer = record(db, [1, None, "x", []])
    assert [bad["error"] for bad in answer["rejected"]] == ["A row must be a JSON object."] * 4


def test_odd_but_good_rows(db: psycopg.Connection[Any]) -> None:
    (campaign,) = campaigns(db, 1)
    rows = [
        row(campaign, NOW, impressions=1, clicks=5, conversions=9, revenue=4),  # dirty, not wrong
        {k: v for k, v in row(campaign, NOW - timedelta(hours=1), **GOOD).items() if k != "reach"},
        row(campaign, NOW - timedelta(hours=2), **GOOD) | {"reach": None},
        row(campaign, NOW - timedelta(hours=3), conversions=0.5, spend=0.125, revenue=-7.004),
        row(campaign, "2026-11-22T01:00:00.000+05:30", **GOOD),
        row(campaign, "2026-11-21 07:00", **GOOD),
        row(campaign, "2026-11-20", **GOOD),
    ]
    assert record(db, rows) == {"accepted": 7, "rejected": []}
    found = db.execute(
        "select conversions, spend, revenue from campaign_metrics where campaign_id = %s and bucket = %s",
        (campaign, NOW - timedelta(hours=3)),
    ).fetchone()
    assert found == (Decimal("0.5"), Decimal("0.125"), Decimal("-7.004"))


def test_a_bucket_without_an_offset_is_of_the_policys_zone(own: Db) -> None:
    set_policy(own, time_zone="America/New_York")
    own.execute("set timezone = 'Asia/Tokyo'")
    (campaign,) = campaigns(own, 1)
    record(own, [row(campaign, "2026-11-20", **GOOD), row(campaign, "2026-07-01T03:00", **GOOD)])
    buckets = own.execute("select bucket from campaign_metrics order by bucket desc").fetchall()
    assert [b.astimezone(UTC) for (b,) in buckets] == [
        datetime(2026, 11, 20, 5, tzinfo=UTC),
        datetime(2026, 7, 1, 7, tzinfo=UTC),
    ]
    days = own.execute("select day::text from campaign_daily order by day desc").fetchall()
    assert days == [("2026-11-20",), ("2026-07-01",)]


def test_the_last_of_two_rows_for_one_bucket_wins(db: psycopg.Connection[Any]) -> None:
    (campaign,) = campaigns(db, 1)
    rows = [row(campaign, NOW, spend=n) for n in (1, 2, 3)]
    rows[2]["bucket"] = NOW.astimezone(ZoneInfo("Asia/Tokyo")).isoformat()
    assert record(db, rows)["accepted"] == 3
    assert db.execute(
        "select spend from campaign_metrics where campaign_id = %s", (campaign,)
    ).fetchall() == [(3,)]


def test_the_same_batch_again_changes_nothing(own: Db) -> None:
    ids = campaigns(own, 3)
    rows = [row(c, NOW - timedelta(hours=h), spend=h, clicks=1) for c in ids for h in range(30)]
    record(own, rows)
    before = facts(own)
    stamps = own.execute("select updated_at from campaign_performance order by 1").fetchall()
    record(own, rows, NOW + timedelta(hours=1))
    assert facts(own) == before
    assert (
        own.execute("select updated_at from campaign_performance order by 1").fetchall() == stamps
    )


def test_more_money_than_a_column_holds_fails_nothing(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    rows = [
        row(
            campaign,
            NOW - timedelta(days=d),
            spend=999999999999.99,
            revenue=-999999999999.99,
            clicks=10**12,
        )
        for d in range(3)
    ]
    assert record(own, rows)["accepted"] == 3
    assert facts(own)[campaign]["w7_spend"] == pytest.approx(2999999999999.97)
    assert performance(own, campaign)[0] == Decimal("999999999999.99")


def test_a_time_in_the_call_is_the_time_that_is_written(own: Db) -> None:
    (campaign,) = campaigns(own, 1)
    record(own, [row(campaign, NOW, **GOOD)], NOW)
    found = own.execute(
        "select p.updated_at, f.changed_at from campaign_performance p join campaign_facts f using (campaign_id)"
    ).fetchone()
    assert found == (NOW, NOW)


# -------------------------------------------------------------------------------------------------
# Many at once
# -------------------------------------------------------------------------------------------------


def together(url: str, *jobs: Any) -> None:
    """Runs the jobs at once, each with a connection of its own; any error fails the test."""
    wrong: list[BaseException] = []
    barrier = threading.Barrier(len(jobs))

    def work(job: Any) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as db:
                db.execute("set statement_timeout = '30s'")
                barrier.wait()
                job(db)
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [], "\n".join(map(str, wrong))


def test_writers_at_the_same_campaigns_lose_nothing_and_never_lock_up(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        ids = campaigns(db, 12)

    def ingest(seed: int) -> Any:
        def job(db: Db) -> None:
            chance = random.Random(seed)
            for turn in range(12):
                chosen = chance.sample(ids, 8)  # in no order
                record(
                    db,
                    [
                        row(
                            c,
                            NOW - timedelta(hours=chance.randint(0, 48)),
                            spend=turn + 1,
                            clicks=seed,
                        )
                        for c in chosen
                    ],
                )

        return job

    def direct(db: Db) -> None:
        for hour in range(12):
            db.execute(
                "insert into campaign_metrics (campaign_id, bucket, spend)"
                " select i, %s, 1 from unnest(%s) i order by i on conflict (campaign_id, bucket)"
                " do update set spend = campaign_metrics.spend + 1",
                (NOW - timedelta(hours=hour), ids),
            )

    def totals(db: Db) -> None:
        for turn in range(12):
            db.execute(
                "insert into campaign_performance (campaign_id, total_spend) select i, %s from unnest(%s) i"
                " order by i on conflict (campaign_id) do update set total_spend = excluded.total_spend",
                (turn, ids[:3]),
            )

    def run(db: Db) -> None:
        for _ in range(12):
            with db.transaction():
                db.execute(
                    "select from campaigns where id = any(%s) order by id for no key update", (ids,)
                )
                db.execute("update campaigns set budget = budget + 1 where id = any(%s)", (ids,))

    together(url, ingest(1), ingest(2), ingest(3), direct, totals, run)
    with psycopg.connect(url, autocommit=True) as db:
        kept = facts(db)
        db.execute("select autonomy.rebuild_campaign_facts(true)")
        assert_same(kept, facts(db))
        db.execute("update autonomy_policy set time_zone = 'Asia/Tokyo'")
        assert_same(facts(db), facts_at(db, NOW + timedelta(days=900)))


def test_two_first_rows_of_one_campaign_at_once(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        ids = campaigns(db, 10)
    for campaign in ids:

        def first(hour: int, campaign: uuid.UUID = campaign) -> Any:
            return lambda db: record(db, [row(campaign, NOW - timedelta(hours=hour), spend=1)])

        together(url, first(0), first(1), first(2))
    with psycopg.connect(url, autocommit=True) as db:
        assert {f["life_spend"] for f in facts(db).values()} == {3.0}
        assert db.execute(
            "select min(total_spend), count(*) from campaign_performance"
        ).fetchone() == (3, 10)


def test_a_change_of_the_zone_waits_for_those_who_write(server: Server) -> None:
    url = server.migrated()
    with psycopg.connect(url, autocommit=True) as db:
        ids = campaigns(db, 4)

    def ingest(db: Db) -> None:
        for hour in range(20):
            record(db, [row(c, NOW - timedelta(hours=hour), spend=1) for c in ids])

    def policy(db: Db) -> None:
        for zone in ("Asia/Tokyo", "UTC", "America/New_York"):
            set_policy(db, time_zone=zone, evidence_half_life_days=3)

    together(url, ingest, policy)
    with psycopg.connect(url, autocommit=True) as db:
        assert_same(facts(db), facts_at(db, NOW))


# -------------------------------------------------------------------------------------------------
# In bulk
# -------------------------------------------------------------------------------------------------


def test_a_hundred_thousand_rows_in_one_statement(server: Server) -> None:
    url = server.migrated()
    insert = "insert into campaign_performance (campaign_id, total_spend, total_revenue) select id, 5, 9 from campaigns"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("insert into campaigns (title) select 'c' from generate_series(1, 100000)")
        db.execute("set statement_timeout = '60s'")  # seconds; row by row, many times as long
        db.execute(insert.encode())
        assert db.execute("select count(*), sum(life_spend) from campaign_facts").fetchone() == (
            100000,
            500000,
        )


def test_truncating_leaves_nothing_behind(own: Db) -> None:
    ids = campaigns(own, 3)
    record(own, [row(c, NOW, spend=1) for c in ids])
    own.execute("delete from campaign_performance where campaign_id = %s", (ids[0],))
    own.execute(
        "insert into campaign_performance (campaign_id, total_spend) values (%s, 4)", (ids[0],)
    )
    own.execute("truncate campaign_metrics")
    assert {c: f["life_spend"] for c, f in facts(own).items()} == {ids[0]: 4.0}
    own.execute("truncate campaigns cascade")
    for table in ("campaign_performance", "campaign_metrics", "campaign_daily", "campaign_facts"):
        assert own.execute(f"select count(*) from {table}".encode()).fetchone() == (0,)


def test_a_slot_is_the_first_two_bytes_of_the_digest(db: psycopg.Connection[Any]) -> None:
    from hashlib import md5

    for n in range(50):
        campaign = uuid.UUID(int=random.Random(n).getrandbits(128))
        slot = db.execute("select autonomy.campaign_slot(%s)", (campaign,)).fetchone()
        digest = md5(str(campaign).encode(), usedforsecurity=False).digest()
        assert slot == (int.from_bytes(digest[:2], "big"),)
    assert db.execute("select autonomy.campaign_slot(null)").fetchone() == (None,)


def test_the_totals_follow_the_facts_and_are_sane(own: Db) -> None:
    """Whoever writes the facts, and however: a run looks at nobody who is not in the totals."""
    readings = {
        "7.5": 7.5, "-20": -20.0, "0": 0.0, "1e-12": 0.0, "-1e-12": 0.0, "1e18": 1e18,
        "1.1e18": None, "-1e300": None, "NaN": None, "Infinity": None, "-Infinity": None,
    }  # fmt: skip
    ids = campaigns(own, len(readings) + 2)

    def same() -> bool:
        found = facts(own, "autonomy.campaign_totals")
        for campaign, each in facts(own).items():
            for measure in MEASURES:
                raw = each[f"life_{measure}"]
                sane = (
                    None if raw is None or not abs(raw) <= 1e18 else raw if abs(raw) > 1e-9 else 0.0
                )
                if found[campaign][f"life_{measure}"] != sane:
                    return False
        return found.keys() == facts(own).keys()

    record(
        own, [row(one, NOW - timedelta(days=d), spend=3, clicks=2) for one in ids for d in (1, 2)]
    )
    assert same()
    assert len(facts(own, "autonomy.campaign_totals")) == len(ids)
    record(own, [row(ids[0], NOW - timedelta(days=1), spend=90, revenue=-4)])
    assert same()
    assert facts(own, "autonomy.campaign_totals")[ids[0]]["life_revenue"] == -4

    for campaign, (text, reading) in zip(ids, readings.items(), strict=False):
        own.execute(
            "update campaign_facts set life_spend = %s::float8, life_revenue = null where campaign_id = %s",
            (text, campaign),
        )
        assert facts(own, "autonomy.campaign_totals")[campaign]["life_spend"] == reading
    assert same()

    own.execute("delete from campaign_metrics where campaign_id = %s", (ids[-1],))
    own.execute("delete from campaign_facts where campaign_id = %s", (ids[-2],))
    assert same()
    assert len(facts(own, "autonomy.campaign_totals")) == len(ids) - 2

    both = {"totals": "autonomy.campaign_totals", "facts": "campaign_facts"}
    for name, table in both.items():  # a restore of data alone, with triggers off
        own.execute(f"create temp table kept_{name} as table {table}".encode())
    own.execute("truncate campaign_facts, autonomy.campaign_totals")
    own.execute("set session_replication_role = replica")
    for name, table in both.items():
        own.execute(f"insert into {table} table kept_{name}".encode())
    assert same()

    own.execute("update campaign_facts set life_clicks = 9")
    own.execute("delete from autonomy.campaign_totals where campaign_id = %s", (ids[0],))
    own.execute("insert into autonomy.campaign_totals (campaign_id) values (gen_random_uuid())")
    own.execute("select autonomy.rebuild_campaign_facts()")
    assert same()
    own.execute("reset session_replication_role")
    own.execute("truncate campaign_facts")
    assert facts(own, "autonomy.campaign_totals") == {}

"""Of a day there are its hours or the whole of it: never both, which would count it twice."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from autonomy.imports.load import FileReport, import_files

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.fixture
def own(scratch_database: Callable[[], str]) -> str:
    return scratch_database()


def by_hour(
    folder: Path, day: str = "2026-11-02", hours: Any = range(24), spend: str = "10.00"
) -> Path:
    path = folder / f"hours-{day}-{len(list(folder.iterdir()))}.csv"
    lines = ["Campaign,Day,Hour of the day,Cost,Clicks,Impr.,Conversions,Conv. value"]
    lines += [f"Alder,{day},{hour},{spend},5,100,0.50,7.00" for hour in hours]
    path.write_text("\n".join(lines) + "\n")
    return path


def by_day(folder: Path, day: str = "2026-11-02", spend: str = "240.00", shown: int = 2400) -> Path:
    path = folder / f"days-{day}-{len(list(folder.iterdir()))}.csv"
    path.write_text(
        "Campaign,Day,Cost,Clicks,Impr.,Conversions,Conv. value\n"
        f"Alder,{day},{spend},120,{shown},12.00,168.00\n"
    )
    return path


def taken(url: str, *files: Path, now: datetime = NOW) -> list[FileReport]:
    return import_files(url, files, now=now).files


def day_of(url: str) -> Any:
    """Spend and views of every day, and of how many rows they are made."""
    with psycopg.connect(url) as db:
        days = db.execute(
            "select day::text, spend, impressions from campaign_daily order by 1"
        ).fetchall()
        rows = db.execute("select count(*) from campaign_metrics").fetchone()
    return [*days, rows[0] if rows else None]


HOURS = [("2026-11-02", Decimal(240), 2400), 24]
WHOLE = [("2026-11-02", Decimal(240), 2400), 1]


def test_a_day_by_hour_and_as_a_whole_is_one_day_in_either_order(own: str, tmp_path: Path) -> None:
    hours, day = by_hour(tmp_path), by_day(tmp_path)
    for order in itertools.permutations([hours, day, day, hours]):
        with psycopg.connect(own) as db:
            db.execute("delete from campaigns")
        reports = taken(own, *order)
        assert day_of(own) == HOURS
        assert order[0] is not hours or "hours of its day are there" in "\n".join(
            line for one in reports for line in one.sentences()
        )


def test_what_the_hours_lack_the_whole_day_has(own: str, tmp_path: Path) -> None:
    """Half a day of hours beside the day's own total: the total, in either order."""
    half, day = by_hour(tmp_path, hours=range(12)), by_day(tmp_path)
    taken(own, half, day)
    assert day_of(own) == WHOLE
    (report,) = taken(own, half)
    assert day_of(own) == WHOLE
    assert "12 rows kept out: its day is there as a whole" in "\n".join(report.sentences())
    taken(own, by_hour(tmp_path))
    assert day_of(own) == HOURS


def test_a_later_total_replaces_an_earlier_one(own: str, tmp_path: Path) -> None:
    taken(own, by_day(tmp_path), by_day(tmp_path, spend="250.00"))
    assert day_of(own) == [("2026-11-02", Decimal(250), 2400), 1]


def test_while_the_day_lasts_its_hours_stand(own: str, tmp_path: Path) -> None:
    noon = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
    hours, day = by_hour(tmp_path, hours=range(12)), by_day(tmp_path, spend="121.00", shown=1210)
    for order in ([hours, day], [day, hours]):
        with psycopg.connect(own) as db:
            db.execute("delete from campaigns")
        taken(own, *order, now=noon)
        assert day_of(own) == [("2026-11-02", Decimal(120), 1200), 12]
    taken(own, by_day(tmp_path))  # the next day says all of it
    assert day_of(own) == WHOLE


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23)])
def test_days_of_another_length(own: str, tmp_path: Path, day: str, hours: int) -> None:
    """Where the clocks change a day has 25 hours or 23, and a file says one of them twice or never."""
    with psycopg.connect(own) as db:
        db.execute("update autonomy_policy set time_zone = 'Europe/Berlin'")
    begins = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    path = tmp_path / "hours.csv"
    path.write_text(
        "campaign,bucket,impressions,clicks,conversions,spend,revenue\n"
        + "".join(
            f"Alder,{(begins + timedelta(hours=hour)).isoformat()},100,5,0,10.00,0\n"
            for hour in range(hours)
        )
    )
    whole = by_day(tmp_path, day, f"{hours * 10}.00", hours * 100)
    for order in ([path, whole], [whole, path, path, whole]):
        with psycopg.connect(own) as db:
            db.execute("delete from campaigns")
        taken(own, *order)
        assert day_of(own) == [(day, Decimal(hours * 10), hours * 100), hours]


# -------------------------------------------------------------------------------------------------
# The ingest
# -------------------------------------------------------------------------------------------------


def row(campaign: Any, bucket: str, spend: float, **more: Any) -> dict[str, Any]:
    return {
        "campaign_id": str(campaign), "bucket": bucket, "impressions": round(spend * 10),
        "clicks": 5, "conversions": 0, "spend": spend, "revenue": 0,
    } | more  # fmt: skip


def record(db: Any, rows: list[dict[str, Any]], now: datetime = NOW) -> Any:
    return db.execute("select record_campaign_metrics(%s, %s)", (Jsonb(rows), now)).fetchone()[0]


def campaign(db: Any) -> Any:
    return db.execute("insert into campaigns (title) values ('Alder') returning id").fetchone()[0]


def spent(db: Any) -> list[Any]:
    rows: list[Any] = db.execute(
        "select day::text, spend from campaign_daily order by 1"
    ).fetchall()
    return rows


def hours_of(one: Any, hours: Any = range(24), day: str = "2026-11-02") -> list[dict[str, Any]]:
    return [row(one, f"{day}T{hour:02}:00:00Z", 10) for hour in hours]


@pytest.mark.parametrize("bucket", ["2026-11-02", "2026-11-02T00:00:00Z"])
def test_the_ingest_takes_a_day_once(own: str, bucket: str) -> None:
    with psycopg.connect(own) as db:
        one = campaign(db)
        record(db, hours_of(one))
        answer = record(db, [row(one, bucket, 240)])
        assert (answer["accepted"], answer["rejected"][0]["index"]) == (0, 0)
        assert "a whole day is not added" in answer["rejected"][0]["error"]
        assert spent(db) == [("2026-11-02", 240)]
        db.rollback()


def test_the_ingest_takes_the_hours_after_the_day(own: str) -> None:
    with psycopg.connect(own) as db:
        one = campaign(db)
        record(db, [row(one, "2026-11-02", 240)])
        answer = record(db, hours_of(one, range(6)))
        assert (answer["accepted"], len(answer["rejected"])) == (0, 6)
        assert spent(db) == [("2026-11-02", 240)]
        assert record(db, hours_of(one, range(1, 24)) + hours_of(one, [0]))["accepted"] == 24
        assert spent(db) == [("2026-11-02", 240)]
        db.rollback()


@pytest.mark.parametrize("turned", [False, True])
def test_a_day_and_its_hours_in_one_call_in_either_order(own: str, turned: bool) -> None:
    """The first hour has the moment of the whole day."""
    with psycopg.connect(own) as db:
        one = campaign(db)
        for hours, left_out in ((range(6), 6), (range(24), 0)):
            rows = [row(one, "2026-11-02", 240), *hours_of(one, hours)]
            answer = record(db, rows[::-1] if turned else rows)
            assert len(answer["rejected"]) == left_out
            assert spent(db) == [("2026-11-02", 240)]
        db.rollback()


def test_whole_days_without_a_mark_are_known_by_the_days_before(own: str) -> None:
    """Midnight alone, day after day; then a day by hour, whose first hour had nothing to say."""
    with psycopg.connect(own) as db:
        one = campaign(db)
        record(db, [row(one, f"2026-11-0{day}T00:00:00Z", 240) for day in (1, 2)])
        assert record(db, hours_of(one, range(1, 24)))["accepted"] == 0
        assert spent(db) == [("2026-11-01", 240), ("2026-11-02", 240)]
        db.rollback()


# -------------------------------------------------------------------------------------------------
# Plain SQL
# -------------------------------------------------------------------------------------------------
UPSERT = """insert into campaign_metrics as m (campaign_id, bucket, impressions, clicks, spend)
  select %(one)s, '2026-11-02Z'::timestamptz + h * interval '1 hour', %(spend)s * 10, 5, %(spend)s from unnest(%(hours)s::int[]) h
  on conflict (campaign_id, bucket) do update set impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend"""


def upsert(db: Any, one: Any, hours: Any, spend: float) -> None:
    db.execute(UPSERT, {"one": one, "hours": list(hours), "spend": spend})


@pytest.mark.parametrize("first", [0, 1])
def test_a_whole_day_over_hours_by_plain_sql_is_refused(own: str, first: int) -> None:
    with psycopg.connect(own) as db:
        one = campaign(db)
        upsert(db, one, range(first, 24), 10)
        db.commit()
        with pytest.raises(psycopg.Error, match="by hour and as a whole day") as refused:
            upsert(db, one, [0], 240)
        assert refused.value.sqlstate == "AO010"
        db.rollback()
        assert spent(db) == [("2026-11-02", 240 - 10 * first)]


def test_hours_over_a_whole_day_by_plain_sql(own: str) -> None:
    with psycopg.connect(own) as db:
        one = campaign(db)
        upsert(db, one, [-48, -24, 0], 240)
        db.commit()
        upsert(db, one, range(24), 10)  # says the first hour as well, which takes its place
        assert spent(db)[-1] == ("2026-11-02", 240)
        db.rollback()
        with pytest.raises(psycopg.Error, match="by hour and as a whole day"):
            upsert(db, one, range(1, 24), 10)
        db.rollback()


def test_hours_over_an_imported_day_by_plain_sql(own: str, tmp_path: Path) -> None:
    taken(own, by_day(tmp_path))
    with psycopg.connect(own) as db:
        (one,) = db.execute("select id from campaigns").fetchone() or ()
        with pytest.raises(psycopg.Error, match="by hour and as a whole day"):
            upsert(db, one, range(1, 12), 10)
        db.rollback()
        upsert(db, one, range(1, 24), 10.5)  # as much as the day
        assert spent(db) == [("2026-11-02", Decimal("241.50"))]
        db.rollback()


def test_hours_that_come_one_by_one_are_hours(own: str) -> None:
    """In their order and backwards, again, corrected; the first of them dearer than all others."""
    with psycopg.connect(own) as db:
        one = campaign(db)
        for order in (range(24), reversed(range(24))):
            db.execute("delete from campaign_metrics")
            for hour in order:
                upsert(db, one, [hour], 10)
            assert spent(db) == [("2026-11-02", 240)]
        upsert(db, one, range(24), 10)
        upsert(db, one, range(12, 36), 10)
        upsert(db, one, [5], 11)
        assert spent(db) == [("2026-11-02", 241), ("2026-11-03", 120)]
        upsert(db, one, [48], 100)
        for hour in range(49, 72):
            upsert(db, one, [hour], 0.5)
            upsert(db, one, [48], 100 + hour / 1000)
        assert spent(db)[-1] == ("2026-11-04", Decimal("100.071") + 23 * Decimal("0.5"))
        db.rollback()


def test_days_that_come_one_by_one_are_days(own: str) -> None:
    with psycopg.connect(own) as db:
        one = campaign(db)
        for _ in range(2):
            for day in range(5):
                upsert(db, one, [-24 * day], 240)
        assert [money for _, money in spent(db)] == [240] * 5
        upsert(db, one, [0], 250)
        assert spent(db)[-1] == ("2026-11-02", 250)
        db.rollback()

"""Conversions are numbers: what platforms credit in parts is kept, compared and shown as it is."""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.imports.load import import_files

DAYS = 30


@pytest.fixture
def own(scratch_database: Callable[[], str]) -> str:
    return scratch_database()


def one(url: str, query: str, *values: Any) -> Any:
    with psycopg.connect(url) as connection:
        found = connection.execute(query.encode(), values).fetchone()
    assert found is not None
    return found[0] if len(found) == 1 else found


def imported(url: str, folder: Path, a_day: str, days: int = DAYS, value: str = "30.00") -> str:
    """A campaign with so many conversions a day; its id."""
    lines = ["Day,Campaign,Cost,Clicks,Impr.,Conversions,Conv. value"]
    lines += [f"2026-09-{day:02},Lake,12.00,20,500,{a_day},{value}" for day in range(1, days + 1)]
    path = folder / "parts.csv"
    path.write_text("\n".join(lines) + "\n")
    import_files(url, [path])
    return str(one(url, "select id::text from campaigns where title = 'Lake'"))


@pytest.mark.parametrize(("a_day", "whole"), [("0.40", 12), ("0.60", 18), ("0.333333", 10)])
def test_parts_of_a_conversion_add_up(own: str, tmp_path: Path, a_day: str, whole: int) -> None:
    campaign = imported(own, tmp_path, a_day)
    series = one(
        own, "select sum(conversions) from campaign_metrics where campaign_id = %s", campaign
    )
    assert series == DAYS * Decimal(a_day)
    assert one(own, "select sum(conversions) from campaign_daily") == series
    assert one(own, "select life_conversions from campaign_facts") == pytest.approx(float(series))
    assert one(own, "select conversions from campaign_performance") == whole
    assert one(own, "select pg_typeof(conversions)::text from campaign_performance") == "bigint"


def test_a_total_is_rounded_once_and_half_up(own: str, tmp_path: Path) -> None:
    imported(own, tmp_path, "0.50", days=5)
    assert one(own, "select conversions from campaign_performance") == 3  # 2.5


def test_the_unrounded_sum_is_compared(own: str, tmp_path: Path) -> None:
    """9.6 is not 10, though the whole number beside it is."""
    campaign = imported(own, tmp_path, "0.32", value="60.00")
    asked = "select count(*) from identify_scaling_candidates(3.0, %s)"
    assert one(own, "select conversions from campaign_performance") == 10
    assert (one(own, asked, 10), one(own, asked, 9)) == (0, 1)
    conversions, reasoning = one(
        own, "select conversions, reasoning from identify_scaling_candidates(3.0, 9)"
    )
    assert conversions == 10
    assert "9.6 conversions" in reasoning
    found = one(own, "select dashboard_attention(6, '2026-10-01Z')")
    assert (found["scaling_count"], found["scaling"]) == (0, [])
    with psycopg.connect(own) as db:
        rule = """update autonomous_rules set is_active = true, condition =
          '{"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": %s}'
          where rule_name = 'High ROI Scale'"""
        listed = "select jsonb_array_length((list_autonomous_candidates(p_now => '2026-10-01Z') -> 'candidates')::jsonb)"
        for least, count in ((10, 0), (9, 1)):
            db.execute((rule % least).encode())
            row = db.execute(listed.encode()).fetchone()
            assert row == (count,)
        db.rollback()
    assert campaign


def test_pages_show_one_or_two_digits_and_no_more(own: str, tmp_path: Path) -> None:
    campaign = imported(own, tmp_path, "0.32", value="60.00")
    listed = one(own, "select dashboard_campaigns()::text")
    assert json.loads(listed)["campaigns"][0]["conversions"] == 9.6
    assert '"conversions": 9.6,' in listed or '"conversions": 9.6}' in listed
    page = one(own, "select dashboard_campaign(%s, 60, '2026-10-01Z')", campaign)
    assert page["performance"]["conversions"] == 9.6
    assert page["performance"]["conversion_rate"] == 1.6
    assert page["days"][0]["conversions"] == 0.32


def test_whole_numbers_look_as_they_did(own: str, tmp_path: Path) -> None:
    campaign = imported(own, tmp_path, "2", value="60.00")
    assert '"conversions": 60,' in one(own, "select dashboard_campaigns()::text")
    assert '"conversions": 60,' in one(
        own, "select (dashboard_campaign(%s, 60, '2026-10-01Z') -> 'performance')::text", campaign
    )
    reasoning = one(own, "select reasoning from identify_scaling_candidates()")
    assert "60 conversions." in reasoning


def test_whoever_writes_the_totals_alone_has_said_the_fact(own: str) -> None:
    with psycopg.connect(own) as db:
        db.execute(
            """insert into campaigns (title, budget, created_at) values ('Lake', 100, now() - interval '9 days');
            insert into campaign_performance (campaign_id, impressions, clicks, conversions, total_spend, total_revenue)
            select id, 1000, 100, 10, 100, 350 from campaigns"""
        )
        found = db.execute("select conversions from identify_scaling_candidates()").fetchall()
        assert found == [(10,)]
        listed = db.execute("select dashboard_campaigns() -> 'campaigns' -> 0 -> 'conversions'")
        assert listed.fetchone() == (10,)
        db.rollback()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-0.01", "1000000000000"])
@pytest.mark.parametrize("table", ["campaign_metrics", "campaign_audience_metrics"])
def test_what_is_no_number_of_conversions_is_refused(own: str, table: str, value: str) -> None:
    keys, given = ("bucket", "now()") if table == "campaign_metrics" else (
        "segment, day", "'a', current_date"
    )  # fmt: skip
    with psycopg.connect(own) as db:
        db.execute("insert into campaigns (title) values ('Lake')")
        with pytest.raises(psycopg.errors.CheckViolation):
            db.execute(
                f"insert into {table} (campaign_id, {keys}, conversions)"
                f" select id, {given}, %s from campaigns".encode(),
                (Decimal(value),),
            )
        db.rollback()


def test_the_doors_keep_the_parts(own: str) -> None:
    row = {"impressions": 9, "clicks": 5, "spend": 1, "revenue": 3}
    with psycopg.connect(own) as db:
        db.execute("insert into campaigns (title) values ('Lake')")
        answer = db.execute(
            """select record_campaign_metrics(jsonb_agg(jsonb_build_object('campaign_id', c.id,
                 'bucket', now() - i * interval '1 hour', 'conversions', 0.1) || %s))
               from campaigns c, generate_series(1, 3) i""",
            (json.dumps(row),),
        ).fetchone()
        assert answer == ({"accepted": 3, "rejected": []},)
        sums = db.execute("select sum(conversions)::text from campaign_metrics").fetchone()
        assert sums == ("0.3",)
        db.rollback()

"""Import and replay on a real database, checked by hand on campaigns whose past is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.errors import ExportError, ReplayError
from autonomy.imports.load import import_files
from autonomy.local import LocalStack
from autonomy.local.sample import load
from autonomy.replay.html_report import html
from autonomy.replay.past import Period
from autonomy.replay.replay import active_rules, replay
from autonomy.replay.rule_preview import preview_rules
from autonomy.replay.scenarios import NAMED, Setting, setting_of
from autonomy.replay.text_report import text, to_json
from autonomy.replay.tuning import tune
from autonomy.store import Store

FIRST = date(2026, 3, 1)
DAYS = 60
START = datetime(2026, 3, 15, tzinfo=UTC)  # two weeks only inform
END = datetime(2026, 4, 30, tzinfo=UTC)
LEFT = 46  # days from the first look to the end


def export(folder: Path) -> Path:
    """Sixty days of three campaigns at 100 a day: a loser, one that turns, and a winner."""
    lines = ["campaign,date,impressions,clicks,spend,revenue,conversions,budget"]
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        turned = 300 if number >= 20 else 30
        for name, revenue, orders in (
            ("Loser", 40, 8), ("Turns", turned, 10), ("Winner", 500, 20)
        ):  # fmt: skip
            lines.append(f"{name},{day},5000,100,100.00,{revenue}.00,{orders},100")
    path = folder / "export.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def known(scratch_database: Callable[[], str], tmp_path: Path) -> str:
    url = scratch_database()
    import_files(url, [export(tmp_path)])
    return url


def counts(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables order by 1"
        ).fetchall()


def test_worth_by_hand(known: str) -> None:
    result = replay(known)
    assert (result.start, result.campaigns, result.runs) == (START, 3, LEFT + 1)
    assert result.spend == pytest.approx(3 * LEFT * 100)
    worth = result.first.worth
    paused = {one.event.title: one for one in worth.pauses}
    assert set(paused) == {"Loser", "Turns"}
    loser, turns = paused["Loser"], paused["Turns"]
    assert loser.event.at == turns.event.at == START
    assert (loser.event.spend, loser.event.revenue) == (1400, 560)
    assert loser.spend_after == LEFT * 100
    assert worth.saved.value == pytest.approx(LEFT * 60)
    assert turns.false
    assert worth.missed.value == pytest.approx(6 * 30 + 40 * 300 - LEFT * 100)
    assert turns.surely_false > 0.95
    raises = [one for one in result.first.events if one.action_type == "auto_scale_up"]
    assert raises
    assert {one.title for one in raises} == {"Winner"}
    assert [float(one.new_budget or 0) for one in raises[:2]] == [200, 300]
    assert raises[1].at - raises[0].at >= timedelta(hours=24)
    assert worth.raised[0.25].value < worth.raised[1].value < worth.raised[4].value


def test_a_raise_is_valued_by_the_stated_curve(known: str) -> None:
    once = Setting("once", policy={"cooldown_hours": 8760, "resume_when_proven_wrong": False})
    worth = replay(known, (once,)).first.worth
    for spread, part in worth.raised.items():
        curvature = 2 * spread
        by_hand = LEFT * (500 * (2 * (curvature + 1) / (curvature + 2) - 1) - 100)
        assert part.value == pytest.approx(by_hand, abs=0.01)


def test_it_writes_nothing_and_needs_no_right_to(known: str) -> None:
    with psycopg.connect(known, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'alter database "{name}" set default_transaction_read_only = on')
    before = counts(known)
    replay(known, (NAMED["now"], NAMED["usual"]))
    assert counts(known) == before


def test_it_sees_only_what_was_known_then(known: str) -> None:
    """What comes later changes no earlier decision."""
    whole = replay(known).first.events
    until = START + timedelta(days=10)
    part = replay(known, period=Period(start=START, end=until)).first.events
    assert [one.to_dict() for one in whole if one.at <= until] == [one.to_dict() for one in part]


def test_settings_side_by_side_and_the_report(known: str) -> None:
    result = replay(known, [setting_of(name) for name in ("now", "usual", "strict")])
    said = text(result)
    assert "What a replay cannot know" in said
    assert "Turns" in said
    as_json = json.loads(json.dumps(to_json(result)))
    assert [one["name"] for one in as_json["settings"]] == ["now", "usual", "strict"]
    page = html(result, tune(known))
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http-equiv", ""), "nothing comes from outside"
    assert "<script" not in page


def test_tuning_is_judged_where_it_was_not_fitted(known: str) -> None:
    tuning = tune(known, floors=(0, 50, 95))
    assert tuning.fitted.end <= tuning.judged.start + timedelta(seconds=1)
    assert tuning.sentence.startswith(("Keep the confidence floor", "A confidence floor of"))
    assert [row["floor"] for row in tuning.to_dict()["floors"]] == [0, 50, 95]


def test_setting_files(known: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    rule = {
        "rule_name": "Mine", "rule_type": "pause", "action": {"type": "auto_pause"},
        "condition": {"metric": "roi", "window": "7d", "operator": "<", "threshold": 0.9},
    }  # fmt: skip
    path.write_text(json.dumps({"rules": [rule], "policy": {"min_confidence": 60}}))
    result = replay(known, (setting_of(str(path)),))
    assert {one.rule_name for one in result.first.events} == {"Mine"}
    with pytest.raises(ReplayError, match="neither a file nor"):
        setting_of("nonsense")
    path.write_text(json.dumps({"rules": [{**rule, "condition": {"metric": "rio"}}]}))
    with pytest.raises((ReplayError, psycopg.Error), match="metric"):
        replay(known, (setting_of(str(path)),))


def test_no_history(scratch_database: Callable[[], str]) -> None:
    with pytest.raises(ReplayError, match="Import an export first"):
        replay(scratch_database())


def test_preview_over_postgrest_and_over_sql_agree(fresh: LocalStack) -> None:
    load(fresh.database_url, now=datetime.now(UTC), campaigns=40, days=50)
    rules = active_rules(fresh.database_url)
    settings = Settings.from_env(fresh.environment())
    now = datetime.now(UTC)
    over_http = preview_rules(Store.from_settings(settings), rules, now=now)
    over_sql = preview_rules(fresh.database_url, rules, now=now)
    assert over_http == over_sql
    assert over_http["campaigns"] == 40
    assert over_http["pauses"] + over_http["raises"] > 0
    nothing = preview_rules(fresh.database_url, [], now=now)
    assert nothing["sentence"].endswith("would have done nothing.")


def test_a_million_ways_to_say_the_same(
    scratch_database: Callable[[], str], tmp_path: Path
) -> None:
    """Rows of one campaign and day are added up; a later file corrects an earlier one."""
    url = scratch_database()
    first = tmp_path / "first.csv"
    first.write_text(
        "campaign,date,spend,revenue,clicks\nA,2026-03-01,1.005,2.00,3\nA,2026-03-01,1.00,1.00,4\n"
    )
    second = tmp_path / "second.csv"
    second.write_text("campaign,date,spend,revenue,clicks\nA,2026-03-01,7.00,9.00,8\n")
    reports = import_files(url, [first, second]).files
    assert [one.summed_rows for one in reports] == [1, 0]
    assert [one.changed_buckets for one in reports] == [1, 1]
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select spend::text, revenue::text, clicks from campaign_metrics"
        ).fetchone()
    assert row == ("7.00", "9.00", 8)
    assert "added to another" in "\n".join(reports[0].sentences())


def test_currencies_are_not_mixed(scratch_database: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(
        "Campaign,Day,Cost,Revenue,Currency code\nA,2026-03-01,1,2,EUR\nB,2026-03-01,1,2,USD\n"
    )
    with pytest.raises(ExportError, match="mixes the currencies EUR, USD"):
        import_files(scratch_database(), [path])

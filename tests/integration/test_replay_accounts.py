"""Replay decides each account as a run would: its limits, its doubts, its breakers, its money."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from autonomy.cli.past import _report
from autonomy.imports.load import import_files
from autonomy.replay.past import Period, open_past
from autonomy.replay.replay import Replay, active_rules, replay
from autonomy.replay.rule_preview import preview_rules
from autonomy.replay.scenarios import NAMED

FIRST = date(2026, 3, 1)
DAYS = 40


@pytest.fixture
def url(scratch_database: Callable[[], str], tmp_path: Path) -> str:
    """Two accounts that do the same, in euros and in yen: a loser, a mild loser, and winners."""
    made = scratch_database()
    lines = ["Account,Campaign,Day,Impressions,Clicks,Conversions,Cost,Revenue,Currency code"]
    for account, currency, rate in (("Paris", "EUR", 1), ("Tokyo", "JPY", 100)):
        for name, revenue in (("bad", 40), ("mild", 130), ("good", 200), ("fine", 210)):
            lines += [
                f"{account},{name},{FIRST + timedelta(days=n)},9000,400,{10 + n % 3},"
                f"{100 * rate},{(revenue + n % 7) * rate},{currency}"
                for n in range(DAYS)
            ]
    path = tmp_path / "export.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    import_files(made, [path])
    return made


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as db:
        cursor = db.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def own(url: str, account: str, **settings: Any) -> None:
    for name, value in settings.items():
        ask(url, f"update autonomy_accounts set {name} = %s where account = %s", value, account)


def done(url: str, **how: Any) -> Replay:
    return replay(url, how.pop("settings", (NAMED["now"],)), Period(**how), draws=0)


def paused(found: Replay) -> dict[str, list[str]]:
    """currency -> titles, of the first setting"""
    return {
        one.currency: sorted(pause.event.title for pause in one.first.worth.pauses)
        for one in (found, *found.others)
    }


def test_each_currency_is_decided_and_told_by_itself(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = done(url)
    assert paused(found) == {"EUR": ["bad"], "JPY": ["bad"]}
    euros, (yen,) = found, found.others
    assert (euros.campaigns, yen.campaigns) == (4, 4)
    # the same in cents and in yen: nothing of one has come into the other
    for one in ("spend", "revenue"):
        assert getattr(yen, one) == pytest.approx(100 * getattr(euros, one))
    saved = [one.first.worth.saved.value for one in (euros, yen)]
    assert saved[1] == pytest.approx(100 * saved[0])
    assert saved[0] > 0
    (pause_euro,), (pause_yen,) = (one.first.worth.pauses for one in (euros, yen))
    assert pause_euro.event.at == pause_yen.event.at
    page = tmp_path / "page.html"
    _report(url, [], ("now", "usual"), Period(), tune=False, page=page, as_json=False)
    said = capsys.readouterr().out
    assert "Money here is in EUR; what is in JPY is told by itself." in said
    assert f"In JPY, 4 campaigns: {yen.spend:,.0f} were spent" in said
    assert f"{euros.spend + yen.spend:,.0f}" not in said + page.read_text()
    told = preview_rules(url, active_rules(url), now=end_of(url))
    assert told["currency"] == "EUR"
    assert [one["currency"] for one in told["other_currencies"]] == ["JPY"]
    assert "In EUR: Over the last 30 days" in told["sentence"]
    assert "In JPY: Over the last 30 days" in told["sentence"]


def end_of(url: str) -> datetime:
    return datetime.combine(FIRST + timedelta(days=DAYS), datetime.min.time(), UTC)


@pytest.mark.parametrize(
    ("settings", "euros"),
    [
        ({"frozen": True, "mode": "observe"}, ["bad"]),  # of today
        ({"min_pause_hours": 8760}, []),
        ({"conversion_delay_hours": 2160}, []),
        ({"max_data_age_hours": 1}, ["bad"]),
    ],
)
def test_the_limits_of_an_account_are_those_of_its_past(
    url: str, settings: dict[str, Any], euros: list[str]
) -> None:
    own(url, "Paris", **settings)
    assert paused(done(url)) == {"EUR": euros, "JPY": ["bad"]}
    told = preview_rules(url, active_rules(url), now=end_of(url))
    assert told["pauses"] == len(euros)
    assert told["other_currencies"][0]["pauses"] == 1


def test_the_target_of_an_account_is_its_own_in_the_past(url: str) -> None:
    """Where 1.8 is needed the mild one loses, and what it then lost is reckoned by that."""
    ask(
        url,
        "update autonomous_rules set condition = jsonb_set(condition, '{threshold}', '1.5')"
        " where rule_name = 'Low ROI Pause'",
    )
    ask(url, "update autonomy_policy set min_pause_confidence = 99.9, break_even_roi = 1")
    own(url, "Paris", target_roi=1.8, min_pause_confidence=80)
    found = done(url)
    assert paused(found)["EUR"] == ["bad", "mild"]
    mild = next(one for one in found.first.worth.pauses if one.event.title == "mild")
    assert mild.earned_after == pytest.approx(mild.revenue_after / 1.8 - mild.spend_after)
    assert not mild.false
    # what has no limits in the field has none here
    usual = done(url, settings=(NAMED["usual"],))
    assert paused(usual) == {"EUR": ["bad"], "JPY": ["bad"]}


def test_a_raise_keeps_to_the_account(url: str) -> None:
    ask(
        url,
        "update autonomous_rules set condition = jsonb_set(condition, '{threshold}', '1.9'),"
        " action = jsonb_set(action, '{max_budget}', '50000') where rule_name = 'High ROI Scale'",
    )
    ask(url, "update autonomy_policy set curvature = 100, max_budget = 50000")
    own(url, "Tokyo", max_budget=12000)
    own(url, "Paris", max_step=1.1, cooldown_hours=300)
    found = done(url)
    euros, yen = (
        [event for event in one.first.events if event.action_type == "auto_scale_up"]
        for one in (found, found.others[0])
    )
    assert euros
    assert yen
    steps = [float(event.new_budget or 0) / float(event.old_budget or 1) for event in euros]
    assert max(steps) <= 1.1
    assert max(event.new_budget or 0 for event in yen) <= 12000
    times = [event.at for event in euros if event.title == "fine"]
    assert all(b - a >= timedelta(hours=300) for a, b in pairwise(times))


def test_a_day_that_cannot_be_right_holds_and_is_left_out(url: str) -> None:
    """A feed in cents on one day: the campaign is held for a day, and that day is no evidence."""
    day = FIRST + timedelta(days=30)
    ask(
        url,
        "update campaign_metrics m set revenue = 100 * m.revenue from campaigns c"
        " where c.id = m.campaign_id and c.account = 'Paris' and c.title in ('bad', 'good')"
        " and m.bucket::date = %s",
        day,
    )
    assert paused(done(url)) == {"EUR": ["bad"], "JPY": ["bad"]}
    always_cut(url, cooldown_hours=0)
    found = done(url)
    assert found.first.held["SUSPECT_DATA"] == 2
    assert found.others[0].first.held["SUSPECT_DATA"] == 0
    with open_past(url, [], Period()) as past:
        (known,) = {one.known_at for found in past.doubts.values() for one in found}
        assert known == datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        assert len(past.doubts) == 2
        good = next(
            n for n, one in past.campaigns.items() if (one.account, one.title) == ("Paris", "good")
        )
        last = [look for _, looks in past.moments() for look in looks if look.campaign_id == good]
        held = [look.at for look in last if past.doubted(look)]
        assert held == [known]
        assert max(look.revenue / look.spend for look in last) < 2.1


def always_cut(url: str, **more: Any) -> None:
    """The only rule: budgets go down."""
    ask(url, "update autonomous_rules set is_active = false")
    action = {"type": "auto_scale_down", "multiplier": 0.5, "min_confidence": 0, **more}
    ask(
        url,
        "insert into autonomous_rules (rule_name, rule_type, condition, action, priority) values"
        ' (\'cut\', \'scale\', \'{"metric": "roi", "operator": "<", "threshold": 5}\', %s, 50)',
        json.dumps(action),
    )


def test_broken_tracking_of_one_account_stops_that_one(url: str) -> None:
    """By the hour, as only there it is seen: no conversions in Tokyo's last days."""
    ask(url, "delete from campaign_metrics")
    broken = datetime(2026, 3, 20, tzinfo=UTC)
    ask(
        url,
        "insert into campaign_metrics (campaign_id, bucket, impressions, clicks, conversions,"
        " spend, revenue) select c.id, t, 900, 50, case when broken then 0 else 2 end, 10 * rate,"
        " case when broken then 0 when c.title = 'bad' then 1 else 20 end * rate"
        " from campaigns c cross join generate_series(%s, %s, interval '1 hour') t"
        " cross join lateral (select c.account = 'Tokyo' and t >= %s as broken,"
        " case c.account when 'Tokyo' then 100 else 1 end as rate) b",
        broken - timedelta(days=20), broken + timedelta(days=5), broken,
    )  # fmt: skip
    day_after = broken + timedelta(days=1)
    found = done(url, start=day_after, end=day_after + timedelta(hours=12), every_hours=1)
    assert paused(found) == {"EUR": ["bad"], "JPY": []}
    assert "TRACKING_BREAKER" in found.others[0].first.held
    assert "TRACKING_BREAKER" in found.others[0].first.breakers
    assert "TRACKING_BREAKER" not in found.first.held


def test_cuts_of_a_day_are_counted_by_account(url: str) -> None:
    always_cut(url)
    own(url, "Paris", shrink_breaker_share=0.01)
    found = done(url)
    first = min(event.at for event in found.first.events)
    counts = [
        sum(event.at == first for event in one.first.events) for one in (found, found.others[0])
    ]
    assert counts == [1, 2], "one always goes; 30 % of four budgets are two cuts by half"
    assert found.first.held["SHRINK_BREAKER"] > 0

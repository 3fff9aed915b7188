"""What a world knows at which moment: the ground that both fakes stand on."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.platforms import sample
from tests.platforms.sample import ANGELES, BERLIN, DAY, TOKYO, figures
from tests.platforms.world import Account, Figures, PlainWorld, Thing, by_day


def known(world: PlainWorld, account: str, day: date = DAY) -> dict[str, Figures]:
    return {told.external_id: told for told in by_day(world.figures(account, day, day))}


def test_a_late_conversion_raises_the_day_of_its_click() -> None:
    world = sample.world()
    later = figures(
        "101", 10, impressions=500, clicks=10, spend="7.50", conversions="1", revenue="9"
    )
    world.tell(later, known_at=sample.NOON + timedelta(hours=3))
    assert known(world, BERLIN)["101"].conversions == 2
    world.pass_time(hours=3)
    told = known(world, BERLIN)["101"]
    assert [told.conversions, told.revenue, told.spend] == [*map(Decimal, (3, 89, 20))]
    assert (told.impressions, told.clicks) == (1500, 50)
    assert 800 < told.reach < 1200  # some people were reached in both hours


def test_a_day_of_four_weeks_ago_is_corrected_downwards_at_its_moment() -> None:
    world, old = sample.world(), DAY - timedelta(days=28)
    world.tell(figures("101", 5, day=old, impressions=10, spend="10", conversions="4"))
    world.tell(
        figures("101", 5, day=old, impressions=10, spend="9.20", conversions="3.5"),
        known_at=sample.NOON + timedelta(minutes=1),
    )
    assert known(world, BERLIN, old)["101"].spend == 10
    world.pass_time(minutes=1)
    corrected = known(world, BERLIN, old)["101"]
    assert (corrected.spend, corrected.conversions) == (Decimal("9.20"), Decimal("3.5"))


@pytest.mark.parametrize(
    ("account", "thing", "ends"),
    [
        (TOKYO, "201", datetime(2026, 11, 29, 0, tzinfo=UTC)),
        (BERLIN, "101", datetime(2026, 11, 29, 8, tzinfo=UTC)),
        (ANGELES, "301", datetime(2026, 11, 29, 17, tzinfo=UTC)),
    ],
)
def test_an_hour_is_the_accounts_and_is_known_when_it_has_ended(
    account: str, thing: str, ends: datetime
) -> None:
    world, day = sample.world(), date(2026, 11, 29)
    world.tell(figures(thing, 8, day=day, spend="1"))
    world.move(ends - timedelta(seconds=1))
    assert known(world, account, day) == {}
    world.move(ends)
    assert known(world, account, day)[thing].spend == 1


def test_the_clock_goes_forward_only() -> None:
    world = sample.world()
    with pytest.raises(ValueError, match="forward only"):
        world.move(sample.NOON - timedelta(seconds=1))


def test_what_is_changed_is_written_down_with_its_author_and_the_same_again_is_not() -> None:
    world = sample.world()
    for _ in range(2):
        world.set_status("100", "paused", "Maria", program=False)
        world.set_budget("1219", Decimal(25), "app", program=True)
    assert [(one.kind, one.external_id, one.old, one.new, one.actor) for one in world.changes] == [
        ("campaign", "100", "active", "paused", "Maria"),
        ("budget", "1219", "20", "25", "app"),
    ]
    assert not world.runs(world.things["101"])
    assert world.things["121"].updated_at == sample.NOON


def test_a_budget_that_jumps_makes_learn_for_a_while() -> None:
    world = sample.world()
    world.learns_above = Decimal("0.2")
    world.set_budget("1009", Decimal(60), "app")  # by a fifth
    assert not world.learns(world.things["101"])
    world.set_budget("1009", Decimal("72.01"), "app")
    assert [world.learns(world.things[name]) for name in ("100", "101", "122")] == [
        True, True, False,
    ]  # fmt: skip
    world.pass_time(days=3)
    assert not world.learns(world.things["101"])


def test_a_thing_is_there_from_its_making_on() -> None:
    world = sample.world()
    world.add(Thing("199", BERLIN, "New", created_at=sample.NOON + timedelta(hours=1)), 5)
    assert "199" not in {thing.external_id for thing in world.visible(BERLIN)}
    world.pass_time(hours=1)
    assert "199" in {thing.external_id for thing in world.visible(BERLIN)}


def test_a_world_is_read_from_a_file_and_the_rows_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    told = {
        "now": "2026-11-28T12:00:00+00:00",
        "accounts": [
            {"external_id": "7", "currency": "JPY", "time_zone": "Asia/Tokyo", "minimum": 150},
        ],
        "budgets": [{"id": "5", "account": "7", "amount": "900", "shared": True}],
        "things": [
            {"external_id": "1", "account": "7", "title": "One", "daily": 5000,
             "created_at": "2026-11-01T00:00:00+09:00"},
            {"external_id": "2", "account": "7", "title": "Two", "budget": "5"},
        ],
        "figures": [
            {"external_id": "1", "day": "2026-11-27", "hour": 3, "spend": "70", "clicks": 2},
        ],
    }  # fmt: skip
    file.write_text(json.dumps(told), encoding="utf-8")
    file.with_suffix(".csv").write_text(
        "external_id,day,hour,known_at,spend,conversions\n"
        "1,2026-11-27,3,2026-11-28T13:00:00+00:00,71,0.37\n2,2026-11-27,,,5,\n",
        encoding="utf-8",
    )
    world = PlainWorld.read(file)
    assert world.budgets["19"].amount == 5000
    assert world.things["1"].created_at == datetime(2026, 10, 31, 15, tzinfo=UTC)
    assert {name: told.spend for name, told in known(world, "7").items()} == {"1": 70, "2": 5}
    world.pass_time(hours=1)
    assert known(world, "7")["1"].conversions == Decimal("0.37")


def test_a_moment_without_its_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        PlainWorld.of({"now": "2026-11-28T12:00:00", "accounts": [], "things": []})


@pytest.mark.parametrize(("currency", "step"), [("JPY", "1"), ("EUR", "0.01"), ("JOD", "0.01")])
def test_the_smallest_piece_of_a_currency_is_metas(currency: str, step: str) -> None:
    assert Account("1", currency=currency).step == Decimal(step)

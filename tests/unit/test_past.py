"""What a replay sees of a campaign beside its figures: its budget's use, and what people did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

import pytest

from autonomy.engine.policy import Policy
from autonomy.replay.past import Look, Past, windows_of
from autonomy.replay.past_campaign import PastCampaign, PersonChange
from autonomy.replay.past_candidate import candidate
from autonomy.replay.simulated_account import Account

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOWS = windows_of([])


def campaign(**changes: Any) -> PastCampaign:
    row: dict[str, Any] = {
        "id": "c", "title": "C", "account": "a", "enabled": True, "budget": Decimal(100),
        "changes": [], "budget_known_from": None, "people": [], "cv2": None, "first_day": START,
        "spend": 0.0, "revenue": 0.0, "conversions": 0.0, "days": 0.0,
    }  # fmt: skip
    return PastCampaign(**row | changes)


def look(
    day: float, *, one: float = 100.0, three: float = 300.0, age: float = 0.0, number: str = "c",
    conversions: float = 0.0, revenue: float = 0.0, spend: float = 300.0,
) -> Look:  # fmt: skip
    windows = {
        "1d": [0.0] * 4 + [one, 0.0],
        "3d": [0.0] * 4 + [three, 0.0],
        "30d": [0.0, 0.0, 0.0, conversions, spend, revenue],
    }
    figures = [0.0, 0.0, 0.0, conversions, spend, revenue, spend, conversions, revenue, 9.0, 1.0]
    figures += [age, 24.0 * day, *(value for name in WINDOWS for value in windows[name])]
    return Look(START + day * DAY, number, True, figures)


def use(seen: Look, **changes: Any) -> float:
    return candidate(seen, campaign(**changes), WINDOWS).budget_use


def test_the_use_of_a_budget_is_of_its_last_three_complete_days() -> None:
    assert use(look(10, three=225.0)) == pytest.approx(0.75)
    # a quarter of the last day is over: the two before it count
    assert use(look(10.25, one=20.0, three=220.0, age=-18.0)) == pytest.approx(1.0)
    halved = [(START + 8 * DAY, Decimal(200))]  # 200 until the eighth day, 100 since
    assert use(look(10, three=400.0), changes=halved) == pytest.approx(1.0)


@pytest.mark.parametrize("day", [1.0, 1.9])
def test_the_use_is_not_known_from_a_day_or_without_a_budget(day: float) -> None:
    assert isnan(use(look(day)))
    assert isnan(use(look(10), budget=None))
    assert isnan(use(look(10), budget=Decimal(0)))
    assert isnan(use(look(10), budget_known_from=START + 9 * DAY)), "an import put it in"


@pytest.mark.parametrize(
    ("what", "held"),
    [("cut", {"no_raise"}), ("raised", {"no_cut", "no_pause"}), ("switched on", {"no_pause"})],
)
def test_what_a_person_did_then_stands(what: str, held: set[str]) -> None:
    seen, people = look(10), [PersonChange(START + 8 * DAY, what)]
    one = candidate(seen, campaign(people=people), WINDOWS, 7.0)
    for name in ("no_raise", "no_cut", "no_pause"):
        until = START + 15 * DAY if name in held else None
        assert getattr(one, f"{name}_until") == until
    assert one.last_action_at == START + 8 * DAY
    for day, hold in ((7.9, 7.0), (10.0, 1.0), (10.0, 0.0)):  # not yet; no more; never
        later = candidate(look(day), campaign(people=people), WINDOWS, hold)
        assert later.no_raise_until is later.no_cut_until is later.no_pause_until is None


def test_what_happens_every_other_day_is_a_programs() -> None:
    people = [PersonChange(START + day * DAY, "switched on") for day in (5, 7, 9)]
    one = candidate(look(10), campaign(people=people), WINDOWS, 7.0)
    assert (one.no_pause_until, one.last_action_at) == (None, None)


def account(looks: list[Look]) -> Account:
    names = {each.campaign_id for each in looks}
    past = Past(
        START, START + 30 * DAY, 24, {name: campaign(id=name) for name in names}, WINDOWS, {}, looks
    )
    made = Account(past, [], Policy())
    made.look_around(looks)
    return made


def missing(made: Account, seen: Look) -> bool:
    return made._value_missing(candidate(seen, campaign(), WINDOWS))


def test_an_account_without_values_is_not_judged_by_them() -> None:
    looks = [look(10, number=str(n), conversions=3) for n in range(2)]
    assert missing(account(looks), look(10))
    assert not missing(account(looks[:1]), look(10)), "four conversions and fewer say nothing"
    assert not missing(account([*looks, look(10, number="x", revenue=5)]), look(10))


def test_beside_others_many_conversions_without_value_are_a_fault() -> None:
    made = account([look(10, number="x", conversions=9, revenue=450)])
    assert not missing(made, look(10, conversions=5, spend=208)), "a loser"
    assert missing(made, look(10, conversions=20, spend=4000))
    assert missing(made, look(10, conversions=5, spend=80)), "5 x 50 is over 3 x 80"
    assert not missing(made, look(10, conversions=20, revenue=1, spend=4000))

"""From impression to money: the step that broke is found and named, and nothing where chance is."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.sql import effects
from tests.sql.effects import refused
from tests.sql.planted import NOW, YESTERDAY, Db, Json, Measures, campaign, count, series, value

clean_tables = effects.clean_tables

STEPS = ["spend", "cost_per_click", "conversion_rate", "order_value"]


def funnel(db: Db, one: uuid.UUID | None = None, account: str | None = None, days: int = 7) -> Json:
    found: Json = value(db, "select dashboard_funnel(%s, %s, %s, %s)", account, one, days, NOW)
    return found


def day(
    chance: random.Random,
    spend: float = 400,
    cost: float = 0.5,
    rate: float = 0.04,
    order: float = 60,
    shock: float = 0.15,
) -> Measures:
    """A noisy day whose counts move by more than chance alone."""
    paid = round(spend * chance.uniform(0.9, 1.1), 2)
    clicks = count(chance, paid / cost * chance.gauss(1, shock))
    conversions = min(clicks, count(chance, clicks * rate * chance.gauss(1, shock)))
    revenue = round(
        sum(chance.lognormvariate(0, 0.5) for _ in range(conversions)) * order / 1.133, 2
    )
    return Measures(50 * clicks, clicks, conversions, paid, revenue)


def planted(db: Db, seed: int, account: str = "default", **broken: Any) -> uuid.UUID:
    """Five weeks, in the last of which something else holds."""
    chance = random.Random(seed)
    made = campaign(db, account=account)
    days = [day(chance) for _ in range(28)] + [day(chance, **broken) for _ in range(7)]
    series(db, made, days)
    return made


def named(found: Json) -> set[str]:
    return {one["step"] for one in found["steps"] if one["named"]}


def adds_up(found: Json) -> None:
    assert [one["step"] for one in found["steps"]] == STEPS
    parts = sum(one["money"] for one in found["steps"])
    change = found["now"]["profit"] - found["before"]["profit"]
    assert parts == pytest.approx(change, abs=1e-6) == pytest.approx(found["profit_change"])


@pytest.mark.parametrize(
    ("broken", "step", "words"),
    [
        ({"rate": 0.02}, "conversion_rate", "the conversion rate fell from "),
        ({"rate": 0.0}, "conversion_rate", " to 0 % (−"),
        ({"cost": 1.0}, "cost_per_click", "clicks became dearer, "),
        ({"cost": 0.25}, "cost_per_click", "clicks became cheaper, "),
        ({"order": 30}, "order_value", "a conversion brought "),
        ({"spend": 200}, "spend", "less was spent (−"),
    ],
)
@pytest.mark.parametrize("of_account", [False, True])
def test_the_broken_step_is_named(
    db: Db, broken: dict[str, float], step: str, words: str, of_account: bool
) -> None:
    for seed in range(4):
        one = planted(db, seed, f"Account {seed}", **broken)
        found = funnel(db, account=f"Account {seed}") if of_account else funnel(db, one)
        assert named(found) == {step}, found["sentence"]
        assert words in found["sentence"]
        adds_up(found)


def test_chance_alone_is_not_named(db: Db) -> None:
    false = [found for seed in range(100) if named(found := funnel(db, planted(db, 1000 + seed)))]
    assert len(false) <= 4, [found["sentence"] for found in false]
    quiet = funnel(db, planted(db, 5000))
    assert quiet["sentence"].endswith("no step has changed by more than chance does.")


def test_nine_intervals_in_ten_hold_the_truth(db: Db) -> None:
    held = 0
    for seed in range(100):
        rates = {one["rate"]: one for one in funnel(db, planted(db, 7000 + seed))["rates"]}
        rate = rates["conversion_rate"]
        held += rate["now_low"] <= 4 <= rate["now_high"]
    assert 82 <= held <= 98


def test_parts_are_the_mean_over_all_orders_of_the_steps(db: Db) -> None:
    a, b = Measures(20000, 400, 20, 200, 1000), Measures(30000, 300, 9, 240, 630)
    one = campaign(db)
    series(db, one, [a] * 7 + [b] * 7)
    found = funnel(db, one)
    adds_up(found)
    before, now = (
        [m.clicks / m.spend, m.conversions / m.clicks, m.revenue / m.conversions] for m in (a, b)
    )
    earned: Callable[[list[float]], float] = lambda x: 7 * b.spend * x[0] * x[1] * x[2]  # noqa: E731
    parts = [0.0, 0.0, 0.0]
    for order in itertools.permutations(range(3)):
        at = list(before)
        for step in order:
            start, at[step] = earned(at), now[step]
            parts[step] += (earned(at) - start) / 6
    assert [step["money"] for step in found["steps"][1:]] == pytest.approx(parts)
    assert found["steps"][0]["money"] == pytest.approx(7 * 40 * (5 - 1))


def test_the_sentence_is_in_money_of_the_account(db: Db) -> None:
    one = campaign(db, account="Paris")
    db.execute("update autonomy_accounts set currency = 'EUR', target_roi = 2")
    steady = [Measures(500000, 10000, 200, 5000, 20000), Measures(510000, 10200, 210, 5100, 21100)]
    broken = [Measures(500000, 10000, 150, 5000, 15000), Measures(510000, 10200, 160, 5100, 16100)]
    series(db, one, (steady * 4)[:7] + (broken * 4)[:7])
    found = funnel(db, one)
    adds_up(found)
    assert found["currency"] == "EUR"
    # at a target of 2 revenue is worth half
    assert found["before"]["profit"] == pytest.approx((4 * 20000 + 3 * 21100) / 2 - 35300)
    assert found["sentence"] == (
        "48 % less profit: the conversion rate fell from 2.03 to 1.53 % (−17,543 EUR)."
    )


def test_days_left_out_count_in_neither_span(db: Db) -> None:
    good, lost = Measures(50000, 9000, 180, 500, 2000), Measures(50000, 9000, 0, 500, 0)
    one = campaign(db, account="Paris")
    series(db, one, [good] * 11 + [lost] * 3)
    assert named(funnel(db, one)) == named(funnel(db, account="Paris")) == {"conversion_rate"}
    db.execute(
        "insert into autonomy.evidence_exclusions (account, from_day, until_day, why)"
        " values ('Paris', %s, %s, 'tag lost')",
        (YESTERDAY - timedelta(days=2), YESTERDAY),
    )
    for found in (funnel(db, one), funnel(db, account="Paris")):
        assert (found["now"]["days"], found["before"]["days"]) == (4, 7)
        assert found["profit_change"] == pytest.approx(0)
        assert found["sentence"].startswith("Profit is as it was: no step")


def test_conversions_that_are_still_to_come_are_no_break(db: Db) -> None:
    good, late = Measures(50000, 9000, 180, 500, 2000), Measures(50000, 9000, 36, 500, 400)
    one = campaign(db, account="Paris")
    series(db, one, [good] * 14 + [late] * 2)
    assert named(funnel(db, one)) == {"conversion_rate"}
    db.execute("update autonomy_accounts set conversion_delay_hours = 24")
    found = funnel(db, one)
    assert found["until"] == str(YESTERDAY - timedelta(days=2))
    assert named(found) == set()


def test_what_cannot_be_told_is_said(db: Db) -> None:
    nothing = campaign(db, account="Empty")
    for found in (funnel(db, nothing), funnel(db, account="Empty")):
        assert found["sentence"] == (
            "Nothing was spent in one of the two spans: nothing to compare."
        )
        assert (found["steps"], found["profit_change"]) == ([], None)
        assert {rate[end] for rate in found["rates"] for end in ("before", "now_low")} == {None}
    viewed = campaign(db)
    series(db, viewed, [Measures(50000, 0, 20, 500, 2000)] * 14)
    assert "conversions come without clicks" in funnel(db, viewed)["sentence"]
    # too few days for an interval, and so for a name
    short = campaign(db)
    series(db, short, [Measures(5000, 900, 90, 500, 2000), Measures(5000, 900, 0, 500, 0)])
    assert named(funnel(db, short)) == set()


def test_spans_of_zeros_and_firsts(db: Db) -> None:
    good = Measures(50000, 1000, 20, 500, 2000)
    dead, silent = Measures(50000, 0, 0, 500, 0), Measures(50000, 1000, 0, 500, 0)
    for first, second in itertools.product((good, dead, silent), repeat=2):
        one = campaign(db)
        series(db, one, [first] * 7 + [second] * 7)
        found = funnel(db, one)
        adds_up(found)
        expected = {(good, dead): {"cost_per_click"}, (good, silent): {"conversion_rate"},
                    (dead, good): {"cost_per_click"}, (silent, good): {"conversion_rate"},
        }.get((first, second), set())  # fmt: skip
        assert named(found) == expected, found["sentence"]


def test_what_is_no_question_is_refused(db: Db) -> None:
    one = campaign(db)
    for days in (2, 181, None):
        with refused(db, "AO010", "p_days must be from 3 to 180"):
            value(db, "select dashboard_funnel(null, %s, %s, %s)", one, days, NOW)
    for account, which in ((None, None), ("default", one)):
        with refused(db, "AO010", "Name an account or a campaign"):
            funnel(db, which, account)
    with refused(db, "AO003", "no such account"):
        funnel(db, account="nobody")
    with refused(db, "AO003", "no such campaign"):
        funnel(db, uuid.uuid4())
    with refused(db, "AO010", "p_now must be a moment"):
        value(db, "select dashboard_funnel(null, %s, 7, 'infinity')", one)

"""Carrying over: in which order, what is written down before and after, what is never repeated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from autonomy.platforms import writing
from autonomy.platforms.base import PlatformError
from autonomy.platforms.delivery import Pushed
from autonomy.platforms.push import push
from tests.platforms.paper_hands import Hands
from tests.unit.platform_desk import Desk

SHOP = "Paper shop"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SECONDS_BETWEEN_WRITES", 0.0)


@pytest.fixture
def hands() -> Hands:
    there = Hands()
    for number in ("11", "12", "13", "14"):
        there.put(number, "50")
    there.put("15", "50", status="paused")
    return there


@pytest.fixture
def desk(hands: Hands) -> Desk:
    return Desk(hands)


def carried(desk: Desk, **way: Any) -> Pushed:
    return push(desk, SHOP, desk.way(**way))  # type: ignore[arg-type]


def outcomes(desk: Desk) -> list[str]:
    return [outcome for *_, outcome in desk.log]


def test_money_stops_before_it_grows(desk: Desk, hands: Hands) -> None:
    desk.want("14", "budget", "80")
    desk.want("15", "status", "active")
    desk.want("13", "budget", "30")
    desk.want("11", "status", "paused")
    done = carried(desk)
    assert [one[:3] for one in hands.writes] == [
        ("11", "status", "paused"), ("13", "budget", Decimal("30.00")),
        ("15", "status", "active"), ("14", "budget", Decimal("80.00")),
    ]  # fmt: skip
    assert (done.outcome, done.confirmed, done.waiting) == ("done", 4, 0)
    assert desk.finished[0]["outcome"] == "done"
    assert desk.wishes == {}


def test_it_is_noted_before_it_is_written(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    seen: list[list[str]] = []
    obey = hands._obey

    def watched(*one: Any) -> None:
        seen.append(outcomes(desk))
        obey(*one)

    hands._obey = watched  # type: ignore[assignment]
    carried(desk)
    assert seen == [["sent"]]
    assert outcomes(desk) == ["sent", "confirmed"]
    (call,) = desk.rows[-1]["calls"]
    assert call["what"] == {
        "field": "status", "from": "active", "to": "paused", "validate": False,
    }  # fmt: skip
    assert call["outcome"] == "done"


@pytest.mark.parametrize("first", ["never", "refuse", "of one", "silent"])
def test_nothing_grows_after_what_did_not_stop(desk: Desk, hands: Hands, first: Any) -> None:
    desk.want("11", "budget", "20")
    desk.want("12", "budget", "80")
    hands.ways = [first]
    done = carried(desk)
    assert [one[0] for one in hands.writes] == ["11"]
    assert done.waiting >= 1
    assert ("12", "budget") in desk.wishes
    hands.pass_time(hours=2)
    desk.takes_waiting = 1  # one that is not due yet, as the database says
    desk.wishes.pop(("11", "budget"), None)
    assert carried(desk).waiting == 1
    assert len(hands.writes) == 1


def test_a_lost_answer_is_found_by_looking(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["lost"]
    done = carried(desk)
    assert (done.confirmed, done.unsure) == (1, 0)
    assert len(hands.obeyed) == 1


def test_what_got_no_answer_is_written_again_only_when_it_cannot_arrive_any_more(
    desk: Desk, hands: Hands
) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["never"]
    assert carried(desk).unsure == 1
    hands.pass_time(minutes=2)
    assert carried(desk).unsure == 1
    assert len(hands.writes) == 1
    hands.pass_time(minutes=4)
    assert carried(desk).confirmed == 1
    assert len(hands.writes) == 2


def test_a_late_one_is_confirmed_without_a_second_write(desk: Desk, hands: Hands) -> None:
    desk.want("11", "budget", "20")
    hands.ways = ["late"]
    assert carried(desk).unsure == 1
    hands.pass_time(minutes=3)
    hands.arrive()
    assert carried(desk).confirmed == 1
    assert len(hands.writes) == 1


def test_who_undid_it_stays(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["late"]
    carried(desk)
    hands.arrive()
    hands.pass_time(minutes=1)
    hands.edit("11", status="active")
    hands.pass_time(minutes=10)
    done = carried(desk)
    assert (done.persons, len(hands.writes)) == (1, 1)
    assert desk.rows[-1]["actor"] == "Maria Keller"
    assert done.told[0]["code"] == "CHANGED_MEANWHILE"
    assert "by Maria Keller" in done.told[0]["message"]


def test_a_limit_ends_the_accounts_turn(desk: Desk, hands: Hands) -> None:
    for number in ("11", "12", "13"):
        desk.want(number, "status", "paused")
    hands.ways = ["ok", "limit"]
    done = carried(desk)
    assert (done.outcome, done.seconds, done.confirmed, done.waiting) == ("later", 300, 1, 2)
    assert len(hands.writes) == 2
    assert desk.finished[0]["outcome"] == "later"
    assert desk.finished[0]["seconds"] == 300
    assert {one["state"] for one in desk.wishes.values()} == {"waiting"}  # not unsure: not sent


def test_a_limit_of_one_thing_stops_only_that(desk: Desk, hands: Hands) -> None:
    for number in ("11", "12"):
        desk.want(number, "budget", "30")
    hands.ways = ["of one", "ok"]
    done = carried(desk)
    assert (done.outcome, done.confirmed, done.waiting) == ("done", 1, 1)


def test_a_refusal_is_told_in_the_platforms_words(desk: Desk, hands: Hands) -> None:
    desk.want("11", "budget", "0.5")
    desk.want("12", "budget", "30")
    done = carried(desk)
    assert (done.refused, done.confirmed) == (1, 1)
    assert done.told == [{
        "campaign_id": "c11", "title": "Campaign 11", "field": "budget", "wanted": "0.5",
        "code": "PLATFORM_REFUSED", "message": "The least is 1.",
    }]  # fmt: skip


def test_a_broken_account_is_said_once_and_nothing_else_tried(desk: Desk, hands: Hands) -> None:
    for number in ("11", "12", "13"):
        desk.want(number, "status", "paused")
    hands.ways = ["broken"]
    done = carried(desk)
    assert (done.outcome, len(hands.writes)) == ("broken", 1)
    assert desk.finished[0]["outcome"] == "broken"
    assert "not carried over" in (done.warning or "")


def test_where_it_is_said_to_be_done_and_is_not(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["silent"]
    carried(desk)
    assert outcomes(desk) == ["sent", "not_taken"]


def test_what_cannot_be_read_back_stays_unsure(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    obey = hands._obey
    dark = {"unit": PlatformError("It is dark.")}
    hands._obey = lambda *one: (hands.fails.update(dark), obey(*one))  # type: ignore[assignment]
    done = carried(desk)
    assert outcomes(desk) == ["sent", "unsure"]
    assert (done.outcome, done.unsure) == ("done", 1)
    assert desk.rows[-1]["message"] == "It is dark."


def test_only_looked_at(desk: Desk, hands: Hands) -> None:
    desk.push = "validate"
    desk.want("11", "budget", "0.5")
    desk.want("12", "status", "paused")
    done = carried(desk)
    assert hands.obeyed == []
    assert all(one[-1] for one in hands.writes)
    assert (done.would_take, done.would_refuse) == (1, 1)
    assert sorted(outcomes(desk)) == ["validated", "would_refuse"]


def test_nothing_is_written_without_the_lease(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    desk.lose_lease_at = 0
    assert carried(desk).outcome == "lost"
    assert hands.writes == []


def test_what_is_wanted_no_more_is_not_written(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    desk.want("12", "status", "paused")
    desk.stale.add("c11")
    done = carried(desk)
    assert [one[0] for one in hands.writes] == ["12"]
    assert (done.confirmed, done.waiting) == (1, 1)


def test_the_five_minutes_count_from_the_last_write(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["never", "never"]
    for minutes in (0, 6, 2, 2):
        hands.pass_time(minutes=minutes)
        carried(desk)
    assert len(hands.writes) == 2
    hands.pass_time(minutes=2)
    assert carried(desk).confirmed == 1


def test_out_of_time_nothing_is_begun(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    done = carried(desk, deadline=0.0)
    assert (done.outcome, done.waiting, hands.writes) == ("stopped", 1, [])


def test_each_is_looked_at_before_and_after(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    carried(desk)
    assert hands.reads == 2


def test_what_somebody_changed_in_between_is_not_overruled(desk: Desk, hands: Hands) -> None:
    desk.want("11", "budget", "80")
    hands.pass_time(minutes=2)
    hands.edit("11", budget="20")
    hands.pass_time(minutes=2)
    done = carried(desk)
    assert (done.persons, hands.obeyed) == (1, [])
    assert desk.rows[-1]["observed"] == "20"


def test_a_gone_one_ends_nothing_but_itself(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    desk.want("12", "status", "paused")
    hands.pass_time(minutes=2)
    hands.change("11", status="archived")
    done = carried(desk)
    assert (done.outcome, done.confirmed, done.refused) == ("done", 1, 1)


def test_hundreds_are_carried_over_in_one_pass(desk: Desk, hands: Hands) -> None:
    for number in range(1000, 1450):
        hands.put(str(number), "50")
        desk.want(str(number), "status", "paused")
    assert carried(desk).confirmed == 450


def test_what_may_not_be_written_and_is_there_is_refused(desk: Desk, hands: Hands) -> None:
    """Meta says of what may not be changed that it does not exist: it can be read all the same."""
    desk.want("11", "status", "paused")
    hands.ways = ["gone"]
    done = carried(desk)
    assert outcomes(desk) == ["sent", "refused"]
    assert desk.rows[-1]["observed"] == "active"
    assert (done.refused, done.told[0]["code"]) == (1, "PLATFORM_REFUSED")


def test_what_is_not_there_after_the_write_is_gone(desk: Desk, hands: Hands) -> None:
    desk.want("11", "status", "paused")
    hands.ways = ["gone"]
    write = hands.set_status

    def deleted(*one: Any, **how: Any) -> None:
        del hands.units_there["11"]
        write(*one, **how)

    hands.set_status = deleted  # type: ignore[method-assign]
    carried(desk)
    assert outcomes(desk) == ["sent", "gone"]


@pytest.mark.parametrize(
    ("became", "counted", "code"),
    [("kept", "waiting", None), ("seen_once", "waiting", None), ("rejected", "waiting", None),
     ("failed", "refused", "NOT_TAKEN")],
)  # fmt: skip
def test_what_became_of_it_is_told(became: str, counted: str, code: str | None) -> None:
    """Not what was said of it: of two people ours may have been the later."""
    done = Pushed(SHOP, "done")
    said = "not_taken" if became == "failed" else "person"
    one = {"campaign_id": "c11", "title": "One", "field": "budget", "wanted": "60", "code": "",
           "outcome": said, "message": "", "actor": None, "observed": "50"}  # fmt: skip
    done.note([one], [{"outcome": became, "sentence": None}])
    assert {name: number for name, number in done.counts.items() if number} == {counted: 1}
    assert [told["code"] for told in done.told] == ([code] if code else [])

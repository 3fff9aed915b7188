"""What goes wrong between us and a platform, on order: for both, by Python and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from autonomy.platforms.base import (
    Change,
    Later,
    Platform,
    PlatformError,
    Refused,
    Unit,
    Unsure,
)
from autonomy.platforms.google_ads import GoogleAdsAccount
from autonomy.platforms.http import no_later_than
from autonomy.platforms.meta import MetaAccount
from tests.platforms import control, meta_errors, sample
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.sample import ANGELES, BERLIN, MANAGER
from tests.platforms.world import PlainWorld

BOTH = pytest.mark.parametrize("platform", ["meta", "google"])


class Side:
    """One platform's fake with a client of it, and a unit that may be changed."""

    def __init__(self, platform: str) -> None:
        self.world: PlainWorld = sample.world()
        self.fake: FakeMeta | FakeGoogle
        self.client: Platform
        if platform == "meta":
            self.fake = meta = FakeMeta(self.world)
            self.client = MetaAccount(
                BERLIN, token=meta.token, app_secret=meta.app_secret, base=meta.start(),
                clock=self.world.timestamp, sleep=_no_sleep,
            )  # fmt: skip
            self.id, self.other = "100", "121"
        else:
            self.fake = google = FakeGoogle(self.world)
            self.client = GoogleAdsAccount(
                ANGELES, token=Token(google), base=google.start(), clock=self.world.timestamp,
                login_customer_id=MANAGER, sleep=_no_sleep,
            )  # fmt: skip
            self.id, self.other = "301", "306"

    @property
    def unit(self) -> Unit:
        found = self.client.unit(self.id)
        assert found is not None
        return found

    @property
    def thing(self) -> Any:
        return self.world.things[self.id]

    @property
    def amount(self) -> Decimal | None:
        return self.world.budgets[self.thing.budget].amount

    def order(self, name: str, /, **told: Any) -> Any:
        answer = requests.post(f"{self.fake.root}/_fake/{name}", json=told, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def history(self, hours: float = 1) -> list[Change]:
        now = self.world.now()
        pages = self.client.changes(now - timedelta(hours=hours), now)
        return [one for page in pages for one in page]

    def writes(self) -> int:
        return sum(control.is_write(call) for call in self.fake.calls)


class Token:
    """As a credential that knows whose it is."""

    def __init__(self, fake: FakeGoogle) -> None:
        self.fake, self.email = fake, fake.actor

    def __call__(self) -> str:
        return self.fake.token


def _no_sleep(_: float) -> None:
    """The fakes' answers do not depend on it."""


@pytest.fixture
def side() -> Iterator[Callable[[str], Side]]:
    made: list[Side] = []

    def start(platform: str) -> Side:
        made.append(Side(platform))
        return made[-1]

    yield start
    for one in made:
        one.fake.stop()


# Who changed what


@BOTH
def test_persons_and_our_own_changes_are_told_apart(side: Any, platform: str) -> None:
    one = side(platform)
    one.client.set_budget(one.unit, Decimal("61.50"))
    one.world.pass_time(minutes=1)
    control.person_changes(one.world, one.id, "status", "paused", "maria@example.com")
    one.world.pass_time(minutes=1)
    control.person_changes(one.world, one.id, "status", "active", "maria@example.com")
    told = [
        (change.field, change.old, change.new, change.actor, change.ours)
        for change in sorted(one.history(), key=lambda change: change.at)
    ]
    before = Decimal(50) if platform == "meta" else Decimal(60)
    own = "app 4711" if platform == "meta" else one.fake.actor
    assert told == [
        ("budget", before, Decimal("61.5"), own, True),
        ("status", "active", "paused", "maria@example.com", False),
        ("status", "paused", "active", "maria@example.com", False),
    ]
    assert {change.external_id for change in one.history()} == {one.id}
    one.world.pass_time(minutes=1)
    assert one.history(hours=0.01) == []


@BOTH
def test_what_has_just_been_done_is_told_later(side: Any, platform: str) -> None:
    one = side(platform)
    one.order("set", history_delay=180)
    one.order("person", external_id=one.id, field="budget", value="70", name="Anna")
    assert one.history() == []
    one.order("clock", minutes=3)
    assert [(change.actor, change.new) for change in one.history()] == [("Anna", Decimal(70))]


def test_google_keeps_a_month_and_is_asked_for_no_more(side: Any) -> None:
    one = side("google")
    control.person_changes(one.world, one.id, "status", "paused", "maria@example.com")
    one.world.pass_time(days=27)
    assert len(one.history(hours=24 * 90)) == 1
    one.world.pass_time(days=5)
    assert one.history(hours=24 * 90) == []


def test_who_we_are_is_not_known_and_nothing_is_ours(side: Any) -> None:
    meta, google = side("meta"), side("google")
    meta.fake.fail(
        meta_errors.named("app_permission"), times=0, when=lambda call: call.path.endswith("/app")
    )
    google.client._token = lambda: google.fake.token
    for one in (meta, google):
        one.client.set_status(one.unit, "paused")
        assert [change.ours for change in one.history()] == [False]


def test_a_campaign_paused_above_its_ad_sets_has_its_author(side: Any) -> None:
    meta = side("meta")
    control.person_changes(meta.world, "120", "status", "paused", "Maria")
    assert [change.external_id for change in meta.history()] == ["120"]
    assert sum(len(page) for page in meta.client.units()) == 6
    assert sum(len(page) for page in meta.client.units()) == 6
    assert [change.external_id for change in meta.history()] == ["121", "122"]


# Answers that do not come, or come otherwise


@BOTH
@pytest.mark.parametrize("carried_out", [False, True])
def test_no_answer_may_mean_either(side: Any, platform: str, carried_out: bool) -> None:
    one = side(platform)
    unit, before = one.unit, one.amount
    one.order("fail", name="silence", on="write", carried_out=carried_out)
    with pytest.raises(Unsure):
        one.client.set_budget(unit, Decimal(70))
    assert one.amount == (Decimal(70) if carried_out else before)
    assert one.writes() == 1
    assert [change.new for change in one.history()] == ([Decimal(70)] if carried_out else [])


@BOTH
def test_an_answer_that_comes_late_is_not_heard_and_the_change_is_made(
    side: Any, platform: str
) -> None:
    one = side(platform)
    unit = one.unit
    one.order("fail", name="late", on="write", seconds=1.5)
    with no_later_than(time.monotonic() + 0.2), pytest.raises(Unsure):
        one.client.set_status(unit, "paused")
    assert one.thing.status == "paused"
    assert one.writes() == 1


@BOTH
def test_what_is_sent_twice_on_the_way_changes_once(side: Any, platform: str) -> None:
    one = side(platform)
    one.order("fail", name="twice", on="write")
    one.client.set_budget(one.unit, Decimal(70))
    assert [change.new for change in one.history()] == [Decimal(70)]


@BOTH
def test_a_limit_in_the_middle_of_a_series(side: Any, platform: str) -> None:
    one = side(platform)
    unit = one.unit
    name = "management_limit" if platform == "meta" else "RESOURCE_EXHAUSTED"
    one.order("fail", name=name, on="write", skip=2, times=0)
    one.client.set_budget(unit, Decimal(61))
    one.client.set_budget(unit, Decimal(62))
    with pytest.raises(Later) as caught:
        one.client.set_budget(unit, Decimal(63))
    assert caught.value.seconds >= 30
    assert one.amount == 62
    one.world.pass_time(minutes=8)  # all of Meta's calls wait
    assert one.unit.budget == 62
    one.order("heal")
    one.client.set_budget(unit, Decimal(63))
    assert one.amount == 63


# What the platform says no to, each with its own sentence


@BOTH
def test_a_budget_under_the_minimum(side: Any, platform: str) -> None:
    one = side(platform)
    one.order("set", minimum="5.50")
    with pytest.raises(Refused) as caught:
        one.client.set_budget(one.unit, Decimal(5))
    assert "5.5" in caught.value.message
    assert caught.value.code in ("100/1885272", "BUDGET_BELOW_PER_DAY_MINIMUM")
    assert one.history() == []


@BOTH
def test_one_thing_is_refused_and_another_is_not(side: Any, platform: str) -> None:
    one = side(platform)
    name = "managed" if platform == "meta" else "CAMPAIGN_BUDGET_REMOVED"
    one.order("refuse", external_id=one.id, name=name)
    other = one.client.unit(one.other)
    with pytest.raises(PlatformError):
        one.client.set_budget(one.unit, Decimal(70))
    one.client.set_status(other, "paused")
    assert one.world.things[one.other].status == "paused"


def test_meta_changes_a_budget_four_times_an_hour(side: Any) -> None:
    one = side("meta")
    unit = one.unit
    for amount in (51, 52, 53, 54):
        one.client.set_budget(unit, Decimal(amount))
    with pytest.raises(Later) as caught:
        one.client.set_budget(unit, Decimal(55))
    assert caught.value.code == "613/1487632"
    assert caught.value.seconds >= 3600
    one.client.set_status(unit, "paused")  # of budgets alone
    one.world.pass_time(hours=1, seconds=1)
    one.client.set_budget(unit, Decimal(55))
    assert one.amount == 55


def test_google_wants_a_declaration_before_anything_is_changed(side: Any) -> None:
    one = side("google")
    unit = one.unit
    undeclared = {"missing_eu_political_advertising_declaration": True}
    one.order("edit", external_id=one.id, details=undeclared)
    with pytest.raises(Refused) as caught:
        one.client.set_status(unit, "paused")
    assert caught.value.code == "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"


def test_google_carries_out_a_part_of_a_batch(side: Any) -> None:
    one = side("google")
    one.order("set", most_operations=1)
    names = [f"customers/{ANGELES}/campaigns/{number}" for number in ("301", "306")]
    body = {
        "operations": [
            {"update": {"resourceName": name, "status": "PAUSED"}, "updateMask": "status"}
            for name in names
        ],
        "partialFailure": True,
    }
    headers = {"Authorization": f"Bearer {one.fake.token}", "login-customer-id": MANAGER}
    address = f"{one.fake.root}/v26/customers/{ANGELES}/campaigns:mutate"
    told = requests.post(address, json=body, headers=headers, timeout=10).json()
    assert told["results"] == [{"resourceName": names[0]}, {}]
    (failed,) = told["partialFailureError"]["details"][0]["errors"]
    assert failed["errorCode"] == {"quotaError": "RESOURCE_TEMPORARILY_EXHAUSTED"}
    assert [one.world.things[number].status for number in ("301", "306")] == ["paused", "active"]


# What is read is not what is so


@BOTH
def test_done_is_said_of_what_was_not_done(side: Any, platform: str) -> None:
    one = side(platform)
    unit, before = one.unit, one.amount
    one.order("set", says_done_but_is_not=1)
    one.client.set_budget(unit, Decimal(70))
    assert one.unit.budget == before
    assert one.history() == []
    one.client.set_budget(unit, Decimal(70))
    assert one.unit.budget == 70


@BOTH
def test_reads_are_stale_for_a_while(side: Any, platform: str) -> None:
    one = side(platform)
    unit, before = one.unit, one.amount
    one.client.set_status(unit, "paused")
    assert one.unit.status == "paused"
    one.client.set_status(unit, "active")
    one.order("set", stale_reads=1)
    one.client.set_budget(unit, Decimal(70))
    one.client.set_status(unit, "paused")
    first, later = one.unit, [one.unit for _ in range(3)][-1]
    assert (first.budget, first.status) == (before, "active")
    assert (later.budget, later.status) == (Decimal(70), "paused")
    assert one.amount == 70


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("nonsense", {}), ("set", {"stale": 1}), ("person", {"external_id": "9"}),
        ("person", {"external_id": "100", "field": "title", "value": "x"}),
        ("fail", {"name": "no such error"}), ("set", {"most_operations": 1}),
    ],
)  # fmt: skip
def test_an_order_that_is_none_is_refused(side: Any, order: str, told: Any) -> None:
    one = side("meta")
    answer = requests.post(f"{one.fake.root}/_fake/{order}", json=told, timeout=10)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])

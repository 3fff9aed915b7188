"""Carrying over while somebody does something else: with the real database, the clients, fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from autonomy.local import LocalStack
from autonomy.platforms import push as push_module
from autonomy.platforms import writing
from autonomy.store import Store
from tests.integration import test_web
from tests.integration.hands_yard import ACCOUNT, SHOP, Yard, world_of
from tests.integration.test_web import BEARER
from tests.platforms.control import is_write
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta

app, settings, sql, store = test_web.app, test_web.settings, test_web.sql, test_web.store

Open = Callable[..., Yard]
BOTH = pytest.mark.parametrize("platform", ["meta", "google"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SECONDS_BETWEEN_WRITES", 0.0)


@pytest.fixture
def open_yard(fresh: LocalStack, store: Store, sql: Any) -> Iterator[Open]:
    made: list[Yard] = []

    def opened(platform: str, zone: str = "Europe/Berlin", currency: str = "EUR") -> Yard:
        world = world_of(3, currency)
        world.accounts[ACCOUNT].time_zone = zone
        fake = FakeMeta(world) if platform == "meta" else FakeGoogle(world)
        yard = Yard(fake, world, fake.start(), store, sql)
        made.append(yard)
        yard.connect()
        return yard

    yield opened
    for yard in made:
        yard.fake.stop()


def typed(yard: Yard, unit: str, call: str) -> Any:
    """A function that somebody types."""
    ((action,),) = yard.sql(
        f"select auto_{call} from autonomy.platform_units where external_id = %s", unit
    )
    return action


@BOTH
def test_frozen_while_it_looks_nothing_is_written(
    open_yard: Open, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    yard = open_yard(platform)
    one, two, _ = yard.units
    yard.want(one, budget=80)
    yard.want(two, status="paused")
    yard.sql("update autonomy.deliveries set wanted_by = 'action'")
    look = writing.look_again

    def slow(*how: Any) -> Any:
        yard.sql("update autonomy_policy set frozen = true")
        return look(*how)

    monkeypatch.setattr(push_module, "look_again", slow)
    assert yard.push().confirmed == 0
    assert yard.ours() == []


@BOTH
def test_taken_back_as_the_guide_says_it_is_back_there(
    open_yard: Open, app: Any, platform: str
) -> None:
    yard = open_yard(platform)
    one = yard.units[0]
    action = typed(yard, one, "pause_campaign(campaign_id, 'It loses.')")
    assert yard.push().confirmed == 1
    assert f"{'Meta' if platform == 'meta' else 'Google Ads'} confirmed it at" in (
        app.test_client().get("/actions", headers=BEARER).text
    )
    yard.sql(
        "update campaigns set status = 'active', budget = 50.00 where id ="
        " (select campaign_id from autonomy.platform_units where external_id = %s)", one,
    )  # fmt: skip
    yard.sql("update autonomous_actions set status = 'rolled_back' where id = %s", action)
    assert yard.push().confirmed == 1
    assert yard.there()[one] == ("active", Decimal(50))
    read = yard.pull()
    assert (read.followed, read.not_carried_over) == ([], 0)
    assert yard.push().confirmed == 0
    assert len(yard.ours(one)) == 2


@BOTH
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"])
def test_who_was_first_is_known_in_every_zone(open_yard: Open, platform: str, zone: str) -> None:
    yard = open_yard(platform, zone)
    one = yard.units[0]
    yard.want(one, budget=80)
    yard.sql("update autonomy.deliveries set wanted_by = 'action'")
    yard.person(one, "budget", 20)
    assert yard.push().persons == 1
    assert yard.ours() == []
    assert yard.here() == yard.there()


@pytest.mark.parametrize(
    ("platform", "currency", "wish", "there"),
    [("meta", "JPY", "133.33", "133"), ("google", "JPY", "133.33", "133"),
     ("meta", "BHD", "60.125", "60.13"), ("meta", "HUF", "83.5", "84")],
)  # fmt: skip
def test_the_smallest_piece_of_money(
    open_yard: Open, platform: str, currency: str, wish: str, there: str
) -> None:
    yard = open_yard(platform, currency=currency)
    one = yard.units[0]
    yard.want(one, budget=Decimal(wish))
    assert yard.push().confirmed == 1
    assert yard.there()[one][1] == Decimal(there)
    for _ in range(2):
        read = yard.pull()
        assert (read.followed, read.doubted, read.not_carried_over) == ([], 0, 0)
        assert yard.push().confirmed == 0
    yard.person(one, "budget", 20)
    yard.pull()
    yard.pull()
    assert yard.here()[one][1] == 20
    assert len(yard.ours()) == 1


@BOTH
def test_connected_anew_no_old_wish_is_carried_over(open_yard: Open, platform: str) -> None:
    yard = open_yard(platform)
    one, two, _ = yard.units
    action = typed(yard, one, "scale_campaign(campaign_id, 80, 'It wins.')")
    yard.store.rpc("disconnect_platform_account", p_account=SHOP)
    ((status, error),) = yard.sql(
        "select status, error from autonomous_actions where id = %s", action
    )
    assert (status, error) == ("failed", "NOT_DELIVERED")
    yard.sql("update campaigns set budget = 70 where title = 'Campaign 2'")  # meanwhile
    yard.connect()
    assert yard.push().confirmed == 0
    assert yard.ours() == []
    assert yard.here() == yard.there()
    yard.want(two, budget=60)
    assert yard.push().confirmed == 1


@BOTH
def test_deleted_here_while_it_waits(open_yard: Open, platform: str) -> None:
    yard = open_yard(platform)
    one, two, _ = yard.units
    yard.want(one, budget=80)
    yard.want(two, status="paused")
    yard.sql("delete from campaigns where title = 'Campaign 1'")
    done = yard.push()
    assert (done.outcome, done.confirmed) == ("done", 1)
    assert yard.there()[one][1] == 50
    yard.pull()  # it is there, and so it is here again, as it stands there
    assert yard.here() == yard.there()
    assert yard.push().confirmed == 0


@BOTH
def test_broken_in_the_middle_everything_waits(open_yard: Open, platform: str) -> None:
    yard = open_yard(platform)
    one, two, three = yard.units
    yard.want(one, status="paused")
    yard.want(two, budget=30)
    yard.want(three, budget=80)
    name = "token" if platform == "meta" else "unauthenticated"
    yard.fake.fail(yard.fake.fault_answer(name), times=1, when=is_write)
    done = yard.push()
    assert (done.outcome, done.confirmed, done.waiting) == ("broken", 0, 3)
    assert yard.ours() == []
    ((state,),) = yard.sql("select state from autonomy.platform_accounts")
    assert state == "broken"
    assert yard.push().confirmed == 0  # not before a reading has found it well
    assert yard.pull().outcome == "done"
    yard.age(minutes=6)
    assert yard.push().confirmed == 3
    assert yard.here() == yard.there()
    text = str(yard.sql("select to_jsonb(c)::text from autonomy.platform_calls c"))
    assert yard.fake.token not in text

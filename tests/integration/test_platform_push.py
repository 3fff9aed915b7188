"""What our rows want reaches the platform: with the real database, the clients, and fakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonomy.local import LocalStack
from autonomy.platforms import push as push_module
from autonomy.platforms import writing
from autonomy.platforms.base import PlatformError
from autonomy.store import Store
from tests.integration import test_web
from tests.integration.hands_yard import ACCOUNT, Yard, world_of
from tests.platforms.control import refuse
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.sample import MANAGER
from tests.platforms.serve import variables
from tests.platforms.world import Account

settings, sql, store = test_web.settings, test_web.sql, test_web.store

Open = Callable[..., Yard]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SECONDS_BETWEEN_WRITES", 0.0)


@pytest.fixture
def open_yard(fresh: LocalStack, store: Store, sql: Any) -> Iterator[Open]:
    made: list[Yard] = []

    def opened(platform: str = "meta", units: int = 6, push: str = "on", **more: Any) -> Yard:
        world = world_of(units, **more)
        fake = FakeMeta(world) if platform == "meta" else FakeGoogle(world)
        yard = Yard(fake, world, fake.start(), store, sql)
        made.append(yard)
        yard.connect(push)
        return yard

    yield opened
    for yard in made:
        yard.fake.stop()


@pytest.fixture(params=["meta", "google"])
def yard(request: pytest.FixtureRequest, open_yard: Open) -> Yard:
    return open_yard(request.param)


def test_what_is_changed_here_is_there_at_last(yard: Yard) -> None:
    one, two, three, *_ = yard.units
    yard.want(one, status="paused")
    yard.want(two, budget=30)
    yard.want(three, budget=80)
    done = yard.push()
    assert (done.outcome, done.message, done.counts) == (
        "done",
        "",
        {"confirmed": 3, "waiting": 0, "refused": 0, "unsure": 0, "persons": 0},
    )
    assert yard.here() == yard.there()
    assert yard.there()[one][0] == "paused"
    assert [one[:2] for one in yard.ours()] == [
        (one, "status"), (f"{two}9", "budget"), (f"{three}9", "budget"),
    ]  # fmt: skip
    assert yard.delivery(one, "status")["state"] == "confirmed"
    assert yard.push().counts["confirmed"] == 0
    read = yard.pull()
    assert (read.followed, read.not_carried_over) == ([], 0)
    assert len(yard.ours()) == 3


def test_only_validated_nothing_changes_there(open_yard: Open) -> None:
    yard = open_yard(push="validate")
    yard.fake.world.accounts["1234567890"].minimum = Decimal(5)
    one, two, *_ = yard.units
    yard.want(one, status="paused")
    yard.want(two, budget=1)
    done = yard.push()
    assert (done.would_take, done.would_refuse) == (1, 1)
    assert yard.ours() == []
    assert "minimum" in str(done.told[0]["message"]).lower() or done.told[0]["message"]


def test_a_refusal_restores_the_row_and_says_why(yard: Yard) -> None:
    yard.world.accounts["1234567890"].minimum = Decimal(10)
    one, two, *_ = yard.units
    yard.want(one, budget=5)
    yard.want(two, budget=20)
    done = yard.push()
    assert (done.refused, done.confirmed) == (1, 1)
    assert yard.here() == yard.there()
    found = yard.delivery(one, "budget")
    assert found["state"] == "refused"
    assert found["message"]


def test_a_persons_resume_that_is_refused_leaves_it_paused(yard: Yard) -> None:
    """It has no state before an action: what the platform has is the row's, and never nothing."""
    one = yard.units[0]
    yard.want(one, status="paused")
    assert yard.push().confirmed == 1
    refuse(yard.fake, one, "minimum" if yard.platform == "meta" else "INVALID_STATUS_CHANGE")
    yard.want(one, status="active")
    assert yard.push().refused == 1
    assert yard.here()[one][0] == "paused"
    assert yard.here() == yard.there()


def test_a_lost_answer_is_found_by_reading_back(yard: Yard) -> None:
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.fake.fail(None, carried_out=True, when=_writes)
    done = yard.push()
    assert done.confirmed == 1
    assert len(yard.ours()) == 1


def test_what_never_arrived_is_written_again_after_a_while(yard: Yard) -> None:
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.fake.fail(None, when=_writes)
    assert yard.push().unsure == 1
    assert yard.push().unsure == 1
    assert yard.ours() == []
    yard.pull()
    yard.age(minutes=6)
    assert yard.push().confirmed == 1
    assert len(yard.ours()) == 1
    assert yard.here() == yard.there()


def test_a_person_who_was_first_is_not_overruled(yard: Yard) -> None:
    one = yard.units[0]
    yard.want(one, budget=80)
    yard.sql("update autonomy.deliveries set wanted_by = 'action'")
    yard.person(one, "budget", 20)
    done = yard.push()
    assert (done.persons, yard.ours()) == (1, [])
    assert yard.here() == yard.there()
    assert yard.delivery(one, "budget")["state"] == "overruled"
    (actor,) = yard.sql("select actor from campaign_changes order by id desc limit 1")
    assert actor[0].startswith("Maria") or "maria" in actor[0].lower()


def test_who_undid_what_got_no_answer_is_not_overruled(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.sql("update autonomy.deliveries set wanted_by = 'action'")
    yard.fake.fail(None, carried_out=True, when=_writes)
    looks = [_dark, writing.look_again]
    with monkeypatch.context() as patched:
        patched.setattr(push_module, "look_again", lambda *how: looks.pop()(*how))  # noqa: PLW0108
        assert (yard.push().unsure, len(yard.ours())) == (1, 1)
    yard.person(one, "status", "active")
    yard.age(minutes=6)
    done = yard.push()
    assert (done.persons, len(yard.ours())) == (1, 1)
    assert yard.here() == yard.there()
    assert yard.there()[one][0] == "active"


def test_undone_before_it_was_carried_over_costs_no_call(yard: Yard) -> None:
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.want(one, status="active")
    assert yard.push().counts["confirmed"] == 0
    assert yard.ours() == []


def test_an_archived_one_is_gone(yard: Yard) -> None:
    one, two, *_ = yard.units
    yard.want(one, status="paused")
    yard.want(two, status="paused")
    yard.world.set_status(one, "deleted", "Maria Keller", program=False)
    done = yard.push()
    assert (done.outcome, done.confirmed, done.refused) == ("done", 1, 1)


def test_metas_limit_of_one_budget_leaves_the_others(open_yard: Open) -> None:
    yard = open_yard()
    one, two, *_ = yard.units
    for amount in (40, 42, 44, 46):
        yard.want(one, budget=amount)
        assert yard.push().confirmed == 1
    yard.want(one, budget=30)
    yard.want(two, budget=30)
    done = yard.push()
    assert done.confirmed == 1  # the first waits for its hour, by our own count
    assert yard.there()[one][1] == 46


def test_googles_limit_in_the_middle(open_yard: Open) -> None:
    yard = open_yard("google", units=8)
    for one in yard.units:
        yard.want(one, status="paused")
    yard.fake.most_operations = 3  # type: ignore[union-attr]
    done = yard.push()
    assert (done.outcome, done.confirmed, done.waiting) == ("later", 3, 5)
    yard.age(minutes=20)
    assert yard.push().confirmed == 5
    assert len(yard.ours()) == 8


def test_forints_are_whole(open_yard: Open) -> None:
    yard = open_yard(currency="HUF")
    one = yard.units[0]
    yard.want(one, budget=Decimal("83.33"))
    done = yard.push()
    assert done.confirmed == 1
    assert yard.there()[one][1] == 83
    assert yard.pull().followed == []
    assert yard.push().counts["confirmed"] == 0


def test_what_is_said_to_be_done_and_is_not(open_yard: Open) -> None:
    yard = open_yard()
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.fake.says_done_but_is_not = 99
    for _ in range(3):
        yard.push()
        yard.age(minutes=6)
    assert yard.delivery(one, "status")["state"] == "not_taken"
    assert yard.here() == yard.there()


def test_one_of_them_is_refused_by_name(yard: Yard) -> None:
    one, two, *_ = yard.units
    refuse(yard.fake, one, "minimum" if yard.platform == "meta" else "INVALID_STATUS_CHANGE")
    yard.want(one, status="paused")
    yard.want(two, status="paused")
    done = yard.push()
    assert done.refused >= 1
    assert yard.here() == yard.there()


def _writes(call: Any) -> bool:
    from tests.platforms.control import is_write

    return is_write(call)


def _dark(*_: Any) -> Any:
    raise PlatformError("Nothing can be read back.")


# One that cannot be read ----------------------------------------------------------------------


def _reads_of(yard: Yard, unit: str) -> Callable[[Any], bool]:
    """Readings that are of this one, or of several with it."""

    def holds(call: Any) -> bool:
        if _writes(call):
            return False
        if yard.platform == "meta":
            return bool(call.path.endswith(f"/{unit}"))
        return "campaign.id IN" in str(call.body) and unit in str(call.body)

    return holds


@pytest.mark.parametrize("skip", [0, 1], ids=["before the write", "read back"])
def test_one_that_cannot_be_read_leaves_the_others(yard: Yard, skip: int) -> None:
    one, two, three, *_ = yard.units
    for unit in (one, two, three):
        yard.want(unit, status="paused")
    error = yard.fake.fault_answer(
        "minimum" if yard.platform == "meta" else "INVALID_STATUS_CHANGE"
    )
    yard.fake.fail(error, times=0, skip=skip, when=_reads_of(yard, one))
    done = yard.push()
    assert (done.outcome, done.confirmed) == ("done", 2)
    assert (done.waiting, done.unsure) == ((1, 0), (0, 1))[skip]
    assert yard.delivery(one, "status")["message"]
    assert len(yard.ours(one)) == skip
    yard.fake.faults.clear()
    yard.age(minutes=6)
    assert yard.push().confirmed == 1
    assert yard.here() == yard.there()
    assert len(yard.ours(one)) == 1


def test_a_limit_met_while_looking_ends_the_turn(yard: Yard) -> None:
    for unit in yard.units:
        yard.want(unit, status="paused")
    name = "management_limit" if yard.platform == "meta" else "RESOURCE_EXHAUSTED"
    error = yard.fake.fault_answer(name)
    yard.fake.fail(error, times=0, when=_reads_of(yard, yard.units[0]))
    done = yard.push()
    assert (done.outcome, done.confirmed, yard.ours()) == ("later", 0, [])


# Killed anywhere, and two at once -----------------------------------------------------------------

POINTS = ("before_push_write", "after_push_write", "after_push_verify", "after_push_record")
ENDED = "update autonomy.platform_accounts set lease_expires_at = now() - interval '1 second'"


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_killed_at_every_point_nothing_is_written_twice(
    open_yard: Open, fresh: LocalStack, platform: str
) -> None:
    yard = open_yard(platform)
    given = {**os.environ, **fresh.environment(), **variables(yard.fake, yard.base)}

    def sync(fault: str = "") -> int:
        return subprocess.run(
            [sys.executable, "-m", "autonomy", "sync"], cwd=ROOT, capture_output=True,
            check=False, timeout=120, env={**given, "AUTONOMY_FAULT": fault},
        ).returncode  # fmt: skip

    for point, unit in zip(POINTS, yard.units, strict=False):
        yard.want(unit, status="paused")
        assert sync(f"{point}:kill") == -9, point
        yard.sql(ENDED)
        yard.age(minutes=6)
        assert sync() == 0
        assert yard.there()[unit][0] == "paused", point
        assert yard.ours(unit) == [(unit, "status", "paused")], point
        assert yard.here() == yard.there(), point
        assert yard.delivery(unit, "status")["state"] == "confirmed", point


def test_of_two_at_once_one_writes(open_yard: Open) -> None:
    yard = open_yard()
    for unit in yard.units:
        yard.want(unit, budget=30)
    yard.fake.fail(None, late=True, seconds=1.0, when=_writes)  # the first takes its time
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda _: yard.push(), range(2)))
    assert sorted(one.outcome for one in done) == ["busy", "done"]
    assert len(yard.ours()) == len(yard.units)
    assert yard.here() == yard.there()


def test_whoever_lost_the_lease_writes_nothing_more(
    open_yard: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another instance took over while this one was looking."""
    yard = open_yard()
    yard.want(yard.units[0], status="paused")
    look = writing.look_again

    def slow(*how: Any) -> Any:
        yard.sql("update autonomy.platform_accounts set lease_token = gen_random_uuid()")
        return look(*how)

    with monkeypatch.context() as patched:
        patched.setattr(push_module, "look_again", slow)
        assert yard.push().outcome == "lost"
    assert yard.ours() == []


@pytest.mark.parametrize("platform", ["meta", "google"])
def test_a_change_that_is_carried_out_twice_is_one(open_yard: Open, platform: str) -> None:
    yard = open_yard(platform)
    yard.want(yard.units[0], budget=30)
    yard.fake.fail(None, twice=True, when=_writes)
    assert yard.push().confirmed == 1
    assert len(yard.ours()) == 1


def test_an_old_copy_is_not_taken_for_a_refusal(open_yard: Open) -> None:
    """What is read right after a write is what was there before it."""
    yard = open_yard()
    one = yard.units[0]
    yard.want(one, status="paused")
    yard.world.stale_reads = 2
    assert yard.push().waiting == 1
    yard.world.stale_reads = 0
    assert yard.push().waiting == 1  # nothing is written so soon after a write
    yard.push()
    assert len(yard.ours()) == 1
    assert yard.delivery(one, "status")["state"] == "confirmed"


# The log and the platform say the same ------------------------------------------------------------


def test_what_we_wrote_down_is_what_metas_own_program_reads(
    open_yard: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("facebook_business", reason="requirements-platforms.txt is not installed")
    from facebook_business.adobjects.adaccount import AdAccount
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    yard = open_yard()
    _changed(yard)
    monkeypatch.setattr(FacebookSession, "GRAPH", yard.fake.root)
    FacebookAdsApi.init(
        app_id="1", app_secret=yard.fake.app_secret,  # type: ignore[union-attr]
        access_token=yard.fake.token, api_version="v26.0",
    )  # fmt: skip
    read = AdAccount(f"act_{ACCOUNT}").get_campaigns(fields=["status", "daily_budget"])
    there = {one["id"]: (one["status"].lower(), Decimal(one["daily_budget"]) / 100) for one in read}
    assert there == yard.here()
    assert _logged(yard) == _newest(yard)


def test_what_we_wrote_down_is_what_googles_own_program_reads(open_yard: Open) -> None:
    pytest.importorskip("google.ads.googleads.v26", reason="it is not installed")
    from tests.platforms import grpc_bridge
    from tests.platforms.test_google_against_sdk import service

    yard = open_yard("google")
    _changed(yard)
    yard.world.accounts[ACCOUNT].manager = MANAGER  # through which that program comes
    yard.world.accounts[MANAGER] = Account(MANAGER, "Manager", is_manager=True)
    assert isinstance(yard.fake, FakeGoogle)
    server = grpc_bridge.served(yard.fake)
    try:
        read = service(server, "GoogleAdsService").search(
            customer_id=ACCOUNT,
            query="SELECT campaign.id, campaign.status, campaign_budget.amount_micros"
            " FROM campaign WHERE campaign.status != 'REMOVED'",
        )
        rows = list(read)
    finally:
        server.stop(None).wait()
    there = {
        str(one.campaign.id): (
            {"ENABLED": "active", "PAUSED": "paused"}[one.campaign.status.name],
            Decimal(one.campaign_budget.amount_micros) / 1_000_000,
        )
        for one in rows
    }
    assert there == yard.here()
    assert _logged(yard) == _newest(yard)


def _changed(yard: Yard) -> None:
    one, two, three, *_ = yard.units
    yard.want(one, status="paused")
    yard.want(two, budget=30)
    yard.want(three, budget=77)
    assert yard.push().confirmed == 3


def _logged(yard: Yard) -> set[tuple[str, str, str]]:
    return {tuple(one) for one in yard.sql(
        "select external_id, what ->> 'field', what ->> 'to' from autonomy.platform_calls"
        " where outcome = 'done'")}  # fmt: skip


def _newest(yard: Yard) -> set[tuple[str, str, str]]:
    """What our program changed there, in our words."""
    found = set()
    for name, field, new in yard.ours():
        unit = name if field == "status" else name.removesuffix("9")
        found.add((unit, field, new if field == "status" else f"{Decimal(new):.2f}"))
    return found

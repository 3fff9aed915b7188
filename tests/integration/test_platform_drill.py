"""Carrying over, cut off anywhere: at the end platform and rows agree, and nobody was overruled.

Each repetition is an account of its own on a platform on paper: what is wanted, how each write
comes out, where the process dies and what people do in between is drawn. Then the platform is
well again, and readings and turns of carrying over follow each other until nothing waits.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from autonomy.local import LocalStack
from autonomy.platforms import push as push_module
from autonomy.platforms import writing
from autonomy.platforms.push import push
from autonomy.platforms.sync import Way, pull
from tests.direct_store import DirectStore
from tests.platforms.paper_hands import Fate, Hands

POINTS = ("before_push_write", "after_push_write", "after_push_verify", "after_push_record")
WAYS: tuple[Fate, ...] = ("ok", "lost", "never", "late", "limit", "of one", "refuse", "silent")
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
BUDGET = Decimal(50)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Drill:
    """One account, from the first reading on."""

    store: DirectStore
    seed: int
    people: bool
    draw: random.Random = field(init=False)
    hands: Hands = field(init=False)
    kill_at: str = ""
    log: list[str] = field(default_factory=list)
    overruled: list[str] = field(default_factory=list)
    most: Decimal = Decimal(0)
    """The most that the budgets of what is switched on may be together there."""
    persons: dict[tuple[str, str], tuple[datetime, Any]] = field(default_factory=dict)
    """What a person did last there, by id and field."""

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.account = f"Drill {self.seed}"
        self.hands = Hands(clock=START)
        for number in range(self.draw.randint(2, 5)):
            status: Any = "active" if self.draw.random() < 0.8 else "paused"
            self.hands.put(f"{self.seed * 10 + number}", BUDGET, status=status)
        if self.draw.random() < 0.2:
            self.hands.knows_us = False
        if not self.people and self.draw.random() < 0.3:
            self.hands.tells = False  # who was there and back again could not be known
        self._watch()
        self.most = max(self.total(), BUDGET)

    def _watch(self) -> None:
        """Look over the shoulder of every write that is obeyed."""
        obey = self.hands._obey

        def watched(external_id: str, name: str, value: Any) -> None:
            before = getattr(self.hands.units_there[external_id], name)
            if before == value:
                self.overruled.append(f"{external_id} {name} {value} twice")
            obey(external_id, name, value)
            self.log.append(f"{self.hands.clock:%H:%M} obeyed {external_id} {name} {value}")
            edited = self.persons.get((external_id, name))
            wish = self.wished.get((external_id, name))
            if edited and wish and wish < edited[0] and edited[1] != value:
                self.overruled.append(f"{external_id} {name} {value} over {edited}")
            if not self.people and self.total() > self.most:
                self.overruled.append(f"{self.total()} together, over {self.most}")

        self.wished: dict[tuple[str, str], datetime] = {}
        self.hands._obey = watched  # type: ignore[method-assign]

    def total(self) -> Decimal:
        there = self.hands.units_there.values()
        return sum(
            (one.budget or Decimal(0) for one in there if one.status == "active"), Decimal(0)
        )

    def connect(self) -> None:
        self.store.rpc(
            "connect_platform_account", p_account=self.account, p_platform="meta",
            p_external_id=str(self.seed), p_facts={"currency": "EUR", "time_zone": "UTC"},
        )  # fmt: skip
        self.store.ask(
            "update autonomy.platform_accounts set restated_at = %s where account = %s",
            START, self.account,
        )  # fmt: skip
        if not self.people:
            self.store.ask(
                "update public.autonomy_accounts set daily_total = %s where account = %s",
                self.most, self.account,
            )  # fmt: skip
        self.read()
        for step in ("validate", "on"):
            self.store.rpc("set_platform_push", p_account=self.account, p_push=step, p_confirm=True)

    @property
    def way(self) -> Way:
        return Way(
            opener=lambda _: self.hands, moment={"p_now": self.hands.clock.isoformat()}, force=True
        )

    def read(self) -> None:
        found = pull(self.store, self.account, self.way)  # type: ignore[arg-type]
        assert found.outcome == "done", found
        self.log += [f"{self.hands.clock:%H:%M} followed {one}" for one in found.followed]

    def carry(self, kill_at: str = "") -> None:
        self.kill_at = kill_at
        try:
            done = push(self.store, self.account, self.way)  # type: ignore[arg-type]
            self.log.append(f"{self.hands.clock:%H:%M} carried {done.outcome} {done.counts}")
            assert done.outcome in ("done", "later"), done
        except Killed:
            self.log.append(f"{self.hands.clock:%H:%M} killed {kill_at}")
            self.store.ask(
                "update autonomy.platform_accounts set lease_expires_at = null where account = %s",
                self.account,
            )
        self.kill_at = ""

    def point(self, _: str, name: str) -> None:
        if name == self.kill_at:
            raise Killed

    def wish(self) -> None:
        """Our rows change: pauses and cuts, and what they make room for."""
        names = list(self.hands.units_there)
        self.draw.shuffle(names)
        freed = Decimal(0)
        rows = self.rows()
        for name in names:
            status, budget, campaign = rows[name]
            active = status == "active"
            roll = self.draw.random()
            if roll < 0.3 and active:
                self.set(campaign, name, "status", "paused")
                freed += budget
            elif roll < 0.55 and active:
                cut = self.draw.randint(1, 20)
                self.set(campaign, name, "budget", budget - cut)
                freed += cut
            elif roll < 0.8 and active and freed > 0:
                self.set(campaign, name, "budget", budget + freed)
                freed = Decimal(0)
            elif not active and freed >= budget:
                self.set(campaign, name, "status", "active")
                freed -= budget

    def set(self, campaign: Any, name: str, what: str, value: Any) -> None:
        by_hand = self.people and self.draw.random() < 0.3
        actor = "" if by_hand else "robot"
        now = self.hands.clock.isoformat()
        self.store.ask("select set_config('autonomy.now', %s, false)", now)
        self.store.ask("select set_config('autonomy.actor', %s, false)", actor)
        self.store.ask(f"update campaigns set {what} = %s where id = %s", value, campaign)
        self.store.ask("select set_config('autonomy.now', '', false)")
        self.store.ask("select set_config('autonomy.actor', '', false)")
        self.wished[name, what] = self.hands.clock
        self.log.append(f"{self.hands.clock:%H:%M} wanted {name} {what} {value} {actor}")

    def person(self) -> None:
        name = self.draw.choice(list(self.hands.units_there))
        there = self.hands.units_there[name]
        if self.draw.random() < 0.5:
            what: str = "status"
            value: Any = "paused" if there.status == "active" else "active"
        else:
            what, value = "budget", Decimal(self.draw.randint(10, 90))
            if value == there.budget:
                return
        self.hands.edit(name, **{what: value})
        self.persons[name, what] = self.hands.clock, value
        self.log.append(f"{self.hands.clock:%H:%M} Maria {name} {what} {value}")

    def open(self) -> list[Any]:
        return self.store.ask(
            "select x.external_id, d.field, d.wanted, d.state from autonomy.deliveries d"
            " join autonomy.platform_units x using (campaign_id)"
            " where x.account = %s and d.is_current and d.state in ('waiting', 'unsure')",
            self.account,
        )

    def rows(self) -> dict[str, tuple[str, Decimal, Any]]:
        """Status, budget and our id, by the id there."""
        found = self.store.ask(
            "select x.external_id, lower(c.status), c.budget, c.id from autonomy.platform_units x"
            " join campaigns c on c.id = x.campaign_id where x.account = %s", self.account,
        )  # fmt: skip
        return {one[0]: one[1:] for one in found}

    def shrink(self) -> None:
        """What a run does where a refusal has left the account above its total."""
        rows = self.rows()
        over = sum(one[1] for one in rows.values() if one[0] == "active") - self.most
        for name, (status, budget, campaign) in rows.items():
            cut = min(over, budget - 5)
            if cut > 0 and not self.people and status == "active":
                self.set(campaign, name, "budget", budget - cut)
                over -= cut

    def live(self) -> None:
        """A few rough hours, then fair weather until nothing waits."""
        self.connect()
        for _ in range(self.draw.randint(1, 3)):
            self.hands.pass_time(minutes=self.draw.choice([1, 4, 7, 30]))
            self.wish()
            if self.people and self.draw.random() < 0.5:
                self.hands.pass_time(minutes=1)
                self.person()
            self.hands.pass_time(seconds=20)
            self.hands.ways = [self.draw.choice(WAYS) for _ in range(6)]
            self.carry(self.draw.choice(["", "", *POINTS]))
            self.hands.ways = []
            self.hands.pass_time(minutes=self.draw.choice([1, 2, 4]))
            self.hands.arrive()
            if self.people and self.draw.random() < 0.3:
                self.hands.pass_time(minutes=1)
                self.person()
            if self.draw.random() < 0.6:
                self.read()
        for _ in range(14):
            self.hands.pass_time(minutes=20)
            self.read()
            self.shrink()
            self.hands.pass_time(seconds=30)
            self.carry()
            if not self.open():
                break
        self.hands.pass_time(minutes=20)
        self.read()

    def verdict(self) -> list[str]:
        wrong = list(self.overruled)
        there = {name: (one.status, one.budget) for name, one in self.hands.units_there.items()}
        here = {name: one[:2] for name, one in self.rows().items()}
        if here != there:
            wrong.append(f"here {here}, there {there}")
        if self.open():
            wrong.append(f"still open: {self.open()}")
        for (name, what), (at, value) in self.persons.items():
            wish = self.wished.get((name, what))
            if (wish is None or wish < at) and getattr(self.hands.units_there[name], what) != value:
                wrong.append(f"{name} {what} is not as the person left it: {value}")
        return wrong


@pytest.fixture
def drills(fresh: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[DirectStore]:
    monkeypatch.setattr(writing, "SECONDS_BETWEEN_WRITES", 0.0)
    store = DirectStore(fresh.database_url)
    store.ask("update public.autonomy_policy set automation_actors = '{robot}'")
    yield store
    store.close()


BLOCK = 20
LONG = [pytest.param(block, marks=pytest.mark.long) for block in range(1, 25)]


@pytest.mark.parametrize("block", [0, *LONG])
def test_cut_off_anywhere(drills: DirectStore, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Every second account stands alone under a total, the others among people who edit there."""
    wrong = {}
    for seed in range(block * BLOCK + 1, (block + 1) * BLOCK + 1):
        drill = Drill(drills, seed, people=seed % 2 == 0)
        monkeypatch.setattr(push_module, "fault_point", drill.point)
        drill.live()
        found = drill.verdict()
        if found:
            wrong[seed] = [*found, *drill.log]
    first = next(iter(wrong.values()), [])
    assert not wrong, "\n".join([f"{len(wrong)} of {BLOCK}: {list(wrong)}", *first])

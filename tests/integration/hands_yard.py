"""A connected account that is carried over to, with a fake platform behind it: for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from autonomy.platforms.delivery import Pushed
from autonomy.platforms.google_ads import GoogleAdsAccount
from autonomy.platforms.meta import MetaAccount
from autonomy.platforms.push import push
from autonomy.platforms.sync import Pulled, Way, pull
from autonomy.store import Json, Store
from tests.platforms.control import person_changes
from tests.platforms.fake_google import FakeGoogle
from tests.platforms.fake_meta import FakeMeta
from tests.platforms.world import Account, PlainWorld, Thing

ACCOUNT = "1234567890"
SHOP = "Hands shop"
Sql = Callable[..., list[Any]]


def world_of(units: int, currency: str = "EUR") -> PlainWorld:
    """So many campaigns with 50 a day each, all switched on."""
    world = PlainWorld(datetime.now(UTC))
    world.accounts[ACCOUNT] = Account(ACCOUNT, SHOP, currency)
    made = datetime.now(UTC) - timedelta(days=60)
    for number in range(1, units + 1):
        name = str(1_000_000 + number)
        world.add(
            Thing(name, ACCOUNT, f"Campaign {number}", created_at=made, updated_at=made), "50"
        )
    return world


@dataclass
class Yard:
    """One account on one platform. `units`: the platform's ids, in order."""

    fake: FakeMeta | FakeGoogle
    world: PlainWorld
    base: str
    store: Store
    sql: Sql

    @property
    def platform(self) -> str:
        return "meta" if isinstance(self.fake, FakeMeta) else "google"

    @property
    def units(self) -> list[str]:
        return list(self.world.things)

    def client(self, _: Any = None) -> Any:
        if isinstance(self.fake, FakeMeta):
            return MetaAccount(
                ACCOUNT, token=self.fake.token, app_secret=self.fake.app_secret, base=self.base,
                sleep=lambda _: None,
            )  # fmt: skip
        fake = self.fake
        return GoogleAdsAccount(
            ACCOUNT, token=lambda: fake.token, base=self.base, sleep=lambda _: None
        )

    def connect(self, push: str = "on") -> None:
        account = self.world.accounts[ACCOUNT]
        facts = {"name": SHOP, "currency": account.currency, "time_zone": account.time_zone}
        self.store.rpc(
            "connect_platform_account", p_account=SHOP, p_platform=self.platform,
            p_external_id=ACCOUNT, p_facts=facts,
            p_limits={"min_confidence": 80, "min_pause_confidence": 80},
        )  # fmt: skip
        assert self.pull().outcome == "done"
        for step in ("validate", "on")[: 1 + (push == "on")] if push != "off" else ():
            self.store.rpc("set_platform_push", p_account=SHOP, p_push=step, p_confirm=True)

    def way(self, **more: Any) -> Way:
        return Way(opener=self.client, **more)

    def pull(self) -> Pulled:
        self.world.move(datetime.now(UTC))
        return pull(self.store, SHOP, self.way())

    def push(self, **more: Any) -> Pushed:
        self.world.move(datetime.now(UTC))
        done = push(self.store, SHOP, self.way(**more))
        print(done)  # shown where a test fails
        return done

    def want(self, unit: str, **values: Any) -> None:
        """What somebody sets in our rows: status, budget."""
        for name, value in values.items():
            self.sql(
                f"update campaigns set {name} = %s where id = (select campaign_id"
                " from autonomy.platform_units where external_id = %s)",
                value, unit,
            )  # fmt: skip

    def person(self, unit: str, field: str, value: Any, name: str = "Maria Keller") -> None:
        """What somebody does on the platform."""
        self.world.move(datetime.now(UTC))
        person_changes(self.world, unit, field, value, name)

    def age(self, **by: float) -> None:
        """Everything that waits has waited for so much longer."""
        interval = timedelta(**by)
        self.sql(
            "update autonomy.deliveries set sent_at = sent_at - %s,"
            " first_unsure_at = first_unsure_at - %s, wanted_at = wanted_at - %s,"
            " not_before = not_before - %s, missed_at = missed_at - %s",
            *[interval] * 5,
        )
        self.sql("update autonomy.platform_accounts set not_before = null")
        self.sql("update autonomy.file_states set read_at = read_at - %s, until = until - %s",
                 interval, interval)  # fmt: skip

    def here(self) -> dict[str, tuple[str, Decimal | None]]:
        """Status and budget of our rows, by the platform's id."""
        return {
            one[0]: (one[1].lower(), None if one[2] is None else Decimal(one[2]))
            for one in self.sql(
                "select x.external_id, c.status, c.budget from autonomy.platform_units x"
                " join campaigns c on c.id = x.campaign_id order by 1"
            )
        }

    def there(self) -> dict[str, tuple[str, Decimal | None]]:
        """The same as it stands on the platform."""
        return {
            name: (one.status, self.world.budgets[one.budget or ""].amount)
            for name, one in self.world.things.items()
        }

    def delivery(self, unit: str, field: str) -> Json:
        """The newest one."""
        (row,) = self.sql(
            "select to_jsonb(d) from autonomy.deliveries d join autonomy.platform_units x"
            " using (campaign_id) where x.external_id = %s and d.field = %s"
            " order by d.id desc limit 1", unit, field,
        )  # fmt: skip
        found: Json = row[0]
        return found

    def ours(self, unit: str | None = None) -> list[tuple[str, str, str]]:
        """What our program changed there: id, field, new value."""
        return [
            (one.external_id, one.what, one.new)
            for one in self.world.changes
            if one.program and (unit is None or one.external_id in (unit, f"{unit}9"))
        ]

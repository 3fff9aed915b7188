"""What an advertising platform knows, as one shape that drives both fakes.

Money is `Decimal` in whole units of the account's currency; every fake turns it into its own.
A figure is what is known at the world's moment: conversions come late, old days are corrected.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

Status = Literal["active", "paused", "archived", "deleted"]
PURCHASE = (
    "omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase",
    "onsite_web_app_purchase", "web_in_store_purchase",
)  # fmt: skip
WHOLE = frozenset(("CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"))
"""Currencies that Meta counts without cents."""


@dataclass
class Account:
    """One advertising account, with the words in which a fake shows it."""

    external_id: str
    name: str = "Account"
    currency: str = "EUR"
    time_zone: str = "Europe/Berlin"
    active: bool = True
    manager: str | None = None
    """The manager account through which it is reached (Google); null: reached directly."""
    is_manager: bool = False
    minimum: Decimal = Decimal(1)
    """Of a daily budget."""
    conversion_names: Sequence[str] = PURCHASE
    """Under which Meta repeats one and the same conversion; what it calls a purchase first."""
    values: bool = True
    """Whether conversions carry a value."""
    counted: Sequence[str] = ("Purchase",)
    """What Google counts as a conversion."""
    not_counted: Sequence[str] = ("Page view",)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def step(self) -> Decimal:
        """The smallest piece of its money."""
        return Decimal(1) if self.currency in WHOLE else Decimal("0.01")


@dataclass
class Budget:
    """Money for a day, or a total for a period; with its own name, as several may share it."""

    id: str
    account: str
    amount: Decimal | None = None
    total: Decimal | None = None
    shared: bool = False
    type: str = "STANDARD"
    removed: bool = False


@dataclass
class Thing:
    """A campaign, or an ad set of one. Its details are the platform's own fields, said as they are:
    `{"bidding_strategy_system_status": "LEARNING_NEW"}`, `{"learning_stage_info": {...}}`.
    """

    external_id: str
    account: str
    title: str
    status: Status = "active"
    parent: str | None = None
    """The campaign of an ad set."""
    budget: str | None = None
    """Whose money it spends; null where that stands on its parent or its children."""
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    updated_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ends_at: datetime | None = None
    learning: bool = False
    learning_until: datetime | None = None
    experiment: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_adset(self) -> bool:
        return self.parent is not None


@dataclass(frozen=True)
class Figures:
    """What one thing did in one hour of the account (or on one day: no hour)."""

    external_id: str
    day: date
    hour: int | None = None
    impressions: int = 0
    reach: int = 0
    clicks: int = 0
    conversions: Decimal = Decimal(0)
    spend: Decimal = Decimal(0)
    revenue: Decimal = Decimal(0)

    def __add__(self, other: Figures) -> Figures:
        return replace(
            self,
            impressions=self.impressions + other.impressions,
            # Half of the smaller part is people of the other one: reach never adds up.
            reach=max(self.reach, other.reach) + min(self.reach, other.reach) // 2,
            clicks=self.clicks + other.clicks,
            conversions=self.conversions + other.conversions,
            spend=self.spend + other.spend,
            revenue=self.revenue + other.revenue,
        )

    @property
    def delivered(self) -> bool:
        return bool(self.impressions or self.spend or self.conversions or self.clicks)


@dataclass(frozen=True)
class Change:
    """What was changed there, when and by whom."""

    at: datetime
    account: str
    kind: Literal["campaign", "adset", "budget"]
    external_id: str
    what: Literal["status", "budget"]
    old: str
    new: str
    actor: str
    program: bool
    """Through the interface of a program, not by hand."""


class World(Protocol):
    """What a fake asks for. Whoever implements it decides what the figures are."""

    @property
    def accounts(self) -> Mapping[str, Account]: ...

    @property
    def things(self) -> Mapping[str, Thing]: ...

    @property
    def budgets(self) -> Mapping[str, Budget]: ...

    @property
    def changes(self) -> Sequence[Change]: ...

    def now(self) -> datetime: ...

    def move(self, to: datetime) -> None: ...

    def visible(self, account: str) -> Iterator[Thing]:
        """What exists by now, archived and deleted ones too, in the order of their making."""
        ...

    def learns(self, thing: Thing) -> bool: ...

    def is_read(self) -> None:
        """Told by a fake with each call that asks for states or budgets."""
        ...

    def shown_status(self, thing: Thing) -> Status: ...

    def shown_amount(self, budget: Budget) -> Decimal | None: ...

    def figures(self, account: str, since: date, until: date) -> Iterator[Figures]:
        """As known now, by hour (or day); both days included; of the things that spend."""
        ...

    def set_status(
        self, external_id: str, status: Status, actor: str, *, program: bool = True
    ) -> None: ...

    def set_budget(
        self, budget: str, amount: Decimal, actor: str, *, program: bool = True
    ) -> None: ...


@dataclass
class _Before:
    """What is still shown of a thing, for so many calls more; and the last of these calls."""

    shown: Any
    left: int
    seen_by: int


class Ledger:
    """Accounts, things and budgets with their changes: what all worlds have in common."""

    def __init__(self, now: datetime) -> None:
        self.accounts: dict[str, Account] = {}
        self.things: dict[str, Thing] = {}
        self.budgets: dict[str, Budget] = {}
        self.changes: list[Change] = []
        self.learns_above: Decimal | None = None
        """A budget that changes by more than this part of it makes what it pays for learn anew."""
        self.learning_days = 3
        self.stale_reads = 0
        """After a write so many calls that show the thing still show what was there before."""
        self._reads = 0
        self._before: dict[tuple[str, str], _Before] = {}
        self._now = now

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        """For whoever takes a `time.time`."""
        return self.now().timestamp()

    def move(self, to: datetime) -> None:
        if to < self._now:
            raise ValueError("the world's clock goes forward only")
        self._now = to

    def pass_time(self, **duration: float) -> None:
        """`pass_time(hours=1)`"""
        self.move(self.now() + timedelta(**duration))

    def figures(self, account: str, since: date, until: date) -> Iterator[Figures]:
        raise NotImplementedError

    def visible(self, account: str) -> Iterator[Thing]:
        now = self.now()
        for thing in self.things.values():
            if thing.account == account and thing.created_at <= now:
                yield thing

    def add(self, thing: Thing, daily: Decimal | str | int | None = None, **budget: Any) -> Thing:
        """A thing, with a budget of its own where one is given."""
        if thing.external_id in self.things:
            raise ValueError(f"{thing.external_id} is there twice")
        if daily is not None or budget:
            amount = None if daily is None else Decimal(daily)
            own = Budget(f"{thing.external_id}9", thing.account, amount, **budget)
            self.budgets[own.id] = own
            thing.budget = own.id
        self.things[thing.external_id] = thing
        return thing

    def set_status(
        self, external_id: str, status: Status, actor: str, *, program: bool = True
    ) -> None:
        thing = self.things[external_id]
        kind: Literal["adset", "campaign"] = "adset" if thing.is_adset else "campaign"
        if thing.status != status:
            self._note(
                Change(
                    self.now(), thing.account, kind, external_id, "status", thing.status, status,
                    actor, program,
                )
            )  # fmt: skip
        self._keep(external_id, "status", thing.status)
        thing.status, thing.updated_at = status, self.now()

    def set_budget(self, budget: str, amount: Decimal, actor: str, *, program: bool = True) -> None:
        held = self.budgets[budget]
        if held.amount != amount:
            self._note(
                Change(
                    self.now(), held.account, "budget", budget, "budget", str(held.amount),
                    str(amount), actor, program,
                )
            )  # fmt: skip
        self._keep(budget, "budget", held.amount)
        old, held.amount = held.amount, amount
        jumps = self.learns_above is not None and (
            old is None or abs(amount - old) > self.learns_above * old
        )
        for thing in self.things.values():
            above = self.things.get(thing.parent or "")
            if jumps and budget in (thing.budget, above.budget if above else None):
                thing.learning_until = self.now() + timedelta(days=self.learning_days)
            if thing.budget == budget:
                thing.updated_at = self.now()

    def _note(self, change: Change) -> None:
        self.changes.append(change)

    def is_read(self) -> None:
        self._reads += 1

    def shown_status(self, thing: Thing) -> Status:
        status: Status = self._shown(thing.external_id, "status", thing.status)
        return status

    def shown_amount(self, budget: Budget) -> Decimal | None:
        amount: Decimal | None = self._shown(budget.id, "budget", budget.amount)
        return amount

    def _keep(self, name: str, what: str, before: Any) -> None:
        if self.stale_reads:
            self._before.setdefault((name, what), _Before(before, self.stale_reads, self._reads))

    def _shown(self, name: str, what: str, now: Any) -> Any:
        kept = self._before.get((name, what))
        if kept is None:
            return now
        if kept.seen_by != self._reads:
            kept.left, kept.seen_by = kept.left - 1, self._reads
        if kept.left >= 0:
            return kept.shown
        del self._before[name, what]
        return now

    def learns(self, thing: Thing) -> bool:
        until = thing.learning_until
        return thing.learning or (until is not None and self.now() < until)

    def runs(self, thing: Thing) -> bool:
        """Whether it and what it belongs to are switched on."""
        above = self.things.get(thing.parent or "")
        return thing.status == "active" and (above is None or above.status == "active")


class PlainWorld(Ledger):
    """A world out of rows: a figure holds from the moment it is known until a newer one is."""

    def __init__(self, now: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)) -> None:
        super().__init__(now)
        self._known: dict[str, dict[tuple[date, int | None], list[tuple[datetime, Figures]]]] = (
            defaultdict(lambda: defaultdict(list))
        )

    def tell(self, *figures: Figures, known_at: datetime | None = None) -> None:
        """Adds figures. Known, if nothing else is said, from the end of their hour or day."""
        for told in figures:
            at = known_at or self._end(told)
            row = self._known[told.external_id][told.day, told.hour]
            row.append((at, told))
            row.sort(key=lambda pair: pair[0])

    def _end(self, told: Figures) -> datetime:
        zone = self.accounts[self.things[told.external_id].account].zone
        begin = datetime.combine(told.day, datetime.min.time(), zone).astimezone(UTC)
        return begin + timedelta(hours=24 if told.hour is None else told.hour + 1)

    def figures(self, account: str, since: date, until: date) -> Iterator[Figures]:
        now = self.now()
        for thing in self.visible(account):
            rows = self._known.get(thing.external_id, {})
            for (day, _), versions in sorted(rows.items(), key=_by_hour):
                known = [told for at, told in versions if at <= now]
                if since <= day <= until and known:
                    yield known[-1]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> PlainWorld:
        """From plain JSON: now, accounts, things (with daily or total), budgets, figures."""
        world = cls(_moment(told["now"]))
        for row in told["accounts"]:
            account = Account(**{**row, "minimum": Decimal(str(row.get("minimum", 1)))})
            world.accounts[account.external_id] = account
        for row in told.get("budgets", ()):
            budget = Budget(**{**row, **_decimals(row, "amount", "total")})
            world.budgets[budget.id] = budget
        for told_row in told["things"]:
            row = dict(told_row)
            budgets = _decimals({key: row.pop(key, None) for key in ("daily", "total")})
            moments = {key: _moment(row[key]) for key in row if key.endswith("_at")}
            given = {key: value for key, value in budgets.items() if value is not None}
            world.add(Thing(**{**row, **moments}), **given)
        world.read_rows(told.get("figures", ()))
        return world

    @classmethod
    def read(cls, path: Path) -> PlainWorld:
        """From a JSON file; `name.csv` beside it holds more figures, with the same columns."""
        world = cls.of(json.loads(path.read_text(encoding="utf-8")))
        beside = path.with_suffix(".csv")
        if beside.exists():
            with beside.open(encoding="utf-8", newline="") as file:
                world.read_rows(csv.DictReader(file))
        return world

    def read_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            hour = row.get("hour")
            known = row.get("known_at")
            counts: dict[str, Any] = {
                key: int(row.get(key) or 0) for key in ("impressions", "reach", "clicks")
            }
            money = _decimals({key: row.get(key) or 0 for key in _FRACTIONS})
            self.tell(
                Figures(
                    str(row["external_id"]), date.fromisoformat(str(row["day"])),
                    None if hour in (None, "") else int(str(hour)), **counts, **money,
                ),
                known_at=_moment(known) if known else None,
            )  # fmt: skip


_FRACTIONS = ("conversions", "spend", "revenue")


def by_day(figures: Iterable[Figures]) -> Iterator[Figures]:
    """Hours added up to the days that they belong to."""
    days: dict[tuple[str, date], Figures] = {}
    for told in figures:
        key = told.external_id, told.day
        days[key] = days[key] + told if key in days else replace(told, hour=None)
    yield from days.values()


def _by_hour(item: tuple[tuple[date, int | None], Any]) -> tuple[date, int]:
    (day, hour), _ = item
    return day, -1 if hour is None else hour


def _moment(text: Any) -> datetime:
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(f"{text}: a moment needs its offset, as 2026-11-28T12:00:00+00:00")
    return moment.astimezone(UTC)


def _decimals(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    wanted = names or tuple(row)
    return {name: None if row.get(name) is None else Decimal(str(row[name])) for name in wanted}

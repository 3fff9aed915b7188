"""An advertising platform on paper: what the reading is tried against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from autonomy.platforms.base import (
    AccountFacts,
    Change,
    DayFigures,
    PlatformError,
    Pulse,
    Switch,
    Unit,
)


@dataclass
class Paper:
    """One account; implements Platform. `fails` says what is raised when something is read."""

    name: str = "meta"
    currency: str = "EUR"
    zone: str = "Europe/Berlin"
    units_there: dict[str, Unit] = field(default_factory=dict)
    figures: dict[tuple[str, date], DayFigures] = field(default_factory=dict)
    fails: dict[str, Exception] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    page: int = 2
    active: bool = True
    asked: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def today(self) -> date:
        return datetime.now(UTC).astimezone(ZoneInfo(self.zone)).date()

    def put(self, external_id: str, budget: Any = "100", **other: Any) -> Unit:
        """A unit as it stands there now."""
        known: dict[str, Any] = {
            "kind": "campaign", "title": f"Campaign {external_id}", "status": "active",
            "status_text": "ACTIVE", "budget_kind": "daily",
            "created_at": datetime.now(UTC) - timedelta(days=40),
        }  # fmt: skip
        amount = None if budget is None else Decimal(str(budget))
        unit = Unit(external_id=external_id, budget=amount, **{**known, **other})
        self.units_there[external_id] = unit
        return unit

    def change(self, external_id: str, **values: Any) -> None:
        """What a person does there."""
        if isinstance(values.get("budget"), str):
            values["budget"] = Decimal(values["budget"])
        self.units_there[external_id] = replace(self.units_there[external_id], **values)

    def play(self, external_id: str, ago: int, **values: Any) -> None:
        """What it did on a day so many days ago."""
        day = self.today - timedelta(days=ago)
        given: dict[str, Any] = {
            "impressions": 1000, "reach": None, "clicks": 50, "conversions": Decimal("0.4"),
            "spend": Decimal("20.5"), "revenue": Decimal(30),
        }  # fmt: skip
        self.figures[external_id, day] = DayFigures(external_id, day, **{**given, **values})

    def account(self) -> AccountFacts:
        self._read("account")
        return AccountFacts(
            "77", "Paper shop", self.currency, self.zone, self.active,
            "" if self.active else "A payment is due.",
        )  # fmt: skip

    def units(self) -> Iterator[Sequence[Unit]]:
        self._read("units")
        there = [one for one in self.units_there.values() if one.status in ("active", "paused")]
        for start in range(0, len(there), self.page):
            yield there[start : start + self.page]

    def unit(self, external_id: str) -> Unit | None:
        self._read("unit", external_id)
        return self.units_there.get(external_id)

    def days(self, since: date, until: date) -> Iterator[Sequence[DayFigures]]:
        self._read("days", (since, until))
        there = [one for one in self.figures.values() if since <= one.day <= until]
        for start in range(0, len(there), self.page):
            yield there[start : start + self.page]

    def pulse(self) -> Pulse:
        self._read("pulse")
        return Pulse(self.today, Decimal("12.5"), 40, Decimal("0.4"))

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        self._read("changes", (since, until))
        yield [one for one in self.history if since <= one.at <= until]

    def identity(self) -> str:
        return "4711"

    def notes(self) -> Sequence[str]:
        return ()

    def set_status(self, unit: Unit, status: Switch, *, validate_only: bool = False) -> None:
        self._read("set_status", (unit.external_id, status))
        if not validate_only:
            self.change(unit.external_id, status=status)

    def set_budget(self, unit: Unit, amount: Decimal, *, validate_only: bool = False) -> None:
        self._read("set_budget", (unit.external_id, amount))
        if not validate_only:
            self.change(unit.external_id, budget=amount)

    def _read(self, what: str, how: Any = None) -> None:
        self.asked.append((what, how))
        if what in self.fails:
            raise self.fails[what]

    def spans(self) -> list[tuple[date, date]]:
        """The days that were asked for, in this order."""
        return [how for what, how in self.asked if what == "days"]


def failure(kind: type[PlatformError], message: str, **more: Any) -> PlatformError:
    """An error of a platform."""
    return kind(message, **more)

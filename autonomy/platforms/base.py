"""What a platform tells, in one shape for all of them; and how a call to one can fail. No I/O.

Money is `Decimal` in whole units of the account's currency (a client turns minor units and micros
into them and back); conversions are `Decimal`, since platforms hand out fractions; days are the
account's days. A **unit** is the thing that holds the budget: a Google Ads campaign, a Meta
campaign with a budget of its own, else each of its ad sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

Status = Literal["active", "paused", "archived", "deleted"]
UnitKind = Literal["campaign", "adset"]
BudgetKind = Literal["daily", "lifetime", "shared", "children", "none"]
"""shared: one budget over several campaigns; children: the budgets stand on the parts of it."""
Switch = Literal["active", "paused"]
"""What a unit's status can be set to."""
ChangedField = Literal["status", "budget"]


@dataclass(frozen=True)
class AccountFacts:
    """The advertising account itself."""

    external_id: str
    name: str
    currency: str
    """ISO 4217, upper case."""
    time_zone: str
    """A name of the IANA database."""
    active: bool
    problem: str = ""
    """Why it is not active, as a sentence; empty where it is."""
    min_daily_budget: Decimal | None = None
    conversion_actions: Sequence[str] = ()
    """What can be counted as the conversion, where the platform tells."""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unit:
    """One thing with a budget, as it stands on the platform at the moment of reading."""

    external_id: str
    kind: UnitKind
    title: str
    status: Status
    status_text: str
    """The platform's own word for it."""
    budget: Decimal | None
    """A day's; null unless the kind is daily or shared."""
    budget_kind: BudgetKind
    budget_ref: str | None = None
    """What is changed to change the budget, where that is another object."""
    created_at: datetime | None = None
    learning: bool = False
    hold: str | None = None
    """The code of what forbids us to touch it, as SCHEDULED_BUDGET or TEST_RUNNING."""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DayFigures:
    """What one unit did on one day of the account."""

    external_id: str
    day: date
    impressions: int
    reach: int | None
    clicks: int
    conversions: Decimal
    spend: Decimal
    revenue: Decimal


@dataclass(frozen=True)
class Pulse:
    """An account's totals of its present day so far, at the moment of reading."""

    day: date
    spend: Decimal
    clicks: int
    conversions: Decimal


@dataclass(frozen=True)
class Change:
    """One change of a unit's status or budget, as the platform's own history tells it."""

    external_id: str
    """Of the unit."""
    field: ChangedField
    old: Status | Decimal | None
    """Before; null where the platform does not tell, or nothing stood there."""
    new: Status | Decimal | None
    """After; null where the platform does not tell: that it changed, and who did it, stands."""
    at: datetime
    """With its zone."""
    actor: str
    """The name or the e-mail of who did it; empty where the platform does not tell."""
    ours: bool
    """Whether our own program did it. False also where that cannot be told."""


class Platform(Protocol):
    """One connected account. Everything is read page by page: no answer holds a whole account."""

    name: str
    """meta or google."""

    def account(self) -> AccountFacts: ...

    def units(self) -> Iterator[Sequence[Unit]]:
        """All that are not archived or deleted."""
        ...

    def unit(self, external_id: str) -> Unit | None:
        """One of them, archived and deleted ones too; null where the platform knows it no more."""
        ...

    def days(self, since: date, until: date) -> Iterator[Sequence[DayFigures]]:
        """Both ends included; rows only where something was delivered."""
        ...

    def pulse(self) -> Pulse: ...

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        """Who changed the status or the budget of what between these moments (both with a zone),
        a page at a time, in any order. What the platform does not keep so long, or writes in a
        shape that is not known, is left out."""
        ...

    def notes(self) -> Sequence[str]:
        """What a person who connects it should know, each a sentence."""
        ...

    def identity(self) -> str:
        """What marks changes of ours in the history; empty where it is not known: then none of
        them is told from other people's."""
        ...

    def set_status(self, unit: Unit, status: Switch, *, validate_only: bool = False) -> None:
        """Switch a unit. Returns where the platform said that it is done; raises Unsure where no
        answer came, Refused with the platform's words."""
        ...

    def set_budget(self, unit: Unit, amount: Decimal, *, validate_only: bool = False) -> None:
        """Set a unit's own daily budget, in whole units of the currency; as set_status."""
        ...


class PlatformError(Exception):
    """A call failed. `message` is a sentence for a person: never an address, never a token."""

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The platform's own code, as 613/1487632 or BUDGET_BELOW_PER_DAY_MINIMUM."""
        self.request_id = request_id


class Later(PlatformError):
    """A limit, or the platform is out of order: try again after so many seconds."""

    def __init__(
        self, message: str, *, seconds: float, code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.seconds = seconds


class Unsure(PlatformError):
    """No answer came: whether it was carried out is not known."""


class Refused(PlatformError):
    """The platform said no to this one thing, in its own words."""


class Gone(PlatformError):
    """The thing asked for is not there, or may not be seen."""


class AccountBroken(PlatformError):
    """The account as a whole cannot be used: token, permission, blocked. Nothing else is tried."""


class TooMuch(PlatformError):
    """The answer would be too large: ask for fewer days or smaller pages."""

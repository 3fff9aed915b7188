"""Three sides of a change that is to reach a platform: what our row wants, what stands there now,
and what both last agreed on (the base). Pure: data in, the next step out.

A write sets a value, it adds nothing, so it may be repeated; what it must never do is to overrule
somebody. So before every write the history is asked who was there since it was wanted; a value that
neither we nor the base have is a person's as soon as one is named, and waits until then; and after
a write that got no answer nothing is written until the history, or a look five minutes later, says
that it did not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from autonomy.platforms.base import (
    BudgetKind,
    Change,
    ChangedField,
    PlatformError,
    Unit,
    UnitKind,
)
from autonomy.platforms.money import google_digits, meta_digits, rounded

ASIDE = timedelta(minutes=5)
"""A write without an answer can still arrive, and a read can be older than it, for so long."""
SKEW = timedelta(seconds=30)
"""By how much a platform's clock may differ from the database's."""

StepName = Literal["pause", "cut", "resume", "raise"]
ADDS: tuple[StepName, ...] = ("resume", "raise")
"""What lets more money be spent."""


@dataclass(frozen=True)
class Wanted:
    """One field of one campaign that differs from what its platform was last known to have."""

    campaign_id: str
    external_id: str
    title: str
    kind: UnitKind
    budget_kind: BudgetKind
    budget_ref: str | None
    field: ChangedField
    wanted: str
    """active, paused, or an amount."""
    base: str | None
    base_at: datetime | None
    """When the reading began that saw the base."""
    step: StepName
    by: str
    """action, rollback or person: who wants it."""
    wanted_at: datetime
    unsure: bool = False
    """It was written, and whether that arrived is not known."""
    tries: int = 0
    first_unsure_at: datetime | None = None
    sent: str | None = None
    """What was written last and got no answer: perhaps another value than is wanted now."""
    sent_at: datetime | None = None
    action_id: str | None = None

    @property
    def adds(self) -> bool:
        """Whether more money may be spent once it is there."""
        return self.step in ADDS

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Wanted:
        """As platform_changes_to_push hands it out."""
        return cls(
            campaign_id=str(row["campaign_id"]),
            external_id=str(row["external_id"]),
            title=str(row.get("title") or row["external_id"]),
            kind=row["kind"],
            budget_kind=row["budget_kind"],
            budget_ref=row.get("budget_ref"),
            field=row["field"],
            wanted=str(row["wanted"]),
            base=None if row.get("base") is None else str(row["base"]),
            base_at=_moment(row.get("base_at")),
            step=row["step"],
            by=str(row.get("by") or "action"),
            wanted_at=datetime.fromisoformat(str(row["wanted_at"])),
            unsure=row.get("state") == "unsure",
            tries=int(row.get("tries") or 0),
            first_unsure_at=_moment(row.get("first_unsure_at")),
            sent=None if row.get("sent") is None else str(row["sent"]),
            sent_at=_moment(row.get("sent_at")),
            action_id=row.get("action_id"),
        )

    def unit(self) -> Unit:
        """The thing that is to be changed, as far as it is known here."""
        return Unit(
            external_id=self.external_id,
            kind=self.kind,
            title=self.title,
            status="paused" if self.field == "status" and self.base == "paused" else "active",
            status_text="",
            budget=_amount(self.base) if self.field == "budget" else None,
            budget_kind=self.budget_kind,
            budget_ref=self.budget_ref,
        )


@dataclass(frozen=True)
class Confirm:
    """It stands there as wanted."""


@dataclass(frozen=True)
class Write:
    """It is to be written now."""


@dataclass(frozen=True)
class Person:
    """Somebody else changed it there: theirs stands."""

    actor: str
    at: datetime


@dataclass(frozen=True)
class NotThere:
    """It is archived or deleted there, or not known any more."""


@dataclass(frozen=True)
class Wait:
    """Not now: the next reading knows more. `ask`: the history of changes would tell."""

    why: str
    ask: bool = False


@dataclass(frozen=True)
class Refuse:
    """It cannot be written at all; no platform needs to be asked."""

    code: str
    why: str


Step = Confirm | Write | Person | NotThere | Wait | Refuse


def smallest_digits(platform: str, currency: str) -> int:
    """Decimals of the smallest amount that a platform takes. Raises PlatformError."""
    return meta_digits(currency) if platform == "meta" else google_digits(currency)


def decide(
    change: Wanted,
    observed: Unit | None,
    observed_at: datetime,
    history: Sequence[Change] | None,
    digits: int,
    *,
    asked: bool = True,
) -> Step:
    """What is to be done next. `history`: what was changed there; null where the platform does not
    tell it, or it was not `asked` yet. `observed_at`: when the look at `observed` began."""
    if observed is None or observed.status in ("archived", "deleted"):
        return NotThere()
    obstacle = _obstacle(change, observed, digits)
    if obstacle is not None:
        return obstacle
    if matches(change, observed, digits):
        return _confirmed(change, observed_at, digits)
    if change.base is None:
        return Wait("what stands there was not known so far")
    if history is None and not asked:
        return Wait("the history of changes says more", ask=True)
    return _with_history(change, observed, observed_at, history, digits)


def after_write(
    change: Wanted,
    observed: Unit | None,
    history: Sequence[Change],
    wrote_at: datetime,
    digits: int,
) -> Confirm | Person | NotThere | None:
    """What a look right after a write says; null: it does not stand there as written."""
    if observed is None or observed.status in ("archived", "deleted"):
        return NotThere()
    if matches(change, observed, digits):
        return Confirm()
    last = _last(change, history, wrote_at - SKEW)
    return Person(last.actor, last.at) if last and _theirs(change, last, digits) else None


def matches(change: Wanted, observed: Unit, digits: int) -> bool:
    """Whether it stands there as wanted."""
    return equals(change, change.wanted, observed, digits)


def equals(change: Wanted, value: str | None, observed: Unit, digits: int) -> bool:
    """Whether a value is what stands there; amounts to the platform's smallest piece of money."""
    if change.field == "status":
        return value == observed.status
    amount = _amount(value)
    if amount is None or observed.budget is None:
        return amount is None and observed.budget is None
    return rounded(amount, digits) == rounded(observed.budget, digits)


def observed_value(change: Wanted, observed: Unit | None) -> str | None:
    """What stands there, as record_deliveries takes it; null: it was not read, or is gone."""
    if observed is None:
        return None
    if change.field == "status":
        return observed.status
    return None if observed.budget is None else format(observed.budget, "f")


def taken_for_ours(
    changes: Sequence[Wanted], history: Sequence[Change], digits: int
) -> list[Change]:
    """Of a platform that cannot tell which changes are ours: those to a value that we wrote, or
    are about to."""
    values: dict[tuple[str, str], list[Wanted]] = {}
    for one in changes:
        values.setdefault((one.external_id, one.field), []).append(one)
    return [replace(told, ours=told.ours or _is_written(told, values, digits)) for told in history]


def _is_written(
    told: Change, values: Mapping[tuple[str, str], Sequence[Wanted]], digits: int
) -> bool:
    if told.new is None:
        return False
    return any(
        value is not None and _same(one, value, _text(told.new), digits)
        for one in values.get((told.external_id, told.field), ())
        for value in (one.sent, one.wanted if one.unsure or one.tries else None)
    )


def amount_of(change: Wanted, digits: int) -> Decimal:
    """The budget that is to be written. Raises PlatformError where it is none."""
    amount = _amount(change.wanted)
    if amount is None:
        raise PlatformError("The budget that is to be written is no amount.")
    return rounded(amount, digits)


def _obstacle(change: Wanted, observed: Unit, digits: int) -> Wait | Refuse | None:
    """What forbids the change, whatever stands there."""
    if change.field == "status":
        if change.wanted not in ("active", "paused"):
            return Refuse("NO_STATUS", "A campaign is switched to active or paused, nothing else.")
        return None
    try:
        amount = amount_of(change, digits)
    except PlatformError as error:
        return Refuse("NO_AMOUNT", error.message)
    if amount <= 0:
        return Refuse("NO_AMOUNT", "A budget of nothing is not written: pause it instead.")
    if observed.budget_kind != "daily":
        return Wait("it has no daily budget of its own there any more")
    if observed.hold is not None and not matches(change, observed, digits):
        return Wait(f"its budget is not to be touched there ({observed.hold})")
    return None


def _confirmed(change: Wanted, observed_at: datetime, digits: int) -> Confirm | Wait:
    """What was wanted, written without an answer and then taken back looks as if it were there:
    until the write can arrive no more, that is no proof."""
    if change.unsure and _same(change, change.wanted, change.base, digits):
        return Confirm() if _aside(change, observed_at) else Wait("a write may still arrive")
    return Confirm()


def _with_history(
    change: Wanted,
    observed: Unit,
    observed_at: datetime,
    history: Sequence[Change] | None,
    digits: int,
) -> Step:
    """What stands there is not what is wanted. Where it is as both knew it, somebody may still have
    changed it there and back since it was wanted."""
    written = change.unsure or change.tries > 0
    at_base = equals(change, change.base, observed, digits)
    since = change.wanted_at if at_base or written else change.base_at or change.wanted_at
    if written and change.first_unsure_at is not None:
        since = change.first_unsure_at
    last = _last(change, history or (), since - SKEW)
    if last is not None and _theirs(change, last, digits):
        if not written and change.by == "person" and last.at <= change.wanted_at:
            return Write()  # both are people's: the later one holds
        return Person(last.actor, last.at)
    ours_stands = last is not None and last.ours and _left(change, last, observed, digits)
    if not at_base and not ours_stands:
        # somebody's without a name: the next reading sees it a second time, and follows it
        return Wait("it was changed there, and by whom is not known")
    # of an earlier wish, too: it could arrive after this one
    on_its_way = change.sent is not None and not equals(change, change.sent, observed, digits)
    if (written or on_its_way) and not _aside(change, observed_at):
        return Wait("whether it was taken is not known yet")
    return Write() if history is not None or not written else _by_two_looks(change)


def _by_two_looks(change: Wanted) -> Step:
    """Without a history: the reading before this look must have begun after the write, too."""
    since = change.first_unsure_at or change.wanted_at
    if change.base_at is not None and change.base_at >= since:
        return Write()
    return Wait("one more reading must see that it was not taken")


def _aside(change: Wanted, observed_at: datetime) -> bool:
    """Whether a look began so long after the write that it says what became of it."""
    sent_at = change.sent_at or change.first_unsure_at
    return sent_at is None or observed_at - sent_at >= ASIDE


def _theirs(change: Wanted, last: Change, digits: int) -> bool:
    """Whether the last change was another's than ours. One to the very value that is wanted is
    taken for ours, which a platform cannot always tell, or for a person's of the same mind."""
    if last.ours:
        return False
    return last.new is None or not _same(change, change.wanted, _text(last.new), digits)


def _left(change: Wanted, last: Change, observed: Unit, digits: int) -> bool:
    """Whether what stands there is what that change has left."""
    return last.new is not None and equals(change, _text(last.new), observed, digits)


def _last(change: Wanted, history: Sequence[Change], since: datetime | None) -> Change | None:
    """Who changed this very field last; of two at one moment another than us."""
    own = [
        one
        for one in history
        if (one.external_id, one.field) == (change.external_id, change.field)
        and (since is None or one.at >= since)
    ]
    return max(own, key=lambda one: (one.at, not one.ours), default=None)


def _same(change: Wanted, one: str | None, other: str | None, digits: int) -> bool:
    if change.field == "status":
        return one == other
    first, second = _amount(one), _amount(other)
    if first is None or second is None:
        return first is second
    return rounded(first, digits) == rounded(second, digits)


def _text(value: str | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else value


def _amount(text: str | None) -> Decimal | None:
    """An amount of money; null where the text is none."""
    try:
        amount = Decimal(text) if text is not None else None
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or amount < 0 or amount >= Decimal(10) ** 12:
        return None
    return amount


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))

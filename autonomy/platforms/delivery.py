"""What came of changes that were carried over: as the database takes it, and as a run tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from autonomy.platforms.base import AccountBroken, Gone, Later, PlatformError, Refused
from autonomy.platforms.reconcile import Person, Wanted
from autonomy.store import Json

LISTED = 100
"""Changes told one by one; the others are counted."""

COUNT_OF: Mapping[str, str] = {
    "confirmed": "confirmed",
    "unsure": "unsure",
    "sent": "unsure",
    "later": "waiting",
    "not_taken": "waiting",
    "failed": "refused",
    "refused": "refused",
    "gone": "refused",
    "person": "persons",
    "validated": "would_take",
    "would_refuse": "would_refuse",
}
TOLD = {
    "refused": "PLATFORM_REFUSED",
    "would_refuse": "PLATFORM_REFUSED",
    "gone": "GONE",
    "failed": "NOT_TAKEN",
    "person": "CHANGED_MEANWHILE",
}
"""Outcomes that are told one by one, with the code of an action that failed so."""

BECAME = {"kept": "later", "seen_once": "later", "rejected": "later", "failed": "failed"}
"""Where the database has made something else of an outcome: it goes on waiting, or it was the last
time."""


@dataclass(frozen=True)
class Call:
    """One call that writes, for the record: never a token."""

    what: Mapping[str, Any]
    outcome: str
    code: str
    message: str
    request_id: str
    at: datetime

    @classmethod
    def of(
        cls,
        one: Wanted,
        problem: PlatformError | None,
        at: datetime,
        was: str | None,
        *,
        validate: bool = False,
    ) -> Call:
        return cls(
            {"field": one.field, "from": was, "to": one.wanted, "validate": validate},
            _answer(problem),
            "" if problem is None else problem.code,
            "" if problem is None else problem.message,
            "" if problem is None else problem.request_id,
            at,
        )


def _answer(problem: PlatformError | None) -> str:
    """later: it was surely not carried out, and may be sent again."""
    if problem is None:
        return "done"
    if isinstance(problem, Later | AccountBroken):
        return "later"
    return "refused" if isinstance(problem, Refused | Gone) else "unsure"


def row(
    one: Wanted,
    outcome: str,
    *,
    at: datetime,
    observed: str | None = None,
    error: PlatformError | None = None,
    person: Person | None = None,
    call: Call | None = None,
    tries: int | None = None,
) -> Json:
    """One outcome, as record_deliveries takes it. `at`: when the look began that saw `observed`."""
    return {
        "campaign_id": one.campaign_id,
        "title": one.title,
        "field": one.field,
        "wanted": one.wanted,
        "outcome": outcome,
        "observed": observed,
        "observed_at": at.isoformat(),
        "code": "" if error is None else error.code,
        "message": "" if error is None else error.message,
        "request_id": "" if error is None else error.request_id,
        "seconds": error.seconds if isinstance(error, Later) else None,
        "actor": None if person is None else person.actor,
        "actor_at": None if person is None else person.at.isoformat(),
        "tries": tries,
        "calls": [] if call is None else [{**asdict(call), "at": call.at.isoformat()}],
    }


@dataclass
class Pushed:
    """What came of carrying over the changes of one account."""

    account: str
    outcome: str
    """done; stopped (out of time, the next goes on); busy; later; failed; broken; lost."""
    message: str = ""
    code: str = ""
    seconds: float | None = None
    """Of a limit: how long to wait."""
    push: str = "off"
    confirmed: int = 0
    waiting: int = 0
    refused: int = 0
    unsure: int = 0
    persons: int = 0
    would_take: int = 0
    would_refuse: int = 0
    told: list[Json] = field(default_factory=list)
    """What was refused, and what somebody else had changed there: the first of them."""

    def note(self, rows: Sequence[Json], results: Sequence[Json]) -> None:
        """Count what was written down, by what became of it; what was only announced is counted by
        its end."""
        for one, result in zip(rows, results, strict=True):
            if one["outcome"] == "sent":
                continue
            outcome = BECAME.get(result["outcome"], str(one["outcome"]))
            name = COUNT_OF[outcome]
            setattr(self, name, getattr(self, name) + 1)
            if outcome in TOLD and len(self.told) < LISTED:
                self.told.append(_told({**one, "outcome": outcome}))

    @property
    def looked_at(self) -> int:
        """How many changes something came of."""
        return sum(getattr(self, name) for name in set(COUNT_OF.values()))

    @property
    def counts(self) -> dict[str, int]:
        """By what a run's report calls them."""
        names = ["confirmed", "waiting", "refused", "unsure", "persons"]
        asked = [name for name in ("would_take", "would_refuse") if getattr(self, name)]
        return {name: getattr(self, name) for name in (*names, *asked)}

    @property
    def warning(self) -> str | None:
        """What a run says of it; null where all went well or somebody else is at it."""
        if self.outcome in ("done", "busy", "stopped"):
            return None
        if self.outcome == "later" and self.seconds is None:  # the reading has said it
            return None
        return f"Changes of the account {self.account} were not carried over: {self.message}"

    def to_dict(self) -> Json:
        """As the answer of a call says it."""
        return asdict(self)


def _told(one: Json) -> Json:
    outcome = one["outcome"]
    message = one["message"]
    if outcome == "person":
        by = f"by {one['actor']}" if one["actor"] else "by somebody"
        message = f"It was changed on the platform {by}, and stays so: {one['observed']}."
    elif outcome == "failed":
        message = f"The platform said yes to it, and still has {one['observed']}."
    elif outcome == "gone":
        message = message or "It is archived or deleted on the platform."
    return {
        "campaign_id": one["campaign_id"],
        "title": one["title"],
        "field": one["field"],
        "wanted": one["wanted"],
        "code": TOLD[outcome],
        "message": message,
    }

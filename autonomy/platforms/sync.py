"""Reading connected accounts into the database: the account, its units, its days, page by page.

Nothing of an account is held in memory but the page at hand, and whatever is recorded is an upsert:
a reading that was cut short anywhere is begun anew and leaves no double. The days that are still to
be read (ninety at first, the last month once a day) stand in the database as a cursor, so that a
reading that runs out of time is gone on with by the next. Only what is read: nothing is changed on
a platform.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from autonomy.crash_points import fault_point
from autonomy.errors import AutonomyError, LeaseLost, NotConfigured, RequestError
from autonomy.logs import say, step
from autonomy.platforms.as_json import day_json, facts_json, unit_json
from autonomy.platforms.base import (
    AccountBroken,
    DayFigures,
    Later,
    Platform,
    PlatformError,
    TooMuch,
    Unit,
)
from autonomy.platforms.history import record_history
from autonomy.platforms.http import no_later_than
from autonomy.platforms.opened import opened
from autonomy.store import Json, Store

FIRST_DAYS = 90
"""Read when an account is connected."""
RESTATED_DAYS = {"meta": 28, "google": 30}
"""Read anew once a day: conversions come late, and are taken back."""
SLICE_DAYS = 7
"""Days asked for at once: 5,000 campaigns are some 35,000 rows, in pages."""
ROWS = 1000
"""Of one call to the database: a second or two."""
MISSING = 50
"""Units looked at one by one in one reading, because the list does not have them any more."""
LISTED, FEW = 100, 5
"""Sentences in an answer: of changes that were followed, of rows that were left out."""
LEASE_SECONDS = 300
GRACE_SECONDS = 15.0
"""What a call to the platform that was begun before the deadline may take after it."""

Opener = Callable[[Json], Platform]
T = TypeVar("T")


@dataclass(frozen=True)
class Way:
    """How a reading is done: until when (monotonic, seconds), and at what moment if simulated."""

    deadline: float = float("inf")
    force: bool = False
    """Also where a limit of the platform says not yet."""
    fault: str = ""
    moment: Json = field(default_factory=dict)
    opener: Opener | None = None
    """Of the platform's client, where it is another than the connection's."""

    @property
    def out_of_time(self) -> bool:
        """Whether nothing new is to be begun."""
        return time.monotonic() >= self.deadline


@dataclass
class Pulled:
    """What came of the reading of one account."""

    account: str
    outcome: str
    """done; stopped (out of time, the next goes on); busy; later; failed; broken; lost (another
    reading took over)."""
    message: str = ""
    code: str = ""
    seconds: float | None = None
    """Of a limit: how long to wait."""
    units: int = 0
    made: int = 0
    changed: int = 0
    """On the platform, since the last reading: followed here."""
    followed: list[str] = field(default_factory=list)
    """Of these the first, each a sentence."""
    doubted: int = 0
    """Changed there as it seems, soon after something was carried over: seen again, it counts."""
    named: int = 0
    """Changes that the platform's history has told the author of."""
    not_carried_over: int = 0
    """Changed here, and not there."""
    days: int = 0
    unknown: int = 0
    """Days of units that are not listed: archived before the account was connected, as a rule."""
    rejected: int = 0
    problems: list[str] = field(default_factory=list)
    """Why rows were left out: the first of them."""
    pulled: bool = False
    restated: bool = False

    def to_dict(self) -> Json:
        """As the answer of a call says it."""
        return asdict(self)

    @property
    def warning(self) -> str | None:
        """What a run says of it; null where all went well or somebody else is at it."""
        if self.outcome in ("done", "busy", "stopped"):
            return None
        return f"The account {self.account} was not read from its platform: {self.message}"


class _OutOfTime(Exception):
    """The deadline has passed between two pages."""


def pull_accounts(store: Store, accounts: Sequence[str], way: Way | None = None) -> list[Pulled]:
    """Read these accounts, one after the other; what is wrong with one is not wrong with another.

    Those that no time is left for are read by the next run: the longest unread come first.
    """
    way = way or Way()
    done = []
    for account in accounts:
        if way.out_of_time:
            break
        done.append(pull(store, account, way))
    return done


def pull(store: Store, account: str, way: Way | None = None) -> Pulled:
    """Read one account. Raises AutonomyError where it is not connected or the database is away."""
    way = way or Way()
    token = str(uuid.uuid4())
    began = store.rpc(
        "begin_platform_pull",
        p_account=account,
        p_token=token,
        p_lease_seconds=LEASE_SECONDS,
        p_force=way.force,
        **way.moment,
    )
    found = Pulled(account, str(began["outcome"]), str(began.get("message") or ""))
    if found.outcome != "started":
        return found
    with step("pull", account=account) as counts, no_later_than(way.deadline + GRACE_SECONDS):
        _Reading(store, began, token, way, found).carry_out()
        counts.update(outcome=found.outcome, code=found.code, units=found.units, days=found.days)
    if found.outcome != "lost":
        finish(store, token, way, found, p_pulled=found.pulled, p_restated=found.restated)
        _give_up(store, way)
    return found


def _give_up(store: Store, way: Way) -> None:
    """What has waited too long for its platform fails; where that fails, it goes on waiting."""
    try:
        store.rpc("fail_undelivered", **way.moment)
    except AutonomyError as error:
        say("nothing was given up", level=logging.WARNING, code=error.code)


class Ended(Protocol):
    """What there is to say at the end of a lease, of a reading or of carrying over."""

    account: str
    outcome: str
    message: str
    code: str
    seconds: float | None


def finish(store: Store, token: str, way: Way, done: Ended, **more: bool) -> None:
    """End the lease and say what came of it; `lost` where another process has taken over."""
    try:
        store.rpc(
            "finish_platform_pull",
            p_account=done.account,
            p_token=token,
            p_outcome=done.outcome,
            p_message=done.message,
            p_code=done.code,
            p_seconds=done.seconds,
            **more,
            **way.moment,
        )
    except LeaseLost as error:  # it took too long: whoever took over goes on with it
        done.outcome, done.message = "lost", error.message


class _Reading:
    """One reading under its lease."""

    def __init__(self, store: Store, began: Json, token: str, way: Way, found: Pulled) -> None:
        self._store, self._began, self._way, self._found = store, began, way, found
        self._held: Json = {"p_account": began["account"], "p_token": token}

    def carry_out(self) -> None:
        """Read what there is time for; say in `found` what came of it. Raises AutonomyError."""
        found = self._found
        try:
            self._read((self._way.opener or opened)(self._began))
            found.outcome = "done"
        except _OutOfTime:
            found.outcome = "stopped"
        except Later as error:
            self._end("later", error.message, error.code)
            found.seconds = error.seconds
        except AccountBroken as error:
            self._end("broken", error.message, error.code)
        except PlatformError as error:
            self._end("failed", error.message, error.code)
        except LeaseLost as error:
            self._end("lost", error.message, error.code)
        except (NotConfigured, RequestError) as error:  # no credential; another currency
            self._end("broken", f"{error.message} {error.hint}".strip(), error.code)
        except AutonomyError:
            raise  # the database is away: the lease runs out by itself
        except Exception as error:  # noqa: BLE001 - an answer that no one has seen yet
            # Its text may hold what was asked, and so an address or a token.
            kind = type(error).__name__
            self._end("failed", f"The platform's answer could not be read ({kind}).", kind)

    def _end(self, outcome: str, message: str, code: str) -> None:
        self._found.outcome, self._found.message, self._found.code = outcome, message, code
        if outcome != "lost":
            level = logging.WARNING
            say("account not read", level=level, account=self._found.account, code=code)

    def _read(self, platform: Platform) -> None:
        facts = platform.account()
        if not facts.active:
            raise AccountBroken(
                facts.problem or "The platform says that the account is not active.",
                code="NOT_ACTIVE",
            )
        self._store.rpc("record_platform_facts", p_facts=facts_json(facts), **self._held)
        self._units(platform)
        self._history(platform)
        today = datetime.fromisoformat(str(self._began["now"])).astimezone(
            ZoneInfo(facts.time_zone)
        )
        self._days(platform, today.date() - timedelta(days=1), today.date())
        self._pulse(platform)
        self._found.pulled = True
        fault_point(self._way.fault, "after_pull_days")
        self._earlier_days(platform, today.date())

    def _units(self, platform: Platform) -> None:
        for page in platform.units():
            self._record_units(page)
        asked = self._store.rpc("missing_platform_units", p_limit=MISSING, **self._held)
        for external_id in asked:
            self._in_time()
            unit = platform.unit(external_id)
            self._record_units([_gone(external_id) if unit is None else unit])
        fault_point(self._way.fault, "after_pull_units")

    def _history(self, platform: Platform) -> None:
        self._in_time()
        held = {**self._held, **self._way.moment}
        found, doubted = self._found, self._found.doubted
        found.named, problem = record_history(
            self._store, platform, self._began, held, doubted=doubted
        )
        found.problems += [problem] if problem else []

    def _record_units(self, page: Sequence[Unit]) -> None:
        for rows in in_parts(page, ROWS):
            self._in_time()
            taken = self._store.rpc(
                "record_platform_units",
                p_units=[unit_json(unit) for unit in rows],
                **self._held,
                **self._way.moment,
            )
            found = self._found
            found.units += taken["units"]
            found.made += taken["made"]
            found.changed += len(taken["followed"])
            found.followed += taken["followed"][: LISTED - len(found.followed)]
            found.doubted += int(taken.get("doubted") or 0)
            found.not_carried_over += taken["not_carried_over"]
            self._left_out(taken["rejected"])
            fault_point(self._way.fault, "after_pull_page")

    def _days(self, platform: Platform, since: date, until: date) -> None:
        """Both ends included; where that is too much for one answer, half of it at a time."""
        self._in_time()
        try:
            for page in platform.days(since, until):
                self._record_days(page)
        except TooMuch:
            if since >= until:
                raise
            middle = since + (until - since) // 2
            self._days(platform, since, middle)
            self._days(platform, middle + timedelta(days=1), until)

    def _record_days(self, page: Sequence[DayFigures]) -> None:
        for rows in in_parts(page, ROWS):
            self._in_time()
            taken = self._store.rpc(
                "record_platform_days",
                p_days=[day_json(day) for day in rows],
                **self._held,
                **self._way.moment,
            )
            self._found.days += taken["days"]
            self._found.unknown += taken["unknown"]
            self._left_out(taken["rejected"])
            fault_point(self._way.fault, "after_pull_page")

    def _left_out(self, rows: list[Json]) -> None:
        self._found.rejected += len(rows)
        left = max(0, FEW - len(self._found.problems))
        self._found.problems += [str(row["error"]) for row in rows[:left]]

    def _pulse(self, platform: Platform) -> None:
        self._in_time()
        pulse = platform.pulse()
        self._store.rpc(
            "record_platform_pulse",
            p_pulse={
                "day": pulse.day.isoformat(),
                "spend": format(pulse.spend, "f"),
                "clicks": pulse.clicks,
                "conversions": format(pulse.conversions, "f"),
            },
            **self._held,
            **self._way.moment,
        )

    def _earlier_days(self, platform: Platform, today: date) -> None:
        """The newest first: what was spent last month says more than what was in the summer."""
        span = span_to_read(self._began, today)
        while span is not None:
            since, until = span
            first = max(since, until - timedelta(days=SLICE_DAYS - 1))
            self._days(platform, first, until)
            span = (since, first - timedelta(days=1)) if first > since else None
            if span is not None:
                left = {"since": since.isoformat(), "until": span[1].isoformat()}
                self._store.rpc(
                    "record_platform_days",
                    p_days=[],
                    p_cursor=left,
                    **self._held,
                    **self._way.moment,
                )
            else:
                self._found.restated = True
            fault_point(self._way.fault, "after_pull_slice")

    def _in_time(self) -> None:
        if self._way.out_of_time:
            raise _OutOfTime


def span_to_read(began: Json, today: date) -> tuple[date, date] | None:
    """Which days before yesterday are to be read, both ends included; None where none are."""
    last = today - timedelta(days=2)
    cursor = began.get("cursor")
    if cursor:
        since, until = (date.fromisoformat(str(cursor[end])) for end in ("since", "until"))
        return (since, until) if since <= until else None
    restated = began.get("restated_at")
    if restated is None:
        return today - timedelta(days=FIRST_DAYS), last
    now = datetime.fromisoformat(str(began["now"]))
    if now - datetime.fromisoformat(str(restated)) < timedelta(hours=23):
        return None
    return today - timedelta(days=RESTATED_DAYS[str(began["platform"])]), last


def _gone(external_id: str) -> Unit:
    """What the platform knows no more."""
    return Unit(external_id, "campaign", external_id, "deleted", "GONE", None, "none")


def in_parts(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part

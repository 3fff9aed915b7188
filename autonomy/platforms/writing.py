"""Writing to a platform, and looking at what was written: many at once where it allows that."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, cast, runtime_checkable

from autonomy.platforms.base import AccountBroken, Later, Platform, PlatformError, Switch, Unit
from autonomy.platforms.http import Hiccup
from autonomy.platforms.reconcile import Wanted, amount_of

PARTS: Mapping[str, int] = {"meta": 10, "google": 500}
"""Changes of one part. A process that dies leaves at most so many unsure."""
SECONDS_BETWEEN_WRITES = 0.2
"""Where each thing is written by itself: five a second."""
OF_ONE_THING = frozenset({"613/1487632", "CONCURRENT_MODIFICATION", "NOT_SENT"})
"""Limits of one campaign or ad set alone: the others go on."""
FEW_UNREAD = 5
"""Things that may fail to be read, each by itself; more are no fault of theirs."""


@runtime_checkable
class SetsMany(Protocol):
    """A platform that takes many changes in one call."""

    def set_all(
        self, settings: Sequence[tuple[Unit, Switch | Decimal]], *, validate_only: bool = False
    ) -> list[PlatformError | None]: ...


@runtime_checkable
class LooksAgain(Protocol):
    """A platform that is asked for some units for less than a whole reading of each."""

    def read_again(self, units: Sequence[Unit]) -> Mapping[str, Unit]: ...


def write_all(
    platform: Platform,
    changes: Sequence[Wanted],
    digits: int,
    *,
    seen: Mapping[str, Unit] | None = None,
    until: float = float("inf"),
    validate_only: bool = False,
) -> list[PlatformError | None]:
    """What came of each; null: the platform says that it is done. `seen`: the things as they were
    looked at, by id. After what ends all, and after `until` (monotonic), nothing more is sent, and
    the rest is told so."""
    there = seen or {}
    settings = [(there.get(one.external_id) or one.unit(), _value(one, digits)) for one in changes]
    if isinstance(platform, SetsMany):
        try:
            return platform.set_all(settings, validate_only=validate_only)
        except AccountBroken as error:
            return [error] * len(settings)
    came: list[PlatformError | None] = []
    last = 0.0
    for unit, value in settings:
        if time.monotonic() >= until:
            late = Later("There was no time left for it.", seconds=1.0, code="NOT_SENT")
            came.append(late)
            continue
        time.sleep(max(0.0, last + SECONDS_BETWEEN_WRITES - time.monotonic()))
        last = time.monotonic()
        problem = _write(platform, unit, value, validate_only=validate_only)
        came.append(problem)
        if ends_all(problem):
            return came + [problem] * (len(settings) - len(came))
    return came


def ends_all(problem: PlatformError | None) -> bool:
    """Whether nothing more is to be asked of this account now."""
    if isinstance(problem, Later):
        return problem.code not in OF_ONE_THING
    return isinstance(problem, AccountBroken)


def look_again(
    platform: Platform, changes: Sequence[Wanted]
) -> tuple[Mapping[str, Unit], Mapping[str, PlatformError]]:
    """The things of these changes as they stand now (what is not there is left out), and why some
    could not be read, both by id. What is wrong with more than a few of them, or with the account,
    is raised."""
    units = list({one.external_id: one.unit() for one in changes}.values())
    found: dict[str, Unit] = {}
    problems: dict[str, PlatformError] = {}
    together = isinstance(platform, SetsMany)
    waiting = [units] if together and units else [[unit] for unit in units]
    while waiting:
        part = waiting.pop(0)
        try:
            found |= _read(platform, part)
        except PlatformError as error:
            passing = isinstance(error, Hiccup)
            if passing and (together or any(isinstance(one, Hiccup) for one in problems.values())):
                raise  # it is out of order as a whole
            if (ends_all(error) and not passing) or len(problems) >= FEW_UNREAD:
                raise
            if len(part) == 1:
                problems[part[0].external_id] = error
                continue
            middle = len(part) // 2
            waiting[:0] = [part[:middle], part[middle:]]
    return found, problems


def _read(platform: Platform, units: Sequence[Unit]) -> Mapping[str, Unit]:
    if isinstance(platform, LooksAgain):
        return platform.read_again(units)
    found = {unit.external_id: platform.unit(unit.external_id) for unit in units}
    return {number: unit for number, unit in found.items() if unit is not None}


def _value(one: Wanted, digits: int) -> Switch | Decimal:
    return amount_of(one, digits) if one.field == "budget" else cast(Switch, one.wanted)


def _write(
    platform: Platform, unit: Unit, value: Switch | Decimal, *, validate_only: bool
) -> PlatformError | None:
    try:
        if isinstance(value, Decimal):
            platform.set_budget(unit, value, validate_only=validate_only)
        else:
            platform.set_status(unit, value, validate_only=validate_only)
    except PlatformError as error:
        return error
    return None

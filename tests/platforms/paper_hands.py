"""A platform on paper that can be changed, with everything that can go wrong with a write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from autonomy.platforms.base import (
    AccountBroken,
    Change,
    Gone,
    Later,
    PlatformError,
    Refused,
    Switch,
    Unit,
    Unsure,
)
from tests.integration.paper_platform import Paper

Fate = Literal[
    "ok", "lost", "never", "late", "limit", "of one", "refuse", "silent", "broken", "gone"
]
"""lost: carried out, no answer; never: not carried out, no answer; late: no answer, and it arrives
later; silent: said to be done, and is not; gone: said not to be there."""
US = "our program"


@dataclass
class Hands(Paper):
    """`ways`: what becomes of the next writes, one after the other; then all is well."""

    ways: list[Fate] = field(default_factory=list)
    clock: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)
    tells: bool = True
    """Whether it tells who changed what."""
    knows_us: bool = True
    writes: list[tuple[str, str, Any, bool]] = field(default_factory=list)
    """Id, field, value, and whether only looked at, as they came."""
    obeyed: list[tuple[str, str, Any]] = field(default_factory=list)
    coming: list[tuple[str, str, Any]] = field(default_factory=list)
    least: Decimal = Decimal(1)
    reads: int = 0

    def pass_time(self, **duration: float) -> None:
        self.clock += timedelta(**duration)

    def arrive(self) -> None:
        """What was under way for long is there now."""
        for one in self.coming:
            self._obey(*one)
        self.coming.clear()

    def edit(self, external_id: str, actor: str = "Maria Keller", **values: Any) -> None:
        """A person's change there."""
        for name, value in values.items():
            self._note(external_id, name, value, actor, ours=False)
        self.change(external_id, **values)

    def unit(self, external_id: str) -> Unit | None:
        self.reads += 1
        return super().unit(external_id)

    def identity(self) -> str:
        return "4711" if self.knows_us else ""

    def changes(self, since: datetime, until: datetime) -> Iterator[Sequence[Change]]:
        if not self.tells:
            raise Refused("The history may not be read.")
        yield [one for one in self.history if since <= one.at <= until]

    def set_status(self, unit: Unit, status: Switch, *, validate_only: bool = False) -> None:
        self._write(unit, "status", status, validate_only)

    def set_budget(self, unit: Unit, amount: Decimal, *, validate_only: bool = False) -> None:
        self._write(unit, "budget", amount, validate_only)

    def _write(self, unit: Unit, name: str, value: Any, validate_only: bool) -> None:
        one = (unit.external_id, name, value)
        self.writes.append((*one, validate_only))
        way = self.ways.pop(0) if self.ways and not validate_only else "ok"
        if name == "budget" and value < self.least:
            raise Refused(f"The least is {self.least}.", code="100/1885272", request_id="r1")
        problem = self._problem(way)
        if way in ("ok", "lost") and not validate_only:
            self._obey(*one)
        elif way == "late":
            self.coming.append(one)
        if problem is not None:
            raise problem

    def _problem(self, way: Fate) -> PlatformError | None:
        if way in ("lost", "never", "late"):
            return Unsure("Meta did not answer in time.")
        if way == "limit":
            return Later("Meta limits the number of calls for now.", seconds=300, code="17")
        if way == "of one":
            return Later("Meta limits changes of it.", seconds=3600, code="613/1487632")
        if way == "refuse":
            return Refused("Meta refused: not this one.", code="100", request_id="r2")
        if way == "gone":
            return Gone("Meta does not have this, or may not show it.", code="100/33")
        if way == "broken":
            return AccountBroken("Meta does not accept the access token.", code="190")
        return None

    def _obey(self, external_id: str, name: str, value: Any) -> None:
        self.obeyed.append((external_id, name, value))
        self._note(external_id, name, value, US, ours=self.knows_us)
        there = self.units_there[external_id]
        self.units_there[external_id] = replace(there, **{name: value})

    def _note(self, external_id: str, name: str, value: Any, actor: str, *, ours: bool) -> None:
        old = getattr(self.units_there[external_id], name)
        new = Decimal(value) if name == "budget" else value
        kind: Any = name
        self.history.append(Change(external_id, kind, old, new, self.clock, actor, ours))

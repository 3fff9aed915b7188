"""Asking platforms whether they would take what a run would do; nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from autonomy.errors import NotConfigured
from autonomy.platforms.base import Gone, PlatformError, Refused
from autonomy.platforms.http import no_later_than
from autonomy.platforms.opened import opened
from autonomy.platforms.reconcile import Wanted, smallest_digits
from autonomy.platforms.sync import GRACE_SECONDS, Way
from autonomy.platforms.writing import write_all
from autonomy.store import Json, Store

MOST = 200
"""Changes of one account that are asked about."""
FEW = 5
"""Refusals that are told one by one."""


@dataclass
class Asked:
    """What a platform says of what a run would do in one account."""

    account: str
    would_take: int = 0
    would_refuse: int = 0
    told: list[str] = field(default_factory=list)
    problem: str = ""
    """Why it could not be asked to the end."""

    @property
    def sentences(self) -> list[str]:
        """As a run's report says it; nothing where all would be taken."""
        said = []
        if self.would_refuse:
            several = self.would_take + self.would_refuse
            more = self.would_refuse - len(self.told)
            said.append(
                f'Account "{self.account}": {self.would_refuse} of {several} would be refused: '
                + " ".join(self.told)
                + (f" And {more} more." if more > 0 else "")
            )
        if self.problem:
            said.append(f'Account "{self.account}": the platform was not asked: {self.problem}')
        return said


def ask(
    store: Store, wishes: Mapping[str, Json], now: datetime, way: Way, push: str
) -> list[Asked]:
    """`wishes`: by campaign its present state, {"status", "budget"}, under `previous`, and the one
    that it would have under `new`. `push`: only of accounts with that; empty: of all that are
    carried over to or validated."""
    found = store.rpc("platform_units_of", p_campaign_ids=list(wishes))
    units = [one for one in found if push in ("", one["push"])]
    return [
        _of_account(store, account, list(rows), wishes, now, way)
        for account, rows in groupby(units, key=lambda one: str(one["account"]))
    ]


def _of_account(
    store: Store,
    account: str,
    units: Sequence[Json],
    wishes: Mapping[str, Json],
    now: datetime,
    way: Way,
) -> Asked:
    asked = Asked(account)
    changes = [one for unit in units for one in _changes(unit, wishes[unit["campaign_id"]], now)]
    try:
        (connection,) = store.rpc("list_platform_accounts", p_account=account)
        platform = (way.opener or opened)(connection)
        digits = smallest_digits(str(units[0]["platform"]), str(units[0]["currency"]))
        with no_later_than(way.deadline + GRACE_SECONDS):
            came = write_all(
                platform, changes[:MOST], digits, until=way.deadline, validate_only=True
            )
    except (NotConfigured, PlatformError) as error:
        asked.problem = error.message
        return asked
    for one, problem in zip(changes, came, strict=False):
        _note(asked, one, problem)
    return asked


def _note(asked: Asked, one: Wanted, problem: PlatformError | None) -> None:
    if problem is None:
        asked.would_take += 1
    elif isinstance(problem, Refused | Gone):
        asked.would_refuse += 1
        if len(asked.told) < FEW:
            what = "its budget" if one.field == "budget" else "its status"
            asked.told.append(f"{one.title}, {what} {one.wanted}: {problem.message}")
    elif not asked.problem:
        asked.problem = problem.message


def _changes(unit: Json, wish: Json, now: datetime) -> Iterable[Wanted]:
    """What would be written of one campaign."""
    old, new = wish["previous"], wish["new"]
    for name in ("status", "budget"):
        wanted, had = (_value(name, state) for state in (new, old))
        if wanted is not None and wanted != had:
            yield Wanted.of({
                **unit, "field": name, "wanted": wanted, "base": had, "step": "raise",
                "wanted_at": now.isoformat(),
            })  # fmt: skip


def _value(name: str, state: Mapping[str, Any]) -> str | None:
    value = state.get(name)
    if value is None:
        return None
    if name == "budget":
        return str(value)
    return "active" if str(value).lower() == "active" else "paused"

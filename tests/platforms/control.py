"""What a fake is told, in this process or in one of its own: the clock, a person's edit, faults.

curl -d '{"hours": 1}' ADDRESS/_fake/clock
curl -d '{"external_id": "1000001", "field": "status", "value": "paused"}' ADDRESS/_fake/person
curl -d '{"external_id": "1000001", "status": "paused", "actor": "Maria"}' ADDRESS/_fake/edit
curl -d '{"name": "transient", "times": 3, "on": "write", "skip": 2}' ADDRESS/_fake/fail
curl -d '{"name": "silence", "carried_out": true, "external_id": "1000001"}' ADDRESS/_fake/fail
curl -d '{"external_id": "1000001", "name": "minimum"}' ADDRESS/_fake/refuse
curl -d '{"stale_reads": 2, "changes_an_hour": 4}' ADDRESS/_fake/set
curl -d '{}' ADDRESS/_fake/heal

`fail`: `name` is an error of the platform, or silence (no answer; `carried_out`: obeyed all the
same), late (obeyed, answered after `seconds`), twice (obeyed twice); `on` write or read; of one
thing with `external_id`; `skip` so many first; `times` 0: always. `set`: SETTINGS below.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.platforms.loopback import Answer, Call, Loopback
from tests.platforms.world import World

MARIA = "Maria Keller"
SETTINGS = {
    "stale_reads": "calls that show things as they were before a write",
    "says_done_but_is_not": "writes that are answered as done and not carried out",
    "most_operations": "Google: operations of the next write before a limit",
    "operations_a_day": "Google: of the whole project",
    "changes_an_hour": "Meta: of one budget",
    "history_delay": "seconds until a change stands in the history",
    "minimum": "the least daily budget of every account",
}


def person_changes(world: World, unit: str, field: str, value: Any, name: str = MARIA) -> None:
    """What a person does in the platform's own pages: the status or the budget of a thing."""
    thing = world.things[unit]
    if field == "status":
        world.set_status(unit, value, name, program=False)
    elif field == "budget":
        held = thing.budget or world.things[thing.parent or ""].budget or ""
        world.set_budget(held, Decimal(str(value)), name, program=False)
    else:
        raise ValueError(f"no such field: {field}")


def is_write(call: Call) -> bool:
    """Of campaigns, ad sets and budgets; reports are asked for by POST, too."""
    if call.path.endswith(":mutate"):
        return True
    reads = ("/insights", ":search", ":searchStream", "/token")
    return call.method == "POST" and not call.path.rstrip("/").endswith(reads)


def about(on: str | None, names: tuple[str, ...]) -> Callable[[Call], bool]:
    """Calls that write (or read), of things by these names; all, where nothing is said."""

    def holds(call: Call) -> bool:
        if on is not None and is_write(call) != (on == "write"):
            return False
        said = json.dumps(call.body) if call.body else ""
        own = call.path.rstrip("/").rsplit("/", 1)[-1]
        return not names or own in names or any(f'/{name}"' in said for name in names)

    return holds


def refuse(fake: Loopback, external_id: str, name: str, *, times: int = 0) -> None:
    """The platform says no to every change of a thing, by the error of that name."""
    thing = fake.world.things[external_id]
    names = tuple(one for one in (external_id, thing.budget) if one)
    fake.fail(fake.fault_answer(name), times=times, when=about("write", names))


def put(fake: Loopback, name: str, value: Any) -> None:
    """One of SETTINGS."""
    if name == "minimum":
        for account in fake.world.accounts.values():
            account.minimum = Decimal(str(value))
        return
    if name == "history_delay":
        value = timedelta(seconds=value)
    holder: Any = fake.world if name == "stale_reads" else fake
    if name not in SETTINGS or not hasattr(holder, name):
        raise ValueError(f"no such setting here: {name}")
    setattr(holder, name, value)


def answer(fake: Loopback, call: Call) -> Answer:
    try:
        told = call.body or json.loads(next(iter(call.form), "") or "{}")
        return Answer(200, _carry_out(fake, fake.world, call.path.removeprefix("/_fake/"), told))
    except (KeyError, ValueError, TypeError, ArithmeticError) as problem:
        return Answer(400, {"error": f"{type(problem).__name__}: {problem}"})


def _carry_out(fake: Loopback, world: World, order: str, told: dict[str, Any]) -> dict[str, Any]:
    if order and order not in _ORDERS:
        raise ValueError(f"no such order: {order}")
    if order:
        _ORDERS[order](fake, told)
    return {"now": world.now().isoformat(), "calls": len(fake.calls), "faults": len(fake.faults)}


def _clock(fake: Loopback, told: dict[str, Any]) -> None:
    if "to" in told:
        fake.world.move(datetime.fromisoformat(told["to"]))
    elif told:
        fake.world.move(fake.world.now() + timedelta(**told))


def _edit(fake: Loopback, told: dict[str, Any]) -> None:
    unit = told["external_id"]
    for field in ("status", "budget"):
        if field in told:
            person_changes(fake.world, unit, field, told[field], told.get("actor", MARIA))
    fake.world.things[unit].details.update(told.get("details", {}))


def _person(fake: Loopback, told: dict[str, Any]) -> None:
    name = told.get("name", MARIA)
    person_changes(fake.world, told["external_id"], told["field"], told["value"], name)


def _refuse(fake: Loopback, told: dict[str, Any]) -> None:
    refuse(fake, told["external_id"], told["name"], times=int(told.get("times", 0)))


def _set(fake: Loopback, told: dict[str, Any]) -> None:
    for name, value in told.items():
        put(fake, name, value)


def _heal(fake: Loopback, told: dict[str, Any]) -> None:
    fake.faults.clear()


def _fail(fake: Loopback, told: dict[str, Any]) -> None:
    name = told["name"]
    named: tuple[str, ...] = () if "external_id" not in told else (told["external_id"],)
    if named and (budget := fake.world.things[named[0]].budget):
        named = (*named, budget)
    fake.fail(
        None if name in ("silence", "late", "twice") else fake.fault_answer(name),
        times=int(told.get("times", 1)),
        when=about(told.get("on"), named),
        carried_out=bool(told.get("carried_out")),
        seconds=float(told.get("seconds", 0)),
        skip=int(told.get("skip", 0)),
        late=name == "late",
        twice=name == "twice",
    )


_ORDERS: dict[str, Callable[[Loopback, dict[str, Any]], None]] = {
    "clock": _clock, "edit": _edit, "person": _person, "fail": _fail, "refuse": _refuse,
    "set": _set, "heal": _heal,
}  # fmt: skip

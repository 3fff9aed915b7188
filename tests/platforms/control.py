"""What a fake in a process of its own can be told: the clock, a person's edit, a fault.

curl -d '{"hours": 1}' ADDRESS/_fake/clock
curl -d '{"external_id": "1000001", "status": "paused"}' ADDRESS/_fake/edit
curl -d '{"name": "transient", "times": 3}' ADDRESS/_fake/fail
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.platforms.loopback import Answer, Call, Loopback
from tests.platforms.world import World


def answer(fake: Loopback, call: Call) -> Answer:
    try:
        told = call.body or json.loads(next(iter(call.form), "") or "{}")
        return Answer(200, _carry_out(fake, fake.world, call.path.removeprefix("/_fake/"), told))
    except (KeyError, ValueError, ArithmeticError) as problem:
        return Answer(400, {"error": f"{type(problem).__name__}: {problem}"})


def _carry_out(fake: Loopback, world: World, order: str, told: dict[str, Any]) -> dict[str, Any]:
    if order == "clock":
        if "to" in told:
            world.move(datetime.fromisoformat(told["to"]))
        elif told:
            world.move(world.now() + timedelta(**told))
    elif order == "edit":
        actor = told.get("actor", "Maria Keller")
        thing = world.things[told["external_id"]]
        if "status" in told:
            world.set_status(thing.external_id, told["status"], actor, program=False)
        if "budget" in told:
            held = thing.budget or world.things[thing.parent or ""].budget or ""
            world.set_budget(held, Decimal(str(told["budget"])), actor, program=False)
    elif order == "fail":
        times = int(told.get("times", 1))
        name = told["name"]
        answer = None if name == "silence" else fake.fault_answer(name)
        fake.fail(answer, times=times, carried_out=bool(told.get("carried_out")))
    elif order == "heal":
        fake.faults.clear()
    elif order:
        raise ValueError(f"no such order: {order}")
    return {"now": world.now().isoformat(), "calls": len(fake.calls), "faults": len(fake.faults)}

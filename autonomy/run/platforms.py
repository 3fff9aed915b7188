"""The steps of a run that reads connected accounts before it decides, and carries over to their
platforms what it did; and both by themselves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autonomy.config import Settings
from autonomy.errors import AutonomyError
from autonomy.logs import say
from autonomy.run.request import RunAnswer, RunRequest, timestamp
from autonomy.store import Json, Store, no_later_than

if TYPE_CHECKING:
    from autonomy.platforms.asking import Asked
    from autonomy.platforms.delivery import Pushed

SHARE_OF_A_RUN = 0.5
"""Of the time until a run's deadline: the other half is for deciding and carrying out."""
PUSH_SHARE = 0.7
"""Of the time that is left after carrying out: the rest is for the end of the run."""
GRACE_SECONDS = 25.0
"""What a call that was begun before the deadline may take after it."""


def read_before_deciding(
    store: Store, settings: Settings, accounts: Sequence[str], deadline: float, moment: Json
) -> list[str]:
    """Read the accounts of a run; what it has to say of those that could not be read.

    Whatever goes wrong here stops no run: on an account that was not read, nothing is decided
    (NOT_SYNCED, ACCOUNT_BROKEN), and the others go on.
    """
    from autonomy.platforms.sync import Way, pull

    now = time.monotonic()
    until = now + max(0.0, deadline - now) * SHARE_OF_A_RUN
    way = Way(deadline=until, fault=settings.fault, moment=moment)
    said: list[str] = []
    for account in accounts:
        if way.out_of_time:
            break
        try:
            with no_later_than(until + GRACE_SECONDS):
                warning = pull(store, account, way).warning
        except AutonomyError as error:
            say("account not read", level=logging.WARNING, account=account, code=error.code)
            warning = f"The account {account} was not read from its platform: {error.message}"
        said += [warning] if warning else []
    return said


def carry_over(
    store: Store, settings: Settings, accounts: Sequence[str], deadline: float, moment: Json
) -> list[Pushed]:
    """Carry over to the platforms of these accounts what waits for it, in what time there is.

    Whatever goes wrong here stops no run: what was not carried over waits for the next.
    """
    from autonomy.platforms.delivery import Pushed
    from autonomy.platforms.push import push
    from autonomy.platforms.sync import Way

    now = time.monotonic()
    until = now + max(0.0, deadline - now) * PUSH_SHARE
    way = Way(deadline=until, fault=settings.fault, moment=moment)
    done: list[Pushed] = []
    for account in accounts:
        if way.out_of_time:
            break
        try:
            with no_later_than(until + GRACE_SECONDS):
                done.append(push(store, account, way))
        except AutonomyError as error:
            say("not carried over", level=logging.WARNING, account=account, code=error.code)
            done.append(Pushed(account, "failed", error.message, error.code))
    return done


def ask_platforms(
    store: Store, settings: Settings, wishes: Mapping[str, Json], run: Json, deadline: float
) -> list[Asked]:
    """What the platforms say of what a run would do, where carrying over is not off; in a real run
    only of accounts that are validated, since the others are written to. Stops no run."""
    from autonomy.platforms.asking import ask
    from autonomy.platforms.sync import Way

    now = time.monotonic()
    until = now + max(0.0, deadline - now) * PUSH_SHARE
    way = Way(deadline=until, fault=settings.fault)
    push = "" if run["dry_run"] else "validate"
    try:
        with no_later_than(until + GRACE_SECONDS):
            return ask(store, wishes, datetime.fromisoformat(str(run["now"])), way, push)
    except AutonomyError as error:
        say("platforms not asked", level=logging.WARNING, code=error.code)
        return []


def read_only(store: Store, settings: Settings, request: RunRequest, moment: Json) -> RunAnswer:
    """What `{"sync": "only"}` asks for: every connected account of the shard is read, and what
    waits for its platform is carried over; no run."""
    from autonomy.platforms.sync import Way, pull_accounts

    connected = store.rpc("list_platform_accounts", p_shard=request.shard)
    waiting = sorted(connected, key=lambda one: one["pulled_at"] or "")
    now = time.monotonic()
    deadline = now + settings.deadline_seconds
    pushed_to = [one["account"] for one in waiting if one["push"] != "off"]
    share = PUSH_SHARE if pushed_to else 1.0
    until = now + settings.deadline_seconds * share
    way = Way(deadline=until, fault=settings.fault, moment=moment)
    with no_later_than(until + GRACE_SECONDS):
        done = pull_accounts(store, [one["account"] for one in waiting], way)
    pushed = carry_over(store, settings, pushed_to, deadline, moment)
    warnings = [one.warning for one in done] + [one.warning for one in pushed]
    answer = {
        "success": True,
        "result": {
            "success": True,
            "timestamp": timestamp(datetime.now(UTC)),
            "accounts": [one.to_dict() for one in done],
            "left_for_next_time": len(waiting) - len(done),
            "delivered": {one.account: one.counts for one in pushed},
            "not_delivered": [one for of in pushed for one in of.told],
            "warnings": [one for one in warnings if one],
        },
        "message": "Connected accounts were read",
    }
    return RunAnswer(200, json.dumps(answer, default=str, ensure_ascii=False))

"""Who is told what after a run: what goes on and was not told yet, then what the run did.

Telling never delays or fails a run: it has a thread of its own that the run waits two seconds for,
and errors end in the log. What did not go out is taken again by the next run.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from autonomy.config import Settings
from autonomy.errors import AutonomyError
from autonomy.logs import say
from autonomy.run.notify.causes import causes_message, run_failed
from autonomy.run.notify.channels import Sleep, send
from autonomy.run.notify.digest import digest, worth_telling
from autonomy.run.notify.message import Line, Message
from autonomy.store import Json, Store

PATIENCE_SECONDS = 2.0
"""How long a finished run waits for its messages to leave."""


def notify(
    settings: Settings, store: Store, result: Mapping[str, Any] | None, moment: Json
) -> threading.Thread:
    """Tell after a run; `tell` says what the arguments are. Returns the thread."""
    sender = threading.Thread(
        target=_tell_after_run,
        args=(settings, store, result),
        kwargs={"moment": moment},
        daemon=True,
    )
    sender.start()
    sender.join(PATIENCE_SECONDS)
    return sender


def tell(
    settings: Settings,
    store: Store,
    result: Mapping[str, Any] | None = None,
    *,
    moment: Json | None = None,
    sleep: Sleep = time.sleep,
) -> list[Json]:
    """Send what was not told yet, and the digest of a run. What was sent, and what came of it.

    result: of the run; None where there is none, or none worth a digest. moment: `p_now` where the
    run is simulated. Raises AutonomyError where the database does not answer.
    """
    claim, at = str(uuid.uuid4()), moment or {}
    taken = store.rpc(
        "autonomy_take_messages",
        p_claim=claim,
        p_channels=list(settings.channels),
        p_run_interval_minutes=settings.run_interval_minutes,
        **at,
    )
    done = []
    for channel in settings.channels:
        causes = [one for one in taken["messages"] if one["channel"] == channel]
        if causes:
            message = causes_message(causes, settings.dashboard_url)
            outcome = send(settings, channel, message, sleep=sleep)
            _settle(store, claim, channel, sent=outcome == "sent", at=at)
            done.append({"channel": channel, "causes": len(causes), "outcome": outcome})
        wanted = channel in taken["digest"] and result is not None and worth_telling(result)
        if wanted and all(one["outcome"] == "sent" for one in done if one["channel"] == channel):
            outcome = send(settings, channel, digest(result or {}), sleep=sleep)
            done.append({"channel": channel, "causes": 0, "outcome": outcome})
    return done


def send_test(settings: Settings) -> dict[str, str]:
    """A test message to every channel that is set up, one try each: channel -> what came of it."""
    message = Message(
        "Autonomous Ops: a test",
        (Line("", "Autonomous Ops", "a test. Messages from the campaigns' operator arrive here."),),
        {"event": "test"},
    )
    return {channel: send(settings, channel, message, delays=()) for channel in settings.channels}


def _tell_after_run(
    settings: Settings, store: Store, result: Mapping[str, Any] | None, moment: Json
) -> None:
    try:
        tell(settings, store, result, moment=moment)
    except AutonomyError as error:
        say("nobody was told what goes on", level=logging.WARNING, code=error.code)
        if result is not None and not result.get("success"):
            _tell_without_database(settings, result)


def _settle(store: Store, claim: str, channel: str, *, sent: bool, at: Json) -> None:
    try:
        store.rpc("autonomy_messages_sent", p_claim=claim, p_channel=channel, p_sent=sent, **at)
    except AutonomyError as error:  # the claim runs out, and somebody tells it again
        say("what was told is not written down", level=logging.WARNING, code=error.code)


def _tell_without_database(settings: Settings, result: Mapping[str, Any]) -> None:
    """A run that failed is told even where nothing can be asked or written down."""
    cause = run_failed(str(result.get("error")), str(result.get("run_id")))
    message = causes_message([cause], settings.dashboard_url)
    for channel in settings.channels:
        send(settings, channel, message)

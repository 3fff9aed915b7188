"""What one run did, in a few lines. What went wrong is a cause, and told as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autonomy.run.delivered import delivered_sentences
from autonomy.run.notify.message import Line, Message

LISTED = 10
"""Actions named in a digest; the dashboard has them all."""


def worth_telling(result: Mapping[str, Any]) -> bool:
    """Whether anything was done or proposed."""
    counts = dict(result.get("actions_taken") or {})
    counts.pop("opportunities_detected", None)
    return any(counts.values())


def event_of(result: Mapping[str, Any]) -> str:
    """What a receiver filters by: run.approval, run.observed or run.acted."""
    if (result.get("actions_taken") or {}).get("actions_proposed"):
        return "run.approval"
    return "run.observed" if result.get("mode") == "observe" else "run.acted"


def digest(result: Mapping[str, Any]) -> Message:
    """The run in a few lines."""
    said = _counted(result)
    actions, failed = result.get("actions") or [], result.get("failed") or []
    lines = [Line("", "Autonomous Ops", said)]
    lines += [
        Line("•", str(one.get("title") or ""), str(one.get("reason") or ""))
        for one in actions[:LISTED]
    ]
    if len(actions) > LISTED:
        lines.append(Line("…", f"and {len(actions) - LISTED} more"))
    lines += [
        Line(":x:", str(one.get("title") or ""), str(one.get("message") or ""))
        for one in failed[:LISTED]
    ]
    lines += [Line(":satellite:", one) for one in delivered_sentences(result)]
    lines += [Line(":warning:", str(one)) for one in result.get("warnings") or []]
    body = {"event": event_of(result), "result": result}
    return Message(f"Autonomous Ops: {said}", tuple(lines), body)


def _counted(result: Mapping[str, Any]) -> str:
    """What was done; where nothing was, what it would have been or was proposed."""
    counts = dict(result.get("actions_taken") or {})
    proposed = counts.pop("actions_proposed", 0)
    found = {"opportunities_detected": counts.pop("opportunities_detected", 0)}
    parts = [_said(counts), _said(found)]
    before = {"observe": "only observing, would have: ", "approve": "proposed: "}
    mode = result.get("mode") if parts[0] else None
    between = "; " if mode == "approve" else ", "
    said = before.get(str(mode), "") + between.join(filter(None, parts))
    waiting = f"; {proposed} waiting for your approval" if proposed else ""
    return f"{said or 'nothing done'}{waiting}"


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)

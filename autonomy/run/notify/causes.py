"""Causes in the words of the database: what is new, has changed, still lasts, is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autonomy.run.notify.message import Line, Message
from autonomy.run.where import link
from autonomy.store import Json

KINDS = {
    "began": (":rotating_light:", "New"),
    "changed": (":chart_with_upwards_trend:", "Changed"),
    "reminder": (":hourglass:", "Still"),
    "over": (":white_check_mark:", "Over"),
}
"""Kind -> Slack's picture, and the word before the sentence."""


def causes_message(causes: Sequence[Json], dashboard_url: str) -> Message:
    """All that one channel is told of at once. The database has put the urgent first."""
    lines = tuple(_line(cause, dashboard_url) for cause in causes)
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    links = (line.link[1] if line.link else None for line in lines)
    body = {
        "event": "causes",
        "causes": [
            {**{name: value for name, value in cause.items() if name != "channel"}, "link": address}
            for cause, address in zip(causes, links, strict=True)
        ],
    }
    first = f"{lines[0].title}: {lines[0].text}"
    return Message(f"Autonomous Ops: {first}{more}", lines, body)


def run_failed(error: str, run_id: str) -> Json:
    """A cause for when the database cannot say it: a run that failed, and nothing can be asked."""
    return {
        "kind": "began",
        "code": "RUN_FAILED",
        "account": None,
        "level": "act",
        "sentence": "The run did not finish, and the database does not answer.",
        "details": [error],
        "figures": {"run_id": run_id},
    }


def _line(cause: Mapping[str, Any], dashboard_url: str) -> Line:
    mark, word = KINDS[cause["kind"]]
    account = f"{cause['account']}: " if cause.get("account") else ""
    return Line(
        mark,
        word,
        account + str(cause["sentence"]),
        tuple(str(detail) for detail in cause.get("details") or ()),
        _link(cause, dashboard_url),
    )


def _link(cause: Mapping[str, Any], dashboard_url: str) -> tuple[str, str] | None:
    if not dashboard_url or cause["kind"] == "over":
        return None
    label, path = link(cause["code"], cause["figures"])
    return label, f"{dashboard_url}/{path}"

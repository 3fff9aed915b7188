"""Causes in the words of the database: what is new, has changed, still lasts, is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autonomy.run.notify.message import Line, Message
from autonomy.run.where import account_link, link
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
    body = {
        "event": "causes",
        "causes": [
            {
                **{name: value for name, value in cause.items() if name != "channel"},
                "link": line.link and line.link[1],
                "account_link": line.account_link and line.account_link[1],
            }
            for cause, line in zip(causes, lines, strict=True)
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
    return Line(
        mark,
        word,
        str(cause["sentence"]),
        tuple(str(detail) for detail in cause.get("details") or ()),
        *_links(cause, dashboard_url),
    )


def _links(cause: Mapping[str, Any], dashboard_url: str) -> tuple[tuple[str, str] | None, ...]:
    """Where one acts, and the account's page."""
    if not dashboard_url or cause["kind"] == "over":
        return None, None
    label, path = link(cause["code"], cause["figures"])
    to_act = label, f"{dashboard_url}/{path}"
    if not cause.get("account"):
        return to_act, None
    label, path = account_link(str(cause["account"]))
    return to_act, (label, f"{dashboard_url}/{path}")

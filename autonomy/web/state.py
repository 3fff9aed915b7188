"""The state of the system (`dashboard_state`) with links to where a person acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from autonomy.run.where import WHERE, link

__all__ = ["LEVELS", "WHERE", "Reason", "reasons"]

LEVELS = ("ok", "look", "act")


class Reason(NamedTuple):
    """One reason why not all is well."""

    code: str
    sentence: str
    details: list[str]
    label: str
    path: str
    """Below the top, or a part of the overview (#)."""


def reasons(state: Mapping[str, Any]) -> list[Reason]:
    """The reasons of a state with their links, the largest first."""
    return [
        Reason(one["code"], one["sentence"], one["details"], *link(one["code"], one["figures"]))
        for one in state["reasons"]
    ]

"""What a run says of changes that are carried over to platforms: counts by account, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = {
    "confirmed": "{} confirmed",
    "waiting": "{} still to be carried over",
    "unsure": "{} without an answer yet",
    "refused": "{} refused",
    "persons": "{} left as somebody changed it there",
    "would_take": "{} would be taken",
    "would_refuse": "{} would be refused",
}


def delivered_sentences(result: Mapping[str, Any]) -> list[str]:
    """Of each account that something is carried over to; nothing where nothing was to be."""
    said = []
    for account, counts in (result.get("delivered") or {}).items():
        parts = [words.format(counts[name]) for name, words in WORDS.items() if counts.get(name)]
        if parts:
            said.append(f'On the platform of the account "{account}": {", ".join(parts)}.')
    return said

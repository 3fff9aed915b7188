"""Who did what there: a platform's own history, for changes that a reading has followed and for
those of ours that may or may not have arrived.

It adds names to what is known anyway, so that what goes wrong with it ends no reading.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from autonomy.errors import NotMigrated
from autonomy.logs import say
from autonomy.platforms.as_json import change_json
from autonomy.platforms.base import Platform, PlatformError
from autonomy.store import Json, Store

LOOKED_BACK = timedelta(days=2)
"""A change is told some minutes after it was made, and asked for again until it has a name."""
NAMELESS = timedelta(days=1)
"""After so long without a name it has none."""
ROWS = 10_000
"""The newest, and all in one call: whoever was the last before a reading did what it saw."""


def record_history(
    store: Store, platform: Platform, began: Json, held: Json, *, doubted: int
) -> tuple[int, str]:
    """Ask for it where something is to be learnt from it, and write it down: how many changes have
    their author now, and what went wrong. `held`: account, lease and moment of the reading;
    `doubted`: how many differences it saw that may be an old copy, or somebody's change."""
    now = datetime.fromisoformat(str(began["now"]))
    try:
        if not doubted and not _is_wanted(store, began, now):
            return 0, ""
        pages = platform.changes(now - LOOKED_BACK, now + timedelta(hours=1))
        told = sorted((one for page in pages for one in page), key=lambda one: one.at)[-ROWS:]
        taken = store.rpc(
            "record_platform_history", p_changes=[change_json(one) for one in told], **held
        )
        return int(taken.get("named") or 0), ""
    except NotMigrated:  # a database that knows no such function yet
        return 0, ""
    except PlatformError as error:
        say("history not read", level=logging.WARNING, account=began["account"], code=error.code)
        return 0, f"who changed what on the platform: {error.message}"


def _is_wanted(store: Store, began: Json, now: datetime) -> bool:
    """Whether a followed change has no author but the platform yet, or a delivery is unsure."""
    (connection,) = store.rpc("list_platform_accounts", p_account=began["account"])
    if connection.get("unsure"):
        return True
    nameless = {
        "kind": "platform",
        "person": True,
        "actor": connection["platform_title"],
        "changed_at": ("gte", (now - NAMELESS).isoformat()),
    }
    return bool(store.select("campaign_changes", columns="id", filters=nameless, limit=1))

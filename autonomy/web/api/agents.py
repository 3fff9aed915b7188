"""What an assistant may of what the API offers: look at all, draft, preview, freeze.

Each function says of what was sent whether it only looks, or makes nothing less safe. Whatever is
not named here an assistant may not.
"""

from __future__ import annotations

from collections.abc import Callable

from autonomy.run.sent import Sent

Judge = Callable[[Sent], bool]
_FREEZING = frozenset({"frozen", "frozen_reason", "account"})


def never(_: Sent) -> bool:
    """It is for people."""
    return False


def always(_: Sent) -> bool:
    """Whatever is sent, nothing moves."""
    return True


def preview(sent: Sent) -> bool:
    """A rollback that only says what it would do."""
    return sent.given().get("preview") is True


def dry_run(sent: Sent) -> bool:
    """A run that writes nothing."""
    return sent.given().get("dry_run") is True


def freeze(sent: Sent) -> bool:
    """Stopping everything, of all or of one account; never starting it again."""
    given = sent.given()
    return given.get("frozen") is True and set(given) <= _FREEZING

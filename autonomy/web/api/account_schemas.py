"""The shapes of accounts."""

from __future__ import annotations

from autonomy.web.api.schema_parts import (
    ANY_OBJECT,
    FLAG,
    NUMBER,
    STORABLE,
    TEXT,
    TIME,
    WHOLE,
    WORTH,
    Schema,
    asked,
    listed,
    maybe,
    ref,
    shape,
)
from autonomy.web.commands import ACCOUNT_FLAGS, ACCOUNT_LIMITS, ACCOUNT_TEXTS

CURRENCIES = listed(
    shape(
        {
            "currency": maybe(TEXT),
            "active": WHOLE,
            "active_budget": NUMBER,
            "saved": WORTH,
            "earned": WORTH,
        }
    )
)
"""Money of each currency by itself; null: of accounts that state none."""


def account_schemas() -> dict[str, Schema]:
    """Components by name."""
    own: dict[str, Schema] = dict.fromkeys(ACCOUNT_LIMITS, maybe(NUMBER))
    own |= dict.fromkeys(ACCOUNT_TEXTS, maybe(TEXT)) | dict.fromkeys(ACCOUNT_FLAGS, maybe(FLAG))
    told = {
        "account": TEXT, "campaigns": WHOLE, "active": WHOLE, "active_budget": NUMBER,
        "in_force": ref("Policy"), "updated_at": TIME, "updated_by": TEXT,
        "finding": maybe(shape({"sentence": TEXT, "proposed": ANY_OBJECT})),
    }  # fmt: skip
    sent = own | {
        name: {"type": ["number", "null"], "minimum": low, "maximum": high}
        for name, (low, high) in ACCOUNT_LIMITS.items()
    }
    sent |= {
        "account": {"type": "string", "maxLength": 1000, "pattern": STORABLE},
        "currency": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"},
        "mode": {"enum": ["autonomous", "approve", "observe", None]},
        "attribution_factor": {"type": "number", "minimum": 0.01, "maximum": 10},
        "frozen": FLAG,
        "frozen_reason": {"type": "string", "maxLength": 500, "pattern": STORABLE},
        "time_zone": {"type": ["string", "null"], "examples": ["UTC", "Europe/Berlin"]},
    }
    return {
        "Account": shape({**own, **told}),
        "Accounts": shape({"accounts": listed(ref("Account")), "left_off": WHOLE}),
        "AccountChange": asked(sent, needed=("account",), least=2),
    }

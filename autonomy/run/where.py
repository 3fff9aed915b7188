"""Where a person acts on what the state of the system (`dashboard_state`) names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

WHERE: dict[str, tuple[str, str]] = {
    "FROZEN": ("Lift the freeze", "#freeze"),
    "NO_RUN": ("Try a dry run", "runs"),
    "RUN_FAILED": ("See the run", "runs/{run_id}"),
    "RUN_LATE": ("See the runs", "runs"),
    "ACCOUNT_BROKEN": ("See the accounts", "accounts"),
    "PAUSE_WAITING": ("See the accounts", "accounts"),
    "FEED_FAILED": ("See the accounts", "accounts"),
    "STALE_DATA": ("See the campaigns", "campaigns"),
    "UNREAD_STATUS": ("See the campaigns", "campaigns"),
    "NO_DATA": ("See the campaigns", "campaigns"),
    "ZONE_UNKNOWN": ("See the accounts", "accounts"),
    "BREAKER": ("See the run", "runs/{run_id}"),
    "APPROVALS_WAITING": ("Decide", "actions?status=pending"),
    "MANY_PAUSED": (
        "See what was paused",
        "actions?action_type=auto_pause&status=executed&from={since}",
    ),
    "BUDGET_MOVED": ("See the changes", "actions?status=executed&from={since}"),
    "FALLING_ROI": ("See the figures", "#chart-title"),
    "CRITICAL_OPPORTUNITIES": ("See them", "opportunities?severity=critical"),
    "VALUE_NOT_MEASURED": ("See the run", "runs/{run_id}"),
    "SUSPECT_DATA": ("See the run", "runs/{run_id}"),
    "ACTIONS_FAILED": ("See the run", "runs/{run_id}"),
    "RULES_SKIPPED": ("See the rules", "rules"),
    "ALL_RULES_INACTIVE": ("See the rules", "rules"),
    "OBSERVING": ("Change the mode", "settings"),
}
"""Reason code -> what the link says and where it leads; the reason's figures fill the braces."""


def link(code: str, figures: Mapping[str, Any]) -> tuple[str, str]:
    """What the link says, and its path below the top."""
    account = figures.get("account")
    if account and code in ("FROZEN", "ZONE_UNKNOWN", "ACCOUNT_BROKEN", "PAUSE_WAITING"):
        return account_link(str(account))
    if figures.get("breaker") == "PAUSE_BREAKER":  # it made proposals of the pauses
        code = "APPROVALS_WAITING"
    label, path = WHERE[code]
    since = str(figures.get("since") or "").replace("+00:00", "Z")
    return label, path.format_map({**figures, "since": since})


def account_link(account: str) -> tuple[str, str]:
    """The account's page: its settings, and what is left out of its evidence."""
    return "See the account", f"accounts?account={quote(account, safe='')}#edit"

"""Webhooks: a digest of a run that a person wants to read, and nothing when nothing happened.

Two forms, each on when its address is configured: Slack-compatible (`{"text": ...}`) and generic
(the whole result, signed). Sending never delays or fails a run: it has a thread of its own that
the run waits two seconds for, and errors end in the log. Addresses are secrets: no log names them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from autonomy.config import Settings
from autonomy.logs import say

PATIENCE_SECONDS = 2.0
"""How long a finished run waits for its digest to leave."""
TIMEOUT_SECONDS = (3.05, 5.0)
"""Connect and read, each try."""
RETRY_DELAYS_SECONDS = (0.5, 2.0, 8.0)
LISTED = 10
"""Actions named in a digest; the dashboard has them all."""
LONGEST_TITLE = 80

Sleep = Callable[[float], None]


def notify(settings: Settings, result: Mapping[str, Any]) -> threading.Thread | None:
    """Send the digest of one run, if there is something to say. Returns the sending thread."""
    if not worth_telling(result):
        return None
    sender = threading.Thread(target=deliver, args=(settings, result), daemon=True)
    sender.start()
    sender.join(PATIENCE_SECONDS)
    return sender


def worth_telling(result: Mapping[str, Any]) -> bool:
    """Whether anything was done, proposed, failed or stopped. Dry runs are nobody's news."""
    if result.get("dry_run"):
        return False
    counts = dict(result.get("actions_taken") or {})
    counts.pop("opportunities_detected", None)
    return bool(
        not result.get("success")
        or any(counts.values())
        or any(result.get(name) for name in ("breakers", "failed", "rules_skipped"))
    )


def deliver(settings: Settings, result: Mapping[str, Any], sleep: Sleep = time.sleep) -> int:
    """Send to every configured address; how many took it."""
    sent = 0
    if settings.slack_webhook_url:
        body = json.dumps({"text": digest(result)}).encode()
        sent += _send(settings, "slack", settings.slack_webhook_url, body, {}, sleep)
    if settings.webhook_url:
        body = json.dumps({"event": event_of(result), "result": result}, default=str).encode()
        headers = signature(settings.webhook_secret, body, int(time.time()))
        sent += _send(settings, "webhook", settings.webhook_url, body, headers, sleep)
    return sent


def signature(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Headers of the generic webhook: HMAC-SHA256 over `timestamp.body`, keyed by the secret.

    The receiver recomputes it and refuses timestamps older than a few minutes.
    """
    headers = {"X-Autonomy-Timestamp": str(timestamp)}
    if secret:
        signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
        headers["X-Autonomy-Signature"] = f"sha256={signed.hexdigest()}"
    return headers


def event_of(result: Mapping[str, Any]) -> str:
    """What a receiver filters by: run.failed, .breaker, .approval, .observed or .acted."""
    if not result.get("success"):
        return "run.failed"
    if result.get("breakers"):
        return "run.breaker"
    if (result.get("actions_taken") or {}).get("actions_proposed"):
        return "run.approval"
    return "run.observed" if result.get("mode") == "observe" else "run.acted"


def digest(result: Mapping[str, Any]) -> str:
    """The run in a few lines of Slack's markup, the urgent first."""
    lines = [_headline(result)]
    lines += [
        f":rotating_light: *{_plain(one['code'])}* {_plain(one['message'])}"
        for one in result.get("breakers") or []
    ]
    if not result.get("success"):
        lines.append(f":x: The run failed: {_plain(result.get('error') or 'unknown')}")
    for one in (result.get("actions") or [])[:LISTED]:
        lines.append(f"• *{_plain(one.get('title'))}*: {_plain(one.get('reason'), 300)}")
    more = len(result.get("actions") or []) - LISTED
    if more > 0:
        lines.append(f"… and {more} more")
    for one in (result.get("failed") or [])[:LISTED]:
        lines.append(f":x: {_plain(one.get('title'))}: {_plain(one.get('message'), 300)}")
    for one in result.get("rules_skipped") or []:
        lines.append(f":warning: Rule {_plain(one['rule_name'])}: {_plain(one['error'], 300)}")
    lines += [f":warning: {_plain(one, 500)}" for one in result.get("warnings") or []]
    return "\n".join(lines)


def _headline(result: Mapping[str, Any]) -> str:
    """What was done; where nothing was, what it would have been or was proposed."""
    counts = dict(result.get("actions_taken") or {})
    proposed = counts.pop("actions_proposed", 0)
    found = {"opportunities_detected": counts.pop("opportunities_detected", 0)}
    parts = [_said(counts), _said(found)]
    before = {"observe": "only observing, would have: ", "approve": "proposed: "}
    mode = result.get("mode") if parts[0] else None
    between = "; " if mode == "approve" else ", "
    said = before.get(str(mode), "") + between.join(filter(None, parts))
    waiting = f"; *{proposed} waiting for your approval*" if proposed else ""
    return f"*Autonomous Ops*: {said or 'nothing done'}{waiting}"


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)


def _plain(value: Any, longest: int = LONGEST_TITLE) -> str:
    """Text that Slack shows as it is: no markup, mention or line break of a campaign's making."""
    text = " ".join(str("" if value is None else value).split())
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, escaped)
    return text.replace("*", "∗").replace("`", "´")  # noqa: RUF001 - looks alike, is no markup


def _send(
    settings: Settings, name: str, url: str, body: bytes, headers: Mapping[str, str], sleep: Sleep
) -> bool:
    """One address with its retries. The log names the kind and the outcome, never the address."""
    if not settings.allow_private_webhooks and not is_public(url):
        say(
            f"{name} not sent: its address is not a public https one",
            level=logging.WARNING,
            hint="AUTONOMY_ALLOW_PRIVATE_WEBHOOKS=1 allows it",
        )
        return False
    for delay in (*RETRY_DELAYS_SECONDS, None):
        outcome = _post(url, body, headers)
        if outcome in ("sent", "refused") or delay is None:
            level = logging.INFO if outcome == "sent" else logging.WARNING
            say(f"{name} {outcome}", level=level)
            return outcome == "sent"
        sleep(delay)
    return False


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> str:
    try:
        answer = requests.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,  # a redirect could lead to a private address
        )
    except requests.RequestException:
        return "unreachable"
    if answer.status_code < requests.codes.multiple_choices:
        return "sent"
    again = answer.status_code == requests.codes.too_many or answer.status_code >= 500
    return "unavailable" if again else "refused"


def is_public(url: str) -> bool:
    """Whether the address is https and every address of its host is a public one."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return False
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return False
    return all(ipaddress.ip_address(str(one[4][0]).split("%")[0]).is_global for one in found)

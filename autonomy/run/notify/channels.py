"""How a message leaves: Slack, the generic signed webhook, e-mail.

Errors end in the log and in the outcome. Addresses are secrets: no log names them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import requests

from autonomy.config import Settings
from autonomy.logs import say
from autonomy.run.notify.mail import send_mail
from autonomy.run.notify.message import Message, slack_text

TIMEOUT_SECONDS = (3.05, 5.0)
"""Connect and read, each try."""
RETRY_DELAYS_SECONDS = (0.5, 2.0, 8.0)
FINAL = ("sent", "refused", "not public")
"""Outcomes that another try would not change."""

Sleep = Callable[[float], None]


def send(
    settings: Settings,
    channel: str,
    message: Message,
    *,
    delays: Sequence[float] | None = None,
    sleep: Sleep = time.sleep,
) -> str:
    """Send to one channel, with retries. What came of it: `sent`, or why not."""
    attempt = _prepared(settings, channel, message)
    for delay in (*(RETRY_DELAYS_SECONDS if delays is None else delays), None):
        outcome = attempt()
        if outcome in FINAL or delay is None:
            break
        sleep(delay)
    if outcome == "not public":
        hint = "AUTONOMY_ALLOW_PRIVATE_WEBHOOKS=1 allows it"
        outcome = "not sent: its address is not a public https one"
        say(f"{channel} {outcome}", level=logging.WARNING, hint=hint)
    else:
        level = logging.INFO if outcome == "sent" else logging.WARNING
        say(f"{channel} {outcome}", level=level)
    return outcome


def _prepared(settings: Settings, channel: str, message: Message) -> Callable[[], str]:
    """One try, which says what came of it. Every try sends the same bytes."""
    if channel == "email":
        return send_mail(settings, message)
    if channel == "slack":
        url, headers = settings.slack_webhook_url, {}
        body = json.dumps({"text": slack_text(message)}).encode()
    else:
        url = settings.webhook_url
        body = json.dumps(message.body, default=str).encode()
        headers = signature(settings.webhook_secret, body, int(time.time()))

    def attempt() -> str:
        if not settings.allow_private_webhooks and not is_public(url):
            return "not public"
        return _post(url, body, headers)

    return attempt


def signature(secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Headers of the generic webhook: HMAC-SHA256 over `timestamp.body`, keyed by the secret.

    The receiver recomputes it and refuses timestamps older than a few minutes.
    """
    headers = {"X-Autonomy-Timestamp": str(timestamp)}
    if secret:
        signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
        headers["X-Autonomy-Signature"] = f"sha256={signed.hexdigest()}"
    return headers


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
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            return False
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return False
    return all(ipaddress.ip_address(str(one[4][0]).split("%")[0]).is_global for one in found)

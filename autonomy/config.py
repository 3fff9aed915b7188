"""Settings: every variable of the environment, with its unit, its default and why it is so."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from autonomy.crash_points import POINTS, is_fault
from autonomy.errors import NotConfigured

SECRET_CHARACTERS = 32
"""Fewer could be tried out."""
CHANNELS = ("slack", "webhook", "email")
"""Ways to tell a person, as the database names them, too."""


@dataclass(frozen=True)
class MailServer:
    """Where e-mail is handed in. The password is left out of ``repr``."""

    host: str
    port: int
    encryption: str
    """tls: from the first byte; starttls: before anything is said; none: without sign-in only."""
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """One function instance's configuration. Secrets are left out of ``repr``."""

    supabase_url: str = ""
    """SUPABASE_URL: the project's address, https://<project-ref>.supabase.co."""
    supabase_key: str = field(default="", repr=False)
    """SUPABASE_SERVICE_ROLE_KEY (or SUPABASE_SECRET_KEY): service_role JWT or sb_secret_ key."""
    api_token: str = field(default="", repr=False)
    """AUTONOMY_API_TOKEN: the operator's bearer token (32 characters or more): may run, change and
    roll back."""
    viewer_token: str = field(default="", repr=False)
    """AUTONOMY_VIEWER_TOKEN: sees all, changes nothing. Empty: no such role."""
    agent_token: str = field(default="", repr=False)
    """AUTONOMY_AGENT_TOKEN: an assistant sees all, drafts, may freeze. Empty: no such role."""
    session_key: str = field(default="", repr=False)
    """AUTONOMY_SESSION_KEY: signs the dashboard's cookies; the same on every instance."""
    oidc_audience: str = ""
    """AUTONOMY_OIDC_AUDIENCE: audience of the scheduler's OIDC token. Empty: OIDC is off."""
    oidc_email: str = ""
    """AUTONOMY_OIDC_EMAIL: the service account that may call with it."""
    deadline_seconds: float = 240.0
    """AUTONOMY_DEADLINE_SECONDS: a run stops between batches after it; the platform's is 300."""
    lease_seconds: int = 300
    """AUTONOMY_LEASE_SECONDS: a run that wrote nothing for so long may be taken over."""
    run_interval_minutes: int = 60
    """AUTONOMY_RUN_INTERVAL_MINUTES: how often the scheduler calls; /readyz fails after two."""
    webhook_url: str = field(default="", repr=False)
    """AUTONOMY_WEBHOOK_URL: generic signed webhook for digests. Empty: none."""
    webhook_secret: str = field(default="", repr=False)
    """AUTONOMY_WEBHOOK_SECRET: key of the webhook's HMAC-SHA256 signature."""
    slack_webhook_url: str = field(default="", repr=False)
    """AUTONOMY_SLACK_WEBHOOK_URL: Slack-compatible incoming webhook. Empty: none."""
    mail_server: MailServer | None = None
    """AUTONOMY_SMTP_URL: smtps://user:password@host or smtp://... (STARTTLS). Empty: no e-mail."""
    mail_from: str = ""
    """AUTONOMY_MAIL_FROM: the sender's address; the server must accept it."""
    mail_to: tuple[str, ...] = ()
    """AUTONOMY_MAIL_TO: who is told, addresses with commas between."""
    dashboard_url: str = ""
    """AUTONOMY_DASHBOARD_URL: the dashboard's address, for links in messages. Empty: no links."""
    embed_origins: tuple[str, ...] = ()
    """AUTONOMY_EMBED_ORIGINS: exact https origins that may show the dashboard in a frame, with
    commas between. Empty: nobody may."""
    allow_private_webhooks: bool = False
    """AUTONOMY_ALLOW_PRIVATE_WEBHOOKS: 1 lets webhooks reach private addresses (intranets)."""
    log_level: str = "INFO"
    """AUTONOMY_LOG_LEVEL: DEBUG, INFO, WARNING or ERROR."""
    fault: str = ""
    """AUTONOMY_FAULT: a fault point for crash drills, `point:kill` or `point:sleep=SECONDS`."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises NotConfigured naming the variable that is wrong."""
        env = os.environ if environ is None else environ
        return cls(
            supabase_url=_url(env, "SUPABASE_URL", "https://abc.supabase.co"),
            supabase_key=_first(env, "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY"),
            api_token=_secret(env, "AUTONOMY_API_TOKEN"),
            viewer_token=_secret(env, "AUTONOMY_VIEWER_TOKEN"),
            agent_token=_secret(env, "AUTONOMY_AGENT_TOKEN"),
            session_key=_secret(env, "AUTONOMY_SESSION_KEY"),
            oidc_audience=_first(env, "AUTONOMY_OIDC_AUDIENCE"),
            oidc_email=_first(env, "AUTONOMY_OIDC_EMAIL"),
            deadline_seconds=_number(
                env, "AUTONOMY_DEADLINE_SECONDS", cls.deadline_seconds, 1, 3500
            ),
            lease_seconds=int(_number(env, "AUTONOMY_LEASE_SECONDS", cls.lease_seconds, 1, 3600)),
            run_interval_minutes=int(
                _number(env, "AUTONOMY_RUN_INTERVAL_MINUTES", cls.run_interval_minutes, 1, 10080)
            ),
            webhook_url=_first(env, "AUTONOMY_WEBHOOK_URL"),
            webhook_secret=_first(env, "AUTONOMY_WEBHOOK_SECRET"),
            slack_webhook_url=_first(env, "AUTONOMY_SLACK_WEBHOOK_URL"),
            **_mail(env),
            dashboard_url=_url(env, "AUTONOMY_DASHBOARD_URL", "https://ops.example.com"),
            embed_origins=_origins(env, "AUTONOMY_EMBED_ORIGINS"),
            allow_private_webhooks=_flag(env, "AUTONOMY_ALLOW_PRIVATE_WEBHOOKS"),
            log_level=_choice(
                env, "AUTONOMY_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"
            ),
            fault=_fault(env, "AUTONOMY_FAULT"),
        )

    def require_database(self) -> None:
        """Raise NotConfigured where the database's address or key is missing."""
        missing = [
            name
            for name, value in (
                ("SUPABASE_URL", self.supabase_url),
                ("SUPABASE_SERVICE_ROLE_KEY", self.supabase_key),
            )
            if not value
        ]
        if missing:
            raise NotConfigured(
                f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set.",
                hint="Set both for a hosted project, or use `make serve` for the embedded stack.",
            )

    @property
    def channels(self) -> tuple[str, ...]:
        """The ways to tell a person that are set up."""
        there = (self.slack_webhook_url, self.webhook_url, self.mail_server)
        return tuple(name for name, given in zip(CHANNELS, there, strict=True) if given)

    @property
    def people_configured(self) -> bool:
        """Whether there is a token to look at anything with."""
        return bool(self.api_token or self.viewer_token or self.agent_token)

    @property
    def callers_configured(self) -> bool:
        """Whether anybody at all could be let in."""
        return bool(self.api_token or (self.oidc_audience and self.oidc_email))


def _first(env: Mapping[str, str], *names: str) -> str:
    return next((env[name].strip() for name in names if env.get(name, "").strip()), "")


def _secret(env: Mapping[str, str], name: str) -> str:
    text = _first(env, name)
    if text and len(text) < SECRET_CHARACTERS:
        raise NotConfigured(
            f"{name} has {len(text)} characters; it needs {SECRET_CHARACTERS} at least.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return text


def _flag(env: Mapping[str, str], name: str) -> bool:
    return _choice(env, name, ("0", "1", "false", "true"), "0") in ("1", "true")


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = _first(env, name) or default
    matches = [option for option in allowed if option.lower() == value.lower()]
    if not matches:
        raise NotConfigured(f"{name} is {value!r}.", hint=f"Use one of {', '.join(allowed)}.")
    return matches[0]


def _fault(env: Mapping[str, str], name: str) -> str:
    fault = _first(env, name)
    if fault and not is_fault(fault):
        raise NotConfigured(
            f"{name} is {fault!r}.",
            hint=f"Use POINT:kill or POINT:sleep=SECONDS, POINT one of {', '.join(POINTS)}.",
        )
    return fault


def _number(
    env: Mapping[str, str], name: str, default: float, lowest: float, highest: float
) -> float:
    text = _first(env, name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:  # NaN fails this too
        raise NotConfigured(
            f"{name} is {text!r}.", hint=f"Use a number from {lowest:g} to {highest:g}."
        )
    return value


def _url(env: Mapping[str, str], name: str, example: str) -> str:
    url = _first(env, name).rstrip("/")
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    if url and not known:
        raise NotConfigured(f"{name} is not an address.", hint=f"It looks like {example}")
    return url


_ORIGIN = re.compile(
    r"https://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(?::([1-9][0-9]{0,4}))?"
)


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """As a browser writes an origin, letter for letter: it stands in a header of every answer."""
    found = dict.fromkeys(part.strip() for part in _first(env, name).split(",") if part.strip())
    for origin in found:
        match = _ORIGIN.fullmatch(origin)
        if match is None or int(match[4] or 1) > 65535 or match[4] == "443":
            raise NotConfigured(
                f"{name}: {origin[:100]!r} is not an exact https origin.",
                hint="It looks like https://admin.example.com, without a path, a * or port 443.",
            )
    return tuple(found)


_SMTP = {"smtps": ("tls", 465), "smtp": ("starttls", 587), "smtp+plain": ("none", 25)}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def _mail(env: Mapping[str, str]) -> Any:
    """mail_server, mail_from and mail_to: all three or none. No message repeats the address."""
    server = _mail_server(env, "AUTONOMY_SMTP_URL")
    senders = _addresses(env, "AUTONOMY_MAIL_FROM")
    receivers = _addresses(env, "AUTONOMY_MAIL_TO")
    given = {
        "AUTONOMY_SMTP_URL": server,
        "AUTONOMY_MAIL_FROM": senders,
        "AUTONOMY_MAIL_TO": receivers,
    }
    missing = [name for name, value in given.items() if not value]
    if 0 < len(missing) < len(given):
        raise NotConfigured(
            f"{missing[0]} is not set, and e-mail needs it.",
            hint=f"Set all of {', '.join(given)}, or none of them.",
        )
    if len(senders) > 1:
        raise NotConfigured(
            "AUTONOMY_MAIL_FROM is more than one address.", hint="It looks like ops@example.com"
        )
    return {
        "mail_server": server,
        "mail_from": senders[0] if senders else "",
        "mail_to": receivers,
    }


def _mail_server(env: Mapping[str, str], name: str) -> MailServer | None:
    text = _first(env, name)
    if not text:
        return None
    try:
        parts = urlsplit(text)
        encryption, usual = _SMTP[parts.scheme]
        port = usual if parts.port is None else parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.hostname or ""
        more = parts.path.strip("/") or parts.query or parts.fragment
        if not host.isascii() or not host or not 1 <= port <= 65535 or more:
            raise ValueError
    except (KeyError, ValueError):
        raise NotConfigured(
            f"{name} is not the address of a mail server.",
            hint="It looks like smtps://user:password@smtp.example.com (port 465) or smtp://... "
            "(port 587, STARTTLS); write @ in a user as %40, and : / ? # % likewise.",
        ) from None
    if not (user + password).isascii():
        raise NotConfigured(
            f"{name} has a user or a password that is not ASCII.", hint="Set an ASCII password."
        )
    if bool(user) != bool(password):
        raise NotConfigured(f"{name} has a user or a password, not both.", hint="Give both.")
    if user and encryption == "none":
        raise NotConfigured(
            f"{name} would send a password without encryption.", hint="Use smtps:// or smtp://."
        )
    return MailServer(host, port, encryption, user, password)


def _addresses(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in _first(env, name).split(",") if part.strip())
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise NotConfigured(
                f"{name}: {address!r} is not an e-mail address.", hint="It looks like a@example.com"
            )
    return addresses

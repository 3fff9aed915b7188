"""Sign-in data of platforms, from the environment (Secret Manager puts it there), and nowhere else.

Several accounts may have their own: the credential's name is a suffix of the variable, as
AUTONOMY_META_TOKEN_NORTH for `north`. Nothing falls back from a named one to the unnamed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autonomy.platforms.base import AccountBroken, Later, PlatformError
from autonomy.platforms.http import checked_base

META_TOKEN = "AUTONOMY_META_TOKEN"  # noqa: S105 - a variable's name  # nosec B105
META_APP_SECRET = "AUTONOMY_META_APP_SECRET"  # noqa: S105  # nosec B105
GOOGLE_CREDENTIALS = "AUTONOMY_GOOGLE_ADS_CREDENTIALS"
GOOGLE_TOKEN_URI = "AUTONOMY_GOOGLE_TOKEN_URI"  # noqa: S105  # nosec B105

ADWORDS = "https://www.googleapis.com/auth/adwords"
GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
TOKEN_SECONDS = 30.0

_REASONS = re.compile(
    r"\b(invalid_grant|invalid_client|invalid_scope|invalid_request|unauthorized_client|"
    r"access_denied|deleted_client|disabled_client)\b"
)


@dataclass(frozen=True)
class MetaSecrets:
    """What MetaAccount needs. Left out of `repr`."""

    token: str = field(repr=False)
    app_secret: str | None = field(default=None, repr=False)


def meta_secrets(name: str | None = None) -> MetaSecrets:
    """The access token and the app secret of a named credential, or of the unnamed one."""
    variable = _variable(META_TOKEN, name)
    token = _value(variable)
    if not token:
        raise AccountBroken(f"Meta's access token is missing: set {variable}.")
    return MetaSecrets(token, _value(_variable(META_APP_SECRET, name)) or None)


def google_token_source(name: str | None = None) -> Callable[[], str]:
    """Gives a valid access token whenever it is called. Of a service account's key, of a person's
    refresh token, or, where the variable is empty, of the function's own account."""
    variable = _variable(GOOGLE_CREDENTIALS, name)
    text = _value(variable)
    if not text and name:
        raise AccountBroken(f"The credential for Google Ads is missing: set {variable}.")
    return GoogleTokens(variable, text)


class GoogleTokens:
    """Access tokens of one credential, fetched when the last one ends. No `repr` shows any."""

    def __init__(self, variable: str, text: str) -> None:
        self._variable = variable
        self._info = _credential(variable, text) if text else None
        self._credentials: Any = None
        self._request: Any = None

    def __repr__(self) -> str:
        return f"GoogleTokens({self._variable})"

    @property
    def email(self) -> str:
        """Of the account that is signed in, as far as the credential itself tells; else empty."""
        if self._info is None:  # the function's own: "default" until it has been used
            told: object = getattr(self._credentials, "service_account_email", "")
        else:
            told = self._info.get("client_email") or self._info.get("account")
        return told if isinstance(told, str) and "@" in told else ""

    def renew(self) -> None:
        """The next call fetches a new token, whatever the last one's end was said to be."""
        if self._credentials is not None:
            self._credentials.token = None

    def __call__(self) -> str:
        """A token that is valid for some minutes more."""
        from google.auth.exceptions import GoogleAuthError, TransportError

        problem: PlatformError
        try:
            if self._credentials is None:
                self._credentials = _made(self._info)
                self._request = _transport()
            if not self._credentials.valid:
                self._credentials.refresh(self._request)
            token = self._credentials.token
            if isinstance(token, str) and token:
                return token
            problem = AccountBroken("Google gave no access token.")
        except TransportError:
            problem = Later("Google's sign-in cannot be reached.", seconds=60.0)
        except GoogleAuthError as error:
            problem = _refusal(error, self._variable)
        except (ValueError, TypeError, KeyError, AttributeError):
            problem = AccountBroken(f"{self._variable} holds no usable credential.")
        raise problem  # outside of the block: what the library says may hold the credential


def _refusal(error: Any, variable: str) -> PlatformError:
    """A refresh that failed, by its code; never the library's text, which quotes the answer."""
    from google.auth.exceptions import DefaultCredentialsError

    if isinstance(error, DefaultCredentialsError):
        return AccountBroken(
            f"There is no credential for Google Ads: set {variable}, or run with a service account."
        )
    if getattr(error, "retryable", False):
        return Later("Google's sign-in is out of order.", seconds=60.0)
    found = _REASONS.search(str(error))
    code = found.group(1) if found else ""
    said = f" ({code})" if code else ""
    return AccountBroken(
        f"Google does not accept the credential in {variable}{said}: make a new one, or check that "
        "its account still exists.",
        code=code,
    )


def _made(info: Mapping[str, str] | None) -> Any:
    """The library's credentials, limited to Google Ads."""
    if info is None:
        import google.auth

        credentials, _project = google.auth.default(scopes=[ADWORDS])
        return credentials
    if info["type"] == "service_account":
        from google.oauth2 import service_account

        return service_account.Credentials.from_service_account_info(info, scopes=[ADWORDS])
    from google.oauth2.credentials import Credentials

    return Credentials(
        None,
        refresh_token=info["refresh_token"],
        token_uri=info["token_uri"],
        client_id=info["client_id"],
        client_secret=info["client_secret"],
        scopes=[ADWORDS],
    )


def _transport() -> Callable[..., Any]:
    """Google's transport over a session of its own, which follows no redirect: a credential goes
    to the token's address or nowhere."""
    import requests
    from google.auth.transport.requests import Request

    session = requests.Session()
    session.max_redirects = 0
    request = Request(session)

    def fetch(url: str, method: str = "GET", **options: Any) -> Any:
        return request(url, method=method, **{**options, "timeout": TOKEN_SECONDS})

    return fetch


_NEEDED = {
    "service_account": ("client_email", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


def _credential(variable: str, text: str) -> Mapping[str, str]:
    """The JSON of a credential, checked. Its content is in no error."""
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise AccountBroken(f"{variable} is no JSON: paste the whole file of the credential.")
    kind = info.get("type")
    if kind not in _NEEDED:
        raise AccountBroken(
            f"{variable} must be the JSON of a service account or of an authorized_user."
        )
    missing = [key for key in _NEEDED[kind] if not isinstance(info.get(key), str) or not info[key]]
    if missing:
        raise AccountBroken(f"{variable} lacks {', '.join(missing)}.")
    address = os.environ.get(GOOGLE_TOKEN_URI, "").strip() or info.get("token_uri") or GOOGLE_TOKENS
    return {**info, "token_uri": checked_base(str(address))}


def _variable(base: str, name: str | None) -> str:
    """AUTONOMY_META_TOKEN, or with a credential's name AUTONOMY_META_TOKEN_NORTH."""
    if not name:
        return base
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name):
        raise AccountBroken("A credential's name has letters, digits and _ only.")
    return f"{base}_{name.upper()}"


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip()

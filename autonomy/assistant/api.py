"""How an assistant's calls reach the API: over https with a token, or within this process."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from autonomy.assistant.tools import Call
from autonomy.config import Settings
from autonomy.errors import BadRequest, ServiceError
from autonomy.store import Json, Store

Ask = Callable[[Call], tuple[int, Json]]
"""One call of the API: its status and its answer."""
SECONDS = 120
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def over_http(address: str, token: str) -> Ask:
    """Calls of a deployed function. Raises BadRequest where the token would travel in the open."""
    import requests

    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise BadRequest(
            "--url: the function's address must begin with https://.",
            hint="Plain http only on this machine (localhost).",
        )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"

    def ask(call: Call) -> tuple[int, Json]:
        try:
            answer = session.request(
                call.method, address.rstrip("/") + call.path, params=dict(call.query),
                json=call.body, timeout=SECONDS, allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException:  # its text holds the address
            raise ServiceError(
                "The function does not answer.", hint="Check --url, and try again in a minute."
            ) from None
        return answer.status_code, _read(answer.text)

    return ask


def within(settings: Settings, store: Store) -> Ask:
    """Calls of the same API in this process, with the role of an assistant all the same."""
    from autonomy.run.runner import Runner
    from autonomy.web.app import create_app

    token = secrets.token_urlsafe(32)
    own = replace(
        settings, agent_token=token, api_token=settings.api_token or secrets.token_urlsafe(32)
    )
    client = create_app(own, store, Runner(store, own).handle).test_client()
    headers = {"Authorization": f"Bearer {token}"}

    def ask(call: Call) -> tuple[int, Json]:
        answer = client.open(
            call.path, method=call.method, query_string=dict(call.query), headers=headers,
            json=call.body,
        )  # fmt: skip
        return answer.status_code, _read(answer.get_data(as_text=True))

    return ask


def _read(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        raise ServiceError("The function's answer is not JSON.", hint="Check --url.") from None
    return found if isinstance(found, dict) else {"answer": found}

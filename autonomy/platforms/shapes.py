"""The shapes of a platform's answers, with every figure and every name blanked.

`connect --check` writes them for a person who has an account, so that they can be compared with
what the clients expect: kinds of fields, which are absent, the words of lists.
"""

from __future__ import annotations

import json
import re
from typing import Any

import requests

from autonomy.platforms.http import is_loopback

_WORD = re.compile(r"[A-Z][A-Z_]{1,60}")
_NAMES = ("name", "email", "title")
_KINDS = ("event_type", "action_type")
_SMALL_WORD = re.compile(r"[a-z_.]{1,60}")
_ROWS = 3
"""Of a list: enough to see which fields are absent at times."""


class Shapes:
    """A session that notes what each answer is made of."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.elsewhere = False
        """Whether something else than a platform answered: a server of tests on this machine."""
        self.session = requests.Session()
        self.session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, **_: Any) -> None:
        self.elsewhere = self.elsewhere or is_loopback(response.request.url or "")
        path = re.sub(r"\d{4,}", "ID", (response.request.path_url or "").partition("?")[0])
        try:
            body = blanked(json.loads(response.content))
        except ValueError:
            body = "no JSON"
        names = sorted(
            name
            for name in response.headers
            if name.lower().startswith(("x-", "request-id", "retry-after", "content-type"))
        )
        self.seen.append(
            {
                "method": response.request.method,
                "path": path,
                "status": response.status_code,
                "headers": names,
                "body": body,
            }
        )


def blanked(value: Any) -> Any:
    """The same shape: digits become 0, texts their kind; words such as ACTIVE stay."""
    if isinstance(value, dict):
        return {re.sub(r"\d{4,}", "ID", str(key)): _of(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [blanked(one) for one in value[:_ROWS]]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return 0 if isinstance(value, int) else 0.0
    text = str(value)
    if text.startswith("{") and isinstance(within := _parsed(text), dict):
        return {"JSON within": blanked(within)}
    if _WORD.fullmatch(text):
        return text
    if re.fullmatch(r"[-\d.:+TZ /]+", text):
        return re.sub(r"\d", "0", text)[:40]
    return f"text of {len(text)}"


def _of(key: str, value: Any) -> Any:
    """A name may look like a word of the platform's: MARIA."""
    if isinstance(value, str) and key.lower().endswith(_NAMES):
        return f"text of {len(value)}"
    if isinstance(value, str) and key in _KINDS:
        return value if _SMALL_WORD.fullmatch(value) else blanked(value)
    return blanked(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None

"""What the tests of the platforms' clients share: answers to hand out, and a search for secrets."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from autonomy.platforms.base import PlatformError

TOKEN = "EAAsecretTOKENpart0123456789"
APP_SECRET = "appSECRETpart0123456789abcdef"


class Waits:
    """A clock that only its own sleep moves."""

    def __init__(self, now: float = 1_795_860_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def script(answers: Sequence[Any], method: str = "GET", url: Any = None) -> None:
    """Answers in this order, whatever is asked: (status, body, headers), a body, or an exception.
    The last one stays."""
    left = list(answers)

    def answer(request: requests.PreparedRequest) -> Any:
        told = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(told, Exception):
            raise told
        status, body, headers = told if isinstance(told, tuple) else (200, told, {})
        return status, headers, body if isinstance(body, str | bytes) else json.dumps(body)

    responses.add_callback(method, url, answer)


def asked(call: Any) -> dict[str, str]:
    """Query and form of a request."""
    body = call.request.body or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    form = {} if text.startswith("{") else dict(parse_qsl(text))
    return dict(parse_qsl(urlsplit(call.request.url).query)) | form


@contextmanager
def no_secret(
    caplog: pytest.LogCaptureFixture, *secrets: str, kind: type[PlatformError] = PlatformError
) -> Iterator[list[PlatformError]]:
    """What is raised within is of this kind; neither it nor any log shows a secret or an address.
    The error is handed out for more questions."""
    caught: list[PlatformError] = []
    with caplog.at_level(logging.INFO):
        with pytest.raises(kind) as raised:
            yield caught
        caught.append(raised.value)
    check_hidden(raised.value, caplog.text, *(secrets or (TOKEN, APP_SECRET)))


def check_hidden(error: PlatformError, log: str, *secrets: str) -> None:
    """No secret and no address: in the error, in what led to it, in the log."""
    shown = [log, "".join(traceback.format_exception(error)), repr(error), str(error)]
    shown += [error.message, error.code, error.request_id]
    at: BaseException | None = error
    while at is not None:
        shown += [repr(at), repr(at.args)]
        at = at.__cause__ or at.__context__
    for text in shown:
        assert not [secret for secret in secrets if secret in text], "a secret is shown"
        assert "https://graph" not in text
        assert "https://googleads" not in text
        assert "appsecret_proof=" not in text


def meta_error(code: int, subcode: int | None = None, **more: Any) -> Mapping[str, Any]:
    """The body of a failed call, as Graph writes it."""
    told = {
        "message": f"(#{code}) told",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "A1",
    }
    return {"error": told | ({"error_subcode": subcode} if subcode else {}) | more}


def google_error(
    code: str, kind: str = "requestError", status: str = "INVALID_ARGUMENT", **more: Any
) -> Mapping[str, Any]:
    """The body of a failed call, as Google Ads writes it."""
    one = {"errorCode": {kind: code}, "message": f"{code} was told.", **more}
    detail = {
        "@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure",
        "errors": [one],
        "requestId": "req-1",
    }
    told = {"code": 400, "message": "Request failed.", "status": status, "details": [detail]}
    return {"error": told}

"""POST /: every kind of bad input gets its own answer, none a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autonomy.config import Settings
from autonomy.errors import DatabaseUnavailable, KeyReused, RunInProgress
from autonomy.run.request import RunRequest
from tests.unit.web_doors import BEARER, VIEWER, FakeStore, Runs, application


def test_the_guides_curl_works() -> None:
    runs = Runs()
    answer = (
        application(runs=runs)
        .test_client()
        .post("/", headers={**BEARER, "Content-Type": "application/json"})
    )
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["message"] == "Autonomous operations completed successfully"
    assert runs.calls == [{"body": {}, "key": None, "trigger": "http"}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b"1", 400),
        (b'{"dry_run": NaN}', 400),
        (b'{"reason": Infinity}', 400),
        (b'{"reason": 1e999}', 400),
        (b'{"reason": ' + b"9" * 5000 + b"}", 400),
        (b'{"reason": "\\u0000"}', 400),
        (b'{"reason": "\\ud800"}', 400),
        (b'{"\\u0000": 1}', 400),
        (b"\xff\xfe", 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b"[" * 100_000, 400),
        (b'{"reason": "' + b"x" * 300_000 + b'"}', 413),
        (b"", 200),
        (b"  \n ", 200),
        (b"\xef\xbb\xbf{}", 200),
        (b'{"dry_run": false, "dry_run": true}', 400),
    ],
)
def test_bodies(body: bytes, code: int) -> None:
    answer = (
        application()
        .test_client()
        .post("/", data=body, headers={**BEARER, "Content-Type": "application/json"})
    )
    assert answer.status_code == code, answer.text
    if code != 200:
        _is_our_error(answer)


def test_field_errors_name_the_field() -> None:
    def parse(body: dict[str, Any], **_: Any) -> Any:
        RunRequest.parse(body)

    app = application(runs=parse)  # type: ignore[arg-type]
    for body, name in (
        ({"dry": True}, "dry"),
        ({"dry_run": "yes"}, "dry_run"),
        ({"shard": "9/8"}, "shard"),
        ({"reason": "x" * 501}, "reason"),
    ):
        answer = app.test_client().post("/", json=body, headers=BEARER)
        assert answer.status_code == 400
        assert answer.json is not None
        assert answer.json["error"]["message"].startswith(name)


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/x-www-form-urlencoded", 200),  # curl -d without a header
        ("text/plain", 200),
        ("application/problem+json", 200),
        ("text/xml", 415),
        ("multipart/form-data; boundary=x", 415),
        ("\x00", 415),
    ],
)
def test_content_types(content_type: str, code: int) -> None:
    answer = (
        application()
        .test_client()
        .post("/", data=b"{}", headers={**BEARER, "Content-Type": content_type})
    )
    assert answer.status_code == code


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic dXNlcjpwYXNz", 401),
        ("Bearer wrong", 401),
        ("Bearer schl\u00fcssel", 401),
        ("Bearer a.b.c", 401),
        (f"Bearer {VIEWER}", 403),
        (f"bearer   {BEARER['Authorization'][7:]}  ", 200),
    ],
)
def test_tokens(authorization: str | None, code: int) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = application().test_client().post("/", headers=headers)
    assert answer.status_code == code
    if code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_that_is_not_ascii() -> None:
    settings = Settings(api_token="schl\u00fcssel-\u1f511")
    sent = settings.api_token.encode().decode("latin-1")
    client = application(settings).test_client()
    assert client.post("/", headers={"Authorization": f"Bearer {sent}"}).status_code == 200


def test_nobody_configured_refuses_and_says_why() -> None:
    client = application(Settings()).test_client()
    for path in ("/", "/api/runs", "/api/rollback", "/rollback", "/freeze"):
        answer = client.post(path, headers=BEARER)
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json["error"]["code"] == "NOT_CONFIGURED"
        assert "AUTONOMY_API_TOKEN" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("k", 200),
        ("a" * 255, 200),
        ("a b", 200),
        ("a" * 256, 400),
        ("", 400),
        (" ", 400),
        ("\u00fc", 400),
        ("a\x01b", 400),
    ],
)
def test_idempotency_keys(key: str, code: int) -> None:
    runs = Runs()
    answer = (
        application(runs=runs).test_client().post("/", headers={**BEARER, "Idempotency-Key": key})
    )
    assert answer.status_code == code
    assert [call["key"] for call in runs.calls] == ([key] if code == 200 else [])


def test_the_scheduler_has_a_natural_key() -> None:
    runs = Runs()
    headers = {
        **BEARER,
        "X-CloudScheduler-JobName": "hourly",
        "X-CloudScheduler-ScheduleTime": "2026-11-24T10:00:00Z",
    }
    client = application(runs=runs).test_client()
    client.post("/", headers=headers)
    client.post("/", headers={**headers, "Idempotency-Key": "own"})
    assert [call["key"] for call in runs.calls] == ["scheduler:hourly:2026-11-24T10:00:00Z", "own"]
    assert runs.calls[0]["trigger"] == "scheduler"


def test_the_runners_errors_keep_their_codes_and_waits() -> None:
    for error, code, wait in (
        (RunInProgress("busy", retry_after_seconds=7), 409, "7"),
        (KeyReused("other body"), 422, None),
        (DatabaseUnavailable("gone"), 503, "10"),
        (ZeroDivisionError("ours"), 500, None),
    ):

        def fail(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        answer = application(runs=fail).test_client().post("/", headers=BEARER)  # type: ignore[arg-type]
        assert answer.status_code == code
        assert answer.headers.get("Retry-After") == wait
        _is_our_error(answer)
        assert "Traceback" not in answer.text
        assert "ours" not in answer.text


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods(method: str) -> None:
    answer = application().test_client().open("/", method=method, headers=BEARER)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/%00", "/%ff%fe", "/api/actions/%00", "/api/actions/x", "/api/%F0%9F", "/..%2f"],
)
def test_odd_paths(path: str) -> None:
    answer = application().test_client().get(path, headers=BEARER)
    assert answer.status_code == 404
    _is_our_error(answer)


def test_wrong_bearers_are_counted_and_the_right_one_still_passes() -> None:
    store = FakeStore()
    client = application(store=store).test_client()
    codes = [
        client.post("/", headers={"Authorization": "Bearer no"}).status_code for _ in range(105)
    ]
    assert codes[:99] == [401] * 99
    assert codes[100:] == [429] * 5
    assert len(store.failures) == 100  # a blocked source costs no round trip
    assert client.post("/", headers=BEARER).status_code == 200


def _is_our_error(answer: Any) -> None:
    body = json.loads(answer.text)
    assert body["success"] is False
    assert set(body["error"]) == {"code", "message", "hint"}
    assert body["timestamp"].endswith("Z")

"""Messages: quiet when nothing happened, never a secret in the log, never a private address."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from typing import Any

import pytest
import requests
import responses

from autonomy.config import Settings
from autonomy.errors import DatabaseUnavailable
from autonomy.run.notify import channels, telling
from autonomy.run.notify.causes import KINDS, causes_message
from autonomy.run.notify.channels import is_public, send, signature
from autonomy.run.notify.digest import digest, event_of, worth_telling
from autonomy.run.notify.message import plain_text, slack_text
from autonomy.run.where import WHERE
from autonomy.store import Store

SLACK = "https://hooks.example.com/services/SECRETPART"
HOOK = "https://hook.example.com/in?key=SECRETPART"


def result(**changes: Any) -> dict[str, Any]:
    base = {
        "success": True,
        "dry_run": False,
        "actions_taken": {
            "campaigns_paused": 1,
            "actions_proposed": 0,
            "opportunities_detected": 3,
        },
        "actions": [{"title": "Tents", "reason": 'Paused by "A": in 3 days 10.00 spent'}],
        "breakers": [],
        "failed": [],
        "rules_skipped": [],
    }
    return base | changes


NOTHING = {"campaigns_paused": 0, "opportunities_detected": 3}


@pytest.fixture(autouse=True)
def _public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names resolve to a public address without a network."""

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        address = {"inside.example.com": "10.1.2.3", "both.example.com": "127.0.0.1"}.get(
            host, "93.184.216.34"
        )
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def settings(**values: Any) -> Settings:
    return Settings(**{"slack_webhook_url": SLACK, **values})


def deliver(settings: Settings, **how: Any) -> int:
    """The digest of a run by every channel; how many took it."""
    news = digest(result())
    return sum(send(settings, one, news, **how) == "sent" for one in settings.channels)


def sent_body() -> bytes:
    """The body of the first message, as it went out."""
    body = responses.calls[0].request.body
    assert isinstance(body, bytes)
    return body


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"actions_taken": NOTHING}, False),
        ({"actions_taken": NOTHING, "breakers": [{"code": "X", "message": "y"}]}, False),
        ({"actions_taken": NOTHING, "failed": [{"title": "a", "message": "b"}]}, False),
        ({"actions_taken": {**NOTHING, "actions_proposed": 2}}, True),
        ({"actions_taken": None}, False),
    ],
)
def test_quiet_when_nothing_happened(changes: dict[str, Any], told: bool) -> None:
    assert worth_telling(result(**changes)) is told


@pytest.mark.parametrize(
    ("mode", "proposed", "headline"),
    [
        ("autonomous", 0, "1 campaigns paused, 3 opportunities detected"),
        ("observe", 0, "only observing, would have: 1 campaigns paused, 3 opportunities detected"),
        (
            "approve",
            1,
            "proposed: 1 campaigns paused; 3 opportunities detected; 1 waiting for your approval",
        ),
    ],
)
def test_what_was_not_done_is_not_told_as_done(mode: str, proposed: int, headline: str) -> None:
    counts = {"campaigns_paused": 1, "actions_proposed": proposed, "opportunities_detected": 3}
    text = slack_text(digest(result(mode=mode, actions_taken=counts)))
    assert text.splitlines()[0] == f"*Autonomous Ops*: {headline}"


@responses.activate
def test_slack_gets_the_digest() -> None:
    responses.post(SLACK, body="ok")
    assert deliver(settings()) == 1
    text = json.loads(sent_body())["text"]
    assert "1 campaigns paused" in text
    assert "Tents" in text


@responses.activate
def test_the_generic_webhook_is_signed_over_time_and_body() -> None:
    responses.post(HOOK, body="")
    assert deliver(Settings(webhook_url=HOOK, webhook_secret="key")) == 1
    request = responses.calls[0].request
    stamp = request.headers["X-Autonomy-Timestamp"]
    expected = hmac.new(b"key", stamp.encode() + b"." + sent_body(), hashlib.sha256).hexdigest()
    assert request.headers["X-Autonomy-Signature"] == f"sha256={expected}"
    assert abs(int(stamp) - time.time()) < 60
    assert json.loads(sent_body())["event"] == "run.acted"


def test_another_time_or_body_has_another_signature() -> None:
    one = signature("key", b"{}", 1)["X-Autonomy-Signature"]
    assert signature("key", b"{}", 2)["X-Autonomy-Signature"] != one
    assert signature("key", b"{ }", 1)["X-Autonomy-Signature"] != one
    assert "X-Autonomy-Signature" not in signature("", b"{}", 1)


@responses.activate
def test_it_tries_again_with_growing_waits_and_gives_up() -> None:
    responses.post(SLACK, status=503)
    waits: list[float] = []
    assert deliver(settings(), sleep=waits.append) == 0
    assert waits == list(channels.RETRY_DELAYS_SECONDS)
    assert len(responses.calls) == 4


@responses.activate
def test_a_refusal_is_final() -> None:
    responses.post(SLACK, status=404)
    assert deliver(settings(), sleep=lambda _: pytest.fail("no retry")) == 0


@responses.activate
def test_a_lost_connection_is_tried_again() -> None:
    responses.post(SLACK, body=requests.ConnectionError("refused"))
    responses.post(SLACK, body="ok")
    assert deliver(settings(), sleep=lambda _: None) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://inside.example.com/x",
        "https://both.example.com/x",
        "http://hook.example.com/x",
        "https://[::1",
        "https://hook.example.com:99999/x",
        "hook",
        " ",
    ],
)
@responses.activate
def test_no_request_to_a_private_or_plain_address(url: str) -> None:
    assert not is_public(url)
    assert deliver(Settings(webhook_url=url)) == 0
    assert len(responses.calls) == 0


@responses.activate
def test_private_addresses_on_request() -> None:
    responses.post("http://inside.example.com/x", body="")
    allowed = Settings(webhook_url="http://inside.example.com/x", allow_private_webhooks=True)
    assert deliver(allowed) == 1


@responses.activate
def test_a_redirect_is_not_followed() -> None:
    responses.post(SLACK, status=302, headers={"Location": "http://127.0.0.1/"})
    assert deliver(settings(), sleep=lambda _: None) == 0
    assert {call.request.url for call in responses.calls} == {SLACK}


@responses.activate
def test_no_log_line_names_the_address(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("autonomy").propagate = True
    responses.post(SLACK, body=requests.ConnectionError(f"cannot reach {SLACK}"))
    responses.post(HOOK, status=500)
    with caplog.at_level(logging.DEBUG):
        deliver(settings(webhook_url=HOOK, webhook_secret="k"), sleep=lambda _: None)
    assert caplog.records
    assert "SECRETPART" not in caplog.text
    assert "SECRETPART" not in repr(settings(webhook_url=HOOK))


def test_a_slow_receiver_does_not_delay_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "PATIENCE_SECONDS", 0.05)
    received = threading.Event()
    monkeypatch.setattr(telling, "tell", lambda *_, **__: received.wait(60))
    thread = telling.notify(settings(), Store("http://127.0.0.1:9", "key"), result(), {})
    assert thread.is_alive()
    received.set()
    thread.join()


@pytest.mark.parametrize(("success", "heard"), [(False, 1), (True, 0)])
@responses.activate
def test_a_failed_run_is_told_without_the_database(
    monkeypatch: pytest.MonkeyPatch, success: bool, heard: int
) -> None:
    responses.post(SLACK, body="ok")

    def gone(*_: Any, **__: Any) -> Any:
        raise DatabaseUnavailable("The database cannot be reached.")

    monkeypatch.setattr(Store, "rpc", gone)
    failed = {"success": success, "run_id": "r-1", "error": "DATABASE_UNAVAILABLE: gone"}
    telling.notify(settings(), Store("http://127.0.0.1:9", "key"), failed, {}).join()
    assert len(responses.calls) == heard
    if heard:
        text = json.loads(sent_body())["text"]
        assert "The run did not finish, and the database does not answer." in text
        assert "DATABASE_UNAVAILABLE: gone" in text


def test_hostile_titles_are_text() -> None:
    hostile = "<!channel> *bold* `code`\n<http://evil|click> \x1b[31m\u202e" + "x" * 500
    news = digest(result(actions=[{"title": hostile, "reason": "r"}]))
    text = slack_text(news)
    assert "<!channel>" not in text
    assert "<http" not in text
    assert "*bold*" not in text
    assert len(text.splitlines()) == 2
    assert len(text) < 400
    plain = plain_text(news)
    assert not {"\x1b", "\u202e"} & set(text + plain)
    assert [line for line in plain.splitlines() if line.startswith("<http")] == []


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({"actions_taken": {"actions_proposed": 1}}, "run.approval"),
        ({"mode": "observe"}, "run.observed"),
        ({}, "run.acted"),
    ],
)
def test_events(changes: dict[str, Any], event: str) -> None:
    assert event_of(result(**changes)) == event


def test_a_warning_is_told_beside_what_was_done_but_is_no_news_by_itself() -> None:
    told = result(warnings=["Give it limits of its own."])
    assert ":warning: *Give it limits of its own.*" in slack_text(digest(told))
    assert not worth_telling(result(actions_taken=NOTHING, actions=[], warnings=["x"]))


def cause(code: str = "BREAKER", kind: str = "began", **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "channel": "slack",
        "kind": kind,
        "code": code,
        "account": None,
        "level": "act",
        "sentence": "Conversions of the last 24 hours are missing.",
        "details": [],
        "figures": {"run_id": "r-1", "since": "2026-11-27T10:00:00+00:00"},
        "began_at": "2026-11-28T10:00:00+00:00",
        "over_at": None,
    }
    return base | changes


def test_causes_in_every_form() -> None:
    found = [cause(kind=kind, details=["one", "two"]) for kind in KINDS]
    news = causes_message(found, "https://ops.example.com")
    sentence = "Conversions of the last 24 hours are missing."
    assert news.subject == f"Autonomous Ops: New: {sentence} (and 3 more)"
    slack = slack_text(news)
    assert slack.startswith(f":rotating_light: *New*: {sentence}\n    one\n    two ")
    assert slack.count("<https://ops.example.com/runs/r-1|See the run>") == 3, "over: nothing to do"
    assert plain_text(news).startswith(
        f"New: {sentence}\n  one\n  two\n  See the run: https://ops.example.com/runs/r-1\n\nChanged"
    )
    assert news.body["event"] == "causes"
    assert [one["kind"] for one in news.body["causes"]] == list(KINDS)
    assert news.body["causes"][0]["link"] == "https://ops.example.com/runs/r-1"
    assert "channel" not in news.body["causes"][0]


@pytest.mark.parametrize("code", WHERE)
def test_every_cause_has_a_link_where_the_address_is_known(code: str) -> None:
    (line,) = causes_message([cause(code)], "https://ops.example.com").lines
    assert line.link is not None
    assert line.link[1].startswith("https://ops.example.com/")
    assert causes_message([cause(code)], "").lines[0].link is None


def test_an_account_is_named() -> None:
    news = causes_message(
        [cause(account="a/b <!channel> é", sentence='In account "a/b <!channel> é": ...')],
        "https://ops.example.com",
    )
    assert "<!channel>" not in slack_text(news)
    page = "https://ops.example.com/accounts?account=a%2Fb%20%3C%21channel%3E%20%C3%A9#edit"
    assert news.body["causes"][0]["account_link"] == page
    assert f"See the account: {page}" in plain_text(news)
    assert f"<{page}|See the account>" in slack_text(news)


@pytest.mark.parametrize("code", ["FROZEN", "ZONE_UNKNOWN"])
def test_what_is_settled_on_the_accounts_page_leads_there_once(code: str) -> None:
    news = causes_message(
        [cause(code, account="shop", figures={"account": "shop"})], "https://ops.example.com"
    )
    assert slack_text(news).count("https://ops.example.com/accounts?account=shop#edit") == 1
    assert slack_text(news).count("https://") == 1


@responses.activate
def test_a_test_message_says_what_arrived() -> None:
    responses.post(SLACK, status=500)
    responses.post(HOOK, body="")
    both = settings(webhook_url=HOOK)
    assert telling.send_test(both) == {"slack": "unavailable", "webhook": "sent"}
    assert len(responses.calls) == 2, "one try each"
    assert json.loads(responses.calls[1].request.body or b"")["event"] == "test"

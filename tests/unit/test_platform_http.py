"""Calls to platforms: bounded, patient, and silent about tokens and addresses."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
import requests
import responses

from autonomy.platforms import http
from autonomy.platforms.base import AccountBroken, Later, PlatformError, TooMuch, Unsure
from autonomy.platforms.http import Answer, Http, checked_base, no_later_than, parsed, said
from tests.unit.platform_answers import TOKEN, Waits, check_hidden, no_secret, script

BASE = "https://graph.example.com/v1"
URL = f"{BASE}/thing"


def refuses_nothing(answer: Answer) -> PlatformError | None:
    return None


def client(waits: Waits, token: str = TOKEN, **how: Any) -> Http:
    how = {"judge": refuses_nothing} | how
    return Http("Meta", BASE, token=lambda: token, sleep=waits.sleep, **how)


@pytest.mark.parametrize(
    "base",
    [
        "http://graph.facebook.com/v26.0",
        "ftp://graph.facebook.com",
        "https://",
        "graph.facebook.com",
        "https://user:pw@graph.facebook.com",
        "http://127.0.0.1.example.com",
        "http://[bad",
        "",
    ],
)
def test_a_token_goes_over_https_or_stays_on_this_machine(base: str) -> None:
    with pytest.raises(PlatformError, match="must begin with https"):
        checked_base(base)


@pytest.mark.parametrize(
    "base",
    ["https://graph.example.com/v1/", "http://127.0.0.1:81", "http://localhost", "http://[::1]:9"],
)
def test_these_are_spoken_to(base: str) -> None:
    assert checked_base(base) == base.rstrip("/")


@responses.activate
def test_a_token_is_in_the_header_alone() -> None:
    responses.get(URL, json={})
    client(Waits()).call("GET", "thing", params={"fields": "a,b"})
    sent = responses.calls[0].request
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(sent.url)


@responses.activate
def test_a_netrc_does_not_replace_the_token(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine graph.example.com login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(URL, json={})
    client(Waits()).call("GET", "thing")
    assert responses.calls[0].request.headers["Authorization"] == f"Bearer {TOKEN}"


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, caplog: pytest.LogCaptureFixture) -> None:
    responses.get(URL, status=status, headers={"Location": f"https://evil.example.com/?t={TOKEN}"})
    with no_secret(caplog) as caught:
        client(Waits()).call("GET", "thing")
    assert "redirect" in caught[0].message
    assert len(responses.calls) == 1


PROBLEMS = [
    requests.ReadTimeout(f"https://graph.example.com?access_token={TOKEN}"),
    requests.ConnectionError(f"https://graph.example.com?access_token={TOKEN}"),
    requests.exceptions.ChunkedEncodingError(TOKEN),
    requests.exceptions.SSLError(TOKEN),
    ValueError(TOKEN),
    (502, "<html>Bad Gateway</html>", {}),
    (200, "<html>Sign in to the network</html>", {}),
    (200, '{"data": [{"id": "1"', {}),
    (200, '{"data": NaN}', {}),
    (200, '{"data": -Infinity}', {}),
    (200, b"\xff\xfe", {}),
    (200, "", {}),
    (200, "[" * 100_000, {}),
    (403, "<html>Your administrator</html>", {}),
]


@responses.activate
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: repr(one)[:40].replace(TOKEN, "T"))
def test_what_passes_is_tried_again_and_then_said(
    problem: Any, caplog: pytest.LogCaptureFixture
) -> None:
    waits = Waits()
    script([problem], url=URL)
    with no_secret(caplog, kind=Later) as caught:
        client(waits).call("GET", "thing")
    assert len(responses.calls) == 4
    assert len(waits.slept) == 3
    assert all(0.5 <= one <= 10 for one in waits.slept)
    later = caught[0]
    assert isinstance(later, Later)
    assert later.seconds == http.UNKNOWN_WAIT_SECONDS
    assert later.__context__ is None


@responses.activate
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: repr(one)[:40].replace(TOKEN, "T"))
def test_a_change_without_an_answer_is_unsure_and_sent_once(
    problem: Any, caplog: pytest.LogCaptureFixture
) -> None:
    waits = Waits()
    script([problem], "POST", URL)
    with no_secret(caplog, kind=Unsure):
        client(waits).call("POST", "thing", form={"status": "PAUSED"}, changes=True)
    assert len(responses.calls) == 1
    assert waits.slept == []


@responses.activate
def test_a_change_that_was_never_sent_is_not_unsure() -> None:
    script([requests.ConnectTimeout(TOKEN)], "POST", URL)
    with pytest.raises(Later):
        client(Waits()).call("POST", "thing", form={"status": "PAUSED"}, changes=True)


@responses.activate
def test_a_good_answer_after_bad_ones_is_taken() -> None:
    script([(502, "<html>", {}), requests.ReadTimeout(), {"id": "1"}], url=URL)
    assert client(Waits()).call("GET", "thing").body == {"id": "1"}


@responses.activate
def test_waits_that_are_short_are_waited_out_and_long_ones_are_told() -> None:
    waits = Waits()
    verdicts: list[PlatformError | None] = [Later("soon", seconds=7), Later("late", seconds=600)]
    responses.get(URL, json={})
    with pytest.raises(Later, match="late"):
        client(waits, judge=lambda answer: verdicts.pop(0)).call("GET", "thing")
    assert waits.slept == [7]


@responses.activate
def test_too_many_calls_without_json_waits_as_told() -> None:
    responses.get(URL, status=429, body="slow down", headers={"Retry-After": "120"})
    with pytest.raises(Later) as raised:
        client(Waits()).call("GET", "thing")
    assert raised.value.seconds == 120
    assert raised.value.code == "HTTP 429"


@responses.activate
def test_an_unknown_version_says_upgrade() -> None:
    responses.get(URL, status=404, body="<html>Not Found</html>")
    with pytest.raises(PlatformError, match="upgrade"):
        client(Waits()).call("GET", "thing")


@responses.activate
def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1000)
    responses.get(URL, body='{"data": "' + "x" * 1000 + '"}')
    with pytest.raises(TooMuch):
        client(Waits()).call("GET", "thing")


@responses.activate
def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_SECONDS", -1.0)
    responses.get(URL, json={})
    with pytest.raises(Later, match="in time"):
        client(Waits()).call("GET", "thing")


@responses.activate
def test_no_try_begins_after_the_time_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CALL_SECONDS", -1.0)
    script([requests.ReadTimeout()], url=URL)
    with pytest.raises(Later):
        client(Waits()).call("GET", "thing")
    assert len(responses.calls) == 1


@responses.activate
def test_no_call_goes_on_after_the_end() -> None:
    waits = Waits()
    script([requests.ReadTimeout()], url=URL)
    with no_later_than(time.monotonic()), pytest.raises(Later):
        client(waits).call("GET", "thing")
    assert len(responses.calls) == 1
    assert responses.calls[0].request.req_kwargs["timeout"] == pytest.approx((1, 1), abs=0.2)  # type: ignore[attr-defined]
    with no_later_than(time.monotonic() + 0.3), pytest.raises(Later, match="no time left"):
        client(waits).call("GET", "thing")
    assert waits.slept == []


@responses.activate
def test_a_hook_of_the_session_may_look_at_answers() -> None:
    seen = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.content))
    responses.get(URL, json={"id": "1"})
    assert client(Waits(), session=session).call("GET", "thing").body == {"id": "1"}
    assert seen == [b'{"id": "1"}']


@pytest.mark.parametrize("token", ["", "two words", f"{TOKEN}\n", "tokén", "a\x00b"])
def test_what_is_no_token_is_not_sent(token: str, caplog: pytest.LogCaptureFixture) -> None:
    with no_secret(caplog, *([token] if token else []), kind=AccountBroken):
        client(Waits(), token).call("GET", "thing")


@responses.activate
def test_a_token_in_an_answer_is_hidden_before_anybody_reads_it() -> None:
    told = json.dumps({"next": f"https://x/?access_token={TOKEN}", "slash": "1//ab"})
    responses.get(URL, body=told)
    assert TOKEN not in str(client(Waits()).call("GET", "thing").body)
    responses.replace(responses.GET, URL, body='{"slash": "1\\/\\/ab"}')
    assert client(Waits(), "1//ab").call("GET", "thing").body == {"slash": "(hidden)"}


@responses.activate
def test_a_packed_answer_is_bounded_by_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = {"Content-Encoding": "gzip"}
    responses.get(URL, body=gzip.compress(b'{"id": "1"}'), headers=packed)
    assert client(Waits()).call("GET", "thing").body == {"id": "1"}
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1_000_000)
    bomb = gzip.compress(b'{"id": "' + b"x" * 50_000_000 + b'"}')
    responses.replace(responses.GET, URL, body=bomb, headers=packed)
    with pytest.raises(TooMuch):
        client(Waits()).call("GET", "thing")
    responses.replace(responses.GET, URL, body=b"no gzip", headers=packed)
    with pytest.raises(Later):
        client(Waits()).call("GET", "thing")


@responses.activate
def test_a_token_that_is_not_taken_is_renewed_once() -> None:
    tokens = ["first", "second", "third"]
    script([(401, {}, {}), {"id": "1"}, (401, {}, {})], url=URL)
    calls = client(Waits(), renew=lambda: tokens.pop(0))
    calls._token = lambda: tokens[0]
    assert calls.call("GET", "thing").body == {"id": "1"}
    calls.call("GET", "thing")  # not taken again: that is for the judge to say
    assert [one.request.headers["Authorization"] for one in responses.calls] == [
        "Bearer first", "Bearer second", "Bearer second", "Bearer third",
    ]  # fmt: skip


def test_numbers_are_exact() -> None:
    assert str(parsed(b'{"a": 0.37}')[0]["a"]) == "0.37"
    assert parsed(b'{"a": 1e999999999999}')[1]
    assert not parsed(b"1" * 5000)[1]


def test_what_a_platform_says_is_fit_to_show() -> None:
    assert said("a\n b\tc") == "a b c"
    assert said(None) == said(5) == ""
    assert len(said("x" * 1000)) == http.LONGEST_SENTENCE
    assert said(f"see https://graph.facebook.com/?access_token={TOKEN} now") == "see (hidden) now"
    assert (
        said("it is se/cret", "se/cret") == said("it is se%2Fcret", "se/cret") == "it is (hidden)"
    )
    assert said("bad ya29.a0AfH6SMBxyz") == "bad (hidden)"


# A real connection -------------------------------------------------------------------------------


class _Drops(BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization", ""))
        if len(self.seen) == 1:
            self.send_response(200)
            self.send_header("Content-Length", "500")
            self.end_headers()
            self.wfile.write(b'{"data": ')  # and no more: the line is cut
            return
        body = b'{"data": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    _Drops.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), _Drops)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_cut_line_is_tried_again_and_a_proxy_is_passed_by(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    waits = Waits()
    session = requests.Session()
    session.trust_env = False
    with session:
        calls = Http(
            "Meta", server, token=lambda: TOKEN, judge=refuses_nothing, sleep=waits.sleep,
            session=session,
        )  # fmt: skip
        assert calls.call("GET", "thing").body == {"data": []}
    assert _Drops.seen == [f"Bearer {TOKEN}"] * 2
    assert len(waits.slept) == 1


def test_an_answer_that_drips_on_a_real_line_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte came in time, the answer never did."""
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(http, "RETRY_DELAYS_SECONDS", ())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener,))
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        calls = Http("Meta", address, token=lambda: TOKEN, judge=refuses_nothing)
        began = time.monotonic()
        with pytest.raises(Later, match="did not finish"):
            calls.call("GET", "thing")
        assert time.monotonic() - began < 3
        thread.join()


def _drip(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        try:
            for _ in range(40):
                time.sleep(0.1)
                connection.sendall(b" ")
        except OSError:
            return


def test_a_server_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    waits = Waits()
    calls = Http(
        "Meta", "http://127.0.0.1:9", token=lambda: TOKEN, judge=refuses_nothing, sleep=waits.sleep
    )
    with pytest.raises(Later) as raised:
        calls.call("GET", "thing")
    check_hidden(raised.value, caplog.text, TOKEN, "127.0.0.1")

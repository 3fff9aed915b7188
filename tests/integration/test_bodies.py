"""Bodies over the real functions-framework, byte by byte: whole, or refused, never a part of one.

A body that was cut, or of which nothing came, was `{}`: a dry run became a real one.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from autonomy.local import LocalStack
from autonomy.local.function import FunctionServer
from autonomy.web.parsing import LARGEST_BODY_BYTES

TOKEN = "operator-token-of-thirty-two-characters"
DRY = b'{"dry_run": true}'
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BLANKS = b" " * LARGEST_BODY_BYTES


def length(number: int) -> bytes:
    return b"Content-Length: %d\r\n" % number


def chunks(body: bytes, size: int = 8192) -> bytes:
    """The body in chunks, and the end."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


REFUSED: dict[str, tuple[bytes, bytes, int, str]] = {
    # headers, what is sent, status, code
    "too large": (
        JSON + length(len(BLANKS) + len(DRY)), BLANKS + DRY, 413, "BODY_TOO_LARGE"),
    "one byte too large": (
        JSON + length(LARGEST_BODY_BYTES + 1), DRY + BLANKS[len(DRY) - 1 :], 413, "BODY_TOO_LARGE"),
    "too large, in chunks": (JSON + CHUNKED, chunks(BLANKS + DRY), 413, "BODY_TOO_LARGE"),
    "too large, in chunks, a whole run in front": (
        JSON + CHUNKED, chunks(b"{}" + BLANKS + b"!"), 413, "BODY_TOO_LARGE"),
    "blanks, in chunks": (JSON + CHUNKED, chunks(BLANKS + b" "), 413, "BODY_TOO_LARGE"),
    "too large a form, in chunks": (FORM + CHUNKED, chunks(BLANKS + DRY), 413, "BODY_TOO_LARGE"),
    "announced, but nothing came": (JSON + length(100), b"", 400, "BAD_REQUEST"),
    "announced, but blanks came": (JSON + length(100), b"  ", 400, "BAD_REQUEST"),
    "announced, but a part came": (JSON + length(100), b"{}", 400, "BAD_REQUEST"),
    "chunks that end in the middle": (JSON + CHUNKED, b"11\r\n" + DRY[:5], 400, "BAD_REQUEST"),
    "chunks without the last one": (JSON + CHUNKED, b"2\r\n{}\r\n", 400, "BAD_REQUEST"),
    "chunks of no size": (JSON + CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n", 400, "BAD_REQUEST"),
    "only a chunk's size": (JSON + CHUNKED, b"11\r\n", 400, "BAD_REQUEST"),
    "gzip": (
        JSON + b"Content-Encoding: gzip\r\n" + length(len(gzip.compress(DRY))),
        gzip.compress(DRY), 415, "NOT_JSON"),
    "called gzip, but plain": (
        JSON + b"Content-Encoding: gzip\r\n" + length(2), b"{}", 415, "NOT_JSON"),
    "called br, and empty": (JSON + b"Content-Encoding: br\r\n" + length(0), b"", 415, "NOT_JSON"),
    "gzip in chunks": (
        JSON + b"Transfer-Encoding: gzip, chunked\r\n", chunks(gzip.compress(DRY)), 415,
        "NOT_JSON"),
    "a form of fields": (FORM + length(12), b"dry_run=true", 400, "BAD_REQUEST"),
    "a form of fields, in chunks": (FORM + CHUNKED, chunks(b"dry_run=true"), 400, "BAD_REQUEST"),
    "UTF-16": (
        JSON + length(36), DRY.decode().encode("utf-16"), 400, "BAD_REQUEST"),
    "UTF-16 without a mark": (
        JSON + length(34), DRY.decode().encode("utf-16-le"), 400, "BAD_REQUEST"),
    "only a mark": (JSON + length(3), b"\xef\xbb\xbf", 400, "BAD_REQUEST"),
    "no JSON blank": (JSON + length(2), b"\x0b\x0c", 400, "BAD_REQUEST"),
    "a key twice": (JSON + length(35), b'{"dry_run": true, "dry_run": false}', 400, "BAD_REQUEST"),
    "a second object": (JSON + length(19), DRY + b"{}", 400, "BAD_REQUEST"),
    "NaN": (JSON + length(16), b'{"dry_run": NaN}', 400, "BAD_REQUEST"),
    "another key": (JSON + length(16), b'{"dryrun": true}', 400, "BAD_REQUEST"),
    "nested deeply": (JSON + length(40_000), b"[" * 40_000, 400, "BAD_REQUEST"),
}  # fmt: skip
ACCEPTED: dict[str, tuple[bytes, bytes, bool]] = {
    # headers, what is sent, whether it is a dry run
    "nothing": (JSON + length(0), b"", False),
    "nothing, in chunks": (JSON + CHUNKED, b"0\r\n\r\n", False),
    "blanks": (JSON + length(3), b" \r\n", False),
    "as large as may be": (
        JSON + length(LARGEST_BODY_BYTES), DRY + BLANKS[len(DRY) :], True),
    "as large as may be, in chunks": (JSON + CHUNKED, chunks(BLANKS[len(DRY) :] + DRY), True),
    "in chunks of one byte": (JSON + CHUNKED, chunks(DRY, 1), True),
    "curl -d": (FORM + length(len(DRY)), DRY, True),
    "curl -d, in chunks": (FORM + CHUNKED, chunks(DRY), True),
    "a mark in front": (JSON + length(len(DRY) + 3), b"\xef\xbb\xbf" + DRY, True),
    "identity": (JSON + b"Content-Encoding: identity\r\n" + length(len(DRY)), DRY, True),
    "no content type": (length(len(DRY)), DRY, True),
}  # fmt: skip


@pytest.fixture(scope="module")
def function(
    migrated: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionServer]:
    log = tmp_path_factory.mktemp("function") / "function.log"
    environment = {**migrated.environment(), "AUTONOMY_API_TOKEN": TOKEN}
    with FunctionServer(environment, log=log) as server:
        yield server


def send(
    server: FunctionServer, headers: bytes, sent: bytes, path: str = "/"
) -> tuple[int, dict[str, Any]]:
    """One request, after which we say no more; status and JSON of the answer."""
    host, port = server.url.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
    answer = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        with contextlib.suppress(OSError):  # the server need not take all of it
            connection.sendall(head.encode() + b"Connection: close\r\n" + headers + b"\r\n" + sent)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65536):
                answer += more
    first, _, body = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), json.loads(body)


def runs(stack: LocalStack) -> int:
    with psycopg.connect(stack.database_url) as db:
        row = db.execute("select count(*) from autonomous_runs").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("path", ["/", "/api/runs"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_whole_starts_no_run(
    fresh: LocalStack, function: FunctionServer, kind: str, path: str
) -> None:
    headers, sent, status, code = REFUSED[kind]
    got, answer = send(function, headers, sent, path)
    assert (got, answer["error"]["code"]) == (status, code), answer
    assert answer["success"] is False
    assert runs(fresh) == 0


@pytest.mark.parametrize("kind", ACCEPTED)
def test_what_is_whole_is_read_whole(
    fresh: LocalStack, function: FunctionServer, kind: str
) -> None:
    headers, sent, dry = ACCEPTED[kind]
    status, answer = send(function, headers, sent)
    assert status == 200, answer
    assert answer["result"]["dry_run"] is dry
    assert runs(fresh) == 1


@pytest.mark.parametrize("query", ["?dry_run=true", "?dryrun", "?dry_run="])
def test_a_query_is_no_body(fresh: LocalStack, function: FunctionServer, query: str) -> None:
    status, answer = send(function, JSON + length(0), b"", "/" + query)
    assert status == 400
    assert "dry" in answer["error"]["message"]
    assert runs(fresh) == 0

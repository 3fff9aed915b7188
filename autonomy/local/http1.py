"""As much of HTTP/1.1 as a pass-through proxy needs: heads, and where bodies end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

_PART_BYTES = 262_144
_HEAD_END = b"\r\n\r\n"
_HEX = re.compile(rb"[0-9A-Fa-f]{1,15}")

# The length of a body, or how its end is told.
Body = int | Literal["chunked"] | None


class MalformedError(Exception):
    """The other side does not speak HTTP/1.1 here."""


@dataclass
class Head:
    """A start line of three words and the header lines, in order and as they came."""

    words: list[str]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, raw: bytes) -> Head:
        first, *lines = raw[: -len(_HEAD_END)].decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) == 2 and words[0].startswith("HTTP/"):
            words.append("")
        if len(words) != 3:
            raise MalformedError("The first line of the message has not three words")
        return cls(words, lines)

    def get(self, name: str) -> str | None:
        prefix = f"{name}:"
        for line in self.lines:
            if line[: len(prefix)].lower() == prefix:
                return line[len(prefix) :].strip()
        return None

    def add(self, name: str, content: str) -> None:
        self.lines.append(f"{name}: {content}")

    def drop_connection(self) -> None:
        """`Connection` speaks of one hop only."""
        self.lines = [line for line in self.lines if not line.lower().startswith("connection:")]

    def keep_alive(self, version: str) -> bool:
        connection = (self.get("connection") or "").lower()
        return version == "HTTP/1.1" and "close" not in connection and "upgrade" not in connection

    def is_interim(self) -> bool:
        return self.words[1].startswith("1")

    def encode(self) -> bytes:
        return "\r\n".join([" ".join(self.words), *self.lines, "", ""]).encode("latin-1")


async def end_of_head(reader: asyncio.StreamReader) -> bytes:
    """One head; empty where the other side closed in between two messages."""
    try:
        return await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""
    except asyncio.LimitOverrunError:
        raise MalformedError("The headers are too long") from None


def request_body(request: Head) -> Body:
    length, encoding = request.get("content-length"), request.get("transfer-encoding")
    if encoding is not None:
        if length is not None:
            raise MalformedError("Content-Length and Transfer-Encoding exclude each other")
        return "chunked"
    return _length(length) if length is not None else 0


def response_body(response: Head, method: str) -> Body:
    """None: the body ends with the connection."""
    if method == "HEAD" or response.words[1] in ("204", "304"):
        return 0
    if response.get("transfer-encoding") is not None:
        return "chunked"
    length = response.get("content-length")
    return _length(length) if length is not None else None


async def read_body(reader: asyncio.StreamReader, kind: Body) -> AsyncIterator[bytes]:
    """The octets of a body as they stand on the wire, chunk marks included."""
    if kind is None:
        while part := await reader.read(_PART_BYTES):
            yield part
    elif kind == "chunked":
        async for part in _chunks(reader):
            yield part
    else:
        async for part in _exactly(reader, kind):
            yield part


async def _exactly(reader: asyncio.StreamReader, count: int) -> AsyncIterator[bytes]:
    while count:
        part = await reader.read(min(count, _PART_BYTES))
        if not part:
            raise asyncio.IncompleteReadError(b"", count)
        count -= len(part)
        yield part


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        mark = await reader.readuntil(b"\r\n")
        size = mark.split(b";")[0].strip()
        if not _HEX.fullmatch(size):
            raise MalformedError("A chunk has no size")
        count = int(size, 16)
        if count == 0:
            break
        # A mark travels with the octets it announces.
        async for part in _exactly(reader, count + 2):
            yield mark + part if mark else part
            mark = b""
    while True:  # the trailer, up to its empty line
        line = await reader.readuntil(b"\r\n")
        yield mark + line if mark else line
        mark = b""
        if line == b"\r\n":
            return


def _length(text: str) -> int:
    if not text.isdecimal():
        raise MalformedError("Content-Length is not a number")
    return int(text)

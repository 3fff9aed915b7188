"""Serves PostgREST under /rest/v1, as the gateway of a hosted project does.

An unmodified supabase client asks for /rest/v1/..., PostgREST serves at /. Everything but that
prefix and a missing Authorization passes through unchanged, with keep-alive on both sides:
each connection of a client has one connection to PostgREST for as long as it lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping

from autonomy.local.children import die_with_parent
from autonomy.local.http1 import (
    Body,
    Head,
    MalformedError,
    end_of_head,
    read_body,
    request_body,
    response_body,
)

PREFIX = "/rest/v1"
_CHUNK_BYTES = 262_144
_CONNECT_SECONDS = 5.0
# PostgREST closes idle connections after 30 seconds; one that is nearly as old is not used
# again, because a request that meets its closing could not be repeated safely.
_REUSE_SECONDS = 20.0
_DISCARD_SECONDS = 2.0


class Upstream:
    """The connection to PostgREST behind one client connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sending: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used_at = 0.0
        self.reader = asyncio.StreamReader()

    async def open(self) -> None:
        if self._reusable():
            return
        self.close()
        async with asyncio.timeout(_CONNECT_SECONDS):
            connection = asyncio.open_connection("127.0.0.1", self._port, limit=_CHUNK_BYTES)
            self.reader, self._writer = await connection
        # A stream whose writing fails drops what it has not yet read, and that may be the
        # refusal which made the writing fail. So the two ways go through two handles.
        self._sending = self._writer.get_extra_info("socket").dup()
        self._sending.setblocking(False)

    def _reusable(self) -> bool:
        fresh = time.monotonic() - self._used_at < _REUSE_SECONDS
        open_still = self._writer is not None and not self._writer.is_closing()
        return fresh and open_still and not self.reader.at_eof()

    async def send(self, part: bytes) -> None:
        if self._sending is None:
            raise ConnectionResetError
        await asyncio.get_running_loop().sock_sendall(self._sending, part)

    def used(self) -> None:
        self._used_at = time.monotonic()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._sending is not None:
            self._sending.close()
            self._sending = None


class Conversation:
    """One client connection: its requests, one after the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.upstream = Upstream(port)

    async def run(self) -> None:
        try:
            while await self._one_request():
                pass
        except (OSError, EOFError):
            pass  # the client went away
        except MalformedError as error:
            with contextlib.suppress(OSError):
                await self._refuse(400, str(error), "Send a well-formed HTTP/1.1 request.")
        finally:
            self.upstream.close()
            self.writer.close()

    async def _one_request(self) -> bool:
        raw = await end_of_head(self.reader)
        if not raw:
            return False
        request = Head.parse(raw)
        body = request_body(request)
        target = _target(request.words[1])
        if target is None:
            return await self._turn_away(request, body)
        request.words[1] = target
        if request.get("authorization") is None and (key := request.get("apikey")):
            request.add("Authorization", f"Bearer {key}")
        keep_alive = request.keep_alive(request.words[2])
        request.drop_connection()
        try:
            await self.upstream.open()
        except (OSError, TimeoutError):
            message = "PostgREST is not running"
            return await self._fail(body, 503, message, "Wait for it, or restart the stack.")
        return await self._exchange(request, body) and keep_alive

    async def _exchange(self, request: Head, body: Body) -> bool:
        # The body goes up while the answer is awaited: a refusal can come before its end.
        sending = asyncio.create_task(self._send(request, body))
        try:
            answered = await self._answer(request)
            await asyncio.wait([sending], timeout=_DISCARD_SECONDS)
            sent = sending.done() and sending.exception() is None and sending.result()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if answered is None:
            message = "PostgREST ended the connection without an answer"
            hint = "The request may have been carried out. Look before sending it again."
            return await self._fail(0, 502, message, hint)
        self.upstream.used()
        return answered and sent

    async def _send(self, request: Head, body: Body) -> bool:
        """Whether the whole body went up. What does not is still taken from the client,
        because closing on unread octets would reset the connection before the answer is read."""
        sent = await self._try_to_send(request.encode())
        async for part in read_body(self.reader, body):
            sent = sent and await self._try_to_send(part)
        return sent

    async def _try_to_send(self, part: bytes) -> bool:
        try:
            await self.upstream.send(part)
        except OSError:
            return False
        return True

    async def _answer(self, request: Head) -> bool | None:
        """Passes the answer on. None: there was none; False: the connection cannot go on."""
        while True:
            try:
                raw = await end_of_head(self.upstream.reader)
            except (OSError, EOFError):
                raw = b""
            if not raw:
                return None
            response = Head.parse(raw)
            if not response.is_interim():
                break
            self.writer.write(raw)
            await self.writer.drain()
        kind = response_body(response, request.words[0])
        lasting = response.keep_alive(response.words[0]) and kind is not None
        await self._pass_on(raw, read_body(self.upstream.reader, kind))
        return lasting

    async def _pass_on(self, head: bytes, body: AsyncIterator[bytes]) -> None:
        pending = head
        async for part in body:
            # Head and first part leave together: one packet for most answers.
            self.writer.write(pending + part if pending else part)
            pending = b""
            await self.writer.drain()
        if pending:
            self.writer.write(pending)
            await self.writer.drain()

    async def _turn_away(self, request: Head, body: Body) -> bool:
        if request.words[1].split("?")[0] == "/":
            self.writer.write(_answer(200, {"service": "rest", "at": PREFIX}, close=True))
            await self.writer.drain()
            return False
        message = f"Nothing is served at {request.words[1].split('?')[0]}"
        hint = f"The local stack serves the database only, at {PREFIX}/."
        return await self._fail(body, 404, message, hint)

    async def _fail(self, unread: Body, status: int, message: str, hint: str) -> bool:
        with contextlib.suppress(TimeoutError, OSError, EOFError, MalformedError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                async for _ in read_body(self.reader, unread):
                    pass
        await self._refuse(status, message, hint)
        return False

    async def _refuse(self, status: int, message: str, hint: str) -> None:
        error = {"code": f"BRIDGE{status}", "message": message, "details": None, "hint": hint}
        self.writer.write(_answer(status, error, close=True))
        await self.writer.drain()


def _target(target: str) -> str | None:
    """What to ask PostgREST for; None where the target is not under the prefix."""
    if not target.startswith(PREFIX):
        return None
    rest = target[len(PREFIX) :]
    if rest == "" or rest.startswith("?"):
        return f"/{rest}"
    return rest if rest.startswith("/") else None


def _answer(status: int, content: Mapping[str, object], *, close: bool) -> bytes:
    reasons = {200: "OK", 400: "Bad Request", 404: "Not Found", 502: "Bad Gateway"}
    body = json.dumps(content).encode()
    lines = [
        f"HTTP/1.1 {status} {reasons.get(status, 'Service Unavailable')}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        *(["Connection: close"] if close else []),
        *(["Retry-After: 1"] if status == 503 else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def serve(listener: socket.socket, upstream_port: int) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # At the end of the bridge idle conversations are cancelled, which is no event for the log.
        with contextlib.suppress(asyncio.CancelledError):
            await Conversation(reader, writer, upstream_port).run()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # The supervisor never writes here: readable means that it is gone.
    loop.add_reader(sys.stdin.fileno(), stop.set)
    server = await asyncio.start_server(converse, sock=listener, limit=_CHUNK_BYTES)
    await stop.wait()
    server.close()


def _drop_rights(uid: int, gid: int) -> None:
    # Here and not at the start of the process: the interpreter may lie where only root can go.
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    die_with_parent(signal.SIGKILL)  # a change of user clears it


def main() -> int:
    descriptor, upstream_port, uid, gid = (int(word) for word in sys.argv[1:5])
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    if uid:
        _drop_rights(uid, gid)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(listener, upstream_port))
    return 0


if __name__ == "__main__":
    sys.exit(main())

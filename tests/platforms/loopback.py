"""What both fakes are built on: a server on this machine, the calls it saw, faults on order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.platforms.world import World


@dataclass(frozen=True)
class Call:
    """One request, as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: Any
    """Parsed JSON, where it is JSON."""
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def params(self) -> dict[str, str]:
        return {**self.query, **self.form}


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the next `times` calls for which `when` holds (0: with all)."""

    answer: Answer | None
    """None: the connection ends without a word."""
    times: int = 1
    when: Callable[[Call], bool] = lambda _: True
    carried_out: bool = False
    """The call is obeyed before its answer is replaced: the lost answer."""
    seconds: float = 0.0
    """How long nothing is said first."""
    skip: int = 0
    """So many of these calls go well before: the limit in the middle of a series."""
    late: bool = False
    """Obeyed at once; its own answer comes after the wait, when nobody may listen any more."""
    twice: bool = False
    """Obeyed twice, as when something on the way sends it again."""


class Loopback:
    """A server in a thread. What it answers is `answer`; what it is told to break, breaks first."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def answer(self, call: Call) -> Answer:
        raise NotImplementedError

    def fault_answer(self, name: str) -> Answer:
        """The answer of an error by its name, for those who order one over HTTP."""
        raise NotImplementedError

    def listen(self, port: int = 0) -> str:
        """Starts, and gives the address without a path."""
        server = ThreadingHTTPServer(
            ("127.0.0.1", port), type("Handler", (_Handler,), {"fake": self})
        )
        server.daemon_threads = True
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self.root

    @property
    def root(self) -> str:
        assert self._server is not None, "not started"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._thread is not None:
            self._thread.join()
        self._server = self._thread = None

    def fail(
        self,
        answer: Answer | None,
        *,
        times: int = 1,
        when: Callable[[Call], bool] = lambda _: True,
        carried_out: bool = False,
        seconds: float = 0.0,
        skip: int = 0,
        late: bool = False,
        twice: bool = False,
    ) -> Fault:
        """Orders a fault; earlier orders go first."""
        fault = Fault(answer, times, when, carried_out, seconds, skip, late, twice)
        with self.lock:
            self.faults.append(fault)
        return fault

    def handle(self, call: Call) -> Answer | None:
        """None: the connection is to end."""
        if call.path.startswith("/_fake/"):
            from tests.platforms import control

            with self.lock:
                return control.answer(self, call)
        with self.lock:
            self.calls.append(call)
            fault = self._due(call)
        if fault is None:
            with self.lock:
                return self.answer(call)
        if fault.late or fault.twice:
            with self.lock:
                answers = [self.answer(call) for _ in range(1 + fault.twice)]
            time.sleep(fault.seconds)
            return answers[-1]
        time.sleep(fault.seconds)
        if fault.carried_out:
            with self.lock:
                obeyed = self.answer(call)
            if obeyed.status >= 400:
                return obeyed
        return fault.answer

    def _due(self, call: Call) -> Fault | None:
        for fault in self.faults:
            if not fault.when(call):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times:
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
            return fault
        return None


def mentions(text: str, method: str | None = None) -> Callable[[Call], bool]:
    """Holds for calls whose path or body has that text, of that method if one is named."""

    def holds(call: Call) -> bool:
        said = json.dumps([call.path, dict(call.params), call.body])
        return text in said and method in (None, call.method)

    return holds


class _Handler(BaseHTTPRequestHandler):
    fake: Loopback
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        answer = self.fake.handle(self._call(self.rfile.read(length)))
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    def _call(self, body: bytes) -> Call:
        parts = urlsplit(self.path)
        form: dict[str, str] = {}
        parsed: Any = None
        if "json" in (self.headers.get("Content-Type") or ""):
            parsed = _parsed(body)
        elif body:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return Call(
            self.command, parts.path,
            dict(parse_qsl(parts.query, keep_blank_values=True)), form, parsed,
            {name.lower(): value for name, value in self.headers.items()},
        )  # fmt: skip

    def _send(self, answer: Answer) -> None:
        raw = answer.body
        content = raw.encode() if isinstance(raw, str) else json.dumps(raw).encode()
        try:
            self.send_response(answer.status)
            kind = "text/html" if isinstance(raw, str) else "application/json; charset=UTF-8"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked has gone

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: addresses may carry tokens."""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body.decode(errors="replace")

"""A proxy before the database's API that loses requests, or answers, when told to."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class LossyProxy:
    """Passes everything on to `upstream`, but for what `lose` asks for."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._lock = threading.Lock()
        self._wanted = ""  # part of a path
        self._times = 0
        self._after_commit = True
        self.lost = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def lose(self, path: str, *, times: int = 1, after_commit: bool = True) -> Iterator[None]:
        """The next calls of that path: cut before they arrive, or after they were carried out."""
        with self._lock:
            self._wanted, self._times, self._after_commit, self.lost = path, times, after_commit, 0
        yield
        with self._lock:
            self._wanted = ""

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _fate(self, path: str) -> str:
        with self._lock:
            if not self._wanted or self._wanted not in path or self.lost >= self._times:
                return "pass"
            self.lost += 1
            return "lose the answer" if self._after_commit else "lose the request"

    def _handler(proxy: LossyProxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fate = proxy._fate(self.path)
                answer = None if fate == "lose the request" else self._ask(body)
                if answer is None or fate == "lose the answer":
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
                connection = http.client.HTTPConnection(proxy._upstream, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
                try:
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    return answer.status, answer.getheaders(), answer.read()
                except OSError:
                    return None
                finally:
                    connection.close()

            do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = _pass_on  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler

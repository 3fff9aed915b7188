"""A local HTTP server that gives prepared answers and remembers the calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]


class Answers:
    """`queue` is answered from; empty, `otherwise` is the answer. `calls` are what came in."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.queue: list[Answer] = []
        self.otherwise: Answer = (200, {}, {"success": True})
        self.url = ""


@contextmanager
def answering() -> Iterator[Answers]:
    """Serve on a free port for as long as this block."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answers.calls.append({"headers": dict(self.headers), "body": json.loads(body)})
            status, headers, answer = answers.queue.pop(0) if answers.queue else answers.otherwise
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        answers.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield answers
        finally:
            server.shutdown()

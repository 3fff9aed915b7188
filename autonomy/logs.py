"""Structured logs in the platform's format: one JSON object a line, no keys, no personal data."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

log = logging.getLogger("autonomy")

trace: ContextVar[str] = ContextVar("trace", default="")
"""The request's trace (X-Cloud-Trace-Context up to the slash): joins ours to the platform's."""


class JsonLines(logging.Formatter):
    """`severity`, `message`, `time` and the fields that the line carries."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; an exception's type and place, never its locals."""
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            **getattr(record, "fields", {}),
        }
        if trace.get():
            entry["logging.googleapis.com/trace"] = trace.get()
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send our logger to standard error, once a process."""
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        log.addHandler(handler)
        log.propagate = False
    log.setLevel(level)


def say(message: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log one line with fields (`run_id`, `step`, counts, `duration_ms`)."""
    log.log(level, message, extra={"fields": fields})


@contextmanager
def step(name: str, **fields: Any) -> Iterator[dict[str, Any]]:
    """Log a step of a run with its duration in milliseconds; the block may add counts."""
    counts: dict[str, Any] = {}
    started = time.monotonic()
    try:
        yield counts
    finally:
        elapsed = round((time.monotonic() - started) * 1000, 1)
        say(f"step {name}", step=name, duration_ms=elapsed, **fields, **counts)

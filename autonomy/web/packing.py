"""Answers are packed with gzip for callers that take it.

A packed page could give its secrets away by its length, to whoever may put words into it and make
the browser ask for it over and over. No other site can: the session's cookie is SameSite=Strict.
Where it is not, because the dashboard stands in a frame of another, only files of ours are packed.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Response, request

PACKED = ("text/", "application/json", "image/svg+xml")
SHORTEST = 1000
"""Bytes below which nothing is saved."""


def pack(response: Response, *, embedded: bool = False) -> Response:
    """After each request: a read answer, packed where the caller takes that."""
    kind = response.mimetype or ""
    if request.method != "GET" or response.status_code != 200 or not kind.startswith(PACKED):
        return response
    response.vary.add("Accept-Encoding")
    if (
        response.is_streamed
        or "Content-Encoding" in response.headers
        or request.accept_encodings["gzip"] <= 0
    ):
        return response
    kept = "max-age" in response.headers.get("Cache-Control", "")
    body = response.get_data()
    if len(body) >= SHORTEST and (kept or not embedded):
        response.set_data(_packed_for_long(body) if kept else gzip.compress(body, 5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


@lru_cache(maxsize=32)
def _packed_for_long(body: bytes) -> bytes:
    """A file of ours: packed once, as tightly as can be."""
    return gzip.compress(body, 9, mtime=0)

"""Style sheets, scripts and the libraries that come with the project, kept in memory."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response

from autonomy.errors import NotFound

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@cache
def files() -> dict[str, bytes]:
    """Name and content of each file; no other path is ever opened."""
    return {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.suffix in TYPES}


@cache
def version(name: str) -> str:
    """Ten digits of the file's digest: a changed file has another address."""
    return hashlib.sha256(files()[name]).hexdigest()[:10]


def static_routes() -> Blueprint:
    """The blueprint with /assets/; files may be kept: their address changes with them.

    Not /static/: that path functions-framework keeps to itself.
    """
    routes = Blueprint("statics", __name__)

    @routes.get("/assets/<name>")
    def static_file(name: str) -> Response:
        content = files().get(name)
        if content is None:
            raise NotFound("There is no such file.")
        response = Response(content, mimetype=TYPES[Path(name).suffix])
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return routes

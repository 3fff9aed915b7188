"""Style sheets, scripts and the libraries that come with the project."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@lru_cache(maxsize=64)
def version(name: str) -> str:
    """Ten digits of the file's digest: a changed file has another address."""
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:10]


def static_routes() -> Blueprint:
    """The blueprint with /static/; files may be kept: their address changes with them."""
    routes = Blueprint("statics", __name__)

    @routes.get("/static/<name>")
    def static_file(name: str) -> Response:
        response = send_from_directory(FOLDER, name, mimetype=TYPES.get(Path(name).suffix))
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    return routes

"""/openapi.json"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify


def openapi_routes() -> Blueprint:
    """The blueprint."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return jsonify({})

    return routes

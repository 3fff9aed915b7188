"""What the application serves of the API."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from autonomy.config import Settings
from autonomy.run.request import RunAnswer
from autonomy.store import Store
from autonomy.web.api.routes import OPERATIONS, Api
from autonomy.web.auth.access import Access


def api_routes(
    settings: Settings, store: Store, access: Access, start_run: Callable[..., RunAnswer]
) -> Blueprint:
    """The blueprint under /api."""
    api = Api(settings, store, access, start_run)
    routes = Blueprint("api", __name__)
    for one in OPERATIONS:
        rule = one.path.replace("{", "<uuid:").replace("}", ">")
        routes.add_url_rule(rule, one.name, api.answering(one), methods=[one.method])
    return routes


def openapi_routes() -> Blueprint:
    """The blueprint; the description holds no secret and needs no token."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        from autonomy.web.api.openapi import document  # made when it is asked for

        return jsonify(document())

    return routes

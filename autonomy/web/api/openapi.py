"""/openapi.json: what is served, described so that a program can call and check it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

import autonomy
from autonomy.errors import BadRequest
from autonomy.rules.schema import rule_schema
from autonomy.run.request import RunRequest
from autonomy.run.sent import Sent
from autonomy.web.api import answers, drafts, funnel, lists, month, proofs, rows
from autonomy.web.api.routes import OPERATIONS, Operation
from autonomy.web.auth.sessions import COOKIE
from autonomy.web.parsing import KEY_PATTERN, LARGEST_BODY_BYTES, Parameters

Schema = dict[str, Any]

ERRORS = {
    400: "The body, a header or a parameter is wrong; the message names it.",
    401: "No token, or one that is not known.",
    403: "This caller may not do it.",
    404: "There is no such thing.",
    405: "This path does not take this method; Allow lists those that it takes.",
    409: "The state is not the one that the call presumes, or a run is in progress (Retry-After).",
    413: f"The body is larger than {LARGEST_BODY_BYTES} bytes.",
    415: "The body is declared as something other than JSON, or as compressed.",
    422: "The idempotency key was used with other parameters, or a value lies beyond a limit.",
    429: "Too many failed tries; Retry-After says how long to wait.",
    503: "Not configured, or the database cannot be reached; see code and hint.",
}
READING = (400, 401, 403, 405, 413, 415, 429, 503)
WRITING = (*READING, 409, 422)
OPEN = ("Alive", "Error", "Ready")
"""Answers of what needs no token, and of what went wrong."""
IDEMPOTENCY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN.pattern}$"},
    "description": "The same key gives the stored answer, byte for byte, and does nothing more.",
}
ID: Schema = {"type": "string", "format": "uuid"}
NULL: Schema = {"type": "null"}
COMPONENTS = "#/components/schemas/"
SCHEMES: Schema = {
    "token": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Set by the sign-in form. Unsafe methods need Origin and X-CSRF-Token.",
    },
}


class Described(GenerateJsonSchema):
    """JSON Schema without what goes without saying: titles, and that what is left out is null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Names need no second writing."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """A default of null is none: the key is left out."""
        found = super().default_schema(schema)
        return {k: v for k, v in found.items() if not (k == "default" and v is None)}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    paths = _fixed_paths()
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _described(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Autonomous operations",
            "version": autonomy.__version__,
            "description": "Runs, actions, opportunities, rules and campaigns. Unknown fields and "
            "parameters are refused; times are ISO 8601, in UTC where no zone is given.",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {"schemas": components(), "securitySchemes": SCHEMES},
    }


def _described(one: Operation) -> dict[str, Any]:
    named = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": ID} for name in named]
    found: dict[str, Any] = {"parameters": parameters}
    codes = {*WRITING}
    if issubclass(one.takes, Parameters):
        codes = {*READING}
        parameters += query_parameters(one.takes)
    elif one.takes is not Sent:
        found["requestBody"] = _body(one.takes)
    if one.takes is RunRequest:
        parameters.append(IDEMPOTENCY)
    if named or {"account", "after", "rule_id"} & one.takes.model_fields.keys():
        codes.add(404)
    tag = one.path.split("/")[2]
    described = _operation(one.name, tag, one.summary, codes, ref(one.answer), one.success)
    if "format" in one.takes.model_fields:
        good = described["responses"][str(one.success)]
        good["content"]["text/csv"] = {"schema": {"type": "string"}}
        good["headers"] = {"X-Next-After": {"schema": {"type": "string"}}}
    return described | found


def query_parameters(model: type[Parameters]) -> list[Schema]:
    """The parameters of a query; none is needed."""
    properties = model.model_json_schema(schema_generator=Described).get("properties", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            **({"description": schema.pop("description")} if "description" in schema else {}),
            "schema": _without_null(schema),
        }
        for name, schema in properties.items()
    ]


def _without_null(schema: Schema) -> Schema:
    """A query cannot say null."""
    options = [one for one in schema.pop("anyOf", []) if one != NULL]
    return schema | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})


@cache
def components() -> dict[str, Schema]:
    """All requests and answers by name, with what they are made of."""
    sent = {one.takes for one in OPERATIONS if not issubclass(one.takes, Parameters)} - {Sent}
    known = {
        **vars(rows),
        **vars(funnel),
        **vars(month),
        **vars(drafts),
        **vars(proofs),
        **vars(answers),
        **vars(lists),
    }
    given = {known[name] for name in (*(one.answer for one in OPERATIONS), *OPEN)}
    models: list[Any] = [(model, "validation") for model in sent]
    models += [(model, "serialization") for model in given]
    _, found = models_json_schema(
        sorted(models, key=lambda one: one[0].__name__),
        schema_generator=Described,
        ref_template=COMPONENTS + "{model}",
    )
    # The language of rules says more of itself than its models do.
    language = json.loads(json.dumps(rule_schema()).replace("#/$defs/", COMPONENTS))
    schemas: dict[str, Schema] = found["$defs"] | language["$defs"]
    for name in ("NewRule", "RuleChange"):
        schemas[name]["allOf"] = language["allOf"]
    for schema in schemas.values():
        schema.pop("title", None)
    return schemas


def _fixed_paths() -> dict[str, Any]:
    """What is not below /api: a run, the dashboard, health, this document."""
    run = _operation("run", "runs", "One run: the scheduler's call", WRITING, ref("RunAnswer")) | {
        "description": "Reads rules and campaigns, decides, acts, detects, answers with a summary. "
        "Takes the operator's token or the scheduler's OIDC token, no session.",
        "security": [{"token": []}],
        "parameters": [IDEMPOTENCY],
        "requestBody": _body(RunRequest),
    }
    summary = "The dashboard's first page, for people; the others are linked from it"
    page = _operation("dashboard", "dashboard", summary, READING, {})
    page["responses"] |= {
        "200": {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}},
        "303": {"description": "A browser that is not signed in is led to the form."},
    }
    ready = _open("readyz", "Database reachable, migrations current, runs succeeding", ref("Ready"))
    ready["responses"]["503"] = {"description": "See reason", "content": _json(ref("Ready"))}
    return {
        "/": {"post": run, "get": page},
        "/healthz": {"get": _open("healthz", "The process is up", ref("Alive"))},
        "/readyz": {"get": ready},
        "/openapi.json": {"get": _open("openapi", "This document", {"type": "object"})},
    }


def _open(name: str, summary: str, answer: Schema) -> dict[str, Any]:
    """A GET that needs no token."""
    return _operation(name, "health", summary, (405, 413, 415), answer) | {"security": []}


def _operation(
    name: str, tag: str, summary: str, codes: Iterable[int], answer: Schema, success: int = 200
) -> dict[str, Any]:
    good = {"description": "Done", "content": _json(answer)}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "responses": {str(success): good, **{str(code): _error(code) for code in sorted(codes)}},
    }


def ref(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": COMPONENTS + name}


def _error(code: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": ERRORS[code], "content": _json(ref("Error"))}
    if code == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if code == 429:
        answer["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    return answer


def _body(model: type[Sent]) -> dict[str, Any]:
    return {"required": needed(model), "content": _json(ref(model.__name__))}


def needed(model: type[Sent]) -> bool:
    """Whether an empty body will not do."""
    try:
        model.parse({})
    except BadRequest:
        return True
    return False


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

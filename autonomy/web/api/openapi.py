"""/openapi.json: what is served, described so that a program can call and check it."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from flask import Blueprint, Response, jsonify

import autonomy
from autonomy.web.api.schema_parts import BOUND, ID, TEXT, TIME, Schema, ref, shape
from autonomy.web.api.schemas import schemas
from autonomy.web.filters import OPPORTUNITY_STATUSES, OPPORTUNITY_TYPES
from autonomy.web.formats import ACTION_NAMES, SEVERITIES, STATUSES
from autonomy.web.parsing import LARGEST_BODY_BYTES

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
READING = (400, 401, 403, 429, 503)
WRITING = (400, 401, 403, 409, 413, 415, 422, 429, 503)


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    summary: str
    answer: str
    """The component that a success gives."""
    body: str | None = None
    parameters: tuple[Schema, ...] = ()
    body_needed: bool = False
    success: int = 200


def query(name: str, schema: Schema, description: str = "") -> Schema:
    """A query parameter; none is needed."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


def whole(name: str, default: int, lowest: int, highest: int) -> Schema:
    """A whole number as a query parameter."""
    bounds = {"type": "integer", "minimum": lowest, "maximum": highest, "default": default}
    return query(name, bounds)


AFTER = query(
    "after",
    {"type": "string", "pattern": "^[A-Za-z0-9_=-]{1,400}$"},
    "next_after of the page before, as it was given",
)
LIMIT = whole("limit", 50, 1, 200)
SHORT: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": "^[^\\u0000]*[^\\u0000\\s][^\\u0000]*$",
}
IDEMPOTENCY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    "description": "The same key gives the stored answer, byte for byte, and does nothing more.",
}

OPERATIONS = (
    Operation("get", "/api/overview", "State, totals, daily figures", "Overview",
              parameters=(whole("days", 30, 1, 366),
                          query("since", TIME, "the last visit; without it 24 hours ago"),
                          query("currency", {"type": "string", "pattern": "^([A-Z]{3}|unknown)$"},
                                "which of currencies the money is in; without it the first"))),
    Operation("get", "/api/attention", "Under-performers and scaling candidates", "Attention",
              parameters=(whole("limit", 10, 1, 200),)),
    Operation("get", "/api/insights", "What was learnt this week, in sentences", "Insights"),
    Operation("get", "/api/actions", "Actions, newest first", "Actions", parameters=(
        query("action_type", {"enum": list(ACTION_NAMES)}),
        query("status", {"enum": list(STATUSES)}),
        query("rule_id", ID), query("run_id", ID), query("campaign_id", ID),
        query("title", SHORT, "contained in the campaign's title"),
        query("from", BOUND), query("to", BOUND), AFTER, LIMIT)),
    Operation("get", "/api/actions/{action_id}", "One action with its evidence",
              "ActionWithEvidence"),
    Operation("post", "/api/actions/{action_id}/approve", "Carry out a pending action",
              "ActionWithEvidence", "Decide"),
    Operation("post", "/api/actions/{action_id}/reject", "Refuse a pending action",
              "ActionWithEvidence", "Decide"),
    Operation("post", "/api/actions/{action_id}/rollback", "Take back one action", "RolledBack",
              "RollbackOne"),
    Operation("post", "/api/rollback", "Take back a selection, a run, a rule's actions or a span",
              "RolledBack", "Rollback", body_needed=True),
    Operation("get", "/api/opportunities", "Opportunities of one status, the most severe first",
              "Opportunities", parameters=(
                  query("status", {"enum": list(OPPORTUNITY_STATUSES), "default": "open"}),
                  query("severity", {"enum": list(SEVERITIES)}),
                  query("opportunity_type", {"enum": list(OPPORTUNITY_TYPES)}),
                  query("campaign_id", ID), AFTER, LIMIT)),
    Operation("get", "/api/opportunities/{opportunity_id}", "One opportunity", "Opportunity"),
    Operation("post", "/api/opportunities/{opportunity_id}/status", "Start, resolve, dismiss",
              "Opportunity", "OpportunityStatus", body_needed=True),
    Operation("get", "/api/rules", "All rules by priority", "Rules"),
    Operation("post", "/api/rules", "A new rule; inactive unless it says otherwise", "Rule",
              "NewRule", body_needed=True, success=201),
    Operation("post", "/api/rules/preview",
              "What runs would decide now, and would have over 30 days, with this rule", "Preview",
              "PreviewRule", body_needed=True),
    Operation("get", "/api/rules/history", "Changes of rules, newest first", "RuleHistory",
              parameters=(query("rule_id", ID), LIMIT)),
    Operation("get", "/api/rules/findings", "What is wrong with the rules", "Findings"),
    Operation("get", "/api/rules/scoreboard", "What each rule has achieved in 90 days",
              "Scoreboard"),
    Operation("get", "/api/rules/templates", "Rules to start from", "Templates"),
    Operation("get", "/api/rules/{rule_id}", "One rule", "ListedRule"),
    Operation("patch", "/api/rules/{rule_id}", "Change the keys given", "Rule", "RuleChange",
              body_needed=True),
    Operation("get", "/api/campaigns", "Campaigns, the biggest spenders first", "Campaigns",
              parameters=(query("title", SHORT, "contained in the title, or the id"),
                          query("status", {"enum": ["active", "paused"]}), AFTER, LIMIT)),
    Operation("get", "/api/campaigns/{campaign_id}", "One campaign", "Campaign",
              parameters=(whole("days", 60, 1, 400),)),
    Operation("patch", "/api/campaigns/{campaign_id}", "Hold, release, automation on or off",
              "CampaignState", "CampaignChange", body_needed=True),
    Operation("get", "/api/campaigns/{campaign_id}/explanation",
              "What would happen to it now, and why", "Explanation"),
    Operation("get", "/api/runs", "Runs, newest first", "Runs", parameters=(AFTER, LIMIT)),
    Operation("post", "/api/runs", "One run, as POST /", "RunAnswer", "RunRequest",
              parameters=(IDEMPOTENCY,)),
    Operation("get", "/api/runs/{run_id}", "One run with its whole summary", "RunWithActions"),
    Operation("get", "/api/accounts", "Accounts, those with the most active campaigns first",
              "Accounts", parameters=(
                  query("account", {"type": "string", "maxLength": 1000}, "this one only"),
                  whole("limit", 200, 1, 200))),
    Operation("patch", "/api/accounts", "Change the settings given; null: the policy's",
              "Account", "AccountChange", body_needed=True),
    Operation("get", "/api/policy", "Mode and limits", "Policy"),
    Operation("patch", "/api/policy", "Change the settings given", "Policy", "PolicyChange",
              body_needed=True),
)  # fmt: skip


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, Any] = {"/": {"post": _run(), "get": _dashboard()}, **_open_paths()}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _described(one)
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
        "components": {"schemas": schemas(), "securitySchemes": _schemes()},
    }


def openapi_routes() -> Blueprint:
    """The blueprint; the description holds no secret and needs no token."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(document())

    return routes


def _described(one: Operation) -> dict[str, Any]:
    named = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    codes = WRITING if one.method != "get" else READING
    operation: dict[str, Any] = {
        "operationId": _name(one),
        "summary": one.summary,
        "tags": [one.path.split("/")[2]],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": ID} for name in named),
            *one.parameters,
        ],
        "responses": _responses(one.answer, one.success, (*codes, 404) if named else codes),
    }
    if one.path in ("/api/rules/preview", "/api/accounts") or AFTER in one.parameters:
        operation["responses"]["404"] = _error(404)
    if one.body is not None:
        operation["requestBody"] = _body(one.body, one.body_needed)
    return operation


def _name(one: Operation) -> str:
    words = [part.strip("{}") for part in one.path.split("/")[2:]]
    return "_".join([one.method, *words])


def _run() -> dict[str, Any]:
    return {
        "operationId": "run",
        "summary": "One run: the scheduler's call",
        "description": "Reads rules and campaigns, decides, acts, detects, answers with a summary. "
        "Takes the operator's token or the scheduler's OIDC token, no session.",
        "tags": ["runs"],
        "security": [{"token": []}],
        "parameters": [IDEMPOTENCY],
        "requestBody": _body("RunRequest", needed=False),
        "responses": _responses("RunAnswer", 200, WRITING),
    }


def _dashboard() -> dict[str, Any]:
    html = {"text/html": {"schema": {"type": "string"}}}
    page = {"description": "The dashboard", "content": html}
    return {
        "operationId": "dashboard",
        "summary": "The dashboard's first page, for people; the others are linked from it",
        "tags": ["dashboard"],
        "responses": {
            "200": page,
            "303": {"description": "A browser that is not signed in is led to the form."},
            **{str(code): _error(code) for code in (401, 403, 429, 503)},
        },
    }


def _open_paths() -> dict[str, Any]:
    """Health and this document: no token needed."""
    alive = shape({"status": {"const": "ok"}, "version": TEXT})
    plain = {"tags": ["health"], "security": []}
    not_ready = {"description": "Not ready: see reason.", "content": _json(ref("Ready"))}
    return {
        "/healthz": {
            "get": {**plain, "operationId": "healthz", "summary": "The process is up",
                    "responses": {"200": {"description": "Up", "content": _json(alive)}}}
        },
        "/readyz": {
            "get": {**plain, "operationId": "readyz",
                    "summary": "Database reachable, migrations current, runs succeeding",
                    "responses": {"200": {"description": "Ready", "content": _json(ref("Ready"))},
                                  "503": not_ready}}
        },
        "/openapi.json": {
            "get": {**plain, "operationId": "openapi", "summary": "This document",
                    "responses": {"200": {"description": "OpenAPI 3.1",
                                          "content": _json({"type": "object"})}}}
        },
    }  # fmt: skip


def _responses(answer: str, success: int, codes: tuple[int, ...]) -> dict[str, Any]:
    good = {"description": "Done" if success == 201 else "OK", "content": _json(ref(answer))}
    return {str(success): good} | {str(code): _error(code) for code in sorted(codes)}


def _error(code: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": ERRORS[code], "content": _json(ref("Error"))}
    if code == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if code == 429:
        answer["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    return answer


def _body(name: str, needed: bool) -> dict[str, Any]:
    return {"required": needed, "content": _json(ref(name))}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _schemes() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-autonomy",
            "description": "Set by the sign-in form. Unsafe methods need Origin and X-CSRF-Token.",
        },
    }

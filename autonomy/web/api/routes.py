"""The JSON API: what the pages show and do, for programs. Described by /openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from autonomy.config import Settings
from autonomy.errors import BadRequest
from autonomy.rules.templates import TEMPLATES
from autonomy.run.request import RunAnswer
from autonomy.store import Json, Store
from autonomy.web.auth.access import Access
from autonomy.web.commands import ACCOUNT_KEYS, POLICY_FLAGS, POLICY_KEYS, POLICY_TEXTS, Changes
from autonomy.web.filters import (
    MOST_PICKED,
    OPPORTUNITY_STATUSES,
    action_filters,
    opportunity_filters,
)
from autonomy.web.parsing import (
    Query,
    bound,
    encode_cursor,
    idempotency_key,
    identifier,
    json_body,
    moment,
    text_argument,
)
from autonomy.web.queries import Reads
from autonomy.web.rule_body import check_rule, findings, rule_of_json
from autonomy.web.scheduler import as_response

LONGEST_PAGE = 200


def api_routes(
    settings: Settings, store: Store, access: Access, start_run: Callable[..., RunAnswer]
) -> Blueprint:
    """The blueprint under /api."""
    api = Api(settings, store, access, start_run)
    routes = Blueprint("api", __name__, url_prefix="/api")
    for method, path, view in api.table():
        name = f"{method.lower()} {path}".replace(".", "")
        routes.add_url_rule(path, name, view, methods=[method])
    return routes


class Api:
    """One method an operation; `table` says where each is served."""

    def __init__(
        self, settings: Settings, store: Store, access: Access, start_run: Callable[..., RunAnswer]
    ) -> None:
        self._store, self._access, self._start_run = store, access, start_run
        self._run_interval_minutes = settings.run_interval_minutes
        self._reads = Reads(store)

    def table(self) -> list[tuple[str, str, Callable[..., Response]]]:
        """(method, path below /api, view)."""
        return [
            ("GET", "/overview", self.overview),
            ("GET", "/attention", self.attention),
            ("GET", "/insights", self.insights),
            ("GET", "/actions", self.actions),
            ("GET", "/actions/<uuid:action_id>", self.action),
            ("POST", "/actions/<uuid:action_id>/approve", self.approve),
            ("POST", "/actions/<uuid:action_id>/reject", self.reject),
            ("POST", "/actions/<uuid:action_id>/rollback", self.roll_back_one),
            ("POST", "/rollback", self.roll_back),
            ("GET", "/opportunities", self.opportunities),
            ("GET", "/opportunities/<uuid:opportunity_id>", self.opportunity),
            ("POST", "/opportunities/<uuid:opportunity_id>/status", self.set_opportunity),
            ("GET", "/rules", self.rules),
            ("POST", "/rules", self.add_rule),
            ("POST", "/rules/preview", self.preview_rule),
            ("GET", "/rules/history", self.rule_history),
            ("GET", "/rules/findings", self.rule_findings),
            ("GET", "/rules/scoreboard", self.scoreboard),
            ("GET", "/rules/templates", self.templates),
            ("GET", "/rules/<uuid:rule_id>", self.rule),
            ("PATCH", "/rules/<uuid:rule_id>", self.change_rule),
            ("GET", "/campaigns", self.campaigns),
            ("GET", "/campaigns/<uuid:campaign_id>", self.campaign),
            ("PATCH", "/campaigns/<uuid:campaign_id>", self.change_campaign),
            ("GET", "/campaigns/<uuid:campaign_id>/explanation", self.explanation),
            ("GET", "/runs", self.runs),
            ("POST", "/runs", self.start),
            ("GET", "/runs/<uuid:run_id>", self.run),
            ("GET", "/accounts", self.accounts),
            ("PATCH", "/accounts", self.change_account),
            ("GET", "/policy", self.policy),
            ("PATCH", "/policy", self.change_policy),
        ]

    # Reading -----------------------------------------------------------------------------------

    def overview(self) -> Response:
        """State, totals and daily figures."""
        query = self._query("days", "since", "currency")
        days = query.whole("days", 30, 1, 366)
        since = query.moment("since")
        currency = query.text("currency", 7)
        return jsonify(self._reads.overview(days, self._run_interval_minutes, since, currency))

    def attention(self) -> Response:
        """Under-performers and scaling candidates."""
        limit = self._query("limit").whole("limit", 10, 1, LONGEST_PAGE)
        return jsonify(self._reads.attention(limit))

    def insights(self) -> Response:
        """What was learnt this week."""
        self._query()
        return jsonify({"insights": self._reads.insights()})

    def actions(self) -> Response:
        """A page of actions."""
        names = ("action_type", "status", "rule_id", "run_id", "campaign_id", "title", "from", "to")
        query = self._query(*names, "after", "limit")
        after = query.cursor("created_at", "id")
        filters, limit = action_filters(query), _limit(query)
        return _page(self._reads.actions(filters, after, limit))

    def action(self, action_id: object) -> Response:
        """One action with its evidence."""
        self._query()
        return jsonify(self._reads.action(str(action_id)))

    def opportunities(self) -> Response:
        """A page of opportunities of one status."""
        names = ("status", "severity", "opportunity_type", "campaign_id")
        query = self._query(*names, "after", "limit")
        after = query.cursor("rank", "first_seen_at", "id")
        filters, limit = opportunity_filters(query), _limit(query)
        return _page(self._reads.opportunities(filters, after, limit))

    def opportunity(self, opportunity_id: object) -> Response:
        """One opportunity."""
        self._query()
        return jsonify(self._reads.opportunity(str(opportunity_id)))

    def rules(self) -> Response:
        """All rules."""
        self._query()
        return jsonify({"rules": self._reads.rules()})

    def rule(self, rule_id: object) -> Response:
        """One rule."""
        self._query()
        return jsonify(self._reads.rule(str(rule_id)))

    def rule_history(self) -> Response:
        """Changes of rules, newest first."""
        query = self._query("rule_id", "limit")
        changes = self._reads.rule_history(query.identifier("rule_id"), _limit(query))
        return jsonify({"changes": changes})

    def rule_findings(self) -> Response:
        """What lint finds."""
        self._query()
        return jsonify({"findings": findings(self._reads.rules(), self._reads.policy())})

    def scoreboard(self) -> Response:
        """What each rule has achieved."""
        self._query()
        return jsonify({"scoreboard": self._reads.scoreboard()})

    def templates(self) -> Response:
        """Rules to start from."""
        self._query()
        return jsonify(
            {"templates": [{"key": one.key, "title": one.title, "why": one.why,
                            "adjust": one.adjust, "rule": one.row} for one in TEMPLATES]}
        )  # fmt: skip

    def campaigns(self) -> Response:
        """A page of campaigns, the biggest spenders first."""
        query = self._query("title", "status", "after", "limit")
        status = query.choice("status", ("active", "paused"))
        after = query.cursor("total_spend", "id")
        return _page(self._reads.campaigns(query.text("title"), status, after, _limit(query)))

    def campaign(self, campaign_id: object) -> Response:
        """One campaign with its daily figures, actions and changes."""
        days = self._query("days").whole("days", 60, 1, 400)
        return jsonify(self._reads.campaign(str(campaign_id), days))

    def explanation(self, campaign_id: object) -> Response:
        """What would happen to the campaign now, and why."""
        self._query()
        return jsonify(self._reads.explanation(str(campaign_id)))

    def runs(self) -> Response:
        """A page of runs."""
        query = self._query("after", "limit")
        return _page(self._reads.runs(query.cursor("started_at", "id"), _limit(query)))

    def run(self, run_id: object) -> Response:
        """One run with its whole summary."""
        self._query()
        return jsonify(self._reads.run(str(run_id)))

    def accounts(self) -> Response:
        """All accounts, or the one named."""
        query = self._query("account", "limit")
        limit = query.whole("limit", LONGEST_PAGE, 1, LONGEST_PAGE)
        return jsonify(self._reads.accounts(query.exact("account"), limit))

    def policy(self) -> Response:
        """The policy's row."""
        self._query()
        return jsonify(self._reads.policy())

    # Changing ----------------------------------------------------------------------------------

    def start(self) -> Response:
        """One run, as POST /."""
        self._operator()
        key, body = idempotency_key(request), json_body(request)
        return as_response(self._start_run(body, idempotency_key=key, trigger="api"))

    def approve(self, action_id: object) -> Response:
        """Carry out a pending action."""
        return self._decide(str(action_id), approve=True)

    def reject(self, action_id: object) -> Response:
        """Refuse a pending action."""
        return self._decide(str(action_id), approve=False)

    def _decide(self, action_id: str, *, approve: bool) -> Response:
        changes, body = self._operator(), _fields(json_body(request), "reason")
        changes.decide_pending(action_id, approve, _text(body, "reason"))
        return jsonify(self._reads.action(action_id))

    def roll_back_one(self, action_id: object) -> Response:
        """Take back one action."""
        changes, body = self._operator(), _fields(json_body(request), *ROLLBACK)
        done = changes.roll_back_one(
            str(action_id),
            force=_flag(body, "force"),
            reason=_text(body, "reason"),
            preview=_flag(body, "preview"),
        )
        return jsonify(done)

    def roll_back(self) -> Response:
        """Take back a selection, a run, a rule's actions or a span of time."""
        changes, body = self._operator(), _fields(json_body(request), *ROLLBACK, *CHOICES)
        chosen, force = _chosen(body), _flag(body, "force")
        if _flag(body, "preview"):
            return jsonify(self._reads.rollback_preview(chosen, force=force))
        return jsonify(changes.roll_back(chosen, force=force, reason=_text(body, "reason")))

    def set_opportunity(self, opportunity_id: object) -> Response:
        """Start, resolve, dismiss or reopen an opportunity."""
        changes, body = self._operator(), _fields(json_body(request), "status")
        if body.get("status") not in OPPORTUNITY_STATUSES:
            raise BadRequest(f"status: use one of {', '.join(OPPORTUNITY_STATUSES)}.")
        changes.set_opportunity(str(opportunity_id), body["status"])
        return jsonify(self._reads.opportunity(str(opportunity_id)))

    def add_rule(self) -> Response:
        """A new rule."""
        changes, rule = self._operator(), rule_of_json(json_body(request))
        check_rule(rule)
        response = jsonify(changes.save_rule(rule))
        response.status_code = 201
        return response

    def change_rule(self, rule_id: object) -> Response:
        """The keys given, of a rule."""
        changes, given = self._operator(), rule_of_json(json_body(request), partial=True)
        if not given:
            raise BadRequest("body: give at least one field.")
        check_rule({**self._reads.rule(str(rule_id)), **given})
        return jsonify(changes.save_rule(given, str(rule_id)))

    def preview_rule(self) -> Response:
        """What a run would decide now with this rule, and would have over 30 days."""
        self._operator()
        body = _fields(json_body(request), "rule", "rule_id")
        given, rule_id = body.get("rule"), body.get("rule_id")
        if not isinstance(given, dict):
            raise BadRequest("rule: it must be an object.")
        number = None if rule_id is None else identifier(rule_id, "rule_id")
        rule = rule_of_json(given, partial=number is not None)
        check_rule({**(self._reads.rule(number) if number else {}), **rule})
        return jsonify(self._reads.rule_preview(rule, number))

    def change_campaign(self, campaign_id: object) -> Response:
        """Hold, release, automation on or off."""
        changes = self._operator()
        body = _fields(json_body(request), "autonomous_enabled", "hold_until")
        if not body:
            raise BadRequest("body: give autonomous_enabled or hold_until.")
        if "autonomous_enabled" in body:
            _flag(body, "autonomous_enabled")
        if body.get("hold_until") is not None:
            body["hold_until"] = moment(body["hold_until"], "hold_until")
        return jsonify(changes.set_campaign(str(campaign_id), body))

    def change_account(self) -> Response:
        """The settings given, of the account named; the database knows what may be."""
        changes, body = self._operator(), _fields(json_body(request), "account", *ACCOUNT_KEYS)
        account = _text(body, "account", 1000)
        if account is None:
            raise BadRequest("account: name the account.")
        del body["account"]
        return jsonify(changes.set_account(account, body))

    def change_policy(self) -> Response:
        """The settings given; the database knows the ranges."""
        changes, body = self._operator(), _fields(json_body(request), *POLICY_KEYS)
        if not body:
            raise BadRequest("body: give at least one setting.")
        for name, value in body.items():
            _check_setting(name, value)
        return jsonify(changes.set_policy(body))

    def _query(self, *names: str) -> Query:
        self._access.person()
        return Query(request.args, *names, strict=True)

    def _operator(self) -> Changes:
        caller = self._access.operator()
        Query(request.args)
        return Changes(self._store, f"{caller.role} (api)")


ROLLBACK = ("force", "preview", "reason")
CHOICES = ("action_ids", "run_id", "rule_id", "from", "to")


def _page(found: Json) -> Response:
    """A page with the key of the next one as an opaque word."""
    return jsonify({**found, "next_after": encode_cursor(found["next_after"])})


def _limit(query: Query) -> int:
    return query.whole("limit", 50, 1, LONGEST_PAGE)


def _fields(body: Json, *allowed: str) -> Json:
    for name in body:
        if name not in allowed:
            raise BadRequest(f"{name[:60]}: unknown field.", hint=f"Fields: {', '.join(allowed)}.")
    return body


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: it must be true or false.")
    return value


def _text(body: Mapping[str, Any], name: str, longest: int = 500) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequest(f"{name}: it must be a text.")
    return text_argument(value, name, longest)


def _chosen(body: Mapping[str, Any]) -> Json:
    """The choice of a rollback; an empty one never means everything."""
    chosen: Json = {}
    if "action_ids" in body:
        ids = body["action_ids"]
        if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_PICKED:
            raise BadRequest(f"action_ids: a list of 1 to {MOST_PICKED} ids.")
        chosen["action_ids"] = [identifier(one, "action_ids") for one in ids]
    for name in ("run_id", "rule_id"):
        if name in body:
            chosen[name] = identifier(body[name], name)
    for name in ("from", "to"):
        if name in body:
            chosen[name] = bound(body[name], name)
    if not chosen:
        raise BadRequest("Nothing is chosen.", hint=f"Give at least one of {', '.join(CHOICES)}.")
    return chosen


def _check_setting(name: str, value: object) -> None:
    if name in POLICY_FLAGS:
        if not isinstance(value, bool):
            raise BadRequest(f"{name}: it must be true or false.")
    elif name in POLICY_TEXTS:
        if not isinstance(value, str):
            raise BadRequest(f"{name}: it must be a text.")
        text_argument(value, name, 500)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name}: it must be a number.")

"""The tools of an assistant: each is one operation of the JSON API, as an assistant may use it.

No tool moves money, approves, or loosens anything: what is not a GET either only looks (a preview,
a dry run), writes a draft that no run follows, or freezes. The API holds the same by the role of
the token, whatever this list says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from autonomy.errors import BadRequest
from autonomy.run.sent import Sent
from autonomy.store import Json
from autonomy.web.api.openapi import Described, query_parameters
from autonomy.web.api.routes import OPERATIONS, Operation
from autonomy.web.parsing import Parameters


@dataclass(frozen=True)
class Tool:
    """One tool: an operation, and what of it is fixed."""

    name: str
    operation: str
    """Its id in the API's description."""
    about: str
    """For the model: when to use it."""
    fixed: Json = field(default_factory=dict)
    """What is always sent, and cannot be sent otherwise."""
    leaves: frozenset[str] = frozenset()
    """Keys of the operation that the tool does not offer."""

    @property
    def reads_only(self) -> bool:
        """Whether nothing at all is written."""
        return self.name not in ("draft_rule", "freeze")


_RUN_KEYS = frozenset({"reason", "sync"})
TOOLS: tuple[Tool, ...] = (
    Tool("status", "get_overview",
         "State of the system with its reasons, totals and daily figures. Begin here."),
    Tool("attention", "get_attention", "Campaigns that lose money, and those that could grow."),
    Tool("actions", "get_actions", "What was done to campaigns, and proposed, newest first."),
    Tool("action", "get_actions_action_id", "One action with its evidence."),
    Tool("explain", "get_campaigns_campaign_id_explanation",
         "What would happen to a campaign now, and why; or why nothing would."),
    Tool("campaigns", "get_campaigns", "Campaigns, the biggest spenders first, to find an id."),
    Tool("campaign", "get_campaigns_campaign_id", "One campaign: days, actions, changes."),
    Tool("opportunities", "get_opportunities", "What a person should fix, most severe first."),
    Tool("rules", "get_rules", "All rules: when to look, and what to do."),
    Tool("check", "get_rules_findings", "What is wrong with the rules."),
    Tool("scoreboard", "get_rules_scoreboard", "What each rule has achieved in 90 days."),
    Tool("insights", "get_insights", "What was learnt this week, in sentences with figures."),
    Tool("forecast", "get_forecast", "The month of each account, with the range of 8 in 10."),
    Tool("funnel", "get_funnel",
         "From impression to money beside the days before, of an account or a campaign: which step "
         "explains the change."),
    Tool("proof", "get_proof", "What the system said and did, and what of it came true."),
    Tool("past", "get_optimisation",
         "What each preset and budget optimisation would have brought on the account's own past, "
         "as last worked out."),
    Tool("audit", "get_audit", "Does the log of actions reproduce the present state?"),
    Tool("runs", "get_runs", "Runs, newest first."),
    Tool("run", "get_runs_run_id", "One run with its whole summary."),
    Tool("drafts", "get_drafts", "Rules that were proposed, and what became of them."),
    Tool("dry_run", "post_runs", "What a run would do now. Nothing is written.",
         {"dry_run": True}, _RUN_KEYS),
    Tool("preview_rule", "post_rules_preview",
         "What a rule would decide now, and would have over 30 days. Use it before draft_rule."),
    Tool("preview_rollback", "post_rollback",
         "What taking actions back would change, and what stands in its way. Nothing is changed.",
         {"preview": True}),
    Tool("draft_rule", "post_drafts",
         "Propose a rule. No run follows a draft: a person adopts or discards it."),
    Tool("freeze", "patch_policy",
         "Stop every action at once. Only a person can lift it. Use it where money is in danger.",
         {"frozen": True}),
)  # fmt: skip
BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in TOOLS}
_OPERATIONS: Mapping[str, Operation] = {one.name: one for one in OPERATIONS}
_OFFERED: Mapping[str, frozenset[str]] = {"freeze": frozenset({"frozen_reason"})}
"""Of operations that take much more than the tool is for."""


@dataclass(frozen=True)
class Call:
    """One call of the API."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Mapping[str, Any] | None


def operation(tool: Tool) -> Operation:
    """The operation of the API that a tool is."""
    return _OPERATIONS[tool.operation]


def input_schema(tool: Tool) -> Json:
    """JSON Schema of what a tool takes; nothing else is taken."""
    one = operation(tool)
    needed = _ids(one)
    properties: Json = {name: {"type": "string", "format": "uuid"} for name in needed}
    if issubclass(one.takes, Parameters):
        for each in query_parameters(one.takes):
            about = {"description": each["description"]} if "description" in each else {}
            properties[each["name"]] = {**each["schema"], **about}
        return _closed(properties, needed)
    if one.takes is Sent:
        return _closed(properties, needed)
    schema = one.takes.model_json_schema(schema_generator=Described, ref_template="#/$defs/{model}")
    offered = _offered(tool)
    properties |= {name: v for name, v in schema["properties"].items() if name in offered}
    needed += [name for name in schema.get("required", ()) if name in offered]
    found = _closed(properties, needed)
    return found | ({"$defs": schema["$defs"]} if "$defs" in schema else {})


def call_of(tool: Tool, arguments: Mapping[str, Any]) -> Call:
    """The call of the API that a tool's arguments come to.

    Raises BadRequest for an argument that the tool does not take, or an id that is missing.
    """
    one = operation(tool)
    ids = _ids(one)
    known = {*ids, *_offered(tool)}
    unknown = sorted(set(arguments) - known)
    if unknown:
        raise BadRequest(
            f"{str(unknown[0])[:60]}: {tool.name} takes no such argument.",
            hint=f"It takes {', '.join(sorted(known)) or 'nothing'}.",
        )
    path = one.path
    for name in ids:
        if not isinstance(arguments.get(name), str) or not arguments[name]:
            raise BadRequest(f"{name}: it is needed.", hint="Find the id with a listing tool.")
        path = path.replace("{" + name + "}", quote(arguments[name], safe=""))
    left = {name: value for name, value in arguments.items() if name not in ids}
    if issubclass(one.takes, Parameters):
        return Call(one.method, path, {n: _in_query(v) for n, v in left.items()}, None)
    return Call(one.method, path, {}, {**left, **tool.fixed})


def _ids(one: Operation) -> list[str]:
    return [part[1:-1] for part in one.path.split("/") if part.startswith("{")]


def _offered(tool: Tool) -> frozenset[str]:
    one = operation(tool)
    keys = _OFFERED.get(tool.name) or frozenset(one.takes.names())
    return keys - tool.fixed.keys() - tool.leaves


def _closed(properties: Json, needed: list[str]) -> Json:
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": needed} if needed else {})


def _in_query(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

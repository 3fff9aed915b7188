"""The shapes that the API takes and gives, as JSON Schema (2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from typing import Any

from autonomy.rules.language import rule_schema
from autonomy.run.request import SHARD_PATTERN
from autonomy.web.api.account_schemas import CURRENCIES, account_schemas
from autonomy.web.api.schema_parts import (
    ANY_OBJECT,
    BOUND,
    COUNTS,
    FLAG,
    ID,
    NUMBER,
    REASON,
    STATE,
    STORABLE,
    TEXT,
    TIME,
    WHOLE,
    WORTH,
    Schema,
    asked,
    listed,
    maybe,
    ref,
    shape,
)
from autonomy.web.commands import POLICY_FLAGS, POLICY_LIMITS, POLICY_TEXTS
from autonomy.web.filters import MOST_PICKED, OPPORTUNITY_STATUSES, OPPORTUNITY_TYPES
from autonomy.web.formats import ACTION_NAMES, SEVERITIES, STATUSES
from autonomy.web.state import LEVELS, WHERE


def schemas() -> dict[str, Schema]:
    """All components by name."""
    parts = (_common, _actions, _opportunities, _rules, _campaigns, _runs, account_schemas, _policy)
    return {name: schema for part in parts for name, schema in part().items()}


def _common() -> dict[str, Schema]:
    error = shape({"code": TEXT, "message": TEXT, "hint": TEXT})
    day = {
        "day": {"type": "string", "format": "date"},
        "spend": maybe(NUMBER), "revenue": maybe(NUMBER), "roi": maybe(NUMBER),
        "clicks": maybe(WHOLE), "conversions": maybe(WHOLE),
    }  # fmt: skip
    insight = shape(
        {"kind": TEXT, "sentence": TEXT, "figures": ANY_OBJECT, "campaign_id": maybe(ID),
         "rule_id": maybe(ID)}
    )  # fmt: skip
    reason = shape(
        {"code": {"enum": list(WHERE)}, "level": {"enum": list(LEVELS[1:])}, "sentence": TEXT,
         "details": listed(TEXT), "figures": ANY_OBJECT}
    )  # fmt: skip
    marked = {**day, "paused": WHOLE, "scaled": WHOLE, "other": WHOLE}
    totals = shape({**COUNTS, "average_confidence": maybe(NUMBER), "saved": WORTH, "earned": WORTH})
    return {
        "Error": shape({"success": {"const": False}, "error": error, "timestamp": TIME}),
        "Day": shape(day),
        "State": shape(
            {"level": {"enum": list(LEVELS)}, "sentence": TEXT, "since": TIME,
             "reasons": listed(reason)}
        ),
        "Overview": shape(
            {
                "state": ref("State"),
                "policy": ref("Policy"),
                "now": TIME,
                "today": {"type": "string", "format": "date"},
                "stale_days": WHOLE,
                "last_run": maybe(ref("Run")),
                "running": WHOLE,
                "last_success_at": maybe(TIME),
                "currency": maybe(TEXT),
                "currencies": CURRENCIES,
                "campaigns": shape({"all": WHOLE, "active": WHOLE, "active_budget": NUMBER}),
                "totals": totals,
                "recent": totals,
                "opportunities": shape(
                    {"unresolved": WHOLE, "critical": WHOLE, "high": WHOLE, "overdue": WHOLE}
                ),
                "days": listed(shape(marked)),
            }
        ),
        "Attention": shape(
            {
                "underperforming": listed(ANY_OBJECT),
                "underperforming_count": WHOLE,
                "scaling": listed(ANY_OBJECT),
                "scaling_count": WHOLE,
            }
        ),
        "Insights": shape({"insights": listed(insight)}),
        "Ready": shape(
            {"ready": FLAG, "checks": {"type": "object", "additionalProperties": FLAG},
             "reason": TEXT, "timestamp": TIME}
        ),
    }  # fmt: skip


def _actions() -> dict[str, Schema]:
    action = {
        "id": ID,
        "run_id": maybe(ID),
        "campaign_id": maybe(ID),
        "title": maybe(TEXT),
        "rule_id": maybe(ID),
        "rule_name": maybe(TEXT),
        "action_type": {"enum": list(ACTION_NAMES)},
        "status": {"enum": list(STATUSES)},
        "error": maybe(TEXT),
        "reason": maybe(TEXT),
        "previous_state": maybe(ANY_OBJECT),
        "new_state": maybe(ANY_OBJECT),
        "confidence_score": maybe(NUMBER),
        "expected_impact": maybe(ANY_OBJECT),
        "actual_impact": maybe(ANY_OBJECT),
        "created_at": TIME,
        "executed_at": maybe(TIME),
        "rolled_back_at": maybe(TIME),
        "currency": maybe(TEXT),
        "rolled_back_by": maybe(TEXT),
        "rollback_reason": maybe(TEXT),
        "actor": TEXT,
        "rule_changed": FLAG,
    }
    changed = shape(
        {"action_id": ID, "campaign_id": maybe(ID), "title": maybe(TEXT), "from": STATE,
         "to": STATE}
    )  # fmt: skip
    skipped = shape(
        {"action_id": ID, "campaign_id": maybe(ID), "title": maybe(TEXT), "code": TEXT,
         "message": TEXT, "expected": maybe(ANY_OBJECT), "found": maybe(ANY_OBJECT)}
    )  # fmt: skip
    options = {"force": FLAG, "preview": FLAG, "reason": REASON}
    choice = {
        "action_ids": listed(ID, minItems=1, maxItems=MOST_PICKED),
        "run_id": ID,
        "rule_id": ID,
        "from": BOUND,
        "to": BOUND,
    }
    return {
        "Action": shape(action),
        "Actions": shape({"actions": listed(ref("Action")), "next_after": maybe(TEXT)}),
        "ActionWithEvidence": shape({**action, "evidence": maybe(ANY_OBJECT)}),
        "Decide": asked({"reason": REASON}),
        "RollbackOne": asked(options),
        "Rollback": asked({**options, **choice})
        | {"anyOf": [{"required": [name]} for name in choice]},
        "RolledBack": shape(
            {"changed": listed(changed), "skipped": listed(skipped), "preview": FLAG}
        ),
    }


def _opportunities() -> dict[str, Schema]:
    opportunity = {
        "id": ID,
        "campaign_id": ID,
        "title": maybe(TEXT),
        "opportunity_type": TEXT,
        "severity": {"enum": list(SEVERITIES)},
        "description": maybe(TEXT),
        "suggested_action": maybe(TEXT),
        "estimated_impact": maybe(ANY_OBJECT),
        "confidence_score": maybe(NUMBER),
        "figures": ANY_OBJECT,
        "status": {"enum": list(OPPORTUNITY_STATUSES)},
        "first_seen_at": TIME,
        "last_seen_at": TIME,
        "resolved_at": maybe(TIME),
        "overdue": FLAG,
        "currency": maybe(TEXT),
    }
    return {
        "Opportunity": shape(opportunity),
        "Opportunities": shape(
            {"opportunities": listed(ref("Opportunity")), "next_after": maybe(TEXT)}
        ),
        "OpportunityStatus": asked(
            {"status": {"enum": list(OPPORTUNITY_STATUSES)}}, needed=("status",)
        ),
        "OpportunityType": {"enum": list(OPPORTUNITY_TYPES)},
    }


def _rules() -> dict[str, Schema]:
    row = {
        "id": ID,
        "rule_name": TEXT,
        "rule_type": TEXT,
        "condition": ANY_OBJECT,
        "action": ANY_OBJECT,
        "priority": WHOLE,
        "is_active": maybe(FLAG),
        "created_by": maybe(TEXT),
        "created_at": maybe(TIME),
        "updated_at": maybe(TIME),
    }
    written, parts = _language()
    finding = shape(
        {"rule": TEXT, "code": TEXT, "severity": {"enum": ["error", "warning", "note"]},
         "sentence": TEXT, "other": maybe(TEXT)}
    )  # fmt: skip
    change = shape(
        {"id": WHOLE, "rule_id": maybe(ID), "rule_name": maybe(TEXT), "changed_at": TIME,
         "actor": maybe(TEXT), "before": maybe(ANY_OBJECT), "after": maybe(ANY_OBJECT)}
    )  # fmt: skip
    summary = shape(
        {"all": ANY_OBJECT, "own": ANY_OBJECT, "held": ANY_OBJECT, "campaigns": listed(ANY_OBJECT),
         "breakers": listed(ANY_OBJECT), "campaigns_evaluated": WHOLE}
    )  # fmt: skip
    score = shape({"rule_id": maybe(ID), "rule_name": TEXT, "actions": WHOLE, "flagged": FLAG})
    template = shape({"key": TEXT, "title": TEXT, "why": TEXT, "adjust": TEXT, "rule": ANY_OBJECT})
    return {
        **parts,
        "Rule": shape(row),
        "ListedRule": shape({**row, "last_change": maybe(TIME), "watch": FLAG}),
        "Rules": shape({"rules": listed(ref("ListedRule"))}),
        "NewRule": asked(written, needed=("rule_name", "rule_type", "condition", "action")),
        "RuleChange": asked(written, least=1),
        "RuleHistory": shape({"changes": listed(change)}),
        "Findings": shape({"findings": listed(finding)}),
        "Scoreboard": shape({"scoreboard": listed(score)}),
        "Templates": shape({"templates": listed(template)}),
        "PreviewRule": asked({"rule": ref("RuleChange"), "rule_id": maybe(ID)}, needed=("rule",)),
        "Preview": shape({"before": summary, "after": summary, "past": _past()}),
    }


def _past() -> Schema:
    """What the rules would have done; only the sentence where the past cannot be told."""
    worth = shape({"value": NUMBER, "low": NUMBER, "high": NUMBER})
    counts = ("days", "history_days", "campaigns", "pauses", "false_pauses", "raises", "lowered")
    past = {
        **dict.fromkeys(counts, WHOLE),
        **dict.fromkeys(("from", "to"), TIME),
        **dict.fromkeys(("saved", "missed", "budget_changes_worth"), worth),
        "worth": NUMBER,
        "held": {"type": "object", "additionalProperties": WHOLE},
        "best_pauses": listed(ANY_OBJECT),
        "worst_pauses": listed(ANY_OBJECT),
        "sentence": TEXT,
        "cannot_know": TEXT,
    }
    return {"type": "object", "properties": past, "required": ["sentence"]}


def _language() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The keys of a rule as they are written, and the parts of the rule language."""
    language = _with_components(rule_schema())
    parts = language.pop("$defs", {})
    properties = language["properties"]
    written: dict[str, Schema] = {
        "rule_name": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": STORABLE},
        "rule_type": {"enum": ["pause", "scale", "optimize"]},
        "condition": properties["condition"],
        "action": properties["action"],
        "priority": {"type": "integer", "minimum": -1_000_000, "maximum": 1_000_000},
        "is_active": FLAG,
    }
    return written, parts


def _with_components(schema: Any) -> Any:
    """References to $defs become references to components."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key in ("$ref",) and isinstance(value, str)
            else _mapped(value)
            if key == "mapping"
            else _with_components(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_with_components(one) for one in schema]
    return schema


def _mapped(mapping: dict[str, str]) -> dict[str, str]:
    return {
        key: value.replace("#/$defs/", "#/components/schemas/") for key, value in mapping.items()
    }


def _campaigns() -> dict[str, Schema]:
    listed_campaign = {
        "id": ID,
        "title": maybe(TEXT),
        "status": maybe(TEXT),
        "budget": maybe(NUMBER),
        "account": TEXT,
        "autonomous_enabled": FLAG,
        "hold_until": maybe(TIME),
        "total_spend": NUMBER,
        "total_revenue": NUMBER,
        "roi": maybe(NUMBER),
        "conversions": WHOLE,
        "currency": maybe(TEXT),
    }
    return {
        "Campaigns": shape(
            {"campaigns": listed(shape(listed_campaign)), "next_after": maybe(TEXT)}
        ),
        "Campaign": shape(
            {
                "now": TIME,
                "today": {"type": "string", "format": "date"},
                "campaign": ANY_OBJECT,
                "performance": maybe(ANY_OBJECT),
                "days": listed(ref("Day")),
                "actions": listed(ref("Action")),
                "changes": listed(ANY_OBJECT),
                "opportunities": listed(ref("Opportunity")),
                "last_run": maybe(ANY_OBJECT),
            }
        ),
        "CampaignChange": asked(
            {"autonomous_enabled": FLAG, "hold_until": maybe(TIME)}, least=1
        ),
        "CampaignState": shape(
            {"campaign_id": ID, "autonomous_enabled": FLAG, "hold_until": maybe(TIME)}
        ),
        "Explanation": shape(
            {"campaign_id": ID, "title": maybe(TEXT), "sentence": TEXT,
             "decision": maybe(ANY_OBJECT), "evidence": ANY_OBJECT, "rules": listed(ANY_OBJECT)}
        ),
    }  # fmt: skip


def _runs() -> dict[str, Schema]:
    run = {
        "id": ID,
        "trigger": TEXT,
        "status": {"enum": ["running", "completed", "failed", "abandoned"]},
        "started_at": TIME,
        "finished_at": maybe(TIME),
        "dry_run": FLAG,
        "mode": TEXT,
        "response_status": maybe(WHOLE),
        "failed": WHOLE,
        "summary": ANY_OBJECT,
    }
    result = {
        "success": FLAG,
        "timestamp": TIME,
        "run_id": ID,
        "mode": {"enum": ["autonomous", "approve", "observe"]},
        "dry_run": FLAG,
        "actions_taken": {"type": "object", "additionalProperties": WHOLE},
        "campaigns_evaluated": WHOLE,
        "held": {"type": "object", "additionalProperties": WHOLE},
        "failed": listed(ANY_OBJECT),
        "rules_skipped": listed(ANY_OBJECT),
        "breakers": listed(ANY_OBJECT),
        "warnings": listed(TEXT),
        "duration_ms": WHOLE,
    }
    request = asked(
        {
            "dry_run": FLAG,
            "shard": {"type": ["string", "null"], "pattern": SHARD_PATTERN},
            "include_inactive_rules": FLAG,
            "reason": REASON,
        }
    )
    request["if"] = {
        "properties": {"include_inactive_rules": {"const": True}},
        "required": ["include_inactive_rules"],
    }
    request["then"] = {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]}
    return {
        "Run": shape(run),
        "Runs": shape({"runs": listed(ref("Run")), "next_after": maybe(TEXT)}),
        "RunWithActions": shape(
            {**run, "actions_now": {"type": "object", "additionalProperties": WHOLE}}
        ),
        "RunRequest": request,
        "RunAnswer": shape({"success": {"const": True}, "result": shape(result), "message": TEXT}),
    }


def _policy() -> dict[str, Schema]:
    kinds: dict[str, Schema] = dict.fromkeys(POLICY_LIMITS, NUMBER)
    kinds |= dict.fromkeys(POLICY_FLAGS, FLAG) | dict.fromkeys(POLICY_TEXTS, TEXT)
    sent = kinds | {
        name: {"type": "number", "minimum": low, "maximum": high}
        for name, (low, high) in POLICY_LIMITS.items()
    }
    sent |= {
        "mode": {"enum": ["autonomous", "approve", "observe"]},
        "frozen_reason": {"type": "string", "maxLength": 500, "pattern": STORABLE},
        "time_zone": {"type": "string", "examples": ["UTC", "Europe/Berlin"]},
    }
    return {"Policy": shape(kinds), "PolicyChange": asked(sent, least=1)}

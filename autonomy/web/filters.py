"""Which rows a list shows, read from query or form: the same for pages and API."""

from __future__ import annotations

from typing import Any

from autonomy.errors import BadRequest
from autonomy.store import Json
from autonomy.web.formats import ACTION_NAMES, SEVERITIES, STATUSES
from autonomy.web.parsing import Query, bound, identifier

ACTION_FILTERS = (
    "action_type",
    "status",
    "rule_id",
    "run_id",
    "campaign_id",
    "title",
    "from",
    "to",
)
CHOICES = ("run_id", "rule_id", "from", "to")
MOST_PICKED = 200
OPPORTUNITY_STATUSES = ("open", "in_progress", "resolved", "dismissed")
OPPORTUNITY_TYPES = (
    "high_traffic_low_conversion",
    "declining_performance",
    "budget_inefficiency",
    "audience_mismatch",
    "creative_fatigue",
    "timing_optimization",
)


def action_filters(query: Query) -> dict[str, str | None]:
    """The filters of a list of actions. Raises BadRequest."""
    return {
        "action_type": query.choice("action_type", tuple(ACTION_NAMES)),
        "status": query.choice("status", STATUSES),
        "rule_id": query.identifier("rule_id"),
        "run_id": query.identifier("run_id"),
        "campaign_id": query.identifier("campaign_id"),
        "title": query.text("title", 200),
        "from": query.bound("from"),
        "to": query.bound("to"),
    }


def chosen_actions(values: Any) -> Json:
    """What a rollback is to take: picked ids, a run, a rule's actions, a span. Raises BadRequest.

    `values` is a MultiDict of query or form: an empty choice never means everything.
    """
    ids = [identifier(one, "action_ids") for one in values.getlist("action_ids")]
    if len(ids) > MOST_PICKED:
        raise BadRequest(f"action_ids: at most {MOST_PICKED} at once.")
    chosen: Json = {"action_ids": ids} if ids else {}
    for name in CHOICES:
        given = values.get(name, "").strip()
        if given:
            check = bound if name in ("from", "to") else identifier
            chosen[name] = check(given, name)
    if not chosen:
        raise BadRequest("Nothing is chosen.", hint="Pick actions, a run, a rule or a span.")
    return chosen


def opportunity_filters(query: Query) -> dict[str, str | None]:
    """The filters of a list of opportunities. Raises BadRequest."""
    return {
        "status": query.choice("status", OPPORTUNITY_STATUSES) or "open",
        "severity": query.choice("severity", SEVERITIES),
        "opportunity_type": query.choice("opportunity_type", OPPORTUNITY_TYPES),
        "campaign_id": query.identifier("campaign_id"),
    }

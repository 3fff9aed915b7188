"""Why a campaign is or is not acted on now: recomputed, because a pure engine makes that cheap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from autonomy.engine.decide import Accounts
from autonomy.engine.explain import explain, outlooks
from autonomy.errors import DatabaseTimeout, NotFound
from autonomy.store import Json, Store
from autonomy.text import chance, chance_beside, money

MOST_CAMPAIGNS = 5_000
"""Active ones, for which a preview looks at the past: about ten seconds and 300 MB."""
MOST_FORESEEN = 1_000
"""The same where every preset is tried."""
_ASK_COMPARE = "ask `python -m autonomy replay --compare now --compare grow`."
_ASK_REPLAY = "ask `python -m autonomy replay --days 30` what the rules would have done."


def explain_campaign(store: Store, campaign_id: str, now: datetime | None = None) -> Json:
    """The engine's explanation of one campaign. Raises NotFound where it has no such id."""
    moment = now or datetime.now(UTC)
    page = store.rpc(
        "list_autonomous_candidates", p_campaign_id=campaign_id, p_now=moment.isoformat()
    )
    if not page["candidates"]:
        raise NotFound(
            f"No campaign has the id {campaign_id}.",
            hint="By its title: python -m autonomy explain TITLE",
        )
    candidate = page["candidates"][0]
    explained = explain(
        store.rpc("dashboard_rules"),
        candidate,
        store.select("autonomy_policy", limit=1)[0],
        moment,
        store.rpc("portfolio_state", p_now=moment.isoformat()),
        accounts=_accounts(store, candidate["account"], moment),
    )
    return {**explained, "last_action": _last_action(store, campaign_id)}


def _last_action(store: Store, campaign_id: str) -> Json | None:
    """What was done to it last, and how far that is on its platform; None where nothing was."""
    log = store.rpc("dashboard_actions", p_filter={"campaign_id": campaign_id}, p_limit=1)
    for one in log["actions"]:
        kept = ("id", "action_type", "status", "reason", "error", "created_at", "delivery")
        return {name: one.get(name) for name in kept}
    return None


def foresee_campaigns(store: Store, campaign_ids: Sequence[str]) -> dict[str, Json]:
    """What a run would do to each of these campaigns now (see `outlooks`); none, nothing."""
    if not campaign_ids:
        return {}
    moment = datetime.now(UTC)
    page = store.rpc(
        "list_autonomous_candidates", p_ids=list(campaign_ids), p_now=moment.isoformat()
    )
    names = {one["account"] for one in page["candidates"]}
    return outlooks(
        store.rpc("dashboard_rules"),
        page["candidates"],
        store.select("autonomy_policy", limit=1)[0],
        moment,
        store.rpc("portfolio_state", p_now=moment.isoformat()),
        accounts=_accounts(store, names.pop() if len(names) == 1 else None, moment),
    )


def _accounts(store: Store, account: str | None, moment: datetime) -> Accounts:
    """In what this account differs from the policy; None: in what each does."""
    return Accounts(
        store.rpc("autonomy_account_policies", p_account=account),
        store.rpc("autonomy_account_priors", p_account=account),
        store.rpc("autonomy_account_totals", p_account=account, p_now=moment.isoformat()),
    )


def preview_rule(store: Store, draft: Json, rule_id: str | None = None, days: int = 30) -> Json:
    """What a run would do now, and the runs of the last days would have done, with this rule.

    `draft`: the keys that change of the rule with this id, or without an id a whole new rule. Gives
    {"before", "after"} (decisions now without and with it) and "past" (see rule_preview; where
    the past cannot be told, only its sentence). The rule counts as active. Writes nothing that
    lasts. Raises BadRequest for a rule that is wrong.
    """
    now = preview_now(store, draft, rule_id)
    return {**now, "past": _past(store, now, draft, rule_id, days)}


def preview_now(store: Store, draft: Json, rule_id: str | None = None) -> Json:
    """The quick part of preview_rule: {"before", "after"}."""
    return dict(store.rpc("dashboard_preview_rule", p_rule=draft, p_rule_id=rule_id))


def _past(store: Store, now: Json, draft: Json, rule_id: str | None, days: int) -> Json:
    from autonomy.errors import PastError
    from autonomy.replay.rule_preview import preview_beside

    if now["after"]["campaigns_evaluated"] > MOST_CAMPAIGNS:
        return {"sentence": f"More than {MOST_CAMPAIGNS:,} campaigns: {_ASK_REPLAY}"}
    rows = store.rpc("dashboard_rules")
    known: Json = next((row for row in rows if row["id"] == rule_id), {})
    # a run skips a bad one
    others = [row for row in rows if row["id"] != rule_id and row["flaw"] is None]
    rule = {"id": "draft", "priority": 50, **known, **draft, "is_active": True, "flaw": None}
    try:
        return preview_beside(store, others, rule, days=days)
    except PastError as error:
        return {"sentence": str(error)}
    except DatabaseTimeout:
        return {"sentence": f"The last {days} days take too long to look at: {_ASK_REPLAY}"}


def foresee_presets(store: Store) -> Json:
    """What each preset would have done over the last days (see replay.optimisation); kept for the
    pages by `keep_optimisation_past`. Where it cannot be told, `problem` says why."""
    from autonomy.errors import PastError
    from autonomy.replay.optimisation import foresee

    untold: Json = {"sentence": "", "currencies": []}
    if store.rpc("portfolio_state")["active_campaigns"] > MOST_FORESEEN:
        return {**untold, "problem": f"More than {MOST_FORESEEN:,} campaigns: {_ASK_COMPARE}"}
    rules = [row for row in store.rpc("dashboard_rules") if row["flaw"] is None]
    try:
        return {**foresee(store, rules, store.select("autonomy_policy", limit=1)[0]), "problem": ""}
    except PastError as error:
        return {**untold, "problem": str(error)}
    except DatabaseTimeout:
        return {**untold, "problem": f"The last days take too long to look at: {_ASK_COMPARE}"}


def as_text(explanation: dict[str, Any]) -> str:
    """The explanation as a person reads it in a terminal."""
    currency = explanation["currency"]
    amount = explanation["budget"]
    budget = "none" if amount is None else money(amount, currency=currency)
    lines = [
        f"{explanation['title'] or '(no title)'} ({explanation['campaign_id']})",
        f"{explanation['status'] or 'no status'}, daily budget {budget}",
        "",
        explanation["sentence"],
        "",
        _evidence_line(explanation["evidence"], currency),
    ]
    if last := explanation["last_action"]:
        there = (last["delivery"] or {}).get("message")
        said = [last["reason"] or last["action_type"], last["status"], there]
        lines.insert(4, f"Last: {' - '.join(one for one in said if one)}")
    for rule in explanation["rules"]:
        lines += ["", *_rule_lines(rule, currency)]
    for breaker in explanation["breakers"]:
        lines += ["", f"Breaker {breaker['code']}: {breaker['message']}"]
    for skipped in explanation["rules_skipped"]:
        lines += ["", f"Rule {skipped['rule_name']} is skipped: {skipped['error']}"]
    return "\n".join(lines)


def _evidence_line(seen: dict[str, Any], currency: str | None) -> str:
    spent, earned = (money(seen[name] or 0, currency=currency) for name in ("spend", "revenue"))
    return (
        f"Evidence: spent {spent} for {earned} in revenue, "
        f"{seen['conversions'] or 0:.1f} conversions over {seen['days'] or 0:.1f} days "
        f"({'fading' if seen['has_history'] else 'totals'}); true roi likely "
        f"{seen['likely_roi_low']:.2f} to {seen['likely_roi_high']:.2f}; "
        f"{chance(seen['below_break_even'])} % likely below break-even."
    )


def _rule_lines(rule: dict[str, Any], currency: str | None) -> list[str]:
    mark = {True: "yes", False: "no", None: "unknown"}
    head = f"{rule['rule_name']} (priority {rule['priority']}): condition {rule['condition']}"
    lines = [head]
    lines += [
        f"  {'  ' * line['depth']}{line['text']}: {mark[line['holds']]}" for line in rule["why"]
    ]
    if rule["matched"]:
        by = f"roi {rule['break_even']:.2f}"
        if rule["cpa_limit"] is not None:
            by = f"cpa {money(rule['cpa_limit'], currency=currency)}"
        lines.append(
            f"  -> {rule['code']}, confidence {chance_beside(rule['confidence'], rule['floor'])} % "
            f"(floor {rule['floor']:g} %, judged against {by})"
        )
        lines += [
            f"     {one['code']} holds it: {one['limit']}"
            for one in rule["guardrails"]
            if one["holds"]
        ]
        if rule["settles"]:
            lines.append(f"     {rule['settles']}")
    return lines

"""Commands that run, show and take back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from autonomy.cli.connection import Target, connected, no_such_rule
from autonomy.cli.ids import IdOrPrefix, beginning_of_id, whole_id
from autonomy.cli.output import (
    DayOrTime,
    json_option,
    moment,
    percent,
    print_json,
    print_table,
    state_change,
)
from autonomy.cli.report import print_run
from autonomy.errors import BadRequest, NotFound
from autonomy.text import money as in_currency
from autonomy.web.queries import Reads

ACTION_TYPES = (
    "auto_pause", "auto_resume", "auto_scale_up", "auto_scale_down", "budget_adjusted",
    "optimization_applied", "ab_test_created", "targeting_refined", "creative_refreshed",
)  # fmt: skip


@click.command()
@click.option("--dry-run", is_flag=True, help="Everything but the writes.")
@click.option("--shard", help='One part of the campaigns, as "2/8".')
@click.option("--inactive-rules", is_flag=True, help="With --dry-run: try inactive rules too.")
@click.option("--reason", help="Why; kept with the run.")
@json_option
def run(
    dry_run: bool, shard: str | None, inactive_rules: bool, reason: str | None, as_json: bool
) -> None:
    """Carry out one run now."""
    from autonomy.run.request import RunRequest
    from autonomy.run.runner import Runner

    body: dict[str, Any] = {"dry_run": dry_run, "include_inactive_rules": inactive_rules}
    body |= {name: value for name, value in (("shard", shard), ("reason", reason)) if value}
    if inactive_rules and not dry_run:
        raise click.UsageError("--inactive-rules: only with --dry-run.")
    try:
        RunRequest.parse(body)
    except BadRequest as error:
        raise click.UsageError(f"--{error.message}") from error
    with connected() as target:
        answer = Runner(target.store, target.settings).handle(body, trigger="cli")
    result = json.loads(answer.body)["result"]
    if as_json:
        print_json(result)
    else:
        print_run(result)


@click.command()
@json_option
def status(as_json: bool) -> None:
    """State of the system: mode, freeze, last runs, open work."""
    with connected() as target:
        policy = target.store.select("autonomy_policy", limit=1)[0]
        runs = target.store.select(
            "autonomous_runs",
            columns="id,trigger,status,dry_run,started_at,finished_at,summary",
            order=("-started_at",),
            limit=5,
        )
        portfolio = target.store.rpc("portfolio_state")
        budgets = Reads(target.store).overview(1, 60)["currencies"]
        state = target.store.rpc(
            "dashboard_state", p_run_interval_minutes=target.settings.run_interval_minutes
        )
        pending = target.store.select_all(
            "autonomous_actions", columns="id", filters={"status": "pending"}, order=("id",)
        )
    found = {
        "state": state,
        "mode": policy["mode"],
        "frozen": policy["frozen"],
        "frozen_reason": policy["frozen_reason"],
        "pending_actions": len(pending),
        "portfolio": portfolio,
        "budgets": [{name: one[name] for name in ("currency", "active_budget")} for one in budgets],
        "runs": runs,
    }
    if as_json:
        print_json(found)
        return
    for sentence in [one["sentence"] for one in state["reasons"]] or [state["sentence"]]:
        click.echo(sentence)
    frozen = (
        f"FROZEN ({policy['frozen_reason'] or 'no reason given'})" if policy["frozen"] else "no"
    )
    click.echo(f"mode {policy['mode']}, frozen: {frozen}, waiting for approval: {len(pending)}")
    click.echo(
        f"{portfolio['active_campaigns']} active campaigns, daily budget {_budgets(budgets)}"
    )
    rows = [
        (
            moment(r["started_at"]),
            r["trigger"],
            r["status"],
            "yes" if r["dry_run"] else "",
            _did(r["summary"]),
        )
        for r in runs
    ]
    print_table("Last runs", ("started", "trigger", "status", "dry run", "did"), rows, "none yet")


@click.command()
@click.argument("campaign")
@json_option
def explain(campaign: str, as_json: bool) -> None:
    """Why CAMPAIGN (an id or a title) is or is not acted on now."""
    from autonomy.run.explanation import as_text, explain_campaign

    with connected() as target:
        campaign_id = find_campaign(target, campaign)
        explanation = explain_campaign(target.store, campaign_id)
    if as_json:
        print_json(explanation)
    else:
        click.echo(as_text(explanation))


@click.command()
@click.option(
    "--status", "wanted", type=click.Choice(["pending", "executed", "failed", "rolled_back"])
)
@click.option("--type", "action_type", type=click.Choice(ACTION_TYPES))
@click.option("--campaign", help="An id or a title.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def actions(
    wanted: str | None, action_type: str | None, campaign: str | None, limit: int, as_json: bool
) -> None:
    """The log of actions, newest first."""
    with connected() as target:
        filters: dict[str, Any] = {}
        if wanted:
            filters["status"] = wanted
        if action_type:
            filters["action_type"] = action_type
        if campaign:
            filters["campaign_id"] = find_campaign(target, campaign)
        rows = target.store.select(
            "autonomous_actions", filters=filters, order=("-created_at", "-id"), limit=limit
        )
        known = known_of(target, {row["campaign_id"] for row in rows if row["campaign_id"]})
    if as_json:
        print_json(rows)
        return
    table = [
        (
            moment(row["created_at"]),
            row["id"],
            known.get(row["campaign_id"], UNKNOWN).title,
            row["action_type"],
            state_change(
                row["previous_state"],
                row["new_state"],
                known.get(row["campaign_id"], UNKNOWN).currency,
            ),
            percent(row["confidence_score"]),
            row["status"] + (f" ({row['error']})" if row["error"] else ""),
            row["reason"],
        )
        for row in rows
    ]
    columns = ("when", "id", "campaign", "action", "change", "confidence", "status", "reason")
    empty = "none of that kind" if filters else "none; a run writes them (python -m autonomy run)"
    print_table("Actions", columns, table, empty)


@click.command()
@click.argument("action_ids", nargs=-1, type=IdOrPrefix())
@click.option("--run", "run_id", type=IdOrPrefix(), help="All actions of a run.")
@click.option("--rule", help="All actions of a rule (its name).")
@click.option("--from", "since", type=DayOrTime(), help="From this day or time on.")
@click.option("--to", "until", type=DayOrTime(), help="To the end of this day, or up to a time.")
@click.option("--preview", is_flag=True, help="Only show what would change.")
@click.option("--force", is_flag=True, help="Also where the state was changed since.")
@click.option("--reason", default=None, help="Why; kept with the actions.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rollback(  # noqa: PLR0913, PLR0917 - one parameter an option
    action_ids: tuple[str, ...],
    run_id: str | None,
    rule: str | None,
    since: str | None,
    until: str | None,
    preview: bool,
    force: bool,
    reason: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Take back actions: some, a run's, a rule's, a time span's. Shows first what would change."""
    chosen: dict[str, Any] = {"action_ids": list(action_ids), "run_id": run_id}
    chosen |= {"from": since, "to": until}
    chosen = {key: value for key, value in chosen.items() if value}
    if not chosen and not rule:
        raise click.UsageError("Nothing chosen: name action ids, --run, --rule or --from/--to.")
    with connected() as target:
        chosen = _with_whole_ids(target, chosen, rule)
        call: dict[str, Any] = {
            "p_filter": target.store.rpc("dashboard_span", p_filter=chosen),
            "p_reason": reason,
            "p_actor": "cli",
            "p_force": force,
        }
        seen = target.store.rpc("rollback_autonomous_actions", p_preview=True, **call)
        if not as_json:
            _print_rollback(seen)
        if preview or not seen["changed"]:
            if as_json:
                print_json(seen)
            unknown = any(one["code"] == "ACTION_NOT_FOUND" for one in seen["skipped"])
            raise click.exceptions.Exit(1 if unknown else 0)
        if not yes:
            click.confirm(f"Take back {len(seen['changed'])} action(s)?", abort=True, err=True)
        done = target.store.rpc("rollback_autonomous_actions", p_preview=False, **call)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{len(done['changed'])} taken back, {len(done['skipped'])} skipped.")


@click.command()
@click.argument("action_ids", nargs=-1, type=IdOrPrefix(), required=True)
@click.option("--reject", is_flag=True, help="Reject instead.")
@click.option("--reason", default=None)
@json_option
def approve(action_ids: tuple[str, ...], reject: bool, reason: str | None, as_json: bool) -> None:
    """Approve (or --reject) pending actions; they are checked again before they are carried out."""
    name = "reject_autonomous_action" if reject else "approve_autonomous_action"
    with connected() as target:
        done = [
            target.store.rpc(name, p_action_id=action, p_actor="cli", p_reason=reason)
            for action in _whole_actions(target, action_ids)
        ]
    if as_json:
        print_json(done)
        return
    for answer in done:
        click.echo(
            f"{answer['action_id']}: {answer['status']} {answer.get('error') or ''}".rstrip()
        )


@click.command()
@click.option("--all", "everything", is_flag=True, help="Resolved and dismissed ones too.")
@json_option
def opportunities(everything: bool, as_json: bool) -> None:
    """What a person should fix, most severe first."""
    filters: dict[str, Any] = {} if everything else {"status": ("in_", ["open", "in_progress"])}
    with connected() as target:
        rows = target.store.select_all(
            "optimization_opportunities", filters=filters, order=("-confidence_score", "id")
        )
    rows.sort(key=lambda row: ("critical", "high", "medium", "low").index(row["severity"]))
    if as_json:
        print_json(rows)
        return
    table = [
        (r["severity"], r["opportunity_type"], r["description"], r["suggested_action"],
         percent(r["confidence_score"]), r["status"])
        for r in rows
    ]  # fmt: skip
    columns = ("severity", "type", "what", "suggestion", "confidence", "status")
    print_table("Opportunities", columns, table, "none" if everything else "none open")


@click.command()
@json_option
def audit(as_json: bool) -> None:
    """Replay the log: does it reproduce the present state of every campaign? Exit code 3 if not."""
    with connected() as target:
        found = target.store.rpc("audit_autonomous_actions")
    if as_json:
        print_json(found)
    else:
        click.echo(
            f"{found['campaigns_checked']} campaigns, {found['actions_checked']} actions: "
            + ("the log reproduces every state." if found["ok"] else "DIFFERENCES:")
        )
        for one in found["differences"]:
            click.echo(f"  {one['campaign_id']}: {one['what']}: {one['expected']} / {one['found']}")
    if not found["ok"]:
        raise click.exceptions.Exit(3)


COMMANDS = (run, status, explain, actions, rollback, approve, opportunities, audit)


def find_campaign(target: Target, campaign: str) -> str:
    """The id for an id or a title. Raises NotFound, or BadRequest where several have that title."""
    try:
        return str(uuid.UUID(campaign))
    except ValueError:
        pass
    found = target.store.select(
        "campaigns", columns="id,title", filters={"title": campaign}, limit=3
    )
    if not found:
        found = target.store.select(
            "campaigns", columns="id,title", filters={"title": ("ilike", f"%{campaign}%")}, limit=6
        )
    if not found and (begins := beginning_of_id(campaign)):
        return whole_id(target.store, "campaigns", begins, "campaign")
    if not found:
        raise NotFound(
            f"No campaign is called {campaign!r}.", hint="Give its id or a part of its title."
        )
    if len(found) > 1:
        names = "; ".join(f"{row['title']} {row['id']}" for row in found)
        raise BadRequest(f"{campaign!r} could be several campaigns.", hint=names)
    return str(found[0]["id"])


class Known(NamedTuple):
    """What lists say of a campaign."""

    title: str | None
    currency: str | None


UNKNOWN = Known("", None)


def known_of(target: Target, campaign_ids: set[str]) -> dict[str, Known]:
    """Title and currency by id."""
    accounts = target.store.select("autonomy_accounts", columns="account,currency")
    currencies = {one["account"]: one["currency"] for one in accounts}
    known: dict[str, Known] = {}
    ids = sorted(campaign_ids)
    for start in range(0, len(ids), 100):
        rows = target.store.select(
            "campaigns",
            columns="id,title,account",
            filters={"id": ("in_", ids[start : start + 100])},
        )
        known |= {row["id"]: Known(row["title"], currencies.get(row["account"])) for row in rows}
    return known


def _with_whole_ids(target: Target, chosen: dict[str, Any], rule: str | None) -> dict[str, Any]:
    """What a rollback is of, as the database takes it. Raises NotFound, BadRequest."""
    whole = dict(chosen)
    if "action_ids" in chosen:
        whole["action_ids"] = _whole_actions(target, chosen["action_ids"])
    if "run_id" in chosen:
        whole["run_id"] = whole_id(target.store, "autonomous_runs", chosen["run_id"], "run")
    if rule:
        whole["rule_id"] = _rule_id(target, rule)
    return whole


def _whole_actions(target: Target, given: Sequence[str]) -> list[str]:
    return [whole_id(target.store, "autonomous_actions", one, "action") for one in given]


def _rule_id(target: Target, rule_name: str) -> str:
    found = target.store.select("autonomous_rules", columns="id", filters={"rule_name": rule_name})
    if not found:
        raise no_such_rule(rule_name)
    return str(found[0]["id"])


def _print_rollback(seen: dict[str, Any]) -> None:
    rows = [
        (one["title"], state_change(one["from"], one["to"], one["currency"]), one["action_id"])
        for one in seen["changed"]
    ]
    print_table("Would be taken back", ("campaign", "change", "action"), rows, "nothing")
    for said in sorted({one["obstacle"] for one in seen["changed"] if one["obstacle"]}):
        click.echo(said)
    skipped = [(one["title"], one["code"], one["message"]) for one in seen["skipped"]]
    if skipped:
        print_table("Skipped", ("campaign", "code", "why"), skipped, "")


def _budgets(budgets: list[dict[str, Any]]) -> str:
    """What is active a day, each currency by itself: 303.00 EUR, 30,000 JPY."""
    return ", ".join(in_currency(one["active_budget"], currency=one["currency"]) for one in budgets)


def _did(summary: dict[str, Any] | None) -> str:
    counts = (summary or {}).get("actions_taken") or {}
    return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items() if value)

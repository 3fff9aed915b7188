"""The JSON API: what the pages show and do, for programs. Described by /openapi.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify, request

from autonomy.config import Settings
from autonomy.rules.templates import TEMPLATES
from autonomy.run.request import RunAnswer, RunRequest
from autonomy.run.sent import Change, Sent
from autonomy.store import Json, Store
from autonomy.web.api import agents as may
from autonomy.web.api import drafts as drafting
from autonomy.web.api import funnel as funnels
from autonomy.web.api import requests as asked
from autonomy.web.api.operations import OPERATIONS, Operation, serve
from autonomy.web.auth.access import Access, refuse_agent
from autonomy.web.commands import Changes
from autonomy.web.csv_file import MOST_ROWS, ReadPage, csv_answer
from autonomy.web.parsing import Parameters, encode_cursor, idempotency_key, json_body
from autonomy.web.queries import Reads
from autonomy.web.rule_body import NewRule, RuleChange, findings
from autonomy.web.scheduler import as_response

__all__ = ["OPERATIONS", "Api", "Operation"]  # importing them here has filled them


class Api:
    """One method an operation."""

    def __init__(
        self, settings: Settings, store: Store, access: Access, start_run: Callable[..., RunAnswer]
    ) -> None:
        self._store, self._access, self._start_run = store, access, start_run
        self._run_interval_minutes = settings.run_interval_minutes
        self._reads = Reads(store)

    def answering(self, one: Operation) -> Callable[..., Response]:
        """The view of an operation: who may, what was sent, the answer."""

        def answer(**path: object) -> Response:
            ids = {name: str(value) for name, value in path.items()}
            if issubclass(one.takes, Parameters):
                self._access.person()
                found = one.view(self, one.takes.read(request.args), **ids)
            else:
                access, for_people = self._access, one.for_agents is may.never
                caller = access.operator() if for_people else access.operator_or_agent()
                Parameters.read(request.args)
                body = one.takes.parse(json_body(request))
                if caller.role == "agent" and not one.for_agents(body):
                    refuse_agent()
                changes = Changes(self._store, f"{caller.role} (api)")
                found = one.view(self, changes, body, **ids)
            if isinstance(found, Response):
                return found
            response = jsonify(found)
            response.status_code = one.success
            return response

        return answer

    # Reading -----------------------------------------------------------------------------------

    @serve("GET", "/api/overview", "Overview", asked.OverviewParameters)
    def overview(self, query: asked.OverviewParameters) -> Json:
        """State with its reasons, totals, daily figures."""
        return self._reads.overview(
            query.days, self._run_interval_minutes, query.since, query.currency
        )

    @serve("GET", "/api/attention", "Attention", asked.AttentionParameters)
    def attention(self, query: asked.AttentionParameters) -> Json:
        """Under-performers and scaling candidates."""
        return self._reads.attention(query.limit)

    @serve("GET", "/api/insights", "Insights")
    def insights(self, _: Parameters) -> Json:
        """What was learnt this week, in sentences with figures."""
        return {"insights": self._reads.insights()}

    @serve("GET", "/api/actions", "Actions", asked.ActionsParameters)
    def actions(self, query: asked.ActionsParameters) -> Json | Response:
        """Actions, newest first."""
        filters = query.filters()
        return _listed("actions", query, lambda *page: self._reads.actions(filters, *page))

    @serve("GET", "/api/happened", "Happened", asked.HappenedParameters)
    def happened(self, query: asked.HappenedParameters) -> Json:
        """All that happened, newest first: actions, rules, settings, changes from outside."""
        return _page(self._reads.everything(query.filters(), query.after, query.limit))

    @serve("GET", "/api/actions/{action_id}", "ActionWithEvidence")
    def action(self, _: Parameters, action_id: str) -> Json:
        """One action with its evidence."""
        return self._reads.action(action_id)

    @serve("POST", "/api/actions/{action_id}/approve", "ActionWithEvidence", asked.Decide)
    def approve(self, changes: Changes, body: asked.Decide, action_id: str) -> Json:
        """Carry out a pending action."""
        changes.decide_pending(action_id, True, body.reason)
        return self._reads.action(action_id)

    @serve("POST", "/api/actions/{action_id}/reject", "ActionWithEvidence", asked.Decide)
    def reject(self, changes: Changes, body: asked.Decide, action_id: str) -> Json:
        """Refuse a pending action."""
        changes.decide_pending(action_id, False, body.reason)
        return self._reads.action(action_id)

    @serve(
        "POST", "/api/actions/{action_id}/rollback", "RolledBack", asked.RollbackOne,
        for_agents=may.preview,
    )  # fmt: skip
    def roll_back_one(self, changes: Changes, body: asked.RollbackOne, action_id: str) -> Json:
        """Take back one action."""
        return changes.roll_back_one(
            action_id, force=body.force, reason=body.reason, preview=body.preview
        )

    @serve("POST", "/api/rollback", "RolledBack", asked.Rollback, for_agents=may.preview)
    def roll_back(self, changes: Changes, body: asked.Rollback) -> Json:
        """Take back a selection, a run, a rule's actions or a span."""
        if body.preview:
            return self._reads.rollback_preview(body.chosen(), force=body.force)
        return changes.roll_back(body.chosen(), force=body.force, reason=body.reason)

    @serve("GET", "/api/opportunities", "Opportunities", asked.OpportunitiesParameters)
    def opportunities(self, query: asked.OpportunitiesParameters) -> Json | Response:
        """Opportunities of one status, the most severe first."""
        filters = query.filters()
        return _listed(
            "opportunities", query, lambda *page: self._reads.opportunities(filters, *page)
        )

    @serve("GET", "/api/opportunities/{opportunity_id}", "Opportunity")
    def opportunity(self, _: Parameters, opportunity_id: str) -> Json:
        """One opportunity."""
        return self._reads.opportunity(opportunity_id)

    @serve(
        "POST", "/api/opportunities/{opportunity_id}/status", "Opportunity", asked.OpportunityStatus
    )
    def set_opportunity(
        self, changes: Changes, body: asked.OpportunityStatus, opportunity_id: str
    ) -> Json:
        """Start, resolve, dismiss or reopen an opportunity."""
        changes.set_opportunity(opportunity_id, body.status, body.reason)
        return self._reads.opportunity(opportunity_id)

    @serve("GET", "/api/rules", "Rules")
    def rules(self, _: Parameters) -> Json:
        """All rules by priority."""
        return {"rules": self._reads.rules()}

    @serve("POST", "/api/rules", "Rule", NewRule, success=201)
    def add_rule(self, changes: Changes, body: NewRule) -> Json:
        """A new rule; inactive unless it says otherwise."""
        return changes.save_rule(body.given())

    @serve("POST", "/api/rules/preview", "Preview", asked.PreviewRule, for_agents=may.always)
    def preview_rule(self, _: Changes, body: asked.PreviewRule) -> Json:
        """What runs would decide now and would have over 30 days (up to 5,000 active campaigns)."""
        return self._reads.rule_preview(body.given()["rule"], body.rule_id)

    @serve("GET", "/api/rules/history", "RuleHistory", asked.RuleHistoryParameters)
    def rule_history(self, query: asked.RuleHistoryParameters) -> Json:
        """Changes of rules, newest first."""
        return {"changes": self._reads.rule_history(query.rule_id, query.limit)}

    @serve("GET", "/api/rules/findings", "Findings")
    def rule_findings(self, _: Parameters) -> Json:
        """What is wrong with the rules."""
        return {"findings": findings(self._store, self._reads.rules(), self._reads.policy())}

    @serve("GET", "/api/rules/scoreboard", "Scoreboard")
    def scoreboard(self, _: Parameters) -> Json:
        """What each rule has achieved in 90 days."""
        return {"scoreboard": self._reads.scoreboard()}

    @serve("GET", "/api/rules/templates", "Templates")
    def templates(self, _: Parameters) -> Json:
        """Rules to start from."""
        return {
            "templates": [
                {"key": one.key, "title": one.title, "why": one.why, "adjust": one.adjust,
                 "rule": one.row}
                for one in TEMPLATES
            ]
        }  # fmt: skip

    @serve("GET", "/api/rules/archived", "ArchivedRules")
    def archived_rules(self, _: Parameters) -> Json:
        """Rules that were put away, the last first."""
        return {"archived": self._reads.archived_rules()}

    @serve("POST", "/api/rules/{rule_id}/archive", "ArchivedRule")
    def archive_rule(self, changes: Changes, _: Sent, rule_id: str) -> Json:
        """Put a rule away; what it has done stays."""
        return changes.archive_rule(rule_id)

    @serve("POST", "/api/rules/{rule_id}/restore", "Rule")
    def restore_rule(self, changes: Changes, _: Sent, rule_id: str) -> Json:
        """Bring a rule back, inactive."""
        return changes.restore_rule(rule_id)

    @serve("GET", "/api/rules/{rule_id}", "ListedRule")
    def rule(self, _: Parameters, rule_id: str) -> Json:
        """One rule."""
        return self._reads.rule(rule_id)

    @serve("PATCH", "/api/rules/{rule_id}", "Rule", RuleChange)
    def change_rule(self, changes: Changes, body: RuleChange, rule_id: str) -> Json:
        """Change the keys given."""
        return changes.save_rule(body.given(), rule_id)

    @serve("GET", "/api/drafts", "Drafts", drafting.DraftsParameters)
    def drafts(self, query: drafting.DraftsParameters) -> Json:
        """Rules that somebody proposes and no run follows, newest first."""
        return self._reads.drafts(query.status, query.limit)

    @serve("POST", "/api/drafts", "Draft", drafting.NewDraft, success=201, for_agents=may.always)
    def draft_rule(self, changes: Changes, body: drafting.NewDraft) -> Json:
        """Propose a rule: a person adopts or discards it."""
        return changes.draft_rule(body.given()["rule"], body.why)

    @serve("POST", "/api/drafts/{draft_id}/adopt", "Draft")
    def adopt_draft(self, changes: Changes, _: Sent, draft_id: str) -> Json:
        """Make a draft a rule, inactive."""
        return changes.decide_draft(draft_id, True)

    @serve("POST", "/api/drafts/{draft_id}/discard", "Draft")
    def discard_draft(self, changes: Changes, _: Sent, draft_id: str) -> Json:
        """Put a draft aside."""
        return changes.decide_draft(draft_id, False)

    @serve("GET", "/api/campaigns", "Campaigns", asked.CampaignsParameters)
    def campaigns(self, query: asked.CampaignsParameters) -> Json | Response:
        """Campaigns, the biggest spenders first unless `sort` says otherwise."""
        filters = query.filters()
        return _listed("campaigns", query, lambda *page: self._reads.campaigns(filters, *page))

    @serve("GET", "/api/campaigns/{campaign_id}", "Campaign", asked.CampaignParameters)
    def campaign(self, query: asked.CampaignParameters, campaign_id: str) -> Json:
        """One campaign with its daily figures, actions and changes."""
        return self._reads.campaign(campaign_id, query.days)

    @serve("PATCH", "/api/campaigns/{campaign_id}", "CampaignState", asked.CampaignChange)
    def change_campaign(self, changes: Changes, body: Any, campaign_id: str) -> Json:
        """Hold, release, automation on or off; its own break-even and value of a conversion."""
        return changes.set_campaign(campaign_id, body.given())

    @serve("GET", "/api/campaigns/{campaign_id}/explanation", "Explanation")
    def explanation(self, _: Parameters, campaign_id: str) -> Json:
        """What would happen to it now, and why."""
        return self._reads.explanation(campaign_id)

    @serve("GET", "/api/runs", "Runs", asked.RunsParameters)
    def runs(self, query: asked.RunsParameters) -> Json | Response:
        """Runs, newest first."""
        return _listed("runs", query, self._reads.runs)

    @serve("POST", "/api/runs", "RunAnswer", RunRequest, for_agents=may.dry_run)
    def start(self, _: Changes, body: RunRequest) -> Response:
        """One run, as `POST /`."""
        key = idempotency_key(request)
        return as_response(self._start_run(body.given(), idempotency_key=key, trigger="api"))

    @serve("GET", "/api/runs/{run_id}", "RunWithActions")
    def run(self, _: Parameters, run_id: str) -> Json:
        """One run with its whole summary."""
        return self._reads.run(run_id)

    @serve("GET", "/api/accounts", "Accounts", asked.AccountsParameters)
    def accounts(self, query: asked.AccountsParameters) -> Json:
        """Accounts, those with the most active campaigns first."""
        return self._reads.accounts(query.account, query.limit)

    @serve("PATCH", "/api/accounts", "Account", asked.AccountChange, for_agents=may.freeze)
    def change_account(self, changes: Changes, body: Any) -> Json:
        """Change the settings given; null: the policy's."""
        given = body.given()
        return changes.set_account(given.pop("account"), given)

    @serve("GET", "/api/forecast", "Forecast", asked.ForecastParameters)
    def forecast(self, query: asked.ForecastParameters) -> Json:
        """The month of each account: so far, and at its end with the range of 8 in 10."""
        return self._reads.forecast(query.account, query.limit)

    @serve("GET", "/api/funnel", "Funnel", funnels.FunnelParameters)
    def funnel(self, query: funnels.FunnelParameters) -> Json:
        """Which step from impression to money explains the change of profit."""
        return self._reads.funnel(query.account, query.campaign_id, query.days)

    @serve("GET", "/api/proof", "Proof", asked.ProofParameters)
    def proof(self, query: asked.ProofParameters) -> Json:
        """What the system did to an account, and what of what it said came true."""
        return self._reads.proof(query.account, query.days)

    @serve("GET", "/api/audit", "Audit")
    def audit(self, _: Parameters) -> Json:
        """Whether the log of actions reproduces the present state of every campaign."""
        return self._reads.audit()

    @serve("GET", "/api/exclusions", "Exclusions", asked.ExclusionsParameters)
    def exclusions(self, query: asked.ExclusionsParameters) -> Json:
        """Days that are left out of the evidence, those in force first."""
        return self._reads.exclusions(query.account, query.campaign_id, query.limit)

    @serve("POST", "/api/exclusions", "Exclusion", asked.Exclude, success=201)
    def exclude(self, changes: Changes, body: asked.Exclude) -> Json:
        """Leave days out of the evidence."""
        return changes.exclude(
            body.from_day,
            body.until_day,
            account=body.account,
            campaign_id=body.campaign_id,
            why=body.why,
        )

    @serve("POST", "/api/exclusions/{exclusion_id}/lift", "Exclusion")
    def lift_exclusion(self, changes: Changes, _: Sent, exclusion_id: str) -> Json:
        """Let days count again that were left out."""
        return changes.lift_exclusion(exclusion_id)

    @serve("GET", "/api/events", "PlannedEvents", asked.EventsParameters)
    def events(self, query: asked.EventsParameters) -> Json:
        """Planned events, the next first, those that are over last."""
        return self._reads.events(query.account, query.campaign_id, query.limit)

    @serve("POST", "/api/events", "PlannedEvent", asked.PlanEvent, success=201)
    def plan_event(self, changes: Changes, body: asked.PlanEvent) -> Json:
        """Say what must not be done, and when."""
        return changes.save_event(body.given())

    @serve("PATCH", "/api/events/{event_id}", "PlannedEvent", asked.EventChange)
    def change_event(self, changes: Changes, body: asked.EventChange, event_id: str) -> Json:
        """Change the keys given."""
        return changes.save_event(body.given(), event_id)

    @serve("POST", "/api/events/{event_id}/delete", "PlannedEvent")
    def delete_event(self, changes: Changes, _: Sent, event_id: str) -> Json:
        """Delete an event, with what it left out of the evidence."""
        return changes.delete_event(event_id)

    @serve("GET", "/api/notify", "Told", asked.ToldParameters)
    def told(self, query: asked.ToldParameters) -> Json:
        """What people are told of, and where; of one account with whether it says so itself."""
        return {"told": self._reads.told(query.account)}

    @serve("PATCH", "/api/notify", "Told", asked.ToldChange)
    def change_told(self, changes: Changes, body: asked.ToldChange) -> Json:
        """Say where people are told of what."""
        return {"told": changes.set_told(body.channels, body.account)}

    @serve("GET", "/api/optimisation", "Optimisation")
    def optimisation(self, _: Parameters) -> Json:
        """Whether budgets are optimised, and what it would have brought, as last worked out."""
        return self._reads.optimisation()

    @serve("POST", "/api/optimisation", "Optimisation", asked.SwitchOptimisation)
    def switch_optimisation(self, changes: Changes, body: asked.SwitchOptimisation) -> Json:
        """Switch budget optimisation on or off."""
        return changes.set_optimisation(body.on)

    @serve("POST", "/api/optimisation/past", "Optimisation")
    def work_out_presets(self, changes: Changes, _: Sent) -> Json:
        """Work out on the last 30 days what each preset would have brought."""
        return changes.work_out_presets()

    @serve("POST", "/api/presets", "UsedPreset", asked.UsePreset)
    def use_preset(self, changes: Changes, body: asked.UsePreset) -> Json:
        """Let a preset hold: its numbers and its switch, both or neither."""
        return changes.use_preset(body.preset)

    @serve("GET", "/api/policy", "Policy")
    def policy(self, _: Parameters) -> Json:
        """Mode and limits."""
        return self._reads.policy()

    @serve("PATCH", "/api/policy", "Policy", asked.PolicyChange, for_agents=may.freeze)
    def change_policy(self, changes: Changes, body: Change) -> Json:
        """Change the settings given; the database knows the ranges."""
        return changes.set_policy(body.given())


def _listed(name: str, query: asked.Listed, read: ReadPage) -> Json | Response:
    """A page, or the list as a file, from `after` on."""
    after = getattr(query, "after", None)
    if query.format == "csv":
        most = query.limit if "limit" in query.model_fields_set else MOST_ROWS
        return csv_answer(read, name, after, most)
    return _page(read(after, query.limit))


def _page(found: Json) -> Json:
    """A page with the key of the next one as an opaque word."""
    return {**found, "next_after": encode_cursor(found["next_after"])}

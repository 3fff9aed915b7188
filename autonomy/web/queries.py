"""What pages and API show: one database call each, the same for both."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from autonomy.errors import DatabaseTimeout, NotFound
from autonomy.forecast.answer import forecast_of
from autonomy.run.explanation import (
    explain_campaign,
    foresee_campaigns,
    preview_now,
    preview_rule,
)
from autonomy.store import Json, Store
from autonomy.web.filters import USUAL_SORT

Filters = Mapping[str, str | None]
REMEMBERED_SECONDS = {
    "portfolio_state": 60.0,
    "dashboard_attention": 30.0,
    "autonomous_insights": 60.0,
    "autonomy_account_days": 60.0,
}
"""Questions that look at every campaign, whose answers change once an hour: pages ask them so often
at most, on each instance. Runs never see a remembered answer."""


class Remembered:
    """A store that remembers the answers to the questions above."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._answers: dict[tuple[str, str], tuple[float, Any]] = {}

    def rpc(self, name: str, **params: Any) -> Any:
        """As the store's; `p_now` does not make another question."""
        if name not in REMEMBERED_SECONDS:
            return self._store.rpc(name, **params)
        key = (name, str({key: value for key, value in params.items() if key != "p_now"}))
        asked_at, answer = self._answers.get(key, (float("-inf"), None))
        if time.monotonic() - asked_at > REMEMBERED_SECONDS[name]:
            answer = self._store.rpc(name, **params)
            self._answers[key] = (time.monotonic(), answer)
        return answer

    def select(self, table: str, **options: Any) -> list[Json]:
        """As the store's."""
        return self._store.select(table, **options)


def _given(filters: Filters) -> dict[str, str]:
    return {name: value for name, value in filters.items() if value is not None}


def spanned(store: Store, chosen: Mapping[str, Any]) -> Json:
    """A rollback's choice with its days as instants. Raises BadRequest: the span is turned round.

    The database knows the account's zone, and with it where a day begins and ends.
    """
    if not {"from", "to"} & chosen.keys():
        return dict(chosen)
    return dict(store.rpc("dashboard_span", p_filter=dict(chosen)))


def _continues(after: Mapping[str, Any], sort: str) -> bool:
    """Whether a page's key is one of a list in this order."""
    value = after["value"]
    if after["sort"] != sort:
        return False
    if sort.endswith("title"):
        return value is not None
    return value is None or bool(re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,30})?", value))


class Reads:
    """Everything that can be looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered = cast(Store, Remembered(store))

    def overview(
        self,
        days: int,
        run_interval_minutes: int,
        since: str | None = None,
        currency: str | None = None,
    ) -> Json:
        """State (since the last visit, where that is known), totals, opportunities, days.

        Money is of one currency (`unknown`: of accounts that state none). Raises BadRequest.
        """
        return dict(
            self._store.rpc(
                "dashboard_overview",
                p_days=days,
                p_since=since,
                p_run_interval_minutes=run_interval_minutes,
                p_currency=currency,
            )
        )

    def money(
        self, currency: str | None, account: str | None, since: str | None, days: int
    ) -> Json:
        """Whether the money is safe, what happened to it, what is best done. Raises NotFound."""
        return dict(
            self._store.rpc(
                "dashboard_money",
                p_currency=currency,
                p_account=account,
                p_since=since,
                p_days=days,
            )
        )

    def attention(self, limit: int = 6) -> Json:
        """Under-performers and scaling candidates, the largest first."""
        return dict(self._remembered.rpc("dashboard_attention", p_limit=limit))

    def policy(self) -> Json:
        """The one row of the policy."""
        return self._store.select("autonomy_policy", limit=1)[0]

    def listed_accounts(self) -> list[Json]:
        """Name and currency of the accounts with the most active campaigns, for the frame."""
        return list(self._remembered.rpc("autonomy_account_days", p_limit=1)["listed"])

    def frozen_by(self) -> Json:
        """Who has frozen everything, and when; both None where nobody knows."""
        rows = self._store.rpc("dashboard_policy_history", p_setting="frozen", p_limit=1)
        row = rows[0] if rows and rows[0]["after"].get("frozen") is True else {}
        return {"frozen_by": row.get("actor"), "frozen_at": row.get("changed_at")}

    def policy_history(self, limit: int = 12) -> list[Json]:
        """Changes of the policy, newest first: when, by whom, what it was and what it is."""
        return list(self._store.rpc("dashboard_policy_history", p_limit=limit))

    def accounts(self, account: str | None = None, limit: int = 200) -> Json:
        """Accounts, those with the most active campaigns first, or one. Raises NotFound."""
        return dict(self._store.rpc("list_autonomous_accounts", p_account=account, p_limit=limit))

    def forecast(self, account: str | None = None, limit: int = 20) -> Json:
        """What spend, revenue and profit will be at the end of the month, of the accounts with the
        most active campaigns or of one. Raises NotFound."""
        return forecast_of(
            self._store.rpc("autonomy_account_days", p_account=account, p_limit=limit)
        )

    def month(self, account: str | None, currency: str | None) -> Json:
        """The month of one account for the overview: that which is asked for, else the largest in
        the currency; and which others there are."""
        found = self._remembered.rpc("autonomy_account_days", p_limit=1)
        listed = found["listed"]
        names = [one["account"] for one in listed if one["account"] == account]
        names += [one["account"] for one in listed if one["currency"] == currency]
        if names and names[0] != listed[0]["account"]:
            found = self._remembered.rpc("autonomy_account_days", p_account=names[0], p_limit=1)
        months = forecast_of(found)["accounts"]
        return {"month": months[0] if months else None, "listed": listed}

    def optimisation(self) -> Json:
        """Whether budgets are optimised, by which rules, and what it would have brought."""
        return dict(self._store.rpc("budget_optimisation"))

    def proof(self, account: str, days: int) -> Json:
        """What was done to an account and what of that came true. Raises NotFound."""
        return dict(self._store.rpc("dashboard_proof", p_account=account, p_days=days))

    def funnel(self, account: str | None, campaign_id: str | None, days: int = 7) -> Json:
        """From impression to money, beside the days before, and which step explains the change, of
        an account or a campaign. Raises BadRequest, NotFound."""
        return dict(
            self._store.rpc(
                "dashboard_funnel", p_account=account, p_campaign_id=campaign_id, p_days=days
            )
        )

    def report(self, account: str, first: date, last: date) -> Json:
        """A span of an account's days: figures, what was done, what it brought, what waits.

        Raises NotFound, BadRequest.
        """
        return dict(
            self._store.rpc(
                "dashboard_report", p_account=account, p_from=str(first), p_until=str(last)
            )
        )

    def told(self, account: str | None = None) -> list[Json]:
        """What people can be told of, of all or of one account, and where. Raises NotFound."""
        return list(self._store.rpc("autonomy_notify_settings", p_account=account))

    def last_told(self, limit: int = 30) -> list[Json]:
        """The last message of each cause and channel, the newest first."""
        return list(self._store.rpc("dashboard_told", p_limit=limit))

    def exclusions(
        self, account: str | None = None, campaign_id: str | None = None, limit: int = 200
    ) -> Json:
        """Days that are left out of the evidence, those in force first."""
        return dict(
            self._store.rpc(
                "list_evidence_exclusions",
                p_account=account,
                p_campaign_id=campaign_id,
                p_limit=limit,
            )
        )

    def events(
        self, account: str | None = None, campaign_id: str | None = None, limit: int = 200
    ) -> Json:
        """Planned events, the next first, those that are over last."""
        return dict(
            self._store.rpc(
                "list_planned_events",
                p_account=account,
                p_campaign_id=campaign_id,
                p_limit=limit,
            )
        )

    def actions(
        self, filters: Filters, after: Mapping[str, Any] | None = None, limit: int = 50
    ) -> Json:
        """Actions, newest first, with the key of the next page."""
        return dict(
            self._store.rpc(
                "dashboard_actions", p_filter=_given(filters), p_after=after, p_limit=limit
            )
        )

    def days_of_actions(self, filters: Filters, days: Sequence[str]) -> Json:
        """Day -> how many actions such a list has, and how many of the day may be taken back."""
        if not days:
            return {}
        return dict(
            self._store.rpc(
                "dashboard_days_of_actions", p_filter=_given(filters), p_days=list(days)
            )
        )

    def everything(
        self, filters: Filters, after: Mapping[str, Any] | None = None, limit: int = 50
    ) -> Json:
        """All that happened, newest first, with the key of the next page."""
        return dict(
            self._store.rpc(
                "dashboard_everything", p_filter=_given(filters), p_after=after, p_limit=limit
            )
        )

    def action(self, action_id: str) -> Json:
        """One action with its evidence. Raises NotFound."""
        return dict(self._store.rpc("dashboard_action", p_action_id=action_id))

    def opportunities(
        self, filters: Filters, after: Mapping[str, Any] | None = None, limit: int = 30
    ) -> Json:
        """Opportunities of one status, the most severe first."""
        return dict(
            self._store.rpc(
                "dashboard_opportunities", p_filter=_given(filters), p_after=after, p_limit=limit
            )
        )

    def opportunity(self, opportunity_id: str) -> Json:
        """One opportunity. Raises NotFound."""
        return dict(self._store.rpc("dashboard_opportunity", p_opportunity_id=opportunity_id))

    def rules(self) -> list[Json]:
        """All rules by priority."""
        return list(self._store.rpc("dashboard_rules"))

    def rule(self, rule_id: str) -> Json:
        """One rule. Raises NotFound."""
        for rule in self.rules():
            if rule["id"] == rule_id:
                return rule
        raise NotFound("There is no such rule.", hint="The list of rules has the ids of all.")

    def rule_preview(self, draft: Json, rule_id: str | None, *, past: bool = True) -> Json:
        """What the rules with this draft do now and would have done. Raises BadRequest."""
        if not past:
            return preview_now(self._store, draft, rule_id)
        return preview_rule(self._store, draft, rule_id)

    def audit(self) -> Json:
        """The log replayed: {"ok", "campaigns_checked", "actions_checked", "differences"}."""
        return dict(self._store.rpc("audit_autonomous_actions"))

    def drafts(self, status: str = "open", limit: int = 100) -> Json:
        """Drafts of rules, newest first."""
        return dict(self._store.rpc("dashboard_rule_drafts", p_status=status, p_limit=limit))

    def rule_page(self, rule_id: str) -> Json:
        """How often a rule was right by what it said, and its money by week."""
        return dict(self._store.rpc("dashboard_rule_page", p_rule_id=rule_id))

    def archived_rules(self) -> list[Json]:
        """Rules that were put away, the last first."""
        return list(self._store.rpc("dashboard_archived_rules")["archived"])

    def insights(self) -> list[Json]:
        """What was learnt this week, in sentences with figures."""
        return list(self._remembered.rpc("autonomous_insights"))

    def rule_history(self, rule_id: str | None = None, limit: int = 50) -> list[Json]:
        """Changes of rules, newest first."""
        return list(self._store.rpc("dashboard_rule_history", p_rule_id=rule_id, p_limit=limit))

    def scoreboard(self) -> list[Json]:
        """How each rule has done in 90 days, by measured impact."""
        return list(self._store.rpc("dashboard_scoreboard"))

    def campaigns(
        self, filters: Filters, after: Mapping[str, Any] | None = None, limit: int = 50
    ) -> Json:
        """Campaigns, the biggest spenders first unless `sort` says otherwise.

        Raises BadRequest; NotFound where `after` is of another order.
        """
        if after is not None and not _continues(after, filters.get("sort") or USUAL_SORT):
            raise NotFound(
                "after: there is no such page.", hint="It is of a list sorted otherwise."
            )
        return dict(
            self._store.rpc(
                "dashboard_campaigns", p_filter=_given(filters), p_after=after, p_limit=limit
            )
        )

    def chosen_campaigns(self, campaign_ids: Sequence[str]) -> list[Json]:
        """These campaigns as the list has them; what is gone is left out."""
        found = self._store.rpc(
            "dashboard_campaigns",
            p_filter={"ids": list(campaign_ids)},
            p_limit=max(len(campaign_ids), 1),
        )
        return list(found["campaigns"])

    def next_decisions(self, campaign_ids: Sequence[str]) -> dict[str, Json]:
        """What a run would do to each of these now, and where its true roi likely lies.

        Nothing where the database takes too long for it: the list is there all the same.
        """
        try:
            return foresee_campaigns(self._remembered, campaign_ids)
        except DatabaseTimeout:
            return {}

    def campaign(self, campaign_id: str, days: int = 60) -> Json:
        """One campaign with its figures, actions and changes. Raises NotFound."""
        return dict(self._store.rpc("dashboard_campaign", p_campaign_id=campaign_id, p_days=days))

    def explanation(self, campaign_id: str) -> Json:
        """What would happen to the campaign now, and why. Raises NotFound."""
        return explain_campaign(self._remembered, campaign_id)

    def runs(self, after: Mapping[str, Any] | None = None, limit: int = 50) -> Json:
        """Runs, newest first."""
        return dict(self._store.rpc("dashboard_runs", p_after=after, p_limit=limit))

    def run(self, run_id: str) -> Json:
        """One run with its whole summary. Raises NotFound."""
        run = self._store.rpc("dashboard_run", p_run_id=run_id)
        if run is None:
            raise NotFound("There is no such run.", hint="The list of runs has the ids of all.")
        return dict(run)

    def run_preview(self) -> Json:
        """What a run would do now, in campaigns and budget a day. Nothing is written down."""
        return dict(self._store.rpc("dashboard_run_preview"))

    def policy_preview(self, changes: Json) -> Json:
        """A run now by the policy as it is and with these changes: {"before", "after"}. Writes
        nothing that lasts. Raises BadRequest."""
        return dict(self._store.rpc("dashboard_preview_policy", p_changes=changes))

    def executed(self, chosen: Mapping[str, Any]) -> int:
        """How many actions of a run, a rule or a span may be taken back. Raises BadRequest."""
        return int(self._store.rpc("dashboard_executed", p_filter=dict(chosen)))

    def rollback_preview(self, chosen: Mapping[str, Any], *, force: bool = False) -> Json:
        """What a rollback would change and what it cannot. Raises BadRequest: nothing chosen."""
        return dict(
            self._store.rpc(
                "rollback_autonomous_actions",
                p_filter=spanned(self._store, chosen),
                p_force=force,
                p_preview=True,
            )
        )

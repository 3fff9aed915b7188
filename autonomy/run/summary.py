"""The result of a run: the guide's shape, extended, never changed."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any

from autonomy.engine import Decision, Decisions
from autonomy.engine.codes import in_order, means
from autonomy.engine.reasons import would_sentence
from autonomy.run.request import RunRequest, timestamp
from autonomy.store import Json

LISTED = 100
"""Held decisions and actions in the answer; the others are counted, `explain` recomputes any."""

OF_ACCOUNTS = ("ACCOUNT_BROKEN", "SUSPECT_DATA", "VALUE_NOT_MEASURED")
"""Codes that say something of an account: of these it is counted how many are held in which."""

COUNT_OF_TYPE = {
    "auto_pause": "campaigns_paused",
    "auto_scale_up": "campaigns_scaled",
    "auto_scale_down": "campaigns_scaled_down",
    "budget_adjusted": "budgets_optimized",
    "auto_resume": "campaigns_resumed",
}


class Summary:
    """Collects what a run found and did."""

    def __init__(self, run_id: str, began: Json, request: RunRequest, now: datetime) -> None:
        self._head: Json = {
            "success": True,
            "timestamp": timestamp(now),
            "run_id": run_id,
            "mode": began["mode"],
            "dry_run": request.dry_run,
            "shard": request.shard,
            "reason": request.reason,
        }
        if began["simulated"]:
            self._head["simulated"] = True
        self._acts = request.dry_run is False and began["mode"] != "observe"
        self._campaigns_evaluated = int(began["campaigns_evaluated"])
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNT_OF_TYPE.values(), 0))
        self._counts.update({"actions_proposed": 0, "opportunities_detected": 0})
        self._held: Counter[str] = Counter()
        self._held_of_accounts: dict[str, Counter[str]] = {}
        self._held_decisions: list[Json] = []
        self._observed: dict[str, Decision] = {}
        self._would: Counter[str] = Counter()
        """What would be done in accounts that are only observed."""
        self._actions: list[Json] = []
        self._failed: list[Json] = []
        self._breakers: list[dict[str, Any]] = []
        self._rules_skipped: list[dict[str, str]] = []
        self._totals: Json = began.get("account_totals") or {}
        self._of_totals: list[Json] = []
        self._warnings = list(began.get("warnings") or []) if request.first_shard else []
        self._delivered: dict[str, dict[str, int]] = {}
        self._extra: Json = {}
        self._silent_rules = {
            rule["id"]
            for rule in began["rules"]
            if isinstance(rule["action"], dict) and rule["action"].get("notify") is False
        }
        self._taken: Counter[bool] = Counter()
        """Actions, by whether their rule asks for no notification."""

    @property
    def silent(self) -> bool:
        """Whether all that there is to tell is of rules that ask for no notification."""
        else_told = self._failed or self._breakers or self._rules_skipped
        return self._taken[True] > 0 and not self._taken[False] and not else_told

    def decided(self, decisions: Decisions) -> None:
        """Count what is held; where nothing will be applied, also what would have been done."""
        self._breakers = decisions.breakers
        self._of_totals = [
            totals_told(self._totals[account], decisions) for account in sorted(self._totals)
        ]
        self._rules_skipped = decisions.rules_skipped
        self._failed += [
            {"campaign_id": one["campaign_id"], "code": "UNREADABLE", "message": one["error"]}
            for one in decisions.candidates_skipped
        ]
        self._observed = decisions.observed
        for would in decisions.observed.values():
            self._would[COUNT_OF_TYPE[would.action_type]] += would.verdict != "hold"
        for decision in decisions:
            if decision.verdict == "hold":
                self._hold(decision, decision.code, decision.reason)
            elif not self._acts:
                self._take(decision, "would act" if decision.verdict == "act" else "would propose")

    def applied(self, batch: list[Decision], answer: Json) -> None:
        """Count what the database did with one batch."""
        by_campaign = {result["campaign_id"]: result for result in answer["results"]}
        for decision in batch:
            result = by_campaign[decision.campaign_id]
            status, code = result["status"], result.get("error")
            if status == "held":
                self._hold(decision, str(code), result.get("message") or decision.reason)
            elif status == "failed":
                self._failed.append(
                    {
                        "campaign_id": decision.campaign_id,
                        "title": decision.title,
                        "action_type": decision.action_type,
                        "code": code,
                        "message": result.get("message"),
                    }
                )
            else:
                # carried out, but not as decided: there was less room than that
                beside = result.get("message") if status == "executed" else None
                self._take(decision, status, beside or "")

    def detected(self, opportunities: int) -> None:
        """Opportunities that stand open now."""
        self._counts["opportunities_detected"] = opportunities

    def measured(self, actions: int) -> None:
        """Actions whose impact was measured in this run."""
        self._extra["actions_measured"] = actions

    def delivered(
        self, account: str, counts: dict[str, int], told: list[Json], warning: str | None
    ) -> None:
        """What of an account's changes is on its platform, and what was refused there."""
        self._delivered[account] = self._delivered.get(account, {}) | counts
        self._failed += told
        self._warnings += [warning] if warning else []

    def asked(self, account: str, take: int, refuse: int, sentences: list[str]) -> None:
        """What an account's platform says of what would be done."""
        self._delivered[account] = {"would_take": take, "would_refuse": refuse}
        self._warnings += sentences

    def stopped_at_deadline(self, left: int) -> None:
        """The next run goes on where this one stopped."""
        self._extra["deadline_reached"] = True
        self._extra["decisions_left_for_next_run"] = left

    def result(self, started: float) -> Json:
        """The `result` object; `started` is on the monotonic clock."""
        return {
            **self._head,
            "actions_taken": dict(self._counts),
            "campaigns_evaluated": self._campaigns_evaluated,
            "held": {code: self._held[code] for code in in_order(self._held)},
            "held_because": {code: means(code) for code in in_order(self._held)},
            "held_of_accounts": {
                code: dict(self._held_of_accounts[code])
                for code in in_order(self._held_of_accounts)
            },
            "held_decisions": self._held_decisions,
            "observed": {name: count for name, count in self._would.items() if count},
            "actions": sorted(
                self._actions, key=lambda one: (one["action_type"], -one["confidence"])
            ),
            "failed": self._failed,
            "rules_skipped": self._rules_skipped,
            "breakers": self._breakers,
            "totals": self._of_totals,
            "delivered": self._delivered,
            "warnings": self._warnings,
            **self._extra,
            "duration_ms": round((time.monotonic() - started) * 1000),
        }

    def _take(self, decision: Decision, status: str, beside: str = "") -> None:
        """In approve mode the counts say what was proposed; a breaker's proposals are no pauses."""
        self._taken[decision.rule_id in self._silent_rules] += 1
        proposed = status in ("pending", "would propose")
        self._counts["actions_proposed"] += proposed
        if not proposed or self._head["mode"] == "approve":
            self._counts[COUNT_OF_TYPE[decision.action_type]] += 1
        if len(self._actions) < LISTED:
            entry = _entry(decision) | {"status": status}
            if beside:
                entry["reason"] += f" {beside}"
            self._actions.append(entry)

    def _hold(self, decision: Decision, code: str, reason: str) -> None:
        self._held[code] += 1
        if code in OF_ACCOUNTS:
            account = decision.case.candidate.account or ""
            self._held_of_accounts.setdefault(code, Counter())[account] += 1
        would = self._observed.get(decision.campaign_id) if code == "OBSERVE" else None
        if would is not None:
            decision, reason = would, would_sentence(would)
        if len(self._held_decisions) < LISTED:
            self._held_decisions.append(_entry(decision) | {"code": code, "reason": reason})


def totals_told(total: Json, decisions: Decisions) -> Json:
    """An account with a total: what its budgets may be together and are, how many are shrunk for
    it, and what they are once what was decided is done."""
    own = [one for one in decisions if one.case.candidate.account == total["account"]]
    change = sum((one.change for one in own if one.verdict == "act"), Decimal(0))
    shrunk = [one for one in own if one.verdict != "hold" and one.case.plan.kind == "total"]
    return {name: total[name] for name in ("account", "currency", "code", "ceiling")} | {
        "active_budget": total["active_budget"],
        "shrunk": len(shrunk),
        "after": float(Decimal(repr(total["active_budget"])) + change),
    }


def _entry(decision: Decision) -> dict[str, Any]:
    return {
        "campaign_id": decision.campaign_id,
        "title": decision.title,
        "currency": decision.case.candidate.currency,
        "action_type": decision.action_type,
        "rule_name": decision.rule_name,
        "previous": decision.previous.to_dict(),
        "new": decision.new.to_dict(),
        "confidence": decision.confidence,
        "reason": decision.reason,
    }

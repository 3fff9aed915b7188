"""The database's side of carrying over, in memory: one account, what it wants, what it wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from autonomy.errors import LeaseLost
from autonomy.platforms.sync import Way
from autonomy.store import Json
from tests.platforms.paper_hands import Hands

ORDER = ("pause", "cut", "resume", "raise")


@dataclass
class Desk:
    """Stands in for a Store. `log`: what was written down, in order."""

    hands: Hands
    push: str = "on"
    wishes: dict[tuple[str, str], Json] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    """Id, field, outcome."""
    rows: list[Json] = field(default_factory=list)
    token: str | None = None
    finished: list[Json] = field(default_factory=list)
    takes_waiting: int = 0
    stale: set[str] = field(default_factory=set)
    """Campaigns of which something else is wanted by now."""
    lose_lease_at: int | None = None

    def want(self, external_id: str, name: str, to: str, **more: Any) -> Json:
        there = self.hands.units_there[external_id]
        base = str(there.budget) if name == "budget" else there.status
        adds = float(to) > float(base) if name == "budget" else to == "active"
        step = {("status", True): "resume", ("status", False): "pause",
                ("budget", True): "raise", ("budget", False): "cut"}[name, adds]  # fmt: skip
        now = self.hands.clock
        wish = {
            "campaign_id": f"c{external_id}", "external_id": external_id, "kind": there.kind,
            "budget_kind": there.budget_kind, "budget_ref": None, "title": there.title,
            "field": name, "wanted": to, "base": base, "base_at": now.isoformat(), "step": step,
            "action_id": None, "by": "action", "wanted_at": now.isoformat(), "state": "waiting",
            "tries": 0, "first_unsure_at": None, "not_before": None,
        }  # fmt: skip
        self.wishes[external_id, name] = {**wish, **more}
        return self.wishes[external_id, name]

    def way(self, **more: Any) -> Way:
        return Way(opener=lambda _: self.hands, moment={"p_now": self._now()}, **more)

    def rpc(self, name: str, **params: Any) -> Any:
        return getattr(self, name)(**{key.removeprefix("p_"): one for key, one in params.items()})

    def begin_platform_pull(self, **told: Any) -> Json:
        self.token = told["token"]
        return {"outcome": "started", "now": self._now(), "account": told["account"],
                "platform": self.hands.name}  # fmt: skip

    def platform_changes_to_push(self, limit: int, token: str, **_: Any) -> Json:
        self._hold(token)
        due = [one for one in self.wishes.values()
               if one["not_before"] is None or one["not_before"] <= self.hands.clock]  # fmt: skip
        listed = sorted(due, key=lambda one: ORDER.index(one["step"]))[:limit]
        return {"push": self.push, "platform": self.hands.name, "currency": "EUR",
                "takes_waiting": self.takes_waiting, "changes": listed}  # fmt: skip

    def record_deliveries(self, outcomes: list[Json], token: str, **_: Any) -> Json:
        if self.lose_lease_at == len(self.rows):
            self.token = "another"
        self._hold(token)
        self.rows += outcomes
        for one in outcomes:
            key = one["campaign_id"].removeprefix("c"), one["field"]
            self.log.append((*key, one["outcome"]))
            self._settle(key, self.wishes[key], one)
        return {"results": [{"outcome": self._became(one)} for one in outcomes]}

    def _became(self, one: Json) -> str:
        return "stale" if one["campaign_id"] in self.stale else str(one["outcome"])

    def finish_platform_pull(self, **told: Any) -> Json:
        self.finished.append(told)
        self.token = None
        return {}

    def _settle(self, key: tuple[str, str], wish: Json, one: Json) -> None:
        outcome, now = one["outcome"], self.hands.clock
        if outcome in ("confirmed", "refused", "person", "gone"):
            del self.wishes[key]
        elif outcome == "sent":
            first = wish["first_unsure_at"] or now.isoformat()
            wish.update(state="unsure", first_unsure_at=first, sent_at=now.isoformat(),
                        tries=one["tries"] + 1)  # fmt: skip
        elif outcome == "later":
            wish.update(state="waiting", first_unsure_at=None, tries=0,
                        not_before=now + timedelta(seconds=one["seconds"] or 300))  # fmt: skip

    def _hold(self, token: str) -> None:
        if token != self.token:
            raise LeaseLost("Another reading took over.")

    def _now(self) -> str:
        return self.hands.clock.isoformat()

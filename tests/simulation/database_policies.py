"""Policies of this system, carried out by its own SQL and its own runner on simulated time."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from autonomy.rules.templates import TEMPLATES
from tests.simulation.world import Market, Observed, Score, Truth

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
SIMULATED = "-c autonomy.simulation=on"

OPTIMISE: Mapping[str, Any] = next(
    template.row for template in TEMPLATES if template.key == "curve"
)


@dataclass(frozen=True)
class Setting:
    """Rules and policy that differ from the shipped ones.

    `off` names default rules that are switched off, `more` are rules that are added, `policy`
    are columns of autonomy_policy.
    """

    off: Sequence[str] = ()
    more: Sequence[Mapping[str, Any]] = ()
    policy: Mapping[str, float] = field(default_factory=dict)


SCALE_RULES = ("Exceptional ROI Aggressive Scale", "High ROI Scale")

# Nobody tells the policy how late orders come: the recommended presets assume a day.
_FLOOR_80 = {"min_confidence": 80, "min_pause_confidence": 80, "conversion_delay_hours": 24}
_GROW = {"min_confidence": 50, "min_pause_confidence": 95, "conversion_delay_hours": 24}

SETTINGS: Mapping[str, Setting] = {
    "four default rules": Setting(),
    "four rules, floor 80": Setting(policy=_FLOOR_80),
    "budget optimisation": Setting(off=SCALE_RULES, more=(OPTIMISE,), policy=_GROW),
    "optimisation and scale rules": Setting(more=(OPTIMISE,), policy=_GROW),
}


class Account:
    """The market's campaigns as rows of a migrated, empty database."""

    def __init__(
        self,
        connection: psycopg.Connection,
        market: Market,
        setting: Setting,
        total: float | None = None,
    ) -> None:
        """`total`: what all budgets may be together, as a share of the campaigns' first ones."""
        self.market, self._connection = market, connection
        self._ids = [
            uuid.uuid5(uuid.NAMESPACE_URL, f"market/{number}")
            for number in range(market.truth.campaigns)
        ]
        self._number = {campaign_id: number for number, campaign_id in enumerate(self._ids)}
        self._known: set[uuid.UUID] = set()
        connection.execute("set synchronous_commit = off")
        self._set_up(setting)
        if total is not None:
            connection.execute(
                "insert into public.autonomy_accounts (account, daily_total)"
                " values ('default', %s)",
                (round(total * float(market.start_budget.sum()), 2),),
            )

    def _set_up(self, setting: Setting) -> None:
        run = self._connection.execute
        for column, value in setting.policy.items():
            run(f"update public.autonomy_policy set {column} = %s", (value,))
        for name in setting.off:
            run(
                "update public.autonomous_rules set is_active = false where rule_name = %s", (name,)
            )
        for rule in setting.more:
            run(
                "insert into public.autonomous_rules"
                " (rule_name, rule_type, condition, action, priority) values (%s, %s, %s, %s, %s)",
                (
                    rule["rule_name"], rule["rule_type"], json.dumps(rule["condition"]),
                    json.dumps(rule["action"]), rule["priority"],
                ),
            )  # fmt: skip

    def launch(self, now: datetime) -> None:
        """Adds the campaigns that start within the next hours."""
        new = [
            (self._ids[n], f"Campaign {n + 1}", float(self.market.budget[n]), now)
            for n in np.flatnonzero(self.market.launched)
            if self._ids[n] not in self._known
        ]
        if new:
            with self._connection.cursor() as cursor:
                cursor.executemany(
                    "insert into public.campaigns (id, title, budget, created_at)"
                    " values (%s, %s, %s, %s)",
                    new,
                )
            self._known.update(row[0] for row in new)

    def ingest(self, bucket: datetime, seen: Observed) -> None:
        rows = np.flatnonzero((seen.spend > 0) | (seen.conversions > 0))
        columns = [
            [self._ids[n] for n in rows],
            *(
                [round(float(measure[n]), 2) for n in rows]
                for measure in (
                    seen.impressions, seen.clicks, seen.conversions, seen.spend, seen.revenue
                )
            ),
        ]  # fmt: skip
        self._connection.execute(
            """
            insert into public.campaign_metrics
              (campaign_id, bucket, impressions, reach, clicks, conversions, spend, revenue)
            select r.id, %s, r.impressions, r.impressions, r.clicks, r.conversions, r.spend,
              r.revenue
            from unnest(%s::uuid[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],
              %s::numeric[]) as r (id, impressions, clicks, conversions, spend, revenue)
            """,
            [bucket, *columns],
        )

    def tell_order_spread(self) -> None:
        """What the shop knows: how much single orders differ."""
        spread = self.market.order_spread()
        known = np.flatnonzero(np.isfinite(spread))
        self._connection.execute(
            """
            update public.campaign_performance p set order_value_cv2 = s.cv2
            from unnest(%s::uuid[], %s::numeric[]) as s (id, cv2) where p.campaign_id = s.id
            """,
            ([self._ids[n] for n in known], [round(float(spread[n]), 4) for n in known]),
        )

    def number_of(self, campaign_id: uuid.UUID) -> int:
        """Its place in the market's arrays."""
        return self._number[campaign_id]

    def carry_out(self, now: datetime) -> None:
        """One run inside the database."""
        self._connection.execute("select public.run_autonomous_operations(%s)", (now,))

    def approve(self, now: datetime) -> None:
        """What a person does who looks in once a day: agrees with all that waits."""
        self._connection.execute(
            """
            select public.approve_autonomous_action(a.id, p_actor => 'person', p_now => %s)
            from public.autonomous_actions a where a.status = 'pending' order by a.id
            """,
            (now,),
        )

    def refresh_statistics(self) -> None:
        """Simulated days pass in seconds, faster than the server looks at its own tables."""
        self._connection.execute("analyze")

    def read_back(self) -> None:
        """What the run changed, into the market."""
        market = self.market
        running = market.running.copy()
        budget = market.budget.copy()
        query = "select id, lower(status) = 'active', budget::float8 from public.campaigns"
        for campaign_id, active, amount in self._connection.execute(query).fetchall():
            running[self._number[campaign_id]] = active
            budget[self._number[campaign_id]] = amount
        market.pause(market.running & ~running)
        market.resume(running & ~market.running)
        market.budget = budget


def play(
    database_url: str,
    setting: Setting,
    seed: int,
    truth: Truth,
    *,
    every_hours: int = 6,
    total: float | None = None,
) -> Score:
    """The whole market under one setting; the database must be migrated and empty."""
    market = Market(seed, truth)
    with psycopg.connect(database_url, autocommit=True, options=SIMULATED) as connection:
        account = Account(connection, market, setting, total)
        play_hours(account, every_hours)
    return market.score()


def play_hours(account: Account, every_hours: int) -> None:
    market = account.market
    while market.hour < market.hours:
        began = START + timedelta(hours=market.hour)
        account.launch(began)
        for _ in range(every_hours):
            market.advance()
        account.ingest(began, market.observe())
        now = began + timedelta(hours=every_hours)
        account.carry_out(now)
        if market.hour % 24 < every_hours:
            account.approve(now)
            account.tell_order_spread()
            if market.hour // 24 in (1, 2, 4, 8, 16, 32):
                account.refresh_statistics()
        account.read_back()

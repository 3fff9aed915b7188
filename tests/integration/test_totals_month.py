"""A total under attack: runs, two shards at once, approvals and hands, while people change budgets,
take things back and lower the total. No action of ours leaves an account above the larger of its
total and what it was before; and a month ends at its total where campaigns can take it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, NamedTuple

import psycopg
import pytest

from autonomy.config import Settings
from autonomy.local import LocalStack
from autonomy.run.runner import Runner
from autonomy.store import Store

BEGINS, MONTH, NEXT = (datetime(2026, 10, 28, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
                       datetime(2026, 12, 1, tzinfo=UTC))  # fmt: skip
TOTAL = 15_000
WORDS = ("update", "pause", "wake", "hold", "scale", "pause by hand", "take back", "take back",
         "approve", "approve", "total", "mode")  # fmt: skip
OPTIMISE = """
insert into autonomous_rules (rule_name, rule_type, condition, action, priority) values ('Optimise',
  'optimize', '{"metric": "spend", "operator": ">=", "threshold": 50}',
  '{"type": "budget_adjusted", "by": "curve", "max_budget": 10000}', 90)
"""
APPROVE = "select approve_autonomous_action(%s, 'me', null, %s)"
# What is refused for a reason of its own: it is paused already, above the total, gone.
REFUSED = ("AO004", "AO006")


class Breach(NamedTuple):
    what: str
    at: datetime
    before: Decimal
    after: Decimal
    ceiling: Decimal


class World:
    """An account of twelve campaigns, an hour or more at a time."""

    def __init__(self, stack: LocalStack, db: psycopg.Connection, seed: int) -> None:
        self.settings = Settings.from_env(stack.environment())
        self.db, self.random, self.now = db, Random(seed), BEGINS
        self.spent, self.done = 0.0, Counter[str]()
        self.breaches: list[Breach] = []
        self.roi: dict[uuid.UUID, float] = {}
        db.execute(OPTIMISE.encode())
        self._tell_the_time()
        for n in range(12):
            budget = self.random.choice((20, 30, 60, 100))
            made = self.value(
                "insert into campaigns (title, status, budget, account, created_at)"
                " values (%s, 'active', %s, 'north', %s) returning id",
                f"Campaign {n}", budget, BEGINS - timedelta(days=40),
            )  # fmt: skip
            self.roi[made] = self.random.choice((0.5, 1.2, 2, 2.5, 3, 3.5, 4, 4))
            for day in range(20):
                spend = round(budget * self.random.uniform(0.8, 1.05), 2)
                self._figures(made, BEGINS - timedelta(days=20 - day), spend)
        db.execute(
            "update autonomy_accounts set monthly_total = %s, currency = 'EUR'"
            " where account = 'north'",
            (TOTAL,),
        )

    def value(self, question: str, *values: Any) -> Any:
        row = self.db.execute(question.encode(), values).fetchone()
        assert row is not None
        return row[0]

    def _tell_the_time(self) -> None:
        self.db.execute("select set_config('autonomy.now', %s, false)", (str(self.now),))

    def _figures(self, campaign: uuid.UUID, bucket: datetime, spend: float) -> None:
        self.db.execute(
            "insert into campaign_metrics"
            " (campaign_id, bucket, impressions, clicks, conversions, spend, revenue)"
            " values (%s, %s, 4000, 200, %s, %s, %s)",
            (campaign, bucket, round(spend / 20, 2), spend, round(self.roi[campaign] * spend, 2)),
        )

    def pass_by(self, hours: int) -> None:
        """What is active spends what it has, more or less."""
        for campaign, budget in self.db.execute(
            "select id, budget from campaigns where lower(status) = 'active'"
        ).fetchall():
            spend = round(float(budget) * hours / 24 * self.random.uniform(0.75, 1.15), 2)
            self.spent += spend if self.now >= MONTH else 0.0
            self._figures(campaign, self.now, spend)
        self.now += timedelta(hours=hours)
        self._tell_the_time()

    def ours(self, what: str, act: Callable[[], object]) -> None:
        """An action of ours, and what it left the account with."""
        before, allowed = self._budgets(), self._ceiling()
        try:
            act()
        except psycopg.Error as error:
            if error.sqlstate not in REFUSED:
                raise
        self.done[what] += 1
        after, ceiling = self._budgets(), max(allowed, self._ceiling())
        if after > max(before, ceiling):
            self.breaches.append(Breach(what, self.now, before, after, ceiling))

    def _budgets(self) -> Decimal:
        return Decimal(
            self.value(
                "select coalesce(sum(budget), 0) from campaigns where lower(status) = 'active'"
            )
        )

    def _ceiling(self) -> Decimal:
        return Decimal(
            self.value("select ceiling from autonomy.totals_in_force(null, %s)", self.now)
        )

    def run(self) -> None:
        if self.random.random() < 0.25:
            self.ours("two shards", self._shards)
        else:
            question = "select run_autonomous_operations(%s)"
            self.ours("run", lambda: self.value(question, self.now))

    def _shards(self) -> None:
        def one(part: int) -> int:
            with closing(Store.from_settings(self.settings)) as store:
                runner = Runner(store, self.settings, clock=lambda: self.now)
                return runner.handle({"shard": f"{part}/2"}).status

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(one, (1, 2))) == [200, 200]

    def person(self) -> None:
        """Somebody does something."""
        campaign = self.random.choice(list(self.roi))
        what = self.random.choice(WORDS)
        self.done[what] += 1
        budget = float(self.value("select budget from campaigns where id = %s", campaign))
        if what == "update":
            self._set(campaign, "budget", round(budget * self.random.choice((0.5, 1.3, 2)), 2))
        elif what in ("pause", "wake"):
            self._set(campaign, "status", "active" if what == "wake" else "paused")
        elif what == "hold":
            self._set(campaign, "hold_until", self.now + timedelta(days=2))
        elif what == "scale":
            new = round(budget * self.random.choice((0.7, 1.2, 2)), 2)
            self.ours(what, lambda: self.value(
                "select auto_scale_campaign(%s, %s::numeric, 'by hand', 85::numeric, %s)",
                campaign, new, self.now))  # fmt: skip
        elif what == "pause by hand":
            self.ours(
                what,
                lambda: self.value(
                    "select auto_pause_campaign(%s, 'by hand', 85::numeric, %s)", campaign, self.now
                ),
            )
        elif what == "take back":
            self._take_back()
        elif what == "approve":
            for (waiting,) in self.db.execute(
                "select id from autonomous_actions where status = 'pending'"
            ).fetchall():
                self.ours(what, partial(self.value, APPROVE, waiting, self.now))
        else:
            self._state(what)

    def _set(self, campaign: uuid.UUID, column: str, value: Any) -> None:
        self.db.execute(f"update campaigns set {column} = %s where id = %s".encode(),
                        (value, campaign))  # fmt: skip

    def _state(self, what: str) -> None:
        account: dict[str, Any] = {"mode": self.random.choice(("approve", None, None))}
        if what == "total":
            account = {
                "monthly_total": self.random.choice((12_000, TOTAL, 18_000)),
                "daily_total": self.random.choice((None, None, 400, 700)),
            }
        for column, value in account.items():
            self.db.execute(f"update autonomy_accounts set {column} = %s".encode(), (value,))

    def _take_back(self) -> None:
        """Which is never refused for the total."""
        latest = self.db.execute(
            "select id from autonomous_actions where status = 'executed'"
            " order by executed_at desc limit 20"
        ).fetchall()
        if latest:
            self.value(
                "select rollback_autonomous_action(%s, 'no', 'me', %s, false, %s)",
                self.random.choice(latest)[0], self.random.random() < 0.5, self.now,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "until", "hours"),
    [
        (1, BEGINS + timedelta(days=6), 6),
        pytest.param(2, NEXT, 1, marks=pytest.mark.long),
        pytest.param(3, NEXT, 3, marks=pytest.mark.long),
    ],
)
def test_no_action_of_ours_leaves_it_above_the_total(
    fresh: LocalStack, seed: int, until: datetime, hours: int
) -> None:
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        world = World(fresh, db, seed)
        while world.now < until:
            world.pass_by(hours)
            world.run()
            if world.random.random() < 0.3 * hours:
                world.person()
        assert world.breaches == []
        assert min(world.done["run"], world.done["two shards"]) > 2, world.done
        assert world.value("select audit_autonomous_actions()")["ok"]


@pytest.mark.long
@pytest.mark.parametrize("hours", [1, 6])
def test_a_month_ends_at_its_total_with_two_shards_at_once(fresh: LocalStack, hours: int) -> None:
    with psycopg.connect(fresh.database_url, autocommit=True) as db:
        world = World(fresh, db, 2)
        while world.now < NEXT:
            world.pass_by(hours)
            world.run()
        assert world.breaches == []
        assert world.spent == pytest.approx(TOTAL, rel=0.02)

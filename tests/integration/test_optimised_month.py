"""No guardrail is weaker: a month of runs with optimisation on, under attack by wrong figures.

Figures come by the hour, and so do the runs of every third day; on the others one comes in four.

Every action of ours is worked out again here, from what the test itself has seen of the campaigns:
no cap is passed by a cent, and nothing moves that may not.
"""

# ruff: noqa: E501 - SQL reads better on its own lines

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random
from typing import Any, NamedTuple

import psycopg
import pytest

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
DIGITS = {"Paris": 2, "Tokyo": 0}
CURRENCY = {"Paris": "EUR", "Tokyo": "JPY"}
MONEY = {"Paris": 1, "Tokyo": 150}  # what a euro is
CAMPAIGNS = {"Paris": 26, "Tokyo": 14}
SETTINGS = {
    "max_step": 2, "max_growth_7d": 3, "max_budget": 50000, "min_budget": 1,
    "growth_breaker_share": 0.3, "growth_breaker_count": 5, "shrink_breaker_share": 0.3,
    "person_hold_days": 7, "hold_days_after_rollback": 7,
}  # fmt: skip
TIGHT = (
    {"max_step": "1.13"}, {"max_growth_7d": "1.27"}, {"max_budget": "90"}, {"min_budget": "33.335"},
    {"growth_breaker_share": "0.04", "growth_breaker_count": "1"}, {"shrink_breaker_share": "0.05"},
    {"max_step": "1.0501", "min_budget": "7"}, {"max_step": "10", "max_growth_7d": "1000"},
)  # fmt: skip
LIMITS = """
select {columns} from autonomy.policies_of(array[%s]) f cross join lateral (select (f.p).*) p
"""


class Action(NamedTuple):
    """An action of ours as the log has it."""

    id: uuid.UUID
    campaign: uuid.UUID
    type: str
    by_curve: bool
    confidence: Decimal
    before: dict[str, Any]
    after: dict[str, Any]
    at: datetime
    status: str


@dataclass
class Campaign:
    """What the test knows of a campaign: how it really earns, and what was done to it."""

    id: uuid.UUID
    account: str
    roi: float  # at its first budget
    curvature: float
    first_budget: float
    role: str
    budget: Decimal | None = None
    status: str = "active"
    typed: list[tuple[datetime, Decimal, Decimal]] = field(default_factory=list)
    switched: datetime | None = None
    switched_on: datetime | None = None
    rolled_back: datetime | None = None

    def returns(self) -> float:
        """Its true roi now."""
        share = float(self.budget or 0) / self.first_budget
        return self.roi * (self.curvature + 1) / (self.curvature + share)


@dataclass
class World:
    db: psycopg.Connection[Any]
    r: Random
    now: datetime = START
    campaigns: dict[uuid.UUID, Campaign] = field(default_factory=dict)
    done: dict[uuid.UUID, Action] = field(default_factory=dict)
    events: list[tuple[str, datetime, datetime, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    rolled_back: set[uuid.UUID] = field(default_factory=set)

    def run(self, query: str, *values: Any) -> list[Any]:
        """In a transaction of its own, whose triggers write this hour."""
        with self.db.transaction():
            self.db.execute("select set_config('autonomy.now', %s, true)", (self.now.isoformat(),))
            cursor = self.db.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def pick(self, *roles: str, number: int = 3) -> list[Campaign]:
        among = [one for one in self.campaigns.values() if one.role in roles]
        return self.r.sample(among, number)

    # What is there -------------------------------------------------------------------------------

    def open(self) -> None:
        for account, number in CAMPAIGNS.items():
            self.run("insert into autonomy_accounts (account, currency) values (%s, %s) on conflict (account)"
                     " do update set currency = excluded.currency", account, CURRENCY[account])  # fmt: skip
            for n in range(number):
                budget = round(self.r.uniform(8, 120) * MONEY[account], DIGITS[account])
                role = ("plain", "person", "feed", "plain", "wild")[n % 5]
                one = Campaign(
                    uuid.UUID(int=self.r.getrandbits(128)), account, self.r.lognormvariate(0.1, 0.6),
                    self.r.choice((0.5, 2, 8)), float(budget), role,
                )  # fmt: skip
                self.run("insert into campaigns (id, title, account, budget, created_at) values (%s, %s, %s, %s, %s)",
                         one.id, f"{account} {n}", account, budget, START - 20 * DAY)  # fmt: skip
                self.campaigns[one.id] = one
        self.run("select set_budget_optimisation(true)")
        self.look()
        for day in range(20, 0, -1):
            self.feed(START - day * DAY, hours=24)

    def look(self) -> None:
        for campaign_id, status, budget in self.run("select id, status, budget from campaigns"):
            one = self.campaigns[campaign_id]
            one.status, one.budget = status, budget

    def limits(self, account: str) -> dict[str, Decimal]:
        columns = ", ".join(f"p.{name}" for name in SETTINGS)
        ((*row,),) = self.run(LIMITS.format(columns=columns), account)
        return {name: Decimal(str(found)) for name, found in zip(SETTINGS, row, strict=True)}

    # What is fed ---------------------------------------------------------------------------------

    def feed(self, bucket: datetime, wrong: str = "", hours: int = 1) -> None:
        """An hour of every active campaign, or so many in one bucket."""
        rows = []
        for one in self.campaigns.values():
            if one.status != "active" or not one.budget or not one.budget.is_finite():
                continue
            spend = min(float(one.budget), 1e9) * hours / 24 * self.r.uniform(0.7, 1.05)
            value = 30.0 * MONEY[one.account]
            expected = spend * one.returns() / value
            orders = self.orders(min(expected, 400.0))
            revenue = 0.0 + sum(
                self.r.lognormvariate(math.log(value) - 0.4, 0.9) for _ in range(orders)
            )
            factor, orders = {"cents": (100, orders), "no tracking": (0, 0)}.get(wrong, (1, orders))
            if wrong == "x100":
                revenue *= 100
            if wrong == "negative":
                revenue = -abs(revenue) - spend
            if wrong == "no tracking":
                revenue, factor = 0.0, 1
            rows.append((one.id, round(spend * factor, 2), round(revenue * factor, 2), orders))
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        for _ in range(2 if wrong == "doubled" else 1):
            self.run(
                """insert into campaign_metrics as m (campaign_id, bucket, impressions, clicks, spend, revenue, conversions)
                   select u.id, %s, 1000, 50, u.spend, u.revenue, u.orders
                   from unnest(%s::uuid[], %s::numeric[], %s::numeric[], %s::numeric[]) u (id, spend, revenue, orders)
                   on conflict (campaign_id, bucket) do update set spend = m.spend + excluded.spend,
                     revenue = m.revenue + excluded.revenue, conversions = m.conversions + excluded.conversions""",
                bucket, *columns)  # fmt: skip

    def orders(self, expected: float) -> int:
        """So many as come where this many are expected."""
        waited, found = self.r.expovariate(1), 0
        while waited < expected:
            waited, found = waited + self.r.expovariate(1), found + 1
        return found

    # What others do ------------------------------------------------------------------------------

    def type(self, one: Campaign, budget: Decimal) -> None:
        """A person sets another budget."""
        old = one.budget
        budget = round(budget, DIGITS[one.account])
        if old is None or budget == old or budget <= 0:
            return
        self.run("update campaigns set budget = %s where id = %s", budget, one.id)
        one.typed.append((self.now, old, budget))
        one.budget = budget

    def people(self) -> None:
        for one in self.pick("person", number=2):
            recently = [at for at, _, _ in one.typed if at > self.now - 8 * DAY]
            if not recently and one.budget:
                self.type(one, one.budget * Decimal(str(self.r.choice((0.31, 0.8, 1.17, 2.6)))))
        (one,) = self.pick("plain", number=1)
        if one.switched is None or one.switched < self.now - 8 * DAY:
            other = "paused" if one.status == "active" else "active"
            self.run("update campaigns set status = %s where id = %s", other, one.id)
            one.switched = self.now
            one.switched_on = self.now if other == "active" else None

    def feed_of_budgets(self) -> None:
        """A program that writes budgets of its own every day."""
        for one in self.campaigns.values():
            if one.role == "feed":
                budget = round(one.first_budget * self.r.uniform(0.9, 1.1), DIGITS[one.account])
                self.run("with a as materialized (select set_config('autonomy.actor', 'feed', true))"
                         " update campaigns set budget = %s from a where id = %s", budget, one.id)  # fmt: skip

    def wild(self) -> None:
        """Budgets that are none, by force."""
        one = self.pick("wild", number=1)[0]
        amount = self.r.choice(("NaN", "0", "1e15", "-5", "0.001", "999999999999.99", None))
        try:
            self.run("update campaigns set budget = %s where id = %s", amount, one.id)
        except psycopg.errors.Error:
            self.seen["budgets refused"] += 1

    def mend(self) -> None:
        self.run(
            "update campaigns set budget = 50 where not (budget between 1 and 1000000) or budget is null"
        )

    def roll_back(self) -> None:
        standing = [a for a in self.done.values()
                    if a.at > self.now - 3 * DAY and a.id not in self.rolled_back]  # fmt: skip
        for action in self.r.sample(standing, min(2, len(standing))):
            ((answer,),) = self.run("select rollback_autonomous_action(%s, 'no', 'Ann', false, false, %s)",
                                    action.id, self.now)  # fmt: skip
            if answer.get("success"):
                self.seen["rolled back"] += 1
                self.rolled_back.add(action.id)
                self.campaigns[action.campaign].rolled_back = self.now

    def policy(self, **columns: Any) -> None:
        names = ", ".join(f"{name} = %s" for name in columns)
        self.run(f"update autonomy_policy set {names}", *columns.values())

    def tighten(self, day: int) -> None:
        given = TIGHT[day % len(TIGHT)]
        free = ", ".join(f"{name} = null" for name in SETTINGS)
        self.run(f"update autonomy_accounts set {free} where account = 'Tokyo'")
        self.policy(**(SETTINGS | given))
        if day % 3 == 0:
            own = {"max_budget": "9000"} | TIGHT[(day + 1) % len(TIGHT)]
            names = ", ".join(f"{name} = %s" for name in own)
            values = [
                Decimal(v) * (MONEY["Tokyo"] if "_budget" in k else 1) for k, v in own.items()
            ]
            self.run(f"update autonomy_accounts set {names} where account = 'Tokyo'", *values)

    def event(self) -> None:
        account, stops = self.r.choice(list(CURRENCY)), self.r.choice(("raises", "cuts", "pauses"))
        until = self.now + timedelta(hours=self.r.randrange(5, 40))
        self.run(f"insert into autonomy.planned_events (account, from_at, until_at, no_{stops}, why) values (%s, %s, %s, true, 'sale')",
                 account, self.now, until)  # fmt: skip
        self.events.append((account, self.now, until, stops))

    def approve(self) -> None:
        for (action_id,) in self.run(
            "select id from autonomous_actions where status = 'pending' order by id"
        ):
            try:
                self.run(
                    "select approve_autonomous_action(%s, 'Ann', null, %s)", action_id, self.now
                )
            except psycopg.DatabaseError:
                self.seen["approvals refused"] += 1
        for action in self.log():
            self.seen["approved"] += 1
            limits = self.limits(self.campaigns[action.campaign].account)
            self.within_caps(action, limits, approved=True)
            self.done[action.id] = action

    # What the product does -----------------------------------------------------------------------

    def operate(self) -> None:
        """A run, and every action of it worked out again."""
        self.look()
        before = {one.id: (one.status, one.budget) for one in self.campaigns.values()}
        held = {row[0] for row in self.run(
            "select id from campaigns where hold_until > %s or not autonomous_enabled", self.now)}  # fmt: skip
        rules_on = bool(self.run("select 1 from autonomous_rules where is_active"))
        ((mode, frozen),) = self.run("select mode, frozen from autonomy_policy")
        self.db.execute("select run_autonomous_operations(%s)", (self.now,))
        new = [a for a in self.log() if a.id not in self.done]
        for action in new:
            assert rules_on, "nothing moves while no rule is active"
            assert mode == "autonomous"
            assert not frozen
            assert action.campaign not in held
        self.changed_as_logged(before, new)
        for account in CURRENCY:
            mine = [a for a in new if self.campaigns[a.campaign].account == account]
            if not mine:
                continue
            limits = self.limits(account)
            self.within_breakers(account, mine, before, limits)
            for action in mine:
                self.within_caps(action, limits)
                self.allowed(action, limits)
        self.done.update((a.id, a) for a in new)

    def changed_as_logged(self, before: dict[uuid.UUID, Any], new: list[Action]) -> None:
        """Whatever has changed of a campaign is in the log, and nothing else is."""
        self.look()
        expected = dict(before)
        for a in new:
            assert number(before[a.campaign][1]) == number(money(a.before))
            assert before[a.campaign][0] == a.before["status"]
            budget = (
                before[a.campaign][1] if a.type in ("auto_pause", "auto_resume") else money(a.after)
            )
            expected[a.campaign] = (a.after["status"], budget)
        for campaign_id, (status, budget) in expected.items():
            one = self.campaigns[campaign_id]
            assert (one.status, number(one.budget)) == (status, number(budget))

    def log(self) -> list[Action]:
        return [Action(*row) for row in self.run(
            """select a.id, a.campaign_id, a.action_type, coalesce(r.action ? 'by', false), a.confidence_score,
                 a.previous_state, a.new_state, a.executed_at, a.status
               from autonomous_actions a left join autonomous_rules r on r.id = a.rule_id
               where a.status = 'executed' and a.executed_at = %s and a.run_id is not null order by a.id""",
            self.now)]  # fmt: skip

    def recent(self, one: Campaign, span: timedelta) -> list[Action]:
        """What was done to it and stands."""
        return [a for a in self.done.values() if a.campaign == one.id and a.at > self.now - span
                and a.id not in self.rolled_back]  # fmt: skip

    def within_caps(self, a: Action, limits: dict[str, Decimal], approved: bool = False) -> None:
        one = self.campaigns[a.campaign]
        old, new = money(a.before), money(a.after)
        self.seen[("curve " if a.by_curve else "rule ") + a.type] += 1
        if a.type in ("auto_pause", "auto_resume"):
            if a.type == "auto_pause" and a.by_curve:
                assert a.confidence >= 95
                floor = max(limits["min_budget"], self.reference(one) / 20)
                unit = Decimal(1).scaleb(-DIGITS[one.account])
                # a floor that was lowered while it waited is for the person to see
                assert approved or old - floor.quantize(unit, ROUND_CEILING) <= unit
            return
        assert new == round(new, DIGITS[one.account]), "whole units"
        if new > old:
            assert new <= old * limits["max_step"]
            lowest = min([old, *(money(p.before) for p in self.recent(one, WEEK))])
            assert new <= lowest * limits["max_growth_7d"]
            assert new <= limits["max_budget"]
        else:
            assert new >= limits["min_budget"]
        if a.by_curve:
            assert old * Decimal("0.7") <= new <= old * Decimal("1.3"), (old, new)
            assert abs(new - old) >= old / 20
            assert new > old or new >= self.reference(one) / 20
            assert not self.recent(one, DAY), "one move a day"

    def reference(self, one: Campaign) -> Decimal:
        ((budget,),) = self.run(
            "select budget from autonomy.reference_budgets where campaign_id = %s", one.id
        )
        assert isinstance(budget, Decimal)
        return budget

    def allowed(self, a: Action, limits: dict[str, Decimal]) -> None:
        one = self.campaigns[a.campaign]
        change = money(a.after) - money(a.before)
        stops = {"auto_pause": "pauses", "auto_resume": "raises"}.get(
            a.type, "raises" if change > 0 else "cuts"
        )
        for account, since, until, what in self.events:
            assert not (account == one.account and since <= self.now < until and what == stops)
        if one.rolled_back is not None and limits["hold_days_after_rollback"] == 7:
            assert self.now >= one.rolled_back + WEEK, "left alone after a rollback"
        if a.type == "auto_resume" or (a.type == "auto_pause" and a.confidence >= 95):
            return
        for at, old, new in one.typed[-1:]:
            against = stops in ("cuts", "pauses") if new > old else stops == "raises"
            assert not (against and at > self.now - WEEK), "not against what a person did last"
        if a.type == "auto_pause" and one.switched_on is not None:
            assert one.switched_on <= self.now - WEEK, "not paused what a person switched on"

    def within_breakers(
        self,
        account: str,
        new: list[Action],
        before: dict[uuid.UUID, Any],
        limits: dict[str, Decimal],
    ) -> None:
        active = sum((amount for one, (status, amount) in before.items()
                      if self.campaigns[one].account == account and status == "active"
                      and amount is not None and amount.is_finite()), Decimal(0))  # fmt: skip
        day = [a for a in self.done.values() if self.campaigns[a.campaign].account == account
               and a.at > self.now - DAY and a.id not in self.rolled_back]  # fmt: skip
        was = [money(a.after) - money(a.before) for a in day if a.type != "auto_resume"]
        now = [money(a.after) - money(a.before) for a in new if a.type != "auto_resume"]
        raised, lowered = sum(c for c in was if c > 0), -sum(c for c in was if c < 0)
        ups = [c for c in now if c > 0]
        if ups and len(ups) + sum(c > 0 for c in was) > limits["growth_breaker_count"]:
            assert raised + sum(ups) <= limits["growth_breaker_share"] * max(active - raised, 0)
        cuts = [-c for c in now if c < 0]
        if cuts and len(cuts) + sum(c < 0 for c in was) > 1:
            base = max(active + lowered - raised, 0)
            assert lowered + sum(cuts) <= limits["shrink_breaker_share"] * base


def money(state: dict[str, Any]) -> Decimal:
    """The budget of a state in the log."""
    budget = state["budget"]
    return Decimal("NaN") if budget is None else Decimal(str(budget))


def number(budget: Decimal | None) -> Decimal | None:
    """NaN is no budget, in the log as in JSON."""
    return None if budget is None or not budget.is_finite() else budget


@pytest.fixture
def world(scratch_database: Callable[[], str], request: pytest.FixtureRequest) -> Iterator[World]:
    url = scratch_database()
    with psycopg.connect(url, autocommit=True, options="-c autonomy.simulation=on") as db:
        db.execute("set synchronous_commit = off")
        made = World(db, Random(request.param))
        made.open()
        yield made


def attack(world: World, day: int, at: int) -> None:
    """What others do in this hour."""
    r = world.r
    if at == 3:
        world.feed_of_budgets()
    if r.random() < 0.08:
        world.people()
    if at == 5 and day % 2:
        world.wild()
    if at == 16 and day % 2:
        world.mend()
    if r.random() < 0.02:
        world.roll_back()
    if r.random() < 0.02:
        world.event()
    if at == 12:
        world.approve()


def attack_settings(world: World, day: int, at: int) -> None:
    """What is believed of the figures changes in mid-month."""
    r = world.r
    if at == 0:
        world.tighten(day)
    if at == 9 and day % 5 == 4:
        world.policy(curvature=r.choice((0.1, 0.5, 2, 8, 100)))
        measured = r.choice((0.25, 1, 2, 16))
        world.run("select autonomy.use_measured('Paris', 'curvature', %s)", measured)
    if at == 10 and day % 6 in (0, 5):
        odd = day % 6 == 5
        factor = r.choice((0.01, 0.7, 1, 10)) if odd else 1
        world.run("update autonomy_accounts set attribution_factor = %s", factor)
        world.policy(break_even_roi=r.choice((0.01, 0.5, 1, 1.5, 100)) if odd else 1)


def switch(world: World, day: int, at: int) -> None:
    """Everything that stops it is used for some hours."""
    if at in (11, 17):
        observed = at == 11 and day % 7 == 5
        world.policy(frozen=at == 11 and day % 7 == 3, mode="observe" if observed else "autonomous")
    if at == 13:
        mode = "approve" if day % 4 == 2 else None
        world.run("update autonomy_accounts set mode = %s where account = 'Tokyo'", mode)
    if at == 19:
        world.run("update autonomous_rules set is_active = %s", day % 8 != 6)
    if at == 23:
        world.run("update autonomous_rules set is_active = true")


def live(world: World, days: int) -> None:
    kinds = ["cents", "x100", "no tracking", "doubled", "negative"]
    world.r.shuffle(kinds)
    plan = {3 + 5 * n + extra: kind for n, kind in enumerate(kinds)
            for extra in ((0, 1) if kind == "no tracking" else (0,))}  # fmt: skip
    for hour in range(days * 24):
        day, at = divmod(hour, 24)
        world.now = START + hour * HOUR
        world.feed(world.now - HOUR, plan.get(day, ""))
        for doing in (attack_settings, switch, attack):
            doing(world, day, at)
        if day % 3 == 0 or at % 4 == 0:  # all 720 would take twice the time
            world.operate()
        if at == 0 and day in (1, 2, 4, 8, 12, 16, 20, 24):
            world.db.execute("vacuum analyze")


@pytest.mark.long
@pytest.mark.parametrize("world", [19], indirect=True)
def test_a_month_under_attack(world: World) -> None:
    live(world, days=30)
    assert world.seen["curve budget_adjusted"] > 100, "the month has tried what it is about"


@pytest.mark.parametrize("world", [7], indirect=True)
def test_switched_off_it_stays_off(world: World) -> None:
    """Whatever switches all rules on."""
    live(world, days=2)
    world.policy(**SETTINGS)
    world.run("select set_budget_optimisation(false)")
    world.run("update autonomous_rules set is_active = true")
    moved = world.seen["curve budget_adjusted"] + world.seen["curve auto_pause"]
    assert moved > 10
    for _ in range(8):
        world.now += 4 * HOUR
        world.feed(world.now - 4 * HOUR, hours=4)
        world.operate()
    assert world.seen["curve budget_adjusted"] + world.seen["curve auto_pause"] == moved
    world.run("update autonomous_rules set is_active = false")
    world.now += DAY
    world.operate()

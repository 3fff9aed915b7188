"""What must hold whatever comes in: each property tries to break a guardrail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy.engine import Decision, Decisions, decide
from autonomy.engine.candidate import Candidate
from autonomy.engine.policy import Policy
from autonomy.engine.traced_conditions import read
from autonomy.rules.language import Rule
from tests.unit import drawn
from tests.unit.campaigns import DEFAULT_RULES, NOW, campaign, rule, scale_up, winner

Rows = list[dict[str, Any]]
WIDE = {  # a portfolio in which no breaker trips
    "active_campaigns": 10_000,
    "active_budget": 1e12,
    "tracking": {"tripped": False},
}
thorough = settings(max_examples=50, deadline=None)


def run(rules: Rows, rows: Rows, limits: dict[str, Any], portfolio: Any = None) -> Decisions:
    return decide(rules, rows, Policy.checked(limits), NOW, portfolio)


def acted(decisions: Decisions) -> set[str]:
    return {one.campaign_id for one in decisions if one.verdict == "act"}


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_rules_does_not_matter(
    rules: Rows, rows: Rows, limits: dict[str, Any], luck: Any
) -> None:
    """With the breakers counting over the rows themselves."""
    shuffled_rules, shuffled = list(rules), list(rows)
    luck.shuffle(shuffled_rules)
    luck.shuffle(shuffled)
    first, second = run(rules, rows, limits), run(shuffled_rules, shuffled, limits)
    assert [one.to_dict() for one in first] == [one.to_dict() for one in second]
    assert first.breakers == second.breakers


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_no_action_without_an_active_rule_that_holds(
    rules: Rows, rows: Rows, limits: dict[str, Any]
) -> None:
    by_id = {row["campaign_id"]: Candidate.from_row(row) for row in rows}
    by_name = {row["rule_name"]: Rule.parse(row) for row in rules}
    for one in run(rules, rows, limits).to_apply:
        deciding = by_name[one.rule_name]
        assert deciding.is_active
        assert read(deciding.condition, by_id[one.campaign_id])[0] is True


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_never_two_decisions_on_a_campaign(rules: Rows, rows: Rows, limits: dict[str, Any]) -> None:
    ids = [one.campaign_id for one in run(rules, rows + rows, limits)]
    assert len(ids) == len(set(ids))


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_no_raise_exceeds_any_cap(rules: Rows, rows: Rows, limits: dict[str, Any]) -> None:
    policy = Policy.checked(limits)
    by_name = {row["rule_name"]: row["action"] for row in rules}
    lows = {row["campaign_id"]: row["budget_low_7d"] for row in rows}
    for one in run(rules, rows, limits).to_apply:
        old, new = one.previous.budget, one.new.budget
        if old is None or new is None or new <= old:
            continue
        low = Decimal(repr(lows[one.campaign_id]))
        assert new == new.quantize(Decimal("0.01"))
        assert new <= old * policy.max_step
        assert new <= low * policy.max_growth_7d
        assert new <= policy.max_budget
        cap = by_name[one.rule_name].get("max_budget")
        assert cap is None or new <= Decimal(repr(cap))
        assert (new - old) * 100 >= old


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_no_cut_goes_below_the_floor(rules: Rows, rows: Rows, limits: dict[str, Any]) -> None:
    policy = Policy.checked(limits)
    by_name = {row["rule_name"]: row["action"] for row in rules}
    for one in run(rules, rows, limits).to_apply:
        old, new = one.previous.budget, one.new.budget
        if old is None or new is None or new >= old:
            continue
        assert new >= policy.min_budget
        assert new >= Decimal(repr(by_name[one.rule_name].get("min_budget", 0)))
        assert new > 0 or policy.min_budget == 0


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies, st.floats(0, 100))
def test_raising_the_floor_never_adds_an_action(
    rules: Rows, rows: Rows, limits: dict[str, Any], higher: float
) -> None:
    """Campaign by campaign, before the breakers.

    With them it cannot hold to the letter, and need not: fewer pauses keep the pause breaker from
    asking a person, and a raise that is held leaves room for another under the growth breaker.
    """
    floors = ("min_confidence", "min_pause_confidence")
    raised = limits | {name: max(higher, limits[name]) for name in floors}
    assert acted(run(rules, rows, raised, WIDE)) <= acted(run(rules, rows, limits, WIDE))


lower = st.fixed_dictionaries(
    {},
    optional={
        "max_step": st.just(1.0),
        "max_growth_7d": st.just(1.0),
        "max_budget": st.sampled_from([0.0, 50.0]),
    },
)


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies, lower)
def test_lowering_a_cap_never_adds_an_action(
    rules: Rows, rows: Rows, limits: dict[str, Any], caps: dict[str, float]
) -> None:
    """Campaign by campaign, before the breakers. Where a raise no longer fits, a rule further
    down may decide the campaign instead; a campaign that was left alone stays left alone."""
    narrowed = limits | {name: min(cap, limits[name]) for name, cap in caps.items()}
    assert acted(run(rules, rows, narrowed, WIDE)) <= acted(run(rules, rows, limits, WIDE))


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies, lower)
def test_lowering_a_cap_never_raises_more(
    rules: Rows, rows: Rows, limits: dict[str, Any], caps: dict[str, float]
) -> None:
    narrowed = limits | {name: min(cap, limits[name]) for name, cap in caps.items()}
    before = {one.campaign_id: one for one in run(rules, rows, limits, WIDE)}
    for one in run(rules, rows, narrowed, WIDE):
        assert one.raise_of <= before[one.campaign_id].raise_of or outranked_before(one, before)


def outranked_before(one: Decision, before: dict[str, Decision]) -> bool:
    """A rule further down decides now: its raise is its own, and still within its caps."""
    return one.rule_name != before[one.campaign_id].rule_name


@thorough
@given(drawn.rules(), drawn.portfolios(most=25), drawn.policies)
def test_the_breakers_hold_whatever_the_rules_want(
    rules: Rows, rows: Rows, limits: dict[str, Any]
) -> None:
    policy = Policy.checked(limits)
    answer = run(rules, rows, limits)
    acts = [one for one in answer if one.verdict == "act"]
    pauses = [one for one in acts if one.is_pause]
    assert len(pauses) <= max(policy.pause_breaker_count, policy.pause_breaker_share * len(rows))
    ups = [one.raise_of for one in acts if one.raise_of > 0]
    budget = sum((Decimal(repr(row["budget"])) for row in rows if row["budget"]), Decimal(0))
    assert len(ups) <= policy.growth_breaker_count or sum(ups) <= Decimal("0.3") * budget


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_frozen_means_nothing(rules: Rows, rows: Rows, limits: dict[str, Any]) -> None:
    assert run(rules, rows, limits | {"frozen": True}).to_apply == []


@thorough
@given(drawn.rules(), drawn.portfolios(), drawn.policies)
def test_every_decision_explains_itself(rules: Rows, rows: Rows, limits: dict[str, Any]) -> None:
    for one in run(rules, rows, limits):
        assert one.rule_name in one.reason
        assert "nan" not in one.reason
        assert "{" not in one.reason
        assert [entry["code"] for entry in one.matched][one.place] == one.code


# Over time


def after(rows: dict[str, dict[str, Any]], decisions: Sequence[Decision], now: datetime) -> None:
    """Carries out what was decided, as the database would."""
    for one in decisions:
        row = rows[one.campaign_id]
        row["last_action_at"] = now
        if one.is_pause:
            row["last_pause_at"] = now
            row["paused_action"] = row["was_paused"]
            row["is_active"] = False
        elif one.action_type == "auto_resume":
            row["last_pause_at"] = row["last_resume_at"] = now
            row["paused_action"] = None
            row["is_active"] = True
        elif one.new.budget is not None and one.previous.budget is not None:
            row["history"].append((now, one.previous.budget))
            row["budget"] = one.new.budget
        row["status"] = one.new.status


def lowest(row: dict[str, Any], now: datetime) -> Decimal:
    week = [old for time, old in row["history"] if time > now - timedelta(days=7)]
    return Decimal(min([row["budget"], *week]))


@pytest.mark.parametrize(
    ("pausing", "at_least", "kinds"),
    [
        (DEFAULT_RULES, 15, {"auto_pause", "auto_resume", "auto_scale_up"}),
        ([], 40, {"auto_scale_up", "auto_scale_down"}),
    ],
)
def test_a_thousand_runs_over_an_oscillating_campaign_never_act_twice_within_a_cooldown(
    pausing: Rows, at_least: int, kinds: set[str]
) -> None:
    """It looks hopeless one hour and splendid the next; every rule wants something each time."""
    rules = [
        *pausing,
        scale_up("Up", priority=3),
        rule("Down", priority=2, rule_type="scale",
             action={"type": "auto_scale_down", "multiplier": 0.5}),
    ]  # fmt: skip
    was_paused = {"rule_id": "x", "rule_name": "x", "status": "active", "budget": 100.0,
                  "break_even": 1.0}  # fmt: skip
    good, bad = winner(1), campaign(1)
    row = campaign(1) | {"history": [], "was_paused": was_paused}
    acts: list[tuple[datetime, str]] = []
    for hour in range(1000):
        now = NOW + timedelta(hours=hour)
        shape = good if hour % 2 else bad
        row |= {"metrics": shape["metrics"], "evidence": shape["evidence"]}
        row["budget_low_7d"] = lowest(row, now)
        decisions = decide(rules, [row], Policy(), now)
        after({row["campaign_id"]: row}, decisions.to_apply, now)
        acts += [(now, one.action_type) for one in decisions.to_apply]
    assert len(acts) >= at_least
    assert {kind for _, kind in acts} == kinds
    cooldown = timedelta(hours=24)
    for (earlier, first), (later, second) in pairwise(acts):
        stops = second == "auto_pause" and first not in ("auto_pause", "auto_resume")
        assert later - earlier >= cooldown or stops, (first, second)
    resumes = [time for time, kind in acts if kind == "auto_resume"]
    assert all(b - a >= timedelta(days=7) for a, b in pairwise(resumes))


def test_a_portfolio_scaled_hourly_for_30_days_keeps_its_caps_to_the_cent() -> None:
    """No cooldown, a rule that always raises: growth is bounded, and money stays exact."""
    up = scale_up("Up", multiplier=1.333, action={"cooldown_hours": 0, "max_budget": 50_000})
    policy = Policy()
    budgets = [0.01, 0.37, 33.33, 100.0, 199.99, 7_777.77]
    rows = {
        row["campaign_id"]: row | {"history": [], "budget": Decimal(repr(budget))}
        for row, budget in zip(map(winner, range(len(budgets))), budgets, strict=True)
    }
    seen: dict[str, list[tuple[datetime, Decimal]]] = {number: [] for number in rows}
    for hour in range(30 * 24):
        now = NOW + timedelta(hours=hour)
        for number, row in rows.items():
            row["budget_low_7d"] = lowest(row, now)
            seen[number].append((now, row["budget"]))
        decisions = decide([up], rows.values(), policy, now, WIDE)
        for one in decisions.to_apply:
            assert one.new.budget == expected(one, policy, rows[one.campaign_id])
        after(rows, decisions.to_apply, now)
    for number, history in seen.items():
        assert rows[number]["budget"] <= policy.max_budget
        for place, (time, budget) in enumerate(history):
            week = [b for t, b in history[:place] if t > time - timedelta(days=7)]
            assert budget <= 3 * min(week, default=budget), (number, time)
    assert rows[winner(3)["campaign_id"]]["budget"] > 1_000


def expected(one: Decision, policy: Policy, row: dict[str, Any]) -> Decimal:
    """The budget worked out a second time, in whole cents."""
    old: Decimal = row["budget"]
    wanted = int(old * 100 * Decimal("1.333") + Decimal("0.5"))
    growth: Decimal = (row["budget_low_7d"] * 3).quantize(Decimal("0.01"), ROUND_DOWN)
    return min(Decimal(wanted) / 100, old * policy.max_step, growth, policy.max_budget)

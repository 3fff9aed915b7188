"""Hypothesis strategies for rules, campaigns and policies: dirty, extreme and plain ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from autonomy.rules.language import METRICS, WINDOWS
from tests.unit.campaigns import NOW, ago, ahead

ACCOUNTS = ("default", "north", "south")
SOME_WINDOWS = ("lifetime", "7d", "prior_7d", "1d")

thresholds = st.one_of(
    st.sampled_from([0, 0.5, 0.7, 1, 1.0, 1.5, 2.1, 3, 4.0, 10, 100, 1000]),
    st.floats(0, 1e6, allow_nan=False).map(lambda x: round(x, 3)),
)
comparisons = st.sampled_from(["<", "<=", ">", ">=", "=", "!="])
metrics = st.sampled_from(METRICS)
windows = st.sampled_from(SOME_WINDOWS)


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for key in ("min_spend", "min_conversions", "min_clicks", "min_duration_hours"):
        if draw(st.integers(0, 5)) == 0:
            chosen[key] = draw(thresholds)
    if draw(st.integers(0, 9)) == 0:
        chosen["account"] = draw(st.sampled_from(ACCOUNTS))
    if draw(st.integers(0, 9)) == 0:
        chosen["title_contains"] = draw(st.sampled_from(["camp", "Brand", "1"]))
    return chosen


@st.composite
def flat(draw: st.DrawFn) -> dict[str, Any]:
    """A comparison with a number, two bounds, or another metric."""
    condition: dict[str, Any] = {"metric": draw(metrics)}
    if draw(st.booleans()):
        condition["window"] = draw(windows)
    form = draw(st.sampled_from(["number", "number", "between", "than"]))
    if form == "between":
        low, high = sorted([draw(thresholds), draw(thresholds)])
        condition |= {"operator": "between", "threshold": [low, high]}
    elif form == "than":
        than: dict[str, Any] = {"metric": draw(metrics), "window": draw(windows)}
        than["times"] = draw(st.sampled_from([0.7, 1, 1.3, 3]))
        condition |= {"operator": draw(comparisons), "than": than}
    else:
        condition |= {"operator": draw(comparisons), "threshold": draw(thresholds)}
    return condition | draw(filters())


@st.composite
def nested(draw: st.DrawFn, members: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    form = draw(st.sampled_from(["all", "any", "not"]))
    inside: Any = (
        draw(members) if form == "not" else draw(st.lists(members, min_size=1, max_size=3))
    )
    return {form: inside} | draw(filters())


conditions: st.SearchStrategy[dict[str, Any]] = st.recursive(flat(), nested, max_leaves=6)


def _common(draw: st.DrawFn) -> dict[str, Any]:
    action: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        action["min_confidence"] = draw(st.sampled_from([0, 20, 50, 80, 95, 100]))
    if draw(st.integers(0, 3)) == 0:
        action["cooldown_hours"] = draw(st.sampled_from([0, 1, 24, 100]))
    if draw(st.integers(0, 3)) == 0:
        action["break_even_roi"] = draw(st.sampled_from([0.5, 1, 1.5, 4]))
    if draw(st.integers(0, 7)) == 0:
        action["requires_approval"] = draw(st.booleans())
    return action


money = st.integers(1, 5_000_000).map(lambda cents: cents / 100)


@st.composite
def actions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """(rule_type, action)"""
    form = draw(st.sampled_from(["pause", "up", "down", "set", "curve"]))
    common = _common(draw)
    if form == "pause":
        return "pause", {"type": "auto_pause"} | common
    if form == "up":
        factor = draw(st.sampled_from([1.005, 1.2, 1.333, 1.5, 2.0, 3.7]))
        up = {"type": "auto_scale_up", "multiplier": factor, "max_budget": draw(money)}
        return "scale", up | common
    if form == "down":
        factor = draw(st.sampled_from([0.1, 0.333, 0.8, 0.995]))
        down = {"type": "auto_scale_down", "multiplier": factor} | common
        return "scale", down | ({"min_budget": draw(money)} if draw(st.booleans()) else {})
    if form == "set":
        return "optimize", {"type": "budget_adjusted", "budget": draw(money)} | common
    return "optimize", {"type": "budget_adjusted", "by": "curve"} | common


@st.composite
def rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules with ties in priority, some inactive."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        rule_type, action = draw(actions())
        made.append(
            {
                "id": f"{number:08d}-0000-0000-0000-00000000000a",
                "rule_name": draw(st.sampled_from(["a", "B", "ä", "z", "Z"])) + f" {number}",
                "rule_type": rule_type,
                "condition": draw(conditions),
                "action": action,
                "priority": draw(st.sampled_from([0, 50, 50, 100])),
                "is_active": draw(st.integers(0, 7)) > 0,
            }
        )
    return made


counts = st.one_of(st.integers(0, 30), st.integers(0, 10**9), st.none())
amounts = st.one_of(
    st.integers(0, 200_000).map(lambda cents: cents / 100),
    st.sampled_from([0.0, 0.01, 1e12, -50.0]),
    st.none(),
)
measures = st.fixed_dictionaries(
    {
        "impressions": counts,
        "reach": counts,
        "clicks": counts,
        "conversions": counts,
        "spend": amounts,
        "revenue": amounts,
    }
)
evidence = st.fixed_dictionaries(
    {
        "spend": amounts,
        "conversions": st.one_of(st.floats(0, 200), st.none()),
        "revenue": amounts,
        "cv2": st.one_of(st.none(), st.floats(0, 5)),
        "days": st.one_of(st.floats(0, 60), st.none()),
        "matured_share": st.floats(0, 1),
        "has_history": st.booleans(),
        "effective_spend": amounts,
    }
)
times = st.one_of(
    st.none(), st.floats(0, 200).map(lambda hours: ago(hours=hours)), st.just(ahead(hours=5))
)
budgets = st.one_of(
    st.integers(1, 6_000_000).map(lambda cents: cents / 100),
    st.sampled_from([None, 0.0, 0.01, 50_000.0, 99_999.99]),
)

references = st.one_of(budgets, st.sampled_from([1e-9, 1e-6, -1.0, 1e15, 1e18, float("nan")]))


@st.composite
def candidates(draw: st.DrawFn, number: int | None = None) -> dict[str, Any]:
    """A campaign's row as the database hands it over."""
    number = draw(st.integers(1, 10**6)) if number is None else number
    budget = draw(budgets)
    low = draw(st.sampled_from([1.0, 1.0, 0.5, 0.25]))
    return {
        "campaign_id": f"{number:08d}-0000-0000-0000-000000000000",
        "title": draw(st.sampled_from(["Campaign 1", "BRAND x", "Summer", None])),
        "account": draw(st.sampled_from([*ACCOUNTS, None])),
        "status": "Active",
        "is_active": True,
        "budget": budget,
        "hours_running": draw(st.one_of(st.floats(0, 5000), st.none())),
        "autonomous_enabled": draw(st.integers(0, 9)) > 0,
        "hold_until": draw(times) if draw(st.integers(0, 5)) == 0 else None,
        "data_age_hours": draw(st.sampled_from([0.5, 10.0, 48.0, 49.0, None])),
        "metrics": {window: draw(measures) for window in SOME_WINDOWS},
        "evidence": draw(evidence),
        "last_action_at": draw(times),
        "last_pause_at": draw(times),
        "last_resume_at": draw(times),
        "budget_low_7d": None if budget is None else round(budget * low, 2),
        "pending": draw(st.integers(0, 9)) == 0,
        "test_running": draw(st.integers(0, 9)) == 0,
        "holdout_draw": draw(st.floats(0, 1, exclude_max=True)),
        "paused_action": None,
        "reference_budget": draw(references),
        "curvature": draw(st.sampled_from((None, None, 0.5, 8.0, 0.0, 1e9))),
        "put_back": draw(st.integers(0, 9)) == 0,
    }


@st.composite
def portfolios(draw: st.DrawFn, most: int = 12) -> list[dict[str, Any]]:
    """Some campaigns with ids of their own."""
    return [draw(candidates(number=number + 1)) for number in range(draw(st.integers(0, most)))]


policies = st.fixed_dictionaries(
    {
        "min_confidence": st.sampled_from([0.0, 20.0, 50.0, 80.0, 100.0]),
        "min_pause_confidence": st.sampled_from([0.0, 50.0, 80.0, 95.0, 100.0]),
        "cooldown_hours": st.sampled_from([0.0, 24.0, 72.0]),
        "max_step": st.sampled_from([1.0, 1.25, 2.0, 5.0]),
        "max_growth_7d": st.sampled_from([1.0, 1.5, 3.0, 10.0]),
        "max_budget": st.sampled_from([0.0, 100.0, 5_000.0, 50_000.0]),
        "min_budget": st.sampled_from([0.0, 1.0, 33.335]),
        "holdout_share": st.sampled_from([0.0, 0.3]),
        "curvature": st.sampled_from([0.25, 2.0, 16.0]),
        "break_even_roi": st.sampled_from([0.8, 1.0, 1.5]),
    }
)

__all__ = ["NOW", "WINDOWS", "candidates", "conditions", "policies", "portfolios", "rules"]

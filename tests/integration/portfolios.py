"""Random portfolios for the differential test: campaigns, rules, policy and past, made to collide.

Drawn from a seed rather than by Hypothesis strategies: forty campaigns with sixty figures each
would take longer to draw than to decide. Figures and thresholds come from the same short lists, so
that comparisons hit equality, caps are met to the cent and cooldowns end on the second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 22, 10, 17, 33, 123456, tzinfo=UTC)
MEASURES = ("impressions", "reach", "clicks", "conversions", "spend", "revenue")
PREFIXES = ("w1", "w3", "w7", "w14", "w30", "p1", "p3", "p7", "p14", "p30")
WINDOWS = ("lifetime", *(f"{n}d" for n in (1, 3, 7, 14, 30)))
WINDOWS = (*WINDOWS, *(f"prior_{n}d" for n in (1, 3, 7, 14, 30)))
METRICS = (
    "roi", "ctr", "conversion_rate", "cpa", "cpc", "aov", "spend", "revenue", "profit",
    "impressions", "clicks", "conversions", "budget", "hours_running", "frequency",
)  # fmt: skip
OPERATORS = ("<", "<=", ">", ">=", "=", "!=")
TITLES = ("Summer Festival", "summer sale", "Brand", "100% x_y", 'O\'Hara \\ "q"', "", None)
RULE_NAMES = ("Pause", "pause", "Zeta", "alpha", "Ärger", "it's; drop table x --", "b", "規則")
THRESHOLDS = (0, 0.5, 0.7, 1, 1.0, 1.5, 2, 2.1, 3, 3.0, 4, 10, 24, 50, 100, 1000, 1e6, 1e15)
COSTS = (0, 1e-9, 1e-6, 0.05, 1, 5, 12.5, 20, 50, 300, 1e6, 1e9, 1e15)
BUDGETS = (
    None, 0, 0.01, 0.99, 1, 1.01, 33.333, 80, 90, 110, 140.5, 500, 700.7, 1000,
    49.99, 66.6675, 100, 100, 100.1, 120, 150, 3, 200.05,
    9999.99, 10000, 24999.99, 25000.01, 49999.99, 50000, 60000, 999999999999.99, "NaN",
)  # fmt: skip
MONEY = (
    0,
    0.01,
    10,
    600,
    2000,
    8000,
    750.5,
    33.33,
    49.99,
    50,
    50.01,
    99.99,
    100,
    100,
    150,
    300,
    500,
    1000,
    1234.56,
    40000,
)
COUNTS = (0, 0, 1, 2, 3, 5, 9, 10, 11, 19, 20, 21, 50, 100, 101, 300, 1000, 12345)
EXTREMES = (
    None,
    None,
    None,
    "NaN",
    "Infinity",
    "-Infinity",
    1e18,
    1.1e18,
    9.2e18,
    1e300,
    1e-12,
    -50,
)
STATUSES = ("active",) * 8 + ("Active", "ACTIVE", "paused", "paused", "Paused", "archived", None)
HOURS = (0, 0.5, 23.999, 24, 24.001, 47, 48, 71.9, 100, 168, 240, 500, 719.98, 1500, 5000)
HOLDS = (
    (NOW + timedelta(hours=1)).isoformat(), NOW.isoformat(), (NOW - timedelta(hours=5)).isoformat(),
    "infinity", "-infinity",
)  # fmt: skip


@dataclass
class Drawn:
    """Rows by table, as the database takes them."""

    rules: list[dict[str, Any]] = field(default_factory=list)
    policy: dict[str, Any] = field(default_factory=dict)
    autonomy_accounts: list[dict[str, Any]] = field(default_factory=list)
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    campaign_facts: list[dict[str, Any]] = field(default_factory=list)
    autonomous_actions: list[dict[str, Any]] = field(default_factory=list)
    campaign_changes: list[dict[str, Any]] = field(default_factory=list)
    campaign_ab_tests: list[dict[str, Any]] = field(default_factory=list)
    campaign_metrics: list[dict[str, Any]] = field(default_factory=list)
    campaign_daily: list[dict[str, Any]] = field(default_factory=list)
    evidence_exclusions: list[dict[str, Any]] = field(default_factory=list)
    planned_events: list[dict[str, Any]] = field(default_factory=list)
    priors: list[dict[str, Any]] = field(default_factory=list)
    reference_budgets: list[dict[str, Any]] = field(default_factory=list)
    platform_accounts: list[dict[str, Any]] = field(default_factory=list)
    platform_units: list[dict[str, Any]] = field(default_factory=list)
    total_figures: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    platform_calls: list[dict[str, Any]] = field(default_factory=list)


def portfolio(seed: int, campaigns: int, rules: int) -> Drawn:
    """The portfolio of a seed."""
    r = Random(seed)
    drawn = Drawn(policy=_policy(r))
    drawn.rules = [_rule(r, number) for number in range(rules)]
    dirt = r.choice((0.0, 0.0, 0.02, 0.3))
    for _ in range(campaigns):
        _campaign(r, drawn, dirt)
    if r.random() < 0.15:
        _silence(r, drawn)
    _accounts(Random(~seed), drawn)
    _worth(Random(f"worth {seed}"), drawn)
    _events(Random(seed ^ 0x5EED), drawn)
    _curves(Random(f"curves {seed}"), drawn)
    _connected(Random(f"connected {seed}"), drawn)
    _totals(Random(f"totals {seed}"), drawn)
    _delivered(Random(f"delivered {seed}"), drawn)
    return drawn


def _connected(r: Random, drawn: Drawn) -> None:
    """Accounts that are read from a platform: in time, on the minute, too late, never, broken."""
    hours = (None, 0, 0.5, 1.5, 1.5000001, 1.4999, 30)
    for account in ("north", "O'Hara"):
        if r.random() < 0.7:
            continue
        pulled, broken = r.choice(hours), r.random() < 0.15
        row: dict[str, Any] = {"account": account, "platform": r.choice(("meta", "google"))}
        row["push"] = "on"
        row |= {"external_id": account, "credential": "", "state": "broken" if broken else "ok"}
        row |= {"state_code": "", "state_message": 'Revoked: "50 %s" {x}.' if broken else ""}
        row |= {"state_since": _stamp(9), "attribution_windows": [], "facts": {}, "last_error": ""}
        row |= {"lease_seconds": 300, "connected_at": _stamp(99), "connected_by": ""}
        drawn.platform_accounts.append(
            row | {"pulled_at": None if pulled is None else _stamp(pulled)}
        )
        for campaign in drawn.campaigns:
            if campaign["account"] == account and r.random() < 0.6:
                drawn.platform_units.append(_unit(r, campaign))


def _unit(r: Random, campaign: dict[str, Any]) -> dict[str, Any]:
    kinds = ("daily", "daily", "lifetime", "shared", "children", "none")
    return {
        "campaign_id": campaign["id"], "account": campaign["account"],
        "external_id": campaign["id"], "kind": "campaign", "status_text": "", "details": {},
        "budget_kind": r.choice(kinds), "learning": r.random() < 0.2, "observed_at": _stamp(1),
        "hold": r.choice((None, None, None, "TEST_RUNNING", "SCHEDULED_BUDGET")),
    }  # fmt: skip


def _delivered(r: Random, drawn: Drawn) -> None:
    """What was carried over: waiting, confirmed, refused; too often; and the least it takes."""
    for account in drawn.platform_accounts:
        least = r.choice((None, "0", "5", "80.005", 33, "120", "1e3", "NaN", {"a": 1}))
        account["facts"] = {} if least is None else {"min_daily_budget": least}
    acted: dict[str, list[dict[str, Any]]] = {}
    for action in drawn.autonomous_actions:
        acted.setdefault(action["campaign_id"], []).append(action)
    for unit in drawn.platform_units:
        for action in acted.get(unit["campaign_id"], []):
            if r.random() < 0.5:
                drawn.deliveries.append(_delivery(r, unit, action["id"]))
        if r.random() < 0.3:
            drawn.deliveries.append(_delivery(r, unit, None) | {"wanted_by": "action"})
        for number in range(r.choice((0, 0, 4, 5, 6, 8))):
            drawn.platform_calls.append(
                {
                    "id": str(UUID(int=r.getrandbits(128))), "account": unit["account"],
                    "campaign_id": unit["campaign_id"], "external_id": unit["external_id"],
                    "what": {"field": "budget", "to": "1.00"}, "code": "", "message": "",
                    "outcome": r.choice(("sent", "sent", "sent", "refused")), "request_id": "",
                    "at": _stamp(r.choice((0.1, 0.5, 1)) - number / 1000),
                }
            )  # fmt: skip


def _delivery(r: Random, unit: dict[str, Any], action_id: str | None) -> dict[str, Any]:
    state = r.choice(("waiting", "unsure", "confirmed", "confirmed", "refused", "not_taken"))
    ago = _stamp(r.choice((0, 1, 23.9, 24, 24.1, 100, 300)))
    wanted, was = r.choice((("paused", "active"), ("active", "paused"), ("60.00", "50.00"),
                            ("50.00", "60.00")))  # fmt: skip
    return {
        "campaign_id": unit["campaign_id"], "field": "budget" if "." in wanted else "status",
        "wanted": wanted, "was": was, "state": state, "is_current": False, "action_id": action_id,
        "wanted_by": r.choice(("action", "person", "rollback")), "wanted_at": _stamp(300),
        "tries": 1, "misses": 0, "code": "", "message": "", "request_id": "",
        "confirmed_at": ago if state == "confirmed" else None,
        "settled_at": None if state in ("waiting", "unsure") else ago,
    }  # fmt: skip


def _totals(r: Random, drawn: Drawn) -> None:
    """Totals of accounts: far away, reached, passed by little and by far; months half over."""
    if r.random() < 0.5:
        return
    for account in drawn.autonomy_accounts:
        own = [one for one in drawn.campaigns if (one["account"] or "") == account["account"]]
        whole = sum(
            one["budget"] for one in own
            if isinstance(one["budget"], int | float) and str(one["status"]).lower() == "active"
        )  # fmt: skip
        part = r.choice((0.0001, 0.3, 0.8, 0.97, 1, 1.0001, 1.05, 1.3, 100))
        figures: dict[str, Any] = {
            "account": account["account"], "today": "2026-11-22", "looked_at": _stamp(1),
            "spent": r.choice((None, 0, round(whole * 21, 2), round(whole * 21 - 100, 2))),
            "spent_per_budget": r.choice((1, 1, 0.5, 0.9, 1.25)),
            "price": r.choice((1, 1, 1.2, 1.7, 4)),
        }  # fmt: skip
        drawn.total_figures.append(figures)
        if r.random() < 0.5:  # a little room, whatever the rest
            room = whole + r.choice((2, 10, 30, 80, 300))
            if r.random() < 0.5:
                account["daily_total"] = _total(room)
            else:  # nine days are left
                account["monthly_total"] = _total(9 * room)
                figures |= {"spent": 0, "spent_per_budget": 1}
            continue
        if r.random() < 0.6:
            account["daily_total"] = _total(whole * part)
        if r.random() < 0.5:
            account["monthly_total"] = _total(whole * part * 30)


def _total(amount: float) -> float:
    return min(max(0.01, round(amount, 2)), 999999999999)


def _curves(r: Random, drawn: Drawn) -> None:
    """Where campaigns stand on their curves: at their reference budget, far from it, unknown."""
    extreme: tuple[Any, ...] = (None, 0.01, 1e-9, 1e-6, 0, -5, "NaN", 1e15, 1e18)
    for campaign in drawn.campaigns:
        budget, reference = campaign["budget"], r.choice(extreme)
        if r.random() < 0.85 and isinstance(budget, int | float):
            reference = round(budget * r.choice((1, 1, 0.5, 0.3, 2, 4, 20, 20, 0.001)), 2)
        row = {"campaign_id": campaign["id"], "budget": reference, "since": _stamp(9)}
        drawn.reference_budgets.append(
            row | {"budget_per_spend": 1, "is_fixed": True, "change_id": 0}
        )
    for facts in drawn.campaign_facts:
        spend = facts.get("ev_spend")
        effect = r.choice((1, 1, 0.6, 1.4, 0))
        facts["ev_effective_spend"] = (
            spend * effect if isinstance(spend, int | float) else r.choice((None, "NaN", 100))
        )
        # made with what was in use before the account measured another one
        facts["ev_curvature"] = r.choice((None, None, 0.5, 8, "NaN", 0, 1e9))
    for prior in drawn.priors:
        prior["curvature"] = r.choice((None, 0.5, 2, 8)) if prior["scope"] == "account" else None


def _events(r: Random, drawn: Drawn) -> None:
    """Planned ones: in force, over on the moment, to come; of accounts and of single campaigns."""
    spans = ((-30, 5), (-30, 5), (-24, 0), (0, 24), (-0.001, 0.001), (-48, -1), (1, 24))
    for _ in range(r.choice((0, 0, 0, 1, 3))):
        begins, ends = r.choice(spans)
        event: dict[str, Any] = {
            "id": str(UUID(int=r.getrandbits(128))),
            "from_at": _stamp(-begins), "until_at": _stamp(-ends),
            "why": r.choice(("Sale", "Black Friday", '"50 %s off" {x}', "黒い金曜日")),
            "made_by": "", "made_at": _stamp(99), "changed_by": "",
        }  # fmt: skip
        event |= {name: r.random() < 0.6 for name in ("no_raises", "no_cuts", "no_pauses")}
        if r.random() < 0.5:
            event["campaign_id"] = r.choice(drawn.campaigns)["id"]
        else:
            event["account"] = r.choice(("north", "O'Hara", "default", "nobody"))
        if event["no_raises"] or event["no_cuts"] or event["no_pauses"]:
            drawn.planned_events.append(event)


def _worth(r: Random, drawn: Drawn) -> None:
    """What accounts and campaigns are held against: their own targets, priors, what is believed."""
    for account in drawn.autonomy_accounts:
        if r.random() < 0.3:
            account["attribution_factor"] = r.choice((0.7, 0.7, 0.01, 1.3, 10))
        if r.random() < 0.5:
            drawn.priors.append(_prior(r, "account", account["account"]))
    for currency in ("", "EUR", "JPY"):
        if r.random() < 0.3:
            drawn.priors.append(_prior(r, "currency", currency))
    for campaign in drawn.campaigns:
        target = r.choice((1.5, 0.7, 1, 0.01, 2.125, 100)) if r.random() < 0.2 else None
        campaign["target_roi"] = target


def _prior(r: Random, scope: str, name: str) -> dict[str, Any]:
    prior = {"scope": scope, "name": name, "campaigns": 7, "fitted_at": _stamp(0)}
    few, none = scope == "account" and r.random() < 0.3, scope == "account" and r.random() < 0.3
    prior |= {"mean_roi": None if few else r.choice((1, 0.62, 1.7)), "tau2": None}
    prior |= {"tau2": None if few else r.choice((0.64, 0.09, 2)), "cv2": None}
    prior |= {"order_value": None if none else r.choice((50, 2500, 0.5))}
    return prior | {"cv2": None if none else r.choice((0.5, 3.5))}


def _accounts(r: Random, drawn: Drawn) -> None:
    """What accounts have of their own: most nothing."""
    choices: dict[str, tuple[Any, ...]] = {
        "target_roi": (1.0, 1.5, 0.7),
        "mode": ("observe", "approve", "autonomous"),
        "frozen": (True,),
        "curvature": (2, 0.5),
        "min_confidence": (0, 80),
        "min_pause_confidence": (0, 95),
        "cooldown_hours": (0, 24.5),
        "min_pause_hours": (0, 48.25),
        "max_data_age_hours": (24, 1000),
        "max_step": (1.25, 3),
        "max_growth_7d": (1.5, 1000),
        "max_budget": (150, 100.1005),
        "min_budget": (0, 33.3335),
        "pause_breaker_share": (0, 1),
        "pause_breaker_count": (0, 1000),
        "growth_breaker_share": (0, 5),
        "growth_breaker_count": (0, 1000),
        "shrink_breaker_share": (0, 1),
        "tracking_breaker_ratio": (0, 0.4),
        "value_breaker_factor": (1.5, 1000),
        "resume_when_proven_wrong": (True, False),
        "resume_confidence": (0, 50),
    }
    for account in ("default", "north", "O'Hara"):
        own: dict[str, Any] = {"account": account, "attribution_factor": 1, "frozen": False}
        own |= {"frozen_reason": "", "updated_at": _stamp(0), "updated_by": ""}
        own["currency"] = r.choice((None, "EUR", "JPY", "KWD"))
        if r.random() < 0.3:
            own |= {name: r.choice(v) for name, v in choices.items() if r.random() < 0.15}
        drawn.autonomy_accounts.append(own)


def _stamp(hours_ago: float) -> str:
    return (NOW - timedelta(hours=hours_ago)).isoformat()


def _policy(r: Random) -> dict[str, Any]:
    choices: dict[str, tuple[Any, ...]] = {
        "mode": ("autonomous", "autonomous", "approve", "observe"),
        "frozen": (False,) * 9 + (True,),
        "break_even_roi": (1.0, 1.0, 1.5, 0.7),
        "curvature": (2, 2, 0.25, 16),
        "min_confidence": (50, 50, 0, 20, 80, 62.5),
        "min_pause_confidence": (50, 50, 0, 95, 62.5),
        "cooldown_hours": (24, 24, 0, 1, 24.5),
        "min_pause_hours": (24, 0, 48.25),
        "max_data_age_hours": (48, 48, 24, 1000),
        "max_step": (2.0, 2, 1.25, 1, 1.333),
        "max_growth_7d": (3.0, 3, 1, 1.5, 1000),
        "max_budget": (50000, 50000, 150, 100.1, 999999999),
        "min_budget": (1, 1, 0, 33.33, 99.99),
        "pause_breaker_share": (0.25, 0.25, 0, 1, 0.07),
        "pause_breaker_count": (5, 5, 0, 1000),
        "growth_breaker_share": (0.3, 0.3, 0, 0.01, 5),
        "shrink_breaker_share": (0.3, 0.3, 0, 0.01, 1),
        "growth_breaker_count": (5, 5, 0, 1000),
        "tracking_breaker_ratio": (0.4, 0.4, 0.4, 0),
        "value_breaker_factor": (4, 4, 1.5, 1000000),
        "resume_when_proven_wrong": (True, True, True, False),
        "resume_confidence": (20, 20, 50, 0),
        "evidence_half_life_days": (7, 7, 0, 1, 365),
        "conversion_delay_hours": (0, 0, 24, 100.5),
        "holdout_share": (0, 0, 0, 0.3),
        "person_hold_days": (7, 7, 0, 0.5, 30),
        "prior_mean_roi": (1.0, 1.3, 0.4),
        "prior_tau2": (0.64, 0.2, 1.7),
        "prior_order_value": (50, 20.5, 300),
        "prior_cv2": (0.5, 0, 2),
        "paused_text": ("paused", "Paused"),
    }
    return {name: r.choice(options) for name, options in choices.items()}


def _rule(r: Random, number: int) -> dict[str, Any]:
    rule_type, action = _action(r)
    rule: dict[str, Any] = {
        "id": str(UUID(int=r.getrandbits(128))),
        "rule_name": f"{r.choice(RULE_NAMES)} {number}",
        "rule_type": rule_type,
        "condition": condition(r, 1),
        "action": action,
        "priority": r.choice((0, 50, 50, 50, 80, 100, -3)),
        "is_active": r.random() > 0.1,
    }
    if r.random() < 0.03:  # put in by force
        rule[r.choice(("condition", "action"))] = r.choice(({}, [], {"metric": "roi"}, "x", 1))
    return rule


def condition(r: Random, depth: int) -> dict[str, Any]:
    """A valid condition."""
    form = r.random()
    if depth == 1 and form < 0.35:
        flat = {"metric": "roi", "operator": r.choice(OPERATORS), "threshold": r.choice(THRESHOLDS)}
        return flat | _beside(r, 0.4)
    if depth == 1 and form < 0.45:
        cost = {"metric": "cpa", "operator": r.choice(OPERATORS), "threshold": r.choice(COSTS)}
        return r.choice((cost | _beside(r, 0.4), {"all": [cost, _beside(r, 2.5) or cost]}))
    if form < 0.55 or depth >= 4:
        return _comparison(r) | _beside(r, 0.3)
    if form < 0.65:
        beside = _beside(r, 2.5) or {"min_spend": 0}
        return beside | ({"window": r.choice(WINDOWS)} if r.random() < 0.3 else {})
    if form < 0.7:
        return {"not": condition(r, depth + 1)} | _beside(r, 0.3)
    members = [condition(r, depth + 1) for _ in range(r.randint(1, 3))]
    return {r.choice(("all", "any", "any")): members} | _beside(r, 0.2)


def _comparison(r: Random) -> dict[str, Any]:
    made: dict[str, Any] = {"metric": r.choice(METRICS), "operator": r.choice(OPERATORS)}
    if r.random() < 0.6:
        made["window"] = r.choice(WINDOWS)
    form = r.random()
    if form < 0.55:
        made["threshold"] = _threshold(r, made["metric"])
    elif form < 0.75:
        bounds = sorted((_threshold(r, made["metric"]), _threshold(r, made["metric"])))
        made |= {"operator": "between", "threshold": bounds}
    else:
        made["than"] = {"metric": r.choice((made["metric"], r.choice(METRICS)))}
        if r.random() < 0.8:
            made["than"]["window"] = r.choice(WINDOWS)
        if r.random() < 0.8:
            made["than"]["times"] = r.choice((0, 0.7, 0.1, 1, 1.3, 3, 1e6, 1e-250))
    return made


def _threshold(r: Random, metric: str) -> float:
    value: float = r.choice(THRESHOLDS)
    return -value if metric == "profit" and r.random() < 0.5 else value


def _beside(r: Random, share: float) -> dict[str, Any]:
    options: dict[str, tuple[Any, ...]] = {
        "min_spend": (0, 50, 100),
        "min_conversions": (0, 5, 10),
        "min_clicks": (0, 100),
        "min_impressions": (0, 1000),
        "min_duration_hours": (0, 24, 72),
        "account": ("default", "north"),
        "title_contains": ("su", "BRAND", "%", "_", "'", "\\"),
    }
    return {key: r.choice(v) for key, v in options.items() if r.random() < share / len(options)}


def _action(r: Random) -> tuple[str, dict[str, Any]]:
    common: dict[str, tuple[Any, ...]] = {
        "min_confidence": (0, 20, 50, 80, 62.5, 100),
        "cooldown_hours": (0, 1, 24, 100.25),
        "break_even_roi": (0.5, 1, 1.5, 4),
        "requires_approval": (True, False),
        "notify": (True, False),
    }
    beside = {key: r.choice(values) for key, values in common.items() if r.random() < 0.15}
    caps = (0.5, 33.33, 100, 100.1, 150, 10000, 20000, 1e15)
    form = r.choice(("pause", "pause", "up", "up", "down", "set", "curve", "curve"))
    if form == "pause":
        return "pause", {"type": "auto_pause"} | beside
    rule_type = r.choice(("scale", "optimize"))
    if form == "up":
        factor = r.choice((1.5, 2.0, 2, 1.005, 1.015, 1.333, 100, 1.1234567890123))
        up = {"type": "auto_scale_up", "multiplier": factor, "max_budget": r.choice(caps)}
        return rule_type, up | beside
    if form == "down":
        down: dict[str, Any] = {"type": "auto_scale_down"}
        down["multiplier"] = r.choice((0.8, 0.5, 0.995, 0.333, 0.001))
        if r.random() < 0.5:
            down["min_budget"] = r.choice((0, *caps))
        return rule_type, down | beside
    if form == "set":
        money = r.choice((0.01, 33.335, 100, 100.5, 120, 55555, 1e15))
        return "optimize", {"type": "budget_adjusted", "budget": money} | beside
    curve: dict[str, Any] = {"type": "budget_adjusted", "by": "curve"}
    if r.random() < 0.3:
        curve |= {"min_budget": r.choice((0, 33.33, 99.99)), "max_budget": r.choice(caps[2:])}
    return "optimize", curve | beside


def _campaign(r: Random, drawn: Drawn, dirt: float) -> None:
    """Two in three are plain, so that rules get as far as acting; the rest meet every guardrail."""
    campaign_id = str(UUID(int=r.getrandbits(128)))
    plain = r.random() < 0.67
    created = _stamp(r.choice(HOURS[7:] if plain else HOURS))
    drawn.campaigns.append(
        {
            "id": campaign_id,
            "title": r.choice(TITLES),
            "status": "active" if plain else r.choice(STATUSES),
            "budget": r.choice(BUDGETS[6:-5] if plain else BUDGETS),
            "account": r.choice(("default", "default", "north", "O'Hara")),
            "autonomous_enabled": plain or r.random() > 0.1,
            "hold_until": None if plain else r.choice((None,) * 15 + HOLDS),
            "created_at": created if r.random() > dirt else r.choice(("-infinity", "infinity")),
            "updated_at": created,
        }
    )
    facts = _facts(r, campaign_id, dirt)
    if plain:
        facts["data_at"] = _stamp(r.choice((-13.7, 0, 1, 10.3)))
    if r.random() > 0.03:
        drawn.campaign_facts.append(facts)
    if not plain:
        _past(r, drawn, campaign_id)
    if r.random() < (0.1 if plain else 0.4):
        _people(r, drawn, campaign_id)
    doubtful = r.random() < 0.06
    if doubtful:
        _doubtful_days(r, drawn, drawn.campaigns[-1], facts)
    elif r.random() < 0.3:
        _days(r, drawn, drawn.campaigns[-1])
    if str(drawn.campaigns[-1]["status"]).lower() == "paused":
        _pause_of_ours(r, drawn, campaign_id, facts)
    if not plain and r.random() < 0.1:
        state = r.choice(("running", "running", "finished"))
        drawn.campaign_ab_tests.append({"campaign_id": campaign_id, "status": state})


def _facts(r: Random, campaign_id: str, dirt: float) -> dict[str, Any]:
    history = r.random() < 0.5
    half_life_days = r.choice((0.2, 3, 20))
    facts: dict[str, Any] = {
        "campaign_id": campaign_id,
        "has_history": history,
        "as_of": _stamp(r.choice((-13.7, -5, 0, 0, 10.3, 24, 47.9, 200))) if history else None,
        "data_at": _stamp(r.choice((-13.7, 0, 0, 1, 1, 2, 10.3, 12, 24, 47.9, 48, 48.1, 200))),
        "cv2": r.choice((None, None, 0, 0.3, 1, 7.5)),
        "changed_at": _stamp(0),
    }
    whole = _measures(r)
    facts |= {f"life_{name}": value for name, value in whole.items()}
    if not history:
        facts["life_reach"] = None
    for prefix in PREFIXES if history else ():
        part = _measures(r) if r.random() < 0.9 else dict.fromkeys(MEASURES)
        facts |= {f"{prefix}_{name}": value for name, value in part.items()}
    if history:
        share = r.choice((0.02, 0.1, 0.5, 0.9, 1)) if r.random() > 0.02 else 0
        for name in ("spend", "conversions", "revenue"):
            facts[f"ev_{name}"] = whole[name] * share
        facts["ev_days"] = half_life_days
        facts["ev_immature_spend"] = facts["ev_spend"] * r.choice((0, 0, 0.05, 0.4))
    for name in facts:
        if name[:2] in ("li", "w1", "w7", "p7", "ev", "cv") and r.random() < dirt:
            facts[name] = r.choice(EXTREMES)
    if r.random() < dirt:
        facts[r.choice(("data_at", "as_of"))] = r.choice((None, "infinity", "-infinity"))
    return facts


def _measures(r: Random) -> dict[str, float]:
    impressions = r.choice(COUNTS) * r.choice((0, 1, 10, 100))
    clicks = r.choice(COUNTS)
    conversions: float = r.choice(COUNTS[:14]) if r.random() < 0.9 else r.choice(COUNTS)
    # Platforms credit parts of a conversion: 9.6 is not 10.
    part = (0, 0, 0, 0.4, 0.04, 0.5, 0.01)[(clicks + impressions) % 7]
    conversions = max(0.0, conversions - part)
    spend: float = r.choice(MONEY)
    multiple = r.choice((0, 0.3, 0.499, 0.5, 0.7, 0.999, 1, 1.5, 2.1, 3, 3.5, 4, 8))
    revenue = round(spend * multiple, 2) if r.random() < 0.85 else r.choice((*MONEY, -20.5))
    reach = impressions // r.choice((1, 2, 3))
    return dict(
        zip(MEASURES, (impressions, reach, clicks, conversions, spend, revenue), strict=True)
    )


def _past(r: Random, drawn: Drawn, campaign_id: str) -> None:
    kinds = ("auto_pause", "auto_resume", "auto_scale_up", "auto_scale_down", "budget_adjusted")
    for _ in range(r.choice((0, 0, 1, 2))):
        ago = r.choice((0, 0.5, 1, 23.9, 24, 24.1, 100, 167.99, 168, 169, 500))
        before, after = r.choice(BUDGETS[1:20]), r.choice(BUDGETS[1:20])
        drawn.autonomous_actions.append(
            {
                "id": str(UUID(int=r.getrandbits(128))),
                "campaign_id": campaign_id,
                "action_type": r.choice(kinds),
                "status": r.choice(("executed", "executed", "executed", "rolled_back", "failed")),
                "previous_state": r.choice(({"status": "active", "budget": before}, {}, None)),
                "new_state": {"status": "active", "budget": after},
                "created_at": _stamp(ago + r.choice((0, 0, 5, 30))),
                "executed_at": _stamp(ago),
                "actor": "autonomy",
            }
        )
    if r.random() < 0.1:
        drawn.autonomous_actions.append(
            {
                "id": str(UUID(int=r.getrandbits(128))),
                "campaign_id": campaign_id,
                "action_type": r.choice(("auto_pause", "auto_scale_up")),
                "status": "pending",
                "created_at": _stamp(3),
                "actor": "autonomy",
            }
        )


def _pause_of_ours(r: Random, drawn: Drawn, campaign_id: str, facts: dict[str, Any]) -> None:
    action_id = str(UUID(int=r.getrandbits(128)))
    rule = r.choice(drawn.rules) if drawn.rules else {"id": None}
    now_revenue = facts["life_revenue"]
    then = now_revenue * r.choice((0, 0.2, 0.9, 1)) if isinstance(now_revenue, int | float) else 1
    drawn.autonomous_actions.append(
        {
            "id": action_id,
            "campaign_id": campaign_id,
            "rule_id": r.choice((rule["id"], rule["id"], None, str(UUID(int=r.getrandbits(128))))),
            "action_type": "auto_pause",
            "status": "executed",
            "previous_state": {
                "status": r.choice(("active", "Active")),
                "budget": r.choice((100, 33.33)),
            },
            "new_state": {"status": "paused", "budget": 100},
            "evidence": {
                "break_even": r.choice((1, 1, 0.5, 1.5, 0.3, 0, None)),
                **r.choice(({}, {"target_cpa": None}, {"target_cpa": r.choice(COSTS)})),
                "metrics": {"revenue": then, "conversions": r.choice((0, 0, 3, 50))},
            },
            "created_at": _stamp(30),
            "executed_at": _stamp(r.choice((30, 30, 24, 23))),
            "actor": "autonomy",
        }
    )
    paused = {"campaign_id": campaign_id, "kind": "action", "action_id": action_id, "person": False}
    drawn.campaign_changes.append(paused | {"changed_at": _stamp(30), "new_status": "paused"})
    if r.random() < 0.15:
        outside = {"campaign_id": campaign_id, "kind": "outside", "changed_at": _stamp(3)}
        drawn.campaign_changes.append(outside | {"person": r.random() < 0.5})


def _people(r: Random, drawn: Drawn, campaign_id: str) -> None:
    """Changes from outside, mostly by people; now and then by an action typed by hand."""
    for _ in range(r.choice((1, 1, 2, 5))):
        statuses = r.choice((("active", "active"), ("paused", "active"), ("active", "Paused")))
        old, new = r.choice(BUDGETS[5:20]), r.choice(BUDGETS[5:20])
        drawn.campaign_changes.append(
            {
                "campaign_id": campaign_id,
                "kind": r.choice(
                    ("outside", "outside", "platform", "platform", "action", "rollback")
                ),
                "actor": r.choice((None, "", "Meta", "Maria Keller", "Ü{x} %s" * 12)),
                "changed_at": r.choice(
                    (*map(_stamp, (-30, 0, 0.5, 12, 23.9, 24, 50, 100, 167.99, 168, 400)),
                     "infinity", "-infinity")
                ),
                "old_status": statuses[0], "new_status": statuses[1],
                "old_budget": old, "new_budget": r.choice((old, new)),
                "person": r.random() < 0.8,
            }
        )  # fmt: skip


def _days(r: Random, drawn: Drawn, campaign: dict[str, Any]) -> None:
    """Daily spend beside the budget: spent, half spent, none at all, overspent."""
    budget = campaign["budget"] if isinstance(campaign["budget"], int | float) else 100
    part = r.choice((0, 0.3, 0.69, 0.7, 0.71, 1, 1.75))
    for day in range(22 - r.choice((0, 1, 2, 3, 6)), 23):
        spend = min(budget * part, 999999999999)
        drawn.campaign_daily.append(
            _zeros(campaign["id"]) | {"day": f"2026-11-{day:02}", "spend": spend}
        )


def _doubtful_days(
    r: Random, drawn: Drawn, campaign: dict[str, Any], facts: dict[str, Any]
) -> None:
    """A month at 10 a conversion, and a last day at many times that; left out now and then."""
    last = r.choice((21, 22))
    for back in range(r.choice((19, 20, 30))):
        day = NOW.date() - timedelta(days=22 - last + 1 + back)
        drawn.campaign_daily.append(
            _zeros(campaign["id"])
            | {"day": day.isoformat(), "conversions": 12, "spend": 90, "revenue": 120}
        )
    value = r.choice((10, 200, 201, 1000))
    drawn.campaign_daily.append(
        _zeros(campaign["id"])
        | {"day": f"2026-11-{last}", "conversions": r.choice((4, 5, 12)), "spend": 90}
        | {"revenue": value * 12}
    )
    facts |= {"has_history": True, "w7_revenue": 720 + value * 12, "w7_conversions": 84}
    facts |= {"w30_revenue": 3480 + value * 12, "w30_conversions": 360}
    if r.random() < 0.3:
        drawn.evidence_exclusions.append(
            {
                "id": str(UUID(int=r.getrandbits(128))),
                "campaign_id": campaign["id"], "from_day": f"2026-11-{last}",
                "until_day": "2026-11-22", "why": "", "made_by": "", "made_at": _stamp(1),
                "lifted_at": r.choice((None, _stamp(0))), "lifted_by": "",
            }
        )  # fmt: skip


def _silence(r: Random, drawn: Drawn) -> None:
    """Clicks go on, conversions stop or are worth something else: what two breakers look at."""
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    conversions = r.choice((0, 0, 3.4, 50))
    value = r.choice((50, 50, 5000, 0.5))
    for one in drawn.campaigns[:3]:
        for facts in drawn.campaign_facts:
            if facts["campaign_id"] == one["id"]:
                facts |= {"has_history": True, "w30_conversions": 480}
        for back in range(1, r.choice((2, 4, 25))):
            drawn.campaign_metrics.append(
                _zeros(one["id"])
                | {"bucket": (hour - timedelta(hours=back)).isoformat(), "clicks": 200}
                | {"conversions": conversions, "revenue": round(conversions * value, 2)}
            )
        for day in range(14, 22):
            row = {"day": f"2026-11-{day}", "clicks": 1000, "conversions": 60, "revenue": 3000}
            drawn.campaign_daily = [
                each for each in drawn.campaign_daily
                if (each["campaign_id"], each["day"]) != (one["id"], row["day"])
            ]  # fmt: skip
            drawn.campaign_daily.append(_zeros(one["id"]) | row)


def _zeros(campaign_id: str) -> dict[str, Any]:
    return {"campaign_id": campaign_id} | dict.fromkeys(MEASURES, 0)


def as_json(rows: list[dict[str, Any]]) -> str:
    """For jsonb_populate_recordset."""
    return json.dumps(rows)

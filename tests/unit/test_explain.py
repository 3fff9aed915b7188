"""explain: every rule, every guardrail, every number of one campaign."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from autonomy.engine.codes import CODES
from autonomy.engine.decide import Accounts
from autonomy.engine.explain import explain
from autonomy.engine.policy import Policy
from tests.unit import drawn
from tests.unit.campaigns import DEFAULT_RULES, NOW, ago, campaign, paused, winner


def test_a_loser() -> None:
    said = explain(DEFAULT_RULES, campaign(), Policy(), NOW)
    assert said["decision"]["code"] == "auto_pause"
    assert said["sentence"].startswith('Paused by "Critical ROI Pause": in 9 days 800.00 spent')
    critical, low, exceptional, _ = said["rules"]
    assert critical["matched"]
    assert critical["code"] == "auto_pause"
    assert critical["why"] == [
        {"text": "roi 0.38 < 0.5", "holds": True, "depth": 0},
        {"text": "spend 800 >= 50", "holds": True, "depth": 0},
    ]
    assert [line["text"] for line in low["why"]][-1] == "hours_running 216 >= 24"
    assert not exceptional["matched"]
    assert exceptional["condition"] == "does not hold"
    assert exceptional["code"] == "AGAINST_THE_ODDS"
    assert said["figures"]["lifetime"]["roi"] == 300 / 800
    assert said["evidence"]["prior"]["mean_roi"] == 1.0
    likely = [said["evidence"][name] for name in ("likely_roi_low", "likely_roi",
                                                  "likely_roi_high")]  # fmt: skip
    assert likely == sorted(likely)


def test_guardrails_are_all_named_with_what_they_look_at() -> None:
    said = explain(DEFAULT_RULES, campaign(last_pause_at=ago(hours=3)), Policy(), NOW)
    guardrails = said["rules"][0]["guardrails"]
    assert [one["code"] for one in guardrails] == [
        row.code for row in CODES if row.kind == "campaign" and not row.reserved
    ]
    assert [one["code"] for one in guardrails if one["holds"]] == ["COOLDOWN"]
    assert "cooldown ends" in said["rules"][0]["settles"]


def test_an_account_that_is_observed_says_what_it_would_do() -> None:
    watched = Accounts({"north": Policy(mode="observe")})
    said = explain(DEFAULT_RULES, campaign(account="north"), Policy(), NOW, accounts=watched)
    assert said["decision"]["code"] == "OBSERVE"
    assert said["sentence"].startswith('Would be paused by "Critical ROI Pause": in 9 days')
    assert said["sentence"].endswith(" Nothing is changed: its account is only observed.")
    held = campaign(account="north", last_pause_at=ago(hours=3))
    said = explain(DEFAULT_RULES, held, Policy(), NOW, accounts=watched)
    assert said["sentence"].startswith("Not paused")
    assert "cooldown ends" in said["sentence"]
    for policy in (Policy(), Policy(mode="approve"), Policy(mode="observe")):
        usual = explain(DEFAULT_RULES, campaign(account="south"), policy, NOW, accounts=watched)
        assert usual == explain(DEFAULT_RULES, campaign(account="south"), policy, NOW)


def test_nobody_looks() -> None:
    meh = campaign(spend=50.0, revenue=80.0, conversions=2)
    said = explain(DEFAULT_RULES, meh, Policy(), NOW)
    assert said["decision"] is None
    assert said["sentence"] == "Left alone: none of 4 rules holds for it"
    assert explain([], meh, Policy(), NOW)["sentence"] == "Left alone: no rule is active"
    away = meh | {"is_active": False, "status": "Archived"}
    assert "its status is Archived" in explain(DEFAULT_RULES, away, Policy(), NOW)["sentence"]


def test_inactive_rules_on_demand() -> None:
    rules = [row | {"is_active": False} for row in DEFAULT_RULES]
    assert explain(rules, campaign(), Policy(), NOW)["rules"] == []
    said = explain(rules, campaign(), Policy(), NOW, include_inactive_rules=True)
    assert said["decision"]["code"] == "auto_pause"


def test_a_resume() -> None:
    said = explain(DEFAULT_RULES, paused(), Policy(), NOW)
    assert said["decision"]["code"] == "auto_resume"


def test_the_portfolio_reaches_it() -> None:
    portfolio = {"active_campaigns": 9, "active_budget": 1.0, "tracking": {"tripped": True}}
    said = explain(DEFAULT_RULES, campaign(), Policy(), NOW, portfolio)
    assert said["decision"]["code"] == "TRACKING_BREAKER"
    assert said["breakers"][0]["code"] == "TRACKING_BREAKER"


@settings(max_examples=60, deadline=None)
@given(drawn.rules(), drawn.candidates(), drawn.policies)
def test_anything_can_be_explained_and_the_decision_is_decides(
    rules: list[dict[str, Any]], row: dict[str, Any], limits: dict[str, Any]
) -> None:
    from autonomy.engine import decide

    policy = Policy.checked(limits)
    said = json.loads(json.dumps(explain(rules, row, policy, NOW), allow_nan=False))
    decided = decide(rules, [row], policy, NOW)
    assert said["decision"] == (
        json.loads(json.dumps(decided[0].to_dict())) if len(decided) else None
    )
    matched = [one["rule_name"] for one in said["rules"] if one["matched"]]
    assert matched == ([one["rule_name"] for one in decided[0].matched] if len(decided) else [])


def test_a_winner_names_what_became_of_each_rule() -> None:
    said = explain(DEFAULT_RULES, winner(), Policy(), NOW)
    assert said["decision"]["matched"] == [
        {"rule_name": "Exceptional ROI Aggressive Scale", "code": "auto_scale_up"},
        {"rule_name": "High ROI Scale", "code": "OUTRANKED"},
    ]

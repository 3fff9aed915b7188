"""What is replayed: rules and a policy, by name or from a file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autonomy.engine.policy import PRESETS
from autonomy.errors import ReplayError
from autonomy.rules.templates import TEMPLATES

Row = Mapping[str, Any]

# What rule engines in the field do when they are given such rules: no confidence, no cooldown,
# every hour, and no limit but the rule's own.
USUAL_RULES: Sequence[Row] = (
    {
        "id": "usual-pause", "rule_name": "Usual pause", "rule_type": "pause", "priority": 90,
        "is_active": True,
        "condition": {"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100,
                      "min_duration_hours": 24},
        "action": {"type": "auto_pause", "min_confidence": 0, "cooldown_hours": 0},
    },
    {
        "id": "usual-scale", "rule_name": "Usual scale", "rule_type": "scale", "priority": 80,
        "is_active": True,
        "condition": {"metric": "roi", "operator": ">=", "threshold": 3.0, "min_conversions": 10},
        "action": {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000,
                   "min_confidence": 0, "cooldown_hours": 0},
    },
)  # fmt: skip
USUAL_POLICY: Row = {
    "min_confidence": 0, "min_pause_confidence": 0, "cooldown_hours": 0,
    "max_growth_7d": 1000, "max_step": 10,
    "pause_breaker_share": 1, "growth_breaker_share": 100,
    "shrink_breaker_share": 1, "tracking_breaker_ratio": 0, "value_breaker_factor": 1_000_000,
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Rules (None: those of the database that are active) and columns of the policy to change."""

    name: str
    rules: Sequence[Row] | None = None
    without: Sequence[str] = ()
    policy: Row = field(default_factory=dict)
    own_limits: bool = True
    """Whether accounts keep the limits that they have of their own."""
    optimise: bool | None = None
    """Whether budgets are optimised; None: as the rules have it."""

    def rules_of(self, active: Sequence[Row]) -> list[Row]:
        rules = [
            rule
            for rule in (active if self.rules is None else self.rules)
            if rule.get("rule_type") not in self.without
        ]
        if self.optimise is False:
            return [rule for rule in rules if not optimises(rule)]
        if self.optimise and not any(map(optimises, rules)):
            rules.append(OPTIMISATION)
        return rules


_TEMPLATE = next(one for one in TEMPLATES if one.key == "curve")
OPTIMISATION: Row = {**_TEMPLATE.row, "id": "optimisation", "is_active": True}


def optimises(rule: Row) -> bool:
    """Whether it moves budgets by what the next unit returns."""
    action = rule.get("action")
    return isinstance(action, Mapping) and "by" in action


def _named() -> dict[str, Setting]:
    named = {
        "now": Setting("now"),
        "usual": Setting("usual", rules=USUAL_RULES, policy=USUAL_POLICY, own_limits=False),
        "optimise": Setting("optimise", without=("scale",), optimise=True),
    }
    for name, one in PRESETS.items():
        named[name] = Setting(name, policy=dict(one.values), optimise=one.optimise)
    return named


NAMED = _named()


def setting_of(name: str) -> Setting:
    """A named setting, or one from a file. Raises ReplayError with the names there are.

    A file holds JSON or TOML: a list of rules, or {"rules": [...], "policy": {...}}, both optional.
    """
    if name in NAMED:
        return NAMED[name]
    path = Path(name)
    if not path.is_file():
        raise ReplayError(
            f"{name} is neither a file nor one of the named settings: {', '.join(NAMED)}."
        )
    return read_setting(path)


def read_setting(path: Path) -> Setting:
    given = read_table(path)
    if isinstance(given, list):
        given = {"rules": given}
    if not isinstance(given, Mapping) or set(given) - {"name", "rules", "policy"}:
        raise ReplayError(f'{path} must hold rules, or {{"rules": [...], "policy": {{...}}}}.')
    rules = given.get("rules")
    return Setting(
        str(given.get("name") or path.stem),
        rules=None if rules is None else [_whole(rule, n) for n, rule in enumerate(rules)],
        policy=given.get("policy") or {},
    )


def read_table(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: {error}") from error


def _whole(rule: Any, number: int) -> Row:
    if not isinstance(rule, Mapping):
        raise ReplayError(f"rules[{number}] must be an object with condition and action.")
    return {
        "id": str(rule.get("rule_name") or number),
        "rule_name": f"Rule {number + 1}",
        "priority": 50,
        "is_active": True,
        **rule,
    }

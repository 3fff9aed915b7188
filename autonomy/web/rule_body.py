"""What is wrong with rules, those that are switched off among them; for pages and API."""

from __future__ import annotations

from typing import Any

from autonomy.engine.lint import lint
from autonomy.engine.policy import Policy
from autonomy.errors import RuleError
from autonomy.rules.language import Rule
from autonomy.store import Json


def findings(rules: list[Json], policy: Json) -> list[dict[str, Any]]:
    """Lint over all rules, bad ones among them; one dictionary a finding."""
    found: list[dict[str, Any]] = []
    good: list[Rule] = []
    for row in rules:
        try:
            good.append(Rule.parse(row))
        except RuleError as error:
            found.append(
                {"rule": row["rule_name"], "severity": "error", "code": "INVALID",
                 "sentence": str(error), "other": None}
            )  # fmt: skip
    return found + [one.to_row() for one in lint(good, Policy.from_row(policy))]

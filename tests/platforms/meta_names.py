"""The names of Meta's fields and enums, as its SDK has them: frozen, so that the fake needs no SDK.

python -m tests.platforms.meta_names      writes them anew (where facebook-business is there)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")
_FIELDS = {
    "AdAccount": "adaccount", "Campaign": "campaign", "AdSet": "adset",
    "AdsInsights": "adsinsights",
    "AdActivity": "adactivity", "AdReportRun": "adreportrun", "MinimumBudget": "minimumbudget",
    "Application": "application",
}  # fmt: skip
_ENUMS = {
    "Campaign": ("Status", "EffectiveStatus", "ExecutionOptions"),
    "AdSet": ("Status", "EffectiveStatus", "ExecutionOptions"),
    "AdsInsights": (
        "ActionAttributionWindows", "ActionReportTime", "Breakdowns", "DatePreset", "Level",
        "ActionBreakdowns",
    ),
    "AdActivity": ("EventType", "Category"),
}  # fmt: skip


def of_the_sdk() -> dict[str, list[str]]:
    """`Campaign` its fields, `Campaign.Status` the values of an enum."""
    from importlib import import_module

    names: dict[str, list[str]] = {}
    for name, module in _FIELDS.items():
        kind: Any = getattr(import_module(f"facebook_business.adobjects.{module}"), name)
        names[name] = _values(kind.Field)
        for enum in _ENUMS.get(name, ()):
            names[f"{name}.{enum}"] = _values(getattr(kind, enum))
    return names


def _values(holder: Any) -> list[str]:
    return sorted(str(value) for key, value in vars(holder).items() if not key.startswith("_"))


def frozen() -> dict[str, frozenset[str]]:
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: frozenset(values.split()) for name, values in told.items()}


if __name__ == "__main__":
    lines = {name: " ".join(values) for name, values in of_the_sdk().items()}
    FILE.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")

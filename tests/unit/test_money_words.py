"""The Overview's money in words, and which changes of the policy let more happen."""

from __future__ import annotations

import pytest

from autonomy.web.looser import changed_rows, loosens
from autonomy.web.money_words import changes, limits, pace, since_words, week


@pytest.mark.parametrize(
    ("spend", "hours", "total", "level", "said"),
    [
        (None, 12, 100, "", "no figures of today yet"),
        (50, 12, 100, "good", "50% of 100 EUR, the daily total; on pace"),
        (60, 12, 100, "warn", "60% of 100 EUR, the daily total; ahead of pace"),
        (30, 12, 100, "", "30% of 100 EUR, the daily total; below pace"),
        (30, 2, 100, "", "30% of 100 EUR, the daily total; too early to tell the pace"),
        (30, 12, None, "", "15% of 200 EUR, the active budgets; below pace"),
    ],
)
def test_pace(
    spend: float | None, hours: float, total: float | None, level: str, said: str
) -> None:
    found = pace({"spend": spend, "hours": hours, "total": total, "budget": 200}, "EUR")
    assert (found.level, found.said) == (level, said)


def test_pace_without_any_budget() -> None:
    none = {"spend": 5, "hours": 12, "total": None, "budget": 0}
    assert pace(none, None).said == "no active budget"


def test_a_week_of_unknown_days_is_unknown() -> None:
    found = week([{"profit": None}] * 7 + [{"profit": 2}] * 6 + [{"profit": None}])
    assert (found.before, found.profit) == (None, 12)


def test_limits_without_a_limit() -> None:
    (none,) = limits([{"limit": "raises", "used": None, "most": 0}])
    assert (none["share"], none["level"]) == (0, "")
    (over,) = limits([{"limit": "cuts", "used": 0.2, "most": 0}])
    assert (over["share"], over["level"]) == (1, "bad")


def test_changes_lead_to_their_list() -> None:
    found = changes({"paused": {"actions": 1, "money": 7}}, "2026-11-28T10:00:00+00:00", "EUR")
    assert [(one.said, one.money) for one in found] == [("Paused 1 campaign", "7.00 EUR a day")]
    assert found[0].query.endswith("from=2026-11-28T10%3A00%3A00Z")


def test_since() -> None:
    at = "2026-11-27T17:40:00+00:00"
    assert since_words(at, at) == "Since you last looked (Fri 27 Nov, 17:40)"
    assert since_words(None, at) == "In the last 24 hours"
    assert since_words("2026-11-01T00:00:00+00:00", at) == "In the last 7 days"


@pytest.mark.parametrize(
    ("name", "before", "after", "looser"),
    [
        ("min_confidence", 50, 30, True),
        ("min_confidence", 50, 80, False),
        ("max_budget", 100, 200, True),
        ("mode", "observe", "approve", True),
        ("mode", "autonomous", "observe", False),
        ("mode", "observe", "nonsense", False),
        ("resume_when_proven_wrong", True, False, True),
        ("keep_runs_days", 400, 1, False),
        ("max_step", None, 9, False),
    ],
)
def test_what_lets_more_happen(name: str, before: object, after: object, looser: bool) -> None:
    assert loosens(name, before, after) is looser
    assert changed_rows({name: before}, {name: after})[0]["looser"] is looser

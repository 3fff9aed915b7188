"""Numbers, times and rules as people read them; forms and cursors as they come back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonomy.errors import BadRequest, NotFound
from autonomy.rules.in_words import action_in_words, condition_in_words
from autonomy.rules.language import Rule
from autonomy.rules.templates import TEMPLATES
from autonomy.text import NOTHING, count, decimal, listed, money, typed_amount
from autonomy.web import formats as show
from autonomy.web.pages.overview import visits
from autonomy.web.pages.rule_form import fields_of_rule, rule_of_form
from autonomy.web.pages.runs import foreseen
from autonomy.web.parsing import (
    ACTIONS_AFTER,
    BOUND,
    CAMPAIGNS_AFTER,
    MOMENT,
    OPPORTUNITIES_AFTER,
    RUNS_AFTER,
    encode_cursor,
    parse_json,
)

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)

FIELDS = st.sampled_from(
    ["rule_name", "rule_type", "priority", "mode", "metric", "operator", "threshold", "window",
     "action_type", "condition", "action", "multiplier", "min_spend", "account",
     "is", "0.is", "0.metric", "0.0.is", "against", "than_metric", "times"]
)  # fmt: skip


def test_numbers() -> None:
    assert money(1234567.891) == "1,234,567.89"
    assert money("0.1") == "0.10"
    assert money(-5) == "\u22125.00"
    assert money(-0.001) == "0.00"
    assert show.multiple(0.4249) == "0.42x"
    assert show.percent(85.4) == "85%"
    assert show.likely(85.4) == "85%"
    assert show.likely("99.60") == "99%"
    assert show.likely(99.96, 1) == "99.9%"
    assert show.likely(0.2) == "1%"
    assert show.likely(49.6, beside=50) == "49.6%"
    assert show.likely(None) == show.likely("NaN") == NOTHING
    assert decimal(1.50) == "1.5"
    assert count(1234567) == "1,234,567"
    assert show.duration(840) == "0.8 s"


@given(ANYTHING)
def test_no_value_breaks_a_page(value: Any) -> None:
    for name, read in show.FILTERS.items():
        if name not in ("number_in", "action_name", "action_verb"):
            str(read(value))
    condition_in_words(value)
    action_in_words(value)
    show.number_in(value, "x")


def test_times() -> None:
    now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert "2026-11-24T10:00:00Z" in show.when(now)
    assert 'title="2026-11-24 10:00:00 UTC"' in show.when("2026-11-24T12:00:00+02:00")
    assert show.when("infinity") == NOTHING
    assert show.relative(20) == "just now"
    assert show.relative(3 * 3600) == "3 h ago"
    assert show.relative(-timedelta(minutes=48).total_seconds()) == "in 48 min"
    assert show.relative(86400 * 1.6) == "2 days ago"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            {"metric": "roi", "operator": "<", "threshold": 1.0, "min_spend": 100},
            "ROI is below 1x and at least 100.00 spend",
        ),
        (
            {"metric": "ctr", "window": "7d", "operator": "<",
             "than": {"metric": "ctr", "window": "prior_7d", "times": 0.7}},
            "CTR in the last 7 days is below 0.7 times the CTR in the 7 days before",
        ),
        (
            {"metric": "cpa", "operator": "between", "threshold": [10, 20], "account": "EU"},
            "Cost per conversion is between 10.00 and 20.00 and the account is \u201cEU\u201d",
        ),
        (
            {"all": [{"title_contains": "x"}, {"not": {"metric": "clicks", "operator": ">",
                                                        "threshold": 5}}]},
            "The title contains \u201cx\u201d and not (clicks is above 5)",
        ),
        (
            {"any": [{"metric": "roi", "operator": "<", "threshold": 1, "min_clicks": 20},
                     {"metric": "budget", "window": "7d", "operator": ">=", "threshold": 9}],
             "min_duration_hours": 24},
            ("At least 24 hours running and ((ROI is below 1x and at least 20 clicks) or "
             "daily budget is at least 9.00)"),
        ),
        (
            {"metric": "spend", "window": "7d", "operator": ">",
             "than": {"metric": "spend", "window": "prior_7d"}, "min_conversions": 2.5},
            ("Spend in the last 7 days is above the spend in the 7 days before and "
             "at least 2.5 conversions in the last 7 days"),
        ),
        ({"metric": "roi", "operator": "=<", "threshold": 1}, "Not a condition"),
        ([], "Not a condition"),
    ],
)  # fmt: skip
def test_conditions(condition: dict[str, Any], words: str) -> None:
    assert condition_in_words(condition) == words


def test_actions() -> None:
    scale = {"type": "auto_scale_up", "multiplier": 1.5, "max_budget": 10000, "min_confidence": 80}
    assert action_in_words(scale) == (
        "Multiply the budget by 1.5, up to 10,000.00; only at 80% confidence or more"
    )
    curve = {"type": "budget_adjusted", "by": "curve"}
    towards = "Move the budget towards where the next money still earns its keep"
    assert action_in_words(curve) == towards
    assert action_in_words(curve | {"max_budget": 900, "min_budget": 5}) == (
        f"{towards}, down to 5.00, up to 900.00"
    )
    assert action_in_words({"type": "auto_pause", "notify": True}) == "Pause the campaign"
    assert action_in_words({"type": "auto_pause", "notify": False}) == (
        "Pause the campaign; without a notification"
    )


@pytest.mark.parametrize(
    "template", [one.row for one in TEMPLATES], ids=lambda row: row["rule_name"]
)
def test_forms_keep_a_rule_as_it_is(template: dict[str, Any]) -> None:
    for mode in ["form", "json"]:
        form = {**fields_of_rule(template), "mode": mode}
        back = rule_of_form(form)
        assert {key: back[key] for key in ("rule_name", "rule_type", "condition", "action")} == {
            key: template[key] for key in ("rule_name", "rule_type", "condition", "action")
        }
        Rule.parse(back)


@pytest.mark.parametrize("more", [{"notify": False}, {"requires_approval": True}])
def test_forms_keep_the_switches_of_an_action(more: dict[str, bool]) -> None:
    pauses = next(one.row for one in TEMPLATES if one.row["action"]["type"] == "auto_pause")
    row = {**pauses, "action": {**pauses["action"], **more}}
    assert rule_of_form({**fields_of_rule(row), "mode": "form"})["action"] == row["action"]


@given(st.dictionaries(FIELDS, st.text()))
def test_any_form_is_a_rule_or_a_sentence(form: dict[str, str]) -> None:
    try:
        json.dumps(rule_of_form(form), allow_nan=False)  # what is wrong with it, the database says
    except BadRequest:
        return  # any other error would fail here


@given(st.text() | st.binary())
def test_any_body_is_json_or_a_sentence(text: str | bytes) -> None:
    try:
        parse_json(text)
    except BadRequest:
        return  # any other error would fail here


def test_cursors() -> None:
    key = {
        "created_at": "2026-11-24T10:00:00.123456+00:00",
        "id": "3f2b9c1e-8a57-4e0c-9d1b-2f6a7c5e4d3b",
    }
    word = encode_cursor(key)
    assert word is not None
    assert ACTIONS_AFTER(word) == key
    assert encode_cursor(None) is None


@given(st.text())
def test_any_other_cursor_is_no_page(word: str) -> None:
    for after in (ACTIONS_AFTER, OPPORTUNITIES_AFTER, CAMPAIGNS_AFTER, RUNS_AFTER):
        with pytest.raises(NotFound):
            after(word)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-22", "2026-11-22"),
        (" 20261122 ", "2026-11-22"),
        ("2026-W47-7", "2026-11-22"),
        ("2026-11-22T00:00", "2026-11-22T00:00:00+00:00"),
        ("2026-11-22T10:00:00+02:00", "2026-11-22T08:00:00+00:00"),
        ("2026-11-22T10:00:00 02:00", "2026-11-22T08:00:00+00:00"),
        ("2026-11-22 10:00", "2026-11-22T10:00:00+00:00"),
    ],
)
def test_a_day_stays_a_day_and_a_clock_an_instant(text: str, read: str) -> None:
    assert BOUND(text) == read


@given(st.one_of(st.text(), st.dates().map(str), st.datetimes().map(str), st.none()))
def test_any_end_of_a_span_is_one_or_a_sentence(text: str | None) -> None:
    try:
        read = BOUND(text)
    except ValueError:
        return
    datetime.fromisoformat(read)  # raises where it is none


@given(st.text())
def test_any_moment_is_one_or_a_sentence(text: str) -> None:
    try:
        read = MOMENT(text)
    except ValueError:
        return
    assert datetime.fromisoformat(read).tzinfo is not None


CHANGES = {
    "pause": {"kind": "pause", "campaigns": 12, "money": 1240},
    "one": {"kind": "pause", "campaigns": 1, "money": 20.5},
    "raise": {"kind": "raise", "campaigns": 5, "money": 310},
    "lower": {"kind": "lower", "campaigns": 1, "money": 3},
    "resume": {"kind": "resume", "campaigns": 2, "money": 80},
}


@pytest.mark.parametrize(
    ("state", "acts", "proposals", "said"),
    [
        ({}, "pause raise lower resume", "",
         ("It would pause 12 campaigns (1,240.00 a day), raise 5 budgets by 310.00 a day, lower 1"
         " budget by 3.00 a day and resume 2 campaigns (80.00 a day).")),
        ({}, "raise", "one",
         ("It would raise 5 budgets by 310.00 a day."
         " It would ask you first to pause 1 campaign (20.50 a day).")),
        ({}, "", "one", "It would ask you first to pause 1 campaign (20.50 a day)."),
        ({}, "", "", "It would change nothing now: no rule calls for it."),
        ({"held": 3}, "", "",
         "It would change nothing now: a guardrail holds all that rules call for."),
        ({"mode": "observe"}, "one", "raise",
         ("Observe mode: it only reports that it would pause 1 campaign (20.50 a day) and propose"
         " to raise 5 budgets by 310.00 a day. Nothing is changed.")),
        ({"mode": "observe"}, "one", "",
         ("Observe mode: it only reports that it would pause 1 campaign (20.50 a day). Nothing is"
         " changed.")),
        ({"mode": "approve"}, "", "one",
         ("Approve mode: it proposes to pause 1 campaign (20.50 a day). Nothing is changed until"
         " you approve.")),
        ({"frozen": True, "held": 9}, "", "",
         "Everything is frozen: it would change nothing until the freeze is lifted."),
        ({"rules": 0}, "", "", "No rule is active: it would only monitor and change nothing."),
    ],
)  # fmt: skip
def test_what_a_run_would_do(state: dict[str, Any], acts: str, proposals: str, said: str) -> None:
    changes = [{**CHANGES[name], "verdict": "act"} for name in acts.split()]
    changes += [{**CHANGES[name], "verdict": "propose"} for name in proposals.split()]
    known = {"mode": "autonomous", "frozen": False, "rules": 4, "held": 0, "changes": changes}
    assert " ".join(foreseen({**known, **state})) == said


@pytest.mark.parametrize(
    ("cookie", "last", "kept"),
    [
        ("", None, "0-1000000"),
        ("0-999000", None, "0-1000000"),  # still the first visit
        ("0-990000", "1970-01-12T11:00:00+00:00", "990000-1000000"),  # the second
        ("500000-999000", "1970-01-06T18:53:20+00:00", "500000-1000000"),
        ("990000-500000", None, "0-1000000"),
        ("0-2000000", None, "0-1000000"),  # a clock that went back
        ("-5-9", None, "0-1000000"),
        ("99999999999-99999999999", None, "0-1000000"),
        ("\u0661-\u0662", None, "0-1000000"),
        ("x", None, "0-1000000"),
    ],
)
def test_the_last_visit(cookie: str, last: str | None, kept: str) -> None:
    assert visits(cookie, 1_000_000) == (last, kept)


@pytest.mark.parametrize(
    ("value", "currency", "typed"),
    [
        (1500, "JPY", "1500"), (1500.0, "EUR", "1500.00"), (12.5, "KWD", "12.500"),
        (100.5, "JPY", "100.5"), (0.1234, None, "0.1234"), (1e9, None, "1000000000.00"),
        (None, "EUR", ""), ("much", "EUR", "much"),
    ],
)  # fmt: skip
def test_an_amount_is_typed_with_the_digits_of_its_currency(
    value: object, currency: str | None, typed: str
) -> None:
    assert typed_amount(value, currency) == typed


@pytest.mark.parametrize(
    ("value", "cents", "currency", "said"),
    [
        (12345.6, True, None, "12,345.60"),
        (12345.6, True, "EUR", "12,345.60 EUR"),
        (12345.6, False, "EUR", "12,346 EUR"),
        (30000, True, "JPY", "30,000 JPY"),
        (1.2345, True, "KWD", "1.235 KWD"),
        (-0.004, True, "EUR", "0.00 EUR"),
        (-1234, True, "JPY", "\u22121,234 JPY"),
        (None, True, "EUR", "–"),
        ("NaN", True, "EUR", "–"),
        (5, True, "", "5.00"),
    ],
)
def test_money_has_the_digits_and_the_code_of_its_currency(
    value: object, cents: bool, currency: str | None, said: str
) -> None:
    assert money(value, cents, currency) == said


def test_names_in_a_row_end_somewhere() -> None:
    assert (listed([]), listed(["a"]), listed(["a", "b"])) == ("", "a", "a, b")
    assert listed([*"abcdef"], most=2) == "a, b and 4 more"

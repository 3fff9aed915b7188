"""What pages and the terminal say of an account's total."""

from __future__ import annotations

from typing import Any

import pytest

from autonomy.web.total_words import run_sentence, total_sentences

TOTAL: dict[str, Any] = {
    "account": "north", "currency": "EUR", "daily_total": 900, "monthly_total": None,
    "active_campaigns": 12, "active_budget": 1000, "today": "2026-11-11", "days_left": 20,
    "spent": None, "spent_today": None, "spent_per_budget": 1, "pace": None, "ceiling": 900,
    "code": "TOTAL_CAP", "shrink_to": 900, "shrink_code": "TOTAL_CAP", "price": 1,
    "expected": None, "left_a_day": None, "shared": 0,
}  # fmt: skip
MONTH = {
    "monthly_total": 30000, "spent": 12000, "spent_per_budget": 0.95, "left_a_day": 900,
    "expected": 31000, "code": "PACING", "ceiling": 947.36, "shrink_to": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("differs", "sentence"),
    [
        (
            {},
            (
                "The budgets of its 12 active campaigns come to 1,000.00 EUR a day;"
                " its total is 900.00"
                " EUR: 100.00 EUR too much, which the next run takes from all in proportion."
            ),
        ),
        (
            {"active_budget": 880, "shrink_to": None, "active_campaigns": 1},
            (
                "The budgets of its 1 active campaign come to 880.00 EUR a day; its total is 900.00"
                " EUR: 20.00 EUR are free."
            ),
        ),
        (
            {"active_budget": 960, **MONTH},
            (
                "The budgets of its 12 active campaigns come to 960.00 EUR a day; its month allows"
                " 947.36 EUR: 12.64 EUR too much, so little that nothing is shrunk for it."
            ),
        ),
        (
            MONTH,
            (
                "Of its month's total of 30,000.00 EUR, 12,000.00 EUR were spent"
                " before today: 900.00"
                " EUR a day are left for 20 days, today among them. With its budgets"
                " as they are the"
                " month ends at about 31,000.00 EUR."
            ),
        ),
        (MONTH, "A unit of budget has spent 0.95 over the last 28 days."),
        (
            {"monthly_total": 30000, "currency": None},
            (
                "How much of its month's total of 30,000.00 is spent is not known,"
                " because there are no"
                " figures by day: it is spread evenly over the month."
            ),
        ),
        ({}, "There is money for all that earns its keep."),
        (
            {"price": 1.344},
            (
                "There is not money for all that earns its keep: the next unit of"
                " budget has to return"
                " 1.34 times break-even, as it would elsewhere in the account."
            ),
        ),
    ],
)
def test_sentences_of_a_total(differs: dict[str, Any], sentence: str) -> None:
    assert sentence in total_sentences(TOTAL | differs)


def test_an_account_without_a_total() -> None:
    assert total_sentences(None) == [
        "It has no total: its budgets may grow as far as its limits allow."
    ]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"active_budget": 1000, "shrunk": 12, "after": 899.98},
            (
                'In account "north" budgets came to 1,000.00 EUR a day; its total is 900.00 EUR;'
                " 12 campaigns shrunk for it, 899.98 EUR a day now."
            ),
        ),
        (
            {"active_budget": 1000, "shrunk": 0, "after": 1000},
            (
                'In account "north" budgets came to 1,000.00 EUR a day; its total is 900.00 EUR;'
                " 1,000.00 EUR a day now, 100.00 EUR of it too much: the rest is left alone, at its"
                " floor, or waits."
            ),
        ),
        (
            {"active_budget": 1000, "shrunk": 9, "after": 950, "left": 3},
            (
                'In account "north" budgets came to 1,000.00 EUR a day; its total is 900.00 EUR;'
                " 9 campaigns shrunk for it, 950.00 EUR a day now, 50.00 EUR of it too much: the"
                " next run goes on with 3 campaigns."
            ),
        ),
    ],
)
def test_what_a_run_did(told: dict[str, Any], sentence: str) -> None:
    base = {"account": "north", "currency": "EUR", "ceiling": 900, "code": "TOTAL_CAP"}
    assert run_sentence(base | told) == sentence


def test_of_an_account_that_is_observed_nothing_is_shrunk() -> None:
    (said, *_) = total_sentences(TOTAL, "observe")
    assert said.endswith(" too much. Nothing is shrunk: the account is only observed.")


def test_a_shared_budget_is_named() -> None:
    (said, *_) = total_sentences({**TOTAL, "shared": 600})
    assert "1,000.00 EUR a day, 600.00 EUR of it shared by several, which counts once; its" in said

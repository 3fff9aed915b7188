"""Tables and lists: cells of files, words of rows, days, sums, drawn intervals."""

from __future__ import annotations

import csv
import io
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from autonomy.web.api import lists, rows
from autonomy.web.csv_file import COLUMNS, cell, collect, csv_text
from autonomy.web.pages.campaign_table import drawn_range, sums
from autonomy.web.pages.days import by_day
from autonomy.web.row_words import change_to, deed, rule_deed, setting, undecided

MODELS: dict[str, type[BaseModel]] = {
    "actions": rows.Action,
    "campaigns": lists.ListedCampaign,
    "opportunities": rows.Opportunity,
    "runs": rows.Run,
}


def test_a_file_has_the_fields_of_the_answers() -> None:
    assert MODELS.keys() == COLUMNS.keys()
    for name, model in MODELS.items():
        shown = COLUMNS[name].split()
        assert [one.partition(".")[0] for one in dict.fromkeys(shown)]
        assert set(model.model_fields) == {one.partition(".")[0] for one in shown}, name
        for column in shown:
            outer, _, inner = column.partition(".")
            for one in get_args(model.model_fields[outer].annotation):
                if inner and isinstance(one, type) and issubclass(one, BaseModel):
                    assert inner in one.model_fields, column


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-SUM(A1)", "'-SUM(A1)"),
        ("@x", "'@x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=b", "a=b"),
        (-12.5, "-12.5"),
        (None, ""),
        (True, "true"),
        ({"a": "ü"}, '{"a": "ü"}'),
    ],
)
def test_no_cell_is_a_formula(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_a_file_is_as_the_rfc_has_it() -> None:
    text = csv_text([{"id": "1", "title": 'say "no",\nplease', "span": {"spend": -3}}], "campaigns")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.endswith("\r\n")
    assert text.count("\r\n") == 2
    assert (lines[0]["title"], lines[0]["span.spend"]) == ('say "no",\nplease', "-3")


def test_a_file_is_bounded_and_says_where_it_ends() -> None:
    def read(after: Any, limit: int) -> dict[str, Any]:
        start = after["n"] if after else 0
        page = [{"n": n} for n in range(start, min(start + limit, 1200))]
        end = start + len(page)
        return {"runs": page, "next_after": {"n": end} if end < 1200 else None}

    assert [len(found) for found in (collect(read, "runs", None, 700)[0],)] == [700]
    assert collect(read, "runs", None, 700)[1] == {"n": 700}
    everything, behind = collect(read, "runs", None, 5000)
    assert (len(everything), behind) == (1200, None)


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        ("executed", None, "Paused"),
        ("pending", None, "Proposed: pause"),
        ("failed", "REJECTED", "Proposed: pause"),
        ("failed", "EXPIRED", "Proposed: pause"),
        ("failed", "GONE", "Failed: pause"),
        ("rolled_back", None, "Taken back: pause"),
    ],
)
def test_what_a_person_refused_did_not_fail(status: str, error: str | None, said: str) -> None:
    action = {"action_type": "auto_pause", "status": status, "error": error}
    assert deed(action) == said
    assert bool(undecided(action)) == (error in ("REJECTED", "EXPIRED"))


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (100, 112, "+12%"),
        (100, 88, "\u221212%"),
        (100, 100, "0%"),
        (1, 500, "\u00d7500"),
        (0, 5, ""),
        (None, 5, ""),
        ("NaN", 5, ""),
        (5, None, ""),
    ],
)
def test_a_change_is_said_where_there_is_one(before: object, now: object, said: str) -> None:
    assert change_to(before, now) == said


def test_what_happened_to_a_rule_and_a_setting() -> None:
    on, off = {"is_active": True}, {"is_active": False}
    told = [(None, on), (on, None), (off, on), (on, off), (on, {**on, "priority": 3})]
    assert [rule_deed({"before": before, "after": after}) for before, after in told] == [
        "Rule added",
        "Rule deleted",
        "Rule switched on",
        "Rule switched off",
        "Rule changed",
    ]
    values = [None, "", True, 1.5, "approve"]
    assert [setting(value) for value in values] == ["nothing", "nothing", "on", "1.5", "approve"]


def test_a_day_is_one_of_the_pages_zone() -> None:
    at = ["2026-11-28T23:30:00Z", "2026-11-28T22:30:00Z", "2025-11-27T12:00:00Z"]
    days = by_day([{"at": one} for one in at], "Europe/Berlin", lambda row: row["at"])
    assert [(str(one.day), len(one.rows)) for one in days] == [
        ("2026-11-29", 1),
        ("2026-11-28", 1),
        ("2025-11-27", 1),
    ]
    assert days[2].title == "Thu 27 Nov 2025"
    on = by_day([{"at": at[1]}], "Europe/Berlin", lambda row: row["at"], "2026-11-28T22:40:00Z")
    assert [one.begun for one in on] == [True]
    assert [one.begun for one in by_day([{"at": at[1]}], "UTC", lambda row: row["at"], at[2])] == [
        False
    ]
    assert by_day([{"at": at[0]}], "Not/AZone", lambda row: row["at"])[0].title


def test_sums_are_of_one_currency_each_and_paused_is_nothing() -> None:
    def row(currency: str | None, status: str, budget: Any, new: Any = None) -> dict[str, Any]:
        waiting = None if new is None else {"new_state": new}
        return {"currency": currency, "status": status, "budget": budget, "waiting": waiting}

    rows = [
        row("EUR", "active", 100, {"status": "paused", "budget": 100}),
        row("EUR", "active", 50, {"budget": 75}),
        row("USD", "Active", 10, {"status": "active", "budget": 20}),
        row(None, "paused", 500, {"status": "active", "budget": 500}),
        row("EUR", "active", None, {}),
    ]
    proposed = {one["currency"]: (one["now"], one["then"]) for one in sums(rows, by_proposal=True)}
    assert proposed == {"EUR": (150, 75), "USD": (10, 20), None: (0, 500)}
    assert [one["now"] for one in sums(rows, by_proposal=False)] == [150, 10, 0]


def test_an_interval_is_drawn_by_its_logarithm() -> None:
    def drawn(low: Any, high: Any, even: Any = 1) -> Any:
        return drawn_range({"likely_roi_low": low, "likely_roi_high": high, "break_even": even})

    middle = drawn(0.5, 2)
    assert middle["even"] == 50
    assert middle["side"] == "open"
    assert middle["low"] + middle["high"] == pytest.approx(100)
    assert drawn(2, 4)["side"] == "good"
    assert drawn(0.2, 0.4)["side"] == "bad"
    assert drawn(0.001, 1000) == {"low": 0, "high": 100, "even": 50, "width": 100, "side": "open"}
    for nothing in (None, 0, -1, float("nan"), "x"):
        assert drawn(nothing, 2) is None
    assert drawn_range(None) is None

"""Where an export's revenue comes from: a column, a worth of conversions, or ROAS; or nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autonomy.errors import ExportError, MappingError
from autonomy.imports.columns import MappingFile, match_columns
from autonomy.imports.export import Export
from autonomy.imports.names import NAMES
from autonomy.imports.read_export import open_export, slices

CASE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "no-revenue-found" / "input.csv"
HEADER = "campaign,date,spend,conversions"


def rows_of(
    folder: Path, text: str, mapping: dict[str, Any] | None = None
) -> tuple[Export, list[dict[str, Any]]]:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    with open_export(path, MappingFile.of(mapping or {})) as export:
        return export, [row for frame in slices(export) for row in frame.iter_rows(named=True)]


def found(*names: str, mapping: dict[str, Any] | None = None) -> str | None:
    header = ["campaign", "date", "spend", "conversions", *names]
    return match_columns(header, MappingFile.of(mapping or {})).get("revenue")


@pytest.mark.parametrize(
    "name",
    [
        "conv_value", "conv value", "Conv. value", "conv.value", "Conv-Value", "Total revenue",
        "total_revenue", "total_conversion_value", "Total conversions value", "conversions_value",
        "Conversion Value (EUR)", "purchase_conversion_value", "Purchase value",
        "purchases_value", "purchase revenue", "conversion_revenue", "REVENUE", "Total conv. value",
    ],
)  # fmt: skip
def test_names_of_one_family(name: str) -> None:
    assert found(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "cost per conv. value", "conv. value / cost", "Conv. value / click", "revenue per click",
        "conv_value_per_cost", "Value / conv.", "average order value", "revenue share",
        "Predicted revenue", "conv. value (by conv. time)", "Revenue (avg)", "Sales (qty)",
        "revenue_target", "ROAS", "order value", "value rules",
    ],
)  # fmt: skip
def test_names_that_only_sound_like_it(name: str) -> None:
    assert found(name) is None


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["All conv. value", "Conv. value"], "Conv. value"),
        (["all_conv_value", "conv_value"], "conv_value"),
        (["sales", "revenue"], "revenue"),
        (["Total revenue", "conv_value"], "conv_value"),
        (["conv_value", "Conv. value"], "Conv. value"),
        (["Total revenue", "cost per conv. value"], "Total revenue"),
    ],
)
def test_of_two_the_exact_known_one_wins(names: Sequence[str], chosen: str) -> None:
    assert found(*names) == chosen


@pytest.mark.parametrize(
    "names",
    [
        ("Total revenue", "Purchase revenue"),
        ("conv_value", "conv-value"),
        ("Revenue (USD)", "Revenue (EUR)"),
    ],
)
def test_of_two_that_both_may_be_it_none_is_taken(names: Sequence[str]) -> None:
    with pytest.raises(ExportError) as refusal:
        found(*names)
    assert all(repr(name) in str(refusal.value) for name in names)
    assert "mapping file" in str(refusal.value)
    assert found(*names, mapping={"columns": {"revenue": names[1]}}) == names[1]
    assert found(*names, mapping={"value_per_conversion": 3}) is None


def test_no_revenue_is_refused_with_what_was_not_read(tmp_path: Path) -> None:
    text = f"{HEADER},worth of orders,Conv. value / cost\nA,2026-11-01,10.00,2,70,7\n"
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, text)
    said = str(refusal.value)
    assert "no column for revenue" in said
    assert "Not read: worth of orders, Conv. value / cost" in said
    assert "--value-per-conversion 35" in said
    assert "--revenue-from-roas" in said
    assert '[columns]\nrevenue = "worth of orders"' in said


def test_a_guess_is_named_but_not_taken(tmp_path: Path) -> None:
    text = f"{HEADER},Device,Umsatz gesamt\nA,2026-11-01,10.00,2,phone,70\n"
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, text)
    assert "Not read: Device, Umsatz gesamt" in str(refusal.value)
    assert '[columns]\nrevenue = "Umsatz gesamt"' in str(refusal.value)
    assert "--revenue-from-roas" not in str(refusal.value), "there is no such column"


@pytest.mark.parametrize("blank", ["", "-", "--", " ", "n/a"])
def test_an_empty_column_is_no_revenue(tmp_path: Path, blank: str) -> None:
    text = f"{HEADER},Revenue\nA,2026-11-01,10.00,2,{blank}\nA,2026-11-02,10.00,2,{blank}\n"
    with pytest.raises(ExportError, match="the revenue column 'Revenue' is empty"):
        rows_of(tmp_path, text)
    _, rows = rows_of(tmp_path, text + "A,2026-11-03,10.00,2,0\n")
    assert [row["revenue"] for row in rows] == [0, 0, 0], "a nought is said, a blank beside it is 0"


def test_a_total_that_is_filled_in_does_not_fill_the_column(tmp_path: Path) -> None:
    text = f"{HEADER},Revenue\nA,2026-11-01,10.00,2,\nTotal,,10.00,2,70.00\n"
    with pytest.raises(ExportError, match="is empty"):
        rows_of(tmp_path, text)


def test_what_a_conversion_is_worth(tmp_path: Path) -> None:
    text = f"{HEADER}\nA,2026-11-01,10.00,3\nA,2026-11-02,10.00,1.5\nA,2026-11-03,10.00,\n"
    export, rows = rows_of(tmp_path, text, {"value_per_conversion": 35.35})
    # Beside it in binary: 3 * 35.35 = 106.05000000000001.
    assert [row["revenue"] for row in rows] == [106.05, 53.025, 0]
    assert export.reckoned == "conversions x 35.35"
    assert "revenue" not in export.columns


def test_a_worth_goes_before_a_column_and_through_the_factor(tmp_path: Path) -> None:
    text = f"{HEADER},Revenue\nA,2026-11-01,10.00,3,999\n"
    export, rows = rows_of(tmp_path, text, {"value_per_conversion": 35, "times": {"revenue": 0.4}})
    assert [row["revenue"] for row in rows] == [42]
    assert "revenue" not in export.columns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("campaign,date,spend\nA,2026-11-01,10.00\n", "no column for conversions"),
        (f"{HEADER}\nA,2026-11-01,10.00,\n", "the conversions column 'conversions' is empty"),
    ],
)
def test_a_worth_needs_conversions(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        rows_of(tmp_path, text, {"value_per_conversion": 35})


@pytest.mark.parametrize(
    "header",
    [
        "Purchase ROAS (return on ad spend)", "Website purchase ROAS (return on ad spend)", "ROAS",
        "purchase_roas", "Conv. value / cost", "conv_value / cost", "Return on ad spend (ROAS)",
    ],
)  # fmt: skip
def test_revenue_from_roas(tmp_path: Path, header: str) -> None:
    text = (
        f"{HEADER},{header}\n"
        "A,2026-11-01,10.01,2,3.5\n"  # 35.035: half up
        "A,2026-11-02,10.01,2,350%\n"
        "A,2026-11-03,0,0,-\n"
        "A,2026-11-04,10.00,0,--\n"
        "A,2026-11-05,10.00,,\n"
        "A,2026-11-06,1.15,1,1.0\n"
    )
    export, rows = rows_of(tmp_path, text, {"revenue_from_roas": True})
    assert [row["revenue"] for row in rows] == [35.04, 35.04, 0, 0, 0, 1.15]
    assert export.reckoned == f"spend x {header!r}"


def test_roas_beyond_anything(tmp_path: Path) -> None:
    text = f"{HEADER},ROAS\nA,2026-11-01,10.00,2,1e99\nA,2026-11-02,10.00,2,2\n"
    export, rows = rows_of(tmp_path, text, {"revenue_from_roas": True})
    assert [row["revenue"] for row in rows] == [20]
    assert export.tally.examples == [(2, "revenue is beyond any plausible size")]


def test_roas_in_percent_and_with_a_comma(tmp_path: Path) -> None:
    text = "campaign;date;spend;ROAS (%)\nA;2026-11-01;100,00;350,5\n"
    _, rows = rows_of(tmp_path, text, {"revenue_from_roas": True})
    assert [row["revenue"] for row in rows] == [350.5]
    text = "campaign;date;spend;Rendite\nA;2026-11-01;100,00;1,25\nA;2026-11-02;100,00;viel\n"
    mapping = {"columns": {"roas": "Rendite"}, "revenue_from_roas": True}
    export, rows = rows_of(tmp_path, text, mapping)
    assert [row["revenue"] for row in rows] == [125]
    assert export.tally.examples == [(3, "revenue is not a number")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEADER}\nA,2026-11-01,10.00,2\n", "no column for ROAS"),
        (f"{HEADER},ROAS\nA,2026-11-01,10.00,2,-\n", "the ROAS column 'ROAS' is empty"),
    ],
)
def test_from_roas_needs_roas(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        rows_of(tmp_path, text, {"revenue_from_roas": True})


def test_a_column_of_roas_alone_changes_nothing(tmp_path: Path) -> None:
    export, rows = rows_of(tmp_path, f"{HEADER},Revenue,ROAS\nA,2026-11-01,10.00,2,70,9\n")
    assert [row["revenue"] for row in rows] == [70]
    assert "roas" not in export.columns
    assert export.reckoned is None


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ('{"value_per_conversion": 0}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": -3}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": NaN}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": Infinity}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": 1e300}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": "35"}', "value_per_conversion must be a number above 0"),
        ('{"value_per_conversion": true}', "value_per_conversion must be a number above 0"),
        ('{"revenue_from_roas": "yes"}', "revenue_from_roas must be true or false"),
        ('{"revenue_from_roas": true, "value_per_conversion": 3}', "more than one"),
        ('{"columns": {"revenue": "X"}, "value_per_conversion": 3}', "more than one"),
        ('{"columns": {"revenue": "X"}, "revenue_from_roas": true}', "more than one"),
    ],
)
def test_a_wrong_word_about_revenue(mapping: str, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        MappingFile.of(json.loads(mapping))


def test_the_names_of_the_documents_are_known() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "replay.md").read_text()
    told = dict(re.findall(r"^\| (\w+) \| (.+) \|$", page, re.MULTILINE))
    for field, known in NAMES.items():
        assert set(told[field].split(", ")) <= set(known), field
        assert told[field].split(", ")[0] == known[0], "the first named is the first that wins"


@pytest.mark.skipif(not CASE.is_file(), reason="the case is not here")
def test_the_file_that_was_read_as_nothing() -> None:
    with open_export(CASE) as export:
        rows = [row for frame in slices(export) for row in frame.iter_rows(named=True)]
    sums = [sum(row[name] for row in rows) for name in ("spend", "conversions", "revenue")]
    assert sums == [26_400, 780, 402_000]

"""Exports as people have them: encodings, separators, decimal commas, totals, dirt."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from autonomy.errors import ExportError, MappingError
from autonomy.imports.columns import MappingFile, match_columns, plain_name
from autonomy.imports.dates import Dates, read_hour
from autonomy.imports.export import Export
from autonomy.imports.numbers import decimal_mark
from autonomy.imports.read_export import open_export, slices

META = """\
Reporting starts,Reporting ends,Campaign name,Campaign delivery,Reach,Impressions,Clicks (all),\
Link clicks,Amount spent (USD),Purchases,Purchases conversion value,Day
2026-11-01,2026-11-01,Winter Jackets,active,"1,204","2,345",80,61,"1,012.50",3,180.90,2026-11-01
2026-11-02,2026-11-02,Winter Jackets,active,900,1800,50,,90.00,,,2026-11-02
2026-11-01,2026-11-02,,,2104,4145,130,61,1102.50,3,180.90,
"""

GOOGLE = """\
Campaign performance report
"1 November 2026 - 2 November 2026"
Day\tHour of the day\tCampaign\tCampaign ID\tCampaign status\tCurrency code\tCost\tImpr.\tClicks\t\
Conversions\tConv. value
2026-11-01\t0\tBrand\t77\tEnabled\tEUR\t12.10\t1,200\t40\t2.50\t80.00
2026-11-01\t23\tBrand\t77\tEnabled\tEUR\t --\t0\t0\t0.00\t0.00
Total: Campaigns\t --\t --\t --\t --\tEUR\t12.10\t1,200\t40\t2.50\t80.00
"""

GERMAN = """\
campaign;date;impressions;clicks;spend;conversions;revenue
Gartenmöbel;13.11.2026;12.345;321;1.234,56 €;4;2.000,00 €
Gartenmöbel;14.11.2026;9.876;300;987,10 €;3;-20,00 €
"""


def at(text: str) -> datetime:
    """Local time, without a zone, as files have it."""
    return datetime.fromisoformat(text)


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "export.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def rows_of(path: Path, mapping: MappingFile | None = None) -> tuple[Export, list[dict[str, Any]]]:
    with open_export(path, mapping) as export:
        rows = [row for frame in slices(export) for row in frame.iter_rows(named=True)]
        return export, rows


def test_meta_ads_manager(tmp_path: Path) -> None:
    export, rows = rows_of(write(tmp_path, META))
    assert export.source == "Meta Ads Manager"
    assert export.columns["clicks"] == "Link clicks"
    assert export.tally.totals == 1
    first, second = rows
    assert (first["impressions"], first["reach"], first["clicks"]) == (2345, 1204, 61)
    assert (first["spend"], first["revenue"], first["conversions"]) == (1012.50, 180.90, 3)
    assert first["moment"] == at("2026-11-01")
    assert (second["clicks"], second["conversions"], second["revenue"]) == (0, 0, 0), (
        "blank is none"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_google_ads_by_hour_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    export, rows = rows_of(write(tmp_path, GOOGLE.replace("Brand", "Café Brand"), encoding))
    assert export.source == "Google Ads"
    assert export.header_line == 2
    assert export.delimiter == "\t"
    assert export.hourly
    assert export.tally.totals == 1
    assert [row["moment"] for row in rows] == [at("2026-11-01"), at("2026-11-01T23:00")]
    assert rows[0]["campaign"] == "Café Brand"
    assert rows[0]["campaign_id"] == "77"
    assert (rows[0]["spend"], rows[0]["conversions"]) == (12.10, 2.5)
    assert rows[1]["spend"] == 0


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_decimal_commas(tmp_path: Path, encoding: str) -> None:
    text = GERMAN if encoding != "latin-1" else GERMAN.replace("€", "EUR")
    export, rows = rows_of(write(tmp_path, text, encoding))
    assert (export.decimal, export.delimiter) == (",", ";")
    assert [row["spend"] for row in rows] == [1234.56, 987.10]
    assert [row["impressions"] for row in rows] == [12345, 9876]
    assert rows[0]["moment"] == at("2026-11-13")
    assert rows[0]["campaign"] == "Gartenmöbel"
    assert export.tally.odd == {"revenue below zero (refunds)": 1}


def test_packed(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(GERMAN.encode()))
    assert len(rows_of(path)[1]) == 2


def test_dirty_rows_are_reported_with_line_and_reason(tmp_path: Path) -> None:
    text = (
        "campaign,date,impressions,clicks,spend,revenue,conversions\n"
        "A,2026-11-01,100,10,5.00,9.00,1\n"
        "A,yesterday,100,10,5.00,9.00,1\n"
        "A,2026-11-03,many,10,5.00,9.00,1\n"
        "A,2026-11-04,100,10,-5.00,9.00,1\n"
        "A,2026-11-05,1,10,5.00,9.00,12\n"
        "A,2026-11-06,100,10,9999999999999,9.00,1\n"
    )
    export, rows = rows_of(write(tmp_path, text))
    assert len(rows) == 2
    assert export.tally.examples == [
        (3, "the day or hour cannot be read"),
        (4, "impressions is not a number"),
        (5, "spend is below zero"),
        (7, "spend is beyond any plausible size"),
    ]
    assert export.tally.odd == {"clicks above impressions": 1, "conversions above clicks": 1}
    assert export.tally.read == 6
    assert export.tally.kept + export.tally.rejected_rows == 6


def test_a_mapping_file_for_anything_else(tmp_path: Path) -> None:
    text = "Linie|Tag|Kosten|Wert|Verkäufe\nX|03/04/2026|10,5|200|3\n"
    mapping = tmp_path / "map.json"
    mapping.write_text(
        json.dumps(
            {
                "columns": {
                    "campaign": "Linie", "date": "Tag", "spend": "Kosten", "revenue": "Wert",
                    "conversions": "Verkäufe",
                },
                "times": {"revenue": 0.025},
                "date_format": "%d/%m/%Y",
            }
        )
    )  # fmt: skip
    export, rows = rows_of(write(tmp_path, text), MappingFile.read(mapping))
    assert export.decimal == ","
    assert rows[0]["moment"] == at("2026-04-03")
    assert (rows[0]["spend"], rows[0]["revenue"]) == (10.5, 5.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b,c\n1,2,3\n", "no line whose names of columns"),
        ("campaign,date,clicks\nA,2026-11-01,3\n", "no column for spend"),
        ("campaign,cost,clicks\nA,3.00,3\n", "no column for the day"),
        ("campaign,date,cost,revenue\nA,03/04/2026,1.00,2.00\n", "day or with the month first"),
        ('campaign,date,cost,revenue\nA,2026-11-01,1.25,"2,5"\n', "decimal comma"),
        ("PK\x03\x04", "is an archive. Unpack it first"),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        rows_of(write(tmp_path, text))


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"colums": {}}, "colums is not a key"),
        ({"columns": {"costs": "x"}}, "columns.costs is not a field"),
        ({"times": {"revenue": "x"}}, "must be a number"),
        ({"times": {"revenue": float("nan")}}, "must be a number"),
        ({"decimal": "x"}, "decimal"),
        ([], "one table"),
    ],
)
def test_a_wrong_mapping_says_where(mapping: Any, words: str) -> None:
    with pytest.raises(MappingError, match=words):
        MappingFile.of(mapping)


def test_a_mapped_column_that_is_not_there() -> None:
    with pytest.raises(MappingError, match="names the column 'Kosten'"):
        match_columns(["campaign", "date"], MappingFile.of({"columns": {"spend": "Kosten"}}))


def test_the_real_lines_are_the_platform_view() -> None:
    header = [
        "date",
        "campaign",
        "impressions",
        "clicks",
        "cost",
        "revenue",
        "conversions",
        "sales",
    ]
    found = match_columns(header, MappingFile())
    assert (found["spend"], found["revenue"], found["conversions"]) == (
        "cost",
        "revenue",
        "conversions",
    )


@pytest.mark.parametrize(
    ("counts", "money", "mark"),
    [
        (["1,234"], ["12.50"], "."),
        (["1.234"], ["12,50"], ","),
        (["1234"], ["1,234.50"], "."),
        (["1234"], ["1.234,50"], ","),
        (["1234"], ["0.006", "216.875"], "."),
        (["12"], ["12"], "."),
        (["1.234.567"], ["12"], ","),
        ([], ["$1,234,567"], "."),
    ],
)
def test_decimal_mark(counts: list[str], money: list[str], mark: str) -> None:
    assert decimal_mark(counts, money) == mark


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-03", date(2026, 11, 3)),
        ("03.11.2026", date(2026, 11, 3)),
        ("Nov 3, 2026", date(2026, 11, 3)),
        ("Tuesday, November 3, 2026", date(2026, 11, 3)),
        ("20261103", date(2026, 11, 3)),
        ("Total", None),
        ("2026-02-30", None),
    ],
)
def test_dates(text: str, day: date | None) -> None:
    assert Dates([text]).read(text) == day


def test_slashes_are_settled_by_the_file() -> None:
    assert Dates(["03/04/2026", "03/14/2026"]).read("03/04/2026") == date(2026, 3, 4)
    assert Dates(["03/04/2026", "14/04/2026"]).read("03/04/2026") == date(2026, 4, 3)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("7", 7), ("07:00", 7), ("07:00:00 - 07:59:59", 7), ("12 AM", 0), ("12 PM", 12), ("3 pm", 15),
     ("24", None), ("13 PM", None), ("", None)],
)  # fmt: skip
def test_hours(text: str, hour: int | None) -> None:
    assert read_hour(text) == hour


def test_names_are_told_apart_from_currencies() -> None:
    assert plain_name("Amount spent (EUR)") == "amount spent"
    assert plain_name("\ufeffCampaign_Name ") == "campaign name"
    assert plain_name("Clicks (all)") == "clicks (all)"

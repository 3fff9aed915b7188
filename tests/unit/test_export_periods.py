"""A row of an export is a day or an hour; one that covers more is refused, not booked on a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autonomy.errors import ExportError, PastError
from autonomy.imports.columns import MappingFile
from autonomy.imports.export import Export
from autonomy.imports.read_export import open_export, slices

CASE = Path(__file__).resolve().parents[3] / "shared" / "cases" / "period-row" / "input.csv"


def rows_of(
    folder: Path, text: str, mapping: dict[str, Any] | None = None
) -> tuple[Export, list[dict[str, Any]]]:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    with open_export(path, MappingFile.of(mapping or {})) as export:
        return export, [row for frame in slices(export) for row in frame.iter_rows(named=True)]


def of(start: str, end: str, *times: tuple[str, str]) -> str:
    """An export with these two columns and a row for each pair of times."""
    rows = "".join(f'A,"{first}","{last}",100.00,20.00\n' for first, last in times)
    return f"campaign,{start},{end},spend,revenue\n{rows}"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("Reporting starts", "Reporting ends"), ("reporting_starts", "reporting_ends"),
        ("date_start", "date_stop"), ("Date start", "Date end"), ("Date", "Date stop"),
        ("date", "End date"), ("Date", "Date to"), ("date", "Period end"),
        ("Berichtsstart", "Berichtsende"), ("Aruande algus", "Aruande lõpp"),
        ("Début des rapports", "Fin des rapports"), ("Inicio del informe", "Fin del informe"),
    ],
)  # fmt: skip
def test_a_month_in_a_row(tmp_path: Path, start: str, end: str) -> None:
    text = of(start, end, ("2026-10-01", "2026-10-01"), ("2026-10-01", "2026-10-31"))
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, text)
    said = str(refusal.value)
    assert "row 3 covers 31 days" in said
    assert f"{start!r} 2026-10-01 to {end!r} 2026-10-31" in said
    assert "Breakdown > By time > Day" in said
    days = of(start, end, ("2026-10-01", "2026-10-01"), ("2026-10-02", "2026-10-02"))
    assert len(rows_of(tmp_path, days)[1]) == 2, "equal ends go on working"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("Start date", "End date"), ("From", "To"), ("Period start", "Period end"),
        ("Beginning", "End"), ("Zeitraum von", "Zeitraum bis"), ("Début", "Fin"),
    ],
)  # fmt: skip
def test_a_period_by_another_name(tmp_path: Path, start: str, end: str) -> None:
    """Alone it has no day; named as the day in a mapping file it is held to its end."""
    text = of(start, end, ("2026-10-05", "2026-10-11"))
    with pytest.raises(ExportError, match="no column for the day"):
        rows_of(tmp_path, text)
    with pytest.raises(ExportError, match="row 2 covers 7 days"):
        rows_of(tmp_path, text, {"columns": {"date": start}})
    text = of(start, end, ("2026-10-05", "2026-10-05"))
    assert len(rows_of(tmp_path, text, {"columns": {"date": start}})[1]) == 1


@pytest.mark.parametrize("name", ["Week", "Month", "Quarter", "Year", "Week starting", "Woche"])
def test_a_column_of_weeks(tmp_path: Path, name: str) -> None:
    text = f"campaign,{name},spend,revenue\nA,2026-10-05,100.00,20.00\n"
    with pytest.raises(ExportError) as refusal:
        rows_of(tmp_path, text)
    assert "no column for the day" in str(refusal.value)
    assert f"{name!r} holds more than a day" in str(refusal.value)
    with pytest.raises(ExportError, match=f"{name!r} holds more than a day"):
        rows_of(tmp_path, text, {"columns": {"date": name}})
    beside = f"campaign,Day,{name},spend,revenue\nA,2026-10-07,2026-10-05,100.00,20.00\n"
    assert len(rows_of(tmp_path, beside)[1]) == 1


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-W40", 7), ("2026W40", 7), ("202611", 30), ("2026-10", 31), ("2026/02", 28),
        ("Oct 2026", 31), ("October 2026", 31), ("10/2026", 31), ("2026-Q3", 92), ("Q1 2026", 90),
        ("2026", 365), ("2026-10-05 - 2026-10-11", 7), ("2026-10-05/2026-10-11", 7),
        ("Oct 5, 2026 \u2013 Oct 11, 2026", 7), ("05.10.2026 - 11.10.2026", 7),
        ("2026-10-05 to 2026-10-06", 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["date", "bucket"])
def test_a_time_that_says_more_than_a_day(
    tmp_path: Path, column: str, text: str, days: int
) -> None:
    with pytest.raises(ExportError, match=f"row 2 covers {days} days"):
        rows_of(tmp_path, f'campaign,{column},spend,revenue\nA,"{text}",100.00,20.00\n')


@pytest.mark.parametrize("text", ["2026-10-05 - 2026-10-05", "20261005", "2026-W41-1"])
def test_a_time_that_is_a_day_after_all(tmp_path: Path, text: str) -> None:
    _, rows = rows_of(tmp_path, f"campaign,date,spend,revenue\nA,{text},100.00,20.00\n")
    assert [str(row["moment"]) for row in rows] == ["2026-10-05 00:00:00"]


@pytest.mark.parametrize("wanted", ["%Y-%m", "%b %Y", "%Y"])
def test_a_format_of_dates_needs_a_day(wanted: str) -> None:
    with pytest.raises(PastError, match="date_format .* names no day"):
        MappingFile.of({"date_format": wanted})


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Day,Campaign start date,Campaign end date", "2026-10-05,2026-01-01,2026-12-31"),
        ("Day,Start date,End date", "2026-10-05,2026-01-01,2026-12-31"),
        ("date,start_date,end_date", "2026-10-05,2026-01-01,2026-12-31"),
        ("Day,Starts,Ends", "2026-10-05,2026-01-01,Ongoing"),
        ("Reporting starts,Reporting ends,Starts,Ends", "2026-10-05,2026-10-05,2026-01-01,Ongoing"),
        ("Date,Line item end date", "2026-10-05,2026-12-31"),
        ("Day,Reporting starts,Reporting ends", "2026-10-05,2026-10-01,2026-10-31"),
    ],
)
def test_a_campaigns_own_dates_are_no_period(tmp_path: Path, header: str, row: str) -> None:
    _, rows = rows_of(tmp_path, f"campaign,{header},spend,revenue\nA,{row},100.00,20.00\n")
    assert [str(one["moment"]) for one in rows] == ["2026-10-05 00:00:00"]


def test_an_end_that_several_days_share_is_the_campaigns(tmp_path: Path) -> None:
    times = [("2026-10-05", "2026-12-31"), ("2026-10-06", "2026-12-31")]
    assert len(rows_of(tmp_path, of("Date", "End date", *times))[1]) == 2
    with pytest.raises(ExportError, match="row 2 covers 88 days"):
        rows_of(tmp_path, of("Date", "End date", times[0]))
    with pytest.raises(ExportError, match="row 2 covers 88 days"):
        rows_of(tmp_path, of("Reporting starts", "Reporting ends", *times))


def test_totals_may_cover_what_they_like(tmp_path: Path) -> None:
    text = of("Reporting starts", "Reporting ends", ("2026-10-01", "2026-10-01"))
    export, rows = rows_of(tmp_path, text + ",2026-10-01,2026-10-31,100.00,20.00\n")
    assert (len(rows), export.tally.totals) == (1, 1)


def test_an_end_that_cannot_be_read_or_lies_before(tmp_path: Path) -> None:
    text = of(
        "Reporting starts", "Reporting ends",
        ("2026-10-01", "2026-10-01"), ("2026-10-02", ""), ("2026-10-03", "soon"),
        ("2026-10-04", "2026-10-03"), ("2026-10-05 00:00:00", "2026-10-06 00:00:00"),
        ("2026-10-06 00:00:00", "2026-10-06 23:59:59"),
    )  # fmt: skip
    export, rows = rows_of(tmp_path, text)
    assert [row["line"] for row in rows] == [2, 6, 7]
    assert export.tally.examples == [
        (line, "the end of its time cannot be read or lies before its start") for line in (3, 4, 5)
    ]


def test_the_end_settles_which_comes_first(tmp_path: Path) -> None:
    text = of("Reporting starts", "Reporting ends", ("01/10/2026", "31/10/2026"))
    with pytest.raises(ExportError, match="row 2 covers 31 days"):
        rows_of(tmp_path, text)


@pytest.mark.skipif(not CASE.is_file(), reason="the case is not here")
def test_the_month_that_was_booked_on_a_day() -> None:
    with (
        open_export(CASE) as export,
        pytest.raises(ExportError, match="row 2 covers 31 days"),
    ):
        list(slices(export))

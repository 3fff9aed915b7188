"""A spreadsheet is read like a CSV; its reader is an extra, and without it a sentence says so."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from autonomy.errors import ExportError
from autonomy.imports.columns import MappingFile
from autonomy.imports.export import Export
from autonomy.imports.read_export import open_export, slices
from tests.unit.exports import SAMPLES, Sample

Cell = str | float | None
HEADER: list[Cell] = ["Campaign", "Day", "Cost (EUR)", "Impr.", "Clicks", "Conversions", "Revenue"]
NOV_2 = 46328.0  # days since 1899-12-30


def write(path: Path, sheets: dict[str, Sequence[Sequence[Cell]]]) -> Path:
    """The least that is a workbook; column B of numbers is dates."""
    kind = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"

    def cell(value: Cell, column: int) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        return f"<c{' s=' + chr(34) + '1' + chr(34) if column == 1 else ''}><v>{value!r}</v></c>"

    names = list(enumerate(sheets, 1))
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{packed}/content-types"><Default Extension="xml" ContentType="a"/>'
            "</Types>",
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r" Type='
            f'"{of}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{kind}" xmlns:r="{of}"><sheets>'
            + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in names)
            + "</sheets></workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{packed}/relationships">'
            + "".join(
                f'<Relationship Id="r{n}" Type="{of}/worksheet" Target="worksheets/s{n}.xml"/>'
                for n, _ in names
            )
            + f'<Relationship Id="s" Type="{of}/styles" Target="styles.xml"/></Relationships>',
        )
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{kind}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
            "</styleSheet>",
        )
        for n, name in names:
            rows = "".join(
                f"<row>{''.join(cell(value, at) for at, value in enumerate(row))}</row>"
                for row in sheets[name]
            )
            book.writestr(
                f"xl/worksheets/s{n}.xml",
                f'<worksheet xmlns="{kind}"><sheetData>{rows}</sheetData></worksheet>',
            )
    return path


def read(path: Path, sample: Sample | None = None) -> Export:
    with open_export(path, MappingFile.of(sample.mapping if sample else {})) as export:
        list(slices(export))
        return export


def test_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    path = write(tmp_path / "export.xlsx", {"Report": [HEADER]})
    with pytest.raises(ExportError) as refusal:
        read(path)
    assert "python-calamine reads spreadsheets and is not installed" in str(refusal.value)
    assert "pip install -r requirements-import.txt" in str(refusal.value)


def test_the_deployed_function_does_not_need_it() -> None:
    root = Path(__file__).resolve().parents[2]
    name = "python-calamine"
    assert name not in (root / "requirements.txt").read_text()
    assert name in (root / "requirements-import.txt").read_text()


@pytest.fixture(scope="module")
def reader() -> None:
    pytest.importorskip("python_calamine", reason="python-calamine is not installed (make setup)")


@pytest.mark.usefixtures("reader")
class TestWithItsReader:
    def test_numbers_and_days_as_cells(self, tmp_path: Path) -> None:
        rows: list[list[Cell]] = [
            ["Campaign report"],
            HEADER,
            ["Alder", NOV_2, 1012.5, 23000.0, 310.0, 10.75, 990.1],
            ["Birch", NOV_2 + 1, 50.25, 9000.0, 90.0, 0.25, None],
            ["Total", None, 1062.75, 32000.0, 400.0, 11.0, 990.1],
        ]
        export = read(write(tmp_path / "export.xlsx", {"Notes": [["made by hand"]], "Data": rows}))
        assert {one: str(value) for one, value in export.look.sums["EUR"].items()} == {
            "spend": "1062.750000", "revenue": "990.100000", "conversions": "11.000000",
            "clicks": "400.000000", "impressions": "32000.000000",
        }  # fmt: skip
        assert sorted(map(str, export.look.days)) == ["2026-11-02", "2026-11-03"]
        assert export.tally.totals == 1

    @pytest.mark.parametrize("sample", SAMPLES, ids=[one.name for one in SAMPLES])
    def test_texts_as_cells(self, tmp_path: Path, sample: Sample) -> None:
        plain = tmp_path / "export.csv"
        plain.write_bytes(sample.text.encode(sample.encoding))
        with open_export(plain, MappingFile.of(sample.mapping)) as export:
            list(slices(export))
            mark = export.delimiter
        import csv

        rows: list[list[Cell]] = [
            list(row) for row in csv.reader(sample.text.splitlines(), delimiter=mark)
        ]
        again = read(write(tmp_path / "export.xlsx", {"Report": rows}), sample)
        assert again.look.sums == export.look.sums
        assert again.look.days == export.look.days

    def test_several_tables(self, tmp_path: Path) -> None:
        rows: list[list[Cell]] = [HEADER, ["Alder", NOV_2, 1.5, 1.0, 1.0, 1.0, 1.0]]
        path = write(tmp_path / "export.xlsx", {"March": rows, "April": rows})
        with pytest.raises(ExportError, match=r"several sheets with a table \(March, April\)"):
            read(path)

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"campaign,day\n"])
    def test_what_is_none(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "export.xlsx"
        path.write_bytes(content)
        with pytest.raises(ExportError, match="cannot be read as a spreadsheet"):
            read(path)

    def test_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(ExportError, match="is empty"):
            read(write(tmp_path / "export.xlsx", {"Report": []}))

"""Reading an export: its encoding, its preamble, its header, and then its rows, a slice at a time.

A row that cannot be used is kept out and reported with its line and the reason; one that is merely
odd (more clicks than impressions) is kept and counted: real data is dirty.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autonomy.errors import ExportError
from autonomy.imports import dates, periods, plausible, proposal, revenue, totals
from autonomy.imports import numbers as figures
from autonomy.imports.clean_rows import SHAPE, clean
from autonomy.imports.columns import (
    COUNTS,
    MONEY,
    REQUIRED,
    MappingFile,
    is_header,
    is_micros,
    match_columns,
    source_of,
)
from autonomy.imports.export import Export
from autonomy.imports.row_checks import note
from autonomy.imports.spreadsheet import as_csv, is_spreadsheet

if TYPE_CHECKING:
    import polars as pl

SLICE_ROWS = 50_000
_SAMPLE_ROWS = 20_000
_LOOK_LINES = 60


def slices(export: Export) -> Iterator[pl.DataFrame]:
    """Clean rows: line, campaign, campaign_id, account, moment, zoned and the measures.

    Raises ExportError at a row that is longer than a day, where nothing says the revenue, and where
    the spend seems to be in millionths.
    """
    import polars as pl

    held: list[pl.DataFrame] = []
    sums: list[pl.DataFrame] = []
    seen: list[pl.Series] = []
    for frame in _frames(export):
        export.tally.read += frame.height
        rows = clean(export, frame)
        perhaps = pl.col("total") == totals.PERHAPS
        held.append(rows.filter(perhaps).drop("total"))
        rows = rows.filter(~perhaps).drop("total")
        sums.append(totals.sums_of(rows))
        spent = rows.filter(pl.col("spend") > 0).select("line")
        seen.append(frame.join(spent, on="line", how="semi").drop("line", SHAPE).hash_rows())
        yield _kept(export, rows)
    if any(one.height for one in held):
        campaigns, left_out, neither = totals.settled(held, sums)
        export.tally.totals += left_out
        why = pl.when(pl.col("campaign") == "").then(pl.lit("it names no campaign"))
        note(
            export.tally,
            neither.with_columns(
                why.otherwise(
                    pl.lit("it is named like a total, but is not the sum of the others")
                ).alias("reason")
            ),
        )
        yield _kept(export, campaigns)
    _say_twice(export, pl.concat(seen) if seen else pl.Series())
    _check_all(export)


def _say_twice(export: Export, seen: pl.Series) -> None:
    """Rows that are alike in every cell are perhaps one row: a file that was put together twice."""
    twice = len(seen) - seen.n_unique()
    if twice:
        export.look.notes.append(
            f"WARNING: {twice:,} {'row is' if twice == 1 else 'rows are'} there once more, alike in"
            " every cell, and added up. Was the file put together twice?"
        )


def _kept(export: Export, rows: pl.DataFrame) -> pl.DataFrame:
    export.tally.kept += rows.height
    export.tally.valued += int(rows["is_valued"].sum())
    export.look.add(rows, next(iter(export.currencies), ""))
    return rows.drop("is_valued")


def _check_all(export: Export) -> None:
    """What only all rows together say."""
    if not export.tally.kept:
        return
    if not export.tally.valued and not export.spend_only:
        raise ExportError(
            f"{export.path}: {revenue.is_empty(export.mapping, export.columns, export.header)}"
        )
    unsaid = "spend" not in export.mapping.times and export.factor("spend") == 1
    if unsaid and export.look.round_spends and "clicks" in export.columns:
        for currency, sums in export.look.sums.items():
            plausible.refuse_micros(export.path, sums["spend"], sums["clicks"], currency)


@contextmanager
def open_export(path: Path, mapping: MappingFile | None = None) -> Iterator[Export]:
    """Finds out what the file is. Raises ExportError or MappingError with what to do about it."""
    mapping = mapping or MappingFile()
    with _as_utf8(path, mapping.encoding) as (text, encoding):
        delimiter, header_line, header = _find_header(text, mapping, path)
        columns = match_columns(header, mapping)
        samples = _samples(text, delimiter, header_line, header)
        _check(columns, mapping, path, header, samples)
        starts = columns.get("bucket") or columns["date"]
        no_id = None  # who names the column means it
        if "campaign_id" not in mapping.columns:
            no_id = plausible.no_id(samples, columns, starts)
        if no_id is not None:
            del columns["campaign_id"]
        ends = periods.ends_of(samples, columns, header)
        export = Export(
            path=path,
            text=text,
            encoding=encoding,
            delimiter=delimiter,
            header_line=header_line,
            header=header,
            columns=columns,
            mapping=mapping,
            source=source_of(header),
            decimal=mapping.decimal or _decimal(samples, columns),
            dates=dates.Dates(
                _date_samples(samples, columns, ends),
                # A moment is ISO 8601, whatever the style of days.
                None if "bucket" in columns else mapping.date_format,
            ),
            ends=ends,
        )
        if ends is None and "date" in columns and "date" not in mapping.columns:
            plausible.refuse_weeks(path, starts, samples[starts], export.dates)
        _look(export, no_id)
        yield export


def _look(export: Export, no_id: str | None) -> None:
    """What is to be said of the columns."""
    look, columns = export.look, export.columns
    look.unread = proposal.unread(
        export.header, {**columns, **({"ends": export.ends} if export.ends else {})}
    )
    missing = proposal.not_found(columns, export.mapping)
    guesses = proposal.guesses(look.unread, missing)
    look.missing = {name: guesses.get(name) for name in missing}
    look.notes += [no_id] if no_id else []
    look.notes += [
        f"{columns[name]!r} is in millionths: {name} is that x 0.000001."
        for name in MONEY
        if name in columns and is_micros(columns[name]) and name not in export.mapping.times
    ]


@contextmanager
def _as_utf8(path: Path, wanted: str | None) -> Iterator[tuple[Path, str]]:
    """The file itself where it is plain UTF-8, else a copy that is."""
    if not path.is_file():
        raise ExportError(f"{path} is not a file.")
    if is_spreadsheet(path):
        with tempfile.TemporaryDirectory(prefix="autonomy-import-") as folder:
            copy = Path(folder) / "export.csv"
            as_csv(path, copy)
            yield copy, "spreadsheet"
        return
    packed = path.suffix == ".gz"
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        start = stream.read(4)
        if start[:4] == b"PK\x03\x04":
            raise ExportError(f"{path} is an archive. Unpack it first.")
        encoding = wanted or _encoding(start, stream)
    if encoding == "utf-8" and not packed:
        yield path, encoding
        return
    with tempfile.TemporaryDirectory(prefix="autonomy-import-") as folder:
        copy = Path(folder) / "export.csv"
        opener = gzip.open if packed else open
        with (
            # A few bytes mean nothing in a Windows file; that is no reason to refuse it.
            opener(
                path,
                "rt",
                encoding=encoding,
                newline="",
                errors="replace" if encoding == "cp1252" else "strict",
            ) as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            try:
                shutil.copyfileobj(source, target, 1 << 20)
            except (UnicodeError, OSError) as error:
                raise ExportError(f"{path} cannot be read as {encoding}: {error}") from error
        yield copy, encoding


def _encoding(start: bytes, stream: Any) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if len(start) == 4 and start[0] and start[2] and not start[1] and not start[3]:
        return "utf-16-le"  # without a mark: every other byte is none
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(start)
        while block := stream.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError as error:
        raise ExportError(f"The file cannot be unpacked: {error}") from error
    return "utf-8"


def _find_header(text: Path, mapping: MappingFile, path: Path) -> tuple[str, int, list[str]]:
    with text.open(encoding="utf-8", newline="", errors="replace") as stream:
        lines = [line for _, line in zip(range(_LOOK_LINES), stream, strict=False)]
    if not lines or not any(line.strip() for line in lines):
        raise ExportError(f"{path} is empty.")
    delimiters = (mapping.delimiter,) if mapping.delimiter else ("\t", ";", ",", "|")
    if mapping.skip_lines is not None:
        line = lines[min(mapping.skip_lines, len(lines) - 1)]
        delimiter = max(delimiters, key=line.count)
        return delimiter, mapping.skip_lines, _cells(line, delimiter)
    wanted = set(mapping.columns.values())
    for number, line in enumerate(lines):
        for delimiter in delimiters:
            cells = _cells(line, delimiter)
            known = is_header(cells, mapping) or (wanted and wanted <= set(cells))
            if len(cells) >= 3 and known:
                return delimiter, number, cells
    delimiter = max(delimiters, key=lambda one: sum(line.count(one) for line in lines))
    raise proposal.no_header(path, [_cells(line, delimiter) for line in lines], delimiter, mapping)


def _cells(line: str, delimiter: str) -> list[str]:
    row = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    return [cell.replace("\ufeff", "") for cell in row]


def _check(
    columns: dict[str, str],
    mapping: MappingFile,
    path: Path,
    header: Sequence[str],
    samples: dict[str, list[str]],
) -> None:
    """Raises ExportError with the mapping file that may mend it."""
    wanting = [
        f"has no column for {name}."
        for name in REQUIRED
        if name not in columns and name not in mapping.constants
    ]
    if "campaign" in mapping.constants or "campaign_id" in columns:
        wanting = [one for one in wanting if one != "has no column for campaign."]
    if not_by_day := periods.no_day(columns, header):
        wanting.append(not_by_day)
    if (mapping.reckons or "revenue") not in columns and not mapping.spend_only(columns):
        wanting.append(revenue.not_found(mapping, columns, header))
    if wanting:
        file = proposal.mapping_file(header, columns, mapping, samples)
        free = proposal.unread(header, columns)
        raise ExportError(proposal.told(path, wanting[0], file, free))


def _frames(export: Export) -> Iterator[pl.DataFrame]:
    """The rows as texts, a slice at a time, with their `line` and what is wrong with their `shape`:
    `1,50` without quotes would move every cell after it by one.
    """
    import polars as pl

    names = _unique(export.header)
    used = max(names.index(name) for name in export.columns.values()) + 1
    for lines, rows in _slices_of_rows(export):
        shapes = [""] * len(rows)
        for at, row in enumerate(rows):
            if len(row) != len(names):
                shapes[at] = _shape(export, lines[at], row, used)
                rows[at] = [*row[: len(names)], *[""] * (len(names) - len(row))]
        cells = zip(names, zip(*rows, strict=True), strict=True)
        yield pl.DataFrame(
            [
                pl.Series("line", lines, pl.Int64),
                *(pl.Series(name, texts, pl.String) for name, texts in cells),
                pl.Series(SHAPE, shapes, pl.String),
            ]
        )


def _slices_of_rows(export: Export) -> Iterator[tuple[list[int], list[list[str]]]]:
    with export.text.open(encoding="utf-8", newline="", errors="replace") as stream:
        for _ in range(export.header_line + 1):
            next(stream, None)
        plain = (text.replace("\x00", "") for text in stream)  # no text of PostgreSQL holds NUL
        reader = csv.reader(plain, delimiter=export.delimiter)
        lines: list[int] = []
        rows: list[list[str]] = []
        line = export.header_line + 2
        try:
            for row in reader:
                if row:
                    lines.append(line)
                    rows.append(row)
                line = export.header_line + 2 + reader.line_num
                if len(rows) == SLICE_ROWS:
                    yield lines, rows
                    lines, rows = [], []
        except csv.Error as error:
            raise ExportError(f"{export.path}: line {line} cannot be read: {error}.") from error
        if rows:
            yield lines, rows


def _shape(export: Export, line: int, row: list[str], used: int) -> str:
    if used <= len(row) <= len(export.header) or not any(row[len(export.header) :]):
        if len(row) >= used:
            return ""
        wrong = "it has fewer cells than the header"
    else:
        wrong = "it has more cells than the header"
    if any("\n" in cell for cell in row):
        raise ExportError(
            f"{export.path}: line {line} opens a quote that is not closed there, so the lines after"
            " it cannot be told apart. Mend that line."
        )
    return wrong


def _unique(header: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for name in header:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return names


def _samples(
    text: Path, delimiter: str, header_line: int, header: Sequence[str]
) -> dict[str, list[str]]:
    """The first rows by column, read the plain way; which style a file has is seen from them."""
    names = _unique(header)
    samples: dict[str, list[str]] = {name: [] for name in names}
    with text.open(encoding="utf-8", newline="", errors="replace") as stream:
        for _ in range(header_line + 1):
            next(stream, None)
        for _, row in zip(range(_SAMPLE_ROWS), csv.reader(stream, delimiter=delimiter)):  # noqa: B905
            for name, cell in zip(names, row, strict=False):
                samples[name].append(cell)
    return samples


def _decimal(samples: dict[str, list[str]], columns: dict[str, str]) -> str:
    def of(fields: Sequence[str]) -> Iterator[str]:
        for name in fields:
            if name in columns:
                yield from samples.get(columns[name], ())

    # Google counts conversions in fractions, so they say nothing of thousands.
    return figures.decimal_mark(
        of([name for name in COUNTS if name != "conversions"]), of([*MONEY, "conversions", "roas"])
    )


def _date_samples(
    samples: dict[str, list[str]], columns: dict[str, str], ends: str | None
) -> list[str]:
    read = (columns.get("bucket") or columns["date"], ends or "")
    return list({cell.strip() for column in read for cell in samples.get(column, ())})

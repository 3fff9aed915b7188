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
from autonomy.imports import numbers as figures
from autonomy.imports import periods, revenue
from autonomy.imports.columns import (
    COUNTS,
    MONEY,
    REQUIRED,
    MappingFile,
    is_header,
    match_columns,
    source_of,
)
from autonomy.imports.export import Export
from autonomy.imports.periods import replaced
from autonomy.imports.row_checks import sift

if TYPE_CHECKING:
    import polars as pl

SLICE_ROWS = 50_000
_SAMPLE_ROWS = 20_000
_LOOK_LINES = 60
_TOTAL = r"(?i)^\s*(grand\s+)?totals?\b"


def slices(export: Export) -> Iterator[pl.DataFrame]:
    """Clean rows: line, campaign, campaign_id, account, moment, zoned and the measures.

    Raises ExportError at a row that is longer than a day, and where nothing says the revenue.
    """
    for frame in _scan(export).collect_batches(chunk_size=SLICE_ROWS, maintain_order=True):
        export.tally.read += frame.height
        clean = _clean(export, frame)
        export.tally.kept += clean.height
        yield clean
    if export.tally.kept and not export.tally.valued:
        raise ExportError(
            f"{export.path}: {revenue.is_empty(export.mapping, export.columns, export.header)}"
        )


@contextmanager
def open_export(path: Path, mapping: MappingFile | None = None) -> Iterator[Export]:
    """Finds out what the file is. Raises ExportError or MappingError with what to do about it."""
    mapping = mapping or MappingFile()
    with _as_utf8(path, mapping.encoding) as (text, encoding):
        delimiter, header_line, header = _find_header(text, mapping, path)
        columns = match_columns(header, mapping)
        _check(columns, mapping, path, header)
        samples = _samples(text, delimiter, header_line, header)
        ends = periods.ends_of(samples, columns, header)
        yield Export(
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
            dates=figures.Dates(
                _date_samples(samples, columns, ends),
                # A moment is ISO 8601, whatever the style of days.
                None if "bucket" in columns else mapping.date_format,
            ),
            ends=ends,
        )


@contextmanager
def _as_utf8(path: Path, wanted: str | None) -> Iterator[tuple[Path, str]]:
    """The file itself where it is plain UTF-8, else a copy that is."""
    if not path.is_file():
        raise ExportError(f"{path} is not a file.")
    packed = path.suffix == ".gz"
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        start = stream.read(4)
        if start[:4] == b"PK\x03\x04":
            raise ExportError(f"{path} is a spreadsheet or an archive. Save it as CSV first.")
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
            if len(cells) >= 3 and (is_header(cells) or (wanted and wanted <= set(cells))):
                return delimiter, number, cells
    raise ExportError(
        f"{path} has no line that names the columns (campaign, day, cost ...) among its first"
        f" {_LOOK_LINES}. Name them in a mapping file (--map); its first line is:"
        f" {lines[0].strip()[:120]!r}"
    )


def _cells(line: str, delimiter: str) -> list[str]:
    row = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    return [cell.replace("\ufeff", "") for cell in row]


def _check(
    columns: dict[str, str], mapping: MappingFile, path: Path, header: Sequence[str]
) -> None:
    for name in REQUIRED:
        if name not in columns and name not in mapping.constants:
            raise ExportError(
                f"{path} has no column for {name} (its columns: {', '.join(header[:40])})."
                f' Name it in a mapping file (--map): {{"columns": {{"{name}": "..."}}}}'
            )
    if not_by_day := periods.no_day(columns, header):
        raise ExportError(f"{path} {not_by_day}")
    if (mapping.reckons or "revenue") not in columns:
        raise ExportError(f"{path} {revenue.not_found(mapping, columns, header)}")


def _scan(export: Export) -> pl.LazyFrame:
    import polars as pl

    names = _unique(export.header)
    return pl.scan_csv(
        export.text,
        separator=export.delimiter,
        has_header=False,
        skip_lines=export.header_line + 1,
        schema=dict.fromkeys(names, pl.String),
        row_index_name="line",
        row_index_offset=export.header_line + 2,
        empty_string_is_null=False,
        truncate_ragged_lines=True,
        ignore_errors=True,
        encoding="utf8-lossy",
    )


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


def _clean(export: Export, frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    frame = frame.with_columns(pl.col(pl.String).fill_null("").str.strip_chars())
    columns, constants = export.columns, export.mapping.constants

    def text(name: str) -> pl.Expr:
        if name in columns:
            return pl.col(columns[name])
        return pl.lit(constants.get(name, ""))

    valued = columns[export.mapping.reckons or "revenue"]
    # A total row says so in its first cell or where the campaign or the day should be.
    named = {frame.columns[1], *(columns[key] for key in ("campaign", "date") if key in columns)}
    shaped = frame.select(
        pl.col("line"),
        text("campaign").alias("campaign"),
        text("campaign_id").alias("campaign_id"),
        text("account").alias("account"),
        text("status").alias("status"),
        text("currency").alias("currency"),
        text("time_zone").alias("time_zone"),
        *_moment(export, frame),
        periods.days_of(export, frame),
        *(_number(export, name) for name in (*COUNTS, *MONEY, "roas")),
        pl.any_horizontal(pl.col(name).str.contains(_TOTAL) for name in named).alias("is_total"),
        (~pl.col(valued).is_in(list(figures.BLANK))).alias("is_valued"),
    )
    if export.mapping.reckons:
        percent = "%" in valued or frame[valued].str.contains("%")
        shaped = shaped.with_columns(revenue.reckoned(export.mapping, shaped, percent))
    periods.refuse_longer(export, frame, shaped)
    return sift(export.tally, shaped.drop("roas"))


def _moment(export: Export, frame: pl.DataFrame) -> list[pl.Expr | pl.Series]:
    """`moment` is local time without a zone, `zoned` an instant where the file states an offset."""
    import polars as pl

    columns = export.columns
    if "bucket" in columns:
        known = {text: figures.read_moment(text) for text in frame[columns["bucket"]].unique()}
        plain = {text: at for text, at in known.items() if at and at.tzinfo is None}
        zoned = {text: at for text, at in known.items() if at and at.tzinfo is not None}
        return [
            replaced(columns["bucket"], plain, pl.Datetime("us")).alias("moment"),
            replaced(columns["bucket"], zoned, pl.Datetime("us", "UTC")).alias("zoned"),
        ]
    days = {text: export.dates.read(text) for text in frame[columns["date"]].unique()}
    moment = replaced(columns["date"], days, pl.Date).cast(pl.Datetime("us"))
    if "hour" in columns:
        hours = {text: figures.read_hour(text) for text in frame[columns["hour"]].unique()}
        moment += pl.duration(hours=replaced(columns["hour"], hours, pl.Int64))
    return [moment.alias("moment"), pl.lit(None, pl.Datetime("us", "UTC")).alias("zoned")]


def _number(export: Export, name: str) -> pl.Expr:
    """A struct of the value (0 where blank) and whether the text could be read."""
    import polars as pl

    if name not in export.columns:
        return pl.struct(value=pl.lit(None, pl.Float64), readable=pl.lit(True)).alias(name)
    raw = pl.col(export.columns[name])
    blank = raw.is_in(list(figures.BLANK))
    bare = raw.str.replace_all(figures.TRIM, "")
    mark, pattern = (".", figures.POINT) if export.decimal == "." else (",", figures.COMMA)
    fits = bare.str.contains(pattern) & bare.str.contains(r"\d")
    digits = bare.str.replace_all(figures.THOUSANDS[mark], "")
    digits = digits.str.replace(figures.MINUS, "-", literal=True)
    if mark == ",":
        digits = digits.str.replace(",", ".", literal=True)
    value = pl.when(fits).then(digits).cast(pl.Float64, strict=False)
    value = pl.when(blank).then(0.0).otherwise(value) * export.mapping.times.get(name, 1.0)
    return pl.struct(value=value, readable=value.is_not_null()).alias(name)

"""A row of an export is an hour or a day: what is longer is refused, or a month would be a day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autonomy.errors import ExportError
from autonomy.imports import dates
from autonomy.imports.columns import (
    BY_DAY,
    end_of,
    is_longer_than_a_day,
    is_perhaps_the_campaigns,
)
from autonomy.imports.totals import TOTAL

if TYPE_CHECKING:
    import polars as pl

    from autonomy.imports.export import Export


def no_day(columns: dict[str, str], header: Sequence[str]) -> str | None:
    """What to do where no column is a day or an hour; None: there is one."""
    times = [columns[name] for name in ("bucket", "date") if name in columns]
    longer = [name for name in times[:1] or header if is_longer_than_a_day(name)]
    if times and not longer:
        return None
    told = f" {longer[0]!r} holds more than a day." if longer else ""
    return f"has no column for the day.{told} {BY_DAY}"


def ends_of(
    samples: dict[str, list[str]], columns: dict[str, str], header: Sequence[str]
) -> str | None:
    """The column of the rows' ends, where there is one."""
    start = columns.get("bucket") or columns["date"]
    ends = end_of(header, start)
    if ends is None or not is_perhaps_the_campaigns(start, ends):
        return ends
    # One end for several days of a campaign is the campaign's.
    names = samples.get(columns.get("campaign", ""), [""] * len(samples[start]))
    days: dict[tuple[str, str], str] = {}
    for name, day, end in zip(names, samples[start], samples[ends], strict=False):
        if days.setdefault((name, end), day) != day:
            return None
    return ends


def days_of(export: Export, frame: pl.DataFrame) -> pl.Expr:
    """How many days a row covers; none where its end cannot be read."""
    import polars as pl

    column = export.starts
    spans = {text: export.dates.span(text) for text in frame[column].unique()}
    first = replaced(column, {text: span and span[0] for text, span in spans.items()}, pl.Date)
    if export.ends is None:
        last = replaced(column, {text: span and span[1] for text, span in spans.items()}, pl.Date)
        return ((last - first).dt.total_days() + 1).alias("days")
    spans = {text: export.dates.span(text) for text in frame[export.ends].unique()}
    last = replaced(export.ends, {text: span and span[1] for text, span in spans.items()}, pl.Date)
    # Midnight of a later day is the end of the day before.
    early = pl.col(export.ends).is_in([text for text in spans if dates.is_midnight(text)])
    return ((last - first).dt.total_days() + 1 - (early & (last > first)).cast(pl.Int64)).alias(
        "days"
    )


def refuse_longer(export: Export, frame: pl.DataFrame, shaped: pl.DataFrame) -> None:
    """One row that is longer than a day says that the export is not by day; a total may be."""
    import polars as pl

    longer = shaped.filter(
        (pl.col("days") > 1) & (pl.col("total") != TOTAL) & (pl.col("shape") == "")
    )
    if not longer.height:
        return
    line, days = longer.select("line", "days").row(0)
    (row,) = frame.filter(pl.col("line") == line).iter_rows(named=True)
    times = f"{export.starts!r} {row[export.starts]}"
    if export.ends is not None:
        times += f" to {export.ends!r} {row[export.ends]}"
    raise ExportError(
        f"{export.path}: row {line} covers {days} days ({times}); a row must be one day or one"
        f" hour. {BY_DAY}"
    )


def replaced(column: str, known: dict[str, Any], kind: Any) -> pl.Expr:
    """The column's texts as what they mean."""
    import polars as pl

    given = {text: value for text, value in known.items() if value is not None}
    if not given:
        return pl.lit(None, dtype=kind)
    return pl.col(column).replace_strict(
        list(given), list(given.values()), default=None, return_dtype=kind
    )

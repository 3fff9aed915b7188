"""The rows of a slice as they are meant: numbers, moments, words read; total rows marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autonomy.imports import dates, periods, revenue, totals, words
from autonomy.imports import numbers as figures
from autonomy.imports.columns import COUNTS, MONEY
from autonomy.imports.export import Export
from autonomy.imports.names import CODES
from autonomy.imports.periods import replaced
from autonomy.imports.row_checks import sift

if TYPE_CHECKING:
    import polars as pl

SHAPE = "what is wrong with its shape"  # no file has a column of that name
_MOST_NOTES = 20
_DAILY = "is the budget a day's?"


def clean(export: Export, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a slice that can be used; `total` says which may be a sum of others."""
    import polars as pl

    frame = frame.with_columns(pl.col(pl.String).fill_null("").str.strip_chars())
    columns = export.columns
    frame = _with_sorts(export, frame)

    def text(name: str) -> pl.Expr:
        if name in columns:
            return pl.col(columns[name])
        return pl.lit(export.mapping.constants.get(name, ""))

    def named(name: str) -> pl.Expr:
        return pl.when(text(name).is_in(blank)).then(pl.lit("")).otherwise(text(name))

    valued = columns.get(export.mapping.reckons or "revenue")
    blank = list(figures.BLANK)
    shaped = frame.select(
        pl.col("line"),
        pl.col(SHAPE).alias("shape"),
        named("campaign").alias("campaign"),
        named("campaign_id").alias("campaign_id"),
        text("account").alias("account"),
        _status(export, frame),
        *_currency(export, frame),
        text("time_zone").alias("time_zone"),
        *_moment(export, frame),
        periods.days_of(export, frame),
        *(_number(export, frame, name) for name in (*COUNTS, *MONEY, "roas")),
        named("budget").alias("budget_text"),
        pl.col(_DAILY).alias("daily"),
        (pl.lit(False) if valued is None else ~pl.col(valued).is_in(blank)).alias("is_valued"),
    )
    if export.mapping.reckons and valued is not None:
        percent = "%" in valued or frame[valued].str.contains("%")
        shaped = shaped.with_columns(revenue.reckoned(export.mapping, shaped, percent))
    shaped = shaped.with_columns(totals.marks(columns, export.starts, frame, shaped))
    periods.refuse_longer(export, frame, shaped)
    return sift(export.tally, shaped.drop("roas"))


def _with_sorts(export: Export, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with whether each budget is a day's; `10.00/day` without its sort."""
    import polars as pl

    column, sort = export.columns.get("budget"), export.columns.get("budget_type")
    daily = pl.lit(True)
    if sort:
        sorts = {text: words.is_daily(text) for text in frame[sort].unique()}
        daily = replaced(sort, sorts, pl.Boolean).fill_null(False)
        _say_once(export, "sort of budget", [text for text, day in sorts.items() if day is None])
    if shared := export.columns.get("budget_shared"):
        alone = [text for text in frame[shared].unique() if not words.is_said(text)]
        daily &= pl.col(shared).is_in(alone)
    if column and frame[column].str.contains(r"[^\W\d_]").any():
        told = {text: words.budget_with_its_sort(text) for text in frame[column].unique()}
        days = {text: words.is_daily(said) for text, (_, said) in told.items() if said}
        daily &= replaced(column, days, pl.Boolean).fill_null(True)
        amount = pl.col(column).replace({text: amount for text, (amount, _) in told.items()})
        return frame.with_columns(daily.alias(_DAILY), amount)
    return frame.with_columns(daily.alias(_DAILY))


def _status(export: Export, frame: pl.DataFrame) -> pl.Expr:
    """`active`, `paused` or nothing; a word that is not known must not set a campaign going."""
    import polars as pl

    column = export.columns.get("status")
    if column is None:
        return pl.lit(words.state_of(export.mapping.constants.get("status", ""))).alias("status")
    states = {text: words.state_of(text) for text in frame[column].unique()}
    unknown = [text for text, state in states.items() if state is None]
    _say_once(export, "status (taken as paused)", unknown)
    return replaced(column, states, pl.String).fill_null("paused").alias("status")


def _say_once(export: Export, what: str, unknown: Sequence[str]) -> None:
    for text in sorted(unknown):
        sentence = f"{text!r} is not known as a {what}."
        if sentence not in export.look.notes and len(export.look.notes) < _MOST_NOTES:
            export.look.notes.append(sentence)


def _currency(
    export: Export, frame: pl.DataFrame
) -> tuple[pl.Series | pl.Expr, pl.Series | pl.Expr]:
    """The currency of each row, and whether spend and revenue are in two."""
    import polars as pl

    columns = export.columns
    beside = [
        figures.currency_in(frame[columns[name]])
        for name in ("spend", "revenue")
        if name in columns
    ]
    stated = pl.lit(export.mapping.constants.get("currency", ""))
    if "currency" in columns:
        stated = pl.col(columns["currency"])
    spent = beside[0] if beside else None
    came = beside[1] if len(beside) > 1 else None
    two: pl.Series | pl.Expr = pl.lit(False)
    if spent is not None and came is not None:
        two = spent.is_in(CODES) & came.is_in(CODES) & (spent != came)
    if spent is not None:
        # A sign of several says nothing beside a column's name: Spend (USD) of $5.
        said = spent if not export.currencies else spent.set(~spent.is_in(CODES), "")
        stated = pl.when(stated == "").then(said).otherwise(stated)
    return stated.alias("currency"), two.alias("two_currencies")


def _moment(export: Export, frame: pl.DataFrame) -> list[pl.Expr | pl.Series]:
    """`moment` is local time without a zone, `zoned` an instant where the file states an offset."""
    import polars as pl

    columns = export.columns
    if "bucket" in columns:
        known = {text: export.dates.moment(text) for text in frame[columns["bucket"]].unique()}
        plain = {text: at for text, at in known.items() if at and at.tzinfo is None}
        zoned = {text: at for text, at in known.items() if at and at.tzinfo is not None}
        return [
            replaced(columns["bucket"], plain, pl.Datetime("us")).alias("moment"),
            replaced(columns["bucket"], zoned, pl.Datetime("us", "UTC")).alias("zoned"),
        ]
    days = {text: export.dates.read(text) for text in frame[columns["date"]].unique()}
    moment = replaced(columns["date"], days, pl.Date).cast(pl.Datetime("us"))
    if "hour" in columns:
        hours = {text: dates.read_hour(text) for text in frame[columns["hour"]].unique()}
        moment += pl.duration(hours=replaced(columns["hour"], hours, pl.Int64))
    return [moment.alias("moment"), pl.lit(None, pl.Datetime("us", "UTC")).alias("zoned")]


def _number(export: Export, frame: pl.DataFrame, name: str) -> pl.Series | pl.Expr:
    """A struct of the value (0 where blank) and how the text could be read."""
    import polars as pl

    if name not in export.columns:
        none, no = pl.lit(None, pl.Float64), pl.lit(False)
        return pl.struct(value=none, readable=pl.lit(True), two_ways=no, scaled=no).alias(name)
    return figures.read(
        frame[export.columns[name]],
        export.decimal,
        export.factor(name),
        whole=name in COUNTS and name != "conversions",
        ratio=name == "roas",
    ).alias(name)

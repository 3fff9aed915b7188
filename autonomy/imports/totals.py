"""Total rows: those without a day, and those whose figures are the sum of the others.

`Total Body Workout` is a campaign: it has a day, and the other rows are not its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from autonomy.imports.words import begins_as_total, is_only_total

if TYPE_CHECKING:
    import polars as pl

NOT_TOTAL, TOTAL, PERHAPS = 0, 1, 2
_SUMMED = ("spend", "impressions", "clicks")


def marks(
    columns: Mapping[str, str], starts: str, frame: pl.DataFrame, shaped: pl.DataFrame
) -> pl.Series:
    """Of each row whether it is a total; PERHAPS: the other rows must say."""
    import polars as pl

    from autonomy.imports.numbers import BLANK

    def said(column: str, says: Callable[[str], bool]) -> pl.Series:
        known = [text for text in frame[column].unique() if says(text)]
        return frame[column].is_in(known)

    nothing = pl.Series([False]).new_from_index(0, frame.height)
    campaign = columns.get("campaign")
    begins = said(campaign, begins_as_total) if campaign else nothing
    only = said(campaign, is_only_total) if campaign else nothing
    nameless = (shaped["campaign"] == "") & (shaped["campaign_id"] == "")
    unread = shaped["moment"].is_null() & shaped["zoned"].is_null()
    day_says = said(starts, is_only_total)
    first = frame.columns[1]
    first_says = said(first, begins_as_total) if unread.any() else nothing
    no_day = unread & (day_says | frame[starts].is_in(list(BLANK)) | first_says)
    surely = no_day & (nameless | begins | first_says | day_says)
    surely |= (shaped["days"].fill_null(0) > 1) & (nameless | only)
    whole = shaped["shape"] == ""
    surely &= whole
    perhaps = whole & ~unread & (nameless | begins)
    return (
        pl.select(pl.when(surely).then(TOTAL).when(perhaps).then(PERHAPS).otherwise(NOT_TOTAL))
        .to_series()
        .alias("total")
    )


def sums_of(rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return rows.group_by("moment", "zoned").agg(
        *(pl.col(name).fill_null(0).sum() for name in _SUMMED), pl.len().alias("parts")
    )


def settled(
    held: Sequence[pl.DataFrame], sums: Sequence[pl.DataFrame]
) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """Of the rows that may be totals: the campaigns' rows, how many are totals, and those that
    are neither (a `Total` that is not the sum of the others; no name).
    """
    import polars as pl

    rows = pl.concat(held)
    bare = rows["campaign"].map_elements(
        lambda name: name == "" or is_only_total(name), return_dtype=pl.Boolean
    )
    named, unnamed = rows.filter(~bare), rows.filter(bare)
    parts = pl.concat(sums) if sums else sums_of(rows.head(0))
    found = _compared(named, parts)
    # A name is a total where each of its rows is the sum of several others.
    whole = found.group_by("campaign").agg(pl.col("is_sum").all() & (pl.col("parts") > 1).any())
    totals = whole.filter("is_sum")["campaign"]
    campaigns = named.filter(~pl.col("campaign").is_in(totals.to_list()))
    parts = pl.concat([parts, sums_of(campaigns)])
    found = _compared(unnamed, parts)
    neither = unnamed.filter(~found["is_sum"])
    return campaigns, rows.height - campaigns.height - neither.height, neither


def _compared(rows: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """The rows, in their order, with whether each is the sum of the others of its time or of all
    times, and of how many.
    """
    import polars as pl

    of_time = parts.group_by("moment", "zoned").agg(pl.all().sum())
    joined = rows.join(of_time, on=["moment", "zoned"], how="left", nulls_equal=True,
                       suffix="_sum", maintain_order="left")  # fmt: skip
    everything = {name: float(parts[name].sum() or 0) for name in _SUMMED}
    by_time = pl.all_horizontal(
        (pl.col(name).fill_null(0) - pl.col(f"{name}_sum").fill_null(0)).abs() < 0.0051
        for name in _SUMMED
    )
    of_all = pl.all_horizontal(
        (pl.col(name).fill_null(0) - everything[name]).abs() < 0.0051 for name in _SUMMED
    )
    return joined.with_columns(is_sum=by_time | of_all, parts=pl.col("parts").fill_null(0))

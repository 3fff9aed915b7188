"""Which rows of an export can be used, and what is said about the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autonomy.imports.columns import COUNTS
from autonomy.imports.totals import TOTAL
from autonomy.text import LONGEST_ACCOUNT

if TYPE_CHECKING:
    import polars as pl

_PAID = ("spend", "revenue")
_MOST_REPORTED = 200
_LARGEST = 1e11


@dataclass
class Tally:
    """What happened to the rows of one file."""

    read: int = 0
    kept: int = 0
    totals: int = 0
    valued: int = 0  # kept rows that say something of what revenue is read from
    rejected: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[int, str]] = field(default_factory=list)
    own_totals: list[tuple[int, float]] = field(default_factory=list)  # line and spend of them

    @property
    def rejected_rows(self) -> int:
        return sum(self.rejected.values())


def sift(tally: Tally, rows: pl.DataFrame) -> pl.DataFrame:
    """Keeps good rows, notes why others are not, counts odd ones."""
    import polars as pl

    totals = rows.filter(pl.col("total") == TOTAL)
    tally.totals += totals.height
    _keep_totals(tally, totals)
    rows = rows.filter(pl.col("total") != TOTAL)
    reason = pl.coalesce(
        pl.when(pl.col("shape") != "").then("shape"),
        pl.when(pl.col("moment").is_null() & pl.col("zoned").is_null()).then(
            pl.lit("the day or hour cannot be read")
        ),
        pl.when(pl.col("days").is_null() | (pl.col("days") < 1)).then(
            pl.lit("the end of its time cannot be read or lies before its start")
        ),
        pl.when(pl.col("account").str.len_chars() > LONGEST_ACCOUNT).then(
            pl.lit(f"the account's name is longer than {LONGEST_ACCOUNT} characters")
        ),
        *(
            pl.when(~pl.col(name).struct["readable"]).then(pl.lit(f"{name} is not a number"))
            for name in (*COUNTS, *_PAID)
        ),
        *(
            pl.when(pl.col(name).struct["two_ways"]).then(
                pl.lit(f"{name} may be a fraction or thousands")
            )
            for name in COUNTS
        ),
        *(
            pl.when(pl.col(name).struct["value"] < 0).then(pl.lit(f"{name} is below zero"))
            for name in (*COUNTS, "spend")
        ),
        *(
            pl.when(pl.col(name).struct["value"].abs() > _LARGEST).then(
                pl.lit(f"{name} is beyond any plausible size")
            )
            for name in (*COUNTS, *_PAID)
        ),
        pl.when(pl.col("two_currencies")).then(pl.lit("its amounts are in two currencies")),
        pl.lit(""),
    )
    rows = rows.with_columns(reason.alias("reason"))
    note(tally, rows.filter(pl.col("reason") != ""))
    rows = rows.filter(pl.col("reason") == "")
    scaled = pl.any_horizontal(pl.col(name).struct["scaled"] for name in (*COUNTS, *_PAID))
    _count(tally, rows, {"its numbers are abbreviated (K, M) and so rounded": scaled})
    good = _with_budget(tally, rows).with_columns(
        pl.col(name).struct["value"].alias(name) for name in (*COUNTS, *_PAID)
    )
    _count_odd(tally, good)
    return good.drop("days", "reason", "shape", "two_currencies", "daily")


def _with_budget(tally: Tally, rows: pl.DataFrame) -> pl.DataFrame:
    """A budget that is no number, or not a day's, is none; that is no reason to lose the row."""
    import polars as pl

    value, given = pl.col("budget").struct["value"], pl.col("budget_text") != ""
    usable = pl.col("budget").struct["readable"] & value.is_between(0, _LARGEST)
    usable &= ~pl.col("budget").struct["two_ways"]
    _count(
        tally,
        rows,
        {
            "its budget is not a number, so it is none": given & ~usable.fill_null(False),
            "its budget is not for a day, so it is none": given & usable & ~pl.col("daily"),
        },
    )
    return rows.with_columns(
        pl.when(usable & given & pl.col("daily")).then(value).alias("budget")
    ).drop("budget_text")


def _keep_totals(tally: Tally, totals: pl.DataFrame) -> None:
    """What the file says of its own sums, to be compared with what was read."""
    import polars as pl

    readable = totals.filter(pl.col("spend").struct["readable"]).head(_MOST_REPORTED)
    tally.own_totals += [
        (line, spend)
        for line, spend in readable.select("line", pl.col("spend").struct["value"]).iter_rows()
        if spend
    ]


def note(tally: Tally, bad: pl.DataFrame) -> None:
    for reason, count in bad["reason"].value_counts().iter_rows():
        tally.rejected[reason] += count
    room = _MOST_REPORTED - len(tally.examples)
    tally.examples += list(bad.head(max(0, room)).select("line", "reason").iter_rows())


def _count_odd(tally: Tally, good: pl.DataFrame) -> None:
    import polars as pl

    odd = {
        "clicks above impressions": pl.col("clicks") > pl.col("impressions"),
        "conversions above clicks": pl.col("conversions") > pl.col("clicks"),
        "revenue without spend": (pl.col("revenue") > 0) & (pl.col("spend") == 0),
        "revenue below zero (refunds)": pl.col("revenue") < 0,
    }
    _count(tally, good, odd)


def _count(tally: Tally, rows: pl.DataFrame, odd: Mapping[str, pl.Expr]) -> None:
    counts = rows.select(**{name: rule.sum() for name, rule in odd.items()}).row(0, named=True)
    tally.odd.update({name: int(count) for name, count in counts.items() if count})

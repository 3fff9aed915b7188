"""Which rows of an export can be used, and what is said about the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autonomy.imports.columns import COUNTS, MONEY
from autonomy.text import LONGEST_ACCOUNT

if TYPE_CHECKING:
    import polars as pl

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

    @property
    def rejected_rows(self) -> int:
        return sum(self.rejected.values())


def sift(tally: Tally, rows: pl.DataFrame) -> pl.DataFrame:
    """Keeps good rows, notes why others are not, counts odd ones."""
    import polars as pl

    totals = rows.filter("is_total")
    tally.totals += totals.height
    rows = rows.filter(~pl.col("is_total"))
    # Meta's total row has no name at all.
    nameless = (pl.col("campaign") == "") & (pl.col("campaign_id") == "")
    tally.totals += rows.filter(nameless).height
    rows = rows.filter(~nameless)

    reason = pl.coalesce(
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
            for name in (*COUNTS, *MONEY)
        ),
        *(
            pl.when(pl.col(name).struct["value"] < 0).then(pl.lit(f"{name} is below zero"))
            for name in (*COUNTS, "spend", "budget")
        ),
        *(
            pl.when(pl.col(name).struct["value"].abs() > _LARGEST).then(
                pl.lit(f"{name} is beyond any plausible size")
            )
            for name in (*COUNTS, *MONEY)
        ),
        pl.lit(""),
    )
    rows = rows.with_columns(reason.alias("reason"))
    _note(tally, rows.filter(pl.col("reason") != ""))
    good = rows.filter(pl.col("reason") == "").with_columns(
        pl.col(name).struct["value"].alias(name) for name in (*COUNTS, *MONEY)
    )
    _count_odd(tally, good)
    tally.valued += int(good["is_valued"].sum())
    return good.drop("is_total", "is_valued", "days", "reason")


def _note(tally: Tally, bad: pl.DataFrame) -> None:
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
    counts = good.select(**{name: rule.sum() for name, rule in odd.items()}).row(0, named=True)
    tally.odd.update({name: int(count) for name, count in counts.items() if count})

"""What was read, so that one can hold it against the file: sums, and columns that nothing read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autonomy.imports.row_checks import Tally

if TYPE_CHECKING:
    import polars as pl

_SUMMED = ("spend", "revenue", "conversions", "clicks", "impressions")
_MOST_NAMED = 40


@dataclass
class SecondLook:
    """The sums of the rows that were kept, by currency, and what there is to say of the columns."""

    rows: int = 0
    days: set[date] = field(default_factory=set)
    sums: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    round_spends: bool = True  # every spend is a whole number of ten thousands
    unread: Sequence[str] = ()
    missing: Mapping[str, str | None] = field(default_factory=dict)  # field -> guess
    notes: list[str] = field(default_factory=list)

    def add(self, kept: pl.DataFrame, currency: str) -> None:
        """`currency` is that of rows that state none."""
        import polars as pl

        self.rows += kept.height
        moment = pl.coalesce(pl.col("moment"), pl.col("zoned").dt.replace_time_zone(None))
        self.days.update(kept.select(moment.dt.date().unique()).to_series())
        self.round_spends &= not (kept["spend"] % 10_000 != 0).any()
        stated = pl.when(pl.col("currency") == "").then(pl.lit(currency)).otherwise("currency")
        exact = (pl.col(name).fill_null(0).cast(pl.Decimal(38, 6)).sum() for name in _SUMMED)
        for name, *sums in kept.group_by(stated.alias("currency")).agg(*exact).iter_rows():
            known = self.sums[name]
            for measure, value in zip(_SUMMED, sums, strict=True):
                known[measure] = known.get(measure, Decimal(0)) + value

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "days": len(self.days),
            "by_currency": {
                currency: {name: _plain(value) for name, value in sums.items()}
                for currency, sums in sorted(self.sums.items())
            },
            "columns_not_read": list(self.unread),
            "fields_not_found": dict(self.missing),
            "notes": self.notes,
        }

    def sentences(self, tally: Tally) -> list[str]:
        said = [f"  {note}" for note in self.notes]
        if self.unread:
            more = " ..." if len(self.unread) > _MOST_NAMED else ""
            said.append(f"  Not read: {', '.join(map(repr, self.unread[:_MOST_NAMED]))}{more}.")
        if self.missing:
            names = (
                f"{name} (perhaps {guess!r}: [columns] {name} = in a mapping file)"
                if guess
                else name
                for name, guess in self.missing.items()
            )
            said.append(f"  Not found: {', '.join(names)}.")
        days = f"{len(self.days):,} {'day' if len(self.days) == 1 else 'days'}"
        span = f", {min(self.days)} to {max(self.days)}" if self.days else ""
        said.append(
            f"  To compare with the file: {self.rows:,} {'row' if self.rows == 1 else 'rows'} kept,"
            f" {days}{span}."
        )
        for currency, sums in sorted(self.sums.items()):
            figures = (
                f"{name} {_money(value) if name in ('spend', 'revenue') else _count(value)}"
                for name, value in sums.items()
            )
            said.append(f"    {currency or 'no currency stated'}: {', '.join(figures)}.")
        return said + self._beside_its_own(tally)

    def _beside_its_own(self, tally: Tally) -> list[str]:
        """What the total rows of the file itself say of the spend."""
        if not tally.own_totals or len(self.sums) != 1:
            return []
        read = next(iter(self.sums.values()))["spend"]
        for line, spend in tally.own_totals:
            if abs(Decimal(str(spend)) - read) < Decimal("0.01"):
                return [f"  The file's own total (line {line}) says the same spend."]
        line, spend = max(tally.own_totals, key=lambda one: one[1])
        own = _money(Decimal(str(spend)))
        said = f"  WARNING: the file's own total (line {line}) says a spend of {own}, and not"
        return [f"{said} {_money(read)}."]


def _money(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.01')):,}"


def _count(value: Decimal) -> str:
    return f"{value.quantize(Decimal(1)) if value == value.to_integral() else value.normalize():,}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"

"""Where an export's revenue comes from: what is said where it is not found, and its reckoning."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from autonomy.imports.columns import MappingFile, find_roas
from autonomy.text import decimal

if TYPE_CHECKING:
    import polars as pl

# A few conversions may have missed their value; five without any were never measured.
WITHOUT_VALUE = """
select c.account, sum(b.conversions)::float8
from staged_buckets b
join (select distinct id, account from staged_campaigns) c on c.id = b.campaign_id
group by c.account
having sum(b.conversions) >= 5 and not coalesce(bool_or(b.revenue <> 0), false)
order by c.account
"""

_IMPLAUSIBLE = Decimal(10) ** 15  # rows beyond it are kept out


def not_found(mapping: MappingFile, columns: dict[str, str], header: Sequence[str]) -> str:
    """What could be the revenue instead: without any every campaign would look like a loser."""
    source = mapping.reckons or "revenue"
    said = f"has no column for {'ROAS' if source == 'roas' else source}"
    return f"{said}{_other_ways(columns, header) if source == 'revenue' else ''}."


def _other_ways(columns: dict[str, str], header: Sequence[str]) -> str:
    ways = ": export the report with it (Meta: Purchases conversion value; Google: Conv. value)"
    if "conversions" in columns:
        ways += "; or say what a conversion is worth: --value-per-conversion 35"
    roas = find_roas(header)
    if roas is not None:
        ways += f"; or take spend x {roas!r}: --revenue-from-roas"
    return f"{ways}; or say which column it is"


def is_empty(mapping: MappingFile, columns: dict[str, str], header: Sequence[str]) -> str:
    """No row says the revenue: that is not the same as none."""
    source = mapping.reckons or "revenue"
    name = "ROAS" if source == "roas" else source
    said = f"the {name} column {columns[source]!r} is empty"
    if source != "revenue":
        return f"{said}, so nothing says the revenue."
    return (
        f"{said}. Where nothing has come in yet, export a longer time. Else"
        f"{_other_ways(columns, header)}"
        ' in a mapping file (--map):\n\n[columns]\nrevenue = "..."'
    )


def reckoned(mapping: MappingFile, rows: pl.DataFrame, percent: pl.Series | bool) -> pl.Series:
    """Revenue as it is reckoned, in decimals: 3 x 35.35 is 106.05 and not 106.05000000000001."""
    import polars as pl

    times = Decimal(str(mapping.times.get("revenue", 1)))
    percents = [percent] * rows.height if isinstance(percent, bool) else percent
    values: list[float | None] = []
    for spend, conversions, roas, hundredth in zip(
        *(rows[name].struct["value"] for name in ("spend", "conversions", "roas")),
        percents, strict=True,
    ):  # fmt: skip
        first, second = (
            (conversions, mapping.value_per_conversion)
            if mapping.value_per_conversion is not None
            else (spend, roas)
        )
        if first is None or second is None:
            values.append(None)
            continue
        revenue = Decimal(str(first)) * Decimal(str(second)) / (100 if hundredth else 1)
        if mapping.value_per_conversion is None and abs(revenue) < _IMPLAUSIBLE:
            revenue = revenue.quantize(Decimal("0.01"), ROUND_HALF_UP)
        values.append(float(revenue * times))
    found = pl.Series("value", values, pl.Float64)
    frame = pl.DataFrame([found, found.is_not_null().alias("readable")])
    no = pl.lit(False)
    return frame.with_columns(two_ways=no, scaled=no).to_struct("revenue")


def no_value_sentence(account: str, conversions: float) -> str:
    """A warning at an import."""
    return (
        f"WARNING: the {decimal(conversions)} conversions of the account {account} carry no value:"
        " its revenue is 0 in every row. roi says nothing of it and will not be judged. Say what a"
        " conversion is worth (--value-per-conversion 35) and import it again."
    )

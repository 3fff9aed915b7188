"""Where an export's revenue comes from: what is said where it is not found, and its reckoning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from autonomy.imports.columns import MappingFile, find_roas, guess_revenue
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
    unread = [name for name in header if name.strip() and name not in columns.values()]
    name = "ROAS" if source == "roas" else source
    guess = guess_revenue(unread) if source == "revenue" else None
    said = f"has no column for {name}"
    if unread:
        said += f"; not read: {', '.join(unread[:40])}"
    if source != "revenue":
        return f'{said}. Name it in a mapping file (--map): {{"columns": {{"{source}": "..."}}}}'
    asked = "Is one of them the revenue? Name it" if unread else "Name it"
    return (
        f"{said}. {asked} in a mapping file (--map):"
        f' {{"columns": {{"revenue": {json.dumps(guess or "...", ensure_ascii=False)}}}}}'
        + _other_ways(columns, header)
    )


def _other_ways(columns: dict[str, str], header: Sequence[str]) -> str:
    ways = "; or export the report with it (Meta: Purchases conversion value; Google: Conv. value)"
    if "conversions" in columns:
        ways += "; or say what a conversion is worth: --value-per-conversion 35"
    roas = find_roas(header)
    if roas is not None:
        ways += f"; or take spend x {roas!r}: --revenue-from-roas"
    return f"{ways}."


def is_empty(mapping: MappingFile, columns: dict[str, str], header: Sequence[str]) -> str:
    """No row says the revenue: that is not the same as none."""
    source = mapping.reckons or "revenue"
    name = "ROAS" if source == "roas" else source
    said = f"the {name} column {columns[source]!r} is empty"
    if source != "revenue":
        return f"{said}, so nothing says the revenue."
    return (
        f"{said}. Where nothing has come in yet, export a longer time. Where another column is the"
        ' revenue, name it in a mapping file (--map): {"columns": {"revenue": "..."}}'
        + _other_ways(columns, header)
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
    return frame.to_struct("revenue")


def no_value_sentence(account: str, conversions: float) -> str:
    """A warning at an import."""
    return (
        f"WARNING: the {decimal(conversions)} conversions of the account {account} carry no value:"
        " its revenue is 0 in every row. roi says nothing of it and will not be judged. Say what a"
        " conversion is worth (--value-per-conversion 35) and import it again."
    )

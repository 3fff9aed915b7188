"""Where an export's revenue comes from: what is said where it is not found, and its reckoning."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from autonomy.errors import ExportError
from autonomy.imports.columns import MappingFile, find_roas
from autonomy.text import decimal

if TYPE_CHECKING:
    import polars as pl
    import psycopg

    from autonomy.imports.export import Export

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


SPEND_ONLY = (
    "WARNING: the file has neither revenue nor conversions, so every campaign in it would look like"
    " a loser. New ones are loaded for their spend, with automation switched off: switch it on"
    " (a campaign's page) once a file has brought what came in."
)

_CAME_IN = """
select count(distinct b.campaign_id), min(c.title) from staged_buckets b
join public.campaign_metrics m using (campaign_id, bucket)
join public.campaigns c on c.id = b.campaign_id
where m.revenue <> 0 or m.conversions <> 0
"""


def keep_what_came_in(connection: psycopg.Connection, export: Export) -> None:
    """A file without revenue and conversions takes none away. Raises ExportError."""
    count, title = connection.execute(_CAME_IN).fetchone() or (0, None)
    if count:
        raise ExportError(
            f"{export.path} has neither revenue nor conversions, and what came in for {title!r}"
            f"{f' and {count - 1} more' if count > 1 else ''} in that time would be lost. Export"
            " the report with them, or give another --account."
        )
    export.look.notes.append(SPEND_ONLY)


def no_value_sentence(account: str, conversions: float) -> str:
    """A warning at an import."""
    return (
        f"WARNING: the {decimal(conversions)} conversions of the account {account} carry no value:"
        " its revenue is 0 in every row. roi says nothing of it and will not be judged. Say what a"
        " conversion is worth (--value-per-conversion 35) and import it again."
    )

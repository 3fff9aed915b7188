"""What the platforms export in five languages is read to the cent, as CSV and as a spreadsheet."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonomy.imports.columns import MappingFile
from autonomy.imports.export import Export
from autonomy.imports.read_export import open_export, slices
from tests.unit.exports import SAMPLES, Sample


def read(path: Path, mapping: dict[str, Any]) -> tuple[Export, list[dict[str, Any]]]:
    with open_export(path, MappingFile.of(mapping)) as export:
        return export, [row for frame in slices(export) for row in frame.iter_rows(named=True)]


def latest(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {row["campaign"]: row[name] for row in sorted(rows, key=lambda one: str(one["moment"]))}


@pytest.mark.parametrize("sample", SAMPLES, ids=[one.name for one in SAMPLES])
def test_every_figure(tmp_path: Path, sample: Sample) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(sample.text.encode(sample.encoding))
    export, rows = read(path, sample.mapping)
    (sums,) = export.look.sums.values()
    wanted = {
        "spend": sample.spend, "revenue": sample.revenue, "conversions": sample.conversions,
        "clicks": sample.clicks, "impressions": sample.impressions,
    }  # fmt: skip
    assert sums == {name: Decimal(value) for name, value in wanted.items()}
    assert list(export.look.sums) == [sample.currency]
    assert tuple(map(str, sorted(export.look.days))) == sample.days
    assert {row["campaign"] for row in rows} == set(sample.campaigns)
    assert {k: v for k, v in latest(rows, "status").items() if k in sample.states} == sample.states
    budgets = latest(rows, "budget")
    assert {name: budgets[name] for name in sample.budgets} == sample.budgets
    assert export.tally.totals == sample.totals
    assert export.source == (sample.source or export.source)

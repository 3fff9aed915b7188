"""What the platforms export in five languages is read to the cent, as CSV and as a spreadsheet."""

from __future__ import annotations

import random
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autonomy.errors import PastError
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


ODD = (
    "", "-", '"', "\n", "\r", "\x00", "NaN", "1e400", "١٢٣", "½", "²", "()", "$", "--5", "1.2K",
    "9" * 400, "2026-02-30", "0000-00-00", "9999-12-31", "Total", "#REF!", "=1+1", "\ufeff", "😀",
    "1,2,3", "1.2.3,4", "0x1F", "100%", "May", "24:00", "2026-11-02T99:99", "1/1/1", ";", ",", "\t",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_a_file_it_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "export.csv"
    outcomes = set()
    for sample in SAMPLES:
        text = sample.text
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(text))
            cut = at + rng.choice((0, 0, rng.randint(1, 30)))
            text = text[:at] + rng.choice(ODD) + text[cut:]
        path.write_bytes(text.encode(sample.encoding, "replace"))
        try:
            export, rows = read(path, sample.mapping)
        except PastError as refusal:
            outcomes.add("refused")
            _, _, file = str(refusal).partition("\n\n")
            MappingFile.of(tomllib.loads(file))
        else:
            outcomes.add("read")
            tally = export.tally
            assert tally.kept == len(rows)
            assert tally.read == tally.kept + tally.totals + tally.rejected_rows
            assert export.look.sentences(tally)
    assert outcomes == {"read", "refused"}

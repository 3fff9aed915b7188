"""An export that was opened: what is known of it before its first row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autonomy.imports.columns import MONEY, MappingFile, currency_of, is_micros
from autonomy.imports.dates import Dates
from autonomy.imports.row_checks import Tally
from autonomy.imports.second_look import SecondLook


@dataclass
class Export:
    """One open export: what was found out about it before the first row."""

    path: Path
    text: Path
    encoding: str
    delimiter: str
    header_line: int
    header: Sequence[str]
    columns: dict[str, str]
    mapping: MappingFile
    source: str
    decimal: str
    dates: Dates
    ends: str | None = None  # the column in which a row's time ends, where there is one
    tally: Tally = field(default_factory=Tally)
    look: SecondLook = field(default_factory=SecondLook)

    @property
    def hourly(self) -> bool:
        return "hour" in self.columns or "bucket" in self.columns

    @property
    def by_whole_days(self) -> bool | None:
        """Whether its rows are whole days; None: moments, and nothing says how long each is."""
        if "bucket" in self.columns:
            return None
        return "hour" not in self.columns

    @property
    def starts(self) -> str:
        """The column of the row's day or moment."""
        return self.columns.get("bucket") or self.columns["date"]

    def factor(self, name: str) -> float:
        """What the numbers of a field are multiplied by; a factor that was said is the whole."""
        micros = name in MONEY and name in self.columns and is_micros(self.columns[name])
        return self.mapping.times.get(name, 1e-6 if micros else 1.0)

    @property
    def currencies(self) -> list[str]:
        """The currencies that the names of its columns of money state; more than one is wrong."""
        stated = (currency_of(self.columns[name]) for name in MONEY if name in self.columns)
        return list(dict.fromkeys(one for one in stated if one is not None))

    @property
    def spend_only(self) -> bool:
        """Whether it says nothing of what came in, and may: see `MappingFile.spend_only`."""
        return self.mapping.spend_only(self.columns)

    @property
    def reckoned(self) -> str | None:
        """How revenue is reckoned; None: it is read from its own column."""
        if self.mapping.reckons == "conversions":
            return f"conversions x {self.mapping.value_per_conversion:f}"
        return f"spend x {self.columns['roas']!r}" if self.mapping.reckons == "roas" else None

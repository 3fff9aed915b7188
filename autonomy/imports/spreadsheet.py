"""A spreadsheet as a CSV of its first sheet that holds a table: .xlsx, .xls, .ods.

The reader of them is an extra of the command line: without it a sentence says what to install.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from autonomy.errors import ExportError

_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_NARROWEST = 3


def is_spreadsheet(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES


def as_csv(path: Path, target: Path) -> None:
    """Raises ExportError where it cannot be read."""
    try:
        import python_calamine
    except ModuleNotFoundError as error:
        raise ExportError(
            f"{path}: python-calamine reads spreadsheets and is not installed. Install it"
            " (pip install -r requirements-import.txt), or save the sheet as CSV."
        ) from error
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (python_calamine.CalamineError, OSError) as error:
        raise ExportError(f"{path} cannot be read as a spreadsheet: {error}") from error
    tables = {name: rows for name, rows in sheets.items() if _is_table(rows)}
    if len(tables) > 1:
        raise ExportError(
            f"{path} has several sheets with a table ({', '.join(tables)}): save the one that is"
            " meant as a file of its own."
        )
    rows: Sequence[Sequence[Any]] = next(iter(tables.values()), [])
    with target.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([_text(cell) for cell in row] for row in rows)


def _is_table(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether at least two rows have three cells or more that say something."""
    wide = (row for row in rows if sum(cell != "" for cell in row) >= _NARROWEST)
    return sum(1 for _, _ in zip(range(2), wide, strict=False)) == 2


def _text(cell: Any) -> str:
    """A cell as a plain CSV has it: a point before decimals, ISO dates, midnight is a day."""
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, datetime):
        return str(cell.date()) if cell.time() == time.min else cell.isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if isinstance(cell, int | float):  # 15 digits are exact; longer ids are not, and show it
        return str(int(cell)) if cell == int(cell) and abs(cell) < 1e15 else f"{cell:.15g}"
    return str(cell)

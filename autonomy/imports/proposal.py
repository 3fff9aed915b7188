"""What may be meant by columns that nothing read, and a mapping file that says so.

A guess is printed and never taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from autonomy.errors import ExportError
from autonomy.imports.columns import MappingFile, plain_name, quoted
from autonomy.imports.dates import Dates
from autonomy.imports.names import NAMES, NOT_STEMS, RATIO, STEMS
from autonomy.imports.words import has_number, key

_STEMS = {name: re.compile(stem) for name, stem in STEMS.items()}
_NOT_STEMS = {name: re.compile(stem) for name, stem in NOT_STEMS.items()}
_RATIO = re.compile(RATIO)
_NEEDED = ("campaign", "date", "spend", "revenue")
_TABLES = ("columns", "times", "constants")
_NOT_ASKED = ("bucket", "hour", "campaign_id", "roas", "budget_type", "budget_shared", "time_zone",
              "reach")  # fmt: skip


def unread(header: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    taken = set(columns.values())
    return [name for name in dict.fromkeys(header) if name.strip() and name not in taken]


def guesses(names: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Field -> the column that sounds most like it, where there is just one."""
    wanted = set(wanted)
    alike: dict[str, list[str]] = {}
    for name in names:
        said = key(plain_name(name))
        field = next((one for one, stem in _STEMS.items() if stem.search(said)), None)
        fits = field == "roas" or not _RATIO.search(said)
        if field in wanted and fits and not _is_another(field, said):
            alike.setdefault(field, []).append(name)
    return {field: found[0] for field, found in alike.items() if len(found) == 1}


def _is_another(field: str, said: str) -> bool:
    return field in _NOT_STEMS and _NOT_STEMS[field].search(said) is not None


def not_found(columns: Mapping[str, str], mapping: MappingFile) -> list[str]:
    """The fields that a report could have and this one has not, those that decide first."""
    said = {*columns, *mapping.constants, *(("date",) if "bucket" in columns else ())}
    if mapping.reckons:
        said.add("revenue")
    asked = [*_NEEDED, *(name for name in NAMES if name not in (*_NEEDED, *_NOT_ASKED))]
    return [name for name in asked if name not in said]


def mapping_file(
    header: Sequence[str],
    columns: Mapping[str, str],
    mapping: MappingFile,
    samples: Mapping[str, Sequence[str]] | None = None,
    **also: Any,
) -> str:
    """The mapping file that the missing columns need, whole: what it says already is kept."""
    missing = not_found(columns, mapping)
    free = unread(header, columns)
    found = guesses(free, missing)
    if "date" in missing and "date" not in found and samples:
        found |= _by_content(free, samples)
    given = {one.name: getattr(mapping, one.name) for one in fields(mapping)} | also
    given["columns"] = {**mapping.columns, **found}
    lines = [
        f"{name} = {_value(value)}"
        for name, value in given.items()
        if name not in _TABLES and value is not None and value is not False
    ]
    open_ones = [name for name in _NEEDED if name in missing and name not in found]
    for table in _TABLES:
        said = [f"{_name(one)} = {_value(value)}" for one, value in given[table].items()]
        if table == "columns":
            said += [f'# {name} = "..."' for name in open_ones]
        if said:
            lines += ["", f"[{table}]", *said]
    return "\n".join(lines).strip()


def told(path: object, sentence: str, file: str, free: Sequence[str]) -> str:
    """A refusal with what was not read and the mapping file that may mend it."""
    names = f" Not read: {', '.join(free[:40])}." if free else ""
    return (
        f"{path} {sentence}{names} A mapping file says what is what: save the lines below, fill in"
        f" or mend what is wrong, and give it with --map (make run DATA=... MAP=...).\n\n{file}"
    )


def no_header(
    path: object, lines: Sequence[Sequence[str]], delimiter: str, mapping: MappingFile
) -> ExportError:
    """No line was known for one that names the columns; `lines` are the first, in cells."""
    number = _likely_header(lines)
    if number is None:
        first = delimiter.join(lines[0]).strip()[:120]
        return ExportError(
            f"{path} has no line that names the columns (campaign, day, cost ...) among its first"
            f" {len(lines)}. Its first line is: {first!r}"
        )
    header = lines[number]
    rows = [row for row in lines[number + 1 :] if len(row) == len(header)]
    samples = {name: [row[at] for row in rows] for at, name in enumerate(header)}
    file = mapping_file(header, {}, mapping, samples, skip_lines=number, delimiter=delimiter)
    sentence = (
        "has no line whose names of columns (campaign, day, cost ...) are known; the likeliest is"
        f" line {number + 1}."
    )
    return ExportError(told(path, sentence, file, unread(header, {})))


def _likely_header(lines: Sequence[Sequence[str]]) -> int | None:
    """The first line of names that is as wide as most of those after it."""
    for number, cells in enumerate(lines):
        names = [cell for cell in cells if cell.strip() and not has_number(cell)]
        after = [len(row) for row in lines[number + 1 : number + 6]]
        alike = after and sum(width == len(cells) for width in after) * 2 > len(after)
        if len(names) >= 3 and len(names) == len(cells) and alike:
            return number
    return None


def _by_content(names: Sequence[str], samples: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The only column that holds days."""
    dated = []
    for name in names:
        if _is_another("date", key(plain_name(name))):
            continue
        texts = [text.strip() for text in samples.get(name, ()) if text.strip()][:200]
        try:
            dates = Dates(texts)
        except ExportError:
            dated.append(name)  # days, though not sure which
            continue
        if texts and sum(dates.read(text) is not None for text in texts) * 5 >= len(texts) * 4:
            dated.append(name)
    return {"date": dated[0]} if len(dated) == 1 else {}


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return quoted(value) if isinstance(value, str) else str(value)

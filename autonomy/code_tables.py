"""Writes the reason codes and sentences of `engine.codes` where SQL and the reference have them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from autonomy.engine.codes import CODES, SENTENCES, Code
from autonomy.migrate import SQL_FOLDER

SQL_FILE = SQL_FOLDER / "0505_codes.sql"
REFERENCE = SQL_FOLDER.parent / "docs" / "reference.md"

_SQL = """\
-- Reason codes and sentences. Generated from autonomy/engine/codes.py (python -m autonomy sql); do
-- not edit.

set local lock_timeout = '30s';
set local statement_timeout = '15min';
set local search_path = '';
set local client_min_messages = 'warning';

create function autonomy.codes()
returns table (code text, place integer, kind text, means text, reserved boolean)
language plpgsql immutable parallel safe set search_path = '' rows 60
as $$
begin
  return query values
{codes};
end $$;
comment on function autonomy.codes() is
  'Why something is not done, in the order of the checks; means goes on after "because". Pure. '
  '[autonomous-operations]';

create function autonomy.sentences() returns table (name text, pattern text, words text[])
language plpgsql immutable parallel safe set search_path = '' rows 80
as $$
begin
  return query values
{sentences};
end $$;
comment on function autonomy.sentences() is
  'Sentences for format(), by name, with the names of the words that they take. Pure. '
  '[autonomous-operations]';
"""


def sql_text() -> str:
    """The migration that makes autonomy.codes() and autonomy.sentences()."""
    rows = [
        f"  ({_quoted(row.code)}, {at}, {_quoted(row.kind)}, {_quoted(row.means)},"
        f" {str(row.reserved).lower()})"
        for at, row in enumerate(CODES, 1)
    ]
    sentences = [
        f"  ({_quoted(name)},\n   {_wrapped(pattern)},\n   '{{{','.join(words)}}}'::text[])"
        for name, (pattern, words) in ((name, compiled(said)) for name, said in SENTENCES.items())
    ]
    return _SQL.format(codes=",\n".join(rows), sentences=",\n".join(sentences))


def compiled(template: str) -> tuple[str, list[str]]:
    """A template as format() takes it, and the names of its words in their order."""
    pattern = re.sub(r"\{\w+\}", "%s", template.replace("%", "%%"))
    return pattern, re.findall(r"\{(\w+)\}", template)


def reference_text(text: str) -> str:
    """The reference with its tables of codes written anew, between their marks."""
    holds = [row for row in CODES if row.kind in ("campaign", "size", "rule", "run")]
    failures = [row for row in CODES if row.kind == "failure" and not row.reserved]
    head = "| code | meaning | limit |\n|---|---|---|\n"
    text = _between(text, "holds", head + _rows(row for row in holds if not row.reserved))
    text = _between(
        text, "failures", "| code | meaning |\n|---|---|\n" + _rows(failures, limit=False)
    )
    reserved = ", ".join(f"`{row.code}`" for row in CODES if row.reserved)
    return _between(text, "reserved", f"Reserved, nothing raises them yet: {reserved}.\n")


def write() -> None:
    """Writes both, where they differ from what is there."""
    for path, new in (
        (SQL_FILE, sql_text()),
        (REFERENCE, reference_text(REFERENCE.read_text(encoding="utf-8"))),
    ):
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            path.write_text(new, encoding="utf-8", newline="\n")


def _rows(rows: Iterable[Code], *, limit: bool = True) -> str:
    lines = []
    for row in rows:
        limits = ", ".join(f"`{one}`" for one in row.limit.split(", ") if one)
        line = f"| `{row.code}` | {row.detail or row.means} |" + (f" {limits} |" if limit else "")
        lines.append(line.replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def _between(text: str, mark: str, new: str) -> str:
    begin, end = f"<!-- codes: {mark} -->\n", "<!-- end of codes -->"
    before, _, rest = text.partition(begin)
    if not rest:
        raise ValueError(f"{REFERENCE} has no mark {begin.strip()}")
    return before + begin + new + rest[rest.index(end) :]


def _wrapped(text: str) -> str:
    """As literals on lines of their own, which SQL reads as one."""
    lines = textwrap.wrap(text, 100, drop_whitespace=False, break_on_hyphens=False)
    return "\n   ".join(_quoted(line) for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

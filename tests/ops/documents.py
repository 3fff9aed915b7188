"""The documents as a test reads them: fenced blocks, names in backticks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
PATH = re.compile(
    r"(?:[\w.-]+/)+[\w.*-]*|[\w-]+\.(?:py|md|sql|sh|toml|txt|ya?ml)|\.[a-z][\w.-]+|Makefile"
)


class Block(NamedTuple):
    """A fenced block: its language, its text, the heading above it."""

    language: str
    text: str
    heading: str


def blocks(path: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a document, all of them or those of one language."""
    found: list[Block] = []
    lines: list[str] = []
    heading, inside = "", None
    for line in path.read_text().splitlines():
        fence = re.match(r"^ *```(\w*)", line)
        if fence and inside is None:
            inside, lines = fence[1], []
        elif fence:
            found.append(Block(str(inside), "\n".join(lines) + "\n", heading))
            inside = None
        elif inside is not None:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    assert inside is None, f"{path.name}: a fence is open"
    return [block for block in found if language in (None, block.language)]


def section(path: Path, heading: str) -> str:
    """The text below a heading, up to the next of its level or above."""
    match = re.search(rf"^(#+) {re.escape(heading)}$", path.read_text(), re.MULTILINE)
    assert match, f"{path.name} has no section {heading}"
    rest = path.read_text()[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def in_backticks(path: Path) -> list[str]:
    """What stands in backticks in a document's text, outside its fenced blocks."""
    return re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    )
